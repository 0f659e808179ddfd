// winclip-mpi metrics F.safetensors: exact metrics of scores and maps that lie in a file.
#include "base/alloc.h"
#include "cli/commands.h"
#include "eval/metrics.h"
#include "weights/weights.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void print_value(const char *prefix, const char *name, double value) {
    if (isnan(value))
        printf("%s%s\tn/a\n", prefix, name);
    else
        printf("%s%s\t%.17g\n", prefix, name, value);
}

static void print_metrics(const char *prefix, const struct wc_metrics *m) {
    print_value(prefix, "auroc", m->auroc);
    print_value(prefix, "ap", m->ap);
    print_value(prefix, "aupr_trapezoid", m->aupr_trapezoid);
    print_value(prefix, "f1max", m->f1max);
    print_value(prefix, "f1max_threshold", m->f1max_threshold);
    print_value(prefix, "f1max_n_thresholds",
                isnan(m->f1max) ? NAN : (double)m->f1max_n_thresholds);
}

static enum wc_err need(const struct wc_weights *w, const char *name,
                        const struct wc_tensor_info **out, struct wc_error *err) {
    const struct wc_tensor_info *t = wc_weights_find(w, name);
    if (!t)
        return WC_FAULT(err, WC_ERR_DATA, "missing-tensor", "%s: tensor \"%s\" is missing",
                        wc_weights_path(w), name);
    *out = t;
    return WC_OK;
}

// Float scores; NaN and infinity are left for the metrics to refuse with the name of this file.
static enum wc_err read_scores(const char *path, const struct wc_tensor_info *t, float **out,
                               struct wc_error *err) {
    float *v = NULL;
    if (t->dtype != WC_F32 && t->dtype != WC_F16 && t->dtype != WC_BF16 && t->dtype != WC_F64)
        return WC_FAULT(err, WC_ERR_DATA, "unsupported-dtype",
                        "%s: tensor \"%s\": %s, scores are floating-point", path, t->name,
                        wc_dtype_name(t->dtype));
    WC_TRY(WC_NEW(&v, t->n_elements, t->name, err));
    enum wc_err rc = wc_tensor_to_f32(path, t, v, err);
    if (rc != WC_OK) {
        wc_free(v);
        return rc;
    }
    *out = v;
    return WC_OK;
}

// Labels and masks: 1 where the element's bytes are not all zero.
static enum wc_err read_flags(const char *path, const struct wc_tensor_info *t, uint8_t **out,
                              struct wc_error *err) {
    uint8_t *v = NULL;
    size_t size = wc_dtype_size(t->dtype);
    if (t->dtype == WC_F32 || t->dtype == WC_F64 || t->dtype == WC_F16 || t->dtype == WC_BF16)
        return WC_FAULT(err, WC_ERR_DATA, "unsupported-dtype",
                        "%s: tensor \"%s\": %s, labels are integers", path, t->name,
                        wc_dtype_name(t->dtype));
    WC_TRY(WC_NEW(&v, t->n_elements, t->name, err));
    for (size_t i = 0; i < t->n_elements; i++)
        for (size_t b = 0; b < size; b++)
            v[i] |= t->data[i * size + b] != 0;
    *out = v;
    return WC_OK;
}

static enum wc_err same_shape(const char *path, const struct wc_tensor_info *a,
                              const struct wc_tensor_info *b, size_t n_dims, struct wc_error *err) {
    char left[96], right[96];
    bool same = a->n_dims == n_dims && b->n_dims == n_dims;
    for (size_t i = 0; same && i < n_dims; i++)
        same = a->dim[i] == b->dim[i];
    if (same)
        return WC_OK;
    wc_shape_text(a->n_dims, a->dim, left, sizeof left);
    wc_shape_text(b->n_dims, b->dim, right, sizeof right);
    return WC_FAULT(err, WC_ERR_DATA, "bad-shape",
                    "%s: \"%s\" is %s and \"%s\" is %s; both must have the same %zu dimensions",
                    path, a->name, left, b->name, right, n_dims);
}

static enum wc_err image_metrics(const struct wc_weights *w, const char *prefix,
                                 struct wc_error *err) {
    const struct wc_tensor_info *s = NULL, *l = NULL;
    const char *path = wc_weights_path(w);
    float *score = NULL;
    uint8_t *label = NULL;
    struct wc_metrics m;
    char name[160];
    snprintf(name, sizeof name, "%sscores", prefix);
    WC_TRY(need(w, name, &s, err));
    snprintf(name, sizeof name, "%slabels", prefix);
    WC_TRY(need(w, name, &l, err));
    WC_TRY(same_shape(path, s, l, 1, err));
    enum wc_err rc = read_scores(path, s, &score, err);
    if (rc == WC_OK)
        rc = read_flags(path, l, &label, err);
    if (rc == WC_OK)
        rc = wc_metrics_image(score, label, s->n_elements, &m, err);
    if (rc == WC_OK)
        print_metrics("", &m);
    wc_free(score);
    wc_free(label);
    return rc;
}

static enum wc_err read_group(const struct wc_weights *w, const char *maps, const char *masks,
                              struct wc_map_group *g, struct wc_error *err) {
    const struct wc_tensor_info *a = NULL, *b = NULL;
    const char *path = wc_weights_path(w);
    float *map = NULL;
    uint8_t *mask = NULL;
    WC_TRY(need(w, maps, &a, err));
    WC_TRY(need(w, masks, &b, err));
    WC_TRY(same_shape(path, a, b, 3, err));
    enum wc_err rc = read_scores(path, a, &map, err);
    if (rc == WC_OK)
        rc = read_flags(path, b, &mask, err);
    if (rc != WC_OK) {
        wc_free(map);
        return rc;
    }
    *g = (struct wc_map_group){map, mask, a->dim[0], a->dim[1], a->dim[2]};
    return WC_OK;
}

static enum wc_err pixel_metrics(const struct wc_weights *w, const char *prefix, double limit,
                                 struct wc_error *err) {
    struct wc_map_group *group = NULL;
    size_t n = 0, cap = 0;
    enum wc_err rc = WC_OK;
    char maps[160], masks[160];
    snprintf(maps, sizeof maps, "%smaps", prefix);
    snprintf(masks, sizeof masks, "%smasks", prefix);
    bool plain = wc_weights_find(w, maps) != NULL;
    do {
        if (!plain) {
            snprintf(maps, sizeof maps, "%smaps.%zu", prefix, n);
            snprintf(masks, sizeof masks, "%smasks.%zu", prefix, n);
            if (n > 0 && !wc_weights_find(w, maps))
                break;
        }
        rc = WC_GROW(&group, &cap, n + 1, "map groups", err);
        if (rc == WC_OK)
            rc = read_group(w, maps, masks, &group[n], err);
        n += rc == WC_OK;
    } while (rc == WC_OK && !plain);
    struct wc_pixel_metrics m;
    if (rc == WC_OK)
        rc = wc_metrics_pixel(group, n, limit, &m, err);
    if (rc == WC_OK) {
        char name[48];
        snprintf(name, sizeof name, "aupro_%g", limit);
        print_metrics("pixel_", &m.pixel);
        print_value("pixel_", name, m.aupro);
        print_value("pixel_", "n_components", (double)m.n_components);
    }
    for (size_t i = 0; i < n; i++) {
        wc_free((void *)(uintptr_t)group[i].maps);
        wc_free((void *)(uintptr_t)group[i].masks);
    }
    wc_free(group);
    return rc;
}

static bool has(const struct wc_weights *w, const char *prefix, const char *name) {
    char full[160];
    snprintf(full, sizeof full, "%s%s", prefix, name);
    return wc_weights_find(w, full) != NULL;
}

static enum wc_err run(int argc, char **argv, struct wc_error *err) {
    struct wc_strlist operands = {0};
    struct wc_weights *w = NULL;
    const char *prefix = "";
    double limit = 0.3;
    bool help;
    const struct wc_arg args[] = {
        {"--fpr-limit", 0, WC_ARG_REAL, &limit, "X", "AUPRO up to this false positive rate (0.3)"},
        {"--prefix", 0, WC_ARG_TEXT, &prefix, "TEXT",
         "tensors are named TEXTscores, TEXTlabels, ..."},
    };
    enum wc_err rc = wc_args_parse(argc, argv, args, 2, &operands, &help, err);
    if (rc == WC_OK && help)
        wc_args_help(&wc_command_metrics, args, 2);
    if (rc != WC_OK || help)
        goto out;
    if (operands.n != 1 || !(limit > 0 && limit <= 1) || strlen(prefix) > 100) {
        rc = WC_FAIL(err, WC_ERR_USAGE, "metrics: one file is needed, and 0 < --fpr-limit <= 1");
        goto out;
    }
    if ((rc = wc_weights_open(operands.item[0], &w, err)) != WC_OK)
        goto out;
    bool image = has(w, prefix, "scores") || has(w, prefix, "labels");
    bool pixel = has(w, prefix, "maps") || has(w, prefix, "masks") || has(w, prefix, "maps.0");
    if (!image && !pixel)
        rc = WC_FAULT(
            err, WC_ERR_DATA, "missing-tensor",
            "%s: neither scores and labels nor maps and masks (or maps.0 and masks.0, ...) are there",
            operands.item[0]);
    if (rc == WC_OK && image)
        rc = image_metrics(w, prefix, err);
    if (rc == WC_OK && pixel)
        rc = pixel_metrics(w, prefix, limit, err);
    if (rc == WC_ERR_DATA && !strstr(err->text, operands.item[0]))
        rc = WC_FAULT(err, rc, err->fault, "%s: %s", operands.item[0], err->text);
out:
    wc_weights_free(&w);
    wc_strlist_release(&operands);
    return rc;
}

const struct wc_command wc_command_metrics = {
    .name = "metrics",
    .operands = "FILE.safetensors",
    .summary = "image and pixel metrics of scores and maps in a file, exact",
    .details =
        "Tensors: scores (n), labels (n) and/or maps (n,h,w), masks (n,h,w); images of several sizes as groups\n"
        "maps.0, masks.0, maps.1, ... Output: metric, a tab, the value; n/a where a metric is undefined.\n",
    .run = run,
};
