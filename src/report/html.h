/*
 * HTML pages: one self-contained file each, nothing is loaded from elsewhere. Private to report,
 * except wc_html_page() and what belongs to it.
 */
#ifndef WC_REPORT_HTML_H
#define WC_REPORT_HTML_H

#include "report/compare.h"
#include "report/table.h"

// The page around a body: head with style and script, title, end.
void wc_html_begin(struct wc_buf *out, const char *title);
void wc_html_end(struct wc_buf *out);

// A file as a data URI for src="..."; an absent or overlong one gives false and nothing is written.
bool wc_html_data(struct wc_buf *out, const char *mime, const void *bytes, size_t n);

enum wc_err wc_html_comparison(const struct wc_report_set *s, const struct wc_tables *t,
                               struct wc_buf *out, struct wc_error *err);

#endif
