// winclip-mpi features IMAGE... --model F --out F.safetensors: embeddings, and with --object maps
// and scores.
#include "base/alloc.h"
#include "base/io.h"
#include "base/log.h"
#include "cli/commands.h"
#include "cli/installed.h"
#include "method/prototypes.h"
#include "method/reference_file.h"
#include "method/scorer.h"
#include "tensor/gemm.h"
#include "tensor/kernels.h"

#include <omp.h>
#include <stdio.h>
#include <string.h>

struct features {
    const char *weights, *arch, *json, *bpe, *activation, *object, *preset, *prompts, *mode,
        *windows, *out;
    struct wc_strlist images, texts, refs, sets;
    bool raw, bank;
    uint64_t threads, shot, interpolate;
    struct wc_config config; // defaults, with the switches of --set
    struct wc_model *model;
    struct wc_tokenizer *tokenizer;
    struct wc_request request;
    struct wc_plan plan;
    struct wc_scorer *scorer;
    float *text;      // (n_texts, e)
    float *prototype; // (2, e)
    struct wc_reference_features *reference;
    struct wc_reference *view;
    size_t *draw;
    size_t n_refs; // encoded here
    struct wc_weights *bank_file;
    enum wc_tile_mode tile_mode;
};

/* Set-up. */

// "2,3" into the request.
static enum wc_err parse_windows(const char *text, struct wc_request *r, struct wc_error *err) {
    char item[16];
    r->n_scales = 0;
    for (const char *p = text; *p;) {
        size_t n = strcspn(p, ",");
        uint64_t k;
        snprintf(item, sizeof item, "%.*s", (int)(n < sizeof item ? n : sizeof item - 1), p);
        if (!wc_parse_u64(item, &k) || k < 1 || k > 1000 || r->n_scales == WC_MAX_SCALES)
            return WC_FAIL(err, WC_ERR_USAGE,
                           "features: --windows \"%s\": up to %d sides in patches, as 2,3", text,
                           WC_MAX_SCALES);
        r->window[r->n_scales++] = (size_t)k;
        p += n + (p[n] == ',');
    }
    return WC_OK;
}

static enum wc_err open_model(struct features *f, struct wc_error *err) {
    static const char *const names[] = {"auto", "gelu", "quickgelu"};
    int activation = 0;
    while (activation < 3 && f->activation && strcmp(names[activation], f->activation) != 0)
        activation++;
    if (activation == 3)
        return WC_FAIL(err, WC_ERR_USAGE, "features: --activation \"%s\": auto, gelu or quickgelu",
                       f->activation);
    const struct wc_model_options o = {.weights = f->weights,
                                       .arch = f->arch,
                                       .json = f->json,
                                       .activation = (enum wc_activation)activation,
                                       .interpolate_px = (size_t)f->interpolate};
    WC_TRY(wc_kernels_init("auto", err));
    WC_TRY(wc_gemm_init("auto", err));
    WC_TRY(wc_model_open(&o, &f->model, err));
    char text[512];
    wc_model_describe(f->model, text, sizeof text);
    WC_INFO("model %s", text);
    if (f->texts.n == 0 && !f->object)
        return WC_OK;
    return wc_tokenizer_new(f->bpe ? f->bpe : wc_model_bpe(f->model), &f->tokenizer, err);
}

// A plan of one variant: the preset, zero-shot or with --shot references.
static enum wc_err make_plan(struct features *f, struct wc_error *err) {
    struct wc_config *c = &f->config;
    WC_TRY(wc_config_init(c, err));
    WC_TRY(wc_config_read(NULL, &f->sets, c, err));
    wc_strlist_release(&c->presets);
    WC_TRY(wc_strlist_add(&c->presets, f->preset, err));
    c->shots = (struct wc_int_list){.n = 1, .item = {(int64_t)f->shot}};
    c->seeds = (struct wc_int_list){.n = 1};
    return wc_plan_new(c, wc_arch_grid(wc_model_arch(f->model)), &f->plan, err);
}

static enum wc_err make_prototypes(struct features *f, struct wc_error *err) {
    struct wc_prompt_sets prompts = {0};
    char *path = NULL;
    WC_TRY(WC_NEW(&f->prototype, 2 * wc_model_arch(f->model)->embed, "prototypes", err));
    enum wc_err rc = wc_installed_find("prompts", f->prompts, &path, err);
    if (rc == WC_OK)
        rc = wc_prompt_sets_open(path, f->plan.recipe, f->plan.n_recipes, &prompts, err);
    wc_free(path);
    if (rc == WC_OK)
        rc = wc_prototypes(f->model, wc_scorer_workspace(f->scorer), f->tokenizer, &prompts,
                           f->plan.recipe, f->plan.n_recipes, NULL, f->object, f->prototype, err);
    wc_prompt_sets_release(&prompts);
    return rc;
}

// Names of --refs: files as they stand, folders as their images by name.
static enum wc_err expand_refs(struct features *f, struct wc_strlist *out, struct wc_error *err) {
    for (size_t i = 0; i < f->refs.n; i++) {
        struct wc_strlist names = {0};
        if (!wc_io_is_dir(f->refs.item[i])) {
            WC_TRY(wc_strlist_add(out, f->refs.item[i], err));
            continue;
        }
        WC_TRY(wc_io_list(f->refs.item[i], false, &names, err));
        enum wc_err rc = WC_OK;
        for (size_t j = 0; j < names.n && rc == WC_OK; j++) {
            char *path = wc_path_join(f->refs.item[i], names.item[j]);
            rc = path ? wc_strlist_add(out, path, err)
                      : WC_FAIL(err, WC_ERR_NOMEM, "references: out of memory");
            wc_free(path);
        }
        wc_strlist_release(&names);
        WC_TRY(rc);
    }
    return WC_OK;
}

static enum wc_err count_bank(struct features *f, struct wc_error *err) {
    struct wc_weights *bank = NULL;
    WC_TRY(wc_weights_open(f->refs.item[0], &bank, err));
    f->shot = wc_bank_size(bank);
    wc_weights_free(&bank);
    return WC_OK;
}

// --refs BANK.safetensors: its references as they lie in the file.
static enum wc_err open_bank(struct features *f, const char *path, struct wc_error *err) {
    char sha256[65], prefix[32];
    struct wc_buf key = {0};
    WC_TRY(wc_weights_open(path, &f->bank_file, err));
    size_t n = wc_bank_size(f->bank_file);
    if (n < f->shot || n == 0)
        return WC_FAIL(err, WC_ERR_DATA, "%s: the bank holds %zu references, %llu are asked for",
                       path, n, (unsigned long long)f->shot);
    f->shot = f->shot ? f->shot : n;
    WC_TRY(wc_model_hash(f->model, sha256, err));
    WC_TRY(wc_reference_key(f->model, sha256, f->tile_mode, false, "f32", &key, err));
    enum wc_err rc = WC_NEW(&f->view, (size_t)f->shot, "references", err);
    if (rc == WC_OK)
        rc = WC_NEW(&f->draw, (size_t)f->shot, "references", err);
    for (size_t i = 0; i < f->shot && rc == WC_OK; i++) {
        snprintf(prefix, sizeof prefix, "ref.%zu.", i);
        f->draw[i] = i;
        rc = wc_reference_view(f->bank_file, prefix, wc_buf_str(&key), f->model, &f->plan.reference,
                               &f->view[i], err);
    }
    wc_buf_release(&key);
    return rc;
}

static enum wc_err encode_refs(struct features *f, const struct wc_strlist *names,
                               struct wc_error *err) {
    size_t n = (size_t)f->shot;
    WC_TRY(WC_NEW(&f->reference, n, "references", err));
    WC_TRY(WC_NEW(&f->view, n, "references", err));
    WC_TRY(WC_NEW(&f->draw, n, "references", err));
    for (; f->n_refs < n; f->n_refs++) {
        struct wc_image image = {0};
        WC_TRY(wc_image_read(names->item[f->n_refs], NULL, &image, err));
        enum wc_err rc = wc_encode_reference(f->scorer, &image, &f->reference[f->n_refs], err);
        wc_image_release(&image);
        WC_TRY(rc);
        f->view[f->n_refs] = f->reference[f->n_refs].view;
        f->draw[f->n_refs] = f->n_refs;
    }
    return WC_OK;
}

static enum wc_err set_up(struct features *f, struct wc_error *err) {
    const unsigned n_threads = f->threads ? (unsigned)f->threads : (unsigned)omp_get_num_procs();
    struct wc_scorer_options o = {.n_threads = n_threads};
    struct wc_strlist names = {0};
    bool bank = f->refs.n == 1 && wc_str_ends_nocase(f->refs.item[0], ".safetensors");
    enum wc_err rc = bank ? WC_OK : expand_refs(f, &names, err);
    if (rc == WC_OK && f->shot == 0)
        f->shot = names.n;
    if (rc == WC_OK && !bank && f->shot > names.n)
        rc = WC_FAIL(err, WC_ERR_USAGE, "features: --shot %llu, but --refs names %zu images",
                     (unsigned long long)f->shot, names.n);
    if (rc == WC_OK)
        rc = open_model(f, err);
    if (rc == WC_OK && bank && f->shot == 0)
        rc = count_bank(f, err);
    if (rc == WC_OK)
        rc = make_plan(f, err);
    o.tile_mode = f->tile_mode;
    if (rc == WC_OK)
        rc = wc_scorer_new(f->model, &f->plan, &o, &f->scorer, err);
    if (rc == WC_OK && f->object)
        rc = make_prototypes(f, err);
    if (rc == WC_OK && f->object)
        rc = bank ? open_bank(f, f->refs.item[0], err) : encode_refs(f, &names, err);
    if (rc == WC_OK && f->texts.n > 0) {
        size_t e = wc_model_arch(f->model)->embed;
        rc = WC_NEW(&f->text, f->texts.n * e, "text embeddings", err);
        if (rc == WC_OK)
            rc = wc_embed_texts(f->model, wc_scorer_workspace(f->scorer), f->tokenizer, &f->texts,
                                f->text, err);
        if (rc == WC_OK && !f->raw)
            wc_l2_normalise(f->texts.n, e, f->text, e);
    }
    wc_strlist_release(&names);
    return rc;
}

/* Output: tensors are declared for all images, then computed and written in the same order. */

// One array of an image: rows of `width`.
struct part {
    char name[32];
    const float *data;
    size_t n, width; // n 1 and no tiles: one dimension
};

static size_t parts_of(const struct features *f, const struct wc_features *x, struct part *p) {
    const struct wc_arch *a = wc_model_arch(f->model);
    size_t g = wc_arch_grid(a), d = wc_arch_token_width(a), n = 0;
    p[n++] = (struct part){"image", x ? x->image : NULL, 1, a->embed};
    for (size_t i = 0; i < f->request.n_scales; i++) {
        p[n] = (struct part){.data = x ? x->window[i] : NULL,
                             .n = wc_n_windows(g, f->request.window[i]),
                             .width = a->embed};
        snprintf(p[n++].name, sizeof p->name, "window%zu", f->request.window[i]);
    }
    p[n++] = (struct part){"patch", x ? x->patch : NULL, g * g, d};
    p[n++] = (struct part){"patch_post", x ? x->patch_post : NULL, g * g, d};
    p[n++] = (struct part){"patch_proj", x ? x->patch_proj : NULL, g * g, a->embed};
    return n;
}
#define MAX_PARTS (4 + WC_MAX_SCALES)

// Declares name.i with its dimensions; several tiles get a dimension in front.
static enum wc_err declare(struct wc_st_writer *w, const char *name, size_t i, size_t n_tiles,
                           size_t n_dims, const size_t *dim, struct wc_error *err) {
    char full[64];
    size_t all[4], n = 0;
    snprintf(full, sizeof full, "%.31s.%zu", name, i);
    if (n_tiles > 1)
        all[n++] = n_tiles;
    for (size_t d = 0; d < n_dims; d++)
        all[n++] = dim[d];
    return wc_st_writer_declare(w, full, WC_F32, n, all, err);
}

static enum wc_err plan_image(const struct features *f, const char *path, struct wc_tiling *t,
                              struct wc_error *err) {
    size_t width, height;
    WC_TRY(wc_image_read_size(path, NULL, &width, &height, err));
    return wc_tiling_plan(width, height, wc_model_arch(f->model)->image_px, f->tile_mode, t, err);
}

static enum wc_err declare_all(const struct features *f, struct wc_st_writer *w,
                               struct wc_error *err) {
    const struct wc_arch *a = wc_model_arch(f->model);
    size_t g = wc_arch_grid(a), grid[2] = {g, g};
    for (size_t i = 0; i < f->images.n; i++) {
        struct wc_tiling t;
        struct part p[MAX_PARTS];
        WC_TRY(plan_image(f, f->images.item[i], &t, err));
        size_t n = parts_of(f, NULL, p);
        for (size_t k = 0; k < n; k++) {
            size_t dim[2] = {p[k].n, p[k].width};
            bool row = strcmp(p[k].name, "image") == 0;
            WC_TRY(declare(w, p[k].name, i, t.n_tiles, row ? 1 : 2, row ? dim + 1 : dim, err));
        }
        if (f->object) {
            WC_TRY(declare(w, "map", i, t.n_tiles, 2, grid, err));
            WC_TRY(declare(w, "score", i, 1, 0, NULL, err));
        }
    }
    for (size_t i = 0; i < f->texts.n; i++)
        WC_TRY(declare(w, "text", i, 1, 1, &a->embed, err));
    if (f->object) {
        WC_TRY(wc_st_writer_declare(w, "text.normal", WC_F32, 1, &a->embed, err));
        WC_TRY(wc_st_writer_declare(w, "text.abnormal", WC_F32, 1, &a->embed, err));
    }
    return WC_OK;
}

// Embeddings of all tiles of an image, part by part: the file wants (n_tiles, ...) of one part in
// one piece.
static enum wc_err write_embeddings(struct features *f, const struct wc_tiling *t,
                                    const struct wc_image *resized, struct wc_st_writer *w,
                                    struct wc_error *err) {
    size_t px = wc_model_arch(f->model)->image_px;
    struct wc_features x[WC_TILES_MAX];
    float *pixels = NULL;
    size_t n_made = 0;
    enum wc_err rc = WC_NEW(&pixels, 3 * px * px, "pixels", err);
    for (; n_made < t->n_tiles && rc == WC_OK; n_made += rc == WC_OK) {
        rc = wc_features_init(f->model, &f->request, &x[n_made], err);
        if (rc != WC_OK)
            break;
        wc_tiling_normalise(t, resized, n_made, wc_clip_mean, wc_clip_std, pixels);
        rc = wc_encode_image(f->model, wc_scorer_workspace(f->scorer), pixels, &f->request,
                             &x[n_made], err);
        if (rc != WC_OK)
            wc_features_release(&x[n_made]);
    }
    for (size_t k = 0; k < 4 + f->request.n_scales && rc == WC_OK; k++)
        for (size_t i = 0; i < t->n_tiles && rc == WC_OK; i++) {
            struct part p[MAX_PARTS];
            parts_of(f, &x[i], p);
            float *data = (float *)(uintptr_t)p[k].data;
            if (!f->raw)
                wc_l2_normalise(p[k].n, p[k].width, data, p[k].width);
            rc = wc_st_writer_data(w, data, p[k].n * p[k].width * sizeof *data, err);
        }
    for (size_t i = 0; i < n_made; i++)
        wc_features_release(&x[i]);
    wc_free(pixels);
    return rc;
}

static enum wc_err write_image(struct features *f, const char *path, struct wc_st_writer *w,
                               struct wc_error *err) {
    struct wc_image image = {0}, resized = {0};
    struct wc_tiling t;
    struct wc_result result;
    const struct wc_reference_set refs = {.reference = f->view,
                                          .n = (size_t)f->shot,
                                          .draw = f->draw,
                                          .n_seeds = 1,
                                          .n_draw = (size_t)f->shot};
    size_t g = wc_arch_grid(wc_model_arch(f->model));
    WC_TRY(plan_image(f, path, &t, err));
    enum wc_err rc = wc_image_read(path, NULL, &image, err);
    if (rc == WC_OK)
        rc = wc_tiling_resize(&t, &image, &resized, err);
    if (rc == WC_OK)
        rc = write_embeddings(f, &t, &resized, w, err);
    if (rc == WC_OK && f->object) {
        rc = wc_score_image(f->scorer, &image, f->prototype, f->shot > 0 ? &refs : NULL, &result,
                            err);
        if (rc == WC_OK)
            rc = wc_st_writer_data(w, result.grid, t.n_tiles * g * g * sizeof(float), err);
        if (rc == WC_OK) {
            float score = (float)result.score[0];
            rc = wc_st_writer_data(w, &score, sizeof score, err);
        }
    }
    wc_image_release(&image);
    wc_image_release(&resized);
    return rc;
}

static enum wc_err write_all(struct features *f, struct wc_error *err) {
    struct wc_st_writer *w = NULL;
    size_t e = wc_model_arch(f->model)->embed;
    WC_TRY(wc_st_writer_new(f->out, &w, err));
    enum wc_err rc = declare_all(f, w, err);
    for (size_t i = 0; i < f->images.n && rc == WC_OK; i++)
        rc = write_image(f, f->images.item[i], w, err);
    for (size_t i = 0; i < f->texts.n && rc == WC_OK; i++)
        rc = wc_st_writer_data(w, f->text + i * e, e * sizeof(float), err);
    for (size_t i = 0; f->object && i < 2 && rc == WC_OK; i++)
        rc = wc_st_writer_data(w, f->prototype + i * e, e * sizeof(float), err);
    if (rc == WC_OK)
        rc = wc_st_writer_commit(w, err);
    wc_st_writer_free(&w);
    return rc;
}

static void release(struct features *f) {
    for (size_t i = 0; i < f->n_refs; i++)
        wc_reference_features_release(&f->reference[i]);
    wc_free(f->reference);
    wc_free(f->view);
    wc_free(f->draw);
    wc_free(f->text);
    wc_free(f->prototype);
    wc_weights_free(&f->bank_file);
    wc_scorer_free(&f->scorer);
    wc_plan_release(&f->plan);
    wc_tokenizer_free(&f->tokenizer);
    wc_model_free(&f->model);
    wc_config_release(&f->config);
    wc_strlist_release(&f->images);
    wc_strlist_release(&f->texts);
    wc_strlist_release(&f->refs);
    wc_strlist_release(&f->sets);
}

/* A bank: every kind of feature that a preset may compare, of each image. */

static enum wc_err write_bank_file(struct features *f, const char *key, struct wc_error *err) {
    struct wc_st_writer *w = NULL;
    WC_TRY(wc_st_writer_new(f->out, &w, err));
    enum wc_err rc = wc_st_writer_meta(w, "key", key, err);
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < f->n_refs && rc == WC_OK; i++) {
            char prefix[32];
            snprintf(prefix, sizeof prefix, "ref.%zu.", i);
            rc = pass == 0 ? wc_reference_declare(w, prefix, f->model, &f->plan.reference,
                                                  f->view[i].n_tiles, err)
                           : wc_reference_data(w, f->model, &f->plan.reference, &f->view[i], err);
        }
    if (rc == WC_OK)
        rc = wc_st_writer_commit(w, err);
    wc_st_writer_free(&w);
    return rc;
}

static enum wc_err write_bank(struct features *f, struct wc_error *err) {
    const unsigned n_threads = f->threads ? (unsigned)f->threads : (unsigned)omp_get_num_procs();
    const struct wc_scorer_options o = {.n_threads = n_threads, .tile_mode = f->tile_mode};
    struct wc_strlist names = {0};
    struct wc_buf key = {0};
    char sha256[65];
    for (size_t i = 0; i < f->images.n; i++)
        WC_TRY(wc_strlist_add(&f->refs, f->images.item[i], err));
    enum wc_err rc = expand_refs(f, &names, err);
    f->shot = names.n;
    if (rc == WC_OK)
        rc = open_model(f, err);
    if (rc == WC_OK)
        rc = make_plan(f, err);
    if (rc == WC_OK) {
        f->plan.reference = f->request;
        f->plan.reference.want =
            WC_WANT_WINDOWS | WC_WANT_PATCH | WC_WANT_PATCH_POST | WC_WANT_PATCH_PROJ;
        rc = wc_scorer_new(f->model, &f->plan, &o, &f->scorer, err);
    }
    if (rc == WC_OK)
        rc = encode_refs(f, &names, err);
    if (rc == WC_OK)
        rc = wc_model_hash(f->model, sha256, err);
    if (rc == WC_OK)
        rc = wc_reference_key(f->model, sha256, f->tile_mode, false, "f32", &key, err);
    if (rc == WC_OK)
        rc = write_bank_file(f, wc_buf_str(&key), err);
    wc_buf_release(&key);
    wc_strlist_release(&names);
    return rc;
}

static enum wc_err check_usage(struct features *f, struct wc_error *err) {
    static const char *const modes[] = {"tiles", "shortest_crop", "squash", "center_crop"};
    size_t m = 0;
    if (!f->weights || !f->out || (f->images.n == 0 && f->texts.n == 0 && !f->object))
        return WC_FAIL(err, WC_ERR_USAGE,
                       "features: images or --text, --model FILE and --out FILE are needed");
    if (f->bank && (f->images.n + f->refs.n == 0 || f->object || f->texts.n > 0))
        return WC_FAIL(err, WC_ERR_USAGE,
                       "features: --bank takes images or folders, and no --object or --text");
    if (f->refs.n > 0 && !f->object && !f->bank)
        return WC_FAIL(err, WC_ERR_USAGE, "features: --refs needs --object NAME");
    while (m < 4 && strcmp(modes[m], f->mode) != 0)
        m++;
    if (m == 4)
        return WC_FAIL(err, WC_ERR_USAGE, "features: --mode \"%s\": tiles, shortest_crop or squash",
                       f->mode);
    f->tile_mode = m == 3 ? WC_SHORTEST_CROP : (enum wc_tile_mode)m;
    return parse_windows(f->windows, &f->request, err);
}

static enum wc_err run(int argc, char **argv, struct wc_error *err) {
    struct features f = {.arch = "auto", .preset = "paper", .windows = "2,3", .mode = "tiles"};
    bool help;
    const struct wc_arg args[] = {
        {"--model", 'm', WC_ARG_TEXT, &f.weights, "FILE", "weights, random:ARCH[:SEED] or demo"},
        {"--arch", 0, WC_ARG_TEXT, &f.arch, "ARCH", "architecture; default: deduced from the file"},
        {"--config", 0, WC_ARG_TEXT, &f.json, "FILE",
         "open_clip configuration; default: found with the weights"},
        {"--activation", 0, WC_ARG_TEXT, &f.activation, "NAME", "gelu or quickgelu; default: auto"},
        {"--interpolate", 0, WC_ARG_COUNT, &f.interpolate, "PX",
         "input size to interpolate the position embeddings for; default: the file's"},
        {"--bpe", 0, WC_ARG_TEXT, &f.bpe, "FILE", "merges file; default: the model's, else CLIP's"},
        {"--object", 0, WC_ARG_TEXT, &f.object, "NAME",
         "adds text.normal, text.abnormal, map.i, score.i"},
        {"--preset", 0, WC_ARG_TEXT, &f.preset, "NAME",
         "paper, accurate, anomalib, caoyunkang (paper)"},
        {"--prompts", 0, WC_ARG_TEXT, &f.prompts, "FILE",
         "prompt set; default: the paper's, built in"},
        {"--set", 0, WC_ARG_LIST, &f.sets, "KEY=VALUE",
         "a switch, as winclip.tau=0.05; may be repeated"},
        {"--refs", 0, WC_ARG_LIST, &f.refs, "FILE|DIR",
         "normal references for map and score; may be repeated"},
        {"--bank", 0, WC_ARG_FLAG, &f.bank, NULL,
         "write a reference bank of the images (files or folders) instead"},
        {"--shot", 0, WC_ARG_COUNT, &f.shot, "K", "the first K references; default: all"},
        {"--text", 0, WC_ARG_LIST, &f.texts, "TEXT", "adds text.j; may be repeated"},
        {"--windows", 0, WC_ARG_TEXT, &f.windows, "LIST", "window sides in patches (2,3)"},
        {"--mode", 0, WC_ARG_TEXT, &f.mode, "MODE", "tiles, shortest_crop or squash (tiles)"},
        {"--raw", 0, WC_ARG_FLAG, &f.raw, NULL,
         "leave embeddings as they are; default: unit length"},
        {"--threads", 0, WC_ARG_COUNT, &f.threads, "N", "threads; default: all cores"},
        {"--out", 'o', WC_ARG_TEXT, &f.out, "FILE", "safetensors file to write"},
    };
    const size_t n_args = sizeof args / sizeof *args;
    enum wc_err rc = wc_args_parse(argc, argv, args, n_args, &f.images, &help, err);
    if (rc == WC_OK && help) {
        wc_args_help(&wc_command_features, args, n_args);
    } else if (rc == WC_OK) {
        f.request.want = WC_WANT_IMAGE | WC_WANT_WINDOWS | WC_WANT_PATCH | WC_WANT_PATCH_POST |
                         WC_WANT_PATCH_PROJ;
        rc = check_usage(&f, err);
        if (rc == WC_OK && f.bank)
            rc = write_bank(&f, err);
        else if (rc == WC_OK)
            rc = set_up(&f, err);
        if (rc == WC_OK && !f.bank)
            rc = write_all(&f, err);
    }
    release(&f);
    return rc;
}

const struct wc_command wc_command_features = {
    .name = "features",
    .operands = "IMAGE... --model FILE --out FILE",
    .summary = "embeddings of images, windows and patches as a safetensors file",
    .details =
        "Per image i: image.i (e), window2.i (n,e), window3.i (n,e), patch.i (n,d; before ln_post),\n"
        "patch_post.i (after it), patch_proj.i (n,e; projected). A picture of several tiles has their number as\n"
        "first dimension. Per --text j: text.j (e).\n",
    .run = run,
};
