/*
 * The text of a lock file, and whether the process that it names still lives.
 */
#ifndef WC_JOURNAL_LOCK_HOLDER_H
#define WC_JOURNAL_LOCK_HOLDER_H

#include "base/str.h"
#include "journal/lock.h"

#include <stddef.h>

#define WC_LOCK_MAX_BYTES 2048

// Appends the lock file's text.
void wc_lock_holder_write(struct wc_buf *out, const struct wc_lock_holder *h);
// false: the text is no lock's. Missing fields are empty.
bool wc_lock_holder_parse(const char *text, size_t n_bytes, struct wc_lock_holder *h);

enum wc_lock_state {
    WC_LOCK_ALIVE,   // the process runs on this host
    WC_LOCK_DEAD,    // nobody holds the lock any more
    WC_LOCK_UNKNOWN, // on another host
};
enum wc_lock_state wc_lock_holder_state(const struct wc_lock_holder *h,
                                        const struct wc_lock_holder *self);

#endif
