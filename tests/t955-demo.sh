#!/bin/sh
# winclip-mpi demo: photos, run and summary with the built-in model, the same on any number of ranks.
. tests/lib.sh

small="--seed 7 --products 1 --per-category 4"
runs "demo, 1 rank" 0 program demo --out "$tmp/a" $small
cp "$out" "$tmp/one"
says "a line a category" '^metal_nut +[0-9. ]+$' "$tmp/one"
says "objects beside the centre" '^objects( +[0-9]+\.[0-9]){9}$' "$tmp/one"
says "says what the model is" 'trained on procedural pictures.*' "$tmp/one"
says "says what to use instead" 'published weights: winclip-mpi score' "$tmp/one"
runs "demo, 2 ranks" 0 ranks 2 demo --out "$tmp/b" $small
ok "the same photos" diff -r "$tmp/a/data" "$tmp/b/data"
ok "the same figures" same_files "$tmp/a/run" "$tmp/b/run" report.csv scores.csv references.csv
grep -v 'results in\|, run ' "$tmp/one" >"$tmp/one.cut"
grep -v 'results in\|, run ' "$out" >"$tmp/two.cut"
ok "the same report" cmp "$tmp/one.cut" "$tmp/two.cut"
runs "again: at once" 0 timeout 20 "$WINCLIP" demo --out "$tmp/a" $small
ok "the same report again" cmp "$out" "$tmp/one"
runs "its configuration is one as any" 0 program run "$tmp/a/demo.yaml"
is "object names without the product's number" "$(grep -c '"metal nut"' "$tmp/a/prompts.yaml")" 1

runs "write-dataset" 0 program demo --write-dataset "$tmp/train" --split train --products 1 --per-category 4 --seed 3
is "training categories" "$(ls "$tmp/train" | grep -c '_1$')" 33
runs "another one in its place" 4 program demo --write-dataset "$tmp/train" --split train --products 2
says "is refused by name" 'dataset.json: .*other numbers'
mkdir "$tmp/full" && : >"$tmp/full/mine"
runs "a folder of somebody's" 4 program demo --write-dataset "$tmp/full"
runs "an unknown split" 2 program demo --split test
runs "an operand" 2 program demo somewhere
runs "no products" 2 program demo --products 0

runs "model info" 0 program model info demo
says "16-bit weights" 'F16' "$out"
runs "features" 0 program features "$tmp/a/data/pill_1/test/good/000.png" --model demo --object pill --out "$tmp/f.safetensors"
runs "convert" 0 program model convert demo --out "$tmp/demo.safetensors"
runs "the built-in merges" 0 program tokenize --bpe builtin:3000 leather
runs "not that many merges" 4 program tokenize --bpe builtin:60000 leather
done_testing
