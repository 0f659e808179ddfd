/*
 * HTML pages: one self-contained file each, nothing is loaded from elsewhere, and a content
 * security policy in the page forbids that anything be.
 */
#ifndef WC_REPORT_HTML_H
#define WC_REPORT_HTML_H

#include "report/compare.h"

struct wc_tables;

// The page around a body.
void wc_html_begin(struct wc_buf *out, const char *title);
void wc_html_end(struct wc_buf *out);

// A picture as an <img> with its data inside; `n` bytes of PNG or JPEG. Without bytes a note
// stands for it.
void wc_html_picture(struct wc_buf *out, const void *bytes, size_t n, const char *alt);

// A select that filters elements of class "item" by their attribute data-BY; an empty choice of
// that name comes first.
void wc_html_filter_begin(struct wc_buf *out);
void wc_html_filter(struct wc_buf *out, const char *by, const char *label,
                    const struct wc_strlist *choices);
void wc_html_filter_end(struct wc_buf *out);

// The bar of the heat maps' colours with the values of its ends.
void wc_html_scale(struct wc_buf *out, double low, double high);

// Private to report.
extern const char wc_html_style[], wc_html_script[];
void wc_html_tables(const struct wc_tables *t, struct wc_buf *out);
enum wc_err wc_html_provenance(const struct wc_report *r, struct wc_buf *out, struct wc_error *err);
enum wc_err wc_html_comparison(const struct wc_report_set *s, const struct wc_tables *t,
                               struct wc_buf *out, struct wc_error *err);

#endif
