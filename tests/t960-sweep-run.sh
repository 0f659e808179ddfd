#!/bin/sh
# Whole runs in which the n-th allocation or file call fails: a named error and its code, never a crash, a hang or a
# partial report; and the same command, undisturbed, gives the bytes of a run in which nothing failed.
. tests/lib.sh

mkdir -p "$tmp/data" && mini "$tmp/mini" && mv "$tmp/mini/bottle" "$tmp/data/"
mini_config data 'shots: [0, 1]' 'references: first' 'journal: {sync_s: 0}' >"$tmp/run.yaml"
command="$tmp/run.yaml --set threads=1"
runs "undisturbed" 0 program $command --set output="$tmp/whole"
n_points=0 n_failed=0

# whole_or_none RUN CODE: each report is absent or complete, nothing temporary is left. (Code 4: a picture failed, and
# the reports say so.)
whole_or_none() {
    [ -z "$(find "$1" -name '*.tmp.*' 2>/dev/null)" ] || return 1
    [ "$2" -ne 4 ] || return 0
    for f in report.json report.csv scores.csv report.txt; do
        [ ! -e "$1/$f" ] || cmp -s "$tmp/whole/$f" "$1/$f" || return 1
    done
}

# point FAULT CODES RANKS: one run with the fault, then the same command without. Adds what is wrong to $bad.
point() {
    rm -rf "$tmp/run"
    WC_FAULT=$1 ranks "$3" $command --set output="$tmp/run" >"$out" 2>"$err" </dev/null
    code=$?
    n_points=$((n_points + 1))
    case " $2 " in
    *" $code "*) ;;
    *) bad="$bad
$1: exit code $code: $(tail -n 1 "$err")" ;;
    esac
    if [ $code -ne 0 ]; then
        n_failed=$((n_failed + 1))
        grep -Eq '^winclip-mpi: .' "$err" || bad="$bad
$1: no message"
        grep -Eiq 'sanitizer|segmentation|stack smashing' "$err" && bad="$bad
$1: $(tail -n 1 "$err")"
    fi
    whole_or_none "$tmp/run" $code || bad="$bad
$1: a partial file: $(find "$tmp/run" -name '*.tmp.*' | head -n 1)"
    [ $code -ne 0 ] || [ ! -s "$tmp/run/report.txt" ] || return 0
    ranks "$3" $command --set output="$tmp/run" >"$out" 2>"$err" </dev/null
    code=$?
    if [ $code -ne 0 ]; then
        bad="$bad
$1: the same command afterwards: exit code $code: $(tail -n 1 "$err")"
    elif ! same_files "$tmp/whole" "$tmp/run" $reports >/dev/null; then
        bad="$bad
$1: the same command afterwards: other bytes"
    fi
}

# sweep NAME RANKS CODES FAULT-BEFORE FAULT-AFTER N...
sweep() {
    sweep_name=$1 sweep_ranks=$2 sweep_codes=$3 before=$4 after=$5 bad=
    shift 5
    sweep_n=0
    for i; do
        point "$before:$i$after" "$sweep_codes" "$sweep_ranks"
        sweep_n=$((sweep_n + 1))
    done
    [ -z "$bad" ]
    result $? "$sweep_name: $sweep_n places" || echo "$bad" | sed 1d | note
}

# Codes: a failure of one picture is recorded (4); one of the run is memory (6) or the system (5). A call that was
# interrupted or did half is none.
if [ -n "$WC_TEST_FULL" ]; then
    few=$(seq 1 40) some="$(seq 1 60) $(seq 65 5 300)" many="$(seq 1 3 300) $(seq 310 29 4000)"
else
    few=5 some="3 24" many="60 1500"
fi
sweep "allocation" 1 "0 4 6" alloc "" $many
sweep "allocations from there on" 1 "0 4 6" alloc ":persist" $few
sweep "open" 1 "0 4 5" open "" $some
sweep "open from there on" 1 "0 4 5" open ":persist" $few
sweep "read" 1 "0 4 5" read "" $some
sweep "read, interrupted" 1 "0" read ":eintr" $few
sweep "read, short from there on" 1 "0" read ":persist:short" 1
sweep "map" 1 "0 4 5" map "" $few
sweep "write: ENOSPC" 1 "0 5" write "" $some
sweep "write: ENOSPC from there on" 1 "0 5" write ":persist" $some
sweep "write: EIO" 1 "0 5" write ":eio" $few
sweep "write, interrupted" 1 "0" write ":eintr" $few
sweep "write, short from there on" 1 "0" write ":persist:short" 1
sweep "fsync" 1 "0 5" fsync "" $some
sweep "close" 1 "0 4 5" close "" $few
sweep "rename" 1 "0 5" rename "" 2
sweep "allocation, 2 ranks" 2 "0 4 6" alloc "" 900
sweep "write from there on, 2 ranks" 2 "0 5" write ":persist" 8
ok "there were failures" test $n_failed -gt 4
echo "# count: $n_points injected failures in whole runs"
done_testing
