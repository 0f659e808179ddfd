/*
 * Deterministic weights of full size: the same bits on every machine, for tests and benchmarks
 * without a download.
 *
 * Element i of a tensor is float32(offset + scale * u), u = ((mix(key + (i + 1) * gamma) >> 40) -
 * 2^23) / 2^23, key = fnv1a64(name) xor seed, mix as in base/rng.h; offset and scale follow from
 * the tensor's name and shape so that activations keep a trained network's magnitudes
 * (tests/golden/models/README.md has the table).
 */
#ifndef WC_MODEL_RANDOM_H
#define WC_MODEL_RANDOM_H

#include "model/arch.h"

#define WC_RANDOM_SEED 20230614u

// n_elements of one tensor into out.
void wc_random_tensor(const struct wc_tensor_spec *spec, uint64_t seed, float *out);

// A whole model as a safetensors file (float32), with the configuration in its metadata.
enum wc_err wc_random_write(const struct wc_arch *arch, enum wc_activation activation,
                            uint64_t seed, const char *path, struct wc_error *err);

#endif
