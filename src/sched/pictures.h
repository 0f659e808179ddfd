/*
 * Private to sched: pictures of a run: the gallery of its report, and the heat maps that
 * `save_maps` asks for. Each is written by the rank that holds the result; rank 0 chooses them from
 * the scores. Colours mean the same in every picture of a variant: the scale goes from the lowest
 * to the highest value of its maps over the whole run.
 */
#ifndef WC_SCHED_PICTURES_H
#define WC_SCHED_PICTURES_H

#include "report/report.h"
#include "sched/state.h"

/*
 * After wc_state_evaluate(), with its report on rank 0, which receives the gallery's entries and
 * the scale. Files: RUN/gallery/UNIT-VARIANT-{image.jpg,mask.png,map.jpg}, made anew each time;
 * RUN/maps/VARIANT/CATEGORY/IMAGE.{png,safetensors} with RUN/maps/VARIANT/scale.json, kept where
 * they exist, unless the scale has changed. A picture that can no longer be read is a warning, a
 * file that cannot be written an error. Collective.
 */
enum wc_err wc_state_pictures(struct wc_state *s, struct wc_report *report, struct wc_error *err);

#endif
