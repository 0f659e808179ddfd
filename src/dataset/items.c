#include "dataset/layout.h"

#include "base/alloc.h"
#include "base/io.h"

#include <stdio.h>
#include <string.h>

#define MAX_PATH_BYTES 4096 // PATH_MAX of Linux, with the NUL

// What the decoder reads, by name; the content decides when the file is opened.
static const char *const extensions[] = {".png", ".jpg", ".jpeg", ".bmp"};

// Image formats that data sets come in but the decoder does not read. Passing them over would score
// less than the user thinks.
static const char *const foreign[] = {".tif", ".tiff", ".webp", ".gif", ".jp2",
                                      ".pgm", ".ppm",  ".heic", ".avif"};

#define N_OF(a) (sizeof(a) / sizeof((a)[0]))

static bool ends_with_one(const char *name, const char *const *suffixes, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (wc_str_ends_nocase(name, suffixes[i]))
            return true;
    return false;
}

bool wc_ds_is_image(const char *name) {
    return ends_with_one(name, extensions, N_OF(extensions));
}

static enum wc_err out_of_memory(struct wc_error *err) {
    return WC_FAIL(err, WC_ERR_NOMEM, "listing the data set: out of memory");
}

enum wc_err wc_ds_join(char **out, const char *a, const char *b, struct wc_error *err) {
    char *path = wc_path_join(a, b);
    if (!path)
        return out_of_memory(err);
    *out = path;
    return WC_OK;
}

enum wc_err wc_ds_join3(char **out, const char *a, const char *b, const char *c,
                        struct wc_error *err) {
    char *ab = NULL;
    WC_TRY(wc_ds_join(&ab, a, b, err));
    enum wc_err rc = wc_ds_join(out, ab, c, err);
    wc_free(ab);
    return rc;
}

// Without an allocation, so that no failure can pass for "there is none". A path that does not fit
// is longer than the system takes.
bool wc_ds_has_dir(const char *a, const char *b) {
    char path[MAX_PATH_BYTES];
    int n = snprintf(path, sizeof(path), "%s/%s", a, b);
    return n > 0 && (size_t)n < sizeof(path) && wc_io_is_dir(path);
}

enum wc_err wc_ds_check_path(const char *path, const char *where, struct wc_error *err) {
    if (!*path)
        return WC_FAULT(err, WC_ERR_DATA, "bad-path", "%s: the path is empty", where);
    if (*path == '/')
        return WC_FAULT(err, WC_ERR_DATA, "bad-path",
                        "%s: \"%s\" is absolute; paths here are relative to the data set's root",
                        where, path);
    for (const char *p = path; p; p = strchr(p, '/')) {
        p += *p == '/';
        if (strncmp(p, "..", 2) == 0 && (p[2] == '/' || !p[2]))
            return WC_FAULT(err, WC_ERR_DATA, "bad-path",
                            "%s: \"%s\" climbs with \"..\"; paths must stay below the data "
                            "set's root",
                            where, path);
    }
    return WC_OK;
}

enum wc_err wc_ds_check_name(const char *name, const char *where, struct wc_error *err) {
    if (!*name || strchr(name, '/') || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return WC_FAULT(err, WC_ERR_DATA, "bad-path",
                        "%s: category \"%s\": expected the name of one folder", where, name);
    return WC_OK;
}

enum wc_err wc_ds_check_file(const char *path, struct wc_error *err) {
    if (wc_io_is_file(path))
        return WC_OK;
    if (wc_io_exists(path))
        return WC_FAULT(err, WC_ERR_DATA, "not-a-file",
                        "%s: not a regular file; an image or mask was expected", path);
    return WC_FAULT(err, WC_ERR_DATA, "not-found",
                    "%s: no such file, or a link that leads nowhere; is the data set complete?",
                    path);
}

// One entry of a folder of images: keeps it, passes it over, or refuses it.
static enum wc_err sift(const char *folder, const char *name, const char *allowed,
                        struct wc_strlist *names, struct wc_error *err) {
    char *path = NULL;
    WC_TRY(wc_ds_join(&path, folder, name, err));
    enum wc_err rc = WC_OK;
    if (wc_ds_is_image(name))
        rc = wc_ds_check_file(path, err);
    else if (wc_io_is_dir(path) && !(allowed && strcmp(name, allowed) == 0))
        rc = WC_FAULT(err, WC_ERR_DATA, "bad-layout",
                      "%s: a folder where images were expected; folders inside are not searched, "
                      "move its images up or it away",
                      path);
    else if (ends_with_one(name, foreign, N_OF(foreign)))
        rc = WC_FAULT(err, WC_ERR_DATA, "bad-format",
                      "%s: image format not supported; convert it to PNG, JPEG or BMP", path);
    wc_free(path);
    if (rc == WC_OK && wc_ds_is_image(name))
        rc = wc_strlist_add(names, name, err);
    return rc;
}

enum wc_err wc_ds_images(const char *folder, const char *allowed, struct wc_strlist *names,
                         struct wc_error *err) {
    struct wc_strlist all = {0}, kept = {0};
    enum wc_err rc = wc_io_list(folder, false, &all, err);
    for (size_t i = 0; i < all.n && rc == WC_OK; i++)
        rc = sift(folder, all.item[i], allowed, &kept, err);
    wc_strlist_release(&all);
    if (rc == WC_OK)
        *names = kept;
    else
        wc_strlist_release(&kept);
    return rc;
}

enum wc_err wc_ds_folders(const char *folder, struct wc_strlist *names, struct wc_error *err) {
    struct wc_strlist all = {0}, kept = {0};
    enum wc_err rc = wc_io_list(folder, false, &all, err);
    for (size_t i = 0; i < all.n && rc == WC_OK; i++)
        if (wc_ds_has_dir(folder, all.item[i]))
            rc = wc_strlist_add(&kept, all.item[i], err);
    wc_strlist_release(&all);
    if (rc == WC_OK)
        *names = kept;
    else
        wc_strlist_release(&kept);
    return rc;
}

bool wc_ds_wanted(const struct wc_dataset_options *options, const char *name) {
    return !options->categories || !options->categories->n ||
           wc_strlist_has(options->categories, name);
}

static bool has_marker(const char *folder, const char *const *markers) {
    for (; *markers; markers++)
        if (wc_ds_has_dir(folder, *markers))
            return true;
    return false;
}

// Left empty by an interrupted copy or download, say: listed, so that it is reported. One that may
// not be read ("lost+found") is no category, as none of the markers is seen in it.
static enum wc_err check_empty(const char *path, bool *empty, struct wc_error *err) {
    struct wc_strlist names = {0};
    enum wc_err rc = wc_io_list(path, true, &names, err);
    *empty = rc == WC_OK && names.n == 0;
    wc_strlist_release(&names);
    return rc == WC_ERR_NOMEM ? rc : WC_OK;
}

static enum wc_err take_named(const struct wc_dataset_options *options, const char *root,
                              const struct wc_strlist *present, struct wc_strlist *names,
                              struct wc_error *err) {
    for (size_t i = 0; i < options->categories->n; i++) {
        const char *name = options->categories->item[i];
        WC_TRY(wc_ds_check_name(name, options->name, err));
        if (wc_strlist_has(names, name))
            return WC_FAULT(err, WC_ERR_DATA, "duplicate", "%s: category \"%s\" is named twice",
                            options->name, name);
        if (!wc_strlist_has(present, name)) {
            const char *near = wc_str_nearest(name, (const char *const *)present->item, present->n);
            return WC_FAULT(err, WC_ERR_DATA, "not-found",
                            "%s: no folder for category \"%s\"%s%s%s; is dataset.root right?", root,
                            name, near ? "; did you mean \"" : "", near ? near : "",
                            near ? "\"" : "");
        }
        WC_TRY(wc_strlist_add(names, name, err));
    }
    return WC_OK;
}

static enum wc_err take_marked(const char *root, const char *const *markers,
                               const struct wc_strlist *present, struct wc_strlist *names,
                               struct wc_error *err) {
    for (size_t i = 0; i < present->n; i++) {
        char *path = NULL;
        WC_TRY(wc_ds_join(&path, root, present->item[i], err));
        bool take = has_marker(path, markers);
        enum wc_err rc = take ? WC_OK : check_empty(path, &take, err);
        wc_free(path);
        WC_TRY(rc);
        if (take)
            WC_TRY(wc_strlist_add(names, present->item[i], err));
    }
    if (names->n)
        return WC_OK;
    if (has_marker(root, markers))
        return WC_FAULT(err, WC_ERR_DATA, "not-found",
                        "%s: this is one category of a data set; let dataset.root name the folder "
                        "above it and dataset.categories this one",
                        root);
    return WC_FAULT(err, WC_ERR_DATA, "not-found",
                    "%s: no category here: expected folders CATEGORY/%s; is dataset.root right?",
                    root, markers[0]);
}

enum wc_err wc_ds_find_categories(const struct wc_dataset_options *options, const char *root,
                                  const char *const *markers, struct wc_strlist *names,
                                  struct wc_error *err) {
    struct wc_strlist present = {0}, found = {0};
    enum wc_err rc = wc_ds_folders(root, &present, err);
    if (rc == WC_OK)
        rc = options->categories && options->categories->n
                 ? take_named(options, root, &present, &found, err)
                 : take_marked(root, markers, &present, &found, err);
    wc_strlist_release(&present);
    if (rc == WC_OK)
        *names = found;
    else
        wc_strlist_release(&found);
    return rc;
}

enum wc_err wc_ds_add_category(struct wc_dataset *d, const struct wc_dataset_options *options,
                               const char *name, const char *folder, struct wc_category **out,
                               struct wc_error *err) {
    WC_TRY(WC_GROW(&d->category, &d->cap_categories, d->n_categories + 1, "categories", err));
    struct wc_category *c = &d->category[d->n_categories++];
    c->name = wc_strdup(name);
    c->folder = wc_strdup(folder);
    c->object = options->object ? wc_strdup(options->object) : NULL;
    if (!c->name || !c->folder || (options->object && !c->object))
        return out_of_memory(err);
    *out = c;
    return WC_OK;
}

enum wc_err wc_ds_add(struct wc_category *c, bool train, const char *image, const char *defect,
                      enum wc_label label, struct wc_item **out, struct wc_error *err) {
    struct wc_item **list = train ? &c->train : &c->item;
    size_t *n = train ? &c->n_train : &c->n_items;
    WC_TRY(WC_GROW(list, train ? &c->cap_train : &c->cap_items, *n + 1, "images", err));
    struct wc_item *item = &(*list)[(*n)++];
    item->label = label;
    item->image = wc_strdup(image);
    item->defect = wc_strdup(defect);
    if (!item->image || !item->defect)
        return out_of_memory(err);
    WC_TRY(wc_ds_join(&item->path, c->folder, image, err));
    WC_TRY(wc_ds_check_file(item->path, err));
    if (out)
        *out = item;
    return WC_OK;
}

enum wc_err wc_ds_add_folder(struct wc_category *c, bool train, const char *folder,
                             const char *allowed, const char *defect, enum wc_label label,
                             struct wc_error *err) {
    struct wc_strlist names = {0};
    char *path = NULL;
    WC_TRY(wc_ds_join(&path, c->folder, folder, err));
    enum wc_err rc = wc_ds_images(path, allowed, &names, err);
    for (size_t i = 0; i < names.n && rc == WC_OK; i++) {
        char *image = NULL;
        rc = wc_ds_join(&image, folder, names.item[i], err);
        if (rc == WC_OK)
            rc = wc_ds_add(c, train, image, defect, label, NULL, err);
        wc_free(image);
    }
    wc_free(path);
    wc_strlist_release(&names);
    return rc;
}

enum wc_err wc_ds_add_mask(const struct wc_category *c, struct wc_item *item, const char *mask,
                           struct wc_error *err) {
    char *path = NULL;
    WC_TRY(wc_ds_join(&path, c->folder, mask, err));
    enum wc_err rc = wc_ds_check_file(path, err);
    if (rc == WC_OK)
        rc = wc_strlist_add(&item->masks, path, err);
    wc_free(path);
    return rc;
}

enum wc_err wc_ds_base_name(char **out, const char *path, struct wc_error *err) {
    size_t n = strlen(path);
    while (n && path[n - 1] == '/')
        n--;
    size_t start = n;
    while (start && path[start - 1] != '/')
        start--;
    char *name = wc_strndup(path + start, n - start);
    if (name && (!*name || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)) {
        wc_free(name);
        name = wc_strdup("images");
    }
    if (!name)
        return out_of_memory(err);
    *out = name;
    return WC_OK;
}

enum wc_err wc_ds_check_wanted(const struct wc_dataset *d, const struct wc_dataset_options *options,
                               const char *where, struct wc_error *err) {
    for (size_t i = 0; options->categories && i < options->categories->n; i++) {
        bool found = false;
        for (size_t k = 0; k < d->n_categories && !found; k++)
            found = strcmp(d->category[k].name, options->categories->item[i]) == 0;
        if (!found)
            return WC_FAULT(err, WC_ERR_DATA, "not-found", "%s: no category \"%s\"", where,
                            options->categories->item[i]);
    }
    return WC_OK;
}
