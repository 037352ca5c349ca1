# SPDX-License-Identifier: MIT
#
# What the comparisons with other implementations share, sourced by their drivers: building ours as
# a user gets it, asking programs in turns, and judging what they answered. A driver sets MAKE, CC
# and OUT, the folder it builds in.
READY_SECONDS=300 RUN_SECONDS=60 # What hangs ends.

die() {
  echo "$(basename "$0" .sh): $*" >&2
  exit 1
}

# Runs a step of the build; its output is shown only where it fails.
step() {
  local log=$OUT/$1.log
  shift
  "$@" >"$log" 2>&1 </dev/null || { tail -n 20 "$log" >&2; die "could not build: $log"; }
}

# Installs some of our libraries into a folder of $OUT. What follows goes to make.
install_ours() {
  local folder=$1 libraries=$2
  shift 2
  step "ours-$folder" $MAKE install LIBS="$libraries" PROGRAM= DESTDIR= PREFIX="$OUT/$folder" \
    LIBDIR="$OUT/$folder/lib" INCLUDEDIR="$OUT/$folder/include" "$@"
}

# The flags of a library installed so, linked statically together with those of ours it needs.
flags_of() {
  local lib=$OUT/$1/lib flags
  flags=$(PKG_CONFIG_PATH=$lib/pkgconfig pkg-config --static --cflags --libs "$2") || return 1
  sed -E "s|-l(holdfast[a-z-]*)|$lib/lib\1.a|g" <<<"$flags"
}

# A program that makes a run for each line it is sent. Leaves its ready line in $ready.
declare -A to from pid
ready=
start() {
  local name=$1
  shift
  rm -f "$tmp/$name.in" "$tmp/$name.out"
  mkfifo "$tmp/$name.in" "$tmp/$name.out"
  "$@" <"$tmp/$name.in" >"$tmp/$name.out" &
  pid[$name]=$!
  exec {fd}>"$tmp/$name.in"
  to[$name]=$fd
  exec {fd}<"$tmp/$name.out"
  from[$name]=$fd
  read -r -t $READY_SECONDS ready <&"${from[$name]}" || die "$name does not start: $*"
}

# Those started later have our open ends of the pipes, too, so the last one is to be stopped first.
stop() {
  local fd
  for fd in "${to[$1]}" "${from[$1]}"; do exec {fd}>&-; done
  wait "${pid[$1]}"
  unset "pid[$1]"
}

# For the driver's end, whatever it is: nothing goes on that waits for what does not come.
clean_up() {
  local name
  for name in "${!pid[@]}"; do kill "${pid[$name]}" 2>/dev/null; done
  rm -rf "$tmp"
}

# Sends a line, and waits for what comes back, which is left in $answer.
answer=
send() { echo "$2" >&"${to[$1]}"; }
hear() {
  read -r -t $RUN_SECONDS answer <&"${from[$1]}" || die "$1 gave up in the row: $row"
}
ask() {
  send "$1" "$2"
  hear "$1"
}

# A field of a line of JSON.
field() {
  local value=${2#*\"$1\":}
  case $value in
  \"*) value=${value#\"} value=${value%%\"*} ;;
  *) value=${value%%[,\}]*} ;;
  esac
  echo "$value"
}

# Standard input: a line a turn, of ours, a peer's, floor's. Output: the medians of these, of
# the peer's by ours with least and greatest, and of ours by the floor.
summarise() {
  awk 'function median(values, count,    i, j, swap) {
         for (i = 2; i <= count; i++)
           for (j = i; j > 1 && values[j] < values[j - 1]; j--) {
             swap = values[j]; values[j] = values[j - 1]; values[j - 1] = swap
           }
         return (values[int((count + 1) / 2)] + values[int(count / 2) + 1]) / 2
       }
       { ours[NR] = $1 + 0; peer[NR] = $2 + 0; floor[NR] = $3 + 0
         ratio[NR] = $2 / $1; above[NR] = $1 / $3 }
       END { r = median(ratio, NR)
             printf "%.2f %.2f %.2f %.3f %.3f %.3f %.3f\n", median(ours, NR), median(peer, NR),
               median(floor, NR), r, ratio[1], ratio[NR], median(above, NR) }'
}

# ">=3 met", "<=2.2 MISSED", or "-" where either is none.
judge() {
  if [ "$1" = - ] || [ "$3" = 0 ]; then echo -; return; fi
  awk -v figure="$1" -v sign="$2" -v bar="$3" 'BEGIN {
    met = sign == ">=" ? figure + 0 >= bar + 0 : figure + 0 <= bar + 0
    print sign bar (met ? " met" : " MISSED") }'
}

# A verdict in JSON.
met() {
  case $1 in
  *met) echo true ;;
  *MISSED) echo false ;;
  *) echo null ;;
  esac
}

# Of lines, each an object.
json_array() {
  echo '['
  sed 's/^/  /; $!s/$/,/'
  echo ']'
}

count_bars() {
  echo "bars: $(grep -oE '[<>]=[0-9.]+ met' "$1" | wc -l) met," \
    "$(grep -oE '[<>]=[0-9.]+ MISSED' "$1" | wc -l) missed"
}

# What the figures were measured on. The commands given say their version.
machine() {
  local command
  sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1
  uname -sr
  $CC --version | head -n 1
  for command in "$@"; do $command | head -n 1; done
  echo "load average when this began: $(cut -d ' ' -f 1-3 /proc/loadavg)"
}

# The first two processors that this process may use.
find_processors() {
  awk '/^Cpus_allowed_list/ {
         count = split($2, ranges, ",")
         for (i = 1; i <= count; i++) {
           split(ranges[i], ends, "-")
           last = ends[2] == "" ? ends[1] : ends[2]
           for (n = ends[1]; n <= last && found < 2; n++) { printf "%s%d", found ? "," : "", n; found++ }
         }
       }' /proc/self/status
}
