// Journals and records that somebody else might have written, each damaged in one named way: what
// is read of them, and what is refused.
#include "journal_util.h"

#include "base/alloc.h"
#include "journal/frame.h"
#include "sched/record.h"

#include <stdint.h>

enum { N = 3 };
static unsigned char whole[4096];
static size_t n_whole, start[N + 1];

// What becomes of a file whose bytes [at, at + n) are `bytes`.
struct damage {
    const char *name;
    size_t record; // `at` counts from this record's start; N: from the start of the file
    size_t at;
    const char *bytes;
    size_t n;
    size_t n_read; // records that come back
};

#define E(name, record, at, bytes, n_read)                                                         \
    { name, record, at, bytes, sizeof(bytes) - 1, n_read }

static const struct damage damages[] = {
    E("another magic", 1, 0, "XXXX", 2),
    E("a header's magic in a record's place", 1, 0, "WCJH", 2),
    E("length 0", 1, 4, "\0\0\0\0", 2),
    E("length one less", 1, 4, "\x24\0\0\0", 2),
    E("length one more", 1, 4, "\x26\0\0\0", 2),
    E("length beyond the file", 1, 4, "\0\x10\0\0", 2),
    E("length 2^31", 1, 4, "\0\0\0\x80", 2),
    E("length 2^32 - 1", 1, 4, "\xff\xff\xff\xff", 2),
    E("checksum 0", 1, 8, "\0\0\0\0", 2),
    E("place 0", 1, 12, "\0\0\0\0", 2),
    E("place 2^32 - 1", 1, 12, "\xff\xff\xff\xff", 2),
    E("a byte of the payload", 1, 20, "\x77", 2),
    E("padding that is not 0", 1, 16 + 37, "\1", 2),
    E("the last record's length", 2, 4, "\xff\0\0\0", 2),
    E("the first record's magic", 0, 0, "WCJ2", 2),
    E("the first header's magic", N, 0, "XXXX", 3),
    E("the first header's checksum", N, 8, "\1\2\3\4", 3),
    E("the second header's magic", N, 200, "XXXX", 3),
    E("the first header's length", N, 4, "\xff\xff\xff\xff", 3),
};

static void check_damages(void) {
    static unsigned char copy[sizeof whole];
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        const struct damage *d = &damages[i];
        size_t at = (d->record == N ? 0 : start[d->record]) + d->at, k = 0;
        struct wc_journal_reader r = {0};
        memcpy(copy, whole, n_whole);
        memcpy(copy + at, d->bytes, d->n);
        ju_put(copy, n_whole);
        bool good = wc_journal_read(ju_path, &r, NULL) == WC_OK && r.n == d->n_read &&
                    r.n_damage == 1 && r.damage[0].offset <= at &&
                    at < r.damage[0].offset + r.damage[0].n_bytes;
        for (size_t j = 0; good && j < N; j++)
            if (j != d->record)
                good = ju_is_record(&r.payload[k++], j);
        test_ok(good, "%s: %zu of %d records, the place is named", d->name, d->n_read, N);
        wc_journal_reader_release(&r);
    }
    test_note("count: %zu damaged journals", sizeof damages / sizeof *damages);
}

// Sound frames whose header says something else.
static void check_headers(void) {
    static const struct {
        const char *name, *fault;
        size_t at; // in the header's payload
        const char *bytes;
        size_t n;
    } headers[] = {
#define H(name, fault, at, bytes) {name, fault, at, bytes, sizeof(bytes) - 1}
        H("another run", "other-run", 16, "ff"),
        H("another ISA", "other-run", 88, "sse2"),
        H("another precision", "other-run", 104, "f16"),
        H("another backend", "other-run", 120, "mkl"),
        H("version 2", "version", 0, "\2\0\0\0"),
        H("version 2^32 - 1", "version", 0, "\xff\xff\xff\xff"),
    };
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        unsigned char file[WC_JOURNAL_START_BYTES], payload[WC_JOURNAL_HEADER_BYTES];
        struct wc_error err = {0};
        struct wc_journal *j = NULL;
        wc_header_encode(payload, &ju_header);
        memcpy(payload + headers[i].at, headers[i].bytes, headers[i].n);
        for (size_t k = 0; k < 2; k++)
            wc_frame_write(file + k * sizeof file / 2, WC_FRAME_MAGIC_HEADER, k * sizeof file / 2,
                           payload, sizeof payload);
        ju_put(file, sizeof file);
        enum wc_err rc = wc_journal_open(ju_path, &ju_header, 30, &j, NULL, &err);
        if (!test_ok(rc != WC_OK && !j && err.fault && strcmp(err.fault, headers[i].fault) == 0 &&
                         strstr(err.text, ju_path),
                     "%s: refused as %s", headers[i].name, headers[i].fault))
            test_note("%d, %s: %s", (int)rc, err.fault ? err.fault : "-", err.text);
        wc_journal_close(&j, NULL);
    }
    test_note("count: %zu foreign journals", sizeof headers / sizeof *headers);
}

// Payloads of records: sound as bytes, of another shape.
enum { UNIT, STATUS, VARIANTS, TILES, WIDTH, HEIGHT, SECONDS, TEXT };

static void check_records(void) {
    static const struct {
        const char *name;
        size_t field, n; // n: bytes that are left out or added at the end, as a signed number
        uint32_t value;
        int longer;
        bool is_record;
    } records[] = {
        {"as it was written", UNIT, 0, 4, 0, true},
        {"the unit behind the last", UNIT, 0, 5, 0, false},
        {"unit 2^32 - 1", UNIT, 0, UINT32_MAX, 0, false},
        {"status 2", STATUS, 0, 2, 0, false},
        {"status 2^32 - 1", STATUS, 0, UINT32_MAX, 0, false},
        {"a failure by its status alone", STATUS, 0, 1, 0, false},
        {"no variants", VARIANTS, 0, 0, 0, false},
        {"a variant more", VARIANTS, 0, 3, 0, false},
        {"2^32 - 1 variants", VARIANTS, 0, UINT32_MAX, 0, false},
        {"no tiles", TILES, 0, 0, 0, false},
        {"a tile more", TILES, 0, 2, 0, false},
        {"2^30 tiles", TILES, 0, 1u << 30, 0, false},
        {"2^32 - 1 tiles", TILES, 0, UINT32_MAX, 0, false},
        {"a byte less", UNIT, 0, 4, -1, false},
        {"a byte more", UNIT, 0, 4, 1, false},
        {"the head alone", UNIT, 0, 4, -40, false},
        {"half a head", UNIT, 0, 4, -56, false},
        {"nothing", UNIT, 0, 4, -72, false},
    };
    unsigned char bytes[80];
    for (size_t i = 0; i < sizeof records / sizeof *records; i++) {
        // 32 bytes of head, two scores, six cells.
        struct wc_record r;
        uint32_t head[8] = {4, 0, 2, 1, 10, 10, 0, 0};
        memset(bytes, 0, sizeof bytes);
        head[records[i].field] = records[i].value;
        memcpy(bytes, head, sizeof head);
        size_t n = (size_t)(72 + records[i].longer);
        unsigned char *exact = malloc(n ? n : 1);
        memcpy(exact, bytes, n);
        test_ok(wc_record_decode(exact, n, 2, 6, 5, &r) == records[i].is_record, "record: %s",
                records[i].name);
        free(exact);
    }
    struct wc_record r;
    uint32_t failure[9] = {4, 1, 0, 0, 0, 0, 0, 4, 0};
    test_ok(wc_record_decode((unsigned char *)failure, 36, 2, 6, 5, &r), "a failure");
    failure[7] = 3;
    test_ok(!wc_record_decode((unsigned char *)failure, 36, 2, 6, 5, &r),
            "a failure with less text than there is");
    failure[7] = UINT32_MAX;
    test_ok(!wc_record_decode((unsigned char *)failure, 36, 2, 6, 5, &r),
            "a failure with more text than there is");
    failure[7] = 0;
    test_ok(!wc_record_decode((unsigned char *)failure, 32, 2, 6, 5, &r),
            "a failure without a text (once taken for scores by the evaluation)");
    test_note("count: %zu malformed records", sizeof records / sizeof *records + 2);
}

int main(void) {
    unsigned char *bytes = NULL;
    ju_setup("t703");
    start[0] = WC_JOURNAL_START_BYTES;
    for (size_t i = 0; i < N; i++)
        start[i + 1] = start[i] + ju_frame_bytes(i);
    bool made = ju_write(0, N, NULL, NULL) == WC_OK &&
                wc_io_read_file(ju_path, sizeof whole, &bytes, &n_whole, NULL) == WC_OK;
    if (test_ok(made && n_whole == start[N], "a journal of %d records", N)) {
        memcpy(whole, bytes, n_whole);
        check_damages();
        check_headers();
        check_records();
    }
    wc_free(bytes);
    unlink(ju_path);
    return test_done();
}
