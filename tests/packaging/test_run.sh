#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The runner of tests, tested: what counts as passed, failed and skipped, and that nothing that
# went wrong can end as a pass.
set -u
cd "$(dirname "$0")/../.." || exit 1
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
count=0 failures=0

# Writes a test of the given name; prints its path.
a_test() {
  mkdir -p "$tmp/build/cc/tests/room" "$tmp/build/cc/examples" "$tmp/tests/room"
  printf '#!/bin/sh\n%s\n' "$2" >"$tmp/$1"
  chmod +x "$tmp/$1"
  echo "$tmp/$1"
}
binary() { a_test "build/cc/tests/room/test_$1" "$2"; }
script() { a_test "tests/room/test_$1.sh" "$2"; }
example() { a_test "build/cc/examples/$1" "$2"; }

# Runs tests; the runner's status and last line have to be these.
prove() {
  local name=$1 status=$2 summary=$3 said
  shift 3
  count=$((count + 1))
  said=$(env -u WRAP TIMEOUT=2 tests/run "$@" 2>&1)
  if [ $? = "$status" ] && [ "$(tail -n 1 <<<"$said")" = "$summary" ]; then
    echo "ok $count - $name"
    return
  fi
  failures=$((failures + 1))
  echo "not ok $count - $name: wanted $status, $summary"
  sed 's/^/# /' <<<"$said"
}

good=$(binary good 'echo 1..2; echo ok 1; echo ok 2')
bad=$(binary bad 'echo 1..2; echo ok 1; echo not ok 2; exit 1')

prove "counts what passed" 0 "2 passed, 0 failed" "$good"
prove "counts over several tests and ends with 1 if one failed" 1 "3 passed, 1 failed" "$good" "$bad"
prove "nothing run is a failure" 1 "0 passed, 0 failed"
prove "a missing test is a failure" 1 "0 passed, 1 failed" "$tmp/build/cc/tests/room/none"
prove "no plan is a failure" 1 "1 passed, 1 failed" "$(binary unplanned 'echo ok 1')"
prove "fewer tests than planned are a failure" 1 "1 passed, 1 failed" \
  "$(binary short 'echo 1..2; echo ok 1')"
prove "death after the last test is a failure" 1 "1 passed, 1 failed" \
  "$(binary dying 'echo 1..1; echo ok 1; kill -SEGV $$')"
prove "a status other than 0 is a failure" 1 "1 passed, 1 failed" \
  "$(binary leaking 'echo 1..1; echo ok 1; exit 23')"
prove "running for ever is a failure" 1 "0 passed, 1 failed" \
  "$(binary endless 'echo 1..1; sleep 60; echo ok 1')"
prove "what is skipped has not passed" 0 "1 passed, 0 failed, 1 skipped" \
  "$(binary skipping 'echo 1..2; echo ok 1; echo "not ok 2 # SKIP no such thing here"')"
prove "a script that skips all has passed nothing" 1 "0 passed, 0 failed, 1 skipped" \
  "$(script skipped 'echo "1..0 # SKIP no nginx"')"
prove "a script gets the seconds that it asks for" 0 "1 passed, 0 failed" \
  "$(script slow '# timeout: 20
sleep 3; echo 1..1; echo ok 1')"
prove "a script may run alone" 0 "3 passed, 0 failed" "$(script quiet '# alone
echo 1..1; echo ok 1')" "$good"
prove "an example passes by ending with 0" 0 "1 passed, 0 failed" "$(example fine 'echo not ok')"
prove "an example fails by its status" 1 "0 passed, 1 failed" "$(example broken 'exit 3')"
prove "a mutant that is caught passes" 0 "1 passed, 0 failed" "MISTAKE=$bad"
prove "a mutant that is not caught fails" 1 "0 passed, 1 failed" "MISTAKE=$good"
prove "a mutant that merely crashes is not caught" 1 "0 passed, 1 failed" \
  "MISTAKE=$(binary crash 'echo 1..1; kill -SEGV $$')"
echo "1..$count"
[ "$failures" = 0 ]
