// Results on disk: which units have a sound record, and on which rank.
#include "sched/state.h"

#include "base/alloc.h"
#include "base/io.h"
#include "base/log.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

// Journal files of the run, listed by rank 0 so that all ranks see the same list.
static enum wc_err list_journals(struct wc_state *s, struct wc_strlist *names,
                                 struct wc_error *err) {
    struct wc_buf packed = {0};
    enum wc_err rc = WC_OK;
    if (s->comm.rank == 0) {
        struct wc_strlist all = {0};
        char *dir = NULL;
        rc = wc_state_path(s, "journal", &dir, err);
        if (rc == WC_OK && wc_io_is_dir(dir))
            rc = wc_io_list(dir, false, &all, err);
        for (size_t i = 0; i < all.n && rc == WC_OK; i++)
            if (wc_str_ends(all.item[i], ".wcj"))
                wc_buf_printf(&packed, "%s/%s%c", dir, all.item[i], 0);
        wc_strlist_release(&all);
        wc_free(dir);
        if (rc == WC_OK)
            rc = wc_buf_check(&packed, "list of journals", err);
    }
    rc = wc_agree(&s->comm, rc, err);
    if (rc == WC_OK)
        rc = wc_bcast_buf(&s->comm, &packed, err);
    for (size_t at = 0; rc == WC_OK && at < packed.n; at += strlen(packed.data + at) + 1)
        rc = wc_strlist_add(names, packed.data + at, err);
    wc_buf_release(&packed);
    return wc_agree(&s->comm, rc, err);
}

static void report_damage(const char *path, const struct wc_journal_reader *r) {
    for (size_t i = 0; i < r->n_damage; i++) {
        const struct wc_journal_damage *d = &r->damage[i];
        if (d->torn_tail)
            WC_INFO("%s: last record incomplete (%llu bytes from byte %llu), left out", path,
                    (unsigned long long)d->n_bytes, (unsigned long long)d->offset);
        else
            WC_WARN(
                "%s: damaged from byte %llu on, %llu bytes; what was lost there is scored again",
                path, (unsigned long long)d->offset, (unsigned long long)d->n_bytes);
    }
}

static enum wc_err read_journal(struct wc_state *s, const char *path, bool want_failed,
                                struct wc_error *err) {
    struct wc_journal_reader *r = &s->reader[s->n_readers];
    WC_TRY(wc_journal_read(path, r, err));
    s->n_readers++;
    report_damage(path, r);
    if (r->n > 0 && r->has_header)
        WC_TRY(wc_journal_same_run(path, &r->header, &s->journal_header, err));
    for (size_t i = 0; i < r->n; i++) {
        struct wc_record record;
        const struct wc_journal_payload *p = &r->payload[i];
        if (!wc_record_decode(p->bytes, p->n_bytes, s->plan.n_variants, s->cells, s->n_units,
                              &record)) {
            WC_WARN("%s: a record of another shape is left out", path);
            continue;
        }
        // The last word counts: a unit that failed and was scored again later in the same file is
        // done.
        if (!record.failed || want_failed)
            s->result[record.unit] = p;
    }
    return WC_OK;
}

// A unit found by several ranks (scored twice around a crash) belongs to the lowest of them; a
// success goes before a failure.
static enum wc_err resolve_owners(struct wc_state *s, struct wc_error *err) {
    int *own = NULL, *owner = NULL;
    enum wc_err rc = WC_NEW(&own, s->n_units, "results", err);
    if (rc == WC_OK)
        rc = WC_NEW(&owner, s->n_units, "results", err);
    rc = wc_agree(&s->comm, rc, err);
    if (rc == WC_OK && owner) { // they are there where all agree
        for (size_t u = 0; u < s->n_units; u++) {
            struct wc_record r = {0};
            own[u] = INT_MAX;
            if (!s->result[u])
                continue;
            wc_record_decode(s->result[u]->bytes, s->result[u]->n_bytes, s->plan.n_variants,
                             s->cells, s->n_units, &r);
            own[u] = s->comm.rank + (r.failed ? s->comm.n_ranks : 0);
        }
        MPI_Allreduce(own, owner, (int)s->n_units, MPI_INT, MPI_MIN, s->comm.comm);
        s->n_done = s->n_failed = 0;
        for (size_t u = 0; u < s->n_units; u++) {
            if (owner[u] != own[u])
                s->result[u] = NULL;
            s->n_done += owner[u] != INT_MAX;
            s->n_failed += owner[u] != INT_MAX && owner[u] >= s->comm.n_ranks;
        }
    }
    wc_free(own);
    wc_free(owner);
    return rc;
}

enum wc_err wc_state_load_results(struct wc_state *s, bool want_failed, struct wc_error *err) {
    struct wc_strlist names = {0};
    WC_TRY(list_journals(s, &names, err));
    enum wc_err rc = WC_NEW(&s->reader, names.n, "journals", err);
    if (rc == WC_OK)
        rc = WC_NEW(&s->result, s->n_units, "results", err);
    for (size_t i = (size_t)s->comm.rank; i < names.n && rc == WC_OK; i += (size_t)s->comm.n_ranks)
        rc = read_journal(s, names.item[i], want_failed, err);
    wc_strlist_release(&names);
    WC_TRY(wc_agree(&s->comm, rc, err));
    return resolve_owners(s, err);
}

void wc_state_unload_results(struct wc_state *s) {
    for (size_t i = 0; i < s->n_readers; i++)
        wc_journal_reader_release(&s->reader[i]);
    wc_free(s->reader);
    wc_free(s->result);
    s->reader = NULL;
    s->result = NULL;
    s->n_readers = 0;
}

enum wc_err wc_state_list_todo(struct wc_state *s, struct wc_error *err) {
    unsigned char *own = NULL, *any = NULL;
    enum wc_err rc = WC_NEW(&own, s->n_units, "units", err);
    if (rc == WC_OK)
        rc = WC_NEW(&any, s->n_units, "units", err);
    if (rc == WC_OK)
        rc = WC_NEW(&s->todo, s->n_units, "units", err);
    rc = wc_agree(&s->comm, rc, err);
    if (rc == WC_OK && any) {
        for (size_t u = 0; u < s->n_units; u++)
            own[u] = s->result[u] != NULL;
        MPI_Allreduce(own, any, (int)s->n_units, MPI_UNSIGNED_CHAR, MPI_MAX, s->comm.comm);
        for (size_t u = 0; u < s->n_units; u++)
            if (!any[u])
                s->todo[s->n_todo++] = (uint32_t)u;
    }
    wc_free(own);
    wc_free(any);
    return rc;
}
