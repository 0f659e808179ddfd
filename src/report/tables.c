// Which tables a report has.
#include "report/table.h"

#include "base/alloc.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

void wc_group_name(const struct wc_view_group *g, struct wc_buf *out) {
    wc_buf_printf(out, "%s, preset %s, %lld-shot", g->method, g->preset, (long long)g->shot);
}

// Heads that are no other's: with several limits AUPRO says which.
static void head_of(const struct wc_view *v, const size_t *metric, size_t n, size_t i, char *head,
                    size_t cap) {
    const char *text = wc_metric_head(v->metric[metric[i]]);
    size_t same = 0;
    for (size_t k = 0; k < n; k++)
        same += wc_metric_head(v->metric[metric[k]]) == text;
    const char *limit = strrchr(v->metric[metric[i]], '_');
    snprintf(head, cap, same > 1 && limit ? "%s@%s" : "%s", text, limit ? limit + 1 : "");
}

static enum wc_err metric_heads(const struct wc_view *v, const size_t *metric, size_t n,
                                struct wc_table *t, struct wc_error *err) {
    for (size_t i = 0; i < n; i++) {
        char head[48];
        head_of(v, metric, n, i, head, sizeof head);
        WC_TRY(wc_table_column(t, head, NULL, err));
    }
    return WC_OK;
}

// "bottle", "bottle / crack"
static enum wc_err add_line(struct wc_table *t, const struct wc_view_line *line,
                            struct wc_cell **cell, struct wc_error *err) {
    struct wc_buf name = {0};
    wc_buf_puts(&name, line->category);
    if (line->defect[0])
        wc_buf_printf(&name, " / %s", line->defect);
    enum wc_err rc = wc_buf_check(&name, "table", err);
    if (rc == WC_OK)
        rc = wc_table_line(t, wc_buf_str(&name), strcmp(line->category, WC_REPORT_MEAN) == 0, cell,
                           err);
    wc_buf_release(&name);
    return rc;
}

static bool has_interval(const struct wc_view *v, size_t group, const size_t *metric, size_t n) {
    for (size_t l = 0; l < v->n_lines; l++)
        for (size_t i = 0; i < n; i++)
            if (!isnan(wc_view_at(v, l, group, metric[i]).low))
                return true;
    return false;
}

static enum wc_err group_table(const struct wc_view *v, size_t group, bool with_std,
                               struct wc_tables *t, struct wc_error *err) {
    size_t metric[WC_MAX_METRIC_COLUMNS], n = wc_metric_columns(v, metric, WC_MAX_METRIC_COLUMNS);
    struct wc_buf name = {0};
    struct wc_table *table;
    struct wc_cell *cell;
    wc_group_name(&v->group[group], &name);
    if (with_std)
        wc_buf_printf(&name, ", mean ± sample standard deviation over %zu seed%s",
                      v->group[group].n, v->group[group].n > 1 ? "s" : "");
    enum wc_err rc = wc_buf_check(&name, "table", err);
    if (rc == WC_OK)
        rc = wc_table_new(t, "category", &table, err, "%s, percent", wc_buf_str(&name));
    wc_buf_release(&name);
    WC_TRY(rc);
    table->wide = with_std || has_interval(v, group, metric, n);
    WC_TRY(metric_heads(v, metric, n, table, err));
    for (size_t l = 0; l < v->n_lines; l++) {
        WC_TRY(add_line(table, &v->line[l], &cell, err));
        for (size_t i = 0; i < n; i++) {
            struct wc_view_cell c = wc_view_at(v, l, group, metric[i]);
            cell[i] = wc_cell_of(&c, with_std);
        }
    }
    return WC_OK;
}

enum wc_err wc_tables_groups(const struct wc_view *v, struct wc_tables *t, struct wc_error *err) {
    bool with_std = wc_view_has_seeds(v); // then also zero-shot's, which is 0.0
    for (size_t g = 0; g < v->n_groups; g++)
        WC_TRY(group_table(v, g, with_std, t, err));
    return WC_OK;
}

// Figures that print alike are equal.
static long printed(const struct wc_cell *c) {
    return c->kind == WC_CELL_VALUE && !isnan(c->value) ? lround(1000 * c->value) : -1;
}

// The best of each column, where there is something to choose from.
static void mark_best(struct wc_table *t) {
    for (size_t c = 0; c < t->n_columns; c++) {
        long best = -1;
        for (size_t l = 0; l < t->n_lines; l++) {
            long here = printed(&t->cell[l * t->n_columns + c]);
            best = here > best ? here : best;
        }
        for (size_t l = 0; l < t->n_lines && best >= 0 && t->n_lines > 1; l++) {
            struct wc_cell *cell = &t->cell[l * t->n_columns + c];
            cell->best = printed(cell) == best;
        }
    }
}

enum wc_err wc_tables_summary(const struct wc_view *v, bool always, struct wc_tables *t,
                              struct wc_error *err) {
    size_t metric[WC_MAX_METRIC_COLUMNS], n = wc_metric_columns(v, metric, WC_MAX_METRIC_COLUMNS);
    size_t mean = wc_view_line_of(v, WC_REPORT_MEAN);
    bool with_std = wc_view_has_seeds(v);
    struct wc_table *table;
    struct wc_cell *cell;
    if (mean == WC_VIEW_NONE || (v->n_groups < 2 && !always))
        return WC_OK;
    WC_TRY(wc_table_new(t, "method", &table, err, "mean over %zu categor%s%s, percent",
                        v->n_lines - 1, v->n_lines == 2 ? "y" : "ies",
                        with_std ? ", ± sample standard deviation over seeds" : ""));
    table->wide = with_std || has_interval(v, 0, metric, n);
    WC_TRY(metric_heads(v, metric, n, table, err));
    int64_t shot = v->n_groups > 0 ? v->group[0].shot : 0;
    for (size_t g = 0; g < v->n_groups; g++) {
        const struct wc_view_group *group = &v->group[g];
        char name[160];
        snprintf(name, sizeof name, "%s %s %lld-shot", group->method, group->preset,
                 (long long)group->shot);
        WC_TRY(wc_table_line(table, name, group->shot != shot, &cell, err));
        shot = group->shot;
        for (size_t i = 0; i < n; i++) {
            struct wc_view_cell c = wc_view_at(v, mean, g, metric[i]);
            cell[i] = wc_cell_of(&c, with_std);
        }
    }
    mark_best(table);
    return WC_OK;
}

static enum wc_err metric_table(const struct wc_view *v, const size_t *metric, size_t n, size_t i,
                                struct wc_tables *t, struct wc_error *err) {
    bool with_std = wc_view_has_seeds(v);
    struct wc_table *table;
    struct wc_cell *cell;
    char head[48], over[32];
    head_of(v, metric, n, i, head, sizeof head);
    WC_TRY(wc_table_new(t, "category", &table, err, "%s by category, percent", head));
    table->wide = with_std;
    for (size_t g = 0; g < v->n_groups; g++) {
        snprintf(head, sizeof head, "%.22s %.22s", v->group[g].method, v->group[g].preset);
        snprintf(over, sizeof over, "%lld-shot", (long long)v->group[g].shot);
        WC_TRY(wc_table_column(table, head, over, err));
    }
    for (size_t l = 0; l < v->n_lines; l++) {
        WC_TRY(add_line(table, &v->line[l], &cell, err));
        for (size_t g = 0; g < v->n_groups; g++) {
            struct wc_view_cell c = wc_view_at(v, l, g, metric[i]);
            cell[g] = wc_cell_of(&c, with_std);
            cell[g].has_interval = false;
        }
    }
    return WC_OK;
}

enum wc_err wc_tables_metrics(const struct wc_view *v, struct wc_tables *t, struct wc_error *err) {
    size_t metric[WC_MAX_METRIC_COLUMNS], n = wc_metric_columns(v, metric, WC_MAX_METRIC_COLUMNS);
    for (size_t i = 0; i < n; i++)
        WC_TRY(metric_table(v, metric, n, i, t, err));
    return WC_OK;
}
