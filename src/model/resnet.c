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

// The maps of a workspace, channels last: a block's input and its output change roles, A and B are
// its inside.
enum { MAP_X, MAP_Y, MAP_A, MAP_B };

/* The list of steps. */

// Where the builder stands: the map that holds the network's output so far.
struct cursor {
    struct wc_resnet *net;
    size_t map, side, c;
};

static void end_stage(const struct cursor *at, size_t stage) {
    struct wc_resnet *net = at->net;
    net->stage[stage].n_steps = net->list.n_steps;
    net->stage[stage].map = at->map;
    net->stage[stage].side = at->side;
    net->stage[stage].c = at->c;
}

static void add_stem(struct cursor *at, size_t width) {
    struct wc_resnet *net = at->net;
    struct wc_conv_list *l = &net->list;
    size_t s = at->side, half = width / 2;
    struct wc_conv conv1 = {.n = half, .c = 3, .side = 3, .stride = 2},
                   conv2 = {.n = half, .c = half, .side = 3, .stride = 1},
                   conv3 = {.n = width, .c = half, .side = 3, .stride = 1};
    wc_conv_add_pixels(l, MAP_X, s);
    wc_conv_add(l, "", "conv1", "bn1", conv1,
                (struct wc_conv_step){.from = MAP_X, .to = MAP_A, .side = s, .relu = true});
    s /= 2;
    wc_conv_add(l, "", "conv2", "bn2", conv2,
                (struct wc_conv_step){.from = MAP_A, .to = MAP_B, .side = s, .relu = true});
    wc_conv_add(l, "", "conv3", "bn3", conv3,
                (struct wc_conv_step){.from = MAP_B, .to = MAP_A, .side = s, .relu = true});
    wc_conv_add_halve(l, MAP_A, MAP_X, s, width);
    *at = (struct cursor){net, MAP_X, s / 2, width};
    end_stage(at, WC_RESNET_STEM);
}

// x + conv3(conv2(conv1(x))), a ReLU behind each and behind the sum. A stage's first block has a
// projection in place of x; where it halves the side, an average pool stands before the projection
// and before conv3.
static void add_bottleneck(struct cursor *at, const char *prefix, size_t planes, bool first,
                           bool strided) {
    struct wc_conv_list *l = &at->net->list;
    size_t s = at->side, x = at->map, inner = MAP_B, skip = x, to = x;
    struct wc_conv conv1 = {.n = planes, .c = at->c, .side = 1, .stride = 1},
                   conv2 = {.n = planes, .c = planes, .side = 3, .stride = 1},
                   conv3 = {.n = 4 * planes, .c = planes, .side = 1, .stride = 1},
                   down = {.n = 4 * planes, .c = at->c, .side = 1, .stride = 1};
    wc_conv_add(l, prefix, "conv1", "bn1", conv1,
                (struct wc_conv_step){.from = x, .to = MAP_A, .side = s, .relu = true});
    wc_conv_add(l, prefix, "conv2", "bn2", conv2,
                (struct wc_conv_step){.from = MAP_A, .to = MAP_B, .side = s, .relu = true});
    if (strided) {
        wc_conv_add_halve(l, MAP_B, MAP_A, s, planes);
        wc_conv_add_halve(l, x, MAP_B, s, at->c);
        inner = MAP_A;
        skip = MAP_B;
        s /= 2;
    }
    if (first) {
        to = x == MAP_X ? MAP_Y : MAP_X;
        wc_conv_add(l, prefix, "downsample.0", "downsample.1", down,
                    (struct wc_conv_step){.from = skip, .to = to, .side = s});
    }
    wc_conv_add(
        l, prefix, "conv3", "bn3", conv3,
        (struct wc_conv_step){.from = inner, .to = to, .side = s, .add = true, .relu = true});
    *at = (struct cursor){at->net, to, s, 4 * planes};
}

static enum wc_err lay_out(struct wc_model *m, struct wc_error *err) {
    const struct wc_arch *a = &m->arch;
    size_t n_blocks = a->stages[0] + a->stages[1] + a->stages[2] + a->stages[3], d;
    struct wc_resnet *net;
    WC_TRY(WC_NEW(&net, 1, "residual network", err));
    m->resnet = net;
    size_t n_convs = 3 + 3 * n_blocks + 4, n_steps = n_convs + 2 + 2 * 3;
    WC_TRY(wc_conv_list_init(&net->list, n_convs, n_steps, err));
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
    assert(net->list.n_convs == n_convs && net->list.n_steps == n_steps);
    assert(at.side == net->g && at.c == d);
    return WC_OK;
}

/* Weights. */

static bool place(struct wc_model *m, const char *name, const float *data) {
    struct wc_resnet *net = m->resnet;
    const struct wc_slot slot[] = {
        {"attnpool.positional_embedding", &net->pos}, {"attnpool.q_proj.weight", &net->q.weight},
        {"attnpool.q_proj.bias", &net->q.bias},       {"attnpool.k_proj.weight", &net->k.weight},
        {"attnpool.k_proj.bias", &net->k.bias},       {"attnpool.v_proj.weight", &net->v.weight},
        {"attnpool.v_proj.bias", &net->v.bias},       {"attnpool.c_proj.weight", &net->proj.weight},
        {"attnpool.c_proj.bias", &net->proj.bias},
    };
    return wc_slot_put(slot, sizeof slot / sizeof *slot, name, data) ||
           wc_conv_place(&net->list, name, data);
}

static enum wc_err prepare(struct wc_model *m, struct wc_error *err) {
    struct wc_resnet *net = m->resnet;
    size_t d = net->d, t = 1 + net->g * net->g;
    WC_TRY(wc_conv_fold(m, "visual.", &net->list, err));
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
    if (net)
        wc_conv_list_release(&net->list);
    wc_free(net);
    m->resnet = NULL;
}

/* Scratch. */

static size_t linears(struct wc_model *m, struct wc_linear **out) {
    return wc_conv_linears(&m->resnet->list, out);
}

static struct wc_scratch_need need(const struct wc_model *m) {
    const struct wc_resnet *net = m->resnet;
    size_t n = net->g * net->g, rows = wc_chunk_rows(1 + n);
    return (struct wc_scratch_need){.qkv = rows * 3 * net->d,
                                    .att = rows * net->d,
                                    .small = wc_attention_scratch_f32(1 + n, 1),
                                    .gather = wc_conv_gather_f32(&net->list)};
}

static size_t shared(const struct wc_model *m, struct wc_workspace *w,
                     struct wc_array array[WC_MAX_SHARED]) {
    const struct wc_resnet *net = m->resnet;
    wc_conv_maps(&net->list, w, array);
    array[WC_CONV_MAPS] = (struct wc_array){&w->cells_qkv, net->g * net->g * 3 * net->d};
    return WC_CONV_MAPS + 1;
}

static double flop(const struct wc_model *m, const struct wc_request *r) {
    const struct wc_resnet *net = m->resnet;
    double d = (double)net->d, cells = (double)(net->g * net->g);
    double sum = 3 * d * d * cells + wc_conv_mul_adds(&net->list, net->list.n_steps);
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
    wc_conv_run(&net->list, done, net->stage[last].n_steps, w, pixels);
    *side = net->stage[last].side;
    *c = net->stage[last].c;
    return w->map[net->stage[last].map];
}

// q, k, v of the cells without their positions. They are linear, so that a position's share
// (pos_qkv) is added where the cell stands, and the query token of a window, the mean of its cells
// at position 0, is the mean of these.
static void begin(const struct wc_model *m, struct wc_workspace *w, unsigned want,
                  const float *pixels) {
    (void)want;
    const struct wc_resnet *net = m->resnet;
    const struct wc_linear *part[3] = {&net->q, &net->k, &net->v};
    size_t side, d, n = net->g * net->g;
    const float *cells = wc_resnet_run(m, w, pixels, WC_RESNET_STEM, WC_RESNET_LAYER4, &side, &d);
    size_t n_blocks = (d + WC_CONV_BLOCK - 1) / WC_CONV_BLOCK;
#pragma omp parallel for schedule(dynamic, 1) num_threads(w->n_threads)
    for (size_t i = 0; i < 3 * n_blocks; i++) {
        size_t left = i % n_blocks * WC_CONV_BLOCK,
               width = d - left < WC_CONV_BLOCK ? d - left : WC_CONV_BLOCK;
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
    .linears = linears,
    .need = need,
    .shared = shared,
    .flop = flop,
    .begin = begin,
    .whole = whole,
    .windows = windows,
};
