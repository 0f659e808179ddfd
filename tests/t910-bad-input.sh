#!/bin/sh
# Whatever is wrong with configuration, data, weights or command line: a message that names the object and the cure, and
# the right exit code; never a hang, a crash, or text of MPI.
. tests/lib.sh

ok "small data set" mini "$tmp/data"
mini_config data >"$tmp/good.yaml"
n_case=0

# bad NAME CODE PATTERN ARGUMENTS...: one run on one rank that must fail; the last line on stderr is its message.
bad() {
    bad_name=$1 bad_code=$2 bad_pattern=$3
    shift 3
    runs "$bad_name" "$bad_code" program "$@" || return
    tail -n 1 "$err" >"$tmp/.last"
    says "$bad_name: the message" "^winclip-mpi: .*($bad_pattern)" "$tmp/.last"
    silent_mpi "$bad_name: no noise of MPI"
}

# config NAME CODE PATTERN LINE...: a good configuration with further lines.
config() {
    config_name=$1 config_code=$2 config_pattern=$3
    shift 3
    mini_config data "$@" >"$tmp/bad.yaml"
    bad "$config_name" "$config_code" "$config_pattern" "$tmp/bad.yaml" --set output="$tmp/run"
}

# data NAME CODE PATTERN COMMAND...: a run on a copy of the data set that the command, in the copy, has spoilt. The copy
# of case n is $tmp/case/n.
data() {
    data_name=$1 data_code=$2 data_pattern=$3
    shift 3
    n_case=$((n_case + 1))
    mkdir -p "$tmp/case" && cp -R "$tmp/data" "$tmp/case/$n_case"
    (cd "$tmp/case/$n_case" && "$@") </dev/null >/dev/null || result 1 "$data_name: could not be set up"
    bad "$data_name" "$data_code" "$data_pattern" "$tmp/good.yaml" --set dataset.root="$tmp/case/$n_case" \
        --set output="$tmp/case/run$n_case"
}

runs "the good configuration" 0 program "$tmp/good.yaml" --set output="$tmp/run"

# The command line.
bad "unknown command" 2 '"rnu".*did you mean run' rnu "$tmp/good.yaml"
bad "unknown option" 2 'unknown option --frehs.*--fresh' "$tmp/good.yaml" --frehs
bad "no configuration" 2 'one configuration file is needed' run
bad "two configurations" 2 'one configuration file is needed, 2 given' run "$tmp/good.yaml" "$tmp/good.yaml"
bad "--set without a value" 2 'needs a value' "$tmp/good.yaml" --set
bad "--set without =" 3 'threads.*KEY=VALUE|key.*=' "$tmp/good.yaml" --set threads
bad "--set of an unknown key" 3 'key "modle.arch": unknown.*model.arch' "$tmp/good.yaml" --set modle.arch=auto
runs "nothing at all" 2 program
runs "--help" 0 program --help
says "--help: names the commands" '^ +tokenize ' "$out"
says "--help: names the limits" '^ +pictures: 1e9 pixels' "$out"
says "--help: names the limit of each format" '^ +safetensors: a header of 100 MB' "$out"
runs "run --help" 0 program run --help
says "run --help: names the keys" 'evaluation.fpr_limit' "$out"
runs "--version" 0 program --version
says "--version: the number" '^winclip-mpi [0-9]+\.[0-9]+' "$out"

# The configuration.
config "unknown key" 3 'bad.yaml:3:11: key "winclip.tua": unknown; did you mean "winclip.tau"' 'winclip: {tua: 1}'
config "wrong type" 3 'bad.yaml:3:8: key "shots": found "many", expected a whole number' 'shots: many'
config "duplicate key" 3 'key "model": given twice' 'model: {arch: auto}'
config "YAML that is none" 3 'bad.yaml:.*(missing|expected)' 'shots: [1'
config "unknown preset" 3 'preset.*papr.*did you mean "?paper' 'preset: papr'
config "unknown method" 3 'method "wincip": unknown; did you mean winclip' 'method: wincip'
config "unknown backend" 3 'gemm.*mkl.*openblas' 'gemm: mkl'
config "missing prompt set" 3 'nope.yaml: no such file' 'prompts: nope.yaml'
config "more shots than images" 4 'category bottle: 9-shot needs 9.*has 2; lower `shots`' 'shots: [9]'
config "windows beyond the grid" 3 'side 16.*15x15' 'winclip: {windows: [16]}'
config "limit above 1" 3 'evaluation.fpr_limit.*found "1.5"' 'evaluation: {fpr_limit: 1.5}'
bad "missing configuration" 3 'nope.yaml: no such file' "$tmp/nope.yaml"
mkdir "$tmp/folder.yaml"
bad "a folder for a configuration" 3 'folder.yaml: .*(directory|folder|regular)' "$tmp/folder.yaml"
: >"$tmp/empty.yaml"
bad "empty configuration" 3 'empty.yaml.*key "dataset(.name)?".*(missing|needed|required)' "$tmp/empty.yaml"
head -c 3000 tests/data/sample/bpe.txt.gz >"$tmp/binary.yaml"
bad "binary configuration" 3 'binary.yaml' "$tmp/binary.yaml"
echo 'dataset: {name: mvtec, root: "${WC_TEST_UNSET}"}' >"$tmp/unset.yaml"
bad "unset environment variable" 3 'unset.yaml:1:.*dataset.root.*WC_TEST_UNSET.*(set|export)' "$tmp/unset.yaml"
bad "unknown layout" 3 'mvtek.*did you mean "?mvtec' "$tmp/good.yaml" --set dataset.name=mvtek

# The run's folder.
bad "folder of another configuration" 3 \
    'identity.yaml belongs to another run: preset: .*paper.* -> .*accurate.*--fresh' \
    "$tmp/good.yaml" --set output="$tmp/run" --set preset=accurate
runs "folder of another configuration, --fresh" 0 program "$tmp/good.yaml" --set output="$tmp/run" \
    --set preset=accurate --fresh
bad "a file where the run's folder should be" 5 'good.yaml' "$tmp/good.yaml" --set output="$tmp/good.yaml/run"

# Data sets.
bad "missing data set" 4 '/nowhere.*no such' "$tmp/good.yaml" --set dataset.root=/nowhere --set output="$tmp/o"
bad "a file for a data set" 4 'good.yaml' "$tmp/good.yaml" --set dataset.root="$tmp/good.yaml" --set output="$tmp/o"
bad "unknown category" 4 'botle.*bottle' "$tmp/good.yaml" --set 'dataset.categories=[botle]' --set output="$tmp/o"
data "no category" 4 'case/[0-9]+.*(no categor|nothing|empty)' rm -r bottle leather
data "a category without test images" 4 '"bottle".*(no |without )' rm -r bottle/test/good bottle/test/spot \
    bottle/ground_truth/spot
data "an empty category" 4 '"bottle"' rm -r bottle/test bottle/train bottle/ground_truth
data "unmatched mask" 4 'masks? without an image .*ground_truth/spot/009_mask.png.*' \
    cp bottle/ground_truth/spot/000_mask.png bottle/ground_truth/spot/009_mask.png
data "missing mask" 4 'test/spot/001.png.*mask' rm bottle/ground_truth/spot/001_mask.png
data "a mask twice" 4 'spot' cp bottle/ground_truth/spot/000_mask.png bottle/ground_truth/spot/000.png

fifo_file() { rm "$1" && mkfifo "$1"; }
folder_file() { rm "$1" && mkdir "$1"; }
data "a FIFO for an image" 4 'bottle/test/good/000.png: not a regular file' fifo_file bottle/test/good/000.png
data "a FIFO for a mask" 4 'spot/000_mask.png: not a regular file' fifo_file bottle/ground_truth/spot/000_mask.png
data "a folder for an image" 4 'bottle/test/good/000.png' folder_file bottle/test/good/000.png

# Images that fail alone: the run goes on, the report counts and names them.
fails_alone() { # NAME PATTERN FILE COMMAND...
    alone_name=$1 alone_pattern=$2 alone_file=$3
    shift 3
    data "$alone_name" 4 '1 of 10 images failed.*on_bad_image: skip' "$@"
    run=$tmp/case/run$n_case
    says "$alone_name: the log says so at once" "WARN .*$alone_pattern"
    says "$alone_name: the report counts it" '10 images, 1 failed' "$out"
    says "$alone_name: the report names it" "FAILED bottle/$alone_file: .*$alone_pattern" "$run/report.txt"
    is "$alone_name: the others have their scores" "$(grep -c ',winclip,paper,0,0,' "$run/scores.csv")" 9
    runs "$alone_name: skipped on request" 0 program "$tmp/good.yaml" --set dataset.root="$tmp/case/$n_case" \
        --set output="$run" --set on_bad_image=skip
    says "$alone_name: skipped, but named" "FAILED bottle/$alone_file" "$out"
}
empty_file() { : >"$1"; }
half_file() { head -c 2000 "$1" >half && mv half "$1"; }
noise_file() { head -c 5000 "$WINCLIP" >"$1"; }
other_size() { # a mask of another size than its image
    "$WINCLIP" image "$1" "$1.png" --size 60 && mv "$1.png" "$1"
}
fails_alone "empty image" 'empty' test/good/000.png empty_file bottle/test/good/000.png
fails_alone "truncated image" 'truncated' test/spot/001.png half_file bottle/test/spot/001.png
fails_alone "an image that is none" 'no picture' test/good/001.png noise_file bottle/test/good/001.png
half_mask() { head -c 100 "$1" >half && mv half "$1"; }
fails_alone "a mask of another size" 'mask is 60x60, its image .* is 120x120' test/spot/002.png \
    other_size bottle/ground_truth/spot/002_mask.png
fails_alone "a truncated mask" 'truncated' test/spot/000.png half_mask bottle/ground_truth/spot/000_mask.png
if [ "$(id -u)" -eq 0 ]; then
    skip "an image that may not be read" "root may read all"
else
    fails_alone "an image that may not be read" 'ermission' test/good/000.png chmod 000 bottle/test/good/000.png
fi
mkdir -p "$tmp/case/all" && cp -R "$tmp/data/bottle" "$tmp/case/all/"
for f in "$tmp"/case/all/bottle/test/*/*.png; do : >"$f"; done
runs "all images bad" 4 program "$tmp/good.yaml" --set dataset.root="$tmp/case/all" --set output="$tmp/case/runall"
says "all images bad: no metric" 'bottle +n/a +n/a' "$out"
ok "all images bad: n/a in report.csv" grep -q ',auroc,n/a,0$' "$tmp/case/runall/report.csv"

# A bad image on two ranks: the same report.
cp -R "$tmp/data" "$tmp/case/two" && : >"$tmp/case/two/leather/test/good/000.png"
runs "a bad image, 1 rank" 4 ranks 1 "$tmp/good.yaml" --set dataset.root="$tmp/case/two" --set output="$tmp/case/two1"
runs "a bad image, 2 ranks" 4 ranks 2 "$tmp/good.yaml" --set dataset.root="$tmp/case/two" --set output="$tmp/case/two2"
ok "a bad image, 2 ranks: the same bytes" same_files "$tmp/case/two1" "$tmp/case/two2" $reports
runs "an error before the first image, 3 ranks" 3 ranks 3 "$tmp/good.yaml" --set preset=papr
is "an error before the first image, 3 ranks: told once" "$(grep -c '^winclip-mpi: ' "$err")" 1
runs "bad weights, 3 ranks" 4 ranks 3 "$tmp/good.yaml" --set model.weights="$tmp/good.yaml" --set output="$tmp/o"
is "bad weights, 3 ranks: told once" "$(grep -c '^winclip-mpi: ' "$err")" 1

# Weights.
weights() { # NAME CODE PATTERN FILE SET...
    weights_name=$1 weights_code=$2 weights_pattern=$3 weights_file=$4
    shift 4
    bad "$weights_name" "$weights_code" "$weights_pattern" "$tmp/good.yaml" --set model.weights="$weights_file" \
        --set output="$tmp/w" "$@"
}
model=$root/tests/data/sample/model.safetensors
head -c 100000 "$model" >"$tmp/cut.safetensors"
mkfifo "$tmp/fifo.safetensors"
weights "missing weights" 4 'nope.safetensors.*no such file' "$tmp/nope.safetensors"
weights "weights that are none" 4 'good.yaml.*unknown-format' "$tmp/good.yaml"
weights "truncated weights" 4 'cut.safetensors.*(truncated|size-mismatch|bad-offsets)' "$tmp/cut.safetensors"
weights "a FIFO for weights" 4 'fifo.safetensors.*not-a-file' "$tmp/fifo.safetensors"
weights "a Git LFS pointer" 4 'git_lfs_pointer.safetensors.*git lfs pull' \
    "$root/tests/golden/weights/bad/git_lfs_pointer.safetensors"
weights "weights of another kind" 4 'st_other_model.safetensors.*missing-tensor' \
    "$root/tests/golden/weights/bad/st_other_model.safetensors"
weights "another architecture than configured" 4 \
    'model.safetensors: tensor ".*": shape .*, ViT-B-16-plus-240 needs .*another model' "$model" \
    --set model.arch=ViT-B-16-plus-240
weights "unknown architecture" 3 'model.arch "ViT-B-17": unknown; did you mean ViT-B-' "$model" --set model.arch=ViT-B-17
weights "unknown random architecture" 3 'unknown architecture "ViT-B16"; did you mean ViT-B-16' random:ViT-B16
bad "model random of an unknown architecture" 2 '"RN51" is no architecture.*did you mean RN5' model random RN51 --out "$tmp/q"
weights "a tokenizer of another model" 3 'tokenizer has 49408 tokens.*3514.*model.bpe' "$model" --set model.bpe="$root/prompts/bpe_simple_vocab_16e6.txt.gz"
weights "missing merges" 4 'nope.txt.*no such file' "$model" --set model.bpe="$tmp/nope.txt"

# One rank in a Slurm job of several tasks.
mv "$tmp/run" "$tmp/slurm"
runs "a Slurm job in which MPI sees one rank" 3 env SLURM_NTASKS=4 SLURM_JOB_ID=1 "$WINCLIP" "$tmp/good.yaml" \
    --set output="$tmp/single"
says "a Slurm job in which MPI sees one rank: why, and what to do" \
    'Slurm has 4 tasks, but MPI sees one rank.*--mpi=pmix.*allow_singleton=true'
runs "the same, allowed" 0 env SLURM_NTASKS=4 SLURM_JOB_ID=1 "$WINCLIP" "$tmp/good.yaml" --set output="$tmp/single" \
    --set allow_singleton=true
runs "a Slurm job of one task" 0 env SLURM_NTASKS=1 SLURM_JOB_ID=1 "$WINCLIP" "$tmp/good.yaml" \
    --set output="$tmp/single"

done_testing
