/*
 * What the golden tests of WinCLIP share: a model with generated weights, pictures by formula, one
 * plan that holds the variants of many configurations, and expectations about their scores and
 * grids.
 *
 *     scene_open(); scene_add() for each configuration; scene_start(); scene_expect() for each
 *     golden row; scene_score() for each class; scene_check(); scene_close().
 *
 * One encoder pass over a picture serves all variants, as in a run: a variant that disturbs another
 * would show.
 */
#ifndef WC_TESTS_WINCLIP_SCENE_H
#define WC_TESTS_WINCLIP_SCENE_H

#include "golden.h"
#include "golden_model.h"

#include "base/hash.h"
#include "config/config.h"
#include "method/association.h"
#include "method/prototypes.h"
#include "method/scorer.h"
#include "model/random.h"
#include "tensor/gemm.h"
#include "tensor/kernels.h"

enum { SCENE_MAX_IMAGES = 4, SCENE_MAX_CONFIGS = 40, SCENE_MAX_EXPECTATIONS = 160 };

// A variant's golden figures for one class, over all queries.
struct scene_expectation {
    char name[128];
    const char *object;
    size_t variant;
    const float *grid; // (n_queries, g * g), or NULL
    bool has_score;    // of each query
    double score[SCENE_MAX_IMAGES];
    double off_grid, off_score; // the largest differences found
    size_t n_seen;
};

struct scene {
    struct wc_model *model;
    struct wc_tokenizer *tokenizer;
    struct wc_prompt_sets prompts;
    struct wc_config config[SCENE_MAX_CONFIGS]; // the plans point into them
    size_t n_configs;
    struct wc_plan plan;
    struct wc_scorer *scorer;
    struct wc_image ref[SCENE_MAX_IMAGES], query[SCENE_MAX_IMAGES];
    size_t n_refs, n_queries;
    struct wc_reference_features bank[SCENE_MAX_IMAGES];
    struct scene_expectation expectation[SCENE_MAX_EXPECTATIONS];
    size_t n_expectations;
    double tolerance;
};

static struct wc_error scene_err;

static inline void scene_must(enum wc_err rc) {
    if (rc != WC_OK) {
        printf("Bail out! %s\n", scene_err.text);
        exit(2);
    }
}

/* Pictures. */

static inline struct golden_formula scene_formula(const struct golden_table *t, size_t row) {
    struct golden_formula f = {golden_size(t, row, 1),
                               golden_size(t, row, 2),
                               golden_size(t, row, 3),
                               golden_size(t, row, 4),
                               golden_size(t, row, 5),
                               golden_size(t, row, 6),
                               golden_size(t, row, 7),
                               golden_size(t, row, 8),
                               0,
                               0,
                               0,
                               0,
                               0};
    unsigned long d[5];
    if (sscanf(t->cell[row][9], "%lu %lu %lu %lu %lu", &d[0], &d[1], &d[2], &d[3], &d[4]) == 5) {
        f.y0 = d[0];
        f.x0 = d[1];
        f.hh = d[2];
        f.ww = d[3];
        f.ds = d[4];
    }
    return f;
}

// The picture of a row, checked against the row's hash: a wrong generator must not look like a
// wrong encoder.
static inline struct wc_image scene_image(const struct golden_table *t, size_t row) {
    struct golden_formula f = scene_formula(t, row);
    struct wc_image image = golden_image(&f);
    uint64_t hash = UINT64_C(0xCBF29CE484222325);
    char hex[20];
    for (size_t i = 0; i < 3 * image.width_px * image.height_px; i++)
        hash = (hash ^ image.rgb[i]) * UINT64_C(0x100000001B3);
    snprintf(hex, sizeof hex, "%016llx", (unsigned long long)hash);
    if (strcmp(hex, t->cell[row][10]) != 0) {
        printf("Bail out! picture %s: hash %s, golden %s\n", t->cell[row][0], hex,
               t->cell[row][10]);
        exit(2);
    }
    return image;
}

static inline void scene_images(struct scene *s, const char *path) {
    struct golden_table t;
    golden_read_table(path, &t);
    for (size_t i = 0; i < t.n_rows; i++) {
        bool ref = strncmp(t.cell[i][0], "ref", 3) == 0;
        struct wc_image *to = ref ? &s->ref[s->n_refs++] : &s->query[s->n_queries++];
        *to = scene_image(&t, i);
    }
    wc_free(t.text);
}

/* The model. */

// Golden "tiny": tests/golden/winclip/README.md.
static const char scene_tiny_json[] =
    "{\"embed_dim\": 32, \"quick_gelu\": false, \"vision_cfg\": {\"image_size\": 60, \"layers\": 3, "
    "\"width\": 64, \"head_width\": 32, \"patch_size\": 4}, \"text_cfg\": {\"context_length\": 77, "
    "\"vocab_size\": 49408, \"width\": 32, \"heads\": 2, \"layers\": 2}}";

static inline void scene_write_tiny(const char *path) {
    struct wc_arch arch;
    scene_must(wc_arch_from_json("tiny.json", scene_tiny_json, strlen(scene_tiny_json), &arch,
                                 &scene_err));
    scene_must(wc_random_write(&arch, WC_GELU, WC_RANDOM_SEED, path, &scene_err));
}

static inline void scene_open(struct scene *s, const char *weights, const char *images,
                              double tolerance) {
    const struct wc_model_options o = {.weights = weights, .arch = "auto", .activation = WC_GELU};
    memset(s, 0, sizeof *s);
    s->tolerance = tolerance;
    scene_must(wc_model_open(&o, &s->model, &scene_err));
    scene_must(wc_tokenizer_new(NULL, &s->tokenizer, &scene_err));
    scene_images(s, images);
}

static inline size_t scene_grid(const struct scene *s) {
    return wc_arch_grid(wc_model_arch(s->model));
}

/* The plan. */

static inline size_t scene_recipe(struct wc_plan *p, const struct wc_recipe *r) {
    for (size_t i = 0; i < p->n_recipes; i++)
        if (p->recipe[i].source == r->source && strcmp(p->recipe[i].list, r->list) == 0 &&
            p->recipe[i].average == r->average)
            return i;
    scene_must(WC_GROW(&p->recipe, &p->cap_recipes, p->n_recipes + 1, "plan", &scene_err));
    p->recipe[p->n_recipes] = *r;
    return p->n_recipes++;
}

// Adds the variants of a configuration ("key=value;key=value"); returns the first one's index. The
// first configuration decides which window sides exist.
static inline size_t scene_add(struct scene *s, const char *text) {
    struct wc_strlist sets = {0};
    struct wc_config *c = &s->config[s->n_configs++];
    struct wc_plan q, *p = &s->plan;
    size_t first = p->n_variants;
    if (s->n_configs > SCENE_MAX_CONFIGS)
        abort();
    for (const char *at = text; *at;) {
        size_t n = strcspn(at, ";");
        scene_must(wc_strlist_addn(&sets, at, n, &scene_err));
        at += n + (at[n] == ';');
    }
    scene_must(wc_config_init(c, &scene_err));
    scene_must(wc_config_read(NULL, &sets, c, &scene_err));
    wc_strlist_release(&sets);
    scene_must(wc_plan_new(c, scene_grid(s), &q, &scene_err));
    if (s->n_configs == 1) {
        *p = q;
        return 0;
    }
    scene_must(WC_GROW(&p->variant, &p->cap_variants, first + q.n_variants, "plan", &scene_err));
    for (size_t i = 0; i < q.n_variants; i++) {
        struct wc_variant *v = &p->variant[p->n_variants++];
        *v = q.variant[i];
        v->i_recipe = scene_recipe(p, &q.recipe[v->i_recipe]);
    }
    p->request.want |= q.request.want;
    p->reference.want |= q.reference.want;
    p->shifted = p->shifted || q.shifted;
    p->tiles = p->tiles || q.tiles;
    p->crops = q.crops > p->crops ? q.crops : p->crops;
    p->max_shot = q.max_shot > p->max_shot ? q.max_shot : p->max_shot;
    wc_plan_release(&q);
    return first;
}

// The variant of `shot` among those from `first` on with that preset.
static inline size_t scene_variant(const struct scene *s, size_t first, const char *preset,
                                   int64_t shot) {
    for (size_t i = first; i < s->plan.n_variants; i++)
        if (strcmp(s->plan.variant[i].preset, preset) == 0 && s->plan.variant[i].shot == shot)
            return i;
    printf("Bail out! no variant %s, %lld shots\n", preset, (long long)shot);
    exit(2);
}

// The prompts, the scorer, and the references through it.
static inline void scene_start(struct scene *s) {
    const struct wc_scorer_options o = {.tile_mode = WC_TILES, .n_threads = 2};
    scene_must(
        wc_prompt_sets_open(NULL, s->plan.recipe, s->plan.n_recipes, &s->prompts, &scene_err));
    scene_must(wc_scorer_new(s->model, &s->plan, &o, &s->scorer, &scene_err));
    for (size_t i = 0; i < s->n_refs && s->plan.reference.want; i++)
        scene_must(wc_encode_reference(s->scorer, &s->ref[i], &s->bank[i], &scene_err));
}

/* Expectations. */

static inline struct scene_expectation *scene_expect(struct scene *s, const char *name,
                                                     const char *object, size_t variant,
                                                     const float *grid) {
    if (s->n_expectations == SCENE_MAX_EXPECTATIONS)
        abort();
    struct scene_expectation *x = &s->expectation[s->n_expectations++];
    *x = (struct scene_expectation){.object = object, .variant = variant, .grid = grid};
    snprintf(x->name, sizeof x->name, "%s", name);
    return x;
}

static inline double scene_worse(double worst, double found, double wanted) {
    double off = fabs(found - wanted);
    return off > worst || isnan(off) ? off : worst;
}

// Scores all queries for a class with its prototypes (n_recipes, 2, e).
static inline void scene_score(struct scene *s, const char *object, const float *prototype) {
    struct wc_reference view[SCENE_MAX_IMAGES];
    const size_t draw[SCENE_MAX_IMAGES] = {0, 1, 2, 3};
    size_t cells = scene_grid(s) * scene_grid(s);
    for (size_t i = 0; i < s->n_refs; i++)
        view[i] = s->bank[i].view;
    const struct wc_reference_set refs = {
        .reference = view, .n = s->n_refs, .draw = draw, .n_seeds = 1, .n_draw = s->n_refs};
    for (size_t q = 0; q < s->n_queries; q++) {
        struct wc_result r;
        scene_must(wc_score_image(s->scorer, &s->query[q], prototype,
                                  s->plan.reference.want ? &refs : NULL, &r, &scene_err));
        for (size_t i = 0; i < s->n_expectations; i++) {
            struct scene_expectation *x = &s->expectation[i];
            if (strcmp(x->object, object) != 0)
                continue;
            x->n_seen++;
            if (x->has_score)
                x->off_score = scene_worse(x->off_score, r.score[x->variant], x->score[q]);
            for (size_t k = 0; x->grid && k < cells; k++)
                x->off_grid = scene_worse(x->off_grid,
                                          (double)r.grid[x->variant * r.tiling.n_tiles * cells + k],
                                          (double)x->grid[q * cells + k]);
        }
    }
}

static inline void scene_check(const struct scene *s) {
    for (size_t i = 0; i < s->n_expectations; i++) {
        const struct scene_expectation *x = &s->expectation[i];
        char label[160];
        if (x->n_seen != s->n_queries || !(x->grid || x->has_score)) {
            test_ok(false, "%s: scored for every query", x->name);
            continue;
        }
        snprintf(label, sizeof label, "%s: grid", x->name);
        if (x->grid)
            golden_below(x->off_grid, s->tolerance, label);
        snprintf(label, sizeof label, "%s: image score", x->name);
        if (x->has_score)
            golden_below(x->off_score, s->tolerance, label);
    }
}

static inline void scene_close(struct scene *s) {
    for (size_t i = 0; i < s->n_refs; i++) {
        wc_reference_features_release(&s->bank[i]);
        wc_image_release(&s->ref[i]);
    }
    for (size_t i = 0; i < s->n_queries; i++)
        wc_image_release(&s->query[i]);
    wc_scorer_free(&s->scorer);
    wc_plan_release(&s->plan);
    for (size_t i = 0; i < s->n_configs; i++)
        wc_config_release(&s->config[i]);
    wc_prompt_sets_release(&s->prompts);
    wc_tokenizer_free(&s->tokenizer);
    wc_model_free(&s->model);
}

#endif
