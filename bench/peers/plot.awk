# SPDX-License-Identifier: MIT
#
# Draws build/bench/limiter_peers.json, one object a line, as SVG: ns a decision by number of keys,
# both on logarithmic scales, one panel for each number of threads. svg.awk has what it draws with.

BEGIN {
  PANEL = 360; HEIGHT = 300; LEFT = 56; TOP = 64; GAP = 48
  LEAST_NS = 4; MOST_NS = 1000; MOST_KEYS = 10000000
  split("governor|governor+foldhash|ours|batch|floor", series, "|")
  split("#b3402a|#c98a1b|#1f5fa8|#3f9a5a|#7a7a7a", colours, "|")
  names["governor"] = "governor (SipHash)"; names["governor+foldhash"] = "governor (foldhash)"
  names["ours"] = "holdfast"; names["batch"] = "holdfast, 16 a call"
  names["floor"] = "physical limit"
}

function keep(name, threads, keys, ns) {
  if (!((name, threads, keys) in ns_of)) order[name, threads] = order[name, threads] " " keys
  ns_of[name, threads, keys] = ns
}

value("build") == "default" && value("clock") == "mock" && value("key_bytes") == 16 &&
value("hash") == "fast" {
  threads = value("threads"); keys = value("keys")
  if (value("workload") == "batch") keep("batch", threads, keys, value("ours_ns"))
  if (value("workload") != "uniform") next
  keep(value("peer"), threads, keys, value("peer_ns"))
  if (value("peer") == "governor") {
    keep("ours", threads, keys, value("ours_ns"))
    keep("floor", threads, keys, value("floor_ns"))
  }
}

function x_of(panel, keys) {
  return LEFT + (panel - 1) * (PANEL + GAP) + 12 + (PANEL - 24) * log(keys) / log(MOST_KEYS)
}
function y_of(ns) {
  return TOP + HEIGHT - HEIGHT * log(ns / LEAST_NS) / log(MOST_NS / LEAST_NS)
}
function axes(panel,    i, count, ticks, labels, x, y) {
  x = LEFT + (panel - 1) * (PANEL + GAP)
  count = split("5 10 20 50 100 200 500 1000", ticks, " ")
  for (i = 1; i <= count; i++) {
    y = y_of(ticks[i])
    line(x, y, x + PANEL, y, "#e2e2e2")
    text(x - 6, y + 4, "end", ticks[i])
  }
  count = split("1 1000 100000 1000000 10000000", ticks, " ")
  split("1 key|1 k|100 k|1 M|10 M", labels, "|")
  for (i = 1; i <= count; i++) text(x_of(panel, ticks[i]), TOP + HEIGHT + 18, "middle", labels[i])
  line(x, TOP + HEIGHT, x + PANEL, TOP + HEIGHT, "#444")
  text(x + PANEL / 2, TOP - 8, "middle", panel == 1 ? "1 thread" : "2 threads")
}

function curve(panel, index_of,    name, count, keys, i, points) {
  name = series[index_of]
  count = split(order[name, panel], keys, " ")
  for (i = 1; i <= count; i++) {
    points = points sprintf("%.1f,%.1f ", x_of(panel, keys[i]), y_of(ns_of[name, panel, keys[i]]))
    printf "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" fill=\"%s\"/>\n", x_of(panel, keys[i]),
      y_of(ns_of[name, panel, keys[i]]), colours[index_of]
  }
  if (count)
    printf "<polyline points=\"%s\" fill=\"none\" stroke=\"%s\" stroke-width=\"2\"%s/>\n", points,
      colours[index_of], name == "floor" ? " stroke-dasharray=\"4 3\"" : ""
}

function legend(    i, x) {
  x = LEFT
  for (i = 1; i <= 5; i++) {
    line(x, 34, x + 18, 34, colours[i])
    text(x + 23, 38, "start", names[series[i]])
    x += 46 + 6.3 * length(names[series[i]])
  }
}

END {
  begin_svg(LEFT + 2 * PANEL + GAP + 12, TOP + HEIGHT + 28)
  text(LEFT, 18, "start", "ns a decision and thread, by live keys (uniform, 16 bytes, mocked clock)")
  legend()
  for (panel = 1; panel <= 2; panel++) {
    axes(panel)
    for (i = 1; i <= 5; i++) curve(panel, i)
  }
  print "</svg>"
}
