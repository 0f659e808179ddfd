#include "image/tiles.h"

#include "base/alloc.h"
#include "image/resize.h"

#include <assert.h>
#include <string.h>

// round(a / b), halves to even; b > 0.
static size_t round_div(size_t a, size_t b) {
    size_t q = a / b, twice = 2 * (a % b);
    return q + (twice > b || (twice == b && q % 2 == 1));
}

// The paper's appendix A bounds the stride by 0.8 * size = 4 size / 5: n = ceil(5 (L - size) / (4
// size)) + 1.
static size_t n_tiles_along(size_t length, size_t size) {
    return (5 * (length - size) + 4 * size - 1) / (4 * size) + 1;
}

static enum wc_err plan_tiles(struct wc_tiling *t, struct wc_error *err) {
    bool wide = t->resized_width_px >= t->resized_height_px;
    size_t length = wide ? t->resized_width_px : t->resized_height_px;
    size_t rest = length - t->size_px;
    t->n_tiles = n_tiles_along(length, t->size_px);
    if (t->n_tiles > WC_TILES_MAX)
        return WC_FAULT(err, WC_ERR_DATA, "too-large",
                        "picture of %zu x %zu pixels: %zu square tiles, at most %d; sides up to 51 "
                        ": 1 can be tiled, else use squash or a crop",
                        t->image_width_px, t->image_height_px, t->n_tiles, WC_TILES_MAX);
    for (size_t i = 1; i < t->n_tiles; i++)
        (wide ? t->left_px : t->top_px)[i] = round_div(i * rest, t->n_tiles - 1);
    return WC_OK;
}

static enum wc_err plan_crop(struct wc_tiling *t, struct wc_error *err) {
    (void)err;
    t->left_px[0] = round_div(t->resized_width_px - t->size_px, 2);
    t->top_px[0] = round_div(t->resized_height_px - t->size_px, 2);
    return WC_OK;
}

static enum wc_err plan_squash(struct wc_tiling *t, struct wc_error *err) {
    (void)err;
    t->resized_width_px = t->resized_height_px = t->size_px;
    return WC_OK;
}

static enum wc_err (*const PLANS[])(struct wc_tiling *t, struct wc_error *err) = {
    [WC_TILES] = plan_tiles,
    [WC_SHORTEST_CROP] = plan_crop,
    [WC_SQUASH] = plan_squash,
};

enum wc_err wc_tiling_plan(size_t width_px, size_t height_px, size_t size_px,
                           enum wc_tile_mode mode, struct wc_tiling *out, struct wc_error *err) {
    // Far above any model's input; keeps all products of this file and of map.c within 64 bits.
    enum { SIZE_MAX_PX = 1 << 14 };
    if (width_px == 0 || height_px == 0 || size_px == 0 || size_px > SIZE_MAX_PX ||
        width_px > WC_IMAGE_MAX_PIXELS || height_px > WC_IMAGE_MAX_PIXELS)
        return WC_FAIL(err, WC_ERR_USAGE,
                       "picture of %zu x %zu pixels for a model input of %zu: sides of 1 to %u and "
                       "an input of 1 to %d are needed",
                       width_px, height_px, size_px, WC_IMAGE_MAX_PIXELS, SIZE_MAX_PX);
    bool wide = width_px >= height_px;
    size_t longer = wide ? width_px : height_px, shorter = wide ? height_px : width_px;
    size_t resized = size_px * longer / shorter;
    struct wc_tiling t = {.mode = mode,
                          .image_width_px = width_px,
                          .image_height_px = height_px,
                          .size_px = size_px,
                          .resized_width_px = wide ? resized : size_px,
                          .resized_height_px = wide ? size_px : resized,
                          .n_tiles = 1};
    WC_TRY(PLANS[mode](&t, err));
    if (t.resized_width_px * t.resized_height_px > WC_IMAGE_MAX_PIXELS)
        return WC_FAULT(err, WC_ERR_DATA, "too-large",
                        "picture of %zu x %zu pixels: resized to %zu x %zu, at most %u pixels are "
                        "allowed; use squash",
                        width_px, height_px, t.resized_width_px, t.resized_height_px,
                        WC_IMAGE_MAX_PIXELS);
    *out = t;
    return WC_OK;
}

enum wc_err wc_tiling_resize(const struct wc_tiling *plan, const struct wc_image *image,
                             struct wc_image *out, struct wc_error *err) {
    assert(image->width_px == plan->image_width_px && image->height_px == plan->image_height_px);
    return wc_image_resize(image, plan->resized_width_px, plan->resized_height_px,
                           WC_FILTER_BICUBIC, out, err);
}

static const uint8_t *tile_row(const struct wc_tiling *plan, const struct wc_image *resized,
                               size_t i, size_t y) {
    assert(i < plan->n_tiles && resized->width_px == plan->resized_width_px &&
           resized->height_px == plan->resized_height_px);
    return resized->rgb + 3 * ((plan->top_px[i] + y) * resized->width_px + plan->left_px[i]);
}

void wc_tiling_normalise(const struct wc_tiling *plan, const struct wc_image *resized, size_t i,
                         const float mean[3], const float std[3], float *out) {
    size_t n = plan->size_px;
    float table[256];
    for (int c = 0; c < 3; c++) {
        for (int v = 0; v < 256; v++)
            table[v] = ((float)v / 255.0f - mean[c]) / std[c];
        for (size_t y = 0; y < n; y++) {
            const uint8_t *p = tile_row(plan, resized, i, y) + c;
            for (size_t x = 0; x < n; x++)
                *out++ = table[p[3 * x]];
        }
    }
}

enum wc_err wc_tiling_cut(const struct wc_tiling *plan, const struct wc_image *resized, size_t i,
                          struct wc_image *out, struct wc_error *err) {
    size_t n = plan->size_px;
    struct wc_image tile = {0};
    WC_TRY(wc_image_new(n, n, &tile, err));
    for (size_t y = 0; y < n; y++)
        memcpy(tile.rgb + 3 * y * n, tile_row(plan, resized, i, y), 3 * n);
    *out = tile;
    return WC_OK;
}
