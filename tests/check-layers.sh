#!/bin/sh
# Proves that a source includes only its own folder and lower layers; peers do not include each other.
# The rank of each layer is the architecture; README.md draws it.
set -eu
rank() {
    case $1 in
    base) echo 0 ;; tensor) echo 1 ;; image | text | weights | config) echo 2 ;; model | dataset | demo) echo 3 ;;
    method) echo 4 ;; eval | journal | winclip) echo 5 ;; report) echo 6 ;; sched) echo 7 ;; cli) echo 8 ;;
    *) echo "unknown layer $1: $file" >&2; echo unknown ;;
    esac
}
bad=0
for file in src/*/*.[ch]; do
    own=$(basename "$(dirname "$file")")
    for header in $(sed -n 's/^#include "\([^"]*\)".*/\1/p' "$file"); do
        layer=${header%%/*}
        [ "$header" = winclip.h ] && layer=winclip # include/winclip.h: what src/winclip implements
        [ "$layer" = "$own" ] && continue
        case $(rank "$layer")$(rank "$own") in *unknown*) bad=1; continue ;; esac
        if [ "$layer" = "$header" ] || [ "$(rank "$layer")" -ge "$(rank "$own")" ]; then
            echo "$file: includes \"$header\": $own (layer $(rank "$own")) may include only lower layers"
            bad=1
        fi
    done
    case $own in
    sched | cli) ;;
    *) if grep -nE '\bMPI_[A-Z]' "$file" | grep -v '^\S*\s*\(//\|\*\)' | grep -vE '^[0-9]+:\s*(\*|//)' | grep -q .; then
           echo "$file: MPI is called in sched and cli only"; bad=1; fi ;;
    esac
done
[ $bad -eq 0 ] && echo "layers: $(ls src/*/*.[ch] | wc -l) files, each includes only downward"
exit $bad
