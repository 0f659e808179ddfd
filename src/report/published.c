#include "report/published.h"

#include "base/alloc.h"
#include "dataset/csv.h"

#include <math.h>
#include <string.h>

void wc_published_release(struct wc_published *p) {
    if (p->csv)
        wc_csv_release(p->csv);
    wc_free(p->csv);
    wc_free(p->row);
    *p = (struct wc_published){0};
}

// Columns in the order of the file's description.
enum {
    SOURCE,
    TABLE,
    DATASET,
    CATEGORY,
    METHOD,
    PRESET,
    ARCH,
    PROMPTS,
    SHOT,
    METRIC,
    VALUE,
    STD,
    NOTE,
    N
};
static const char *const column_name[N] = {"source", "table", "dataset", "category", "method",
                                           "preset", "arch",  "prompts", "shot",     "metric",
                                           "value",  "std",   "note"};

static enum wc_err read_row(const char *path, const struct wc_csv *csv, const size_t *column,
                            size_t i, struct wc_published_row *out, struct wc_error *err) {
    const char *f[N];
    double percent, std = NAN;
    int64_t shot;
    for (size_t c = 0; c < N; c++)
        f[c] = wc_csv_at(csv, i, column[c]);
    if (!wc_parse_f64(f[VALUE], &percent) || (f[STD][0] && !wc_parse_f64(f[STD], &std)) ||
        !wc_parse_i64(f[SHOT], &shot))
        return WC_FAULT(err, WC_ERR_DATA, "bad-published",
                        "%s: line %zu: shot, value and std must be numbers (std may be empty)",
                        path, wc_csv_line(csv, i));
    *out = (struct wc_published_row){.source = f[SOURCE],
                                     .table = f[TABLE],
                                     .dataset = f[DATASET],
                                     .category = f[CATEGORY],
                                     .method = f[METHOD],
                                     .preset = f[PRESET],
                                     .arch = f[ARCH],
                                     .prompts = f[PROMPTS],
                                     .metric = f[METRIC],
                                     .note = f[NOTE],
                                     .shot = shot,
                                     .value = percent / 100,
                                     .std = std / 100};
    return WC_OK;
}

enum wc_err wc_published_read(const char *path, struct wc_published *out, struct wc_error *err) {
    struct wc_published p = {.name = wc_path_base(path)};
    struct wc_csv *csv = NULL;
    size_t column[N];
    WC_TRY(WC_NEW(&csv, 1, "published figures", err));
    p.csv = csv;
    enum wc_err rc = wc_csv_read(path, csv, err);
    for (size_t c = 0; c < N && rc == WC_OK; c++) {
        column[c] = wc_csv_column(csv, column_name[c]);
        if (column[c] == WC_CSV_NONE)
            rc = WC_FAULT(err, WC_ERR_DATA, "bad-published", "%s: no column \"%s\"", path,
                          column_name[c]);
    }
    if (rc == WC_OK)
        rc = WC_NEW(&p.row, csv->n_rows + 1, "published figures", err);
    for (size_t i = 0; rc == WC_OK && i < csv->n_rows; i++)
        rc = read_row(path, csv, column, i, &p.row[p.n++], err);
    if (rc == WC_OK)
        *out = p;
    else
        wc_published_release(&p);
    return rc;
}

enum wc_err wc_report_set_against(struct wc_report_set *s, const char *path, struct wc_error *err) {
    struct wc_published p;
    WC_TRY(wc_published_read(path, &p, err));
    wc_published_release(&s->published);
    s->published = p;
    return WC_OK;
}

// The label of an entry's rows, "+label", or "".
static const char *label_of(const char *preset) {
    const char *plus = strchr(preset, '+');
    return plus ? plus : "";
}

bool wc_published_matches(const struct wc_published_row *row, const struct wc_report *r,
                          const char *method, const char *preset, int64_t shot) {
    if (row->shot != shot || strcmp(row->method, method) != 0 ||
        strcmp(row->dataset, r->provenance.dataset) != 0)
        return false;
    if (row->arch[0] && strcmp(row->arch, r->provenance.arch) != 0)
        return false;
    if (row->prompts[0] && strcmp(row->prompts, r->provenance.prompts) != 0)
        return false;
    bool labelled = row->preset[0] == '+' || row->preset[0] == '\0';
    return strcmp(row->preset, labelled ? label_of(preset) : preset) == 0;
}
