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
