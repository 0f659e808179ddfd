/*
 * Journals: one append-only file a rank, from which a run goes on after any stop.
 *
 * File: the header twice (so that one damaged byte does not cost the whole file), then records. All
 * of it is framed as
 *     magic | u32 payload bytes | u32 CRC-32C of (length, place, payload) | u32 place | payload,
 * padded with zeros to 8, little-endian, 8-byte aligned. The magic is "WCJH" for a header and
 * "WCJ1" for a record; the place is the frame's offset / 8 modulo 2^32, so that bytes that look
 * like a frame count only where they were written (a payload may hold anything, also a journal).
 *
 * A torn tail (a crash in the last write) is cut when the file is opened for writing and skipped
 * when it is read. Damage elsewhere is counted and located, the reader goes on at the next sound
 * record, and what was lost is scored again by the caller: nothing damaged is ever used. A file
 * whose headers are both damaged yields no records, for nobody can tell whose they are.
 *
 * A writer belongs to one thread, and a file to one writer (journal/lock.h); a reader's payload
 * pointers live until it is released. A reader maps the file: another process may append
 * meanwhile, which is not seen.
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

#define WC_JOURNAL_MAX_BYTES ((size_t)64 << 20) // of one payload

struct wc_journal;

// Creates or continues `path`. An existing file must carry the same run id, ISA, precision and GEMM
// backend; a torn tail is cut (and logged by the caller through *n_cut_bytes, which may be NULL). A
// journal that lost its header is begun anew; a file that never was a journal is refused
// ("not-a-journal"), one of another format version too ("version"). sync_s <= 0 syncs after every
// record.
enum wc_err wc_journal_open(const char *path, const struct wc_journal_header *header, double sync_s,
                            struct wc_journal **out, uint64_t *n_cut_bytes, struct wc_error *err);
// Appends one record as a single write (any bytes, also none); syncs when `sync_s` seconds have
// passed since the last sync. After a failed write the file is cut back to its last whole record,
// and the journal takes no more records: every later call says what failed first. A size that this
// writer did not leave is another writer (fault "other-writer").
enum wc_err wc_journal_append(struct wc_journal *j, const void *payload, size_t n_bytes,
                              struct wc_error *err);
enum wc_err wc_journal_sync(struct wc_journal *j, struct wc_error *err);
// Syncs and closes; *j is NULL afterwards, also on failure. NULL in *j is fine.
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

// Fails with WC_ERR_CONFIG, fault "other-run", when the two differ in run id, ISA, precision or
// GEMM backend; `found` is what the file `path` says.
enum wc_err wc_journal_same_run(const char *path, const struct wc_journal_header *found,
                                const struct wc_journal_header *wanted, struct wc_error *err);

// Reads all sound records of `path`. I/O failures are errors; damage is not.
enum wc_err wc_journal_read(const char *path, struct wc_journal_reader *out, struct wc_error *err);
void wc_journal_reader_release(struct wc_journal_reader *r);

#endif
