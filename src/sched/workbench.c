#include "sched/workbench.h"

#include "base/alloc.h"
#include "base/io.h"
#include "base/log.h"
#include "model/backbone.h"
#include "sched/state.h"
#include "tensor/gemm.h"
#include "tensor/kernels.h"

#include <stdlib.h>
#include <string.h>

static const char *or_empty(const char *s) {
    return s ? s : "";
}

// Takes `key` over: is it the one that is open already?
static bool same_key(char **open, char *key) {
    if (*open && strcmp(*open, key) == 0) {
        wc_free(key);
        return true;
    }
    wc_free(*open);
    *open = key;
    return false;
}

static void forget(struct wc_model **model, char **key) {
    wc_model_free(model);
    wc_free(*key);
    *key = NULL;
}

// A job may have copied a weight file to this node's own disk: the copy is read where it is there.
static const char *nearest_copy(const char *weights) {
    const char *from = getenv("WINCLIP_STAGED_FROM"), *to = getenv("WINCLIP_STAGED_TO");
    struct wc_io_info shared, copy;
    if (!weights || !from || !to || strcmp(from, weights) != 0 || !wc_io_stat(to, &copy) ||
        !copy.is_file)
        return weights;
    if (!wc_io_stat(from, &shared) || shared.n_bytes != copy.n_bytes) {
        WC_WARN("%s: not as large as %s, of which it should be a copy; not read", to, from);
        return weights;
    }
    WC_DEBUG("weights: %s instead of %s", to, from);
    return to;
}

enum wc_err wc_workbench_model(struct wc_workbench *b, const struct wc_config *c,
                               struct wc_error *err) {
    struct wc_model_options o = {.weights = c->model.weights,
                                 .arch = c->model.arch,
                                 .json = c->model.json,
                                 .activation = (enum wc_activation)c->model.activation,
                                 .precision = (enum wc_precision)c->model.precision,
                                 .share_packed = b->shared_node,
                                 .interpolate_px = (size_t)c->model.interpolate};
    // Packed weights are of one library, and calibrated by the kernels of one instruction set.
    char *key =
        wc_sprintf("%s|%s|%s|%d|%llu|%d|%s|%s", o.weights, or_empty(o.arch), or_empty(o.json),
                   c->model.activation, (unsigned long long)c->model.interpolate,
                   c->model.precision, wc_gemm_backend(), wc_isa_name(wc_kernels()->isa));
    if (!key)
        return WC_FAIL(err, WC_ERR_NOMEM, "%s: out of memory", o.weights);
    if (same_key(&b->model_key, key))
        return WC_OK;
    wc_model_free(&b->model);
    o.weights = nearest_copy(o.weights);
    enum wc_err rc = wc_model_open(&o, &b->model, err);
    b->n_opened += rc == WC_OK;
    WC_DEBUG("bench: model %s", o.weights);
    if (rc != WC_OK)
        forget(&b->model, &b->model_key);
    return rc;
}

enum wc_err wc_workbench_backbone(struct wc_workbench *b, const struct wc_config *c,
                                  size_t image_px, struct wc_error *err) {
    char *key = wc_sprintf("%s|%s|%zu|%s", or_empty(c->backbone.weights),
                           or_empty(c->backbone.arch), image_px, wc_gemm_backend());
    if (!key)
        return WC_FAIL(err, WC_ERR_NOMEM, "backbone: out of memory");
    if (same_key(&b->backbone_key, key))
        return WC_OK;
    wc_model_free(&b->backbone);
    enum wc_err rc = wc_backbone_open(nearest_copy(c->backbone.weights), c->backbone.arch, image_px,
                                      &b->backbone, err);
    b->n_opened += rc == WC_OK;
    if (rc != WC_OK)
        forget(&b->backbone, &b->backbone_key);
    return rc;
}

void wc_workbench_leave(struct wc_workbench *b) {
    struct wc_state *s = b->entered;
    if (!s)
        return;
    if (s->scorer)
        b->n_passes += wc_workspace_n_images(wc_scorer_workspace(s->scorer));
    wc_scorer_free(&s->scorer);
    wc_state_close_category(s);
    s->model = s->backbone = NULL;
    b->entered = NULL;
}

enum wc_err wc_workbench_enter(struct wc_workbench *b, struct wc_state *s, struct wc_error *err) {
    const struct wc_scorer_options o = {.tile_mode =
                                            (enum wc_tile_mode)s->config->preprocess.tiling,
                                        .n_threads = s->n_threads,
                                        .progress = wc_workbench_between_chunks,
                                        .progress_data = b};
    if (b->entered == s)
        return WC_OK;
    wc_workbench_leave(b);
    WC_TRY(wc_workbench_model(b, s->config, err));
    s->model = b->model;
    b->entered = s;
    if (wc_plan_needs_backbone(&s->plan)) {
        WC_TRY(wc_workbench_backbone(b, s->config, wc_model_arch(s->model)->image_px, err));
        s->backbone = b->backbone;
        wc_plan_attach(&s->plan, s->backbone);
    }
    return wc_scorer_new(s->model, &s->plan, &o, &s->scorer, err);
}

void wc_workbench_between_chunks(void *data) {
    struct wc_workbench *b = data;
    if (b->queue)
        wc_queue_progress(b->queue);
    if (b->show)
        b->show(b->show_data);
}

void wc_workbench_release(struct wc_workbench *b) {
    wc_workbench_leave(b);
    forget(&b->model, &b->model_key);
    forget(&b->backbone, &b->backbone_key);
}
