/*
 * Bilinear score maps: one grid (wc_map_upsample) or the tiles of a picture (wc_tiling_map).
 *
 * Positions are fractions of integers, so that equal positions give equal weights to the last bit
 * whichever function and stripe asks. Work goes by blocks of columns whose indices and weights lie
 * on the stack; each row of a grid is stretched once a block and reused for all the output rows
 * between two grid rows. Tiles' edges cut the output into cells, each covered by the same tiles
 * everywhere, so the inner loops ask nothing.
 */
#include "image/resize.h"
#include "image/tiles.h"

#include <math.h>

enum { BLOCK = 512 };

/*
 * One axis of one tile: output pixel i of n_out has its centre at X = (i + 1/2) n_resized / n_out
 * in the resized picture and at u = (X - left) n_grid / size - 1/2 in the tile's grid.
 */
struct axis {
    int64_t n_out, n_resized, left, size, n_grid;
};

struct point {
    uint32_t low, high; // neighbours, clamped
    float weight;       // of high
};

// u = p / q in integers; both stay far below 2^53, so that p / q has one correct double.
static struct point locate(const struct axis *a, size_t i) {
    int64_t p = (2 * (int64_t)i + 1) * a->n_resized * a->n_grid -
                2 * a->n_out * a->left * a->n_grid - a->n_out * a->size;
    int64_t q = 2 * a->n_out * a->size;
    if (p <= 0)
        return (struct point){0, 0, 0.0f};
    if (p / q >= a->n_grid - 1)
        return (struct point){(uint32_t)(a->n_grid - 1), (uint32_t)(a->n_grid - 1), 0.0f};
    uint32_t low = (uint32_t)(p / q);
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

// The output pixels whose centres lie in one tile.
struct cover {
    size_t x0, x1, y0, y1;
};

// What wc_tiling_map() was asked for.
struct request {
    const struct wc_tiling *plan;
    const float *grids; // (n_tiles, h, w)
    size_t h, w, out_height, out_width;
    struct cover cover[WC_TILES_MAX];
};

static struct axis x_axis(const struct request *r, size_t tile) {
    return (struct axis){(int64_t)r->out_width, (int64_t)r->plan->resized_width_px,
                         (int64_t)r->plan->left_px[tile], (int64_t)r->plan->size_px, (int64_t)r->w};
}

static struct axis y_axis(const struct request *r, size_t tile) {
    return (struct axis){(int64_t)r->out_height, (int64_t)r->plan->resized_height_px,
                         (int64_t)r->plan->top_px[tile], (int64_t)r->plan->size_px, (int64_t)r->h};
}

static void find_covers(struct request *r) {
    for (size_t i = 0; i < r->plan->n_tiles; i++) {
        struct axis ax = x_axis(r, i), ay = y_axis(r, i);
        r->cover[i] = (struct cover){first_at(&ax, ax.left), first_at(&ax, ax.left + ax.size),
                                     first_at(&ay, ay.left), first_at(&ay, ay.left + ay.size)};
    }
}

// The first of two edges behind `at`, or `end` when it comes sooner.
static size_t cut(size_t at, size_t edge0, size_t edge1, size_t end) {
    end = edge0 > at && edge0 < end ? edge0 : end;
    return edge1 > at && edge1 < end ? edge1 : end;
}

// A cell is covered by the same tiles everywhere.
static void put_cell(const struct request *r, const struct patch *p, float *out) {
    size_t n = 0, stride = r->out_width;
    for (size_t i = 0; i < r->plan->n_tiles; i++) {
        const struct cover *c = &r->cover[i];
        if (p->x0 < c->x0 || p->x0 >= c->x1 || p->y0 < c->y0 || p->y0 >= c->y1)
            continue;
        struct axis ax = x_axis(r, i), ay = y_axis(r, i);
        put_patch(r->grids + i * r->h * r->w, &ax, &ay, p, n > 0, out, stride);
        n++;
    }
    if (n == 1)
        return;
    for (size_t y = p->y0; y < p->y1; y++, out += stride) {
#pragma omp simd
        for (size_t x = 0; x < p->n_x; x++)
            out[x] = n > 0 ? out[x] / (float)n : NAN;
    }
}

void wc_tiling_map(const struct wc_tiling *plan, const float *grids, size_t h, size_t w,
                   size_t out_height, size_t out_width, size_t row0, size_t row1, float *out) {
    struct request r = {plan, grids, h, w, out_height, out_width, {{0}}};
    find_covers(&r);
    for (size_t x0 = 0, x1; x0 < out_width; x0 = x1) {
        x1 = out_width - x0 < BLOCK ? out_width : x0 + BLOCK;
        for (size_t i = 0; i < plan->n_tiles; i++)
            x1 = cut(x0, r.cover[i].x0, r.cover[i].x1, x1);
        for (size_t y0 = row0, y1; y0 < row1; y0 = y1) {
            y1 = row1;
            for (size_t i = 0; i < plan->n_tiles; i++)
                y1 = cut(y0, r.cover[i].y0, r.cover[i].y1, y1);
            struct patch p = {x0, x1 - x0, y0, y1};
            put_cell(&r, &p, out + (y0 - row0) * out_width + x0);
        }
    }
}
