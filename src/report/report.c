#include "report/report.h"

#include "base/alloc.h"
#include "base/io.h"
#include "base/json.h"
#include "report/formats.h"
#include "report/view.h"

#include <math.h>
#include <string.h>

static const struct wc_report_format formats[] = {
    {"text", "report.txt", wc_report_text},        {"csv", "report.csv", wc_report_csv},
    {"json", "report.json", wc_report_json},       {"latex", "report.tex", wc_report_latex},
    {"markdown", "report.md", wc_report_markdown}, {"html", "report.html", wc_report_html},
};
#define N_FORMATS (sizeof formats / sizeof *formats)

const struct wc_report_format *wc_report_formats(size_t *n) {
    *n = N_FORMATS;
    return formats;
}

const struct wc_report_format *wc_report_format_find(const char *name) {
    for (size_t i = 0; i < N_FORMATS; i++)
        if (strcmp(formats[i].name, name) == 0)
            return &formats[i];
    return NULL;
}

void wc_report_release(struct wc_report *r) {
    for (size_t i = 0; i < r->n_failures; i++)
        wc_free(r->failure[i].text);
    for (size_t i = 0; i < r->n_curves; i++)
        wc_free(r->curve[i].point);
    for (size_t i = 0; i < r->n_docs; i++)
        wc_json_free(&r->doc[i]);
    wc_free(r->row);
    wc_free(r->defect);
    wc_free(r->category);
    wc_free(r->variant);
    wc_free(r->image);
    wc_free(r->score);
    wc_free(r->curve);
    wc_free(r->picture);
    wc_free(r->failure);
    wc_free(r->doc);
    wc_strlist_release(&r->text);
    *r = (struct wc_report){0};
}

enum wc_err wc_report_add(struct wc_report *r, const struct wc_report_row *row,
                          struct wc_error *err) {
    WC_TRY(WC_GROW(&r->row, &r->cap_rows, r->n_rows + 1, "report", err));
    r->row[r->n_rows++] = *row;
    return WC_OK;
}

struct wc_report_row wc_report_row_of(const struct wc_report_variant *v, const char *category,
                                      const char *metric, double value, size_t n_images) {
    return (struct wc_report_row){.category = category,
                                  .defect = "",
                                  .method = v->method,
                                  .preset = v->preset,
                                  .shot = v->shot,
                                  .seed = v->seed,
                                  .metric = metric,
                                  .value = value,
                                  .low = NAN,
                                  .high = NAN,
                                  .n_images = n_images};
}

bool wc_report_row_is(const struct wc_report_row *row, const struct wc_report_variant *v,
                      const char *category, const char *metric) {
    return row->shot == v->shot && row->seed == v->seed && strcmp(row->metric, metric) == 0 &&
           strcmp(row->category, category) == 0 && strcmp(row->method, v->method) == 0 &&
           strcmp(row->preset, v->preset) == 0;
}

size_t wc_report_find_variant(const struct wc_report *r, const struct wc_report_variant *v) {
    size_t i = 0;
    while (i < r->n_variants && (r->variant[i].shot != v->shot || r->variant[i].seed != v->seed ||
                                 strcmp(r->variant[i].method, v->method) != 0 ||
                                 strcmp(r->variant[i].preset, v->preset) != 0))
        i++;
    return i;
}

// The mean of a series and metric over all lines that have it; returns how many have.
static size_t mean_of(const struct wc_view *v, size_t series, size_t metric,
                      struct wc_report_row *out) {
    struct wc_report_row mean =
        wc_report_row_of(&v->series[series], WC_REPORT_MEAN, v->metric[metric], 0, 0);
    size_t n = 0;
    for (size_t l = 0; l < v->n_lines; l++) {
        const struct wc_report_row *row = wc_view_row(v, l, series, metric);
        if (!row)
            continue;
        mean.value += row->value;
        mean.bound += row->bound;
        mean.n_images += row->n_images;
        n++;
    }
    mean.value /= (double)n;
    mean.bound /= (double)n;
    *out = mean;
    return n;
}

enum wc_err wc_report_add_means(struct wc_report *r, struct wc_error *err) {
    struct wc_view v = {0};
    WC_TRY(wc_view_new(r->row, r->n_rows, &v, err));
    enum wc_err rc = WC_OK;
    for (size_t s = 0; s < v.n_series && rc == WC_OK; s++)
        for (size_t m = 0; m < v.n_metrics && rc == WC_OK; m++) {
            struct wc_report_row mean;
            if (mean_of(&v, s, m, &mean) > 0)
                rc = wc_report_add(r, &mean, err);
            v.row = r->row; // may have moved
        }
    wc_view_release(&v);
    return rc;
}

enum wc_err wc_report_write_all(const struct wc_report *r, const char *folder,
                                struct wc_error *err) {
    static const struct wc_report_format tables[] = {
        {"scores", "scores.csv", wc_report_scores_csv},
        {"defects", "defects.csv", wc_report_defects_csv}};
    struct wc_buf text = {0};
    enum wc_err rc = WC_OK;
    for (size_t i = N_FORMATS + 2; i-- > 0 && rc == WC_OK;) {
        const struct wc_report_format *f = i < N_FORMATS ? &formats[i] : &tables[i - N_FORMATS];
        rc = f->write(r, &text, err);
        if (rc == WC_OK)
            rc = wc_io_write_in(folder, f->file, wc_buf_str(&text), text.n, err);
        wc_buf_release(&text);
    }
    return rc;
}
