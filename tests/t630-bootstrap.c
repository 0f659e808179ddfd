// Bootstrap intervals: they depend on seed and data alone, nest, cover, and leave out what is
// undefined.
#include "eval/bootstrap.h"
#include "eval/metrics.h"

#include "base/rng.h"
#include "test.h"

#define N 200

static float scores[N];
static uint8_t labels[N];

static double uniform(uint64_t *state) {
    return (double)(wc_rng_next(state) >> 11) * 0x1p-53;
}

static void fill(uint64_t seed, double shift) {
    uint64_t state = seed;
    for (size_t i = 0; i < N; i++) {
        labels[i] = i % 4 == 0;
        double sum = 0; // near normal, standard deviation 1
        for (int k = 0; k < 12; k++)
            sum += uniform(&state);
        scores[i] = (float)(sum - 6 + (labels[i] ? shift : 0));
    }
}

static struct wc_bootstrap run(size_t n, size_t n_replicates, double level, uint64_t seed) {
    struct wc_bootstrap out = {0};
    struct wc_error err = {0};
    if (wc_bootstrap_image(scores, labels, n, n_replicates, level, seed, &out, &err) != WC_OK)
        test_ok(false, "bootstrap: %s", err.text);
    return out;
}

static bool holds(struct wc_interval v, double x) {
    return v.low <= x && x <= v.high && v.low < v.high;
}

static void check_intervals(void) {
    struct wc_metrics m;
    struct wc_error err = {0};
    fill(1, 1);
    wc_metrics_image(scores, labels, N, &m, &err);
    struct wc_bootstrap a = run(N, 1000, 0.95, 7), b = run(N, 1000, 0.95, 7);
    struct wc_bootstrap c = run(N, 1000, 0.95, 8), narrow = run(N, 1000, 0.5, 7);
    test_ok(holds(a.auroc, m.auroc) && holds(a.ap, m.ap) &&
                holds(a.aupr_trapezoid, m.aupr_trapezoid) && a.f1max.low < a.f1max.high,
            "intervals hold the values: auroc %.4f in [%.4f, %.4f]", m.auroc, a.auroc.low,
            a.auroc.high);
    test_ok(memcmp(&a, &b, sizeof a) == 0, "same seed, same bytes");
    test_ok(a.auroc.low != c.auroc.low, "another seed, another draw");
    test_ok(narrow.auroc.low > a.auroc.low && narrow.auroc.high < a.auroc.high,
            "a lower level is narrower");
    // Hanley and McNeil (Radiology 143, 1982), eq. 1: the standard error of an AUROC.
    double auc = m.auroc, q1 = auc / (2 - auc), q2 = 2 * auc * auc / (1 + auc);
    double p = N / 4, n = N - N / 4;
    double se =
        sqrt((auc * (1 - auc) + (p - 1) * (q1 - auc * auc) + (n - 1) * (q2 - auc * auc)) / (p * n));
    double width = a.auroc.high - a.auroc.low;
    test_ok(width > 0.8 * 2 * 1.96 * se && width < 1.2 * 2 * 1.96 * se,
            "width %.4f, by Hanley and McNeil %.4f", width, 2 * 1.96 * se);
}

// Of 100 samples with a known AUROC, about 95 intervals should hold it: Phi(1 / sqrt 2) = 0.7602.
static void check_coverage(void) {
    int n_held = 0;
    for (uint64_t seed = 0; seed < 100; seed++) {
        fill(1000 + seed, 1);
        n_held += holds(run(N, 200, 0.95, seed).auroc, 0.76025);
    }
    test_ok(n_held >= 86, "%d of 100 intervals hold the true AUROC", n_held);
}

static void check_edges(void) {
    struct wc_bootstrap out, one;
    struct wc_error err = {0};
    fill(2, 100);
    out = run(N, 100, 0.95, 1);
    test_ok(out.auroc.low == 1 && out.auroc.high == 1 && out.n_defined == 100,
            "perfect scores: [1, 1]");
    memset(labels, 0, sizeof labels);
    out = run(N, 100, 0.95, 1);
    test_ok(isnan(out.auroc.low) && isnan(out.f1max.high) && out.n_defined == 0,
            "one class: undefined");
    labels[0] = 1;
    out = run(N, 400, 0.95, 1);
    test_ok(out.n_defined > 200 && out.n_defined < 300 && isfinite(out.ap.low),
            "one anomalous image: %zu of 400 replicates have it", out.n_defined);
    one = run(0, 10, 0.95, 1);
    test_ok(isnan(one.auroc.low) && one.n_defined == 0, "no images");
    one = run(N, 1, 0.95, 3);
    test_ok(one.auroc.low == one.auroc.high || isnan(one.auroc.low), "one replicate: a point");
    out.n_defined = 99;
    const struct {
        size_t n;
        double level;
    } bad[] = {{0, 0.95}, {WC_BOOTSTRAP_MAX + 1, 0.95}, {10, 0}, {10, 1}, {10, NAN}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        test_ok(wc_bootstrap_image(scores, labels, N, bad[i].n, bad[i].level, 1, &out, &err) ==
                        WC_ERR_USAGE &&
                    out.n_defined == 99,
                "refused: %s", err.text);
    scores[3] = NAN;
    test_ok(wc_bootstrap_image(scores, labels, N, 10, 0.95, 1, &out, &err) == WC_ERR_DATA,
            "NaN: %s", err.text);
}

int main(void) {
    check_intervals();
    check_coverage();
    check_edges();
    return test_done();
}
