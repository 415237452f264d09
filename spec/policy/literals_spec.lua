-- LuaJIT opens its FFI by itself at a literal such as 1ULL or 2i, and what it keeps for it was freed under it
-- (LuaJIT#1168): no file that the server reads may hold one, whoever reads it.
local cli = require "helpers.cli"
local http = require "helpers.http"
local server_helper = require "helpers.server"
local sys = require "helpers.sys"

local LITERALS = { "1LL", "0ull", "7ULL", "8LLU", "0x9llu", "0xffLL", "0X1Full", "2i", "1.5I", "0x10i", "1e-3i", ".5i" }
local WHY = "a number with LL, ULL or i is not allowed here"

-- Where a literal may stand, and the line that is to be told; %s is the literal.
local KINDS = {
  { "claims.lua", "local one = %s\nreturn { userinfo = function() return { sub = 'x' } end }", 1 },
  { "login.lua", "return { methods = { 'hotkey' }, allow = function(facts)\n  return facts.now %%%% %s == 0 end }", 2 },
  { "scopes.lua", "\n\nreturn { catalog = { { name = 'a', description = 'b', privileged = %s } } }", 3 },
  { "settings.lua", "return {\n  workers = %s }", 2 },
}

describe("A literal of LuaJIT's FFI", function()
  local server, templates
  lazy_setup(function()
    templates = sys.directory()
    sys.run { "mkdir", templates .. "/texts" }
    server = server_helper.start { policies = {}, args = { "--templates", templates } }
  end)
  lazy_teardown(function()
    server:stop()
    sys.run { "rm", "-r", templates }
  end)

  local function version()
    return http.get(server, "/metrics").body:match('moonlatch_policy_info{version="(%x+)"} 1')
  end

  -- SIGHUP, and what came of it.
  local function hung_up()
    local failures = http.metric(server, "moonlatch_reload_failures_total")
    server.process:signal(sys.HUP)
    http.metric_until(server, "moonlatch_reload_failures_total", function(count)
      return count == failures + 1
    end)
    return http.get(server, "/metrics").body:match('moonlatch_reload_error_info{message="(.-)"} 1\n')
  end

  for _, kind in ipairs(KINDS) do
    local name, text, line = unpack(kind)
    it("in " .. name .. " is refused with file and line, and the old ones go on", function()
      local path = server.policies_directory .. "/" .. name
      local before, first = sys.read_file(path), version()
      local wanted = ("policies/%s:%d: %s"):format(name, line, WHY)
      local function refused(...)
        local code, _, err = cli.run(server.state, "policy", ...)
        assert.equal(1, code)
        assert.matches(wanted, err, 1, true)
      end
      for _, literal in ipairs(LITERALS) do
        sys.write_file(path, text:format(literal))
        refused("check", server.policies_directory)
        assert.matches(wanted, hung_up(), 1, true)
        assert.equal(first, version())
        assert.equal(200, http.get(server, "/readyz").status)
      end
      for _, command in ipairs { "test", "reload", "shadow", "replay" } do
        refused(command, command ~= "reload" and server.policies_directory or nil)
      end
      refused("eval", "tokens.lifetimes", "{}", "--policies", server.policies_directory)
      sys.write_file(path, before)
      assert.equal(0, (cli.run(server.state, "policy", "reload")))
    end)
  end

  it("in a language is refused with file and line, and the old ones go on", function()
    for _, literal in ipairs(LITERALS) do
      sys.write_file(templates .. "/texts/fr.lua", "return {\n  ['Sign in'] = " .. literal .. " }")
      local wanted = "texts/fr.lua:2: " .. WHY
      assert.matches(wanted, hung_up(), 1, true)
      local code, _, err = cli.run(server.state, "policy", "reload")
      assert.equal(1, code)
      assert.matches(wanted, err, 1, true)
      assert.equal(200, http.get(server, "/readyz").status)
    end
    os.remove(templates .. "/texts/fr.lua")
    assert.equal(0, (cli.run(server.state, "policy", "reload")))
  end)

  it("in a spec beside a policy is a failure of that spec", function()
    local path = server.policies_directory .. "/mine_spec.lua"
    for _, literal in ipairs(LITERALS) do
      sys.write_file(path, "it('x', function()\n  assert.equal(1, " .. literal .. ")\nend)")
      local code, out = cli.run(server.state, "policy", "test", server.policies_directory)
      assert.equal(1, code)
      assert.matches("mine_spec.lua:2: " .. WHY, out, 1, true)
    end
    os.remove(path)
  end)

  it("is text in a text and in a comment, and a text is no such number", function()
    local path = server.policies_directory .. "/tokens.lua"
    local before = sys.read_file(path)
    sys.write_file(path, "--[[ 1LL ]] local text = '1ULL' -- 2i\n" .. [[
return { lifetimes = function()
  local n = tonumber("1LL") == nil and tonumber("2i") == nil and not pcall(function() return "1LL" + 0 end)
    and not pcall(bit.band, "1LL", 1) and ("%s"):format(text) == "1ULL" and 60 or 0
  return { access = n, refresh = n, id = n }
end }]])
    local answer = cli.ask(server.state, "policy", "eval", "tokens.lifetimes", "{}", "--policies",
      server.policies_directory)
    assert.same({ access = 60, refresh = 60, id = 60 }, answer.decision)
    for _ = 1, 3 do
      assert.equal(0, (cli.run(server.state, "policy", "reload")))
    end
    sys.write_file(path, before)
  end)
end)
