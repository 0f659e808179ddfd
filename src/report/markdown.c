// report.md: the tables of report.txt as GitHub shows them.
#include "report/escape.h"
#include "report/formats.h"
#include "report/table.h"

static void put_head(const struct wc_table_head *h, struct wc_buf *out) {
    if (h->over[0]) {
        wc_markdown_text(out, h->over);
        wc_buf_puts(out, ": ");
    }
    wc_markdown_text(out, h->text);
}

static void put_table(const struct wc_table *t, struct wc_buf *out) {
    wc_buf_puts(out, "### ");
    wc_markdown_text(out, t->title);
    wc_buf_printf(out, "\n\n| %s |", t->first);
    for (size_t c = 0; c < t->n_columns; c++) {
        wc_buf_putc(out, ' ');
        put_head(&t->head[c], out);
        wc_buf_puts(out, " |");
    }
    wc_buf_puts(out, "\n|---|");
    for (size_t c = 0; c < t->n_columns; c++)
        wc_buf_puts(out, "---:|");
    for (size_t l = 0; l < t->n_lines; l++) {
        wc_buf_puts(out, "\n| ");
        wc_markdown_text(out, t->line[l].name);
        wc_buf_puts(out, " |");
        for (size_t c = 0; c < t->n_columns; c++) {
            const struct wc_cell *cell = &t->cell[l * t->n_columns + c];
            char text[WC_CELL_BYTES];
            const char *mark = cell->best ? "**" : "";
            wc_buf_printf(out, " %s%s%s |", mark, wc_cell_print(cell, " ± ", text), mark);
        }
    }
    wc_buf_puts(out, "\n\n");
    for (size_t i = 0; i < t->note.n; i++) {
        wc_markdown_text(out, t->note.item[i]);
        wc_buf_puts(out, i + 1 < t->note.n ? "<br>\n" : "\n\n");
    }
}

void wc_markdown_tables(const struct wc_tables *t, struct wc_buf *out) {
    for (size_t i = 0; i < t->n; i++)
        put_table(&t->item[i], out);
}

static enum wc_err put_facts(const struct wc_report *r, struct wc_buf *out, struct wc_error *err) {
    struct wc_facts f;
    WC_TRY(wc_facts_of(r, &f, err));
    wc_buf_puts(out, "### where these figures come from\n\n");
    for (size_t i = 0; i < f.n; i++) {
        wc_buf_printf(out, "- %s: ", f.item[i].label);
        wc_markdown_text(out, f.item[i].text);
        wc_buf_putc(out, '\n');
    }
    wc_facts_release(&f);
    for (size_t i = 0; i < r->n_failures; i++) {
        wc_buf_puts(out, "- **failed** ");
        wc_markdown_text(out, r->failure[i].category);
        wc_buf_putc(out, '/');
        wc_markdown_text(out, r->failure[i].image);
        wc_buf_puts(out, ": ");
        wc_markdown_text(out, r->failure[i].text);
        wc_buf_putc(out, '\n');
    }
    return WC_OK;
}

enum wc_err wc_report_markdown(const struct wc_report *r, struct wc_buf *out,
                               struct wc_error *err) {
    struct wc_view v = {0};
    struct wc_tables t = {0};
    WC_TRY(wc_view_new(r->row, r->n_rows, &v, err));
    enum wc_err rc = wc_tables_summary(&v, false, &t, err);
    if (rc == WC_OK)
        rc = wc_tables_groups(&v, &t, err);
    if (rc == WC_OK) {
        wc_buf_puts(out, "## ");
        wc_markdown_text(out, r->provenance.dataset);
        wc_buf_puts(out, "\n\n");
        wc_markdown_tables(&t, out);
        rc = put_facts(r, out, err);
    }
    wc_tables_release(&t);
    wc_view_release(&v);
    return rc == WC_OK ? wc_buf_check(out, "report.md", err) : rc;
}
