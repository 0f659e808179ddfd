// Journals. The input is a file; and records of the same bytes, written, damaged at a place that
// they choose, and read again: nothing but whole records comes back.
#include "fuzz/fuzz.h"

#include "journal/frame.h"
#include "journal/journal.h"

#include <stdlib.h>
#include <string.h>

static void read_file(const uint8_t *bytes, size_t n) {
    struct wc_journal_reader r = {0};
    struct wc_error err = {.code = WC_OK};
    enum wc_err rc = wc_journal_read(fuzz_file(bytes, n, ""), &r, &err);
    fuzz_require(rc == WC_OK || rc == WC_ERR_DATA || rc == WC_ERR_CONFIG,
                 "a foreign file is refused", &err);
    for (size_t i = 0; rc == WC_OK && i < r.n; i++) {
        const unsigned char *at = r.payload[i].bytes;
        bool inside = at >= r.map.data && at + r.payload[i].n_bytes <= r.map.data + r.map.n_bytes;
        fuzz_require(inside || r.payload[i].n_bytes == 0, "records lie in the file", NULL);
    }
    wc_journal_reader_release(&r);
}

// One frame of the input as payload, with a byte changed: it is not found, or it was not changed.
static void damage_frame(const uint8_t *bytes, size_t n) {
    const unsigned char *payload;
    size_t n_payload, size = wc_frame_bytes(n - 2), at = (bytes[0] + 256u * bytes[1]) % size;
    uint64_t n_checked = 0;
    unsigned char *frame = malloc(size);
    if (!frame)
        return;
    wc_frame_write(frame, "WCJ1", 64, bytes + 2, n - 2);
    // A copy at its own place, 64 bytes into a file.
    unsigned char *file = calloc(1, 64 + size);
    if (file) {
        memcpy(file + 64, frame, size);
        size_t found = wc_frame_find(file, 64 + size, 64, "WCJ1", &payload, &n_payload, &n_checked);
        fuzz_require(found == size && n_payload == n - 2, "a frame is found", NULL);
        file[64 + at] ^= (unsigned char)(1u << (bytes[0] & 7));
        found = wc_frame_find(file, 64 + size, 64, "WCJ1", &payload, &n_payload, &n_checked);
        fuzz_require(found == 0 || memcmp(payload, bytes + 2, n - 2) == 0,
                     "a damaged frame is not used", NULL);
    }
    free(file);
    free(frame);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    read_file(bytes, n);
    if (n >= 2)
        damage_frame(bytes, n);
    return 0;
}
