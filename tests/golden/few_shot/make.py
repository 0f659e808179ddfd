#!/usr/bin/env python3
"""Golden data of the ImageNet backbones and the few-shot classics (README.md beside this file).

    pip install torch torchvision timm anomalib scikit-learn scipy safetensors
    python3 make.py

Everything runs in float64 on float32 weights and pixels and is rounded to float32. Weights and
pictures are those of ../models/README.md; a backbone's tensors are generated under the names
"visual.NAME"."""
import os

import numpy as np
import timm
import torch
import torchvision
from safetensors.numpy import save_file
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


if __name__ == "__main__":
    print("torch", torch.__version__, "torchvision", torchvision.__version__)
    write_backbones()
