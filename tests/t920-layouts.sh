#!/bin/sh
# One set of pictures in every layout: MVTec AD's tree, VisA's two trees, plain folders. The layout must
# not change a figure.
. tests/lib.sh

sample=$root/tests/data/sample
categories="bottle leather"

# Anomalous pictures of a category as PICTURE MASK, by name.
anomalous() {
    for picture in "$sample/$1"/test/*/*.png; do
        defect=$(basename "$(dirname "$picture")")
        [ "$defect" = good ] || echo "$picture $sample/$1/ground_truth/$defect/$(basename "$picture" .png)_mask.png"
    done
}

# VisA as published: pictures called .JPG whatever they are, masks .png, the split in a CSV.
make_raw() {
    mkdir -p "$1/split_csv" && echo "object,split,label,image,mask" >"$1/split_csv/1cls.csv"
    for c in $categories; do
        data=$c/Data
        mkdir -p "$1/$data/Images/Normal" "$1/$data/Images/Anomaly" "$1/$data/Masks/Anomaly"
        i=0
        for split in train test; do
            for picture in "$sample/$c/$split"/good/*.png; do
                name=$data/Images/Normal/$(printf %04d $i).JPG
                cp "$picture" "$1/$name"
                echo "$c,$split,normal,$name," >>"$1/split_csv/1cls.csv"
                i=$((i + 1))
            done
        done
        i=0
        anomalous $c | while read -r picture mask; do
            name=$(printf %03d $i)
            cp "$picture" "$1/$data/Images/Anomaly/$name.JPG"
            cp "$mask" "$1/$data/Masks/Anomaly/$name.png"
            echo "$c,test,anomaly,$data/Images/Anomaly/$name.JPG,$data/Masks/Anomaly/$name.png"
            i=$((i + 1))
        done >>"$1/split_csv/1cls.csv"
    done
}

# VisA as its authors' script arranges it.
make_prepared() {
    for c in $categories; do
        mkdir -p "$1/$c/train" "$1/$c/test/bad" "$1/$c/ground_truth/bad"
        cp -R "$sample/$c/train/good" "$1/$c/train/good" && cp -R "$sample/$c/test/good" "$1/$c/test/good"
        i=0
        anomalous $c | while read -r picture mask; do
            name=$(printf %03d $i)
            cp "$picture" "$1/$c/test/bad/$name.JPG" && cp "$mask" "$1/$c/ground_truth/bad/$name.png"
            i=$((i + 1))
        done
    done
}

# Plain folders of one category: names of our own, masks beside them.
make_folder() {
    mkdir -p "$1/fine" "$1/broken" "$1/gt" "$1/known"
    cp "$sample"/leather/test/good/*.png "$1/fine/" && cp "$sample"/leather/train/good/*.png "$1/known/"
    i=0
    anomalous leather | while read -r picture mask; do
        cp "$picture" "$1/broken/$i.png" && cp "$mask" "$1/gt/$i.png"
        i=$((i + 1))
    done
}

# Figures of a run without what names the data set: sorted lines.
figures() {
    cut -d, -f 2- "$1/report.csv" | sort
}
scores() {
    awk -F, -v OFS=, 'NR > 1 { print $2, $4, $5, $6, $7, $8, $9 }' "$1/scores.csv" | sort
}

common='preset: [paper, anomalib]'
run() { # NAME DATASET-LINE
    {
        echo "dataset: $2"
        echo "model: {weights: $sample/model.safetensors, bpe: $sample/bpe.txt.gz}"
        printf '%s\n' "$common" 'shots: [0, 2]' 'references: first'
    } >"$tmp/$1.yaml"
    runs "$1: run" 0 ranks 2 "$tmp/$1.yaml" --set output="$tmp/run/$1"
}

make_raw "$tmp/raw"
make_prepared "$tmp/VisA_pytorch/1cls"
make_folder "$tmp/plain"
run mvtec "{name: mvtec, root: $sample, categories: [bottle, leather]}"
run visa-raw "{name: visa, root: $tmp/raw}"
run visa-prepared "{name: visa, root: $tmp/VisA_pytorch}"
run visa-1cls "{name: visa, root: $tmp/VisA_pytorch/1cls, categories: [leather, bottle]}"
figures "$tmp/run/mvtec" >"$tmp/mvtec.figures"
scores "$tmp/run/mvtec" >"$tmp/mvtec.scores"
is "mvtec: figures of two categories and their mean" "$(cut -d, -f 1 "$tmp/mvtec.figures" | uniq | tr '\n' ' ')" \
    "bottle category leather mean "
for layout in visa-raw visa-prepared visa-1cls; do
    figures "$tmp/run/$layout" >"$tmp/figures"
    scores "$tmp/run/$layout" >"$tmp/scores"
    ok "$layout: the same metrics as MVTec AD's layout" cmp "$tmp/mvtec.figures" "$tmp/figures"
    ok "$layout: the same scores" cmp "$tmp/mvtec.scores" "$tmp/scores"
done
says "visa-raw: images by their path in the tree" '^visa,bottle,Data/Images/Anomaly/000.JPG,1,' \
    "$tmp/run/visa-raw/scores.csv"
says "visa-raw: references by their path" '^bottle,0,0,.*Images/Normal/0000.JPG' "$tmp/run/visa-raw/references.csv"

# A split that names a file that is not there, and a category that the split does not have.
cp "$tmp/raw/split_csv/1cls.csv" "$tmp/1cls.csv"
sed 's/0005.JPG/5555.JPG/' "$tmp/1cls.csv" >"$tmp/raw/split_csv/1cls.csv"
runs "visa-raw: a missing picture" 4 program "$tmp/visa-raw.yaml" --set output="$tmp/run/bad"
says "visa-raw: a missing picture: its name" 'Images/Normal/5555.JPG: no such file'
sed 's/$/\r/' "$tmp/1cls.csv" >"$tmp/raw/split_csv/1cls.csv"
runs "visa-raw: a split with CR LF" 0 program "$tmp/visa-raw.yaml" --set output="$tmp/run/visa-raw"
runs "visa-raw: an unknown category" 4 program "$tmp/visa-raw.yaml" --set output="$tmp/run/bad" \
    --set 'dataset.categories=[candle]'
says "visa-raw: an unknown category: what there is" 'candle.*bottle'

# Plain folders: the figures of the category leather, and none for pixels without masks.
run folder "{name: folder, root: $tmp/plain, normal: [fine], anomalous: [broken], masks: gt, references: [known], object: leather}"
figures "$tmp/run/folder" | grep -v -e '^mean,' -e '^category,' | cut -d, -f 2- >"$tmp/figures"
grep '^leather,' "$tmp/mvtec.figures" | cut -d, -f 2- >"$tmp/wanted"
ok "folder with masks: the same metrics as MVTec AD's layout" cmp "$tmp/wanted" "$tmp/figures"
run folder-plain "{name: folder, root: $tmp/plain, normal: [fine], anomalous: [broken], references: [known], object: leather}"
figures "$tmp/run/folder-plain" | grep -v -e '^mean,' -e '^category,' -e ',pixel_' | cut -d, -f 2- >"$tmp/figures"
grep -v ',pixel_' "$tmp/wanted" >"$tmp/wanted-image"
ok "folder without masks: the same image metrics" cmp "$tmp/wanted-image" "$tmp/figures"
is "folder without masks: pixel metrics are n/a" \
    "$(grep ',pixel_' "$tmp/run/folder-plain/report.csv" | cut -d, -f 8 | sort -u)" n/a

# Published photographs, as configs/textile.yaml stands.
runs "textile" 0 ranks 2 configs/textile.yaml --set output="$tmp/run/textile"
is "textile: 48 scores" "$(grep -c ',winclip,paper,0,0,0\.' "$tmp/run/textile/scores.csv")" 48
says "textile: AUROC is a number, pixel figures are n/a" '^textile .*[0-9]+\.[0-9] .* n/a' "$out"
is "textile: labels" "$(cut -d, -f 3,4 "$tmp/run/textile/scores.csv" | sed 1d | sed 's|/[^,]*,|,|' | sort | uniq -c |
    tr -s ' ' | tr '\n' ';')" " 12 global,1; 12 local,1; 24 nominal,0;"

done_testing
