// The scorer handle: settings to a plan of one variant, objects to prototypes, pixels to score and
// map.
#include "winclip/handles.h"

#include "base/alloc.h"
#include "image/tiles.h"

#include <omp.h>
#include <stdio.h>
#include <string.h>

/* Set-up. */

static void on_progress(void *data) {
    winclip_scorer *s = data;
    if (s->progress)
        s->progress(s->progress_data);
}

// A plan for zero-shot and few-shot alike: made for one reference, so that the encoder yields what
// references need; each call sets the shot that it has.
static enum wc_err make_plan(winclip_scorer *s, struct wc_error *err) {
    struct wc_config *c = &s->config;
    c->shots = (struct wc_int_list){.n = 1, .item = {1}};
    c->seeds = (struct wc_int_list){.n = 1};
    if (c->presets.n != 1)
        return WC_FAIL(err, WC_ERR_CONFIG, "preset: %zu are given, a scorer has one", c->presets.n);
    WC_TRY(wc_plan_new(c, wc_arch_grid(wc_model_arch(s->model)), &s->plan, err));
    s->want = s->plan.reference.want;
    s->plan.reference.want = WC_BANK_WANT;
    return WC_OK;
}

static enum wc_err set_up(winclip_scorer *s, const winclip_model *model,
                          const char *const *settings, struct wc_error *err) {
    static const char *const allowed[] = {"preset",          "winclip.",
                                          "prompts",         "preprocess.tiling",
                                          "preprocess.exif", "preprocess.max_pixels",
                                          "threads",         NULL};
    if (!model || !model->model)
        return WC_FAIL(err, WC_ERR_USAGE, "the model is not open: %s", winclip_model_error(model));
    WC_TRY(wc_settings_read(settings, allowed, &s->config, err));
    s->model = model->model;
    s->tokenizer = model->tokenizer;
    s->tile_mode = (enum wc_tile_mode)s->config.preprocess.tiling;
    WC_TRY(make_plan(s, err));
    const struct wc_scorer_options o = {.tile_mode = s->tile_mode,
                                        .n_threads = s->config.threads > 0
                                                         ? (unsigned)s->config.threads
                                                         : (unsigned)omp_get_num_procs(),
                                        .progress = on_progress,
                                        .progress_data = s};
    WC_TRY(wc_prompt_sets_open(s->config.prompts, s->plan.recipe, s->plan.n_recipes, &s->prompts,
                               err));
    return wc_scorer_new(s->model, &s->plan, &o, &s->scorer, err);
}

enum winclip_status winclip_scorer_new(const winclip_model *model, const char *const *settings,
                                       winclip_scorer **out) {
    winclip_scorer *s = NULL;
    struct wc_error err = {0};
    *out = NULL;
    if (WC_NEW(&s, 1, "scorer", &err) != WC_OK)
        return WINCLIP_ERROR_NOMEM;
    *out = s;
    return wc_handle_set(&s->error, set_up(s, model, settings, &err), &err);
}

void winclip_scorer_free(winclip_scorer *s) {
    if (!s)
        return;
    wc_scorer_free(&s->scorer);
    wc_prompt_sets_release(&s->prompts);
    wc_plan_release(&s->plan);
    wc_config_release(&s->config);
    wc_free(s->view);
    wc_free(s->draw);
    wc_free(s);
}

const char *winclip_scorer_error(const winclip_scorer *scorer) {
    return scorer ? scorer->error.text : "out of memory";
}

const char *winclip_scorer_preset(const winclip_scorer *s) {
    return s && s->plan.n_variants > 0 ? s->plan.variant[0].preset : "";
}

void winclip_scorer_on_progress(winclip_scorer *s, void (*progress)(void *), void *data) {
    s->progress = progress;
    s->progress_data = data;
}

enum wc_err wc_scorer_begin(winclip_scorer *s, struct wc_error *err) {
    s->result = (struct wc_result){0};
    if (!s->scorer)
        return WC_FAIL(err, WC_ERR_USAGE, "the scorer is not ready: its settings were refused");
    return WC_OK;
}

enum winclip_status winclip_weights_sha256(winclip_scorer *s, char hex[65]) {
    struct wc_error err = {0};
    enum wc_err rc = wc_scorer_begin(s, &err);
    if (rc == WC_OK && !s->sha256[0])
        rc = wc_model_hash(s->model, s->sha256, &err);
    if (rc == WC_OK)
        memcpy(hex, s->sha256, sizeof s->sha256);
    return wc_handle_set(&s->error, rc, &err);
}

/* Prototypes. */

static enum wc_err make_prototypes(winclip_scorer *s, const char *object, const char *category,
                                   winclip_prototypes *p, struct wc_error *err) {
    const struct wc_recipe *recipe = &s->plan.recipe[0];
    const struct wc_prompts *set = s->prompts.set[recipe->source];
    char *name = NULL;
    enum wc_err rc = WC_OK;
    p->model = s->model;
    p->recipe = *recipe;
    snprintf(p->prompts_sha256, sizeof p->prompts_sha256, "%s", wc_prompts_sha256(set));
    WC_TRY(WC_NEW(&p->value, 2 * wc_model_arch(s->model)->embed, "prototypes", err));
    if (!object)
        rc = wc_prompts_object(set, category, &name, err);
    if (rc == WC_OK)
        rc = wc_prototypes(s->model, wc_scorer_workspace(s->scorer), s->tokenizer, &s->prompts,
                           recipe, 1, category, object ? object : name, p->value, err);
    wc_free(name);
    return rc;
}

enum winclip_status winclip_prototypes_new(winclip_scorer *s, const char *object,
                                           const char *category, winclip_prototypes **out) {
    winclip_prototypes *p = NULL;
    struct wc_error err = {0};
    enum wc_err rc = wc_scorer_begin(s, &err);
    if (rc == WC_OK && !object && !category)
        rc = WC_FAIL(&err, WC_ERR_USAGE, "prototypes: the name of an object is needed");
    if (rc == WC_OK)
        rc = WC_NEW(&p, 1, "prototypes", &err);
    if (rc == WC_OK)
        rc = make_prototypes(s, object, category, p, &err);
    if (rc == WC_OK)
        *out = p;
    else
        winclip_prototypes_free(p);
    return wc_handle_set(&s->error, rc, &err);
}

void winclip_prototypes_free(winclip_prototypes *p) {
    if (!p)
        return;
    wc_free(p->value);
    wc_free(p);
}

static enum wc_err check_prototypes(const winclip_scorer *s, const winclip_prototypes *p,
                                    struct wc_error *err) {
    const struct wc_recipe *r = &s->plan.recipe[0];
    if (!p)
        return WC_FAIL(err, WC_ERR_USAGE, "score: prototypes are needed");
    if (p->model != s->model || p->recipe.source != r->source ||
        strcmp(p->recipe.list, r->list) != 0 || p->recipe.average != r->average ||
        strcmp(p->prompts_sha256, wc_prompts_sha256(s->prompts.set[r->source])) != 0)
        return WC_FAIL(err, WC_ERR_USAGE,
                       "score: the prototypes were made with another model, preset or prompt set");
    return WC_OK;
}

/* Pixels. */

enum wc_err wc_pixels_view(const unsigned char *rgb, size_t width, size_t height,
                           size_t stride_bytes, struct wc_image *view, struct wc_image *copy,
                           struct wc_error *err) {
    if (!rgb || width == 0 || height == 0 || width > WC_IMAGE_MAX_PIXELS / height)
        return WC_FAIL(err, WC_ERR_USAGE,
                       "a picture of %zu x %zu pixels, 1 to %u in all are possible", width, height,
                       WC_IMAGE_MAX_PIXELS);
    if (stride_bytes < 3 * width)
        return WC_FAIL(err, WC_ERR_USAGE,
                       "rows are %zu bytes apart, %zu pixels of RGB need at least %zu",
                       stride_bytes, width, 3 * width);
    if (stride_bytes == 3 * width) { // read only, so the const may go
        *view = (struct wc_image){width, height, (uint8_t *)(uintptr_t)rgb};
        return WC_OK;
    }
    WC_TRY(wc_image_new(width, height, copy, err));
    for (size_t y = 0; y < height; y++)
        memcpy(copy->rgb + 3 * width * y, rgb + stride_bytes * y, 3 * width);
    *view = *copy;
    return WC_OK;
}

static enum wc_err score(winclip_scorer *s, const winclip_prototypes *p, const winclip_bank *bank,
                         const struct wc_image *image, struct wc_error *err) {
    struct wc_variant *v = &s->plan.variant[0];
    struct wc_reference_set refs = {.n_seeds = 1};
    WC_TRY(check_prototypes(s, p, err));
    v->shot = 0;
    if (bank) {
        WC_TRY(wc_bank_point(s, bank, err));
        refs.reference = s->view;
        refs.draw = s->draw;
        refs.n = refs.n_draw = bank->n;
        v->shot = (int64_t)bank->n;
    }
    s->plan.reference.want = s->want; // only what this preset compares
    enum wc_err rc =
        wc_score_image(s->scorer, image, p->value, bank ? &refs : NULL, &s->result, err);
    s->plan.reference.want = WC_BANK_WANT;
    return rc;
}

static enum wc_err stretch(const winclip_scorer *s, size_t width, size_t height, float *map,
                           struct wc_error *err) {
    size_t g = wc_arch_grid(wc_model_arch(s->model));
    if (!s->result.score)
        return WC_FAIL(err, WC_ERR_USAGE, "map: no picture has been scored since the last call");
    if (width == 0 || height == 0 || !map || width > WC_IMAGE_MAX_PIXELS / height)
        return WC_FAIL(err, WC_ERR_USAGE, "map: %zu x %zu, 1 to %u pixels in all are possible",
                       width, height, WC_IMAGE_MAX_PIXELS);
    wc_tiling_map(&s->result.tiling, s->result.grid, g, g, height, width, 0, height, map);
    return WC_OK;
}

enum winclip_status winclip_score_rgb8(winclip_scorer *s, const winclip_prototypes *prototypes,
                                       const winclip_bank *bank, const unsigned char *rgb,
                                       size_t width, size_t height, size_t stride_bytes,
                                       double *out, float *map, size_t map_width,
                                       size_t map_height) {
    struct wc_error err = {0};
    struct wc_image view = {0}, copy = {0};
    enum wc_err rc = wc_scorer_begin(s, &err);
    if (rc == WC_OK)
        rc = wc_pixels_view(rgb, width, height, stride_bytes, &view, &copy, &err);
    if (rc == WC_OK)
        rc = score(s, prototypes, bank, &view, &err);
    wc_image_release(&copy);
    if (rc == WC_OK && map)
        rc = stretch(s, map_width, map_height, map, &err);
    if (rc == WC_OK && out)
        *out = s->result.score[0];
    return wc_handle_set(&s->error, rc, &err);
}

enum winclip_status winclip_last_map(winclip_scorer *s, size_t width, size_t height, float *map) {
    struct wc_error err = {0};
    return wc_handle_set(&s->error, stretch(s, width, height, map, &err), &err);
}

enum winclip_status winclip_last_grid(winclip_scorer *s, const float **grid, size_t *n_tiles,
                                      size_t *g) {
    struct wc_error err = {0};
    enum wc_err rc = WC_OK;
    if (!s->result.score) {
        rc = WC_FAIL(&err, WC_ERR_USAGE, "grid: no picture has been scored since the last call");
    } else {
        *grid = s->result.grid;
        *n_tiles = s->result.tiling.n_tiles;
        *g = wc_arch_grid(wc_model_arch(s->model));
    }
    return wc_handle_set(&s->error, rc, &err);
}

// M_0 and M_W both lie in 0 .. 1 (method/winclip.h); the fusion decides what their map can reach.
void winclip_map_range(const winclip_scorer *s, int few_shot, double *low, double *high) {
    static const double fused[] = {
        [WC_FUSE_MEAN] = 1, [WC_FUSE_SUM] = 2, [WC_FUSE_HARMONIC] = 1, [WC_FUSE_PARALLEL] = 0.5};
    *low = 0;
    *high = 1;
    if (!s || s->plan.n_variants == 0)
        return;
    const struct wc_winclip *o = &s->plan.variant[0].winclip;
    *high = few_shot ? fused[o->map_fusion] : o->map_zero == WC_ZERO_HALF ? 0.5 : 1;
}

enum winclip_status winclip_read_image(winclip_scorer *s, const char *path, unsigned char **rgb,
                                       size_t *width, size_t *height) {
    struct wc_error err = {0};
    struct wc_image image = {0};
    enum wc_err rc = wc_scorer_begin(s, &err);
    const struct wc_image_options o = {.max_pixels = (size_t)s->config.preprocess.max_pixels,
                                       .exif_apply = s->config.preprocess.exif_apply};
    if (rc == WC_OK)
        rc = wc_image_read(path, &o, &image, &err);
    if (rc == WC_OK) {
        *rgb = image.rgb;
        *width = image.width_px;
        *height = image.height_px;
    }
    return wc_handle_set(&s->error, rc, &err);
}

void winclip_pixels_free(unsigned char *rgb) {
    struct wc_image image = {.rgb = rgb};
    wc_image_release(&image);
}
