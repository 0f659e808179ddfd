#!/bin/sh
# What many shots and seeds cost: one run of {0,1,2,4} shots x 5 seeds against one zero-shot pass over the queries plus
# one pass over the distinct references. Prints the ratio; the design allows 1.10. Needs `make all`.
set -eu
program=${WINCLIP:-build/winclip-mpi}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# Processor seconds of a phase: the wall clock of a shared machine tells little.
scoring() { sed -n 's/.*scoring took .*processor \([0-9.]*\) s.*/\1/p' "$1"; }
references() { sed -n 's/.*references: .*processor \([0-9.]*\) s.*/\1/p' "$1"; }

best=
for round in 1 2 3; do
    "$program" configs/sample.yaml --set "output=$dir/zero$round" --set preset=paper --set threads=1 2>"$dir/zero.log" >/dev/null
    "$program" configs/sample.yaml --set "output=$dir/all$round" --set preset=paper --set threads=1 --set features=temporary \
        --set 'shots=[0,1,2,4]' --set 'seeds=[0,1,2,3,4]' 2>"$dir/all.log" >/dev/null
    ratio=$(awk -v z="$(scoring "$dir/zero.log")" -v a="$(scoring "$dir/all.log")" -v r="$(references "$dir/all.log")" \
        'BEGIN { printf "%.4f", (a + r) / (z + r) }')
    echo "round $round: zero-shot $(scoring "$dir/zero.log") s, references $(references "$dir/all.log") s," \
        "16 variants $(scoring "$dir/all.log") s: ratio $ratio"
    best=$(awk -v a="${best:-9}" -v b="$ratio" 'BEGIN { print (b < a) ? b : a }')
done
echo "bench-variants: $best (at most 1.10)"
awk -v b="$best" 'BEGIN { exit !(b <= 1.10) }'
