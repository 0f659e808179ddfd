// bf16 and int8 against float32: the embeddings of the whole image and of every window, of the
// example's model, of a transformer of full size and of residual networks; the bits do not depend
// on threads.
#include "base/alloc.h"
#include "tower_test.h"

#include <math.h>

static const struct wc_request request = {
    .want = WC_WANT_IMAGE | WC_WANT_WINDOWS, .n_scales = 2, .window = {2, 3}};

// The smallest cosine of n rows of e.
static double least_cosine(size_t n, size_t e, const float *x, const float *y) {
    double least = 1;
    for (size_t i = 0; i < n; i++, x += e, y += e) {
        double xy = 0, xx = 0, yy = 0;
        for (size_t j = 0; j < e; j++) {
            xy += (double)x[j] * (double)y[j];
            xx += (double)x[j] * (double)x[j];
            yy += (double)y[j] * (double)y[j];
        }
        double c = xy / sqrt(xx * yy);
        least = c < least ? c : isnan(c) ? -1 : least;
    }
    return least;
}

static struct tower open_as(const char *weights, enum wc_precision precision, unsigned n_threads) {
    const struct wc_model_options o = {
        .weights = weights, .activation = WC_GELU, .precision = precision};
    return tower_open(&o, n_threads);
}

static struct wc_features encode(struct tower *t) {
    struct wc_features f;
    float *pixels = tower_golden_pixels(t, 1);
    tower_encode(t, pixels, &request, &f);
    wc_free(pixels);
    return f;
}

static void compare(const char *weights, enum wc_precision precision, double most_distant,
                    const struct wc_features *f32, size_t n_layers_wide) {
    struct wc_error lacks = {0};
    if (wc_gemm_require(precision, &lacks) != WC_OK) {
        test_skip(wc_precision_name(precision), lacks.text);
        return;
    }
    struct tower t = open_as(weights, precision, 2);
    struct wc_features f = encode(&t);
    size_t n = f.n_floats / t.e, n_wide, n_layers;
    double least = least_cosine(n, t.e, f.block, f32->block);
    wc_model_precision(t.m, &n_wide, &n_layers);
    test_ok(least >= most_distant && memcmp(f.block, f32->block, f.n_floats * sizeof(float)) != 0,
            "%s %s: cosine of %zu embeddings to float32's at least %.6f (%.4f is asked for)",
            weights, wc_precision_name(precision), n, least, most_distant);
    test_ok(n_wide <= n_layers_wide, "%s %s: %zu of %zu layers are kept wider", weights,
            wc_precision_name(precision), n_wide, n_layers);
    tower_close(&t);
    t = open_as(weights, precision, 1);
    struct wc_features again = encode(&t);
    test_ok(memcmp(f.block, again.block, f.n_floats * sizeof(float)) == 0,
            "%s %s: opened again, on one thread: the same bits", weights,
            wc_precision_name(precision));
    tower_close(&t);
    wc_features_release(&f);
    wc_features_release(&again);
}

// A second model of the node takes the first one's packed weights, without calibrating again.
static void test_shared(enum wc_precision precision) {
    const char *name = wc_precision_name(precision);
    struct wc_error lacks = {0};
    struct wc_model_options o = {.weights = "tests/data/sample/model.safetensors",
                                 .activation = WC_GELU,
                                 .precision = precision};
    bool shared[3];
    if (wc_gemm_require(precision, &lacks) != WC_OK || strcmp(wc_gemm_backend(), "onednn") != 0) {
        test_skip(name, "nothing is packed");
        return;
    }
    struct tower own = tower_open(&o, 1);
    o.share_packed = true;
    struct tower first = tower_open(&o, 1), second = tower_open(&o, 1);
    size_t bytes[3] = {wc_model_packed_bytes(own.m, &shared[0]),
                       wc_model_packed_bytes(first.m, &shared[1]),
                       wc_model_packed_bytes(second.m, &shared[2])};
    test_ok(!shared[0] && shared[1] && shared[2] && bytes[0] > 0 && bytes[1] == bytes[0] &&
                bytes[2] == bytes[0],
            "%s: %zu bytes are shared when asked", name, bytes[0]);
    struct wc_features f[3] = {encode(&own), encode(&first), {0}};
    tower_close(&own);
    tower_close(&first);
    f[2] = encode(&second);
    tower_close(&second);
    size_t n = f[0].n_floats * sizeof(float);
    test_ok(memcmp(f[0].block, f[1].block, n) == 0 && memcmp(f[0].block, f[2].block, n) == 0,
            "%s: shared or not, the same bits; also when the first user is gone", name);
    for (size_t i = 0; i < 3; i++)
        wc_features_release(&f[i]);
}

int main(void) {
    static const struct {
        const char *weights;
        size_t wide;
    } models[] = {{"tests/data/sample/model.safetensors", 4},
                  {"tests/golden/weights/f32.safetensors", 4},
                  {"random:ViT-B-32", 4},
                  {"random:RN50", 20}};
    tower_start();
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        struct tower t = open_as(models[i].weights, WC_PRECISION_F32, 2);
        struct wc_features f32 = encode(&t);
        tower_close(&t);
        compare(models[i].weights, WC_PRECISION_BF16, 0.9995, &f32, 0);
        compare(models[i].weights, WC_PRECISION_INT8, 0.995, &f32, models[i].wide);
        wc_features_release(&f32);
    }
    for (size_t p = 0; p < WC_N_PRECISIONS; p++)
        test_shared((enum wc_precision)p);
    return test_done();
}
