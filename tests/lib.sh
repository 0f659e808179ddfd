# TAP for shell tests; sourced as `. tests/lib.sh` from the repository's root.
#
#     ok NAME COMMAND...          passes when the command exits with 0
#     is NAME FOUND WANTED        passes when both texts are equal
#     runs NAME CODE COMMAND...   runs a command ($out: its stdout, $err: its stderr) and expects its exit code
#     says NAME PATTERN [FILE]    passes when the file ($err) has a line that the extended regular expression matches
#     silent_mpi NAME [FILE]      passes when the file ($err) holds no text of the MPI launcher or library
#     done_testing                prints the plan; the exit code
#
# $tmp is an empty folder of this test, removed at the end. $WINCLIP, $GOLDEN_TOOL and $WC_TEST_TMP come from `make
# check`, and default to build/ so that a test can be run by hand.
LC_ALL=C
export LC_ALL
root=$(pwd)
: "${WINCLIP:=$root/build/winclip-mpi}" "${GOLDEN_TOOL:=$root/build/tests/golden_tool.t}"
: "${WC_TEST_TMP:=$root/build/tmp}"
tmp=$WC_TEST_TMP/$(basename "$0" .sh).$$
out=$tmp/.stdout err=$tmp/.stderr
rm -rf "$tmp" && mkdir -p "$tmp" || exit 1
trap 'rm -rf "$tmp"' EXIT

# Open MPI as root, with more ranks than cores, in a container without ptrace. Other MPIs ignore these.
OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
OMPI_MCA_mpi_yield_when_idle=1 OMPI_MCA_btl_vader_single_copy_mechanism=none
PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe
export OMPI_ALLOW_RUN_AS_ROOT OMPI_ALLOW_RUN_AS_ROOT_CONFIRM OMPI_MCA_rmaps_base_oversubscribe
export OMPI_MCA_mpi_yield_when_idle OMPI_MCA_btl_vader_single_copy_mechanism PRTE_MCA_rmaps_default_mapping_policy
# A test that itself runs in a Slurm job must not look like one.
unset SLURM_NTASKS SLURM_STEP_NUM_TASKS SLURM_PROCID SLURM_JOB_ID SLURM_JOB_END_TIME SLURM_CPUS_PER_TASK SLURM_MEM_PER_NODE WC_ISA WC_FAULT

test_n=0 test_bad=0

result() { # PASS NAME
    test_n=$((test_n + 1))
    if [ "$1" -eq 0 ]; then
        echo "ok $test_n - $2"
    else
        echo "not ok $test_n - $2"
        test_bad=$((test_bad + 1))
    fi
    return "$1"
}

note() { # lines of stdin as a comment
    sed 's/^/# /'
}

ok() {
    name=$1
    shift
    "$@" >"$tmp/.ok" 2>&1
    code=$?
    result $((code != 0)) "$name" || {
        echo "exit code $code: $*" | note
        tail -n 20 "$tmp/.ok" | note
        return 1
    }
}

is() {
    [ "$2" = "$3" ]
    result $? "$1" || {
        printf 'found  %s\nwanted %s\n' "$2" "$3" | note
        return 1
    }
}

runs() {
    name=$1 wanted=$2
    shift 2
    "$@" >"$out" 2>"$err" </dev/null
    code=$?
    [ "$code" -eq "$wanted" ]
    result $? "$name: exit code $wanted" || {
        echo "exit code $code: $*" | note
        tail -n 20 "$err" | note
        return 1
    }
}

says() {
    grep -Eq -- "$2" "${3:-$err}"
    result $? "$1" || {
        { echo "no line matches $2:"; tail -n 20 "${3:-$err}"; } | note
        return 1
    }
}

silent_mpi() {
    ! grep -Eiq 'mpirun|prterun|MPI_ABORT|PMIX|ORTE|^-{20}|btl_|Primary job' "${2:-$err}"
    result $? "$1" || {
        grep -Ei 'mpirun|prterun|MPI_ABORT|PMIX|ORTE|^-{20}|btl_|Primary job' "${2:-$err}" | head -n 10 | note
        return 1
    }
}

skip() { # NAME WHY
    test_n=$((test_n + 1))
    echo "ok $test_n - $1 # SKIP $2"
}

done_testing() {
    echo "1..$test_n"
    [ "$test_bad" -eq 0 ] && [ "$test_n" -gt 0 ]
}

# program ARGUMENTS...: the program, which must not hang: exit code 124 after four minutes.
program() {
    timeout -k 5 240 "$WINCLIP" "$@"
}

# ranks N ARGUMENTS...: the same on N ranks.
ranks() {
    n=$1
    shift
    if [ "$n" -eq 1 ]; then
        program "$@"
    else
        timeout -k 5 240 mpirun -n "$n" "$WINCLIP" "$@"
    fi
}

# same_files A B FILE...: the same bytes in both folders?
same_files() {
    a=$1 b=$2
    shift 2
    for f; do
        cmp "$a/$f" "$b/$f" || return 1
    done
}

# Files of a run that must not depend on ranks, threads, interruptions.
reports="report.txt report.csv report.json report.html report.tex report.md scores.csv defects.csv"

# near_csv KEYS VALUE TOLERANCE WANTED FOUND: every row of WANTED has exactly one row of FOUND with the same values in
# the columns KEYS (a list of names), and both values in column VALUE are within TOLERANCE. Prints what is not so.
near_csv() {
    awk -F, -v keys="$1" -v value="$2" -v tolerance="$3" '
        function key(    i, k) { k = ""; for (i = 1; i <= n_keys; i++) k = k "," $(col[name[i]]); return k }
        function header(    i) {
            delete col
            for (i = 1; i <= NF; i++) col[$i] = i
            for (i = 1; i <= n_keys; i++) if (!(name[i] in col)) { print "no column " name[i] " in " FILENAME; bad++ }
            if (!(value in col)) { print "no column " value " in " FILENAME; bad++ }
        }
        function number(x) { return x ~ /^-?[0-9.]+(e[-+]?[0-9]+)?$/ }
        BEGIN { n_keys = split(keys, name, " ") }
        FNR == 1 { file++; header(); next }
        file == 1 { wanted[key()] = $(col[value]); n++; next }
        {
            k = key()
            if (!(k in wanted)) next
            if (k in seen) { print "twice:" k; bad++ }
            seen[k] = 1
            x = $(col[value]); w = wanted[k]
            if (number(w) && number(x)) d = x - w; else d = (w "" == x "") ? 0 : 1
            if (d < 0) d = -d
            if (d > tolerance + 0) { print k ": " x ", wanted " w; bad++ }
        }
        END {
            for (k in wanted) if (!(k in seen)) { print "missing:" k; bad++ }
            if (n == 0) { print "nothing to compare"; bad++ }
            print n " rows compared, " bad + 0 " wrong"
            exit bad > 0
        }' "$4" "$5"
}

# mini ROOT: a data set in MVTec layout, two categories of 2 + 3 images; enough for what does not depend on size.
mini() {
    for c in bottle leather; do
        from=$root/tests/data/sample/$c to=$1/$c
        mkdir -p "$to/train/good" "$to/test/good" "$to/test/spot" "$to/ground_truth/spot" || return 1
        cp "$from/train/good/000.png" "$from/train/good/001.png" "$to/train/good/" &&
            cp "$from/test/good/000.png" "$from/test/good/001.png" "$to/test/good/" || return 1
        i=0
        for defect in crack/000 crack/001 contam/000; do
            cp "$from/test/$defect.png" "$to/test/spot/00$i.png" &&
                cp "$from/ground_truth/${defect}_mask.png" "$to/ground_truth/spot/00${i}_mask.png" || return 1
            i=$((i + 1))
        done
    done
}

# mini_config ROOT [LINE...]: a configuration for it on stdout; further lines are added at the end.
mini_config() {
    echo "dataset: {name: mvtec, root: $1}"
    echo "model: {weights: $root/tests/data/sample/model.safetensors, bpe: $root/tests/data/sample/bpe.txt.gz}"
    shift
    for line; do
        echo "$line"
    done
}
