#!/bin/sh
# The hand-out on several ranks: the checks of t820 there.
. tests/lib.sh
queue=${WINCLIP%/*}/tests/t820-queue.t
for n in 2 7; do
    runs "$n ranks" 0 timeout -k 5 120 mpirun -n $n "$queue"
    is "$n ranks: every check passes" "$(grep -c '^ok' "$out")" 65
    grep '^not ok' "$out" | note
done
done_testing
