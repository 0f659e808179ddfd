#include "method/local.h"

#include "tensor/gemm.h"

#include <math.h>
#include <omp.h>
#include <stdbool.h>
#include <string.h>

void wc_pool3(const float *in, size_t side, size_t c, unsigned n_threads, float *out) {
#pragma omp parallel for schedule(static) num_threads(n_threads)
    for (size_t i = 0; i < side * side; i++) {
        size_t y0 = i / side, x0 = i % side;
        float *mean = out + i * c;
        memset(mean, 0, c * sizeof *mean);
        for (size_t y = y0 - (y0 > 0); y < side && y <= y0 + 1; y++)
            for (size_t x = x0 - (x0 > 0); x < side && x <= x0 + 1; x++) {
                const float *at = in + (y * side + x) * c;
#pragma omp simd
                for (size_t j = 0; j < c; j++)
                    mean[j] += at[j];
            }
#pragma omp simd
        for (size_t j = 0; j < c; j++)
            mean[j] /= 9.0F;
    }
}

struct place {
    size_t low, high;
    float weight; // of high
};

static struct place locate(size_t i, size_t side, size_t to) {
    double u = ((double)i + 0.5) * (double)side / (double)to - 0.5;
    u = u > 0 ? u : 0;
    size_t low = (size_t)u, high = low + 1 < side ? low + 1 : low;
    return (struct place){low, high, (float)(u - (double)low)};
}

void wc_resample(const float *in, size_t side, size_t c, size_t to, unsigned n_threads, float *out,
                 size_t ld_out) {
#pragma omp parallel for schedule(static) num_threads(n_threads)
    for (size_t i = 0; i < to * to; i++) {
        struct place v = locate(i / to, side, to), h = locate(i % to, side, to);
        const float *a = in + (v.low * side + h.low) * c, *b = in + (v.low * side + h.high) * c,
                    *d = in + (v.high * side + h.low) * c, *e = in + (v.high * side + h.high) * c;
        float *row = out + i * ld_out;
#pragma omp simd
        for (size_t j = 0; j < c; j++) {
            float top = a[j] + h.weight * (b[j] - a[j]), bottom = d[j] + h.weight * (e[j] - d[j]);
            row[j] = top + v.weight * (bottom - top);
        }
    }
}

size_t wc_nearest_cell(size_t i, size_t side, size_t to) {
    return i * side / to;
}

float wc_square_distance(const float *a, const float *b, size_t width) {
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t j = 0; j < width; j++)
        sum += (a[j] - b[j]) * (a[j] - b[j]);
    return sum;
}

void wc_row_norms(const float *x, size_t n, size_t width, float *norm) {
    for (size_t i = 0; i < n; i++) {
        const float *row = x + i * width;
        float sum = 0;
#pragma omp simd reduction(+ : sum)
        for (size_t j = 0; j < width; j++)
            sum += row[j] * row[j];
        norm[i] = sum;
    }
}

// Queries [0, m) against all rows. |q|^2 is the same for all and left out while comparing.
static void nearest_chunk(const float *query, size_t m, const float *row, const float *norm,
                          size_t n_r, size_t width, float *block, struct wc_near *near) {
    for (size_t q = 0; q < m; q++)
        near[q] = (struct wc_near){INFINITY, 0};
    for (size_t first = 0; first < n_r; first += WC_NEAREST_BLOCK) {
        size_t n = n_r - first < WC_NEAREST_BLOCK ? n_r - first : WC_NEAREST_BLOCK;
        wc_gemm_nt(m, n, width, query, width, row + first * width, width, false, block, n);
        for (size_t q = 0; q < m; q++)
            for (size_t r = 0; r < n; r++) {
                float d = norm[first + r] - 2 * block[q * n + r];
                if (d < near[q].square)
                    near[q] = (struct wc_near){d, (uint32_t)(first + r)};
            }
    }
    for (size_t q = 0; q < m; q++)
        near[q].square = wc_square_distance(query + q * width, row + near[q].index * width, width);
}

void wc_nearest(const float *query, size_t n_q, const float *row, const float *norm, size_t n_r,
                size_t width, unsigned n_threads, float *block, struct wc_near *near) {
    size_t n_chunks = (n_q + WC_NEAREST_CHUNK - 1) / WC_NEAREST_CHUNK;
#pragma omp parallel for schedule(dynamic, 1) num_threads(n_threads)
    for (size_t i = 0; i < n_chunks; i++) {
        size_t first = i * n_q / n_chunks, end = (i + 1) * n_q / n_chunks;
        float *own = block + (size_t)omp_get_thread_num() * WC_NEAREST_CHUNK * WC_NEAREST_BLOCK;
        nearest_chunk(query + first * width, end - first, row, norm, n_r, width, own, near + first);
    }
}

/* Smoothing. */

#define MAX_RADIUS 64

// Mirrored at the edges: ... 1 0 | 0 1 ... n-1 | n-1 n-2 ...
static size_t mirrored(ptrdiff_t i, size_t n) {
    ptrdiff_t period = 2 * (ptrdiff_t)n;
    i %= period;
    i = i < 0 ? i + period : i;
    return (size_t)(i < (ptrdiff_t)n ? i : period - 1 - i);
}

// out (side, side) = rows of `in` smoothed, transposed: two calls smooth both ways.
static void smooth_rows(const float *in, size_t side, const double *kernel, ptrdiff_t radius,
                        float *out) {
    for (size_t y = 0; y < side; y++)
        for (size_t x = 0; x < side; x++) {
            double sum = 0;
            bool inside = x >= (size_t)radius && x + (size_t)radius < side;
            const float *row = in + y * side, *at = row + x - (inside ? radius : 0);
            for (ptrdiff_t k = 0; k <= 2 * radius; k++) {
                float v = inside ? at[k] : row[mirrored((ptrdiff_t)x + k - radius, side)];
                sum += kernel[k] * (double)v;
            }
            out[x * side + y] = (float)sum;
        }
}

void wc_smooth(float *map, size_t side, double sigma, float *scratch) {
    double kernel[2 * MAX_RADIUS + 1], sum = 0;
    ptrdiff_t radius = (ptrdiff_t)(4 * sigma + 0.5);
    radius = radius < MAX_RADIUS ? radius : MAX_RADIUS;
    for (ptrdiff_t k = -radius; k <= radius; k++)
        sum += kernel[k + radius] = exp(-0.5 * (double)(k * k) / (sigma * sigma));
    for (ptrdiff_t k = 0; k <= 2 * radius; k++)
        kernel[k] /= sum;
    smooth_rows(map, side, kernel, radius, scratch);
    smooth_rows(scratch, side, kernel, radius, map);
}
