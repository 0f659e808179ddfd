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

// Finds a tensor's floats in a copy of the file: by its distance from the first tensor's.
static float *floats_in(unsigned char *bytes, const struct wc_weights *w, const char *name) {
    const unsigned char *first = wc_weights_at(w, 0)->data;
    uint64_t n_header;
    memcpy(&n_header, bytes, sizeof n_header);
    for (size_t i = 0; i < wc_weights_n_tensors(w); i++)
        first = wc_weights_at(w, i)->data < first ? wc_weights_at(w, i)->data : first;
    return (float *)(void *)(bytes + 8 + n_header + (wc_weights_find(w, name)->data - first));
}

// Two input channels that are a thousand times the others and cancel each other: nothing changes in
// float32 or bfloat16, which hold 1000; 8 bits have nothing left for the other channels.
static void test_outliers(void) {
#define BLOCK "visual.transformer.resblocks.0."
    struct wc_error lacks = {0};
    if (wc_gemm_require(WC_PRECISION_INT8, &lacks) != WC_OK) {
        test_skip("int8", lacks.text);
        return;
    }
    struct wc_weights *w = NULL;
    unsigned char *bytes = NULL;
    size_t n;
    must(wc_weights_open("tests/golden/weights/f32.safetensors", &w, &err));
    must(
        wc_io_read_file("tests/golden/weights/f32.safetensors", (size_t)1 << 30, &bytes, &n, &err));
    float *gamma = floats_in(bytes, w, BLOCK "ln_2.weight"),
          *beta = floats_in(bytes, w, BLOCK "ln_2.bias"),
          *fc = floats_in(bytes, w, BLOCK "mlp.c_fc.weight");
    size_t k = wc_weights_find(w, BLOCK "mlp.c_fc.weight")->dim[1],
           rows = wc_weights_find(w, BLOCK "mlp.c_fc.weight")->dim[0];
    gamma[0] = gamma[1] = 0.0F;
    beta[0] = beta[1] = 1000.0F;
    for (size_t i = 0; i < rows; i++)
        fc[i * k + 1] = -fc[i * k];
    const char *path = tower_scratch("outliers.safetensors");
    must(wc_io_write_atomic(path, bytes, n, &err));
    wc_weights_free(&w);
    wc_free(bytes);
    struct wc_model_options o = {
        .weights = path, .json = "tests/golden/weights/model.json", .activation = WC_GELU};
    struct tower f32 = tower_open(&o, 1);
    o.precision = WC_PRECISION_INT8;
    struct tower int8 = tower_open(&o, 1);
    struct wc_features x = encode(&f32), y = encode(&int8);
    size_t n_wide, n_layers;
    wc_model_precision(int8.m, &n_wide, &n_layers);
    test_ok(n_wide == 1, "a layer that 8 bits do not serve is kept wider: %zu of %zu", n_wide,
            n_layers);
    double least = least_cosine(x.n_floats / f32.e, f32.e, x.block, y.block);
    test_ok(least >= 0.995, "and the embeddings are near float32's: %.5f", least);
    char text[512];
    wc_model_describe(int8.m, text, sizeof text);
    test_ok(strstr(text, "int8 (1 of ") != NULL, "the log says so: %s", text);
    tower_close(&f32);
    tower_close(&int8);
    wc_features_release(&x);
    wc_features_release(&y);
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
    test_outliers();
    for (size_t p = 0; p < WC_N_PRECISIONS; p++)
        test_shared((enum wc_precision)p);
    return test_done();
}
