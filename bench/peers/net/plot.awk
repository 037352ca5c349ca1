# SPDX-License-Identifier: MIT
#
# Draws build/bench/net_peers.json, one object a line, as SVG: for each workload a bar for ours and
# for each peer, as long as it is good beside ours, on a logarithmic scale. ../svg.awk has what it
# draws with.

BEGIN { LEFT = 150; PANEL = 560; TOP = 56; BAR = 14; GAP = 12; LEAST = 0.05; MOST = 20 }

value("floor") != "" && value("ratio") != "null" {
  workload = value("workload"); peer = value("peer"); unit = value("unit")
  if (!(workload in unit_of)) {
    workloads[++count] = workload; unit_of[workload] = unit
    bars[workload] = 1; name[workload, 1] = "holdfast"; good[workload, 1] = 1
    figure[workload, 1] = value("ours")
  }
  n = ++bars[workload]
  name[workload, n] = peer; good[workload, n] = 1 / value("ratio")
  figure[workload, n] = value("peer_value")
}

function x_of(good) {
  good = good < LEAST ? LEAST : good > MOST ? MOST : good
  return LEFT + PANEL * log(good / LEAST) / log(MOST / LEAST)
}

function bar(y, good, colour) {
  printf "<rect x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\" fill=\"%s\"/>\n", LEFT, y,
    x_of(good) - LEFT, BAR - 2, colour
}

function colour_of(name) {
  return name == "holdfast" ? "#1f5fa8" : name ~ /^rust/ ? "#b3402a" : "#3f9a5a"
}

function axis(height,    i, n, ticks) {
  n = split("0.1 0.2 0.5 1 2 5 10", ticks, " ")
  for (i = 1; i <= n; i++) {
    line(x_of(ticks[i]), TOP - 6, x_of(ticks[i]), height, ticks[i] == 1 ? "#444" : "#e2e2e2")
    text(x_of(ticks[i]), TOP - 12, "middle", ticks[i] "x")
  }
}

END {
  height = TOP
  for (i = 1; i <= count; i++) height += bars[workloads[i]] * BAR + GAP
  begin_svg(LEFT + PANEL + 150, height + 8)
  text(LEFT, 20, "start", "how good each is beside holdfast, by workload (longer is better)")
  axis(height)
  y = TOP
  for (i = 1; i <= count; i++) {
    workload = workloads[i]
    text(LEFT - 8, y + BAR, "end", workload)
    for (n = 1; n <= bars[workload]; n++) {
      bar(y, good[workload, n], colour_of(name[workload, n]))
      text(x_of(good[workload, n]) + 5, y + BAR - 3, "start", figure[workload, n] " " \
        unit_of[workload] ", " name[workload, n])
      y += BAR
    }
    y += GAP
  }
  print "</svg>"
}
