// The CLIP tokenizer against the golden ids, with the embedded merges and with smaller ones.
#include "base/alloc.h"
#include "base/io.h"
#include "test.h"
#include "text/tokenizer.h"

#define DIR "tests/golden/tokenizer/"
#define CONTEXT 77

// Resolves \\ \t \n \r \xHH in place; returns the length.
static size_t unescape(char *s, size_t n) {
    size_t out = 0;
    for (size_t i = 0; i < n; i++) {
        if (s[i] != '\\' || i + 1 == n) {
            s[out++] = s[i];
            continue;
        }
        char hex[3] = "";
        switch (s[++i]) {
        case 't':
            s[out++] = '\t';
            break;
        case 'n':
            s[out++] = '\n';
            break;
        case 'r':
            s[out++] = '\r';
            break;
        case 'x':
            memcpy(hex, s + i + 1, 2);
            s[out++] = (char)strtoul(hex, NULL, 16);
            i += 2;
            break;
        default:
            s[out++] = s[i];
        }
    }
    return out;
}

static void join(const int32_t *ids, size_t n, struct wc_buf *b) {
    b->n = 0;
    for (size_t i = 0; i < n; i++)
        wc_buf_printf(b, "%s%d", i ? " " : "", (int)ids[i]);
}

static bool same(const struct wc_tokenizer *t, const char *text, size_t n, const char *wanted) {
    int32_t ids[CONTEXT];
    size_t n_ids = 0;
    struct wc_error err = {0};
    struct wc_buf found = {0};
    bool ok = false;
    if (wc_tokenize(t, text, n, CONTEXT, ids, &n_ids, &err) == WC_OK) {
        join(ids, n_ids, &found);
        ok = strcmp(wc_buf_str(&found), wanted) == 0;
    }
    if (!ok)
        test_note("found \"%s\" %s, wanted \"%s\"", wc_buf_str(&found), err.text, wanted);
    wc_buf_release(&found);
    return ok;
}

// Every row of a golden file; `column` (from 1) holds the ids.
static void golden(const struct wc_tokenizer *t, const char *path, int column, size_t n_wanted) {
    unsigned char *file = NULL;
    size_t n = 0, n_rows = 0, n_same = 0;
    struct wc_error err = {0};
    if (!test_ok(wc_io_read_file(path, 1 << 24, &file, &n, &err) == WC_OK, "%s is there", path))
        return;
    for (char *at = (char *)file, *end = at + n; at < end; n_rows++) {
        char *line = at, *nl = memchr(at, '\n', (size_t)(end - at));
        at = nl ? nl + 1 : end;
        *(nl ? nl : end) = '\0';
        char *ids = strchr(line, '\t');
        for (int c = 2; ids && c < column; c++)
            ids = strchr(ids + 1, '\t');
        if (!ids)
            continue;
        char *text_end = strchr(line, '\t');
        ids[1 + strcspn(ids + 1, "\t")] = '\0';
        bool ok = same(t, line, unescape(line, (size_t)(text_end - line)), ids + 1);
        if (!ok)
            test_note("row %zu of %s", n_rows + 1, path);
        n_same += ok;
    }
    test_ok(n_rows == n_wanted && n_same == n_rows, "%s, column %d: %zu of %zu rows", path, column,
            n_same, n_rows);
    wc_free(file);
}

struct row {
    const char *text, *ids;
};

static void rows(const struct wc_tokenizer *t, const struct row *row, const char *what) {
    for (; row->text; row++)
        test_ok(same(t, row->text, strlen(row->text), row->ids), "%s: %s", what, row->text);
}

// A text that is too long keeps SOT and ends with EOT at any context; a NUL byte is a character
// like others.
static void contexts(const struct wc_tokenizer *t) {
    static const char text[] = "a photo of a bottle";
    static const int32_t full[] = {49406, 320, 1125, 539, 320, 5392, 49407};
    enum { N_FULL = sizeof full / sizeof *full };
    for (size_t context = 2; context <= N_FULL + 1; context++) {
        int32_t ids[N_FULL + 2] = {0};
        size_t n = 0, wanted = context < N_FULL ? context : N_FULL;
        wc_tokenize(t, text, sizeof text - 1, context, ids, &n, NULL);
        bool ok = n == wanted && ids[n - 1] == 49407 && ids[context] == 0;
        test_ok(ok && memcmp(ids, full, (n - 1) * sizeof *ids) == 0, "context %zu", context);
    }
    test_ok(same(t, "a\0b", 3, "49406 320 444 321 49407"), "NUL byte");
}

// A word of a megabyte that is all one merge chain, and one without any merges.
static void long_words(const struct wc_tokenizer *t) {
    static const char *const unit[] = {"a",  "ab", "\xF0\x9F\x98\x80", "\xCE\xA3", "!", "&",
                                       "&#", "'"};
    enum { N = 1 << 20 };
    char *text = malloc(N);
    for (size_t u = 0; text && u < sizeof unit / sizeof *unit; u++) {
        size_t len = strlen(unit[u]), n = N / len * len, n_ids = 0;
        for (size_t i = 0; i < n; i++)
            text[i] = unit[u][i % len];
        int32_t ids[CONTEXT];
        enum wc_err rc = wc_tokenize(t, text, n, CONTEXT, ids, &n_ids, NULL);
        test_ok(rc == WC_OK && n_ids == CONTEXT && ids[CONTEXT - 1] == wc_tokenizer_eot(t),
                "1 MiB of \"%s\"", unit[u]);
    }
    free(text);
}

// Found by a second implementation (Python's html, str and the regex module, checked against the
// golden files): U+017F, U+0345, final sigma, references without semicolon, out of range, and
// special tokens.
static const struct row clip_rows[] = {
    {"", "49406 49407"},
    {"it's", "49406 585 568 49407"},
    {"a'\305\277 b", "49406 320 6 129 379 321 49407"},
    {"<\305\277tart_of_text>", "49406 27 129 123 16707 62 684 62 18169 285 49407"},
    {"x &LT;Start_Of_Text&gt y", "49406 343 49406 344 49407"},
    {"<start_of_text", "49406 283 1572 318 539 318 4160 49407"},
    {"!'s ''s", "49406 13222 338 8445 338 49407"},
    {"A\315\205b", "49406 320 321 49407"},
    {"\315\205", "49406 49407"},
    {"\316\221\316\243 \316\221\316\243\314\201 \316\221\316\243\316\221 \316\243",
     "49406 138 109 139 480 138 109 139 480 136 479 138 109 139 225 138 365 139 481 49407"},
    {"\304\260stanbul", "49406 328 16384 11231 49407"},
    {"&notit; &notin; &amp;amp;lt;", "49406 126 361 585 282 17788 487 261 3333 282 49407"},
    {"&#128; &#x110000; &#xD800; &#1; &#xfdd0; x&#0", "49406 6309 39802 39802 343 39802 49407"},
    {"&9999999999999999999999999999999999999999;",
     "49406 261 280 280 280 280 280 280 280 280 280 280 280 280 280 280 280 280 280 280 280 280 280 280 280 280 280 280 280 280 280 280 280 280 280 280 280 280 280 280 280 280 282 49407"},
    {"&#9999999999999999999999999999999999999999;", "49406 39802 49407"},
    {"a\343\200\200\341\232\200\034b\342\200\213c", "49406 320 321 9844 322 49407"},
    {NULL, NULL},
};

static const struct row small_rows[] = {
    {"", "3512 3513"},
    {"it's", "3512 585 568 3513"},
    {"a cropped photo of the metal nut.",
     "3512 320 1192 1873 1125 539 518 613 2066 1156 339 269 3513"},
    {"a photo of a circuit board with defect for anomaly detection.",
     "3512 320 1125 539 320 2459 729 585 1972 593 561 623 1122 556 514 547 526 344 561 600 1569 269 3513"},
    {"<end_of_text>", "3512 3513 3513"},
    {"\303\234n\303\257 42", "3512 127 120 77 127 363 275 273 3513"},
    {NULL, NULL},
};

// The first 3,000 merges: a vocabulary of 3,514.
static void small(const char *path) {
    struct wc_tokenizer *t = NULL;
    struct wc_error err = {0};
    if (!test_ok(wc_tokenizer_new(path, &t, &err) == WC_OK, "%s", path))
        return test_note("%s", err.text);
    test_ok(wc_tokenizer_vocab_size(t) == 3514 && wc_tokenizer_sot(t) == 3512 &&
                wc_tokenizer_eot(t) == 3513,
            "3,514 tokens");
    rows(t, small_rows, "3,000 merges");
    wc_tokenizer_free(&t);
}

// One symbol that two merges make, and a pair of it whose rank lies between: the pairs that a round
// makes wait for its end, so "abcabc" is not read as "(abcab)c".
static void two_ways(void) {
    static const char merges[] = "#version: 0.2\na b\nb c\na bc\nabc ab\nab c\n";
    char path[512];
    const char *dir = getenv("WC_TEST_TMP");
    snprintf(path, sizeof path, "%s/t300-merges.txt", dir ? dir : "build/tmp");
    wc_io_mkdirs(dir ? dir : "build/tmp", NULL);
    struct wc_tokenizer *t = NULL;
    bool made = wc_io_write_atomic(path, merges, sizeof merges - 1, NULL) == WC_OK;
    if (!test_ok(made && wc_tokenizer_new(path, &t, NULL) == WC_OK,
                 "plain merges, one string made twice"))
        return;
    test_ok(wc_tokenizer_vocab_size(t) == 519, "each line takes an id");
    // "abcabcx": a b c a b c x -> ab c ab c x (rank 0) -> abc abc x (rank 4, id 516), not abcab c
    // (id 515)
    test_ok(same(t, "abcabcx", 7, "517 516 516 343 518"), "rounds are whole");
    wc_tokenizer_free(&t);
}

int main(void) {
    struct wc_tokenizer *t = NULL;
    struct wc_error err = {0};
    if (!test_ok(wc_tokenizer_new(NULL, &t, &err) == WC_OK, "built-in merges"))
        return test_note("%s", err.text), test_done();
    test_ok(wc_tokenizer_vocab_size(t) == 49408, "49,408 tokens");
    test_ok(wc_tokenizer_sot(t) == 49406 && wc_tokenizer_eot(t) == 49407, "SOT and EOT");
    golden(t, DIR "tokens.tsv", 2, 2645);
    golden(t, DIR "tokens_ftfy.tsv", 3, 63);
    rows(t, clip_rows, "CLIP");
    contexts(t);
    test_ok(!same(t, "a", 1, "49406 321 49407"), "a wrong id is noticed");
    long_words(t);
    wc_tokenizer_free(&t);
    test_ok(t == NULL, "free nulls");
    small(DIR "bpe_3000.txt.gz");
    two_ways();
    return test_done();
}
