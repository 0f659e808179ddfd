#!/bin/sh
# What the fuzz targets have done, from libFuzzer's own last lines: sh tests/fuzz/table.sh FOLDER-OF-LOGS
echo '| Target | Executions | Seconds | Coverage (edges) | Features | Inputs kept | Crashes |'
echo '|---|---|---|---|---|---|---|'
for log in "$1"/*.log; do
    awk -v name="$(basename "$log" .log)" '
        / cov: / { for (i = 1; i < NF; i++) { if ($i == "cov:") cov = $(i + 1); if ($i == "ft:") ft = $(i + 1)
                   if ($i == "corp:") { split($(i + 1), a, "/"); corp = a[1] } } }
        /^Done [0-9]+ runs in [0-9]+ second/ { runs += $2; seconds += $5 }
        /SUMMARY: |^==[0-9]+==ERROR/ { crashes++ }
        END { printf "| %s | %d | %d | %d | %d | %d | %d |\n", name, runs, seconds, cov, ft, corp, crashes }' "$log"
done
