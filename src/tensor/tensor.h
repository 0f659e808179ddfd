/*
 * Arrays of float32 and the arithmetic on them.
 *
 * Shapes are written beside a tensor, row-major, in these letters:
 *     b  images or windows in a batch
 *     t  tokens, d width of a token, h heads, e embedding
 *     g  side of the grid of patches (g x g), k side of a window in patches
 *     m  rows, n columns, k inner size of a matrix product
 *
 * Matrix products go through the GEMM table (tensor/gemm.h); element-wise kernels through the
 * kernel table (tensor/kernels.h), which is chosen once for the CPU before threads start. A result
 * never depends on the number of threads: work is cut into fixed chunks.
 */
#ifndef WC_TENSOR_TENSOR_H
#define WC_TENSOR_TENSOR_H

#include "base/err.h"

#include <stddef.h>

/*
 * Arena: one block from which a worker takes its scratch arrays; nothing is allocated per image.
 * Take in any order, reset all at once. Not thread-safe: one arena a thread.
 */
struct wc_arena {
    unsigned char *base;
    size_t n_bytes, used_bytes, peak_bytes;
};
enum wc_err wc_arena_init(struct wc_arena *a, size_t n_bytes, struct wc_error *err);
void wc_arena_release(struct wc_arena *a);
void wc_arena_reset(struct wc_arena *a);
// n floats, 64-byte aligned, not cleared. The arena must be large enough: running out is a bug
// (assert).
float *wc_arena_f32(struct wc_arena *a, size_t n);
// Bytes that an array of n floats takes in an arena (rounded up to the alignment).
size_t wc_arena_cost_f32(size_t n);

#endif
