#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Runs every example, checks what it prints, and that each is what it claims to be: short.
set -u
cd "$(dirname "$0")/../.." || exit 1
HF_BUILD=${HF_BUILD:-$PWD/build/cc}
count=0

# result STATUS NAME: one line of TAP.
result() {
  count=$((count + 1))
  if [ "$1" = 0 ]; then echo "ok $count - $2"; else echo "not ok $count - $2"; fi
}

# prints EXAMPLE EXPECTED [UNIT]: it ends with 0 and prints exactly this; numbers of seconds behind
# UNIT, a regular expression, depend on how quick the machine is and read N.
prints() {
  local output status unit=${3:-unit of nothing}
  if [ ! -x "$HF_BUILD/examples/$1" ]; then
    count=$((count + 1))
    echo "ok $count - $1 # SKIP not built here"
    return
  fi
  output=$(timeout 30 "$HF_BUILD/examples/$1" 2>&1)
  status=$?
  output=$(sed -E "s/($unit)[0-9]+/\1N/" <<<"$output")
  [ "$status" = 0 ] && [ "$output" = "$2" ]
  result $? "$1 prints what it should and ends with 0"
  [ "$status" = 0 ] || echo "# ended with $status"
  diff <(echo "$2") <(echo "$output") | sed 's/^/# /'
}

prints hello "call 1: ok
call 2: ok
call 3: ok
call 4: rate limited: not now
call 5: rate limited: not now"

prints plans "ann: 3 of 5, 0 left
bob: 5 of 5, 95 left
ann: 5 of 5, 92 left"

prints adaptive "after 10 s: capacity 300, rate 280
after 20 s: capacity 300, rate 273
after 30 s: capacity 300, rate 269
after 40 s: capacity 100, rate  96
after 50 s: capacity 100, rate  89
after 60 s: capacity 100, rate 106"

prints refund "sesame: welcome
sesame: welcome
sesame: welcome
sesame: welcome
1234: wrong
abcd: wrong
0000: wrong
sesame: too many attempts
sesame: welcome"

prints limits "m: admitted
m: admitted
m: denied by part 2 (key) for 1 s
m: admitted
m: denied by part 1 (key) for 1198 s
n: admitted
n: admitted
n: denied by part 0 (global) for 718 s"

prints wait "   0 ms  sent: ok
 100 ms  sent: ok
 200 ms  sent: ok
message 0: set a timer of 100 ms
message 1: set a timer of 200 ms
message 2: set a timer of 300 ms
 200 ms  too long a queue: rate limited: not now"

prints batch "not all of them
192.0.2.1, 60 bytes: forwarded
192.0.2.2, 80 bytes: forwarded
192.0.2.1, 60 bytes: dropped
192.0.2.1, 40 bytes: forwarded"

prints flow_budget "a sends 700 bytes: yes, 300 left
b sends 400 bytes: flow, 300 left
b sends 300 bytes: yes, 0 left
a sends 400 bytes: yes, 600 left"

prints rpc_call "call 1
  try 1: Connection timed out
  try 2: Connection reset by peer
  try 3: 42
  = ok
call 2
  try 1: Connection refused
  try 2: Connection refused
  try 3: Connection refused
  = retries exhausted
call 3
  = circuit open"

# The server ends its lines with CR LF.
prints http_endpoint "$(sed 's/$/\r/; s/^\r$//' <<'ANSWERS'
HTTP/1.1 200 OK
RateLimit-Policy: "default";q=2;w=60
RateLimit: "default";r=1;t=N

HTTP/1.1 200 OK
RateLimit-Policy: "default";q=2;w=60
RateLimit: "default";r=0;t=N

HTTP/1.1 429 Too Many Requests
Retry-After: N
RateLimit-Policy: "default";q=2;w=60
RateLimit: "default";r=0;t=N
ANSWERS
)" "t=|Retry-After: "

retries="flaky: try 1: Connection reset by peer
flaky: try 2: Connection reset by peer
flaky: try 3: works
flaky: done
wrong: try 1: Permission denied
wrong: given up
down: try 1: Connection refused
down: try 2: Connection refused
down: try 3: Connection refused
down: try 4: Connection refused
down: given up"
prints retry_before "$retries"
prints retry_after "$retries"

prints shared_limit "worker 1: 4 of 4
worker 2: 1 of 4
worker 3: 0 of 4
bob: ok, 4 left"

long=$(awk 'FNR == 80 { print FILENAME }' examples/*.c)
[ -z "$long" ]
result $? "every example has fewer than 80 lines"

lines() { wc -l <"examples/$1.c"; }
[ "$(lines retry_after)" -lt "$(lines retry_before)" ]
result $? "the retry loop is shorter after than before"

# listens EXAMPLE: it says where peers reach it, and ends with its input.
listens() {
  [ -x "$HF_BUILD/examples/$1" ] || return
  timeout 30 "$HF_BUILD/examples/$1" </dev/null | grep -qE '^listening /ip4/127.0.0.1/tcp/[0-9]+/p2p/12D3KooW'
  result $? "$1 listens and ends with its input"
}

listens echo_peer

untold=$(for example in examples/*.c; do
  grep -qE "^(prints|listens) $(basename "$example" .c)( |\$)" "$0" || echo "$example"
done)
[ -z "$untold" ]
result $? "every example is run here"

echo "1..$count"
