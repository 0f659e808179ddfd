#include "report/view.h"

#include "base/alloc.h"

#include <math.h>
#include <string.h>

static bool same_group(const struct wc_report_row *row, const struct wc_report_variant *v) {
    return row->shot == v->shot && strcmp(row->method, v->method) == 0 &&
           strcmp(row->preset, v->preset) == 0;
}

// Places of the row before, where the next one's are mostly found.
struct place {
    size_t line, series, metric;
};

static enum wc_err find_line(struct wc_view *v, const struct wc_report_row *row, size_t *at,
                             struct wc_error *err) {
    for (size_t k = 0; k < v->n_lines; k++) {
        size_t i = (*at + k) % v->n_lines;
        if (strcmp(v->line[i].category, row->category) == 0 &&
            strcmp(v->line[i].defect, row->defect) == 0) {
            *at = i;
            return WC_OK;
        }
    }
    WC_TRY(WC_GROW(&v->line, &v->cap_lines, v->n_lines + 1, "report", err));
    *at = v->n_lines++;
    v->line[*at] = (struct wc_view_line){row->category, row->defect};
    return WC_OK;
}

static enum wc_err find_series(struct wc_view *v, const struct wc_report_row *row, size_t *at,
                               struct wc_error *err) {
    for (size_t k = 0; k < v->n_series; k++) {
        size_t i = (*at + k) % v->n_series;
        if (row->seed == v->series[i].seed && same_group(row, &v->series[i])) {
            *at = i;
            return WC_OK;
        }
    }
    WC_TRY(WC_GROW(&v->series, &v->cap_series, v->n_series + 1, "report", err));
    *at = v->n_series++;
    v->series[*at] = (struct wc_report_variant){row->method, row->preset, row->shot, row->seed};
    return WC_OK;
}

static enum wc_err find_metric(struct wc_view *v, const struct wc_report_row *row, size_t *at,
                               struct wc_error *err) {
    for (size_t k = 0; k < v->n_metrics; k++) {
        size_t i = (*at + k) % v->n_metrics;
        if (strcmp(v->metric[i], row->metric) == 0) {
            *at = i;
            return WC_OK;
        }
    }
    WC_TRY(WC_GROW(&v->metric, &v->cap_metrics, v->n_metrics + 1, "report", err));
    *at = v->n_metrics++;
    v->metric[*at] = row->metric;
    return WC_OK;
}

// Lines, series and metrics in the order in which rows name them.
static enum wc_err collect(struct wc_view *v, size_t n, struct place *place, struct wc_error *err) {
    struct place at = {0};
    for (size_t i = 0; i < n; i++) {
        WC_TRY(find_line(v, &v->row[i], &at.line, err));
        WC_TRY(find_series(v, &v->row[i], &at.series, err));
        WC_TRY(find_metric(v, &v->row[i], &at.metric, err));
        place[i] = at;
    }
    return WC_OK;
}

// Series group by group: order[i] is the new place of series i.
static enum wc_err sort_series(struct wc_view *v, size_t *order, struct wc_error *err) {
    struct wc_report_variant *sorted = NULL;
    size_t n = 0;
    WC_TRY(WC_NEW(&sorted, v->n_series, "report", err));
    for (size_t i = 0; i < v->n_series; i++)
        order[i] = WC_VIEW_NONE;
    for (size_t i = 0; i < v->n_series; i++) {
        const struct wc_report_variant *s = &v->series[i];
        if (order[i] != WC_VIEW_NONE)
            continue;
        enum wc_err rc = WC_GROW(&v->group, &v->cap_groups, v->n_groups + 1, "report", err);
        if (rc != WC_OK) {
            wc_free(sorted);
            return rc;
        }
        struct wc_view_group *g = &v->group[v->n_groups++];
        *g = (struct wc_view_group){s->method, s->preset, s->shot, n, 0};
        for (size_t j = i; j < v->n_series; j++) {
            const struct wc_report_row key = {.method = v->series[j].method,
                                              .preset = v->series[j].preset,
                                              .shot = v->series[j].shot};
            if (order[j] != WC_VIEW_NONE || !same_group(&key, s))
                continue;
            sorted[n] = v->series[j];
            order[j] = n++;
            g->n++;
        }
    }
    wc_free(v->series);
    v->series = sorted;
    v->cap_series = v->n_series;
    return WC_OK;
}

static size_t *slot(const struct wc_view *v, size_t line, size_t series, size_t metric) {
    return &v->at[(line * v->n_series + series) * v->n_metrics + metric];
}

// The line of means comes last: merged reports may name it before others.
static void put_mean_last(struct wc_view *v, size_t *order) {
    size_t mean = wc_view_line_of(v, WC_REPORT_MEAN);
    for (size_t i = 0; i < v->n_lines; i++)
        order[i] = mean == WC_VIEW_NONE || i < mean ? i : i == mean ? v->n_lines - 1 : i - 1;
    if (mean == WC_VIEW_NONE)
        return;
    struct wc_view_line line = v->line[mean];
    memmove(&v->line[mean], &v->line[mean + 1], (v->n_lines - mean - 1) * sizeof line);
    v->line[v->n_lines - 1] = line;
}

enum wc_err wc_view_new(const struct wc_report_row *row, size_t n, struct wc_view *out,
                        struct wc_error *err) {
    struct wc_view v = {.row = row};
    struct place *place = NULL;
    size_t *series = NULL, *line = NULL;
    enum wc_err rc = WC_NEW(&place, n + 1, "report", err);
    if (rc == WC_OK)
        rc = collect(&v, n, place, err);
    if (rc == WC_OK)
        rc = WC_NEW(&series, v.n_series + 1, "report", err);
    if (rc == WC_OK)
        rc = WC_NEW(&line, v.n_lines + 1, "report", err);
    if (rc == WC_OK)
        rc = sort_series(&v, series, err);
    if (rc == WC_OK)
        rc = WC_NEW(&v.at, v.n_lines * v.n_series * v.n_metrics + 1, "report", err);
    if (rc == WC_OK) {
        put_mean_last(&v, line);
        for (size_t i = 0; i < n; i++)
            *slot(&v, line[place[i].line], series[place[i].series], place[i].metric) = i + 1;
        *out = v;
    } else {
        wc_view_release(&v);
    }
    wc_free(place);
    wc_free(series);
    wc_free(line);
    return rc;
}

void wc_view_release(struct wc_view *v) {
    wc_free(v->line);
    wc_free(v->series);
    wc_free(v->group);
    wc_free(v->metric);
    wc_free(v->at);
    *v = (struct wc_view){0};
}

const struct wc_report_row *wc_view_row(const struct wc_view *v, size_t line, size_t series,
                                        size_t metric) {
    size_t at = *slot(v, line, series, metric);
    return at > 0 ? &v->row[at - 1] : NULL;
}

struct wc_view_cell wc_view_at(const struct wc_view *v, size_t line, size_t group, size_t metric) {
    const struct wc_view_group *g = &v->group[group];
    struct wc_view_cell c = {0, 0, 0, NAN, NAN};
    double sum = 0;
    for (size_t s = g->first; s < g->first + g->n; s++) {
        const struct wc_report_row *row = wc_view_row(v, line, s, metric);
        c.n += row != NULL;
        c.low = row ? row->low : c.low;
        c.high = row ? row->high : c.high;
    }
    for (size_t s = g->first; s < g->first + g->n; s++) {
        const struct wc_report_row *row = wc_view_row(v, line, s, metric);
        c.mean += row ? row->value / (double)c.n : 0;
    }
    for (size_t s = g->first; s < g->first + g->n; s++) {
        const struct wc_report_row *row = wc_view_row(v, line, s, metric);
        sum += row ? (row->value - c.mean) * (row->value - c.mean) : 0;
    }
    c.std = c.n > 1 ? sqrt(sum / (double)(c.n - 1)) : 0;
    if (c.n != 1)
        c.low = c.high = NAN;
    return c;
}

size_t wc_view_metric(const struct wc_view *v, const char *name) {
    for (size_t i = 0; i < v->n_metrics; i++)
        if (strcmp(v->metric[i], name) == 0)
            return i;
    return WC_VIEW_NONE;
}

size_t wc_view_line_of(const struct wc_view *v, const char *category) {
    for (size_t i = 0; i < v->n_lines; i++)
        if (strcmp(v->line[i].category, category) == 0 && v->line[i].defect[0] == '\0')
            return i;
    return WC_VIEW_NONE;
}

size_t wc_view_group_of(const struct wc_view *v, const char *method, const char *preset,
                        int64_t shot) {
    for (size_t i = 0; i < v->n_groups; i++)
        if (v->group[i].shot == shot && strcmp(v->group[i].method, method) == 0 &&
            strcmp(v->group[i].preset, preset) == 0)
            return i;
    return WC_VIEW_NONE;
}

bool wc_view_has_seeds(const struct wc_view *v) {
    for (size_t i = 0; i < v->n_groups; i++)
        if (v->group[i].n > 1)
            return true;
    return false;
}
