// Position embeddings for another grid: Pillow's numbers, and a model that is asked to run at
// another size.
#include "golden_model.h"

#include "model/model.h"
#include "model/open.h"
#include "tensor/gemm.h"
#include "tensor/kernels.h"

#define D 3
#define F32_MODEL "tests/golden/weights/f32.safetensors"

static struct wc_error err;

static void must(enum wc_err rc) {
    if (rc != WC_OK) {
        printf("Bail out! %s\n", err.text);
        exit(2);
    }
}

static void test_golden(void) {
    static const size_t rows[][2] = {{4, 6}, {15, 20}, {15, 9}, {7, 7}, {3, 1}, {14, 24}};
    static float in[(1 + 15 * 15) * D], out[(1 + 24 * 24) * D];
    struct wc_weights *gold = golden_open("tests/golden/positions/expected.safetensors");
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        size_t g = rows[r][0], to = rows[r][1], n = (1 + to * to) * D;
        char name[32], label[64];
        for (size_t i = 0; i < (1 + g * g) * D; i++)
            in[i] = (float)(sin(0.7 * (double)i) + (double)(i % 5) / 4);
        must(wc_model_resize_positions(g, to, D, in, out, &err));
        snprintf(name, sizeof name, "%zu.%zu", g, to);
        snprintf(label, sizeof label, "%zux%zu to %zux%zu", g, g, to, to);
        float *want = (float *)(uintptr_t)golden_tensor(gold, name, n);
        golden_below(golden_max_diff(out, want, n), 2e-6, label);
        wc_free(want);
    }
    wc_weights_free(&gold);
}

// All features of a picture of constant colour patches.
static struct wc_features encode(const struct wc_model *m, const struct wc_request *r) {
    struct wc_workspace *w = NULL;
    struct wc_features x;
    size_t px = wc_model_arch(m)->image_px, n = 3 * px * px;
    float *pixels = wc_alloc(n, sizeof *pixels);
    for (size_t i = 0; i < n; i++)
        pixels[i] = (float)sin((double)(i % px / 4 * 3 + i / px / 4 * 7)); // by patch
    must(wc_workspace_new(m, 1, NULL, NULL, &w, &err));
    must(wc_features_init(m, r, &x, &err));
    must(wc_encode_image(m, w, pixels, r, &x, &err));
    wc_workspace_free(&w);
    wc_free(pixels);
    return x;
}

static void test_model(void) {
    const struct wc_request r = {
        .want = WC_WANT_IMAGE | WC_WANT_WINDOWS | WC_WANT_PATCH_PROJ, .n_scales = 1, .window = {2}};
    struct wc_model *m = NULL;
    struct wc_model_options o = {.weights = F32_MODEL};
    must(wc_model_open(&o, &m, &err));
    struct wc_features plain = encode(m, &r);
    wc_model_free(&m);
    o.interpolate_px = 60;
    must(wc_model_open(&o, &m, &err));
    struct wc_features same = encode(m, &r);
    test_ok(wc_model_private_bytes(m) == 0 && same.n_floats == plain.n_floats &&
                memcmp(same.block, plain.block, same.n_floats * sizeof(float)) == 0,
            "the file's own size changes nothing");
    wc_model_free(&m);
    o.interpolate_px = 80;
    must(wc_model_open(&o, &m, &err));
    test_ok(wc_arch_grid(wc_model_arch(m)) == 20, "80 pixels: a grid of 20x20");
    struct wc_features large = encode(m, &r);
    test_ok(large.n_floats == 32 * (1 + 19 * 19 + 20 * 20), "361 windows, 400 patches");
    double move = golden_rel_l2(large.image, plain.image, 32);
    test_ok(move > 1e-6 && move < 1, "another embedding of the like picture (%.3g away)", move);
    wc_model_free(&m);
    wc_features_release(&plain);
    wc_features_release(&same);
    wc_features_release(&large);
    o.interpolate_px = 62;
    test_ok(wc_model_open(&o, &m, &err) == WC_ERR_CONFIG &&
                strstr(err.text, "model.interpolate 62") && strstr(err.text, "patch size 4"),
            "no multiple of the patch");
    o.interpolate_px = 64 * 4 + 4;
    test_ok(wc_model_open(&o, &m, &err) == WC_ERR_CONFIG, "a grid above 64x64");
    const struct wc_model_options net = {.weights = "random:RN50", .interpolate_px = 288};
    if (test_ok(wc_model_open(&net, &m, &err) == WC_OK, "a residual network at 288 pixels"))
        test_ok(wc_arch_grid(wc_model_arch(m)) == 9, "a grid of 9x9");
    wc_model_free(&m);
}

int main(void) {
    must(wc_kernels_init("auto", &err));
    must(wc_gemm_init("auto", &err));
    test_golden();
    test_model();
    return test_done();
}
