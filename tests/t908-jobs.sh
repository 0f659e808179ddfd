#!/bin/sh
# jobs/: each study and configuration is read as it stands, and the full benchmark runs whole on a small data set with
# small networks in the places of the real ones.
. tests/lib.sh

data=$tmp/data/bottle
ok "small data set" mini "$tmp/data"
rm -rf "$tmp/data/leather"
i=2
for f in tests/data/sample/bottle/test/good/*.png; do # eight references need as many pictures
    cp "$f" "$data/train/good/00$i.png"
    i=$((i + 1))
done
rm "$data/test/good/001.png" "$data/test/spot/002.png" "$data/ground_truth/spot/002_mask.png"
cat >"$tmp/tiny.json" <<'JSON'
{"embed_dim": 32, "quick_gelu": false,
 "vision_cfg": {"image_size": 60, "layers": 3, "width": 64, "head_width": 32, "patch_size": 4},
 "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2}}
JSON
runs "a small model" 0 program model random "$tmp/tiny.json" --out "$tmp/tiny.safetensors"

tiny=$tmp/tiny.safetensors
export BENCHMARK=mvtec BENCHMARK_ROOT="$tmp/data" MVTEC_ROOT="$tmp/data" VISA_ROOT="$tmp/data" \
    WINCLIP_WEIGHTS="$tiny" WIDE_RESNET_WEIGHTS=random:resnet18 VIT_B_16="$tiny" VIT_L_14="$tiny" RN50="$tiny" \
    RN101="$tiny" RN50X4="$tiny" RN50X16="$tiny"
small='--set evaluation.tolerance=1e-2 --set evaluation.size=60 --set model.arch=auto --set backbone.arch=auto --set threads=1'

for f in full_benchmark backbones ablations few_shot presets; do
    # The layout visa is not there; that all is read before anything is listed is enough.
    only=
    [ $f = few_shot ] || [ $f = presets ] && only='--only mvtec'
    [ $f = ablations ] && only='--only table[3568]'
    [ $f = full_benchmark ] && only='--only main'
    runs "$f --dry-run" 0 program -q run jobs/$f.yaml $small $only --set output="$tmp/dry/$f" --dry-run
    says "$f --dry-run: a sum" '^all +[0-9]+ +[0-9]+ ' "$out"
done

runs "full_benchmark" 0 program run jobs/full_benchmark.yaml $small --set output="$tmp/full"
is "full_benchmark: its runs" "$(cd "$tmp/full" && echo */report.txt | sed 's|/report.txt||g')" \
    "backbones-RN101 backbones-RN50 backbones-RN50x16 backbones-RN50x4 backbones-ViT-B-16 backbones-ViT-L-14 main tiling"
awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) col[$i] = i; next }
    { print $(col["method"]) "/" $(col["preset"]) "/" $(col["shot"]) }' "$tmp/full/main/scores.csv" | sort -u >"$tmp/found"
{
    for p in paper accurate anomalib caoyunkang; do
        for k in 0 1 2 4 8; do echo "winclip/$p/$k"; done
    done
    for k in 1 2 4; do
        for m in spade padim patchcore; do echo "$m/resnet18/$k"; done
        for m in hidden last; do echo "patchcore_vit_$m/clip/$k"; done
    done
    for v in one_class two_class imagenet80 states prompts multi_crop; do echo "clip_ac/$v/0"; done
    printf '%s\n' transmm/all_blocks/0 transmm/last_block/0 maskclip/residual_mlp/0 maskclip/value_only/0 \
        patch_token/ln_post/0 patch_token/plain/0
    for v in reference text mp mp-mm; do
        for k in 1 2 4 8; do echo "winclip/paper+$v/$k"; done
    done
    for v in specific without-image-scale without-mid-scale without-small-scale without-harmonic-windows \
        without-harmonic; do echo "winclip/paper+$v/0"; done
} | sort -u >"$tmp/wanted"
ok "full_benchmark: every row of the tables" cmp "$tmp/wanted" "$tmp/found" || diff "$tmp/wanted" "$tmp/found" | note
says "full_benchmark: image tiling" '^mvtec,bottle,tiling|,tiling,' "$tmp/full/tiling/report.csv"
# 3 pictures: one pass each of `main` and of six more runs (crops and tiles count as passes of their own), ten references.
n=$(sed 1d "$tmp/full/main/references.csv" | cut -d , -f 4 | sort -u | wc -l)
says "full_benchmark: 24 images in one queue" ' 24 images to score'
ok "full_benchmark: references of five seeds are shared" test "$n" -le 10
runs "full_benchmark again" 0 program -q run jobs/full_benchmark.yaml $small --set output="$tmp/full"
ok "full_benchmark again: the report" cmp "$out" "$tmp/full/report.txt"

done_testing
