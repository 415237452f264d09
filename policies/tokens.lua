-- How long tokens live.

local time = require "moonlatch.time"

-- In seconds. A refresh token starts anew with each use, so `refresh` is how long an app may stay
-- away; its maker has chosen the days. A shorter life for a powerful token could be decided here:
-- facts.scopes are the ones granted.
local function lifetimes(facts)
  return {
    access = time.hour,
    refresh = facts.app.refresh_token_lifetime_days * time.day,
    id = time.hour,
  }
end

return { lifetimes = lifetimes }
