/*
 * Trans-MM's relevance: the explicit backward pass against finite differences of the tower itself,
 * and maps and gradients against torch's autograd. Deviations are over the largest golden value.
 *
 * method   oracle                                              largest deviation
 * transmm  torch 2.15.0 autograd, float64 (tests/golden/       3.9e-06
 *          transmm), on the small model of tests/golden/weights
 */
#include "winclip_scene.h"

#include "model/relevance.h"
#include "model/tower.h"

#define GOLD "tests/golden/transmm/"
#define TAU 0.07

// A model with its trace of one input.
struct traced {
    struct wc_model *m;
    struct wc_workspace *w;
    struct wc_features f;
    size_t t, d, e, g;
};

static struct traced open_model(const struct wc_model_options *o) {
    struct traced x = {0};
    scene_must(wc_model_open(o, &x.m, &scene_err));
    scene_must(wc_workspace_new(x.m, 1, NULL, NULL, &x.w, &scene_err));
    x.g = wc_arch_grid(wc_model_arch(x.m));
    x.t = 1 + x.g * x.g;
    x.d = wc_arch_token_width(wc_model_arch(x.m));
    x.e = wc_model_arch(x.m)->embed;
    return x;
}

static void trace(struct traced *x, const float *pixels) {
    const struct wc_request r = {.want = WC_WANT_IMAGE | WC_WANT_TRACE};
    wc_features_release(&x->f);
    scene_must(wc_features_init(x->m, &r, &x->f, &scene_err));
    scene_must(wc_encode_image(x->m, x->w, pixels, &r, &x->f, &scene_err));
}

static void close_model(struct traced *x) {
    wc_features_release(&x->f);
    wc_workspace_free(&x->w);
    wc_model_free(&x->m);
}

static double relative(const float *found, const float *wanted, size_t n) {
    double largest = 0;
    for (size_t i = 0; i < n; i++)
        largest = fmax(largest, fabs((double)wanted[i]));
    return golden_max_diff(found, wanted, n) / largest;
}

// n random floats in [-1, 1).
static void random_floats(uint64_t *state, float *x, size_t n) {
    for (size_t i = 0; i < n; i++)
        x[i] = (float)(wc_rng_next(state) >> 40) * 0x1p-23F - 1;
}

// The picture query1_defect of the tiny model as network input; to be freed.
static float *tiny_pixels(const struct wc_image *image) {
    struct wc_tiling t;
    float *pixels = wc_alloc((size_t)3 * 60 * 60, sizeof *pixels);
    scene_must(wc_tiling_plan(60, 60, 60, WC_TILES, &t, &scene_err));
    wc_tiling_normalise(&t, image, 0, wc_clip_mean, wc_clip_std, pixels);
    return pixels;
}

/* Golden data. */

static double worst;

static void check_key(const struct wc_weights *gold, const char *prefix, size_t i, const char *what,
                      const float *found, size_t n) {
    char key[64];
    snprintf(key, sizeof key, "%s/%zu/%s", prefix, i, what);
    float *wanted = golden_tensor(gold, key, n);
    double off = relative(found, wanted, n);
    golden_below(off, 1e-4, key);
    worst = fmax(worst, off);
    wc_free(wanted);
}

static void check_golden(enum wc_activation activation, const char *prefix) {
    const struct wc_model_options o = {.weights = "tests/golden/weights/f32.safetensors",
                                       .arch = "auto",
                                       .json = activation == WC_GELU
                                                   ? "tests/golden/weights/model.json"
                                                   : "tests/golden/weights/model_quickgelu.json",
                                       .activation = activation};
    struct traced x = open_model(&o);
    struct wc_relevance *r = NULL;
    struct wc_weights *gold = golden_open(GOLD "relevance.safetensors"),
                      *inputs = golden_open("tests/golden/weights/expected.safetensors");
    size_t s = wc_model_arch(x.m)->image_px, n = x.g * x.g;
    float *images = golden_tensor(inputs, "images", 2 * 3 * s * s),
          *prototype = golden_tensor(gold, "prototype", 2 * x.e),
          *gradient = wc_alloc(x.t * x.d, sizeof(float)), *all = wc_alloc(n, sizeof(float)),
          *last = wc_alloc(n, sizeof(float));
    scene_must(wc_relevance_new(x.m, &r, &scene_err));
    for (size_t i = 0; i < 2; i++) {
        trace(&x, images + i * 3 * s * s);
        float logit = (float)wc_relevance_run(r, x.f.trace, prototype, TAU, all, last, gradient);
        check_key(gold, prefix, i, "logit", &logit, 1);
        check_key(gold, prefix, i, "all", all, n);
        check_key(gold, prefix, i, "last", last, n);
        check_key(gold, prefix, i, "gradient", gradient, x.t * x.d);
    }
    float *const taken[] = {images, prototype, gradient, all, last};
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        wc_free(taken[i]);
    wc_relevance_free(&r);
    wc_weights_free(&gold);
    wc_weights_free(&inputs);
    close_model(&x);
}

/* Finite differences. */

// The logit when the first block's input is moved by `step` along `along`: forward through the
// tower's own code.
static double logit_at(struct traced *x, const float *along, double step, const float *prototype) {
    const struct wc_vit *v = &x->m->vit;
    struct wc_scratch *s = &x->w->scratch[0];
    double dot = 0, square = 0;
    float *y = wc_alloc(x->d, sizeof *y), *f = wc_alloc(x->e, sizeof *f);
    for (size_t i = 0; i < x->t * x->d; i++)
        s->x[i] = (float)((double)x->f.trace[i] + step * (double)along[i]);
    wc_tower_run(&v->tower, 1, x->t, false, WC_KEEP_ALL, s);
    wc_kernels()->layer_norm(1, x->d, s->x, x->d, v->ln_post.weight, v->ln_post.bias, WC_LN_EPS, y,
                             x->d);
    wc_gemm_nn(1, x->e, x->d, y, x->d, v->proj, x->e, false, f, x->e);
    for (size_t j = 0; j < x->e; j++) {
        square += (double)f[j] * (double)f[j];
        dot += (double)f[j] * ((double)prototype[x->e + j] - (double)prototype[j]);
    }
    wc_free(y);
    wc_free(f);
    return dot / sqrt(square) / TAU;
}

// Along random directions of single tokens, the class token first, and of all tokens: the largest
// difference of slope and central difference over the largest slope. Float32 logits leave noise.
static double difference(struct traced *x, const float *prototype, const float *gradient) {
    float *along = wc_alloc(x->t * x->d, sizeof *along);
    double off = 0, largest = 0;
    uint64_t state = 7;
    for (size_t k = 0; k < 24; k++) {
        double step = k < 16 ? 1e-2 : 1e-3, slope = 0;
        random_floats(&state, along, x->t * x->d);
        for (size_t i = 0; i < x->t * x->d; i++) {
            along[i] = k >= 16 || i / x->d == k * 15 ? along[i] : 0;
            slope += (double)along[i] * (double)gradient[i];
        }
        double up = logit_at(x, along, step, prototype),
               down = logit_at(x, along, -step, prototype);
        off = fmax(off, fabs((up - down) / (2 * step) - slope));
        largest = fmax(largest, fabs(slope));
    }
    wc_free(along);
    return off / largest;
}

static void check_differences(enum wc_activation activation) {
    char path[512];
    const char *tmp = getenv("WC_TEST_TMP");
    snprintf(path, sizeof path, "%s/t503-tiny.safetensors", tmp ? tmp : "build/tmp");
    scene_write_tiny(path);
    const struct wc_model_options o = {.weights = path, .arch = "auto", .activation = activation};
    const struct golden_formula formula = {60, 60, 16, 4, 40, 61, 0, 0, 16, 24, 12, 12, 70};
    struct traced x = open_model(&o);
    struct wc_image image = golden_image(&formula);
    float *pixels = tiny_pixels(&image), *gradient = wc_alloc(x.t * x.d, sizeof *gradient),
          *zero = wc_alloc(x.t * x.d, sizeof *zero),
          *prototype = wc_alloc(2 * x.e, sizeof *prototype);
    struct wc_relevance *r = NULL;
    uint64_t state = 3;
    trace(&x, pixels);
    scene_must(wc_relevance_new(x.m, &r, &scene_err));
    random_floats(&state, prototype, 2 * x.e);
    wc_l2_normalise(2, x.e, prototype, x.e);
    double logit = wc_relevance_run(r, x.f.trace, prototype, TAU, NULL, NULL, gradient);
    test_near(logit, logit_at(&x, zero, 0, prototype), 1e-4 * fmax(1, fabs(logit)),
              "the logit is the tower's");
    golden_below(difference(&x, prototype, gradient), 2e-3,
                 activation == WC_GELU ? "gradient against finite differences, GELU"
                                       : "gradient against finite differences, QuickGELU");
    // A wrong gradient would show.
    for (size_t i = 0; i < x.d; i++)
        gradient[i] *= 1.05F;
    test_ok(difference(&x, prototype, gradient) > 1e-2, "an error of 5 %% in one token shows");
    wc_relevance_free(&r);
    float *const taken[] = {pixels, gradient, zero, prototype};
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        wc_free(taken[i]);
    wc_image_release(&image);
    close_model(&x);
    remove(path);
}

/* Through the scorer, beside other methods. */

static void check_query(struct scene *s, struct traced *x, size_t q, const float *prototype,
                        size_t all, size_t last) {
    static float wanted[2][225];
    struct wc_relevance *r = NULL;
    struct wc_result result;
    float *pixels = tiny_pixels(&s->query[q]);
    trace(x, pixels);
    scene_must(wc_relevance_new(x->m, &r, &scene_err));
    wc_relevance_run(r, x->f.trace, prototype + s->plan.variant[all].i_recipe * 2 * x->e, TAU,
                     wanted[0], wanted[1], NULL);
    scene_must(wc_score_image(s->scorer, &s->query[q], prototype, NULL, &result, &scene_err));
    test_ok(memcmp(result.grid + all * 225, wanted[0], sizeof wanted[0]) == 0 &&
                memcmp(result.grid + last * 225, wanted[1], sizeof wanted[1]) == 0,
            "query %zu: the scorer's maps are these", q);
    test_near(result.score[all], result.score[0], 1e-12, "the image score is CLIP's");
    float least = INFINITY, most = 0;
    for (size_t i = 0; i < 225; i++) {
        least = fminf(least, wanted[0][i]);
        most = fmaxf(most, wanted[0][i]);
    }
    test_ok(least >= 0 && most > 0, "relevance is not negative");
    wc_relevance_free(&r);
    wc_free(pixels);
}

static void check_scorer(void) {
    static struct scene s;
    char path[512];
    const char *tmp = getenv("WC_TEST_TMP");
    snprintf(path, sizeof path, "%s/t503-scorer.safetensors", tmp ? tmp : "build/tmp");
    scene_write_tiny(path);
    scene_open(&s, path, "tests/golden/winclip/tiny_images.tsv", 1e-4);
    size_t first = scene_add(&s, "method=[winclip, transmm, maskclip]");
    size_t all = scene_variant(&s, first, "all_blocks", 0),
           last = scene_variant(&s, first, "last_block", 0);
    scene_start(&s);
    size_t e = wc_model_arch(s.model)->embed;
    float *prototype = wc_alloc(s.plan.n_recipes * 2 * e, sizeof *prototype);
    scene_must(wc_prototypes(s.model, wc_scorer_workspace(s.scorer), s.tokenizer, &s.prompts,
                             s.plan.recipe, s.plan.n_recipes, NULL, "bottle", prototype,
                             &scene_err));
    const struct wc_model_options o = {.weights = path, .arch = "auto", .activation = WC_GELU};
    struct traced x = open_model(&o);
    for (size_t q = 0; q < 2; q++)
        check_query(&s, &x, q, prototype, all, last);
    wc_free(prototype);
    close_model(&x);
    scene_close(&s);
    remove(path);
}

static void check_refused(void) {
    struct wc_model *m = NULL;
    struct wc_relevance *r = NULL;
    const struct wc_model_options o = {.weights = "random:RN50", .arch = "auto"};
    scene_must(wc_model_open(&o, &m, &scene_err));
    test_ok(wc_relevance_new(m, &r, &scene_err) == WC_ERR_CONFIG && !r &&
                strstr(scene_err.text, "no vision transformer"),
            "a residual tower is refused");
    wc_model_free(&m);
}

int main(void) {
    scene_must(wc_kernels_init("auto", &scene_err));
    scene_must(wc_gemm_init("auto", &scene_err));
    check_golden(WC_GELU, "gelu");
    check_golden(WC_QUICKGELU, "quickgelu");
    test_note("largest deviation %.2g", worst);
    check_differences(WC_GELU);
    check_differences(WC_QUICKGELU);
    check_scorer();
    check_refused();
    return test_done();
}
