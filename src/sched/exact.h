/*
 * Private to sched: pixel metrics of a small category, exactly: its maps go to the variant's owner,
 * who sorts all pixels. Which way a category goes depends on its number of pixels alone.
 */
#ifndef WC_SCHED_EXACT_H
#define WC_SCHED_EXACT_H

#include "sched/pixels.h"

// *done: false when the category has more than evaluation.exact_pixels pixels, or maps with holes;
// figures (n_variants, 1 + kinds->n) are then untouched, else complete on each variant's owner,
// rank v mod n_ranks. Collective.
enum wc_err wc_state_exact(struct wc_state *s, size_t category, const struct wc_kinds *kinds,
                           struct wc_pixel_figures *figures, bool *done, struct wc_error *err);

#endif
