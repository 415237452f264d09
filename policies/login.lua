-- How users sign in.

-- May facts.user, who has just proven to be that user by facts.user.sign_in.method, sign in? With
-- false, a reason that the user will read.
local function allow(_)
  return true
end

-- Must facts.user, who has signed in by facts.user.sign_in.method, use a passkey, too? facts.passkeys is how many they
-- have; who has none makes one then. A passkey alone is never asked for another.
local function second_factor(_)
  return false
end

-- A passkey counts how often it is used; one whose count has not gone up may have been copied, unless it is synced
-- between devices, which do not count together. May facts.passkey be used all the same?
local function count_fell(facts)
  return facts.passkey.was_synced
end

return {
  -- So many attempts may fail, within so many seconds of the first, from one address (of IPv6 its /64), and from
  -- one address at one account that is named (a hotkey, a passkey; a fingerprint names none); then that address
  -- waits. 0: any number.
  limits = {
    address = { attempts = 50, seconds = 300 },
    account = { attempts = 20, seconds = 300 },
  },
  -- What the sign-in page offers; others are refused.
  methods = { "fingerprint", "hotkey", "passkey" },
  -- Whether a passkey as a second factor must also ask for PIN, finger or face: "required", or "preferred", where it
  -- can. One that signs in alone always must, and does so from the start where `methods` has "passkey".
  user_verification = "preferred",
  allow = allow,
  second_factor = second_factor,
  count_fell = count_fell,
}
