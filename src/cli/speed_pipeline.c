// What an image costs beside the encoder, and what an object's texts cost.
#include "cli/speed.h"

#include "base/alloc.h"
#include "base/io.h"
#include "eval/histogram.h"
#include "image/tiles.h"
#include "method/association.h"
#include "method/prototypes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// MVTec AD's pictures are 700 to 1,024 pixels a side; 4 references; two passes of the metrics.
enum { SIDE = 1024, SHOT = 4, PASSES = 2 };

struct task {
    struct wc_speed *s;
    char path[1024];
    struct wc_image image;
    float *x, *y, *block, *map;
    uint8_t *mask;
    uint64_t *weight;
    struct wc_binning *binning;
    struct wc_histogram histogram;
};

static enum wc_err decode(struct task *t, struct wc_error *err) {
    wc_image_release(&t->image);
    return wc_image_read(t->path, NULL, &t->image, err);
}

static enum wc_err resize(struct task *t, struct wc_error *err) {
    struct wc_tiling tiling;
    struct wc_image small = {0};
    size_t side = wc_model_arch(t->s->model[0])->image_px;
    WC_TRY(wc_tiling_plan(SIDE, SIDE, side, WC_TILES, &tiling, err));
    WC_TRY(wc_tiling_resize(&tiling, &t->image, &small, err));
    wc_tiling_normalise(&tiling, &small, 0, wc_clip_mean, wc_clip_std, t->block);
    wc_image_release(&small);
    return WC_OK;
}

// Patches and windows of the query against those of SHOT references.
static enum wc_err associate(struct task *t, struct wc_error *err) {
    const struct wc_arch *a = wc_model_arch(t->s->model[0]);
    size_t g = wc_arch_grid(a);
    (void)err;
    wc_associate(t->x, g * g, t->y, SHOT * g * g, wc_arch_token_width(a), t->block, t->map);
    for (size_t i = 0; i < t->s->request.n_scales; i++) {
        size_t n = wc_n_windows(g, t->s->request.window[i]);
        wc_associate(t->x, n, t->y, SHOT * n, a->embed, t->block, t->map);
    }
    return WC_OK;
}

static enum wc_err make_map(struct task *t, struct wc_error *err) {
    struct wc_tiling tiling;
    const struct wc_arch *a = wc_model_arch(t->s->model[0]);
    size_t g = wc_arch_grid(a);
    WC_TRY(wc_tiling_plan(SIDE, SIDE, a->image_px, WC_TILES, &tiling, err));
    wc_tiling_map(&tiling, t->x, g, g, SIDE, SIDE, 0, SIDE, t->map);
    return WC_OK;
}

static enum wc_err evaluate(struct task *t, struct wc_error *err) {
    uint32_t n;
    WC_TRY(wc_region_weights(t->mask, SIDE, SIDE, t->weight, &n, err));
    for (size_t i = 0; i < PASSES; i++)
        WC_TRY(wc_histogram_add(&t->histogram, t->binning, t->map, t->mask, t->weight,
                                (size_t)SIDE * SIDE, err));
    return WC_OK;
}

static enum wc_err prepare(struct task *t, struct wc_error *err) {
    const struct wc_arch *a = wc_model_arch(t->s->model[0]);
    const char *dir = getenv("TMPDIR");
    size_t g = wc_arch_grid(a), d = wc_arch_token_width(a), widest = d > a->embed ? d : a->embed,
           pixels = (size_t)SIDE * SIDE, px = 3 * a->image_px * a->image_px,
           block = g * g * WC_REFERENCE_BLOCK;
    WC_TRY(wc_image_new(SIDE, SIDE, &t->image, err));
    WC_TRY(WC_NEW(&t->x, g * g * widest, "bench", err));
    WC_TRY(WC_NEW(&t->y, SHOT * g * g * widest, "bench", err));
    WC_TRY(WC_NEW(&t->block, block > px ? block : px, "bench", err));
    WC_TRY(WC_NEW(&t->map, pixels, "bench", err));
    WC_TRY(WC_NEW(&t->mask, pixels, "bench", err));
    WC_TRY(WC_NEW(&t->weight, pixels, "bench", err));
    for (size_t i = 0; i < g * g * widest; i++)
        t->x[i] = (float)(i * 2654435761u % 1000) * 1e-3F;
    for (size_t i = 0; i < pixels; i++) {
        t->mask[i] = (i / SIDE - 300) < 100 && (i % SIDE - 300) < 100;
        for (size_t c = 0; c < 3; c++) // a gradient with some noise, which PNG does not shrink away
            t->image.rgb[3 * i + c] =
                (uint8_t)((i % SIDE + i / SIDE * (c + 1)) / 8 + i * 2654435761u % 97 % 5);
    }
    snprintf(t->path, sizeof t->path, "%.900s/winclip-bench-%ld.png", dir ? dir : "/tmp",
             (long)getpid());
    WC_TRY(wc_image_write_png(t->path, &t->image, err));
    WC_TRY(wc_binning_new(&t->binning, err));
    return wc_histogram_init(&t->histogram, t->binning, err);
}

static enum wc_err measure(struct task *t, struct wc_error *err) {
    static const struct {
        const char *name;
        enum wc_err (*run)(struct task *t, struct wc_error *err);
        bool counts; // decode + resize + evaluation
    } steps[] = {{"decode a PNG of 1,024 x 1,024", decode, true},
                 {"resize", resize, true},
                 {"association with 4 references", associate, false},
                 {"map of 1,024 x 1,024", make_map, true},
                 {"evaluation: regions, 2 passes", evaluate, true}};
    struct wc_speed *s = t->s;
    double f32_s = s->encode_s[WC_PRECISION_F32], sum = 0;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        double least = 1e9;
        for (size_t r = 0; r < s->n_repeats; r++) {
            double start = wc_speed_clock();
            WC_TRY(steps[i].run(t, err));
            double spent = wc_speed_clock() - start;
            least = spent < least ? spent : least;
        }
        WC_TRY(wc_speed_row(s, "beside the encoder, one thread", steps[i].name, err));
        wc_speed_value(s, "s", least, "s an image");
        wc_speed_value(s, "of_f32", least / f32_s, "of the f32 encoder's time");
        sum += steps[i].counts ? least : 0;
    }
    WC_TRY(wc_speed_row(s, "beside the encoder, one thread", "all but association", err));
    wc_speed_value(s, "s", sum, "s an image");
    wc_speed_value(s, "of_f32", sum / f32_s, "of the f32 encoder's time");
    return WC_OK;
}

enum wc_err wc_speed_pipeline(struct wc_speed *s, struct wc_error *err) {
    struct task t = {.s = s};
    enum wc_err rc = prepare(&t, err);
    if (rc == WC_OK)
        rc = measure(&t, err);
    if (t.path[0] && wc_io_exists(t.path))
        wc_io_remove(t.path, NULL);
    wc_image_release(&t.image);
    wc_histogram_release(&t.histogram);
    wc_binning_free(&t.binning);
    wc_free(t.x);
    wc_free(t.y);
    wc_free(t.block);
    wc_free(t.map);
    wc_free(t.mask);
    wc_free(t.weight);
    return rc;
}

/* Text. */

struct texts {
    struct wc_workspace *w;
    struct wc_tokenizer *tokenizer;
    struct wc_prompt_sets sets;
    struct wc_plan plan;
    struct wc_config config;
    float *prototype;
};

// Tokens of an object's prompts, those of equal texts once.
static enum wc_err count_tokens(struct texts *t, const char *object, size_t *n_texts,
                                size_t *n_tokens, struct wc_error *err) {
    struct wc_strlist texts = {0};
    const struct wc_recipe *recipe = &t->plan.recipe[0];
    int32_t ids[77];
    enum wc_err rc = wc_prompts_expand(t->sets.set[recipe->source], recipe->list, NULL, object,
                                       &texts, &texts, err);
    *n_texts = texts.n;
    *n_tokens = 0;
    for (size_t i = 0; i < texts.n && rc == WC_OK; i++) {
        size_t n, j = 0;
        while (j < i && strcmp(texts.item[j], texts.item[i]) != 0)
            j++;
        if (j == i && (rc = wc_tokenize(t->tokenizer, texts.item[i], strlen(texts.item[i]), 77, ids,
                                        &n, err)) == WC_OK)
            *n_tokens += n;
    }
    wc_strlist_release(&texts);
    return rc;
}

static enum wc_err open_texts(struct wc_speed *s, struct texts *t, struct wc_error *err) {
    const struct wc_model *m = s->model[WC_PRECISION_F32];
    WC_TRY(wc_config_init(&t->config, err));
    WC_TRY(wc_plan_new(&t->config, wc_arch_grid(wc_model_arch(m)), &t->plan, err));
    WC_TRY(wc_prompt_sets_open(NULL, t->plan.recipe, t->plan.n_recipes, &t->sets, err));
    WC_TRY(wc_tokenizer_new(wc_model_bpe(m), &t->tokenizer, err));
    WC_TRY(wc_workspace_new(m, 1, NULL, NULL, &t->w, err));
    return WC_NEW(&t->prototype, t->plan.n_recipes * 2 * wc_model_arch(m)->embed, "bench", err);
}

static enum wc_err time_texts(struct wc_speed *s, struct texts *t, struct wc_error *err) {
    const struct wc_model *m = s->model[WC_PRECISION_F32];
    double least = 1e9;
    size_t n_texts, n_tokens;
    WC_TRY(count_tokens(t, "metal nut", &n_texts, &n_tokens, err));
    for (size_t r = 0; r < s->n_repeats; r++) {
        double start = wc_speed_clock();
        WC_TRY(wc_prototypes(m, t->w, t->tokenizer, &t->sets, t->plan.recipe, 1, NULL, "metal nut",
                             t->prototype, err));
        double spent = wc_speed_clock() - start;
        least = spent < least ? spent : least;
    }
    WC_TRY(
        wc_speed_row(s, "text prototypes, one thread, f32", "\"metal nut\", paper's prompts", err));
    wc_speed_value(s, "s", least, "s an object");
    wc_speed_value(s, "texts", (double)n_texts, "texts");
    wc_speed_value(s, "tokens", (double)n_tokens, "tokens encoded");
    wc_speed_value(s, "padded_over", 77.0 * (double)n_texts / (double)n_tokens,
                   "times fewer than at 77 a text");
    return WC_OK;
}

enum wc_err wc_speed_text(struct wc_speed *s, struct wc_error *err) {
    struct texts t = {0};
    enum wc_err rc = open_texts(s, &t, err);
    size_t vocab = wc_model_arch(s->model[WC_PRECISION_F32])->vocab;
    if (rc == WC_OK && wc_tokenizer_vocab_size(t.tokenizer) <= vocab)
        rc = time_texts(s, &t, err);
    wc_free(t.prototype);
    wc_workspace_free(&t.w);
    wc_tokenizer_free(&t.tokenizer);
    wc_prompt_sets_release(&t.sets);
    wc_plan_release(&t.plan);
    wc_config_release(&t.config);
    return rc;
}
