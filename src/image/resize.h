/*
 * Resampling: Pillow's bicubic and bilinear (8-bit, antialiased) bit for bit, nearest for masks,
 * and the bilinear upsampling of score maps.
 *
 * Pass order of the two-pass filters follows Pillow up to 12.3: horizontal first, unless height >
 * 100 * width and the height shrinks. Integers only: every ISA (tensor/kernels.h) gives the same
 * bits. Thread-safe.
 */
#ifndef WC_IMAGE_RESIZE_H
#define WC_IMAGE_RESIZE_H

#include "image/image.h"

enum wc_filter { WC_FILTER_BILINEAR, WC_FILTER_BICUBIC };

// `image` to width_px x height_px. *out is a new image also where no size changes.
enum wc_err wc_image_resize(const struct wc_image *image, size_t width_px, size_t height_px,
                            enum wc_filter filter, struct wc_image *out, struct wc_error *err);

enum wc_mask_rule {
    WC_MASK_PILLOW_NEAREST,       // Image.resize(NEAREST)
    WC_MASK_TORCH_NEAREST,        // F.interpolate(mode="nearest")
    WC_MASK_TORCH_BILINEAR_HALF,  // F.interpolate(mode="bilinear", align_corners=False) > 0.5
    WC_MASK_PILLOW_BILINEAR_HALF, // (mask > 0) * 255, Image.resize(BILINEAR), > 127
};
enum wc_err wc_mask_resize(const struct wc_mask *mask, size_t width_px, size_t height_px,
                           enum wc_mask_rule rule, struct wc_mask *out, struct wc_error *err);

// Bilinear, half-pixel centres (align_corners = false), neighbours clamped, no antialiasing: map
// (h, w) -> out (out_h, out_w). Each output depends on its own position alone, in float32.
void wc_map_upsample(const float *map, size_t h, size_t w, size_t out_h, size_t out_w, float *out);

#endif
