/*
 * Element-wise and small kernels, one implementation an ISA: scalar (the specification), AVX2 +
 * FMA, AVX-512.
 *
 * wc_kernels_init() picks the best that the CPU has, or the one named by WC_ISA / `--isa`; an ISA
 * that the CPU lacks is an error. All ranks of a run take the minimum (sched). Every kernel treats
 * rows alone, so chunking never changes a result.
 *
 * Scalar computes in double and rounds once. AVX2 and AVX-512 compute in float32 and give the same
 * bits as each other. exp, GELU and QuickGELU are our own (coefficients.h); measured over all
 * floats against long double: softmax of two values within 2.5 ulp, QuickGELU 2.75, GELU 2.5 for x
 * >= -1 and 5.25 below. What would be under exp(-80) = 1.8e-35 is 0, so no result depends on
 * whether a thread flushes denormals.
 */
#ifndef WC_TENSOR_KERNELS_H
#define WC_TENSOR_KERNELS_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

enum wc_isa { WC_ISA_SCALAR, WC_ISA_AVX2, WC_ISA_AVX512, WC_N_ISAS };

enum { WC_ATTENTION_SMALL_T = 1024 }; // tokens: a row of scores lies on the stack

struct wc_kernels {
    enum wc_isa isa;
    // out (m, d) = layer norm of in (m, d) over d: (x - mean) / sqrt(var + eps) * weight + bias;
    // var is the biased one. in == out is fine.
    void (*layer_norm)(size_t m, size_t d, const float *in, size_t ld_in, const float *weight,
                       const float *bias, float eps, float *out, size_t ld_out);
    // x (m, n) in place: softmax over each row, maximum subtracted first.
    void (*softmax)(size_t m, size_t n, float *x, size_t ld);
    // x (m, n) in place: x + bias, then GELU 0.5 x (1 + erf(x / sqrt 2)).
    void (*bias_gelu)(size_t m, size_t n, float *x, size_t ld, const float *bias);
    // x (m, n) in place: x + bias, then x * sigmoid(1.702 x).
    void (*bias_quickgelu)(size_t m, size_t n, float *x, size_t ld, const float *bias);
    // x (m, n) += bias (row).
    void (*bias)(size_t m, size_t n, float *x, size_t ld, const float *bias);
    // y (m, n) += x (m, n) + bias (row): a residual.
    void (*bias_residual)(size_t m, size_t n, const float *x, size_t ld_x, const float *bias,
                          float *y, size_t ld_y);
    // Self-attention of n_seq short sequences of t tokens: qkv (n_seq * t, 3 * h * dh) rows [q | k
    // | v], head-major; out (n_seq * t_q, h * dh): the first t_q tokens' outputs, t_q <= t. scale =
    // 1/sqrt(dh). causal: token i sees 0..i. t <= WC_ATTENTION_SMALL_T; long sequences are faster
    // in tensor/attention.h.
    void (*attention_small)(size_t n_seq, size_t t, size_t t_q, size_t h, size_t dh,
                            const float *qkv, float scale, int causal, float *out);
    // Sum of squares and dot product of n floats, in double-free float32 lanes with a fixed order.
    float (*dot)(size_t n, const float *x, const float *y);
    // x (n) *= factor.
    void (*scale)(size_t n, float *x, float factor);
    // float32 <- float16 / bfloat16, exact.
    void (*f16_to_f32)(size_t n, const uint16_t *in, float *out);
    void (*bf16_to_f32)(size_t n, const uint16_t *in, float *out);
    // bfloat16 <- float32, to nearest, ties to even; a NaN stays one.
    void (*f32_to_bf16)(size_t n, const float *in, uint16_t *out);
    // Rows of x (m, k) to 8 bits, in float32 steps that are the same in every ISA: with y = x *
    // factor (k; NULL: 1), out (m, k) = round(y / scale) + zero in 0..255, where scale and zero (m)
    // map the row's span of [min(y, 0), max(y, 0)] to it. A row that is not finite has scale NaN.
    void (*quantise)(size_t m, size_t k, const float *x, size_t ld, const float *factor,
                     uint8_t *out, float *scale, int32_t *zero);
    // out (m, n) = (acc (m, n) - zero (m) sum (n)) scale (m) column (n) [+ bias (n)] [+ out]: the
    // product of such rows with weights of sums `sum` and scales `column`.
    void (*dequantise)(size_t m, size_t n, const int32_t *acc, const float *scale,
                       const int32_t *zero, const float *column, const int32_t *sum,
                       const float *bias, int add, float *out, size_t ld_out);
};

// `name`: "auto", "scalar", "avx2", "avx512"; $WC_ISA counts when name is "auto".
enum wc_err wc_kernels_init(const char *name, struct wc_error *err);
// The chosen table (scalar before init).
const struct wc_kernels *wc_kernels(void);
// The table of one ISA for tests and mixed nodes; NULL when the CPU or the build lacks it.
const struct wc_kernels *wc_kernels_of(enum wc_isa isa);
const char *wc_isa_name(enum wc_isa isa);
enum wc_isa wc_isa_best(void);

// x (m, n) rows to unit L2 length, norm in double; a zero row stays zero.
void wc_l2_normalise(size_t m, size_t n, float *x, size_t ld);

#endif
