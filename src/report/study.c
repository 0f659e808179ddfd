#include "report/study.h"

#include "base/alloc.h"
#include "base/io.h"
#include "base/yaml.h"
#include "dataset/csv.h"
#include "report/escape.h"

#include <math.h>
#include <string.h>

// Columns of a run's report.csv that matter here.
enum column { DATASET, CATEGORY, DEFECT, METHOD, PRESET, SHOT, SEED, METRIC, VALUE, N_COLUMNS };
static const char *const column_names[N_COLUMNS] = {
    "dataset", "category", "defect", "method", "preset", "shot", "seed", "metric", "value"};

// Metrics of the table, as in the runs' own.
static const struct {
    const char *metric, *head;
    bool prefix; // of a name that carries a limit
} metrics[] = {
    {"auroc", "AUROC", false},         {"ap", "AP", false},
    {"f1max", "F1-max", false},        {"pixel_auroc", "pAUROC", false},
    {"pixel_aupro_", "AUPRO", true},   {"pixel_ap", "pAP", false},
    {"pixel_f1max", "pF1-max", false},
};
enum { N_METRICS = sizeof metrics / sizeof metrics[0], AUROC = 0, PIXEL_AUROC = 3 };

enum {
    LABEL = 36, // bytes of a line's name; with seven cells 99
    CELL = 9,   // of a metric
    CATEGORY_W = 20,
    NUMBER = 8,      // of a variant's column by category
    PER_BLOCK = 10,  // such columns side by side
    MAX_COLUMNS = 40 // more variants than that: by category in report.csv alone
};

// A variant of a run: a line of the table.
struct line {
    size_t i_entry;
    const char *dataset, *method, *preset, *shot;
};

struct table {
    const struct wc_study_entry *entry;
    size_t n_entries;
    struct wc_csv *csv;          // (n_entries)
    size_t (*column)[N_COLUMNS]; // (n_entries)
    struct line *line;
    size_t n_lines, cap_lines;
    double *value; // scratch: of one cell's seeds
    size_t cap_values;
};

static const char *at(const struct table *t, size_t e, size_t row, enum column c) {
    return wc_csv_at(&t->csv[e], row, t->column[e][c]);
}

static bool on_line(const struct table *t, const struct line *l, size_t row) {
    size_t e = l->i_entry;
    return strcmp(at(t, e, row, METHOD), l->method) == 0 &&
           strcmp(at(t, e, row, PRESET), l->preset) == 0 &&
           strcmp(at(t, e, row, SHOT), l->shot) == 0;
}

static bool is_metric(const char *name, size_t m) {
    size_t n = strlen(metrics[m].metric);
    return metrics[m].prefix ? strncmp(name, metrics[m].metric, n) == 0
                             : strcmp(name, metrics[m].metric) == 0;
}

/* Reading. */

static enum wc_err read_run(struct table *t, size_t e, const char *folder, struct wc_error *err) {
    char *run = wc_path_join(folder, t->entry[e].folder), *path = NULL;
    if (run)
        path = wc_path_join(run, "report.csv");
    wc_free(run);
    if (!path)
        return WC_FAIL(err, WC_ERR_NOMEM, "%s: out of memory", folder);
    enum wc_err rc = wc_csv_read(path, &t->csv[e], err);
    for (size_t c = 0; c < N_COLUMNS && rc == WC_OK; c++) {
        t->column[e][c] = wc_csv_column(&t->csv[e], column_names[c]);
        if (t->column[e][c] == WC_CSV_NONE && c != DEFECT)
            rc = WC_FAULT(err, WC_ERR_DATA, "bad-split", "%s: no column \"%s\"; is it a report?",
                          path, column_names[c]);
    }
    wc_free(path);
    return rc;
}

static enum wc_err add_lines(struct table *t, size_t e, struct wc_error *err) {
    for (size_t row = 0; row < t->csv[e].n_rows; row++) {
        bool seen = false;
        for (size_t i = t->n_lines; i-- > 0 && !seen && t->line[i].i_entry == e;)
            seen = on_line(t, &t->line[i], row);
        if (seen)
            continue;
        WC_TRY(WC_GROW(&t->line, &t->cap_lines, t->n_lines + 1, "study", err));
        t->line[t->n_lines++] = (struct line){e, at(t, e, row, DATASET), at(t, e, row, METHOD),
                                              at(t, e, row, PRESET), at(t, e, row, SHOT)};
    }
    return WC_OK;
}

static enum wc_err read_all(struct table *t, const char *folder, struct wc_error *err) {
    WC_TRY(WC_NEW(&t->csv, t->n_entries, "study", err));
    WC_TRY(WC_NEW(&t->column, t->n_entries, "study", err));
    for (size_t e = 0; e < t->n_entries; e++) {
        WC_TRY(read_run(t, e, folder, err));
        WC_TRY(add_lines(t, e, err));
    }
    return WC_OK;
}

static void release(struct table *t) {
    for (size_t e = 0; t->csv && e < t->n_entries; e++)
        wc_csv_release(&t->csv[e]);
    wc_free(t->csv);
    wc_free(t->column);
    wc_free(t->line);
    wc_free(t->value);
}

/* Cells. */

// Sample standard deviation; 0 of one value.
static double deviation(const double *value, size_t n, double mean) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (value[i] - mean) * (value[i] - mean);
    return n > 1 ? sqrt(sum / (double)(n - 1)) : 0;
}

// The mean over seeds of a line's metric in one category, and their deviation; *n seeds, 0: none.
static enum wc_err cell(struct table *t, const struct line *l, const char *category, size_t m,
                        double *mean, double *std, size_t *n, struct wc_error *err) {
    size_t e = l->i_entry;
    *n = 0;
    *mean = 0;
    for (size_t row = 0; row < t->csv[e].n_rows; row++) {
        double v = NAN;
        if (!is_metric(at(t, e, row, METRIC), m) ||
            strcmp(at(t, e, row, CATEGORY), category) != 0 || at(t, e, row, DEFECT)[0] ||
            !on_line(t, l, row))
            continue;
        WC_TRY(WC_GROW(&t->value, &t->cap_values, *n + 1, "study", err));
        wc_parse_f64(at(t, e, row, VALUE), &v); // "n/a" stays NaN
        t->value[(*n)++] = v;
    }
    for (size_t i = 0; i < *n; i++)
        *mean += t->value[i] / (double)*n;
    *std = deviation(t->value, *n, *mean);
    return WC_OK;
}

static void put(struct wc_buf *out, int width, size_t n, double value) {
    if (n == 0 || isnan(value))
        wc_buf_printf(out, "%*s", width, n == 0 ? "-" : "n/a");
    else
        wc_buf_printf(out, "%*.1f", width, 100 * value);
}

/* Tables. */

static void put_rule(struct wc_buf *out, int width) {
    for (int i = 0; i < width; i++)
        wc_buf_putc(out, '-');
    wc_buf_putc(out, '\n');
}

static enum wc_err put_means(struct table *t, size_t i, struct wc_buf *out, struct wc_error *err) {
    const struct line *l = &t->line[i];
    struct wc_buf name = {0}, below = {0};
    size_t n, n_seeds = 0;
    wc_buf_printf(&name, "%3zu %s %s, %s-shot", i + 1, l->method, l->preset, l->shot);
    bool fits = name.n < LABEL;
    wc_buf_printf(out, "%s", wc_buf_str(&name));
    if (!fits) // the figures on a line of their own
        wc_buf_putc(out, '\n');
    wc_buf_printf(out, "%*s", fits ? (int)(LABEL - name.n) : LABEL, "");
    enum wc_err rc = WC_OK;
    for (size_t m = 0; m < N_METRICS && rc == WC_OK; m++) {
        double mean, std;
        rc = cell(t, l, "mean", m, &mean, &std, &n, err);
        put(out, CELL, n, mean);
        put(&below, CELL, n, std);
        n_seeds = n > n_seeds ? n : n_seeds;
    }
    wc_buf_putc(out, '\n');
    if (n_seeds > 1)
        wc_buf_printf(out, "%*s± over %3zu seeds%s\n", LABEL - 16, "", n_seeds, wc_buf_str(&below));
    wc_buf_release(&name);
    wc_buf_release(&below);
    return rc;
}

static enum wc_err put_all_means(struct table *t, struct wc_buf *out, struct wc_error *err) {
    wc_buf_printf(out, "%-*s", LABEL, "mean over categories, percent");
    for (size_t m = 0; m < N_METRICS; m++)
        wc_buf_printf(out, "%*s", CELL, metrics[m].head);
    wc_buf_putc(out, '\n');
    put_rule(out, LABEL + CELL * N_METRICS);
    for (size_t i = 0; i < t->n_lines; i++) {
        const struct line *l = &t->line[i];
        const struct wc_study_entry *e = &t->entry[l->i_entry];
        if (i == 0 || t->line[i - 1].i_entry != l->i_entry)
            wc_buf_printf(out, "%s: %s, %s\n", e->name, l->dataset, e->model);
        WC_TRY(put_means(t, i, out, err));
    }
    wc_buf_puts(out, "±: sample standard deviation\n");
    return WC_OK;
}

// Categories of a data set, in the order of the first run that has it.
static enum wc_err list_categories(const struct table *t, const char *dataset,
                                   struct wc_strlist *out, struct wc_error *err) {
    for (size_t i = 0; i < t->n_lines; i++) {
        size_t e = t->line[i].i_entry;
        if (strcmp(t->line[i].dataset, dataset) != 0)
            continue;
        for (size_t row = 0; row < t->csv[e].n_rows; row++)
            if (!wc_strlist_has(out, at(t, e, row, CATEGORY)))
                WC_TRY(wc_strlist_add(out, at(t, e, row, CATEGORY), err));
    }
    return WC_OK;
}

// Lines [first, end) as columns; those of other data sets are passed over.
static enum wc_err put_block(struct table *t, const size_t *index, size_t n,
                             const struct wc_strlist *categories, size_t m, struct wc_buf *out,
                             struct wc_error *err) {
    wc_buf_printf(out, "\n%-*s", CATEGORY_W, metrics[m].head);
    for (size_t k = 0; k < n; k++)
        wc_buf_printf(out, "%*zu", NUMBER, index[k] + 1);
    wc_buf_putc(out, '\n');
    put_rule(out, CATEGORY_W + NUMBER * (int)n);
    for (size_t c = 0; c < categories->n; c++) {
        if (strcmp(categories->item[c], "mean") == 0)
            put_rule(out, CATEGORY_W + NUMBER * (int)n);
        wc_buf_printf(out, "%-*s", CATEGORY_W, categories->item[c]);
        for (size_t k = 0; k < n; k++) {
            double mean, std;
            size_t n_seeds;
            WC_TRY(cell(t, &t->line[index[k]], categories->item[c], m, &mean, &std, &n_seeds, err));
            put(out, NUMBER, n_seeds, mean);
        }
        wc_buf_putc(out, '\n');
    }
    return WC_OK;
}

static enum wc_err put_categories(struct table *t, const char *dataset, struct wc_buf *out,
                                  struct wc_error *err) {
    static const size_t shown[] = {AUROC, PIXEL_AUROC};
    struct wc_strlist categories = {0};
    size_t index[MAX_COLUMNS], n = 0;
    for (size_t i = 0; i < t->n_lines; i++)
        if (strcmp(t->line[i].dataset, dataset) == 0)
            index[n++] = i;
    wc_buf_printf(out, "\n%s by category, percent; columns are the lines above\n", dataset);
    enum wc_err rc = list_categories(t, dataset, &categories, err);
    for (size_t s = 0; s < sizeof shown / sizeof *shown; s++)
        for (size_t k = 0; k < n && rc == WC_OK; k += PER_BLOCK)
            rc = put_block(t, index + k, n - k < PER_BLOCK ? n - k : PER_BLOCK, &categories,
                           shown[s], out, err);
    wc_strlist_release(&categories);
    return rc;
}

static enum wc_err put_text(struct table *t, struct wc_buf *out, struct wc_error *err) {
    struct wc_strlist datasets = {0};
    enum wc_err rc = put_all_means(t, out, err);
    for (size_t i = 0; i < t->n_lines && rc == WC_OK && t->n_lines <= MAX_COLUMNS; i++) {
        if (wc_strlist_has(&datasets, t->line[i].dataset))
            continue;
        rc = wc_strlist_add(&datasets, t->line[i].dataset, err);
        if (rc == WC_OK)
            rc = put_categories(t, t->line[i].dataset, out, err);
    }
    if (t->n_lines > MAX_COLUMNS)
        wc_buf_puts(out, "By category: report.csv, and each run's report.txt.\n");
    wc_buf_putc(out, '\n');
    for (size_t e = 0; e < t->n_entries; e++)
        wc_buf_printf(out, "run %s: %s, in %s\n", t->entry[e].run_id, t->entry[e].name,
                      t->entry[e].folder);
    wc_strlist_release(&datasets);
    return rc == WC_OK ? wc_buf_check(out, "report.txt", err) : rc;
}

/* Files. */

static enum wc_err put_csv(const struct table *t, struct wc_buf *out, struct wc_error *err) {
    wc_buf_puts(out, "run,model");
    for (size_t c = 0; c < t->csv[0].n_columns; c++)
        wc_buf_printf(out, ",%s", t->csv[0].field[c]);
    wc_buf_putc(out, '\n');
    for (size_t e = 0; e < t->n_entries; e++)
        for (size_t row = 0; row < t->csv[e].n_rows; row++) {
            wc_csv_field(out, t->entry[e].name);
            wc_buf_putc(out, ',');
            wc_csv_field(out, t->entry[e].model);
            for (size_t c = 0; c < t->csv[0].n_columns; c++) {
                size_t own = wc_csv_column(&t->csv[e], t->csv[0].field[c]);
                wc_buf_putc(out, ',');
                wc_csv_field(out, wc_csv_at(&t->csv[e], row, own));
            }
            wc_buf_putc(out, '\n');
        }
    return wc_buf_check(out, "report.csv", err);
}

enum wc_err wc_study_report(const struct wc_study_entry *entry, size_t n, const char *folder,
                            struct wc_buf *text, struct wc_error *err) {
    struct table t = {.entry = entry, .n_entries = n};
    struct wc_buf csv = {0};
    enum wc_err rc = read_all(&t, folder, err);
    if (rc == WC_OK)
        rc = put_csv(&t, &csv, err);
    if (rc == WC_OK)
        rc = wc_io_write_in(folder, "report.csv", wc_buf_str(&csv), csv.n, err);
    if (rc == WC_OK)
        rc = put_text(&t, text, err);
    if (rc == WC_OK)
        rc = wc_io_write_in(folder, "report.txt", wc_buf_str(text), text->n, err);
    wc_buf_release(&csv);
    release(&t);
    return rc;
}

/* The list of runs. */

enum wc_err wc_study_begin(const struct wc_study_entry *entry, size_t n, const char *folder,
                           struct wc_error *err) {
    struct wc_buf out = {0};
    wc_buf_puts(&out, "runs:\n");
    for (size_t e = 0; e < n; e++)
        wc_buf_printf(&out, "  - {name: \"%s\", folder: \"%s\"}\n", entry[e].name, entry[e].folder);
    enum wc_err rc = wc_buf_check(&out, "study.yaml", err);
    if (rc == WC_OK)
        rc = wc_io_mkdirs(folder, err);
    if (rc == WC_OK)
        rc = wc_io_write_in(folder, "study.yaml", wc_buf_str(&out), out.n, err);
    wc_buf_release(&out);
    return rc;
}

static enum wc_err add_run(const char *path, const struct wc_yaml *v, struct wc_strlist *out,
                           struct wc_error *err) {
    const struct wc_yaml *folder = wc_yaml_get(v, "folder");
    if (!folder || folder->type != WC_YAML_SCALAR)
        return WC_FAULT(err, WC_ERR_DATA, "bad-study", "%s/study.yaml: a run without its folder",
                        path);
    char *run = wc_path_join(path, folder->text);
    if (!run)
        return WC_FAIL(err, WC_ERR_NOMEM, "%s: out of memory", path);
    enum wc_err rc = wc_strlist_add(out, run, err);
    wc_free(run);
    return rc;
}

enum wc_err wc_study_runs(const char *path, struct wc_strlist *out, struct wc_error *err) {
    struct wc_yaml_doc *doc = NULL;
    char *list = wc_path_join(path, "study.yaml");
    if (!list)
        return WC_FAIL(err, WC_ERR_NOMEM, "%s: out of memory", path);
    bool study = wc_io_is_file(list);
    enum wc_err rc = study ? wc_yaml_read(list, &doc, err) : wc_strlist_add(out, path, err);
    const struct wc_yaml *runs = doc ? wc_yaml_get(wc_yaml_root(doc), "runs") : NULL;
    if (rc == WC_OK && study && (!runs || runs->type != WC_YAML_LIST))
        rc = WC_FAULT(err, WC_ERR_DATA, "bad-study", "%s: no list of runs", list);
    for (const struct wc_yaml *v = runs ? runs->child : NULL; v && rc == WC_OK; v = v->next)
        rc = add_run(path, v, out, err);
    wc_yaml_free(&doc);
    wc_free(list);
    return rc;
}
