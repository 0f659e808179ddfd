/*
 * Procedural inspection photos: what `winclip-mpi demo` scores, and what its model was trained on.
 *
 * A photo is a function of four numbers. The category says what is seen (leather, a washer), the
 * product seed what all items of one product share (colours, pitch, proportions), the photo seed
 * what varies from photo to photo (place, turn, grain, light, blur, noise), the defect what is
 * wrong. The damaged photo of a photo seed is the same photo with the defect on it.
 *
 * The categories and kinds of defect of the two splits are disjoint: what the demo shows was never
 * seen in training.
 *
 * Photos are equal to the byte on every machine: integer hashes, and single-precision + - * / and
 * square root without contraction (IEEE 754); sines and angles are polynomials of these. Errors:
 * WC_ERR_NOMEM alone. Thread-safe.
 */
#ifndef WC_DEMO_GENERATOR_H
#define WC_DEMO_GENERATOR_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WC_DEMO_SIDE 120
#define WC_DEMO_PIXELS (WC_DEMO_SIDE * WC_DEMO_SIDE)

enum wc_demo_split { WC_DEMO_TRAIN, WC_DEMO_HELD_OUT, WC_DEMO_SPLITS };

size_t wc_demo_n_categories(enum wc_demo_split split);
const char *wc_demo_category(enum wc_demo_split split, size_t i); // "metal_nut"; textures first
bool wc_demo_is_texture(enum wc_demo_split split, size_t i);
size_t wc_demo_n_defects(enum wc_demo_split split);
const char *wc_demo_defect(enum wc_demo_split split, size_t i); // "scratch"

#define WC_DEMO_GOOD SIZE_MAX // no defect

struct wc_demo_photo {
    uint8_t rgb[WC_DEMO_PIXELS * 3];
    uint8_t mask[WC_DEMO_PIXELS]; // 255 where the defect is, else 0
    uint8_t part[WC_DEMO_PIXELS]; // 255 where the object or texture is, else 0
};

// `category` and `defect` index the split's lists.
enum wc_err wc_demo_render(enum wc_demo_split split, size_t category, uint64_t product,
                           uint64_t photo, size_t defect, struct wc_demo_photo *out,
                           struct wc_error *err);

#endif
