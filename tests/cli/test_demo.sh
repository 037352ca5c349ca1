#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# alone
# timeout: 60
#
# The demonstration: ends by itself within 20 seconds, with 0, and its story is machine-readable.
. "$(dirname "$0")/lib.sh"

SECONDS=0
"$HOLDFAST" demo --json >"$WORK/story" 2>"$WORK/err"
status=$?
check "the demo sees what the patterns promise" [ "$status" = 0 ] || grep -h false "$WORK/story" "$WORK/err" | sed 's/^/# /'
check "it ends within 20 seconds" [ "$SECONDS" -le 20 ]
check "each line of its story is JSON" eval 'jq -es "length > 20" "$WORK/story" >/dev/null'
check "nine promises were held" [ "$(jq -c 'select(.held)' "$WORK/story" | wc -l)" = 9 ]
check "help ends with 0" eval '"$HOLDFAST" demo --help | grep -q -- --keep'
check "the program lists its commands" eval '"$HOLDFAST" --help | grep -q proxy && "$HOLDFAST" --version | grep -q "^holdfast 0"'
check "an unknown command is named" eval '! "$HOLDFAST" nonsense 2>"$WORK/err" && grep -q nonsense "$WORK/err"'
check "an unknown option of the demo is named" eval '! "$HOLDFAST" demo --x 2>"$WORK/err" && grep -q -- --x "$WORK/err"'
