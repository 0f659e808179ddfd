#!/bin/sh
# model.precision on the sample data set: figures near float32's, the same bytes whatever the number of ranks and
# threads, and errors that say what is missing.
. tests/lib.sh

# near_means RUN RUN LIMIT: the means over categories of image and pixel AUROC differ by at most LIMIT.
near_means() {
    for run in "$1" "$2"; do
        awk -F, '$2 == "mean" && ($7 == "auroc" || $7 == "pixel_auroc") { print $4, $7, $8 }' \
            "$run/report.csv" | sort >"$run/means"
    done
    [ "$(grep -c . "$1/means")" -ge 4 ] || return 1
    paste -d' ' "$1/means" "$2/means" | awk -v limit="$3" '
        { d = $3 - $6; d = d < 0 ? -d : d; print $1, $2, $3, $6; bad += $2 != $5 || d > limit }
        END { exit bad > 0 }'
}

runs "f32" 0 "$WINCLIP" configs/sample.yaml --set output="$tmp/f32"
for precision in bf16 int8; do
    case $precision in
    bf16) limit=0.001 ;;
    int8) limit=0.005 ;;
    esac
    if "$WINCLIP" configs/sample.yaml --set model.precision=$precision --set output="$tmp/$precision" >"$out" 2>"$err"; then
        says "$precision: the report names it" ", $precision," "$out"
        ok "$precision: AUROC within $limit of f32's" near_means "$tmp/f32" "$tmp/$precision" $limit
        ok "$precision: other scores than f32's" test "$(cksum <"$tmp/f32/scores.csv")" != \
            "$(cksum <"$tmp/$precision/scores.csv")"
        runs "$precision, 3 ranks, 2 threads each" 0 ranks 3 configs/sample.yaml --set model.precision=$precision \
            --set threads=2 --set output="$tmp/$precision-3"
        ok "$precision, 3 ranks: the same bytes as 1" same_files "$tmp/$precision" "$tmp/$precision-3" $reports
        runs "$precision: a run of f32 is another run" 3 "$WINCLIP" configs/sample.yaml --set output="$tmp/$precision"
        says "$precision: the error names the key" 'model.precision'
    else
        says "$precision is refused with what is missing" 'oneDNN|processor' || note <"$err"
        skip "$precision" "not on this machine"
    fi
done
runs "bf16 through OpenBLAS" 3 "$WINCLIP" configs/sample.yaml --set model.precision=bf16 --set gemm=openblas \
    --set output="$tmp/none"
says "bf16 through OpenBLAS: the error names the cure" 'oneDNN.*choose f32'
runs "gemm=openblas" 0 "$WINCLIP" configs/sample.yaml --set gemm=openblas --set output="$tmp/openblas"
says "gemm=openblas: the report names it" 'OpenBLAS' "$out"
runs "an unknown precision" 3 "$WINCLIP" configs/sample.yaml --set model.precision=fp8 --set output="$tmp/none"
says "an unknown precision: the error names the known" 'f32.*bf16.*int8'

done_testing
