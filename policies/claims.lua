-- What an app is told about the user.

local time = require "moonlatch.time"

-- The answer of /idp/userinfo. `sub` must stay as it is: it is how apps know their users again.
-- facts.scopes are the token's, for claims that not every app shall see.
local function userinfo(facts)
  return {
    sub = facts.user.user_id,
    username = facts.user.username,
    created_at = time.rfc3339(facts.user.created_at),
  }
end

-- What an id_token says beside the protocol's own claims: what the app asked for there by name (OpenID Connect's
-- parameter `claims`), of what userinfo would say.
local function id_token(facts)
  local asked, claims = facts.claims and facts.claims.id_token, {}
  local known = asked and userinfo(facts)
  for name in pairs(asked or {}) do
    claims[name] = known[name]
  end
  return claims
end

return { userinfo = userinfo, id_token = id_token }
