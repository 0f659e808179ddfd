# Shared by the batch scripts, which source it. Variables that a user may set, with their defaults:
#
#   WINCLIP_MPI       the program: winclip-mpi of $PATH, else build/winclip-mpi where sbatch was called
#   WINCLIP_LAUNCH    how ranks are started: "srun --wait=60 --mpi=pmix" where srun has that, else "srun --wait=60": a
#                     rank that dies takes the others with it by MPI, or after a minute by Slurm
#   WINCLIP_RESTARTS  how often a job may put itself back into the queue: 20
#   WINCLIP_STAGE     folder on each node's own disk for a copy of $WINCLIP_WEIGHTS; empty: none is made
#
# Exit codes of the program decide what follows: 0 is done; 75 (stopped in time) is put back into the queue; 2 to 6 and
# 70 are its own verdict and end the job; anything else (a rank was killed, a node was lost) is put back when `status`
# says that something is left.

say() {
    echo "slurm: $*" >&2
}

die() {
    say "$*"
    exit 2
}

: "${WINCLIP_RESTARTS:=20}"
if [ -z "$WINCLIP_MPI" ]; then
    WINCLIP_MPI=$(command -v winclip-mpi) || WINCLIP_MPI=$PWD/build/winclip-mpi
fi
[ -x "$WINCLIP_MPI" ] || die "no winclip-mpi in \$PATH or build/; name it in WINCLIP_MPI"
if [ -z "$WINCLIP_LAUNCH" ]; then
    WINCLIP_LAUNCH="srun --wait=60"
    ! srun --mpi=list 2>&1 | grep -q pmix || WINCLIP_LAUNCH="$WINCLIP_LAUNCH --mpi=pmix"
fi
# srun does not pass on what sbatch's --cpus-per-task was; since 22.05 this is how it hears of it.
[ -z "$SLURM_CPUS_PER_TASK" ] || export SRUN_CPUS_PER_TASK="$SLURM_CPUS_PER_TASK"

# For the program's time limit; not every Slurm says it itself (22.05 does not).
job_field() { # NAME: of this job, as scontrol shows it
    scontrol show job -o "$SLURM_JOB_ID" | sed -n "s/.* $1=\([^ ]*\).*/\1/p" | head -n 1
}
job_limit=$(job_field TimeLimit)
if [ -z "$SLURM_JOB_END_TIME" ] && [ -n "$job_limit" ] && [ "$job_limit" != UNLIMITED ]; then
    SLURM_JOB_END_TIME=$(date -d "$(job_field EndTime)" +%s 2>/dev/null) && export SLURM_JOB_END_TIME
fi

each_node() { # COMMAND...: once on every node of the job
    srun --mpi=none --ntasks="$SLURM_JOB_NUM_NODES" --nodes="$SLURM_JOB_NUM_NODES" --ntasks-per-node=1 --cpus-per-task=1 \
        --overlap "$@"
}

# A copy of the weights on each node's own disk, which every rank then maps instead of the shared file. A node whose copy
# is not the same file, byte for byte, goes without.
stage_weights() {
    [ -n "$WINCLIP_STAGE" ] && [ -n "$WINCLIP_WEIGHTS" ] || return 0
    case $WINCLIP_WEIGHTS in
    /*) ;;
    *) say "WINCLIP_WEIGHTS is no absolute path: not staged" && return 0 ;;
    esac
    [ -f "$WINCLIP_WEIGHTS" ] || { say "$WINCLIP_WEIGHTS is no file: not staged" && return 0; }
    sum=$(sha256sum <"$WINCLIP_WEIGHTS" | cut -d' ' -f1)
    to=$WINCLIP_STAGE/winclip-$(echo "$sum" | cut -c1-16)
    copy=$to/${WINCLIP_WEIGHTS##*/}
    # The JSON files beside it may say which activation it needs.
    each_node sh -c '
        umask 022
        mkdir -p "$2" || exit
        [ -f "$3" ] && [ "$(sha256sum <"$3" | cut -d" " -f1)" = "$4" ] && exit
        cp "$1" "$3.$$" && mv "$3.$$" "$3"
        for json in "${1%/*}"/*.json; do [ ! -f "$json" ] || cp "$json" "$2/"; done
        [ "$(sha256sum <"$3" | cut -d" " -f1)" = "$4" ] || {
            echo "slurm: $(hostname): the copy of the weights failed; the shared file is used" >&2
            rm -rf "$2"
        }' sh "$WINCLIP_WEIGHTS" "$to" "$copy" "$sum" ||
        say "not every node has a copy of the weights"
    export WINCLIP_STAGED_FROM="$WINCLIP_WEIGHTS" WINCLIP_STAGED_TO="$copy"
}

put_back() {
    if [ "${SLURM_RESTART_COUNT:-0}" -ge "$WINCLIP_RESTARTS" ]; then
        say "put back $WINCLIP_RESTARTS times already (WINCLIP_RESTARTS); the same sbatch goes on"
        exit 75
    fi
    say "back into the queue, restart $1"
    scontrol requeue "$SLURM_JOB_ID" && sleep 120 # until Slurm ends this script
    exit 75
}

# run_to_end CONFIG [OPTION...]: one run; returns when it is done, puts the job back when it is not.
run_to_end() {
    $WINCLIP_LAUNCH "$WINCLIP_MPI" run "$@"
    code=$?
    case $code in
    0 | 2 | 3 | 4 | 5 | 6 | 70) return $code ;;
    75) put_back $((${SLURM_RESTART_COUNT:-0} + 1)) ;;
    esac
    say "the run ended with code $code"
    run_status "$@" >&2 && return 0
    put_back $((${SLURM_RESTART_COUNT:-0} + 1))
}

# What of the same arguments concerns where the run lies: the configuration and --set.
run_status() {
    n=$#
    while [ "$n" -gt 0 ]; do
        case $1 in
        --set)
            set -- "$@" --set "$2"
            shift
            n=$((n - 1))
            ;;
        --time-limit)
            shift
            n=$((n - 1))
            ;;
        --set=* | [!-]*) set -- "$@" "$1" ;;
        esac
        shift
        n=$((n - 1))
    done
    "$WINCLIP_MPI" status "$@"
}
