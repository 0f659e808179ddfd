/*
 * Matrix products behind one table of backends (openblas now, onednn later).
 *
 * Weights are (n, k): a row gives one output feature, as in a torch Linear. BLAS runs with one
 * thread; callers parallelise over chunks. wc_gemm_init() checks the backend against a scalar
 * product on the shapes where broken kernels have been seen and refuses one that fails, naming the
 * cure (OPENBLAS_CORETYPE). Thread-safe after init.
 */
#ifndef WC_TENSOR_GEMM_H
#define WC_TENSOR_GEMM_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

// Chooses and self-tests a backend: "auto" or a name of the table. Once, before threads start.
enum wc_err wc_gemm_init(const char *backend, struct wc_error *err);
const char *wc_gemm_backend(void);     // "openblas"
const char *wc_gemm_description(void); // "OpenBLAS 0.3.21 SkylakeX"

// out (m, n; row stride ld_out) = a (m, k; row stride ld_a) * b (n, k; row stride ld_b)^T, + out
// when `add`.
void wc_gemm_nt(size_t m, size_t n, size_t k, const float *a, size_t ld_a, const float *b,
                size_t ld_b, bool add, float *out, size_t ld_out);
// out (m, n) = a (m, k) * b (k, n), + out when `add`.
void wc_gemm_nn(size_t m, size_t n, size_t k, const float *a, size_t ld_a, const float *b,
                size_t ld_b, bool add, float *out, size_t ld_out);

#endif
