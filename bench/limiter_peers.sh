#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The keyed limiter beside governor, which does the same for Rust. `make bench-peers` calls it.
# What a row means stands in the help below; what is timed, in bench/peers/.
set -u
cd "$(dirname "$0")/.." || exit 1
MAKE=${MAKE:-make} CC=${CC:-cc}
OUT=$PWD/build/peers
RESULTS=$PWD/build/bench/limiter_peers
ROWS=$RESULTS.rows
. bench/peers/common.sh

help() {
  cat <<'TEXT'
Times decisions of the keyed limiter beside those of governor, pinned, in turns.

  limiter_peers.sh [--quick | --full] [--pairs N] [--ms N] [--only WORD] [--resume] [--cpu-time]

  --quick      a few rows in short runs: to see that it works, not to quote
  --full       10 million keys besides: some 1.5 GB of memory
  --pairs N    turns of each row, at least 5 (5)
  --ms N       length of a run (50; quick: 20); a quarter more warms up
  --only WORD  just the rows with WORD in their description
  --resume     not the rows that have a result of as many turns already: goes on after an interruption
  --cpu-time   count a thread's time on its processor: for machines where others work, too. There
               two threads seldom run at once, so it says little of their contention
  --help       this text

Needs cargo, which builds governor 0.10.4 as its users do (cargo build --release); where there is
none, governor's columns say SKIPPED and nothing is written as a result. Ours is the installed
static library, through its public headers. The rows "native" are -march=native and link-time
optimisation on both sides, ours at -O3 as cargo's release is.

Each turn is one run of ours, of governor, and of the floor: the same hash, one line of a table as
large, one locked compare-and-swap (a denial: one load), no logic. ns is a thread's time for one
decision, median of the turns, with making the keys, which costs all three alike (not where there
is one key); a ratio is the median of the turns' ratios, [least .. greatest]. All see the same keys
in the same order, all keys are present before timing begins, and whatever is not denied on purpose
is admitted; a run that decides otherwise fails, and so does one that has no room for a key.

  workload  uniform or zipf (s = 1) over the keys, one a call; batch: uniform, 16 keys a call of ours,
            one a call of governor's, which knows no batches; denied: one key, never admitted
  key       bytes of a key. 16: [u8; 16] to governor; 38: String
  clock     mock: time stands still and is read at each decision, governor's FakeRelativeClock and
            our hf_manual_clock; given: ours is told the time (hf_limiter_check_at); monotonic:
            governor's MonotonicClock and our default; tsc: governor's default, quanta, and our
            hf_tsc_clock
  hash      ours: fast or siphash; governor's is SipHash-1-3, its default, or foldhash
  gate      no keys: hf_gate beside governor's direct limiter; mock: ours is told the time, which
            costs one atomic load, as governor's mock does
  bytes     what malloc holds for the limiter once all keys are in, by the number of keys

Beside a ratio, ours by the floor, and bytes stands the bar, if there is one, and whether it is met.
Results go to build/bench/limiter_peers.json, .txt and .svg: of all rows ever measured, each as it
was measured last. `rm -r build/bench` forgets them.
TEXT
}

# For each line one row with 1 thread and one with 2. The part of the run it first belongs to,
# workload, keys, clock, key bytes, our hash, governor's; then the ratio to be reached with 1 and 2
# threads as users get both, and natively (0: none is named, -: is not run).
rows() {
  cat <<'TEXT'
usual uniform     1        mock      16 fast    siphash  0   0   -   -
quick denied      1        mock      16 fast    siphash  0   8   0   10
quick uniform     1000     mock      16 fast    siphash  2   3   2.5 3
usual uniform     100000   mock      16 fast    siphash  2   3   2.5 3
quick uniform     1000000  mock      16 fast    siphash  3   4   3   4
full  uniform     10000000 mock      16 fast    siphash  4   5   4   5
usual batch       1000     mock      16 fast    siphash  0   0   -   -
usual batch       100000   mock      16 fast    siphash  0   0   -   -
quick batch       1000000  mock      16 fast    siphash  7   7   8   8
full  batch       10000000 mock      16 fast    siphash  9   9   10  10
quick uniform     1000     mock      16 fast    foldhash 1.3 1.8 1.3 1.8
usual uniform     100000   mock      16 fast    foldhash 1.3 1.8 1.3 1.8
usual uniform     1000000  mock      16 fast    foldhash 1.3 1.8 1.3 1.8
full  uniform     10000000 mock      16 fast    foldhash 1.3 1.8 1.3 1.8
usual uniform     1000     mock      16 siphash siphash  1.5 1.5 -   -
usual uniform     100000   mock      16 siphash siphash  1.5 1.5 -   -
usual uniform     1000000  mock      16 siphash siphash  1.5 1.5 -   -
full  uniform     10000000 mock      16 siphash siphash  1.5 1.5 -   -
usual batch       1000000  mock      16 siphash siphash  0   0   -   -
usual zipf        1000     mock      16 fast    siphash  0   0   -   -
usual zipf        100000   mock      16 fast    siphash  0   0   -   -
usual zipf        1000000  mock      16 fast    siphash  0   0   -   -
full  zipf        10000000 mock      16 fast    siphash  0   0   -   -
usual uniform     1000     mock      38 fast    siphash  0   0   -   -
usual uniform     100000   mock      38 fast    siphash  0   0   -   -
usual uniform     1000000  mock      38 fast    siphash  0   0   -   -
full  uniform     10000000 mock      38 fast    siphash  0   0   -   -
usual batch       1000000  mock      38 fast    siphash  0   0   -   -
usual uniform     1000     given     16 fast    siphash  0   0   -   -
usual uniform     1000000  given     16 fast    siphash  0   0   -   -
usual uniform     1000     monotonic 16 fast    siphash  1.5 1.5 -   -
usual uniform     1000000  monotonic 16 fast    siphash  1.5 1.5 -   -
usual uniform     1000     tsc       16 fast    siphash  2   2   -   -
usual uniform     1000000  tsc       16 fast    siphash  2   2   -   -
quick gate        1        mock      16 fast    siphash  0.8 0.8 0.95 0.95
usual gate-denied 1        mock      16 fast    siphash  0   0   -   -
usual gate        1        tsc       16 fast    siphash  0   0   -   -
TEXT
}

# Of the floor, a decision of its own and one in a batch; bytes a live key.
BY_FLOOR_AT_MOST=2.2 BATCH_BY_FLOOR_AT_MOST=1.6 BYTES_AT_MOST=36

compile_ours() {
  local flags
  flags=$(flags_of "$1" libholdfast) || return 1
  $CC -std=c11 -Wall -Wextra -Werror $2 bench/peers/limiter.c bench/peers/stopwatch.c \
    $flags -lm -o "$OUT/$1/limiter"
}

build_ours() {
  local flags='-O2 -g' options=()
  if [ "$1" = native ]; then
    flags='-O3 -g -march=native -flto' # As cargo's release profile, which is opt-level 3.
    options=(B=build/peers/native-objects CFLAGS="$flags" AR=gcc-ar)
  fi
  install_ours "$1" libholdfast "${options[@]}"
  step "ours-$1-program" compile_ours "$1" "$flags"
}

# Away from the sources, where cargo would leave a lock file.
build_theirs() {
  local settings=(CARGO_TARGET_DIR="$OUT/governor-$1")
  if [ "$1" = native ]; then
    settings+=(RUSTFLAGS='-C target-cpu=native' CARGO_PROFILE_RELEASE_LTO=fat
      CARGO_PROFILE_RELEASE_CODEGEN_UNITS=1)
  fi
  mkdir -p "$OUT/governor"
  cp -rup bench/peers/governor/. "$OUT/governor/"
  step "governor-$1" env "${settings[@]}" cargo build --release \
    --manifest-path "$OUT/governor/Cargo.toml"
}

TABLE='%-7s %-11s %9s %3s %-9s %3s %-7s %8s  %-17s %8s %7s %-16s %-12s %8s %8s %-12s %6s %-11s %6s\n'

header() {
  printf "$TABLE" build workload keys thr clock key hash ours_ns peer peer_ns ratio '[min .. max]' bar \
    floor_ns by_floor bar bytes bar peer_b
}

# One row: $build $workload $keys $threads $clock $key_bytes $hash $peer_hash $bar.
measure() {
  local arguments=(--keys "$keys" --threads "$threads" --key-bytes "$key_bytes" --ms "$ms"
    --workload "$workload" --cpus "$cpus" $cpu_time)
  local turn ours theirs=0 traffic bytes peer_bytes=- peer=governor turns=
  [ "$peer_hash" = foldhash ] && peer=governor+foldhash
  start ours "$OUT/$build/limiter" "${arguments[@]}" --clock "$clock" --hash "$hash"
  traffic=$(field traffic "$ready") bytes=$(field bytes_per_key "$ready")
  if [ "$cargo" ]; then
    start governor "$OUT/governor-$build/release/governor-peer" "${arguments[@]}" \
      --clock "${clock/given/mock}" --hash "$peer_hash"
    [ "$(field traffic "$ready")" = "$traffic" ] || die "the two were not asked for the same keys: $row"
    peer_bytes=$(field bytes_per_key "$ready")
  fi
  for ((turn = 0; turn < pairs; turn++)); do
    ask ours limiter
    ours=$(field ns "$answer")
    if [ "$cargo" ]; then ask governor limiter; theirs=$(field ns "$answer"); fi
    ask ours floor
    turns+="$ours $theirs $(field ns "$answer")"$'\n'
  done
  if [ "$cargo" ]; then stop governor; fi
  stop ours
  # Of a table of hardly any keys nobody wants to know the bytes a key.
  if [ "$keys" -lt 1000 ]; then bytes=- peer_bytes=-; fi
  report $(printf '%s' "$turns" | summarise)
}

report() {
  local ours_ns=$1 peer_ns=$2 floor_ns=$3 ratio=$4 least=$5 greatest=$6 by_floor=$7 line
  local floor_bar=$BY_FLOOR_AT_MOST ratio_verdict floor_verdict bytes_verdict
  case $workload in
  batch) floor_bar=$BATCH_BY_FLOOR_AT_MOST ;;
  gate* | *denied) floor_bar=0 ;; # Whose floor is none that has been named.
  esac
  if [ -z "$cargo" ]; then peer_ns=SKIPPED ratio=- least= greatest=; fi
  ratio_verdict=$(judge "$ratio" '>=' "$bar")
  floor_verdict=$(judge "$by_floor" '<=' "$floor_bar")
  bytes_verdict=$(judge "$bytes" '<=' "$BYTES_AT_MOST")
  line=$(printf "$TABLE" "$build" "$workload" "$keys" "$threads" "$clock" "$key_bytes" "$hash" \
    "$ours_ns" "$peer" "$peer_ns" "$ratio" "${least:+[$least .. $greatest]}" "$ratio_verdict" \
    "$floor_ns" "$by_floor" "$floor_verdict" "$bytes" "$bytes_verdict" "$peer_bytes")
  echo "$line"
  [ -z "$cargo" ] && return
  {
    printf '{"build":"%s","workload":"%s","keys":%s,"threads":%s,"clock":"%s",' \
      "$build" "$workload" "$keys" "$threads" "$clock"
    printf '"key_bytes":%s,"hash":"%s","ours_ns":%s,"peer":"%s","peer_ns":%s,"ratio":%s,' \
      "$key_bytes" "$hash" "$ours_ns" "$peer" "$peer_ns" "$ratio"
    printf '"ratio_min":%s,"ratio_max":%s,"at_least":%s,"ratio_met":%s,' \
      "$least" "$greatest" "$bar" "$(met "$ratio_verdict")"
    printf '"floor_ns":%s,"by_floor":%s,"by_floor_met":%s,' \
      "$floor_ns" "$by_floor" "$(met "$floor_verdict")"
    printf '"bytes_per_key":%s,"bytes_met":%s,"peer_bytes_per_key":%s,"pairs":%s,"ms":%s,"cpu_time":%s}\n' \
      "${bytes/#-/null}" "$(met "$bytes_verdict")" "${peer_bytes/#-/null}" "$pairs" "$ms" \
      "$([ "$cpu_time" ] && echo true || echo false)"
    echo "$line"
  } >"$tmp/row"
  mv "$tmp/row" "$ROWS/$name"
}

describe_machine() { machine ${cargo:+"rustc --version"}; }

# Of all rows that have a result: its first line is JSON, its second text.
write_results() {
  local file files=()
  enumerate
  for file in "${names[@]}"; do
    [ -e "$ROWS/$file" ] && files+=("$ROWS/$file")
  done
  for file in "${files[@]}"; do head -n 1 "$file"; done | json_array >"$RESULTS.json"
  { describe_machine; header; for file in "${files[@]}"; do tail -n 1 "$file"; done; } \
    >"$RESULTS.txt"
  awk -f bench/peers/svg.awk -f bench/peers/plot.awk "$RESULTS.json" >"$RESULTS.svg"
  echo "$(count_bars "$RESULTS.txt"); keys refused for space: 0 (a row that refuses one has no result)"
  if grep -q MISSED "$RESULTS.txt"; then header; grep MISSED "$RESULTS.txt"; fi
  echo "${#files[@]} rows: build/bench/limiter_peers.json, .txt, .svg"
}

# The description that --only looks into, and the name of the row's result.
describe() {
  row="$build $workload $keys keys, $threads threads, $clock, $key_bytes bytes, $hash, $peer_hash"
  name="$build-$workload-$keys-$threads-$clock-$key_bytes-$hash-$peer_hash"
}

# Whether the row at hand has a result of as many turns, as long, by the same clock.
measured() {
  [ -e "$ROWS/$name" ] && head -n 1 "$ROWS/$name" | awk -v pairs="$pairs" -v ms="$ms" \
    -v cpu="$([ "$cpu_time" ] && echo true || echo false)" '
    function number(field) {
      match($0, "\"" field "\":[0-9]+")
      return substr($0, RSTART + length(field) + 3, RLENGTH - length(field) - 3) + 0
    }
    { exit !(number("pairs") >= pairs && number("ms") >= ms && index($0, "\"cpu_time\":" cpu)) }'
}

wanted() {
  case $part in
  usual) [ "$size" != quick ] ;;
  full) [ "$size" = full ] ;;
  esac && [[ $row == *"$only"* && ($threads = 1 || $cpus = *,*) ]] &&
    ! { [ "$resume" ] && measured; }
}

# Calls the commands given for each row of each build. They may read standard input.
each_row() {
  local part workload keys clock key_bytes hash peer_hash bars threads bar build native row name
  for build in default native; do
    native=$([ "$build" = native ] && echo 1 || echo 0)
    while read -r -u 9 part workload keys clock key_bytes hash peer_hash bars; do
      read -r -a bars <<<"$bars"
      for threads in 1 2; do
        bar=${bars[threads - 1 + native * 2]}
        [ "$bar" = - ] && continue
        describe
        "$@"
      done
    done 9< <(rows)
  done
}

remember_name() { names+=("$name"); }
enumerate() { names=() && each_row remember_name; }

count_if_wanted() {
  if [[ $size != quick || $build = default ]] && wanted; then
    total=$((total + 1))
    builds[$build]=1
  fi
}

measure_if_wanted() {
  if [[ $size != quick || $build = default ]] && wanted; then
    number=$((number + 1))
    printf '[%*d/%d %3ds] ' ${#total} "$number" "$total" "$SECONDS"
    measure
  fi
}

size=usual pairs=5 ms=50 only= resume= cpu_time=
while [ $# -gt 0 ]; do
  case $1 in
  --quick) size=quick ms=20 ;;
  --full) size=full ;;
  --resume) resume=1 ;;
  --cpu-time) cpu_time=--cpu-time ;;
  --pairs | --ms | --only)
    [ $# -gt 1 ] || { help >&2; exit 2; }
    declare "${1#--}=$2"
    shift
    ;;
  --help) help; exit 0 ;;
  *) help >&2; exit 2 ;;
  esac
  shift
done
[[ $pairs =~ ^[0-9]+$ && $pairs -ge 5 && $ms =~ ^[1-9][0-9]*$ ]] || { help >&2; exit 2; }

tmp=$(mktemp -d)
trap clean_up EXIT
trap 'exit 130' INT TERM
mkdir -p "$OUT" "$ROWS"
cargo=$(command -v cargo)
cpus=$(find_processors)
declare -A builds=()
total=0 number=0
each_row count_if_wanted
[ "$total$resume" = 0 ] && { echo "limiter_peers: no row with: $only"; exit 0; }
for build in "${!builds[@]}"; do
  echo "building: $build"
  build_ours "$build"
  if [ "$cargo" ]; then build_theirs "$build"; fi
done
describe_machine
SECONDS=0
printf '%*s ' $((8 + 2 * ${#total})) '' && header
each_row measure_if_wanted
if [ -z "$cargo" ]; then
  echo "SKIPPED: governor (no cargo on this machine); no results were written"
  exit 0
fi
write_results
