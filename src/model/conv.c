#include "model/conv.h"

#include "base/alloc.h"
#include "tensor/gemm.h"
#include "tensor/kernels.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <string.h>

#define BATCH_NORM_EPS 1e-5 // torch.nn.BatchNorm2d's default, which CLIP and torchvision keep

/* The cut of a convolution's output, by its size alone: a result must not depend on threads. */

struct cut {
    size_t n_stripes, n_blocks; // of pixels and of channels
    size_t n_px, n;             // what is cut
};

// Stripes of WC_CHUNK_ROWS pixels have a matrix product's rate within a few per cent of its peak.
// Late, small maps are cut by channels as well so that there is work for several threads; below
// 128 channels packing the pixels again for each block would cost more than it brings (measured
// with OpenBLAS 0.3.21 on AVX-512: 49 x 512 x 4608 at 76, 73 and 69 Gflop/s in blocks of 512, 128
// and 64).
enum { WANTED_UNITS = 8, BLOCK_STEP = 16 };

static struct cut cut_of(size_t n_px, size_t n) {
    struct cut c = {(n_px + WC_CHUNK_ROWS - 1) / WC_CHUNK_ROWS, 1, n_px, n};
    size_t wanted = (WANTED_UNITS + c.n_stripes - 1) / c.n_stripes, most = n / WC_CONV_BLOCK;
    if (most > 1)
        c.n_blocks = wanted < most ? wanted : most;
    return c;
}

static size_t stripe_begin(const struct cut *c, size_t i) {
    return i * c->n_px / c->n_stripes;
}

static size_t block_begin(const struct cut *c, size_t i) {
    return i == c->n_blocks ? c->n : i * c->n / c->n_blocks / BLOCK_STEP * BLOCK_STEP;
}

// The longest stripe's pixels.
static size_t stripe_px(const struct cut *c) {
    return (c->n_px + c->n_stripes - 1) / c->n_stripes;
}

/* Steps. Loops marked simd have no sums: lanes cannot change a result. */

static struct wc_scratch *my_scratch(struct wc_workspace *w) {
    return &w->scratch[omp_get_thread_num()];
}

// pixels (3, S, S) -> (S, S, 3).
static void channels_last(const struct wc_conv_step *step, struct wc_workspace *w,
                          const float *pixels) {
    size_t side = step->side, plane = side * side;
    float *out = w->map[step->to];
#pragma omp for schedule(static)
    for (size_t y = 0; y < side; y++)
        for (size_t i = y * side; i < (y + 1) * side; i++)
            for (size_t c = 0; c < 3; c++)
                out[3 * i + c] = pixels[c * plane + i];
}

// Means of 2 x 2 pixels.
static void halve(const struct wc_conv_step *step, struct wc_workspace *w, const float *pixels) {
    (void)pixels;
    size_t half = step->out_side, c = step->c, row = step->side * c;
    const float *in = w->map[step->from];
    float *out = w->map[step->to];
#pragma omp for schedule(static)
    for (size_t y = 0; y < half; y++)
        for (size_t x = 0; x < half; x++) {
            const float *top = in + 2 * y * row + 2 * x * c, *bottom = top + row;
            float *mean = out + (y * half + x) * c;
#pragma omp simd
            for (size_t i = 0; i < c; i++)
                mean[i] = 0.25F * (top[i] + top[c + i] + bottom[i] + bottom[c + i]);
        }
}

static void maxpool(const struct wc_conv_step *step, struct wc_workspace *w, const float *pixels) {
    (void)pixels;
    size_t side = step->side, n = step->out_side, c = step->c;
    const float *in = w->map[step->from];
    float *out = w->map[step->to];
#pragma omp for schedule(static)
    for (size_t i = 0; i < n * n; i++) {
        size_t y0 = i / n * 2, x0 = i % n * 2; // centre
        float *most = out + i * c;
        memcpy(most, in + (y0 * side + x0) * c, c * sizeof *most);
        for (size_t y = y0 - (y0 > 0); y < side && y <= y0 + 1; y++)
            for (size_t x = x0 - (x0 > 0); x < side && x <= x0 + 1; x++) {
                const float *at = in + (y * side + x) * c;
#pragma omp simd
                for (size_t j = 0; j < c; j++)
                    most[j] = at[j] > most[j] ? at[j] : most[j];
            }
    }
}

// The neighbours [x - r, x + r] of row y of a map, zeros outside it, to out (2 r + 1, c).
static void gather_row(const float *in, size_t side, size_t c, ptrdiff_t y, ptrdiff_t x, size_t r,
                       float *out) {
    ptrdiff_t s = (ptrdiff_t)side, first = x - (ptrdiff_t)r, n = 2 * (ptrdiff_t)r + 1;
    if (y < 0 || y >= s) {
        memset(out, 0, (size_t)n * c * sizeof *out);
        return;
    }
    size_t before = first < 0 ? (size_t)-first : 0; // neighbours outside
    size_t after = first + n > s ? (size_t)(first + n - s) : 0;
    memset(out, 0, before * c * sizeof *out);
    memcpy(out + before * c, in + (size_t)(y * s + first + (ptrdiff_t)before) * c,
           ((size_t)n - before - after) * c * sizeof *out);
    memset(out + ((size_t)n - after) * c, 0, after * c * sizeof *out);
}

// Rows (k, k, c) of the output pixels [first, end): im2col.
static void gather(const struct wc_conv_step *step, const float *in, size_t first, size_t end,
                   float *out) {
    size_t c = step->c, k = step->conv->side, r = (k - 1) / 2, stride = step->conv->stride;
    for (size_t i = first; i < end; i++)
        for (size_t row = 0; row < k; row++, out += k * c)
            gather_row(in, step->side, c,
                       (ptrdiff_t)(i / step->out_side * stride + row) - (ptrdiff_t)r,
                       (ptrdiff_t)(i % step->out_side * stride), r, out);
}

// x (m, n) = max(x + bias, 0); a NaN stays one.
static void bias_relu(size_t m, size_t n, float *x, size_t ld, const float *bias) {
    for (size_t i = 0; i < m; i++, x += ld) {
#pragma omp simd
        for (size_t j = 0; j < n; j++) {
            float v = x[j] + bias[j];
            x[j] = v < 0.0F ? 0.0F : v;
        }
    }
}

// A kernel of one pixel at every pixel reads the map as it lies.
static bool gathers(const struct wc_conv *conv) {
    return conv->side > 1 || conv->stride > 1;
}

static void convolve(const struct wc_conv_step *step, struct wc_workspace *w, const float *pixels) {
    (void)pixels;
    const struct wc_conv *conv = step->conv;
    size_t side = step->out_side, k = conv->side * conv->side * conv->c, n = conv->n;
    struct cut cut = cut_of(side * side, n);
    const float *in = w->map[step->from];
    struct wc_scratch *s = my_scratch(w);
    size_t gathered = cut.n_stripes; // which stripe s->gather holds: none
#pragma omp for schedule(dynamic, 1)
    for (size_t i = 0; i < cut.n_stripes * cut.n_blocks; i++) {
        size_t stripe = i / cut.n_blocks, block = i % cut.n_blocks;
        size_t first = stripe_begin(&cut, stripe), end = stripe_begin(&cut, stripe + 1);
        size_t left = block_begin(&cut, block), right = block_begin(&cut, block + 1);
        float *out = w->map[step->to] + first * n + left;
        const float *a = in + first * k;
        if (gathers(conv)) {
            if (gathered != stripe) // a thread that takes the next channels has it already
                gather(step, in, first, end, s->gather);
            gathered = stripe;
            a = s->gather;
        }
        double start = wc_phase_begin(s);
        wc_linear_add(&conv->block[block], end - first, a, k, step->add, out, n);
        wc_phase_end(s, WC_PHASE_GEMM, start);
        if (step->relu)
            bias_relu(end - first, right - left, out, n, conv->bias + left);
        else
            wc_kernels()->bias(end - first, right - left, out, n, conv->bias + left);
    }
}

/* The list. */

enum wc_err wc_conv_list_init(struct wc_conv_list *l, size_t n_convs, size_t n_steps,
                              struct wc_error *err) {
    *l = (struct wc_conv_list){0};
    WC_TRY(WC_NEW(&l->conv, n_convs, "convolutions", err));
    return WC_NEW(&l->step, n_steps, "steps of a residual network", err);
}

void wc_conv_list_release(struct wc_conv_list *l) {
    for (size_t i = 0; i < l->n_convs; i++)
        wc_free(l->conv[i].block);
    wc_free(l->conv);
    wc_free(l->step);
    *l = (struct wc_conv_list){0};
}

// Padding keeps the side, so that a stride only rounds up.
static size_t strided(size_t side, size_t stride) {
    return (side + stride - 1) / stride;
}

void wc_conv_add(struct wc_conv_list *l, const char *prefix, const char *name, const char *norm,
                 struct wc_conv shape, struct wc_conv_step step) {
    struct wc_conv *conv = &l->conv[l->n_convs++];
    *conv = shape;
    snprintf(conv->name, sizeof conv->name, "%s%s", prefix, name);
    snprintf(conv->norm, sizeof conv->norm, "%s%s", prefix, norm);
    step.run = convolve;
    step.conv = conv;
    step.c = shape.c;
    step.out_side = strided(step.side, shape.stride);
    conv->n_blocks = cut_of(step.out_side * step.out_side, conv->n).n_blocks;
    l->step[l->n_steps++] = step;
}

void wc_conv_add_pixels(struct wc_conv_list *l, size_t to, size_t side) {
    l->step[l->n_steps++] = (struct wc_conv_step){
        .run = channels_last, .to = to, .side = side, .c = 3, .out_side = side};
}

void wc_conv_add_halve(struct wc_conv_list *l, size_t from, size_t to, size_t side, size_t c) {
    l->step[l->n_steps++] = (struct wc_conv_step){
        .run = halve, .from = from, .to = to, .side = side, .c = c, .out_side = side / 2};
}

void wc_conv_add_maxpool(struct wc_conv_list *l, size_t from, size_t to, size_t side, size_t c) {
    l->step[l->n_steps++] = (struct wc_conv_step){
        .run = maxpool, .from = from, .to = to, .side = side, .c = c, .out_side = strided(side, 2)};
}

/* Weights. */

static bool place(struct wc_conv *c, const char *name, const float *data) {
    size_t n_name = strlen(c->name), n_norm = strlen(c->norm);
    if (strncmp(name, c->name, n_name) == 0 && strcmp(name + n_name, ".weight") == 0) {
        c->kernel = data;
        return true;
    }
    const struct wc_slot slot[] = {{".weight", &c->gamma},
                                   {".bias", &c->beta},
                                   {".running_mean", &c->mean},
                                   {".running_var", &c->var}};
    return strncmp(name, c->norm, n_norm) == 0 &&
           wc_slot_put(slot, sizeof slot / sizeof *slot, name + n_norm, data);
}

bool wc_conv_place(struct wc_conv_list *l, const char *name, const float *data) {
    for (size_t i = 0; i < l->n_convs; i++)
        if (place(&l->conv[i], name, data))
            return true;
    return false;
}

static enum wc_err fold(struct wc_model *m, const char *prefix, struct wc_conv *v,
                        struct wc_error *err) {
    size_t taps = v->side * v->side, k = taps * v->c;
    float *folded;
    WC_TRY(WC_NEW(&folded, v->n * (k + 1), v->name, err)); // weight (n, k), then bias (n)
    enum wc_err rc = wc_model_keep(m, folded, v->n * (k + 1), err);
    if (rc != WC_OK) {
        wc_free(folded);
        return rc;
    }
    for (size_t o = 0; o < v->n; o++) {
        double var = (double)v->var[o] + BATCH_NORM_EPS, factor = (double)v->gamma[o] / sqrt(var);
        if (!(var > 0))
            return WC_FAULT(err, WC_ERR_DATA, "non-finite",
                            "%s: tensor \"%s%s.running_var\": element %zu is %g, a variance "
                            "is not negative; is the file damaged?",
                            m->origin, prefix, v->norm, o, (double)v->var[o]);
        for (size_t tap = 0; tap < taps; tap++)
            for (size_t c = 0; c < v->c; c++)
                folded[o * k + tap * v->c + c] =
                    (float)(factor * (double)v->kernel[(o * v->c + c) * taps + tap]);
        folded[v->n * k + o] = (float)((double)v->beta[o] - factor * (double)v->mean[o]);
    }
    if (wc_first_non_finite(folded, v->n * (k + 1)) >= 0)
        return WC_FAULT(err, WC_ERR_DATA, "non-finite",
                        "%s: tensor \"%s%s.weight\": not finite after the batch normalisation "
                        "\"%s%s\"; is the file damaged?",
                        m->origin, prefix, v->name, prefix, v->norm);
    const float *spent[] = {v->kernel, v->gamma, v->beta, v->mean, v->var};
    for (size_t i = 0; i < sizeof spent / sizeof *spent; i++)
        wc_model_drop(m, spent[i]);
    v->kernel = v->gamma = v->beta = v->mean = v->var = NULL;
    v->weight = folded;
    v->bias = folded + v->n * k;
    const struct cut cut = {.n_blocks = v->n_blocks, .n = v->n};
    WC_TRY(WC_NEW(&v->block, v->n_blocks, v->name, err));
    for (size_t i = 0; i < v->n_blocks; i++) {
        size_t left = block_begin(&cut, i), right = block_begin(&cut, i + 1);
        v->block[i] = (struct wc_linear){.n = right - left, .k = k, .weight = folded + left * k};
    }
    return WC_OK;
}

size_t wc_conv_linears(const struct wc_conv_list *l, struct wc_linear **out) {
    size_t n = 0;
    for (size_t i = 0; i < l->n_convs; i++)
        for (size_t j = 0; j < l->conv[i].n_blocks; j++, n++)
            if (out)
                out[n] = &l->conv[i].block[j];
    return n;
}

enum wc_err wc_conv_fold(struct wc_model *m, const char *prefix, struct wc_conv_list *l,
                         struct wc_error *err) {
    for (size_t i = 0; i < l->n_convs; i++)
        WC_TRY(fold(m, prefix, &l->conv[i], err));
    return WC_OK;
}

/* Sizes. */

static size_t output_f32(const struct wc_conv_step *step) {
    return step->out_side * step->out_side * (step->conv ? step->conv->n : step->c);
}

size_t wc_conv_gather_f32(const struct wc_conv_list *l) {
    size_t most = 0;
    for (size_t i = 0; i < l->n_steps; i++) {
        const struct wc_conv_step *step = &l->step[i];
        if (!step->conv || !gathers(step->conv))
            continue;
        struct cut cut = cut_of(step->out_side * step->out_side, step->conv->n);
        size_t floats = stripe_px(&cut) * step->conv->side * step->conv->side * step->c;
        most = most > floats ? most : floats;
    }
    return most;
}

void wc_conv_maps(const struct wc_conv_list *l, struct wc_workspace *w,
                  struct wc_array array[WC_CONV_MAPS]) {
    for (size_t i = 0; i < WC_CONV_MAPS; i++)
        array[i] = (struct wc_array){&w->map[i], 0};
    for (size_t i = 0; i < l->n_steps; i++) {
        size_t floats = output_f32(&l->step[i]), to = l->step[i].to;
        array[to].n = array[to].n > floats ? array[to].n : floats;
    }
}

double wc_conv_mul_adds(const struct wc_conv_list *l, size_t n_steps) {
    double sum = 0;
    for (size_t i = 0; i < n_steps; i++) {
        const struct wc_conv *conv = l->step[i].conv;
        if (conv)
            sum += (double)output_f32(&l->step[i]) * (double)(conv->c * conv->side * conv->side);
    }
    return sum;
}

void wc_conv_run(const struct wc_conv_list *l, size_t first, size_t end, struct wc_workspace *w,
                 const float *pixels) {
#pragma omp parallel num_threads(w->n_threads)
    for (size_t i = first; i < end; i++) {
        l->step[i].run(&l->step[i], w, pixels);
        if (w->progress && omp_get_thread_num() == 0)
            w->progress(w->progress_data);
    }
}
