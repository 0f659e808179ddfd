#include "model/pack.h"

#include "base/alloc.h"

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
    if (total > 0)
        WC_TRY(WC_NEW_RAW(&memory, total, "packed weights", err));
    m->pack = memory;
    m->packed_bytes = total;
    for (size_t i = 0; i < m->n_packed; i++) {
        struct wc_linear *l = m->packed[i];
        struct wc_gemm_packing p = packing_of(l, &choice[i]);
        WC_TRY(wc_gemm_weight_bytes(p.precision, l->n, l->k, &bytes, err));
        p.memory = bytes > 0 ? memory + at : NULL;
        at += bytes;
        WC_TRY(wc_gemm_pack_as(&p, &l->packed, err));
    }
    return WC_OK;
}

enum wc_err wc_model_pack(struct wc_model *m, struct wc_error *err) {
    struct wc_linear_stats *stats = NULL;
    struct choice *choice = NULL;
    WC_TRY(wc_gemm_require(m->precision, err));
    m->n_packed = m->family->linears(m, NULL);
    WC_TRY(WC_NEW(&m->packed, m->n_packed, "packed layers", err));
    m->family->linears(m, m->packed);
    enum wc_err rc = WC_NEW(&choice, m->n_packed, "packed layers", err);
    if (rc == WC_OK)
        rc = WC_NEW(&stats, m->n_packed, "calibration", err);
    for (size_t i = 0; i < m->n_packed && rc == WC_OK; i++)
        choice[i].precision = m->precision;
    if (rc == WC_OK && m->precision == WC_PRECISION_INT8)
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
    m->packed = NULL;
    m->pack = NULL;
    m->n_packed = 0;
}
