#include "text/html.h"

#include <stdbool.h>
#include <string.h>

#define MAX_NAME 32 // characters of a name, semicolon not counted, that are looked at
#define REPLACEMENT 0xFFFDu
#define LIMIT 0x110000u // one past the last code point

// A reference is at least 3 characters long ("&lt", "&#1") and stands for at most 2, so that the
// text can be rewritten in place.
struct cursor {
    uint32_t *v;
    size_t n;
    size_t in;  // next character to read
    size_t out; // next place to write, never after `in`
};

static void put(struct cursor *c, uint32_t value) {
    c->v[c->out++] = value;
}

static int digit(uint32_t c, unsigned base) {
    if (c >= '0' && c <= '9')
        return (int)(c - '0');
    uint32_t low = c | 0x20u;
    return base == 16 && low >= 'a' && low <= 'f' ? (int)(low - 'a') + 10 : -1;
}

static void put_number(struct cursor *c, uint32_t value) {
    if (value >= LIMIT) {
        put(c, REPLACEMENT);
        return;
    }
    for (size_t i = 0; i < wc_html_n_numbers && wc_html_numbers[i].first <= value; i++) {
        if (value > wc_html_numbers[i].last)
            continue;
        if (wc_html_numbers[i].value)
            put(c, wc_html_numbers[i].value);
        return;
    }
    put(c, value);
}

// "#" and digits at `in` (after the "&"); false when there is no digit.
static bool numeric(struct cursor *c) {
    size_t i = c->in + 1;
    unsigned base = i < c->n && (c->v[i] | 0x20u) == 'x' ? 16 : 10;
    i += base == 16;
    uint32_t value = 0;
    size_t start = i;
    for (int d; i < c->n && (d = digit(c->v[i], base)) >= 0; i++)
        value = value >= LIMIT ? LIMIT : value * base + (uint32_t)d; // saturates; below 2^25 before
    if (i == start)
        return false;
    i += i < c->n && c->v[i] == ';';
    c->in = i;
    put_number(c, value);
    return true;
}

static const struct wc_html_name *find(const char *name, size_t n) {
    size_t low = 0, high = wc_html_n_names;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        const char *have = wc_html_names[mid].name;
        int order = strncmp(have, name, n);
        if (order == 0 && have[n] == '\0')
            return &wc_html_names[mid];
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

static bool ends_name(uint32_t c) {
    return c == '\t' || c == '\n' || c == '\f' || c == ' ' || c == '<' || c == '&' || c == '#' ||
           c == ';';
}

// The longest known name at `in`; what follows it stays as it is. The characters up to ends_name()
// are consumed either way: none of them is a "&".
static bool named(struct cursor *c) {
    char name[MAX_NAME + 2] = "";
    size_t n = 0;
    while (n < MAX_NAME && c->in + n < c->n && !ends_name(c->v[c->in + n])) {
        uint32_t x = c->v[c->in + n];
        name[n++] = x > 0 && x < 0x80 ? (char)x : '\x7f'; // 0x7f is in no name
    }
    if (n == 0)
        return false;
    if (c->in + n < c->n && c->v[c->in + n] == ';')
        name[n++] = ';';
    for (size_t len = n; len >= 2; len--) {
        const struct wc_html_name *hit = find(name, len);
        if (!hit)
            continue;
        c->in += len;
        put(c, hit->value[0]);
        if (hit->value[1])
            put(c, hit->value[1]);
        return true;
    }
    return false;
}

size_t wc_html_unescape(uint32_t *v, size_t n) {
    struct cursor c = {v, n, 0, 0};
    while (c.in < c.n) {
        uint32_t x = c.v[c.in++];
        if (x != '&' || c.in == c.n)
            put(&c, x);
        else if (!(c.v[c.in] == '#' ? numeric(&c) : named(&c)))
            put(&c, x);
    }
    return c.out;
}
