/*
 * From the values of a pickle to the tensors of a set: private to src/weights.
 */
#ifndef WC_WEIGHTS_TORCH_H
#define WC_WEIGHTS_TORCH_H

#include "weights/pickle.h"
#include "weights/set.h"

// A storage as its persistent id describes it; nothing is checked against the file yet.
struct wc_storage {
    enum wc_dtype dtype;
    const char *key; // not NUL-terminated
    size_t n_key;
    size_t n_elements;
    size_t view_offset; // elements; legacy files: the storage is a part of the one named by key
};

// Where a container keeps its storages: gives the bytes of one, checked to be dtype times
// n_elements long. `tensor` is the name for messages.
struct wc_storage_source {
    enum wc_err (*find)(const struct wc_storage_source *self, const struct wc_storage *storage,
                        const char *tensor, const unsigned char **data, struct wc_error *err);
    const char *path; // of the file
    void *context;
};

// Reads the persistent id of a STORAGE value. Faults: "bad-pickle", "unsupported-dtype".
enum wc_err wc_storage_read(const struct wc_pickle *p, uint32_t storage, const char *path,
                            struct wc_storage *out, struct wc_error *err);

// Finds the state dict in the pickle (bare, wrapped, or the tree of a TorchScript module) and adds
// its tensors; views that are not row-major become copies. Faults: "bad-pickle", "bad-shape",
// "size-mismatch", "unsupported-dtype", and those of the source.
enum wc_err wc_torch_collect(struct wc_weights *w, const struct wc_pickle *p,
                             const struct wc_storage_source *source, struct wc_error *err);

#endif
