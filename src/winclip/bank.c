// Banks: reference features in memory, built here or mapped from a file.
#include "winclip/handles.h"

#include "base/alloc.h"

#include <stdio.h>
#include <string.h>

static enum wc_err new_bank(const winclip_scorer *s, winclip_bank **out, struct wc_error *err) {
    winclip_bank *b = NULL;
    WC_TRY(WC_NEW(&b, 1, "bank", err));
    b->model = s->model;
    b->tile_mode = s->tile_mode;
    b->exif_apply = s->config.preprocess.exif_apply;
    b->request = s->plan.reference;
    *out = b;
    return WC_OK;
}

enum winclip_status winclip_bank_new(winclip_scorer *s, winclip_bank **out) {
    struct wc_error err = {0};
    enum wc_err rc = wc_scorer_begin(s, &err);
    if (rc == WC_OK)
        rc = new_bank(s, out, &err);
    return wc_handle_set(&s->error, rc, &err);
}

void winclip_bank_free(winclip_bank *b) {
    if (!b)
        return;
    for (size_t i = 0; i < b->n_own; i++)
        wc_reference_features_release(&b->own[i]);
    wc_free(b->own);
    wc_free(b->view);
    wc_weights_free(&b->file);
    wc_free(b);
}

size_t winclip_bank_size(const winclip_bank *bank) {
    return bank ? bank->n : 0;
}

static bool same_sides(const struct wc_request *a, const struct wc_request *b) {
    return a->want == b->want && a->n_scales == b->n_scales &&
           memcmp(a->window, b->window, a->n_scales * sizeof *a->window) == 0;
}

static enum wc_err check_bank(const winclip_scorer *s, const winclip_bank *b,
                              struct wc_error *err) {
    if (!b)
        return WC_FAIL(err, WC_ERR_USAGE, "bank: a bank is needed");
    if (b->model != s->model)
        return WC_FAIL(err, WC_ERR_USAGE, "bank: it was made with another model");
    if (b->tile_mode != s->tile_mode || b->exif_apply != s->config.preprocess.exif_apply)
        return WC_FAIL(err, WC_ERR_USAGE,
                       "bank: it was made with another preprocess.tiling or preprocess.exif");
    return WC_OK;
}

static enum wc_err add(winclip_scorer *s, winclip_bank *b, const struct wc_image *image,
                       struct wc_error *err) {
    WC_TRY(check_bank(s, b, err));
    if (!same_sides(&b->request, &s->plan.reference))
        return WC_FAIL(err, WC_ERR_USAGE,
                       "bank: it was begun by a scorer of other window sides; go on with that one");
    WC_TRY(WC_GROW(&b->own, &b->cap_own, b->n_own + 1, "bank", err));
    WC_TRY(WC_GROW(&b->view, &b->cap, b->n + 1, "bank", err));
    WC_TRY(wc_encode_reference(s->scorer, image, &b->own[b->n_own], err));
    b->view[b->n++] = b->own[b->n_own++].view;
    return WC_OK;
}

enum winclip_status winclip_bank_add_rgb8(winclip_scorer *s, winclip_bank *bank,
                                          const unsigned char *rgb, size_t width, size_t height,
                                          size_t stride_bytes) {
    struct wc_error err = {0};
    struct wc_image view = {0}, copy = {0};
    enum wc_err rc = wc_scorer_begin(s, &err);
    if (rc == WC_OK)
        rc = wc_pixels_view(rgb, width, height, stride_bytes, &view, &copy, &err);
    if (rc == WC_OK)
        rc = add(s, bank, &view, &err);
    wc_image_release(&copy);
    return wc_handle_set(&s->error, rc, &err);
}

enum winclip_status winclip_bank_add_file(winclip_scorer *s, winclip_bank *bank, const char *path) {
    unsigned char *rgb = NULL;
    size_t width = 0, height = 0;
    enum winclip_status rc = winclip_read_image(s, path, &rgb, &width, &height);
    if (rc == WINCLIP_OK)
        rc = winclip_bank_add_rgb8(s, bank, rgb, width, height, 3 * width);
    winclip_pixels_free(rgb);
    return rc;
}

/* Files. */

static enum wc_err make_key(winclip_scorer *s, struct wc_buf *key, struct wc_error *err) {
    if (!s->sha256[0])
        WC_TRY(wc_model_hash(s->model, s->sha256, err));
    return wc_reference_key(s->model, s->sha256, s->tile_mode, s->config.preprocess.exif_apply,
                            "f32", key, err);
}

static enum wc_err write_bank(const winclip_bank *b, const char *path, const char *key,
                              struct wc_error *err) {
    struct wc_st_writer *w = NULL;
    WC_TRY(wc_st_writer_new(path, &w, err));
    enum wc_err rc = wc_st_writer_meta(w, "key", key, err);
    for (int pass = 0; pass < 2; pass++) // all declarations come before all data
        for (size_t i = 0; i < b->n && rc == WC_OK; i++) {
            char prefix[32];
            snprintf(prefix, sizeof prefix, "ref.%zu.", i);
            rc = pass == 0 ? wc_reference_declare(w, prefix, b->model, &b->request,
                                                  b->view[i].n_tiles, err)
                           : wc_reference_data(w, b->model, &b->request, &b->view[i], err);
        }
    if (rc == WC_OK)
        rc = wc_st_writer_commit(w, err);
    wc_st_writer_free(&w);
    return rc;
}

enum winclip_status winclip_bank_save(winclip_scorer *s, const winclip_bank *bank,
                                      const char *path) {
    struct wc_error err = {0};
    struct wc_buf key = {0};
    enum wc_err rc = wc_scorer_begin(s, &err);
    if (rc == WC_OK)
        rc = check_bank(s, bank, &err);
    if (rc == WC_OK && bank->n == 0)
        rc = WC_FAIL(&err, WC_ERR_USAGE, "%s: the bank is empty", path);
    if (rc == WC_OK)
        rc = make_key(s, &key, &err);
    if (rc == WC_OK)
        rc = write_bank(bank, path, wc_buf_str(&key), &err);
    wc_buf_release(&key);
    return wc_handle_set(&s->error, rc, &err);
}

static enum wc_err view_all(winclip_bank *b, const char *key, size_t n, struct wc_error *err) {
    for (b->n = 0; b->n < n; b->n++) {
        char prefix[32];
        snprintf(prefix, sizeof prefix, "ref.%zu.", b->n);
        WC_TRY(wc_reference_view(b->file, prefix, key, b->model, &b->request, &b->view[b->n], err));
    }
    return WC_OK;
}

static enum wc_err map_bank(const winclip_scorer *s, const char *path, const char *key,
                            winclip_bank *b, struct wc_error *err) {
    WC_TRY(wc_weights_open(path, &b->file, err));
    size_t n = wc_bank_size(b->file);
    if (n == 0)
        return WC_FAIL(err, WC_ERR_DATA, "%s: no bank of references (no tensor \"ref.0.*\")", path);
    WC_TRY(WC_GROW(&b->view, &b->cap, n, "bank", err));
    struct wc_error first = {0};
    enum wc_err rc = view_all(b, key, n, &first);
    if (rc != WC_OK && first.fault && strcmp(first.fault, "missing-tensor") == 0) {
        b->request.want = s->want; // a bank made for this preset alone
        return view_all(b, key, n, err);
    }
    return rc == WC_OK ? WC_OK : WC_FAULT(err, rc, first.fault, "%s", first.text);
}

enum winclip_status winclip_bank_load(winclip_scorer *s, const char *path, winclip_bank **out) {
    struct wc_error err = {0};
    struct wc_buf key = {0};
    winclip_bank *b = NULL;
    enum wc_err rc = wc_scorer_begin(s, &err);
    if (rc == WC_OK)
        rc = new_bank(s, &b, &err);
    if (rc == WC_OK)
        rc = make_key(s, &key, &err);
    if (rc == WC_OK)
        rc = map_bank(s, path, wc_buf_str(&key), b, &err);
    if (rc == WC_OK)
        *out = b;
    else
        winclip_bank_free(b);
    wc_buf_release(&key);
    return wc_handle_set(&s->error, rc, &err);
}

/* Scoring. */

static const float *find_side(const winclip_bank *b, size_t i, size_t k) {
    for (size_t j = 0; j < b->request.n_scales; j++)
        if (b->request.window[j] == k)
            return b->view[i].window[j];
    return NULL;
}

static bool has_all(const winclip_scorer *s, const struct wc_reference *view) {
    static const unsigned want[] = {WC_WANT_PATCH, WC_WANT_PATCH_POST, WC_WANT_PATCH_PROJ};
    for (size_t i = 0; i < sizeof want / sizeof *want; i++)
        if ((s->want & want[i]) && !view->patch[i + 1])
            return false;
    for (size_t i = 0; (s->want & WC_WANT_WINDOWS) && i < s->plan.request.n_scales; i++)
        if (!view->window[i])
            return false;
    return true;
}

enum wc_err wc_bank_point(winclip_scorer *s, const winclip_bank *b, struct wc_error *err) {
    const struct wc_request *r = &s->plan.request;
    WC_TRY(check_bank(s, b, err));
    if (b->n == 0)
        return WC_FAIL(err, WC_ERR_USAGE, "score: the bank is empty; NULL means zero-shot");
    WC_TRY(WC_GROW(&s->view, &s->cap_view, b->n, "references", err));
    WC_TRY(WC_GROW(&s->draw, &s->cap_draw, b->n, "references", err));
    for (size_t i = 0; i < b->n; i++) {
        s->view[i] = b->view[i];
        s->draw[i] = i;
        for (size_t j = 0; j < WC_MAX_SCALES; j++)
            s->view[i].window[j] = j < r->n_scales ? find_side(b, i, r->window[j]) : NULL;
        if (!has_all(s, &s->view[i]))
            return WC_FAIL(err, WC_ERR_DATA,
                           "score: the bank lacks features that preset %s compares; build it with "
                           "this scorer",
                           s->plan.variant[0].preset);
    }
    return WC_OK;
}
