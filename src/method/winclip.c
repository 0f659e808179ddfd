#include "method/winclip.h"

#include "image/resize.h"

#include <math.h>

static double dot(const float *a, const float *b, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)a[i] * (double)b[i];
    return sum;
}

void wc_winclip_probability(const struct wc_winclip *o, const float *f, size_t n, size_t e,
                            const float *prototype, double *s) {
    double sign = o->probability == WC_P_ABNORMAL ? 1 : -1;
    for (size_t i = 0; i < n; i++) {
        double c_n = dot(f + i * e, prototype, e), c_a = dot(f + i * e, prototype + e, e);
        s[i] = 1 / (1 + exp(sign * (c_n - c_a) / o->tau));
    }
}

double wc_one_class_score(const float *image, const float *prototype, size_t e) {
    return -dot(image, prototype, e);
}

void wc_winclip_to_patches(const double *s, size_t g, size_t k, enum wc_aggregation how,
                           double *map) {
    size_t across = g - k + 1;
    for (size_t i = 0; i < g * g; i++) {
        size_t y = i / g, x = i % g;
        size_t y0 = y < k ? 0 : y - k + 1, y1 = y < across ? y : across - 1;
        size_t x0 = x < k ? 0 : x - k + 1, x1 = x < across ? x : across - 1;
        double sum = 0, n = (double)((y1 - y0 + 1) * (x1 - x0 + 1));
        for (size_t wy = y0; wy <= y1; wy++)
            for (size_t wx = x0; wx <= x1; wx++)
                sum += how == WC_AGG_ARITHMETIC ? s[wy * across + wx] : 1 / s[wy * across + wx];
        map[i] = how == WC_AGG_HARMONIC ? n / sum : sum / n;
    }
}

void wc_winclip_fuse_scales(const struct wc_winclip *o, const double *maps, size_t n_maps,
                            double image, size_t g, double *m0) {
    size_t n_cells = g * g;
    double n_image = o->image_scale ? 1 : 0, n = (double)n_maps + n_image;
    for (size_t i = 0; i < n_cells; i++) {
        double sum = 0, inverse = 0;
        for (size_t k = 0; k < n_maps; k++) {
            sum += maps[k * n_cells + i];
            inverse += 1 / maps[k * n_cells + i];
        }
        switch (o->scale_fusion) {
        case WC_SCALES_HARMONIC:
            m0[i] = n / (inverse + (o->image_scale ? 1 / image : 0));
            break;
        case WC_SCALES_ARITHMETIC:
            m0[i] = (sum + n_image * image) / n;
            break;
        case WC_SCALES_INVERSE_MEAN: // the maps hold means of 1 / p(normal)
            m0[i] = 1 - n / (sum + n_image / image);
            break;
        }
    }
}

void wc_winclip_fuse(const struct wc_winclip *o, const double *m0, const double *mw, size_t g,
                     float *grid) {
    for (size_t i = 0; i < g * g; i++) {
        if (!mw) {
            grid[i] = (float)(o->map_zero == WC_ZERO_HALF ? m0[i] / 2 : m0[i]);
            continue;
        }
        double parallel = 1 / (1 / m0[i] + 1 / mw[i]);
        switch (o->map_fusion) {
        case WC_FUSE_MEAN:
            grid[i] = (float)((m0[i] + mw[i]) / 2);
            break;
        case WC_FUSE_SUM:
            grid[i] = (float)(m0[i] + mw[i]);
            break;
        case WC_FUSE_HARMONIC:
            grid[i] = (float)(2 * parallel);
            break;
        case WC_FUSE_PARALLEL:
            grid[i] = (float)parallel;
            break;
        }
    }
}

static double largest(const double *x, size_t n) {
    double most = x[0];
    for (size_t i = 1; i < n; i++)
        most = x[i] > most ? x[i] : most;
    return most;
}

double wc_winclip_image_score(const struct wc_winclip *o, double z, const double *mw,
                              const float *grid, size_t g, float *upsampled) {
    if (o->image_score == WC_SCORE_MAP_MAX) {
        size_t n = (size_t)WC_MAP_MAX_SIDE * WC_MAP_MAX_SIDE;
        wc_map_upsample(grid, g, g, WC_MAP_MAX_SIDE, WC_MAP_MAX_SIDE, upsampled);
        float most = upsampled[0];
        for (size_t i = 1; i < n; i++)
            most = upsampled[i] > most ? upsampled[i] : most;
        return (double)most;
    }
    if (!mw || o->few_shot_score == WC_FEW_TEXT)
        return z;
    double reference = largest(mw, g * g);
    return o->few_shot_score == WC_FEW_REFERENCE ? reference : (z + reference) / 2; // eq. 6
}
