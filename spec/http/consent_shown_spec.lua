-- What the user has seen is what is granted: whatever becomes of policy, app and session between page and answer.
local cli = require "helpers.cli"
local flow = require "helpers.flow"
local http = require "helpers.http"
local server_helper = require "helpers.server"
local shape = require "helpers.shape"
local sys = require "helpers.sys"

-- consent.page of every scope that is asked for, one a line; `rest` are members of `one`, or the line is left out.
local function policy(rest, where)
  return ([[
    return {
      decide = function(facts) return "ask" end,
      page = function(facts)
        local lines = {}
        for _, name in ipairs(facts.requested) do
          local one = { name = name, description = name }
          %s
          %s
        end
        return { title = "T", groups = { { title = "G", scopes = lines } } }
      end,
    }]]):format(rest or "", where or "lines[#lines + 1] = one")
end

local REQUIRED = policy()
local OPTIONAL = policy('one.optional = name == "usage:read"')
local HIDING = policy("", 'if name ~= "usage:read" then lines[#lines + 1] = one end')
local TWICE = policy("", "lines[#lines + 1] = one; if name == 'usage:read' then lines[#lines + 1] = one end")

describe("What a consent page has shown", function()
  local server, world
  after_each(function()
    server:stop()
  end)

  local function start(text)
    server = server_helper.start { policies = { ["consent.lua"] = text } }
    world = flow.world(server)
  end

  local function change_policy(text)
    sys.write_file(server.policies_directory .. "/consent.lua", text)
    cli.ask(server.state, "policy", "reload")
  end

  local function session_id()
    return flow.session_id(server, world.app, world.cookie, { scope = "openid usage:read" })
  end

  local function page(id)
    return flow.consent_page(server, id or session_id(), world.cookie)
  end

  -- The scopes of the tokens that an answer to the page leads to.
  local function granted(answer)
    local _, params = answer:location()
    local tokens = flow.token(server, flow.code_form(world.app, params.code))
    shape.ok(tokens)
    return tokens.json.scope
  end

  local function approve(shown, scope)
    return granted(flow.answer(server, shown, world.cookie, { action = "approve", scope = scope }))
  end

  local BOX = 'type="checkbox" name="scope" value="usage:read"'

  it("is granted with the boxes as they were left, when the policy has none any more", function()
    start(OPTIONAL)
    local empty, ticked, unseen = page(), page(), session_id()
    assert.matches(BOX, empty.body, 1, true)
    change_policy(REQUIRED)
    assert.equal("openid", granted(flow.answer(server, empty, world.cookie, -- another field's value ticks no box
      { action = "approve", note = "usage:read" })))
    assert.equal("openid usage:read", approve(ticked, "usage:read"))
    assert.equal("openid", granted(flow.consent(server, unseen, world.cookie, "approve")))
  end)

  it("is granted whole, when the policy has a box for it by now", function()
    start(REQUIRED)
    local shown = page()
    assert.is_nil(shown.body:find(BOX, 1, true))
    change_policy(OPTIONAL)
    assert.equal("openid usage:read", approve(shown))
    assert.equal("openid usage:read", approve(page(), "usage:read"))
    assert.equal("openid", approve(page()))
  end)

  it("is what a device gets, too", function()
    start(OPTIONAL)
    local DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
    local app = flow.app(server, world.user, { grant_types = { DEVICE }, token_endpoint_auth_method = "none" })
    local codes = http.post(server, "/idp/device_authorization",
      { form = { client_id = app.client_id, scope = "openid usage:read" } }).json
    local _, params = http.post(server, "/idp/device",
      { form = { user_code = codes.user_code }, cookie = world.cookie }):location()
    local shown = page(params.session_id)
    assert.matches(BOX, shown.body, 1, true)
    change_policy(REQUIRED)
    shape.page(flow.answer(server, shown, world.cookie, { action = "approve" }), 200)
    local tokens = flow.token(server,
      { grant_type = DEVICE, device_code = codes.device_code, client_id = app.client_id })
    shape.ok(tokens)
    assert.equal("openid", tokens.json.scope)
  end)

  it("is not remembered where a box is left empty that was ticked before", function()
    start((OPTIONAL:gsub('return "ask"',
      'return require("moonlatch.list").has((facts.previous or {}).scopes, "usage:read") and "skip" or "ask"')))
    local function authorize()
      local _, params = flow.authorize(server, world.app, { scope = "openid usage:read" }, { cookie = world.cookie })
        :location()
      return params.code and "code" or params.session_id and "page"
    end
    assert.equal("openid usage:read", approve(page(), "usage:read"))
    assert.equal("code", authorize())
    assert.equal("openid", approve(page()))
    assert.equal("page", authorize())
  end)

  it("is what this page has shown, and not another one of the same request", function()
    start(REQUIRED)
    local id = session_id()
    local before = page(id)
    change_policy(OPTIONAL)
    local after = page(id)
    assert.matches(BOX, after.body, 1, true)
    assert.equal("openid", approve(after))
    shape.page(flow.answer(server, before, world.cookie, { action = "approve" }), 400)
  end)

  -- The page fails with the line of the policy, and nothing can be got without it.
  local function refuses(text, why)
    start(text)
    local id = session_id()
    shape.page(page(id), 500)
    local answer = flow.consent(server, id, world.cookie, "approve")
    shape.page(answer, 500)
    assert.is_nil(answer.headers.location)
    local fault
    for _, entry in ipairs(server:log()) do
      fault = entry.event == "policy_failed" and entry.error or fault
    end
    assert.matches("^policies/consent.lua:3: its page " .. why .. " the requested scope usage:read$", fault)
    assert.is_true(http.metric(server, "moonlatch_policy_failures_total") > 0)
    local code, _, err = cli.run(server.state, "policy", "check", server.policies_directory)
    assert.equal(1, code)
    assert.matches("policies/consent.lua:3: consent.page: its page " .. why .. " the requested scope usage:read",
      err, 1, true)
    assert.equal(303, flow.consent(server, id, world.cookie, "deny").status)
  end

  it("is all that is asked for, or there is no page", function()
    refuses(HIDING, "hides")
  end)

  it("is named once, or there is no page", function()
    refuses(TWICE, "names twice")
  end)

  it("is nothing where the policy failed and has been mended before the answer", function()
    start(HIDING)
    local id = session_id()
    change_policy(OPTIONAL)
    shape.page(flow.consent(server, id, world.cookie, "approve"), 500)
    assert.equal("openid", approve(page(id)))
  end)

  it("is of the app as it was: one that has got other words since starts anew", function()
    start(REQUIRED)
    for name, value in pairs { name = "Your Bank", description = "Official", homepage_url = "https://bank.example",
                               logo_url = "https://bank.example/logo.png", refresh_token_lifetime_days = 365 } do
      local shown = page()
      shape.ok(http.request(server, "PATCH", "/idp/apps/" .. world.app.app_id,
        { bearer = world.user.api_key, json = { [name] = value } }))
      local answer = flow.answer(server, shown, world.cookie, { action = "approve" })
      shape.page(answer, 400)
      assert.matches("The app has changed since", answer.body, 1, true)
      assert.equal("openid usage:read", approve(page()))
    end
  end)
end)

describe("A consent page in one tab", function()
  local server, world
  flow.in_world(function(...)
    server, world = ...
  end)

  local function session_id()
    return flow.session_id(server, world.app, world.cookie)
  end

  -- Signs in by the login page of a browser that has this cookie.
  local function again(cookie, user)
    local answer = flow.login(server, world.app, user or world.user, { prompt = "login" }, { cookie = cookie })
    assert.equal(303, answer.status, answer.body)
    local new = flow.cookie_of(answer)
    assert.not_equal(cookie, new)
    return new
  end

  it("goes on when the same user signs in again in another one", function()
    local id, shown = session_id(), flow.consent_page(server, session_id(), world.cookie)
    local second = again(world.cookie)
    local third = again(second)
    shape.page(flow.consent_page(server, id, second), 200)
    for _, answer in ipairs { flow.consent(server, id, second, "approve"),
                              flow.answer(server, shown, third, { action = "approve" }) } do
      local _, params = answer:location()
      shape.ok(flow.token(server, flow.code_form(world.app, params.code)))
    end
  end)

  it("is no page of another user, of another browser, or of who has signed out meanwhile", function()
    local id = session_id()
    local other = flow.user(server)
    local elsewhere = flow.sign_in(server, world.app, world.user)
    local stranger = again(world.cookie, other)
    local back = again(stranger)
    for _, cookie in ipairs { elsewhere, again(elsewhere), stranger, back } do
      shape.page(flow.consent_page(server, id, cookie), 403)
      shape.page(flow.consent(server, id, cookie, "approve"), 403)
    end
    local left = again(world.cookie)
    assert.equal(200, http.request(server, "DELETE", "/idp/sessions",
      { bearer = world.user.api_key }).status)
    shape.page(flow.consent(server, id, left, "approve"), 401)
    local anew = again(left)
    shape.page(flow.consent(server, id, anew, "approve"), 403)
    world.cookie = anew
    assert.equal(303, flow.consent(server, session_id(), anew, "approve").status)
  end)

  it("and forms of one's own pages go on, too", function()
    local page = http.get(server, "/account/keys", { cookie = world.cookie })
    local token = assert(page.body:match('name="csrf_token" value="([^"]+)"'))
    local second = again(world.cookie)
    local function make(cookie)
      return http.post(server, "/account/keys", { form = { csrf_token = token, action = "make", name = "k" },
                                                  cookie = cookie }).status
    end
    assert.equal(200, make(second))
    assert.equal(403, make(flow.sign_in(server, world.app, world.user)))
    assert.equal(403, make(again(second, flow.user(server))))
  end)
end)

describe("The consent page", function()
  local server, world
  lazy_setup(function()
    server = server_helper.start()
    world = flow.world(server)
    flow.tokens(server, world.app, world.cookie, { scope = "openid" })
  end)
  lazy_teardown(function()
    server:stop()
  end)

  -- "page", "code", or the error that comes in place of it.
  local function outcome(answer)
    local _, params = answer:location()
    return params.session_id and "page" or params.code and "code" or params.error
  end

  local function authorize(app, more)
    more.scope = "openid"
    return outcome(flow.authorize(server, app, more, { cookie = world.cookie }))
  end

  it("comes when prompt names consent, in whatever company", function()
    assert.equal("code", authorize(world.app, {}))
    for _, prompt in ipairs { "consent", "login consent", "consent login", "consent select_account" } do
      assert.equal("page", outcome(flow.login(server, world.app, world.user, { prompt = prompt, scope = "openid" })))
    end
  end)

  it("comes even if a policy would skip it", function()
    local skipping = server_helper.start { policies = { ["consent.lua"] = [[
      return { decide = function() return "skip" end,
               page = function() return { title = "T", groups = { { title = "G", scopes = {
                 { name = "openid", description = "d" } } } } } end }]] } }
    local there = flow.world(skipping)
    local function ask(prompt)
      return outcome(flow.login(skipping, there.app, there.user, { prompt = prompt, scope = "openid" }))
    end
    assert.equal("code", ask())
    assert.equal("page", ask("consent"))
    assert.equal("page", ask("login consent"))
    skipping:stop()
  end)

  -- RFC 8252 §8.6: who has allowed an app must not give a code to another program of the same machine.
  it("comes each time where another program could stand in for the app", function()
    local function remembered(method, uri, more)
      local app = flow.app(server, world.user, { redirect_uris = { uri }, token_endpoint_auth_method = method })
      local request = { scope = "openid", code_challenge = flow.pkce().challenge, code_challenge_method = "S256" }
      flow.code(server, app, world.cookie, request)
      for name, value in pairs(more or {}) do
        request[name] = value
      end
      local loud = authorize(app, request)
      request.prompt = "none"
      return { loud, authorize(app, request) }
    end
    local other_port = { redirect_uri = "http://localhost:6666/cb" }
    local refused, given = { "page", "consent_required" }, { "code", "code" }
    assert.same(refused, remembered(nil, "http://localhost:3000/cb", other_port))
    assert.same(refused, remembered("none", "http://localhost:3000/cb"))
    assert.same(refused, remembered("none", "com.example.app:/cb"))
    assert.same(given, remembered("client_secret_basic", "http://localhost:3000/cb", other_port))
    assert.same(given, remembered(nil, "http://localhost:3000/cb",
      { code_challenge = false, code_challenge_method = false })) -- then only the secret redeems it
    assert.same(given, remembered("none", "https://spa.example/cb"))
  end)
end)
