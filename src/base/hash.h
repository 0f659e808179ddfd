/*
 * Hashes: SHA-256 (FIPS 180-4) for content, CRC-32C (Castagnoli, RFC 3720) for records, FNV-1a 64
 * for test data.
 */
#ifndef WC_BASE_HASH_H
#define WC_BASE_HASH_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

struct wc_sha256 {
    uint32_t h[8];
    uint64_t n_bytes;
    unsigned char block[64];
};

void wc_sha256_init(struct wc_sha256 *s);
void wc_sha256_add(struct wc_sha256 *s, const void *bytes, size_t n);
void wc_sha256_end(struct wc_sha256 *s, unsigned char digest[32]);
void wc_sha256_hex(const void *bytes, size_t n,
                   char hex[65]); // of one block, lower case, NUL-terminated
void wc_hex(const unsigned char *bytes, size_t n, char *hex); // 2 n digits and a NUL
enum wc_err wc_sha256_file(const char *path, char hex[65], struct wc_error *err);

// CRC-32C of bytes; `crc` is that of what came before (0 at the start).
uint32_t wc_crc32c(uint32_t crc, const void *bytes, size_t n);

uint64_t wc_fnv1a64(const void *bytes, size_t n);

#endif
