#!/bin/sh
# What happens to ranks: one is killed, stopped and continued, aborts, or is fifty times slower. The run ends in bounded
# time with a named cause, or goes on; and the same command afterwards gives the same bytes.
. tests/lib.sh

ok "small data set" mini "$tmp/data"
mini_config data 'shots: [0, 1]' 'references: first' 'journal: {sync_s: 0}' >"$tmp/run.yaml"
command="$tmp/run.yaml --set threads=1"
runs "undisturbed" 0 program $command --set output="$tmp/whole"
# A run that takes a few seconds: each picture several times.
for c in bottle leather; do
    for i in 1 2 3 4 5 6 7 8; do
        cp "$tmp/data/$c/test/good/000.png" "$tmp/data/$c/test/good/1$i.png"
    done
done
runs "undisturbed, longer" 0 program $command --set output="$tmp/long"

# start N RUN: N ranks in the background; $pid is mpirun's, $rank_pids the ranks'.
start() {
    mpirun -n "$1" "$WINCLIP" $command --set output="$2" >"$tmp/.bg-out" 2>"$tmp/.bg-err" &
    pid=$!
    for i in $(seq 400); do
        [ -n "$(cat "$2"/journal/*.wcj 2>/dev/null | head -c 500 | tail -c 1 | od -An -c)" ] && break
        kill -0 $pid 2>/dev/null || return 1
        sleep 0.05
    done
    rank_pids=$(pgrep -f "^$WINCLIP .*output=$2")
    [ -n "$rank_pids" ]
}

# ends NAME SECONDS: the launcher ends within that time; its code is in $code.
ends() {
    ends_name=$1 waited=0
    while kill -0 $pid 2>/dev/null && [ $waited -lt $(($2 * 10)) ]; do
        sleep 0.1
        waited=$((waited + 1))
    done
    kill -0 $pid 2>/dev/null
    alive=$?
    [ $alive -ne 0 ] || kill -KILL $pid $rank_pids 2>/dev/null
    wait $pid
    code=$?
    result $((alive == 0)) "$ends_name: ends within $2 s"
}

# goes_on NAME RUN: the same command, on another number of ranks, gives the undisturbed bytes.
goes_on() {
    runs "$1: the same command" 0 ranks 2 $command --set output="$2"
    ok "$1: the same bytes" same_files "$tmp/long" "$2" $reports references.csv
}

for signal in KILL ABRT; do
    run=$tmp/$signal
    ok "a rank gets SIG$signal: under way" start 3 "$run"
    kill -$signal "$(echo $rank_pids | cut -d' ' -f2)"
    ends "a rank gets SIG$signal" 60
    ok "a rank gets SIG$signal: not success" test $code -ne 0
    says "a rank gets SIG$signal: the launcher names it" "signal [0-9]+ \((Killed|Aborted)\)|exited on signal" "$tmp/.bg-err"
    ok "a rank gets SIG$signal: no report" test ! -e "$run/report.txt"
    [ -z "$(pgrep -f "output=$run")" ]
    result $? "a rank gets SIG$signal: no rank is left"
    goes_on "a rank got SIG$signal" "$run"
done

run=$tmp/stopped
ok "a rank is stopped: under way" start 3 "$run"
victim=$(echo $rank_pids | cut -d' ' -f3)
kill -STOP "$victim"
sleep 2
ok "a rank is stopped: the run waits, nothing fails" kill -0 $pid
kill -CONT "$victim"
ends "a rank is stopped and continued" 120
is "a rank is stopped and continued: success" $code 0
ok "a rank is stopped and continued: the same bytes" same_files "$tmp/long" "$run" $reports references.csv

# Fifty times slower: stopped 49 of 50 parts of the time. The others do its share.
run=$tmp/slow
ok "a slow rank: under way" start 3 "$run"
victim=$(echo $rank_pids | cut -d' ' -f2)
perl -e '$SIG{ALRM} = sub { exit }; alarm 100;
    while (kill 0, $ARGV[0]) { kill "STOP", $ARGV[0]; select(undef, undef, undef, 0.049); kill "CONT", $ARGV[0];
    select(undef, undef, undef, 0.001) }' "$victim" &
slowing=$!
ends "a slow rank" 120
kill $slowing 2>/dev/null
is "a slow rank: success" $code 0
ok "a slow rank: the same bytes" same_files "$tmp/long" "$run" $reports references.csv
done_testing
