# SPDX-License-Identifier: MIT
#
# What the program's tests share: TAP, a folder that goes away, servers that are waited for and
# stopped. Sourced by tests/cli/test_*.sh.
set -u
LC_ALL=C
HOLDFAST=${HF_BUILD:?run by tests/run}/holdfast
WORK=$(mktemp -d)
TESTS=0
# Behind the command that C tests run behind too (valgrind, setarch).
if [ -n "${WRAP:-}" ]; then
  printf '#!/bin/sh\nexec %s %s "$@"\n' "$WRAP" "$HOLDFAST" >"$WORK/holdfast"
  chmod +x "$WORK/holdfast"
  HOLDFAST=$WORK/holdfast
fi
SERVERS=()

finish() {
  local status=$?
  kill_all "${SERVERS[@]}"
  rm -rf "$WORK"
  echo "1..$TESTS"
  exit "$status"
}
trap finish EXIT

# check "what holds" command...: a test that passes when the command does.
check() {
  local name=$1
  shift
  TESTS=$((TESTS + 1))
  if "$@"; then echo "ok $TESTS - $name"; else
    echo "not ok $TESTS - $name"
    echo "# failed: $*"
    return 1
  fi
}

# Gives up with a reason: nothing after this can work.
bail() {
  TESTS=$((TESTS + 1))
  echo "not ok $TESTS - $1"
  shift
  [ $# -gt 0 ] && sed 's/^/# /' "$@"
  exit 1
}

# wait_for seconds command...: tries every 20 ms until the command works.
wait_for() {
  local tries=$(($1 * 50))
  shift
  while ! "$@" >/dev/null 2>&1; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || return 1
    sleep 0.02
  done
}

# A port that was free a moment ago.
free_port() {
  local port
  while :; do
    port=$((20000 + RANDOM % 12000))
    (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return; }
  done
}

# start_proxy name option...: sets PROXY_PID, PROXY_URL and PROXY_LOG.
start_proxy() {
  PROXY_LOG=$WORK/$1.out
  shift
  "$HOLDFAST" proxy --listen 127.0.0.1:0 "$@" >"$PROXY_LOG" 2>&1 &
  PROXY_PID=$!
  SERVERS+=("$PROXY_PID")
  wait_for 10 grep -q '^listening' "$PROXY_LOG" || bail "the proxy starts" "$PROXY_LOG"
  PROXY_URL=$(sed -n 's/^listening //p' "$PROXY_LOG")
}

# stop_proxy: asks it to end and returns its exit status.
stop_proxy() {
  kill -TERM "$PROXY_PID"
  wait "$PROXY_PID"
}

# start_nginx name port: an upstream that answers "ok" and logs a line a request to name.access.
# $NGINX_SERVER may hold directives for its location instead, $NGINX_ADDRESS another address to
# listen on. Sets NGINX_PID.
start_nginx() {
  local dir=$WORK/$1 port=$2 address=${NGINX_ADDRESS:-127.0.0.1}
  mkdir -p "$dir"
  cat >"$dir/nginx.conf" <<EOF
daemon off;
worker_processes 1;
pid $dir/pid;
error_log $dir/error.log warn;
events { worker_connections 1024; }
http {
  log_format line '\$msec \$status \$request_method \$request_uri';
  access_log $dir/access line;
  client_body_temp_path $dir/body; proxy_temp_path $dir/proxy; fastcgi_temp_path $dir/fastcgi;
  uwsgi_temp_path $dir/uwsgi; scgi_temp_path $dir/scgi;
  keepalive_requests 1000000;
  ${NGINX_HTTP:-}
  server {
    listen $address:$port backlog=1024;
    location / { ${NGINX_SERVER:-return 200 "ok\n";} }
  }
}
EOF
  nginx -p "$dir" -c "$dir/nginx.conf" -e "$dir/error.log" >"$dir/out" 2>&1 &
  NGINX_PID=$!
  SERVERS+=("$NGINX_PID")
  wait_for 10 curl -sgf -o /dev/null "http://$address:$port/started" ||
    bail "nginx starts" "$dir/out" "$dir/error.log"
}

# kill_all pid...: each process and its children, at once. A parent goes first, lest it replace
# the children that it sees die.
kill_all() {
  local pid children
  for pid in "$@"; do
    children=$(pgrep -P "$pid")
    kill -9 "$pid" $children
    wait "$pid"
  done 2>/dev/null
}

# All records of an audit log, live and rolled files.
audit_records() { cat "$1"/*.log; }
