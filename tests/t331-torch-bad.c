// Damaged and malicious PyTorch files: each gives its fault, nothing is executed.
#include "weights_golden.h"

#include <stdint.h>

static bool is_mine(const char *file) {
    static const char *const starts[] = {"bad/zip_",   "bad/pkl_", "bad/legacy_",
                                         "bad/shard_", "bad/git_", "bad/html"};
    for (size_t i = 0; i < sizeof(starts) / sizeof(*starts); i++)
        if (wc_str_starts(file, starts[i]))
            return true;
    return false;
}

static void test_golden_rows(void) {
    struct bad_row rows[200];
    char *text = NULL;
    size_t n = read_bad_rows(rows, 200, &text), n_mine = 0;
    for (size_t i = 0; i < n; i++) {
        char path[256];
        if (!is_mine(rows[i].file))
            continue;
        snprintf(path, sizeof(path), GOLDEN "%s", rows[i].file);
        test_bad(path, rows[i].faults, path);
        n_mine++;
    }
    test_ok(n_mine >= 60, "%zu rows checked", n_mine);
    test_ok(!wc_io_exists("winclip_pickle_was_executed"), "nothing was executed");
    wc_free(text);
}

static void test_names_in_messages(void) {
    test_bad(GOLDEN "bad/pkl_unknown_global.pt", "forbidden-global", "mymodule.MyClass");
    test_bad(GOLDEN "bad/pkl_os_system.pt", "forbidden-global", "os.system");
    test_bad(GOLDEN "bad/pkl_stack_global.pt", "forbidden-global", "subprocess.Popen");
    test_bad(GOLDEN "bad/pkl_storage_too_small.pt", "size-mismatch", "\"visual.proj\"");
    test_bad(GOLDEN "bad/pkl_complex_storage.pt", "unsupported-dtype", "ComplexFloatStorage");
    test_bad(GOLDEN "bad/zip_compressed_entry.pt", "compressed", "archive/data.pkl");
}

// Other pickles, after the header of an old-format file (which needs no checksums).
static const char preamble[] = "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."
                               "\x80\x02M\xe9\x03."
                               "\x80\x02}.";

#define STORAGE(key, count)                                                                        \
    "(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\0" key "X\x03\0\0\0cpuK" count "Nt"        \
    "Q"
#define TENSOR(storage, offset, shape, strides)                                                    \
    "ctorch._utils\n_rebuild_tensor_v2\n(" storage "K" offset "(" shape "t(" strides "t\x89"       \
    "ccollections\nOrderedDict\n)RtR"
#define REBUILT(parts)                                                                             \
    "ctorch._utils\n_rebuild_tensor_v2\n(" parts "\x89"                                            \
    "ccollections\nOrderedDict\n)RtR"
#define NAME_A                                                                                     \
    "X\x01\0\0\0"                                                                                  \
    "a"
#define KEYS                                                                                       \
    "\x80\x02](X\x01\0\0\0"                                                                        \
    "0e."
#define DATA2 "\x02\0\0\0\0\0\0\0\0\0\x80\x3f\0\0\0\x40" // 1.0, 2.0

struct pickle_case {
    const char *name, *fault, *part; // fault NULL: must load
    const char *bytes;
    size_t n;
};

#define CASE(name, fault, part, bytes)                                                             \
    { name, fault, part, bytes, sizeof(bytes) - 1 }

static const struct pickle_case cases[] = {
    CASE("good", NULL, "",
         "\x80\x02}(" NAME_A TENSOR(STORAGE("0", "\x02"), "\0", "K\x02", "K\x01") "u." KEYS DATA2),
    CASE("setitem_build", NULL, "",
         "\x80\x02}" NAME_A TENSOR(STORAGE("0", "\x02"), "\0", "K\x02", "K\x01") "s}b." KEYS DATA2),
    CASE(
        "reversed_view", NULL, "",
        "\x80\x02}(" NAME_A TENSOR(STORAGE("0", "\x02"), "\x01", "K\x01", "K\x07") "u." KEYS DATA2),
    CASE("wrapped_twice", NULL, "",
         "\x80\x02}X\x05\0\0\0model}X\x0a\0\0\0state_dict}(" NAME_A TENSOR(
             STORAGE("0", "\x02"), "\0", "K\x02", "K\x01") "uss." KEYS DATA2),
    CASE("not_listed", "missing-storage", "\"a\"",
         "\x80\x02}(" NAME_A TENSOR(STORAGE("0", "\x02"), "\0", "K\x02", "K\x01") "u.\x80\x02]."),
    CASE("unused_key", "bad-pickle", "used by no tensor", "\x80\x02}." KEYS DATA2),
    CASE("listed_twice", "duplicate-key", "listed twice",
         "\x80\x02}(" NAME_A TENSOR(STORAGE("0", "\x02"), "\0", "K\x02",
                                    "K\x01") "u.\x80\x02](X\x01\0\0\0"
                                             "0X\x01\0\0\0"
                                             "0e." DATA2),
    CASE("two_sizes", "size-mismatch", "",
         "\x80\x02}(" NAME_A TENSOR(STORAGE("0", "\x02"), "\0", "K\x02",
                                    "K\x01") "X\x01\0\0\0"
                                             "b" TENSOR(STORAGE("0", "\x03"), "\0", "K\x03",
                                                        "K\x01") "u." KEYS DATA2),
    CASE("same_name_twice", "duplicate-key", "\"a\"",
         "\x80\x02}(" NAME_A TENSOR(STORAGE("0", "\x02"), "\0", "K\x02", "K\x01")
             NAME_A TENSOR(STORAGE("0", "\x02"), "\0", "K\x02", "K\x01") "u." KEYS DATA2),
    CASE("unfolds", "size-mismatch", "unfold",
         "\x80\x02}(" NAME_A TENSOR(STORAGE("0", "\x02"), "\0", "M\xff\xffM\xff\xff",
                                    "K\0K\0") "u." KEYS DATA2),
    CASE("mark_is_no_value", "bad-pickle", "REDUCE", "\x80\x02(R."),
    CASE("left_over", "bad-pickle", "STOP", "\x80\x02}}."),
    CASE("append_to_dict", "bad-pickle", "APPEND",
         "\x80\x02}K\x01"
         "a."),
    CASE("append_to_tuple", "bad-pickle", "APPEND",
         "\x80\x02)K\x01"
         "a."),
    CASE("odd_items", "bad-pickle", "key without", "\x80\x02}(K\x01u."),
    CASE("build_on_int", "bad-pickle", "BUILD", "\x80\x02K\x01}b."),
    CASE("class_outside_script", "forbidden-global", "__torch__.Box",
         "\x80\x02"
         "c__torch__\nBox\n)\x81."),
    CASE("numpy", "forbidden-global", "numpy.core.multiarray.scalar",
         "\x80\x02"
         "cnumpy.core.multiarray\nscalar\n."),
    CASE("getattr", "forbidden-global", "builtins.getattr",
         "\x80\x02"
         "cbuiltins\ngetattr\n."),
    CASE("torch_load", "forbidden-global", "torch.load",
         "\x80\x02"
         "ctorch\nload\n."),
    CASE("name_with_escape", "forbidden-global", "os?[31m.system",
         "\x80\x02"
         "cos\x1b[31m\nsystem\n."),
    CASE("persistent_id_int", "bad-pickle", "BINPERSID", "\x80\x02K\x01Q."),
    CASE("ext", "bad-pickle", "0x82", "\x80\x02\x82\x01."),
    CASE("text_persid", "bad-pickle", "0x50", "\x80\x02P0\n."),
    CASE("tensor_from_int", "bad-pickle", "REDUCE",
         "\x80\x02"
         "ctorch._utils\n_rebuild_tensor_v2\n(K\x01K\x01K\x01K\x01tR."),
    CASE("parameter_of_nothing", "bad-pickle", "REDUCE",
         "\x80\x02"
         "ctorch._utils\n_rebuild_parameter\n)R."),
    CASE("shape_number", "bad-pickle", "tuple",
         "\x80\x02}(" NAME_A REBUILT(STORAGE("0", "\x02") "K\0K\x02(K\x01t") "u." KEYS DATA2),
    CASE("nine_dimensions", "bad-shape", "8 that are supported",
         "\x80\x02}(" NAME_A TENSOR(STORAGE("0", "\x02"), "\0", "K\1K\1K\1K\1K\1K\1K\1K\1K\1",
                                    "K\1K\1K\1K\1K\1K\1K\1K\1K\1") "u." KEYS DATA2),
    CASE("offset_text", "bad-pickle", "offset",
         "\x80\x02}(" NAME_A REBUILT(STORAGE("0", "\x02") NAME_A "(K\x02t(K\x01t") "u." KEYS DATA2),
    CASE("two_parts", "bad-pickle", "storage, offset, shape",
         "\x80\x02}(" NAME_A
         "ctorch._utils\n_rebuild_tensor_v2\n(" STORAGE("0", "\x02") "K\0tRu." KEYS DATA2),
    CASE("more_strides", "bad-pickle|bad-shape", "",
         "\x80\x02}(" NAME_A TENSOR(STORAGE("0", "\x02"), "\0", "K\x02",
                                    "K\x01K\x01") "u." KEYS DATA2),
    CASE("shape_2_62_by_4", "bad-shape", "64 bits",
         "\x80\x02}(" NAME_A TENSOR(STORAGE("0", "\x02"), "\0", "\x8a\x08\0\0\0\0\0\0\0\x40K\x04",
                                    "K\0K\0") "u." KEYS DATA2),
    CASE("stride_2_62", "bad-shape|size-mismatch", "",
         "\x80\x02}(" NAME_A TENSOR(STORAGE("0", "\x02"), "\0", "K\x08",
                                    "\x8a\x08\0\0\0\0\0\0\0\x40") "u." KEYS DATA2),
    CASE("stride_negative", "bad-shape|bad-pickle|size-mismatch", "",
         "\x80\x02}(" NAME_A TENSOR(STORAGE("0", "\x02"), "\0", "K\x02",
                                    "J\xff\xff\xff\xff") "u." KEYS DATA2),
    CASE("shape_negative", "bad-shape|bad-pickle", "",
         "\x80\x02}(" NAME_A TENSOR(STORAGE("0", "\x02"), "\0", "J\xff\xff\xff\xff",
                                    "K\x01") "u." KEYS DATA2),
    CASE(
        "offset_past_storage", "size-mismatch", "\"a\"",
        "\x80\x02}(" NAME_A TENSOR(STORAGE("0", "\x02"), "\x01", "K\x02", "K\x01") "u." KEYS DATA2),
    CASE("list_in_itself", "bad-pickle", "list",
         "\x80\x02]q\0h\0"
         "a.\x80\x02]."),
};

static void test_cases(void) {
    size_t n_bad = 0;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char name[64];
        struct wc_buf b = {0};
        struct wc_error err = {.code = WC_OK};
        wc_buf_add(&b, preamble, sizeof(preamble) - 1);
        wc_buf_add(&b, cases[i].bytes, cases[i].n);
        snprintf(name, sizeof(name), "t331-%s.pt", cases[i].name);
        const char *path = scratch_file(name, b.data, b.n);
        n_bad += cases[i].fault != NULL;
        if (cases[i].fault)
            test_bad(path, cases[i].fault, cases[i].part);
        else if (!test_ok(load_all(path, &err) == WC_OK, "%s loads", cases[i].name))
            test_note("%s", err.text);
        wc_buf_release(&b);
    }
    test_note("count: %zu malformed pickles", n_bad);
}

// Short opcodes repeated a million times: refused at once, in memory that the file's size bounds.
static void test_bombs(void) {
    static const char *const units[] = {"]", "}",    "(",           "N",     "2",
                                        ")", "\x85", "]q\x01h\x01", "K\x01", "(t"};
    for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
        char name[64];
        struct wc_buf b = {0};
        wc_buf_add(&b, preamble, sizeof(preamble) - 1);
        wc_buf_puts(&b, "\x80\x02N");
        for (int k = 0; k < 300000; k++)
            wc_buf_puts(&b, units[i]);
        wc_buf_putc(&b, '.');
        snprintf(name, sizeof(name), "t331-bomb%zu.pt", i);
        test_bad(scratch_file(name, b.data, b.n), "bad-pickle", "");
        wc_buf_release(&b);
    }
    test_note("count: %zu pickle bombs", sizeof(units) / sizeof(*units));
}

// Single changed bytes and cuts.
static void damage(const char *file, size_t n_max, size_t step) {
    struct wc_error err = {.code = WC_OK};
    unsigned char *bytes = NULL;
    size_t n = 0, n_odd = 0, n_tries = 0;
    char path[256], name[64];
    snprintf(path, sizeof(path), GOLDEN "%s", file);
    if (wc_io_read_file(path, 4 << 20, &bytes, &n, &err) != WC_OK) {
        test_ok(false, "%s", err.text);
        return;
    }
    snprintf(name, sizeof(name), "t331-damage.pt");
    for (size_t k = 0; k < n && k < n_max; k += step, n_tries += 2) {
        bytes[k] ^= (unsigned char)(1 + k % 255);
        enum wc_err rc = load_all(scratch_file(name, bytes, n), &err);
        n_odd += rc != WC_OK && (rc != WC_ERR_DATA || !err.fault);
        bytes[k] ^= (unsigned char)(1 + k % 255);
        rc = load_all(scratch_file(name, bytes, k), &err); // cut here
        n_odd += rc != WC_ERR_DATA || !err.fault;
    }
    test_note("count: %zu damaged PyTorch files", n_tries);
    test_ok(n_odd == 0 && n_tries > 20, "%s: %zu damaged variants are refused or read", file,
            n_tries);
    wc_free(bytes);
}

int main(void) {
    test_golden_rows();
    test_names_in_messages();
    test_cases();
    test_bombs();
    damage("bad/pkl_nan.pt", 633, 3);
    damage("bad/zip_bad_crc.pt", 633, 3);
    damage("bad/legacy_truncated_storage.pt", 377, 2);
    damage("legacy_f16_v1000.pt", 9000, 301);
    damage("hf_v1000_sharded/model.safetensors.index.json", 6873, 250);
    return test_done();
}
