#include "cli/args.h"

#include <stdio.h>
#include <string.h>

// Set by `help` before it asks the commands; only the thread that parses command lines touches it.
static struct {
    wc_args_visitor *visit;
    void *data;
} visitor;

void wc_args_visit(wc_args_visitor *visit, void *data) {
    visitor.visit = visit;
    visitor.data = data;
}

static const struct wc_arg *find(const char *name, size_t n_name, const struct wc_arg *arg,
                                 size_t n) {
    for (size_t i = 0; i < n; i++) {
        bool whole = strlen(arg[i].name) == n_name && strncmp(arg[i].name, name, n_name) == 0;
        bool letter = n_name == 2 && name[0] == '-' && arg[i].letter && name[1] == arg[i].letter;
        if (whole || letter)
            return &arg[i];
    }
    return NULL;
}

static enum wc_err unknown(const char *command, const char *text, size_t n_name,
                           const struct wc_arg *arg, size_t n, struct wc_error *err) {
    const char *names[64];
    char name[64];
    snprintf(name, sizeof name, "%.*s", (int)(n_name < 63 ? n_name : 63), text);
    for (size_t i = 0; i < n && i < 64; i++)
        names[i] = arg[i].name;
    const char *near = wc_str_nearest(name, names, n < 64 ? n : 64);
    return WC_FAIL(err, WC_ERR_USAGE, "%s: unknown option %s%s%s; see winclip-mpi %s --help",
                   command, name, near ? ", did you mean " : "", near ? near : "", command);
}

static enum wc_err store(const char *command, const struct wc_arg *a, const char *value,
                         struct wc_error *err) {
    switch (a->type) {
    case WC_ARG_FLAG:
        *(bool *)a->value = true;
        return WC_OK;
    case WC_ARG_TEXT:
        *(const char **)a->value = value;
        return WC_OK;
    case WC_ARG_LIST:
        return wc_strlist_add(a->value, value, err);
    case WC_ARG_COUNT:
        if (wc_parse_u64(value, a->value))
            return WC_OK;
        break;
    case WC_ARG_REAL:
        if (wc_parse_f64(value, a->value))
            return WC_OK;
        break;
    }
    return WC_FAIL(err, WC_ERR_USAGE, "%s: %s \"%s\": a number is needed", command, a->name, value);
}

enum wc_err wc_args_parse(int argc, char **argv, const struct wc_arg *arg, size_t n,
                          struct wc_strlist *operands, bool *help, struct wc_error *err) {
    bool options = true;
    *help = false;
    for (int i = 1; i < argc; i++) {
        const char *text = argv[i], *equals = strchr(text, '=');
        if (!options || text[0] != '-' || text[1] == '\0') {
            WC_TRY(wc_strlist_add(operands, text, err));
            continue;
        }
        if (strcmp(text, "--") == 0) {
            options = false;
            continue;
        }
        if (strcmp(text, "--help") == 0 || strcmp(text, "-h") == 0) {
            *help = true;
            return WC_OK;
        }
        size_t n_name = equals ? (size_t)(equals - text) : strlen(text);
        const struct wc_arg *a = find(text, n_name, arg, n);
        if (!a)
            return unknown(argv[0], text, n_name, arg, n, err);
        if (a->type == WC_ARG_FLAG && equals)
            return WC_FAIL(err, WC_ERR_USAGE, "%s: %s takes no value", argv[0], a->name);
        const char *value = equals ? equals + 1 : NULL;
        if (a->type != WC_ARG_FLAG && !value) {
            if (i + 1 >= argc)
                return WC_FAIL(err, WC_ERR_USAGE, "%s: %s needs a value (%s)", argv[0], a->name,
                               a->operand);
            value = argv[++i];
        }
        WC_TRY(store(argv[0], a, value, err));
    }
    return WC_OK;
}

void wc_args_help(const struct wc_command *command, const struct wc_arg *arg, size_t n) {
    if (visitor.visit) {
        visitor.visit(visitor.data, command, arg, n);
        return;
    }
    printf("winclip-mpi %s %s%s\n\n%s.\n", command->name, n > 0 ? "[options] " : "",
           command->operands, command->summary);
    if (command->details)
        printf("\n%s", command->details);
    if (n > 0)
        printf("\nOptions:\n");
    for (size_t i = 0; i < n; i++) {
        char left[64], letter[8] = "";
        if (arg[i].letter)
            snprintf(letter, sizeof letter, "-%c, ", arg[i].letter);
        snprintf(left, sizeof left, "%s%s %s", letter, arg[i].name,
                 arg[i].operand ? arg[i].operand : "");
        printf("  %-28s %s\n", left, arg[i].help);
    }
}
