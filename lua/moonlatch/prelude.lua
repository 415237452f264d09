-- The part of the sandbox that is written in Lua. Runs once when a state is made, before anything
-- that an operator wrote, and cannot be required.
--
-- What stands here replaces functions of LuaJIT that call back into Lua through C, run without an
-- end in sight, or give answers that differ from one process to the next. Each charges the budget
-- for the work of the native function that it leads to.

local env, ours, native = ...

local charge, find, match, refuse_kept = ours.charge, ours.find, ours.match, ours.refuse_kept
local error, type, select, next, unpack = native.error, native.type, native.select, native.next, native.unpack
local tonumber, floor, min = native.tonumber, native.math.floor, native.math.min
local sub, len = native.string.sub, native.string.len
local concat = native.table.concat

local function check(value, kind, name, position)
  if type(value) ~= kind then
    local got = " expected, got " .. type(value) .. ")"
    error("bad argument #" .. position .. " to '" .. name .. "' (" .. kind .. got, 3)
  end
end

local function integer(value, name, position)
  local number = tonumber(value)
  if not number or number ~= number then
    error("bad argument #" .. position .. " to '" .. name .. "' (number expected)", 3)
  end
  return number < 0 and -floor(-number) or floor(number)
end

-- Sorting: merges from the bottom up, so it is stable, and a comparator that contradicts itself can
-- only make a wrong order.

local function before_by_value(a, b)
  return a < b
end

local function merge(from, into, first, middle, last, before)
  local left, right = first, middle
  for at = first, last - 1 do
    if left < middle and (right >= last or not before(from[right], from[left])) then
      into[at] = from[left]
      left = left + 1
    else
      into[at] = from[right]
      right = right + 1
    end
  end
end

local function sort(list, before)
  local count = #list
  local from, into, width = list, {}, 1
  while width < count do
    for first = 1, count, 2 * width do
      merge(from, into, first, min(first + width, count + 1), min(first + 2 * width, count + 1), before)
    end
    from, into, width = into, from, 2 * width
  end
  if from ~= list then
    for at = 1, count do
      list[at] = from[at]
    end
  end
end

local function check_comparable(list)
  local kind = type(list[1])
  for at = 1, #list do
    if type(list[at]) ~= kind or (kind ~= "number" and kind ~= "string") then
      error("attempt to compare " .. kind .. " with " .. type(list[at]) .. " (give 'sort' a comparison)", 3)
    end
  end
end

function env.table.sort(list, before)
  check(list, "table", "sort", 1)
  refuse_kept(list)
  if before == nil then
    check_comparable(list)
  else
    check(before, "function", "sort", 2)
  end
  sort(list, before or before_by_value)
end

-- pairs goes in the order of the keys: numbers, then texts, then false and true. The order of the
-- hash would differ from worker to worker.

local kinds = { number = 1, string = 2, boolean = 3 }

local function before_by_key(a, b)
  local kind_a, kind_b = kinds[type(a)], kinds[type(b)]
  if kind_a ~= kind_b then
    return kind_a < kind_b
  end
  if kind_a == 3 then
    return not a and b
  end
  return a < b
end

function env.pairs(map)
  check(map, "table", "pairs", 1)
  local keys, count = {}, 0
  for key in next, map do
    if not kinds[type(key)] then
      error("pairs goes only over keys that are numbers, texts or booleans", 2)
    end
    count = count + 1
    keys[count] = key
  end
  sort(keys, before_by_key)
  local at = 0
  return function()
    local key, value
    repeat
      at = at + 1
      key = keys[at]
      if key == nil then
        return nil
      end
      value = map[key]
    until value ~= nil
    return key, value
  end
end

function env.tonumber(value, base)
  charge(type(value) == "string" and 8 * #value or 0)
  if base == nil then
    return (tonumber(value))
  end
  return (tonumber(value, base))
end

env.tostring = ours.tostring
env.setmetatable = ours.setmetatable

function env.unpack(list, from, to)
  check(list, "table", "unpack", 1)
  return unpack(list, from or 1, to or #list)
end

env.table.unpack = env.unpack

-- Tables. The native insert and remove would write past the read-only faces, and count to where
-- nothing is.

function env.table.concat(list, separator, from, to)
  check(list, "table", "concat", 1)
  charge(32 * #list)
  return concat(list, separator or "", from or 1, to or #list)
end

function env.table.insert(list, ...)
  check(list, "table", "insert", 1)
  local count = #list
  local given = select("#", ...)
  if given == 1 then
    list[count + 1] = (...)
    return
  elseif given ~= 2 then
    error("wrong number of arguments to 'insert'", 2)
  end
  local at, value = ...
  at = integer(at, "insert", 2)
  if at < 1 or at > count + 1 then
    error("bad argument #2 to 'insert' (position out of bounds)", 2)
  end
  for to = count, at, -1 do
    list[to + 1] = list[to]
  end
  list[at] = value
end

function env.table.remove(list, at)
  check(list, "table", "remove", 1)
  refuse_kept(list)
  local count = #list
  if at == nil then
    at = count
  end
  at = integer(at, "remove", 2)
  if count == 0 then
    return nil
  elseif at < 1 or at > count then
    error("bad argument #2 to 'remove' (position out of bounds)", 2)
  end
  local taken = list[at]
  for to = at, count do
    list[to] = list[to + 1]
  end
  return taken
end

-- Strings.

for _, name in native.ipairs({ "lower", "upper", "reverse" }) do
  local convert = native.string[name]
  env.string[name] = function(text)
    charge(4 * len(text))
    return convert(text)
  end
end

env.string.find = find
env.string.match = match
env.string.rep = ours.rep
env.string.format = ours.format

local function pack(...)
  return { n = select("#", ...), ... }
end

-- The captures, or the whole match when the pattern has none.
local function captures(found, text)
  if found.n == 2 then
    return sub(text, found[1], found[2])
  end
  return unpack(found, 3, found.n)
end

function env.string.gmatch(text, pattern)
  text, pattern = sub(text, 1), sub(pattern, 1)
  if sub(pattern, 1, 1) == "^" then
    error("gmatch takes no '^'", 2)
  end
  local at = 1
  return function()
    if at > len(text) + 1 then
      return nil
    end
    local found = pack(find(text, pattern, at))
    if not found[1] then
      at = len(text) + 2
      return nil
    end
    at = found[2] >= found[1] and found[2] + 1 or found[1] + 1
    return captures(found, text)
  end
end

local function expand(template, found, text)
  local out, at = {}, 1
  while true do
    local mark = find(template, "%", at, true)
    if not mark then
      out[#out + 1] = sub(template, at)
      return concat(out)
    end
    out[#out + 1] = sub(template, at, mark - 1)
    local what = sub(template, mark + 1, mark + 1)
    local digit = match(what, "^%d$") and tonumber(what)
    if not digit then
      out[#out + 1] = what
    elseif digit == 0 or (digit == 1 and found.n == 2) then
      out[#out + 1] = sub(text, found[1], found[2])
    elseif digit + 2 <= found.n then
      out[#out + 1] = found[digit + 2]
    else
      error("invalid capture index in replacement", 4)
    end
    at = mark + 2
  end
end

local function replacement(found, text, by, kind)
  local whole = sub(text, found[1], found[2])
  local value
  if kind == "string" then
    return expand(by, found, text)
  elseif kind == "table" then
    value = by[(captures(found, text))]
  else
    value = by(captures(found, text))
  end
  if not value then
    return whole
  elseif type(value) ~= "string" and type(value) ~= "number" then
    error("invalid replacement value (a " .. type(value) .. ")", 3)
  end
  return value
end

function env.string.gsub(text, pattern, by, limit)
  text, pattern = sub(text, 1), sub(pattern, 1)
  local kind = type(by)
  if kind == "number" then
    by, kind = sub(by, 1), "string"
  elseif kind ~= "string" and kind ~= "table" and kind ~= "function" then
    error("bad argument #3 to 'gsub' (string, function or table expected, got " .. kind .. ")", 2)
  end
  local is_anchored = sub(pattern, 1, 1) == "^"
  local out, count, at = {}, 0, 1
  while (not limit or count < limit) and at <= len(text) + 1 do
    local found = pack(find(text, pattern, at))
    if not found[1] then
      break
    end
    count = count + 1
    out[#out + 1] = sub(text, at, found[1] - 1)
    out[#out + 1] = replacement(found, text, by, kind)
    at = found[2] + 1
    if found[2] < found[1] then -- an empty match: the byte behind it stays
      out[#out + 1] = sub(text, found[1], found[1])
      at = found[1] + 1
    end
    if is_anchored then
      break
    end
  end
  out[#out + 1] = sub(text, at)
  charge(32 * #out)
  return concat(out), count
end
