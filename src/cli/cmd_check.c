// winclip-mpi check CONFIG: reads everything that a run would read, says what it would cost, runs
// nothing.
#include "base/alloc.h"
#include "base/io.h"
#include "base/log.h"
#include "cli/commands.h"
#include "cli/installed.h"
#include "config/config.h"
#include "dataset/csv.h"
#include "dataset/dataset.h"
#include "image/tiles.h"
#include "method/plan.h"
#include "method/prototypes.h"
#include "method/scorer.h"
#include "model/backbone.h"
#include "model/model.h"
#include "tensor/gemm.h"
#include "tensor/kernels.h"
#include "text/prompts.h"
#include "text/tokenizer.h"

#include <stdio.h>
#include <string.h>

struct check {
    struct wc_config config;
    struct wc_dataset dataset;
    struct wc_model *model;
    struct wc_model *backbone;
    struct wc_plan plan;
    size_t n_images, n_anomalous, n_masked, n_train, n_bad;
    double n_tiles;          // of all test images
    struct wc_csv published; // counts of the published data set; no rows: unknown
    size_t n_differ;
};

static enum wc_err list(struct check *c, struct wc_error *err) {
    const struct wc_config *g = &c->config;
    const struct wc_dataset_options o = {.name = g->dataset.name,
                                         .root = g->dataset.root,
                                         .categories = &g->dataset.categories,
                                         .normal = &g->dataset.normal,
                                         .anomalous = &g->dataset.anomalous,
                                         .references = &g->dataset.references,
                                         .masks = g->dataset.masks,
                                         .object = g->dataset.object};
    return wc_dataset_list(&o, &c->dataset, err);
}

// The header of one test image and of its masks: a wrong size or a damaged header is reported, and
// the check goes on.
static void look_at(struct check *c, const struct wc_item *item, size_t px) {
    const struct wc_image_options o = {.max_pixels = (size_t)c->config.preprocess.max_pixels,
                                       .exif_apply = c->config.preprocess.exif_apply};
    struct wc_error err = {0};
    struct wc_tiling t;
    size_t width = 0, height = 0, w = 0, h = 0;
    enum wc_err rc = wc_image_read_size(item->path, &o, &width, &height, &err);
    if (rc == WC_OK)
        rc = wc_tiling_plan(width, height, px, (enum wc_tile_mode)c->config.preprocess.tiling, &t,
                            &err);
    if (rc == WC_OK)
        c->n_tiles += (double)t.n_tiles;
    for (size_t i = 0; i < item->masks.n && rc == WC_OK; i++) {
        rc = wc_image_read_size(item->masks.item[i], NULL, &w, &h, &err);
        if (rc == WC_OK && (w != width || h != height))
            rc = WC_FAULT(&err, WC_ERR_DATA, "size-mismatch",
                          "%s: mask is %zux%zu, its image %zux%zu", item->masks.item[i], w, h,
                          width, height);
    }
    if (rc != WC_OK) {
        c->n_bad++;
        WC_WARN("%s%s%s%s", err.text, err.fault ? " [" : "", err.fault ? err.fault : "",
                err.fault ? "]" : "");
    }
}

// What was published of the data set: configs/published/dataset_counts.csv. No file, no rows.
static enum wc_err read_published(struct check *c, struct wc_error *err) {
    char *path = NULL;
    WC_TRY(wc_installed_find("configs", "published/dataset_counts.csv", &path, err));
    enum wc_err rc = wc_io_is_file(path) ? wc_csv_read(path, &c->published, err) : WC_OK;
    wc_free(path);
    return rc;
}

static bool published_count(const struct wc_csv *p, size_t row, const char *column, size_t *out) {
    uint64_t n;
    if (!wc_parse_u64(wc_csv_at(p, row, wc_csv_column(p, column)), &n))
        return false;
    *out = (size_t)n;
    return true;
}

// "as published", or what was published; nothing for categories that are not in the table.
static void print_published(struct check *c, const struct wc_category *k, size_t n_normal) {
    const struct wc_csv *p = &c->published;
    size_t train, normal, test;
    for (size_t i = 0; i < p->n_rows; i++) {
        if (strcmp(wc_csv_at(p, i, wc_csv_column(p, "dataset")), c->dataset.name) != 0 ||
            strcmp(wc_csv_at(p, i, wc_csv_column(p, "category")), k->name) != 0 ||
            !published_count(p, i, "train_normal", &train) ||
            !published_count(p, i, "test_normal", &normal) ||
            !published_count(p, i, "test_total", &test))
            continue;
        bool same = train == k->n_train && normal == n_normal && test == k->n_items;
        c->n_differ += !same;
        if (same)
            printf("  as published");
        else
            printf("  published: %zu %zu %zu", train, normal, test - normal);
        return;
    }
}

static void print_counts(struct check *c) {
    size_t px = wc_model_arch(c->model)->image_px;
    printf("%-20s %10s %10s %10s %10s\n", "category", "train", "normal", "anomalous", "masks");
    for (size_t i = 0; i < c->dataset.n_categories; i++) {
        const struct wc_category *k = &c->dataset.category[i];
        size_t anomalous = 0, masked = 0;
        for (size_t j = 0; j < k->n_items; j++) {
            anomalous += k->item[j].label == WC_ANOMALOUS;
            masked += k->item[j].masks.n > 0;
            look_at(c, &k->item[j], px);
        }
        printf("%-20s %10zu %10zu %10zu %10zu", k->name, k->n_train, k->n_items - anomalous,
               anomalous, masked);
        print_published(c, k, k->n_items - anomalous);
        putchar('\n');
        c->n_images += k->n_items;
        c->n_anomalous += anomalous;
        c->n_masked += masked;
        c->n_train += k->n_train;
    }
    printf("%-20s %10zu %10zu %10zu %10zu\n", "all", c->n_train, c->n_images - c->n_anomalous,
           c->n_anomalous, c->n_masked);
    if (c->n_differ > 0)
        printf(
            "%zu categories do not hold what was published: their figures cannot be compared with "
            "published ones\n",
            c->n_differ);
}

static enum wc_err print_cost(struct check *c, struct wc_error *err) {
    const struct wc_arch *a = wc_model_arch(c->model);
    struct wc_scorer *scorer = NULL;
    const struct wc_scorer_options o = {
        .n_threads = 1, .tile_mode = (enum wc_tile_mode)c->config.preprocess.tiling};
    WC_TRY(wc_scorer_new(c->model, &c->plan, &o, &scorer, err));
    size_t scratch = wc_scorer_bytes(scorer);
    wc_scorer_free(&scorer);
    printf("\nmodel     %s: %s, %s (%s)\n", c->config.model.weights, a->name,
           wc_model_activation(c->model) == WC_QUICKGELU ? "quickgelu" : "gelu",
           wc_model_activation_reason(c->model));
    printf("machine   %s, %s\n", wc_isa_name(wc_kernels()->isa), wc_gemm_description());
    printf("variants  %zu in one pass\n", c->plan.n_variants);
    const struct wc_request backbone = {.want = c->plan.request.backbone_want};
    double gflop = c->plan.request.want ? 1e-9 * wc_image_flop(c->model, &c->plan.request) : 0;
    double weights = (double)wc_model_private_bytes(c->model),
           packed = (double)wc_model_packed_bytes(c->model, NULL);
    if (c->backbone) {
        gflop += 1e-9 * wc_image_flop(c->backbone, &backbone);
        weights += (double)(wc_model_private_bytes(c->backbone) +
                            wc_model_packed_bytes(c->backbone, NULL));
    }
    printf("cost      %.0f tiles at %.1f GFLOP: %.3g GFLOP in all\n", c->n_tiles, gflop,
           c->n_tiles * gflop);
    printf(
        "memory    %.0f MB of scratch a rank and thread, %.0f MB of private weights a rank, %.0f MB "
        "of packed weights a node\n",
        (double)scratch / 1e6, weights / 1e6, packed / 1e6);
    printf("disk      %.1f MB of journals in %s\n",
           (c->n_tiles * (double)wc_plan_cells(&c->plan) * 4 +
            (double)c->plan.n_variants * (double)c->n_images * 40) /
               1e6,
           c->config.output);
    return WC_OK;
}

static enum wc_err check_texts(const struct check *c, struct wc_error *err) {
    struct wc_prompt_sets prompts = {0};
    struct wc_tokenizer *tokenizer = NULL;
    const char *bpe = c->config.model.bpe ? c->config.model.bpe : wc_model_bpe(c->model);
    enum wc_err rc =
        wc_prompt_sets_open(c->config.prompts, c->plan.recipe, c->plan.n_recipes, &prompts, err);
    if (rc == WC_OK)
        rc = wc_tokenizer_new(bpe, &tokenizer, err);
    if (rc == WC_OK && wc_tokenizer_vocab_size(tokenizer) > wc_model_arch(c->model)->vocab)
        rc = WC_FAIL(
            err, WC_ERR_CONFIG,
            "the tokenizer has %zu tokens, the model's vocabulary %zu; set model.bpe to the model's merges file",
            wc_tokenizer_vocab_size(tokenizer), wc_model_arch(c->model)->vocab);
    wc_prompt_sets_release(&prompts);
    wc_tokenizer_free(&tokenizer);
    return rc;
}

static enum wc_err open_backbone(struct check *c, struct wc_error *err) {
    const struct wc_config *g = &c->config;
    if (!wc_plan_needs_backbone(&c->plan))
        return WC_OK;
    WC_TRY(wc_backbone_open(g->backbone.weights, g->backbone.arch,
                            wc_model_arch(c->model)->image_px, &c->backbone, err));
    wc_plan_attach(&c->plan, c->backbone);
    return WC_OK;
}

static enum wc_err check(struct check *c, const char *path, const struct wc_strlist *sets,
                         struct wc_error *err) {
    WC_TRY(wc_config_init(&c->config, err));
    WC_TRY(wc_config_read(path, sets, &c->config, err));
    WC_TRY(wc_kernels_init(c->config.isa, err));
    WC_TRY(wc_gemm_init(c->config.gemm, err));
    WC_TRY(list(c, err));
    WC_TRY(read_published(c, err));
    const struct wc_model_options o = {.weights = c->config.model.weights,
                                       .arch = c->config.model.arch,
                                       .json = c->config.model.json,
                                       .activation = (enum wc_activation)c->config.model.activation,
                                       .precision = (enum wc_precision)c->config.model.precision,
                                       .interpolate_px = (size_t)c->config.model.interpolate};
    WC_TRY(wc_model_open(&o, &c->model, err));
    WC_TRY(wc_plan_new(&c->config, wc_arch_grid(wc_model_arch(c->model)), &c->plan, err));
    WC_TRY(open_backbone(c, err));
    WC_TRY(check_texts(c, err));
    print_counts(c);
    WC_TRY(print_cost(c, err));
    if (c->n_bad > 0)
        return WC_FAIL(err, WC_ERR_DATA,
                       "%zu of %zu images or masks cannot be used; they are named above", c->n_bad,
                       c->n_images);
    printf("\nall is well\n");
    return WC_OK;
}

// One a line, for scripts: no weights are opened.
static enum wc_err print_categories(struct check *c, const char *path,
                                    const struct wc_strlist *sets, struct wc_error *err) {
    WC_TRY(wc_config_init(&c->config, err));
    WC_TRY(wc_config_read(path, sets, &c->config, err));
    WC_TRY(list(c, err));
    for (size_t i = 0; i < c->dataset.n_categories; i++)
        printf("%s\n", c->dataset.category[i].name);
    return WC_OK;
}

static enum wc_err run(int argc, char **argv, struct wc_error *err) {
    struct wc_strlist sets = {0}, operands = {0};
    struct check c = {0};
    bool help, categories = false;
    char *path = NULL;
    const struct wc_arg args[] = {
        {"--set", 0, WC_ARG_LIST, &sets, "KEY=VALUE",
         "override a key of the configuration; may be repeated"},
        {"--categories", 0, WC_ARG_FLAG, &categories, NULL,
         "only list the categories, one a line; opens no weights"},
    };
    const size_t n_args = sizeof args / sizeof *args;
    enum wc_err rc = wc_args_parse(argc, argv, args, n_args, &operands, &help, err);
    if (rc == WC_OK && help)
        wc_args_help(&wc_command_check, args, n_args);
    else if (rc == WC_OK && operands.n != 1)
        rc = WC_FAIL(err, WC_ERR_USAGE, "check: one configuration file is needed");
    else if (rc == WC_OK)
        rc = wc_installed_find("configs", operands.item[0], &path, err);
    if (rc == WC_OK && path)
        rc = categories ? print_categories(&c, path, &sets, err) : check(&c, path, &sets, err);
    wc_free(path);
    wc_plan_release(&c.plan);
    wc_model_free(&c.model);
    wc_model_free(&c.backbone);
    wc_dataset_release(&c.dataset);
    wc_csv_release(&c.published);
    wc_config_release(&c.config);
    wc_strlist_release(&sets);
    wc_strlist_release(&operands);
    return rc;
}

const struct wc_command wc_command_check = {
    .name = "check",
    .operands = "CONFIG",
    .summary = "what a run would read and cost; runs nothing",
    .run = run,
};
