/*
 * `bench --simulate KEY=VALUE …`: prints what sched/simulate.h says of a run's images on other
 * numbers of ranks.
 */
#ifndef WC_CLI_BENCH_SIMULATE_H
#define WC_CLI_BENCH_SIMULATE_H

#include "base/str.h"

// What the keys mean, for --help.
#define WC_BENCH_SIMULATE_HELP                                                                      \
    "--simulate KEY=VALUE replays the seconds that a run's images took on other numbers of ranks, " \
    "by the\nhand-out's own rules; may be repeated:\n"                                              \
    "  run=RUN ranks=N,N,...   needed; then, with their defaults: images (the run's), "             \
    "categories=12,\n  latency=5e-6 and service=1e-6 (seconds of a one-sided question), "           \
    "prototype=0 (seconds a category),\n  reduce_mb=100 bandwidth=1e9 (histograms at the end), "    \
    "slow_part=0 slow_factor=1 (slower ranks)\n"

// `settings`: "ranks=64,1024", "run=RUN", ... as the help lists them. Prints to stdout.
enum wc_err wc_bench_simulate(const struct wc_strlist *settings, struct wc_error *err);

#endif
