#!/bin/sh
# A study from the command line: two models and three kinds of run in one job, one queue, one report; the same bytes on
# any number of ranks and after any stop; what runs share is made once.
. tests/lib.sh

ok "small data set" mini "$tmp/data"
tower() { # WIDTH LAYERS: a small CLIP's configuration
    cat <<JSON
{"embed_dim": 32, "quick_gelu": false,
 "vision_cfg": {"image_size": 60, "layers": $2, "width": $1, "head_width": 32, "patch_size": 4},
 "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2}}
JSON
}
tower 64 3 >"$tmp/wide.json"
tower 32 2 >"$tmp/narrow.json"
for model in wide narrow; do
    runs "model $model" 0 program model random "$tmp/$model.json" --seed 7 --out "$tmp/$model.safetensors"
done
cat >"$tmp/study.yaml" <<END
set:
  dataset: {name: mvtec, root: data}
  journal.sync_s: 0
  threads: 1
matrix:
  model:
    wide: {model: {weights: wide.safetensors}}
    narrow: {model.weights: narrow.safetensors}
runs:
  - zero
  - {name: few, set: {shots: [0, 1], seeds: [0, 1], preset: [paper, anomalib]}}
  - {name: again, matrix: {model: wide}, set: {shots: [0, 1], seeds: [0, 1], preset: [paper, accurate]}}
END
names="zero-wide zero-narrow few-wide few-narrow again-wide"
study() { # RANKS OUTPUT ARGUMENTS...
    n=$1 to=$2
    shift 2
    ranks $n run "$tmp/study.yaml" --set output="$to" "$@"
}
same_study() { # A B: every report of both
    folder_a=$1 folder_b=$2
    same_files "$1" "$2" report.txt report.csv study.yaml || return 1
    for one in $names; do
        same_files "$folder_a/$one" "$folder_b/$one" $reports || return 1
    done
}

runs "1 rank" 0 study 1 "$tmp/one/study" -v
cp "$out" "$tmp/one.out"
ok "stdout is the study's report" cmp "$out" "$tmp/one/study/report.txt"
says "one queue over the units of all runs" ' 50 images to score'
# 50 queries; per model 2 categories x 2 images that both seeds draw between them.
draws=$(cat "$tmp"/one/study/few-*/references.csv | grep -c '^[bl]')
distinct=0
for model in wide narrow; do
    distinct=$((distinct + $(sed 1d "$tmp/one/study/few-$model/references.csv" | cut -d , -f 1,4 | sort -u | wc -l)))
done
is "draws: 2 models, 2 categories, 2 seeds" $draws 8
says "an encoder pass a unit and a distinct reference" "; $((50 + distinct)) encoder passes"
says "references: a run of the same model finds the other's features" '^.*again-wide: references: .* 0 encoded'
# zero: t22 of 2 categories; few: t21 beside it; again: the same two.
says "text prototypes: each made once a model" 'prototypes: 8 pairs made, 8 shared'
is "a model is opened for the list, for references, for text and for units" \
    "$(grep -c 'bench: model' "$err")" "$(grep 'bench: model' "$err" | uniq | wc -l)"

runs "--dry-run on 2 ranks" 0 study 2 "$tmp/dry/study" --dry-run
ok "--dry-run: writes nothing" test ! -e "$tmp/dry"
is "--dry-run: a line a run: images, left, references, variants" \
    "$(awk '/^(zero|few|again)-|^all/ { print $1, $2, $3, $4, $1 == "all" ? "" : $5 }' "$out" | tr '\n' ';')" \
    "zero-wide 10 10 0 1;zero-narrow 10 10 0 1;few-wide 10 10 $((distinct / 2)) 6;few-narrow 10 10 $((distinct / 2)) 6;again-wide 10 10 $((distinct / 2)) 6;all 50 50 $((distinct / 2 * 3)) ;"
ok "--dry-run: time, memory and disk are estimated" awk '/^few-wide/ { exit !($6 > 0 && $8 > 0 && $9 > 0) }' "$out"
runs "--dry-run of what is done" 0 study 1 "$tmp/one/study" --dry-run
says "--dry-run of what is done: nothing is left" '^all +50 +0 ' "$out"

for n in 2 3; do
    runs "$n ranks" 0 study $n "$tmp/r$n/study"
    silent_mpi "$n ranks: no noise of MPI"
    ok "$n ranks: the bytes of 1" same_study "$tmp/one/study" "$tmp/r$n/study"
    ok "$n ranks: the stdout of 1" cmp "$tmp/one.out" "$out"
done

# A run of a study has the figures of the same run alone.
printf '%s\n' 'dataset: {name: mvtec, root: data}' 'model: {weights: wide.safetensors}' 'shots: [0, 1]' 'seeds: [0, 1]' \
    'preset: [paper, anomalib]' >"$tmp/alone.yaml"
runs "one of them alone" 0 program "$tmp/alone.yaml" --set output="$tmp/alone/run"
ok "alone: the same figures" same_files "$tmp/alone/run" "$tmp/one/study/few-wide" report.csv scores.csv references.csv

# Also when the other runs want more of the references. (The first run's scorer had no room for that once.)
cat >"$tmp/wants.yaml" <<END
set:
  dataset: {name: mvtec, root: data, categories: [bottle]}
  model: {weights: wide.safetensors}
  shots: [0, 1]
runs:
  - {name: a, set: {preset: caoyunkang}}
  - {name: b, set: {preset: [paper, anomalib], winclip: {windows: [1, 2, 3], reference_windows: [4, 3, 2]}}}
END
runs "two runs that want different features" 0 ranks 2 run "$tmp/wants.yaml" --set output="$tmp/wants/both"
for one in a b; do
    runs "run $one without the other" 0 ranks 1 run "$tmp/wants.yaml" --only $one --set output="$tmp/wants-$one/study"
    ok "run $one: the same bytes" same_files "$tmp/wants/both/$one" "$tmp/wants-$one/study/$one" $reports references.csv
done

# The report: a row of each run's report.csv, the models named, every line and category in the text.
wanted=0
for name in $names; do wanted=$((wanted + $(wc -l <"$tmp/one/study/$name/report.csv") - 1)); done
is "report.csv: every row of every run" $(($(wc -l <"$tmp/one/study/report.csv") - 1)) $wanted
is "report.csv: header" "$(head -n 1 "$tmp/one/study/report.csv")" \
    "run,model,$(head -n 1 "$tmp/one/study/zero-narrow/report.csv")"
value=$(awk -F, '$2 == "leather" && $7 == "auroc" { printf "%.1f", 100 * $8 }' "$tmp/one/study/zero-narrow/report.csv")
is "report.txt: a category of the second line" "$(awk '/^AUROC/ { t = 1 } t && /^leather/ { print $3; exit }' \
    "$tmp/one/study/report.txt")" "$value"
value=$(awk -F, '$2 == "mean" && $7 == "pixel_auroc" { printf "%.1f", 100 * $8 }' "$tmp/one/study/zero-narrow/report.csv")
is "report.txt: the mean of the second line" "$(awk '$1 == 2 && $2 == "winclip" { print $8; exit }' \
    "$tmp/one/study/report.txt")" "$value"
says "report.txt: the model of a run" '^zero-narrow: mvtec, narrow.safetensors' "$tmp/one/study/report.txt"
says "report.txt: deviation over seeds" '± over   2 seeds' "$tmp/one/study/report.txt"
ok "report.txt: 100 columns" awk '{ gsub(/±/, "+") } length($0) > 100 { exit 1 }' "$tmp/one/study/report.txt"
says "study.yaml: a run" 'name: "few-narrow", folder: "few-narrow"' "$tmp/one/study/study.yaml"
runs "report STUDY: its runs side by side" 0 program report "$tmp/one/study" --format csv
is "report STUDY: all of them" "$(tr , '\n' <"$out" | grep -E '^(zero|few|again)-' | sort -u | tr '\n' ' ')" \
    "$(echo $names | tr ' ' '\n' | sort | tr '\n' ' ')"
runs "report STUDY as LaTeX" 0 program report "$tmp/one/study" --format latex
says "report STUDY as LaTeX: a table" 'begin.tabular' "$out"

# Stopped and gone on with, as a whole.
"$WINCLIP" run "$tmp/study.yaml" --set output="$tmp/stop/study" >"$tmp/.bg-out" 2>"$tmp/.bg-err" &
pid=$!
for i in $(seq 600); do
    [ "$(cat "$tmp"/stop/study/few-wide/journal/*.wcj 2>/dev/null | wc -c)" -gt 8000 ] && break
    kill -0 $pid 2>/dev/null || break
    sleep 0.02
done
kill -USR1 $pid
wait $pid
is "stopped: exit code" $? 75
says "stopped: what is left of all" 'stopped: [0-9]+ of 50 images left; the same command goes on' "$tmp/.bg-err"
ok "stopped: no report" test ! -e "$tmp/stop/study/report.txt"
runs "status STUDY, stopped" 75 program status "$tmp/stop/study"
left=$(sed -n 's/.*stopped: \([0-9]*\) of 50.*/\1/p' "$tmp/.bg-err")
says "status STUDY, stopped: all together" "stop/study: [0-4] of 5 runs complete, 50 images: $((50 - left)) done, 0 failed, $left left" \
    "$out"
is "status STUDY, stopped: run by run" "$(grep -c 'stop/study/.*: run [0-9a-f]*, 10 images' "$out")" 5
runs "the same command on 3 ranks" 0 study 3 "$tmp/stop/study"
says "goes on with what was left" " $left images to score"
ok "the same bytes" same_study "$tmp/one/study" "$tmp/stop/study"
rm "$tmp/stop/study/report.txt"
runs "finished" 0 study 2 "$tmp/stop/study"
ok "finished: nothing is scored, the report again" cmp "$tmp/one.out" "$out"
is "finished: no images" "$(grep -c 'images to score' "$err")" 0

runs "status STUDY, complete, as JSON" 0 program status "$tmp/stop/study" --json
ok "status STUDY as JSON: five complete runs" perl -MJSON::PP -0777 -e '$s = decode_json(<STDIN>);
    exit !($s->{complete} && $s->{complete_runs} == 5 && @{$s->{runs}} == 5 && $s->{done} == 50)' <"$out"

# Part of it, and what is wrong.
runs "--only" 0 study 1 "$tmp/part/study" --only 'zero-*'
is "--only: its runs" "$(cd "$tmp/part/study" && echo */report.txt)" "zero-narrow/report.txt zero-wide/report.txt"
runs "--only: then all" 0 study 1 "$tmp/part/study"
ok "--only: then all: the same bytes" same_study "$tmp/one/study" "$tmp/part/study"
runs "--only nothing" 3 study 1 "$tmp/part/study" --only none
runs "another configuration in the folder" 3 study 1 "$tmp/part/study" --set seeds='[3]'
says "another configuration: names run and key" 'run few-wide: .*seeds: \[0, 1\] -> \[3\]|run zero-wide: .*seeds'
printf 'x' >"$tmp/data/bottle/test/good/000.png"
runs "a bad picture" 4 study 2 "$tmp/bad/study"
says "a bad picture: of all runs" '5 of 50 images failed'
ok "a bad picture: the reports are complete" test -s "$tmp/bad/study/report.txt"

done_testing
