// Damaged and foreign files under the name of safetensors: each gives its fault and a message.
#include "weights_golden.h"

#include <stdint.h>

// The rows of bad.tsv that this layer alone decides, by how their names begin.
static bool is_mine(const char *file) {
    static const char *const starts[] = {
        "bad/st_",  "bad/git_lfs", "bad/html", "bad/json_error", "bad/text",      "bad/zeros",
        "bad/gzip", "bad/tar",     "bad/hdf5", "bad/directory",  "bad/does_not_", "bad/micro_"};
    for (size_t i = 0; i < sizeof(starts) / sizeof(*starts); i++)
        if (wc_str_starts(file, starts[i]))
            return true;
    return false;
}

// Complete and well-formed as files; only a model's architecture can tell (tests of the model
// layer).
static bool is_for_model(const char *file) {
    static const char *const files[] = {
        "bad/st_other_model.safetensors",        "bad/micro_missing.safetensors",
        "bad/micro_proj_transposed.safetensors", "bad/micro_position_count.safetensors",
        "bad/micro_vocab.safetensors",           "bad/micro_rank.safetensors",
        "bad/micro_layer_gap.safetensors",       "bad/micro_extra_layer.safetensors"};
    for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
        if (strcmp(file, files[i]) == 0)
            return true;
    return false;
}

static void test_golden_rows(void) {
    struct bad_row rows[200];
    char *text = NULL;
    size_t n = read_bad_rows(rows, 200, &text), n_mine = 0, n_model = 0;
    for (size_t i = 0; i < n; i++) {
        char path[256];
        struct wc_error err = {.code = WC_OK};
        snprintf(path, sizeof(path), GOLDEN "%s", rows[i].file);
        if (is_for_model(rows[i].file)) {
            if (!test_ok(load_all(path, &err) == WC_OK, "%s is well-formed", rows[i].file))
                test_note("%s", err.text);
            n_model++;
        } else if (is_mine(rows[i].file)) {
            test_bad(path, rows[i].faults, path);
            n_mine++;
        }
    }
    test_ok(n > 100, "bad.tsv has %zu rows", n);
    test_ok(n_mine >= 55 && n_model == 8, "%zu rows checked, %zu left to the model", n_mine,
            n_model);
    wc_free(text);
}

struct variant {
    const char *name, *header, *fault, *part;
    size_t n_data;
};

#define ENTRY(name, dtype, shape, begin, end)                                                      \
    "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":[" begin "," end   \
    "]}"

// Other cases of the same kinds.
static void test_variants(void) {
    static const unsigned char zeros[64];
    static const struct variant rows[] = {
        {"leading_space", " {" ENTRY("a", "F32", "[1]", "0", "4") "}", "bad-header", "", 4},
        {"first_hole", "{" ENTRY("a", "F32", "[1]", "4", "8") "}", "bad-offsets", "\"a\"", 8},
        {"unordered_hole",
         "{" ENTRY("b", "F32", "[1]", "8", "12") "," ENTRY("a", "F32", "[1]", "0", "4") "}",
         "bad-offsets", "\"b\"", 12},
        {"one_byte_short", "{" ENTRY("a", "F32", "[2]", "0", "8") "}", "truncated", "\"a\"", 7},
        {"one_byte_long", "{" ENTRY("a", "F32", "[2]", "0", "8") "}", "bad-offsets", "1 bytes", 9},
        {"f8", "{" ENTRY("a", "F8_E4M3", "[4]", "0", "4") "}", "unsupported-dtype", "F8_E4M3", 4},
        {"dtype_number", "{\"a\":{\"dtype\":1,\"shape\":[1],\"data_offsets\":[0,4]}}", "bad-header",
         "dtype", 4},
        {"nine_dims", "{" ENTRY("a", "U8", "[1,1,1,1,1,1,1,1,1]", "0", "1") "}", "bad-shape",
         "9 dimensions", 1},
        {"zero_times_huge", "{" ENTRY("a", "F32", "[4611686018427387904,4,0]", "0", "0") "}",
         "bad-shape", "\"a\"", 0},
        {"bytes_overflow", "{" ENTRY("a", "F64", "[4611686018427387904]", "0", "0") "}",
         "bad-shape", "\"a\"", 0},
        {"exponent", "{" ENTRY("a", "F32", "[1e0]", "0", "4") "}", "bad-shape", "\"a\"", 4},
        {"three_offsets", "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4,8]}}",
         "bad-header", "data_offsets", 4},
        {"offset_string", "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[\"0\",4]}}",
         "bad-offsets", "\"a\"", 4},
        {"two_dtypes",
         "{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F16\",\"shape\":[1],\"data_offsets\":[0,4]}}",
         "duplicate-key", "dtype", 4},
        {"metadata_list", "{\"__metadata__\":[]," ENTRY("a", "F32", "[1]", "0", "4") "}",
         "bad-header", "__metadata__", 4},
        {"lone_surrogate", "{" ENTRY("\\ud800", "F32", "[1]", "0", "4") "}", "bad-header", "", 4},
        {"null", "null", "bad-header", "", 0},
        {"integer_weight", "{" ENTRY("visual.proj", "I64", "[1]", "0", "8") "}",
         "unsupported-dtype", "visual.proj", 8},
        {"empty_object", "{}", "missing-tensor", "no tensor", 0},
        {"offset_negative", "{" ENTRY("a", "F32", "[1]", "-4", "0") "}", "bad-offsets", "\"a\"", 4},
        {"offset_past_end", "{" ENTRY("a", "F32", "[1]", "0", "400") "}", "size-mismatch", "\"a\"",
         4},
        {"offsets_reversed", "{" ENTRY("a", "F32", "[1]", "4", "0") "}", "bad-offsets", "\"a\"", 4},
        {"offset_65_bits", "{" ENTRY("a", "F32", "[1]", "0", "18446744073709551616") "}",
         "bad-offsets", "\"a\"", 4},
        {"offset_fraction", "{" ENTRY("a", "F32", "[1]", "0", "4.0") "}", "bad-offsets", "\"a\"",
         4},
        {"overlap",
         "{" ENTRY("a", "F32", "[2]", "0", "8") "," ENTRY("b", "F32", "[1]", "4", "8") "}",
         "bad-offsets", "", 8},
        {"twice", "{" ENTRY("a", "F32", "[1]", "0", "4") "," ENTRY("a", "F32", "[1]", "4", "8") "}",
         "duplicate-key", "a", 8},
        {"shape_negative", "{" ENTRY("a", "F32", "[-1]", "0", "4") "}", "bad-shape", "\"a\"", 4},
        {"shape_fraction", "{" ENTRY("a", "F32", "[1.5]", "0", "4") "}", "bad-shape", "\"a\"", 4},
        {"shape_text", "{" ENTRY("a", "F32", "\"1\"", "0", "4") "}", "bad-shape", "a", 4},
        {"shape_nested", "{" ENTRY("a", "F32", "[[1]]", "0", "4") "}", "bad-shape", "\"a\"", 4},
        {"shape_too_small", "{" ENTRY("a", "F32", "[1]", "0", "8") "}", "size-mismatch", "\"a\"",
         8},
        {"dtype_lower_case", "{" ENTRY("a", "f32", "[1]", "0", "4") "}", "unsupported-dtype", "f32",
         4},
        {"dtype_empty", "{" ENTRY("a", "", "[1]", "0", "4") "}", "unsupported-dtype", "\"a\"", 4},
        {"no_dtype", "{\"a\":{\"shape\":[1],\"data_offsets\":[0,4]}}", "bad-header", "a", 4},
        {"no_shape", "{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", "bad-header", "a", 4},
        {"no_offsets", "{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", "bad-header", "a", 4},
        {"entry_list", "{\"a\":[]}", "bad-header", "a", 0},
        {"entry_null", "{\"a\":null}", "bad-header", "a", 0},
        {"metadata_number", "{\"__metadata__\":{\"x\":1}," ENTRY("a", "F32", "[1]", "0", "4") "}",
         "bad-header", "", 4},
        {"text_behind", "{" ENTRY("a", "F32", "[1]", "0", "4") "}x", "bad-header", "", 4},
        {"cut_text", "{" ENTRY("a", "F32", "[1]", "0", "4"), "bad-header", "", 4},
        {"single_quotes", "{'a':{}}", "bad-header", "", 0},
        {"comment", "{/**/" ENTRY("a", "F32", "[1]", "0", "4") "}", "bad-header", "", 4},
        {"name_not_utf8", "{" ENTRY("\xff\xfe", "F32", "[1]", "0", "4") "}", "bad-header", "", 4},
        {"name_control", "{" ENTRY("a\x01", "F32", "[1]", "0", "4") "}", "bad-header", "", 4},
        {"list", "[]", "bad-header", "", 0},
        {"number", "1", "bad-header", "", 0},
        {"nested_deep",
         "{\"a\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}",
         "bad-header", "", 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        char name[64];
        snprintf(name, sizeof(name), "t321-%s.safetensors", rows[i].name);
        test_bad(scratch_safetensors(name, rows[i].header, zeros, rows[i].n_data), rows[i].fault,
                 rows[i].part);
    }
    test_note("count: %zu malformed safetensors headers", sizeof(rows) / sizeof(*rows));
}

// Lengths of the header that are not: the eight bytes before it.
static void test_lengths(void) {
    static const struct {
        const char *name, *fault;
        uint64_t n_header;
        size_t n_file;
    } rows[] = {
        {"len-none", "bad-header", 0, 8},
        {"len-empty", "bad-header", 0, 64},
        {"len-one", "bad-header", 1, 64},
        {"len-of-file", "bad-header", 56, 64},
        {"len-past-file", "bad-header", 57, 64},
        {"len-cap", "bad-header", (uint64_t)100000001, 64},
        {"len-2-32", "bad-header", (uint64_t)1 << 32, 64},
        {"len-2-63", "bad-header", (uint64_t)1 << 63, 64},
        {"len-all-ones", "bad-header", UINT64_MAX, 64},
        {"len-cut", "truncated", 2, 7},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        unsigned char bytes[64];
        char name[64];
        memset(bytes, ' ', sizeof(bytes));
        for (int k = 0; k < 8; k++)
            bytes[k] = (unsigned char)(rows[i].n_header >> 8 * k);
        snprintf(name, sizeof(name), "t321-%s.safetensors", rows[i].name);
        test_bad(scratch_file(name, bytes, rows[i].n_file), rows[i].fault, name);
    }
    test_note("count: %zu malformed safetensors lengths", sizeof(rows) / sizeof(*rows));
}

// What is unusual and yet right.
static void test_good_variants(void) {
    static const unsigned char zeros[64];
    static const struct variant rows[] = {
        {"padded", "{" ENTRY("a", "F32", "[1]", "0", "4") "}   \n  ", NULL, NULL, 4},
        {"unordered",
         "{" ENTRY("b", "F32", "[1]", "4", "8") "," ENTRY("a", "F32", "[1]", "0", "4") "}", NULL,
         NULL, 8},
        {"empty_tensors",
         "{" ENTRY("b", "F32", "[0,7]", "4", "4") "," ENTRY("a", "F32", "[1]", "0", "4") "}", NULL,
         NULL, 4},
        {"counter", "{" ENTRY("visual.bn1.num_batches_tracked", "I64", "[]", "0", "8") "}", NULL,
         NULL, 8},
        {"features", "{" ENTRY("labels", "I64", "[1]", "0", "8") "}", NULL, NULL, 8},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        char name[64];
        struct wc_error err = {.code = WC_OK};
        snprintf(name, sizeof(name), "t321-%s.safetensors", rows[i].name);
        const char *path = scratch_safetensors(name, rows[i].header, zeros, rows[i].n_data);
        if (!test_ok(load_all(path, &err) == WC_OK, "%s is accepted", rows[i].name))
            test_note("%s", err.text);
    }
}

// A header of commas alone must not grow into a tree of many times its size.
static void test_dense_header(void) {
    struct wc_buf b = {0};
    wc_buf_puts(&b, "{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,4],\"shape\":[1");
    for (int i = 0; i < 200000; i++)
        wc_buf_puts(&b, ",1");
    wc_buf_puts(&b, "]}}");
    test_bad(scratch_safetensors("t321-dense.safetensors", wc_buf_str(&b), "abcd", 4),
             "bad-header|bad-shape", "t321-dense");
    wc_buf_release(&b);
}

// Every prefix of a good file, and the file with each byte changed, opens or is refused: no crash.
static void test_cuts_and_flips(void) {
    struct wc_error err = {.code = WC_OK};
    unsigned char *bytes = NULL;
    size_t n = 0, n_refused = 0, n_bad_code = 0;
    if (wc_io_read_file(GOLDEN "micro_f16.safetensors", 1 << 20, &bytes, &n, &err) != WC_OK)
        test_note("%s", err.text);
    const char *path;
    for (size_t k = 0; k < n; k += k < 64 ? 1 : 97) {
        path = scratch_file("t321-cut.safetensors", bytes, k);
        enum wc_err rc = load_all(path, &err);
        n_refused++;
        n_bad_code += rc != WC_ERR_DATA || !err.fault;
    }
    test_ok(n_refused > 100 && n_bad_code == 0, "each of %zu cuts is refused as bad data",
            n_refused);
    n_bad_code = 0;
    for (size_t k = 0; k < 3500 && k < n; k += 5) {
        bytes[k] ^= (unsigned char)(1 + k % 255);
        path = scratch_file("t321-flip.safetensors", bytes, n);
        enum wc_err rc = load_all(path, &err);
        n_bad_code += rc != WC_OK && (rc != WC_ERR_DATA || !err.fault);
        bytes[k] ^= (unsigned char)(1 + k % 255);
    }
    test_ok(n_bad_code == 0, "changed bytes are refused as bad data or make no difference");
    wc_free(bytes);
}

int main(void) {
    test_golden_rows();
    test_variants();
    test_lengths();
    test_good_variants();
    test_dense_header();
    test_cuts_and_flips();
    return test_done();
}
