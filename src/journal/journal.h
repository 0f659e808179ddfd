/*
 * Journals: one append-only file a rank, from which a run goes on after any stop.
 *
 * File: a header record, then records. Each is framed as
 *     magic "WCJ1" | u32 payload bytes | u32 CRC-32C of (length, payload) | u32 zero | payload,
 * padded with zeros to 8 little-endian, 8-byte aligned. A torn tail (a crash in the last write) is
 * cut when the file is opened for writing and skipped when it is read. Damage elsewhere is counted
 * and located, the reader goes on at the next sound record, and what was lost is scored again by
 * the caller: nothing damaged is ever used.
 *
 * A writer belongs to one thread; a reader's payload pointers live until it is released.
 */
#ifndef WC_JOURNAL_JOURNAL_H
#define WC_JOURNAL_JOURNAL_H

#include "base/err.h"
#include "base/io.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Whose records these are; a file of another run is refused (fault "other-run", the text says which
// field differs).
struct wc_journal_header {
    char run_id[65];    // hex, NUL-terminated
    char isa[16];       // "avx2"
    char precision[16]; // "f32"
    char gemm[64];      // backend and its version
    uint32_t n_ranks;   // of the run that began the file; not compared
    uint32_t rank;
};

struct wc_journal;

// Creates or continues `path`. An existing file must carry the same run id, ISA, precision and GEMM
// backend; a torn tail is cut (and logged by the caller through *n_cut_bytes, which may be NULL).
enum wc_err wc_journal_open(const char *path, const struct wc_journal_header *header, double sync_s,
                            struct wc_journal **out, uint64_t *n_cut_bytes, struct wc_error *err);
// Appends one record as a single write; syncs when `sync_s` seconds have passed since the last
// sync. After a failed write the file is cut back to its last whole record, and the journal takes
// no more records.
enum wc_err wc_journal_append(struct wc_journal *j, const void *payload, size_t n_bytes,
                              struct wc_error *err);
enum wc_err wc_journal_sync(struct wc_journal *j, struct wc_error *err);
// Syncs and closes; *j is NULL afterwards, also on failure.
enum wc_err wc_journal_close(struct wc_journal **j, struct wc_error *err);

struct wc_journal_damage {
    uint64_t offset, n_bytes; // of a region that holds no sound record
    bool torn_tail;           // at the end of the file: the ordinary trace of a crash
};

struct wc_journal_reader {
    struct wc_map map;
    struct wc_journal_header header;
    bool has_header; // false: the file was torn inside its header, or is empty
    size_t n;        // sound records
    struct wc_journal_payload {
        const unsigned char *bytes;
        size_t n_bytes;
    } * payload;
    size_t cap;
    struct wc_journal_damage *damage;
    size_t n_damage, cap_damage;
};

// Reads all sound records of `path`. I/O failures are errors; damage is not.
enum wc_err wc_journal_read(const char *path, struct wc_journal_reader *out, struct wc_error *err);
void wc_journal_reader_release(struct wc_journal_reader *r);

#endif
