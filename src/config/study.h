/*
 * Studies: several runs as one job. A study file has the keys `runs` and, or, `matrix`; any other
 * file is a configuration, which is read as a study of one run.
 *
 *     output: runs/ablations         # a folder, from the current directory; each run's below it.
 *                                    # Default: runs/<name of the file>
 *     set:                           # keys of a configuration, for all runs
 *       dataset: {name: mvtec, root: "${MVTEC_ROOT}"}
 *     matrix:                        # axes; a value is a name and the keys that it stands for
 *       model:
 *         ViT-B-16: {model.weights: "${VIT_B_16}"}
 *         RN50: {model.weights: "${RN50}"}
 *     runs:                          # a name, or more about it
 *       - zero-shot
 *       - name: table5
 *         config: table5_score.yaml  # keys below all others, relative to the study file
 *         set: {shots: [1, 2]}       # keys above all others
 *         matrix: {model: ViT-B-16}  # which axes, and which of their values; without it: all
 *
 * A run is called by its name and the axes' values, joined by "-" ("zero-shot-RN50"); without
 * `runs` by the values alone. Keys may be dotted. Later ones win: config, set, the axes, the run's
 * own set, --set. Errors as config.h's, named by line.
 */
#ifndef WC_CONFIG_STUDY_H
#define WC_CONFIG_STUDY_H

#include "config/config.h"

#define WC_STUDY_MAX_RUNS 1000

struct wc_study_run {
    char *name; // NULL: the file is a configuration
    struct wc_config config;
};

struct wc_study {
    char *output; // NULL: the file is a configuration
    struct wc_study_run *run;
    size_t n, cap;
};

// `sets` as wc_config_read(), for every run; output=... names the study's folder. `only` keeps the
// runs whose names one of these patterns (as a shell's) matches; NULL or empty: all. Nothing of the
// others is looked at.
enum wc_err wc_study_read(const char *path, const struct wc_strlist *sets,
                          const struct wc_strlist *only, struct wc_study *out,
                          struct wc_error *err);
void wc_study_release(struct wc_study *s);

#endif
