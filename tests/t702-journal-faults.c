// Journals while the operating system fails: each call in turn, once and for good; and a disk that
// fills up at each byte.
#include "journal_util.h"

#include "base/fault.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

enum { N_OLD = 3, N = 8 };

// Writes what is missing up to record N - 1 and says how many appends were acknowledged. *rc is the
// first failure, if any, *told whether every failing call had a text.
static size_t run(size_t from, enum wc_err *rc, bool *told) {
    struct wc_journal *j = NULL;
    struct wc_error err = {0};
    size_t n = from;
    *told = true;
    *rc = wc_journal_open(ju_path, &ju_header, 0, &j, NULL, &err);
    if (*rc != WC_OK) {
        *told = err.text[0] != '\0' && !j;
        return n;
    }
    while (n < N && *rc == WC_OK) {
        *rc = ju_append(j, n, &err);
        n += *rc == WC_OK;
    }
    if (*rc != WC_OK) {
        *told = strstr(err.text, ju_path) != NULL;
        struct wc_error again = {0};
        // Only memory may come back.
        if (*rc != WC_ERR_NOMEM)
            *told = *told && ju_append(j, n, &again) == *rc && strstr(again.text, err.text);
    }
    enum wc_err closed = wc_journal_close(&j, &err);
    *told = *told && !j && (closed == WC_OK || strstr(err.text, ju_path));
    *rc = *rc != WC_OK ? *rc : closed;
    return n;
}

// Sound, at least n_acked records, in order, nothing else (n_torn bytes at the end, as it was
// before the run, apart).
static bool is_sound(size_t n_acked, uint64_t n_torn) {
    struct wc_journal_reader r = {0};
    if (!wc_io_exists(ju_path))
        return n_acked == 0;
    if (wc_journal_read(ju_path, &r, NULL) != WC_OK)
        return false;
    bool sound = r.n >= n_acked && r.n <= N;
    for (size_t i = 0; sound && i < r.n; i++)
        sound = ju_is_record(&r.payload[i], i);
    sound = sound && (r.n_damage == 0 ||
                      (r.n_damage == 1 && r.damage[0].torn_tail && r.damage[0].n_bytes == n_torn));
    wc_journal_reader_release(&r);
    return sound;
}

static size_t n_records(void) {
    struct wc_journal_reader r = {0};
    if (!wc_io_exists(ju_path) || wc_journal_read(ju_path, &r, NULL) != WC_OK)
        return 0;
    size_t n = r.n;
    wc_journal_reader_release(&r);
    return n;
}

// A new journal, or one with N_OLD records and the torn head of another.
static void prepare(bool is_old) {
    unlink(ju_path);
    if (!is_old)
        return;
    ju_write(0, N_OLD, NULL, NULL);
    FILE *f = fopen(ju_path, "ab");
    if (f) {
        fwrite("WCJ1xx", 1, 6, f);
        fclose(f);
    }
}

static void sweep(enum wc_fault_kind kind, const char *name, bool is_old, bool persist) {
    unsigned long n = 1;
    bool sound = true, told = true, goes_on = true;
    for (; n < 200; n++) {
        enum wc_err rc, again;
        bool has_text, has_text_again;
        prepare(is_old);
        wc_fault_arm(kind, n, persist);
        size_t n_acked = run(is_old ? N_OLD : 0, &rc, &has_text);
        bool hit = wc_fault_count(kind) >= n;
        wc_fault_reset();
        if (!hit)
            break;
        enum wc_err wanted = kind == WC_FAULT_ALLOC ? WC_ERR_NOMEM : WC_ERR_IO;
        // Closing a descriptor that was read from, and a folder's, loses nothing.
        bool harmless = rc == WC_OK && kind == WC_FAULT_CLOSE && n_acked == N;
        told = told && has_text && (rc == wanted || harmless);
        sound = sound && is_sound(n_acked, is_old ? 6 : 0);
        if (!sound || !told)
            test_note("call %lu: code %d, %zu acknowledged", n, (int)rc, n_acked);
        goes_on = goes_on && run(n_records(), &again, &has_text_again) == N && again == WC_OK &&
                  ju_holds(N);
    }
    const char *what = is_old ? "an old journal" : "a new one";
    const char *how = persist ? "from there on" : "once";
    test_ok(n > 1 && n < 200, "%s, %s failing %s: %lu calls", what, name, how, n - 1);
    test_ok(told, "each failure is an error that names the file");
    test_ok(sound, "the file stays sound, with every acknowledged record");
    test_ok(goes_on, "and the same command goes on");
}

// A real file-size limit: write() stores what fits and fails at the next call, as on a full disk.
static void disk_full(void) {
    struct rlimit old, limit;
    struct stat st;
    prepare(true);
    bool sound = stat(ju_path, &st) == 0 && getrlimit(RLIMIT_FSIZE, &old) == 0, failed = true;
    signal(SIGXFSZ, SIG_IGN);
    ju_write(N_OLD, N, NULL, NULL);
    struct stat full;
    sound = sound && stat(ju_path, &full) == 0;
    fflush(stdout);
    for (rlim_t n = 0; sound && n < (rlim_t)full.st_size; n++) {
        enum wc_err rc;
        bool told;
        bool is_old = n > (rlim_t)st.st_size;
        prepare(is_old);
        limit = old;
        limit.rlim_cur = n;
        setrlimit(RLIMIT_FSIZE, &limit);
        size_t n_acked = run(is_old ? N_OLD : 0, &rc, &told);
        setrlimit(RLIMIT_FSIZE, &old);
        failed = failed && rc == WC_ERR_IO && told;
        sound = is_sound(n_acked, 0) && run(n_records(), &rc, &told) == N && ju_holds(N);
        if (!sound || !failed)
            test_note("limit %llu: %zu acknowledged", (unsigned long long)n, n_acked);
    }
    test_ok(failed, "a disk that is full at each byte of the file: an error");
    test_ok(sound, "what was written of a record is cut off again, and the same command goes on");
}

int main(void) {
    static const struct {
        enum wc_fault_kind kind;
        const char *name;
        bool new_too; // are there such calls when the journal is new?
    } kinds[] = {
        {WC_FAULT_OPEN, "open", true},   {WC_FAULT_WRITE, "write", true},
        {WC_FAULT_FSYNC, "fsync", true}, {WC_FAULT_CLOSE, "close", true},
        {WC_FAULT_MAP, "map", false},    {WC_FAULT_ALLOC, "allocation", true},
    };
    ju_setup("t702");
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        for (int persist = 0; persist < 2; persist++) {
            sweep(kinds[i].kind, kinds[i].name, true, persist);
            if (kinds[i].new_too)
                sweep(kinds[i].kind, kinds[i].name, false, persist);
        }
    disk_full();
    unlink(ju_path);
    return test_done();
}
