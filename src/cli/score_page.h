/*
 * Private to cli: the HTML page of `score`: all pictures in a table, those of the highest scores
 * with their heat maps, in one file that needs nothing else.
 *
 * The rank that scored a picture makes its thumbnails and packs them behind the row. A rank leaves
 * them out where WC_PAGE_SHOWN of its own scores are higher, so that little travels; which are
 * shown depends on the scores and the order of the pictures alone.
 */
#ifndef WC_CLI_SCORE_PAGE_H
#define WC_CLI_SCORE_PAGE_H

#include "cli/score_rows.h"
#include "image/colour.h"

#define WC_PAGE_SHOWN 120  // pictures of the page
#define WC_PAGE_ROWS 20000 // lines of its table

// The highest scores so far, on each rank.
struct wc_page_filter {
    double top[WC_PAGE_SHOWN]; // ascending
    size_t n;
};

// Appends the thumbnails of a scored picture to its packed row; map (height_px, width_px).
enum wc_err wc_page_pack(struct wc_page_filter *f, const struct wc_score_row *row,
                         const struct wc_image *image, const float *map,
                         const struct wc_colour_scale *scale, struct wc_buf *out,
                         struct wc_error *err);

struct wc_page_entry {
    char *path, *error; // error: NULL unless it failed
    double score;
    size_t order;
    char *picture[2]; // image and heat map as JPEG; NULL: not shown
    size_t n_picture[2];
};

struct wc_page {
    struct wc_page_entry *entry;
    size_t n, cap;
};
void wc_page_release(struct wc_page *p);

// Rank 0: a row and what wc_page_pack() put behind it (n bytes in all).
enum wc_err wc_page_add(struct wc_page *p, const char *path, const struct wc_score_row *row,
                        const char *bytes, size_t n, struct wc_error *err);

// A label and a text: where the scores come from.
struct wc_page_fact {
    const char *label, *text;
};
enum wc_err wc_page_write(const struct wc_page *p, const char *title, double threshold,
                          const struct wc_colour_scale *scale, const struct wc_page_fact *fact,
                          size_t n_facts, const char *path, struct wc_error *err);

#endif
