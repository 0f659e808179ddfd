#include "journal/lock.h"

#include "base/alloc.h"
#include "base/hash.h"
#include "base/io.h"
#include "journal/lock_holder.h"

#include <inttypes.h>
#include <string.h>

/*
 * Taking over. Let S be the text of the dead holder's lock. Replacing the file after a look at it
 * is a race: two processes look, one replaces, and the other replaces the winner. So the right to
 * replace S is itself a file, the claim `lock.claim.<hash of S>`, created like a lock; only its
 * owner replaces S. If the owner dies in between, whoever finds its claim dead claims the owner's
 * text in turn, and so on: each text is claimed once. A claim is removed only after the lock was
 * replaced, so one who wins it late finds, looking at the lock again, that S is gone, and gives up.
 */
#define MAX_CLAIMS 16  // processes that died while taking over, one after the other
#define MAX_ATTEMPTS 8 // the lock changed between two looks at it

struct wc_lock {
    char *path;
    struct wc_buf text; // what the file holds while it is ours
    struct wc_lock_holder self;
};

// A lock or claim file's text.
struct seen {
    char text[WC_LOCK_MAX_BYTES + 1];
    size_t n;
    bool exists;
    bool is_parsed;
    struct wc_lock_holder holder; // when parsed
};

static enum wc_err look(const char *path, struct seen *out, struct wc_error *err) {
    unsigned char *bytes = NULL;
    size_t n = 0;
    struct wc_error cause = {0};
    memset(out, 0, sizeof *out);
    enum wc_err rc = wc_io_read_file(path, WC_LOCK_MAX_BYTES, &bytes, &n, &cause);
    if (rc == WC_ERR_DATA && cause.fault && strcmp(cause.fault, "not-found") == 0)
        return WC_OK;
    out->exists = true;
    if (rc == WC_ERR_DATA) // too large, or a folder: no lock of ours
        return WC_OK;
    if (rc != WC_OK)
        return wc_fail(err, cause.code, cause.fault, "%s", cause.text);
    memcpy(out->text, bytes, n);
    out->n = n;
    out->is_parsed = wc_lock_holder_parse(out->text, n, &out->holder);
    wc_free(bytes);
    return WC_OK;
}

static bool same_text(const struct seen *a, const struct seen *b) {
    return a->exists && b->exists && a->n == b->n && memcmp(a->text, b->text, a->n) == 0;
}

static enum wc_err refuse(const struct wc_lock *l, const char *path, const struct seen *by,
                          struct wc_error *err) {
    const struct wc_lock_holder *h = &by->holder;
    if (!by->is_parsed)
        return WC_FAULT(err, WC_ERR_CONFIG, "locked",
                        "%s: is there but does not say whose lock it is; if no run uses this "
                        "folder, remove the file and run the same command again",
                        path);
    if (wc_lock_holder_state(h, &l->self) == WC_LOCK_ALIVE)
        return WC_FAULT(err, WC_ERR_CONFIG, "locked",
                        "%s: another run works in this folder: host %s, process %" PRIu64
                        ", since %s; wait for it, stop it, or choose another output folder",
                        path, h->host, h->pid, h->since);
    return WC_FAULT(
        err, WC_ERR_CONFIG, "locked",
        "%s: another run works in this folder: host %s, process %" PRIu64
        ", since %s%s%s; whether it still does cannot be seen from host %s: if that run "
        "has ended (or its node is lost), remove the file and run the same command "
        "again",
        path, h->host, h->pid, h->since, h->job[0] ? ", Slurm job " : "", h->job, l->self.host);
}

static bool is_dead(const struct wc_lock *l, const struct seen *s) {
    return s->is_parsed && wc_lock_holder_state(&s->holder, &l->self) == WC_LOCK_DEAD;
}

static char *claim_path(const struct wc_lock *l, const struct seen *of) {
    char hex[65];
    wc_sha256_hex(of->text, of->n, hex);
    return wc_sprintf("%s.claim.%.16s", l->path, hex);
}

// The chain of claims below a dead lock: dead[0] is the lock, dead[i + 1] the owner of
// claims.item[i]; the last claim is ours when we won.
struct chain {
    struct seen *dead; // MAX_CLAIMS
    size_t n_dead;
    struct wc_strlist claims;
};

static enum wc_err win_claim(const struct wc_lock *l, struct chain *c, bool *won, bool *changed,
                             struct wc_error *err) {
    *won = *changed = false;
    while (c->n_dead < MAX_CLAIMS) {
        char *path = claim_path(l, &c->dead[c->n_dead - 1]);
        if (!path)
            return WC_FAIL(err, WC_ERR_NOMEM, "%s: out of memory", l->path);
        struct seen *owner = &c->dead[c->n_dead];
        enum wc_err rc = wc_strlist_add(&c->claims, path, err);
        if (rc == WC_OK)
            rc = wc_io_create_new(path, l->text.data, l->text.n, won, err);
        if (rc == WC_OK && !*won)
            rc = look(path, owner, err);
        *changed = rc == WC_OK && !*won && !owner->exists;
        if (rc == WC_OK && !*won && owner->exists && !is_dead(l, owner))
            rc = refuse(l, path, owner, err);
        wc_free(path);
        if (rc != WC_OK || *won || *changed)
            return rc;
        c->n_dead++;
    }
    return WC_FAULT(err, WC_ERR_CONFIG, "locked",
                    "%s: %d runs died while they took it over; if no run uses this folder, remove "
                    "the files %s.claim.* and run the same command again",
                    l->path, MAX_CLAIMS - 1, l->path);
}

static enum wc_err remove_own(const struct wc_lock *l, struct wc_error *err) {
    struct seen now;
    WC_TRY(look(l->path, &now, err));
    // Removed by hand and taken by another: not ours to remove.
    if (!now.exists || now.n != l->text.n || memcmp(now.text, l->text.data, now.n) != 0)
        return WC_OK;
    return wc_io_remove(l->path, err);
}

// We own the last claim: replaces the lock, unless it has changed since it was found dead.
static enum wc_err use_claim(const struct wc_lock *l, const struct chain *c, bool *taken,
                             struct wc_error *err) {
    struct seen now;
    bool is_same = false;
    WC_TRY(look(l->path, &now, err));
    for (size_t i = 0; i < c->n_dead; i++)
        is_same = is_same || same_text(&now, &c->dead[i]);
    enum wc_err rc = WC_OK;
    if (is_same)
        rc = wc_io_write_atomic(l->path, l->text.data, l->text.n, err);
    if (rc != WC_OK) {
        remove_own(l, NULL); // it may have failed after the renaming
        return rc;
    }
    *taken = is_same;
    return WC_OK;
}

// *taken stays false when the lock changed meanwhile: look again.
static enum wc_err take_over(const struct wc_lock *l, const struct seen *dead, bool *taken,
                             struct wc_error *err) {
    struct chain c = {0};
    bool won = false, changed = false;
    WC_TRY(WC_NEW(&c.dead, MAX_CLAIMS, l->path, err));
    c.dead[c.n_dead++] = *dead;
    enum wc_err rc = win_claim(l, &c, &won, &changed, err);
    if (rc == WC_OK && won)
        rc = use_claim(l, &c, taken, err);
    // Not ours to remove unless we won; a replaced lock makes all of them void. A claim that we
    // give up goes alone: the others belong to whoever goes on. Left behind, they are harmless.
    for (size_t i = 0; won && i < c.claims.n; i++)
        if (*taken || i + 1 == c.claims.n)
            wc_io_remove(c.claims.item[i], NULL);
    wc_strlist_release(&c.claims);
    wc_free(c.dead);
    return rc;
}

static enum wc_err take(const struct wc_lock *l, struct wc_lock_holder *replaced,
                        struct wc_error *err) {
    for (int i = 0; i < MAX_ATTEMPTS; i++) {
        bool taken = false;
        struct seen held;
        WC_TRY(wc_io_create_new(l->path, l->text.data, l->text.n, &taken, err));
        if (taken)
            return WC_OK;
        WC_TRY(look(l->path, &held, err));
        if (!held.exists) // released between the two
            continue;
        if (!is_dead(l, &held))
            return refuse(l, l->path, &held, err);
        WC_TRY(take_over(l, &held, &taken, err));
        if (taken) {
            *replaced = held.holder;
            return WC_OK;
        }
    }
    return WC_FAULT(err, WC_ERR_CONFIG, "locked",
                    "%s: other runs take and release it all the time; run one at a time here",
                    l->path);
}

static void free_lock(struct wc_lock *l) {
    wc_buf_release(&l->text);
    wc_free(l->path);
    wc_free(l);
}

enum wc_err wc_lock_take_as(const char *path, const struct wc_lock_holder *self,
                            struct wc_lock **out, struct wc_lock_holder *replaced,
                            struct wc_error *err) {
    struct wc_lock *l = NULL;
    struct wc_lock_holder dead = {0};
    WC_TRY(WC_NEW(&l, 1, path, err));
    l->self = *self;
    l->path = wc_strdup(path);
    wc_lock_holder_write(&l->text, self);
    enum wc_err rc = l->path ? wc_buf_check(&l->text, path, err)
                             : WC_FAIL(err, WC_ERR_NOMEM, "%s: out of memory", path);
    if (rc == WC_OK)
        rc = take(l, &dead, err);
    if (rc != WC_OK) {
        free_lock(l);
        return rc;
    }
    *out = l;
    if (replaced)
        *replaced = dead;
    return WC_OK;
}

enum wc_err wc_lock_take(const char *path, struct wc_lock **out, struct wc_lock_holder *replaced,
                         struct wc_error *err) {
    struct wc_lock_holder self;
    wc_lock_self(&self);
    return wc_lock_take_as(path, &self, out, replaced, err);
}

enum wc_err wc_lock_release(struct wc_lock **lock, struct wc_error *err) {
    struct wc_lock *l = *lock;
    *lock = NULL;
    if (!l)
        return WC_OK;
    enum wc_err rc = remove_own(l, err);
    free_lock(l);
    return rc;
}
