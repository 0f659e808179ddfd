// The CSV files of a run: one row a figure or a score, values as fractions.
#include "report/escape.h"
#include "report/formats.h"

#include <math.h>

static void put_number(struct wc_buf *out, double v) {
    if (isnan(v))
        wc_buf_puts(out, "n/a");
    else
        wc_buf_printf(out, "%.9g", v);
}

static bool has_intervals(const struct wc_report *r) {
    return r->provenance.bootstrap.n_replicates > 0;
}

static void put_row(const struct wc_report *r, const struct wc_report_row *row, bool defect,
                    bool intervals, struct wc_buf *out) {
    wc_csv_field(out, r->provenance.dataset);
    wc_buf_putc(out, ',');
    wc_csv_field(out, row->category);
    if (defect) {
        wc_buf_putc(out, ',');
        wc_csv_field(out, row->defect);
    }
    wc_buf_printf(out, ",%s,%s,%lld,%lld,%s,", row->method, row->preset, (long long)row->shot,
                  (long long)row->seed, row->metric);
    put_number(out, row->value);
    wc_buf_printf(out, ",%zu", row->n_images);
    if (intervals) {
        wc_buf_putc(out, ',');
        put_number(out, row->low);
        wc_buf_putc(out, ',');
        put_number(out, row->high);
    }
    wc_buf_putc(out, '\n');
}

// dataset,category,method,preset,shot,seed,metric,value,n_images[,low,high]
enum wc_err wc_report_csv(const struct wc_report *r, struct wc_buf *out, struct wc_error *err) {
    bool intervals = has_intervals(r);
    wc_buf_printf(out, "dataset,category,method,preset,shot,seed,metric,value,n_images%s\n",
                  intervals ? ",low,high" : "");
    for (size_t i = 0; i < r->n_rows; i++)
        put_row(r, &r->row[i], false, intervals, out);
    return wc_buf_check(out, "report.csv", err);
}

enum wc_err wc_report_defects_csv(const struct wc_report *r, struct wc_buf *out,
                                  struct wc_error *err) {
    wc_buf_puts(out, "dataset,category,defect,method,preset,shot,seed,metric,value,n_images\n");
    for (size_t i = 0; i < r->n_defects; i++)
        put_row(r, &r->defect[i], true, false, out);
    return wc_buf_check(out, "defects.csv", err);
}

enum wc_err wc_report_scores_csv(const struct wc_report *r, struct wc_buf *out,
                                 struct wc_error *err) {
    wc_buf_puts(out, "dataset,category,image,label,method,preset,shot,seed,score\n");
    for (size_t v = 0; v < r->n_variants; v++)
        for (size_t i = 0; i < r->n_images; i++) {
            const struct wc_report_image *image = &r->image[i];
            const struct wc_report_variant *variant = &r->variant[v];
            double score = r->score[v * r->n_images + i];
            if (isnan(score))
                continue;
            wc_csv_field(out, r->provenance.dataset);
            wc_buf_putc(out, ',');
            wc_csv_field(out, image->category);
            wc_buf_putc(out, ',');
            wc_csv_field(out, image->image);
            wc_buf_putc(out, ',');
            if (image->label >= 0)
                wc_buf_printf(out, "%d", image->label);
            wc_buf_printf(out, ",%s,%s,%lld,%lld,%.9g\n", variant->method, variant->preset,
                          (long long)variant->shot, (long long)variant->seed, score);
        }
    return wc_buf_check(out, "scores.csv", err);
}
