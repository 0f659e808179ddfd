/*
 * Reference association (WinCLIP+, eq. 4) for all shots and seeds at once.
 *
 * For every query feature and every distinct reference image the largest cosine is found once, by
 * blocked matrix products; a draw of k references is then a maximum over k numbers. No (query x
 * bank) matrix larger than a block is ever held. All features are unit rows.
 */
#ifndef WC_METHOD_ASSOCIATION_H
#define WC_METHOD_ASSOCIATION_H

#include "method/winclip.h"
#include "model/model.h"

// One distinct reference image: unit rows, its tiles stacked. Arrays that no variant needs are
// NULL.
struct wc_reference {
    size_t n_tiles;
    const float *patch[WC_N_PATCH_KINDS]; // (n_tiles * g * g, d), for WC_PATCH_PROJ (.., e)
    const float
        *window[WC_MAX_SCALES]; // (n_tiles * n_windows(k), e), in the order of the request's sides
    const float *layer[WC_BACKBONE_LAYERS]; // (n_tiles * side * side, channels) of a backbone, as
                                            // they are
    const float *pooled;                    // (n_tiles, channels)
    const float *hidden;                    // (n_tiles * WC_HIDDEN * g * g, d), as they are
};

// The references of a category: distinct images and, for each seed, the order in which they are
// drawn.
struct wc_reference_set {
    uint64_t id; // another number, another set; 0: a scorer must not keep what it learns of it
    const struct wc_reference *reference; // (n)
    size_t n;
    const size_t *draw; // (n_seeds, n_draw): indices into reference; the first k of a row are the
                        // draw of shot k
    size_t n_seeds, n_draw;
};

#define WC_REFERENCE_BLOCK 256 // reference rows in one product: scratch is (n_q, 256) floats

// best[q] = max over rows r of cosine(query q, reference r): query (n_q, n), reference (n_r, n),
// block: scratch of n_q * WC_REFERENCE_BLOCK floats.
void wc_associate(const float *query, size_t n_q, const float *reference, size_t n_r, size_t n,
                  float *block, float *best);

// Eq. 4 over a draw: score[q] = (1 - max over the drawn references of best[r][q]) / 2; best is
// (n_refs, n_q).
void wc_association_scores(const float *best, size_t n_q, const size_t *draw, size_t n_draw,
                           double *score);

#endif
