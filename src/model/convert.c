#include "model/convert.h"

#include "base/alloc.h"
#include "base/str.h"

#define PIECE ((size_t)1 << 18) // elements converted and written at a time

static enum wc_dtype target(const struct wc_tensor_info *t, enum wc_dtype dtype) {
    if (dtype != WC_N_DTYPES)
        return dtype;
    return t->dtype == WC_F64 ? WC_F32 : t->dtype;
}

// What other programs and this one read back: "format" is asked for by Hugging Face's loader.
static enum wc_err write_meta(const struct wc_model *m, struct wc_st_writer *w,
                              struct wc_error *err) {
    enum wc_activation activation = wc_model_activation(m);
    const char *bpe = wc_weights_meta(wc_model_weights(m), "bpe");
    char sha256[65];
    WC_TRY(wc_st_writer_meta(w, "format", "pt", err));
    WC_TRY(wc_st_writer_meta(w, "source", wc_path_base(wc_weights_path(wc_model_weights(m))), err));
    WC_TRY(wc_model_hash(m, sha256, err));
    WC_TRY(wc_st_writer_meta(w, "source_sha256", sha256, err));
    if (bpe)
        WC_TRY(wc_st_writer_meta(w, "bpe", wc_path_base(bpe), err));
    if (activation == WC_ACTIVATION_AUTO)
        return WC_OK; // a configuration without quick_gelu would claim GELU
    WC_TRY(
        wc_st_writer_meta(w, "activation", activation == WC_QUICKGELU ? "quickgelu" : "gelu", err));
    struct wc_buf json = {0};
    wc_arch_to_json(wc_model_arch(m), activation, &json);
    enum wc_err rc = wc_buf_check(&json, "model configuration", err);
    if (rc == WC_OK)
        rc = wc_st_writer_meta(w, "open_clip_config", wc_buf_str(&json), err);
    wc_buf_release(&json);
    return rc;
}

static enum wc_err write_tensor(const char *path, const struct wc_tensor_info *t,
                                enum wc_dtype dtype, unsigned char *piece, struct wc_st_writer *w,
                                struct wc_error *err) {
    size_t size = wc_dtype_size(dtype);
    if (t->dtype == dtype)
        return wc_st_writer_data(w, t->data, t->n_bytes, err);
    for (size_t at = 0; at < t->n_elements; at += PIECE) {
        size_t n = t->n_elements - at < PIECE ? t->n_elements - at : PIECE;
        WC_TRY(wc_tensor_narrow(path, t, at, n, dtype, piece, err));
        WC_TRY(wc_st_writer_data(w, piece, n * size, err));
    }
    return WC_OK;
}

static enum wc_err write_tensors(const struct wc_weights *weights,
                                 const struct wc_tensor_spec *spec, size_t n, enum wc_dtype dtype,
                                 struct wc_st_writer *w, struct wc_error *err) {
    unsigned char *piece;
    for (size_t i = 0; i < n; i++) {
        const struct wc_tensor_info *t = wc_weights_find(weights, spec[i].name);
        if (t) // logit_scale may be absent
            WC_TRY(wc_st_writer_declare(w, spec[i].name, target(t, dtype), spec[i].n_dims,
                                        spec[i].dim, err));
    }
    WC_TRY(WC_NEW(&piece, PIECE * sizeof(float), "a piece of a tensor", err));
    enum wc_err rc = WC_OK;
    for (size_t i = 0; i < n && rc == WC_OK; i++) {
        const struct wc_tensor_info *t = wc_weights_find(weights, spec[i].name);
        if (t)
            rc = write_tensor(wc_weights_path(weights), t, target(t, dtype), piece, w, err);
    }
    wc_free(piece);
    return rc;
}

enum wc_err wc_model_convert(const struct wc_model *m, enum wc_dtype dtype, const char *path,
                             struct wc_error *err) {
    const struct wc_weights *weights = wc_model_weights(m);
    struct wc_tensor_spec *spec = NULL;
    struct wc_st_writer *w = NULL;
    size_t n;
    if (!weights)
        return WC_FAIL(err, WC_ERR_USAGE,
                       "model convert: a weight file is needed; `model random` writes random ones");
    WC_TRY(wc_arch_tensors(wc_model_arch(m), &spec, &n, err));
    enum wc_err rc = wc_st_writer_new(path, &w, err);
    if (rc == WC_OK)
        rc = write_meta(m, w, err);
    if (rc == WC_OK)
        rc = write_tensors(weights, spec, n, dtype, w, err);
    if (rc == WC_OK)
        rc = wc_st_writer_commit(w, err);
    wc_st_writer_free(&w);
    wc_free(spec);
    return rc;
}
