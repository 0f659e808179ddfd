#include "cli/demo_summary.h"

#include "base/alloc.h"
#include "dataset/csv.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *const shots[] = {"0", "1", "2", "4"};
enum { SHOTS = sizeof shots / sizeof *shots };

// Sums over products and seeds.
struct cell {
    double sum;
    size_t n;
};
struct line {
    struct cell image[SHOTS], pixel[SHOTS], centre;
};

static void add(struct cell *c, double value) {
    c->sum += value;
    c->n++;
}

static double mean(const struct cell *c) {
    return c->n ? c->sum / (double)c->n : NAN;
}

static enum wc_err read_run(const struct wc_demo_set *set, const struct wc_csv *csv,
                            const char *path, struct line *line, struct wc_error *err) {
    size_t category = wc_csv_column(csv, "category"), shot = wc_csv_column(csv, "shot"),
           metric = wc_csv_column(csv, "metric"), value = wc_csv_column(csv, "value");
    for (size_t f = 0; f < wc_demo_n_folders(set); f++) {
        char name[64];
        size_t i;
        wc_demo_folder(set, f, name, sizeof name, &i);
        for (size_t r = 0; r < csv->n_rows; r++) {
            double x;
            bool image = strcmp(wc_csv_at(csv, r, metric), "auroc") == 0,
                 pixel = strcmp(wc_csv_at(csv, r, metric), "pixel_auroc") == 0;
            if ((!image && !pixel) || strcmp(wc_csv_at(csv, r, category), name) != 0)
                continue;
            if (!wc_parse_f64(wc_csv_at(csv, r, value), &x))
                return WC_FAIL(err, WC_ERR_DATA, "%s: line %zu: no number", path,
                               wc_csv_line(csv, r));
            for (size_t k = 0; k < SHOTS; k++)
                if (strcmp(wc_csv_at(csv, r, shot), shots[k]) == 0)
                    add(image ? &line[i].image[k] : &line[i].pixel[k], x);
        }
    }
    return WC_OK;
}

static enum wc_err read_centre(const struct wc_demo_set *set, struct line *line,
                               struct wc_error *err) {
    for (size_t f = 0; f < wc_demo_n_folders(set); f++) {
        double auroc;
        WC_TRY(wc_demo_centre_auroc(set, f, &auroc, err));
        add(&line[f / set->n_products].centre, auroc);
    }
    return WC_OK;
}

static void print_line(struct wc_buf *out, const char *name, const struct line *l) {
    wc_buf_printf(out, "%-12s", name);
    for (size_t k = 0; k < SHOTS; k++)
        wc_buf_printf(out, " %6.1f", 100 * mean(&l->image[k]));
    wc_buf_printf(out, "  ");
    for (size_t k = 0; k < SHOTS; k++)
        wc_buf_printf(out, " %6.1f", 100 * mean(&l->pixel[k]));
    wc_buf_printf(out, "   %6.1f\n", 100 * mean(&l->centre));
}

// The mean over the categories of a kind, each weighing the same.
static void print_mean(struct wc_buf *out, const struct wc_demo_set *set, const struct line *line,
                       bool texture) {
    struct line all = {0};
    for (size_t i = 0; i < wc_demo_n_categories(set->split); i++) {
        if (wc_demo_is_texture(set->split, i) != texture)
            continue;
        for (size_t k = 0; k < SHOTS; k++) {
            add(&all.image[k], mean(&line[i].image[k]));
            add(&all.pixel[k], mean(&line[i].pixel[k]));
        }
        add(&all.centre, mean(&line[i].centre));
    }
    print_line(out, texture ? "textures" : "objects", &all);
}

static void rule(struct wc_buf *out) {
    for (int i = 0; i < 79; i++)
        wc_buf_puts(out, "-");
    wc_buf_puts(out, "\n");
}

enum wc_err wc_demo_summary(const struct wc_demo_set *set, const char *run, struct wc_buf *out,
                            struct wc_error *err) {
    struct wc_csv csv = {0};
    struct line *line = NULL;
    size_t n = wc_demo_n_categories(set->split);
    char *path = wc_path_join(run, "report.csv");
    enum wc_err rc =
        path ? wc_csv_read(path, &csv, err) : WC_FAIL(err, WC_ERR_NOMEM, "%s: no memory", run);
    if (rc == WC_OK)
        rc = WC_NEW(&line, n, "demo: summary", err);
    if (rc == WC_OK)
        rc = read_run(set, &csv, path, line, err);
    if (rc == WC_OK)
        rc = read_centre(set, line, err);
    if (rc == WC_OK) {
        wc_buf_printf(
            out,
            "%zu products a category, mean over products and seeds, percent\n"
            "             image AUROC at k shots      pixel AUROC at k shots      no model:\n"
            "category          0      1      2      4        0      1      2      4   centre\n",
            set->n_products);
        rule(out);
        for (size_t i = 0; i < n; i++)
            print_line(out, wc_demo_category(set->split, i), &line[i]);
        rule(out);
        print_mean(out, set, line, true);
        print_mean(out, set, line, false);
        rc = wc_buf_check(out, "demo: summary", err);
    }
    wc_csv_release(&csv);
    wc_free(line);
    wc_free(path);
    return rc;
}
