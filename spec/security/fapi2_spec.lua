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
  local server, secure, files, world, app, key, dpop
  lazy_setup(function()
    server = server_helper.start()
    files = sys.directory()
    local cert, cert_key = files .. "/cert.pem", files .. "/key.pem"
    assert(sys.run { "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost",
                     "-addext", "subjectAltName=DNS:localhost", "-keyout", cert_key, "-out", cert } == 0)
    secure = server_helper.start { args = { "--tls-cert", cert, "--tls-key", cert_key } }
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
    secure:stop()
    sys.run { "rm", "-r", files }
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

  it("§5.2.1-2 §5.2.2-1 §5.2.3-2: TLS is 1.2 or later, with the ciphers that BCP 195 recommends", function()
    local function speaks(...)
      local code, out = sys.run { "openssl", "s_client", "-connect", "127.0.0.1:" .. secure.port, ... }
      return code == 0 and out:find("BEGIN CERTIFICATE", 1, true) ~= nil
    end
    assert.is_true(speaks "-tls1_3")
    for _, cipher in ipairs { "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384" } do
      assert.is_true(speaks("-tls1_2", "-cipher", cipher), cipher)
    end
    for _, cipher in ipairs { "AES128-GCM-SHA256", "AES128-SHA", "ECDHE-RSA-AES128-SHA", "ECDHE-RSA-AES256-SHA384" } do
      assert.is_false(speaks("-tls1_2", "-cipher", cipher), cipher)
    end
    assert.is_false(speaks("-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"))
  end)

  it("§5.2.1-5: another server that is asked must prove its name", function()
    local function asked(ca)
      local asking = server_helper.start { settings = { outgoing_private = true, outgoing_ca = ca } }
      local client = flow.app(asking, flow.user(asking),
        { token_endpoint_auth_method = "private_key_jwt", jwks_uri = secure.issuer .. "/idp/jwks" })
      local form = jose.assertion(asking, client, key)
      form.token = "x"
      local answer = http.post(asking, "/idp/token/introspect", { form = form })
      asking:stop()
      shape.oauth_error(answer, 401, "invalid_client") -- the key is not among those there
      return answer.json.error_description
    end
    assert.matches("jwks_uri did not answer", asked(nil))
    assert.matches("No key of this client", asked(files .. "/cert.pem"))
  end)

  it("§5.2.3-3: the authorization endpoint has no CORS", function()
    local answer = flow.authorize(server, world.app, {}, { headers = { origin = "https://evil.example" } })
    assert.equal(200, answer.status)
    assert.is_nil(answer.headers["access-control-allow-origin"])
  end)

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
    local machine = flow.app(server, world.user, { grant_types = { "client_credentials" },
      allowed_scopes = { "profile" }, dpop_bound_access_tokens = true })
    shape.oauth_error(flow.token(server, { grant_type = "client_credentials", client_id = machine.client_id,
      client_secret = machine.client_secret }), 400, "invalid_dpop_proof")
  end)

  it("§5.3.2.1-7: there is no open redirector", function()
    assert.equal(400, http.get(server, "/idp/authorize?" .. http.form { client_id = app.client_id,
      redirect_uri = "https://evil.example/", response_type = "code" }).status)
    local out = http.get(server, "/idp/logout?" .. http.form { client_id = app.client_id,
      post_logout_redirect_uri = "https://evil.example/" }, { cookie = world.cookie })
    shape.page(out, 400)
  end)

  it("§5.3.2.1-8: an assertion for the issuer, as a text, is taken; one that is for others, too, is not", function()
    local pkce = flow.pkce()
    shape.ok(redeem(approve(push(pkce)).code, pkce))
    local form = flow.request(app, { code_challenge = pkce.challenge, code_challenge_method = "S256" })
    for _, aud in ipairs { "https://other.example", { server.issuer, "https://other.example" } } do
      shape.oauth_error(http.post(server, "/idp/par", { form = signed(form, { aud = aud }) }), 401, "invalid_client")
    end
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
    local function prove(iat)
      return jose.dpop_request(server, dpop, "POST", "/idp/token",
        { form = flow.refresh_form(world.app, "x") }, { iat = iat }).json.error
    end
    assert.equal("invalid_grant", prove(os.time() + 10)) -- the proof is good, the token is none
    assert.equal("invalid_dpop_proof", prove(os.time() + 61))
  end)

  it("§5.3.2.2-1: only response_type code is known", function()
    shape.oauth_error(push(flow.pkce(), { response_type = "code id_token" }), 400, "unsupported_response_type")
  end)

  it("§5.3.2.2-2 -3: requests are pushed, and refused when they are not", function()
    local answer = flow.authorize(server, app, {}, { cookie = world.cookie })
    shape.error_redirect(answer, 302, flow.request(app), "invalid_request", server.issuer)
    answer = flow.login(server, app, world.user) -- nor does the login page's form get around it
    shape.error_redirect(answer, 303, flow.request(app), "invalid_request", server.issuer)
    local beside = http.get(server, "/idp/authorize?" .. http.form { client_id = app.client_id, state = "other",
      request_uri = push(flow.pkce()).json.request_uri, redirect_uri = "https://evil.example/" },
      { cookie = world.cookie })
    local _, params = beside:location()
    local base, given = flow.consent(server, params.session_id, world.cookie, "approve"):location()
    assert.equal(flow.REDIRECT, base) -- what stands beside a request_uri counts for nothing
    assert.equal("s t&%", given.state)
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

  it("§5.3.2.2-13: the user is told who asks, for what, and where it goes", function()
    local _, params = open(push(flow.pkce(), { scope = "openid account:read" })):location()
    local page = http.get(server, "/idp/authorize/consent?session_id=" .. params.session_id, { cookie = world.cookie })
    shape.page(page, 200)
    for _, words in ipairs { app.name, world.user.username, "<code>openid</code>", "<code>account:read</code>",
                             "app.example" } do
      assert.matches(words, page.body, 1, true)
    end
  end)

  it("§5.3.2.2-14: a nonce of 64 characters is carried", function()
    local pkce = flow.pkce()
    local tokens = redeem(approve(push(pkce)).code, pkce).json
    local header, claims = jose.verified(server, tokens.id_token)
    assert.equal(("n"):rep(64), claims.nonce)
    assert.equal("ES256", header.alg)
  end)

  it("§5.3.2.3: who the user is, OpenID Connect tells", function()
    local pkce = flow.pkce()
    local _, claims = jose.verified(server, redeem(approve(push(pkce)).code, pkce).json.id_token)
    assert.equal(world.user.user_id, claims.sub)
  end)

  it("§5.4.1-1.3 -2 -3: none and shared secrets sign nothing, small RSA keys and other curves are no keys", function()
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

  it("§5.4.1-1.2: a registered key with an alg is good for that one", function()
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

  it("§5.4.1-4: tokens and codes have 128 random bits or more", function()
    local pkce = flow.pkce()
    local code = approve(push(pkce)).code
    local tokens, seen = redeem(code, pkce).json, {}
    assert.is_true(#code >= 22)
    for _, token in ipairs { tokens.access_token, tokens.refresh_token } do
      local secret = token:match("^c[ar][kt]_%w+%.(%w+)$"):sub(1, -7) -- the last six are a checksum
      assert.equal(43, #secret)
      assert.is_nil(seen[secret])
      seen[secret] = true
    end
  end)

  it("§5.4.2-2 -3: a published key has a kid of its own, and no token says where keys are", function()
    local kids = {}
    for _, jwk in ipairs(jose.jwks(server)) do
      assert.is_nil(kids[jwk.kid])
      kids[jwk.kid] = true
    end
    local pkce = flow.pkce()
    local header = jose.read(redeem(approve(push(pkce)).code, pkce).json.id_token)
    assert.is_nil(header.jku)
    assert.is_nil(header.x5u)
  end)

  it("§5.4.3: of keys with the same kid, the one that fits is found", function()
    local keys = { jose.key "EdDSA", jose.key "ES256" }
    for _, one in ipairs(keys) do
      one.public.kid = "same"
    end
    local client = flow.app(server, world.user, { token_endpoint_auth_method = "private_key_jwt",
      jwks = { keys = { keys[1].public, keys[2].public } } })
    for _, one in ipairs(keys) do
      local form = jose.assertion(server, client, one, nil, { alg = one.alg, kid = "same" })
      form.token = "x"
      shape.ok(http.post(server, "/idp/token/introspect", { form = form }))
    end
  end)
end)
