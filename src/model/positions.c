/*
 * Position embeddings for another grid than they were trained on.
 *
 * As open_clip's resize_pos_embed (src/open_clip/model.py): the first row stays, the grid goes
 * through PyTorch's bicubic interpolation with antialias and without align_corners, which is
 * Pillow's resampling of float pictures: Keys' cubic with a = -1/2, widened by the ratio when it
 * shrinks, cut off at the borders and normalised (Pillow, src/libImaging/Resample.c).
 */
#include "model/open.h"

#include "base/alloc.h"

#include <math.h>

// Keys 1981, equation 4, with a = -1/2.
static double cubic(double x) {
    const double a = -0.5;
    x = fabs(x);
    if (x < 1)
        return ((a + 2) * x - (a + 3)) * x * x + 1;
    return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

// matrix (n_out, n_in): row i holds the weights of output i.
static void weights_of(size_t n_in, size_t n_out, double *matrix) {
    double ratio = (double)n_in / (double)n_out, width = ratio > 1 ? ratio : 1;
    for (size_t i = 0; i < n_out; i++) {
        double center = ((double)i + 0.5) * ratio, sum = 0, *row = matrix + i * n_in;
        double first = floor(center - 2 * width + 0.5), end = floor(center + 2 * width + 0.5);
        for (size_t j = 0; j < n_in; j++) {
            bool inside = (double)j >= first && (double)j < end;
            row[j] = inside ? cubic(((double)j - center + 0.5) / width) : 0;
            sum += row[j];
        }
        for (size_t j = 0; j < n_in; j++)
            row[j] /= sum;
    }
}

// One output cell: the weighted sum of the rows of `in` (g_in * g_in, d).
static void mix(size_t g_in, size_t d, const double *down, const double *across, const float *in,
                double *sum) {
    for (size_t c = 0; c < d; c++)
        sum[c] = 0;
    for (size_t y = 0; y < g_in; y++)
        for (size_t x = 0; x < g_in; x++) {
            double w = down[y] * across[x];
            const float *cell = in + (y * g_in + x) * d;
            for (size_t c = 0; w != 0 && c < d; c++)
                sum[c] += w * (double)cell[c];
        }
}

enum wc_err wc_model_resize_positions(size_t g_in, size_t g_out, size_t d, const float *in,
                                      float *out, struct wc_error *err) {
    double *matrix = NULL, *sum = NULL;
    enum wc_err rc = WC_NEW(&matrix, g_out * g_in, "position weights", err);
    if (rc == WC_OK)
        rc = WC_NEW(&sum, d, "position weights", err);
    if (rc == WC_OK) {
        weights_of(g_in, g_out, matrix);
        for (size_t c = 0; c < d; c++)
            out[c] = in[c];
        for (size_t i = 0; i < g_out * g_out; i++) {
            mix(g_in, d, matrix + i / g_out * g_in, matrix + i % g_out * g_in, in + d, sum);
            for (size_t c = 0; c < d; c++)
                out[(1 + i) * d + c] = (float)sum[c];
        }
    }
    wc_free(matrix);
    wc_free(sum);
    return rc;
}
