// What the demo shows: textures and objects that no training photo has.
#include "demo/painters.h"

static struct texel carpet(const struct subject *s, float x, float y) {
    float f = between(s->p[0], 8.f, 11.f);
    float nx = .5f * noise(s->seed, x * 9.f, y * 9.f, 1),
          ny = .5f * noise(s->seed, y * 9.f, x * 9.f, 1);
    float h = .5f + .5f * wave(f * x + nx) * wave(f * y + ny);
    struct rgb c = tint(s->p + 1, 0.f, .4f, .3f, .6f), c2 = tint(s->p + 4, 0.f, .4f, .45f, .75f);
    return (struct texel){relief(mix(c, c2, noise(s->seed, x * 28.f, y * 28.f, 2)), h, .35f), -1.f};
}

static struct texel leather(const struct subject *s, float x, float y) {
    float f = between(s->p[0], 7.f, 10.f);
    struct rgb c =
        hsv(between(s->p[1], .02f, .1f), between(s->p[2], .4f, .7f), between(s->p[3], .35f, .6f));
    struct cell k = cells(s->seed, x * f + .3f * noise(s->seed, x * 8.f, y * 8.f, 1), y * f, .9f);
    float h = ramp(.02f, .3f, k.f2 - k.f1) * (.85f + .15f * k.id);
    h += .08f * (noise(s->seed, x * 4.f, y * 4.f, 2) - .5f);
    return (struct texel){relief(c, h, .38f), -1.f};
}

static struct texel wood(const struct subject *s, float x, float y) {
    struct rgb c =
        hsv(between(s->p[0], .05f, .1f), between(s->p[1], .35f, .65f), between(s->p[2], .5f, .8f));
    float warp = noise(s->seed, x * .8f, y * 1.6f, 2);
    float ring = frac(y * between(s->p[3], 2.f, 4.f) + 1.6f * warp);
    float pore = noise(s->seed ^ 5u, x * 5.f, y * 45.f, 2);
    float h = .6f * ramp(0.f, .8f, ring) * (1.f - ramp(.85f, 1.f, ring)) + .4f * pore;
    return (struct texel){relief(c, h, between(s->p[4], .35f, .5f)), -1.f};
}

static struct texel metal_nut(const struct subject *s, float x, float y) {
    float r = length(x, y), a = between(s->p[0], .6f, .7f), bore = a * between(s->p[1], .42f, .55f);
    float d = maxf(sd_polygon(x, y, 6.f, a), bore - r);
    struct rgb c = tint(s->p + 2, 0.f, .2f, .5f, .8f);
    c = relief(c, noise(s->seed, x * 2.f, y * 30.f, 2), .12f);
    c = scale(c, 1.f - .3f * ramp(a * .92f, a * 1.02f, r));
    c = scale(c, .5f + .5f * ramp(bore + .02f, bore + .1f, r));
    return (struct texel){c, d};
}

static struct texel pill(const struct subject *s, float x, float y) {
    float a = between(s->p[0], .7f, .8f), b = between(s->p[1], .45f, .6f);
    float d = sd_box(x, y, a, b, b * .95f);
    struct rgb c = tint(s->p + 2, 0.f, .25f, .75f, .95f);
    struct cell k = cells(s->seed, x * 7.f, y * 7.f, .9f);
    struct rgb speck = tint(s->p + 5, .3f, .7f, .5f, .8f);
    c = mix(c, speck, .45f * (1.f - ramp(.06f, .14f, k.f1)));
    c = scale(c, 1.f - .35f * bump(x * 16.f) * inside(absf(y) - b * .8f, 3.f));
    return (struct texel){relief(c, clampf(-d * 3.f, 0.f, 1.f), .3f), d};
}

static struct texel bottle(const struct subject *s, float x, float y) {
    float r = length(x, y), ro = between(s->p[0], .72f, .82f), d = r - ro;
    struct rgb c = tint(s->p + 1, .3f, .8f, .15f, .45f), in = tint(s->p + 4, 0.f, .5f, .05f, .2f);
    float h = .5f + .5f * wave(turn_of(x, y) * 2.f + s->p[7]);
    c = relief(c, h, .5f);
    c = mix(c, scale(c, 2.f), .8f * bump((r - ro * .86f) * 16.f));
    c = mix(c, scale(c, .5f), inside(absf(r - ro * .68f) - .03f, 3.f));
    return (struct texel){mix(c, in, inside(r - ro * between(s->p[8], .5f, .6f), 3.f)), d};
}

static struct texel cookie(const struct subject *s, float x, float y) {
    float t = turn_of(x, y), r = length(x, y), ro = between(s->p[0], .68f, .78f);
    float d = r - ro - .05f * (noise(s->seed, 9.f + wave(t) * 3.f, wave(t + .25f) * 3.f, 2) - .5f);
    struct rgb c =
        hsv(between(s->p[1], .07f, .1f), between(s->p[2], .45f, .6f), between(s->p[3], .65f, .8f));
    float h = .75f * noise(s->seed, x * 9.f, y * 9.f, 3) + .25f + .2f * (1.f - r * r / (ro * ro));
    float n = between(s->p[4], 7.f, 12.f), u, v; // pressed dots along the edge
    turned(x, y, floor_of(t * floor_of(n) + .5f) / floor_of(n), &u, &v);
    float dot = minf(length(u - ro * .72f, v), r) - .06f;
    return (struct texel){scale(relief(c, h, .35f), 1.f - .55f * inside(dot, 3.f)), d};
}

#define TEXTURE true
#define OBJECT false
#define ORIENTED true
#define ANY_TURN false
const struct category wc_demo_held_out[] = {
    {"carpet", carpet, TEXTURE, ORIENTED}, {"leather", leather, TEXTURE, ANY_TURN},
    {"wood", wood, TEXTURE, ORIENTED},     {"bottle", bottle, OBJECT, ANY_TURN},
    {"cookie", cookie, OBJECT, ANY_TURN},  {"metal_nut", metal_nut, OBJECT, ANY_TURN},
    {"pill", pill, OBJECT, ORIENTED},
};
const size_t wc_demo_n_held_out = sizeof wc_demo_held_out / sizeof *wc_demo_held_out;
