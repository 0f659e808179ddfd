"""The demo's photos in Python: the C generator of src/demo through ctypes, built here once."""
import ctypes, glob, hashlib, os, subprocess, tempfile
import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.abspath(os.path.join(HERE, '..', '..', '..'))
SIDE = 120
N = SIDE * SIDE
TRAIN, HELD_OUT = 0, 1
GOOD = 2**64 - 1
SOURCES = sorted(glob.glob(ROOT + '/src/demo/[!w]*.c')) + [ROOT + f'/src/base/{f}.c' for f in ('alloc', 'rng', 'err', 'fault', 'str')]
SOURCES = [f for f in SOURCES if os.path.basename(f) != 'dataset.c']


def source_hash():
    h = hashlib.sha256()
    for f in SOURCES + sorted(glob.glob(ROOT + '/src/demo/*.h')):
        h.update(open(f, 'rb').read())
    return h.hexdigest()


def build():
    out = os.path.join(tempfile.mkdtemp(prefix='wc-demo-'), 'photos.so')
    subprocess.check_call(['cc', '-O2', '-std=c11', '-D_POSIX_C_SOURCE=200809L', '-D_DEFAULT_SOURCE', '-ffp-contract=off', '-fopenmp', '-fPIC',
                           '-shared', '-I' + ROOT + '/src', *SOURCES, '-o', out, '-lm'])
    lib = ctypes.CDLL(out)
    z = ctypes.c_size_t
    for f in (lib.wc_demo_n_categories, lib.wc_demo_n_defects):
        f.restype = z
    for f in (lib.wc_demo_category, lib.wc_demo_defect):
        f.restype, f.argtypes = ctypes.c_char_p, [ctypes.c_int, z]
    lib.wc_demo_is_texture.restype, lib.wc_demo_is_texture.argtypes = ctypes.c_bool, [ctypes.c_int, z]
    lib.wc_demo_render.argtypes = [ctypes.c_int, z, ctypes.c_uint64, ctypes.c_uint64, z, ctypes.c_void_p, ctypes.c_void_p]
    return lib


LIB = build()


def names(split):
    n, d = LIB.wc_demo_n_categories(split), LIB.wc_demo_n_defects(split)
    return ([LIB.wc_demo_category(split, i).decode() for i in range(n)], [LIB.wc_demo_defect(split, i).decode() for i in range(d)])


def is_texture(split, i):
    return LIB.wc_demo_is_texture(split, i)


def render(split, category, product, photo, defect=GOOD):
    """rgb (120, 120, 3), mask and part (120, 120), uint8."""
    out = np.empty(5 * N, np.uint8)
    if LIB.wc_demo_render(split, category, product, photo, defect, out.ctypes.data, None):
        raise MemoryError
    return out[:3 * N].reshape(SIDE, SIDE, 3), out[3 * N:4 * N].reshape(SIDE, SIDE), out[4 * N:].reshape(SIDE, SIDE)
