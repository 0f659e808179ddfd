#include "demo/generator.h"

#include "base/alloc.h"
#include "base/rng.h"
#include "demo/defect.h"

#include <string.h>

struct split {
    const struct category *category;
    const size_t *n_categories;
    const struct defect *defect;
    const size_t *n_defects;
};
static const struct split splits[WC_DEMO_SPLITS] = {
    {wc_demo_train, &wc_demo_n_train, wc_demo_train_defects, &wc_demo_n_train_defects},
    {wc_demo_held_out, &wc_demo_n_held_out, wc_demo_held_out_defects, &wc_demo_n_held_out_defects},
};

size_t wc_demo_n_categories(enum wc_demo_split split) {
    return *splits[split].n_categories;
}
const char *wc_demo_category(enum wc_demo_split split, size_t i) {
    return splits[split].category[i].name;
}
bool wc_demo_is_texture(enum wc_demo_split split, size_t i) {
    return splits[split].category[i].texture;
}
size_t wc_demo_n_defects(enum wc_demo_split split) {
    return *splits[split].n_defects;
}
const char *wc_demo_defect(enum wc_demo_split split, size_t i) {
    return splits[split].defect[i].name;
}

static float next(uint64_t *state) {
    return (float)(wc_rng_next(state) >> 40) * (1.f / 16777216.f);
}
static void numbers(uint64_t *state, float *u, size_t n) {
    for (size_t i = 0; i < n; i++)
        u[i] = next(state);
}
static float at(size_t i) { // centre of a pixel
    return ((float)i + .5f) * PIXEL - 1.f;
}

// ---- the subject

struct view { // where the subject lies in the photo
    float x, y, turn, zoom;
};

static struct view look(const struct category *c, uint64_t *product, uint64_t *photo) {
    float own_turn = next(product) < .5f ? next(product) : 0.f;
    float zoom =
        c->texture ? between(next(product), .8f, 1.25f) : between(next(product), .85f, 1.1f);
    float far = c->texture ? 10.f : .04f, a = next(photo), b = next(photo), t = next(photo);
    own_turn = c->texture || next(product) < .3f ? own_turn : 0.f;
    return (struct view){(2.f * a - 1.f) * far, (2.f * b - 1.f) * far,
                         c->oriented ? own_turn + .012f * (t - .5f) : t,
                         zoom * between(next(photo), .98f, 1.02f)};
}

// Behind an object: plain, grained or with the object's shadow.
static void background(struct canvas *v, const float *p, uint32_t seed) {
    struct rgb base = tint(p, 0.f, .4f, .03f, .97f), sum = gray(0.f);
    float n = 1e-6f;
    for (size_t i = 0; i < WC_DEMO_PIXELS; i++) {
        sum = mix(sum, v->c[i], v->part[i] / (n += v->part[i]));
    }
    if (absf(luma(sum) - luma(base)) < .18f) // keep the object visible
        base = mix(base, luma(base) < .5f ? gray(1.f) : gray(0.f), .45f);
    int kind = (int)(p[3] * 3.f);
    for (size_t i = 0; i < WC_DEMO_PIXELS; i++) {
        float x = at(i % WC_DEMO_SIDE), y = at(i / WC_DEMO_SIDE);
        float k = 1.f + .1f * (p[4] - .5f) * x;
        k *= kind == 1 ? .92f + .16f * noise(seed, x * 25.f, y * 25.f, 2) : 1.f;
        if (kind == 2 && i >= 3 * WC_DEMO_SIDE + 3)
            k *= 1.f - .35f * v->part[i - 3 * WC_DEMO_SIDE - 3];
        v->ground[i] = scale(base, k);
    }
}

static void paint(const struct category *c, uint64_t product, uint64_t photo, struct canvas *v) {
    struct subject s;
    struct view view = look(c, &product, &photo);
    numbers(&product, s.p, N_NUMBERS);
    numbers(&photo, s.q, N_NUMBERS);
    s.seed = (uint32_t)wc_rng_next(&photo);
    v->texture = c->texture;
    for (size_t i = 0; i < WC_DEMO_PIXELS; i++) {
        float x, y;
        turned(at(i % WC_DEMO_SIDE) * view.zoom, at(i / WC_DEMO_SIDE) * view.zoom, view.turn, &x,
               &y);
        struct texel t = c->paint(&s, x - view.x, y - view.y);
        v->c[i] = t.c;
        v->part[i] = inside(t.d, 1.5f);
    }
    float ground[5];
    numbers(&product, ground, 5);
    if (!c->texture)
        background(v, ground, s.seed ^ 0xB6u);
    for (size_t i = 0; i < WC_DEMO_PIXELS; i++) {
        struct rgb k = c->texture ? v->c[i] : mix(v->ground[i], v->c[i], v->part[i]);
        v->c[i] = (struct rgb){clampf(k.r, 0.f, 1.f), clampf(k.g, 0.f, 1.f), clampf(k.b, 0.f, 1.f)};
        v->ground[i] = c->texture ? k : v->ground[i];
    }
}

// ---- the defect

static float difference(struct rgb a, struct rgb b) {
    return (absf(a.r - b.r) + absf(a.g - b.g) + absf(a.b - b.b)) * (1.f / 3.f);
}

// A place on the part, or at its outline.
static void place(const struct canvas *v, bool edge, uint64_t *state, float *x, float *y) {
    for (int k = 0; k < 400; k++) {
        size_t i = (size_t)wc_rng_below(state, WC_DEMO_PIXELS);
        *x = at(i % WC_DEMO_SIDE);
        *y = at(i / WC_DEMO_SIDE);
        bool border = v->part[i] > .2f && v->part[i] < .8f;
        if (edge && !v->texture ? border : v->part[i] > .9f)
            return;
    }
    *x = *y = 0.f;
}

static void begin(const struct canvas *v, const struct defect *kind, uint64_t *state,
                  struct blemish *b) {
    b->before = v;
    b->n_points = 0;
    place(v, kind->at_edge, state, &b->x, &b->y);
    numbers(state, b->u, sizeof b->u / sizeof *b->u);
    b->seed = (uint32_t)wc_rng_next(state);
    struct rgb old = gray(0.f);
    for (int k = 0; k < 9; k++)
        old =
            mix(old,
                canvas_at(v->c, b->x + .08f * (float)(k % 3 - 1), b->y + .08f * (float)(k / 3 - 1)),
                1.f / (float)(k + 1));
    for (int k = 0; k < 20; k++) {
        float u[3];
        numbers(state, u, 3);
        b->colour = tint(u, 0.f, 1.f, .02f, 1.f);
        if (difference(b->colour, old) > .28f)
            break;
    }
    if (kind->draw != NULL)
        kind->draw(b);
}

// Puts the defect on a copy; false when it hardly shows or covers too much.
static bool apply(const struct canvas *v, const struct defect *kind, uint64_t *state,
                  struct rgb *after, uint8_t *mask) {
    struct blemish b;
    float shown = 0.f;
    size_t n = 0;
    begin(v, kind, state, &b);
    for (size_t i = 0; i < WC_DEMO_PIXELS; i++) {
        float x = at(i % WC_DEMO_SIDE), y = at(i / WC_DEMO_SIDE), alpha;
        struct rgb c = kind->paint(&b, x, y, kind->distance(&b, x, y), v->c[i], &alpha);
        alpha *= v->part[i];
        c = mix(v->c[i], c, alpha);
        after[i] =
            (struct rgb){clampf(c.r, 0.f, 1.f), clampf(c.g, 0.f, 1.f), clampf(c.b, 0.f, 1.f)};
        float d = difference(after[i], v->c[i]);
        mask[i] = alpha > .35f && d > .02f ? 255 : 0;
        shown += mask[i] ? d : 0.f;
        n += mask[i] ? 1 : 0;
    }
    return n >= 40 && n < WC_DEMO_PIXELS / 5 && shown > .12f * (float)n;
}

// ---- light, blur and noise

static void expose(const struct rgb *c, uint64_t photo, uint8_t *rgb) {
    float u[12];
    numbers(&photo, u, 12);
    uint32_t seed = (uint32_t)wc_rng_next(&photo);
    float gain = between(u[0], .85f, 1.15f), tone = between(u[1], -.25f, .25f), ax, ay;
    turned(between(u[2], 0.f, .15f), 0.f, u[3], &ax, &ay);
    float grain = between(u[4], 0.f, .03f), blur = u[5] < .6f ? .22f * u[6] : 0.f;
    const float cast[3] = {1.f + .06f * (u[7] - .5f), 1.f + .06f * (u[8] - .5f),
                           1.f + .06f * (u[9] - .5f)};
    for (size_t i = 0; i < WC_DEMO_PIXELS; i++) {
        float x = at(i % WC_DEMO_SIDE), y = at(i / WC_DEMO_SIDE);
        struct rgb k = c[i];
        struct rgb l = canvas_at(c, x - PIXEL, y), r = canvas_at(c, x + PIXEL, y);
        struct rgb o = canvas_at(c, x, y - PIXEL), b = canvas_at(c, x, y + PIXEL);
        const float side[3] = {(l.r + r.r + o.r + b.r) * .25f, (l.g + r.g + o.g + b.g) * .25f,
                               (l.b + r.b + o.b + b.b) * .25f};
        const float own[3] = {k.r, k.g, k.b};
        float light = gain * (1.f + ax * x + ay * y);
        for (int j = 0; j < 3; j++) {
            float v = own[j] + (side[j] - own[j]) * 2.f * blur;
            v = (v + tone * v * (1.f - v)) * light * cast[j];
            uint32_t h = hash2(seed, (int32_t)i, j);
            // four uniform numbers make a bell of deviation 1/sqrt(3)
            int sum = (int)(h & 255) + (int)(h >> 8 & 255) + (int)(h >> 16 & 255) + (int)(h >> 24);
            v += grain * 1.7320508f * ((float)sum * (1.f / 255.f) - 2.f);
            rgb[3 * i + (size_t)j] = (uint8_t)(int)(clampf(v, 0.f, 1.f) * 255.f + .5f);
        }
    }
}

static uint64_t name_hash(const char *name) { // FNV-1a
    uint64_t h = UINT64_C(0xCBF29CE484222325);
    for (; *name; name++)
        h = (h ^ (unsigned char)*name) * UINT64_C(0x100000001B3);
    return h;
}

struct work {
    struct canvas canvas;
    struct rgb after[WC_DEMO_PIXELS];
};

enum wc_err wc_demo_render(enum wc_demo_split split, size_t category, uint64_t product,
                           uint64_t photo, size_t defect, struct wc_demo_photo *out,
                           struct wc_error *err) {
    const struct category *c = &splits[split].category[category];
    struct work *w;
    WC_TRY(WC_NEW(&w, 1, "a demo photo", err));
    product = wc_rng_mix(product ^ name_hash(c->name));
    photo = wc_rng_mix(product + wc_rng_mix(photo + WC_RNG_GAMMA));
    paint(c, product, photo, &w->canvas);
    memset(out->mask, 0, sizeof out->mask);
    const struct rgb *seen = w->canvas.c;
    if (defect != WC_DEMO_GOOD) {
        uint64_t state = wc_rng_mix(photo ^ name_hash(splits[split].defect[defect].name));
        // A few kinds and places hardly show: draw again, the last draw counts.
        for (int k = 0; k < 24; k++)
            if (apply(&w->canvas, &splits[split].defect[defect], &state, w->after, out->mask))
                break;
        seen = w->after;
    }
    expose(seen, wc_rng_mix(photo ^ 0x11674u), out->rgb);
    for (size_t i = 0; i < WC_DEMO_PIXELS; i++)
        out->part[i] = w->canvas.part[i] > .5f ? 255 : 0;
    wc_free(w);
    return WC_OK;
}
