-- A candidate beside the policies: what is compared, and what it may cost.
local cjson = require "cjson.safe"

local cli = require "helpers.cli"
local flow = require "helpers.flow"
local http = require "helpers.http"
local server_helper = require "helpers.server"
local sys = require "helpers.sys"

local root = server_helper.root

-- A shipped policy with one text in it replaced.
local function with(name, old, new)
  local text = sys.read_file(root .. "/policies/" .. name)
  local at, to = text:find(old, 1, true)
  return text:sub(1, assert(at) - 1) .. new .. text:sub(to + 1)
end

describe("policy shadow", function()
  local server, world, candidate
  lazy_setup(function()
    -- Much more than a candidate may take: one that is slow shall not be out of its time also where much else runs.
    server = server_helper.start { settings = { limits = { policy_call_ms = 100 } } }
    world = flow.world(server)
  end)
  lazy_teardown(function()
    server:stop()
  end)
  after_each(function()
    assert.equal(0, (cli.run(server.state, "policy", "shadow", "--off")))
    sys.run { "rm", "-r", candidate }
  end)

  -- Each file is as shipped but for what is given.
  local function begin(files)
    candidate = server_helper.policies(files)
    return cli.ask(server.state, "policy", "shadow", candidate)
  end

  local function status()
    return cli.ask(server.state, "policy", "shadow")
  end

  local function difference(name)
    return server:logged(function(entry)
      return entry.event == "shadow_difference" and (entry["function"] == name or entry.data == name)
    end)
  end

  it("says which data is another, at once and after a reload", function()
    local answer = begin {
      ["login.lua"] = with("login.lua", '{ "fingerprint", "hotkey", "passkey" }', '{ "passkey" }'):gsub("50", "51", 1),
      ["scopes.lua"] = with("scopes.lua", 'default = { "profile" }', 'default = { "openid" }')
        :gsub("See your balance", "See your money", 1),
    }
    local names = { "scopes.catalog", "scopes.default", "login.methods", "login.limits" }
    assert.same(names, answer.data_that_differs)
    assert.same(names, status().data_that_differs)
    for _, name in ipairs(names) do
      difference(name)
    end
    assert.equal(0, (cli.run(server.state, "policy", "reload")))
    assert.same(names, status().data_that_differs)
    begin {}
    assert.same({}, status().data_that_differs)
  end)

  it("asks for what only one of them has; the other's part is what holds without it", function()
    begin {
      ["claims.lua"] = with("claims.lua", ", id_token = id_token", ""),
      ["apps.lua"] = with("apps.lua", "return {\n  may_create", [[return {
        present = function(app) app.name = "x" return app end,
        may_create]]):gsub("  listing = listing,\n", ""),
      ["tokens.lua"] = with("tokens.lua", "return { ", 'return { format = function() return "jwt" end, '),
      ["login.lua"] = with("login.lua", "  second_factor = second_factor,\n", ""),
    }
    local claims = cjson.encode { id_token = { username = cjson.null } }
    local tokens = flow.tokens(server, world.app, world.cookie, { scope = "openid", claims = claims })
    assert.is_nil(tokens.access_token:find("^eyJ"))
    http.get(server, "/idp/apps", { cookie = world.cookie })
    assert.same({ '"opaque"', '"jwt"' }, { difference("tokens.format").live, difference("tokens.format").shadow })
    assert.equal("username", difference("claims.id_token").live)
    assert.equal("", difference("claims.id_token").shadow)
    assert.same({ "name", "name" }, { difference("apps.present").live, difference("apps.present").shadow })
    difference("apps.listing")
    assert.is_true(status().differences >= 4)
  end)

  it("finds no difference between a policy and itself, nor in a reason that nobody reads", function()
    begin { ["login.lua"] = with("login.lua", "return true", 'return true, "for a reason"') }
    flow.login(server, world.app, world.user)
    local tokens = flow.tokens(server, world.app, world.cookie, { scope = "openid" })
    http.get(server, "/idp/userinfo", { bearer = tokens.access_token })
    http.get(server, "/idp/apps", { cookie = world.cookie })
    local now = status()
    assert.is_true(now.decisions > 5)
    assert.same({ 0, 0, cjson.null }, { now.differences, now.failures, now.stopped })
  end)

  for what, body in pairs {
    ["loops"] = "while true do end",
    ["fails"] = "error('not today')",
    ["is slow"] = "for i = 1, 1.2e6 do facts.n = i end",
    ["answers in another shape"] = "do return 1 end",
  } do
    it("asks a candidate no more that " .. what .. ", says so, and logs nobody's facts", function()
      local tokens = flow.tokens(server, world.app, world.cookie, { scope = "openid profile" })
      local head = "local function userinfo(facts)\n"
      begin { ["claims.lua"] = with("claims.lua", head, head .. "  " .. body .. "\n") }
      local before = #server:log()
      for i = 1, 40 do
        local answer = http.get(server, "/idp/userinfo", { bearer = tokens.access_token })
        assert.same({ 200, world.user.username }, { answer.status, answer.json.username })
        if i == 1 then
          assert.same({ 1, cjson.null }, { status().failures, status().stopped })
        end
      end
      local now = status()
      assert.equal(20, now.failures)
      assert.matches("claims", now.stopped)
      assert.equal(12, #now.shadow_version)
      assert.matches("moonlatch_shadow_stopped_info{message=", http.get(server, "/metrics").body, 1, true)
      server:logged(function(entry)
        return entry.event == "shadow_stopped" and entry["function"] == "claims.userinfo"
      end)
      for i, entry in ipairs(server:log()) do
        if i > before and entry.event:find("shadow") then
          assert.is_nil(cjson.encode(entry):find(world.user.username, 1, true))
          assert.is_nil(entry.facts)
        end
      end
      -- it stays so over a reload; another one begins anew
      assert.equal(0, (cli.run(server.state, "policy", "reload")))
      http.get(server, "/idp/userinfo", { bearer = tokens.access_token })
      assert.same({ 20, now.decisions }, { status().failures, status().decisions })
      begin {}
      http.get(server, "/idp/userinfo", { bearer = tokens.access_token })
      assert.same({ 1, 0, cjson.null }, { status().decisions, status().failures, status().stopped })
      assert.is_nil(http.get(server, "/metrics").body:find("moonlatch_shadow_stopped_info{", 1, true))
    end)
  end

  it("logs the first 200 differences, and counts the others", function()
    begin { ["claims.lua"] = with("claims.lua", "local function userinfo(facts)\n",
      "local function userinfo(facts)\n  facts.user.username = 'x'\n") }
    local tokens = flow.tokens(server, world.app, world.cookie, { scope = "openid profile" })
    local before = #server:log()
    for _ = 1, 210 do
      http.get(server, "/idp/userinfo", { bearer = tokens.access_token })
    end
    assert.equal(210, status().differences)
    local lines = 0
    for i, entry in ipairs(server:log()) do
      lines = lines + (i > before and entry.event == "shadow_difference" and 1 or 0)
    end
    assert.equal(200, lines)
  end)

  it("has no status without a candidate", function()
    candidate = sys.directory()
    assert.same({ cjson.null, nil }, { status().shadow_version, status().decisions })
  end)
end)
