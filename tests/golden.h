/*
 * What the picture tests share: tables of golden data, expected pictures, float arrays, and damaged
 * copies of files. Everything ends the test program when golden data themselves cannot be read.
 */
#ifndef WC_TESTS_GOLDEN_H
#define WC_TESTS_GOLDEN_H

#include "base/alloc.h"
#include "base/io.h"
#include "base/json.h"
#include "image/image.h"
#include "test.h"

enum { GOLDEN_MAX_COLUMNS = 12, GOLDEN_MAX_ROWS = 256 };

// A table with a header line; cells point into `text`.
struct golden_table {
    unsigned char *text;
    char *cell[GOLDEN_MAX_ROWS][GOLDEN_MAX_COLUMNS];
    size_t n_rows, n_columns;
};

__attribute__((unused)) static void golden_die(const struct wc_error *err, const char *what) {
    printf("Bail out! golden data: %s: %s\n", what, err->text);
    exit(1);
}

__attribute__((unused)) static void golden_read_table(const char *path, struct golden_table *t) {
    struct wc_error err = {0};
    size_t n;
    memset(t, 0, sizeof *t);
    if (wc_io_read_file(path, 1 << 24, &t->text, &n, &err) != WC_OK)
        golden_die(&err, path);
    char *line_end, *line = (char *)t->text;
    bool header = true;
    for (; *line && t->n_rows < GOLDEN_MAX_ROWS; line = line_end + 1) {
        line_end = strchr(line, '\n');
        if (!line_end)
            break;
        *line_end = 0;
        size_t c = 0;
        for (char *p = line; p && c < GOLDEN_MAX_COLUMNS; c++) {
            t->cell[t->n_rows][c] = p;
            p = strchr(p, '\t');
            if (p)
                *p++ = 0;
        }
        t->n_columns = header ? c : t->n_columns;
        t->n_rows += !header;
        header = false;
    }
}

__attribute__((unused)) static size_t golden_size(const struct golden_table *t, size_t row,
                                                  size_t column) {
    return (size_t)strtoul(t->cell[row][column], NULL, 10);
}

__attribute__((unused)) static void golden_read_image(const char *dir, const char *name,
                                                      struct wc_image *out) {
    struct wc_error err = {0};
    char *path = wc_path_join(dir, name);
    if (wc_image_read(path, NULL, out, &err) != WC_OK)
        golden_die(&err, path);
    wc_free(path);
}

// Equal size and samples; the first difference is told.
__attribute__((unused)) static bool golden_same(const struct wc_image *a,
                                                const struct wc_image *b) {
    if (a->width_px != b->width_px || a->height_px != b->height_px) {
        test_note("found %zu x %zu pixels, wanted %zu x %zu", a->width_px, a->height_px,
                  b->width_px, b->height_px);
        return false;
    }
    for (size_t i = 0; i < 3 * a->width_px * a->height_px; i++)
        if (a->rgb[i] != b->rgb[i]) {
            test_note("pixel (%zu, %zu), channel %zu: found %d, wanted %d", i / 3 % a->width_px,
                      i / 3 / a->width_px, i % 3, a->rgb[i], b->rgb[i]);
            return false;
        }
    return true;
}

// One float32 tensor of a safetensors file (8 bytes of header size, JSON, data): its values, to be
// freed, and its shape.
__attribute__((unused)) static float *golden_f32(const unsigned char *bytes, size_t n_bytes,
                                                 const char *name, size_t shape[4]) {
    struct wc_error err = {0};
    struct wc_json_doc *doc = NULL;
    uint64_t n_header = 0, from = 0, to = 0, side = 0;
    for (int i = 7; i >= 0; i--)
        n_header = n_header << 8 | bytes[i];
    if (wc_json_parse(name, (const char *)bytes + 8, n_header, 8, &doc, &err) != WC_OK)
        golden_die(&err, name);
    const struct wc_json *t = wc_json_get(wc_json_root(doc), name);
    const struct wc_json *at = wc_json_get(t, "data_offsets");
    const struct wc_json *dims = wc_json_get(t, "shape");
    if (!at || !dims || !wc_json_u64(at->child, &from) || !wc_json_u64(at->child->next, &to) ||
        8 + n_header + to > n_bytes)
        golden_die(&err, name);
    size_t d = 0;
    for (const struct wc_json *s = dims->child; s && d < 4; s = s->next)
        if (wc_json_u64(s, &side))
            shape[d++] = side;
    float *value = wc_alloc(1, to - from);
    memcpy(value, bytes + 8 + n_header + from, to - from);
    wc_json_free(&doc);
    return value;
}

#endif
