#!/bin/sh
# Pixel metrics of a run: by sorting and by histograms, by category and by kind of defect, at several limits; the same
# bytes from any number of ranks; no figure of a category depends on its kinds.
. tests/lib.sh
figures="report.csv report.json defects.csv"

# A second evaluation of the same scores: the report is made again from the journals.
again() { # FOLDER
    rm -f "$1/report.txt"
}

mini "$tmp/mini"
for c in bottle leather; do # two kinds of defect, and one
    mkdir -p "$tmp/mini/$c/test/stain" "$tmp/mini/$c/ground_truth/stain"
done
mv "$tmp/mini/bottle/test/spot/002.png" "$tmp/mini/bottle/test/stain/000.png"
mv "$tmp/mini/bottle/ground_truth/spot/002_mask.png" "$tmp/mini/bottle/ground_truth/stain/000_mask.png"
rmdir "$tmp/mini/leather/test/stain" "$tmp/mini/leather/ground_truth/stain"
mini_config mini 'preset: [paper, caoyunkang]' 'shots: [0, 1]' 'references: first' \
    'evaluation: {fpr_limit: [0.3, 0.05, 0.01]}' >"$tmp/mini.yaml"
sed 's/0.01]}/0.01], exact_pixels: 0}/' "$tmp/mini.yaml" >"$tmp/hist.yaml"

runs "by sorting" 0 ranks 1 "$tmp/mini.yaml" --set output="$tmp/exact"
runs "by histograms" 0 ranks 1 "$tmp/hist.yaml" --set output="$tmp/hist"
for way in exact hist; do
    yaml=$tmp/mini.yaml
    [ $way = exact ] || yaml=$tmp/hist.yaml
    cp -R "$tmp/$way" "$tmp/first"
    for n in 3 5; do
        again "$tmp/$way"
        runs "$way, $n ranks" 0 ranks $n "$yaml" --set output="$tmp/$way"
        ok "$way, $n ranks: the same bytes as 1" same_files "$tmp/first" "$tmp/$way" $figures
    done
    rm -rf "$tmp/first"
done
near() { # KEYS FILE
    grep -v threshold "$tmp/exact/$2" >"$tmp/wanted"
    grep -v threshold "$tmp/hist/$2" >"$tmp/found"
    near_csv "$1" value 1e-6 "$tmp/wanted" "$tmp/found"
}
ok "both ways agree within 1e-6" near "category method preset shot seed metric" report.csv
ok "both ways agree within 1e-6 for each kind" near "category defect method preset shot seed metric" defects.csv
bounds() { # FOLDER: the largest bound
    perl -MJSON::PP -MList::Util=max -0777 -e '
        $r = decode_json(<STDIN>); printf "%g\n", max map { $_->{bound} } @{$r->{results}}, @{$r->{defects}}' <"$1/report.json"
}
is "sorted figures have no error" "$(bounds "$tmp/exact")" 0
ok "histograms: every bound is above 0 and at most 1e-6" awk -v b="$(bounds "$tmp/hist")" 'BEGIN { exit !(b > 0 && b <= 1e-6) }'

is "AUPRO at three limits" "$(grep '^mvtec,mean,winclip,paper,0,0,pixel_aupro' "$tmp/exact/report.csv" | cut -d, -f 7 | tr '\n' ' ')" \
    "pixel_aupro_0.3 pixel_aupro_0.05 pixel_aupro_0.01 "
runs "one limit" 0 program "$tmp/mini.yaml" --set output="$tmp/one" --set evaluation.fpr_limit=0.05
is "one limit: the same figure" "$(grep aupro_0.05 "$tmp/one/report.csv")" "$(grep aupro_0.05 "$tmp/exact/report.csv")"

# Kinds: rows of a category with several; theirs and the category's own do not depend on each other.
is "kinds of bottle alone" "$(cut -d, -f 2,3 "$tmp/exact/defects.csv" | sort -u | tr '\n' ' ')" \
    "bottle,spot bottle,stain category,defect "
is "a kind counts its own images and the normal ones" \
    "$(grep 'bottle,stain,winclip,paper,0,0,auroc' "$tmp/exact/defects.csv" | cut -d, -f 10)" 3
for way in exact hist; do
    yaml=$tmp/mini.yaml
    [ $way = exact ] || yaml=$tmp/hist.yaml
    rm -rf "$tmp/mini2" && cp -R "$tmp/mini" "$tmp/mini2"
    mv "$tmp/mini2/bottle/test/stain/000.png" "$tmp/mini2/bottle/test/spot/002.png"
    mv "$tmp/mini2/bottle/ground_truth/stain/000_mask.png" "$tmp/mini2/bottle/ground_truth/spot/002_mask.png"
    rmdir "$tmp/mini2/bottle/test/stain" "$tmp/mini2/bottle/ground_truth/stain"
    runs "$way: one kind" 0 ranks 2 "$yaml" --set dataset.root="$tmp/mini2" --set output="$tmp/kind-$way"
    ok "$way: one kind: the same figures as with two" cmp "$tmp/$way/report.csv" "$tmp/kind-$way/report.csv"
    is "$way: one kind: no rows of kinds" "$(grep -c . "$tmp/kind-$way/defects.csv")" 1
done

runs "limits: one twice" 3 program "$tmp/mini.yaml" --set output="$tmp/bad" --set 'evaluation.fpr_limit=[0.3,0.3]'
runs "limits: none" 3 program "$tmp/mini.yaml" --set output="$tmp/bad" --set 'evaluation.fpr_limit=[]'
runs "limits: above 1" 3 program "$tmp/mini.yaml" --set output="$tmp/bad" --set 'evaluation.fpr_limit=[0.3,2]'
done_testing
