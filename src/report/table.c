#include "report/table.h"

#include "base/alloc.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

void wc_tables_release(struct wc_tables *t) {
    for (size_t i = 0; i < t->n; i++) {
        struct wc_table *table = &t->item[i];
        for (size_t k = 0; k < table->n_lines; k++)
            wc_free(table->line[k].name);
        wc_free(table->title);
        wc_free(table->head);
        wc_free(table->line);
        wc_free(table->cell);
        wc_strlist_release(&table->note);
    }
    wc_free(t->item);
    *t = (struct wc_tables){0};
}

enum wc_err wc_table_new(struct wc_tables *t, const char *first, struct wc_table **out,
                         struct wc_error *err, const char *fmt, ...) {
    struct wc_buf title = {0};
    va_list ap;
    va_start(ap, fmt);
    wc_buf_vprintf(&title, fmt, ap);
    va_end(ap);
    enum wc_err rc = wc_buf_check(&title, "table", err);
    if (rc == WC_OK)
        rc = WC_GROW(&t->item, &t->cap, t->n + 1, "tables", err);
    char *text = rc == WC_OK ? wc_strdup(wc_buf_str(&title)) : NULL;
    wc_buf_release(&title);
    WC_TRY(rc);
    if (!text)
        return WC_FAIL(err, WC_ERR_NOMEM, "tables: out of memory");
    *out = &t->item[t->n++];
    **out = (struct wc_table){.title = text, .first = first};
    return WC_OK;
}

enum wc_err wc_table_column(struct wc_table *t, const char *head, const char *over,
                            struct wc_error *err) {
    WC_TRY(WC_GROW(&t->head, &t->cap_columns, t->n_columns + 1, "table", err));
    struct wc_table_head *h = &t->head[t->n_columns++];
    snprintf(h->text, sizeof h->text, "%s", head);
    snprintf(h->over, sizeof h->over, "%s", over ? over : "");
    return WC_OK;
}

enum wc_err wc_table_line(struct wc_table *t, const char *name, bool rule, struct wc_cell **cell,
                          struct wc_error *err) {
    WC_TRY(WC_GROW(&t->line, &t->cap_lines, t->n_lines + 1, "table", err));
    WC_TRY(WC_GROW(&t->cell, &t->cap_cells, (t->n_lines + 1) * t->n_columns, "table", err));
    char *copy = wc_strdup(name);
    if (!copy)
        return WC_FAIL(err, WC_ERR_NOMEM, "table: out of memory");
    t->line[t->n_lines] = (struct wc_table_line){copy, rule};
    *cell = t->cell + t->n_lines++ * t->n_columns;
    return WC_OK;
}

struct wc_cell wc_cell_value(double value) {
    return (struct wc_cell){.kind = WC_CELL_VALUE, .value = value};
}

struct wc_cell wc_cell_difference(double value) {
    return (struct wc_cell){.kind = WC_CELL_DIFFERENCE, .value = value};
}

struct wc_cell wc_cell_text(const char *text) {
    struct wc_cell c = {.kind = WC_CELL_TEXT};
    snprintf(c.text, sizeof c.text, "%s", text);
    return c;
}

struct wc_cell wc_cell_of(const struct wc_view_cell *c, bool with_std) {
    if (c->n == 0)
        return (struct wc_cell){0};
    bool interval = !isnan(c->low) && !with_std;
    return (struct wc_cell){.kind = WC_CELL_VALUE,
                            .has_std = with_std,
                            .has_interval = interval,
                            .value = c->mean,
                            .std = c->std,
                            .low = c->low,
                            .high = c->high};
}

const char *wc_cell_print(const struct wc_cell *c, const char *between, char out[WC_CELL_BYTES]) {
    const size_t cap = WC_CELL_BYTES;
    double percent = 100 * c->value;
    if (c->kind == WC_CELL_NONE)
        snprintf(out, cap, "-");
    else if (c->kind == WC_CELL_TEXT)
        snprintf(out, cap, "%s", c->text);
    else if (isnan(c->value))
        snprintf(out, cap, "n/a");
    else if (c->kind == WC_CELL_DIFFERENCE && fabs(percent) < 0.05)
        snprintf(out, cap, "0.0"); // without a sign, whatever is left behind the decimal
    else if (c->kind == WC_CELL_DIFFERENCE)
        snprintf(out, cap, "%+.1f", percent);
    else if (c->has_std)
        snprintf(out, cap, "%.1f%s%.1f", percent, between, 100 * c->std);
    else if (c->has_interval)
        snprintf(out, cap, "%.1f [%.1f %.1f]", percent, 100 * c->low, 100 * c->high);
    else
        snprintf(out, cap, "%.1f", percent);
    return out;
}

// Columns of tables: the metrics that the field prints, in its order.
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

static bool is_column(size_t i, const char *metric) {
    size_t n = strlen(columns[i].metric);
    return columns[i].metric[n - 1] == '_' ? strncmp(metric, columns[i].metric, n) == 0
                                           : strcmp(metric, columns[i].metric) == 0;
}

const char *wc_metric_head(const char *metric) {
    for (size_t i = 0; i < N_COLUMNS; i++)
        if (is_column(i, metric))
            return columns[i].head;
    return NULL;
}

// The first limit stands among the others; further ones come at the end.
size_t wc_metric_columns(const struct wc_view *v, size_t *metric, size_t cap) {
    size_t n = 0, first[N_COLUMNS];
    for (size_t i = 0; i < N_COLUMNS; i++) {
        first[i] = WC_VIEW_NONE;
        for (size_t m = 0; m < v->n_metrics && first[i] == WC_VIEW_NONE; m++)
            first[i] = is_column(i, v->metric[m]) ? m : WC_VIEW_NONE;
        if (first[i] != WC_VIEW_NONE && n < cap)
            metric[n++] = first[i];
    }
    for (size_t i = 0; i < N_COLUMNS; i++)
        for (size_t m = 0; m < v->n_metrics; m++)
            if (m != first[i] && is_column(i, v->metric[m]) && n < cap)
                metric[n++] = m;
    return n;
}

/* Provenance. */

static void add_fact(struct wc_facts *f, bool *failed, const char *label, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
static void add_fact(struct wc_facts *f, bool *failed, const char *label, const char *fmt, ...) {
    struct wc_buf text = {0};
    va_list ap;
    va_start(ap, fmt);
    wc_buf_vprintf(&text, fmt, ap);
    va_end(ap);
    char *copy = text.failed ? NULL : wc_strdup(wc_buf_str(&text));
    *failed = *failed || !copy;
    if (copy)
        f->item[f->n++] = (struct wc_fact){label, copy};
    wc_buf_release(&text);
}

enum wc_err wc_facts_of(const struct wc_report *r, struct wc_facts *out, struct wc_error *err) {
    const struct wc_provenance *p = &r->provenance;
    struct wc_facts f = {0};
    size_t normal = 0, anomalous = 0, train = 0;
    bool failed = false;
    for (size_t i = 0; i < r->n_categories; i++) {
        normal += r->category[i].n_normal;
        anomalous += r->category[i].n_anomalous;
        train += r->category[i].n_train;
    }
    add_fact(&f, &failed, "program", "%s %s", p->program, p->version);
    add_fact(&f, &failed, "run", "%s", p->run_id);
    add_fact(
        &f, &failed, "data set",
        "%s: %zu categories, %zu test images (%zu normal, %zu anomalous), %zu for training, %zu "
        "failed",
        p->dataset, r->n_categories, p->n_images, normal, anomalous, train, p->n_failed);
    add_fact(&f, &failed, "model", "%s (%s)", p->model, p->arch);
    add_fact(&f, &failed, "weights sha256", "%s", p->weights_sha256);
    add_fact(&f, &failed, "activation", "%s: %s", p->activation, p->activation_reason);
    add_fact(&f, &failed, "preset", "%s%s%s", p->presets, p->changed[0] ? " with " : "",
             p->changed);
    add_fact(&f, &failed, "prompts", "%s, sha256 %s", p->prompts, p->prompts_sha256);
    add_fact(&f, &failed, "references", "%s", p->references);
    add_fact(&f, &failed, "machine", "%s, %s, %s", p->precision, p->isa, p->gemm);
    add_fact(&f, &failed, "evaluation", "%s", p->evaluation);
    if (p->bootstrap.n_replicates > 0)
        add_fact(
            &f, &failed, "intervals", "bootstrap over images, %zu replicates, level %g, seed %llu",
            p->bootstrap.n_replicates, p->bootstrap.level, (unsigned long long)p->bootstrap.seed);
    if (failed) {
        wc_facts_release(&f);
        return WC_FAIL(err, WC_ERR_NOMEM, "report: out of memory");
    }
    *out = f;
    return WC_OK;
}

void wc_facts_release(struct wc_facts *f) {
    for (size_t i = 0; i < f->n; i++)
        wc_free(f->item[i].text);
    f->n = 0;
}
