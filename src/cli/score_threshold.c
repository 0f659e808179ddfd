#include "cli/score_threshold.h"

#include "base/alloc.h"
#include "base/io.h"
#include "base/json.h"
#include "dataset/csv.h"
#include "eval/metrics.h"

#include <stdio.h>
#include <string.h>

enum { MAX_REPORT = 256 << 20 }; // bytes of report.json that are read

struct columns {
    size_t category, label, method, preset, shot, score;
};

static enum wc_err find_columns(const char *path, const struct wc_csv *csv, struct columns *c,
                                struct wc_error *err) {
    static const char *const names[] = {"category", "label", "method", "preset", "shot", "score"};
    size_t *const to[] = {&c->category, &c->label, &c->method, &c->preset, &c->shot, &c->score};
    for (size_t i = 0; i < sizeof to / sizeof *to; i++) {
        *to[i] = wc_csv_column(csv, names[i]);
        if (*to[i] == WC_CSV_NONE)
            return WC_FAIL(err, WC_ERR_DATA, "%s: no column \"%s\"; is it the scores.csv of a run?",
                           path, names[i]);
    }
    return WC_OK;
}

static bool has_category(const struct wc_csv *csv, const struct columns *c, const char *name) {
    for (size_t i = 0; i < csv->n_rows; i++)
        if (strcmp(wc_csv_at(csv, i, c->category), name) == 0)
            return true;
    return false;
}

// The category that is meant: named, or called like the object ("metal nut", metal_nut), or the
// only one.
static enum wc_err choose_category(const struct wc_score_run *run, const struct wc_csv *csv,
                                   const struct columns *c, char *out, size_t n_out,
                                   struct wc_error *err) {
    const char *only = csv->n_rows > 0 ? wc_csv_at(csv, 0, c->category) : "";
    snprintf(out, n_out, "%s", run->category ? run->category : run->object ? run->object : "");
    if (has_category(csv, c, out))
        return WC_OK;
    for (char *p = out; *p; p++)
        *p = *p == ' ' ? '_' : *p;
    if (has_category(csv, c, out))
        return WC_OK;
    for (size_t i = 0; i < csv->n_rows; i++)
        if (run->category || strcmp(wc_csv_at(csv, i, c->category), only) != 0)
            return WC_FAIL(
                err, WC_ERR_DATA,
                "%s: the run has no category \"%s\", but \"%s\" and perhaps others; name "
                "one with --category",
                run->folder, out, only);
    snprintf(out, n_out, "%s", only);
    return WC_OK;
}

static bool wanted(const struct wc_score_run *run, const struct wc_csv *csv,
                   const struct columns *c, size_t i, const char *category, const char *shot) {
    const char *label = wc_csv_at(csv, i, c->label);
    return strcmp(wc_csv_at(csv, i, c->category), category) == 0 &&
           strcmp(wc_csv_at(csv, i, c->method), "winclip") == 0 &&
           strcmp(wc_csv_at(csv, i, c->preset), run->preset) == 0 &&
           strcmp(wc_csv_at(csv, i, c->shot), shot) == 0 &&
           (strcmp(label, "0") == 0 || strcmp(label, "1") == 0);
}

static enum wc_err compute(const struct wc_score_run *run, const struct wc_csv *csv,
                           const struct columns *c, const char *category, double *score,
                           float *single, uint8_t *label, double *threshold, struct wc_error *err) {
    struct wc_metrics m;
    char shot[32];
    size_t n = 0;
    snprintf(shot, sizeof shot, "%zu", run->shot);
    for (size_t i = 0; i < csv->n_rows; i++) {
        if (!wanted(run, csv, c, i, category, shot) ||
            !wc_parse_f64(wc_csv_at(csv, i, c->score), &score[n]))
            continue;
        single[n] = (float)score[n];
        label[n++] = strcmp(wc_csv_at(csv, i, c->label), "1") == 0;
    }
    if (n == 0)
        return WC_FAIL(err, WC_ERR_DATA,
                       "%s: no labelled rows of winclip, preset %s, %s-shot, category %s in "
                       "scores.csv; score the run with these settings",
                       run->folder, run->preset, shot, category);
    WC_TRY(wc_metrics_image(single, label, n, &m, err));
    if (m.n_anomalous == 0 || m.n_normal == 0)
        return WC_FAIL(err, WC_ERR_DATA,
                       "%s: category %s has %llu normal and %llu anomalous images; both are needed",
                       run->folder, category, (unsigned long long)m.n_normal,
                       (unsigned long long)m.n_anomalous);
    // The metric is of float32 scores; the threshold must be of a score itself.
    double least = m.f1max_threshold;
    for (size_t i = 0; i < n; i++)
        if ((double)single[i] == m.f1max_threshold && score[i] < least)
            least = score[i];
    *threshold = least;
    return WC_OK;
}

static enum wc_err read_scores(const struct wc_score_run *run, const char *path, double *threshold,
                               struct wc_error *err) {
    struct wc_csv csv = {0};
    struct columns c;
    char category[256];
    double *score = NULL;
    float *single = NULL;
    uint8_t *label = NULL;
    WC_TRY(wc_csv_read(path, &csv, err));
    enum wc_err rc = find_columns(path, &csv, &c, err);
    if (rc == WC_OK)
        rc = choose_category(run, &csv, &c, category, sizeof category, err);
    if (rc == WC_OK)
        rc = WC_NEW(&score, csv.n_rows, "scores", err);
    if (rc == WC_OK)
        rc = WC_NEW(&single, csv.n_rows, "scores", err);
    if (rc == WC_OK)
        rc = WC_NEW(&label, csv.n_rows, "labels", err);
    if (rc == WC_OK)
        rc = compute(run, &csv, &c, category, score, single, label, threshold, err);
    wc_free(score);
    wc_free(single);
    wc_free(label);
    wc_csv_release(&csv);
    return rc;
}

static enum wc_err check_weights(const struct wc_score_run *run, const char *path,
                                 struct wc_error *err) {
    unsigned char *bytes = NULL;
    size_t n = 0;
    struct wc_json_doc *doc = NULL;
    WC_TRY(wc_io_read_file(path, MAX_REPORT, &bytes, &n, err));
    enum wc_err rc = wc_json_parse(path, (const char *)bytes, n, 16, &doc, err);
    if (rc == WC_OK) {
        const struct wc_json *p = wc_json_get(wc_json_root(doc), "provenance");
        const char *sha256 = wc_json_str(wc_json_get(p, "weights_sha256"));
        if (!sha256 || strcmp(sha256, run->sha256) != 0)
            rc = WC_FAULT(err, WC_ERR_DATA, "other-model",
                          "%s: the run's weights are %.12s..., these are %.12s...; a threshold is "
                          "worth nothing for another model",
                          path, sha256 ? sha256 : "(not named)", run->sha256);
    }
    wc_json_free(&doc);
    wc_free(bytes);
    return rc;
}

enum wc_err wc_score_threshold(const struct wc_score_run *run, double *threshold,
                               struct wc_error *err) {
    char *scores = wc_path_join(run->folder, "scores.csv"),
         *report = wc_path_join(run->folder, "report.json");
    enum wc_err rc =
        scores && report ? WC_OK : WC_FAIL(err, WC_ERR_NOMEM, "%s: out of memory", run->folder);
    if (rc == WC_OK)
        rc = check_weights(run, report, err);
    if (rc == WC_OK)
        rc = read_scores(run, scores, threshold, err);
    wc_free(scores);
    wc_free(report);
    return rc;
}
