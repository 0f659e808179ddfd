/*
 * What the shell tests cannot do themselves: compare tensors and pictures with golden ones, and
 * make the golden pictures.
 *
 *     golden_tool tensors FOUND.safetensors GOLD.safetensors < lines
 *
 * A line is FOUND-NAME GOLD-NAME FIRST COUNT KIND TOLERANCE: elements FIRST .. FIRST + COUNT of the
 * golden tensor (COUNT 0: as many as were found; GOLD-NAME "=X" stands for the number X). KIND is
 * l2 (relative L2), l2unit (to the golden rows brought to unit length; COUNT is a row's length) or
 * abs. Each gives one line of output; any one beyond its tolerance, or absent, exit code 1.
 *
 *     golden_tool pixels A.png B.png
 *
 * Equal size and RGB samples?
 *
 *     golden_tool picture IMAGES.tsv NAME OUT.png
 *
 * The picture of a row.
 *
 *     golden_tool maps RUN SIDE OUT.safetensors
 *
 * The maps that a run's journals hold, of a model with 15 x 15 patches and pictures of SIDE pixels:
 * grid.VARIANT.UNIT (n_tiles, 15, 15) and, at the picture's size, map.VARIANT.UNIT (h, w).
 */
#include "winclip_scene.h"

#include "journal/journal.h"
#include "sched/record.h"

#include <png.h>

static float *tensor(const struct wc_weights *w, const char *name, size_t *n) {
    const struct wc_tensor_info *t = wc_weights_find(w, name);
    if (!t) {
        printf("%s: no tensor %s\n", wc_weights_path(w), name);
        return NULL;
    }
    float *x = wc_alloc(t->n_elements, sizeof *x);
    scene_must(wc_tensor_to_f32(wc_weights_path(w), t, x, &scene_err));
    *n = t->n_elements;
    return x;
}

// As tensor(), or the number of "=NUMBER".
static float *gold_tensor(const struct wc_weights *w, const char *name, size_t *n) {
    double value;
    if (name[0] != '=')
        return tensor(w, name, n);
    if (!wc_parse_f64(name + 1, &value)) {
        printf("%s: no number\n", name);
        return NULL;
    }
    float *x = wc_alloc(1, sizeof *x);
    *x = (float)value;
    *n = 1;
    return x;
}

// Rows of `width` to unit length, in double.
static void to_unit(float *x, size_t n, size_t width) {
    for (size_t r = 0; r + width <= n; r += width) {
        double sum = 0;
        for (size_t i = 0; i < width; i++)
            sum += (double)x[r + i] * (double)x[r + i];
        for (size_t i = 0; i < width; i++)
            x[r + i] = (float)((double)x[r + i] / sqrt(sum));
    }
}

// Prints one line; is it within tolerance?
static bool compare(const char *line, const struct wc_weights *found,
                    const struct wc_weights *gold) {
    char name[128], wanted[128], kind[16];
    size_t first, count, n = 0, n_gold = 0;
    double tolerance;
    if (sscanf(line, "%127s %127s %zu %zu %15s %lf", name, wanted, &first, &count, kind,
               &tolerance) != 6) {
        printf("not a comparison: %s\n", line);
        return false;
    }
    float *x = tensor(found, name, &n), *y = gold_tensor(gold, wanted, &n_gold);
    bool unit = strcmp(kind, "l2unit") == 0, l2 = unit || strcmp(kind, "l2") == 0, pass = false;
    size_t compared = unit || count == 0 ? n : count;
    if (x && y && compared > 0 && compared <= n && first + compared <= n_gold) {
        if (unit)
            to_unit(y + first, compared, count);
        double off =
            l2 ? golden_rel_l2(x, y + first, compared) : golden_max_diff(x, y + first, compared);
        pass = off <= tolerance;
        printf("%s %s: %zu elements, off by %.3g, allowed %.3g%s\n", name, wanted, compared, off,
               tolerance, pass ? "" : "  <- WRONG");
    } else if (x && y) {
        printf("%s has %zu elements, %s %zu: cannot compare %zu from %zu\n", name, n, wanted,
               n_gold, compared, first);
    }
    wc_free(x);
    wc_free(y);
    return pass;
}

static int tensors(const char *found_path, const char *gold_path) {
    struct wc_weights *found = golden_open(found_path), *gold = golden_open(gold_path);
    char line[512];
    size_t n = 0, n_pass = 0;
    for (; fgets(line, sizeof line, stdin); n++)
        n_pass += compare(line, found, gold);
    wc_weights_free(&found);
    wc_weights_free(&gold);
    return n > 0 && n_pass == n ? 0 : 1;
}

// libpng's own reader, so that a fault in ours cannot hide itself.
static png_bytep read_png(const char *path, png_image *image) {
    memset(image, 0, sizeof *image);
    image->version = PNG_IMAGE_VERSION;
    if (!png_image_begin_read_from_file(image, path)) {
        printf("%s: %s\n", path, image->message);
        exit(1);
    }
    image->format = PNG_FORMAT_RGB;
    png_bytep pixels = wc_alloc(1, PNG_IMAGE_SIZE(*image));
    if (!png_image_finish_read(image, NULL, pixels, 0, NULL)) {
        printf("%s: %s\n", path, image->message);
        exit(1);
    }
    return pixels;
}

static int pixels(const char *a_path, const char *b_path) {
    png_image a, b;
    png_bytep x = read_png(a_path, &a), y = read_png(b_path, &b);
    bool same = a.width == b.width && a.height == b.height;
    if (!same)
        printf("%s: %ux%u, %s: %ux%u\n", a_path, a.width, a.height, b_path, b.width, b.height);
    for (size_t i = 0; same && i < (size_t)a.width * a.height * 3; i++)
        if (x[i] != y[i]) {
            printf("%s: pixel (%zu, %zu) channel %zu is %d, %s has %d\n", a_path, i / 3 % a.width,
                   i / 3 / a.width, i % 3, x[i], b_path, y[i]);
            same = false;
        }
    wc_free(x);
    wc_free(y);
    return same ? 0 : 1;
}

static int picture(const char *table, const char *name, const char *out) {
    struct golden_table t;
    golden_read_table(table, &t);
    for (size_t i = 0; i < t.n_rows; i++) {
        if (strcmp(t.cell[i][0], name) != 0)
            continue;
        struct wc_image image = scene_image(&t, i);
        scene_must(wc_image_write_png(out, &image, &scene_err));
        wc_image_release(&image);
        wc_free(t.text);
        return 0;
    }
    printf("%s: no picture %s\n", table, name);
    return 1;
}

/* Maps of a run. */

enum { CELLS = 225, MAX_JOURNALS = 64 };

static void put(struct wc_st_writer *w, const char *name, size_t n_dims, const size_t *dim,
                const float *x) {
    size_t n = 1;
    for (size_t i = 0; i < n_dims; i++)
        n *= dim[i];
    if (x)
        scene_must(wc_st_writer_data(w, x, n * sizeof *x, &scene_err));
    else
        scene_must(wc_st_writer_declare(w, name, WC_F32, n_dims, dim, &scene_err));
}

// The grids and maps of one record, declared or written.
static void put_record(struct wc_st_writer *w, const struct wc_record *r, size_t side,
                       bool declare) {
    struct wc_tiling t;
    size_t n = (size_t)r->n_tiles * CELLS, h = r->height_px, width = r->width_px;
    float *grid = wc_alloc(n, sizeof *grid), *map = wc_alloc(h * width, sizeof *map);
    scene_must(wc_tiling_plan(width, h, side, WC_TILES, &t, &scene_err));
    for (size_t v = 0; v < r->n_variants; v++) {
        char name[64];
        memcpy(grid, r->grid + v * n * sizeof *grid, n * sizeof *grid);
        wc_tiling_map(&t, grid, 15, 15, h, width, 0, h, map);
        snprintf(name, sizeof name, "grid.%zu.%u", v, r->unit);
        put(w, name, 3, (size_t[]){r->n_tiles, 15, 15}, declare ? NULL : grid);
        snprintf(name, sizeof name, "map.%zu.%u", v, r->unit);
        put(w, name, 2, (size_t[]){h, width}, declare ? NULL : map);
    }
    wc_free(grid);
    wc_free(map);
}

static int maps(const char *run, size_t side, const char *out) {
    static struct wc_journal_reader reader[MAX_JOURNALS];
    struct wc_strlist names = {0};
    struct wc_st_writer *w = NULL;
    char *folder = wc_path_join(run, "journal");
    size_t n_records = 0;
    scene_must(wc_io_list(folder, false, &names, &scene_err));
    scene_must(wc_st_writer_new(out, &w, &scene_err));
    for (size_t i = 0; i < names.n && i < MAX_JOURNALS; i++) {
        char *path = wc_path_join(folder, names.item[i]);
        scene_must(wc_journal_read(path, &reader[i], &scene_err));
        wc_free(path);
    }
    for (int declare = 1; declare >= 0; declare--)
        for (size_t i = 0; i < names.n && i < MAX_JOURNALS; i++)
            for (size_t k = 0; k < reader[i].n; k++) {
                const unsigned char *bytes = reader[i].payload[k].bytes;
                struct wc_record r;
                uint32_t n_variants; // the third word of a record
                memcpy(&n_variants, bytes + 8, sizeof n_variants);
                if (!wc_record_decode(bytes, reader[i].payload[k].n_bytes, n_variants,
                                      n_variants * CELLS, UINT32_MAX, &r) ||
                    r.failed)
                    continue;
                put_record(w, &r, side, declare);
                n_records++;
            }
    scene_must(wc_st_writer_commit(w, &scene_err));
    for (size_t i = 0; i < names.n && i < MAX_JOURNALS; i++)
        wc_journal_reader_release(&reader[i]);
    wc_st_writer_free(&w);
    wc_strlist_release(&names);
    wc_free(folder);
    printf("%zu records\n", n_records / 2);
    return n_records > 0 ? 0 : 1;
}

/* Damaged weights. */

static int scaled(const char *path, const char *name, const char *factor, const char *out) {
    struct wc_weights *from = golden_open(path);
    struct wc_st_writer *w = NULL;
    double by = 0;
    size_t n_hits = 0;
    if (!wc_parse_f64(factor, &by) || !wc_weights_find(from, name)) {
        printf("%s: no tensor %s, or no number: %s\n", path, name, factor);
        return 1;
    }
    scene_must(wc_st_writer_new(out, &w, &scene_err));
    const char *config = wc_weights_meta(from, "open_clip_config");
    if (config)
        scene_must(wc_st_writer_meta(w, "open_clip_config", config, &scene_err));
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < wc_weights_n_tensors(from); i++) {
            const struct wc_tensor_info *t = wc_weights_at(from, i);
            bool hit = strcmp(t->name, name) == 0;
            size_t n = 0;
            if (pass == 0) {
                scene_must(wc_st_writer_declare(w, t->name, hit ? WC_F32 : t->dtype, t->n_dims,
                                                t->dim, &scene_err));
                continue;
            }
            float *x = hit ? tensor(from, name, &n) : NULL;
            for (size_t k = 0; k < n; k++)
                x[k] = (float)((double)x[k] * by);
            scene_must(wc_st_writer_data(w, hit ? (const void *)x : t->data,
                                         hit ? n * sizeof *x : t->n_bytes, &scene_err));
            n_hits += hit;
            wc_free(x);
        }
    scene_must(wc_st_writer_commit(w, &scene_err));
    wc_st_writer_free(&w);
    wc_weights_free(&from);
    return n_hits == 1 ? 0 : 1;
}

int main(int argc, char **argv) {
    const char *what = argc > 1 ? argv[1] : "";
    if (strcmp(what, "scaled") == 0 && argc == 6)
        return scaled(argv[2], argv[3], argv[4], argv[5]);
    if (strcmp(what, "maps") == 0 && argc == 5)
        return maps(argv[2], (size_t)strtoul(argv[3], NULL, 10), argv[4]);
    if (strcmp(what, "tensors") == 0 && argc == 4)
        return tensors(argv[2], argv[3]);
    if (strcmp(what, "pixels") == 0 && argc == 4)
        return pixels(argv[2], argv[3]);
    if (strcmp(what, "picture") == 0 && argc == 5)
        return picture(argv[2], argv[3], argv[4]);
    fprintf(
        stderr,
        "usage: golden_tool tensors FOUND GOLD | pixels A B | picture TABLE NAME OUT | maps RUN "
        "SIDE OUT | scaled WEIGHTS TENSOR FACTOR OUT\n");
    return 2;
}
