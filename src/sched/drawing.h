/*
 * Private to sched: the files of one picture: thumbnails for the gallery, heat maps at the
 * picture's own size.
 */
#ifndef WC_SCHED_DRAWING_H
#define WC_SCHED_DRAWING_H

#include "image/colour.h"
#include "report/report.h"
#include "sched/maps.h"

// A picture to write; bytes travel between ranks as they are.
struct wc_pick {
    size_t unit, variant;
    enum wc_report_why why;
    bool gallery; // else a heat map of `save_maps`
};

struct wc_drawing {
    const struct wc_state *s;
    struct wc_colour_scale scale; // of the pick's variant
    struct wc_canvas canvas;
    float *map;
    size_t cap_map;
};
void wc_drawing_release(struct wc_drawing *d);

// What can no longer be read is a warning; what cannot be written an error.
enum wc_err wc_draw_gallery(struct wc_drawing *d, const struct wc_pick *pick,
                            const struct wc_record *record, struct wc_error *err);
// `keep`: a file that exists is left as it is.
enum wc_err wc_draw_map(struct wc_drawing *d, const struct wc_pick *pick,
                        const struct wc_record *record, bool keep, struct wc_error *err);

// "gallery/00012-0-image.jpg"; "winclip-paper-0shot-seed0"
void wc_draw_gallery_name(const struct wc_pick *pick, const char *what, char *out, size_t cap);
void wc_draw_variant_name(const struct wc_state *s, size_t variant, char *out, size_t cap);

#endif
