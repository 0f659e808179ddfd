#include "model/random.h"

#include "base/alloc.h"
#include "base/hash.h"
#include "base/rng.h"
#include "base/str.h"

#include <math.h>
#include <string.h>

enum law_fan { FAN_ONE, FAN_DIM0, FAN_DIM1, FAN_KERNEL };

struct law {
    double offset;
    double scale; // 0: sqrt(3 gain / fan)
    double gain;
    enum law_fan fan;
};

static bool is(const char *name, const char *whole) {
    return strcmp(name, whole) == 0;
}

// The row of the table for a tensor; `leaf` is behind the last dot, `parent` before it.
static struct law law_of(const struct wc_tensor_spec *t, const char *parent, const char *leaf) {
    const char *name = t->name;
    bool bias = is(leaf, "bias") || is(leaf, "in_proj_bias");
    bool stage = wc_str_starts(name, "visual.layer");
    if (is(leaf, "running_mean"))
        return (struct law){0, 0x1p-3, 0, FAN_ONE};
    if (is(leaf, "running_var"))
        return (struct law){1, 0x1p-1, 0, FAN_ONE};
    if (bias && (is(parent, "bn1") || is(parent, "bn2") || is(name, "visual.bn3.bias")))
        return (struct law){-0.75, 0x1p-6, 0, FAN_ONE};
    if (bias)
        return (struct law){0, 0x1p-6, 0, FAN_ONE};
    if (is(leaf, "weight") && t->n_dims == 1 && stage && is(parent, "bn3"))
        return (struct law){0x1p-3, 0x1p-6, 0, FAN_ONE};
    if (is(leaf, "weight") && t->n_dims == 1)
        return (struct law){1, 0x1p-3, 0, FAN_ONE};
    if (is(leaf, "class_embedding"))
        return (struct law){0, 0, 0.04, FAN_ONE};
    if (is(name, "visual.attnpool.positional_embedding"))
        return (struct law){0, 0, 0.25, FAN_ONE};
    if (is(leaf, "positional_embedding"))
        return (struct law){0, 0, 0.0625, FAN_ONE};
    if (is(name, "token_embedding.weight"))
        return (struct law){0, 0, 1, FAN_ONE};
    if (is(leaf, "proj") || is(leaf, "text_projection"))
        return (struct law){0, 0, 1, FAN_DIM0};
    if (is(leaf, "in_proj_weight"))
        return (struct law){0, 0, 2.5, FAN_DIM1};
    if (t->n_dims == 4 && is(name, "visual.conv1.weight") && t->dim[2] != 3)
        return (struct law){0, 0, 1, FAN_KERNEL};
    if (t->n_dims == 4)
        return (struct law){0, 0, 3, FAN_KERNEL};
    if (is(parent, "q_proj") || is(parent, "k_proj"))
        return (struct law){0, 0, 0.5, FAN_DIM1};
    if (is(parent, "out_proj"))
        return (struct law){0, 0, 4, FAN_DIM1};
    if (is(parent, "c_proj") && !wc_str_starts(name, "visual.attnpool."))
        return (struct law){0, 0, 0.25, FAN_DIM1};
    return (struct law){0, 0, 1, FAN_DIM1}; // v_proj, attnpool.c_proj, c_fc, and anything new
}

static double fan_of(enum law_fan fan, const struct wc_tensor_spec *t) {
    switch (fan) {
    case FAN_ONE:
        return 1;
    case FAN_DIM0:
        return (double)t->dim[0];
    case FAN_DIM1:
        return (double)t->dim[1];
    case FAN_KERNEL:
        return (double)(t->dim[1] * t->dim[2] * t->dim[3]);
    }
    return 1;
}

void wc_random_tensor(const struct wc_tensor_spec *spec, uint64_t seed, float *out) {
    if (is(spec->name, "logit_scale")) {
        out[0] = 4.6051702f; // ln 100
        return;
    }
    char parent[96];
    const char *dot = strrchr(spec->name, '.'), *leaf = dot ? dot + 1 : spec->name;
    memcpy(parent, spec->name, sizeof parent);
    if (dot)
        parent[dot - spec->name] = '\0';
    else
        parent[0] = '\0';
    char *last = strrchr(parent, '.');
    struct law law = law_of(spec, last ? last + 1 : parent, leaf);
    double scale = law.scale > 0 ? law.scale : sqrt(3.0 * law.gain / fan_of(law.fan, spec));
    uint64_t key = wc_fnv1a64(spec->name, strlen(spec->name)) ^ seed;
    size_t n = 1;
    for (size_t i = 0; i < spec->n_dims; i++)
        n *= spec->dim[i];
    for (size_t i = 0; i < n; i++) {
        uint64_t z = wc_rng_mix(key + (i + 1) * WC_RNG_GAMMA);
        double u = ((double)(z >> 40) - 0x1p23) * 0x1p-23;
        out[i] = (float)(law.offset + scale * u);
    }
}

static enum wc_err write_tensors(struct wc_st_writer *w, const struct wc_tensor_spec *spec,
                                 size_t n, uint64_t seed, struct wc_error *err) {
    size_t largest = 0;
    for (size_t i = 0; i < n; i++) {
        WC_TRY(wc_st_writer_declare(w, spec[i].name, WC_F32, spec[i].n_dims, spec[i].dim, err));
        size_t size = wc_tensor_spec_elements(&spec[i]);
        largest = size > largest ? size : largest;
    }
    float *data;
    WC_TRY(WC_NEW(&data, largest, "random weights", err));
    enum wc_err rc = WC_OK;
    for (size_t i = 0; i < n && rc == WC_OK; i++) {
        wc_random_tensor(&spec[i], seed, data);
        rc = wc_st_writer_data(w, data, wc_tensor_spec_elements(&spec[i]) * sizeof *data, err);
    }
    wc_free(data);
    return rc;
}

enum wc_err wc_random_write(const struct wc_arch *arch, enum wc_activation activation,
                            uint64_t seed, const char *path, struct wc_error *err) {
    struct wc_tensor_spec *spec = NULL;
    struct wc_st_writer *w = NULL;
    struct wc_buf json = {0};
    size_t n;
    WC_TRY(wc_arch_tensors(arch, &spec, &n, err));
    char *origin = wc_sprintf("random:%s:%llu", arch->name, (unsigned long long)seed);
    enum wc_err rc = origin ? wc_st_writer_new(path, &w, err)
                            : WC_FAIL(err, WC_ERR_NOMEM, "%s: out of memory", path);
    if (rc != WC_OK)
        goto out;
    wc_arch_to_json(arch, activation, &json);
    if ((rc = wc_buf_check(&json, path, err)) != WC_OK ||
        (rc = wc_st_writer_meta(w, "open_clip_config", wc_buf_str(&json), err)) != WC_OK ||
        (rc = wc_st_writer_meta(w, "activation", activation == WC_QUICKGELU ? "quickgelu" : "gelu",
                                err)) != WC_OK ||
        (rc = wc_st_writer_meta(w, "origin", origin, err)) != WC_OK ||
        (rc = write_tensors(w, spec, n, seed, err)) != WC_OK)
        goto out;
    rc = wc_st_writer_commit(w, err);
out:
    wc_st_writer_free(&w);
    wc_buf_release(&json);
    wc_free(origin);
    wc_free(spec);
    return rc;
}
