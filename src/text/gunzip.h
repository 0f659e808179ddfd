/*
 * gzip (RFC 1952) in memory, with a cap against bombs. Thread-safe.
 */
#ifndef WC_TEXT_GUNZIP_H
#define WC_TEXT_GUNZIP_H

#include "base/err.h"

#include <stddef.h>

// Unpacks all members of bytes[0..n) into *out (wc_free()), which has a NUL after its *n_out bytes.
// Checksums are checked. Faults: "bad-gzip", "too-large" above max_bytes. `name` stands in
// messages.
enum wc_err wc_gunzip(const char *name, const unsigned char *bytes, size_t n, size_t max_bytes,
                      char **out, size_t *n_out, struct wc_error *err);

#endif
