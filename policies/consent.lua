-- Whether the user is asked, and what the page says.

local list = require "moonlatch.list"
local scope = require "moonlatch.scope"
local scopes = require "policies.scopes"

-- Whether a code can end with the app alone. Without PKCE nobody redeems it without the client's secret or key; over
-- https it goes to who has the domain. A port of the user's own machine and a scheme that any program may claim prove
-- nothing (RFC 8252 §8.6): there the app itself must.
local function is_for_the_app(facts)
  return not facts.pkce
    or facts.redirect_uri:lower():find("^https:") ~= nil
    or not list.has({ "any", "none" }, facts.app.token_endpoint_auth_method)
end

-- "ask", "skip" or "deny" with a reason. Nobody is asked twice for the same: the page is skipped
-- when this user has allowed this app all of it before, unless the app wants it shown or may be another one.
local function decide(facts)
  local is_wanted = (" " .. (facts.prompt or "") .. " "):find(" consent ", 1, true)
  if is_wanted or not facts.previous or not is_for_the_app(facts) then
    return "ask"
  end
  local new = list.find(facts.requested, function(name)
    return not scope.any_covers(facts.previous.scopes, name)
  end)
  return new and "ask" or "skip"
end

-- The groups of the page, in their order. A scope goes into the first whose test is true.
local groups = {
  {
    title = "Know who you are",
    test = function(name)
      return list.has({ "openid", "profile", "profile:read" }, name)
    end,
  },
  {
    title = "Take full control",
    test = function(name)
      return name == "admin"
    end,
  },
  {
    title = "Run",
    test = function(name)
      return name == "invoke" or scope.general(name):find(":invoke", 1, true)
    end,
  },
  {
    title = "Change",
    test = function(name)
      local action = scope.general(name):match("([^:]+)$")
      return action == "write" or action == "delete"
    end,
  },
  {
    title = "See",
    test = function()
      return true
    end,
  },
}

local function group_of(name)
  return list.find(groups, function(group)
    return group.test(name)
  end)
end

-- One scope on the page. With optional = true the user may untick it (checked = true: ticked at first).
local function line(name)
  return { name = name, description = scopes.describe(name) or name }
end

local function page(facts)
  local filled, warnings = {}, {}
  for _, group in ipairs(groups) do
    local mine = list.filter(facts.requested, function(name)
      return group_of(name) == group
    end)
    if #mine > 0 then
      filled[#filled + 1] = { title = group.title, scopes = list.map(mine, line) }
    end
  end
  if list.has(facts.requested, "admin") then
    warnings[1] = "This app could do everything that you can do, also delete and spend."
  elseif list.find(facts.requested, scopes.privileged) then
    warnings[1] = "This app asks for more than most. Allow it only if you know who runs it."
  end
  return { title = "It would be able to", groups = filled, warnings = warnings }
end

return { decide = decide, page = page }
