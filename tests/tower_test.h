/*
 * What the tests of image and text towers share: opening a model, golden pictures as network input,
 * and the text embeddings of tests/golden/models. A failing call ends the test program.
 */
#ifndef WC_TESTS_TOWER_TEST_H
#define WC_TESTS_TOWER_TEST_H

#include "golden_model.h"

#include "base/io.h"
#include "image/tiles.h"
#include "model/model.h"
#include "model/random.h"
#include "tensor/gemm.h"
#include "tensor/kernels.h"

#define TOWER_TOLERANCE 2e-5 // relative L2, tests/golden/models/README.md section 4

static struct wc_error err;

__attribute__((unused)) static void must(enum wc_err rc) {
    if (rc != WC_OK) {
        printf("Bail out! %s\n", err.text);
        exit(2);
    }
}

__attribute__((unused)) static void tower_start(void) {
    must(wc_gemm_init("auto", &err));
    must(wc_kernels_init("auto", &err));
}

// A model and a workspace of n_threads for it.
struct tower {
    struct wc_model *m;
    struct wc_workspace *w;
    const struct wc_arch *arch;
    size_t g, e, d;
};

__attribute__((unused)) static struct tower tower_open(const struct wc_model_options *options,
                                                       unsigned n_threads) {
    struct tower t = {0};
    must(wc_model_open(options, &t.m, &err));
    must(wc_workspace_new(t.m, n_threads, NULL, NULL, &t.w, &err));
    t.arch = wc_model_arch(t.m);
    t.g = wc_arch_grid(t.arch);
    t.e = t.arch->embed;
    t.d = wc_arch_token_width(t.arch);
    return t;
}

__attribute__((unused)) static struct tower tower_random(const char *arch,
                                                         enum wc_activation activation) {
    char origin[64];
    snprintf(origin, sizeof origin, "random:%s", arch);
    const struct wc_model_options o = {.weights = origin, .arch = "auto", .activation = activation};
    return tower_open(&o, 2);
}

// A file in the scratch folder; valid until the next call.
__attribute__((unused)) static const char *tower_scratch(const char *name) {
    static char path[2048];
    const char *dir = getenv("WC_TEST_TMP");
    dir = dir ? dir : "build/tmp";
    must(wc_io_mkdirs(dir, &err));
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

// Random weights of an open_clip configuration's sizes, in a scratch file `name`.
__attribute__((unused)) static struct tower tower_custom(const char *json, const char *name,
                                                         unsigned n_threads) {
    struct wc_arch arch;
    const struct wc_model_options o = {.weights = tower_scratch(name), .arch = "custom"};
    must(wc_arch_from_json(name, json, strlen(json), &arch, &err));
    must(wc_random_write(&arch, WC_GELU, WC_RANDOM_SEED, o.weights, &err));
    return tower_open(&o, n_threads);
}

__attribute__((unused)) static void tower_close(struct tower *t) {
    wc_workspace_free(&t->w);
    wc_model_free(&t->m);
}

// Network input (3, S, S) of a formula's picture of the model's own size; to be freed.
__attribute__((unused)) static float *tower_pixels(const struct tower *t,
                                                   const struct golden_formula *f) {
    size_t s = t->arch->image_px;
    float *pixels = wc_alloc(3 * s * s, sizeof *pixels);
    struct wc_image image = golden_image(f);
    struct wc_tiling tiling;
    must(wc_tiling_plan(f->w, f->h, s, WC_TILES, &tiling, &err));
    wc_tiling_normalise(&tiling, &image, 0, wc_clip_mean, wc_clip_std, pixels);
    wc_image_release(&image);
    return pixels;
}

// Picture i (0 `base`, 1 `other`) of tests/golden/models for the model's size.
__attribute__((unused)) static float *tower_golden_pixels(const struct tower *t, size_t i) {
    size_t s = t->arch->image_px;
    const struct golden_formula f[2] = {
        {s, s, 64, 16, 11, 111, 0, 0, 0, 0, 0, 0, 0},
        {s, s, 64, 16, 12, 112, 3, 5, s / 4, s / 3, s / 5, s / 4, 911}};
    return tower_pixels(t, &f[i]);
}

__attribute__((unused)) static void tower_encode(struct tower *t, const float *pixels,
                                                 const struct wc_request *r,
                                                 struct wc_features *out) {
    must(wc_features_init(t->m, r, out, &err));
    must(wc_encode_image(t->m, t->w, pixels, r, out, &err));
}

// n floats of a golden tensor (of n_gold floats), from `first`.
__attribute__((unused)) static void tower_compare(const char *model, const char *what,
                                                  const float *found, const struct wc_weights *gold,
                                                  const char *key, size_t n_gold, size_t first,
                                                  size_t n) {
    char label[160];
    float *wanted = golden_tensor(gold, key, n_gold);
    snprintf(label, sizeof label, "%s: %s", model, what);
    golden_below(golden_rel_l2(found, wanted + first, n), TOWER_TOLERANCE, label);
    wc_free(wanted);
}

// prompts.tsv: index, prompt, 77 ids.
__attribute__((unused)) static void tower_prompts(int32_t *ids, size_t *n_ids) {
    unsigned char *text;
    size_t n;
    must(wc_io_read_file("tests/golden/models/prompts.tsv", 100000, &text, &n, &err));
    char *line = strchr((char *)text, '\n') + 1;
    for (int i = 0; i < 5; i++) {
        char *at = strrchr(line, '\t');
        char *end = strchr(line, '\n');
        for (char *tab = line; (tab = strchr(tab, '\t')) && tab < end; tab++)
            at = tab;
        at++;
        n_ids[i] = 0;
        for (int j = 0; j < 77; j++) {
            ids[i * 77 + j] = (int32_t)strtol(at, &at, 10);
            if (ids[i * 77 + j] != 0)
                n_ids[i] = (size_t)j + 1;
        }
        line = end + 1;
    }
    wc_free(text);
}

__attribute__((unused)) static void tower_check_texts(struct tower *t, const char *name,
                                                      const struct wc_weights *gold) {
    int32_t ids[5 * 77];
    size_t n_ids[5], e = t->e;
    tower_prompts(ids, n_ids);
    float *text = wc_alloc(5 * e, sizeof *text);
    must(wc_encode_text(t->m, t->w, ids, n_ids, 5, text, &err));
    for (size_t i = 0; i < 5; i++) {
        char what[32];
        snprintf(what, sizeof what, "text embedding %zu", i);
        tower_compare(name, what, text + i * e, gold, "text_embed", 5 * e, i * e, e);
    }
    wc_free(text);
}

#endif
