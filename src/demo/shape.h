/*
 * Private to src/demo: colours, noise, signed distances, and what a painter is.
 *
 * Coordinates run from -1 to 1 over a photo, before turn and place. A signed distance is negative
 * inside. Everything here is single precision + - * / and square root, so that the bytes of a photo
 * are the same everywhere (generator.h).
 */
#ifndef WC_DEMO_SHAPE_H
#define WC_DEMO_SHAPE_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PIXEL (2.f / 120.f)

struct rgb {
    float r, g, b;
};
struct texel {
    struct rgb c;
    float d; // of the object's outline; textures fill the photo: -1
};

#define N_NUMBERS 40
// One photo's subject: uniform numbers in [0, 1) and a seed for the photo's noise.
struct subject {
    float p[N_NUMBERS]; // the product's
    float q[N_NUMBERS]; // the photo's
    uint32_t seed;
};
typedef struct texel painter(const struct subject *s, float x, float y);

struct category {
    const char *name;
    painter *paint;
    bool texture;
    bool oriented; // the product has a direction: photos are turned a little only
};
extern const struct category wc_demo_train[], wc_demo_held_out[];
extern const size_t wc_demo_n_train, wc_demo_n_held_out;

static inline float between(float u, float lo, float hi) {
    return lo + (hi - lo) * u;
}
static inline float clampf(float x, float lo, float hi) {
    return x < lo ? lo : x > hi ? hi : x;
}
static inline float floor_of(float x) {
    float t = (float)(int32_t)x;
    return t > x ? t - 1.f : t;
}
static inline float frac(float x) {
    return x - floor_of(x);
}
static inline float length(float x, float y) {
    return sqrtf(x * x + y * y);
}
static inline float maxf(float a, float b) {
    return a > b ? a : b;
}
static inline float minf(float a, float b) {
    return a < b ? a : b;
}
static inline float absf(float a) {
    return a < 0.f ? -a : a;
}
static inline bool odd(float x) { // is the cell number floor(x) odd?
    return ((int32_t)floor_of(x) & 1) != 0;
}
static inline float ramp(float a, float b, float x) { // 0 at a, 1 at b, smooth
    float t = clampf((x - a) / (b - a), 0.f, 1.f);
    return t * t * (3.f - 2.f * t);
}
static inline float bump(float x) { // 1 at 0, 0 from 1 on, smooth
    float t = clampf(1.f - x * x, 0.f, 1.f);
    return t * t;
}
// How much of a pixel lies inside, for an edge that is `soft` pixels wide.
static inline float inside(float d, float soft) {
    return clampf(.5f - d / (PIXEL * soft), 0.f, 1.f);
}
static inline struct rgb mix(struct rgb a, struct rgb b, float t) {
    return (struct rgb){a.r + (b.r - a.r) * t, a.g + (b.g - a.g) * t, a.b + (b.b - a.b) * t};
}
static inline struct rgb scale(struct rgb c, float k) {
    return (struct rgb){c.r * k, c.g * k, c.b * k};
}
// A colour under relief h (0 valley, 1 ridge) of this depth.
static inline struct rgb relief(struct rgb c, float h, float depth) {
    return scale(c, 1.f - depth + depth * h);
}
static inline struct rgb gray(float v) {
    return (struct rgb){v, v, v};
}
static inline float luma(struct rgb c) {
    return (c.r + c.g + c.b) * (1.f / 3.f);
}

// Sine and angle in turns, within 0.2 % of the real ones.
float wave(float turns);
float turn_of(float x, float y);
void turned(float x, float y, float turns, float *u, float *v);

struct rgb hsv(float h, float s, float v);
// Three uniform numbers to a colour with saturation and value in these ranges.
struct rgb tint(const float *u, float s0, float s1, float v0, float v1);

uint32_t hash2(uint32_t seed, int32_t x, int32_t y);
static inline float unit(uint32_t h) { // hash to [0, 1)
    return (float)(h >> 8) * (1.f / 16777216.f);
}
float noise(uint32_t seed, float x, float y, int octaves); // value noise, 0..1
// Cells around jittered points: distance to the nearest and to the second point, and the cell's own
// number in [0, 1).
struct cell {
    float f1, f2, id;
};
struct cell cells(uint32_t seed, float x, float y, float jitter);

float sd_box(float x, float y, float a, float b, float corner);
float sd_polygon(float x, float y, float n, float apothem); // regular
float sd_segment(float x, float y, float ax, float ay, float bx, float by);

#endif
