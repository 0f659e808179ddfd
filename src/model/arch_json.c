/*
 * Model configurations: open_clip's ({"model_cfg": {...}} or its inside) and Hugging Face
 * transformers' (vision_config, text_config). Keys that are absent have the defaults of the program
 * that writes such files: open_clip's CLIPVisionCfg and CLIPTextCfg (src/open_clip/model.py),
 * transformers' CLIPVisionConfig and CLIPTextConfig (configuration_clip.py).
 */
#include "model/arch.h"

#include "base/json.h"

#include <stddef.h>
#include <string.h>

#define MAX_DEPTH 16
#define MAX_SIZE 1000000

struct reader {
    const char *file;
    const struct wc_json *top, *vision, *text;
    struct wc_error *err;
};

// A size: where it is read from, where it goes, and what it is when absent (0: it must be there).
struct size_key {
    const char *key;
    size_t offset;
    size_t fallback;
};

#define TO(member) offsetof(struct wc_arch, member)
#define COUNT(table) (sizeof(table) / sizeof *(table))

static const struct size_key open_clip_top[] = {{"embed_dim", TO(embed), 0}};
static const struct size_key open_clip_image[] = {{"image_size", TO(image_px), 224},
                                                  {"width", TO(width), 768}};
static const struct size_key open_clip_vit[] = {{"patch_size", TO(patch_px), 16},
                                                {"layers", TO(layers), 12}};
static const struct size_key open_clip_text[] = {{"context_length", TO(context), 77},
                                                 {"vocab_size", TO(vocab), 49408},
                                                 {"width", TO(text_width), 512},
                                                 {"heads", TO(text_heads), 8},
                                                 {"layers", TO(text_layers), 12}};
static const struct size_key hf_top[] = {{"projection_dim", TO(embed), 512}};
static const struct size_key hf_image[] = {
    {"image_size", TO(image_px), 224},      {"patch_size", TO(patch_px), 32},
    {"hidden_size", TO(width), 768},        {"num_hidden_layers", TO(layers), 12},
    {"num_attention_heads", TO(heads), 12}, {"intermediate_size", TO(mlp), 3072},
};
static const struct size_key hf_text[] = {
    {"max_position_embeddings", TO(context), 77}, {"vocab_size", TO(vocab), 49408},
    {"hidden_size", TO(text_width), 512},         {"num_hidden_layers", TO(text_layers), 12},
    {"num_attention_heads", TO(text_heads), 8},   {"intermediate_size", TO(text_mlp), 2048},
};

static enum wc_err bad(const struct reader *r, const char *what) {
    return WC_FAULT(r->err, WC_ERR_DATA, "bad-header", "%s: model configuration: %s", r->file,
                    what);
}

static bool absent(const struct wc_json *v) {
    return !v || v->type == WC_JSON_NULL;
}

static enum wc_err read_size(const struct reader *r, const struct wc_json *object, const char *key,
                             size_t fallback, size_t *out) {
    const struct wc_json *v = wc_json_get(object, key);
    uint64_t u = fallback;
    bool good = absent(v) ? fallback > 0 : wc_json_u64(v, &u) && u > 0 && u <= MAX_SIZE;
    if (!good)
        return WC_FAULT(r->err, WC_ERR_DATA, "bad-header",
                        "%s: model configuration: \"%s\" is no size from 1 to %d", r->file, key,
                        MAX_SIZE);
    *out = (size_t)u;
    return WC_OK;
}

static enum wc_err read_sizes(const struct reader *r, const struct wc_json *object,
                              const struct size_key *keys, size_t n, struct wc_arch *a) {
    for (size_t i = 0; i < n; i++) {
        size_t *to = (size_t *)(void *)((char *)a + keys[i].offset);
        WC_TRY(read_size(r, object, keys[i].key, keys[i].fallback, to));
    }
    return WC_OK;
}

/*
 * Switches that change what a tower computes without changing its tensors, so that nothing else
 * would show: only the value that this program computes (or absence) is taken.
 */
static const struct {
    bool text;
    const char *key, *value; // NULL: false, null, or an empty object
} switches[] = {
    {false, "pool_type", "tok"},          {false, "attentional_pool", NULL},
    {false, "final_ln_after_pool", NULL}, {false, "no_ln_pre", NULL},
    {false, "act_kwargs", NULL},          {false, "norm_kwargs", NULL},
    {false, "timm_model_name", NULL},     {true, "pool_type", "argmax"},
    {true, "no_causal_mask", NULL},       {true, "embed_cls", NULL},
    {true, "act_kwargs", NULL},           {true, "norm_kwargs", NULL},
    {true, "hf_model_name", NULL},
};

static bool is_off(const struct wc_json *v) {
    return absent(v) || (v->type == WC_JSON_BOOL && !v->boolean) ||
           (v->type == WC_JSON_OBJECT && v->n_children == 0);
}

static enum wc_err check_switches(const struct reader *r) {
    for (size_t i = 0; i < COUNT(switches); i++) {
        const struct wc_json *v =
            wc_json_get(switches[i].text ? r->text : r->vision, switches[i].key);
        const char *found = wc_json_str(v), *wanted = switches[i].value;
        if (is_off(v) || (wanted && found && strcmp(found, wanted) == 0))
            continue;
        return WC_FAULT(r->err, WC_ERR_DATA, "unsupported",
                        "%s: model configuration: %s has \"%s\"%s%s%s; such towers cannot be run",
                        r->file, switches[i].text ? "text_cfg" : "vision_cfg", switches[i].key,
                        found ? " \"" : "", found ? found : "", found ? "\"" : "");
    }
    return WC_OK;
}

static enum wc_err read_ratio(const struct reader *r, const struct wc_json *object, size_t width,
                              size_t *mlp) {
    double ratio = 4;
    const struct wc_json *v = wc_json_get(object, "mlp_ratio");
    if (!absent(v) && (!wc_json_f64(v, &ratio) || !(ratio > 0 && ratio <= MAX_SIZE)))
        return bad(r, "\"mlp_ratio\" is no number from 0 to 1000000");
    *mlp = (size_t)((double)width * ratio); // open_clip: int(width * mlp_ratio)
    return *mlp > 0 ? WC_OK : bad(r, "\"mlp_ratio\" leaves the MLP without width");
}

static enum wc_err read_stages(const struct reader *r, const struct wc_json *layers,
                               struct wc_arch *a) {
    const struct wc_json *v = layers->child;
    for (size_t s = 0; s < 4; s++, v = v->next) {
        uint64_t blocks = 0;
        if (!v || !wc_json_u64(v, &blocks) || blocks == 0 || blocks >= 1000)
            return bad(r, "\"layers\" is no list of the blocks in four stages");
        a->stages[s] = (size_t)blocks;
    }
    if (a->width < 2)
        return bad(r, "\"width\": a residual network's is at least 2");
    return v ? bad(r, "\"layers\" lists more than four stages") : WC_OK;
}

static enum wc_err read_open_clip(const struct reader *r, struct wc_arch_config *out) {
    struct wc_arch *a = &out->arch;
    const struct wc_json *layers = wc_json_get(r->vision, "layers");
    size_t head_width = 64;
    bool quick = false;
    a->family = layers && layers->type == WC_JSON_ARRAY ? WC_RESNET : WC_VIT;
    a->patch_px = 32;
    WC_TRY(read_sizes(r, r->top, open_clip_top, COUNT(open_clip_top), a));
    WC_TRY(read_sizes(r, r->vision, open_clip_image, COUNT(open_clip_image), a));
    WC_TRY(read_sizes(r, r->text, open_clip_text, COUNT(open_clip_text), a));
    WC_TRY(read_size(r, r->vision, "head_width", 64, &head_width));
    WC_TRY(read_ratio(r, r->text, a->text_width, &a->text_mlp));
    if (a->family == WC_VIT) {
        WC_TRY(read_sizes(r, r->vision, open_clip_vit, COUNT(open_clip_vit), a));
        WC_TRY(read_ratio(r, r->vision, a->width, &a->mlp));
        a->heads = a->width / head_width;
    } else {
        WC_TRY(read_stages(r, layers, a));
        a->heads = wc_arch_token_width(a) / head_width;
    }
    wc_json_bool(wc_json_get(r->top, "quick_gelu"), &quick);
    out->activation = quick ? WC_QUICKGELU : WC_GELU;
    return check_switches(r);
}

// "hidden_act" of a tower.
static enum wc_err read_act(const struct reader *r, const struct wc_json *tower,
                            enum wc_activation *out) {
    const struct wc_json *v = wc_json_get(tower, "hidden_act");
    const char *name = absent(v) ? "quick_gelu" : wc_json_str(v); // transformers' default
    if (name && strcmp(name, "quick_gelu") == 0)
        *out = WC_QUICKGELU;
    else if (name && strcmp(name, "gelu") == 0)
        *out = WC_GELU;
    else
        return WC_FAULT(r->err, WC_ERR_DATA, "unsupported",
                        "%s: model configuration: \"hidden_act\" %s; gelu or quick_gelu can be run",
                        r->file, name ? name : "is no text");
    return WC_OK;
}

static enum wc_err read_hf(const struct reader *r, struct wc_arch_config *out) {
    struct wc_arch *a = &out->arch;
    enum wc_activation image, text;
    a->family = WC_VIT;
    WC_TRY(read_sizes(r, r->top, hf_top, COUNT(hf_top), a));
    WC_TRY(read_sizes(r, r->vision, hf_image, COUNT(hf_image), a));
    WC_TRY(read_sizes(r, r->text, hf_text, COUNT(hf_text), a));
    WC_TRY(read_act(r, r->vision, &image));
    WC_TRY(read_act(r, r->text, &text));
    if (image != text)
        return WC_FAULT(r->err, WC_ERR_DATA, "unsupported",
                        "%s: model configuration: the two towers' \"hidden_act\" differ", r->file);
    out->activation = image;
    return WC_OK;
}

static enum wc_err read_either(const struct wc_json *root, struct reader *r,
                               struct wc_arch_config *out) {
    const struct wc_json *cfg = wc_json_get(root, "model_cfg");
    r->top = cfg ? cfg : root;
    r->vision = wc_json_get(r->top, "vision_cfg");
    r->text = wc_json_get(r->top, "text_cfg");
    if (r->vision && r->text)
        return read_open_clip(r, out);
    r->vision = wc_json_get(r->top, "vision_config");
    r->text = wc_json_get(r->top, "text_config");
    if (r->vision && r->text)
        return read_hf(r, out);
    return bad(r, "vision_cfg and text_cfg (open_clip), or vision_config and text_config (Hugging "
                  "Face) are needed");
}

enum wc_err wc_arch_config_read(const char *file, const char *json, size_t n,
                                struct wc_arch_config *out, struct wc_error *err) {
    struct wc_json_doc *doc = NULL;
    struct wc_error why = {0};
    struct wc_arch_config c = {.activation = WC_ACTIVATION_AUTO};
    struct reader r = {.file = file, .err = err};
    enum wc_err rc = wc_json_parse(file, json, n, MAX_DEPTH, &doc, &why);
    if (rc != WC_OK)
        return rc == WC_ERR_NOMEM ? wc_fail(err, rc, why.fault, "%s", why.text)
                                  : WC_FAULT(err, rc, "bad-header", "%s", why.text);
    rc = read_either(wc_json_root(doc), &r, &c);
    wc_json_free(&doc);
    if (rc != WC_OK) {
        out->arch = c.arch;
        return rc;
    }
    if (c.arch.image_px % c.arch.patch_px != 0)
        return bad(&r, "image_size is no multiple of patch_size");
    WC_TRY(wc_arch_check_heads(file, &c.arch, err));
    wc_arch_set_name(&c.arch);
    *out = c;
    return WC_OK;
}

enum wc_err wc_arch_from_json(const char *file, const char *json, size_t n, struct wc_arch *out,
                              struct wc_error *err) {
    struct wc_arch_config c = {.activation = WC_ACTIVATION_AUTO};
    WC_TRY(wc_arch_config_read(file, json, n, &c, err));
    *out = c.arch;
    return WC_OK;
}
