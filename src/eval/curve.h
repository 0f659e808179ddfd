/*
 * All curve metrics in one walk over steps of descending score. Private to eval.
 *
 * A step is what one score (an exact step) or one histogram bin holds: n normal samples, p
 * anomalous ones, and the regions' weight w. Within a bin the order is not known; for each metric
 * the walk adds the middle of what the step can contribute and, as its gap, how far the truth can
 * be from that. With exact steps only, the gaps are 0 and the metrics are exact.
 *
 * Only + - * / and sqrt are used (IEEE 754 rounds them correctly), no library logarithm: all ranks
 * of a mixed cluster get the same bits and so refine to the same bins.
 */
#ifndef WC_EVAL_CURVE_H
#define WC_EVAL_CURVE_H

#include "eval/histogram.h"

#include <stdbool.h>

__extension__ typedef unsigned __int128 wc_u128;

struct wc_total {
    uint64_t n_normal, n_anomalous, n_components;
};

// One step and where the curve stands before it.
struct wc_step {
    uint64_t fp, tp; // normal, anomalous samples of higher score
    wc_u128 before;  // region weight of higher score
    uint64_t n, p;   // the step's own
    wc_u128 w;
    bool exact; // all its samples have one score
};

// A step's part of a metric and the largest distance of the truth from it.
struct wc_part {
    double value, gap;
};

double wc_step_auroc_gap(const struct wc_total *t, const struct wc_step *s);
struct wc_part wc_step_ap(const struct wc_total *t, const struct wc_step *s);
struct wc_part wc_step_trapezoid(const struct wc_total *t, const struct wc_step *s);
struct wc_part wc_step_aupro(const struct wc_total *t, const struct wc_step *s, double fpr_limit);
// F1 with tp and fp samples above the threshold.
double wc_f1(const struct wc_total *t, uint64_t tp, uint64_t fp);
// The largest F1 that a threshold inside the step can have.
double wc_step_f1_best(const struct wc_total *t, const struct wc_step *s);

// Moves on: the step's samples are now above.
void wc_step_pass(struct wc_step *s);

// A sum with its rounding error carried along (Neumaier, ZAMM 54, 1974).
struct wc_sum {
    double sum, carry;
};
void wc_sum_add(struct wc_sum *s, double v);
double wc_sum_get(const struct wc_sum *s);

struct wc_curve {
    struct wc_total total;
    double fpr_limit; // 0: no regions
    struct wc_step at;
    wc_u128 auroc2;    // twice the area in samples
    wc_u128 auroc2gap; // twice its gap
    struct wc_sum ap, trapezoid, aupro;
    struct wc_sum ap_gap, trapezoid_gap, aupro_gap;
    uint64_t f1_tp, f1_fp;  // where F1 is largest so far
    double f1_best;         // what it could be
    double f1_threshold;    // lowest score that attains it
    uint64_t f1_thresholds; // how many attain it
};

struct wc_curve_bounds {
    double auroc, ap, trapezoid, f1max, aupro;
};

void wc_curve_begin(struct wc_curve *c, const struct wc_total *total, double fpr_limit);
// Adds a step (empty ones are ignored); `score` is its lowest threshold.
void wc_curve_step(struct wc_curve *c, uint64_t n, uint64_t p, wc_u128 w, bool exact, float score);
// Metrics, NaN where undefined; `bounds` may be NULL.
void wc_curve_end(const struct wc_curve *c, struct wc_pixel_metrics *out,
                  struct wc_curve_bounds *bounds);

#endif
