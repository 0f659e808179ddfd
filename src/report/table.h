/*
 * Tables between results and formats: what a format prints is decided once, here; a format only
 * draws. Private to report.
 *
 * Numbers are fractions and print in percent with one decimal; differences with their sign. `over`
 * of a head stands over all neighbours that have the same one.
 */
#ifndef WC_REPORT_TABLE_H
#define WC_REPORT_TABLE_H

#include "report/report.h"
#include "report/view.h"

enum wc_cell_kind {
    WC_CELL_NONE, // nothing to say: "-"
    WC_CELL_VALUE,
    WC_CELL_DIFFERENCE,
    WC_CELL_TEXT,
};

struct wc_cell {
    enum wc_cell_kind kind;
    bool has_std, has_interval, best;
    double value, std, low, high; // NaN value: "n/a"
    char text[24];
};

struct wc_table_head {
    char text[48], over[96];
};

struct wc_table_line {
    char *name;
    bool rule; // a rule above
};

struct wc_table {
    char *title;
    const char *first; // head of the names' column
    bool wide;         // cells hold deviations or intervals
    struct wc_table_head *head;
    size_t n_columns, cap_columns;
    struct wc_table_line *line;
    size_t n_lines, cap_lines;
    struct wc_cell *cell; // (n_lines, n_columns)
    size_t cap_cells;
    struct wc_strlist note; // below the table
};

struct wc_tables {
    struct wc_table *item;
    size_t n, cap;
};
void wc_tables_release(struct wc_tables *t);

// A new table at the end; the pointer is good until the next one is added. Columns come before
// lines.
enum wc_err wc_table_new(struct wc_tables *t, const char *first, struct wc_table **out,
                         struct wc_error *err, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
enum wc_err wc_table_column(struct wc_table *t, const char *head, const char *over,
                            struct wc_error *err);
// A line of WC_CELL_NONE; *cell is its first one.
enum wc_err wc_table_line(struct wc_table *t, const char *name, bool rule, struct wc_cell **cell,
                          struct wc_error *err);

struct wc_cell wc_cell_value(double value);
struct wc_cell wc_cell_difference(double value);
struct wc_cell wc_cell_text(const char *text);
struct wc_cell wc_cell_of(const struct wc_view_cell *c, bool with_std);

// "92.1", "92.1 ±1.3", "92.1 [90.0 93.4]", "+0.3", "n/a", "-"; `between` is put before the
// deviation. Returns out.
enum { WC_CELL_BYTES = 96 };
const char *wc_cell_print(const struct wc_cell *c, const char *between, char out[WC_CELL_BYTES]);

// The name that a metric has in tables, in the order of the field; NULL: it stands in none.
const char *wc_metric_head(const char *metric);
// Metrics of the view that stand in tables, in that order: at most `cap` of them. Returns how many.
size_t wc_metric_columns(const struct wc_view *v, size_t *metric, size_t cap);
#define WC_MAX_METRIC_COLUMNS 24

// tables.c: one table a group: lines by metrics.
enum wc_err wc_tables_groups(const struct wc_view *v, struct wc_tables *t, struct wc_error *err);
// One table: the means, groups by metrics; left out when there is one group only.
enum wc_err wc_tables_summary(const struct wc_view *v, bool always, struct wc_tables *t,
                              struct wc_error *err);
// One table a metric: categories by groups (the paper's tables 10 to 21).
enum wc_err wc_tables_metrics(const struct wc_view *v, struct wc_tables *t, struct wc_error *err);
// "winclip, preset paper, 0-shot"
void wc_group_name(const struct wc_view_group *g, struct wc_buf *out);

// text.c, also for comparisons: tables in at most 100 columns.
#define WC_TEXT_COLUMNS 100
void wc_text_tables(const struct wc_tables *t, struct wc_buf *out);
void wc_text_provenance(const struct wc_report *r, struct wc_buf *out);
void wc_markdown_tables(const struct wc_tables *t, struct wc_buf *out);
void wc_latex_tables(const struct wc_tables *t, struct wc_buf *out);

// The lines of provenance: a label and a text each.
struct wc_fact {
    const char *label;
    char *text;
};
struct wc_facts {
    struct wc_fact item[20];
    size_t n;
};
enum wc_err wc_facts_of(const struct wc_report *r, struct wc_facts *out, struct wc_error *err);
void wc_facts_release(struct wc_facts *f);

#endif
