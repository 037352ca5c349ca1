#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Every public header compiles alone, as C11 and as C++17, by gcc and by clang, warnings being
# errors. A header of an adapter needs its foreign library's headers, and is skipped without them.
# A program in C++ uses them all together and works, where the libraries have been built.
set -u
cd "$(dirname "$0")/../.." || exit 1
WARN="-Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Werror"
HF_BUILD=${HF_BUILD:-build/cc}

# The pkg-config name of the library that a header includes, if it includes one.
foreign_of() {
  case $(grep -ho '#include <[^>]*>' "$1") in
  *curl/curl.h*) echo libcurl ;;
  *microhttpd.h*) echo libmicrohttpd ;;
  *jemalloc/*) echo jemalloc ;;
  esac
}

# Compiles a file that is nothing but the include; says how it went.
check() {
  local header=$1 compiler=$2 standard=$3 language=c foreign said name
  name="${header#include/} alone with $compiler as $standard"
  foreign=$(foreign_of "$header")
  case $standard in c++*) language=c++ ;; esac
  if ! command -v "$compiler" >/dev/null; then
    echo "ok - $name # SKIP no $compiler here"
  elif [ -n "$foreign" ] && ! pkg-config --exists "$foreign"; then
    echo "ok - $name # SKIP no $foreign here"
  elif said=$(echo "#include <${header#include/}>" | "$compiler" -x "$language" -std="$standard" $WARN \
    -Iinclude ${foreign:+$(pkg-config --cflags "$foreign")} -fsyntax-only - 2>&1); then
    echo "ok - $name"
  else
    echo "not ok - $name"
    sed 's/^/# /' <<<"$said"
  fi
}

# Compiles the user of all headers, runs it; says how it went.
use() {
  local compiler=$1 standard=$2 said name program libraries
  name="a user of all headers with $compiler as $standard"
  libraries=$(ls "$HF_BUILD"/libholdfast-sim.a "$HF_BUILD"/libholdfast.a 2>/dev/null)
  program=$(mktemp)
  if ! command -v "$compiler" >/dev/null || [ "$(wc -w <<<"$libraries")" != 2 ]; then
    echo "ok - $name # SKIP no $compiler or no libraries here"
  elif said=$("$compiler" -std="$standard" -O2 $WARN -Iinclude tests/headers/user.cpp $libraries \
    $(pkg-config --libs ck 2>/dev/null || echo -lck) -pthread -o "$program" 2>&1 && "$program" 2>&1); then
    echo "ok - $name"
  else
    echo "not ok - $name"
    sed 's/^/# /' <<<"$said"
  fi
  rm -f "$program"
}

tell() {
  echo "$1"
  count=$((count + 1))
  case $1 in not*) failures=$((failures + 1)) ;; esac
}

count=0 failures=0
for header in include/holdfast/*.h; do
  for pair in gcc:c11 g++:c++17 clang:c11 clang++:c++17; do
    tell "$(check "$header" "${pair%:*}" "${pair#*:}")"
  done
done
for pair in g++:c++17 clang++:c++17; do
  tell "$(use "${pair%:*}" "${pair#*:}")"
done
echo "1..$count"
[ "$failures" = 0 ]
