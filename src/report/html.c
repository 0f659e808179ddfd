#include "report/html.h"
#include "report/formats.h"
enum wc_err wc_report_html(const struct wc_report *r, struct wc_buf *out, struct wc_error *err) {
    (void)r;
    return wc_buf_check(out, "report.html", err);
}
enum wc_err wc_html_comparison(const struct wc_report_set *s, const struct wc_tables *t,
                               struct wc_buf *out, struct wc_error *err) {
    (void)s;
    (void)t;
    return wc_buf_check(out, "report.html", err);
}
