# SPDX-License-Identifier: MIT
#
# Draws what tests/limit/plot_adaptive prints as SVG: above, the rate of one client, the capacity of
# its server and how long requests waited there; below, the rates of four that share one.

BEGIN {
  FS = ","
  WIDTH = 760; LEFT = 56; TOP = 48; TALL = 220; LOW = 80; GAP = 44; SECONDS = 420
  FONT = "system-ui, sans-serif"; GREY = "#7a7a7a"; BLUE = "#1f5fa8"; RED = "#b3402a"
  split("#1f5fa8|#b3402a|#c98a1b|#3b8a4f", colours, "|")
}

NR > 1 {
  n++
  second[n] = $1; capacity[n] = $2; rate[n] = $3; waited[n] = $6 / 1000
  for (i = 1; i <= 4; i++) share[n, i] = $(6 + i)
}

function x_of(s) { return LEFT + WIDTH * s / SECONDS }
function text(x, y, anchor, what) {
  printf "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%s</text>\n", x, y, anchor, what
}
function line(x1, y1, x2, y2, colour) {
  printf "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\"/>\n", x1, y1, x2, y2, colour
}
function axes(top, tall, most, step, title,    tick, y) {
  for (tick = 0; tick <= most; tick += step) {
    y = top + tall - tall * tick / most
    line(LEFT, y, LEFT + WIDTH, y, tick ? "#e2e2e2" : "#444")
    text(LEFT - 6, y + 4, "end", tick)
  }
  text(LEFT, top - 8, "start", title)
}
# values: 1 capacity, 2 rate, 3 waiting; 11 to 14 the shares.
function value(which, i) {
  if (which == 1) return capacity[i]
  if (which == 2) return rate[i]
  if (which == 3) return waited[i]
  return share[i, which - 10]
}
function curve(which, top, tall, most, colour, style,    i, points, v) {
  for (i = 1; i <= n; i++) {
    v = value(which, i)
    points = points sprintf("%.1f,%.1f ", x_of(second[i]), top + tall - tall * (v < most ? v : most) / most)
  }
  printf "<polyline points=\"%s\" fill=\"none\" stroke=\"%s\" stroke-width=\"1.5\"%s/>\n", points, colour, style
}
function seconds_below(y,    s) {
  for (s = 0; s <= SECONDS; s += 60) text(x_of(s), y, "middle", s " s")
}

END {
  second_top = TOP + TALL + GAP
  third_top = second_top + LOW + GAP + 16
  height = third_top + TALL + 28
  print "<!-- SPDX-License-Identifier: MIT -->"
  printf "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" font-family=\"%s\" " \
    "font-size=\"12\" fill=\"#222\">\n", LEFT + WIDTH + 16, height, FONT
  print "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>"
  axes(TOP, TALL, 2400, 400, "one client: its rate (blue) and the server's capacity (grey), requests a second")
  curve(1, TOP, TALL, 2400, GREY, " stroke-dasharray=\"4 3\"")
  curve(2, TOP, TALL, 2400, BLUE, "")
  axes(second_top, LOW, 300, 100, "how long its requests waited at the server, ms")
  curve(3, second_top, LOW, 300, RED, "")
  seconds_below(second_top + LOW + 18)
  axes(third_top, TALL, 1000, 250, "four clients of one server of capacity 1000: their rates")
  for (i = 1; i <= 4; i++) curve(10 + i, third_top, TALL, 1000, colours[i], "")
  seconds_below(third_top + TALL + 18)
  print "</svg>"
}
