// report.txt: aligned tables in percent, as people paste them, then where the figures come from.
#include "report/escape.h"
#include "report/formats.h"
#include "report/table.h"

#include "base/alloc.h"

#include <string.h>

enum { CELL = 9, WIDE_CELL = 12, NAME_MIN = 12, NAME_MAX = 48 };

// Places that a text takes on the screen: code points.
static int width_of(const char *s) {
    int n = 0;
    for (; *s; s++)
        n += ((unsigned char)*s & 0xc0) != 0x80;
    return n;
}

static void pad(struct wc_buf *out, int n) {
    for (; n > 0; n--)
        wc_buf_putc(out, ' ');
}

static void put_rule(struct wc_buf *out, int width) {
    for (int i = 0; i < width; i++)
        wc_buf_putc(out, '-');
    wc_buf_putc(out, '\n');
}

// A name in `width` places; a longer one loses its middle to "~", as its ends tell it apart.
static void put_name(struct wc_buf *out, const char *name, int width) {
    struct wc_buf plain = {0};
    wc_plain_text(&plain, name);
    const char *s = wc_buf_str(&plain);
    int all = width_of(s), room = width - 1, at = 0;
    int head = all > room ? room / 2 : all, tail = all > room ? all - (room - head - 1) : all;
    for (; *s; s++) {
        at += ((unsigned char)*s & 0xc0) != 0x80;
        if (at <= head || at > tail)
            wc_buf_putc(out, *s);
        else if (at == head + 1 && ((unsigned char)*s & 0xc0) != 0x80)
            wc_buf_putc(out, '~');
    }
    pad(out, width - (all > room ? room : all));
    out->failed = out->failed || plain.failed;
    wc_buf_release(&plain);
}

static void put_right(struct wc_buf *out, const char *text, int width) {
    pad(out, width - width_of(text));
    wc_buf_puts(out, text);
}

static int cell_width(const struct wc_table *t, size_t column) {
    int width = t->wide ? WIDE_CELL : CELL, head = width_of(t->head[column].text) + 2;
    width = head > width ? head : width;
    for (size_t l = 0; l < t->n_lines; l++) {
        char text[WC_CELL_BYTES];
        int n = width_of(wc_cell_print(&t->cell[l * t->n_columns + column], " ±", text)) + 1;
        width = n > width ? n : width;
    }
    return width;
}

// Columns [first, end) of a table, `width` places in all.
struct block {
    size_t first, end;
    int name, width;
};

static void put_heads(const struct wc_table *t, const struct block *b, struct wc_buf *out) {
    bool any = false;
    for (size_t c = b->first; c < b->end; c++)
        any = any || t->head[c].over[0];
    if (any)
        pad(out, b->name);
    for (size_t c = b->first, end; any && c < b->end; c = end) {
        int width = 0;
        for (end = c; end < b->end && strcmp(t->head[end].over, t->head[c].over) == 0; end++)
            width += cell_width(t, end);
        int n = width_of(t->head[c].over);
        put_right(out, n < width ? t->head[c].over : "", width);
    }
    if (any)
        wc_buf_putc(out, '\n');
    put_name(out, t->first, b->name);
    for (size_t c = b->first; c < b->end; c++)
        put_right(out, t->head[c].text, cell_width(t, c));
    wc_buf_putc(out, '\n');
}

static void put_block(const struct wc_table *t, const struct block *b, struct wc_buf *out) {
    put_heads(t, b, out);
    put_rule(out, b->width);
    for (size_t l = 0; l < t->n_lines; l++) {
        if (t->line[l].rule)
            put_rule(out, b->width);
        put_name(out, t->line[l].name, b->name);
        for (size_t c = b->first; c < b->end; c++) {
            char text[WC_CELL_BYTES];
            put_right(out, wc_cell_print(&t->cell[l * t->n_columns + c], " ±", text),
                      cell_width(t, c));
        }
        wc_buf_putc(out, '\n');
    }
}

// Adds the next columns that stand under one head, all or none; a first one that alone is too wide
// is cut.
static bool extend(const struct wc_table *t, struct block *b) {
    size_t end = b->end;
    int width = b->width;
    do
        width += cell_width(t, end++);
    while (end < t->n_columns && t->head[end].over[0] &&
           strcmp(t->head[end].over, t->head[b->end].over) == 0 &&
           (b->end > b->first || width + cell_width(t, end) <= WC_TEXT_COLUMNS));
    if (b->end > b->first && width > WC_TEXT_COLUMNS)
        return false;
    b->end = end;
    b->width = width;
    return true;
}

// Columns go as one block where they fit, else as several, one below the other.
static void put_table(const struct wc_table *t, int name, struct wc_buf *out) {
    wc_plain_text(out, t->title);
    wc_buf_putc(out, '\n');
    for (size_t c = 0; c < t->n_columns || c == 0;) {
        struct block b = {c, c, name, name};
        while (b.end < t->n_columns && extend(t, &b))
            ;
        if (c > 0)
            wc_buf_putc(out, '\n');
        put_block(t, &b, out);
        c = b.end > c ? b.end : c + 1;
    }
    for (size_t i = 0; i < t->note.n; i++) {
        wc_plain_text(out, t->note.item[i]);
        wc_buf_putc(out, '\n');
    }
    wc_buf_putc(out, '\n');
}

void wc_text_tables(const struct wc_tables *t, struct wc_buf *out) {
    for (size_t i = 0; i < t->n; i++) {
        int name = NAME_MIN;
        for (size_t l = 0; l < t->item[i].n_lines; l++) {
            int n = width_of(t->item[i].line[l].name) + 1;
            name = n > name ? n : name;
        }
        put_table(&t->item[i], name < NAME_MAX ? name : NAME_MAX, out);
    }
}

void wc_text_provenance(const struct wc_report *r, struct wc_buf *out) {
    const struct wc_provenance *p = &r->provenance;
    wc_buf_printf(out, "%s: %zu images, %zu failed; evaluated at %s\n", p->dataset, p->n_images,
                  p->n_failed, p->evaluation);
    wc_buf_printf(
        out,
        "model %s (%s, %s: %s), weights sha256 %.16s, preset %s%s%s, prompts %s %.16s, %s, %s, %s, run %s\n",
        p->model, p->arch, p->activation, p->activation_reason, p->weights_sha256, p->presets,
        p->changed[0] ? " with " : "", p->changed, p->prompts, p->prompts_sha256, p->precision,
        p->isa, p->gemm, p->run_id);
    if (p->bootstrap.n_replicates > 0)
        wc_buf_printf(
            out, "intervals: bootstrap over images, %zu replicates, level %g, seed %llu\n",
            p->bootstrap.n_replicates, p->bootstrap.level, (unsigned long long)p->bootstrap.seed);
    for (size_t i = 0; i < r->n_failures; i++) {
        wc_buf_puts(out, "FAILED ");
        wc_plain_text(out, r->failure[i].category);
        wc_buf_putc(out, '/');
        wc_plain_text(out, r->failure[i].image);
        wc_buf_puts(out, ": ");
        wc_plain_text(out, r->failure[i].text);
        wc_buf_putc(out, '\n');
    }
}

enum wc_err wc_report_text(const struct wc_report *r, struct wc_buf *out, struct wc_error *err) {
    struct wc_view v = {0};
    struct wc_tables t = {0};
    WC_TRY(wc_view_new(r->row, r->n_rows, &v, err));
    enum wc_err rc = wc_tables_groups(&v, &t, err);
    if (rc == WC_OK)
        rc = wc_tables_summary(&v, false, &t, err);
    if (rc == WC_OK) {
        wc_text_tables(&t, out);
        wc_text_provenance(r, out);
        rc = wc_buf_check(out, "report.txt", err);
    }
    wc_tables_release(&t);
    wc_view_release(&v);
    return rc;
}
