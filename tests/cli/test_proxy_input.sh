#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# timeout: 180
#
# The proxy's bad days: wrong options, ports that are taken, upstreams that are down, and requests
# that are malformed, oversized or hostile. Each gets a clear error or the documented answer.
. "$(dirname "$0")/lib.sh"

# rejects "text of the error" option...: the command line is refused with status 2 and that text.
rejects() {
  local text=$1 status
  shift
  timeout 10 "$HOLDFAST" proxy "$@" >"$WORK/out" 2>"$WORK/err"
  status=$?
  [ "$status" = 2 ] && grep -qF -- "$text" "$WORK/err"
}
fails() {
  local text=$1 status
  shift
  timeout 10 "$HOLDFAST" proxy "$@" >"$WORK/out" 2>"$WORK/err"
  status=$?
  [ "$status" = 1 ] && grep -qF -- "$text" "$WORK/err"
}
up=(--upstream http://127.0.0.1:9 --listen 127.0.0.1:0)

check "help goes to standard output and ends with 0" eval '"$HOLDFAST" proxy --help | grep -q -- --upstream'
check "no upstream" rejects '--upstream is required'
check "an unknown option is named" rejects "unknown option '--upstraem'" --upstraem x
check "an upstream that is no URL" rejects "--upstream: 'localhost'" --upstream localhost
check "a rate of zero" rejects "quota.count: 0" "${up[@]}" --rate 0/s
check "a rate that is none" rejects "--rate: 'fast' is not a rate" "${up[@]}" --rate fast
check "a rate past every number" rejects "--rate: '99999999999999999999/s'" "${up[@]}" --rate 99999999999999999999/s
check "a rate past what is kept exactly" rejects "quota.count: 20000000" "${up[@]}" --rate 20000000/s
check "a burst of zero" rejects "--burst: '0' is too small" "${up[@]}" --burst 0
check "a missing value" rejects "--rate: its value is missing" "${up[@]}" --rate
check "a key kind that is none" rejects "--key: 'who'" "${up[@]}" --key who
check "forwarded keys without a trusted proxy" rejects "needs at least one --trust" "${up[@]}" --key forwarded
check "a network that is none" rejects "--trust: '10.0.0.0/33'" "${up[@]}" --trust 10.0.0.0/33
check "a burst for no global rate" rejects "--global-burst needs --global-rate" "${up[@]}" --global-burst 5
check "a longest delay below the first" rejects "delay" "${up[@]}" --delay 5s --delay-max 1s
check "trust that nothing asks for" rejects "--trust: whom to believe" "${up[@]}" --trust 10.0.0.1
check "bodies larger than all memory for them" rejects "--body-max: more than --memory-max" "${up[@]}" --memory-max 1MiB
check "blocking on no audit log" rejects "--audit-block needs --audit" "${up[@]}" --audit-block
check "telling keys to no audit log" rejects "--audit-keys needs --audit" "${up[@]}" --audit-keys none
check "a way to tell them that is none" rejects "--audit-keys: 'some' is not plain, hash or none" \
  "${up[@]}" --audit "$WORK" --audit-keys some
check "an address that is none" rejects "--listen: 'nowhere'" --upstream http://127.0.0.1:9 --listen nowhere
check "a port past every number" rejects "--listen: '127.0.0.1:70000'" --upstream http://127.0.0.1:9 --listen 127.0.0.1:70000
check "an audit directory that is missing" fails "$WORK/none" "${up[@]}" --audit "$WORK/none"
touch "$WORK/file"
check "an audit directory that is a file" fails "$WORK/file" "${up[@]}" --audit "$WORK/file"

says_so_in_json() {
  local status=$1
  shift
  timeout 10 "$HOLDFAST" "$@" --json >"$WORK/out" 2>"$WORK/err"
  [ $? = "$status" ] && jq -e '.event == "error" and (.text | length > 5)' "$WORK/err" >/dev/null
}
check "wrong options are told as JSON too" says_so_in_json 2 proxy "${up[@]}" --rate '"fast"'
check "so are failures" says_so_in_json 1 proxy "${up[@]}" --audit "$WORK/none"
check "of the demo too" says_so_in_json 2 demo --nonsense

port=$(free_port)
NGINX_SERVER='client_max_body_size 0; add_header X-Seen "$http_x_forwarded_for|$http_via|$http_connection|$http_x_hop" always;
  add_header Keep-Alive "timeout=5"; add_header X-Kept yes; return 200 "$request_method $request_uri $http_host";'
start_nginx origin "$port"
mkdir "$WORK/audit"
start_proxy input --upstream "http://127.0.0.1:$port" --rate 10000/s --burst 10000 --audit "$WORK/audit" \
  --body-max 64KiB --metrics 127.0.0.1:0 --key header:X-Key --headers triple
taken=${PROXY_URL#http://}
check "a port that is taken is named" fails "cannot listen on $taken" --upstream http://127.0.0.1:9 --listen "$taken"

status_of() { curl -s -o "$WORK/body" -D "$WORK/fields" -w '%{http_code}' "$@"; }
answers() {
  local status=$1
  shift
  [ "$(status_of "$@")" = "$status" ]
}
field() { grep -i "^$1:" "$WORK/fields" | tr -d '\r' | cut -d' ' -f2-; }

check "path and query reach the upstream as they were written" \
  eval 'answers 200 --path-as-is "$PROXY_URL/a/../b%20c?d=%2F&e" && grep -qF "GET /a/../b%20c?d=%2F&e" "$WORK/body"'
check "hop-by-hop fields stay behind, both ways" eval 'answers 200 -H "Connection: X-Hop" -H "X-Hop: secret" "$PROXY_URL/" &&
  [ "$(field X-Seen)" = "127.0.0.1|1.1 holdfast||" ] && [ -z "$(field Keep-Alive)" ] && [ "$(field X-Kept)" = yes ]'
check "the client is appended to X-Forwarded-For" eval 'answers 200 -H "X-Forwarded-For: 1.2.3.4" "$PROXY_URL/" &&
  field X-Seen | grep -q "^1.2.3.4, 127.0.0.1|"'
check "the limit is told in the dialect chosen" eval '[ "$(field RateLimit-Limit)" = 10000 ]'
check "HEAD is answered without a body" eval 'answers 200 -I "$PROXY_URL/" && [ ! -s "$WORK/body" -o "$(wc -l <"$WORK/body")" -gt 0 ]'
check "POST reaches the upstream" eval 'answers 200 -d hello "$PROXY_URL/" && grep -q "^POST" "$WORK/body"'
head -c 65536 /dev/zero >"$WORK/fits"
head -c 65537 /dev/zero >"$WORK/large"
check "a body at the limit passes" answers 200 --data-binary "@$WORK/fits" "$PROXY_URL/"
check "a body past it gets 413" answers 413 --data-binary "@$WORK/large" "$PROXY_URL/"
check "so does one sent in chunks" answers 413 -H 'Transfer-Encoding: chunked' --data-binary "@$WORK/large" "$PROXY_URL/"
head -c 40000 /dev/zero | tr '\0' a >"$WORK/long"
check "a field of 40 KB gets 431" answers 431 -H "X-Long: $(cat "$WORK/long")" "$PROXY_URL/"
check "a target of 40 KB gets 414 or 431" eval 'case $(status_of "$PROXY_URL/$(cat "$WORK/long")") in 414|431) ;; *) false ;; esac'
many=$(printf '10.0.0.%d, ' $(seq 250))
check "hundreds of entries of X-Forwarded-For are passed or refused, not crashed on" \
  eval 'case $(status_of -H "X-Forwarded-For: ${many}1.1.1.1" "$PROXY_URL/") in 200|431) ;; *) false ;; esac'
ten_thousand=$(printf '10.0.0.1,%.0s' $(seq 10000))
check "10,000 entries of X-Forwarded-For get 431" answers 431 -H "X-Forwarded-For: $ten_thousand" "$PROXY_URL/"
check "a key of more than a kilobyte gets 400" answers 400 -H "X-Key: $(head -c 2000 "$WORK/long")" "$PROXY_URL/"

# raw text: sends it as it is and shows the status line.
raw() {
  exec 3<>"/dev/tcp/${taken%:*}/${taken##*:}"
  printf "$1" >&3
  timeout 5 head -1 <&3
  exec 3<&-
}
check "an absolute target is taken" eval 'raw "GET http://other/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" | grep -q " 200 "'
check "one that is to be secured gets 421" eval 'raw "GET https://other/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" | grep -q " 421 "'
check "garbage is refused" eval '! raw "\\001\\002garbage\r\n\r\n" | grep -q " 200 "'
check "two lengths that differ are refused" \
  eval '! raw "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\nabc" | grep -q " 200 "'
check "after all that it still answers" answers 200 "$PROXY_URL/"

metrics=$(sed -n 's/^metrics //p' "$PROXY_LOG")
check "metrics are Prometheus text" eval 'answers 200 "$metrics" && [ "$(field Content-Type)" = "text/plain; version=0.0.4; charset=utf-8" ]'
check "they count requests" grep -q '^holdfast_guard_requests_total{guard="inbound",result="ok"} [1-9]' "$WORK/body"
check "they are only to be read" answers 405 -d x "$metrics"
check "elsewhere there is nothing" answers 404 "${metrics%/metrics}/other"
check "it drains and ends with 0" stop_proxy

start_proxy down --upstream http://127.0.0.1:9 --failures 65535 --delay 1ms
check "an upstream that is down gets 502" answers 502 "$PROXY_URL/"
check "as problem+json" eval '[ "$(field Content-Type)" = application/problem+json ] && jq -e .title "$WORK/body" >/dev/null'
stop_proxy

mkdir "$WORK/spoof"
start_proxy spoof --upstream "http://127.0.0.1:$port" --rate 1/h --burst 2 --key forwarded --trust 10.9.9.9 --audit "$WORK/spoof"
check "a spoofed X-Forwarded-For of an untrusted client is not believed" eval '
  answers 200 -H "X-Forwarded-For: 1.1.1.1" "$PROXY_URL/" && answers 200 -H "X-Forwarded-For: 2.2.2.2" "$PROXY_URL/" &&
  answers 429 -H "X-Forwarded-For: 3.3.3.3" "$PROXY_URL/"'
check "its 429 says when to come again" eval '[ "$(field Retry-After)" -gt 0 ] && field RateLimit | grep -q "r=0"'
check "it says so as problem+json" eval 'jq -e ".status == 429" "$WORK/body" >/dev/null'
stop_proxy
check "the audit log names the client by its own address" \
  [ "$(audit_records "$WORK/spoof" | jq -r 'select(.event == "denied").key' | sort -u)" = 127.0.0.1 ]

# What the audit log tells of keys from a header, by the way chosen. Denied once each, after an
# admission; the name of the field and its value, in either guard's records.
tells_keys() {
  local pattern=$1 dir=$WORK/keys
  shift
  rm -rf "$dir" && mkdir "$dir"
  start_proxy keys --upstream http://127.0.0.1:9 --rate 1/h --attempts 1 --key header:X-Key --audit "$dir" "$@"
  for key in hunter2 hunter2 other other; do status_of -H "X-Key: $key" "$PROXY_URL/"; done >"$WORK/statuses"
  stop_proxy
  [ "$(cat "$WORK/statuses")" = 502429502429 ] || return
  audit_records "$dir" | jq -c 'select(.guard) | [.key, .key_hash]' | sort -u >"$WORK/told"
  audit_records "$dir" | jq -r 'select(.guard).guard' | sort -u | tr '\n' ' ' | grep -q '^inbound outbound ' || return
  [ "$(grep -cE "$pattern" "$WORK/told")" = "$(wc -l <"$WORK/told")" ]
}
told() { [ "$(wc -l <"$WORK/told")" = "$1" ]; }
check "keys from a header are told by a hash" tells_keys '^\[null,"[0-9a-f]{32}"\]$'
check "which is one for each key" told 2
check "or as they are, if that is wanted" tells_keys '^\["X-Key=(hunter2|other)",null\]$' --audit-keys plain
check "each" told 2
check "or not at all" tells_keys '^\[null,null\]$' --audit-keys none

# An upstream that says nothing, and a request on its way to it: told to go on, it is under way.
start_proxy patient --upstream "http://127.0.0.1:$port" --drain 1h
kill -STOP $(pgrep -P "$NGINX_PID")
curl -sv -o /dev/null -H 'Expect: 100-continue' --data-binary "@$WORK/fits" "$PROXY_URL/" 2>"$WORK/trace" &
client=$!
wait_for 10 grep -q '100 Continue' "$WORK/trace" || bail "a request gets under way" "$WORK/trace"
kill -TERM "$PROXY_PID"
refuses() { ! (: <"/dev/tcp/127.0.0.1/${PROXY_URL##*:}") 2>/dev/null; }
check "from SIGTERM on nobody else may connect" wait_for 10 refuses
check "it waits for what is under way" kill -0 "$PROXY_PID"
check "a second SIGTERM cuts that off, which is no success" eval '! stop_proxy && grep -q "^ended cut-off" "$PROXY_LOG"'
wait "$client"
check "the client is told 503" grep -q '^< HTTP/1.1 503' "$WORK/trace"
kill -CONT $(pgrep -P "$NGINX_PID")

# IPv6 on both sides, where this machine has it.
if grep -q '^0\{31\}1 ' /proc/net/if_inet6 2>/dev/null; then
  port6=$(free_port)
  NGINX_ADDRESS='[::1]' start_nginx origin6 "$port6"
  mkdir "$WORK/six"
  start_proxy six --listen '[::1]:0' --upstream "http://[::1]:$port6/base" --audit "$WORK/six"
  check "it listens on IPv6" eval 'case $PROXY_URL in "http://[::1]:"*) ;; *) false ;; esac'
  check "and asks an upstream on IPv6, whose path comes first" eval 'answers 200 -g "$PROXY_URL/a?b" &&
    grep -qF "GET /base/a?b [::1]:$port6" "$WORK/body"'
  check "the client is told by its IPv6 address" eval '[ "$(field X-Seen)" = "::1|1.1 holdfast||" ]'
  stop_proxy
  check "its network is the key" \
    [ "$(audit_records "$WORK/six" | jq -r 'select(.event == "admitted").key' | sort -u)" = ::/64 ]
fi
