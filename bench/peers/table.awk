# SPDX-License-Identifier: MIT
#
# Prints what the comparisons found, build/bench/limiter_peers.json and net_peers.json, one object
# a line, as the tables in Markdown that the README shows. svg.awk has what reads a line.

function keys_text(keys) {
  return keys >= 1000000 ? keys / 1000000 " M" : keys >= 1000 ? keys / 1000 " k" : keys
}

# How many times better ours is, and how far apart the turns were.
function ratio_text() {
  return sprintf("**%.2f** [%.2f .. %.2f]", value("ratio"), value("ratio_min"), value("ratio_max"))
}

function begin_table(head, columns,    i) {
  if (tables++) print ""
  print head
  for (i = 1; i <= columns; i++) printf "|---"
  print "|"
}

# The rows that tell most: builds as users get them, keys of 16 bytes, the clock at rest.
FILENAME ~ /limiter_peers/ && value("build") == "default" && value("key_bytes") == 16 &&
value("clock") == "mock" && value("peer") == "governor" {
  keys = value("keys"); what = value("workload")
  if (what == "zipf" || what == "gate-denied") next
  if (what == "uniform" && keys == 1 || what == "batch" && keys < 1000000) next
  if (value("hash") == "siphash") what = what ", SipHash"
  if (!limiter++) begin_table("| decision | keys | threads | ns | governor, ns | governor / ours" \
    " | times the physical limit | bytes a live key (governor) |", 8)
  bytes = value("bytes_per_key")
  printf "| %s | %s | %s | %.1f | %.1f | %s | %.2f | %s |\n", what, keys_text(keys),
    value("threads"), value("ours_ns"), value("peer_ns"), ratio_text(), value("by_floor"),
    bytes == "null" ? "" : sprintf("%.1f (%.1f)", bytes, value("peer_bytes_per_key"))
}

FILENAME ~ /net_peers/ && value("peer") ~ /libp2p/ {
  if (!net++) begin_table("| measured | unit | ours | beside | theirs | how many times better" \
    " | by the floor |", 7)
  printf "| %s | %s | %.4g | %s | %.4g | %s | %s |\n", value("workload"), value("unit"),
    value("ours"), value("peer"), value("peer_value"), ratio_text(),
    value("by_floor") == "null" ? "" : sprintf("%.2f", value("by_floor"))
}
