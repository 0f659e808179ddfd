/*
 * Scorer: one image in, the results of all variants of a plan out.
 *
 * The image is cut into the model's square inputs (image/tiles.h), each is encoded once, and every
 * variant turns the features, the category's prototypes and its references into a grid a tile and
 * one image score. Tiles' scores are averaged (paper, appendix A). A result is a function of image,
 * model and configuration alone.
 *
 * A scorer owns all its scratch memory, sized when it is made; it belongs to one caller at a time.
 */
#ifndef WC_METHOD_SCORER_H
#define WC_METHOD_SCORER_H

#include "image/tiles.h"
#include "method/association.h"
#include "method/plan.h"

struct wc_scorer;

struct wc_scorer_options {
    enum wc_tile_mode tile_mode;
    unsigned n_threads;
    void (*progress)(void *); // between chunks of work; may be NULL
    void *progress_data;
};

// Model and plan must outlive the scorer.
enum wc_err wc_scorer_new(const struct wc_model *model, const struct wc_plan *plan,
                          const struct wc_scorer_options *options, struct wc_scorer **out,
                          struct wc_error *err);
void wc_scorer_free(struct wc_scorer **scorer);
struct wc_workspace *wc_scorer_workspace(struct wc_scorer *scorer); // for text, between images
size_t wc_scorer_bytes(const struct wc_scorer *scorer);

// Valid until the scorer's next call.
struct wc_result {
    struct wc_tiling tiling;
    const double *score; // (n_variants)
    // Variant by variant, each (n_tiles, wc_variant_cells()); where all read CLIP: (n_variants,
    // n_tiles, g * g).
    const float *grid;
};

// prototype (n_recipes, 2, e). `references` may be NULL when the plan has none.
enum wc_err wc_score_image(struct wc_scorer *scorer, const struct wc_image *image,
                           const float *prototype, const struct wc_reference_set *references,
                           struct wc_result *out, struct wc_error *err);

// Features of a reference image, unit rows, tiles stacked: what wc_reference points at. All arrays
// lie in `block`.
struct wc_reference_features {
    struct wc_reference view;
    float *block;
    size_t n_floats;
};
enum wc_err wc_encode_reference(struct wc_scorer *scorer, const struct wc_image *image,
                                struct wc_reference_features *out, struct wc_error *err);
void wc_reference_features_release(struct wc_reference_features *f);

// The arrays of a reference, in this order: patch pre, post, proj; windows; a backbone's layers and
// pooled features; hidden tokens.
#define WC_REFERENCE_ARRAYS (3 + WC_MAX_SCALES + WC_BACKBONE_LAYERS + 2)
// Floats of each array of a reference of n_tiles tiles (0: not wanted), and their rows a tile.
void wc_reference_sizes(const struct wc_model *model, const struct wc_request *request,
                        size_t n_tiles, size_t size[WC_REFERENCE_ARRAYS]);
size_t wc_reference_rows(const struct wc_model *model, const struct wc_request *request, size_t i);
// The place of array i in a view.
const float **wc_reference_slot(struct wc_reference *view, size_t i);
// Points a view into a block of those arrays, one after the other.
void wc_reference_point(const struct wc_model *model, const struct wc_request *request,
                        size_t n_tiles, const float *block, struct wc_reference *view);

#endif
