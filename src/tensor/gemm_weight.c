// Packed weights and the precisions that they are multiplied in.
#include "tensor/gemm.h"

#include "base/alloc.h"
#include "tensor/gemm_backend.h"
#include "tensor/gemm_check.h"
#include "tensor/kernels.h"
#include "tensor/thread_scratch.h"

#include <assert.h>
#include <math.h>

// Rows that a narrow product takes at a time: their integers stay in the second-level cache until
// they are floats.
enum { NARROW_ROWS = 64 };

// In one block of memory: what int8 needs beside the backend's form of the weight.
struct wc_gemm_weight {
    const struct wc_gemm_backend *backend;
    enum wc_precision precision;
    size_t n, k;
    float *column; // (n) scales
    int32_t *sum;  // (n) of an output feature's weights
    float *factor; // (k) of inputs; NULL: 1
    void *packed;
    void *own; // the block, unless it is the caller's
};

static int int8_limit = 127;

static const char *const names[WC_N_PRECISIONS] = {"f32", "bf16", "int8"};

const char *wc_precision_name(enum wc_precision precision) {
    return names[precision];
}

static const char *lacking(enum wc_precision precision) {
    return precision == WC_PRECISION_BF16
               ? "this processor has no bfloat16 instructions (AVX-512 BF16)"
               : "this processor multiplies no 8-bit integers";
}

enum wc_err wc_gemm_require(enum wc_precision precision, struct wc_error *err) {
    const struct wc_gemm_backend *b = wc_gemm_chosen();
    if (precision == WC_PRECISION_F32)
        return WC_OK;
    if (!b->int8_most)
        return WC_FAIL(err, WC_ERR_CONFIG,
                       "model.precision: %s: matrix products are %s's, which has float32 alone; it "
                       "needs oneDNN (a build with libdnnl-dev, and gemm: auto or onednn), or "
                       "choose f32",
                       names[precision], b->name);
    if (!b->has(precision))
        return WC_FAIL(err, WC_ERR_CONFIG, "model.precision: %s: %s; choose f32", names[precision],
                       lacking(precision));
    return wc_gemm_check(b, precision, wc_gemm_description(), err);
}

int wc_gemm_int8_most(void) {
    const struct wc_gemm_backend *b = wc_gemm_chosen();
    int most = b->int8_most ? b->int8_most() : 0;
    return most < int8_limit ? most : int8_limit;
}

void wc_gemm_limit_int8(int most) {
    int8_limit = most < 127 ? most : 127;
}

/* Packing. */

static size_t rounded(size_t bytes) {
    return (bytes + WC_ALIGN - 1) / WC_ALIGN * WC_ALIGN;
}

// Bytes before the backend's form.
static size_t prefix_bytes(enum wc_precision precision, size_t n, size_t k) {
    return precision == WC_PRECISION_INT8 ? 2 * rounded(n * 4) + rounded(k * 4) : 0;
}

enum wc_err wc_gemm_weight_bytes(enum wc_precision precision, size_t n, size_t k, size_t *bytes,
                                 struct wc_error *err) {
    size_t own;
    WC_TRY(wc_gemm_chosen()->packed_bytes(precision, n, k, &own, err));
    *bytes = prefix_bytes(precision, n, k) + rounded(own);
    return WC_OK;
}

// One output feature's weights to integers in -most..most, its scale and their sum.
static void quantise_row(const struct wc_gemm_packing *p, size_t j, int most, int8_t *out,
                         struct wc_gemm_weight *w) {
    const float *b = p->b + j * p->ld_b;
    float top = 0.0F;
    for (size_t c = 0; c < p->k; c++) {
        float y = fabsf(p->smooth ? b[c] * p->smooth[c] : b[c]);
        top = y > top ? y : top;
    }
    float inverse = top > 0.0F ? (float)most / top : 0.0F;
    inverse = isfinite(inverse) ? inverse : 0.0F;
    w->sum[j] = 0;
    w->column[j] = top / (float)most;
    for (size_t c = 0; c < p->k; c++) {
        float y = (p->smooth ? b[c] * p->smooth[c] : b[c]) * inverse;
        int q = isfinite(y) ? (int)nearbyintf(y) : 0;
        out[c] = (int8_t)(q > most ? most : q < -most ? -most : q);
        w->sum[j] += out[c];
    }
}

static enum wc_err pack_int8(const struct wc_gemm_packing *p, void *memory,
                             struct wc_gemm_weight *w, struct wc_error *err) {
    int8_t *b = NULL;
    int most = wc_gemm_int8_most();
    if (p->filled)
        return w->backend->pack(p->precision, p->n, p->k, NULL, p->k, memory, false, &w->packed,
                                err);
    WC_TRY(WC_NEW_RAW(&b, p->n * p->k, "weight in 8 bits", err));
    for (size_t j = 0; j < p->n; j++)
        quantise_row(p, j, most, b + j * p->k, w);
    for (size_t c = 0; c < p->k; c++)
        w->factor[c] = p->smooth ? 1.0F / p->smooth[c] : 1.0F;
    enum wc_err rc =
        w->backend->pack(p->precision, p->n, p->k, b, p->k, memory, true, &w->packed, err);
    wc_free(b);
    return rc;
}

enum wc_err wc_gemm_pack_as(const struct wc_gemm_packing *p, struct wc_gemm_weight **out,
                            struct wc_error *err) {
    struct wc_gemm_weight *w = NULL;
    unsigned char *memory = p->memory, *own = NULL;
    size_t bytes, prefix = prefix_bytes(p->precision, p->n, p->k);
    WC_TRY(wc_gemm_weight_bytes(p->precision, p->n, p->k, &bytes, err));
    if (!memory && bytes > 0) {
        WC_TRY(WC_NEW_RAW(&own, bytes, "packed weight", err));
        memory = own;
    }
    enum wc_err rc = WC_NEW(&w, 1, "packed weight", err);
    if (rc == WC_OK) {
        *w = (struct wc_gemm_weight){.backend = wc_gemm_chosen(),
                                     .precision = p->precision,
                                     .n = p->n,
                                     .k = p->k,
                                     .own = own};
        if (p->precision == WC_PRECISION_INT8) {
            w->column = (float *)(void *)memory;
            w->sum = (int32_t *)(void *)(memory + rounded(p->n * 4));
            w->factor = (float *)(void *)(memory + 2 * rounded(p->n * 4));
            rc = pack_int8(p, memory + prefix, w, err);
        } else {
            rc = w->backend->pack(p->precision, p->n, p->k, p->b, p->ld_b, memory, !p->filled,
                                  &w->packed, err);
        }
    }
    if (rc != WC_OK) {
        wc_free(own);
        wc_free(w);
        return rc;
    }
    *out = w;
    return WC_OK;
}

enum wc_err wc_gemm_pack(size_t n, size_t k, const float *b, size_t ld_b,
                         struct wc_gemm_weight **out, struct wc_error *err) {
    const struct wc_gemm_packing p = {
        .precision = WC_PRECISION_F32, .n = n, .k = k, .b = b, .ld_b = ld_b};
    return wc_gemm_pack_as(&p, out, err);
}

void wc_gemm_weight_free(struct wc_gemm_weight **w) {
    if (*w) {
        (*w)->backend->unpack((*w)->packed);
        wc_free((*w)->own);
        wc_free(*w);
    }
    *w = NULL;
}

enum wc_precision wc_gemm_weight_precision(const struct wc_gemm_weight *w) {
    return w->precision;
}

/* Products: of m rows, true when they were computed. */

static bool multiply_bf16(size_t m, const struct wc_gemm_weight *w, const float *a, size_t ld_a,
                          const float *bias, bool add, float *out, size_t ld_out) {
    uint16_t *narrow = wc_thread_scratch(WC_SCRATCH_INPUT, m * w->k * sizeof *narrow);
    for (size_t i = 0; i < m && narrow; i++)
        wc_kernels()->f32_to_bf16(w->k, a + i * ld_a, narrow + i * w->k);
    return narrow && w->backend->packed(m, narrow, w->k, w->packed, bias, add, out, ld_out);
}

static bool multiply_int8(size_t m, const struct wc_gemm_weight *w, const float *a, size_t ld_a,
                          const float *bias, bool add, float *out, size_t ld_out) {
    const struct wc_kernels *kernels = wc_kernels();
    float scale[NARROW_ROWS];
    int32_t zero[NARROW_ROWS];
    uint8_t *narrow = wc_thread_scratch(WC_SCRATCH_INPUT, NARROW_ROWS * w->k);
    int32_t *acc = wc_thread_scratch(WC_SCRATCH_OUTPUT, NARROW_ROWS * w->n * sizeof *acc);
    for (size_t i = 0; i < m && narrow && acc; i += NARROW_ROWS) {
        size_t rows = m - i < NARROW_ROWS ? m - i : NARROW_ROWS;
        kernels->quantise(rows, w->k, a + i * ld_a, ld_a, w->factor, narrow, scale, zero);
        if (!w->backend->packed(rows, narrow, w->k, w->packed, NULL, false, acc, w->n))
            return false;
        kernels->dequantise(rows, w->n, acc, scale, zero, w->column, w->sum, bias, add,
                            out + i * ld_out, ld_out);
    }
    return narrow && acc;
}

static bool multiply_f32(size_t m, const struct wc_gemm_weight *w, const float *a, size_t ld_a,
                         const float *bias, bool add, float *out, size_t ld_out) {
    return w->backend->packed(m, a, ld_a, w->packed, bias, add, out, ld_out);
}

void wc_gemm_packed(size_t m, const struct wc_gemm_weight *w, const float *a, size_t ld_a,
                    struct wc_gemm_post post, float *out, size_t ld_out) {
    static bool (*const multiply[WC_N_PRECISIONS])(
        size_t, const struct wc_gemm_weight *, const float *, size_t, const float *, bool, float *,
        size_t) = {multiply_f32, multiply_bf16, multiply_int8};
    assert(post.act == WC_GEMM_LINEAR || (post.bias && !post.add));
    const float *bias = post.act == WC_GEMM_LINEAR ? post.bias : NULL;
    bool done = multiply[w->precision](m, w, a, ld_a, bias, post.add, out, ld_out);
    for (size_t i = 0; i < m && !done; i++)
        for (size_t j = 0; j < w->n; j++)
            out[i * ld_out + j] = NAN;
    if (post.act == WC_GEMM_GELU)
        wc_kernels()->bias_gelu(m, w->n, out, ld_out, post.bias);
    if (post.act == WC_GEMM_QUICKGELU)
        wc_kernels()->bias_quickgelu(m, w->n, out, ld_out, post.bias);
}
