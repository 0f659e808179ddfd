/*
 * Private to cli: which picture files `score` takes, now or as they appear.
 *
 * Folders are walked with all below them, for names that end in .png, .jpg, .jpeg or .bmp; hidden
 * ones are passed over. A file that is named itself is taken whatever it is called. While watching,
 * a file is complete when two scans in a row saw the same size and time, and when it decodes.
 */
#ifndef WC_CLI_SCORE_FILES_H
#define WC_CLI_SCORE_FILES_H

#include "base/err.h"
#include "base/io.h"
#include "base/str.h"

enum wc_score_state {
    WC_FILE_SEEN,  // may still be written
    WC_FILE_READY, // of the next batch
    WC_FILE_TAKEN,
    WC_FILE_HELD, // was not complete when it was decoded: ready again when it changes
};

struct wc_score_file {
    char *path;
    char *name; // relative, for files that are written about it
    uint64_t n_bytes;
    int64_t modified_ns;
    enum wc_score_state state;
};

struct wc_score_files {
    struct wc_score_file *item; // in the order in which they were found: by name a folder
    size_t n, cap;
    size_t *slot; // hash table of paths: index + 1, 0: free
    size_t n_slots;
};

void wc_score_files_release(struct wc_score_files *l);

// Looks at all operands and adds what is new. `skip`: a folder that is passed over (the output), or
// NULL. Without `watch` all files are ready at once, a folder without pictures is WC_ERR_DATA, and
// an operand that is not there is a ready file (which then fails by its name).
enum wc_err wc_score_files_scan(struct wc_score_files *l, const struct wc_strlist *operands,
                                const struct wc_io_info *skip, bool watch, struct wc_error *err);

#endif
