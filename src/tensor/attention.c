#include "tensor/attention.h"

#include "tensor/gemm.h"
#include "tensor/kernels.h"

#include <assert.h>
#include <string.h>

size_t wc_attention_scratch_f32(size_t t, size_t t_q) {
    return t * t_q;
}

// p (t_q, t) in place: row i keeps its first i + 1 entries.
static void causal_softmax(size_t t_q, size_t t, float *p) {
    for (size_t i = 0; i < t_q; i++) {
        wc_kernels()->softmax(1, i + 1, p + i * t, t);
        memset(p + i * t + i + 1, 0, (t - i - 1) * sizeof *p);
    }
}

void wc_attention_full(size_t t, size_t t_q, size_t h, size_t dh, const float *qkv, float scale,
                       int causal, float *scratch, float *out) {
    assert(t_q <= t);
    const struct wc_kernels *kernels = wc_kernels();
    size_t d = h * dh, ld = 3 * d;
    float *p = scratch; // (t_q, t) scores, then probabilities, of one head
    for (size_t c = 0; c < d; c += dh) {
        wc_gemm_nt(t_q, t, dh, qkv + c, ld, qkv + d + c, ld, false, p, t);
        kernels->scale(t_q * t, p, scale);
        if (causal)
            causal_softmax(t_q, t, p);
        else
            kernels->softmax(t_q, t, p, t);
        wc_gemm_nn(t_q, dh, t, p, t, qkv + 2 * d + c, ld, false, out + c, d);
    }
}
