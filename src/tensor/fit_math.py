#!/usr/bin/env python3
"""Coefficients of the float32 kernels' exp and Gaussian tail: a Remez exchange, standard library only.

    python3 src/tensor/fit_math.py

exp(r)        = 1 + r + r^2 q(r)  on |r| <= ln2/2: q minimises the relative error of the whole.
mills(a)      = exp(a^2/2) * (1 - Phi(a)) = P(a) / Q(a), P(0) = 1/2, Q(0) = 1, on 0 <= a <= A_MAX (GELU's tail):
                P and Q minimise the relative error.

Coefficients are rounded to float32 one after another, the lowest order (which weighs most) first, and the rest is
fitted again after each, so that the later ones make up for the rounding of the earlier ones.
"""
import math
import struct
from fractions import Fraction

A_MAX = math.sqrt(2 * 80.0)  # beyond it exp(-a^2/2) < exp(-80): the kernels flush to zero


def to_f32(x):
    return struct.unpack("f", struct.pack("f", x))[0]


def solve(rows, rhs):
    """Gaussian elimination with exact rationals: the systems are small and badly scaled."""
    n = len(rows)
    m = [[Fraction(v) for v in row] + [Fraction(b)] for row, b in zip(rows, rhs)]
    for c in range(n):
        p = max(range(c, n), key=lambda i: abs(m[i][c]))
        m[c], m[p] = m[p], m[c]
        for i in range(c + 1, n):
            f = m[i][c] / m[c][c]
            if f:
                m[i] = [x - f * y for x, y in zip(m[i], m[c])]
    out = [Fraction(0)] * n
    for i in reversed(range(n)):
        out[i] = (m[i][n] - sum(m[i][j] * out[j] for j in range(i + 1, n))) / m[i][i]
    return [float(v) for v in out]


def horner(c, x):
    y = 0.0
    for v in reversed(c):
        y = y * x + v
    return y


def exchange(error, grid, n):
    """n points of the grid where the error has alternating extremes; None when it has fewer."""
    e = [error(x) for x in grid]
    best = []
    for x, v in zip(grid, e):
        if best and (v >= 0) == (best[-1][1] >= 0):
            if abs(v) > abs(best[-1][1]):
                best[-1] = (x, v)
        else:
            best.append((x, v))
    while len(best) > n:  # drop at the end whose extreme is smaller
        best.pop(0 if abs(best[0][1]) < abs(best[-1][1]) else -1)
    return ([x for x, _ in best], max(abs(v) for v in e)) if len(best) == n else (None, max(abs(v) for v in e))


def cheb(lo, hi, n):
    return [(lo + hi) / 2 - (hi - lo) / 2 * math.cos(math.pi * i / (n - 1)) for i in range(n)]


def stretch(t):
    """[0, 1] to [0, A_MAX], dense near 0, where the rational's extremes crowd."""
    top = A_MAX / (A_MAX + 2)
    return 2 * t * top / (1 - t * top)


def remez(f, basis_p, basis_q, p_fixed, q_fixed, warp):
    """Minimises |P/Q - f| / f with P = p_fixed(x) + sum c_j basis_p_j(x), Q likewise."""
    n_p, n_q = len(basis_p), len(basis_q)
    n = n_p + n_q + 1
    grid = [warp(t) for t in cheb(0.0, 1.0, 2001)]
    # A Chebyshev polynomial's extremes, without the lower end, where the fixed coefficients leave no error.
    points = [warp(0.03 + 0.97 * t) for t in cheb(0.0, 1.0, n)]
    c, d, level, best = None, None, 0.0, None
    for _ in range(60):
        for _ in range(12):  # the level multiplies Q's unknowns: iterate
            rows, rhs = [], []
            for i, x in enumerate(points):
                s = -1.0 if i % 2 else 1.0
                fx = f(x)
                g = fx * (1 + s * level)
                rows.append([b(x) for b in basis_p] + [-g * b(x) for b in basis_q] + [-s * fx * q_fixed(x)])
                rhs.append(fx * q_fixed(x) - p_fixed(x))
            z = solve(rows, rhs)
            c, d = z[:n_p], z[n_p : n_p + n_q]
            change, level = abs(z[-1] - level), z[-1]
            if change <= 1e-4 * abs(level):
                break

        def error(x):
            p = p_fixed(x) + sum(v * b(x) for v, b in zip(c, basis_p))
            q = q_fixed(x) + sum(v * b(x) for v, b in zip(d, basis_q))
            return p / q / f(x) - 1

        new, worst = exchange(error, grid, n)
        if best is None or worst < best[0]:
            best = (worst, c, d)
        if new is None or worst <= 1.002 * abs(level):
            break
        points = new
    return best


def power(j):
    return lambda x: x**j


def fit_exp(degree):
    half = math.log(2) / 2 * 1.0001
    fixed = [1.0, 1.0]
    for j in range(2, degree + 1):
        basis = [power(i) for i in range(j, degree + 1)]
        _, c, _ = remez(math.exp, basis, [], lambda x: horner(fixed, x), lambda x: 1.0, lambda t: half * (2 * t - 1))
        fixed.append(to_f32(c[0]))
    grid = cheb(-half, half, 20001)
    worst = max(abs(horner(fixed, x) / math.exp(x) - 1) for x in grid)
    return fixed[2:], worst


def mills(a):
    return 0.5 * math.erfc(a / math.sqrt(2)) * math.exp(a * a / 2)


def fit_mills(n_p, n_q):
    p, q = [0.5], [1.0]
    while len(p) <= n_p or len(q) <= n_q:
        basis_p = [power(i) for i in range(len(p), n_p + 1)]
        basis_q = [power(i) for i in range(len(q), n_q + 1)]
        _, c, d = remez(mills, basis_p, basis_q, lambda x: horner(p, x), lambda x: horner(q, x), stretch)
        if len(q) <= n_q and len(q) <= len(p):
            q.append(to_f32(d[0]))
        elif len(p) <= n_p:
            p.append(to_f32(c[0]))
        else:
            q.append(to_f32(d[0]))
    worst = max(abs(horner(p, x) / horner(q, x) / mills(x) - 1) for x in cheb(0.0, A_MAX, 20001))
    return p, q, worst


def show(name, c):
    print(name + " = {" + ", ".join("%.9gF" % v for v in c) + "}")


if __name__ == "__main__":
    exp_q, worst = fit_exp(6)
    show("EXP", exp_q)
    print("  relative error of exp: %.3g (2^%.2f)" % (worst, math.log2(worst)))
    mills_p, mills_q, worst = fit_mills(4, 5)
    show("MILLS_P", mills_p)
    show("MILLS_Q", mills_q)
    print("  relative error of P/Q: %.3g (2^%.2f)" % (worst, math.log2(worst)))
