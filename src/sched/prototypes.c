// Text prototypes: rank 0 encodes category after category and sends each on its way; the others
// score meanwhile.
#include "sched/state.h"

#include "base/alloc.h"

#include <math.h>
#include <string.h>

static size_t block_size(const struct wc_state *s) {
    return s->plan.n_recipes * 2 * wc_model_arch(s->model)->embed;
}

static enum wc_err make(struct wc_state *s, struct wc_error *err) {
    size_t n = block_size(s);
    enum wc_err rc = WC_OK;
    for (size_t c = 0; c < s->dataset.n_categories; c++) {
        float *out = s->prototype + c * n;
        const char *category = s->dataset.category[c].name;
        if (rc == WC_OK)
            rc = wc_prototypes(s->model, wc_scorer_workspace(s->scorer), s->tokenizer, &s->prompts,
                               s->plan.recipe, s->plan.n_recipes, category, s->object[c], out, err);
        if (rc != WC_OK)
            out[0] = NAN; // the others wait for this block: NaN tells them that it failed
        MPI_Ibcast(out, (int)n, MPI_FLOAT, 0, s->comm.comm, &s->prototype_arrives[c]);
    }
    return rc;
}

enum wc_err wc_state_start_prototypes(struct wc_state *s, struct wc_error *err) {
    size_t n = block_size(s), n_categories = s->dataset.n_categories;
    enum wc_err rc = WC_NEW(&s->prototype, n_categories * n, "prototypes", err);
    if (rc == WC_OK)
        rc = WC_NEW(&s->prototype_arrives, n_categories, "prototypes", err);
    WC_TRY(wc_agree(&s->comm, rc, err));
    if (s->comm.rank == 0)
        return make(s, err); // a failure is agreed on after the scoring phase
    for (size_t c = 0; c < n_categories; c++)
        MPI_Ibcast(s->prototype + c * n, (int)n, MPI_FLOAT, 0, s->comm.comm,
                   &s->prototype_arrives[c]);
    return WC_OK;
}

const float *wc_state_prototypes(struct wc_state *s, size_t category) {
    const float *block = s->prototype + category * block_size(s);
    int here = 0;
    while (MPI_Test(&s->prototype_arrives[category], &here, MPI_STATUS_IGNORE), !here)
        wc_queue_progress(s->queue); // others may wait for this rank
    return isnan(block[0]) ? NULL : block;
}
