/*
 * Private to sched: a unit's maps from its record, at any size. What is evaluated, what is saved
 * and what is shown all come from here.
 *
 *     wc_canvas_begin(&c, s, &record, item->path, width_px, height_px, err);
 *     for each variant with a map:
 *         wc_canvas_variant(&c, s, variant, err);
 *         wc_canvas_rows(&c, row0, row1, out);     // any rows, any number of times
 *     wc_canvas_release(&c);
 *
 * Each pixel is a function of record and configuration alone. Memory is kept from unit to unit.
 */
#ifndef WC_SCHED_MAPS_H
#define WC_SCHED_MAPS_H

#include "sched/state.h"

struct wc_canvas {
    size_t width_px, height_px; // of the map in hand
    struct wc_tiling tiling;
    const struct wc_record *record;
    const float *grids; // (n_tiles, side, side) of the variant in hand
    size_t side;
    float *grid, *map; // map: of variants that smooth theirs, and scratch behind it
    size_t cap_grid, cap_map;
};

enum wc_err wc_canvas_begin(struct wc_canvas *c, const struct wc_state *s,
                            const struct wc_record *record, const char *path, size_t width_px,
                            size_t height_px, struct wc_error *err);
enum wc_err wc_canvas_variant(struct wc_canvas *c, const struct wc_state *s, size_t variant,
                              struct wc_error *err);
// Rows [row0, row1) to out; NaN where no tile covers the picture.
void wc_canvas_rows(const struct wc_canvas *c, size_t row0, size_t row1, float *out);
void wc_canvas_release(struct wc_canvas *c);

// The record of a unit that this rank holds and that did not fail.
bool wc_state_record(const struct wc_state *s, size_t unit, struct wc_record *record);

// The union of an item's masks, reduced to (size, size) unless size is 0. The item has masks.
enum wc_err wc_state_masks(const struct wc_item *item, size_t size, struct wc_mask *out,
                           struct wc_error *err);

#endif
