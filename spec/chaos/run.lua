-- ./dev chaos [SECONDS [SEED [MODE]]]: a trial on SQLite and one on PostgreSQL, SECONDS in all, and what the checker
-- finds. The history and the servers' logs stay in build/chaos/MODE-SEED/.
package.path = "./spec/?.lua;" .. package.path
require "helpers.preload"
local checker = require "chaos.checker"
local trial = require "chaos.trial"

local SHOWN = 8 -- of what breaks one rule

local seconds = tonumber(arg[1]) or 60
local seed = tonumber(arg[2]) or os.time() % 100000
local modes = arg[3] and { arg[3] } or { "sqlite", "postgres" }
local names = arg[4] and { unpack(arg, 4) } or nil

-- The fault in which an event lies, or that ended up to three seconds before.
local function fault_at(events, event)
  local at = event and (event.from or event.to)
  local near
  for _, fault in ipairs(at and events or {}) do
    if fault.what == "fault" and fault.from <= at and fault.to + 3 >= at then
      near = fault.name
    end
  end
  return near or "no fault near"
end

local function summary(held)
  local statuses, faults, ops, worst = {}, {}, 0, 0
  for _, event in ipairs(held.events) do
    if event.what == "op" then
      ops = ops + 1
      statuses[event.status] = (statuses[event.status] or 0) + 1
    elseif event.what == "fault" then
      faults[event.name] = (faults[event.name] or 0) + 1
      for _, took in pairs(event.recovery_s) do
        worst = math.max(worst, took)
      end
    end
  end
  local function text(map)
    local parts = {}
    for name, count in pairs(map) do
      parts[#parts + 1] = ("%s %d"):format(name, count)
    end
    table.sort(parts)
    return table.concat(parts, ", ")
  end
  return ("%d operations (%s); faults: %s; the longest recovery %.2f s"):format(ops, text(statuses), text(faults),
    worst)
end

local passed, failed = 0, 0
for _, mode in ipairs(modes) do
  print(("# %s: %d s, seed %d"):format(mode, seconds / #modes, seed))
  local held = trial.hold(mode, seed, seconds / #modes, names)
  print("# " .. summary(held))
  local is_bad = held.broken ~= nil
  if held.broken then
    failed = failed + 1
    print("not ok the trial itself: " .. held.broken)
  else
    local found, counts = checker.judge(held)
    local shown = {}
    for _, one in ipairs(found) do
      shown[one.rule] = (shown[one.rule] or 0) + 1
      if shown[one.rule] <= SHOWN then
        local event = one.event or {}
        print(("    %s: %s [n %s, %s, %.2f s, %s, %s]"):format(one.rule, one.text, event.n or "-", event.server or "-",
          event.from or 0, event.request_id or "-", fault_at(held.events, event)))
      end
    end
    for _, one in ipairs(checker.rules) do
      local known = checker.known[one.name]
      if counts[one.name] > 0 and not known then
        failed, is_bad = failed + 1, true
        print(("not ok %s %s: broken %d times"):format(mode, one.name, counts[one.name]))
      else
        passed = passed + 1
        if known then
          print(("known %s %s: broken %d times (%s)"):format(mode, one.name, counts[one.name], known))
        end
      end
    end
  end
  if is_bad then
    print(("again: ./dev chaos %d %d; history and logs: %s/"):format(seconds, seed, held.directory))
  end
end
print(("%d passed, %d failed"):format(passed, failed))
os.exit(failed == 0 and 0 or 1)
