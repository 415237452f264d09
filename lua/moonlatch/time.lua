-- Time, in UTC. There is no clock here: a policy is told the time as facts.now (Unix seconds), so
-- that the same facts always give the same decision.
--
--   local time = require "moonlatch.time"
--   local today = time.utc(facts.now)
--   if today.weekday > 5 then return false, "Closed at weekends." end

local floor = math.floor

local time = { minute = 60, hour = 3600, day = 86400 }

-- Year, month and day of days since 1970-01-01, in eras of 400 years that begin on 1 March. Every userinfo answer holds
-- a time, so this divides by % and / alone: a call of floor costs more.
local function civil(days)
  local from_march = days + 719468
  local of_era = from_march % 146097
  local leapless = of_era - (of_era - of_era % 1460) / 1460 + (of_era - of_era % 36524) / 36524
    - (of_era - of_era % 146096) / 146096
  local year = (leapless - leapless % 365) / 365
  local of_year = of_era - 365 * year - (year - year % 4) / 4 + (year - year % 100) / 100
  local fifths = 5 * of_year + 2
  local month = (fifths - fifths % 153) / 153
  local thirds = 153 * month + 2
  local day = of_year - (thirds - thirds % 5) / 5 + 1
  month = month < 10 and month + 3 or month - 9
  return year + (from_march - of_era) / 146097 * 400 + (month <= 2 and 1 or 0), month, day
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
  local rest = seconds % time.day
  rest = rest - rest % 1
  local year, month, day = civil((seconds - seconds % time.day) / time.day)
  local second, of_hour = rest % 60, rest % 3600
  return two[(year - year % 100) / 100] .. two[year % 100] .. "-" .. two[month] .. "-" .. two[day] .. "T"
    .. two[(rest - of_hour) / 3600] .. ":" .. two[(of_hour - second) / 60] .. ":" .. two[second] .. "Z"
end

return time
