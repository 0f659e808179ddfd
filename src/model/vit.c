// The image tower of CLIP's vision transformers: the whole image and every window of patches
// (WinCLIP, eq. 2).
#include "model/tower.h"

#include "base/alloc.h"
#include "tensor/gemm.h"
#include "tensor/kernels.h"

#include <string.h>

#define VALUES (WC_WANT_VALUE | WC_WANT_VALUE_MLP)

static enum wc_err lay_out(struct wc_model *m, struct wc_error *err) {
    const struct wc_arch *a = &m->arch;
    m->vit = (struct wc_vit){.tower = {.d = a->width,
                                       .heads = a->heads,
                                       .mlp = a->mlp,
                                       .layers = a->layers,
                                       .activation = m->activation},
                             .g = wc_arch_grid(a),
                             .patch_px = a->patch_px,
                             .image_px = a->image_px,
                             .embed = a->embed};
    m->vit.conv.n = a->width;
    m->vit.conv.k = 3 * a->patch_px * a->patch_px;
    return wc_tower_new_blocks(&m->vit.tower, err);
}

static bool place(struct wc_model *m, const char *name, const float *data) {
    struct wc_vit *v = &m->vit;
    const struct wc_slot slot[] = {
        {"class_embedding", &v->cls},
        {"positional_embedding", &v->pos},
        {"proj", &v->proj},
        {"conv1.weight", &v->conv.weight},
        {"ln_pre.weight", &v->ln_pre.weight},
        {"ln_pre.bias", &v->ln_pre.bias},
        {"ln_post.weight", &v->ln_post.weight},
        {"ln_post.bias", &v->ln_post.bias},
    };
    return wc_slot_put(slot, sizeof slot / sizeof *slot, name, data) ||
           wc_tower_place(&v->tower, name, data);
}

static void release(struct wc_model *m) {
    wc_free(m->vit.tower.block);
}

static size_t linears(struct wc_model *m, struct wc_linear **out) {
    return wc_tower_linears(&m->vit.tower, true, out);
}

static struct wc_scratch_need need(const struct wc_model *m) {
    return wc_tower_need(&m->vit.tower, 1 + m->vit.g * m->vit.g);
}

static size_t shared(const struct wc_model *m, struct wc_workspace *w,
                     struct wc_array array[WC_MAX_SHARED]) {
    const struct wc_vit *v = &m->vit;
    size_t n = v->g * v->g, d = v->tower.d;
    array[0] = (struct wc_array){&w->embed, (1 + n) * d};
    array[1] = (struct wc_array){&w->embed_qkv, (1 + n) * 3 * d};
    array[2] = (struct wc_array){&w->patches, n * 3 * v->patch_px * v->patch_px};
    return 3;
}

// What the last block must compute of the whole image.
static enum wc_keep kept(unsigned want) {
    const unsigned patches = WC_WANT_PATCH | WC_WANT_PATCH_POST | WC_WANT_PATCH_PROJ |
                             WC_WANT_PATCH_PLAIN | WC_WANT_HIDDEN;
    return want & patches ? WC_KEEP_ALL : WC_KEEP_FIRST;
}

// Multiply-adds of n sequences of t tokens through the blocks, but for the first block's queries,
// keys and values, which all share.
static double sequences(const struct wc_tower *tower, double n, double t, enum wc_keep keep) {
    double d = (double)tower->d, rest = d * d + 2 * d * (double)tower->mlp;
    double last = keep == WC_KEEP_ALL ? t * (3 * d * d + rest) : t * 2 * d * d + d * d + rest;
    return n * (t * (double)(tower->layers - 1) * (3 * d * d + rest) + last - t * 3 * d * d);
}

static double flop(const struct wc_model *m, const struct wc_request *r) {
    const struct wc_vit *v = &m->vit;
    double d = (double)v->tower.d, cells = (double)(v->g * v->g), outputs = 0;
    double sum = cells * d * 3 * (double)(v->patch_px * v->patch_px) + (1 + cells) * 3 * d * d;
    if (r->want & ~(unsigned)WC_WANT_WINDOWS) {
        sum += sequences(&v->tower, 1, 1 + cells, kept(r->want));
        outputs = 1 + (r->want & WC_WANT_PATCH_PROJ ? cells : 0) +
                  (r->want & WC_WANT_PATCH_PLAIN ? cells : 0) +
                  (r->want & WC_WANT_VALUE ? cells : 0) + (r->want & WC_WANT_VALUE_MLP ? cells : 0);
        sum += r->want & WC_WANT_VALUE ? cells * 2 * d * d : 0;
        sum += r->want & WC_WANT_VALUE_MLP ? cells * 2 * d * (d + (double)v->tower.mlp) : 0;
    }
    for (size_t i = 0; i < r->n_scales && (r->want & WC_WANT_WINDOWS); i++) {
        double n = (double)wc_n_windows(v->g, r->window[i]), k = (double)r->window[i];
        sum += sequences(&v->tower, n, 1 + k * k, WC_KEEP_FIRST);
        outputs += n;
    }
    return 2 * (sum + outputs * d * (double)v->embed);
}

static void norm(const struct wc_norm *n, size_t m, size_t d, const float *in, size_t ld_in,
                 float *out) {
    wc_kernels()->layer_norm(m, d, in, ld_in, n->weight, n->bias, WC_LN_EPS, out, d);
}

// pixels (3, S, S) -> rows (g * g, 3 p p), each a patch in the order of conv1's weights.
static void cut_patches(const struct wc_vit *v, const float *pixels, float *out) {
    size_t p = v->patch_px, s = v->image_px, row = 3 * p * p;
    for (size_t i = 0; i < v->g * v->g; i++) {
        const float *corner = pixels + i / v->g * p * s + i % v->g * p;
        for (size_t c = 0; c < 3; c++)
            for (size_t y = 0; y < p; y++)
                memcpy(out + i * row + (c * p + y) * p, corner + (c * s + y) * s, p * sizeof *out);
    }
}

// Tokens after ln_pre, and the first block's q, k, v of them: shared by the whole image and all
// windows, because a patch enters every window with the same position and neither step mixes
// tokens.
static void begin(const struct wc_model *m, struct wc_workspace *w, unsigned want,
                  const float *pixels) {
    (void)want;
    const struct wc_vit *v = &m->vit;
    size_t d = v->tower.d, n = v->g * v->g, row = 3 * v->patch_px * v->patch_px;
    struct wc_scratch *s = &w->scratch[0];
    cut_patches(v, pixels, w->patches);
    memcpy(w->embed, v->cls, d * sizeof(float));
    double start = wc_phase_begin(s);
    wc_linear_run(&v->conv, n, w->patches, row, w->embed + d, d);
    wc_phase_end(s, WC_PHASE_GEMM, start);
    for (size_t i = 0; i < (1 + n) * d; i++)
        w->embed[i] += v->pos[i];
    norm(&v->ln_pre, 1 + n, d, w->embed, d, w->embed);
    const struct wc_block *first = &v->tower.block[0];
    norm(&first->ln_1, 1 + n, d, w->embed, d, s->y);
    start = wc_phase_begin(s);
    wc_linear_run(&first->qkv, 1 + n, s->y, d, w->embed_qkv, 3 * d);
    wc_phase_end(s, WC_PHASE_GEMM, start);
}

// ln_post and projection of n rows (stride ld) -> out (n, e).
static void project(const struct wc_vit *v, size_t n, const float *x, size_t ld,
                    struct wc_scratch *s, float *out) {
    norm(&v->ln_post, n, v->tower.d, x, ld, s->y);
    wc_gemm_nn(n, v->embed, v->tower.d, s->y, v->tower.d, v->proj, v->embed, false, out, v->embed);
}

// MaskCLIP's readings of the last block, whose input is in s->x.
static void value_paths(const struct wc_vit *v, unsigned want, struct wc_scratch *s,
                        struct wc_features *out) {
    float *const to[2] = {want & WC_WANT_VALUE ? out->value : NULL,
                          want & WC_WANT_VALUE_MLP ? out->value_mlp : NULL};
    for (size_t i = 0; i < 2; i++) {
        if (!to[i])
            continue;
        wc_tower_value_path(&v->tower, 1, v->g * v->g, i == 1, s);
        project(v, v->g * v->g, s->qkv, v->tower.d, s, to[i]);
    }
}

// The patch tokens after `done` blocks, where they are among those that WC_WANT_HIDDEN means.
static void keep_hidden(const struct wc_vit *v, size_t done, const float *x, float *out) {
    size_t layers = v->tower.layers, n = v->g * v->g * v->tower.d;
    const size_t depth[WC_HIDDEN] = {layers / 2, layers * 3 / 4, layers};
    for (size_t i = 0; i < WC_HIDDEN; i++)
        if (done == depth[i])
            memcpy(out + i * n, x, n * sizeof *out);
}

static void whole(const struct wc_model *m, const struct wc_workspace *w, unsigned want,
                  struct wc_scratch *s, struct wc_features *out) {
    const struct wc_vit *v = &m->vit;
    size_t d = v->tower.d, n = v->g * v->g;
    memcpy(s->x, w->embed, (1 + n) * d * sizeof(float));
    memcpy(s->qkv, w->embed_qkv, (1 + n) * 3 * d * sizeof(float));
    for (size_t l = 0, layers = v->tower.layers; l < layers; l++) {
        bool values = l + 1 == layers && (want & VALUES);
        if (want & WC_WANT_TRACE)
            memcpy(out->trace + l * (1 + n) * d, s->x, (1 + n) * d * sizeof(float));
        if (values)
            value_paths(v, want, s, out);
        wc_tower_run_blocks(&v->tower, l, l + 1, 1, 1 + n, l == 0 && !values, kept(want), s);
        if (want & WC_WANT_HIDDEN)
            keep_hidden(v, l + 1, s->x + d, out->hidden);
    }
    if (want & WC_WANT_IMAGE)
        project(v, 1, s->x, d, s, out->image);
    if (want & WC_WANT_PATCH)
        memcpy(out->patch, s->x + d, n * d * sizeof(float));
    if (want & WC_WANT_PATCH_POST)
        norm(&v->ln_post, n, d, s->x + d, d, out->patch_post);
    if (want & WC_WANT_PATCH_PROJ)
        project(v, n, s->x + d, d, s, out->patch_proj);
    if (want & WC_WANT_PATCH_PLAIN)
        wc_gemm_nn(n, v->embed, d, s->x + d, d, v->proj, v->embed, false, out->patch_plain,
                   v->embed);
}

// Windows [first, first + n) of side k: [CLS] and their k * k patches alone through the tower.
static void windows(const struct wc_model *m, const struct wc_workspace *w, size_t k, size_t first,
                    size_t n, struct wc_scratch *s, float *out) {
    const struct wc_vit *v = &m->vit;
    size_t d = v->tower.d, t = 1 + k * k, across = v->g - k + 1;
    for (size_t i = 0; i < n; i++) {
        size_t top = (first + i) / across, left = (first + i) % across;
        for (size_t j = 0; j < t; j++) {
            size_t from = j == 0 ? 0 : 1 + (top + (j - 1) / k) * v->g + left + (j - 1) % k;
            size_t to = i * t + j;
            memcpy(s->x + to * d, w->embed + from * d, d * sizeof(float));
            memcpy(s->qkv + to * 3 * d, w->embed_qkv + from * 3 * d, 3 * d * sizeof(float));
        }
    }
    wc_tower_run(&v->tower, n, t, true, WC_KEEP_FIRST, s);
    project(v, n, s->x, t * d, s, out);
}

const struct wc_image_family wc_vit_family = {
    .lay_out = lay_out,
    .place = place,
    .release = release,
    .linears = linears,
    .need = need,
    .shared = shared,
    .flop = flop,
    .begin = begin,
    .whole = whole,
    .windows = windows,
};
