// winclip-mpi: finds the command, starts MPI where it is needed, and turns errors into messages and
// exit codes.
#include "base/fault.h"
#include "base/log.h"
#include "cli/commands.h"

#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct wc_command *const commands[] = {
    &wc_command_run,      &wc_command_check,   &wc_command_bench,  &wc_command_features,
    &wc_command_image,    &wc_command_metrics, &wc_command_model,  &wc_command_prompts,
    &wc_command_tokenize, &wc_command_score,   &wc_command_report, &wc_command_status,
    &wc_command_demo,     &wc_command_help,
};
#define N_COMMANDS (sizeof commands / sizeof *commands)

const struct wc_command *const *wc_commands(size_t *n) {
    *n = N_COMMANDS;
    return commands;
}

// A line for each part of a text with semicolons.
static void print_folded(const char *text) {
    for (size_t n; *text; text += n + strspn(text + n, "; ")) {
        n = strcspn(text, ";");
        printf("  %.*s\n", (int)n, text);
    }
}

void wc_print_help(void) {
    printf("winclip-mpi %s: WinCLIP and WinCLIP+ over whole data sets, on one core or a cluster\n\n"
           "  srun -n 64 winclip-mpi configs/visa.yaml      the same as: winclip-mpi run CONFIG\n\n"
           "Commands (winclip-mpi COMMAND --help says more):\n",
           WC_VERSION);
    for (size_t i = 0; i < N_COMMANDS; i++)
        printf("  %-10s %s\n", commands[i]->name, commands[i]->summary);
    printf(
        "\nEverywhere: -v (more log), -q (errors only), --version, --help\n"
        "Exit codes: 0 ok, 2 usage, 3 configuration, 4 data or weights, 5 input or output, 6 out of memory,\n"
        "            70 bug, 75 stopped, the same command goes on\n"
        "Limits, beyond which a file is refused:\n");
    print_folded(WC_LIMITS_TEXT);
}

static const struct wc_command *find(const char *name) {
    for (size_t i = 0; i < N_COMMANDS; i++)
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    return NULL;
}

static int usage_error(const char *name) {
    const char *names[N_COMMANDS];
    for (size_t i = 0; i < N_COMMANDS; i++)
        names[i] = commands[i]->name;
    const char *near = wc_str_nearest(name, names, N_COMMANDS);
    fprintf(
        stderr,
        "winclip-mpi: \"%s\" is no command and no configuration file (.yaml)%s%s; see winclip-mpi --help\n",
        name, near ? "; did you mean " : "", near ? near : "");
    return WC_ERR_USAGE;
}

static void print_error(const struct wc_error *err, int rank) {
    if (rank > 0)
        return; // all ranks have agreed on one error
    wc_log_progress(NULL);
    fprintf(stderr, "winclip-mpi: %s%s%s%s\n", err->text[0] ? err->text : "failed",
            err->fault ? " [" : "", err->fault ? err->fault : "", err->fault ? "]" : "");
}

// Takes the options that every command has out of argv; returns the new argc.
static int take_global(int argc, char **argv, enum wc_log_level *level) {
    int n = 0;
    bool options = true;
    for (int i = 0; i < argc; i++) {
        options = options && strcmp(argv[i], "--") != 0;
        if (options && (strcmp(argv[i], "-v") == 0 || strcmp(argv[i], "--verbose") == 0))
            *level = WC_LOG_DEBUG;
        else if (options && (strcmp(argv[i], "-q") == 0 || strcmp(argv[i], "--quiet") == 0))
            *level = WC_LOG_ERROR;
        else
            argv[n++] = argv[i];
    }
    argv[n] = NULL;
    return n;
}

static int run_command(const struct wc_command *command, int argc, char **argv,
                       enum wc_log_level level) {
    struct wc_error err = {0};
    int rank = -1;
    wc_log_init(level, -1);
    if (command->uses_mpi) {
        int provided;
        MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided);
        MPI_Comm_rank(MPI_COMM_WORLD, &rank);
        wc_log_init(level, rank);
        if (provided < MPI_THREAD_FUNNELED) {
            fprintf(stderr,
                    "winclip-mpi: this MPI gives no MPI_THREAD_FUNNELED; use one that does\n");
            MPI_Abort(MPI_COMM_WORLD, WC_ERR_IO);
        }
    }
    enum wc_err rc = command->run(argc, argv, &err);
    if (rc != WC_OK)
        print_error(&err, rank);
    if (fflush(stdout) != 0 && rc == WC_OK) {
        fprintf(stderr, "winclip-mpi: standard output: write failed\n");
        rc = WC_ERR_IO;
    }
    if (command->uses_mpi)
        MPI_Finalize();
    return (int)rc;
}

int main(int argc, char **argv) {
    enum wc_log_level level = WC_LOG_INFO;
    argc = take_global(argc, argv, &level);
    if (!wc_fault_init()) {
        fprintf(stderr, "winclip-mpi: $WC_FAULT is not KIND:N[:persist]\n");
        return WC_ERR_USAGE;
    }
    if (argc < 2) {
        wc_print_help();
        return WC_ERR_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        wc_print_help();
        return 0;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("winclip-mpi %s\n", WC_VERSION);
        return 0;
    }
    const struct wc_command *command = find(argv[1]);
    if (command)
        return run_command(command, argc - 1, argv + 1, level);
    bool config = wc_str_ends_nocase(argv[1], ".yaml") || wc_str_ends_nocase(argv[1], ".yml") ||
                  argv[1][0] == '-';
    if (!config)
        return usage_error(argv[1]);
    return run_command(&wc_command_run, argc, argv,
                       level); // argv[0] stands for "run"
}
