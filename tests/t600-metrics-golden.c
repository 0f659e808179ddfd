// Every row of golden/metrics/expected.tsv: scikit-learn's values to 1e-9, thresholds and counts
// exactly, undefined as NaN, errors as WC_ERR_DATA. The histogram path is in t620.
#include "golden_metrics.h"

struct result {
    enum wc_err rc;
    struct wc_error err;
    struct wc_pixel_metrics m;
};

static double limit_of(const char *metric) {
    return strncmp(metric, "aupro_", 6) == 0 ? strtod(metric + 6, NULL) : 0.3;
}

static struct result pixel_result(const char *name, double fpr_limit) {
    struct result r = {0};
    char file[80];
    struct wc_map_group group[MAX_GROUPS];
    size_t n_groups;
    snprintf(file, sizeof file, "pixel_%s", name);
    struct st_file f = st_open(file);
    r.rc = golden_groups(&f, name, group, &n_groups, &r.err);
    if (r.rc == WC_OK)
        r.rc = wc_metrics_pixel(group, n_groups, fpr_limit, &r.m, &r.err);
    st_close(&f);
    return r;
}

static struct result image_result(const struct st_file *f, const char *name) {
    struct result r = {0};
    struct st_array scores = {0}, labels = {0};
    char scores_name[80], labels_name[80];
    snprintf(scores_name, sizeof scores_name, "%s.scores", name);
    snprintf(labels_name, sizeof labels_name, "%s.labels", name);
    if (!st_find(f, scores_name, &scores) || !st_find(f, labels_name, &labels) ||
        scores.dim[0] != labels.dim[0])
        r.rc = WC_ERR_BUG;
    else
        r.rc = wc_metrics_image(scores.data, labels.data, scores.dim[0], &r.m.pixel, &r.err);
    return r;
}

// The value of a row's metric; false when the metric is none of the module's.
static bool value_of(const struct wc_pixel_metrics *m, const char *metric, double *value) {
    const struct {
        const char *name;
        double value;
    } all[] = {{"auroc", m->pixel.auroc},
               {"ap", m->pixel.ap},
               {"aupr_trapezoid", m->pixel.aupr_trapezoid},
               {"f1max", m->pixel.f1max},
               {"f1max_threshold", m->pixel.f1max_threshold},
               {"f1max_n_thresholds", (double)m->pixel.f1max_n_thresholds},
               {"n_components", (double)m->n_components},
               {"aupro_0.3", m->aupro},
               {"aupro_0.05", m->aupro},
               {"aupro_0.01", m->aupro},
               {"aupro_1", m->aupro},
               {"all", NAN}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (strcmp(all[i].name, metric) == 0) {
            *value = all[i].value;
            return true;
        }
    return false;
}

static bool all_undefined(const struct wc_metrics *m) {
    return isnan(m->auroc) && isnan(m->ap) && isnan(m->aupr_trapezoid) && isnan(m->f1max) &&
           isnan(m->f1max_threshold) && m->f1max_n_thresholds == 0;
}

static double tolerance_of(const char *metric) {
    bool exact = strstr(metric, "threshold") || strstr(metric, "n_");
    return exact ? 0 : 1e-9;
}

static void check_row(const struct st_file *images, const struct expected *row) {
    char name[160];
    double value = NAN;
    bool pixel = strcmp(row->level, "pixel") == 0;
    snprintf(name, sizeof name, "%s %s %s", row->level, row->name, row->metric);
    struct result r =
        pixel ? pixel_result(row->name, limit_of(row->metric)) : image_result(images, row->name);
    if (strcmp(row->text, "error") == 0) {
        test_ok(r.rc == WC_ERR_DATA && r.err.fault && r.err.text[0], "%s is refused: %s", name,
                r.err.text);
        return;
    }
    if (r.rc != WC_OK || !value_of(&r.m, row->metric, &value)) {
        test_ok(false, "%s: rc %d %s", name, (int)r.rc, r.err.text);
        return;
    }
    if (strcmp(row->metric, "all") == 0)
        test_ok(all_undefined(&r.m.pixel), "%s is undefined", name);
    else if (strcmp(row->text, "undefined") == 0)
        test_near(value, NAN, 0, name);
    else
        test_near(value, strtod(row->text, NULL), tolerance_of(row->metric), name);
}

int main(void) {
    struct expected_table table = expected_open();
    struct st_file images = st_open("image_level");
    size_t n_other = 0;
    for (size_t i = 0; i < table.n; i++)
        // 4-connectivity is not offered; the rows are there to recognise it by mistake.
        if (strcmp(table.row[i].metric, "n_components_4") != 0)
            check_row(&images, &table.row[i]);
        else
            n_other++;
    test_note("%zu rows, %zu of them about 4-connectivity", table.n, n_other);
    st_close(&images);
    wc_free(table.row);
    return test_done();
}
