#include "demo/dataset.h"

#include "base/alloc.h"
#include "base/io.h"
#include "image/image.h"

#include <stdio.h>
#include <string.h>

#define MAX_NAME 64
#define MAX_JSON (1u << 16)

// The photos of a folder, in this order.
enum kind { REFERENCE, GOOD, DAMAGED, KINDS };

static const char *const split_names[WC_DEMO_SPLITS] = {"train", "held-out"};

const char *wc_demo_split_name(enum wc_demo_split split) {
    return split_names[split];
}

size_t wc_demo_n_folders(const struct wc_demo_set *set) {
    return wc_demo_n_categories(set->split) * set->n_products;
}

void wc_demo_folder(const struct wc_demo_set *set, size_t i, char *name, size_t n_name,
                    size_t *category) {
    *category = i / set->n_products;
    snprintf(name, n_name, "%s_%zu", wc_demo_category(set->split, *category),
             i % set->n_products + 1);
}

// Products of different seeds are different; so are the photos of the three kinds.
static enum wc_err render(const struct wc_demo_set *set, size_t i_folder, enum kind kind, size_t i,
                          struct wc_demo_photo *out, struct wc_error *err) {
    uint64_t product = set->seed * 1000 + i_folder % set->n_products;
    size_t defect = kind == DAMAGED ? i % wc_demo_n_defects(set->split) : WC_DEMO_GOOD;
    return wc_demo_render(set->split, i_folder / set->n_products, product,
                          (uint64_t)kind * 1000000 + i, defect, out, err);
}

static void describe(const struct wc_demo_set *set, struct wc_buf *text) {
    wc_buf_printf(text,
                  "{\"made_by\": \"winclip-mpi demo\", \"split\": \"%s\", \"seed\": %llu, "
                  "\"products\": %zu, \"per_category\": %zu, \"side\": %d}\n",
                  split_names[set->split], (unsigned long long)set->seed, set->n_products,
                  set->per_category, WC_DEMO_SIDE);
}

static enum wc_err check_same(const char *path, const struct wc_buf *text, struct wc_error *err) {
    unsigned char *bytes;
    size_t n;
    WC_TRY(wc_io_read_file(path, MAX_JSON, &bytes, &n, err));
    bool same = n == text->n && memcmp(bytes, text->data, n) == 0;
    wc_free(bytes);
    return same ? WC_OK
                : WC_FAIL(err, WC_ERR_DATA,
                          "%s: the folder holds a data set of other numbers; name another folder, "
                          "or remove this one",
                          path);
}

enum wc_err wc_demo_begin(const struct wc_demo_set *set, const char *dir, struct wc_error *err) {
    struct wc_buf text = {0};
    struct wc_strlist there = {0};
    char *path = wc_path_join(dir, "dataset.json");
    describe(set, &text);
    enum wc_err rc = path ? wc_buf_check(&text, "dataset.json", err)
                          : WC_FAIL(err, WC_ERR_NOMEM, "%s: out of memory", dir);
    if (rc == WC_OK)
        rc = wc_io_mkdirs(dir, err);
    if (rc == WC_OK && wc_io_is_file(path)) {
        rc = check_same(path, &text, err);
        goto out;
    }
    if (rc == WC_OK)
        rc = wc_io_list(dir, true, &there, err);
    if (rc == WC_OK && there.n > 0)
        rc = WC_FAIL(err, WC_ERR_DATA, "%s: the folder is not empty and holds no data set of ours",
                     dir);
    if (rc == WC_OK)
        rc = wc_io_write_atomic(path, text.data, text.n, err);
out:
    wc_strlist_release(&there);
    wc_buf_release(&text);
    wc_free(path);
    return rc;
}

// ---- one photo

static enum wc_err write_new(const char *path, uint8_t *rgb, struct wc_error *err) {
    const struct wc_image image = {WC_DEMO_SIDE, WC_DEMO_SIDE, rgb};
    return wc_io_is_file(path) ? WC_OK : wc_image_write_png(path, &image, err);
}

static enum wc_err write_mask(const char *path, const uint8_t *mask, struct wc_error *err) {
    uint8_t *rgb;
    WC_TRY(WC_NEW(&rgb, 3 * WC_DEMO_PIXELS, "a mask", err));
    for (size_t i = 0; i < 3 * (size_t)WC_DEMO_PIXELS; i++)
        rgb[i] = mask[i / 3];
    enum wc_err rc = write_new(path, rgb, err);
    wc_free(rgb);
    return rc;
}

// The folder of a kind of photo: "train/good", "test/crack".
static void subfolder(const struct wc_demo_set *set, enum kind kind, size_t i, const char *above,
                      char *out, size_t n_out) {
    const char *defect = wc_demo_defect(set->split, i % wc_demo_n_defects(set->split));
    snprintf(out, n_out, "%s/%s", above, kind == DAMAGED ? defect : "good");
}

static enum wc_err write_photo(const struct wc_demo_set *set, const char *dir, size_t i_folder,
                               enum kind kind, size_t i, struct wc_error *err) {
    char folder[MAX_NAME], sub[MAX_NAME];
    size_t category, n_kinds = wc_demo_n_defects(set->split);
    size_t number = kind == DAMAGED ? i / n_kinds : i;
    struct wc_demo_photo *photo;
    wc_demo_folder(set, i_folder, folder, sizeof folder, &category);
    subfolder(set, kind, i, kind == REFERENCE ? "train" : "test", sub, sizeof sub);
    char *path = wc_sprintf("%s/%s/%s/%03zu.png", dir, folder, sub, number);
    subfolder(set, kind, i, "ground_truth", sub, sizeof sub);
    char *mask = wc_sprintf("%s/%s/%s/%03zu_mask.png", dir, folder, sub, number);
    enum wc_err rc = path && mask ? WC_NEW(&photo, 1, "a photo", err)
                                  : WC_FAIL(err, WC_ERR_NOMEM, "%s: out of memory", dir);
    if (rc == WC_OK) {
        bool there = wc_io_is_file(path) && (kind != DAMAGED || wc_io_is_file(mask));
        if (!there)
            rc = render(set, i_folder, kind, i, photo, err);
        if (rc == WC_OK && !there && kind == DAMAGED)
            rc = write_mask(mask, photo->mask, err);
        if (rc == WC_OK && !there)
            rc = write_new(path, photo->rgb, err);
        wc_free(photo);
    }
    wc_free(path);
    wc_free(mask);
    return rc;
}

// All folders before any photo: several threads may not make one at the same time.
static enum wc_err make_folders(const struct wc_demo_set *set, const char *dir,
                                struct wc_error *err) {
    static const char *const above[] = {"train", "test", "test", "ground_truth"};
    enum wc_err rc = WC_OK;
    for (size_t f = 0; f < wc_demo_n_folders(set); f++) {
        char folder[MAX_NAME], sub[MAX_NAME];
        size_t category, n_kinds = wc_demo_n_defects(set->split);
        wc_demo_folder(set, f, folder, sizeof folder, &category);
        for (size_t k = 0; k < 4 && rc == WC_OK; k++) {
            for (size_t i = 0; i < (k < 2 ? 1 : n_kinds) && rc == WC_OK; i++) {
                subfolder(set, k < 2 ? GOOD : DAMAGED, i, above[k], sub, sizeof sub);
                char *path = wc_sprintf("%s/%s/%s", dir, folder, sub);
                rc = path ? wc_io_mkdirs(path, err)
                          : WC_FAIL(err, WC_ERR_NOMEM, "%s: out of memory", dir);
                wc_free(path);
            }
        }
    }
    return rc;
}

enum wc_err wc_demo_write(const struct wc_demo_set *set, const char *dir, size_t i_part,
                          size_t n_parts, struct wc_error *err) {
    size_t n = wc_demo_n_folders(set) * KINDS * set->per_category;
    enum wc_err rc = make_folders(set, dir, err);
    if (rc != WC_OK)
        return rc;
#pragma omp parallel for schedule(dynamic)
    for (size_t i = i_part; i < n; i += n_parts) {
        struct wc_error own = {0};
        size_t f = i / (KINDS * set->per_category), j = i % (KINDS * set->per_category);
        enum wc_err r = write_photo(set, dir, f, (enum kind)(j / set->per_category),
                                    j % set->per_category, &own);
        if (r != WC_OK) {
#pragma omp critical(wc_demo_write)
            rc = wc_fail(err, r, own.fault, "%s", own.text);
        }
    }
    return rc;
}

// ---- the baseline

// AUROC from counts of normal and damaged pixels at each squared distance from the centre, in
// quarter pixels: (2 i - side + 1)^2 + (2 j - side + 1)^2; ties count half.
enum wc_err wc_demo_centre_auroc(const struct wc_demo_set *set, size_t i_folder, double *auroc,
                                 struct wc_error *err) {
    enum { LEVELS = 2 * WC_DEMO_SIDE * WC_DEMO_SIDE };
    struct wc_demo_photo *photo = NULL;
    uint64_t(*count)[2] = NULL; // (LEVELS, normal and damaged)
    enum wc_err rc = WC_NEW(&photo, 1, "a photo", err);
    if (rc == WC_OK)
        rc = WC_NEW(&count, LEVELS, "pixels by distance", err);
    for (size_t i = 0; i < 2 * set->per_category && rc == WC_OK; i++) {
        enum kind kind = i < set->per_category ? GOOD : DAMAGED;
        rc = render(set, i_folder, kind, i % set->per_category, photo, err);
        for (size_t p = 0; p < WC_DEMO_PIXELS && rc == WC_OK; p++) {
            int x = 2 * (int)(p % WC_DEMO_SIDE) - WC_DEMO_SIDE + 1;
            int y = 2 * (int)(p / WC_DEMO_SIDE) - WC_DEMO_SIDE + 1;
            count[x * x + y * y][photo->mask[p] != 0]++;
        }
    }
    double below = 0, total[2] = {0, 0};
    for (size_t d = LEVELS; d-- > 0 && rc == WC_OK;) { // from the corners inwards
        below += (double)count[d][1] * (total[0] + .5 * (double)count[d][0]);
        total[0] += (double)count[d][0];
        total[1] += (double)count[d][1];
    }
    if (rc == WC_OK)
        *auroc = below / (total[0] * total[1]);
    wc_free(count);
    wc_free(photo);
    return rc;
}
