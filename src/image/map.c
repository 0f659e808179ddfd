/*
 * Bilinear score maps: one grid (wc_map_upsample) or the tiles of a picture (wc_tiling_map).
 *
 * Positions are fractions of integers, so that equal positions give equal weights to the last bit
 * whichever function and stripe asks. Work goes by blocks of columns whose indices and weights lie
 * on the stack; each row of a grid is stretched once a block and reused for all the output rows
 * between two grid rows.
 */
#include "image/resize.h"
#include "image/tiles.h"

#include <math.h>

enum { BLOCK = 256 };

/*
 * One axis of one tile: output pixel i of n_out has its centre at X = (i + 1/2) n_resized / n_out
 * in the resized picture and at u = (X - left) n_grid / size - 1/2 in the tile's grid.
 */
struct axis {
    int64_t n_out, n_resized, left, size, n_grid;
};

struct point {
    size_t low, high; // neighbours, clamped
    float weight;     // of high
};

// u = p / q in integers; both stay far below 2^53, so that p / q has one correct double.
static struct point locate(const struct axis *a, size_t i) {
    int64_t p = (2 * (int64_t)i + 1) * a->n_resized * a->n_grid -
                2 * a->n_out * a->left * a->n_grid - a->n_out * a->size;
    int64_t q = 2 * a->n_out * a->size;
    if (p <= 0)
        return (struct point){0, 0, 0.0f};
    if (p / q >= a->n_grid - 1)
        return (struct point){(size_t)a->n_grid - 1, (size_t)a->n_grid - 1, 0.0f};
    size_t low = (size_t)(p / q);
    return (struct point){low, low + 1, (float)((double)(p % q) / (double)q)};
}

// The first output pixel whose centre is at `edge` or beyond.
static size_t first_at(const struct axis *a, int64_t edge) {
    int64_t odd = (2 * a->n_out * edge + a->n_resized - 1) / a->n_resized; // (2 i + 1) >= odd
    int64_t i = odd / 2;
    return (size_t)(i < a->n_out ? i : a->n_out);
}

// a + w (b - a) gives a constant map back exactly.
static void stretch(const float *grid_row, const struct point *at, size_t n, float *out) {
    for (size_t i = 0; i < n; i++) {
        float a = grid_row[at[i].low], b = grid_row[at[i].high];
        out[i] = a + at[i].weight * (b - a);
    }
}

static void blend(const float *restrict top, const float *restrict bottom, float weight, size_t n,
                  float *restrict out) {
#pragma omp simd
    for (size_t i = 0; i < n; i++)
        out[i] = top[i] + weight * (bottom[i] - top[i]);
}

static void blend_add(const float *restrict top, const float *restrict bottom, float weight,
                      size_t n, float *restrict out) {
#pragma omp simd
    for (size_t i = 0; i < n; i++)
        out[i] += top[i] + weight * (bottom[i] - top[i]);
}

// A rectangle of output pixels: columns [x0, x0 + n_x), n_x <= BLOCK, rows [y0, y1).
struct patch {
    size_t x0, n_x, y0, y1;
};

// One grid (ay.n_grid, ax.n_grid) into a rectangle; out is (x0, y0)'s place, rows `stride` apart.
static void put_patch(const float *grid, const struct axis *ax, const struct axis *ay,
                      const struct patch *p, bool add, float *out, size_t stride) {
    struct point at[BLOCK];
    float rows[2][BLOCK];
    size_t held[2] = {SIZE_MAX, SIZE_MAX}; // the grid row stretched in rows[k], k its parity
    for (size_t i = 0; i < p->n_x; i++)
        at[i] = locate(ax, p->x0 + i);
    for (size_t y = p->y0; y < p->y1; y++, out += stride) {
        struct point v = locate(ay, y);
        for (size_t row = v.low; row <= v.high; row++)
            if (held[row % 2] != row) {
                stretch(grid + row * (size_t)ax->n_grid, at, p->n_x, rows[row % 2]);
                held[row % 2] = row;
            }
        (add ? blend_add : blend)(rows[v.low % 2], rows[v.high % 2], v.weight, p->n_x, out);
    }
}

void wc_map_upsample(const float *map, size_t h, size_t w, size_t out_h, size_t out_w, float *out) {
    struct axis ax = {(int64_t)out_w, 1, 0, 1, (int64_t)w};
    struct axis ay = {(int64_t)out_h, 1, 0, 1, (int64_t)h};
    for (size_t x0 = 0; x0 < out_w; x0 += BLOCK) {
        struct patch p = {x0, out_w - x0 < BLOCK ? out_w - x0 : BLOCK, 0, out_h};
        put_patch(map, &ax, &ay, &p, false, out + x0, out_w);
    }
}

// The part of `whole` that a tile covers; false when there is none.
static bool covered(const struct axis *ax, const struct axis *ay, const struct patch *whole,
                    struct patch *out) {
    size_t x0 = first_at(ax, ax->left), x1 = first_at(ax, ax->left + ax->size);
    size_t y0 = first_at(ay, ay->left), y1 = first_at(ay, ay->left + ay->size);
    size_t end = whole->x0 + whole->n_x;
    x0 = x0 > whole->x0 ? x0 : whole->x0;
    x1 = x1 < end ? x1 : end;
    out->y0 = y0 > whole->y0 ? y0 : whole->y0;
    out->y1 = y1 < whole->y1 ? y1 : whole->y1;
    out->x0 = x0;
    out->n_x = x1 > x0 ? x1 - x0 : 0;
    return out->n_x > 0 && out->y1 > out->y0;
}

static void tile_axes(const struct wc_tiling *plan, size_t i, size_t h, size_t w, size_t out_height,
                      size_t out_width, struct axis *ax, struct axis *ay) {
    *ax = (struct axis){(int64_t)out_width, (int64_t)plan->resized_width_px,
                        (int64_t)plan->left_px[i], (int64_t)plan->size_px, (int64_t)w};
    *ay = (struct axis){(int64_t)out_height, (int64_t)plan->resized_height_px,
                        (int64_t)plan->top_px[i], (int64_t)plan->size_px, (int64_t)h};
}

// One row of sums over the covering tiles to their mean; NaN where there is no tile.
static void divide_row(const struct patch *tiles, size_t n_tiles, const struct patch *block,
                       size_t y, float *out) {
    float n[BLOCK] = {0};
    for (size_t i = 0; i < n_tiles; i++)
        if (y >= tiles[i].y0 && y < tiles[i].y1)
            for (size_t x = 0; x < tiles[i].n_x; x++)
                n[tiles[i].x0 - block->x0 + x] += 1.0f;
    for (size_t x = 0; x < block->n_x; x++)
        out[x] = n[x] > 0 ? out[x] / n[x] : NAN;
}

static void map_block(const struct wc_tiling *plan, const float *grids, size_t h, size_t w,
                      size_t out_height, size_t out_width, const struct patch *block, float *out) {
    struct patch tiles[WC_TILES_MAX] = {{0}};
    struct axis ax, ay;
    // -0 + v is v for every v, -0 itself included: a single tile gives its own bits.
    for (size_t y = block->y0; y < block->y1; y++)
        for (size_t x = 0; x < block->n_x; x++)
            out[(y - block->y0) * out_width + x] = -0.0f;
    for (size_t i = 0; i < plan->n_tiles; i++) {
        tile_axes(plan, i, h, w, out_height, out_width, &ax, &ay);
        struct patch *p = &tiles[i];
        if (!covered(&ax, &ay, block, p)) {
            *p = (struct patch){0};
            continue;
        }
        put_patch(grids + i * h * w, &ax, &ay, p, true,
                  out + (p->y0 - block->y0) * out_width + (p->x0 - block->x0), out_width);
    }
    for (size_t y = block->y0; y < block->y1; y++)
        divide_row(tiles, plan->n_tiles, block, y, out + (y - block->y0) * out_width);
}

void wc_tiling_map(const struct wc_tiling *plan, const float *grids, size_t h, size_t w,
                   size_t out_height, size_t out_width, size_t row0, size_t row1, float *out) {
    for (size_t x0 = 0; x0 < out_width; x0 += BLOCK) {
        struct patch block = {x0, out_width - x0 < BLOCK ? out_width - x0 : BLOCK, row0, row1};
        map_block(plan, grids, h, w, out_height, out_width, &block, out + x0);
    }
}
