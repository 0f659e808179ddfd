/*
 * Matrix products behind one table of backends: onednn where the build has it, openblas.
 *
 * Weights are (n, k): a row gives one output feature, as in a torch Linear. BLAS runs with one
 * thread; callers parallelise over chunks. wc_gemm_init() checks the backend against exact products
 * of integers on the shapes where broken kernels have been seen and refuses one that fails, naming
 * the cure (OPENBLAS_CORETYPE). Thread-safe after init.
 *
 * Constant weights are packed once with wc_gemm_pack() and then multiplied by wc_gemm_packed(),
 * which lets a backend keep them in its own layout and apply bias and activation while the output
 * is in cache; its result may differ from wc_gemm_nt()'s in the last bits.
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

// What happens to a product before it is stored, in this order; zero-filled: nothing.
enum wc_gemm_act { WC_GEMM_LINEAR, WC_GEMM_GELU, WC_GEMM_QUICKGELU };
struct wc_gemm_post {
    bool add;          // + what stands in out (a residual); then act is LINEAR
    const float *bias; // (n), or NULL (then act is LINEAR)
    enum wc_gemm_act act;
};

/*
 * Packed weights, of a precision: float32; bfloat16 weights and inputs with float32 sums; or 8 bits
 * with exact integer sums, a scale for each output feature and scale and zero for each row of
 * inputs. Results are float32. A row of a product depends on m and on that row alone.
 */
enum wc_precision { WC_PRECISION_F32, WC_PRECISION_BF16, WC_PRECISION_INT8, WC_N_PRECISIONS };
const char *wc_precision_name(enum wc_precision precision); // "f32"
// WC_ERR_CONFIG, and what to do, where the chosen backend or this processor lacks it, or where its
// self-test fails. Not thread-safe.
enum wc_err wc_gemm_require(enum wc_precision precision, struct wc_error *err);
// Largest magnitude of an 8-bit weight (a processor without VNNI has fewer bits); 0: no int8. A
// lower limit makes nodes of several kinds agree; before weights are packed.
int wc_gemm_int8_most(void);
void wc_gemm_limit_int8(int most);

// A weight in the backend's layout.
struct wc_gemm_weight;
struct wc_gemm_packing {
    enum wc_precision precision;
    size_t n, k;
    const float *b; // (n, k), stays valid and unchanged until wc_gemm_weight_free()
    size_t ld_b;
    const float *smooth; // (k), or NULL; int8: b's columns are multiplied by it, inputs divided
    void *memory;        // wc_gemm_weight_bytes() of it, 64-byte aligned; NULL: allocated
    bool filled;         // `memory` was filled by another process with the same arguments
};
enum wc_err wc_gemm_weight_bytes(enum wc_precision precision, size_t n, size_t k, size_t *bytes,
                                 struct wc_error *err);
enum wc_err wc_gemm_pack_as(const struct wc_gemm_packing *packing, struct wc_gemm_weight **out,
                            struct wc_error *err);
// In float32.
enum wc_err wc_gemm_pack(size_t n, size_t k, const float *b, size_t ld_b,
                         struct wc_gemm_weight **out, struct wc_error *err);
void wc_gemm_weight_free(struct wc_gemm_weight **w);
enum wc_precision wc_gemm_weight_precision(const struct wc_gemm_weight *w);
// out (m, n) = act(a (m, k) * b^T + bias [+ out]). Where memory for a narrow product is out, the
// result is NaN.
void wc_gemm_packed(size_t m, const struct wc_gemm_weight *w, const float *a, size_t ld_a,
                    struct wc_gemm_post post, float *out, size_t ld_out);

#endif
