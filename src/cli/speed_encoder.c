// The image encoder: rate, phases, threads and accuracy of each precision.
#include "cli/speed.h"

#include "base/alloc.h"
#include "base/log.h"
#include "base/rng.h"

#include <math.h>
#include <stdio.h>

// One image as each precision sees it.
struct bench {
    float *pixels;
    struct wc_workspace *w[WC_N_PRECISIONS];
    struct wc_features f[WC_N_PRECISIONS];
};

static enum wc_err make_pixels(const struct wc_model *m, float **out, struct wc_error *err) {
    size_t side = wc_model_arch(m)->image_px;
    WC_TRY(WC_NEW(out, 3 * side * side, "bench", err));
    for (size_t i = 0; i < 3 * side * side; i++) // soft shapes and some noise
        (*out)[i] = 1.5F * sinf((float)(i % side) * 0.11F) * cosf((float)(i / side) * 0.07F) +
                    (float)(i * 2654435761u % 101) * 0.004F;
    return WC_OK;
}

static void close_workspaces(struct bench *b) {
    for (size_t p = 0; p < WC_N_PRECISIONS; p++)
        wc_workspace_free(&b->w[p]);
}

static enum wc_err open_workspaces(const struct wc_speed *s, struct bench *b, unsigned n_threads,
                                   struct wc_error *err) {
    for (size_t p = 0; p < WC_N_PRECISIONS; p++)
        if (s->model[p])
            WC_TRY(wc_workspace_new(s->model[p], n_threads, NULL, NULL, &b->w[p], err));
    return WC_OK;
}

static enum wc_err encode(const struct wc_speed *s, struct bench *b, size_t p, bool threads,
                          double *spent, struct wc_error *err) {
    double (*const clock_s)(void) = threads ? wc_clock_s : wc_speed_clock;
    double start = clock_s();
    WC_TRY(wc_encode_image(s->model[p], b->w[p], b->pixels, &s->request, &b->f[p], err));
    *spent = clock_s() - start;
    return WC_OK;
}

// One thread, precisions in turn; the phases of the least time of each.
static enum wc_err one_thread(struct wc_speed *s, struct bench *b,
                              double phase[WC_N_PRECISIONS][WC_N_PHASES], struct wc_error *err) {
    for (size_t i = 0; i < s->n_repeats; i++)
        for (size_t p = 0; p < WC_N_PRECISIONS; p++) {
            double spent;
            if (!s->model[p])
                continue;
            wc_workspace_time_phases(b->w[p], wc_speed_clock);
            WC_TRY(encode(s, b, p, false, &spent, err));
            if (i > 0 && spent >= s->encode_s[p])
                continue;
            s->encode_s[p] = spent;
            wc_workspace_phases(b->w[p], phase[p]);
        }
    return WC_OK;
}

static enum wc_err report_rates(struct wc_speed *s, struct wc_error *err) {
    double f32_s = s->encode_s[WC_PRECISION_F32];
    for (size_t p = 0; p < WC_N_PRECISIONS; p++) {
        double rate = s->flop / s->encode_s[p];
        if (!s->model[p])
            continue;
        WC_TRY(
            wc_speed_row(s, "encoder, one thread", wc_precision_name((enum wc_precision)p), err));
        wc_speed_value(s, "s", s->encode_s[p], "s an image");
        wc_speed_value(s, "gflops", 1e-9 * rate, "GFLOP/s");
        wc_speed_value(s, "of_gemm", rate / s->rate[p], "of the products' rate");
        wc_speed_value(s, "over_f32", f32_s / s->encode_s[p], "times f32's speed");
    }
    return WC_OK;
}

static enum wc_err report_phases(struct wc_speed *s, double phase[WC_N_PRECISIONS][WC_N_PHASES],
                                 struct wc_error *err) {
    for (size_t p = 0; p < WC_N_PRECISIONS; p++) {
        double rest = s->encode_s[p];
        if (!s->model[p])
            continue;
        WC_TRY(wc_speed_row(s, "where the encoder's time goes, one thread",
                            wc_precision_name((enum wc_precision)p), err));
        for (size_t i = 0; i < WC_N_PHASES; i++) {
            wc_speed_value(s, wc_phase_name((enum wc_phase)i), phase[p][i],
                           wc_phase_name((enum wc_phase)i));
            rest -= phase[p][i];
        }
        wc_speed_value(s, "rest", rest, "s the rest");
    }
    return WC_OK;
}

static enum wc_err report_threads(struct wc_speed *s, struct bench *b, struct wc_error *err) {
    double one[WC_N_PRECISIONS] = {0};
    for (unsigned n = 1; n <= s->n_threads;
         n = n < s->n_threads && 2 * n > s->n_threads ? s->n_threads : 2 * n) {
        double least[WC_N_PRECISIONS] = {0};
        close_workspaces(b);
        WC_TRY(open_workspaces(s, b, n, err));
        for (size_t i = 0; i < s->n_repeats; i++)
            for (size_t p = 0; p < WC_N_PRECISIONS; p++) {
                double spent = 0;
                if (s->model[p])
                    WC_TRY(encode(s, b, p, true, &spent, err));
                least[p] = i == 0 || spent < least[p] ? spent : least[p];
            }
        for (size_t p = 0; p < WC_N_PRECISIONS; p++) {
            char name[80];
            if (!s->model[p])
                continue;
            one[p] = n == 1 ? least[p] : one[p];
            snprintf(name, sizeof name, "%s, %u", wc_precision_name((enum wc_precision)p), n);
            WC_TRY(wc_speed_row(s, "encoder, threads by the clock", name, err));
            wc_speed_value(s, "s", least[p], "s an image");
            wc_speed_value(s, "images_per_s", 1 / least[p], "images/s");
            wc_speed_value(s, "over_one", one[p] / least[p], "times one thread");
        }
    }
    return WC_OK;
}

// Anomaly scores of n rows against two random directions: softmax at the paper's temperature.
static double score(const float *x, size_t e, const float *text) {
    double xx = 0, along[2] = {0}, length[2] = {0};
    for (size_t j = 0; j < e; j++) {
        xx += (double)x[j] * (double)x[j];
        for (size_t t = 0; t < 2; t++) {
            along[t] += (double)x[j] * (double)text[t * e + j];
            length[t] += (double)text[t * e + j] * (double)text[t * e + j];
        }
    }
    double difference = along[0] / sqrt(xx * length[0]) - along[1] / sqrt(xx * length[1]);
    return 1 / (1 + exp(difference / 0.07));
}

static enum wc_err report_accuracy(struct wc_speed *s, const struct bench *b,
                                   struct wc_error *err) {
    size_t e = wc_model_arch(s->model[WC_PRECISION_F32])->embed;
    const struct wc_features *f32 = &b->f[WC_PRECISION_F32];
    float *text = NULL;
    uint64_t state = 7;
    WC_TRY(WC_NEW(&text, 2 * e, "bench", err));
    for (size_t i = 0; i < 2 * e; i++)
        text[i] = (float)(wc_rng_next(&state) >> 40) * 0x1p-24F - 0.5F;
    enum wc_err rc = WC_OK;
    for (size_t p = 1; p < WC_N_PRECISIONS && rc == WC_OK; p++) {
        double least = 1, mean = 0, moved = 0;
        size_t n = f32->n_floats / e, n_wide, n_layers;
        if (!s->model[p])
            continue;
        for (size_t i = 0; i < n; i++) {
            const float *x = f32->block + i * e, *y = b->f[p].block + i * e;
            double xy = 0, xx = 0, yy = 0;
            for (size_t j = 0; j < e; j++) {
                xy += (double)x[j] * (double)y[j];
                xx += (double)x[j] * (double)x[j];
                yy += (double)y[j] * (double)y[j];
            }
            double cosine = xy / sqrt(xx * yy), d = fabs(score(x, e, text) - score(y, e, text));
            least = cosine < least ? cosine : least;
            moved = d > moved ? d : moved;
            mean += cosine / (double)n;
        }
        rc = wc_speed_row(s, "accuracy against f32", wc_precision_name((enum wc_precision)p), err);
        wc_model_precision(s->model[p], &n_wide, &n_layers);
        if (rc == WC_OK) {
            wc_speed_value(s, "least_cosine", least, "least cosine");
            wc_speed_value(s, "mean_cosine", mean, "mean");
            wc_speed_value(s, "score_moved", moved, "largest change of a window's score");
            wc_speed_value(s, "layers_wider", (double)n_wide, "layers kept wider");
        }
    }
    wc_free(text);
    return rc;
}

enum wc_err wc_speed_encoder(struct wc_speed *s, struct wc_error *err) {
    struct bench b = {0};
    double phase[WC_N_PRECISIONS][WC_N_PHASES] = {{0}};
    enum wc_err rc = make_pixels(s->model[WC_PRECISION_F32], &b.pixels, err);
    for (size_t p = 0; p < WC_N_PRECISIONS && rc == WC_OK; p++)
        if (s->model[p])
            rc = wc_features_init(s->model[p], &s->request, &b.f[p], err);
    if (rc == WC_OK)
        rc = open_workspaces(s, &b, 1, err);
    if (rc == WC_OK)
        rc = one_thread(s, &b, phase, err);
    if (rc == WC_OK)
        rc = report_rates(s, err);
    if (rc == WC_OK)
        rc = report_phases(s, phase, err);
    if (rc == WC_OK)
        rc = report_accuracy(s, &b, err);
    if (rc == WC_OK)
        rc = report_threads(s, &b, err);
    close_workspaces(&b);
    for (size_t p = 0; p < WC_N_PRECISIONS; p++)
        wc_features_release(&b.f[p]);
    wc_free(b.pixels);
    return rc;
}
