#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The benchmarks run, say what they promise to say, and fail where they cannot.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/bench/prove.sh
core=${HF_BUILD:-$PWD/build/cc}/bench/core
[ -x "$core" ] || skip "bench/core is not built in this variant"
command -v jq >/dev/null || skip "no jq"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

printed() { "$core" --quick --json --output "$tmp/core.json" >"$tmp/printed.json"; }
same_json() { cmp -s "$tmp/core.json" "$tmp/printed.json"; }
complete() {
  jq -e 'length > 0 and all(.[];
    (.name | length > 0) and (.floor_name | length > 0) and .threads >= 1 and .ns_min > 0
    and .ns_min <= .ns_median and .ns_median <= .ns_max and .floor_ns > 0 and .ratio > 0)' \
    "$tmp/core.json" >/dev/null
}
names_each_pattern() {
  local pattern
  for pattern in gate limiter adaptive flow breaker retry audit counter guard; do
    jq -e --arg word "$pattern" 'any(.[]; .name | startswith($word))' "$tmp/core.json" >/dev/null ||
      return 1
  done
}
once_a_thread_count() {
  jq -e 'group_by([.name, .threads]) | all(.[]; length == 1)' "$tmp/core.json" >/dev/null
}
only_gates() {
  "$core" --quick --json --only gate | jq -e 'length > 0 and all(.[]; .name | contains("gate"))' \
    >/dev/null
}
tabulates() { "$core" --quick --only counter | grep -q '^counter  *1 .*atomic add, own line'; }

prove "a quick run measures what it means to" printed
prove "the file holds what is printed" same_json
prove "each result is complete" complete
prove "each pattern is among them" names_each_pattern
prove "each is there once a number of threads" once_a_thread_count
prove "--only leaves the others out" only_gates
prove "without --json it is a table" tabulates
prove "--help ends with 0" ends_with 0 "$core" --help
prove "bad usage ends with 2" ends_with 2 "$core" --only
prove "a file that cannot be written ends with 1" \
  ends_with 1 "$core" --quick --only counter --output "$tmp/none/core.json"
conclude
