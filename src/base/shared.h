/*
 * Read-only memory that the processes of a node share: a mapped file in /dev/shm, or in $TMPDIR or
 * /tmp where there is none. One process makes it, the others find it; no messages are needed.
 *
 *     wc_shared_open("what decides the content", &s, err);   // may wait for the process that fills
 *     if (!s.ready) {
 *         wc_shared_make(&s, n_bytes, err);                  // s.data may be written now
 *         ... fill ...
 *         wc_shared_publish(&s, err);
 *     }
 *     wc_shared_release(&s);                                 // the last user removes the file
 *
 * File locks (flock) decide, which the kernel drops when a process dies in any way: what a killed
 * process left half made is made again, and files without a user are removed by the next process
 * that makes one. Content is checked by its CRC and key; a file of another user is not touched.
 * Thread-safe for distinct objects.
 */
#ifndef WC_BASE_SHARED_H
#define WC_BASE_SHARED_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

struct wc_shared {
    char *path; // NULL: not open
    char key[65];
    int fd;
    unsigned char *file; // mapped: a header, then the content
    unsigned char *data; // (n_bytes) 64-byte aligned
    size_t n_bytes;
    bool ready;
};

// Errors are those of the folder or the file: the caller then uses memory of its own. On failure
// *s is released.
enum wc_err wc_shared_open(const char *key, struct wc_shared *s, struct wc_error *err);
enum wc_err wc_shared_make(struct wc_shared *s, size_t n_bytes, struct wc_error *err);
enum wc_err wc_shared_publish(struct wc_shared *s, struct wc_error *err);
// Zeroed structs are fine. What was made and not published is removed.
void wc_shared_release(struct wc_shared *s);

#endif
