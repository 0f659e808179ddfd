#!/bin/sh
# Names that files may have and people hardly give: spaces, quotes, line breaks, formulas, UTF-8 and bytes that are none,
# 255 bytes. They are read, scored, and come out of CSV and JSON as they went in; the log stays one line a message. And
# devices, FIFOs and loops wherever a file or folder is expected: refused at once.
. tests/lib.sh

ok "small data set" mini "$tmp/mini"
from=$tmp/mini/bottle
long=$(printf '%251s' '' | tr ' ' n).png
nl='a
b'
data=$tmp/'d a "t" a'
add() { # CATEGORY NAME: a good picture of that name
    mkdir -p "$data/$1/test/good" && cp "$from/test/good/000.png" "$data/$1/test/good/$2"
}
for c in "metal nut" '=1+1' "$nl" "-rf" 'q"u,o;te' 'caf√©' '%s%n' "'; DROP"; do
    add "$c" 0.png || result 1 "could not make $c"
done
for n in "a b.png" '"q".png' "'.png" "$nl.png" 'é.png' '=1+1.png' '@x.png' '+1.png' '-1.png' ',.png' '%s.png' \
    '<script>alert(1)<.png' '\\.png' "$long"; do
    add "metal nut" "$n" || result 1 "could not make $n"
done
add "metal nut" "$(printf '\377\376.png')"
n_images=$(find "$data" -name '*.png' -print0 | tr -dc '\0' | wc -c)
mini_config "'$data'" 'journal: {sync_s: 1000}' >"$tmp/run.yaml"
runs "hostile names" 0 program "$tmp/run.yaml" --set output="$tmp/run"
ok "hostile names: one line a message" sh -c "! grep -Ev '^[0-9TZ:-]{20} r[0-9]+ [^ ]+ (DEBUG|INFO|WARN|ERROR) ' '$err'"

# The names as scores.csv and report.json give them, one a line with line breaks as \n, against those of the disk.
# Formulas have a quote in front in CSV; JSON has U+FFFD for bytes that are no UTF-8.
(cd "$data" && find . -name '*.png' -print0) | perl -0 -ne 'chomp; s|^\./||; s/\n/\\n/g; print "$_\n"' | sort >"$tmp/disk"
perl -e 'local $/; $_ = <>; my @row; my @field;
    while (/\G(?:"((?:[^"]|"")*)"|([^,\n]*))([,\n])/gc) {
        my ($f, $end) = (defined $1 ? $1 : $2, $3); $f =~ s/""/"/g; push @field, $f;
        if ($end eq "\n") { push @row, [@field]; @field = () } }
    die "not CSV at byte " . pos() if (pos() // 0) < length;
    my $n = @{$row[0]};
    for my $r (@row[1 .. $#row]) { die "fields: @$r" if @$r != $n; my ($c, $i) = @$r[1, 2];
        s/^\x27(?=[=+\-@\t\r])//, s/\n/\\n/g for $c, $i; print "$c/$i\n" }' "$tmp/run/scores.csv" | sort >"$tmp/csv"
ok "hostile names: scores.csv has $n_images of them, as they are" cmp "$tmp/disk" "$tmp/csv"
ok "hostile names: report.json is JSON" perl -MJSON::PP -e 'local $/; JSON::PP->new->utf8->decode(<>)' "$tmp/run/report.json"
ok "hostile names: report.csv has no bare formula" sh -c "! grep -E '(^|,)[=+@-][^0-9]' '$tmp/run/report.csv'"
runs "hostile names: a resumed run" 0 program "$tmp/run.yaml" --set output="$tmp/run"

# Where a file is expected.
mkfifo "$tmp/fifo"
ln -s loop "$tmp/loop"
mkdir "$tmp/folder"
n=0
for object in "$tmp/fifo" /dev/zero /dev/full "$tmp/loop" "$tmp/folder"; do
    name=$(basename "$object")
    for place in config model.weights model.bpe prompts model.json references; do
        n=$((n + 1))
        if [ $place = config ]; then
            timeout 20 "$WINCLIP" run "$object" --set output="$tmp/o" >"$out" 2>"$err" </dev/null
        else
            timeout 20 "$WINCLIP" "$tmp/run.yaml" --set output="$tmp/o" --set "$place=$object" --set 'shots=[1]' >"$out" \
                2>"$err" </dev/null
        fi
        code=$?
        case $code in
        3 | 4 | 5) tail -n 1 "$err" | grep -q '^winclip-mpi: ' ;;
        *) false ;;
        esac
        result $? "$name for $place: refused" || { echo "exit code $code"; tail -n 3 "$err"; } | note
    done
done
echo "# count: $n devices, pipes, loops and folders in a file's place"
done_testing
