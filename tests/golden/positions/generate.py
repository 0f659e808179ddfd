"""Position embeddings resampled as PyTorch's bicubic interpolation with antialias does, by Pillow.

Pillow resamples float pictures ("F") by the same formula (a = -1/2, support widened by the ratio when
shrinking), one channel at a time. Needs numpy, Pillow and safetensors; writes expected.safetensors.
Input: element i of a (1 + g * g, d) array is sin(0.7 i) + i % 5 / 4, in float32.
"""
import numpy as np
import PIL
from PIL import Image
from safetensors.numpy import save_file

D = 3
out = {}
for g_in, g_out in [(4, 6), (15, 20), (15, 9), (7, 7), (3, 1), (14, 24)]:
    i = np.arange((1 + g_in * g_in) * D, dtype=np.float64)
    x = (np.sin(0.7 * i) + i % 5 / 4).astype(np.float32).reshape(-1, D)
    rows = [x[:1]]
    planes = []
    for c in range(D):
        picture = Image.fromarray(np.ascontiguousarray(x[1:, c].reshape(g_in, g_in)), mode="F")
        planes.append(np.asarray(picture.resize((g_out, g_out), Image.BICUBIC)).reshape(-1))
    rows.append(np.stack(planes, axis=1).astype(np.float32))
    out[f"{g_in}.{g_out}"] = np.ascontiguousarray(np.concatenate(rows))
save_file(out, "expected.safetensors", metadata={"numpy": np.__version__, "pillow": PIL.__version__})
