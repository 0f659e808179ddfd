// Residual towers of other sizes than the published ones, from a file: against a plain network in
// double written from the definitions; damaged files; every allocation failing.
#include "tower_test.h"

#include "base/fault.h"
#include "weights/weights.h"

// Sizes that no cut divides evenly, and 32-wide heads, which only the configuration tells.
static const char odd[] =
    "{\"embed_dim\": 24, \"vision_cfg\": {\"image_size\": 96, \"layers\": [1, 2, 1, 1], "
    "\"width\": 20, \"head_width\": 32}, \"text_cfg\": {\"context_length\": 7, "
    "\"vocab_size\": 50, \"width\": 16, \"heads\": 2, \"layers\": 1}}";
static const char tiny[] =
    "{\"embed_dim\": 8, \"vision_cfg\": {\"image_size\": 32, \"layers\": [1, 1, 1, 1], "
    "\"width\": 4}, \"text_cfg\": {\"context_length\": 7, \"vocab_size\": 20, \"width\": 16, "
    "\"heads\": 2, \"layers\": 1}}";

/* The plain network. A map is (c, s, s). */

struct map {
    size_t c, s;
    double *x;
};

static struct map map_new(size_t c, size_t s) {
    return (struct map){c, s, wc_alloc(c * s * s, sizeof(double))};
}

// "visual.<a><b>" of the file.
static const float *weight(const struct wc_weights *w, const char *a, const char *b) {
    char name[128];
    snprintf(name, sizeof name, "visual.%s%s", a, b);
    const struct wc_tensor_info *t = wc_weights_find(w, name);
    if (!t) {
        printf("Bail out! %s is missing\n", name);
        exit(2);
    }
    return (const float *)(const void *)t->data;
}

static double pixel(const struct map *m, size_t c, ptrdiff_t y, ptrdiff_t x) {
    ptrdiff_t s = (ptrdiff_t)m->s;
    return y < 0 || x < 0 || y >= s || x >= s ? 0 : m->x[(c * m->s + (size_t)y) * m->s + (size_t)x];
}

static double tap_sum(const struct map *in, const float *kernel, size_t side, ptrdiff_t top,
                      ptrdiff_t left) {
    double sum = 0;
    for (size_t c = 0; c < in->c; c++)
        for (size_t i = 0; i < side * side; i++)
            sum += (double)kernel[c * side * side + i] *
                   pixel(in, c, top + (ptrdiff_t)(i / side), left + (ptrdiff_t)(i % side));
    return sum;
}

// Convolution, batch normalisation and, when asked for, a ReLU; frees the input when `spent`.
static struct map conv(const struct wc_weights *w, const char *prefix, const char *name,
                       const char *norm, struct map in, size_t n, size_t side, size_t stride,
                       bool relu, bool spent) {
    char conv_name[64], norm_name[64];
    snprintf(conv_name, sizeof conv_name, "%s%s", prefix, name);
    snprintf(norm_name, sizeof norm_name, "%s%s", prefix, norm);
    const float *kernel = weight(w, conv_name, ".weight"), *gamma = weight(w, norm_name, ".weight"),
                *beta = weight(w, norm_name, ".bias"),
                *mean = weight(w, norm_name, ".running_mean"),
                *var = weight(w, norm_name, ".running_var");
    struct map out = map_new(n, in.s / stride);
    ptrdiff_t pad = (ptrdiff_t)(side / 2);
    for (size_t i = 0; i < n * out.s * out.s; i++) {
        size_t o = i / (out.s * out.s), y = i / out.s % out.s, x = i % out.s;
        double v = tap_sum(&in, kernel + o * in.c * side * side, side,
                           (ptrdiff_t)(y * stride) - pad, (ptrdiff_t)(x * stride) - pad);
        v = (v - (double)mean[o]) / sqrt((double)var[o] + 1e-5) * (double)gamma[o] +
            (double)beta[o];
        out.x[i] = relu && v < 0 ? 0 : v;
    }
    if (spent)
        wc_free(in.x);
    return out;
}

static struct map halve(struct map in, bool spent) {
    struct map out = map_new(in.c, in.s / 2);
    for (size_t i = 0; i < out.c * out.s * out.s; i++) {
        size_t c = i / (out.s * out.s), y = i / out.s % out.s, x = i % out.s;
        const double *at = in.x + (c * in.s + 2 * y) * in.s + 2 * x;
        out.x[i] = (at[0] + at[1] + at[in.s] + at[in.s + 1]) / 4;
    }
    if (spent)
        wc_free(in.x);
    return out;
}

static struct map bottleneck(const struct wc_weights *w, struct map x, size_t stage, size_t block,
                             size_t planes) {
    char p[32];
    snprintf(p, sizeof p, "layer%zu.%zu.", stage + 1, block);
    struct map y = conv(w, p, "conv1", "bn1", x, planes, 1, 1, true, false);
    y = conv(w, p, "conv2", "bn2", y, planes, 3, 1, true, true);
    struct map skip = x;
    if (block == 0) {
        struct map pooled = stage > 0 ? halve(x, false) : x;
        y = stage > 0 ? halve(y, true) : y;
        skip =
            conv(w, p, "downsample.0", "downsample.1", pooled, 4 * planes, 1, 1, false, stage > 0);
        wc_free(x.x);
    }
    y = conv(w, p, "conv3", "bn3", y, 4 * planes, 1, 1, false, true);
    for (size_t i = 0; i < y.c * y.s * y.s; i++)
        y.x[i] = fmax(0, y.x[i] + skip.x[i]);
    wc_free(skip.x);
    return y;
}

static struct map network(const struct wc_weights *w, const struct wc_arch *a,
                          const float *pixels) {
    struct map x = map_new(3, a->image_px);
    for (size_t i = 0; i < 3 * x.s * x.s; i++)
        x.x[i] = (double)pixels[i];
    x = conv(w, "", "conv1", "bn1", x, a->width / 2, 3, 2, true, true);
    x = conv(w, "", "conv2", "bn2", x, a->width / 2, 3, 1, true, true);
    x = conv(w, "", "conv3", "bn3", x, a->width, 3, 1, true, true);
    x = halve(x, true);
    for (size_t s = 0; s < 4; s++)
        for (size_t b = 0; b < a->stages[s]; b++)
            x = bottleneck(w, x, s, b, a->width << s);
    return x;
}

// out (n) = weight (n, k) in + bias.
static void linear(const struct wc_weights *w, const char *name, size_t n, size_t k,
                   const double *in, double *out) {
    const float *m = weight(w, name, ".weight"), *bias = weight(w, name, ".bias");
    for (size_t o = 0; o < n; o++) {
        out[o] = (double)bias[o];
        for (size_t i = 0; i < k; i++)
            out[o] += (double)m[o * k + i] * in[i];
    }
}

// The attention pool over the k x k cells from (top, left): out (e).
static void pool(const struct wc_weights *w, const struct wc_arch *a, const struct map *cells,
                 size_t k, size_t top, size_t left, double *out) {
    size_t d = cells->c, g = cells->s, t = 1 + k * k, dh = d / a->heads;
    const float *pos = weight(w, "attnpool.positional_embedding", "");
    double *token = wc_alloc(t * d, sizeof *token), *key = wc_alloc(t * d, sizeof *key),
           *value = wc_alloc(t * d, sizeof *value), *q = wc_alloc(d, sizeof *q),
           *att = wc_alloc(d, sizeof *att), *p = wc_alloc(t, sizeof *p);
    for (size_t j = 1; j < t; j++)
        for (size_t i = 0; i < d; i++) {
            size_t cell = (top + (j - 1) / k) * g + left + (j - 1) % k;
            double v = cells->x[i * g * g + cell];
            token[i] += v / (double)(k * k);
            token[j * d + i] = v + (double)pos[(1 + cell) * d + i];
        }
    for (size_t i = 0; i < d; i++)
        token[i] += (double)pos[i];
    linear(w, "attnpool.q_proj", d, d, token, q);
    for (size_t j = 0; j < t; j++) {
        linear(w, "attnpool.k_proj", d, d, token + j * d, key + j * d);
        linear(w, "attnpool.v_proj", d, d, token + j * d, value + j * d);
    }
    for (size_t h = 0; h < d; h += dh) {
        double total = 0;
        for (size_t j = 0; j < t; j++) {
            p[j] = 0;
            for (size_t i = h; i < h + dh; i++)
                p[j] += q[i] * key[j * d + i] / sqrt((double)dh);
            total += p[j] = exp(p[j]);
        }
        for (size_t j = 0; j < t; j++)
            for (size_t i = h; i < h + dh; i++)
                att[i] += p[j] / total * value[j * d + i];
    }
    linear(w, "attnpool.c_proj", a->embed, d, att, out);
    double *const spent[] = {token, key, value, q, att, p};
    for (size_t i = 0; i < sizeof spent / sizeof *spent; i++)
        wc_free(spent[i]);
}

static double distance(const float *x, const double *y, size_t n) {
    double d = 0, l = 0;
    for (size_t i = 0; i < n; i++) {
        d += ((double)x[i] - y[i]) * ((double)x[i] - y[i]);
        l += y[i] * y[i];
    }
    return sqrt(d / l);
}

static void count(void *data) {
    ++*(size_t *)data;
}

static void check_odd(void) {
    const struct wc_request r = {.want = WC_WANT_IMAGE | WC_WANT_WINDOWS | WC_WANT_PATCH,
                                 .n_scales = 3,
                                 .window = {1, 2, 3}};
    struct tower t = tower_custom(odd, "t403-odd.safetensors", 1);
    size_t e = t.e, n_calls = 0;
    test_ok(t.arch->heads == 20 && t.d == 640 && t.g == 3, "sizes: heads from the configuration");
    test_ok(wc_model_private_bytes(t.m) < 3 * 1000 * 1000 * sizeof(float),
            "only folded convolutions are private, not the pool's matrices");
    wc_workspace_free(&t.w);
    must(wc_workspace_new(t.m, 3, count, &n_calls, &t.w, &err));
    float *pixels = tower_golden_pixels(&t, 1);
    struct wc_features x;
    tower_encode(&t, pixels, &r, &x);
    test_ok(n_calls > 10, "progress is reported within an image: %zu calls", n_calls);
    struct map cells = network(wc_model_weights(t.m), t.arch, pixels);
    double *wanted = wc_alloc(cells.c * 9, sizeof *wanted);
    for (size_t i = 0; i < 9 * cells.c; i++)
        wanted[i] = cells.x[i % cells.c * 9 + i / cells.c];
    golden_below(distance(x.patch, wanted, 9 * cells.c), TOWER_TOLERANCE, "cells");
    for (size_t k = 1; k <= 3; k++)
        for (size_t i = 0; i < wc_n_windows(3, k); i++) {
            char label[48];
            size_t across = 4 - k;
            pool(wc_model_weights(t.m), t.arch, &cells, k, i / across, i % across, wanted);
            snprintf(label, sizeof label, "window %zu of side %zu", i, k);
            golden_below(distance(x.window[k - 1] + i * e, wanted, e), TOWER_TOLERANCE, label);
        }
    golden_below(distance(x.image, wanted, e), TOWER_TOLERANCE, "image");
    // Every thread count, on maps that none of them divides.
    for (unsigned n = 1; n <= 4; n++) {
        struct wc_features y;
        wc_workspace_free(&t.w);
        must(wc_workspace_new(t.m, n, NULL, NULL, &t.w, &err));
        for (size_t i = 0; i < 2; i++) { // and nothing is left over from the image before
            tower_encode(&t, pixels, &r, &y);
            test_ok(memcmp(x.block, y.block, x.n_floats * sizeof(float)) == 0,
                    "%u threads, image %zu: the same bits", n, i);
            wc_features_release(&y);
        }
    }
    wc_features_release(&x);
    wc_free(wanted);
    wc_free(cells.x);
    wc_free(pixels);
    tower_close(&t);
}

/* Damaged files. */

struct damage {
    const char *name; // tensors whose name starts so
    bool drop;        // left out
    float value;      // else: put in element 1
    const char *fault, *text;
};

// A copy of the file with one damage.
static void damage(const struct wc_weights *from, const char *path, const struct damage *d) {
    struct wc_st_writer *w = NULL;
    must(wc_st_writer_new(path, &w, &err));
    must(wc_st_writer_meta(w, "open_clip_config", wc_weights_meta(from, "open_clip_config"), &err));
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < wc_weights_n_tensors(from); i++) {
            const struct wc_tensor_info *t = wc_weights_at(from, i);
            bool hit = strncmp(t->name, d->name, strlen(d->name)) == 0;
            if (hit && d->drop)
                continue;
            if (pass == 0) {
                must(wc_st_writer_declare(w, t->name, t->dtype, t->n_dims, t->dim, &err));
                continue;
            }
            float *copy = wc_alloc(t->n_elements, sizeof *copy);
            memcpy(copy, t->data, t->n_bytes);
            if (hit)
                copy[1] = d->value;
            must(wc_st_writer_data(w, copy, t->n_bytes, &err));
            wc_free(copy);
        }
    must(wc_st_writer_commit(w, &err));
    wc_st_writer_free(&w);
}

static void check_damage(const char *path) {
    static const struct damage cases[] = {
        {"visual.layer4.", true, 0, "missing-tensor", "visual.layer4."},
        {"visual.layer2.0.downsample.1.running_var", true, 0, "missing-tensor",
         "visual.layer2.0.downsample.1.running_var"},
        {"visual.layer2.0.bn2.running_var", false, -0.5F, "non-finite",
         "visual.layer2.0.bn2.running_var\": element 1 is -0.5"},
        {"visual.bn1.", false, 3e38F, "non-finite", "visual.conv1.weight"},
        {"visual.layer1.0.conv3.weight", false, NAN, "non-finite", "visual.layer1.0.conv3.weight"},
        {"visual.attnpool.v_proj.bias", true, 0, "missing-tensor", "visual.attnpool.v_proj.bias"},
    };
    struct wc_weights *good = golden_open(path);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct wc_model_options o = {.weights = tower_scratch("t403-bad.safetensors"),
                                           .arch = "custom"};
        struct wc_model *m = NULL;
        damage(good, o.weights, &cases[i]);
        enum wc_err rc = wc_model_open(&o, &m, &err);
        if (!test_ok(rc == WC_ERR_DATA && !m && err.fault && !strcmp(err.fault, cases[i].fault) &&
                         strstr(err.text, cases[i].text) && strstr(err.text, o.weights),
                     "%s: %s", cases[i].fault, cases[i].name))
            test_note("code %d, fault %s: %s", (int)rc, err.fault ? err.fault : "-", err.text);
        wc_model_free(&m);
    }
    wc_weights_free(&good);
}

// Opening, a workspace and an image, each allocation failing in turn.
static enum wc_err whole_way(const char *path, const float *pixels) {
    const struct wc_model_options o = {.weights = path, .arch = "custom"};
    const struct wc_request r = {.want = WC_WANT_IMAGE};
    struct wc_model *m = NULL;
    struct wc_workspace *w = NULL;
    struct wc_features x = {0};
    enum wc_err rc = wc_model_open(&o, &m, &err);
    if (rc == WC_OK)
        rc = wc_workspace_new(m, 2, NULL, NULL, &w, &err);
    if (rc == WC_OK)
        rc = wc_features_init(m, &r, &x, &err);
    unsigned long before = wc_fault_count(WC_FAULT_ALLOC);
    if (rc == WC_OK)
        rc = wc_encode_image(m, w, pixels, &r, &x, &err);
    if (rc == WC_OK)
        test_ok(wc_fault_count(WC_FAULT_ALLOC) == before, "an image allocates nothing");
    wc_features_release(&x);
    wc_workspace_free(&w);
    wc_model_free(&m);
    return rc;
}

static void check_failures(const char *path) {
    static float pixels[3 * 32 * 32];
    unsigned long n = 0, n_bad = 0;
    enum wc_err rc = WC_ERR_NOMEM;
    while (rc != WC_OK && n < 2000) {
        wc_fault_arm(WC_FAULT_ALLOC, ++n, false);
        rc = whole_way(path, pixels);
        n_bad += rc != WC_OK && rc != WC_ERR_NOMEM;
        if (rc != WC_OK && rc != WC_ERR_NOMEM)
            test_note("allocation %lu: code %d", n, (int)rc);
        wc_fault_reset();
    }
    test_ok(rc == WC_OK && n > 30 && n_bad == 0,
            "each of %lu allocations may fail: out of memory, nothing leaks", n - 1);
}

int main(void) {
    tower_start();
    check_odd();
    struct tower t = tower_custom(tiny, "t403-tiny.safetensors", 1);
    tower_close(&t);
    char path[2048];
    snprintf(path, sizeof path, "%s", tower_scratch("t403-tiny.safetensors"));
    check_damage(path);
    check_failures(path);
    return test_done();
}
