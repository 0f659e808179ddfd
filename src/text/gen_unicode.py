#!/usr/bin/env python3
"""Writes unicode_data.c beside this script: the Unicode facts that the tokenizer needs.

Run it again only to change the Unicode version; building the program does not need Python. Everything
comes from the standard library (unicodedata and the str methods, Unicode 14.0.0 in Python 3.11), so the
tables follow the behaviour that the tokenizer has to match. Cased and case-ignorable are not exported by
unicodedata; they are read off the rule for the final sigma in str.lower().
"""
import os
import sys
import unicodedata

LETTER, NUMBER, SPACE, CASED, IGNORABLE, HIDDEN = 1, 2, 4, 8, 16, 32
VERSION = '14.0.0'
SIGMA, FINAL = '\u03a3', '\u03c2'


def code_points():
    return (c for c in range(sys.maxunicode + 1) if not 0xD800 <= c <= 0xDFFF)


def classify(c):
    ch = chr(c)
    cat = unicodedata.category(ch)
    cased = (ch + SIGMA).lower().endswith(FINAL)
    ignorable = not cased and ('A' + ch + SIGMA).lower().endswith(FINAL)
    return ((LETTER if cat[0] == 'L' else 0) | (NUMBER if cat[0] == 'N' else 0) |
            (SPACE if ch.isspace() else 0) | (CASED if cased else 0) | (IGNORABLE if ignorable else 0))


def hide_folded(bits):
    """A character outside letters, numbers and space that equals one of them when case is ignored."""
    fold = {}
    for c in bits:
        fold.setdefault(chr(c).casefold(), []).append(c)
    for group in fold.values():
        if len(group) > 1 and any(bits[c] & (LETTER | NUMBER) for c in group):
            for c in group:
                if not bits[c] & (LETTER | NUMBER | SPACE):
                    bits[c] |= HIDDEN


def class_ranges(bits):
    out = []
    for c in sorted(bits):
        if not bits[c]:
            continue
        if out and out[-1][1] == c - 1 and out[-1][2] == bits[c]:
            out[-1][1] = c
        else:
            out.append([c, c, bits[c]])
    return out


def lower_ranges():
    """(first, last, step, delta): every step-th code point from first to last moves by delta."""
    out, long = [], []
    for c in code_points():
        low = chr(c).lower()
        if c == ord(SIGMA):
            low = '\u03c3'
        if len(low) > 1:
            long.append((c, [ord(x) for x in low]))
            continue
        delta = ord(low) - c
        if not delta:
            continue
        if out and out[-1][3] == delta and c - out[-1][1] == (out[-1][2] or c - out[-1][1]) <= 2:
            out[-1][2] = c - out[-1][1]
            out[-1][1] = c
        else:
            out.append([c, c, 0, delta])
    assert [x[0] for x in long] == [0x130] and len(long[0][1]) == 2, 'only U+0130 grows'
    return [(a, b, s or 1, d) for a, b, s, d in out], long


def rows(items):
    lines, line = [], '   '
    for item in items:
        if len(line) + len(item) + 1 > 100:
            lines.append(line)
            line = '   '
        line += ' ' + item
    return '\n'.join(lines + [line])


def main():
    if unicodedata.unidata_version != VERSION:
        sys.exit(f'this Python has Unicode {unicodedata.unidata_version}, the tables are of {VERSION}')
    bits = {c: classify(c) for c in code_points()}
    hide_folded(bits)
    classes = class_ranges(bits)
    lower, long = lower_ranges()
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'unicode_data.c')
    with open(path, 'w', encoding='ascii', newline='\n') as f:
        f.write(f'// Unicode {VERSION}. Written by gen_unicode.py; do not edit.\n'
                '#include "text/unicode.h"\n\n// clang-format off\n'
                'const struct wc_uni_class wc_uni_classes[] = {\n')
        f.write(rows('{0x%x,0x%x,%d},' % tuple(r) for r in classes))
        f.write('\n};\nconst struct wc_uni_lower wc_uni_lowers[] = {\n')
        f.write(rows('{0x%x,0x%x,%d,%d},' % r for r in lower))
        f.write('\n};\n// clang-format on\n'
                'const size_t wc_uni_n_classes = sizeof wc_uni_classes / sizeof *wc_uni_classes;\n'
                'const size_t wc_uni_n_lowers = sizeof wc_uni_lowers / sizeof *wc_uni_lowers;\n')
    hidden = [hex(c) for c in bits if bits[c] & HIDDEN]
    print(f'{path}: {len(classes)} classes, {len(lower)} lower-case ranges, hidden by case: {hidden}')


main()
