-- The facts of policies: what is declared, what is documented and what comes are the same.
local cjson = require "cjson.safe"

local cli = require "helpers.cli"
local flow = require "helpers.flow"
local http = require "helpers.http"
local jose = require "helpers.jose"
local mmdb = require "helpers.mmdb"
local server_helper = require "helpers.server"
local shape = require "helpers.shape"
local sys = require "helpers.sys"

-- Policies that allow everything, and tell in their answers what they were told.
local CLAIMS = [[
  return {
    userinfo = function(facts) return { sub = facts.user.user_id, facts = facts } end,
    id_token = function(facts) return { facts = facts } end,
  }
]]
local TOKENS = [[
  return {
    lifetimes = function() return { access = 60, refresh = 60, id = 60 } end,
    resource = function() return true end,
    exchange = function() return true end,
  }
]]
local APPS = [[
  return {
    may_create = function() return true end,
    may_edit = function() return true end,
    redirect_uri = function() return true end,
    present = function(app, facts) app.told = facts return app end,
  }
]]

describe("The facts of policies", function()
  local server, declared, directory
  lazy_setup(function()
    directory = sys.directory()
    local countries = mmdb.write(directory .. "/country.mmdb",
      { { "127.0.0.0", 8, "DE" }, { "203.0.113.0", 24, "AQ" } })
    server = server_helper.start {
      policies = { ["claims.lua"] = CLAIMS, ["apps.lua"] = APPS, ["tokens.lua"] = TOKENS },
      settings = { country_database = countries },
    }
    declared = cli.ask(directory, "policy", "facts")
  end)
  lazy_teardown(function()
    server:stop()
  end)

  it("stand in policies/README.md as they are declared", function()
    local readme = sys.read_file(server_helper.root .. "/policies/README.md")
    for _, fact in ipairs(declared) do
      local row = ("| `%s` | %s | `%s` |\n"):format(fact.fact, fact.about, fact.example)
      assert.is_truthy(readme:find(row, 1, true), "policies/README.md lacks the row\n" .. row)
    end
  end)

  it("each have an example that decides", function()
    local lines = { [[
      local testing, list, time = require "moonlatch.testing", require "moonlatch.list", require "moonlatch.time"
      local address, scopes = require "moonlatch.address", require "policies.scopes"
    ]] }
    for _, fact in ipairs(declared) do
      lines[#lines + 1] = ("it(%q, function() local facts = testing.facts() assert.equal('boolean', type(%s)) end)")
        :format(fact.fact, fact.example)
    end
    lines[#lines + 1] = "local _ = { list, time, address, scopes }"
    local policies = server_helper.policies { ["examples_spec.lua"] = table.concat(lines, "\n") }
    local code, out = cli.run(directory, "policy", "test", policies, "--json")
    assert.equal(0, code, out)
    assert.is_true(cjson.decode(out).passed >= #declared)
  end)

  local function of(name)
    local code, out = cli.run(directory, "policy", "facts", name, "--json")
    assert.equal(0, code)
    return cjson.decode(out)
  end

  it("are listed for one function, too", function()
    local names = {}
    for _, fact in ipairs(of "login.allow") do
      names[#names + 1] = fact.fact
    end
    assert.same({ "now", "request.address", "request.country", "request.user_agent", "request.language",
      "user.user_id", "user.username", "user.hotkey", "user.roles", "user.created_at", "user.sign_in.method",
      "user.sign_in.at" }, names)
  end)

  -- What comes: each is declared for that function; each that is declared came, but for those that may be nil.
  local optional = { ["user.hotkey"] = true, ["app.description"] = true, ["app.homepage_url"] = true, prompt = true,
    ["previous.scopes"] = true, ["previous.created_at"] = true, ["previous.updated_at"] = true, resources = true,
    ["request.user_agent"] = true, ["app.created_at"] = true, claims = true }
  local function compare(name, facts)
    local known = {}
    local function look(path, value)
      if known[path] ~= nil then
        known[path] = true
      elseif type(value) == "table" and #value == 0 then
        for key, item in pairs(value) do
          look((path == "" and "" or path .. ".") .. key, item)
        end
      else
        error(name .. " is told " .. path .. ", which is not declared")
      end
    end
    for _, fact in ipairs(of(name)) do
      known[fact.fact] = false
    end
    look("", facts)
    for fact, has_come in pairs(known) do
      assert.is_true(has_come or optional[fact] or false, name .. " is not told " .. fact)
    end
  end

  local function decisions(answer)
    local id, list = answer.headers["x-request-id"], {}
    local records = http.ask_until(function()
      local code, out = cli.run(server.state, "policy", "explain", "--request", id, "--json")
      return code == 0 and cjson.decode(out) or nil
    end, function(found)
      return found ~= nil
    end)
    for _, decision in ipairs(records[#records].decisions) do
      list[decision["function"]] = decision.facts
    end
    return list
  end

  local EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
  local function answer_tokens(app, cookie)
    return flow.tokens(server, app, cookie, { scope = "openid", claims = '{"id_token":{"username":null}}' })
  end

  it("come as they are declared", function()
    local user, owner = flow.user(server), flow.user(server)
    local created = http.post(server, "/idp/apps", { bearer = owner.api_key,
      json = { name = "Told", redirect_uris = { flow.REDIRECT }, description = "d",
               grant_types = { "authorization_code", "refresh_token", EXCHANGE } } })
    local app = created.json
    local told = decisions(created)
    compare("apps.may_create", told["apps.may_create"])
    compare("apps.redirect_uri", told["apps.redirect_uri"])
    assert.equal("api_key", told["apps.may_create"].user.sign_in.method)

    local changed = http.request(server, "PATCH", "/idp/apps/" .. app.app_id,
      { bearer = owner.api_key, json = { allowed_scopes = { "account:write" } } })
    told = decisions(changed)
    compare("apps.may_edit", told["apps.may_edit"])

    local login = flow.login(server, app, user)
    told = decisions(login)
    compare("login.allow", told["login.allow"])
    assert.same({ "fingerprint", "DE", "en" }, { told["login.allow"].user.sign_in.method,
      told["login.allow"].request.country, told["login.allow"].request.language })

    local cookie = flow.cookie_of(login)
    local code = flow.code(server, app, cookie, { scope = "openid" })
    local answer = flow.token(server, flow.code_form(app, code))
    shape.ok(answer)
    told = decisions(answer)
    compare("scopes.grant", told["scopes.grant"])
    compare("tokens.lifetimes", told["tokens.lifetimes"])
    assert.equal("fingerprint", told["scopes.grant"].user.sign_in.method)

    -- remembered: nothing is asked, so one request makes all decisions
    answer = flow.authorize(server, app, { scope = "openid" }, { cookie = cookie })
    told = decisions(answer)
    compare("scopes.grant", told["scopes.grant"])
    compare("consent.decide", told["consent.decide"])
    assert.same({ "openid" }, told["consent.decide"].previous.scopes)

    answer = flow.token(server, { grant_type = EXCHANGE, subject_token = answer_tokens(app, cookie).access_token,
      subject_token_type = "urn:ietf:params:oauth:token-type:access_token", client_id = app.client_id,
      client_secret = app.client_secret, resource = "https://api.example/" })
    shape.ok(answer)
    told = decisions(answer)
    compare("tokens.resource", told["tokens.resource"])
    compare("tokens.exchange", told["tokens.exchange"])
    assert.same({ "https://api.example/" }, told["tokens.exchange"].resources)

    local tokens = answer_tokens(app, cookie)
    local _, claims = jose.read(tokens.id_token)
    compare("claims.id_token", claims.facts)
    assert.is_truthy(claims.facts.claims.id_token.username)
    compare("claims.userinfo", http.get(server, "/idp/userinfo", { bearer = tokens.access_token }).json.facts)
    compare("apps.present", http.get(server, "/idp/apps/" .. app.app_id, { bearer = user.api_key }).json.told)
  end)

  it("count users and shares of an app", function()
    local owner, friend = flow.user(server), flow.user(server)
    local app = flow.app(server, owner)
    flow.tokens(server, app, flow.sign_in(server, app, friend))
    shape.ok(http.post(server, "/idp/apps/" .. app.app_id .. "/share",
      { bearer = owner.api_key, json = { user_id_or_name = friend.user_id } }))
    local facts = http.ask_until(function()
      return decisions(http.request(server, "PATCH", "/idp/apps/" .. app.app_id,
        { bearer = owner.api_key, json = { description = "x" } }))["apps.may_edit"]
    end, function(told)
      return told.app.users == 1 and told.app.shares == 1
    end)
    assert.same({ 1, 1 }, { facts.app.users, facts.app.shares })
  end)

  it("a function that is not there decides nothing, and nothing is recorded of it", function()
    local plain = server_helper.start { policies = { ["apps_spec.lua"] = "", ["apps.lua"] = [[
      return { may_create = function() return true end, redirect_uri = function() return true end }
    ]] } }
    local owner = flow.user(plain)
    local app = flow.app(plain, owner)
    local changed = http.request(plain, "PATCH", "/idp/apps/" .. app.app_id,
      { bearer = owner.api_key, json = { description = "x" } })
    shape.ok(changed)
    local records = http.ask_until(function()
      local id = changed.headers["x-request-id"]
      local code, out = cli.run(plain.state, "policy", "explain", "--request", id, "--json")
      return code == 0 and cjson.decode(out) or nil
    end, function(found)
      return found ~= nil
    end)
    assert.same({}, records[1].decisions)
    plain:stop()
  end)

  it("a database that is none stops the start", function()
    local server_2 = server_helper.launch { settings = { country_database = sys.write_file(directory .. "/x", "x") } }
    assert.equal(1, server_2.process:wait())
    assert.matches("country database .* cannot be read", server_2:log_text())
  end)
end)
