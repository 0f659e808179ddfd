// int8's calibration: pictures of a formula through the float32 tower.
#include "model/pack.h"

#include "base/alloc.h"
#include "base/rng.h"

#include <math.h>
#include <string.h>

enum { N_OCTAVES = 6, WINDOW_SIDE = 2, N_WINDOWS = 25 };

static float uniform(uint64_t *state) {
    return (float)((double)(wc_rng_next(state) >> 11) * 0x1p-53);
}

// Random values on a lattice of `cells` squares a side, bilinear between them, times `size`.
static void add_octave(size_t side, size_t cells, float size, uint64_t *state, float *plane) {
    static const size_t row = ((size_t)1 << N_OCTAVES) + 2;
    float lattice[((1 << N_OCTAVES) + 2) * ((1 << N_OCTAVES) + 2)];
    for (size_t y = 0; y <= cells; y++)
        for (size_t x = 0; x <= cells; x++)
            lattice[y * row + x] = size * (uniform(state) - 0.5F);
    for (size_t i = 0; i < side * side; i++) {
        float fy = (float)(i / side * cells) / (float)side,
              fx = (float)(i % side * cells) / (float)side;
        size_t y = (size_t)fy, x = (size_t)fx;
        float v = fy - (float)y, u = fx - (float)x;
        const float *at = lattice + y * row + x, *below = at + row;
        float top = at[0] + u * (at[1] - at[0]), bottom = below[0] + u * (below[1] - below[0]);
        plane[i] += top + v * (bottom - top);
    }
}

// Octaves of equal strength a scale, as natural pictures have them, the channels mostly alike; and
// rectangles, which have edges.
void wc_calibration_picture(size_t i, size_t side, float *pixels) {
    uint64_t state = 0x5CA1AB1E + i;
    size_t plane = side * side;
    for (size_t j = 0; j < 3 * plane; j++)
        pixels[j] = 0.5F;
    for (size_t octave = 0; octave < N_OCTAVES; octave++) {
        size_t cells = (size_t)2 << octave;
        float size = 0.6F / (float)(1 + octave);
        add_octave(side, cells, size, &state, pixels);
    }
    memcpy(pixels + plane, pixels, plane * sizeof *pixels);
    memcpy(pixels + 2 * plane, pixels, plane * sizeof *pixels);
    for (size_t c = 0; c < 3; c++)
        add_octave(side, 4, 0.3F, &state, pixels + c * plane);
    for (size_t r = 0; r < 4; r++) {
        float place[2] = {uniform(&state), uniform(&state)}, colour[3];
        for (size_t c = 0; c < 3; c++)
            colour[c] = uniform(&state);
        size_t y0 = (size_t)(place[0] * 0.8F * (float)side),
               x0 = (size_t)(place[1] * 0.8F * (float)side), edge = side / 5;
        for (size_t c = 0; c < 3; c++)
            for (size_t y = y0; y < y0 + edge; y++)
                for (size_t x = x0; x < x0 + edge; x++)
                    pixels[c * plane + y * side + x] = colour[c];
    }
    for (size_t c = 0; c < 3; c++)
        for (size_t j = c * plane; j < (c + 1) * plane; j++) {
            float v = pixels[j] < 0 ? 0 : pixels[j] > 1 ? 1 : pixels[j];
            pixels[j] = (v - wc_clip_mean[c]) / wc_clip_std[c];
        }
}

void wc_linear_observe(const struct wc_linear *l, size_t m, const float *in, size_t ld_in) {
    struct wc_linear_stats *s = l->stats;
    if (!s->candidate) {
        for (size_t i = 0; i < m; i++)
            for (size_t j = 0; j < l->k; j++) {
                float x = fabsf(in[i * ld_in + j]);
                s->top[j] = x > s->top[j] ? x : s->top[j];
            }
        return;
    }
    float *y = wc_alloc(2 * m * l->n, sizeof *y); // exact, then the candidate's
    if (!y) {
        s->wrong = INFINITY; // kept wider
        return;
    }
    wc_gemm_nt(m, l->n, l->k, in, ld_in, l->weight, l->k, false, y, l->n);
    wc_gemm_packed(m, s->candidate, in, ld_in, (struct wc_gemm_post){0}, y + m * l->n, l->n);
    for (size_t i = 0; i < m * l->n; i++) {
        double e = (double)y[m * l->n + i] - (double)y[i];
        s->wrong += e * e;
        s->all += (double)y[i] * (double)y[i];
    }
    wc_free(y);
}

enum wc_err wc_calibration_run(struct wc_model *m, size_t picture, struct wc_error *err) {
    size_t side = m->arch.image_px, g = wc_arch_grid(&m->arch), k = WINDOW_SIDE;
    struct wc_workspace *w = NULL;
    struct wc_features f = {0};
    struct wc_request r = {.want = WC_WANT_IMAGE, .n_scales = 0};
    float *pixels = NULL;
    enum wc_err rc = wc_workspace_new(m, 1, NULL, NULL, &w, err);
    if (rc == WC_OK && g >= k) {
        r.want |= WC_WANT_WINDOWS;
        r.n_scales = 1;
        r.window[0] = k;
    }
    if (rc == WC_OK)
        rc = wc_features_init(m, &r, &f, err);
    if (rc == WC_OK)
        rc = WC_NEW(&pixels, 3 * side * side, "calibration picture", err);
    if (rc == WC_OK) {
        wc_calibration_picture(picture, side, pixels);
        m->family->begin(m, w, r.want, pixels);
        m->family->whole(m, w, WC_WANT_IMAGE, &w->scratch[0], &f);
        size_t n = wc_n_windows(g, k);
        if (n > 0)
            m->family->windows(m, w, k, 0, n < N_WINDOWS ? n : N_WINDOWS, &w->scratch[0],
                               f.window[0]);
    }
    wc_free(pixels);
    wc_features_release(&f);
    wc_workspace_free(&w);
    return rc;
}
