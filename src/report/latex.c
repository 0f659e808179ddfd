// report.tex: tables to \input, in the paper's layout (booktabs): the methods' means by shot, then
// one table a metric with the categories. Wide ones shrink to the line (graphicx).
#include "report/escape.h"
#include "report/formats.h"
#include "report/table.h"

#include "base/alloc.h"

#include <math.h>
#include <string.h>

static void put_cell(const struct wc_cell *c, struct wc_buf *out) {
    char text[WC_CELL_BYTES];
    bool number = (c->kind == WC_CELL_VALUE || c->kind == WC_CELL_DIFFERENCE) && !isnan(c->value);
    wc_cell_print(c, " \\pm ", text);
    if (c->kind == WC_CELL_NONE)
        wc_buf_puts(out, "--");
    else if (!number)
        wc_latex_text(out, text);
    else
        wc_buf_printf(out, c->best ? "$\\mathbf{%s}$" : "$%s$", text);
}

// Heads over several columns, each with its rule.
static void put_overs(const struct wc_table *t, struct wc_buf *out) {
    struct wc_buf rules = {0};
    bool any = false;
    for (size_t c = 0, end; c < t->n_columns; c = end) {
        for (end = c; end < t->n_columns && strcmp(t->head[end].over, t->head[c].over) == 0;)
            end++;
        wc_buf_printf(out, " & \\multicolumn{%zu}{c}{", end - c);
        wc_latex_text(out, t->head[c].over);
        wc_buf_putc(out, '}');
        if (t->head[c].over[0])
            wc_buf_printf(&rules, "\\cmidrule(lr){%zu-%zu}", c + 2, end + 1);
        any = any || t->head[c].over[0];
    }
    wc_buf_printf(out, " \\\\\n%s\n", any ? wc_buf_str(&rules) : "");
    out->failed = out->failed || rules.failed;
    wc_buf_release(&rules);
}

static void put_table(const struct wc_table *t, struct wc_buf *out) {
    bool over = false;
    for (size_t c = 0; c < t->n_columns; c++)
        over = over || t->head[c].over[0];
    wc_buf_puts(out, "\\begin{table}[t]\n\\centering\n\\caption{");
    wc_latex_text(out, t->title);
    wc_buf_puts(out, "}\n\\resizebox{\\ifdim\\width>\\linewidth\\linewidth\\else\\width\\fi}{!}{%\n"
                     "\\begin{tabular}{l");
    for (size_t c = 0; c < t->n_columns; c++)
        wc_buf_putc(out, 'c');
    wc_buf_puts(out, "}\n\\toprule\n");
    if (over)
        put_overs(t, out);
    wc_latex_text(out, t->first);
    for (size_t c = 0; c < t->n_columns; c++) {
        wc_buf_puts(out, " & ");
        wc_latex_text(out, t->head[c].text);
    }
    wc_buf_puts(out, " \\\\\n\\midrule\n");
    for (size_t l = 0; l < t->n_lines; l++) {
        if (t->line[l].rule)
            wc_buf_puts(out, "\\midrule\n");
        wc_latex_text(out, t->line[l].name);
        for (size_t c = 0; c < t->n_columns; c++) {
            wc_buf_puts(out, " & ");
            put_cell(&t->cell[l * t->n_columns + c], out);
        }
        wc_buf_puts(out, " \\\\\n");
    }
    wc_buf_puts(out, "\\bottomrule\n\\end{tabular}}\n");
    for (size_t i = 0; i < t->note.n; i++) {
        wc_buf_puts(out, "\\par\\footnotesize ");
        wc_latex_text(out, t->note.item[i]);
        wc_buf_putc(out, '\n');
    }
    wc_buf_puts(out, "\\end{table}\n\n");
}

void wc_latex_tables(const struct wc_tables *t, struct wc_buf *out) {
    for (size_t i = 0; i < t->n; i++)
        put_table(&t->item[i], out);
}

// In comments a line break would end the comment: names go through wc_plain_text().
static enum wc_err put_facts(const struct wc_report *r, struct wc_buf *out, struct wc_error *err) {
    struct wc_facts f;
    WC_TRY(wc_facts_of(r, &f, err));
    for (size_t i = 0; i < f.n; i++) {
        wc_buf_printf(out, "%% %s: ", f.item[i].label);
        wc_plain_text(out, f.item[i].text);
        wc_buf_putc(out, '\n');
    }
    wc_facts_release(&f);
    for (size_t i = 0; i < r->n_failures; i++) {
        wc_buf_puts(out, "% failed: ");
        wc_plain_text(out, r->failure[i].category);
        wc_buf_putc(out, '/');
        wc_plain_text(out, r->failure[i].image);
        wc_buf_putc(out, '\n');
    }
    return WC_OK;
}

enum wc_err wc_report_latex(const struct wc_report *r, struct wc_buf *out, struct wc_error *err) {
    struct wc_view v = {0};
    struct wc_tables t = {0};
    WC_TRY(wc_view_new(r->row, r->n_rows, &v, err));
    enum wc_err rc = wc_tables_summary(&v, true, &t, err);
    if (rc == WC_OK)
        rc = wc_tables_metrics(&v, &t, err);
    if (rc == WC_OK) {
        wc_buf_puts(out, "% \\usepackage[T1]{fontenc} \\usepackage{booktabs,graphicx}\n");
        rc = put_facts(r, out, err);
    }
    if (rc == WC_OK)
        wc_latex_tables(&t, out);
    wc_tables_release(&t);
    wc_view_release(&v);
    return rc == WC_OK ? wc_buf_check(out, "report.tex", err) : rc;
}
