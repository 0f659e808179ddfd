/*
 * Around a weight file: folders that hold one, shards that make up one, the configuration beside
 * it. Private to src/weights.
 */
#ifndef WC_WEIGHTS_HUB_H
#define WC_WEIGHTS_HUB_H

#include "weights/format.h"

// The file to open for `path`: itself, or for a folder (a model's, or a hub cache's
// models--NAME with snapshots/REVISION) the preferred weight file in it. *file is allocated. Fault:
// "not-a-file" when the folder holds none.
enum wc_err wc_hub_resolve(const char *path, char **file, struct wc_error *err);

// An index of shards (*.index.json). Faults: "bad-header", "bad-entry-name", "missing-shard",
// "missing-tensor", "unknown-format" (another JSON text), and those of the shards.
bool wc_hub_index_sniff(const struct wc_sniff *s);
enum wc_err wc_hub_index_open(struct wc_weights *w, const char *path, const struct wc_map *map,
                              struct wc_error *err);

// Fills config_json of the set, for the weights in `file`; finding none is no error.
enum wc_err wc_hub_find_config(struct wc_weights *w, const char *file, struct wc_error *err);

#endif
