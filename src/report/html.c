// What all HTML pages are made of.
#include "report/html.h"

#include "base/alloc.h"
#include "report/escape.h"
#include "report/table.h"

#include <math.h>
#include <string.h>

void wc_html_begin(struct wc_buf *out, const char *title) {
    wc_buf_puts(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                     "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
                     "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
                     "img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n"
                     "<title>");
    wc_html_text(out, title);
    wc_buf_printf(out, "</title>\n<style>\n%s</style>\n</head>\n<body>\n<h1>", wc_html_style);
    wc_html_text(out, title);
    wc_buf_puts(out, "</h1>\n");
}

void wc_html_end(struct wc_buf *out) {
    wc_buf_printf(out, "<script>%s</script>\n</body>\n</html>\n", wc_html_script);
}

static void base64(struct wc_buf *out, const unsigned char *p, size_t n) {
    static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char block[4096];
    size_t n_block = 0;
    for (size_t i = 0; i < n; i += 3) {
        unsigned v = (unsigned)p[i] << 16 | (i + 1 < n ? (unsigned)p[i + 1] << 8 : 0) |
                     (i + 2 < n ? p[i + 2] : 0);
        block[n_block++] = digit[v >> 18];
        block[n_block++] = digit[v >> 12 & 63];
        block[n_block++] = i + 1 < n ? digit[v >> 6 & 63] : '=';
        block[n_block++] = i + 2 < n ? digit[v & 63] : '=';
        if (n_block == sizeof block) {
            wc_buf_add(out, block, n_block);
            n_block = 0;
        }
    }
    wc_buf_add(out, block, n_block);
}

void wc_html_picture(struct wc_buf *out, const void *bytes, size_t n, const char *alt) {
    const unsigned char *p = bytes;
    bool png = n > 4 && memcmp(p, "\x89PNG", 4) == 0,
         jpeg = n > 3 && memcmp(p, "\xff\xd8\xff", 3) == 0;
    if (!png && !jpeg) {
        wc_buf_puts(out, "<span>no ");
        wc_html_text(out, alt);
        wc_buf_puts(out, "</span>");
        return;
    }
    wc_buf_puts(out, "<img alt=\"");
    wc_html_text(out, alt);
    wc_buf_printf(out, "\" loading=\"lazy\" src=\"data:image/%s;base64,", png ? "png" : "jpeg");
    base64(out, p, n);
    wc_buf_puts(out, "\">");
}

void wc_html_filter_begin(struct wc_buf *out) {
    wc_buf_puts(out, "<div class=\"filters\" hidden>");
}

void wc_html_filter(struct wc_buf *out, const char *by, const char *label,
                    const struct wc_strlist *choices) {
    wc_buf_printf(out, "<label>%s <select data-by=\"%s\"><option value=\"\">all</option>", label,
                  by);
    for (size_t i = 0; i < choices->n; i++) {
        wc_buf_puts(out, "<option value=\"");
        wc_html_text(out, choices->item[i]);
        wc_buf_puts(out, "\">");
        wc_html_text(out, choices->item[i]);
        wc_buf_puts(out, "</option>");
    }
    wc_buf_puts(out, "</select></label>\n");
}

void wc_html_filter_end(struct wc_buf *out) {
    wc_buf_puts(out, "</div>\n");
}

void wc_html_scale(struct wc_buf *out, double low, double high) {
    if (isnan(low) || isnan(high))
        return;
    wc_buf_printf(
        out,
        "<div class=\"ramp\"></div><div class=\"ends\"><span>%.4g</span><span>%.4g</span></div>\n"
        "<p class=\"mute\">Score of the heat maps; the colours mean the same in every "
        "picture.</p>\n",
        low, high);
}

/* Tables. */

static void put_overs(const struct wc_table *t, struct wc_buf *out) {
    wc_buf_puts(out, "<tr><th></th>");
    for (size_t c = 0, end; c < t->n_columns; c = end) {
        for (end = c; end < t->n_columns && strcmp(t->head[end].over, t->head[c].over) == 0;)
            end++;
        wc_buf_printf(out, "<th colspan=\"%zu\">", end - c);
        wc_html_text(out, t->head[c].over);
        wc_buf_puts(out, "</th>");
    }
    wc_buf_puts(out, "</tr>");
}

static void put_line(const struct wc_table *t, size_t l, struct wc_buf *out) {
    wc_buf_puts(out, t->line[l].rule ? "<tr class=\"rule\"><td>" : "<tr><td>");
    wc_html_text(out, t->line[l].name);
    wc_buf_puts(out, "</td>");
    for (size_t c = 0; c < t->n_columns; c++) {
        char text[WC_CELL_BYTES];
        const struct wc_cell *cell = &t->cell[l * t->n_columns + c];
        wc_buf_puts(out, cell->best ? "<td class=\"best\">" : "<td>");
        wc_html_text(out, wc_cell_print(cell, " ± ", text));
        wc_buf_puts(out, "</td>");
    }
    wc_buf_puts(out, "</tr>\n");
}

static void put_table(const struct wc_table *t, struct wc_buf *out) {
    bool over = false;
    for (size_t c = 0; c < t->n_columns; c++)
        over = over || t->head[c].over[0];
    wc_buf_puts(out, "<div class=\"scroll\"><table><caption>");
    wc_html_text(out, t->title);
    wc_buf_puts(out, "</caption><thead>");
    if (over)
        put_overs(t, out);
    wc_buf_printf(out, "<tr><th>%s</th>", t->first);
    for (size_t c = 0; c < t->n_columns; c++) {
        wc_buf_puts(out, "<th>");
        wc_html_text(out, t->head[c].text);
        wc_buf_puts(out, "</th>");
    }
    wc_buf_puts(out, "</tr></thead><tbody>\n");
    for (size_t l = 0; l < t->n_lines; l++)
        put_line(t, l, out);
    wc_buf_puts(out, "</tbody></table>");
    for (size_t i = 0; i < t->note.n; i++) {
        wc_buf_puts(out, "<p class=\"mute\">");
        wc_html_text(out, t->note.item[i]);
        wc_buf_puts(out, "</p>");
    }
    wc_buf_puts(out, "</div>\n");
}

void wc_html_tables(const struct wc_tables *t, struct wc_buf *out) {
    for (size_t i = 0; i < t->n; i++)
        put_table(&t->item[i], out);
}

/* Where the figures come from. */

enum wc_err wc_html_provenance(const struct wc_report *r, struct wc_buf *out,
                               struct wc_error *err) {
    struct wc_facts f;
    WC_TRY(wc_facts_of(r, &f, err));
    wc_buf_puts(out, "<dl>");
    for (size_t i = 0; i < f.n; i++) {
        wc_buf_printf(out, "<dt>%s</dt><dd>", f.item[i].label);
        wc_html_text(out, f.item[i].text);
        wc_buf_puts(out, "</dd>\n");
    }
    for (size_t i = 0; i < r->n_failures; i++) {
        wc_buf_puts(out, "<dt class=\"fail\">failed</dt><dd>");
        wc_html_text(out, r->failure[i].category);
        wc_buf_putc(out, '/');
        wc_html_text(out, r->failure[i].image);
        wc_buf_puts(out, ": ");
        wc_html_text(out, r->failure[i].text);
        wc_buf_puts(out, "</dd>\n");
    }
    wc_buf_puts(out, "</dl>\n");
    wc_facts_release(&f);
    return WC_OK;
}

enum wc_err wc_html_comparison(const struct wc_report_set *s, const struct wc_tables *t,
                               struct wc_buf *out, struct wc_error *err) {
    wc_html_begin(out, s->n > 1 ? "Runs side by side" : "Beside published figures");
    wc_html_tables(t, out);
    wc_buf_puts(out, "<footer>");
    for (size_t i = 0; i < s->n; i++) {
        wc_buf_puts(out, "<h2>");
        wc_html_text(out, s->name[i]);
        wc_buf_puts(out, "</h2>\n");
        WC_TRY(wc_html_provenance(&s->item[i], out, err));
    }
    wc_buf_puts(out, "</footer>\n");
    wc_html_end(out);
    return WC_OK;
}
