/*
 * From a variant's stored grids to its map at the model's input size, for the methods whose map is
 * smoothed there. A pure function, so that journals keep the small grids alone.
 */
#ifndef WC_METHOD_FINISH_H
#define WC_METHOD_FINISH_H

#include "method/plan.h"

#define WC_MAP_SIGMA_PX 4.0 // of SPADE, PaDiM and PatchCore alike, in pixels of the input

// Does a map of the variant go through wc_variant_map()? Otherwise its one grid is the map.
bool wc_variant_smooths(const struct wc_variant *v);

// grid: a tile's grids, one after the other -> map (px, px): their mean, upsampled, smoothed.
// scratch (px, px).
void wc_variant_map(const struct wc_variant *v, size_t px, const float *grid, float *map,
                    float *scratch);

#endif
