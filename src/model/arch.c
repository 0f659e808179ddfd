#include "model/arch.h"

#include "base/alloc.h"
#include "base/log.h"

#include <stdio.h>
#include <string.h>

// Sizes as published by open_clip (src/open_clip/model_configs) and OpenAI's CLIP (Radford et al.
// 2021, table 19, 20).
static const struct wc_arch table[] = {
    {"ViT-B-16-plus-240",
     WC_VIT,
     640,
     240,
     16,
     896,
     12,
     14,
     3584,
     {0},
     77,
     49408,
     640,
     12,
     10,
     2560},
    {"ViT-B-16", WC_VIT, 512, 224, 16, 768, 12, 12, 3072, {0}, 77, 49408, 512, 12, 8, 2048},
    {"ViT-L-14", WC_VIT, 768, 224, 14, 1024, 24, 16, 4096, {0}, 77, 49408, 768, 12, 12, 3072},
    {"RN50", WC_RESNET, 1024, 224, 32, 64, 0, 32, 0, {3, 4, 6, 3}, 77, 49408, 512, 12, 8, 2048},
    {"RN101", WC_RESNET, 512, 224, 32, 64, 0, 32, 0, {3, 4, 23, 3}, 77, 49408, 512, 12, 8, 2048},
    {"RN50x4", WC_RESNET, 640, 288, 32, 80, 0, 40, 0, {4, 6, 10, 6}, 77, 49408, 640, 12, 10, 2560},
    {"RN50x16", WC_RESNET, 768, 384, 32, 96, 0, 48, 0, {6, 8, 18, 8}, 77, 49408, 768, 12, 12, 3072},
    // Beyond the paper.
    {"ViT-B-32", WC_VIT, 512, 224, 32, 768, 12, 12, 3072, {0}, 77, 49408, 512, 12, 8, 2048},
    {"ViT-L-14-336", WC_VIT, 768, 336, 14, 1024, 24, 16, 4096, {0}, 77, 49408, 768, 12, 12, 3072},
    {"ViT-H-14", WC_VIT, 1024, 224, 14, 1280, 32, 16, 5120, {0}, 77, 49408, 1024, 24, 16, 4096},
    {"ViT-g-14", WC_VIT, 1024, 224, 14, 1408, 40, 16, 6144, {0}, 77, 49408, 1024, 24, 16, 4096},
    {"ViT-bigG-14", WC_VIT, 1280, 224, 14, 1664, 48, 16, 8192, {0}, 77, 49408, 1280, 32, 20, 5120},
};
#define N_TABLE (sizeof table / sizeof *table)

const struct wc_arch *wc_arch_find(const char *name) {
    for (size_t i = 0; i < N_TABLE; i++)
        if (strcmp(table[i].name, name) == 0)
            return &table[i];
    return NULL;
}

const char *const *wc_arch_names(size_t *n) {
    static const char *const names[N_TABLE] = {
        "ViT-B-16-plus-240", "ViT-B-16", "ViT-L-14",     "RN50",     "RN101",    "RN50x4",
        "RN50x16",           "ViT-B-32", "ViT-L-14-336", "ViT-H-14", "ViT-g-14", "ViT-bigG-14"};
    *n = N_TABLE;
    return names;
}

size_t wc_arch_grid(const struct wc_arch *arch) {
    return arch->image_px / arch->patch_px;
}

size_t wc_arch_token_width(const struct wc_arch *arch) {
    return arch->family == WC_RESNET ? 32 * arch->width : arch->width;
}

bool wc_arch_same_sizes(const struct wc_arch *a, const struct wc_arch *b) {
    return a->family == b->family && a->embed == b->embed && a->image_px == b->image_px &&
           a->patch_px == b->patch_px && a->width == b->width && a->layers == b->layers &&
           a->mlp == b->mlp && memcmp(a->stages, b->stages, sizeof a->stages) == 0 &&
           a->context == b->context && a->vocab == b->vocab && a->text_width == b->text_width &&
           a->text_layers == b->text_layers && a->text_mlp == b->text_mlp;
}

size_t wc_tensor_spec_elements(const struct wc_tensor_spec *spec) {
    size_t n = 1;
    for (size_t i = 0; i < spec->n_dims; i++)
        n *= spec->dim[i];
    return n;
}

/* The list of tensors. */

struct spec_list {
    struct wc_tensor_spec *item;
    size_t n, cap;
    enum wc_err rc;
    struct wc_error *err;
};

// dim: up to four sizes, 0 ends them.
static void add(struct spec_list *l, const char *prefix, const char *name, size_t d0, size_t d1,
                size_t d2, size_t d3) {
    if (l->rc != WC_OK ||
        (l->rc = WC_GROW(&l->item, &l->cap, l->n + 1, "tensor list", l->err)) != WC_OK)
        return;
    struct wc_tensor_spec *t = &l->item[l->n++];
    size_t dim[4] = {d0, d1, d2, d3};
    snprintf(t->name, sizeof t->name, "%s%s", prefix, name);
    for (t->n_dims = 0; t->n_dims < 4 && dim[t->n_dims] > 0; t->n_dims++)
        t->dim[t->n_dims] = dim[t->n_dims];
}

static void add_norm(struct spec_list *l, const char *prefix, const char *name, size_t d) {
    char full[96];
    snprintf(full, sizeof full, "%s%s", prefix, name);
    add(l, full, ".weight", d, 0, 0, 0);
    add(l, full, ".bias", d, 0, 0, 0);
}

static void add_linear(struct spec_list *l, const char *prefix, const char *name, size_t n,
                       size_t k) {
    char full[96];
    snprintf(full, sizeof full, "%s%s", prefix, name);
    add(l, full, ".weight", n, k, 0, 0);
    add(l, full, ".bias", n, 0, 0, 0);
}

static void add_blocks(struct spec_list *l, const char *tower, size_t layers, size_t d,
                       size_t mlp) {
    char p[64];
    for (size_t i = 0; i < layers; i++) {
        snprintf(p, sizeof p, "%stransformer.resblocks.%zu.", tower, i);
        add(l, p, "attn.in_proj_weight", 3 * d, d, 0, 0);
        add(l, p, "attn.in_proj_bias", 3 * d, 0, 0, 0);
        add_linear(l, p, "attn.out_proj", d, d);
        add_norm(l, p, "ln_1", d);
        add_norm(l, p, "ln_2", d);
        add_linear(l, p, "mlp.c_fc", mlp, d);
        add_linear(l, p, "mlp.c_proj", d, mlp);
    }
}

static void add_batch_norm(struct spec_list *l, const char *prefix, const char *name, size_t d) {
    char full[96];
    add_norm(l, prefix, name, d);
    snprintf(full, sizeof full, "%s%s", prefix, name);
    add(l, full, ".running_mean", d, 0, 0, 0);
    add(l, full, ".running_var", d, 0, 0, 0);
}

static void add_resnet(struct spec_list *l, const struct wc_arch *a) {
    size_t w = a->width, in = w, out = wc_arch_token_width(a), g = wc_arch_grid(a);
    add(l, "visual.", "conv1.weight", w / 2, 3, 3, 3);
    add_batch_norm(l, "visual.", "bn1", w / 2);
    add(l, "visual.", "conv2.weight", w / 2, w / 2, 3, 3);
    add_batch_norm(l, "visual.", "bn2", w / 2);
    add(l, "visual.", "conv3.weight", w, w / 2, 3, 3);
    add_batch_norm(l, "visual.", "bn3", w);
    for (size_t s = 0; s < 4; s++) {
        size_t planes = w << s;
        for (size_t b = 0; b < a->stages[s]; b++) {
            char p[64];
            snprintf(p, sizeof p, "visual.layer%zu.%zu.", s + 1, b);
            add(l, p, "conv1.weight", planes, in, 1, 1);
            add_batch_norm(l, p, "bn1", planes);
            add(l, p, "conv2.weight", planes, planes, 3, 3);
            add_batch_norm(l, p, "bn2", planes);
            add(l, p, "conv3.weight", 4 * planes, planes, 1, 1);
            add_batch_norm(l, p, "bn3", 4 * planes);
            if (b == 0) {
                add(l, p, "downsample.0.weight", 4 * planes, in, 1, 1);
                add_batch_norm(l, p, "downsample.1", 4 * planes);
            }
            in = 4 * planes;
        }
    }
    add(l, "visual.attnpool.", "positional_embedding", g * g + 1, out, 0, 0);
    add_linear(l, "visual.attnpool.", "k_proj", out, out);
    add_linear(l, "visual.attnpool.", "q_proj", out, out);
    add_linear(l, "visual.attnpool.", "v_proj", out, out);
    add_linear(l, "visual.attnpool.", "c_proj", a->embed, out);
}

enum wc_err wc_arch_tensors(const struct wc_arch *arch, struct wc_tensor_spec **spec, size_t *n,
                            struct wc_error *err) {
    struct spec_list l = {.err = err};
    size_t g = wc_arch_grid(arch), d = arch->width, dt = arch->text_width;
    add(&l, "", "positional_embedding", arch->context, dt, 0, 0);
    add(&l, "", "text_projection", dt, arch->embed, 0, 0);
    add(&l, "", "logit_scale", 0, 0, 0, 0);
    if (arch->family == WC_VIT) {
        add(&l, "", "visual.class_embedding", d, 0, 0, 0);
        add(&l, "", "visual.positional_embedding", g * g + 1, d, 0, 0);
        add(&l, "", "visual.proj", d, arch->embed, 0, 0);
        add(&l, "", "visual.conv1.weight", d, 3, arch->patch_px, arch->patch_px);
        add_norm(&l, "", "visual.ln_pre", d);
        add_blocks(&l, "visual.", arch->layers, d, arch->mlp);
        add_norm(&l, "", "visual.ln_post", d);
    } else {
        add_resnet(&l, arch);
    }
    add_blocks(&l, "", arch->text_layers, dt, arch->text_mlp);
    add(&l, "", "token_embedding.weight", arch->vocab, dt, 0, 0);
    add_norm(&l, "", "ln_final", dt);
    if (l.rc != WC_OK) {
        wc_free(l.item);
        return l.rc;
    }
    *spec = l.item;
    *n = l.n;
    return WC_OK;
}

/* Sizes from a file's tensors. */

static enum wc_err need(const struct wc_weights *w, const char *name, size_t n_dims,
                        const struct wc_tensor_info **out, struct wc_error *err) {
    const struct wc_tensor_info *t = wc_weights_find(w, name);
    if (!t)
        return WC_FAULT(
            err, WC_ERR_DATA, "missing-tensor",
            "%s: tensor \"%s\" is missing; this is no CLIP model's file, or not a whole one",
            wc_weights_path(w), name);
    bool empty = false;
    for (size_t i = 0; i < t->n_dims; i++)
        empty = empty || t->dim[i] == 0;
    if (t->n_dims != n_dims || empty) {
        char found[96];
        wc_shape_text(t->n_dims, t->dim, found, sizeof found);
        return WC_FAULT(err, WC_ERR_DATA, "bad-shape",
                        "%s: tensor \"%s\": shape %s, CLIP has %zu dimensions there",
                        wc_weights_path(w), name, found, n_dims);
    }
    *out = t;
    return WC_OK;
}

// Tensors that sizes are read off: those present must have their rank, whichever others are
// missing.
static enum wc_err check_ranks(const struct wc_weights *w, bool resnet, struct wc_error *err) {
    static const struct {
        const char *name;
        size_t n_dims;
    } rows[] = {
        {"visual.conv1.weight", 4},
        {"visual.transformer.resblocks.0.mlp.c_fc.weight", 2},
        {"visual.attnpool.positional_embedding", 2},
        {"visual.attnpool.c_proj.weight", 2},
        {"token_embedding.weight", 2},
        {"positional_embedding", 2},
        {"transformer.resblocks.0.mlp.c_fc.weight", 2},
        {"visual.proj", 2},
        {"visual.positional_embedding", 2},
    };
    const struct wc_tensor_info *unused;
    size_t n = sizeof rows / sizeof *rows;
    for (size_t i = 0; i < (resnet ? n - 2 : n); i++)
        if (wc_weights_find(w, rows[i].name))
            WC_TRY(need(w, rows[i].name, rows[i].n_dims, &unused, err));
    return WC_OK;
}

// One more than the largest N of "<prefix>N.<...>".
static size_t count_blocks(const struct wc_weights *w, const char *prefix) {
    size_t n = 0, n_prefix = strlen(prefix);
    for (size_t i = 0; i < wc_weights_n_tensors(w); i++) {
        const char *name = wc_weights_at(w, i)->name;
        if (strncmp(name, prefix, n_prefix) != 0)
            continue;
        size_t block = 0, p = n_prefix;
        while (name[p] >= '0' && name[p] <= '9' && block < 10000)
            block = block * 10 + (size_t)(name[p++] - '0');
        if (p > n_prefix && name[p] == '.' && block + 1 > n)
            n = block + 1;
    }
    return n;
}

static size_t root(size_t n) {
    size_t r = 0;
    while ((r + 1) * (r + 1) <= n)
        r++;
    return r;
}

static enum wc_err deduce_vit(const struct wc_weights *w, struct wc_arch *a, struct wc_error *err) {
    const struct wc_tensor_info *conv, *proj, *fc, *pos;
    WC_TRY(need(w, "visual.conv1.weight", 4, &conv, err));
    WC_TRY(need(w, "visual.proj", 2, &proj, err));
    WC_TRY(need(w, "visual.positional_embedding", 2, &pos, err));
    WC_TRY(need(w, "visual.transformer.resblocks.0.mlp.c_fc.weight", 2, &fc, err));
    if (proj->dim[0] != conv->dim[0])
        return WC_FAULT(err, WC_ERR_DATA, "bad-shape",
                        "%s: tensor \"visual.proj\": shape [%zu,%zu], a tower of width %zu needs "
                        "[%zu,embedding]; is it transposed?",
                        wc_weights_path(w), proj->dim[0], proj->dim[1], conv->dim[0], conv->dim[0]);
    size_t g = root(pos->dim[0] - 1);
    if (g == 0 || g * g + 1 != pos->dim[0])
        return WC_FAULT(
            err, WC_ERR_DATA, "bad-shape",
            "%s: tensor \"visual.positional_embedding\": %zu positions are no square grid and a class token",
            wc_weights_path(w), pos->dim[0]);
    a->family = WC_VIT;
    a->embed = proj->dim[1];
    a->width = conv->dim[0];
    a->patch_px = conv->dim[2];
    a->image_px = g * conv->dim[2];
    a->layers = count_blocks(w, "visual.transformer.resblocks.");
    a->mlp = fc->dim[0];
    return WC_OK;
}

static enum wc_err deduce_resnet(const struct wc_weights *w, struct wc_arch *a,
                                 struct wc_error *err) {
    const struct wc_tensor_info *conv, *pos, *proj;
    WC_TRY(need(w, "visual.conv1.weight", 4, &conv, err));
    WC_TRY(need(w, "visual.attnpool.positional_embedding", 2, &pos, err));
    WC_TRY(need(w, "visual.attnpool.c_proj.weight", 2, &proj, err));
    size_t g = root(pos->dim[0] - 1);
    if (g == 0 || g * g + 1 != pos->dim[0])
        return WC_FAULT(
            err, WC_ERR_DATA, "bad-shape",
            "%s: tensor \"visual.attnpool.positional_embedding\": %zu positions are no square grid and a mean",
            wc_weights_path(w), pos->dim[0]);
    a->family = WC_RESNET;
    a->embed = proj->dim[0];
    a->width = 2 * conv->dim[0];
    a->patch_px = 32;
    a->image_px = g * 32;
    for (size_t s = 0; s < 4; s++) {
        char prefix[32];
        snprintf(prefix, sizeof prefix, "visual.layer%zu.", s + 1);
        a->stages[s] = count_blocks(w, prefix);
        if (a->stages[s] == 0)
            return WC_FAULT(err, WC_ERR_DATA, "missing-tensor",
                            "%s: no tensor \"%s*\"; CLIP's residual networks have four stages",
                            wc_weights_path(w), prefix);
    }
    return WC_OK;
}

static enum wc_err deduce_text(const struct wc_weights *w, struct wc_arch *a,
                               struct wc_error *err) {
    const struct wc_tensor_info *token, *pos, *fc;
    WC_TRY(need(w, "token_embedding.weight", 2, &token, err));
    WC_TRY(need(w, "positional_embedding", 2, &pos, err));
    WC_TRY(need(w, "transformer.resblocks.0.mlp.c_fc.weight", 2, &fc, err));
    a->vocab = token->dim[0];
    a->text_width = token->dim[1];
    a->context = pos->dim[0];
    a->text_layers = count_blocks(w, "transformer.resblocks.");
    a->text_mlp = fc->dim[0];
    return WC_OK;
}

// Heads must divide widths; a wrong count would run and give nonsense.
enum wc_err wc_arch_check_heads(const char *file, const struct wc_arch *a, struct wc_error *err) {
    size_t pool = wc_arch_token_width(a);
    if (a->heads > 0 && pool % a->heads == 0 && a->text_heads > 0 &&
        a->text_width % a->text_heads == 0)
        return WC_OK;
    return WC_FAULT(err, WC_ERR_DATA, "bad-header",
                    "%s: %zu image and %zu text heads do not divide widths %zu and %zu", file,
                    a->heads, a->text_heads, pool, a->text_width);
}

void wc_arch_set_name(struct wc_arch *a) {
    a->name = "custom";
    for (size_t i = 0; i < N_TABLE; i++)
        if (wc_arch_same_sizes(&table[i], a))
            a->name = table[i].name;
}

static bool same_image_tower(const struct wc_arch *a, const struct wc_arch *b) {
    return a->family == b->family && a->width == b->width && a->layers == b->layers &&
           a->mlp == b->mlp && memcmp(a->stages, b->stages, sizeof a->stages) == 0;
}

static bool same_text_tower(const struct wc_arch *a, const struct wc_arch *b) {
    return a->text_width == b->text_width && a->text_layers == b->text_layers &&
           a->text_mlp == b->text_mlp;
}

bool wc_arch_config_fits(const struct wc_arch *config, const struct wc_arch *file) {
    return same_image_tower(config, file) && same_text_tower(config, file) &&
           config->embed == file->embed && config->patch_px == file->patch_px;
}

// Heads cannot be read off the tensors: from towers of the same sizes in the table, whatever their
// grid or vocabulary; else 64 wide, as nearly all published ones are; 0 when that is impossible.
// false: not both are from the table.
static bool guess_heads(struct wc_arch *a) {
    size_t pool = wc_arch_token_width(a);
    bool image = false, text = false;
    a->heads = pool % 64 == 0 ? pool / 64 : 0;
    a->text_heads = a->text_width % 64 == 0 ? a->text_width / 64 : 0;
    for (size_t i = 0; i < N_TABLE; i++) {
        if (same_image_tower(&table[i], a)) {
            a->heads = table[i].heads;
            image = true;
        }
        if (same_text_tower(&table[i], a)) {
            a->text_heads = table[i].text_heads;
            text = true;
        }
    }
    return image && text;
}

enum wc_err wc_arch_deduce(const struct wc_weights *weights, const char *json, struct wc_arch *out,
                           struct wc_error *err) {
    struct wc_arch a = {0};
    struct wc_arch_config config;
    bool resnet = wc_weights_find(weights, "visual.attnpool.positional_embedding") != NULL;
    WC_TRY(check_ranks(weights, resnet, err));
    WC_TRY(resnet ? deduce_resnet(weights, &a, err) : deduce_vit(weights, &a, err));
    WC_TRY(deduce_text(weights, &a, err));
    wc_arch_set_name(&a);
    bool known = guess_heads(&a);
    struct wc_error why = {0};
    enum wc_err rc = WC_ERR_DATA; // no configuration, or one that says nothing
    if (json)
        rc = wc_arch_config_read(wc_weights_path(weights), json, strlen(json), &config, &why);
    if (rc == WC_ERR_NOMEM)
        return WC_FAIL(err, rc, "%s", why.text);
    if (rc == WC_OK && wc_arch_config_fits(&config.arch, &a)) {
        a.heads = config.arch.heads;
        a.text_heads = config.arch.text_heads;
    } else if (!known && a.heads > 0 && a.text_heads > 0) {
        WC_WARN(
            "%s: towers of unknown sizes, and no configuration beside them: attention heads are "
            "taken to be 64 wide (%zu and %zu of them)",
            wc_weights_path(weights), a.heads, a.text_heads);
    }
    *out = a;
    return WC_OK;
}

// A ratio that gives the hidden size back where a reader cuts the product off.
static double mlp_ratio(size_t width, size_t mlp) {
    double ratio = (double)mlp / (double)width;
    return (size_t)((double)width * ratio) == mlp ? ratio : ((double)mlp + 0.5) / (double)width;
}

void wc_arch_to_json(const struct wc_arch *a, enum wc_activation activation, struct wc_buf *out) {
    wc_buf_printf(out, "{\"model_cfg\": {\"embed_dim\": %zu, ", a->embed);
    if (activation == WC_QUICKGELU)
        wc_buf_puts(out, "\"quick_gelu\": true, ");
    wc_buf_printf(out, "\"vision_cfg\": {\"image_size\": %zu, ", a->image_px);
    if (a->family == WC_VIT) {
        wc_buf_printf(
            out,
            "\"layers\": %zu, \"width\": %zu, \"head_width\": %zu, \"patch_size\": %zu, \"mlp_ratio\": %.17g}, ",
            a->layers, a->width, a->width / a->heads, a->patch_px, mlp_ratio(a->width, a->mlp));
    } else {
        wc_buf_printf(out,
                      "\"layers\": [%zu, %zu, %zu, %zu], \"width\": %zu, \"head_width\": %zu}, ",
                      a->stages[0], a->stages[1], a->stages[2], a->stages[3], a->width,
                      wc_arch_token_width(a) / a->heads);
    }
    wc_buf_printf(
        out,
        "\"text_cfg\": {\"context_length\": %zu, \"vocab_size\": %zu, \"width\": %zu, \"heads\": %zu, \"layers\": %zu",
        a->context, a->vocab, a->text_width, a->text_heads, a->text_layers);
    if (a->text_mlp != 4 * a->text_width)
        wc_buf_printf(out, ", \"mlp_ratio\": %.17g", mlp_ratio(a->text_width, a->text_mlp));
    wc_buf_puts(out, "}}}");
}
