#include "tensor/tensor.h"

#include "base/alloc.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

enum wc_err wc_arena_init(struct wc_arena *a, size_t n_bytes, struct wc_error *err) {
    unsigned char *base = NULL;
    WC_TRY(WC_NEW(&base, n_bytes, "scratch arena", err));
    *a = (struct wc_arena){.base = base, .n_bytes = n_bytes};
    return WC_OK;
}

void wc_arena_release(struct wc_arena *a) {
    wc_free(a->base);
    memset(a, 0, sizeof *a);
}

void wc_arena_reset(struct wc_arena *a) {
    a->used_bytes = 0;
}

float *wc_arena_f32(struct wc_arena *a, size_t n) {
    size_t cost = wc_arena_cost_f32(n);
    assert(cost <= a->n_bytes - a->used_bytes && "the arena was sized too small");
    float *out = (float *)(void *)(a->base + a->used_bytes);
    a->used_bytes += cost;
    if (a->used_bytes > a->peak_bytes)
        a->peak_bytes = a->used_bytes;
    return out;
}

size_t wc_arena_cost_f32(size_t n) {
    assert(n <= (SIZE_MAX - (WC_ALIGN - 1)) / sizeof(float));
    return (n * sizeof(float) + (WC_ALIGN - 1)) / WC_ALIGN * WC_ALIGN;
}
