#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# What the comparisons with other implementations share counts, judges and asks as it says.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/bench/prove.sh
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
OUT=$tmp
. bench/peers/common.sh
RUN_SECONDS=5 row=none
says() { local expected=$1; shift; [ "$("$@")" = "$expected" ]; }

# Ours, a peer's, the floor's: ratios 2, 8 and 3, above the floor 2, 1 and 4.
odd() { printf '10 20 5\n1 8 1\n4 12 1\n' | summarise; }
even() { printf '1 2 1\n1 4 1\n' | summarise; }
judges() {
  says '>=1.2 met' judge 1.2 '>=' 1.2 && says '>=1.2 MISSED' judge 1.19 '>=' 1.2 &&
    says '<=24 met' judge 9.5 '<=' 24 && says '<=24 MISSED' judge 100 '<=' 24
}
judges_nothing() { says - judge - '>=' 1 && says - judge 3 '>=' 0; }
tells_json() {
  says true met '>=1 met' && says false met '>=1 MISSED' && says null met -
}
finds_fields() {
  local line='{"a":1.5,"name":"x, {y}:z","last":7}'
  says 1.5 field a "$line" && says 'x, {y}:z' field name "$line" && says 7 field last "$line"
}
makes_an_array() {
  says "$(printf '[\n  {"a":1},\n  {"a":2}\n]')" json_array < <(printf '{"a":1}\n{"a":2}\n')
}
counts_bars() {
  printf '>=1.2 met -\n>=1 MISSED <=24 met\n- -\n' >"$tmp/text"
  says 'bars: 2 met, 1 missed' count_bars "$tmp/text"
}
names_processors() { [[ $(find_processors) =~ ^[0-9]+(,[0-9]+)?$ ]]; }
echoes() { echo ready; while read -r line; do echo "{\"said\":\"$1 $line\"}"; done; }
talks_with_two() {
  start one echoes 1 && [ "$ready" = ready ] && start two echoes 2 || return
  ask two b
  [ "$(field said "$answer")" = '2 b' ] || return
  ask one a
  [ "$(field said "$answer")" = '1 a' ] && stop two && stop one
}
ends_when_unanswered() {
  ! (
    RUN_SECONDS=1
    mute() { echo ready; cat >/dev/null; }
    start mute mute
    ask mute anything
  ) 2>/dev/null
}

prove "of an odd number of turns the middle one counts" says '4.00 12.00 1.00 3.000 2.000 8.000 2.000' odd
prove "of an even number the mean of the middle two" says '1.00 3.00 1.00 3.000 2.000 4.000 1.000' even
prove "a figure at its bar meets it, one beyond does not" judges
prove "no bar and no figure are not judged" judges_nothing
prove "verdicts have their JSON" tells_json
prove "a field is found whatever its kind and place" finds_fields
prove "lines become an array" makes_an_array
prove "bars met and missed are counted" counts_bars
prove "processors are named" names_processors
prove "two programs answer by turns and end" talks_with_two
prove "what does not answer ends the run" ends_when_unanswered
conclude
