/*
 * YAML (libyaml) to one tree, for configurations and prompt sets written by people.
 *
 * Anchors and aliases are refused (nothing here needs them, and they can be bombs), as are
 * duplicate keys, tags, several documents, depth above 16, more than 1 MiB of text and bytes that
 * are not UTF-8; a byte order mark at the start and any kind of line end are fine. Every node knows
 * its line and column (from 1, in characters). Errors are WC_ERR_CONFIG, "file:line:column: ...",
 * with the faults syntax, indentation, unclosed, tab, escape, key, duplicate-key, anchor, alias,
 * tag, several-documents, depth, not-utf8, control-character, byte-order-mark, too-large; a missing
 * file is not-found. Thread-safe for distinct documents.
 */
#ifndef WC_BASE_YAML_H
#define WC_BASE_YAML_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum wc_yaml_type { WC_YAML_NULL, WC_YAML_SCALAR, WC_YAML_LIST, WC_YAML_MAP };

struct wc_yaml {
    enum wc_yaml_type type; // NULL: empty, "~" or "null" without quotes
    bool quoted;            // the scalar stood in quotes (or was a block scalar): always a string
    const char *key;        // name in its map, or NULL
    const char *text;       // SCALAR: its text, NUL-terminated, without NUL bytes inside
    size_t line, column;    // of the value
    size_t key_line, key_column;
    struct wc_yaml *child; // LIST, MAP: first element, in document order
    struct wc_yaml *next;
    size_t n_children;
};

struct wc_yaml_doc; // owns the tree

enum wc_err wc_yaml_read(const char *path, struct wc_yaml_doc **doc, struct wc_error *err);
// `name` stands for the file in messages ("--set").
enum wc_err wc_yaml_parse(const char *name, const char *text, size_t n, struct wc_yaml_doc **doc,
                          struct wc_error *err);
const struct wc_yaml *
wc_yaml_root(const struct wc_yaml_doc *doc); // a NULL node for an empty document
const char *wc_yaml_name(const struct wc_yaml_doc *doc);
void wc_yaml_free(struct wc_yaml_doc **doc);

const struct wc_yaml *wc_yaml_get(const struct wc_yaml *map,
                                  const char *key); // NULL: absent or not a map

// Typed scalars (YAML 1.2 core: true/false, decimal integers, floats); false when it is something
// else.
bool wc_yaml_bool(const struct wc_yaml *v, bool *out);
bool wc_yaml_i64(const struct wc_yaml *v, int64_t *out);
bool wc_yaml_f64(const struct wc_yaml *v, double *out);

#endif
