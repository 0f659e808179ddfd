// The safetensors writer: what it writes reads back, and nothing appears before commit.
#include "weights_golden.h"

#include "base/json.h"

#include <stdint.h>

static const size_t dims_a[] = {2, 3}, dims_empty[] = {0, 5}, dims_big[] = {300, 7};
static const float data_a[6] = {1, -2, 3.5f, 0, -0.0f, 1e-30f};
static const uint16_t data_half = 0x3C00; // 1.0

static enum wc_err write_all(const char *path, struct wc_error *err) {
    struct wc_st_writer *w = NULL;
    static int32_t big[2100];
    for (int i = 0; i < 2100; i++)
        big[i] = i * 7919;
    WC_TRY(wc_st_writer_new(path, &w, err));
    enum wc_err rc = wc_st_writer_meta(w, "format", "pt", err);
    if (rc == WC_OK)
        rc = wc_st_writer_meta(w, "quote\"", "tab\t, \xc3\xa9, \"", err);
    if (rc == WC_OK)
        rc = wc_st_writer_declare(w, "z.first", WC_F32, 2, dims_a, err);
    if (rc == WC_OK)
        rc = wc_st_writer_declare(w, "empty", WC_F32, 2, dims_empty, err);
    if (rc == WC_OK)
        rc = wc_st_writer_declare(w, "scalar \"one\"", WC_F16, 0, NULL, err);
    if (rc == WC_OK)
        rc = wc_st_writer_declare(w, "big", WC_I32, 2, dims_big, err);
    if (rc == WC_OK)
        rc = wc_st_writer_data(w, data_a, sizeof(data_a), err);
    if (rc == WC_OK)
        rc = wc_st_writer_data(w, NULL, 0, err);
    if (rc == WC_OK)
        rc = wc_st_writer_data(w, &data_half, sizeof(data_half), err);
    for (size_t i = 0; i < 3 && rc == WC_OK; i++) // in pieces
        rc = wc_st_writer_data(w, big + 700 * i, 700 * sizeof(*big), err);
    bool early = wc_io_exists(path);
    if (rc == WC_OK)
        rc = wc_st_writer_commit(w, err);
    wc_st_writer_free(&w);
    if (early)
        rc = WC_FAIL(err, WC_ERR_BUG, "%s appeared before commit", path);
    return rc;
}

static void test_round_trip(void) {
    struct wc_error err = {.code = WC_OK};
    struct wc_weights *w = NULL;
    const char *path = scratch("t322-out.safetensors");
    remove(path);
    if (!test_ok(write_all(path, &err) == WC_OK, "writing"))
        test_note("%s", err.text);
    if (!test_ok(wc_weights_open(path, &w, &err) == WC_OK, "reading back"))
        test_note("%s", err.text);
    if (!w)
        return;
    const struct wc_tensor_info *a = wc_weights_find(w, "z.first"),
                                *e = wc_weights_find(w, "empty"),
                                *s = wc_weights_find(w, "scalar \"one\""),
                                *b = wc_weights_find(w, "big");
    test_ok(wc_weights_n_tensors(w) == 4 && a && e && s && b, "all four tensors are there");
    if (a && e && s && b) {
        test_ok(a->dtype == WC_F32 && a->n_dims == 2 && a->dim[0] == 2 && a->dim[1] == 3 &&
                    memcmp(a->data, data_a, sizeof(data_a)) == 0,
                "matrix");
        test_ok(e->n_elements == 0 && e->dim[1] == 5, "empty tensor");
        test_ok(s->n_dims == 0 && s->n_elements == 1 && memcmp(s->data, &data_half, 2) == 0,
                "scalar");
        size_t n_wrong = 0;
        for (int32_t i = 0; i < 2100; i++) {
            int32_t v;
            memcpy(&v, b->data + 4 * i, 4);
            n_wrong += v != i * 7919;
        }
        test_ok(n_wrong == 0, "integers in three pieces");
    }
    test_str(wc_weights_meta(w, "quote\""), "tab\t, \xc3\xa9, \"", "metadata with escapes");
    test_str(wc_weights_meta(w, "format"), "pt", "metadata");
    test_ok(wc_weights_meta(w, "none") == NULL, "absent metadata");
    wc_weights_free(&w);
    unsigned char *bytes = NULL;
    size_t n = 0;
    if (wc_io_read_file(path, 1 << 20, &bytes, &n, &err) == WC_OK)
        test_ok(n > 8 && (bytes[0] | bytes[1] << 8) % 8 == 0, "data begin at a multiple of 8");
    wc_free(bytes);
}

static void test_misuse(void) {
    struct wc_error err = {.code = WC_OK};
    struct wc_st_writer *w = NULL;
    const char *path = scratch("t322-misuse.safetensors");
    const size_t huge[] = {SIZE_MAX / 2, 3}, nine[9] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
    float values[7] = {0};
    remove(path);
    test_ok(wc_st_writer_new(path, &w, &err) == WC_OK, "new");
    test_ok(wc_st_writer_declare(w, "a", WC_F32, 2, huge, &err) == WC_ERR_BUG, "too large");
    test_ok(wc_st_writer_declare(w, "a", WC_F32, 9, nine, &err) == WC_ERR_BUG, "too many dims");
    test_ok(wc_st_writer_declare(w, "__metadata__", WC_F32, 0, NULL, &err) == WC_ERR_BUG,
            "reserved name");
    test_ok(wc_st_writer_declare(w, "\xff", WC_F32, 0, NULL, &err) == WC_ERR_BUG, "not UTF-8");
    test_ok(wc_st_writer_declare(w, "a", WC_F32, 2, dims_a, &err) == WC_OK, "declare");
    test_ok(wc_st_writer_data(w, values, sizeof(values), &err) == WC_ERR_BUG, "too much data");
    test_ok(wc_st_writer_declare(w, "b", WC_F32, 2, dims_a, &err) == WC_ERR_BUG,
            "declared too late");
    test_ok(wc_st_writer_meta(w, "a", "b", &err) == WC_ERR_BUG, "metadata too late");
    test_ok(wc_st_writer_data(w, values, 8, &err) == WC_OK, "some data");
    test_ok(wc_st_writer_commit(w, &err) == WC_ERR_BUG && strstr(err.text, "\"a\"") &&
                strstr(err.text, "8 bytes given, 24 declared"),
            "commit of an incomplete file is refused");
    wc_st_writer_free(&w);
    wc_st_writer_free(&w);
    test_ok(!wc_io_exists(path), "a file that was given up does not appear");

    test_ok(wc_st_writer_new(path, &w, &err) == WC_OK &&
                wc_st_writer_declare(w, "a", WC_F32, 0, NULL, &err) == WC_OK &&
                wc_st_writer_declare(w, "a", WC_F32, 0, NULL, &err) == WC_OK &&
                wc_st_writer_data(w, values, 4, &err) == WC_ERR_BUG,
            "one name twice");
    wc_st_writer_free(&w);
    test_ok(wc_st_writer_new("no/such/folder/x", &w, &err) != WC_OK && !w, "no such folder");
}

static void test_failures(void) {
    static const enum wc_fault_kind kinds[] = {WC_FAULT_ALLOC, WC_FAULT_WRITE, WC_FAULT_FSYNC,
                                               WC_FAULT_CLOSE, WC_FAULT_RENAME};
    const char *path = scratch("t322-fail.safetensors");
    for (size_t k = 0; k < sizeof(kinds) / sizeof(*kinds); k++) {
        size_t n_failed = 0;
        bool clean = true, reached_end = false;
        for (unsigned long i = 1; i < 500 && !reached_end; i++) {
            struct wc_error err = {.code = WC_OK};
            remove(path);
            wc_fault_arm(kinds[k], i, false);
            enum wc_err rc = write_all(path, &err);
            reached_end = wc_fault_count(kinds[k]) < i;
            wc_fault_reset();
            n_failed += rc != WC_OK;
            // What fails after the renaming leaves the complete file; half a file is never there.
            clean &= wc_io_exists(path) ? load_all(path, &err) == WC_OK : rc != WC_OK;
            clean &= kinds[k] == WC_FAULT_WRITE ? wc_io_exists(path) == (rc == WC_OK) : true;
        }
        test_ok(clean && reached_end && n_failed > 0, "failures of kind %d: %zu, all clean",
                (int)kinds[k], n_failed);
    }
}

int main(void) {
    test_round_trip();
    test_misuse();
    test_failures();
    return test_done();
}
