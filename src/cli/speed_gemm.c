// Matrix products alone, by library and precision, at the shapes of a model's layers.
#include "cli/speed.h"

#include "base/alloc.h"
#include "base/rng.h"
#include "tensor/gemm_backend.h"
#include "tensor/kernels.h"

#include <stdio.h>
#include <string.h>

// Rows of a usual chunk: 49 windows of 5 tokens.
enum { ROWS = 245, MOST_SHAPES = 64 };

struct shape {
    size_t n, k, times;
    double least_s;
};

// The distinct layers of a model.
static size_t list_shapes(const struct wc_model *m, struct shape *shape) {
    size_t n_shapes = 0, n, k;
    for (size_t i = 0; wc_model_layer(m, i, &n, &k); i++) {
        size_t j = 0;
        while (j < n_shapes && (shape[j].n != n || shape[j].k != k))
            j++;
        if (j == MOST_SHAPES)
            continue;
        if (j == n_shapes)
            shape[n_shapes++] = (struct shape){.n = n, .k = k, .least_s = 1e9};
        shape[j].times++;
    }
    return n_shapes;
}

// The backend's own product: in int8 without what makes integers of floats and floats of integers.
struct product {
    enum wc_precision type;
    void *a, *out, *memory, *packed;
};

static void release(const struct wc_gemm_backend *b, struct product *p) {
    if (p->packed)
        b->unpack(p->packed);
    wc_free(p->a);
    wc_free(p->out);
    wc_free(p->memory);
}

static enum wc_err time_shape(const struct wc_gemm_backend *b, enum wc_precision type,
                              size_t n_repeats, struct shape *s, struct wc_error *err) {
    struct product p = {.type = type};
    float *weight = NULL;
    size_t bytes = 0, most = s->n > s->k ? s->n : s->k;
    uint64_t state = 1;
    unsigned char **const at[] = {(unsigned char **)&p.a, (unsigned char **)&p.out,
                                  (unsigned char **)&weight};
    enum wc_err rc = b->packed_bytes(type, s->n, s->k, &bytes, err);
    for (size_t i = 0; i < 3 && rc == WC_OK; i++)
        rc = WC_NEW(at[i], (i == 2 ? s->n * s->k : ROWS * most) * sizeof(float), "bench", err);
    if (rc == WC_OK)
        rc = WC_NEW((unsigned char **)&p.memory, bytes, "bench", err);
    for (size_t i = 0; i < s->n * s->k && rc == WC_OK; i++) {
        if (type == WC_PRECISION_INT8)
            ((signed char *)weight)[i] = (signed char)(wc_rng_next(&state) >> 58);
        else
            weight[i] = (float)(wc_rng_next(&state) >> 40) * 0x1p-24F - 0.5F;
    }
    if (rc == WC_OK)
        rc = b->pack(type, s->n, s->k, weight, s->k, p.memory, true, &p.packed, err);
    for (size_t i = 0; i <= 4 * n_repeats && rc == WC_OK; i++) {
        double start = wc_speed_clock();
        b->packed(ROWS, p.a, s->k, p.packed, NULL, false, p.out, s->n);
        double spent = wc_speed_clock() - start;
        if (i > 0 && spent < s->least_s) // the first makes the primitive
            s->least_s = spent;
    }
    release(b, &p);
    wc_free(weight);
    return rc;
}

static enum wc_err time_backend(struct wc_speed *s, const char *name, struct wc_error *err) {
    struct shape shape[MOST_SHAPES];
    WC_TRY(wc_gemm_init(name, err));
    const struct wc_gemm_backend *b = wc_gemm_chosen();
    for (size_t p = 0; p < WC_N_PRECISIONS; p++) {
        double flop = 0, spent = 0;
        char label[80];
        if (!s->wanted[p] || !b->has((enum wc_precision)p))
            continue;
        size_t n = list_shapes(s->model[WC_PRECISION_F32], shape);
        for (size_t i = 0; i < n; i++) {
            WC_TRY(time_shape(b, (enum wc_precision)p, s->n_repeats, &shape[i], err));
            flop += 2.0 * ROWS * (double)(shape[i].times * shape[i].n * shape[i].k);
            spent += (double)shape[i].times * shape[i].least_s;
        }
        snprintf(label, sizeof label, "%s %s", name, wc_precision_name((enum wc_precision)p));
        WC_TRY(wc_speed_row(s, "matrix products, one thread", label, err));
        wc_speed_value(s, "gflops", 1e-9 * flop / spent, "GFLOP/s");
        s->rate[p] = flop / spent > s->rate[p] ? flop / spent : s->rate[p];
    }
    return WC_OK;
}

enum wc_err wc_speed_gemm(struct wc_speed *s, struct wc_error *err) {
    char name[32];
    snprintf(name, sizeof name, "%s", wc_gemm_backend());
    enum wc_err rc = WC_OK;
    if (strcmp(name, "openblas") != 0)
        rc = time_backend(s, "openblas", err);
    if (rc == WC_OK)
        rc = time_backend(s, name, err);
    return rc == WC_OK ? wc_gemm_init(name, err) : rc;
}
