#!/bin/sh
# The HTML report, its gallery and the heat maps that save_maps asks for: the same bytes from any number of ranks, nothing
# loaded from elsewhere, names stay names; seen by a real browser where there is one.
. tests/lib.sh
browser=$(command -v chromium-headless-shell || command -v chromium || command -v google-chrome || true)

mini "$tmp/mini"
mini_config mini 'preset: [paper, caoyunkang]' >"$tmp/mini.yaml"
runs "1 rank" 0 ranks 1 "$tmp/mini.yaml" --set output="$tmp/r1"
runs "3 ranks" 0 ranks 3 "$tmp/mini.yaml" --set output="$tmp/r3"
ok "report.html: the same bytes" cmp "$tmp/r1/report.html" "$tmp/r3/report.html"
ok "gallery: the same files" diff -r "$tmp/r1/gallery" "$tmp/r3/gallery"
runs "from report.json" 0 program report "$tmp/r3" --format html --out "$tmp/again.html"
ok "from report.json: the same bytes" cmp "$tmp/r3/report.html" "$tmp/again.html"
page=$tmp/r1/report.html
is "five images a category, each with image and heat map" \
    "$(grep -o 'alt="[a-z ]*"' "$page" | sort | uniq -c | tr -s ' ' | tr '\n' ';')" \
    ' 10 alt="heat map"; 10 alt="image"; 6 alt="mask";'
ok "nothing is loaded from elsewhere" sh -c "! grep -Eio '(src|href)=.?(https?:|//|file:)|@import|url\(' '$page'"
says "and the page's policy forbids it" "default-src 'none'" "$page"
for part in 'Summary' 'ROC of images' 'ROC of pixels' 'PRO of pixels' 'Image scores' 'data-by="category"' 'data-by="defect"' \
    'class="cut"' 'prefers-color-scheme:dark' 'weights sha256'; do
    says "the page has: $part" "$part" "$page"
done
rm -r "$tmp/r3/gallery"
runs "without its gallery" 0 program report "$tmp/r3" --format html --out "$tmp/bare.html"
says "without its gallery: notes stand there" '<span>no heat map</span>' "$tmp/bare.html"

runs "hostile names" 0 program report tests/data/report/example.json --format html --out "$tmp/hostile.html"
ok "hostile names: no tag, no script" sh -c "! grep -qF '<script>alert' '$tmp/hostile.html' && ! grep -qF '<b>bad' '$tmp/hostile.html'"
says "hostile names: as text" '&lt;script&gt;alert\(1\)&lt;/script&gt;' "$tmp/hostile.html"
runs "two runs as HTML" 0 program report "$tmp/r1" "$tmp/r1/report.json" --compare paper --format html --out "$tmp/two.html"
says "two runs as HTML: differences" '<th>diff</th>' "$tmp/two.html"

# The page of own pictures.
photos=$tmp/photos
mkdir "$photos"
for i in 0 1 2; do
    cp "tests/data/sample/leather/test/crack/00$i.png" "$photos/<b>$i.png" 2>/dev/null
    cp "tests/data/sample/leather/test/good/00$i.png" "$photos/good$i.png"
done
printf 'no picture' >"$photos/bad.png"
for n in 1 3; do
    runs "score, $n ranks" 4 ranks $n score "$photos" --object leather --model tests/data/sample/model.safetensors \
        --bpe tests/data/sample/bpe.txt.gz --threshold 0.5 --out "$tmp/score$n"
done
ok "score: the same page" cmp "$tmp/score1/report.html" "$tmp/score3/report.html"
is "score: every picture with its heat map, the highest score first" \
    "$(grep -o 'alt="[a-z ]*"' "$tmp/score1/report.html" | sort | uniq -c | tr -s ' ' | tr '\n' ';')" \
    " $(ls "$photos" | grep -vc bad) alt=\"heat map\"; $(ls "$photos" | grep -vc bad) alt=\"image\";"
best=$(sed 1d "$tmp/score1/scores.csv" | grep -v ',failed,' | sort -t, -k 2 -rg | head -n 1 | cut -d, -f 2)
is "score: its score" "$(grep -o 'score 0\.[0-9]*' "$tmp/score1/report.html" | head -n 1)" "score $(printf %.4g "$best")"
says "score: what failed and why" 'bad.png<br><span class="fail">.*unknown-format' "$tmp/score1/report.html"
ok "score: names stay names" sh -c "! grep -qF '<b>0.png' '$tmp/score1/report.html'"

# JavaScript has run when the filters are there, and each drawing has a size. The window's width is the page's own.
look() { # NAME PAGE WIDTH
    timeout 60 "$browser" --headless --no-sandbox --disable-gpu --window-size="$3",900 --dump-dom "file://$2" \
        >"$tmp/dom" 2>/dev/null || { skip "$1" "the browser does not start here"; return; }
    says "$1: the script has run" '<div class="filters">' "$tmp/dom"
    timeout 60 "$browser" --headless --no-sandbox --disable-gpu --hide-scrollbars --window-size="$3",900 \
        --screenshot="$tmp/shot.png" "file://$2" >/dev/null 2>&1
    ok "$1: a picture of it" test -s "$tmp/shot.png"
}
if [ -n "$browser" ]; then
    look "browser, 1280 wide" "$page" 1280
    look "browser, 390 wide" "$page" 390
    look "browser, hostile names" "$tmp/hostile.html" 390
    is "browser, hostile names: no element of theirs" "$(grep -c '<b>bad' "$tmp/dom")" 0
else
    skip "browser" "no chromium here; make setup BROWSER=yes installs one"
fi

# Heat maps.
maps() { # RUN: what is there
    (cd "$1/maps" && find . -type f | sort)
}
for kind in png overlay f16; do
    runs "$kind, 1 rank" 0 ranks 1 "$tmp/mini.yaml" --set output="$tmp/$kind" --set save_maps=$kind
    runs "$kind, 3 ranks" 0 ranks 3 "$tmp/mini.yaml" --set output="$tmp/${kind}3" --set save_maps=$kind
    ok "$kind: the same files" diff -r "$tmp/$kind/maps" "$tmp/${kind}3/maps"
    is "$kind: one an image and variant, and each variant's scale" "$(maps "$tmp/$kind" | grep -c .)" 22
done
map=maps/winclip-paper-0shot-seed0/bottle/test/spot/000.png
is "a map has the picture's size" "$(od -An -tu1 -j16 -N8 "$tmp/overlay/$map.png" | tr -s ' ')" " 0 0 0 120 0 0 0 120"
is "f16: a tensor of the picture's size" "$(head -c 200 "$tmp/f16/$map.safetensors" | grep -ao '"dtype":"F16","shape":\[120,120\]')" \
    '"dtype":"F16","shape":[120,120]'
runs "top 1" 0 program "$tmp/mini.yaml" --set output="$tmp/top" --set save_maps=png --set save_maps_of=1
is "top 1: a map a category and variant" "$(maps "$tmp/top" | grep -c 'png$')" 4
best=$(awk -F, '$2 == "leather" && $6 == "paper" { print $9, $3 }' "$tmp/top/scores.csv" | sort -rn | head -n 1 | cut -d' ' -f 2)
ok "top 1: of the highest score" test -f "$tmp/top/maps/winclip-paper-0shot-seed0/leather/$best.png"
runs "failures" 0 program "$tmp/mini.yaml" --set output="$tmp/fail" --set save_maps=png --set save_maps_of=failures
wrong=$(awk -F, 'NR == FNR { if ($7 == "f1max_threshold" && $2 != "mean") t[$2, $4] = $8; next }
    FNR > 1 && ($9 >= t[$2, $6] - 1e-7) != $4 { n++ } END { print n + 0 }' "$tmp/fail/report.csv" "$tmp/fail/scores.csv")
is "failures: the images on the wrong side" "$(maps "$tmp/fail" | grep -c 'png$')" "$wrong"

# Maps of a finished run, and of one that stopped among them.
runs "asked for later" 0 ranks 2 "$tmp/mini.yaml" --set output="$tmp/r1" --set save_maps=png
ok "asked for later: the same files" diff -r "$tmp/png/maps" "$tmp/r1/maps"
rm "$tmp/r1/$map.png" "$tmp/r1/report.txt"
touch -d '2001-01-01' "$tmp/r1/maps/winclip-paper-0shot-seed0/bottle/test/spot/001.png.png"
runs "going on" 0 ranks 2 "$tmp/mini.yaml" --set output="$tmp/r1" --set save_maps=png
ok "going on: what was missing is there" diff -r "$tmp/png/maps" "$tmp/r1/maps"
is "going on: what was there is kept" \
    "$(find "$tmp/r1/maps" -name '001.png.png' -path '*paper*bottle/test/spot*' ! -newermt 2002-01-01 | grep -c .)" 1
echo '{"low": 0}' >"$tmp/r1/maps/winclip-paper-0shot-seed0/scale.json" && rm "$tmp/r1/report.txt"
echo x >"$tmp/r1/$map.png"
runs "another scale" 0 program "$tmp/mini.yaml" --set output="$tmp/r1" --set save_maps=png
ok "another scale: all maps are made again" diff -r "$tmp/png/maps" "$tmp/r1/maps"
runs "an unknown kind" 3 program "$tmp/mini.yaml" --set output="$tmp/bad" --set save_maps=gif
done_testing
