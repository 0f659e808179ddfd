// Which activation a model's weights are for.
#include "model/open.h"

#include <stdio.h>
#include <string.h>

// What one source of knowledge says: its choice and reason, or false.
typedef bool (*ask_fn)(const struct wc_model_source *s, const char *arch, enum wc_activation *out,
                       char *reason, size_t n);

static bool ask_random(const struct wc_model_source *s, const char *arch, enum wc_activation *out,
                       char *reason, size_t n) {
    (void)arch;
    if (s->weights)
        return false;
    *out = WC_GELU;
    snprintf(reason, n, "random weights");
    return true;
}

// Only OpenAI published CLIP as TorchScript archives, all with QuickGELU (released code, model.py).
static bool ask_origin(const struct wc_model_source *s, const char *arch, enum wc_activation *out,
                       char *reason, size_t n) {
    (void)arch;
    if (strcmp(wc_weights_origin(s->weights), "openai-torchscript") != 0)
        return false;
    *out = WC_QUICKGELU;
    snprintf(reason, n, "OpenAI's TorchScript archive");
    return true;
}

static bool ask_metadata(const struct wc_model_source *s, const char *arch, enum wc_activation *out,
                         char *reason, size_t n) {
    (void)arch;
    const char *meta = wc_weights_meta(s->weights, "activation");
    if (!meta || (strcmp(meta, "gelu") != 0 && strcmp(meta, "quickgelu") != 0))
        return false;
    *out = strcmp(meta, "gelu") == 0 ? WC_GELU : WC_QUICKGELU;
    snprintf(reason, n, "the file's metadata");
    return true;
}

static const struct wc_known_weights *known(const char *sha256, const char *arch) {
    const struct wc_known_weights *k = sha256 ? wc_weights_known(sha256) : NULL;
    return k && strcmp(k->arch, arch) == 0 ? k : NULL;
}

static bool ask_hash(const struct wc_model_source *s, const char *arch, enum wc_activation *out,
                     char *reason, size_t n) {
    const struct wc_known_weights *k = known(s->sha256, arch);
    if (!k)
        return false;
    *out = k->quick_gelu ? WC_QUICKGELU : WC_GELU;
    snprintf(reason, n, "its hash: published as %s, %s", k->arch, k->training);
    return true;
}

// In the order asked; the configuration comes last (wc_model_choose_activation()).
static const ask_fn sources[] = {ask_random, ask_origin, ask_metadata, ask_hash};

// *found tells whether the configuration decides. One that cannot be read says nothing; memory that
// is out is an error.
static enum wc_err ask_json(const struct wc_model_source *s, bool *found, enum wc_activation *out,
                            char *reason, size_t n, struct wc_error *err) {
    struct wc_arch_config c;
    struct wc_error why = {0};
    *found = false;
    if (!s->json)
        return WC_OK;
    enum wc_err rc = wc_arch_config_read(s->origin, s->json, strlen(s->json), &c, &why);
    if (rc == WC_ERR_NOMEM)
        return WC_FAIL(err, rc, "%s", why.text);
    if (rc != WC_OK)
        return WC_OK;
    *found = true;
    *out = c.activation;
    if (s->json_path)
        snprintf(reason, n, "configuration %s", s->json_path);
    else
        snprintf(reason, n, "the configuration in the file's metadata");
    return WC_OK;
}

bool wc_model_needs_hash(const struct wc_model_source *s, enum wc_activation asked,
                         const char *arch) {
    enum wc_activation unused;
    char reason[64];
    return asked == WC_ACTIVATION_AUTO && s->weights && wc_arch_find(arch) &&
           !ask_origin(s, arch, &unused, reason, sizeof reason) &&
           !ask_metadata(s, arch, &unused, reason, sizeof reason);
}

enum wc_err wc_model_choose_activation(const struct wc_model_source *s, enum wc_activation asked,
                                       const char *arch, enum wc_activation *out, char *reason,
                                       size_t n_reason, struct wc_error *err) {
    if (asked != WC_ACTIVATION_AUTO) {
        *out = asked;
        snprintf(reason, n_reason, "as configured");
        return WC_OK;
    }
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++)
        if (sources[i](s, arch, out, reason, n_reason))
            return WC_OK;
    bool found;
    WC_TRY(ask_json(s, &found, out, reason, n_reason, err));
    if (found)
        return WC_OK;
    return WC_FAIL(err, WC_ERR_CONFIG,
                   "%s: nothing says whether this model uses GELU (LAION) or QuickGELU (OpenAI); "
                   "set model.activation to gelu or quickgelu",
                   s->origin);
}
