#!/bin/sh
# The figures of the built-in weights, exactly as README and `winclip-mpi demo` print them: any change of the weights, the
# photos or the pipeline shows here. tests/data/demo/figures.txt is the program's own output, read once and kept.
. tests/lib.sh

# The processor time bounds the wall time on two cores from above, however busy the machine is.
timed() {
    perl -e 'my $rc = system(@ARGV); my @t = times; print STDERR "cpu ", int($t[2] + $t[3] + .5), "\n"; exit($rc >> 8)' "$@"
}
runs "demo" 0 timed timeout -k 5 500 "$WINCLIP" demo --out "$tmp/demo"
cpu=$(sed -n 's/^cpu //p' "$err")
ok "less than a minute on two cores: $cpu s of processor time" test "$cpu" -lt 110
sed -n '/^demo: held-out/,/^objects/p' "$out" >"$tmp/figures"
ok "figures" cmp "$tmp/figures" tests/data/demo/figures.txt || diff "$tmp/figures" tests/data/demo/figures.txt | note
done_testing
