#include "demo/defect.h"

static size_t mirrored(float t) {
    int i = (int)floor_of((t + 1.f) * (.5f * WC_DEMO_SIDE));
    i = i < 0 ? -1 - i : i;
    i = i >= WC_DEMO_SIDE ? 2 * WC_DEMO_SIDE - 1 - i : i;
    return (size_t)(i < 0 ? 0 : i);
}

struct rgb canvas_at(const struct rgb *c, float x, float y) {
    return c[mirrored(y) * WC_DEMO_SIDE + mirrored(x)];
}

// ---- outlines

static void line(struct blemish *b, float x0, float y0, float x1, float y1) {
    if (b->n_points + 2 > MAX_POINTS)
        return;
    b->px[b->n_points] = x0;
    b->py[b->n_points++] = y0;
    b->px[b->n_points] = x1;
    b->py[b->n_points++] = y1;
}

// A bent line through the place: `swing` turns to a wave of that height.
static void stroke(struct blemish *b, float size, float bend, float swing, float n_waves) {
    float lastx = 0.f, lasty = 0.f;
    for (int k = 0; k <= 14; k++) {
        float t = (float)k / 14.f - .5f, u, v;
        float across = bend * size * (t * t - .08f) + swing * wave(t * n_waves + b->u[2]);
        turned(t * size, across, b->u[3], &u, &v);
        if (k > 0)
            line(b, lastx, lasty, b->x + u, b->y + v);
        lastx = b->x + u;
        lasty = b->y + v;
    }
}
static void scratch(struct blemish *b) {
    stroke(b, between(b->u[0], .4f, 1.1f), between(b->u[1], -.6f, .6f), 0.f, 0.f);
}
static void cut(struct blemish *b) {
    stroke(b, between(b->u[0], .35f, .8f), between(b->u[1], -.2f, .2f), 0.f, 0.f);
}
static void thread(struct blemish *b) {
    stroke(b, between(b->u[0], .6f, 1.2f), 0.f, between(b->u[1], .05f, .14f),
           between(b->u[4], .8f, 2.f));
}
// Two or three branches that wander.
static void crack(struct blemish *b) {
    float x = b->x, y = b->y;
    for (int k = 0; k < 3; k++) {
        float turn = b->u[k], cx = x, cy = y;
        for (int i = 0; i < 7; i++) {
            uint32_t h = hash2(b->seed, k, i);
            float step = between(b->u[4], .07f, .13f), u, v;
            turn += .2f * (unit(h) - .5f);
            turned(step, 0.f, turn, &u, &v);
            line(b, cx, cy, cx + u, cy + v);
            cx += u;
            cy += v;
            if (i == 3) {
                x = cx;
                y = cy;
            }
        }
    }
}

static float to_lines(const struct blemish *b, float x, float y) {
    float d = 9.f;
    for (size_t i = 0; i + 1 < b->n_points; i += 2)
        d = minf(d, sd_segment(x, y, b->px[i], b->py[i], b->px[i + 1], b->py[i + 1]));
    return d;
}
static float thin(const struct blemish *b, float x, float y) {
    return to_lines(b, x, y) - between(b->u[5], .7f, 1.6f) * PIXEL;
}
static float wide(const struct blemish *b, float x, float y) {
    return to_lines(b, x, y) - between(b->u[5], 1.3f, 2.6f) * PIXEL;
}

// A round of radius r, longer than wide, with a rough outline.
static float blob(const struct blemish *b, float x, float y, float r, float rough) {
    float u, v;
    turned(x - b->x, y - b->y, b->u[6], &u, &v);
    v *= between(b->u[7], 1.f, 1.7f);
    float t = turn_of(u, v);
    float n = noise(b->seed, wave(t) * 1.6f + 8.f, wave(t + .25f) * 1.6f + 8.f, 2);
    return length(u, v) - r * (1.f + 2.f * rough * (n - .5f));
}
static float small_blob(const struct blemish *b, float x, float y) {
    return blob(b, x, y, between(b->u[0], .07f, .17f), .4f);
}
static float large_blob(const struct blemish *b, float x, float y) {
    return blob(b, x, y, between(b->u[0], .15f, .3f), .6f);
}
static float rectangle(const struct blemish *b, float x, float y) {
    float u, v;
    turned(x - b->x, y - b->y, b->u[6], &u, &v);
    return sd_box(u, v, between(b->u[0], .1f, .26f), between(b->u[1], .1f, .26f), .03f);
}
static float specks(const struct blemish *b, float x, float y) {
    float d = 9.f, spread = between(b->u[0], .1f, .25f);
    for (int k = 0; k < 4 + (int)(b->u[1] * 5.f); k++) {
        float u = 2.f * unit(hash2(b->seed, k, 0)) - 1.f,
              v = 2.f * unit(hash2(b->seed, k, 1)) - 1.f;
        float r = between(unit(hash2(b->seed, k, 2)), .025f, .06f);
        d = minf(d, length(x - b->x - spread * u, y - b->y - spread * v) - r);
    }
    return d + .03f * (noise(b->seed, x * 20.f, y * 20.f, 1) - .5f);
}
static float ring(const struct blemish *b, float x, float y) {
    return absf(small_blob(b, x, y) - .06f) - between(b->u[1], .02f, .04f);
}

// ---- colours

static struct rgb scratched(const struct blemish *b, float x, float y, float d, struct rgb old,
                            float *alpha) {
    (void)x, (void)y;
    float s = between(b->u[8], .25f, .6f), v = luma(old);
    *alpha = inside(d, 1.5f) * between(b->u[9], .7f, 1.f);
    s = v > .7f || (v > .25f && b->u[10] < .5f) ? -s : s;
    return (struct rgb){old.r + s, old.g + s, old.b + s};
}
static struct rgb gash(const struct blemish *b, float x, float y, float d, struct rgb old,
                       float *alpha) {
    (void)x;
    *alpha = inside(d, 1.5f) * between(b->u[9], .8f, 1.f);
    float lip = d > -PIXEL && y > b->y ? .4f : 0.f; // the lower lip catches light
    return (struct rgb){old.r * .22f + lip, old.g * .22f + lip, old.b * .22f + lip};
}
static struct rgb pierced(const struct blemish *b, float x, float y, float d, struct rgb old,
                          float *alpha) {
    *alpha = maxf(inside(d, 1.5f), .5f * b->u[9] * bump(d / (3.f * PIXEL)));
    struct rgb behind = canvas_at(b->before->ground, x, y);
    struct rgb dark = gray(between(b->u[10], .02f, .15f));
    bool see_through = !b->before->texture && b->u[11] < .6f;
    return d > 0.f ? scale(old, .3f) : see_through ? behind : dark;
}
static struct rgb stained(const struct blemish *b, float x, float y, float d, struct rgb old,
                          float *alpha) {
    (void)x, (void)y;
    struct rgb c = b->colour;
    *alpha = inside(d, between(b->u[8], 3.f, 8.f)) * between(b->u[9], .5f, .85f);
    struct rgb wet = {old.r * (.3f + .7f * c.r), old.g * (.3f + .7f * c.g),
                      old.b * (.3f + .7f * c.b)};
    return b->u[10] < .5f ? wet : mix(old, c, .75f);
}
static struct rgb spotted(const struct blemish *b, float x, float y, float d, struct rgb old,
                          float *alpha) {
    (void)x, (void)y, (void)old;
    *alpha = inside(d, 2.f) * between(b->u[9], .75f, 1.f);
    return b->colour;
}
static struct rgb dented(const struct blemish *b, float x, float y, float d, struct rgb old,
                         float *alpha) {
    (void)d;
    float r = between(b->u[0], .12f, .26f), u, v;
    turned(x - b->x, y - b->y, .125f + .1f * b->u[6], &u, &v); // light from the upper left
    float g = bump(length(u, v * between(b->u[7], 1.f, 1.5f)) / (1.6f * r));
    float s = between(b->u[8], .7f, 1.2f) * u / r * g * (b->u[9] < .5f ? 1.f : -1.f);
    *alpha = clampf(absf(s) * 3.f, 0.f, 1.f);
    s *= .55f / maxf(*alpha, .02f);
    return (struct rgb){old.r + s, old.g + s, old.b + s};
}
static struct rgb dirty(const struct blemish *b, float x, float y, float d, struct rgb old,
                        float *alpha) {
    (void)old;
    *alpha = inside(d, 1.5f);
    return scale(b->colour, .6f + .4f * noise(b->seed, x * 20.f, y * 20.f, 1));
}
static struct rgb gone(const struct blemish *b, float x, float y, float d, struct rgb old,
                       float *alpha) {
    *alpha = inside(d, b->before->texture ? 3.f : 1.5f);
    if (!b->before->texture)
        return canvas_at(b->before->ground, x, y);
    struct rgb under = canvas_at(b->before->c, b->x, b->y); // worn through to one plain colour
    under = mix(under, old, .15f);
    return scale(under,
                 (b->u[8] < .5f ? .6f : 1.4f) * (.9f + .2f * noise(b->seed, x * 9.f, y * 9.f, 2)));
}
static struct rgb smeared(const struct blemish *b, float x, float y, float d, struct rgb old,
                          float *alpha) {
    (void)old;
    struct rgb sum = gray(0.f);
    float u, v, far = between(b->u[8], .12f, .3f);
    turned(far, 0.f, b->u[9], &u, &v);
    for (int k = -4; k <= 4; k++) {
        float t = (float)k / 4.f;
        struct rgb c = canvas_at(b->before->c, x + t * u, y + t * v);
        sum = (struct rgb){sum.r + c.r, sum.g + c.g, sum.b + c.b};
    }
    *alpha = inside(d, 4.f);
    return scale(sum, (b->u[10] < .5f ? .78f : 1.2f) / 9.f);
}
static struct rgb misplaced(const struct blemish *b, float x, float y, float d, struct rgb old,
                            float *alpha) {
    (void)old;
    float u, v;
    turned(x - b->x, y - b->y, .15f + .6f * b->u[8], &u, &v);
    *alpha = inside(d, 1.5f);
    float ox = between(b->u[9], -.5f, .5f), oy = between(b->u[10], -.5f, .5f);
    return scale(canvas_at(b->before->c, ox + u, oy + v), b->u[11] < .5f ? .72f : 1.25f);
}
static struct rgb roughened(const struct blemish *b, float x, float y, float d, struct rgb old,
                            float *alpha) {
    float f = between(b->u[8], 14.f, 36.f), n = noise(b->seed, x * f, y * f, 2) - .5f;
    float s = between(b->u[9], 1.f, 1.7f) * n + (b->u[10] < .5f ? -.12f : .12f);
    *alpha = inside(d, 4.f);
    return (struct rgb){old.r + s, old.g + s, old.b + s};
}
// Clear glue: brighter, a dark border, a highlight.
static struct rgb glued(const struct blemish *b, float x, float y, float d, struct rgb old,
                        float *alpha) {
    *alpha = inside(d, 1.5f) * .9f;
    float shine = bump(length(x - b->x + .04f, y - b->y + .04f) * 12.f);
    struct rgb c = mix(old, (struct rgb){.95f, .93f, .8f}, .35f + .6f * shine);
    return scale(c, 1.f - .5f * bump((d + 1.5f * PIXEL) / (3.f * PIXEL)));
}
// A burn: black in the middle, brown around it.
static struct rgb burnt(const struct blemish *b, float x, float y, float d, struct rgb old,
                        float *alpha) {
    float n = .06f * (noise(b->seed, x * 16.f, y * 16.f, 2) - .5f);
    *alpha = inside(d, 9.f);
    struct rgb brown = {old.r * .5f, old.g * .33f, old.b * .2f};
    return mix(brown, gray(.04f), ramp(.0f, .12f, n - d));
}
static struct rgb blackened(const struct blemish *b, float x, float y, float d, struct rgb old,
                            float *alpha) {
    (void)x, (void)y;
    *alpha = inside(d, 1.5f) * between(b->u[9], .85f, 1.f);
    float v = luma(old) < .22f ? luma(old) + .4f : 0.f; // on black parts a crack shows light
    return (struct rgb){old.r * .12f + v, old.g * .12f + v, old.b * .12f + v};
}

const struct defect wc_demo_train_defects[] = {
    {"cut", false, cut, wide, gash},
    {"dent", false, NULL, small_blob, dented},
    {"dirt", false, NULL, specks, dirty},
    {"hole", false, NULL, small_blob, pierced},
    {"missing", true, NULL, large_blob, gone},
    {"scratch", false, scratch, thin, scratched},
    {"smear", false, NULL, large_blob, smeared},
    {"spot", false, NULL, small_blob, spotted},
    {"stain", false, NULL, large_blob, stained},
    {"swap", false, NULL, rectangle, misplaced},
    {"water_ring", false, NULL, ring, stained},
    {"worn", false, NULL, large_blob, roughened},
};
const size_t wc_demo_n_train_defects = sizeof wc_demo_train_defects / sizeof *wc_demo_train_defects;

const struct defect wc_demo_held_out_defects[] = {
    {"burn", false, NULL, small_blob, burnt},
    {"crack", false, crack, thin, blackened},
    {"glue", false, NULL, small_blob, glued},
    {"thread", false, thread, thin, spotted},
};
const size_t wc_demo_n_held_out_defects =
    sizeof wc_demo_held_out_defects / sizeof *wc_demo_held_out_defects;
