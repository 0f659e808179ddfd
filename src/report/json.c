// report.json: everything, with bounds and provenance; report/schema.md describes it.
#include "report/formats.h"

#include "base/json.h"

#include <math.h>

const char *const wc_picture_why[WC_N_PICTURE_WHYS] = {"worst", "borderline", "best"};

static void member(struct wc_buf *out, const char *key, const char *value) {
    wc_buf_printf(out, "    \"%s\": ", key);
    wc_json_quote(out, value);
    wc_buf_puts(out, ",\n");
}

// A text member on a line that goes on.
static void text(struct wc_buf *out, const char *key, const char *value) {
    wc_buf_printf(out, "\"%s\": ", key);
    wc_json_quote(out, value);
    wc_buf_puts(out, ", ");
}

static void provenance(const struct wc_provenance *p, struct wc_buf *out) {
    wc_buf_puts(out, "  \"provenance\": {\n");
    member(out, "program", p->program);
    member(out, "version", p->version);
    member(out, "run_id", p->run_id);
    member(out, "dataset", p->dataset);
    member(out, "model", p->model);
    member(out, "architecture", p->arch);
    member(out, "activation", p->activation);
    member(out, "activation_reason", p->activation_reason);
    member(out, "weights_sha256", p->weights_sha256);
    member(out, "prompts", p->prompts);
    member(out, "prompts_sha256", p->prompts_sha256);
    member(out, "presets", p->presets);
    member(out, "changed_switches", p->changed);
    member(out, "precision", p->precision);
    member(out, "isa", p->isa);
    member(out, "gemm", p->gemm);
    member(out, "evaluation", p->evaluation);
    member(out, "references", p->references);
    if (p->bootstrap.n_replicates > 0) {
        wc_buf_printf(
            out, "    \"bootstrap\": {\"replicates\": %zu, \"level\": ", p->bootstrap.n_replicates);
        wc_json_number(out, p->bootstrap.level);
        wc_buf_printf(out, ", \"seed\": %llu},\n", (unsigned long long)p->bootstrap.seed);
    } else {
        wc_buf_puts(out, "    \"bootstrap\": null,\n");
    }
    wc_buf_puts(out, "    \"scale\": [");
    wc_json_number(out, p->scale_low);
    wc_buf_puts(out, ", ");
    wc_json_number(out, p->scale_high);
    wc_buf_printf(out, "],\n    \"n_images\": %zu,\n    \"n_failed\": %zu\n  },\n", p->n_images,
                  p->n_failed);
}

// The comma between the elements of a list, and its first line.
static void element(struct wc_buf *out, size_t i) {
    wc_buf_puts(out, i > 0 ? ",\n    " : "\n    ");
}

static void end_list(struct wc_buf *out, size_t n) {
    wc_buf_puts(out, n > 0 ? "\n  ],\n" : "],\n");
}

static void put_variant(struct wc_buf *out, const struct wc_report_variant *v) {
    text(out, "method", v->method);
    text(out, "preset", v->preset);
    wc_buf_printf(out, "\"shot\": %lld, \"seed\": %lld", (long long)v->shot, (long long)v->seed);
}

static void put_row(struct wc_buf *out, const struct wc_report_row *row, bool defect,
                    bool intervals) {
    const struct wc_report_variant v = {row->method, row->preset, row->shot, row->seed};
    wc_buf_putc(out, '{');
    text(out, "category", row->category);
    if (defect)
        text(out, "defect", row->defect);
    put_variant(out, &v);
    wc_buf_puts(out, ", ");
    text(out, "metric", row->metric);
    wc_buf_puts(out, "\"value\": ");
    wc_json_number(out, row->value);
    wc_buf_puts(out, ", \"bound\": ");
    wc_json_number(out, row->bound);
    if (intervals) {
        wc_buf_puts(out, ", \"low\": ");
        wc_json_number(out, row->low);
        wc_buf_puts(out, ", \"high\": ");
        wc_json_number(out, row->high);
    }
    wc_buf_printf(out, ", \"n_images\": %zu}", row->n_images);
}

static void put_results(const struct wc_report *r, struct wc_buf *out) {
    bool intervals = r->provenance.bootstrap.n_replicates > 0;
    wc_buf_puts(out, "  \"categories\": [");
    for (size_t i = 0; i < r->n_categories; i++) {
        const struct wc_report_category *c = &r->category[i];
        element(out, i);
        wc_buf_putc(out, '{');
        text(out, "category", c->name);
        wc_buf_printf(out,
                      "\"n_train\": %zu, \"n_normal\": %zu, \"n_anomalous\": %zu, "
                      "\"n_unlabelled\": %zu, \"n_masked\": %zu}",
                      c->n_train, c->n_normal, c->n_anomalous, c->n_unlabelled, c->n_masked);
    }
    end_list(out, r->n_categories);
    wc_buf_puts(out, "  \"results\": [");
    for (size_t i = 0; i < r->n_rows; i++) {
        element(out, i);
        put_row(out, &r->row[i], false, intervals);
    }
    end_list(out, r->n_rows);
    wc_buf_puts(out, "  \"defects\": [");
    for (size_t i = 0; i < r->n_defects; i++) {
        element(out, i);
        put_row(out, &r->defect[i], true, false);
    }
    end_list(out, r->n_defects);
}

static void put_scores(const struct wc_report *r, struct wc_buf *out) {
    wc_buf_puts(out, "  \"variants\": [");
    for (size_t v = 0; v < r->n_variants; v++) {
        element(out, v);
        wc_buf_putc(out, '{');
        put_variant(out, &r->variant[v]);
        wc_buf_putc(out, '}');
    }
    end_list(out, r->n_variants);
    wc_buf_puts(out, "  \"images\": [");
    for (size_t i = 0; i < r->n_images; i++) {
        element(out, i);
        wc_buf_putc(out, '{');
        text(out, "category", r->image[i].category);
        text(out, "image", r->image[i].image);
        text(out, "defect", r->image[i].defect);
        if (r->image[i].label >= 0)
            wc_buf_printf(out, "\"label\": %d}", r->image[i].label);
        else
            wc_buf_puts(out, "\"label\": null}");
    }
    end_list(out, r->n_images);
    wc_buf_puts(out, "  \"scores\": [");
    for (size_t v = 0; v < r->n_variants; v++) {
        element(out, v);
        wc_buf_putc(out, '[');
        for (size_t i = 0; i < r->n_images; i++) {
            wc_buf_puts(out, i > 0 ? ", " : "");
            wc_json_number(out, r->score[v * r->n_images + i]);
        }
        wc_buf_putc(out, ']');
    }
    end_list(out, r->n_variants);
}

// One coordinate of a curve's points, which are rounded to 1e-5.
static void put_coordinate(struct wc_buf *out, const char *key, const struct wc_report_curve *c,
                           size_t offset) {
    wc_buf_printf(out, ", \"%s\": [", key);
    for (size_t i = 0; i < c->n_points; i++) {
        const double *v = (const double *)(const void *)((const char *)&c->point[i] + offset);
        wc_buf_puts(out, i > 0 ? ", " : "");
        if (isnan(*v))
            wc_buf_puts(out, "null");
        else
            wc_buf_printf(out, "%.6g", *v);
    }
    wc_buf_putc(out, ']');
}

// A file's name, relative to the report's folder; of a merged report, which has none, absolute.
static void put_file(struct wc_buf *out, const char *key, const char *folder, const char *name) {
    struct wc_buf path = {0};
    if (folder && name[0])
        wc_buf_printf(&path, "%s/", folder);
    wc_buf_puts(&path, name);
    wc_buf_printf(out, "%s\": ", key);
    wc_json_quote(out, wc_buf_str(&path));
    out->failed = out->failed || path.failed;
    wc_buf_release(&path);
}

static void put_figures(const struct wc_report *r, struct wc_buf *out) {
    wc_buf_puts(out, "  \"curves\": [");
    for (size_t i = 0; i < r->n_curves; i++) {
        const struct wc_report_curve *c = &r->curve[i];
        element(out, i);
        wc_buf_putc(out, '{');
        text(out, "category", c->category);
        wc_buf_printf(out, "\"variant\": %zu", c->variant);
        put_coordinate(out, "fpr", c, offsetof(struct wc_curve_point, fpr));
        put_coordinate(out, "tpr", c, offsetof(struct wc_curve_point, tpr));
        put_coordinate(out, "pro", c, offsetof(struct wc_curve_point, pro));
        wc_buf_putc(out, '}');
    }
    end_list(out, r->n_curves);
    wc_buf_puts(out, "  \"pictures\": [");
    for (size_t i = 0; i < r->n_pictures; i++) {
        const struct wc_report_picture *p = &r->picture[i];
        element(out, i);
        wc_buf_printf(out, "{\"image\": %zu, \"variant\": %zu, ", p->i_image, p->variant);
        text(out, "why", wc_picture_why[p->why]);
        put_file(out, "\"image_file", r->merged ? p->folder : NULL, p->image);
        put_file(out, ", \"mask_file", r->merged ? p->folder : NULL, p->mask);
        put_file(out, ", \"map_file", r->merged ? p->folder : NULL, p->map);
        wc_buf_putc(out, '}');
    }
    end_list(out, r->n_pictures);
}

enum wc_err wc_report_json(const struct wc_report *r, struct wc_buf *out, struct wc_error *err) {
    wc_buf_printf(out, "{\n  \"schema\": \"%s\",\n  \"schema_version\": %d,\n", WC_REPORT_SCHEMA,
                  WC_REPORT_SCHEMA_VERSION);
    provenance(&r->provenance, out);
    put_results(r, out);
    put_scores(r, out);
    put_figures(r, out);
    wc_buf_puts(out, "  \"failures\": [");
    for (size_t i = 0; i < r->n_failures; i++) {
        element(out, i);
        wc_buf_putc(out, '{');
        text(out, "category", r->failure[i].category);
        text(out, "image", r->failure[i].image);
        wc_buf_puts(out, "\"error\": ");
        wc_json_quote(out, r->failure[i].text);
        wc_buf_putc(out, '}');
    }
    wc_buf_puts(out, r->n_failures > 0 ? "\n  ]\n}\n" : "]\n}\n");
    return wc_buf_check(out, "report.json", err);
}
