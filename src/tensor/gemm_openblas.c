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
    const float *b; // (n, k), borrowed
    size_t ld;
};

static enum wc_err pack(size_t n, size_t k, const float *b, size_t ld_b, void **packed,
                        struct wc_error *err) {
    (void)n, (void)k;
    struct view *view = NULL;
    WC_TRY(WC_NEW(&view, 1, "view of a weight", err));
    *view = (struct view){.b = b, .ld = ld_b};
    *packed = view;
    return WC_OK;
}

static void packed_product(size_t m, size_t n, size_t k, const float *a, size_t ld_a,
                           const void *packed, const float *bias, bool add, float *out,
                           size_t ld_out) {
    const struct view *view = packed;
    nt(m, n, k, a, ld_a, view->b, view->ld, add, out, ld_out);
    if (bias)
        wc_kernels()->bias(m, n, out, ld_out, bias);
}

const struct wc_gemm_backend wc_gemm_openblas = {
    .name = "openblas",
    .cure = "set OPENBLAS_CORETYPE=Haswell in the environment (older OpenBLAS releases have wrong "
            "AVX-512 kernels for newer processors) or install a newer OpenBLAS",
    .init = init,
    .nt = nt,
    .nn = nn,
    .pack = pack,
    .unpack = wc_free,
    .packed = packed_product,
};
