/*
 * float32 scores as 32-bit keys in the same order (integer arithmetic only, so that no
 * flush-to-zero mode can touch denormals). -0 has the key of +0. Private to eval.
 */
#ifndef WC_EVAL_SCORE_KEY_H
#define WC_EVAL_SCORE_KEY_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define WC_KEY_SIGN UINT32_C(0x80000000)
#define WC_KEY_FIRST UINT32_C(0x00800000) // -FLT_MAX
#define WC_KEY_LAST UINT32_C(0xff7fffff)  // FLT_MAX

static inline uint32_t wc_score_bits(float score) {
    uint32_t bits;
    memcpy(&bits, &score, sizeof bits);
    return bits;
}

static inline bool wc_bits_finite(uint32_t bits) {
    return (bits & UINT32_C(0x7f800000)) != UINT32_C(0x7f800000);
}

static inline bool wc_bits_inf(uint32_t bits) {
    return (bits & ~WC_KEY_SIGN) == UINT32_C(0x7f800000);
}

static inline uint32_t wc_bits_key(uint32_t bits) {
    bits = bits == WC_KEY_SIGN ? 0 : bits;
    return bits & WC_KEY_SIGN ? ~bits : bits | WC_KEY_SIGN;
}

static inline float wc_key_score(uint32_t key) {
    uint32_t bits = key & WC_KEY_SIGN ? key & ~WC_KEY_SIGN : ~key;
    float score;
    memcpy(&score, &bits, sizeof score);
    return score;
}

#endif
