/*
 * Reads tests/golden/metrics: a tiny safetensors reader, the table of expected values, and the
 * cases as groups of maps. For the tests of eval.
 */
#ifndef WC_TESTS_GOLDEN_METRICS_H
#define WC_TESTS_GOLDEN_METRICS_H

#include "base/alloc.h"
#include "base/io.h"
#include "base/json.h"
#include "eval/metrics.h"
#include "test.h"

#define GOLDEN "tests/golden/metrics/"

struct st_file {
    unsigned char *bytes;
    size_t n_header;
    struct wc_json_doc *doc;
};

struct st_array {
    const void *data;
    size_t dim[4], n_dims;
};

__attribute__((unused)) static struct st_file st_open(const char *name) {
    struct st_file f = {0};
    struct wc_error err = {0};
    char path[256];
    size_t n_bytes;
    uint64_t n_header = 0;
    snprintf(path, sizeof path, GOLDEN "%s.safetensors", name);
    if (wc_io_read_file(path, (size_t)1 << 28, &f.bytes, &n_bytes, &err) != WC_OK || n_bytes < 8) {
        printf("Bail out! %s: %s\n", path, err.text);
        exit(1);
    }
    memcpy(&n_header, f.bytes, 8);
    f.n_header = (size_t)n_header;
    if (wc_json_parse(path, (const char *)f.bytes + 8, f.n_header, 8, &f.doc, &err) != WC_OK) {
        printf("Bail out! %s\n", err.text);
        exit(1);
    }
    return f;
}

__attribute__((unused)) static void st_close(struct st_file *f) {
    wc_json_free(&f->doc);
    wc_free(f->bytes);
}

// False when there is no such array. Data offsets of the golden files are multiples of 4, and so is
// the header's length (files are padded), so that float arrays can be used in place.
__attribute__((unused)) static bool st_find(const struct st_file *f, const char *name,
                                            struct st_array *out) {
    const struct wc_json *v = wc_json_get(wc_json_root(f->doc), name);
    uint64_t offset = 0, dim = 0;
    if (!v)
        return false;
    wc_json_u64(wc_json_get(v, "data_offsets")->child, &offset);
    out->n_dims = 0;
    for (const struct wc_json *d = wc_json_get(v, "shape")->child; d && out->n_dims < 4;
         d = d->next) {
        wc_json_u64(d, &dim);
        out->dim[out->n_dims++] = (size_t)dim;
    }
    out->data = f->bytes + 8 + f->n_header + (size_t)offset;
    return true;
}

struct expected {
    char level[8], name[48], metric[32], text[40];
};

struct expected_table {
    struct expected *row;
    size_t n, cap;
};

__attribute__((unused)) static struct expected_table expected_open(void) {
    struct expected_table t = {0};
    FILE *file = fopen(GOLDEN "expected.tsv", "r");
    struct expected row;
    char line[256];
    while (file && fgets(line, sizeof line, file)) {
        if (sscanf(line, "%7[^\t]\t%47[^\t]\t%31[^\t]\t%39[^\n]", row.level, row.name, row.metric,
                   row.text) != 4 ||
            strcmp(row.level, "level") == 0)
            continue;
        if (WC_GROW(&t.row, &t.cap, t.n + 1, "rows", NULL) == WC_OK)
            t.row[t.n++] = row;
    }
    if (file)
        fclose(file);
    if (t.n < 100) {
        printf("Bail out! " GOLDEN "expected.tsv: %zu rows\n", t.n);
        exit(1);
    }
    return t;
}

#define MAX_GROUPS 8
// The groups of a pixel case; an error when a pair of arrays does not match.
__attribute__((unused)) static enum wc_err golden_groups(const struct st_file *f, const char *name,
                                                         struct wc_map_group *group,
                                                         size_t *n_groups, struct wc_error *err) {
    struct st_array map, mask;
    char map_name[32], mask_name[32];
    for (*n_groups = 0; *n_groups < MAX_GROUPS; ++*n_groups) {
        snprintf(map_name, sizeof map_name, "maps.%zu", *n_groups);
        snprintf(mask_name, sizeof mask_name, "masks.%zu", *n_groups);
        if (!st_find(f, map_name, &map) || !st_find(f, mask_name, &mask))
            break;
        struct wc_map_group *g = &group[*n_groups];
        g->maps = map.data;
        g->masks = mask.data;
        WC_TRY(wc_map_group_shape(name, map.dim, map.n_dims, mask.dim, mask.n_dims, g, err));
    }
    return WC_OK;
}

#endif
