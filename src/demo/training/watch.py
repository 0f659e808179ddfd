"""WinCLIP's pipeline (the program's preset `paper`) over products of held-out categories, to watch training. The published figures
come from the program itself, on another seed."""
import numpy as np, torch, torch.nn.functional as F
import clip, photos, words


def make(seed, n_products=2, n=10, n_references=4, split=photos.HELD_OUT, categories=None):
    out = {}
    cats, kinds = photos.names(split)
    for c in categories if categories is not None else range(len(cats)):
        for p in range(n_products):
            product = seed * 1000 + p
            shots = [photos.render(split, c, product, i) for i in range(n_references + n)]
            bad = [photos.render(split, c, product, 500 + i, i % len(kinds)) for i in range(n)]
            rgb = np.stack([s[0] for s in shots + bad])
            mask = np.stack([s[1] for s in shots + bad]) > 0
            out[cats[c], p] = (rgb, mask, n_references, n)
    return out


def auroc(y, s):
    order = np.argsort(s, kind='stable')
    ranks = np.empty(len(s))
    v, inverse, count = np.unique(s, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(count) - (count - 1) / 2)[inverse]
    n1 = int(y.sum())
    n0 = len(y) - n1
    return 100 * (ranks[y > 0].sum() - n1 * (n1 + 1) / 2) / (n0 * n1)


def features(m, rgb):
    v = m.visual
    x = (torch.from_numpy(rgb).permute(0, 3, 1, 2).float() / 255 - clip.MEAN) / clip.STD
    t, c = clip.tokens(v, x)
    o = clip.run(v, t, c)
    win = {}
    for k, ix in clip.WINDOWS.items():
        e = clip.run(v, clip.gather(t, ix[None].expand(len(x), -1, -1)), c, first_only=True)[:, 0]
        win[k] = F.normalize(clip.embed(v, e), dim=-1).view(len(x), len(ix), -1)
    return F.normalize(clip.embed(v, o[:, 0]), dim=-1), win, F.normalize(o[:, 1:], dim=-1)


def spread(s, k):
    ix = clip.WINDOWS[k]
    acc, count = torch.zeros(len(s), 225), torch.zeros(225)
    for j in range(k * k):
        acc.index_add_(1, ix[:, j], 1 / s.clamp_min(1e-9))
        count.index_add_(0, ix[:, j], torch.ones(len(ix)))
    return count / acc


@torch.no_grad()
def evaluate(m, tok, tests, shots=(0, 4)):
    """{(category, product): {shot: (image AUROC, pixel AUROC), 'z', 'M0', 'MW': parts}}"""
    res = {}
    for (cat, p), (rgb, mask, r, n) in tests.items():
        T = torch.stack([F.normalize(F.normalize(clip.encode_text(m, tok, q), dim=-1).mean(0), dim=0) for q in words.winclip(cat.replace('_', ' '))])
        fs = [features(m, rgb[i:i + 8]) for i in range(0, len(rgb), 8)]
        cls, pat = torch.cat([f[0] for f in fs]), torch.cat([f[2] for f in fs])
        win = {k: torch.cat([f[1][k] for f in fs]) for k in (2, 3)}
        prob = lambda e: torch.sigmoid((e @ (T[1] - T[0])) / clip.TAU)
        z = prob(cls)
        m0 = 3 / (1 / z[:, None].clamp_min(1e-9) + sum(1 / spread(prob(win[k]), k).clamp_min(1e-9) for k in (2, 3)))
        y = np.r_[np.zeros(n), np.ones(n)]
        mk = mask[r:]
        res[cat, p] = {}
        for k in shots:
            s, M = z[r:], m0[r:]
            if k:
                d = [.5 * (1 - (pat[r:] @ pat[:k].flatten(0, 1).T).amax(-1))]
                d += [spread(.5 * (1 - (win[j][r:] @ win[j][:k].flatten(0, 1).T).amax(-1)), j) for j in (2, 3)]
                mw = sum(d) / 3
                s, M = (s + mw.amax(1)) / 2, M + mw
                res[cat, p]['mw'] = auroc(y, mw.amax(1).numpy())
            up = F.interpolate(M.view(-1, 1, 15, 15), (120, 120), mode='bilinear', align_corners=False)[:, 0].numpy()
            res[cat, p][k] = (auroc(y, s.numpy()), auroc(mk.ravel(), up.ravel()))
        res[cat, p]['m0max'] = auroc(y, m0[r:].amax(1).numpy())
    return res


def summary(res):
    cats = list(dict.fromkeys(c for c, _ in res))
    mean = lambda c, f: float(np.mean([f(v) for (q, _), v in res.items() if q == c]))
    return {c: dict(i0=round(mean(c, lambda v: v[0][0]), 1), p0=round(mean(c, lambda v: v[0][1]), 1), i4=round(mean(c, lambda v: v[4][0]), 1),
                    p4=round(mean(c, lambda v: v[4][1]), 1), m0max=round(mean(c, lambda v: v['m0max']), 1), mw=round(mean(c, lambda v: v['mw']), 1)) for c in cats}
