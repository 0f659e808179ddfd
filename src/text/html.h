/*
 * HTML5 character references (HTML standard, section "Character reference state"), resolved as
 * Python's html.unescape() does; the tables are made by gen_html.py. Thread-safe.
 */
#ifndef WC_TEXT_HTML_H
#define WC_TEXT_HTML_H

#include <stddef.h>
#include <stdint.h>

struct wc_html_name {
    const char *name;  // without "&"; the final semicolon belongs to it
    uint32_t value[2]; // second one 0 when there is only one
};

struct wc_html_number {
    uint32_t first, last;
    uint32_t value; // what these numbers stand for instead; 0: nothing at all
};

extern const struct wc_html_name wc_html_names[]; // sorted by bytes
extern const size_t wc_html_n_names;
extern const struct wc_html_number wc_html_numbers[]; // sorted
extern const size_t wc_html_n_numbers;

// Resolves the references in v[0..n) in place, once; returns the new count, which is never larger.
size_t wc_html_unescape(uint32_t *v, size_t n);

#endif
