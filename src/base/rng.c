#include "base/rng.h"

uint64_t wc_rng_mix(uint64_t z) {
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

uint64_t wc_rng_next(uint64_t *state) {
    *state += WC_RNG_GAMMA;
    return wc_rng_mix(*state);
}

uint64_t wc_rng_below(uint64_t *state, uint64_t n) {
    uint64_t limit = UINT64_MAX - UINT64_MAX % n; // the largest multiple of n that fits
    uint64_t v;
    do
        v = wc_rng_next(state);
    while (v >= limit);
    return v % n;
}

void wc_rng_permutation(uint64_t seed, uint64_t stream, size_t n, size_t *perm) {
    uint64_t state = wc_rng_mix(seed + WC_RNG_GAMMA) ^ stream;
    for (size_t i = 0; i < n; i++)
        perm[i] = i;
    for (size_t i = 0; i + 1 < n; i++) {
        size_t j = i + (size_t)wc_rng_below(&state, n - i);
        size_t swap = perm[i];
        perm[i] = perm[j];
        perm[j] = swap;
    }
}
