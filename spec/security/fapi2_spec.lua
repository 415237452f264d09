-- FAPI 2.0 Security Profile (final), what it demands of an authorization server (§5.2, §5.3.2, §5.4), for an app that
-- registers itself as such: keys in place of secrets, pushed requests, tokens bound to a key. spec/README.md says what
-- does not hold, and why.
local flow = require "helpers.flow"
local http = require "helpers.http"
local jose = require "helpers.jose"
local server_helper = require "helpers.server"
local shape = require "helpers.shape"
local sys = require "helpers.sys"

describe("FAPI 2.0", function()
  local server, world, app, key, dpop
  lazy_setup(function()
    server = server_helper.start()
    world = flow.world(server)
    key, dpop = jose.key "ES256", jose.key "ES256"
    key.public.alg = "ES256"
    app = flow.app(server, world.user, {
      token_endpoint_auth_method = "private_key_jwt", jwks = { keys = { key.public } }, dpop_bound_access_tokens = true,
      require_pushed_authorization_requests = true, id_token_signed_response_alg = "ES256",
    })
  end)
  lazy_teardown(function()
    server:stop()
  end)

  local function signed(form, more, header)
    for name, value in pairs(jose.assertion(server, app, key, more, header)) do
      form[name] = value
    end
    return form
  end

  local function push(pkce, more)
    local form = flow.request(app, { code_challenge = pkce.challenge, code_challenge_method = "S256",
                                     prompt = "consent", scope = "openid", nonce = ("n"):rep(64) })
    for name, value in pairs(more or {}) do
      form[name] = value or nil
    end
    return http.post(server, "/idp/par", { form = signed(form) })
  end

  local function open(answer)
    local query = http.form { client_id = app.client_id, request_uri = answer.json.request_uri }
    return http.get(server, "/idp/authorize?" .. query, { cookie = world.cookie })
  end

  local function approve(answer)
    assert.equal(201, answer.status, answer.body)
    local _, params = open(answer):location()
    local consent = flow.consent(server, params.session_id, world.cookie, "approve")
    _, params = consent:location()
    return params, consent
  end

  local function redeem(code, pkce, with, more)
    local form = flow.code_form(app, code, { client_secret = false, code_verifier = pkce.verifier })
    return jose.dpop_request(server, with or dpop, "POST", "/idp/token", setmetatable({}, { __index = function(_, name)
      return name == "form" and signed(form, more) or nil -- a fresh assertion for each try
    end }))
  end

  it("§5.3.2.1-1 -2: metadata is published, and there is no password grant", function()
    local discovery = http.get(server, "/.well-known/openid-configuration").json
    assert.equal(server.issuer .. "/idp/par", discovery.pushed_authorization_request_endpoint)
    assert.is_nil(table.concat(discovery.grant_types_supported, " "):find("password", 1, true))
  end)

  it("§5.3.2.1-3 -6: only a client that proves itself by its key is served", function()
    local pkce = flow.pkce()
    local code = approve(push(pkce)).code
    local form = flow.code_form(app, code, { code_verifier = pkce.verifier })
    shape.oauth_error(flow.token(server, form), 401, "invalid_client")
    form.client_secret = nil
    shape.oauth_error(flow.token(server, form), 401, "invalid_client")
  end)

  it("§5.3.2.1-4 -5: only tokens that are bound to a key are issued", function()
    local pkce = flow.pkce()
    local code = approve(push(pkce)).code
    local form = signed(flow.code_form(app, code, { client_secret = false, code_verifier = pkce.verifier }))
    shape.oauth_error(flow.token(server, form), 400, "invalid_dpop_proof")
    local answer = redeem(code, pkce)
    shape.ok(answer)
    assert.equal("DPoP", answer.json.token_type)
  end)

  it("§5.3.2.1-7: there is no open redirector", function()
    assert.equal(400, http.get(server, "/idp/authorize?" .. http.form { client_id = app.client_id,
      redirect_uri = "https://evil.example/", response_type = "code" }).status)
  end)

  it("§5.3.2.1-8: an assertion for the issuer, as a text, is taken; one for others is not", function()
    local pkce = flow.pkce()
    shape.ok(redeem(approve(push(pkce)).code, pkce))
    local form = flow.request(app, { code_challenge = pkce.challenge, code_challenge_method = "S256" })
    shape.oauth_error(http.post(server, "/idp/par", { form = signed(form, { aud = "https://other.example" }) }), 401,
      "invalid_client")
  end)

  it("§5.3.2.1-11: a code is good for a minute at most", function()
    local _, said = server_helper.launch({ settings = { lifetimes = { code = 61 } } }):refusal()
    assert.matches("lifetimes.code must be a whole number from 1 to 60", said, 1, true)
  end)

  it("§5.3.2.1-12: a code can be bound to the DPoP key", function()
    local pkce = flow.pkce()
    local code = approve(push(pkce, { dpop_jkt = dpop.jkt })).code
    shape.oauth_error(redeem(code, pkce, jose.key "ES256"), 400, "invalid_grant")
  end)

  it("§5.3.2.1-13: clocks may differ by ten seconds, not by more than a minute", function()
    local function ask(more)
      return http.post(server, "/idp/token/introspect", { form = signed({ token = "x" }, more) })
    end
    shape.ok(ask { iat = os.time() + 10, nbf = os.time() + 10 })
    shape.oauth_error(ask { iat = os.time() + 61 }, 401, "invalid_client")
    shape.oauth_error(ask { nbf = os.time() + 61 }, 401, "invalid_client")
  end)

  it("§5.3.2.2-1: only response_type code is known", function()
    shape.oauth_error(push(flow.pkce(), { response_type = "code id_token" }), 400, "unsupported_response_type")
  end)

  it("§5.3.2.2-2 -3: requests are pushed, and refused when they are not", function()
    local answer = flow.authorize(server, app, {}, { cookie = world.cookie })
    shape.error_redirect(answer, 302, flow.request(app), "invalid_request", server.issuer)
  end)

  it("§5.3.2.2-4: a request that is pushed without the client's proof is refused", function()
    shape.oauth_error(http.post(server, "/idp/par", { form = flow.request(app) }), 401, "invalid_client")
  end)

  it("§5.3.2.2-5: PKCE is S256, and a policy can insist on it", function()
    shape.oauth_error(push(flow.pkce(), { code_challenge_method = "plain" }), 400, "invalid_request")
    local shipped = sys.read_file(server_helper.root .. "/policies/consent.lua")
    local text, found = shipped:gsub("decide = decide,", [[decide = function(facts)
      if not facts.pkce then return "deny", "Send a code_challenge." end
      return decide(facts)
    end,]])
    assert.equal(1, found)
    local strict = server_helper.start { policies = { ["consent.lua"] = text } }
    local other = flow.world(strict)
    local answer = flow.authorize(strict, other.app, {}, { cookie = other.cookie })
    shape.error_redirect(answer, 302, flow.request(other.app), "access_denied", strict.issuer)
    flow.code(strict, other.app, other.cookie,
      { code_challenge = flow.pkce().challenge, code_challenge_method = "S256" })
    strict:stop()
  end)

  it("§5.3.2.2-6: a pushed request names its redirect_uri", function()
    assert.equal(422, push(flow.pkce(), { redirect_uri = false }).status)
  end)

  it("§5.3.2.2-7: the answer names its issuer (RFC 9207)", function()
    assert.equal(server.issuer, approve(push(flow.pkce())).iss)
  end)

  it("§5.3.2.2-8: no answer goes over plain http to another machine", function()
    local answer = http.post(server, "/idp/apps", { bearer = world.user.api_key,
      json = { name = "Plain", redirect_uris = { "http://app.example/cb" } } })
    shape.invalid(answer, { { "body", "redirect_uris", 0, "url" } })
  end)

  it("§5.3.2.2-9: a code that was used is invalid_grant", function()
    local pkce = flow.pkce()
    local code = approve(push(pkce)).code
    shape.ok(redeem(code, pkce))
    shape.oauth_error(redeem(code, pkce), 400, "invalid_grant")
  end)

  it("§5.3.2.2-10 -11: redirects after a form are 303", function()
    local _, consent = approve(push(flow.pkce()))
    assert.equal(303, consent.status)
  end)

  it("§5.3.2.2-12: a request_uri is good for less than ten minutes, and for one code", function()
    local answer = push(flow.pkce())
    assert.is_true(answer.json.expires_in < 600)
    approve(answer)
    local _, params = open(answer):location()
    assert.equal(400, flow.consent(server, params.session_id, world.cookie, "approve").status)
  end)

  it("§5.3.2.2-14: a nonce of 64 characters is carried", function()
    local pkce = flow.pkce()
    local tokens = redeem(approve(push(pkce)).code, pkce).json
    local header, claims = jose.verified(server, tokens.id_token)
    assert.equal(("n"):rep(64), claims.nonce)
    assert.equal("ES256", header.alg)
  end)

  it("§5.4.1: none and shared secrets sign nothing, small RSA keys and other curves are no keys", function()
    for _, alg in ipairs { "none", "HS256" } do
      local form = signed(flow.request(app))
      form.client_assertion = jose.sign({ jwk = { k = key.public.x } }, { alg = alg },
        { iss = app.client_id, sub = app.client_id, aud = server.issuer, jti = jose.id(), exp = os.time() + 60 })
      shape.oauth_error(http.post(server, "/idp/par", { form = form }), 401, "invalid_client")
    end
    for _, jwk in ipairs { { kty = "EC", crv = "P-384", x = key.public.x, y = key.public.y },
                           { kty = "oct", k = "AAAA" }, { kty = "RSA", e = "AQAB", n = ("A"):rep(171) } } do
      local answer = http.post(server, "/idp/apps", { bearer = world.user.api_key, json = { name = "Weak",
        redirect_uris = { flow.REDIRECT }, token_endpoint_auth_method = "private_key_jwt",
        jwks = { keys = { jwk } } } })
      shape.invalid(answer, { { "body", "jwks", "string_pattern" } })
    end
  end)

  it("§5.4.1: a registered key with an alg is good for that one", function()
    local rsa = jose.key "PS256"
    rsa.public.alg = "PS256"
    local client = flow.app(server, world.user,
      { token_endpoint_auth_method = "private_key_jwt", jwks = { keys = { rsa.public } } })
    local function ask(alg)
      local form = jose.assertion(server, client, rsa, nil, { alg = alg })
      form.token = "x"
      return http.post(server, "/idp/token/introspect", { form = form })
    end
    shape.ok(ask "PS256")
    shape.oauth_error(ask "RS256", 401, "invalid_client")
  end)
end)
