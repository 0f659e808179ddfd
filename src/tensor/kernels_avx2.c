// The operations of kernels_vector.h in AVX2 + FMA + F16C: 16 lanes are two registers.
#include "tensor/kernels_private.h"

#include <immintrin.h>
#include <string.h>

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

static inline __m256 less_8(__m256i acc, int32_t z, __m256i sum) {
    __m256i taken = _mm256_mullo_epi32(sum, _mm256_set1_epi32(z));
    return _mm256_cvtepi32_ps(_mm256_sub_epi32(acc, taken));
}
static inline vf v_less(const int32_t *acc, int32_t z, const int32_t *sum) {
    const __m256i *a = (const __m256i *)(const void *)acc, *s = (const __m256i *)(const void *)sum;
    return pair(less_8(_mm256_loadu_si256(a), z, _mm256_loadu_si256(s)),
                less_8(_mm256_loadu_si256(a + 1), z, _mm256_loadu_si256(s + 1)));
}
static inline vf v_less_m(const int32_t *acc, int32_t z, const int32_t *sum, vm m) {
    return pair(
        less_8(_mm256_maskload_epi32(acc, m.lo), z, _mm256_maskload_epi32(sum, m.lo)),
        less_8(_mm256_maskload_epi32(acc + 8, m.hi), z, _mm256_maskload_epi32(sum + 8, m.hi)));
}
static inline void v_store_u8(uint8_t *p, vf x, int32_t z, size_t n) {
    const __m256i by = _mm256_set1_epi32(z);
    __m256i lo = _mm256_add_epi32(_mm256_cvtps_epi32(x.lo), by);
    __m256i hi = _mm256_add_epi32(_mm256_cvtps_epi32(x.hi), by);
    __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(lo, hi), 0xD8);
    __m128i bytes =
        _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
    uint8_t all[16];
    _mm_storeu_si128((__m128i *)(void *)(n == 16 ? p : all), bytes);
    if (n < 16)
        memcpy(p, all, n);
}
static inline __m256i bf16_8(__m256 x) {
    __m256i bits = _mm256_castps_si256(x);
    __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
    __m256i y = _mm256_add_epi32(bits, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7FFF)));
    __m256i quiet = _mm256_or_si256(bits, _mm256_set1_epi32(0x400000));
    __m256i nan = _mm256_castps_si256(_mm256_cmp_ps(x, x, _CMP_UNORD_Q));
    return _mm256_srli_epi32(_mm256_blendv_epi8(y, quiet, nan), 16);
}
static inline void v_store_bf16(uint16_t *p, vf x, size_t n) {
    __m256i words = _mm256_permute4x64_epi64(_mm256_packus_epi32(bf16_8(x.lo), bf16_8(x.hi)), 0xD8);
    uint16_t all[16];
    _mm256_storeu_si256((__m256i *)(void *)(n == 16 ? p : all), words);
    if (n < 16)
        memcpy(p, all, n * sizeof *p);
}

#include "tensor/kernels_vector.h"

const struct wc_kernels wc_kernels_avx2_table = WC_VECTOR_TABLE;
