#include "model/tower.h"

#include "base/alloc.h"
#include "base/hash.h"
#include "base/io.h"
#include "base/json.h"
#include "base/log.h"
#include "model/random.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const float wc_clip_mean[3] = {0.48145466f, 0.4578275f, 0.40821073f};
const float wc_clip_std[3] = {0.26862954f, 0.26130258f, 0.27577711f};

#define MAX_JSON_BYTES 65536

/* Tensors: in place where they are aligned float32 in a mapping, else converted or generated once.
 */

enum wc_err wc_model_keep(struct wc_model *m, float *data, size_t n, struct wc_error *err) {
    WC_TRY(WC_GROW(&m->copy, &m->cap_copies, m->n_copies + 1, "weights", err));
    m->copy[m->n_copies++] = (struct wc_copy){data, n};
    m->private_bytes += n * sizeof *data;
    return WC_OK;
}

void wc_model_drop(struct wc_model *m, const float *data) {
    size_t i = 0;
    while (i < m->n_copies && m->copy[i].data != data)
        i++;
    if (i == m->n_copies)
        return;
    m->private_bytes -= m->copy[i].n * sizeof *data;
    wc_free(m->copy[i].data);
    m->copy[i] = m->copy[--m->n_copies];
}

static enum wc_err file_tensor(struct wc_model *m, const struct wc_tensor_spec *spec,
                               const float **out, struct wc_error *err) {
    const char *path = wc_weights_path(m->weights);
    const struct wc_tensor_info *t = wc_weights_find(m->weights, spec->name);
    if (!t)
        return WC_FAULT(err, WC_ERR_DATA, "missing-tensor",
                        "%s: tensor \"%s\" is missing; %s needs it", path, spec->name,
                        m->arch.name);
    WC_TRY(wc_tensor_check_shape(path, t, spec->n_dims, spec->dim, m->arch.name, err));
    if (t->dtype == WC_F32 && (uintptr_t)t->data % sizeof(float) == 0) {
        const float *in_place = (const float *)(const void *)t->data;
        long bad = wc_first_non_finite(in_place, t->n_elements);
        if (bad >= 0)
            return WC_FAULT(err, WC_ERR_DATA, "non-finite",
                            "%s: tensor \"%s\": element %ld is not finite", path, spec->name, bad);
        *out = in_place;
        return WC_OK;
    }
    float *copy;
    WC_TRY(WC_NEW(&copy, t->n_elements, spec->name, err));
    enum wc_err rc = wc_tensor_to_f32(path, t, copy, err);
    if (rc == WC_OK)
        rc = wc_model_keep(m, copy, t->n_elements, err);
    if (rc != WC_OK) {
        wc_free(copy);
        return rc;
    }
    *out = copy;
    return WC_OK;
}

static enum wc_err random_tensor(struct wc_model *m, const struct wc_tensor_spec *spec,
                                 const float **out, struct wc_error *err) {
    size_t n = wc_tensor_spec_elements(spec);
    float *copy;
    WC_TRY(WC_NEW(&copy, n, spec->name, err));
    wc_random_tensor(spec, m->seed, copy);
    enum wc_err rc = wc_model_keep(m, copy, n, err);
    if (rc != WC_OK) {
        wc_free(copy);
        return rc;
    }
    *out = copy;
    return WC_OK;
}

static bool put_text(struct wc_model *m, const char *name, const float *data) {
    struct wc_text_tower *x = &m->text;
    if (strcmp(name, "logit_scale") == 0) {
        m->logit_scale = data[0];
        return true;
    }
    const struct wc_slot slot[] = {
        {"positional_embedding", &x->pos},     {"text_projection", &x->proj},
        {"token_embedding.weight", &x->token}, {"ln_final.weight", &x->ln_final.weight},
        {"ln_final.bias", &x->ln_final.bias},
    };
    return wc_slot_put(slot, sizeof slot / sizeof *slot, name, data) ||
           wc_tower_place(&x->tower, name, data);
}

// In the order of enum wc_family.
static const struct wc_image_family *const families[] = {&wc_vit_family, &wc_resnet_family};

static enum wc_err lay_out(struct wc_model *m, struct wc_error *err) {
    const struct wc_arch *a = &m->arch;
    m->family = families[a->family];
    m->text = (struct wc_text_tower){.tower = {.d = a->text_width,
                                               .heads = a->text_heads,
                                               .mlp = a->text_mlp,
                                               .layers = a->text_layers,
                                               .activation = m->activation,
                                               .causal = true},
                                     .context = a->context,
                                     .vocab = a->vocab,
                                     .embed = a->embed};
    WC_TRY(m->family->lay_out(m, err));
    return wc_tower_new_blocks(&m->text.tower, err);
}

static enum wc_err load_tensors(struct wc_model *m, struct wc_error *err) {
    struct wc_tensor_spec *spec = NULL;
    size_t n;
    WC_TRY(wc_arch_tensors(&m->arch, &spec, &n, err));
    enum wc_err rc = WC_OK;
    for (size_t i = 0; i < n && rc == WC_OK; i++) {
        const float *data = NULL;
        bool optional = strcmp(spec[i].name, "logit_scale") == 0 && m->weights;
        if (optional && !wc_weights_find(m->weights, spec[i].name))
            continue; // WinCLIP sets its own temperature
        rc = m->weights ? file_tensor(m, &spec[i], &data, err)
                        : random_tensor(m, &spec[i], &data, err);
        if (rc != WC_OK)
            break;
        bool visual = wc_str_starts(spec[i].name, "visual.");
        bool known =
            visual ? m->family->place(m, spec[i].name + 7, data) : put_text(m, spec[i].name, data);
        if (!known)
            rc = WC_FAIL(err, WC_ERR_BUG, "tensor \"%s\" has no place in the model", spec[i].name);
    }
    wc_free(spec);
    return rc;
}

/* Which activation: published weights of equal shapes differ in it, so that a guess would be
 * silently wrong. */

static bool json_activation(const char *json, enum wc_activation *out) {
    struct wc_json_doc *doc = NULL;
    bool quick = false, found = false;
    if (!json || wc_json_parse("config", json, strlen(json), 16, &doc, NULL) != WC_OK)
        return false;
    const struct wc_json *top = wc_json_root(doc), *cfg = wc_json_get(top, "model_cfg");
    cfg = cfg ? cfg : top;
    if (wc_json_get(cfg, "vision_cfg")) { // open_clip: GELU unless quick_gelu says otherwise
        wc_json_bool(wc_json_get(cfg, "quick_gelu"), &quick);
        found = true;
    }
    const char *hf =
        wc_json_str(wc_json_get(wc_json_get(top, "vision_config"), "hidden_act")); // transformers
    if (hf) {
        quick = strcmp(hf, "quick_gelu") == 0;
        found = true;
    }
    wc_json_free(&doc);
    if (found)
        *out = quick ? WC_QUICKGELU : WC_GELU;
    return found;
}

static enum wc_err choose_activation(struct wc_model *m, enum wc_activation asked, const char *json,
                                     struct wc_error *err) {
    const char *meta = m->weights ? wc_weights_meta(m->weights, "activation") : NULL,
               *reason = NULL;
    if (asked != WC_ACTIVATION_AUTO) {
        m->activation = asked;
        reason = "as configured";
    } else if (!m->weights) {
        m->activation = WC_GELU;
        reason = "random weights";
    } else if (meta && (strcmp(meta, "gelu") == 0 || strcmp(meta, "quickgelu") == 0)) {
        m->activation = strcmp(meta, "gelu") == 0 ? WC_GELU : WC_QUICKGELU;
        reason = "the file's metadata";
    } else if (json_activation(json, &m->activation)) {
        reason = "the model's configuration";
    } else {
        return WC_FAIL(
            err, WC_ERR_CONFIG,
            "%s: nothing says whether this model uses GELU (LAION) or QuickGELU (OpenAI); set "
            "model.activation to gelu or quickgelu",
            m->origin);
    }
    snprintf(m->activation_reason, sizeof m->activation_reason, "%s", reason);
    return WC_OK;
}

// random:ARCH[:SEED]
static enum wc_err open_random(struct wc_model *m, const char *text, struct wc_error *err) {
    const char *name = text + strlen("random:"), *colon = strchr(name, ':');
    size_t n = colon ? (size_t)(colon - name) : strlen(name), n_names;
    char arch[64];
    m->seed = WC_RANDOM_SEED;
    snprintf(arch, sizeof arch, "%.*s", (int)(n < sizeof arch ? n : sizeof arch - 1), name);
    const struct wc_arch *known = wc_arch_find(arch);
    if (!known) {
        const char *const *names = wc_arch_names(&n_names);
        const char *near = wc_str_nearest(arch, names, n_names);
        return WC_FAIL(err, WC_ERR_CONFIG, "model \"%s\": unknown architecture \"%s\"%s%s", text,
                       arch, near ? "; did you mean " : "; `winclip-mpi model --help` lists them",
                       near ? near : "");
    }
    if (colon && !wc_parse_u64(colon + 1, &m->seed))
        return WC_FAIL(err, WC_ERR_CONFIG,
                       "model \"%s\": the seed is no number; the form is random:ARCH[:SEED]", text);
    m->arch = *known;
    m->origin = wc_sprintf("random:%s:%llu", known->name, (unsigned long long)m->seed);
    return m->origin ? WC_OK : WC_FAIL(err, WC_ERR_NOMEM, "%s: out of memory", text);
}

// The configuration's text: named, beside the file, or in its metadata; *json is NULL when there is
// none.
static enum wc_err find_json(const struct wc_weights *w, const char *named, char **json,
                             struct wc_error *err) {
    const char *found = wc_weights_meta(w, "open_clip_config");
    if (named) {
        unsigned char *bytes;
        size_t n;
        WC_TRY(wc_io_read_file(named, MAX_JSON_BYTES, &bytes, &n, err));
        *json = (char *)bytes;
        return WC_OK;
    }
    if (found && !(*json = wc_strdup(found)))
        return WC_FAIL(err, WC_ERR_NOMEM, "%s: out of memory", wc_weights_path(w));
    return WC_OK;
}

static enum wc_err check_asked_arch(const struct wc_model *m, const char *asked,
                                    struct wc_error *err) {
    size_t n;
    if (!asked || strcmp(asked, "auto") == 0 || strcmp(asked, "custom") == 0 ||
        strcmp(asked, m->arch.name) == 0)
        return WC_OK;
    const struct wc_arch *known = wc_arch_find(asked);
    if (!known) {
        const char *const *names = wc_arch_names(&n);
        const char *near = wc_str_nearest(asked, names, n);
        return WC_FAIL(err, WC_ERR_CONFIG, "model.arch \"%s\": unknown%s%s", asked,
                       near ? "; did you mean " : "; `winclip-mpi model --help` lists them",
                       near ? near : "");
    }
    return WC_OK; // load_tensors() checks each shape against it
}

static enum wc_err open_file(struct wc_model *m, const struct wc_model_options *o, char **json,
                             struct wc_error *err) {
    WC_TRY(wc_weights_open(o->weights, &m->weights, err));
    m->origin = wc_strdup(o->weights);
    if (!m->origin)
        return WC_FAIL(err, WC_ERR_NOMEM, "%s: out of memory", o->weights);
    WC_TRY(find_json(m->weights, o->json, json, err));
    const struct wc_arch *asked = o->arch ? wc_arch_find(o->arch) : NULL;
    if (asked)
        m->arch = *asked;
    else
        WC_TRY(wc_arch_deduce(m->weights, *json, &m->arch, err));
    WC_TRY(check_asked_arch(m, o->arch, err));
    const char *bpe = wc_weights_meta(m->weights, "bpe");
    if (!bpe)
        return WC_OK;
    char *dir = wc_path_dir(o->weights);
    m->bpe = dir ? wc_path_join(dir, wc_path_base(bpe))
                 : NULL; // beside the file, whatever path the metadata has
    wc_free(dir);
    return m->bpe ? WC_OK : WC_FAIL(err, WC_ERR_NOMEM, "%s: out of memory", o->weights);
}

enum wc_err wc_model_open(const struct wc_model_options *o, struct wc_model **out,
                          struct wc_error *err) {
    struct wc_model *m;
    char *json = NULL;
    WC_TRY(WC_NEW(&m, 1, "model", err));
    m->logit_scale = NAN;
    enum wc_err rc = wc_str_starts(o->weights, "random:") ? open_random(m, o->weights, err)
                                                          : open_file(m, o, &json, err);
    if (rc == WC_OK)
        rc = choose_activation(m, o->activation, json, err);
    if (rc == WC_OK)
        rc = lay_out(m, err);
    if (rc == WC_OK)
        rc = load_tensors(m, err);
    if (rc == WC_OK && m->family->prepare)
        rc = m->family->prepare(m, err);
    wc_free(json);
    if (rc != WC_OK) {
        wc_model_free(&m);
        return rc;
    }
    *out = m;
    return WC_OK;
}

void wc_model_free(struct wc_model **model) {
    struct wc_model *m = *model;
    if (!m)
        return;
    for (size_t i = 0; i < m->n_copies; i++)
        wc_free(m->copy[i].data);
    wc_free(m->copy);
    if (m->family)
        m->family->release(m);
    wc_free(m->text.tower.block);
    wc_weights_free(&m->weights);
    wc_free(m->origin);
    wc_free(m->bpe);
    wc_free(m);
    *model = NULL;
}

const struct wc_arch *wc_model_arch(const struct wc_model *m) {
    return &m->arch;
}

enum wc_activation wc_model_activation(const struct wc_model *m) {
    return m->activation;
}

const char *wc_model_activation_reason(const struct wc_model *m) {
    return m->activation_reason;
}

const char *wc_model_bpe(const struct wc_model *m) {
    return m->bpe;
}

float wc_model_logit_scale(const struct wc_model *m) {
    return m->logit_scale;
}

const struct wc_weights *wc_model_weights(const struct wc_model *m) {
    return m->weights;
}

size_t wc_model_private_bytes(const struct wc_model *m) {
    return m->private_bytes;
}

enum wc_err wc_model_hash(const struct wc_model *m, char hex[65], struct wc_error *err) {
    if (m->weights)
        return wc_weights_sha256(m->weights, hex, err);
    wc_sha256_hex(m->origin, strlen(m->origin), hex);
    return WC_OK;
}
