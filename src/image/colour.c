#include "image/colour.h"

#include <math.h>

void wc_colour(unsigned step, uint8_t rgb[3]) {
    static const unsigned from[3] = {0, 32, 112}, to[3] = {255, 233, 69};
    for (size_t c = 0; c < 3; c++)
        rgb[c] = (uint8_t)((from[c] * (255 - step) + to[c] * step + 127) / 255);
}

unsigned wc_colour_step(const struct wc_colour_scale *scale, float value) {
    double t = ((double)value - scale->low) / (scale->high - scale->low);
    if (!(t > 0)) // also NaN
        return 0;
    return t >= 1 ? 255 : (unsigned)(t * 255 + 0.5);
}

void wc_colour_overlay(struct wc_image *image, const float *map,
                       const struct wc_colour_scale *scale) {
    for (size_t i = 0; i < image->width_px * image->height_px; i++) {
        uint8_t *p = &image->rgb[3 * i], colour[3];
        unsigned grey = (77u * p[0] + 150u * p[1] + 29u * p[2] + 128) >> 8; // Rec. 601, in 1/256
        wc_colour(wc_colour_step(scale, map[i]), colour);
        for (size_t c = 0; c < 3; c++)
            p[c] = (uint8_t)(isnan(map[i]) ? grey : (3u * colour[c] + 2 * grey + 2) / 5);
    }
}

enum wc_err wc_colour_bar(size_t height_px, struct wc_image *out, struct wc_error *err) {
    WC_TRY(wc_image_new(256, height_px, out, err));
    for (size_t y = 0; y < height_px; y++)
        for (unsigned x = 0; x < 256; x++)
            wc_colour(x, &out->rgb[3 * (256 * y + x)]);
    return WC_OK;
}
