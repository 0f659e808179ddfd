// What the exact metrics refuse, what they leave undefined, and that failures leave *out untouched.
#include "eval/bootstrap.h"
#include "eval/histogram.h"
#include "eval/metrics.h"

#include "base/fault.h"
#include "test.h"

#include <float.h>

#define UNTOUCHED 12345.0

static void check_bad_score(float bad, const char *name) {
    struct wc_metrics out = {.auroc = UNTOUCHED};
    struct wc_error err = {0};
    float scores[3] = {0.25f, bad, 0.5f};
    const uint8_t labels[3] = {0, 1, 1};
    enum wc_err rc = wc_metrics_image(scores, labels, 3, &out, &err);
    test_ok(rc == WC_ERR_DATA && err.fault && strcmp(err.fault, "non-finite") == 0 &&
                strstr(err.text, "element 1"),
            "image level refuses %s: %s", name, err.text);
    test_ok(out.auroc == UNTOUCHED, "image level, %s: result untouched", name);
}

static void check_bad_pixel(float bad, const char *name) {
    struct wc_pixel_metrics out = {.aupro = UNTOUCHED};
    struct wc_error err = {0};
    float map[8] = {0, 1, 2, 3, 4, 5, bad, 7};
    const uint8_t mask[8] = {0, 0, 1, 1, 0, 0, 0, 1};
    struct wc_map_group group = {map, mask, 2, 2, 2};
    enum wc_err rc = wc_metrics_pixel(&group, 1, 0.3, &out, &err);
    test_ok(rc == WC_ERR_DATA && err.fault && strcmp(err.fault, "non-finite") == 0 &&
                strstr(err.text, "group 0, map 1: pixel 2"),
            "pixel level refuses %s: %s", name, err.text);
    test_ok(out.aupro == UNTOUCHED, "pixel level, %s: result untouched", name);
    test_ok(wc_metrics_pixel(&group, 1, 0.3, &out, NULL) == WC_ERR_DATA,
            "pixel level, %s: no error struct needed", name);
}

static void check_limits(void) {
    const double bad[] = {0, -0.1, 1.0001, NAN, INFINITY};
    const float map[2] = {0, 1};
    const uint8_t mask[2] = {0, 1};
    struct wc_pixel_metrics out;
    struct wc_error err = {0};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        test_ok(wc_metrics_one_map(map, mask, 1, 2, bad[i], &out, &err) == WC_ERR_USAGE,
                "limit %g is refused: %s", bad[i], err.text);
    test_ok(wc_metrics_one_map(map, mask, 1, 2, 1, &out, &err) == WC_OK && out.aupro == 1,
            "limit 1 is allowed");
}

static void check_shapes(void) {
    const size_t a[3] = {3, 4, 5}, b[3] = {3, 5, 4}, flat[2] = {4, 5};
    struct wc_map_group g = {0};
    struct wc_error err = {0};
    test_ok(wc_map_group_shape("x", a, 3, b, 3, &g, &err) == WC_ERR_DATA &&
                strstr(err.text, "[3,4,5]") && strstr(err.text, "[3,5,4]"),
            "unequal shapes: %s", err.text);
    test_ok(wc_map_group_shape("x", a, 3, flat, 2, &g, &err) == WC_ERR_DATA, "unequal ranks");
    test_ok(wc_map_group_shape("x", a, 1, a, 1, &g, &err) == WC_ERR_DATA, "a vector is no map");
    test_ok(wc_map_group_shape("x", flat, 2, flat, 2, &g, &err) == WC_OK && g.n == 1 && g.h == 4 &&
                g.w == 5,
            "one map without a count");
    struct wc_map_group huge = {NULL, NULL, (size_t)1 << 40, (size_t)1 << 20, (size_t)1 << 20};
    struct wc_pixel_metrics out;
    test_ok(wc_metrics_pixel(&huge, 1, 0.3, &out, &err) == WC_ERR_DATA, "sizes that overflow: %s",
            err.text);
}

static void check_undefined(void) {
    struct wc_pixel_metrics out;
    struct wc_error err = {0};
    test_ok(wc_metrics_pixel(NULL, 0, 0.3, &out, &err) == WC_OK && isnan(out.pixel.auroc) &&
                isnan(out.aupro) && out.n_components == 0,
            "no maps: undefined");
    struct wc_metrics m;
    test_ok(wc_metrics_image(NULL, NULL, 0, &m, &err) == WC_OK && isnan(m.f1max), "no scores");
}

static void check_order(void) {
    // Largest, smallest, denormal and signed zero scores in order: all pairs count.
    const float scores[8] = {-FLT_MAX, -1, -FLT_TRUE_MIN, -0.0f, 0.0f, FLT_TRUE_MIN, 1, FLT_MAX};
    const uint8_t labels[8] = {0, 0, 0, 1, 0, 1, 1, 1};
    struct wc_metrics m;
    struct wc_error err = {0};
    test_ok(wc_metrics_image(scores, labels, 8, &m, &err) == WC_OK, "extreme scores");
    test_near(m.auroc, (3 + 0.5 + 12) / 16, 1e-15, "order of extreme scores, zeros tie");
    test_ok(m.f1max_threshold == 0 && m.n_anomalous == 4 && m.n_normal == 4,
            "threshold at zero, counts");
}

// Fails each allocation in turn: the error arrives, nothing leaks (see the sanitizer run).
static void check_memory(void) {
    const float map[6] = {0, 1, 2, 3, 4, 5};
    const uint8_t mask[6] = {0, 0, 1, 1, 0, 1};
    struct wc_error err = {0};
    bool all_reported = true;
    unsigned long n = 0;
    for (enum wc_err rc = WC_ERR_NOMEM; rc == WC_ERR_NOMEM;) {
        struct wc_metrics m;
        struct wc_pixel_metrics p;
        struct wc_bootstrap boot;
        struct wc_binning *b = NULL;
        struct wc_histogram h = {0};
        uint64_t weight[6];
        uint32_t n_components = 0;
        bool changed;
        wc_fault_arm(WC_FAULT_ALLOC, ++n, false);
        rc = wc_metrics_image(map, mask, 6, &m, &err);
        rc = rc == WC_OK ? wc_metrics_one_map(map, mask, 2, 3, 0.3, &p, &err) : rc;
        rc = rc == WC_OK ? wc_bootstrap_image(map, mask, 6, 5, 0.9, 1, &boot, &err) : rc;
        rc = rc == WC_OK ? wc_region_weights(mask, 2, 3, weight, &n_components, &err) : rc;
        rc = rc == WC_OK ? wc_binning_new(&b, &err) : rc;
        rc = rc == WC_OK ? wc_histogram_init(&h, b, &err) : rc;
        rc = rc == WC_OK ? wc_histogram_add(&h, b, map, mask, weight, 6, &err) : rc;
        rc = rc == WC_OK
                 ? wc_binning_refine(b, &h, 0.3, 1e-9, n_components, 1 << 20, &changed, &err)
                 : rc;
        rc = rc == WC_OK ? wc_histogram_clear(&h, b, &err) : rc;
        wc_histogram_release(&h);
        wc_binning_free(&b);
        wc_fault_reset();
        all_reported = rc == WC_OK || rc == WC_ERR_NOMEM;
    }
    test_ok(all_reported && n > 20, "each of %lu failed allocations is reported", n - 1);
}

int main(void) {
    check_bad_score(NAN, "NaN");
    check_bad_score(INFINITY, "infinity");
    check_bad_score(-INFINITY, "-infinity");
    check_bad_pixel(NAN, "NaN");
    check_bad_pixel(-INFINITY, "-infinity");
    check_limits();
    check_shapes();
    check_undefined();
    check_order();
    check_memory();
    return test_done();
}
