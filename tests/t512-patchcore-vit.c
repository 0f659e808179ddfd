/*
 * PatchCore on CLIP's tokens (supplement, table 8) on the golden tiny model: the encoder's hidden
 * tokens are those of its trace, and the method's maps and scores are those of the definition,
 * computed here in double from the golden tokens after the last block (open_clip, float64;
 * tests/golden/winclip), and from the trace for the blocks before.
 */
#include "winclip_scene.h"

enum { G = 15, CELLS = G * G, D = 64, LAYERS = 3, N = 4, SHOT = 2 };
enum { FIRST = LAYERS / 2, SECOND = LAYERS * 3 / 4 };

static float hidden[2][N][WC_HIDDEN][CELLS][D]; // of queries, of references

static void encode(struct scene *s, const struct wc_image *image, float to[WC_HIDDEN][CELLS][D],
                   const char *name) {
    const struct wc_request r = {.want = WC_WANT_TRACE | WC_WANT_HIDDEN | WC_WANT_PATCH};
    struct wc_features f = {0};
    struct wc_tiling t;
    struct wc_image resized = {0};
    float *pixels = wc_alloc(3 * image->width_px * image->height_px, sizeof *pixels);
    scene_must(wc_features_init(s->model, &r, &f, &scene_err));
    scene_must(wc_tiling_plan(image->width_px, image->height_px, 60, WC_TILES, &t, &scene_err));
    scene_must(wc_tiling_resize(&t, image, &resized, &scene_err));
    wc_tiling_normalise(&t, &resized, 0, wc_clip_mean, wc_clip_std, pixels);
    scene_must(
        wc_encode_image(s->model, wc_scorer_workspace(s->scorer), pixels, &r, &f, &scene_err));
    size_t n = CELLS * D, tokens = (1 + CELLS) * D;
    test_ok(memcmp(f.hidden, f.trace + FIRST * tokens + D, n * sizeof(float)) == 0,
            "%s: the first map is block %d's input", name, FIRST);
    test_ok(memcmp(f.hidden + n, f.trace + SECOND * tokens + D, n * sizeof(float)) == 0,
            "%s: the second is block %d's", name, SECOND);
    test_ok(memcmp(f.hidden + 2 * n, f.patch, n * sizeof(float)) == 0,
            "%s: the third is the last block's output", name);
    memcpy(to, f.hidden, WC_HIDDEN * n * sizeof(float));
    wc_features_release(&f);
    wc_image_release(&resized);
    wc_free(pixels);
}

// The 3 x 3 mean around a token, zeros outside.
static void pooled(const float x[CELLS][D], size_t cell, double out[D]) {
    memset(out, 0, D * sizeof *out);
    for (int dy = -1; dy <= 1; dy++)
        for (int dx = -1; dx <= 1; dx++) {
            int y = (int)cell / G + dy, i = (int)cell % G + dx;
            for (size_t k = 0; k < D && y >= 0 && y < G && i >= 0 && i < G; k++)
                out[k] += (double)x[y * G + i][k] / 9;
        }
}

// Distance of each patch of a query to the nearest of the first SHOT references, over `maps`.
static void define(const float (*query[2])[D], const float (*ref[SHOT][2])[D], size_t n_maps,
                   float grid[CELLS], double *score) {
    static double bank[SHOT * CELLS][2][D];
    for (size_t r = 0; r < SHOT; r++)
        for (size_t c = 0; c < CELLS; c++)
            for (size_t m = 0; m < n_maps; m++)
                pooled(ref[r][m], c, bank[r * CELLS + c][m]);
    *score = 0;
    for (size_t c = 0; c < CELLS; c++) {
        double own[2][D], best = INFINITY;
        for (size_t m = 0; m < n_maps; m++)
            pooled(query[m], c, own[m]);
        for (size_t b = 0; b < SHOT * CELLS; b++) {
            double sum = 0;
            for (size_t m = 0; m < n_maps; m++)
                for (size_t k = 0; k < D; k++)
                    sum += (own[m][k] - bank[b][m][k]) * (own[m][k] - bank[b][m][k]);
            best = sum < best ? sum : best;
        }
        grid[c] = (float)sqrt(best);
        *score = sqrt(best) > *score ? sqrt(best) : *score;
    }
}

int main(void) {
    static struct scene s;
    static float wanted[2][N][CELLS];
    char path[512];
    const char *tmp = getenv("WC_TEST_TMP");
    double score[2][N];
    struct wc_weights *gold = golden_open("tests/golden/winclip/tiny_features.safetensors");
    const float *query = golden_tensor(gold, "query_patch_pre", N * CELLS * D),
                *ref = golden_tensor(gold, "ref_patch_pre", N * CELLS * D);
    snprintf(path, sizeof path, "%s/t512-tiny.safetensors", tmp ? tmp : "build/tmp");
    scene_must(wc_kernels_init("auto", &scene_err));
    scene_must(wc_gemm_init("auto", &scene_err));
    scene_write_tiny(path);
    scene_open(&s, path, "tests/golden/winclip/tiny_images.tsv", 1e-4);
    static const char all[] = "patchcore.coreset=1;patchcore.neighbours=1;shots=[2];method=";
    char set[160];
    size_t variant[2];
    static const char *const methods[2] = {"patchcore_vit_last", "patchcore_vit_hidden"};
    for (size_t i = 0; i < 2; i++) {
        snprintf(set, sizeof set, "%s%s;", all, methods[i]);
        variant[i] = scene_add(&s, set);
    }
    scene_start(&s);
    for (size_t i = 0; i < N; i++) {
        char name[32];
        snprintf(name, sizeof name, "query %zu", i);
        encode(&s, &s.query[i], hidden[0][i], name);
        snprintf(name, sizeof name, "reference %zu", i);
        encode(&s, &s.ref[i], hidden[1][i], name);
    }
    for (size_t q = 0; q < N; q++) {
        const float(*own[2])[D] = {(const float(*)[D])(query + q * CELLS * D), NULL};
        const float(*bank[SHOT][2])[D];
        for (size_t r = 0; r < SHOT; r++)
            bank[r][0] = (const float(*)[D])(ref + r * CELLS * D);
        define(own, bank, 1, wanted[0][q], &score[0][q]);
        for (size_t m = 0; m < 2; m++) {
            own[m] = (const float(*)[D])hidden[0][q][m];
            for (size_t r = 0; r < SHOT; r++)
                bank[r][m] = (const float(*)[D])hidden[1][r][m];
        }
        define(own, bank, 2, wanted[1][q], &score[1][q]);
    }
    for (size_t i = 0; i < 2; i++) {
        struct scene_expectation *x =
            scene_expect(&s, methods[i], "bottle", variant[i], wanted[i][0]);
        memcpy(x->score, score[i], sizeof score[i]);
        x->has_score = true;
        test_ok(score[i][0] > 0.1, "%s: distances are no rounding errors", methods[i]);
    }
    float *prototype = wc_alloc(s.plan.n_recipes * 2 * 32, sizeof *prototype);
    scene_score(&s, "bottle", prototype);
    scene_check(&s);
    wc_free(prototype);
    wc_free((void *)(uintptr_t)query);
    wc_free((void *)(uintptr_t)ref);
    wc_weights_free(&gold);
    scene_close(&s);
    remove(path);
    return test_done();
}
