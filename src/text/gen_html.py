#!/usr/bin/env python3
"""Writes html_data.c beside this script: HTML5's named and numeric character references.

Names and values come from the standard library's html.entities.html5 (the table of the HTML standard, section
"Named character references", with and without the final semicolon). What a numeric reference becomes is read off
html.unescape() for every code point: most stand for themselves, some are replaced, some vanish.
"""
import html
import os
from html.entities import html5

LIMIT = 0x110000


def numeric():
    """(first, last, value): value 0 drops the reference; code points in no row stand for themselves."""
    out = []
    for c in range(LIMIT):
        got = html.unescape('&#%d;' % c)
        assert len(got) <= 1
        value = ord(got) if got else 0
        if got and value == c:
            continue
        if out and out[-1][1] == c - 1 and out[-1][2] == value:
            out[-1][1] = c
        else:
            out.append([c, c, value])
    assert html.unescape('&#%d;' % LIMIT) == '\ufffd'
    return out


def rows(items):
    lines, line = [], '   '
    for item in items:
        if len(line) + len(item) + 1 > 100:
            lines.append(line)
            line = '   '
        line += ' ' + item
    return '\n'.join(lines + [line])


def main():
    names = sorted(html5)
    assert all(n.isascii() and 2 <= len(n) <= 32 for n in names) and all(len(v) <= 2 for v in html5.values())
    numbers = numeric()
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'html_data.c')
    with open(path, 'w', encoding='ascii', newline='\n') as f:
        f.write('// HTML5 character references. Written by gen_html.py; do not edit.\n'
                '#include "text/html.h"\n\n// clang-format off\n'
                'const struct wc_html_name wc_html_names[] = { // sorted by bytes\n')
        f.write(rows('{"%s",{%s}},' % (n, ','.join('0x%x' % ord(x) for x in html5[n])) for n in names))
        f.write('\n};\nconst struct wc_html_number wc_html_numbers[] = {\n')
        f.write(rows('{0x%x,0x%x,0x%x},' % tuple(r) for r in numbers))
        f.write('\n};\n// clang-format on\n'
                'const size_t wc_html_n_names = sizeof wc_html_names / sizeof *wc_html_names;\n'
                'const size_t wc_html_n_numbers = sizeof wc_html_numbers / sizeof *wc_html_numbers;\n')
    print(f'{path}: {len(names)} names, {len(numbers)} numeric ranges')


main()
