#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Every public header compiles alone, as C11 and as C++17, by gcc and by clang, warnings being
# errors. A header of an adapter needs its foreign library's headers, and is skipped without them.
set -u
cd "$(dirname "$0")/../.." || exit 1
WARN="-Wall -Wextra -Wpedantic -Wconversion -Werror"

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

count=0 failures=0
for header in include/holdfast/*.h; do
  for pair in gcc:c11 g++:c++17 clang:c11 clang++:c++17; do
    line=$(check "$header" "${pair%:*}" "${pair#*:}")
    echo "$line"
    count=$((count + 1))
    case $line in not*) failures=$((failures + 1)) ;; esac
  done
done
echo "1..$count"
[ "$failures" = 0 ]
