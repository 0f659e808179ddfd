// Training textures. s->p are the product's numbers, s->q the photo's; both by position.
#include "demo/painters.h"

#define TEXTURE(colour) ((struct texel){(colour), -1.f})

struct texel wc_demo_weave(const struct subject *s, float x, float y) {
    float f = between(s->p[0], 4.f, 9.f), u = x * f, v = y * f;
    bool over = odd(u) == odd(v);
    float su = absf(wave(frac(u) * .5f)), sv = absf(wave(frac(v) * .5f));
    float h = over ? su * (.6f + .4f * sv) : sv * (.6f + .4f * su);
    struct rgb c = tint(s->p + 1, 0.f, .7f, .3f, .9f);
    struct rgb c2 = mix(c, tint(s->p + 4, 0.f, .7f, .2f, .9f), .35f);
    h += .1f * (noise(s->seed, x * 30.f, y * 30.f, 1) - .5f);
    return TEXTURE(relief(over ? c : c2, h, between(s->p[7], .3f, .7f)));
}

struct texel wc_demo_twill(const struct subject *s, float x, float y) {
    float f = between(s->p[0], 5.f, 10.f), k = between(s->p[1], .5f, 1.6f);
    float h = .375f * (1.f + wave(x * f + y * f * k)) + .125f * (1.f + wave(y * f * 1.5f));
    struct rgb c = tint(s->p + 2, 0.f, .7f, .3f, .9f), c2 = tint(s->p + 5, 0.f, .7f, .2f, .9f);
    c = mix(c, c2, .3f * noise(s->seed, x * 40.f, y * 8.f, 1));
    return TEXTURE(relief(c, h, between(s->p[8], .25f, .6f)));
}

struct texel wc_demo_tiles(const struct subject *s, float x, float y) {
    float f = between(s->p[0], 1.3f, 3.2f), w = between(s->p[1], .03f, .08f);
    float v = y * f, u = x * f * (s->p[2] < .5f ? 1.f : .6f);
    u += s->p[3] < .5f && odd(v) ? .5f : 0.f;
    float own = unit(hash2(s->seed, (int32_t)floor_of(u), (int32_t)floor_of(v))) - .5f;
    float e = minf(minf(frac(u), 1.f - frac(u)), minf(frac(v), 1.f - frac(v)));
    float k = 1.f + .2f * s->p[4] * own + .1f * (noise(s->seed, x * 5.f, y * 5.f, 3) - .5f);
    struct rgb c = scale(tint(s->p + 5, 0.f, .7f, .3f, .9f), k);
    return TEXTURE(mix(tint(s->p + 8, 0.f, .2f, .25f, .9f), c, ramp(w * .6f, w * 1.3f, e)));
}

struct texel wc_demo_brushed(const struct subject *s, float x, float y) {
    float h = noise(s->seed, x * between(s->p[0], .6f, 3.f), y * 40.f, 2);
    return TEXTURE(relief(tint(s->p + 1, 0.f, .25f, .4f, .85f), h, between(s->p[4], .12f, .4f)));
}

struct texel wc_demo_gravel(const struct subject *s, float x, float y) {
    float f = between(s->p[0], 3.f, 8.f);
    struct cell k = cells(s->seed, x * f, y * f, .9f);
    struct rgb c =
        mix(tint(s->p + 1, 0.f, .6f, .3f, .9f), tint(s->p + 4, 0.f, .6f, .3f, .9f), k.id);
    float h = .8f * ramp(0.f, .35f, k.f2 - k.f1) + .2f * noise(s->seed, x * 25.f, y * 25.f, 1);
    return TEXTURE(relief(c, h, between(s->p[7], .4f, .8f)));
}

struct texel wc_demo_marble(const struct subject *s, float x, float y) {
    float f = between(s->p[0], .7f, 2.f), k = between(s->p[1], .8f, 2.f);
    float t = absf(wave(x * f + k * noise(s->seed, x * 2.f, y * 2.f, 4)));
    t = s->p[2] < .5f ? t : t * t;
    struct rgb c = tint(s->p + 3, 0.f, .3f, .5f, .95f), c2 = tint(s->p + 6, 0.f, .4f, .2f, .7f);
    return TEXTURE(mix(c, c2, .6f * t));
}

struct texel wc_demo_concrete(const struct subject *s, float x, float y) {
    float f = between(s->p[0], 2.f, 6.f);
    float h = noise(s->seed, x * f, y * f, 5) + .15f * (noise(s->seed ^ 7u, x * 45.f, y * 45.f, 1));
    return TEXTURE(relief(tint(s->p + 1, 0.f, .25f, .35f, .85f), h, between(s->p[4], .15f, .4f)));
}

struct texel wc_demo_knit(const struct subject *s, float x, float y) {
    float f = between(s->p[0], 3.f, 6.f), u = x * f, v = y * f * 1.6f;
    float z = v + absf(frac(u) - .5f) * 1.2f;
    float h = absf(wave(z * .5f)) * (.5f + .5f * absf(wave(u)));
    h += .15f * (noise(s->seed, x * 40.f, y * 40.f, 1) - .5f);
    return TEXTURE(relief(tint(s->p + 1, 0.f, .7f, .35f, .9f), h, between(s->p[4], .4f, .75f)));
}

struct texel wc_demo_ribbed(const struct subject *s, float x, float y) {
    float f = between(s->p[0], 2.f, 8.f), h = .5f + .5f * wave(f * x);
    h = s->p[1] < .5f ? h : h * h;
    h += .05f * (noise(s->seed, x * 20.f, y * 20.f, 1) - .5f);
    return TEXTURE(relief(tint(s->p + 2, 0.f, .7f, .3f, .9f), h, between(s->p[5], .25f, .7f)));
}

struct texel wc_demo_perforated(const struct subject *s, float x, float y) {
    float f = between(s->p[0], 2.5f, 6.f), r = between(s->p[1], .2f, .36f), v = y * f;
    float u = x * f + (s->p[2] < .5f && odd(v) ? .5f : 0.f);
    float d = length(frac(u) - .5f, frac(v) - .5f);
    struct rgb c =
        relief(tint(s->p + 3, 0.f, .4f, .4f, .9f), noise(s->seed, x * 4.f, y * 30.f, 2), .15f);
    c = scale(c, 1.f - .3f * bump((d - r) * 9.f));
    struct rgb dark = tint(s->p + 6, 0.f, .3f, .02f, .25f);
    return TEXTURE(mix(dark, c, ramp(r - .06f, r + .04f, d)));
}

struct texel wc_demo_paper(const struct subject *s, float x, float y) {
    float h = noise(s->seed, x * 30.f, y * 30.f, 2);
    return TEXTURE(relief(tint(s->p + 1, 0.f, .5f, .4f, .95f), h, between(s->p[0], .03f, .15f)));
}

struct texel wc_demo_honeycomb(const struct subject *s, float x, float y) {
    const float r3 = 1.7320508f;
    float f = between(s->p[0], 2.f, 5.f), u = x * f, v = y * f / r3;
    float a0 = frac(u) - .5f, b0 = (frac(v) - .5f) * r3;
    float a1 = frac(u + .5f) - .5f, b1 = (frac(v + .5f) - .5f) * r3;
    bool first = a0 * a0 + b0 * b0 < a1 * a1 + b1 * b1;
    float a = absf(first ? a0 : a1), b = absf(first ? b0 : b1);
    float e = .5f - maxf(a, a * .5f + b * r3 * .5f);
    struct rgb c = tint(s->p + 1, 0.f, .7f, .3f, .9f);
    c = relief(c, noise(s->seed, x * 6.f, y * 6.f, 2), .2f);
    return TEXTURE(mix(tint(s->p + 4, 0.f, .7f, .2f, .9f), c, ramp(.04f, .14f, e)));
}

struct texel wc_demo_foam(const struct subject *s, float x, float y) {
    float f = between(s->p[0], 6.f, 12.f), h = ramp(.25f, .6f, noise(s->seed, x * f, y * f, 2));
    return TEXTURE(relief(tint(s->p + 1, 0.f, .7f, .35f, .9f), h, between(s->p[4], .3f, .6f)));
}

struct texel wc_demo_granite(const struct subject *s, float x, float y) {
    float f = between(s->p[0], 7.f, 14.f), n = noise(s->seed, x * f, y * f, 2);
    float m = noise(s->seed ^ 0x55u, x * f * 1.3f, y * f * 1.3f, 2);
    struct rgb c = tint(s->p + 1, 0.f, .35f, .2f, .9f);
    c = mix(c, tint(s->p + 4, 0.f, .35f, .2f, .9f), ramp(.52f, .6f, n));
    return TEXTURE(mix(c, tint(s->p + 7, 0.f, .35f, .2f, .9f), ramp(.58f, .66f, m)));
}

struct texel wc_demo_plate(const struct subject *s, float x, float y) {
    float u, v, f = between(s->p[0], 1.8f, 3.6f);
    turned(x * f, y * f, .125f, &u, &v);
    float a = frac(u) - .5f, b = frac(v) - .5f;
    bool across = odd(u) == odd(v);
    float d = across ? length(a / .42f, b / .16f) : length(b / .42f, a / .16f);
    float h = .45f + .55f * (1.f - ramp(.6f, 1.1f, d)) * (.7f + .6f * (across ? b : a));
    h += .06f * (noise(s->seed, x * 30.f, y * 30.f, 1) - .5f);
    return TEXTURE(relief(tint(s->p + 1, 0.f, .3f, .4f, .85f), h, between(s->p[4], .35f, .7f)));
}

struct texel wc_demo_planks(const struct subject *s, float x, float y) {
    float f = between(s->p[0], 1.f, 2.2f), v = y * f, own = floor_of(v);
    uint32_t h = hash2(s->seed, (int32_t)own, 3);
    float e = minf(frac(v), 1.f - frac(v));
    float g = noise(h, x * 1.5f, y * between(s->p[1], 14.f, 30.f), 2);
    struct rgb c = relief(tint(s->p + 2, .1f, .6f, .4f, .85f), g, between(s->p[5], .15f, .4f));
    c = scale(c, 1.f + .2f * s->p[6] * (unit(h) - .5f));
    return TEXTURE(scale(c, .45f + .55f * ramp(.01f, .05f, e)));
}

// Two families of lines or cells, warped by noise: a random surface for each product.
struct texel wc_demo_surface(const struct subject *s, float x, float y) {
    float f = between(s->p[0], 1.f, 9.f), g = between(s->p[1], 1.f, 9.f), u, v;
    float warp = s->p[2] < .5f ? 0.f : s->p[2] * .25f;
    float n = warp > 0.f ? warp * (noise(s->seed, x * 2.5f, y * 2.5f, 3) - .5f) : 0.f;
    turned(x, y, s->p[3], &u, &v);
    float s1 = wave(f * (x + n)), s2 = wave(g * (v + n)), h;
    struct cell k;
    switch ((int)(s->p[4] * 5.f)) {
    case 0:
        h = .5f + .5f * s1 * s2;
        break;
    case 1:
        h = .5f + .25f * (s1 + s2);
        break;
    case 2:
        h = maxf(s1, s2) * .5f + .5f;
        break;
    case 3:
        h = noise(s->seed, x * f * 2.f, y * g * 2.f, 2);
        break;
    default:
        k = cells(s->seed, x * f, y * f, between(s->p[5], .2f, 1.f));
        h = .3f * k.id + .7f * clampf(s->p[6] < .5f ? k.f2 - k.f1 : k.f1, 0.f, 1.f);
    }
    h = s->p[7] < .3f ? ramp(.4f, .6f, h) : h;
    float fine = s->p[8] < .4f ? 0.f : .4f * (s->p[8] - .3f);
    h += fine * (noise(s->seed ^ 9u, x * 40.f, y * (s->p[9] < .5f ? 4.f : 40.f), 1) - .5f);
    struct rgb c = tint(s->p + 10, 0.f, .9f, .15f, 1.f), c2 = tint(s->p + 13, 0.f, .9f, .1f, 1.f);
    return TEXTURE(mix(c, c2, between(s->p[16], .15f, .9f) * clampf(h, 0.f, 1.f)));
}
