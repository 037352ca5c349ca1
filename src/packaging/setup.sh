#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Installs what the build and the tests need and this machine lacks, from Debian packages; given the
# argument model, also what the models need. Silent where nothing is missing. Where it may not
# install, it says what it would and ends with 1. On a system without apt-get it names what is
# missing, and ends with 0 if that is only needed by tests.
set -u
PATH=$PATH:/usr/sbin:/sbin

# Group, Debian package, and what shows that it is there: whoever has that some other way is fine.
needs() {
  cat <<'LIST'
build gcc                   command gcc
build libc6-dev             file /usr/include/stdio.h
build make                  command make
build pkg-config            command pkg-config
build libck-dev             library ck
build libssl-dev            library libcrypto
build libsodium-dev         library libsodium
build libuv1-dev            library libuv
build libjemalloc-dev       library jemalloc
build libcurl4-openssl-dev  library libcurl
build libmicrohttpd-dev     library libmicrohttpd
test  libcmocka-dev         library cmocka
test  g++                   command g++
test  clang                 command clang
test  libclang-rt-14-dev    file /usr/lib/clang/*/lib/linux/libclang_rt.fuzzer-*
test  cmake                 command cmake
test  git                   command git
test  valgrind              command valgrind
test  nginx-light           command nginx
test  wrk                   command wrk
test  curl                  command curl
test  jq                    command jq
model spin                  command spin
LIST
}

present() {
  case $1 in
  command) command -v "$2" >/dev/null ;;
  library) pkg-config --exists "$2" 2>/dev/null ;;
  # Unquoted: the name may be a pattern.
  file) ls -d $2 >/dev/null 2>&1 ;;
  esac
}

# The missing packages of a group.
missing() {
  needs | while read -r group package kind thing; do
    [ "$group" = "$1" ] || continue
    present "$kind" "$thing" || printf ' %s' "$package"
  done
}

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

may_install() {
  [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null
}

# A web server of this machine's own would take port 80 now and at each boot, or break the
# installation if it cannot. The tests start theirs, so no service starts here, unless the machine
# has a policy about that already.
POLICY=/usr/sbin/policy-rc.d
policy=
hold_services() {
  if [ -e "$POLICY" ]; then return; fi
  policy=ours
  printf '#!/bin/sh\nexit 101\n' | as_root tee "$POLICY" >/dev/null && as_root chmod 755 "$POLICY"
}
release_services() {
  if [ -z "$policy" ]; then return; fi
  policy=
  as_root rm -f "$POLICY"
  if [ -d /run/systemd/system ]; then as_root systemctl disable -q nginx 2>/dev/null; fi
}

apt() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 "$@" \
    >>"$log" 2>&1 </dev/null
}

install_packages() {
  log=$(mktemp) || exit 1
  trap 'release_services; rm -f "$log"' EXIT
  trap 'exit 1' INT TERM HUP
  case " $* " in *' nginx-light '*) hold_services ;; esac
  echo "installing: $*"
  if apt update && apt install -y --no-install-recommends "$@"; then return; fi
  cat "$log" >&2
  echo "setup: could not install: $*" >&2
  exit 1
}

build=$(missing build)
test=$(missing test; for group in "$@"; do missing "$group"; done)
if [ -z "$build$test" ]; then exit 0; fi

if ! command -v apt-get >/dev/null; then
  echo "setup: no apt-get here; please install by this system's own means what Debian calls"
  if [ -n "$build" ]; then echo "  to build:$build"; fi
  if [ -n "$test" ]; then echo "  to test:$test"; fi
  [ -z "$build" ]
  exit
fi
if ! may_install; then
  echo "setup: may not install packages here (neither root nor sudo without a password). Please run" >&2
  echo "  sudo apt-get update && sudo apt-get install -y --no-install-recommends$build$test" >&2
  exit 1
fi
install_packages $build $test
