-- moonlatch app and user: what the API does, for scripts, beside a running server.
local cjson = require "cjson.safe"

local cli = require "helpers.cli"
local flow = require "helpers.flow"
local http = require "helpers.http"
local jose = require "helpers.jose"
local server_helper = require "helpers.server"
local shape = require "helpers.shape"
local sys = require "helpers.sys"
local wallet = require "helpers.wallet"

describe("The command line beside a server", function()
  local server, owner, friend
  lazy_setup(function()
    server = server_helper.start()
    owner, friend = flow.user(server, { name = "owner" }), flow.user(server, { name = "friend" })
  end)
  lazy_teardown(function()
    server:stop()
  end)

  local function ask(...)
    return cli.ask(server.state, ...)
  end

  local function refused(...)
    cli.refused(server.state, ...)
  end

  local function get(app_id, user)
    return http.get(server, "/idp/apps/" .. app_id, { bearer = (user or owner).api_key })
  end

  it("makes an app that the API shows alike", function()
    local app = ask("app", "create", "Made here", "--owner", "OWNER", "--redirect-uri", "https://a.example/1",
      "--redirect-uri", "https://a.example/2", "--description", "d", "--refresh-days", "3", "--private")
    assert.matches("^csc_", app.client_secret)
    app.client_secret = nil
    assert.same(app, ask("app", "show", app.client_id))
    assert.same(app, get(app.app_id).json)
    assert.same({ "https://a.example/1", "https://a.example/2" }, app.redirect_uris)
    assert.is_false(app.public)
    shape.detail(get(app.app_id, friend), 404)
  end)

  it("changes what is given, and clears with an empty text", function()
    local app = flow.app(server, owner, { description = "before" })
    local changed = ask("app", "change", app.app_id, "--name", "Renamed", "--description", "", "--off", "--private")
    assert.same({ "Renamed", false, false }, { changed.name, changed.active, changed.public })
    assert.is_true(changed.description == nil or type(changed.description) == "userdata")
    assert.is_true(ask("app", "change", app.app_id, "--on").active)
    refused("name", "app", "change", app.app_id, "--name", "a")
    refused("redirect_uris", "app", "change", app.app_id, "--redirect-uri", "http://evil.example/")
    refused("no such app", "app", "change", "nothing", "--on")
  end)

  it("registers an OpenID Connect client whole", function()
    local jwks = sys.write_file(os.tmpname(), cjson.encode { keys = { jose.key("ES256").public } })
    local app = ask("app", "create", "Whole", "--owner", "owner", "--redirect-uri", flow.REDIRECT,
      "--grant-type", "authorization_code", "--grant-type", "client_credentials", "--id-token-alg", "ES256",
      "--auth-method", "private_key_jwt", "--jwks", jwks, "--post-logout-redirect-uri", "https://app.example/bye",
      "--backchannel-logout-uri", "https://app.example/logout", "--dpop", "--par")
    app.client_secret = nil
    assert.same(app, get(app.app_id).json)
    assert.same({ "authorization_code", "client_credentials" }, app.grant_types)
    assert.equal("ES256", app.id_token_signed_response_alg)
    assert.equal("EC", app.jwks.keys[1].kty)
    assert.same({ "https://app.example/bye" }, app.post_logout_redirect_uris)
    assert.equal("https://app.example/logout", app.backchannel_logout_uri)
    assert.same({ true, true }, { app.dpop_bound_access_tokens, app.require_pushed_authorization_requests })
    local changed = ask("app", "change", app.app_id, "--no-dpop", "--no-par", "--jwks", "", "--auth-method", "",
      "--jwks-uri", "https://app.example/jwks", "--backchannel-logout-uri", "")
    assert.same({ false, false }, { changed.dpop_bound_access_tokens, changed.require_pushed_authorization_requests })
    assert.same({ cjson.null, "https://app.example/jwks", cjson.null },
      { changed.jwks, changed.jwks_uri, changed.backchannel_logout_uri })
    refused("cannot be read", "app", "change", app.app_id, "--jwks", "/nowhere/jwks.json")
    refused("id_token_signed_response_alg", "app", "change", app.app_id, "--id-token-alg", "HS256")
    refused("grant_types", "app", "change", app.app_id, "--grant-type", "password")
    os.remove(jwks)
  end)

  it("what it stops, the running server stops within a second", function()
    local app = flow.app(server, owner)
    local tokens = flow.tokens(server, app, flow.sign_in(server, app, friend))
    assert.is_true(flow.is_active(server, tokens.access_token))
    ask("app", "change", app.app_id, "--off")
    local started = require("cqueues").monotime()
    http.ask_until(flow.is_active, shape.is_false, server, tokens.access_token)
    assert.is_true(require("cqueues").monotime() - started < 1 * server_helper.patience)
  end)

  it("makes a new client secret", function()
    local app = flow.app(server, owner)
    local fresh = ask("app", "secret", app.app_id)
    assert.same({ app.app_id, app.client_id }, { fresh.app_id, fresh.client_id })
    http.ask_until(function()
      return http.post(server, "/idp/token/introspect",
        { form = { token = "x" }, basic = { app.client_id, app.client_secret } })
    end, shape.is_refused)
    shape.ok(http.post(server, "/idp/token/introspect",
      { form = { token = "x" }, basic = { app.client_id, fresh.client_secret } }))
  end)

  it("gives a public client no secret, and none anew", function()
    local app = ask("app", "create", "Public one", "--owner", owner.username, "--redirect-uri", flow.REDIRECT,
      "--auth-method", "none")
    assert.is_nil(app.client_secret)
    local code, _, err = cli.run(server.state, "app", "secret", app.app_id)
    assert.equal(1, code)
    assert.matches("has no secret", err, 1, true)
  end)

  it("shares, lists shares and takes them back", function()
    local app = flow.app(server, owner, { public = false })
    assert.same({ app_id = app.app_id, shared_to = friend.user_id, shared_to_username = "friend" },
      ask("app", "share", app.app_id, "friend"))
    shape.ok(get(app.app_id, friend))
    refused("already", "app", "share", app.app_id, "friend")
    refused("theirs", "app", "share", app.app_id, "owner")
    refused("no user", "app", "share", app.app_id, "nobody")
    assert.equal("friend", ask("app", "shares", app.app_id)[1].username)
    assert.same({ app_id = app.app_id, unshared_from = friend.user_id }, ask("app", "unshare", app.app_id, "friend"))
    shape.detail(get(app.app_id, friend), 404)
    refused("not shared", "app", "unshare", app.app_id, "friend")
  end)

  it("deletes an app", function()
    local app = flow.app(server, owner)
    assert.same({ app_id = app.app_id, deleted = true }, ask("app", "delete", app.app_id))
    refused("no such app", "app", "delete", app.app_id)
    shape.detail(get(app.app_id), 404)
  end)

  it("changes a user's roles and hotkey", function()
    local address = wallet.address("//ByCli")
    local user = flow.user(server)
    local changed = ask("user", "change", user.username, "--role", "a", "--role", "b", "--hotkey", address)
    assert.same({ { "a", "b" }, address }, { changed.roles, changed.hotkey })
    assert.same(changed, ask("user", "show", user.user_id))
    refused("taken", "user", "change", "friend", "--hotkey", address)
    refused("SS58", "user", "change", "friend", "--hotkey", "nonsense")
    assert.same({}, ask("user", "change", user.username, "--no-roles").roles)
  end)

  it("makes a new fingerprint; the old one stops", function()
    local user, app = flow.user(server), flow.app(server, owner)
    local fresh = ask("user", "fingerprint", user.username)
    assert.equal(32, #fresh.fingerprint)
    assert.equal(401, flow.login(server, app, user).status)
    user.fingerprint = fresh.fingerprint
    assert.equal(303, flow.login(server, app, user).status)
  end)

  it("a deleted user takes apps, shares, authorizations, keys and sessions along", function()
    local user = flow.user(server)
    local app, others = flow.app(server, user), flow.app(server, owner)
    local cookie = flow.sign_in(server, others, user)
    local granted = flow.tokens(server, others, cookie)
    local given = flow.tokens(server, app, flow.sign_in(server, app, friend))
    ask("app", "share", others.app_id, user.username)
    assert.same({ user_id = user.user_id, deleted = true }, ask("user", "delete", user.username))
    -- Another process did it: the server may answer from its cache for up to a second more.
    local ask_until = http.ask_until
    shape.detail(ask_until(get, shape.is_refused, app.app_id), 404)
    shape.detail(ask_until(get, shape.is_refused, others.app_id, user), 401)
    assert.is_false(ask_until(flow.is_active, shape.is_false, server, granted.access_token))
    assert.is_false(ask_until(flow.is_active, shape.is_false, server, given.access_token))
    assert.same({}, ask("app", "shares", others.app_id))
    shape.page(ask_until(flow.authorize, shape.is_ok, server, others, nil, { cookie = cookie }), 200)
    refused("no user", "user", "show", user.username)
    local listed = http.get(server, "/idp/apps?limit=100", { bearer = friend.api_key }).json
    assert.equal(#listed.items, listed.total)
  end)
end)
