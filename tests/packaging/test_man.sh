#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The manual page tells of every option that the program has, and of none that it has not.
set -u
cd "$(dirname "$0")/../.." || exit 1
HOLDFAST=${HF_BUILD:-$PWD/build/cc}/holdfast
page=src/packaging/holdfast.1

options() { grep -o '^  --[a-z0-9-]*' | tr -d ' ' | sort -u; }
helped=$(for command in proxy demo key node ping perf; do "$HOLDFAST" $command --help; done | options)
told=$(sed 's/\\-/-/g' "$page" | grep -o '^\.\(B\|RB \[\) *--[a-z0-9-]*\|^\.B *--[a-z0-9-]*' | grep -o -- '--[a-z0-9-]*' |
  sort -u | grep -vx -- '--version')
if difference=$(diff <(echo "$helped") <(echo "$told")); then echo "ok 1 - the manual page has the program's options"; else
  echo "not ok 1 - the manual page has the program's options"
  sed 's/^/# /' <<<"$difference"
fi
version=$(sed -n 's/.*HF_VERSION_TEXT "\(.*\)"/\1/p' include/holdfast/version.h)
if grep -q "^\.TH HOLDFAST 1 .* \"holdfast $version\"" "$page"; then echo "ok 2 - and its version"; else
  echo "not ok 2 - and its version"
fi
echo "1..2"
