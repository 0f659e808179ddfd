#!/bin/sh
# model info, convert and random, and features from every container: one model in many files.
# Uses $WINCLIP (the program) and $WC_TEST_TMP; runs from the repository root.
W=${WINCLIP:-build/winclip-mpi}
G=tests/golden/weights
T=${WC_TEST_TMP:-build/tmp}/t940
IMAGE=tests/data/sample/bottle/test/good/000.png
n=0
failed=0

ok() { # STATUS NAME
    n=$((n + 1))
    if [ "$1" -eq 0 ]; then
        echo "ok $n - $2"
    else
        echo "not ok $n - $2"
        failed=1
    fi
}

check() { # NAME COMMAND...: the command succeeds
    name=$1
    shift
    "$@" >"$T/out" 2>"$T/err"
    status=$?
    ok $status "$name"
    [ $status -eq 0 ] || sed 's/^/# /' "$T/err"
}

says() { # NAME PATTERN: in the output of the last check
    grep -q -- "$2" "$T/out"
    status=$?
    ok $status "$1"
    [ $status -eq 0 ] || sed 's/^/# /' "$T/out"
}

fails() { # NAME CODE PATTERN COMMAND...: exit code and a message
    name=$1
    code=$2
    pattern=$3
    shift 3
    "$@" >"$T/out" 2>"$T/err"
    status=$?
    [ $status -eq "$code" ] && grep -q -- "$pattern" "$T/err"
    good=$?
    ok $good "$name"
    [ $good -eq 0 ] || { echo "# exit $status"; sed 's/^/# /' "$T/err"; }
}

rm -rf "$T"
mkdir -p "$T" || exit 1

# info: every container
for row in f32.safetensors:safetensors:gelu f16.safetensors:safetensors:gelu \
    bf16.safetensors:safetensors:gelu bare_f16.pt:torch-zip:gelu \
    wrapped_module_f16.pt:torch-zip:gelu checkpoint_f16_v1000.pt:torch-zip:gelu \
    legacy_f16_v1000.pt:torch-legacy:gelu strided_f16_v1000.pt:torch-zip:gelu \
    parameters_f16_v1000.pt:torch-zip:gelu openai_torchscript.pt:torchscript:quickgelu \
    hf:safetensors:gelu hf_v1000:torch-zip:quickgelu hf_v1000_sharded:sharded:gelu; do
    file=${row%%:*}
    rest=${row#*:}
    check "info $file" "$W" model info --json "$G/$file"
    says "info $file: format" "\"format\": \"${rest%%:*}\""
    says "info $file: activation" "\"activation\": \"${rest#*:}\", \"activation_reason\": \"[^\"]"
    says "info $file: sizes and heads" '"image_px": 60, "patch_px": 4, "grid": 15, "width": 64, "layers": 2, "heads": 2, "mlp": 256, "embed": 32, "context": 77'
    says "info $file: logit scale" '"logit_scale": 4[.]'
    says "info $file: hash" '"sha256": "[0-9a-f]\{64\}"'
done
check "info as text" "$W" model info "$G/openai_torchscript.pt"
says "names the reason" "^activation    quickgelu (OpenAI's TorchScript archive)$"
says "names the types" '^tensors       [0-9]* F32 [0-9]* F16$'
check "info of undecided heads and activation" "$W" model info --json "$G/micro_f16.safetensors"
says "they are null" '"heads": null, .*"activation": null'
check "info with a configuration" "$W" model info --json "$G/micro_f16.safetensors" \
    --config "$G/model_micro.json"
says "has them" '"heads": 2, .*"activation": "gelu"'

# bad.tsv: every row, exit 4 and the fault word in brackets
tab=$(printf '\t')
tail -n +2 "$G/bad.tsv" >"$T/rows"
while IFS=$tab read -r file faults note reference; do
    set --
    case $file in bad/micro_*) set -- --config "$G/model_micro.json" ;; esac
    fails "$file: $faults" 4 "$file.*\[\($(echo "$faults" | sed 's/|/\\|/g')\)\]$" \
        "$W" model info "$G/$file" "$@"
done <"$T/rows"
[ ! -e winclip_pickle_was_executed ]
ok $? "nothing was executed"

# features: equal files for equal weights, whatever holds them
features() { # OUT MODEL [ARGS]
    out=$1
    model=$2
    shift 2
    check "features from $(basename "$model")" "$W" -q features "$IMAGE" --model "$model" \
        --threads 2 --raw --out "$T/$out" "$@"
}
same() { # FILE FILE NAME
    cmp -s "$T/$1" "$T/$2"
    ok $? "$3"
}
text="--text photo --text flawless"
features f16.st "$G/f16.safetensors" $text
for file in bare_f16.pt wrapped_module_f16.pt hf; do
    features x.st "$G/$file" $text
    same f16.st x.st "$file: the features of f16.safetensors"
done
features image.st "$G/f16.safetensors"
for file in checkpoint_f16_v1000.pt legacy_f16_v1000.pt strided_f16_v1000.pt \
    parameters_f16_v1000.pt hf_v1000_sharded hf_v1000_sharded/model.safetensors.index.json; do
    features x.st "$G/$file"
    same image.st x.st "$file: the image features of f16.safetensors"
done
features quick.st "$G/f16.safetensors" --config "$G/model_quickgelu.json"
features x.st "$G/hf_v1000"
same quick.st x.st "hf_v1000: those of QuickGELU"
! cmp -s "$T/quick.st" "$T/image.st"
ok $? "which are others than GELU's"
fails "a smaller vocabulary than the tokenizer's" 3 'model.bpe' \
    "$W" features --text photo --model "$G/legacy_f16_v1000.pt" --out "$T/x.st"

# convert
check "convert to f16" "$W" model convert "$G/f32.safetensors" --dtype f16 --out "$T/c16.safetensors"
features x.st "$T/c16.safetensors" $text
same f16.st x.st "converted to f16: the features of f16.safetensors"
check "convert a folder" "$W" model convert "$G/hf" --out "$T/hf.safetensors"
features x.st "$T/hf.safetensors" $text
same f16.st x.st "hf converted: the features of f16.safetensors"
check "info of the result" "$W" model info --json "$T/hf.safetensors"
says "keeps the type" '"dtypes": {"F16": [0-9]*}'
says "knows its activation by itself" '"activation": "gelu", "activation_reason": "the file.s metadata"'
check "convert back to f32" "$W" model convert "$T/hf.safetensors" --dtype f32 --out "$T/w.safetensors"
features x.st "$T/w.safetensors" $text
same f16.st x.st "f16 widened: the features of f16.safetensors"
fails "an unknown type" 2 'f16, bf16 or f32' "$W" model convert "$G/hf" --dtype f8 --out "$T/x.st"
fails "no --out" 2 'out FILE' "$W" model convert "$G/hf"
fails "a damaged file" 4 'non-finite' "$W" model convert "$G/bad/micro_nan.safetensors" \
    --config "$G/model_micro.json" --out "$T/bad.safetensors"
[ ! -e "$T/bad.safetensors" ]
ok $? "leaves nothing behind"

# random
check "random from a configuration" "$W" model random "$G/model_micro.json" --out "$T/r.safetensors"
check "its info" "$W" model info --json "$T/r.safetensors"
says "has the configuration's sizes" '"image_px": 30, .*"width": 8, .*"heads": 2, .*"vocab": 64'

echo "1..$n"
exit $failed
