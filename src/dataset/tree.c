/*
 * Trees in the manner of MVTec AD (Bergmann et al., CVPR 2019), each a row of table.c:
 *
 *     CATEGORY/train/good/000.png
 *     CATEGORY/test/good/000.png           CATEGORY/test/crack/000.png
 *     CATEGORY/ground_truth/crack/000_mask.png
 */
#include "dataset/layout.h"

#include "base/alloc.h"
#include "base/io.h"

#include <string.h>

#define MASK_SUFFIX "_mask"

static enum wc_err add_train(const struct wc_ds_tree *t, struct wc_category *c,
                             struct wc_error *err) {
    if (wc_ds_has_dir(c->folder, t->train))
        return wc_ds_add_folder(c, true, t->train, NULL, "good", WC_NORMAL, err);
    char *parent = wc_path_dir(t->train);
    if (!parent)
        return WC_FAIL(err, WC_ERR_NOMEM, "listing training images: out of memory");
    bool elsewhere = wc_ds_has_dir(c->folder, parent);
    wc_free(parent);
    if (elsewhere)
        return WC_FAULT(err, WC_ERR_DATA, "bad-layout",
                        "%s: no folder %s, where training images are expected", c->folder,
                        t->train);
    return WC_OK; // zero-shot needs none
}

// One folder under `test`: its images, and its masks when the category has any.
static enum wc_err add_defect(const struct wc_ds_tree *t, struct wc_category *c, const char *defect,
                              bool has_truth, struct wc_ds_unpaired *u, struct wc_error *err) {
    bool normal = strcmp(defect, t->normal) == 0;
    size_t first = c->n_items;
    char *images = NULL, *masks = NULL;
    enum wc_err rc = wc_ds_join(&images, t->test, defect, err);
    if (rc == WC_OK)
        rc = wc_ds_join(&masks, t->truth, defect, err);
    if (rc == WC_OK)
        rc = wc_ds_add_folder(c, false, images, NULL, normal ? "good" : defect,
                              normal ? WC_NORMAL : WC_ANOMALOUS, err);
    if (rc == WC_OK && has_truth)
        rc = t->mask_folders ? wc_ds_pair_folders(c, first, masks, !normal, u, err)
                             : wc_ds_pair(c, first, masks, MASK_SUFFIX, !normal, u, err);
    wc_free(images);
    wc_free(masks);
    return rc;
}

// Is `name`, found under `test`, the folder of masks (MVTec AD 2 keeps it there)?
static bool is_truth(const struct wc_ds_tree *t, const char *name) {
    size_t n = strlen(t->test);
    return strncmp(t->truth, t->test, n) == 0 && t->truth[n] == '/' &&
           strcmp(t->truth + n + 1, name) == 0;
}

static enum wc_err add_tests(const struct wc_ds_tree *t, struct wc_category *c, const char *folder,
                             struct wc_ds_unpaired *u, struct wc_error *err) {
    struct wc_strlist names = {0};
    bool has_truth = wc_ds_has_dir(c->folder, t->truth);
    enum wc_err rc = wc_io_list(folder, false, &names, err);
    for (size_t i = 0; i < names.n && rc == WC_OK; i++) {
        const char *name = names.item[i];
        if (wc_ds_has_dir(folder, name) && !is_truth(t, name))
            rc = add_defect(t, c, name, has_truth, u, err);
        else if (wc_ds_is_image(name))
            rc = WC_FAULT(err, WC_ERR_DATA, "bad-layout",
                          "%s/%s: expected in a folder that tells its kind: %s/%s or %s/DEFECT",
                          folder, name, t->test, t->normal, t->test);
    }
    wc_strlist_release(&names);
    return rc;
}

// Masks of defects that `test` does not have.
static enum wc_err add_strays(const struct wc_ds_tree *t, struct wc_category *c, const char *folder,
                              struct wc_ds_unpaired *u, struct wc_error *err) {
    struct wc_strlist names = {0};
    enum wc_err rc = wc_ds_folders(folder, &names, err);
    for (size_t i = 0; i < names.n && rc == WC_OK; i++) {
        char *images = NULL, *masks = NULL;
        rc = wc_ds_join(&images, t->test, names.item[i], err);
        if (rc == WC_OK)
            rc = wc_ds_join(&masks, t->truth, names.item[i], err);
        if (rc == WC_OK && !wc_ds_has_dir(c->folder, images))
            rc = wc_ds_stray(c, masks, u, err);
        wc_free(images);
        wc_free(masks);
    }
    wc_strlist_release(&names);
    return rc;
}

static enum wc_err fill(const struct wc_ds_tree *t, struct wc_category *c, struct wc_ds_unpaired *u,
                        struct wc_error *err) {
    char *test = NULL, *truth = NULL;
    enum wc_err rc = add_train(t, c, err);
    if (rc == WC_OK)
        rc = wc_ds_join(&test, c->folder, t->test, err);
    if (rc == WC_OK)
        rc = wc_ds_join(&truth, c->folder, t->truth, err);
    if (rc == WC_OK && wc_io_is_dir(test))
        rc = add_tests(t, c, test, u, err);
    if (rc == WC_OK && wc_io_is_dir(truth))
        rc = add_strays(t, c, truth, u, err);
    for (size_t i = 0; t->unlabelled && t->unlabelled[i] && rc == WC_OK; i++)
        if (wc_ds_has_dir(c->folder, t->unlabelled[i]))
            rc = wc_ds_add_folder(c, false, t->unlabelled[i], NULL, t->unlabelled[i], WC_UNLABELLED,
                                  err);
    wc_free(test);
    wc_free(truth);
    return rc;
}

static enum wc_err add_category(const struct wc_ds_tree *t, const char *root, const char *name,
                                const struct wc_dataset_options *options, struct wc_dataset *out,
                                struct wc_error *err) {
    struct wc_ds_unpaired u = {0};
    struct wc_category *c = NULL;
    char *folder = NULL;
    enum wc_err rc = wc_ds_join(&folder, root, name, err);
    if (rc == WC_OK)
        rc = wc_ds_add_category(out, options, name, folder, &c, err);
    if (rc == WC_OK)
        rc = fill(t, c, &u, err);
    if (rc == WC_OK)
        rc = wc_ds_check_unpaired(out, c, &u, err);
    wc_ds_unpaired_release(&u);
    wc_free(folder);
    return rc;
}

enum wc_err wc_ds_list_tree_at(const struct wc_ds_tree *t, const char *root,
                               const struct wc_dataset_options *options, struct wc_dataset *out,
                               struct wc_error *err) {
    struct wc_strlist names = {0};
    const char *const markers[] = {t->test, t->train, NULL};
    enum wc_err rc = wc_ds_find_categories(options, root, markers, &names, err);
    for (size_t i = 0; i < names.n && rc == WC_OK; i++)
        rc = add_category(t, root, names.item[i], options, out, err);
    wc_strlist_release(&names);
    return rc;
}

enum wc_err wc_ds_list_tree(const void *tree, const struct wc_dataset_options *options,
                            struct wc_dataset *out, struct wc_error *err) {
    return wc_ds_list_tree_at(tree, options->root, options, out, err);
}
