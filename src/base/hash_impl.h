/*
 * The SHA-256 compression function per processor; hash.c chooses at run time, tests compare them.
 *
 * Each folds n_blocks blocks of 64 bytes into the eight words h. Thread-safe.
 */
#ifndef WC_BASE_HASH_IMPL_H
#define WC_BASE_HASH_IMPL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

extern const uint32_t wc_sha256_k[64]; // FIPS 180-4, 4.2.2

void wc_sha256_blocks_portable(uint32_t h[8], const unsigned char *p, size_t n_blocks);

// Has this processor the SHA extensions (x86-64 only)? The next function needs them.
bool wc_hash_has_sha_ni(void);
#if defined(__x86_64__)
void wc_sha256_blocks_sha_ni(uint32_t h[8], const unsigned char *p, size_t n_blocks);
#endif

#endif
