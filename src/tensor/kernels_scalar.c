/*
 * The specification of the kernels: plain loops in double, rounded to float32 once at the end.
 *
 * exp and the Gaussian tail are evaluated from the same coefficients as in the vector kernels, not
 * by libm, so that a result is the same on every machine.
 */
#include "tensor/kernels_private.h"

#include "tensor/coefficients.h"

#include <assert.h>
#include <math.h>
#include <string.h>

static double horner(const float *c, size_t n, double x) {
    double y = c[n - 1];
    for (size_t i = n - 1; i-- > 0;)
        y = y * x + c[i];
    return y;
}

// exp(x) for x <= 0, and 0 below the cut.
static double exp_neg(double x) {
    static const float c[WC_N_EXP] = WC_EXP_COEFFICIENTS;
    if (x < (double)WC_EXP_CUT)
        return 0.0;
    if (isnan(x))
        return x;
    double n = nearbyint(x * WC_LOG2_E);
    double r = x - n * WC_LN_2;
    return ldexp(1.0 + (r + r * r * horner(c, WC_N_EXP, r)), (int)n);
}

// 1 - Phi(a), a >= 0.
static double gaussian_tail(double a) {
    static const float p[WC_N_MILLS_P] = WC_MILLS_P_COEFFICIENTS;
    static const float q[WC_N_MILLS_Q] = WC_MILLS_Q_COEFFICIENTS;
    return exp_neg(-0.5 * a * a) * horner(p, WC_N_MILLS_P, a) / horner(q, WC_N_MILLS_Q, a);
}

// x Phi(x) = max(x, 0) - |x| (1 - Phi(|x|)): without the cancellation of 1 + erf(x / sqrt 2).
static float gelu(double x) {
    double a = fabs(x);
    double tail = -0.5 * a * a < (double)WC_EXP_CUT ? 0.0 : a * gaussian_tail(a);
    return (float)(x < 0 ? -tail : x - tail);
}

// x sigmoid(y) with exp of -|y| alone, which cannot overflow.
static float quickgelu(double x) {
    double y = WC_QUICKGELU_FACTOR * x;
    double z = exp_neg(-fabs(y));
    return (float)(y < 0 ? (z > 0 ? x * z / (1.0 + z) : 0.0) : x / (1.0 + z));
}

static void layer_norm_scalar(size_t m, size_t d, const float *in, size_t ld_in,
                              const float *weight, const float *bias, float eps, float *out,
                              size_t ld_out) {
    for (size_t i = 0; i < m; i++) {
        const float *x = in + i * ld_in;
        float *y = out + i * ld_out;
        double mean = 0.0, var = 0.0;
        for (size_t j = 0; j < d; j++)
            mean += x[j];
        mean /= (double)d;
        for (size_t j = 0; j < d; j++)
            var += (x[j] - mean) * (x[j] - mean);
        double factor = 1.0 / sqrt(var / (double)d + (double)eps);
        for (size_t j = 0; j < d; j++)
            y[j] = (float)((x[j] - mean) * factor * weight[j] + bias[j]);
    }
}

static void softmax_scalar(size_t m, size_t n, float *x, size_t ld) {
    for (size_t i = 0; i < m; i++) {
        float *row = x + i * ld;
        float top = -INFINITY;
        double sum = 0.0;
        for (size_t j = 0; j < n; j++)
            top = row[j] > top ? row[j] : top;
        for (size_t j = 0; j < n; j++)
            sum += exp_neg((double)row[j] - top);
        for (size_t j = 0; j < n; j++)
            row[j] = (float)(exp_neg((double)row[j] - top) / sum);
    }
}

static void bias_gelu_scalar(size_t m, size_t n, float *x, size_t ld, const float *bias) {
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++)
            x[i * ld + j] = gelu(x[i * ld + j] + bias[j]);
}

static void bias_quickgelu_scalar(size_t m, size_t n, float *x, size_t ld, const float *bias) {
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++)
            x[i * ld + j] = quickgelu(x[i * ld + j] + bias[j]);
}

static void bias_scalar(size_t m, size_t n, float *x, size_t ld, const float *bias) {
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++)
            x[i * ld + j] += bias[j];
}

static void bias_residual_scalar(size_t m, size_t n, const float *x, size_t ld_x, const float *bias,
                                 float *y, size_t ld_y) {
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++)
            y[i * ld_y + j] += x[i * ld_x + j] + bias[j];
}

static double dot_double(size_t n, const float *x, const float *y) {
    double sum = 0.0;
    for (size_t i = 0; i < n; i++)
        sum += (double)x[i] * y[i];
    return sum;
}

static float dot_scalar(size_t n, const float *x, const float *y) {
    return (float)dot_double(n, x, y);
}

// One query row q (dh) over n keys and values with row stride ld; out (dh).
static void attend(size_t n, size_t dh, const float *q, const float *k, const float *v, size_t ld,
                   float scale, float *out) {
    double p[WC_ATTENTION_SMALL_T], sum = 0.0, top = -INFINITY;
    for (size_t j = 0; j < n; j++) {
        p[j] = dot_double(dh, q, k + j * ld) * (double)scale;
        top = p[j] > top ? p[j] : top;
    }
    for (size_t j = 0; j < n; j++)
        sum += p[j] = exp_neg(p[j] - top);
    for (size_t c = 0; c < dh; c++) {
        double y = 0.0;
        for (size_t j = 0; j < n; j++)
            y += p[j] * v[j * ld + c];
        out[c] = (float)(y / sum);
    }
}

static void attention_small_scalar(size_t n_seq, size_t t, size_t t_q, size_t h, size_t dh,
                                   const float *qkv, float scale, int causal, float *out) {
    assert(t <= WC_ATTENTION_SMALL_T && t_q <= t);
    size_t d = h * dh, ld = 3 * d;
    for (size_t i = 0; i < n_seq * t_q; i++) {
        const float *rows = qkv + i / t_q * t * ld;
        const float *q = rows + i % t_q * ld;
        size_t n = causal ? i % t_q + 1 : t;
        for (size_t c = 0; c < d; c += dh)
            attend(n, dh, q + c, rows + d + c, rows + 2 * d + c, ld, scale, out + i * d + c);
    }
}

static void scale_scalar(size_t n, float *x, float factor) {
    for (size_t i = 0; i < n; i++)
        x[i] *= factor;
}

static float from_bits(uint32_t bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

// IEEE 754 binary16: 1 sign, 5 exponent (bias 15), 10 fraction bits. A signalling NaN becomes
// quiet, as the processors' conversion makes it.
static float f16_value(uint16_t half) {
    uint32_t sign = (uint32_t)(half & 0x8000U) << 16, exponent = half >> 10 & 31U;
    uint32_t fraction = half & 0x3FFU;
    if (exponent == 31)
        return from_bits(sign | 0x7F800000U | fraction << 13 | (fraction ? 0x400000U : 0U));
    if (exponent)
        return from_bits(sign | (exponent + 112U) << 23 | fraction << 13);
    float magnitude = (float)fraction * 0x1p-24F;
    return sign ? -magnitude : magnitude;
}

static void f16_to_f32_scalar(size_t n, const uint16_t *in, float *out) {
    for (size_t i = 0; i < n; i++)
        out[i] = f16_value(in[i]);
}

// bfloat16 is the upper half of a float32.
static void bf16_to_f32_scalar(size_t n, const uint16_t *in, float *out) {
    for (size_t i = 0; i < n; i++)
        out[i] = from_bits((uint32_t)in[i] << 16);
}

static void f32_to_bf16_scalar(size_t n, const float *in, uint16_t *out) {
    for (size_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, in + i, sizeof bits);
        uint32_t rounded = bits + 0x7FFFU + (bits >> 16 & 1U);
        out[i] = (uint16_t)((isnan(in[i]) ? bits | 0x400000U : rounded) >> 16);
    }
}

// The steps of quantise() and dequantise() are float32's, as in the vector files: bits must agree.
static void quantise_row(size_t k, const float *x, const float *factor, uint8_t *out, float *scale,
                         int32_t *zero) {
    float low = 0.0F, high = 0.0F, spoilt = 0.0F;
    for (size_t j = 0; j < k; j++) {
        float y = factor ? x[j] * factor[j] : x[j];
        low = y < low ? y : low;
        high = y > high ? y : high;
        spoilt += y * 0.0F; // NaN when y is not finite
    }
    float span = high - low, inverse = span > 0.0F ? 255.0F / span : 0.0F;
    *scale = span * (1.0F / 255.0F) + spoilt;
    *zero = 0;
    memset(out, 0, k);
    if (!isfinite(*scale) || !isfinite(inverse))
        return;
    *zero = (int32_t)nearbyintf(-low * inverse);
    for (size_t j = 0; j < k; j++) {
        float y = factor ? x[j] * factor[j] : x[j];
        int32_t q = (int32_t)nearbyintf(y * inverse) + *zero;
        out[j] = (uint8_t)(q < 0 ? 0 : q > 255 ? 255 : q);
    }
}

static void quantise_scalar(size_t m, size_t k, const float *x, size_t ld, const float *factor,
                            uint8_t *out, float *scale, int32_t *zero) {
    for (size_t i = 0; i < m; i++)
        quantise_row(k, x + i * ld, factor, out + i * k, scale + i, zero + i);
}

static void dequantise_scalar(size_t m, size_t n, const int32_t *acc, const float *scale,
                              const int32_t *zero, const float *column, const int32_t *sum,
                              const float *bias, int add, float *out, size_t ld_out) {
    for (size_t i = 0; i < m; i++) {
        for (size_t j = 0; j < n; j++) {
            float y = (float)(acc[i * n + j] - zero[i] * sum[j]) * (scale[i] * column[j]);
            y = bias ? y + bias[j] : y;
            out[i * ld_out + j] = add ? out[i * ld_out + j] + y : y;
        }
    }
}

const struct wc_kernels wc_kernels_scalar_table = {
    .isa = WC_ISA_SCALAR,
    .layer_norm = layer_norm_scalar,
    .softmax = softmax_scalar,
    .bias_gelu = bias_gelu_scalar,
    .bias_quickgelu = bias_quickgelu_scalar,
    .bias = bias_scalar,
    .bias_residual = bias_residual_scalar,
    .attention_small = attention_small_scalar,
    .dot = dot_scalar,
    .scale = scale_scalar,
    .f16_to_f32 = f16_to_f32_scalar,
    .bf16_to_f32 = bf16_to_f32_scalar,
    .f32_to_bf16 = f32_to_bf16_scalar,
    .quantise = quantise_scalar,
    .dequantise = dequantise_scalar,
};
