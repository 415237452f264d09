-- private_key_jwt (RFC 7523, OpenID Connect Core §9).
local flow = require "helpers.flow"
local http = require "helpers.http"
local jose = require "helpers.jose"
local server_helper = require "helpers.server"
local shape = require "helpers.shape"

describe("private_key_jwt", function()
  local server, world, key, app
  lazy_setup(function()
    server = server_helper.start()
    world = flow.world(server)
    key = jose.key "ES256"
    key.public.kid = "one"
    app = flow.app(server, world.user,
      { token_endpoint_auth_method = "private_key_jwt", jwks = { keys = { key.public } } })
  end)
  lazy_teardown(function()
    server:stop()
  end)

  local function with(form, assertion)
    for name, value in pairs(assertion) do
      form[name] = value
    end
    return form
  end

  local function redeem(assertion, more)
    local form = flow.code_form(app, flow.code(server, app, world.cookie), { client_secret = false })
    for name, value in pairs(more or {}) do
      form[name] = value or nil
    end
    return flow.token(server, with(form, assertion))
  end

  for _, alg in ipairs { "ES256", "EdDSA", "RS256", "PS256" } do
    it("proves a client by a key of " .. alg, function()
      local mine = jose.key(alg)
      local client = flow.app(server, world.user,
        { token_endpoint_auth_method = "private_key_jwt", jwks = { keys = { mine.public } } })
      local form = flow.code_form(client, flow.code(server, client, world.cookie), { client_secret = false })
      local answer = flow.token(server, with(form, jose.assertion(server, client, mine)))
      shape.ok(answer)
      local again = flow.refresh_form(client, answer.json.refresh_token, { client_secret = false, client_id = false })
      shape.ok(flow.token(server, with(again, jose.assertion(server, client, mine))))
    end)
  end

  it("may name the issuer or the endpoint as its audience, alone", function()
    shape.ok(redeem(jose.assertion(server, app, key)))
    shape.ok(redeem(jose.assertion(server, app, key, { aud = server.issuer .. "/idp/token" })))
    shape.ok(redeem(jose.assertion(server, app, key, { aud = { server.issuer } })))
    local other = "https://other.example"
    for _, aud in ipairs { other, { server.issuer, other }, server.issuer .. "/", {} } do
      shape.oauth_error(redeem(jose.assertion(server, app, key, { aud = aud })), 401, "invalid_client")
    end
  end)

  it("is good once, also when it comes twice together", function()
    local assertion = jose.assertion(server, app, key)
    shape.ok(redeem(assertion))
    shape.oauth_error(redeem(assertion), 401, "invalid_client")
    local raced = jose.assertion(server, app, key)
    local form = with({ token = "x" }, raced)
    local answers = http.together(server, 6, function(_, connection)
      return connection:request("POST", "/idp/token/introspect", { form = form }).status
    end)
    table.sort(answers)
    assert.same({ 200, 401, 401, 401, 401, 401 }, answers)
  end)

  it("is refused when anything is wrong with it", function()
    local other = jose.key "ES256"
    local bad = {
      jose.assertion(server, app, other),
      jose.assertion(server, app, key, nil, { alg = "ES256", kid = "two" }),
      jose.assertion(server, app, key, { iss = world.app.client_id }),
      jose.assertion(server, app, key, { sub = world.app.client_id, iss = world.app.client_id }),
      jose.assertion(server, app, key, { sub = false }),
      jose.assertion(server, app, key, { exp = os.time() - 60 }),
      jose.assertion(server, app, key, { exp = false }),
      jose.assertion(server, app, key, { exp = os.time() + 3700 }),
      jose.assertion(server, app, key, { nbf = os.time() + 120 }),
      jose.assertion(server, app, key, { iat = os.time() + 120 }),
      jose.assertion(server, app, key, { jti = false }),
      jose.assertion(server, app, { jwk = {}, alg = "none" }),
      jose.assertion(server, app, { jwk = { k = key.public.x }, alg = "HS256" }),
    }
    for i, assertion in ipairs(bad) do
      local answer = redeem(assertion)
      assert.equal("invalid_client", answer.json.error, "case " .. i .. ": " .. answer.body)
    end
    for _, name in ipairs { "exp", "nbf", "iat" } do
      local wrong = { unpack(jose.NO_TIME) }
      for _, time in ipairs(jose.ENDLESS) do
        wrong[#wrong + 1] = time
      end
      for _, time in ipairs(name == "exp" and jose.BEGINLESS or {}) do
        wrong[#wrong + 1] = time
      end
      for _, time in ipairs(wrong) do
        local answer = redeem(jose.assertion(server, app, key, { [name] = time }))
        assert.equal("invalid_client", answer.json.error, name .. " " .. time .. ": " .. answer.body)
      end
    end
    for _, time in ipairs(jose.BEGINLESS) do
      shape.ok(redeem(jose.assertion(server, app, key, { nbf = time, iat = time })))
    end
    shape.ok(redeem(jose.assertion(server, app, key, { exp = "json:" .. os.time() + 60 .. ".75" })))
    local wrong_type = jose.assertion(server, app, key)
    wrong_type.client_assertion_type = "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"
    shape.oauth_error(redeem(wrong_type), 401, "invalid_client")
  end)

  it("is verified by keys that are for that: use, alg (RFC 7517 §4.2, §4.4)", function()
    local function answer_with(use, alg)
      local mine, other = jose.key "RS256", jose.key "ES256"
      mine.public.use, mine.public.alg = use, alg
      local client = flow.app(server, world.user,
        { token_endpoint_auth_method = "private_key_jwt", jwks = { keys = { other.public, mine.public } } })
      local form = flow.code_form(client, flow.code(server, client, world.cookie), { client_secret = false })
      return flow.token(server, with(form, jose.assertion(server, client, mine)))
    end
    shape.ok(answer_with "sig")
    shape.ok(answer_with("sig", "RS256"))
    shape.oauth_error(answer_with "enc", 401, "invalid_client")
    shape.oauth_error(answer_with("sig", "PS256"), 401, "invalid_client")
  end)

  it("stands alone: no secret beside it, and no secret in its place", function()
    shape.oauth_error(redeem(jose.assertion(server, app, key), { client_secret = app.client_secret }), 400,
      "invalid_request")
    shape.oauth_error(redeem({}, { client_secret = app.client_secret }), 401, "invalid_client")
    shape.oauth_error(redeem({}), 401, "invalid_client")
  end)

  it("does for introspection, revocation and pushed requests, too", function()
    local token = redeem(jose.assertion(server, app, key)).json.access_token
    local function post(path, form)
      return http.post(server, path, { form = with(form, jose.assertion(server, app, key)) })
    end
    assert.is_true(post("/idp/token/introspect", { token = token }).json.active)
    local pushed = post("/idp/par", flow.request(app))
    assert.equal(201, pushed.status, pushed.body)
    shape.ok(post("/idp/token/revoke", { token = token }))
    assert.is_false(flow.is_active(server, token))
  end)
end)
