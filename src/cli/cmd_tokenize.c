// winclip-mpi tokenize [TEXT...|-]
#include "base/alloc.h"
#include "cli/commands.h"
#include "text/tokenizer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_CONTEXT 4096

static int hex_digit(char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

// Undoes \t \n \r \\ and \xHH in place; the new length. Other backslashes stay as they are.
static size_t unescape(char *s, size_t n) {
    size_t o = 0;
    for (size_t i = 0; i < n; i++) {
        char c = s[i], next = i + 1 < n ? s[i + 1] : '\0';
        int high = next == 'x' && i + 3 < n ? hex_digit(s[i + 2]) : -1,
            low = high >= 0 ? hex_digit(s[i + 3]) : -1;
        if (c != '\\' || !(strchr("tnr\\", next) || low >= 0) || next == '\0') {
            s[o++] = c;
        } else if (low >= 0) {
            s[o++] = (char)(high << 4 | low);
            i += 3;
        } else {
            s[o++] = next == 't' ? '\t' : next == 'n' ? '\n' : next == 'r' ? '\r' : '\\';
            i++;
        }
    }
    return o;
}

// One line of output: the text as it was given, a tab, the ids.
static enum wc_err print_ids(const struct wc_tokenizer *t, const char *shown, const char *text,
                             size_t n, size_t context, int32_t *ids, struct wc_error *err) {
    size_t n_ids;
    WC_TRY(wc_tokenize(t, text, n, context, ids, &n_ids, err));
    printf("%s\t", shown);
    for (size_t i = 0; i < n_ids; i++)
        printf("%s%d", i > 0 ? " " : "", (int)ids[i]);
    putchar('\n');
    return WC_OK;
}

// Lines of stdin, split at byte 0x0a alone.
static enum wc_err tokenize_stdin(const struct wc_tokenizer *t, size_t context, int32_t *ids,
                                  struct wc_error *err) {
    char *line = NULL;
    size_t cap = 0, number = 0;
    ssize_t n;
    enum wc_err rc = WC_OK;
    while (rc == WC_OK && (n = getline(&line, &cap, stdin)) >= 0) {
        number++;
        if (n > 0 && line[n - 1] == '\n')
            line[--n] = '\0';
        char *shown = wc_strndup(line, (size_t)n);
        if (!shown)
            rc = WC_FAIL(err, WC_ERR_NOMEM, "standard input, line %zu: out of memory", number);
        else
            rc = print_ids(t, shown, line, unescape(line, (size_t)n), context, ids, err);
        if (rc == WC_ERR_DATA)
            rc = WC_FAULT(err, rc, err->fault, "standard input, line %zu: %s", number, err->text);
        wc_free(shown);
    }
    free(line); // getline's own
    return rc;
}

static enum wc_err run(int argc, char **argv, struct wc_error *err) {
    struct wc_strlist texts = {0};
    struct wc_tokenizer *t = NULL;
    const char *bpe = NULL;
    uint64_t context = 77;
    int32_t *ids = NULL;
    bool help;
    const struct wc_arg args[] = {
        {"--bpe", 0, WC_ARG_TEXT, &bpe, "FILE",
         "merges file, plain or gzip; default: CLIP's, built in"},
        {"--context", 0, WC_ARG_COUNT, &context, "N", "longest list of ids (77)"},
    };
    enum wc_err rc = wc_args_parse(argc, argv, args, 2, &texts, &help, err);
    if (rc == WC_OK && help)
        wc_args_help(&wc_command_tokenize, args, 2);
    if (rc != WC_OK || help)
        goto out;
    if (context < 2 || context > MAX_CONTEXT) {
        rc = WC_FAIL(err, WC_ERR_USAGE, "tokenize: --context %llu, 2 to %d are possible",
                     (unsigned long long)context, MAX_CONTEXT);
        goto out;
    }
    if ((rc = wc_tokenizer_new(bpe, &t, err)) != WC_OK ||
        (rc = WC_NEW(&ids, (size_t)context, "token ids", err)) != WC_OK)
        goto out;
    if (texts.n == 0 || (texts.n == 1 && strcmp(texts.item[0], "-") == 0))
        rc = tokenize_stdin(t, (size_t)context, ids, err);
    else
        for (size_t i = 0; i < texts.n && rc == WC_OK; i++)
            rc = print_ids(t, texts.item[i], texts.item[i], strlen(texts.item[i]), (size_t)context,
                           ids, err);
out:
    wc_free(ids);
    wc_tokenizer_free(&t);
    wc_strlist_release(&texts);
    return rc;
}

const struct wc_command wc_command_tokenize = {
    .name = "tokenize",
    .operands = "[TEXT...|-]",
    .summary = "token ids of texts, as CLIP's tokenizer gives them",
    .details =
        "Texts are arguments, or lines of standard input with the escapes \\t \\n \\r \\\\ \\xHH.\n"
        "Output: text, a tab, the ids from start to end of text.\n",
    .run = run,
};
