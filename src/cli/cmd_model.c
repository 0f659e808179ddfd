// winclip-mpi model info|convert|random
#include "base/alloc.h"
#include "base/io.h"
#include "base/json.h"
#include "cli/commands.h"
#include "model/convert.h"
#include "model/model.h"
#include "model/random.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define MAX_JSON_BYTES ((size_t)1 << 20)

/* model random */

// Sizes and activation by a name of the table (GELU), or from a configuration file.
static enum wc_err find_arch(const char *text, struct wc_arch_config *out, struct wc_error *err) {
    const struct wc_arch *known = wc_arch_find(text);
    size_t n;
    if (known) {
        *out = (struct wc_arch_config){*known, WC_GELU};
        return WC_OK;
    }
    if (!wc_str_ends(text, ".json")) {
        const char *const *names = wc_arch_names(&n);
        const char *near = wc_str_nearest(text, names, n);
        return WC_FAIL(err, WC_ERR_USAGE,
                       "model random: \"%s\" is no architecture and no .json file%s%s", text,
                       near ? "; did you mean " : "", near ? near : "");
    }
    unsigned char *json;
    WC_TRY(wc_io_read_file(text, MAX_JSON_BYTES, &json, &n, err));
    enum wc_err rc = wc_arch_config_read(text, (const char *)json, n, out, err);
    wc_free(json);
    return rc;
}

static enum wc_err run_random(int argc, char **argv, struct wc_error *err) {
    struct wc_strlist operands = {0};
    const char *out = NULL, *activation = NULL;
    uint64_t seed = WC_RANDOM_SEED;
    struct wc_arch_config config;
    bool help;
    const struct wc_arg args[] = {
        {"--seed", 0, WC_ARG_COUNT, &seed, "N", "seed (20230614)"},
        {"--activation", 0, WC_ARG_TEXT, &activation, "NAME",
         "gelu or quickgelu; default: the configuration's"},
        {"--out", 'o', WC_ARG_TEXT, &out, "FILE", "safetensors file to write"},
    };
    enum wc_err rc = wc_args_parse(argc, argv, args, 3, &operands, &help, err);
    if (rc == WC_OK && help) {
        const struct wc_command c = {
            .name = "model random",
            .operands = "ARCH|OPEN_CLIP.json",
            .summary = "deterministic weights of full size, the same bits on every machine"};
        wc_args_help(&c, args, 3);
    }
    if (rc != WC_OK || help)
        goto out;
    bool quick = activation && strcmp(activation, "quickgelu") == 0;
    if (operands.n != 1 || !out || (activation && !quick && strcmp(activation, "gelu") != 0)) {
        rc = WC_FAIL(err, WC_ERR_USAGE,
                     "model random: ARCH (or a .json file), --out FILE and gelu or quickgelu");
        goto out;
    }
    rc = find_arch(operands.item[0], &config, err);
    if (rc == WC_OK && activation)
        config.activation = quick ? WC_QUICKGELU : WC_GELU;
    if (rc == WC_OK)
        rc = wc_random_write(&config.arch, config.activation, seed, out, err);
out:
    wc_strlist_release(&operands);
    return rc;
}

/* Opening a file to look at, for info and convert. */

struct look {
    const char *json, *activation; // options
    struct wc_model *model;        // inspected
    const struct wc_weights *weights;
    const struct wc_arch *arch;
};

#define LOOK_ARGS(look)                                                                            \
    {"--config",   0,      WC_ARG_TEXT,                                                            \
     &(look).json, "FILE", "the model's configuration; default: found with the weights"},          \
    {                                                                                              \
        "--activation", 0, WC_ARG_TEXT, &(look).activation, "NAME",                                \
            "gelu or quickgelu; default: auto"                                                     \
    }

static enum wc_err open_look(const char *command, const char *path, struct look *l,
                             struct wc_error *err) {
    static const char *const names[] = {"auto", "gelu", "quickgelu"};
    int activation = 0;
    while (activation < 3 && l->activation && strcmp(names[activation], l->activation) != 0)
        activation++;
    if (activation == 3)
        return WC_FAIL(err, WC_ERR_USAGE, "%s: --activation \"%s\": auto, gelu or quickgelu",
                       command, l->activation);
    if (wc_str_starts(path, "random:"))
        return WC_FAIL(err, WC_ERR_USAGE, "%s: %s is no file; `model random` writes one", command,
                       path);
    const struct wc_model_options o = {.weights = path,
                                       .arch = "auto",
                                       .json = l->json,
                                       .activation = (enum wc_activation)activation,
                                       .inspect = true};
    WC_TRY(wc_model_open(&o, &l->model, err));
    l->weights = wc_model_weights(l->model);
    l->arch = wc_model_arch(l->model);
    return WC_OK;
}

static const char *activation_name(const struct wc_model *m) {
    static const char *const names[] = {"unknown", "gelu", "quickgelu"};
    return names[wc_model_activation(m)];
}

/* model info */

struct info {
    const char *path;
    const struct wc_weights *weights;
    const struct wc_arch *arch;
    const struct wc_model *model;
    const struct wc_known_weights *known; // the published file of this hash, or NULL
    char sha256[65];
    size_t n_of[WC_N_DTYPES];
    size_t n_parameters;
    double logit_scale;
};

// A number of heads, "?" when nothing says it.
static const char *heads_text(size_t heads, char *text, size_t n) {
    if (heads > 0)
        snprintf(text, n, "%zu", heads);
    else
        snprintf(text, n, "?");
    return text;
}

static void print_text(const struct info *i) {
    const struct wc_arch *a = i->arch;
    size_t g = wc_arch_grid(a);
    char heads[24];
    printf("file          %s\nformat        %s, %s\nsha256        %s\n", i->path,
           wc_weights_format(i->weights), wc_weights_origin(i->weights), i->sha256);
    if (i->known)
        printf("published as  %s, %s\n", i->known->arch, i->known->training);
    printf("architecture  %s (%s)\n", a->name,
           a->family == WC_VIT ? "vision transformer" : "ResNet");
    if (a->family == WC_VIT)
        printf("image         %zu px, patch %zu px, grid %zux%zu, width %zu, layers %zu, heads %s, "
               "mlp %zu\n",
               a->image_px, a->patch_px, g, g, a->width, a->layers,
               heads_text(a->heads, heads, sizeof heads), a->mlp);
    else
        printf("image         %zu px, grid %zux%zu, width %zu, blocks %zu %zu %zu %zu, heads %s\n",
               a->image_px, g, g, a->width, a->stages[0], a->stages[1], a->stages[2], a->stages[3],
               heads_text(a->heads, heads, sizeof heads));
    printf("text          context %zu, vocabulary %zu, width %zu, layers %zu, heads %s\n",
           a->context, a->vocab, a->text_width, a->text_layers,
           heads_text(a->text_heads, heads, sizeof heads));
    printf("embedding     %zu\nparameters    %zu\ntensors      ", a->embed, i->n_parameters);
    for (int d = 0; d < WC_N_DTYPES; d++)
        if (i->n_of[d] > 0)
            printf(" %zu %s", i->n_of[d], wc_dtype_name((enum wc_dtype)d));
    printf("\nactivation    %s (%s)\n", activation_name(i->model),
           wc_model_activation_reason(i->model));
    if (!isnan(i->logit_scale))
        printf("logit scale   %.6g (temperature %.6g)\n", i->logit_scale, exp(-i->logit_scale));
}

// A member that is null when the number is 0.
static void put_size(struct wc_buf *b, const char *key, size_t n) {
    if (n > 0)
        wc_buf_printf(b, "\"%s\": %zu, ", key, n);
    else
        wc_buf_printf(b, "\"%s\": null, ", key);
}

static void put_text(struct wc_buf *b, const char *key, const char *text) {
    wc_buf_printf(b, "\"%s\": ", key);
    if (text)
        wc_json_quote(b, text);
    else
        wc_buf_puts(b, "null");
    wc_buf_puts(b, ", ");
}

static void put_sizes(struct wc_buf *b, const struct wc_arch *a) {
    put_size(b, "image_px", a->image_px);
    put_size(b, "patch_px", a->patch_px);
    put_size(b, "grid", wc_arch_grid(a));
    put_size(b, "width", a->width);
    put_size(b, "layers", a->layers);
    if (a->family == WC_RESNET)
        wc_buf_printf(b, "\"stages\": [%zu, %zu, %zu, %zu], ", a->stages[0], a->stages[1],
                      a->stages[2], a->stages[3]);
    put_size(b, "heads", a->heads);
    put_size(b, "mlp", a->mlp);
    put_size(b, "embed", a->embed);
    put_size(b, "context", a->context);
    put_size(b, "vocab", a->vocab);
    put_size(b, "text_width", a->text_width);
    put_size(b, "text_layers", a->text_layers);
    put_size(b, "text_heads", a->text_heads);
    put_size(b, "text_mlp", a->text_mlp);
}

static enum wc_err print_json(const struct info *i, struct wc_error *err) {
    struct wc_buf b = {0};
    const char *comma = "";
    bool decided = wc_model_activation(i->model) != WC_ACTIVATION_AUTO;
    wc_buf_puts(&b, "{");
    put_text(&b, "file", i->path);
    put_text(&b, "format", wc_weights_format(i->weights));
    put_text(&b, "origin", wc_weights_origin(i->weights));
    put_text(&b, "sha256", i->sha256);
    put_text(&b, "published_arch", i->known ? i->known->arch : NULL);
    put_text(&b, "published_training", i->known ? i->known->training : NULL);
    put_text(&b, "architecture", i->arch->name);
    put_text(&b, "family", i->arch->family == WC_VIT ? "vit" : "resnet");
    put_sizes(&b, i->arch);
    put_size(&b, "parameters", i->n_parameters);
    wc_buf_puts(&b, "\"dtypes\": {");
    for (int d = 0; d < WC_N_DTYPES; d++)
        if (i->n_of[d] > 0) {
            wc_buf_printf(&b, "%s\"%s\": %zu", comma, wc_dtype_name((enum wc_dtype)d), i->n_of[d]);
            comma = ", ";
        }
    wc_buf_puts(&b, "}, ");
    put_text(&b, "activation", decided ? activation_name(i->model) : NULL);
    put_text(&b, "activation_reason", wc_model_activation_reason(i->model));
    wc_buf_puts(&b, "\"logit_scale\": ");
    wc_json_number(&b, i->logit_scale);
    wc_buf_puts(&b, "}\n");
    enum wc_err rc = wc_buf_check(&b, "model info", err);
    if (rc == WC_OK)
        fputs(wc_buf_str(&b), stdout);
    wc_buf_release(&b);
    return rc;
}

static enum wc_err show_info(const char *path, const struct look *l, bool json,
                             struct wc_error *err) {
    struct info i = {.path = path, .weights = l->weights, .arch = l->arch, .model = l->model};
    WC_TRY(wc_model_hash(l->model, i.sha256, err));
    i.known = wc_weights_known(i.sha256);
    i.logit_scale = (double)wc_model_logit_scale(l->model);
    for (size_t t = 0; t < wc_weights_n_tensors(l->weights); t++) {
        const struct wc_tensor_info *x = wc_weights_at(l->weights, t);
        i.n_of[x->dtype]++;
        i.n_parameters += x->n_elements;
    }
    if (json)
        return print_json(&i, err);
    print_text(&i);
    return WC_OK;
}

static enum wc_err run_info(int argc, char **argv, struct wc_error *err) {
    struct wc_strlist operands = {0};
    struct look look = {0};
    bool help, json = false;
    const struct wc_arg args[] = {{"--json", 0, WC_ARG_FLAG, &json, NULL, "one JSON object"},
                                  LOOK_ARGS(look)};
    enum wc_err rc = wc_args_parse(argc, argv, args, 3, &operands, &help, err);
    if (rc == WC_OK && help) {
        const struct wc_command c = {.name = "model info",
                                     .operands = "FILE|DIR",
                                     .summary =
                                         "what a weight file holds, and how it would be used"};
        wc_args_help(&c, args, 3);
    } else if (rc == WC_OK && operands.n != 1) {
        rc = WC_FAIL(err, WC_ERR_USAGE, "model info: one weight file is needed");
    } else if (rc == WC_OK) {
        rc = open_look("model info", operands.item[0], &look, err);
        if (rc == WC_OK)
            rc = show_info(operands.item[0], &look, json, err);
    }
    wc_model_free(&look.model);
    wc_strlist_release(&operands);
    return rc;
}

/* model convert */

static bool parse_dtype(const char *text, enum wc_dtype *out) {
    static const struct {
        const char *name;
        enum wc_dtype dtype;
    } rows[] = {{"f32", WC_F32}, {"f16", WC_F16}, {"bf16", WC_BF16}};
    *out = WC_N_DTYPES;
    for (size_t i = 0; text && i < sizeof rows / sizeof *rows; i++)
        if (strcmp(rows[i].name, text) == 0)
            *out = rows[i].dtype;
    return !text || *out != WC_N_DTYPES;
}

static enum wc_err run_convert(int argc, char **argv, struct wc_error *err) {
    struct wc_strlist operands = {0};
    struct look look = {0};
    const char *out = NULL, *type = NULL;
    enum wc_dtype dtype;
    bool help;
    const struct wc_arg args[] = {
        {"--out", 'o', WC_ARG_TEXT, &out, "FILE", "safetensors file to write"},
        {"--dtype", 0, WC_ARG_TEXT, &type, "TYPE", "f16, bf16 or f32; default: as in the file"},
        LOOK_ARGS(look)};
    enum wc_err rc = wc_args_parse(argc, argv, args, 4, &operands, &help, err);
    if (rc == WC_OK && help) {
        const struct wc_command c = {.name = "model convert",
                                     .operands = "FILE|DIR",
                                     .summary = "any weight file as safetensors with open_clip's "
                                                "tensor names"};
        wc_args_help(&c, args, 4);
    } else if (rc == WC_OK && (operands.n != 1 || !out)) {
        rc = WC_FAIL(err, WC_ERR_USAGE, "model convert: one weight file and --out FILE are needed");
    } else if (rc == WC_OK && !parse_dtype(type, &dtype)) {
        rc = WC_FAIL(err, WC_ERR_USAGE, "model convert: --dtype \"%s\": f16, bf16 or f32", type);
    } else if (rc == WC_OK) {
        rc = open_look("model convert", operands.item[0], &look, err);
        if (rc == WC_OK)
            rc = wc_model_convert(look.model, dtype, out, err);
    }
    wc_model_free(&look.model);
    wc_strlist_release(&operands);
    return rc;
}

static enum wc_err run(int argc, char **argv, struct wc_error *err) {
    static const struct {
        const char *name;
        enum wc_err (*run)(int argc, char **argv, struct wc_error *err);
    } rows[] = {{"info", run_info}, {"convert", run_convert}, {"random", run_random}};
    size_t n;
    for (size_t i = 0; argc > 1 && i < sizeof rows / sizeof *rows; i++)
        if (strcmp(argv[1], rows[i].name) == 0)
            return rows[i].run(argc - 1, argv + 1, err);
    bool help = argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0);
    if (!help)
        return WC_FAIL(err, WC_ERR_USAGE,
                       "model: info FILE, convert FILE --out FILE or random ARCH --out FILE; see "
                       "winclip-mpi model --help");
    wc_args_help(&wc_command_model, NULL, 0);
    printf("\nArchitectures:");
    for (size_t i = 0; i < (wc_arch_names(&n), n); i++)
        printf(" %s", wc_arch_names(&n)[i]);
    printf("\n");
    return WC_OK;
}

const struct wc_command wc_command_model = {
    .name = "model",
    .operands = "info FILE | convert FILE --out FILE | random ARCH|CONFIG.json --out FILE",
    .summary = "what a weight file holds; conversion to safetensors; deterministic random weights",
    .subcommands = "info convert random",
    .run = run,
};
