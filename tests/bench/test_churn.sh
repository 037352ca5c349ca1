#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Ever new keys: the program that watches memory and time runs, refuses no key and can be drawn.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/bench/prove.sh
library=${HF_BUILD:-$PWD/build/cc}/libholdfast.a
need_plain "$library"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

compiles() {
  ${CC:-cc} -std=c11 -D_GNU_SOURCE -O2 -Wall -Wextra -Werror -Iinclude bench/peers/churn.c \
    "$library" -lck -pthread -lm -o "$tmp/churn"
}
runs() { "$tmp/churn" --keys 20000 --minutes 0.001 --output "$tmp/churn.json" >"$tmp/printed"; }
refuses_none() {
  grep -q '^filled: 20000 keys, 0 refused, ' "$tmp/printed" && grep -q '; 0 of [0-9]* refused$' "$tmp/printed"
}
samples() { [ "$(grep -c '"refused":0,"ns":[0-9.]*,"resident_bytes":[1-9]' "$tmp/churn.json")" = 120 ]; }
draws() {
  awk -f bench/peers/churn.awk "$tmp/churn.json" >"$tmp/churn.svg" &&
    [ "$(grep -c '<polyline' "$tmp/churn.svg")" = 2 ] && grep -q '^</svg>$' "$tmp/churn.svg"
}

prove "the program compiles as a user's would" compiles
prove "it runs as long as it is told" runs
prove "no key is refused" refuses_none
prove "the file holds each sample" samples
prove "two curves are drawn" draws
prove "--help ends with 0" ends_with 0 "$tmp/churn" --help
prove "bad usage ends with 2" ends_with 2 "$tmp/churn" --keys
prove "no keys are too few" ends_with 2 "$tmp/churn" --keys 0
prove "a file that cannot be written ends with 1" \
  ends_with 1 "$tmp/churn" --keys 100 --minutes 0.0001 --output "$tmp/none/churn.json"
conclude
