#include "base/hash.h"

#include "base/hash_impl.h"
#include "base/io.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

// FIPS 180-4, 4.2.2: the first 32 bits of the fractional parts of the cube roots of the first 64
// primes.
const uint32_t wc_sha256_k[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t rotr(uint32_t x, unsigned n) {
    return x >> n | x << (32 - n);
}

static uint32_t big_endian(const unsigned char *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

// One round of FIPS 180-4, 6.2.2, step 3, with the eight working variables s[0..7] = a..h. Instead
// of moving them, round t finds variable v at s[(v - t) mod 8].
static inline void sha256_round(uint32_t s[8], unsigned t, uint32_t w) {
    uint32_t a = s[(0 - t) & 7], b = s[(1 - t) & 7], c = s[(2 - t) & 7], e = s[(4 - t) & 7];
    uint32_t f = s[(5 - t) & 7], g = s[(6 - t) & 7], *d = &s[(3 - t) & 7], *h = &s[(7 - t) & 7];
    uint32_t t1 = *h + (rotr(e, 6) ^ rotr(e, 11) ^ rotr(e, 25)) + (g ^ (e & (f ^ g))) + w;
    *d += t1;
    *h = t1 + (rotr(a, 2) ^ rotr(a, 13) ^ rotr(a, 22)) + ((a & b) | (c & (a | b)));
}

void wc_sha256_blocks_portable(uint32_t h[8], const unsigned char *p, size_t n_blocks) {
    for (; n_blocks > 0; n_blocks--, p += 64) {
        uint32_t w[64], s[8];
        for (int t = 0; t < 16; t++)
            w[t] = big_endian(p + 4 * t);
        for (int t = 16; t < 64; t++) {
            uint32_t s0 = rotr(w[t - 15], 7) ^ rotr(w[t - 15], 18) ^ w[t - 15] >> 3;
            uint32_t s1 = rotr(w[t - 2], 17) ^ rotr(w[t - 2], 19) ^ w[t - 2] >> 10;
            w[t] = w[t - 16] + s0 + w[t - 7] + s1;
        }
        memcpy(s, h, sizeof s);
        for (unsigned t = 0; t < 64; t += 8) { // eight rounds bring the variables back in place
            const uint32_t *x = w + t, *k = wc_sha256_k + t;
            sha256_round(s, 0, x[0] + k[0]);
            sha256_round(s, 1, x[1] + k[1]);
            sha256_round(s, 2, x[2] + k[2]);
            sha256_round(s, 3, x[3] + k[3]);
            sha256_round(s, 4, x[4] + k[4]);
            sha256_round(s, 5, x[5] + k[5]);
            sha256_round(s, 6, x[6] + k[6]);
            sha256_round(s, 7, x[7] + k[7]);
        }
        for (int i = 0; i < 8; i++)
            h[i] += s[i];
    }
}

#if defined(__x86_64__)
bool wc_hash_has_sha_ni(void) {
    // CPUID traps under virtual machines, so it is asked once: 0 not yet, 1 no, 2 yes.
    static atomic_int known;
    int state = atomic_load_explicit(&known, memory_order_relaxed);
    if (state == 0) {
        // Intel SDM vol. 2A, CPUID: leaf 1 ECX bits 9 (SSSE3) and 19 (SSE4.1), leaf 7 EBX bit 29.
        unsigned a, b, c, d, b7, c7;
        bool yes = __get_cpuid(1, &a, &b, &c, &d) && (c >> 9 & 1) && (c >> 19 & 1) &&
                   __get_cpuid_count(7, 0, &a, &b7, &c7, &d) && (b7 >> 29 & 1);
        state = yes ? 2 : 1;
        atomic_store_explicit(&known, state, memory_order_relaxed);
    }
    return state == 2;
}

static void sha256_blocks(uint32_t h[8], const unsigned char *p, size_t n_blocks) {
    if (wc_hash_has_sha_ni())
        wc_sha256_blocks_sha_ni(h, p, n_blocks);
    else
        wc_sha256_blocks_portable(h, p, n_blocks);
}
#else
bool wc_hash_has_sha_ni(void) {
    return false;
}

static void sha256_blocks(uint32_t h[8], const unsigned char *p, size_t n_blocks) {
    wc_sha256_blocks_portable(h, p, n_blocks);
}
#endif

void wc_sha256_init(struct wc_sha256 *s) {
    static const uint32_t start[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f,
                                      0x9b05688c, 0x1f83d9ab, 0x5be0cd19}; // FIPS 180-4, 5.3.3
    memset(s, 0, sizeof *s);
    memcpy(s->h, start, sizeof start);
}

void wc_sha256_add(struct wc_sha256 *s, const void *bytes, size_t n) {
    const unsigned char *p = bytes;
    size_t held = s->n_bytes % 64;
    s->n_bytes += n;
    if (held > 0) {
        size_t take = n < 64 - held ? n : 64 - held;
        memcpy(s->block + held, p, take);
        p += take;
        n -= take;
        if (held + take < 64)
            return;
        sha256_blocks(s->h, s->block, 1);
    }
    if (n >= 64)
        sha256_blocks(s->h, p, n / 64);
    if (n % 64 > 0)
        memcpy(s->block, p + n / 64 * 64, n % 64);
}

void wc_sha256_end(struct wc_sha256 *s, unsigned char digest[32]) {
    uint64_t n_bits = s->n_bytes * 8;
    static const unsigned char pad[64] = {0x80};
    wc_sha256_add(s, pad, 1 + (119 - s->n_bytes % 64) % 64);
    unsigned char length[8];
    for (int i = 0; i < 8; i++)
        length[i] = (unsigned char)(n_bits >> (56 - 8 * i));
    wc_sha256_add(s, length, 8);
    for (int i = 0; i < 32; i++)
        digest[i] = (unsigned char)(s->h[i / 4] >> (24 - 8 * (i % 4)));
}

void wc_hex(const unsigned char *bytes, size_t n, char *hex) {
    static const char digit[] = "0123456789abcdef";
    for (size_t i = 0; i < n; i++) {
        hex[2 * i] = digit[bytes[i] >> 4];
        hex[2 * i + 1] = digit[bytes[i] & 15];
    }
    hex[2 * n] = '\0';
}

void wc_sha256_hex(const void *bytes, size_t n, char hex[65]) {
    struct wc_sha256 s;
    unsigned char digest[32];
    wc_sha256_init(&s);
    wc_sha256_add(&s, bytes, n);
    wc_sha256_end(&s, digest);
    wc_hex(digest, 32, hex);
}

enum wc_err wc_sha256_file(const char *path, char hex[65], struct wc_error *err) {
    struct wc_map map;
    WC_TRY(wc_io_map(path, &map, err));
    wc_sha256_hex(map.data, map.n_bytes, hex);
    wc_map_release(&map);
    return WC_OK;
}

// Slicing by 8: table[k][b] is the CRC register after byte b and k zero bytes, so that eight bytes
// cost eight independent look-ups (Kounavis and Berry, "Novel Table Lookup-Based Algorithms for
// High-Performance CRC Generation", IEEE Trans. Computers 57(11), 2008). Reflected polynomial
// 0x82F63B78.
static uint32_t crc_table[8][256]; // written once by crc_make()
static pthread_once_t crc_once = PTHREAD_ONCE_INIT;

static void crc_make(void) {
    for (uint32_t b = 0; b < 256; b++) {
        uint32_t r = b;
        for (int i = 0; i < 8; i++)
            r = r >> 1 ^ (r & 1 ? UINT32_C(0x82F63B78) : 0);
        crc_table[0][b] = r;
    }
    for (int k = 1; k < 8; k++)
        for (int b = 0; b < 256; b++) {
            uint32_t r = crc_table[k - 1][b];
            crc_table[k][b] = r >> 8 ^ crc_table[0][r & 255];
        }
}

uint32_t wc_crc32c(uint32_t crc, const void *bytes, size_t n) {
    const unsigned char *p = bytes;
    pthread_once(&crc_once, crc_make);
    crc = ~crc;
    for (; n >= 8; n -= 8, p += 8) {
        uint32_t x = crc ^ ((uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
                            (uint32_t)p[3] << 24);
        crc = crc_table[7][x & 255] ^ crc_table[6][x >> 8 & 255] ^ crc_table[5][x >> 16 & 255] ^
              crc_table[4][x >> 24] ^ crc_table[3][p[4]] ^ crc_table[2][p[5]] ^ crc_table[1][p[6]] ^
              crc_table[0][p[7]];
    }
    for (; n > 0; n--, p++)
        crc = crc >> 8 ^ crc_table[0][(crc ^ *p) & 255];
    return ~crc;
}

uint64_t wc_fnv1a64(const void *bytes, size_t n) {
    const unsigned char *p = bytes;
    uint64_t h = UINT64_C(0xCBF29CE484222325);
    for (size_t i = 0; i < n; i++)
        h = (h ^ p[i]) * UINT64_C(0x100000001B3);
    return h;
}
