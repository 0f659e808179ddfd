#include "method/finish.h"

#include "image/resize.h"
#include "method/local.h"

bool wc_variant_smooths(const struct wc_variant *v) {
    return v->method->classic != NULL;
}

void wc_variant_map(const struct wc_variant *v, size_t px, const float *grid, float *map,
                    float *scratch) {
    for (size_t l = 0; l < v->n_levels; l++) {
        wc_map_upsample(grid, v->side[l], v->side[l], px, px, l == 0 ? map : scratch);
        for (size_t i = 0; i < px * px && l > 0; i++)
            map[i] += scratch[i];
        grid += v->side[l] * v->side[l];
    }
    for (size_t i = 0; i < px * px && v->n_levels > 1; i++)
        map[i] /= (float)v->n_levels;
    wc_smooth(map, px, WC_MAP_SIGMA_PX, scratch);
}
