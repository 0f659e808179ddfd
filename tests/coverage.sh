#!/bin/sh
# Lines and branches that the tests reached, by folder: reads what gcov says of the objects under BUILD.
#     sh tests/coverage.sh BUILD [FOLDER...]      with folders: also each of their files, and its lines never reached
# A branch is one way out of a condition, as the compiler sees it; -O1 keeps those of the source.
build=$1
shift
detail=" $* "
here=$(pwd)
work=$build/gcov
rm -rf "$work" && mkdir -p "$work" && cd "$work" && ln -s "$here/src" src || exit 1
for note in "$here/$build"/src/*/*.gcno; do
    gcov -b -c -p -o "$(dirname "$note")" "${note%.gcno}.o" 2>/dev/null
done >summary.txt
awk -v detail="$detail" '
    /^File / { file = substr($0, 7, length($0) - 7); sub(/^.*\/src\//, "src/", file); ok = file ~ /^src\// && file !~ /_data\.c$/ && !(file in seen) }
    ok && /^Lines executed/ { split($2, a, /[:%]/); n = $4; lines = n; hit = int(a[2] * n / 100 + 0.5) }
    ok && /^Taken at least once/ { split($4, a, /[:%]/); b = $6; taken = int(a[2] * b / 100 + 0.5); add() }
    ok && /^No branches/ { b = taken = 0; add() }
    function add(    parts) {
        seen[file] = 1
        split(file, parts, "/")
        f = parts[2]
        L[f] += lines; H[f] += hit; B[f] += b; T[f] += taken
        L["all"] += lines; H["all"] += hit; B["all"] += b; T["all"] += taken
        if (index(detail, " " f " ")) D[file] = sprintf("  %-28s %6d %7s %8d %7s", file, lines, p(hit, lines), b, p(taken, b))
    }
    function p(x, n) { return n ? sprintf("%.1f%%", 100 * x / n) : "-" }
    END {
        printf "%-30s %6s %7s %8s %7s\n", "folder", "lines", "reached", "branches", "taken"
        n = split("base tensor image text weights config model dataset method winclip eval journal report sched demo cli all", order, " ")
        for (i = 1; i <= n; i++) {
            f = order[i]
            if (L[f]) printf "%-30s %6d %7s %8d %7s\n", f, L[f], p(H[f], L[f]), B[f], p(T[f], B[f])
            for (file in D) if (index(file, "src/" f "/") == 1) print D[file]
        }
    }' summary.txt
for f in $detail; do
    for g in *src#"$f"#*.c.gcov; do
        [ -e "$g" ] || continue
        grep -E '^ *#####:' "$g" | sed "s|^ *#####: *\([0-9]*\):|src/$f/$(echo "${g%.gcov}" | sed 's/.*#//'):\1:|"
    done
done
