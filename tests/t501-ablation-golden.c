// Single choices of the paper's ablation tables through the switches, on the tiny model:
// tests/golden/ablation.
#include "winclip_scene.h"

#define GOLD "tests/golden/ablation/"

static const char base[] = "preset=paper;winclip.prompts=t21;winclip.text_average=raw;";

// The variant of a method that has its own, "" for the rest.
struct variant {
    const char *name, *set, *own;
    int64_t shot;
};

// Maps: table 8 (zero-shot) and table 6 (k = 4), by the golden file's name.
static const struct variant maps[] = {
    {"full", "", "", 0},
    {"image_scale_only", "winclip.windows=[0];", "", 0},
    {"without_image_scale", "winclip.image_scale=false;", "", 0},
    {"without_mid_scale", "winclip.windows=[2];", "", 0},
    {"without_small_scale", "winclip.windows=[3];", "", 0},
    {"without_harmonic_windows_and_scales_arithmetic",
     "winclip.aggregation=arithmetic;winclip.scale_fusion=arithmetic;", "", 0},
    {"without_harmonic_windows_arithmetic", "winclip.aggregation=arithmetic;", "", 0},
    {"k4_M0_plus_MP", "winclip.reference_windows=[0];", "", 4},
    {"k4_M0_plus_mean_MP_Mm", "winclip.reference_windows=[3];", "", 4},
    {"patch_token_ln_post_proj", "method=patch_token;", "ln_post", 0},
    {"patch_token_proj_without_ln_post", "method=patch_token;", "plain", 0},
    {"k4_M0_plus_MW", "", "", 4},
};

// Scores of the four queries: table 5, and the image score that every zero-shot variant keeps.
static const struct variant scores[] = {
    {"state + prompt ensemble, image only (t21, mean)", "", "", 0},
    {"one-class: -cos(image, 'normal [o]')", "method=clip_ac;", "one_class", 0},
    {"two-class: 'normal [o]' / 'anomalous [o]'", "method=clip_ac;", "two_class", 0},
    {"state ensemble only (11 states, no template)", "method=clip_ac;", "states", 0},
    {"state + prompt ensemble, image only (t21, mean)", "method=clip_ac;", "prompts", 0},
    {"k4: max MW only", "winclip.few_shot_score=reference;", "", 4},
    {"k4: ascore_0 only", "winclip.few_shot_score=text;", "", 4},
    {"k4: eq. 6", "winclip.few_shot_score=both;", "", 4},
};

// Scores of the picture `multicrop`: table 3d.
static const struct {
    const char *name, *set;
} crops[] = {
    {"five-crop: mean of scores", "winclip.multi_crop=five;winclip.crop_average=score;"},
    {"five-crop: score of mean normalised embedding",
     "winclip.multi_crop=five;winclip.crop_average=embedding;"},
    {"ten-crop: mean of scores", "winclip.multi_crop=ten;winclip.crop_average=score;"},
    {"ten-crop: score of mean normalised embedding",
     "winclip.multi_crop=ten;winclip.crop_average=embedding;"},
};

#define COUNT(a) (sizeof(a) / sizeof *(a))

static double golden_score(const struct golden_table *t, const char *variant, const char *input) {
    for (size_t i = 0; i < t->n_rows; i++)
        if (strcmp(t->cell[i][0], variant) == 0 && strcmp(t->cell[i][1], input) == 0)
            return strtod(t->cell[i][2], NULL);
    printf("Bail out! scores.tsv: no \"%s\" of %s\n", variant, input);
    exit(2);
}

static size_t add(struct scene *s, const char *set, const char *own, int64_t shot) {
    char text[256];
    snprintf(text, sizeof text, "%s%sshots=[%lld]", base, set, (long long)shot);
    size_t first = scene_add(s, text);
    return own[0] ? scene_variant(s, first, own, shot) : first;
}

static float *prototypes(struct scene *s) {
    float *out = wc_alloc(s->plan.n_recipes * 2 * wc_model_arch(s->model)->embed, sizeof *out);
    scene_must(wc_prototypes(s->model, wc_scorer_workspace(s->scorer), s->tokenizer, &s->prompts,
                             s->plan.recipe, s->plan.n_recipes, NULL, "bottle", out, &scene_err));
    return out;
}

static void check_queries(const char *weights, const struct golden_table *t) {
    static struct scene s;
    static const char *const queries[4] = {"query0_normal", "query1_defect", "query2_defect",
                                           "query3_other"};
    struct wc_weights *gold = golden_open(GOLD "variants.safetensors");
    const float *grid[COUNT(maps)];
    char key[96];
    scene_open(&s, weights, "tests/golden/winclip/tiny_images.tsv", 1e-4);
    for (size_t i = 0; i < COUNT(maps); i++) {
        snprintf(key, sizeof key, "map/%s", maps[i].name);
        grid[i] = golden_tensor(gold, key, s.n_queries * 225);
        scene_expect(&s, maps[i].name, "bottle", add(&s, maps[i].set, maps[i].own, maps[i].shot),
                     grid[i]);
    }
    for (size_t i = 0; i < COUNT(scores); i++) {
        struct scene_expectation *x =
            scene_expect(&s, scores[i].name, "bottle",
                         add(&s, scores[i].set, scores[i].own, scores[i].shot), NULL);
        for (size_t q = 0; q < s.n_queries; q++)
            x->score[q] = golden_score(t, scores[i].name, queries[q]);
        x->has_score = true;
    }
    scene_start(&s);
    float *prototype = prototypes(&s);
    scene_score(&s, "bottle", prototype);
    scene_check(&s);
    for (size_t i = 0; i < COUNT(maps); i++)
        wc_free((void *)(uintptr_t)grid[i]);
    wc_free(prototype);
    wc_weights_free(&gold);
    scene_close(&s);
}

// The map at the picture's own size.
static void check_map(const struct wc_weights *gold, const char *name, const struct wc_image *image,
                      const struct wc_result *r) {
    char key[64];
    size_t n = image->width_px * image->height_px;
    snprintf(key, sizeof key, "nonsquare_%s_map", name);
    const float *wanted = golden_tensor(gold, key, n);
    float *map = wc_alloc(n, sizeof *map);
    wc_tiling_map(&r->tiling, r->grid, 15, 15, image->height_px, image->width_px, 0,
                  image->height_px, map);
    golden_below(golden_max_diff(map, wanted, n), 1e-4, key);
    wc_free((void *)(uintptr_t)wanted);
    wc_free(map);
}

// Pictures that are not square, and crops: images.tsv.
static void check_pictures(const char *weights, const struct golden_table *t) {
    static struct scene s;
    struct golden_table images;
    struct wc_weights *gold = golden_open(GOLD "variants.safetensors");
    size_t crop[COUNT(crops)], plain;
    scene_open(&s, weights, "tests/golden/winclip/tiny_images.tsv", 1e-4);
    plain = add(&s, "", "", 0);
    for (size_t i = 0; i < COUNT(crops); i++)
        crop[i] = add(&s, crops[i].set, "", 0);
    scene_start(&s);
    float *prototype = prototypes(&s);
    golden_read_table(GOLD "images.tsv", &images);
    for (size_t i = 0; i < images.n_rows; i++) {
        const char *name = images.cell[i][0];
        struct wc_result r;
        if (strcmp(name, "rn50") == 0)
            continue; // another model's
        struct wc_image image = scene_image(&images, i);
        scene_must(wc_score_image(s.scorer, &image, prototype, NULL, &r, &scene_err));
        for (size_t c = 0; c < COUNT(crops) && strcmp(name, "multicrop") == 0; c++)
            test_near(r.score[crop[c]], golden_score(t, crops[c].name, name), 1e-4, crops[c].name);
        for (size_t k = 0; k < t->n_rows; k++)
            if (strcmp(t->cell[k][1], name) == 0 &&
                strncmp(t->cell[k][0], "non-square tiles (even", 22) == 0) {
                char label[160];
                snprintf(label, sizeof label, "%.40s: %.80s: image score", name, t->cell[k][0]);
                test_near(r.score[plain], strtod(t->cell[k][2], NULL), 1e-4, label);
                check_map(gold, name, &image, &r);
            }
        wc_image_release(&image);
    }
    wc_free(images.text);
    wc_free(prototype);
    wc_weights_free(&gold);
    scene_close(&s);
}

// Table 8, "Image tiling": query 1 only, as hundreds of tiles go through the encoder.
static void check_tiling(const char *weights) {
    static const struct {
        const char *name, *set;
    } golden[] = {
        {"tiling_query1_map2", "winclip.windows=[2];winclip.image_scale=false;"},
        {"tiling_query1_map3", "winclip.windows=[3];winclip.image_scale=false;"},
        {"tiling_query1_multi_with_image_scale", "winclip.windows=[2, 3];"},
    };
    static struct scene s;
    struct wc_weights *gold = golden_open(GOLD "variants.safetensors");
    const float *grid[COUNT(golden)];
    scene_open(&s, weights, "tests/golden/winclip/tiny_images.tsv", 1e-4);
    struct wc_image swap = s.query[0];
    s.query[0] = s.query[1];
    s.query[1] = swap;
    size_t n_queries = s.n_queries;
    add(&s, "", "", 0); // the first configuration decides the sides
    for (size_t i = 0; i < COUNT(golden); i++) {
        char set[128];
        snprintf(set, sizeof set, "method=tiling;%s", golden[i].set);
        grid[i] = golden_tensor(gold, golden[i].name, 225);
        scene_expect(&s, golden[i].name, "bottle", add(&s, set, "", 0), grid[i]);
    }
    scene_start(&s);
    float *prototype = prototypes(&s);
    s.n_queries = 1;
    scene_score(&s, "bottle", prototype);
    scene_check(&s);
    s.n_queries = n_queries;
    for (size_t i = 0; i < COUNT(golden); i++)
        wc_free((void *)(uintptr_t)grid[i]);
    wc_free(prototype);
    wc_weights_free(&gold);
    scene_close(&s);
}

int main(void) {
    char path[512];
    const char *tmp = getenv("WC_TEST_TMP");
    struct golden_table t;
    snprintf(path, sizeof path, "%s/t501-tiny.safetensors", tmp ? tmp : "build/tmp");
    scene_must(wc_kernels_init("auto", &scene_err));
    scene_must(wc_gemm_init("auto", &scene_err));
    scene_write_tiny(path);
    golden_read_table(GOLD "scores.tsv", &t);
    check_queries(path, &t);
    check_pictures(path, &t);
    check_tiling(path);
    wc_free(t.text);
    remove(path);
    return test_done();
}
