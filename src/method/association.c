#include "method/association.h"

#include "tensor/gemm.h"

void wc_associate(const float *query, size_t n_q, const float *reference, size_t n_r, size_t n,
                  float *block, float *best) {
    for (size_t q = 0; q < n_q; q++)
        best[q] = -1;
    for (size_t first = 0; first < n_r; first += WC_REFERENCE_BLOCK) {
        size_t m = n_r - first < WC_REFERENCE_BLOCK ? n_r - first : WC_REFERENCE_BLOCK;
        wc_gemm_nt(n_q, m, n, query, n, reference + first * n, n, false, block, m);
        for (size_t q = 0; q < n_q; q++) {
            float most = best[q];
            for (size_t r = 0; r < m; r++)
                most = block[q * m + r] > most ? block[q * m + r] : most;
            best[q] = most;
        }
    }
}

void wc_association_scores(const float *best, size_t n_q, const size_t *draw, size_t n_draw,
                           double *score) {
    for (size_t q = 0; q < n_q; q++) {
        float most = -1;
        for (size_t i = 0; i < n_draw; i++)
            most = best[draw[i] * n_q + q] > most ? best[draw[i] * n_q + q] : most;
        most = most > 1 ? 1 : most; // rounding may exceed 1 by an ulp; a distance is never negative
        score[q] = (1 - (double)most) / 2;
    }
}
