#include "model/tower.h"

#include "base/alloc.h"
#include "base/hash.h"
#include "base/io.h"
#include "base/log.h"
#include "model/open.h"
#include "model/pack.h"
#include "model/random.h"
#include "text/merges.h"

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

// wc_model_check_tensors() has found it there, of the right shape.
enum wc_err wc_model_file_tensor(struct wc_model *m, const struct wc_tensor_spec *spec,
                                 const float **out, struct wc_error *err) {
    const char *path = wc_weights_path(m->weights);
    const struct wc_tensor_info *t = wc_weights_find(m->weights, spec->name);
    if (t->dtype == WC_F32 && (uintptr_t)t->data % sizeof(float) == 0) {
        WC_TRY(wc_tensor_check_finite(path, t, err));
        *out = (const float *)(const void *)t->data;
        return WC_OK;
    }
    float *copy;
    WC_TRY(WC_NEW_RAW(&copy, t->n_elements, spec->name, err));
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

enum wc_err wc_model_random_tensor(struct wc_model *m, const struct wc_tensor_spec *spec,
                                   const float **out, struct wc_error *err) {
    size_t n = wc_tensor_spec_elements(spec);
    float *copy;
    WC_TRY(WC_NEW_RAW(&copy, n, spec->name, err));
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

// Positions of the file's grid, for the grid that was asked for; *data is replaced.
static enum wc_err resize_positions(struct wc_model *m, const struct wc_tensor_spec *spec,
                                    const float **data, struct wc_error *err) {
    size_t g = wc_arch_grid(&m->arch), g_file = 1, d = spec->dim[1];
    while ((g_file + 1) * (g_file + 1) < spec->dim[0])
        g_file++;
    if (g_file == g)
        return WC_OK;
    float *copy;
    WC_TRY(WC_NEW(&copy, (1 + g * g) * d, spec->name, err));
    enum wc_err rc = wc_model_resize_positions(g_file, g, d, *data, copy, err);
    if (rc == WC_OK)
        rc = wc_model_keep(m, copy, (1 + g * g) * d, err);
    if (rc != WC_OK) {
        wc_free(copy);
        return rc;
    }
    wc_model_drop(m, *data);
    *data = copy;
    m->interpolated = true;
    return WC_OK;
}

static enum wc_err load_tensors(struct wc_model *m, const struct wc_tensor_spec *spec, size_t n,
                                struct wc_error *err) {
    enum wc_err rc = WC_OK;
    for (size_t i = 0; i < n && rc == WC_OK; i++) {
        const float *data = NULL;
        bool optional = strcmp(spec[i].name, "logit_scale") == 0 && m->weights;
        if (optional && !wc_weights_find(m->weights, spec[i].name))
            continue; // WinCLIP sets its own temperature
        rc = m->weights ? wc_model_file_tensor(m, &spec[i], &data, err)
                        : wc_model_random_tensor(m, &spec[i], &data, err);
        bool visual = wc_str_starts(spec[i].name, "visual.");
        if (rc == WC_OK && visual && wc_str_ends(spec[i].name, ".positional_embedding"))
            rc = resize_positions(m, &spec[i], &data, err);
        if (rc != WC_OK)
            break;
        bool known =
            visual ? m->family->place(m, spec[i].name + 7, data) : put_text(m, spec[i].name, data);
        if (!known)
            rc = WC_FAIL(err, WC_ERR_BUG, "tensor \"%s\" has no place in the model", spec[i].name);
    }
    return rc;
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

// What is learnt about a model on the way to it.
struct opening {
    const struct wc_model_options *o;
    struct wc_model_source source;
    char *json;            // text of the configuration given; NULL: none
    const char *needed_by; // what the tensors are checked against, for messages
};

// A configuration that the user names is the model's: its sizes must be the file's.
static enum wc_err arch_from_named_json(struct wc_model *m, struct opening *p,
                                        struct wc_error *err) {
    struct wc_arch_config c = {.activation = WC_ACTIVATION_AUTO};
    unsigned char *bytes;
    size_t n;
    WC_TRY(wc_io_read_file(p->o->json, MAX_JSON_BYTES, &bytes, &n, err));
    p->json = (char *)bytes;
    if (strlen(p->json) != n)
        return WC_FAULT(err, WC_ERR_DATA, "bad-header", "%s: a NUL byte in JSON text", p->o->json);
    WC_TRY(wc_arch_config_read(p->o->json, p->json, n, &c, err));
    p->source.json = p->json;
    p->source.json_path = p->o->json;
    if (!p->needed_by) {
        m->arch = c.arch;
        p->needed_by = p->o->json;
    }
    return WC_OK;
}

// One that lies beside the file may be another model's: then it says nothing.
static enum wc_err arch_from_tensors(struct wc_model *m, struct opening *p, struct wc_error *err) {
    const char *json = wc_weights_config_json(m->weights),
               *path = wc_weights_config_path(m->weights),
               *name = path ? path : wc_weights_path(m->weights);
    struct wc_arch_config c = {.activation = WC_ACTIVATION_AUTO};
    struct wc_error why = {0};
    if (!p->needed_by) {
        WC_TRY(wc_arch_deduce(m->weights, json, &m->arch, err));
        p->needed_by = m->arch.name;
        if (strcmp(m->arch.name, "custom") == 0)
            p->needed_by = "the rest of the file";
    }
    if (!json)
        return WC_OK;
    enum wc_err rc = wc_arch_config_read(name, json, strlen(json), &c, &why);
    if (rc == WC_ERR_NOMEM)
        return WC_FAIL(err, rc, "%s", why.text);
    bool known = rc == WC_OK || (why.fault && strcmp(why.fault, "unsupported") == 0);
    if (!known || !wc_arch_config_fits(&c.arch, &m->arch)) {
        if (rc == WC_OK)
            WC_WARN("%s: a configuration of another model; it is passed over", name);
        else
            WC_WARN("%s; it is passed over", why.text);
        return WC_OK;
    }
    if (rc != WC_OK) // this model's, and of a kind that cannot be run
        return wc_fail(err, rc, why.fault, "%s", why.text);
    p->source.json = json;
    p->source.json_path = path;
    return WC_OK;
}

// A merges file of the metadata lies beside the weights, whatever path the metadata has; built-in
// ones are named as they are.
static enum wc_err find_bpe(struct wc_model *m, const char *weights, struct wc_error *err) {
    const char *bpe = wc_weights_meta(m->weights, "bpe");
    if (!bpe)
        return WC_OK;
    if (wc_str_starts(bpe, WC_MERGES_BUILTIN)) {
        m->bpe = wc_strdup(bpe);
        return m->bpe ? WC_OK : WC_FAIL(err, WC_ERR_NOMEM, "%s: out of memory", weights);
    }
    char *dir = wc_io_is_dir(weights) ? wc_strdup(weights) : wc_path_dir(weights);
    m->bpe = dir ? wc_path_join(dir, wc_path_base(bpe)) : NULL;
    wc_free(dir);
    return m->bpe ? WC_OK : WC_FAIL(err, WC_ERR_NOMEM, "%s: out of memory", weights);
}

static enum wc_err open_file(struct wc_model *m, struct opening *p, struct wc_error *err) {
    const char *path = p->o->weights;
    WC_TRY(wc_weights_open(path, &m->weights, err));
    m->origin = wc_strdup(path);
    if (!m->origin)
        return WC_FAIL(err, WC_ERR_NOMEM, "%s: out of memory", path);
    p->source.weights = m->weights;
    const struct wc_arch *asked = p->o->arch ? wc_arch_find(p->o->arch) : NULL;
    if (asked) {
        m->arch = *asked;
        p->needed_by = asked->name;
    }
    WC_TRY(p->o->json ? arch_from_named_json(m, p, err) : arch_from_tensors(m, p, err));
    WC_TRY(check_asked_arch(m, p->o->arch, err));
    return find_bpe(m, path, err);
}

static enum wc_err decide_heads(const struct wc_model *m, struct wc_error *err) {
    const struct wc_arch *a = &m->arch;
    if (a->heads == 0 || a->text_heads == 0)
        return WC_FAIL(err, WC_ERR_CONFIG,
                       "%s: nothing says how many attention heads its towers of width %zu and %zu "
                       "have; give the model's configuration (model.json: open_clip's or Hugging "
                       "Face's)",
                       m->origin, a->width, a->text_width);
    return wc_arch_check_heads(m->origin, a, err);
}

static enum wc_err decide_activation(struct wc_model *m, struct opening *p, struct wc_error *err) {
    const char *arch = m->arch.name;
    if (wc_model_needs_hash(&p->source, p->o->activation, arch)) {
        WC_TRY(wc_model_hash(m, m->sha256, err));
        p->source.sha256 = m->sha256;
    }
    return wc_model_choose_activation(&p->source, p->o->activation, arch, &m->activation,
                                      m->activation_reason, sizeof m->activation_reason, err);
}

// What the tensors do not say.
static enum wc_err decide(struct wc_model *m, struct opening *p, struct wc_error *err) {
    enum wc_err rc = decide_activation(m, p, err), heads = decide_heads(m, err);
    return heads != WC_OK ? heads : rc;
}

// Another input size than the file's, on request.
static enum wc_err set_image_size(struct wc_model *m, size_t px, struct wc_error *err) {
    size_t patch = m->arch.patch_px;
    if (px == 0)
        return WC_OK;
    if (px % patch != 0 || px / patch > 64)
        return WC_FAIL(err, WC_ERR_CONFIG,
                       "%s: model.interpolate %zu: a multiple of the patch size %zu is needed, at "
                       "most %zu",
                       m->origin, px, patch, 64 * patch);
    m->arch.image_px = px;
    return WC_OK;
}

static enum wc_err read_logit_scale(struct wc_model *m, struct wc_error *err) {
    const struct wc_tensor_info *t = wc_weights_find(m->weights, "logit_scale");
    return t && t->n_elements == 1
               ? wc_tensor_to_f32(wc_weights_path(m->weights), t, &m->logit_scale, err)
               : WC_OK;
}

// The tensors, checked as a whole before anything is made of them.
static enum wc_err build(struct wc_model *m, struct opening *p, struct wc_error *err) {
    struct wc_tensor_spec *spec = NULL;
    size_t n;
    WC_TRY(wc_arch_tensors(&m->arch, &spec, &n, err));
    enum wc_err rc =
        m->weights ? wc_model_check_tensors(m->weights, spec, n, p->needed_by, err) : WC_OK;
    if (rc == WC_OK)
        rc = decide(m, p, err);
    bool undecided = rc == WC_ERR_CONFIG && m->weights;
    // A damaged file is said to be so before anyone is asked for settings.
    if (undecided || (rc == WC_OK && p->o->inspect)) {
        enum wc_err damage = wc_model_check_values(m->weights, spec, n, err);
        if (damage == WC_OK && p->o->inspect)
            damage = read_logit_scale(m, err);
        rc = damage != WC_OK || p->o->inspect ? damage : rc;
    } else if (rc == WC_OK) {
        rc = set_image_size(m, p->o->interpolate_px, err);
        if (rc == WC_OK)
            rc = lay_out(m, err);
        if (rc == WC_OK)
            rc = load_tensors(m, spec, n, err);
        if (rc == WC_OK && m->family->prepare)
            rc = m->family->prepare(m, err);
        if (rc == WC_OK)
            rc = wc_model_pack(m, err);
    }
    wc_free(spec);
    return rc;
}

enum wc_err wc_model_open(const struct wc_model_options *o, struct wc_model **out,
                          struct wc_error *err) {
    struct wc_model *m;
    struct opening p = {.o = o};
    WC_TRY(WC_NEW(&m, 1, "model", err));
    m->logit_scale = NAN;
    m->precision = o->precision;
    m->share = o->share_packed;
    snprintf(m->activation_reason, sizeof m->activation_reason,
             "nothing decides; set model.activation");
    enum wc_err rc = wc_str_starts(o->weights, "random:") ? open_random(m, o->weights, err)
                                                          : open_file(m, &p, err);
    p.source.origin = m->origin;
    if (rc == WC_OK)
        rc = build(m, &p, err);
    wc_free(p.json);
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
    wc_model_unpack(m);
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

void wc_model_describe(const struct wc_model *m, char *text, size_t n) {
    static const char *const names[] = {"undecided", "gelu", "quickgelu"};
    char wide[80] = "";
    if (m->n_wide > 0)
        snprintf(wide, sizeof wide, " (%zu of %zu layers kept wider)", m->n_wide, m->n_packed);
    snprintf(text, n, "%s: %s, %zu px%s, %s (%s), %s%s", m->origin, m->arch.name, m->arch.image_px,
             m->interpolated ? " (positions interpolated)" : "", names[m->activation],
             m->activation_reason, wc_precision_name(m->precision), wide);
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

enum wc_precision wc_model_precision(const struct wc_model *m, size_t *n_wide, size_t *n_layers) {
    if (n_wide)
        *n_wide = m->n_wide;
    if (n_layers)
        *n_layers = m->n_packed;
    return m->precision;
}

bool wc_model_layer(const struct wc_model *m, size_t i, size_t *n, size_t *k) {
    if (i >= m->n_packed)
        return false;
    *n = m->packed[i]->n;
    *k = m->packed[i]->k;
    return true;
}

size_t wc_model_private_bytes(const struct wc_model *m) {
    return m->private_bytes;
}

size_t wc_model_packed_bytes(const struct wc_model *m, bool *shared) {
    if (shared)
        *shared = m->shared.path != NULL;
    return m->packed_bytes;
}

enum wc_err wc_model_hash(const struct wc_model *m, char hex[65], struct wc_error *err) {
    if (m->sha256[0]) {
        memmove(hex, m->sha256, sizeof m->sha256);
        return WC_OK;
    }
    if (m->weights)
        return wc_weights_sha256(m->weights, hex, err);
    wc_sha256_hex(m->origin, strlen(m->origin), hex);
    return WC_OK;
}
