#!/bin/sh
# The golden tables of tests/golden/winclip (tiny) and tests/golden/ablation through `winclip-mpi run`, on 1 and on 3
# ranks: every preset, class and shot, each single choice of the paper preset, and the ablations; scores from
# scores.csv, maps from the journals, to 1e-4; and the same bytes from both.
. tests/lib.sh

tab=$(printf '\t')
gold=tests/golden
data=$tmp/data
mkdir "$data"

# The pictures, made by formula, and a table of them. References are named, the first k in order.
picture() { # TABLE NAME
    "$GOLDEN_TOOL" picture "$1" "$2" "$data/$2.png"
}
made=0
for name in query0_normal query1_defect query2_defect query3_other ref0 ref1 ref2 ref3; do
    picture $gold/winclip/tiny_images.tsv $name && made=$((made + 1))
done
for name in multicrop wide100 wide130 tall130; do
    picture $gold/ablation/images.tsv $name && made=$((made + 1))
done
is "pictures" $made 12
{
    echo "category,split,image,label"
    for c in bottle metal_nut pcb1; do
        for q in query0_normal query1_defect query2_defect query3_other; do
            echo "$c,test,$q.png,$(echo $q | sed 's/.*_normal/0/; s/query.*/1/')"
        done
    done
} >"$data/presets.csv"
{
    grep -E '^(category|bottle)' "$data/presets.csv"
    for p in multicrop wide100 wide130 tall130; do echo "pictures,test,$p.png,1"; done
    echo "tiles,test,query1_defect.png,1"
} >"$data/ablation.csv"
{
    echo "category,seed,order,image"
    for c in bottle metal_nut pcb1 pictures tiles; do
        for i in 0 1 2 3; do echo "$c,0,$i,ref$i.png"; done
    done
} >"$data/references.csv"
cat >"$tmp/tiny.json" <<'JSON'
{"embed_dim": 32, "quick_gelu": false,
 "vision_cfg": {"image_size": 60, "layers": 3, "width": 64, "head_width": 32, "patch_size": 4},
 "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2}}
JSON
runs "the golden model" 0 program model random "$tmp/tiny.json" --seed 20230614 --out "$tmp/tiny.safetensors"

config() { # TABLE [CATEGORIES [OBJECT]]
    echo "dataset: {name: csv, root: data/$1.csv, categories: ${2:-all}${3:+, object: $3}}"
    echo "model: {weights: tiny.safetensors}"
    echo "references: data/references.csv"
}
{
    config presets
    echo "preset: [paper, accurate, anomalib, caoyunkang]"
    echo "shots: [0, 1, 2, 4]"
} >"$tmp/presets.yaml"

# NAME-IN-GOLDEN:SWITCHES of tiny_paper_variants.
choices="prompts-t21:prompts: t21
prompts-t22np:prompts: t22np
prototype-mean:text_average: raw
tau0.01:tau: 0.01
FP-post_ln_post:reference_patch: post
FP-projected:reference_patch: proj
window-reference-arithmetic:reference_aggregation: arithmetic
fusion-mean:map_fusion: mean
fusion-harmonic:map_fusion: harmonic"
label() { # of a choice: what `as:` takes
    echo "$1" | tr 'A-Z' 'a-z'
}
{
    config presets '[bottle]'
    echo "shots: [0, 4]"
    echo "method:"
    echo "  - winclip"
    echo "$choices" | while IFS=: read -r name key value; do
        echo "  - {name: winclip, as: $(label "$name"), $key: $value}"
    done
} >"$tmp/choices.yaml"

# The golden ablations have prompts t21 and prototype "mean"; AS:SHOT:NAME-OF-MAP:SWITCHES.
maps="full:0:full:
image:0:image_scale_only:windows: [0]
no-image:0:without_image_scale:image_scale: false
no-mid:0:without_mid_scale:windows: [2]
no-small:0:without_small_scale:windows: [3]
arithmetic:0:without_harmonic_windows_and_scales_arithmetic:aggregation: arithmetic, scale_fusion: arithmetic
arithmetic-windows:0:without_harmonic_windows_arithmetic:aggregation: arithmetic
mp:4:k4_M0_plus_MP:reference_windows: [0]
mp-mm:4:k4_M0_plus_mean_MP_Mm:reference_windows: [3]
mw:4:k4_M0_plus_MW:"
{
    config ablation '[bottle, pictures]' bottle
    echo "winclip: {prompts: t21, text_average: raw}"
    echo "shots: [0, 4]"
    echo "method:"
    echo "$maps" | while IFS=: read -r as shot name switches; do
        echo "  - {name: winclip, as: $as${switches:+, $switches}}"
    done
    for s in reference text both; do echo "  - {name: winclip, as: $s, few_shot_score: $s}"; done
    for n in five ten; do
        for a in score embedding; do echo "  - {name: winclip, as: $n-$a, multi_crop: $n, crop_average: $a}"; done
    done
    echo "  - {name: clip_ac, variants: [one_class, two_class, states, prompts]}"
    echo "  - patch_token"
    echo "  - maskclip"
} >"$tmp/ablation.yaml"
{
    config ablation '[tiles]' bottle
    echo "winclip: {prompts: t21, text_average: raw}"
    echo "method:"
    echo "  - {name: tiling, as: two, windows: [2], image_scale: false}"
    echo "  - {name: tiling, as: three, windows: [3], image_scale: false}"
    echo "  - {name: tiling, as: multi, windows: [2, 3]}"
} >"$tmp/tiling.yaml"

for table in presets choices ablation tiling; do
    for r in 1 3; do
        runs "$table, $r ranks" 0 ranks $r "$tmp/$table.yaml" --set output="$tmp/ranks$r/$table"
        "$GOLDEN_TOOL" maps "$tmp/ranks$r/$table" 60 "$tmp/$table.$r.safetensors" >/dev/null
    done
    files=$reports
    [ $table = tiling ] || files="$files references.csv"
    ok "$table: 3 ranks give the bytes of 1" same_files "$tmp/ranks1/$table" "$tmp/ranks3/$table" $files
done
# (The three classes have the same four references.)
runs "presets again" 0 ranks 1 "$tmp/presets.yaml" --set output="$tmp/count/run"
says "presets: each distinct reference once" 'references: 12 distinct images for 1 seeds; 4 encoded, 8 found'
says "presets: a pass a query and a reference, whatever the variants" '; 16 encoder passes'

# rows RUN: a line a score, METHOD/PRESET/SHOT/CATEGORY/IMAGE VARIANT UNIT SCORE, as scores.csv has them: variant by
# variant, unit by unit, which is also the journals' order.
rows() {
    awk -F, '
        NR == 1 { for (i = 1; i <= NF; i++) col[$i] = i; next }
        { v = $(col["method"]) "/" $(col["preset"]) "/" $(col["shot"])
          if (v != last) { variant = last == "" ? 0 : variant + 1; unit = 0; last = v }
          print v "/" $(col["category"]) "/" $(col["image"]), variant, unit++, $(col["score"]) }' "$1/scores.csv"
}
for table in presets choices ablation tiling; do rows "$tmp/ranks3/$table" >"$tmp/$table.rows"; done

# near NAME COUNT LABEL < KEY WANTED: scores of $tmp/NAME.rows.
near() {
    awk -v n_wanted="$2" '
        FNR == NR { score[$1] = $4; next }
        !($1 in score) { print "no row " $1; bad++; next }
        { d = score[$1] - $2; n++; if (d < -1e-4 || d > 1e-4) { print $1 ": " score[$1] ", wanted " $2; bad++ } }
        END { print n + 0 " scores, " bad + 0 " wrong"; exit bad > 0 || n != n_wanted }' "$tmp/$1.rows" - \
        >"$tmp/near" 2>&1
    result $? "$3 ($2 scores)" || note <"$tmp/near"
}
# same_maps NAME GOLD COUNT LABEL < KEY GOLD-NAME FIRST CELLS [map]: grids, or maps at the picture's size.
same_maps() {
    awk 'FNR == NR { at[$1] = $2 "." $3; next }
        { print ($5 == "map" ? "map." : "grid.") ($1 in at ? at[$1] : $1), $2, $3, $4, "abs 1e-4" }' "$tmp/$1.rows" - \
        >"$tmp/lines"
    "$GOLDEN_TOOL" tensors "$tmp/$1.3.safetensors" "$2" <"$tmp/lines" >"$tmp/compared" 2>&1 &&
        [ "$(grep -c . "$tmp/lines")" -eq "$3" ]
    result $? "$4 ($3 maps)" || grep -E 'WRONG|no tensor|cannot' "$tmp/compared" | note
}

awk -F "$tab" 'NR > 1 { gsub(" ", "_", $2); print "winclip/" $1 "/" $3 "/" $2 "/" $4 ".png", $5 }' \
    $gold/winclip/tiny_presets.tsv >"$tmp/wanted"
near presets 192 "tiny_presets: image scores of four presets, three classes, k 0, 1, 2, 4" <"$tmp/wanted"
awk '{ split($1, p, "/"); q = substr(p[5], 6, 1)
       print $1, p[2] "/" p[4] "/k" p[3] "/grid", q * 225, 225 }' "$tmp/wanted" >"$tmp/wanted-maps"
same_maps presets $gold/winclip/tiny_presets.safetensors 192 "tiny_presets: grids" <"$tmp/wanted-maps"

{
    echo "default:none:none"
    echo "$choices"
} | while IFS=: read -r name key value; do
    preset=paper
    [ "$name" = default ] || preset=paper+$(label "$name")
    awk -F "$tab" -v name="$name" -v preset="$preset" '
        $1 == name { print "winclip/" preset "/0/bottle/" $4 ".png", $5; print "winclip/" preset "/4/bottle/" $4 ".png", $6 }' \
        $gold/winclip/tiny_paper_variants.tsv
done >"$tmp/wanted"
near choices 80 "tiny_paper_variants: zero-shot and few-shot image scores" <"$tmp/wanted"

# ablation: maps of four queries by name, scores by the golden table's words.
queries="query0_normal query1_defect query2_defect query3_other"
{
    echo "$maps" | while IFS=: read -r as shot name switches; do echo "winclip/paper+$as/$shot $name"; done
    echo "patch_token/ln_post/0 patch_token_ln_post_proj"
    echo "patch_token/plain/0 patch_token_proj_without_ln_post"
    echo "maskclip/residual_mlp/0 maskclip_value_residual_mlp"
    echo "maskclip/value_only/0 maskclip_value_only"
} | while read -r variant name; do
    i=0
    for q in $queries; do
        echo "$variant/bottle/$q.png map/$name $((i * 225)) 225"
        i=$((i + 1))
    done
done >"$tmp/wanted"
same_maps ablation $gold/ablation/variants.safetensors 56 "ablation: grids of tables 4, 6, 8" <"$tmp/wanted"
awk -F "$tab" '
    BEGIN {
        of["one-class: -cos(image, \047normal [o]\047)"] = "clip_ac/one_class/0/bottle"
        of["two-class: \047normal [o]\047 / \047anomalous [o]\047"] = "clip_ac/two_class/0/bottle"
        of["state ensemble only (11 states, no template)"] = "clip_ac/states/0/bottle"
        of["state + prompt ensemble, image only (t21, mean)"] = "clip_ac/prompts/0/bottle"
        of["k4: max MW only"] = "winclip/paper+reference/4/bottle"
        of["k4: ascore_0 only"] = "winclip/paper+text/4/bottle"
        of["k4: eq. 6"] = "winclip/paper+both/4/bottle"
        of["five-crop: mean of scores"] = "winclip/paper+five-score/0/pictures"
        of["five-crop: score of mean normalised embedding"] = "winclip/paper+five-embedding/0/pictures"
        of["ten-crop: mean of scores"] = "winclip/paper+ten-score/0/pictures"
        of["ten-crop: score of mean normalised embedding"] = "winclip/paper+ten-embedding/0/pictures"
    }
    $1 ~ /^non-square tiles .even/ { of[$1] = "winclip/paper+full/0/pictures" }
    $1 in of { print of[$1] "/" $2 ".png", $3 }' $gold/ablation/scores.tsv >"$tmp/wanted"
near ablation 35 "ablation: image scores of tables 3 and 5, crops, pictures that are not square" <"$tmp/wanted"
for p in wide100:6000 wide130:7800 tall130:7800; do
    echo "winclip/paper+full/0/pictures/${p%:*}.png nonsquare_${p%:*}_map 0 ${p#*:} map"
done >"$tmp/wanted"
same_maps ablation $gold/ablation/variants.safetensors 3 "ablation: maps of pictures that are not square" <"$tmp/wanted"
printf '%s\n' "two tiling_query1_map2" "three tiling_query1_map3" "multi tiling_query1_multi_with_image_scale" |
    while read -r as name; do
        echo "tiling/paper+$as/0/tiles/query1_defect.png $name 0 225"
    done >"$tmp/wanted"
same_maps tiling $gold/ablation/variants.safetensors 3 "ablation: image tiling" <"$tmp/wanted"

# Entries with presets, shots and prompts of their own have the figures of a run with these.
sed 's/metal nut/nut/; s/flawless/faultless/' prompts/winclip.yaml >"$tmp/words.yaml"
ok "a prompt set of other words" test "$(cmp prompts/winclip.yaml "$tmp/words.yaml" | wc -l)" -eq 1
{
    config presets '[bottle]'
    echo "shots: [0]"
    echo "method:"
    echo "  - {name: winclip, as: own, preset: [accurate, anomalib], shots: [2]}"
    echo "  - {name: winclip, as: words, prompt_set: words.yaml}"
    echo "  - winclip"
} >"$tmp/entries.yaml"
runs "entries of their own" 0 ranks 3 "$tmp/entries.yaml" --set output="$tmp/entries/run"
runs "a run with that prompt set" 0 ranks 1 "$tmp/entries.yaml" --set method=winclip --set prompts=words.yaml \
    --set output="$tmp/words/run"
rows "$tmp/entries/run" | cut -d ' ' -f 1,4 >"$tmp/entries.rows"
is "entries: presets and shots" "$(cut -d / -f 1-3 "$tmp/entries.rows" | uniq | tr '\n' ' ')" \
    "winclip/accurate+own/2 winclip/anomalib+own/2 winclip/paper+words/0 winclip/paper/0 "
grep '+own' "$tmp/entries.rows" | sed 's/+own//' >"$tmp/own"
rows "$tmp/ranks1/presets" | cut -d ' ' -f 1,4 | grep -E '^winclip/(accurate|anomalib)/2/bottle' >"$tmp/wanted"
ok "entries: the scores of these presets and shots" cmp "$tmp/own" "$tmp/wanted"
grep '+words' "$tmp/entries.rows" | sed 's/+words//' >"$tmp/own"
awk '{ print $1, 0, 0, $2 }' "$tmp/own" >"$tmp/own.rows"
rows "$tmp/words/run" | cut -d ' ' -f 1,4 >"$tmp/wanted"
near own 4 "entries: the scores of that prompt set" <"$tmp/wanted"
ok "entries: which are not the built-in one's" test \
    "$(grep 'winclip/paper/0' "$tmp/entries.rows" | cmp - "$tmp/own" | wc -l)" -eq 1
sed -i 's/damaged/broken/' "$tmp/words.yaml"
runs "entries: a prompt set that changed" 3 ranks 1 "$tmp/entries.yaml" --set output="$tmp/entries/run"
says "entries: a prompt set that changed: is another run" 'prompt_set_0_sha256'

# The same references as a folder, and as a bank that is built once.
mkdir "$tmp/refs" && cp "$data"/ref?.png "$tmp/refs/"
runs "features --bank" 0 program features --bank "$tmp"/refs/*.png --model "$tmp/tiny.safetensors" \
    --out "$tmp/bottle.safetensors"
for references in refs bottle.safetensors; do
    runs "references: $references" 0 ranks 3 "$tmp/choices.yaml" --set references="$references" \
        --set output="$tmp/by-$references/run"
    ok "references: $references: the scores of the named ones" \
        cmp "$tmp/ranks1/choices/scores.csv" "$tmp/by-$references/run/scores.csv"
done
says "a bank is not encoded again" '; 4 encoder passes'

# A seed more costs its new references, and nothing else. Four distinct pictures a class here, drawn at random.
sed '/^references/d; s/^shots.*/shots: [0, 2]/' "$tmp/choices.yaml" >"$tmp/seeds.yaml"
cp "$data/presets.csv" "$data/seeds.csv"
for i in 0 1 2 3; do echo "bottle,train,ref$i.png,0"; done >>"$data/seeds.csv"
sed -i 's/presets.csv/seeds.csv/' "$tmp/seeds.yaml"
passes() { # encoder passes that the log tells
    sed -n 's/.* \([0-9]*\) encoder passes.*/\1/p' "$err"
}
for seeds in 0 '0,1' '0,1,2,3,4'; do
    run=$tmp/seeds-$seeds/run
    runs "seeds $seeds" 0 ranks 1 "$tmp/seeds.yaml" --set "seeds=[$seeds]" --set output="$run"
    distinct=$(sed 1d "$run/references.csv" | cut -d , -f 1,4 | sort -u | wc -l)
    is "seeds $seeds: four queries and $distinct distinct references are encoded" "$(passes)" $((4 + distinct))
done

done_testing
