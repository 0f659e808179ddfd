#!/bin/sh
# winclip-mpi report: a run's report from its report.json, parts of a benchmark merged, runs side by side, published
# figures beside a run.
. tests/lib.sh

mini "$tmp/mini"
mini_config mini 'preset: [paper, accurate]' >"$tmp/mini.yaml"
runs "both categories" 0 ranks 2 "$tmp/mini.yaml" --set output="$tmp/all"
for c in bottle leather; do
    runs "part $c" 0 ranks 1 "$tmp/mini.yaml" --set output="$tmp/part/$c" --set "dataset.categories=[$c]"
done

# From report.json alone, the same bytes as the run wrote.
mkdir "$tmp/copy" && cp "$tmp/all/report.json" "$tmp/copy/"
for pair in text:txt csv:csv json:json latex:tex markdown:md; do
    format=${pair%:*} file=report.${pair#*:}
    runs "$format" 0 program report "$tmp/copy" --format "$format" --out "$tmp/$file"
    ok "$format: the run's own bytes" cmp "$tmp/all/$file" "$tmp/$file"
done
runs "of a file" 0 program report "$tmp/copy/report.json"
ok "text on standard output" cmp "$out" "$tmp/all/report.txt"

# The parts of an array job.
runs "parts, merged" 0 program report "$tmp/part/bottle" "$tmp/part/leather" --format csv
ok "parts, merged: the figures of one run over both" cmp "$out" "$tmp/all/report.csv"
runs "parts, apart" 0 program report --apart "$tmp/part/bottle" "$tmp/part/leather"
says "parts, apart: side by side" '^bottle: winclip paper 0-shot ' "$out"
runs "a part that has not ended" 4 program report "$tmp/part/bottle" "$tmp/part/none" "$tmp/part/leather"
says "it is named, and the way out" 'part/none.*--skip-missing'
runs "without it" 0 program report --skip-missing "$tmp/part/bottle" "$tmp/part/none" "$tmp/part/leather" --format csv
says "with a warning" 'WARN .*part/none'
ok "without it: the others" cmp "$out" "$tmp/all/report.csv"
runs "none has ended" 4 program report --skip-missing "$tmp/part/none"

# Side by side.
runs "two runs" 0 program report "$tmp/all" "$tmp/part/bottle" --format csv
is "two runs: columns" "$(head -n 1 "$out")" \
    "run,dataset,category,method,preset,shot,metric,value,std,n_seeds,reference,table,reference_value,reference_std,difference"
says "two runs: equal figures differ by 0" '^bottle,mvtec,bottle,winclip,paper,0,pixel_auroc,.*,all,,.*,0$' "$out"
runs "two runs as JSON" 0 program report "$tmp/all" "$tmp/part/bottle" --format json
ok "comparison: JSON of the described form" perl -MJSON::PP -0777 -e '
    $c = decode_json(<STDIN>);
    die unless $c->{schema} eq "winclip-mpi/comparison" && $c->{schema_version} == 1 && @{$c->{runs}} == 2;
    die unless $c->{runs}[1]{name} eq "bottle" && $c->{runs}[1]{report}{schema} eq "winclip-mpi/report";
    $d = $c->{differences}[0];
    for (qw(run category method preset shot metric value n_seeds reference table reference_value difference)) {
        die $_ unless exists $d->{$_}
    }' <"$out"
for format in text latex markdown; do
    runs "two runs as $format" 0 program report "$tmp/all" "$tmp/part/bottle" --format $format
    says "two runs as $format: differences" 'diff' "$out"
done

# Published figures.
runs "beside the paper" 0 program report "$tmp/all" --compare paper
says "beside the paper: bottle's AUROC of table 10" '^bottle .* 99\.2 ' "$out"
says "beside the paper: multi-crop is noted" 'table 10, AUROC: with multi-crop' "$out"
says "beside the paper: two categories give no mean to compare" 'not compared.*15 categories of mvtec' "$out"
runs "beside the paper, CSV" 0 program report "$tmp/all" --compare paper --format csv
is "the paper's value and the difference" "$(awk -F, '$3 == "leather" && $5 == "paper" && $7 == "pixel_auroc" {
    printf "%s %s %.3f %s\n", $11, $12, $13, ($8 - $13 - $15) ^ 2 < 1e-12 ? "adds up" : "does not" }' "$out")" \
    "paper 13 0.967 adds up"
runs "beside the implementations" 0 program report "$tmp/all" --compare peers
says "beside the implementations: Accurate-WinCLIP's 90.4 and 82.3" '^Accurate-WinCLIP +90\.4 .* 82\.3 ' "$out"
says "beside the implementations: the nearest is named" '^Nearest: ' "$out"
runs "beside nothing of that name" 4 program report "$tmp/all" --compare nobody
says "what there is" 'paper and peers'
printf 'source,table\npaper,1\n' >"$tmp/bad.csv"
runs "beside a CSV without the columns" 4 program report "$tmp/all" --compare "$tmp/bad.csv"
says "the column that is missing" 'no column "dataset"'
published=configs/published/paper.csv
is "paper.csv: rows of all tables" "$(cut -d, -f 2 $published | sort -u | tr '\n' ' ')" \
    "1 10 11 12 13 14 15 16 17 18 19 2 20 21 3 4 5 6 7 8_main 8_supp 9 table "
is "paper.csv: table 10's repeated column is left out" "$(grep -c '^paper,10,mvtec,[a-z_]*,patchcore,,,,4,' $published)" 1

# Counts of what was published.
runs "check: counts" 0 program check "$tmp/mini.yaml"
says "check: beside the published ones" '^bottle +2 +2 +3 +3  published: 209 20 63$' "$out"
says "check: and what that means" '^2 categories do not hold what was published' "$out"
mkdir -p "$tmp/share/configs/published"
printf 'dataset,category,train_normal,test_normal,test_total\nmvtec,bottle,2,2,5\n' >"$tmp/share/configs/published/dataset_counts.csv"
(cd "$tmp" && WINCLIP_SHARE=$tmp/share program check mini.yaml >"$tmp/check.out" 2>/dev/null)
says "check: as published" '^bottle .* as published$' "$tmp/check.out"
says "check: nothing about a category that is not listed" '^leather +2 +2 +3 +3$' "$tmp/check.out"

# Intervals.
runs "intervals" 0 program report "$tmp/all" --bootstrap 200 --bootstrap-seed 3 --format csv
says "intervals: two more columns" 'n_images,low,high$' "$out"
says "intervals: of the mean" '^mvtec,mean,winclip,paper,0,0,auroc,[0-9.]+,10,[0-9.]+,[0-9.]+$' "$out"
says "intervals: none of pixels" ',pixel_auroc,[0-9.]+,[0-9]+,n/a,n/a$' "$out"
cp "$out" "$tmp/intervals"
runs "intervals again" 0 program report "$tmp/all" --bootstrap 200 --bootstrap-seed 3 --format csv
ok "the same seed, the same bytes" cmp "$out" "$tmp/intervals"
runs "a run with intervals" 0 ranks 2 "$tmp/mini.yaml" --set output="$tmp/all" --bootstrap 200 --set bootstrap.seed=3
ok "a run with intervals: those of the report" cmp "$tmp/all/report.csv" "$tmp/intervals"
runs "a level of 2" 2 program report "$tmp/all" --bootstrap 200 --bootstrap-level 2
runs "an unknown format" 2 program report "$tmp/all" --format pdf
says "the known ones" 'text, csv, json, latex, markdown'
runs "no run" 2 program report
done_testing
