/*
 * What the journal tests share: a scratch folder, records that name themselves, and files made of
 * them.
 */
#ifndef WC_TESTS_JOURNAL_UTIL_H
#define WC_TESTS_JOURNAL_UTIL_H

#include "test.h"

#include "base/io.h"
#include "journal/journal.h"

#include <unistd.h>

static char ju_dir[400], ju_path[480];

static const struct wc_journal_header ju_header = {
    .run_id = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
    .isa = "avx2",
    .precision = "f32",
    .gemm = "openblas 0.3.21",
    .n_ranks = 4,
    .rank = 2,
};

__attribute__((unused)) static void ju_setup(const char *name) {
    const char *tmp = getenv("WC_TEST_TMP");
    snprintf(ju_dir, sizeof ju_dir, "%s/%s", tmp ? tmp : "build/tmp", name);
    wc_io_mkdirs(ju_dir, NULL);
    snprintf(ju_path, sizeof ju_path, "%s/journal", ju_dir);
    unlink(ju_path);
}

// Record i: its size, 0 to 99 bytes, and its bytes follow from i; some of them are magics.
#define JU_MAX_RECORD 128
__attribute__((unused)) static size_t ju_record(size_t i, unsigned char out[JU_MAX_RECORD]) {
    size_t n = i * 37 % 100;
    for (size_t k = 0; k < n; k++)
        out[k] = (unsigned char)(i * 31 + k * 7);
    for (size_t k = 0; i % 3 == 0 && k + 8 <= n; k += 8) // at the places where a reader looks
        memcpy(out + k, k % 16 ? "WCJH" : "WCJ1", 4);
    return n;
}

__attribute__((unused)) static size_t ju_frame_bytes(size_t i) {
    unsigned char bytes[JU_MAX_RECORD];
    return (16 + ju_record(i, bytes) + 7) / 8 * 8;
}

__attribute__((unused)) static bool ju_is_record(const struct wc_journal_payload *p, size_t i) {
    unsigned char bytes[JU_MAX_RECORD];
    size_t n = ju_record(i, bytes);
    return p->n_bytes == n && (n == 0 || memcmp(p->bytes, bytes, n) == 0);
}

__attribute__((unused)) static enum wc_err ju_append(struct wc_journal *j, size_t i,
                                                     struct wc_error *err) {
    unsigned char bytes[JU_MAX_RECORD];
    size_t n = ju_record(i, bytes);
    return wc_journal_append(j, bytes, n, err);
}

// Opens the journal, appends records from .. to - 1, closes it.
__attribute__((unused)) static enum wc_err ju_write(size_t from, size_t to, uint64_t *n_cut,
                                                    struct wc_error *err) {
    struct wc_journal *j;
    WC_TRY(wc_journal_open(ju_path, &ju_header, 30, &j, n_cut, err));
    enum wc_err rc = WC_OK;
    for (size_t i = from; i < to && rc == WC_OK; i++)
        rc = ju_append(j, i, err);
    enum wc_err closed = wc_journal_close(&j, rc == WC_OK ? err : NULL);
    return rc != WC_OK ? rc : closed;
}

// Holds the file exactly records 0 .. n - 1, and nothing else?
__attribute__((unused)) static bool ju_holds(size_t n) {
    struct wc_journal_reader r = {0};
    if (wc_journal_read(ju_path, &r, NULL) != WC_OK)
        return false;
    bool same = r.has_header && r.n == n && r.n_damage == 0;
    for (size_t i = 0; same && i < n; i++)
        same = ju_is_record(&r.payload[i], i);
    wc_journal_reader_release(&r);
    return same;
}

__attribute__((unused)) static void ju_put(const void *bytes, size_t n) {
    FILE *f = fopen(ju_path, "wb"); // not by base/io: damage is made in place, without syncs
    if (!f || fwrite(bytes, 1, n, f) != n)
        test_ok(false, "cannot write %s", ju_path);
    if (f)
        fclose(f);
}

__attribute__((unused)) static bool ju_has(const struct wc_error *err, const char *a,
                                           const char *b) {
    bool has = strstr(err->text, a) && strstr(err->text, b);
    if (!has)
        test_note("\"%s\" lacks \"%s\" or \"%s\"", err->text, a, b);
    return has;
}

#endif
