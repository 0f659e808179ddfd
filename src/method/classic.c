#include "method/classic.h"

#include "base/alloc.h"
#include "model/backbone.h"

static const struct wc_classic *const all[] = {&wc_patchcore, &wc_patchcore_vit_hidden,
                                               &wc_patchcore_vit_last, &wc_padim, &wc_spade};
enum { N_ALL = sizeof all / sizeof *all };

struct wc_classics {
    struct wc_classic_context context;
    struct wc_workspace *workspace;
    struct wc_features features; // of the tile in hand
    float *pixels;               // (3, S, S)
    void *state[N_ALL];          // NULL: no variant
    uint64_t learnt_id;          // the set of references that the states know; 0: none
};

size_t wc_classic_variants(const struct wc_plan *plan, const struct wc_classic *classic,
                           size_t *index) {
    size_t n = 0;
    for (size_t v = 0; v < plan->n_variants; v++)
        if (plan->variant[v].method->classic == classic)
            index[n++] = v;
    return n;
}

size_t wc_classic_most_references(const struct wc_plan *plan) {
    return (size_t)plan->max_shot * plan->n_seeds;
}

static bool used(const struct wc_plan *plan, const struct wc_classic *classic) {
    for (size_t v = 0; v < plan->n_variants; v++)
        if (plan->variant[v].method->classic == classic)
            return true;
    return false;
}

static enum wc_err make(struct wc_classics *c, struct wc_error *err) {
    const struct wc_classic_context *x = &c->context;
    const struct wc_request r = {.want = x->plan->request.backbone_want};
    size_t px = x->image_px;
    if (x->backbone) {
        WC_TRY(WC_NEW(&c->pixels, 3 * px * px, "backbone", err));
        WC_TRY(wc_workspace_new(x->backbone, x->n_threads, x->progress, x->progress_data,
                                &c->workspace, err));
        WC_TRY(wc_features_init(x->backbone, &r, &c->features, err));
    }
    for (size_t i = 0; i < N_ALL; i++)
        if (used(x->plan, all[i]))
            WC_TRY(all[i]->open(x, &c->state[i], err));
    return WC_OK;
}

enum wc_err wc_classics_new(const struct wc_classic_context *context, struct wc_classics **out,
                            struct wc_error *err) {
    struct wc_classics *c;
    WC_TRY(WC_NEW(&c, 1, "backbone", err));
    c->context = *context;
    enum wc_err rc = make(c, err);
    if (rc != WC_OK) {
        wc_classics_free(&c);
        return rc;
    }
    *out = c;
    return WC_OK;
}

void wc_classics_free(struct wc_classics **classics) {
    struct wc_classics *c = *classics;
    if (!c)
        return;
    for (size_t i = 0; i < N_ALL; i++)
        all[i]->close(c->state[i]);
    wc_features_release(&c->features);
    wc_workspace_free(&c->workspace);
    wc_free(c->pixels);
    wc_free(c);
    *classics = NULL;
}

size_t wc_classics_bytes(const struct wc_classics *c) {
    size_t px = c->context.image_px, n = 0;
    if (c->workspace)
        n +=
            wc_workspace_bytes(c->workspace) + (c->features.n_floats + 3 * px * px) * sizeof(float);
    for (size_t i = 0; i < N_ALL; i++)
        n += c->state[i] ? all[i]->bytes(c->state[i]) : 0;
    return n;
}

static enum wc_err learn(struct wc_classics *c, const struct wc_reference_set *refs,
                         struct wc_error *err) {
    if (refs->id != 0 && c->learnt_id == refs->id)
        return WC_OK;
    c->learnt_id = 0;
    for (size_t i = 0; i < N_ALL; i++)
        if (c->state[i])
            WC_TRY(all[i]->learn(c->state[i], refs, err));
    c->learnt_id = refs->id;
    return WC_OK;
}

enum wc_err wc_classics_look(struct wc_classics *c, const struct wc_features *clip,
                             const struct wc_tiling *t, const struct wc_image *resized, size_t i,
                             const struct wc_reference_set *refs, struct wc_error *err) {
    const struct wc_classic_context *x = &c->context;
    const struct wc_request r = {.want = x->plan->request.backbone_want};
    if (refs)
        WC_TRY(learn(c, refs, err));
    if (x->backbone) {
        wc_tiling_normalise(t, resized, i, wc_imagenet_mean, wc_imagenet_std, c->pixels);
        WC_TRY(wc_encode_image(x->backbone, c->workspace, c->pixels, &r, &c->features, err));
    }
    for (size_t k = 0; k < N_ALL && refs; k++)
        if (c->state[k])
            WC_TRY(all[k]->look(c->state[k], &c->features, clip, i, err));
    return WC_OK;
}

const struct wc_features *wc_classics_features(const struct wc_classics *c) {
    return &c->features;
}

double wc_classics_score(struct wc_classics *c, size_t i_variant, float *grid) {
    const struct wc_classic *classic = c->context.plan->variant[i_variant].method->classic;
    size_t i = 0;
    while (all[i] != classic)
        i++;
    return classic->score(c->state[i], i_variant, grid);
}

struct wc_workspace *wc_classics_workspace(struct wc_classics *c) {
    return c->workspace;
}
