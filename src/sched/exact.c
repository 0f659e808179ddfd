#include "sched/exact.h"

#include "base/alloc.h"
#include "sched/maps.h"

#include <limits.h>
#include <string.h>

struct exact {
    struct wc_state *s;
    const struct wc_category *category;
    const struct wc_kinds *kinds;
    size_t first;       // unit
    uint32_t *size;     // (n_items, 3): width, height, 1 + rank that has the map; 0: not there
    int *count, *start; // (n_ranks) floats of each rank, and where they lie at the owner
    size_t n_pixels;
    float *own, *all;     // maps: of this rank; of all, rank by rank, each in the order of items
    size_t *at;           // (n_items) of an item's map in `all`
    struct wc_mask *mask; // (n_items), of owners
    uint8_t *nothing;     // a mask without anomaly, as large as the largest
    struct wc_map_group *group; // (n_items) of what is evaluated
    struct wc_canvas canvas;
};

static void release(struct exact *e) {
    for (size_t i = 0; e->mask && i < e->category->n_items; i++)
        wc_mask_release(&e->mask[i]);
    wc_free(e->size);
    wc_free(e->count);
    wc_free(e->start);
    wc_free(e->own);
    wc_free(e->all);
    wc_free(e->at);
    wc_free(e->mask);
    wc_free(e->nothing);
    wc_free(e->group);
    wc_canvas_release(&e->canvas);
}

static size_t pixels_of(const struct exact *e, size_t item) {
    return (size_t)e->size[3 * item] * e->size[3 * item + 1];
}

// Sizes and whereabouts of all maps, the same on every rank.
static enum wc_err survey(struct exact *e, struct wc_error *err) {
    const struct wc_comm *comm = &e->s->comm;
    size_t n = e->category->n_items, size = (size_t)e->s->config->evaluation.size;
    enum wc_err rc = WC_NEW(&e->size, 3 * n + 1, "evaluation", err);
    if (rc == WC_OK)
        rc = WC_NEW(&e->at, n + 1, "evaluation", err);
    if (rc == WC_OK)
        rc = WC_NEW(&e->count, (size_t)comm->n_ranks, "evaluation", err);
    if (rc == WC_OK)
        rc = WC_NEW(&e->start, (size_t)comm->n_ranks, "evaluation", err);
    WC_TRY(wc_agree(comm, rc, err));
    for (size_t i = 0; i < n; i++) {
        struct wc_record r;
        if (e->category->item[i].label == WC_UNLABELLED || !wc_state_record(e->s, e->first + i, &r))
            continue;
        e->size[3 * i] = size ? (uint32_t)size : r.width_px;
        e->size[3 * i + 1] = size ? (uint32_t)size : r.height_px;
        e->size[3 * i + 2] = (uint32_t)comm->rank + 1;
    }
    MPI_Allreduce(MPI_IN_PLACE, e->size, (int)(3 * n), MPI_UINT32_T, MPI_MAX, comm->comm);
    for (size_t i = 0; i < n; i++)
        e->n_pixels += pixels_of(e, i);
    return WC_OK;
}

// Where each item's map lies once all are gathered.
static void lay_out(struct exact *e) {
    size_t at = 0;
    for (int r = 0; r < e->s->comm.n_ranks; r++) {
        e->start[r] = (int)at;
        for (size_t i = 0; i < e->category->n_items; i++)
            if (e->size[3 * i + 2] == (uint32_t)r + 1) {
                e->at[i] = at;
                at += pixels_of(e, i);
            }
        e->count[r] = (int)(at - (size_t)e->start[r]);
    }
}

static bool owns_any(const struct exact *e) {
    return (size_t)e->s->comm.rank < e->s->plan.n_variants;
}

static enum wc_err read_masks(struct exact *e, struct wc_error *err) {
    size_t n = e->category->n_items, largest = 1;
    WC_TRY(WC_NEW(&e->mask, n + 1, "masks", err));
    WC_TRY(WC_NEW(&e->group, n + 1, "evaluation", err));
    for (size_t i = 0; i < n; i++) {
        const struct wc_item *item = &e->category->item[i];
        largest = pixels_of(e, i) > largest ? pixels_of(e, i) : largest;
        if (e->size[3 * i + 2] == 0 || item->masks.n == 0)
            continue;
        WC_TRY(wc_state_masks(item, (size_t)e->s->config->evaluation.size, &e->mask[i], err));
        if (e->mask[i].width_px != e->size[3 * i] || e->mask[i].height_px != e->size[3 * i + 1])
            return WC_FAULT(err, WC_ERR_DATA, "size-mismatch",
                            "%s: changed its size since it was scored", item->path);
    }
    return WC_NEW(&e->nothing, largest, "masks", err);
}

static enum wc_err make_maps(struct exact *e, size_t variant, struct wc_error *err) {
    float *out = e->own;
    for (size_t i = 0; i < e->category->n_items; i++) {
        struct wc_record r;
        if (e->size[3 * i + 2] != (uint32_t)e->s->comm.rank + 1 ||
            !wc_state_record(e->s, e->first + i, &r))
            continue;
        WC_TRY(wc_canvas_begin(&e->canvas, e->s, &r, e->category->item[i].path, e->size[3 * i],
                               e->size[3 * i + 1], err));
        WC_TRY(wc_canvas_variant(&e->canvas, e->s, variant, err));
        wc_canvas_rows(&e->canvas, 0, e->canvas.height_px, out);
        out += pixels_of(e, i);
    }
    return WC_OK;
}

// Groups of the images of kind `kind` and the normal ones; kind n: all.
static size_t choose(struct exact *e, size_t kind) {
    size_t n = 0;
    for (size_t i = 0; i < e->category->n_items; i++) {
        const struct wc_item *item = &e->category->item[i];
        if (e->size[3 * i + 2] == 0 || (kind < e->kinds->n && item->label == WC_ANOMALOUS &&
                                        wc_kind_of(e->kinds, item) != kind))
            continue;
        e->group[n++] =
            (struct wc_map_group){.maps = e->all + e->at[i],
                                  .masks = e->mask[i].value ? e->mask[i].value : e->nothing,
                                  .n = 1,
                                  .h = e->size[3 * i + 1],
                                  .w = e->size[3 * i]};
    }
    return n;
}

static enum wc_err figures_of(struct exact *e, size_t kind, struct wc_pixel_figures *f,
                              struct wc_error *err) {
    const struct wc_real_list *limit = &e->s->config->evaluation.fpr_limit;
    size_t n = choose(e, kind);
    for (size_t i = 0; i < limit->n; i++) {
        struct wc_pixel_metrics m;
        WC_TRY(wc_metrics_pixel(e->group, n, limit->item[i], &m, err));
        if (i == 0)
            f->metrics = (struct wc_histogram_metrics){.value = m};
        f->aupro[i] = m.aupro;
        f->bound_aupro[i] = 0;
    }
    return WC_OK;
}

// The curve is drawn from the coarse bins: it is for the eye.
static enum wc_err curve_of(struct exact *e, struct wc_pixel_figures *f, struct wc_error *err) {
    struct wc_binning *b = NULL;
    struct wc_histogram h = {0};
    uint64_t *weight = NULL, n_components = 0;
    size_t n = choose(e, e->kinds->n);
    enum wc_err rc = wc_binning_new(&b, err);
    if (rc == WC_OK)
        rc = wc_histogram_init(&h, b, err);
    if (rc == WC_OK)
        rc = WC_NEW(&weight, e->n_pixels, "regions", err);
    for (size_t i = 0; i < n && rc == WC_OK; i++) {
        const struct wc_map_group *g = &e->group[i];
        uint32_t regions = 0;
        rc = wc_region_weights(g->masks, g->h, g->w, weight, &regions, err);
        n_components += regions;
        if (rc == WC_OK)
            rc = wc_histogram_add(&h, b, g->maps, g->masks, weight, g->h * g->w, err);
    }
    if (rc == WC_OK)
        f->n_points = wc_histogram_curve(&h, b, n_components, f->point, WC_CURVE_POINTS);
    wc_histogram_release(&h);
    wc_binning_free(&b);
    wc_free(weight);
    return rc;
}

static enum wc_err evaluate(struct exact *e, size_t variant, struct wc_pixel_figures *figures,
                            struct wc_error *err) {
    struct wc_pixel_figures *f = figures + variant * (1 + e->kinds->n);
    WC_TRY(figures_of(e, e->kinds->n, &f[0], err));
    for (size_t k = 0; k < e->kinds->n; k++)
        WC_TRY(figures_of(e, k, &f[1 + k], err));
    return e->s->plan.variant[variant].i_seed == 0 ? curve_of(e, &f[0], err) : WC_OK;
}

// As many variants as there are ranks: each rank receives one, then all compute.
static enum wc_err one_round(struct exact *e, size_t first, struct wc_pixel_figures *figures,
                             struct wc_error *err) {
    const struct wc_comm *comm = &e->s->comm;
    enum wc_err rc = WC_OK;
    size_t mine = e->s->plan.n_variants;
    for (int r = 0; r < comm->n_ranks && first + (size_t)r < e->s->plan.n_variants; r++) {
        size_t v = first + (size_t)r;
        if (e->s->plan.variant[v].dense == WC_DENSE_NONE)
            continue; // no map, no pixel metrics
        rc = wc_agree(comm, make_maps(e, v, err), err);
        if (rc != WC_OK)
            return rc;
        MPI_Gatherv(e->own, e->count[comm->rank], MPI_FLOAT, e->all, e->count, e->start, MPI_FLOAT,
                    r, comm->comm);
        mine = r == comm->rank ? v : mine;
    }
    if (mine < e->s->plan.n_variants)
        rc = evaluate(e, mine, figures, err);
    return wc_agree(comm, rc, err);
}

static enum wc_err run(struct exact *e, struct wc_pixel_figures *figures, struct wc_error *err) {
    const struct wc_comm *comm = &e->s->comm;
    lay_out(e);
    enum wc_err rc = WC_NEW_RAW(&e->own, (size_t)e->count[comm->rank] + 1, "maps", err);
    if (rc == WC_OK && owns_any(e))
        rc = WC_NEW_RAW(&e->all, e->n_pixels + 1, "maps", err);
    if (rc == WC_OK && owns_any(e))
        rc = read_masks(e, err);
    WC_TRY(wc_agree(comm, rc, err));
    for (size_t v = 0; v < e->s->plan.n_variants; v += (size_t)comm->n_ranks)
        WC_TRY(one_round(e, v, figures, err));
    return WC_OK;
}

enum wc_err wc_state_exact(struct wc_state *s, size_t category, const struct wc_kinds *kinds,
                           struct wc_pixel_figures *figures, bool *done, struct wc_error *err) {
    struct exact e = {.s = s,
                      .category = &s->dataset.category[category],
                      .kinds = kinds,
                      .first = wc_state_first_unit(s, category)};
    uint64_t most = s->config->evaluation.exact_pixels;
    *done = false;
    if (most == 0 || s->config->preprocess.tiling == WC_SHORTEST_CROP)
        return WC_OK;
    enum wc_err rc = survey(&e, err);
    if (rc == WC_OK && e.n_pixels <= most && e.n_pixels < INT_MAX) {
        rc = run(&e, figures, err);
        *done = rc == WC_OK;
    }
    release(&e);
    return rc;
}
