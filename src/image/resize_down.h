/*
 * The one inner loop of resampling: a weighted sum of whole rows. Private to src/image.
 *
 * Integers only, so every ISA gives the same bits; the body is compiled once for each.
 */
#ifndef WC_IMAGE_RESIZE_DOWN_H
#define WC_IMAGE_RESIZE_DOWN_H

#include <stddef.h>
#include <stdint.h>

enum { TAP_BITS = 22 }; // 32 - 8 bits of a sample - 2 of head room for negative lobes

// out[x] = clip((sum_j tap[j] * rows[j * width + x] + 1/2) >> TAP_BITS), x < width, j < n.
typedef void resize_down_fn(const uint8_t *rows, size_t width, const int32_t *tap, size_t n,
                            uint8_t *out);

resize_down_fn wc_resize_down_avx2; // x86-64 only

// In blocks whose sums stay in the first-level cache.
static inline void resize_down_body(const uint8_t *rows, size_t width, const int32_t *tap, size_t n,
                                    uint8_t *out) {
    enum { BLOCK = 512 };
    int32_t sum[BLOCK];
    for (size_t x0 = 0; x0 < width; x0 += BLOCK) {
        size_t n_x = width - x0 < BLOCK ? width - x0 : BLOCK;
        for (size_t x = 0; x < n_x; x++)
            sum[x] = 1 << (TAP_BITS - 1);
        for (size_t j = 0; j < n; j++) {
            const uint8_t *row = rows + j * width + x0;
            int32_t k = tap[j];
#pragma omp simd
            for (size_t x = 0; x < n_x; x++)
                sum[x] += k * row[x];
        }
#pragma omp simd
        for (size_t x = 0; x < n_x; x++) {
            int32_t v = sum[x] >> TAP_BITS; // arithmetic with every compiler this builds with
            out[x0 + x] = (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
        }
    }
}

#endif
