// Every container of tests/golden/weights gives the expected embeddings; every damaged one its
// fault; what decides heads and activation.
#include "golden_model.h"
#include "weights_golden.h"

#include "model/convert.h"
#include "model/model.h"
#include "tensor/gemm.h"
#include "tensor/kernels.h"

#include <unistd.h>

#define TOLERANCE 1e-4 // of a tensor's largest entry (tests/golden/weights/README.md)

static struct wc_error err;
static struct wc_weights *gold;

static void must(enum wc_err rc) {
    if (rc != WC_OK) {
        printf("Bail out! %s\n", err.text);
        exit(2);
    }
}

// A golden tensor by "<prefix>.<name>"; *n receives its elements.
static const float *wanted(const char *prefix, const char *name, size_t *n) {
    char full[96];
    snprintf(full, sizeof full, "%s.%s", prefix, name);
    const struct wc_tensor_info *t = wc_weights_find(gold, full);
    *n = t ? t->n_elements : 0;
    return golden_tensor(gold, full, *n);
}

static void same(const float *found, const float *want, size_t n, const char *label,
                 const char *what) {
    float largest = 0;
    for (size_t i = 0; i < n; i++)
        largest = fabsf(want[i]) > largest ? fabsf(want[i]) : largest;
    char name[160];
    snprintf(name, sizeof name, "%s: %s", label, what);
    golden_below(golden_max_diff(found, want, n) / (double)largest, TOLERANCE, name);
}

static void check_images(const struct wc_model *m, struct wc_workspace *w, const char *prefix,
                         const char *label) {
    const struct wc_request r = {.want = WC_WANT_IMAGE | WC_WANT_WINDOWS | WC_WANT_PATCH |
                                         WC_WANT_PATCH_POST | WC_WANT_PATCH_PROJ,
                                 .n_scales = 2,
                                 .window = {2, 3}};
    const size_t n_pixels = 3 * 60 * 60;
    const float *pixels = golden_tensor(gold, "images", 2 * n_pixels);
    struct wc_features x;
    float image[2 * 32];
    size_t n, e = wc_model_arch(m)->embed, d = wc_model_arch(m)->width;
    must(wc_features_init(m, &r, &x, &err));
    for (size_t i = 2; i-- > 0;) { // the first image last: its features stay
        must(wc_encode_image(m, w, pixels + i * n_pixels, &r, &x, &err));
        memcpy(image + i * e, x.image, e * sizeof *image);
    }
    same(image, wanted(prefix, "image_embed", &n), 2 * e, label, "image embeddings");
    test_ok(n == 2 * e, "%s: two of %zu", label, e);
    if (strcmp(prefix, "f32") == 0) {
        const float *block = wanted(prefix, "vision.block1", &n) + d,
                    *post = wanted(prefix, "vision.ln_post", &n) + d;
        same(x.patch, block, 225 * d, label, "patch tokens after the last block");
        same(x.patch_post, post, 225 * d, label, "patch tokens after ln_post");
        same(x.window[0], wanted(prefix, "window2_embed", &n), 196 * e, label, "2x2 windows");
        same(x.window[1], wanted(prefix, "window3_embed", &n), 169 * e, label, "3x3 windows");
    }
    wc_features_release(&x);
}

static void check_texts(const struct wc_model *m, struct wc_workspace *w, const char *prefix,
                        bool cut, const char *label) {
    const struct wc_tensor_info *tokens = wc_weights_find(gold, cut ? "tokens_v1000" : "tokens");
    int32_t ids[9 * 77], eot = cut ? 999 : 49407;
    size_t n_ids[9], n_texts = tokens->dim[0], n, e = wc_model_arch(m)->embed;
    float out[9 * 32];
    memcpy(ids, tokens->data, n_texts * 77 * sizeof *ids);
    for (size_t i = 0; i < n_texts; i++) {
        n_ids[i] = 1;
        while (n_ids[i] < 77 && ids[i * 77 + n_ids[i] - 1] != eot)
            n_ids[i]++;
    }
    must(wc_encode_text(m, w, ids, n_ids, n_texts, out, &err));
    same(out, wanted(prefix, "text_embed", &n), n_texts * e, label, "text embeddings");
    test_ok(n == n_texts * e, "%s: %zu texts", label, n_texts);
}

static void check_model(const struct wc_model_options *o, const char *prefix,
                        const char *activation, const char *label) {
    struct wc_model *m = NULL;
    struct wc_workspace *w = NULL;
    bool cut = strstr(prefix, "v1000") != NULL;
    enum wc_err rc = wc_model_open(o, &m, &err);
    if (!test_ok(rc == WC_OK, "%s opens", label)) {
        test_note("%s", err.text);
        return;
    }
    must(wc_workspace_new(m, 2, NULL, NULL, &w, &err));
    test_str(wc_model_activation(m) == WC_GELU ? "gelu" : "quickgelu", activation, label);
    test_note("%s", wc_model_activation_reason(m));
    test_ok(wc_model_arch(m)->heads == 2 && wc_model_arch(m)->text_heads == 1, "%s: heads", label);
    test_near((double)wc_model_logit_scale(m), (double)*golden_tensor(gold, "logit_scale", 1),
              strcmp(prefix, "f32") == 0 ? 0 : 0x1p-6, "logit scale"); // half a bf16 unit
    check_images(m, w, prefix, label);
    check_texts(m, w, prefix, cut, label);
    wc_workspace_free(&w);
    wc_model_free(&m);
}

static const struct good {
    const char *file, *prefix, *activation;
    const char *json; // given by name; NULL: what is found with the weights
    enum wc_activation asked;
} good[] = {
    {"f32.safetensors", "f32", "gelu", NULL, WC_ACTIVATION_AUTO},
    {"f32.safetensors", "f32", "gelu", "model.json", WC_ACTIVATION_AUTO},
    {"f32.safetensors", "f32_quickgelu", "quickgelu", "model_quickgelu.json", WC_ACTIVATION_AUTO},
    {"f32.safetensors", "f32_quickgelu", "quickgelu", NULL, WC_QUICKGELU},
    {"f32.safetensors", "f32", "gelu", "model_quickgelu.json", WC_GELU},
    {"f16.safetensors", "f16", "gelu", NULL, WC_ACTIVATION_AUTO},
    {"f16.safetensors", "f16_quickgelu", "quickgelu", "model_quickgelu.json", WC_ACTIVATION_AUTO},
    {"bf16.safetensors", "bf16", "gelu", NULL, WC_ACTIVATION_AUTO},
    {"bare_f16.pt", "f16", "gelu", NULL, WC_ACTIVATION_AUTO},
    {"wrapped_module_f16.pt", "f16", "gelu", NULL, WC_ACTIVATION_AUTO},
    {"checkpoint_f16_v1000.pt", "f16_v1000", "gelu", NULL, WC_ACTIVATION_AUTO},
    {"legacy_f16_v1000.pt", "f16_v1000", "gelu", NULL, WC_ACTIVATION_AUTO},
    {"legacy_f16_v1000.pt", "f16_v1000", "gelu", "model_v1000.json", WC_ACTIVATION_AUTO},
    {"strided_f16_v1000.pt", "f16_v1000", "gelu", NULL, WC_ACTIVATION_AUTO},
    {"parameters_f16_v1000.pt", "f16_v1000", "gelu", NULL, WC_ACTIVATION_AUTO},
    {"openai_torchscript.pt", "openai_quickgelu", "quickgelu", NULL, WC_ACTIVATION_AUTO},
    {"hf", "f16", "gelu", NULL, WC_ACTIVATION_AUTO},
    {"hf/model.safetensors", "f16", "gelu", NULL, WC_ACTIVATION_AUTO},
    {"hf", "f16", "gelu", "hf/config.json", WC_ACTIVATION_AUTO},
    {"hf", "f16_quickgelu", "quickgelu", "model_quickgelu.json", WC_ACTIVATION_AUTO},
    {"hf_v1000", "f16_v1000_quickgelu", "quickgelu", NULL, WC_ACTIVATION_AUTO},
    {"hf_v1000_sharded", "f16_v1000", "gelu", NULL, WC_ACTIVATION_AUTO},
    {"hf_v1000_sharded/model.safetensors.index.json", "f16_v1000", "gelu", NULL,
     WC_ACTIVATION_AUTO},
};

static void test_good(void) {
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        const struct good *g = &good[i];
        char path[256], json[256], label[160];
        snprintf(path, sizeof path, GOLDEN "%s", g->file);
        snprintf(json, sizeof json, GOLDEN "%s", g->json ? g->json : "");
        snprintf(label, sizeof label, "%s, %s, %s", g->file, g->json ? g->json : "found",
                 g->activation);
        const struct wc_model_options o = {
            .weights = path, .json = g->json ? json : NULL, .activation = g->asked};
        check_model(&o, g->prefix, g->activation, label);
    }
}

// Rows of bad.tsv through the model; those that are whole models with model_micro.json.
static void test_bad_rows(void) {
    struct bad_row rows[200];
    char *text = NULL;
    size_t n = read_bad_rows(rows, 200, &text);
    test_ok(n > 100, "bad.tsv has %zu rows", n);
    for (size_t i = 0; i < n; i++) {
        char path[256];
        struct wc_model *m = NULL;
        bool micro = wc_str_starts(rows[i].file, "bad/micro_");
        snprintf(path, sizeof path, GOLDEN "%s", rows[i].file);
        const struct wc_model_options o = {.weights = path,
                                           .json = micro ? GOLDEN "model_micro.json" : NULL};
        enum wc_err rc = wc_model_open(&o, &m, &err);
        if (!test_ok(rc == WC_ERR_DATA && fault_among(err.fault, rows[i].faults) &&
                         strstr(err.text, path),
                     "%s: %s", rows[i].file, rows[i].faults))
            test_note("%d %s: %s", (int)rc, err.fault ? err.fault : "-", err.text);
        wc_model_free(&m);
    }
    wc_free(text);
}

static bool open_fails(const struct wc_model_options *o, enum wc_err code, const char *fault,
                       const char *part, const char *name) {
    struct wc_model *m = NULL;
    err = (struct wc_error){0};
    enum wc_err rc = wc_model_open(o, &m, &err);
    bool same_fault = fault ? err.fault && strcmp(fault, err.fault) == 0 : !err.fault;
    bool good_error = rc == code && same_fault && strstr(err.text, part);
    if (!test_ok(good_error, "%s", name))
        test_note("%d %s: %s", (int)rc, err.fault ? err.fault : "-", err.text);
    wc_model_free(&m);
    return good_error;
}

/* Copies of a golden file in a folder of their own, with what lies beside them. */

static void copy(const char *from, const char *to) {
    unsigned char *bytes;
    size_t n;
    must(wc_io_read_file(from, 1 << 22, &bytes, &n, &err));
    must(wc_io_write_atomic(to, bytes, n, &err));
    wc_free(bytes);
}

static const char *beside(const char *name) {
    static char path[4][600];
    static unsigned turn;
    char *p = path[turn++ % 4];
    snprintf(p, sizeof *path, "%s/%s", scratch("t404"), name);
    return p;
}

static void write_text(const char *name, const char *text) {
    must(wc_io_write_atomic(beside(name), text, strlen(text), &err));
}

static void test_hints(void) {
    struct wc_model *m = NULL;
    char file[600];
    must(wc_io_mkdirs(scratch("t404"), &err));
    const char *const old[] = {"model.json", "m.json", "config.json", "open_clip_config.json"};
    for (size_t i = 0; i < 4; i++)
        unlink(beside(old[i]));
    snprintf(file, sizeof file, "%s", beside("m.pt"));
    copy(GOLDEN "legacy_f16_v1000.pt", file);
    struct wc_model_options o = {.weights = file};
    open_fails(&o, WC_ERR_CONFIG, NULL, "attention heads", "no configuration: heads are asked for");
    copy(GOLDEN "model_micro.json", beside("model.json"));
    open_fails(&o, WC_ERR_CONFIG, NULL, "attention heads",
               "another model's configuration says nothing");
    write_text("config.json", "{\"vision_cfg\": 3, \"text_cfg\": []}");
    open_fails(&o, WC_ERR_CONFIG, NULL, "attention heads", "nor does nonsense");
    o.inspect = true;
    if (test_ok(wc_model_open(&o, &m, &err) == WC_OK, "undecided, but it can be looked at")) {
        test_ok(wc_model_arch(m)->text_heads == 0 && wc_model_activation(m) == WC_ACTIVATION_AUTO,
                "with heads and activation open");
        test_ok(!isnan(wc_model_logit_scale(m)), "and the logit scale known");
    }
    wc_model_free(&m);
    o.inspect = false;
    copy(GOLDEN "model.json", beside("config.json"));
    check_model(&o, "f16_v1000", "gelu", "configuration of another vocabulary");
    copy(GOLDEN "hf_v1000/config.json", beside("open_clip_config.json"));
    check_model(&o, "f16_v1000_quickgelu", "quickgelu", "Hugging Face's configuration");
    o.json = GOLDEN "model.json";
    open_fails(&o, WC_ERR_DATA, "bad-shape", "token_embedding",
               "a named configuration must have the file's sizes");
    o.json = GOLDEN "model_micro.json";
    open_fails(&o, WC_ERR_DATA, "bad-shape", "model_micro.json", "named, another model's");
    o.json = GOLDEN "nowhere.json";
    open_fails(&o, WC_ERR_DATA, "not-found", "nowhere.json", "named, absent");
}

// Switches of a configuration that would change what the towers compute.
static void test_switches(void) {
    char file[600];
    snprintf(file, sizeof file, "%s", beside("m.pt"));
    const struct wc_model_options o = {.weights = file};
    const char *open_clip = "{\"embed_dim\": 32, \"vision_cfg\": {\"image_size\": 60, \"layers\": "
                            "2, \"width\": 64, \"head_width\": 32, \"patch_size\": 4%s}, "
                            "\"text_cfg\": {\"width\": 8, \"heads\": 1, \"layers\": 2%s}}";
    static const struct {
        const char *vision, *text, *part; // part NULL: opens
    } rows[] = {
        {"", "", NULL},
        {", \"pool_type\": \"tok\", \"attentional_pool\": false", ", \"pool_type\": \"argmax\"",
         NULL},
        {", \"pool_type\": \"avg\"", "", "pool_type"},
        {", \"act_kwargs\": {\"approximate\": \"tanh\"}", "", "act_kwargs"},
        {"", ", \"no_causal_mask\": true", "no_causal_mask"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct wc_model *m = NULL;
        char *text = wc_sprintf(open_clip, rows[i].vision, rows[i].text);
        write_text("m.json", text);
        wc_free(text);
        if (rows[i].part)
            open_fails(&o, WC_ERR_DATA, "unsupported", rows[i].part, rows[i].part);
        else if (!test_ok(wc_model_open(&o, &m, &err) == WC_OK, "switches that are as usual"))
            test_note("%s", err.text);
        wc_model_free(&m);
    }
    unlink(beside("m.json"));
}

static void test_hub_cache(void) {
    const char *cache = "models--a--b/snapshots/00ff";
    char dir[700], file[800];
    snprintf(dir, sizeof dir, "%s", beside(cache));
    must(wc_io_mkdirs(dir, &err));
    snprintf(file, sizeof file, "%s/config.json", dir);
    copy(GOLDEN "hf_v1000/config.json", file);
    snprintf(file, sizeof file, "%s/pytorch_model.bin", dir);
    copy(GOLDEN "hf_v1000/pytorch_model.bin", file);
    snprintf(dir, sizeof dir, "%s", beside("models--a--b"));
    const struct wc_model_options o = {.weights = dir};
    check_model(&o, "f16_v1000_quickgelu", "quickgelu", "hub cache");
}

// Converting and reading back gives the same embeddings, and says by itself how to run it.
static void test_convert(void) {
    static const struct {
        const char *from;
        enum wc_dtype dtype;
        const char *prefix, *activation;
    } rows[] = {
        {"f32.safetensors", WC_N_DTYPES, "f32", "gelu"},
        {"f32.safetensors", WC_F16, "f16", "gelu"},
        {"f32.safetensors", WC_BF16, "bf16", "gelu"},
        {"f16.safetensors", WC_F32, "f16", "gelu"},
        {"hf", WC_N_DTYPES, "f16", "gelu"},
        {"hf_v1000_sharded", WC_F32, "f16_v1000", "gelu"},
        {"hf_v1000", WC_F16, "f16_v1000_quickgelu", "quickgelu"},
        {"openai_torchscript.pt", WC_N_DTYPES, "openai_quickgelu", "quickgelu"},
        {"openai_torchscript.pt", WC_F32, "openai_quickgelu", "quickgelu"},
        {"strided_f16_v1000.pt", WC_N_DTYPES, "f16_v1000", "gelu"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct wc_model *m = NULL;
        char from[256], to[600], label[160];
        snprintf(from, sizeof from, GOLDEN "%s", rows[i].from);
        snprintf(to, sizeof to, "%s", scratch("t404-convert.safetensors"));
        snprintf(label, sizeof label, "%s converted to %s", rows[i].from,
                 wc_dtype_name(rows[i].dtype));
        const struct wc_model_options o = {.weights = from, .inspect = true},
                                      back = {.weights = to};
        must(wc_model_open(&o, &m, &err));
        if (!test_ok(wc_model_convert(m, rows[i].dtype, to, &err) == WC_OK, "%s", label))
            test_note("%s", err.text);
        wc_model_free(&m);
        check_model(&back, rows[i].prefix, rows[i].activation, label);
    }
}

// Weights of PyTorch's rounding: f32 narrowed here is f16.safetensors bit by bit.
static void test_convert_bits(void) {
    static const struct {
        enum wc_dtype dtype;
        const char *file;
    } rows[] = {{WC_F16, GOLDEN "f16.safetensors"}, {WC_BF16, GOLDEN "bf16.safetensors"}};
    for (size_t i = 0; i < 2; i++) {
        struct wc_model *m = NULL;
        size_t n_same = 0;
        const struct wc_model_options o = {.weights = GOLDEN "f32.safetensors", .inspect = true};
        must(wc_model_open(&o, &m, &err));
        must(wc_model_convert(m, rows[i].dtype, scratch("t404-bits.safetensors"), &err));
        struct wc_weights *found = golden_open(scratch("t404-bits.safetensors")),
                          *want = golden_open(rows[i].file);
        for (size_t t = 0; t < wc_weights_n_tensors(want); t++) {
            const struct wc_tensor_info *a = wc_weights_at(want, t),
                                        *b = wc_weights_find(found, a->name);
            n_same += b && a->dtype == b->dtype && a->n_bytes == b->n_bytes &&
                      memcmp(a->data, b->data, a->n_bytes) == 0;
        }
        test_ok(n_same == wc_weights_n_tensors(want) && n_same == wc_weights_n_tensors(found),
                "%zu tensors equal %s bit by bit", n_same, rows[i].file);
        wc_weights_free(&found);
        wc_weights_free(&want);
        wc_model_free(&m);
    }
}

int main(void) {
    must(wc_kernels_init("auto", &err));
    must(wc_gemm_init("auto", &err));
    gold = golden_open(GOLDEN "expected.safetensors");
    test_good();
    test_bad_rows();
    test_hints();
    test_switches();
    test_hub_cache();
    test_convert();
    test_convert_bits();
    wc_weights_free(&gold);
    return test_done();
}
