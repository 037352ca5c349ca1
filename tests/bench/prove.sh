# SPDX-License-Identifier: MIT
#
# What the scripts of this folder test with, sourced by each: results as the runner reads them.

count=0 failures=0

# The command that follows the name has to succeed.
prove() {
  local name=$1
  shift
  count=$((count + 1))
  if "$@"; then
    echo "ok $count - $name"
  else
    failures=$((failures + 1))
    echo "not ok $count - $name"
  fi
}

ends_with() { local status=$1; shift; "$@" >/dev/null 2>&1 </dev/null; [ $? = "$status" ]; }

skip() {
  echo "1..0 # SKIP $1"
  exit 0
}

# Programs that are built without a sanitizer cannot use a library that has one.
need_plain() {
  [ -e "$1" ] || skip "$(basename "$1") is not built in this variant"
  if nm "$1" 2>/dev/null | grep -qE '__(asan|tsan|ubsan|gcov)_'; then skip "the library is instrumented"; fi
}

conclude() {
  echo "1..$count"
  [ "$failures" = 0 ]
}
