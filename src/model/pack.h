/*
 * Private to model: the image tower's layers in the form and precision that they are multiplied in.
 *
 * int8 is calibrated on pictures that a formula gives, so that it is the same everywhere: the
 * largest magnitude of each input channel decides how it is smoothed into the weights (Xiao et al.,
 * "SmoothQuant", 2023, with alpha = 1/2), and a layer whose output is then still further from
 * float32's than WC_INT8_ERROR stays in bfloat16 where the processor has it, else in float32.
 */
#ifndef WC_MODEL_PACK_H
#define WC_MODEL_PACK_H

#include "model/tower.h"

// Relative L2 error of a layer's output above which it is kept wider. Gaussian rows in 8 bits have
// about 0.012.
#define WC_INT8_ERROR 0.05

// Packs m->family's layers in m->precision. Errors: WC_ERR_CONFIG where it is not to be had.
enum wc_err wc_model_pack(struct wc_model *m, struct wc_error *err);
void wc_model_unpack(struct wc_model *m);

// What calibration learns of a layer.
struct wc_linear_stats {
    float *top;                       // (k) largest magnitudes of inputs
    float *smooth;                    // (k)
    struct wc_gemm_weight *candidate; // in int8, once inputs are known
    double wrong, all;                // squared, of the candidate's outputs
};
// Called by a layer that has stats, with its inputs.
void wc_linear_observe(const struct wc_linear *l, size_t m, const float *in, size_t ld_in);

// Calibration picture i through the tower; layers with stats see their inputs.
enum wc_err wc_calibration_run(struct wc_model *m, size_t i, struct wc_error *err);

// Network input (3, side, side) of calibration picture i.
void wc_calibration_picture(size_t i, size_t side, float *pixels);

#endif
