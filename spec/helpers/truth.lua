-- Referential truth: that every row's owners are there, and that what is kept counted is counted right. For the end of
-- races and faults, when nothing is under way:
--
--   truth.check(server)              an error that names what is wrong
--   truth.wrong(ask) → { [what] = rows }, where ask(sql) answers with one number
local lock = require "helpers.lock"

local truth = {}

-- { the table, its column, the owner's table and key, only of rows that … }. What expires may outlive its owner, dead
-- by the joins of its look-up: grants and their tokens, and logout_deliveries, whose next attempt ends them.
local OWNERS = {
  { "api_keys", "user_id", "users", "user_id" },
  { "app_shares", "app_id", "apps", "app_id" },
  { "app_shares", "user_id", "users", "user_id" },
  { "apps", "user_id", "users", "user_id" },
  { "authorizations", "app_id", "apps", "app_id" },
  { "authorizations", "user_id", "users", "user_id" },
  { "device_codes", "app_id", "apps", "app_id" },
  { "device_codes", "grant_id", "grants", "grant_id", "x.grant_id IS NOT NULL AND x.expires_at > NOW" },
  { "access_tokens", "grant_id", "grants", "grant_id", "x.expires_at > NOW" },
  { "refresh_tokens", "grant_id", "grants", "grant_id", "x.expires_at > NOW" },
  { "passkeys", "user_id", "users", "user_id" },
  { "session_apps", "app_id", "apps", "app_id" },
  { "session_apps", "user_id", "users", "user_id" },
  { "sessions", "user_id", "users", "user_id" },
}

-- Each counts what is wrong.
local COUNTS = {
  ["app_counts"] = [[SELECT count(*) FROM app_counts c WHERE c.apps <>
    (SELECT count(*) FROM apps a WHERE a.active AND a.public = (c.kind = 'listed'))]],
  ["apps.user_count"] = [[SELECT count(*) FROM apps a WHERE a.user_count <>
    (SELECT count(*) FROM authorizations z WHERE z.app_id = a.app_id AND z.revoked_at IS NULL)]],
  ["authorizations.is_counted"] =
    "SELECT count(*) FROM authorizations WHERE is_counted <> (revoked_at IS NULL)",
  ["apps without app_search, or the reverse"] =
    "SELECT abs((SELECT count(*) FROM apps) - (SELECT count(*) FROM app_search))",
}

local function questions()
  local list = {}
  for _, owner in ipairs(OWNERS) do
    local rows, column, owners, key, only = unpack(owner)
    only = (only or "1 = 1"):gsub("NOW", tostring(os.time()))
    list[("%s.%s of no %s"):format(rows, column, owners)] = ([[SELECT count(*) FROM %s x WHERE %s AND NOT EXISTS
      (SELECT 1 FROM %s o WHERE o.%s = x.%s)]]):format(rows, only, owners, key, column)
  end
  for what, sql in pairs(COUNTS) do
    list[what] = sql
  end
  return list
end

function truth.wrong(ask)
  local wrong, all = {}, {}
  for _, sql in pairs(questions()) do
    all[#all + 1] = "(" .. sql .. ")"
  end
  if ask("SELECT " .. table.concat(all, " + ")) == 0 then
    return wrong
  end
  for what, sql in pairs(questions()) do
    local count = ask(sql)
    wrong[what] = count ~= 0 and count or nil
  end
  return wrong
end

function truth.check(server)
  local wrong = truth.wrong(function(sql)
    return lock.number(server, sql)
  end)
  local said = {}
  for what, count in pairs(wrong) do
    said[#said + 1] = what .. ": " .. count
  end
  table.sort(said)
  assert(#said == 0, "not true: " .. table.concat(said, "; "))
end

return truth
