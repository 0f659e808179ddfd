// base/hash: the fast paths against slow, plainly written ones, at every length and split.
#include "test.h"

#include "base/hash.h"
#include "base/hash_impl.h"

static unsigned char data[4096 + 16];

static uint32_t crc_by_bits(const unsigned char *p, size_t n) {
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < n; i++) {
        crc ^= p[i];
        for (int b = 0; b < 8; b++)
            crc = crc >> 1 ^ (crc & 1 ? UINT32_C(0x82F63B78) : 0);
    }
    return ~crc;
}

static void crc(void) {
    test_ok(wc_crc32c(0, "123456789", 9) == UINT32_C(0xE3069283), "CRC-32C: the check value");
    static const unsigned char zeros[32];
    test_ok(wc_crc32c(0, zeros, 32) == UINT32_C(0x8A9136AA), "CRC-32C: RFC 3720 B.4, zeros");
    bool same = true, joined = true;
    for (size_t at = 0; at < 9; at++)
        for (size_t n = 0; n < 150; n++)
            same = same && wc_crc32c(0, data + at, n) == crc_by_bits(data + at, n);
    test_ok(same, "CRC-32C: every length and alignment as bit by bit");
    for (size_t cut = 0; cut <= 200; cut++)
        joined = joined && wc_crc32c(wc_crc32c(0, data, cut), data + cut, 200 - cut) ==
                               crc_by_bits(data, 200);
    test_ok(joined, "CRC-32C: goes on from what came before");
}

static void known_digests(void) {
    // FIPS 180-4 example messages (NIST, "Examples with Intermediate Values", SHA-256).
    static const struct {
        const char *message, *hex;
    } known[] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    };
    char hex[65];
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        wc_sha256_hex(known[i].message, strlen(known[i].message), hex);
        test_str(hex, known[i].hex, "SHA-256: a published digest");
    }
    struct wc_sha256 s;
    unsigned char digest[32];
    wc_sha256_init(&s);
    for (int i = 0; i < 1000000; i += 1000) {
        static char a[1000];
        memset(a, 'a', sizeof a);
        wc_sha256_add(&s, a, sizeof a);
    }
    wc_sha256_end(&s, digest);
    wc_hex(digest, 32, hex);
    test_str(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
             "SHA-256: a million a");
}

static void splits(void) {
    bool same = true;
    char whole[65], parts[65];
    for (size_t n = 0; n < 300; n++) {
        wc_sha256_hex(data, n, whole);
        struct wc_sha256 s;
        unsigned char digest[32];
        wc_sha256_init(&s);
        for (size_t at = 0; at < n;) {
            size_t take = 1 + (at * 7 + n) % 90;
            take = take < n - at ? take : n - at;
            wc_sha256_add(&s, data + at, take);
            at += take;
        }
        wc_sha256_end(&s, digest);
        wc_hex(digest, 32, parts);
        same = same && strcmp(whole, parts) == 0;
    }
    test_ok(same, "SHA-256: any split of any length gives one digest");
}

static void per_processor(void) {
#if defined(__x86_64__)
    if (!wc_hash_has_sha_ni()) {
        test_skip("SHA-256: SHA extensions as portable", "this processor has none");
        return;
    }
    bool same = true;
    for (size_t n = 0; n <= 64; n++) {
        uint32_t a[8], b[8];
        memcpy(a, data + n, sizeof a);
        memcpy(b, data + n, sizeof b);
        wc_sha256_blocks_portable(a, data + n % 16, n);
        wc_sha256_blocks_sha_ni(b, data + n % 16, n);
        same = same && memcmp(a, b, sizeof a) == 0;
    }
    test_ok(same, "SHA-256: SHA extensions as portable, 0 to 64 blocks, any state and alignment");
#else
    test_skip("SHA-256: SHA extensions as portable", "not an x86-64 processor");
#endif
}

int main(void) {
    uint64_t state = 1; // MMIX's linear congruential constants (Knuth, TAOCP 2, 3.3.4)
    for (size_t i = 0; i < sizeof data; i++) {
        state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        data[i] = (unsigned char)(state >> 56);
    }
    crc();
    known_digests();
    splits();
    per_processor();
    return test_done();
}
