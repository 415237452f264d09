-- The tables when the servers have ended: { [table] = { [key] = true } }, and what is wrong in them.
local lock = require "helpers.lock"
local postgres = require "helpers.postgres"

local rows = {}

local KEYS = { users = "user_id", apps = "app_id", app_shares = "app_id || ' ' || user_id", access_tokens = "token_id",
  refresh_tokens = "token_id", sessions = "session_id", api_keys = "key_id", audit = "request_id" }

-- Each question counts what must not be.
local TRUTH = {
  ["app_counts"] = [[SELECT count(*) FROM app_counts c WHERE apps <> (SELECT count(*) FROM apps a
    WHERE a.active AND a.public = (c.kind = 'listed'))]],
  ["user_count"] = [[SELECT count(*) FROM apps a WHERE user_count <> (SELECT count(*) FROM authorizations z
    WHERE z.app_id = a.app_id AND z.revoked_at IS NULL)]],
  ["names of apps"] = "SELECT count(*) - count(DISTINCT name_key) FROM apps",
  ["authorizations of no app"] = "SELECT count(*) FROM authorizations WHERE app_id NOT IN (SELECT app_id FROM apps)",
  ["shares of no app or user"] = [[SELECT count(*) FROM app_shares WHERE app_id NOT IN (SELECT app_id FROM apps)
    OR user_id NOT IN (SELECT user_id FROM users)]],
  ["access tokens of no grant"] =
    "SELECT count(*) FROM access_tokens WHERE grant_id NOT IN (SELECT grant_id FROM grants)",
  ["refresh tokens of no grant"] =
    "SELECT count(*) FROM refresh_tokens WHERE grant_id NOT IN (SELECT grant_id FROM grants)",
  ["sessions of no user"] = "SELECT count(*) FROM sessions WHERE user_id NOT IN (SELECT user_id FROM users)",
  ["API keys of no user"] = "SELECT count(*) FROM api_keys WHERE user_id NOT IN (SELECT user_id FROM users)",
  ["redeemed grants without their token"] = [[SELECT count(*) FROM grants WHERE redeemed_by IS NOT NULL
    AND redeemed_by NOT IN (SELECT token_id FROM access_tokens)]],
  ["rotated tokens without their successor"] = [[SELECT count(*) FROM refresh_tokens WHERE rotated_by IS NOT NULL
    AND rotated_by NOT IN (SELECT token_id FROM refresh_tokens)]],
}

local function read_text(trial, sql)
  if trial.url then
    return postgres.sql(trial.url, sql)
  end
  return lock.text(trial, sql)
end

function rows.read(trial)
  local read = { wrong = {} }
  for name, key in pairs(KEYS) do
    read[name] = {}
    for text in read_text(trial, ("SELECT %s FROM %s"):format(key, name)):gmatch("[^\n]+") do
      read[name][text] = true
    end
  end
  for what, sql in pairs(TRUTH) do
    local count = tonumber(read_text(trial, sql))
    if count ~= 0 then
      read.wrong[what] = count
    end
  end
  return read
end

return rows
