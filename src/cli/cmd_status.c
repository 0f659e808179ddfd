// winclip-mpi status RUN|CONFIG
#include "base/alloc.h"
#include "base/json.h"
#include "cli/commands.h"
#include "cli/installed.h"
#include "config/study.h"
#include "report/study.h"
#include "sched/status.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { MAX_NAMED = 20 }; // failures in the text; --json has all

static void print_text(const char *run, const struct wc_run_status *s) {
    printf("%s: run %s, %zu images: %zu done, %zu failed, %zu left; report: %s\n", run, s->run_id,
           s->n_images, s->n_done, s->n_failed, s->n_images - s->n_done - s->n_failed,
           s->has_report ? "written" : "not yet");
    if (s->locked)
        printf("in use: host %s, process %" PRIu64 ", since %s%s%s\n", s->holder.host,
               s->holder.pid, s->holder.since, s->holder.job[0] ? ", Slurm job " : "",
               s->holder.job);
    if (s->n_damaged > 0)
        printf("damaged regions in journals: %zu; what was lost there is scored again\n",
               s->n_damaged);
    for (size_t i = 0; i < s->failure.n && i < MAX_NAMED; i++)
        printf("failed: %s\n", s->failure.item[i]);
    if (s->failure.n > MAX_NAMED)
        printf("failed: %zu more; --json lists all\n", s->failure.n - MAX_NAMED);
}

static enum wc_err print_json(const char *run, const struct wc_run_status *s,
                              struct wc_error *err) {
    struct wc_buf b = {0};
    wc_buf_printf(&b, "{\"run\": ");
    wc_json_quote(&b, run);
    wc_buf_printf(&b, ", \"run_id\": ");
    wc_json_quote(&b, s->run_id);
    wc_buf_printf(&b,
                  ", \"images\": %zu, \"done\": %zu, \"failed\": %zu, \"left\": %zu, "
                  "\"report\": %s, \"complete\": %s, \"damaged\": %zu, \"in_use\": ",
                  s->n_images, s->n_done, s->n_failed, s->n_images - s->n_done - s->n_failed,
                  s->has_report ? "true" : "false", wc_run_is_complete(s) ? "true" : "false",
                  s->n_damaged);
    if (s->locked) {
        wc_buf_printf(&b, "{\"host\": ");
        wc_json_quote(&b, s->holder.host);
        wc_buf_printf(&b, ", \"process\": %" PRIu64 ", \"since\": ", s->holder.pid);
        wc_json_quote(&b, s->holder.since);
        wc_buf_printf(&b, ", \"slurm_job\": ");
        wc_json_quote(&b, s->holder.job);
        wc_buf_printf(&b, "}");
    } else {
        wc_buf_printf(&b, "null");
    }
    wc_buf_printf(&b, ", \"failures\": [");
    for (size_t i = 0; i < s->failure.n; i++) {
        wc_buf_printf(&b, "%s", i > 0 ? ", " : "");
        wc_json_quote(&b, s->failure.item[i]);
    }
    wc_buf_printf(&b, "]}");
    enum wc_err rc = wc_buf_check(&b, "status", err);
    if (rc == WC_OK)
        fputs(wc_buf_str(&b), stdout);
    wc_buf_release(&b);
    return rc;
}

static enum wc_err not_complete(const char *run, struct wc_error *err) {
    return WC_FAIL(err, WC_ERR_STOPPED, "%s: not complete; the command that began it goes on", run);
}

static enum wc_err show(const char *run, bool json, struct wc_error *err) {
    struct wc_run_status s = {0};
    WC_TRY(wc_run_status_read(run, &s, err));
    enum wc_err rc = WC_OK;
    if (json) {
        rc = print_json(run, &s, err);
        putchar('\n');
    } else {
        print_text(run, &s);
    }
    if (rc == WC_OK && !wc_run_is_complete(&s))
        rc = not_complete(run, err);
    wc_run_status_release(&s);
    return rc;
}

/* Studies: run by run. */

struct totals {
    size_t n_runs, n_complete, n_images, n_done, n_failed;
};

static enum wc_err show_one_of(const char *run, bool json, struct totals *t, struct wc_error *err) {
    struct wc_run_status s = {0};
    enum wc_err rc = wc_run_status_read(run, &s, err);
    bool begun = rc == WC_OK;
    if (rc == WC_ERR_DATA && err->fault && strcmp(err->fault, "not-a-run") == 0)
        rc = WC_OK; // a stop came before it was this one's turn
    if (json && t->n_runs > 0)
        fputs(", ", stdout);
    if (rc == WC_OK && begun && json)
        rc = print_json(run, &s, err);
    else if (rc == WC_OK && begun)
        print_text(run, &s);
    else if (rc == WC_OK && json)
        fputs("null", stdout);
    else if (rc == WC_OK)
        printf("%s: not begun\n", run);
    t->n_runs++;
    t->n_complete += begun && wc_run_is_complete(&s);
    t->n_images += s.n_images;
    t->n_done += s.n_done;
    t->n_failed += s.n_failed;
    wc_run_status_release(&s);
    return rc;
}

static enum wc_err show_study(const char *study, const struct wc_strlist *runs, bool json,
                              struct wc_error *err) {
    struct totals t = {0};
    enum wc_err rc = WC_OK;
    if (json)
        fputs("{\"runs\": [", stdout);
    for (size_t i = 0; i < runs->n && rc == WC_OK; i++)
        rc = show_one_of(runs->item[i], json, &t, err);
    bool complete = t.n_complete == t.n_runs;
    if (json)
        printf("], \"complete_runs\": %zu, \"images\": %zu, \"done\": %zu, \"failed\": %zu, "
               "\"left\": %zu, \"complete\": %s}\n",
               t.n_complete, t.n_images, t.n_done, t.n_failed, t.n_images - t.n_done - t.n_failed,
               complete ? "true" : "false");
    else
        printf("%s: %zu of %zu runs complete, %zu images: %zu done, %zu failed, %zu left\n", study,
               t.n_complete, t.n_runs, t.n_images, t.n_done, t.n_failed,
               t.n_images - t.n_done - t.n_failed);
    return rc == WC_OK && !complete ? not_complete(study, err) : rc;
}

static enum wc_err show_any(const char *path, bool json, struct wc_error *err) {
    struct wc_strlist runs = {0};
    enum wc_err rc = wc_study_runs(path, &runs, err);
    bool alone = runs.n == 1 && strcmp(runs.item[0], path) == 0;
    if (rc == WC_OK)
        rc = alone ? show(path, json, err) : show_study(path, &runs, json, err);
    wc_strlist_release(&runs);
    return rc;
}

// The folder of a configuration or study file.
static enum wc_err show_file(const char *name, const struct wc_strlist *sets, bool json,
                             struct wc_error *err) {
    struct wc_study study = {0};
    char *path = NULL;
    enum wc_err rc = wc_installed_find("configs", name, &path, err);
    if (rc == WC_OK)
        rc = wc_study_read(path, sets, NULL, &study, err);
    if (rc == WC_OK)
        rc = show_any(study.output ? study.output : study.run[0].config.output, json, err);
    wc_study_release(&study);
    wc_free(path);
    return rc;
}

static enum wc_err run(int argc, char **argv, struct wc_error *err) {
    struct wc_strlist operands = {0}, sets = {0};
    bool json = false, help = false;
    const struct wc_arg args[] = {
        {"--json", 0, WC_ARG_FLAG, &json, NULL, "one JSON object"},
        {"--set", 0, WC_ARG_LIST, &sets, "KEY=VALUE",
         "of a configuration: override a key; may be repeated"},
    };
    const size_t n_args = sizeof args / sizeof *args;
    enum wc_err rc = wc_args_parse(argc, argv, args, n_args, &operands, &help, err);
    if (rc == WC_OK && help)
        wc_args_help(&wc_command_status, args, n_args);
    else if (rc == WC_OK && operands.n != 1)
        rc = WC_FAIL(err, WC_ERR_USAGE,
                     "status: one run directory or configuration is needed, %zu given", operands.n);
    else if (rc == WC_OK && (wc_str_ends_nocase(operands.item[0], ".yaml") ||
                             wc_str_ends_nocase(operands.item[0], ".yml")))
        rc = show_file(operands.item[0], &sets, json, err);
    else if (rc == WC_OK)
        rc = show_any(operands.item[0], json, err);
    wc_strlist_release(&operands);
    wc_strlist_release(&sets);
    return rc;
}

const struct wc_command wc_command_status = {
    .name = "status",
    .operands = "RUN|CONFIG",
    .summary = "what of a run is done, failed, left",
    .details =
        "Exit code 0: complete, the report is written (failed images are listed); 75: the "
        "command that\nbegan the run goes on; 4: the folder holds no run. May be asked while "
        "the run goes on.\nOf a study's folder: run by run, then all together.\n",
    .run = run,
};
