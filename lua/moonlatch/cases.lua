-- What `moonlatch policy check` asks the functions of policies: with the facts of moonlatch.testing, and with others
-- that a server tells one day.

local list = require "moonlatch.list"
local testing = require "moonlatch.testing"

local cases = {}

local AT_ONCE = 64 -- as many scopes as a request may name
local UNKNOWN = "no-such:scope"

local by_hand = { "apps.may_create", "apps.may_edit", "apps.redirect_uri", "scopes.may_register" }
local of_new_apps = { "apps.may_create", "apps.may_register", "apps.redirect_uri", "scopes.may_register" }
local without_user = { "scopes.grant", "tokens.lifetimes", "tokens.format", "apps.may_register" }

local function with_all()
  return {
    request = { country = "DE" },
    user = { hotkey = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY", roles = { "admin" } },
    app = { description = "Does things", homepage_url = "https://app.example/", allowed_scopes = { "account:write" } },
    previous = testing.previous(),
    prompt = "consent",
    grant_type = "refresh_token",
    resources = { "https://api.example/" },
    claims = { userinfo = { username = {} }, id_token = { username = {} } },
    resembles_brand = true,
    passkeys = 1,
    passkey = { sign_count = 0, last_sign_count = 7, is_synced = true, was_synced = true },
    include_public = true,
    include_shared = true,
    order = "name",
  }
end

-- about, facts, and those that are not there; in which functions (all, if it says nothing).
local variations = {
  { about = "a first sign-in" },
  { about = "every fact is there", over = with_all },
  { about = "the request names no user agent", absent = { { "request", "user_agent" } } },
  { about = "the app is being made", absent = { { "app", "created_at" } }, of = of_new_apps },
  { about = "at the command line", absent = { { "request", "user_agent" }, { "user", "sign_in" } }, of = by_hand,
    over = function() return { request = { address = "command line" } } end },
  { about = "a device, which has no redirect URI", of = { "consent.decide", "consent.page" },
    over = function() return { redirect_uri = "", pkce = false } end },
  { about = "there is no user", absent = { { "user" } }, of = without_user,
    over = function() return { grant_type = "client_credentials" } end },
}

local function facts_of(name, variation)
  local facts = testing.facts(name, variation.over and variation.over())
  for _, path in ipairs(variation.absent or {}) do
    local of = #path > 1 and facts[path[1]] or facts
    of[path[#path]] = nil
  end
  return facts
end

-- As `GET /idp/apps` shows one.
local function app_as_json()
  local app = testing.app { homepage_url = "https://app.example/" }
  return {
    app_id = app.app_id,
    client_id = app.client_id,
    user_id = testing.user().user_id,
    name = app.name,
    redirect_uris = { "https://app.example/callback" },
    homepage_url = app.homepage_url,
    active = true,
    public = app.public,
    refresh_token_lifetime_days = app.refresh_token_lifetime_days,
    allowed_scopes = app.allowed_scopes,
    created_at = "2023-11-14T22:13:20Z",
    updated_at = "2023-11-14T22:13:20Z",
  }
end

-- One case of each scope, and of one that there is not.
local function of_names(catalog)
  local made = { { about = "there is no such scope", arguments = { UNKNOWN }, is_sure = true } }
  for _, name in ipairs(catalog) do
    made[#made + 1] = { about = name, arguments = { name }, is_sure = true }
  end
  return made
end

local function of_permits(catalog)
  local made = {}
  for _, action in ipairs { "read", "write" } do
    made[#made + 1] = { about = "an API call", arguments = { { catalog[1] }, { type = "account", action = action } } }
  end
  return made
end

-- With all of the catalog asked for, as many at once as may be.
local function add_requests(made, name, catalog)
  for first = 1, #catalog, AT_ONCE do
    local requested = {}
    for i = first, math.min(first + AT_ONCE - 1, #catalog) do
      requested[#requested + 1] = catalog[i]
    end
    made[#made + 1] = { about = "asked for " .. requested[1] .. " and others", is_sure = name == "consent.page",
      arguments = { testing.facts(name, { requested = requested }) } }
  end
end

-- Cases of the function of that name: a list of { about, arguments, is_sure }. What is_sure is asked on every server:
-- nothing of it is made up. `catalog`: the names of the scopes.
function cases.of(name, catalog)
  if list.has({ "scopes.describe", "scopes.privileged" }, name) then
    return of_names(catalog)
  elseif name == "scopes.permits" then
    return of_permits(catalog)
  end
  local made = {}
  for _, variation in ipairs(variations) do
    if not variation.of or list.has(variation.of, name) then
      local facts = facts_of(name, variation)
      made[#made + 1] = { about = variation.about, is_sure = false,
        arguments = name == "apps.present" and { app_as_json(), facts } or { facts } }
    end
  end
  if list.has({ "consent.decide", "consent.page", "scopes.grant" }, name) then
    add_requests(made, name, catalog)
  end
  return made
end

return cases
