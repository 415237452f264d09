-- The tables when the servers have ended: { [table] = { [key] = true } }, and in `wrong` what is
-- not true of them.
local lock = require "helpers.lock"
local postgres = require "helpers.postgres"
local truth = require "helpers.truth"

local rows = {}

local KEYS = { users = "user_id", apps = "app_id", app_shares = "app_id || ' ' || user_id", access_tokens = "token_id",
  refresh_tokens = "token_id", sessions = "session_id", api_keys = "key_id", audit = "request_id" }

local function read_text(trial, sql)
  if trial.url then
    return postgres.sql(trial.url, sql)
  end
  return lock.text(trial, sql)
end

function rows.read(trial)
  local read = {}
  for name, key in pairs(KEYS) do
    read[name] = {}
    for text in read_text(trial, ("SELECT %s FROM %s"):format(key, name)):gmatch("[^\n]+") do
      read[name][text] = true
    end
  end
  read.wrong = truth.wrong(function(sql)
    return tonumber(read_text(trial, sql))
  end)
  return read
end

return rows
