// The text tower: causal, only up to the end-of-text token, whose output is the embedding.
#include "model/tower.h"

#include "base/alloc.h"
#include "tensor/gemm.h"
#include "tensor/kernels.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

// Texts sorted by length, then content: equal ones are neighbours and a chunk holds texts of one
// length.
struct entry {
    const int32_t *ids;
    size_t n, index;
};

static int by_content(const void *a, const void *b) {
    const struct entry *x = a, *y = b;
    if (x->n != y->n)
        return x->n < y->n ? -1 : 1;
    for (size_t i = 0; i < x->n; i++)
        if (x->ids[i] != y->ids[i])
            return x->ids[i] < y->ids[i] ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

static bool same_text(const struct entry *a, const struct entry *b) {
    return a->n == b->n && memcmp(a->ids, b->ids, a->n * sizeof *a->ids) == 0;
}

struct chunk {
    size_t first, n; // of the distinct texts
};

// Embeds distinct texts [c->first, c->first + c->n), all of one length, into rows of `embedded`.
static void encode_chunk(const struct wc_text_tower *x, const struct entry *text,
                         const struct chunk *c, struct wc_scratch *s, float *embedded) {
    size_t d = x->tower.d, t = text[c->first].n;
    for (size_t i = 0; i < c->n * t; i++) {
        const float *token = x->token + (size_t)text[c->first + i / t].ids[i % t] * d,
                    *pos = x->pos + i % t * d;
        for (size_t j = 0; j < d; j++)
            s->x[i * d + j] = token[j] + pos[j];
    }
    wc_tower_run(&x->tower, c->n, t, false, WC_KEEP_LAST, s);
    wc_kernels()->layer_norm(c->n, d, s->x + (t - 1) * d, t * d, x->ln_final.weight,
                             x->ln_final.bias, WC_LN_EPS, s->y, d);
    wc_gemm_nn(c->n, x->embed, d, s->y, d, x->proj, x->embed, false, embedded + c->first * x->embed,
               x->embed);
}

static enum wc_err check_ids(const struct wc_text_tower *x, const struct entry *e,
                             struct wc_error *err) {
    if (e->n < 1 || e->n > x->context)
        return WC_FAIL(err, WC_ERR_BUG, "text %zu: %zu tokens, the model takes 1 to %zu", e->index,
                       e->n, x->context);
    for (size_t i = 0; i < e->n; i++)
        if (e->ids[i] < 0 || (size_t)e->ids[i] >= x->vocab)
            return WC_FAIL(
                err, WC_ERR_DATA,
                "text %zu: token id %d, the model's vocabulary has %zu; give its merges file (model.bpe)",
                e->index, (int)e->ids[i], x->vocab);
    return WC_OK;
}

// Chunks of equal length; returns their count. chunk has room for n_distinct.
static size_t cut(const struct entry *text, size_t n_distinct, struct chunk *chunk) {
    size_t n_chunks = 0;
    for (size_t i = 0; i < n_distinct;) {
        size_t t = text[i].n, most = wc_chunk_rows(t) / t, n = 1;
        while (n < most && i + n < n_distinct && text[i + n].n == t)
            n++;
        chunk[n_chunks++] = (struct chunk){i, n};
        i += n;
    }
    return n_chunks;
}

enum wc_err wc_encode_text(const struct wc_model *model, struct wc_workspace *w, const int32_t *ids,
                           const size_t *n_ids, size_t n, float *out, struct wc_error *err) {
    const struct wc_text_tower *x = &model->text;
    struct entry *text = NULL;
    struct chunk *chunk = NULL;
    float *embedded = NULL;
    size_t *row = NULL; // of each sorted text among the distinct ones
    enum wc_err rc;
    if ((rc = WC_NEW(&text, n, "texts", err)) != WC_OK ||
        (rc = WC_NEW(&chunk, n, "texts", err)) != WC_OK ||
        (rc = WC_NEW(&row, n, "texts", err)) != WC_OK ||
        (rc = WC_NEW(&embedded, n * x->embed, "text embeddings", err)) != WC_OK)
        goto out;
    for (size_t i = 0; i < n && rc == WC_OK; i++) {
        text[i] = (struct entry){ids + i * x->context, n_ids[i], i};
        rc = check_ids(x, &text[i], err);
    }
    if (rc != WC_OK)
        goto out;
    qsort(text, n, sizeof *text, by_content);
    size_t n_distinct = 0, *index = row;
    struct entry *distinct = text;
    size_t *original = NULL;
    if ((rc = WC_NEW(&original, n, "texts", err)) != WC_OK)
        goto out;
    for (size_t i = 0; i < n; i++) {
        original[i] = text[i].index;
        if (n_distinct == 0 || !same_text(&distinct[n_distinct - 1], &text[i]))
            distinct[n_distinct++] = text[i];
        index[i] = n_distinct - 1;
    }
    size_t n_chunks = cut(distinct, n_distinct, chunk);
#pragma omp parallel for schedule(dynamic, 1) num_threads(w->n_threads)
    for (size_t i = 0; i < n_chunks; i++) {
        encode_chunk(x, distinct, &chunk[i], &w->scratch[omp_get_thread_num()], embedded);
        if (w->progress && omp_get_thread_num() == 0)
            w->progress(w->progress_data);
    }
    for (size_t i = 0; i < n; i++)
        memcpy(out + original[i] * x->embed, embedded + index[i] * x->embed,
               x->embed * sizeof *out);
    wc_free(original);
    if (wc_first_non_finite(embedded, n_distinct * x->embed) >= 0)
        rc =
            WC_FAULT(err, WC_ERR_DATA, "non-finite",
                     "%s: text embeddings are not finite; are the weights damaged?", model->origin);
out:
    wc_free(text);
    wc_free(chunk);
    wc_free(row);
    wc_free(embedded);
    return rc;
}
