// Residual image towers against open_clip in float64: embeddings, feature maps, intermediate
// activations (tests/golden/models) and windows (tests/golden/ablation).
#include "golden.h"
#include "tower_test.h"

#include "model/resnet.h"

static char model_name[64]; // of the model under test, for labels

// The mean, the standard deviation and the L2 norm of n floats.
struct moments {
    double mean, std, l2;
};

static struct moments moments(const float *x, size_t n) {
    double sum = 0, squares = 0, spread = 0;
    for (size_t i = 0; i < n; i++) {
        sum += (double)x[i];
        squares += (double)x[i] * (double)x[i];
    }
    for (size_t i = 0; i < n; i++)
        spread += ((double)x[i] - sum / (double)n) * ((double)x[i] - sum / (double)n);
    return (struct moments){sum / (double)n, sqrt(spread / (double)n), sqrt(squares)};
}

// The next stage against its row of checkpoints.tsv, whose first 16 values are those of channel 0,
// row by row.
static void check_point(struct tower *t, const float *pixels, enum wc_resnet_stage stage,
                        char *const *cell) {
    char shape[64], label[96];
    size_t side, c;
    const float *map = wc_resnet_run(t->m, t->w, pixels, stage, stage, &side, &c);
    snprintf(shape, sizeof shape, "%zux%zux%zu", c, side, side);
    snprintf(label, sizeof label, "%s %s: shape", model_name, cell[1]);
    if (!test_str(shape, cell[2], label))
        return;
    struct moments found = moments(map, side * side * c);
    double mean = strtod(cell[3], NULL), std = strtod(cell[4], NULL), l2 = strtod(cell[5], NULL);
    double worst = 0;
    char *at = cell[6];
    for (size_t i = 0; i < 16; i++) {
        double wanted = strtod(at, &at), off = fabs((double)map[i * c] - wanted);
        worst = fmax(worst, isnan(off) ? INFINITY : off / fmax(1, fabs(wanted)));
    }
    // A mean may be small next to the values: it is held to the values' spread.
    test_ok(fabs(found.mean - mean) <= TOWER_TOLERANCE * std &&
                fabs(found.std - std) <= TOWER_TOLERANCE * std &&
                fabs(found.l2 - l2) <= TOWER_TOLERANCE * l2,
            "%s %s: mean, spread and norm", model_name, cell[1]);
    test_ok(worst <= 1e-4, "%s %s: first values: %.3g, at most 1e-4", model_name, cell[1], worst);
}

static void check_points(struct tower *t, const float *pixels) {
    static const char *const point[WC_RESNET_STAGES] = {
        "vision.stem", "vision.layer1", "vision.layer2", "vision.layer3", "vision.layer4"};
    static struct golden_table table;
    size_t n_found = 0;
    golden_read_table("tests/golden/models/checkpoints.tsv", &table);
    for (size_t i = 0; i < WC_RESNET_STAGES; i++)
        for (size_t row = 0; row < table.n_rows; row++)
            if (strcmp(table.cell[row][0], model_name) == 0 &&
                strcmp(table.cell[row][1], point[i]) == 0) {
                check_point(t, pixels, (enum wc_resnet_stage)i, table.cell[row]);
                n_found++;
            }
    test_ok(n_found == WC_RESNET_STAGES, "%s: %zu stages have golden values", model_name, n_found);
    wc_free(table.text);
}

// The golden map is (C, g, g), for the larger networks its first 512 channels alone.
static void check_map(const struct tower *t, const struct wc_weights *gold, const float *cells) {
    size_t n = t->g * t->g, c = wc_weights_find(gold, "feature_map")->dim[0];
    float *channels_first = wc_alloc(c * n, sizeof *channels_first);
    for (size_t i = 0; i < c * n; i++)
        channels_first[i] = cells[i % n * t->d + i / n];
    tower_compare(model_name, "feature map", channels_first, gold, "feature_map", c * n, 0, c * n);
    wc_free(channels_first);
}

// out (n) = weight (n, k) in + bias, in double.
static void linear(size_t n, size_t k, const float *weight, const float *bias, const float *in,
                   float *out) {
    for (size_t o = 0; o < n; o++) {
        double sum = (double)bias[o];
        for (size_t i = 0; i < k; i++)
            sum += (double)weight[o * k + i] * (double)in[i];
        out[o] = (float)sum;
    }
}

// What no reference program has, from the definitions: a cell on the pool's value path, with its
// position and without.
static void check_dense(const struct tower *t, const struct wc_features *x) {
    static const char *const name[5] = {"positional_embedding", "v_proj.weight", "v_proj.bias",
                                        "c_proj.weight", "c_proj.bias"};
    size_t d = t->d, e = t->e, cell = t->g * t->g / 2, n_specs;
    struct wc_tensor_spec *spec = NULL;
    float *value[5] = {NULL};
    must(wc_arch_tensors(t->arch, &spec, &n_specs, &err));
    for (size_t i = 0; i < 5 * n_specs; i++) {
        const struct wc_tensor_spec *s = &spec[i / 5];
        const char prefix[] = "visual.attnpool.";
        if (strncmp(s->name, prefix, sizeof prefix - 1) != 0 ||
            strcmp(s->name + sizeof prefix - 1, name[i % 5]) != 0)
            continue;
        value[i % 5] = wc_alloc(wc_tensor_spec_elements(s), sizeof(float));
        wc_random_tensor(s, WC_RANDOM_SEED, value[i % 5]);
    }
    wc_free(spec);
    float *in = wc_alloc(d, sizeof *in), *post = wc_alloc(d, sizeof *post),
          *proj = wc_alloc(e, sizeof *proj);
    for (int with_position = 0; with_position < 2; with_position++) {
        for (size_t i = 0; i < d; i++)
            in[i] = x->patch[cell * d + i] + (with_position ? value[0][(1 + cell) * d + i] : 0.0F);
        linear(d, d, value[1], value[2], in, post);
        linear(e, d, value[3], value[4], post, proj);
        if (with_position)
            golden_below(golden_rel_l2(x->patch_post + cell * d, post, d), TOWER_TOLERANCE,
                         "a cell and its position through v_proj");
        const float *found = with_position ? x->patch_proj : x->patch_plain;
        golden_below(golden_rel_l2(found + cell * e, proj, e), TOWER_TOLERANCE,
                     with_position ? "and through c_proj" : "a cell through v_proj and c_proj");
    }
    float *const spent[] = {in, post, proj, value[0], value[1], value[2], value[3], value[4]};
    for (size_t i = 0; i < sizeof spent / sizeof *spent; i++)
        wc_free(spent[i]);
}

static void check_windows(struct tower *t) {
    const struct golden_formula f = {224, 224, 64, 16, 40, 50, 0, 0, 64, 96, 64, 64, 70};
    const struct wc_request r = {.want = 255, .n_scales = 3, .window = {2, 3, 7}};
    const struct wc_request image = {.want = WC_WANT_IMAGE};
    struct wc_weights *gold = golden_open("tests/golden/ablation/variants.safetensors");
    struct wc_features x;
    float *pixels = tower_pixels(t, &f);
    size_t e = t->e;
    tower_encode(t, pixels, &r, &x);
    tower_compare("RN50", "image embedding", x.image, gold, "rn50_image_embed", e, 0, e);
    tower_compare("RN50", "windows of 2 x 2", x.window[0], gold, "rn50_win2", 36 * e, 0, 36 * e);
    tower_compare("RN50", "windows of 3 x 3", x.window[1], gold, "rn50_win3", 25 * e, 0, 25 * e);
    test_ok(memcmp(x.window[2], x.image, e * sizeof(float)) == 0,
            "the window of all cells is the image");
    check_dense(t, &x);
    test_ok(memcmp(x.value, x.patch_plain, 49 * e * sizeof(float)) == 0 &&
                memcmp(x.value_mlp, x.patch_plain, 49 * e * sizeof(float)) == 0,
            "MaskCLIP's value path has one reading only");
    // Convolutions: 5.37e9 multiply-adds, summed over the published layers; then q, k, v of
    // 49 cells and one output.
    double flop = 2 * (5367226368.0 + 49 * 3 * 2048.0 * 2048 + 2048.0 * 1024);
    test_near(wc_image_flop(t->m, &image) / flop, 1, 1e-12, "operations of an image");
    // Another number of threads, and a request for less: the same bits.
    for (unsigned n_threads = 1; n_threads <= 5; n_threads += 2) {
        struct wc_features y;
        wc_workspace_free(&t->w);
        must(wc_workspace_new(t->m, n_threads, NULL, NULL, &t->w, &err));
        tower_encode(t, pixels, &r, &y);
        test_ok(memcmp(x.block, y.block, x.n_floats * sizeof(float)) == 0,
                "%u threads give the bits of 2", n_threads);
        wc_features_release(&y);
    }
    const struct wc_request less = {
        .want = WC_WANT_IMAGE | WC_WANT_WINDOWS, .n_scales = 1, .window = {3}};
    struct wc_features y;
    tower_encode(t, pixels, &less, &y);
    test_ok(memcmp(x.image, y.image, e * sizeof(float)) == 0 &&
                memcmp(x.window[1], y.window[0], 25 * e * sizeof(float)) == 0 && !y.patch,
            "a smaller request gives the same bits");
    wc_features_release(&y);
    pixels[777] = NAN;
    must(wc_features_init(t->m, &less, &y, &err));
    test_ok(wc_encode_image(t->m, t->w, pixels, &less, &y, &err) == WC_ERR_DATA && err.fault &&
                strcmp(err.fault, "non-finite") == 0,
            "a pixel that is no number is found behind every ReLU");
    wc_features_release(&y);
    wc_features_release(&x);
    wc_free(pixels);
    wc_weights_free(&gold);
}

static void check_model(const char *name) {
    char path[128];
    snprintf(model_name, sizeof model_name, "%s", name);
    snprintf(path, sizeof path, "tests/golden/models/%s.safetensors", name);
    struct tower t = tower_random(name, WC_ACTIVATION_AUTO);
    struct wc_weights *gold = golden_open(path);
    const struct wc_request r = {.want = WC_WANT_IMAGE | WC_WANT_PATCH};
    for (size_t i = 0; i < 2; i++) {
        struct wc_features x;
        float *pixels = tower_golden_pixels(&t, i);
        tower_encode(&t, pixels, &r, &x);
        tower_compare(name, i ? "image embedding 1" : "image embedding 0", x.image, gold,
                      "image_embed", 2 * t.e, i * t.e, t.e);
        if (i == 0) {
            check_map(&t, gold, x.patch);
            check_points(&t, pixels);
        }
        wc_features_release(&x);
        wc_free(pixels);
    }
    tower_check_texts(&t, name, gold);
    wc_weights_free(&gold);
    if (strcmp(name, "RN50") == 0)
        check_windows(&t);
    tower_close(&t);
}

static void check_quickgelu(void) {
    struct tower t = tower_random("RN50", WC_QUICKGELU);
    struct wc_weights *gold = golden_open("tests/golden/models/RN50-quickgelu.safetensors");
    tower_check_texts(&t, "RN50-quickgelu", gold);
    wc_weights_free(&gold);
    tower_close(&t);
}

int main(void) {
    tower_start();
    check_model("RN50");
    check_quickgelu();
    check_model("RN101");
    check_model("RN50x4");
    check_model("RN50x16");
    return test_done();
}
