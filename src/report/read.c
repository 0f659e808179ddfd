#include "report/read.h"

#include "base/alloc.h"
#include "base/io.h"
#include "base/json.h"
#include "report/formats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_BYTES = 1 << 30, MAX_DEPTH = 16, MAX_POINTS = 100000 };

// Where the reader is, for messages.
struct reader {
    const char *name, *list;
    size_t i;
    struct wc_report *r;
    struct wc_error *err;
};

static enum wc_err wrong(struct reader *s, const char *key, const char *wanted) {
    return WC_FAULT(s->err, WC_ERR_DATA, "schema", "%s: %s[%zu]: \"%s\" is not %s", s->name,
                    s->list, s->i, key, wanted);
}

static enum wc_err get_text(struct reader *s, const struct wc_json *v, const char *key,
                            const char **out) {
    const char *text = wc_json_str(wc_json_get(v, key));
    if (!text)
        return wrong(s, key, "a text");
    *out = text;
    return WC_OK;
}

static enum wc_err get_count(struct reader *s, const struct wc_json *v, const char *key,
                             size_t *out) {
    uint64_t n;
    if (!wc_json_u64(wc_json_get(v, key), &n) || n > SIZE_MAX / 2)
        return wrong(s, key, "a count");
    *out = (size_t)n;
    return WC_OK;
}

// A number; null is NaN.
static bool number(const struct wc_json *v, double *out) {
    if (v && v->type == WC_JSON_NULL) {
        *out = NAN;
        return true;
    }
    return wc_json_f64(v, out);
}

static enum wc_err get_number(struct reader *s, const struct wc_json *v, const char *key,
                              double *out) {
    return number(wc_json_get(v, key), out) ? WC_OK : wrong(s, key, "a number or null");
}

static enum wc_err get_variant(struct reader *s, const struct wc_json *v,
                               struct wc_report_variant *out) {
    size_t shot, seed;
    WC_TRY(get_text(s, v, "method", &out->method));
    WC_TRY(get_text(s, v, "preset", &out->preset));
    WC_TRY(get_count(s, v, "shot", &shot));
    WC_TRY(get_count(s, v, "seed", &seed));
    out->shot = (int64_t)shot;
    out->seed = (int64_t)seed;
    return WC_OK;
}

static enum wc_err get_row(struct reader *s, const struct wc_json *v, bool defect,
                           struct wc_report_row *row) {
    struct wc_report_variant variant;
    *row = (struct wc_report_row){.defect = "", .low = NAN, .high = NAN};
    WC_TRY(get_text(s, v, "category", &row->category));
    if (defect)
        WC_TRY(get_text(s, v, "defect", &row->defect));
    WC_TRY(get_variant(s, v, &variant));
    row->method = variant.method;
    row->preset = variant.preset;
    row->shot = variant.shot;
    row->seed = variant.seed;
    WC_TRY(get_text(s, v, "metric", &row->metric));
    WC_TRY(get_number(s, v, "value", &row->value));
    WC_TRY(get_number(s, v, "bound", &row->bound));
    if (wc_json_get(v, "low")) {
        WC_TRY(get_number(s, v, "low", &row->low));
        WC_TRY(get_number(s, v, "high", &row->high));
    }
    return get_count(s, v, "n_images", &row->n_images);
}

static enum wc_err read_category(struct reader *s, const struct wc_json *v) {
    struct wc_report *r = s->r;
    struct wc_report_category c = {0};
    WC_TRY(get_text(s, v, "category", &c.name));
    WC_TRY(get_count(s, v, "n_train", &c.n_train));
    WC_TRY(get_count(s, v, "n_normal", &c.n_normal));
    WC_TRY(get_count(s, v, "n_anomalous", &c.n_anomalous));
    WC_TRY(get_count(s, v, "n_unlabelled", &c.n_unlabelled));
    WC_TRY(get_count(s, v, "n_masked", &c.n_masked));
    WC_TRY(WC_GROW(&r->category, &r->cap_categories, r->n_categories + 1, "report", s->err));
    r->category[r->n_categories++] = c;
    return WC_OK;
}

static enum wc_err read_result(struct reader *s, const struct wc_json *v) {
    struct wc_report_row row;
    WC_TRY(get_row(s, v, false, &row));
    return wc_report_add(s->r, &row, s->err);
}

static enum wc_err read_defect(struct reader *s, const struct wc_json *v) {
    struct wc_report *r = s->r;
    struct wc_report_row row;
    WC_TRY(get_row(s, v, true, &row));
    WC_TRY(WC_GROW(&r->defect, &r->cap_defects, r->n_defects + 1, "report", s->err));
    r->defect[r->n_defects++] = row;
    return WC_OK;
}

static enum wc_err read_variant(struct reader *s, const struct wc_json *v) {
    struct wc_report *r = s->r;
    struct wc_report_variant variant;
    WC_TRY(get_variant(s, v, &variant));
    WC_TRY(WC_GROW(&r->variant, &r->cap_variants, r->n_variants + 1, "report", s->err));
    r->variant[r->n_variants++] = variant;
    return WC_OK;
}

static enum wc_err read_image(struct reader *s, const struct wc_json *v) {
    struct wc_report *r = s->r;
    struct wc_report_image image = {.label = -1};
    const struct wc_json *label = wc_json_get(v, "label");
    uint64_t n;
    WC_TRY(get_text(s, v, "category", &image.category));
    WC_TRY(get_text(s, v, "image", &image.image));
    WC_TRY(get_text(s, v, "defect", &image.defect));
    if (wc_json_u64(label, &n) && n <= 1)
        image.label = (int)n;
    else if (!label || label->type != WC_JSON_NULL)
        return wrong(s, "label", "0, 1 or null");
    WC_TRY(WC_GROW(&r->image, &r->cap_images, r->n_images + 1, "report", s->err));
    r->image[r->n_images++] = image;
    return WC_OK;
}

static enum wc_err read_scores(struct reader *s, const struct wc_json *v) {
    struct wc_report *r = s->r;
    size_t i = 0;
    if (s->i >= r->n_variants || v->type != WC_JSON_ARRAY || v->n_children != r->n_images)
        return wrong(s, "scores", "a list of one number an image, one list a variant");
    for (const struct wc_json *x = v->child; x; x = x->next)
        if (!number(x, &r->score[s->i * r->n_images + i++]))
            return wrong(s, "scores", "of numbers and null");
    return WC_OK;
}

static enum wc_err read_curve(struct reader *s, const struct wc_json *v) {
    static const char *const key[3] = {"fpr", "tpr", "pro"};
    struct wc_report *r = s->r;
    struct wc_report_curve c = {0};
    const struct wc_json *list[3];
    WC_TRY(get_text(s, v, "category", &c.category));
    WC_TRY(get_count(s, v, "variant", &c.variant));
    if (c.variant >= r->n_variants)
        return wrong(s, "variant", "the number of a variant");
    for (size_t k = 0; k < 3; k++) {
        const struct wc_json *l = wc_json_get(v, key[k]);
        if (!l || l->type != WC_JSON_ARRAY || l->n_children > MAX_POINTS ||
            (k > 0 && l->n_children != c.n_points))
            return wrong(s, key[k], "a list of numbers, as long as the others");
        c.n_points = l->n_children;
        list[k] = l->child;
    }
    WC_TRY(WC_GROW(&r->curve, &r->cap_curves, r->n_curves + 1, "report", s->err));
    WC_TRY(WC_NEW(&c.point, c.n_points, "curve", s->err));
    r->curve[r->n_curves++] = c;
    for (size_t i = 0; i < c.n_points; i++) {
        double *to[3] = {&c.point[i].fpr, &c.point[i].tpr, &c.point[i].pro};
        for (size_t k = 0; k < 3; k++, list[k - 1] = list[k - 1]->next)
            if (!number(list[k], to[k]))
                return wrong(s, key[k], "a list of numbers");
    }
    return WC_OK;
}

static enum wc_err read_picture(struct reader *s, const struct wc_json *v) {
    struct wc_report *r = s->r;
    struct wc_report_picture p = {.folder = r->text.n > 0 ? r->text.item[0] : NULL};
    const char *why = "";
    WC_TRY(get_count(s, v, "image", &p.i_image));
    WC_TRY(get_count(s, v, "variant", &p.variant));
    WC_TRY(get_text(s, v, "why", &why));
    WC_TRY(get_text(s, v, "image_file", &p.image));
    WC_TRY(get_text(s, v, "mask_file", &p.mask));
    WC_TRY(get_text(s, v, "map_file", &p.map));
    if (p.i_image >= r->n_images || p.variant >= r->n_variants)
        return wrong(s, "image", "an image and a variant of this report");
    while (p.why < WC_N_PICTURE_WHYS && strcmp(wc_picture_why[p.why], why) != 0)
        p.why++;
    if (p.why == WC_N_PICTURE_WHYS)
        return wrong(s, "why", "worst, borderline or best");
    WC_TRY(WC_GROW(&r->picture, &r->cap_pictures, r->n_pictures + 1, "report", s->err));
    r->picture[r->n_pictures++] = p;
    return WC_OK;
}

static enum wc_err read_failure(struct reader *s, const struct wc_json *v) {
    struct wc_report *r = s->r;
    struct wc_report_failure f = {0};
    const char *text = "";
    WC_TRY(get_text(s, v, "category", &f.category));
    WC_TRY(get_text(s, v, "image", &f.image));
    WC_TRY(get_text(s, v, "error", &text));
    WC_TRY(WC_GROW(&r->failure, &r->cap_failures, r->n_failures + 1, "report", s->err));
    f.text = wc_strdup(text);
    if (!f.text)
        return WC_FAIL(s->err, WC_ERR_NOMEM, "report: out of memory");
    r->failure[r->n_failures++] = f;
    return WC_OK;
}

static enum wc_err room_for_scores(struct reader *s) {
    struct wc_report *r = s->r;
    size_t n;
    if (!wc_mul(r->n_variants, r->n_images, &n))
        return wrong(s, "scores", "of a size that memory holds");
    WC_TRY(WC_GROW(&r->score, &r->cap_scores, n + 1, "scores", s->err));
    for (size_t i = 0; i < n; i++)
        r->score[i] = NAN;
    return WC_OK;
}

// In this order: later lists point into earlier ones. A list that is absent is empty.
static const struct list {
    const char *key;
    enum wc_err (*read)(struct reader *, const struct wc_json *);
} lists[] = {
    {"categories", read_category}, {"results", read_result},   {"defects", read_defect},
    {"variants", read_variant},    {"images", read_image},     {"scores", read_scores},
    {"curves", read_curve},        {"pictures", read_picture}, {"failures", read_failure},
};

static enum wc_err read_lists(struct reader *s, const struct wc_json *root) {
    for (size_t k = 0; k < sizeof lists / sizeof *lists; k++) {
        const struct wc_json *list = wc_json_get(root, lists[k].key);
        s->list = lists[k].key;
        s->i = 0;
        if (list && list->type != WC_JSON_ARRAY)
            return wrong(s, lists[k].key, "a list");
        if (lists[k].read == read_scores)
            WC_TRY(room_for_scores(s));
        for (const struct wc_json *v = list ? list->child : NULL; v; v = v->next, s->i++)
            WC_TRY(lists[k].read(s, v));
    }
    return WC_OK;
}

static enum wc_err get_sha256(struct reader *s, const struct wc_json *v, const char *key,
                              char out[65]) {
    const char *text = "";
    WC_TRY(get_text(s, v, key, &text));
    if (strlen(text) > 64)
        return wrong(s, key, "a SHA-256");
    strcpy(out, text);
    return WC_OK;
}

// A member that came later: absent in older files.
static void get_late(const struct wc_json *v, const char *key, const char **out) {
    const char *text = wc_json_str(wc_json_get(v, key));
    *out = text ? text : "";
}

static enum wc_err read_provenance(struct reader *s, const struct wc_json *v) {
    struct wc_provenance *p = &s->r->provenance;
    const struct wc_json *scale = wc_json_get(v, "scale"), *boot = wc_json_get(v, "bootstrap");
    const struct {
        const char *key, **out;
    } texts[] = {{"program", &p->program},
                 {"version", &p->version},
                 {"run_id", &p->run_id},
                 {"dataset", &p->dataset},
                 {"model", &p->model},
                 {"architecture", &p->arch},
                 {"activation", &p->activation},
                 {"activation_reason", &p->activation_reason},
                 {"prompts", &p->prompts},
                 {"presets", &p->presets},
                 {"changed_switches", &p->changed},
                 {"precision", &p->precision},
                 {"isa", &p->isa},
                 {"gemm", &p->gemm},
                 {"evaluation", &p->evaluation}};
    s->list = "provenance";
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        WC_TRY(get_text(s, v, texts[i].key, texts[i].out));
    get_late(v, "references", &p->references);
    WC_TRY(get_sha256(s, v, "weights_sha256", p->weights_sha256));
    WC_TRY(get_sha256(s, v, "prompts_sha256", p->prompts_sha256));
    p->scale_low = p->scale_high = NAN;
    if (scale && scale->n_children == 2 &&
        (!number(scale->child, &p->scale_low) || !number(scale->child->next, &p->scale_high)))
        return wrong(s, "scale", "two numbers");
    if (boot && boot->type == WC_JSON_OBJECT) {
        size_t seed;
        WC_TRY(get_count(s, boot, "replicates", &p->bootstrap.n_replicates));
        WC_TRY(get_number(s, boot, "level", &p->bootstrap.level));
        WC_TRY(get_count(s, boot, "seed", &seed));
        p->bootstrap.seed = seed;
    }
    WC_TRY(get_count(s, v, "n_images", &p->n_images));
    return get_count(s, v, "n_failed", &p->n_failed);
}

static enum wc_err read_root(struct reader *s, const struct wc_json *root) {
    const char *schema = wc_json_str(wc_json_get(root, "schema"));
    uint64_t version = 0;
    if (!schema || strcmp(schema, WC_REPORT_SCHEMA) != 0)
        return WC_FAULT(s->err, WC_ERR_DATA, "schema",
                        "%s: no report: its \"schema\" is %.60s, a report's is " WC_REPORT_SCHEMA,
                        s->name, schema ? schema : "absent");
    if (!wc_json_u64(wc_json_get(root, "schema_version"), &version) ||
        version > WC_REPORT_SCHEMA_VERSION)
        return WC_FAULT(s->err, WC_ERR_DATA, "version",
                        "%s: a report of schema version %llu, this program reads up to %d", s->name,
                        (unsigned long long)version, WC_REPORT_SCHEMA_VERSION);
    WC_TRY(read_provenance(s, wc_json_get(root, "provenance")));
    return read_lists(s, root);
}

enum wc_err wc_report_parse(const char *name, const char *json, size_t n, const char *folder,
                            struct wc_report *out, struct wc_error *err) {
    struct wc_report r = {0};
    struct reader s = {.name = name, .list = "report", .r = &r, .err = err};
    WC_TRY(WC_GROW(&r.doc, &r.cap_docs, 1, "report", err));
    enum wc_err rc = wc_json_parse(name, json, n, MAX_DEPTH, &r.doc[0], err);
    r.n_docs = rc == WC_OK;
    if (rc == WC_OK && folder)
        rc = wc_strlist_add(&r.text, folder, err);
    if (rc == WC_OK)
        rc = read_root(&s, wc_json_root(r.doc[0]));
    if (rc == WC_OK)
        *out = r;
    else
        wc_report_release(&r);
    return rc;
}

enum wc_err wc_report_read(const char *path, struct wc_report *out, struct wc_error *err) {
    unsigned char *bytes = NULL;
    size_t n = 0;
    char *file = wc_io_is_dir(path) ? wc_path_join(path, "report.json") : wc_strdup(path);
    char *dir = file ? wc_path_dir(file) : NULL, *folder = dir ? realpath(dir, NULL) : NULL;
    enum wc_err rc = dir ? WC_OK : WC_FAIL(err, WC_ERR_NOMEM, "%s: out of memory", path);
    if (rc == WC_OK && wc_io_is_dir(path) && !wc_io_exists(file))
        rc = WC_FAULT(err, WC_ERR_DATA, "not-found",
                      "%s: no report.json: no run, or one that has not ended (winclip-mpi run goes "
                      "on with it)",
                      path);
    if (rc == WC_OK)
        rc = wc_io_read_file(file, MAX_BYTES, &bytes, &n, err);
    if (rc == WC_OK)
        rc = wc_report_parse(file, (const char *)bytes, n, folder, out, err);
    wc_free(bytes);
    wc_free(file);
    wc_free(dir);
    free(folder); // of realpath()
    return rc;
}
