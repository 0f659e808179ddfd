#!/bin/sh
# The shared library from Python, with the standard library alone, and with numpy where there is one. What this proves
# of the library itself: its symbols, no MPI, no output, the same scores as from C.
. tests/lib.sh
shared=${WINCLIP%/*}/libwinclip.so.0

exported=$(nm -D --defined-only "$shared" | awk '$2 != "A" {print $3}' | sed 's/@.*//' | sort)
declared=$(grep -oE '\bwinclip_[a-z0-9_]+\(' include/winclip.h | tr -d '(' | sort -u)
is "it shows what the header declares, nothing else" "$exported" "$declared"
is "with a version each" "$(nm -D --defined-only "$shared" | awk '$2 == "T"' | grep -vc '@@WINCLIP_0')" 0
ok "it needs no MPI" sh -c "! readelf -d '$shared' | grep -i 'needed.*mpi'"
ok "it calls neither exit nor abort nor printf" sh -c "! nm -D --undefined-only '$shared' | grep -wE 'exit|abort|_exit|puts|printf'"
is "the archive's symbols are the library's" "$(nm -g --defined-only "${shared%/*}/libwinclip.a" 2>/dev/null | awk 'NF == 3 {print $3}' | sort)" "$exported"

if ! command -v python3 >/dev/null 2>&1; then
    skip "Python's ctypes" "no python3 here"
    done_testing
    exit
fi
if [ -n "$WC_ASAN" ]; then
    skip "Python's ctypes" "python3 is not built with AddressSanitizer"
    done_testing
    exit
fi
cat >"$tmp/user.py" <<'PY'
import ctypes as c, sys, threading

lib = c.CDLL(sys.argv[1])
sample = "tests/data/sample/"
for f in ("model_error", "scorer_error", "version", "scorer_preset"):
    getattr(lib, "winclip_" + f).restype = c.c_char_p
for f in ("bank_size", "model_grid"):
    getattr(lib, "winclip_" + f).restype = c.c_size_t
lib.winclip_score_rgb8.argtypes = [c.c_void_p] * 4 + [c.c_size_t] * 3 + [c.c_void_p] * 2 + [c.c_size_t] * 2


def settings(*texts):
    return (c.c_char_p * (len(texts) + 1))(*[t.encode() for t in texts], None)


model = c.c_void_p()
assert lib.winclip_model_open((sample + "model.safetensors").encode(), settings("model.bpe=" + sample + "bpe.txt.gz"),
                              c.byref(model)) == 0, lib.winclip_model_error(model)


def new_scorer():
    scorer, leather = c.c_void_p(), c.c_void_p()
    assert lib.winclip_scorer_new(model, settings("threads=1"), c.byref(scorer)) == 0, lib.winclip_scorer_error(scorer)
    assert lib.winclip_prototypes_new(scorer, b"leather", None, c.byref(leather)) == 0
    return scorer, leather


def score(scorer, leather, bank, rgb, width, height, side):
    value, grid = c.c_double(), (c.c_float * (side * side))()
    status = lib.winclip_score_rgb8(scorer, leather, bank, rgb, width, height, 3 * width, c.byref(value), grid, side, side)
    assert status == 0, lib.winclip_scorer_error(scorer)
    return value.value, list(grid)


def read(scorer, path):
    rgb, width, height = c.POINTER(c.c_ubyte)(), c.c_size_t(), c.c_size_t()
    assert lib.winclip_read_image(scorer, (sample + path).encode(), c.byref(rgb), c.byref(width), c.byref(height)) == 0
    pixels = c.string_at(rgb, 3 * width.value * height.value)
    lib.winclip_pixels_free(rgb)
    return pixels, width.value, height.value


scorer, leather = new_scorer()
rgb, width, height = read(scorer, "leather/test/contam/000.png")
zero, grid = score(scorer, leather, None, rgb, width, height, lib.winclip_model_grid(model))
print("zero %.9f" % zero)
print("grid", all(0 <= g <= 1 for g in grid) and max(grid) > min(grid))
bank = c.c_void_p()
assert lib.winclip_bank_new(scorer, c.byref(bank)) == 0
assert lib.winclip_bank_add_file(scorer, bank, (sample + "leather/train/good/000.png").encode()) == 0
print("one %.9f" % score(scorer, leather, bank, rgb, width, height, 15)[0])
found = []
threads = [threading.Thread(target=lambda: found.append(score(*new_scorer(), None, rgb, width, height, 15)[0])) for _ in range(3)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("threads", found == [zero] * 3)
bad = c.c_void_p()
print("error", lib.winclip_scorer_new(model, settings("winclip.tau=hot"), c.byref(bad)), b"tau" in lib.winclip_scorer_error(bad))
lib.winclip_scorer_free(bad)
try:
    import numpy as np
    a = np.frombuffer(rgb, np.uint8).reshape(height, width, 3)
    wide = np.zeros((height, width + 5, 3), np.uint8)
    wide[:, :width] = a
    v, m = c.c_double(), np.empty((height, width), np.float32)
    assert lib.winclip_score_rgb8(scorer, leather, None, wide.ctypes.data, width, height, wide.strides[0], c.byref(v),
                                  m.ctypes.data, width, height) == 0
    print("numpy", v.value == zero and m.min() >= 0)
except ImportError:
    print("numpy absent")
lib.winclip_bank_free(bank)
lib.winclip_prototypes_free(leather)
lib.winclip_scorer_free(scorer)
lib.winclip_model_free(model)
PY
near() { awk -v a="$1" -v b="$2" 'BEGIN { d = a - b; exit !(a != "" && b != "" && d < 1e-4 && d > -1e-4) }'; }
expected() { awk -F, -v k="$1" '$1=="leather" && $2=="test/contam/000.png" && $5=="paper" && $6==k {print $7}' tests/data/sample/expected_scores.csv; }
got() { sed -n "s/^$1 //p" "$out"; }
runs "Python's ctypes" 0 python3 "$tmp/user.py" "$shared"
ok "zero-shot is PyTorch's" near "$(got zero)" "$(expected 0)"
ok "one-shot too" near "$(got one)" "$(expected 1)"
is "the map as a grid" "$(got grid)" True
is "three threads, one model" "$(got threads)" True
is "errors come as texts" "$(got error)" "3 True"
is "the library prints nothing" "$(cat "$err")" ""
case $(got numpy) in
absent) skip "an image of numpy" "no numpy here" ;;
*) is "an image of numpy, with padded rows" "$(got numpy)" True ;;
esac
done_testing
