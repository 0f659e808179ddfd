#include "method/reference_file.h"

#include "tensor/gemm.h"
#include "tensor/kernels.h"

#include <stdio.h>
#include <string.h>

#define KEY_VERSION 1 // raised when the layout or the meaning of the features changes
#define N_KINDS WC_REFERENCE_ARRAYS

enum wc_err wc_reference_key(const struct wc_model *model, const char *weights_sha256,
                             enum wc_tile_mode mode, bool exif_apply, const char *precision,
                             struct wc_buf *out, struct wc_error *err) {
    static const char *const modes[] = {"tiles", "shortest_crop", "squash"};
    wc_buf_printf(out, "version %d, weights %s, %s, %s, exif %s, %s, %s, %s", KEY_VERSION,
                  weights_sha256, wc_model_activation(model) == WC_QUICKGELU ? "quickgelu" : "gelu",
                  modes[mode], exif_apply ? "apply" : "ignore", precision,
                  wc_isa_name(wc_kernels()->isa), wc_gemm_backend());
    return wc_buf_check(out, "reference key", err);
}

// Names, row counts and widths of the arrays that a request wants.
struct array {
    char name[32];
    size_t n_rows, width; // n_rows of one tile; 0: not wanted
};

static void arrays_of(const struct wc_model *model, const struct wc_request *r,
                      struct array a[N_KINDS]) {
    static const char *const patch[3] = {"patch", "patch_post", "patch_proj"};
    size_t size[N_KINDS], n_windows = 3 + WC_MAX_SCALES;
    wc_reference_sizes(model, r, 1, size);
    for (size_t i = 0; i < N_KINDS; i++) {
        size_t n_rows = wc_reference_rows(model, r, i);
        a[i].n_rows = size[i] > 0 ? n_rows : 0;
        a[i].width = size[i] > 0 ? size[i] / n_rows : 0;
        if (i < 3)
            snprintf(a[i].name, sizeof a[i].name, "%s", patch[i]);
        else if (i < n_windows)
            snprintf(a[i].name, sizeof a[i].name, "window%zu",
                     i - 3 < r->n_scales ? r->window[i - 3] : 0);
        else if (i + 2 < N_KINDS)
            snprintf(a[i].name, sizeof a[i].name, "layer%zu", i - n_windows + 1);
        else
            snprintf(a[i].name, sizeof a[i].name, "%s", i + 1 < N_KINDS ? "pooled" : "hidden");
    }
}

enum wc_err wc_reference_declare(struct wc_st_writer *w, const char *prefix,
                                 const struct wc_model *model, const struct wc_request *request,
                                 size_t n_tiles, struct wc_error *err) {
    struct array a[N_KINDS];
    arrays_of(model, request, a);
    for (size_t i = 0; i < N_KINDS; i++) {
        char name[96];
        const size_t dim[2] = {n_tiles * a[i].n_rows, a[i].width};
        snprintf(name, sizeof name, "%.48s%.31s", prefix, a[i].name);
        if (a[i].n_rows > 0)
            WC_TRY(wc_st_writer_declare(w, name, WC_F32, 2, dim, err));
    }
    return WC_OK;
}

enum wc_err wc_reference_data(struct wc_st_writer *w, const struct wc_model *model,
                              const struct wc_request *request,
                              const struct wc_reference *reference, struct wc_error *err) {
    struct array a[N_KINDS];
    arrays_of(model, request, a);
    for (size_t i = 0; i < N_KINDS; i++) {
        struct wc_reference view = *reference;
        const float *data = *wc_reference_slot(&view, i);
        if (a[i].n_rows > 0)
            WC_TRY(wc_st_writer_data(
                w, data, reference->n_tiles * a[i].n_rows * a[i].width * sizeof *data, err));
    }
    return WC_OK;
}

enum wc_err wc_reference_write(const char *path, const char *key, const struct wc_model *model,
                               const struct wc_request *request,
                               const struct wc_reference *reference, struct wc_error *err) {
    struct wc_st_writer *w = NULL;
    WC_TRY(wc_st_writer_new(path, &w, err));
    enum wc_err rc = wc_st_writer_meta(w, "key", key, err);
    if (rc == WC_OK)
        rc = wc_reference_declare(w, "", model, request, reference->n_tiles, err);
    if (rc == WC_OK)
        rc = wc_reference_data(w, model, request, reference, err);
    if (rc == WC_OK)
        rc = wc_st_writer_commit(w, err);
    wc_st_writer_free(&w);
    return rc;
}

enum wc_err wc_reference_view(const struct wc_weights *file, const char *prefix, const char *key,
                              const struct wc_model *model, const struct wc_request *request,
                              struct wc_reference *out, struct wc_error *err) {
    struct array a[N_KINDS];
    struct wc_reference view = {0};
    const char *path = wc_weights_path(file), *found = wc_weights_meta(file, "key");
    if (key && (!found || strcmp(found, key) != 0))
        return WC_FAULT(
            err, WC_ERR_DATA, "other-model",
            "%s: made by \"%s\", this run needs \"%s\"; make the bank again with this model", path,
            found ? found : "(no key)", key);
    arrays_of(model, request, a);
    for (size_t i = 0; i < N_KINDS; i++) {
        char name[96];
        if (a[i].n_rows == 0)
            continue;
        snprintf(name, sizeof name, "%.48s%.31s", prefix, a[i].name);
        const struct wc_tensor_info *t = wc_weights_find(file, name);
        if (!t)
            return WC_FAULT(err, WC_ERR_DATA, "missing-tensor", "%s: tensor \"%s\" is missing",
                            path, name);
        size_t n_tiles = t->n_dims == 2 ? t->dim[0] / a[i].n_rows : 0;
        bool fits = t->dtype == WC_F32 && t->n_dims == 2 && t->dim[1] == a[i].width &&
                    n_tiles > 0 && n_tiles * a[i].n_rows == t->dim[0] &&
                    (view.n_tiles == 0 || view.n_tiles == n_tiles);
        if (!fits || (uintptr_t)t->data % sizeof(float) != 0)
            return WC_FAULT(err, WC_ERR_DATA, "bad-shape",
                            "%s: tensor \"%s\" does not fit this model", path, name);
        view.n_tiles = n_tiles;
        *wc_reference_slot(&view, i) = (const float *)(const void *)t->data;
    }
    *out = view;
    return WC_OK;
}

size_t wc_bank_size(const struct wc_weights *file) {
    size_t n = 0;
    for (size_t i = 0; i < wc_weights_n_tensors(file); i++) {
        const char *name = wc_weights_at(file, i)->name;
        size_t index = 0, p = 4;
        if (strncmp(name, "ref.", 4) != 0)
            continue;
        while (name[p] >= '0' && name[p] <= '9' && index < 1000000)
            index = index * 10 + (size_t)(name[p++] - '0');
        if (p > 4 && name[p] == '.' && index + 1 > n)
            n = index + 1;
    }
    return n;
}
