/*
 * Private to sched: what the phases of a run share, and the phases. Those that cost time take all
 * runs of a study at once, so that no rank waits between two runs.
 */
#ifndef WC_SCHED_STATE_H
#define WC_SCHED_STATE_H

#include "dataset/dataset.h"
#include "journal/journal.h"
#include "journal/lock.h"
#include "method/plan.h"
#include "method/prototypes.h"
#include "method/scorer.h"
#include "sched/workbench.h"
#include "sched/comm.h"
#include "sched/draws.h"
#include "sched/queue.h"
#include "sched/record.h"
#include "sched/run.h"

// A unit of work: one test image.
struct wc_unit {
    uint32_t category, item;
};

struct wc_state {
    struct wc_comm comm;
    const struct wc_run_options *options;
    const struct wc_config *config;
    struct wc_dataset dataset;
    struct wc_unit *unit; // (n_units), category-major
    size_t n_units;
    struct wc_arch arch;
    char activation[16], activation_reason[256];
    struct wc_plan plan;
    // While the run is in hand (workbench.h); NULL otherwise, and the backbone where no variant
    // reads one.
    struct wc_workbench *bench;
    struct wc_model *model, *backbone;
    struct wc_scorer *scorer;
    size_t cells;                   // floats of a tile's grids, all variants
    struct wc_prompt_sets prompts;  // rank 0
    struct wc_tokenizer *tokenizer; // rank 0
    float *prototype;               // (n_categories, n_recipes, 2, e)
    MPI_Request *prototype_arrives; // (n_categories)
    char **object;                  // (n_categories), rank 0
    unsigned n_threads;
    uint32_t *todo; // units without a result, equal on all ranks
    size_t n_todo;
    struct wc_journal *journal; // while the run is scored
    // References (references.c).
    struct wc_draws draws;
    struct wc_ref_unit *ref; // (n_refs), category by category
    size_t n_refs;
    size_t *first_ref;               // (n_categories + 1)
    struct wc_request own_reference; // the plan's, while the plan holds that of several runs
    struct wc_buf reference_key;     // what features depend on besides the picture
    char *features, *store;          // RUN/features; the folder that runs share, or NULL
    struct wc_weights **open;        // files of the category in hand
    struct wc_reference *view;
    size_t n_open, open_category;
    struct wc_reference_set references;
    // Who this run is (equal on all ranks).
    struct {
        char run_id[65], weights_sha256[65], backbone_sha256[65], prompts_sha256[65],
            prompts_name[64];
    } id;
    struct wc_journal_header journal_header;
    struct wc_lock *lock; // rank 0
    // Results on disk that this rank reads.
    struct wc_journal_reader *reader;
    size_t n_readers;
    const struct wc_journal_payload **result; // (n_units): the sound record, or NULL: not here
    size_t n_done, n_failed;                  // over all ranks
    bool finished;                            // its report was there already
    bool out_of_time;                         // scoring stopped for the time limit
};

// prepare.c: everything before the first image; prototypes are under way when it returns.
enum wc_err wc_state_prepare(struct wc_state *s, struct wc_error *err);
void wc_state_release(struct wc_state *s);
enum wc_err wc_state_path(const struct wc_state *s, const char *name, char **out,
                          struct wc_error *err);

// prototypes.c
// Of all runs. Rank 0 makes them and each goes on its way at once; a failure is told by
// wc_state_prototypes() and agreed on after the scoring phase.
enum wc_err wc_start_prototypes(struct wc_state *const *run, size_t n_runs, struct wc_error *err);
void wc_finish_prototypes(struct wc_state *const *run, size_t n_runs); // those nobody asked for
// The category's prototypes (n_recipes, 2, e), waiting for them if need be; NULL: rank 0 failed to
// make them.
const float *wc_state_prototypes(struct wc_state *s, size_t category);

// references.c: draws are made in wc_state_prepare(); features are made or found here, those of all
// runs from one queue.
enum wc_err wc_prepare_references(struct wc_state *const *run, size_t n_runs, struct wc_error *err);
// The category's references, mapped; *out is NULL when the plan has none. Not collective.
enum wc_err wc_state_references(struct wc_state *s, size_t category,
                                const struct wc_reference_set **out, struct wc_error *err);
void wc_state_close_category(struct wc_state *s);
enum wc_err wc_state_tidy_features(struct wc_state *s, struct wc_error *err);
void wc_state_release_references(struct wc_state *s);

// results.c: maps the journals and finds each unit's record; s->result, n_done, n_failed.
// `want_failed`: failed units count as done (for the report), otherwise they are scored again.
enum wc_err wc_state_load_results(struct wc_state *s, bool want_failed, struct wc_error *err);
void wc_state_unload_results(struct wc_state *s);
// s->todo, of the results that are loaded.
enum wc_err wc_state_list_todo(struct wc_state *s, struct wc_error *err);

// score.c: what is left of runs that have some left, all from one queue.
enum wc_err wc_score(struct wc_state *const *run, size_t n_runs, struct wc_error *err);

// evaluate.c: rows of image and pixel metrics, scores and failures, complete on rank 0.
enum wc_err wc_state_evaluate(struct wc_state *s, struct wc_report *report, struct wc_error *err);

#endif
