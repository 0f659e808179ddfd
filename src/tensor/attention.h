/*
 * Self-attention of one long sequence through matrix products; for windows of a few tokens there is
 * the attention_small kernel.
 */
#ifndef WC_TENSOR_ATTENTION_H
#define WC_TENSOR_ATTENTION_H

#include <stddef.h>

// Floats that wc_attention_full() needs as scratch.
size_t wc_attention_scratch_f32(size_t t, size_t t_q);

// qkv (t, 3 * h * dh) rows [q | k | v], head-major; out (t_q, h * dh): the first t_q tokens'
// outputs, t_q <= t. Scores are multiplied by `scale` (1/sqrt(dh)). causal: token i sees 0..i.
// Thread-safe with a scratch of its own.
void wc_attention_full(size_t t, size_t t_q, size_t h, size_t dh, const float *qkv, float scale,
                       int causal, float *scratch, float *out);

#endif
