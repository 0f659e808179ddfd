#!/bin/sh
# The sample data set from the command line: expected scores and metrics, and the same bytes whatever the number of
# ranks and threads.
. tests/lib.sh

expected=tests/data/sample

# Rows of an expected file for the configured presets and shots.
rows() { # FILE PRESETS SHOTS
    awk -F, -v presets=" $2 " -v shots=" $3 " '
        FNR == 1 { for (i = 1; i <= NF; i++) col[$i] = i; print; next }
        index(presets, " " $(col["preset"]) " ") && index(shots, " " $(col["shot"]) " ")' "$1"
}

expect() { # NAME RUN PRESETS SHOTS
    rows $expected/expected_scores.csv "$3" "$4" >"$tmp/scores.want"
    rows $expected/expected_metrics.csv "$3" "$4" >"$tmp/metrics.want"
    ok "$1: expected scores" near_csv "category image label method preset shot" score 1e-4 "$tmp/scores.want" \
        "$2/scores.csv"
    ok "$1: expected metrics" near_csv "category method preset shot metric" value 1e-4 "$tmp/metrics.want" \
        "$2/report.csv"
}

# Zero-shot, as configs/sample.yaml stands: issue's rank counts.
for n in 1 2 3 4 7; do
    runs "$n ranks" 0 ranks $n configs/sample.yaml --set output="$tmp/r$n" || { tail -n 5 "$err" | note; continue; }
    cp "$out" "$tmp/out$n"
    silent_mpi "$n ranks: no noise of MPI"
    if [ $n -eq 1 ]; then
        expect "zero-shot" "$tmp/r1" "paper accurate" 0
        ok "stdout is the text report" cmp "$tmp/out1" "$tmp/r1/report.txt"
    else
        ok "$n ranks: the same bytes as 1" same_files "$tmp/r1" "$tmp/r$n" $reports
        ok "$n ranks: the same stdout as 1" cmp "$tmp/out1" "$tmp/out$n"
    fi
done
is "report.csv: header" "$(head -n 1 "$tmp/r1/report.csv")" \
    "dataset,category,method,preset,shot,seed,metric,value,n_images"
is "scores.csv: header" "$(head -n 1 "$tmp/r1/scores.csv")" \
    "dataset,category,image,label,method,preset,shot,seed,score"
ls "$tmp/r7/journal" >"$tmp/journals"
is "7 ranks: a journal each" "$(grep -c . "$tmp/journals")" 7
says "report: model, hash, preset, prompts, precision, ISA, run id in one line" \
    'model.safetensors.*7c8a7e19e4343ecb.*paper.*prompts.*f32.*(scalar|avx2|avx512).*run [0-9a-f]{16}' "$tmp/out1"
ok "report.json is JSON" perl -MJSON::PP -0777 -e 'decode_json(<STDIN>)->{results} or die' <"$tmp/r1/report.json"

# Few-shot, all presets that the sample has figures for.
runs "few-shot" 0 ranks 2 configs/sample.yaml --set output="$tmp/few" --set 'preset=[paper, accurate, anomalib]' \
    --set 'shots=[0, 1, 2, 4]' --set references=first
expect "few-shot" "$tmp/few" "paper accurate anomalib" "0 1 2 4"

# Every kind of variant, on little data: ranks, threads and stored features change nothing. Each run has a folder of its
# own above it, for the features of references lie beside the run.
ok "small data set" mini "$tmp/mini"
mini_config mini 'preset: [paper, accurate, anomalib, caoyunkang]' 'method: [winclip, clip_ac, patch_token]' \
    'shots: [0, 1, 2]' 'seeds: [0, 1, 2]' >"$tmp/all.yaml"
sed -i 's/name: mvtec,/name: mvtec, categories: [bottle],/' "$tmp/all.yaml"
runs "all variants, 1 rank, 1 thread" 0 ranks 1 "$tmp/all.yaml" --set output="$tmp/all1/run" --set threads=1
runs "all variants, 3 ranks" 0 ranks 3 "$tmp/all.yaml" --set output="$tmp/all3/run"
ok "all variants, 3 ranks: the same bytes as 1" same_files "$tmp/all1/run" "$tmp/all3/run" $reports references.csv
runs "all variants, 2 threads" 0 ranks 1 "$tmp/all.yaml" --set output="$tmp/all1/again" --set threads=2
says "2 threads: the features of references are taken from the first run" 'references: .* 0 encoded'
ok "2 threads: the same bytes as 1" same_files "$tmp/all1/run" "$tmp/all1/again" $reports references.csv

# More ranks than images.
mini_config mini 'preset: anomalib' 'shots: [0, 1]' >"$tmp/few.yaml"
sed -i 's/name: mvtec,/name: mvtec, categories: [leather],/' "$tmp/few.yaml"
runs "5 images, 1 rank" 0 ranks 1 "$tmp/few.yaml" --set output="$tmp/few1/run"
runs "5 images, 8 ranks" 0 ranks 8 "$tmp/few.yaml" --set output="$tmp/few8/run"
ok "5 images, 8 ranks: the same bytes as 1" same_files "$tmp/few1/run" "$tmp/few8/run" $reports references.csv

# Each instruction set that this processor has.
for isa in scalar avx2 avx512; do
    case $isa in
    scalar) flag=. ;;
    avx2) flag=avx2 ;;
    avx512) flag=avx512vl ;;
    esac
    if ! grep -q "$flag" /proc/cpuinfo || [ "$(uname -m)" != x86_64 ]; then
        skip "$isa" "this processor has none"
        continue
    fi
    runs "$isa" 0 env WC_ISA=$isa "$WINCLIP" configs/sample.yaml --set 'dataset.categories=[leather]' \
        --set output="$tmp/$isa" || continue
    says "$isa: the report names it" ", $isa," "$out"
    rows $expected/expected_scores.csv "paper accurate" 0 | grep -E '^(category|leather)' >"$tmp/want"
    ok "$isa: expected scores" near_csv "category image label method preset shot" score 1e-4 "$tmp/want" \
        "$tmp/$isa/scores.csv"
done
runs "an unknown ISA" 3 env WC_ISA=avx9 "$WINCLIP" configs/sample.yaml --set output="$tmp/none"
says "an unknown ISA is named" 'avx9.*(scalar|avx2)'

done_testing
