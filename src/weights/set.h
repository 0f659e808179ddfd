/*
 * A set of weights while it is being filled: private to src/weights.
 *
 * A format's open function maps nothing itself: it gets the mapping, which the set owns, and adds
 * the tensors that it finds in it. Tensors that cannot be used in place get a copy that the set
 * owns too; all copies together are limited to WC_SET_COPY_FACTOR times the bytes of the files, so
 * that no hostile file makes the program allocate much more than its own size.
 */
#ifndef WC_WEIGHTS_SET_H
#define WC_WEIGHTS_SET_H

#include "base/io.h"
#include "base/str.h"
#include "weights/weights.h"

#include <stdbool.h>

// A file of views has at most one copy of each (joined q, k, v; transposed projections); views that
// share storages may need somewhat more than the file has bytes.
#define WC_SET_COPY_FACTOR 2

struct wc_copy {
    void *bytes;
};

struct wc_weights {
    char *path;         // as the caller gave it; messages and wc_weights_path()
    const char *format; // static
    const char *origin; // static
    struct wc_map *map; // all files of the set
    char **map_path;    // their names
    size_t n_maps, cap_maps, cap_map_paths;
    struct wc_tensor_info *tensor; // unsorted until wc_set_finish()
    size_t n_tensors, cap_tensors;
    struct wc_copy *copy;
    size_t n_copies, cap_copies;
    size_t copied_bytes;
    size_t file_bytes;          // of all mappings
    struct wc_strlist meta_key; // metadata: key and value at one index
    struct wc_strlist meta_text;
    char *config_json; // NULL: none found
    char *config_path; // where it was found; NULL: in the metadata, or none
};

// Maps `path` into the set, which owns the mapping; *map is a copy to read by. Faults: those of
// wc_io_map(), "empty".
enum wc_err wc_set_map(struct wc_weights *w, const char *path, struct wc_map *map,
                       struct wc_error *err);

// Adds a tensor whose fields are checked; its name (n_name bytes, without NUL) is copied, its data
// is not. `path` is the file of the tensor.
enum wc_err wc_set_add(struct wc_weights *w, const char *path, const char *name, size_t n_name,
                       const struct wc_tensor_info *t, struct wc_error *err);

// Gives a tensor another name; the old one is released.
enum wc_err wc_set_rename(struct wc_tensor_info *t, const char *name, struct wc_error *err);

// Takes tensor i out (the last one comes into its place).
void wc_set_drop(struct wc_weights *w, size_t i);

// n_bytes of zeroed memory that the set owns. Fault "size-mismatch" when the copies would pass the
// limit.
enum wc_err wc_set_copy(struct wc_weights *w, const char *path, size_t n_bytes,
                        unsigned char **bytes, struct wc_error *err);

enum wc_err wc_set_meta(struct wc_weights *w, const char *key, const char *value,
                        struct wc_error *err);

// Sorts by name and checks the set as a whole. Faults: "missing-tensor" (no tensor at all),
// "duplicate-key", "unsupported-dtype" (a CLIP weight that is not of a floating type).
enum wc_err wc_set_sort(struct wc_weights *w, struct wc_error *err);

// Fills n_elements and n_bytes of `t` from its dtype and dimensions; false when they overflow.
bool wc_tensor_size(struct wc_tensor_info *t);

// dtype by safetensors' name; false: not one that this program reads.
bool wc_dtype_by_name(const char *name, enum wc_dtype *out);

#endif
