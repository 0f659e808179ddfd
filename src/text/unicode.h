/*
 * The Unicode facts that the tokenizer needs: classes of code points, full lower case.
 *
 * The tables (Unicode 14.0.0) are made by gen_unicode.py. Thread-safe.
 */
#ifndef WC_TEXT_UNICODE_H
#define WC_TEXT_UNICODE_H

#include <stddef.h>
#include <stdint.h>

enum wc_uni_bits {
    WC_UNI_LETTER = 1,     // category L*
    WC_UNI_NUMBER = 2,     // category N*
    WC_UNI_SPACE = 4,      // white space as Python's str.split() sees it
    WC_UNI_CASED = 8,      // Cased and not Case_Ignorable, for the final sigma
    WC_UNI_IGNORABLE = 16, // Case_Ignorable
    WC_UNI_HIDDEN =
        32, // no letter, number or space, but equal to one when case is ignored (U+0345)
};

struct wc_uni_class {
    uint32_t first, last;
    uint8_t bits;
};

// Every step-th code point from first to last moves by delta.
struct wc_uni_lower {
    uint32_t first, last;
    uint8_t step;
    int32_t delta;
};

extern const struct wc_uni_class wc_uni_classes[]; // sorted, without overlap; absent: no bits
extern const size_t wc_uni_n_classes;
extern const struct wc_uni_lower wc_uni_lowers[]; // sorted, without overlap
extern const size_t wc_uni_n_lowers;

// enum wc_uni_bits of a code point.
unsigned wc_uni_class(uint32_t c);

// Full lower case of in[0..n) (SpecialCasing.txt without locales, with the final sigma) into out,
// which has room for 2 n; returns the count. `in` and `out` do not overlap.
size_t wc_uni_lower(const uint32_t *in, size_t n, uint32_t *out);

// Decodes UTF-8 into out (room for n); returns the count, or SIZE_MAX when the bytes are not UTF-8
// (shortest forms, no surrogates), and then *bad is the offset of the first byte that does not fit.
size_t wc_uni_decode(const char *text, size_t n, uint32_t *out, size_t *bad);

// UTF-8 of one code point; returns its length, 1 to 4.
size_t wc_uni_encode(uint32_t c, unsigned char out[4]);

#endif
