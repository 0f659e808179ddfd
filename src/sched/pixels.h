/*
 * Private to sched: pixel metrics of a category from integer histograms that every rank fills with
 * its own results and MPI adds. Integer sums make the figures independent of who held what.
 *
 * A variant belongs to one rank, which receives its sums, computes its figures and, where their
 * bound is too wide, sends finer bins to all for the next pass. A pass takes each image once for as
 * many variants as fit the memory. A category's own figures settle first; its kinds of defect may
 * ask for finer bins only afterwards, so that no figure of the category depends on them. Every
 * variant has the same largest number of bins.
 */
#ifndef WC_SCHED_PIXELS_H
#define WC_SCHED_PIXELS_H

#include "eval/histogram.h"
#include "report/report.h"
#include "sched/state.h"

#define WC_CURVE_POINTS 200
#define WC_PASS_TRACKS 64 // variants of one pass, at most

// Of one variant, over all images or one kind of defect with the normal ones.
struct wc_pixel_figures {
    struct wc_histogram_metrics metrics;
    double aupro[WC_MAX_FPR_LIMITS], bound_aupro[WC_MAX_FPR_LIMITS]; // at each limit
    size_t n_points;
    struct wc_curve_point point[WC_CURVE_POINTS]; // of all images alone
};

// Kinds of defect of a category, in the order of its items; none when it has at most one.
struct wc_kinds {
    const char **name;
    size_t n, cap;
};
enum wc_err wc_kinds_of(const struct wc_category *c, struct wc_kinds *out, struct wc_error *err);
// The kind of an item, or n: normal.
size_t wc_kind_of(const struct wc_kinds *k, const struct wc_item *item);

// Rank 0 receives *out (n_variants, 1 + kinds->n), all images first, NaN where undefined; it
// releases it with wc_free(). Collective.
enum wc_err wc_state_pixels(struct wc_state *s, size_t category, const struct wc_kinds *kinds,
                            struct wc_pixel_figures **out, struct wc_error *err);

size_t wc_state_first_unit(const struct wc_state *s, size_t category);

#endif
