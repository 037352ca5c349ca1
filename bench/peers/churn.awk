# SPDX-License-Identifier: MIT
#
# Draws build/bench/churn.json, one object a line, as SVG: ns a decision and resident memory by
# time, each on a linear scale from zero.

BEGIN {
  WIDTH = 640; HEIGHT = 150; LEFT = 64; TOP = 44; GAP = 46; FONT = "system-ui, sans-serif"
}

function value(name,    rest) {
  if (!match($0, "\"" name "\":")) return ""
  rest = substr($0, RSTART + RLENGTH)
  match(rest, /^[^,}]*/)
  return substr(rest, 1, RLENGTH)
}

value("seconds") != "" {
  count++
  minutes[count] = value("seconds") / 60
  figure[1, count] = value("ns")
  figure[2, count] = value("resident_bytes") / 1048576
  keys = value("keys"); decisions = value("decisions"); refused = value("refused")
}

# The least of 1, 2, 5 by powers of ten that makes at most five steps of it.
function step_for(most,    unit, factor) {
  for (unit = 0.001; ; unit *= 10)
    for (factor = 1; factor <= 5; factor += factor == 1 ? 1 : 3)
      if (most / (unit * factor) <= 5) return unit * factor
}
function text(x, y, anchor, what) {
  printf "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%s</text>\n", x, y, anchor, what
}
function line(x1, y1, x2, y2, colour) {
  printf "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\"/>\n", x1, y1, x2, y2, colour
}

function panel(number, title, colour,    bottom, most, step, at, i, points) {
  bottom = TOP + number * HEIGHT + (number - 1) * GAP
  for (i = 1; i <= count; i++) if (figure[number, i] > most) most = figure[number, i]
  step = step_for(most * 1.1)
  most = step * int(most * 1.1 / step + 1)
  for (at = 0; at <= most; at += step) {
    line(LEFT, bottom - HEIGHT * at / most, LEFT + WIDTH, bottom - HEIGHT * at / most, "#e2e2e2")
    text(LEFT - 6, bottom - HEIGHT * at / most + 4, "end", at)
  }
  step = step_for(minutes[count])
  for (at = 0; at <= minutes[count]; at += step)
    text(LEFT + WIDTH * at / minutes[count], bottom + 16, "middle", at)
  text(LEFT, bottom - HEIGHT - 8, "start", title)
  for (i = 1; i <= count; i++)
    points = points sprintf("%.1f,%.1f ", LEFT + WIDTH * minutes[i] / minutes[count],
      bottom - HEIGHT * figure[number, i] / most)
  printf "<polyline points=\"%s\" fill=\"none\" stroke=\"%s\" stroke-width=\"2\"/>\n", points, colour
}

END {
  if (!count) exit 1
  printf "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" font-family=\"%s\" " \
    "font-size=\"12\" fill=\"#222\">\n", LEFT + WIDTH + 16, TOP + 2 * HEIGHT + GAP + 36, FONT
  printf "<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n"
  text(LEFT, 16, "start", sprintf("%.0f million new keys one after the other, %.1f million live at " \
    "any time; %d refused", decisions / 1e6, keys / 1e6, refused))
  panel(1, "ns a new key", "#1f5fa8")
  panel(2, "MiB resident", "#b3402a")
  text(LEFT + WIDTH, TOP + 2 * HEIGHT + GAP + 32, "end", "minutes")
  print "</svg>"
}
