#!/bin/sh
# A run that is killed again and again, at random, on changing numbers of ranks, ends with the bytes of an undisturbed
# one. WC_TEST_FULL=1: 200 images, ten kills.
. tests/lib.sh

[ -n "$WC_TEST_FULL" ] && n_images=200 n_kills=10 || n_images=40 n_kills=2
# The sample's pictures in turn, half of them normal, until there are enough.
for c in bottle leather; do
    mkdir -p "$tmp/data/$c/train/good" "$tmp/data/$c/test/good" "$tmp/data/$c/test/spot" "$tmp/data/$c/ground_truth/spot"
    cp tests/data/sample/$c/train/good/00[01].png "$tmp/data/$c/train/good/"
    set -- tests/data/sample/$c/ground_truth/*/*_mask.png
    for i in $(seq $((n_images / 4))); do
        n=$(printf '%03d' "$i")
        mask=$1
        shift
        set -- "$@" "$mask"
        picture=$(echo "${mask%_mask.png}.png" | sed 's,/ground_truth/,/test/,')
        cp "$picture" "$tmp/data/$c/test/spot/$n.png" && cp "$mask" "$tmp/data/$c/ground_truth/spot/${n}_mask.png"
        cp "$(printf 'tests/data/sample/%s/test/good/%03d.png' $c $((i % 4)))" "$tmp/data/$c/test/good/$n.png"
    done
done
mini_config data 'preset: paper' 'shots: [0, 2]' 'references: first' >"$tmp/run.yaml"
command="$tmp/run.yaml --set threads=1"
runs "undisturbed" 0 ranks 2 $command --set output="$tmp/whole"
says "as many images as promised" "run [0-9a-f]+: $n_images images"

# The numbers come from a generator with a fixed seed; what is in hand when a signal arrives does not.
random=4711
draw() { # N: 0 .. N - 1
    random=$(((random * 1103515245 + 12345) % 2147483648))
    drawn=$((random / 65536 % $1))
}
n_killed=0 n_before=0
for i in $(seq $n_kills); do
    draw 4
    n=$((drawn + 1))
    mpirun -n $n "$WINCLIP" $command --set output="$tmp/run" >"$tmp/.bg-out" 2>"$tmp/.bg-err" &
    pid=$!
    # Until it has done some more images, a random number of them; then some rank, or all.
    draw $((n_images / n_kills))
    wanted=$((n_before + drawn + 1))
    for wait in $(seq 1200); do
        done_now=$("$WINCLIP" status "$tmp/run" 2>/dev/null | sed -n 's/.* images: \([0-9]*\) done.*/\1/p')
        [ "${done_now:-0}" -lt $wanted ] && kill -0 $pid 2>/dev/null || break
        sleep 0.02
    done
    draw 2
    if [ $drawn -eq 0 ]; then
        pkill -KILL -P $pid -f "$tmp/run.yaml"
    else
        draw $n
        kill -KILL "$(pgrep -P $pid -f "$tmp/run.yaml" | sed -n "$((drawn + 1))p")" 2>/dev/null
    fi
    wait $pid
    [ $? -eq 0 ] || n_killed=$((n_killed + 1))
    n_before=$("$WINCLIP" status "$tmp/run" 2>/dev/null | sed -n 's/.* images: \([0-9]*\) done.*/\1/p')
    echo "# $n ranks, killed with ${n_before:-0} of $n_images images done"
done
is "it was killed each time" $n_killed $n_kills
runs "the same command, on 3 ranks" 0 ranks 3 $command --set output="$tmp/run"
says "goes on" "[1-9][0-9]* of $n_images images are done already"
ok "the same bytes" same_files "$tmp/whole" "$tmp/run" $reports references.csv
runs "status" 0 program status "$tmp/run"
done_testing
