// The image tower of CLIP's vision transformers: the whole image and every window of patches
// (WinCLIP, eq. 2).
#include "model/tower.h"

#include "base/alloc.h"
#include "tensor/gemm.h"
#include "tensor/kernels.h"

#include <omp.h>
#include <string.h>

size_t wc_n_windows(size_t g, size_t k) {
    return k == 0 || k > g ? 0 : (g - k + 1) * (g - k + 1);
}

static void norm(const struct wc_norm *n, size_t m, size_t d, const float *in, size_t ld_in,
                 float *out) {
    wc_kernels()->layer_norm(m, d, in, ld_in, n->weight, n->bias, WC_LN_EPS, out, d);
}

// pixels (3, S, S) -> rows (g * g, 3 p p), each a patch in the order of conv1's weights.
static void cut_patches(const struct wc_vit *v, const float *pixels, float *out) {
    size_t p = v->patch_px, s = v->image_px, row = 3 * p * p;
    for (size_t i = 0; i < v->g * v->g; i++) {
        const float *corner = pixels + i / v->g * p * s + i % v->g * p;
        for (size_t c = 0; c < 3; c++)
            for (size_t y = 0; y < p; y++)
                memcpy(out + i * row + (c * p + y) * p, corner + (c * s + y) * s, p * sizeof *out);
    }
}

// Tokens after ln_pre, and the first block's q, k, v of them: shared by the whole image and all
// windows, because a patch enters every window with the same position and neither step mixes
// tokens.
static void embed(const struct wc_vit *v, const float *pixels, struct wc_workspace *w) {
    size_t d = v->tower.d, n = v->g * v->g, row = 3 * v->patch_px * v->patch_px;
    struct wc_scratch *s = &w->scratch[0];
    cut_patches(v, pixels, w->patches);
    memcpy(w->embed, v->cls, d * sizeof(float));
    wc_gemm_nt(n, d, row, w->patches, row, v->conv, row, false, w->embed + d, d);
    for (size_t i = 0; i < (1 + n) * d; i++)
        w->embed[i] += v->pos[i];
    norm(&v->ln_pre, 1 + n, d, w->embed, d, w->embed);
    const struct wc_block *first = &v->tower.block[0];
    norm(&first->ln_1, 1 + n, d, w->embed, d, s->y);
    wc_linear_run(&first->qkv, 1 + n, s->y, d, w->embed_qkv, 3 * d);
}

// ln_post and projection of n rows (stride ld) -> out (n, e).
static void project(const struct wc_vit *v, size_t n, const float *x, size_t ld,
                    struct wc_scratch *s, float *out) {
    norm(&v->ln_post, n, v->tower.d, x, ld, s->y);
    wc_gemm_nn(n, v->embed, v->tower.d, s->y, v->tower.d, v->proj, v->embed, false, out, v->embed);
}

static void whole_image(const struct wc_vit *v, const struct wc_workspace *w, unsigned want,
                        struct wc_scratch *s, struct wc_features *out) {
    size_t d = v->tower.d, n = v->g * v->g;
    bool patches =
        want & (WC_WANT_PATCH | WC_WANT_PATCH_POST | WC_WANT_PATCH_PROJ | WC_WANT_PATCH_PLAIN);
    memcpy(s->x, w->embed, (1 + n) * d * sizeof(float));
    memcpy(s->qkv, w->embed_qkv, (1 + n) * 3 * d * sizeof(float));
    wc_tower_run(&v->tower, 1, 1 + n, true, patches ? WC_KEEP_ALL : WC_KEEP_FIRST, s);
    if (want & WC_WANT_IMAGE)
        project(v, 1, s->x, d, s, out->image);
    if (want & WC_WANT_PATCH)
        memcpy(out->patch, s->x + d, n * d * sizeof(float));
    if (want & WC_WANT_PATCH_POST)
        norm(&v->ln_post, n, d, s->x + d, d, out->patch_post);
    if (want & WC_WANT_PATCH_PROJ)
        project(v, n, s->x + d, d, s, out->patch_proj);
    if (want & WC_WANT_PATCH_PLAIN)
        wc_gemm_nn(n, v->embed, d, s->x + d, d, v->proj, v->embed, false, out->patch_plain,
                   v->embed);
}

// Windows [first, first + n) of side k: [CLS] and their k * k patches alone through the tower.
static void windows(const struct wc_vit *v, const struct wc_workspace *w, size_t k, size_t first,
                    size_t n, struct wc_scratch *s, float *out) {
    size_t d = v->tower.d, t = 1 + k * k, across = v->g - k + 1;
    for (size_t i = 0; i < n; i++) {
        size_t top = (first + i) / across, left = (first + i) % across;
        for (size_t j = 0; j < t; j++) {
            size_t from = j == 0 ? 0 : 1 + (top + (j - 1) / k) * v->g + left + (j - 1) % k;
            size_t to = i * t + j;
            memcpy(s->x + to * d, w->embed + from * d, d * sizeof(float));
            memcpy(s->qkv + to * 3 * d, w->embed_qkv + from * 3 * d, 3 * d * sizeof(float));
        }
    }
    wc_tower_run(&v->tower, n, t, true, WC_KEEP_FIRST, s);
    project(v, n, s->x, t * d, s, out);
}

// One piece of an image's work: scale < n_scales: windows [first, first + n); otherwise the whole
// image.
struct task {
    size_t scale, first, n;
};

#define MAX_TASKS 4096

// The cut into tasks depends on grid and request alone, so that results do not depend on threads.
static size_t plan(const struct wc_vit *v, const struct wc_request *r, struct task *task) {
    size_t n_tasks = 0;
    if (r->want & ~(unsigned)WC_WANT_WINDOWS)
        task[n_tasks++] = (struct task){r->n_scales, 0, 0};
    if (!(r->want & WC_WANT_WINDOWS))
        return n_tasks;
    for (size_t i = r->n_scales; i-- > 0;) { // larger windows first: the longest tasks
        size_t k = r->window[i], n = wc_n_windows(v->g, k), t = 1 + k * k;
        size_t most = wc_chunk_rows(t) / t, n_chunks = (n + most - 1) / most;
        for (size_t c = 0; c < n_chunks && n_tasks < MAX_TASKS; c++) {
            size_t first = c * n / n_chunks, end = (c + 1) * n / n_chunks;
            task[n_tasks++] = (struct task){i, first, end - first};
        }
    }
    return n_tasks;
}

static enum wc_err check_finite(const struct wc_features *f, struct wc_error *err) {
    long bad = wc_first_non_finite(f->block, f->n_floats);
    if (bad < 0)
        return WC_OK;
    return WC_FAULT(
        err, WC_ERR_DATA, "non-finite",
        "the image's features are not finite (value %ld); are the weights damaged or of another precision?",
        bad);
}

enum wc_err wc_encode_image(const struct wc_model *model, struct wc_workspace *w,
                            const float *pixels, const struct wc_request *request,
                            struct wc_features *out, struct wc_error *err) {
    const struct wc_vit *v = &model->vit;
    struct task task[MAX_TASKS];
    size_t n_tasks = plan(v, request, task);
    w->n_images++;
    embed(v, pixels, w);
#pragma omp parallel for schedule(dynamic, 1) num_threads(w->n_threads)
    for (size_t i = 0; i < n_tasks; i++) {
        struct wc_scratch *s = &w->scratch[omp_get_thread_num()];
        const struct task *t = &task[i];
        if (t->scale == request->n_scales) {
            whole_image(v, w, request->want, s, out);
        } else {
            float *to = out->window[t->scale] + t->first * v->embed;
            windows(v, w, request->window[t->scale], t->first, t->n, s, to);
        }
        if (w->progress && omp_get_thread_num() == 0)
            w->progress(w->progress_data);
    }
    return check_finite(out, err);
}

enum wc_err wc_features_init(const struct wc_model *model, const struct wc_request *r,
                             struct wc_features *out, struct wc_error *err) {
    const struct wc_vit *v = &model->vit;
    size_t n = v->g * v->g, d = v->tower.d, e = v->embed;
    struct wc_features f = {0};
    struct {
        float **slot;
        size_t n;
    } part[5 + WC_MAX_SCALES] = {
        {&f.image, r->want & WC_WANT_IMAGE ? e : 0},
        {&f.patch, r->want & WC_WANT_PATCH ? n * d : 0},
        {&f.patch_post, r->want & WC_WANT_PATCH_POST ? n * d : 0},
        {&f.patch_proj, r->want & WC_WANT_PATCH_PROJ ? n * e : 0},
        {&f.patch_plain, r->want & WC_WANT_PATCH_PLAIN ? n * e : 0},
    };
    size_t n_parts = 5;
    if (r->n_scales > WC_MAX_SCALES)
        return WC_FAIL(err, WC_ERR_CONFIG, "windows: %zu sides, at most %d are possible",
                       r->n_scales, WC_MAX_SCALES);
    for (size_t i = 0; i < r->n_scales; i++) {
        size_t n_windows = wc_n_windows(v->g, r->window[i]);
        if (n_windows == 0 && (r->want & WC_WANT_WINDOWS))
            return WC_FAIL(err, WC_ERR_CONFIG,
                           "windows: side %zu, the model's grid allows 1 to %zu patches",
                           r->window[i], v->g);
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
