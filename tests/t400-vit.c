// Image and text towers against open_clip in float64 (tests/golden/models): full-size deterministic
// weights.
#include "tower_test.h"

#include "base/hash.h"
#include "base/str.h"

static void check_images(struct tower *t, const struct wc_weights *gold, const char *name,
                         bool few_tokens) {
    size_t e = t->e, d = t->d, n = few_tokens ? 16 : t->g * t->g;
    const struct wc_request r = {.want = WC_WANT_IMAGE | WC_WANT_PATCH | WC_WANT_PATCH_POST |
                                         WC_WANT_PATCH_PROJ};
    for (size_t i = 0; i < 2; i++) {
        struct wc_features x;
        float *pixels = tower_golden_pixels(t, i);
        tower_encode(t, pixels, &r, &x);
        tower_compare(name, i ? "image embedding 1" : "image embedding 0", x.image, gold,
                      "image_embed", 2 * e, i * e, e);
        if (i == 0) {
            tower_compare(name, "patch tokens before ln_post", x.patch, gold,
                          "patch_tokens_pre_ln_post", n * d, 0, n * d);
            tower_compare(name, "patch tokens after ln_post", x.patch_post, gold,
                          "patch_tokens_post_ln_post", 16 * d, 0, 16 * d);
            tower_compare(name, "projected patch tokens", x.patch_proj, gold,
                          "patch_tokens_projected", 16 * e, 0, 16 * e);
        }
        wc_features_release(&x);
        wc_free(pixels);
    }
}

static void check_model(const char *arch, const char *golden, enum wc_activation activation) {
    char path[128];
    snprintf(path, sizeof path, "tests/golden/models/%s.safetensors", golden);
    struct tower t = tower_random(arch, activation);
    struct wc_weights *gold = golden_open(path);
    check_images(&t, gold, golden, activation == WC_QUICKGELU);
    tower_check_texts(&t, golden, gold);
    wc_weights_free(&gold);
    tower_close(&t);
}

// weights.tsv: sum and exclusive-or of every tensor's bits, for all architectures.
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
    tower_start();
    check_pictures();
    check_generator();
    check_model("ViT-B-16-plus-240", "ViT-B-16-plus-240", WC_ACTIVATION_AUTO);
    check_model("ViT-B-16", "ViT-B-16", WC_ACTIVATION_AUTO);
    check_model("ViT-B-16", "ViT-B-16-quickgelu", WC_QUICKGELU);
    check_model("ViT-L-14", "ViT-L-14", WC_ACTIVATION_AUTO);
    return test_done();
}
