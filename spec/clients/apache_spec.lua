-- Apache with mod_auth_openidc (Debian's): protects pages as a relying party and an API as a resource server.
local cjson = require "cjson.safe"

local apache_helper = require "clients.apache"
local browser_helper = require "helpers.browser"
local flow = require "helpers.flow"
local http = require "helpers.http"
local jose = require "helpers.jose"
local server_helper = require "helpers.server"
local stage_helper = require "clients.stage"
local shape = require "helpers.shape"
local sys = require "helpers.sys"

local SERVER = { settings = { outgoing_private = true } } -- logout tokens go to this machine
local PAGE, CALLBACK, GOODBYE, SECRET = "/moon/page.html", "/moon/callback", "/bye", "the far side\n"

-- name → the app's fields, and directives besides, in which words in capitals are filled in. Two are resource servers,
-- too: one asks the introspection endpoint, one reads JWTs. A private key without a public one crashes this version.
local HOSTS = {
  plain = { app = {}, directives = "OIDCIDTokenSignedResponseAlg RS256" },
  basic = { app = {}, directives = [[
    OIDCProviderTokenEndpointAuth client_secret_basic
    OIDCOAuthIntrospectionEndpoint ISSUER/idp/token/introspect
    OIDCOAuthClientID CLIENT
    OIDCOAuthClientSecret SECRET
    OIDCOAuthRemoteUserClaim sub]] },
  post = { app = { token_endpoint_auth_method = "client_secret_post", id_token_signed_response_alg = "ES256" },
           directives = [[
    OIDCProviderTokenEndpointAuth client_secret_post
    OIDCIDTokenSignedResponseAlg ES256
    OIDCResponseMode form_post]] },
  public = { app = { token_endpoint_auth_method = "none" }, directives = [[
    OIDCProviderTokenEndpointAuth none
    OIDCOAuthVerifyJwksUri ISSUER/idp/jwks
    OIDCOAuthRemoteUserClaim sub]] },
  key = { app = { token_endpoint_auth_method = "private_key_jwt" }, directives = [[
    OIDCPublicKeyFiles CERTIFICATE
    OIDCPrivateKeyFiles KEY
    OIDCProviderTokenEndpointAuth private_key_jwt]] },
}

local function directives(stage, host, app, more)
  local lines = {
    "OIDCProviderMetadataURL " .. stage.server.issuer .. "/.well-known/openid-configuration",
    "OIDCClientID " .. app.client_id,
    "OIDCRedirectURI " .. host.origin .. CALLBACK,
    "OIDCCryptoPassphrase " .. jose.id(),
    "OIDCCookie session_" .. host.name,
    "OIDCScope \"openid profile\"",
    "OIDCPKCEMethod S256",
    "OIDCRemoteUserClaim sub",
    "OIDCInfoHook access_token id_token refresh_token userinfo",
    more,
  }
  if stage.authority then
    table.insert(lines, "OIDCCABundlePath " .. stage.authority)
  end
  if app.token_endpoint_auth_method ~= "none" then
    table.insert(lines, "OIDCClientSecret " .. app.client_secret)
  end
  return table.concat(lines, "\n")
end

local function homes(stage, apache)
  local list = { stage.server.issuer }
  for _, host in pairs(apache.hosts) do
    table.insert(list, host.origin)
  end
  return list
end

local PUBLIC_JWK = [[
  const { createPublicKey } = require('crypto');
  const key = createPublicKey(require('fs').readFileSync(process.argv[1]));
  console.log(JSON.stringify(key.export({ format: 'jwk' })));
]]

-- A key of Apache's own, with a certificate, as files that it reads; the public one as a JWK.
local function key_of(directory)
  local key, certificate = directory .. "/key.pem", directory .. "/cert.pem"
  local code, _, said = sys.run { "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=apache",
                                  "-keyout", key, "-out", certificate }
  assert(code == 0, said)
  sys.run { "chmod", "644", key, certificate }
  local _, jwk = sys.run { server_helper.node, "-e", PUBLIC_JWK, key }
  return { file = key, certificate = certificate, jwk = assert(cjson.decode(jwk)) }
end

-- Makes the app of each host, and its directives.
local function furnish(stage, apache)
  local key = key_of(apache.directory)
  for name, host in pairs(apache.hosts) do
    local fields = {
      redirect_uris = { host.origin .. CALLBACK },
      post_logout_redirect_uris = { host.origin .. GOODBYE },
      backchannel_logout_uri = host.origin .. CALLBACK .. "?logout=backchannel",
    }
    for field, value in pairs(HOSTS[name].app) do
      fields[field] = value
    end
    if fields.token_endpoint_auth_method == "private_key_jwt" then
      fields.jwks = { keys = { key.jwk } }
    end
    host.app = flow.app(stage.server, stage.world.user, fields)
    host.directives = directives(stage, host, host.app, (HOSTS[name].directives:gsub("%u%u%u+", {
      ISSUER = stage.server.issuer, KEY = key.file, CERTIFICATE = key.certificate,
      CLIENT = host.app.client_id, SECRET = host.app.client_secret,
    })))
  end
  apache:start()
end

-- Signs in as far as the callback, which is not opened yet.
local function callback_of(stage, host, browser)
  local first = browser:fetch("GET", host.origin .. PAGE)
  browser.homes[host.origin] = false
  local left = browser:go_through(first.headers.location, stage.world.user).left
  browser.homes[host.origin] = true
  return left
end

describe("Apache", function()
  local stage, apache = stage_helper.new(), nil
  lazy_setup(function()
    stage:open { is_tls = true, server = SERVER }
    apache = apache_helper.new { "basic", "post", "public", "key" }
    furnish(stage, apache)
  end)
  lazy_teardown(function()
    apache:stop()
    stage:close()
  end)

  local function fresh_browser()
    stage.browser = browser_helper.new(homes(stage, apache))
    return stage.browser
  end

  for _, name in ipairs { "basic", "post", "public", "key" } do
    it("shows a page to who has signed in (" .. name .. ")", function()
      local browser, origin = fresh_browser(), apache.hosts[name].origin
      local page = stage:browse(origin .. PAGE)
      assert.equal(SECRET, page.body)
      assert.equal(origin .. PAGE, page.url)
      local known = browser:open(origin .. CALLBACK .. "?info=json").json
      assert.equal(stage.world.user.user_id, known.id_token.sub)
      assert.equal(apache.hosts[name].app.client_id, known.id_token.aud)
      assert.equal(stage.world.user.username, known.userinfo.username)
      assert.is_true(flow.is_active(stage.server, known.access_token))
    end)
  end

  it("refreshes its tokens", function()
    local browser, origin = fresh_browser(), apache.hosts.basic.origin
    stage:browse(origin .. PAGE)
    local first = browser:open(origin .. CALLBACK .. "?info=json").json
    local page = browser:open(origin .. CALLBACK .. "?" .. http.form {
      refresh = origin .. PAGE, access_token = first.access_token })
    assert.equal(SECRET, page.body)
    local again = browser:open(origin .. CALLBACK .. "?info=json").json
    assert.not_equal(first.access_token, again.access_token)
    assert.not_equal(first.refresh_token, again.refresh_token)
    assert.is_true(flow.is_active(stage.server, again.access_token))
  end)

  it("shows nothing to who said no", function()
    local browser = fresh_browser()
    local callback = callback_of(stage, apache.hosts.basic, browser)
    local denied = stage_helper.changed(callback, { code = false, error = "access_denied" })
    assert.is_nil(browser:open(denied).body:find(SECRET, 1, true))
  end)

  it("shows nothing to who comes back a second time", function()
    local browser = fresh_browser()
    local callback = callback_of(stage, apache.hosts.basic, browser)
    assert.equal(SECRET, browser:open(callback).body)
    browser.jar = {}
    assert.is_nil(browser:open(callback).body:find(SECRET, 1, true))
  end)

  it("signs its user out, and other apps hear of it (back-channel)", function()
    local browser = fresh_browser()
    local here, there = apache.hosts.basic.origin, apache.hosts.post.origin
    assert.equal(SECRET, stage:browse(here .. PAGE).body)
    assert.equal(SECRET, stage:browse(there .. PAGE).body)
    assert.equal(200, browser:open(there .. CALLBACK .. "?info=json").status)
    local page = browser:open(here .. CALLBACK .. "?" .. http.form { logout = here .. GOODBYE })
    assert.equal(here .. GOODBYE, page.url)
    assert.is_truthy(browser:open(here .. PAGE).body:find('id="fingerprint"', 1, true))
    local info = http.ask_until(function()
      return browser:open(there .. CALLBACK .. "?info=json")
    end, shape.is_refused)
    assert.equal(401, info.status)
    assert.is_truthy(browser:open(there .. PAGE).body:find('id="fingerprint"', 1, true))
  end)

  describe("as a resource server", function()
    local function ask(name, token)
      local host = apache.hosts[name]
      return http.get({ scheme = "http", port = host.port }, "/api/thing", { bearer = token })
    end

    for _, name in ipairs { "basic", "public" } do
      it("serves who has a token (" .. (name == "basic" and "introspection" or "JWT") .. ")", function()
        local app = flow.app(stage.server, stage.world.user,
          { name = (name == "public" and "JWT " or "opaque ") .. "caller" })
        local cookie = flow.sign_in(stage.server, app, stage.world.user)
        local token = flow.tokens(stage.server, app, cookie).access_token
        assert.equal("a rock\n", ask(name, token).body)
        for _, bad in ipairs { token:sub(1, -6) .. "AAAAA", "x" } do
          assert.equal(401, ask(name, bad).status)
        end
        assert.equal(401, ask(name).status)
      end)
    end

    it("serves nobody whose token has been revoked", function()
      local token = flow.tokens(stage.server, stage.world.app, stage.world.cookie).access_token
      http.post(stage.server, "/idp/token/revoke", { form = { token = token } })
      assert.equal(401, ask("basic", token).status)
    end)
  end)
end)

describe("Apache in bad company", function()
  local stage, apache = stage_helper.new(), nil
  lazy_setup(function()
    stage:open { is_tampered = true, server = SERVER }
    apache = apache_helper.new { "plain" }
    furnish(stage, apache)
  end)
  lazy_teardown(function()
    apache:stop()
    stage:close()
  end)

  -- Signs in; what Apache shows in the end.
  local function sign_in(how)
    stage.browser = browser_helper.new(homes(stage, apache))
    stage.tamper:call("alter", { how = how })
    apache:forget()
    return stage:browse(apache.hosts.plain.origin .. PAGE)
  end

  it("takes an id_token that is right, whoever passes it on", function()
    assert.equal(SECRET, sign_in("nothing").body)
    assert.equal(SECRET, sign_in("resigned").body)
  end)

  for how, said in pairs {
    none = 'algorithm "none"', hs256 = "signature", unknown_key = "signature", aud = '"aud"', iss = '"iss"',
    nonce = "nonce value", no_nonce = '"nonce"', expired = "expired", at_hash = "at_hash", no_sub = '"sub"',
  } do
    it("refuses an id_token: " .. how, function()
      assert.is_nil(sign_in(how).body:find(SECRET, 1, true))
      apache:logged(said)
    end)
  end

  for name, value in pairs { iss = "https://other.example", state = "x" } do
    it("refuses a callback with another " .. name, function()
      stage.tamper:call("alter", { how = "nothing" })
      local browser = browser_helper.new(homes(stage, apache))
      stage.browser = browser
      local callback = callback_of(stage, apache.hosts.plain, browser)
      assert.is_string(callback)
      local page = browser:open(stage_helper.changed(callback, { [name] = value }))
      assert.is_nil(page.body:find(SECRET, 1, true))
    end)
  end
end)
