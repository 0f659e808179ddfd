#!/bin/sh
# Runs one test and keeps what it says in $WC_TAP, a folder, where that is set: `make table` reads it.
[ -n "$WC_TAP" ] || exec "$@"
name=$(basename "$1" | sed 's/\.t$//; s/\.sh$//')
"$@" >"$WC_TAP/$name.part"
code=$?
cat "$WC_TAP/$name.part"
mv "$WC_TAP/$name.part" "$WC_TAP/$name.tap"
exit $code
