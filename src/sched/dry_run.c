#include "sched/dry_run.h"

#include "base/alloc.h"
#include "base/log.h"
#include "method/prototypes.h"
#include "sched/state.h"

#include <math.h>
#include <stdio.h>

enum { N_PROBES = 3 }; // images of a run that are scored: spread over those that are left

// Of one run; means over ranks.
struct cost {
    double image_s, learn_s, reference_s, text_s; // an image; a category's first beyond that; a
                                                  // reference; a category's texts
    double tiles;                                 // of an image
    double scratch_bytes, weights_bytes, reference_bytes;
};
enum { N_COSTS = sizeof(struct cost) / sizeof(double) };

// Everything that scoring an image needs, of the right sizes and no meaning.
struct stand_in {
    float *prototype;
    struct wc_reference_features features;
    struct wc_reference *view; // all of them the same
    struct wc_reference_set set;
};

static void release(struct stand_in *x) {
    wc_free(x->prototype);
    wc_free(x->view);
    wc_reference_features_release(&x->features);
}

static enum wc_err read_image(const struct wc_state *s, uint32_t u, struct wc_image *out,
                              struct wc_error *err) {
    const struct wc_item *item = &s->dataset.category[s->unit[u].category].item[s->unit[u].item];
    const struct wc_image_options o = {.max_pixels = (size_t)s->config->preprocess.max_pixels,
                                       .exif_apply = s->config->preprocess.exif_apply};
    return wc_image_read(item->path, &o, out, err);
}

static enum wc_err make_prototypes(const struct wc_state *s, float **out, struct wc_error *err) {
    size_t e = s->arch.embed, n = s->plan.n_recipes * 2 * e;
    WC_TRY(WC_NEW(out, n, "prototypes", err));
    for (size_t i = 0; i < n; i++)
        (*out)[i] = (float)((i / e % 2 == 1 && i % 2 == 1 ? -1 : 1) / sqrt((double)e));
    return WC_OK;
}

// One encoded picture stands for every reference of a category.
static enum wc_err make_references(struct wc_state *s, const struct wc_image *image,
                                   struct stand_in *x, struct cost *c, struct wc_error *err) {
    const struct wc_draw *d = &s->draws.category[0];
    if (!wc_plan_has_references(&s->plan))
        return WC_OK;
    double start = wc_clock_s();
    WC_TRY(wc_encode_reference(s->scorer, image, &x->features, err));
    c->reference_s = wc_clock_s() - start;
    c->reference_bytes = (double)x->features.n_floats * sizeof(float);
    WC_TRY(WC_NEW(&x->view, d->n, "references", err));
    for (size_t i = 0; i < d->n; i++)
        x->view[i] = x->features.view;
    x->set = (struct wc_reference_set){.id = 1,
                                       .reference = x->view,
                                       .n = d->n,
                                       .draw = d->order,
                                       .n_seeds = s->draws.n_seeds,
                                       .n_draw = d->n_draw};
    return WC_OK;
}

static enum wc_err time_text(struct wc_state *s, float *out, struct cost *c, struct wc_error *err) {
    double start = wc_clock_s();
    WC_TRY(wc_prototypes(s->model, wc_scorer_workspace(s->scorer), s->tokenizer, &s->prompts,
                         s->plan.recipe, s->plan.n_recipes, s->dataset.category[0].name,
                         s->object[0], out, err));
    c->text_s = wc_clock_s() - start;
    return WC_OK;
}

// The first image pays for what is learnt of a category and for cold caches; the others give the
// mean.
static enum wc_err time_images(struct wc_state *s, struct stand_in *x, struct cost *c,
                               struct wc_error *err) {
    size_t n = s->n_todo < N_PROBES ? s->n_todo : N_PROBES;
    double first_s = 0, sum_s = 0;
    for (size_t i = 0; i <= n; i++) { // the first one twice
        struct wc_image image = {0};
        struct wc_result result;
        double start = wc_clock_s();
        WC_TRY(read_image(s, s->todo[i > 0 ? (i - 1) * s->n_todo / n : 0], &image, err));
        enum wc_err rc = wc_score_image(s->scorer, &image, x->prototype,
                                        x->set.n > 0 ? &x->set : NULL, &result, err);
        wc_image_release(&image);
        WC_TRY(rc);
        if (i == 0)
            first_s = wc_clock_s() - start;
        else
            sum_s += wc_clock_s() - start;
        c->tiles += i > 0 ? (double)result.tiling.n_tiles / (double)n : 0;
    }
    c->image_s = sum_s / (double)n;
    c->learn_s = first_s > c->image_s ? first_s - c->image_s : 0;
    return WC_OK;
}

static enum wc_err measure(struct wc_state *s, struct stand_in *x, struct cost *c,
                           struct wc_error *err) {
    struct wc_image image = {0};
    WC_TRY(wc_workbench_enter(s->bench, s, err));
    WC_TRY(make_prototypes(s, &x->prototype, err));
    WC_TRY(read_image(s, s->todo[0], &image, err));
    enum wc_err rc = make_references(s, &image, x, c, err);
    wc_image_release(&image);
    WC_TRY(rc);
    WC_TRY(time_images(s, x, c, err));
    if (s->comm.rank == 0) // whose work it is
        WC_TRY(time_text(s, x->prototype, c, err));
    c->scratch_bytes = (double)wc_scorer_bytes(s->scorer);
    c->weights_bytes = (double)wc_model_private_bytes(s->model);
    if (s->backbone)
        c->weights_bytes += (double)wc_model_private_bytes(s->backbone);
    return WC_OK;
}

static enum wc_err measure_run(struct wc_state *s, struct cost *mean, struct wc_error *err) {
    struct stand_in x = {0};
    struct cost own = {0};
    MPI_Barrier(s->comm.comm);
    enum wc_err rc = wc_agree(&s->comm, measure(s, &x, &own, err), err);
    release(&x);
    WC_TRY(rc);
    MPI_Allreduce(&own, mean, N_COSTS, MPI_DOUBLE, MPI_SUM, s->comm.comm);
    double *value = (double *)mean;
    for (size_t i = 0; i < N_COSTS; i++)
        value[i] /= s->comm.n_ranks;
    mean->text_s = own.text_s; // rank 0's, who prints
    return WC_OK;
}

/* The table. */

struct total {
    size_t n_units, n_left, n_references;
    double core_s, wall_s, memory_bytes, disk_bytes;
};

static void add_run(const struct wc_state *s, const struct cost *c, struct total *t,
                    struct wc_buf *out) {
    size_t n_references = 0;
    for (size_t i = 0; i < s->draws.n_categories; i++)
        n_references += s->draws.category[i].n;
    double left = (double)s->n_todo, ranks = s->comm.n_ranks;
    double categories = s->n_todo > 0 ? (double)s->dataset.n_categories : 0;
    double shared_s =
        left * c->image_s + (s->n_todo > 0 ? (double)n_references : 0) * c->reference_s;
    double each_s = categories * c->learn_s, text_s = categories * c->text_s;
    double core_s = (shared_s + each_s * ranks + text_s) * s->n_threads;
    double memory = c->scratch_bytes + c->weights_bytes;
    double disk = left * (c->tiles * (double)wc_plan_cells(&s->plan) * 4 +
                          (double)s->plan.n_variants * 8 + 100) +
                  (double)n_references * c->reference_bytes;
    wc_buf_printf(out, "%-28s %8zu %8zu %8zu %9zu %9.3f %10.3f %9.0f %9.1f\n",
                  s->options->name ? s->options->name : "run", s->n_units, s->n_todo, n_references,
                  s->plan.n_variants, c->image_s, core_s / 3600, memory / 1e6, disk / 1e6);
    t->n_units += s->n_units;
    t->n_left += s->n_todo;
    t->n_references += n_references;
    t->core_s += core_s;
    t->wall_s += shared_s / ranks + each_s + text_s / ranks;
    t->memory_bytes = memory > t->memory_bytes ? memory : t->memory_bytes;
    t->disk_bytes += disk;
}

static void put_total(const struct wc_state *s, const struct total *t, struct wc_buf *out) {
    unsigned long wall = (unsigned long)(t->wall_s + 0.5);
    wc_buf_printf(out, "%-28s %8zu %8zu %8zu %9s %9s %10.3f %9.0f %9.1f\n", "all", t->n_units,
                  t->n_left, t->n_references, "", "", t->core_s / 3600, t->memory_bytes / 1e6,
                  t->disk_bytes / 1e6);
    wc_buf_printf(
        out,
        "about %lu:%02lu:%02lu on %d ranks with %u threads each, by %d images of each run; "
        "without evaluation\n",
        wall / 3600, wall / 60 % 60, wall % 60, s->comm.n_ranks, s->n_threads, N_PROBES);
}

static enum wc_err prepare(struct wc_state *s, struct wc_error *err) {
    WC_TRY(wc_state_prepare(s, err));
    WC_TRY(wc_state_load_results(s, false, err));
    WC_TRY(wc_state_list_todo(s, err));
    wc_state_unload_results(s);
    return WC_OK;
}

enum wc_err wc_dry_run(const struct wc_run_options *options, size_t n, struct wc_buf *text,
                       struct wc_error *err) {
    struct wc_workbench bench = {0};
    struct wc_state *state = NULL;
    struct total t = {0};
    enum wc_err rc = WC_NEW(&state, n, "runs", err);
    wc_buf_printf(text, "%-28s %8s %8s %8s %9s %9s %10s %9s %9s\n", "run", "images", "left", "refs",
                  "variants", "s/image", "core-hours", "MB a rank", "MB disk");
    for (size_t i = 0; i < n && rc == WC_OK; i++) {
        struct cost c = {0};
        state[i] =
            (struct wc_state){.options = &options[i], .config = options[i].config, .bench = &bench};
        rc = prepare(&state[i], err);
        if (rc == WC_OK && state[i].n_todo > 0)
            rc = measure_run(&state[i], &c, err);
        if (rc == WC_OK)
            add_run(&state[i], &c, &t, text);
        else if (options[i].name)
            wc_fail(err, rc, err->fault, "run %s: %s", options[i].name, err->text);
    }
    if (rc == WC_OK)
        put_total(&state[0], &t, text);
    for (size_t i = 0; state && i < n; i++)
        wc_state_release(&state[i]);
    wc_workbench_release(&bench);
    wc_free(state);
    return rc == WC_OK ? wc_buf_check(text, "dry run", err) : rc;
}
