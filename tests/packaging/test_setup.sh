#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# What `make setup` says and does on machines that lack something, played with stand-ins for
# apt-get, sudo, id and pkg-config on a PATH of its own. Nothing is installed.
set -u
cd "$(dirname "$0")/../.." || exit 1
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
count=0 failures=0

# A machine with every command but those named; pkg-config knows every library but ck if that is named.
machine() {
  local name
  rm -rf "$tmp/bin" "$tmp/calls"
  mkdir "$tmp/bin"
  touch "$tmp/calls"
  for name in sh cat ls env mktemp rm sed true; do ln -s "$(type -P "$name")" "$tmp/bin/$name"; done
  for name in gcc make g++ clang cmake git valgrind nginx wrk curl jq; do stand_in "$name" 'exit 0'; done
  stand_in id 'echo 0'
  stand_in apt-get 'echo "apt-get $*" >>'"$tmp/calls"
  stand_in pkg-config 'exit 0'
  for name in "$@"; do
    if [ "$name" = ck ]; then stand_in pkg-config 'case $* in *ck) exit 1 ;; esac'
    else rm "$tmp/bin/$name"; fi
  done
}

stand_in() {
  printf '#!/bin/sh\n%s\n' "$2" >"$tmp/bin/$1"
  chmod +x "$tmp/bin/$1"
}

# Runs setup there. Its status, its words and what apt-get was told are compared with these.
setup_gives() {
  local status said calls
  said=$(PATH=$tmp/bin src/packaging/setup.sh ${groups-} 2>&1)
  status=$?
  calls=$(sed 's/-q -o [^ ]* //' "$tmp/calls")
  diff -U0 <(printf '%s\n' "$1" "$2" "$3") <(printf '%s\n' "$status" "$said" "$calls")
}

prove() {
  local name=$1 said
  shift
  count=$((count + 1))
  if said=$(setup_gives "$@"); then echo "ok $count - $name"; return; fi
  failures=$((failures + 1))
  echo "not ok $count - $name"
  sed 's/^/# /' <<<"$said"
}

calls="apt-get update
apt-get install -y --no-install-recommends libck-dev wrk jq"

machine
prove "silent where nothing is missing" 0 "" ""

machine ck wrk jq
prove "root installs just what is missing" 0 "installing: libck-dev wrk jq" "$calls"

machine
groups=model
prove "what only the models need is installed when asked for" 0 "installing: spin" \
  "apt-get update
apt-get install -y --no-install-recommends spin"
groups=

machine ck wrk jq
stand_in id 'echo 1000'
stand_in sudo '[ "$1" = -n ] && shift && exec "$@"'
prove "a user who may use sudo does so too" 0 "installing: libck-dev wrk jq" "$calls"

machine ck wrk jq
stand_in id 'echo 1000'
prove "who may not install is told what to type" 1 \
  "setup: may not install packages here (neither root nor sudo without a password). Please run
  sudo apt-get update && sudo apt-get install -y --no-install-recommends libck-dev wrk jq" ""

machine jq
stand_in apt-get 'echo "E: no such mirror"; exit 100'
prove "a failed installation shows why" 1 \
  "installing: jq
E: no such mirror
setup: could not install: jq" ""

machine apt-get wrk
prove "without apt-get what only tests need is named" 0 \
  "setup: no apt-get here; please install by this system's own means what Debian calls
  to test: wrk" ""

machine apt-get ck
prove "without apt-get what the build needs is a must" 1 \
  "setup: no apt-get here; please install by this system's own means what Debian calls
  to build: libck-dev" ""

echo "1..$count"
[ "$failures" = 0 ]
