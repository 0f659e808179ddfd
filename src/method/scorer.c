#include "method/scorer.h"

#include "base/alloc.h"
#include "image/resize.h"
#include "method/classic.h"
#include "model/relevance.h"
#include "tensor/kernels.h"

#include <math.h>
#include <string.h>

// Query kinds that the association is computed for: patch pre, post, proj, a window side each, and
// caoyunkang's first window against the bank of the smaller side.
#define N_KINDS (3 + WC_MAX_SCALES + 1)
#define KIND_WINDOW(i) (3 + (i))
#define KIND_SHIFTED (N_KINDS - 1)

#define MAX_CROPS 10
#define CROP_MARGIN(px)                                                                            \
    ((px)*256 / 224) // AlexNet's crops of 224 out of 256, which the paper cites (table 3d)

struct wc_scorer {
    const struct wc_model *model;
    const struct wc_plan *plan;
    enum wc_tile_mode tile_mode;
    size_t g, e, d, image_px;
    struct wc_workspace *workspace;
    float *pixels; // (3, S, S)
    struct wc_features features, reference_features,
        image_features;               // the last: an image embedding alone
    float *tile[WC_MAX_SCALES];       // (n_windows(k), e): image tiles through the encoder, where a
                                      // variant asks for them
    float *crop;                      // (MAX_CROPS, e)
    float *best[N_KINDS];             // (n_refs, n_q) each, grown as references need
    size_t cap_best[N_KINDS];         // floats
    float *block;                     // a block of similarities
    double *s, *map, *m0, *mw, *part; // (n windows), (scales, g g), (g g), (g g), (g g)
    float *upsampled;                 // (400, 400)
    double *score;                    // (n_variants)
    float *grid;                      // (n_variants, n_tiles, g g)
    size_t cap_grid;
    // Trans-MM: of the tile in hand, for the prototypes and temperature below; variants share it.
    struct wc_relevance *relevance;   // NULL: no variant asks for it
    float *relevant[2];               // (g g): over all blocks, of the last
    const float *relevance_prototype; // NULL: not computed yet
    double relevance_tau;
    struct wc_classics *classics; // NULL: no variant is one of them
    size_t n_bytes;
};

/* Set-up. */

static enum wc_err alloc_f32(struct wc_scorer *s, float **out, size_t n, struct wc_error *err) {
    s->n_bytes += n * sizeof(float);
    return WC_NEW(out, n, "scorer", err);
}

static enum wc_err alloc_f64(struct wc_scorer *s, double **out, size_t n, struct wc_error *err) {
    s->n_bytes += n * sizeof(double);
    return WC_NEW(out, n, "scorer", err);
}

static enum wc_err set_up(struct wc_scorer *s, const struct wc_scorer_options *o,
                          struct wc_error *err) {
    const struct wc_plan *p = s->plan;
    const struct wc_request image = {.want = WC_WANT_IMAGE};
    size_t cells = s->g * s->g;
    WC_TRY(wc_workspace_new(s->model, o->n_threads, o->progress, o->progress_data, &s->workspace,
                            err));
    WC_TRY(wc_features_init(s->model, &p->request, &s->features, err));
    if (p->reference.want)
        WC_TRY(wc_features_init(s->model, &p->reference, &s->reference_features, err));
    if (p->crops != WC_CROP_NONE || p->tiles)
        WC_TRY(wc_features_init(s->model, &image, &s->image_features, err));
    if (p->crops != WC_CROP_NONE)
        WC_TRY(alloc_f32(s, &s->crop, MAX_CROPS * s->e, err));
    for (size_t i = 0; p->tiles && i < p->request.n_scales; i++)
        WC_TRY(alloc_f32(s, &s->tile[i], wc_n_windows(s->g, p->request.window[i]) * s->e, err));
    WC_TRY(alloc_f32(s, &s->pixels, 3 * s->image_px * s->image_px, err));
    WC_TRY(alloc_f32(s, &s->block, cells * WC_REFERENCE_BLOCK, err));
    WC_TRY(alloc_f32(s, &s->upsampled, (size_t)WC_MAP_MAX_SIDE * WC_MAP_MAX_SIDE, err));
    WC_TRY(alloc_f64(s, &s->s, cells, err));
    WC_TRY(alloc_f64(s, &s->map, WC_MAX_SCALES * cells, err));
    WC_TRY(alloc_f64(s, &s->m0, cells, err));
    WC_TRY(alloc_f64(s, &s->mw, cells, err));
    WC_TRY(alloc_f64(s, &s->part, cells, err));
    WC_TRY(alloc_f64(s, &s->score, p->n_variants, err));
    s->n_bytes += (s->features.n_floats + s->reference_features.n_floats) * sizeof(float);
    if (p->request.want & WC_WANT_TRACE) {
        WC_TRY(wc_relevance_new(s->model, &s->relevance, err));
        s->n_bytes += wc_relevance_bytes(s->relevance);
        for (size_t i = 0; i < 2; i++)
            WC_TRY(alloc_f32(s, &s->relevant[i], cells, err));
    }
    if ((p->request.want & WC_WANT_HIDDEN) && wc_model_arch(s->model)->family != WC_VIT)
        return WC_FAIL(err, WC_ERR_CONFIG,
                       "patchcore_vit_hidden, patchcore_vit_last: %s is no vision transformer",
                       wc_model_arch(s->model)->name);
    if (!wc_plan_has_classics(p))
        return WC_OK;
    if (wc_plan_needs_backbone(p) && !p->request.backbone)
        return WC_FAIL(
            err, WC_ERR_CONFIG,
            "patchcore, padim and spade belong to a run: this command opens no backbone");
    const struct wc_classic_context context = {.backbone = p->request.backbone,
                                               .model = s->model,
                                               .plan = p,
                                               .config = p->config,
                                               .n_threads = o->n_threads,
                                               .image_px = s->image_px,
                                               .progress = o->progress,
                                               .progress_data = o->progress_data};
    return wc_classics_new(&context, &s->classics, err);
}

enum wc_err wc_scorer_new(const struct wc_model *model, const struct wc_plan *plan,
                          const struct wc_scorer_options *options, struct wc_scorer **out,
                          struct wc_error *err) {
    struct wc_scorer *s;
    const struct wc_arch *arch = wc_model_arch(model);
    WC_TRY(WC_NEW(&s, 1, "scorer", err));
    s->model = model;
    s->plan = plan;
    s->tile_mode = options->tile_mode;
    s->g = wc_arch_grid(arch);
    s->e = arch->embed;
    s->d = wc_arch_token_width(arch);
    s->image_px = arch->image_px;
    enum wc_err rc = set_up(s, options, err);
    if (rc != WC_OK) {
        wc_scorer_free(&s);
        return rc;
    }
    *out = s;
    return WC_OK;
}

void wc_scorer_free(struct wc_scorer **scorer) {
    struct wc_scorer *s = *scorer;
    if (!s)
        return;
    wc_workspace_free(&s->workspace);
    wc_classics_free(&s->classics);
    wc_relevance_free(&s->relevance);
    wc_free(s->relevant[0]);
    wc_free(s->relevant[1]);
    wc_features_release(&s->features);
    wc_features_release(&s->reference_features);
    wc_features_release(&s->image_features);
    for (size_t i = 0; i < WC_MAX_SCALES; i++)
        wc_free(s->tile[i]);
    for (size_t i = 0; i < N_KINDS; i++)
        wc_free(s->best[i]);
    wc_free(s->crop);
    wc_free(s->pixels);
    wc_free(s->block);
    wc_free(s->upsampled);
    wc_free(s->s);
    wc_free(s->map);
    wc_free(s->m0);
    wc_free(s->mw);
    wc_free(s->part);
    wc_free(s->score);
    wc_free(s->grid);
    wc_free(s);
    *scorer = NULL;
}

struct wc_workspace *wc_scorer_workspace(struct wc_scorer *scorer) {
    return scorer->workspace;
}

size_t wc_scorer_bytes(const struct wc_scorer *s) {
    return s->n_bytes + wc_workspace_bytes(s->workspace) +
           (s->classics ? wc_classics_bytes(s->classics) : 0);
}

/* Features. */

static void to_unit_rows(const struct wc_scorer *s, const struct wc_request *r,
                         struct wc_features *f) {
    size_t cells = s->g * s->g;
    if (f->image)
        wc_l2_normalise(1, s->e, f->image, s->e);
    if (f->patch)
        wc_l2_normalise(cells, s->d, f->patch, s->d);
    if (f->patch_post)
        wc_l2_normalise(cells, s->d, f->patch_post, s->d);
    float *const projected[] = {f->patch_proj, f->patch_plain, f->value, f->value_mlp};
    for (size_t i = 0; i < sizeof projected / sizeof *projected; i++)
        if (projected[i])
            wc_l2_normalise(cells, s->e, projected[i], s->e);
    for (size_t i = 0; i < r->n_scales; i++)
        if (f->window[i])
            wc_l2_normalise(wc_n_windows(s->g, r->window[i]), s->e, f->window[i], s->e);
}

static enum wc_err encode_tile(struct wc_scorer *s, const struct wc_tiling *t,
                               const struct wc_image *resized, size_t i,
                               const struct wc_request *request, struct wc_features *f,
                               struct wc_error *err) {
    if (request->want == 0) // nothing reads CLIP
        return WC_OK;
    wc_tiling_normalise(t, resized, i, wc_clip_mean, wc_clip_std, s->pixels);
    WC_TRY(wc_encode_image(s->model, s->workspace, s->pixels, request, f, err));
    to_unit_rows(s, request, f);
    return WC_OK;
}

// Mirrors pixels (3, S, S) left to right.
static void mirror(float *pixels, size_t side) {
    for (size_t row = 0; row < 3 * side; row++)
        for (size_t x = 0; x < side / 2; x++) {
            float *a = &pixels[row * side + x], *b = &pixels[row * side + side - 1 - x], swap = *a;
            *a = *b;
            *b = swap;
        }
}

// Unit embeddings of the corners' and the centre's crop, then of their mirrors: s->crop.
static enum wc_err encode_crops(struct wc_scorer *s, const struct wc_image *image,
                                struct wc_error *err) {
    const struct wc_request request = {.want = WC_WANT_IMAGE};
    struct wc_tiling t;
    struct wc_image resized = {0};
    size_t px = s->image_px, n = s->plan->crops == WC_CROP_TEN ? 10 : 5;
    // The larger picture as shortest edge; only its size is taken from this plan, the tiles are the
    // crops.
    WC_TRY(wc_tiling_plan(image->width_px, image->height_px, CROP_MARGIN(px), WC_SHORTEST_CROP, &t,
                          err));
    WC_TRY(wc_tiling_resize(&t, image, &resized, err));
    size_t right = t.resized_width_px - px, bottom = t.resized_height_px - px;
    const size_t left_of[5] = {0, right, 0, right, (size_t)nearbyint((double)right / 2)};
    const size_t top_of[5] = {0, 0, bottom, bottom, (size_t)nearbyint((double)bottom / 2)};
    t.size_px = px;
    t.n_tiles = 5;
    memcpy(t.left_px, left_of, sizeof left_of);
    memcpy(t.top_px, top_of, sizeof top_of);
    enum wc_err rc = WC_OK;
    for (size_t i = 0; i < n && rc == WC_OK; i++) {
        wc_tiling_normalise(&t, &resized, i % 5, wc_clip_mean, wc_clip_std, s->pixels);
        if (i >= 5)
            mirror(s->pixels, px);
        rc = wc_encode_image(s->model, s->workspace, s->pixels, &request, &s->image_features, err);
        if (rc == WC_OK)
            memcpy(s->crop + i * s->e, s->image_features.image, s->e * sizeof(float));
    }
    wc_image_release(&resized);
    if (rc == WC_OK)
        wc_l2_normalise(n, s->e, s->crop, s->e);
    return rc;
}

// Table 8, "Image tiling": every window's piece of the picture resized to the input (8-bit,
// bicubic) and put through the whole encoder. Tile and stride are the window's, as the paper names
// no others.
static enum wc_err encode_image_tiles(struct wc_scorer *s, const struct wc_tiling *t,
                                      const struct wc_image *resized, size_t i_tile,
                                      struct wc_error *err) {
    const struct wc_request request = {.want = WC_WANT_IMAGE};
    size_t patch_px = s->image_px / s->g;
    for (size_t i = 0; i < s->plan->request.n_scales; i++) {
        size_t k = s->plan->request.window[i], across = s->g - k + 1;
        for (size_t j = 0; j < across * across; j++) {
            struct wc_tiling cut = *t, whole;
            struct wc_image piece = {0}, large = {0};
            cut.size_px = k * patch_px;
            cut.left_px[0] = t->left_px[i_tile] + j % across * patch_px;
            cut.top_px[0] = t->top_px[i_tile] + j / across * patch_px;
            WC_TRY(wc_tiling_cut(&cut, resized, 0, &piece, err));
            enum wc_err rc =
                wc_image_resize(&piece, s->image_px, s->image_px, WC_FILTER_BICUBIC, &large, err);
            wc_image_release(&piece);
            if (rc == WC_OK)
                rc = wc_tiling_plan(s->image_px, s->image_px, s->image_px, WC_TILES, &whole, err);
            if (rc == WC_OK) {
                wc_tiling_normalise(&whole, &large, 0, wc_clip_mean, wc_clip_std, s->pixels);
                rc = wc_encode_image(s->model, s->workspace, s->pixels, &request,
                                     &s->image_features, err);
            }
            wc_image_release(&large);
            WC_TRY(rc);
            memcpy(s->tile[i] + j * s->e, s->image_features.image, s->e * sizeof(float));
        }
        wc_l2_normalise(across * across, s->e, s->tile[i], s->e);
    }
    return WC_OK;
}

/* References. */

// A tile's features in the order of a reference's arrays.
static void list_features(const struct wc_scorer *s, const float *from[WC_REFERENCE_ARRAYS]) {
    const struct wc_features *f = &s->reference_features;
    const float *const patch[3] = {f->patch, f->patch_post, f->patch_proj};
    memcpy(from, patch, sizeof patch);
    memcpy(from + 3, f->window, sizeof f->window);
    for (size_t i = 3 + WC_MAX_SCALES; i < WC_REFERENCE_ARRAYS; i++)
        from[i] = NULL;
    from[WC_REFERENCE_ARRAYS - 1] = f->hidden;
    if (!s->classics)
        return;
    f = wc_classics_features(s->classics);
    memcpy(from + 3 + WC_MAX_SCALES, f->layer, sizeof f->layer);
    from[WC_REFERENCE_ARRAYS - 2] = f->pooled;
}

enum wc_err wc_encode_reference(struct wc_scorer *s, const struct wc_image *image,
                                struct wc_reference_features *out, struct wc_error *err) {
    const struct wc_request *r = &s->plan->reference;
    struct wc_tiling t;
    struct wc_image resized = {0};
    struct wc_reference_features made = {0};
    size_t size[WC_REFERENCE_ARRAYS];
    WC_TRY(wc_tiling_plan(image->width_px, image->height_px, s->image_px, s->tile_mode, &t, err));
    WC_TRY(wc_tiling_resize(&t, image, &resized, err));
    wc_reference_sizes(s->model, r, t.n_tiles, size);
    for (size_t i = 0; i < WC_REFERENCE_ARRAYS; i++)
        made.n_floats += size[i];
    enum wc_err rc = WC_NEW(&made.block, made.n_floats, "reference features", err);
    for (size_t i = 0; i < t.n_tiles && rc == WC_OK; i++) {
        rc = encode_tile(s, &t, &resized, i, r, &s->reference_features, err);
        if (rc == WC_OK && s->classics && r->backbone_want)
            rc = wc_classics_look(s->classics, NULL, &t, &resized, i, NULL, err);
        if (rc != WC_OK)
            break;
        const float *from[WC_REFERENCE_ARRAYS];
        list_features(s, from);
        float *to = made.block;
        for (size_t j = 0; j < WC_REFERENCE_ARRAYS; to += size[j++])
            if (size[j] > 0)
                memcpy(to + i * (size[j] / t.n_tiles), from[j],
                       size[j] / t.n_tiles * sizeof(float));
    }
    wc_image_release(&resized);
    if (rc != WC_OK) {
        wc_free(made.block);
        return rc;
    }
    wc_reference_point(s->model, r, t.n_tiles, made.block, &made.view);
    *out = made;
    return WC_OK;
}

void wc_reference_features_release(struct wc_reference_features *f) {
    wc_free(f->block);
    *f = (struct wc_reference_features){0};
}

static size_t side_index(const struct wc_request *r, size_t k) {
    size_t i = 0;
    while (i < r->n_scales && r->window[i] != k)
        i++;
    return i;
}

// best of one kind against all distinct references: s->best[kind] (n_refs, n_q).
static enum wc_err associate(struct wc_scorer *s, size_t kind, const float *query, size_t n_q,
                             size_t width, const struct wc_reference_set *refs,
                             struct wc_error *err) {
    WC_TRY(WC_GROW(&s->best[kind], &s->cap_best[kind], refs->n * n_q, "association", err));
    const struct wc_request *r = &s->plan->request;
    for (size_t i = 0; i < refs->n; i++) {
        const struct wc_reference *ref = &refs->reference[i];
        size_t side = kind == KIND_SHIFTED ? side_index(r, 2) : kind - 3;
        size_t n_rows =
            ref->n_tiles * (kind < 3 ? s->g * s->g : wc_n_windows(s->g, r->window[side]));
        const float *rows = kind < 3 ? ref->patch[kind + 1] : ref->window[side];
        wc_associate(query, n_q, rows, n_rows, width, s->block, s->best[kind] + i * n_q);
    }
    return WC_OK;
}

// One similarity pass over the distinct references, for every kind that a variant needs.
static enum wc_err associate_all(struct wc_scorer *s, const struct wc_reference_set *refs,
                                 struct wc_error *err) {
    const struct wc_plan *p = s->plan;
    const struct wc_features *f = &s->features;
    const float *patch[3] = {f->patch, f->patch_post, f->patch_proj};
    const unsigned want[3] = {WC_WANT_PATCH, WC_WANT_PATCH_POST, WC_WANT_PATCH_PROJ};
    for (size_t i = 0; i < 3; i++)
        if (p->reference.want & want[i])
            WC_TRY(associate(s, i, patch[i], s->g * s->g, i < 2 ? s->d : s->e, refs, err));
    if (!(p->reference.want & WC_WANT_WINDOWS))
        return WC_OK;
    for (size_t i = 0; i < p->request.n_scales; i++)
        WC_TRY(associate(s, KIND_WINDOW(i), f->window[i], wc_n_windows(s->g, p->request.window[i]),
                         s->e, refs, err));
    size_t three = side_index(&p->request, 3), two = side_index(&p->request, 2),
           n = p->request.n_scales;
    if (p->shifted && three < n && two < n)
        WC_TRY(associate(s, KIND_SHIFTED, f->window[three], 1, s->e, refs, err));
    return WC_OK;
}

/* Variants. */

// M_W of eq. 5: mean over the reference scales of eq. 4's scores, windows carried to patches.
static void reference_map(struct wc_scorer *s, const struct wc_variant *v,
                          const struct wc_reference_set *refs) {
    const struct wc_winclip *o = &v->winclip;
    const struct wc_request *r = &s->plan->request;
    size_t cells = s->g * s->g, n_draw = (size_t)v->shot;
    const size_t *draw = refs->draw + v->i_seed * refs->n_draw;
    double n_maps = (double)o->n_reference_windows + (o->reference_patch != WC_PATCH_NONE);
    memset(s->mw, 0, cells * sizeof *s->mw);
    if (o->reference_patch != WC_PATCH_NONE) {
        wc_association_scores(s->best[o->reference_patch - 1], cells, draw, n_draw, s->part);
        for (size_t c = 0; c < cells; c++)
            s->mw[c] += s->part[c] / n_maps;
    }
    for (size_t i = 0; i < o->n_reference_windows; i++) {
        size_t k = o->reference_window[i], side = side_index(r, k);
        wc_association_scores(s->best[KIND_WINDOW(side)], wc_n_windows(s->g, k), draw, n_draw,
                              s->s);
        if (o->reference_shifted && k == 3 && side_index(r, 2) < r->n_scales)
            wc_association_scores(s->best[KIND_SHIFTED], 1, draw, n_draw, s->s);
        wc_winclip_to_patches(s->s, s->g, k, o->reference_aggregation, s->part);
        for (size_t c = 0; c < cells; c++)
            s->mw[c] += s->part[c] / n_maps;
    }
}

// Eq. 1 of the whole image, over crops where the variant asks for them.
static double image_probability(const struct wc_scorer *s, const struct wc_winclip *o,
                                const float *prototype) {
    double z[MAX_CROPS] = {0}, sum = 0;
    if (o->multi_crop == WC_CROP_NONE) {
        wc_winclip_probability(o, s->features.image, 1, s->e, prototype, z);
        return z[0];
    }
    size_t n = o->multi_crop == WC_CROP_TEN ? 10 : 5;
    if (o->crop_average == WC_CROP_SCORE) {
        wc_winclip_probability(o, s->crop, n, s->e, prototype, z);
        for (size_t i = 0; i < n; i++)
            sum += z[i];
        return sum / (double)n;
    }
    float *mean = s->block; // free here: (e) floats
    for (size_t j = 0; j < s->e; j++) {
        sum = 0;
        for (size_t i = 0; i < n; i++)
            sum += (double)s->crop[i * s->e + j];
        mean[j] = (float)sum;
    }
    wc_l2_normalise(1, s->e, mean, s->e);
    wc_winclip_probability(o, mean, 1, s->e, prototype, z);
    return z[0];
}

// The unit embeddings that a variant scores at window side k.
static const float *dense_features(const struct wc_scorer *s, const struct wc_variant *v,
                                   size_t k) {
    size_t side = side_index(&s->plan->request, k);
    switch (v->dense) {
    case WC_DENSE_TILES:
        return s->tile[side];
    case WC_DENSE_PATCH:
        return s->features.patch_proj;
    case WC_DENSE_PATCH_PLAIN:
        return s->features.patch_plain;
    case WC_DENSE_VALUE:
        return s->features.value;
    case WC_DENSE_VALUE_MLP:
        return s->features.value_mlp;
    case WC_DENSE_WINDOWS:
    case WC_DENSE_RELEVANCE:
    case WC_DENSE_RELEVANCE_LAST:
    case WC_DENSE_CLASSIC:
    case WC_DENSE_NONE:
        break;
    }
    return s->features.window[side];
}

// M_0: eq. 1 per window, eq. 3 to patches, then across scales.
static void zero_shot_map(struct wc_scorer *s, const struct wc_variant *v, const float *prototype) {
    const struct wc_winclip *o = &v->winclip;
    double image = 1;
    wc_winclip_probability(o, s->features.image, 1, s->e, prototype, &image);
    for (size_t i = 0; i < o->n_windows; i++) {
        size_t k = o->window[i];
        const float *f = dense_features(s, v, k);
        wc_winclip_probability(o, f, wc_n_windows(s->g, k), s->e, prototype, s->s);
        wc_winclip_to_patches(s->s, s->g, k, o->aggregation, s->map + i * s->g * s->g);
    }
    wc_winclip_fuse_scales(o, s->map, o->n_windows, image, s->g, s->m0);
}

static bool is_relevance(const struct wc_variant *v) {
    return v->dense == WC_DENSE_RELEVANCE || v->dense == WC_DENSE_RELEVANCE_LAST;
}

// Trans-MM's map of the tile in s->features.
static void relevance_map(struct wc_scorer *s, const struct wc_variant *v, const float *prototype,
                          float *grid) {
    double tau = v->winclip.tau;
    bool same = s->relevance_tau <= tau && s->relevance_tau >= tau;
    if (s->relevance_prototype != prototype || !same)
        wc_relevance_run(s->relevance, s->features.trace, prototype, tau, s->relevant[0],
                         s->relevant[1], NULL);
    s->relevance_prototype = prototype;
    s->relevance_tau = tau;
    memcpy(grid, s->relevant[v->dense == WC_DENSE_RELEVANCE_LAST], s->g * s->g * sizeof *grid);
}

// One variant on the tile in s->features: its grid (untouched where it has no map) and its image
// score.
static double score_variant(struct wc_scorer *s, const struct wc_variant *v, const float *prototype,
                            const struct wc_reference_set *refs, float *grid) {
    const struct wc_winclip *o = &v->winclip;
    const double *mw = NULL;
    if (v->one_class)
        return wc_one_class_score(s->features.image, prototype, s->e);
    if (is_relevance(v)) {
        relevance_map(s, v, prototype, grid);
        return image_probability(s, o, prototype);
    }
    if (v->dense != WC_DENSE_NONE)
        zero_shot_map(s, v, prototype);
    if (v->shot > 0) {
        reference_map(s, v, refs);
        mw = s->mw;
    }
    if (v->dense != WC_DENSE_NONE)
        wc_winclip_fuse(o, s->m0, mw, s->g, grid);
    return wc_winclip_image_score(o, image_probability(s, o, prototype), mw, grid, s->g,
                                  s->upsampled);
}

static enum wc_err score_tiles(struct wc_scorer *s, const struct wc_tiling *t,
                               const struct wc_image *resized, const float *prototype,
                               const struct wc_reference_set *refs, struct wc_error *err) {
    const struct wc_plan *p = s->plan;
    size_t n_floats = t->n_tiles * wc_plan_cells(p);
    WC_TRY(WC_GROW(&s->grid, &s->cap_grid, n_floats, "score maps", err));
    memset(s->score, 0, p->n_variants * sizeof *s->score);
    memset(s->grid, 0, n_floats * sizeof *s->grid);
    for (size_t i = 0; i < t->n_tiles; i++) {
        WC_TRY(encode_tile(s, t, resized, i, &p->request, &s->features, err));
        s->relevance_prototype = NULL;
        if (refs && p->reference.want)
            WC_TRY(associate_all(s, refs, err));
        if (p->tiles)
            WC_TRY(encode_image_tiles(s, t, resized, i, err));
        if (s->classics)
            WC_TRY(wc_classics_look(s->classics, &s->features, t, resized, i, refs, err));
        float *grid = s->grid;
        for (size_t v = 0; v < p->n_variants; v++) {
            const struct wc_variant *variant = &p->variant[v];
            const float *proto = prototype + variant->i_recipe * 2 * s->e;
            size_t cells = wc_variant_cells(variant);
            double score = variant->method->classic
                               ? wc_classics_score(s->classics, v, grid + i * cells)
                               : score_variant(s, variant, proto, refs, grid + i * cells);
            s->score[v] += score / (double)t->n_tiles;
            grid += t->n_tiles * cells;
        }
    }
    return WC_OK;
}

// Nothing that is no number leaves here: evaluations would leave it out without a word.
static enum wc_err check_results(const struct wc_scorer *s, size_t n_tiles, struct wc_error *err) {
    const float *grid = s->grid;
    for (size_t v = 0; v < s->plan->n_variants; v++) {
        const struct wc_variant *variant = &s->plan->variant[v];
        size_t n = n_tiles * wc_variant_cells(variant), i = 0;
        while (i < n && isfinite(grid[i]))
            i++;
        if (i < n || !isfinite(s->score[v]))
            return WC_FAULT(err, WC_ERR_DATA, "non-finite",
                            "%s %s, %lld shots: the %s is NaN or infinite", variant->method->name,
                            variant->preset, (long long)variant->shot, i < n ? "map" : "score");
        grid += n;
    }
    return WC_OK;
}

enum wc_err wc_score_image(struct wc_scorer *s, const struct wc_image *image,
                           const float *prototype, const struct wc_reference_set *references,
                           struct wc_result *out, struct wc_error *err) {
    struct wc_tiling t;
    struct wc_image resized = {0};
    if (s->classics && !references)
        return WC_FAIL(err, WC_ERR_BUG, "a method needs references and there are none");
    WC_TRY(wc_tiling_plan(image->width_px, image->height_px, s->image_px, s->tile_mode, &t, err));
    if (s->plan->crops != WC_CROP_NONE)
        WC_TRY(encode_crops(s, image, err));
    WC_TRY(wc_tiling_resize(&t, image, &resized, err));
    enum wc_err rc = score_tiles(s, &t, &resized, prototype, references, err);
    wc_image_release(&resized);
    WC_TRY(rc);
    WC_TRY(check_results(s, t.n_tiles, err));
    *out = (struct wc_result){.tiling = t, .score = s->score, .grid = s->grid};
    return WC_OK;
}
