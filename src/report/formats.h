/*
 * Private to report: one writer a format.
 */
#ifndef WC_REPORT_FORMATS_H
#define WC_REPORT_FORMATS_H

#include "report/report.h"

enum wc_err wc_report_text(const struct wc_report *r, struct wc_buf *out, struct wc_error *err);
enum wc_err wc_report_csv(const struct wc_report *r, struct wc_buf *out, struct wc_error *err);
enum wc_err wc_report_json(const struct wc_report *r, struct wc_buf *out, struct wc_error *err);

#endif
