# SPDX-License-Identifier: MIT
#
# Draws build/bench/net_peers.json, one object a line, as SVG: for each workload a bar for ours and
# for each peer, as long as it is good beside ours, and a mark where the floor is. ../svg.awk has
# what it draws with.

BEGIN { LEFT = 110; PANEL = 480; TOP = 60; BAR = 14; GAP = 12; MOST = 1.6 }

value("ratio") + 0 > 0 {
  workload = value("workload")
  if (!(workload in unit)) {
    workloads[++count] = workload; unit[workload] = value("unit"); floor[workload] = value("by_floor")
    keep("holdfast", 1, value("ours"))
  }
  keep(value("peer"), 1 / value("ratio"), value("peer_value"))
}

function keep(who, how_good, what,    n) {
  n = ++bars[workload]
  name[workload, n] = who; good[workload, n] = how_good; figure[workload, n] = what
}

function x_of(good) {
  return LEFT + PANEL * (good > MOST ? MOST : good) / MOST
}

function colour_of(name) {
  return name == "holdfast" ? "#1f5fa8" : name ~ /^rust/ ? "#b3402a" : "#3f9a5a"
}

function group(workload, y,    n, x) {
  text(LEFT - 8, y + BAR - 3, "end", workload)
  for (n = 1; n <= bars[workload]; n++) {
    x = x_of(good[workload, n])
    printf "<rect x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\" fill=\"%s\"/>\n", LEFT,
      y + (n - 1) * BAR, x - LEFT, BAR - 2, colour_of(name[workload, n])
    text(LEFT + PANEL + 8, y + n * BAR - 3, "start", figure[workload, n] " " unit[workload] ", " \
      name[workload, n])
  }
  if (floor[workload] != "null")
    line(x_of(floor[workload]), y - 2, x_of(floor[workload]), y + bars[workload] * BAR, "#000")
}

END {
  bottom = TOP
  for (i = 1; i <= count; i++) bottom += bars[workloads[i]] * BAR + GAP
  begin_svg(LEFT + PANEL + 230, bottom + 8)
  text(LEFT, 20, "start", "how good each is beside holdfast; a line marks what the machine allows")
  for (tick = 0; tick <= MOST; tick += 0.5) {
    line(x_of(tick), TOP - 8, x_of(tick), bottom, tick == 1 ? "#888" : "#e2e2e2")
    text(x_of(tick), TOP - 14, "middle", tick "x")
  }
  y = TOP
  for (i = 1; i <= count; i++) {
    group(workloads[i], y)
    y += bars[workloads[i]] * BAR + GAP
  }
  print "</svg>"
}
