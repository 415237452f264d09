-- What a trial does, from its seed alone: which operation each client begins with which choices, which faults come in
-- which order, for how long, with which pauses. How they meet is the machine's affair, and no seed repeats that.
local ffi = require "ffi"

local plan = {}

local FACTOR, TERM = 6364136223846793005ULL, 1442695040888963407ULL -- Knuth's MMIX

-- A source of random numbers for one purpose: random(n) gives 1 … n, random() a number below 1.
local function stream(...)
  local state = 0ULL
  local function step()
    state = state * FACTOR + TERM
    return tonumber(bit.rshift(state, 33))
  end
  for _, number in ipairs { ... } do
    state = state + ffi.cast("uint64_t", number)
    step()
    step()
  end
  return function(n)
    local number = step()
    return n and number % n + 1 or number / 2 ^ 31
  end
end

-- One of a list, and one of { { weight, value }, … }.
function plan.pick(random, list)
  return list[random(#list)]
end

local function pick_weighted(random, weighted)
  local total = 0
  for _, one in ipairs(weighted) do
    total = total + one[1]
  end
  local at = random(total)
  for _, one in ipairs(weighted) do
    at = at - one[1]
    if at <= 0 then
      return one[2]
    end
  end
end

local OPERATIONS = {
  { 10, "begin" }, { 20, "refresh" }, { 6, "refresh_twice" }, { 6, "reuse" }, { 5, "code_twice" },
  { 4, "consent_twice" }, { 4, "device" }, { 3, "nonce_twice" }, { 3, "proof_twice" }, { 4, "revoke_access" },
  { 4, "revoke_family" }, { 2, "revoke_authorization" }, { 2, "sign_out" }, { 2, "switch_off" }, { 2, "secret" },
  { 4, "same_name" }, { 3, "describe" }, { 3, "share" }, { 1, "key" }, { 12, "look" },
}

-- The i-th step of a client: what it does, how long it pauses before, and a source for the choices within.
function plan.step(seed, client, i)
  local random = stream(seed, 1, client, i)
  return { operation = pick_weighted(random, OPERATIONS), pause_s = random() * 0.05, random = random }
end

-- Choices of those who do no steps: observers.
function plan.stream(seed, purpose, number)
  return stream(seed, purpose, number)
end

-- The faults, one after the other and never at an end: each of the list once, in another order each time.
-- → a function that gives { name, gap_s, random }
function plan.faults(seed, names)
  local round, left = 0, {}
  return function()
    if #left == 0 then
      round = round + 1
      local random = stream(seed, 2, round)
      for i, name in ipairs(names) do
        table.insert(left, random(i), name)
      end
      for i, name in ipairs(left) do
        left[i] = { name = name, gap_s = 0.3 + random() * 0.9, random = stream(seed, 3, round, i) }
      end
    end
    return table.remove(left, 1)
  end
end

return plan
