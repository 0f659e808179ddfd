// The arrays of a reference image's features: sizes and places, one order for all.
#include "method/scorer.h"

#include "model/backbone.h"

enum {
    WINDOWS = 3,
    LAYERS = WINDOWS + WC_MAX_SCALES,
    POOLED = LAYERS + WC_BACKBONE_LAYERS,
    HIDDEN
};

size_t wc_reference_rows(const struct wc_model *model, const struct wc_request *r, size_t i) {
    size_t g = wc_arch_grid(wc_model_arch(model));
    if (i < WINDOWS)
        return g * g;
    if (i < LAYERS)
        return i - WINDOWS < r->n_scales ? wc_n_windows(g, r->window[i - WINDOWS]) : 0;
    if (i == POOLED)
        return 1;
    if (i == HIDDEN)
        return WC_HIDDEN * g * g;
    size_t side = r->backbone ? wc_backbone_side(r->backbone, i - LAYERS) : 0;
    return side * side;
}

static size_t width(const struct wc_model *model, const struct wc_request *r, size_t i) {
    const struct wc_arch *a = wc_model_arch(model);
    if (i < 2 || i == HIDDEN)
        return wc_arch_token_width(a);
    if (i < LAYERS)
        return a->embed;
    size_t layer = i == POOLED ? WC_BACKBONE_LAYERS - 1 : i - LAYERS;
    return r->backbone ? wc_backbone_channels(r->backbone, layer) : 0;
}

static bool wanted(const struct wc_request *r, size_t i) {
    static const unsigned patch[WINDOWS] = {WC_WANT_PATCH, WC_WANT_PATCH_POST, WC_WANT_PATCH_PROJ};
    if (i < WINDOWS)
        return r->want & patch[i];
    if (i < LAYERS)
        return (r->want & WC_WANT_WINDOWS) && i - WINDOWS < r->n_scales;
    if (i == HIDDEN)
        return r->want & WC_WANT_HIDDEN;
    return r->backbone_want & (i == POOLED ? (unsigned)WC_WANT_POOLED : WC_WANT_LAYER(i - LAYERS));
}

void wc_reference_sizes(const struct wc_model *model, const struct wc_request *r, size_t n_tiles,
                        size_t size[WC_REFERENCE_ARRAYS]) {
    for (size_t i = 0; i < WC_REFERENCE_ARRAYS; i++)
        size[i] = wanted(r, i) ? n_tiles * wc_reference_rows(model, r, i) * width(model, r, i) : 0;
}

const float **wc_reference_slot(struct wc_reference *view, size_t i) {
    if (i < WINDOWS)
        return &view->patch[i + 1];
    if (i < LAYERS)
        return &view->window[i - WINDOWS];
    if (i == HIDDEN)
        return &view->hidden;
    return i == POOLED ? &view->pooled : &view->layer[i - LAYERS];
}

void wc_reference_point(const struct wc_model *model, const struct wc_request *request,
                        size_t n_tiles, const float *block, struct wc_reference *view) {
    size_t size[WC_REFERENCE_ARRAYS];
    wc_reference_sizes(model, request, n_tiles, size);
    *view = (struct wc_reference){.n_tiles = n_tiles};
    for (size_t i = 0; i < WC_REFERENCE_ARRAYS; i++) {
        *wc_reference_slot(view, i) = size[i] > 0 ? block : NULL;
        block += size[i];
    }
}
