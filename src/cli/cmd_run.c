// winclip-mpi run CONFIG
#include "base/alloc.h"
#include "base/log.h"
#include "cli/commands.h"
#include "cli/installed.h"
#include "cli/time_limit.h"
#include "config/study.h"
#include "report/study.h"
#include "sched/dry_run.h"

#include <mpi.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// Set by signals: the only channel that a handler has.
static volatile sig_atomic_t stop;

static void on_signal(int number) {
    if (stop && number == SIGINT)
        _Exit(128 + SIGINT); // asked twice
    stop = 1;
}

static void *sleep_for_ever(void *unused) {
    (void)unused;
    for (;;)
        pause();
    return NULL;
}

// The handler must not run on a stack that computes: oneDNN's sgemm (seen in 2.6) keeps data below
// its stack pointer, where the kernel puts the handler's frame, and the heap was damaged in one run
// of four that were asked to stop. So a thread that does nothing else takes the signals, and they
// are blocked in this one and in the team that OpenMP starts from it later.
static void catch_signals(void) {
    static const int numbers[] = {SIGTERM, SIGINT, SIGUSR1};
    struct sigaction a;
    pthread_t taker;
    sigset_t set;
    memset(&a, 0, sizeof a);
    a.sa_handler = on_signal;
    a.sa_flags = SA_RESTART;
    sigemptyset(&a.sa_mask);
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        sigaddset(&set, numbers[i]);
        sigaction(numbers[i], &a, NULL);
    }
    // Without the thread the signals stay where they are: better a rare crash than a deaf run.
    if (pthread_create(&taker, NULL, sleep_for_ever, NULL) != 0)
        return;
    pthread_detach(taker);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
}

// Slurm started several tasks, but each of them is an MPI world of its own: 64 copies of the same
// work.
static enum wc_err check_launch(const struct wc_config *c, struct wc_error *err) {
    int n_ranks;
    uint64_t n_tasks = 1;
    const char *text = getenv("SLURM_STEP_NUM_TASKS");
    if (!text)
        text = getenv("SLURM_NTASKS");
    MPI_Comm_size(MPI_COMM_WORLD, &n_ranks);
    bool by_mpirun =
        getenv("OMPI_COMM_WORLD_SIZE") != NULL && getenv("SLURM_STEP_NUM_TASKS") == NULL;
    if (n_ranks > 1 || by_mpirun || c->allow_singleton || !text || !wc_parse_u64(text, &n_tasks) ||
        n_tasks < 2)
        return WC_OK;
    return WC_FAIL(
        err, WC_ERR_CONFIG,
        "Slurm has %llu tasks, but MPI sees one rank: the tasks do not find each other. Start with `srun "
        "--mpi=pmix` (or pmi2; `srun --mpi=list` shows what there is), use an Open MPI built with that PMI, "
        "or mpirun; to run one rank all the same: --set allow_singleton=true",
        (unsigned long long)n_tasks);
}

// Rank 0: a study's report from those of its runs; a configuration's own.
static enum wc_err print(const struct wc_study *study, const struct wc_run_result *result,
                         struct wc_error *err) {
    struct wc_study_entry *entry = NULL;
    struct wc_buf text = {0};
    if (!study->output) {
        fputs(wc_buf_str(&result[0].text), stdout);
        return WC_OK;
    }
    WC_TRY(WC_NEW(&entry, study->n, "study", err));
    for (size_t i = 0; i < study->n; i++)
        entry[i] = (struct wc_study_entry){study->run[i].name, study->run[i].name, result[i].model,
                                           result[i].run_id};
    enum wc_err rc = wc_study_report(entry, study->n, study->output, &text, err);
    if (rc == WC_OK)
        fputs(wc_buf_str(&text), stdout);
    wc_buf_release(&text);
    wc_free(entry);
    return rc;
}

static enum wc_err dry_run(const struct wc_run_options *options, size_t n, int rank,
                           struct wc_error *err) {
    struct wc_buf text = {0};
    enum wc_err rc = wc_dry_run(options, n, &text, err);
    if (rc == WC_OK && rank == 0)
        fputs(wc_buf_str(&text), stdout);
    wc_buf_release(&text);
    return rc;
}

static enum wc_err run_study(const struct wc_study *study, const struct wc_run_options *options,
                             int rank, struct wc_error *err) {
    struct wc_run_result *result = NULL;
    WC_TRY(WC_NEW(&result, study->n, "runs", err));
    enum wc_err rc = wc_run(study->output, options, study->n, result, err);
    if ((rc == WC_OK || rc == WC_ERR_DATA) && rank == 0 && result[0].text.n > 0) {
        enum wc_err print_rc = print(study, result, rc == WC_OK ? err : NULL);
        rc = rc == WC_OK ? print_rc : rc;
    }
    for (size_t i = 0; i < study->n; i++)
        wc_buf_release(&result[i].text);
    wc_free(result);
    return rc;
}

// The study's runs, each as `common` says.
static enum wc_err start(const struct wc_study *study, const struct wc_run_options *common,
                         int rank, struct wc_error *err) {
    struct wc_run_options *options = NULL;
    WC_TRY(WC_NEW(&options, study->n, "runs", err));
    for (size_t i = 0; i < study->n; i++) {
        options[i] = *common;
        options[i].name = study->run[i].name;
        options[i].config = &study->run[i].config;
    }
    enum wc_err rc =
        common->dry ? dry_run(options, study->n, rank, err) : run_study(study, options, rank, err);
    wc_free(options);
    return rc;
}

static enum wc_err add_bootstrap(struct wc_strlist *sets, const char *replicates,
                                 struct wc_error *err) {
    char *set = wc_sprintf("bootstrap.replicates=%s", replicates);
    enum wc_err rc =
        set ? wc_strlist_add(sets, set, err) : WC_FAIL(err, WC_ERR_NOMEM, "run: out of memory");
    wc_free(set);
    return rc;
}

static enum wc_err run(int argc, char **argv, struct wc_error *err) {
    struct wc_strlist sets = {0}, only = {0}, operands = {0};
    struct wc_study study = {0};
    struct wc_buf text = {0};
    bool dry = false, fresh = false, help = false;
    char *path = NULL;
    const char *limit = NULL, *replicates = NULL;
    double deadline_s = 0;
    int rank;
    const struct wc_arg args[] = {
        {"--set", 0, WC_ARG_LIST, &sets, "KEY=VALUE",
         "override a key of the configuration; may be repeated"},
        {"--fresh", 0, WC_ARG_FLAG, &fresh, NULL,
         "forget what an earlier run left in the output folder"},
        {"--bootstrap", 0, WC_ARG_TEXT, &replicates, "N",
         "intervals of the image metrics: --set bootstrap.replicates=N"},
        {"--time-limit", 0, WC_ARG_TEXT, &limit, "TIME",
         "stop in time, with exit code 75: seconds or [D-]HH:MM:SS; default: the Slurm job's; 0: "
         "none"},
        {"--dry-run", 0, WC_ARG_FLAG, &dry, NULL,
         "print images, estimated core-hours, memory and disk of each run; write nothing"},
        {"--only", 0, WC_ARG_LIST, &only, "NAME",
         "of a study only the runs of this name (a shell's pattern); may be repeated"},
    };
    const size_t n_args = sizeof args / sizeof *args;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    enum wc_err rc = wc_args_parse(argc, argv, args, n_args, &operands, &help, err);
    if (rc == WC_OK && help && rank == 0) {
        wc_args_help(&wc_command_run, args, n_args);
        rc = wc_config_help(&text, err);
        printf("\nKeys of a configuration:\n%s", wc_buf_str(&text));
    }
    if (rc != WC_OK || help)
        goto out;
    if (operands.n != 1) {
        rc = WC_FAIL(err, WC_ERR_USAGE,
                     "run: one configuration file is needed, %zu given; see winclip-mpi run --help",
                     operands.n);
        goto out;
    }
    rc = wc_time_limit_deadline(limit, &deadline_s, err);
    if (rc == WC_OK && replicates)
        rc = add_bootstrap(&sets, replicates, err);
    if (rc == WC_OK)
        rc = wc_installed_find("configs", operands.item[0], &path, err);
    if (rc == WC_OK)
        rc = wc_study_read(path, &sets, &only, &study, err);
    if (rc == WC_OK)
        rc = check_launch(&study.run[0].config, err);
    if (rc != WC_OK)
        goto out;
    catch_signals();
    const struct wc_run_options common = {
        .dry = dry, .fresh = fresh, .stop = &stop, .deadline_s = deadline_s};
    rc = start(&study, &common, rank, err);
out:
    wc_buf_release(&text);
    wc_study_release(&study);
    wc_free(path);
    wc_strlist_release(&sets);
    wc_strlist_release(&only);
    wc_strlist_release(&operands);
    return rc;
}

const struct wc_command wc_command_run = {
    .name = "run",
    .operands = "CONFIG",
    .summary = "score a data set and report its metrics; the same command goes on after a stop",
    .uses_mpi = true,
    .run = run,
};
