#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Our side of the comparison with governor compiles against the public headers, times each workload
# and notices bad usage. Governor's side needs cargo and is not tested here.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/bench/prove.sh
library=${HF_BUILD:-$PWD/build/cc}/libholdfast.a
need_plain "$library"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

compiles() {
  ${CC:-cc} -std=c11 -O2 -Wall -Wextra -Werror -Iinclude bench/peers/limiter.c \
    bench/peers/stopwatch.c "$library" -lck -pthread -lm -o "$tmp/limiter"
}
# A line when ready, one for a run of ours, one for a run of the floor.
times() {
  local cpu
  cpu=$(sed -n 's/^Cpus_allowed_list:[[:space:]]*\([0-9]*\).*/\1/p' /proc/self/status)
  printf 'limiter\nfloor\n' | "$tmp/limiter" --ms 1 --cpus "$cpu" "$@" >"$tmp/lines" &&
    [ "$(grep -c '"traffic":"[0-9a-f]\{16\}"' "$tmp/lines")" = 1 ] &&
    [ "$(grep -c '"ns":[0-9.]*,"decisions":[1-9]' "$tmp/lines")" = 2 ]
}
times_each_workload() {
  local workload
  for workload in uniform zipf batch denied gate gate-denied; do
    times --workload "$workload" --keys 10 || return 1
  done
}
times_each_clock() {
  local clock
  for clock in mock given monotonic; do times --clock "$clock" --keys 10 || return 1; done
}

prove "the program compiles as a user's would" compiles
prove "it times each workload" times_each_workload
prove "it times each clock" times_each_clock
prove "it times text keys under SipHash" times --key-bytes 38 --hash siphash
prove "--help ends with 0" ends_with 0 "$tmp/limiter" --help
prove "an unknown workload ends with 2" ends_with 2 "$tmp/limiter" --workload none
prove "a key size that is neither ends with 2" ends_with 2 "$tmp/limiter" --key-bytes 17
prove "the driver's --help ends with 0" ends_with 0 bench/limiter_peers.sh --help
prove "the driver's bad usage ends with 2" ends_with 2 bench/limiter_peers.sh --pairs 3
conclude
