/*
 * Real-IAD (Wang et al., CVPR 2024): images and masks below a folder named by their size, the split
 * in one JSON file a category:
 *
 *     ROOT/realiad_1024/CATEGORY/NG/...   ROOT/realiad_jsons/realiad_jsons/CATEGORY.json
 *
 *     {"meta": {"normal_class": "OK", ...}, "train": [...], "test": [{"anomaly_class": "AK",
 *      "image_path": "NG/AK/S0001/x.jpg", "mask_path": "NG/AK/S0001/x.png" or null}, ...]}
 *
 * Paths are relative to the category's folder. A view that does not show its sample's defect has
 * the normal class and is a normal image.
 */
#include "dataset/layout.h"

#include "base/alloc.h"
#include "base/io.h"
#include "base/json.h"

#include <string.h>

#define MAX_BYTES ((size_t)64 << 20)
#define MAX_DEPTH 8

struct places {
    char *images; // folder of the categories
    char *splits; // folder of the JSON files
};

// The largest images that are there.
static enum wc_err find_places(const char *root, struct places *p, struct wc_error *err) {
    static const char *const sizes[] = {"realiad_raw", "realiad_1024", "realiad_512", "realiad_256",
                                        "realiad"};
    static const char *const splits[] = {"realiad_jsons/realiad_jsons", "realiad_jsons"};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]) && !p->images; i++)
        if (wc_ds_has_dir(root, sizes[i]))
            WC_TRY(wc_ds_join(&p->images, root, sizes[i], err));
    for (size_t i = 0; i < sizeof(splits) / sizeof(splits[0]) && !p->splits; i++)
        if (wc_ds_has_dir(root, splits[i]))
            WC_TRY(wc_ds_join(&p->splits, root, splits[i], err));
    if (!p->images || !p->splits)
        return WC_FAULT(err, WC_ERR_DATA, "not-found",
                        "%s: expected folders realiad_1024 (or 512, 256) and realiad_jsons; %s is "
                        "missing",
                        root, p->images ? "the latter" : "the former");
    return WC_OK;
}

static enum wc_err bad_entry(const char *file, const char *part, size_t i, const char *what,
                             struct wc_error *err) {
    return WC_FAULT(err, WC_ERR_DATA, "bad-split", "%s: %s[%zu]: %s", file, part, i, what);
}

static enum wc_err add_entry(struct wc_category *c, const char *file, const char *part, size_t i,
                             const struct wc_json *entry, const char *normal,
                             struct wc_ds_unpaired *u, struct wc_error *err) {
    const char *image = wc_json_str(wc_json_get(entry, "image_path"));
    const char *kind = wc_json_str(wc_json_get(entry, "anomaly_class"));
    const struct wc_json *mask = wc_json_get(entry, "mask_path");
    bool train = strcmp(part, "train") == 0;
    if (!image || !kind)
        return bad_entry(file, part, i, "expected texts image_path and anomaly_class", err);
    if (mask && mask->type != WC_JSON_NULL && !wc_json_str(mask))
        return bad_entry(file, part, i, "mask_path: expected a text or null", err);
    WC_TRY(wc_ds_check_path(image, file, err));
    if (!wc_ds_is_image(image))
        return bad_entry(file, part, i, "image_path: expected a PNG, JPEG or BMP file", err);
    bool anomalous = strcmp(kind, normal) != 0;
    if (train && anomalous)
        return WC_OK;
    struct wc_item *item = NULL;
    WC_TRY(wc_ds_add(c, train, image, anomalous ? kind : "good",
                     anomalous ? WC_ANOMALOUS : WC_NORMAL, &item, err));
    if (!anomalous)
        return WC_OK;
    const char *path = wc_json_str(mask);
    if (!path || !*path)
        return wc_strlist_add(&u->images, image, err);
    WC_TRY(wc_ds_check_path(path, file, err));
    return wc_ds_add_mask(c, item, path, err);
}

static enum wc_err add_part(struct wc_category *c, const char *file, const char *part,
                            const struct wc_json *root, const char *normal,
                            struct wc_ds_unpaired *u, struct wc_error *err) {
    const struct wc_json *list = wc_json_get(root, part);
    if (!list || list->type != WC_JSON_ARRAY)
        return WC_FAULT(err, WC_ERR_DATA, "bad-split", "%s: expected a list \"%s\"", file, part);
    size_t i = 0;
    for (const struct wc_json *e = list->child; e; e = e->next)
        WC_TRY(add_entry(c, file, part, i++, e, normal, u, err));
    return WC_OK;
}

static enum wc_err fill(struct wc_dataset *d, struct wc_category *c, const char *file,
                        struct wc_error *err) {
    struct wc_ds_unpaired u = {0};
    struct wc_json_doc *doc = NULL;
    unsigned char *bytes = NULL;
    size_t n = 0;
    WC_TRY(wc_io_read_file(file, MAX_BYTES, &bytes, &n, err));
    enum wc_err rc = wc_json_parse(file, (const char *)bytes, n, MAX_DEPTH, &doc, err);
    if (rc == WC_OK) {
        const struct wc_json *root = wc_json_root(doc);
        const char *normal = wc_json_str(wc_json_get(wc_json_get(root, "meta"), "normal_class"));
        rc = add_part(c, file, "train", root, normal ? normal : "OK", &u, err);
        if (rc == WC_OK)
            rc = add_part(c, file, "test", root, normal ? normal : "OK", &u, err);
    }
    if (rc == WC_OK)
        rc = wc_ds_check_unpaired(d, c, &u, err);
    if (rc == WC_OK)
        rc = wc_ds_check_disjoint(c, file, err);
    wc_ds_unpaired_release(&u);
    wc_json_free(&doc);
    wc_free(bytes);
    return rc;
}

static enum wc_err add_category(const struct places *p, const char *name,
                                const struct wc_dataset_options *options, struct wc_dataset *out,
                                struct wc_error *err) {
    struct wc_category *c = NULL;
    char *folder = NULL, *file = NULL;
    char *json = wc_sprintf("%s.json", name);
    enum wc_err rc = json ? WC_OK : WC_FAIL(err, WC_ERR_NOMEM, "listing categories: out of memory");
    if (rc == WC_OK)
        rc = wc_ds_join(&file, p->splits, json, err);
    if (rc == WC_OK)
        rc = wc_ds_join(&folder, p->images, name, err);
    if (rc == WC_OK)
        rc = wc_ds_add_category(out, options, name, folder, &c, err);
    if (rc == WC_OK)
        rc = fill(out, c, file, err);
    wc_free(folder);
    wc_free(file);
    wc_free(json);
    return rc;
}

// Categories are the JSON files whose images are there; those asked for must be.
static enum wc_err list(const struct places *p, const struct wc_dataset_options *options,
                        struct wc_dataset *out, struct wc_error *err) {
    struct wc_strlist files = {0};
    WC_TRY(wc_io_list(p->splits, false, &files, err));
    enum wc_err rc = WC_OK;
    for (size_t i = 0; i < files.n && rc == WC_OK; i++) {
        if (!wc_str_ends(files.item[i], ".json"))
            continue;
        char *name = wc_strndup(files.item[i], strlen(files.item[i]) - strlen(".json"));
        if (!name)
            rc = WC_FAIL(err, WC_ERR_NOMEM, "listing categories: out of memory");
        else if (wc_ds_wanted(options, name) && wc_ds_has_dir(p->images, name))
            rc = add_category(p, name, options, out, err);
        wc_free(name);
    }
    wc_strlist_release(&files);
    if (rc == WC_OK)
        rc = wc_ds_check_wanted(out, options, p->images, err);
    return rc;
}

enum wc_err wc_ds_list_real_iad(const void *detail, const struct wc_dataset_options *options,
                                struct wc_dataset *out, struct wc_error *err) {
    (void)detail;
    struct places p = {0};
    enum wc_err rc = find_places(options->root, &p, err);
    if (rc == WC_OK)
        rc = list(&p, options, out, err);
    wc_free(p.images);
    wc_free(p.splits);
    return rc;
}
