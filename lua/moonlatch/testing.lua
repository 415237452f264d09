-- Facts for the specs of policies: what the server would tell, with what matters to the test put over it.
--
--   local testing = require "moonlatch.testing"
--   scopes.grant(testing.facts { requested = { "openid" }, user = { roles = { "admin" } } })

-- With the name of a function in front, only what that function is told:
--
--   claims.userinfo(testing.facts("claims.userinfo", { user = { roles = { "admin" } } }))

-- is_told(function or nil, path): nil when there is no such fact.
local is_told = ...

local testing = {}

-- A copy of `base` with `over` put over it, table by table; a list is taken whole.
local function merge(base, over)
  if type(base) ~= "table" or type(over) ~= "table" or #base > 0 or #over > 0 then
    return over == nil and base or over
  end
  local made = {}
  for name, value in pairs(base) do
    made[name] = value
  end
  for name, value in pairs(over) do
    made[name] = merge(base[name], value)
  end
  return made
end

-- Raises at a name that is no fact. claims may hold what they like.
local function check(over, path, level)
  for name, value in pairs(over or {}) do
    local at = path .. name
    if is_told(nil, at) == nil then
      error("there is no fact " .. at, level)
    end
    if type(value) == "table" and #value == 0 then
      check(value, at .. ".", level + 1)
    end
  end
end

-- A copy without what the function is not told.
local function only(facts, name, path)
  local told = {}
  for key, value in pairs(facts) do
    local at = path .. key
    if is_told(name, at) then
      told[key] = type(value) == "table" and #value == 0 and only(value, name, at .. ".") or value
    end
  end
  return told
end

function testing.user(over)
  check(over, "user.", 3)
  return merge({
    user_id = "6f1f1e0c-52a4-4a6e-8f4a-0c9a3f0f6a11",
    username = "alice",
    roles = {},
    created_at = 1700000000,
    sign_in = { method = "fingerprint", at = 1795694100 },
  }, over)
end

function testing.app(over)
  check(over, "app.", 3)
  return merge({
    app_id = "01a218f9-5c48-707f-a9e3-efb7b880d913",
    client_id = "cid_abcdefghijklmnopqrstuvwx",
    name = "An app",
    allowed_scopes = {},
    public = true,
    refresh_token_lifetime_days = 30,
    token_endpoint_auth_method = "any",
    created_at = 1700000000,
    users = 12,
    shares = 0,
  }, over)
end

-- What facts.user allowed facts.app a day ago.
function testing.previous(over)
  check(over, "previous.", 3)
  return merge({ scopes = { "profile" }, created_at = 1795608000, updated_at = 1795608000 }, over)
end

-- Every fact that is not nil at a first sign-in, on 2026-11-26 at 12:00 UTC, a Thursday.
local function facts_of_all(over)
  return merge({
    now = 1795694400,
    request = { address = "203.0.113.7", user_agent = "Mozilla/5.0", language = "en" },
    user = testing.user(),
    app = testing.app(),
    owner = { user_id = "0b0c7a52-9df5-4c6b-8a3b-1f6f9b1f4f22", username = "bob" },
    requested = { "profile" },
    scopes = { "profile" },
    scope = "account:write",
    before = testing.app(),
    resembles_brand = false,
    passkeys = 0,
    passkey = { sign_count = 5, last_sign_count = 5, is_synced = false, was_synced = false },
    grant_type = "authorization_code",
    pkce = true,
    resource = "https://api.example/",
    subject_token = { client_id = "cid_abcdefghijklmnopqrstuvwx", scopes = { "profile" }, is_bound = false },
    redirect_uri = "https://app.example/callback",
  }, over)
end

-- testing.facts(over), or testing.facts(name, over).
function testing.facts(name, over)
  if type(name) ~= "string" then
    name, over = nil, name
  end
  check(over, "", 3)
  local facts = facts_of_all(over)
  return name and only(facts, name, "") or facts
end

return testing
