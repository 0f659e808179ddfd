"""A checkpoint as the file that the program embeds: fp16 safetensors with its provenance.

    python export.py RUN/ema.pt ../../weights/demo.safetensors
"""
import json, sys
import torch
from safetensors.torch import save_file
import clip, photos

z = torch.load(sys.argv[1], map_location='cpu')
args = z['args']
command = 'train.py ' + ' '.join(f'--{k} {v}' for k, v in args.items() if k not in ('out', 'rank') and v != '')
meta = dict(format='pt', open_clip_config=json.dumps(dict(model_cfg=clip.CONFIG)), activation='gelu', bpe=f'builtin:{clip.MERGES}',
            license='MIT', description='tiny CLIP of the winclip-mpi demo; trained on procedural pictures only', command=command,
            seed=str(args['seed']), steps=str(z['step']), wall_seconds=str(round(z['spent'])), generator_sha256=z['generator'])
if len(sys.argv) > 3:
    meta['started_from'] = sys.argv[3]
sd = {k: v.half().contiguous() for k, v in z['ema'].items() if 'attn_mask' not in k}
save_file(sd, sys.argv[2], metadata=meta)
print(sys.argv[2], sum(v.numel() for v in sd.values()), 'parameters')
