#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# timeout: 300
#
# Installs, and then is somebody else: builds against the installed tree in every way that is
# promised, and looks at what the libraries need and export.
set -u
cd "$(dirname "$0")/../.." || exit 1
here=$PWD/tests/packaging/consumer
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
prefix=$tmp/prefix lib=$tmp/prefix/lib
export PKG_CONFIG_PATH=$lib/pkgconfig LD_LIBRARY_PATH=$lib
CC=${CC:-cc}
version=$(sed -n 's/.*HF_VERSION_TEXT "\(.*\)"/\1/p' include/holdfast/version.h)
soname=libholdfast.so.${version%.*}
count=0 failures=0

# Runs a function as one test; what it said is shown if it failed. (As the condition of an "if" the
# function would run on past its failing lines.)
prove() {
  local name=$1 said status
  count=$((count + 1))
  said=$(set -e; "$2" 2>&1)
  status=$?
  if [ "$status" = 0 ]; then echo "ok $count - $name"; return; fi
  failures=$((failures + 1))
  echo "not ok $count - $name"
  sed 's/^/# /' <<<"$said"
}

expect() { # what was wanted, what came
  diff --label wanted --label came -U0 <(echo "$1") <(echo "$2")
}

needed() { readelf -d "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | sort; }
# All libraries beside the core and the simulation: the networking core is one of them here.
adapters() { (cd "$lib/pkgconfig" && ls) | sed -n 's/^libholdfast-\(.*\)\.pc$/\1/p' | grep -vx sim; }

installs() { make install PREFIX="$prefix"; }

builds_shared_by_pkg_config() {
  "$CC" "$here/consumer.c" $(pkg-config --cflags --libs libholdfast) -o "$tmp/shared"
  expect "$version" "$("$tmp/shared")"
  expect "$soname" "$(needed "$tmp/shared" | grep holdfast)"
}

builds_static_by_pkg_config() {
  "$CC" -static "$here/consumer.c" $(pkg-config --static --cflags --libs libholdfast libholdfast-sim) \
    -o "$tmp/static"
  expect "$version" "$("$tmp/static")"
  expect "" "$(needed "$tmp/static")"
}

builds_adapters_by_pkg_config() {
  local adapter
  for adapter in $(adapters); do
    "$CC" "$here/consumer.c" "-DADAPTER=<holdfast/$adapter.h>" -Wl,--no-as-needed \
      $(pkg-config --cflags --libs "libholdfast-$adapter") -o "$tmp/with_$adapter"
    expect "$version" "$("$tmp/with_$adapter")"
    needed "$tmp/with_$adapter" | grep -x "libholdfast-$adapter.so.${version%.*}"
  done
}

builds_by_cmake() {
  local program
  cmake -S "$here" -B "$tmp/cmake" -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_C_COMPILER="$CC" \
    "-DADAPTERS=$(adapters | paste -sd ';')"
  cmake --build "$tmp/cmake"
  for program in shared static cplusplus $(adapters | sed 's/.*/with_& with_&_static/'); do
    expect "$version" "$("$tmp/cmake/$program")"
  done
  needed "$tmp/cmake/shared" | grep -qx "$soname"
  expect "" "$(needed "$tmp/cmake/static" | grep holdfast || true)"
}

cmake_refuses_another_minor_version() {
  sed "s/Holdfast 0.1/Holdfast 0.99/" "$here/CMakeLists.txt" >"$tmp/CMakeLists.txt"
  if cmake -S "$tmp" -B "$tmp/refused" -DCMAKE_PREFIX_PATH="$prefix" >"$tmp/refused.log" 2>&1; then return 1; fi
  grep 'compatible with requested' "$tmp/refused.log"
}

needs_only_libc_and_ck() {
  expect "" "$(needed "$lib/libholdfast.so" | grep -vxE 'libc\.so\.6|libck\.so\.0|ld-linux.*' || true)"
}

loads_into_a_program_that_links_neither() {
  "$CC" "$here/loader.c" -o "$tmp/loader" -ldl
  expect "" "$(needed "$tmp/loader" | grep -E 'holdfast|ck' || true)"
  expect "$version" "$("$tmp/loader" "$lib/$soname")"
}

# The names that headers declare with HF_API.
declared() {
  awk '/^[A-Z_ ]*HF_API/ { text = ""; open = 1 }
       open { text = text " " $0 }
       open && /;/ { open = 0; if (match(text, /hf_[a-z0-9_]+ *[(;\[]/)) {
         name = substr(text, RSTART, RLENGTH); sub(/ *.$/, "", name); print name } }' "$@" | sort -u
}

# Headers of a library: an adapter has its own, sim those called after it, net the one called so and
# those that this includes, the core all others.
headers_of() {
  local header concept
  for header in include/holdfast/*.h; do
    concept=$(basename "$header" .h)
    case $concept in
    sim*) [ "$1" = sim ] && echo "$header" ;;
    net) [ "$1" = net ] && echo "$header" ;;
    *) if grep -q "<holdfast/$concept.h>" include/holdfast/net.h; then [ "$1" = net ] && echo "$header"
       elif [ -e "src/adapters/$concept.c" ]; then [ "$1" = "$concept" ] && echo "$header"
       elif [ "$1" = core ]; then echo "$header"; fi ;;
    esac
  done
  true
}

exports_what_headers_declare() {
  local name file headers
  for name in core sim $(adapters); do
    file=$lib/libholdfast-$name.so
    [ "$name" = core ] && file=$lib/libholdfast.so
    headers=$(headers_of "$name")
    expect "$(declared /dev/null $headers)" \
      "$(nm -D --defined-only "$file" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | sort)"
  done
}

versions_its_symbols() {
  expect "HOLDFAST_${version%.*}" "$(nm -D --defined-only "$lib/libholdfast.so" |
    awk '$2 != "A"' | sed 's/.*@//' | sort -u)"
}

stages_under_destdir() {
  make install PREFIX=/usr DESTDIR="$tmp/stage"
  expect "$(cd "$prefix" && find . ! -type d | sort)" "$(cd "$tmp/stage/usr" && find . ! -type d | sort)"
  ! grep -rlI "$tmp" "$tmp/stage"
}

uninstalls_all_of_it() {
  make uninstall PREFIX="$prefix"
  expect "" "$(find "$prefix" ! -type d)"
  [ ! -e "$prefix/include/holdfast" ]
}

# Neither curl nor the rest to be found, and then not even pkg-config.
builds_the_core_with_a_compiler_and_ck() {
  local tools said adapter
  mkdir "$tmp/pc"
  cp "$(pkg-config --variable=pcfiledir ck)/ck.pc" "$tmp/pc"
  for tools in "PKG_CONFIG_LIBDIR=$tmp/pc" PKG_CONFIG=false; do
    said=$(env -u PKG_CONFIG_PATH PKG_CONFIG_LIBDIR="$tmp/pc" make "$tools" B="$tmp/core" CFLAGS=-O0)
    for adapter in net $(cd src/adapters && ls ./*.c | sed 's|./\(.*\)\.c|\1|'); do
      grep "left out: libholdfast-$adapter (Debian package lib.*-dev)" <<<"$said"
    done
  done
  expect "$version" "$("$tmp/loader" "$tmp/core/libholdfast.so")"
}

prove "installs under a prefix" installs
prove "a consumer builds by pkg-config against the shared library" builds_shared_by_pkg_config
prove "a consumer builds by pkg-config without any shared library" builds_static_by_pkg_config
prove "a consumer builds by pkg-config with each adapter" builds_adapters_by_pkg_config
prove "a consumer builds by CMake, shared, static and as C++" builds_by_cmake
prove "CMake refuses another minor version" cmake_refuses_another_minor_version
prove "the library needs only libc and Concurrency Kit" needs_only_libc_and_ck
prove "a program that links neither loads it" loads_into_a_program_that_links_neither
prove "it exports what its headers declare and nothing else" exports_what_headers_declare
prove "its symbols carry its version" versions_its_symbols
prove "DESTDIR stages the same files and is not remembered" stages_under_destdir
prove "uninstall takes away what install brought" uninstalls_all_of_it
prove "a compiler and Concurrency Kit suffice for the core" builds_the_core_with_a_compiler_and_ck
echo "1..$count"
[ "$failures" = 0 ]
