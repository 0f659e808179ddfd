// Pictures that must be refused: each with its fault, by name, without memory for what it only
// declares, without a word on stderr, whatever byte is damaged.
#include "golden.h"

#include "base/fault.h"

#include <time.h>
#include <unistd.h>

#define DIR "tests/golden/decode"

enum { FILE_NAME, FAULT };

static const char *const FAULTS[] = {"empty",        "not-found",   "not-a-file", "unknown-format",
                                     "unsupported",  "truncated",   "bad-header", "too-large",
                                     "bad-checksum", "corrupt-data"};

// Is `fault` one of the words of `wanted`, joined by '|'?
static bool is_one_of(const char *fault, const char *wanted) {
    size_t n = fault ? strlen(fault) : 0;
    for (const char *p = wanted; p && n; p = strchr(p, '|') ? strchr(p, '|') + 1 : NULL)
        if (strncmp(p, fault, n) == 0 && (p[n] == 0 || p[n] == '|'))
            return true;
    return false;
}

static bool is_known(const char *fault) {
    for (size_t i = 0; i < sizeof FAULTS / sizeof *FAULTS; i++)
        if (fault && strcmp(fault, FAULTS[i]) == 0)
            return true;
    return false;
}

static void check_row(const char *name, const char *wanted) {
    struct wc_error err = {0};
    struct wc_image out = {0};
    struct wc_mask mask = {0};
    char *path = wc_path_join(DIR, name);
    enum wc_err rc = wc_image_read(path, NULL, &out, &err);
    if (!test_ok(rc == WC_ERR_DATA && is_one_of(err.fault, wanted) && strstr(err.text, path) &&
                     !out.rgb,
                 "%s: %s", name, wanted))
        test_note("%s: %s", err.fault ? err.fault : "(no fault)", err.text);
    rc = wc_mask_read(path, &mask, &err);
    test_ok(rc == WC_ERR_DATA && is_one_of(err.fault, wanted) && !mask.value, "%s as a mask", name);
    wc_image_release(&out);
    wc_mask_release(&mask);
    wc_free(path);
}

// Decodes bytes that may be good or bad: an error must be a known fault and leave *out alone.
static bool lawful(const unsigned char *bytes, size_t n, const char **fault) {
    struct wc_error err = {0};
    struct wc_image out = {0};
    struct wc_image_options options = {.max_pixels = 1 << 22, .exif_apply = true};
    enum wc_err rc = wc_image_decode("file", bytes, n, &options, &out, &err);
    bool good = rc == WC_OK ? out.rgb != NULL
                            : rc == WC_ERR_DATA && is_known(err.fault) && !out.rgb &&
                                  strncmp(err.text, "file: ", 6) == 0;
    if (!good)
        test_note("rc %d, fault %s, %s", rc, err.fault ? err.fault : "(none)", err.text);
    *fault = rc == WC_OK ? NULL : err.fault;
    wc_image_release(&out);
    return good;
}

static const char *const SAMPLES[] = {
    "good/png_rgb8.png",           "good/png_pal4_adam7.png",    "good/png_gray16_interlaced.png",
    "good/png_many_idat.png",      "good/jpeg_420.jpg",          "good/jpeg_444_progressive.jpg",
    "good/jpeg_ycck.jpg",          "good/jpeg_restart_rows.jpg", "good/jpeg_exif_orientation6.jpg",
    "good/bmp8_short_palette.bmp", "good/bmp24_core.bmp",        "good/bmp1.bmp",
};

// Cut anywhere, a file is truncated (or, of a few bytes, of no format); never decoded.
static void check_cuts(const char *name, const unsigned char *bytes, size_t n) {
    bool all_lawful = true, all_cut = true;
    size_t step = n > 600 ? 7 : 1;
    for (size_t k = 1; k < n; k += step) {
        unsigned char *part = malloc(k); // its own block, so that reading past it is caught
        const char *fault;
        memcpy(part, bytes, k);
        all_lawful &= lawful(part, k, &fault);
        if (!is_one_of(fault, k < 8 ? "truncated|unknown-format" : "truncated")) {
            test_note("%s cut to %zu of %zu bytes: %s", name, k, n, fault ? fault : "decoded");
            all_cut = false;
        }
        free(part);
    }
    test_ok(all_lawful, "%s cut: lawful errors", name);
    test_ok(all_cut, "%s cut anywhere is truncated", name);
}

// A damaged byte anywhere: any outcome but a crash, a hang, or an unnamed fault. PNG has checksums:
// each damage must be found.
static void check_flips(const char *name, const unsigned char *bytes, size_t n) {
    bool all_lawful = true, all_found = true, png = strstr(name, "png_");
    unsigned char *copy = malloc(n);
    size_t step = n > 900 ? 3 : 1;
    for (size_t k = 0; k < n; k += step) {
        const char *fault;
        memcpy(copy, bytes, n);
        copy[k] ^= (unsigned char)(1u << k % 8);
        all_lawful &= lawful(copy, n, &fault);
        all_found &= fault != NULL;
        copy[k] = (unsigned char)(k * 37 + 255);
        all_lawful &= lawful(copy, n, &fault);
    }
    test_ok(all_lawful, "%s with a damaged byte: lawful", name);
    if (png)
        test_ok(all_found, "%s with a damaged bit: always found", name);
    free(copy);
}

// No allocation may fail unnoticed, and none may leak (under a leak checker).
static void check_memory(const char *name, const unsigned char *bytes, size_t n) {
    bool good = true;
    for (unsigned long k = 1; k < 20; k++) {
        struct wc_error err = {0};
        struct wc_image out = {0};
        wc_fault_arm(WC_FAULT_ALLOC, k, false);
        enum wc_err rc = wc_image_decode(name, bytes, n, NULL, &out, &err);
        good = good && (rc == WC_OK || (rc == WC_ERR_NOMEM && !out.rgb));
        wc_image_release(&out);
    }
    wc_fault_reset();
    test_ok(good, "%s: out of memory at any place is an error", name);
}

static void check_samples(void) {
    for (size_t i = 0; i < sizeof SAMPLES / sizeof *SAMPLES; i++) {
        struct wc_error err = {0};
        unsigned char *bytes;
        size_t n;
        char *path = wc_path_join(DIR, SAMPLES[i]);
        if (wc_io_read_file(path, 1 << 20, &bytes, &n, &err) != WC_OK)
            golden_die(&err, path);
        check_cuts(SAMPLES[i], bytes, n);
        check_flips(SAMPLES[i], bytes, n);
        check_memory(SAMPLES[i], bytes, n);
        wc_free(bytes);
        wc_free(path);
    }
}

static uint32_t crc32_of(const unsigned char *p, size_t n) {
    uint32_t c = 0xffffffff; // PNG specification, annex D
    for (size_t i = 0; i < n; i++) {
        c ^= p[i];
        for (int k = 0; k < 8; k++)
            c = c & 1 ? 0xedb88320 ^ c >> 1 : c >> 1;
    }
    return ~c;
}

static void put_be32(unsigned char *p, uint32_t v) {
    for (int i = 0; i < 4; i++)
        p[i] = (unsigned char)(v >> (24 - 8 * i));
}

// Declares w x h in a good file; `bytes` is a copy.
static void declare(unsigned char *bytes, size_t n, uint32_t w, uint32_t h) {
    if (bytes[0] == 0x89) {
        put_be32(bytes + 16, w);
        put_be32(bytes + 20, h);
        put_be32(bytes + 29, crc32_of(bytes + 12, 17));
    } else if (bytes[0] == 'B') {
        for (int i = 0; i < 4; i++) {
            bytes[18 + i] = (unsigned char)(w >> 8 * i);
            bytes[22 + i] = (unsigned char)(h >> 8 * i);
        }
    } else {
        for (size_t i = 2; i + 9 < n; i += 2 + (size_t)(bytes[i + 2] << 8 | bytes[i + 3]))
            if (bytes[i + 1] == 0xc0 || bytes[i + 1] == 0xc2) {
                put_be32(bytes + i + 5, h << 16 | w);
                return;
            }
    }
}

// Sizes below the limit that the file cannot fill: refused before the pixels' memory is asked for.
static void check_declared(const char *name, uint32_t w, uint32_t h) {
    struct wc_error err = {0};
    struct wc_image out = {0};
    unsigned char *bytes;
    size_t n;
    char *path = wc_path_join(DIR, name);
    if (wc_io_read_file(path, 1 << 20, &bytes, &n, &err) != WC_OK)
        golden_die(&err, path);
    declare(bytes, n, w, h);
    wc_fault_arm(WC_FAULT_ALLOC, 1000000, false); // counts from here
    enum wc_err rc = wc_image_decode(name, bytes, n, NULL, &out, &err);
    // JPEG takes one block of fixed size for its decoder.
    unsigned long allowed = strstr(name, "jpeg") ? 1 : 0;
    if (!test_ok(rc == WC_ERR_DATA && is_one_of(err.fault, "truncated|too-large") &&
                     wc_fault_count(WC_FAULT_ALLOC) <= allowed,
                 "%s declaring %u x %u: refused, nothing allocated", name, (unsigned)w,
                 (unsigned)h))
        test_note("%lu allocations, %s: %s", wc_fault_count(WC_FAULT_ALLOC),
                  err.fault ? err.fault : "-", err.text);
    wc_fault_reset();
    wc_image_release(&out);
    wc_free(bytes);
    wc_free(path);
}

static void check_limit(void) {
    struct wc_error err = {0};
    struct wc_image out = {0};
    struct wc_image_options options = {.max_pixels = 23 * 17 - 1};
    enum wc_err rc = wc_image_read(DIR "/good/png_rgb8.png", &options, &out, &err);
    test_ok(rc == WC_ERR_DATA && is_one_of(err.fault, "too-large"), "max_pixels is held");
    options.max_pixels++;
    rc = wc_image_read(DIR "/good/png_rgb8.png", &options, &out, &err);
    test_ok(rc == WC_OK, "and reached");
    wc_image_release(&out);
}

// Hand-made damage of JPEG and BMP beyond the golden data.
static void check_bytes(const char *what, const void *bytes, size_t n, const char *wanted) {
    struct wc_error err = {0};
    struct wc_image out = {0};
    unsigned char *copy = malloc(n);
    memcpy(copy, bytes, n);
    enum wc_err rc = wc_image_decode("hostile", copy, n, NULL, &out, &err);
    if (!test_ok(rc == WC_ERR_DATA && is_one_of(err.fault, wanted) && !out.rgb, "%s: %s", what,
                 wanted))
        test_note("rc %d, %s: %s", rc, err.fault ? err.fault : "-", err.text);
    wc_image_release(&out);
    free(copy);
}

static void check_bmp_rle(void) {
    unsigned char f[54 + 1024 + 8] = "BM";
    f[11] = 0x04; // pixels at 54 + 1024
    f[10] = 54;
    f[14] = 40;
    f[18] = 4;
    f[22] = 2;
    f[26] = 1;
    f[28] = 8;
    f[30] = 1;
    memcpy(f + 1078, "\x00\x09\x01\x02\x03\x04\x05\x06", 8);
    check_bytes("RLE8 literal past the file", f, sizeof f, "truncated");
    memcpy(f + 1078, "\x00\x05\x01\x02\x03\x04\x05\x06", 8);
    check_bytes("RLE8 literal past the row", f, sizeof f, "corrupt-data");
    memcpy(f + 1078, "\x00\x02\x01\x63\x00\x00\x00\x01", 8);
    check_bytes("RLE8 step past the picture", f, sizeof f, "corrupt-data");
    memcpy(f + 1078, "\x04\x01\x00\x01\x00\x00\x00\x01", 8);
    check_bytes("RLE8 that ends early", f, sizeof f, "truncated");
    f[20] = 0x7f;
    check_bytes("RLE8 of 8 million pixels in 8 bytes", f, sizeof f, "truncated");
    f[20] = 0;
    f[30] = 4;
    check_bytes("BMP with a JPEG inside", f, sizeof f, "unsupported");
    f[14] = 41;
    check_bytes("BMP header of 41 bytes", f, sizeof f, "unsupported");
    f[14] = 4;
    check_bytes("BMP header of 4 bytes", f, sizeof f, "bad-header");
}

// A progressive JPEG that repeats one scan thousands of times costs a pass over the picture each.
static void check_many_scans(void) {
    struct wc_error err = {0};
    unsigned char *bytes;
    size_t n, sos = 0;
    const char *path = DIR "/good/jpeg_gray_progressive.jpg";
    if (wc_io_read_file(path, 1 << 20, &bytes, &n, &err) != WC_OK)
        golden_die(&err, path);
    for (size_t i = 2; i + 4 < n && !sos; i += 2 + (size_t)(bytes[i + 2] << 8 | bytes[i + 3]))
        if (bytes[i + 1] == 0xda)
            sos = i;
    unsigned char scan[10]; // the first scan's head: SOS, one component, no data behind it
    memcpy(scan, bytes + sos, sizeof scan);
    size_t n_repeats = 5000, total = n - 2 + n_repeats * sizeof scan + 2;
    unsigned char *big = malloc(total);
    memcpy(big, bytes, n - 2);
    for (size_t i = 0; i < n_repeats; i++)
        memcpy(big + n - 2 + i * sizeof scan, scan, sizeof scan);
    memcpy(big + total - 2, "\xff\xd9", 2);
    clock_t start = clock();
    check_bytes("JPEG of 5000 empty scans", big, total, "corrupt-data");
    test_ok((double)(clock() - start) / CLOCKS_PER_SEC < 5.0, "and soon");
    free(big);
    wc_free(bytes);
}

// The libraries print nothing by themselves: stderr goes to a file that must stay empty.
static FILE *catch_stderr(int *saved) {
    FILE *f = tmpfile();
    fflush(stderr);
    *saved = dup(STDERR_FILENO);
    if (f)
        dup2(fileno(f), STDERR_FILENO);
    return f;
}

static void check_stderr(FILE *f, int saved) {
    fflush(stderr);
    long n = f ? lseek(fileno(f), 0, SEEK_END) : -1;
    dup2(saved, STDERR_FILENO);
    test_ok(n == 0, "nothing was printed on stderr");
    if (n > 0) {
        char text[512] = {0};
        rewind(f);
        if (fread(text, 1, sizeof text - 1, f))
            test_note("%s", text);
    }
}

int main(void) {
    static struct golden_table t;
    golden_read_table(DIR "/bad.tsv", &t);
    test_ok(t.n_rows > 50, "golden/decode lists %zu bad files", t.n_rows);
    int saved;
    bool sanitized = getenv("WC_ASAN") != NULL; // its reports must reach the user
    FILE *caught = sanitized ? NULL : catch_stderr(&saved);
    for (size_t i = 0; i < t.n_rows; i++)
        check_row(t.cell[i][FILE_NAME], t.cell[i][FAULT]);
    check_samples();
    check_declared("good/png_rgb8.png", 30000, 30000);
    check_declared("good/png_pal1.png", 1000000000, 1);
    check_declared("good/png_rgb8_adam7.png", 1, 1000000000);
    check_declared("good/jpeg_420.jpg", 30000, 30000);
    check_declared("good/jpeg_444_progressive.jpg", 30000, 30000);
    check_declared("good/bmp24_w16.bmp", 30000, 30000);
    check_declared("good/bmp1.bmp", 1000000000, 1);
    check_limit();
    check_bytes("JPEG of three bytes", "\xff\xd8\xff", 3, "truncated");
    check_bytes("JPEG start alone", "\xff\xd8\x00\x00", 4, "unknown-format");
    check_bytes("BMP of two bytes", "BM", 2, "truncated");
    check_bmp_rle();
    check_many_scans();
    if (!sanitized)
        check_stderr(caught, saved);
    wc_free(t.text);
    return test_done();
}
