// The scoring phase: units handed out one by one, each result a record in the rank's own journal.
#include "sched/state.h"

#include "base/alloc.h"
#include "base/io.h"
#include "base/log.h"
#include "sched/queue.h"
#include "sched/watch.h"

#include <stdio.h>
#include <string.h>

#define PROGRESS_S 2.0 // seconds between lines of progress

struct work {
    struct wc_state *const *run;
    size_t n_runs, at;  // the run of the ticket in hand
    uint64_t n, *first; // tickets in all; each run's first
    struct wc_workbench *bench;
    const struct wc_comm *comm;
    struct wc_queue queue;
    struct wc_watch watch;
    struct wc_buf record;
    double start_s, start_cpu_s, shown_s;
};

// The run that a ticket belongs to.
static size_t run_of(const struct work *w, uint64_t ticket) {
    size_t r = w->at;
    while (r > 0 && ticket < w->first[r])
        r--;
    while (r + 1 < w->n_runs && ticket >= w->first[r + 1])
        r++;
    return r;
}

static const char *item_name(void *data, uint64_t ticket) {
    const struct work *w = data;
    size_t r = run_of(w, ticket);
    const struct wc_state *s = w->run[r];
    const struct wc_unit *u = &s->unit[s->todo[ticket - w->first[r]]];
    return s->dataset.category[u->category].item[u->item].path;
}

static void show_progress(struct work *w, bool last) {
    double now = wc_clock_s();
    if (w->comm->rank != 0 || (!last && now - w->shown_s < PROGRESS_S))
        return;
    w->shown_s = now;
    wc_watch_look(&w->watch, &w->queue, item_name, w);
    uint64_t done = wc_queue_n_done(&w->queue);
    double rate = (double)done / (now - w->start_s + 1e-9),
           left = (double)(w->n - done) / (rate + 1e-9);
    unsigned long eta = done > 0 ? (unsigned long)left : 0;
    wc_log_progress("scored %llu of %llu images, %.2f images/s, %lu:%02lu:%02lu left",
                    (unsigned long long)done, (unsigned long long)w->n, rate, eta / 3600,
                    eta / 60 % 60, eta % 60);
    if (last)
        wc_log_progress(NULL);
}

// Called by the encoder between chunks.
static void show(void *data) {
    show_progress(data, false);
}

// A mask must be readable and fit its image: better found now than at the end of a night.
static enum wc_err check_masks(const struct wc_item *item, const struct wc_image *image,
                               struct wc_error *err) {
    for (size_t i = 0; i < item->masks.n; i++) {
        struct wc_mask mask = {0};
        WC_TRY(wc_mask_read(item->masks.item[i], &mask, err));
        size_t w = mask.width_px, h = mask.height_px;
        wc_mask_release(&mask);
        if (w != image->width_px || h != image->height_px)
            return WC_FAULT(
                err, WC_ERR_DATA, "size-mismatch",
                "%s: mask is %zux%zu, its image %s is %zux%zu; they must be the same size",
                item->masks.item[i], w, h, item->path, image->width_px, image->height_px);
    }
    return WC_OK;
}

static enum wc_err score_unit(struct wc_state *s, uint32_t u, const float *prototype,
                              const struct wc_reference_set *references, struct wc_result *result,
                              struct wc_error *err) {
    const struct wc_item *item = &s->dataset.category[s->unit[u].category].item[s->unit[u].item];
    const struct wc_image_options options = {.max_pixels = (size_t)s->config->preprocess.max_pixels,
                                             .exif_apply = s->config->preprocess.exif_apply};
    struct wc_image image = {0};
    WC_TRY(wc_image_read(item->path, &options, &image, err));
    enum wc_err rc = check_masks(item, &image, err);
    if (rc == WC_OK)
        rc = wc_score_image(s->scorer, &image, prototype, references, result, err);
    wc_image_release(&image);
    if (rc != WC_OK && !strstr(err->text, item->path)) // what the model says names no picture
        wc_fail(err, rc, err->fault, "%s: %s", item->path, err->text);
    return rc;
}

// One unit into the journal. A bad image is a record too; only what stops the run is an error.
static enum wc_err do_unit(struct work *w, struct wc_state *s, uint32_t u, struct wc_error *err) {
    struct wc_result result;
    const struct wc_reference_set *references;
    double start = wc_clock_s();
    WC_TRY(wc_workbench_enter(w->bench, s, err));
    const float *prototype = wc_state_prototypes(s, s->unit[u].category);
    if (!prototype)
        return WC_FAIL(err, WC_ERR_STOPPED, "rank 0 could not make the text prototypes");
    WC_TRY(wc_state_references(s, s->unit[u].category, &references, err));
    enum wc_err rc = score_unit(s, u, prototype, references, &result, err);
    if (rc == WC_ERR_DATA || rc == WC_ERR_IO) {
        char text[sizeof err->text + 80];
        snprintf(text, sizeof text, "%s%s%s%s", err->text, err->fault ? " [" : "",
                 err->fault ? err->fault : "", err->fault ? "]" : "");
        WC_WARN("%s", text);
        rc = wc_record_encode_failure(u, text, &w->record, err);
    } else if (rc == WC_OK) {
        rc = wc_record_encode(u, &result, s->plan.n_variants, s->cells,
                              (float)(wc_clock_s() - start), &w->record, err);
    }
    if (rc == WC_OK)
        rc = wc_journal_append(s->journal, w->record.data, w->record.n, err);
    return rc;
}

static enum wc_err do_ticket(struct work *w, uint64_t ticket, struct wc_error *err) {
    w->at = run_of(w, ticket);
    struct wc_state *s = w->run[w->at];
    return do_unit(w, s, s->todo[ticket - w->first[w->at]], err);
}

static enum wc_err work_off(struct work *w, struct wc_error *err) {
    uint64_t ticket;
    enum wc_err rc = WC_OK;
    while (rc == WC_OK && !wc_watch_must_stop(&w->watch) && wc_queue_next(&w->queue, &ticket)) {
        double start_s = wc_clock_s();
        wc_queue_hold(&w->queue, ticket);
        rc = do_ticket(w, ticket, err);
        wc_watch_item(&w->watch, wc_clock_s() - start_s);
        if (rc == WC_OK)
            wc_queue_done(&w->queue);
        show_progress(w, false);
    }
    if (rc != WC_OK || wc_watch_must_stop(&w->watch))
        wc_queue_stop(&w->queue);
    return rc;
}

static enum wc_err open_journal(struct wc_state *s, struct wc_error *err) {
    char name[64], *path = NULL;
    uint64_t n_cut = 0;
    snprintf(name, sizeof name, "journal/rank-%05d.wcj", s->comm.rank);
    WC_TRY(wc_state_path(s, name, &path, err));
    enum wc_err rc = wc_journal_open(path, &s->journal_header, s->config->journal_sync_s,
                                     &s->journal, &n_cut, err);
    if (rc == WC_OK && n_cut > 0)
        WC_INFO("%s: cut an incomplete record of %llu bytes", path, (unsigned long long)n_cut);
    wc_free(path);
    return rc;
}

// The journals of all runs, and the first run in hand, so that what it lacks is found before
// anything waits for it.
static enum wc_err begin(struct work *w, struct wc_error *err) {
    WC_TRY(WC_NEW(&w->first, w->n_runs, "units", err));
    for (size_t r = 0; r < w->n_runs; r++) {
        w->first[r] = w->n;
        w->n += w->run[r]->n_todo;
        WC_TRY(open_journal(w->run[r], err));
    }
    return wc_workbench_enter(w->bench, w->run[0], err);
}

// Closes the journals; the first failure counts.
static enum wc_err end(struct work *w, enum wc_err rc, struct wc_error *err) {
    for (size_t r = 0; r < w->n_runs; r++) {
        struct wc_error close_err = {0};
        enum wc_err close_rc = wc_journal_close(&w->run[r]->journal, &close_err);
        if (rc == WC_OK && close_rc != WC_OK) {
            rc = close_rc;
            *err = close_err;
        }
    }
    wc_workbench_leave(w->bench);
    return rc;
}

// What the phase cost; tests count the encoder's passes.
static void report_cost(const struct work *w) {
    uint64_t own = w->bench->n_passes, all = 0;
    MPI_Reduce(&own, &all, 1, MPI_UINT64_T, MPI_SUM, 0, w->comm->comm);
    if (w->comm->rank == 0)
        WC_INFO("scoring took %.2f s (processor %.2f s); %llu encoder passes, references included",
                wc_clock_s() - w->start_s, wc_cpu_s() - w->start_cpu_s, (unsigned long long)all);
}

static enum wc_err score_all(struct work *w, struct wc_error *err) {
    const struct wc_state *s = w->run[0];
    WC_TRY(wc_agree(w->comm, begin(w, err), err));
    WC_TRY(wc_prepare_references(w->run, w->n_runs, err));
    WC_TRY(wc_agree(w->comm, wc_workbench_enter(w->bench, w->run[0], err), err));
    WC_TRY(wc_watch_open(w->comm, s->options, &w->watch, err));
    WC_TRY(wc_agree(w->comm, wc_queue_open(w->comm, w->n, &w->queue, err), err));
    w->start_s = w->shown_s = wc_clock_s();
    w->start_cpu_s = wc_cpu_s();
    w->bench->queue = &w->queue;
    w->bench->show = show;
    w->bench->show_data = w;
    if (w->comm->rank == 0)
        WC_INFO("%llu images to score on %d ranks with %u threads each, %zu MB of scratch a rank",
                (unsigned long long)w->n, w->comm->n_ranks, s->n_threads,
                wc_scorer_bytes(s->scorer) >> 20);
    enum wc_err rc = wc_start_prototypes(w->run, w->n_runs, err);
    if (rc == WC_OK)
        rc = work_off(w, err);
    else
        wc_queue_stop(&w->queue);
    wc_finish_prototypes(w->run, w->n_runs);
    wc_watch_wait(&w->watch, &w->queue, show, w);
    show_progress(w, true);
    w->bench->show = NULL;
    w->bench->queue = NULL;
    rc = end(w, rc, err);
    wc_queue_close(&w->queue);
    rc = wc_agree(w->comm, rc, err);
    report_cost(w);
    MPI_Allreduce(&w->watch.out_of_time, &w->run[0]->out_of_time, 1, MPI_C_BOOL, MPI_LOR,
                  w->comm->comm);
    return rc;
}

enum wc_err wc_score(struct wc_state *const *run, size_t n_runs, struct wc_error *err) {
    struct work w = {.run = run, .n_runs = n_runs};
    if (n_runs == 0)
        return WC_OK;
    w.bench = run[0]->bench;
    w.comm = &run[0]->comm;
    enum wc_err rc = score_all(&w, err);
    for (size_t r = 0; r < n_runs; r++)
        wc_journal_close(&run[r]->journal, NULL);
    wc_workbench_leave(w.bench);
    wc_watch_close(&w.watch);
    wc_buf_release(&w.record);
    wc_free(w.first);
    return rc;
}
