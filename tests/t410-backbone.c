// Backbones of ImageNet methods against torchvision 0.29.2 (torch 2.15.0, float64):
// tests/golden/few_shot. Relative L2 distances at most 2e-5, as for every other tower.
#include "tower_test.h"

#include "base/fault.h"
#include "model/backbone.h"

#define GOLD "tests/golden/few_shot/"
#define EVERYTHING                                                                                 \
    (WC_WANT_LAYER(0) | WC_WANT_LAYER(1) | WC_WANT_LAYER(2) | WC_WANT_LAYER(3) | WC_WANT_POOLED)

static struct wc_model *open_backbone(const char *weights, size_t image_px) {
    struct wc_model *m = NULL;
    must(wc_backbone_open(weights, NULL, image_px, &m, &err));
    return m;
}

static struct wc_features encode(const struct wc_model *m, const struct golden_formula *f,
                                 unsigned want, unsigned n_threads) {
    struct wc_image image = golden_image(f);
    struct wc_tiling t;
    struct wc_workspace *w = NULL;
    struct wc_features x = {0};
    const struct wc_request r = {.want = want};
    float *pixels = wc_alloc(3 * f->h * f->w, sizeof *pixels);
    must(wc_tiling_plan(f->w, f->h, f->h, WC_TILES, &t, &err));
    wc_tiling_normalise(&t, &image, 0, wc_imagenet_mean, wc_imagenet_std, pixels);
    must(wc_workspace_new(m, n_threads, NULL, NULL, &w, &err));
    must(wc_features_init(m, &r, &x, &err));
    must(wc_encode_image(m, w, pixels, &r, &x, &err));
    wc_workspace_free(&w);
    wc_free(pixels);
    wc_image_release(&image);
    return x;
}

// One stage's output, of which the golden file has every `step`th channel.
static void check_layer(const struct wc_weights *gold, const char *name, const struct wc_model *m,
                        const struct wc_features *x, size_t i, size_t step) {
    size_t side = wc_backbone_side(m, i), c = wc_backbone_channels(m, i), n = side * side;
    char key[64];
    float *some = wc_alloc(n * c / step, sizeof *some);
    for (size_t p = 0, to = 0; p < n; p++)
        for (size_t j = 0; j < c; j += step)
            some[to++] = x->layer[i][p * c + j];
    snprintf(key, sizeof key, "%s/layer%zu", name, i + 1);
    tower_compare(name, key, some, gold, key, n * c / step, 0, n * c / step);
    wc_free(some);
}

static void check(const struct wc_weights *gold, const char *name, const char *weights,
                  const char *arch, const struct golden_formula *f, size_t step) {
    struct wc_model *m = open_backbone(weights, f->h);
    struct wc_features x = encode(m, f, EVERYTHING, 2);
    char key[64];
    test_str(wc_model_arch(m)->name, arch, "the network's name");
    for (size_t i = 0; i < WC_BACKBONE_LAYERS; i++)
        check_layer(gold, name, m, &x, i, step);
    snprintf(key, sizeof key, "%s/pooled", name);
    size_t c = wc_backbone_channels(m, 3);
    tower_compare(name, "pooled", x.pooled, gold, key, c, 0, c);
    wc_features_release(&x);
    wc_model_free(&m);
}

static void check_golden(void) {
    static const char *const names[] = {"resnet18", "resnet50", "wide_resnet50_2"};
    const struct golden_formula f = {64, 64, 64, 16, 11, 111, 0, 0, 0, 0, 0, 0, 0};
    struct wc_weights *gold = golden_open(GOLD "backbones.safetensors");
    for (size_t i = 0; i < 3; i++) {
        char weights[64];
        snprintf(weights, sizeof weights, "random:%s", names[i]);
        check(gold, names[i], weights, names[i], &f, 16);
    }
    static const char *const tiny[3][2] = {{"tiny_basic", GOLD "tiny_basic.safetensors"},
                                           {"tiny_basic", GOLD "tiny_basic.pth"},
                                           {"tiny_wide", GOLD "tiny_wide.safetensors"}};
    for (size_t i = 0; i < 3; i++)
        for (size_t side = 60; side >= 45; side -= 15) {
            const struct golden_formula g = {side, side, 16, 4, 40, 50, 0, 0, 0, 0, 0, 0, 0};
            char name[32];
            snprintf(name, sizeof name, "%s/%zu", tiny[i][0], side);
            check(gold, name, tiny[i][1], "custom", &g, 1);
        }
    wc_weights_free(&gold);
}

// Threads and what else is asked for change no bit, and stages that nobody reads are not run.
static void check_requests(void) {
    const struct golden_formula f = {60, 60, 16, 4, 40, 50, 0, 0, 0, 0, 0, 0, 0};
    struct wc_model *m = open_backbone(GOLD "tiny_wide.safetensors", 60);
    const struct wc_request all = {.want = EVERYTHING}, two = {.want = WC_WANT_LAYER(1)};
    struct wc_features x = encode(m, &f, EVERYTHING, 1), y = encode(m, &f, WC_WANT_LAYER(1), 3);
    test_ok(memcmp(x.layer[1], y.layer[1], wc_backbone_layer_f32(m, 1) * sizeof(float)) == 0 &&
                !y.layer[0] && !y.pooled,
            "three threads and a smaller request give the same bits");
    test_ok(wc_image_flop(m, &two) < wc_image_flop(m, &all), "a smaller request costs less");
    wc_features_release(&x);
    wc_features_release(&y);
    wc_model_free(&m);
    // 1.8 and 11.4 GFLOP in multiply-adds at 224 x 224, as published for the two networks (without
    // the classifier).
    static const struct {
        const char *weights;
        double giga;
    } cost[2] = {{"random:resnet18", 1.814}, {"random:wide_resnet50_2", 11.398}};
    for (size_t i = 0; i < 2; i++) {
        m = open_backbone(cost[i].weights, 224);
        test_near(wc_image_flop(m, &all) / 2e9, cost[i].giga, 0.005, cost[i].weights);
        wc_model_free(&m);
    }
}

static void check_refused(void) {
    static const struct {
        const char *weights, *arch, *fault, *text;
    } bad[] = {
        {"random:resnet19", NULL, NULL, "did you mean resnet18"},
        {"random:resnet18:x", NULL, NULL, "the seed is no number"},
        {GOLD "tiny_basic.safetensors", "resnet18", "bad-shape", "resnet18 needs"},
        {GOLD "tiny_basic.safetensors", "resnet81", NULL, "resnet18"},
        {GOLD "backbones.safetensors", NULL, "missing-tensor", "conv1.weight"},
        {"tests/golden/weights/f32.safetensors", NULL, "missing-tensor", "torchvision"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct wc_model *m = NULL;
        err = (struct wc_error){0};
        enum wc_err rc = wc_backbone_open(bad[i].weights, bad[i].arch, 60, &m, &err);
        bool same = bad[i].fault ? err.fault && strcmp(err.fault, bad[i].fault) == 0 : !err.fault;
        if (!test_ok(rc != WC_OK && !m && same && strstr(err.text, bad[i].text), "refused: %s %s",
                     bad[i].weights, bad[i].arch ? bad[i].arch : ""))
            test_note("code %d, fault %s: %s", (int)rc, err.fault ? err.fault : "-", err.text);
    }
}

static void check_failures(void) {
    unsigned long n = 0, n_bad = 0;
    enum wc_err rc = WC_ERR_NOMEM;
    while (rc != WC_OK && n < 2000) {
        struct wc_model *m = NULL;
        struct wc_workspace *w = NULL;
        wc_fault_arm(WC_FAULT_ALLOC, ++n, false);
        rc = wc_backbone_open(GOLD "tiny_wide.safetensors", NULL, 60, &m, &err);
        if (rc == WC_OK)
            rc = wc_workspace_new(m, 2, NULL, NULL, &w, &err);
        n_bad += rc != WC_OK && rc != WC_ERR_NOMEM;
        wc_workspace_free(&w);
        wc_model_free(&m);
        wc_fault_reset();
    }
    test_ok(rc == WC_OK && n > 30 && n_bad == 0,
            "each of %lu allocations may fail: out of memory, nothing leaks", n - 1);
}

int main(void) {
    tower_start();
    check_golden();
    check_requests();
    check_refused();
    check_failures();
    return test_done();
}
