#!/bin/sh
# The commands that other tools rely on, against the golden data: tokenize, image, metrics, features.
. tests/lib.sh

tab=$(printf '\t')
gold=tests/golden

# tokenize
cut -f 1 $gold/tokenizer/tokens.tsv >"$tmp/texts"
"$WINCLIP" tokenize <"$tmp/texts" >"$tmp/ids" 2>"$err"
ok "tokenize: tokens.tsv, byte by byte" cmp "$tmp/ids" $gold/tokenizer/tokens.tsv
cut -f 1 $gold/tokenizer/tokens_ftfy.tsv | "$WINCLIP" tokenize - >"$tmp/ids" 2>"$err"
cut -f 1,3 $gold/tokenizer/tokens_ftfy.tsv >"$tmp/wanted"
ok "tokenize: tokens_ftfy.tsv without ftfy" cmp "$tmp/ids" "$tmp/wanted"
"$WINCLIP" tokenize --bpe prompts/bpe_simple_vocab_16e6.txt.gz <"$tmp/texts" >"$tmp/ids" 2>"$err"
ok "tokenize --bpe: the published merges" cmp "$tmp/ids" $gold/tokenizer/tokens.tsv
is "tokenize: arguments" "$("$WINCLIP" tokenize 'a photo of a bottle.' '')" \
    "a photo of a bottle.${tab}49406 320 1125 539 320 5392 269 49407
${tab}49406 49407"
is "tokenize --bpe: a smaller vocabulary" \
    "$("$WINCLIP" tokenize --bpe tests/data/sample/bpe.txt.gz '' | cut -f 2)" "3512 3513"
printf '\377\n' >"$tmp/latin1"
"$WINCLIP" tokenize <"$tmp/latin1" >"$out" 2>"$err"
is "tokenize: bytes that are not UTF-8: exit code" $? 4
says "tokenize: bytes that are not UTF-8: which line" 'line 1.*UTF-8'

# image: decoding
n=0
while IFS=$tab read -r file expected width height format mode rule note; do
    [ "$file" = file ] && continue
    exif=
    [ "$rule" = ImageOps.exif_transpose ] && exif=--exif
    if "$WINCLIP" image "$gold/decode/$file" "$tmp/a.png" $exif 2>"$err" &&
        "$GOLDEN_TOOL" pixels "$tmp/a.png" "$gold/decode/$expected" >"$out"; then
        n=$((n + 1))
    else
        echo "$file ($rule): $(cat "$err" "$out")" | note
    fi
done <$gold/decode/decode.tsv
is "image: decode.tsv, pixels equal" $n $(($(wc -l <$gold/decode/decode.tsv) - 1))

n=0
while IFS=$tab read -r file fault note pillow; do
    [ "$file" = file ] && continue
    timeout 20 "$WINCLIP" image "$gold/decode/$file" "$tmp/b.png" >"$out" 2>"$err"
    code=$?
    if [ $code -eq 4 ] && grep -qF "$(basename "$file")" "$err" && grep -qE "\[($fault)\]$" "$err" &&
        [ ! -e "$tmp/b.png" ]; then
        n=$((n + 1))
    else
        echo "$file: exit code $code, wanted 4 and $fault: $(cat "$err")" | note
    fi
    rm -f "$tmp/b.png"
done <$gold/decode/bad.tsv
is "image: bad.tsv, each with its fault and exit code 4" $n $(($(wc -l <$gold/decode/bad.tsv) - 1))

# image: resizing. Where the two rules of Pillow differ, the one that image/resize.h names.
n=0
while IFS=$tab read -r input w h pass output output12; do
    [ "$input" = input ] && continue
    [ "$output12" != - ] && output=$output12
    if "$WINCLIP" image "$gold/resize/$input" "$tmp/a.png" --size "${w}x$h" --mode squash 2>"$err" &&
        "$GOLDEN_TOOL" pixels "$tmp/a.png" "$gold/resize/$output" >"$out"; then
        n=$((n + 1))
    else
        echo "$input to ${w}x$h: $(cat "$err" "$out")" | note
    fi
done <$gold/resize/cases.tsv
is "image --size WxH: cases.tsv, pixels equal" $n $(($(wc -l <$gold/resize/cases.tsv) - 1))

n=0
while IFS=$tab read -r input size w h left top output; do
    [ "$input" = input ] && continue
    if "$WINCLIP" image "$gold/resize/$input" "$tmp/a.png" --size "$size" 2>"$err" &&
        "$GOLDEN_TOOL" pixels "$tmp/a.png" "$gold/resize/$output" >"$out"; then
        n=$((n + 1))
    else
        echo "$input to $size: $(cat "$err" "$out")" | note
    fi
done <$gold/resize/cases_crop.tsv
is "image --size N: cases_crop.tsv, pixels equal" $n $(($(wc -l <$gold/resize/cases_crop.tsv) - 1))
runs "image --mode tiles" 0 program image $gold/resize/in/smooth1500x1000.png "$tmp/tile.png" --size 240 --mode tiles
is "image --mode tiles: an index a tile" "$(cd "$tmp" && echo tile.*)" "tile.0.png tile.1.png"
runs "image --mode: unknown" 2 program image $gold/resize/in/smooth1500x1000.png "$tmp/a.png" --size 240 --mode crop
runs "image --size: nonsense" 2 program image $gold/resize/in/smooth1500x1000.png "$tmp/a.png" --size 0
runs "image: a folder that is not there" 5 program image $gold/resize/in/smooth1500x1000.png "$tmp/no/a.png"

# metrics. One run a case and limit; each line of expected.tsv is looked up in what it printed.
metrics_of() { # LEVEL CASE LIMIT: into $out, the exit code into $code
    case $1 in
    image) "$WINCLIP" metrics $gold/metrics/image_level.safetensors --prefix "$2." ;;
    pixel) "$WINCLIP" metrics "$gold/metrics/pixel_$2.safetensors" --fpr-limit "$3" ;;
    esac >"$out" 2>"$err"
    code=$?
}
found() { # LEVEL: lines of $out as METRIC VALUE without the prefix of the level
    if [ "$1" = pixel ]; then sed -n 's/^pixel_//p' "$out"; else cat "$out"; fi
}
sed 1d $gold/metrics/expected.tsv | cut -f 1,2 | uniq >"$tmp/cases"
sed 1d $gold/metrics/expected.tsv | grep -v "${tab}n_components_4$tab" >"$tmp/rows"
: >"$tmp/found"
n=0 n_errors=0
while IFS=$tab read -r level case; do
    if grep -q "^$level$tab$case${tab}all${tab}error" "$tmp/rows"; then
        n_errors=$((n_errors + 1))
        metrics_of $level "$case" 0.3
        [ $code -eq 4 ] && grep -Eq 'metrics/.*(non-finite|bad-shape|NaN)' "$err" && n=$((n + 1)) ||
            echo "$case: exit code $code, wanted 4: $(cat "$err")" | note
        continue
    fi
    if [ "$level" = pixel ]; then limits="0.01 0.05 0.3 1"; else limits=0.3; fi
    for limit in $limits; do
        metrics_of $level "$case" $limit
        [ $code -eq 0 ] || echo "$case: exit code $code: $(cat "$err")" | note
        found $level | sed "s/^/$level$tab$case$tab/" >>"$tmp/found"
    done
done <"$tmp/cases"
is "metrics: NaN, infinity, shapes that do not match: exit code 4, and why" $n $n_errors
ok "metrics: expected.tsv, to 1e-9, thresholds and counts exact" awk -F "$tab" '
    { key = $1 FS $2 FS $3 }
    FNR == NR { found[key] = $4; n_of[$1 FS $2]++; n_undefined[$1 FS $2] += $4 == "n/a"; next }
    $4 == "error" { next }
    $3 == "all" { # undefined: each figure of the case is
        n++
        if (n_of[$1 FS $2] < 5 || n_undefined[$1 FS $2] != n_of[$1 FS $2]) { print key ": not all n/a"; bad++ }
        next
    }
    {
        n++
        x = found[key]
        good = $4 == "undefined" ? x == "n/a" : x != "" && x != "n/a" &&
            (key ~ /threshold|n_/ ? x + 0 == $4 + 0 : x - $4 <= 1e-9 && $4 - x <= 1e-9)
        if (!good) { print key ": " x ", wanted " $4; bad++ }
    }
    END { print n " figures, " bad + 0 " wrong"; exit bad > 0 || n < 400 }' "$tmp/found" "$tmp/rows"
runs "metrics: a file without scores" 4 program metrics tests/data/sample/model.safetensors
says "metrics: a file without scores: what is missing" 'model.safetensors.*scores.*maps'
runs "metrics: limit 0" 2 program metrics $gold/metrics/pixel_basic.safetensors --fpr-limit 0
runs "metrics: no file" 4 program metrics "$tmp/nope.safetensors"

# features: the golden tiny model, as tests/golden/winclip/README.md describes it
cat >"$tmp/tiny.json" <<'JSON'
{"embed_dim": 32, "quick_gelu": false,
 "vision_cfg": {"image_size": 60, "layers": 3, "width": 64, "head_width": 32, "patch_size": 4},
 "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2}}
JSON
runs "model random" 0 program model random "$tmp/tiny.json" --seed 20230614 --out "$tmp/tiny.safetensors"
queries= refs=
for name in query0_normal query1_defect query2_defect query3_other ref0 ref1 ref2 ref3; do
    "$GOLDEN_TOOL" picture $gold/winclip/tiny_images.tsv $name "$tmp/$name.png" || echo "no picture $name" | note
    case $name in
    query*) queries="$queries $tmp/$name.png" ;;
    ref*) refs="$refs $tmp/$name.png" ;;
    esac
done
tiny="--model $tmp/tiny.safetensors"

# One line of comparison for each tensor of each picture: NAME-IN-GOLDEN:NAME:ELEMENTS:ROW
parts() { # SIDE KIND
    for i in 0 1 2 3; do
        for part in embed:image:32:32 win2:window2:6272:32 win3:window3:5408:32 patch_pre:patch:14400:64 \
            patch_post:patch_post:14400:64 patch_proj:patch_proj:7200:32; do
            echo "$part" | while IFS=: read -r g f size row; do
                [ "$2" = l2unit ] && count=$row || count=$size
                echo "$f.$i ${1}_$g $((i * size)) $count $2 2e-5"
            done
        done
    done
}
# Lines come by redirection: at a pipe's end it would run in a subshell, and a failure would not count.
tensors() { # NAME FOUND GOLD < lines
    name=$1 file=$2 wanted=$3
    cat >"$tmp/lines"
    "$GOLDEN_TOOL" tensors "$file" "$wanted" <"$tmp/lines" >"$tmp/compared" 2>&1
    result $? "$name ($(wc -l <"$tmp/lines") tensors)" || grep -E 'WRONG|no tensor|cannot' "$tmp/compared" | note
}
runs "features --raw" 0 program features $queries $tiny --raw --out "$tmp/raw.safetensors"
parts query l2 >"$tmp/wanted-tensors"
tensors "features --raw: tiny_features" "$tmp/raw.safetensors" $gold/winclip/tiny_features.safetensors \
    <"$tmp/wanted-tensors"
runs "features" 0 program features $refs $tiny --out "$tmp/unit.safetensors"
parts ref l2unit >"$tmp/wanted-tensors"
tensors "features: unit length" "$tmp/unit.safetensors" $gold/winclip/tiny_features.safetensors \
    <"$tmp/wanted-tensors"
runs "features --windows 3" 0 program features "$tmp/ref0.png" $tiny --windows 3 --raw --out "$tmp/w3.safetensors"
echo "window3.0 ref_win3 0 0 l2 2e-5" >"$tmp/wanted-tensors"
tensors "features --windows 3" "$tmp/w3.safetensors" $gold/winclip/tiny_features.safetensors \
    <"$tmp/wanted-tensors"
echo "window2.0 ref_win2 0 0 l2 2e-5" >"$tmp/lines"
ok "features --windows 3: no window2" test "$("$GOLDEN_TOOL" tensors "$tmp/w3.safetensors" \
    $gold/winclip/tiny_features.safetensors <"$tmp/lines" | grep -c 'no tensor window2.0')" -eq 1
"$WINCLIP" prompts --object bottle >"$tmp/prompts" 2>"$err"
ok "prompts: 154 normal and 88 abnormal ones" awk '/flawless bottle|damaged bottle/ { n++ } END { exit n != 44 }' \
    "$tmp/prompts"
runs "features --text" 0 program features --text 'a photo of a bottle.' --text 'a photo of a metal nut.' $tiny \
    --out "$tmp/text.safetensors"
is "features --text: shape of text.1" "$(head -c 400 "$tmp/text.safetensors" | grep -ao '"text.1":{[^}]*}' |
    grep -o '"shape":\[32\]')" '"shape":[32]'

# Maps and scores of each preset, zero-shot and few-shot, and the prototypes.
scores_of() { # PRESET OBJECT K: lines for score.0 ...
    awk -F "$tab" -v p="$1" -v o="$2" -v k="$3" \
        '$1 == p && $2 == o && $3 == k { print "score." n++ " =" $5 " 0 1 abs 1e-4" }' $gold/winclip/tiny_presets.tsv
}
for preset in paper accurate anomalib caoyunkang; do
    for k in 0 1 2 4; do
        object=bottle
        [ $k -eq 2 ] && object="metal nut"
        [ $k -eq 1 ] && object=pcb1
        key=$(echo "$object" | tr ' ' _)
        shot=
        [ $k -gt 0 ] && shot="--shot $k"
        set -- --object "$object" --preset $preset
        for r in $refs; do [ $k -gt 0 ] && set -- "$@" --refs "$r"; done
        runs "features --object '$object' --preset $preset, k $k" 0 program features $queries $tiny "$@" $shot \
            --out "$tmp/p.safetensors"
        {
            for i in 0 1 2 3; do
                echo "map.$i $preset/$key/k$k/grid $((i * 225)) 225 abs 1e-4"
            done
            scores_of $preset "$object" $k
        } >"$tmp/wanted-lines"
        is "golden scores of $preset, $object, k $k" "$(grep -c '^score' "$tmp/wanted-lines")" 4
        tensors "features --preset $preset, $object, k $k: map and score" "$tmp/p.safetensors" \
            $gold/winclip/tiny_presets.safetensors <"$tmp/wanted-lines"
    done
    case $preset in
    paper) way=bottle/t22/normmean ;;
    caoyunkang) way=bottle/t22np/mean ;;
    *) way=bottle/t21/mean ;;
    esac
    printf '%s\n' "text.normal $way 0 32 l2 2e-5" "text.abnormal $way 32 32 l2 2e-5" >"$tmp/wanted-tensors"
tensors "features --preset $preset: prototypes" "$tmp/p.safetensors" $gold/winclip/tiny_text.safetensors \
    <"$tmp/wanted-tensors"
done
mkdir "$tmp/refs" && cp $refs "$tmp/refs/"
runs "features --refs FOLDER" 0 program features $queries $tiny --object bottle --preset accurate --refs "$tmp/refs" \
    --out "$tmp/p.safetensors"
for i in 0 1 2 3; do echo "map.$i accurate/bottle/k4/grid $((i * 225)) 225 abs 1e-4"; done >"$tmp/wanted-tensors"
tensors "features --refs FOLDER: all of it, by name" "$tmp/p.safetensors" $gold/winclip/tiny_presets.safetensors \
    <"$tmp/wanted-tensors"
runs "features: more shots than references" 2 program features $queries $tiny --object bottle --refs "$tmp/ref0.png" \
    --shot 2 --out "$tmp/q.safetensors"
says "features: more shots than references: how many there are" '--shot 2.*1 image'
runs "features: a picture that is none" 4 program features "$tmp/tiny.json" $tiny --out "$tmp/q.safetensors"
ok "features: nothing is left of a failed one" test ! -e "$tmp/q.safetensors"

done_testing
