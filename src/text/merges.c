#include "text/merges.h"

#include "base/alloc.h"
#include "base/hash.h"
#include "base/io.h"
#include "base/str.h"
#include "text/embed.h"
#include "text/gunzip.h"
#include "text/unicode.h"

#include <stdbool.h>
#include <string.h>

// While reading, symbols are found by their text, as CLIP writes it: each byte one printable
// character.
struct slot {
    size_t at; // offset of the text in names.data
    size_t n;  // bytes of the text; 0: free slot
    uint32_t symbol;
};

struct reader {
    const char *name; // of the file, for messages
    const char *text;
    size_t n_text;
    size_t line; // from 1
    size_t max;  // merges that count
    struct wc_buf names;
    struct slot *slot;
    size_t n_slots; // a power of two
    uint32_t n_symbols;
    struct wc_merges *m;
};

static uint64_t mix_pair(uint32_t left, uint32_t right) {
    uint64_t z =
        ((uint64_t)left << 32 | right) * UINT64_C(0x9E3779B97F4A7C15); // 2^64 / golden ratio
    return z ^ z >> 32;
}

const struct wc_pair *wc_merges_find(const struct wc_merges *m, uint32_t left, uint32_t right) {
    for (size_t i = (size_t)mix_pair(left, right);; i++) {
        const struct wc_pair *p = &m->pair[i & (m->n_slots - 1)];
        if (p->left == left && p->right == right)
            return p;
        if (p->left == WC_NO_RANK)
            return NULL;
    }
}

// A pair that comes twice keeps its last rank, as in a dictionary filled line by line.
static void add_pair(struct wc_merges *m, struct wc_pair pair) {
    for (size_t i = (size_t)mix_pair(pair.left, pair.right);; i++) {
        struct wc_pair *p = &m->pair[i & (m->n_slots - 1)];
        if (p->left != WC_NO_RANK && (p->left != pair.left || p->right != pair.right))
            continue;
        *p = pair;
        return;
    }
}

static struct slot *find_slot(struct reader *r, const char *text, size_t n) {
    for (size_t i = (size_t)wc_fnv1a64(text, n);; i++) {
        struct slot *s = &r->slot[i & (r->n_slots - 1)];
        if (s->n == 0 || (s->n == n && memcmp(r->names.data + s->at, text, n) == 0))
            return s;
    }
}

// Interns names.data[at..] (the text just appended) as the string with this id; the last id of a
// string is the one that counts.
static uint32_t intern(struct reader *r, size_t at, int32_t id) {
    size_t n = r->names.n - at;
    struct slot *s = find_slot(r, r->names.data + at, n);
    if (s->n == 0)
        *s = (struct slot){at, n, r->n_symbols++};
    r->m->id[s->symbol] = id;
    return s->symbol;
}

// CLIP orders the bytes by: those that Latin-1 prints, then the others, which are written as
// U+0100, U+0101, ... in turn (bytes_to_unicode() of GPT-2's encoder).
static bool prints(unsigned b) {
    return (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
}

static void add_bytes(struct reader *r) {
    int32_t id = 0;
    for (int end = 0; end < 2; end++) {
        uint32_t hidden = 0x100;
        for (unsigned i = 0; i < 2 * WC_MERGES_BYTES; i++) {
            unsigned b = i % WC_MERGES_BYTES;
            if (prints(b) != (i < WC_MERGES_BYTES))
                continue;
            unsigned char utf8[4];
            size_t at = r->names.n;
            wc_buf_add(&r->names, utf8, wc_uni_encode(prints(b) ? b : hidden++, utf8));
            if (end)
                wc_buf_puts(&r->names, "</w>");
            if (r->names.failed)
                return;
            uint32_t symbol = intern(r, at, id++);
            if (!end)
                r->m->byte[b] = symbol;
        }
    }
}

static bool blank(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

struct word {
    const char *text;
    size_t n;
};

static struct word next_word(const char **at, const char *end) {
    while (*at < end && blank(**at))
        ++*at;
    struct word w = {*at, 0};
    while (*at < end && !blank(**at))
        ++*at;
    w.n = (size_t)(*at - w.text);
    return w;
}

static const struct slot *known(struct reader *r, struct word w) {
    const struct slot *s = w.n ? find_slot(r, w.text, w.n) : NULL;
    return s && s->n ? s : NULL;
}

static enum wc_err bad_line(const struct reader *r, struct word w, const char *what,
                            struct wc_error *err) {
    char shown[33] = "";
    size_t n = w.n < sizeof shown - 1 ? w.n : sizeof shown - 1;
    bool utf8 = wc_utf8_valid(w.text, n);
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)w.text[i];
        shown[i] = c < 0x20 || c == 0x7f || (c >= 0x80 && !utf8) ? '?' : w.text[i];
    }
    return WC_FAULT(err, WC_ERR_DATA, "bad-merges",
                    "%s: line %zu: \"%s\": %s; a merges file has a version line "
                    "and then two known symbols a line",
                    r->name, r->line, shown, what);
}

static enum wc_err add_merge(struct reader *r, const char *line, const char *end,
                             struct wc_error *err) {
    const char *at = line;
    struct word left = next_word(&at, end), right = next_word(&at, end), more = next_word(&at, end);
    struct word whole = {line, (size_t)(end - line)};
    if (!right.n || more.n)
        return bad_line(r, whole, "not two symbols", err);
    const struct slot *a = known(r, left), *b = known(r, right);
    if (!a || !b)
        return bad_line(r, a ? right : left, "neither a byte nor made by an earlier line", err);
    struct wc_pair pair = {a->symbol, b->symbol, (uint32_t)r->m->n, 0};
    size_t start = r->names.n;
    wc_buf_add(&r->names, left.text, left.n);
    wc_buf_add(&r->names, right.text, right.n);
    WC_TRY(wc_buf_check(&r->names, "merges", err));
    pair.merged = intern(r, start, (int32_t)(WC_MERGES_FIRST + r->m->n));
    add_pair(r->m, pair);
    r->m->n++;
    return WC_OK;
}

static const char *line_end(const char *at, const char *end) {
    const char *nl = memchr(at, '\n', (size_t)(end - at));
    return nl ? nl : end;
}

// Line 1 is a comment with the version. A file that starts with a merge would lose it without a
// word.
static enum wc_err check_first(struct reader *r, const char *line, const char *end,
                               struct wc_error *err) {
    const char *at = line;
    struct word left = next_word(&at, end), right = next_word(&at, end), more = next_word(&at, end);
    if (!more.n && known(r, left) && known(r, right))
        return bad_line(r, (struct word){line, (size_t)(end - line)},
                        "a merge where the version should be", err);
    return WC_OK;
}

static enum wc_err read_lines(struct reader *r, struct wc_error *err) {
    const char *at = r->text, *end = r->text + r->n_text;
    while (end > at && blank(end[-1]))
        end--;
    for (; at < end && r->m->n < r->max; r->line++) {
        const char *nl = line_end(at, end);
        WC_TRY(r->line == 1 ? check_first(r, at, nl, err) : add_merge(r, at, nl, err));
        at = nl < end ? nl + 1 : end;
    }
    if (r->m->n == 0)
        return WC_FAULT(err, WC_ERR_DATA, "bad-merges",
                        "%s: no merges; expected a version line and then two symbols a line",
                        r->name);
    return WC_OK;
}

static size_t count_lines(const char *text, size_t n) {
    size_t lines = 1;
    for (const char *at = text, *end = text + n;
         lines <= WC_MERGES_MAX && (at = line_end(at, end)) < end; at++)
        lines++;
    return lines;
}

static size_t slots_for(size_t n) {
    size_t slots = 2048;
    while (slots < 2 * n)
        slots *= 2;
    return slots;
}

static enum wc_err parse(struct reader *r, struct wc_error *err) {
    struct wc_merges *m = r->m;
    size_t n_symbols = WC_MERGES_FIRST + count_lines(r->text, r->n_text);
    m->n_slots = r->n_slots = slots_for(n_symbols);
    WC_TRY(WC_NEW(&m->id, n_symbols, "vocabulary", err));
    WC_TRY(WC_NEW(&m->pair, m->n_slots, "merges", err));
    WC_TRY(WC_NEW(&r->slot, r->n_slots, "merges", err));
    for (size_t i = 0; i < m->n_slots; i++)
        m->pair[i].left = WC_NO_RANK;
    add_bytes(r);
    WC_TRY(wc_buf_check(&r->names, "merges", err));
    return read_lines(r, err);
}

static bool is_gzip(const unsigned char *bytes, size_t n) {
    return n >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b; // RFC 1952, ID1 and ID2
}

// "builtin:N": how many of the embedded merges.
static enum wc_err read_builtin(const char *path, size_t *max, struct wc_error *err) {
    uint64_t n = 0;
    if (!wc_parse_u64(path + strlen(WC_MERGES_BUILTIN), &n) || n < 1 || n > WC_MERGES_MAX)
        return WC_FAULT(err, WC_ERR_DATA, "bad-merges",
                        "%s: how many of the built-in merges? builtin:1 to builtin:%u", path,
                        WC_MERGES_MAX);
    *max = (size_t)n;
    return WC_OK;
}

enum wc_err wc_merges_read(const char *path, struct wc_merges *m, struct wc_error *err) {
    struct wc_merges made = {0};
    struct reader r = {
        .name = path ? path : "built-in merges", .line = 1, .max = WC_MERGES_MAX, .m = &made};
    unsigned char *file = NULL;
    char *plain = NULL;
    const unsigned char *bytes = wc_bpe_gz;
    size_t n_bytes = WC_EMBED_BYTES(wc_bpe_gz);
    enum wc_err rc = WC_OK;
    if (path && wc_str_starts(path, WC_MERGES_BUILTIN)) {
        rc = read_builtin(path, &r.max, err);
    } else if (path) {
        rc = wc_io_read_file(path, WC_MERGES_FILE_BYTES, &file, &n_bytes, err);
        bytes = file;
    }
    if (rc != WC_OK)
        goto out;
    r.text = (const char *)bytes;
    r.n_text = n_bytes;
    if (is_gzip(bytes, n_bytes)) {
        rc = wc_gunzip(r.name, bytes, n_bytes, WC_MERGES_FILE_BYTES, &plain, &r.n_text, err);
        r.text = plain;
    }
    if (rc == WC_OK)
        rc = parse(&r, err);
    if (rc == WC_OK)
        *m = made;
    else
        wc_merges_release(&made);
out:
    wc_free(r.slot);
    wc_buf_release(&r.names);
    wc_free(plain);
    wc_free(file);
    return rc;
}

void wc_merges_release(struct wc_merges *m) {
    wc_free(m->id);
    wc_free(m->pair);
    *m = (struct wc_merges){0};
}
