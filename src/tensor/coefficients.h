/*
 * Coefficients of exp and of the Gaussian tail, shared by all kernels; made by fit_math.py.
 *
 *     exp(r) = 1 + r + r^2 (e0 + e1 r + ... + e4 r^4)     |r| <= ln2/2, relative error 4e-9
 *     exp(a^2/2) (1 - Phi(a)) = P(a) / Q(a)               0 <= a <= sqrt(160), relative error 9e-9
 *
 * Phi is the standard normal distribution, so GELU(x) = x Phi(x). All of P's and Q's coefficients
 * are positive: nothing cancels. float32's half ulp is 6e-8, next to which the fits are exact.
 */
#ifndef WC_TENSOR_COEFFICIENTS_H
#define WC_TENSOR_COEFFICIENTS_H

enum { WC_N_EXP = 5, WC_N_MILLS_P = 5, WC_N_MILLS_Q = 6 };

#define WC_EXP_COEFFICIENTS                                                                        \
    { 0.49999994F, 0.166665137F, 0.041668538F, 0.00836958271F, 0.00137928361F }
#define WC_MILLS_P_COEFFICIENTS                                                                    \
    { 0.5F, 0.434719682F, 0.180621192F, 0.0397606306F, 0.00398853421F }
#define WC_MILLS_Q_COEFFICIENTS                                                                    \
    { 1.0F, 1.66732419F, 1.191571F, 0.462574154F, 0.0996730626F, 0.00999761373F }

// Below exp(-80) = 1.8e-35 the kernels give 0. The cut lies that far above the smallest normal
// float32 (1.2e-38) so that what is made of it (a softmax over 1,000 entries) is normal or 0 too,
// and no result depends on how a thread treats denormals.
#define WC_EXP_CUT (-80.0F)

#define WC_LOG2_E 1.44269504088896341
#define WC_LN_2 0.693147180559945309
#define WC_SQRT_HALF 0.707106781186547524
// QuickGELU is x sigmoid(1.702 x) (CLIP's definition).
#define WC_QUICKGELU_FACTOR 1.702

#endif
