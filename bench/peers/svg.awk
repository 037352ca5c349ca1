# SPDX-License-Identifier: MIT
#
# What the plots of comparisons are drawn with: fields of a line of JSON, and shapes.

function value(name,    rest) {
  if (!match($0, "\"" name "\":")) return ""
  rest = substr($0, RSTART + RLENGTH)
  match(rest, /^("[^"]*"|[^,}]*)/)
  rest = substr(rest, 1, RLENGTH)
  gsub(/"/, "", rest)
  return rest
}

function text(x, y, anchor, what) {
  printf "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%s</text>\n", x, y, anchor, what
}
function line(x1, y1, x2, y2, colour) {
  printf "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\"/>\n", x1, y1, x2, y2, colour
}

function begin_svg(width, height) {
  printf "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" " \
    "font-family=\"system-ui, sans-serif\" font-size=\"12\" fill=\"#222\">\n", width, height
  print "<!-- SPDX-License-Identifier: MIT -->"
  printf "<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n"
}
