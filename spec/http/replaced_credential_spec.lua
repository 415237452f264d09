-- What ends when the operator replaces a credential of a user's, or takes it away: whoever had it is out.
local authenticator = require "helpers.authenticator"
local cli = require "helpers.cli"
local flow = require "helpers.flow"
local http = require "helpers.http"
local lock = require "helpers.lock"
local receiver = require "helpers.receiver"
local server_helper = require "helpers.server"
local shape = require "helpers.shape"
local sys = require "helpers.sys"
local wallet = require "helpers.wallet"

describe("A credential that the operator replaces", function()
  local server, web, owner, app
  lazy_setup(function()
    web = receiver.start()
    local login = server_helper.unlimited()["login.lua"]:gsub("second_factor = second_factor",
      "second_factor = function(facts) return facts.user.username:find('^two') ~= nil end")
    server = server_helper.start {
      settings = { outgoing_private = true }, policies = { ["login.lua"] = login, ["login_spec.lua"] = "" } }
    owner = flow.user(server)
    app = flow.app(server, owner, { backchannel_logout_uri = web.url .. "/out" })
  end)
  lazy_teardown(function()
    server:stop()
    web:stop()
  end)

  local function ask(...)
    return cli.ask(server.state, ...)
  end

  local function is_in(cookie)
    return http.get(server, "/account", { cookie = cookie }).status == 200
  end

  local function refresh(tokens)
    return flow.token(server, flow.refresh_form(app, tokens.refresh_token))
  end

  -- Somebody who is signed in, with tokens of an app, and a code that it has not redeemed yet.
  local function signed_in(user)
    local cookie = flow.sign_in(server, app, user)
    return { cookie = cookie, tokens = flow.tokens(server, app, cookie), code = flow.code(server, app, cookie) }
  end

  -- Another process did it: the server may answer from its cache for up to a second more.
  local function is_out(was)
    assert.is_false(http.ask_until(is_in, shape.is_false, was.cookie))
    assert.is_false(http.ask_until(flow.is_active, shape.is_false, server, was.tokens.access_token))
    shape.oauth_error(refresh(was.tokens), 400, "invalid_grant")
    shape.oauth_error(flow.token(server, flow.code_form(app, was.code)), 400, "invalid_grant")
  end

  local function is_still_in(was)
    assert.is_true(is_in(was.cookie))
    assert.is_true(flow.is_active(server, was.tokens.access_token))
    assert.equal(200, refresh(was.tokens).status)
  end

  local function recorded(user, what)
    local found = 0
    for _, record in ipairs(ask("policy", "explain", "--request", "command-line")) do
      if record.user_id == user.user_id and record.detail == what then
        found = found + 1
        assert.same({ "account", user.username, "command line" }, { record.kind, record.username, record.address })
      end
    end
    return found
  end

  it("is a fingerprint: sessions and tokens of apps end, as it says; what was allowed, and keys, stay", function()
    local user, bystander = flow.user(server), flow.user(server)
    local was, also, his = signed_in(user), flow.sign_in(server, app, user), signed_in(bystander)
    local fresh = ask("user", "fingerprint", user.username)
    assert.same({ 2, 1, 1, 0 }, { fresh.sessions_ended, fresh.apps_signed_out, fresh.api_keys_left,
      fresh.passkeys_left })
    is_out(was)
    assert.is_false(is_in(also))
    assert.matches("^/out", assert(web:next(), "the app is not told").path)
    is_still_in(his)
    assert.equal(1, recorded(user, "fingerprint replaced"))

    assert.equal(401, flow.login(server, app, user).status)
    user.fingerprint = fresh.fingerprint
    local cookie = flow.sign_in(server, app, user)
    local _, params = flow.authorize(server, app, {}, { cookie = cookie }):location()
    assert.is_string(params.code, "it was allowed before: nothing is asked")
    shape.ok(http.get(server, "/idp/apps", { bearer = user.api_key }))
  end)

  it("is a fingerprint: a sign-in that had only half begun by the old one is none", function()
    local user = flow.user(server, { name = "two.Steps" })
    local page = http.post(server, "/idp/login", { form = {
      return_to = "/account", auth_method = "fingerprint", fingerprint = user.fingerprint } })
    shape.page(page, 200)
    local form = authenticator.new(server.issuer):create((authenticator.asked(page.body)))
    form.return_to, form.auth_method = "/account", "second_factor"
    form.factor = page.body:match('name="factor" value="([^"]+)"')
    ask("user", "fingerprint", user.username)
    local answer = http.post(server, "/idp/login", { form = form })
    assert.equal(401, answer.status)
    assert.is_nil(answer.cookies[flow.COOKIE])
    assert.matches("has been replaced", answer.body)
  end)

  it("is a fingerprint: a sign-in at the same moment is over, whichever was first", function()
    local user = flow.user(server)
    local held = lock.hold(server)
    local connections, streams = {}, {}
    for i = 1, 8 do
      connections[i] = http.connect(server)
      streams[i] = connections[i]:send("POST", "/idp/login", { form = { return_to = "/account",
        auth_method = "fingerprint", fingerprint = user.fingerprint } })
    end
    local words = { server_helper.binary, "user", "fingerprint", user.username, "--state", server.state }
    local reset = sys.spawn(words, { env = server_helper.environment(nil, server.state) })
    held:release()
    for i = 1, 8 do
      local answer = connections[i]:receive(streams[i])
      connections[i]:close()
      local set = answer.cookies[flow.COOKIE]
      assert.equal(set and 303 or 401, answer.status)
      streams[i] = set and set:match("^[^;]+") or false
    end
    assert.equal(0, reset:wait(30 * server_helper.patience))
    for i = 1, 8 do
      assert.is_false(streams[i] and http.ask_until(is_in, shape.is_false, streams[i]))
    end
  end)

  it("is a hotkey that is replaced or taken away; a first one, the same, roles, refusals end nothing", function()
    local first, second = wallet.address("//First"), wallet.address("//Second")
    local user = flow.user(server)
    local was = signed_in(user)
    assert.is_nil(ask("user", "change", user.username, "--hotkey", first).sessions_ended)
    assert.is_nil(ask("user", "change", user.username, "--hotkey", first, "--role", "x").sessions_ended)
    is_still_in(was)
    was = signed_in(user)
    flow.user(server, { hotkey = second })
    local code, _, said = cli.run(server.state, "user", "change", user.username, "--hotkey", second)
    assert.same({ 1, true }, { code, said:find("taken", 1, true) ~= nil })
    is_still_in(was) -- what is refused signs nobody out
    was = signed_in(user)
    local changed = ask("user", "change", user.username, "--hotkey", wallet.address("//Third"))
    assert.is_true(changed.sessions_ended >= 1)
    is_out(was)
    assert.equal(1, recorded(user, "hotkey replaced"))
    was = signed_in(user)
    assert.equal(1, ask("user", "change", user.username, "--hotkey", "").sessions_ended)
    is_out(was)
    assert.equal(1, recorded(user, "hotkey taken away"))
  end)

  it("is a passkey that was lost", function()
    local user = flow.user(server)
    local was = signed_in(user)
    local key = authenticator.new(server.issuer)
    local page = http.get(server, "/account/passkeys", { cookie = was.cookie }).body
    local form = key:create((authenticator.asked(page)))
    form.action, form.csrf_token = "add", page:match('name="csrf_token" value="([^"]+)"')
    assert.equal(303, http.post(server, "/account/passkeys", { cookie = was.cookie, form = form }).status)
    local gone = ask("passkey", "remove", key:credential_id())
    assert.same({ 1, 1, 1, 0 }, { gone.sessions_ended, gone.apps_signed_out, gone.api_keys_left, gone.passkeys_left })
    is_out(was)
    assert.equal(1, recorded(user, "passkey taken away"))
  end)

  it("goes with the account, and that is recorded", function()
    local user = flow.user(server)
    local was = signed_in(user)
    ask("user", "delete", user.username)
    is_out(was)
    assert.equal(1, recorded(user, "account deleted"))
  end)
end)
