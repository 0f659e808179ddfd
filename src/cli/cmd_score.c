// winclip-mpi score DIR|FILE... --object NAME: own pictures, no labels, no masks; through
// include/winclip.h.
#include "base/alloc.h"
#include "base/io.h"
#include "base/json.h"
#include "base/log.h"
#include "cli/commands.h"
#include "cli/installed.h"
#include "cli/score_files.h"
#include "cli/score_page.h"
#include "cli/score_rows.h"
#include "cli/score_threshold.h"
#include "image/colour.h"
#include "sched/layout.h"
#include "sched/share.h"
#include "tensor/kernels.h"
#include "weights/weights.h"
#include "winclip.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PROGRESS_S 2.0 // seconds between lines of progress
enum { BAR_PX = 16, NAMED_FAILURES = 10 };

// Set by signals: the only channel that a handler has.
static volatile sig_atomic_t stop;

struct score {
    // The command line.
    const char *object, *category, *model_file, *bpe, *bank_file, *preset, *prompts, *threshold_run,
        *out, *scale_text;
    struct wc_strlist operands, refs, sets;
    uint64_t threads;
    double threshold, interval_s; // threshold NaN: none
    bool jsonl, overlays, watch;
    // Handles of the library.
    winclip_model *model;
    winclip_scorer *scorer;
    winclip_prototypes *prototypes;
    winclip_bank *bank;
    // The work.
    struct wc_comm comm;
    struct wc_share share;
    struct wc_score_files files; // rank 0
    size_t *batch;               // rank 0: indices of the files in hand
    size_t cap_batch;
    struct wc_strlist paths, names; // of the batch, on all ranks
    struct wc_colour_scale scale;
    struct wc_buf csv;   // rank 0: all rows
    struct wc_page page; // rank 0: the same as HTML
    struct wc_page_filter filter;
    struct wc_strlist failed; // rank 0: paths
    size_t n_scored;          // rank 0: rows without failure
    double shown_s;
};

static void on_signal(int number) {
    if (stop && number == SIGINT)
        _Exit(128 + SIGINT); // asked twice
    stop = 1;
}

static void catch_signals(void) {
    struct sigaction a;
    memset(&a, 0, sizeof a);
    a.sa_handler = on_signal;
    a.sa_flags = SA_RESTART;
    sigemptyset(&a.sa_mask);
    sigaction(SIGTERM, &a, NULL);
    sigaction(SIGINT, &a, NULL);
}

// The library's status and text as an error of the program; its text has the fault word already.
static enum wc_err from_library(enum winclip_status status, const char *text,
                                struct wc_error *err) {
    if (status == WINCLIP_OK)
        return WC_OK;
    return WC_FAIL(err, (enum wc_err)status, "%s", text);
}

static enum wc_err from_scorer(const struct score *s, enum winclip_status status,
                               struct wc_error *err) {
    return from_library(status, winclip_scorer_error(s->scorer), err);
}

/* Set-up. */

// Adds KEY="VALUE" (a quoted YAML text).
static enum wc_err add_setting(struct wc_strlist *l, const char *key, const char *value,
                               struct wc_error *err) {
    struct wc_buf text = {0};
    if (!value)
        return WC_OK;
    wc_buf_printf(&text, "%s=", key);
    wc_json_quote(&text, value);
    enum wc_err rc = wc_buf_check(&text, "settings", err);
    if (rc == WC_OK)
        rc = wc_strlist_add(l, wc_buf_str(&text), err);
    wc_buf_release(&text);
    return rc;
}

// The library takes arrays that end with NULL.
static const char *const *as_settings(struct wc_strlist *l, struct wc_error *err) {
    if (WC_GROW(&l->item, &l->cap, l->n + 1, "settings", err) != WC_OK)
        return NULL;
    l->item[l->n] = NULL;
    return (const char *const *)l->item;
}

// --set goes to the handle that the key belongs to.
static enum wc_err make_settings(const struct score *s, struct wc_strlist *model,
                                 struct wc_strlist *scorer, struct wc_error *err) {
    char threads[32], *prompts = NULL;
    unsigned n = wc_layout_threads(&s->comm, s->threads);
    snprintf(threads, sizeof threads, "threads=%u", n);
    WC_TRY(add_setting(model, "model.bpe", s->bpe, err));
    WC_TRY(add_setting(scorer, "preset", s->preset, err));
    WC_TRY(wc_installed_find("prompts", s->prompts, &prompts, err));
    enum wc_err rc = add_setting(scorer, "prompts", prompts, err);
    wc_free(prompts);
    WC_TRY(rc);
    WC_TRY(wc_strlist_add(scorer, threads, err));
    for (size_t i = 0; i < s->sets.n; i++)
        WC_TRY(wc_strlist_add(wc_str_starts(s->sets.item[i], "model.") ? model : scorer,
                              s->sets.item[i], err));
    return WC_OK;
}

// Nodes of several kinds: all ranks take the least instruction set, so that no score depends on
// where a picture was scored.
static enum wc_err agree_isa(const struct score *s, struct wc_error *err) {
    int best = (int)wc_isa_best(), least;
    MPI_Allreduce(&best, &least, 1, MPI_INT, MPI_MIN, s->comm.comm);
    if (s->comm.n_ranks == 1 || getenv("WC_ISA"))
        return WC_OK;
    if (setenv("WC_ISA", wc_isa_name((enum wc_isa)least), 1) != 0)
        return WC_FAIL(err, WC_ERR_NOMEM, "$WC_ISA: out of memory");
    return WC_OK;
}

static enum wc_err open_handles(struct score *s, struct wc_error *err) {
    struct wc_strlist model = {0}, scorer = {0};
    enum wc_err rc = make_settings(s, &model, &scorer, err);
    const char *const *for_model = rc == WC_OK ? as_settings(&model, err) : NULL;
    const char *const *for_scorer = for_model ? as_settings(&scorer, err) : NULL;
    if (rc == WC_OK && !for_scorer)
        rc = WC_ERR_NOMEM;
    if (rc == WC_OK)
        rc = from_library(winclip_model_open(s->model_file, for_model, &s->model),
                          winclip_model_error(s->model), err);
    if (rc == WC_OK)
        rc = from_library(winclip_scorer_new(s->model, for_scorer, &s->scorer),
                          winclip_scorer_error(s->scorer), err);
    if (rc == WC_OK)
        rc = from_scorer(
            s, winclip_prototypes_new(s->scorer, s->object, s->category, &s->prototypes), err);
    wc_strlist_release(&model);
    wc_strlist_release(&scorer);
    return rc;
}

static enum wc_err build_bank(struct score *s, struct wc_error *err) {
    struct wc_score_files refs = {0};
    enum wc_err rc = wc_score_files_scan(&refs, &s->refs, NULL, false, err);
    if (rc == WC_OK)
        rc = from_scorer(s, winclip_bank_new(s->scorer, &s->bank), err);
    for (size_t i = 0; i < refs.n && rc == WC_OK; i++)
        rc = from_scorer(s, winclip_bank_add_file(s->scorer, s->bank, refs.item[i].path), err);
    wc_score_files_release(&refs);
    return rc;
}

// --refs makes the bank, and --bank beside it keeps it; --bank alone reads one. Without --bank
// every rank encodes the references itself: they are few, and as fast as by one rank and a
// broadcast.
static enum wc_err open_bank(struct score *s, struct wc_error *err) {
    bool keep = s->bank_file && s->refs.n > 0;
    enum wc_err rc = WC_OK;
    if (s->refs.n > 0 && (!keep || s->comm.rank == 0))
        rc = build_bank(s, err);
    if (rc == WC_OK && keep && s->comm.rank == 0)
        rc = from_scorer(s, winclip_bank_save(s->scorer, s->bank, s->bank_file), err);
    WC_TRY(wc_agree(&s->comm, rc, err));
    if (s->bank_file && !s->bank)
        rc = from_scorer(s, winclip_bank_load(s->scorer, s->bank_file, &s->bank), err);
    return wc_agree(&s->comm, rc, err);
}

static enum wc_err find_threshold(struct score *s, struct wc_error *err) {
    char sha256[65];
    struct wc_score_run run = {.folder = s->threshold_run,
                               .preset = winclip_scorer_preset(s->scorer),
                               .shot = winclip_bank_size(s->bank),
                               .category = s->category,
                               .object = s->object,
                               .sha256 = sha256};
    enum wc_err rc = WC_OK;
    if (!s->threshold_run)
        return WC_OK;
    if (s->comm.rank == 0) {
        rc = from_scorer(s, winclip_weights_sha256(s->scorer, sha256), err);
        if (rc == WC_OK)
            rc = wc_score_threshold(&run, &s->threshold, err);
        if (rc == WC_OK)
            WC_INFO("threshold %.9g: F1-max of %s, preset %s, %zu-shot", s->threshold, run.folder,
                    run.preset, run.shot);
    }
    return wc_agree(&s->comm, rc, err);
}

// Files that say what the colours mean: the same for every picture.
static enum wc_err write_scale(const struct score *s, struct wc_error *err) {
    char text[256];
    struct wc_image bar = {0};
    char *json = wc_sprintf("%s/overlays/scale.json", s->out),
         *png = wc_sprintf("%s/overlays/scale.png", s->out),
         *folder = wc_sprintf("%s/overlays", s->out);
    int n = snprintf(text, sizeof text,
                     "{\"low\": %.17g, \"high\": %.17g, \"low_rgb\": [0, 32, 112], \"high_rgb\": "
                     "[255, 233, 69], \"bar\": \"scale.png\"}\n",
                     s->scale.low, s->scale.high);
    enum wc_err rc = json && png && folder ? wc_io_mkdirs(folder, err)
                                           : WC_FAIL(err, WC_ERR_NOMEM, "score: out of memory");
    if (rc == WC_OK)
        rc = wc_io_write_atomic(json, text, (size_t)n, err);
    if (rc == WC_OK)
        rc = wc_colour_bar(BAR_PX, &bar, err);
    if (rc == WC_OK)
        rc = wc_image_write_png(png, &bar, err);
    if (rc == WC_OK)
        WC_INFO("heat maps in %s: dark blue is %g, yellow is %g, in every picture", folder,
                s->scale.low, s->scale.high);
    wc_image_release(&bar);
    wc_free(json);
    wc_free(png);
    wc_free(folder);
    return rc;
}

static enum wc_err prepare_output(struct score *s, struct wc_error *err) {
    enum wc_err rc = WC_OK;
    if (!s->scale_text)
        winclip_map_range(s->scorer, s->bank != NULL, &s->scale.low, &s->scale.high);
    if (s->comm.rank == 0 && s->out)
        rc = wc_io_mkdirs(s->out, err);
    if (rc == WC_OK && s->comm.rank == 0 && s->overlays)
        rc = write_scale(s, err);
    wc_buf_puts(&s->csv, WC_SCORE_CSV_HEADER);
    return wc_agree(&s->comm, rc, err);
}

/* One picture. */

static void find_peak(const float *map, struct wc_score_row *row) {
    size_t n = (size_t)row->width_px * row->height_px, at = 0;
    for (size_t i = 1; i < n; i++)
        if (map[i] > map[at] || isnan(map[at]))
            at = i;
    row->map_max = (double)map[at];
    row->peak_x_px = (uint32_t)(at % row->width_px);
    row->peak_y_px = (uint32_t)(at / row->width_px);
}

static enum wc_err write_overlay(const struct score *s, const char *name, struct wc_image *image,
                                 const float *map, struct wc_error *err) {
    char *path = wc_sprintf("%s/overlays/%s.png", s->out, name),
         *folder = path ? wc_path_dir(path) : NULL;
    enum wc_err rc =
        folder ? wc_io_mkdirs(folder, err) : WC_FAIL(err, WC_ERR_NOMEM, "%s: out of memory", name);
    wc_colour_overlay(image, map, &s->scale);
    if (rc == WC_OK)
        rc = wc_image_write_png(path, image, err);
    wc_free(path);
    wc_free(folder);
    return rc;
}

// A picture that cannot be scored is a row that says why (WC_OK); what would fail every picture
// alike is an error.
static enum wc_err score_picture(struct score *s, size_t i, struct wc_score_row *row,
                                 struct wc_buf *thumbs, struct wc_error *err) {
    struct wc_image image = {0};
    float *map = NULL;
    const char *path = s->paths.item[i];
    enum winclip_status status =
        winclip_read_image(s->scorer, path, &image.rgb, &image.width_px, &image.height_px);
    enum wc_err rc = WC_OK;
    if (status == WINCLIP_OK)
        rc = WC_NEW(&map, image.width_px * image.height_px, "score map", err);
    if (rc == WC_OK && status == WINCLIP_OK)
        status = winclip_score_rgb8(s->scorer, s->prototypes, s->bank, image.rgb, image.width_px,
                                    image.height_px, 3 * image.width_px, &row->score, map,
                                    image.width_px, image.height_px);
    if (status == WINCLIP_ERROR_DATA || status == WINCLIP_ERROR_IO) {
        row->failed = true;
        row->text = winclip_scorer_error(s->scorer);
    } else if (rc == WC_OK) {
        rc = from_scorer(s, status, err);
    }
    if (rc == WC_OK && !row->failed) {
        row->width_px = (uint32_t)image.width_px;
        row->height_px = (uint32_t)image.height_px;
        find_peak(map, row);
        if (s->out)
            rc = wc_page_pack(&s->filter, row, &image, map, &s->scale, thumbs, err);
        if (rc == WC_OK && s->overlays)
            rc = write_overlay(s, s->names.item[i], &image, map, err);
    }
    winclip_pixels_free(image.rgb);
    wc_free(map);
    return rc;
}

static enum wc_err work(void *data, size_t i, struct wc_buf *out, struct wc_error *err) {
    struct score *s = data;
    struct wc_score_row row = {0};
    struct wc_buf thumbs = {0};
    enum wc_err rc = score_picture(s, i, &row, &thumbs, err);
    if (rc == WC_OK) {
        wc_score_row_pack(&row, out);
        wc_buf_add(out, wc_buf_str(&thumbs), thumbs.n);
        rc = wc_buf_check(&thumbs, "thumbnails", err);
    }
    wc_buf_release(&thumbs);
    return rc;
}

static void show_progress(struct score *s) {
    double now = wc_clock_s();
    if (s->comm.rank != 0 || s->comm.n_ranks == 1 || now - s->shown_s < PROGRESS_S ||
        !s->share.queue)
        return;
    s->shown_s = now;
    wc_log_progress("scored %llu of %zu pictures",
                    (unsigned long long)wc_queue_n_done(s->share.queue), s->paths.n);
}

static void between_pieces(void *data) {
    struct score *s = data;
    wc_share_progress(&s->share);
    show_progress(s);
}

/* Rank 0: what comes out. */

// A fault word of a file that is still being written.
static bool is_incomplete(const char *text) {
    return wc_str_ends(text, "[truncated]") || wc_str_ends(text, "[empty]");
}

static enum wc_err put_row(struct score *s, const char *path, const struct wc_score_row *row,
                           struct wc_error *err) {
    struct wc_buf line = {0};
    if (s->jsonl)
        wc_score_row_json(path, row, s->threshold, &line);
    else
        wc_score_row_line(path, row, s->threshold, &line);
    wc_score_row_csv(path, row, s->threshold, &s->csv);
    enum wc_err rc = wc_buf_check(&line, "results", err);
    if (rc == WC_OK)
        rc = wc_buf_check(&s->csv, "scores.csv", err);
    if (rc == WC_OK && (fputs(wc_buf_str(&line), stdout) == EOF || fflush(stdout) != 0))
        rc = WC_FAIL(err, WC_ERR_IO, "standard output: write failed: %s", strerror(errno));
    wc_buf_release(&line);
    if (rc == WC_OK && row->failed) {
        WC_WARN("%s", row->text);
        return wc_strlist_add(&s->failed, path, err);
    }
    s->n_scored += rc == WC_OK;
    return rc;
}

static enum wc_err take(void *data, size_t i, const char *bytes, size_t n, struct wc_error *err) {
    struct score *s = data;
    struct wc_score_row row;
    struct wc_score_file *file = &s->files.item[s->batch[i]];
    if (!wc_score_row_unpack(bytes, n, &row))
        return WC_FAIL(err, WC_ERR_BUG, "%s: its result was lost between ranks", file->path);
    if (s->watch && row.failed && is_incomplete(row.text)) {
        WC_INFO("%s: not complete yet; it is tried again when it changes", file->path);
        file->state = WC_FILE_HELD;
        return WC_OK;
    }
    file->state = WC_FILE_TAKEN;
    if (s->out)
        WC_TRY(wc_page_add(&s->page, file->path, &row, bytes, n, err));
    return put_row(s, file->path, &row, err);
}

static enum wc_err write_page(const struct score *s, struct wc_error *err) {
    char sha256[65] = "", references[32];
    const char *what = s->object ? s->object : s->category;
    char *path = wc_path_join(s->out, "report.html"), *title = wc_sprintf("%s: scores", what);
    enum wc_err rc = path && title ? from_scorer(s, winclip_weights_sha256(s->scorer, sha256), err)
                                   : WC_FAIL(err, WC_ERR_NOMEM, "report.html: out of memory");
    snprintf(references, sizeof references, "%zu", winclip_bank_size(s->bank));
    const struct wc_page_fact fact[] = {
        {"program", "winclip-mpi " WC_VERSION},
        {"object", what},
        {"model", s->model_file},
        {"weights sha256", sha256},
        {"preset", winclip_scorer_preset(s->scorer)},
        {"references", references},
        {"threshold of", s->threshold_run ? s->threshold_run : "-"}};
    if (rc == WC_OK)
        rc = wc_page_write(&s->page, title, s->threshold, &s->scale, fact,
                           sizeof fact / sizeof *fact, path, err);
    wc_free(path);
    wc_free(title);
    return rc;
}

static enum wc_err write_csv(const struct score *s, struct wc_error *err) {
    if (!s->out)
        return WC_OK;
    WC_TRY(wc_io_write_in(s->out, "scores.csv", wc_buf_str(&s->csv), s->csv.n, err));
    return write_page(s, err);
}

/* Batches. */

static void nap(double seconds) {
    const struct timespec slice = {.tv_nsec = 50000000};
    double end = wc_clock_s() + seconds;
    while (!stop && wc_clock_s() < end)
        nanosleep(&slice, NULL);
}

// Rank 0: the files of the next batch into s->batch, *n of them. Watching, it waits for them.
static enum wc_err next_batch(struct score *s, size_t *n, struct wc_error *err) {
    struct wc_io_info out;
    bool skip = s->out && wc_io_stat(s->out, &out);
    *n = 0;
    while (*n == 0 && !stop) {
        WC_TRY(wc_score_files_scan(&s->files, &s->operands, skip ? &out : NULL, s->watch, err));
        WC_TRY(WC_GROW(&s->batch, &s->cap_batch, s->files.n + 1, "list of files", err));
        for (size_t i = 0; i < s->files.n; i++)
            if (s->files.item[i].state == WC_FILE_READY)
                s->batch[(*n)++] = i;
        if (!s->watch)
            return WC_OK;
        if (*n == 0)
            nap(s->interval_s);
    }
    return WC_OK;
}

// All ranks learn paths and names of the batch: two texts a file, each with its NUL.
static enum wc_err spread_batch(struct score *s, size_t n, struct wc_error *err) {
    struct wc_buf texts = {0};
    for (size_t i = 0; i < n; i++) {
        const struct wc_score_file *f = &s->files.item[s->batch[i]];
        wc_buf_add(&texts, f->path, strlen(f->path) + 1);
        wc_buf_add(&texts, f->name, strlen(f->name) + 1);
    }
    enum wc_err rc = wc_agree(&s->comm, wc_buf_check(&texts, "list of files", err), err);
    if (rc == WC_OK)
        rc = wc_bcast_buf(&s->comm, &texts, err);
    wc_strlist_release(&s->paths);
    wc_strlist_release(&s->names);
    for (size_t at = 0; at < texts.n && rc == WC_OK;) {
        rc = wc_strlist_add(&s->paths, texts.data + at, err);
        at += strlen(texts.data + at) + 1;
        if (rc == WC_OK)
            rc = wc_strlist_add(&s->names, texts.data + at, err);
        at += strlen(texts.data + at) + 1;
    }
    wc_buf_release(&texts);
    return wc_agree(&s->comm, rc, err);
}

static enum wc_err run_batches(struct score *s, struct wc_error *err) {
    size_t n = 0, n_done = 0;
    do {
        enum wc_err rc = s->comm.rank == 0 ? next_batch(s, &n, err) : WC_OK;
        wc_share_wait(&s->comm);
        WC_TRY(wc_agree(&s->comm, rc, err));
        WC_TRY(spread_batch(s, n, err));
        if (s->paths.n == 0)
            break;
        WC_TRY(wc_share_run(&s->share, s->paths.n, &n_done, err));
        if (s->comm.rank == 0)
            rc = write_csv(s, err);
        WC_TRY(wc_agree(&s->comm, rc, err));
        if (!s->watch && n_done < s->paths.n)
            return WC_FAIL(err, WC_ERR_STOPPED, "stopped: %zu of %zu pictures are scored", n_done,
                           s->paths.n);
    } while (s->watch);
    return WC_OK;
}

// Watching has ended: what never became complete has failed.
static enum wc_err close_watch(struct score *s, struct wc_error *err) {
    const struct wc_score_row row = {.failed = true, .text = "it never became complete"};
    for (size_t i = 0; i < s->files.n; i++) {
        if (s->files.item[i].state != WC_FILE_HELD)
            continue;
        if (s->out)
            WC_TRY(wc_page_add(&s->page, s->files.item[i].path, &row, NULL, 0, err));
        WC_TRY(put_row(s, s->files.item[i].path, &row, err));
    }
    return write_csv(s, err);
}

// The end: which pictures failed.
static enum wc_err conclude(const struct score *s, struct wc_error *err) {
    struct wc_buf names = {0};
    if (s->comm.rank != 0 || s->failed.n == 0)
        return WC_OK;
    for (size_t i = 0; i < s->failed.n && i < NAMED_FAILURES; i++)
        wc_buf_printf(&names, "%s%.90s", i > 0 ? ", " : "", s->failed.item[i]);
    if (s->failed.n > NAMED_FAILURES)
        wc_buf_printf(&names, " and %zu more", s->failed.n - NAMED_FAILURES);
    enum wc_err rc = WC_FAIL(err, WC_ERR_DATA, "%zu of %zu pictures failed: %s", s->failed.n,
                             s->failed.n + s->n_scored, wc_buf_str(&names));
    wc_buf_release(&names);
    return rc;
}

static enum wc_err score_all(struct score *s, struct wc_error *err) {
    WC_TRY(wc_comm_init(&s->comm, err));
    WC_TRY(wc_agree(&s->comm, agree_isa(s, err), err));
    WC_TRY(wc_agree(&s->comm, open_handles(s, err), err));
    WC_TRY(open_bank(s, err));
    WC_TRY(find_threshold(s, err));
    WC_TRY(prepare_output(s, err));
    winclip_scorer_on_progress(s->scorer, between_pieces, s);
    s->share =
        (struct wc_share){.comm = &s->comm, .work = work, .take = take, .data = s, .stop = &stop};
    catch_signals();
    WC_TRY(run_batches(s, err));
    wc_log_progress(NULL);
    enum wc_err rc = s->watch && s->comm.rank == 0 ? close_watch(s, err) : WC_OK;
    if (rc == WC_OK)
        rc = conclude(s, err);
    return wc_agree(&s->comm, rc, err);
}

static void release(struct score *s) {
    winclip_bank_free(s->bank);
    winclip_prototypes_free(s->prototypes);
    winclip_scorer_free(s->scorer);
    winclip_model_free(s->model);
    wc_score_files_release(&s->files);
    wc_free(s->batch);
    wc_strlist_release(&s->operands);
    wc_strlist_release(&s->refs);
    wc_strlist_release(&s->sets);
    wc_strlist_release(&s->paths);
    wc_strlist_release(&s->names);
    wc_strlist_release(&s->failed);
    wc_buf_release(&s->csv);
    wc_page_release(&s->page);
    wc_comm_release(&s->comm);
}

/* The command line. */

// "LOW,HIGH"
static bool parse_scale(const char *text, struct wc_colour_scale *scale) {
    char low[64];
    size_t n = strcspn(text, ",");
    snprintf(low, sizeof low, "%.*s", (int)(n < sizeof low ? n : 0), text);
    return text[n] == ',' && wc_parse_f64(low, &scale->low) &&
           wc_parse_f64(text + n + 1, &scale->high) && scale->low < scale->high;
}

static enum wc_err check_usage(struct score *s, struct wc_error *err) {
    if (s->operands.n == 0)
        return WC_FAIL(
            err, WC_ERR_USAGE,
            "score: folders or files with pictures are needed; see winclip-mpi score --help");
    if (!s->object && !s->category)
        return WC_FAIL(err, WC_ERR_USAGE,
                       "score: --object NAME is needed: what the pictures show, as \"metal nut\"");
    if (!s->model_file)
        s->model_file = getenv("WINCLIP_WEIGHTS");
    if (!s->model_file || !*s->model_file) {
        s->model_file = WC_WEIGHTS_DEMO;
        WC_WARN(
            "score: neither --model nor $WINCLIP_WEIGHTS: the built-in demo model scores. It was "
            "trained on procedural pictures only; do not rely on these scores. For real "
            "inspection give CLIP's weights, as open_clip's ViT-B-16-plus-240");
    }
    if (s->threshold_run && !isnan(s->threshold))
        return WC_FAIL(err, WC_ERR_USAGE, "score: --threshold or --threshold-from, not both");
    if (s->overlays && !s->out)
        return WC_FAIL(err, WC_ERR_USAGE, "score: --overlays needs --out DIR");
    if (s->scale_text && !parse_scale(s->scale_text, &s->scale))
        return WC_FAIL(err, WC_ERR_USAGE, "score: --scale \"%s\": two numbers as 0,1 are needed",
                       s->scale_text);
    if (!(s->interval_s > 0 && s->interval_s <= 86400))
        return WC_FAIL(err, WC_ERR_USAGE, "score: --interval %g: seconds, above 0 and up to a day",
                       s->interval_s);
    return WC_OK;
}

static enum wc_err run(int argc, char **argv, struct wc_error *err) {
    struct score s = {.threshold = NAN, .interval_s = 1};
    bool help;
    int rank = 0, started = 0;
    const struct wc_arg args[] = {
        {"--object", 0, WC_ARG_TEXT, &s.object, "NAME", "what the pictures show: \"metal nut\""},
        {"--model", 'm', WC_ARG_TEXT, &s.model_file, "FILE",
         "CLIP weights; default: $WINCLIP_WEIGHTS, then the demo's own, with a warning"},
        {"--refs", 0, WC_ARG_LIST, &s.refs, "DIR|FILE",
         "normal reference pictures (WinCLIP+), any number; may be repeated"},
        {"--bank", 0, WC_ARG_TEXT, &s.bank_file, "FILE",
         "references that were encoded before; with --refs: write them there"},
        {"--preset", 0, WC_ARG_TEXT, &s.preset, "NAME",
         "paper, accurate, anomalib, caoyunkang (paper)"},
        {"--threshold", 0, WC_ARG_REAL, &s.threshold, "X",
         "verdict: anomalous from this score on, else normal"},
        {"--threshold-from", 0, WC_ARG_TEXT, &s.threshold_run, "RUN",
         "the F1-max threshold of a labelled run with the same model, preset and shot"},
        {"--out", 'o', WC_ARG_TEXT, &s.out, "DIR", "write scores.csv and report.html there"},
        {"--overlays", 0, WC_ARG_FLAG, &s.overlays, NULL,
         "heat maps on the pictures, as PNG in DIR/overlays"},
        {"--scale", 0, WC_ARG_TEXT, &s.scale_text, "LOW,HIGH",
         "scores of the first and the last colour; default: all that a map can reach"},
        {"--jsonl", 0, WC_ARG_FLAG, &s.jsonl, NULL, "print a JSON object a line"},
        {"--watch", 0, WC_ARG_FLAG, &s.watch, NULL,
         "go on with files that appear, once complete, until SIGTERM or Ctrl-C"},
        {"--interval", 0, WC_ARG_REAL, &s.interval_s, "S", "seconds between looks, watching (1)"},
        {"--category", 0, WC_ARG_TEXT, &s.category, "NAME",
         "category of the prompt set's words, and of --threshold-from"},
        {"--prompts", 0, WC_ARG_TEXT, &s.prompts, "FILE",
         "prompt set; default: the paper's, built in"},
        {"--bpe", 0, WC_ARG_TEXT, &s.bpe, "FILE", "merges file; default: the model's, else CLIP's"},
        {"--set", 0, WC_ARG_LIST, &s.sets, "KEY=VALUE",
         "a setting, as winclip.tau=0.05, model.arch=..., preprocess.tiling=squash"},
        {"--threads", 0, WC_ARG_COUNT, &s.threads, "N", "threads; default: all cores"},
    };
    const size_t n_args = sizeof args / sizeof *args;
    MPI_Initialized(&started);
    if (started)
        MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    enum wc_err rc = wc_args_parse(argc, argv, args, n_args, &s.operands, &help, err);
    if (rc == WC_OK && help && rank == 0)
        wc_args_help(&wc_command_score, args, n_args);
    if (rc == WC_OK && !help)
        rc = check_usage(&s, err);
    if (rc == WC_OK && !help)
        rc = score_all(&s, err);
    release(&s);
    return rc;
}

const struct wc_command wc_command_score = {
    .name = "score",
    .operands = "DIR|FILE... --object NAME",
    .summary = "scores, verdicts and heat maps of own pictures, without labels or masks",
    .details =
        "A line a picture: path, score and verdict (\"-\" without a threshold), separated by tabs.\n"
        "PNG, JPEG and BMP, grey or colour, any size; folders with all below them. No training\n"
        "pictures are needed; with --refs any number of them is used. Colours of heat maps mean the\n"
        "same in every picture: DIR/overlays/scale.json. Under mpirun pictures are shared out.\n"
        "Pictures that cannot be read are named, and the exit code is 4 at the end.\n",
    .uses_mpi = true,
    .run = run,
};
