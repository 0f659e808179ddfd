#include "text/tokenizer.h"

#include "base/alloc.h"
#include "text/bpe.h"
#include "text/html.h"
#include "text/merges.h"
#include "text/unicode.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#define MAX_TEXT_BYTES (16u << 20) // far above any prompt; keeps every count below 2^31

struct wc_tokenizer {
    struct wc_merges merges;
};

// Working memory of one call.
struct job {
    const struct wc_tokenizer *t;
    uint32_t *text; // (n) code points
    size_t n;
    unsigned char *word; // (4 n) UTF-8 of the current word
    struct wc_bpe_scratch bpe;
    int32_t *ids;
    size_t n_ids, max_ids; // max_ids leaves room for EOT
};

enum wc_err wc_tokenizer_new(const char *bpe_path, struct wc_tokenizer **out,
                             struct wc_error *err) {
    struct wc_tokenizer *t = NULL;
    WC_TRY(WC_NEW(&t, 1, "tokenizer", err));
    enum wc_err rc = wc_merges_read(bpe_path, &t->merges, err);
    if (rc == WC_OK)
        *out = t;
    else
        wc_free(t);
    return rc;
}

void wc_tokenizer_free(struct wc_tokenizer **t) {
    if (*t)
        wc_merges_release(&(*t)->merges);
    wc_free(*t);
    *t = NULL;
}

int32_t wc_tokenizer_sot(const struct wc_tokenizer *t) {
    return (int32_t)(WC_MERGES_FIRST + t->merges.n);
}

int32_t wc_tokenizer_eot(const struct wc_tokenizer *t) {
    return wc_tokenizer_sot(t) + 1;
}

size_t wc_tokenizer_vocab_size(const struct wc_tokenizer *t) {
    return (size_t)wc_tokenizer_eot(t) + 1;
}

// Runs of white space become one space, none at the ends. In place.
static size_t collapse(uint32_t *v, size_t n) {
    size_t out = 0;
    bool gap = false;
    for (size_t i = 0; i < n; i++) {
        if (wc_uni_class(v[i]) & WC_UNI_SPACE) {
            gap = out > 0;
            continue;
        }
        if (gap)
            v[out++] = ' ';
        gap = false;
        v[out++] = v[i];
    }
    return out;
}

// What the pattern finds at a place. The fixed strings are tried in the pattern's order, before the
// classes: <start_of_text>|<end_of_text>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+
static const char *const fixed[] = {
    "<start_of_text>", "<end_of_text>", "'s", "'t", "'re", "'ve", "'m", "'ll", "'d"};
enum { FIXED_SOT, FIXED_EOT, N_FIXED = sizeof fixed / sizeof *fixed };

// Does s stand at v, case ignored? The text is in lower case already; of the letters in the fixed
// strings only s has one more form that lower-casing leaves alone, U+017F (CaseFolding.txt).
// *exact: without that form.
static size_t match_fixed(const char *s, const uint32_t *v, size_t n, bool *exact) {
    size_t len = strlen(s);
    if (len > n)
        return 0;
    *exact = true;
    for (size_t i = 0; i < len; i++) {
        bool long_s = s[i] == 's' && v[i] == 0x17F;
        if (v[i] != (unsigned char)s[i] && !long_s)
            return 0;
        *exact = *exact && !long_s;
    }
    return len;
}

static bool is_other(uint32_t c) {
    return !(wc_uni_class(c) & (WC_UNI_LETTER | WC_UNI_NUMBER | WC_UNI_SPACE | WC_UNI_HIDDEN));
}

// Length of what one of the three classes matches at v, n > 0; 0: none does.
static size_t match_class(const uint32_t *v, size_t n) {
    unsigned bits = wc_uni_class(v[0]);
    if (bits & WC_UNI_NUMBER)
        return 1;
    size_t len = 0;
    if (bits & WC_UNI_LETTER)
        while (len < n && (wc_uni_class(v[len]) & WC_UNI_LETTER))
            len++;
    else
        while (len < n && is_other(v[len]))
            len++;
    return len;
}

static enum wc_err add_word(struct job *j, const uint32_t *v, size_t n, struct wc_error *err) {
    size_t n_bytes = 0;
    for (size_t i = 0; i < n; i++)
        n_bytes += wc_uni_encode(v[i], j->word + n_bytes);
    return wc_bpe(&j->t->merges, &j->bpe, j->word, n_bytes, j->ids, j->max_ids, &j->n_ids, err);
}

// Adds the ids of what the pattern matches at `at`; *len receives how far it reaches, at least 1.
static enum wc_err add_match(struct job *j, size_t at, size_t *len, struct wc_error *err) {
    const uint32_t *v = j->text + at;
    size_t rest = j->n - at;
    for (int i = 0; i < N_FIXED && (v[0] == '<' || v[0] == '\''); i++) {
        bool exact;
        *len = match_fixed(fixed[i], v, rest, &exact);
        if (*len && i <= FIXED_EOT && exact) {
            j->ids[j->n_ids++] = i == FIXED_SOT ? wc_tokenizer_sot(j->t) : wc_tokenizer_eot(j->t);
            return WC_OK;
        }
        if (*len)
            return add_word(j, v, *len, err);
    }
    *len = match_class(v, rest);
    if (*len)
        return add_word(j, v, *len, err);
    *len = 1; // a space, or U+0345: nothing matches
    return WC_OK;
}

// Bytes to cleaned text: everything before the pattern.
static enum wc_err clean(struct job *j, const char *text, size_t n, struct wc_error *err) {
    uint32_t *raw = NULL;
    WC_TRY(WC_NEW(&raw, n, "text", err));
    size_t bad = 0;
    size_t len = wc_uni_decode(text, n, raw, &bad);
    enum wc_err rc = WC_OK;
    if (len == SIZE_MAX) {
        rc = WC_FAULT(err, WC_ERR_DATA, "bad-utf8",
                      "text: byte %zu (0x%02x) is not UTF-8; expected UTF-8 text", bad,
                      (unsigned)(unsigned char)text[bad]);
        goto out;
    }
    len = wc_html_unescape(raw, len);
    len = wc_html_unescape(raw, len);
    len = collapse(raw, len);
    rc = WC_NEW(&j->text, 2 * len, "text", err);
    if (rc == WC_OK)
        j->n = wc_uni_lower(raw, len, j->text);
    if (rc == WC_OK)
        rc = WC_NEW(&j->word, 4 * j->n, "text", err);
out:
    wc_free(raw);
    return rc;
}

enum wc_err wc_tokenize(const struct wc_tokenizer *t, const char *text, size_t n, size_t context,
                        int32_t *ids, size_t *n_ids, struct wc_error *err) {
    assert(context >= 2);
    if (n > MAX_TEXT_BYTES)
        return WC_FAULT(err, WC_ERR_DATA, "too-large", "text: %zu bytes, at most %u are taken", n,
                        MAX_TEXT_BYTES);
    struct job j = {.t = t, .ids = ids, .max_ids = context - 1};
    ids[j.n_ids++] = wc_tokenizer_sot(t);
    enum wc_err rc = clean(&j, text, n, err);
    for (size_t at = 0, len; rc == WC_OK && at < j.n && j.n_ids < j.max_ids; at += len)
        rc = add_match(&j, at, &len, err);
    if (rc == WC_OK) {
        ids[j.n_ids++] = wc_tokenizer_eot(t);
        *n_ids = j.n_ids;
    }
    wc_bpe_release(&j.bpe);
    wc_free(j.word);
    wc_free(j.text);
    return rc;
}
