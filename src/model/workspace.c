#include "model/tower.h"

#include "base/alloc.h"
#include "tensor/attention.h"

#include <string.h>

static size_t larger(size_t a, size_t b) {
    return a > b ? a : b;
}

// Sizes of a thread's scratch: the larger need of the two towers.
struct need {
    size_t x, qkv, mlp, small;
};

static struct need tower_need(const struct wc_tower *t, size_t longest) {
    size_t rows = wc_chunk_rows(longest);
    return (struct need){rows * t->d, rows * 3 * t->d, rows * t->mlp,
                         wc_attention_scratch_f32(longest, longest)};
}

static enum wc_err make(const struct wc_model *m, struct wc_workspace *w, struct wc_error *err) {
    const struct wc_vit *v = &m->vit;
    size_t n = v->g * v->g, d = v->tower.d, patch = 3 * v->patch_px * v->patch_px;
    struct need a = tower_need(&v->tower, 1 + n), b = tower_need(&m->text.tower, m->text.context);
    struct need most = {larger(a.x, b.x), larger(a.qkv, b.qkv), larger(a.mlp, b.mlp),
                        larger(a.small, b.small)};
    size_t per_thread = 3 * wc_arena_cost_f32(most.x) + wc_arena_cost_f32(most.qkv) +
                        wc_arena_cost_f32(most.mlp) + wc_arena_cost_f32(most.small);
    size_t shared = wc_arena_cost_f32((1 + n) * d) + wc_arena_cost_f32((1 + n) * 3 * d) +
                    wc_arena_cost_f32(n * patch);
    WC_TRY(wc_arena_init(&w->shared, shared, err));
    w->embed = wc_arena_f32(&w->shared, (1 + n) * d);
    w->embed_qkv = wc_arena_f32(&w->shared, (1 + n) * 3 * d);
    w->patches = wc_arena_f32(&w->shared, n * patch);
    WC_TRY(WC_NEW(&w->arena, w->n_threads, "workspace", err));
    WC_TRY(WC_NEW(&w->scratch, w->n_threads, "workspace", err));
    for (unsigned i = 0; i < w->n_threads; i++) {
        WC_TRY(wc_arena_init(&w->arena[i], per_thread, err));
        struct wc_scratch *s = &w->scratch[i];
        s->x = wc_arena_f32(&w->arena[i], most.x);
        s->y = wc_arena_f32(&w->arena[i], most.x);
        s->att = wc_arena_f32(&w->arena[i], most.x);
        s->qkv = wc_arena_f32(&w->arena[i], most.qkv);
        s->mlp = wc_arena_f32(&w->arena[i], most.mlp);
        s->small = wc_arena_f32(&w->arena[i], most.small);
    }
    w->n_bytes = shared + w->n_threads * per_thread;
    return WC_OK;
}

enum wc_err wc_workspace_new(const struct wc_model *model, unsigned n_threads,
                             void (*progress)(void *), void *progress_data,
                             struct wc_workspace **out, struct wc_error *err) {
    struct wc_workspace *w;
    if (n_threads == 0)
        return WC_FAIL(err, WC_ERR_BUG, "a workspace needs at least one thread");
    WC_TRY(WC_NEW(&w, 1, "workspace", err));
    w->n_threads = n_threads;
    w->progress = progress;
    w->progress_data = progress_data;
    enum wc_err rc = make(model, w, err);
    if (rc != WC_OK) {
        wc_workspace_free(&w);
        return rc;
    }
    *out = w;
    return WC_OK;
}

void wc_workspace_free(struct wc_workspace **workspace) {
    struct wc_workspace *w = *workspace;
    if (!w)
        return;
    for (unsigned i = 0; w->arena && i < w->n_threads; i++)
        wc_arena_release(&w->arena[i]);
    wc_arena_release(&w->shared);
    wc_free(w->arena);
    wc_free(w->scratch);
    wc_free(w);
    *workspace = NULL;
}

size_t wc_workspace_bytes(const struct wc_workspace *w) {
    return w->n_bytes;
}

uint64_t wc_workspace_n_images(const struct wc_workspace *w) {
    return w->n_images;
}
