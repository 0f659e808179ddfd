/*
 * Private to report: one writer a format.
 */
#ifndef WC_REPORT_FORMATS_H
#define WC_REPORT_FORMATS_H

#include "report/report.h"

enum wc_err wc_report_text(const struct wc_report *r, struct wc_buf *out, struct wc_error *err);
enum wc_err wc_report_csv(const struct wc_report *r, struct wc_buf *out, struct wc_error *err);
enum wc_err wc_report_json(const struct wc_report *r, struct wc_buf *out, struct wc_error *err);
enum wc_err wc_report_latex(const struct wc_report *r, struct wc_buf *out, struct wc_error *err);
enum wc_err wc_report_markdown(const struct wc_report *r, struct wc_buf *out, struct wc_error *err);
enum wc_err wc_report_html(const struct wc_report *r, struct wc_buf *out, struct wc_error *err);

// json.c: what report.json names alike in a report and in a comparison.
#define WC_REPORT_SCHEMA "winclip-mpi/report"
#define WC_REPORT_SCHEMA_VERSION 1 // raised when a reader of the older form would misread the newer
extern const char *const wc_picture_why[WC_N_PICTURE_WHYS];

#endif
