// OpenBLAS (or any CBLAS with its openblas_ functions), single-threaded; weights are not packed.
#include "tensor/gemm_backend.h"

#include "base/alloc.h"
#include "tensor/kernels.h"

#include <assert.h>
#include <cblas.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

static enum wc_err init(char *description, size_t n_bytes, struct wc_error *err) {
    (void)err;
    openblas_set_num_threads(1);
    // "OpenBLAS 0.3.21 NO_LAPACKE DYNAMIC_ARCH ...": the first two words are name and version.
    const char *config = openblas_get_config();
    size_t n = strcspn(config, " ");
    n += config[n] ? 1 + strcspn(config + n + 1, " ") : 0;
    snprintf(description, n_bytes, "%.*s %s", (int)n, config, openblas_get_corename());
    return WC_OK;
}

static blasint dim(size_t n) {
    assert(n <= INT_MAX);
    return (blasint)n;
}

static void nt(size_t m, size_t n, size_t k, const float *a, size_t ld_a, const float *b,
               size_t ld_b, bool add, float *out, size_t ld_out) {
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, dim(m), dim(n), dim(k), 1.0F, a, dim(ld_a),
                b, dim(ld_b), add ? 1.0F : 0.0F, out, dim(ld_out));
}

static void nn(size_t m, size_t n, size_t k, const float *a, size_t ld_a, const float *b,
               size_t ld_b, bool add, float *out, size_t ld_out) {
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, dim(m), dim(n), dim(k), 1.0F, a,
                dim(ld_a), b, dim(ld_b), add ? 1.0F : 0.0F, out, dim(ld_out));
}

struct view {
    size_t n, k;
    const float *b; // (n, k), borrowed
    size_t ld;
};

static bool has(enum wc_precision type) {
    return type == WC_PRECISION_F32;
}

static enum wc_err packed_bytes(enum wc_precision type, size_t n, size_t k, size_t *bytes,
                                struct wc_error *err) {
    (void)type, (void)n, (void)k, (void)err;
    *bytes = 0;
    return WC_OK;
}

static enum wc_err pack(enum wc_precision type, size_t n, size_t k, const void *b, size_t ld_b,
                        void *memory, bool fill, void **packed, struct wc_error *err) {
    struct view *view = NULL;
    (void)memory, (void)fill;
    assert(has(type));
    WC_TRY(WC_NEW(&view, 1, "view of a weight", err));
    *view = (struct view){.n = n, .k = k, .b = b, .ld = ld_b};
    *packed = view;
    return WC_OK;
}

static bool packed_product(size_t m, const void *a, size_t ld_a, const void *packed,
                           const float *bias, bool add, void *out, size_t ld_out) {
    const struct view *view = packed;
    nt(m, view->n, view->k, a, ld_a, view->b, view->ld, add, out, ld_out);
    if (bias)
        wc_kernels()->bias(m, view->n, out, ld_out, bias);
    return true;
}

const struct wc_gemm_backend wc_gemm_openblas = {
    .name = "openblas",
    .cure = "set OPENBLAS_CORETYPE=Haswell in the environment (older OpenBLAS releases have wrong "
            "AVX-512 kernels for newer processors) or install a newer OpenBLAS",
    .init = init,
    .nt = nt,
    .nn = nn,
    .has = has,
    .packed_bytes = packed_bytes,
    .pack = pack,
    .unpack = wc_free,
    .packed = packed_product,
};
