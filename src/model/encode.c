// One image through the image tower of any family: what is asked for, cut into tasks that threads
// take.
#include "model/tower.h"

#include "base/alloc.h"

#include <omp.h>

size_t wc_n_windows(size_t g, size_t k) {
    return k == 0 || k > g ? 0 : (g - k + 1) * (g - k + 1);
}

// One piece of an image's work: scale < n_scales: windows [first, first + n); otherwise the whole
// image.
struct task {
    size_t scale, first, n;
};

#define MAX_TASKS 4096

// The cut into tasks depends on grid and request alone, so that results do not depend on threads.
static size_t plan(size_t g, const struct wc_request *r, struct task *task) {
    size_t n_tasks = 0;
    if (r->want & ~(unsigned)WC_WANT_WINDOWS)
        task[n_tasks++] = (struct task){r->n_scales, 0, 0};
    if (!(r->want & WC_WANT_WINDOWS))
        return n_tasks;
    for (size_t i = r->n_scales; i-- > 0;) { // larger windows first: the longest tasks
        size_t k = r->window[i], n = wc_n_windows(g, k), t = 1 + k * k;
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
    const struct wc_image_family *family = model->family;
    struct task task[MAX_TASKS];
    size_t n_tasks = plan(wc_arch_grid(&model->arch), request, task);
    w->n_images++;
    family->begin(model, w, pixels);
#pragma omp parallel for schedule(dynamic, 1) num_threads(w->n_threads)
    for (size_t i = 0; i < n_tasks; i++) {
        struct wc_scratch *s = &w->scratch[omp_get_thread_num()];
        const struct task *t = &task[i];
        if (t->scale == request->n_scales) {
            family->whole(model, w, request->want, s, out);
        } else {
            float *to = out->window[t->scale] + t->first * model->arch.embed;
            family->windows(model, w, request->window[t->scale], t->first, t->n, s, to);
        }
        if (w->progress && omp_get_thread_num() == 0)
            w->progress(w->progress_data);
    }
    return check_finite(out, err);
}

enum wc_err wc_features_init(const struct wc_model *model, const struct wc_request *r,
                             struct wc_features *out, struct wc_error *err) {
    size_t g = wc_arch_grid(&model->arch), n = g * g, d = wc_arch_token_width(&model->arch),
           e = model->arch.embed;
    struct wc_features f = {0};
    struct {
        float **slot;
        size_t n;
    } part[5 + WC_MAX_SCALES] = {
        {&f.image, r->want & WC_WANT_IMAGE ? e : 0},
        {&f.patch, r->want & WC_WANT_PATCH ? n * d : 0},
        {&f.patch_post, r->want & WC_WANT_PATCH_POST ? n * d : 0},
        {&f.patch_proj, r->want & WC_WANT_PATCH_PROJ ? n * e : 0},
    };
    size_t n_parts = 4;
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
