#!/usr/bin/env python3
"""Golden data of Trans-MM's relevance: torch's autograd in float64 on the small model of ../weights.

    pip install torch safetensors
    python3 make.py"""
import json
import os

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.numpy import load_file, save_file

HERE = os.path.dirname(os.path.abspath(__file__))
WEIGHTS = f"{HERE}/../weights"
TAU = 0.07


def fnv(data):
    h = 0xCBF29CE484222325
    for b in data:
        h = ((h ^ b) * 0x100000001B3) & ((1 << 64) - 1)
    return h


def uniform(key, n):
    """The generator of ../models/README.md, section 1: n doubles in [-1, 1)."""
    with np.errstate(over="ignore"):
        z = np.uint64(key) + np.arange(1, n + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    return ((z >> np.uint64(40)).astype(np.float64) - 2.0**23) / 2.0**23


def tower(w, cfg, pixels, quick):
    """The image embedding, the attention maps of each block, and the first block's input."""
    vision = cfg["vision_cfg"]
    d, p = vision["width"], vision["patch_size"]
    heads = d // vision["head_width"]
    x = F.conv2d(pixels[None], w["visual.conv1.weight"], stride=p)[0].reshape(d, -1).T
    x = torch.cat([w["visual.class_embedding"][None], x]) + w["visual.positional_embedding"]
    norm = lambda name, x: F.layer_norm(x, (d,), w[name + ".weight"], w[name + ".bias"])
    x = norm("visual.ln_pre", x).detach().requires_grad_()
    first, maps = x, []
    for i in range(vision["layers"]):
        b = f"visual.transformer.resblocks.{i}"
        qkv = norm(b + ".ln_1", x) @ w[b + ".attn.in_proj_weight"].T + w[b + ".attn.in_proj_bias"]
        q, k, v = (y.reshape(len(x), heads, -1).transpose(0, 1) for y in qkv.chunk(3, dim=1))
        a = (q @ k.transpose(1, 2) / np.sqrt(d // heads)).softmax(-1)
        maps.append(a)
        att = (a @ v).transpose(0, 1).reshape(len(x), d)
        x = x + att @ w[b + ".attn.out_proj.weight"].T + w[b + ".attn.out_proj.bias"]
        h = norm(b + ".ln_2", x) @ w[b + ".mlp.c_fc.weight"].T + w[b + ".mlp.c_fc.bias"]
        h = h * torch.sigmoid(1.702 * h) if quick else F.gelu(h)
        x = x + h @ w[b + ".mlp.c_proj.weight"].T + w[b + ".mlp.c_proj.bias"]
    return norm("visual.ln_post", x[0]) @ w["visual.proj"], maps, first


def relevance(maps, grads):
    r = torch.eye(maps[0].shape[-1]).double()
    for a, g in zip(maps, grads):
        r = r + (g * a).clamp(min=0).mean(0) @ r
    return r[0, 1:]


def main():
    print("torch", torch.__version__)
    cfg = json.load(open(f"{WEIGHTS}/model.json"))
    w = {k: torch.from_numpy(np.asarray(v, np.float64))
         for k, v in load_file(f"{WEIGHTS}/f32.safetensors").items() if v.dtype == np.float32}
    expected = load_file(f"{WEIGHTS}/expected.safetensors")
    images = torch.from_numpy(expected["images"].astype(np.float64))
    e = cfg["embed_dim"]
    proto = torch.from_numpy(uniform(fnv(b"transmm.prototype"), 2 * e).reshape(2, e))
    proto = (proto / proto.norm(dim=1, keepdim=True)).float().double()
    gold = {"prototype": proto}
    for quick, prefix in ((False, "gelu"), (True, "quickgelu")):
        known = expected["f32_quickgelu.image_embed" if quick else "f32.image_embed"]
        for i in range(2):
            f, maps, first = tower(w, cfg, images[i], quick)
            assert np.abs(f.detach().numpy() - known[i]).max() < 1e-5
            logit = (f / f.norm()) @ (proto[1] - proto[0]) / TAU
            grads = torch.autograd.grad(logit, maps + [first])
            gold[f"{prefix}/{i}/logit"] = logit.detach().reshape(1)
            gold[f"{prefix}/{i}/all"] = relevance([m.detach() for m in maps], grads[:-1])
            gold[f"{prefix}/{i}/last"] = relevance([maps[-1].detach()], grads[-2:-1])
            gold[f"{prefix}/{i}/gradient"] = grads[-1]
    save_file({k: np.ascontiguousarray(v.numpy().astype(np.float32)) for k, v in gold.items()},
              f"{HERE}/relevance.safetensors")


main()
