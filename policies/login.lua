-- How users sign in.

-- May facts.user, who has just proven to be that user by facts.user.sign_in.method, sign in? With
-- false, a reason that the user will read.
local function allow(_)
  return true
end

return {
  -- What the sign-in page offers.
  methods = { "fingerprint", "hotkey" },
  allow = allow,
}
