#!/bin/sh
# Numbers that are none, vanish or are all the same: named with file, layer and picture, or carried through exactly;
# never averaged in.
. tests/lib.sh

ok "small data set" mini "$tmp/data"
rm -r "$tmp/data/leather"
mini_config data 'shots: [0, 1]' 'references: first' 'features: keep' >"$tmp/run.yaml"
model=$root/tests/data/sample/model.safetensors
runs "undisturbed" 0 program "$tmp/run.yaml" --set output="$tmp/whole"

# with TENSOR FACTOR CODE: the run with a model whose tensor is multiplied.
with() {
    spoilt=$tmp/$(echo "$1-$2" | tr -c 'a-z0-9\n-' _).safetensors
    ok "$1 times $2" "$GOLDEN_TOOL" scaled "$model" "$1" "$2" "$spoilt"
    runs "$1 times $2" "$3" program "$tmp/run.yaml" --set model.weights="$spoilt" --set output="$tmp/run" --fresh
}

# In the file.
with visual.transformer.resblocks.0.mlp.c_fc.weight 1e300 4
says "infinity in the file: file and tensor" "$spoilt: tensor \"visual.transformer.resblocks.0.mlp.c_fc.weight\".*element"

# In a layer's output, of a picture.
layer() { # TENSOR FACTOR PATTERN
    with "$1" "$2" 4
    says "$1: the layer and the reference picture" \
        "bottle/train/good/000.png: NaN or infinity from $3 .*of $spoilt.*non-finite"
    runs "$1, zero-shot" 4 program "$tmp/run.yaml" --set 'shots=[0]' --set model.weights="$spoilt" \
        --set output="$tmp/run" --fresh
    is "$1: the layer and each picture" \
        "$(grep -Ec "WARN .*bottle/test/[a-z]*/00[0-9].png: NaN or infinity from $3 .*non-finite" "$err")" 5
    says "$1: the report names them" "FAILED bottle/test/good/000.png: .*$3" "$tmp/run/report.txt"
    ok "$1: no metric" grep -q ',auroc,n/a,0$' "$tmp/run/report.csv"
}
layer visual.transformer.resblocks.0.ln_2.weight 2e38 'block 0'
layer visual.transformer.resblocks.3.ln_2.weight 2e38 'block 3'
layer visual.ln_post.weight 2e38 'the projection'
# A variance beyond float once turned such rows into constants, and the run went on with scores that were all equal; the
# scalar kernels compute it in double.
case $(WC_ISA=auto program check "$tmp/run.yaml" 2>&1) in
*avx*) layer visual.conv1.weight 1e37 'the patch embedding' ;;
*) skip "a variance beyond float" "no vector kernels here" ;;
esac

# In the text tower.
with transformer.resblocks.0.mlp.c_proj.weight 1e37 4
says "the text tower: named" "$spoilt: text embeddings are not finite"

# Denormals: directions stay, since lengths are computed in double.
with visual.proj 1e-36 0
ok "features of length 1e-36: the same scores" near_csv "category image shot" score 1e-4 "$tmp/whole/scores.csv" \
    "$tmp/run/scores.csv"
with visual.proj 1e-44 0
ok "features that are denormals of few bits: numbers" awk -F, 'NR > 1 && $9 !~ /^[0-9.e-]+$/ { exit 1 }' \
    "$tmp/run/scores.csv"

# All features 0: no direction, all scores equal.
with visual.proj 0 0
is "all scores equal: one value" "$(awk -F, 'NR > 1 && $8 == 0 && $7 == 0 { print $9 }' "$tmp/run/scores.csv" | sort -u | wc -l)" 1
ok "all scores equal: AUROC 1/2" grep -q ',0,0,auroc,0.5,' "$tmp/run/report.csv"
ok "all scores equal: pixel AUROC 1/2" grep -q ',0,0,pixel_auroc,0.5,' "$tmp/run/report.csv"

# One class.
only() { # CLASS
    cp -R "$tmp/data" "$tmp/$1" && mv "$tmp/$1/bottle/test/$1" "$tmp/$1/kept" && rm -r "$tmp/$1"/bottle/test/* &&
        mv "$tmp/$1/kept" "$tmp/$1/bottle/test/$1"
}
ok "a category of good pictures" only good
rm -r "$tmp/good/bottle/ground_truth"
runs "good pictures alone" 0 program "$tmp/run.yaml" --set dataset.root="$tmp/good" --set output="$tmp/run" --fresh
ok "good pictures alone: AUROC undefined" grep -q 'bottle,.*,auroc,n/a,2$' "$tmp/run/report.csv"
ok "good pictures alone: no number is made up" sh -c "! grep -E ',(auroc|ap|f1max|pixel_auroc),[0-9]' '$tmp/run/report.csv'"
ok "a category of anomalous pictures" only spot
runs "anomalous pictures alone" 0 program "$tmp/run.yaml" --set dataset.root="$tmp/spot" --set output="$tmp/run" --fresh
ok "anomalous pictures alone: AUROC undefined" grep -q 'bottle,.*,auroc,n/a,3$' "$tmp/run/report.csv"
ok "anomalous pictures alone: pixel metrics defined" grep -Eq 'bottle,.*,pixel_auroc,[01]' "$tmp/run/report.csv"
done_testing
