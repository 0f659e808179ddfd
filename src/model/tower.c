#include "model/tower.h"

#include "tensor/attention.h"
#include "tensor/gemm.h"
#include "tensor/kernels.h"

#include <math.h>
#include <string.h>

size_t wc_chunk_rows(size_t t) {
    return t > WC_CHUNK_ROWS ? t : WC_CHUNK_ROWS;
}

void wc_linear_run(const struct wc_linear *l, size_t m, const float *in, size_t ld_in, float *out,
                   size_t ld_out) {
    wc_gemm_nt(m, l->n, l->k, in, ld_in, l->weight, l->k, false, out, ld_out);
    if (l->bias)
        wc_kernels()->bias(m, l->n, out, ld_out, l->bias);
}

// y (m, d) += linear(in (m, k)); the bias is added with the residual.
static void linear_residual(const struct wc_linear *l, size_t m, const float *in, float *tmp,
                            float *y, size_t ld_y) {
    wc_gemm_nt(m, l->n, l->k, in, l->k, l->weight, l->k, false, tmp, l->n);
    wc_kernels()->bias_residual(m, l->n, tmp, l->n, l->bias, y, ld_y);
}

static void norm(const struct wc_norm *n, size_t m, size_t d, const float *in, size_t ld_in,
                 float *out) {
    wc_kernels()->layer_norm(m, d, in, ld_in, n->weight, n->bias, WC_LN_EPS, out, d);
}

// MLP half of a block over m rows of x (row stride ld): x += proj(act(fc(ln_2(x)))).
static void mlp(const struct wc_tower *t, const struct wc_block *b, size_t m, float *x, size_t ld,
                struct wc_scratch *s) {
    const struct wc_kernels *k = wc_kernels();
    norm(&b->ln_2, m, t->d, x, ld, s->y);
    wc_gemm_nt(m, b->fc.n, b->fc.k, s->y, t->d, b->fc.weight, b->fc.k, false, s->mlp, b->fc.n);
    if (t->activation == WC_QUICKGELU)
        k->bias_quickgelu(m, b->fc.n, s->mlp, b->fc.n, b->fc.bias);
    else
        k->bias_gelu(m, b->fc.n, s->mlp, b->fc.n, b->fc.bias);
    linear_residual(&b->proj, m, s->mlp, s->y, x, ld);
}

// q, k, v of all tokens; with `first_only` the queries of first tokens alone (the others are not
// read).
static void project_qkv(const struct wc_tower *t, const struct wc_block *b, size_t n_seq,
                        size_t n_tokens, bool first_only, struct wc_scratch *s) {
    size_t d = t->d, rows = n_seq * n_tokens;
    norm(&b->ln_1, rows, d, s->x, d, s->y);
    if (!first_only) {
        wc_linear_run(&b->qkv, rows, s->y, d, s->qkv, 3 * d);
        return;
    }
    struct wc_linear q = {d, d, b->qkv.weight, b->qkv.bias};
    struct wc_linear kv = {2 * d, d, b->qkv.weight + d * d, b->qkv.bias + d};
    wc_linear_run(&q, n_seq, s->y, n_tokens * d, s->qkv, n_tokens * 3 * d);
    wc_linear_run(&kv, rows, s->y, d, s->qkv + d, 3 * d);
}

// Above this length matrix products beat the short-sequence kernel. Fixed: a result must not depend
// on the machine.
#define SHORT_TOKENS 24

static void attention(const struct wc_tower *t, size_t n_seq, size_t n_tokens, size_t n_queries,
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
    attention(t, n_seq, n_tokens, n_queries, s);
    if (keep == WC_KEEP_ALL) {
        linear_residual(&b->out, rows, s->att, s->y, s->x, d);
        mlp(t, b, rows, s->x, d, s);
        return;
    }
    if (keep == WC_KEEP_LAST) // the last token's row of each sequence, packed
        for (size_t i = 0; i < n_seq; i++)
            memmove(s->att + i * d, s->att + (i * n_tokens + n_tokens - 1) * d, d * sizeof(float));
    float *x = keep == WC_KEEP_LAST ? s->x + (n_tokens - 1) * d : s->x;
    linear_residual(&b->out, n_seq, s->att, s->y, x, n_tokens * d);
    mlp(t, b, n_seq, x, n_tokens * d, s);
}

void wc_tower_run(const struct wc_tower *tower, size_t n_seq, size_t t, bool qkv_ready,
                  enum wc_keep keep, struct wc_scratch *s) {
    for (size_t i = 0; i < tower->layers; i++) {
        bool last = i + 1 == tower->layers;
        block(tower, &tower->block[i], n_seq, t, qkv_ready && i == 0, last ? keep : WC_KEEP_ALL, s);
    }
}

long wc_first_non_finite(const float *x, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (!isfinite(x[i]))
            return (long)i;
    return -1;
}
