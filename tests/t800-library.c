// libwinclip as a program of somebody else uses it: only include/winclip.h, against the sample's
// expected scores (PyTorch in float64, tests/data/sample/README.md).
#include "winclip.h"

#include "test.h"

#include <pthread.h>

#define SAMPLE "tests/data/sample/"
#define TOLERANCE 1e-4 // the sample's

static const char *const model_settings[] = {"model.bpe=" SAMPLE "bpe.txt.gz", NULL};
static const char *const paper[] = {"preset=paper", "threads=2", NULL};
static const char *const accurate[] = {"preset=accurate", "threads=1", NULL};
static const char picture[] = SAMPLE "leather/test/contam/000.png";
static const char *const good[] = {SAMPLE "leather/train/good/000.png",
                                   SAMPLE "leather/train/good/001.png"};

struct picture {
    unsigned char *rgb;
    size_t width, height;
};

static struct picture read_picture(winclip_scorer *s, const char *path) {
    struct picture p = {0};
    if (winclip_read_image(s, path, &p.rgb, &p.width, &p.height) != WINCLIP_OK)
        printf("Bail out! %s\n", winclip_scorer_error(s));
    return p;
}

// Of tests/data/sample/expected_scores.csv.
static double expected(const char *image, const char *preset, int shot) {
    char line[512], key[256];
    double found = NAN;
    FILE *f = fopen(SAMPLE "expected_scores.csv", "r");
    snprintf(key, sizeof key, "leather,%s,1,winclip,%s,%d,", image, preset, shot);
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, key, strlen(key)) == 0)
            found = atof(line + strlen(key));
    if (f)
        fclose(f);
    return found;
}

static double score_of(winclip_scorer *s, const winclip_prototypes *p, const winclip_bank *b,
                       const struct picture *x) {
    double score = NAN;
    if (winclip_score_rgb8(s, p, b, x->rgb, x->width, x->height, 3 * x->width, &score, NULL, 0, 0))
        test_note("%s", winclip_scorer_error(s));
    return score;
}

static void test_scores(const winclip_model *model, const char *const *settings,
                        const char *preset) {
    winclip_scorer *s = NULL;
    winclip_prototypes *leather = NULL;
    winclip_bank *bank = NULL;
    test_ok(winclip_scorer_new(model, settings, &s) == WINCLIP_OK, "%s: a scorer", preset);
    test_str(winclip_scorer_preset(s), preset, "its preset");
    test_ok(winclip_prototypes_new(s, "leather", NULL, &leather) == WINCLIP_OK, "prototypes");
    struct picture x = read_picture(s, picture);
    test_near(score_of(s, leather, NULL, &x), expected("test/contam/000.png", preset, 0), TOLERANCE,
              "zero-shot");
    winclip_bank_new(s, &bank);
    winclip_bank_add_file(s, bank, good[0]);
    test_near(score_of(s, leather, bank, &x), expected("test/contam/000.png", preset, 1), TOLERANCE,
              "one reference");
    winclip_bank_add_file(s, bank, good[1]);
    test_ok(winclip_bank_size(bank) == 2, "the bank grows");
    test_near(score_of(s, leather, bank, &x), expected("test/contam/000.png", preset, 2), TOLERANCE,
              "two references");
    test_near(score_of(s, leather, NULL, &x), expected("test/contam/000.png", preset, 0), TOLERANCE,
              "zero-shot again, after few-shot");
    winclip_pixels_free(x.rgb);
    winclip_bank_free(bank);
    winclip_prototypes_free(leather);
    winclip_scorer_free(s);
}

static void test_maps(winclip_scorer *s, const winclip_prototypes *p, const struct picture *x) {
    size_t w = 64, h = 48, n_tiles = 0, g = 0, n_bad = 0, stride = 3 * x->width + 7;
    float *map = calloc(w * h, sizeof *map), *again = calloc(w * h, sizeof *again);
    const float *grid = NULL;
    unsigned char *padded = calloc(stride, x->height);
    double score = NAN, same = NAN, low, high;
    test_ok(winclip_score_rgb8(s, p, NULL, x->rgb, x->width, x->height, 3 * x->width, &score, map,
                               w, h) == WINCLIP_OK,
            "score and map in one call");
    winclip_map_range(s, 0, &low, &high);
    for (size_t i = 0; i < w * h; i++)
        n_bad += !(map[i] >= (float)low && map[i] <= (float)high);
    test_ok(n_bad == 0 && low == 0 && high == 1, "the map is within the range that is stated");
    test_ok(winclip_last_grid(s, &grid, &n_tiles, &g) == WINCLIP_OK && n_tiles == 1 && g == 15 &&
                g == winclip_model_grid(NULL) + 15,
            "a square picture has one grid of 15 x 15");
    for (size_t y = 0; y < x->height; y++)
        memcpy(padded + y * stride, x->rgb + 3 * x->width * y, 3 * x->width);
    winclip_score_rgb8(s, p, NULL, padded, x->width, x->height, stride, &same, NULL, 0, 0);
    test_ok(same == score, "rows with padding give the same score");
    test_ok(winclip_last_map(s, w, h, again) == WINCLIP_OK &&
                memcmp(map, again, w * h * sizeof *map) == 0,
            "the last map, stretched later");
    winclip_score_rgb8(s, p, NULL, x->rgb, x->width, x->height / 2, 3 * x->width, &same, NULL, 0,
                       0);
    test_ok(winclip_last_grid(s, &grid, &n_tiles, &g) == WINCLIP_OK && n_tiles == 3,
            "a picture of 2 : 1 has three tiles");
    free(padded);
    free(map);
    free(again);
}

static void test_bank_files(const winclip_model *model, winclip_scorer *s,
                            const winclip_prototypes *p, const struct picture *x) {
    const char *tmp = getenv("WC_TEST_TMP");
    char path[4096];
    winclip_bank *bank = NULL, *loaded = NULL;
    winclip_scorer *other = NULL;
    winclip_prototypes *q = NULL;
    snprintf(path, sizeof path, "%s/t800.bank", tmp ? tmp : "build/tmp");
    winclip_bank_new(s, &bank);
    test_ok(winclip_score_rgb8(s, p, bank, x->rgb, x->width, x->height, 3 * x->width, NULL, NULL, 0,
                               0) == WINCLIP_ERROR_USAGE &&
                strstr(winclip_scorer_error(s), "empty"),
            "an empty bank is refused");
    test_ok(winclip_bank_save(s, bank, path) == WINCLIP_ERROR_USAGE, "and not saved");
    winclip_bank_add_file(s, bank, good[0]);
    winclip_bank_add_rgb8(s, bank, x->rgb, x->width, x->height, 3 * x->width);
    test_ok(winclip_bank_save(s, bank, path) == WINCLIP_OK, "a bank is saved");
    test_ok(winclip_bank_load(s, path, &loaded) == WINCLIP_OK && winclip_bank_size(loaded) == 2,
            "and loaded");
    double a = score_of(s, p, bank, x), b = score_of(s, p, loaded, x);
    test_ok(a == b, "both give the same score to the last bit");
    winclip_scorer_new(model, accurate, &other);
    winclip_prototypes_new(other, "leather", NULL, &q);
    test_ok(score_of(other, q, bank, x) == score_of(other, q, loaded, x),
            "a bank serves a scorer of another preset");
    test_ok(winclip_score_rgb8(other, p, NULL, x->rgb, x->width, x->height, 3 * x->width, NULL,
                               NULL, 0, 0) == WINCLIP_ERROR_USAGE,
            "prototypes of another preset are refused");
    winclip_bank_add_file(s, loaded, good[1]);
    test_ok(winclip_bank_size(loaded) == 3, "a loaded bank grows");
    winclip_bank_free(bank);
    winclip_bank_free(loaded);
    winclip_prototypes_free(q);
    winclip_scorer_free(other);
    remove(path);
}

static void test_errors(const winclip_model *model, winclip_scorer *s,
                        const winclip_prototypes *p) {
    static const char *const unknown[] = {"preset=papper", NULL}, *const alien[] = {"shots=3",
                                                                                    NULL};
    winclip_model *m = NULL;
    winclip_scorer *t = NULL;
    winclip_bank *bank = NULL;
    unsigned char *rgb = NULL, one[3] = {0};
    size_t width = 0, height = 0;
    float value;
    test_ok(winclip_model_open("no/such/file", NULL, &m) == WINCLIP_ERROR_DATA &&
                strstr(winclip_model_error(m), "no/such/file"),
            "a missing model is named");
    test_ok(winclip_scorer_new(m, NULL, &t) == WINCLIP_ERROR_USAGE, "a model that is not open");
    test_ok(winclip_prototypes_new(t, "nut", NULL, NULL) == WINCLIP_ERROR_USAGE,
            "a scorer that is not ready");
    winclip_scorer_free(t);
    winclip_model_free(m);
    test_ok(winclip_scorer_new(model, unknown, &t) == WINCLIP_ERROR_CONFIG &&
                strstr(winclip_scorer_error(t), "papper"),
            "an unknown preset is named");
    winclip_scorer_free(t);
    test_ok(winclip_scorer_new(model, alien, &t) == WINCLIP_ERROR_CONFIG &&
                strstr(winclip_scorer_error(t), "shots"),
            "a key that is no setting is refused");
    winclip_scorer_free(t);
    test_ok(winclip_read_image(s, "tests/data/sample/README.md", &rgb, &width, &height) ==
                    WINCLIP_ERROR_DATA &&
                strstr(winclip_scorer_error(s), "README.md") && !rgb,
            "no picture");
    test_ok(winclip_last_map(s, 1, 1, &value) == WINCLIP_ERROR_USAGE, "no last map");
    test_ok(winclip_score_rgb8(s, p, NULL, one, 1, 1, 2, NULL, NULL, 0, 0) == WINCLIP_ERROR_USAGE,
            "rows that are too short");
    test_ok(winclip_score_rgb8(s, p, NULL, one, 0, 1, 3, NULL, NULL, 0, 0) == WINCLIP_ERROR_USAGE,
            "a picture without pixels");
    test_ok(winclip_score_rgb8(s, NULL, NULL, one, 1, 1, 3, NULL, NULL, 0, 0) ==
                WINCLIP_ERROR_USAGE,
            "no prototypes");
    test_ok(winclip_bank_load(s, SAMPLE "model.safetensors", &bank) == WINCLIP_ERROR_DATA && !bank,
            "a file that is no bank");
    test_ok(winclip_score_rgb8(s, p, NULL, one, 1, 1, 3, NULL, &value, 1, 1) == WINCLIP_OK &&
                !*winclip_scorer_error(s),
            "one pixel is a picture; success clears the error");
}

/* Threads: models opened at the same time, and scorers of one model. */

struct thread {
    const winclip_model *shared;
    double score[2];
};

static void *in_thread(void *data) {
    struct thread *t = data;
    winclip_model *own = NULL;
    for (int i = 0; i < 2; i++) {
        const winclip_model *model = t->shared;
        winclip_scorer *s = NULL;
        winclip_prototypes *p = NULL;
        if (i == 1 && winclip_model_open(SAMPLE "model.safetensors", model_settings, &own) == 0)
            model = own;
        winclip_scorer_new(model, paper, &s);
        winclip_prototypes_new(s, "leather", NULL, &p);
        struct picture x = read_picture(s, picture);
        t->score[i] = score_of(s, p, NULL, &x);
        winclip_pixels_free(x.rgb);
        winclip_prototypes_free(p);
        winclip_scorer_free(s);
    }
    winclip_model_free(own);
    return NULL;
}

static void test_threads(const winclip_model *model) {
    struct thread t[3];
    pthread_t id[3];
    bool same = true;
    for (int i = 0; i < 3; i++) {
        t[i] = (struct thread){.shared = model, .score = {NAN, NAN}};
        pthread_create(&id[i], NULL, in_thread, &t[i]);
    }
    for (int i = 0; i < 3; i++) {
        pthread_join(id[i], NULL);
        same = same && t[i].score[0] == t[0].score[0] && t[i].score[1] == t[0].score[0];
    }
    test_ok(same, "three threads, their own and a shared model: one score");
}

static void count(void *data) {
    ++*(int *)data;
}

int main(void) {
    winclip_model *model = NULL;
    winclip_scorer *s = NULL;
    winclip_prototypes *p = NULL;
    int n_calls = 0;
    char hex[65] = "";
    test_ok(winclip_model_open(SAMPLE "model.safetensors", model_settings, &model) == WINCLIP_OK,
            "the sample's model opens");
    test_note("%s", winclip_model_error(model));
    test_ok(winclip_model_grid(model) == 15 && winclip_model_input_px(model) == 120 &&
                winclip_model_embedding(model) > 0,
            "its sizes");
    test_scores(model, paper, "paper");
    test_scores(model, accurate, "accurate");
    winclip_scorer_new(model, paper, &s);
    winclip_prototypes_new(s, NULL, "leather", &p);
    struct picture x = read_picture(s, picture);
    winclip_scorer_on_progress(s, count, &n_calls);
    test_near(score_of(s, p, NULL, &x), expected("test/contam/000.png", "paper", 0), TOLERANCE,
              "an object named by its category");
    test_ok(n_calls > 0, "progress is called");
    winclip_scorer_on_progress(s, NULL, NULL);
    test_ok(winclip_weights_sha256(s, hex) == WINCLIP_OK && strlen(hex) == 64, "the weights' hash");
    test_maps(s, p, &x);
    test_bank_files(model, s, p, &x);
    test_errors(model, s, p);
    test_threads(model);
    winclip_pixels_free(x.rgb);
    winclip_prototypes_free(p);
    winclip_scorer_free(s);
    winclip_model_free(model);
    return test_done();
}
