/*
 * Private to dataset: what a layout is, and the pieces that layouts are built from.
 *
 * A layout turns a folder on disk into categories by calling wc_ds_* below; everything that holds
 * for all layouts (sorting, duplicates, empty categories, has_masks) is done once, in table.c.
 *
 * A layout that fails may leave a half-built data set behind; table.c releases it.
 */
#ifndef WC_DATASET_LAYOUT_H
#define WC_DATASET_LAYOUT_H

#include "dataset/dataset.h"

struct wc_ds_layout {
    const char *name;
    // Adds categories to `out`, whose name and root are set. `detail` is the entry's own, below.
    enum wc_err (*list)(const void *detail, const struct wc_dataset_options *options,
                        struct wc_dataset *out, struct wc_error *err);
    const void *detail; // what tells this layout from others with the same `list`, or NULL
};

// A tree in the manner of MVTec AD: CATEGORY/TRAIN/x, CATEGORY/TEST/DEFECT/x,
// CATEGORY/TRUTH/DEFECT/x.
struct wc_ds_tree {
    const char *train; // normal training images
    const char *test;
    const char *truth;
    const char *normal;            // the folder under `test` that is not a defect
    bool mask_folders;             // TRUTH/DEFECT/STEM/ *.png, several masks an image
    const char *const *unlabelled; // folders of images whose labels are withheld; NULL-terminated
};

enum wc_err wc_ds_list_tree(const void *tree, const struct wc_dataset_options *options,
                            struct wc_dataset *out, struct wc_error *err);
enum wc_err wc_ds_list_visa(const void *tree, const struct wc_dataset_options *options,
                            struct wc_dataset *out, struct wc_error *err);
enum wc_err wc_ds_list_folder(const void *detail, const struct wc_dataset_options *options,
                              struct wc_dataset *out, struct wc_error *err);
enum wc_err wc_ds_list_csv(const void *detail, const struct wc_dataset_options *options,
                           struct wc_dataset *out, struct wc_error *err);
enum wc_err wc_ds_list_dagm(const void *detail, const struct wc_dataset_options *options,
                            struct wc_dataset *out, struct wc_error *err);
enum wc_err wc_ds_list_real_iad(const void *detail, const struct wc_dataset_options *options,
                                struct wc_dataset *out, struct wc_error *err);

// The same as wc_ds_list_tree(), with categories under `root` instead of under the options' root.
enum wc_err wc_ds_list_tree_at(const struct wc_ds_tree *tree, const char *root,
                               const struct wc_dataset_options *options, struct wc_dataset *out,
                               struct wc_error *err);

// Labels in words, as people name folders and columns ("good", "OK", "ng", ...); false when the
// word is not known. ASCII case does not matter.
bool wc_ds_label_of(const char *word, enum wc_label *label);

// A split in a CSV file: one line an image, columns image, label, split, mask, category (or object)
// and defect.
struct wc_ds_split {
    const char *file;     // the CSV file
    const char *root;     // its paths are relative to this folder
    bool below_category;  // each path begins with its category, whose folder is ROOT/CATEGORY
    const char *category; // for tables without that column; NULL: the column must be there
    const char *bad;      // defect of an anomalous image when there is no such column
};
enum wc_err wc_ds_list_split(const struct wc_ds_split *split,
                             const struct wc_dataset_options *options, struct wc_dataset *out,
                             struct wc_error *err);

// ---- table.c ----

// Sorts both lists of a category and refuses an image that is in both: fault "bad-split".
enum wc_err wc_ds_check_disjoint(struct wc_category *c, const char *where, struct wc_error *err);

// ---- items.c ----

// The last part of a path without trailing slashes; "images" where that is no name ("/", "..").
enum wc_err wc_ds_base_name(char **out, const char *path, struct wc_error *err);

// Every category that was asked for must be in `d`: fault "not-found".
enum wc_err wc_ds_check_wanted(const struct wc_dataset *d, const struct wc_dataset_options *options,
                               const char *where, struct wc_error *err);

// Paths: joins of two and three parts; *out is allocated.
enum wc_err wc_ds_join(char **out, const char *a, const char *b, struct wc_error *err);
enum wc_err wc_ds_join3(char **out, const char *a, const char *b, const char *c,
                        struct wc_error *err);

// Is the joined path a folder?
bool wc_ds_has_dir(const char *a, const char *b);

// Refuses what could leave its root: absolute paths and ".." components, and empty paths. Fault
// "bad-path"; `where` says who names it.
enum wc_err wc_ds_check_path(const char *path, const char *where, struct wc_error *err);

// Refuses what is no single folder name ("", ".", "..", with a slash). Fault "bad-path".
enum wc_err wc_ds_check_name(const char *name, const char *where, struct wc_error *err);

// Regular file? Faults "not-found" and "not-a-file" (FIFO, device, folder).
enum wc_err wc_ds_check_file(const char *path, struct wc_error *err);

// Does the extension say that it is an image (png jpg jpeg bmp, any case)?
bool wc_ds_is_image(const char *name);

// Names of the image files in a folder, sorted. Sub-folders other than `allowed` (may be NULL) are
// the fault "bad-layout", image formats that the program cannot read "bad-format"; files that are
// no images are passed over.
enum wc_err wc_ds_images(const char *folder, const char *allowed, struct wc_strlist *names,
                         struct wc_error *err);

// Names of the sub-folders of a folder, sorted.
enum wc_err wc_ds_folders(const char *folder, struct wc_strlist *names, struct wc_error *err);

// The categories to list: those asked for, each of which must be a folder of `root`; or else each
// sub-folder of root that holds one of the `markers` (paths below it, NULL-terminated) or nothing.
enum wc_err wc_ds_find_categories(const struct wc_dataset_options *options, const char *root,
                                  const char *const *markers, struct wc_strlist *names,
                                  struct wc_error *err);

// Is `name` among the categories that were asked for (all, when none were named)?
bool wc_ds_wanted(const struct wc_dataset_options *options, const char *name);

// Appends a category; *out stays valid until the next call.
enum wc_err wc_ds_add_category(struct wc_dataset *d, const struct wc_dataset_options *options,
                               const char *name, const char *folder, struct wc_category **out,
                               struct wc_error *err);

// Appends a test image (or, with `train`, a training image); `image` is relative to the category's
// folder and must be a regular file. *out (may be NULL) stays valid until the next call.
enum wc_err wc_ds_add(struct wc_category *c, bool train, const char *image, const char *defect,
                      enum wc_label label, struct wc_item **out, struct wc_error *err);

// Appends all images of a folder below the category's; `allowed` as in wc_ds_images().
enum wc_err wc_ds_add_folder(struct wc_category *c, bool train, const char *folder,
                             const char *allowed, const char *defect, enum wc_label label,
                             struct wc_error *err);

// Appends a mask to an item; `mask` is relative to the category's folder.
enum wc_err wc_ds_add_mask(const struct wc_category *c, struct wc_item *item, const char *mask,
                           struct wc_error *err);

// ---- masks.c ----

// What pairing left over in one category, as paths relative to its folder.
struct wc_ds_unpaired {
    struct wc_strlist images; // anomalous images without a mask
    struct wc_strlist masks;  // masks without an image
};
void wc_ds_unpaired_release(struct wc_ds_unpaired *u);

// Pairs the test images [first, n_items) of a category with the masks in `folder` (relative to the
// category's) by stem, with or without `suffix` after the mask's. With `keep` false masks of those
// images are known but dropped, and images without one are no fault: normal images. A folder that
// does not exist holds no masks.
enum wc_err wc_ds_pair(struct wc_category *c, size_t first, const char *folder, const char *suffix,
                       bool keep, struct wc_ds_unpaired *u, struct wc_error *err);

// The same for folders of masks: FOLDER/STEM/ *.png.
enum wc_err wc_ds_pair_folders(struct wc_category *c, size_t first, const char *folder, bool keep,
                               struct wc_ds_unpaired *u, struct wc_error *err);

// Masks in a folder that belongs to no image folder: all are left over.
enum wc_err wc_ds_stray(struct wc_category *c, const char *folder, struct wc_ds_unpaired *u,
                        struct wc_error *err);

// Faults "unmatched-mask" and "missing-mask", naming the first of both lists.
enum wc_err wc_ds_check_unpaired(const struct wc_dataset *d, const struct wc_category *c,
                                 const struct wc_ds_unpaired *u, struct wc_error *err);

// Stem of a name: all before the last dot (the whole name when there is none, or it is the first).
size_t wc_ds_stem(const char *name);

// Is the text in a list sorted by wc_strlist_sort()?
bool wc_ds_sorted_has(const struct wc_strlist *sorted, const char *s);

// Appends at most a handful of names to a message, control characters escaped: "a, b and 7 more".
void wc_ds_put_names(struct wc_buf *b, const struct wc_strlist *names);

#endif
