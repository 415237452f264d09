-- moonlatch policy test: the specs beside the policies, in their sandbox.
local cjson = require "cjson.safe"

local cli = require "helpers.cli"
local flow = require "helpers.flow"
local http = require "helpers.http"
local server_helper = require "helpers.server"
local sys = require "helpers.sys"

describe("policy test", function()
  local directory, state
  before_each(function()
    directory, state = server_helper.policies {}, sys.directory()
  end)
  after_each(function()
    sys.run { "rm", "-r", directory, state }
  end)

  local function test(text)
    if text then
      sys.run { "sh", "-c", "rm " .. directory .. "/*_spec.lua" }
      sys.write_file(directory .. "/mine_spec.lua", text)
    end
    local code, out, err = cli.run(state, "policy", "test", directory, "--json")
    return code, cjson.decode(out), err
  end

  it("the shipped policies pass theirs", function()
    local code, result = test()
    assert.same({ 0, 0 }, { code, result.failed }, cjson.encode(result.failures))
    assert.is_true(result.passed >= 15)
    local _, out = cli.run(state, "policy", "test", directory)
    assert.equal(result.passed .. " passed, 0 failed\n", out)
  end)

  it("names what failed, with its line", function()
    local code, result = test [[
local testing = require "moonlatch.testing"
local scopes = require "policies.scopes"
describe("outer", function()
  it("fails", function()
    assert.equal("x", scopes.grant(testing.facts()).granted[1])
  end)
  it("passes", function()
    assert.same({ "profile" }, scopes.grant(testing.facts()).granted)
  end)
  it("breaks", function()
    local nothing
    return nothing.x
  end)
end)]]
    assert.same({ 1, 1, 2 }, { code, result.passed, result.failed })
    assert.equal("outer fails", result.failures[1].name)
    assert.matches('mine_spec.lua:5: expected "x", got "profile"$', result.failures[1].message)
    assert.matches("mine_spec.lua:12: attempt to index", result.failures[2].message)
  end)

  it("ends what does not end, and goes on", function()
    local code, result = test [[
it("loops", function() while true do end end)
it("eats", function() local t = {} while true do t[#t + 1] = ("x"):rep(1000) end end)
it("passes", function() assert.is_true(true) end)]]
    assert.same({ 1, 1, 2 }, { code, result.passed, result.failed })
    assert.matches("mine_spec.lua:1: took longer", result.failures[1].message)
  end)

  it("has busted's words, and the sandbox's limits", function()
    local code, result = test [[
local order = {}
describe("words", function()
  before_each(function() order[#order + 1] = "outer" end)
  describe("inner", function()
    before_each(function() order[#order + 1] = "inner" end)
    it("in order", function() assert.same({ "outer", "inner" }, order) end)
  end)
  pending("later", function() end)
  it("the rest", function()
    assert.not_equal(1, 2)
    assert.is_nil(nil)
    assert.is_not_nil(1)
    assert.truthy(1)
    assert.falsy(nil)
    assert.matches("^a", "abc")
    assert.has_error(function() error("no", 0) end, "no")
    assert(true)
    assert.has_error(function() assert.equal(1, 2) end)
    assert.has_error(function() assert.same({ a = { 1 } }, { a = { 2 } }) end)
    assert.has_error(function() return os.execute("true") end)
    assert.has_error(function() return io end)
    assert.has_error(function() return require("ffi") end)
  end)
end)]]
    assert.same({ 0, 2, 0 }, { code, result.passed, result.failed }, cjson.encode(result.failures))
  end)

  -- A spec that is green although a server would deny is worse than none.
  local function replaced(name, old, new)
    local text = sys.read_file(server_helper.root .. "/policies/" .. name)
    local at, to = text:find(old, 1, true)
    sys.write_file(directory .. "/" .. name, text:sub(1, assert(at) - 1) .. new .. text:sub(to + 1))
  end

  local function fails(name, body, why)
    replaced(name[1], name[2], name[2] .. "\n" .. body)
    local code, result = test(([[
local testing = require "moonlatch.testing"
local policy = require "policies.%s"
it("is green", function() %s end)
it("goes on", function() assert.is_true(true) end)]]):format(name[1]:gsub("%.lua", ""), name[3]))
    assert.same({ 1, 1, 1 }, { code, result.passed, result.failed })
    assert.matches(why, result.failures[1].message)
  end

  local ALLOW = { "login.lua", "local function allow(_)", "assert.truthy(policy.allow(testing.facts()))" }
  local USERINFO = { "claims.lua", "local function userinfo(facts)",
    "assert.truthy(policy.userinfo(testing.facts()).sub)" }

  it("calls with the time that a server gives", function()
    fails(ALLOW, "for _ = 1, 1e8 do end", "login.lua:%d+: took longer than 20 ms")
  end)

  it("calls with the memory that a server gives", function()
    fails(ALLOW, "local t = {} for i = 1, 1e5 do t[i] = i end",
      "made a string, table or call stack larger than 256 KiB")
  end)

  it("holds decisions to their shape", function()
    fails(ALLOW, "do return 1 end", "policies/login.lua:%d+: login.allow: its result must be true or false")
  end)

  it("tells a function the facts that a server tells it", function()
    fails(USERINFO, "do return { sub = facts.app.name } end",
      "claims.lua:%d+: claims.userinfo: its result%.sub is missing")
  end)

  it("has no facts that are misspelt, in a spec", function()
    fails({ ALLOW[1], ALLOW[2], "policy.allow(testing.facts { user = { rolls = {} } })" }, "",
      "mine_spec.lua:3: there is no fact user.rolls")
  end)

  it("has no facts that are misspelt, in a policy", function()
    fails(USERINFO, "if facts.user.rolls then return nil end",
      "claims.lua:%d+: there is no fact facts.user.rolls %(known: user_id, ")
  end)

  it("sees what is remembered all the same", function()
    replaced("login.lua", "local function allow(_)", [[local seen = { n = 0 }
      local function put(t, k, v) t[k] = v end
      local function allow(_) put(seen, "n", seen.n + 1)]])
    local code, result = test [[
local testing, login = require "moonlatch.testing", require "policies.login"
it("is green", function() assert.is_true(login.allow(testing.facts())) end)
it("goes on", function() assert.is_true(true) end)]]
    assert.same({ 1, 1, 1 }, { code, result.passed, result.failed })
    assert.matches("mine_spec.lua:1: a table that a policy keeps", result.failures[1].message)
  end)

  it("has the facts of one function by its name", function()
    local code, result = test [[
local testing = require "moonlatch.testing"
it("tells those alone", function()
  local facts = testing.facts("claims.userinfo", { user = { roles = { "x" } } })
  assert.same({ "x" }, facts.user.roles)
  assert.same({ app_id = facts.app.app_id, client_id = facts.app.client_id }, facts.app)
  assert.is_nil(facts.grant_type)
  assert.equal("authorization_code", testing.facts("scopes.grant").grant_type)
  assert.has_error(function() testing.facts("scopes.grnat") end)
  assert.has_error(function() testing.user { rolls = {} } end)
end)]]
    assert.same({ 0, 1, 0 }, { code, result.passed, result.failed }, cjson.encode(result.failures))
  end)

  it("says what is wrong with a spec that does not load, or policies that do not", function()
    local code, result = test "it('x', function("
    assert.equal(1, code)
    assert.matches("mine_spec.lua:1: ", result.failures[1].message)
    sys.write_file(directory .. "/tokens.lua", "return {")
    local refused, nothing, err = test "it('x', function() end)"
    assert.same({ 1, nil }, { refused, nothing })
    assert.matches("tokens.lua:1: ", err)
  end)
end)

describe("policy_tests = true", function()
  it("takes new policies only if their specs pass", function()
    local server = server_helper.start { settings = { policy_tests = true }, policies = {} }
    local world = flow.world(server)
    local function reload(days)
      local text = "return { lifetimes = function() return { access = 3600, refresh = %d * 86400, id = 3600 } end }"
      sys.write_file(server.policies_directory .. "/tokens.lua", text:format(days))
      return cli.run(server.state, "policy", "reload")
    end
    local code, _, err = reload(8)
    assert.equal(1, code)
    assert.matches("tokens_spec.lua:6: expected", err)
    assert.equal(0, http.metric(server, "moonlatch_reloads_total"))
    assert.equal(3600, flow.tokens(server, world.app, world.cookie).expires_in)
    assert.equal(0, (reload(7)))
    assert.equal(1, http.metric(server, "moonlatch_reloads_total"))
    server:stop()
  end)
end)
