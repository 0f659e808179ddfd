// Training objects. An object paints its inside and tells how far its outline is.
#include "demo/painters.h"

// A rounded rim of this width along the outline, lit from the upper left.
static struct rgb rim(struct rgb c, float d, float width, float depth) {
    return scale(c, 1.f - depth * bump((d + .3f * width) / width));
}

struct texel wc_demo_washer(const struct subject *s, float x, float y) {
    float r = length(x, y), ro = between(s->p[0], .62f, .8f), ri = ro * between(s->p[1], .35f, .6f);
    float d = maxf(r - ro, ri - r);
    float g = noise(s->seed, r * 30.f, 3.f * turn_of(x, y), 2);
    struct rgb c = relief(tint(s->p + 2, 0.f, .3f, .45f, .9f), g, between(s->p[5], .03f, .15f));
    return (struct texel){rim(c, d, .06f, .35f), d};
}

struct texel wc_demo_button(const struct subject *s, float x, float y) {
    float r = length(x, y), ro = between(s->p[0], .6f, .78f), d = r - ro;
    struct rgb c = tint(s->p + 1, 0.f, .8f, .35f, .95f);
    c = relief(c, .6f + .4f * ramp(ro * .55f, ro * .75f, r), between(s->p[4], .2f, .5f));
    float hole = between(s->p[5], .07f, .11f), at = between(s->p[6], .15f, .22f);
    float h = length(absf(x) - at, s->p[7] < .5f ? y : absf(y) - at) - hole;
    return (struct texel){mix(rim(c, d, .07f, .3f), scale(c, .2f), inside(h, 1.5f)), d};
}

struct texel wc_demo_coin(const struct subject *s, float x, float y) {
    float r = length(x, y), ro = between(s->p[0], .66f, .8f), d = r - ro;
    struct rgb c = tint(s->p + 1, .1f, .6f, .5f, .9f);
    float emblem = sd_polygon(x, y, 3.f + floor_of(s->p[4] * 4.f), ro * .38f);
    float h = .7f - .4f * bump((r - ro * .85f) * 18.f) + .3f * inside(emblem, 3.f);
    h -= .35f * bump(emblem * 22.f);
    h += .1f * (noise(s->seed, x * 20.f, y * 20.f, 2) - .5f);
    return (struct texel){rim(relief(c, h, between(s->p[5], .35f, .6f)), d, .05f, .3f), d};
}

struct texel wc_demo_connector(const struct subject *s, float x, float y) {
    float a = between(s->p[0], .7f, .82f), b = between(s->p[1], .35f, .55f);
    float d = sd_box(x, y, a, b, .08f), n = 2.f + floor_of(s->p[2] * 3.f);
    struct rgb c = tint(s->p + 3, 0.f, .8f, .2f, .85f);
    float u = (x / (a * .9f) * .5f + .5f) * n, w = 2.f * a * .9f / n;
    float pin = sd_box((frac(u) - .5f) * w, y, w * .33f, b * .55f, .03f);
    pin = maxf(pin, absf(x) - a * .9f);
    struct rgb metal = relief(tint(s->p + 6, .1f, .5f, .6f, .9f), .5f + .5f * wave(y * .6f), .4f);
    return (struct texel){mix(rim(c, d, .07f, .3f), metal, inside(pin, 1.5f)), d};
}

struct texel wc_demo_donut(const struct subject *s, float x, float y) {
    float r = length(x, y), ro = between(s->p[0], .66f, .78f),
          ri = ro * between(s->p[1], .25f, .4f);
    float mid = .5f * (ro + ri), half = .5f * (ro - ri), d = absf(r - mid) - half;
    struct rgb dough = hsv(between(s->p[2], .06f, .1f), between(s->p[3], .4f, .65f), .75f);
    struct rgb icing = tint(s->p + 4, .1f, .7f, .3f, .95f);
    float edge = d + .12f + .08f * (noise(s->seed, 4.f * turn_of(x, y), 2.f, 2) - .5f);
    struct rgb c = mix(dough, icing, inside(edge, 2.f));
    float t = (r - mid) / half;
    return (struct texel){relief(c, 1.f - t * t, .45f), d};
}

struct texel wc_demo_bearing(const struct subject *s, float x, float y) {
    float r = length(x, y), ro = between(s->p[0], .7f, .82f), d = maxf(r - ro, ro * .3f - r);
    float n = 7.f + floor_of(s->p[1] * 5.f), u, v;
    struct rgb c =
        relief(tint(s->p + 2, 0.f, .2f, .5f, .9f), .5f + .5f * wave(turn_of(x, y) * 2.f), .25f);
    float groove = absf(r - ro * .65f) - ro * .16f;
    c = mix(c, scale(c, .35f), inside(groove, 2.f));
    turned(x, y, floor_of(turn_of(x, y) * n + .5f) / n, &u, &v);
    float ball = length(u - ro * .65f, v) - ro * .13f;
    struct rgb shine = relief(tint(s->p + 2, 0.f, .1f, .7f, .95f), .6f - 3.f * ball, .4f);
    return (struct texel){rim(mix(c, shine, inside(ball, 1.5f)), d, .05f, .4f), d};
}

struct texel wc_demo_battery(const struct subject *s, float x, float y) {
    float w = between(s->p[0], .26f, .4f), d = sd_box(x, y, w, .78f, .06f);
    d = minf(d, sd_box(x, y + .82f, w * .4f, .06f, .02f));
    struct rgb c = tint(s->p + 1, .2f, .9f, .25f, .9f), band = tint(s->p + 4, 0.f, .8f, .2f, .9f);
    c = mix(band, c, ramp(-.01f, .01f, y - between(s->p[7], -.5f, .3f)));
    float t = x / w;
    return (struct texel){relief(c, 1.f - t * t * .8f + .2f * bump((t + .4f) * 4.f), .5f), d};
}

struct texel wc_demo_lens(const struct subject *s, float x, float y) {
    float r = length(x, y), ro = between(s->p[0], .68f, .8f), d = r - ro;
    struct rgb frame = tint(s->p + 1, 0.f, .3f, .1f, .5f),
               glass = tint(s->p + 4, .1f, .6f, .2f, .7f);
    struct rgb c = relief(frame, .5f + .5f * wave(r * between(s->p[7], 5.f, 9.f)), .4f);
    struct rgb g = relief(glass, 1.f - r / ro + .3f * bump(length(x + .2f, y + .2f) * 4.f), .6f);
    return (struct texel){mix(c, g, inside(r - ro * between(s->p[8], .5f, .7f), 2.f)), d};
}

struct texel wc_demo_acorn(const struct subject *s, float x, float y) {
    float k = between(s->p[0], .1f, .3f), d = length(x * (1.f + k + .3f * y), y) - .7f;
    struct rgb c =
        hsv(between(s->p[1], .04f, .1f), between(s->p[2], .4f, .7f), between(s->p[3], .4f, .75f));
    float grain = noise(s->seed, turn_of(x, y + 1.f) * 60.f, y * 2.f, 2);
    float cap = y + .25f + .05f * (noise(s->seed, x * 6.f, 1.f, 1) - .5f);
    struct rgb top = relief(scale(c, .7f), noise(s->seed ^ 3u, x * 18.f, y * 18.f, 2), .5f);
    c = mix(relief(c, grain, .25f), top, inside(cap, 2.f));
    return (struct texel){relief(c, clampf(-d * 2.2f, 0.f, 1.f), .45f), d};
}

struct texel wc_demo_plug(const struct subject *s, float x, float y) {
    float a = between(s->p[0], .62f, .75f), d = sd_box(x, y, a, a, between(s->p[1], .1f, .5f));
    struct rgb c = tint(s->p + 2, 0.f, .5f, .3f, .95f);
    float r = length(x, y), well = r - a * .72f;
    c = mix(rim(c, d, .08f, .25f), scale(c, .75f), inside(well, 2.f));
    float n = 2.f + floor_of(s->p[5] * 2.f), u, v;
    turned(x, y, floor_of(turn_of(x, y) * n + .5f) / n, &u, &v);
    float pin = length(u - a * .38f, v) - .1f;
    return (struct texel){mix(c, gray(.08f), inside(pin, 1.5f)), d};
}

struct texel wc_demo_capsule(const struct subject *s, float x, float y) {
    float w = between(s->p[0], .26f, .38f), d = sd_box(x, y, w, .8f, w);
    struct rgb a = tint(s->p + 1, 0.f, .9f, .3f, .95f), b = tint(s->p + 4, 0.f, .9f, .3f, .95f);
    struct rgb c = mix(a, b, ramp(-.012f, .012f, y - between(s->p[7], -.15f, .15f)));
    float t = x / w;
    c = relief(c, 1.f - t * t, .4f);
    return (struct texel){mix(c, gray(1.f), .4f * bump((t + .35f) * 5.f) * inside(d + .12f, 6.f)),
                          d};
}

struct texel wc_demo_gear(const struct subject *s, float x, float y) {
    float r = length(x, y), n = 8.f + floor_of(s->p[0] * 9.f), ro = between(s->p[1], .6f, .7f);
    float tooth = clampf(wave(turn_of(x, y) * n) * 2.f, -1.f, 1.f) * .06f;
    float d = maxf(r - ro - tooth, between(s->p[2], .12f, .25f) - r);
    struct rgb c = tint(s->p + 3, 0.f, .5f, .4f, .9f);
    c = relief(c, noise(s->seed, x * 14.f, y * 14.f, 2), .12f);
    c = scale(c, 1.f - .35f * inside(absf(r - ro * .6f) - ro * .15f, 2.f) * (s->p[6] < .6f));
    return (struct texel){rim(c, d, .06f, .35f), d};
}

struct texel wc_demo_brick(const struct subject *s, float x, float y) {
    float a = between(s->p[0], .68f, .8f), b = a * between(s->p[1], .5f, 1.f);
    float d = sd_box(x, y, a, b, .05f), nx = 2.f + floor_of(s->p[2] * 3.f);
    float pitch = 2.f * a / nx, ny = maxf(1.f, floor_of(2.f * b / pitch + .3f));
    struct rgb c = tint(s->p + 3, .3f, .95f, .35f, .95f);
    float u = (frac(x / pitch + .5f * nx) - .5f) * pitch;
    float v = (frac(y / (2.f * b / ny) + .5f * ny) - .5f) * (2.f * b / ny);
    float stud = length(u, v) - pitch * .3f;
    float h = .75f + .25f * inside(stud, 2.f) - .5f * bump((stud - .02f) * 25.f);
    return (struct texel){rim(relief(c, h, .5f), d, .05f, .35f), d};
}

struct texel wc_demo_bolt(const struct subject *s, float x, float y) {
    float r = length(x, y), ro = between(s->p[0], .62f, .78f), d = r - ro;
    struct rgb c = tint(s->p + 1, 0.f, .4f, .4f, .9f);
    c = relief(c, 1.f - (r / ro) * (r / ro) * .7f, .4f);
    c = relief(c, noise(s->seed, x * 3.f, y * 30.f, 2), .1f);
    float slot = s->p[4] < .4f   ? sd_box(x, y, ro * .7f, .08f, .01f)
                 : s->p[4] < .7f ? minf(sd_box(x, y, ro * .55f, .09f, .01f),
                                        sd_box(x, y, .09f, ro * .55f, .01f))
                                 : sd_polygon(x, y, 6.f, ro * .4f);
    return (struct texel){mix(rim(c, d, .06f, .3f), scale(c, .22f), inside(slot, 1.5f)), d};
}

struct texel wc_demo_tray(const struct subject *s, float x, float y) {
    float a = between(s->p[0], .66f, .8f), b = between(s->p[1], .55f, .8f);
    float d = sd_box(x, y, a, b, .12f), wall = between(s->p[2], .08f, .16f);
    struct rgb c = tint(s->p + 3, 0.f, .6f, .35f, .9f);
    struct rgb floor_colour = relief(scale(c, .75f), noise(s->seed, x * 9.f, y * 9.f, 3), .15f);
    c = mix(c, floor_colour, inside(d + wall, 3.f));
    return (struct texel){scale(rim(c, d, .05f, .3f), 1.f - .4f * bump((d + wall) * 20.f)), d};
}

// An outline, a surface and up to three features, all drawn by the product: a random part.
static float outline(const float *p, float x, float y) {
    float r = length(x, y), a = between(p[1], .55f, .8f), b = a * between(p[2], .45f, 1.f);
    switch ((int)(p[0] * 6.f)) {
    case 0:
        return r - a;
    case 1:
        return sd_box(x, y, a, b, b * p[3]);
    case 2:
        return sd_polygon(x, y, 3.f + floor_of(p[3] * 6.f), a * .8f);
    case 3:
        return maxf(r - a, a * between(p[3], .25f, .6f) - r);
    case 4:
        return (length(x / a, y / b) - 1.f) * b;
    default:
        return r - a * (.85f + .15f * wave(turn_of(x, y) * (3.f + floor_of(p[3] * 8.f))));
    }
}

static float feature(const float *p, float x, float y) {
    float u, v, n = 2.f + floor_of(p[1] * 7.f), at = between(p[2], .15f, .5f);
    float size = between(p[3], .05f, .16f), r = length(x, y);
    switch ((int)(p[0] * 5.f)) {
    case 0: // a ring of holes
        turned(x, y, floor_of(turn_of(x, y) * n + .5f) / n, &u, &v);
        return length(u - at, v) - minf(size, at * 1.5f / n);
    case 1: // a groove
        return absf(r - at) - size * .5f;
    case 2: // a label
        return sd_box(x, y, at, size * 1.5f, .02f);
    case 3: // bars
        return maxf(absf(frac(x * n) - .5f) / n - .25f / n, sd_box(x, y, at * 1.2f, at, .02f));
    default: // a middle
        return sd_polygon(x, y, 3.f + floor_of(p[1] * 7.f), at * .6f);
    }
}

struct texel wc_demo_part(const struct subject *s, float x, float y) {
    const float *p = s->p;
    float d = outline(p, x, y);
    struct rgb c = tint(p + 4, 0.f, .9f, .2f, .95f);
    float h = noise(s->seed, x * between(p[7], 2.f, 30.f), y * between(p[8], 2.f, 30.f), 2);
    c = relief(c, h, p[9] * p[9] * .4f);
    c = p[10] < .5f ? relief(c, clampf(-d * 3.f, 0.f, 1.f), between(p[11], .1f, .5f)) : c;
    for (int k = 0; k < (int)(p[12] * 4.f); k++) {
        const float *f = p + 13 + 6 * k;
        struct rgb other = f[4] < .5f ? scale(c, between(f[5], .15f, .7f))
                                      : hsv(f[4] * 7.f, f[5], between(f[3], .3f, .95f));
        c = mix(c, other, inside(feature(f, x, y), 2.f));
    }
    return (struct texel){rim(c, d, between(p[31], .03f, .08f), .4f * p[32]), d};
}
