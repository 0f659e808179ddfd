/*
 * The report of a study: what its runs report, side by side. Read from the runs' report.csv, so
 * that it says the same whoever ran them and when.
 *
 * report.csv: run,model and the columns of the runs' own, every row of every run.
 * report.txt: a line a variant of the means over categories (and the deviation over seeds below
 * it), then, where the variants are few, a table of image and of pixel AUROC by category with a
 * column a variant (supplement, table 9, where the runs are models). study.yaml: the runs, their
 * models and folders, for other commands.
 */
#ifndef WC_REPORT_STUDY_H
#define WC_REPORT_STUDY_H

#include "base/err.h"
#include "base/str.h"

struct wc_study_entry {
    const char *name, *folder;  // of the run: below the study's, unless it is absolute
    const char *model, *run_id; // for the reports alone
};

// Begins a study: its folder and study.yaml.
enum wc_err wc_study_begin(const struct wc_study_entry *entry, size_t n, const char *folder,
                           struct wc_error *err);

// Folders of the runs that `path` stands for: those of a study's folder, in its order, else itself.
enum wc_err wc_study_runs(const char *path, struct wc_strlist *out, struct wc_error *err);

// Writes the reports into `folder`; the text comes in *text too. Errors: a run's report.csv that is
// not there or is none.
enum wc_err wc_study_report(const struct wc_study_entry *entry, size_t n, const char *folder,
                            struct wc_buf *text, struct wc_error *err);

#endif
