/*
 * Confidence intervals of image metrics by bootstrap over images: each replicate draws n images
 * with replacement (base/rng.h); the interval is between two percentiles of the replicates' values
 * (Efron, Annals of Statistics 7, 1979).
 *
 * Replicate r depends on (seed, r) alone, so that the first k replicates are the same for any
 * number of them. Thread-safe.
 */
#ifndef WC_EVAL_BOOTSTRAP_H
#define WC_EVAL_BOOTSTRAP_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

#define WC_BOOTSTRAP_MAX 1000000 // replicates

struct wc_interval {
    double low, high; // NaN where undefined
};

struct wc_bootstrap {
    struct wc_interval auroc, ap, aupr_trapezoid, f1max;
    size_t n_defined; // replicates with both classes; the others are left out
};

// scores, labels (n). `level` is the interval's coverage, in (0, 1): 0.95 goes from the 2.5th to
// the 97.5th percentile (linear between order statistics). Faults: "non-finite" (WC_ERR_DATA),
// "bad-limit" (WC_ERR_USAGE: n_replicates or level out of range).
enum wc_err wc_bootstrap_image(const float *scores, const uint8_t *labels, size_t n,
                               size_t n_replicates, double level, uint64_t seed,
                               struct wc_bootstrap *out, struct wc_error *err);

// The replicates themselves, to be combined before an interval is taken: value[m] (n_replicates) of
// auroc, ap, aupr_trapezoid, f1max; NaN where a replicate has one class only.
#define WC_BOOTSTRAP_METRICS 4
enum wc_err wc_bootstrap_replicates(const float *scores, const uint8_t *labels, size_t n,
                                    size_t n_replicates, uint64_t seed,
                                    double *const value[WC_BOOTSTRAP_METRICS],
                                    struct wc_error *err);
// The interval of n values, which are sorted; NaN among them are left out.
struct wc_interval wc_bootstrap_interval(double *v, size_t n, double level);
enum wc_err wc_bootstrap_check(size_t n_replicates, double level, struct wc_error *err);

#endif
