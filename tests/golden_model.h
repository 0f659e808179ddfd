/*
 * What the golden tests share: the generator of test pictures (tests/golden/models/README.md,
 * section 2), reading golden tensors, and distances.
 */
#ifndef WC_TESTS_GOLDEN_MODEL_H
#define WC_TESTS_GOLDEN_MODEL_H

#include "test.h"

#include "base/alloc.h"
#include "base/rng.h"
#include "image/image.h"
#include "weights/weights.h"

#include <stdint.h>

struct golden_formula {
    size_t h, w;
    uint64_t a, b, obj, noise, dy, dx;
    uint64_t y0, x0, hh, ww, ds; // defect; hh 0: none
};

static inline uint64_t golden_lat(uint64_t s, uint64_t c, uint64_t o, uint64_t i, uint64_t j) {
    return wc_rng_mix(s * UINT64_C(0xD1342543DE82EF95) +
                      (4 * c + o) * UINT64_C(0x2545F4914F6CDD1D) + i * WC_RNG_GAMMA +
                      j * UINT64_C(0xC2B2AE3D27D4EB4F)) >>
           56;
}

static inline uint64_t golden_oct(uint64_t s, uint64_t c, uint64_t o, uint64_t g, uint64_t y,
                                  uint64_t x) {
    uint64_t i = y / g, fy = y % g, j = x / g, fx = x % g;
    uint64_t top = golden_lat(s, c, o, i, j) * (g - fx) + golden_lat(s, c, o, i, j + 1) * fx;
    uint64_t bot =
        golden_lat(s, c, o, i + 1, j) * (g - fx) + golden_lat(s, c, o, i + 1, j + 1) * fx;
    return (top * (g - fy) + bot * fy) / (g * g);
}

static inline struct wc_image golden_image(const struct golden_formula *f) {
    struct wc_image image = {0};
    if (wc_image_new(f->w, f->h, &image, NULL) != WC_OK)
        abort();
    for (size_t y = 0; y < f->h; y++)
        for (size_t x = 0; x < f->w; x++)
            for (uint64_t c = 0; c < 3; c++) {
                int inside =
                    f->hh > 0 && y >= f->y0 && y < f->y0 + f->hh && x >= f->x0 && x < f->x0 + f->ww;
                uint64_t s = inside ? f->ds : f->obj, oy = inside ? 0 : f->dy,
                         ox = inside ? 0 : f->dx;
                uint64_t a = golden_oct(s, c, 0, f->a, y + oy, x + ox),
                         b = golden_oct(s, c, 1, f->b, y + oy, x + ox);
                uint64_t n = golden_lat(f->noise, c, 2, y, x);
                int64_t v = (int64_t)((2 * (8 * a + 7 * b + n)) / 16) - 128;
                image.rgb[(y * f->w + x) * 3 + c] = (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
            }
    return image;
}

// A copy of a float32 golden tensor, which a caller may free; aborts the test program when it is
// absent, so that no check can silently vanish.
static inline float *golden_tensor(const struct wc_weights *w, const char *name, size_t n) {
    const struct wc_tensor_info *t = wc_weights_find(w, name);
    if (!t || t->dtype != WC_F32 || (n > 0 && t->n_elements != n)) {
        printf("Bail out! golden tensor %s: absent or of another size\n", name);
        exit(2);
    }
    float *copy = wc_alloc(t->n_elements, sizeof(float));
    // Remembered, so that a test need not free what it compares with.
    static const float *volatile kept[8192] __attribute__((used));
    static size_t n_kept;
    kept[n_kept++ % 8192] = copy;
    memcpy(copy, t->data, t->n_elements * sizeof(float));
    return copy;
}

static inline struct wc_weights *golden_open(const char *path) {
    struct wc_weights *w = NULL;
    struct wc_error err = {0};
    if (wc_weights_open(path, &w, &err) != WC_OK) {
        printf("Bail out! %s\n", err.text);
        exit(2);
    }
    return w;
}

// Relative L2 distance of x to the reference y.
static inline double golden_rel_l2(const float *x, const float *y, size_t n) {
    double d = 0, l = 0;
    for (size_t i = 0; i < n; i++) {
        d += ((double)x[i] - (double)y[i]) * ((double)x[i] - (double)y[i]);
        l += (double)y[i] * (double)y[i];
    }
    return sqrt(d / l);
}

static inline double golden_max_diff(const float *x, const float *y, size_t n) {
    double most = 0;
    for (size_t i = 0; i < n; i++) {
        double d = fabs((double)x[i] - (double)y[i]);
        most = d > most || isnan(d) ? d : most;
    }
    return most;
}

// At most `limit`, and not NaN.
static inline bool golden_below(double found, double limit, const char *name) {
    return test_ok(found <= limit, "%s: %.3g, at most %.3g", name, found, limit);
}

#endif
