#include "sched/watch.h"

#include "base/alloc.h"
#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LEAST_ITEMS = 3 }; // no median of fewer

enum wc_err wc_watch_open(const struct wc_comm *c, const struct wc_run_options *options,
                          struct wc_watch *w, struct wc_error *err) {
    char own[64] = "";
    size_t n = c->rank == 0 ? (size_t)c->n_ranks : 0;
    *w = (struct wc_watch){.comm = c, .options = options};
    enum wc_err rc = WC_NEW(&w->host, n + 1, "watch", err);
    if (rc == WC_OK)
        rc = WC_NEW(&w->unit, n + 1, "watch", err);
    if (rc == WC_OK)
        rc = WC_NEW(&w->before, n + 1, "watch", err);
    if (rc == WC_OK)
        rc = WC_NEW(&w->since_s, n + 1, "watch", err);
    WC_TRY(wc_agree(c, rc, err));
    for (size_t r = 0; r < n; r++)
        w->before[r] = WC_QUEUE_IDLE;
    if (gethostname(own, sizeof own - 1) != 0)
        strcpy(own, "?");
    MPI_Gather(own, sizeof own, MPI_CHAR, w->host, sizeof own, MPI_CHAR, 0, c->comm);
    return WC_OK;
}

void wc_watch_close(struct wc_watch *w) {
    wc_free(w->host);
    wc_free(w->unit);
    wc_free(w->before);
    wc_free(w->since_s);
    *w = (struct wc_watch){0};
}

void wc_watch_item(struct wc_watch *w, double seconds) {
    w->seconds[w->n_items++ % WC_WATCH_MEDIAN_OF] = seconds;
    if (seconds > w->longest_s)
        w->longest_s = seconds;
}

static bool stop_asked(const struct wc_run_options *o) {
    return o->stop && *o->stop;
}

// Twice the longest item: the next one may take longer.
static bool time_is_up(const struct wc_run_options *o, double item_s) {
    return o->deadline_s > 0 && wc_clock_s() + 2 * item_s > o->deadline_s;
}

bool wc_watch_now(const struct wc_run_options *o, double item_s) {
    return stop_asked(o) || time_is_up(o, item_s);
}

bool wc_watch_must_stop(struct wc_watch *w) {
    if (stop_asked(w->options))
        return true;
    w->out_of_time = w->out_of_time || time_is_up(w->options, w->longest_s);
    return w->out_of_time;
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(const struct wc_watch *w) {
    double sorted[WC_WATCH_MEDIAN_OF];
    size_t n = w->n_items < WC_WATCH_MEDIAN_OF ? w->n_items : WC_WATCH_MEDIAN_OF;
    memcpy(sorted, w->seconds, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, ascending);
    return sorted[n / 2];
}

void wc_watch_look(struct wc_watch *w, struct wc_queue *q, const char *(*name)(void *, uint64_t),
                   void *data) {
    double now = wc_clock_s();
    if (w->comm->rank != 0 || w->n_items < LEAST_ITEMS)
        return;
    double usual = median(w), limit = WC_WATCH_FACTOR * usual;
    if (limit < WC_WATCH_LEAST_S)
        limit = WC_WATCH_LEAST_S;
    wc_queue_held(q, w->unit);
    for (int r = 0; r < w->comm->n_ranks; r++) {
        if (w->unit[r] != w->before[r]) {
            w->before[r] = w->unit[r];
            w->since_s[r] = now;
        }
        if (w->unit[r] == WC_QUEUE_IDLE || w->since_s[r] < 0 || now - w->since_s[r] < limit)
            continue;
        WC_WARN("rank %d on %s has had %s in hand for %.0f s, the median is %.2g s: stuck?", r,
                w->host[r], name(data, w->unit[r]), now - w->since_s[r], usual);
        w->since_s[r] = -1;
    }
}

void wc_watch_wait(struct wc_watch *w, struct wc_queue *q, void (*show)(void *), void *data) {
    const struct timespec nap = {.tv_nsec = 2000000};
    MPI_Request all_here;
    int here = 0;
    MPI_Ibarrier(w->comm->comm, &all_here);
    while (MPI_Test(&all_here, &here, MPI_STATUS_IGNORE), !here) {
        wc_queue_progress(q);
        show(data);
        nanosleep(&nap, NULL);
    }
}
