// winclip-mpi report RUN...: a finished run's report in any format, several runs side by side or
// merged, published figures beside them. Reads report.json alone (and the gallery, for HTML).
#include "base/alloc.h"
#include "base/io.h"
#include "base/log.h"
#include "cli/commands.h"
#include "cli/installed.h"
#include "report/compare.h"
#include "report/study.h"

#include <stdio.h>
#include <string.h>

struct options {
    const char *format, *out;
    struct wc_strlist runs, compare;
    struct wc_bootstrap_options bootstrap;
    uint64_t n_replicates;
    bool skip_missing, apart;
};

static enum wc_err find_format(const struct options *o, const struct wc_report_format **format,
                               struct wc_error *err) {
    struct wc_buf names = {0};
    size_t n;
    const struct wc_report_format *table = wc_report_formats(&n);
    *format = wc_report_format_find(o->format);
    if (*format)
        return WC_OK;
    for (size_t i = 0; i < n; i++)
        wc_buf_printf(&names, "%s%s", i > 0 ? ", " : "", table[i].name);
    enum wc_err rc = WC_FAIL(err, WC_ERR_USAGE, "report: --format \"%s\": one of %s is needed",
                             o->format, wc_buf_str(&names));
    wc_buf_release(&names);
    return rc;
}

// All runs that have no report are named at once: the parts of a job array end one by one.
static enum wc_err read_runs(const struct options *o, struct wc_report_set *set,
                             struct wc_error *err) {
    struct wc_buf missing = {0};
    enum wc_err rc = WC_OK;
    size_t n_missing = 0;
    for (size_t i = 0; i < o->runs.n && rc == WC_OK; i++) {
        const char *path = o->runs.item[i];
        rc = wc_report_set_read(set, path, err);
        if (rc != WC_ERR_DATA || !err->fault || strcmp(err->fault, "not-found") != 0)
            continue;
        rc = WC_OK;
        n_missing++;
        wc_buf_printf(&missing, "%s%s", missing.n > 0 ? ", " : "", path);
        if (o->skip_missing)
            WC_WARN("%s", err->text);
    }
    if (rc == WC_OK && n_missing > 0 && (!o->skip_missing || set->n == 0))
        rc = WC_FAULT(err, WC_ERR_DATA, "not-found",
                      "no report.json in %zu of %zu runs: %.700s; they have not ended "
                      "(--skip-missing: report the others)",
                      n_missing, o->runs.n, wc_buf_str(&missing));
    wc_buf_release(&missing);
    return rc;
}

// What --compare names: published figures that come with the program or a CSV of them; else a run.
static enum wc_err add_comparison(const char *name, struct wc_report_set *set,
                                  struct wc_error *err) {
    char *file = NULL, *path = NULL;
    bool csv = wc_str_ends_nocase(name, ".csv");
    if (wc_io_is_dir(name) || wc_str_ends_nocase(name, ".json"))
        return wc_report_set_read(set, name, err);
    file = csv ? wc_strdup(name) : wc_sprintf("published/%s.csv", name);
    enum wc_err rc = file ? WC_OK : WC_FAIL(err, WC_ERR_NOMEM, "--compare %s: out of memory", name);
    if (rc == WC_OK)
        rc = wc_installed_find("configs", file, &path, err);
    if (rc == WC_OK && !csv && !wc_io_is_file(path))
        rc =
            WC_FAULT(err, WC_ERR_DATA, "not-found",
                     "--compare %s: no run's folder, no CSV, and no published figures of that name "
                     "(there are paper and peers)",
                     name);
    if (rc == WC_OK)
        rc = wc_report_set_against(set, path, err);
    wc_free(file);
    wc_free(path);
    return rc;
}

static enum wc_err write_out(const struct options *o, const struct wc_buf *text,
                             struct wc_error *err) {
    if (o->out)
        return wc_io_write_atomic(o->out, wc_buf_str(text), text->n, err);
    if (fwrite(wc_buf_str(text), 1, text->n, stdout) != text->n)
        return WC_FAIL(err, WC_ERR_IO, "standard output: write failed");
    return WC_OK;
}

// The runs of each study among the operands, in its place.
static enum wc_err expand_studies(struct wc_strlist *runs, struct wc_error *err) {
    struct wc_strlist all = {0};
    enum wc_err rc = WC_OK;
    for (size_t i = 0; i < runs->n && rc == WC_OK; i++)
        rc = wc_study_runs(runs->item[i], &all, err);
    wc_strlist_release(runs);
    *runs = all;
    return rc;
}

static enum wc_err report(const struct options *o, struct wc_error *err) {
    struct wc_report_set set = {0};
    struct wc_buf text = {0};
    const struct wc_report_format *format = NULL;
    enum wc_err rc = find_format(o, &format, err);
    if (rc == WC_OK)
        rc = read_runs(o, &set, err);
    if (rc == WC_OK && !o->apart)
        rc = wc_report_set_merge(&set, err);
    for (size_t i = 0; i < o->compare.n && rc == WC_OK; i++)
        rc = add_comparison(o->compare.item[i], &set, err);
    for (size_t i = 0; i < set.n && rc == WC_OK && o->bootstrap.n_replicates > 0; i++)
        rc = wc_report_bootstrap(&set.item[i], &o->bootstrap, err);
    if (rc == WC_OK)
        rc = wc_report_set_write(&set, format, &text, err);
    if (rc == WC_OK)
        rc = write_out(o, &text, err);
    wc_buf_release(&text);
    wc_report_set_release(&set);
    return rc;
}

static enum wc_err run(int argc, char **argv, struct wc_error *err) {
    struct options o = {.format = "text", .bootstrap = {.level = 0.95}};
    bool help;
    const struct wc_arg args[] = {
        {"--format", 'f', WC_ARG_TEXT, &o.format, "NAME",
         "text, csv, json, latex, markdown or html (text)"},
        {"--out", 'o', WC_ARG_TEXT, &o.out, "FILE", "write there instead of standard output"},
        {"--compare", 'c', WC_ARG_LIST, &o.compare, "WHAT",
         "paper, peers, a CSV of published figures, or a run; may be repeated"},
        {"--apart", 0, WC_ARG_FLAG, &o.apart, NULL, "do not merge runs over different categories"},
        {"--skip-missing", 0, WC_ARG_FLAG, &o.skip_missing, NULL,
         "leave out runs that have not ended, with a warning"},
        {"--bootstrap", 0, WC_ARG_COUNT, &o.n_replicates, "N",
         "intervals of the image metrics from N resamplings of the images"},
        {"--bootstrap-level", 0, WC_ARG_REAL, &o.bootstrap.level, "P",
         "what the intervals cover (0.95)"},
        {"--bootstrap-seed", 0, WC_ARG_COUNT, &o.bootstrap.seed, "N", "seed of the resampling (0)"},
    };
    const size_t n_args = sizeof args / sizeof *args;
    enum wc_err rc = wc_args_parse(argc, argv, args, n_args, &o.runs, &help, err);
    o.bootstrap.n_replicates = (size_t)o.n_replicates;
    if (rc == WC_OK && help)
        wc_args_help(&wc_command_report, args, n_args);
    else if (rc == WC_OK && o.runs.n == 0)
        rc = WC_FAIL(err, WC_ERR_USAGE,
                     "report: the folder of a run is needed; see winclip-mpi report --help");
    else if (rc == WC_OK)
        rc = expand_studies(&o.runs, err);
    if (rc == WC_OK && !help)
        rc = report(&o, err);
    wc_strlist_release(&o.runs);
    wc_strlist_release(&o.compare);
    return rc;
}

const struct wc_command wc_command_report = {
    .name = "report",
    .operands = "RUN...",
    .summary =
        "a finished run's report in any format; runs side by side; published figures beside them",
    .details =
        "RUN is a run's folder, a study's (all of its runs) or a report.json. Runs of the same\n"
        "configuration over different categories (a job array) become one report, with means over\n"
        "all of them; other runs stand side by side with their differences to the first.\n",
    .run = run,
};
