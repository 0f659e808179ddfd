#include "dataset/csv.h"

#include "base/alloc.h"
#include "base/io.h"
#include "base/str.h"

#include <string.h>
#include <strings.h>

#define MAX_BYTES ((size_t)64 << 20)
#define MAX_COLUMNS 64

// Fields are decoded in place: what is written never passes what was read, as each field gives up
// its separator for its NUL.
struct reader {
    const char *name;
    char *at, *end; // next byte, and the NUL after the last
    char *to;       // where the next field is written
    size_t line;
    bool row_ended;
};

static enum wc_err bad(const struct reader *r, const char *what, struct wc_error *err) {
    return WC_FAULT(err, WC_ERR_DATA, "bad-split", "%s:%zu: %s", r->name, r->line, what);
}

// The bytes between quotes; `at` is behind the opening one.
static enum wc_err quoted(struct reader *r, struct wc_error *err) {
    for (;;) {
        if (r->at == r->end)
            return bad(r, "a quoted field does not end", err);
        char c = *r->at++;
        if (!c)
            return bad(r, "a NUL byte; expected text (UTF-16 must be saved as UTF-8)", err);
        r->line += c == '\n';
        if (c == '"') {
            if (*r->at != '"')
                return WC_OK;
            r->at++;
        }
        *r->to++ = c;
    }
}

static enum wc_err plain(struct reader *r, struct wc_error *err) {
    while (r->at < r->end && *r->at != ',' && *r->at != '\n' && *r->at != '\r') {
        if (!*r->at)
            return bad(r, "a NUL byte; expected text (UTF-16 must be saved as UTF-8)", err);
        if (*r->at == '"')
            return bad(r, "a quote inside a field that does not begin with one", err);
        *r->to++ = *r->at++;
    }
    return WC_OK;
}

// The separator behind a field; ends the row at a line break or the end.
static enum wc_err separator(struct reader *r, struct wc_error *err) {
    r->row_ended = true;
    if (r->at == r->end)
        return WC_OK;
    char c = *r->at++;
    if (c == ',') {
        r->row_ended = false;
        return WC_OK;
    }
    if (c == '\r') {
        if (*r->at != '\n')
            return bad(r, "a carriage return without a line feed", err);
        r->at++;
        c = '\n';
    }
    if (c != '\n')
        return bad(r, "text behind the closing quote of a field", err);
    r->line++;
    return WC_OK;
}

static enum wc_err add_field(struct wc_csv *csv, struct reader *r, struct wc_error *err) {
    char *start = r->to;
    WC_TRY(WC_GROW(&csv->field, &csv->cap_fields, csv->n_fields + 1, "CSV fields", err));
    if (r->at < r->end && *r->at == '"') {
        r->at++;
        WC_TRY(quoted(r, err));
    } else {
        WC_TRY(plain(r, err));
    }
    WC_TRY(separator(r, err));
    *r->to++ = '\0';
    csv->field[csv->n_fields++] = start;
    return WC_OK;
}

static enum wc_err check_header(const struct wc_csv *csv, const struct reader *r,
                                struct wc_error *err) {
    for (size_t i = 0; i < csv->n_columns; i++)
        for (size_t k = 0; k < i; k++)
            if (strcasecmp(csv->field[i], csv->field[k]) == 0)
                return WC_FAULT(err, WC_ERR_DATA, "bad-split", "%s: two columns are called \"%s\"",
                                r->name, csv->field[i]);
    return WC_OK;
}

static enum wc_err add_row(struct wc_csv *csv, struct reader *r, struct wc_error *err) {
    size_t first = csv->n_fields, line = r->line;
    do {
        if (csv->n_fields - first == MAX_COLUMNS)
            return bad(r, "more than 64 columns", err);
        WC_TRY(add_field(csv, r, err));
    } while (!r->row_ended);
    size_t n = csv->n_fields - first;
    if (n == 1 && !*csv->field[first]) { // an empty line
        csv->n_fields = first;
        return WC_OK;
    }
    if (!csv->n_lines)
        csv->n_columns = n;
    if (n != csv->n_columns)
        return WC_FAULT(err, WC_ERR_DATA, "bad-split",
                        "%s:%zu: %zu fields, the header has %zu; quote fields that hold a comma",
                        r->name, line, n, csv->n_columns);
    WC_TRY(WC_GROW(&csv->line, &csv->cap_lines, csv->n_lines + 1, "CSV lines", err));
    csv->line[csv->n_lines++] = line;
    return csv->n_lines == 1 ? check_header(csv, r, err) : WC_OK;
}

enum wc_err wc_csv_parse(const char *name, char *text, size_t n, struct wc_csv *csv,
                         struct wc_error *err) {
    struct wc_csv c = {.text = text};
    struct reader r = {.name = name, .at = text, .end = text + n, .to = text, .line = 1};
    if (n >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0)
        r.at += 3;
    enum wc_err rc = WC_OK;
    while (r.at < r.end && rc == WC_OK)
        rc = add_row(&c, &r, err);
    if (rc == WC_OK && c.n_lines < 2)
        rc = bad(&r, "no rows; expected a header line and one line an image", err);
    if (rc == WC_OK) {
        c.n_rows = c.n_lines - 1;
        *csv = c;
    } else {
        wc_csv_release(&c);
    }
    return rc;
}

enum wc_err wc_csv_read(const char *path, struct wc_csv *csv, struct wc_error *err) {
    unsigned char *bytes = NULL;
    size_t n = 0;
    WC_TRY(wc_io_read_file(path, MAX_BYTES, &bytes, &n, err));
    return wc_csv_parse(path, (char *)bytes, n, csv, err);
}

void wc_csv_release(struct wc_csv *csv) {
    wc_free(csv->text);
    wc_free(csv->field);
    wc_free(csv->line);
    *csv = (struct wc_csv){0};
}

size_t wc_csv_column(const struct wc_csv *csv, const char *name) {
    for (size_t i = 0; i < csv->n_columns; i++)
        if (strcasecmp(csv->field[i], name) == 0)
            return i;
    return WC_CSV_NONE;
}

const char *wc_csv_at(const struct wc_csv *csv, size_t row, size_t column) {
    return column == WC_CSV_NONE ? "" : csv->field[(row + 1) * csv->n_columns + column];
}

size_t wc_csv_line(const struct wc_csv *csv, size_t row) {
    return csv->line[row + 1];
}
