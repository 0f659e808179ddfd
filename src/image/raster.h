/*
 * Where the decoders put their samples: one row converter from any stored sample format to RGB8 or
 * to a mask, so that a decoder knows nothing of what its caller wants.
 *
 * Private to src/image. A raster belongs to one decoding call.
 */
#ifndef WC_IMAGE_RASTER_H
#define WC_IMAGE_RASTER_H

#include "image/image.h"

enum raster_layout {
    RASTER_GRAY,
    RASTER_GRAY_ALPHA,
    RASTER_RGB,
    RASTER_RGB_ALPHA,
    RASTER_PALETTE,
};

struct raster_format {
    enum raster_layout layout;
    unsigned bits; // of a sample: 1, 2, 4, 8 (one sample a byte) or 16 (two bytes, big-endian)
    uint8_t palette[256][3];
    size_t n_palette;
};

struct raster {
    size_t width_px, height_px;
    bool want_mask;
    uint8_t *rgb;  // (height, width, 3), NULL for a mask
    uint8_t *mask; // (height, width), NULL for a picture
    // From raster_begin(): what one sample or palette entry becomes.
    struct raster_format format;
    uint8_t index_to_mask[256];
    uint8_t gray_to_8[256];
};

// Fixes size and format and allocates. Call it only once the file is known to hold as much data as
// the size needs. The caller releases with raster_release() in any case.
enum wc_err raster_begin(struct raster *r, const char *name, size_t width_px, size_t height_px,
                         const struct raster_format *format, struct wc_error *err);

// n pixels of row y, which go to columns x0, x0 + dx, ... False: a palette index is out of range.
bool raster_put(struct raster *r, const uint8_t *samples, size_t n, size_t y, size_t x0, size_t dx);

void raster_release(struct raster *r);

#endif
