/*
 * DAGM 2007 (Weakly Supervised Learning for Industrial Optical Inspection; ten classes):
 *
 *     ROOT/Class1/Train/0001.PNG   ROOT/Class1/Test/0002.PNG ROOT/Class1/Test/Label/0002_label.PNG
 *
 * An image is anomalous if it has a label, an ellipse around the defect. Training images with a
 * label are no references and are left out.
 */
#include "dataset/layout.h"

#include "base/alloc.h"

#include <string.h>

#define MASK_SUFFIX "_label"

// Labels of PART's images, as stems of these: "0576_label.PNG" -> "0576".
static enum wc_err read_labels(const struct wc_category *c, const char *part,
                               struct wc_strlist *stems, struct wc_error *err) {
    struct wc_strlist names = {0};
    char *folder = NULL;
    WC_TRY(wc_ds_join3(&folder, c->folder, part, "Label", err));
    enum wc_err rc = wc_ds_images(folder, NULL, &names, err);
    for (size_t i = 0; i < names.n && rc == WC_OK; i++) {
        size_t n = wc_ds_stem(names.item[i]), n_suffix = strlen(MASK_SUFFIX);
        if (n > n_suffix && strncmp(names.item[i] + n - n_suffix, MASK_SUFFIX, n_suffix) == 0)
            n -= n_suffix;
        rc = wc_strlist_addn(stems, names.item[i], n, err);
    }
    wc_strlist_sort(stems);
    wc_strlist_release(&names);
    wc_free(folder);
    return rc;
}

// Adds those images of PART whose having a label is `labelled`.
static enum wc_err add_images(struct wc_category *c, const char *part, bool train, bool labelled,
                              const struct wc_strlist *stems, struct wc_error *err) {
    struct wc_strlist names = {0};
    char *folder = NULL;
    WC_TRY(wc_ds_join(&folder, c->folder, part, err));
    enum wc_err rc = wc_ds_images(folder, "Label", &names, err);
    for (size_t i = 0; i < names.n && rc == WC_OK; i++) {
        char *image = NULL;
        char *stem = wc_strndup(names.item[i], wc_ds_stem(names.item[i]));
        if (!stem)
            rc = WC_FAIL(err, WC_ERR_NOMEM, "listing images: out of memory");
        if (rc == WC_OK)
            rc = wc_ds_join(&image, part, names.item[i], err);
        if (rc == WC_OK && wc_ds_sorted_has(stems, stem) == labelled)
            rc = wc_ds_add(c, train, image, labelled ? "defect" : "good",
                           labelled ? WC_ANOMALOUS : WC_NORMAL, NULL, err);
        wc_free(stem);
        wc_free(image);
    }
    wc_strlist_release(&names);
    wc_free(folder);
    return rc;
}

static enum wc_err fill(struct wc_category *c, struct wc_ds_unpaired *u, struct wc_error *err) {
    struct wc_strlist test = {0}, train = {0};
    enum wc_err rc = read_labels(c, "Test", &test, err);
    if (rc == WC_OK)
        rc = add_images(c, "Test", false, false, &test, err);
    size_t first = c->n_items;
    if (rc == WC_OK)
        rc = add_images(c, "Test", false, true, &test, err);
    if (rc == WC_OK)
        rc = wc_ds_pair(c, first, "Test/Label", MASK_SUFFIX, true, u, err);
    if (rc == WC_OK && wc_ds_has_dir(c->folder, "Train")) {
        rc = read_labels(c, "Train", &train, err);
        if (rc == WC_OK)
            rc = add_images(c, "Train", true, false, &train, err);
    }
    wc_strlist_release(&test);
    wc_strlist_release(&train);
    return rc;
}

static enum wc_err add_category(const char *name, const struct wc_dataset_options *options,
                                struct wc_dataset *out, struct wc_error *err) {
    struct wc_ds_unpaired u = {0};
    struct wc_category *c = NULL;
    char *folder = NULL;
    enum wc_err rc = wc_ds_join(&folder, options->root, name, err);
    if (rc == WC_OK)
        rc = wc_ds_add_category(out, options, name, folder, &c, err);
    if (rc == WC_OK && wc_ds_has_dir(folder, "Test"))
        rc = fill(c, &u, err);
    if (rc == WC_OK)
        rc = wc_ds_check_unpaired(out, c, &u, err);
    wc_ds_unpaired_release(&u);
    wc_free(folder);
    return rc;
}

enum wc_err wc_ds_list_dagm(const void *detail, const struct wc_dataset_options *options,
                            struct wc_dataset *out, struct wc_error *err) {
    (void)detail;
    static const char *const markers[] = {"Test", "Train", NULL};
    struct wc_strlist names = {0};
    enum wc_err rc = wc_ds_find_categories(options, options->root, markers, &names, err);
    for (size_t i = 0; i < names.n && rc == WC_OK; i++)
        rc = add_category(names.item[i], options, out, err);
    wc_strlist_release(&names);
    return rc;
}
