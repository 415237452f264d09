-- Time, in UTC. There is no clock here: a policy is told the time as facts.now (Unix seconds), so
-- that the same facts always give the same decision.
--
--   local time = require "moonlatch.time"
--   local today = time.utc(facts.now)
--   if today.weekday > 5 then return false, "Closed at weekends." end

local time = { minute = 60, hour = 3600, day = 86400 }

-- { year, month, day, hour, minute, second, weekday (Monday is 1) } of Unix seconds.
function time.utc(seconds)
  local days, rest = math.floor(seconds / time.day), seconds % time.day
  -- Days to civil date, in eras of 400 years that begin on 1 March.
  local from_march = days + 719468
  local era = math.floor(from_march / 146097)
  local of_era = from_march - era * 146097
  local year = math.floor(
    (of_era - math.floor(of_era / 1460) + math.floor(of_era / 36524) - math.floor(of_era / 146096)) / 365
  )
  local of_year = of_era - (365 * year + math.floor(year / 4) - math.floor(year / 100))
  local month = math.floor((5 * of_year + 2) / 153)
  local day = of_year - math.floor((153 * month + 2) / 5) + 1
  month = month < 10 and month + 3 or month - 9
  return {
    year = year + era * 400 + (month <= 2 and 1 or 0),
    month = month,
    day = day,
    hour = math.floor(rest / time.hour),
    minute = math.floor(rest % time.hour / time.minute),
    second = math.floor(rest % time.minute),
    weekday = (days + 3) % 7 + 1,
  }
end

-- "2026-11-24T15:04:05Z" (RFC 3339) of Unix seconds.
function time.rfc3339(seconds)
  local at = time.utc(seconds)
  return string.format("%04d-%02d-%02dT%02d:%02d:%02dZ", at.year, at.month, at.day, at.hour, at.minute, at.second)
end

return time
