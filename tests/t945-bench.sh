#!/bin/sh
# bench: every section, as text and as JSON; figures that agree with each other; errors.
. tests/lib.sh

TMPDIR=$tmp/pictures
export TMPDIR
mkdir "$TMPDIR"
model=tests/golden/weights/f32.safetensors

# check_json FILE: rows of all sections, positive figures, shares of one time that add up to it.
check_json() {
    perl -MJSON::PP -0777 -e '
        my $j = decode_json(<STDIN>);
        my (%section, %by);
        for my $r (@{$j->{rows}}) { $section{$r->{section}}++; $by{$r->{section}}{$r->{name}} = $r; }
        my @missing = grep { my $s = $_; !grep { index($_, $s) == 0 } keys %section }
            "matrix products", "encoder, one thread", "where the encoder", "encoder, threads", "beside the encoder", "text",
            "memory";
        die "missing: @missing" if @missing;
        die "no accuracy" if grep({ $_ ne "f32" } keys %{$by{"encoder, one thread"}}) && !$section{"accuracy against f32"};
        for my $p (keys %{$by{"encoder, one thread"}}) {
            my $e = $by{"encoder, one thread"}{$p};
            my $w = $by{"where the encoder\x27s time goes, one thread"}{$p};
            my $sum = $w->{products} + $w->{attention} + $w->{norm} + $w->{activation} + $w->{rest};
            die "$p: phases of $sum s, an image of $e->{s} s" if abs($sum - $e->{s}) > 1e-6 || $w->{products} <= 0;
            die "$p: rest of $w->{rest} s" if $w->{rest} < 0;
            die "$p: rate" if abs($e->{gflops} * $e->{s} / $j->{gflop} - 1) > 1e-6;
            die "$p: threads" if !$by{"encoder, threads by the clock"}{"$p, 1"} || !$by{"encoder, threads by the clock"}{"$p, 3"};
        }
        for my $a (values %{$by{"accuracy against f32"} || {}}) { die "cosine" if $a->{least_cosine} < 0.99; }
        ' <"$1"
}

runs "text" 0 "$WINCLIP" bench --model $model --repeat 1 --threads 1
says "text: the libraries are named" 'matrix products (OpenBLAS|oneDNN)' "$out"
says "text: the encoder's share of the products' rate" 'f32 .* s an image .* GFLOP/s .* of the products' "$out"
runs "JSON" 0 "$WINCLIP" bench --model $model --repeat 2 --threads 3 --json
ok "JSON: sections, figures that agree" check_json "$out"
runs "one precision" 0 "$WINCLIP" bench --model $model --repeat 1 --threads 1 --precision f32
ok "one precision: no other" test -z "$(grep -E 'bf16|int8' "$out" | grep -v 'oneDNN')"
runs "a residual network" 0 "$WINCLIP" bench --model random:RN50 --repeat 1 --threads 1 --precision f32
runs "an unknown precision" 2 "$WINCLIP" bench --precision fp8
says "an unknown precision is named" 'fp8.*f32, bf16 or int8'
runs "no such file" 4 "$WINCLIP" bench --model "$tmp/none.safetensors"
runs "an operand" 2 "$WINCLIP" bench extra
ok "nothing stays behind" test -z "$(ls "$TMPDIR")"

done_testing
