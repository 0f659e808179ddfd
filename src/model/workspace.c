#include "model/tower.h"

#include "base/alloc.h"

#include <string.h>

static size_t larger(size_t a, size_t b) {
    return a > b ? a : b;
}

// The larger need of the two towers.
static struct wc_scratch_need total_need(const struct wc_model *m) {
    struct wc_scratch_need a = m->family->need(m),
                           b = wc_tower_need(&m->text.tower, m->text.context);
    return (struct wc_scratch_need){larger(a.x, b.x),         larger(a.qkv, b.qkv),
                                    larger(a.att, b.att),     larger(a.mlp, b.mlp),
                                    larger(a.small, b.small), larger(a.gather, b.gather)};
}

// An arena that holds the arrays, and their places in it.
static enum wc_err take(struct wc_arena *arena, const struct wc_array *array, size_t n,
                        size_t *n_bytes, struct wc_error *err) {
    size_t total = 0;
    for (size_t i = 0; i < n; i++)
        total += wc_arena_cost_f32(array[i].n);
    WC_TRY(wc_arena_init(arena, total, err));
    for (size_t i = 0; i < n; i++)
        *array[i].at = wc_arena_f32(arena, array[i].n);
    *n_bytes += total;
    return WC_OK;
}

static enum wc_err make(const struct wc_model *m, struct wc_workspace *w, struct wc_error *err) {
    struct wc_array shared[WC_MAX_SHARED];
    struct wc_scratch_need need = total_need(m);
    size_t n_shared = m->family->shared(m, w, shared);
    WC_TRY(take(&w->shared, shared, n_shared, &w->n_bytes, err));
    WC_TRY(WC_NEW(&w->arena, w->n_threads, "workspace", err));
    WC_TRY(WC_NEW(&w->scratch, w->n_threads, "workspace", err));
    for (unsigned i = 0; i < w->n_threads; i++) {
        struct wc_scratch *s = &w->scratch[i];
        const struct wc_array array[] = {
            {&s->x, need.x},           {&s->y, need.x},     {&s->qkv, need.qkv},
            {&s->att, need.att},       {&s->mlp, need.mlp}, {&s->small, need.small},
            {&s->gather, need.gather},
        };
        WC_TRY(take(&w->arena[i], array, sizeof array / sizeof *array, &w->n_bytes, err));
    }
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

const char *wc_phase_name(enum wc_phase phase) {
    static const char *const names[WC_N_PHASES] = {"products", "attention", "norm", "activation"};
    return names[phase];
}

void wc_workspace_time_phases(struct wc_workspace *w, double (*clock_s)(void)) {
    for (unsigned i = 0; i < w->n_threads; i++) {
        w->scratch[i].clock_s = clock_s;
        memset(w->scratch[i].phase_s, 0, sizeof w->scratch[i].phase_s);
    }
}

void wc_workspace_phases(const struct wc_workspace *w, double spent_s[WC_N_PHASES]) {
    for (size_t p = 0; p < WC_N_PHASES; p++) {
        spent_s[p] = 0;
        for (unsigned i = 0; i < w->n_threads; i++)
            spent_s[p] += w->scratch[i].phase_s[p];
    }
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
