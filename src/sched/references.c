// The reference phase: each distinct reference image is encoded once by whichever rank is free, its
// features are a file in RUN/features that every rank maps, and an earlier run's file of the same
// picture and model is taken instead.
#include "sched/state.h"

#include "base/alloc.h"
#include "base/hash.h"
#include "base/io.h"
#include "base/log.h"
#include "method/reference_file.h"
#include "sched/queue.h"
#include "sched/watch.h"

#include <stdio.h>
#include <string.h>

#define MAX_IMAGE_BYTES ((size_t)4 << 30)

// One distinct reference of the whole run.
struct wc_ref_unit {
    uint32_t category, image;
    char key[33]; // name of its file, hex; empty while unknown and for banks
};

static enum wc_err list_references(struct wc_state *s, struct wc_error *err) {
    for (size_t c = 0; c < s->draws.n_categories; c++)
        s->n_refs += s->draws.category[c].n;
    WC_TRY(WC_NEW(&s->ref, s->n_refs, "references", err));
    WC_TRY(WC_NEW(&s->first_ref, s->draws.n_categories + 1, "references", err));
    size_t u = 0;
    for (size_t c = 0; c < s->draws.n_categories; c++) {
        s->first_ref[c] = u;
        for (size_t i = 0; i < s->draws.category[c].n; i++)
            s->ref[u++] = (struct wc_ref_unit){(uint32_t)c, (uint32_t)i, ""};
    }
    s->first_ref[s->draws.n_categories] = u;
    return WC_OK;
}

static const struct wc_drawn *drawn_of(const struct wc_state *s, const struct wc_ref_unit *r) {
    return &s->draws.category[r->category].image[r->image];
}

// The name of a picture's features: what they depend on, and its bytes.
static enum wc_err name_features(const struct wc_state *s, const unsigned char *bytes, size_t n,
                                 char key[33]) {
    const struct wc_request *r = &s->plan.reference;
    struct wc_sha256 sha;
    unsigned char digest[32];
    char text[128];
    int length = snprintf(text, sizeof text, "|want %u", r->want);
    for (size_t i = 0; i < r->n_scales; i++)
        length += snprintf(text + length, sizeof text - (size_t)length, ",%zu", r->window[i]);
    if (r->backbone_want)
        length += snprintf(text + length, sizeof text - (size_t)length, "|%u", r->backbone_want);
    wc_sha256_init(&sha);
    wc_sha256_add(&sha, s->reference_key.data, s->reference_key.n);
    wc_sha256_add(&sha, text, (size_t)length);
    wc_sha256_add(&sha, bytes, n);
    wc_sha256_end(&sha, digest);
    wc_hex(digest, 16, key);
    return WC_OK;
}

static char *feature_path(const struct wc_state *s, const char *folder, const char *key) {
    (void)s;
    return wc_sprintf("%s/%s.safetensors", folder, key);
}

// Is the file there and whole? A damaged one is made again.
static bool usable(const struct wc_state *s, const char *path) {
    struct wc_weights *file = NULL;
    struct wc_reference view;
    bool good = wc_io_is_file(path) && wc_weights_open(path, &file, NULL) == WC_OK &&
                wc_reference_view(file, "", wc_buf_str(&s->reference_key), s->model,
                                  &s->plan.reference, &view, NULL) == WC_OK;
    wc_weights_free(&file);
    return good;
}

// Takes the file from the store that runs share, where it is there.
static bool take_from_store(const struct wc_state *s, const char *key, const char *path) {
    char *stored = s->store ? feature_path(s, s->store, key) : NULL;
    bool good = stored && usable(s, stored) && wc_io_link_or_copy(stored, path, NULL) == WC_OK;
    wc_free(stored);
    return good;
}

static void give_to_store(const struct wc_state *s, const char *key, const char *path) {
    char *stored = s->store ? feature_path(s, s->store, key) : NULL;
    struct wc_error err = {0};
    if (stored && !wc_io_exists(stored) && wc_io_link_or_copy(path, stored, &err) != WC_OK)
        WC_INFO("%s: not kept for later runs: %s", stored, err.text);
    wc_free(stored);
}

static enum wc_err encode(struct wc_state *s, const struct wc_drawn *d, const unsigned char *bytes,
                          size_t n, const char *path, struct wc_error *err) {
    const struct wc_image_options o = {.max_pixels = (size_t)s->config->preprocess.max_pixels,
                                       .exif_apply = s->config->preprocess.exif_apply};
    struct wc_image image = {0};
    struct wc_reference_features f = {0};
    WC_TRY(wc_image_decode(d->path, bytes, n, &o, &image, err));
    enum wc_err rc = wc_encode_reference(s->scorer, &image, &f, err);
    if (rc == WC_OK)
        rc = wc_reference_write(path, wc_buf_str(&s->reference_key), s->model, &s->plan.reference,
                                &f.view, err);
    wc_reference_features_release(&f);
    wc_image_release(&image);
    return rc;
}

// One reference: its file is there when this returns. *encoded tells whether the encoder ran.
static enum wc_err make_reference(struct wc_state *s, struct wc_ref_unit *r, bool *encoded,
                                  struct wc_error *err) {
    const struct wc_drawn *d = drawn_of(s, r);
    unsigned char *bytes = NULL;
    size_t n;
    *encoded = false;
    if (d->i_bank >= 0)
        return WC_OK;
    WC_TRY(wc_io_read_file(d->path, MAX_IMAGE_BYTES, &bytes, &n, err));
    enum wc_err rc = name_features(s, bytes, n, r->key);
    char *path = feature_path(s, s->features, r->key);
    if (!path)
        rc = WC_FAIL(err, WC_ERR_NOMEM, "%s: out of memory", d->path);
    if (rc == WC_OK && !usable(s, path) && !take_from_store(s, r->key, path)) {
        rc = encode(s, d, bytes, n, path, err);
        *encoded = rc == WC_OK;
        if (rc == WC_OK)
            give_to_store(s, r->key, path);
        else if (rc == WC_ERR_DATA)
            rc = WC_FAULT(err, rc, err->fault, "reference image of %s: %s%s%s",
                          s->dataset.category[r->category].name,
                          strstr(err->text, d->path) ? "" : d->path,
                          strstr(err->text, d->path) ? "" : ": ", err->text);
    }
    wc_free(path);
    wc_free(bytes);
    return rc;
}

// RUN/features, and the store beside the run directories (`features: keep`).
static enum wc_err open_folders(struct wc_state *s, struct wc_error *err) {
    const struct wc_config *c = s->config;
    WC_TRY(wc_state_path(s, "features", &s->features, err));
    if (c->features == 0) {
        char *parent = wc_path_dir(c->output);
        s->store = c->features_dir ? wc_strdup(c->features_dir)
                   : parent        ? wc_path_join(parent, "features")
                                   : NULL;
        wc_free(parent);
        if (!s->store)
            return WC_FAIL(err, WC_ERR_NOMEM, "features: out of memory");
    }
    if (s->comm.rank != 0)
        return WC_OK;
    WC_TRY(wc_io_mkdirs(s->features, err));
    return s->store ? wc_io_mkdirs(s->store, err) : WC_OK;
}

// Tickets of several runs: first[r] is run r's first.
struct tickets {
    struct wc_state *const *run;
    size_t n_runs, at; // the run of the ticket taken last
    uint64_t n, *first;
    uint64_t *n_encoded; // of each run, by this rank
};

static struct wc_ref_unit *unit_of(struct tickets *t, uint64_t ticket) {
    while (t->at > 0 && ticket < t->first[t->at])
        t->at--;
    while (t->at + 1 < t->n_runs && ticket >= t->first[t->at + 1])
        t->at++;
    return &t->run[t->at]->ref[ticket - t->first[t->at]];
}

static enum wc_err work_off(struct tickets *t, struct wc_error *err) {
    const struct wc_comm *comm = &t->run[0]->comm;
    struct wc_workbench *bench = t->run[0]->bench;
    struct wc_queue queue;
    uint64_t ticket;
    WC_TRY(wc_agree(comm, wc_queue_open(comm, t->n, &queue, err), err));
    bench->queue = &queue;
    enum wc_err rc = WC_OK;
    while (rc == WC_OK && wc_queue_next(&queue, &ticket)) {
        double start_s = wc_clock_s();
        bool encoded = false;
        struct wc_ref_unit *r = unit_of(t, ticket);
        rc = wc_workbench_enter(bench, t->run[t->at], err);
        if (rc == WC_OK)
            rc = make_reference(t->run[t->at], r, &encoded, err);
        t->n_encoded[t->at] += encoded;
        if (rc == WC_OK && wc_watch_now(t->run[0]->options, wc_clock_s() - start_s))
            rc = WC_FAIL(err, WC_ERR_STOPPED,
                         "stopped among the reference images; the same command goes on");
        if (rc != WC_OK)
            wc_queue_stop(&queue);
    }
    bench->queue = NULL;
    wc_queue_close(&queue);
    return wc_agree(comm, rc, err);
}

// All ranks learn the names that each found: where it did not, a key is zero; all else is equal on
// all ranks.
static void share_keys(struct wc_state *s) {
    MPI_Allreduce(MPI_IN_PLACE, s->ref, (int)(s->n_refs * sizeof *s->ref), MPI_UNSIGNED_CHAR,
                  MPI_MAX, s->comm.comm);
}

static enum wc_err write_csv(const struct wc_state *s, struct wc_error *err) {
    struct wc_buf text = {0};
    char *path = NULL;
    enum wc_err rc = wc_draws_csv(&s->draws, &s->dataset, &s->plan, &text, err);
    if (rc == WC_OK)
        rc = wc_state_path(s, "references.csv", &path, err);
    if (rc == WC_OK)
        rc = wc_io_write_atomic(path, wc_buf_str(&text), text.n, err);
    wc_buf_release(&text);
    wc_free(path);
    return rc;
}

static enum wc_err open_run(struct wc_state *s, struct wc_error *err) {
    if (!wc_plan_has_references(&s->plan))
        return WC_OK;
    WC_TRY(open_folders(s, err));
    WC_TRY(list_references(s, err));
    return s->comm.rank == 0 ? write_csv(s, err) : WC_OK;
}

static void tell(const struct wc_state *s, uint64_t n_encoded, double start_s, double start_cpu_s) {
    WC_INFO(
        "%s%sreferences: %zu distinct images for %zu seeds; %llu encoded, %llu found, %.2f s (processor %.2f s)",
        s->options->name ? s->options->name : "", s->options->name ? ": " : "", s->n_refs,
        s->plan.n_seeds, (unsigned long long)n_encoded, (unsigned long long)(s->n_refs - n_encoded),
        wc_clock_s() - start_s, wc_cpu_s() - start_cpu_s);
}

/*
 * Runs of one model and preprocessing share their features: while these are made, each of them asks
 * for what any of them wants, and so names the same files.
 */

static void add_side(struct wc_request *r, size_t side, bool *fits) {
    size_t i = 0;
    while (i < r->n_scales && r->window[i] != side)
        i++;
    *fits = *fits && i < WC_MAX_SCALES;
    if (*fits && i == r->n_scales)
        r->window[r->n_scales++] = side;
}

// Adds what `more` wants, unless its windows are too many.
static void widen(struct wc_request *r, const struct wc_request *more) {
    struct wc_request sum = *r;
    bool fits = true;
    sum.want |= more->want;
    sum.backbone_want |= more->backbone_want;
    for (size_t i = 0; i < more->n_scales; i++)
        add_side(&sum, more->window[i], &fits);
    if (fits)
        *r = sum;
}

static void widen_all(struct wc_state *const *run, size_t n_runs) {
    for (size_t r = 0; r < n_runs; r++)
        run[r]->own_reference = run[r]->plan.reference;
    for (size_t r = 0; r < n_runs; r++) {
        struct wc_request sum = {.backbone = run[r]->plan.reference.backbone};
        bool alone = !wc_plan_has_references(&run[r]->plan);
        for (size_t k = 0; k < n_runs && !alone; k++)
            if (strcmp(wc_buf_str(&run[k]->reference_key), wc_buf_str(&run[r]->reference_key)) == 0)
                widen(&sum, &run[k]->own_reference);
        if (!alone)
            run[r]->plan.reference = sum;
    }
}

static void narrow_all(struct wc_state *const *run, size_t n_runs) {
    for (size_t r = 0; r < n_runs; r++) {
        const struct wc_model *backbone = run[r]->plan.reference.backbone;
        run[r]->plan.reference = run[r]->own_reference;
        run[r]->plan.reference.backbone = backbone;
    }
}

// All ranks: the features of all runs are there.
static enum wc_err make_all(struct tickets *t, struct wc_error *err) {
    const struct wc_comm *comm = &t->run[0]->comm;
    double start_s = wc_clock_s(), start_cpu_s = wc_cpu_s();
    WC_TRY(work_off(t, err));
    for (size_t r = 0; r < t->n_runs; r++)
        share_keys(t->run[r]);
    MPI_Allreduce(MPI_IN_PLACE, t->n_encoded, (int)t->n_runs, MPI_UINT64_T, MPI_SUM, comm->comm);
    for (size_t r = 0; r < t->n_runs && comm->rank == 0; r++)
        if (wc_plan_has_references(&t->run[r]->plan))
            tell(t->run[r], t->n_encoded[r], start_s, start_cpu_s);
    return WC_OK;
}

enum wc_err wc_prepare_references(struct wc_state *const *run, size_t n_runs,
                                  struct wc_error *err) {
    struct tickets t = {.run = run, .n_runs = n_runs};
    enum wc_err rc = WC_NEW(&t.first, n_runs, "references", err);
    if (rc == WC_OK)
        rc = WC_NEW(&t.n_encoded, n_runs, "references", err);
    for (size_t r = 0; r < n_runs && rc == WC_OK; r++) {
        t.first[r] = t.n;
        rc = open_run(run[r], err);
        t.n += run[r]->n_refs;
    }
    rc = wc_agree(&run[0]->comm, rc, err);
    if (rc == WC_OK && t.n > 0) {
        if (n_runs > 1)
            wc_workbench_leave(
                run[0]->bench); // its scorer has no room for more than it wants itself
        widen_all(run, n_runs);
        rc = make_all(&t, err);
        narrow_all(run, n_runs);
    }
    wc_free(t.first);
    wc_free(t.n_encoded);
    return rc;
}

/* The references of the category in hand, mapped. */

void wc_state_close_category(struct wc_state *s) {
    for (size_t i = 0; s->open && i < s->n_open; i++)
        wc_weights_free(&s->open[i]);
    wc_free(s->open);
    wc_free(s->view);
    s->open = NULL;
    s->view = NULL;
    s->n_open = 0;
}

static enum wc_err open_reference(struct wc_state *s, const struct wc_ref_unit *r,
                                  struct wc_weights **file, struct wc_reference *view,
                                  struct wc_error *err) {
    const struct wc_drawn *d = drawn_of(s, r);
    char prefix[32] = "",
         *path = d->i_bank >= 0 ? wc_strdup(d->path) : feature_path(s, s->features, r->key);
    if (!path)
        return WC_FAIL(err, WC_ERR_NOMEM, "references: out of memory");
    if (d->i_bank >= 0)
        snprintf(prefix, sizeof prefix, "ref.%lld.", (long long)d->i_bank);
    enum wc_err rc = wc_weights_open(path, file, err);
    if (rc == WC_OK)
        rc = wc_reference_view(*file, prefix, wc_buf_str(&s->reference_key), s->model,
                               &s->plan.reference, view, err);
    wc_free(path);
    return rc;
}

enum wc_err wc_state_references(struct wc_state *s, size_t category,
                                const struct wc_reference_set **out, struct wc_error *err) {
    *out = NULL;
    if (!wc_plan_has_references(&s->plan))
        return WC_OK;
    if (s->view && s->open_category == category) {
        *out = &s->references;
        return WC_OK;
    }
    wc_state_close_category(s);
    const struct wc_draw *d = &s->draws.category[category];
    WC_TRY(WC_NEW(&s->open, d->n, "references", err));
    WC_TRY(WC_NEW(&s->view, d->n, "references", err));
    for (; s->n_open < d->n; s->n_open++)
        WC_TRY(open_reference(s, &s->ref[s->first_ref[category] + s->n_open], &s->open[s->n_open],
                              &s->view[s->n_open], err));
    s->open_category = category;
    s->references = (struct wc_reference_set){.id = category + 1,
                                              .reference = s->view,
                                              .n = d->n,
                                              .draw = d->order,
                                              .n_seeds = s->draws.n_seeds,
                                              .n_draw = d->n_draw};
    *out = &s->references;
    return WC_OK;
}

// Rank 0, at the end of a run: the store below its cap, oldest files first; temporary features go.
enum wc_err wc_state_tidy_features(struct wc_state *s, struct wc_error *err) {
    if (!wc_plan_has_references(&s->plan) || s->comm.rank != 0)
        return WC_OK;
    wc_state_close_category(s);
    // A run that was interrupted between its last image and its report had no reference phase.
    if (!s->features)
        WC_TRY(open_folders(s, err));
    if (s->store)
        return wc_io_trim_folder(s->store, s->config->features_max_mb << 20, err);
    return wc_io_trim_folder(s->features, 0, err);
}

void wc_state_release_references(struct wc_state *s) {
    wc_state_close_category(s);
    wc_draws_release(&s->draws);
    wc_buf_release(&s->reference_key);
    wc_free(s->ref);
    wc_free(s->first_ref);
    wc_free(s->features);
    wc_free(s->store);
}
