/*
 * Data sets: what there is to score, listed once by rank 0 and then sent to all.
 *
 * A listing is complete and checked: categories and items sorted by bytes, each anomalous image
 * paired with its masks or known to have none, each stray mask an error that names it. One source a
 * layout, behind the table in dataset/table.c. Faults: not-found, empty-category, unmatched-mask,
 * missing-mask, duplicate, bad-split, bad-path, not-a-file (a FIFO, device or folder called like an
 * image), bad-layout (images where the layout has none), bad-format (TIFF and others that the
 * decoder does not read). Messages hold no control characters. Not thread-safe; the result is
 * immutable.
 */
#ifndef WC_DATASET_DATASET_H
#define WC_DATASET_DATASET_H

#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

// What the user asked for (config's `dataset:` section).
struct wc_dataset_options {
    const char *name; // "mvtec", "visa", "folder", ...
    const char *root;
    const struct wc_strlist *categories; // empty: all
    // folder only; empty lists mean the defaults named in dataset/folder.c
    const struct wc_strlist *normal;
    const struct wc_strlist *anomalous;
    const struct wc_strlist *references;
    const char *masks;  // folder with masks, relative to root (with several categories: to each
                        // category's folder); NULL: none
    const char *object; // object name; NULL: the category's
};

enum wc_label { WC_NORMAL = 0, WC_ANOMALOUS = 1, WC_UNLABELLED = -1 };

struct wc_item {
    char *image;  // relative to the category's folder: "test/crack/000.png"
    char *path;   // to open
    char *defect; // "good", "crack", ...
    enum wc_label label;
    struct wc_strlist
        masks; // paths; empty: no mask (normal images: all pixels normal; anomalous: unknown)
};

struct wc_category {
    char *name;           // "metal_nut"
    char *object;         // from the options, or NULL: let the prompt set name it
    char *folder;         // path of the category's folder
    struct wc_item *item; // test images
    size_t n_items, cap_items;
    struct wc_item *train; // normal training images: candidates for references; label WC_NORMAL
    size_t n_train, cap_train;
    bool has_masks; // pixel metrics are possible: every anomalous image has a mask
};

struct wc_dataset {
    char *name;
    char *root;
    struct wc_category *category;
    size_t n_categories, cap_categories;
};

enum wc_err wc_dataset_list(const struct wc_dataset_options *options, struct wc_dataset *out,
                            struct wc_error *err);
void wc_dataset_release(struct wc_dataset *d);

// The known layouts, for messages and --help; *n receives the count.
const char *const *wc_dataset_names(size_t *n);

// One block of bytes for a broadcast, and back (sched).
enum wc_err wc_dataset_pack(const struct wc_dataset *d, struct wc_buf *out, struct wc_error *err);
enum wc_err wc_dataset_unpack(const char *bytes, size_t n, struct wc_dataset *out,
                              struct wc_error *err);

#endif
