// The operations of kernels_vector.h in AVX-512 (F, BW, DQ, VL): one register of 16 lanes.
#include "tensor/kernels_private.h"

#include <immintrin.h>

#define WC_VECTOR_ISA WC_ISA_AVX512

typedef __m512 vf;
typedef __mmask16 vm;

static inline vm v_mask(size_t n) {
    return (vm)((1U << n) - 1U);
}
static inline vf v_load(const float *p) {
    return _mm512_loadu_ps(p);
}
static inline vf v_load_m(const float *p, vm m) {
    return _mm512_maskz_loadu_ps(m, p);
}
static inline void v_store(float *p, vf x) {
    _mm512_storeu_ps(p, x);
}
static inline void v_store_m(float *p, vm m, vf x) {
    _mm512_mask_storeu_ps(p, m, x);
}
static inline vf v_set(float x) {
    return _mm512_set1_ps(x);
}
static inline vf v_add(vf a, vf b) {
    return _mm512_add_ps(a, b);
}
static inline vf v_sub(vf a, vf b) {
    return _mm512_sub_ps(a, b);
}
static inline vf v_mul(vf a, vf b) {
    return _mm512_mul_ps(a, b);
}
static inline vf v_div(vf a, vf b) {
    return _mm512_div_ps(a, b);
}
static inline vf v_abs(vf x) {
    return _mm512_abs_ps(x);
}
static inline vf v_neg(vf x) {
    return _mm512_xor_ps(x, _mm512_set1_ps(-0.0F));
}
static inline vf v_max(vf a, vf b) {
    return _mm512_max_ps(a, b);
}
static inline vf v_min(vf a, vf b) {
    return _mm512_min_ps(a, b);
}
static inline vf v_fma(vf a, vf b, vf c) {
    return _mm512_fmadd_ps(a, b, c);
}
static inline vf v_fnma(vf a, vf b, vf c) {
    return _mm512_fnmadd_ps(a, b, c);
}
static inline vf v_keep(vm m, vf x) {
    return _mm512_maskz_mov_ps(m, x);
}
static inline vf v_pick(vm m, vf x, vf y) {
    return _mm512_mask_mov_ps(y, m, x);
}
static inline vf v_keep_from(vf x, vf lo, vf y) {
    return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(x, lo, _CMP_NLT_UQ), y);
}
static inline vf v_pick_neg(vf x, vf a, vf b) {
    return _mm512_mask_mov_ps(b, _mm512_cmp_ps_mask(x, _mm512_setzero_ps(), _CMP_LT_OQ), a);
}
static inline vf v_shift_exponent(vf t) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_castps_si512(t), 23));
}

static inline vf v_join(__m128 a, __m128 b, __m128 c, __m128 d) {
    return _mm512_insertf32x8(_mm512_castps256_ps512(_mm256_set_m128(b, a)), _mm256_set_m128(d, c),
                              1);
}
static inline __m256 v_fold(vf x) {
    return _mm256_add_ps(_mm512_castps512_ps256(x), _mm512_extractf32x8_ps(x, 1));
}

static inline float v_top(vf x) {
    return _mm512_reduce_max_ps(x);
}

static inline vf v_less(const int32_t *acc, int32_t z, const int32_t *sum) {
    __m512i taken = _mm512_mullo_epi32(_mm512_loadu_si512(sum), _mm512_set1_epi32(z));
    return _mm512_cvtepi32_ps(_mm512_sub_epi32(_mm512_loadu_si512(acc), taken));
}
static inline vf v_less_m(const int32_t *acc, int32_t z, const int32_t *sum, vm m) {
    __m512i taken = _mm512_mullo_epi32(_mm512_maskz_loadu_epi32(m, sum), _mm512_set1_epi32(z));
    return _mm512_cvtepi32_ps(_mm512_sub_epi32(_mm512_maskz_loadu_epi32(m, acc), taken));
}
static inline void v_store_u8(uint8_t *p, vf x, int32_t z, size_t n) {
    __m512i q = _mm512_add_epi32(_mm512_cvtps_epi32(x), _mm512_set1_epi32(z));
    __m128i bytes = _mm512_cvtusepi32_epi8(_mm512_max_epi32(q, _mm512_setzero_si512()));
    _mm_mask_storeu_epi8(p, v_mask(n), bytes);
}
static inline void v_store_bf16(uint16_t *p, vf x, size_t n) {
    __m512i bits = _mm512_castps_si512(x), low = _mm512_set1_epi32(1);
    __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), low);
    __m512i y = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7FFF)));
    y = _mm512_mask_or_epi32(y, _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q), bits,
                             _mm512_set1_epi32(0x400000));
    _mm256_mask_storeu_epi16(p, v_mask(n), _mm512_cvtepi32_epi16(_mm512_srli_epi32(y, 16)));
}

#include "tensor/kernels_vector.h"

const struct wc_kernels wc_kernels_avx512_table = WC_VECTOR_TABLE;
