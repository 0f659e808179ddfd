#include "journal/journal.h"

#include "base/alloc.h"
#include "journal/frame.h"

#include <string.h>

// A file made to look like many long frames would have each of them checked in vain. Ordinary
// damage costs a few times the file's size; past this the rest counts as damaged.
#define MAX_CHECKED_PER_BYTE 64

static enum wc_err add_damage(struct wc_journal_reader *r, const char *path, uint64_t from,
                              uint64_t to, struct wc_error *err) {
    if (from == to)
        return WC_OK;
    WC_TRY(WC_GROW(&r->damage, &r->cap_damage, r->n_damage + 1, path, err));
    r->damage[r->n_damage++] = (struct wc_journal_damage){
        .offset = from, .n_bytes = to - from, .torn_tail = to == r->map.n_bytes};
    return WC_OK;
}

static enum wc_err add_record(struct wc_journal_reader *r, const char *path,
                              const unsigned char *payload, size_t n_bytes, struct wc_error *err) {
    WC_TRY(WC_GROW(&r->payload, &r->cap, r->n + 1, path, err));
    r->payload[r->n++] =
        (struct wc_journal_payload){.bytes = n_bytes ? payload : NULL, .n_bytes = n_bytes};
    return WC_OK;
}

// Reads the header from whichever of its two copies is sound; *sound[i] tells.
static enum wc_err read_header(struct wc_journal_reader *r, const char *path, bool sound[2],
                               struct wc_error *err) {
    uint64_t n_checked = 0;
    for (int i = 0; i < 2; i++) {
        const unsigned char *p;
        size_t n;
        uint64_t offset = (uint64_t)i * (WC_JOURNAL_START_BYTES / 2);
        struct wc_journal_header found;
        sound[i] = wc_frame_find(r->map.data, r->map.n_bytes, offset, WC_FRAME_MAGIC_HEADER, &p, &n,
                                 &n_checked) != 0;
        uint32_t version = sound[i] ? wc_header_decode(p, n, &found) : 0;
        if (version > WC_JOURNAL_VERSION)
            return WC_FAULT(err, WC_ERR_DATA, "version",
                            "%s: journal of format version %u, this program reads version %u; "
                            "go on with the program that began the run, or start over with --fresh",
                            path, version, WC_JOURNAL_VERSION);
        sound[i] = version == WC_JOURNAL_VERSION;
        if (sound[i] && !r->has_header) {
            r->header = found;
            r->has_header = true;
        }
    }
    return WC_OK;
}

static enum wc_err scan(struct wc_journal_reader *r, const char *path, struct wc_error *err) {
    const unsigned char *file = r->map.data;
    size_t n_file = r->map.n_bytes;
    bool sound[2];
    WC_TRY(read_header(r, path, sound, err));
    if (!r->has_header)
        return add_damage(r, path, 0, n_file, err);
    // `end`: of the last sound frame; between it and `at` lies damage.
    uint64_t half = WC_JOURNAL_START_BYTES / 2, end = 0, at = 0, n_checked = 0;
    uint64_t max_checked = (uint64_t)n_file * MAX_CHECKED_PER_BYTE;
    while (at < n_file && n_checked <= max_checked) {
        const unsigned char *p = NULL;
        size_t n = 0, n_frame = 0;
        bool is_header = at % half == 0 && at / half < 2 && sound[at / half];
        if (is_header)
            n_frame = half;
        else
            n_frame = wc_frame_find(file, n_file, at, WC_FRAME_MAGIC_RECORD, &p, &n, &n_checked);
        if (n_frame == 0) {
            at += 8;
            continue;
        }
        WC_TRY(add_damage(r, path, end, at, err));
        if (!is_header)
            WC_TRY(add_record(r, path, p, n, err));
        at += n_frame;
        end = at;
    }
    return add_damage(r, path, end, n_file, err);
}

enum wc_err wc_journal_read(const char *path, struct wc_journal_reader *out, struct wc_error *err) {
    struct wc_journal_reader r = {0};
    enum wc_err rc = wc_io_map(path, &r.map, err);
    if (rc == WC_OK)
        rc = scan(&r, path, err);
    if (rc != WC_OK) {
        wc_journal_reader_release(&r);
        return rc;
    }
    *out = r;
    return WC_OK;
}

void wc_journal_reader_release(struct wc_journal_reader *r) {
    wc_map_release(&r->map);
    wc_free(r->payload);
    wc_free(r->damage);
    *r = (struct wc_journal_reader){0};
}

enum wc_err wc_journal_same_run(const char *path, const struct wc_journal_header *found,
                                const struct wc_journal_header *wanted, struct wc_error *err) {
    const struct {
        const char *name, *found, *wanted;
    } field[] = {
        {"run id", found->run_id, wanted->run_id},
        {"instruction set", found->isa, wanted->isa},
        {"precision", found->precision, wanted->precision},
        {"GEMM backend", found->gemm, wanted->gemm},
    };
    for (size_t i = 0; i < sizeof field / sizeof *field; i++)
        if (strcmp(field[i].found, field[i].wanted) != 0)
            return WC_FAULT(err, WC_ERR_CONFIG, "other-run",
                            "%s: journal of another run: its %s is \"%s\", this run's is \"%s\"; "
                            "choose another output folder, or start over with --fresh",
                            path, field[i].name, field[i].found, field[i].wanted);
    return WC_OK;
}
