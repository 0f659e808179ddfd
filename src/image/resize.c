/*
 * Pillow's separable resampling in 8 bits: integer taps, the first pass rounded to 8 bits. The
 * result is a matter of the formulas below alone, which golden/resize/README.md states and proves.
 */
#include "image/resize.h"

#include "base/alloc.h"
#include "image/resize_down.h"
#include "tensor/kernels.h"

#include <math.h>
#include <string.h>

// Taps of one axis: output i is sum_j tap[i * n_max + j] * input[first[i] + j], j < n[i].
struct taps {
    size_t n_max;
    size_t *first; // (n_out)
    size_t *n;     // (n_out)
    int32_t *tap;  // (n_out, n_max), TAP_BITS fractional bits
};

// Keys' cubic kernel with a = -1/2 (Keys 1981, eq. 4), in Horner form.
static double bicubic(double x) {
    const double a = -0.5;
    x = fabs(x);
    if (x < 1.0)
        return ((a + 2.0) * x - (a + 3.0)) * x * x + 1;
    if (x < 2.0)
        return (((x - 5) * x + 8) * x - 4) * a;
    return 0.0;
}

static double bilinear(double x) {
    x = fabs(x);
    return x < 1.0 ? 1.0 - x : 0.0;
}

static const struct {
    double (*kernel)(double x);
    double support;
} FILTERS[] = {
    [WC_FILTER_BILINEAR] = {bilinear, 1.0},
    [WC_FILTER_BICUBIC] = {bicubic, 2.0},
};

static void taps_release(struct taps *t) {
    wc_free(t->first);
    wc_free(t->n);
    wc_free(t->tap);
}

static int32_t to_fixed(double w) {
    return (int32_t)(w * (1 << TAP_BITS) + (w < 0 ? -0.5 : 0.5)); // half away from zero
}

static void fill_taps(struct taps *t, size_t n_in, size_t n_out, enum wc_filter filter, double *w) {
    double scale = (double)n_in / (double)n_out;
    double stretch = scale < 1.0 ? 1.0 : scale;
    double support = FILTERS[filter].support * stretch, inverse = 1.0 / stretch;
    for (size_t i = 0; i < n_out; i++) {
        double centre = ((double)i + 0.5) * scale;
        double low = centre - support + 0.5, high = centre + support + 0.5;
        size_t first = low > 0 ? (size_t)low : 0;
        size_t end = high < (double)n_in ? (size_t)high : n_in;
        double sum = 0;
        for (size_t k = first; k < end; k++) {
            w[k - first] = FILTERS[filter].kernel(((double)k - centre + 0.5) * inverse);
            sum += w[k - first];
        }
        for (size_t j = 0; j < end - first; j++)
            t->tap[i * t->n_max + j] = to_fixed(sum != 0 ? w[j] / sum : w[j]);
        t->first[i] = first;
        t->n[i] = end - first;
    }
}

static enum wc_err taps_init(struct taps *t, size_t n_in, size_t n_out, enum wc_filter filter,
                             struct wc_error *err) {
    double scale = (double)n_in / (double)n_out;
    t->n_max = 2 * (size_t)ceil(FILTERS[filter].support * (scale < 1.0 ? 1.0 : scale)) + 1;
    double *w = NULL;
    size_t n;
    enum wc_err rc = WC_OK;
    if (!wc_mul(n_out, t->n_max, &n))
        rc = WC_FAULT(err, WC_ERR_DATA, "too-large", "resize of %zu to %zu pixels: too large", n_in,
                      n_out);
    rc = rc != WC_OK ? rc : WC_NEW(&t->first, n_out, "resize taps", err);
    rc = rc != WC_OK ? rc : WC_NEW(&t->n, n_out, "resize taps", err);
    rc = rc != WC_OK ? rc : WC_NEW(&t->tap, n, "resize taps", err);
    rc = rc != WC_OK ? rc : WC_NEW(&w, t->n_max, "resize taps", err);
    if (rc == WC_OK)
        fill_taps(t, n_in, n_out, filter, w);
    wc_free(w);
    return rc;
}

static void down_scalar(const uint8_t *rows, size_t width, const int32_t *tap, size_t n,
                        uint8_t *out) {
    resize_down_body(rows, width, tap, n, out);
}

static resize_down_fn *choose_down(void) {
#if defined(__x86_64__)
    if (wc_kernels()->isa >= WC_ISA_AVX2)
        return wc_resize_down_avx2;
#endif
    return down_scalar;
}

// Samples of `n_channels` (1 or 3) interleaved channels, (height, width, n_channels).
struct plane {
    uint8_t *sample; // owned when it was allocated by a pass
    size_t width, height, n_channels;
};

static enum wc_err plane_new(struct plane *out, size_t width, size_t height, size_t n_channels,
                             struct wc_error *err) {
    size_t n;
    if (!wc_mul(width, height, &n) || !wc_mul(n, n_channels, &n))
        return WC_FAULT(err, WC_ERR_DATA, "too-large", "resize to %zu x %zu pixels: too large",
                        width, height);
    struct plane p = {NULL, width, height, n_channels};
    WC_TRY(WC_NEW(&p.sample, n, "resized picture", err));
    *out = p;
    return WC_OK;
}

// (n_rows, n_columns) pixels: columns become rows.
static void turn_rgb(const uint8_t *in, size_t n_rows, size_t n_columns, uint8_t *out) {
    for (size_t y = 0; y < n_rows; y++)
        for (size_t x = 0; x < n_columns; x++)
            memcpy(out + 3 * (x * n_rows + y), in + 3 * (y * n_columns + x), 3);
}

static void turn_gray(const uint8_t *in, size_t n_rows, size_t n_columns, uint8_t *out) {
    for (size_t y = 0; y < n_rows; y++)
        for (size_t x = 0; x < n_columns; x++)
            out[x * n_rows + y] = in[y * n_columns + x];
}

// The horizontal pass is the vertical one of the picture turned over, STRIP rows at a time.
enum { STRIP = 32 };

static void across_strip(const uint8_t *in, size_t n_rows, size_t width, size_t n_channels,
                         const struct taps *t, size_t n_out, uint8_t *turned, uint8_t *resized,
                         uint8_t *out) {
    resize_down_fn *down = choose_down();
    size_t n = n_rows * n_channels;
    (n_channels == 3 ? turn_rgb : turn_gray)(in, n_rows, width, turned);
    for (size_t i = 0; i < n_out; i++)
        down(turned + t->first[i] * n, n, t->tap + i * t->n_max, t->n[i], resized + i * n);
    (n_channels == 3 ? turn_rgb : turn_gray)(resized, n_out, n_rows, out);
}

static enum wc_err pass_across(const struct plane *in, size_t width, enum wc_filter filter,
                               struct plane *out, struct wc_error *err) {
    struct taps t = {0};
    uint8_t *turned = NULL, *resized = NULL; // (width of the picture, STRIP, n_channels)
    size_t n_strip = STRIP * in->n_channels;
    enum wc_err rc = taps_init(&t, in->width, width, filter, err);
    rc = rc != WC_OK ? rc : WC_NEW(&turned, in->width * n_strip, "resize strip", err);
    rc = rc != WC_OK ? rc : WC_NEW(&resized, width * n_strip, "resize strip", err);
    rc = rc != WC_OK ? rc : plane_new(out, width, in->height, in->n_channels, err);
    for (size_t y = 0; y < in->height && rc == WC_OK; y += STRIP) {
        size_t n_rows = in->height - y < STRIP ? in->height - y : STRIP;
        across_strip(in->sample + y * in->width * in->n_channels, n_rows, in->width, in->n_channels,
                     &t, width, turned, resized, out->sample + y * width * in->n_channels);
    }
    wc_free(turned);
    wc_free(resized);
    taps_release(&t);
    return rc;
}

static enum wc_err pass_down(const struct plane *in, size_t height, enum wc_filter filter,
                             struct plane *out, struct wc_error *err) {
    struct taps t = {0};
    size_t n_row = in->width * in->n_channels;
    resize_down_fn *down = choose_down();
    enum wc_err rc = taps_init(&t, in->height, height, filter, err);
    if (rc == WC_OK)
        rc = plane_new(out, in->width, height, in->n_channels, err);
    for (size_t y = 0; y < height && rc == WC_OK; y++)
        down(in->sample + t.first[y] * n_row, n_row, t.tap + y * t.n_max, t.n[y],
             out->sample + y * n_row);
    taps_release(&t);
    return rc;
}

static enum wc_err pass(const struct plane *in, bool across, size_t size, enum wc_filter filter,
                        struct plane *out, struct wc_error *err) {
    return (across ? pass_across : pass_down)(in, size, filter, out, err);
}

static enum wc_err copy_plane(const struct plane *in, struct plane *out, struct wc_error *err) {
    WC_TRY(plane_new(out, in->width, in->height, in->n_channels, err));
    memcpy(out->sample, in->sample, in->width * in->height * in->n_channels);
    return WC_OK;
}

// `in` to width x height; *out is a new plane.
static enum wc_err resample(const struct plane *in, size_t width, size_t height,
                            enum wc_filter filter, struct plane *out, struct wc_error *err) {
    if (in->width == 0 || in->height == 0 || width == 0 || height == 0)
        return WC_FAIL(err, WC_ERR_USAGE, "resize of %zu x %zu to %zu x %zu: no side may be 0",
                       in->width, in->height, width, height);
    bool across = width != in->width, is_down = height != in->height;
    if (!across && !is_down)
        return copy_plane(in, out, err);
    if (across != is_down)
        return pass(in, across, across ? width : height, filter, out, err);
    // Pillow up to 12.3: the vertical pass comes first for very tall pictures only.
    bool across_first =
        !(in->height / 100 >= in->width && in->height > 100 * in->width) || height >= in->height;
    struct plane between = {0};
    WC_TRY(pass(in, across_first, across_first ? width : height, filter, &between, err));
    enum wc_err rc = pass(&between, !across_first, across_first ? height : width, filter, out, err);
    wc_free(between.sample);
    return rc;
}

enum wc_err wc_image_resize(const struct wc_image *image, size_t width_px, size_t height_px,
                            enum wc_filter filter, struct wc_image *out, struct wc_error *err) {
    struct plane in = {image->rgb, image->width_px, image->height_px, 3}, resized = {0};
    WC_TRY(resample(&in, width_px, height_px, filter, &resized, err));
    *out = (struct wc_image){width_px, height_px, resized.sample};
    return WC_OK;
}

// Masks.

static void pillow_nearest(size_t n_in, size_t n_out, size_t *index) {
    double step = (double)n_in / (double)n_out;
    double at = 0.5 * step; // summed step by step, as Pillow does
    for (size_t i = 0; i < n_out; i++, at += step)
        index[i] = (size_t)at < n_in ? (size_t)at : n_in - 1;
}

static void torch_nearest(size_t n_in, size_t n_out, size_t *index) {
    float scale = (float)n_in / (float)n_out;
    for (size_t i = 0; i < n_out; i++) {
        size_t k = (size_t)floorf((float)i * scale);
        index[i] = k < n_in ? k : n_in - 1;
    }
}

static enum wc_err mask_nearest(const struct wc_mask *in,
                                void (*rule)(size_t n_in, size_t n_out, size_t *index),
                                struct wc_mask *out, struct wc_error *err) {
    size_t *x = NULL, *y = NULL;
    enum wc_err rc = WC_NEW(&x, out->width_px, "mask columns", err);
    rc = rc != WC_OK ? rc : WC_NEW(&y, out->height_px, "mask rows", err);
    if (rc == WC_OK) {
        rule(in->width_px, out->width_px, x);
        rule(in->height_px, out->height_px, y);
        for (size_t i = 0; i < out->height_px; i++)
            for (size_t j = 0; j < out->width_px; j++)
                out->value[i * out->width_px + j] = in->value[y[i] * in->width_px + x[j]];
    }
    wc_free(x);
    wc_free(y);
    return rc;
}

static enum wc_err mask_pillow_nearest(const struct wc_mask *in, struct wc_mask *out,
                                       struct wc_error *err) {
    return mask_nearest(in, pillow_nearest, out, err);
}

static enum wc_err mask_torch_nearest(const struct wc_mask *in, struct wc_mask *out,
                                      struct wc_error *err) {
    return mask_nearest(in, torch_nearest, out, err);
}

static enum wc_err mask_torch_bilinear(const struct wc_mask *in, struct wc_mask *out,
                                       struct wc_error *err) {
    size_t n_in = in->width_px * in->height_px, n_out = out->width_px * out->height_px;
    float *from = NULL, *to = NULL;
    enum wc_err rc = WC_NEW(&from, n_in, "mask samples", err);
    rc = rc != WC_OK ? rc : WC_NEW(&to, n_out, "resized mask samples", err);
    if (rc == WC_OK) {
        for (size_t i = 0; i < n_in; i++)
            from[i] = in->value[i];
        wc_map_upsample(from, in->height_px, in->width_px, out->height_px, out->width_px, to);
        for (size_t i = 0; i < n_out; i++)
            out->value[i] = to[i] > 0.5f;
    }
    wc_free(from);
    wc_free(to);
    return rc;
}

static enum wc_err mask_pillow_bilinear(const struct wc_mask *in, struct wc_mask *out,
                                        struct wc_error *err) {
    struct plane p = {0}, resized = {0};
    WC_TRY(plane_new(&p, in->width_px, in->height_px, 1, err));
    for (size_t i = 0; i < in->width_px * in->height_px; i++)
        p.sample[i] = in->value[i] ? 255 : 0;
    enum wc_err rc = resample(&p, out->width_px, out->height_px, WC_FILTER_BILINEAR, &resized, err);
    for (size_t i = 0; i < out->width_px * out->height_px && rc == WC_OK; i++)
        out->value[i] = resized.sample[i] > 127;
    wc_free(p.sample);
    wc_free(resized.sample);
    return rc;
}

static enum wc_err (*const MASK_RULES[])(const struct wc_mask *in, struct wc_mask *out,
                                         struct wc_error *err) = {
    [WC_MASK_PILLOW_NEAREST] = mask_pillow_nearest,
    [WC_MASK_TORCH_NEAREST] = mask_torch_nearest,
    [WC_MASK_TORCH_BILINEAR_HALF] = mask_torch_bilinear,
    [WC_MASK_PILLOW_BILINEAR_HALF] = mask_pillow_bilinear,
};

enum wc_err wc_mask_resize(const struct wc_mask *mask, size_t width_px, size_t height_px,
                           enum wc_mask_rule rule, struct wc_mask *out, struct wc_error *err) {
    struct wc_mask resized = {width_px, height_px, NULL};
    size_t n;
    if (mask->width_px == 0 || mask->height_px == 0 || width_px == 0 || height_px == 0 ||
        !wc_mul(width_px, height_px, &n))
        return WC_FAIL(err, WC_ERR_USAGE,
                       "mask resize of %zu x %zu to %zu x %zu: sides of 1 or "
                       "more that fit in memory are needed",
                       mask->width_px, mask->height_px, width_px, height_px);
    WC_TRY(WC_NEW(&resized.value, n, "mask", err));
    enum wc_err rc = MASK_RULES[rule](mask, &resized, err);
    if (rc == WC_OK)
        *out = resized;
    else
        wc_mask_release(&resized);
    return rc;
}
