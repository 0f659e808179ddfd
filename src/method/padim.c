/*
 * PaDiM (Defard et al., ICPR 2021): at every position of the first stage's map a Gaussian of the
 * references' embeddings, which are the first three stages side by side (coarser cells repeated) in
 * a random subset of dimensions; a cell's score is its Mahalanobis distance, the image's the
 * maximum of the smoothed map.
 *
 * Few references make the covariance, C = eps I + sum_i x_i x_i^T / (k - 1) with x_i = r_i - mean,
 * one of low rank beside the identity, so that
 *     d^T C^-1 d = (|d|^2 - b^T ((k - 1) eps I + K)^-1 b) / eps,  b_i = x_i d,  K_ij = x_i x_j
 * (Woodbury). All of it follows from the scalar products of the references and the query, which
 * serve every shot and seed; a k x k Cholesky replaces one of 550 x 550. With one reference C is
 * eps I: the original leaves that case undefined (it divides by k - 1).
 *
 * Options (section `padim`): dimensions 100 of a basic network's and 550 of a bottleneck's (the
 * paper's, for ResNet-18 and Wide-ResNet-50-2; fewer where there are not as many), epsilon 0.01
 * (the paper's). The subset is drawn once, from a fixed stream, and is the same for all seeds.
 */
#include "method/classic.h"
#include "method/local.h"

#include "base/alloc.h"
#include "base/hash.h"
#include "base/rng.h"
#include "method/finish.h"
#include "model/backbone.h"

#include <math.h>
#include <omp.h>
#include <string.h>

enum { N_STAGES = 3 };

struct padim {
    struct wc_classic_context c;
    size_t side, n, n_dims; // positions: side^2
    uint16_t *stage;        // (n_dims): where a dimension comes from
    uint32_t *channel;      // (n_dims)
    size_t *variant, n_variants;
    const struct wc_reference_set *refs;
    size_t n_tiles;   // of the references' products
    double *mean;     // (n_tiles, n, n_dims) of all references: the origin that products are from
    double *product;  // (n_tiles, n, refs->n, refs->n)
    float *distance;  // (n_variants, n): of the tile in hand
    double *scratch;  // a thread's: vectors and a Cholesky factor
    size_t n_scratch; // doubles a thread
    float *map, *blurred; // (image_px, image_px)
};

static void close_state(void *state) {
    struct padim *p = state;
    if (!p)
        return;
    void *const taken[] = {p->stage,    p->channel, p->variant, p->mean,   p->product,
                           p->distance, p->scratch, p->map,     p->blurred};
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        wc_free(taken[i]);
    wc_free(p);
}

static enum wc_err choose_dimensions(struct padim *p, struct wc_error *err) {
    static const char stream[] = "padim.dimensions";
    const struct wc_model *b = p->c.backbone;
    size_t total = 0, *perm, asked = (size_t)p->c.config->padim.dimensions;
    for (size_t s = 0; s < N_STAGES; s++)
        total += wc_backbone_channels(b, s);
    if (asked == 0)
        asked = wc_backbone_bottleneck(b) ? 550 : 100;
    p->n_dims = asked < total ? asked : total;
    WC_TRY(WC_NEW(&p->stage, p->n_dims, "padim", err));
    WC_TRY(WC_NEW(&p->channel, p->n_dims, "padim", err));
    WC_TRY(WC_NEW(&perm, total, "padim", err));
    wc_rng_permutation(0, wc_fnv1a64(stream, sizeof stream - 1), total, perm);
    for (size_t j = 0; j < p->n_dims; j++) {
        size_t s = 0, c = perm[j];
        while (c >= wc_backbone_channels(b, s))
            c -= wc_backbone_channels(b, s++);
        p->stage[j] = (uint16_t)s;
        p->channel[j] = (uint32_t)c;
    }
    wc_free(perm);
    return WC_OK;
}

static enum wc_err make(struct padim *p, struct wc_error *err) {
    size_t px = p->c.image_px;
    p->side = wc_backbone_side(p->c.backbone, 0);
    p->n = p->side * p->side;
    WC_TRY(choose_dimensions(p, err));
    WC_TRY(WC_NEW(&p->variant, p->c.plan->n_variants, "padim", err));
    p->n_variants = wc_classic_variants(p->c.plan, &wc_padim, p->variant);
    WC_TRY(WC_NEW(&p->distance, p->n_variants * p->n, "padim", err));
    WC_TRY(WC_NEW(&p->map, px * px, "padim", err));
    return WC_NEW(&p->blurred, px * px, "padim", err);
}

static enum wc_err open_state(const struct wc_classic_context *c, void **state,
                              struct wc_error *err) {
    struct padim *p;
    WC_TRY(WC_NEW(&p, 1, "padim", err));
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
    const struct padim *p = state;
    size_t n_refs = p->refs ? p->refs->n : wc_classic_most_references(p->c.plan);
    return (p->refs ? p->n_tiles : 1) * p->n * (p->n_dims + n_refs * n_refs) * sizeof(double) +
           p->n_scratch * p->c.n_threads * sizeof(double) +
           (p->n_variants * p->n + 2 * p->c.image_px * p->c.image_px) * sizeof(float);
}

// The embedding of position i (n_dims) from a tile's stages.
static void embed(const struct padim *p, const float *const stage[N_STAGES], size_t i,
                  double *out) {
    const float *cell[N_STAGES];
    for (size_t s = 0; s < N_STAGES; s++) {
        size_t side = wc_backbone_side(p->c.backbone, s);
        size_t y = wc_nearest_cell(i / p->side, side, p->side),
               x = wc_nearest_cell(i % p->side, side, p->side);
        cell[s] = stage[s] + (y * side + x) * wc_backbone_channels(p->c.backbone, s);
    }
    for (size_t j = 0; j < p->n_dims; j++)
        out[j] = (double)cell[p->stage[j]][p->channel[j]];
}

// Tile t of a reference; a reference of fewer tiles gives its last.
static void embed_reference(const struct padim *p, const struct wc_reference *r, size_t t, size_t i,
                            double *out) {
    const float *stage[N_STAGES];
    t = t < r->n_tiles ? t : r->n_tiles - 1;
    for (size_t s = 0; s < N_STAGES; s++)
        stage[s] = r->layer[s] + t * wc_backbone_layer_f32(p->c.backbone, s);
    embed(p, stage, i, out);
}

static double dot(const double *a, const double *b, size_t n) {
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t j = 0; j < n; j++)
        sum += a[j] * b[j];
    return sum;
}

static double *my_scratch(const struct padim *p) {
    return p->scratch + (size_t)omp_get_thread_num() * p->n_scratch;
}

// The references' embeddings at position i, less their mean: x (refs->n, n_dims).
static void centre_references(const struct padim *p, size_t t, size_t i, double *x) {
    const double *mean = p->mean + (t * p->n + i) * p->n_dims;
    for (size_t r = 0; r < p->refs->n; r++) {
        embed_reference(p, &p->refs->reference[r], t, i, x + r * p->n_dims);
        for (size_t j = 0; j < p->n_dims; j++)
            x[r * p->n_dims + j] -= mean[j];
    }
}

static void learn_position(struct padim *p, size_t t, size_t i) {
    size_t n_refs = p->refs->n;
    double *x = my_scratch(p), *mean = p->mean + (t * p->n + i) * p->n_dims,
           *product = p->product + (t * p->n + i) * n_refs * n_refs;
    for (size_t r = 0; r < n_refs; r++) {
        embed_reference(p, &p->refs->reference[r], t, i, x);
        for (size_t j = 0; j < p->n_dims; j++)
            mean[j] += x[j] / (double)n_refs;
    }
    centre_references(p, t, i, x);
    for (size_t a = 0; a < n_refs; a++)
        for (size_t b = 0; b < n_refs; b++)
            product[a * n_refs + b] = dot(x + a * p->n_dims, x + b * p->n_dims, p->n_dims);
}

static enum wc_err learn(void *state, const struct wc_reference_set *refs, struct wc_error *err) {
    struct padim *p = state;
    void *const old[] = {p->mean, p->product, p->scratch};
    for (size_t i = 0; i < 3; i++)
        wc_free(old[i]);
    p->mean = p->product = p->scratch = NULL;
    p->refs = refs;
    p->n_tiles = 1;
    for (size_t r = 0; r < refs->n; r++)
        p->n_tiles =
            refs->reference[r].n_tiles > p->n_tiles ? refs->reference[r].n_tiles : p->n_tiles;
    // References' vectors and the query's, its products with them, and a factor with two vectors.
    p->n_scratch = (refs->n + 1) * p->n_dims + refs->n + refs->n * refs->n + 2 * refs->n;
    WC_TRY(WC_NEW(&p->mean, p->n_tiles * p->n * p->n_dims, "padim: means", err));
    WC_TRY(WC_NEW(&p->product, p->n_tiles * p->n * refs->n * refs->n, "padim: products", err));
    WC_TRY(WC_NEW(&p->scratch, p->n_scratch * p->c.n_threads, "padim", err));
    for (size_t t = 0; t < p->n_tiles; t++) {
#pragma omp parallel for schedule(static) num_threads(p->c.n_threads)
        for (size_t i = 0; i < p->n; i++)
            learn_position(p, t, i);
    }
    return WC_OK;
}

/* A tile. */

// b^T A^-1 b by the Cholesky factor of A (k, k), which is overwritten; so is b.
static double quadratic(double *a, size_t k, double *b) {
    double sum = 0;
    for (size_t i = 0; i < k; i++) {
        for (size_t j = 0; j <= i; j++) {
            double v = a[i * k + j] - dot(a + i * k, a + j * k, j);
            a[i * k + j] = i == j ? sqrt(v) : v / a[j * k + j];
        }
        b[i] = (b[i] - dot(a + i * k, b, i)) / a[i * k + i]; // of L y = b
        sum += b[i] * b[i];
    }
    return sum;
}

// The squared Mahalanobis distance from the products g (n_refs, n_refs) of the references, q
// (n_refs) of them with the query, and qq of the query with itself, for a draw of k.
static double mahalanobis(const double *g, size_t n_refs, const double *q, double qq,
                          const size_t *draw, size_t k, double epsilon, double *a, double *b,
                          double *row) {
    double mean_q = 0, mean = 0, n = (double)k;
    for (size_t i = 0; i < k; i++) {
        row[i] = 0;
        for (size_t j = 0; j < k; j++)
            row[i] += g[draw[i] * n_refs + draw[j]] / n;
        mean += row[i] / n;
        mean_q += q[draw[i]] / n;
    }
    double square = qq - 2 * mean_q + mean; // |d|^2
    for (size_t i = 0; i < k; i++) {
        b[i] = q[draw[i]] - mean_q - row[i] + mean;
        for (size_t j = 0; j < k; j++)
            a[i * k + j] = g[draw[i] * n_refs + draw[j]] - row[i] - row[j] + mean +
                           (i == j ? (n - 1) * epsilon : 0);
    }
    if (k > 1)
        square -= quadratic(a, k, b);
    return square > 0 ? square / epsilon : 0;
}

static void look_position(struct padim *p, const float *const stage[N_STAGES], size_t t, size_t i) {
    size_t n_refs = p->refs->n, d = p->n_dims;
    double *x = my_scratch(p), *query = x + n_refs * d, *q = query + d, *a = q + n_refs,
           *b = a + n_refs * n_refs, *row = b + n_refs;
    const double *mean = p->mean + (t * p->n + i) * d,
                 *g = p->product + (t * p->n + i) * n_refs * n_refs;
    embed(p, stage, i, query);
    for (size_t j = 0; j < d; j++)
        query[j] -= mean[j];
    centre_references(p, t, i, x);
    for (size_t r = 0; r < n_refs; r++)
        q[r] = dot(query, x + r * d, d);
    double qq = dot(query, query, d);
    for (size_t v = 0; v < p->n_variants; v++) {
        const struct wc_variant *variant = &p->c.plan->variant[p->variant[v]];
        const size_t *draw = p->refs->draw + variant->i_seed * p->refs->n_draw;
        p->distance[v * p->n + i] = (float)sqrt(mahalanobis(
            g, n_refs, q, qq, draw, (size_t)variant->shot, p->c.config->padim.epsilon, a, b, row));
    }
}

static enum wc_err look(void *state, const struct wc_features *f, const struct wc_features *clip,
                        size_t i_tile, struct wc_error *err) {
    (void)clip;
    struct padim *p = state;
    const float *const stage[N_STAGES] = {f->layer[0], f->layer[1], f->layer[2]};
    size_t t = i_tile < p->n_tiles ? i_tile : p->n_tiles - 1;
    (void)err;
#pragma omp parallel for schedule(static) num_threads(p->c.n_threads)
    for (size_t i = 0; i < p->n; i++)
        look_position(p, stage, t, i);
    return WC_OK;
}

static double score(void *state, size_t i_variant, float *grid) {
    struct padim *p = state;
    size_t v = 0, px = p->c.image_px;
    double most = 0;
    while (p->variant[v] != i_variant)
        v++;
    memcpy(grid, p->distance + v * p->n, p->n * sizeof *grid);
    wc_variant_map(&p->c.plan->variant[i_variant], px, grid, p->map, p->blurred);
    for (size_t i = 0; i < px * px; i++)
        most = (double)p->map[i] > most ? (double)p->map[i] : most;
    return most;
}

const struct wc_classic wc_padim = {
    .want = WC_WANT_LAYER(0) | WC_WANT_LAYER(1) | WC_WANT_LAYER(2),
    .first_stage = 0,
    .n_levels = 1,
    .open = open_state,
    .close = close_state,
    .learn = learn,
    .look = look,
    .score = score,
    .bytes = bytes,
};
