/*
 * Every element of a product is checked at the cost of three matrix-vector products (R. Freivalds,
 * "Probabilistic machines can use less running time", 1977): out r = a (b r) for a random r.
 *
 * The matrices hold integers so small that every partial sum stays below 2^24: float32 arithmetic
 * is exact in any order, so is the check in 64-bit integers, and the comparison has no tolerance.
 * a's integers have 12 bits, so that a backend that computes in bfloat16 or TF32 fails too.
 */
#include "tensor/gemm_check.h"

#include "base/alloc.h"
#include "base/rng.h"

#include <math.h>
#include <stdint.h>

enum { A_MAX = 4095, B_MAX = 4, R_MAX = 1000, K_MAX = 1023 }; // 4095 * 4 * 1023 < 2^24

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
    float *a, *b, *out; // (m, k), (n, k) or (k, n), (m, n)
    int64_t *r, *br;    // (n), (k)
};

static int64_t draw(uint64_t *state, int64_t most) {
    return (int64_t)((wc_rng_next(state) >> 32) * (uint64_t)(2 * most + 1) >> 32) - most;
}

// Fills the matrices; out holds small integers when they are added to, NaN otherwise: it must not
// be read then.
static void fill(const struct shape *s, uint64_t *state, struct work *w) {
    for (size_t i = 0; i < s->m * s->k; i++)
        w->a[i] = (float)draw(state, A_MAX);
    for (size_t i = 0; i < s->n * s->k; i++)
        w->b[i] = (float)draw(state, B_MAX);
    for (size_t i = 0; i < s->m * s->n; i++)
        w->out[i] = s->add ? (float)(i % 13) : NAN;
    for (size_t j = 0; j < s->n; j++)
        w->r[j] = draw(state, R_MAX);
}

// The first row of out that is wrong, or m.
static size_t wrong_row(const struct shape *s, struct work *w) {
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
            float x = w->out[i * s->n + j];
            if (!(fabsf(x) <= 0x1p25F) || x != nearbyintf(x))
                return i;
            found += (int64_t)x * w->r[j];
            wanted += s->add ? (int64_t)((i * s->n + j) % 13) * w->r[j] : 0;
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
    void *weight = NULL;
    WC_TRY(backend->pack(s->n, s->k, w->b, s->k, &weight, err));
    backend->packed(s->m, s->n, s->k, w->a, s->k, weight, NULL, s->add, w->out, s->n);
    backend->unpack(weight);
    return WC_OK;
}

static enum wc_err check_shape(const struct wc_gemm_backend *backend, const char *description,
                               const struct shape *s, bool packed, struct work *w,
                               struct wc_error *err) {
    uint64_t state = (uint64_t)(s - shapes) + 1;
    fill(s, &state, w);
    WC_TRY(multiply(backend, s, packed, w, err));
    size_t row = wrong_row(s, w);
    if (row == s->m)
        return WC_OK;
    return WC_FAIL(err, WC_ERR_CONFIG,
                   "gemm: %s (%s) multiplies wrongly on this processor: row %zu of a product of "
                   "(%zu, %zu) and%s (%zu, %zu)%s matrices; %s",
                   backend->name, description, row, s->m, s->k, packed ? " packed" : "",
                   s->nn ? s->k : s->n, s->nn ? s->n : s->k, s->nn ? "" : " transposed",
                   backend->cure);
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
    WC_TRY(WC_NEW(&w->r, n, what, err));
    return WC_NEW(&w->br, K_MAX, what, err);
}

enum wc_err wc_gemm_check(const struct wc_gemm_backend *backend, const char *description,
                          struct wc_error *err) {
    struct work w = {0};
    enum wc_err rc = allocate(&w, err);
    for (size_t i = 0; i < N_SHAPES && rc == WC_OK; i++) {
        rc = check_shape(backend, description, &shapes[i], false, &w, err);
        if (rc == WC_OK && !shapes[i].nn)
            rc = check_shape(backend, description, &shapes[i], true, &w, err);
    }
    wc_free(w.a);
    wc_free(w.b);
    wc_free(w.out);
    wc_free(w.r);
    wc_free(w.br);
    return rc;
}
