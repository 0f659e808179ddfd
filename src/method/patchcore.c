/*
 * PatchCore (Roth et al., CVPR 2022): the distance of a patch to the nearest of a coreset of normal
 * patches. A patch is a cell of the second stage: the 3 x 3 mean around it, beside that of the
 * third stage resampled to it (section 3.1). The image score is the farthest patch's, weighted by
 * how crowded its neighbour is (eq. 7).
 *
 * On CLIP (supplement, table 8) a patch is the 3 x 3 mean around a token: after blocks 6 and 9 of
 * 12, side by side, or after the last. The paper names the layers and nothing else.
 *
 * Options (section `patchcore`): coreset 0.1 of the patches, random projection to 128 dimensions
 * while the coreset is chosen (both as the authors' released code), 9 neighbours in eq. 7
 * (anomalib; the paper names no number). Start and projection are drawn from fixed streams.
 */
#include "method/classic.h"
#include "method/local.h"

#include "base/alloc.h"
#include "base/hash.h"
#include "base/rng.h"
#include "model/backbone.h"
#include "tensor/gemm.h"

#include <math.h>
#include <string.h>

enum { STAGE = 1 }; // the second of the backbone, index from 0; the third beside it

struct bank {
    float *row;  // (n, width)
    float *norm; // (n)
    size_t n;
};

// Where patches come from: maps of features, all resampled to the first one's side.
enum { MAX_MAPS = 2 };
struct map {
    size_t side, channels;
    size_t i_hidden; // of CLIP's hidden tokens
};

struct patchcore {
    struct wc_classic_context c;
    const struct wc_classic *self;
    struct map map[MAX_MAPS];
    size_t n_maps;
    size_t side, n, width; // patches of a tile: side^2
    size_t *variant;       // (n_variants): the plan's
    size_t n_variants;
    struct bank *bank; // (n_variants)
    float *pooled;     // the largest map
    float *patch;      // (n, width): of the tile in hand
    float *block;
    struct wc_near *near; // (n)
};

static bool reads_clip(const struct patchcore *p) {
    return p->self->clip_want != 0;
}

static size_t map_f32(const struct map *m) {
    return m->side * m->side * m->channels;
}

// The neighbourhoods of all cells: out (n, width).
static void embed(const struct patchcore *p, const float *const from[MAX_MAPS], float *out) {
    for (size_t i = 0; i < p->n_maps; out += p->map[i++].channels) {
        const struct map *m = &p->map[i];
        wc_pool3(from[i], m->side, m->channels, p->c.n_threads, p->pooled);
        wc_resample(p->pooled, m->side, m->channels, p->side, p->c.n_threads, out, p->width);
    }
}

static void release_banks(struct patchcore *p) {
    for (size_t i = 0; p->bank && i < p->n_variants; i++) {
        wc_free(p->bank[i].row);
        wc_free(p->bank[i].norm);
        p->bank[i] = (struct bank){0};
    }
}

static void close_state(void *state) {
    struct patchcore *p = state;
    if (!p)
        return;
    release_banks(p);
    void *const taken[] = {p->variant, p->bank, p->pooled, p->patch, p->block, p->near};
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        wc_free(taken[i]);
    wc_free(p);
}

// Two stages of the backbone; CLIP's tokens at half and three quarters of its depth, or its last.
static void list_maps(struct patchcore *p) {
    const struct wc_model *b = p->c.backbone;
    if (!reads_clip(p)) {
        p->n_maps = 2;
        for (size_t i = 0; i < 2; i++)
            p->map[i] =
                (struct map){wc_backbone_side(b, STAGE + i), wc_backbone_channels(b, STAGE + i), 0};
        return;
    }
    const struct wc_arch *a = wc_model_arch(p->c.model);
    bool last = p->self == &wc_patchcore_vit_last;
    p->n_maps = last ? 1 : 2;
    for (size_t i = 0; i < p->n_maps; i++)
        p->map[i] = (struct map){wc_arch_grid(a), wc_arch_token_width(a), last ? WC_HIDDEN - 1 : i};
}

static enum wc_err make(struct patchcore *p, struct wc_error *err) {
    size_t largest = 0;
    list_maps(p);
    p->side = p->map[0].side;
    p->n = p->side * p->side;
    for (size_t i = 0; i < p->n_maps; i++) {
        p->width += p->map[i].channels;
        largest = map_f32(&p->map[i]) > largest ? map_f32(&p->map[i]) : largest;
    }
    WC_TRY(WC_NEW(&p->variant, p->c.plan->n_variants, "patchcore", err));
    p->n_variants = wc_classic_variants(p->c.plan, p->self, p->variant);
    WC_TRY(WC_NEW(&p->bank, p->n_variants, "patchcore", err));
    WC_TRY(WC_NEW(&p->pooled, largest, "patchcore", err));
    WC_TRY(WC_NEW(&p->patch, p->n * p->width, "patchcore", err));
    WC_TRY(WC_NEW(&p->block, (size_t)p->c.n_threads * WC_NEAREST_CHUNK * WC_NEAREST_BLOCK,
                  "patchcore", err));
    return WC_NEW(&p->near, p->n, "patchcore", err);
}

static enum wc_err open_as(const struct wc_classic *self, const struct wc_classic_context *c,
                           void **state, struct wc_error *err) {
    struct patchcore *p;
    WC_TRY(WC_NEW(&p, 1, "patchcore", err));
    p->c = *c;
    p->self = self;
    enum wc_err rc = make(p, err);
    if (rc != WC_OK) {
        close_state(p);
        return rc;
    }
    *state = p;
    return WC_OK;
}

static enum wc_err open_backbone(const struct wc_classic_context *c, void **state,
                                 struct wc_error *err) {
    return open_as(&wc_patchcore, c, state, err);
}

static enum wc_err open_hidden(const struct wc_classic_context *c, void **state,
                               struct wc_error *err) {
    return open_as(&wc_patchcore_vit_hidden, c, state, err);
}

static enum wc_err open_last(const struct wc_classic_context *c, void **state,
                             struct wc_error *err) {
    return open_as(&wc_patchcore_vit_last, c, state, err);
}

static size_t bytes(const void *state) {
    const struct patchcore *p = state;
    size_t n = p->n * (p->width + 2);
    for (size_t i = 0; i < p->n_variants; i++) {
        size_t patches = (size_t)p->c.plan->variant[p->variant[i]].shot * p->n;
        size_t expected = (size_t)((double)patches * p->c.config->patchcore.coreset);
        n += (p->bank[i].n > 0 ? p->bank[i].n : expected) * (p->width + 1);
    }
    return n * sizeof(float);
}

/* The banks. */

void wc_greedy_coreset(const float *x, size_t width, const size_t *row, size_t n, size_t start,
                       size_t m, unsigned n_threads, float *distance, size_t *out) {
    size_t taken = start;
    for (size_t i = 0; i < n; i++)
        distance[i] = INFINITY;
    for (size_t k = 0; k < m; k++) {
        const float *centre = x + row[taken] * width;
        out[k] = taken;
#pragma omp parallel for schedule(static) num_threads(n_threads)
        for (size_t i = 0; i < n; i++) {
            float d = wc_square_distance(x + row[i] * width, centre, width);
            distance[i] = d < distance[i] ? d : distance[i];
        }
        for (size_t i = taken = 0; i < n; i++)
            taken = distance[i] > distance[taken] ? i : taken;
    }
}

// What learning needs for a while. Rows are the patches of all references, tile by tile.
struct lesson {
    const struct wc_reference_set *refs;
    size_t *first;   // (refs->n + 1): the references' first rows
    size_t n_small;  // dimensions while choosing
    float *matrix;   // (n_small, width), NULL: no projection
    float *small;    // (rows, n_small)
    size_t *row;     // rows of the variant in hand
    float *distance; // likewise
    size_t **chosen; // (n_variants): the banks' rows
};

static void release_lesson(const struct patchcore *p, struct lesson *l) {
    for (size_t i = 0; l->chosen && i < p->n_variants; i++)
        wc_free(l->chosen[i]);
    void *const taken[] = {l->first, l->matrix, l->small, l->row, l->distance, l->chosen};
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        wc_free(taken[i]);
}

// Uniform entries of variance 1 / n_small keep squared lengths in the mean.
static enum wc_err make_matrix(const struct patchcore *p, struct lesson *l, struct wc_error *err) {
    static const char stream[] = "patchcore.projection";
    uint64_t key = wc_fnv1a64(stream, sizeof stream - 1);
    double scale = sqrt(3.0 / (double)l->n_small);
    WC_TRY(WC_NEW(&l->matrix, l->n_small * p->width, "patchcore: projection", err));
    for (size_t i = 0; i < l->n_small * p->width; i++) {
        uint64_t z = wc_rng_mix(key + (i + 1) * WC_RNG_GAMMA);
        l->matrix[i] = (float)(scale * (((double)(z >> 40) - 0x1p23) * 0x1p-23));
    }
    return WC_OK;
}

static enum wc_err begin_lesson(const struct patchcore *p, const struct wc_reference_set *refs,
                                struct lesson *l, struct wc_error *err) {
    uint64_t asked = p->c.config->patchcore.projection;
    l->refs = refs;
    l->n_small = asked > 0 && asked < p->width ? (size_t)asked : p->width;
    WC_TRY(WC_NEW(&l->first, refs->n + 1, "patchcore", err));
    for (size_t r = 0; r < refs->n; r++)
        l->first[r + 1] = l->first[r] + refs->reference[r].n_tiles * p->n;
    size_t n_rows = l->first[refs->n];
    WC_TRY(WC_NEW(&l->small, n_rows * l->n_small, "patchcore: patches of the references", err));
    WC_TRY(WC_NEW(&l->row, n_rows, "patchcore", err));
    WC_TRY(WC_NEW(&l->distance, n_rows, "patchcore", err));
    WC_TRY(WC_NEW(&l->chosen, p->n_variants, "patchcore", err));
    return l->n_small < p->width ? make_matrix(p, l, err) : WC_OK;
}

// The patches of tile t of a reference: p->patch.
static void embed_reference(struct patchcore *p, const struct wc_reference *r, size_t t) {
    const float *from[MAX_MAPS] = {NULL};
    for (size_t i = 0; i < p->n_maps; i++) {
        const struct map *m = &p->map[i];
        from[i] = reads_clip(p) ? r->hidden + (t * WC_HIDDEN + m->i_hidden) * map_f32(m)
                                : r->layer[STAGE + i] + t * map_f32(m);
    }
    embed(p, from, p->patch);
}

static void project(const struct patchcore *p, const struct lesson *l, float *out) {
    size_t n_chunks = (p->n + WC_NEAREST_CHUNK - 1) / WC_NEAREST_CHUNK;
    if (!l->matrix) {
        memcpy(out, p->patch, p->n * p->width * sizeof *out);
        return;
    }
#pragma omp parallel for schedule(static) num_threads(p->c.n_threads)
    for (size_t i = 0; i < n_chunks; i++) {
        size_t first = i * p->n / n_chunks, end = (i + 1) * p->n / n_chunks;
        wc_gemm_nt(end - first, l->n_small, p->width, p->patch + first * p->width, p->width,
                   l->matrix, p->width, false, out + first * l->n_small, l->n_small);
    }
}

// The rows of variant i's bank, chosen among those of its draw.
static enum wc_err choose(struct patchcore *p, struct lesson *l, size_t i, struct wc_error *err) {
    static const char stream[] = "patchcore.start";
    const struct wc_variant *v = &p->c.plan->variant[p->variant[i]];
    const size_t *draw = l->refs->draw + v->i_seed * l->refs->n_draw;
    uint64_t state = wc_fnv1a64(stream, sizeof stream - 1);
    size_t n = 0;
    for (size_t k = 0; k < (size_t)v->shot; k++)
        for (size_t r = l->first[draw[k]]; r < l->first[draw[k] + 1]; r++)
            l->row[n++] = r;
    size_t m = (size_t)((double)n * p->c.config->patchcore.coreset);
    m = m > 0 ? m : 1;
    p->bank[i].n = m;
    WC_TRY(WC_NEW(&l->chosen[i], m, "patchcore: coreset", err));
    if (m == n) {
        memcpy(l->chosen[i], l->row, n * sizeof *l->row);
        return WC_OK;
    }
    wc_greedy_coreset(l->small, l->n_small, l->row, n, (size_t)wc_rng_below(&state, n), m,
                      p->c.n_threads, l->distance, l->chosen[i]);
    for (size_t k = 0; k < m; k++)
        l->chosen[i][k] = l->row[l->chosen[i][k]];
    return WC_OK;
}

// Rows [first, first + n) of the references lie in p->patch: to the banks that chose them.
static void deliver(struct patchcore *p, const struct lesson *l, size_t first) {
    for (size_t i = 0; i < p->n_variants; i++)
        for (size_t k = 0; k < p->bank[i].n; k++) {
            size_t r = l->chosen[i][k];
            if (r >= first && r < first + p->n)
                memcpy(p->bank[i].row + k * p->width, p->patch + (r - first) * p->width,
                       p->width * sizeof(float));
        }
}

static enum wc_err fill_banks(struct patchcore *p, struct lesson *l, struct wc_error *err) {
    for (size_t r = 0; r < l->refs->n; r++)
        for (size_t t = 0; t < l->refs->reference[r].n_tiles; t++) {
            embed_reference(p, &l->refs->reference[r], t);
            project(p, l, l->small + (l->first[r] + t * p->n) * l->n_small);
        }
    for (size_t i = 0; i < p->n_variants; i++) {
        WC_TRY(choose(p, l, i, err));
        struct bank *b = &p->bank[i];
        WC_TRY(WC_NEW(&b->row, b->n * p->width, "patchcore: bank", err));
        WC_TRY(WC_NEW(&b->norm, b->n, "patchcore: bank", err));
    }
    for (size_t r = 0; r < l->refs->n; r++)
        for (size_t t = 0; t < l->refs->reference[r].n_tiles; t++) {
            embed_reference(p, &l->refs->reference[r], t);
            deliver(p, l, l->first[r] + t * p->n);
        }
    for (size_t i = 0; i < p->n_variants; i++)
        wc_row_norms(p->bank[i].row, p->bank[i].n, p->width, p->bank[i].norm);
    return WC_OK;
}

static enum wc_err learn(void *state, const struct wc_reference_set *refs, struct wc_error *err) {
    struct patchcore *p = state;
    struct lesson l = {0};
    release_banks(p);
    enum wc_err rc = begin_lesson(p, refs, &l, err);
    if (rc == WC_OK)
        rc = fill_banks(p, &l, err);
    release_lesson(p, &l);
    return rc;
}

/* A tile. */

static enum wc_err look(void *state, const struct wc_features *f, const struct wc_features *clip,
                        size_t i_tile, struct wc_error *err) {
    struct patchcore *p = state;
    const float *from[MAX_MAPS] = {NULL};
    (void)i_tile;
    (void)err;
    for (size_t i = 0; i < p->n_maps; i++)
        from[i] = reads_clip(p) ? clip->hidden + p->map[i].i_hidden * map_f32(&p->map[i])
                                : f->layer[STAGE + i];
    embed(p, from, p->patch);
    return WC_OK;
}

// Eq. 7: the distance s of the farthest patch times 1 - the softmax of its distances to the
// neighbours of its nearest row m*, at m*.
static double weighted(struct patchcore *p, const struct bank *b, size_t farthest) {
    size_t n_near = (size_t)p->c.config->patchcore.neighbours, nearest = p->near[farthest].index;
    const float *query = p->patch + farthest * p->width, *centre = b->row + nearest * p->width;
    double s = sqrt((double)p->near[farthest].square), sum = 0;
    float last = -1; // squared distance to the centre of the neighbour taken last
    size_t i_last = 0, taken = 0;
    n_near = n_near < b->n ? n_near : b->n;
    if (n_near <= 1)
        return s;
    while (taken < n_near) { // the next in the order of distance, then of index
        float next = INFINITY;
        size_t i_next = b->n;
        for (size_t i = 0; i < b->n; i++) {
            float d =
                i == nearest ? 0 : wc_square_distance(centre, b->row + i * p->width, p->width);
            bool after = d > last || (d >= last && i > i_last);
            if (after && d < next) {
                next = d;
                i_next = i;
            }
        }
        if (i_next == b->n) // not finite: nothing is nearer than anything
            break;
        double to = sqrt((double)wc_square_distance(query, b->row + i_next * p->width, p->width));
        sum += exp(to - s);
        last = next;
        i_last = i_next;
        taken++;
    }
    return (1 - 1 / sum) * s;
}

static double score(void *state, size_t i_variant, float *grid) {
    struct patchcore *p = state;
    size_t i = 0, farthest = 0;
    while (p->variant[i] != i_variant)
        i++;
    const struct bank *b = &p->bank[i];
    wc_nearest(p->patch, p->n, b->row, b->norm, b->n, p->width, p->c.n_threads, p->block, p->near);
    for (size_t k = 0; k < p->n; k++) {
        grid[k] = sqrtf(p->near[k].square);
        farthest = p->near[k].square > p->near[farthest].square ? k : farthest;
    }
    return weighted(p, b, farthest);
}

const struct wc_classic wc_patchcore = {
    .want = WC_WANT_LAYER(STAGE) | WC_WANT_LAYER(STAGE + 1),
    .first_stage = STAGE,
    .n_levels = 1,
    .open = open_backbone,
    .close = close_state,
    .learn = learn,
    .look = look,
    .score = score,
    .bytes = bytes,
};

const struct wc_classic wc_patchcore_vit_hidden = {
    .clip_want = WC_WANT_HIDDEN,
    .n_levels = 1,
    .open = open_hidden,
    .close = close_state,
    .learn = learn,
    .look = look,
    .score = score,
    .bytes = bytes,
};

const struct wc_classic wc_patchcore_vit_last = {
    .clip_want = WC_WANT_HIDDEN,
    .n_levels = 1,
    .open = open_last,
    .close = close_state,
    .learn = learn,
    .look = look,
    .score = score,
    .bytes = bytes,
};
