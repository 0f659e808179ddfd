/*
 * For the tests of weight files: the table of bad files, small files made on the spot, and
 * "loading" as a model does it (every floating tensor widened to float32).
 */
#ifndef WC_TESTS_WEIGHTS_GOLDEN_H
#define WC_TESTS_WEIGHTS_GOLDEN_H

#include "test.h"

#include "base/alloc.h"
#include "base/fault.h"
#include "base/io.h"
#include "base/str.h"
#include "weights/weights.h"

#define GOLDEN "tests/golden/weights/"

// Is `fault` one of the words of `wanted` ("a|b|c")?
__attribute__((unused)) static bool fault_among(const char *fault, const char *wanted) {
    size_t n = fault ? strlen(fault) : 0;
    for (const char *p = wanted; n > 0 && p; p = strchr(p, '|'), p += p != NULL)
        if (strncmp(p, fault, n) == 0 && (p[n] == '|' || p[n] == 0))
            return true;
    return false;
}

// Opens and reads all floating tensors.
__attribute__((unused)) static enum wc_err load_all(const char *path, struct wc_error *err) {
    struct wc_weights *w = NULL;
    WC_TRY(wc_weights_open(path, &w, err));
    enum wc_err rc = WC_OK;
    for (size_t i = 0; i < wc_weights_n_tensors(w) && rc == WC_OK; i++) {
        const struct wc_tensor_info *t = wc_weights_at(w, i);
        float *values = NULL;
        if (t->dtype > WC_F64)
            continue;
        rc = WC_NEW(&values, t->n_elements, "test: a tensor", err);
        if (rc == WC_OK)
            rc = wc_tensor_to_f32(path, t, values, err);
        wc_free(values);
    }
    wc_weights_free(&w);
    return rc;
}

// The path of a scratch file; valid until the next call.
__attribute__((unused)) static const char *scratch(const char *name) {
    static char path[512];
    const char *dir = getenv("WC_TEST_TMP");
    struct wc_error err = {.code = WC_OK};
    if (!dir)
        dir = "build/tmp";
    if (wc_io_mkdirs(dir, &err) != WC_OK)
        test_note("%s", err.text);
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    return path;
}

// A scratch file with these bytes; valid until the next call.
__attribute__((unused)) static const char *scratch_file(const char *name, const void *bytes,
                                                        size_t n) {
    struct wc_error err = {.code = WC_OK};
    const char *path = scratch(name);
    if (wc_io_write_atomic(path, bytes, n, &err) != WC_OK)
        test_note("%s", err.text);
    return path;
}

// A safetensors file of a header text and data.
__attribute__((unused)) static const char *scratch_safetensors(const char *name, const char *header,
                                                               const void *data, size_t n) {
    struct wc_buf b = {0};
    size_t n_header = strlen(header);
    for (int i = 0; i < 8; i++)
        wc_buf_putc(&b, (char)((n_header >> (8 * i)) & 255));
    wc_buf_puts(&b, header);
    wc_buf_add(&b, data, n);
    const char *path = scratch_file(name, b.data, b.n);
    wc_buf_release(&b);
    return path;
}

// Loading `path` must fail as bad data with one of the `wanted` faults and a text that has `part`.
__attribute__((unused)) static void test_bad(const char *path, const char *wanted,
                                             const char *part) {
    struct wc_error err = {.code = WC_OK};
    enum wc_err rc = load_all(path, &err);
    bool good = rc == WC_ERR_DATA && fault_among(err.fault, wanted) && strstr(err.text, part);
    if (!test_ok(good, "%s: %s", wc_path_base(path), wanted))
        test_note("got %d, fault %s, text %s; wanted \"%s\" in it", (int)rc,
                  err.fault ? err.fault : "-", err.text, part);
}

// One row of bad.tsv: file and faults.
struct bad_row {
    char *file, *faults;
};

// The rows of bad.tsv into rows[max]; *text owns them (wc_free).
__attribute__((unused)) static size_t read_bad_rows(struct bad_row *rows, size_t max, char **text) {
    struct wc_error err = {.code = WC_OK};
    unsigned char *bytes = NULL;
    size_t n_bytes, n = 0;
    if (wc_io_read_file(GOLDEN "bad.tsv", 1 << 20, &bytes, &n_bytes, &err) != WC_OK) {
        test_note("%s", err.text);
        return 0;
    }
    *text = (char *)bytes;
    char *line = strchr(*text, '\n'); // after the heading
    while (line && line[1] && n < max) {
        rows[n].file = line + 1;
        line = strchr(rows[n].file, '\n');
        if (line)
            *line = 0;
        char *tab = strchr(rows[n].file, '\t');
        if (!tab)
            continue;
        *tab = 0;
        rows[n].faults = tab + 1;
        tab = strchr(rows[n].faults, '\t');
        if (tab)
            *tab = 0;
        n++;
    }
    return n;
}

#endif
