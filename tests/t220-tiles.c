// Inputs for the model from any shape, and maps back: crops, squash, tiles, and the tiled map.
#include "golden.h"

#include "image/resize.h"
#include "image/tiles.h"

#define DIR "tests/golden/resize"

enum { INPUT, SIZE, RESIZED_W, RESIZED_H, LEFT, TOP, OUTPUT };

static const float MEAN[3] = {0.48145466f, 0.4578275f, 0.40821073f};
static const float STD[3] = {0.26862954f, 0.26130258f, 0.27577711f};

static void check_crop(const struct golden_table *t, size_t i) {
    struct wc_error err = {0};
    struct wc_image in = {0}, wanted = {0}, resized = {0}, found = {0};
    struct wc_tiling plan = {0};
    golden_read_image(DIR, t->cell[i][INPUT], &in);
    golden_read_image(DIR, t->cell[i][OUTPUT], &wanted);
    enum wc_err rc = wc_tiling_plan(in.width_px, in.height_px, golden_size(t, i, SIZE),
                                    WC_SHORTEST_CROP, &plan, &err);
    test_ok(rc == WC_OK && plan.resized_width_px == golden_size(t, i, RESIZED_W) &&
                plan.resized_height_px == golden_size(t, i, RESIZED_H) && plan.n_tiles == 1 &&
                plan.left_px[0] == golden_size(t, i, LEFT) &&
                plan.top_px[0] == golden_size(t, i, TOP),
            "plan of a crop of %s to %s", t->cell[i][INPUT], t->cell[i][SIZE]);
    rc = wc_tiling_resize(&plan, &in, &resized, &err);
    rc = rc != WC_OK ? rc : wc_tiling_cut(&plan, &resized, 0, &found, &err);
    test_ok(rc == WC_OK && golden_same(&found, &wanted), "crop of %s to %s", t->cell[i][INPUT],
            t->cell[i][SIZE]);
    wc_image_release(&in);
    wc_image_release(&wanted);
    wc_image_release(&resized);
    wc_image_release(&found);
}

static void check_crops(void) {
    static struct golden_table t;
    golden_read_table(DIR "/cases_crop.tsv", &t);
    test_ok(t.n_rows > 10, "golden/resize lists %zu crops", t.n_rows);
    for (size_t i = 0; i < t.n_rows; i++)
        check_crop(&t, i);
    wc_free(t.text);
}

static void check_normalised(void) {
    static const struct {
        const char *tensor, *file;
        enum wc_tile_mode mode;
    } CASES[] = {{"crop.smooth1500x1000", "in/smooth1500x1000.png", WC_SHORTEST_CROP},
                 {"squash.noise37x53", "in/noise37x53.png", WC_SQUASH},
                 {"all256", "in/all256.png", WC_SQUASH}};
    struct wc_error err = {0};
    unsigned char *bytes;
    size_t n_bytes;
    if (wc_io_read_file(DIR "/normalised.safetensors", 1 << 24, &bytes, &n_bytes, &err) != WC_OK)
        golden_die(&err, "normalised");
    for (size_t k = 0; k < sizeof CASES / sizeof *CASES; k++) {
        struct wc_image in = {0}, resized = {0};
        struct wc_tiling plan = {0};
        size_t shape[4] = {0};
        float *wanted = golden_f32(bytes, n_bytes, CASES[k].tensor, shape);
        golden_read_image(DIR, CASES[k].file, &in);
        enum wc_err rc =
            wc_tiling_plan(in.width_px, in.height_px, shape[2], CASES[k].mode, &plan, &err);
        rc = rc != WC_OK ? rc : wc_tiling_resize(&plan, &in, &resized, &err);
        size_t n = 3 * shape[1] * shape[2];
        float *found = wc_alloc(3 * shape[2] * shape[2], sizeof *found);
        if (rc == WC_OK)
            wc_tiling_normalise(&plan, &resized, 0, MEAN, STD, found);
        double worst = rc == WC_OK && shape[1] == shape[2] ? 0 : INFINITY;
        for (size_t i = 0; i < n && worst < 1; i++)
            worst = fmax(worst, fabs((double)found[i] - (double)wanted[i]));
        if (!test_ok(worst <= 1e-6, "normalised %s", CASES[k].tensor))
            test_note("off by %.3g, %zu x %zu, %s", worst, shape[1], shape[2], err.text);
        wc_free(wanted);
        wc_free(found);
        wc_image_release(&in);
        wc_image_release(&resized);
    }
    wc_free(bytes);
}

// Offsets of golden/ablation (60 pixels: 0 40; 0 35 70) and by hand from the paper's appendix A.
static void check_offsets(void) {
    static const struct {
        size_t w, h, size, n, resized_w, resized_h, offset[6];
        bool down;
    } CASES[] = {
        {100, 60, 60, 2, 100, 60, {0, 40}, false},
        {130, 60, 60, 3, 130, 60, {0, 35, 70}, false},
        {60, 130, 60, 3, 60, 130, {0, 35, 70}, true},
        {60, 60, 60, 1, 60, 60, {0}, false},
        {1024, 1024, 240, 1, 240, 240, {0}, false},
        {1500, 1000, 240, 2, 360, 240, {0, 120}, false},
        {108, 60, 60, 2, 108, 60, {0, 48}, false},     // exactly 0.8 of a tile
        {109, 60, 60, 3, 109, 60, {0, 24, 49}, false}, // 24.5 to the even side
        {111, 60, 60, 3, 111, 60, {0, 26, 51}, false}, // 25.5 to the even side
        {241, 240, 240, 2, 241, 240, {0, 1}, false},
        {333, 1000, 10, 4, 10, 30, {0, 7, 13, 20}, true}, // 30.03 is cut
    };
    for (size_t k = 0; k < sizeof CASES / sizeof *CASES; k++) {
        struct wc_error err = {0};
        struct wc_tiling p = {0};
        enum wc_err rc = wc_tiling_plan(CASES[k].w, CASES[k].h, CASES[k].size, WC_TILES, &p, &err);
        bool good = rc == WC_OK && p.n_tiles == CASES[k].n &&
                    p.resized_width_px == CASES[k].resized_w &&
                    p.resized_height_px == CASES[k].resized_h;
        for (size_t i = 0; good && i < p.n_tiles; i++)
            good = (CASES[k].down ? p.top_px : p.left_px)[i] == CASES[k].offset[i] &&
                   (CASES[k].down ? p.left_px : p.top_px)[i] == 0;
        if (!test_ok(good, "tiles of %zu x %zu at %zu", CASES[k].w, CASES[k].h, CASES[k].size))
            test_note("%zu tiles, %zu x %zu", p.n_tiles, p.resized_width_px, p.resized_height_px);
    }
}

// Every shape up to 51 : 1: tiles in order, first and last at the ends, no stride above 0.8.
static void check_cover(void) {
    bool good = true;
    for (size_t w = 20; w <= 51 * 20 && good; w++) {
        struct wc_tiling p = {0};
        good = wc_tiling_plan(w, 20, 20, WC_TILES, &p, NULL) == WC_OK && p.left_px[0] == 0 &&
               p.left_px[p.n_tiles - 1] + 20 == w;
        for (size_t i = 1; i < p.n_tiles && good; i++)
            good = p.left_px[i] > p.left_px[i - 1] && p.left_px[i] - p.left_px[i - 1] <= 16;
    }
    test_ok(good, "tiles cover every shape with strides of at most 0.8");
}

static void check_errors(void) {
    struct wc_error err = {0};
    struct wc_tiling p = {0};
    enum wc_err rc = wc_tiling_plan(5200, 100, 240, WC_TILES, &p, &err);
    test_ok(rc == WC_ERR_DATA && err.fault && strcmp(err.fault, "too-large") == 0 && !p.n_tiles,
            "52 : 1 is refused");
    rc = wc_tiling_plan(100, 100000000, 240, WC_SHORTEST_CROP, &p, &err);
    test_ok(rc == WC_ERR_DATA && err.fault && strcmp(err.fault, "too-large") == 0,
            "a crop of a picture too long to resize is refused");
    test_ok(wc_tiling_plan(100, 0, 240, WC_TILES, &p, &err) == WC_ERR_USAGE, "height 0");
    test_ok(wc_tiling_plan(100, 100, 0, WC_TILES, &p, &err) == WC_ERR_USAGE, "size 0");
    test_ok(wc_tiling_plan(SIZE_MAX, 1, 240, WC_TILES, &p, &err) != WC_OK, "a huge width");
}

static float *random_grids(size_t n) {
    float *g = wc_alloc(n, sizeof *g);
    for (size_t i = 0; i < n; i++)
        g[i] = (float)((i + 1) * 2654435761u % 100003) / 100003.0f;
    return g;
}

static void check_one_tile(void) {
    static const size_t SIZES[][4] = {// picture side, model size, output height, width
                                      {1024, 240, 1024, 1024}, {900, 240, 900, 900},
                                      {240, 240, 400, 400},    {700, 336, 257, 511},
                                      {1000, 224, 1, 1},       {37, 240, 37, 38}};
    for (size_t k = 0; k < sizeof SIZES / sizeof *SIZES; k++) {
        size_t h = SIZES[k][2], w = SIZES[k][3];
        struct wc_tiling p = {0};
        float *grid = random_grids(15 * 15);
        grid[7] = -0.0f;
        float *a = wc_alloc(h * w, sizeof *a), *b = wc_alloc(h * w, sizeof *b);
        bool good =
            wc_tiling_plan(SIZES[k][0], SIZES[k][0], SIZES[k][1], WC_TILES, &p, NULL) == WC_OK;
        wc_map_upsample(grid, 15, 15, h, w, a);
        wc_tiling_map(&p, grid, 15, 15, h, w, 0, h, b);
        test_ok(good && memcmp(a, b, h * w * sizeof *a) == 0,
                "one tile at %zu x %zu equals wc_map_upsample() to the bit", h, w);
        wc_free(grid);
        wc_free(a);
        wc_free(b);
    }
}

// The mean over covering tiles, written plainly in double.
static double plain_map(const struct wc_tiling *p, const float *grids, size_t h, size_t w,
                        double cx, double cy) {
    double sum = 0, n = 0, size = (double)p->size_px;
    for (size_t t = 0; t < p->n_tiles; t++) {
        double x = cx - (double)p->left_px[t], y = cy - (double)p->top_px[t];
        if (x < 0 || y < 0 || x >= size || y >= size)
            continue;
        double u = fmin(fmax(x * (double)w / size - 0.5, 0), (double)w - 1);
        double v = fmin(fmax(y * (double)h / size - 0.5, 0), (double)h - 1);
        size_t x0 = (size_t)u, y0 = (size_t)v;
        size_t x1 = x0 + 1 < w ? x0 + 1 : x0, y1 = y0 + 1 < h ? y0 + 1 : y0;
        const float *g = grids + t * h * w;
        double fx = u - (double)x0, fy = v - (double)y0;
        double top = (1 - fx) * (double)g[y0 * w + x0] + fx * (double)g[y0 * w + x1];
        double bottom = (1 - fx) * (double)g[y1 * w + x0] + fx * (double)g[y1 * w + x1];
        sum += (1 - fy) * top + fy * bottom;
        n++;
    }
    return n > 0 ? sum / n : (double)NAN;
}

static void check_map(size_t pw, size_t ph, size_t size, enum wc_tile_mode mode, size_t oh,
                      size_t ow) {
    struct wc_tiling p = {0};
    bool good = wc_tiling_plan(pw, ph, size, mode, &p, NULL) == WC_OK;
    float *grids = random_grids(15 * 14 * p.n_tiles);
    float *all = wc_alloc(oh * ow + 8, sizeof *all), *part = wc_alloc(oh * ow, sizeof *part);
    for (size_t i = 0; i < 8; i++)
        all[oh * ow + i] = 42.0f;
    wc_tiling_map(&p, grids, 15, 14, oh, ow, 0, oh, all);
    double worst = 0;
    size_t n_nan = 0;
    for (size_t y = 0; y < oh; y++)
        for (size_t x = 0; x < ow; x++) {
            double cx = ((double)x + 0.5) * (double)p.resized_width_px / (double)ow;
            double cy = ((double)y + 0.5) * (double)p.resized_height_px / (double)oh;
            double wanted = plain_map(&p, grids, 15, 14, cx, cy), found = (double)all[y * ow + x];
            n_nan += isnan(wanted) ? 1 : 0;
            good = good && isnan(wanted) == isnan(found);
            worst = isnan(wanted) ? worst : fmax(worst, fabs(found - wanted));
        }
    for (size_t i = 0; i < 8; i++)
        good = good && all[oh * ow + i] == 42.0f;
    good = good && (n_nan > 0) == (mode == WC_SHORTEST_CROP && pw != ph);
    if (!test_ok(good && worst < 1e-6, "map of %zu x %zu, mode %d, size %zu, at %zu x %zu", pw, ph,
                 (int)mode, size, ow, oh))
        test_note("off by %.3g, %zu NaN", worst, n_nan);
    // Stripes of 7 rows give the same bits.
    for (size_t y = 0; y < oh; y += 7)
        wc_tiling_map(&p, grids, 15, 14, oh, ow, y, y + 7 < oh ? y + 7 : oh, part + y * ow);
    test_ok(memcmp(all, part, oh * ow * sizeof *all) == 0, "the same in stripes");
    wc_free(grids);
    wc_free(all);
    wc_free(part);
}

int main(void) {
    check_crops();
    check_normalised();
    check_offsets();
    check_cover();
    check_errors();
    check_one_tile();
    check_map(1500, 1000, 240, WC_TILES, 1000, 1500);
    check_map(1562, 960, 240, WC_TILES, 313, 509);
    check_map(60, 130, 60, WC_TILES, 130, 60);
    check_map(200, 4000, 24, WC_TILES, 1000, 50);
    check_map(1500, 1000, 240, WC_TILES, 240, 240); // an evaluation size, tiles squeezed with it
    check_map(301, 203, 240, WC_SHORTEST_CROP, 203, 301);
    check_map(203, 301, 240, WC_SHORTEST_CROP, 301, 203);
    check_map(240, 240, 240, WC_SHORTEST_CROP, 240, 240);
    check_map(301, 203, 240, WC_SQUASH, 203, 301);
    return test_done();
}
