#!/bin/sh
# Every golden file of the repository's own set, and of the larger set when it is there; and how far bf16 and int8
# are from the own set's.
build=${BUILD:-build}
out=$(mktemp) || exit 1
trap 'rm -f "$out"' EXIT
echo 1..4

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

# Rounding is seen, and more of it with fewer bits; half of the embedding's scale would be another embedding.
embedding() { # precision, file: root of the mean square, in units of the values'
    "$build/check_golden" --dir tests/golden/set --precision "$1" |
        awk -v file="$2" '$1 == file && $2 ~ /image_embedding/ { print $6 }'
}
number=3
for file in small_adapters.h5 small_plain_256.h5; do
    bf16=$(embedding bf16 $file) int8=$(embedding int8 $file)
    awk -v b="$bf16" -v i="$int8" 'BEGIN { exit !(b > 1e-5 && i > b && i < 0.5) }' || printf 'not '
    echo "ok $number - $file: bf16 is off by $bf16, int8 by $int8"
    number=$((number + 1))
done
