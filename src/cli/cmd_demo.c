// winclip-mpi demo: the built-in model on procedural photos, through the same pipeline as any run.
#include "base/alloc.h"
#include "base/io.h"
#include "base/json.h"
#include "base/log.h"
#include "cli/commands.h"
#include "cli/demo_summary.h"
#include "demo/dataset.h"
#include "sched/comm.h"
#include "text/embed.h"

#include <stdio.h>
#include <string.h>

#define SEED 20261125 // the products that README's figures are of; training never saw them
enum { PRODUCTS = 3, PER_CATEGORY = 8 };

static const char what_it_is[] =
    "The model is a tiny CLIP trained on procedural pictures of other categories and defects: it "
    "shows how WinCLIP works,\nnot how well. For real inspection use CLIP's published weights: "
    "winclip-mpi score photos/ --object \"metal nut\" --model FILE\n";

struct demo {
    struct wc_demo_set set;
    const char *out, *write_dir, *split;
    struct wc_strlist sets;
    bool fresh;
    struct wc_comm comm;
};

static enum wc_err write_text(const char *folder, const char *name, struct wc_buf *text,
                              struct wc_error *err) {
    WC_TRY(wc_buf_check(text, name, err));
    return wc_io_write_in(folder, name, text->data, text->n, err);
}

// The paper's prompts, with the object's name for each product's folder.
static enum wc_err write_prompts(const struct demo *d, struct wc_error *err) {
    struct wc_buf text = {0};
    wc_buf_add(&text, wc_prompts_yaml, WC_EMBED_BYTES(wc_prompts_yaml));
    wc_buf_printf(&text, "\nobjects:\n");
    for (size_t i = 0; i < wc_demo_n_folders(&d->set); i++) {
        char name[64];
        size_t category;
        wc_demo_folder(&d->set, i, name, sizeof name, &category);
        wc_buf_printf(&text, "  %s: \"", name);
        for (const char *p = wc_demo_category(d->set.split, category); *p; p++)
            wc_buf_printf(&text, "%c", *p == '_' ? ' ' : *p);
        wc_buf_printf(&text, "\"\n");
    }
    enum wc_err rc = write_text(d->out, "prompts.yaml", &text, err);
    wc_buf_release(&text);
    return rc;
}

static enum wc_err write_config(const struct demo *d, struct wc_error *err) {
    struct wc_buf text = {0};
    wc_buf_printf(&text,
                  "# Written by `winclip-mpi demo`; `winclip-mpi run` takes it as any other.\n"
                  "dataset: {name: mvtec, root: data}\n"
                  "model: {weights: demo}\n"
                  "prompts: prompts.yaml\n"
                  "shots: [0, 1, 2, 4]\n"
                  "seeds: [0, 1, 2]\n"
                  "output: ");
    char *run = wc_path_join(d->out, "run");
    wc_json_quote(&text, run ? run : "");
    wc_buf_puts(&text, "\n");
    enum wc_err rc = run ? write_text(d->out, "demo.yaml", &text, err)
                         : WC_FAIL(err, WC_ERR_NOMEM, "%s: out of memory", d->out);
    wc_free(run);
    wc_buf_release(&text);
    return rc;
}

// Collective: each rank writes its part of the photos.
static enum wc_err write_photos(const struct demo *d, const char *dir, struct wc_error *err) {
    enum wc_err rc = d->comm.rank == 0 ? wc_demo_begin(&d->set, dir, err) : WC_OK;
    WC_TRY(wc_agree(&d->comm, rc, err));
    rc = wc_demo_write(&d->set, dir, (size_t)d->comm.rank, (size_t)d->comm.n_ranks, err);
    return wc_agree(&d->comm, rc, err);
}

static enum wc_err show(const struct demo *d, struct wc_error *err) {
    struct wc_buf text = {0};
    char *run = wc_path_join(d->out, "run"), *page = wc_sprintf("%s/run/report.html", d->out);
    enum wc_err rc = run && page ? wc_demo_summary(&d->set, run, &text, err)
                                 : WC_FAIL(err, WC_ERR_NOMEM, "%s: out of memory", d->out);
    if (rc == WC_OK) {
        printf("\ndemo: held-out categories and defects, seed %llu; %s",
               (unsigned long long)d->set.seed, wc_buf_str(&text));
        printf("\n%s", what_it_is);
        printf("results in %s\n", wc_io_is_file(page) ? page : run);
    }
    wc_free(page);
    wc_free(run);
    wc_buf_release(&text);
    return rc;
}

// The command `run` with the configuration just written; it prints the report.
static enum wc_err run_config(const struct demo *d, char *config, struct wc_error *err) {
    char **argv = NULL, set[] = "--set", fresh[] = "--fresh", name[] = "run";
    int argc = 0;
    WC_TRY(WC_NEW(&argv, 4 + 2 * d->sets.n, "demo: arguments", err));
    argv[argc++] = name;
    argv[argc++] = config;
    for (size_t i = 0; i < d->sets.n; i++) {
        argv[argc++] = set;
        argv[argc++] = d->sets.item[i];
    }
    if (d->fresh)
        argv[argc++] = fresh;
    enum wc_err rc = wc_command_run.run(argc, argv, err);
    wc_free(argv);
    return rc;
}

static enum wc_err run_demo(const struct demo *d, struct wc_error *err) {
    char *data = wc_path_join(d->out, "data"), *config = wc_path_join(d->out, "demo.yaml");
    enum wc_err rc =
        data && config ? WC_OK : WC_FAIL(err, WC_ERR_NOMEM, "%s: out of memory", d->out);
    rc = wc_agree(&d->comm, rc, err);
    if (rc == WC_OK)
        rc = write_photos(d, data, err);
    if (rc == WC_OK && d->comm.rank == 0) {
        rc = write_prompts(d, err);
        if (rc == WC_OK)
            rc = write_config(d, err);
    }
    rc = wc_agree(&d->comm, rc, err);
    if (rc == WC_OK)
        rc = run_config(d, config, err);
    if (rc == WC_OK && d->comm.rank == 0)
        rc = show(d, err);
    wc_free(config);
    wc_free(data);
    return wc_agree(&d->comm, rc, err);
}

static enum wc_err write_only(const struct demo *d, struct wc_error *err) {
    WC_TRY(write_photos(d, d->write_dir, err));
    if (d->comm.rank == 0)
        printf("%s: %zu folders in MVTec AD's layout, %s split, seed %llu\n", d->write_dir,
               wc_demo_n_folders(&d->set), wc_demo_split_name(d->set.split),
               (unsigned long long)d->set.seed);
    return WC_OK;
}

static enum wc_err check_usage(struct demo *d, const struct wc_strlist *operands,
                               uint64_t n_products, uint64_t per_category, struct wc_error *err) {
    if (operands->n > 0)
        return WC_FAIL(err, WC_ERR_USAGE, "demo: \"%s\": no operand is expected",
                       operands->item[0]);
    if (n_products < 1 || n_products > 100 || per_category < 4 || per_category > 1000)
        return WC_FAIL(err, WC_ERR_USAGE, "demo: 1 to 100 products, and 4 to 1000 a category");
    if (d->set.seed > UINT64_MAX / 2000)
        return WC_FAIL(err, WC_ERR_USAGE, "demo: the seed is too large");
    for (int s = 0; s < WC_DEMO_SPLITS; s++)
        if (strcmp(d->split, wc_demo_split_name((enum wc_demo_split)s)) == 0)
            d->set.split = (enum wc_demo_split)s;
    if (strcmp(d->split, wc_demo_split_name(d->set.split)) != 0)
        return WC_FAIL(err, WC_ERR_USAGE, "demo: --split \"%s\": train or held-out", d->split);
    d->set.n_products = (size_t)n_products;
    d->set.per_category = (size_t)per_category;
    return WC_OK;
}

static enum wc_err run(int argc, char **argv, struct wc_error *err) {
    struct demo d = {
        .out = "runs/demo", .split = "held-out", .set.split = WC_DEMO_HELD_OUT, .set.seed = SEED};
    uint64_t n_products = PRODUCTS, per_category = PER_CATEGORY;
    struct wc_strlist operands = {0};
    bool help = false;
    const struct wc_arg args[] = {
        {"--out", 'o', WC_ARG_TEXT, &d.out, "DIR", "photos, configuration and results (runs/demo)"},
        {"--write-dataset", 0, WC_ARG_TEXT, &d.write_dir, "DIR",
         "write the photos there in MVTec AD's layout, and run nothing"},
        {"--split", 0, WC_ARG_TEXT, &d.split, "NAME",
         "categories and defects: held-out, or train, which the model has seen (held-out)"},
        {"--products", 0, WC_ARG_COUNT, &n_products, "N", "products of each category (3)"},
        {"--per-category", 0, WC_ARG_COUNT, &per_category, "N",
         "of each product: N reference, N good and N damaged photos (8)"},
        {"--seed", 0, WC_ARG_COUNT, &d.set.seed, "S", "other products and photos"},
        {"--set", 0, WC_ARG_LIST, &d.sets, "KEY=VALUE", "override a key of the configuration"},
        {"--fresh", 0, WC_ARG_FLAG, &d.fresh, NULL, "forget what an earlier demo scored"},
    };
    const size_t n_args = sizeof args / sizeof *args;
    WC_TRY(wc_comm_init(&d.comm, err));
    enum wc_err rc = wc_args_parse(argc, argv, args, n_args, &operands, &help, err);
    if (rc == WC_OK && help && d.comm.rank == 0)
        wc_args_help(&wc_command_demo, args, n_args);
    if (rc == WC_OK && !help)
        rc = check_usage(&d, &operands, n_products, per_category, err);
    if (rc == WC_OK && !help)
        rc = d.write_dir ? write_only(&d, err) : run_demo(&d, err);
    wc_strlist_release(&d.sets);
    wc_strlist_release(&operands);
    wc_comm_release(&d.comm);
    return rc;
}

const struct wc_command wc_command_demo = {
    .name = "demo",
    .operands = "",
    .summary = "the built-in tiny model on procedural photos: no weights, no data, no network",
    .uses_mpi = true,
    .run = run,
};
