// Text prototypes: rank 0 encodes run after run, category after category, and sends each on its
// way; the others score meanwhile.
#include "sched/state.h"

#include "base/alloc.h"
#include "base/hash.h"
#include "base/log.h"

#include <math.h>
#include <string.h>

static size_t block_size(const struct wc_state *s) {
    return s->plan.n_recipes * 2 * s->arch.embed;
}

// What runs share: pairs (2, e) by a digest of all that they depend on.
struct shared {
    struct pair {
        unsigned char digest[32];
        float *value;
    } * pair;
    size_t n, cap, n_found;
};

static void release_shared(struct shared *x) {
    for (size_t i = 0; i < x->n; i++)
        wc_free(x->pair[i].value);
    wc_free(x->pair);
}

static void digest_of(const struct wc_state *s, size_t c, const struct wc_recipe *r,
                      unsigned char digest[32]) {
    const struct wc_config *g = s->config;
    const char *const parts[] = {s->id.weights_sha256,
                                 s->activation,
                                 g->model.bpe ? g->model.bpe : "",
                                 wc_prompts_sha256(s->prompts.set[r->source]),
                                 r->list,
                                 s->dataset.category[c].name,
                                 s->object[c]};
    const unsigned char kind[2] = {(unsigned char)r->average, (unsigned char)g->model.precision};
    struct wc_sha256 sha;
    wc_sha256_init(&sha);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        wc_sha256_add(&sha, parts[i], strlen(parts[i]) + 1);
    wc_sha256_add(&sha, kind, sizeof kind);
    wc_sha256_end(&sha, digest);
}

// One recipe of one category: out (2, e).
static enum wc_err make_one(struct wc_state *s, struct shared *x, size_t c, size_t i, float *out,
                            struct wc_error *err) {
    struct pair p;
    size_t n = 2 * s->arch.embed;
    digest_of(s, c, &s->plan.recipe[i], p.digest);
    for (size_t k = 0; k < x->n; k++)
        if (memcmp(x->pair[k].digest, p.digest, sizeof p.digest) == 0) {
            memcpy(out, x->pair[k].value, n * sizeof *out);
            x->n_found++;
            return WC_OK;
        }
    WC_TRY(wc_workbench_enter(s->bench, s, err));
    WC_TRY(wc_prototypes(s->model, wc_scorer_workspace(s->scorer), s->tokenizer, &s->prompts,
                         &s->plan.recipe[i], 1, s->dataset.category[c].name, s->object[c], out,
                         err));
    WC_TRY(WC_GROW(&x->pair, &x->cap, x->n + 1, "prototypes", err));
    WC_TRY(WC_NEW(&p.value, n, "prototypes", err));
    memcpy(p.value, out, n * sizeof *out);
    x->pair[x->n++] = p;
    return WC_OK;
}

static enum wc_err make_run(struct wc_state *s, struct shared *x, enum wc_err rc,
                            struct wc_error *err) {
    size_t n = block_size(s), each = 2 * s->arch.embed;
    for (size_t c = 0; c < s->dataset.n_categories; c++) {
        float *out = s->prototype + c * n;
        for (size_t i = 0; i < s->plan.n_recipes && rc == WC_OK; i++)
            rc = make_one(s, x, c, i, out + i * each, err);
        if (rc != WC_OK)
            out[0] = NAN; // the others wait for this block: NaN tells them that it failed
        MPI_Ibcast(out, (int)n, MPI_FLOAT, 0, s->comm.comm, &s->prototype_arrives[c]);
    }
    return rc;
}

static enum wc_err make_room(struct wc_state *s, struct wc_error *err) {
    size_t n = s->dataset.n_categories;
    WC_TRY(WC_NEW(&s->prototype, n * block_size(s), "prototypes", err));
    return WC_NEW(&s->prototype_arrives, n, "prototypes", err);
}

enum wc_err wc_start_prototypes(struct wc_state *const *run, size_t n_runs, struct wc_error *err) {
    struct shared shared = {0};
    enum wc_err rc = WC_OK;
    for (size_t r = 0; r < n_runs && rc == WC_OK; r++)
        rc = make_room(run[r], err);
    rc = wc_agree(&run[0]->comm, rc, err);
    if (rc != WC_OK) { // nothing is under way
        for (size_t r = 0; r < n_runs; r++) {
            wc_free(run[r]->prototype_arrives);
            run[r]->prototype_arrives = NULL;
        }
        return rc;
    }
    if (run[0]->comm.rank == 0) {
        for (size_t r = 0; r < n_runs; r++)
            rc = make_run(run[r], &shared, rc, err);
        WC_DEBUG("prototypes: %zu pairs made, %zu shared", shared.n, shared.n_found);
        release_shared(&shared);
        return rc;
    }
    for (size_t r = 0; r < n_runs; r++) {
        size_t n = block_size(run[r]);
        for (size_t c = 0; c < run[r]->dataset.n_categories; c++)
            MPI_Ibcast(run[r]->prototype + c * n, (int)n, MPI_FLOAT, 0, run[r]->comm.comm,
                       &run[r]->prototype_arrives[c]);
    }
    return WC_OK;
}

void wc_finish_prototypes(struct wc_state *const *run, size_t n_runs) {
    for (size_t r = 0; r < n_runs; r++)
        if (run[r]->prototype_arrives)
            MPI_Waitall((int)run[r]->dataset.n_categories, run[r]->prototype_arrives,
                        MPI_STATUSES_IGNORE);
}

const float *wc_state_prototypes(struct wc_state *s, size_t category) {
    const float *block = s->prototype + category * block_size(s);
    int here = 0;
    while (MPI_Test(&s->prototype_arrives[category], &here, MPI_STATUS_IGNORE), !here)
        wc_queue_progress(s->bench->queue); // others may wait for this rank
    return isnan(block[0]) ? NULL : block;
}
