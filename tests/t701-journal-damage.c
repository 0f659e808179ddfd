// Damaged journals: what is damaged is never returned, everything else is.
#include "journal_util.h"

#include "base/alloc.h"
#include "journal/frame.h"

#include <sys/stat.h>

enum { N = 40 };
static unsigned char *whole;
static size_t n_whole, start[N + 1]; // start[N]: the end

static uint64_t random_state = 1; // MMIX's linear congruential constants (Knuth, TAOCP 2, 3.3.4)
static size_t below(size_t n) {
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (size_t)(random_state >> 33) % n;
}

// Reads the file and compares: exactly the records that are not `lost`, in order, and damage
// reported if there is a lost one.
static bool holds_others(const bool lost[N], bool any_damage) {
    struct wc_journal_reader r = {0};
    if (wc_journal_read(ju_path, &r, NULL) != WC_OK)
        return false;
    size_t k = 0;
    bool same = (r.n_damage > 0) == any_damage;
    for (size_t i = 0; same && i < N; i++)
        if (!lost[i])
            same = k < r.n && ju_is_record(&r.payload[k++], i);
    same = same && k == r.n;
    wc_journal_reader_release(&r);
    return same;
}

static size_t record_at(size_t offset) {
    size_t i = 0;
    while (i < N && start[i + 1] <= offset)
        i++;
    return i;
}

static void cuts(void) {
    bool read = true, continued = true;
    for (size_t n = start[N - 2]; n < n_whole; n++) {
        size_t n_sound = n < start[N - 1] ? N - 2 : N - 1;
        ju_put(whole, n);
        struct wc_journal_reader r = {0};
        read = read && wc_journal_read(ju_path, &r, NULL) == WC_OK && r.n == n_sound;
        bool torn = n != start[n_sound];
        read = read && r.n_damage == (torn ? 1 : 0) &&
               (!torn || (r.damage[0].torn_tail && r.damage[0].offset == start[n_sound] &&
                          r.damage[0].n_bytes == n - start[n_sound]));
        wc_journal_reader_release(&r);
        uint64_t n_cut = 99;
        continued = continued && ju_write(n_sound, N, &n_cut, NULL) == WC_OK &&
                    n_cut == n - start[n_sound] && ju_holds(N);
    }
    test_ok(read, "cut at every byte of the last two records: the others are read");
    test_ok(continued, "and the next run goes on behind them");
    bool begun = true;
    for (size_t n = 0; n < start[0]; n++) {
        uint64_t n_cut = 0;
        ju_put(whole, n);
        begun = begun && ju_write(0, 3, &n_cut, NULL) == WC_OK && ju_holds(3);
    }
    test_ok(begun, "cut at every byte of the header: begun anew");
}

static void flips(void) {
    bool records = true, header = true;
    for (size_t at = 0; at < n_whole; at++) {
        bool lost[N] = {0};
        unsigned char bit = (unsigned char)(1u << below(8));
        if (at >= start[0])
            lost[record_at(at)] = true;
        whole[at] ^= bit;
        ju_put(whole, n_whole);
        whole[at] ^= bit;
        bool same = holds_others(lost, true);
        *(at < start[0] ? &header : &records) &= same;
        if (!same)
            test_note("byte %zu, bit %u", at, (unsigned)bit);
    }
    test_ok(records, "one bit flipped in each byte of the records: that record is lost, no other");
    test_ok(header, "one bit flipped in each byte of the header: no record is lost");
}

static void many_flips(void) {
    bool same = true;
    unsigned char *copy = wc_alloc(n_whole, 1);
    for (int round = 0; round < 200 && copy; round++) {
        bool lost[N] = {0};
        memcpy(copy, whole, n_whole);
        for (size_t k = 0; k < 1 + (size_t)round % 8; k++) {
            size_t at = start[0] + below(n_whole - start[0]);
            copy[at] ^= (unsigned char)(1 + below(255));
            lost[record_at(at)] = true;
        }
        bool damaged = memcmp(copy, whole, n_whole) != 0; // two flips may undo each other
        ju_put(copy, n_whole);
        struct wc_journal_reader r = {0};
        for (size_t i = 0; i < N; i++)
            lost[i] = lost[i] && memcmp(copy + start[i], whole + start[i], start[i + 1] - start[i]);
        same = same && holds_others(lost, damaged);
        // The writer cuts only what is torn, and keeps what lies before and behind other damage.
        same = same && wc_journal_read(ju_path, &r, NULL) == WC_OK;
        size_t n_sound = r.n;
        wc_journal_reader_release(&r);
        same = same && ju_write(1, 2, NULL, NULL) == WC_OK &&
               wc_journal_read(ju_path, &r, NULL) == WC_OK && r.n == n_sound + 1 &&
               ju_is_record(&r.payload[n_sound], 1);
        wc_journal_reader_release(&r);
    }
    wc_free(copy);
    test_ok(same && copy, "several damaged records; a run goes on behind them");
}

static void moved(void) {
    bool lost[N] = {0};
    unsigned char *copy = wc_alloc(n_whole, 1);
    if (!test_ok(copy != NULL, "memory"))
        return;
    // Eight bytes vanish in record 20: all behind it lies where it was not written.
    size_t at = start[20] + 8;
    memcpy(copy, whole, at);
    memcpy(copy + at, whole + at + 8, n_whole - at - 8);
    ju_put(copy, n_whole - 8);
    for (size_t i = 20; i < N; i++)
        lost[i] = true;
    test_ok(holds_others(lost, true), "bytes that moved are not records");
    memset(lost, 0, sizeof lost);
    memcpy(copy, whole, n_whole);
    memset(copy + start[10], 0, start[15] - start[10]);
    ju_put(copy, n_whole);
    for (size_t i = 10; i < 15; i++)
        lost[i] = true;
    test_ok(holds_others(lost, true), "a block of zeros in the middle");
    struct wc_journal_reader r = {0};
    test_ok(wc_journal_read(ju_path, &r, NULL) == WC_OK && r.n_damage == 1 &&
                r.damage[0].offset == start[10] && r.damage[0].n_bytes == start[15] - start[10] &&
                !r.damage[0].torn_tail,
            "is located, and no torn tail");
    wc_journal_reader_release(&r);
    wc_free(copy);
}

// A record whose payload is a whole journal: with its head damaged, the reader walks through the
// payload and must take nothing there for a record.
static void journal_in_journal(void) {
    struct wc_journal *j = NULL;
    unlink(ju_path);
    bool ok = wc_journal_open(ju_path, &ju_header, 30, &j, NULL, NULL) == WC_OK &&
              wc_journal_append(j, "first", 5, NULL) == WC_OK &&
              wc_journal_append(j, whole, n_whole, NULL) == WC_OK &&
              wc_journal_append(j, "last", 4, NULL) == WC_OK && wc_journal_close(&j, NULL) == WC_OK;
    struct wc_journal_reader r = {0};
    ok = ok && wc_journal_read(ju_path, &r, NULL) == WC_OK && r.n == 3 &&
         r.payload[1].n_bytes == n_whole && memcmp(r.payload[1].bytes, whole, n_whole) == 0;
    test_ok(ok, "a payload that is a journal");
    size_t n = r.map.n_bytes;
    unsigned char *copy = wc_alloc(n, 1);
    if (ok && copy)
        memcpy(copy, r.map.data, n);
    wc_journal_reader_release(&r);
    for (size_t at = start[0] + 24; ok && copy && at < start[0] + 24 + 64; at++) {
        copy[at] ^= 4;
        ju_put(copy, n);
        copy[at] ^= 4;
        ok = wc_journal_read(ju_path, &r, NULL) == WC_OK && r.n == 2 &&
             memcmp(r.payload[0].bytes, "first", 5) == 0 &&
             memcmp(r.payload[1].bytes, "last", 4) == 0;
        wc_journal_reader_release(&r);
    }
    wc_free(copy);
    test_ok(ok && copy, "damaged, nothing inside it is taken for a record");
}

static void header_lost(void) {
    bool lost[N];
    memset(lost, true, sizeof lost);
    whole[20] ^= 1;
    whole[start[0] / 2 + 20] ^= 1;
    ju_put(whole, n_whole);
    whole[20] ^= 1;
    whole[start[0] / 2 + 20] ^= 1;
    struct wc_journal_reader r = {0};
    test_ok(holds_others(lost, true) && wc_journal_read(ju_path, &r, NULL) == WC_OK &&
                !r.has_header,
            "both headers damaged: nobody knows whose records these are, none is returned");
    wc_journal_reader_release(&r);
    uint64_t n_cut = 0;
    test_ok(ju_write(0, 3, &n_cut, NULL) == WC_OK && n_cut == n_whole && ju_holds(3),
            "and the journal is begun anew");
    unsigned char frames[WC_JOURNAL_START_BYTES], payload[WC_JOURNAL_HEADER_BYTES];
    wc_header_encode(payload, &ju_header);
    payload[0] = WC_JOURNAL_VERSION + 1;
    wc_frame_write(frames, WC_FRAME_MAGIC_HEADER, 0, payload, sizeof payload);
    ju_put(frames, sizeof frames / 2);
    struct wc_error err = {0};
    test_ok(wc_journal_read(ju_path, &r, &err) == WC_ERR_DATA &&
                ju_write(0, 1, NULL, &err) == WC_ERR_DATA && ju_has(&err, ju_path, "version 2"),
            "a newer format is refused");
    test_str(err.fault, "version", "its fault");
}

static void garbage(void) {
    unsigned char bytes[3000];
    bool read = true, refused = true;
    for (size_t n = 1; n < sizeof bytes; n += 1 + n / 8) {
        for (size_t i = 0; i < n; i++)
            bytes[i] = (unsigned char)below(256);
        bytes[0] = 'x';
        ju_put(bytes, n);
        struct wc_journal_reader r = {0};
        struct wc_error err = {0};
        read = read && wc_journal_read(ju_path, &r, &err) == WC_OK && r.n == 0 && !r.has_header &&
               r.n_damage == 1;
        wc_journal_reader_release(&r);
        refused = refused && ju_write(0, 1, NULL, &err) == WC_ERR_DATA && err.fault &&
                  strcmp(err.fault, "not-a-journal") == 0;
        struct stat st;
        refused = refused && stat(ju_path, &st) == 0 && (size_t)st.st_size == n;
    }
    test_ok(read, "garbage has no records");
    test_ok(refused, "and is not written over");
    memset(bytes, 0, sizeof bytes);
    ju_put(bytes, sizeof bytes);
    test_ok(ju_write(0, 3, NULL, NULL) == WC_OK && ju_holds(3),
            "zeros, as a crash may leave, are begun anew");
    // A million bytes of heads, each of which claims all that follows.
    size_t n = 1 << 20;
    unsigned char *heads = wc_alloc(n, 1);
    if (!test_ok(heads != NULL, "memory"))
        return;
    memcpy(heads, whole, start[0]);
    for (size_t at = start[0]; at + 16 <= n; at += 16) {
        wc_frame_write(heads + at, WC_FRAME_MAGIC_RECORD, at, NULL, 0);
        size_t claim = n - at - 16;
        for (int i = 0; i < 4; i++)
            heads[at + 4 + (size_t)i] = (unsigned char)(claim >> (8 * i));
    }
    ju_put(heads, n);
    wc_free(heads);
    alarm(60); // without the bound on what is checked: 65536 heads of half a megabyte
    struct wc_journal_reader r = {0};
    test_ok(wc_journal_read(ju_path, &r, NULL) == WC_OK && r.n == 0 && r.has_header,
            "a file of heads is read in bounded time");
    alarm(0);
    wc_journal_reader_release(&r);
    unlink(ju_path);
    struct wc_error err = {0};
    if (mkfifo(ju_path, 0600) == 0)
        test_ok(wc_journal_read(ju_path, &r, &err) == WC_ERR_DATA &&
                    ju_write(0, 1, NULL, &err) == WC_ERR_IO,
                "a FIFO is refused without a hang");
    unlink(ju_path);
}

int main(void) {
    ju_setup("t701");
    start[0] = WC_JOURNAL_START_BYTES;
    for (size_t i = 0; i < N; i++)
        start[i + 1] = start[i] + ju_frame_bytes(i);
    bool made = ju_write(0, N, NULL, NULL) == WC_OK &&
                wc_io_read_file(ju_path, 1 << 20, &whole, &n_whole, NULL) == WC_OK;
    if (!test_ok(made && n_whole == start[N], "a journal of %d records", N))
        return test_done();
    cuts();
    flips();
    many_flips();
    moved();
    journal_in_journal();
    header_lost();
    garbage();
    wc_free(whole);
    return test_done();
}
