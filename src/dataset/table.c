#include "dataset/layout.h"

#include "base/alloc.h"
#include "base/io.h"

#include <stdlib.h>
#include <string.h>

static const struct wc_ds_tree mvtec = {"train/good", "test", "ground_truth", "good", false, NULL};
static const struct wc_ds_tree btad = {"train/ok", "test", "ground_truth", "ok", false, NULL};
static const struct wc_ds_tree loco = {"train/good", "test", "ground_truth", "good", true, NULL};
// The private test images have no published labels: they are scored, and leave metrics alone.
static const char *const ad2_private[] = {"test_private", "test_private_mixed", NULL};
static const struct wc_ds_tree ad2 = {"train/good", "test_public", "test_public/ground_truth",
                                      "good",       false,         ad2_private};

// `names` below is in the same order.
static const struct wc_ds_layout layouts[] = {
    {"mvtec", wc_ds_list_tree, &mvtec},
    {"visa", wc_ds_list_visa, &mvtec},
    {"btad", wc_ds_list_tree, &btad},
    {"mpdd", wc_ds_list_tree, &mvtec},
    {"dagm", wc_ds_list_dagm, NULL},
    {"mvtec_loco", wc_ds_list_tree, &loco},
    {"mvtec_ad2", wc_ds_list_tree, &ad2},
    {"real_iad", wc_ds_list_real_iad, NULL},
    {"dtd_synthetic", wc_ds_list_tree, &mvtec},
    {"folder", wc_ds_list_folder, NULL},
    {"csv", wc_ds_list_csv, NULL},
};
#define N_LAYOUTS (sizeof(layouts) / sizeof(layouts[0]))

static const char *const names[] = {"mvtec",         "visa",       "btad",      "mpdd",
                                    "dagm",          "mvtec_loco", "mvtec_ad2", "real_iad",
                                    "dtd_synthetic", "folder",     "csv"};
_Static_assert(sizeof(names) / sizeof(names[0]) == N_LAYOUTS, "a name for each layout");

const char *const *wc_dataset_names(size_t *n) {
    *n = N_LAYOUTS;
    return names;
}

// "dtd-synthetic" is how its authors write it: '-' and '_' are the same here.
static bool same_name(const char *a, const char *b) {
    for (; *a && *b; a++, b++)
        if ((*a == '-' ? '_' : *a) != (*b == '-' ? '_' : *b))
            return false;
    return *a == *b;
}

static const struct wc_ds_layout *find_layout(const char *name, struct wc_error *err) {
    for (size_t i = 0; i < N_LAYOUTS; i++)
        if (same_name(layouts[i].name, name))
            return &layouts[i];
    struct wc_buf known = {0};
    const char *near = wc_str_nearest(name, names, N_LAYOUTS);
    for (size_t i = 0; i < N_LAYOUTS; i++)
        wc_buf_printf(&known, "%s%s", i ? ", " : "", names[i]);
    WC_FAIL(err, WC_ERR_CONFIG, "dataset.name: \"%s\" is not known%s%s%s; known: %s", name,
            near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "",
            wc_buf_str(&known));
    wc_buf_release(&known);
    return NULL;
}

static int by_image(const void *a, const void *b) {
    const struct wc_item *x = a, *y = b;
    return strcmp(x->image, y->image);
}

static int by_name(const void *a, const void *b) {
    const struct wc_category *x = a, *y = b;
    return strcmp(x->name, y->name);
}

static enum wc_err sort_items(const struct wc_category *c, struct wc_item *item, size_t n,
                              struct wc_error *err) {
    if (n)
        qsort(item, n, sizeof(*item), by_image);
    for (size_t i = 1; i < n; i++)
        if (by_image(&item[i - 1], &item[i]) == 0)
            return WC_FAULT(err, WC_ERR_DATA, "duplicate",
                            "category \"%s\": image %s is listed twice", c->name, item[i].image);
    return WC_OK;
}

enum wc_err wc_ds_check_disjoint(struct wc_category *c, const char *where, struct wc_error *err) {
    WC_TRY(sort_items(c, c->item, c->n_items, err));
    WC_TRY(sort_items(c, c->train, c->n_train, err));
    for (size_t i = 0, j = 0; i < c->n_items && j < c->n_train;) {
        int order = by_image(&c->item[i], &c->train[j]);
        if (order == 0)
            return WC_FAULT(err, WC_ERR_DATA, "bad-split",
                            "%s: category \"%s\": image %s is in train and in test", where, c->name,
                            c->item[i].image);
        i += order < 0;
        j += order > 0;
    }
    return WC_OK;
}

// What holds for every layout. has_masks asks for one anomalous image at least: without one there
// is no pixel to find, and every pixel metric is undefined.
static enum wc_err finish(struct wc_category *c, struct wc_error *err) {
    if (!c->n_items)
        return WC_FAULT(err, WC_ERR_DATA, "empty-category",
                        "category \"%s\": no test image below %s; finish the download, or leave it "
                        "out of dataset.categories",
                        c->name, c->folder);
    WC_TRY(sort_items(c, c->item, c->n_items, err));
    WC_TRY(sort_items(c, c->train, c->n_train, err));
    size_t n_anomalous = 0, n_masked = 0;
    for (size_t i = 0; i < c->n_items; i++) {
        n_anomalous += c->item[i].label == WC_ANOMALOUS;
        n_masked += c->item[i].label == WC_ANOMALOUS && c->item[i].masks.n;
    }
    c->has_masks = n_anomalous && n_masked == n_anomalous;
    return WC_OK;
}

static enum wc_err list(const struct wc_ds_layout *layout, const struct wc_dataset_options *options,
                        struct wc_dataset *d, struct wc_error *err) {
    d->name = wc_strdup(layout->name);
    d->root = wc_strdup(options->root);
    if (!d->name || !d->root)
        return WC_FAIL(err, WC_ERR_NOMEM, "listing the data set: out of memory");
    WC_TRY(layout->list(layout->detail, options, d, err));
    for (size_t i = 0; i < d->n_categories; i++)
        WC_TRY(finish(&d->category[i], err));
    if (!d->n_categories)
        return WC_FAULT(err, WC_ERR_DATA, "empty-category", "%s: no image is listed", d->root);
    qsort(d->category, d->n_categories, sizeof(*d->category), by_name);
    return WC_OK;
}

// Names from outside may hold line breaks, which would forge lines of a log.
static void clean(struct wc_error *err) {
    for (char *s = err ? err->text : ""; *s; s++)
        if ((unsigned char)*s < 0x20 || *s == 0x7f)
            *s = '?';
}

enum wc_err wc_dataset_list(const struct wc_dataset_options *options, struct wc_dataset *out,
                            struct wc_error *err) {
    struct wc_dataset d = {0};
    const struct wc_ds_layout *layout = find_layout(options->name, err);
    if (!layout)
        return WC_ERR_CONFIG;
    if (!wc_io_exists(options->root))
        return WC_FAULT(err, WC_ERR_DATA, "not-found",
                        "dataset.root: %s: no such folder; is the path (or the variable in it) "
                        "right?",
                        options->root);
    enum wc_err rc = list(layout, options, &d, err);
    if (rc == WC_OK) {
        *out = d;
        return WC_OK;
    }
    wc_dataset_release(&d);
    clean(err);
    return rc;
}

static void release_items(struct wc_item *item, size_t n) {
    for (size_t i = 0; i < n; i++) {
        wc_free(item[i].image);
        wc_free(item[i].path);
        wc_free(item[i].defect);
        wc_strlist_release(&item[i].masks);
    }
    wc_free(item);
}

void wc_dataset_release(struct wc_dataset *d) {
    for (size_t i = 0; i < d->n_categories; i++) {
        struct wc_category *c = &d->category[i];
        release_items(c->item, c->n_items);
        release_items(c->train, c->n_train);
        wc_free(c->name);
        wc_free(c->object);
        wc_free(c->folder);
    }
    wc_free(d->category);
    wc_free(d->name);
    wc_free(d->root);
    *d = (struct wc_dataset){0};
}
