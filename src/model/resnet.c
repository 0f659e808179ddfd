#include "model/resnet.h"

#include "base/alloc.h"
#include "tensor/attention.h"
#include "tensor/gemm.h"
#include "tensor/kernels.h"

#include <assert.h>
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <string.h>

#define VALUES (WC_WANT_VALUE | WC_WANT_VALUE_MLP)
#define BATCH_NORM_EPS 1e-5 // torch.nn.BatchNorm2d's default, which CLIP keeps

// The maps of a workspace, channels last: a block's input and its output change roles, A and B are
// its inside.
enum { MAP_X, MAP_Y, MAP_A, MAP_B };

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
enum { WANTED_UNITS = 8, MIN_BLOCK = 128, BLOCK_STEP = 16 };

static struct cut cut_of(size_t n_px, size_t n) {
    struct cut c = {(n_px + WC_CHUNK_ROWS - 1) / WC_CHUNK_ROWS, 1, n_px, n};
    size_t wanted = (WANTED_UNITS + c.n_stripes - 1) / c.n_stripes, most = n / MIN_BLOCK;
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
static void channels_last(const struct wc_resnet_step *step, struct wc_workspace *w,
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
static void halve(const struct wc_resnet_step *step, struct wc_workspace *w, const float *pixels) {
    (void)pixels;
    size_t half = step->side / 2, c = step->c, row = step->side * c;
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

// The three neighbours (x - 1, x, x + 1) of row y of a map, zeros outside it, to out (3, c).
static void gather_row(const float *in, size_t side, size_t c, ptrdiff_t y, ptrdiff_t x,
                       float *out) {
    ptrdiff_t s = (ptrdiff_t)side;
    if (y < 0 || y >= s) {
        memset(out, 0, 3 * c * sizeof *out);
        return;
    }
    size_t before = x == 0, after = x + 1 == s; // neighbours outside
    memset(out, 0, before * c * sizeof *out);
    memcpy(out + before * c, in + ((size_t)(y * s + x - 1) + before) * c,
           (3 - before - after) * c * sizeof *out);
    memset(out + (3 - after) * c, 0, after * c * sizeof *out);
}

// Rows (3, 3, c) of the output pixels [first, end): im2col.
static void gather(const struct wc_resnet_step *step, const float *in, size_t first, size_t end,
                   float *out) {
    size_t c = step->c, stride = step->conv->stride, side = step->side / stride;
    for (size_t i = first; i < end; i++)
        for (size_t row = 0; row < 3; row++, out += 3 * c)
            gather_row(in, step->side, c, (ptrdiff_t)(i / side * stride + row) - 1,
                       (ptrdiff_t)(i % side * stride), out);
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

static void convolve(const struct wc_resnet_step *step, struct wc_workspace *w,
                     const float *pixels) {
    (void)pixels;
    const struct wc_conv *conv = step->conv;
    size_t side = step->side / conv->stride, k = conv->side * conv->side * conv->c, n = conv->n;
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
        if (conv->side > 1) {
            if (gathered != stripe) // a thread that takes the next channels has it already
                gather(step, in, first, end, s->gather);
            gathered = stripe;
            a = s->gather;
        }
        wc_gemm_nt(end - first, right - left, k, a, k, conv->weight + left * k, k, step->add, out,
                   n);
        if (step->relu)
            bias_relu(end - first, right - left, out, n, conv->bias + left);
        else
            wc_kernels()->bias(end - first, right - left, out, n, conv->bias + left);
    }
}

/* The list of steps. */

// Where the builder stands: the map that holds the network's output so far.
struct cursor {
    struct wc_resnet *net;
    size_t map, side, c;
};

static void add_step(struct wc_resnet *net, struct wc_resnet_step step) {
    net->step[net->n_steps++] = step;
}

// A convolution named `prefix``name` with its normalisation, from `from` (side, side, c) to `to`.
static void add_conv(struct wc_resnet *net, const char *prefix, const char *name, const char *norm,
                     struct wc_conv shape, struct wc_resnet_step step) {
    struct wc_conv *conv = &net->conv[net->n_convs++];
    *conv = shape;
    snprintf(conv->name, sizeof conv->name, "%s%s", prefix, name);
    snprintf(conv->norm, sizeof conv->norm, "%s%s", prefix, norm);
    step.run = convolve;
    step.conv = conv;
    step.c = shape.c;
    add_step(net, step);
}

static void end_stage(const struct cursor *at, size_t stage) {
    struct wc_resnet *net = at->net;
    net->stage[stage].n_steps = net->n_steps;
    net->stage[stage].map = at->map;
    net->stage[stage].side = at->side;
    net->stage[stage].c = at->c;
}

static void add_stem(struct cursor *at, size_t width) {
    struct wc_resnet *net = at->net;
    size_t s = at->side, half = width / 2;
    struct wc_conv conv1 = {.n = half, .c = 3, .side = 3, .stride = 2},
                   conv2 = {.n = half, .c = half, .side = 3, .stride = 1},
                   conv3 = {.n = width, .c = half, .side = 3, .stride = 1};
    add_step(net, (struct wc_resnet_step){.run = channels_last, .to = MAP_X, .side = s, .c = 3});
    add_conv(net, "", "conv1", "bn1", conv1,
             (struct wc_resnet_step){.from = MAP_X, .to = MAP_A, .side = s, .relu = true});
    s /= 2;
    add_conv(net, "", "conv2", "bn2", conv2,
             (struct wc_resnet_step){.from = MAP_A, .to = MAP_B, .side = s, .relu = true});
    add_conv(net, "", "conv3", "bn3", conv3,
             (struct wc_resnet_step){.from = MAP_B, .to = MAP_A, .side = s, .relu = true});
    add_step(net, (struct wc_resnet_step){
                      .run = halve, .from = MAP_A, .to = MAP_X, .side = s, .c = width});
    *at = (struct cursor){net, MAP_X, s / 2, width};
    end_stage(at, WC_RESNET_STEM);
}

// x + conv3(conv2(conv1(x))), a ReLU behind each and behind the sum. A stage's first block has a
// projection in place of x; where it halves the side, an average pool stands before the projection
// and before conv3.
static void add_bottleneck(struct cursor *at, const char *prefix, size_t planes, bool first,
                           bool strided) {
    struct wc_resnet *net = at->net;
    size_t s = at->side, x = at->map, inner = MAP_B, skip = x, to = x;
    struct wc_conv conv1 = {.n = planes, .c = at->c, .side = 1, .stride = 1},
                   conv2 = {.n = planes, .c = planes, .side = 3, .stride = 1},
                   conv3 = {.n = 4 * planes, .c = planes, .side = 1, .stride = 1},
                   down = {.n = 4 * planes, .c = at->c, .side = 1, .stride = 1};
    add_conv(net, prefix, "conv1", "bn1", conv1,
             (struct wc_resnet_step){.from = x, .to = MAP_A, .side = s, .relu = true});
    add_conv(net, prefix, "conv2", "bn2", conv2,
             (struct wc_resnet_step){.from = MAP_A, .to = MAP_B, .side = s, .relu = true});
    if (strided) {
        struct wc_resnet_step pool = {.run = halve, .from = MAP_B, .to = MAP_A, .side = s};
        pool.c = planes;
        add_step(net, pool);
        pool.from = x;
        pool.to = MAP_B;
        pool.c = at->c;
        add_step(net, pool);
        inner = MAP_A;
        skip = MAP_B;
        s /= 2;
    }
    if (first) {
        to = x == MAP_X ? MAP_Y : MAP_X;
        add_conv(net, prefix, "downsample.0", "downsample.1", down,
                 (struct wc_resnet_step){.from = skip, .to = to, .side = s});
    }
    add_conv(
        net, prefix, "conv3", "bn3", conv3,
        (struct wc_resnet_step){.from = inner, .to = to, .side = s, .add = true, .relu = true});
    *at = (struct cursor){net, to, s, 4 * planes};
}

static enum wc_err lay_out(struct wc_model *m, struct wc_error *err) {
    const struct wc_arch *a = &m->arch;
    size_t n_blocks = a->stages[0] + a->stages[1] + a->stages[2] + a->stages[3], d;
    struct wc_resnet *net;
    WC_TRY(WC_NEW(&net, 1, "residual network", err));
    m->resnet = net;
    size_t n_convs = 3 + 3 * n_blocks + 4, n_steps = n_convs + 2 + 2 * 3;
    WC_TRY(WC_NEW(&net->conv, n_convs, "convolutions", err));
    WC_TRY(WC_NEW(&net->step, n_steps, "steps of a residual network", err));
    net->image_px = a->image_px;
    net->g = wc_arch_grid(a);
    net->d = d = wc_arch_token_width(a);
    net->embed = a->embed;
    net->pool = (struct wc_tower){.d = d, .heads = a->heads};
    net->q = net->k = net->v = (struct wc_linear){.n = d, .k = d};
    net->proj = (struct wc_linear){.n = a->embed, .k = d};
    struct cursor at = {net, MAP_X, a->image_px, 3};
    add_stem(&at, a->width);
    for (size_t s = 0; s < 4; s++) {
        for (size_t b = 0; b < a->stages[s]; b++) {
            char prefix[32];
            snprintf(prefix, sizeof prefix, "layer%zu.%zu.", s + 1, b);
            add_bottleneck(&at, prefix, a->width << s, b == 0, b == 0 && s > 0);
        }
        end_stage(&at, WC_RESNET_LAYER1 + s);
    }
    assert(net->n_convs == n_convs && net->n_steps == n_steps);
    assert(at.side == net->g && at.c == d);
    return WC_OK;
}

/* Weights. */

static bool place_conv(struct wc_conv *c, const char *name, const float *data) {
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

static bool place(struct wc_model *m, const char *name, const float *data) {
    struct wc_resnet *net = m->resnet;
    const struct wc_slot slot[] = {
        {"attnpool.positional_embedding", &net->pos}, {"attnpool.q_proj.weight", &net->q.weight},
        {"attnpool.q_proj.bias", &net->q.bias},       {"attnpool.k_proj.weight", &net->k.weight},
        {"attnpool.k_proj.bias", &net->k.bias},       {"attnpool.v_proj.weight", &net->v.weight},
        {"attnpool.v_proj.bias", &net->v.bias},       {"attnpool.c_proj.weight", &net->proj.weight},
        {"attnpool.c_proj.bias", &net->proj.bias},
    };
    if (wc_slot_put(slot, sizeof slot / sizeof *slot, name, data))
        return true;
    for (size_t i = 0; i < net->n_convs; i++)
        if (place_conv(&net->conv[i], name, data))
            return true;
    return false;
}

// gamma (conv(x) - mean) / sqrt(var + eps) + beta as one convolution with a bias; the kernel's
// channels move last, as in the maps.
static enum wc_err fold(struct wc_model *m, struct wc_conv *v, struct wc_error *err) {
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
                            "%s: tensor \"visual.%s.running_var\": element %zu is %g, a variance "
                            "is not negative; is the file damaged?",
                            m->origin, v->norm, o, (double)v->var[o]);
        for (size_t tap = 0; tap < taps; tap++)
            for (size_t c = 0; c < v->c; c++)
                folded[o * k + tap * v->c + c] =
                    (float)(factor * (double)v->kernel[(o * v->c + c) * taps + tap]);
        folded[v->n * k + o] = (float)((double)v->beta[o] - factor * (double)v->mean[o]);
    }
    if (wc_first_non_finite(folded, v->n * (k + 1)) >= 0)
        return WC_FAULT(err, WC_ERR_DATA, "non-finite",
                        "%s: tensor \"visual.%s.weight\": not finite after the batch normalisation "
                        "\"visual.%s\"; is the file damaged?",
                        m->origin, v->name, v->norm);
    const float *spent[] = {v->kernel, v->gamma, v->beta, v->mean, v->var};
    for (size_t i = 0; i < sizeof spent / sizeof *spent; i++)
        wc_model_drop(m, spent[i]);
    v->kernel = v->gamma = v->beta = v->mean = v->var = NULL;
    v->weight = folded;
    v->bias = folded + v->n * k;
    return WC_OK;
}

static enum wc_err prepare(struct wc_model *m, struct wc_error *err) {
    struct wc_resnet *net = m->resnet;
    size_t d = net->d, t = 1 + net->g * net->g;
    for (size_t i = 0; i < net->n_convs; i++)
        WC_TRY(fold(m, &net->conv[i], err));
    float *pos_qkv;
    WC_TRY(WC_NEW(&pos_qkv, t * 3 * d, "positions of the attention pool", err));
    enum wc_err rc = wc_model_keep(m, pos_qkv, t * 3 * d, err);
    if (rc != WC_OK) {
        wc_free(pos_qkv);
        return rc;
    }
    const struct wc_linear *part[3] = {&net->q, &net->k, &net->v};
    for (size_t i = 0; i < 3; i++)
        wc_linear_run(part[i], t, net->pos, d, pos_qkv + i * d, 3 * d);
    net->pos_qkv = pos_qkv;
    return WC_OK;
}

static void release(struct wc_model *m) {
    struct wc_resnet *net = m->resnet;
    if (net) {
        wc_free(net->conv);
        wc_free(net->step);
    }
    wc_free(net);
    m->resnet = NULL;
}

/* Scratch. */

static struct wc_scratch_need need(const struct wc_model *m) {
    const struct wc_resnet *net = m->resnet;
    size_t n = net->g * net->g, rows = wc_chunk_rows(1 + n);
    struct wc_scratch_need most = {.qkv = rows * 3 * net->d,
                                   .att = rows * net->d,
                                   .small = wc_attention_scratch_f32(1 + n, 1)};
    for (size_t i = 0; i < net->n_steps; i++) {
        const struct wc_resnet_step *step = &net->step[i];
        if (!step->conv || step->conv->side == 1)
            continue;
        size_t side = step->side / step->conv->stride;
        struct cut cut = cut_of(side * side, step->conv->n);
        size_t floats = stripe_px(&cut) * 9 * step->c;
        most.gather = most.gather > floats ? most.gather : floats;
    }
    return most;
}

// What a step writes.
static size_t output_f32(const struct wc_resnet_step *step) {
    if (step->run == channels_last)
        return step->side * step->side * step->c;
    size_t side = step->side / (step->conv ? step->conv->stride : 2);
    return side * side * (step->conv ? step->conv->n : step->c);
}

static size_t shared(const struct wc_model *m, struct wc_workspace *w,
                     struct wc_array array[WC_MAX_SHARED]) {
    const struct wc_resnet *net = m->resnet;
    for (size_t i = 0; i < WC_RESNET_MAPS; i++)
        array[i] = (struct wc_array){&w->map[i], 0};
    for (size_t i = 0; i < net->n_steps; i++) {
        size_t floats = output_f32(&net->step[i]), to = net->step[i].to;
        array[to].n = array[to].n > floats ? array[to].n : floats;
    }
    array[WC_RESNET_MAPS] = (struct wc_array){&w->cells_qkv, net->g * net->g * 3 * net->d};
    return WC_RESNET_MAPS + 1;
}

static double flop(const struct wc_model *m, const struct wc_request *r) {
    const struct wc_resnet *net = m->resnet;
    double d = (double)net->d, cells = (double)(net->g * net->g), sum = 3 * d * d * cells;
    for (size_t i = 0; i < net->n_steps; i++) {
        const struct wc_conv *conv = net->step[i].conv;
        if (conv)
            sum += (double)output_f32(&net->step[i]) * (double)(conv->c * conv->side * conv->side);
    }
    double outputs = (r->want & WC_WANT_IMAGE ? 1 : 0) +
                     (r->want & WC_WANT_PATCH_PROJ ? cells : 0) +
                     (r->want & (WC_WANT_PATCH_PLAIN | VALUES) ? cells : 0);
    for (size_t i = 0; i < r->n_scales && (r->want & WC_WANT_WINDOWS); i++)
        outputs += (double)wc_n_windows(net->g, r->window[i]);
    return 2 * (sum + outputs * d * (double)net->embed);
}

/* An image. */

const float *wc_resnet_run(const struct wc_model *m, struct wc_workspace *w, const float *pixels,
                           enum wc_resnet_stage first, enum wc_resnet_stage last, size_t *side,
                           size_t *c) {
    const struct wc_resnet *net = m->resnet;
    size_t done = first == WC_RESNET_STEM ? 0 : net->stage[first - 1].n_steps;
#pragma omp parallel num_threads(w->n_threads)
    for (size_t i = done; i < net->stage[last].n_steps; i++) {
        net->step[i].run(&net->step[i], w, pixels);
        if (w->progress && omp_get_thread_num() == 0)
            w->progress(w->progress_data);
    }
    *side = net->stage[last].side;
    *c = net->stage[last].c;
    return w->map[net->stage[last].map];
}

// q, k, v of the cells without their positions. They are linear, so that a position's share
// (pos_qkv) is added where the cell stands, and the query token of a window, the mean of its cells
// at position 0, is the mean of these.
static void begin(const struct wc_model *m, struct wc_workspace *w, const float *pixels) {
    const struct wc_resnet *net = m->resnet;
    const struct wc_linear *part[3] = {&net->q, &net->k, &net->v};
    size_t side, d, n = net->g * net->g;
    const float *cells = wc_resnet_run(m, w, pixels, WC_RESNET_STEM, WC_RESNET_LAYER4, &side, &d);
    size_t n_blocks = (d + MIN_BLOCK - 1) / MIN_BLOCK;
#pragma omp parallel for schedule(dynamic, 1) num_threads(w->n_threads)
    for (size_t i = 0; i < 3 * n_blocks; i++) {
        size_t left = i % n_blocks * MIN_BLOCK, width = d - left < MIN_BLOCK ? d - left : MIN_BLOCK;
        wc_gemm_nt(n, width, d, cells, d, part[i / n_blocks]->weight + left * d, d, false,
                   w->cells_qkv + i / n_blocks * d + left, 3 * d);
    }
}

// out (n) = a (n) + b (n).
static void sum(size_t n, const float *a, const float *b, float *out) {
#pragma omp simd
    for (size_t i = 0; i < n; i++)
        out[i] = a[i] + b[i];
}

// q, k, v (1 + k * k, 3 d) of one window's tokens, [mean of the cells, cells]. Queries are made for
// the first alone.
static void window_tokens(const struct wc_resnet *net, const struct wc_workspace *w, size_t k,
                          size_t top, size_t left, float *out) {
    size_t d = net->d, row = 3 * d;
    memset(out, 0, row * sizeof *out);
    for (size_t j = 0; j < k * k; j++) {
        size_t cell = (top + j / k) * net->g + left + j % k;
        const float *at = w->cells_qkv + cell * row;
        sum(row, out, at, out);
        sum(2 * d, at + d, net->pos_qkv + (1 + cell) * row + d, out + (1 + j) * row + d);
    }
    wc_kernels()->scale(row, out, 1.0F / (float)(k * k));
    sum(row, out, net->pos_qkv, out);
}

static void windows(const struct wc_model *m, const struct wc_workspace *w, size_t k, size_t first,
                    size_t n, struct wc_scratch *s, float *out) {
    const struct wc_resnet *net = m->resnet;
    size_t t = 1 + k * k, across = net->g - k + 1;
    for (size_t i = 0; i < n; i++)
        window_tokens(net, w, k, (first + i) / across, (first + i) % across,
                      s->qkv + i * t * 3 * net->d);
    wc_tower_attention(&net->pool, n, t, 1, s);
    wc_linear_run(&net->proj, n, s->att, net->d, out, net->embed);
}

// v of the cells, each with a row of `add` (d; stride ld_add, 0: the same for all) to s->att (g *
// g, d).
static void values(const struct wc_resnet *net, const struct wc_workspace *w, const float *add,
                   size_t ld_add, struct wc_scratch *s) {
    size_t d = net->d;
    for (size_t i = 0; i < net->g * net->g; i++)
        sum(d, w->cells_qkv + (3 * i + 2) * d, add + i * ld_add, s->att + i * d);
}

// c_proj(v_proj(cell)): there is no MLP behind the attention pool, so that all readings of the
// value path are this one.
static void plain_cells(const struct wc_resnet *net, const struct wc_workspace *w, unsigned want,
                        struct wc_scratch *s, struct wc_features *out) {
    size_t n = net->g * net->g;
    float *const to[3] = {want & WC_WANT_PATCH_PLAIN ? out->patch_plain : NULL,
                          want & WC_WANT_VALUE ? out->value : NULL,
                          want & WC_WANT_VALUE_MLP ? out->value_mlp : NULL};
    const float *made = NULL;
    values(net, w, net->v.bias, 0, s);
    for (size_t i = 0; i < 3; i++) {
        if (to[i] && made)
            memcpy(to[i], made, n * net->embed * sizeof *made);
        else if (to[i])
            wc_linear_run(&net->proj, n, s->att, net->d, to[i], net->embed);
        made = to[i] ? to[i] : made;
    }
}

static void whole(const struct wc_model *m, const struct wc_workspace *w, unsigned want,
                  struct wc_scratch *s, struct wc_features *out) {
    const struct wc_resnet *net = m->resnet;
    size_t d = net->d, n = net->g * net->g;
    if (want & WC_WANT_IMAGE) // the one window of all cells
        windows(m, w, net->g, 0, 1, s, out->image);
    if (want & WC_WANT_PATCH)
        memcpy(out->patch, w->map[net->stage[WC_RESNET_LAYER4].map], n * d * sizeof(float));
    if (want & (WC_WANT_PATCH_PLAIN | VALUES))
        plain_cells(net, w, want, s, out);
    if (want & (WC_WANT_PATCH_POST | WC_WANT_PATCH_PROJ))
        values(net, w, net->pos_qkv + 5 * d, 3 * d, s); // the first position is the query's
    if (want & WC_WANT_PATCH_POST)
        memcpy(out->patch_post, s->att, n * d * sizeof(float));
    if (want & WC_WANT_PATCH_PROJ)
        wc_linear_run(&net->proj, n, s->att, d, out->patch_proj, net->embed);
}

const struct wc_image_family wc_resnet_family = {
    .lay_out = lay_out,
    .place = place,
    .prepare = prepare,
    .release = release,
    .need = need,
    .shared = shared,
    .flop = flop,
    .begin = begin,
    .whole = whole,
    .windows = windows,
};
