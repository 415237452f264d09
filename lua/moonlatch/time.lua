-- Time, in UTC. There is no clock here: a policy is told the time as facts.now (Unix seconds), so
-- that the same facts always give the same decision.
--
--   local time = require "moonlatch.time"
--   local today = time.utc(facts.now)
--   if today.weekday > 5 then return false, "Closed at weekends." end

local floor = math.floor

local time = { minute = 60, hour = 3600, day = 86400 }

-- Year, month and day of days since 1970-01-01, in eras of 400 years that begin on 1 March.
local function civil(days)
  local from_march = days + 719468
  local era = floor(from_march / 146097)
  local of_era = from_march - era * 146097
  local year = floor(
    (of_era - floor(of_era / 1460) + floor(of_era / 36524) - floor(of_era / 146096)) / 365
  )
  local of_year = of_era - (365 * year + floor(year / 4) - floor(year / 100))
  local month = floor((5 * of_year + 2) / 153)
  local day = of_year - floor((153 * month + 2) / 5) + 1
  month = month < 10 and month + 3 or month - 9
  return year + era * 400 + (month <= 2 and 1 or 0), month, day
end

-- { year, month, day, hour, minute, second, weekday (Monday is 1) } of Unix seconds.
function time.utc(seconds)
  local days, rest = floor(seconds / time.day), seconds % time.day
  local year, month, day = civil(days)
  return {
    year = year,
    month = month,
    day = day,
    hour = floor(rest / time.hour),
    minute = floor(rest % time.hour / time.minute),
    second = floor(rest % time.minute),
    weekday = (days + 3) % 7 + 1,
  }
end

local two = {} -- "00" to "99": cheaper than string.format, and every userinfo answer holds a time
for number = 0, 99 do
  two[number] = string.format("%02d", number)
end

-- "2026-11-24T15:04:05Z" (RFC 3339) of Unix seconds.
function time.rfc3339(seconds)
  local rest = floor(seconds % time.day)
  local year, month, day = civil(floor(seconds / time.day))
  local second, minute = rest % 60, floor(rest / 60)
  return two[floor(year / 100)] .. two[year % 100] .. "-" .. two[month] .. "-" .. two[day] .. "T"
    .. two[floor(minute / 60)] .. ":" .. two[minute % 60] .. ":" .. two[second] .. "Z"
end

return time
