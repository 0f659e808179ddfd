#include "journal/journal.h"

#include "base/alloc.h"
#include "base/log.h"
#include "base/str.h"
#include "journal/frame.h"

#include <string.h>

struct wc_journal {
    int fd;
    char *path;
    uint64_t end;         // bytes of the file; all of it whole frames
    unsigned char *frame; // the one being written
    size_t cap;           // bytes of it
    double sync_s;
    double synced_at_s; // wc_clock_s()
    bool is_dirty;      // something was written since the last sync
    bool sync_failed;   // what is on the disk is not known; asking again would lie
    bool is_stopped;    // takes no more records
    struct wc_error cause;
};

// Remembers the first failure, for every later call to tell.
static enum wc_err stop(struct wc_journal *j, const struct wc_error *cause, struct wc_error *err) {
    if (!j->is_stopped)
        j->cause = *cause;
    j->is_stopped = true;
    return wc_fail(err, cause->code, cause->fault, "%s", cause->text);
}

static enum wc_err sync_file(struct wc_journal *j, struct wc_error *err) {
    struct wc_error cause = {0};
    if (!j->is_dirty || j->sync_failed)
        return WC_OK;
    if (wc_io_fsync(j->fd, j->path, &cause) != WC_OK) {
        j->sync_failed = true;
        return stop(j, &cause, err);
    }
    j->is_dirty = false;
    j->synced_at_s = wc_clock_s();
    return WC_OK;
}

// One write at the end of the file; what a failed one left is cut off again.
static enum wc_err write_end(struct wc_journal *j, size_t n_bytes, struct wc_error *err) {
    struct wc_error cause = {0};
    uint64_t size = 0;
    if (wc_io_size(j->fd, j->path, &size, &cause) != WC_OK)
        return stop(j, &cause, err);
    if (size != j->end) {
        wc_fail(&cause, WC_ERR_IO, "other-writer",
                "%s: has %llu bytes, this process left %llu: another process writes to it; stop "
                "one of them and run the same command again",
                j->path, (unsigned long long)size, (unsigned long long)j->end);
        return stop(j, &cause, err);
    }
    j->is_dirty = true;
    if (wc_io_append(j->fd, j->path, j->frame, n_bytes, &cause) != WC_OK) {
        // If this fails as well, the next opening cuts the torn tail.
        wc_io_truncate(j->fd, j->path, j->end, NULL);
        return stop(j, &cause, err);
    }
    j->end += n_bytes;
    return WC_OK;
}

// A new file's name must survive a crash as its content does.
static enum wc_err begin(struct wc_journal *j, const struct wc_journal_header *header,
                         struct wc_error *err) {
    unsigned char payload[WC_JOURNAL_HEADER_BYTES];
    size_t half = WC_JOURNAL_START_BYTES / 2;
    WC_TRY(WC_GROW(&j->frame, &j->cap, WC_JOURNAL_START_BYTES, j->path, err));
    wc_header_encode(payload, header);
    for (size_t i = 0; i < 2; i++)
        wc_frame_write(j->frame + i * half, WC_FRAME_MAGIC_HEADER, i * half, payload,
                       sizeof payload);
    WC_TRY(write_end(j, WC_JOURNAL_START_BYTES, err));
    char *folder = wc_path_dir(j->path);
    if (!folder)
        return WC_FAIL(err, WC_ERR_NOMEM, "%s: out of memory", j->path);
    enum wc_err rc = wc_io_fsync_dir(folder, err);
    wc_free(folder);
    return rc;
}

// A file without a sound header: may it be begun anew? What a crash can leave (less than a header,
// or blocks of zeros that were never written) and what starts or goes on as a journal may; anything
// else is somebody's file.
static bool was_ours(const struct wc_map *map) {
    size_t n_zeros = 0;
    uint64_t n_checked = 0;
    const unsigned char *p;
    size_t n;
    while (n_zeros < map->n_bytes && map->data[n_zeros] == 0)
        n_zeros++;
    if (n_zeros == map->n_bytes)
        return true;
    size_t n_magic = map->n_bytes < 4 ? map->n_bytes : 4;
    return memcmp(map->data, WC_FRAME_MAGIC_HEADER, n_magic) == 0 ||
           wc_frame_find(map->data, map->n_bytes, WC_JOURNAL_START_BYTES, WC_FRAME_MAGIC_RECORD, &p,
                         &n, &n_checked) != 0 ||
           (map->n_bytes >= WC_JOURNAL_START_BYTES / 2 + 4 &&
            memcmp(map->data + WC_JOURNAL_START_BYTES / 2, WC_FRAME_MAGIC_HEADER, 4) == 0);
}

// Where the file's last sound frame ends; 0 when it must be begun anew.
static enum wc_err find_end(struct wc_journal *j, const struct wc_journal_header *header,
                            uint64_t *end, struct wc_error *err) {
    struct wc_journal_reader r = {0};
    WC_TRY(wc_journal_read(j->path, &r, err));
    enum wc_err rc = WC_OK;
    uint64_t found = r.map.n_bytes;
    if (r.n_damage > 0 && r.damage[r.n_damage - 1].torn_tail)
        found = r.damage[r.n_damage - 1].offset;
    if (r.has_header)
        rc = wc_journal_same_run(j->path, &r.header, header, err);
    else if (!was_ours(&r.map))
        rc = WC_FAULT(err, WC_ERR_DATA, "not-a-journal",
                      "%s: is not a journal and would be overwritten; move it away", j->path);
    if (found < WC_JOURNAL_START_BYTES) // one of two header copies, and nothing to lose
        found = 0;
    wc_journal_reader_release(&r);
    if (rc == WC_OK)
        *end = found;
    return rc;
}

static void free_journal(struct wc_journal *j) {
    wc_free(j->path);
    wc_free(j->frame);
    wc_free(j);
}

static enum wc_err open_file(struct wc_journal *j, const struct wc_journal_header *header,
                             uint64_t size, uint64_t *n_cut, struct wc_error *err) {
    uint64_t end = 0;
    if (size > 0)
        WC_TRY(find_end(j, header, &end, err));
    if (end < size) {
        WC_TRY(wc_io_truncate(j->fd, j->path, end, err));
        j->is_dirty = true;
    }
    j->end = end;
    if (end == 0)
        WC_TRY(begin(j, header, err));
    WC_TRY(sync_file(j, err));
    *n_cut = size - end;
    return WC_OK;
}

enum wc_err wc_journal_open(const char *path, const struct wc_journal_header *header, double sync_s,
                            struct wc_journal **out, uint64_t *n_cut_bytes, struct wc_error *err) {
    struct wc_journal *j = NULL;
    uint64_t size = 0, n_cut = 0;
    WC_TRY(WC_NEW(&j, 1, path, err));
    *j = (struct wc_journal){.fd = -1, .sync_s = sync_s, .synced_at_s = wc_clock_s()};
    j->path = wc_strdup(path);
    enum wc_err rc = j->path ? wc_io_open_append(path, &j->fd, &size, err)
                             : WC_FAIL(err, WC_ERR_NOMEM, "%s: out of memory", path);
    if (rc == WC_OK) {
        rc = open_file(j, header, size, &n_cut, err);
        if (rc != WC_OK)
            wc_io_close(j->fd, path, NULL);
    }
    if (rc != WC_OK) {
        free_journal(j);
        return rc;
    }
    *out = j;
    if (n_cut_bytes)
        *n_cut_bytes = n_cut;
    return WC_OK;
}

static enum wc_err still_running(const struct wc_journal *j, struct wc_error *err) {
    if (!j->is_stopped)
        return WC_OK;
    return wc_fail(err, j->cause.code, j->cause.fault,
                   "%s: takes no more records since an earlier failure: %s", j->path,
                   j->cause.text);
}

enum wc_err wc_journal_append(struct wc_journal *j, const void *payload, size_t n_bytes,
                              struct wc_error *err) {
    WC_TRY(still_running(j, err));
    if (n_bytes > WC_JOURNAL_MAX_BYTES)
        return WC_FAIL(err, WC_ERR_BUG, "%s: a record of %zu bytes, at most %zu are taken", j->path,
                       n_bytes, WC_JOURNAL_MAX_BYTES);
    size_t n_frame = wc_frame_bytes(n_bytes);
    WC_TRY(WC_GROW(&j->frame, &j->cap, n_frame, j->path, err));
    wc_frame_write(j->frame, WC_FRAME_MAGIC_RECORD, j->end, payload, n_bytes);
    WC_TRY(write_end(j, n_frame, err));
    // Written this way round, a NaN interval syncs every time.
    if (wc_clock_s() - j->synced_at_s < j->sync_s)
        return WC_OK;
    return sync_file(j, err);
}

enum wc_err wc_journal_sync(struct wc_journal *j, struct wc_error *err) {
    // Records before a failed write are sound and worth keeping.
    WC_TRY(sync_file(j, err));
    return still_running(j, err);
}

enum wc_err wc_journal_close(struct wc_journal **j, struct wc_error *err) {
    struct wc_journal *closing = *j;
    struct wc_error closed = {0};
    *j = NULL;
    if (!closing)
        return WC_OK;
    enum wc_err rc = wc_journal_sync(closing, err);
    // Network file systems report a lost write here at the latest.
    if (wc_io_close(closing->fd, closing->path, &closed) != WC_OK && rc == WC_OK)
        rc = wc_fail(err, closed.code, closed.fault, "%s", closed.text);
    free_journal(closing);
    return rc;
}
