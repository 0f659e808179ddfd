/*
 * Deterministic random numbers: SplitMix64 (Steele, Lea, Flood, OOPSLA 2014), its finaliser as in
 * Stafford's mix 13.
 *
 * The same generator makes the deterministic weights (model/random.h) and draws references; results
 * depend on the arguments alone, on every machine.
 */
#ifndef WC_BASE_RNG_H
#define WC_BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

#define WC_RNG_GAMMA UINT64_C(0x9E3779B97F4A7C15) // 2^64 / golden ratio, odd

// The finaliser alone: a bijection of 64-bit integers.
uint64_t wc_rng_mix(uint64_t z);

// Stream: state advances by WC_RNG_GAMMA and is mixed.
uint64_t wc_rng_next(uint64_t *state);

// Uniform in [0, n), n > 0, without bias (rejection).
uint64_t wc_rng_below(uint64_t *state, uint64_t n);

// The permutation of 0..n-1 for `seed` and `stream` (a name's hash, say): Fisher-Yates from the
// front, so the first k entries are a draw of k without replacement and draws nest over k.
void wc_rng_permutation(uint64_t seed, uint64_t stream, size_t n, size_t *perm);

#endif
