/*
 * Private to dataset: CSV tables with a header line (RFC 4180), for splits.
 *
 * Fields may be quoted, with "" for a quote and line breaks inside; lines end with LF or CRLF; a
 * UTF-8 byte order mark is passed over, as are empty lines. Every line has as many fields as the
 * header. Anything else, NUL bytes too, is the fault "bad-split" with the line. Caps: 64 MiB, 64
 * columns.
 */
#ifndef WC_DATASET_CSV_H
#define WC_DATASET_CSV_H

#include "base/err.h"

#include <stddef.h>

#define WC_CSV_NONE ((size_t)-1)

struct wc_csv {
    char *text;   // holds the fields
    char **field; // (1 + n_rows, n_columns), the header first
    size_t *line; // (1 + n_rows): where each row begins, from 1
    size_t n_columns, n_rows;
    size_t n_fields, cap_fields, n_lines, cap_lines; // while it is read
};

enum wc_err wc_csv_read(const char *path, struct wc_csv *csv, struct wc_error *err);
// Takes `text` (n bytes and a NUL, from wc_alloc()) also when it fails; `name` is for messages.
enum wc_err wc_csv_parse(const char *name, char *text, size_t n, struct wc_csv *csv,
                         struct wc_error *err);
void wc_csv_release(struct wc_csv *csv);

// The column of that name (ASCII case does not matter), or WC_CSV_NONE.
size_t wc_csv_column(const struct wc_csv *csv, const char *name);
// A field; "" for column WC_CSV_NONE.
const char *wc_csv_at(const struct wc_csv *csv, size_t row, size_t column);
size_t wc_csv_line(const struct wc_csv *csv, size_t row);

#endif
