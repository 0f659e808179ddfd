#include "journal/frame.h"

#include "base/hash.h"

#include <string.h>

static void put_u32(unsigned char *p, uint32_t v) {
    for (int i = 0; i < 4; i++)
        p[i] = (unsigned char)(v >> (8 * i));
}

static uint32_t get_u32(const unsigned char *p) {
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

// head: the frame's first 16 bytes, of which length and place count.
static uint32_t frame_crc(const unsigned char *head, const unsigned char *payload, size_t n) {
    uint32_t crc = wc_crc32c(wc_crc32c(0, head + 4, 4), head + 12, 4);
    return wc_crc32c(crc, payload, n);
}

size_t wc_frame_bytes(size_t n_bytes) {
    return (WC_FRAME_HEAD_BYTES + n_bytes + 7) / 8 * 8;
}

void wc_frame_write(unsigned char *out, const char *magic, uint64_t offset, const void *payload,
                    size_t n_bytes) {
    size_t end = WC_FRAME_HEAD_BYTES + n_bytes;
    memcpy(out, magic, 4);
    put_u32(out + 4, (uint32_t)n_bytes);
    put_u32(out + 12, (uint32_t)(offset / 8));
    if (n_bytes > 0)
        memcpy(out + WC_FRAME_HEAD_BYTES, payload, n_bytes);
    memset(out + end, 0, wc_frame_bytes(n_bytes) - end);
    put_u32(out + 8, frame_crc(out, out + WC_FRAME_HEAD_BYTES, n_bytes));
}

size_t wc_frame_find(const unsigned char *file, size_t n_file, uint64_t offset, const char *magic,
                     const unsigned char **payload, size_t *n_bytes, uint64_t *n_checked) {
    if (offset > n_file || n_file - offset < WC_FRAME_HEAD_BYTES)
        return 0;
    const unsigned char *p = file + offset;
    size_t n = get_u32(p + 4);
    if (memcmp(p, magic, 4) != 0 || get_u32(p + 12) != (uint32_t)(offset / 8) ||
        n > WC_JOURNAL_MAX_BYTES || wc_frame_bytes(n) > n_file - offset)
        return 0;
    *n_checked += n;
    if (get_u32(p + 8) != frame_crc(p, p + WC_FRAME_HEAD_BYTES, n))
        return 0;
    for (size_t i = WC_FRAME_HEAD_BYTES + n; i < wc_frame_bytes(n); i++)
        if (p[i] != 0)
            return 0;
    *payload = p + WC_FRAME_HEAD_BYTES;
    *n_bytes = n;
    return wc_frame_bytes(n);
}

// The strings of a header: where each lies in the payload (after four u32: version, ranks, rank,
// zero) and in the struct.
static const struct {
    size_t at, room, member, size; // `size` of the member, at most `room`; the rest is zero
} text_fields[] = {
#define TEXT(at, room, name)                                                                       \
    {                                                                                              \
        at, room, offsetof(struct wc_journal_header, name),                                        \
            sizeof(((struct wc_journal_header *)0)->name)                                          \
    }
    TEXT(16, 72, run_id),
    TEXT(88, 16, isa),
    TEXT(104, 16, precision),
    TEXT(120, 64, gemm),
#undef TEXT
};
enum { N_TEXT_FIELDS = sizeof text_fields / sizeof *text_fields };

void wc_header_encode(unsigned char out[WC_JOURNAL_HEADER_BYTES],
                      const struct wc_journal_header *h) {
    memset(out, 0, WC_JOURNAL_HEADER_BYTES);
    put_u32(out, WC_JOURNAL_VERSION);
    put_u32(out + 4, h->n_ranks);
    put_u32(out + 8, h->rank);
    for (size_t i = 0; i < N_TEXT_FIELDS; i++) {
        const char *text = (const char *)h + text_fields[i].member;
        memcpy(out + text_fields[i].at, text, strnlen(text, text_fields[i].size - 1));
    }
}

// Printable ASCII up to a NUL within `size` bytes: what goes into error texts and comparisons.
static bool is_text(const unsigned char *p, size_t size) {
    for (size_t i = 0; i < size; i++) {
        if (p[i] == 0)
            return true;
        if (p[i] < 0x20 || p[i] > 0x7e)
            return false;
    }
    return false;
}

uint32_t wc_header_decode(const unsigned char *p, size_t n_bytes, struct wc_journal_header *h) {
    if (n_bytes < 4)
        return 0;
    uint32_t version = get_u32(p);
    if (version != WC_JOURNAL_VERSION)
        return version;
    if (n_bytes != WC_JOURNAL_HEADER_BYTES)
        return 0;
    struct wc_journal_header found = {.n_ranks = get_u32(p + 4), .rank = get_u32(p + 8)};
    for (size_t i = 0; i < N_TEXT_FIELDS; i++) {
        const unsigned char *text = p + text_fields[i].at;
        if (!is_text(text, text_fields[i].size))
            return 0;
        strcpy((char *)&found + text_fields[i].member, (const char *)text);
    }
    *h = found;
    return version;
}
