#include "sched/run.h"

#include "base/alloc.h"
#include "base/io.h"
#include "base/log.h"
#include "report/study.h"
#include "sched/layout.h"
#include "sched/pictures.h"
#include "sched/state.h"
#include "sched/status.h"
#include "tensor/gemm.h"
#include "tensor/kernels.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

// Texts that the provenance points at.
struct labels {
    struct wc_buf presets, changed;
    char evaluation[64], run_id[65];
};

// Switches that the configuration sets itself: "tau=0.05, multi_crop=ten"; and the methods when an
// entry has switches of its own: "method=[winclip, {name: winclip, as: hot, tau: 0.5}]".
static enum wc_err list_changed(const struct wc_config *c, struct wc_buf *out,
                                struct wc_error *err) {
    struct wc_buf now = {0}, plain = {0};
    struct wc_strlist lines = {0};
    struct wc_config defaults = {0};
    enum wc_err rc = wc_config_init(&defaults, err);
    if (rc == WC_OK)
        rc = wc_config_dump(&defaults, true, &plain, err);
    if (rc == WC_OK)
        rc = wc_config_dump(c, true, &now, err);
    if (rc == WC_OK)
        rc = wc_config_diff(wc_buf_str(&plain), wc_buf_str(&now), &lines, err);
    for (size_t i = 0; i < lines.n && rc == WC_OK; i++) {
        const char *key = lines.item[i], *colon = strstr(key, ": "), *arrow = strstr(key, " -> ");
        bool entries = arrow && wc_str_starts(key, "method: ") && strchr(arrow, '{');
        size_t skip = entries ? 0 : strlen("winclip.");
        if ((!entries && !wc_str_starts(key, "winclip.")) || !colon || !arrow)
            continue;
        wc_buf_printf(out, "%s%.*s=%s", out->n > 0 ? ", " : "", (int)((size_t)(colon - key) - skip),
                      key + skip, arrow + 4);
    }
    wc_strlist_release(&lines);
    wc_buf_release(&now);
    wc_buf_release(&plain);
    wc_config_release(&defaults);
    return rc == WC_OK ? wc_buf_check(out, "report", err) : rc;
}

static enum wc_err fill_provenance(const struct wc_state *s, struct labels *l,
                                   struct wc_provenance *p, struct wc_error *err) {
    const struct wc_config *c = s->config;
    for (size_t i = 0; i < c->presets.n; i++)
        wc_buf_printf(&l->presets, "%s%s", i > 0 ? ", " : "", c->presets.item[i]);
    WC_TRY(list_changed(c, &l->changed, err));
    if (c->evaluation.size > 0)
        snprintf(l->evaluation, sizeof l->evaluation, "%llux%llu pixels",
                 (unsigned long long)c->evaluation.size, (unsigned long long)c->evaluation.size);
    else
        snprintf(l->evaluation, sizeof l->evaluation, "native size");
    *p = (struct wc_provenance){
        .program = "winclip-mpi",
        .version = WC_VERSION,
        .run_id = s->id.run_id,
        .dataset = s->dataset.name,
        .model = wc_path_base(c->model.weights),
        .arch = s->arch.name,
        .activation = s->activation,
        .activation_reason = s->activation_reason,
        .prompts = s->id.prompts_name,
        .presets = wc_buf_str(&l->presets),
        .changed = wc_buf_str(&l->changed),
        .precision = s->journal_header.precision,
        .isa = s->journal_header.isa,
        .gemm = wc_gemm_description(),
        .evaluation = l->evaluation,
        .references = wc_path_base(c->references),
        .scale_low = NAN,
        .scale_high = NAN,
        .n_images = s->n_units,
        .n_failed = s->n_failed,
    };
    memcpy(p->weights_sha256, s->id.weights_sha256, sizeof p->weights_sha256);
    memcpy(p->prompts_sha256, s->id.prompts_sha256, sizeof p->prompts_sha256);
    return wc_buf_check(&l->presets, "report", err);
}

// What a report has besides its figures, which a finished run may be asked for later on.
static enum wc_err name_extras(const struct wc_state *s, struct wc_buf *out, char **path,
                               struct wc_error *err) {
    const struct wc_config *c = s->config;
    wc_buf_printf(out, "save_maps %d of %llu, bootstrap %llu level %.17g seed %llu\n", c->save_maps,
                  (unsigned long long)(c->save_maps == WC_MAPS_NONE ? 0 : c->save_maps_of),
                  (unsigned long long)c->bootstrap.replicates, c->bootstrap.level,
                  (unsigned long long)c->bootstrap.seed);
    WC_TRY(wc_buf_check(out, "report", err));
    return wc_state_path(s, "report.made", path, err);
}

static enum wc_err write_extras(const struct wc_state *s, struct wc_error *err) {
    struct wc_buf text = {0};
    char *path = NULL;
    enum wc_err rc = name_extras(s, &text, &path, err);
    if (rc == WC_OK)
        rc = wc_io_write_atomic(path, wc_buf_str(&text), text.n, err);
    wc_free(path);
    wc_buf_release(&text);
    return rc;
}

// Was the report made with what is asked for now?
static bool has_extras(const struct wc_state *s) {
    struct wc_buf text = {0};
    char *path = NULL;
    unsigned char *bytes = NULL;
    size_t n = 0;
    bool same = name_extras(s, &text, &path, NULL) == WC_OK && wc_io_is_file(path) &&
                wc_io_read_file(path, 4096, &bytes, &n, NULL) == WC_OK && n == text.n &&
                memcmp(bytes, text.data, n) == 0;
    wc_free(bytes);
    wc_free(path);
    wc_buf_release(&text);
    return same;
}

static enum wc_err report(struct wc_state *s, struct wc_buf *text, struct wc_error *err) {
    struct wc_report r = {0};
    struct labels labels = {0};
    enum wc_err rc = wc_state_evaluate(s, &r, err);
    if (rc == WC_OK && s->comm.rank == 0)
        rc = fill_provenance(s, &labels, &r.provenance, err);
    rc = wc_agree(&s->comm, rc, err);
    if (rc == WC_OK)
        rc = wc_state_pictures(s, &r, err);
    if (rc == WC_OK && s->comm.rank == 0) {
        const struct wc_bootstrap_options options = {.n_replicates =
                                                         (size_t)s->config->bootstrap.replicates,
                                                     .level = s->config->bootstrap.level,
                                                     .seed = s->config->bootstrap.seed};
        rc = wc_report_bootstrap(&r, &options, err);
        if (rc == WC_OK)
            rc = write_extras(s, err);
        if (rc == WC_OK)
            rc = wc_report_write_all(&r, s->config->output, err);
        if (rc == WC_OK)
            rc = wc_report_format_find("text")->write(&r, text, err);
    }
    wc_report_release(&r);
    wc_buf_release(&labels.presets);
    wc_buf_release(&labels.changed);
    return wc_agree(&s->comm, rc, err);
}

// A finished run without failures prints its report again at once.
static enum wc_err print_finished(struct wc_state *s, bool *printed, struct wc_buf *text,
                                  struct wc_error *err) {
    int have = 0;
    enum wc_err rc = WC_OK;
    if (s->comm.rank == 0 && s->n_done == s->n_units) {
        char *path = NULL;
        unsigned char *bytes;
        size_t n;
        rc = wc_state_path(s, "report.txt", &path, err);
        if (rc == WC_OK && wc_io_is_file(path) && has_extras(s)) {
            rc = wc_io_read_file(path, (size_t)64 << 20, &bytes, &n, err);
            if (rc == WC_OK) {
                wc_buf_add(text, bytes, n);
                wc_free(bytes);
                have = 1;
            }
        }
        wc_free(path);
    }
    WC_TRY(wc_agree(&s->comm, rc, err));
    MPI_Bcast(&have, 1, MPI_INT, 0, s->comm.comm);
    *printed = have;
    return WC_OK;
}

// Errors of one run of several name it.
static enum wc_err named(const struct wc_state *s, enum wc_err rc, struct wc_error *err) {
    if (rc == WC_OK || !s->options->name)
        return rc;
    return wc_fail(err, rc, err->fault, "run %s: %s", s->options->name, err->text);
}

// Prepares a run and finds what is done. A finished one gives its report at once.
static enum wc_err begin(struct wc_state *s, struct wc_run_result *result, struct wc_error *err) {
    bool printed = false;
    WC_TRY(wc_state_prepare(s, err));
    snprintf(result->run_id, sizeof result->run_id, "%s", s->id.run_id);
    snprintf(result->model, sizeof result->model, "%s",
             strcmp(s->arch.name, "custom") == 0 ? wc_path_base(s->config->model.weights)
                                                 : s->arch.name);
    if (s->comm.rank == 0)
        WC_INFO(
            "run %s: %zu images in %zu categories, %zu variants, %s (%s), %s, %s; results in %s",
            s->id.run_id, s->n_units, s->dataset.n_categories, s->plan.n_variants,
            s->config->model.weights, s->arch.name, wc_isa_name(wc_kernels()->isa),
            wc_gemm_description(), s->config->output);
    enum wc_err rc = WC_OK;
    if (s->comm.rank == 0)
        rc = wc_run_status_write(s->config->output, s->id.run_id, s->n_units, err);
    WC_TRY(wc_agree(&s->comm, rc, err));
    WC_TRY(wc_state_load_results(s, false, err));
    if (s->comm.rank == 0 && s->n_done > 0)
        WC_INFO("%zu of %zu images are done already", s->n_done, s->n_units);
    WC_TRY(print_finished(s, &printed, &result->text, err));
    s->finished = printed;
    WC_TRY(wc_state_list_todo(s, err));
    wc_state_unload_results(s);
    return WC_OK;
}

// Figures and files of a run whose units are all done.
static enum wc_err end(struct wc_state *s, struct wc_buf *text, struct wc_error *err) {
    if (s->finished)
        return WC_OK;
    WC_TRY(report(s, text, err));
    wc_state_unload_results(s);
    return wc_agree(&s->comm, wc_state_tidy_features(s, err), err);
}

static enum wc_err score(struct wc_state *const *run, size_t n, bool *out_of_time,
                         struct wc_error *err) {
    struct wc_state **left = NULL;
    size_t n_left = 0;
    WC_TRY(WC_NEW(&left, n, "runs", err));
    for (size_t i = 0; i < n; i++)
        if (run[i]->n_todo > 0)
            left[n_left++] = run[i];
    enum wc_err rc = wc_score(left, n_left, err);
    *out_of_time = n_left > 0 && left[0]->out_of_time;
    wc_free(left);
    return rc;
}

// The study's folder and list of runs.
static enum wc_err begin_study(const char *folder, struct wc_state *const *run, size_t n,
                               struct wc_error *err) {
    const struct wc_comm *comm = &run[0]->comm;
    struct wc_study_entry *entry = NULL;
    enum wc_err rc = WC_NEW(&entry, n, "study", err);
    for (size_t i = 0; i < n && rc == WC_OK; i++)
        entry[i] =
            (struct wc_study_entry){.name = run[i]->options->name, .folder = run[i]->options->name};
    if (rc == WC_OK && comm->rank == 0)
        rc = wc_study_begin(entry, n, folder, err);
    wc_free(entry);
    return wc_agree(comm, rc, err);
}

static enum wc_err run_all(const char *study, struct wc_state *const *run, size_t n,
                           struct wc_run_result *result, struct wc_error *err) {
    size_t n_units = 0, n_done = 0, n_failed = 0;
    bool out_of_time = false;
    for (size_t i = 0; i < n; i++)
        WC_TRY(named(run[i], begin(run[i], &result[i], err), err));
    if (study)
        WC_TRY(begin_study(study, run, n, err));
    wc_layout_log(&run[0]->comm, run[0]->n_threads, run[0]->journal_header.isa);
    WC_TRY(score(run, n, &out_of_time, err));
    for (size_t i = 0; i < n; i++) {
        if (!run[i]->finished)
            WC_TRY(named(run[i], wc_state_load_results(run[i], true, err), err));
        n_units += run[i]->n_units;
        n_done += run[i]->n_done;
    }
    if (n_done < n_units)
        return WC_FAIL(err, WC_ERR_STOPPED,
                       "stopped%s: %zu of %zu images left; the same command goes on",
                       out_of_time ? " before the time limit" : "", n_units - n_done, n_units);
    for (size_t i = 0; i < n; i++) {
        WC_TRY(named(run[i], end(run[i], &result[i].text, err), err));
        if (run[i]->config->on_bad_image == WC_BAD_IMAGE_FAIL)
            n_failed += run[i]->n_failed;
    }
    if (n_failed > 0)
        return WC_FAIL(
            err, WC_ERR_DATA,
            "%zu of %zu images failed; the report names them (on_bad_image: skip accepts that)",
            n_failed, n_units);
    return WC_OK;
}

enum wc_err wc_run(const char *study, const struct wc_run_options *options, size_t n,
                   struct wc_run_result *result, struct wc_error *err) {
    struct wc_workbench bench = {0};
    struct wc_state *state = NULL, **run = NULL;
    enum wc_err rc = WC_NEW(&state, n, "runs", err);
    if (rc == WC_OK)
        rc = WC_NEW(&run, n, "runs", err);
    for (size_t i = 0; i < n && rc == WC_OK; i++) {
        state[i] =
            (struct wc_state){.options = &options[i], .config = options[i].config, .bench = &bench};
        run[i] = &state[i];
    }
    if (rc == WC_OK)
        rc = run_all(study, run, n, result, err);
    for (size_t i = 0; i < n && state; i++)
        wc_state_release(&state[i]);
    wc_workbench_release(&bench);
    wc_free(state);
    wc_free(run);
    return rc;
}
