#!/bin/sh
# Killed as by SIGKILL in a write, before it, before an fsync, before a rename: on one rank, on one of four, on all four.
# Each time the same command goes on, on another number of ranks, and gives the bytes of an undisturbed run. Then
# journals that were cut, and journals in which bits flipped. WC_TEST_FULL=1 takes every place.
. tests/lib.sh

mkdir -p "$tmp/data" && mini "$tmp/mini" && mv "$tmp/mini/bottle" "$tmp/data/"
mini_config data 'shots: [0, 1]' 'references: first' 'preset: paper' 'journal: {sync_s: 0}' >"$tmp/run.yaml"
command="$tmp/run.yaml --set threads=1 -q"
runs "undisturbed" 0 program $command --set output="$tmp/whole"
n_points=0 n_killed=0

# again RANKS WHAT: the same command goes on. Adds what is wrong to $bad.
again() {
    ranks "$1" $command --set output="$tmp/run" >"$out" 2>"$err" </dev/null
    code=$?
    if [ $code -ne 0 ]; then
        bad="$bad
$2: the same command afterwards: exit code $code: $(tail -n 1 "$err")"
    elif ! same_files "$tmp/whole" "$tmp/run" $reports references.csv >"$tmp/.cmp" 2>&1; then
        bad="$bad
$2: the same command afterwards: $(cat "$tmp/.cmp")"
    elif ! "$WINCLIP" status "$tmp/run" >"$tmp/.status" 2>&1; then
        bad="$bad
$2: status afterwards: $(cat "$tmp/.status")"
    fi
}

# point FAULT WHO: one run that is killed. WHO: 1 (one rank), all, or the rank of four that is killed.
# 0: it was killed; 1: there are fewer such calls, it ran to its end.
point() {
    rm -rf "$tmp/run"
    set -- "$1" "$2" "$WINCLIP" $command --set "output=$tmp/run"
    fault=$1 who=$2
    shift 2
    case $who in
    1) WC_FAULT=$fault timeout 60 "$@" ;;
    all) WC_FAULT=$fault timeout 60 mpirun -n 4 "$@" ;;
    0) timeout 60 mpirun -n 1 env WC_FAULT="$fault" "$@" : -n 3 "$@" ;;
    *) timeout 60 mpirun -n "$who" "$@" : -n 1 env WC_FAULT="$fault" "$@" : -n $((3 - who)) "$@" ;;
    esac >"$out" 2>"$err" </dev/null
    code=$?
    n_points=$((n_points + 1))
    [ $code -ne 0 ] || return 1
    n_killed=$((n_killed + 1))
    [ $code -ne 124 ] || bad="$bad
$fault, $who: it hangs"
    for f in $reports; do
        [ ! -e "$tmp/run/$f" ] || cmp -s "$tmp/whole/$f" "$tmp/run/$f" || bad="$bad
$fault, $who: $f is there, and is not the whole one"
    done
    case $who in
    1) again $((1 + n_killed % 4 / 3)) "$fault, $who" ;;
    *) again $((1 + n_killed % 2)) "$fault, $who" ;;
    esac
}

# sweep WHO KIND HOW N...: stops where the run has no such call any more.
sweep() {
    who=$1 kind=$2 how=$3 bad= n_places=0
    shift 3
    for i; do
        point "$kind:$i:$how" "$who" || break
        n_places=$((n_places + 1))
    done
    case $who in
    1) name="one rank" ;;
    all) name="all of four ranks" ;;
    *) name="rank $who of four" ;;
    esac
    [ -z "$bad" ] && [ $n_places -gt 0 ]
    result $? "$kind, $how, $name: killed at $n_places places" || echo "$bad" | sed 1d | note
}

if [ -n "$WC_TEST_FULL" ]; then
    every=$(seq 1 400)
    for who in 1 0 2 all; do
        sweep $who write kill $every
        sweep $who write torn $every
        sweep $who fsync kill $every
        # Ranks other than 0 rename nothing but features of references.
        [ $who = 2 ] || sweep $who rename kill $every
    done
else
    sweep 1 write kill 2 9 17
    sweep 1 write torn 7 14
    sweep 1 fsync kill 4 11
    sweep 1 rename kill 1 6
    sweep all write torn 3
    sweep 2 write kill 2
fi
ok "processes were killed" test $n_killed -gt 5

# The journal cut at every byte of its last two records (a sample: at their borders, and inside).
journal=$(cd "$tmp/whole" && ls journal/*.wcj)
size=$(wc -c <"$tmp/whole/$journal")
record=$(((size - 400) / 5))
if [ -n "$WC_TEST_FULL" ]; then
    cuts=$(seq $((size - 2 * record)) $((size - 1)))
else
    cuts="$((size - 2 * record)) $((size - record - 1)) $((size - record + 9)) $((size - 1))"
fi
bad= n_cuts=0
for cut in $cuts; do
    rm -rf "$tmp/run" && cp -R "$tmp/whole" "$tmp/run" && rm "$tmp"/run/report.* "$tmp/run/scores.csv"
    head -c "$cut" "$tmp/whole/$journal" >"$tmp/run/$journal"
    again 1 "cut at byte $cut"
    n_cuts=$((n_cuts + 1))
done
[ -z "$bad" ]
result $? "the journal cut at $n_cuts places" || echo "$bad" | sed 1d | note

# One bit flips: by a generator with a fixed seed, so that each run of this test sees the same.
[ -n "$WC_TEST_FULL" ] && flips=300 || flips=3
bad=
for i in $(seq $flips); do
    rm -rf "$tmp/run" && cp -R "$tmp/whole" "$tmp/run" && rm "$tmp"/run/report.* "$tmp/run/scores.csv"
    perl -e 'srand($ARGV[1]); open(F, "+<", $ARGV[0]) or die; binmode F; my $at = int(rand(-s F)); seek(F, $at, 0); read(F, my $c, 1);
        seek(F, $at, 0); print F chr(ord($c) ^ (1 << int(rand(8))))' "$tmp/run/$journal" "$i" || bad="$bad
no bit was flipped"
    again 1 "bit flip $i"
done
[ -z "$bad" ]
result $? "$flips flipped bits" || echo "$bad" | sed 1d | note
echo "# count: $n_killed killed runs, $n_cuts cuts, $flips flipped bits"
done_testing
