-- policy eval, explain, shadow and replay: what a policy decides, decided, and would decide.
local cjson = require "cjson.safe"

local cli = require "helpers.cli"
local flow = require "helpers.flow"
local http = require "helpers.http"
local server_helper = require "helpers.server"
local shape = require "helpers.shape"
local sys = require "helpers.sys"

local STRICT = [[
  local base = require "moonlatch.list"
  return {
    catalog = { { name = "openid", description = "Sign you in" }, { name = "profile", description = "See you" } },
    default = { "profile" },
    describe = function(name) return (name == "openid" or name == "profile") and name or nil end,
    may_register = function() return true end,
    permits = function(scopes, need) return base.has(scopes, need.type .. ":" .. need.action) end,
    grant = function(facts)
      if base.has(facts.requested, "openid") then return { denied = "openid", reason = "Not today." } end
      return { granted = facts.requested }
    end,
  }
]]

describe("The operator's workbench", function()
  local server, world, candidate
  lazy_setup(function()
    server = server_helper.start()
    world = flow.world(server)
    candidate = server_helper.policies { ["scopes.lua"] = STRICT }
    -- the default consent policy groups by what the default scopes policy offers
    sys.write_file(candidate .. "/consent.lua", [[return {
      decide = function() return "ask" end,
      page = function() return { title = "x", groups = {} } end,
    }]])
  end)
  lazy_teardown(function()
    server:stop()
    sys.run { "rm", "-r", candidate }
  end)

  local function run(...)
    local code, out, err = cli.run(server.state, "policy", ...)
    return code, cjson.decode(out), err
  end

  describe("policy eval", function()
    it("makes one decision", function()
      local code, answer = run("eval", "scopes.grant", cjson.encode {
        requested = { "openid", "chutes:write" }, app = { allowed_scopes = { "chutes:write" } }, user = { roles = {} },
      }, "--json")
      assert.equal(0, code)
      assert.same({ granted = { "openid", "chutes:write" } }, answer.decision)
      code, answer = run("eval", "apps.redirect_uri", '{"redirect_uri":"http://x.example/"}', "--json")
      assert.equal(0, code)
      assert.is_false(answer.decision)
      assert.matches("must be on 127", answer.reason)
      code, answer = run("eval", "scopes.permits", '[["admin"],{"type":"account","action":"read"}]', "--json")
      assert.same({ 0, true }, { code, answer.decision })
    end)

    it("of a candidate, too", function()
      local code, answer = run("eval", "scopes.grant", '{"requested":["openid"]}', "--policies", candidate, "--json")
      assert.equal(0, code)
      assert.same({ denied = "openid", reason = "Not today." }, answer.decision)
    end)

    it("says why not", function()
      for _, case in ipairs {
        { { "scopes.grant", "{}" }, "policies/scopes.lua:%d+: " },
        { { "scopes.nothing", "{}" }, "no function scopes.nothing" },
        { { "tokens.format", "{}" }, "no function tokens.format" },
        { { "scopes.grant", "{" }, "not JSON" },
      } do
        local code, answer, err = run("eval", unpack(case[1]))
        assert.same({ 1, nil }, { code, answer })
        assert.matches(case[2], err)
      end
    end)
  end)

  -- The audit log writes behind the answers.
  local function explained(id)
    local code, answer
    http.ask_until(function()
      code, answer = run("explain", "--request", id, "--json")
      return code
    end, function(status)
      return status == 0
    end)
    assert.equal(0, code)
    return answer
  end

  describe("policy explain", function()
    it("shows facts, decision and version of what was issued", function()
      local code = flow.code(server, world.app, world.cookie, { scope = "openid" })
      local answer = flow.token(server, flow.code_form(world.app, code))
      shape.ok(answer)
      local record = explained(answer.headers["x-request-id"])[1]
      assert.same({ "token", "openid", world.user.username, world.app.app_id, "127.0.0.1" },
        { record.kind, record.detail, record.username, record.app_id, record.address })
      assert.equal(12, #record.policy_version)
      local by_function = {}
      for _, decision in ipairs(record.decisions) do
        by_function[decision["function"]] = decision
      end
      local grant = by_function["scopes.grant"]
      assert.same({ { granted = { "openid" } } }, grant.outcome)
      assert.same({ "openid" }, grant.facts.requested)
      assert.is_number(grant.us)
      assert.is_truthy(by_function["tokens.lifetimes"])
    end)

    it("shows why something was refused", function()
      local answer = flow.authorize(server, world.app, { scope = "admin" }, { cookie = world.cookie })
      local record = explained(answer.headers["x-request-id"])[1]
      assert.equal("refusal", record.kind)
      assert.matches("not registered for the scope admin", record.detail)
      assert.equal("admin", record.decisions[1].outcome[1].denied)
    end)

    it("holds no secret", function()
      local answer = flow.login(server, world.app, world.user)
      local text = cjson.encode(explained(answer.headers["x-request-id"]))
      assert.is_nil(text:find(world.user.fingerprint, 1, true))
      assert.is_nil(text:find("cst_", 1, true))
    end)

    it("has nothing of other requests", function()
      local code, _, err = run("explain", "--request", "0000000000000000")
      assert.equal(1, code)
      assert.matches("has nothing of request", err)
    end)
  end)

  it("policy shadow asks a candidate, counts and logs where it differs, and changes nothing", function()
    local code, answer = run("shadow", candidate, "--json")
    assert.equal(0, code)
    assert.equal(12, #answer.shadow_version)
    assert.matches('moonlatch_shadow_policy_info{version="' .. answer.shadow_version, http.get(server, "/metrics").body)
    local tokens = flow.tokens(server, world.app, world.cookie, { scope = "openid" })
    assert.equal("openid", tokens.scope)
    flow.tokens(server, world.app, world.cookie, { scope = "profile" })
    assert.is_true(http.metric(server, "moonlatch_shadow_decisions_total") > 4)
    assert.is_true(http.metric(server, "moonlatch_shadow_differences_total") >= 2)
    local found = server:logged(function(entry)
      return entry.event == "shadow_difference" and entry["function"] == "scopes.grant"
    end)
    assert.matches("granted", found.live)
    assert.matches("Not today", found.shadow)
    assert.is_nil(found.facts) -- which are about people

    -- it stays over a reload, and ends when told
    assert.equal(0, (run("reload")))
    local before = http.metric(server, "moonlatch_shadow_differences_total")
    flow.tokens(server, world.app, world.cookie, { scope = "openid" })
    assert.is_true(http.metric(server, "moonlatch_shadow_differences_total") > before)
    code, answer = run("shadow", "--off", "--json")
    assert.same({ 0, cjson.null }, { code, answer.shadow_version })
    before = http.metric(server, "moonlatch_shadow_decisions_total")
    flow.tokens(server, world.app, world.cookie, { scope = "openid" })
    assert.equal(before, http.metric(server, "moonlatch_shadow_decisions_total"))
  end)

  it("policy shadow refuses what does not load", function()
    local broken = server_helper.policies { ["tokens.lua"] = "return {" }
    local code, _, err = run("shadow", broken)
    assert.equal(1, code)
    assert.matches("tokens.lua:1: ", err)
    assert.equal(1, (run("shadow", "/no/such/place")))
    assert.equal(1, (run("shadow", candidate, "--off")))
    sys.run { "rm", "-r", broken }
  end)

  it("policy replay makes past decisions again", function()
    local tokens = flow.token(server, flow.code_form(world.app,
      flow.code(server, world.app, world.cookie, { scope = "openid" })))
    explained(tokens.headers["x-request-id"])
    local code, same = run("replay", server_helper.root .. "/policies", "--json")
    assert.equal(0, code)
    assert.equal(0, same.different, cjson.encode(same.differences))
    assert.is_true(same.decisions > 5)
    local _, other = run("replay", candidate, "--since", "1h", "--json")
    assert.is_true(other.different > 0)
    local found
    for _, difference in ipairs(other.differences) do
      if difference.request_id == tokens.headers["x-request-id"] and difference["function"] == "scopes.grant" then
        found = difference
      end
    end
    assert.equal('[{"granted":["openid"]}]', found.was)
    assert.equal('[{"denied":"openid","reason":"Not today."}]', found.would_be)
    for _, span in ipairs { "x", "24", "0h", "-1h", "1y" } do
      local refused, nothing, err = run("replay", candidate, "--since", span)
      assert.is_nil(nothing)
      assert.equal(1, refused)
      assert.matches("%-%-since", err)
    end
  end)

  it("policy replay judges with the operator's limits", function()
    local dear = server_helper.start {
      settings = { limits = { policy_call_ms = 10000, policy_memory_bytes = 128 * 1024 * 1024 } },
      policies = { ["tokens_spec.lua"] = "", ["tokens.lua"] = [[
        return { lifetimes = function()
          local much = {}
          for i = 1, 2000 do
            much[i] = {}
            for j = 1, 600 do
              much[i][j] = j
            end
          end
          return { access = #much / 10, refresh = 86400, id = 60 }
        end }]] },
    }
    local user = flow.user(dear)
    local app = flow.app(dear, user)
    local tokens = flow.token(dear, flow.code_form(app, flow.code(dear, app, flow.sign_in(dear, app, user))))
    assert.equal(200, tokens.json.expires_in)
    local function replayed(...)
      return cli.ask(dear.state, "policy", "replay", dear.policies_directory, ...)
    end
    http.ask_until(replayed, function(answer) -- the log is written behind the answer
      return answer.decisions > 3 and answer.different == 0
    end, "--config", dear.settings_file)
    assert.is_true(replayed().different > 0, "without the settings it is too dear")
    dear:stop()
  end)
end)
