// winclip-mpi help [COMMAND]; help --man|--bash|--zsh FILE.
#include "base/alloc.h"
#include "base/io.h"
#include "cli/commands.h"
#include "cli/manual.h"

#include <mpi.h>
#include <stdio.h>
#include <string.h>

/* Collecting: every command is asked for its help while a visitor listens. */

static void keep(void *data, const struct wc_command *command, const struct wc_arg *arg, size_t n) {
    struct wc_manual *m = data;
    struct wc_manual_entry e = {.command = *command, .n_args = n};
    if (m->rc != WC_OK)
        return;
    m->rc = WC_GROW(&m->entry, &m->cap, m->n + 1, "manual", &m->err);
    if (m->rc == WC_OK && n > 0)
        m->rc = WC_NEW(&e.arg, n, "manual", &m->err);
    if (m->rc == WC_OK && !(e.name = wc_strdup(command->name)))
        m->rc = WC_FAIL(&m->err, WC_ERR_NOMEM, "manual: out of memory");
    if (m->rc != WC_OK) {
        wc_free(e.arg);
        return;
    }
    if (n > 0)
        memcpy(e.arg, arg, n * sizeof *arg);
    e.command.name = e.name;
    m->entry[m->n++] = e;
}

static enum wc_err ask(const struct wc_command *c, const char *sub, size_t n_sub,
                       struct wc_error *err) {
    char name[64], word[64], help[] = "--help";
    char *argv[4] = {name, help, NULL, NULL};
    snprintf(name, sizeof name, "%s", c->name);
    if (sub) {
        snprintf(word, sizeof word, "%.*s", (int)n_sub, sub);
        argv[1] = word;
        argv[2] = help;
    }
    return c->run(sub ? 3 : 2, argv, err);
}

static enum wc_err ask_all(struct wc_error *err) {
    size_t n;
    const struct wc_command *const *c = wc_commands(&n);
    for (size_t i = 0; i < n; i++) {
        WC_TRY(ask(c[i], NULL, 0, err));
        for (const char *p = c[i]->subcommands; p && *p;) {
            size_t n_word = strcspn(p, " ");
            WC_TRY(ask(c[i], p, n_word, err));
            p += n_word + (p[n_word] == ' ');
        }
    }
    return WC_OK;
}

enum wc_err wc_manual_collect(struct wc_manual *m, struct wc_error *err) {
    wc_args_visit(keep, m);
    enum wc_err rc = ask_all(err);
    wc_args_visit(NULL, NULL);
    if (rc == WC_OK && m->rc != WC_OK)
        rc = WC_FAIL(err, m->rc, "%s", m->err.text);
    return rc;
}

void wc_manual_release(struct wc_manual *m) {
    for (size_t i = 0; i < m->n; i++) {
        wc_free(m->entry[i].name);
        wc_free(m->entry[i].arg);
    }
    wc_free(m->entry);
    *m = (struct wc_manual){0};
}

/* The command. */

static enum wc_err write_manual(const char *path,
                                enum wc_err (*make)(const struct wc_manual *, struct wc_buf *,
                                                    struct wc_error *),
                                struct wc_error *err) {
    struct wc_manual m = {0};
    struct wc_buf text = {0};
    enum wc_err rc = wc_manual_collect(&m, err);
    if (rc == WC_OK)
        rc = make(&m, &text, err);
    if (rc == WC_OK)
        rc = wc_io_write_atomic(path, wc_buf_str(&text), text.n, err);
    wc_buf_release(&text);
    wc_manual_release(&m);
    return rc;
}

// Commands that use MPI may call it before they read their arguments.
static void with_mpi(void) {
    int started = 0, provided;
    MPI_Initialized(&started);
    if (!started)
        MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &provided);
}

static void without_mpi(void) {
    int started = 0, ended = 0;
    MPI_Initialized(&started);
    MPI_Finalized(&ended);
    if (started && !ended)
        MPI_Finalize();
}

static enum wc_err help_of(const struct wc_strlist *words, struct wc_error *err) {
    size_t n;
    const struct wc_command *const *c = wc_commands(&n);
    for (size_t i = 0; i < n; i++)
        if (strcmp(c[i]->name, words->item[0]) == 0) {
            const char *sub = words->n > 1 ? words->item[1] : NULL;
            if (c[i]->uses_mpi)
                with_mpi();
            return ask(c[i], sub, sub ? strlen(sub) : 0, err);
        }
    return WC_FAIL(err, WC_ERR_USAGE, "help: \"%s\" is no command; winclip-mpi --help lists them",
                   words->item[0]);
}

static enum wc_err run(int argc, char **argv, struct wc_error *err) {
    struct wc_strlist words = {0};
    const char *man = NULL, *bash = NULL, *zsh = NULL;
    bool help;
    const struct wc_arg args[] = {
        {"--man", 0, WC_ARG_TEXT, &man, "FILE", "write the man page winclip-mpi.1"},
        {"--bash", 0, WC_ARG_TEXT, &bash, "FILE", "write the completion for bash"},
        {"--zsh", 0, WC_ARG_TEXT, &zsh, "FILE", "write the completion for zsh"},
    };
    enum wc_err rc = wc_args_parse(argc, argv, args, 3, &words, &help, err);
    if (rc == WC_OK && help)
        wc_args_help(&wc_command_help, args, 3);
    else if (rc == WC_OK && words.n > 0)
        rc = help_of(&words, err);
    else if (rc == WC_OK && !man && !bash && !zsh)
        wc_print_help();
    if (man || bash || zsh)
        with_mpi();
    if (rc == WC_OK && man)
        rc = write_manual(man, wc_manual_man, err);
    if (rc == WC_OK && bash)
        rc = write_manual(bash, wc_manual_bash, err);
    if (rc == WC_OK && zsh)
        rc = write_manual(zsh, wc_manual_zsh, err);
    if (!help)
        without_mpi();
    wc_strlist_release(&words);
    return rc;
}

const struct wc_command wc_command_help = {
    .name = "help",
    .operands = "[COMMAND]",
    .summary = "what the commands do; man page and shell completions",
    .run = run,
};
