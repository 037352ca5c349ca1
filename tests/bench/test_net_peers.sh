#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Our side of the comparison with rust-libp2p and go-libp2p, and its floor, compile as a user's
# programs, do what a peer is asked, and notice what they are not to be asked. The other sides need
# cargo and go and are not tested here.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/bench/prove.sh
build=${HF_BUILD:-$PWD/build/cc}
library=$build/libholdfast-net.a
need_plain "$library"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
OUT=$tmp
. bench/peers/common.sh
RUN_SECONDS=30 row=none

compiles() {
  local output=$1
  shift
  ${CC:-cc} -std=c11 -O2 -Wall -Wextra -Werror -Iinclude bench/peers/net/answer.c "$@" \
    $(pkg-config --cflags --libs libuv libcrypto libsodium) -lck -pthread -lm -o "$tmp/$output"
}

starts() {
  start "$1-listener" "$tmp/$1" listen
  address=$(field address "$ready")
  start "$1-dialer" "$tmp/$1" dial
}
ends() { stop "$1-dialer" && stop "$1-listener"; }

# The whole time is that of one run, or of none.
answers() {
  ask "$1" "$2"
  [[ $answer =~ ^'{"ns":'[0-9]+',"p50":'[0-9]+',"p99":'[0-9]+'}'$ ]]
}
takes_time() { answers "$1" "$2" && [ "$(field "$3" "$answer")" -gt 0 ]; }

waits_for_connections() {
  send ours-listener "await 1"
  answers ours-dialer "nodes 3" && ! read -r -t 0 <&"${from[ours-listener]}" &&
    answers ours-dialer "connect $address 1 1" && hear ours-listener && answers ours-dialer close &&
    answers ours-listener "await 0"
}
connects_and_closes() {
  answers ours-dialer "nodes 3" && takes_time ours-dialer "connect $address 6 2" p50 &&
    answers ours-listener "await 6" && answers ours-dialer close && answers ours-listener "await 0"
}
connects_again() { answers ours-dialer "connect $address 1 1" && answers ours-listener "await 1"; }
moves_bytes() {
  takes_time "$1" "up 1000000 1" ns && takes_time "$1" "down 1000000 1" ns &&
    takes_time "$1" "up 1000000 100" ns
}
makes_trips() {
  takes_time "$1" "trips 50" p50 && [ "$(field p50 "$answer")" -lt "$(field p99 "$answer")" ]
}
times_operations() {
  local name
  ask floor-dialer crypto
  for name in sign verify make_pair share seal_64 seal_16k seal_64k; do
    [ "$(field $name "$answer")" -gt 0 ] || return 1
  done
}
is_refused() { ! echo "$1" | "$tmp/ours" dial >/dev/null 2>&1; }
names_no_row() {
  [ "$(bench/net_peers.sh --only no-such-row)" = "net_peers: no row with: no-such-row" ]
}
# A bar for ours and for each peer, and nothing of rows without a peer.
draws() {
  local row='"workload":"w","unit":"us","ours":2,"peer_value":4,"floor":1,"by_floor":2'
  printf '[\n{%s,"peer":"%s","ratio":%s},\n{%s,"peer":"%s","ratio":%s},\n{%s,"peer":"%s","ratio":%s}\n]\n' \
    "$row" rust 2 "$row" go 2.5 "$row" bound null |
    awk -f bench/peers/svg.awk -f bench/peers/net/plot.awk >"$tmp/plot.svg"
  [ "$(grep -c '<rect x=' "$tmp/plot.svg")" = 3 ] && tail -n 1 "$tmp/plot.svg" | grep -q '</svg>' &&
    grep -q '>4 us, go<' "$tmp/plot.svg" && ! grep -q bound "$tmp/plot.svg"
}

prove "our program compiles as a user's would" compiles ours bench/peers/net/ours.c \
  bench/peers/net/flow.c "$library" "$build/libholdfast.a"
prove "the floor compiles" compiles floor bench/peers/net/floor.c
starts ours
prove "a listener waits for its connections" waits_for_connections
prove "connections come from several nodes and go" connects_and_closes
prove "a connection can be had after that" connects_again
prove "bytes go up, down, and over 100 streams" moves_bytes ours-dialer
prove "messages come back" makes_trips ours-dialer
prove "memory is given back when asked for" answers ours-listener trim
prove "both end when their input does" ends ours
starts floor
prove "the floor dials" answers floor-dialer "connect $address 1 1"
prove "the floor moves bytes" moves_bytes floor-dialer
prove "the floor's messages come back" makes_trips floor-dialer
prove "the floor times the cryptography" times_operations
prove "the floor ends when its input does" ends floor
prove "what is not understood ends the program" is_refused "fly 1"
prove "a stream without a connection ends the program" is_refused "up 1000 1"
prove "bad usage ends with 2" ends_with 2 "$tmp/ours" sing
prove "the driver's --help ends with 0" ends_with 0 bench/net_peers.sh --help
prove "the driver's bad usage ends with 2" ends_with 2 bench/net_peers.sh --pairs 2
prove "the driver builds nothing for no row" names_no_row
prove "the plot has a bar for each" draws
conclude
