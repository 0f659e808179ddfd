/*
 * The table of file formats: private to src/weights. A new format is one row in formats.c.
 */
#ifndef WC_WEIGHTS_FORMAT_H
#define WC_WEIGHTS_FORMAT_H

#include "weights/set.h"

#include <stdbool.h>
#include <stddef.h>

// What sniffing sees: the whole file, and its name for the few cases that the content leaves open.
struct wc_sniff {
    const unsigned char *data;
    size_t n;
    const char *path;
};

struct wc_format {
    const char *name; // as wc_weights_format() reports it
    bool (*sniff)(const struct wc_sniff *s);
    // Adds the tensors of a mapped file of the set.
    enum wc_err (*open)(struct wc_weights *w, const char *path, const struct wc_map *map,
                        struct wc_error *err);
};

// Maps `path` into the set and has its format's open function fill it. The set's format is that of
// the first file.
enum wc_err wc_format_open_file(struct wc_weights *w, const char *path, struct wc_error *err);

// safetensors.c
bool wc_safetensors_sniff(const struct wc_sniff *s);
bool wc_safetensors_sniff_weak(const struct wc_sniff *s);
enum wc_err wc_safetensors_open(struct wc_weights *w, const char *path, const struct wc_map *map,
                                struct wc_error *err);

// torch.c
bool wc_torch_zip_sniff(const struct wc_sniff *s);
enum wc_err wc_torch_zip_open(struct wc_weights *w, const char *path, const struct wc_map *map,
                              struct wc_error *err);
bool wc_torch_legacy_sniff(const struct wc_sniff *s);
enum wc_err wc_torch_legacy_open(struct wc_weights *w, const char *path, const struct wc_map *map,
                                 struct wc_error *err);

// Little-endian integers from unaligned bytes.
uint16_t wc_le16(const unsigned char *p);
uint32_t wc_le32(const unsigned char *p);
uint64_t wc_le64(const unsigned char *p);

#endif
