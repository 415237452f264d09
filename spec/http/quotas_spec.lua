-- How much one person may have (policies/quotas.lua): apps, redirect URIs, API keys, passkeys, sessions.
local authenticator = require "helpers.authenticator"
local cli = require "helpers.cli"
local flow = require "helpers.flow"
local http = require "helpers.http"
local receiver = require "helpers.receiver"
local server_helper = require "helpers.server"
local shape = require "helpers.shape"
local sys = require "helpers.sys"

local QUOTAS = [[
  return { limits = function(facts)
    if facts.user.username == "broken" then error "broken" end
    if facts.user.username == "generous" then return { apps = 3 } end
    return { apps = 2, redirect_uris = 2, api_keys = 2, passkeys = 1, sessions = 2 }
  end }
]]

describe("A quota", function()
  local server, web, owner
  lazy_setup(function()
    web = receiver.start()
    local apps = sys.read_file(server_helper.root .. "/policies/apps.lua"):gsub("may_register = may_register",
      "may_register = function() return true end")
    server = server_helper.start {
      settings = { outgoing_private = true, registration_owner = "operator" },
      policies = { ["quotas.lua"] = QUOTAS, ["quotas_spec.lua"] = "", ["apps.lua"] = apps } }
    flow.user(server, { name = "operator" })
    owner = flow.user(server)
  end)
  lazy_teardown(function()
    server:stop()
    web:stop()
  end)

  local names = 0
  local function app(user, more, path)
    names = names + 1
    local fields = { name = "Quota " .. names, redirect_uris = { flow.REDIRECT } }
    for name, value in pairs(more or {}) do
      fields[name] = value
    end
    return http.post(server, path or "/idp/apps", { json = fields, bearer = user and user.api_key })
  end

  it("of apps holds for the API, the account and registration, and says so; the operator may make more", function()
    local user = flow.user(server)
    shape.ok(app(user))
    assert.equal(201, app(user, { client_name = "Registered" }, "/idp/register").status)
    local refused = app(user)
    shape.detail(refused, 403)
    assert.equal("You may have 2 apps, and have them. Delete one.", refused.json.detail)
    assert.equal(403, app(user, { client_name = "Registers" }, "/idp/register").status)
    local cookie = flow.sign_in(server, flow.app(server, owner, { name = "For quotas" }), user)
    local page = http.get(server, "/account/new-app", { cookie = cookie }).body
    local answer = http.post(server, "/account/apps", { cookie = cookie, form = { name = "By hand",
      redirect_uris = flow.REDIRECT, refresh_token_lifetime_days = "30", grant_types = "authorization_code",
      id_token_signed_response_alg = "RS256", csrf_token = page:match('name="csrf_token" value="([^"]+)"') } })
    assert.is_truthy(answer.body:find("You may have 2 apps, and have them.", 1, true), answer.body)
    cli.ask(server.state, "app", "create", "By the operator", "--owner", user.username, "--redirect-uri", flow.REDIRECT)

    local mine = http.get(server, "/idp/apps?user_id=me", { bearer = user.api_key }).json
    assert.equal(3, mine.total)
    for _, one in ipairs(mine.items) do
      shape.ok(http.request(server, "DELETE", "/idp/apps/" .. one.app_id, { bearer = user.api_key }))
    end
    shape.ok(app(user))
    for _ = 1, 4 do -- a client that says for whom it registers nobody
      assert.equal(201, app(nil, { client_name = "Anybodys" }, "/idp/register").status)
    end
  end)

  it("holds for ten at once", function()
    local user, made = flow.user(server), 0
    local answers = http.together(server, 10, function(i, connection)
      return connection:request("POST", "/idp/apps", { bearer = user.api_key,
        json = { name = "At once " .. i, redirect_uris = { flow.REDIRECT } } })
    end)
    for i = 1, 10 do
      made = made + (answers[i].status == 200 and 1 or 0)
      assert.is_true(answers[i].status == 200 or answers[i].status == 403, answers[i].body)
    end
    assert.equal(2, made)
  end)

  it("may differ by user; what is left out is as shipped; one that fails denies", function()
    local generous, broken = flow.user(server, { name = "generous" }), flow.user(server, { name = "broken" })
    for _ = 1, 3 do
      shape.ok(app(generous, { redirect_uris = { "https://a.example/", "https://b.example/", "https://c.example/" } }))
    end
    shape.detail(app(generous), 403)
    assert.equal(500, app(broken).status)
  end)

  it("of redirect URIs holds for making and changing", function()
    local user = flow.user(server)
    local three = { "https://a.example/", "https://b.example/", "https://c.example/" }
    shape.invalid(app(user, { redirect_uris = three }), { { "body", "redirect_uris", "list_too_long" } })
    local made = app(user).json
    local changed = http.request(server, "PATCH", "/idp/apps/" .. made.app_id,
      { bearer = user.api_key, json = { redirect_uris = three } })
    shape.invalid(changed, { { "body", "redirect_uris", "list_too_long" } })
    cli.ask(server.state, "app", "change", made.app_id, "--redirect-uri", three[1], "--redirect-uri", three[2],
      "--redirect-uri", three[3])
    shape.ok(http.request(server, "PATCH", "/idp/apps/" .. made.app_id, -- what is there may stay
      { bearer = user.api_key, json = { description = "More than it may" } }))
  end)

  it("of API keys and passkeys holds in the account; the operator may make more keys", function()
    local user = flow.user(server) -- with a key
    local cookie = flow.sign_in(server, flow.app(server, flow.user(server)), user)
    local function post(path, fields)
      fields.csrf_token = http.get(server, path, { cookie = cookie }).body:match('name="csrf_token" value="([^"]+)"')
      return http.post(server, path, { cookie = cookie, form = fields })
    end
    local made = post("/account/keys", { action = "make" })
    assert.equal(200, made.status, made.body)
    local refused = post("/account/keys", { action = "make" })
    shape.page(refused, 409)
    assert.matches("You may have 2 API keys", refused.body)
    cli.ask(server.state, "key", "create", user.username)
    local function passkey()
      local asked = authenticator.asked(http.get(server, "/account/passkeys", { cookie = cookie }).body)
      local form = authenticator.new(server.issuer):create(asked)
      form.action = "add"
      return post("/account/passkeys", form)
    end
    assert.equal(303, passkey().status)
    local second = passkey()
    assert.equal(409, second.status)
    assert.matches("as many as you may", second.body)
  end)

  it("of sessions holds for thirty at once", function()
    local user, left = flow.user(server), 0
    local answers = http.together(server, 30, function(_, connection)
      return connection:request("POST", "/idp/login",
        { form = { auth_method = "fingerprint", fingerprint = user.fingerprint, return_to = "/account" } })
    end)
    for i = 1, 30 do
      assert.equal(303, answers[i].status, answers[i].body)
      left = left + (http.get(server, "/account", { cookie = flow.cookie_of(answers[i]) }).status == 200 and 1 or 0)
    end
    assert.equal(2, left)
  end)

  it("of sessions ends the oldest, of which its apps hear", function()
    local user = flow.user(server)
    local told = flow.app(server, flow.user(server), { backchannel_logout_uri = web.url .. "/out" })
    local cookies = {}
    local function is_in(cookie)
      return http.get(server, "/account", { cookie = cookie }).status == 200
    end
    for i = 1, 4 do
      cookies[i] = flow.sign_in(server, told, user)
      flow.tokens(server, told, cookies[i], { scope = "openid" })
    end
    local left = 0
    for i = 1, 3 do -- of one second, which of them is older is not known
      left = left + (is_in(cookies[i]) and 1 or 0)
    end
    assert.equal(1, left)
    assert.is_true(is_in(cookies[4]), "who signs in is in")
    for _ = 1, 2 do
      assert.equal("/out", assert(web:next(), "the app is not told").path)
    end
  end)

  it("has numbers of its own where there is no file", function()
    local plain = server_helper.policies {}
    assert(os.remove(plain .. "/quotas.lua") and os.remove(plain .. "/quotas_spec.lua"))
    local code, out = cli.run(server.state, "policy", "check", plain)
    assert.equal(0, code, out)
    local bad = server_helper.policies { ["quotas.lua"] = "return { limits = 5 }" }
    local refused, _, why = cli.run(server.state, "policy", "check", bad)
    assert.equal(1, refused)
    assert.matches("quotas.lua:1: limits must be a function", why)
  end)
end)
