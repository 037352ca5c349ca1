#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Called by `make install` and `make uninstall`, which hand in through the environment:
# B (the variant's folder), LIBS, PROGRAM, ADAPTERS, VERSION, SONAME, CK, DESTDIR, PREFIX,
# BINDIR, LIBDIR, INCLUDEDIR, MANDIR. One list of files serves both, so that what came goes.
set -eu
HERE=src/packaging
CMAKEDIR=$LIBDIR/cmake/Holdfast

# The library that a header belongs to: an adapter's has its name, those of the networking core are
# net.h and what that includes.
library_of() {
  case " $ADAPTERS net " in *" $1 "*) echo "libholdfast-$1"; return ;; esac
  if grep -q "<holdfast/$1.h>" include/holdfast/net.h; then echo libholdfast-net; return; fi
  echo libholdfast
}

headers() {
  for header in include/holdfast/*.h; do
    concept=$(basename "$header" .h)
    case " $LIBS " in *" $(library_of "$concept") "*) ;; *) continue ;; esac
    echo "644 $header $INCLUDEDIR/holdfast/$concept.h"
  done
}

# Every installed file: mode (or "link", or "fill" for a template), source, target.
files() {
  headers
  for lib in $LIBS; do
    echo "644 $B/$lib.a $LIBDIR/$lib.a"
    echo "755 $B/$lib.so.$VERSION $LIBDIR/$lib.so.$VERSION"
    echo "link $lib.so.$VERSION $LIBDIR/$lib.so.$SONAME"
    echo "link $lib.so.$SONAME $LIBDIR/$lib.so"
    echo "fill $HERE/$lib.pc.in $LIBDIR/pkgconfig/$lib.pc"
  done
  echo "fill $HERE/HoldfastConfig.cmake.in $CMAKEDIR/HoldfastConfig.cmake"
  echo "fill $HERE/HoldfastConfigVersion.cmake.in $CMAKEDIR/HoldfastConfigVersion.cmake"
  if [ -n "$PROGRAM" ]; then echo "755 $PROGRAM $BINDIR/holdfast"; fi
  for page in "$HERE"/*.1; do
    if [ -e "$page" ]; then echo "644 $page $MANDIR/man1/$(basename "$page")"; fi
  done
}

# Paths below the prefix are written relative to it, so that an installed tree may be moved.
fill() {
  sed -e "s|@PREFIX@|$PREFIX|" -e "s|@VERSION@|$VERSION|g" -e "s|@SONAME@|$SONAME|g" \
    -e "s|@CK@|$CK|" -e "s|@CK_LIST@|$(echo $CK | tr ' ' ';')|" \
    -e "s|@LIBDIR@|$(under_prefix "$LIBDIR")|" -e "s|@INCLUDEDIR@|$(under_prefix "$INCLUDEDIR")|" \
    -e "s|@TO_INCLUDEDIR@|$(realpath -m --relative-to="$CMAKEDIR" "$INCLUDEDIR")|" "$1"
}
under_prefix() {
  case $1 in "$PREFIX"/*) echo "\${prefix}${1#"$PREFIX"}" ;; *) echo "$1" ;; esac
}

put() {
  mkdir -p "$DESTDIR$(dirname "$3")"
  case $1 in
  link) ln -sf "$2" "$DESTDIR$3" ;;
  fill) fill "$2" >"$DESTDIR$3" && chmod 644 "$DESTDIR$3" ;;
  *) install -m "$1" "$2" "$DESTDIR$3" ;;
  esac
}

case ${1:-} in
install)
  files | while read -r mode source target; do put "$mode" "$source" "$target"; done
  echo "installed $(files | grep -c .) files under $DESTDIR$PREFIX"
  ;;
uninstall)
  files | while read -r mode source target; do rm -f "$DESTDIR$target"; done
  for folder in "$INCLUDEDIR/holdfast" "$CMAKEDIR"; do
    if [ -d "$DESTDIR$folder" ]; then rmdir "$DESTDIR$folder"; fi
  done
  echo "removed $(files | grep -c .) files under $DESTDIR$PREFIX"
  ;;
*)
  echo "usage: make install | make uninstall" >&2
  exit 2
  ;;
esac
