/*
 * Private to method: what the methods on local features share: pooling and resampling of feature
 * maps, nearest rows, and the smoothing of their maps.
 *
 * Maps are channels last: (side, side, c).
 */
#ifndef WC_METHOD_LOCAL_H
#define WC_METHOD_LOCAL_H

#include <stddef.h>
#include <stdint.h>

// Means of 3 x 3 cells, zeros outside: always divided by 9 (PatchCore, eq. 2).
void wc_pool3(const float *in, size_t side, size_t c, unsigned n_threads, float *out);

// Bilinear, half-pixel centres (align_corners = false): in (side, side, c) -> out (to, to) rows of
// c at a stride of ld_out.
void wc_resample(const float *in, size_t side, size_t c, size_t to, unsigned n_threads, float *out,
                 size_t ld_out);

// The nearest cell of a map of `side` for cell i of a map of `to`: floor(i side / to), as torch's
// "nearest".
size_t wc_nearest_cell(size_t i, size_t side, size_t to);

// norm[i] = squared length of row i of x (n, width).
void wc_row_norms(const float *x, size_t n, size_t width, float *norm);

// The nearest row of a query: its squared Euclidean distance and its index.
struct wc_near {
    float square;
    uint32_t index;
};
#define WC_NEAREST_CHUNK 64  // query rows of one task
#define WC_NEAREST_BLOCK 256 // rows compared at a time: scratch of a thread is CHUNK * BLOCK floats

// The nearest of n_r rows to each of n_q queries. Candidates are found by matrix products; the
// distance of the one found is computed from the difference, so that it has no cancellation.
// `block`: n_threads * CHUNK * BLOCK floats.
void wc_nearest(const float *query, size_t n_q, const float *row, const float *norm, size_t n_r,
                size_t width, unsigned n_threads, float *block, struct wc_near *near);

// Squared distance of two rows.
float wc_square_distance(const float *a, const float *b, size_t width);

// Gaussian of `sigma` cells on a map (side, side), in place: kernel cut at 4 sigma, edges mirrored
// with the edge itself repeated (SciPy's gaussian_filter, which the originals of SPADE, PaDiM and
// PatchCore call). `scratch` (side, side).
void wc_smooth(float *map, size_t side, double sigma, float *scratch);

#endif
