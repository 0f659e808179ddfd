/*
 * Plain folders: any names for normal and anomalous, masks optional.
 *
 *     ROOT/good/x.png   ROOT/crack/y.png   ROOT/masks/y.png   (or ROOT/masks/crack/y_mask.png)
 *
 * Without names in the options, folders are told by the words of labels.c ("good", "OK", "no";
 * "bad", "NG", "yes", ...; references: "references", "reference", "refs"); where a normal folder is
 * found but no anomalous one, every other folder is a kind of defect, as in MVTec AD's test folder.
 * A root that holds no such folder but whose sub-folders do is a set of categories.
 */
#include "dataset/layout.h"

#include "base/alloc.h"
#include "base/io.h"

#include <string.h>
#include <strings.h>

#define MASK_SUFFIX "_mask"

// Folders of one category by their use, relative to its own.
struct uses {
    struct wc_strlist normal, anomalous, references;
};

static void uses_release(struct uses *u) {
    wc_strlist_release(&u->normal);
    wc_strlist_release(&u->anomalous);
    wc_strlist_release(&u->references);
}

static bool named(const struct wc_strlist *l) {
    return l && l->n;
}

static bool one_of(const char *name, const char *const *words) {
    for (; *words; words++)
        if (strcasecmp(name, *words) == 0)
            return true;
    return false;
}

static bool is_reference(const char *name) {
    static const char *const words[] = {"references", "reference", "refs", NULL};
    return one_of(name, words);
}

// Never a kind of defect.
static bool is_reserved(const char *name, const struct wc_dataset_options *o) {
    static const char *const words[] = {"masks", "mask",  "ground_truth", "groundtruth", "labels",
                                        "label", "train", "test",         "__MACOSX",    NULL};
    return one_of(name, words) || is_reference(name) || (o->masks && strcmp(name, o->masks) == 0) ||
           (named(o->references) && wc_strlist_has(o->references, name));
}

static enum wc_err take_named(const char *folder, const struct wc_strlist *wanted,
                              struct wc_strlist *found, struct wc_error *err) {
    for (size_t i = 0; wanted && i < wanted->n; i++) {
        WC_TRY(wc_ds_check_path(wanted->item[i], "dataset", err));
        if (wc_ds_has_dir(folder, wanted->item[i]))
            WC_TRY(wc_strlist_add(found, wanted->item[i], err));
    }
    return WC_OK;
}

static enum wc_err take_default(const struct wc_strlist *present,
                                const struct wc_dataset_options *o, struct uses *u,
                                struct wc_error *err) {
    for (size_t i = 0; i < present->n; i++) {
        const char *name = present->item[i];
        enum wc_label label = WC_NORMAL;
        if (!named(o->references) && is_reference(name))
            WC_TRY(wc_strlist_add(&u->references, name, err));
        if (!wc_ds_label_of(name, &label) || is_reserved(name, o))
            continue;
        if (label == WC_NORMAL && !named(o->normal) && !wc_strlist_has(&u->anomalous, name))
            WC_TRY(wc_strlist_add(&u->normal, name, err));
        if (label == WC_ANOMALOUS && !named(o->anomalous) && !wc_strlist_has(&u->normal, name))
            WC_TRY(wc_strlist_add(&u->anomalous, name, err));
    }
    return WC_OK;
}

// Which folders of `folder` are of use; none is no error.
static enum wc_err sort_out(const char *folder, const struct wc_dataset_options *o, struct uses *u,
                            struct wc_error *err) {
    struct wc_strlist present = {0};
    enum wc_err rc = wc_ds_folders(folder, &present, err);
    if (rc == WC_OK)
        rc = take_named(folder, o->normal, &u->normal, err);
    if (rc == WC_OK)
        rc = take_named(folder, o->anomalous, &u->anomalous, err);
    if (rc == WC_OK)
        rc = take_named(folder, o->references, &u->references, err);
    if (rc == WC_OK)
        rc = take_default(&present, o, u, err);
    bool others = u->normal.n && !u->anomalous.n && !named(o->anomalous);
    for (size_t i = 0; others && i < present.n && rc == WC_OK; i++)
        if (!wc_strlist_has(&u->normal, present.item[i]) && !is_reserved(present.item[i], o))
            rc = wc_strlist_add(&u->anomalous, present.item[i], err);
    wc_strlist_release(&present);
    return rc;
}

// Adds images of the folders; anomalous ones carry their folder's name as defect.
static enum wc_err add_images(struct wc_category *c, bool train, const struct wc_strlist *folders,
                              enum wc_label label, struct wc_error *err) {
    for (size_t i = 0; i < folders->n; i++) {
        const char *folder = folders->item[i];
        char *base = NULL;
        WC_TRY(wc_ds_base_name(&base, folder, err));
        enum wc_err rc = wc_ds_add_folder(c, train, folder, NULL,
                                          label == WC_NORMAL ? "good" : base, label, err);
        wc_free(base);
        if (rc != WC_OK)
            return rc;
    }
    return WC_OK;
}

// In one folder for all, masks of normal images (all black, usually) are no strays.
static enum wc_err drop_normal_masks(const struct wc_category *c, size_t n_normal,
                                     struct wc_ds_unpaired *u, struct wc_error *err) {
    struct wc_strlist stems = {0}, left = {0};
    enum wc_err rc = WC_OK;
    for (size_t i = 0; i < n_normal && rc == WC_OK; i++) {
        const char *base = wc_path_base(c->item[i].image);
        rc = wc_strlist_addn(&stems, base, wc_ds_stem(base), err);
    }
    wc_strlist_sort(&stems);
    for (size_t i = 0; i < u->masks.n && rc == WC_OK; i++) {
        const char *base = wc_path_base(u->masks.item[i]);
        char *stem = wc_strndup(base, wc_ds_stem(base));
        if (!stem) {
            rc = WC_FAIL(err, WC_ERR_NOMEM, "pairing masks: out of memory");
            break;
        }
        bool known = wc_ds_sorted_has(&stems, stem);
        if (!known && wc_str_ends(stem, MASK_SUFFIX)) {
            stem[strlen(stem) - strlen(MASK_SUFFIX)] = '\0';
            known = wc_ds_sorted_has(&stems, stem);
        }
        if (!known)
            rc = wc_strlist_add(&left, u->masks.item[i], err);
        wc_free(stem);
    }
    wc_strlist_release(&stems);
    if (rc != WC_OK) {
        wc_strlist_release(&left);
        return rc;
    }
    wc_strlist_release(&u->masks);
    u->masks = left;
    return WC_OK;
}

// Test images of the folders, each with masks from MASKS/FOLDER. `seen` gathers the names below
// MASKS.
static enum wc_err add_with_masks(struct wc_category *c, const char *masks,
                                  const struct wc_strlist *folders, enum wc_label label,
                                  struct wc_strlist *seen, struct wc_ds_unpaired *u,
                                  struct wc_error *err) {
    enum wc_err rc = WC_OK;
    for (size_t i = 0; i < folders->n && rc == WC_OK; i++) {
        char *base = NULL, *folder = NULL;
        size_t first = c->n_items;
        rc = wc_ds_base_name(&base, folders->item[i], err);
        if (rc == WC_OK)
            rc = wc_ds_join(&folder, masks, base, err);
        if (rc == WC_OK)
            rc = wc_ds_add_folder(c, false, folders->item[i], NULL,
                                  label == WC_NORMAL ? "good" : base, label, err);
        if (rc == WC_OK)
            rc = wc_ds_pair(c, first, folder, MASK_SUFFIX, label == WC_ANOMALOUS, u, err);
        if (rc == WC_OK)
            rc = wc_strlist_add(seen, base, err);
        wc_free(base);
        wc_free(folder);
    }
    return rc;
}

// What else lies in the folder of masks belongs to no image.
static enum wc_err add_strays(struct wc_category *c, const char *masks,
                              const struct wc_strlist *seen, struct wc_ds_unpaired *u,
                              struct wc_error *err) {
    struct wc_strlist present = {0};
    char *full = NULL;
    WC_TRY(wc_ds_join(&full, c->folder, masks, err));
    enum wc_err rc = wc_io_list(full, false, &present, err);
    for (size_t i = 0; i < present.n && rc == WC_OK; i++) {
        char *path = NULL;
        if (wc_strlist_has(seen, present.item[i]))
            continue;
        rc = wc_ds_join(&path, masks, present.item[i], err);
        if (rc == WC_OK && wc_ds_has_dir(full, present.item[i]))
            rc = wc_ds_stray(c, path, u, err);
        else if (rc == WC_OK && wc_ds_is_image(present.item[i]))
            rc = wc_strlist_add(&u->masks, path, err);
        wc_free(path);
    }
    wc_strlist_release(&present);
    wc_free(full);
    return rc;
}

// Masks in one folder a defect: MASKS/DEFECT/x.png. Normal images may have theirs, which say
// nothing.
static enum wc_err add_tests_nested(struct wc_category *c, const char *masks,
                                    const struct uses *use, struct wc_ds_unpaired *u,
                                    struct wc_error *err) {
    struct wc_strlist seen = {0};
    enum wc_err rc = add_with_masks(c, masks, &use->normal, WC_NORMAL, &seen, u, err);
    if (rc == WC_OK)
        rc = add_with_masks(c, masks, &use->anomalous, WC_ANOMALOUS, &seen, u, err);
    if (rc == WC_OK)
        rc = add_strays(c, masks, &seen, u, err);
    wc_strlist_release(&seen);
    return rc;
}

static enum wc_err add_tests(struct wc_category *c, const struct wc_dataset_options *o,
                             const struct uses *use, struct wc_ds_unpaired *u,
                             struct wc_error *err) {
    WC_TRY(add_images(c, false, &use->normal, WC_NORMAL, err));
    size_t n_normal = c->n_items;
    WC_TRY(add_images(c, false, &use->anomalous, WC_ANOMALOUS, err));
    if (!o->masks)
        return WC_OK;
    WC_TRY(wc_ds_pair(c, n_normal, o->masks, MASK_SUFFIX, true, u, err));
    return drop_normal_masks(c, n_normal, u, err);
}

// Does the folder of masks hold folders?
static enum wc_err is_nested(const struct wc_category *c, const char *masks, bool *nested,
                             struct wc_error *err) {
    struct wc_strlist inside = {0};
    char *path = NULL;
    WC_TRY(wc_ds_join(&path, c->folder, masks, err));
    enum wc_err rc = WC_OK;
    if (!wc_io_is_dir(path))
        rc = WC_FAULT(err, WC_ERR_DATA, "not-found", "%s: no such folder, named by dataset.masks",
                      path);
    if (rc == WC_OK)
        rc = wc_ds_folders(path, &inside, err);
    *nested = inside.n != 0;
    wc_strlist_release(&inside);
    wc_free(path);
    return rc;
}

static enum wc_err fill(struct wc_category *c, const struct wc_dataset_options *o,
                        const struct uses *use, struct wc_ds_unpaired *u, struct wc_error *err) {
    bool nested = false;
    for (size_t i = 0; i < use->normal.n; i++)
        if (wc_strlist_has(&use->anomalous, use->normal.item[i]))
            return WC_FAULT(err, WC_ERR_CONFIG, "duplicate",
                            "dataset: folder \"%s\" is named as normal and as anomalous",
                            use->normal.item[i]);
    if (o->masks) {
        WC_TRY(wc_ds_check_path(o->masks, "dataset.masks", err));
        WC_TRY(is_nested(c, o->masks, &nested, err));
    }
    WC_TRY(add_images(c, true, &use->references, WC_NORMAL, err));
    return nested ? add_tests_nested(c, o->masks, use, u, err) : add_tests(c, o, use, u, err);
}

static enum wc_err add_category(const char *name, const char *folder,
                                const struct wc_dataset_options *o, const struct uses *use,
                                struct wc_dataset *out, struct wc_error *err) {
    struct wc_ds_unpaired u = {0};
    struct wc_category *c = NULL;
    WC_TRY(wc_ds_add_category(out, o, name, folder, &c, err));
    enum wc_err rc = fill(c, o, use, &u, err);
    if (rc == WC_OK)
        rc = wc_ds_check_unpaired(out, c, &u, err);
    wc_ds_unpaired_release(&u);
    return rc;
}

// Names that were asked for and that no category has. `seen` is the union over the categories.
static enum wc_err check_seen(const char *key, const struct wc_strlist *wanted,
                              const struct wc_strlist *seen, const char *root,
                              struct wc_error *err) {
    for (size_t i = 0; wanted && i < wanted->n; i++)
        if (!wc_strlist_has(seen, wanted->item[i]))
            return WC_FAULT(err, WC_ERR_DATA, "not-found",
                            "%s: no folder \"%s\", named by dataset.%s", root, wanted->item[i],
                            key);
    return WC_OK;
}

static enum wc_err merge(struct wc_strlist *to, const struct wc_strlist *from,
                         struct wc_error *err) {
    for (size_t i = 0; i < from->n; i++)
        if (!wc_strlist_has(to, from->item[i]))
            WC_TRY(wc_strlist_add(to, from->item[i], err));
    return WC_OK;
}

// A sub-folder of root, if it is a category.
static enum wc_err try_category(const char *name, const struct wc_dataset_options *o,
                                struct wc_dataset *out, struct uses *seen, struct wc_error *err) {
    struct uses use = {0};
    char *folder = NULL;
    WC_TRY(wc_ds_join(&folder, o->root, name, err));
    enum wc_err rc = sort_out(folder, o, &use, err);
    if (rc == WC_OK && (use.normal.n || use.anomalous.n))
        rc = add_category(name, folder, o, &use, out, err);
    if (rc == WC_OK)
        rc = merge(&seen->normal, &use.normal, err);
    if (rc == WC_OK)
        rc = merge(&seen->anomalous, &use.anomalous, err);
    if (rc == WC_OK)
        rc = merge(&seen->references, &use.references, err);
    uses_release(&use);
    wc_free(folder);
    return rc;
}

static enum wc_err nothing_found(const struct wc_dataset_options *o,
                                 const struct wc_strlist *present, struct wc_error *err) {
    struct wc_buf b = {0};
    wc_ds_put_names(&b, present);
    enum wc_err rc =
        WC_FAULT(err, WC_ERR_DATA, "not-found",
                 "%s: no folder of normal or anomalous images; there is: %s; name them: "
                 "dataset.normal, dataset.anomalous",
                 o->root, present->n ? wc_buf_str(&b) : "no folder at all");
    wc_buf_release(&b);
    return rc;
}

static enum wc_err list_categories(const struct wc_dataset_options *o, struct wc_dataset *out,
                                   struct uses *seen, struct wc_error *err) {
    struct wc_strlist present = {0};
    enum wc_err rc = wc_ds_folders(o->root, &present, err);
    for (size_t i = 0; i < present.n && rc == WC_OK; i++)
        if (wc_ds_wanted(o, present.item[i]))
            rc = try_category(present.item[i], o, out, seen, err);
    if (rc == WC_OK && !out->n_categories && !named(o->categories))
        rc = nothing_found(o, &present, err);
    wc_strlist_release(&present);
    return rc;
}

static enum wc_err list(const struct wc_dataset_options *o, struct wc_dataset *out,
                        struct uses *seen, struct wc_error *err) {
    char *name = NULL;
    WC_TRY(sort_out(o->root, o, seen, err));
    if (seen->normal.n || seen->anomalous.n) {
        WC_TRY(wc_ds_base_name(&name, o->root, err));
        enum wc_err rc = add_category(name, o->root, o, seen, out, err);
        wc_free(name);
        WC_TRY(rc);
    } else {
        WC_TRY(list_categories(o, out, seen, err));
    }
    WC_TRY(check_seen("normal", o->normal, &seen->normal, o->root, err));
    WC_TRY(check_seen("anomalous", o->anomalous, &seen->anomalous, o->root, err));
    WC_TRY(check_seen("references", o->references, &seen->references, o->root, err));
    return wc_ds_check_wanted(out, o, o->root, err);
}

enum wc_err wc_ds_list_folder(const void *detail, const struct wc_dataset_options *options,
                              struct wc_dataset *out, struct wc_error *err) {
    (void)detail;
    struct uses seen = {0};
    enum wc_err rc = list(options, out, &seen, err);
    uses_release(&seen);
    return rc;
}
