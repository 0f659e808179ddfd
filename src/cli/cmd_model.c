// winclip-mpi model info|random
#include "base/alloc.h"
#include "base/io.h"
#include "base/json.h"
#include "cli/commands.h"
#include "model/model.h"
#include "model/random.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define MAX_JSON_BYTES ((size_t)1 << 20)

/* model random */

static enum wc_err find_arch(const char *text, struct wc_arch *out, struct wc_error *err) {
    const struct wc_arch *known = wc_arch_find(text);
    size_t n;
    if (known) {
        *out = *known;
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
    enum wc_err rc = wc_arch_from_json(text, (const char *)json, n, out, err);
    wc_free(json);
    return rc;
}

// quick_gelu of an open_clip configuration file; GELU for the table's names.
static enum wc_activation activation_of(const char *text) {
    unsigned char *json = NULL;
    size_t n;
    struct wc_json_doc *doc = NULL;
    bool quick = false;
    if (!wc_str_ends(text, ".json") ||
        wc_io_read_file(text, MAX_JSON_BYTES, &json, &n, NULL) != WC_OK)
        return WC_GELU;
    if (wc_json_parse(text, (const char *)json, n, 16, &doc, NULL) == WC_OK) {
        const struct wc_json *top = wc_json_root(doc), *cfg = wc_json_get(top, "model_cfg");
        wc_json_bool(wc_json_get(cfg ? cfg : top, "quick_gelu"), &quick);
    }
    wc_json_free(&doc);
    wc_free(json);
    return quick ? WC_QUICKGELU : WC_GELU;
}

static enum wc_err run_random(int argc, char **argv, struct wc_error *err) {
    struct wc_strlist operands = {0};
    const char *out = NULL, *activation = NULL;
    uint64_t seed = WC_RANDOM_SEED;
    struct wc_arch arch;
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
    rc = find_arch(operands.item[0], &arch, err);
    if (rc == WC_OK) {
        enum wc_activation a =
            activation ? (quick ? WC_QUICKGELU : WC_GELU) : activation_of(operands.item[0]);
        rc = wc_random_write(&arch, a, seed, out, err);
    }
out:
    wc_strlist_release(&operands);
    return rc;
}

/* model info */

struct info {
    const char *path;
    const struct wc_weights *weights;
    const struct wc_arch *arch;
    struct wc_model *model; // NULL when the activation is unknown
    char sha256[65];
    size_t n_of[WC_N_DTYPES];
    size_t n_parameters;
    double logit_scale;
};

static void print_text(const struct info *i, const char *activation, const char *reason) {
    const struct wc_arch *a = i->arch;
    printf("file          %s\nformat        %s\nsha256        %s\narchitecture  %s (%s)\n", i->path,
           wc_weights_format(i->weights), i->sha256, a->name,
           a->family == WC_VIT ? "vision transformer" : "ResNet");
    printf(
        "image         %zu px, patch %zu px, grid %zux%zu, width %zu, layers %zu, heads %zu, mlp %zu\n",
        a->image_px, a->patch_px, wc_arch_grid(a), wc_arch_grid(a), a->width, a->layers, a->heads,
        a->mlp);
    printf("text          context %zu, vocabulary %zu, width %zu, layers %zu, heads %zu\n",
           a->context, a->vocab, a->text_width, a->text_layers, a->text_heads);
    printf("embedding     %zu\nparameters    %zu\ntensors      ", a->embed, i->n_parameters);
    for (int d = 0; d < WC_N_DTYPES; d++)
        if (i->n_of[d] > 0)
            printf(" %zu %s", i->n_of[d], wc_dtype_name((enum wc_dtype)d));
    printf("\nactivation    %s (%s)\n", activation, reason);
    if (!isnan(i->logit_scale))
        printf("logit scale   %.6g (temperature %.6g)\n", i->logit_scale, exp(-i->logit_scale));
}

static enum wc_err print_json(const struct info *i, const char *activation, const char *reason,
                              struct wc_error *err) {
    const struct wc_arch *a = i->arch;
    struct wc_buf b = {0};
    wc_buf_puts(&b, "{\"file\": ");
    wc_json_quote(&b, i->path);
    wc_buf_printf(&b, ", \"format\": \"%s\", \"sha256\": \"%s\", \"architecture\": \"%s\", ",
                  wc_weights_format(i->weights), i->sha256, a->name);
    wc_buf_printf(
        &b,
        "\"image_px\": %zu, \"patch_px\": %zu, \"width\": %zu, \"layers\": %zu, \"heads\": %zu, \"mlp\": %zu, "
        "\"embed\": %zu, \"context\": %zu, \"vocab\": %zu, \"text_width\": %zu, \"text_layers\": %zu, "
        "\"text_heads\": %zu, \"parameters\": %zu, \"dtypes\": {",
        a->image_px, a->patch_px, a->width, a->layers, a->heads, a->mlp, a->embed, a->context,
        a->vocab, a->text_width, a->text_layers, a->text_heads, i->n_parameters);
    const char *comma = "";
    for (int d = 0; d < WC_N_DTYPES; d++)
        if (i->n_of[d] > 0) {
            wc_buf_printf(&b, "%s\"%s\": %zu", comma, wc_dtype_name((enum wc_dtype)d), i->n_of[d]);
            comma = ", ";
        }
    wc_buf_printf(&b, "}, \"activation\": \"%s\", \"activation_reason\": ", activation);
    wc_json_quote(&b, reason);
    wc_buf_puts(&b, ", \"logit_scale\": ");
    wc_json_number(&b, i->logit_scale);
    wc_buf_puts(&b, "}\n");
    enum wc_err rc = wc_buf_check(&b, "model info", err);
    if (rc == WC_OK)
        fputs(wc_buf_str(&b), stdout);
    wc_buf_release(&b);
    return rc;
}

static enum wc_err show_info(const char *path, bool json, struct wc_error *err) {
    struct wc_weights *weights = NULL;
    struct wc_arch arch;
    struct info i = {.path = path, .arch = &arch, .logit_scale = NAN};
    const struct wc_model_options options = {
        .weights = path, .arch = "auto", .activation = WC_ACTIVATION_AUTO};
    struct wc_error unknown = {0};
    WC_TRY(wc_weights_open(path, &weights, err));
    i.weights = weights;
    enum wc_err rc = wc_arch_deduce(weights, wc_weights_config_json(weights), &arch, err);
    if (rc == WC_OK)
        rc = wc_weights_sha256(weights, i.sha256, err);
    if (rc != WC_OK)
        goto out;
    for (size_t t = 0; t < wc_weights_n_tensors(weights); t++) {
        const struct wc_tensor_info *x = wc_weights_at(weights, t);
        i.n_of[x->dtype]++;
        i.n_parameters += x->n_elements;
    }
    rc = wc_model_open(&options, &i.model, &unknown);
    if (rc != WC_OK && rc != WC_ERR_CONFIG) { // a model that cannot be run is named as such
        *err = unknown;
        goto out;
    }
    const char *activation = "unknown", *reason = "nothing decides; set model.activation";
    if (rc == WC_OK) {
        activation = wc_model_activation(i.model) == WC_QUICKGELU ? "quickgelu" : "gelu";
        reason = wc_model_activation_reason(i.model);
        i.logit_scale = (double)wc_model_logit_scale(i.model);
    }
    rc = WC_OK;
    if (json)
        rc = print_json(&i, activation, reason, err);
    else
        print_text(&i, activation, reason);
out:
    wc_model_free(&i.model);
    wc_weights_free(&weights);
    return rc;
}

static enum wc_err run_info(int argc, char **argv, struct wc_error *err) {
    struct wc_strlist operands = {0};
    bool help, json = false;
    const struct wc_arg args[] = {{"--json", 0, WC_ARG_FLAG, &json, NULL, "one JSON object"}};
    enum wc_err rc = wc_args_parse(argc, argv, args, 1, &operands, &help, err);
    if (rc == WC_OK && help) {
        const struct wc_command c = {.name = "model info",
                                     .operands = "FILE",
                                     .summary =
                                         "what a weight file holds, and how it would be used"};
        wc_args_help(&c, args, 1);
    } else if (rc == WC_OK && operands.n != 1) {
        rc = WC_FAIL(err, WC_ERR_USAGE, "model info: one weight file is needed");
    } else if (rc == WC_OK) {
        rc = show_info(operands.item[0], json, err);
    }
    wc_strlist_release(&operands);
    return rc;
}

static enum wc_err run(int argc, char **argv, struct wc_error *err) {
    size_t n;
    if (argc > 1 && strcmp(argv[1], "random") == 0)
        return run_random(argc - 1, argv + 1, err);
    if (argc > 1 && strcmp(argv[1], "info") == 0)
        return run_info(argc - 1, argv + 1, err);
    bool help = argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0);
    if (!help)
        return WC_FAIL(err, WC_ERR_USAGE,
                       "model: info FILE or random ARCH --out FILE; see winclip-mpi model --help");
    wc_args_help(&wc_command_model, NULL, 0);
    printf("\nArchitectures:");
    for (size_t i = 0; i < (wc_arch_names(&n), n); i++)
        printf(" %s", wc_arch_names(&n)[i]);
    printf("\n");
    return WC_OK;
}

const struct wc_command wc_command_model = {
    .name = "model",
    .operands = "info FILE | random ARCH|OPEN_CLIP.json --out FILE",
    .summary = "what a weight file holds; deterministic random weights",
    .run = run,
};
