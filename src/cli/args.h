/*
 * Command lines: one table of options a command drives parsing, `--help` and errors.
 *
 * `--name value`, `--name=value`, flags, repeated options, `--` and single-letter aliases are
 * understood; a lone "-" is an operand. An unknown option is WC_ERR_USAGE with the nearest known
 * name.
 */
#ifndef WC_CLI_ARGS_H
#define WC_CLI_ARGS_H

#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum wc_arg_type {
    WC_ARG_FLAG,  // bool
    WC_ARG_TEXT,  // const char *
    WC_ARG_LIST,  // struct wc_strlist, repeated
    WC_ARG_COUNT, // uint64_t
    WC_ARG_REAL,  // double
};

struct wc_arg {
    const char *name; // "--set"
    char letter;      // 's' for -s, 0: none
    enum wc_arg_type type;
    void *value;
    const char *operand; // "KEY=VALUE" for --help
    const char *help;
};

struct wc_command {
    const char *name;
    const char *operands; // "CONFIG", for --help; "" where there is none
    const char *summary;
    const char *details; // more for --help; may be NULL
    bool uses_mpi;
    const char *subcommands; // "info convert", each with a --help of its own; may be NULL
    // argv[0] is the command's name. The result is the exit code's error.
    enum wc_err (*run)(int argc, char **argv, struct wc_error *err);
};

// Parses argv[1..] with the table (n options); operands are appended to `operands`. `help` is set
// when --help was asked for; then nothing else is checked.
enum wc_err wc_args_parse(int argc, char **argv, const struct wc_arg *arg, size_t n,
                          struct wc_strlist *operands, bool *help, struct wc_error *err);

// Prints a command's help to stdout, or hands it to the visitor.
void wc_args_help(const struct wc_command *command, const struct wc_arg *arg, size_t n);

// While a visitor is set, wc_args_help() calls it instead of printing: so that man page and
// completions are made from the tables that parse. NULL: prints again. Not thread-safe.
typedef void wc_args_visitor(void *data, const struct wc_command *command, const struct wc_arg *arg,
                             size_t n);
void wc_args_visit(wc_args_visitor *visit, void *data);

#endif
