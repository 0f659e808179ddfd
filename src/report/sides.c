// Which figures of several runs, and of published tables, belong side by side.
#include "report/differences.h"
#include "report/published.h"

#include "base/alloc.h"

#include <math.h>
#include <string.h>

enum match { BY_NAME, BY_METHOD, BY_SHOT, N_MATCHES };

static bool matches(enum match how, const struct wc_view_group *a, const struct wc_view_group *b) {
    return a->shot == b->shot && (how == BY_SHOT || strcmp(a->method, b->method) == 0) &&
           (how != BY_NAME || strcmp(a->preset, b->preset) == 0);
}

// The group that stands for a pair: that of the first run which has it.
static const struct wc_view_group *lead(const struct wc_sides *s, size_t pair) {
    size_t run = wc_sides_first(s, pair);
    return &s->view[run].group[s->pair[pair].group[run]];
}

size_t wc_sides_first(const struct wc_sides *s, size_t pair) {
    size_t run = 0;
    while (s->pair[pair].group[run] == WC_VIEW_NONE)
        run++;
    return run;
}

static enum wc_err new_pair(struct wc_sides *s, size_t run, size_t group, struct wc_error *err) {
    struct wc_pair p = {0};
    WC_TRY(WC_GROW(&s->pair, &s->cap_pairs, s->n_pairs + 1, "comparison", err));
    WC_TRY(WC_NEW(&p.group, s->set->n, "comparison", err));
    for (size_t i = 0; i < s->set->n; i++)
        p.group[i] = WC_VIEW_NONE;
    p.group[run] = group;
    s->pair[s->n_pairs++] = p;
    return WC_OK;
}

// A pair of earlier runs that still lacks this one.
static size_t find_pair(const struct wc_sides *s, size_t run, size_t n_pairs, size_t group,
                        enum match how) {
    for (size_t p = 0; p < n_pairs; p++)
        if (s->pair[p].group[run] == WC_VIEW_NONE &&
            matches(how, lead(s, p), &s->view[run].group[group]))
            return p;
    return WC_VIEW_NONE;
}

static enum wc_err pair_run(struct wc_sides *s, size_t run, struct wc_error *err) {
    const struct wc_view *v = &s->view[run];
    size_t n_pairs = s->n_pairs, n_matched = 0;
    unsigned char *matched = NULL;
    WC_TRY(WC_NEW(&matched, v->n_groups + 1, "comparison", err));
    for (int how = BY_NAME; how < N_MATCHES && (how == BY_NAME || n_matched == 0); how++)
        for (size_t g = 0; g < v->n_groups; g++) {
            size_t p = find_pair(s, run, n_pairs, g, (enum match)how);
            if (matched[g] || p == WC_VIEW_NONE)
                continue;
            s->pair[p].group[run] = g;
            matched[g] = 1;
            n_matched++;
        }
    enum wc_err rc = WC_OK;
    for (size_t g = 0; g < v->n_groups && rc == WC_OK; g++)
        if (!matched[g])
            rc = new_pair(s, run, g, err);
    wc_free(matched);
    return rc;
}

static enum wc_err add_name(const char ***list, size_t *n, size_t *cap, const char *name,
                            struct wc_error *err) {
    for (size_t i = 0; i < *n; i++)
        if (strcmp((*list)[i], name) == 0)
            return WC_OK;
    WC_TRY(WC_GROW(list, cap, *n + 1, "comparison", err));
    (*list)[(*n)++] = name;
    return WC_OK;
}

static enum wc_err add_names(struct wc_sides *s, const struct wc_view *v, struct wc_error *err) {
    size_t column[WC_MAX_METRIC_COLUMNS], n = wc_metric_columns(v, column, WC_MAX_METRIC_COLUMNS);
    size_t trapezoid = wc_view_metric(v, "aupr_trapezoid");
    for (size_t l = 0; l < v->n_lines; l++)
        if (strcmp(v->line[l].category, WC_REPORT_MEAN) != 0)
            WC_TRY(add_name(&s->category, &s->n_categories, &s->cap_categories, v->line[l].category,
                            err));
    for (size_t i = 0; i < n; i++) {
        WC_TRY(add_name(&s->metric, &s->n_metrics, &s->cap_metrics, v->metric[column[i]], err));
        // No column elsewhere, but what published tables mean by AUPR.
        if (strcmp(v->metric[column[i]], "ap") == 0 && trapezoid != WC_VIEW_NONE &&
            s->set->published.n > 0)
            WC_TRY(add_name(&s->metric, &s->n_metrics, &s->cap_metrics, v->metric[trapezoid], err));
    }
    return WC_OK;
}

// Categories of the run's data set in the published tables, and whether the run has just these.
static enum wc_err look_at_categories(struct wc_sides *s, size_t run, struct wc_error *err) {
    const struct wc_report *r = &s->set->item[run];
    const struct wc_published *p = &s->set->published;
    const char **name = NULL;
    size_t n = 0, cap = 0, have = 0;
    enum wc_err rc = WC_OK;
    for (size_t i = 0; i < p->n && rc == WC_OK; i++)
        if (strcmp(p->row[i].category, WC_REPORT_MEAN) != 0 &&
            strcmp(p->row[i].dataset, r->provenance.dataset) == 0)
            rc = add_name(&name, &n, &cap, p->row[i].category, err);
    for (size_t i = 0; i < n; i++)
        have += wc_view_line_of(&s->view[run], name[i]) != WC_VIEW_NONE;
    s->n_published[run] = n;
    s->complete[run] = n == 0 || (have == n && r->n_categories == n);
    wc_free(name);
    return rc;
}

static enum wc_err build(struct wc_sides *s, struct wc_error *err) {
    const struct wc_report_set *set = s->set;
    WC_TRY(WC_NEW(&s->view, set->n, "comparison", err));
    for (size_t i = 0; i < set->n; i++)
        WC_TRY(wc_view_new(set->item[i].row, set->item[i].n_rows, &s->view[i], err));
    WC_TRY(WC_NEW(&s->n_published, set->n, "comparison", err));
    WC_TRY(WC_NEW(&s->complete, set->n, "comparison", err));
    for (size_t i = 0; i < set->n; i++) {
        WC_TRY(pair_run(s, i, err));
        WC_TRY(add_names(s, &s->view[i], err));
        WC_TRY(look_at_categories(s, i, err));
    }
    for (size_t i = 0; i < set->published.n; i++)
        WC_TRY(add_name(&s->source, &s->n_sources, &s->cap_sources, set->published.row[i].source,
                        err));
    return add_name(&s->category, &s->n_categories, &s->cap_categories, WC_REPORT_MEAN, err);
}

enum wc_err wc_sides_new(const struct wc_report_set *set, struct wc_sides *out,
                         struct wc_error *err) {
    struct wc_sides s = {.set = set};
    enum wc_err rc = build(&s, err);
    if (rc == WC_OK)
        *out = s;
    else
        wc_sides_release(&s);
    return rc;
}

void wc_sides_release(struct wc_sides *s) {
    for (size_t i = 0; s->view && i < s->set->n; i++)
        wc_view_release(&s->view[i]);
    for (size_t i = 0; i < s->n_pairs; i++)
        wc_free(s->pair[i].group);
    wc_free(s->view);
    wc_free(s->pair);
    wc_free(s->category);
    wc_free(s->metric);
    wc_free(s->source);
    wc_free(s->n_published);
    wc_free(s->complete);
    *s = (struct wc_sides){0};
}

struct wc_view_cell wc_sides_at(const struct wc_sides *s, size_t run, size_t pair,
                                const char *category, const char *metric) {
    const struct wc_view *v = &s->view[run];
    size_t group = s->pair[pair].group[run], line = wc_view_line_of(v, category),
           m = wc_view_metric(v, metric);
    if (group == WC_VIEW_NONE || line == WC_VIEW_NONE || m == WC_VIEW_NONE)
        return (struct wc_view_cell){0, NAN, 0, NAN, NAN};
    return wc_view_at(v, line, group, m);
}

const struct wc_published_row *wc_sides_published(const struct wc_sides *s, size_t run, size_t pair,
                                                  const char *source, const char *category,
                                                  const char *metric,
                                                  const struct wc_published_row **others) {
    const struct wc_view_group *g = &s->view[run].group[s->pair[pair].group[run]];
    const struct wc_published_row *found = NULL;
    for (size_t i = 0; i < s->set->published.n; i++) {
        const struct wc_published_row *row = &s->set->published.row[i];
        if (strcmp(row->source, source) != 0 || strcmp(row->category, category) != 0 ||
            strcmp(row->metric, metric) != 0 ||
            !wc_published_matches(row, &s->set->item[run], g->method, g->preset, g->shot))
            continue;
        if (!found)
            found = row;
        else if (others && !*others && fabs(row->value - found->value) > 1e-9)
            *others = row;
    }
    return found;
}

/* The list of differences. */

static enum wc_err add(struct wc_differences *d, const struct wc_difference *item,
                       struct wc_error *err) {
    WC_TRY(WC_GROW(&d->item, &d->cap, d->n + 1, "differences", err));
    d->item[d->n++] = *item;
    return WC_OK;
}

static enum wc_err against_runs(const struct wc_sides *s, struct wc_difference *d,
                                struct wc_differences *out, struct wc_error *err) {
    size_t first = wc_sides_first(s, d->pair);
    if (d->run <= first)
        return WC_OK;
    struct wc_view_cell c = wc_sides_at(s, first, d->pair, d->category, d->metric);
    if (c.n == 0)
        return WC_OK;
    d->reference = s->set->name[first];
    d->table = "";
    d->value = c.mean;
    d->std = c.n > 1 ? c.std : NAN;
    return add(out, d, err);
}

static enum wc_err against_published(const struct wc_sides *s, struct wc_difference *d,
                                     struct wc_differences *out, struct wc_error *err) {
    if (strcmp(d->category, WC_REPORT_MEAN) == 0 && !s->complete[d->run])
        return WC_OK;
    for (size_t i = 0; i < s->n_sources; i++) {
        const struct wc_published_row *row =
            wc_sides_published(s, d->run, d->pair, s->source[i], d->category, d->metric, NULL);
        if (!row)
            continue;
        d->reference = row->source;
        d->table = row->table;
        d->value = row->value;
        d->std = row->std;
        WC_TRY(add(out, d, err));
    }
    return WC_OK;
}

// A figure and all that it is compared with.
static enum wc_err one_figure(const struct wc_sides *s, struct wc_difference *d,
                              struct wc_differences *out, struct wc_error *err) {
    d->own = wc_sides_at(s, d->run, d->pair, d->category, d->metric);
    if (d->own.n == 0)
        return WC_OK;
    WC_TRY(against_runs(s, d, out, err));
    return against_published(s, d, out, err);
}

enum wc_err wc_differences_of(const struct wc_sides *s, struct wc_differences *out,
                              struct wc_error *err) {
    for (size_t run = 0; run < s->set->n; run++)
        for (size_t pair = 0; pair < s->n_pairs; pair++)
            for (size_t c = 0; c < s->n_categories; c++)
                for (size_t m = 0; m < s->n_metrics; m++) {
                    struct wc_difference d = {.run = run,
                                              .pair = pair,
                                              .category = s->category[c],
                                              .metric = s->metric[m]};
                    WC_TRY(one_figure(s, &d, out, err));
                }
    return WC_OK;
}
