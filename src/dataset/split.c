/*
 * Splits in CSV files: VisA's split_csv/1cls.csv (Zou et al., ECCV 2022; columns object, split,
 * label, image, mask) and a user's own table in the same manner (layout "csv").
 */
#include "dataset/layout.h"

#include "base/alloc.h"
#include "base/io.h"
#include "dataset/csv.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct table {
    const struct wc_ds_split *split;
    struct wc_csv csv;
    size_t category, use, label, image, mask, defect; // columns
};

// A row and its category, for sorting.
struct row {
    const char *category;
    size_t i;
};

static enum wc_err bad_row(const struct table *t, size_t row, const char *what, const char *value,
                           struct wc_error *err) {
    return WC_FAULT(err, WC_ERR_DATA, "bad-split", "%s:%zu: %s: \"%s\"", t->split->file,
                    wc_csv_line(&t->csv, row), what, value);
}

static enum wc_err find_columns(struct table *t, struct wc_error *err) {
    const struct wc_csv *csv = &t->csv;
    t->category = wc_csv_column(csv, "category");
    if (t->category == WC_CSV_NONE)
        t->category = wc_csv_column(csv, "object");
    t->use = wc_csv_column(csv, "split");
    t->label = wc_csv_column(csv, "label");
    t->image = wc_csv_column(csv, "image");
    t->mask = wc_csv_column(csv, "mask");
    t->defect = wc_csv_column(csv, "defect");
    bool complete = t->image != WC_CSV_NONE;
    if (!t->split->category)
        complete = complete && t->category != WC_CSV_NONE && t->use != WC_CSV_NONE &&
                   t->label != WC_CSV_NONE && t->mask != WC_CSV_NONE;
    if (!complete)
        return WC_FAULT(
            err, WC_ERR_DATA, "bad-split",
            "%s: the first line must name the columns%s; they may be in any order", t->split->file,
            t->split->category ? " image and, where wanted, category, split, label, mask, defect"
                               : " object, split, label, image, mask");
    return WC_OK;
}

// "FILE:LINE", for messages; allocated.
static enum wc_err place(const struct table *t, size_t row, char **out, struct wc_error *err) {
    *out = wc_sprintf("%s:%zu", t->split->file, wc_csv_line(&t->csv, row));
    return *out ? WC_OK : WC_FAIL(err, WC_ERR_NOMEM, "%s: out of memory", t->split->file);
}

// A path of the table, made relative to the category's folder. *out points into the table.
static enum wc_err relative(const struct table *t, size_t row, const char *path,
                            const char *category, const char **out, struct wc_error *err) {
    char *where = NULL;
    WC_TRY(place(t, row, &where, err));
    enum wc_err rc = wc_ds_check_path(path, where, err);
    wc_free(where);
    WC_TRY(rc);
    size_t n = strlen(category);
    if (!t->split->below_category) {
        *out = path;
        return WC_OK;
    }
    if (strncmp(path, category, n) != 0 || path[n] != '/' || !path[n + 1])
        return bad_row(t, row, "expected a path that begins with its object's folder", path, err);
    *out = path + n + 1;
    return WC_OK;
}

static enum wc_err read_label(const struct table *t, size_t row, bool train, enum wc_label *label,
                              struct wc_error *err) {
    const char *word = wc_csv_at(&t->csv, row, t->label);
    *label = train ? WC_NORMAL : WC_UNLABELLED;
    if (!*word && t->split->category)
        return WC_OK;
    if (!wc_ds_label_of(word, label))
        return bad_row(t, row, "label: expected normal or anomaly", word, err);
    return WC_OK;
}

static enum wc_err read_use(const struct table *t, size_t row, bool *train, struct wc_error *err) {
    const char *use = wc_csv_at(&t->csv, row, t->use);
    *train = strcasecmp(use, "train") == 0;
    if (!*train && strcasecmp(use, "test") != 0 && (*use || !t->split->category))
        return bad_row(t, row, "split: expected train or test", use, err);
    return WC_OK;
}

static enum wc_err add_row(const struct table *t, size_t row, struct wc_category *c,
                           struct wc_ds_unpaired *u, struct wc_error *err) {
    static const char *const usual[] = {"unlabelled", "good", NULL}; // by label + 1
    bool train = false;
    enum wc_label label = WC_NORMAL;
    const char *image = NULL, *mask = wc_csv_at(&t->csv, row, t->mask);
    const char *defect = wc_csv_at(&t->csv, row, t->defect);
    WC_TRY(read_use(t, row, &train, err));
    WC_TRY(read_label(t, row, train, &label, err));
    WC_TRY(relative(t, row, wc_csv_at(&t->csv, row, t->image), c->name, &image, err));
    if (*mask)
        WC_TRY(relative(t, row, mask, c->name, &mask, err));
    if (!wc_ds_is_image(image))
        return bad_row(t, row, "image: expected a name that ends in png, jpg, jpeg or bmp", image,
                       err);
    if (train && label != WC_NORMAL) // of no use here: references are normal
        return WC_OK;
    if (!*defect)
        defect = label == WC_ANOMALOUS ? t->split->bad : usual[label + 1];
    struct wc_item *item = NULL;
    WC_TRY(wc_ds_add(c, train, image, defect, label, &item, err));
    if (label != WC_ANOMALOUS)
        return WC_OK;
    return *mask ? wc_ds_add_mask(c, item, mask, err) : wc_strlist_add(&u->images, image, err);
}

static int by_category(const void *a, const void *b) {
    const struct row *x = a, *y = b;
    int order = strcmp(x->category, y->category);
    return order ? order : (x->i > y->i) - (x->i < y->i);
}

// Rows of one category. Some masks but not all are a fault; none at all are not.
static enum wc_err add_category(const struct table *t, const struct row *row, size_t n,
                                const struct wc_dataset_options *options, struct wc_dataset *out,
                                struct wc_error *err) {
    struct wc_ds_unpaired u = {0};
    struct wc_category *c = NULL;
    char *folder = NULL, *where = NULL;
    const char *root = t->split->root;
    WC_TRY(place(t, row->i, &where, err));
    enum wc_err rc = wc_ds_check_name(row->category, where, err);
    wc_free(where);
    WC_TRY(rc);
    WC_TRY(wc_ds_join(&folder, root, row->category, err));
    rc = wc_ds_add_category(out, options, row->category, t->split->below_category ? folder : root,
                            &c, err);
    for (size_t i = 0; i < n && rc == WC_OK; i++)
        rc = add_row(t, row[i].i, c, &u, err);
    size_t n_masked = 0;
    for (size_t i = 0; rc == WC_OK && i < c->n_items; i++)
        n_masked += c->item[i].masks.n != 0;
    if (rc == WC_OK && n_masked)
        rc = wc_ds_check_unpaired(out, c, &u, err);
    if (rc == WC_OK)
        rc = wc_ds_check_disjoint(c, t->split->file, err);
    wc_ds_unpaired_release(&u);
    wc_free(folder);
    return rc;
}

// Rows grouped by category, whatever their order in the file.
static enum wc_err add_rows(const struct table *t, const struct wc_dataset_options *options,
                            struct wc_dataset *out, struct wc_error *err) {
    struct row *row = NULL;
    size_t n = 0;
    WC_TRY(WC_NEW(&row, t->csv.n_rows, "split", err));
    for (size_t i = 0; i < t->csv.n_rows; i++) {
        const char *category =
            t->category == WC_CSV_NONE ? t->split->category : wc_csv_at(&t->csv, i, t->category);
        if (wc_ds_wanted(options, category))
            row[n++] = (struct row){category, i};
    }
    qsort(row, n, sizeof(*row), by_category);
    enum wc_err rc = WC_OK;
    for (size_t i = 0, next; i < n && rc == WC_OK; i = next) {
        next = i + 1;
        while (next < n && strcmp(row[next].category, row[i].category) == 0)
            next++;
        rc = add_category(t, row + i, next - i, options, out, err);
    }
    wc_free(row);
    return rc;
}

static bool has_category(const struct wc_dataset *d, const char *name) {
    for (size_t i = 0; i < d->n_categories; i++)
        if (strcmp(d->category[i].name, name) == 0)
            return true;
    return false;
}

// As wc_ds_check_wanted(), and names the table's own category that is nearest, or its first.
static enum wc_err check_wanted(const struct table *t, const struct wc_dataset_options *options,
                                const struct wc_dataset *out, struct wc_error *err) {
    const char **names = NULL;
    enum wc_err rc = wc_ds_check_wanted(out, options, t->split->file, err);
    if (rc == WC_OK || t->category == WC_CSV_NONE || t->csv.n_rows == 0)
        return rc;
    WC_TRY(WC_NEW(&names, t->csv.n_rows, "split", err));
    for (size_t i = 0; i < t->csv.n_rows; i++)
        names[i] = wc_csv_at(&t->csv, i, t->category);
    const char *near = NULL;
    for (size_t i = 0; i < options->categories->n && !near; i++)
        if (!has_category(out, options->categories->item[i]))
            near = wc_str_nearest(options->categories->item[i], names, t->csv.n_rows);
    rc = WC_FAULT(err, rc, err ? err->fault : NULL, "%s; %s \"%s\"%s", err ? err->text : "",
                  near ? "did you mean" : "it has", near ? near : names[0],
                  near ? "?" : " and maybe others");
    wc_free(names);
    return rc;
}

enum wc_err wc_ds_list_split(const struct wc_ds_split *split,
                             const struct wc_dataset_options *options, struct wc_dataset *out,
                             struct wc_error *err) {
    struct table t = {.split = split};
    WC_TRY(wc_csv_read(split->file, &t.csv, err));
    enum wc_err rc = find_columns(&t, err);
    if (rc == WC_OK)
        rc = add_rows(&t, options, out, err);
    if (rc == WC_OK)
        rc = check_wanted(&t, options, out, err);
    wc_csv_release(&t.csv);
    return rc;
}

// dataset.root is the table, or a folder with exactly one.
static enum wc_err find_table(const char *root, char **file, struct wc_error *err) {
    struct wc_strlist names = {0};
    const char *found = NULL;
    size_t n = 0;
    WC_TRY(wc_io_list(root, false, &names, err));
    for (size_t i = 0; i < names.n; i++)
        if (wc_str_ends_nocase(names.item[i], ".csv")) {
            found = names.item[i];
            n++;
        }
    enum wc_err rc =
        n == 1 ? wc_ds_join(file, root, found, err)
               : WC_FAULT(err, WC_ERR_DATA, "not-found",
                          "%s: %zu CSV files; let dataset.root name the one to use", root, n);
    wc_strlist_release(&names);
    return rc;
}

enum wc_err wc_ds_list_csv(const void *detail, const struct wc_dataset_options *options,
                           struct wc_dataset *out, struct wc_error *err) {
    (void)detail;
    char *file = NULL, *root = NULL, *category = NULL;
    enum wc_err rc = WC_OK;
    if (wc_io_is_dir(options->root))
        rc = find_table(options->root, &file, err);
    else if (!(file = wc_strdup(options->root)))
        rc = WC_FAIL(err, WC_ERR_NOMEM, "%s: out of memory", options->root);
    if (rc == WC_OK && !(root = wc_path_dir(file)))
        rc = WC_FAIL(err, WC_ERR_NOMEM, "%s: out of memory", options->root);
    if (rc == WC_OK)
        rc = wc_ds_base_name(&category, root, err);
    if (rc == WC_OK) {
        struct wc_ds_split split = {
            .file = file, .root = root, .category = category, .bad = "anomaly"};
        rc = wc_ds_list_split(&split, options, out, err);
    }
    wc_free(file);
    wc_free(root);
    wc_free(category);
    return rc;
}
