// winclip-mpi status RUN|CONFIG
#include "base/alloc.h"
#include "base/json.h"
#include "cli/commands.h"
#include "cli/installed.h"
#include "config/config.h"
#include "sched/status.h"

#include <inttypes.h>
#include <stdio.h>

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
    wc_buf_printf(&b, "]}\n");
    enum wc_err rc = wc_buf_check(&b, "status", err);
    if (rc == WC_OK)
        fputs(wc_buf_str(&b), stdout);
    wc_buf_release(&b);
    return rc;
}

static enum wc_err show(const char *run, bool json, struct wc_error *err) {
    struct wc_run_status s = {0};
    WC_TRY(wc_run_status_read(run, &s, err));
    enum wc_err rc = WC_OK;
    if (json)
        rc = print_json(run, &s, err);
    else
        print_text(run, &s);
    if (rc == WC_OK && !wc_run_is_complete(&s))
        rc = WC_FAIL(err, WC_ERR_STOPPED, "%s: not complete; the command that began it goes on",
                     run);
    wc_run_status_release(&s);
    return rc;
}

// The run directory of a configuration.
static enum wc_err show_config(const char *name, const struct wc_strlist *sets, bool json,
                               struct wc_error *err) {
    struct wc_config config = {0};
    char *path = NULL;
    WC_TRY(wc_config_init(&config, err));
    enum wc_err rc = wc_installed_find("configs", name, &path, err);
    if (rc == WC_OK)
        rc = wc_config_read(path, sets, &config, err);
    if (rc == WC_OK)
        rc = show(config.output, json, err);
    wc_config_release(&config);
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
        rc = show_config(operands.item[0], &sets, json, err);
    else if (rc == WC_OK)
        rc = show(operands.item[0], json, err);
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
        "the run goes on.\n",
    .run = run,
};
