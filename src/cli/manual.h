/*
 * Private to cli: man page and shell completions, made from the tables of commands and of
 * configuration keys.
 */
#ifndef WC_CLI_MANUAL_H
#define WC_CLI_MANUAL_H

#include "cli/args.h"

// What the commands say of themselves, collected once. Texts belong to the commands but for the
// options, whose tables do not outlive the command's call and are copied (not their values).
struct wc_manual_entry {
    struct wc_command command;
    char *name; // "model info": a subcommand's command is copied with its name
    struct wc_arg *arg;
    size_t n_args;
};
struct wc_manual {
    struct wc_manual_entry *entry;
    size_t n, cap;
    enum wc_err rc; // of collecting
    struct wc_error err;
};

enum wc_err wc_manual_collect(struct wc_manual *m, struct wc_error *err);
void wc_manual_release(struct wc_manual *m);

// The page winclip-mpi(1) as roff; completions for bash and zsh. Deterministic: no date.
enum wc_err wc_manual_man(const struct wc_manual *m, struct wc_buf *out, struct wc_error *err);
enum wc_err wc_manual_bash(const struct wc_manual *m, struct wc_buf *out, struct wc_error *err);
enum wc_err wc_manual_zsh(const struct wc_manual *m, struct wc_buf *out, struct wc_error *err);

#endif
