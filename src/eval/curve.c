#include "eval/curve.h"

#include <math.h>
#include <string.h>

// What float64 rounding adds to any of the sums: terms carry at most some 40 units of 2^-53
// relative to a sum of at most 1, the compensated sums two more; 2^-46 is 128 of them.
#define ROUNDING 0x1p-46

void wc_sum_add(struct wc_sum *s, double v) {
    double sum = s->sum + v;
    s->carry += fabs(s->sum) >= fabs(v) ? (s->sum - sum) + v : (v - sum) + s->sum;
    s->sum = sum;
}

double wc_sum_get(const struct wc_sum *s) {
    return s->sum + s->carry;
}

/*
 * Bounds of ln(1 + z), z >= 0. With phi(z) = z (6 + z) / (6 + 4 z),
 *     (phi - ln(1 + .))'(z) = z^3 / ((1 + z) (3 + 2 z)^2),
 * so phi >= ln(1 + z) on both sides of 0, where they touch. Putting 1 / (1 + z) for 1 + z turns
 * that into the lower bound z (6 + 5 z) / ((1 + z) (6 + 2 z)). Both are off by z^4 / 36, so roots
 * are taken until z is small: ln x = 2 ln sqrt x.
 */
static double log1p_bound(double z, bool upper) {
    double times = 1;
    while (z > 0.1) {
        z = sqrt(1 + z) - 1;
        times *= 2;
    }
    return times * z * (upper ? (6 + z) / (6 + 4 * z) : (6 + 5 * z) / ((1 + z) * (6 + 2 * z)));
}

// The middle of [low, high] and half its width.
static struct wc_part middle(double low, double high) {
    double gap = high > low ? (high - low) / 2 : 0;
    return (struct wc_part){low + gap, gap};
}

// One sample has one score, whatever the bin's width.
static bool is_exact(const struct wc_step *s) {
    return s->exact || s->n + s->p <= 1;
}

/*
 * AUROC. Within the step the curve is monotone from (fp, tp) to (fp + n, tp + p), so its area lies
 * between n tp and n (tp + p); the straight line that wc_curve_step() adds is in the middle, at
 * most n p / 2 away.
 */
double wc_step_auroc_gap(const struct wc_total *t, const struct wc_step *s) {
    if (is_exact(s))
        return 0;
    return (double)s->n * (double)s->p / 2 / ((double)t->n_normal * (double)t->n_anomalous);
}

/*
 * AP = 1/P sum over anomalous samples of the precision at the end of the sample's group of ties.
 * Precision in the step is (tp + i) / (tp + i + fp + j), 0 <= i <= p, 0 <= j <= n; it grows with i
 * and falls with j. Best: all anomalous samples first and tied, each with i = p, j = 0. Worst: the
 * i-th of them ends a group with at least i and at most n, so its precision is not below
 * (tp + i) / (tp + i + c), c = fp + n, and the sum over i is
 *     p - c sum_i 1 / (tp + c + i) >= p - c ln((tp + c + p + 1/2) / (tp + c + 1/2)),
 * as 1/x is convex and so not above its mean over [x - 1/2, x + 1/2].
 */
struct wc_part wc_step_ap(const struct wc_total *t, const struct wc_step *s) {
    if (s->p == 0)
        return (struct wc_part){0, 0};
    double positives = (double)t->n_anomalous, p = (double)s->p, tp = (double)s->tp;
    double fp = (double)s->fp, c = fp + (double)s->n;
    if (is_exact(s))
        return (struct wc_part){p * ((tp + p) / (tp + p + c)) / positives, 0};
    double best = p * ((tp + p) / (tp + p + fp));
    double worst = p - c * log1p_bound(p / (tp + c + 0.5), true);
    return middle(worst / positives, best / positives);
}

/*
 * Trapezoids under (recall, precision). A segment from i0 to i1 anomalous samples has the area
 * (i1 - i0) (precision(i0, j0) + precision(i1, j1)) / 2, and precision(i, .) lies between
 * l(i) = (tp + i) / (tp + i + fp + n) and u(i) = (tp + i) / (tp + i + fp), both concave in i.
 * Best: chords of u are below u, so no more than its integral, p - fp ln((tp + fp + p) / (tp +
 * fp)). Worst: chords of l are above the one chord over the whole step: p (l(0) + l(p)) / 2. The
 * curve's first point has precision 1 by definition, which is u where fp = 0.
 */
struct wc_part wc_step_trapezoid(const struct wc_total *t, const struct wc_step *s) {
    if (s->p == 0)
        return (struct wc_part){0, 0};
    double positives = (double)t->n_anomalous, p = (double)s->p, tp = (double)s->tp;
    double fp = (double)s->fp, c = fp + (double)s->n;
    double last = (tp + p) / (tp + p + c);
    if (is_exact(s)) {
        double first = tp + fp > 0 ? tp / (tp + fp) : 1;
        return (struct wc_part){p * ((first + last) / 2) / positives, 0};
    }
    double best = fp > 0 ? p - fp * log1p_bound(p / (tp + fp), false) : p;
    double first = tp + c > 0 ? tp / (tp + c) : 1;
    return middle(p * ((first + last) / 2) / positives, best / positives);
}

/*
 * AUPRO. As for AUROC the curve is monotone inside the rectangle of the step, here cut off at the
 * limit. Up to the cut it has width x, so the area is between x times the PRO before and x times
 * the PRO after the step. The value is that of the straight line (which an exact step has).
 */
struct wc_part wc_step_aupro(const struct wc_total *t, const struct wc_step *s, double fpr_limit) {
    double normal = (double)t->n_normal, scale = (double)t->n_components * (double)WC_REGION_WEIGHT;
    double start = (double)s->fp / normal;
    if (s->n == 0 || start >= fpr_limit)
        return (struct wc_part){0, 0};
    double width = (double)s->n / normal;
    double end = (double)(s->fp + s->n) / normal;
    double x = end <= fpr_limit ? width : fpr_limit - start;
    double low = (double)s->before / scale, rise = (double)s->w / scale;
    double risen = rise * (x / width) / 2; // mean over x of the line
    double gap = is_exact(s) ? 0 : x * fmax(risen, rise - risen);
    return (struct wc_part){x * (low + risen) / fpr_limit, gap / fpr_limit};
}

double wc_f1(const struct wc_total *t, uint64_t tp, uint64_t fp) {
    return 2 * (double)tp / (double)(tp + fp + t->n_anomalous);
}

/*
 * A threshold inside the step has tp + i and fp + j above it, i <= p: at best all anomalous samples
 * and no normal one. Where p = 0, it is worse than the point before the step.
 */
double wc_step_f1_best(const struct wc_total *t, const struct wc_step *s) {
    if (s->p == 0 || is_exact(s))
        return wc_f1(t, s->tp + s->p, s->fp + s->n);
    return wc_f1(t, s->tp + s->p, s->fp);
}

void wc_step_pass(struct wc_step *s) {
    s->fp += s->n;
    s->tp += s->p;
    s->before += s->w;
}

void wc_curve_begin(struct wc_curve *c, const struct wc_total *total, double fpr_limit) {
    memset(c, 0, sizeof *c);
    c->total = *total;
    c->fpr_limit = fpr_limit;
}

// 2 tp / (tp + fp + P) at the end of the step against the largest so far, as exact fractions.
static void take_f1(struct wc_curve *c, uint64_t tp, uint64_t fp, float score) {
    uint64_t positives = c->total.n_anomalous;
    wc_u128 here = (wc_u128)tp * (c->f1_tp + c->f1_fp + positives);
    wc_u128 best = (wc_u128)c->f1_tp * (tp + fp + positives);
    if (c->f1_thresholds && here < best)
        return;
    c->f1_thresholds = c->f1_thresholds && here == best ? c->f1_thresholds + 1 : 1;
    c->f1_tp = tp;
    c->f1_fp = fp;
    c->f1_threshold = (double)score;
}

static void add_part(struct wc_sum *value, struct wc_sum *gap, struct wc_part part) {
    wc_sum_add(value, part.value);
    if (part.gap > 0)
        wc_sum_add(gap, part.gap);
}

static bool is_defined(const struct wc_total *t) {
    return t->n_normal && t->n_anomalous;
}

void wc_curve_step(struct wc_curve *c, uint64_t n, uint64_t p, wc_u128 w, bool exact, float score) {
    if (n + p == 0 || !is_defined(&c->total))
        return;
    struct wc_step *s = &c->at;
    s->n = n;
    s->p = p;
    s->w = w;
    s->exact = exact;
    c->auroc2 += (wc_u128)n * (2 * s->tp + p);
    c->auroc2gap += is_exact(s) ? 0 : (wc_u128)n * p;
    add_part(&c->ap, &c->ap_gap, wc_step_ap(&c->total, s));
    add_part(&c->trapezoid, &c->trapezoid_gap, wc_step_trapezoid(&c->total, s));
    if (c->fpr_limit > 0 && c->total.n_components)
        add_part(&c->aupro, &c->aupro_gap, wc_step_aupro(&c->total, s, c->fpr_limit));
    c->f1_best = fmax(c->f1_best, wc_step_f1_best(&c->total, s));
    wc_step_pass(s);
    take_f1(c, s->tp, s->fp, score);
}

static void end_bounds(const struct wc_curve *c, double pairs2, double f1max,
                       struct wc_curve_bounds *bounds) {
    bounds->auroc = (double)c->auroc2gap / pairs2 + ROUNDING;
    bounds->ap = wc_sum_get(&c->ap_gap) + ROUNDING;
    bounds->trapezoid = wc_sum_get(&c->trapezoid_gap) + ROUNDING;
    bounds->f1max = fmax(0, c->f1_best - f1max) + ROUNDING;
    // A pixel's weight is rounded up or down: of a component's s pixels any subset is off by at
    // most s / 4 units (s f (1 - f) for the fraction f), PRO by the mean of that over components.
    double regions = (double)c->total.n_components;
    double units = regions > 0 ? (double)c->total.n_anomalous / 4 / regions : 0;
    bounds->aupro = wc_sum_get(&c->aupro_gap) + units / (double)WC_REGION_WEIGHT + ROUNDING;
}

void wc_curve_end(const struct wc_curve *c, struct wc_pixel_metrics *out,
                  struct wc_curve_bounds *bounds) {
    struct wc_pixel_metrics m = {
        .pixel = {NAN, NAN, NAN, NAN, NAN, 0, c->total.n_normal, c->total.n_anomalous},
        .aupro = NAN,
        .n_components = c->total.n_components};
    struct wc_curve_bounds b = {NAN, NAN, NAN, NAN, NAN};
    if (is_defined(&c->total)) {
        double pairs2 = 2 * (double)c->total.n_normal * (double)c->total.n_anomalous;
        m.pixel.auroc = (double)c->auroc2 / pairs2;
        m.pixel.ap = wc_sum_get(&c->ap);
        m.pixel.aupr_trapezoid = wc_sum_get(&c->trapezoid);
        m.pixel.f1max = wc_f1(&c->total, c->f1_tp, c->f1_fp);
        m.pixel.f1max_threshold = c->f1_threshold;
        m.pixel.f1max_n_thresholds = c->f1_thresholds;
        end_bounds(c, pairs2, m.pixel.f1max, &b);
    }
    if (is_defined(&c->total) && c->fpr_limit > 0 && c->total.n_components)
        m.aupro = wc_sum_get(&c->aupro);
    else
        b.aupro = NAN;
    *out = m;
    if (bounds)
        *bounds = b;
}
