-- How much one person may have here. The operator's command line is not asked: it may make more.

-- Of facts.user: apps, redirect URIs of an app (10 are the most), API keys, passkeys, and sessions at once,
-- the oldest of which ends when one more begins. What is left out is as below. Who has more already keeps it.
local function limits(_)
  return { apps = 100, redirect_uris = 10, api_keys = 100, passkeys = 20, sessions = 100 }
end

return { limits = limits }
