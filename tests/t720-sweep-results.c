// What a run writes and computes of its results, while memory and files fail: journals, locks,
// metrics, every report format.
#include "sweep.h"

#include "eval/bootstrap.h"
#include "eval/components.h"
#include "eval/histogram.h"
#include "eval/metrics.h"
#include "journal/journal.h"
#include "journal/lock.h"
#include "report/compare.h"
#include "sched/record.h"

#include <math.h>

/* Journals. t702 looks into each byte of them; here is what the other sweeps ask: memory,
 * descriptors, EINTR, short counts. */

static const struct wc_journal_header header = {
    .run_id = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
    .isa = "avx2",
    .precision = "f32",
    .gemm = "any",
    .n_ranks = 1,
};

static enum wc_err read_journal(const char *name, struct wc_error *err) {
    struct wc_journal_reader r = {0};
    WC_TRY(wc_journal_read(sweep_path(name), &r, err));
    for (size_t i = 0; i < r.n; i++)
        sweep_result(r.payload[i].bytes, r.payload[i].n_bytes);
    sweep_result(&r.n_damage, sizeof r.n_damage);
    wc_journal_reader_release(&r);
    return WC_OK;
}

static enum wc_err write_journal(const char *name, struct wc_error *err) {
    struct wc_journal *j = NULL;
    WC_TRY(wc_journal_open(sweep_path(name), &header, 0, &j, NULL, err));
    enum wc_err rc = wc_journal_append(j, "first", 5, err);
    if (rc == WC_OK)
        rc = wc_journal_append(j, "the second", 10, err);
    if (rc == WC_OK)
        rc = wc_journal_sync(j, err);
    struct wc_error closing = {0};
    enum wc_err closed = wc_journal_close(&j, &closing);
    if (rc == WC_OK && closed != WC_OK)
        rc = wc_fail(err, closed, closing.fault, "%s", closing.text);
    return rc;
}
static void no_file(const char *name) {
    remove(sweep_path(name));
}
// At most these two records, in this order, and both after a success.
static bool is_journal(const char *name, bool is_ok) {
    struct wc_journal_reader r = {0};
    if (sweep_file(sweep_path(name)) == 0)
        return !is_ok;
    if (wc_journal_read(sweep_path(name), &r, NULL) != WC_OK)
        return false;
    bool sound = r.n <= 2 && r.n_damage == 0 && (r.n == 2 || !is_ok) &&
                 (r.n < 1 || memcmp(r.payload[0].bytes, "first", 5) == 0) &&
                 (r.n < 2 || memcmp(r.payload[1].bytes, "the second", 10) == 0);
    wc_journal_reader_release(&r);
    return sound;
}

static bool no_damage(const char *name, bool is_ok) {
    struct wc_journal_reader r = {0};
    bool sound =
        wc_journal_read(sweep_path(name), &r, NULL) == WC_OK && r.n >= 2 && r.n_damage == 0;
    (void)is_ok;
    wc_journal_reader_release(&r);
    return sound;
}

static enum wc_err lock(const char *name, struct wc_error *err) {
    struct wc_lock *l = NULL;
    struct wc_lock_holder replaced;
    WC_TRY(wc_lock_take(sweep_path(name), &l, &replaced, err));
    sweep_text(replaced.host);
    return wc_lock_release(&l, err);
}
// Of a process that is gone: the lock is taken over.
static void dead_lock(const char *name) {
    static char text[2048];
    static size_t n;
    struct wc_lock *l = NULL;
    struct wc_lock_holder dead;
    wc_lock_self(&dead);
    dead.start = 1;
    if (n == 0) {
        remove(sweep_path(name));
        FILE *f = wc_lock_take_as(sweep_path(name), &dead, &l, NULL, NULL) == WC_OK
                      ? fopen(sweep_path(name), "rb")
                      : NULL;
        n = f ? fread(text, 1, sizeof text, f) : 0;
        if (f)
            fclose(f);
        wc_lock_release(&l, NULL);
    }
    sweep_put(name, text, n);
}

static enum wc_err record(const char *text, struct wc_error *err) {
    struct wc_buf b = {0};
    const double score[3] = {0.5, 1, 2};
    const float grid[12] = {1};
    struct wc_result r = {.score = score, .grid = grid};
    r.tiling.n_tiles = 1;
    enum wc_err rc = wc_record_encode(3, &r, 3, 12, 1.5f, &b, err);
    sweep_result(b.data, rc == WC_OK ? b.n : 0);
    if (rc == WC_OK)
        rc = wc_record_encode_failure(4, text, &b, err);
    wc_buf_release(&b);
    return rc;
}

/* Metrics. */

enum { N_SIDE = 24, N_MAPS = 3, N_PIXELS = N_SIDE * N_SIDE * N_MAPS };
static float maps[N_PIXELS];
static uint8_t masks[N_PIXELS];

static void fill_maps(void) {
    uint32_t state = 1;
    for (size_t i = 0; i < N_PIXELS; i++) {
        state = state * 1664525 + 1013904223; // Knuth's
        maps[i] = (float)(state >> 8) / 16777216.0f;
        masks[i] = i % N_SIDE > 15 && i / N_SIDE % N_SIDE > 17;
    }
}

static enum wc_err image_metrics(const char *what, struct wc_error *err) {
    struct wc_metrics m;
    (void)what;
    WC_TRY(wc_metrics_image(maps, masks, 600, &m, err));
    sweep_result(&m.auroc, sizeof m.auroc);
    sweep_result(&m.ap, sizeof m.ap);
    return WC_OK;
}

static enum wc_err pixel_metrics(const char *what, struct wc_error *err) {
    struct wc_pixel_metrics m, one;
    const struct wc_map_group g = {maps, masks, N_MAPS, N_SIDE, N_SIDE};
    (void)what;
    WC_TRY(wc_metrics_pixel(&g, 1, 0.3, &m, err));
    WC_TRY(wc_metrics_one_map(maps, masks, N_SIDE, N_SIDE, 0.3, &one, err));
    sweep_result(&m.aupro, sizeof m.aupro);
    sweep_result(&one.pixel.auroc, sizeof one.pixel.auroc);
    return WC_OK;
}

static enum wc_err add_maps(struct wc_histogram *h, const struct wc_binning *b,
                            uint64_t *n_components, struct wc_error *err) {
    static uint64_t weight[N_SIDE * N_SIDE];
    size_t n = N_SIDE * N_SIDE;
    *n_components = 0;
    for (size_t i = 0; i < N_MAPS; i++) {
        uint32_t regions = 0;
        WC_TRY(wc_region_weights(masks + i * n, N_SIDE, N_SIDE, weight, &regions, err));
        WC_TRY(wc_histogram_add(h, b, maps + i * n, masks + i * n, weight, n, err));
        *n_components += regions;
    }
    return WC_OK;
}

// As an evaluation does: passes until the bound is met.
static enum wc_err histogram(const char *what, struct wc_error *err) {
    struct wc_binning *b = NULL;
    struct wc_histogram h = {0};
    struct wc_histogram_metrics m = {.bound = 1};
    uint64_t n_components = 0;
    bool more = true;
    (void)what;
    enum wc_err rc = wc_binning_new(&b, err);
    if (rc == WC_OK)
        rc = wc_histogram_init(&h, b, err);
    while (rc == WC_OK && more) {
        rc = add_maps(&h, b, &n_components, err);
        if (rc == WC_OK)
            rc = wc_histogram_metrics(&h, b, 0.3, n_components, &m, err);
        more = false;
        if (rc == WC_OK && m.bound > 1e-6)
            rc = wc_binning_refine(b, &h, 0.3, 1e-6, n_components, 1 << 18, &more, err);
        if (rc == WC_OK && more)
            rc = wc_histogram_clear(&h, b, err);
    }
    sweep_result(&m.value.aupro, sizeof m.value.aupro);
    wc_histogram_release(&h);
    wc_binning_free(&b);
    return rc;
}

static enum wc_err bootstrap(const char *what, struct wc_error *err) {
    struct wc_bootstrap b;
    (void)what;
    WC_TRY(wc_bootstrap_image(maps, masks, 600, 20, 0.95, 1, &b, err));
    sweep_result(&b.auroc, sizeof b.auroc);
    return WC_OK;
}

/* Reports. */

static enum wc_err make_report(struct wc_report *r, struct wc_error *err) {
    const char *const category[] = {"bottle", "metal \"nut\"", "=1+1"};
    *r = (struct wc_report){.provenance = {.program = "winclip-mpi",
                                           .version = "0",
                                           .run_id = "0123",
                                           .dataset = "mvtec",
                                           .model = "m",
                                           .arch = "a",
                                           .activation = "gelu",
                                           .activation_reason = "file",
                                           .prompts = "winclip",
                                           .presets = "paper",
                                           .changed = "",
                                           .precision = "f32",
                                           .isa = "avx2",
                                           .gemm = "any",
                                           .evaluation = "native size",
                                           .references = "random",
                                           .n_images = 6,
                                           .n_failed = 1}};
    for (int i = 0; i < 6; i++) {
        const struct wc_report_variant v = {"winclip", "paper", i / 3, 0};
        struct wc_report_row row =
            wc_report_row_of(&v, category[i % 3], "auroc", i == 4 ? NAN : 0.1 * i, 3);
        WC_TRY(wc_report_add(r, &row, err));
    }
    WC_TRY(wc_report_add_means(r, err));
    WC_TRY(WC_GROW(&r->variant, &r->cap_variants, 1, "variants", err));
    WC_TRY(WC_GROW(&r->image, &r->cap_images, 2, "images", err));
    WC_TRY(WC_GROW(&r->score, &r->cap_scores, 2, "scores", err));
    r->variant[r->n_variants++] = (struct wc_report_variant){"winclip", "paper", 0, 0};
    r->image[r->n_images++] = (struct wc_report_image){"bottle", "a,b.png", "crack", 1};
    r->image[r->n_images++] = (struct wc_report_image){"=1+1", "\"c\".png", "", -1};
    r->score[0] = 0.5;
    r->score[1] = 1;
    WC_TRY(WC_GROW(&r->failure, &r->cap_failures, 1, "failures", err));
    char *text = wc_strdup("truncated");
    if (!text)
        return WC_FAIL(err, WC_ERR_NOMEM, "failures: out of memory");
    r->failure[r->n_failures++] = (struct wc_report_failure){"bottle", "bad.png", text};
    return WC_OK;
}

static enum wc_err report(const char *format, struct wc_error *err) {
    struct wc_report r = {0};
    struct wc_buf text = {0};
    enum wc_err rc = make_report(&r, err);
    if (rc == WC_OK)
        rc = wc_report_format_find(format)->write(&r, &text, err);
    sweep_text(rc == WC_OK ? wc_buf_str(&text) : "");
    wc_buf_release(&text);
    wc_report_release(&r);
    return rc;
}

static enum wc_err scores(const char *what, struct wc_error *err) {
    struct wc_report r = {0};
    struct wc_buf text = {0};
    (void)what;
    enum wc_err rc = make_report(&r, err);
    if (rc == WC_OK)
        rc = wc_report_scores_csv(&r, &text, err);
    sweep_text(rc == WC_OK ? wc_buf_str(&text) : "");
    wc_buf_release(&text);
    wc_report_release(&r);
    return rc;
}

// Read back, resampled, compared with itself and with published figures, in a format.
static enum wc_err compare(const char *format, struct wc_error *err) {
    struct wc_report_set set = {0};
    struct wc_buf text = {0};
    enum wc_err rc = WC_OK;
    for (int i = 0; i < 2 && rc == WC_OK; i++)
        rc = wc_report_set_read(&set, "tests/data/report/example.json", err);
    if (rc == WC_OK)
        rc = wc_report_set_merge(&set, err);
    if (rc == WC_OK)
        rc = wc_report_set_against(&set, "configs/published/peers.csv", err);
    if (rc == WC_OK)
        rc = wc_report_bootstrap(&set.item[0], &(struct wc_bootstrap_options){9, 0.9, 0}, err);
    if (rc == WC_OK)
        rc = wc_report_set_write(&set, wc_report_format_find(format), &text, err);
    sweep_text(rc == WC_OK ? wc_buf_str(&text) : "");
    wc_buf_release(&text);
    wc_report_set_release(&set);
    return rc;
}

static enum wc_err write_reports(const char *folder, struct wc_error *err) {
    struct wc_report r = {0};
    enum wc_err rc = make_report(&r, err);
    if (rc == WC_OK)
        rc = wc_report_write_all(&r, sweep_path(folder), err);
    wc_report_release(&r);
    return rc;
}

#define CLOSES (1u << WC_FAULT_CLOSE) // a descriptor that was only read from loses nothing

// What /proc does not tell of a process is left open.
#define PROC (1u << WC_FAULT_OPEN | 1u << WC_FAULT_READ)

static const struct sweep_subject subjects[] = {
    SWEEP("reading a journal", read_journal, "whole.wcj", .harmless = CLOSES),
    SWEEP("writing a journal", write_journal, "new.wcj", .prepare = no_file, .sound = is_journal,
          .harmless = CLOSES),
    SWEEP("going on with a journal", write_journal, "whole.wcj", .sound = no_damage,
          .harmless = CLOSES),
    SWEEP("a lock", lock, "lock", .prepare = no_file, .harmless = CLOSES | PROC),
    SWEEP("a dead one's lock", lock, "dead", .prepare = dead_lock, .harmless = CLOSES | PROC,
          .refuses = WC_ERR_CONFIG), // whose death cannot be seen counts as alive
    SWEEP("a record", record, "bad.png: truncated", ),
    SWEEP("image metrics", image_metrics, "", ),
    SWEEP("pixel metrics", pixel_metrics, "", ),
    SWEEP("pixel metrics by histograms", histogram, "", ),
    SWEEP("bootstrap", bootstrap, "", ),
    SWEEP("scores.csv", scores, "", ),
    SWEEP("reports in a folder", write_reports, ".",
          .output = {"report.txt", "report.csv", "report.json", "scores.csv", "defects.csv",
                     "report.tex", "report.md", "report.html"},
          .harmless = CLOSES),
    SWEEP("a comparison as text", compare, "text", .harmless = CLOSES),
    SWEEP("a comparison as JSON", compare, "json", .harmless = CLOSES),
};

int main(void) {
    sweep_begin("t720");
    fill_maps();
    no_file("whole.wcj");
    test_ok(write_journal("whole.wcj", NULL) == WC_OK, "a journal");
    sweep_all(subjects, sizeof subjects / sizeof *subjects);
    size_t n;
    const struct wc_report_format *formats = wc_report_formats(&n);
    for (size_t i = 0; i < n; i++) {
        const struct sweep_subject s = SWEEP(formats[i].name, report, formats[i].name, );
        sweep_all(&s, 1);
    }
    return sweep_done();
}
