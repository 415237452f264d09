-- Lists: tables with the keys 1, 2, 3 …
--
--   local list = require "moonlatch.list"
--   list.has(facts.user.roles, "admin")

local list = {}

-- Whether `item` stands in it. A list that is not there (nil) holds nothing.
function list.has(items, item)
  for _, one in ipairs(items or {}) do
    if one == item then
      return true
    end
  end
  return false
end

-- Whether it holds one of `wanted`.
function list.has_any(items, wanted)
  for _, one in ipairs(wanted) do
    if list.has(items, one) then
      return true
    end
  end
  return false
end

-- A new list of the items for which keep(item) is true, in their order.
function list.filter(items, keep)
  local kept = {}
  for _, item in ipairs(items or {}) do
    if keep(item) then
      kept[#kept + 1] = item
    end
  end
  return kept
end

-- A new list of what change(item) returns.
function list.map(items, change)
  local made = {}
  for at, item in ipairs(items or {}) do
    made[at] = change(item)
  end
  return made
end

-- The first item for which test(item) is true; nil without one.
function list.find(items, test)
  for _, item in ipairs(items or {}) do
    if test(item) then
      return item
    end
  end
  return nil
end

return list
