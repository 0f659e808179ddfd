// 8-connected components against a flood fill, numbering, shapes, and region weights.
#include "eval/components.h"
#include "eval/histogram.h"

#include "base/alloc.h"
#include "base/rng.h"
#include "test.h"

#define MAX_PX 4096

// The specification: flood fill from each first pixel in row-major order.
static uint32_t flood(const uint8_t *mask, size_t h, size_t w, uint32_t *label) {
    static size_t stack[MAX_PX];
    uint32_t n = 0;
    memset(label, 0, h * w * sizeof *label);
    for (size_t start = 0; start < h * w; start++) {
        size_t depth = 0;
        if (!mask[start] || label[start])
            continue;
        label[start] = ++n;
        stack[depth++] = start;
        while (depth > 0) {
            size_t at = stack[--depth], y = at / w, x = at % w;
            for (size_t k = 0; k < 9; k++) {
                size_t ny = y + k / 3, nx = x + k % 3; // one more than the neighbour's
                if (ny < 1 || ny > h || nx < 1 || nx > w)
                    continue;
                size_t next = (ny - 1) * w + nx - 1;
                if (mask[next] && !label[next]) {
                    label[next] = n;
                    stack[depth++] = next;
                }
            }
        }
    }
    return n;
}

static uint32_t found[MAX_PX + 1], wanted[MAX_PX];

static bool same_as_flood(const uint8_t *mask, size_t h, size_t w) {
    struct wc_error err = {0};
    uint32_t n = 0;
    memset(found, 0xA5, sizeof found); // poison
    if (wc_components(mask, h, w, found, &n, &err) != WC_OK || n != flood(mask, h, w, wanted))
        return false;
    return memcmp(found, wanted, h * w * sizeof *found) == 0 && found[h * w] == 0xA5A5A5A5;
}

// Pictures: '#' inside. All are rectangles of 9 columns.
static const struct {
    const char *name, *rows;
    uint32_t n;
} picture[] = {
    {"empty", ".........", 0},
    {"one row", "##.#.###.", 3},
    {"diagonal",
     "#........"
     ".#......."
     "..#......",
     1},
    {"anti-diagonal",
     "..#......"
     ".#......."
     "#........",
     1},
    {"holes stay holes",
     "#####...."
     "#...#...."
     "#.#.#...."
     "#...#...."
     "#####....",
     2},
    {"U joins late",
     "#...#...."
     "#...#...."
     "#####....",
     1},
    {"W joins twice",
     "#..#..#.#"
     "#..#..#.#"
     "#######.#",
     2},
    {"spiral",
     "#########"
     "........#"
     "#######.#"
     "#.....#.#"
     "#.###.#.#"
     "#.#...#.#"
     "#.#####.#"
     "#.......#"
     "#########",
     1},
    {"rows do not wrap",
     "........#"
     "........."
     "#........",
     2},
    {"last and first column are no neighbours",
     "........#"
     "#........",
     2},
};

static void check_pictures(void) {
    for (size_t i = 0; i < sizeof picture / sizeof *picture; i++) {
        uint8_t mask[MAX_PX];
        uint32_t n = 0;
        struct wc_error err = {0};
        size_t n_px = strlen(picture[i].rows);
        for (size_t j = 0; j < n_px; j++)
            mask[j] = picture[i].rows[j] == '#' ? (uint8_t)(1 + j % 255) : 0; // any value counts
        wc_components(mask, n_px / 9, 9, found, &n, &err);
        test_ok(n == picture[i].n && same_as_flood(mask, n_px / 9, 9), "%s: %u", picture[i].name,
                (unsigned)n);
    }
}

static void check_random(void) {
    uint64_t state = 610;
    static uint8_t mask[MAX_PX];
    size_t n_same = 0, n_all = 0;
    for (size_t h = 1; h <= 24; h++)
        for (size_t w = 1; w <= 24; w++)
            for (uint64_t density = 1; density <= 5; density++) {
                for (size_t i = 0; i < h * w; i++)
                    mask[i] = wc_rng_below(&state, 8) < density;
                n_same += same_as_flood(mask, h, w);
                n_all++;
            }
    test_ok(n_same == n_all, "%zu of %zu random masks as by flood fill", n_same, n_all);
    for (size_t i = 0; i < MAX_PX; i++)
        mask[i] = i / 64 % 2 == 0 && i % 2 == 0; // as many components as a mask can have
    test_ok(same_as_flood(mask, 64, 64), "dots");
    memset(mask, 1, sizeof mask);
    test_ok(same_as_flood(mask, 64, 64), "all inside");
}

static void check_weights(void) {
    uint64_t state = 611;
    static uint8_t mask[MAX_PX];
    static uint64_t weight[MAX_PX], sum[MAX_PX + 1], size[MAX_PX + 1];
    struct wc_error err = {0};
    uint32_t n = 0;
    for (size_t i = 0; i < MAX_PX; i++)
        mask[i] = wc_rng_below(&state, 4) == 0;
    test_ok(wc_region_weights(mask, 64, 64, weight, &n, &err) == WC_OK, "region weights");
    bool outside_zero = true, whole = true, even = true;
    test_ok(n == flood(mask, 64, 64, wanted) && n > 100, "%u regions", (unsigned)n);
    for (size_t i = 0; i < MAX_PX; i++) {
        outside_zero = outside_zero && (mask[i] || weight[i] == 0);
        sum[wanted[i]] += weight[i];
        size[wanted[i]]++;
    }
    for (uint32_t c = 1; c <= n; c++)
        whole = whole && sum[c] == WC_REGION_WEIGHT;
    for (size_t i = 0; i < MAX_PX; i++) {
        uint64_t share = mask[i] ? WC_REGION_WEIGHT / size[wanted[i]] : 0;
        even = even && (weight[i] == share || (mask[i] && weight[i] == share + 1));
    }
    test_ok(outside_zero, "nothing outside");
    test_ok(whole, "every region has exactly the whole weight");
    test_ok(even, "pixels of a region share alike to one unit");
}

static void check_refused(void) {
    struct wc_error err = {0};
    uint32_t n = 7;
    test_ok(wc_components(NULL, (size_t)1 << 33, (size_t)1 << 33, NULL, &n, &err) == WC_ERR_DATA &&
                n == 7,
            "too large: %s", err.text);
    test_ok(wc_components(NULL, 0, 5, NULL, &n, &err) == WC_OK && n == 0, "no rows");
}

int main(void) {
    check_pictures();
    check_random();
    check_weights();
    check_refused();
    return test_done();
}
