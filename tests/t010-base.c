// base: errors, strings, numbers, JSON, hashes, random numbers, memory.
#include "test.h"

#include "base/alloc.h"
#include "base/fault.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/rng.h"
#include "base/str.h"

#include <stdint.h>

static void errors(void) {
    struct wc_error err = {0};
    enum wc_err rc = WC_FAULT(&err, WC_ERR_DATA, "truncated", "%s: %d", "a.png", 3);
    test_ok(rc == WC_ERR_DATA && err.code == rc, "the code comes back and is kept");
    test_str(err.text, "a.png: 3", "text");
    test_str(err.fault, "truncated", "fault word");
    WC_FAIL(&err, WC_ERR_DATA, "category x: %s", err.text);
    test_str(err.text, "category x: a.png: 3", "an error can be prefixed by itself");
    test_ok(WC_FAIL(NULL, WC_ERR_IO, "x") == WC_ERR_IO, "no receiver is fine");
}

static void memory(void) {
    test_ok(wc_alloc(SIZE_MAX / 2, 3) == NULL, "overflow gives NULL");
    char *p = wc_alloc(100, 1);
    bool zero = p != NULL && (uintptr_t)p % WC_ALIGN == 0;
    for (int i = 0; p && i < 100; i++)
        zero = zero && p[i] == 0;
    test_ok(zero, "aligned and zero-filled");
    wc_free(p);
    wc_fault_arm(WC_FAULT_ALLOC, 2, false);
    void *a = wc_alloc(1, 1), *b = wc_alloc(1, 1), *c = wc_alloc(1, 1);
    test_ok(a && !b && c, "the second allocation fails, once");
    wc_fault_reset();
    wc_free(a);
    wc_free(c);
    int *list = NULL;
    size_t cap = 0;
    for (size_t i = 0; i < 1000; i++) {
        if (WC_GROW(&list, &cap, i + 1, "list", NULL) != WC_OK)
            break;
        list[i] = (int)i;
    }
    test_ok(list && list[0] == 0 && list[999] == 999 && cap >= 1000,
            "a grown array keeps its content");
    wc_free(list);
}

static void strings(void) {
    struct wc_buf b = {0};
    wc_buf_printf(&b, "%d-%s", 42, "x");
    wc_buf_putc(&b, '!');
    test_str(wc_buf_str(&b), "42-x!", "buffer");
    wc_buf_release(&b);
    static const char *const names[] = {"evaluation.size", "evaluation.fpr_limit", "dataset.root"};
    test_str(wc_str_nearest("evaluation.siez", names, 3), "evaluation.size", "nearest name");
    test_ok(wc_str_nearest("completely different", names, 3) == NULL,
            "no nearest name when nothing is near");
    uint64_t u = 7;
    int64_t i = 7;
    double d = 7;
    test_ok(wc_parse_u64("18446744073709551615", &u) && u == UINT64_MAX, "largest u64");
    test_ok(!wc_parse_u64("18446744073709551616", &u) && !wc_parse_u64("-1", &u) &&
                !wc_parse_u64("1x", &u) && !wc_parse_u64("", &u) && !wc_parse_u64(" 1", &u),
            "not a u64");
    test_ok(wc_parse_i64("-9223372036854775808", &i) && i == INT64_MIN &&
                !wc_parse_i64("9223372036854775808", &i),
            "i64 limits");
    test_ok(wc_parse_f64("0.07", &d) && d == 0.07 && !wc_parse_f64("nan", &d) &&
                !wc_parse_f64("1e999", &d) && !wc_parse_f64("0.07 ", &d),
            "f64");
    test_ok(wc_utf8_valid("a\xC3\xA9\xF0\x9F\x98\x80", 7) && !wc_utf8_valid("\xC0\x80", 2) &&
                !wc_utf8_valid("\xED\xA0\x80", 3) && !wc_utf8_valid("\xC3", 1) &&
                !wc_utf8_valid("\xF4\x90\x80\x80", 4),
            "UTF-8 is checked");
    char *dir = wc_path_dir("a/b/c.png"), *join = wc_path_join("a/b", "c"),
         *abs = wc_path_join("a", "/c");
    test_str(dir, "a/b", "folder of a path");
    test_str(join, "a/b/c", "join");
    test_str(abs, "/c", "join of an absolute path");
    test_str(wc_path_base("a/b/c.png"), "c.png", "base name");
    wc_free(dir);
    wc_free(join);
    wc_free(abs);
}

static enum wc_err parse(const char *text, struct wc_json_doc **doc, struct wc_error *err) {
    return wc_json_parse("t.json", text, strlen(text), 8, doc, err);
}

static void json(void) {
    struct wc_json_doc *doc = NULL;
    struct wc_error err = {0};
    test_ok(parse("{\"a\": [1, -2.5e3, true, null], \"b\\u00e9\\ud83d\\ude00\": \"x\\n\"}", &doc,
                  &err) == WC_OK,
            "parses");
    const struct wc_json *root = wc_json_root(doc), *a = wc_json_get(root, "a");
    double d = 0;
    uint64_t u = 0;
    bool t = false;
    test_ok(a && a->n_children == 4 && wc_json_u64(a->child, &u) && u == 1, "list");
    test_ok(wc_json_f64(a->child->next, &d) && d == -2500.0, "number");
    test_ok(wc_json_bool(a->child->next->next, &t) && t, "boolean");
    test_str(wc_json_str(wc_json_get(root, "b\xC3\xA9\xF0\x9F\x98\x80")), "x\n", "escapes");
    wc_json_free(&doc);
    static const char *const bad[] = {"",
                                      "{",
                                      "[1,]",
                                      "{\"a\":1,}",
                                      "{\"a\" 1}",
                                      "01",
                                      "1.",
                                      "[1] 2",
                                      "\"\\x\"",
                                      "\"\\ud800\"",
                                      "nul",
                                      "\"a",
                                      "[\"\t\"]",
                                      "{\"a\":1,\"a\":2}",
                                      "[[[[[[[[[1]]]]]]]]]",
                                      "\"\xFF\"",
                                      "\"\\\"",
                                      "-",
                                      "1e",
                                      "{1:2}"};
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
        err = (struct wc_error){0};
        enum wc_err rc = parse(bad[k], &doc, &err);
        test_ok(rc == WC_ERR_DATA && !doc && err.fault && strstr(err.text, "t.json"),
                "refused: %s (%s)", bad[k], err.fault ? err.fault : "no fault");
    }
    struct wc_buf b = {0};
    wc_json_quote(&b, "a\"\\\n\x01\xFFz");
    test_str(wc_buf_str(&b), "\"a\\\"\\\\\\n\\u0001\xEF\xBF\xBDz\"", "quoted");
    wc_buf_release(&b);
}

static void hashes(void) {
    char hex[65];
    wc_sha256_hex("abc", 3, hex); // FIPS 180-4 example
    test_str(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
             "SHA-256 of abc");
    wc_sha256_hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56, hex);
    test_str(hex, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
             "SHA-256 of two blocks");
    struct wc_sha256 s;
    unsigned char digest[32];
    wc_sha256_init(&s);
    for (int i = 0; i < 1000000; i += 1000) {
        char block[1000];
        memset(block, 'a', sizeof block);
        wc_sha256_add(&s, block, sizeof block);
    }
    wc_sha256_end(&s, digest);
    wc_hex(digest, 32, hex);
    test_str(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
             "SHA-256 of a million a");
    test_ok(wc_crc32c(0, "123456789", 9) == 0xE3069283u,
            "CRC-32C check value"); // RFC 3720, B.4's polynomial
    test_ok(wc_crc32c(wc_crc32c(0, "1234", 4), "56789", 5) == 0xE3069283u, "CRC-32C in two parts");
    test_ok(wc_fnv1a64("a", 1) == UINT64_C(0xAF63DC4C8601EC8C), "FNV-1a 64 of a");
}

static void random_numbers(void) {
    uint64_t state = 0;
    test_ok(wc_rng_next(&state) == UINT64_C(0xE220A8397B1DCDAF), "SplitMix64, seed 0, first value");
    size_t p[20], q[20];
    bool seen[20] = {0}, all = true;
    wc_rng_permutation(3, 4, 20, p);
    wc_rng_permutation(3, 4, 20, q);
    for (size_t i = 0; i < 20; i++)
        seen[p[i]] = true;
    for (size_t i = 0; i < 20; i++)
        all = all && seen[i];
    test_ok(all && memcmp(p, q, sizeof p) == 0, "a permutation, the same each time");
    wc_rng_permutation(4, 4, 20, q);
    test_ok(memcmp(p, q, sizeof p) != 0, "another seed, another permutation");
    unsigned count[3] = {0};
    for (int i = 0; i < 30000; i++)
        count[wc_rng_below(&state, 3)]++;
    test_ok(count[0] > 9500 && count[1] > 9500 && count[2] > 9500, "uniform below 3");
}

int main(void) {
    errors();
    memory();
    strings();
    json();
    hashes();
    random_numbers();
    return test_done();
}
