#include "demo/shape.h"

float wave(float turns) {
    float s = 2.f * (turns - floor_of(turns + .5f)); // -1..1
    float y = 4.f * s * (1.f - absf(s));
    return .225f * (y * absf(y) - y) + y;
}

float turn_of(float x, float y) {
    float ax = absf(x), ay = absf(y);
    float a = minf(ax, ay) / maxf(maxf(ax, ay), 1e-12f), s = a * a;
    // arctangent on 0..1 over 2 pi, minimax of degree 7
    float t = ((-.0464964749f * s + .15931422f) * s - .327622764f) * s * a + a;
    t *= .159154943f;
    t = ay > ax ? .25f - t : t;
    t = x < 0.f ? .5f - t : t;
    return y < 0.f ? 1.f - t : t;
}

void turned(float x, float y, float turns, float *u, float *v) {
    float s = wave(turns), c = wave(turns + .25f);
    *u = c * x + s * y;
    *v = c * y - s * x;
}

static float hue(float h, float shift) {
    float k = frac((h * 6.f + shift) * (1.f / 6.f)) * 6.f;
    return clampf(minf(k, 4.f - k), 0.f, 1.f);
}

struct rgb hsv(float h, float s, float v) {
    return (struct rgb){v - v * s * hue(h, 5.f), v - v * s * hue(h, 3.f), v - v * s * hue(h, 1.f)};
}

struct rgb tint(const float *u, float s0, float s1, float v0, float v1) {
    return hsv(u[0], between(u[1], s0, s1), between(u[2], v0, v1));
}

uint32_t hash2(uint32_t seed, int32_t x, int32_t y) {
    uint32_t h = seed ^ ((uint32_t)x * 0x9E3779B1u) ^ ((uint32_t)y * 0x85EBCA77u);
    h ^= h >> 16; // finaliser "lowbias32" (C. Wellons)
    h *= 0x7FEB352Du;
    h ^= h >> 15;
    h *= 0x846CA68Bu;
    return h ^ h >> 16;
}

static float noise1(uint32_t seed, float x, float y) {
    float fx = floor_of(x), fy = floor_of(y), u = x - fx, v = y - fy;
    int32_t i = (int32_t)fx, j = (int32_t)fy;
    u = u * u * (3.f - 2.f * u);
    v = v * v * (3.f - 2.f * v);
    float a = unit(hash2(seed, i, j)), b = unit(hash2(seed, i + 1, j));
    float c = unit(hash2(seed, i, j + 1)), d = unit(hash2(seed, i + 1, j + 1));
    float top = a + (b - a) * u, bottom = c + (d - c) * u;
    return top + (bottom - top) * v;
}

float noise(uint32_t seed, float x, float y, int octaves) {
    float sum = 0.f, total = 0.f, gain = 1.f;
    for (int k = 0; k < octaves; k++) {
        sum += gain * noise1(seed + (uint32_t)k * 0x51ED27u, x, y);
        total += gain;
        gain *= .5f;
        x = x * 2.f + 17.3f;
        y = y * 2.f + 9.1f;
    }
    return sum / total;
}

struct cell cells(uint32_t seed, float x, float y, float jitter) {
    struct cell c = {9.f, 9.f, 0.f};
    float fx = floor_of(x), fy = floor_of(y);
    for (int k = 0; k < 9; k++) {
        float cx = fx + (float)(k % 3 - 1), cy = fy + (float)(k / 3 - 1);
        uint32_t h = hash2(seed, (int32_t)cx, (int32_t)cy);
        float px = cx + .5f + jitter * (unit(h) - .5f);
        float py = cy + .5f + jitter * (unit(h * 0x2C1B3C6Du) - .5f);
        float d = (x - px) * (x - px) + (y - py) * (y - py);
        if (d < c.f1) {
            c.f2 = c.f1;
            c.f1 = d;
            c.id = unit(h * 0x297A2D39u);
        } else if (d < c.f2) {
            c.f2 = d;
        }
    }
    c.f1 = sqrtf(c.f1);
    c.f2 = sqrtf(c.f2);
    return c;
}

float sd_box(float x, float y, float a, float b, float corner) {
    float u = absf(x) - a + corner, v = absf(y) - b + corner;
    return length(maxf(u, 0.f), maxf(v, 0.f)) + minf(maxf(u, v), 0.f) - corner;
}

float sd_polygon(float x, float y, float n, float apothem) {
    float u, v, side = floor_of(turn_of(x, y) * n + .5f) / n;
    turned(x, y, side, &u, &v);
    return u - apothem;
}

float sd_segment(float x, float y, float ax, float ay, float bx, float by) {
    float vx = bx - ax, vy = by - ay;
    float t = ((x - ax) * vx + (y - ay) * vy) / (vx * vx + vy * vy + 1e-9f);
    t = clampf(t, 0.f, 1.f);
    return length(x - ax - t * vx, y - ay - t * vy);
}
