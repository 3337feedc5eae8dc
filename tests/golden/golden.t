#!/bin/sh
# Every golden file of the repository's own set, and of the larger set when it is there.
build=${BUILD:-build}
out=$(mktemp) || exit 1
trap 'rm -f "$out"' EXIT
echo 1..2

check() { # number, directory
    "$build/check_golden" --dir "$2" >"$out" 2>&1
    status=$?
    grep -v ' ok$' "$out" | sed 's/^/# /'
    [ $status -eq 0 ] || printf 'not '
    echo "ok $1 - $(tail -n 1 "$out") in $2"
}

check 1 tests/golden/set
if [ -d ../shared/golden ]; then
    check 2 ../shared/golden
else
    echo "ok 2 # SKIP ../shared is not there"
fi
