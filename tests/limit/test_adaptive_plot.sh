#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The plot that the README shows is what the simulation gives, on this machine too.
cd "$(dirname "$0")/../.." || exit 1
echo 1..1
if "$HF_BUILD/tests/limit/plot_adaptive" | awk -f bench/adaptive.awk | cmp - bench/adaptive.svg; then
  echo "ok - bench/adaptive.svg is up to date"
else
  echo "not ok - bench/adaptive.svg is up to date (make plot-adaptive draws it)"
fi
