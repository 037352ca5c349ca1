#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# alone
# timeout: 120
#
# An upstream that is killed and comes back, under traffic: the breaker opens, refuses at once,
# probes and closes, and the audit log tells of each change.
. "$(dirname "$0")/lib.sh"

# transitions dir: "closed>open open>half-open ..." as the audit log has them.
transitions() {
  audit_records "$1" | jq -r 'select(.event == "breaker") | .from + ">" + .to' | tr '\n' ' '
}

# Each change begins in the state that the one before ended in; begins and ends closed.
legal() {
  awk '{ state = "closed"
         for (i = 1; i <= NF; i++) { split($i, s, ">"); if (s[1] != state) exit 1; state = s[2] }
         exit !(NF >= 3 && state == "closed") }' <<<"$1"
}

ask() { curl -s -o /dev/null -D "$WORK/fields" -w '%{http_code} %{time_total}\n' "$PROXY_URL/load"; }
says() { [ "$(ask | cut -d' ' -f1)" = "$1" ]; }
field() { grep -qi "^$1: " "$WORK/fields"; }
changed_to() { transitions "$WORK/audit" | grep -q "$1"; }
every_line_parses() {
  local lines parsed
  lines=$(audit_records "$1" | wc -l)
  parsed=$(audit_records "$1" | jq -c 'select(type == "object" and has("time") and has("seq"))' | wc -l)
  [ "$lines" -gt 0 ] && [ "$lines" = "$parsed" ]
}

port=$(free_port)
start_nginx origin "$port"
mkdir "$WORK/audit"
start_proxy breaker --upstream "http://127.0.0.1:$port" --rate 1000/s --burst 1000 --failures 5 \
  --open 1s --open-max 1s --delay 10ms --audit "$WORK/audit"
check "the proxy passes on what a healthy upstream says" says 200

# Traffic goes on in the background all the while.
touch "$WORK/traffic"
while [ -e "$WORK/traffic" ]; do curl -s -o /dev/null "$PROXY_URL/load"; sleep 0.02; done &
SERVERS+=("$!")

kill_all "$NGINX_PID"
check "killing the upstream opens the breaker" wait_for 10 changed_to 'closed>open'
refused() { says 503 && field Retry-After; }
check "an open breaker answers 503 with Retry-After" wait_for 5 refused
check "with Retry-After it is a whole number of seconds, not 0" \
  grep -qiE '^retry-after: [1-9][0-9]*.?$' "$WORK/fields"
check "while the upstream stays away probes fail and open it again" wait_for 10 changed_to 'half-open>open'

start_nginx origin "$port"
check "once it is back a probe closes the breaker" wait_for 10 changed_to 'half-open>closed'
check "and requests pass again" wait_for 5 says 200
rm "$WORK/traffic"
check "the proxy ends with 0" stop_proxy
check "the audit log has a legal chain of changes" legal "$(transitions "$WORK/audit")"
check "every line of the audit log parses with jq" every_line_parses "$WORK/audit"
check "refusals are in the audit log" \
  [ "$(audit_records "$WORK/audit" | jq -c 'select(.event == "refused")' | wc -l)" -gt 0 ]
