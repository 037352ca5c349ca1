-- SPDX-License-Identifier: MIT
-- Asks with one of KEYS forwarded addresses in turn (none if 0) and counts the answers by status;
-- an answer that is neither 200 nor a 429 with Retry-After and RateLimit fields is counted as odd.
local keys = tonumber(os.getenv("KEYS") or "0")
local threads = {}
local turn = 0

function setup(thread)
  table.insert(threads, thread)
end

function init()
  ok, denied, odd = 0, 0, 0
end

if keys > 0 then
  function request()
    turn = (turn + 1) % keys
    local address = "10.1." .. math.floor(turn / 250) .. "." .. (turn % 250 + 1)
    return wrk.format("GET", nil, { ["X-Forwarded-For"] = address })
  end
end

function response(status, headers)
  if status == 200 then
    ok = ok + 1
  elseif status == 429 and headers["Retry-After"] and headers["RateLimit"] and headers["RateLimit-Policy"] then
    denied = denied + 1
  else
    odd = odd + 1
  end
end

function done(summary, latency)
  local sums = { ok = 0, denied = 0, odd = 0 }
  for _, thread in ipairs(threads) do
    for name in pairs(sums) do sums[name] = sums[name] + thread:get(name) end
  end
  local errors = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout
  io.write(string.format("RESULT ok=%d denied=%d odd=%d errors=%d rps=%.0f p50_us=%d p99_us=%d\n",
    sums.ok, sums.denied, sums.odd, errors, summary.requests / summary.duration * 1e6,
    latency:percentile(50), latency:percentile(99)))
end
