#include "model/relevance.h"

#include "base/alloc.h"
#include "model/tower.h"
#include "tensor/gemm.h"
#include "tensor/kernels.h"

#include <math.h>
#include <string.h>

struct wc_relevance {
    const struct wc_vit *v;
    size_t t, d, heads, mlp; // tokens, width
    float *block;            // all arrays in one allocation
    size_t n_floats;
    // Forward parts of the block in hand; (t, d) unless it says otherwise.
    float *y, *qkv, *a, *att, *x1,
        *z;        // ln_1, (t, 3 d), (heads, t, t), att V, after attention, (t, mlp)
    float *h, *x2; // (t, mlp) activated; the block's output
    // Gradients by the output and by the input of what the name says.
    float *dx, *dx1, *dy, *datt, *dqkv, *dz; // dx: the block's output, then its input
    float *da, *turned;                      // (t, t): of one head's attention; a matrix transposed
    double *row, *sum;                       // (t): R's first row, row * cam
};

enum wc_err wc_relevance_new(const struct wc_model *m, struct wc_relevance **out,
                             struct wc_error *err) {
    if (m->family != &wc_vit_family)
        return WC_FAIL(err, WC_ERR_CONFIG,
                       "method transmm: %s is no vision transformer; it has no attention maps",
                       m->arch.name);
    struct wc_relevance *r;
    WC_TRY(WC_NEW(&r, 1, "relevance", err));
    r->v = &m->vit;
    size_t t = r->t = 1 + m->vit.g * m->vit.g, d = r->d = m->vit.tower.d;
    size_t mlp = r->mlp = m->vit.tower.mlp;
    r->heads = m->vit.tower.heads;
    const struct wc_array part[] = {
        {&r->y, t * d},        {&r->qkv, t * 3 * d}, {&r->a, r->heads * t * t},
        {&r->att, t * d},      {&r->x1, t * d},      {&r->z, t * mlp},
        {&r->h, t * mlp},      {&r->x2, t * d},      {&r->dx, t * d},
        {&r->dx1, t * d},      {&r->dy, t * d},      {&r->datt, t * d},
        {&r->dqkv, t * 3 * d}, {&r->dz, t * mlp},    {&r->da, t * t},
        {&r->turned, t * t}};
    for (size_t i = 0; i < sizeof part / sizeof *part; i++)
        r->n_floats += part[i].n;
    enum wc_err rc = WC_NEW(&r->block, r->n_floats, "relevance", err);
    if (rc == WC_OK)
        rc = WC_NEW(&r->row, t, "relevance", err);
    if (rc == WC_OK)
        rc = WC_NEW(&r->sum, t, "relevance", err);
    if (rc != WC_OK) {
        wc_relevance_free(&r);
        return rc;
    }
    float *at = r->block;
    for (size_t i = 0; i < sizeof part / sizeof *part; i++) {
        *part[i].at = at;
        at += part[i].n;
    }
    *out = r;
    return WC_OK;
}

void wc_relevance_free(struct wc_relevance **relevance) {
    struct wc_relevance *r = *relevance;
    if (!r)
        return;
    wc_free(r->block);
    wc_free(r->row);
    wc_free(r->sum);
    wc_free(r);
    *relevance = NULL;
}

size_t wc_relevance_bytes(const struct wc_relevance *r) {
    return r->n_floats * sizeof(float) + 2 * r->t * sizeof(double);
}

/* Forward, from a block's input. */

static void norm(const struct wc_norm *n, size_t m, size_t d, const float *in, float *out) {
    wc_kernels()->layer_norm(m, d, in, d, n->weight, n->bias, WC_LN_EPS, out, d);
}

// y += linear(in).
static void add_linear(const struct wc_linear *l, size_t m, const float *in, float *y) {
    wc_gemm_nt(m, l->n, l->k, in, l->k, l->weight, l->k, true, y, l->n);
    wc_kernels()->bias(m, l->n, y, l->n, l->bias);
}

static double cdf(double z) {
    return 0.5 * (1 + erf(z * 0.70710678118654752));
}

static double activated(enum wc_activation a, double z) {
    return a == WC_QUICKGELU ? z / (1 + exp(-1.702 * z)) : z * cdf(z);
}

// And its derivative: GELU's is Phi(z) + z phi(z).
static double slope(enum wc_activation a, double z) {
    double s = 1 / (1 + exp(-1.702 * z));
    if (a == WC_QUICKGELU)
        return s + 1.702 * z * s * (1 - s);
    return cdf(z) + z * exp(-0.5 * z * z) * 0.39894228040143268;
}

static void forward(struct wc_relevance *r, const struct wc_block *b, const float *x) {
    size_t t = r->t, d = r->d, dh = d / r->heads;
    float scale = 1.0F / sqrtf((float)dh);
    norm(&b->ln_1, t, d, x, r->y);
    wc_linear_run(&b->qkv, t, r->y, d, r->qkv, 3 * d);
    for (size_t h = 0; h < r->heads; h++) {
        const float *q = r->qkv + h * dh, *k = q + d, *v = k + d;
        float *a = r->a + h * t * t;
        wc_gemm_nt(t, t, dh, q, 3 * d, k, 3 * d, false, a, t);
        wc_kernels()->scale(t * t, a, scale);
        wc_kernels()->softmax(t, t, a, t);
        wc_gemm_nn(t, dh, t, a, t, v, 3 * d, false, r->att + h * dh, d);
    }
    memcpy(r->x1, x, t * d * sizeof *x);
    add_linear(&b->out, t, r->att, r->x1);
    norm(&b->ln_2, t, d, r->x1, r->y);
    wc_linear_run(&b->fc, t, r->y, d, r->z, r->mlp);
    for (size_t i = 0; i < t * r->mlp; i++)
        r->h[i] = (float)activated(r->v->tower.activation, (double)r->z[i]);
}

/* Backward. */

// dx (m, d) += the derivative of a layer norm at x, of dy by its output.
static void norm_back(const struct wc_norm *n, size_t m, size_t d, const float *x, const float *dy,
                      float *dx) {
    for (size_t i = 0; i < m; i++, x += d, dy += d, dx += d) {
        double mean = 0, var = 0, g = 0, gx = 0;
        for (size_t j = 0; j < d; j++)
            mean += (double)x[j] / (double)d;
        for (size_t j = 0; j < d; j++)
            var += ((double)x[j] - mean) * ((double)x[j] - mean) / (double)d;
        double inverse = 1 / sqrt(var + (double)WC_LN_EPS);
        for (size_t j = 0; j < d; j++) {
            double w = (double)dy[j] * (double)n->weight[j];
            g += w / (double)d;
            gx += w * ((double)x[j] - mean) * inverse / (double)d;
        }
        for (size_t j = 0; j < d; j++) {
            double w = (double)dy[j] * (double)n->weight[j], unit = ((double)x[j] - mean) * inverse;
            dx[j] += (float)(inverse * (w - g - unit * gx));
        }
    }
}

// in (m, k) = out (m, n) * weight (n, k): back through a linear layer.
static void linear_back(const struct wc_linear *l, size_t m, const float *dout, float *din) {
    wc_gemm_nn(m, l->k, l->n, dout, l->n, l->weight, l->k, false, din, l->k);
}

static void transpose(size_t t, const float *in, float *out) {
    for (size_t i = 0; i < t; i++)
        for (size_t j = 0; j < t; j++)
            out[j * t + i] = in[i * t + j];
}

// One head: its share of eq. 5 to r->sum, and the gradients of its q, k, v.
static void head_back(struct wc_relevance *r, size_t h) {
    size_t t = r->t, d = r->d, dh = d / r->heads;
    float scale = 1.0F / sqrtf((float)dh);
    const float *q = r->qkv + h * dh, *k = q + d, *v = k + d, *a = r->a + h * t * t;
    float *dq = r->dqkv + h * dh, *dk = dq + d, *dv = dk + d, *datt = r->datt + h * dh;
    wc_gemm_nt(t, t, dh, datt, d, v, 3 * d, false, r->da, t); // dA = dO V^T
    for (size_t i = 0; i < t; i++)
        for (size_t j = 0; j < t && r->row[i] != 0; j++) {
            double share = (double)r->da[i * t + j] * (double)a[i * t + j];
            r->sum[j] += share > 0 ? r->row[i] * share / (double)r->heads : 0;
        }
    transpose(t, a, r->turned);
    wc_gemm_nn(t, dh, t, r->turned, t, datt, d, false, dv, 3 * d); // dV = A^T dO
    for (size_t i = 0; i < t; i++) { // dS = A (dA - sum_j dA A), by rows; then the scale of S
        double sum = 0;
        for (size_t j = 0; j < t; j++)
            sum += (double)r->da[i * t + j] * (double)a[i * t + j];
        for (size_t j = 0; j < t; j++)
            r->da[i * t + j] = scale * a[i * t + j] * (r->da[i * t + j] - (float)sum);
    }
    wc_gemm_nn(t, dh, t, r->da, t, k, 3 * d, false, dq, 3 * d); // dQ = dS K
    transpose(t, r->da, r->turned);
    wc_gemm_nn(t, dh, t, r->turned, t, q, 3 * d, false, dk, 3 * d); // dK = dS^T Q
}

// From the gradient by the block's output to that by its input, in r->dx.
static void backward(struct wc_relevance *r, const struct wc_block *b, const float *x) {
    size_t t = r->t, d = r->d;
    linear_back(&b->proj, t, r->dx, r->dz);
    for (size_t i = 0; i < t * r->mlp; i++)
        r->dz[i] *= (float)slope(r->v->tower.activation, (double)r->z[i]);
    linear_back(&b->fc, t, r->dz, r->dy);
    memcpy(r->dx1, r->dx, t * d * sizeof *r->dx);
    norm_back(&b->ln_2, t, d, r->x1, r->dy, r->dx1);
    linear_back(&b->out, t, r->dx1, r->datt);
    memset(r->sum, 0, t * sizeof *r->sum);
    for (size_t h = 0; h < r->heads; h++)
        head_back(r, h);
    for (size_t j = 0; j < t; j++)
        r->row[j] += r->sum[j];
    linear_back(&b->qkv, t, r->dqkv, r->dy);
    memcpy(r->dx, r->dx1, t * d * sizeof *r->dx);
    norm_back(&b->ln_1, t, d, x, r->dy, r->dx);
}

/* The logit and its gradient by the last block's class token. */

static double begin_backward(struct wc_relevance *r, const float *x2, const float *prototype,
                             double tau) {
    const struct wc_vit *v = r->v;
    size_t d = r->d, e = v->embed;
    float *f = r->h, *df = r->h + e, *dy = r->dy; // (e), (e); free here, and larger
    double square = 0, dot = 0;
    norm(&v->ln_post, 1, d, x2, r->y);
    wc_gemm_nn(1, e, d, r->y, d, v->proj, e, false, f, e);
    for (size_t j = 0; j < e; j++) {
        square += (double)f[j] * (double)f[j];
        dot += (double)f[j] * ((double)prototype[e + j] - (double)prototype[j]);
    }
    double length = sqrt(square), logit = dot / length / tau;
    for (size_t j = 0; j < e; j++) {
        double p = (double)prototype[e + j] - (double)prototype[j];
        df[j] = (float)((p - (double)f[j] * dot / square) / (length * tau));
    }
    wc_gemm_nt(1, d, e, df, e, v->proj, e, false, dy, d);
    memset(r->dx, 0, r->t * d * sizeof *r->dx);
    norm_back(&v->ln_post, 1, d, x2, dy, r->dx);
    return logit;
}

static void give(const struct wc_relevance *r, float *out) {
    for (size_t j = 1; j < r->t && out; j++)
        out[j - 1] = (float)r->row[j];
}

double wc_relevance_run(struct wc_relevance *r, const float *trace, const float *prototype,
                        double tau, float *all, float *last, float *gradient) {
    const struct wc_tower *tower = &r->v->tower;
    size_t n = r->t * r->d;
    double logit = 0;
    memset(r->row, 0, r->t * sizeof *r->row);
    r->row[0] = 1;
    for (size_t l = tower->layers; l-- > 0;) {
        const float *x = trace + l * n;
        forward(r, &tower->block[l], x);
        if (l + 1 == tower->layers) {
            memcpy(r->x2, r->x1, r->d * sizeof *r->x1); // the class token is all that is read
            add_linear(&tower->block[l].proj, 1, r->h, r->x2);
            logit = begin_backward(r, r->x2, prototype, tau);
        }
        backward(r, &tower->block[l], x);
        if (l + 1 == tower->layers)
            give(r, last);
    }
    give(r, all);
    if (gradient)
        memcpy(gradient, r->dx, n * sizeof *gradient);
    return logit;
}
