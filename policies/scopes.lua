-- Which scopes there are, who may have them, and what they permit.

local list = require "moonlatch.list"
local scope = require "moonlatch.scope"

-- The order is that of the consent page and of GET /idp/scopes. A privileged scope must stand in
-- the app's allowed_scopes, and only some users may put it there (may_register).
local catalog = {
  { name = "openid", description = "Sign you in" },
  { name = "profile", description = "See your user name and when you joined" },
  { name = "profile:read", description = "See your user name and when you joined" },
  { name = "balance", description = "See your balance" },
  { name = "balance:read", description = "See your balance" },
  { name = "billing:read", description = "See your invoices and payments", privileged = true },
  { name = "quota", description = "See your quotas" },
  { name = "quota:read", description = "See your quotas" },
  { name = "usage", description = "See how much you have used" },
  { name = "usage:read", description = "See how much you have used" },
  { name = "account:read", description = "See your account, your apps and what you have allowed them" },
  { name = "account:write", description = "Change your account and your apps", privileged = true },
  { name = "secrets:read", description = "See your stored secrets", privileged = true },
  { name = "secrets:write", description = "Add and replace your stored secrets", privileged = true },
  { name = "chutes:read", description = "See your chutes" },
  { name = "chutes:write", description = "Create and change your chutes", privileged = true },
  { name = "chutes:delete", description = "Delete your chutes", privileged = true },
  { name = "chutes:invoke", description = "Run your chutes, at your cost" },
  { name = "images:read", description = "See your images" },
  { name = "images:write", description = "Build and change your images", privileged = true },
  { name = "images:delete", description = "Delete your images", privileged = true },
  { name = "invocations:read", description = "See what your chutes were asked and what they answered" },
  { name = "read", description = "See your chutes, images, invocations and account" },
  { name = "write", description = "Change what needs no special permission" },
  { name = "delete", description = "Delete what needs no special permission" },
  { name = "invoke", description = "Run your chutes, at your cost" },
  { name = "admin", description = "Do everything that you can do yourself", privileged = true },
}

local by_name = {}
for _, entry in ipairs(catalog) do
  by_name[entry.name] = entry
end

-- The families reach further than the catalog; there, all but reading is privileged where it is
-- about the account, its bills and its secrets.
local sensitive = { account = true, billing = true, secrets = true }
local verbs = { read = "See", write = "Change", delete = "Delete", invoke = "Use" }
local nouns = {
  chutes = "chute",
  images = "image",
  invocations = "invocation",
  account = "account",
  billing = "bill",
  secrets = "secret",
}

-- chutes:7f3a:write is as privileged as chutes:write.
local function privileged(name)
  local known = by_name[scope.general(name)]
  if known then
    return known.privileged == true
  end
  local parsed = scope.parse(name)
  return parsed ~= nil and sensitive[parsed.type] == true and parsed.action ~= "read"
end

-- Words for a scope of the catalog or of a family; nil when there is no such scope.
local function describe(name)
  local parsed = scope.parse(name)
  local known = by_name[name] or (parsed and not parsed.id and by_name[scope.general(name)])
  if known then
    return known.description
  elseif parsed and parsed.id then
    return verbs[parsed.action] .. " your " .. nouns[parsed.type] .. " " .. parsed.id
  end
  return parsed and verbs[parsed.action] .. " your " .. parsed.type
end

-- May this user register an app with facts.scope among its allowed_scopes?
local function may_register(facts)
  if privileged(facts.scope) and not list.has_any(facts.user.roles, { "unlimited_dev", "admin" }) then
    return false, "The scope " .. facts.scope .. " needs the role unlimited_dev."
  end
  return true
end

-- What the app gets of facts.requested. A refresh leaves out what the app has lost since. For itself
-- (client_credentials: there is no facts.user) a client gets only what it is registered for.
local function grant(facts)
  local granted = {}
  local is_free = facts.grant_type ~= "client_credentials"
  for _, name in ipairs(facts.requested) do
    if (is_free and not privileged(name)) or scope.any_covers(facts.app.allowed_scopes, name) then
      granted[#granted + 1] = name
    elseif facts.grant_type ~= "refresh_token" then
      return { denied = name, reason = "The app is not registered for the scope " .. name .. "." }
    end
  end
  return { granted = granted }
end

-- Does a token with these scopes permit need = { type=, action=, id= }?
local function permits(scopes, need)
  local wanted = need.type .. ":" .. need.action
  for _, name in ipairs(scopes) do
    local is_simple = name == need.action and not privileged(wanted) and scope.parse(wanted)
    local is_whole = name == need.type and need.action == "read" -- "balance" is "balance:read"
    if name == "admin" or name == wanted or is_simple or is_whole or scope.permits(name, need) then
      return true
    end
  end
  return false
end

return {
  catalog = catalog,
  default = { "profile" },
  describe = describe,
  privileged = privileged,
  may_register = may_register,
  grant = grant,
  permits = permits,
}
