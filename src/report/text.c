// report.txt: aligned tables in percent, as people paste them; one table a variant (mean over seeds
// where there are several), one line for the means, then where the figures come from.
#include "report/formats.h"

#include "base/alloc.h"

#include <math.h>
#include <string.h>

// Columns of the table: the metrics that the field prints, in its order.
static const struct {
    const char *metric; // matched as a prefix: "pixel_aupro_" carries its limit
    const char *head;
} columns[] = {
    {"auroc", "AUROC"},         {"ap", "AP"},
    {"f1max", "F1-max"},        {"pixel_auroc", "pAUROC"},
    {"pixel_aupro_", "AUPRO"},  {"pixel_ap", "pAP"},
    {"pixel_f1max", "pF1-max"},
};
#define N_COLUMNS (sizeof columns / sizeof *columns)

enum { CELL = 9, WIDE_CELL = 12 }; // seven of the wide ones and a name fit 100 columns

static int column_of(const char *metric) {
    for (size_t i = 0; i < N_COLUMNS; i++) {
        size_t n = strlen(columns[i].metric);
        bool prefix = columns[i].metric[n - 1] == '_';
        if (prefix ? strncmp(metric, columns[i].metric, n) == 0
                   : strcmp(metric, columns[i].metric) == 0)
            return (int)i;
    }
    return -1;
}

static bool same_group(const struct wc_report_row *a, const struct wc_report_row *b) {
    return strcmp(a->method, b->method) == 0 && strcmp(a->preset, b->preset) == 0 &&
           a->shot == b->shot;
}

// Seeds of one cell.
struct cell {
    double *value;
    size_t n, cap;
};

// All values of one category and column in a group.
static enum wc_err collect(const struct wc_report *r, const struct wc_report_row *group,
                           const char *category, size_t column, struct cell *c,
                           struct wc_error *err) {
    c->n = 0;
    for (size_t i = 0; i < r->n_rows; i++) {
        const struct wc_report_row *row = &r->row[i];
        if (!same_group(row, group) || strcmp(row->category, category) != 0 ||
            column_of(row->metric) != (int)column)
            continue;
        WC_TRY(WC_GROW(&c->value, &c->cap, c->n + 1, "report", err));
        c->value[c->n++] = row->value;
    }
    return WC_OK;
}

static void put_cell(const struct cell *c, bool with_std, struct wc_buf *out) {
    double mean = 0;
    int width = with_std ? WIDE_CELL : CELL;
    for (size_t i = 0; i < c->n; i++)
        mean += c->value[i] / (double)c->n;
    if (c->n == 0 || isnan(mean)) {
        wc_buf_printf(out, "%*s", width, c->n == 0 ? "-" : "n/a");
        return;
    }
    if (with_std)
        wc_buf_printf(out, "%6.1f ±%4.1f", 100 * mean, 100 * wc_report_std(c->value, c->n));
    else
        wc_buf_printf(out, "%9.1f", 100 * mean);
}

static enum wc_err put_line(const struct wc_report *r, const struct wc_report_row *group,
                            const char *category, bool with_std, int name_width, struct wc_buf *out,
                            struct wc_error *err) {
    struct cell c = {0};
    enum wc_err rc = WC_OK;
    wc_buf_printf(out, "%-*s", name_width, category);
    for (size_t k = 0; k < N_COLUMNS && rc == WC_OK; k++) {
        rc = collect(r, group, category, k, &c, err);
        if (rc == WC_OK)
            put_cell(&c, with_std, out);
    }
    wc_buf_putc(out, '\n');
    wc_free(c.value);
    return rc;
}

// Seeds of the group's first cell.
static size_t n_seeds(const struct wc_report *r, const struct wc_report_row *group) {
    size_t n = 0;
    for (size_t i = 0; i < r->n_rows; i++)
        n += same_group(&r->row[i], group) && strcmp(r->row[i].category, group->category) == 0 &&
             strcmp(r->row[i].metric, group->metric) == 0;
    return n;
}

// A rule as wide as a line of the table.
static void put_rule(struct wc_buf *out, int width) {
    for (int i = 0; i < width; i++)
        wc_buf_putc(out, '-');
    wc_buf_putc(out, '\n');
}

static enum wc_err put_table(const struct wc_report *r, const struct wc_report_row *group,
                             int name_width, bool several, struct wc_buf *out,
                             struct wc_error *err) {
    size_t seeds = n_seeds(r, group);
    int cell = several ? WIDE_CELL : CELL;
    wc_buf_printf(out, "%s, preset %s, %lld-shot", group->method, group->preset,
                  (long long)group->shot);
    if (several)
        wc_buf_printf(out, ", mean ± sample standard deviation over %zu seed%s", seeds,
                      seeds > 1 ? "s" : "");
    wc_buf_printf(out, ", percent\n%-*s", name_width, "category");
    for (size_t k = 0; k < N_COLUMNS; k++)
        wc_buf_printf(out, "%*s", cell, columns[k].head);
    wc_buf_putc(out, '\n');
    put_rule(out, name_width + cell * (int)N_COLUMNS);
    const char *last = "";
    for (size_t i = 0; i < r->n_rows; i++) {
        const struct wc_report_row *row = &r->row[i];
        if (!same_group(row, group) || strcmp(row->category, last) == 0 || row->seed != group->seed)
            continue;
        last = row->category;
        if (strcmp(last, "mean") == 0)
            put_rule(out, name_width + cell * (int)N_COLUMNS);
        WC_TRY(put_line(r, group, last, several, name_width, out, err));
    }
    wc_buf_putc(out, '\n');
    return WC_OK;
}

static void put_provenance(const struct wc_report *r, struct wc_buf *out) {
    const struct wc_provenance *p = &r->provenance;
    wc_buf_printf(out, "%s: %zu images, %zu failed; evaluated at %s\n", p->dataset, p->n_images,
                  p->n_failed, p->evaluation);
    wc_buf_printf(
        out,
        "model %s (%s, %s: %s), weights sha256 %.16s, preset %s%s%s, prompts %s %.16s, %s, %s, %s, run %s\n",
        p->model, p->arch, p->activation, p->activation_reason, p->weights_sha256, p->presets,
        p->changed[0] ? " with " : "", p->changed, p->prompts, p->prompts_sha256, p->precision,
        p->isa, p->gemm, p->run_id);
    for (size_t i = 0; i < r->n_failures; i++)
        wc_buf_printf(out, "FAILED %s/%s: %s\n", r->failure[i].category, r->failure[i].image,
                      r->failure[i].text);
}

enum wc_err wc_report_text(const struct wc_report *r, struct wc_buf *out, struct wc_error *err) {
    int name_width = 12;
    for (size_t i = 0; i < r->n_rows; i++) {
        int n = (int)strlen(r->row[i].category);
        name_width = n + 1 > name_width ? n + 1 : name_width;
    }
    bool several = false; // then every table shows a deviation, also zero-shot's, which is 0.0
    for (size_t i = 0; i < r->n_rows && !several; i++)
        several = n_seeds(r, &r->row[i]) > 1;
    for (size_t i = 0; i < r->n_rows; i++) {
        bool seen = false;
        for (size_t j = 0; j < i && !seen; j++)
            seen = same_group(&r->row[i], &r->row[j]);
        if (!seen)
            WC_TRY(put_table(r, &r->row[i], name_width, several, out, err));
    }
    put_provenance(r, out);
    return wc_buf_check(out, "report.txt", err);
}
