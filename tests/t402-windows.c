// Window embeddings and patch tokens of vision transformers: tests/golden/weights (a tiny model
// from a file, every stage) and tests/golden/winclip (the method's features, tiny and full size).
#include "golden.h"
#include "tower_test.h"

#include "model/tower.h"

#define EVERYTHING                                                                                 \
    (WC_WANT_IMAGE | WC_WANT_WINDOWS | WC_WANT_PATCH | WC_WANT_PATCH_POST | WC_WANT_PATCH_PROJ)

/* tests/golden/weights: 1e-4 of a tensor's largest entry. */

static void check_entries(const struct wc_weights *gold, const char *prefix, const char *key,
                          size_t n_gold, size_t first, const float *found, size_t n) {
    char name[96];
    double largest = 0;
    snprintf(name, sizeof name, "%s.%s", prefix, key);
    float *wanted = golden_tensor(gold, name, n_gold);
    for (size_t i = 0; i < n_gold; i++)
        largest = fmax(largest, fabs((double)wanted[i]));
    golden_below(golden_max_diff(found, wanted + first, n) / largest, 1e-4, name);
    wc_free(wanted);
}

static void check_file(const char *json, const char *prefix, bool stages) {
    const struct wc_model_options o = {
        .weights = "tests/golden/weights/f32.safetensors", .arch = "auto", .json = json};
    const struct wc_request r = {.want = EVERYTHING, .n_scales = 2, .window = {2, 3}};
    struct tower t = tower_open(&o, 2);
    struct wc_weights *gold = golden_open("tests/golden/weights/expected.safetensors");
    size_t e = t.e, d = t.d, s = t.arch->image_px, n = t.g * t.g;
    float *images = golden_tensor(gold, "images", 2 * 3 * s * s);
    for (size_t i = 0; i < 2; i++) {
        struct wc_features x;
        tower_encode(&t, images + i * 3 * s * s, &r, &x);
        check_entries(gold, prefix, "image_embed", 2 * e, i * e, x.image, e);
        if (i == 0 && stages) {
            check_entries(gold, prefix, "vision.ln_pre", (1 + n) * d, 0, t.w->embed, (1 + n) * d);
            check_entries(gold, prefix, "vision.block1", (1 + n) * d, d, x.patch, n * d);
            check_entries(gold, prefix, "vision.ln_post", (1 + n) * d, d, x.patch_post, n * d);
            check_entries(gold, prefix, "window2_embed", 196 * e, 0, x.window[0], 196 * e);
            check_entries(gold, prefix, "window3_embed", 169 * e, 0, x.window[1], 169 * e);
        }
        wc_features_release(&x);
    }
    wc_free(images);
    wc_weights_free(&gold);
    tower_close(&t);
}

/* tests/golden/winclip. */

// Row `row` of an images.tsv: its formula.
static struct golden_formula formula(const struct golden_table *table, size_t row) {
    uint64_t v[13] = {0};
    for (size_t i = 0; i < 8; i++)
        v[i] = golden_size(table, row, i + 1);
    char *at = table->cell[row][9]; // "-", or y0 x0 h w seed
    for (size_t i = 8; i < 13 && strcmp(table->cell[row][9], "-") != 0; i++)
        v[i] = strtoull(at, &at, 10);
    return (struct golden_formula){v[0], v[1], v[2], v[3],  v[4],  v[5], v[6],
                                   v[7], v[8], v[9], v[10], v[11], v[12]};
}

// One feature of one picture against row `i` of "<set>_<key>" (n_rows, n).
static void check_feature(const struct wc_weights *gold, const char *set, const char *key,
                          size_t n_rows, size_t i, const float *found, size_t n) {
    char name[64], label[96];
    snprintf(name, sizeof name, "%s_%s", set, key);
    snprintf(label, sizeof label, "%s %zu", name, i);
    float *wanted = golden_tensor(gold, name, n_rows * n);
    golden_below(golden_rel_l2(found, wanted + i * n, n), TOWER_TOLERANCE, label);
    wc_free(wanted);
}

static void check_tiny(struct tower *t) {
    static struct golden_table table;
    struct wc_weights *gold = golden_open("tests/golden/winclip/tiny_features.safetensors");
    const struct wc_request r = {.want = EVERYTHING, .n_scales = 2, .window = {2, 3}};
    size_t e = t->e, d = t->d, n = t->g * t->g;
    golden_read_table("tests/golden/winclip/tiny_images.tsv", &table);
    test_ok(table.n_rows == 8, "tiny: four references and four queries");
    for (size_t row = 0; row < table.n_rows; row++) {
        struct golden_formula f = formula(&table, row);
        const char *set = row < 4 ? "ref" : "query";
        struct wc_features x;
        float *pixels = tower_pixels(t, &f);
        tower_encode(t, pixels, &r, &x);
        check_feature(gold, set, "embed", 4, row % 4, x.image, e);
        check_feature(gold, set, "win2", 4, row % 4, x.window[0], 196 * e);
        check_feature(gold, set, "win3", 4, row % 4, x.window[1], 169 * e);
        check_feature(gold, set, "patch_pre", 4, row % 4, x.patch, n * d);
        check_feature(gold, set, "patch_post", 4, row % 4, x.patch_post, n * d);
        check_feature(gold, set, "patch_proj", 4, row % 4, x.patch_proj, n * e);
        wc_features_release(&x);
        wc_free(pixels);
    }
    wc_free(table.text);
    wc_weights_free(&gold);
}

// A side is in patches, from one to all of them; the window of all is the image itself.
static void check_sides(struct tower *t) {
    const struct wc_request r = {
        .want = WC_WANT_IMAGE | WC_WANT_WINDOWS, .n_scales = 3, .window = {1, 14, 15}};
    const struct golden_formula f = {60, 60, 16, 4, 40, 50, 0, 0, 0, 0, 0, 0, 0};
    float *pixels = tower_pixels(t, &f);
    struct wc_features x, y;
    tower_encode(t, pixels, &r, &x);
    golden_below(golden_rel_l2(x.window[2], x.image, t->e), TOWER_TOLERANCE,
                 "the window of all patches is the image");
    wc_workspace_free(&t->w);
    must(wc_workspace_new(t->m, 3, NULL, NULL, &t->w, &err));
    tower_encode(t, pixels, &r, &y);
    test_ok(memcmp(x.block, y.block, x.n_floats * sizeof(float)) == 0,
            "three threads give the bits of two");
    wc_features_release(&x);
    wc_features_release(&y);
    for (size_t k = 0; k <= 16; k += 16) {
        const struct wc_request bad = {.want = WC_WANT_WINDOWS, .n_scales = 1, .window = {k}};
        test_ok(wc_features_init(t->m, &bad, &x, &err) == WC_ERR_CONFIG &&
                    strstr(err.text, "1 to 15 patches"),
                "side %zu is refused", k);
    }
    wc_free(pixels);
}

static void check_full(void) {
    static struct golden_table table;
    struct tower t = tower_random("ViT-B-16-plus-240", WC_ACTIVATION_AUTO);
    struct wc_weights *gold = golden_open("tests/golden/winclip/full_features.safetensors");
    size_t e = t.e, d = t.d;
    golden_read_table("tests/golden/winclip/full_images.tsv", &table);
    test_ok(table.n_rows == 4, "full: two references and two queries");
    for (size_t row = 0; row < table.n_rows; row++) {
        struct golden_formula f = formula(&table, row);
        struct wc_request r = {.want = WC_WANT_IMAGE, .n_scales = 2, .window = {2, 3}};
        struct wc_features x;
        float *pixels = tower_pixels(&t, &f);
        r.want = row == 3 ? EVERYTHING : WC_WANT_IMAGE;
        tower_encode(&t, pixels, &r, &x);
        check_feature(gold, row < 2 ? "ref" : "query", "embed", 2, row % 2, x.image, e);
        if (row == 3) {
            check_feature(gold, "query1", "win2", 1, 0, x.window[0], 196 * e);
            check_feature(gold, "query1", "win3", 1, 0, x.window[1], 169 * e);
            check_feature(gold, "query1", "patch_pre_first16", 1, 0, x.patch, 16 * d);
            check_feature(gold, "query1", "patch_post_first16", 1, 0, x.patch_post, 16 * d);
            check_feature(gold, "query1", "patch_proj_first16", 1, 0, x.patch_proj, 16 * e);
        }
        wc_features_release(&x);
        wc_free(pixels);
    }
    wc_free(table.text);
    wc_weights_free(&gold);
    tower_close(&t);
}

int main(void) {
    // tests/golden/winclip/README.md: the tiny model.
    static const char tiny[] =
        "{\"embed_dim\": 32, \"vision_cfg\": {\"image_size\": 60, \"layers\": 3, \"width\": 64, "
        "\"head_width\": 32, \"patch_size\": 4}, \"text_cfg\": {\"context_length\": 77, "
        "\"vocab_size\": 49408, \"width\": 32, \"heads\": 2, \"layers\": 2}}";
    tower_start();
    check_file("tests/golden/weights/model.json", "f32", true);
    check_file("tests/golden/weights/model_quickgelu.json", "f32_quickgelu", false);
    struct tower t = tower_custom(tiny, "t402-tiny.safetensors", 2);
    check_tiny(&t);
    check_sides(&t);
    tower_close(&t);
    check_full();
    return test_done();
}
