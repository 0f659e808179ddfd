#!/bin/sh
# `score`: own pictures from the command line, alone and under mpirun, zero-shot and with references.
. tests/lib.sh

sample=$root/tests/data/sample
model="--model $sample/model.safetensors --bpe $sample/bpe.txt.gz"
leather="--object leather $model"
photos=$tmp/photos
mkdir -p "$photos/deep/er"
cp "$sample/leather/test/contam/000.png" "$photos/b.png"
cp "$sample/leather/test/crack/000.png" "$photos/deep/er/C.PNG"
cp "$sample/leather/test/good/000.png" "$photos/deep/a.png"
echo "no picture" >"$photos/notes.txt"

# expected IMAGE SHOT: what PyTorch gives.
expected() { awk -F, -v i="$1" -v k="$2" '$1=="leather" && $2==i && $5=="paper" && $6==k {print $7}' "$sample/expected_scores.csv"; }
near() { awk -v a="$1" -v b="$2" 'BEGIN { d = a - b; exit !(a != "" && b != "" && d < 1e-4 && d > -1e-4) }'; }
field() { awk -F'\t' -v p="$1" -v c="$2" '$1 ~ p {print $c}' "${3:-$out}"; }

# shellcheck disable=SC2086 # the options are words
{
runs "a folder tree" 0 program score "$photos" $leather
is "a line a picture, in the order of names" "$(cut -f1 "$out" | sed "s|$photos/||" | tr '\n' ' ')" "b.png deep/a.png deep/er/C.PNG "
ok "the score is PyTorch's" near "$(field b.png 2)" "$(expected test/contam/000.png 0)"
is "no verdict without a threshold" "$(cut -f3 "$out" | sort -u)" "-"
cp "$out" "$tmp/one"

runs "two ranks" 0 ranks 2 score "$photos" $leather
ok "give the same lines" cmp "$tmp/one" "$out"

runs "a threshold" 0 program score "$photos" $leather --threshold 0.5 --out "$tmp/o" --overlays
is "gives verdicts" "$(field b.png 3) $(field a.png 3)" "anomalous normal"
is "scores.csv has a row each" "$(wc -l <"$tmp/o/scores.csv" | tr -d ' ')" 4
ok "with the verdict" grep -q "b.png,0.93.*,anomalous,0.5," "$tmp/o/scores.csv"
is "overlays follow the tree" "$(cd "$tmp/o/overlays" && find . -type f | sort | tr '\n' ' ')" \
    "./b.png.png ./deep/a.png.png ./deep/er/C.PNG.png ./scale.json ./scale.png "
ok "the scale is stated" grep -q '"low": 0, "high": 1,' "$tmp/o/overlays/scale.json"
runs "an overlay is a picture" 0 program image "$tmp/o/overlays/b.png.png" "$tmp/seen.png"
runs "the output inside the input is passed over" 0 program score "$photos" $leather --out "$photos/out" --overlays
runs "also the second time" 0 program score "$photos" $leather --out "$photos/out"
is "no overlay is scored" "$(wc -l <"$out" | tr -d ' ')" 3
rm -rf "$photos/out"

runs "references" 0 program score "$photos/b.png" $leather --refs "$sample/leather/train/good/000.png" \
    --refs "$sample/leather/train/good/001.png" --bank "$tmp/two.bank" --jsonl
ok "two-shot is PyTorch's" near "$(sed 's/.*"score": \([0-9.e-]*\),.*/\1/' "$out")" "$(expected test/contam/000.png 2)"
runs "a kept bank" 0 program score "$photos/b.png" $leather --bank "$tmp/two.bank"
ok "gives the same score" near "$(field b.png 2)" "$(expected test/contam/000.png 2)"
runs "a bank that \`features\` made" 0 program features --bank "$sample/leather/train/good/000.png" $model --out "$tmp/f.safetensors"
runs "serves too" 0 program score "$photos/b.png" $leather --bank "$tmp/f.safetensors"
ok "one-shot is PyTorch's" near "$(field b.png 2)" "$(expected test/contam/000.png 1)"
runs "references on two ranks" 0 ranks 2 score "$photos" $leather --refs "$sample/leather/train/good" --bank "$tmp/all.bank"
ok "four-shot is PyTorch's" near "$(field b.png 2)" "$(expected test/contam/000.png 4)"

# Bad pictures.
head -c 900 "$photos/b.png" >"$photos/cut.png"
runs "a damaged picture" 4 program score "$photos" $leather --jsonl --out "$tmp/bad"
says "is named at the end" 'winclip-mpi: 1 of 4 pictures failed: .*cut\.png'
is "the others are scored" "$(grep -c '"status": "ok"' "$out")" 3
ok "the reason is in scores.csv" grep -q 'cut.png,,failed,.*truncated' "$tmp/bad/scores.csv"
runs "on two ranks alike" 4 ranks 2 score "$photos" $leather
rm "$photos/cut.png"
runs "a missing file" 4 program score "$photos/b.png" "$photos/none.png" $leather
is "leaves the other" "$(field none.png 3) $(field b.png 3)" "failed -"

# A threshold of a labelled run.
mini "$tmp/data"
mini_config "$tmp/data" "output: $tmp/run" >"$tmp/run.yaml"
runs "a labelled run" 0 program run "$tmp/run.yaml"
runs "its threshold" 0 program score "$photos" $leather --threshold-from "$tmp/run"
want=$(awk -F, '$2=="leather" && $7=="f1max_threshold" {print $8}' "$tmp/run/report.csv")
says "is the report's" "threshold $(printf '%.6s' "$want")"
runs "another shot has none" 4 program score "$photos" $leather --threshold-from "$tmp/run" --bank "$tmp/two.bank"
says "and says so" 'no labelled rows of winclip, preset paper, 2-shot, category leather'
runs "another model has none" 4 program score "$photos" --object leather --model random:ViT-B-32 --threshold-from "$tmp/run" --set model.activation=gelu
says "and says so too" 'another model'

# Usage.
runs "no model: the demo's" 0 env -u WINCLIP_WEIGHTS "$WINCLIP" score "$photos" --object leather
says "warns, and names the variable" 'WARN.*WINCLIP_WEIGHTS.*demo model.*procedural'
runs "the demo's by name" 0 env -u WINCLIP_WEIGHTS "$WINCLIP" score "$photos" --object leather --model demo
ok "no warning then" sh -c '! grep -q WARN "$1"' sh "$err"
runs "the variable" 0 env WINCLIP_WEIGHTS="$sample/model.safetensors" "$WINCLIP" score "$photos" --object leather --bpe "$sample/bpe.txt.gz"
runs "no object" 2 program score "$photos" $model
runs "no pictures" 2 program score $leather
mkdir "$tmp/empty"
runs "an empty folder" 4 program score "$tmp/empty" $leather
runs "a wrong preset" 3 program score "$photos" $leather --preset papper
runs "a setting of a run" 3 program score "$photos" $leather --set shots=3
runs "a wrong scale" 2 program score "$photos" $leather --scale 1,0

# Watching: a file counts once it is whole, and SIGTERM is the ordinary end.
watch() {
    mkdir -p "$tmp/in"
    : >"$tmp/lines"
    cp "$photos/b.png" "$tmp/in/first.png"
    head -c 900 "$photos/b.png" >"$tmp/in/slow.png"
    timeout -k 5 240 "$WINCLIP" score "$tmp/in" $leather --watch --interval 0.1 --out "$tmp/watched" >"$tmp/lines" 2>"$tmp/log" &
    pid=$!
    wait_for first.png && cp "$photos/deep/a.png" "$tmp/in/second.png" && wait_for second.png &&
        ! grep -q slow.png "$tmp/lines" && cat "$photos/b.png" >"$tmp/in/slow.png" && wait_for slow.png
}
wait_for() {
    i=0
    until grep -q "$1" "$tmp/lines"; do
        i=$((i + 1))
        [ $i -lt 300 ] || return 1
        sleep 0.1
    done
}
if watch; then
    result 0 "watching scores what appears, and a slow file when it is whole"
else
    result 1 "watching scores what appears, and a slow file when it is whole"
    cat "$tmp/lines" "$tmp/log" | note
fi
head -c 900 "$photos/b.png" >"$tmp/in/never.png"
sleep 0.6
kill "$pid"
wait "$pid"
is "SIGTERM ends it; what never became whole has failed" "$?" 4
is "scores.csv has all of them" "$(cut -d, -f1,3 "$tmp/watched/scores.csv" | sed "s|$tmp/in/||" | tr '\n' ' ')" \
    "path,verdict first.png,- second.png,- slow.png,- never.png,failed "
}
done_testing
