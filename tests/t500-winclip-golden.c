// WinCLIP step by step, and the four presets, against tests/golden/winclip: features, prototypes,
// equations 1 to 6, one choice of the paper's preset changed at a time. Tiny and full size.
#include "winclip_scene.h"

#include "image/resize.h"

#define GOLD "tests/golden/winclip/"
#define FEATURE_TOLERANCE 2e-5 // relative L2
#define N_LISTS 3

struct scenario {
    const char *name;
    double tolerance; // of scores and maps
    const char *objects[3], *keys[3];
    size_t n_objects;
    int64_t shots[3];
    size_t n_shots;
    int64_t variant_shot;
};
static const struct scenario scenarios[] = {
    {"tiny",
     1e-4,
     {"bottle", "metal nut", "pcb1"},
     {"bottle", "metal_nut", "pcb1"},
     3,
     {1, 2, 4},
     3,
     4},
    {"full", 1e-5, {"bottle"}, {"bottle"}, 1, {1, 2}, 2, 2},
};

static const char *const lists[N_LISTS] = {"t21", "t22", "t22np"};
static const char *const presets[4] = {"anomalib", "accurate", "caoyunkang", "paper"};

// Names of tiny_paper_variants and the switch that each changes.
static const struct {
    const char *name, *set;
} choices[] = {
    {"default", ""},
    {"prompts-t21", "winclip.prompts=t21;"},
    {"prompts-t22np", "winclip.prompts=t22np;"},
    {"prototype-mean", "winclip.text_average=raw;"},
    {"tau0.01", "winclip.tau=0.01;"},
    {"FP-post_ln_post", "winclip.reference_patch=post;"},
    {"FP-projected", "winclip.reference_patch=proj;"},
    {"window-reference-arithmetic", "winclip.reference_aggregation=arithmetic;"},
    {"fusion-mean", "winclip.map_fusion=mean;"},
    {"fusion-harmonic", "winclip.map_fusion=harmonic;"},
};
#define N_CHOICES (sizeof choices / sizeof *choices)

static struct wc_weights *open_gold(const struct scenario *sc, const char *what) {
    char path[128];
    snprintf(path, sizeof path, GOLD "%s_%s.safetensors", sc->name, what);
    return golden_open(path);
}

// A golden tensor, kept until the program ends so that leak checkers find it.
static const float *kept(const struct wc_weights *w, const char *name, size_t n) {
    static const float *all[1024];
    static size_t n_all;
    if (n_all == sizeof all / sizeof *all)
        abort();
    return all[n_all++] = golden_tensor(w, name, n);
}

/* Features. */

// Unit copies of what the equations take.
struct unit {
    float *image, *win[2], *patch[3];
};

static void check_rows(const struct scenario *sc, const struct wc_weights *gold, const char *key,
                       size_t i, size_t n_images, const float *found, size_t n) {
    char label[128];
    snprintf(label, sizeof label, "%s: %s, picture %zu", sc->name, key, i);
    golden_below(golden_rel_l2(found, kept(gold, key, n_images * n) + i * n, n), FEATURE_TOLERANCE,
                 label);
}

// Tiny: every array of every picture. Full size: all embeddings, and what the file holds of
// query 1.
static bool whole(const struct scenario *sc, const char *side, size_t i) {
    return sc->n_objects > 1 || (strcmp(side, "query") == 0 && i == 1);
}

static void check_arrays(const struct scenario *sc, const struct scene *s,
                         const struct wc_weights *gold, const char *side, size_t i, size_t n,
                         const struct wc_features *x) {
    size_t e = wc_model_arch(s->model)->embed, d = wc_model_arch(s->model)->width;
    bool tiny = sc->n_objects > 1;
    size_t n_patches = tiny ? 225 : 16;
    const struct {
        const char *name;
        const float *data;
        size_t n;
    } part[] = {{"win2", x->window[0], 196 * e},
                {"win3", x->window[1], 169 * e},
                {"patch_pre", x->patch, n_patches * d},
                {"patch_post", x->patch_post, n_patches * d},
                {"patch_proj", x->patch_proj, n_patches * e}};
    for (size_t k = 0; k < 5; k++) {
        char key[64];
        if (tiny)
            snprintf(key, sizeof key, "%s_%s", side, part[k].name);
        else
            snprintf(key, sizeof key, "query1_%s%s", part[k].name, k > 1 ? "_first16" : "");
        check_rows(sc, gold, key, tiny ? i : 0, tiny ? n : 1, part[k].data, part[k].n);
    }
}

static float *unit_copy(const float *x, size_t n, size_t width) {
    float *copy = wc_alloc(n * width, sizeof *copy);
    memcpy(copy, x, n * width * sizeof *copy);
    wc_l2_normalise(n, width, copy, width);
    return copy;
}

// Encodes the pictures of one side and compares them; out[i] of a picture whose windows no golden
// file holds stays empty.
static void encode(const struct scenario *sc, const struct scene *s, const struct wc_weights *gold,
                   const char *side, const struct wc_image *image, size_t n, struct unit *out) {
    const struct wc_arch *a = wc_model_arch(s->model);
    const struct wc_request all = {.want = WC_WANT_IMAGE | WC_WANT_WINDOWS | WC_WANT_PATCH |
                                           WC_WANT_PATCH_POST | WC_WANT_PATCH_PROJ,
                                   .n_scales = 2,
                                   .window = {2, 3}};
    const struct wc_request embedding = {.want = WC_WANT_IMAGE};
    struct wc_features x;
    struct wc_tiling t;
    char key[64];
    float *pixels = wc_alloc(3 * a->image_px * a->image_px, sizeof *pixels);
    scene_must(wc_features_init(s->model, &all, &x, &scene_err));
    for (size_t i = 0; i < n; i++) {
        out[i] = (struct unit){0};
        scene_must(wc_tiling_plan(image[i].width_px, image[i].height_px, a->image_px, WC_TILES, &t,
                                  &scene_err));
        wc_tiling_normalise(&t, &image[i], 0, wc_clip_mean, wc_clip_std, pixels);
        scene_must(wc_encode_image(s->model, wc_scorer_workspace(s->scorer), pixels,
                                   whole(sc, side, i) ? &all : &embedding, &x, &scene_err));
        snprintf(key, sizeof key, "%s_embed", side);
        check_rows(sc, gold, key, i, n, x.image, a->embed);
        if (!whole(sc, side, i))
            continue;
        check_arrays(sc, s, gold, side, i, n, &x);
        out[i] = (struct unit){
            .image = unit_copy(x.image, 1, a->embed),
            .win = {unit_copy(x.window[0], 196, a->embed), unit_copy(x.window[1], 169, a->embed)},
            .patch = {unit_copy(x.patch, 225, a->width), unit_copy(x.patch_post, 225, a->width),
                      unit_copy(x.patch_proj, 225, a->embed)}};
    }
    wc_features_release(&x);
    wc_free(pixels);
}

static void unit_release(struct unit *u, size_t n) {
    for (size_t i = 0; i < n; i++) {
        wc_free(u[i].image);
        for (size_t k = 0; k < 2; k++)
            wc_free(u[i].win[k]);
        for (size_t k = 0; k < 3; k++)
            wc_free(u[i].patch[k]);
    }
}

/* Text. */

// Prototypes of an object by list and way: out (N_LISTS, 2 ways, 2, e). Each list is embedded once.
static void check_text(const struct scenario *sc, const struct scene *s,
                       const struct wc_weights *gold, size_t object, float *out) {
    size_t e = wc_model_arch(s->model)->embed;
    for (size_t l = 0; l < N_LISTS; l++) {
        struct wc_strlist side[2] = {{0}, {0}};
        char key[96], label[160];
        scene_must(wc_prompts_expand(s->prompts.set[WC_PROMPTS_CONFIGURED], lists[l], NULL,
                                     sc->objects[object], &side[0], &side[1], &scene_err));
        for (size_t a = 0; a < 2; a++) {
            float *x = wc_alloc(side[a].n * e, sizeof *x);
            scene_must(wc_embed_texts(s->model, wc_scorer_workspace(s->scorer), s->tokenizer,
                                      &side[a], x, &scene_err));
            snprintf(key, sizeof key, "%s/%s/prompts_%s", sc->keys[object], lists[l],
                     a ? "abnormal" : "normal");
            if (wc_weights_find(gold, key)) {
                snprintf(label, sizeof label, "%s: %s", sc->name, key);
                golden_below(golden_rel_l2(x, kept(gold, key, side[a].n * e), side[a].n * e),
                             FEATURE_TOLERANCE, label);
            }
            for (size_t way = 0; way < 2; way++) {
                float *to = out + ((l * 2 + way) * 2 + a) * e;
                scene_must(wc_prototype_mean(x, side[a].n, e,
                                             way ? WC_AVERAGE_NORMALIZED_EACH : WC_AVERAGE_RAW, to,
                                             &scene_err));
                snprintf(key, sizeof key, "%s/%s/%s", sc->keys[object], lists[l],
                         way ? "normmean" : "mean");
                snprintf(label, sizeof label, "%s: prototype %s, %s", sc->name, key,
                         a ? "abnormal" : "normal");
                golden_below(golden_rel_l2(to, kept(gold, key, 2 * e) + a * e, e),
                             FEATURE_TOLERANCE, label);
            }
            wc_free(x);
        }
        wc_strlist_release(&side[0]);
        wc_strlist_release(&side[1]);
    }
}

// The scorer's prototypes in the plan's order, from those of check_text(); for the tiny model
// wc_prototypes() must give the same.
static float *plan_prototypes(const struct scenario *sc, const struct scene *s, size_t object,
                              const float *made) {
    size_t e = wc_model_arch(s->model)->embed, n = s->plan.n_recipes;
    float *out = wc_alloc(n * 2 * e, sizeof *out), *again = wc_alloc(n * 2 * e, sizeof *out);
    for (size_t i = 0; i < n; i++) {
        size_t l = 0, way = s->plan.recipe[i].average == WC_AVERAGE_NORMALIZED_EACH;
        while (strcmp(lists[l], s->plan.recipe[i].list) != 0)
            l++;
        memcpy(out + i * 2 * e, made + (l * 2 + way) * 2 * e, 2 * e * sizeof *out);
    }
    if (s->tolerance > 5e-5) {
        char label[96];
        scene_must(wc_prototypes(s->model, wc_scorer_workspace(s->scorer), s->tokenizer,
                                 &s->prompts, s->plan.recipe, n, NULL, sc->objects[object], again,
                                 &scene_err));
        snprintf(label, sizeof label, "%s: %s: prototypes of the plan's %zu recipes", sc->name,
                 sc->objects[object], n);
        golden_below(golden_rel_l2(again, out, n * 2 * e), FEATURE_TOLERANCE, label);
    }
    wc_free(again);
    return out;
}

/* Equations 1 and 3: windows, maps, scales. */

struct worst {
    char name[64];
    double off;
};

static void compare(struct worst *w, const char *name, const double *found, const float *gold,
                    size_t n) {
    snprintf(w->name, sizeof w->name, "%.63s", name);
    for (size_t i = 0; i < n; i++)
        w->off = scene_worse(w->off, found[i], (double)gold[i]);
}

static void check_upsampled(const struct scenario *sc, const struct scene *s, size_t q,
                            const struct wc_weights *gold, const double *m0, struct worst *w) {
    size_t px = wc_model_arch(s->model)->image_px;
    char key[96];
    snprintf(key, sizeof key, "%s/tau0.07/multi_upsampled", sc->keys[0]);
    if (!wc_weights_find(gold, key))
        return;
    float grid[225], *map = wc_alloc(px * px, sizeof *map);
    double *wide = wc_alloc(px * px, sizeof *wide);
    for (size_t k = 0; k < 225; k++)
        grid[k] = (float)m0[k];
    wc_map_upsample(grid, 15, 15, px, px, map);
    for (size_t k = 0; k < px * px; k++)
        wide[k] = (double)map[k];
    compare(w, "multi_upsampled", wide, kept(gold, key, s->n_queries * px * px) + q * px * px,
            px * px);
    wc_free(map);
    wc_free(wide);
}

static void check_zeroshot(const struct scenario *sc, const struct scene *s,
                           const struct unit *query, const struct wc_weights *gold, size_t object,
                           const float *t21_mean) {
    static const char *const taus[2] = {"0.07", "0.01"};
    size_t e = wc_model_arch(s->model)->embed;
    for (size_t t = 0; t < 2; t++) {
        struct wc_winclip o = {.tau = strtod(taus[t], NULL), .image_scale = true, .n_windows = 2};
        struct worst worst[7] = {{"", 0}};
        char key[96], base[64];
        snprintf(base, sizeof base, "%s/tau%s", sc->keys[object], taus[t]);
#define GOLDEN(what, n)                                                                            \
    (snprintf(key, sizeof key, "%s/%s", base, what), kept(gold, key, s->n_queries * (n)) + q * (n))
        for (size_t q = 0; q < s->n_queries; q++) {
            double z, win[2][196], map[2 * 225], m0[225];
            if (!query[q].image)
                continue;
            wc_winclip_probability(&o, query[q].image, 1, e, t21_mean, &z);
            wc_winclip_probability(&o, query[q].win[0], 196, e, t21_mean, win[0]);
            wc_winclip_probability(&o, query[q].win[1], 169, e, t21_mean, win[1]);
            wc_winclip_to_patches(win[0], 15, 2, WC_AGG_HARMONIC, map);
            wc_winclip_to_patches(win[1], 15, 3, WC_AGG_HARMONIC, map + 225);
            wc_winclip_fuse_scales(&o, map, 2, z, 15, m0);
            compare(&worst[0], "image", &z, GOLDEN("image", (size_t)1), 1);
            compare(&worst[1], "win2", win[0], GOLDEN("win2", (size_t)196), 196);
            compare(&worst[2], "win3", win[1], GOLDEN("win3", (size_t)169), 169);
            compare(&worst[3], "map2", map, GOLDEN("map2", (size_t)225), 225);
            compare(&worst[4], "map3", map + 225, GOLDEN("map3", (size_t)225), 225);
            compare(&worst[5], "multi", m0, GOLDEN("multi", (size_t)225), 225);
            if (t == 0 && object == 0)
                check_upsampled(sc, s, q, gold, m0, &worst[6]);
        }
#undef GOLDEN
        for (size_t i = 0; i < 7; i++) {
            char label[160];
            snprintf(label, sizeof label, "%s: zero-shot %.32s/%.63s", sc->name, base,
                     worst[i].name);
            if (worst[i].name[0])
                golden_below(worst[i].off, sc->tolerance, label);
        }
    }
}

/* Equation 4. */

// Scores of a query's rows against the first k references, as the scorer encoded them: (n).
static void associate(const struct wc_reference_features *ref, size_t k, size_t kind,
                      const float *query, size_t n, size_t width, double *score) {
    const size_t draw[SCENE_MAX_IMAGES] = {0, 1, 2, 3};
    float *block = wc_alloc(n * WC_REFERENCE_BLOCK, sizeof *block),
          *best = wc_alloc(k * n, sizeof *best);
    for (size_t r = 0; r < k; r++) {
        const float *bank = kind < 2 ? ref[r].view.window[kind] : ref[r].view.patch[kind - 1];
        wc_associate(query, n, bank, n, width, block, best + r * n);
    }
    wc_association_scores(best, n, draw, k, score);
    wc_free(block);
    wc_free(best);
}

static void check_fewshot(const struct scenario *sc, const struct scene *s,
                          const struct unit *query, const struct wc_weights *gold) {
    static const char *const names[5] = {"win2", "win3", "patch_pre_ln_post", "patch_post_ln_post",
                                         "patch_projected"};
    static const size_t rows[5] = {196, 169, 225, 225, 225};
    size_t e = wc_model_arch(s->model)->embed, d = wc_model_arch(s->model)->width;
    const size_t width[5] = {e, e, d, d, e};
    for (size_t i = 0; i < sc->n_shots; i++) {
        struct worst worst[9] = {{"", 0}};
        size_t k = (size_t)sc->shots[i], n_worst = 0;
        char key[96], label[160];
        for (size_t q = 0; q < s->n_queries; q++) {
            if (!query[q].image)
                continue;
            n_worst = 0;
            for (size_t kind = 0; kind < 5; kind++) {
                double score[225], map[225];
                const float *x = kind < 2 ? query[q].win[kind] : query[q].patch[kind - 2];
                size_t n = rows[kind];
                associate(s->bank, k, kind, x, n, width[kind], score);
                snprintf(key, sizeof key, "k%zu/%s", k, names[kind]);
                compare(&worst[n_worst++], key, score, kept(gold, key, s->n_queries * n) + q * n,
                        n);
                for (int how = 0; how < 2 && kind < 2; how++) {
                    wc_winclip_to_patches(score, 15, kind + 2,
                                          how ? WC_AGG_ARITHMETIC : WC_AGG_HARMONIC, map);
                    snprintf(key, sizeof key, "k%zu/map%zu_%s", k, kind + 2,
                             how ? "arithmetic" : "harmonic");
                    compare(&worst[n_worst++], key, map,
                            kept(gold, key, s->n_queries * 225) + q * 225, 225);
                }
            }
        }
        for (size_t j = 0; j < n_worst; j++) {
            snprintf(label, sizeof label, "%s: reference association %.63s", sc->name,
                     worst[j].name);
            golden_below(worst[j].off, sc->tolerance, label);
        }
    }
}

/* Presets and single switches, through the scorer. */

// The score of each query from a table with the class, k and query in columns 1, 2, 3.
static void take_scores(struct scene_expectation *x, const struct golden_table *t,
                        const char *first, const char *class_key, int64_t k, size_t column,
                        size_t n_queries) {
    size_t n = 0;
    for (size_t r = 0; r < t->n_rows; r++)
        if (strcmp(t->cell[r][0], first) == 0 && strcmp(t->cell[r][1], class_key) == 0 &&
            strtol(t->cell[r][2], NULL, 10) == k && n < n_queries)
            x->score[n++] = strtod(t->cell[r][column], NULL);
    x->has_score = n == n_queries;
    if (!x->has_score) {
        printf("Bail out! %s: %zu golden scores\n", x->name, n);
        exit(2);
    }
}

static void expect_presets(const struct scenario *sc, struct scene *s, size_t first,
                           const struct wc_weights *gold, const struct golden_table *t) {
    for (size_t p = 0; p < 4; p++)
        for (size_t c = 0; c < sc->n_objects; c++)
            for (size_t i = 0; i <= sc->n_shots; i++) {
                int64_t k = i > 0 ? sc->shots[i - 1] : 0;
                char key[96], label[128];
                snprintf(key, sizeof key, "%s/%s/k%lld/grid", presets[p], sc->keys[c],
                         (long long)k);
                snprintf(label, sizeof label, "%s: preset %s, %s, k %lld", sc->name, presets[p],
                         sc->objects[c], (long long)k);
                struct scene_expectation *x =
                    scene_expect(s, label, sc->objects[c], scene_variant(s, first, presets[p], k),
                                 kept(gold, key, s->n_queries * 225));
                take_scores(x, t, presets[p], sc->objects[c], k, 4, s->n_queries);
            }
}

// grids: NULL for the full size, which has scores only.
static void expect_choice(const struct scenario *sc, struct scene *s, size_t i, size_t first,
                          const struct wc_weights *grids, const struct golden_table *t) {
    char key[96], label[128];
    size_t few = scene_variant(s, first, "paper", sc->variant_shot),
           zero = scene_variant(s, first, "paper", 0);
    const float *grid = NULL, *m0 = NULL;
    snprintf(key, sizeof key, "%s/grid", choices[i].name);
    if (grids)
        grid = kept(grids, key, s->n_queries * 225);
    snprintf(key, sizeof key, "%s/M0", choices[i].name);
    if (grids)
        m0 = kept(grids, key, s->n_queries * 225);
    snprintf(label, sizeof label, "%s: paper with %s", sc->name, choices[i].name);
    take_scores(scene_expect(s, label, sc->objects[0], few, grid), t, choices[i].name, sc->keys[0],
                sc->variant_shot, 5, s->n_queries);
    snprintf(label, sizeof label, "%s: paper with %s, zero-shot", sc->name, choices[i].name);
    take_scores(scene_expect(s, label, sc->objects[0], zero, m0), t, choices[i].name, sc->keys[0],
                sc->variant_shot, 4, s->n_queries);
}

static void add_variants(const struct scenario *sc, struct scene *s, size_t *preset,
                         size_t *choice) {
    char text[256];
    snprintf(text, sizeof text, "preset=[paper, accurate, anomalib, caoyunkang];shots=[0, 1, 2%s]",
             sc->n_shots == 3 ? ", 4" : "");
    *preset = scene_add(s, text);
    for (size_t i = 0; i < N_CHOICES; i++) {
        snprintf(text, sizeof text, "%spreset=paper;shots=[0, %lld]", choices[i].set,
                 (long long)sc->variant_shot);
        choice[i] = scene_add(s, text);
    }
}

static void check_scenario(const struct scenario *sc, const char *weights) {
    static struct scene s;
    struct golden_table preset_scores, choice_scores;
    struct unit query[SCENE_MAX_IMAGES], ref[SCENE_MAX_IMAGES];
    size_t preset, choice[N_CHOICES];
    char path[128];
    snprintf(path, sizeof path, GOLD "%s_images.tsv", sc->name);
    scene_open(&s, weights, path, sc->tolerance);
    size_t e = wc_model_arch(s.model)->embed;
    add_variants(sc, &s, &preset, choice);
    scene_start(&s);
    struct wc_weights *features = open_gold(sc, "features"), *text = open_gold(sc, "text"),
                      *zeroshot = open_gold(sc, "zeroshot"), *fewshot = open_gold(sc, "fewshot"),
                      *grids = open_gold(sc, "presets"),
                      *variants = sc->n_objects > 1 ? open_gold(sc, "paper_variants") : NULL;
    encode(sc, &s, features, "query", s.query, s.n_queries, query);
    encode(sc, &s, features, "ref", s.ref, s.n_refs, ref);
    check_fewshot(sc, &s, query, fewshot);
    snprintf(path, sizeof path, GOLD "%s_presets.tsv", sc->name);
    golden_read_table(path, &preset_scores);
    snprintf(path, sizeof path, GOLD "%s_paper_variants.tsv", sc->name);
    golden_read_table(path, &choice_scores);
    expect_presets(sc, &s, preset, grids, &preset_scores);
    for (size_t i = 0; i < N_CHOICES; i++)
        expect_choice(sc, &s, i, choice[i], variants, &choice_scores);
    for (size_t c = 0; c < sc->n_objects; c++) {
        float *made = wc_alloc(N_LISTS * 4 * e, sizeof *made);
        check_text(sc, &s, text, c, made);
        check_zeroshot(sc, &s, query, zeroshot, c, made);
        float *prototype = plan_prototypes(sc, &s, c, made);
        scene_score(&s, sc->objects[c], prototype);
        wc_free(prototype);
        wc_free(made);
    }
    scene_check(&s);
    wc_free(preset_scores.text);
    wc_free(choice_scores.text);
    unit_release(query, s.n_queries);
    unit_release(ref, s.n_refs);
    struct wc_weights *all[6] = {features, text, zeroshot, fewshot, grids, variants};
    for (size_t i = 0; i < 6; i++)
        wc_weights_free(&all[i]);
    scene_close(&s);
}

int main(void) {
    char path[512];
    const char *tmp = getenv("WC_TEST_TMP");
    snprintf(path, sizeof path, "%s/t500-tiny.safetensors", tmp ? tmp : "build/tmp");
    scene_must(wc_kernels_init("auto", &scene_err));
    scene_must(wc_gemm_init("auto", &scene_err));
    scene_write_tiny(path);
    check_scenario(&scenarios[0], path);
    remove(path);
    if (getenv("WC_ASAN")) // one size is enough for memory errors
        test_skip("full size", "under AddressSanitizer");
    else
        check_scenario(&scenarios[1], "random:ViT-B-16-plus-240");
    return test_done();
}
