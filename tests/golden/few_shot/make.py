#!/usr/bin/env python3
"""Golden data of the ImageNet backbones and the few-shot classics (README.md beside this file).

    pip install torch torchvision timm anomalib scikit-learn scipy safetensors
    python3 make.py

Everything runs in float64 on float32 weights and pixels and is rounded to float32. Weights and
pictures are those of ../models/README.md; a backbone's tensors are generated under the names
"visual.NAME"."""
import functools
import os
from unittest import mock

import anomalib
import numpy as np
import scipy
import sklearn
import timm
import torch
import torch.nn.functional as F
import torchvision
from anomalib.models.components.sampling.k_center_greedy import KCenterGreedy
from anomalib.models.components.stats.multi_variate_gaussian import MultiVariateGaussian
from anomalib.models.image.padim.anomaly_map import AnomalyMapGenerator as PadimMap
from anomalib.models.image.padim.torch_model import PadimModel
from anomalib.models.image.patchcore.torch_model import PatchcoreModel
from safetensors.numpy import save_file
from scipy.ndimage import gaussian_filter
from sklearn.neighbors import NearestNeighbors
from torch import nn
from torchvision.models.resnet import BasicBlock, Bottleneck, ResNet

HERE = os.path.dirname(os.path.abspath(__file__))
SEED = 20230614
U64 = (1 << 64) - 1
GAMMA = 0x9E3779B97F4A7C15
MEAN = np.float32([0.485, 0.456, 0.406])
STD = np.float32([0.229, 0.224, 0.225])

# ---- generators of ../models/README.md


def fnv(data):
    h = 0xCBF29CE484222325
    for b in data:
        h = ((h ^ b) * 0x100000001B3) & U64
    return h


def mix(z):
    with np.errstate(over="ignore"):
        z = np.asarray(z, np.uint64)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def uniform(key, n):
    """n doubles in [-1, 1)."""
    with np.errstate(over="ignore"):
        i = np.arange(1, n + 1, dtype=np.uint64)
        z = mix(np.uint64(key) + i * np.uint64(GAMMA))
    return ((z >> np.uint64(40)).astype(np.float64) - 2.0**23) / 2.0**23


def tensor(name, shape):
    """A backbone's tensor, by the law of the name "visual.NAME"."""
    full = "visual." + name
    parts = full.split(".")
    leaf, parent = parts[-1], parts[-2]
    fan, gain, offset, scale = 1, None, 0.0, None
    if leaf == "running_mean":
        scale = 2.0**-3
    elif leaf == "running_var":
        offset, scale = 1.0, 2.0**-1
    elif leaf == "bias" and parent in ("bn1", "bn2"):
        offset, scale = -0.75, 2.0**-6
    elif leaf == "bias":
        scale = 2.0**-6
    elif len(shape) == 1 and parent == "bn3":
        offset, scale = 2.0**-3, 2.0**-6
    elif len(shape) == 1:
        offset, scale = 1.0, 2.0**-3
    else:
        fan = shape[1] * shape[2] * shape[3]
        gain = 1.0 if full == "visual.conv1.weight" and shape[2] != 3 else 3.0
    if scale is None:
        scale = np.sqrt(3.0 * gain / fan)
    n = int(np.prod(shape))
    u = uniform(fnv(full.encode()) ^ SEED, n)
    return (offset + scale * u).astype(np.float32).reshape(shape)


def lat(s, c, o, i, j):
    with np.errstate(over="ignore"):
        z = (np.uint64(s * 0xD1342543DE82EF95 & U64) + np.uint64((4 * c + o) * 0x2545F4914F6CDD1D & U64)
             + np.asarray(i, np.uint64) * np.uint64(GAMMA)
             + np.asarray(j, np.uint64) * np.uint64(0xC2B2AE3D27D4EB4F))
    return (mix(z) >> np.uint64(56)).astype(np.int64)


def octave(s, c, o, g, y, x):
    i, fy, j, fx = y // g, y % g, x // g, x % g
    top = lat(s, c, o, i, j) * (g - fx) + lat(s, c, o, i, j + 1) * fx
    bot = lat(s, c, o, i + 1, j) * (g - fx) + lat(s, c, o, i + 1, j + 1) * fx
    return (top * (g - fy) + bot * fy) // (g * g)


def picture(h, w, a, b, obj, noise, dy, dx, defect=None):
    y, x = np.mgrid[0:h, 0:w].astype(np.int64)
    out = np.zeros((h, w, 3), np.int64)
    for c in range(3):
        va, vb = octave(obj, c, 0, a, y + dy, x + dx), octave(obj, c, 1, b, y + dy, x + dx)
        if defect:
            y0, x0, hh, ww, ds = defect
            inside = (y >= y0) & (y < y0 + hh) & (x >= x0) & (x < x0 + ww)
            va = np.where(inside, octave(ds, c, 0, a, y, x), va)
            vb = np.where(inside, octave(ds, c, 1, b, y, x), vb)
        n = lat(noise, c, 2, y, x)
        out[..., c] = np.clip((2 * (8 * va + 7 * vb + n)) // 16 - 128, 0, 255)
    return out.astype(np.uint8)


def normalise(image):
    """(1, 3, h, w) float64 of float32 values."""
    x = (image.astype(np.float32) / np.float32(255) - MEAN) / STD
    return torch.from_numpy(x.transpose(2, 0, 1)[None].astype(np.float64))


# ---- backbones


def fill(net):
    net.eval()
    state = {}
    for name, t in net.state_dict().items():
        if name.startswith("fc.") or name.endswith("num_batches_tracked"):
            continue
        state[name] = torch.from_numpy(tensor(name, tuple(t.shape)))
    net.load_state_dict(state, strict=False)
    return net.double()


def tiny(block, stem, planes, blocks, width_per_group=64):
    """A small network of torchvision's own parts."""
    net = ResNet(block, [1, 1, 1, 1], width_per_group=width_per_group, num_classes=3)
    net.inplanes = stem
    net.conv1 = nn.Conv2d(3, stem, 7, 2, 3, bias=False)
    net.bn1 = nn.BatchNorm2d(stem)
    for i, (p, n) in enumerate(zip(planes, blocks)):
        setattr(net, f"layer{i + 1}", net._make_layer(block, p, n, stride=1 if i == 0 else 2))
    net.fc = nn.Linear(planes[3] * block.expansion, 3)
    return fill(net)


def layers(net, x):
    """Outputs of the four stages (channels, side, side), and the pooled last one."""
    with torch.no_grad():
        x = net.maxpool(net.relu(net.bn1(net.conv1(x))))
        out = []
        for i in range(4):
            x = getattr(net, f"layer{i + 1}")(x)
            out.append(x[0])
        return out, net.avgpool(x)[0, :, 0, 0]


TINY = {
    "basic": lambda: tiny(BasicBlock, 8, [8, 12, 16, 24], [2, 1, 1, 1]),
    "wide": lambda: tiny(Bottleneck, 8, [4, 6, 8, 8], [1, 2, 1, 1], width_per_group=128),
}


def write_backbones():
    gold = {}
    for name in ("resnet18", "resnet50", "wide_resnet50_2"):
        net = fill(getattr(torchvision.models, name)(weights=None))
        # timm's network of that name has the same tensors and the same function.
        other = timm.create_model(name, pretrained=False)
        assert other.state_dict().keys() == net.state_dict().keys()
        other.load_state_dict(net.float().state_dict())
        x = normalise(picture(64, 64, 64, 16, 11, 111, 0, 0))
        with torch.no_grad():
            same = other.double().eval().forward_features(x)[0]
        net.double()
        assert torch.allclose(same, layers(net, x)[0][3], rtol=1e-12)
        out, pooled = layers(net, normalise(picture(64, 64, 64, 16, 11, 111, 0, 0)))
        for i, x in enumerate(out):
            gold[f"{name}/layer{i + 1}"] = x[::16].permute(1, 2, 0)  # every 16th channel
        gold[f"{name}/pooled"] = pooled
    for name, make in TINY.items():
        net = make()
        state = {k: v.float().contiguous() if v.is_floating_point() else v
                 for k, v in net.state_dict().items()}
        save_file({k: v.numpy() for k, v in state.items()}, f"{HERE}/tiny_{name}.safetensors")
        if name == "basic":
            torch.save(state, f"{HERE}/tiny_{name}.pth")
        for side in (60, 45):  # the second one has odd sides all the way
            out, pooled = layers(net, normalise(picture(side, side, 16, 4, 40, 50, 0, 0)))
            for i, x in enumerate(out):
                gold[f"tiny_{name}/{side}/layer{i + 1}"] = x.permute(1, 2, 0)
            gold[f"tiny_{name}/{side}/pooled"] = pooled
    save_file({k: np.ascontiguousarray(v.numpy().astype(np.float32)) for k, v in gold.items()},
              f"{HERE}/backbones.safetensors")


# ---- the few-shot classics


class Stream:
    """SplitMix64 of src/base/rng.h."""

    def __init__(self, state):
        self.state = state

    def below(self, n):
        limit = U64 - U64 % n
        while True:
            self.state = (self.state + GAMMA) & U64
            v = int(mix(self.state))
            if v < limit:
                return v % n


def permutation(seed, name, n):
    s = Stream(int(mix((seed + GAMMA) & U64)) ^ fnv(name))
    perm = list(range(n))
    for i in range(n - 1):
        j = i + s.below(n - i)
        perm[i], perm[j] = perm[j], perm[i]
    return perm


def projection(n_small, width):
    u = uniform(fnv(b"patchcore.projection"), n_small * width)
    matrix = (np.sqrt(3.0 / n_small) * u).astype(np.float32).reshape(n_small, width)
    return torch.from_numpy(matrix.astype(np.float64))


def smooth(grid, px):
    """Upsampled to the input and smoothed as the originals do."""
    up = F.interpolate(grid[None, None], size=(px, px), mode="bilinear", align_corners=False)
    return gaussian_filter(up[0, 0].numpy(), sigma=4)


def bare(cls, **attributes):
    """An anomalib model without its feature extractor, which would fetch weights."""
    model = cls.__new__(cls)
    nn.Module.__init__(model)
    for k, v in attributes.items():
        setattr(model, k, v)
    return model


class Coreset(KCenterGreedy):
    """anomalib's greedy choice with this program's projection and start."""

    def __init__(self, embedding, ratio, n_small):
        super().__init__(embedding, ratio)
        width = embedding.shape[1]
        matrix = projection(n_small, width) if 0 < n_small < width else torch.eye(width).double()
        self.model = type("M", (), {"fit": lambda *_: None,
                                    "transform": lambda _, x: x @ matrix.T})()

    def choose(self):
        n = self.n_observations
        start = torch.tensor([Stream(fnv(b"patchcore.start")).below(n)])
        with mock.patch("torch.randint", lambda **_: start):
            return self.select_coreset_idxs()


def patchcore(refs, queries, gold, key, ratio, n_small):
    model = bare(PatchcoreModel, layers=["layer2", "layer3"], num_neighbors=9)
    pool = nn.AvgPool2d(3, 1, 1)

    def embed(stages):
        f = {f"layer{i}": pool(stages[i - 1][None]) for i in (2, 3)}
        return model.reshape_embedding(model.generate_embedding(f))

    bank = torch.vstack([embed(s) for s, _ in refs])
    if ratio < 1:
        chosen = Coreset(bank, ratio, n_small).choose()
        gold[f"{key}/coreset"] = torch.tensor(chosen).double()
        bank = bank[chosen]
    model.register_buffer("memory_bank", bank)
    grids, scores, maps = [], [], []
    for stages, _ in queries:
        e = embed(stages)
        distance, where = model.nearest_neighbors(e, 1)
        score = model.compute_anomaly_score(distance.reshape(1, -1), where.reshape(1, -1), e)
        side = stages[1].shape[1]
        grids.append(distance.reshape(side, side))
        scores.append(float(score.squeeze()))
        maps.append(torch.from_numpy(smooth(grids[-1], PX)))
    store(gold, key, grids, scores, maps)


def padim(refs, queries, gold, key, n_dims, epsilon):
    total = sum(refs[0][0][i].shape[0] for i in range(3))
    model = bare(PadimModel, layers=["layer1", "layer2", "layer3"],
                 idx=torch.tensor(permutation(0, b"padim.dimensions", total)[:n_dims]))

    def embed(stages):
        return model.generate_embedding({f"layer{i + 1}": stages[i][None] for i in range(3)})

    gaussian = MultiVariateGaussian()
    e = torch.vstack([embed(s) for s, _ in refs])
    if len(refs) > 1:  # anomalib adds 0.01 and then 1e-5
        with mock.patch("torch.zeros", functools.partial(torch.zeros, dtype=torch.float64)):
            gaussian.fit(e)
        extra = epsilon - 0.01001
        inverse = gaussian.inv_covariance
        if extra != 0:
            inverse = torch.linalg.inv(torch.linalg.inv(inverse) + extra * torch.eye(n_dims))
        mean = gaussian.mean
    else:  # undefined there
        mean = e.reshape(n_dims, -1)
        inverse = torch.eye(n_dims).double().repeat(mean.shape[1], 1, 1) / epsilon
    grids, scores, maps = [], [], []
    for stages, _ in queries:
        grids.append(PadimMap.compute_distance(embed(stages), [mean, inverse])[0, 0])
        maps.append(torch.from_numpy(smooth(grids[-1], PX)))
        scores.append(float(maps[-1].max()))
    store(gold, key, grids, scores, maps)


def spade(refs, queries, gold, key, neighbours):
    k = min(neighbours, len(refs))
    pooled = NearestNeighbors(n_neighbors=k).fit(np.stack([p.numpy() for _, p in refs]))
    rows = lambda x: x.permute(1, 2, 0).reshape(-1, x.shape[0]).numpy()
    grids, scores, maps = [], [], []
    for stages, p in queries:
        distance, nearest = pooled.kneighbors(p.numpy()[None])
        scores.append(float(distance.mean()))
        levels, up = [], 0
        for i in range(3):
            gallery = np.concatenate([rows(refs[r][0][i]) for r in nearest[0]])
            d, _ = NearestNeighbors(n_neighbors=1).fit(gallery).kneighbors(rows(stages[i]))
            side = stages[i].shape[1]
            level = torch.from_numpy(d).reshape(1, 1, side, side)
            levels.append(level.reshape(-1))
            up = up + F.interpolate(level, size=(PX, PX), mode="bilinear", align_corners=False)
        grids.append(torch.cat(levels))
        maps.append(torch.from_numpy(gaussian_filter(up[0, 0].numpy() / 3, sigma=4)))
    store(gold, key, grids, scores, maps)


def store(gold, key, grids, scores, maps):
    gold[f"{key}/grid"] = torch.stack(grids)
    gold[f"{key}/score"] = torch.tensor(scores).double()
    gold[f"{key}/map"] = torch.stack(maps)[1]  # of query 1


PX = 60
PICTURES = [  # ../winclip/tiny_images.tsv
    (60, 60, 16, 4, 40, 50, 0, 0, None), (60, 60, 16, 4, 40, 51, 1, 0, None),
    (60, 60, 16, 4, 40, 52, 0, 1, None), (60, 60, 16, 4, 40, 53, 1, 1, None),
    (60, 60, 16, 4, 40, 60, 1, 1, None), (60, 60, 16, 4, 40, 61, 0, 0, (16, 24, 12, 12, 70)),
    (60, 60, 16, 4, 40, 62, 1, 0, (36, 8, 16, 8, 71)), (60, 60, 16, 4, 41, 63, 0, 0, None)]


def write_methods():
    gold = {}
    for name, make in TINY.items():
        net = make()
        features = [layers(net, normalise(picture(*p))) for p in PICTURES]
        refs, queries = features[:4], features[4:]
        for k in (1, 2, 4):
            at = f"{name}/k{k}"
            patchcore(refs[:k], queries, gold, f"{at}/patchcore_all", 1.0, 0)
            patchcore(refs[:k], queries, gold, f"{at}/patchcore_quarter", 0.25, 0)
            patchcore(refs[:k], queries, gold, f"{at}/patchcore_projected", 0.25, 8)
            padim(refs[:k], queries, gold, f"{at}/padim", 20, 0.01)
            padim(refs[:k], queries, gold, f"{at}/padim_anomalib", 30, 0.01001)
            spade(refs[:k], queries, gold, f"{at}/spade", 50)
            spade(refs[:k], queries, gold, f"{at}/spade_2", 2)
    save_file({k: np.ascontiguousarray(v.numpy().astype(np.float32)) for k, v in gold.items()},
              f"{HERE}/methods.safetensors")


if __name__ == "__main__":
    for module in (torch, torchvision, timm, anomalib, sklearn, scipy):
        print(module.__name__, module.__version__)
    write_backbones()
    write_methods()
