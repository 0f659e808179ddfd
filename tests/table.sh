#!/bin/sh
# The table of tests/README.md from the output of the tests: sh tests/table.sh FOLDER < tests/promises.tsv
# Columns: promise, tests that hold it, checks that passed (failed and skipped ones are named), and the sums of the
# lines "# count: N WHAT" that the tests print.
folder=$1
echo '| Promise | Tests | Checks | Counts |'
echo '|---|---|---|---|'
while IFS='	' read -r promise tests; do
    files= absent=
    for t in $tests; do
        found=
        for f in "$folder/$t.tap" "$folder/$t"-*.tap; do
            [ ! -e "$f" ] || found="$found $f"
        done
        files="$files$found"
        [ -n "$found" ] || absent="$absent $t"
    done
    [ -n "$files" ] || { echo "| $promise | $tests | not run | |"; continue; }
    awk -v promise="$promise" -v tests="$tests" -v absent="$absent" '
        /^ok / { n++; if (/# SKIP/) skipped++ }
        /^not ok / { failed++ }
        /^# count: [0-9]+ / {
            what = $0
            sub(/^# count: [0-9]+ /, "", what)
            if (!(what in sum)) order[++n_what] = what
            sum[what] += $3
        }
        END {
            checks = n - skipped + 0
            if (skipped) checks = checks ", " skipped " skipped"
            if (failed) checks = checks ", **" failed " FAILED**"
            if (absent != "") checks = checks ", not run:" absent
            for (i = 1; i <= n_what; i++) counts = counts (i > 1 ? "; " : "") sum[order[i]] " " order[i]
            printf "| %s | %s | %s | %s |\n", promise, tests, checks, counts
        }' $files
done
