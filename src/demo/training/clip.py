"""open_clip's CLIP in the demo's sizes, WinCLIP's window passes with its weights, and the tokenizer."""
import gzip, os, tempfile
import torch, torch.nn.functional as F
from open_clip.model import CLIP
from open_clip.tokenizer import SimpleTokenizer
import photos

MERGES = 3000
CONFIG = dict(embed_dim=128, vision_cfg=dict(image_size=120, patch_size=8, width=128, layers=5, head_width=64, mlp_ratio=4.0),
              text_cfg=dict(context_length=77, vocab_size=512 + MERGES + 2, width=128, heads=2, layers=3))
MEAN = torch.tensor([0.48145466, 0.4578275, 0.40821073]).view(1, 3, 1, 1)
STD = torch.tensor([0.26862954, 0.26130258, 0.27577711]).view(1, 3, 1, 1)
TAU = .07
GRID = 15


def build():
    return CLIP(**CONFIG)


def tokenizer():
    lines = gzip.open(photos.ROOT + '/prompts/bpe_simple_vocab_16e6.txt.gz').read().decode('utf-8').split('\n')[:MERGES + 1]
    path = os.path.join(tempfile.mkdtemp(prefix='wc-demo-'), 'bpe.txt.gz')
    with gzip.open(path, 'wb') as f:
        f.write('\n'.join(lines).encode('utf-8'))
    return SimpleTokenizer(bpe_path=path, context_length=77)


def windows(k, g=GRID):
    i = torch.arange(g * g).view(g, g)
    return torch.stack([i[a:a + k, b:b + k].reshape(-1) for a in range(g - k + 1) for b in range(g - k + 1)])


WINDOWS = {k: windows(k) for k in (2, 3)}


def block(b, x, heads, causal=False, first_only=False):
    n, l, d = x.shape
    y = F.layer_norm(x, (d,), b.ln_1.weight, b.ln_1.bias)
    q, k, v = F.linear(y, b.attn.in_proj_weight, b.attn.in_proj_bias).view(n, l, 3, heads, d // heads).permute(2, 0, 3, 1, 4)
    if first_only:
        x, q, l = x[:, :1], q[:, :, :1], 1
    if k.shape[2] <= 16 and not causal:
        y = ((q * (d // heads) ** -.5) @ k.transpose(-1, -2)).softmax(-1) @ v
    else:
        y = F.scaled_dot_product_attention(q, k, v, is_causal=causal)
    x = x + F.linear(y.transpose(1, 2).reshape(n, l, d), b.attn.out_proj.weight, b.attn.out_proj.bias)
    y = F.layer_norm(x, (d,), b.ln_2.weight, b.ln_2.bias)
    return x + F.linear(F.gelu(F.linear(y, b.mlp.c_fc.weight, b.mlp.c_fc.bias)), b.mlp.c_proj.weight, b.mlp.c_proj.bias)


def tokens(v, x):
    """Patch tokens with their positions (B, 225, width), and the class token."""
    b, c, h, w = x.shape
    p = v.conv1.kernel_size[0]
    t = x.view(b, c, h // p, p, w // p, p).permute(0, 2, 4, 1, 3, 5).reshape(b, -1, c * p * p)
    return F.linear(t, v.conv1.weight.flatten(1)) + v.positional_embedding[1:], v.class_embedding + v.positional_embedding[0]


@torch.autocast('cpu', torch.bfloat16)
def run_fast(v, t, c, taps=None, first_only=False):
    return run(v, t, c, taps, first_only).float()


def run(v, t, c, taps=None, first_only=False):
    """All blocks over [class token, t]; `taps` receives the patch tokens after each block. first_only: the class token alone."""
    x = torch.cat([c.expand(len(t), 1, -1), t], 1)
    x = v.ln_pre(x)
    blocks = v.transformer.resblocks
    for i, b in enumerate(blocks):
        x = block(b, x, blocks[0].attn.num_heads, first_only=first_only and i == len(blocks) - 1)
        if taps is not None:
            taps.append(x[:, 1:])
    return x


def embed(v, x):
    return v.ln_post(x) @ v.proj


def gather(t, index):
    """t (B, P, d), index (B, n, k) -> (B n, k, d)"""
    b, n, k = index.shape
    return t.gather(1, index.reshape(b, n * k, 1).expand(-1, -1, t.shape[-1])).view(b * n, k, -1)


def encode_text(m, tok, prompts):
    rows = [[tok.sot_token_id] + tok.encode(s)[:75] + [tok.eot_token_id] for s in prompts]
    length = max(map(len, rows))
    ids = torch.zeros(len(rows), length, dtype=torch.long)
    for i, r in enumerate(rows):
        ids[i, :len(r)] = torch.tensor(r)
    x = m.token_embedding(ids) + m.positional_embedding[:length]
    for b in m.transformer.resblocks:
        x = block(b, x, m.transformer.resblocks[0].attn.num_heads, causal=True)
    return m.ln_final(x)[torch.arange(len(ids)), ids.argmax(1)] @ m.text_projection
