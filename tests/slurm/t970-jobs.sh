#!/bin/sh
# Jobs on one node of a real Slurm: srun with 4 and 64 ranks, the batch scripts unedited, a rank that is killed, scancel,
# a stop by USR1, the program's own time limit, an array merged by report.
. tests/lib.sh
. tests/slurm/cluster.sh
in_cluster 1 "$0"

data="--set dataset.categories=[bottle,leather] --set preset=paper --set journal.sync_s=0"
config=$root/configs/sample.yaml
WINCLIP_MPI=$WINCLIP
export WINCLIP_MPI
runs "undisturbed, one rank without Slurm" 0 program "$config" $data --set output="$tmp/whole"

same_as_whole() { # NAME RUN
    ok "$1: the same bytes" same_files "$tmp/whole" "$2" $reports
}

for count in 4 64; do
    runs "srun -n $count" 0 timeout 200 srun -n $count "$WINCLIP" "$config" $data --set output="$tmp/srun$count"
    says "srun -n $count: all ranks are one job" "layout: $count ranks x [0-9]+ threads on 1 nodes"
    same_as_whole "srun -n $count" "$tmp/srun$count"
done
ok "srun with no PMI: no rank goes alone" sh -c "! timeout 60 srun --mpi=none -n 4 '$WINCLIP' '$config' --set output='$tmp/none' && test ! -e '$tmp/none'"

# The batch script, unedited, on eight ranks. One is killed.
batch "$root/slurm/run.sbatch" "$config" $data --set output="$tmp/killed"
ok "run.sbatch: runs" job_is "$job" RUNNING 60
ok "a rank is killed: under way" under_way "$tmp/killed" 10000
kill -KILL "$(pgrep -f "$WINCLIP run .*$tmp/killed" | tail -n 1)"
ok "a rank is killed: the job ends well" job_is "$job" COMPLETED 180
is "a rank is killed: put back once" "$(restarts "$job")" 1
ok "a rank is killed: by what status says" sh -c "cat $jobs/*$job.log | grep -q 'slurm: the run ended with code'"
says "a rank is killed: it went on" '[1-9][0-9]* of 36 images are done already' "$jobs/winclip-$job.log"
same_as_whole "a rank is killed" "$tmp/killed"

# As --signal=USR1@300 does five minutes before the end.
batch "$root/slurm/run.sbatch" "$config" $data --set output="$tmp/usr1"
ok "USR1: under way" under_way "$tmp/usr1" 10000
scancel --signal=USR1 "$job"
ok "USR1: the job ends well" job_is "$job" COMPLETED 180
is "USR1: put back once" "$(restarts "$job")" 1
says "USR1: it said what is left" 'stopped: [1-9][0-9]* of 36 images left' "$jobs/winclip-$job.log"
same_as_whole "USR1" "$tmp/usr1"

# scancel: not put back; the same sbatch goes on.
batch "$root/slurm/run.sbatch" "$config" $data --set output="$tmp/cancelled"
ok "scancel: under way" under_way "$tmp/cancelled" 10000
scancel "$job"
ok "scancel: the job is cancelled" job_is "$job" CANCELLED 60
sleep 3
is "scancel: and stays so" "$(job_state "$job")" CANCELLED
runs "scancel: status" 75 program status "$tmp/cancelled"
batch "$root/slurm/run.sbatch" "$config" $data --set output="$tmp/cancelled"
ok "scancel: the same sbatch" job_is "$job" COMPLETED 180
says "scancel: goes on" '[1-9][0-9]* of 36 images are done already' "$jobs/winclip-$job.log"
same_as_whole "scancel" "$tmp/cancelled"

# The time limit: the job's is known to the program, and one that is too short takes several rounds. Image tiling, for
# its images take long on any machine.
runs "slow images, without Slurm" 0 timeout 300 mpirun -n 2 "$WINCLIP" "$config" $data \
    --set 'method={name: tiling, windows: [2], image_scale: false}' --set output="$tmp/whole-slow"
batch --time=10 "$root/slurm/run.sbatch" "$config" $data \
    --set 'method={name: tiling, windows: [2], image_scale: false}' --set output="$tmp/limit" --time-limit 6
ok "time limit: the job ends well in several rounds" job_is "$job" COMPLETED 240
ok "time limit: put back" test "$(restarts "$job")" -ge 1
says "time limit: it said so" 'stopped before the time limit: [1-9][0-9]* of 36 images left' "$jobs/winclip-$job.log"
ok "time limit: the same bytes" same_files "$tmp/whole-slow" "$tmp/limit" $reports
cat >"$tmp/end.sh" <<SH
#!/bin/sh
. $root/slurm/common.sh
echo "seconds left: \$((SLURM_JOB_END_TIME - \$(date +%s)))"
SH
batch --time=10 --output="$jobs/end-%j.log" "$tmp/end.sh"
ok "time limit: a job of ten minutes" job_is "$job" COMPLETED 60
says "time limit: knows its end" '^seconds left: (5[0-9][0-9]|600)$' "$jobs/end-$job.log"

# A bounded number of rounds.
batch --export=ALL,WINCLIP_RESTARTS=1 "$root/slurm/run.sbatch" "$config" $data --set output="$tmp/bounded" --time-limit 1
ok "WINCLIP_RESTARTS: then it gives up" job_is "$job" FAILED 120
is "WINCLIP_RESTARTS: after one" "$(restarts "$job")" 1
batch "$root/slurm/run.sbatch" "$config" --set output="$tmp/wrong" --set presett=1
ok "a wrong configuration: the job fails" job_is "$job" FAILED 60
is "a wrong configuration: it is not put back" "$(restarts "$job")" 0

# One category a task.
batch --export=ALL,WINCLIP_OUT="$tmp/array" "$root/slurm/array.sbatch" "$config" $data
ok "array.sbatch: submits" job_is "$job" COMPLETED 60
last=$(job_log "$job" | sed -n 's/.*merged by job \([0-9]*\).*/\1/p')
ok "array.sbatch: all tasks and the merge end well" job_is "$last" COMPLETED 240
is "array.sbatch: a run a category" "$(ls "$tmp/array")" "bottle
categories
leather
report.txt"
scores() { # what does not depend on the run: the lines of categories and their mean
    grep -E '^(bottle|leather|mean) ' "$1"
}
is "array.sbatch: the figures of one run" "$(scores "$tmp/array/report.txt")" "$(scores "$tmp/whole/report.txt")"

# Several weight files in one job.
for name in one two; do
    cp tests/data/sample/model.safetensors "$tmp/$name.safetensors"
done
WINCLIP_BACKBONES="$tmp/one.safetensors $tmp/two.safetensors"
export WINCLIP_BACKBONES
batch "$root/slurm/backbones.sbatch" "$config" --set dataset.categories=[leather] --set preset=paper
ok "backbones.sbatch: ends well" job_is "$job" COMPLETED 180
unset WINCLIP_BACKBONES
for name in one two; do
    is "backbones.sbatch: $name" "$(scores "$jobs/runs/sample-$name/report.txt" | grep leather)" "$(scores "$tmp/whole/report.txt" | grep leather)"
done

done_testing
