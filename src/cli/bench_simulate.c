#include "cli/bench_simulate.h"

#include "base/alloc.h"
#include "sched/simulate.h"
#include "sched/status.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum { MAX_RANKS = 32 };

struct wanted {
    const char *run, *ranks;
    struct wc_simulation s;
    double n_images, n_categories, reduce_mb;
};

// Keys with a number, their defaults and what they are.
static const struct {
    const char *key;
    size_t at;
    double initial;
    const char *help;
} keys[] = {
#define NUMBER(key, member, initial, help)                                                         \
    { key, offsetof(struct wanted, member), initial, help }
    NUMBER("images", n_images, 0, "images to score; default: as many as the run has"),
    NUMBER("categories", n_categories, 12, "categories that they are in"),
    NUMBER("latency", s.latency_s, 5e-6, "seconds of a one-sided question, there and back"),
    NUMBER("service", s.service_s, 1e-6, "seconds that a counter takes for one"),
    NUMBER("prototype", s.prototype_s, 0, "seconds in which rank 0 makes a category's prototypes"),
    NUMBER("reduce_mb", reduce_mb, 100, "megabytes of histograms that are added at the end"),
    NUMBER("bandwidth", s.bandwidth, 1e9, "bytes a second between two nodes"),
    NUMBER("slow_part", s.slow_part, 0, "part of the ranks that is slower"),
    NUMBER("slow_factor", s.slow_factor, 1, "so many times"),
#undef NUMBER
};
enum { N_KEYS = sizeof keys / sizeof *keys };

static double *number_at(struct wanted *w, size_t i) {
    return (double *)(void *)((char *)w + keys[i].at);
}

static enum wc_err set(struct wanted *w, const char *text, struct wc_error *err) {
    const char *equals = strchr(text, '='), *names[N_KEYS + 2] = {"run", "ranks"};
    size_t n = equals ? (size_t)(equals - text) : strlen(text);
    char key[32];
    snprintf(key, sizeof key, "%.*s", (int)(n < sizeof key ? n : sizeof key - 1), text);
    for (size_t i = 0; i < N_KEYS; i++)
        names[i + 2] = keys[i].key;
    if (equals && strcmp(key, "run") == 0) {
        w->run = equals + 1;
        return WC_OK;
    }
    if (equals && strcmp(key, "ranks") == 0) {
        w->ranks = equals + 1;
        return WC_OK;
    }
    for (size_t i = 0; i < N_KEYS && equals; i++) {
        if (strcmp(key, keys[i].key) != 0)
            continue;
        if (!wc_parse_f64(equals + 1, number_at(w, i)) || *number_at(w, i) < 0)
            return WC_FAIL(err, WC_ERR_USAGE, "bench: --simulate %s: a number is needed: %s", text,
                           keys[i].help);
        return WC_OK;
    }
    const char *near = wc_str_nearest(key, names, N_KEYS + 2);
    return WC_FAIL(err, WC_ERR_USAGE, "bench: --simulate %s: no such key%s%s", text,
                   near ? ", did you mean " : "", near ? near : "");
}

static enum wc_err read_ranks(const char *text, size_t *ranks, size_t *n, struct wc_error *err) {
    char copy[256];
    *n = 0;
    snprintf(copy, sizeof copy, "%s", text);
    for (char *at = copy, *comma; at; at = comma ? comma + 1 : NULL) {
        uint64_t value;
        comma = strchr(at, ',');
        if (comma)
            *comma = '\0';
        if (*n == MAX_RANKS || !wc_parse_u64(at, &value) || value < 1 || value > 10000000)
            return WC_FAIL(err, WC_ERR_USAGE,
                           "bench: --simulate ranks=%s: at most %d numbers, with commas", text,
                           MAX_RANKS);
        ranks[(*n)++] = (size_t)value;
    }
    return WC_OK;
}

static enum wc_err print(const struct wc_simulation *all, const size_t *ranks, size_t n,
                         struct wc_error *err) {
    printf("%8s %9s %9s %10s %8s %10s %10s %9s  %s\n", "ranks", "images", "seconds", "efficiency",
           "tail s", "hand-out s", "prototypes", "reduce s", "limit");
    for (size_t i = 0; i < n; i++) {
        struct wc_simulation s = *all;
        struct wc_simulated r;
        s.n_ranks = ranks[i];
        WC_TRY(wc_simulate(&s, &r, err));
        printf("%8zu %9zu %9.1f %10.4f %8.2f %10.4f %10.2f %9.2f  %s\n", s.n_ranks, s.n_items,
               r.wall_s, r.efficiency, r.tail_s, r.hand_out_s, r.prototype_wait_s, r.reduce_s,
               wc_simulated_limit(&s, &r));
        if (s.slow_part > 0)
            printf("%8s slow ranks did %.1f %% of the images\n", "", 100 * r.slow_share);
    }
    return WC_OK;
}

enum wc_err wc_bench_simulate(const struct wc_strlist *settings, struct wc_error *err) {
    struct wanted w = {0};
    size_t ranks[MAX_RANKS], n_ranks = 0, n = 0;
    double *seconds = NULL, sum = 0;
    for (size_t i = 0; i < N_KEYS; i++)
        *number_at(&w, i) = keys[i].initial;
    for (size_t i = 0; i < settings->n; i++)
        WC_TRY(set(&w, settings->item[i], err));
    if (!w.run || !w.ranks)
        return WC_FAIL(err, WC_ERR_USAGE,
                       "bench: --simulate needs run=RUN, whose images' seconds are replayed, and "
                       "ranks=N,N,...");
    WC_TRY(read_ranks(w.ranks, ranks, &n_ranks, err));
    WC_TRY(wc_run_item_seconds(w.run, &seconds, &n, err));
    for (size_t i = 0; i < n; i++)
        sum += seconds[i];
    w.s.item_s = seconds;
    w.s.n_measured = n;
    w.s.n_items = w.n_images > 0 ? (size_t)w.n_images : n;
    w.s.n_categories = w.n_categories > 1 ? (size_t)w.n_categories : 1;
    w.s.reduce_bytes = w.reduce_mb * 1e6;
    printf("%s: %zu images measured, %.3g s on average. Assumed: a question %.3g s there and back, "
           "%.3g s at the counter;\nprototypes %.3g s a category, %zu categories; %.4g MB of "
           "histograms at %.3g bytes/s\n",
           w.run, n, n > 0 ? sum / (double)n : 0, w.s.latency_s, w.s.service_s, w.s.prototype_s,
           w.s.n_categories, w.reduce_mb, w.s.bandwidth);
    enum wc_err rc = print(&w.s, ranks, n_ranks, err);
    wc_free(seconds);
    return rc;
}
