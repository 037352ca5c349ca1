#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# What the README shows is what the examples hold: each block of C stands, line by line and in one
# piece, in the example that the comment before it names; the command line in it builds its program.
set -u
cd "$(dirname "$0")/../.." || exit 1
unset MAKEFLAGS MFLAGS MAKELEVEL FILTER
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
count=0

result() {
  count=$((count + 1))
  if [ "$1" = 0 ]; then echo "ok $count - $2"; else echo "not ok $count - $2"; fi
}

# Writes the n-th block to block.n and its example's name to name.n; prints how many there are.
blocks() {
  awk -v dir="$tmp" '
    /^<!-- examples\/.*\.c -->$/ { name = $2; next }
    /^```c$/ { n++; inside = 1; print name > (dir "/name." n); name = "none"; next }
    /^```$/ { inside = 0 }
    inside { print > (dir "/block." n) }
    END { print n + 0 }' README.md
}

# Whether the lines of the block stand in the file one after the other, however far indented.
stands_in() {
  awk 'function bare(line) { sub(/^[ \t]+/, "", line); return line }
       NR == FNR { block[++size] = bare($0); next }
       { line[++lines] = bare($0) }
       END { for (i = 0; i + size <= lines; i++) {
               for (j = 1; j <= size && line[i + j] == block[j]; j++);
               if (j > size) exit 0
             }
             exit 1 }' "$1" "$2"
}

total=$(blocks)
[ "$total" -gt 0 ]
result $? "the README shows examples"
for n in $(seq "$total"); do
  name=$(cat "$tmp/name.$n")
  [ -f "$name" ] && stands_in "$tmp/block.$n" "$name"
  result $? "block $n stands in $name"
done

[ "$(wc -l <"$tmp/block.1")" -le 15 ]
result $? "the first program has at most 15 lines"

make install PREFIX="$tmp/prefix" >"$tmp/log" 2>&1 &&
  cp examples/hello.c "$tmp/hello.c" && cd "$tmp" &&
  PKG_CONFIG_PATH=$tmp/prefix/lib/pkgconfig sh -c \
    "$(sed -n 's/^    \(cc hello\.c .*\)$/\1/p' "$OLDPWD/README.md")" >>"$tmp/log" 2>&1 &&
  LD_LIBRARY_PATH=$tmp/prefix/lib ./hello | grep -q 'call 4: rate limited'
result $? "the README's command line builds it, and it runs"
echo "1..$count"
