// Journals: written, read, continued; another run's is refused by the field that differs.
#include "journal_util.h"

#include "base/alloc.h"
#include "base/fault.h"

#include <time.h>

static void round_trip(void) {
    struct wc_error err = {0};
    uint64_t n_cut = 77;
    test_ok(ju_write(0, 10, &n_cut, &err) == WC_OK && n_cut == 0, "a new journal is written");
    test_ok(ju_holds(10), "and read: ten records, the empty one too, no damage");
    test_ok(ju_write(10, 30, &n_cut, &err) == WC_OK && n_cut == 0 && ju_holds(30),
            "opened again, it goes on");
    test_ok(ju_write(30, 30, NULL, &err) == WC_OK && ju_holds(30), "opened for nothing");
    struct wc_journal_reader r = {0};
    test_ok(wc_journal_read(ju_path, &r, &err) == WC_OK, "read");
    test_ok(r.header.n_ranks == 4 && r.header.rank == 2 &&
                strcmp(r.header.run_id, ju_header.run_id) == 0 &&
                strcmp(r.header.isa, "avx2") == 0 && strcmp(r.header.precision, "f32") == 0 &&
                strcmp(r.header.gemm, "openblas 0.3.21") == 0,
            "the header comes back");
    test_ok(memcmp(r.map.data, "WCJH", 4) == 0 && r.map.n_bytes % 8 == 0, "magic and alignment");
    wc_journal_reader_release(&r);
    wc_journal_reader_release(&r);
    struct wc_journal *none = NULL;
    test_ok(wc_journal_close(&none, &err) == WC_OK, "closing nothing is fine");
}

static void other_run(void) {
    static const struct {
        const char *field;
        struct wc_journal_header header;
    } other[] = {
#define BASE .isa = "avx2", .precision = "f32", .gemm = "openblas 0.3.21"
#define ID "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
        {"run id", {.run_id = "ff", BASE}},
        {"instruction set",
         {.run_id = ID, .isa = "avx512", .precision = "f32", .gemm = "openblas 0.3.21"}},
        {"precision",
         {.run_id = ID, .isa = "avx2", .precision = "bf16", .gemm = "openblas 0.3.21"}},
        {"GEMM backend", {.run_id = ID, .isa = "avx2", .precision = "f32", .gemm = "onednn 3.4"}},
    };
    for (size_t i = 0; i < sizeof other / sizeof *other; i++) {
        struct wc_error err = {0};
        struct wc_journal *j = NULL;
        enum wc_err rc = wc_journal_open(ju_path, &other[i].header, 30, &j, NULL, &err);
        test_ok(rc == WC_ERR_CONFIG && !j && ju_has(&err, other[i].field, ju_path),
                "another %s is refused by name", other[i].field);
        test_str(err.fault, "other-run", "its fault");
    }
    test_ok(ju_holds(30), "and the file is as it was");
    struct wc_journal_header ranks = ju_header;
    struct wc_journal *j = NULL;
    ranks.n_ranks = 7;
    ranks.rank = 1;
    test_ok(wc_journal_open(ju_path, &ranks, 30, &j, NULL, NULL) == WC_OK &&
                wc_journal_close(&j, NULL) == WC_OK,
            "another number of ranks is the same run");
}

static void sizes(void) {
    static const size_t size[] = {1, 7, 8, 9, 4096, 1 << 20, 5 << 20};
    struct wc_journal *j = NULL;
    unsigned char *bytes = wc_alloc(5 << 20, 1);
    unlink(ju_path);
    bool ok = bytes && wc_journal_open(ju_path, &ju_header, 0, &j, NULL, NULL) == WC_OK;
    for (size_t i = 0; ok && i < 5 << 20; i++)
        bytes[i] = (unsigned char)(i * 13 >> 5);
    for (size_t i = 0; ok && i < 7; i++)
        ok = wc_journal_append(j, bytes, size[i], NULL) == WC_OK;
    struct wc_error err = {0};
    test_ok(ok && wc_journal_append(j, bytes, WC_JOURNAL_MAX_BYTES + 1, &err) == WC_ERR_BUG,
            "a record past the limit is refused");
    ok = ok && wc_journal_sync(j, NULL) == WC_OK && wc_journal_close(&j, NULL) == WC_OK && !j;
    struct wc_journal_reader r = {0};
    ok = ok && wc_journal_read(ju_path, &r, NULL) == WC_OK && r.n == 7;
    for (size_t i = 0; ok && i < 7; i++)
        ok = r.payload[i].n_bytes == size[i] && memcmp(r.payload[i].bytes, bytes, size[i]) == 0;
    test_ok(ok, "records of 1 byte to 5 MiB");
    wc_journal_reader_release(&r);
    wc_free(bytes);
}

// fsync calls that ten records cost, `pause_s` apart, opening and closing not counted.
static unsigned long syncs(double sync_s, double pause_s) {
    struct wc_journal *j = NULL;
    struct timespec pause = {.tv_nsec = (long)(pause_s * 1e9)};
    unlink(ju_path);
    if (wc_journal_open(ju_path, &ju_header, sync_s, &j, NULL, NULL) != WC_OK)
        return 999;
    wc_fault_arm(WC_FAULT_FSYNC, 0, false); // counts only
    for (size_t i = 0; i < 10; i++) {
        ju_append(j, i, NULL);
        nanosleep(&pause, NULL);
    }
    unsigned long n = wc_fault_count(WC_FAULT_FSYNC);
    wc_journal_sync(j, NULL);
    wc_journal_sync(j, NULL);
    unsigned long n_more = wc_fault_count(WC_FAULT_FSYNC) - n;
    bool at_end = n == 0 ? n_more == 1 : n_more <= (n < 10);
    wc_journal_close(&j, NULL);
    wc_fault_reset();
    return at_end ? n : 888;
}

static void intervals(void) {
    test_ok(syncs(0, 0) == 10, "interval 0: every record is synced");
    test_ok(syncs(1e9, 0) == 0, "a long interval: only when asked, and once");
    // No upper bound: on a busy machine every pause may be longer than the interval.
    test_ok(syncs(0.05, 0.02) - 1 < 10, "a short interval: between the records");
}

static void second_writer(void) {
    struct wc_journal *a = NULL, *b = NULL;
    struct wc_error err = {0};
    unlink(ju_path);
    test_ok(wc_journal_open(ju_path, &ju_header, 30, &a, NULL, NULL) == WC_OK &&
                wc_journal_open(ju_path, &ju_header, 30, &b, NULL, NULL) == WC_OK &&
                ju_append(a, 0, NULL) == WC_OK,
            "two writers, against the rule");
    test_ok(ju_append(b, 1, &err) == WC_ERR_IO && ju_has(&err, "another process", ju_path),
            "the second one stops");
    test_str(err.fault, "other-writer", "its fault");
    test_ok(ju_append(b, 1, &err) == WC_ERR_IO, "and stays so");
    test_ok(ju_append(a, 1, NULL) == WC_OK && wc_journal_close(&a, NULL) == WC_OK,
            "the first goes on");
    test_ok(wc_journal_close(&b, &err) == WC_ERR_IO && !b, "closing tells");
    test_ok(ju_holds(2), "and the file is sound");
}

int main(void) {
    ju_setup("t700");
    round_trip();
    other_run();
    sizes();
    intervals();
    second_writer();
    struct wc_error err = {0};
    struct wc_journal_reader r = {0};
    struct wc_journal *j = NULL;
    unlink(ju_path);
    test_ok(wc_journal_read(ju_path, &r, &err) == WC_ERR_DATA && ju_has(&err, ju_path, ""),
            "no file");
    test_ok(wc_journal_open(ju_dir, &ju_header, 30, &j, NULL, &err) == WC_ERR_IO, "a folder");
    test_ok(wc_journal_open("build/no/such/folder/j", &ju_header, 30, &j, NULL, &err) == WC_ERR_IO,
            "no folder");
    return test_done();
}
