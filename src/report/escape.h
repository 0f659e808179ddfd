/*
 * Names from outside (categories, files, defects, error texts) in each format, so that they stay
 * names: no formula in a spreadsheet, no command in LaTeX, no tag in HTML, no table in Markdown.
 */
#ifndef WC_REPORT_ESCAPE_H
#define WC_REPORT_ESCAPE_H

#include "base/str.h"

// A CSV field: quoted when it needs to be (RFC 4180); a text that a spreadsheet would take for a
// formula gets a quote in front.
void wc_csv_field(struct wc_buf *out, const char *text);

// Control characters become "?"; bytes that are not UTF-8 too.
void wc_plain_text(struct wc_buf *out, const char *text);
void wc_latex_text(struct wc_buf *out, const char *text);
void wc_markdown_text(struct wc_buf *out, const char *text);
void wc_html_text(struct wc_buf *out, const char *text); // also for attributes in double quotes

#endif
