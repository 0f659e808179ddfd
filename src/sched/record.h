/*
 * A unit's result as the payload of one journal record.
 *
 *     u32 unit | u32 status | u32 n_variants | u32 n_tiles | u32 width | u32 height | f32 seconds |
 * u32 text bytes f64 score[n_variants] | f32 grids, variant by variant (n_tiles,
 * wc_variant_cells())     (status 0) text (status 1: why the unit failed)
 *
 * Little-endian. Decoding checks every size; a record of another shape is refused.
 */
#ifndef WC_SCHED_RECORD_H
#define WC_SCHED_RECORD_H

#include "base/err.h"
#include "base/str.h"
#include "image/tiles.h"
#include "method/scorer.h"

struct wc_record {
    uint32_t unit;
    bool failed;
    uint32_t n_variants, n_tiles;
    uint32_t width_px, height_px; // of the image
    float seconds;                // that the unit took; never enters a result
    const unsigned char *score;   // f64, unaligned
    const unsigned char *grid;    // f32, unaligned
    const char *text;
    size_t n_text;
};

// `cells`: wc_plan_cells(), floats of a tile's grids over all variants.
enum wc_err wc_record_encode(uint32_t unit, const struct wc_result *result, size_t n_variants,
                             size_t cells, float seconds, struct wc_buf *out, struct wc_error *err);
enum wc_err wc_record_encode_failure(uint32_t unit, const char *text, struct wc_buf *out,
                                     struct wc_error *err);

// false: not a record of this shape.
bool wc_record_decode(const unsigned char *bytes, size_t n, size_t n_variants, size_t cells,
                      size_t n_units, struct wc_record *out);

// What every record begins with, whatever its shape: for those who only count.
struct wc_record_head {
    uint32_t unit;
    bool failed;
    float seconds;
    const char *text; // why
    size_t n_text;
};
bool wc_record_head(const unsigned char *bytes, size_t n, size_t n_units,
                    struct wc_record_head *out);

double wc_record_score(const struct wc_record *r, size_t variant);
// Copies a variant's grids (n_tiles, wc_variant_cells()) into out.
void wc_record_grid(const struct wc_record *r, const struct wc_plan *plan, size_t variant,
                    float *out);

#endif
