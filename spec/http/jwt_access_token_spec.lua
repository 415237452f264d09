-- Access tokens that are JWTs (RFC 9068), where the tokens policy wants them.
local flow = require "helpers.flow"
local http = require "helpers.http"
local jose = require "helpers.jose"
local server_helper = require "helpers.server"
local shape = require "helpers.shape"

local TOKENS = [[
  return {
    lifetimes = function() return { access = 600, refresh = 86400, id = 600 } end,
    format = function(facts) return facts.app.name:find("JWT", 1, true) and "jwt" or "opaque" end,
  }
]]

describe("A JWT access token", function()
  local server, world, app
  lazy_setup(function()
    server = server_helper.start { policies = { ["tokens.lua"] = TOKENS, ["tokens_spec.lua"] = "" } }
    world = flow.world(server)
    app = flow.app(server, world.user, { name = "JWT app", id_token_signed_response_alg = "ES256" })
  end)
  lazy_teardown(function()
    server:stop()
  end)

  local function tokens(more)
    return flow.tokens(server, app, world.cookie, more or { scope = "openid profile" })
  end

  it("has the claims of RFC 9068 §2.2", function()
    local answer = tokens { scope = "openid profile", resource = "https://api.example/" }
    local header, claims = jose.verified(server, answer.access_token)
    assert.equal("at+jwt", header.typ)
    assert.equal("ES256", header.alg)
    assert.equal(server.issuer, claims.iss)
    assert.same({ "https://api.example/" }, claims.aud)
    assert.equal(world.user.user_id, claims.sub)
    assert.equal(app.client_id, claims.client_id)
    assert.equal("openid profile", claims.scope)
    assert.equal(600, claims.exp - claims.iat)
    assert.is_string(claims.jti)
    assert.is_number(claims.auth_time)
    local _, plain = jose.verified(server, tokens().access_token)
    assert.same({ server.issuer }, plain.aud)
    local _, id = jose.verified(server, answer.id_token)
    assert.equal(jose.half_hash(answer.access_token), id.at_hash)
  end)

  it("is introspected, used, refreshed and revoked like an opaque one", function()
    local answer = tokens()
    local known = flow.introspect(server, answer.access_token)
    assert.equal("openid profile", known.scope)
    assert.equal(world.user.user_id, known.sub)
    shape.ok(http.get(server, "/idp/userinfo", { bearer = answer.access_token }))
    local fresh = flow.token(server, flow.refresh_form(app, answer.refresh_token)).json
    assert.matches("^eyJ", fresh.access_token)
    shape.ok(http.post(server, "/idp/token/revoke", { form = { token = answer.access_token } }))
    assert.is_false(flow.is_active(server, answer.access_token))
    assert.equal(401, http.get(server, "/idp/userinfo", { bearer = answer.access_token }).status)
    assert.is_true(flow.is_active(server, fresh.access_token))
    http.post(server, "/idp/token/revoke", { form = { token = fresh.refresh_token } })
    assert.is_false(flow.is_active(server, fresh.access_token))
  end)

  it("is none when another has made it", function()
    local token = tokens().access_token
    local header, claims = jose.read(token)
    local key = jose.key "ES256"
    local forged = {
      token:sub(1, -2) .. (token:sub(-1) == "A" and "Q" or "A"),
      token .. "A",
      token:match("^(.*%.)") ,
      jose.sign(key, header, claims),
      jose.sign({ jwk = {} }, { alg = "none", typ = "at+jwt" }, claims),
      jose.sign({ jwk = { k = jose.jwks(server)[1].x or "k" } },
        { alg = "HS256", typ = "at+jwt", kid = header.kid }, claims),
      tokens().id_token,
    }
    for i, text in ipairs(forged) do
      assert.is_false(flow.is_active(server, text), "case " .. i)
      assert.equal(401, http.get(server, "/idp/userinfo", { bearer = text }).status)
    end
  end)

  it("is opaque for the apps that the policy leaves so", function()
    assert.matches("^cak_", flow.tokens(server, world.app, world.cookie).access_token)
  end)

  it("says to which key it is bound (RFC 9449 §6.1)", function()
    local key = jose.key "ES256"
    local form = flow.code_form(app, flow.code(server, app, world.cookie))
    local answer = jose.dpop_request(server, key, "POST", "/idp/token", { form = form })
    local _, claims = jose.verified(server, answer.json.access_token)
    assert.equal(key.jkt, claims.cnf.jkt)
  end)
end)
