// Tables of a comparison: runs beside each other, and published figures beside a run.
#include "report/differences.h"

#include "base/alloc.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

// A name in a table's head: its end tells it apart.
static void short_name(const char *name, char *out, size_t cap) {
    enum { KEPT = 20 };
    size_t n = strlen(name);
    const char *tail = n > KEPT ? name + n - KEPT : name;
    while (((unsigned char)*tail & 0xc0) == 0x80)
        tail++;
    snprintf(out, cap, "%s%s", n > KEPT ? "~" : "", tail);
}

static const char *head_of(const char *metric) {
    const char *head = wc_metric_head(metric);
    return head ? head : "AUPR";
}

// AUPRO@0.3 where a run has several limits would say nothing of a published one: the metric's own
// name.
static void over_of(const struct wc_sides *s, const char *metric, char *out, size_t cap) {
    const char *head = head_of(metric), *limit = strrchr(metric, '_');
    size_t same = 0;
    for (size_t i = 0; i < s->n_metrics; i++)
        same += strcmp(head_of(s->metric[i]), head) == 0;
    snprintf(out, cap, same > 1 && limit ? "%s@%s" : "%s", head, limit ? limit + 1 : "");
}

static void pair_name(const struct wc_sides *s, size_t run, size_t pair, struct wc_buf *out) {
    wc_group_name(&s->view[run].group[s->pair[pair].group[run]], out);
}

/* Runs side by side. */

static enum wc_err means_table(const struct wc_sides *s, struct wc_tables *t,
                               struct wc_error *err) {
    struct wc_table *table;
    struct wc_cell *cell;
    WC_TRY(wc_table_new(t, "run", &table, err, "means over categories, percent"));
    for (size_t m = 0; m < s->n_metrics; m++) {
        char head[48];
        over_of(s, s->metric[m], head, sizeof head);
        WC_TRY(wc_table_column(table, head, NULL, err));
    }
    for (size_t pair = 0; pair < s->n_pairs; pair++)
        for (size_t run = 0; run < s->set->n; run++) {
            struct wc_buf name = {0};
            if (s->pair[pair].group[run] == WC_VIEW_NONE)
                continue;
            const struct wc_view_group *g = &s->view[run].group[s->pair[pair].group[run]];
            wc_buf_printf(&name, "%s: %s %s %lld-shot", s->set->name[run], g->method, g->preset,
                          (long long)g->shot);
            enum wc_err rc = wc_buf_check(&name, "table", err);
            if (rc == WC_OK)
                rc = wc_table_line(table, wc_buf_str(&name),
                                   pair > 0 && run == wc_sides_first(s, pair), &cell, err);
            wc_buf_release(&name);
            WC_TRY(rc);
            for (size_t m = 0; m < s->n_metrics; m++) {
                struct wc_view_cell c = wc_sides_at(s, run, pair, WC_REPORT_MEAN, s->metric[m]);
                cell[m] = wc_cell_of(&c, false);
                cell[m].has_interval = false;
            }
        }
    return WC_OK;
}

static enum wc_err side_heads(const struct wc_sides *s, size_t pair, struct wc_table *t,
                              struct wc_error *err) {
    size_t first = wc_sides_first(s, pair);
    for (size_t m = 0; m < s->n_metrics; m++) {
        char over[48], name[40];
        over_of(s, s->metric[m], over, sizeof over);
        for (size_t run = first; run < s->set->n; run++) {
            if (s->pair[pair].group[run] == WC_VIEW_NONE)
                continue;
            short_name(s->set->name[run], name, sizeof name);
            WC_TRY(wc_table_column(t, name, over, err));
            if (run > first)
                WC_TRY(wc_table_column(t, "diff", over, err));
        }
    }
    return WC_OK;
}

static enum wc_err side_line(const struct wc_sides *s, size_t pair, const char *category,
                             struct wc_table *t, struct wc_error *err) {
    struct wc_cell *cell;
    size_t first = wc_sides_first(s, pair);
    WC_TRY(wc_table_line(t, category, strcmp(category, WC_REPORT_MEAN) == 0, &cell, err));
    for (size_t m = 0; m < s->n_metrics; m++) {
        struct wc_view_cell base = wc_sides_at(s, first, pair, category, s->metric[m]);
        for (size_t run = first; run < s->set->n; run++) {
            struct wc_view_cell c = wc_sides_at(s, run, pair, category, s->metric[m]);
            if (s->pair[pair].group[run] == WC_VIEW_NONE)
                continue;
            *cell = wc_cell_of(&c, false);
            cell++->has_interval = false;
            if (run > first && c.n > 0 && base.n > 0)
                *cell = wc_cell_difference(c.mean - base.mean);
            cell += run > first;
        }
    }
    return WC_OK;
}

static enum wc_err side_table(const struct wc_sides *s, size_t pair, struct wc_tables *t,
                              struct wc_error *err) {
    struct wc_buf name = {0};
    struct wc_table *table;
    size_t first = wc_sides_first(s, pair);
    for (size_t run = first; run < s->set->n; run++) {
        if (s->pair[pair].group[run] == WC_VIEW_NONE)
            continue;
        wc_buf_printf(&name, "%s%s: ", run > first ? "; " : "", s->set->name[run]);
        pair_name(s, run, pair, &name);
    }
    enum wc_err rc = wc_buf_check(&name, "table", err);
    if (rc == WC_OK)
        rc = wc_table_new(t, "category", &table, err, "%s; diff: to the first, percent",
                          wc_buf_str(&name));
    wc_buf_release(&name);
    WC_TRY(rc);
    WC_TRY(side_heads(s, pair, table, err));
    for (size_t c = 0; c < s->n_categories; c++)
        WC_TRY(side_line(s, pair, s->category[c], table, err));
    return WC_OK;
}

/* Published figures. */

// Adds a note once.
static enum wc_err add_note(struct wc_table *t, struct wc_error *err, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static enum wc_err add_note(struct wc_table *t, struct wc_error *err, const char *fmt, ...) {
    struct wc_buf text = {0};
    va_list ap;
    va_start(ap, fmt);
    wc_buf_vprintf(&text, fmt, ap);
    va_end(ap);
    enum wc_err rc = wc_buf_check(&text, "table", err);
    if (rc == WC_OK && !wc_strlist_has(&t->note, wc_buf_str(&text)))
        rc = wc_strlist_add(&t->note, wc_buf_str(&text), err);
    wc_buf_release(&text);
    return rc;
}

static enum wc_err note_row(struct wc_table *t, const struct wc_published_row *row,
                            const struct wc_published_row *other, struct wc_error *err) {
    if (row->note[0])
        WC_TRY(add_note(t, err, "%s%s%s, %s: %s", row->source, row->table[0] ? ", table " : "",
                        row->table, head_of(row->metric), row->note));
    if (other)
        WC_TRY(add_note(t, err, "%s, table %s, %s of %s: %.1f%s%s", other->source, other->table,
                        head_of(other->metric), other->category, 100 * other->value,
                        other->note[0] ? ", " : "", other->note));
    return WC_OK;
}

static bool is_mean(const char *category) {
    return strcmp(category, WC_REPORT_MEAN) == 0;
}

// What a table of one run, pair and source is about.
struct against {
    const struct wc_sides *s;
    size_t run, pair;
    const char *source;
    bool complete; // the mean counts
};

static const struct wc_published_row *row_at(const struct against *a, const char *category,
                                             const char *metric,
                                             const struct wc_published_row **other) {
    if (is_mean(category) && !a->complete)
        return NULL;
    return wc_sides_published(a->s, a->run, a->pair, a->source, category, metric, other);
}

static bool has_metric(const struct against *a, const char *metric, bool only_mean) {
    for (size_t c = 0; c < a->s->n_categories; c++)
        if ((!only_mean || is_mean(a->s->category[c])) &&
            row_at(a, a->s->category[c], metric, NULL))
            return true;
    return false;
}

static bool has_category(const struct against *a, const char *category) {
    for (size_t m = 0; m < a->s->n_metrics; m++)
        if (row_at(a, category, a->s->metric[m], NULL))
            return true;
    return false;
}

// Categories beside the source's: own, published, difference for each metric.
static enum wc_err category_line(const struct against *a, const char *category, struct wc_table *t,
                                 struct wc_error *err) {
    struct wc_cell *cell;
    WC_TRY(wc_table_line(t, category, is_mean(category), &cell, err));
    for (size_t m = 0; m < a->s->n_metrics; m++) {
        const char *metric = a->s->metric[m];
        const struct wc_published_row *other = NULL, *row = row_at(a, category, metric, &other);
        struct wc_view_cell own = wc_sides_at(a->s, a->run, a->pair, category, metric);
        if (!has_metric(a, metric, false))
            continue;
        cell[0] = wc_cell_of(&own, own.n > 1);
        cell[0].has_interval = false;
        if (row) {
            cell[1] = wc_cell_value(row->value);
            cell[1].has_std = !isnan(row->std);
            cell[1].std = row->std;
            cell[2] = wc_cell_difference(own.n > 0 ? own.mean - row->value : NAN);
            WC_TRY(note_row(t, row, other, err));
        }
        cell += 3;
    }
    return WC_OK;
}

static enum wc_err category_table(const struct against *a, struct wc_tables *t,
                                  struct wc_error *err) {
    const struct wc_sides *s = a->s;
    struct wc_buf name = {0};
    struct wc_table *table;
    wc_buf_printf(&name, "%s: ", s->set->name[a->run]);
    pair_name(s, a->run, a->pair, &name);
    enum wc_err rc = wc_buf_check(&name, "table", err);
    if (rc == WC_OK)
        rc = wc_table_new(t, "category", &table, err, "%s, beside %s, percent", wc_buf_str(&name),
                          a->source);
    wc_buf_release(&name);
    WC_TRY(rc);
    for (size_t m = 0; m < s->n_metrics; m++) {
        char over[48], source[40];
        if (!has_metric(a, s->metric[m], false))
            continue;
        over_of(s, s->metric[m], over, sizeof over);
        short_name(a->source, source, sizeof source);
        WC_TRY(wc_table_column(table, "run", over, err));
        WC_TRY(wc_table_column(table, source, over, err));
        WC_TRY(wc_table_column(table, "diff", over, err));
    }
    for (size_t c = 0; c < s->n_categories; c++)
        if (has_category(a, s->category[c]))
            WC_TRY(category_line(a, s->category[c], table, err));
    if (!a->complete)
        WC_TRY(add_note(table, err,
                        "The mean is not compared: the run has not the %zu categories of %s.",
                        s->n_published[a->run], s->set->item[a->run].provenance.dataset));
    return WC_OK;
}

// Several sources that have means only: a line each; the nearest one is marked.
static enum wc_err source_line(struct against *a, struct wc_table *t, double *distance,
                               struct wc_error *err) {
    struct wc_cell *cell;
    WC_TRY(wc_table_line(t, a->source, false, &cell, err));
    *distance = 0;
    for (size_t m = 0; m < a->s->n_metrics; m++) {
        const char *metric = a->s->metric[m];
        bool any = false;
        for (size_t i = 0; i < a->s->set->published.n; i++)
            any = any || strcmp(a->s->set->published.row[i].metric, metric) == 0;
        if (!any)
            continue;
        const struct wc_published_row *row = row_at(a, WC_REPORT_MEAN, metric, NULL);
        struct wc_view_cell own = wc_sides_at(a->s, a->run, a->pair, WC_REPORT_MEAN, metric);
        double difference = row && own.n > 0 ? own.mean - row->value : NAN;
        if (row) {
            cell[0] = wc_cell_value(row->value);
            cell[1] = wc_cell_difference(difference);
            WC_TRY(note_row(t, row, NULL, err));
        }
        *distance = isnan(difference) ? INFINITY : fmax(*distance, fabs(difference));
        cell += 2;
    }
    return WC_OK;
}

static enum wc_err sources_table(struct against *a, struct wc_tables *t, struct wc_error *err) {
    const struct wc_sides *s = a->s;
    const struct wc_published *p = &s->set->published;
    struct wc_buf name = {0};
    struct wc_table *table;
    const char *nearest = NULL;
    double least = INFINITY;
    pair_name(s, a->run, a->pair, &name);
    enum wc_err rc = wc_buf_check(&name, "table", err);
    if (rc == WC_OK)
        rc = wc_table_new(t, "source", &table, err, "%s: %s, beside published means, percent",
                          s->set->name[a->run], wc_buf_str(&name));
    wc_buf_release(&name);
    WC_TRY(rc);
    for (size_t m = 0; m < s->n_metrics; m++) {
        bool any = false;
        char over[48];
        for (size_t i = 0; i < p->n; i++)
            any = any || strcmp(p->row[i].metric, s->metric[m]) == 0;
        over_of(s, s->metric[m], over, sizeof over);
        if (any)
            WC_TRY(wc_table_column(table, "published", over, err));
        if (any)
            WC_TRY(wc_table_column(table, "run - it", over, err));
    }
    for (size_t i = 0; i < s->n_sources; i++) {
        double distance;
        a->source = s->source[i];
        if (!has_category(a, WC_REPORT_MEAN))
            continue;
        WC_TRY(source_line(a, table, &distance, err));
        nearest = distance < least ? a->source : nearest;
        least = fmin(least, distance);
    }
    if (nearest)
        WC_TRY(add_note(table, err, "Nearest: %s, at most %.1f off; the run has %zu categories.",
                        nearest, 100 * least, s->set->item[a->run].n_categories));
    return WC_OK;
}

static enum wc_err published_tables(const struct wc_sides *s, size_t run, size_t pair,
                                    struct wc_tables *t, struct wc_error *err) {
    size_t n_means = 0;
    struct against a = {.s = s, .run = run, .pair = pair, .complete = s->complete[run]};
    for (size_t i = 0; i < s->n_sources; i++) {
        bool any = false, by_category = false;
        a.source = s->source[i];
        for (size_t c = 0; c < s->n_categories; c++) {
            bool has = has_category(&a, s->category[c]);
            any = any || has;
            by_category = by_category || (has && !is_mean(s->category[c]));
        }
        if (by_category)
            WC_TRY(category_table(&a, t, err));
        n_means += any && !by_category;
    }
    return n_means > 0 ? sources_table(&a, t, err) : WC_OK;
}

enum wc_err wc_side_tables(const struct wc_sides *s, struct wc_tables *t, struct wc_error *err) {
    if (s->set->n > 1)
        WC_TRY(means_table(s, t, err));
    for (size_t pair = 0; pair < s->n_pairs && s->set->n > 1; pair++)
        WC_TRY(side_table(s, pair, t, err));
    for (size_t run = 0; run < s->set->n && s->set->published.n > 0; run++)
        for (size_t pair = 0; pair < s->n_pairs; pair++)
            if (s->pair[pair].group[run] != WC_VIEW_NONE)
                WC_TRY(published_tables(s, run, pair, t, err));
    return WC_OK;
}
