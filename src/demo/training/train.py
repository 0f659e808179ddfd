"""Trains the demo's CLIP on the generator's training split.

    python train.py --out RUN [--init weights.safetensors] [--minutes 90] [--threads 1] [--workers 2]

Needs torch, open_clip_torch, numpy, safetensors and a C compiler; winclip-mpi itself needs none of this. RUN/ema.pt is the newest
checkpoint; `python export.py RUN/ema.pt OUT.safetensors` makes the file that is embedded.

A step draws pairs (a photo, the same photo damaged) with a third photo of the same product, and sums up
- state: class token, 2x2 and 3x3 windows and patch tokens say normal or damaged by T_damaged - T_normal of random captions; windows
  and patches that count as normal lie on the part, not on the background (but for one in ten);
- tap: linear heads on the patch tokens of inner layers say the same, and are thrown away: the class token needs them to look at;
- pair: the damaged photo's state lies above its twin's;
- category: image and windows match their caption among the batch's;
- reference: patch tokens and windows of normal photos lie near the third photo's, damaged ones far from it; few: and the sum with
  the state ranks the damaged photo above its twin, as equation 6 will.
"""
import argparse, json, os, time
import numpy as np, torch, torch.nn as nn, torch.nn.functional as F
import clip, photos, words, watch

a = argparse.ArgumentParser()
for name, default in dict(out='demo_run', init='', minutes=90., threads=1, workers=1, rank=0, average=20, pairs=8, windows=8, fresh=3, lr=1e-3, seed=1, w_patch=.5, w_tap=.3, w_pair=.5,
                          w_category=.2, w_window_category=.05, w_reference=.5, w_few=.3, near=.2, slope=14., decay=.35, watch_minutes=12., watch_seed=4242, buffer=6000).items():
    a.add_argument('--' + name, type=type(default), default=default)
o = a.parse_args()
if o.workers > 1:                # each a process with its own photos; every few steps they take the mean of their weights
    if 'RANK' not in os.environ:
        import subprocess, sys
        env = dict(os.environ, MASTER_ADDR='127.0.0.1', MASTER_PORT=str(29000 + os.getpid() % 1000), WORLD_SIZE=str(o.workers))
        for q in [subprocess.Popen([sys.executable, *sys.argv], env=dict(env, RANK=str(r))) for r in range(o.workers)]:
            q.wait()
        sys.exit()
    torch.distributed.init_process_group('gloo', timeout=__import__('datetime').timedelta(hours=1))
    o.rank = torch.distributed.get_rank()
torch.set_num_threads(o.threads)
torch.manual_seed(o.seed)    # the same start in all processes
rng = np.random.default_rng([o.seed, o.rank])
os.makedirs(o.out, exist_ok=True)
CATS, KINDS = photos.names(photos.TRAIN)
WEIGHT = np.array([4. if c == 'surface' else 7. if c == 'part' else .8 if photos.is_texture(photos.TRAIN, i) else 1.3 for i, c in enumerate(CATS)])
WEIGHT /= WEIGHT.sum()
tok = clip.tokenizer()
m = clip.build()
v = m.visual
step, spent = 0, 0.
if o.init.endswith('.safetensors'):
    from safetensors.torch import load_file
    m.load_state_dict({k: t.float() for k, t in load_file(o.init).items()}, strict=False)
taps = nn.ModuleList([nn.Linear(128, 1) for _ in range(3)])
m.logit_scale.data.fill_(float(np.log(1 / clip.TAU)))
m.logit_scale.requires_grad_(False)
params = [p for p in list(m.parameters()) + list(taps.parameters()) if p.requires_grad]
opt = torch.optim.AdamW([dict(params=[p for p in params if p.ndim >= 2], weight_decay=.03), dict(params=[p for p in params if p.ndim < 2], weight_decay=0.)],
                        lr=o.lr, betas=(.9, .98))
if o.init.endswith('.pt'):
    z = torch.load(o.init)
    m.load_state_dict(z['raw'])
    taps.load_state_dict(z['taps'])
    opt.load_state_dict(z['opt'])
    step, spent = z['step'], z['spent']
    rng = np.random.default_rng([o.seed, o.rank, step])
ema = {k: t.clone() for k, t in (z['ema'] if o.init.endswith('.pt') else m.state_dict()).items()}
buffer = []


def fresh():
    c = int(rng.choice(len(CATS), p=WEIGHT))
    product, photo, kind = int(rng.integers(1 << 40)), int(rng.integers(1 << 40)), int(rng.integers(len(KINDS)))
    ok, _, part = photos.render(photos.TRAIN, c, product, photo)
    bad, mask, _ = photos.render(photos.TRAIN, c, product, photo, kind)
    ref = photos.render(photos.TRAIN, c, product, photo + 1)[0]
    entry = (ok, bad, ref, np.stack([mask, part]), c, kind)
    if len(buffer) < o.buffer:
        buffer.append(entry)
    else:
        buffer[int(rng.integers(o.buffer))] = entry
    return entry


def turn(q, r, flip):
    q = np.rot90(q, r)
    return q[:, ::-1] if flip else q


def batch(n):
    """Normal, damaged, reference (3n, 3, 120, 120); damaged pixels and part share of each patch (n, 225); category, kind."""
    chosen = [fresh() for _ in range(o.fresh)]
    chosen += [buffer[int(rng.integers(len(buffer)))] for _ in range(n - len(chosen))]
    xs, planes = [[], [], []], []
    for ok, bad, ref, plane, _, _ in chosen:
        r, flip, order = int(rng.integers(4)), rng.random() < .5, rng.permutation(3) if rng.random() < .5 else np.arange(3)
        gain = rng.uniform(.85, 1.15, 3).astype(np.float32)
        for x, q in zip(xs, (ok, bad, ref)):
            x.append(turn(q, r, flip)[..., order] * gain)
        planes.append(np.stack([turn(q, r, flip) for q in plane]))
    x = torch.from_numpy(np.clip(np.stack(xs[0] + xs[1] + xs[2]), 0, 255)).permute(0, 3, 1, 2) / 255
    area = F.avg_pool2d(torch.from_numpy(np.stack(planes).astype(np.float32) / 255), 8).flatten(2)
    return (x - clip.MEAN) / clip.STD, area[:, 0] * 64, area[:, 1], np.array([e[4] for e in chosen]), np.array([e[5] for e in chosen])


def captions(cats, kinds, n):
    """n normal and n damaged captions, the batch's own names first; the kind that a damaged one names, or -1."""
    names = [str(rng.choice(words.CATEGORIES[CATS[c]])) for c in cats]
    names += [words.noun(rng) for _ in range(n - len(names))]
    good, bad, named = [], [], []
    for i, q in enumerate(names):
        k = -1
        state = rng.choice(words.ABNORMAL if rng.random() < .65 else words.MORE_ABNORMAL)
        if rng.random() < .15:
            k = int(kinds[i % len(kinds)])
            state = rng.choice(words.DEFECTS[KINDS[k]])
        named.append(k)
        t = rng.choice(words.TEMPLATES, 2)
        good.append(str(t[0]).format(str(rng.choice(words.NORMAL if rng.random() < .65 else words.MORE_NORMAL)).format(q)))
        bad.append(str(t[0] if rng.random() < .5 else t[1]).format(str(state).format(q)))
    return good, bad, torch.tensor(named)


def balanced(l, y, w=None):
    """Mean over the damaged plus mean over the normal, halved; y < 0 does not count. l (rows, ...), y (rows)."""
    l = l.flatten(1).mean(1) if l.ndim > 1 else l
    pos, neg = (y == 1).float(), (y == 0).float() * (1 if w is None else w)
    return .5 * (l * pos).sum() / pos.sum().clamp_min(1) + .5 * (l * neg).sum() / neg.sum().clamp_min(1)


def state_logits(e, direction):
    return F.normalize(e, dim=-1) @ direction.T / clip.TAU


def state_loss(e, y, kinds, direction, named, w=None):
    logits = state_logits(e, direction)
    fits = ((named[None] < 0) | (y[:, None] < .5) | (named[None] == kinds[:, None])).float()
    l = F.binary_cross_entropy_with_logits(logits, y.clamp_min(0)[:, None].expand_as(logits), reduction='none') * fits
    return balanced(l.sum(1) / fits.sum(1).clamp_min(1), y, w), logits.mean(1)


def pick(area, part, k, n):
    """n windows a pair, half over the damage and half on the part: their patches, labels in the damaged photo."""
    ix = clip.WINDOWS[k]
    hit, on = area[:, ix], part[:, ix].mean(-1)
    lab = torch.where(hit.amax(-1) >= 8, 1., torch.where(hit.sum(-1) == 0, 0., -1.))
    p = torch.where(on > .4, 1., .05)
    p = torch.where(lab == 1, 1.3 * 1 / (lab == 1).sum(1, keepdim=True).clamp_min(1), p / p.sum(1, keepdim=True))
    s = torch.multinomial(p, n, replacement=True)
    return ix[s], lab.gather(1, s)


def association(q, bank, y):
    """Half cosine distance to the nearest of the bank as a classifier; q (2, B, n, d), bank (B, m, d), y (2, B, n)."""
    d = .5 * (1 - torch.einsum('sbnd,bmd->sbnm', F.normalize(q, dim=-1), F.normalize(bank, dim=-1)).amax(-1))
    return balanced(F.binary_cross_entropy_with_logits(o.slope * (d - o.near), y.clamp_min(0), reduction='none').flatten(), y.flatten()), d


def contrast(logits, same, bad=None):
    if bad is not None:
        logits = logits.masked_fill(bad, -1e4)
    ok = same.any(1)
    return (torch.logsumexp(logits, 1) - torch.logsumexp(logits.masked_fill(~same, -1e4), 1))[ok].mean()


def losses(step):
    B, n = o.pairs, o.pairs + 6
    x, area, part, cats, kinds = batch(B)
    kinds_t, out = torch.tensor(kinds), {}
    row_kinds = torch.cat([kinds_t, kinds_t])
    good, bad, named = captions(cats, kinds, n)
    T = F.normalize(clip.encode_text(m, tok, good + bad), dim=-1)
    Tn, direction = T[:n], T[n:] - T[:n]
    t, c = clip.tokens(v, x)
    R = B // 2
    inner = []
    full = clip.run_fast(v, t[:2 * B + R], c, inner)      # the first R pairs have their reference with them
    image = clip.embed(v, full[:2 * B, 0])
    y = torch.cat([torch.zeros(B), torch.ones(B)])
    out['full'], logit = state_loss(image, y, row_kinds, direction, named)
    out['pair'] = F.softplus(2 - (logit[B:] - logit[:B])).mean() * o.w_pair
    # patches: on the part, and a tenth of the background
    yp = torch.where(area >= 6, 1., torch.where(area == 0, 0., -1.))
    yp = torch.stack([torch.where(yp == 1, 0., yp.clamp_max(0)), yp])
    wp = torch.where(part > .5, 1., .1).expand(2, -1, -1)
    patch = clip.embed(v, full[:2 * B, 1:]).flatten(0, 1)
    lp, _ = state_loss(patch, yp.flatten(), row_kinds.repeat_interleave(225), direction, named, wp.flatten())
    out['patch'] = lp * o.w_patch
    out['tap'] = o.w_tap * sum(balanced(F.binary_cross_entropy_with_logits(h(i[:2 * B].float()).flatten(), yp.clamp_min(0).flatten(), reduction='none'), yp.flatten(),
                                        wp.flatten()) for h, i in zip(taps, inner[1:4])) / 3
    # image against captions
    logits = F.normalize(image, dim=-1) @ T[[*range(B), *range(n, n + B)]].T / clip.TAU
    same = torch.from_numpy(cats[:, None] == cats[None])
    fits = (named[:B][None] < 0) | (named[:B][None] == kinds_t[:, None])
    pos = torch.zeros(2 * B, 2 * B, dtype=torch.bool)
    pos[:B, :B], pos[B:, B:] = same, same & fits
    wrong = torch.zeros_like(pos)
    wrong[B:, B:] = same & ~fits
    out['cat'] = contrast(logits, pos, wrong) * o.w_category
    # references of the first R pairs
    q = torch.stack([full[:R, 1:], full[B:B + R, 1:]])
    ref = full[2 * B:, 1:]
    la, d = association(q, ref, yp[:, :R])
    top = d.masked_fill(part[:R] < .3, 0).amax(-1)
    out['ref'] = (la + .5 * F.softplus(-12 * (top[1] - top[0] - .25)).mean()) * o.w_reference
    few = torch.sigmoid(logit).view(2, B)[:, :R] + top            # what equation 6 adds up
    out['few'] = F.softplus(-6 * (few[1] - few[0] - .5)).mean() * o.w_few
    # windows
    which = 2 + step % 2
    out['win'], out['wcat'] = 0., 0.
    for k in (2, 3):
        ix, lab = pick(area, part, k, o.windows)
        e = clip.embed(v, clip.run_fast(v, clip.gather(t[:2 * B], torch.cat([ix, ix])), c, first_only=True)[:, 0])
        yw = torch.stack([torch.where(lab == 1, 0., lab.clamp_max(0)), lab])
        lw, _ = state_loss(e, yw.flatten(), row_kinds.repeat_interleave(o.windows), direction, named)
        out['win'] = out['win'] + lw
        if o.w_window_category:
            logits = F.normalize(e, dim=-1) @ F.normalize(T[:B] + T[n:n + B], dim=-1).T / clip.TAU
            out['wcat'] = out['wcat'] + contrast(logits, same.repeat(2, 1).repeat_interleave(o.windows, 0)) * o.w_window_category
        if k == which:
            r = 2
            bank = clip.embed(v, clip.run_fast(v, clip.gather(t[2 * B:2 * B + r], clip.WINDOWS[k][None].expand(r, -1, -1)), c, first_only=True)[:, 0])
            lr, _ = association(e.view(2, B, o.windows, -1)[:, :r], bank.view(r, -1, bank.shape[-1]), yw[:, :r])
            out['wref'] = lr * o.w_reference
    with torch.no_grad():
        tx = torch.tensor([photos.is_texture(photos.TRAIN, int(q)) for q in cats])
        won = (logit[B:] > logit[:B]).float()
        right = ((logit > 0).float() == y).float().view(2, B).mean(0)
        stats = dict(won_tex=won[tx].mean(), won_obj=won[~tx].mean(), acc_tex=right[tx].mean(), acc_obj=right[~tx].mean(), ref_obj=(top[1] > top[0]).float().mean())
    return out, stats


def average():
    flat = nn.utils.parameters_to_vector(params)
    torch.distributed.all_reduce(flat)
    with torch.no_grad():
        nn.utils.vector_to_parameters(flat / o.workers, params)


def save():
    torch.save(dict(raw=m.state_dict(), ema=ema, taps=taps.state_dict(), opt=opt.state_dict(), step=step, spent=spent + time.time() - t0, args=vars(o),
                    generator=photos.source_hash()), o.out + '/ema.pt.new')
    os.replace(o.out + '/ema.pt.new', o.out + '/ema.pt')


def look():
    me = clip.build()
    me.load_state_dict(ema)
    s = watch.summary(watch.evaluate(me, tok, tests))
    tex = [c for c in s if c in ('carpet', 'leather', 'wood')]
    for group, cs in (('textures', tex), ('objects', [c for c in s if c not in tex])):
        print('  WATCH', group, {q: round(float(np.mean([s[c][q] for c in cs])), 1) for q in s[cs[0]]}, flush=True)
    print('   ', s, flush=True)


tests = watch.make(o.watch_seed) if o.rank == 0 else {}
t0, log, last = time.time(), {}, 0.
torch.manual_seed(o.seed + 1000 * o.rank + step)
for _ in range(60):
    fresh()
while True:
    minutes = (time.time() - t0) / 60
    if os.path.exists(o.out + '/minutes'):
        o.minutes = float(open(o.out + '/minutes').read())
    over = torch.tensor(float(minutes >= o.minutes))
    if o.workers > 1 and step % o.average == 0:
        average()
        torch.distributed.broadcast(over, 0)
    if over and (o.workers == 1 or step % o.average == 0):
        break
    lr = o.lr * min(1, (step + 1) / 150) * max(.02, min(1, (o.minutes - minutes) / (o.decay * o.minutes)))
    for g in opt.param_groups:
        g['lr'] = lr
    out, stats = losses(step)
    loss = sum(out.values())
    opt.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(params, 1.)
    opt.step()
    step += 1
    keep = min(.998, (step + 1) / (step + 20))
    with torch.no_grad():
        for k, t in m.state_dict().items():
            ema[k].lerp_(t, 1 - keep)
    for k, t in {**out, **stats}.items():
        log.setdefault(k, []).append(float(torch.as_tensor(t).detach()))
    if step % 50 == 0 and o.rank == 0:
        print(f'{minutes:5.1f}m {step} lr {lr:.1e} ' + ' '.join(f'{k} {np.nanmean(t):.3f}' for k, t in log.items()), flush=True)
        log = {}
    if minutes - last > o.watch_minutes and o.rank == 0:
        last = minutes
        save()
        look()
if o.rank == 0:
    save()
    print('done', step, 'steps', flush=True)
    look()
