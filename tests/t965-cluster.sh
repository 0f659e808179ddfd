#!/bin/sh
# What a cluster asks of a run: its status, a time limit, the layout, stuck ranks, a second Ctrl-C.
. tests/lib.sh

ok "small data set" mini "$tmp/data"
mini_config data 'preset: paper' 'journal: {sync_s: 0}' >"$tmp/run.yaml"
run=$tmp/run
command="$tmp/run.yaml --set threads=1 --set output=$run"
layout='layout: 2 ranks x 1 threads on 1 nodes \(a node: 2 ranks, [0-9]+ cores, [0-9]+ GB\), '

# Status.
runs "status of no run" 4 program status "$tmp"
says "status of no run: says so" 'no run directory.*\[not-a-run\]'
runs "status of nothing" 2 program status
program $command --set output="$tmp/slow/run" >"$tmp/.bg-out" 2>&1 &
pid=$!
for i in $(seq 200); do
    [ "$(cat "$tmp"/slow/run/journal/*.wcj 2>/dev/null | wc -c)" -gt 1000 ] && break
    sleep 0.05
done
pkill -STOP -P $pid
runs "status of a run under way" 75 program status "$tmp/slow/run"
says "says what is left" '10 images: [0-9]+ done, 0 failed, [1-9][0-9]* left; report: not yet' "$out"
says "and who is at work" 'in use: host [^ ]+, process [0-9]+, since 20' "$out"
pkill -CONT -P $pid
wait $pid

# A time limit.
runs "a time limit that is over" 75 program $command --time-limit 1
says "says why, and what is left" 'stopped before the time limit: 10 of 10 images left; the same command goes on'
runs "its status" 75 program status "$run"
says "nothing is done" '10 images: 0 done, 0 failed, 10 left; report: not yet' "$out"
SLURM_JOB_END_TIME=$(($(date +%s) + 1))
export SLURM_JOB_END_TIME
runs "the end of a Slurm job" 75 program $command
runs "--time-limit 0: none" 0 program $command --time-limit 0
runs "its status" 0 program status "$run"
says "all is done" '10 images: 10 done, 0 failed, 0 left; report: written' "$out"
unset SLURM_JOB_END_TIME
for text in 1x 1:2:3:4 1-2 1:77 ''; do
    runs "--time-limit \"$text\"" 2 program $command --time-limit "$text"
done
runs "--time-limit with days" 0 program $command --time-limit 1-02:03:04
runs "status of a finished run, JSON" 0 program status --json "$run"
says "status of a finished run, JSON: what it says" '"images": 10, "done": 10, "failed": 0, "left": 0, "report": true, "complete": true, "damaged": 0, "in_use": null, "failures": \[\]' "$out"

# A failed image and a damaged journal.
cp -R "$tmp/data" "$tmp/bad" && : >"$tmp/bad/bottle/test/good/000.png"
mini_config bad 'preset: paper' >"$tmp/bad.yaml"
runs "a bad picture" 4 program "$tmp/bad.yaml" --set output="$tmp/failed/run" --set threads=1
runs "its status" 0 program status "$tmp/failed/run"
says "is counted" '9 done, 1 failed, 0 left; report: written' "$out"
says "and named" '^failed: .*bottle/test/good/000.png' "$out"
journal=$(ls "$run"/journal/*.wcj)
printf 'XXXXXXXXXXXXXXXX' | dd of="$journal" bs=1 seek=$(($(wc -c <"$journal") / 2)) conv=notrunc 2>/dev/null
runs "status of a damaged run" 75 program status "$run"
says "says so" 'damaged regions in journals: 1' "$out"
says "and what is lost" '9 done, 0 failed, 1 left' "$out"

# The layout.
runs "layout" 0 env OMPI_MCA_hwloc_base_binding_policy=none mpirun -n 2 "$WINCLIP" $command --fresh
says "layout: told" "$layout"
runs "more threads than cores" 0 program "$tmp/run.yaml" --set output="$run" --set threads=64
says "more threads than cores: warned of" 'WARN layout: [0-9.]+ threads a core'
runs "SLURM_CPUS_PER_TASK" 0 env SLURM_CPUS_PER_TASK=1 "$WINCLIP" "$tmp/run.yaml" --set output="$run"
says "SLURM_CPUS_PER_TASK: gives the threads" 'layout: 1 ranks x 1 threads'

# The simulator, on that run's images.
runs "bench --simulate" 0 program bench --simulate run="$run" --simulate ranks=1,64,1024 --simulate images=100000 --simulate reduce_mb=0
says "bench --simulate: what it assumes" '10 images measured, .*Assumed: a question 5e-06 s' "$out"
says "bench --simulate: one rank is no worse than itself" '^ +1 +100000 +[0-9.]+ +(1.0000|0.999[0-9])' "$out"
says "bench --simulate: 1024 ranks" '^ +1024 +100000 +[0-9.]+ +0\.9[0-9]+ ' "$out"
for setting in ranks=0 ranks=2x rank=3 latency=slow latency=-1; do
    runs "bench --simulate $setting" 2 program bench --simulate run="$run" --simulate ranks=2 --simulate $setting
done
runs "bench --simulate without a run" 2 program bench --simulate ranks=2
runs "bench --simulate of no run" 4 program bench --simulate ranks=2 --simulate run="$tmp"

# A rank that hangs is named by rank 0, once.
mpirun -n 2 "$WINCLIP" configs/sample.yaml --set preset=paper --set dataset.categories=[leather,grid] \
    --set threads=1 --set journal.sync_s=0 --set output="$tmp/stuck/run" >"$tmp/.bg-out" 2>"$tmp/.bg-err" &
pid=$!
for i in $(seq 400); do
    [ "$(cat "$tmp/stuck/run/journal/rank-00001.wcj" 2>/dev/null | wc -c)" -gt 1000 ] && break
    sleep 0.02
done
hung=$(pgrep -P $pid -f "$tmp/stuck/run" | tail -n 1)
kill -STOP "$hung"
for i in $(seq 120); do
    grep -q 'WARN rank' "$tmp/.bg-err" && break
    sleep 0.1
done
sleep 2.5
kill -CONT "$hung"
wait $pid
is "a stuck rank: goes on when it can" $? 0
is "a stuck rank: named once, with host and item" "$(grep -cE 'WARN rank [01] on [^ ]+ has had /.*\.png in hand for [0-9]+ s' "$tmp/.bg-err")" 1

# Ctrl-C twice.
perl -e '$SIG{INT} = "DEFAULT"; exec @ARGV' -- "$WINCLIP" $command --fresh >"$tmp/.bg-out" 2>"$tmp/.bg-err" &
pid=$!
for i in $(seq 200); do
    [ "$(cat "$run"/journal/*.wcj 2>/dev/null | wc -c)" -gt 1000 ] && break
    sleep 0.02
done
perl -e 'for (1 .. 20) { kill("INT", $ARGV[0]) or last; select(undef, undef, undef, 0.002) }' $pid # two at once count as one
wait $pid
code=$?
ok "a second Ctrl-C stops at once" test $code -eq 130
runs "and the same command goes on" 0 program $command

done_testing
