#include "base/hash_impl.h"

#include <immintrin.h>

/*
 * Intel SDM vol. 2B, SHA256RNDS2, SHA256MSG1, SHA256MSG2: the working variables lie in two
 * registers, (a, b, e, f) and (c, d, g, h) from the highest lane down. Two rounds turn (c, d, g, h)
 * into the new (a, b, e, f), and the old (a, b, e, f) is the new (c, d, g, h).
 */

// Rounds t .. t+3 with the message words w = W[t .. t+3].
static inline void four_rounds(__m128i *abef, __m128i *cdgh, __m128i w, int t) {
    __m128i wk = _mm_add_epi32(w, _mm_loadu_si128((const __m128i *)(wc_sha256_k + t)));
    *cdgh = _mm_sha256rnds2_epu32(*cdgh, *abef, wk);
    *abef = _mm_sha256rnds2_epu32(*abef, *cdgh, _mm_shuffle_epi32(wk, 0x0E));
}

// W[t .. t+3] from the sixteen words before them, oldest first.
static inline __m128i schedule(__m128i w0, __m128i w1, __m128i w2, __m128i w3) {
    __m128i sum = _mm_add_epi32(_mm_sha256msg1_epu32(w0, w1), _mm_alignr_epi8(w3, w2, 4));
    return _mm_sha256msg2_epu32(sum, w3);
}

void wc_sha256_blocks_sha_ni(uint32_t h[8], const unsigned char *p, size_t n_blocks) {
    const __m128i swap = _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3);
    __m128i abef = _mm_set_epi32((int)h[0], (int)h[1], (int)h[4], (int)h[5]);
    __m128i cdgh = _mm_set_epi32((int)h[2], (int)h[3], (int)h[6], (int)h[7]);
    for (; n_blocks > 0; n_blocks--, p += 64) {
        __m128i w[4], abef0 = abef, cdgh0 = cdgh;
        for (int i = 0; i < 4; i++)
            w[i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(p + 16 * i)), swap);
        for (int t = 0; t < 64; t += 16) {
            four_rounds(&abef, &cdgh, w[0], t);
            four_rounds(&abef, &cdgh, w[1], t + 4);
            four_rounds(&abef, &cdgh, w[2], t + 8);
            four_rounds(&abef, &cdgh, w[3], t + 12);
            w[0] = schedule(w[0], w[1], w[2], w[3]);
            w[1] = schedule(w[1], w[2], w[3], w[0]);
            w[2] = schedule(w[2], w[3], w[0], w[1]);
            w[3] = schedule(w[3], w[0], w[1], w[2]);
        }
        abef = _mm_add_epi32(abef, abef0);
        cdgh = _mm_add_epi32(cdgh, cdgh0);
    }
    uint32_t x[4], y[4];
    _mm_storeu_si128((__m128i *)x, abef);
    _mm_storeu_si128((__m128i *)y, cdgh);
    const uint32_t out[8] = {x[3], x[2], y[3], y[2], x[1], x[0], y[1], y[0]};
    for (int i = 0; i < 8; i++)
        h[i] = out[i];
}
