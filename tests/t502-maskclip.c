// MaskCLIP's value path, both readings of it: tests/golden/ablation (features, maps), and what it
// must leave alone.
#include "winclip_scene.h"

#include "image/tiles.h"

#define GOLD "tests/golden/ablation/"
#define FEATURES (WC_WANT_VALUE | WC_WANT_VALUE_MLP)

static const struct {
    const char *golden, *variant;
} readings[2] = {{"maskclip_value_residual_mlp", "residual_mlp"},
                 {"maskclip_value_only", "value_only"}};

// Network input of a picture of the model's own size; to be freed.
static float *pixels_of(const struct wc_model *m, const struct wc_image *image) {
    size_t s = wc_model_arch(m)->image_px;
    float *pixels = wc_alloc(3 * s * s, sizeof *pixels);
    struct wc_tiling t;
    scene_must(wc_tiling_plan(s, s, s, WC_TILES, &t, &scene_err));
    wc_tiling_normalise(&t, image, 0, wc_clip_mean, wc_clip_std, pixels);
    return pixels;
}

static struct wc_features encode(const struct wc_model *m, struct wc_workspace *w,
                                 const float *pixels, unsigned want) {
    const struct wc_request r = {.want = want};
    struct wc_features f = {0};
    scene_must(wc_features_init(m, &r, &f, &scene_err));
    scene_must(wc_encode_image(m, w, pixels, &r, &f, &scene_err));
    return f;
}

static void check_features(const struct scene *s, const struct wc_weights *gold) {
    size_t n = 225 * 32;
    struct wc_workspace *w = NULL;
    scene_must(wc_workspace_new(s->model, 2, NULL, NULL, &w, &scene_err));
    for (size_t r = 0; r < 2; r++) {
        char key[96];
        snprintf(key, sizeof key, "%s_features", readings[r].golden);
        float *wanted = golden_tensor(gold, key, s->n_queries * n);
        for (size_t q = 0; q < s->n_queries; q++) {
            char label[128];
            float *pixels = pixels_of(s->model, &s->query[q]);
            struct wc_features f = encode(s->model, w, pixels, FEATURES);
            snprintf(label, sizeof label, "%s, query %zu", key, q);
            golden_below(golden_rel_l2(r == 0 ? f.value_mlp : f.value, wanted + q * n, n), 2e-5,
                         label);
            wc_features_release(&f);
            wc_free(pixels);
        }
        wc_free(wanted);
    }
    wc_workspace_free(&w);
}

static void check_maps(const char *weights) {
    static struct scene s;
    struct wc_weights *gold = golden_open(GOLD "variants.safetensors");
    float *grid[2];
    scene_open(&s, weights, "tests/golden/winclip/tiny_images.tsv", 1e-4);
    check_features(&s, gold);
    // Beside another method, so that one pass serves both.
    size_t first = scene_add(&s, "preset=paper;winclip.prompts=t21;winclip.text_average=raw;"
                                 "method=[winclip, maskclip, patch_token]");
    for (size_t i = 0; i < 2; i++) {
        char key[96];
        snprintf(key, sizeof key, "map/%s", readings[i].golden);
        grid[i] = golden_tensor(gold, key, s.n_queries * 225);
        scene_expect(&s, readings[i].golden, "bottle",
                     scene_variant(&s, first, readings[i].variant, 0), grid[i]);
    }
    float *patch = golden_tensor(gold, "map/patch_token_ln_post_proj", s.n_queries * 225);
    float *plain = golden_tensor(gold, "map/patch_token_proj_without_ln_post", s.n_queries * 225);
    float *full = golden_tensor(gold, "map/full", s.n_queries * 225);
    scene_expect(&s, "patch_token_ln_post_proj", "bottle", scene_variant(&s, first, "ln_post", 0),
                 patch);
    scene_expect(&s, "patch_token_proj_without_ln_post", "bottle",
                 scene_variant(&s, first, "plain", 0), plain);
    scene_expect(&s, "winclip beside them", "bottle", scene_variant(&s, first, "paper", 0), full);
    scene_start(&s);
    float *prototype =
        wc_alloc(s.plan.n_recipes * 2 * wc_model_arch(s.model)->embed, sizeof *prototype);
    scene_must(wc_prototypes(s.model, wc_scorer_workspace(s.scorer), s.tokenizer, &s.prompts,
                             s.plan.recipe, s.plan.n_recipes, NULL, "bottle", prototype,
                             &scene_err));
    scene_score(&s, "bottle", prototype);
    scene_check(&s);
    float *const taken[] = {grid[0], grid[1], patch, plain, full, prototype};
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        wc_free(taken[i]);
    wc_weights_free(&gold);
    scene_close(&s);
}

// The other outputs have the same bits whether the value path is asked for or not; also where the
// last block is the first.
static void check_others(size_t layers) {
    char json[512], path[512], label[80];
    const char *tmp = getenv("WC_TEST_TMP");
    const unsigned others = WC_WANT_IMAGE | WC_WANT_PATCH;
    const struct golden_formula formula = {60, 60, 16, 4, 40, 50, 0, 0, 0, 0, 0, 0, 0};
    struct wc_arch arch;
    struct wc_model *m = NULL;
    struct wc_workspace *w = NULL;
    snprintf(json, sizeof json,
             "{\"embed_dim\": 32, \"vision_cfg\": {\"image_size\": 60, \"layers\": %zu, \"width\": "
             "64, \"head_width\": 32, \"patch_size\": 4}, \"text_cfg\": {\"context_length\": 77, "
             "\"vocab_size\": 49408, \"width\": 32, \"heads\": 2, \"layers\": 1}}",
             layers);
    snprintf(path, sizeof path, "%s/t502-layers.safetensors", tmp ? tmp : "build/tmp");
    scene_must(wc_arch_from_json("layers.json", json, strlen(json), &arch, &scene_err));
    scene_must(wc_random_write(&arch, WC_GELU, WC_RANDOM_SEED, path, &scene_err));
    const struct wc_model_options o = {.weights = path, .arch = "auto", .activation = WC_GELU};
    scene_must(wc_model_open(&o, &m, &scene_err));
    scene_must(wc_workspace_new(m, 2, NULL, NULL, &w, &scene_err));
    struct wc_image image = golden_image(&formula);
    float *pixels = pixels_of(m, &image);
    struct wc_features plain = encode(m, w, pixels, others),
                       with = encode(m, w, pixels, others | FEATURES),
                       mlp = encode(m, w, pixels, WC_WANT_VALUE_MLP);
    snprintf(label, sizeof label, "%zu layers: the value path changes no other output", layers);
    test_ok(memcmp(plain.image, with.image, 32 * sizeof(float)) == 0 &&
                memcmp(plain.patch, with.patch, (size_t)225 * 64 * sizeof(float)) == 0,
            "%s", label);
    test_ok(memcmp(mlp.value_mlp, with.value_mlp, (size_t)225 * 32 * sizeof(float)) == 0,
            "%zu layers: nor do other outputs change the value path", layers);
    test_ok(golden_rel_l2(with.value, with.value_mlp, (size_t)225 * 32) > 1e-2,
            "%zu layers: the two readings differ", layers);
    wc_features_release(&plain);
    wc_features_release(&with);
    wc_features_release(&mlp);
    wc_free(pixels);
    wc_image_release(&image);
    wc_workspace_free(&w);
    wc_model_free(&m);
    remove(path);
}

int main(void) {
    char path[512];
    const char *tmp = getenv("WC_TEST_TMP");
    snprintf(path, sizeof path, "%s/t502-tiny.safetensors", tmp ? tmp : "build/tmp");
    scene_must(wc_kernels_init("auto", &scene_err));
    scene_must(wc_gemm_init("auto", &scene_err));
    scene_write_tiny(path);
    check_maps(path);
    check_others(1);
    check_others(2);
    remove(path);
    return test_done();
}
