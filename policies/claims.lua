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

return { userinfo = userinfo }
