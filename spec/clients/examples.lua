-- What a client that others wrote is asked to do with a server; clients.prove { … } in its spec says which of these.
local assert = require "luassert"

local flow = require "helpers.flow"
local http = require "helpers.http"
local jose = require "helpers.jose"

local DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
local EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
local ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
local API = "https://api.example/"

-- feature → function(stage, it), which declares its examples
local features = {}

function features.discovery(stage, it)
  it("finds the server by its issuer, under either name", function()
    for _, algorithm in ipairs { "oidc", "oauth2" } do
      local answer = stage:discover("discovery", stage.world.app, { algorithm = algorithm })
      assert.equal(stage.server.issuer, answer.metadata.issuer)
    end
  end)
end

features["sign-in"] = function(stage, it)
  for _, method in ipairs { "client_secret_basic", "client_secret_post", "none" } do
    it("signs a user in: PKCE, state, nonce, iss, id_token (" .. method .. ")", function()
      local app = stage:party(method, { token_endpoint_auth_method = method })
      local answer = stage:sign_in(method)
      assert.equal(stage.world.user.user_id, answer.claims.sub)
      assert.equal(app.client_id, answer.claims.aud)
      assert.equal(stage.server.issuer, answer.claims.iss)
      assert.equal("openid profile", answer.tokens.scope)
    end)
  end

  it("learns that the user said no", function()
    stage:party "denied"
    local begun = stage:begin("denied", { params = { prompt = "consent" } })
    local page = stage.browser:open(begun.url)
    page = page.body:find('name="fingerprint"', 1, true)
      and stage.browser:submit(page, "fingerprint", { fingerprint = stage.world.user.fingerprint }) or page
    local left = stage.browser:submit(page, nil, { action = "deny" })
    assert.equal("access_denied", stage.peer:refusal("finish", { rp = "denied", url = left.left }).error)
  end)
end

for _, alg in ipairs { "RS256", "ES256", "EdDSA" } do
  features["id_token " .. alg] = function(stage, it)
    it("takes an id_token of " .. alg, function()
      stage:party(alg, { id_token_signed_response_alg = alg }, { metadata = { id_token_signed_response_alg = alg } })
      local answer = stage:sign_in(alg)
      assert.equal(alg, (jose.read(answer.tokens.id_token)).alg)
    end)
  end
end

features["max_age"] = function(stage, it)
  it("is told when the user signed in", function()
    stage:party "max-age"
    local begun = stage:begin("max-age", { params = { max_age = "3600" } })
    local page = stage:browse(begun.url)
    local answer = stage.peer:call("finish", { rp = "max-age", url = page.left, max_age = 3600 })
    assert.is_number(answer.claims.auth_time)
  end)
end

features["refresh, userinfo, introspection, revocation"] = function(stage, it)
  it("lives with its tokens until it gives them back", function()
    local app = stage:party "life"
    local first = stage:sign_in "life"
    local sub = stage.world.user.user_id
    local token = first.tokens.access_token
    local userinfo = stage.peer:call("userinfo", { rp = "life", access_token = token, sub = sub }).userinfo
    assert.equal(stage.world.user.username, userinfo.username)

    local again = stage.peer:call("refresh", { rp = "life", refresh_token = first.tokens.refresh_token })
    assert.not_equal(token, again.tokens.access_token)
    assert.equal(sub, again.claims.sub)
    local known = stage.peer:call("introspect", { rp = "life", token = again.tokens.access_token }).known
    assert.is_true(known.active)
    assert.equal(app.client_id, known.client_id)

    stage.peer:call("revoke", { rp = "life", token = again.tokens.refresh_token })
    known = stage.peer:call("introspect", { rp = "life", token = again.tokens.access_token }).known
    assert.same({ active = false }, known)
    local refused = stage.peer:refusal("refresh", { rp = "life", refresh_token = again.tokens.refresh_token })
    assert.equal("invalid_grant", refused.error)
    refused = stage.peer:refusal("userinfo", { rp = "life", access_token = again.tokens.access_token, sub = sub })
    assert.is_truthy(http.form({ refused.message, refused.error }):find("invalid_token", 1, true)
      or refused.challenges and refused.challenges[1] == "invalid_token" or refused.error == "invalid_token")
  end)
end

features["form_post"] = function(stage, it)
  it("is answered by a form", function()
    stage:party "form-post"
    local begun = stage:begin("form-post", { params = { response_mode = "form_post" } })
    local page = stage:browse(begun.url)
    assert.is_string(page.form.code)
    local answer = stage.peer:call("finish", { rp = "form-post", url = page.left, form = page.form })
    assert.equal(stage.world.user.user_id, answer.claims.sub)
  end)
end

features["pushed requests"] = function(stage, it)
  it("pushes its request", function()
    stage:party("par", { require_pushed_authorization_requests = true })
    local begun = stage:begin("par", { par = true })
    local _, params = http.parse_url(begun.url)
    assert.is_string(params.request_uri)
    assert.is_nil(params.state)
    local answer = stage.peer:call("finish", { rp = "par", url = stage:browse(begun.url).left })
    assert.equal(stage.world.user.user_id, answer.claims.sub)
  end)
end

for _, alg in ipairs { "ES256", "EdDSA", "RS256", "PS256" } do
  features["private_key_jwt " .. alg] = function(stage, it)
    it("proves itself by a key of " .. alg .. ", each assertion once", function()
      local rp = "assertion " .. alg
      local jwk = stage.peer:call("key", { rp = rp, alg = alg }).jwk
      stage:party(rp, {
        token_endpoint_auth_method = "private_key_jwt",
        jwks = { keys = { jwk } },
        grant_types = { "authorization_code", "refresh_token", "client_credentials" },
        allowed_scopes = { "chutes:read" },
      })
      assert.is_string(stage:sign_in(rp).tokens.access_token)
      assert.is_string(stage.peer:call("client_credentials", { rp = rp }).tokens.access_token)
      local replayed = stage.peer:call "again"
      assert.equal(401, replayed.status)
      assert.matches("invalid_client", replayed.body)
    end)
  end
end

for _, alg in ipairs { "ES256", "EdDSA", "RS256" } do
  features["DPoP " .. alg] = function(stage, it)
    it("binds its tokens to a key of " .. alg .. ", each proof once, with the server's nonces", function()
      local rp = "dpop " .. alg
      stage:party(rp, { dpop_bound_access_tokens = true, require_pushed_authorization_requests = true },
        { dpop = alg == "EdDSA" and "Ed25519" or alg })
      local sub = stage.world.user.user_id
      local begun = stage:begin(rp, { par = true })
      local first = stage.peer:call("finish", { rp = rp, url = stage:browse(begun.url).left })
      assert.equal("dpop", first.tokens.token_type:lower())
      local again = stage.peer:call("refresh", { rp = rp, refresh_token = first.tokens.refresh_token })
      local token = again.tokens.access_token
      assert.equal(sub, stage.peer:call("userinfo", { rp = rp, access_token = token, sub = sub }).userinfo.sub)
      local replayed = stage.peer:call "again"
      assert.equal(401, replayed.status)
      assert.matches("invalid_dpop_proof", replayed.challenge .. replayed.body)
      -- without its key it is worth nothing
      assert.equal(401, http.get(stage.server, "/idp/userinfo", { bearer = token }).status)
    end)
  end
end

features["client_credentials"] = function(stage, it)
  it("has tokens of its own, for a resource", function()
    local app = stage:party("machine", { grant_types = { "client_credentials" }, allowed_scopes = { "chutes:read" } })
    local answer = stage.peer:call("client_credentials", { rp = "machine", params = { resource = API } })
    local known = flow.introspect(stage.server, answer.tokens.access_token)
    assert.equal(app.client_id, known.sub)
    assert.same({ API }, known.aud)
    local refused = stage.peer:refusal("client_credentials", { rp = "machine", params = { scope = "admin" } })
    assert.equal("invalid_scope", refused.error)
  end)
end

features["token exchange"] = function(stage, it)
  it("exchanges a token for a lesser one", function()
    local app = stage:party("exchange", { grant_types = { "authorization_code", "refresh_token", EXCHANGE } })
    local first = stage:sign_in("exchange", { params = { scope = "openid profile chutes:read" } })
    local params = { subject_token_type = ACCESS_TOKEN, scope = "chutes:read" }
    params.subject_token = first.tokens.access_token
    local answer = stage.peer:call("exchange", { rp = "exchange", params = params })
    assert.equal(ACCESS_TOKEN, answer.tokens.issued_token_type)
    local known = flow.introspect(stage.server, answer.tokens.access_token)
    assert.equal("chutes:read", known.scope)
    assert.same({ sub = app.client_id }, known.act)
  end)
end

features["device"] = function(stage, it)
  local function begin(rp)
    stage:party(rp, { grant_types = { DEVICE, "refresh_token" }, token_endpoint_auth_method = "none" })
    return stage.peer:call("device_begin", { rp = rp, params = { scope = "openid profile" } }).device
  end

  it("is a device that somebody allows elsewhere", function()
    local codes = begin "device"
    local page = stage:browse(codes.verification_uri_complete)
    assert.equal(200, page.status)
    local answer = stage.peer:call("device_finish", { rp = "device" })
    assert.equal(stage.world.user.user_id, answer.claims.sub)
    assert.is_string(answer.tokens.refresh_token)
  end)

  it("is a device that somebody denies", function()
    local codes = begin "denied-device"
    local browser = stage.browser
    local page = browser:submit(browser:open(codes.verification_uri_complete), "user_code")
    browser:submit(page, nil, { action = "deny" })
    assert.equal("access_denied", stage.peer:refusal("device_finish", { rp = "denied-device" }).error)
  end)
end

features["device, poll by poll"] = function(stage, it)
  it("waits for its user", function()
    stage:party("patient", { grant_types = { DEVICE }, token_endpoint_auth_method = "none" })
    local codes = stage.peer:call("device_begin", { rp = "patient", params = { scope = "profile" } }).device
    assert.is_true(codes.interval >= 5)
    assert.equal("authorization_pending", stage.peer:refusal("device_finish", { rp = "patient" }).error)
    assert.equal("slow_down", stage.peer:refusal("device_finish", { rp = "patient" }).error)
  end)
end

features["sign-out"] = function(stage, it)
  it("signs its user out and gets the browser back", function()
    stage:party("leaver", { post_logout_redirect_uris = { "https://app.example/bye" } })
    local tokens = stage:sign_in("leaver").tokens
    local params = { post_logout_redirect_uri = "https://app.example/bye", state = "s t&" }
    params.id_token_hint = tokens.id_token
    local left = stage.browser:open(stage.peer:call("logout", { rp = "leaver", params = params }).url).left
    local base, came = http.parse_url(assert(left))
    assert.equal("https://app.example/bye", base)
    assert.same({ state = "s t&" }, came)
    local page = stage.browser:open(stage:begin("leaver", { params = { prompt = "none" } }).url)
    assert.equal("login_required", stage.peer:refusal("finish", { rp = "leaver", url = page.left }).error)
    params.post_logout_redirect_uri = "https://evil.example/"
    page = stage.browser:open(stage.peer:call("logout", { rp = "leaver", params = params }).url)
    assert.is_nil(page.left)
    assert.equal(400, page.status)
  end)
end

features["registration"] = function(stage, it)
  it("registers itself, signs a user in, and is who it was registered as", function()
    local metadata = {
      client_name = "Registered by itself",
      redirect_uris = { flow.REDIRECT },
      grant_types = { "authorization_code", "refresh_token" },
      token_endpoint_auth_method = "client_secret_post",
      id_token_signed_response_alg = "ES256",
    }
    local made = stage.peer:call("register", { rp = "self-made", issuer = stage.server.issuer, metadata = metadata,
      initial_access_token = stage.world.user.api_key }).metadata
    for name, value in pairs(metadata) do
      assert.same(value, made[name])
    end
    local answer = stage:sign_in "self-made"
    assert.equal(made.client_id, answer.claims.aud)
    assert.equal("ES256", (jose.read(answer.tokens.id_token)).alg)
  end)

  it("does not register itself where the policy wants to know for whom", function()
    local refused = stage.peer:refusal("register", { rp = "nobody's", issuer = stage.server.issuer,
      metadata = { client_name = "Nobody's", redirect_uris = { flow.REDIRECT } } })
    assert.equal("OAUTH_WWW_AUTHENTICATE_CHALLENGE", refused.error)
  end)
end

features["resource indicators"] = function(stage, it)
  it("asks for a token for a resource", function()
    stage:party "resource"
    local answer = stage:sign_in("resource", { params = { resource = API } })
    assert.same({ API }, flow.introspect(stage.server, answer.tokens.access_token).aud)
  end)
end

features["JWT access tokens"] = function(stage, it)
  local function claims_at(rp, audience, token)
    return stage.peer:ask("resource", { rp = rp, access_token = token, audience = audience, url = API .. "thing" })
  end

  it("is a resource server that reads a JWT access token (RFC 9068)", function()
    local app = stage:party("jwt", { name = "JWT bearer" })
    local token = stage:sign_in("jwt", { params = { resource = API } }).tokens.access_token
    local claims = claims_at("jwt", API, token).claims
    assert.equal(stage.world.user.user_id, claims.sub)
    assert.equal(app.client_id, claims.client_id)
    assert.equal("aud", claims_at("jwt", "https://other.example/", token).claim)
    assert.is_truthy(claims_at("jwt", API, token:sub(1, -6) .. "AAAAA").error)
  end)

  it("does not take an id_token for one", function()
    local app = stage:party("jwt-id", { name = "JWT confused" })
    local tokens = stage:sign_in("jwt-id").tokens
    assert.matches("typ", claims_at("jwt-id", app.client_id, tokens.id_token).message)
  end)

  it("wants a proof for one that is bound to a key", function()
    stage:party("jwt-dpop", { name = "JWT bound" }, { dpop = "ES256" })
    local token = stage:sign_in("jwt-dpop", { params = { resource = API } }).tokens.access_token
    assert.equal(stage.world.user.user_id, claims_at("jwt-dpop", API, token).claims.sub)
    stage:party("jwt-thief", { name = "JWT thief" })
    assert.is_truthy(claims_at("jwt-thief", API, token).error)
  end)
end

features["is refused"] = function(stage, it)
  it("cannot use a code twice, nor with another verifier", function()
    stage:party "codes"
    local url = stage:browse(stage:begin("codes").url).left
    local first = stage.peer:call("finish", { rp = "codes", url = url })
    assert.equal("invalid_grant", stage.peer:refusal("finish", { rp = "codes", url = url }).error)
    assert.is_false(flow.is_active(stage.server, first.tokens.access_token))
    url = stage:browse(stage:begin("codes").url).left
    local wrong = { rp = "codes", url = url, verifier = ("x"):rep(43) }
    assert.equal("invalid_grant", stage.peer:refusal("finish", wrong).error)
  end)

  it("cannot have the answer sent elsewhere", function()
    stage:party "elsewhere"
    local begun = stage:begin("elsewhere", { redirect_uri = "https://evil.example/" })
    local page = stage:browse(begun.url)
    assert.is_nil(page.left)
    assert.equal(400, page.status)
  end)
end

return features
