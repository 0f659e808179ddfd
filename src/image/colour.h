/*
 * Colours of score maps on a picture, on a constant scale that the caller states.
 *
 * The colours are a straight line in sRGB from (0, 32, 112), dark blue, to (255, 233, 69), yellow.
 * Lightness rises steadily and the two ends differ along blue-yellow, so that the order is seen
 * with every common colour blindness and in grey print. Integers only: the same bytes everywhere.
 * Thread-safe.
 */
#ifndef WC_IMAGE_COLOUR_H
#define WC_IMAGE_COLOUR_H

#include "image/image.h"

struct wc_colour_scale {
    double low, high; // the values that get the first and the last colour; values beyond are cut
};

// The colour of step 0 to 255.
void wc_colour(unsigned step, uint8_t rgb[3]);
// The step of a value; NaN is 0.
unsigned wc_colour_step(const struct wc_colour_scale *scale, float value);

// Lays map (height_px, width_px) over the image: 3 parts colour on 2 parts of the pixel's grey;
// where the map is NaN the grey alone stays.
void wc_colour_overlay(struct wc_image *image, const float *map,
                       const struct wc_colour_scale *scale);

// A bar of all colours, low to high from left to right.
enum wc_err wc_colour_bar(size_t height_px, struct wc_image *out, struct wc_error *err);

#endif
