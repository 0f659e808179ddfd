/*
 * Every element of a product is checked at the cost of three matrix-vector products (R. Freivalds,
 * "Probabilistic machines can use less running time", 1977): out r = a (b r) for a random r.
 *
 * The matrices hold integers so small that every partial sum stays below 2^24: float32 arithmetic
 * is exact in any order, so is the check in 64-bit integers, and the comparison has no tolerance.
 * a's integers have 12 bits, so that a backend that computes in bfloat16 or TF32 fails too. Weights
 * packed as bfloat16 get those of 8 bits that it holds; 8-bit products, whose sums are integers
 * anyway, the whole range that they may have, so that a saturating instruction fails.
 */
#include "tensor/gemm_check.h"

#include "base/alloc.h"
#include "base/rng.h"
#include "tensor/kernels.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

enum { R_MAX = 1000, K_MAX = 1023 };

// Magnitudes of a and b. 4095 * 4 * 1023 < 2^24; int8's b is the backend's own.
static const struct limits {
    int64_t a, b;
} limits[WC_N_PRECISIONS] = {{4095, 4}, {255, 4}, {255, 0}};

// Sizes of CLIP's layers and odd ones: full tiles, ragged edges, one row, small matrices (which
// have kernels of their own), long rows. `nn`: b is (k, n).
static const struct shape {
    size_t m, n, k;
    bool nn, add;
} shapes[] = {
    {1, 96, 896, false, false},    {2, 7, 3, true, true},        {5, 64, 5, true, false},
    {5, 224, 897, false, true},    {10, 10, 64, false, false},   {17, 33, 31, false, true},
    {29, 129, 257, true, false},   {50, 224, 768, false, false}, {63, 65, 67, false, false},
    {64, 64, 64, true, true},      {100, 100, 100, false, true}, {113, 300, 1023, false, false},
    {197, 197, 64, false, false},  {197, 64, 197, true, false},  {226, 226, 64, false, false},
    {226, 64, 226, true, false},   {250, 320, 897, false, true}, {255, 511, 77, true, true},
    {300, 1000, 63, false, false}, {9, 3584, 256, false, false}, {16, 2688, 129, false, true},
};
enum { N_SHAPES = sizeof shapes / sizeof *shapes };

struct work {
    enum wc_precision type;
    float *a, *b, *out; // (m, k), (n, k) or (k, n), (m, n)
    void *narrow_a;     // a as the packed product takes it
    int8_t *narrow_b;
    int64_t *r, *br; // (n), (k)
};

static int64_t draw(uint64_t *state, int64_t most) {
    return (int64_t)((wc_rng_next(state) >> 32) * (uint64_t)(2 * most + 1) >> 32) - most;
}

// Fills the matrices; out holds small integers when they are added to, NaN otherwise: it must not
// be read then. Integers of int8 are at their limits half of the time.
static void fill(const struct shape *s, const struct limits *limit, uint64_t *state,
                 struct work *w) {
    bool int8 = w->type == WC_PRECISION_INT8;
    for (size_t i = 0; i < s->m * s->k; i++) {
        int64_t x = draw(state, limit->a);
        w->a[i] = (float)(!int8 ? x : x % 2 ? limit->a : x < 0 ? -x : x);
        if (int8)
            ((uint8_t *)w->narrow_a)[i] = (uint8_t)w->a[i];
    }
    if (w->type == WC_PRECISION_BF16)
        wc_kernels()->f32_to_bf16(s->m * s->k, w->a, w->narrow_a);
    for (size_t i = 0; i < s->n * s->k; i++) {
        int64_t x = draw(state, limit->b);
        w->b[i] = (float)(int8 && x % 2 ? (x < 0 ? -limit->b : limit->b) : x);
        w->narrow_b[i] = (int8_t)w->b[i];
    }
    for (size_t i = 0; i < s->m * s->n; i++)
        w->out[i] = s->add ? (float)(i % 13) : NAN;
    for (size_t j = 0; j < s->n; j++)
        w->r[j] = draw(state, R_MAX);
}

// Element i of the result; INT64_MIN: no integer.
static int64_t result(const struct work *w, size_t i) {
    float x = w->out[i];
    int32_t y;
    memcpy(&y, &x, sizeof y);
    if (w->type == WC_PRECISION_INT8)
        return y;
    return fabsf(x) <= 0x1p25F && x == nearbyintf(x) ? (int64_t)x : INT64_MIN;
}

// The first row of out that is wrong, or m.
static size_t wrong_row(const struct shape *s, bool add, struct work *w) {
    for (size_t c = 0; c < s->k; c++) {
        w->br[c] = 0;
        for (size_t j = 0; j < s->n; j++)
            w->br[c] += (int64_t)w->b[s->nn ? c * s->n + j : j * s->k + c] * w->r[j];
    }
    for (size_t i = 0; i < s->m; i++) {
        int64_t wanted = 0, found = 0;
        for (size_t c = 0; c < s->k; c++)
            wanted += (int64_t)w->a[i * s->k + c] * w->br[c];
        for (size_t j = 0; j < s->n; j++) {
            int64_t x = result(w, i * s->n + j);
            if (x == INT64_MIN)
                return i;
            found += x * w->r[j];
            wanted += add ? (int64_t)((i * s->n + j) % 13) * w->r[j] : 0;
        }
        if (found != wanted)
            return i;
    }
    return s->m;
}

static enum wc_err multiply(const struct wc_gemm_backend *backend, const struct shape *s,
                            bool packed, struct work *w, struct wc_error *err) {
    if (!packed) {
        (s->nn ? backend->nn : backend->nt)(s->m, s->n, s->k, w->a, s->k, w->b, s->nn ? s->n : s->k,
                                            s->add, w->out, s->n);
        return WC_OK;
    }
    bool f32 = w->type == WC_PRECISION_F32, int8 = w->type == WC_PRECISION_INT8;
    void *weight = NULL;
    unsigned char *memory = NULL;
    size_t bytes;
    WC_TRY(backend->packed_bytes(w->type, s->n, s->k, &bytes, err));
    WC_TRY(WC_NEW_RAW(&memory, bytes, "packed weight", err));
    enum wc_err rc = backend->pack(w->type, s->n, s->k, int8 ? (void *)w->narrow_b : w->b, s->k,
                                   memory, true, &weight, err);
    if (rc == WC_OK) {
        if (!backend->packed(s->m, f32 ? w->a : w->narrow_a, s->k, weight, NULL, s->add && !int8,
                             w->out, s->n))
            rc = WC_FAIL(err, WC_ERR_NOMEM, "self-test of the matrix product: out of memory");
        backend->unpack(weight);
    }
    wc_free(memory);
    return rc;
}

static enum wc_err check_shape(const struct wc_gemm_backend *backend, const char *description,
                               const struct shape *s, bool packed, struct work *w,
                               struct wc_error *err) {
    uint64_t state = (uint64_t)(s - shapes) + 1;
    struct limits limit = limits[w->type];
    bool int8 = w->type == WC_PRECISION_INT8;
    limit.b = int8 ? backend->int8_most() : limit.b;
    fill(s, &limit, &state, w);
    WC_TRY(multiply(backend, s, packed, w, err));
    size_t row = wrong_row(s, s->add && !int8, w);
    if (row == s->m)
        return WC_OK;
    return WC_FAIL(err, WC_ERR_CONFIG,
                   "gemm: %s (%s) multiplies wrongly on this processor: row %zu of a product of "
                   "(%zu, %zu) and%s%s (%zu, %zu)%s matrices; %s",
                   backend->name, description, row, s->m, s->k, packed ? " packed " : "",
                   packed ? wc_precision_name(w->type) : "", s->nn ? s->k : s->n,
                   s->nn ? s->n : s->k, s->nn ? "" : " transposed", backend->cure);
}

static enum wc_err allocate(struct work *w, struct wc_error *err) {
    size_t a = 0, b = 0, out = 0, n = 0;
    for (const struct shape *s = shapes; s < shapes + N_SHAPES; s++) {
        a = s->m * s->k > a ? s->m * s->k : a;
        b = s->n * s->k > b ? s->n * s->k : b;
        out = s->m * s->n > out ? s->m * s->n : out;
        n = s->n > n ? s->n : n;
    }
    const char *what = "self-test of the matrix product";
    WC_TRY(WC_NEW(&w->a, a, what, err));
    WC_TRY(WC_NEW(&w->b, b, what, err));
    WC_TRY(WC_NEW(&w->out, out, what, err));
    float *narrow_a = NULL;
    WC_TRY(WC_NEW(&narrow_a, a, what, err));
    w->narrow_a = narrow_a;
    WC_TRY(WC_NEW(&w->narrow_b, b, what, err));
    WC_TRY(WC_NEW(&w->r, n, what, err));
    return WC_NEW(&w->br, K_MAX, what, err);
}

enum wc_err wc_gemm_check(const struct wc_gemm_backend *backend, enum wc_precision precision,
                          const char *description, struct wc_error *err) {
    struct work w = {.type = precision};
    enum wc_err rc = allocate(&w, err);
    for (size_t i = 0; i < N_SHAPES && rc == WC_OK; i++) {
        if (precision == WC_PRECISION_F32)
            rc = check_shape(backend, description, &shapes[i], false, &w, err);
        if (rc == WC_OK && !shapes[i].nn)
            rc = check_shape(backend, description, &shapes[i], true, &w, err);
    }
    wc_free(w.a);
    wc_free(w.b);
    wc_free(w.out);
    wc_free(w.narrow_a);
    wc_free(w.narrow_b);
    wc_free(w.r);
    wc_free(w.br);
    return rc;
}
