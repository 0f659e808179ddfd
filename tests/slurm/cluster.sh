# A real Slurm of several nodes on this machine; sourced after tests/lib.sh by a test that calls
#
#     in_cluster N "$0"        # first: runs the test again inside namespaces with N nodes n1 .. nN, or skips it
#
# and from then on
#
#     kill_node I              # with all that runs there, as when the power fails
#     start_node I             # again
#     job_is ID STATE [S]      # waits up to S seconds (120) until the job is in that state
#     job_log ID               # its output, shared folder $jobs
#     node_path I PATH         # PATH below $local, the nodes' own disk, as this test sees node I's
#
# Everything lives in one PID, network, mount and host-name namespace, so nothing of the machine's own is touched and
# nothing stays when the test ends, however it ends. Each node is such a namespace too, with an address on a bridge, its
# own $local, its own slurmd. Sixty-four CPUs a node by configuration, however many there are.

plan_skip() {
    echo "1..0 # SKIP $1"
    exit 0
}

in_cluster() {
    nodes=$1
    if [ -z "$WC_IN_CLUSTER" ]; then
        for tool in munged slurmctld slurmd sbatch srun unshare nsenter ip hostname pgrep; do
            command -v $tool >/dev/null 2>&1 || plan_skip "no $tool here; on Debian: apt install slurm-wlm munge iproute2 procps"
        done
        [ "$(id -u)" -eq 0 ] || plan_skip "needs root, for network namespaces"
        unshare --mount --net --pid --uts --fork --mount-proc sh -c 'ip link add b0 type bridge && ip link add v0 type veth peer name v1' \
            >/dev/null 2>&1 || plan_skip "no namespaces, bridges or veth here"
        rm -rf "$tmp"
        trap - EXIT
        # unshare does not heed SIGTERM, and what is in its namespaces ends with it.
        WC_IN_CLUSTER=1 exec timeout -k 5 900 unshare --mount --net --pid --uts --fork --kill-child --mount-proc sh "$2"
    fi
    [ $$ -eq 1 ] || plan_skip "WC_IN_CLUSTER is set outside the namespace"
    trap 'kill -KILL -1; rm -rf "$tmp"' EXIT
    # One thread a rank; ranks that wait give way: there may be 32 of them a core.
    OMP_NUM_THREADS=1
    SLURM_CONF=$tmp/slurm.conf
    export OMP_NUM_THREADS SLURM_CONF
    jobs=$tmp/jobs local=$tmp/local
    mkdir -p "$jobs" "$local" "$tmp/log" "$tmp/state"
    chmod 755 "$tmp"
    chmod 1777 "$local"
    if ! start_daemons; then
        result 1 "Slurm starts"
        tail -n 5 "$tmp"/log/* 2>/dev/null | note
        done_testing
        exit
    fi
    result 0 "Slurm starts: $(slurmctld -V), $nodes nodes"
}

address() { # of node I; 0: the head
    echo "10.213.77.$(($1 + 1))"
}

write_conf() {
    cat <<CONF
ClusterName=winclip-test
SlurmctldHost=head($(address 0))
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$tmp/munge.socket
CredType=cred/munge
StateSaveLocation=$tmp/state
SlurmdSpoolDir=$local/spool
TmpFS=$local
SlurmctldPidFile=$tmp/slurmctld.pid
SlurmdPidFile=$local/slurmd.pid
SlurmctldLogFile=$tmp/log/slurmctld
SlurmdLogFile=$tmp/log/slurmd-%n
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=pmix
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=0,requeue_delay=1
SlurmdParameters=config_overrides
SlurmdTimeout=6
InactiveLimit=0
KillWait=10
ReturnToService=2
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
CONF
    for i in $(seq "$nodes"); do
        echo "NodeName=n$i NodeAddr=$(address "$i") CPUs=64 RealMemory=4000 State=UNKNOWN"
    done
}

start_daemons() {
    hostname head &&
        ip link set lo up && ip link add b0 type bridge && ip addr add "$(address 0)/24" dev b0 && ip link set b0 up || return 1
    dd if=/dev/urandom of="$tmp/munge.key" bs=1 count=128 2>/dev/null && chmod 400 "$tmp/munge.key" &&
        munged --force --key-file="$tmp/munge.key" --socket="$tmp/munge.socket" --pid-file="$tmp/munged.pid" \
            --log-file="$tmp/log/munged" --seed-file="$tmp/munge.seed" 2>/dev/null || return 1
    write_conf >"$SLURM_CONF"
    # Where pmix keeps its sockets: two nodes must not share it.
    echo "PMIxCliTmpDirBase=$local" >"$tmp/mpi.conf"
    slurmctld -f "$SLURM_CONF" || return 1
    for i in $(seq "$nodes"); do
        start_node "$i" || return 1
    done
}

start_node() {
    rm -f "$tmp/node$1".*
    mkdir -p "$tmp/disk$1"
    chmod 1777 "$tmp/disk$1"
    unshare --mount --net --pid --uts --fork --kill-child --mount-proc sh -c "
        hostname n$1 && ip link set lo up && mount --bind '$tmp/disk$1' '$local' && mkdir -p '$local/spool' && : >'$tmp/node$1.here'
        while [ ! -e '$tmp/node$1.net' ]; do sleep 0.05; done
        exec slurmd -D -f '$SLURM_CONF'" >"$tmp/log/node$1" 2>&1 &
    outer=$!
    for i_wait in $(seq 200); do
        [ -e "$tmp/node$1.here" ] && break
        sleep 0.05
    done
    pgrep -P $outer >"$tmp/node$1.pid" || return 1
    inner=$(cat "$tmp/node$1.pid")
    ip link add "v$1" type veth peer name e0 netns "$inner" && ip link set "v$1" master b0 up &&
        nsenter -t "$inner" -n ip addr add "$(address "$1")/24" dev e0 && nsenter -t "$inner" -n ip link set e0 up || return 1
    : >"$tmp/node$1.net"
    for i_wait in $(seq 150); do
        case $(sinfo -h -n "n$1" -o %T) in idle | mixed | allocated) return 0 ;; esac
        sleep 0.2
    done
    return 1
}

# The first process of a PID namespace takes all others with it.
kill_node() {
    kill -KILL "$(cat "$tmp/node$1.pid")"
    ip link del "v$1" 2>/dev/null
}

node_path() {
    echo "$tmp/disk$1/$2"
}

job_state() {
    scontrol show job -o "$1" 2>/dev/null | sed -n 's/.* JobState=\([A-Z_]*\).*/\1/p' | sort -u | tr '\n' ' ' | sed 's/ $//'
}

job_is() {
    pending=0
    for i_wait in $(seq $((${3:-120} * 5))); do
        state=$(job_state "$1")
        [ "$state" = "$2" ] && return 0
        case $state in
        COMPLETED | FAILED | CANCELLED | NODE_FAIL | TIMEOUT | OUT_OF_MEMORY) break ;;
        # Slurm keeps a job that was put back for two minutes; its nodes take it again after a second or two.
        PENDING)
            pending=$((pending + 1))
            [ $pending -ne 20 ] || scontrol update job="$1" starttime=now 2>/dev/null
            ;;
        *) pending=0 ;;
        esac
        sleep 0.2
    done
    echo "job $1: $(job_state "$1"), wanted $2"
    squeue
    job_log "$1" | tail -n 30
    return 1
}

job_log() {
    cat "$jobs"/*"$1"*.log 2>/dev/null
}

# batch [OPTION...] SCRIPT ARGUMENTS...: submits; $job is its number. Output goes to $jobs.
batch() {
    job=$(cd "$jobs" && sbatch --parsable "$@" 2>"$tmp/.sbatch")
    [ -n "$job" ] || note <"$tmp/.sbatch"
}

# restarts ID: how often the job was put back into the queue.
restarts() {
    scontrol show job -o "$1" | sed -n 's/.* Restarts=\([0-9]*\).*/\1/p'
}

# under_way RUN BYTES [S]: until the journals hold more than that.
under_way() {
    for i_wait in $(seq $((${3:-60} * 20))); do
        [ "$(cat "$1"/journal/*.wcj 2>/dev/null | wc -c)" -gt "$2" ] && return 0
        sleep 0.05
    done
    return 1
}
