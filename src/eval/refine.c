/*
 * Which bins to split, and how finely.
 *
 * If scores are spread evenly over a bin of gap g, its s parts have g / s^2 each, g / s together.
 * The least number of parts for which sum g_b / s_b = T has s_b = sqrt(g_b) sum_c sqrt(g_c) / T
 * (Lagrange), for each metric that is a sum over bins; a bin gets the largest wish of all metrics.
 * F1max is no sum: only bins that could hide a better threshold than the best known one are split,
 * until what they could hide is within T.
 */
#include "base/alloc.h"
#include "eval/binning.h"
#include "eval/curve.h"

#include <math.h>
#include <string.h>

#define N_SUMS (3 + WC_MAX_FPR_LIMITS) // AUROC, AP, trapezoids, AUPRO at each limit

// Aim below the tolerance: parts are powers of two, up to sqrt 2 fewer than wished, and scores are
// not spread quite evenly.
#define AIM 0.5

struct plan {
    const struct wc_binning *b;
    const struct wc_histogram *h;
    struct wc_total total;
    const double *limit; // (n_limits)
    size_t n_limits;     // 0 without regions
    double tolerance;
    double gap[N_SUMS], root[N_SUMS]; // sums over bins of the gap and of its square root
    double f1max;                     // best known
    float *wish;                      // (n bins) parts
};

// Parts for each sample of a bin, at most: in a small data set samples are soon alone in their
// bins, and the next pass splits only the few bins where they are not.
#define PARTS_PER_SAMPLE 8

// Gaps of the step in each metric that is a sum.
static size_t gaps(const struct plan *p, const struct wc_step *s, double *gap) {
    gap[0] = wc_step_auroc_gap(&p->total, s);
    gap[1] = wc_step_ap(&p->total, s).gap;
    gap[2] = wc_step_trapezoid(&p->total, s).gap;
    for (size_t i = 0; i < p->n_limits; i++)
        gap[3 + i] = wc_step_aupro(&p->total, s, p->limit[i]).gap;
    return 3 + p->n_limits;
}

static void measure(struct plan *p) {
    struct wc_step s = {0};
    for (size_t i = p->h->end; i-- > p->h->first;) {
        double gap[N_SUMS];
        wc_histogram_step(p->h, p->b, i, &s);
        if (s.n + s.p == 0)
            continue;
        size_t n = gaps(p, &s, gap);
        for (size_t m = 0; m < n; m++) {
            p->gap[m] += gap[m];
            p->root[m] += sqrt(gap[m]);
        }
        wc_step_pass(&s);
        p->f1max = fmax(p->f1max, wc_f1(&p->total, s.tp, s.fp));
    }
}

// Parts so that the best F1 inside, seen from the known points at both ends, is within the aim of
// the best known: known + (best - known) / parts <= f1max + aim. Rounded up, as the largest counts.
static double f1_wish(const struct plan *p, const struct wc_step *s) {
    double best = wc_step_f1_best(&p->total, s);
    if (best <= p->f1max + p->tolerance * AIM)
        return 0;
    double known =
        fmax(wc_f1(&p->total, s->tp, s->fp), wc_f1(&p->total, s->tp + s->p, s->fp + s->n));
    return sqrt(2) * (best - known) / (p->f1max + p->tolerance * AIM - known);
}

static void make_wishes(struct plan *p) {
    struct wc_step s = {0};
    for (size_t i = p->h->end; i-- > p->h->first;) {
        double gap[N_SUMS];
        wc_histogram_step(p->h, p->b, i, &s);
        if (s.n + s.p == 0)
            continue;
        size_t n = gaps(p, &s, gap);
        double wish = f1_wish(p, &s);
        for (size_t m = 0; m < n; m++)
            if (p->gap[m] > p->tolerance)
                wish = fmax(wish, sqrt(gap[m]) * p->root[m] / (p->tolerance * AIM));
        wish = fmin(wish, PARTS_PER_SAMPLE * (double)(s.n + s.p));
        p->wish[i] = fmaxf(p->wish[i], (float)fmin(wish, (double)(1u << WC_ROOT_BITS)));
        wc_step_pass(&s);
    }
}

// log2 of a number of parts, rounded to nearest, at most `bits`.
static unsigned to_power(double parts, unsigned bits) {
    if (parts <= 1)
        return 0;
    int power; // parts * sqrt 2 in [2^(power - 1), 2^power)
    frexp(parts * sqrt(2), &power);
    return power - 1 > (int)bits ? bits : (unsigned)(power - 1);
}

// Bins after splitting by `scale` times the wishes.
static size_t count_bins(const struct plan *p, double scale) {
    size_t n = 0;
    for (size_t i = 0; i < p->b->n; i++)
        n += (size_t)1 << to_power(scale * (double)p->wish[i], p->b->bits[i]);
    return n;
}

// The largest scale, in steps of 2^(1/4) or so, with at most max_bins bins; 0: none.
static double fit_scale(const struct plan *p, size_t max_bins) {
    for (double scale = 1; scale > 0x1p-21; scale *= 0.84)
        if (count_bins(p, scale) <= max_bins)
            return scale;
    return 0;
}

static enum wc_err apply(struct wc_binning *b, const struct plan *p, size_t max_bins, bool *changed,
                         struct wc_error *err) {
    uint8_t *split = NULL;
    double scale = fit_scale(p, max_bins);
    unsigned any = 0;
    WC_TRY(WC_NEW(&split, b->n, "bins to split", err));
    for (size_t i = 0; i < b->n; i++) {
        split[i] = (uint8_t)to_power(scale * (double)p->wish[i], b->bits[i]);
        any |= split[i];
    }
    enum wc_err rc = any ? wc_binning_split(b, split, err) : WC_OK;
    wc_free(split);
    if (rc == WC_OK)
        *changed = any != 0;
    return rc;
}

static enum wc_err check(const double *fpr_limits, size_t n_limits, double tolerance,
                         struct wc_error *err) {
    if (n_limits > WC_MAX_FPR_LIMITS)
        return WC_FAULT(err, WC_ERR_USAGE, "bad-limit", "fpr_limit: %zu values, at most %d",
                        n_limits, WC_MAX_FPR_LIMITS);
    for (size_t i = 0; i < n_limits; i++)
        WC_TRY(wc_fpr_limit_check(fpr_limits[i], err));
    if (!(tolerance > 0))
        return WC_FAIL(err, WC_ERR_BUG, "histogram: tolerance %g, must be above 0", tolerance);
    return WC_OK;
}

enum wc_err wc_binning_refine_all(struct wc_binning *b, const struct wc_histogram *h,
                                  const uint64_t *n_components, size_t n_histograms,
                                  const double *fpr_limits, size_t n_limits, double tolerance,
                                  size_t max_bins, bool *changed, struct wc_error *err) {
    struct plan p = {0};
    float *wish = NULL;
    WC_TRY(check(fpr_limits, n_limits, tolerance, err));
    WC_TRY(WC_NEW(&wish, b->n, "bins to split", err));
    enum wc_err rc = WC_OK;
    for (size_t i = 0; i < n_histograms && rc == WC_OK; i++) {
        p = (struct plan){.b = b,
                          .h = &h[i],
                          .limit = fpr_limits,
                          .n_limits = n_components[i] ? n_limits : 0,
                          .tolerance = tolerance,
                          .wish = wish};
        rc = wc_histogram_total(&h[i], b, n_components[i], &p.total, err);
        if (rc != WC_OK || p.total.n_normal == 0 || p.total.n_anomalous == 0)
            continue; // nothing is defined, so nothing is uncertain
        measure(&p);
        make_wishes(&p);
    }
    p.b = b;
    p.wish = wish;
    if (rc == WC_OK)
        rc = apply(b, &p, max_bins, changed, err);
    wc_free(wish);
    return rc;
}

enum wc_err wc_binning_refine_limits(struct wc_binning *b, const struct wc_histogram *h,
                                     const double *fpr_limits, size_t n_limits, double tolerance,
                                     uint64_t n_components, size_t max_bins, bool *changed,
                                     struct wc_error *err) {
    return wc_binning_refine_all(b, h, &n_components, 1, fpr_limits, n_limits, tolerance, max_bins,
                                 changed, err);
}

enum wc_err wc_binning_refine(struct wc_binning *b, const struct wc_histogram *h, double fpr_limit,
                              double tolerance, uint64_t n_components, size_t max_bins,
                              bool *changed, struct wc_error *err) {
    return wc_binning_refine_limits(b, h, &fpr_limit, 1, tolerance, n_components, max_bins, changed,
                                    err);
}
