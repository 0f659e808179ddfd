#include "model/backbone.h"

#include "base/alloc.h"
#include "base/log.h"
#include "model/conv.h"
#include "model/open.h"
#include "model/pack.h"
#include "model/random.h"
#include "tensor/kernels.h"

#include <stdio.h>
#include <string.h>

// torchvision's documentation of its ImageNet weights.
const float wc_imagenet_mean[3] = {0.485f, 0.456f, 0.406f};
const float wc_imagenet_std[3] = {0.229f, 0.224f, 0.225f};

// Stages of blocks: two 3 x 3 convolutions (basic), or 1 x 1, 3 x 3, 1 x 1 (bottleneck).
struct shape {
    const char *name;
    bool bottleneck;
    size_t stem;                       // channels of the first convolution
    size_t blocks[WC_BACKBONE_LAYERS]; // of each stage
    size_t inner[WC_BACKBONE_LAYERS];  // channels inside a block
    size_t outer[WC_BACKBONE_LAYERS];  // and of its output
};

#define BASIC_OUT                                                                                  \
    { 64, 128, 256, 512 }
#define DEEP_OUT                                                                                   \
    { 256, 512, 1024, 2048 }
static const struct shape known[] = {
    {"resnet18", false, 64, {2, 2, 2, 2}, BASIC_OUT, BASIC_OUT},
    {"resnet34", false, 64, {3, 4, 6, 3}, BASIC_OUT, BASIC_OUT},
    {"resnet50", true, 64, {3, 4, 6, 3}, BASIC_OUT, DEEP_OUT},
    {"resnet101", true, 64, {3, 4, 23, 3}, BASIC_OUT, DEEP_OUT},
    {"wide_resnet50_2", true, 64, {3, 4, 6, 3}, {128, 256, 512, 1024}, DEEP_OUT},
    {"wide_resnet101_2", true, 64, {3, 4, 23, 3}, {128, 256, 512, 1024}, DEEP_OUT},
};
#define N_KNOWN (sizeof known / sizeof *known)

struct wc_backbone_net {
    bool bottleneck;
    struct wc_conv_list list;
    struct {
        size_t n_steps, map, side, c; // steps up to its end; its output
    } stage[WC_BACKBONE_LAYERS];
};

// The maps of a workspace, channels last: pixels, the inside of a block, and the stages' outputs,
// which stay until the next image.
enum { MAP_PIXELS, MAP_A, MAP_B, MAP_POOL, MAP_STAGE };

const char *const *wc_backbone_names(size_t *n) {
    static const char *const names[N_KNOWN] = {"resnet18",  "resnet34",        "resnet50",
                                               "resnet101", "wide_resnet50_2", "wide_resnet101_2"};
    *n = N_KNOWN;
    return names;
}

static const struct shape *find(const char *name) {
    for (size_t i = 0; i < N_KNOWN; i++)
        if (strcmp(known[i].name, name) == 0)
            return &known[i];
    return NULL;
}

/* The list of steps. */

struct cursor {
    struct wc_conv_list *list;
    size_t map, side, c;
};

// x + block(x), a ReLU behind each convolution and behind the sum. The stride is that of the 3 x 3
// convolution (torchvision, not the paper, which strides the first); where side or width change, a
// projection stands in place of x.
static void add_block(struct cursor *at, const struct shape *s, size_t stage, const char *prefix,
                      size_t stride) {
    struct wc_conv_list *l = at->list;
    size_t inner = s->inner[stage], outer = s->outer[stage], to = MAP_STAGE + stage;
    size_t side = at->side, half = (side + stride - 1) / stride, last = MAP_A;
    bool project = stride > 1 || at->c != outer;
    struct wc_conv down = {.n = outer, .c = at->c, .side = 1, .stride = stride};
    struct wc_conv_step from_x = {.from = at->map, .to = MAP_A, .side = side, .relu = true};
    struct wc_conv_step end = {.to = to, .side = half, .add = true, .relu = true};
    if (s->bottleneck) {
        struct wc_conv conv1 = {.n = inner, .c = at->c, .side = 1, .stride = 1},
                       conv2 = {.n = inner, .c = inner, .side = 3, .stride = stride};
        wc_conv_add(l, prefix, "conv1", "bn1", conv1, from_x);
        wc_conv_add(l, prefix, "conv2", "bn2", conv2,
                    (struct wc_conv_step){.from = MAP_A, .to = MAP_B, .side = side, .relu = true});
        last = MAP_B;
    } else {
        struct wc_conv conv1 = {.n = inner, .c = at->c, .side = 3, .stride = stride};
        wc_conv_add(l, prefix, "conv1", "bn1", conv1, from_x);
    }
    if (project)
        wc_conv_add(l, prefix, "downsample.0", "downsample.1", down,
                    (struct wc_conv_step){.from = at->map, .to = to, .side = side});
    end.from = last;
    if (s->bottleneck)
        wc_conv_add(l, prefix, "conv3", "bn3",
                    (struct wc_conv){.n = outer, .c = inner, .side = 1, .stride = 1}, end);
    else
        wc_conv_add(l, prefix, "conv2", "bn2",
                    (struct wc_conv){.n = outer, .c = inner, .side = 3, .stride = 1}, end);
    *at = (struct cursor){l, to, half, outer};
}

static enum wc_err lay_out(struct wc_model *m, const struct shape *s, struct wc_error *err) {
    struct wc_backbone_net *net;
    size_t n_blocks = s->blocks[0] + s->blocks[1] + s->blocks[2] + s->blocks[3];
    WC_TRY(WC_NEW(&net, 1, "backbone", err));
    m->backbone = net;
    net->bottleneck = s->bottleneck;
    size_t n_convs = 1 + 4 * n_blocks; // at most
    WC_TRY(wc_conv_list_init(&net->list, n_convs, n_convs + 2, err));
    struct cursor at = {&net->list, MAP_PIXELS, m->arch.image_px, 3};
    wc_conv_add_pixels(&net->list, MAP_PIXELS, at.side);
    wc_conv_add(
        &net->list, "", "conv1", "bn1",
        (struct wc_conv){.n = s->stem, .c = 3, .side = 7, .stride = 2},
        (struct wc_conv_step){.from = MAP_PIXELS, .to = MAP_B, .side = at.side, .relu = true});
    at.side = (at.side + 1) / 2;
    // Without a projection the first block adds to its input in place, which must be the stage's
    // map.
    at.map = s->outer[0] == s->stem ? MAP_STAGE : MAP_POOL;
    wc_conv_add_maxpool(&net->list, MAP_B, at.map, at.side, s->stem);
    at.side = (at.side + 1) / 2;
    at.c = s->stem;
    for (size_t i = 0; i < WC_BACKBONE_LAYERS; i++) {
        for (size_t b = 0; b < s->blocks[i]; b++) {
            char prefix[32];
            snprintf(prefix, sizeof prefix, "layer%zu.%zu.", i + 1, b);
            add_block(&at, s, i, prefix, b == 0 && i > 0 ? 2 : 1);
        }
        net->stage[i].n_steps = net->list.n_steps;
        net->stage[i].map = at.map;
        net->stage[i].side = at.side;
        net->stage[i].c = at.c;
    }
    return WC_OK;
}

/* Opening. */

// Sizes read off the tensors. What does not fit them (grouped convolutions, other stems) is found
// when all shapes are checked.
static enum wc_err deduce(const struct wc_weights *w, struct shape *s, struct wc_error *err) {
    const struct wc_tensor_info *stem = wc_weights_find(w, "conv1.weight"), *t;
    char name[64];
    *s = (struct shape){.name = "custom"};
    s->bottleneck = wc_weights_find(w, "layer1.0.conv3.weight") != NULL;
    for (size_t i = 0; i < WC_BACKBONE_LAYERS; i++) {
        for (;; s->blocks[i]++) {
            snprintf(name, sizeof name, "layer%zu.%zu.conv1.weight", i + 1, s->blocks[i]);
            t = wc_weights_find(w, name);
            if (!t || t->n_dims != 4 || s->blocks[i] == 999)
                break;
            s->inner[i] = t->dim[0];
        }
        snprintf(name, sizeof name, "layer%zu.0.%s.weight", i + 1,
                 s->bottleneck ? "conv3" : "conv2");
        t = wc_weights_find(w, name);
        if (!stem || stem->n_dims != 4 || !t || t->n_dims != 4 || s->blocks[i] == 0)
            return WC_FAULT(err, WC_ERR_DATA, "missing-tensor",
                            "%s: no residual network in torchvision's names: tensor \"%s\" is "
                            "missing; resnet18, resnet50, wide_resnet50_2 and their like are known",
                            wc_weights_path(w), stem ? name : "conv1.weight");
        s->outer[i] = t->dim[0];
    }
    s->stem = stem->dim[0];
    for (size_t k = 0; k < N_KNOWN; k++) {
        struct shape named = *s;
        named.name = known[k].name;
        bool same = named.bottleneck == known[k].bottleneck && named.stem == known[k].stem &&
                    memcmp(named.blocks, known[k].blocks, sizeof named.blocks) == 0 &&
                    memcmp(named.inner, known[k].inner, sizeof named.inner) == 0 &&
                    memcmp(named.outer, known[k].outer, sizeof named.outer) == 0;
        if (same)
            s->name = known[k].name;
    }
    return WC_OK;
}

// Every tensor of the list of steps.
static enum wc_err tensors(const struct wc_conv_list *l, struct wc_tensor_spec **out, size_t *n,
                           struct wc_error *err) {
    static const char *const leaf[4] = {"weight", "bias", "running_mean", "running_var"};
    struct wc_tensor_spec *spec;
    WC_TRY(WC_NEW(&spec, 5 * l->n_convs, "tensors of a backbone", err));
    *n = 0;
    for (size_t i = 0; i < l->n_convs; i++) {
        const struct wc_conv *c = &l->conv[i];
        struct wc_tensor_spec *t = &spec[(*n)++];
        *t = (struct wc_tensor_spec){.n_dims = 4, .dim = {c->n, c->c, c->side, c->side}};
        snprintf(t->name, sizeof t->name, "%s.weight", c->name);
        for (size_t k = 0; k < 4; k++) {
            t = &spec[(*n)++];
            *t = (struct wc_tensor_spec){.n_dims = 1, .dim = {c->n}};
            snprintf(t->name, sizeof t->name, "%s.%s", c->norm, leaf[k]);
        }
    }
    *out = spec;
    return WC_OK;
}

static enum wc_err load(struct wc_model *m, struct wc_error *err) {
    struct wc_conv_list *l = &m->backbone->list;
    struct wc_tensor_spec *spec = NULL;
    size_t n;
    WC_TRY(tensors(l, &spec, &n, err));
    enum wc_err rc = WC_OK;
    if (m->weights)
        rc = wc_model_check_tensors(m->weights, spec, n, m->arch.name, err);
    for (size_t i = 0; i < n && rc == WC_OK; i++) {
        const float *data = NULL;
        struct wc_tensor_spec named = spec[i];
        snprintf(named.name, sizeof named.name, "visual.%.80s", spec[i].name);
        rc = m->weights ? wc_model_file_tensor(m, &spec[i], &data, err)
                        : wc_model_random_tensor(m, &named, &data, err);
        if (rc == WC_OK && !wc_conv_place(l, spec[i].name, data))
            rc = WC_FAIL(err, WC_ERR_BUG, "tensor \"%s\" has no place in the backbone",
                         spec[i].name);
    }
    wc_free(spec);
    return rc == WC_OK ? wc_conv_fold(m, "", l, err) : rc;
}

static enum wc_err unknown(const char *what, const char *name, struct wc_error *err) {
    size_t n;
    const char *const *names = wc_backbone_names(&n);
    const char *near = wc_str_nearest(name, names, n);
    return WC_FAIL(err, WC_ERR_CONFIG, "%s \"%s\": unknown backbone%s%s", what, name,
                   near ? "; did you mean "
                        : "; known are resnet18, resnet34, resnet50, resnet101, wide_resnet50_2, "
                          "wide_resnet101_2",
                   near ? near : "");
}

// random:NAME[:SEED]
static enum wc_err open_random(struct wc_model *m, const char *text, struct shape *s,
                               struct wc_error *err) {
    const char *at = text + strlen("random:"), *colon = strchr(at, ':');
    char name[64];
    snprintf(name, sizeof name, "%.*s", colon ? (int)(colon - at < 63 ? colon - at : 63) : 63, at);
    const struct shape *found = find(name);
    m->seed = WC_RANDOM_SEED;
    if (!found)
        return unknown("backbone.weights", name, err);
    if (colon && !wc_parse_u64(colon + 1, &m->seed))
        return WC_FAIL(err, WC_ERR_CONFIG,
                       "backbone.weights \"%s\": the seed is no number; the form is "
                       "random:NAME[:SEED]",
                       text);
    *s = *found;
    m->origin = wc_sprintf("random:%s:%llu", found->name, (unsigned long long)m->seed);
    return m->origin ? WC_OK : WC_FAIL(err, WC_ERR_NOMEM, "%s: out of memory", text);
}

static enum wc_err open_file(struct wc_model *m, const char *path, const char *arch,
                             struct shape *s, struct wc_error *err) {
    const struct shape *asked = NULL;
    if (arch && strcmp(arch, "auto") != 0 && !(asked = find(arch)))
        return unknown("backbone.arch", arch, err);
    WC_TRY(wc_weights_open(path, &m->weights, err));
    m->origin = wc_strdup(path);
    if (!m->origin)
        return WC_FAIL(err, WC_ERR_NOMEM, "%s: out of memory", path);
    if (!asked)
        return deduce(m->weights, s, err);
    *s = *asked;
    return WC_OK;
}

enum wc_err wc_backbone_open(const char *weights, const char *arch, size_t image_px,
                             struct wc_model **out, struct wc_error *err) {
    struct wc_model *m;
    struct shape s;
    WC_TRY(WC_NEW(&m, 1, "backbone", err));
    m->family = &wc_backbone_family;
    enum wc_err rc = wc_str_starts(weights, "random:") ? open_random(m, weights, &s, err)
                                                       : open_file(m, weights, arch, &s, err);
    if (rc == WC_OK) {
        m->arch = (struct wc_arch){
            .name = s.name, .family = WC_RESNET, .image_px = image_px, .patch_px = 32};
        m->arch.width = s.stem;
        memcpy(m->arch.stages, s.blocks, sizeof m->arch.stages);
        rc = lay_out(m, &s, err);
    }
    if (rc == WC_OK)
        rc = load(m, err);
    if (rc == WC_OK)
        rc = wc_model_pack(m, err);
    if (rc != WC_OK) {
        wc_model_free(&m);
        return rc;
    }
    WC_INFO("backbone %s: %s", m->origin, m->arch.name);
    *out = m;
    return WC_OK;
}

size_t wc_backbone_side(const struct wc_model *model, size_t i) {
    return model->backbone ? model->backbone->stage[i].side : 0;
}

size_t wc_backbone_channels(const struct wc_model *model, size_t i) {
    return model->backbone ? model->backbone->stage[i].c : 0;
}

bool wc_backbone_bottleneck(const struct wc_model *model) {
    return model->backbone && model->backbone->bottleneck;
}

size_t wc_backbone_layer_f32(const struct wc_model *model, size_t i) {
    size_t side = wc_backbone_side(model, i);
    return side * side * wc_backbone_channels(model, i);
}

/* An image. */

static void release(struct wc_model *m) {
    if (m->backbone)
        wc_conv_list_release(&m->backbone->list);
    wc_free(m->backbone);
    m->backbone = NULL;
}

static size_t linears(struct wc_model *m, struct wc_linear **out) {
    return wc_conv_linears(&m->backbone->list, out);
}

static struct wc_scratch_need need(const struct wc_model *m) {
    return (struct wc_scratch_need){.gather = wc_conv_gather_f32(&m->backbone->list)};
}

static size_t shared(const struct wc_model *m, struct wc_workspace *w,
                     struct wc_array array[WC_MAX_SHARED]) {
    wc_conv_maps(&m->backbone->list, w, array);
    return WC_CONV_MAPS;
}

// Steps that the request needs: to the end of the last stage that it reads.
static size_t n_steps(const struct wc_backbone_net *net, unsigned want) {
    size_t n = 0;
    for (size_t i = 0; i < WC_BACKBONE_LAYERS; i++)
        if (want & (WC_WANT_LAYER(i) | (i + 1 == WC_BACKBONE_LAYERS ? WC_WANT_POOLED : 0u)))
            n = net->stage[i].n_steps;
    return n;
}

static double flop(const struct wc_model *m, const struct wc_request *r) {
    return 2 * wc_conv_mul_adds(&m->backbone->list, n_steps(m->backbone, r->want));
}

static void begin(const struct wc_model *m, struct wc_workspace *w, unsigned want,
                  const float *pixels) {
    wc_conv_run(&m->backbone->list, 0, n_steps(m->backbone, want), w, pixels);
}

// out (c): mean of the n rows of x (n, c).
static void mean(const float *x, size_t n, size_t c, float *out) {
    memset(out, 0, c * sizeof *out);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < c; j++)
            out[j] += x[i * c + j];
    wc_kernels()->scale(c, out, 1.0F / (float)n);
}

static void whole(const struct wc_model *m, const struct wc_workspace *w, unsigned want,
                  struct wc_scratch *s, struct wc_features *out) {
    const struct wc_backbone_net *net = m->backbone;
    (void)s;
    for (size_t i = 0; i < WC_BACKBONE_LAYERS; i++)
        if (want & WC_WANT_LAYER(i))
            memcpy(out->layer[i], w->map[net->stage[i].map],
                   wc_backbone_layer_f32(m, i) * sizeof(float));
    const size_t last = WC_BACKBONE_LAYERS - 1;
    if (want & WC_WANT_POOLED)
        mean(w->map[net->stage[last].map], net->stage[last].side * net->stage[last].side,
             net->stage[last].c, out->pooled);
}

// Scratch is that of the maps alone: nothing here has a window of patches.
static void windows(const struct wc_model *m, const struct wc_workspace *w, size_t k, size_t first,
                    size_t n, struct wc_scratch *s, float *out) {
    (void)m, (void)w, (void)k, (void)first, (void)n, (void)s, (void)out;
}

const struct wc_image_family wc_backbone_family = {
    .release = release,
    .linears = linears,
    .need = need,
    .shared = shared,
    .flop = flop,
    .begin = begin,
    .whole = whole,
    .windows = windows,
};
