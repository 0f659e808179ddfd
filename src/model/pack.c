#include "model/pack.h"

#include "base/alloc.h"
#include "base/io.h"
#include "base/str.h"
#include "tensor/kernels.h"

#include <math.h>

enum { N_LEARN = 2, N_TRY = 1 }; // pictures that tops are learnt from, and errors measured on

// Each layer's precision and how it is smoothed.
struct choice {
    enum wc_precision precision;
    const float *smooth;
};

/* Calibration. */

// s = sqrt(largest input / largest weight) of each channel: both then have the same largest.
static void choose_smoothing(const struct wc_linear *l, struct wc_linear_stats *s) {
    for (size_t c = 0; c < l->k; c++)
        s->smooth[c] = 0.0F;
    for (size_t j = 0; j < l->n; j++)
        for (size_t c = 0; c < l->k; c++) {
            float y = fabsf(l->weight[j * l->k + c]);
            s->smooth[c] = y > s->smooth[c] ? y : s->smooth[c];
        }
    for (size_t c = 0; c < l->k; c++) {
        float ratio = sqrtf(s->top[c] / s->smooth[c]);
        s->smooth[c] = ratio > 1e-4F && ratio < 1e4F ? ratio : 1.0F;
    }
}

static enum wc_err make_candidate(const struct wc_linear *l, struct wc_linear_stats *s,
                                  struct wc_error *err) {
    choose_smoothing(l, s);
    const struct wc_gemm_packing p = {.precision = WC_PRECISION_INT8,
                                      .n = l->n,
                                      .k = l->k,
                                      .b = l->weight,
                                      .ld_b = l->k,
                                      .smooth = s->smooth};
    return wc_gemm_pack_as(&p, &s->candidate, err);
}

static enum wc_err new_stats(struct wc_model *m, struct wc_linear_stats *stats,
                             struct wc_error *err) {
    for (size_t i = 0; i < m->n_packed; i++) {
        WC_TRY(WC_NEW(&stats[i].top, m->packed[i]->k, "calibration", err));
        WC_TRY(WC_NEW(&stats[i].smooth, m->packed[i]->k, "calibration", err));
        m->packed[i]->stats = &stats[i];
    }
    return WC_OK;
}

// What layers sensitive to 8 bits are kept in.
static enum wc_precision wider(void) {
    return wc_gemm_require(WC_PRECISION_BF16, NULL) == WC_OK ? WC_PRECISION_BF16 : WC_PRECISION_F32;
}

static enum wc_err calibrate(struct wc_model *m, struct wc_linear_stats *stats,
                             struct choice *choice, struct wc_error *err) {
    WC_TRY(new_stats(m, stats, err));
    for (size_t i = 0; i < N_LEARN; i++)
        WC_TRY(wc_calibration_run(m, i, err));
    for (size_t i = 0; i < m->n_packed; i++)
        WC_TRY(make_candidate(m->packed[i], &stats[i], err));
    for (size_t i = 0; i < N_TRY; i++)
        WC_TRY(wc_calibration_run(m, N_LEARN + i, err));
    const enum wc_precision kept = wider();
    for (size_t i = 0; i < m->n_packed; i++) {
        double e = sqrt(stats[i].wrong / stats[i].all); // NaN, of a layer without output: kept
        bool wide = !(e <= WC_INT8_ERROR);
        choice[i] = (struct choice){wide ? kept : WC_PRECISION_INT8, wide ? NULL : stats[i].smooth};
        m->n_wide += wide;
    }
    return WC_OK;
}

/* Memory: the model's own, or that of all processes of a node: the layers' precisions, then they.
 */

// What decides the packed bytes; NULL: nothing short of reading the weights does, or memory is out.
static char *share_key(const struct wc_model *m) {
    struct wc_io_info info = {0};
    if (m->weights && (!wc_io_stat(wc_weights_path(m->weights), &info) || !info.is_file))
        return NULL;
    return wc_sprintf("%s|%s|%s|%s|%d|%s|%zu|%d|%s|%llu|%llu|%llu|%lld", WC_VERSION,
                      wc_precision_name(m->precision), wc_gemm_description(),
                      wc_isa_name(wc_kernels()->isa), wc_gemm_int8_most(), m->arch.name,
                      m->arch.image_px, (int)m->activation, m->origin,
                      (unsigned long long)info.device, (unsigned long long)info.inode,
                      (unsigned long long)info.n_bytes, (long long)info.modified_ns);
}

// Sharing is for memory's sake alone: where it cannot be had the model keeps its own.
static void open_shared(struct wc_model *m) {
    size_t bytes = 0;
    struct wc_error why;
    char *key = m->share ? share_key(m) : NULL;
    if (key && m->n_packed > 0 &&
        wc_gemm_weight_bytes(m->precision, m->packed[0]->n, m->packed[0]->k, &bytes, &why) ==
            WC_OK &&
        bytes > 0)
        wc_shared_open(key, &m->shared, &why);
    wc_free(key);
}

static size_t prefix_bytes(const struct wc_model *m) {
    return (m->n_packed + WC_ALIGN - 1) / WC_ALIGN * WC_ALIGN;
}

// The precisions that the process chose which filled the memory; false: of another model.
static bool read_choices(struct wc_model *m, struct choice *choice) {
    const struct wc_shared *s = &m->shared;
    for (size_t i = 0; i < m->n_packed; i++) {
        if (s->n_bytes < m->n_packed || s->data[i] >= WC_N_PRECISIONS)
            return false;
        choice[i].precision = (enum wc_precision)s->data[i];
        m->n_wide += choice[i].precision != m->precision;
    }
    return true;
}

// The place for `total` bytes of weights.
static enum wc_err take_memory(struct wc_model *m, const struct choice *choice, size_t total,
                               unsigned char **out, struct wc_error *err) {
    struct wc_shared *s = &m->shared;
    struct wc_error why;
    size_t prefix = prefix_bytes(m);
    m->packed_bytes = total;
    if (s->path && s->ready && s->n_bytes != prefix + total)
        return WC_FAIL(err, WC_ERR_BUG, "%s: %zu bytes of packed weights, expected %zu", s->path,
                       s->n_bytes, prefix + total);
    if (s->path && !s->ready && wc_shared_make(s, prefix + total, &why) == WC_OK)
        for (size_t i = 0; i < m->n_packed; i++)
            s->data[i] = (unsigned char)choice[i].precision;
    *out = s->path ? s->data + prefix : NULL;
    if (s->path || total == 0)
        return WC_OK;
    WC_TRY(WC_NEW_RAW(out, total, "packed weights", err));
    m->pack = *out;
    return WC_OK;
}

/* Packing. */

static struct wc_gemm_packing packing_of(const struct wc_linear *l, const struct choice *c) {
    return (struct wc_gemm_packing){.precision = c->precision,
                                    .n = l->n,
                                    .k = l->k,
                                    .b = l->weight,
                                    .ld_b = l->k,
                                    .smooth = c->smooth};
}

static enum wc_err pack_all(struct wc_model *m, const struct choice *choice, struct wc_error *err) {
    size_t total = 0, at = 0, bytes;
    unsigned char *memory = NULL;
    for (size_t i = 0; i < m->n_packed; i++) {
        const struct wc_linear *l = m->packed[i];
        WC_TRY(wc_gemm_weight_bytes(choice[i].precision, l->n, l->k, &bytes, err));
        total += bytes;
    }
    bool filled = m->shared.ready;
    WC_TRY(take_memory(m, choice, total, &memory, err));
    for (size_t i = 0; i < m->n_packed; i++) {
        struct wc_linear *l = m->packed[i];
        struct wc_gemm_packing p = packing_of(l, &choice[i]);
        WC_TRY(wc_gemm_weight_bytes(p.precision, l->n, l->k, &bytes, err));
        p.memory = bytes > 0 ? memory + at : NULL;
        p.filled = filled;
        at += bytes;
        WC_TRY(wc_gemm_pack_as(&p, &l->packed, err));
    }
    return m->shared.path && !filled ? wc_shared_publish(&m->shared, err) : WC_OK;
}

enum wc_err wc_model_pack(struct wc_model *m, struct wc_error *err) {
    struct wc_linear_stats *stats = NULL;
    struct choice *choice = NULL;
    WC_TRY(wc_gemm_require(m->precision, err));
    m->n_packed = m->family->linears(m, NULL);
    WC_TRY(WC_NEW(&m->packed, m->n_packed, "packed layers", err));
    m->family->linears(m, m->packed);
    open_shared(m);
    enum wc_err rc = WC_NEW(&choice, m->n_packed, "packed layers", err);
    if (rc == WC_OK)
        rc = WC_NEW(&stats, m->n_packed, "calibration", err);
    for (size_t i = 0; i < m->n_packed && rc == WC_OK; i++)
        choice[i].precision = m->precision;
    if (m->shared.ready && rc == WC_OK && !read_choices(m, choice))
        rc = WC_FAIL(err, WC_ERR_BUG, "%s: packed weights of another model", m->shared.path);
    if (rc == WC_OK && m->precision == WC_PRECISION_INT8 && !m->shared.ready)
        rc = calibrate(m, stats, choice, err);
    for (size_t i = 0; i < m->n_packed && stats; i++) {
        m->packed[i]->stats = NULL;
        wc_gemm_weight_free(&stats[i].candidate);
        wc_free(stats[i].top);
    }
    if (rc == WC_OK)
        rc = pack_all(m, choice, err);
    for (size_t i = 0; i < m->n_packed && stats; i++)
        wc_free(stats[i].smooth);
    wc_free(stats);
    wc_free(choice);
    return rc;
}

void wc_model_unpack(struct wc_model *m) {
    for (size_t i = 0; i < m->n_packed && m->packed; i++)
        wc_gemm_weight_free(&m->packed[i]->packed);
    wc_free(m->packed);
    wc_free(m->pack);
    wc_shared_release(&m->shared);
    m->packed = NULL;
    m->pack = NULL;
    m->n_packed = 0;
}
