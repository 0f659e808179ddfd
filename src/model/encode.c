// One image through the image tower of any family: what is asked for, cut into tasks that threads
// take.
#include "model/tower.h"

#include "base/alloc.h"
#include "model/backbone.h"

#include <omp.h>
#include <stdio.h>

size_t wc_n_windows(size_t g, size_t k) {
    return k == 0 || k > g ? 0 : (g - k + 1) * (g - k + 1);
}

// An image's work in tasks: the whole image, where asked for, then chunks of windows, those of the
// last scale first (larger windows are the longer tasks). The cut depends on grid and request
// alone, so that results do not depend on threads.
struct plan {
    bool whole;
    size_t n_chunks[WC_MAX_SCALES], n_tasks;
};

static struct plan make_plan(size_t g, const struct wc_request *r) {
    struct plan p = {.whole = r->want & ~(unsigned)WC_WANT_WINDOWS};
    p.n_tasks = p.whole;
    for (size_t i = 0; i < r->n_scales && (r->want & WC_WANT_WINDOWS); i++) {
        size_t t = 1 + r->window[i] * r->window[i], most = wc_chunk_rows(t) / t;
        p.n_chunks[i] = (wc_n_windows(g, r->window[i]) + most - 1) / most;
        p.n_tasks += p.n_chunks[i];
    }
    return p;
}

static void run_task(const struct wc_model *m, const struct wc_workspace *w, const struct plan *p,
                     const struct wc_request *r, size_t task, struct wc_features *out) {
    struct wc_scratch *s = &w->scratch[omp_get_thread_num()];
    if (p->whole && task == 0) {
        m->family->whole(m, w, r->want, s, out);
        return;
    }
    size_t chunk = task - p->whole, scale = r->n_scales - 1;
    while (chunk >= p->n_chunks[scale])
        chunk -= p->n_chunks[scale--];
    size_t n = wc_n_windows(wc_arch_grid(&m->arch), r->window[scale]);
    size_t first = chunk * n / p->n_chunks[scale], end = (chunk + 1) * n / p->n_chunks[scale];
    m->family->windows(m, w, r->window[scale], first, end - first, s,
                       out->window[scale] + first * m->arch.embed);
}

// The first layer whose output is not finite, for a message. A second pass over the image, with the
// tokens before every block kept; made only when something is wrong.
static void blame(const struct wc_model *m, const struct wc_workspace *w, char *text, size_t n) {
    const struct wc_request r = {.want = WC_WANT_TRACE | WC_WANT_PATCH | WC_WANT_IMAGE};
    struct wc_features f = {0};
    snprintf(text, n, "the image tower");
    if (m->family != &wc_vit_family || wc_features_init(m, &r, &f, NULL) != WC_OK)
        return;
    size_t layers = m->vit.tower.layers, tokens = (1 + m->vit.g * m->vit.g) * m->vit.tower.d, l = 0;
    m->family->whole(m, w, r.want, &w->scratch[0], &f);
    while (l < layers && wc_first_non_finite(f.trace + l * tokens, tokens) < 0)
        l++;
    if (l == 0)
        snprintf(text, n, "the patch embedding (visual.conv1)");
    else if (l < layers || wc_first_non_finite(f.patch, tokens - m->vit.tower.d) >= 0)
        snprintf(text, n, "block %zu (visual.transformer.resblocks.%zu)", l - 1, l - 1);
    else if (wc_first_non_finite(f.image, m->arch.embed) >= 0)
        snprintf(text, n, "the projection (visual.ln_post, visual.proj)");
    wc_features_release(&f);
}

static void blame_stage(const struct wc_model *m, const struct wc_features *f, char *text,
                        size_t n) {
    for (size_t i = 0; i < WC_BACKBONE_LAYERS; i++)
        if (f->layer[i] && wc_first_non_finite(f->layer[i], wc_backbone_layer_f32(m, i)) >= 0) {
            snprintf(text, n, "stage %zu (layer%zu)", i + 1, i + 1);
            return;
        }
}

static enum wc_err check_finite(const struct wc_model *m, const struct wc_workspace *w,
                                const struct wc_features *f, struct wc_error *err) {
    char layer[80];
    if (wc_first_non_finite(f->block, f->n_floats) < 0)
        return WC_OK;
    blame(m, w, layer, sizeof layer);
    blame_stage(m, f, layer, sizeof layer);
    return WC_FAULT(err, WC_ERR_DATA, "non-finite",
                    "NaN or infinity from %s of %s; are the weights damaged or of another "
                    "precision?",
                    layer, m->origin);
}

enum wc_err wc_encode_image(const struct wc_model *model, struct wc_workspace *w,
                            const float *pixels, const struct wc_request *request,
                            struct wc_features *out, struct wc_error *err) {
    const struct plan plan = make_plan(wc_arch_grid(&model->arch), request);
    w->n_images++;
    model->family->begin(model, w, request->want, pixels);
#pragma omp parallel for schedule(dynamic, 1) num_threads(w->n_threads)
    for (size_t i = 0; i < plan.n_tasks; i++) {
        run_task(model, w, &plan, request, i, out);
        if (w->progress && omp_get_thread_num() == 0)
            w->progress(w->progress_data);
    }
    return check_finite(model, w, out, err);
}

enum wc_err wc_features_init(const struct wc_model *model, const struct wc_request *r,
                             struct wc_features *out, struct wc_error *err) {
    size_t g = wc_arch_grid(&model->arch), n = g * g, d = wc_arch_token_width(&model->arch),
           e = model->arch.embed;
    struct wc_features f = {0};
    struct {
        float **slot;
        size_t n;
    } part[10 + WC_BACKBONE_LAYERS + WC_MAX_SCALES] = {
        {&f.image, r->want & WC_WANT_IMAGE ? e : 0},
        {&f.patch, r->want & WC_WANT_PATCH ? n * d : 0},
        {&f.patch_post, r->want & WC_WANT_PATCH_POST ? n * d : 0},
        {&f.patch_proj, r->want & WC_WANT_PATCH_PROJ ? n * e : 0},
        {&f.patch_plain, r->want & WC_WANT_PATCH_PLAIN ? n * e : 0},
        {&f.value, r->want & WC_WANT_VALUE ? n * e : 0},
        {&f.value_mlp, r->want & WC_WANT_VALUE_MLP ? n * e : 0},
    };
    size_t n_parts = 7;
    part[n_parts].slot = &f.trace;
    part[n_parts++].n = r->want & WC_WANT_TRACE ? model->arch.layers * (1 + n) * d : 0;
    part[n_parts].slot = &f.hidden;
    part[n_parts++].n = r->want & WC_WANT_HIDDEN ? WC_HIDDEN * n * d : 0;
    for (size_t i = 0; i < WC_BACKBONE_LAYERS; i++) {
        part[n_parts].slot = &f.layer[i];
        part[n_parts++].n = r->want & WC_WANT_LAYER(i) ? wc_backbone_layer_f32(model, i) : 0;
    }
    part[n_parts].slot = &f.pooled;
    part[n_parts++].n =
        r->want & WC_WANT_POOLED ? wc_backbone_channels(model, WC_BACKBONE_LAYERS - 1) : 0;
    if (r->n_scales > WC_MAX_SCALES)
        return WC_FAIL(err, WC_ERR_CONFIG, "windows: %zu sides, at most %d are possible",
                       r->n_scales, WC_MAX_SCALES);
    for (size_t i = 0; i < r->n_scales; i++) {
        size_t n_windows = wc_n_windows(g, r->window[i]);
        if (n_windows == 0 && (r->want & WC_WANT_WINDOWS))
            return WC_FAIL(err, WC_ERR_CONFIG,
                           "windows: side %zu, the model's grid allows 1 to %zu patches",
                           r->window[i], g);
        part[n_parts].slot = &f.window[i];
        part[n_parts++].n = r->want & WC_WANT_WINDOWS ? n_windows * e : 0;
    }
    for (size_t i = 0; i < n_parts; i++)
        f.n_floats += part[i].n;
    WC_TRY(WC_NEW(&f.block, f.n_floats, "image features", err));
    float *at = f.block;
    for (size_t i = 0; i < n_parts; i++) {
        *part[i].slot = part[i].n > 0 ? at : NULL;
        at += part[i].n;
    }
    *out = f;
    return WC_OK;
}

void wc_features_release(struct wc_features *f) {
    wc_free(f->block);
    *f = (struct wc_features){0};
}

double wc_image_flop(const struct wc_model *model, const struct wc_request *request) {
    return model->family->flop(model, request);
}
