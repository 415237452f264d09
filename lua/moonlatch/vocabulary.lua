-- The words of a policy's spec, which are busted's: describe, it, before_each, pending, assert.…
-- `moonlatch policy test` fills the environment of a spec file with them; no file needs to require it.

local vocabulary = {}

local function show(value)
  if type(value) ~= "table" then
    return type(value) == "string" and '"' .. value .. '"' or tostring(value)
  end
  local parts = {}
  for name, item in pairs(value) do
    parts[#parts + 1] = (type(name) == "string" and name .. " = " or "") .. show(item)
  end
  return "{ " .. table.concat(parts, ", ") .. " }"
end

local function same(a, b)
  if type(a) ~= "table" or type(b) ~= "table" then
    return a == b
  end
  for name, value in pairs(a) do
    if not same(value, b[name]) then
      return false
    end
  end
  for name in pairs(b) do
    if a[name] == nil then
      return false
    end
  end
  return true
end

-- Fails at the line of the spec.
local function expect(holds, expected, got)
  if not holds then
    error("expected " .. expected .. ", got " .. show(got), 3)
  end
end

local asserts = {}

function asserts.equal(expected, got)
  expect(expected == got, show(expected), got)
end

function asserts.not_equal(unexpected, got)
  expect(unexpected ~= got, "anything but " .. show(unexpected), got)
end

function asserts.same(expected, got)
  expect(same(expected, got), show(expected), got)
end

function asserts.is_true(got)
  expect(got == true, "true", got)
end

function asserts.is_false(got)
  expect(got == false, "false", got)
end

function asserts.is_nil(got)
  expect(got == nil, "nil", got)
end

function asserts.is_not_nil(got)
  expect(got ~= nil, "something", got)
end

function asserts.truthy(got)
  expect(got, "something true", got)
end

function asserts.falsy(got)
  expect(not got, "false or nil", got)
end

function asserts.matches(pattern, got)
  expect(type(got) == "string" and got:find(pattern) ~= nil, "a text like " .. show(pattern), got)
end

function asserts.has_error(call, message)
  local held, got = pcall(call)
  expect(not held and (message == nil or got == message), message and show(message) or "an error", got)
end

-- Puts the words into `env`. Returns count(), and run(i) → the name of test i, having run it: it raises what failed.
function vocabulary.fill(env)
  local tests, path, befores = {}, {}, {}

  function env.describe(name, body)
    path[#path + 1] = name
    local outer = #befores
    body()
    while #befores > outer do
      befores[#befores] = nil
    end
    path[#path] = nil
  end

  function env.before_each(body)
    befores[#befores + 1] = body
  end

  function env.it(name, body)
    local before = {}
    for at, one in ipairs(befores) do
      before[at] = one
    end
    tests[#tests + 1] = { name = table.concat(path, " ") .. " " .. name, before = before, body = body }
  end

  function env.pending(_, _) end

  env.context = env.describe
  env.assert = setmetatable(asserts, {
    __call = function(_, ...)
      return assert(...)
    end,
  })

  local function count()
    return #tests
  end

  local function name(at)
    return tests[at].name
  end

  local function run(at)
    for _, before in ipairs(tests[at].before) do
      before()
    end
    tests[at].body()
  end

  return count, name, run
end

return vocabulary
