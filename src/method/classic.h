/*
 * The few-shot classics (PatchCore, PaDiM, SPADE): methods on a backbone's features, which know
 * normal images alone and read no text.
 *
 * Each is a row of functions. What a category's references teach is kept until the references
 * change; a tile's features are looked at once for all variants, that is for all shots and seeds.
 */
#ifndef WC_METHOD_CLASSIC_H
#define WC_METHOD_CLASSIC_H

#include "image/tiles.h"
#include "method/association.h"
#include "method/plan.h"

struct wc_classic_context {
    const struct wc_model *backbone; // NULL: none of the plan's methods reads one
    const struct wc_model *model;    // CLIP
    const struct wc_plan *plan;
    const struct wc_config *config; // the methods' options
    unsigned n_threads;
    size_t image_px;
    void (*progress)(void *); // as in a workspace
    void *progress_data;
};

struct wc_classic {
    unsigned want;      // of the backbone (model/backbone.h); 0: it reads none
    unsigned clip_want; // of CLIP's image tower
    size_t first_stage; // grids of a variant: of the sides of stages [first, first + n_levels)
    size_t n_levels;
    // A state for the plan's variants of this method.
    enum wc_err (*open)(const struct wc_classic_context *c, void **state, struct wc_error *err);
    void (*close)(void *state);
    // The references of the category in hand are these from now on. They stay valid until the next
    // call.
    enum wc_err (*learn)(void *state, const struct wc_reference_set *refs, struct wc_error *err);
    // Tile i_tile of a query: features of the backbone, and of CLIP.
    enum wc_err (*look)(void *state, const struct wc_features *f, const struct wc_features *clip,
                        size_t i_tile, struct wc_error *err);
    // The tile in hand: the variant's grids, one after the other, and its image score.
    double (*score)(void *state, size_t i_variant, float *grid);
    // What it holds, or would once it has learnt of references of one tile.
    size_t (*bytes)(const void *state);
};
extern const struct wc_classic wc_patchcore, wc_patchcore_vit_hidden, wc_patchcore_vit_last,
    wc_padim, wc_spade;

// The most distinct references that a category can have.
size_t wc_classic_most_references(const struct wc_plan *plan);
// Variants of a plan that a classic serves: their indices into `index` (n_variants), count
// returned.
size_t wc_classic_variants(const struct wc_plan *plan, const struct wc_classic *classic,
                           size_t *index);

/* Private to method: all classics of a plan behind the scorer. */

struct wc_classics;
enum wc_err wc_classics_new(const struct wc_classic_context *context, struct wc_classics **out,
                            struct wc_error *err);
void wc_classics_free(struct wc_classics **c);
size_t wc_classics_bytes(const struct wc_classics *c);
// Tile i of a resized picture through the backbone, if there is one; with `refs`, through the
// methods too. `clip`: its features of CLIP.
enum wc_err wc_classics_look(struct wc_classics *c, const struct wc_features *clip,
                             const struct wc_tiling *t, const struct wc_image *resized, size_t i,
                             const struct wc_reference_set *refs, struct wc_error *err);
const struct wc_features *wc_classics_features(const struct wc_classics *c);
double wc_classics_score(struct wc_classics *c, size_t i_variant, float *grid);
struct wc_workspace *wc_classics_workspace(struct wc_classics *c);

/*
 * Greedy k-center coreset (Sener and Savarese 2018; PatchCore, algorithm 1): from `start` on,
 * always the row that is farthest from those taken. x: rows of `width` floats, of which row[0..n)
 * take part; out (m): positions in row[], `start` first. distance (n): scratch.
 */
void wc_greedy_coreset(const float *x, size_t width, const size_t *row, size_t n, size_t start,
                       size_t m, unsigned n_threads, float *distance, size_t *out);

#endif
