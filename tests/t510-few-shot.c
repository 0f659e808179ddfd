/*
 * PatchCore, PaDiM and SPADE on two small backbones against their Python counterparts in float64
 * (tests/golden/few_shot): grids and image scores of four queries with 1, 2 and 4 references, and a
 * smoothed map. Agreement is the largest difference over the largest golden value, at most 1e-4.
 *
 * method     oracle                                                         largest deviation
 * patchcore  anomalib 2.7.0, PatchcoreModel and KCenterGreedy; map: scipy   2.4e-06
 *            1.17.1 gaussian_filter on torch 2.15.0's bilinear map
 * padim      anomalib 2.7.0, PadimModel and MultiVariateGaussian            3.9e-06
 *            (epsilon 0.01001, see tests/golden/few_shot/README.md)
 * spade      scikit-learn 1.9.1, NearestNeighbors                           3.8e-06
 * backbones  torchvision 0.29.2, timm 1.0.31                                tests/t410-backbone.c
 */
#include "winclip_scene.h"

#include "base/fault.h"
#include "method/classic.h"
#include "method/finish.h"
#include "method/reference_file.h"
#include "model/backbone.h"

#define GOLD "tests/golden/few_shot/"
#define LIMIT 1e-4

enum { N_IMAGES = 4, PX = 60 };

// A configuration, and the golden name of each method under it.
static const struct {
    const char *sets, *patchcore, *padim, *spade;
} setups[] = {
    {"patchcore.coreset=1;padim.dimensions=20", "patchcore_all", "padim", "spade"},
    {"patchcore.coreset=0.25;patchcore.projection=0;padim.dimensions=30;padim.epsilon=0.01001;"
     "spade.neighbours=2",
     "patchcore_quarter", "padim_anomalib", "spade_2"},
    {"patchcore.coreset=0.25;patchcore.projection=8;padim.dimensions=20", "patchcore_projected",
     "padim", "spade"},
};

// One run: CLIP, a backbone, a plan, a scorer and the references' features.
struct run {
    struct scene s;
    struct wc_model *backbone;
    struct wc_config config;
    struct wc_plan plan;
    struct wc_scorer *scorer;
    struct wc_reference_features bank[N_IMAGES];
    struct wc_reference view[N_IMAGES];
    size_t draw[2 * N_IMAGES]; // as given, and backwards
    struct wc_reference_set refs;
    float *prototype;
};

static enum wc_err try_scorer(struct run *r, unsigned n_threads) {
    const struct wc_scorer_options o = {.tile_mode = WC_TILES, .n_threads = n_threads};
    WC_TRY(wc_scorer_new(r->s.model, &r->plan, &o, &r->scorer, &scene_err));
    for (size_t i = 0; i < N_IMAGES; i++) {
        WC_TRY(wc_encode_reference(r->scorer, &r->s.ref[i], &r->bank[i], &scene_err));
        r->view[i] = r->bank[i].view;
    }
    return WC_OK;
}

static void open_run(struct run *r, const char *clip, const char *backbone, const char *method,
                     const char *text, unsigned n_threads) {
    struct wc_strlist sets = {0};
    memset(r, 0, sizeof *r);
    scene_open(&r->s, clip, "tests/golden/winclip/tiny_images.tsv", LIMIT);
    char all[512];
    snprintf(all, sizeof all, "backbone.weights=%s;shots=[0,1,2,4];seeds=[0,1];method=%s;%s",
             backbone, method, text);
    for (const char *at = all; *at;) {
        size_t n = strcspn(at, ";");
        scene_must(wc_strlist_addn(&sets, at, n, &scene_err));
        at += n + (at[n] == ';');
    }
    scene_must(wc_config_init(&r->config, &scene_err));
    scene_must(wc_config_read(NULL, &sets, &r->config, &scene_err));
    wc_strlist_release(&sets);
    scene_must(wc_plan_new(&r->config, scene_grid(&r->s), &r->plan, &scene_err));
    scene_must(wc_backbone_open(r->config.backbone.weights, NULL, PX, &r->backbone, &scene_err));
    wc_plan_attach(&r->plan, r->backbone);
    for (size_t i = 0; i < N_IMAGES; i++) {
        r->draw[i] = i;
        r->draw[N_IMAGES + i] = N_IMAGES - 1 - i;
    }
    r->refs = (struct wc_reference_set){.id = 1,
                                        .reference = r->view,
                                        .n = N_IMAGES,
                                        .draw = r->draw,
                                        .n_seeds = 2,
                                        .n_draw = N_IMAGES};
    size_t e = wc_model_arch(r->s.model)->embed;
    r->prototype = wc_alloc(r->plan.n_recipes * 2 * e, sizeof(float));
    for (size_t i = 0; i < r->plan.n_recipes * 2; i++)
        r->prototype[i * e + i % 2] = 1; // any unit rows: no classic reads them
    scene_must(try_scorer(r, n_threads));
}

static void close_run(struct run *r) {
    for (size_t i = 0; i < N_IMAGES; i++)
        wc_reference_features_release(&r->bank[i]);
    wc_free(r->prototype);
    wc_scorer_free(&r->scorer);
    wc_plan_release(&r->plan);
    wc_model_free(&r->backbone);
    wc_config_release(&r->config);
    scene_close(&r->s);
}

static struct wc_result score(struct run *r, size_t query) {
    struct wc_result x;
    scene_must(
        wc_score_image(r->scorer, &r->s.query[query], r->prototype, &r->refs, &x, &scene_err));
    return x;
}

static size_t find(const struct run *r, const char *method, int64_t shot, int64_t seed) {
    for (size_t v = 0; v < r->plan.n_variants; v++)
        if (strcmp(r->plan.variant[v].method->name, method) == 0 &&
            r->plan.variant[v].shot == shot && r->plan.variant[v].seed == seed)
            return v;
    printf("Bail out! no variant of %s, %lld shots\n", method, (long long)shot);
    exit(2);
}

static const float *grid_of(const struct run *r, const struct wc_result *x, size_t v) {
    return x->grid + x->tiling.n_tiles * wc_plan_cells_before(&r->plan, v);
}

static float *copy_grids(const struct run *r, const struct wc_result *x, size_t *n) {
    *n = x->tiling.n_tiles * wc_plan_cells(&r->plan);
    float *copy = wc_alloc(*n, sizeof *copy);
    memcpy(copy, x->grid, *n * sizeof *copy);
    return copy;
}

/* Golden data. */

// Largest difference over the largest golden value.
static double relative(const float *found, const float *wanted, size_t n) {
    double largest = 0;
    for (size_t i = 0; i < n; i++)
        largest = fmax(largest, fabs((double)wanted[i]));
    return golden_max_diff(found, wanted, n) / largest;
}

static double worst[3]; // patchcore, padim, spade

// All variants' results of each query.
static struct {
    float *grid;
    double score[64];
} made[N_IMAGES];

static void score_all(struct run *r) {
    for (size_t q = 0; q < N_IMAGES; q++) {
        size_t n;
        struct wc_result x = score(r, q);
        if (r->plan.n_variants > 64)
            abort();
        wc_free(made[q].grid);
        made[q].grid = copy_grids(r, &x, &n);
        memcpy(made[q].score, x.score, r->plan.n_variants * sizeof *x.score);
    }
}

static void check_variant(struct run *r, const struct wc_weights *gold, const char *backbone,
                          const char *method, const char *name, int64_t shot, size_t i_method) {
    size_t v = find(r, method, shot, 0), cells = wc_variant_cells(&r->plan.variant[v]);
    char at[96], key[128];
    double off_grid = 0, off_score = 0, off_map = 0;
    snprintf(at, sizeof at, "%s/k%lld/%s", backbone, (long long)shot, name);
    snprintf(key, sizeof key, "%s/grid", at);
    float *grid = golden_tensor(gold, key, N_IMAGES * cells);
    snprintf(key, sizeof key, "%s/score", at);
    float *scores = golden_tensor(gold, key, N_IMAGES);
    snprintf(key, sizeof key, "%s/map", at);
    float *map = golden_tensor(gold, key, (size_t)PX * PX);
    static float smooth[PX * PX], scratch[PX * PX];
    for (size_t q = 0; q < N_IMAGES; q++) {
        const float *own = made[q].grid + wc_plan_cells_before(&r->plan, v);
        off_grid = fmax(off_grid, relative(own, grid + q * cells, cells));
        off_score = fmax(off_score, fabs(made[q].score[v] / (double)scores[q] - 1));
        if (q == 1) {
            wc_variant_map(&r->plan.variant[v], PX, own, smooth, scratch);
            off_map = relative(smooth, map, (size_t)PX * PX);
        }
    }
    snprintf(key, sizeof key, "%s: grid", at);
    golden_below(off_grid, LIMIT, key);
    snprintf(key, sizeof key, "%s: image score", at);
    golden_below(off_score, LIMIT, key);
    snprintf(key, sizeof key, "%s: map", at);
    golden_below(off_map, LIMIT, key);
    worst[i_method] = fmax(worst[i_method], fmax(off_grid, fmax(off_score, off_map)));
    wc_free(grid);
    wc_free(scores);
    wc_free(map);
}

static void check_golden(const char *clip) {
    static const char *const backbones[2] = {"basic", "wide"};
    static struct run r;
    struct wc_weights *gold = golden_open(GOLD "methods.safetensors");
    for (size_t b = 0; b < 2; b++)
        for (size_t i = 0; i < sizeof setups / sizeof *setups; i++) {
            char weights[96];
            snprintf(weights, sizeof weights, GOLD "tiny_%s.safetensors", backbones[b]);
            // Beside WinCLIP, whose rows must not care.
            open_run(&r, clip, weights, "[winclip,patchcore,padim,spade]", setups[i].sets, 2);
            score_all(&r);
            for (int64_t k = 1; k <= 4; k *= 2) {
                check_variant(&r, gold, backbones[b], "patchcore", setups[i].patchcore, k, 0);
                check_variant(&r, gold, backbones[b], "padim", setups[i].padim, k, 1);
                check_variant(&r, gold, backbones[b], "spade", setups[i].spade, k, 2);
            }
            close_run(&r);
        }
    test_note("largest deviations: patchcore %.2g, padim %.2g, spade %.2g", worst[0], worst[1],
              worst[2]);
    for (size_t q = 0; q < N_IMAGES; q++) {
        wc_free(made[q].grid);
        made[q].grid = NULL;
    }
    wc_weights_free(&gold);
}

/* What must not matter. */

static void check_bits(const char *clip) {
    static struct run r;
    const char *weights = GOLD "tiny_wide.safetensors";
    size_t n, n_again;
    open_run(&r, clip, weights, "[winclip,patchcore,padim,spade]", setups[2].sets, 1);
    struct wc_result x = score(&r, 1);
    float *first = copy_grids(&r, &x, &n);
    // Another category in between, and back: what was learnt of it is gone.
    struct wc_reference swapped[N_IMAGES] = {r.view[3], r.view[2], r.view[1], r.view[0]};
    struct wc_reference_set other = r.refs, own = r.refs;
    other.id = 2;
    other.reference = swapped;
    r.refs = other;
    x = score(&r, 1);
    test_ok(memcmp(first, x.grid, n * sizeof *first) != 0, "other references, other grids");
    r.refs = own;
    x = score(&r, 1);
    test_ok(memcmp(first, x.grid, n * sizeof *first) == 0,
            "the references of before, the grids of before");
    // All references in another order.
    static const char *const methods[] = {"padim", "spade"};
    for (size_t i = 0; i < 2; i++) {
        size_t a = find(&r, methods[i], 4, 0), b = find(&r, methods[i], 4, 1);
        golden_below(
            relative(grid_of(&r, &x, a), grid_of(&r, &x, b), wc_variant_cells(&r.plan.variant[a])),
            1e-6, "the order of the references does not matter");
        a = find(&r, methods[i], 2, 0);
        b = find(&r, methods[i], 2, 1);
        test_ok(memcmp(grid_of(&r, &x, a), grid_of(&r, &x, b),
                       wc_variant_cells(&r.plan.variant[a]) * sizeof(float)) != 0,
                "%s: another seed, another draw", methods[i]);
    }
    close_run(&r);
    open_run(&r, clip, weights, "[winclip,patchcore,padim,spade]", setups[2].sets, 3);
    x = score(&r, 1);
    float *again = copy_grids(&r, &x, &n_again);
    test_ok(n == n_again && memcmp(first, again, n * sizeof *first) == 0,
            "three threads give the bits of one");
    close_run(&r);
    // Without CLIP's methods: the encoder of CLIP does not run, the rest stays.
    open_run(&r, clip, weights, "[patchcore,padim,spade]", setups[2].sets, 2);
    x = score(&r, 1);
    test_ok(wc_workspace_n_images(wc_scorer_workspace(r.scorer)) == 0,
            "methods of a backbone alone need no pass through CLIP");
    test_ok(memcmp(first + n - wc_plan_cells(&r.plan), x.grid,
                   wc_plan_cells(&r.plan) * sizeof *first) == 0,
            "and their grids are the same");
    close_run(&r);
    wc_free(first);
    wc_free(again);
}

// A normal picture among its own references is no anomaly; PaDiM's cells are at their mean.
static void check_self(const char *clip) {
    static struct run r;
    open_run(&r, clip, GOLD "tiny_basic.safetensors", "[patchcore,padim,spade]",
             "patchcore.coreset=1", 2);
    wc_image_release(&r.s.query[0]);
    scene_must(wc_image_new(PX, PX, &r.s.query[0], &scene_err));
    memcpy(r.s.query[0].rgb, r.s.ref[0].rgb, (size_t)3 * PX * PX);
    struct wc_result x = score(&r, 0);
    static const char *const methods[] = {"patchcore", "padim", "spade"};
    for (size_t i = 0; i < 3; i++) {
        size_t v = find(&r, methods[i], 1, 0);
        double most = 0;
        for (size_t k = 0; k < wc_variant_cells(&r.plan.variant[v]); k++)
            most = fmax(most, (double)grid_of(&r, &x, v)[k]);
        golden_below(most + fabs(x.score[v]), 1e-4, methods[i]);
    }
    close_run(&r);
}

// Tiles of a wide picture, through a reference file: the layout of several tiles.
static void check_tiles(const char *clip) {
    static struct run r;
    char path[512];
    const char *tmp = getenv("WC_TEST_TMP");
    snprintf(path, sizeof path, "%s/t510-reference.safetensors", tmp ? tmp : "build/tmp");
    open_run(&r, clip, GOLD "tiny_wide.safetensors", "[winclip,patchcore,padim,spade]",
             "patchcore.coreset=0.5", 2);
    // The picture of ref 0, three times as wide by repetition: its tiles are shifted copies.
    struct wc_image wide = {0};
    scene_must(wc_image_new(3 * PX, PX, &wide, &scene_err));
    for (size_t y = 0; y < PX; y++)
        for (size_t x = 0; x < 3 * PX; x++)
            memcpy(wide.rgb + 3 * (y * 3 * PX + x), r.s.ref[0].rgb + 3 * (y * PX + x % PX), 3);
    struct wc_reference_features f = {0};
    scene_must(wc_encode_reference(r.scorer, &wide, &f, &scene_err));
    scene_must(wc_reference_write(path, "key", r.s.model, &r.plan.reference, &f.view, &scene_err));
    struct wc_weights *file = golden_open(path);
    struct wc_reference view;
    scene_must(wc_reference_view(file, "", "key", r.s.model, &r.plan.reference, &view, &scene_err));
    size_t n = view.n_tiles * wc_backbone_layer_f32(r.backbone, 2);
    test_ok(view.n_tiles == 4 && memcmp(view.layer[2], f.view.layer[2], n * sizeof(float)) == 0 &&
                !view.layer[3] && view.pooled,
            "a reference of four tiles comes back from its file");
    const struct wc_reference four[4] = {view, view, view, view};
    r.refs = (struct wc_reference_set){
        .id = 7, .reference = four, .n = 4, .draw = r.draw, .n_seeds = 2, .n_draw = 4};
    struct wc_result x;
    scene_must(wc_score_image(r.scorer, &wide, r.prototype, &r.refs, &x, &scene_err));
    static const char *const methods[] = {"padim", "spade"};
    test_ok(x.tiling.n_tiles == 4, "the query has four tiles too");
    for (size_t i = 0; i < 2; i++) {
        size_t v = find(&r, methods[i], 1, 0), m = 4 * wc_variant_cells(&r.plan.variant[v]);
        double most = 0;
        for (size_t k = 0; k < m; k++)
            most = fmax(most, (double)grid_of(&r, &x, v)[k]);
        golden_below(most + fabs(x.score[v]), 1e-4, methods[i]);
    }
    wc_weights_free(&file);
    wc_reference_features_release(&f);
    wc_image_release(&wide);
    close_run(&r);
    remove(path);
}

/* The coreset's rule, on numbers. */

static void check_coreset(void) {
    // Rows 0, 10, 4, 9, 1 on a line, of which the second to the last take part, from 4 on.
    const float x[] = {0, 10, 4, 9, 1};
    const size_t row[] = {1, 2, 3, 4}, wanted[] = {1, 0, 3, 2};
    size_t found[4];
    float distance[4];
    wc_greedy_coreset(x, 1, row, 4, 1, 4, 2, distance, found);
    test_ok(memcmp(found, wanted, sizeof wanted) == 0, "farthest first: 4, 10, 1, 9");
    // Equal rows: no harm.
    const float same[8] = {0};
    const size_t all[] = {0, 1, 2, 3};
    wc_greedy_coreset(same, 2, all, 4, 2, 4, 1, distance, found);
    test_ok(found[0] == 2 && found[1] < 4 && found[3] < 4, "equal rows");
}

/* What is refused, and failing memory. */

static void refuse(const char *text, const char *part) {
    struct wc_strlist sets = {0};
    struct wc_config c;
    struct wc_plan plan = {0};
    for (const char *at = text; *at;) {
        size_t n = strcspn(at, ";");
        scene_must(wc_strlist_addn(&sets, at, n, &scene_err));
        at += n + (at[n] == ';');
    }
    scene_must(wc_config_init(&c, &scene_err));
    scene_must(wc_config_read(NULL, &sets, &c, &scene_err));
    scene_err = (struct wc_error){0};
    enum wc_err rc = wc_plan_new(&c, 15, &plan, &scene_err);
    if (!test_ok(rc == WC_ERR_CONFIG && strstr(scene_err.text, part), "refused: %s", text))
        test_note("code %d: %s", (int)rc, scene_err.text);
    wc_plan_release(&plan);
    wc_config_release(&c);
    wc_strlist_release(&sets);
}

static void check_failures(const char *clip) {
    static struct run r;
    unsigned long n = 0, n_bad = 0;
    enum wc_err rc = WC_ERR_NOMEM;
    open_run(&r, clip, GOLD "tiny_basic.safetensors", "[winclip,patchcore,padim,spade]",
             "patchcore.coreset=0.2;patchcore.projection=8", 1);
    while (rc != WC_OK && n < 2000) {
        struct wc_result x;
        for (size_t i = 0; i < N_IMAGES; i++)
            wc_reference_features_release(&r.bank[i]);
        wc_scorer_free(&r.scorer);
        wc_fault_arm(WC_FAULT_ALLOC, ++n, false);
        rc = try_scorer(&r, 1);
        if (rc == WC_OK)
            rc = wc_score_image(r.scorer, &r.s.query[1], r.prototype, &r.refs, &x, &scene_err);
        n_bad += rc != WC_OK && rc != WC_ERR_NOMEM;
        wc_fault_reset();
    }
    test_ok(rc == WC_OK && n > 30 && n_bad == 0,
            "each of %lu allocations may fail: out of memory, nothing leaks", n - 1);
    close_run(&r);
}

int main(void) {
    char path[512];
    const char *tmp = getenv("WC_TEST_TMP");
    snprintf(path, sizeof path, "%s/t510-tiny.safetensors", tmp ? tmp : "build/tmp");
    scene_must(wc_kernels_init("auto", &scene_err));
    scene_must(wc_gemm_init("auto", &scene_err));
    scene_write_tiny(path);
    check_coreset();
    check_golden(path);
    check_bits(path);
    check_self(path);
    check_tiles(path);
    refuse("method=patchcore;shots=[0]", "needs normal references");
    refuse("method=[winclip,padim];shots=[0,1]", "backbone.weights: missing");
    check_failures(path);
    remove(path);
    return test_done();
}
