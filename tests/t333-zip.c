// Archives made on the spot: zip64, comments, entry places and names, many views of one storage.
#include "weights_golden.h"

#include <stdint.h>
#include <zlib.h>

#define MAX_ENTRIES 8

struct entry {
    const char *name;
    const void *bytes;
    size_t n;
    unsigned flags, method;
};

struct options {
    bool zip64;          // sizes, offsets and counts in zip64 fields
    const char *comment; // at the end of the archive
    size_t gap;          // bytes between entries
    const char *local;   // another name in the last local header
    size_t shift;        // added to the last entry's offset
    size_t data_extra;   // added to the last entry's sizes
};

static void put_le(struct wc_buf *b, uint64_t v, size_t n) {
    for (size_t i = 0; i < n; i++)
        wc_buf_putc(b, (char)(i < 8 ? v >> (8 * i) & 255 : 0));
}

static void put_local(struct wc_buf *b, const struct entry *e, const char *name, uint32_t crc) {
    put_le(b, 0x04034b50, 4);
    put_le(b, 20, 2);
    put_le(b, e->flags, 2);
    put_le(b, e->method, 2);
    put_le(b, 0, 4);
    put_le(b, crc, 4);
    put_le(b, e->n, 4);
    put_le(b, e->n, 4);
    put_le(b, strlen(name), 2);
    put_le(b, 7, 2); // an extra field, as PyTorch's padding
    wc_buf_puts(b, name);
    wc_buf_add(b, "FB\3\0ZZZ", 7);
    wc_buf_add(b, e->bytes, e->n);
}

static void put_central(struct wc_buf *b, const struct entry *e, uint32_t crc, uint64_t offset,
                        uint64_t n_bytes, bool zip64) {
    put_le(b, 0x02014b50, 4);
    put_le(b, 20 | 20 << 16, 4);
    put_le(b, e->flags, 2);
    put_le(b, e->method, 2);
    put_le(b, 0, 4);
    put_le(b, crc, 4);
    put_le(b, zip64 ? 0xFFFFFFFF : n_bytes, 4);
    put_le(b, zip64 ? 0xFFFFFFFF : n_bytes, 4);
    put_le(b, strlen(e->name), 2);
    put_le(b, zip64 ? 34 : 0, 2);
    put_le(b, 0, 2 + 2 + 2 + 4);
    put_le(b, zip64 ? 0xFFFFFFFF : offset, 4);
    wc_buf_puts(b, e->name);
    if (!zip64)
        return;
    wc_buf_add(b, "AA\2\0zz", 6); // another field first
    put_le(b, 1, 2);
    put_le(b, 24, 2);
    put_le(b, n_bytes, 8);
    put_le(b, n_bytes, 8);
    put_le(b, offset, 8);
}

static void put_end(struct wc_buf *b, size_t n, size_t directory, const struct options *o) {
    size_t n_bytes = b->n - directory, end64 = b->n;
    if (o->zip64) {
        put_le(b, 0x06064b50, 4);
        put_le(b, 44, 8);
        put_le(b, 45 | 45 << 16, 4);
        put_le(b, 0, 8);
        put_le(b, n, 8);
        put_le(b, n, 8);
        put_le(b, n_bytes, 8);
        put_le(b, directory, 8);
        put_le(b, 0x07064b50, 4);
        put_le(b, 0, 4);
        put_le(b, end64, 8);
        put_le(b, 1, 4);
    }
    put_le(b, 0x06054b50, 4);
    put_le(b, 0, 4);
    put_le(b, o->zip64 ? 0xFFFF : n, 2);
    put_le(b, o->zip64 ? 0xFFFF : n, 2);
    put_le(b, o->zip64 ? 0xFFFFFFFF : n_bytes, 4);
    put_le(b, o->zip64 ? 0xFFFFFFFF : directory, 4);
    put_le(b, o->comment ? strlen(o->comment) : 0, 2);
    wc_buf_puts(b, o->comment ? o->comment : "");
}

static const char *make_zip(const char *file, const struct entry *e, size_t n,
                            const struct options *o) {
    struct wc_buf b = {0};
    size_t offset[MAX_ENTRIES];
    uint32_t crc[MAX_ENTRIES];
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; i > 0 && k < o->gap; k++)
            wc_buf_putc(&b, 'x');
        offset[i] = b.n;
        crc[i] = (uint32_t)crc32_z(0, e[i].bytes, e[i].n);
        put_local(&b, &e[i], o->local && i + 1 == n ? o->local : e[i].name, crc[i]);
    }
    size_t directory = b.n;
    for (size_t i = 0; i < n; i++)
        put_central(&b, &e[i], crc[i], offset[i] + (i + 1 == n ? o->shift : 0),
                    e[i].n + (i + 1 == n ? o->data_extra : 0), o->zip64);
    put_end(&b, n, directory, o);
    const char *path = scratch_file(file, b.data, b.n);
    wc_buf_release(&b);
    return path;
}

// {"a": two floats of storage 0}
static const char pickle[] = "\x80\x02}(X\x01\0\0\0"
                             "actorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storagectorch\n"
                             "FloatStorage\nX\x01\0\0\0"
                             "0X\x03\0\0\0cpuK\x02tQK\0(K\x02t(K\x01t\x89"
                             "ccollections\nOrderedDict\n)RtRu.";
static const float numbers[2] = {1, 2};

#define N_BASE 2
#define BASE                                                                                       \
    {"m/data.pkl", pickle, sizeof(pickle) - 1, 0, 0}, {                                            \
        "m/data/0", numbers, sizeof(numbers), 0, 0                                                 \
    }

static void test_good(void) {
    static const struct entry entries[] = {
        BASE, {"m/", "", 0, 0, 0}, {"m/version", "3\n", 2, 0, 8}};
    static const struct options options[] = {
        {.zip64 = false}, {.zip64 = true}, {.comment = "a comment"}, {.gap = 5}};
    for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++) {
        struct wc_error err = {.code = WC_OK};
        struct wc_weights *w = NULL;
        float found[2] = {0, 0};
        const char *path = make_zip("t333-good.pt", entries, 4, &options[i]);
        bool good = wc_weights_open(path, &w, &err) == WC_OK && wc_weights_n_tensors(w) == 1 &&
                    wc_tensor_to_f32(path, wc_weights_at(w, 0), found, &err) == WC_OK;
        if (!test_ok(good && found[0] == 1 && found[1] == 2, "archive of kind %zu", i))
            test_note("%s", err.text);
        wc_weights_free(&w);
    }
}

struct bad_case {
    const char *name, *fault;
    struct entry last;
    struct options options;
};

static void test_bad_archives(void) {
    static const struct bad_case cases[] = {
        {"absolute", "bad-entry-name", {"/m/x", "1", 1, 0, 0}, {.gap = 0}},
        {"parent", "bad-entry-name", {"m/../x", "1", 1, 0, 0}, {.gap = 0}},
        {"parent-end", "bad-entry-name", {"m/..", "1", 1, 0, 0}, {.gap = 0}},
        {"dot", "bad-entry-name", {"./x", "1", 1, 0, 0}, {.gap = 0}},
        {"backslash", "bad-entry-name", {"m\\x", "1", 1, 0, 0}, {.gap = 0}},
        {"drive", "bad-entry-name", {"c:x", "1", 1, 0, 0}, {.gap = 0}},
        {"double-slash", "bad-entry-name", {"m//x", "1", 1, 0, 0}, {.gap = 0}},
        {"no-name", "bad-entry-name", {"", "1", 1, 0, 0}, {.gap = 0}},
        {"control", "bad-entry-name", {"m/\x1b[2J", "1", 1, 0, 0}, {.gap = 0}},
        {"encrypted", "unsupported", {"m/x", "1", 1, 1, 0}, {.gap = 0}},
        {"twice", "duplicate-key", {"m/data/0", "1", 1, 0, 0}, {.gap = 0}},
        {"two-pickles",
         "bad-archive",
         {"n/data.pkl", pickle, sizeof(pickle) - 1, 0, 0},
         {.gap = 0}},
        {"local-name", "bad-archive", {"m/x", "1", 1, 0, 0}, {.local = "m/y"}},
        {"offset", "bad-archive", {"m/x", "1", 1, 0, 0}, {.shift = 1}},
        {"offset64", "bad-archive", {"m/x", "1", 1, 0, 0}, {.shift = SIZE_MAX - 99, .zip64 = true}},
        {"size", "bad-archive", {"m/x", "1", 1, 0, 0}, {.data_extra = 1}},
        {"size64",
         "bad-archive",
         {"m/x", "1", 1, 0, 0},
         {.data_extra = SIZE_MAX / 2, .zip64 = true}},
        {"big-endian", "unsupported", {"m/byteorder", "big", 3, 0, 0}, {.gap = 0}},
        {"compressed", "compressed", {"m/byteorder", "little", 6, 0, 8}, {.gap = 0}},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const struct entry entries[] = {BASE, cases[i].last};
        char name[64];
        snprintf(name, sizeof(name), "t333-%s.pt", cases[i].name);
        test_bad(make_zip(name, entries, N_BASE + 1, &cases[i].options), cases[i].fault, name);
    }
    test_note("count: %zu malformed archives", sizeof(cases) / sizeof(*cases) + 1);
    // Entries that share bytes: the last one's local header lies in the data of the first.
    struct wc_buf inner = {0};
    const struct entry x = {"m/x", "1", 1, 0, 0};
    put_local(&inner, &x, "m/x", (uint32_t)crc32_z(0, (const void *)"1", 1));
    const struct entry entries[] = {{"m/o", inner.data, inner.n, 0, 0}, x};
    struct options back = {.shift = (size_t)0 - inner.n};
    test_bad(make_zip("t333-overlap.pt", entries, 2, &back), "bad-archive", "overlap");
    wc_buf_release(&inner);
}

// A thousand transposed views of one storage cost a thousand copies: refused.
static void test_copies_are_bounded(void) {
    struct wc_buf b = {0};
    static float block[64 * 64];
    wc_buf_add(&b, "\x80\x02}(", 4);
    for (int i = 0; i < 1000; i++) {
        wc_buf_printf(&b, "X%c%c%c%c%04d", 4, 0, 0, 0, i);
        static const char view[] = "ctorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storagectorch\n"
                                   "FloatStorage\nX\x01\0\0\0"
                                   "0X\x03\0\0\0cpuM\0\x10tQK\0K@K@\x86K\x01K@\x86\x89"
                                   "ccollections\nOrderedDict\n)RtR";
        wc_buf_add(&b, view, sizeof(view) - 1);
    }
    wc_buf_add(&b, "u.", 2);
    const struct entry entries[] = {{"m/data.pkl", b.data, b.n, 0, 0},
                                    {"m/data/0", block, sizeof(block), 0, 0}};
    const struct options none = {.gap = 0};
    test_bad(make_zip("t333-views.pt", entries, 2, &none), "size-mismatch", "unfold");
    wc_buf_release(&b);
}

static void test_known(void) {
    char hex[65] = "8fb2658900000000000000000000000000000000000000000000000000000000";
    const struct wc_known_weights *k = wc_weights_known(hex);
    test_ok(k && strcmp(k->arch, "ViT-B-16-plus-240") == 0 &&
                strcmp(k->training, "laion400m_e31") == 0 && !k->quick_gelu,
            "the e31 file is known");
    k = wc_weights_known("5806e77cd80f8b59890b7e101eabd078d9fb84e6937f9e85e4ecb61988df416f");
    test_ok(k && strcmp(k->training, "openai") == 0 && k->quick_gelu, "OpenAI's file is known");
    hex[0] = '9';
    test_ok(!wc_weights_known(hex) && !wc_weights_known(""), "another file is not");
}

int main(void) {
    test_good();
    test_bad_archives();
    test_copies_are_bounded();
    test_known();
    return test_done();
}
