#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Nodes of the program's own: found, pinged, measured, refused, and ended in good order.
. "$(dirname "$0")/lib.sh"
cd "$WORK" || exit 1

start_node() { # log options...
  local log=$1
  shift
  "$HOLDFAST" node --json "$@" >"$log" 2>"$log.err" &
  SERVERS+=($!)
}
address_of() { jq -r 'select(.event == "listening") | .address' "$1" | head -n 1; }
has() { jq -e -s --arg event "$2" "[.[] | select(.event == \$event)] | ${3:-length > 0}" "$1" >/dev/null; }

"$HOLDFAST" key new one.key >/dev/null
ID=$("$HOLDFAST" key show one.key --json | jq -r .peer_id)
start_node one.log --listen /ip4/127.0.0.1/tcp/0 --listen /ip6/::1/tcp/0 --identity one.key --perf
one=${SERVERS[-1]}
wait_for 10 has one.log listening 'length == 2' || bail "the node does not listen" one.log.err
ADDRESS=$(address_of one.log)
check "its address ends with its id" eval '[[ $ADDRESS == */p2p/$ID ]]'

check "each ping is answered" eval '"$HOLDFAST" ping "$ADDRESS" --count 3 --interval 10ms --json >pings'
check "and its round trip told" has pings ping 'length == 3 and all(.rtt_us > 0)'
check "the peer is known by its agent and protocols" \
  has pings identified 'length == 1 and (.[0].agent | startswith("holdfast/")) and (.[0].protocols | contains("/perf/1.0.0"))'
check "by another address too" \
  eval '"$HOLDFAST" ping "$(jq -r .address one.log | sed -n 2p)" --count 1 >/dev/null'
check "bytes go up and down" eval '"$HOLDFAST" perf "$ADDRESS" --upload 3MiB --download 2MiB --json >perf'
check "as many as were asked for" jq -e '.upload_bytes == 3145728 and .download_bytes == 2097152' perf

OTHER=12D3KooWBtg3aaRMjxwedh83aGiUkwSxDwUZkzuJcfaqUmo7R3pq
refuses() { ! "$HOLDFAST" ping "${ADDRESS%/p2p/*}/p2p/$OTHER" --count 1 2>err && grep -q "not the one expected" err; }
check "a peer other than the expected one is not spoken with" refuses
check "an address that is none is named" \
  eval '! "$HOLDFAST" ping /ip4/1.2.3/tcp/1 2>err && grep -q "/ip4/1.2.3/tcp/1" err'
check "nobody there is told" eval '! "$HOLDFAST" ping "/ip4/127.0.0.1/tcp/$(free_port)" 2>err && grep -q refused err'
check "a port that is taken is told" \
  eval '! "$HOLDFAST" node --listen "${ADDRESS%/p2p/*}" 2>err && grep -q "address already in use" err'

start_node two.log --dial "$ADDRESS" --ping-interval 50ms
two=${SERVERS[-1]}
check "a node pings the peers it dialled" wait_for 10 has two.log ping 'length >= 3'
kill "$one"
check "it sees one end" wait_for 10 has two.log closed
ends_well() { wait "$1" && tail -n 1 "$2" | jq -e '.event == "stopped"' >/dev/null; }
check "which ends in good order" ends_well "$one" one.log
start_node again.log --listen "${ADDRESS%/p2p/*}" --identity one.key
check "and comes back to it" wait_for 20 has two.log connected 'length >= 2'
kill "$two"
check "one that dials ends in good order" ends_well "$two" two.log
check "events are JSON, every line" eval "jq -e . one.log two.log again.log >lines"
