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
    struct wc_state *s;
    struct wc_queue queue;
    struct wc_watch watch;
    uint32_t *todo; // units left
    size_t n_todo;
    struct wc_journal *journal;
    struct wc_buf record;
    double start_s, start_cpu_s, shown_s;
};

static const char *item_name(void *data, uint64_t u) {
    const struct wc_state *s = ((struct work *)data)->s;
    return s->dataset.category[s->unit[u].category].item[s->unit[u].item].path;
}

static void show_progress(struct work *w, bool last) {
    double now = wc_clock_s();
    if (w->s->comm.rank != 0 || (!last && now - w->shown_s < PROGRESS_S))
        return;
    w->shown_s = now;
    wc_watch_look(&w->watch, &w->queue, item_name, w);
    uint64_t done = wc_queue_n_done(&w->queue);
    double rate = (double)done / (now - w->start_s + 1e-9),
           left = (double)(w->n_todo - done) / (rate + 1e-9);
    unsigned long eta = done > 0 ? (unsigned long)left : 0;
    wc_log_progress("scored %llu of %zu images, %.2f images/s, %lu:%02lu:%02lu left",
                    (unsigned long long)done, w->n_todo, rate, eta / 3600, eta / 60 % 60, eta % 60);
    if (last)
        wc_log_progress(NULL);
}

static void show(void *data) {
    show_progress(data, false);
}

// Called by the encoder between chunks.
static void between_chunks(void *data) {
    struct work *w = data;
    if (w->s->queue)
        wc_queue_progress(w->s->queue);
    if (w->s->queue == &w->queue)
        show(w);
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

static enum wc_err score_unit(struct work *w, uint32_t u, const float *prototype,
                              const struct wc_reference_set *references, struct wc_result *result,
                              struct wc_error *err) {
    struct wc_state *s = w->s;
    const struct wc_item *item = &s->dataset.category[s->unit[u].category].item[s->unit[u].item];
    const struct wc_image_options options = {.max_pixels = (size_t)s->config->preprocess.max_pixels,
                                             .exif_apply = s->config->preprocess.exif_apply};
    struct wc_image image = {0};
    WC_TRY(wc_image_read(item->path, &options, &image, err));
    enum wc_err rc = check_masks(item, &image, err);
    if (rc == WC_OK)
        rc = wc_score_image(s->scorer, &image, prototype, references, result, err);
    wc_image_release(&image);
    return rc;
}

// One unit into the journal. A bad image is a record too; only what stops the run is an error.
static enum wc_err do_unit(struct work *w, uint32_t u, struct wc_error *err) {
    struct wc_state *s = w->s;
    struct wc_result result;
    const struct wc_reference_set *references;
    double start = wc_clock_s();
    const float *prototype = wc_state_prototypes(s, s->unit[u].category);
    if (!prototype)
        return WC_FAIL(err, WC_ERR_STOPPED, "rank 0 could not make the text prototypes");
    WC_TRY(wc_state_references(s, s->unit[u].category, &references, err));
    enum wc_err rc = score_unit(w, u, prototype, references, &result, err);
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
        rc = wc_journal_append(w->journal, w->record.data, w->record.n, err);
    return rc;
}

static enum wc_err work_off(struct work *w, struct wc_error *err) {
    uint64_t ticket;
    enum wc_err rc = WC_OK;
    while (rc == WC_OK && !wc_watch_must_stop(&w->watch) && wc_queue_next(&w->queue, &ticket)) {
        double start_s = wc_clock_s();
        wc_queue_hold(&w->queue, w->todo[ticket]);
        rc = do_unit(w, w->todo[ticket], err);
        wc_watch_item(&w->watch, wc_clock_s() - start_s);
        if (rc == WC_OK)
            wc_queue_done(&w->queue);
        show_progress(w, false);
    }
    if (rc != WC_OK || wc_watch_must_stop(&w->watch))
        wc_queue_stop(&w->queue);
    return rc;
}

static enum wc_err open_journal(struct work *w, struct wc_error *err) {
    struct wc_state *s = w->s;
    char name[64], *path = NULL;
    uint64_t n_cut = 0;
    snprintf(name, sizeof name, "journal/rank-%05d.wcj", s->comm.rank);
    WC_TRY(wc_state_path(s, name, &path, err));
    enum wc_err rc = wc_journal_open(path, &s->journal_header, s->config->journal_sync_s,
                                     &w->journal, &n_cut, err);
    if (rc == WC_OK && n_cut > 0)
        WC_INFO("%s: cut an incomplete record of %llu bytes", path, (unsigned long long)n_cut);
    wc_free(path);
    return rc;
}

// Units without a result, the same list on every rank.
static enum wc_err list_todo(struct wc_state *s, struct work *w, struct wc_error *err) {
    unsigned char *own = NULL, *any = NULL;
    enum wc_err rc = WC_NEW(&own, s->n_units, "units", err);
    if (rc == WC_OK)
        rc = WC_NEW(&any, s->n_units, "units", err);
    if (rc == WC_OK)
        rc = WC_NEW(&w->todo, s->n_units, "units", err);
    rc = wc_agree(&s->comm, rc, err);
    if (rc == WC_OK) {
        for (size_t u = 0; u < s->n_units; u++)
            own[u] = s->result[u] != NULL;
        MPI_Allreduce(own, any, (int)s->n_units, MPI_UNSIGNED_CHAR, MPI_MAX, s->comm.comm);
        for (size_t u = 0; u < s->n_units; u++)
            if (!any[u])
                w->todo[w->n_todo++] = (uint32_t)u;
    }
    wc_free(own);
    wc_free(any);
    return rc;
}

// What the phase cost; tests count the encoder's passes.
static void report_cost(const struct work *w) {
    struct wc_state *s = w->s;
    uint64_t own = wc_workspace_n_images(wc_scorer_workspace(s->scorer)), all = 0;
    MPI_Reduce(&own, &all, 1, MPI_UINT64_T, MPI_SUM, 0, s->comm.comm);
    if (s->comm.rank == 0)
        WC_INFO("scoring took %.2f s (processor %.2f s); %llu encoder passes, references included",
                wc_clock_s() - w->start_s, wc_cpu_s() - w->start_cpu_s, (unsigned long long)all);
}

// prototypes that no unit of this rank asked for are still on their way
static void finish_prototypes(struct wc_state *s) {
    MPI_Waitall((int)s->dataset.n_categories, s->prototype_arrives, MPI_STATUSES_IGNORE);
}

enum wc_err wc_state_score(struct wc_state *s, struct wc_error *err) {
    struct work w = {.s = s};
    const struct wc_scorer_options scorer = {.tile_mode =
                                                 (enum wc_tile_mode)s->config->preprocess.tiling,
                                             .n_threads = s->n_threads,
                                             .progress = between_chunks,
                                             .progress_data = &w};
    WC_TRY(list_todo(s, &w, err));
    if (w.n_todo == 0) {
        wc_free(w.todo);
        return WC_OK;
    }
    enum wc_err rc = wc_scorer_new(s->model, &s->plan, &scorer, &s->scorer, err);
    if (rc == WC_OK)
        rc = open_journal(&w, err);
    rc = wc_agree(&s->comm, rc, err);
    if (rc == WC_OK)
        rc = wc_state_prepare_references(s, err);
    if (rc == WC_OK)
        rc = wc_watch_open(&s->comm, s->options, &w.watch, err);
    if (rc == WC_OK)
        rc = wc_agree(&s->comm, wc_queue_open(&s->comm, w.n_todo, &w.queue, err), err);
    if (rc != WC_OK)
        goto out;
    s->queue = &w.queue;
    w.start_s = w.shown_s = wc_clock_s();
    w.start_cpu_s = wc_cpu_s();
    if (rc == WC_OK) {
        if (s->comm.rank == 0)
            WC_INFO(
                "%zu images to score on %d ranks with %u threads each, %zu MB of scratch a rank",
                w.n_todo, s->comm.n_ranks, s->n_threads, wc_scorer_bytes(s->scorer) >> 20);
        rc = wc_state_start_prototypes(s, err);
        if (rc == WC_OK)
            rc = work_off(&w, err);
        else
            wc_queue_stop(&w.queue);
        finish_prototypes(s);
        wc_watch_wait(&w.watch, &w.queue, show, &w);
    }
    show_progress(&w, true);
    if (w.journal) {
        struct wc_error close_err = {0};
        enum wc_err close_rc = wc_journal_close(&w.journal, &close_err);
        if (rc == WC_OK && close_rc != WC_OK) {
            rc = close_rc;
            *err = close_err;
        }
    }
    s->queue = NULL;
    wc_queue_close(&w.queue);
    rc = wc_agree(&s->comm, rc, err);
    report_cost(&w);
    MPI_Allreduce(&w.watch.out_of_time, &s->out_of_time, 1, MPI_C_BOOL, MPI_LOR, s->comm.comm);
out:
    if (w.journal)
        wc_journal_close(&w.journal, NULL);
    wc_watch_close(&w.watch);
    wc_scorer_free(&s->scorer);
    wc_buf_release(&w.record);
    wc_free(w.todo);
    return rc;
}
