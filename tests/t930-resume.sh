#!/bin/sh
# Interrupted runs: killed, stopped by a signal, or finished already. The same command goes on and gives the same bytes.
. tests/lib.sh

ok "small data set" mini "$tmp/data"
mini_config data 'preset: [paper, anomalib]' 'shots: [0, 2]' 'references: first' 'journal: {sync_s: 0}' >"$tmp/run.yaml"
command="$tmp/run.yaml --set threads=1"

n_records() { # scored images that the journals of a run hold, by their size on disk
    cat "$1"/journal/*.wcj 2>/dev/null | wc -c
}

# start RUN ARGUMENTS...: the program in the background on one rank; $pid.
start() {
    run=$1
    shift
    "$WINCLIP" $command --set output="$run" "$@" >"$tmp/.bg-out" 2>"$tmp/.bg-err" &
    pid=$!
}

# wait_for_bytes RUN N: until the journals hold more than N bytes; the process must still live then.
wait_for_bytes() {
    for i in $(seq 600); do
        [ "$(n_records "$1")" -gt "$2" ] && return 0
        kill -0 $pid 2>/dev/null || return 1
        sleep 0.05
    done
    return 1
}

runs "undisturbed" 0 program $command --set output="$tmp/whole/run"
cp "$out" "$tmp/whole.out"
total=$(n_records "$tmp/whole/run")

# Killed in the middle, on one rank; gone on with on one, and on three.
for ranks in 1 3; do
    run=$tmp/killed$ranks/run
    start "$run"
    ok "killed, then $ranks ranks: the run is under way" wait_for_bytes "$run" $((total / 4))
    kill -KILL $pid 2>/dev/null
    wait $pid 2>/dev/null
    is "killed, then $ranks ranks: exit code of the killed" $? 137
    ok "killed, then $ranks ranks: it had not finished" test ! -e "$run/report.txt"
    runs "killed, then $ranks ranks: the same command" 0 ranks $ranks $command --set output="$run"
    says "killed, then $ranks ranks: goes on" '[1-9] of 10 images are done already'
    ok "killed, then $ranks ranks: the same bytes" same_files "$tmp/whole/run" "$run" $reports references.csv
    ok "killed, then $ranks ranks: the same stdout" cmp "$tmp/whole.out" "$out"
done

# Signals that ask for a stop: the image in hand is finished, the exit code says that the command goes on.
for signal in TERM USR1 INT; do
    run=$tmp/$signal/run
    if [ $signal = INT ]; then # a background process of a shell ignores INT
        perl -e '$SIG{INT} = "DEFAULT"; exec @ARGV' -- "$WINCLIP" $command --set output="$run" >"$tmp/.bg-out" \
            2>"$tmp/.bg-err" &
        pid=$!
    else
        start "$run"
    fi
    ok "SIG$signal: the run is under way" wait_for_bytes "$run" $((total / 4))
    kill -$signal $pid
    wait $pid
    is "SIG$signal: exit code" $? 75
    says "SIG$signal: what is left, and the cure" 'stopped: [0-9]+ of 10 images left; the same command goes on' \
        "$tmp/.bg-err"
    is "SIG$signal: nothing on stdout" "$(cat "$tmp/.bg-out")" ""
    runs "SIG$signal: the same command" 0 program $command --set output="$run"
    says "SIG$signal: goes on" '[1-9] of 10 images are done already'
    ok "SIG$signal: the same bytes" same_files "$tmp/whole/run" "$run" $reports references.csv
done

# Through the launcher, which tells all ranks.
run=$tmp/mpirun/run
mpirun -n 2 "$WINCLIP" $command --set output="$run" >"$tmp/.bg-out" 2>"$tmp/.bg-err" &
pid=$!
ok "SIGUSR1 to mpirun: the run is under way" wait_for_bytes "$run" 0
kill -USR1 $pid
wait $pid
is "SIGUSR1 to mpirun: exit code" $? 75
is "SIGUSR1 to mpirun: told once" "$(grep -cE 'stopped.*; the same command goes on' "$tmp/.bg-err")" 1
runs "SIGUSR1 to mpirun: the same command on 3 ranks" 0 ranks 3 $command --set output="$run"
ok "SIGUSR1 to mpirun: the same bytes" same_files "$tmp/whole/run" "$run" $reports references.csv

# A burst of signals while matrices are multiplied. (The handler once ran on a stack that oneDNN's sgemm was using.)
for burst in 1 2 3; do
    start "$tmp/burst$burst/run"
    wait_for_bytes "$tmp/burst$burst/run" 0
    perl -e 'for (1 .. 2000) { kill("USR1", $ARGV[0]) or last; select(undef, undef, undef, 0.0001) }' $pid
    wait $pid
    is "a burst of signals, run $burst: exit code" $? 75
done

# Killed between the last image and the report: nothing is left to score. (Failed in a few-shot run once: no reference
# phase, no folder of features to tidy.)
run=$tmp/killed1/run
rm "$run"/report.* "$run/scores.csv"
runs "no report yet" 0 program $command --set output="$run"
says "no report yet: nothing is scored again" '10 of 10 images are done already'
ok "no report yet: the same bytes" same_files "$tmp/whole/run" "$run" $reports
rm "$run"/report.*
runs "no report yet, temporary features" 0 program $command --set output="$run" --set features=temporary
is "no report yet, temporary features: they are gone" "$(ls "$run/features" | wc -l)" 0

# A finished run prints its report at once.
cp -R "$tmp/whole" "$tmp/finished"
run=$tmp/finished/run
before=$(n_records "$run")
runs "finished" 0 ranks 2 $command --set output="$run"
ok "finished: the report again" cmp "$tmp/whole.out" "$out"
is "finished: nothing is scored" "$(n_records "$run")" "$before"
runs "finished, more threads and another log level" 0 program "$tmp/run.yaml" -q --set output="$run" --set threads=2
ok "finished, what cannot change a figure may differ: the report again" cmp "$tmp/whole.out" "$out"
is "-q: silent" "$(cat "$err")" ""

# --fresh starts over.
runs "--fresh" 0 program $command --set output="$run" --fresh
says "--fresh: all images again" '10 images to score'
ok "--fresh: the same bytes" same_files "$tmp/whole/run" "$run" $reports references.csv
runs "--fresh, other presets" 0 program $command --set output="$run" --fresh --set preset=accurate --set 'shots=[0]'
is "--fresh, other presets: no file of the other run is left" "$(ls "$run" | grep -c references)" 0

# Two at once in one folder.
start "$tmp/both/run"
wait_for_bytes "$tmp/both/run" 0
kill -STOP $pid
runs "a second run in the same folder" 3 program $command --set output="$tmp/both/run"
says "a second run in the same folder: who holds it" "lock.*process $pid|lock.*$pid"
kill -CONT $pid
wait $pid
is "a second run in the same folder: the first one ends well" $? 0

# A damaged journal: what was lost is scored again.
run=$tmp/TERM/run
journal=$(ls "$run"/journal/*.wcj | head -n 1)
size=$(wc -c <"$journal")
printf 'XXXXXXXXXXXXXXXX' | dd of="$journal" bs=1 seek=$((size / 2)) conv=notrunc 2>/dev/null
rm "$run"/report.*
runs "a damaged journal" 0 program $command --set output="$run"
says "a damaged journal: says so" 'WARN .*damaged from byte'
ok "a damaged journal: the same bytes" same_files "$tmp/whole/run" "$run" $reports
head -c $((size / 2)) "$journal" >"$tmp/cut" && cp "$tmp/cut" "$journal"
rm "$run"/report.*
runs "a journal cut short" 0 program $command --set output="$run"
ok "a journal cut short: the same bytes" same_files "$tmp/whole/run" "$run" $reports

# A picture that was bad is scored once it is good.
mkdir "$tmp/mended" && cp -R "$tmp/data" "$tmp/mended/data" && cp "$tmp/run.yaml" "$tmp/mended/"
picture=$tmp/mended/data/bottle/test/good/000.png
: >"$picture"
runs "a bad picture" 4 program "$tmp/mended/run.yaml" --set threads=1 --set output="$tmp/mended/run"
cp "$tmp/data/bottle/test/good/000.png" "$picture"
runs "the picture is mended" 0 program "$tmp/mended/run.yaml" --set threads=1 --set output="$tmp/mended/run"
says "the picture is mended: it alone is scored" '9 of 10 images are done already'
ok "the picture is mended: the same scores" cmp "$tmp/whole/run/scores.csv" "$tmp/mended/run/scores.csv"

done_testing
