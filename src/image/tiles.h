/*
 * From a picture of any shape to the model's square inputs, and from the model's grids back to the
 * picture.
 *
 *     WC_TILES          shortest edge to `size`, square tiles along the longer side, evenly spread
 * with a stride of at most 0.8 * size (the paper, appendix A): n = ceil((L - size) / (0.8 * size))
 * + 1 tiles at offsets round(i (L - size) / (n - 1)), half to even; a square picture is one tile
 *     WC_SHORTEST_CROP  open_clip's validation transform: shortest edge to `size`, centre crop
 *     WC_SQUASH         size x size whatever the shape was
 *
 * The resize is bicubic as in image/resize.h; longer edge = trunc(size * long / short).
 * Thread-safe.
 */
#ifndef WC_IMAGE_TILES_H
#define WC_IMAGE_TILES_H

#include "image/image.h"

enum wc_tile_mode { WC_TILES, WC_SHORTEST_CROP, WC_SQUASH };

#define WC_TILES_MAX                                                                               \
    64 // tiles of one picture: sides up to 51 : 1; longer ones are refused (fault "too-large")

struct wc_tiling {
    enum wc_tile_mode mode;
    size_t image_width_px, image_height_px;     // the picture
    size_t size_px;                             // side of a tile
    size_t resized_width_px, resized_height_px; // the picture at the model's scale
    size_t n_tiles;
    size_t left_px[WC_TILES_MAX], top_px[WC_TILES_MAX]; // of each tile in the resized picture
};

// The plan for a picture of that size. Errors: size 0, more than WC_TILES_MAX tiles.
enum wc_err wc_tiling_plan(size_t width_px, size_t height_px, size_t size_px,
                           enum wc_tile_mode mode, struct wc_tiling *out, struct wc_error *err);

// Resizes `image` as the plan says: *out is resized_width_px x resized_height_px.
enum wc_err wc_tiling_resize(const struct wc_tiling *plan, const struct wc_image *image,
                             struct wc_image *out, struct wc_error *err);

// Tile i of the resized picture as network input: (3, size, size) float32, (p / 255 - mean[c]) /
// std[c].
void wc_tiling_normalise(const struct wc_tiling *plan, const struct wc_image *resized, size_t i,
                         const float mean[3], const float std[3], float *out);

// Tile i as a picture (for `winclip-mpi image`).
enum wc_err wc_tiling_cut(const struct wc_tiling *plan, const struct wc_image *resized, size_t i,
                          struct wc_image *out, struct wc_error *err);

// The full map at out_height x out_width (the picture's own size, or any evaluation size) from
// n_tiles grids (h, w): each output pixel's centre is carried to the resized picture; every tile
// that covers it gives its bilinear value (half-pixel centres, neighbours clamped, as
// wc_map_upsample); the result is their mean. For one square tile this equals wc_map_upsample().
// Pixels that no tile covers (WC_SHORTEST_CROP) get NaN. Rows [row0, row1) only are written, at out
// + 0, so that a caller may work in stripes. Each pixel is a pure function of grids and plan.
void wc_tiling_map(const struct wc_tiling *plan, const float *grids, size_t h, size_t w,
                   size_t out_height, size_t out_width, size_t row0, size_t row1, float *out);

#endif
