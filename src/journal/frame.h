/*
 * One frame of a journal (journal.h describes it): written into a buffer, found in a file.
 *
 * Pure functions of their arguments; thread-safe.
 */
#ifndef WC_JOURNAL_FRAME_H
#define WC_JOURNAL_FRAME_H

#include "journal/journal.h"

#define WC_FRAME_MAGIC_HEADER "WCJH"
#define WC_FRAME_MAGIC_RECORD "WCJ1"
#define WC_FRAME_HEAD_BYTES 16

#define WC_JOURNAL_VERSION 1u
#define WC_JOURNAL_HEADER_BYTES 184                                         // payload
#define WC_JOURNAL_START_BYTES (2 * (16 + (size_t)WC_JOURNAL_HEADER_BYTES)) // both header frames

// Bytes of a frame with a payload of n_bytes (<= WC_JOURNAL_MAX_BYTES), padding included.
size_t wc_frame_bytes(size_t n_bytes);

// Writes the frame for the file offset `offset` into out[0 .. wc_frame_bytes(n_bytes)).
void wc_frame_write(unsigned char *out, const char *magic, uint64_t offset, const void *payload,
                    size_t n_bytes);

// Bytes of the sound frame with this magic at `offset` of file[0 .. n_file), 0 when there is none.
// *payload and *n_bytes are set for a sound one. *n_checked grows by the bytes that a CRC was taken
// of.
size_t wc_frame_find(const unsigned char *file, size_t n_file, uint64_t offset, const char *magic,
                     const unsigned char **payload, size_t *n_bytes, uint64_t *n_checked);

void wc_header_encode(unsigned char out[WC_JOURNAL_HEADER_BYTES],
                      const struct wc_journal_header *h);
// Version of an encoded header, 0 when it is none. *h is set when the version is ours.
uint32_t wc_header_decode(const unsigned char *p, size_t n_bytes, struct wc_journal_header *h);

#endif
