/*
 * The option table: one row a configuration key. It drives reading YAML and --set, defaults,
 * validation, the effective dump, the run's hash, --help and the man page; a new key is a new field
 * of struct wc_config and a new row in options.c, nothing else.
 *
 * The table is constant and may be read by any thread.
 */
#ifndef WC_CONFIG_OPTIONS_H
#define WC_CONFIG_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

// What a key holds, and the field's C type.
enum wc_option_type {
    WC_OPTION_SECTION,  // none: heads the keys "section.key" that follow it
    WC_OPTION_TEXT,     // char *; with choices: one of these words
    WC_OPTION_NAME,     // char *; a word of a-z, 0-9 and "_", looked up by the layer that owns it
    WC_OPTION_LABEL,    // char *; as a name, and "-", ".", "+": distinguishes rows of a report
    WC_OPTION_PATH,     // char *; absolute once read; a choice stays as it is
    WC_OPTION_WEIGHTS,  // char *; a path, or "demo" or "random:ARCH[:SEED]"
    WC_OPTION_TEXTS,    // struct wc_strlist; one text or a list; a choice stands for the empty list
    WC_OPTION_NAMES,    // struct wc_strlist; one name or a list, not empty; with choices: of these
    WC_OPTION_METHODS,  // struct wc_method_list; one name or {name: ...} or a list, not empty
    WC_OPTION_INTEGERS, // struct wc_int_list; one number or a list, none twice
    WC_OPTION_COUNT,    // uint64_t; a choice stands for a number (auto, native: 0)
    WC_OPTION_REAL,     // double
    WC_OPTION_REALS,    // struct wc_real_list; one number or a list, none twice
    WC_OPTION_BOOL,     // bool; by choices (false, true or the key's own words)
    WC_OPTION_CHOICE,   // int; by choices
    WC_OPTION_N_TYPES
};

// A word and its number. The first word of a number is the one that dumps and help show; later ones
// are aliases. Lists end with a NULL name.
struct wc_choice {
    const char *name;
    int value;
};

enum wc_option_flag {
    WC_OPTION_HASHED = 1,   // can change a result: part of the run's identity
    WC_OPTION_REQUIRED = 2, // a configuration file must give it
    WC_OPTION_LATER = 8,    // hashed only where it differs from its default, so that a key that is
                            // added leaves the identity of earlier runs as it was
    WC_OPTION_OUTPUT = 4,   // a path that is relative to the current directory, not to the file
};

struct wc_option {
    const char *key; // dotted path: "evaluation.size"
    enum wc_option_type type;
    unsigned flags;
    size_t offset; // of the field in struct wc_config (rows of entries: struct wc_method_entry)
    const char
        *fallback; // the default as YAML text; "null": unset (from the preset, built in, none)
    const struct wc_choice *choices; // or NULL
    double min, max;                 // numbers: the allowed range, both inclusive
    const char *help;                // one line
};

// All rows, in the order of dumps and help; *n receives their count. The keys of a section stand
// together, right below its row.
const struct wc_option *wc_options(size_t *n);

// The row of a dotted key, or NULL.
const struct wc_option *wc_option_find(const char *key);

// The key or section that `key` is probably a slip of, or NULL.
const char *wc_option_nearest(const char *key);

// The choice of that name (aliases too), or NULL; and the first name of a value, or NULL.
const struct wc_choice *wc_choice_find(const struct wc_choice *choices, const char *name);
const char *wc_choice_name(const struct wc_choice *choices, int value);

#endif
