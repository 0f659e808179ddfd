#include "report/report.h"

#include "base/alloc.h"
#include "base/io.h"
#include "report/formats.h"

#include <math.h>
#include <string.h>

static const struct wc_report_format formats[] = {
    {"text", "report.txt", wc_report_text},
    {"csv", "report.csv", wc_report_csv},
    {"json", "report.json", wc_report_json},
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
    wc_free(r->row);
    wc_free(r->score);
    wc_free(r->failure);
    *r = (struct wc_report){0};
}

enum wc_err wc_report_add(struct wc_report *r, const struct wc_report_row *row,
                          struct wc_error *err) {
    WC_TRY(WC_GROW(&r->row, &r->cap_rows, r->n_rows + 1, "report", err));
    r->row[r->n_rows++] = *row;
    return WC_OK;
}

static bool same_series(const struct wc_report_row *a, const struct wc_report_row *b) {
    return strcmp(a->method, b->method) == 0 && strcmp(a->preset, b->preset) == 0 &&
           a->shot == b->shot && a->seed == b->seed && strcmp(a->metric, b->metric) == 0;
}

enum wc_err wc_report_add_means(struct wc_report *r, struct wc_error *err) {
    size_t n = r->n_rows;
    for (size_t i = 0; i < n; i++) {
        struct wc_report_row mean = r->row[i];
        bool first = true;
        double sum = 0, bound = 0;
        size_t n_categories = 0, n_images = 0;
        for (size_t j = 0; j < n; j++) {
            if (!same_series(&mean, &r->row[j]))
                continue;
            first = first && (n_categories > 0 || j == i);
            sum += r->row[j].value;
            bound += r->row[j].bound;
            n_images += r->row[j].n_images;
            n_categories++;
        }
        if (!first)
            continue;
        mean.category = "mean";
        mean.value = sum / (double)n_categories;
        mean.bound = bound / (double)n_categories;
        mean.n_images = n_images;
        WC_TRY(wc_report_add(r, &mean, err));
    }
    return WC_OK;
}

double wc_report_std(const double *value, size_t n) {
    double mean = 0, sum = 0;
    if (n < 2)
        return 0;
    for (size_t i = 0; i < n; i++)
        mean += value[i] / (double)n;
    for (size_t i = 0; i < n; i++)
        sum += (value[i] - mean) * (value[i] - mean);
    return sqrt(sum / (double)(n - 1));
}

void wc_csv_field(struct wc_buf *out, const char *text) {
    bool formula = text[0] && strchr("=+-@\t\r", text[0]);
    bool quote = formula || strpbrk(text, ",\"\n\r") != NULL;
    if (!quote) {
        wc_buf_puts(out, text);
        return;
    }
    wc_buf_putc(out, '"');
    if (formula)
        wc_buf_putc(out, '\'');
    for (const char *p = text; *p; p++) {
        if (*p == '"')
            wc_buf_putc(out, '"');
        wc_buf_putc(out, *p);
    }
    wc_buf_putc(out, '"');
}

enum wc_err wc_report_scores_csv(const struct wc_report *r, struct wc_buf *out,
                                 struct wc_error *err) {
    wc_buf_puts(out, "dataset,category,image,label,method,preset,shot,seed,score\n");
    for (size_t i = 0; i < r->n_scores; i++) {
        const struct wc_report_score *s = &r->score[i];
        const char *const names[] = {r->provenance.dataset, s->category, s->image};
        for (size_t j = 0; j < 3; j++) {
            wc_csv_field(out, names[j]);
            wc_buf_putc(out, ',');
        }
        if (s->label >= 0)
            wc_buf_printf(out, "%d", s->label);
        wc_buf_printf(out, ",%s,%s,%lld,%lld,%.9g\n", s->method, s->preset, (long long)s->shot,
                      (long long)s->seed, s->score);
    }
    return wc_buf_check(out, "scores.csv", err);
}

static enum wc_err write_file(const char *folder, const char *name, const struct wc_buf *text,
                              struct wc_error *err) {
    char *path = wc_path_join(folder, name);
    if (!path)
        return WC_FAIL(err, WC_ERR_NOMEM, "%s/%s: out of memory", folder, name);
    enum wc_err rc = wc_io_write_atomic(path, wc_buf_str(text), text->n, err);
    wc_free(path);
    return rc;
}

enum wc_err wc_report_write_all(const struct wc_report *r, const char *folder,
                                struct wc_error *err) {
    struct wc_buf text = {0};
    enum wc_err rc = wc_report_scores_csv(r, &text, err);
    if (rc == WC_OK)
        rc = write_file(folder, "scores.csv", &text, err);
    wc_buf_release(&text);
    // The text report comes last: where it exists, the run is complete.
    for (size_t i = N_FORMATS; i-- > 0 && rc == WC_OK;) {
        rc = formats[i].write(r, &text, err);
        if (rc == WC_OK)
            rc = write_file(folder, formats[i].file, &text, err);
        wc_buf_release(&text);
    }
    return rc;
}
