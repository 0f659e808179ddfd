// report.csv: dataset,category,method,preset,shot,seed,metric,value,n_images; one row a figure,
// values as fractions.
#include "report/formats.h"

#include <math.h>

enum wc_err wc_report_csv(const struct wc_report *r, struct wc_buf *out, struct wc_error *err) {
    wc_buf_puts(out, "dataset,category,method,preset,shot,seed,metric,value,n_images\n");
    for (size_t i = 0; i < r->n_rows; i++) {
        const struct wc_report_row *row = &r->row[i];
        wc_csv_field(out, r->provenance.dataset);
        wc_buf_putc(out, ',');
        wc_csv_field(out, row->category);
        wc_buf_printf(out, ",%s,%s,%lld,%lld,%s,", row->method, row->preset, (long long)row->shot,
                      (long long)row->seed, row->metric);
        if (isnan(row->value))
            wc_buf_puts(out, "n/a");
        else
            wc_buf_printf(out, "%.9g", row->value);
        wc_buf_printf(out, ",%zu\n", row->n_images);
    }
    return wc_buf_check(out, "report.csv", err);
}
