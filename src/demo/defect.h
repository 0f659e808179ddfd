/*
 * Private to src/demo: a photo before light and blur, and what can be wrong with it.
 */
#ifndef WC_DEMO_DEFECT_H
#define WC_DEMO_DEFECT_H

#include "demo/generator.h"
#include "demo/shape.h"

struct canvas {
    struct rgb c[WC_DEMO_PIXELS];
    struct rgb ground[WC_DEMO_PIXELS]; // behind the object
    float part[WC_DEMO_PIXELS];        // how much of the pixel is object or texture
    bool texture;
};

#define MAX_POINTS 48
// One defect's place and numbers.
struct blemish {
    const struct canvas *before;
    float x, y, u[24];
    uint32_t seed;
    struct rgb colour;                    // stands out from what is there
    float px[MAX_POINTS], py[MAX_POINTS]; // line segments, in pairs
    size_t n_points;
};

struct defect {
    const char *name;
    bool at_edge; // of the object
    // Prepares the line segments; may be NULL.
    void (*draw)(struct blemish *b);
    // How far a point is outside the defect.
    float (*distance)(const struct blemish *b, float x, float y);
    // What is to be seen there: colour, and alpha in 0..1. `old` is what was there.
    struct rgb (*paint)(const struct blemish *b, float x, float y, float d, struct rgb old,
                        float *alpha);
};
extern const struct defect wc_demo_train_defects[], wc_demo_held_out_defects[];
extern const size_t wc_demo_n_train_defects, wc_demo_n_held_out_defects;

// The colour of a place, between pixels, mirrored at the borders.
struct rgb canvas_at(const struct rgb *c, float x, float y);

#endif
