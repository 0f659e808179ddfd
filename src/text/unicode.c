#include "text/unicode.h"

#define CAPITAL_SIGMA 0x3A3u
#define SMALL_SIGMA 0x3C3u
#define FINAL_SIGMA 0x3C2u
#define CAPITAL_I_DOT 0x130u // the only code point whose lower case is longer: i and U+0307

unsigned wc_uni_class(uint32_t c) {
    size_t low = 0, high = wc_uni_n_classes;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (wc_uni_classes[mid].last < c)
            low = mid + 1;
        else
            high = mid;
    }
    if (low == wc_uni_n_classes || wc_uni_classes[low].first > c)
        return 0;
    return wc_uni_classes[low].bits;
}

static uint32_t lower_one(uint32_t c) {
    size_t low = 0, high = wc_uni_n_lowers;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (wc_uni_lowers[mid].last < c)
            low = mid + 1;
        else
            high = mid;
    }
    if (low == wc_uni_n_lowers || wc_uni_lowers[low].first > c)
        return c;
    const struct wc_uni_lower *r = &wc_uni_lowers[low];
    if ((c - r->first) % r->step != 0)
        return c;
    return (uint32_t)((int64_t)c + r->delta);
}

// Condition Final_Sigma of the Unicode standard, section 3.13: a cased letter before, none after,
// with case-ignorable ones skipped. A sigma itself is cased, so no run is scanned more than twice.
static uint32_t lower_sigma(const uint32_t *in, size_t n, size_t at) {
    size_t i = at;
    while (i > 0 && (wc_uni_class(in[i - 1]) & WC_UNI_IGNORABLE))
        i--;
    if (i == 0 || !(wc_uni_class(in[i - 1]) & WC_UNI_CASED))
        return SMALL_SIGMA;
    for (i = at + 1; i < n && (wc_uni_class(in[i]) & WC_UNI_IGNORABLE);)
        i++;
    return i < n && (wc_uni_class(in[i]) & WC_UNI_CASED) ? SMALL_SIGMA : FINAL_SIGMA;
}

size_t wc_uni_lower(const uint32_t *in, size_t n, uint32_t *out) {
    size_t n_out = 0;
    for (size_t i = 0; i < n; i++) {
        if (in[i] == CAPITAL_SIGMA) {
            out[n_out++] = lower_sigma(in, n, i);
        } else if (in[i] == CAPITAL_I_DOT) {
            out[n_out++] = 'i';
            out[n_out++] = 0x307;
        } else {
            out[n_out++] = lower_one(in[i]);
        }
    }
    return n_out;
}

// One sequence of RFC 3629 at s[0..n), n > 0; returns its length or 0.
static size_t decode_one(const unsigned char *s, size_t n, uint32_t *c) {
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    if (s[0] < 0x80) {
        *c = s[0];
        return 1;
    }
    size_t len = (s[0] & 0xE0) == 0xC0   ? 2
                 : (s[0] & 0xF0) == 0xE0 ? 3
                 : (s[0] & 0xF8) == 0xF0 ? 4
                                         : 0;
    if (len == 0 || len > n)
        return 0;
    uint32_t v = s[0] & (0x7Fu >> len);
    for (size_t i = 1; i < len; i++) {
        if ((s[i] & 0xC0) != 0x80)
            return 0;
        v = v << 6 | (s[i] & 0x3Fu);
    }
    if (v < least[len] || v > 0x10FFFF || (v >= 0xD800 && v <= 0xDFFF))
        return 0;
    *c = v;
    return len;
}

size_t wc_uni_decode(const char *text, size_t n, uint32_t *out, size_t *bad) {
    size_t n_out = 0;
    for (size_t i = 0; i < n;) {
        size_t len = decode_one((const unsigned char *)text + i, n - i, &out[n_out]);
        if (len == 0) {
            *bad = i;
            return SIZE_MAX;
        }
        i += len;
        n_out++;
    }
    return n_out;
}

size_t wc_uni_encode(uint32_t c, unsigned char out[4]) {
    if (c < 0x80) {
        out[0] = (unsigned char)c;
        return 1;
    }
    size_t len = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = len - 1; i > 0; i--) {
        out[i] = (unsigned char)(0x80u | (c & 0x3Fu));
        c >>= 6;
    }
    out[0] = (unsigned char)((0xF00u >> len & 0xF0u) | c);
    return len;
}
