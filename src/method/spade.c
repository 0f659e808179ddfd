/*
 * SPADE (Cohen and Hoshen 2020): the image score is the mean distance to the K nearest normal
 * images (pooled features of the last stage); a cell's score is the distance to the nearest cell of
 * these K images anywhere, for each of the first three stages; the map is the mean of the three,
 * with equal weights.
 *
 * Option (section `spade`): neighbours 50 (the paper's K for images; all references where there are
 * fewer). One nearest cell counts (the paper's kappa = 1). Distances are Euclidean.
 */
#include "method/classic.h"
#include "method/local.h"

#include "base/alloc.h"
#include "model/backbone.h"

#include <math.h>
#include <string.h>

enum { N_STAGES = 3, LAST = WC_BACKBONE_LAYERS - 1 };

struct spade {
    struct wc_classic_context c;
    size_t *variant, n_variants;
    size_t n_cells; // of the three maps together
    const struct wc_reference_set *refs;
    float *norm[N_STAGES]; // of the references' cells, reference by reference
    struct wc_near *near;  // (the first stage's cells)
    float *block;
    float *distance; // (refs->n, n_cells): of the tile in hand
    float *image;    // (refs->n)
    size_t *order;   // (refs->n)
};

static size_t cells(const struct spade *p, size_t s) {
    return wc_backbone_side(p->c.backbone, s) * wc_backbone_side(p->c.backbone, s);
}

static void release_lesson(struct spade *p) {
    for (size_t s = 0; s < N_STAGES; s++) {
        wc_free(p->norm[s]);
        p->norm[s] = NULL;
    }
    wc_free(p->distance);
    wc_free(p->image);
    wc_free(p->order);
    p->distance = p->image = NULL;
    p->order = NULL;
}

static void close_state(void *state) {
    struct spade *p = state;
    if (!p)
        return;
    release_lesson(p);
    wc_free(p->variant);
    wc_free(p->near);
    wc_free(p->block);
    wc_free(p);
}

static enum wc_err make(struct spade *p, struct wc_error *err) {
    WC_TRY(WC_NEW(&p->variant, p->c.plan->n_variants, "spade", err));
    p->n_variants = wc_classic_variants(p->c.plan, &wc_spade, p->variant);
    for (size_t s = 0; s < N_STAGES; s++)
        p->n_cells += cells(p, s);
    WC_TRY(WC_NEW(&p->near, cells(p, 0), "spade", err));
    return WC_NEW(&p->block, (size_t)p->c.n_threads * WC_NEAREST_CHUNK * WC_NEAREST_BLOCK, "spade",
                  err);
}

static enum wc_err open_state(const struct wc_classic_context *c, void **state,
                              struct wc_error *err) {
    struct spade *p;
    WC_TRY(WC_NEW(&p, 1, "spade", err));
    p->c = *c;
    enum wc_err rc = make(p, err);
    if (rc != WC_OK) {
        close_state(p);
        return rc;
    }
    *state = p;
    return WC_OK;
}

static size_t bytes(const void *state) {
    const struct spade *p = state;
    size_t n_refs = p->refs ? p->refs->n : wc_classic_most_references(p->c.plan);
    return (2 * n_refs * p->n_cells + 2 * cells(p, 0)) * sizeof(float);
}

static enum wc_err learn(void *state, const struct wc_reference_set *refs, struct wc_error *err) {
    struct spade *p = state;
    size_t n_tiles = 0;
    release_lesson(p);
    p->refs = refs;
    for (size_t r = 0; r < refs->n; r++)
        n_tiles += refs->reference[r].n_tiles;
    WC_TRY(WC_NEW(&p->distance, refs->n * p->n_cells, "spade", err));
    WC_TRY(WC_NEW(&p->image, refs->n, "spade", err));
    WC_TRY(WC_NEW(&p->order, refs->n, "spade", err));
    for (size_t s = 0; s < N_STAGES; s++) {
        WC_TRY(WC_NEW(&p->norm[s], n_tiles * cells(p, s), "spade", err));
        float *to = p->norm[s];
        for (size_t r = 0; r < refs->n; r++) {
            size_t n = refs->reference[r].n_tiles * cells(p, s);
            wc_row_norms(refs->reference[r].layer[s], n, wc_backbone_channels(p->c.backbone, s),
                         to);
            to += n;
        }
    }
    return WC_OK;
}

// Every cell of the tile to the nearest cell of reference r, whose first cells' norms are `norm`.
static void compare(struct spade *p, const struct wc_features *f, size_t s,
                    const struct wc_reference *r, const float *norm, float *distance) {
    size_t n = cells(p, s), c = wc_backbone_channels(p->c.backbone, s);
    wc_nearest(f->layer[s], n, r->layer[s], norm, r->n_tiles * n, c, p->c.n_threads, p->block,
               p->near);
    for (size_t i = 0; i < n; i++)
        distance[i] = sqrtf(p->near[i].square);
}

static enum wc_err look(void *state, const struct wc_features *f, const struct wc_features *clip,
                        size_t i_tile, struct wc_error *err) {
    (void)clip;
    struct spade *p = state;
    size_t c = wc_backbone_channels(p->c.backbone, LAST), n_tiles = 0;
    (void)i_tile;
    (void)err;
    for (size_t i = 0; i < p->refs->n; i++) {
        const struct wc_reference *r = &p->refs->reference[i];
        float least = INFINITY, *distance = p->distance + i * p->n_cells;
        for (size_t t = 0; t < r->n_tiles; t++)
            least = fminf(least, wc_square_distance(f->pooled, r->pooled + t * c, c));
        p->image[i] = sqrtf(least);
        for (size_t s = 0; s < N_STAGES; s++) {
            compare(p, f, s, r, p->norm[s] + n_tiles * cells(p, s), distance);
            distance += cells(p, s);
        }
        n_tiles += r->n_tiles;
    }
    return WC_OK;
}

// The draw by distance of the images, equal ones as drawn: p->order.
static void sort_draw(struct spade *p, const size_t *draw, size_t k) {
    for (size_t i = 0; i < k; i++) {
        size_t at = i;
        for (; at > 0 && p->image[p->order[at - 1]] > p->image[draw[i]]; at--)
            p->order[at] = p->order[at - 1];
        p->order[at] = draw[i];
    }
}

static double score(void *state, size_t i_variant, float *grid) {
    struct spade *p = state;
    const struct wc_variant *v = &p->c.plan->variant[i_variant];
    size_t shot = (size_t)v->shot, k = (size_t)p->c.config->spade.neighbours;
    double sum = 0;
    k = k < shot ? k : shot;
    sort_draw(p, p->refs->draw + v->i_seed * p->refs->n_draw, shot);
    for (size_t i = 0; i < p->n_cells; i++)
        grid[i] = INFINITY;
    for (size_t j = 0; j < k; j++) {
        const float *distance = p->distance + p->order[j] * p->n_cells;
        sum += (double)p->image[p->order[j]];
        for (size_t i = 0; i < p->n_cells; i++)
            grid[i] = distance[i] < grid[i] ? distance[i] : grid[i];
    }
    return sum / (double)k;
}

const struct wc_classic wc_spade = {
    .want = WC_WANT_LAYER(0) | WC_WANT_LAYER(1) | WC_WANT_LAYER(2) | WC_WANT_POOLED,
    .first_stage = 0,
    .n_levels = N_STAGES,
    .open = open_state,
    .close = close_state,
    .learn = learn,
    .look = look,
    .score = score,
    .bytes = bytes,
};
