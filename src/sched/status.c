#include "sched/status.h"

#include "base/alloc.h"
#include "base/io.h"
#include "base/json.h"
#include "journal/journal.h"
#include "journal/lock_holder.h"
#include "sched/record.h"

#include <string.h>

#define MAX_RUN_JSON ((size_t)64 << 10)

enum { NOT_DONE, FAILED, DONE };

struct unit {
    unsigned char state;
    double seconds;
    char *failure;
};

enum wc_err wc_run_status_write(const char *run, const char *run_id, size_t n_images,
                                struct wc_error *err) {
    struct wc_buf text = {0};
    unsigned char *old = NULL;
    char *path = NULL;
    size_t n_old = 0;
    wc_buf_printf(&text, "{\"format\": 1, \"run_id\": ");
    wc_json_quote(&text, run_id);
    wc_buf_printf(&text, ", \"images\": %zu}\n", n_images);
    enum wc_err rc = wc_buf_check(&text, run, err);
    if (rc == WC_OK)
        rc = wc_path_in(run, "run.json", &path, err);
    bool same = rc == WC_OK && wc_io_is_file(path) &&
                wc_io_read_file(path, MAX_RUN_JSON, &old, &n_old, NULL) == WC_OK &&
                n_old == text.n && memcmp(old, text.data, n_old) == 0;
    if (rc == WC_OK && !same)
        rc = wc_io_write_atomic(path, text.data, text.n, err);
    wc_free(old);
    wc_free(path);
    wc_buf_release(&text);
    return rc;
}

static enum wc_err read_run_json(const char *run, struct wc_run_status *s, struct wc_error *err) {
    struct wc_json_doc *doc = NULL;
    unsigned char *bytes = NULL;
    char *path = NULL;
    size_t n = 0;
    uint64_t format = 0, n_images = 0;
    WC_TRY(wc_path_in(run, "run.json", &path, err));
    if (!wc_io_is_file(path)) {
        wc_free(path);
        return WC_FAULT(err, WC_ERR_DATA, "not-a-run",
                        "%s: no run directory: it has no run.json, which a run writes before its "
                        "first image",
                        run);
    }
    enum wc_err rc = wc_io_read_file(path, MAX_RUN_JSON, &bytes, &n, err);
    if (rc == WC_OK)
        rc = wc_json_parse(path, (char *)bytes, n, 4, &doc, err);
    if (rc == WC_OK) {
        const struct wc_json *root = wc_json_root(doc);
        const char *id = wc_json_str(wc_json_get(root, "run_id"));
        if (!wc_json_u64(wc_json_get(root, "format"), &format) || format != 1 || !id ||
            strlen(id) >= sizeof s->run_id ||
            !wc_json_u64(wc_json_get(root, "images"), &n_images) || n_images > UINT32_MAX)
            rc = WC_FAULT(err, WC_ERR_DATA, "not-a-run", "%s: not written by this program", path);
        else
            strcpy(s->run_id, id);
        s->n_images = (size_t)n_images;
    }
    wc_json_free(&doc);
    wc_free(bytes);
    wc_free(path);
    return rc;
}

// As the run itself counts: a success wins over a failure, whichever file it is in.
static enum wc_err take_record(struct unit *unit, size_t n_units,
                               const struct wc_journal_payload *p, struct wc_error *err) {
    struct wc_record_head h;
    if (!wc_record_head(p->bytes, p->n_bytes, n_units, &h) || unit[h.unit].state == DONE)
        return WC_OK;
    struct unit *u = &unit[h.unit];
    wc_free(u->failure);
    u->failure = NULL;
    u->state = h.failed ? FAILED : DONE;
    u->seconds = (double)h.seconds;
    if (!h.failed)
        return WC_OK;
    u->failure = wc_strndup(h.text, h.n_text);
    return u->failure ? WC_OK : WC_FAIL(err, WC_ERR_NOMEM, "status: out of memory");
}

static enum wc_err read_journal(const char *path, struct wc_run_status *s, struct unit *unit,
                                struct wc_error *err) {
    struct wc_journal_reader r = {0};
    WC_TRY(wc_journal_read(path, &r, err));
    enum wc_err rc = WC_OK;
    for (size_t i = 0; i < r.n_damage; i++)
        s->n_damaged += !r.damage[i].torn_tail;
    bool own = r.has_header && strcmp(r.header.run_id, s->run_id) == 0;
    for (size_t i = 0; own && i < r.n && rc == WC_OK; i++)
        rc = take_record(unit, s->n_images, &r.payload[i], err);
    wc_journal_reader_release(&r);
    return rc;
}

static enum wc_err read_journals(const char *run, struct wc_run_status *s, struct unit *unit,
                                 struct wc_error *err) {
    struct wc_strlist names = {0};
    char *dir = NULL;
    WC_TRY(wc_path_in(run, "journal", &dir, err));
    enum wc_err rc = wc_io_is_dir(dir) ? wc_io_list(dir, false, &names, err) : WC_OK;
    for (size_t i = 0; i < names.n && rc == WC_OK; i++) {
        char *path = NULL;
        if (!wc_str_ends(names.item[i], ".wcj"))
            continue;
        rc = wc_path_in(dir, names.item[i], &path, err);
        if (rc == WC_OK)
            rc = read_journal(path, s, unit, err);
        wc_free(path);
    }
    wc_strlist_release(&names);
    wc_free(dir);
    return rc;
}

static enum wc_err read_lock(const char *run, struct wc_run_status *s, struct wc_error *err) {
    unsigned char *text = NULL;
    size_t n = 0;
    char *path = NULL;
    struct wc_lock_holder self;
    WC_TRY(wc_path_in(run, "lock", &path, err));
    if (wc_io_is_file(path) && wc_io_read_file(path, WC_LOCK_MAX_BYTES, &text, &n, NULL) == WC_OK &&
        wc_lock_holder_parse((char *)text, n, &s->holder)) {
        wc_lock_self(&self);
        s->locked = wc_lock_holder_state(&s->holder, &self) != WC_LOCK_DEAD;
    }
    wc_free(text);
    wc_free(path);
    return WC_OK;
}

static enum wc_err read_all(const char *run, struct wc_run_status *s, struct unit **unit,
                            struct wc_error *err) {
    char *report = NULL;
    WC_TRY(read_run_json(run, s, err));
    WC_TRY(WC_NEW(unit, s->n_images, "status", err));
    WC_TRY(read_journals(run, s, *unit, err));
    for (size_t u = 0; u < s->n_images; u++) {
        s->n_done += (*unit)[u].state == DONE;
        s->n_failed += (*unit)[u].state == FAILED;
        if ((*unit)[u].failure)
            WC_TRY(wc_strlist_add(&s->failure, (*unit)[u].failure, err));
    }
    WC_TRY(wc_path_in(run, "report.txt", &report, err));
    s->has_report = wc_io_is_file(report);
    wc_free(report);
    return read_lock(run, s, err);
}

enum wc_err wc_run_status_read(const char *run, struct wc_run_status *out, struct wc_error *err) {
    struct wc_run_status s = {0};
    struct unit *unit = NULL;
    enum wc_err rc = read_all(run, &s, &unit, err);
    for (size_t u = 0; unit && u < s.n_images; u++)
        wc_free(unit[u].failure);
    wc_free(unit);
    if (rc == WC_OK)
        *out = s;
    else
        wc_run_status_release(&s);
    return rc;
}

enum wc_err wc_run_item_seconds(const char *run, double **seconds, size_t *n,
                                struct wc_error *err) {
    struct wc_run_status s = {0};
    struct unit *unit = NULL;
    double *out = NULL;
    enum wc_err rc = read_all(run, &s, &unit, err);
    if (rc == WC_OK)
        rc = WC_NEW(&out, s.n_images + 1, "seconds", err);
    for (size_t u = 0; rc == WC_OK && u < s.n_images; u++)
        if (unit[u].state == DONE)
            out[(*n)++] = unit[u].seconds;
    for (size_t u = 0; unit && u < s.n_images; u++)
        wc_free(unit[u].failure);
    wc_free(unit);
    wc_run_status_release(&s);
    if (rc == WC_OK)
        *seconds = out;
    return rc;
}

void wc_run_status_release(struct wc_run_status *s) {
    wc_strlist_release(&s->failure);
    *s = (struct wc_run_status){0};
}

bool wc_run_is_complete(const struct wc_run_status *s) {
    return s->has_report && s->n_done + s->n_failed == s->n_images;
}
