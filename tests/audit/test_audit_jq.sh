#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Another JSON reader, jq, agrees about a log of every byte and every pair of bytes.
set -u
cd "$(dirname "$0")/../.." || exit 1
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
log=$tmp/audit.log
count=0

check() {
  count=$((count + 1))
  if [ "$2" = "$3" ]; then echo "ok $count - $1"; else
    echo "not ok $count - $1"
    echo "# expected '$3', got '$2'"
  fi
}

echo 1..6
HF_TEST_DIRECTORY=$tmp "$HF_BUILD/tests/audit/test_audit_bytes" >/dev/null 2>&1
check "the log is written" $? 0
check "each line is one object" "$(jq -c 'type' "$log" | sort | uniq -c | tr -s ' ')" " 513 \"object\""
check "numbers are in order" "$(jq '.seq' "$log" | sort -n -u | wc -l) $(jq '.seq' "$log" | tail -1)" "513 512"
check "each ASCII byte reads back" \
  "$(jq 'select(.event == "byte" and .byte < 128 and (.text | explode) == [.byte])' "$log" | jq -s length)" 128
check "each other byte is replaced" \
  "$(jq 'select(.event == "byte" and .byte > 127 and (.text | explode) == [65533])' "$log" | jq -s length)" 128
check "each line has the time" \
  "$(jq -r '.time' "$log" | grep -cE '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{9}Z$')" 513
