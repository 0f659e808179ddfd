// A comparison in every format: tables where people read, one row a difference where programs do.
#include "report/differences.h"
#include "report/escape.h"
#include "report/formats.h"
#include "report/html.h"

#include "base/alloc.h"
#include "base/json.h"

#include <math.h>
#include <string.h>

#define COMPARISON_SCHEMA "winclip-mpi/comparison"
#define COMPARISON_VERSION 1

// What a format makes of a comparison.
struct comparison {
    const struct wc_report_set *set;
    const struct wc_sides *sides;
    struct wc_tables tables;
    struct wc_differences differences;
};
typedef enum wc_err write_fn(const struct comparison *c, struct wc_buf *out, struct wc_error *err);

static enum wc_err write_text(const struct comparison *c, struct wc_buf *out,
                              struct wc_error *err) {
    (void)err;
    wc_text_tables(&c->tables, out);
    for (size_t i = 0; i < c->set->n; i++) {
        wc_plain_text(out, c->set->name[i]);
        wc_buf_puts(out, ": ");
        wc_text_provenance(&c->set->item[i], out);
    }
    return WC_OK;
}

static enum wc_err put_facts(const struct wc_report *r, const char *name, const char *before,
                             void (*escape)(struct wc_buf *, const char *), struct wc_buf *out,
                             struct wc_error *err) {
    struct wc_facts f;
    WC_TRY(wc_facts_of(r, &f, err));
    for (size_t i = 0; i < f.n; i++) {
        wc_buf_puts(out, before);
        escape(out, name);
        wc_buf_printf(out, ", %s: ", f.item[i].label);
        escape(out, f.item[i].text);
        wc_buf_putc(out, '\n');
    }
    wc_facts_release(&f);
    return WC_OK;
}

static enum wc_err write_markdown(const struct comparison *c, struct wc_buf *out,
                                  struct wc_error *err) {
    wc_markdown_tables(&c->tables, out);
    for (size_t i = 0; i < c->set->n; i++)
        WC_TRY(put_facts(&c->set->item[i], c->set->name[i], "- ", wc_markdown_text, out, err));
    return WC_OK;
}

static enum wc_err write_latex(const struct comparison *c, struct wc_buf *out,
                               struct wc_error *err) {
    wc_buf_puts(out, "% \\usepackage[T1]{fontenc} \\usepackage{booktabs,graphicx}\n");
    for (size_t i = 0; i < c->set->n; i++)
        WC_TRY(put_facts(&c->set->item[i], c->set->name[i], "% ", wc_plain_text, out, err));
    wc_latex_tables(&c->tables, out);
    return WC_OK;
}

static enum wc_err write_html(const struct comparison *c, struct wc_buf *out,
                              struct wc_error *err) {
    return wc_html_comparison(c->set, &c->tables, out, err);
}

static void put_number(struct wc_buf *out, double v) {
    if (isnan(v))
        wc_buf_puts(out, "n/a");
    else
        wc_buf_printf(out, "%.9g", v);
}

static enum wc_err write_csv(const struct comparison *c, struct wc_buf *out, struct wc_error *err) {
    (void)err;
    wc_buf_puts(out, "run,dataset,category,method,preset,shot,metric,value,std,n_seeds,reference,"
                     "table,reference_value,reference_std,difference\n");
    for (size_t i = 0; i < c->differences.n; i++) {
        const struct wc_difference *d = &c->differences.item[i];
        const struct wc_view *v = &c->sides->view[d->run];
        const struct wc_view_group *g = &v->group[c->sides->pair[d->pair].group[d->run]];
        const char *const names[] = {c->set->name[d->run], c->set->item[d->run].provenance.dataset,
                                     d->category};
        for (size_t k = 0; k < 3; k++) {
            wc_csv_field(out, names[k]);
            wc_buf_putc(out, ',');
        }
        wc_buf_printf(out, "%s,%s,%lld,%s,", g->method, g->preset, (long long)g->shot, d->metric);
        put_number(out, d->own.mean);
        wc_buf_putc(out, ',');
        put_number(out, d->own.n > 1 ? d->own.std : NAN);
        wc_buf_printf(out, ",%zu,", d->own.n);
        wc_csv_field(out, d->reference);
        wc_buf_putc(out, ',');
        wc_csv_field(out, d->table);
        const double numbers[] = {d->value, d->std, d->own.mean - d->value};
        for (size_t k = 0; k < 3; k++) {
            wc_buf_putc(out, ',');
            put_number(out, numbers[k]);
        }
        wc_buf_putc(out, '\n');
    }
    return WC_OK;
}

static void put_difference(const struct comparison *c, const struct wc_difference *d,
                           struct wc_buf *out) {
    const struct wc_view *v = &c->sides->view[d->run];
    const struct wc_view_group *g = &v->group[c->sides->pair[d->pair].group[d->run]];
    const struct {
        const char *key, *value;
    } texts[] = {{"run", c->set->name[d->run]},
                 {"category", d->category},
                 {"method", g->method},
                 {"preset", g->preset},
                 {"metric", d->metric},
                 {"reference", d->reference},
                 {"table", d->table}};
    const struct {
        const char *key;
        double value;
    } numbers[] = {{"value", d->own.mean},
                   {"std", d->own.n > 1 ? d->own.std : NAN},
                   {"reference_value", d->value},
                   {"reference_std", d->std},
                   {"difference", d->own.mean - d->value}};
    wc_buf_printf(out, "{\"shot\": %lld, \"n_seeds\": %zu", (long long)g->shot, d->own.n);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        wc_buf_printf(out, ", \"%s\": ", texts[i].key);
        wc_json_quote(out, texts[i].value);
    }
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        wc_buf_printf(out, ", \"%s\": ", numbers[i].key);
        wc_json_number(out, numbers[i].value);
    }
    wc_buf_putc(out, '}');
}

static enum wc_err write_json(const struct comparison *c, struct wc_buf *out,
                              struct wc_error *err) {
    wc_buf_printf(out, "{\"schema\": \"%s\",\n\"schema_version\": %d,\n\"runs\": [",
                  COMPARISON_SCHEMA, COMPARISON_VERSION);
    for (size_t i = 0; i < c->set->n; i++) {
        struct wc_buf one = {0};
        wc_buf_puts(out, i > 0 ? ",\n{\"name\": " : "\n{\"name\": ");
        wc_json_quote(out, c->set->name[i]);
        enum wc_err rc = wc_report_json(&c->set->item[i], &one, err);
        wc_buf_printf(out, ", \"report\": %s}", wc_buf_str(&one));
        wc_buf_release(&one);
        WC_TRY(rc);
    }
    wc_buf_puts(out, "],\n\"differences\": [");
    for (size_t i = 0; i < c->differences.n; i++) {
        wc_buf_puts(out, i > 0 ? ",\n" : "\n");
        put_difference(c, &c->differences.item[i], out);
    }
    wc_buf_puts(out, "]}\n");
    return WC_OK;
}

static const struct {
    const char *format;
    write_fn *write;
} writers[] = {{"text", write_text},   {"csv", write_csv},           {"json", write_json},
               {"latex", write_latex}, {"markdown", write_markdown}, {"html", write_html}};

static enum wc_err compare(const struct wc_report_set *s, const char *format, struct wc_buf *out,
                           struct wc_error *err) {
    struct wc_sides sides = {0};
    WC_TRY(wc_sides_new(s, &sides, err));
    struct comparison c = {.set = s, .sides = &sides};
    enum wc_err rc = wc_side_tables(&sides, &c.tables, err);
    if (rc == WC_OK)
        rc = wc_differences_of(&sides, &c.differences, err);
    for (size_t i = 0; rc == WC_OK && i < sizeof writers / sizeof *writers; i++)
        if (strcmp(writers[i].format, format) == 0)
            rc = writers[i].write(&c, out, err);
    wc_free(c.differences.item);
    wc_tables_release(&c.tables);
    wc_sides_release(&sides);
    return rc == WC_OK ? wc_buf_check(out, "comparison", err) : rc;
}

enum wc_err wc_report_set_write(const struct wc_report_set *s,
                                const struct wc_report_format *format, struct wc_buf *out,
                                struct wc_error *err) {
    if (s->n == 1 && s->published.n == 0)
        return format->write(&s->item[0], out, err);
    return compare(s, format->name, out, err);
}
