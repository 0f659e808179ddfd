/*
 * The vector kernels, written once over a vector of 16 float32 lanes. A file of one ISA defines the
 * operations below and then includes this; alone it is empty.
 *
 * Both ISAs do the same operations in the same order (AVX2 as two registers of 8), so their results
 * are equal to the bit. Sums run in 16 lanes, and in up to four accumulators of them, in an order
 * that the length alone fixes; tails are masked, so nothing depends on alignment or position.
 *
 *     vf, vm              16 floats; a mask of lanes
 *     v_mask(n)           the first n lanes, n <= 16
 *     v_load, v_load_m    unaligned; masked-out lanes read as 0 and are not touched
 *     v_store, v_store_m
 *     v_set v_add v_sub v_mul v_div v_abs v_neg
 *     v_max(a, b)         b where either is NaN      v_min likewise
 *     v_fma(a, b, c)      a b + c, one rounding      v_fnma: c - a b
 *     v_keep(m, x)        x in the mask's lanes, 0 elsewhere
 *     v_pick(m, x, y)     x in the mask's lanes, y elsewhere
 *     v_keep_from(x, lo, y)  y where not x < lo, else 0
 *     v_pick_neg(x, a, b)    a where x < 0, else b
 *     v_shift_exponent(t) the low bits of t moved to a float's exponent: see exp_neg()
 *     v_fold(x)           the lower eight lanes plus the upper eight, as __m256
 *     v_top(x)            the largest lane
 *     v_join(a, b, c, d)  of four __m128
 *     v_less(acc, z, s)   acc - z s of 16 integers, as floats      v_less_m likewise, of a mask's
 *     v_store_u8(p, x, z, n)   the first n lanes rounded, plus z, held to 0..255
 *     v_store_bf16(p, x, n)    the first n lanes as bfloat16
 */
#if defined(WC_VECTOR_ISA)

#include "tensor/coefficients.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <string.h>

enum { LANES = 16 };

// gcc judges the larger ones too long to inline, and a call would pass vectors through memory.
#define ALWAYS_INLINE static inline __attribute__((always_inline))

// Without it gcc -O2 keeps loops over four accumulators, and the accumulators in memory.
#if defined(__clang__)
#define UNROLL_4 _Pragma("clang loop unroll(full)")
#else
#define UNROLL_4 _Pragma("GCC unroll 4")
#endif

// The sums of all lanes of four vectors: 8 by 8, then neighbours, pairs and halves.
ALWAYS_INLINE __m128 v_sum4(vf a, vf b, vf c, vf d) {
    const __m256 ab = _mm256_hadd_ps(v_fold(a), v_fold(b)),
                 cd = _mm256_hadd_ps(v_fold(c), v_fold(d));
    const __m256 abcd = _mm256_hadd_ps(ab, cd);
    return _mm_add_ps(_mm256_castps256_ps128(abcd), _mm256_extractf128_ps(abcd, 1));
}

static inline float v_sum(vf x) {
    return _mm_cvtss_f32(v_sum4(x, x, x, x));
}

// exp(x + extra) = scale (1 + *rest) for the cut <= x <= 0 and a little below, |extra| tiny: Cody
// and Waite's reduction to 2^n exp(r). Below that, scale and rest are garbage; a NaN gives NaN in
// rest.
ALWAYS_INLINE vf exp_parts(vf x, vf extra, vf *rest) {
    static const float c[WC_N_EXP] = WC_EXP_COEFFICIENTS;
    // ln 2 in two parts: 15 bits, so that n times the first is exact, and the rest.
    const double ln2_hi = 0x1.62e4p-1;
    // Adding 1.5 * 2^23 rounds to an integer, which then stands in the low bits of the fraction;
    // 127 more makes it a biased exponent.
    const float magic = 0x1.8p23F + 127.0F;
    vf t = v_fma(x, v_set((float)WC_LOG2_E), v_set(magic));
    vf n = v_sub(t, v_set(magic));
    vf low = v_fnma(n, v_set((float)(WC_LN_2 - ln2_hi)), extra);
    vf r = v_add(v_fnma(n, v_set((float)ln2_hi), x), low);
    vf q = v_set(c[4]);
    q = v_fma(q, r, v_set(c[3]));
    q = v_fma(q, r, v_set(c[2]));
    q = v_fma(q, r, v_set(c[1]));
    q = v_fma(q, r, v_set(c[0]));
    *rest = v_fma(v_mul(r, r), q, r);
    return v_shift_exponent(t);
}

// exp(x) for x <= 0: 0 below the cut, NaN where x is NaN.
ALWAYS_INLINE vf exp_neg(vf x) {
    vf rest, factor = exp_parts(x, v_set(0.0F), &rest);
    return v_keep_from(x, v_set(WC_EXP_CUT), v_mul(factor, v_add(v_set(1.0F), rest)));
}

// x Phi(x) = max(x, 0) - |x| (1 - Phi(|x|)), the tail as |x| exp(-x^2/2) P/Q. What rounding takes
// from x^2, from the last steps of P and Q and from their ratio is put back. Error, measured over
// all floats: 2.5 ulp for x >= -1, 5.2 ulp below, where the result is small; 0.3 ulp near 0 on
// average.
ALWAYS_INLINE vf gelu(vf x) {
    static const float cp[WC_N_MILLS_P] = WC_MILLS_P_COEFFICIENTS;
    static const float cq[WC_N_MILLS_Q] = WC_MILLS_Q_COEFFICIENTS;
    const vf half = v_set(0.5F);
    vf a = v_min(v_set(13.0F), v_abs(x)); // 13 > sqrt(160): below the cut
    vf half_square = v_mul(v_mul(half, a), a);
    vf y = v_neg(half_square);
    vf rest, factor = exp_parts(y, v_fnma(v_mul(half, a), a, half_square), &rest);
    vf p = v_set(cp[4]), q = v_set(cq[5]);
    q = v_fma(q, a, v_set(cq[4]));
    p = v_fma(p, a, v_set(cp[3]));
    q = v_fma(q, a, v_set(cq[3]));
    p = v_fma(p, a, v_set(cp[2]));
    q = v_fma(q, a, v_set(cq[2]));
    p = v_fma(p, a, v_set(cp[1]));
    q = v_fma(q, a, v_set(cq[1]));
    // What the last steps lose: exact, because the constant terms are small and round.
    vf p_all = v_fma(p, a, v_set(cp[0])), p_lost = v_fma(p, a, v_sub(v_set(cp[0]), p_all));
    vf q_all = v_fma(q, a, v_set(cq[0])), q_lost = v_fma(q, a, v_sub(v_set(cq[0]), q_all));
    vf inverse = v_div(v_set(1.0F), q_all);
    vf ratio = v_mul(p_all, inverse);
    vf remainder = v_fnma(ratio, q_lost, v_add(v_fnma(ratio, q_all, p_all), p_lost));
    vf lost = v_mul(remainder, inverse);
    vf tail = v_add(ratio, v_fma(ratio, rest, lost));
    vf weight = v_keep_from(y, v_set(WC_EXP_CUT), v_mul(a, factor));
    return v_fnma(weight, tail, v_max(v_set(0.0F), x));
}

// x sigmoid(1.702 x) with z = exp(-1.702 |x|), which cannot overflow; the product with 1.702 is
// carried with its rounding error.
ALWAYS_INLINE vf quickgelu(vf x) {
    const double factor = WC_QUICKGELU_FACTOR;
    const float hi = (float)factor;
    vf a = v_min(v_set(50.0F), v_abs(x)); // 50 * 1.702 > 80: below the cut
    vf minus_y = v_mul(a, v_set(hi)), y = v_neg(minus_y);
    vf lost = v_fnma(a, v_set((float)(factor - (double)hi)), v_fnma(a, v_set(hi), minus_y));
    vf rest, scaling = exp_parts(y, lost, &rest);
    vf z = v_keep_from(y, v_set(WC_EXP_CUT), v_fma(scaling, rest, scaling));
    vf small = v_mul(a, scaling); // |x| z = small (1 + rest)
    vf below = v_keep_from(y, v_set(WC_EXP_CUT), v_neg(v_fma(small, rest, small)));
    return v_div(v_pick_neg(x, below, x), v_add(v_set(1.0F), z));
}

static void bias_gelu(size_t m, size_t n, float *x, size_t ld, const float *bias) {
    const size_t n_full = n / LANES * LANES;
    const vm tail = v_mask(n - n_full);
    for (size_t i = 0; i < m; i++) {
        float *row = x + i * ld;
        for (size_t j = 0; j < n_full; j += LANES)
            v_store(row + j, gelu(v_add(v_load(row + j), v_load(bias + j))));
        if (n_full < n)
            v_store_m(row + n_full, tail,
                      gelu(v_add(v_load_m(row + n_full, tail), v_load_m(bias + n_full, tail))));
    }
}

static void bias_quickgelu(size_t m, size_t n, float *x, size_t ld, const float *bias) {
    const size_t n_full = n / LANES * LANES;
    const vm tail = v_mask(n - n_full);
    for (size_t i = 0; i < m; i++) {
        float *row = x + i * ld;
        for (size_t j = 0; j < n_full; j += LANES)
            v_store(row + j, quickgelu(v_add(v_load(row + j), v_load(bias + j))));
        if (n_full < n)
            v_store_m(
                row + n_full, tail,
                quickgelu(v_add(v_load_m(row + n_full, tail), v_load_m(bias + n_full, tail))));
    }
}

static void bias_add(size_t m, size_t n, float *x, size_t ld, const float *bias) {
    const size_t n_full = n / LANES * LANES;
    const vm tail = v_mask(n - n_full);
    for (size_t i = 0; i < m; i++) {
        float *row = x + i * ld;
        for (size_t j = 0; j < n_full; j += LANES)
            v_store(row + j, v_add(v_load(row + j), v_load(bias + j)));
        if (n_full < n)
            v_store_m(row + n_full, tail,
                      v_add(v_load_m(row + n_full, tail), v_load_m(bias + n_full, tail)));
    }
}

static void bias_residual(size_t m, size_t n, const float *x, size_t ld_x, const float *bias,
                          float *y, size_t ld_y) {
    const size_t n_full = n / LANES * LANES;
    const vm tail = v_mask(n - n_full);
    for (size_t i = 0; i < m; i++) {
        const float *from = x + i * ld_x;
        float *to = y + i * ld_y;
        for (size_t j = 0; j < n_full; j += LANES)
            v_store(to + j, v_add(v_load(to + j), v_add(v_load(from + j), v_load(bias + j))));
        if (n_full < n)
            v_store_m(to + n_full, tail,
                      v_add(v_load_m(to + n_full, tail),
                            v_add(v_load_m(from + n_full, tail), v_load_m(bias + n_full, tail))));
    }
}

static void scale(size_t n, float *x, float factor) {
    const size_t n_full = n / LANES * LANES;
    for (size_t j = 0; j < n_full; j += LANES)
        v_store(x + j, v_mul(v_load(x + j), v_set(factor)));
    const vm tail = v_mask(n - n_full);
    if (n_full < n)
        v_store_m(x + n_full, tail, v_mul(v_load_m(x + n_full, tail), v_set(factor)));
}

static inline vf join4(const vf a[4]) {
    return v_add(v_add(a[0], a[1]), v_add(a[2], a[3]));
}

static float sum_row(size_t n, const float *x) {
    vf a[4] = {v_set(0.0F), v_set(0.0F), v_set(0.0F), v_set(0.0F)};
    size_t j = 0;
    for (; j + 4 * LANES <= n; j += 4 * LANES) {
        UNROLL_4
        for (size_t u = 0; u < 4; u++)
            a[u] = v_add(a[u], v_load(x + j + u * LANES));
    }
    for (; j + LANES <= n; j += LANES)
        a[0] = v_add(a[0], v_load(x + j));
    if (j < n)
        a[1] = v_add(a[1], v_load_m(x + j, v_mask(n - j)));
    return v_sum(join4(a));
}

static float sum_square_deviations(size_t n, const float *x, float mean) {
    const vf centre = v_set(mean);
    vf a[4] = {v_set(0.0F), v_set(0.0F), v_set(0.0F), v_set(0.0F)};
    size_t j = 0;
    for (; j + 4 * LANES <= n; j += 4 * LANES) {
        UNROLL_4
        for (size_t u = 0; u < 4; u++) {
            vf y = v_sub(v_load(x + j + u * LANES), centre);
            a[u] = v_fma(y, y, a[u]);
        }
    }
    for (; j + LANES <= n; j += LANES) {
        vf y = v_sub(v_load(x + j), centre);
        a[0] = v_fma(y, y, a[0]);
    }
    if (j < n) {
        const vm tail = v_mask(n - j);
        vf y = v_keep(tail, v_sub(v_load_m(x + j, tail), centre));
        a[1] = v_fma(y, y, a[1]);
    }
    return v_sum(join4(a));
}

// 1 / standard deviation. A variance beyond float is NaN, not 0: rows that have blown up must be
// seen, and 0 would turn them into the bias.
static inline float norm_factor(float var, float eps) {
    return var <= FLT_MAX ? 1.0F / sqrtf(var + eps) : NAN;
}

static void layer_norm(size_t m, size_t d, const float *in, size_t ld_in, const float *weight,
                       const float *bias, float eps, float *out, size_t ld_out) {
    const size_t n_full = d / LANES * LANES;
    const vm tail = v_mask(d - n_full);
    for (size_t i = 0; i < m; i++) {
        const float *x = in + i * ld_in;
        float *y = out + i * ld_out;
        const float mean = sum_row(d, x) / (float)d;
        const float var = sum_square_deviations(d, x, mean) / (float)d;
        const vf centre = v_set(mean), factor = v_set(norm_factor(var, eps));
        for (size_t j = 0; j < n_full; j += LANES) {
            vf z = v_mul(v_sub(v_load(x + j), centre), factor);
            v_store(y + j, v_fma(z, v_load(weight + j), v_load(bias + j)));
        }
        if (n_full < d) {
            vf z = v_mul(v_sub(v_load_m(x + n_full, tail), centre), factor);
            v_store_m(y + n_full, tail,
                      v_fma(z, v_load_m(weight + n_full, tail), v_load_m(bias + n_full, tail)));
        }
    }
}

// Softmax over n floats in place, n > 0.
static inline void softmax_row(size_t n, float *x) {
    const size_t n_full = n / LANES * LANES;
    const vm tail = v_mask(n - n_full);
    const vf lowest = v_set(-INFINITY), zero = v_set(0.0F);
    vf top = lowest, sum = zero;
    for (size_t j = 0; j < n_full; j += LANES)
        top = v_max(top, v_load(x + j));
    if (n_full < n)
        top = v_max(top, v_pick(tail, v_load_m(x + n_full, tail), lowest));
    top = v_set(v_top(top));
    for (size_t j = 0; j < n_full; j += LANES) {
        vf e = exp_neg(v_sub(v_load(x + j), top));
        v_store(x + j, e);
        sum = v_add(sum, e);
    }
    vf last = zero;
    if (n_full < n) {
        last = v_keep(tail, exp_neg(v_sub(v_load_m(x + n_full, tail), top)));
        sum = v_add(sum, last);
    }
    const vf total = v_set(v_sum(sum));
    for (size_t j = 0; j < n_full; j += LANES)
        v_store(x + j, v_div(v_load(x + j), total));
    if (n_full < n)
        v_store_m(x + n_full, tail, v_div(last, total));
}

static void softmax(size_t m, size_t n, float *x, size_t ld) {
    for (size_t i = 0; i < m && n > 0; i++)
        softmax_row(n, x + i * ld);
}

static float dot(size_t n, const float *x, const float *y) {
    vf a[4] = {v_set(0.0F), v_set(0.0F), v_set(0.0F), v_set(0.0F)};
    size_t j = 0;
    for (; j + 4 * LANES <= n; j += 4 * LANES) {
        UNROLL_4
        for (size_t u = 0; u < 4; u++)
            a[u] = v_fma(v_load(x + j + u * LANES), v_load(y + j + u * LANES), a[u]);
    }
    for (; j + LANES <= n; j += LANES)
        a[0] = v_fma(v_load(x + j), v_load(y + j), a[0]);
    if (j < n) {
        const vm tail = v_mask(n - j);
        a[1] = v_fma(v_load_m(x + j, tail), v_load_m(y + j, tail), a[1]);
    }
    return v_sum(join4(a));
}

// q's products with four keys, each over dh.
ALWAYS_INLINE __m128 score4(size_t dh, const float *q, const float *const k[4]) {
    vf a[4] = {v_set(0.0F), v_set(0.0F), v_set(0.0F), v_set(0.0F)};
    size_t c = 0;
    for (; c + LANES <= dh; c += LANES) {
        vf x = v_load(q + c);
        UNROLL_4
        for (size_t u = 0; u < 4; u++)
            a[u] = v_fma(x, v_load(k[u] + c), a[u]);
    }
    if (c < dh) {
        const vm tail = v_mask(dh - c);
        vf x = v_load_m(q + c, tail);
        UNROLL_4
        for (size_t u = 0; u < 4; u++)
            a[u] = v_fma(x, v_load_m(k[u] + c, tail), a[u]);
    }
    return v_sum4(a[0], a[1], a[2], a[3]);
}

// q's scaled products with the keys j .. j + 3 (the last repeated) of n keys with row stride ld.
ALWAYS_INLINE __m128 scores4(size_t j, size_t n, size_t dh, const float *q, const float *k,
                             size_t ld, float factor) {
    const float *keys[4];
    UNROLL_4
    for (size_t u = 0; u < 4; u++)
        keys[u] = k + (j + u < n ? j + u : n - 1) * ld;
    return _mm_mul_ps(score4(dh, q, keys), _mm_set1_ps(factor));
}

// p (16) = softmax of q's scaled products with n <= 16 keys: without a detour through memory.
static inline void weights_short(size_t n, size_t dh, const float *q, const float *k, size_t ld,
                                 float factor, float *p) {
    __m128 s0 = scores4(0, n, dh, q, k, ld, factor), s1 = s0, s2 = s0, s3 = s0;
    if (n > 4)
        s1 = scores4(4, n, dh, q, k, ld, factor);
    if (n > 8)
        s2 = scores4(8, n, dh, q, k, ld, factor);
    if (n > 12)
        s3 = scores4(12, n, dh, q, k, ld, factor);
    const vm valid = v_mask(n);
    vf x = v_pick(valid, v_join(s0, s1, s2, s3), v_set(-INFINITY));
    vf e = v_keep(valid, exp_neg(v_sub(x, v_set(v_top(x)))));
    v_store(p, v_div(e, v_set(v_sum(e))));
}

// p (n; room for n rounded up to 16): the same for any n.
static inline void weights_long(size_t n, size_t dh, const float *q, const float *k, size_t ld,
                                float factor, float *p) {
    for (size_t j = 0; j < n; j += 4)
        _mm_store_ps(p + j, scores4(j, n, dh, q, k, ld, factor));
    softmax_row(n, p);
}

// out (dh) = sum of n value rows weighed by p.
static inline void weighted_sum(size_t n, size_t dh, const float *p, const float *v, size_t ld,
                                float *out) {
    size_t c = 0;
    for (; c + 4 * LANES <= dh; c += 4 * LANES) {
        vf a[4] = {v_set(0.0F), v_set(0.0F), v_set(0.0F), v_set(0.0F)};
        for (size_t j = 0; j < n; j++) {
            UNROLL_4
            for (size_t u = 0; u < 4; u++)
                a[u] = v_fma(v_set(p[j]), v_load(v + j * ld + c + u * LANES), a[u]);
        }
        UNROLL_4
        for (size_t u = 0; u < 4; u++)
            v_store(out + c + u * LANES, a[u]);
    }
    for (; c < dh; c += LANES) {
        const vm lanes = v_mask(dh - c < LANES ? dh - c : LANES);
        vf a = v_set(0.0F);
        for (size_t j = 0; j < n; j++)
            a = v_fma(v_set(p[j]), v_load_m(v + j * ld + c, lanes), a);
        v_store_m(out + c, lanes, a);
    }
}

static void attention_small(size_t n_seq, size_t t, size_t t_q, size_t h, size_t dh,
                            const float *qkv, float factor, int causal, float *out) {
    assert(t <= WC_ATTENTION_SMALL_T && t_q <= t);
    _Alignas(64) float p[WC_ATTENTION_SMALL_T + LANES];
    const size_t d = h * dh, ld = 3 * d;
    for (size_t s = 0; s < n_seq; s++) {
        const float *rows = qkv + s * t * ld;
        for (size_t c = 0; c < d; c += dh) {
            for (size_t i = 0; i < t_q; i++) {
                const size_t n = causal ? i + 1 : t;
                (n <= LANES ? weights_short : weights_long)(n, dh, rows + i * ld + c, rows + d + c,
                                                            ld, factor, p);
                weighted_sum(n, dh, p, rows + 2 * d + c, ld, out + (s * t_q + i) * d + c);
            }
        }
    }
}

static void f16_to_f32(size_t n, const uint16_t *in, float *out) {
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        _mm256_storeu_ps(out + i, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(in + i))));
    for (; i < n; i++)
        out[i] = _cvtsh_ss(in[i]);
}

static void bf16_to_f32(size_t n, const uint16_t *in, float *out) {
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        __m256i wide = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)(in + i)));
        _mm256_storeu_si256((__m256i *)(out + i), _mm256_slli_epi32(wide, 16));
    }
    for (; i < n; i++)
        out[i] = _mm_cvtss_f32(_mm_castsi128_ps(_mm_cvtsi32_si128((int)((uint32_t)in[i] << 16))));
}

static void f32_to_bf16(size_t n, const float *in, uint16_t *out) {
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        v_store_bf16(out + i, v_load(in + i), LANES);
    if (i < n)
        v_store_bf16(out + i, v_load_m(in + i, v_mask(n - i)), n - i);
}

// x (n) * factor, of the lanes of one step; factor may be NULL.
ALWAYS_INLINE vf factored(size_t n, const float *x, const float *factor) {
    if (n == LANES)
        return factor ? v_mul(v_load(x), v_load(factor)) : v_load(x);
    const vm tail = v_mask(n);
    return factor ? v_mul(v_load_m(x, tail), v_load_m(factor, tail)) : v_load_m(x, tail);
}

static inline void quantise_row(size_t k, const float *x, const float *factor, uint8_t *out,
                                float *scale, int32_t *zero) {
    const vf nought = v_set(0.0F);
    vf low = nought, high = nought, spoilt = nought;
    for (size_t j = 0; j < k; j += LANES) {
        vf y = factored(k - j < LANES ? k - j : LANES, x + j, factor ? factor + j : NULL);
        low = v_min(low, y);
        high = v_max(high, y);
        spoilt = v_fma(y, nought, spoilt); // NaN when y is not finite
    }
    float bottom = -v_top(v_neg(low)), span = v_top(high) - bottom;
    float inverse = span > 0.0F ? 255.0F / span : 0.0F;
    *scale = span * (1.0F / 255.0F) + v_sum(spoilt);
    *zero = 0;
    if (!isfinite(*scale) || !isfinite(inverse)) {
        memset(out, 0, k);
        return;
    }
    *zero = (int32_t)nearbyintf(-bottom * inverse);
    const vf by = v_set(inverse);
    for (size_t j = 0; j < k; j += LANES) {
        size_t n = k - j < LANES ? k - j : LANES;
        v_store_u8(out + j, v_mul(factored(n, x + j, factor ? factor + j : NULL), by), *zero, n);
    }
}

static void quantise(size_t m, size_t k, const float *x, size_t ld, const float *factor,
                     uint8_t *out, float *scale, int32_t *zero) {
    for (size_t i = 0; i < m; i++)
        quantise_row(k, x + i * ld, factor, out + i * k, scale + i, zero + i);
}

static void dequantise(size_t m, size_t n, const int32_t *acc, const float *scale,
                       const int32_t *zero, const float *column, const int32_t *sum,
                       const float *bias, int add, float *out, size_t ld_out) {
    const size_t n_full = n / LANES * LANES;
    const vm tail = v_mask(n - n_full);
    for (size_t i = 0; i < m; i++) {
        const int32_t *from = acc + i * n;
        const vf by = v_set(scale[i]);
        float *to = out + i * ld_out;
        for (size_t j = 0; j < n_full; j += LANES) {
            vf y = v_mul(v_less(from + j, zero[i], sum + j), v_mul(by, v_load(column + j)));
            y = bias ? v_add(y, v_load(bias + j)) : y;
            v_store(to + j, add ? v_add(v_load(to + j), y) : y);
        }
        if (n_full < n) {
            vf y = v_mul(v_less_m(from + n_full, zero[i], sum + n_full, tail),
                         v_mul(by, v_load_m(column + n_full, tail)));
            y = bias ? v_add(y, v_load_m(bias + n_full, tail)) : y;
            v_store_m(to + n_full, tail, add ? v_add(v_load_m(to + n_full, tail), y) : y);
        }
    }
}

#define WC_VECTOR_TABLE                                                                            \
    {                                                                                              \
        .isa = WC_VECTOR_ISA, .layer_norm = layer_norm, .softmax = softmax,                        \
        .bias_gelu = bias_gelu, .bias_quickgelu = bias_quickgelu, .bias = bias_add,                \
        .bias_residual = bias_residual, .attention_small = attention_small, .dot = dot,            \
        .scale = scale, .f16_to_f32 = f16_to_f32, .bf16_to_f32 = bf16_to_f32,                      \
        .f32_to_bf16 = f32_to_bf16, .quantise = quantise, .dequantise = dequantise,                \
    }

#endif
