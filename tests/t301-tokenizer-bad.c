// What the tokenizer refuses: text that is not UTF-8, damaged merges files, bombs, no memory.
#include "base/alloc.h"
#include "base/fault.h"
#include "base/io.h"
#include "test.h"
#include "text/gunzip.h"
#include "text/tokenizer.h"

#include <zlib.h>

#define SMALL "tests/golden/tokenizer/bpe_3000.txt.gz"
#define CONTEXT 77

static const char *write_file(const char *name, const void *bytes, size_t n) {
    static char path[512];
    const char *dir = getenv("WC_TEST_TMP");
    snprintf(path, sizeof path, "%s/%s", dir ? dir : "build/tmp", name);
    wc_io_mkdirs(dir ? dir : "build/tmp", NULL);
    if (wc_io_write_atomic(path, bytes, n, NULL) != WC_OK)
        test_note("cannot write %s", path);
    return path;
}

// Opening fails with this code and fault, and leaves the pointer alone.
static bool refuses(const char *path, enum wc_err code, const char *fault, struct wc_error *err) {
    struct wc_tokenizer *t = NULL;
    *err = (struct wc_error){0};
    enum wc_err rc = wc_tokenizer_new(path, &t, err);
    bool ok = rc == code && err->code == code && !t &&
              (!fault || (err->fault && strcmp(err->fault, fault) == 0));
    wc_tokenizer_free(&t);
    return ok;
}

static void bad_utf8(const struct wc_tokenizer *t) {
    static const char *const text[] = {
        "\x80",             // continuation alone
        "a\xBF",            //
        "\xC0\x80",         // overlong NUL
        "\xC1\xBF",         // overlong
        "\xE0\x9F\xBF",     // overlong
        "\xF0\x8F\xBF\xBF", // overlong
        "\xED\xA0\x80",     // surrogate
        "\xED\xBF\xBF",     // surrogate
        "\xF4\x90\x80\x80", // above U+10FFFF
        "\xF8\x88\x80\x80\x80",
        "\xFF",
        "\xC3",         // cut
        "caf\xE2\x82",  // cut
        "\xF0\x9F\x98", // cut
        "\xC3(",        // broken
    };
    for (size_t i = 0; i < sizeof text / sizeof *text; i++) {
        int32_t ids[CONTEXT];
        size_t n_ids = 99;
        struct wc_error err = {0};
        enum wc_err rc = wc_tokenize(t, text[i], strlen(text[i]), CONTEXT, ids, &n_ids, &err);
        test_ok(rc == WC_ERR_DATA && err.fault && strcmp(err.fault, "bad-utf8") == 0 && n_ids == 99,
                "refused: %s", err.text);
    }
    int32_t ids[CONTEXT];
    size_t n_ids = 0;
    static const char edge[] =
        "\xED\x9F\xBF\xEE\x80\x80\xF4\x8F\xBF\xBF\xF0\x90\x80\x80\xC2\x80\xE0\xA0\x80";
    test_ok(wc_tokenize(t, edge, sizeof edge - 1, CONTEXT, ids, &n_ids, NULL) == WC_OK,
            "the edges of UTF-8 are fine");
}

static const struct {
    const char *text, *says;
} merges[] = {
    {"", "no merges"},
    {"\n\n", "no merges"},
    {"#version: 0.2\n", "no merges"},
    {"i n\nt h\n", "line 1: \"i n\": a merge where the version should be"},
    {"#v\ni n\nth\n", "line 3: \"th\": not two symbols"},
    {"#v\ni n\nt h e\n", "line 3: \"t h e\": not two symbols"},
    {"#v\ni n\n\nt h\n", "line 3: \"\": not two symbols"},
    {"#v\nin g\n", "line 2: \"in\": neither a byte nor made by an earlier line"},
    {"#v\ni ng\n", "line 2: \"ng\": neither"},
    {"#v\ni \xFF\xFE\n", "line 2"},
    {"#v\ni \x01\n", "line 2: \"?\""},
    {"{\"model\": {\"type\": \"BPE\"}}\n{\n  \"a\": 1\n}\n", "line 2"},
};

static void bad_merges(void) {
    struct wc_error err;
    for (size_t i = 0; i < sizeof merges / sizeof *merges; i++) {
        const char *path = write_file("t301-merges.txt", merges[i].text, strlen(merges[i].text));
        test_ok(refuses(path, WC_ERR_DATA, "bad-merges", &err) && strstr(err.text, merges[i].says),
                "refused: %s", err.text);
    }
    test_ok(refuses("tests/no-such-merges.txt", WC_ERR_DATA, "not-found", &err), "refused: %s",
            err.text);
    test_ok(refuses("tests", WC_ERR_DATA, "not-a-file", &err) ||
                refuses("tests", WC_ERR_IO, "not-a-file", &err),
            "refused: %s", err.text);
    static const char good[] = "#v\r\ni n\r\nin g</w>\r\n\r\n";
    struct wc_tokenizer *t = NULL;
    test_ok(wc_tokenizer_new(write_file("t301-merges.txt", good, sizeof good - 1), &t, &err) ==
                    WC_OK &&
                wc_tokenizer_vocab_size(t) == 516,
            "CRLF and blank lines at the end are fine");
    wc_tokenizer_free(&t);
}

// Cuts and flipped bits. A flip may hit a byte that gzip does not check (its time, say), but never
// more than that.
static void bad_gzip(void) {
    unsigned char *file = NULL;
    size_t n = 0, n_refused = 0, n_tried = 0, n_wrong = 0;
    struct wc_error err = {0};
    if (!test_ok(wc_io_read_file(SMALL, 1 << 20, &file, &n, &err) == WC_OK, "%s", SMALL))
        return;
    for (size_t cut = 2; cut < n; cut += cut < 20 || cut + 20 > n ? 1 : 997, n_tried++)
        n_refused += refuses(write_file("t301.gz", file, cut), WC_ERR_DATA, "bad-gzip", &err);
    test_ok(n_refused == n_tried, "%zu of %zu cuts refused, the last: %s", n_refused, n_tried,
            err.text);
    size_t body = 10 + strlen((const char *)file + 10) + 1;
    for (size_t at = 0; at < n; at += at < 40 || at + 10 > n ? 1 : 499) {
        struct wc_tokenizer *t = NULL;
        file[at] ^= 0x10;
        enum wc_err rc = wc_tokenizer_new(write_file("t301.gz", file, n), &t, &err);
        n_wrong += rc == WC_OK ? at < 3 || at >= body : rc != WC_ERR_DATA;
        wc_tokenizer_free(&t);
        file[at] ^= 0x10;
    }
    test_ok(n_wrong == 0, "flips outside of the header are noticed");
    wc_free(file);
    file = wc_alloc(n = 40, 1);
    memcpy(file, "\x1f\x8b\x08", 3);
    test_ok(refuses(write_file("t301.gz", file, n), WC_ERR_DATA, "bad-gzip", &err), "refused: %s",
            err.text);
    wc_free(file);
}

// n_bytes of white space as one gzip member; returns its size.
static size_t pack(size_t n_bytes, unsigned char *out, size_t cap) {
    static unsigned char block[65536];
    memset(block, '\n', sizeof block);
    z_stream z = {.next_out = out, .avail_out = (uInt)cap};
    deflateInit2(&z, 9, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
    for (size_t left = n_bytes; left > 0; left -= sizeof block < left ? sizeof block : left) {
        z.next_in = block;
        z.avail_in = (uInt)(sizeof block < left ? sizeof block : left);
        deflate(&z, Z_NO_FLUSH);
    }
    deflate(&z, Z_FINISH);
    deflateEnd(&z);
    return cap - z.avail_out;
}

static void bombs(void) {
    enum { CAP = 1 << 20 };
    unsigned char *gz = wc_alloc(CAP, 1);
    char *out = NULL;
    size_t n_out = 0, n = pack((size_t)256 << 20, gz, CAP);
    struct wc_error err = {0};
    test_ok(refuses(write_file("t301.gz", gz, n), WC_ERR_DATA, "too-large", &err), "%zu bytes: %s",
            n, err.text);
    n = pack(100000, gz, CAP);
    test_ok(wc_gunzip("x", gz, n, 99999, &out, &n_out, &err) == WC_ERR_DATA && !out,
            "one byte above the cap: %s", err.text);
    test_ok(wc_gunzip("x", gz, n, 100000, &out, &n_out, &err) == WC_OK && n_out == 100000,
            "just the cap");
    wc_free(out);
    n += pack(5, gz + n, CAP - n);
    test_ok(wc_gunzip("x", gz, n, 100005, &out, &n_out, &err) == WC_OK && n_out == 100005 &&
                out[n_out] == '\0',
            "two members");
    wc_free(out);
    gz[n] = 'x';
    out = NULL;
    test_ok(wc_gunzip("x", gz, n + 1, 1 << 20, &out, &n_out, &err) == WC_ERR_DATA && !out,
            "text after it: %s", err.text);
    wc_free(gz);
}

// Each allocation of opening and of one text fails in turn.
static void no_memory(const struct wc_tokenizer *good) {
    static const char text[] = "a photo of the metal nut with a scratch, isn't it?";
    struct wc_error err;
    unsigned long n_new = 0, n_text = 0;
    bool all = true, done = false;
    for (; !done && n_new < 200; n_new++) {
        struct wc_tokenizer *t = NULL;
        wc_fault_arm(WC_FAULT_ALLOC, n_new + 1, false);
        enum wc_err rc = wc_tokenizer_new(SMALL, &t, &err);
        done = rc == WC_OK;
        all = all && (done || (rc == WC_ERR_NOMEM && !t));
        wc_tokenizer_free(&t);
    }
    wc_fault_reset();
    test_ok(done && all && n_new > 5, "opening: %lu allocations, each may fail", n_new - 1);
    for (done = false, all = true; !done && n_text < 200; n_text++) {
        int32_t ids[CONTEXT];
        size_t n_ids = 0;
        wc_fault_arm(WC_FAULT_ALLOC, n_text + 1, false);
        enum wc_err rc = wc_tokenize(good, text, sizeof text - 1, CONTEXT, ids, &n_ids, &err);
        done = rc == WC_OK;
        all = all && (done || rc == WC_ERR_NOMEM);
    }
    wc_fault_reset();
    test_ok(done && all && n_text > 3, "a text: %lu allocations, each may fail", n_text - 1);
}

static void too_long(const struct wc_tokenizer *t) {
    size_t n = ((size_t)16 << 20) + 1, n_ids = 0;
    int32_t ids[CONTEXT];
    struct wc_error err = {0};
    char *text = wc_alloc(n, 1);
    test_ok(text && wc_tokenize(t, text, n, CONTEXT, ids, &n_ids, &err) == WC_ERR_DATA,
            "refused: %s", err.text);
    wc_free(text);
}

int main(void) {
    struct wc_tokenizer *t = NULL;
    struct wc_error err = {0};
    if (!test_ok(wc_tokenizer_new(SMALL, &t, &err) == WC_OK, "%s", SMALL))
        return test_note("%s", err.text), test_done();
    bad_utf8(t);
    bad_merges();
    bad_gzip();
    bombs();
    no_memory(t);
    too_long(t);
    wc_tokenizer_free(&t);
    return test_done();
}
