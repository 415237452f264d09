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

-- What an access token looks like may also be decided: "opaque" (without the function), or "jwt"
-- (RFC 9068) for those who want to read it without asking. Either is introspected and revoked in the
-- same way.
--   local function format(facts)
--     return list.has(facts.app.allowed_scopes, "chutes:write") and "jwt" or "opaque"
--   end

-- May facts.app have tokens for facts.resource (RFC 8707)? Without the function, for any.
--   local function resource(facts)
--     return facts.resource:find("^https://api%.example/") ~= nil, "There is no such resource."
--   end

-- May facts.app exchange facts.subject_token, which is facts.user's, for one of its own with facts.scopes (RFC 8693)?
-- Its own tokens, for ones that may do less.
local function exchange(facts)
  return facts.subject_token.client_id == facts.app.client_id, "An app may exchange its own tokens only."
end

return { lifetimes = lifetimes, exchange = exchange }
