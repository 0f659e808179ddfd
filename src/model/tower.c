#include "model/tower.h"

#include "base/alloc.h"
#include "model/pack.h"
#include "tensor/attention.h"
#include "tensor/gemm.h"
#include "tensor/kernels.h"

#include <math.h>
#include <string.h>

size_t wc_chunk_rows(size_t t) {
    return t > WC_CHUNK_ROWS ? t : WC_CHUNK_ROWS;
}

struct wc_scratch_need wc_tower_need(const struct wc_tower *t, size_t longest) {
    size_t rows = wc_chunk_rows(longest);
    return (struct wc_scratch_need){.x = rows * t->d,
                                    .qkv = rows * 3 * t->d,
                                    .att = rows * t->d,
                                    .mlp = rows * t->mlp,
                                    .small = wc_attention_scratch_f32(longest, longest)};
}

bool wc_slot_put(const struct wc_slot *slot, size_t n, const char *name, const float *data) {
    for (size_t i = 0; i < n; i++)
        if (strcmp(slot[i].name, name) == 0) {
            *slot[i].at = data;
            return true;
        }
    return false;
}

bool wc_tower_place(struct wc_tower *t, const char *name, const float *data) {
    static const char prefix[] = "transformer.resblocks.";
    size_t i = 0, p = sizeof prefix - 1;
    if (strncmp(name, prefix, p) != 0)
        return false;
    while (name[p] >= '0' && name[p] <= '9')
        i = i * 10 + (size_t)(name[p++] - '0');
    struct wc_block *b = &t->block[i];
    const struct wc_slot slot[] = {
        {"attn.in_proj_weight", &b->qkv.weight},  {"attn.in_proj_bias", &b->qkv.bias},
        {"attn.out_proj.weight", &b->out.weight}, {"attn.out_proj.bias", &b->out.bias},
        {"ln_1.weight", &b->ln_1.weight},         {"ln_1.bias", &b->ln_1.bias},
        {"ln_2.weight", &b->ln_2.weight},         {"ln_2.bias", &b->ln_2.bias},
        {"mlp.c_fc.weight", &b->fc.weight},       {"mlp.c_fc.bias", &b->fc.bias},
        {"mlp.c_proj.weight", &b->proj.weight},   {"mlp.c_proj.bias", &b->proj.bias},
    };
    return wc_slot_put(slot, sizeof slot / sizeof *slot, name + p + 1, data);
}

enum wc_err wc_tower_new_blocks(struct wc_tower *t, struct wc_error *err) {
    WC_TRY(WC_NEW(&t->block, t->layers, "transformer blocks", err));
    for (size_t i = 0; i < t->layers; i++) {
        struct wc_block *b = &t->block[i];
        b->qkv = (struct wc_linear){.n = 3 * t->d, .k = t->d};
        b->out = (struct wc_linear){.n = t->d, .k = t->d};
        b->fc = (struct wc_linear){.n = t->mlp, .k = t->d};
        b->proj = (struct wc_linear){.n = t->d, .k = t->mlp};
    }
    return WC_OK;
}

void wc_linear_add(const struct wc_linear *l, size_t m, const float *in, size_t ld_in, bool add,
                   float *out, size_t ld_out) {
    if (l->stats)
        wc_linear_observe(l, m, in, ld_in);
    if (l->packed) {
        const struct wc_gemm_post post = {.add = add, .bias = l->bias};
        wc_gemm_packed(m, l->packed, in, ld_in, post, out, ld_out);
        return;
    }
    wc_gemm_nt(m, l->n, l->k, in, ld_in, l->weight, l->k, add, out, ld_out);
    if (l->bias)
        wc_kernels()->bias(m, l->n, out, ld_out, l->bias);
}

void wc_linear_run(const struct wc_linear *l, size_t m, const float *in, size_t ld_in, float *out,
                   size_t ld_out) {
    wc_linear_add(l, m, in, ld_in, false, out, ld_out);
}

size_t wc_tower_linears(struct wc_tower *t, bool first_only, struct wc_linear **out) {
    size_t n = 0;
    for (size_t i = 0; i < t->layers; i++) {
        struct wc_block *b = &t->block[i];
        size_t d = t->d;
        bool apart = first_only && i + 1 == t->layers;
        b->q = (struct wc_linear){.n = d, .k = d, .weight = b->qkv.weight, .bias = b->qkv.bias};
        b->kv = (struct wc_linear){
            .n = 2 * d, .k = d, .weight = b->qkv.weight + d * d, .bias = b->qkv.bias + d};
        struct wc_linear *const list[] = {apart ? &b->q : &b->qkv, apart ? &b->kv : NULL, &b->out,
                                          &b->fc, &b->proj};
        for (size_t j = 0; j < sizeof list / sizeof *list; j++) {
            if (list[j] && out)
                out[n] = list[j];
            n += list[j] != NULL;
        }
    }
    return n;
}

static void norm(const struct wc_norm *n, size_t m, size_t d, const float *in, size_t ld_in,
                 float *out) {
    wc_kernels()->layer_norm(m, d, in, ld_in, n->weight, n->bias, WC_LN_EPS, out, d);
}

// y (m, n) = act(fc(in)): the activation's kernel adds the bias.
static void linear_act(const struct wc_linear *fc, enum wc_activation act, size_t m,
                       const float *in, float *y, struct wc_scratch *s) {
    struct wc_linear plain = *fc;
    plain.bias = NULL;
    double start = wc_phase_begin(s);
    wc_linear_run(&plain, m, in, fc->k, y, fc->n);
    start = wc_phase_end(s, WC_PHASE_GEMM, start);
    (act == WC_QUICKGELU ? wc_kernels()->bias_quickgelu : wc_kernels()->bias_gelu)(m, fc->n, y,
                                                                                   fc->n, fc->bias);
    wc_phase_end(s, WC_PHASE_ACTIVATION, start);
}

// MLP half of a block over m rows of x (row stride ld): x += proj(act(fc(ln_2(x)))).
static void mlp(const struct wc_tower *t, const struct wc_block *b, size_t m, float *x, size_t ld,
                struct wc_scratch *s) {
    double start = wc_phase_begin(s);
    norm(&b->ln_2, m, t->d, x, ld, s->y);
    wc_phase_end(s, WC_PHASE_NORM, start);
    linear_act(&b->fc, t->activation, m, s->y, s->mlp, s);
    start = wc_phase_begin(s);
    wc_linear_add(&b->proj, m, s->mlp, b->proj.k, true, x, ld);
    wc_phase_end(s, WC_PHASE_GEMM, start);
}

// q, k, v of all tokens; with `first_only` the queries of first tokens alone (the others are not
// read).
static void project_qkv(const struct wc_tower *t, const struct wc_block *b, size_t n_seq,
                        size_t n_tokens, bool first_only, struct wc_scratch *s) {
    size_t d = t->d, rows = n_seq * n_tokens, stride = first_only ? n_tokens : 1;
    double start = wc_phase_begin(s);
    norm(&b->ln_1, rows, d, s->x, d, s->y);
    start = wc_phase_end(s, WC_PHASE_NORM, start);
    if (!first_only && !b->kv.packed) {
        wc_linear_run(&b->qkv, rows, s->y, d, s->qkv, 3 * d);
    } else {
        wc_linear_run(&b->q, rows / stride, s->y, stride * d, s->qkv, stride * 3 * d);
        wc_linear_run(&b->kv, rows, s->y, d, s->qkv + d, 3 * d);
    }
    wc_phase_end(s, WC_PHASE_GEMM, start);
}

// Above this length matrix products beat the short-sequence kernel. Fixed: a result must not depend
// on the machine.
#define SHORT_TOKENS 24

void wc_tower_attention(const struct wc_tower *t, size_t n_seq, size_t n_tokens, size_t n_queries,
                        struct wc_scratch *s) {
    size_t d = t->d, dh = d / t->heads;
    float scale = 1.0f / sqrtf((float)dh);
    if (n_tokens <= SHORT_TOKENS) {
        wc_kernels()->attention_small(n_seq, n_tokens, n_queries, t->heads, dh, s->qkv, scale,
                                      t->causal, s->att);
        return;
    }
    for (size_t i = 0; i < n_seq; i++)
        wc_attention_full(n_tokens, n_queries, t->heads, dh, s->qkv + i * n_tokens * 3 * d, scale,
                          t->causal, s->small, s->att + i * n_queries * d);
}

static void block(const struct wc_tower *t, const struct wc_block *b, size_t n_seq, size_t n_tokens,
                  bool qkv_ready, enum wc_keep keep, struct wc_scratch *s) {
    size_t d = t->d, rows = n_seq * n_tokens;
    if (!qkv_ready)
        project_qkv(t, b, n_seq, n_tokens, keep == WC_KEEP_FIRST, s);
    size_t n_queries = keep == WC_KEEP_FIRST ? 1 : n_tokens;
    double start = wc_phase_begin(s);
    wc_tower_attention(t, n_seq, n_tokens, n_queries, s);
    start = wc_phase_end(s, WC_PHASE_ATTENTION, start);
    if (keep == WC_KEEP_ALL) {
        wc_linear_add(&b->out, rows, s->att, d, true, s->x, d);
        wc_phase_end(s, WC_PHASE_GEMM, start);
        mlp(t, b, rows, s->x, d, s);
        return;
    }
    if (keep == WC_KEEP_LAST) // the last token's row of each sequence, packed
        for (size_t i = 0; i < n_seq; i++)
            memmove(s->att + i * d, s->att + (i * n_tokens + n_tokens - 1) * d, d * sizeof(float));
    float *x = keep == WC_KEEP_LAST ? s->x + (n_tokens - 1) * d : s->x;
    wc_linear_add(&b->out, n_seq, s->att, d, true, x, n_tokens * d);
    wc_phase_end(s, WC_PHASE_GEMM, start);
    mlp(t, b, n_seq, x, n_tokens * d, s);
}

void wc_tower_run_blocks(const struct wc_tower *tower, size_t first, size_t end, size_t n_seq,
                         size_t t, bool qkv_ready, enum wc_keep keep, struct wc_scratch *s) {
    for (size_t i = first; i < end; i++) {
        bool last = i + 1 == tower->layers;
        block(tower, &tower->block[i], n_seq, t, qkv_ready && i == first, last ? keep : WC_KEEP_ALL,
              s);
    }
}

void wc_tower_run(const struct wc_tower *tower, size_t n_seq, size_t t, bool qkv_ready,
                  enum wc_keep keep, struct wc_scratch *s) {
    wc_tower_run_blocks(tower, 0, tower->layers, n_seq, t, qkv_ready, keep, s);
}

void wc_tower_value_path(const struct wc_tower *tower, size_t first, size_t n, bool with_mlp,
                         struct wc_scratch *s) {
    const struct wc_block *b = &tower->block[tower->layers - 1];
    size_t d = tower->d;
    const struct wc_linear value = {
        .n = d, .k = d, .weight = b->qkv.weight + 2 * d * d, .bias = b->qkv.bias + 2 * d};
    const float *x = s->x + first * d;
    float *v = s->qkv; // (n, d)
    norm(&b->ln_1, n, d, x, d, s->y);
    wc_linear_run(&value, n, s->y, d, s->att, d);
    if (!with_mlp) {
        wc_linear_run(&b->out, n, s->att, d, v, d);
        return;
    }
    memcpy(v, x, n * d * sizeof *v);
    wc_linear_add(&b->out, n, s->att, d, true, v, d);
    mlp(tower, b, n, v, d, s);
}

long wc_first_non_finite(const float *x, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (!isfinite(x[i]))
            return (long)i;
    return -1;
}
