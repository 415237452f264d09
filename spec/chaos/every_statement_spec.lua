-- Every statement that writes, in a batch whose answer is lost behind the commit: who asks again is served, or is told
-- that it is done; nobody is thrown out, and nothing is counted twice. Also in one that fails before, and in one that
-- is run twice. On a build with -DFAULTS=ON (engine/store/faults.h).
local ffi = require "ffi"

local flow = require "helpers.flow"
local flows = require "chaos.flows"
local http = require "helpers.http"
local lock = require "helpers.lock"
local receiver = require "helpers.receiver"
local server_helper = require "helpers.server"
local sys = require "helpers.sys"

ffi.cdef "int setenv(const char *name, const char *value, int overwrite);"

-- Statements apart, and why.
local APART = { untold_insert = "it follows on each answer that is lost for good, until it is written" }
for _, name in ipairs { "leftover_authorization_delete", "leftover_app_shares_delete", "leftover_api_key_delete",
  "leftover_passkey_delete", "user_count_mend", "authorizations_counted_mend", "app_counts_mend" } do
  APART[name] = "upkeep, which comes again as sweeps do"
end

-- What the tree does not keep yet, with why: it is told, and fails nothing.
local KNOWN = {}

local TOKENS = [[
  return { lifetimes = function() return { access = 3600, refresh = 86400, id = 3600 } end,
    exchange = function() return true end }
]]

-- The names of all statements that write, from their files; sweeps apart, which nobody waits for.
local function statements_that_write()
  local names, is_sweep = {}, "^sweep_"
  local files = io.popen("cat " .. server_helper.root .. "/sql/statements/*.sql")
  local name
  for line in files:lines() do
    name = line:match("^%-%- name: ([%w_]+)") or name
    local is_writing = line:find("^%s*INSERT ") or line:find("^%s*UPDATE ") or line:find("^%s*DELETE ")
    if is_writing and name and not name:find(is_sweep) then
      names[#names + 1] = name
      name = nil
    end
  end
  files:close()
  return names
end

describe("An answer that is lost", function()
  local world, faults_file
  setup(function()
    faults_file = sys.directory() .. "/fault"
    sys.write_file(faults_file, "")
    ffi.C.setenv("MOONLATCH_FAULTS", faults_file, 1)
    sys.run { "chmod", "777", faults_file, (faults_file:gsub("/[^/]+$", "")) }
    local server = server_helper.start { args = { "--no-confine" }, settings = { outgoing_private = true,
      limits = { outgoing_timeout_ms = 500 } }, policies = { ["tokens.lua"] = TOKENS, ["tokens_spec.lua"] = "" } }
    world = { server = server, web = receiver.start() }
    world.user = flow.user(server, { roles = { "unlimited_dev" } })
    world.app = flow.app(server, world.user, { allowed_scopes = { "profile" }, grant_types = { "authorization_code",
      "refresh_token", "client_credentials", "urn:ietf:params:oauth:grant-type:device_code",
      "urn:ietf:params:oauth:grant-type:token-exchange" } })
    world.cookie = flow.sign_in(server, world.app, world.user)
  end)
  teardown(function()
    sys.write_file(faults_file, "")
    world.web:stop()
    world.server:stop()
    sys.run { "rm", "-rf", (faults_file:gsub("/[^/]+$", "")) }
  end)

  -- What a page or JSON says.
  local function words(answer)
    return answer.status .. " " .. (answer.body:match("<main.*") or answer.body):gsub("<[^>]*>", " "):gsub("%s+", " ")
      :sub(1, 300)
  end

  -- kind: "lose", "fail" or "twice"
  local function attempt_with(kind, statement)
    local attempt = {}
    local function arm()
      sys.write_file(faults_file, kind == "twice" and "twice\n" or kind .. " " .. statement .. "\n")
    end
    local function was_hit()
      return kind == "twice" or sys.read_file(faults_file) == ""
    end
    local function asked(send, first, again)
      arm()
      local answer = send()
      assert(was_hit(), "the flow does not reach " .. tostring(statement))
      local is_told = kind ~= "twice" and answer.status ~= first
      if is_told then
        assert(answer.status == 503 or answer.status == 400, words(answer))
        assert(answer.headers["retry-after"], "without Retry-After")
        answer = send()
      end
      sys.write_file(faults_file, "")
      local is_right = answer.status == first or is_told and kind == "lose" and answer.status == again
      assert(is_right, (is_told and "asked again: " or "at once: ") .. words(answer))
      return answer
    end
    function attempt.until_seen(act, is_seen, hurry)
      arm()
      act()
      http.ask_until(function()
        if hurry and was_hit() then
          lock.change(world.server, hurry)
        end
        return is_seen() and was_hit()
      end, function(is_true)
        return is_true
      end)
      sys.write_file(faults_file, "")
    end
    return setmetatable(attempt, { __call = function(_, ...)
      return asked(...)
    end })
  end

  local function try(one, kind, statement)
    local name = kind .. " " .. (statement or one.name)
    if not KNOWN[name] then
      one.run(world, attempt_with(kind, statement))
      return
    end
    local is_right = pcall(one.run, world, attempt_with(kind, statement))
    print(("# known: %s (%s)%s"):format(name, KNOWN[name], is_right and ": is right now" or ""))
  end

  for _, one in ipairs(flows) do
    for _, kind in ipairs { "lose", "fail" } do
      for _, statement in ipairs(one.statements) do
        it(("(%s %s): %s"):format(kind, statement, one.name), function()
          try(one, kind, statement)
        end)
      end
    end
    it(("(twice): %s"):format(one.name), function()
      try(one, "twice")
    end)
  end

  -- The second of two that came at once was told to nobody, the first was.
  it("takes back no rotation that somebody was told of", function()
    local first = flow.tokens(world.server, world.app, world.cookie)
    local form = flow.refresh_form(world.app, first.refresh_token)
    assert.equal(200, flow.token(world.server, form).status)
    sys.write_file(faults_file, "lose refresh_token_rotate\n")
    assert.equal(503, flow.token(world.server, form).status)
    lock.change(world.server, "UPDATE refresh_tokens SET rotated_at = rotated_at - 100")
    local is_alive = http.ask_until(function()
      return lock.number(world.server, "SELECT count(*) FROM untold")
    end, function(count)
      return count > 0
    end) and flow.token(world.server, form).status == 200
    if is_alive and KNOWN.rotation then
      print("# known: " .. KNOWN.rotation)
    else
      assert.is_false(is_alive)
    end
  end)

  it("is tried at every statement that writes", function()
    local reached = {}
    for _, one in ipairs(flows) do
      for _, statement in ipairs(one.statements) do
        reached[statement] = true
      end
    end
    for _, name in ipairs(statements_that_write()) do
      assert.is_truthy(reached[name] or APART[name], name .. " is in no flow (spec/chaos/flows.lua)")
    end
  end)
end)
