// report.json: everything, with bounds and provenance.
#include "report/formats.h"

#include "base/json.h"

#define SCHEMA_VERSION 1 // raised when a reader of the older form would misread the newer one

static void member(struct wc_buf *out, const char *key, const char *value) {
    wc_buf_printf(out, "    \"%s\": ", key);
    wc_json_quote(out, value);
    wc_buf_puts(out, ",\n");
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
    wc_buf_printf(out, "    \"n_images\": %zu,\n    \"n_failed\": %zu\n  },\n", p->n_images,
                  p->n_failed);
}

enum wc_err wc_report_json(const struct wc_report *r, struct wc_buf *out, struct wc_error *err) {
    wc_buf_printf(out, "{\n  \"schema\": \"winclip-mpi/report\",\n  \"schema_version\": %d,\n",
                  SCHEMA_VERSION);
    provenance(&r->provenance, out);
    wc_buf_puts(out, "  \"results\": [");
    for (size_t i = 0; i < r->n_rows; i++) {
        const struct wc_report_row *row = &r->row[i];
        wc_buf_printf(out, "%s\n    {\"category\": ", i > 0 ? "," : "");
        wc_json_quote(out, row->category);
        wc_buf_printf(
            out,
            ", \"method\": \"%s\", \"preset\": \"%s\", \"shot\": %lld, \"seed\": %lld, \"metric\": \"%s\", \"value\": ",
            row->method, row->preset, (long long)row->shot, (long long)row->seed, row->metric);
        wc_json_number(out, row->value);
        wc_buf_puts(out, ", \"bound\": ");
        wc_json_number(out, row->bound);
        wc_buf_printf(out, ", \"n_images\": %zu}", row->n_images);
    }
    wc_buf_puts(out, "\n  ],\n  \"failures\": [");
    for (size_t i = 0; i < r->n_failures; i++) {
        wc_buf_printf(out, "%s\n    {\"category\": ", i > 0 ? "," : "");
        wc_json_quote(out, r->failure[i].category);
        wc_buf_puts(out, ", \"image\": ");
        wc_json_quote(out, r->failure[i].image);
        wc_buf_puts(out, ", \"error\": ");
        wc_json_quote(out, r->failure[i].text);
        wc_buf_putc(out, '}');
    }
    wc_buf_puts(out, r->n_failures > 0 ? "\n  ]\n}\n" : "]\n}\n");
    return wc_buf_check(out, "report.json", err);
}
