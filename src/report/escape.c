#include "report/escape.h"

#include <string.h>

void wc_csv_field(struct wc_buf *out, const char *text) {
    bool formula = text[0] && strchr("=+-@\t\r", text[0]);
    bool quote = formula || strpbrk(text, ",\"\n\r") != NULL;
    if (!quote) {
        wc_buf_puts(out, text);
        return;
    }
    wc_buf_putc(out, '"');
    if (formula)
        wc_buf_putc(out, '\'');
    for (const char *p = text; *p; p++) {
        if (*p == '"')
            wc_buf_putc(out, '"');
        wc_buf_putc(out, *p);
    }
    wc_buf_putc(out, '"');
}

// Bytes of the UTF-8 sequence at p, or 0 when it is none.
static size_t sequence(const char *p) {
    unsigned char c = (unsigned char)*p;
    size_t n = c < 0x80 ? 1 : c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
    return strnlen(p, n) == n && wc_utf8_valid(p, n) ? n : 0;
}

// Direction marks and the like, which would let a name rearrange the line around it.
static bool rearranges(const char *p, size_t n) {
    return n == 3 && ((memcmp(p, "\xe2\x80", 2) == 0 &&
                       ((unsigned char)p[2] >= 0x8e && (unsigned char)p[2] <= 0xae &&
                        !((unsigned char)p[2] >= 0x90 && (unsigned char)p[2] <= 0xa7))) ||
                      (memcmp(p, "\xe2\x81", 2) == 0 && (unsigned char)p[2] >= 0xa6 &&
                       (unsigned char)p[2] <= 0xa9));
}

// What stands for a byte in a format; NULL: itself.
typedef const char *replace_fn(char c);

static void escape(struct wc_buf *out, const char *text, replace_fn *replace) {
    for (const char *p = text; *p;) {
        size_t n = sequence(p);
        bool control = n == 1 && ((unsigned char)*p < 0x20 || *p == 0x7f);
        bool c1 = n == 2 && (unsigned char)p[0] == 0xc2 && (unsigned char)p[1] < 0xa0;
        const char *other = n == 1 && !control ? replace(*p) : NULL;
        if (n == 0 || control || c1 || rearranges(p, n))
            wc_buf_putc(out, '?');
        else if (other)
            wc_buf_puts(out, other);
        else
            wc_buf_add(out, p, n);
        p += n > 0 ? n : 1;
    }
}

static const char *plain(char c) {
    (void)c;
    return NULL;
}

static const char *latex(char c) {
    switch (c) {
    case '\\':
        return "\\textbackslash{}";
    case '{':
        return "\\{";
    case '}':
        return "\\}";
    case '$':
        return "\\$";
    case '&':
        return "\\&";
    case '#':
        return "\\#";
    case '%':
        return "\\%";
    case '_':
        return "\\_";
    case '^':
        return "\\textasciicircum{}";
    case '~':
        return "\\textasciitilde{}";
    case '<':
        return "\\textless{}";
    case '>':
        return "\\textgreater{}";
    case '"':
        return "\\textquotedbl{}";
    case '|':
        return "\\textbar{}";
    default:
        return NULL;
    }
}

static const char *markdown(char c) {
    switch (c) {
    case '\\':
        return "\\\\";
    case '|':
        return "\\|";
    case '*':
        return "\\*";
    case '_':
        return "\\_";
    case '`':
        return "\\`";
    case '[':
        return "\\[";
    case ']':
        return "\\]";
    case '#':
        return "\\#";
    case '~':
        return "\\~";
    case '!':
        return "\\!";
    case '$':
        return "\\$";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '&':
        return "&amp;";
    default:
        return NULL;
    }
}

static const char *html(char c) {
    switch (c) {
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '&':
        return "&amp;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

void wc_plain_text(struct wc_buf *out, const char *text) {
    escape(out, text, plain);
}

void wc_latex_text(struct wc_buf *out, const char *text) {
    escape(out, text, latex);
}

void wc_markdown_text(struct wc_buf *out, const char *text) {
    escape(out, text, markdown);
}

void wc_html_text(struct wc_buf *out, const char *text) {
    escape(out, text, html);
}
