// base/yaml: malformed and hostile text. Each case must give its fault and its place, never a tree.
#include "base/yaml.h"

#include "base/alloc.h"
#include "base/fault.h"
#include "base/io.h"
#include "base/str.h"

#include "test.h"

static const struct {
    const char *text, *fault, *message; // message: what the error text must contain
} cases[] = {
    {"a: b: c\n", "syntax", "t.yaml:1:5: "},
    {"a: 1\n  b: 2\n", "syntax", "t.yaml:2:4: "},
    {"a:\n    b: 1\n  c: 2\n", "indentation", "t.yaml:3:3: "},
    {"a: - 1\n", "syntax", "list"},
    {"a: [1, 2\nb: 3\n", "unclosed", "\"]\""},
    {"a: {b: 1\n", "unclosed", "\"}\""},
    {"a: \"text\n", "unclosed", "quote"},
    {"a: 'text\n", "unclosed", "quote"},
    {"a: \"\\q\"\n", "escape", "t.yaml:1:"},
    {"a: \"\\xZZ\"\n", "", "t.yaml:1:"},
    {"a: \"\\uD800\"\n", "", "t.yaml:1:"},
    {"a: \"x\\0y\"\n", "control-character", "NUL"},
    {"a:\n\tb: 1\n", "tab", "t.yaml:2:1: a tab"},
    {"a:\n  b: 1\n\tc: 2\n", "tab", "t.yaml:3:1: a tab"},
    {"a: @b\n", "", "t.yaml:1:4: "},
    {"a: `b`\n", "", "t.yaml:1:4: "},
    {"a: %b\n", "", "t.yaml:1:4: "},
    {"a: 1\nb: 2\na: 3\n", "duplicate-key", "t.yaml:3:1: key \"a\": given twice, first in line 1"},
    {"x: {a: 1, a: 1}\n", "duplicate-key", "t.yaml:1:11: "},
    {"x: {\"a\": 1, a: 1}\n", "duplicate-key", "t.yaml:1:13: "},
    {"a: &x 1\n", "anchor", "t.yaml:1:4: anchor \"&x\""},
    {"a: &x [1]\n", "anchor", "t.yaml:1:4: "},
    {"a: &x {b: 1}\n", "anchor", "t.yaml:1:4: "},
    {"&x a: 1\n", "anchor", "t.yaml:1:1: "},
    {"a: *x\n", "alias", "t.yaml:1:4: alias \"*x\""},
    {"*x : 1\n", "alias", "t.yaml:1:1: "},
    {"a: *\n", "alias", "\"*\""},
    {"a: !!int 3\n", "tag", "t.yaml:1:4: tag"},
    {"a: !x [1]\n", "tag", "t.yaml:1:4: tag"},
    {"a: ! x\n", "tag", "t.yaml:1:4: tag"},
    {"a: !foo!bar x\n", "tag", "t.yaml:1:"},
    {"a: 1\n---\nb: 2\n", "several-documents", "t.yaml:2:1: "},
    {"a: 1\n---\n", "several-documents", "t.yaml:2:1: "},
    {"a: 1\n...\nb: 2\n", "several-documents", "t.yaml:3:1: "},
    {"%YAML 3.0\n---\na: 1\n", "syntax", "t.yaml:1:1: "},
    {"? [a, b]\n: 1\n", "key", "t.yaml:1:3: a key is a list"},
    {"{a: 1}: 2\n", "key", "t.yaml:1:1: a key is a list or a map"},
    {"'': 1\n", "key", "t.yaml:1:1: an empty key"},
    {": 1\n", "", "t.yaml:1:1: "},
    {"\"a\\nb\": 1\n", "key", "control character"},
    {"a: \xC3\n", "not-utf8", "t.yaml:1:4: byte 0xC3"},
    {"a: 1\nb: \xFF\n", "not-utf8", "t.yaml:2:4: byte 0xFF"},
    {"a: \xC0\x80\n", "not-utf8", "t.yaml:1:4: "},
    {"\xFF\xFE", "not-utf8", "t.yaml:1:1: "},
    {"a: \x01\n", "control-character", "t.yaml:1:4: byte 0x01"},
    {"a: \x7F\n", "control-character", "t.yaml:1:4: byte 0x7F"},
    {"a: \x1B[31m\n", "control-character", "t.yaml:1:4: byte 0x1B"},
    {"a: 1\r\rb: \xC2\x81\n", "control-character", "t.yaml:3:4: "},
    {"a: 1\n\xEF\xBB\xBF"
     "b: 2\n",
     "byte-order-mark", "t.yaml:2:1: "},
    {"a: [[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]\n", "depth", "more than 16"},
    {"[}\n", "", "t.yaml:1:2: "},
    {"]\n", "", "t.yaml:1:1: "},
    {"a: >\n    x\n  y\nz\n", "", "t.yaml:"},
};

static void check(const char *name, const char *text, size_t n, const char *fault,
                  const char *message) {
    struct wc_yaml_doc *doc = NULL;
    struct wc_error err = {0};
    enum wc_err rc = wc_yaml_parse("t.yaml", text, n, &doc, &err);
    bool right = rc == WC_ERR_CONFIG && err.code == rc && !doc && strstr(err.text, message) &&
                 err.fault && (!*fault || strcmp(err.fault, fault) == 0);
    if (!test_ok(right, "%s: %s", name, *fault ? fault : "refused"))
        test_note("rc %d, fault %s: %s", (int)rc, err.fault ? err.fault : "(none)", err.text);
    wc_yaml_free(&doc);
}

// n times `unit`, which libyaml could be slow or recursive on.
static void check_repeated(const char *unit, size_t n, const char *fault) {
    struct wc_buf text = {0};
    for (size_t i = 0; i < n; i++)
        wc_buf_puts(&text, unit);
    char name[32];
    snprintf(name, sizeof(name), "%zu x \"%.12s\"", n, unit);
    check(name, wc_buf_str(&text), text.n, fault, "t.yaml:");
    wc_buf_release(&text);
}

static void test_sizes(void) {
    check_repeated("[", 500000, "depth");
    check_repeated("{", 500000, "key");
    check_repeated("- ", 500000, "depth");
    check_repeated("? ", 500000, "");
    check_repeated("a: [", 200000, "");
    check_repeated("x", 1048577, "too-large");
    check_repeated("\"", 1048575, "");

    struct wc_buf text = {0};
    for (int i = 0; i < 100000; i++)
        wc_buf_printf(&text, "k%d: 1\n", i);
    struct wc_yaml_doc *doc = NULL;
    struct wc_error err = {0};
    enum wc_err rc = wc_yaml_parse("t.yaml", wc_buf_str(&text), text.n, &doc, &err);
    test_ok(rc == WC_OK && wc_yaml_root(doc)->n_children == 100000, "100000 keys are read");
    wc_yaml_free(&doc);
    wc_buf_puts(&text, "k77: 2\n");
    check("a duplicate among 100000 keys", wc_buf_str(&text), text.n, "duplicate-key",
          "t.yaml:100001:1: key \"k77\": given twice, first in line 78");
    wc_buf_release(&text);

    static const char nul[] = "a: 1\nb: x\0y\n";
    check("a NUL byte", nul, sizeof(nul) - 1, "control-character", "t.yaml:2:5: byte 0x00");
    static const char utf16[] = "a\0:\0 \0b\0";
    check("UTF-16 without a mark", utf16, sizeof(utf16) - 1, "control-character", "t.yaml:1:2: ");
}

// Every prefix of a text either gives a tree or an error with a place; nothing else.
static void test_prefixes(void) {
    static const char text[] = "a: [1, {b: \"\xC3\xA4\\x41\"}]\nc:\n  - 'd'\n  - |\n    e\nf: ~\n";
    size_t n_bad = 0;
    for (size_t n = 0; n < sizeof(text); n++) {
        char *copy = wc_alloc(n + 1, 1);
        memcpy(copy, text, n);
        struct wc_yaml_doc *doc = NULL;
        struct wc_error err = {0};
        enum wc_err rc = wc_yaml_parse("t.yaml", copy, n, &doc, &err);
        bool fine =
            rc == WC_OK ? doc != NULL : rc == WC_ERR_CONFIG && wc_str_starts(err.text, "t.yaml:");
        n_bad += !fine;
        wc_yaml_free(&doc);
        wc_free(copy);
    }
    test_ok(n_bad == 0, "every prefix is read or refused with a place");
}

static void test_files(void) {
    struct wc_yaml_doc *doc = NULL;
    struct wc_error err = {0};
    enum wc_err rc = wc_yaml_read("tests/no-such.yaml", &doc, &err);
    test_ok(rc == WC_ERR_CONFIG && err.fault && strcmp(err.fault, "not-found") == 0 &&
                strstr(err.text, "tests/no-such.yaml"),
            "a missing file is a fault of the configuration and is named");
    rc = wc_yaml_read("tests", &doc, &err);
    test_ok(rc == WC_ERR_CONFIG && !doc, "a folder is no file");

    const char *tmp = getenv("WC_TEST_TMP");
    char *path = wc_path_join(tmp ? tmp : "build/tmp", "t031.yaml");
    wc_io_mkdirs(tmp ? tmp : "build/tmp", &err);
    rc = wc_io_write_atomic(path, "a: [\n", 5, &err);
    test_ok(rc == WC_OK && wc_yaml_read(path, &doc, &err) == WC_ERR_CONFIG &&
                wc_str_starts(err.text, path),
            "an error in a file begins with its path");
    wc_free(path);
}

// Whichever allocation fails: out of memory, no leak (address sanitizer), no crash.
static void test_memory(void) {
    static const char text[] = "a: [1, {b: c}]\nd: 'e'\n";
    size_t n_wrong = 0;
    unsigned long n_calls = 0;
    for (unsigned long n = 1;; n++) {
        struct wc_yaml_doc *doc = NULL;
        struct wc_error err = {0};
        wc_fault_arm(WC_FAULT_ALLOC, n, false);
        enum wc_err rc = wc_yaml_parse("t.yaml", text, sizeof(text) - 1, &doc, &err);
        wc_fault_reset();
        wc_yaml_free(&doc);
        if (rc == WC_OK)
            break;
        n_calls++;
        n_wrong += rc != WC_ERR_NOMEM;
    }
    test_ok(n_wrong == 0 && n_calls > 2, "each of %lu failing allocations is reported", n_calls);
}

int main(void) {
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char name[32];
        snprintf(name, sizeof(name), "case %zu", i);
        check(name, cases[i].text, strlen(cases[i].text), cases[i].fault, cases[i].message);
    }
    test_note("count: %zu malformed YAML texts", sizeof(cases) / sizeof(cases[0]));
    test_sizes();
    test_prefixes();
    test_files();
    test_memory();
    return test_done();
}
