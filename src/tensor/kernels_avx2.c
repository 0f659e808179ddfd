// The operations of kernels_vector.h in AVX2 + FMA + F16C: 16 lanes are two registers.
#include "tensor/kernels_private.h"

#include <immintrin.h>

#define WC_VECTOR_ISA WC_ISA_AVX2

typedef struct {
    __m256 lo, hi;
} vf;
typedef struct {
    __m256i lo, hi;
} vm;

static inline vf pair(__m256 lo, __m256 hi) {
    return (vf){lo, hi};
}

static inline vm v_mask(size_t n) {
    const __m256i count = _mm256_set1_epi32((int)n);
    return (vm){_mm256_cmpgt_epi32(count, _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7)),
                _mm256_cmpgt_epi32(count, _mm256_setr_epi32(8, 9, 10, 11, 12, 13, 14, 15))};
}
static inline vf v_load(const float *p) {
    return pair(_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8));
}
static inline vf v_load_m(const float *p, vm m) {
    return pair(_mm256_maskload_ps(p, m.lo), _mm256_maskload_ps(p + 8, m.hi));
}
static inline void v_store(float *p, vf x) {
    _mm256_storeu_ps(p, x.lo);
    _mm256_storeu_ps(p + 8, x.hi);
}
static inline void v_store_m(float *p, vm m, vf x) {
    _mm256_maskstore_ps(p, m.lo, x.lo);
    _mm256_maskstore_ps(p + 8, m.hi, x.hi);
}
static inline vf v_set(float x) {
    return pair(_mm256_set1_ps(x), _mm256_set1_ps(x));
}
static inline vf v_add(vf a, vf b) {
    return pair(_mm256_add_ps(a.lo, b.lo), _mm256_add_ps(a.hi, b.hi));
}
static inline vf v_sub(vf a, vf b) {
    return pair(_mm256_sub_ps(a.lo, b.lo), _mm256_sub_ps(a.hi, b.hi));
}
static inline vf v_mul(vf a, vf b) {
    return pair(_mm256_mul_ps(a.lo, b.lo), _mm256_mul_ps(a.hi, b.hi));
}
static inline vf v_div(vf a, vf b) {
    return pair(_mm256_div_ps(a.lo, b.lo), _mm256_div_ps(a.hi, b.hi));
}
static inline vf v_abs(vf x) {
    const __m256 sign = _mm256_set1_ps(-0.0F);
    return pair(_mm256_andnot_ps(sign, x.lo), _mm256_andnot_ps(sign, x.hi));
}
static inline vf v_neg(vf x) {
    const __m256 sign = _mm256_set1_ps(-0.0F);
    return pair(_mm256_xor_ps(x.lo, sign), _mm256_xor_ps(x.hi, sign));
}
static inline vf v_max(vf a, vf b) {
    return pair(_mm256_max_ps(a.lo, b.lo), _mm256_max_ps(a.hi, b.hi));
}
static inline vf v_min(vf a, vf b) {
    return pair(_mm256_min_ps(a.lo, b.lo), _mm256_min_ps(a.hi, b.hi));
}
static inline vf v_fma(vf a, vf b, vf c) {
    return pair(_mm256_fmadd_ps(a.lo, b.lo, c.lo), _mm256_fmadd_ps(a.hi, b.hi, c.hi));
}
static inline vf v_fnma(vf a, vf b, vf c) {
    return pair(_mm256_fnmadd_ps(a.lo, b.lo, c.lo), _mm256_fnmadd_ps(a.hi, b.hi, c.hi));
}
static inline vf v_keep(vm m, vf x) {
    return pair(_mm256_and_ps(_mm256_castsi256_ps(m.lo), x.lo),
                _mm256_and_ps(_mm256_castsi256_ps(m.hi), x.hi));
}
static inline vf v_pick(vm m, vf x, vf y) {
    return pair(_mm256_blendv_ps(y.lo, x.lo, _mm256_castsi256_ps(m.lo)),
                _mm256_blendv_ps(y.hi, x.hi, _mm256_castsi256_ps(m.hi)));
}
static inline vf v_keep_from(vf x, vf lo, vf y) {
    return pair(_mm256_and_ps(_mm256_cmp_ps(x.lo, lo.lo, _CMP_NLT_UQ), y.lo),
                _mm256_and_ps(_mm256_cmp_ps(x.hi, lo.hi, _CMP_NLT_UQ), y.hi));
}
static inline vf v_pick_neg(vf x, vf a, vf b) {
    const __m256 zero = _mm256_setzero_ps();
    return pair(_mm256_blendv_ps(b.lo, a.lo, _mm256_cmp_ps(x.lo, zero, _CMP_LT_OQ)),
                _mm256_blendv_ps(b.hi, a.hi, _mm256_cmp_ps(x.hi, zero, _CMP_LT_OQ)));
}
static inline vf v_shift_exponent(vf t) {
    return pair(_mm256_castsi256_ps(_mm256_slli_epi32(_mm256_castps_si256(t.lo), 23)),
                _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_castps_si256(t.hi), 23)));
}

static inline vf v_join(__m128 a, __m128 b, __m128 c, __m128 d) {
    return pair(_mm256_set_m128(b, a), _mm256_set_m128(d, c));
}
static inline __m256 v_fold(vf x) {
    return _mm256_add_ps(x.lo, x.hi);
}

static inline float v_top(vf x) {
    __m256 y = _mm256_max_ps(x.lo, x.hi);
    __m128 z = _mm_max_ps(_mm256_castps256_ps128(y), _mm256_extractf128_ps(y, 1));
    z = _mm_max_ps(z, _mm_movehl_ps(z, z));
    return _mm_cvtss_f32(_mm_max_ss(z, _mm_movehdup_ps(z)));
}

#include "tensor/kernels_vector.h"

const struct wc_kernels wc_kernels_avx2_table = WC_VECTOR_TABLE;
