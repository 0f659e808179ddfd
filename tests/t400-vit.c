// Image and text towers against open_clip in float64 (tests/golden/models): full-size deterministic
// weights.
#include "golden_model.h"

#include "base/hash.h"
#include "base/io.h"
#include "base/str.h"
#include "image/tiles.h"
#include "model/model.h"
#include "model/random.h"
#include "tensor/gemm.h"
#include "tensor/kernels.h"

#define TOLERANCE 2e-5 // relative L2, tests/golden/models/README.md section 4

static struct wc_error err;

static void must(enum wc_err rc) {
    if (rc != WC_OK) {
        printf("Bail out! %s\n", err.text);
        exit(2);
    }
}

// prompts.tsv: index, prompt, 77 ids.
static void read_prompts(int32_t *ids, size_t *n_ids) {
    unsigned char *text;
    size_t n;
    must(wc_io_read_file("tests/golden/models/prompts.tsv", 100000, &text, &n, &err));
    char *line = strchr((char *)text, '\n') + 1;
    for (int i = 0; i < 5; i++) {
        char *at = strrchr(line, '\t');
        char *end = strchr(line, '\n');
        for (char *tab = line; (tab = strchr(tab, '\t')) && tab < end; tab++)
            at = tab;
        at++;
        n_ids[i] = 0;
        for (int j = 0; j < 77; j++) {
            ids[i * 77 + j] = (int32_t)strtol(at, &at, 10);
            if (ids[i * 77 + j] != 0)
                n_ids[i] = (size_t)j + 1;
        }
        line = end + 1;
    }
    wc_free(text);
}

static void check_images(const struct wc_model *m, struct wc_workspace *w,
                         const struct wc_weights *gold, const char *name, bool few_tokens) {
    const struct wc_arch *a = wc_model_arch(m);
    size_t s = a->image_px, e = a->embed, d = a->width, g = wc_arch_grid(a);
    struct golden_formula f[2] = {{s, s, 64, 16, 11, 111, 0, 0, 0, 0, 0, 0, 0},
                                  {s, s, 64, 16, 12, 112, 3, 5, s / 4, s / 3, s / 5, s / 4, 911}};
    const struct wc_request r = {.want = WC_WANT_IMAGE | WC_WANT_PATCH | WC_WANT_PATCH_POST |
                                         WC_WANT_PATCH_PROJ};
    struct wc_features x;
    float *pixels = wc_alloc(3 * s * s, sizeof *pixels);
    must(wc_features_init(m, &r, &x, &err));
    char label[128];
    for (size_t i = 0; i < 2; i++) {
        struct wc_image image = golden_image(&f[i]);
        struct wc_tiling t;
        must(wc_tiling_plan(s, s, s, WC_TILES, &t, &err));
        wc_tiling_normalise(&t, &image, 0, wc_clip_mean, wc_clip_std, pixels);
        must(wc_encode_image(m, w, pixels, &r, &x, &err));
        snprintf(label, sizeof label, "%s: image embedding %zu", name, i);
        golden_below(golden_rel_l2(x.image, golden_tensor(gold, "image_embed", 2 * e) + i * e, e),
                     TOLERANCE, label);
        wc_image_release(&image);
        if (i > 0)
            break;
        size_t n = few_tokens ? 16 : g * g;
        snprintf(label, sizeof label, "%s: patch tokens before ln_post", name);
        golden_below(
            golden_rel_l2(x.patch, golden_tensor(gold, "patch_tokens_pre_ln_post", n * d), n * d),
            TOLERANCE, label);
        snprintf(label, sizeof label, "%s: patch tokens after ln_post", name);
        golden_below(golden_rel_l2(x.patch_post,
                                   golden_tensor(gold, "patch_tokens_post_ln_post", 16 * d),
                                   16 * d),
                     TOLERANCE, label);
        snprintf(label, sizeof label, "%s: projected patch tokens", name);
        golden_below(golden_rel_l2(x.patch_proj,
                                   golden_tensor(gold, "patch_tokens_projected", 16 * e), 16 * e),
                     TOLERANCE, label);
    }
    wc_features_release(&x);
    wc_free(pixels);
}

static void check_model(const char *arch, const char *golden, enum wc_activation activation) {
    char path[128], origin[64], label[128];
    struct wc_model *m = NULL;
    struct wc_workspace *w = NULL;
    snprintf(path, sizeof path, "tests/golden/models/%s.safetensors", golden);
    snprintf(origin, sizeof origin, "random:%s", arch);
    const struct wc_model_options o = {.weights = origin, .arch = "auto", .activation = activation};
    must(wc_model_open(&o, &m, &err));
    must(wc_workspace_new(m, 2, NULL, NULL, &w, &err));
    struct wc_weights *gold = golden_open(path);
    check_images(m, w, gold, golden, activation == WC_QUICKGELU);
    int32_t ids[5 * 77];
    size_t n_ids[5], e = wc_model_arch(m)->embed;
    read_prompts(ids, n_ids);
    float *text = wc_alloc(5 * e, sizeof *text);
    must(wc_encode_text(m, w, ids, n_ids, 5, text, &err));
    for (size_t i = 0; i < 5; i++) {
        snprintf(label, sizeof label, "%s: text embedding %zu", golden, i);
        golden_below(
            golden_rel_l2(text + i * e, golden_tensor(gold, "text_embed", 5 * e) + i * e, e),
            TOLERANCE, label);
    }
    wc_free(text);
    wc_weights_free(&gold);
    wc_workspace_free(&w);
    wc_model_free(&m);
}

// weights.tsv: sum and exclusive-or of every tensor's bits, for all architectures, also those that
// cannot run yet.
static void check_generator(void) {
    unsigned char *text;
    size_t n, n_rows = 0, n_good = 0;
    must(wc_io_read_file("tests/golden/models/weights.tsv", 1000000, &text, &n, &err));
    char *save = NULL, *line = strtok_r((char *)text, "\n", &save);
    char last[64] = "";
    struct wc_tensor_spec *spec = NULL;
    size_t n_specs = 0;
    while ((line = strtok_r(NULL, "\n", &save))) {
        char config[64], name[128], shape[64];
        unsigned long long sum, bits;
        if (sscanf(line, "%63s %127s %63s %llu %llu", config, name, shape, &sum, &bits) != 5)
            continue;
        n_rows++;
        if (strcmp(config, last) != 0) {
            char arch[64];
            snprintf(arch, sizeof arch, "%s", config);
            if (wc_str_ends(arch, "-quickgelu"))
                arch[strlen(arch) - strlen("-quickgelu")] = '\0';
            wc_free(spec);
            must(wc_arch_tensors(wc_arch_find(arch), &spec, &n_specs, &err));
            snprintf(last, sizeof last, "%s", config);
        }
        for (size_t i = 0; i < n_specs; i++) {
            if (strcmp(spec[i].name, name) != 0)
                continue;
            size_t size = wc_tensor_spec_elements(&spec[i]);
            uint32_t *v = wc_alloc(size, sizeof *v);
            wc_random_tensor(&spec[i], WC_RANDOM_SEED, (float *)v);
            uint64_t s = 0, x = 0;
            for (size_t j = 0; j < size; j++) {
                s += v[j];
                x ^= v[j];
            }
            wc_free(v);
            if (!(s == sum && x == bits))
                test_note("%s %s: sum %llu, wanted %llu", config, name, (unsigned long long)s, sum);
            n_good += s == sum && x == bits;
        }
    }
    wc_free(spec);
    wc_free(text);
    test_ok(n_rows > 1000 && n_good == n_rows, "generated weights: %zu of %zu tensors bit for bit",
            n_good, n_rows);
}

static void check_pictures(void) {
    struct golden_formula f = {240, 240, 64, 16, 11, 111, 0, 0, 0, 0, 0, 0, 0};
    struct wc_image image = golden_image(&f);
    test_ok(wc_fnv1a64(image.rgb, 240 * 240 * 3) == UINT64_C(0xab54dee7fb1c5e03),
            "the picture generator's hash");
    wc_image_release(&image);
}

int main(void) {
    must(wc_gemm_init("auto", &err));
    must(wc_kernels_init("auto", &err));
    check_pictures();
    check_generator();
    check_model("ViT-B-16-plus-240", "ViT-B-16-plus-240", WC_ACTIVATION_AUTO);
    check_model("ViT-B-16", "ViT-B-16", WC_ACTIVATION_AUTO);
    check_model("ViT-B-16", "ViT-B-16-quickgelu", WC_QUICKGELU);
    check_model("ViT-L-14", "ViT-L-14", WC_ACTIVATION_AUTO);
    return test_done();
}
