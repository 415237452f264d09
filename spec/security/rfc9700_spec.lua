-- RFC 9700 (OAuth 2.0 Security Best Current Practice), clause by clause, as far as an authorization server shows it to
-- the outside. What other specs prove at length has one sharp question here. spec/README.md says what holds.
local flow = require "helpers.flow"
local http = require "helpers.http"
local jose = require "helpers.jose"
local server_helper = require "helpers.server"
local shape = require "helpers.shape"

describe("RFC 9700", function()
  local server, world, public, discovery
  lazy_setup(function()
    server = server_helper.start { settings = { lifetimes = { reuse_grace = 0 } } }
    world = flow.world(server, { redirect_uris = { flow.REDIRECT, "http://127.0.0.1/cb" } })
    public = flow.app(server, world.user, { token_endpoint_auth_method = "none" })
    discovery = http.get(server, "/.well-known/openid-configuration").json
  end)
  lazy_teardown(function()
    server:stop()
  end)

  local function authorize(more, app)
    return flow.authorize(server, app or world.app, more, { cookie = world.cookie })
  end

  local function public_form(more)
    local pkce = flow.pkce()
    local code = flow.code(server, public, world.cookie,
      { code_challenge = pkce.challenge, code_challenge_method = "S256" })
    local form = flow.code_form(public, code, { client_secret = false, code_verifier = pkce.verifier })
    for name, value in pairs(more or {}) do
      form[name] = value or nil
    end
    return form
  end

  local function redeem(more)
    return flow.token(server, flow.code_form(world.app, flow.code(server, world.app, world.cookie), more))
  end

  it("§2.1 §4.1.3: redirect URIs are compared as strings", function()
    for _, uri in ipairs {
      "https://app.example/callback/", "https://app.example/Callback", "https://APP.example/callback",
      "https://app.example/callback?x=1", "https://app.example/callback#x", "https://app.example:443/callback",
      "https://app.example/x/../callback", "https://app.example@evil.example/callback",
      "https://app.example.evil.example/callback", "http://app.example/callback", "https://app.example/callback%00",
      "https://evil.example/", "javascript:alert(1)", "//evil.example/callback",
    } do
      local answer = authorize({ redirect_uri = uri })
      assert.equal(400, answer.status, uri)
      assert.is_nil(answer.headers.location)
    end
    assert.is_nil((authorize { redirect_uri = "http://127.0.0.1:4711/cb" }).headers.location:find("error", 1, true))
  end)

  it("§2.1.1 §4.5: a public client needs PKCE", function()
    local without = flow.authorize(server, public, nil, { cookie = world.cookie })
    shape.error_redirect(without, 302, flow.request(public), "invalid_request", server.issuer)
    shape.oauth_error(flow.token(server, public_form { code_verifier = false }), 400, "invalid_grant")
    shape.oauth_error(flow.token(server, public_form { code_verifier = flow.pkce().verifier }), 400, "invalid_grant")
    shape.ok(flow.token(server, public_form()))
  end)

  it("§2.1.1: PKCE is S256, and metadata says so", function()
    assert.same({ "S256" }, discovery.code_challenge_methods_supported)
    local plain = { code_challenge = flow.pkce().challenge, code_challenge_method = "plain" }
    shape.error_redirect(authorize(plain), 302, flow.request(world.app), "invalid_request", server.issuer)
  end)

  it("§2.1.1 §4.8.2: a verifier without a challenge is a downgrade, and refused", function()
    shape.oauth_error(redeem { code_verifier = flow.pkce().verifier }, 400, "invalid_grant")
  end)

  it("§2.1.2: there is no implicit grant", function()
    for _, type in ipairs { "token", "id_token", "code token", "code id_token", "id_token token" } do
      local request = { response_type = type, nonce = "n" }
      shape.error_redirect(authorize(request), 302, flow.request(world.app), "unsupported_response_type", server.issuer)
    end
    assert.same({ "code" }, discovery.response_types_supported)
  end)

  it("§2.2.1 §4.10.1: access tokens can be bound to a key", function()
    local key = jose.key "ES256"
    local answer = jose.dpop_request(server, key, "POST", "/idp/token", { form = public_form() })
    assert.equal("DPoP", answer.json.token_type)
    assert.equal(401, http.get(server, "/idp/userinfo", { bearer = answer.json.access_token }).status)
  end)

  it("§2.2.2 §4.14.2: refresh tokens of public clients are rotated, and reuse revokes the family", function()
    local first = flow.token(server, public_form()).json
    local second = flow.token(server, flow.refresh_form(public, first.refresh_token, { client_secret = false })).json
    assert.not_equal(first.refresh_token, second.refresh_token)
    local function refresh(token)
      return flow.token(server, flow.refresh_form(public, token, { client_secret = false }))
    end
    shape.oauth_error(refresh(first.refresh_token), 400, "invalid_grant")
    assert.is_false(flow.is_active(server, second.access_token))
    shape.oauth_error(refresh(second.refresh_token), 400, "invalid_grant")
  end)

  it("§2.3: tokens are for what was asked, and no more", function()
    local code = flow.code(server, world.app, world.cookie, { scope = "profile", resource = "https://api.example/" })
    local tokens = flow.token(server, flow.code_form(world.app, code)).json
    local known = flow.introspect(server, tokens.access_token)
    assert.equal("profile", known.scope)
    assert.same({ "https://api.example/" }, known.aud)
    local more = flow.refresh_form(world.app, tokens.refresh_token, { scope = "profile balance" })
    shape.oauth_error(flow.token(server, more), 400, "invalid_scope")
    assert.equal(403, http.post(server, "/idp/apps", { bearer = tokens.access_token, json = {} }).status)
  end)

  it("§2.4: there is no password grant", function()
    shape.oauth_error(flow.token(server, { grant_type = "password", username = "a", password = "b",
      client_id = world.app.client_id, client_secret = world.app.client_secret }), 400, "unsupported_grant_type")
  end)

  it("§2.5: clients can prove themselves by a key", function()
    local methods = table.concat(discovery.token_endpoint_auth_methods_supported, " ")
    assert.is_truthy(methods:find("private_key_jwt", 1, true))
  end)

  it("§2.6: metadata is published", function()
    assert.equal(server.issuer, discovery.issuer)
    assert.equal(http.get(server, "/.well-known/oauth-authorization-server").json.issuer, server.issuer)
  end)

  it("§2.6: the authorization endpoint has no CORS", function()
    local answer = flow.authorize(server, world.app, {}, { headers = { origin = "https://evil.example" } })
    assert.is_nil(answer.headers["access-control-allow-origin"])
    local preflight = http.request(server, "OPTIONS", "/idp/authorize",
      { headers = { origin = "https://evil.example", ["access-control-request-method"] = "GET" } })
    assert.is_nil(preflight.headers["access-control-allow-origin"])
  end)

  it("§2.6: an answer goes over plain http to the own machine only", function()
    local answer = http.post(server, "/idp/apps", { bearer = world.user.api_key,
      json = { name = "Plain", redirect_uris = { "http://app.example/cb" } } })
    shape.invalid(answer, { { "body", "redirect_uris", 0, "url" } })
  end)

  it("§4.2.4: pages tell other sites nothing of their URL", function()
    local app = flow.app(server, world.user,
      { logo_url = "https://cdn.example/logo.png", homepage_url = "https://home.example/" })
    local session_id = flow.session_id(server, app, world.cookie)
    for _, page in ipairs { flow.authorize(server, app),
      http.get(server, "/idp/authorize/consent?session_id=" .. session_id, { cookie = world.cookie }) } do
      shape.page(page, 200)
      assert.equal("no-referrer", page.headers["referrer-policy"])
      local outward = 0
      for element in page.body:gmatch("<[^>]+>") do -- the app's picture, the link to its home
        if element:find('src="https?:') or element:find('href="https?:') then
          assert.is_truthy(element:find('referrerpolicy="no-referrer"', 1, true) or element:find("noreferrer", 1, true),
            element)
          outward = outward + 1
        end
      end
      assert.is_true(outward > 0)
    end
  end)

  it("§4.2.4 §4.3.1: a code is good once, for a minute", function()
    local code = flow.code(server, world.app, world.cookie)
    local tokens = flow.token(server, flow.code_form(world.app, code)).json
    shape.oauth_error(flow.token(server, flow.code_form(world.app, code)), 400, "invalid_grant")
    assert.is_false(flow.is_active(server, tokens.access_token)) -- and its tokens end
  end)

  it("§4.3.2: no access token is taken from a URL", function()
    local tokens = flow.tokens(server, world.app, world.cookie)
    assert.equal(401, http.get(server, "/idp/userinfo?access_token=" .. tokens.access_token).status)
  end)

  it("§4.4.2.1: every answer names its issuer", function()
    for _, more in ipairs { { prompt = "none" }, { scope = "no-such" }, { response_type = "token" } } do
      local _, params = authorize(more):location()
      assert.equal(server.issuer, params.iss)
    end
    local _, params = flow.consent(server, flow.session_id(server, world.app, world.cookie), world.cookie, "approve")
      :location()
    assert.equal(server.issuer, params.iss)
    assert.is_true(discovery.authorization_response_iss_parameter_supported)
  end)

  it("§4.5.3: a code is for its client, its redirect_uri and its nonce", function()
    local other = flow.app(server, world.user)
    local code = flow.code(server, world.app, world.cookie)
    shape.oauth_error(flow.token(server, flow.code_form(other, code)), 400, "invalid_grant")
    shape.oauth_error(redeem { redirect_uri = "http://127.0.0.1/cb" }, 400, "invalid_grant")
    local tokens = flow.tokens(server, world.app, world.cookie, { scope = "openid", nonce = "mine" })
    local _, claims = jose.verified(server, tokens.id_token)
    assert.equal("mine", claims.nonce)
  end)

  it("§4.7.1: state comes back as it was, and the pages' own forms refuse other sites", function()
    local state = "a b&c=d%é\"<>"
    local _, params = authorize({ state = state, prompt = "none", scope = "no-such" }):location()
    assert.equal(state, params.state)
    local foreign = http.post(server, "/idp/login", { headers = { ["sec-fetch-site"] = "cross-site" },
      form = flow.request(world.app, { auth_method = "fingerprint", fingerprint = world.user.fingerprint }) })
    assert.equal(403, foreign.status)
  end)

  it("§4.9.3 §4.10.2: a token for one resource says so to the others", function()
    local tokens = flow.tokens(server, world.app, world.cookie, { resource = "https://api.example/" })
    assert.same({ "https://api.example/" }, flow.introspect(server, tokens.access_token).aud)
  end)

  it("§4.11.2: nothing is redirected for a client or a place that is not known", function()
    for _, more in ipairs { { client_id = "cid_nobody" }, { redirect_uri = "https://evil.example/" },
                            { redirect_uri = "https://evil.example/", response_type = "token" } } do
      local answer = authorize(more)
      shape.page(answer, 400)
      assert.is_nil(answer.headers.location)
    end
    for _, cookie in ipairs { false, world.cookie } do
      local out = http.get(server, "/idp/logout?" .. http.form { client_id = world.app.client_id,
        post_logout_redirect_uri = "https://evil.example/" }, { cookie = cookie or nil })
      shape.page(out, 400)
      assert.is_nil(out.headers.location)
    end
  end)

  it("§4.12: a form with a secret is answered by 303", function()
    assert.equal(303, flow.login(server, world.app, world.user).status)
    local consent = flow.consent(server, flow.session_id(server, world.app, world.cookie), world.cookie, "approve")
    assert.equal(303, consent.status)
  end)

  it("§4.13: what a proxy would say is not taken from clients", function()
    local answer = http.get(server, "/.well-known/openid-configuration", { headers = {
      ["x-forwarded-host"] = "evil.example", ["x-forwarded-proto"] = "https", forwarded = "host=evil.example" } })
    assert.equal(server.issuer, answer.json.issuer)
    local page = flow.authorize(server, world.app, {}, { headers = { ["x-forwarded-host"] = "evil.example" } })
    assert.is_nil(page.body:find("evil.example", 1, true))
  end)

  it("§4.14.2: a refresh token is for its client, and ends with what the user takes back", function()
    local tokens = flow.tokens(server, world.app, world.cookie)
    local other = flow.app(server, world.user)
    shape.oauth_error(flow.token(server, flow.refresh_form(other, tokens.refresh_token)), 400, "invalid_grant")
    http.request(server, "DELETE", "/idp/authorizations/" .. world.app.app_id, { bearer = world.user.api_key })
    shape.oauth_error(flow.token(server, flow.refresh_form(world.app, tokens.refresh_token)), 400, "invalid_grant")
  end)

  it("§4.14.2: a refresh token is for what the user agreed to, and expires when it is not used", function()
    local app = flow.app(server, world.user, { refresh_token_lifetime_days = 1 })
    local tokens = flow.tokens(server, app, world.cookie, { scope = "profile" })
    for field, code in pairs { scope = "invalid_scope", resource = "invalid_target" } do
      local wider = flow.refresh_form(app, tokens.refresh_token,
        { [field] = field == "scope" and "profile account:read" or "https://api.example/" })
      shape.oauth_error(flow.token(server, wider), 400, code)
    end
    local left_s = flow.introspect(server, tokens.refresh_token).exp - os.time()
    assert.is_true(left_s > 86000 and left_s <= 86400)
  end)

  it("§4.15.1: a client cannot be taken for a user", function()
    local machine = flow.app(server, world.user, { grant_types = { "client_credentials" },
      allowed_scopes = { "profile" } })
    local answer = flow.token(server, { grant_type = "client_credentials", client_id = machine.client_id,
                                        client_secret = machine.client_secret })
    assert.matches("^cid_", flow.introspect(server, answer.json.access_token).sub)
    assert.is_nil(world.user.user_id:find("cid_", 1, true))
    local chosen = flow.app(server, world.user, { client_id = world.user.user_id }) -- is not theirs to choose
    assert.matches("^cid_", chosen.client_id)
    assert.equal(403, http.get(server, "/idp/userinfo", { bearer = answer.json.access_token }).status)
  end)

  it("§4.16: no page can be framed", function()
    local consent = "/idp/authorize/consent?session_id="
    for _, path in ipairs {
      "/", "/idp/device", "/idp/logout", "/idp/authorize?" .. http.form(flow.request(world.app, { prompt = "login" })),
      "/idp/authorize?client_id=cid_nobody", consent .. "none",
      consent .. flow.session_id(server, world.app, world.cookie),
    } do
      local page = http.get(server, path, { cookie = world.cookie, headers = { accept = "text/html" } })
      assert.equal("text/html; charset=utf-8", page.headers["content-type"], path)
      assert.equal("DENY", page.headers["x-frame-options"], path)
      assert.matches("frame-ancestors 'none'", page.headers["content-security-policy"], 1, true)
    end
  end)

  it("§4.17: no answer goes through windows of the browser", function()
    shape.error_redirect(authorize { response_mode = "web_message" }, 302, flow.request(world.app), "invalid_request",
      server.issuer)
  end)
end)
