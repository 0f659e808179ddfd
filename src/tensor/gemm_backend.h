/*
 * One matrix-product library: a row of gemm.c's table. All but init are called from many threads
 * at once. Arguments as in gemm.h.
 */
#ifndef WC_TENSOR_GEMM_BACKEND_H
#define WC_TENSOR_GEMM_BACKEND_H

#include "tensor/gemm.h"

struct wc_gemm_backend {
    const char *name;
    // Named in an error when the self-test fails: what the user can do.
    const char *cure;
    // Sets the library to one thread and writes what it is ("OpenBLAS 0.3.21 SkylakeX").
    enum wc_err (*init)(char *description, size_t n_bytes, struct wc_error *err);
    void (*nt)(size_t m, size_t n, size_t k, const float *a, size_t ld_a, const float *b,
               size_t ld_b, bool add, float *out, size_t ld_out);
    void (*nn)(size_t m, size_t n, size_t k, const float *a, size_t ld_a, const float *b,
               size_t ld_b, bool add, float *out, size_t ld_out);
    // The backend's form of b (n, k), which stays valid as long as it; and its release.
    enum wc_err (*pack)(size_t n, size_t k, const float *b, size_t ld_b, void **packed,
                        struct wc_error *err);
    void (*unpack)(void *packed);
    // out = a b^T (+ out) + bias, bias may be NULL.
    void (*packed)(size_t m, size_t n, size_t k, const float *a, size_t ld_a, const void *packed,
                   const float *bias, bool add, float *out, size_t ld_out);
};

extern const struct wc_gemm_backend wc_gemm_openblas;
#if defined(WC_HAVE_ONEDNN)
extern const struct wc_gemm_backend wc_gemm_onednn;
#endif

#endif
