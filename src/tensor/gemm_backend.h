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
    // Does it multiply packed weights of this precision, by instructions of this processor? Float32
    // always.
    bool (*has)(enum wc_precision type);
    // The largest magnitude of an 8-bit weight whose products with 0..255 are summed exactly.
    int (*int8_most)(void);
    // The backend's form of b (n, k): float32, or int8_t for WC_PRECISION_INT8; b stays valid as
    // long as it. `memory` has packed_bytes(); unless `fill`, another process has filled it.
    enum wc_err (*packed_bytes)(enum wc_precision type, size_t n, size_t k, size_t *bytes,
                                struct wc_error *err);
    enum wc_err (*pack)(enum wc_precision type, size_t n, size_t k, const void *b, size_t ld_b,
                        void *memory, bool fill, void **packed, struct wc_error *err);
    void (*unpack)(void *packed);
    // out = a b^T (+ out) + bias, bias may be NULL. a is float, uint16_t (bfloat16) or uint8_t, out
    // float, float or int32_t, which has neither bias nor `add`. false: memory is out.
    bool (*packed)(size_t m, const void *a, size_t ld_a, const void *packed, const float *bias,
                   bool add, void *out, size_t ld_out);
};

// The one that wc_gemm_init() chose.
const struct wc_gemm_backend *wc_gemm_chosen(void);

extern const struct wc_gemm_backend wc_gemm_openblas;
#if defined(WC_HAVE_ONEDNN)
extern const struct wc_gemm_backend wc_gemm_onednn;
#endif

#endif
