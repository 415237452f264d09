-- Scopes of the families
--
--   <type>:<action>         chutes:read        every chute
--   <type>:<id>:<action>    chutes:7f3a:read   that chute only
--   chutes:invoke:<id>      the same as chutes:<id>:invoke
--
-- where "*" as the id means every one, as if it were not there.

local scope = {}

local types = { chutes = true, images = true, invocations = true, account = true, billing = true, secrets = true }
local actions = { read = true, write = true, delete = true, invoke = true }

local function is_id(text)
  return text == "*" or (#text <= 64 and text:find("^[%w._~-]+$") ~= nil)
end

-- { type=, action=, id= } of a scope of a family, without id when it is for all; nil for any other.
function scope.parse(name)
  local kind, second, third = name:match("^(%l+):([^:]+):?([^:]*)$")
  if not types[kind] or name:sub(-1) == ":" then
    return nil
  end
  local id, action = second, third
  if third == "" then
    id, action = "*", second
  elseif kind == "chutes" and second == "invoke" then
    id, action = third, "invoke"
  end
  if not actions[action] or not is_id(id) then
    return nil
  end
  return { type = kind, action = action, id = id ~= "*" and id or nil }
end

-- "<type>:<action>": the scope for all, of which this one is a part. Any other scope as it is.
function scope.general(name)
  local parsed = scope.parse(name)
  return parsed and parsed.type .. ":" .. parsed.action or name
end

-- Whether whoever has `held` needs no grant of `wanted`: they say the same, or `held` is for all.
function scope.covers(held, wanted)
  if held == wanted then
    return true
  end
  local h, w = scope.parse(held), scope.parse(wanted)
  return h ~= nil and w ~= nil and h.type == w.type and h.action == w.action and (h.id == nil or h.id == w.id)
end

-- Whether one of the list `held` covers `wanted`.
function scope.any_covers(held, wanted)
  for _, one in ipairs(held or {}) do
    if scope.covers(one, wanted) then
      return true
    end
  end
  return false
end

-- Whether `held` permits need = { type=, action=, id= (nil: all of them) }.
function scope.permits(held, need)
  local h = scope.parse(held)
  return h ~= nil and h.type == need.type and h.action == need.action and (h.id == nil or h.id == need.id)
end

return scope
