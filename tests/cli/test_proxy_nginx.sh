#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# alone
# timeout: 180
#
# The proxy between wrk and a real nginx: what is admitted lies on the GCRA envelope, nothing is
# lost on the way, and nginx as a limiting proxy is measured in the same run.
. "$(dirname "$0")/lib.sh"
LUA=$(dirname "$0")/wrk.lua
SECONDS_EACH=${SECONDS_EACH:-10}

# run_wrk name keys url: leaves ok=, denied=, odd=, errors=, rps=, p50_us=, p99_us= as variables.
run_wrk() {
  KEYS=$2 wrk -t1 -c32 -d"${SECONDS_EACH}s" -s "$LUA" "$3" >"$WORK/$1.wrk" 2>&1
  local line
  line=$(sed -n 's/^RESULT //p' "$WORK/$1.wrk")
  [ -n "$line" ] || bail "wrk runs" "$WORK/$1.wrk"
  eval "$line"
}

# Each key's admissions and the seconds from its first to its last decision, on the clock that the
# limiter itself decided by: "key admitted seconds".
decisions() {
  audit_records "$1" | jq -r 'select(.event == "admitted" or .event == "denied")
      | [.key, .event, .clock_ns] | @tsv' |
    awk -F'\t' '{ if (!($1 in first) || $3 < first[$1]) first[$1] = $3
                  if ($3 > last[$1]) last[$1] = $3
                  admitted[$1] += $2 == "admitted" }
                END { for (k in first) printf "%s %d %.9f\n", k, admitted[k], (last[k] - first[k]) / 1e9 }'
}

# Reads decisions: every key admitted at most burst + rate x time, and at most 2 % (and the cell
# that a whole number costs) below it.
never_above() { awk -v b="$1" -v r="$2" '$2 > b + r * $3 { print "# above:", $0; bad = 1 } END { exit bad || !NR }'; }
never_far_below() {
  awk -v b="$1" -v r="$2" '$2 < 0.98 * (b + r * $3) - 1 { print "# below:", $0; bad = 1 } END { exit bad || !NR }'
}

arrived() { grep -c ' /load' "$WORK/origin/access"; }
admitted() { audit_records "$1" | jq -c 'select(.event == "admitted")' | wc -l; }
gaps() { audit_records "$1" | jq -c 'select(.event == "hf.gap")' | wc -l; }

origin_port=$(free_port)
start_nginx origin "$origin_port"
origin=http://127.0.0.1:$origin_port

mkdir "$WORK/one" "$WORK/many"
start_proxy one --upstream "$origin" --rate 50/s --burst 100 --audit "$WORK/one" --audit-block
run_wrk one 0 "$PROXY_URL/load-one"
proxy_rps=$rps proxy_p50=$p50_us proxy_p99=$p99_us
check "the proxy drains and ends with 0" stop_proxy
decisions "$WORK/one" >"$WORK/one.decisions"
check "one key is never admitted above burst + rate x time" never_above 100 50 <"$WORK/one.decisions"
check "one key gets at least 98 % of it while demand exceeds it" never_far_below 100 50 <"$WORK/one.decisions"
check "every other answer is a 429 with Retry-After and RateLimit fields" [ "$odd" = 0 ]
check "no request fails" [ "$errors" = 0 ]
check "the log of decisions is complete" [ "$(gaps "$WORK/one")" = 0 ]
check "what was admitted is what nginx says arrived" [ "$(admitted "$WORK/one")" = "$(arrived)" ]
check "wrk saw no more answers than were admitted, but those under way at its end" \
  [ "$ok" -le "$(admitted "$WORK/one")" ]

before=$(arrived)
start_proxy many --upstream "$origin" --rate 5/s --burst 5 --key forwarded --trust 127.0.0.1 \
  --audit "$WORK/many" --audit-block
run_wrk many 200 "$PROXY_URL/load-many"
check "the proxy drains and ends with 0 again" stop_proxy
decisions "$WORK/many" >"$WORK/many.decisions"
check "200 forwarded addresses are 200 keys" [ "$(wc -l <"$WORK/many.decisions")" = 200 ]
check "none of 200 keys is admitted above its envelope" never_above 5 5 <"$WORK/many.decisions"
check "each of 200 keys gets at least 98 % of it" never_far_below 5 5 <"$WORK/many.decisions"
check "every other answer is again a full 429" [ "$odd" = 0 ]
check "what 200 keys were admitted is what nginx says arrived" \
  [ "$(admitted "$WORK/many")" = "$(($(arrived) - before))" ]

nginx_port=$(free_port)
NGINX_HTTP="limit_req_zone \$binary_remote_addr zone=one:1m rate=50r/s; limit_req_status 429;
  upstream origin { server 127.0.0.1:$origin_port; keepalive 32; }"
NGINX_SERVER="limit_req zone=one burst=100 nodelay; proxy_pass http://origin;
  proxy_http_version 1.1; proxy_set_header Connection \"\";"
start_nginx limiting "$nginx_port"
run_wrk nginx 0 "http://127.0.0.1:$nginx_port/load-nginx"
check "nginx as a limiting proxy was measured" [ "$rps" -gt 0 ]

echo "#| wrk, 32 connections, ${SECONDS_EACH} s each, 50/s and burst 100: requests/s, p50 and p99 in us"
printf '#|   %-28s %10s %8s %8s\n' "" requests/s p50 p99 \
  "holdfast proxy" "$proxy_rps" "$proxy_p50" "$proxy_p99" "nginx with limit_req" "$rps" "$p50_us" "$p99_us"
awk -v a="$proxy_rps" -v b="$rps" 'BEGIN { printf "#|   %-28s %10.2f\n", "ratio holdfast / nginx", a / b }'
