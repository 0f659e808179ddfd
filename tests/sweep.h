/*
 * Sweeps: a subject is run again and again while its n-th allocation or file call fails, n = 1, 2,
 * ... until all calls were let through.
 *
 * A failure must be the right code with a text that names something, hand back all memory, file
 * descriptors and mappings, and leave every output either as it was or complete. What is no failure
 * (a call that was interrupted, a short count) must give the result of an undisturbed run, as must
 * whatever succeeds all the same.
 *
 *     static const struct sweep_subject subjects[] = {SWEEP("a picture", read_picture,
 * "tests/x.png", )}; sweep_all(subjects, 1);
 *
 * A subject with many calls is sampled, at the first ones, the last one and in between, unless
 * $WC_TEST_FULL is set: then every n is taken.
 */
#ifndef WC_TESTS_SWEEP_H
#define WC_TESTS_SWEEP_H

#include "test.h"

#include "base/alloc.h"
#include "base/fault.h"
#include "base/hash.h"
#include "base/io.h"

#include <dirent.h>
#include <errno.h>
#include <unistd.h>

#define SWEEP_SAMPLE 30  // values of n where not all are taken
#define SWEEP_OUTPUTS 8  // files that a subject may write
#define SWEEP_OLD "old." // what lies under their names before

struct sweep_subject {
    const char *name;
    // Does it once, from nothing to nothing: whatever it takes it gives back. A success tells what
    // came of it by sweep_result().
    enum wc_err (*run)(const char *what, struct wc_error *err);
    const char *what;                         // of run(); may be NULL
    const char *output[SWEEP_OUTPUTS];        // files that run() replaces, in the scratch folder
    void (*prepare)(const char *what);        // before each run; may be NULL
    bool (*sound)(const char *what, bool ok); // of other files, after each run; may be NULL
    unsigned harmless;   // bits of fault kinds that may end in (the same) success
    enum wc_err refuses; // another code that a failure may have; 0: none
};

#define SWEEP(title, function, text, ...)                                                          \
    { .name = title, .run = function, .what = text, __VA_ARGS__ }

static const struct sweep_fault {
    const char *name;
    enum wc_fault_kind kind;
    int how;
    bool persists, fails; // !fails: the run must succeed
} sweep_faults[] = {
    {"allocation fails", WC_FAULT_ALLOC, 0, false, true},
    {"allocations fail from there on", WC_FAULT_ALLOC, 0, true, true},
    {"open: EIO", WC_FAULT_OPEN, EIO, false, true},
    {"open: EIO from there on", WC_FAULT_OPEN, EIO, true, true},
    {"open: EINTR", WC_FAULT_OPEN, EINTR, false, false},
    {"read: EIO", WC_FAULT_READ, EIO, false, true},
    {"read: EIO from there on", WC_FAULT_READ, EIO, true, true},
    {"read: EINTR", WC_FAULT_READ, EINTR, false, false},
    {"read: short", WC_FAULT_READ, WC_FAULT_SHORT, false, false},
    {"read: short from there on", WC_FAULT_READ, WC_FAULT_SHORT, true, false},
    {"map: ENOMEM", WC_FAULT_MAP, ENOMEM, false, true},
    {"map: ENOMEM from there on", WC_FAULT_MAP, ENOMEM, true, true},
    {"write: ENOSPC", WC_FAULT_WRITE, ENOSPC, false, true},
    {"write: ENOSPC from there on", WC_FAULT_WRITE, ENOSPC, true, true},
    {"write: EIO", WC_FAULT_WRITE, EIO, false, true},
    {"write: EINTR", WC_FAULT_WRITE, EINTR, false, false},
    {"write: short", WC_FAULT_WRITE, WC_FAULT_SHORT, false, false},
    {"write: short from there on", WC_FAULT_WRITE, WC_FAULT_SHORT, true, false},
    {"fsync: EIO", WC_FAULT_FSYNC, EIO, false, true},
    {"fsync: EIO from there on", WC_FAULT_FSYNC, EIO, true, true},
    {"close: EIO", WC_FAULT_CLOSE, EIO, false, true},
    {"close: EIO from there on", WC_FAULT_CLOSE, EIO, true, true},
    {"close: EINTR", WC_FAULT_CLOSE, EINTR, false, false},
    {"rename: EIO", WC_FAULT_RENAME, EIO, false, true},
    {"rename: EIO from there on", WC_FAULT_RENAME, EIO, true, true},
};

static char sweep_dir[512];
static uint64_t sweep_digest;
static size_t sweep_n_points, sweep_n_subjects;

// What came of a run: adds bytes to the digest that runs are compared by.
__attribute__((unused)) static void sweep_result(const void *bytes, size_t n) {
    sweep_digest = sweep_digest * UINT64_C(1099511628211) + wc_fnv1a64(bytes, n) + n;
}
__attribute__((unused)) static void sweep_text(const char *text) {
    sweep_result(text ? text : "(none)", text ? strlen(text) : 6);
}

// A path in the scratch folder. Four live at a time.
__attribute__((unused)) static const char *sweep_path(const char *name) {
    static char path[4][1024];
    static unsigned i;
    i = (i + 1) % 4;
    snprintf(path[i], sizeof path[i], "%s/%s", sweep_dir, name);
    return path[i];
}

// A file there; not by base/io, which may be failing.
__attribute__((unused)) static void sweep_put(const char *name, const void *bytes, size_t n) {
    FILE *f = fopen(sweep_path(name), "wb");
    if (!f || fwrite(bytes, 1, n, f) != n || fclose(f) != 0)
        printf("Bail out! cannot write %s\n", sweep_path(name));
}

// Size and hash of a file, 0 when there is none.
static uint64_t sweep_file(const char *path) {
    unsigned char block[4096];
    uint64_t hash = 1;
    FILE *f = fopen(path, "rb");
    if (!f)
        return 0;
    for (size_t n; (n = fread(block, 1, sizeof block, f)) > 0;)
        hash = hash * UINT64_C(1099511628211) + wc_fnv1a64(block, n) + n;
    fclose(f);
    return hash;
}

static size_t sweep_n_descriptors(void) {
    size_t n = 0;
    DIR *d = opendir("/proc/self/fd");
    while (d && readdir(d))
        n++;
    if (d)
        closedir(d);
    return n;
}

// Mapped files of the scratch folder and of tests/.
static size_t sweep_n_maps(void) {
    char line[2048];
    size_t n = 0;
    FILE *f = fopen("/proc/self/maps", "r");
    while (f && fgets(line, sizeof line, f)) {
        const char *path = strchr(line, '/');
        n += path &&
             (strncmp(path, sweep_dir, strlen(sweep_dir)) == 0 || strstr(path, "/tests/")) &&
             !strstr(path, ".t\n");
    }
    if (f)
        fclose(f);
    return n;
}

// Is a temporary file left in the scratch folder?
static bool sweep_litter(void) {
    bool found = false;
    DIR *d = opendir(sweep_dir);
    for (struct dirent *e; d && (e = readdir(d));)
        found = found || strstr(e->d_name, ".tmp.");
    if (d)
        closedir(d);
    return found;
}

struct sweep_state {
    const struct sweep_subject *subject;
    const struct sweep_fault *fault;
    uint64_t digest, whole[SWEEP_OUTPUTS], old[SWEEP_OUTPUTS]; // of an undisturbed run
};

static void sweep_prepare(struct sweep_state *s) {
    for (size_t i = 0; i < SWEEP_OUTPUTS && s->subject->output[i]; i++) {
        sweep_put(s->subject->output[i], SWEEP_OLD, 4);
        s->old[i] = sweep_file(sweep_path(s->subject->output[i]));
    }
    if (s->subject->prepare)
        s->subject->prepare(s->subject->what);
    sweep_digest = 0;
}

// What is wrong after a run in which call n failed; NULL: nothing.
static const char *sweep_wrong(const struct sweep_state *s, enum wc_err rc,
                               const struct wc_error *err) {
    const struct sweep_fault *f = s->fault;
    bool memory = f->kind == WC_FAULT_ALLOC;
    if (rc == WC_OK && f->fails && !(s->subject->harmless >> f->kind & 1))
        return "the failure went unnoticed";
    if (rc == WC_OK && sweep_digest != s->digest)
        return "another result";
    if (rc != WC_OK && !f->fails)
        return "an error, though nothing failed";
    if (rc != WC_OK && rc != (memory ? WC_ERR_NOMEM : WC_ERR_IO) && rc != s->subject->refuses)
        return "the wrong code";
    if (rc != WC_OK && (err->code != rc || !err->text[0] || (!memory && !strchr(err->text, '/'))))
        return "an error without a name";
    for (size_t i = 0; i < SWEEP_OUTPUTS && s->subject->output[i]; i++) {
        uint64_t found = sweep_file(sweep_path(s->subject->output[i]));
        if (found != s->whole[i] && (found != s->old[i] || rc == WC_OK))
            return "a partial file under a final name";
    }
    if (sweep_litter())
        return "a temporary file is left";
    if (s->subject->sound && !s->subject->sound(s->subject->what, rc == WC_OK))
        return "files that are not sound";
    return NULL;
}

// One run with call n failing. How many calls of the kind there were.
static unsigned long sweep_one(struct sweep_state *s, unsigned long n, const char **wrong,
                               struct wc_error *err) {
    sweep_prepare(s);
    *err = (struct wc_error){0};
    size_t n_fds = sweep_n_descriptors(), n_maps = sweep_n_maps();
    wc_fault_how(s->fault->how);
    wc_fault_arm(s->fault->kind, n, s->fault->persists);
    enum wc_err rc = s->subject->run(s->subject->what, err);
    unsigned long n_calls = wc_fault_count(s->fault->kind);
    long n_live = wc_fault_live();
    wc_fault_reset();
    *wrong = n > 0 ? sweep_wrong(s, rc, err) : rc != WC_OK ? "an undisturbed run fails" : NULL;
    if (!*wrong && n_live != 0)
        *wrong = "memory is not given back";
    if (!*wrong && sweep_n_descriptors() != n_fds)
        *wrong = "a descriptor is left open";
    if (!*wrong && sweep_n_maps() != n_maps)
        *wrong = "a file is left mapped";
    return n_calls;
}

static unsigned long sweep_next(unsigned long n, unsigned long n_calls) {
    const char *full = getenv("WC_TEST_FULL");
    unsigned long step = (n_calls - 6) / (SWEEP_SAMPLE - 6) + 1;
    if ((full && *full) || n_calls <= SWEEP_SAMPLE || n < 6)
        return n + 1;
    return n < n_calls && n + step > n_calls ? n_calls : n + step;
}

static void sweep_subject_fault(struct sweep_state *s) {
    const struct sweep_fault *f = s->fault;
    const char *wrong;
    struct wc_error err;
    size_t n_points = 0, n_bad = 0;
    unsigned long n_calls = sweep_one(s, 0, &wrong, &err); // armed to count, nothing fails
    if (wrong) {
        test_ok(false, "%s, %s: %s (%s)", s->subject->name, f->name, wrong, err.text);
        return;
    }
    s->digest = sweep_digest;
    for (size_t i = 0; i < SWEEP_OUTPUTS && s->subject->output[i]; i++)
        s->whole[i] = sweep_file(sweep_path(s->subject->output[i]));
    if (n_calls == 0)
        return;
    for (unsigned long n = 1; n <= n_calls; n = sweep_next(n, n_calls)) {
        sweep_one(s, n, &wrong, &err);
        n_points++;
        if (wrong && n_bad++ < 3)
            test_note("%s, %s, n = %lu: %s (%d: %s)", s->subject->name, f->name, n, wrong,
                      (int)err.code, err.text);
    }
    sweep_n_points += n_points;
    test_ok(n_bad == 0, "%s, %s: %zu of n = 1..%lu", s->subject->name, f->name, n_points, n_calls);
}

static void sweep_begin(const char *name) {
    const char *tmp = getenv("WC_TEST_TMP");
    snprintf(sweep_dir, sizeof sweep_dir, "%s/%s", tmp ? tmp : "build/tmp", name);
    wc_io_mkdirs(sweep_dir, NULL);
}

static void sweep_all(const struct sweep_subject *subject, size_t n) {
    for (size_t i = 0; i < n; i++) {
        size_t before = sweep_n_points;
        const char *wrong;
        struct wc_error err;
        struct sweep_state first = {.subject = &subject[i], .fault = &sweep_faults[0]};
        sweep_one(&first, 0, &wrong, &err); // what is made once a process is made here
        for (size_t k = 0; k < sizeof sweep_faults / sizeof *sweep_faults; k++) {
            struct sweep_state s = {.subject = &subject[i], .fault = &sweep_faults[k]};
            sweep_subject_fault(&s);
        }
        sweep_n_subjects++;
        test_ok(sweep_n_points > before, "%s: %zu failures", subject[i].name,
                sweep_n_points - before);
    }
}

// Instead of test_done().
static int sweep_done(void) {
    test_note("count: %zu subjects", sweep_n_subjects);
    test_note("count: %zu injected failures", sweep_n_points);
    return test_done();
}

#endif
