#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The networking core beside rust-libp2p and go-libp2p. `make bench-peers-net` calls it. What a row
# means stands in the help below; what is timed, in bench/peers/net/.
#
# A peer is a program. `peer listen` prints {"address":...}, `peer dial` {"ready":true}, and then
# each answers a line for each it is sent, {"ns":...,"p50":...,"p99":...}: how long it took as a
# whole, and its parts. Both serve two protocols: one where the dialer says how many bytes it wants,
# sends as many as it likes, ends its side and gets them, and one that sends back what comes.
#
#   await N                 (listener) when just N connections are open and identified
#   nodes N                 (dialer) has at least N nodes of different identities, one at first
#   connect ADDRESS N WIDTH N connections, from the nodes in turns, WIDTH under way at a time
#   close                   closes all of these
#   up BYTES STREAMS        over the first connection, so many bytes in all, until all is answered
#   down BYTES STREAMS      the other way
#   trips N                 32 bytes there and back, N times, over one stream
#   trim                    gives back to the system what memory is free
#   crypto                  (floor) nanoseconds of each operation
set -u
cd "$(dirname "$0")/.." || exit 1
MAKE=${MAKE:-make} CC=${CC:-cc}
HERE=bench/peers/net
OUT=$PWD/build/peers
RESULTS=$PWD/build/bench/net_peers
CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/holdfast/bench
. bench/peers/common.sh
RUN_SECONDS=200 # More than the peers' own patience.

help() {
  cat <<'TEXT'
Times the networking core beside rust-libp2p and go-libp2p, each talking to itself over loopback
TCP, Noise and yamux, in turns.

  net_peers.sh [--quick] [--pairs N] [--only WORD]

  --quick      shorter runs: to see that it works, not to quote
  --pairs N    turns of each row, at least 3 (5); thrice as many of round trips
  --only WORD  just the rows with WORD in their name
  --help       this text

Needs cargo and go, which build their peers as users do, into the user's cache folder; where one is
missing, its rows say SKIPPED. Ours is the installed static library, through its public headers.
Each peer is a pair of processes, the listener pinned to one processor and the dialer to another;
one pair works at a time, and one run on a machine. What is printed is the median of the turns; a
ratio is how many times better ours is, the median of the turns' ratios, [least .. greatest]. A
dialer of a thousand nodes of ours needs some 10,000 open files. Where others work, too, let this go
before them: chrt -f 50.

  stream-up      one stream, 1 GiB from the dialer to the listener; MB are 10^6 bytes
  stream-down    the other way
  streams-100    100 streams at once share 1 GiB up
  trip-p50, -p99 round trip of 32 bytes over one open stream
  handshakes     connections a second, TCP, Noise and yamux, 8 under way at a time; all are held
                 until the last is there
  handshake-cpu  time on processors of both sides for one of these. go-libp2p's and our nodes
                 identify each peer at once, so rust-libp2p's does, too, and it is counted
  handshake-all  the same, beside a floor that counts the system's part in
  setup-p50      from a dial to a connection that carries streams, one at a time
  idle-memory    of an identified connection, in the listener: proportional set size at 1,000 from
                 as many peers, less that at none, by 1,000. A first connection has come and gone
                 before, and what is free has been given back to the system

The floor beside a figure is the least that plain TCP and the cryptography, whose time on a
processor is taken, leave of it in the same turns. That is by libsodium for Curve25519 and by
libcrypto for the cipher, which is what ours uses, too:

  streams        copying as many bytes over plain TCP, and sealing them in frames of 65,519 bytes
  trips          the same over plain TCP, and sealing and opening two frames of 64 bytes
  handshake-cpu  2 X25519 key pairs (each side's ephemeral), 6 shared secrets (ee, es, se), and 2
                 Ed25519 verifications; the static key's signature is made once. What the system
                 does for it is not counted
  handshake-all  the same, and as many messages over as many connections of plain TCP
  handshakes     half of that, since both sides work at a time
  setup-p50      all of it, since one side waits for the other

Then the bounds that ours has to keep: a connection set up in 5 s (aim: 5 ms), measured as the p99
of setup; round trip 100 ms; 1 MB/s; and a heartbeat to 100 peers, with pings each 5 s from both
sides, of 1 % of a processor and of 1 KB/s a peer, which counts all that the listener's process
reads and writes. Results, of this run alone, go to build/bench/net_peers.json, .txt and .svg.
TEXT
}

# The run that measures it, workload, unit, how many times better than rust-libp2p and go-libp2p ours
# has to be, and how many times its floor it may be (0: no matter).
rows() {
  cat <<'TEXT'
stream-up   stream-up     MB/s 1.2 1.5 0
stream-down stream-down   MB/s 1.2 1.5 0
streams-100 streams-100   MB/s 1.2 1.5 0
trip        trip-p50      us   1   1   0
trip        trip-p99      us   1   1   0
handshake   handshakes    1/s  1   1   0
handshake   handshake-cpu us   1   1   1.25
handshake   handshake-all us   0   0   1.25
setup       setup-p50     us   1   1   0
idle        idle-memory   KiB  1   1   0
TEXT
}

# The run, the figure of ours, its unit, and what it has to keep to.
bounds() {
  cat <<'TEXT'
setup       setup-p99       ms   <= 5000
setup       setup-p99       ms   <= 5
trip        trip-p99        ms   <= 100
stream-up   stream-up       MB/s >= 1
stream-down stream-down     MB/s >= 1
heartbeat   heartbeat-cpu   %    <= 1
heartbeat   heartbeat-bytes B/s  <= 1000
idle        idle-memory     KiB  <= 24
TEXT
}

# What floors are made of: the file of its figures, whose it is, its name, its unit.
floors() {
  cat <<'TEXT'
tcp-up       plain-TCP stream-up        MB/s
tcp-down     plain-TCP stream-down      MB/s
tcp-trip-p50 plain-TCP trip-p50         us
tcp-cpu      plain-TCP handshake-cpu    us
seal_64      libcrypto ChaChaPoly-64    us
seal_16k     libcrypto ChaChaPoly-16384 us
seal_64k     libcrypto ChaChaPoly-65519 us
sign         libsodium Ed25519-sign     us
verify       libsodium Ed25519-verify   us
make_pair    libsodium X25519-key-pair  us
share        libsodium X25519-secret    us
TEXT
}

FRAME_BYTES=65519 # The most that a Noise message holds.
declare -A title lacks program address
title=([rust]=rust-libp2p-$(sed -n '/^.dependencies.libp2p.$/,/version/s|^version = "=\(.*\)"|\1|p' $HERE/rust/Cargo.toml)
  [go]=go-libp2p-$(sed -n 's|.*go-libp2p v\([0-9.]*\)$|\1|p' $HERE/go/go.mod))

compile() {
  local flags=$1 output=$2
  shift 2
  $CC -std=c11 -O2 -g -Wall -Wextra -Werror "$@" $HERE/answer.c $flags -o "$output"
}

build_ours() {
  local flags
  install_ours net 'libholdfast-net libholdfast'
  flags=$(flags_of net libholdfast-net) || die "libholdfast-net is not installed: $OUT/ours-net.log"
  step net-ours-program compile "$flags" "$OUT/net/ours" $HERE/ours.c $HERE/flow.c
  step net-floor compile "$(pkg-config --cflags --libs libcrypto libsodium) -pthread" "$OUT/net/floor" \
    $HERE/floor.c
}

# Away from the sources, where cargo would leave a lock file. One clone at a time.
build_rust() {
  local folder=$CACHE/${title[rust]}
  mkdir -p "$folder/peer"
  (
    flock 9
    diff -rq -x Cargo.lock $HERE/rust "$folder/peer" >/dev/null || cp -r $HERE/rust/. "$folder/peer/"
    step net-rust cargo build --release --manifest-path "$folder/peer/Cargo.toml" \
      --target-dir "$folder/target"
    cp "$folder/target/release/peer" "$OUT/net/rust"
  ) 9>"$folder/lock" || exit 1
}

# Go keeps what it builds in the user's cache folder itself.
build_go() { step net-go go -C $HERE/go build -o "$OUT/net/go" .; }

build() {
  local peer
  mkdir -p "$OUT/net"
  build_ours
  for peer in ours rust go floor; do program[$peer]=$OUT/net/$peer; done
  if command -v cargo >/dev/null; then build_rust; else lacks[rust]="no cargo"; fi
  if command -v go >/dev/null; then build_go; else lacks[go]="no go"; fi
}

present() { [ -z "${lacks[$1]-}" ]; }

# start_pair name peer [argument...]: leaves the listener's address in $address.
start_pair() {
  local name=$1 program=${program[$2]}
  shift 2
  start "$name-listener" taskset -c "${cpus%,*}" "$program" listen "$@"
  address[$name]=$(field address "$ready")
  start "$name-dialer" taskset -c "${cpus#*,}" "$program" dial "$@"
}

stop_pair() {
  stop "$1-dialer"
  stop "$1-listener"
}

# connect peer count width: from as few nodes as can be. go-libp2p's keep one connection to a peer.
connect() {
  [ "$1" = go ] && ask go-dialer "nodes $2"
  ask "$1-dialer" "connect ${address[$1]} $2 $3"
}

# Until the listener, too, has got rid of them.
disconnect() {
  ask "$1-dialer" close
  ask "$1-listener" "await 0"
}

# Keeps a turn's figure, nanoseconds or bytes, of which less is better.
note() { echo "$3" >>"$tmp/$1.$2"; }

# The times that both processes of a pair, or the one named, have had on processors, in ns.
cpu_ns() {
  local side file ns sum=0
  for side in "$@"; do
    for file in /proc/"${pid[$side]}"/task/*/schedstat; do
      read -r ns _ <"$file" && sum=$((sum + ns))
    done
  done
  echo "$sum"
}

# Leaves the nanoseconds of cryptography's operations in variables of their names.
time_crypto() {
  local name
  ask floor-dialer crypto
  for name in sign verify make_pair share seal_64 seal_16k seal_64k; do
    declare -g "$name=$(field $name "$answer")"
    note "$name" floor "${!name}"
  done
}

# Each takes its turn of a peer.
turn_of_flow() {
  local workload=$1 peer=$2 line=$3 ns
  ask "$peer-dialer" "$line"
  ns=$(field ns "$answer")
  if [ "$peer" = floor ]; then
    note "tcp-${line%% *}" floor "$ns"
    time_crypto
    ns=$((ns + flow_bytes / FRAME_BYTES * seal_64k))
  fi
  note "$workload" "$peer" "$ns"
}

turn_of_stream-up() { turn_of_flow stream-up "$1" "up $flow_bytes 1"; }
turn_of_stream-down() { turn_of_flow stream-down "$1" "down $flow_bytes 1"; }
turn_of_streams-100() { turn_of_flow streams-100 "$1" "up $flow_bytes 100"; }

turn_of_trip() {
  local times part ns
  ask "$1-dialer" "trips $trips"
  times=$answer
  [ "$1" = floor ] && time_crypto
  for part in p50 p99; do
    ns=$(field $part "$times")
    if [ "$1" = floor ]; then
      note "tcp-trip-$part" floor "$ns"
      ns=$((ns + 4 * seal_64))
    fi
    note "trip-$part" "$1" "$ns"
  done
}

crypto_of_handshake() { echo $((2 * make_pair + 6 * share + 2 * verify)); }

turn_of_handshake() {
  local before ns cpu
  [ "$1" = go ] && ask go-dialer "nodes $handshakes"
  before=$(cpu_ns "$1-listener" "$1-dialer")
  connect "$1" "$handshakes" 8
  ns=$(field ns "$answer")
  ask "$1-listener" "await $handshakes"
  cpu=$((($(cpu_ns "$1-listener" "$1-dialer") - before) / handshakes))
  disconnect "$1"
  if [ "$1" = floor ]; then
    note tcp-cpu floor "$cpu"
    time_crypto
    note handshake-all floor $((cpu + $(crypto_of_handshake)))
    cpu=$(crypto_of_handshake) ns=$((cpu * handshakes / 2))
  else
    note handshake-all "$1" "$cpu"
  fi
  note handshakes "$1" $((ns / handshakes))
  note handshake-cpu "$1" "$cpu"
}

turn_of_setup() {
  if [ "$1" = floor ]; then
    time_crypto
    note setup-p50 floor "$(crypto_of_handshake)"
    return
  fi
  connect "$1" "$handshakes" 1
  note setup-p50 "$1" "$(field p50 "$answer")"
  note setup-p99 "$1" "$(field p99 "$answer")"
  disconnect "$1"
}

# Leaves the memory of a fresh pair's listener in $bytes.
look_at_memory() {
  ask fresh-listener trim
  bytes=$(awk '/^Pss:/ { print $2 * 1024 }' "/proc/${pid[fresh-listener]}/smaps_rollup")
}

turn_of_idle() {
  local before bytes
  start_pair fresh "$1"
  ask fresh-dialer "nodes $idle"
  ask fresh-dialer "connect ${address[fresh]} 1 1"
  ask fresh-listener "await 1"
  disconnect fresh
  look_at_memory
  before=$bytes
  ask fresh-dialer "connect ${address[fresh]} $idle 8"
  ask fresh-listener "await $idle"
  look_at_memory
  note idle-memory "$1" $(((bytes - before) / idle))
  stop_pair fresh
}

# What the listener reads and writes, sockets and all.
io_bytes() { awk '/^[rw]char/ { sum += $2 } END { print sum }' "/proc/${pid[fresh-listener]}/io"; }

# To peers that are there and say nothing but that they are.
turn_of_heartbeat() {
  local peers=100 cpu bytes
  start_pair fresh ours 5000
  ask fresh-dialer "nodes $peers"
  ask fresh-dialer "connect ${address[fresh]} $peers 8"
  ask fresh-listener "await $peers"
  cpu=$(cpu_ns fresh-listener) bytes=$(io_bytes)
  sleep "$heartbeat_seconds"
  note heartbeat-cpu ours $((($(cpu_ns fresh-listener) - cpu) / heartbeat_seconds))
  note heartbeat-bytes ours $((($(io_bytes) - bytes) / heartbeat_seconds / peers))
  stop_pair fresh
}

# Round trips take a second together, and of the slowest hundredth few say little.
turns_of() {
  case $1 in
  trip) echo $((3 * pairs)) ;;
  *) echo "$pairs" ;;
  esac
}

# All turns of a run, of the peers that take part in it.
measure() {
  local row=$1 turn turns peer peers=(ours)
  turns=$(turns_of "$row")
  case $row in
  heartbeat) turn_of_heartbeat; return ;;
  esac
  for peer in rust go; do present $peer && peers+=($peer); done
  [ "$row" = idle ] || peers+=(floor)
  case $row in
  stream* | trip) for peer in "${peers[@]}"; do connect "$peer" 1 1; done ;;
  esac
  for ((turn = 0; turn < turns; turn++)); do
    for peer in "${peers[@]}"; do "turn_of_$row" "$peer"; done
  done
  case $row in
  stream* | trip) for peer in "${peers[@]}"; do disconnect "$peer"; done ;;
  esac
}

# A figure as its unit has it, of nanoseconds or bytes.
show() {
  awk -v figure="$1" -v unit="$2" -v bytes="$flow_bytes" 'BEGIN {
    if (unit == "MB/s") printf "%.1f", bytes * 1e3 / figure
    if (unit == "1/s") printf "%.1f", 1e9 / figure
    if (unit == "us") printf "%.2f", figure / 1e3
    if (unit == "ms") printf "%.3f", figure / 1e6
    if (unit == "KiB") printf "%.2f", figure / 1024
    if (unit == "%") printf "%.3f", figure / 1e7
    if (unit == "B/s") printf "%d", figure }'
}

TABLE='%-16s %-4s %9s  %-20s %9s %7s %-18s %-11s %9s %8s %s\n'

header() {
  printf "$TABLE" workload unit ours peer peer ratio '[min .. max]' bar floor by_floor bar
}

# One row: the variables that follow, of which "-" is none. Nothing is kept of what was not run.
say_row() {
  local workload=$1 unit=$2 ours=$3 peer=$4 theirs=$5 ratio=$6 least=$7 greatest=$8 verdict=$9
  local floor=${10} by_floor=${11} floor_verdict=${12} range=
  [ "$least" = - ] || range="[$least .. $greatest]"
  printf "$TABLE" "$workload" "$unit" "$ours" "$peer" "$theirs" "$ratio" "$range" "$verdict" \
    "$floor" "$by_floor" "$floor_verdict" | tee -a "$tmp/text"
  [ "$theirs" = SKIPPED ] && return
  printf '{"workload":"%s","unit":"%s","ours":%s,"peer":"%s","peer_value":%s,"ratio":%s,' \
    "$workload" "$unit" "${ours/#-/null}" "$peer" "$theirs" "${ratio/#-/null}" >>"$tmp/json"
  printf '"ratio_min":%s,"ratio_max":%s,"bar":"%s","met":%s,"floor":%s,"by_floor":%s,' \
    "${least/#-/null}" "${greatest/#-/null}" "${verdict% *}" "$(met "$verdict")" \
    "${floor/#-/null}" "${by_floor/#-/null}" >>"$tmp/json"
  printf '"floor_bar":"%s","floor_met":%s,"pairs":%s}\n' "${floor_verdict% *}" \
    "$(met "$floor_verdict")" "$(turns_of "$run")" >>"$tmp/json"
}

# A workload beside one peer: report peer bar floor_bar.
report() {
  local peer=$1 files=("$tmp/$workload.ours" "$tmp/$workload.$1" "$tmp/$workload.floor")
  local ours theirs floor ratio least greatest by_floor file
  for file in "${files[@]:1}"; do [ -e "$file" ] || sed 's/.*/1/' "${files[0]}" >"$file"; done
  read -r ours theirs floor ratio least greatest by_floor < <(paste -d ' ' "${files[@]}" | summarise)
  ours=$(show "$ours" "$unit") theirs=$(show "$theirs" "$unit") floor=$(show "$floor" "$unit")
  if [ "$workload" = idle-memory ]; then floor=- by_floor=-; fi
  if ! present "$peer"; then theirs=SKIPPED ratio=- least=- greatest=-; fi
  say_row "$workload" "$unit" "$ours" "${title[$peer]}" "$theirs" "$ratio" "$least" "$greatest" \
    "$(judge "$ratio" '>=' "$2")" "$floor" "$by_floor" "$(judge "$by_floor" '<=' "$3")"
}

median_of() { awk '{ print $1, 1, 1 }' "$1" | summarise | cut -d ' ' -f 1; }

# The floor's bar is judged once.
report_rows() {
  local run workload unit rust_bar go_bar floor_bar
  while read -r -u 9 run workload unit rust_bar go_bar floor_bar; do
    [[ $workload == *"$only"* ]] || continue
    report rust "$rust_bar" "$floor_bar"
    report go "$go_bar" 0
  done 9< <(rows)
}

report_bounds() {
  local run workload unit sign bound ours ratio
  while read -r -u 9 run workload unit sign bound; do
    [[ $workload == *"$only"* ]] || continue
    ours=$(show "$(median_of "$tmp/$workload.ours")" "$unit")
    say_row "$workload" "$unit" "$ours" bound "$bound" - - - "$(judge "$ours" "$sign" "$bound")" - - -
  done 9< <(bounds)
}

report_floors() {
  local file whose name unit
  while read -r -u 9 file whose name unit; do
    [ -e "$tmp/$file.floor" ] || continue
    say_row "$name" "$unit" - "$whose" "$(show "$(median_of "$tmp/$file.floor")" "$unit")" - - - - - - -
  done 9< <(floors)
}

# Runs of which a row is wanted, in order, each once.
wanted_runs() {
  { rows; bounds; } | awk -v only="$only" 'index($2, only) && !seen[$1]++ { print $1 }'
}

write_results() {
  json_array <"$tmp/json" >"$RESULTS.json"
  { describe_machine; header; cat "$tmp/text"; } >"$RESULTS.txt"
  awk -f bench/peers/svg.awk -f $HERE/plot.awk "$RESULTS.json" >"$RESULTS.svg"
  count_bars "$RESULTS.txt"
  if grep -q MISSED "$RESULTS.txt"; then header; grep MISSED "$RESULTS.txt"; fi
  echo "$(wc -l <"$tmp/json") rows: build/bench/net_peers.json, .txt, .svg"
}

describe_machine() {
  local commands=("openssl version")
  present rust && commands+=("rustc --version")
  present go && commands+=("go version")
  machine "${commands[@]}"
}

pairs=5 only=
flow_bytes=$((1 << 30)) trips=5000 handshakes=200 idle=1000 heartbeat_seconds=10
while [ $# -gt 0 ]; do
  case $1 in
  --quick) flow_bytes=$((1 << 26)) trips=1000 handshakes=50 idle=100 heartbeat_seconds=5 ;;
  --pairs | --only)
    [ $# -gt 1 ] || { help >&2; exit 2; }
    declare "${1#--}=$2"
    shift
    ;;
  --help) help; exit 0 ;;
  *) help >&2; exit 2 ;;
  esac
  shift
done
[[ $pairs =~ ^[0-9]+$ && $pairs -ge 3 ]] || { help >&2; exit 2; }
runs=$(wanted_runs)
[ -n "$runs" ] || { echo "net_peers: no row with: $only"; exit 0; }

tmp=$(mktemp -d)
trap clean_up EXIT
trap 'exit 130' INT TERM
ulimit -n "$(ulimit -H -n)" # Each node has some files.
mkdir -p "$OUT" "$CACHE" "$(dirname "$RESULTS")"
cpus=$(find_processors)
echo "building"
build
exec {alone}>"$CACHE/alone"
flock "$alone" # Two at a time would measure each other.
describe_machine
SECONDS=0
started=()
for peer in ours rust go floor; do
  if present $peer; then start_pair $peer $peer && started=($peer "${started[@]}"); fi
done
for run in $runs; do
  echo "[${SECONDS} s] $run" >&2
  measure "$run"
done
for peer in "${started[@]}"; do stop_pair "$peer"; done
header
report_rows
report_bounds
report_floors
for peer in "${!lacks[@]}"; do echo "SKIPPED: ${title[$peer]} (${lacks[$peer]} on this machine)"; done
write_results
