-- DPoP (RFC 9449): tokens that are good with a key only.
local flow = require "helpers.flow"
local http = require "helpers.http"
local jose = require "helpers.jose"
local lock = require "helpers.lock"
local server_helper = require "helpers.server"
local shape = require "helpers.shape"

describe("DPoP", function()
  local server, world, public, key, other
  lazy_setup(function()
    server = server_helper.start()
    world = flow.world(server)
    public = flow.app(server, world.user, { token_endpoint_auth_method = "none" })
    key, other = jose.key "ES256", jose.key "ES256"
  end)
  lazy_teardown(function()
    server:stop()
  end)

  local function token(form, with, more)
    return jose.dpop_request(server, with or key, "POST", "/idp/token", { form = form }, more)
  end

  local function redeem(more, with)
    local answer = token(flow.code_form(world.app, flow.code(server, world.app, world.cookie,
      { scope = "openid account:read" })), with, more)
    return answer
  end

  local function public_form()
    local pkce = flow.pkce()
    local code = flow.code(server, public, world.cookie,
      { code_challenge = pkce.challenge, code_challenge_method = "S256" })
    return flow.code_form(public, code, { client_secret = false, code_verifier = pkce.verifier })
  end

  local function userinfo(access_token, with, more)
    return jose.dpop_request(server, with or key, "GET", "/idp/userinfo",
      { headers = { authorization = "DPoP " .. access_token } }, more or { ath = jose.sha256(access_token) })
  end

  describe("at the token endpoint", function()
    it("needs a nonce of the server's first (§8)", function()
      local answer = http.post(server, "/idp/token", { form = { grant_type = "refresh_token", refresh_token = "x",
        client_id = world.app.client_id, client_secret = world.app.client_secret },
        headers = { dpop = jose.proof(server, key, "POST", "/idp/token") } })
      shape.oauth_error(answer, 400, "use_dpop_nonce")
      assert.is_string(answer.headers["dpop-nonce"])
      assert.matches("dpop%-nonce", answer.headers["access-control-expose-headers"])
    end)

    for _, alg in ipairs { "ES256", "EdDSA", "RS256", "PS256" } do
      it("binds the access token to a key of " .. alg, function()
        local mine = jose.key(alg)
        local answer = redeem(nil, mine)
        shape.ok(answer)
        assert.equal("DPoP", answer.json.token_type)
        assert.equal(mine.jkt, flow.introspect(server, answer.json.access_token).cnf.jkt)
        shape.ok(userinfo(answer.json.access_token, mine))
      end)
    end

    it("takes a proof once", function()
      local first = redeem()
      local nonce = first.headers["dpop-nonce"]
      local claims = { nonce = nonce, jti = "the-same" }
      local headers = { dpop = jose.proof(server, key, "POST", "/idp/token", claims) }
      local form = flow.refresh_form(world.app, first.json.refresh_token)
      shape.ok(http.post(server, "/idp/token", { form = form, headers = headers }))
      shape.oauth_error(http.post(server, "/idp/token", { form = form, headers = headers }), 400, "invalid_dpop_proof")
    end)

    it("refuses what is no proof for this request (§4.3)", function()
      local nonce = redeem().headers["dpop-nonce"]
      local good = { typ = "dpop+jwt", alg = "ES256", jwk = key.public }
      local function header(more)
        local made = {}
        for name, value in pairs(good) do
          made[name] = value
        end
        for name, value in pairs(more) do
          made[name] = value or nil
        end
        return made
      end
      local cases = {
        { { htm = "GET" } }, { { htu = server.issuer .. "/idp/par" } }, { { htu = "https://evil.example/idp/token" } },
        { { htm = false } }, { { htu = false } }, { { jti = false } }, { { jti = ("x"):rep(300) } },
        { { iat = false } }, { { iat = os.time() - 200 } }, { { iat = os.time() + 100 } },
        { {}, header { typ = "JWT" } }, { {}, header { typ = false } }, { {}, header { jwk = false } },
        { {}, header { jwk = key.jwk } }, { {}, header { jwk = other.public } },
        { {}, header { alg = "none" } }, { {}, header { crit = { "exp" } } },
        { {}, header { jwk = { kty = "oct", k = "AAAA" } } },
      }
      for i, case in ipairs(cases) do
        case[1].nonce = nonce
        local proof = jose.proof(server, key, "POST", "/idp/token", case[1], case[2])
        local answer = http.post(server, "/idp/token", { form = { grant_type = "refresh_token", refresh_token = "x",
          client_id = world.app.client_id, client_secret = world.app.client_secret }, headers = { dpop = proof } })
        assert.equal("invalid_dpop_proof", answer.json.error, "case " .. i .. ": " .. answer.body)
      end
      local symmetric = jose.sign({ jwk = { k = "x" } }, header { alg = "HS256" }, { jti = "a" })
      for _, proof in ipairs { symmetric, "x", "a.b.c", "" } do
        local answer = http.post(server, "/idp/token", { form = { grant_type = "refresh_token", refresh_token = "x",
          client_id = world.app.client_id, client_secret = world.app.client_secret }, headers = { dpop = proof } })
        assert.equal(400, answer.status)
      end
    end)

    -- A refresh with a proof of these claims: nil, or its error. A proof that holds is refused for the token alone.
    local function refused(claims)
      local headers = { dpop = jose.proof(server, key, "POST", "/idp/token", claims) }
      local answer = http.post(server, "/idp/token",
        { form = flow.refresh_form(world.app, "crt_none"), headers = headers })
      assert.equal(400, answer.status, answer.body)
      return answer.json.error ~= "invalid_grant" and answer.json.error .. ": " .. answer.json.error_description or nil
    end

    it("takes a time for what it is, whatever number it has (RFC 7519 §2, §4.1)", function()
      local nonce = redeem().headers["dpop-nonce"]
      local now = os.time()
      local function claims(name, value)
        return { nonce = nonce, [name] = value }
      end
      for _, list in ipairs { jose.ENDLESS, jose.BEGINLESS } do
        for _, time in ipairs(list) do
          assert.matches("iat is not of now", refused(claims("iat", time)) or time)
        end
      end
      for _, name in ipairs { "iat", "nbf", "exp" } do
        for _, time in ipairs(jose.NO_TIME) do
          assert.matches("must be numbers", refused(claims(name, time)) or name .. time)
        end
      end
      for _, time in ipairs(jose.ENDLESS) do
        assert.is_nil(refused(claims("exp", time)))
        assert.matches("not good now", refused(claims("nbf", time)) or time)
      end
      for _, time in ipairs(jose.BEGINLESS) do
        assert.matches("not good now", refused(claims("exp", time)) or time)
        assert.is_nil(refused(claims("nbf", time)))
      end
      assert.is_nil(refused { nonce = nonce, iat = "json:" .. now .. ".25", nbf = now - 1, exp = now + 10 })
      assert.matches("not good now", refused(claims("exp", now - 40)) or "")
      assert.matches("not good now", refused(claims("nbf", now + 40)) or "")
    end)

    it("takes a URL for what it names, whatever its spelling (RFC 9449 §4.3, RFC 3986 §6.2)", function()
      local nonce = redeem().headers["dpop-nonce"]
      local issuer, port = server.issuer, server.port
      for _, htu in ipairs { issuer .. "/idp/token?a=b#c", issuer .. "/%69dp/tok%65n", issuer .. "/%69d%70/token",
                             "HTTP://LocalHost:" .. port .. "/idp/token" } do
        assert.is_nil(refused { nonce = nonce, htu = htu })
      end
      for _, htu in ipairs { issuer .. "/idp/token/", issuer .. "/idp/Token", issuer .. "/idp%2Ftoken", issuer,
                             issuer .. "/idp/token%", issuer .. "/idp/token%00", "http://localhost/idp/token",
                             "http://localhost:0" .. port .. "/idp/token", "https://localhost:" .. port .. "/idp/token",
                             "http://a@localhost:" .. port .. "/idp/token", "//localhost:" .. port .. "/idp/token",
                             "/idp/token", "", ("x"):rep(5000) } do
        assert.matches("htu", refused { nonce = nonce, htu = htu } or htu)
      end
    end)

    it("refuses a nonce that is not the server's, or a login nonce", function()
      for _, nonce in ipairs { "x", http.get(server, "/idp/cli_login/nonce").json.nonce } do
        local answer = http.post(server, "/idp/token", { form = { grant_type = "refresh_token", refresh_token = "x",
          client_id = world.app.client_id, client_secret = world.app.client_secret },
          headers = { dpop = jose.proof(server, key, "POST", "/idp/token", { nonce = nonce }) } })
        shape.oauth_error(answer, 400, "use_dpop_nonce")
      end
    end)

    it("insists, for an app that registered it", function()
      local bound = flow.app(server, world.user, { dpop_bound_access_tokens = true })
      local form = flow.code_form(bound, flow.code(server, bound, world.cookie))
      shape.oauth_error(flow.token(server, form), 400, "invalid_dpop_proof")
      local answer = token(form)
      shape.ok(answer)
      assert.equal("DPoP", answer.json.token_type)
    end)
  end)

  describe("at a resource", function()
    it("wants the proof of the same key, for that token, once", function()
      local access = redeem().json.access_token
      local answer = userinfo(access)
      shape.ok(answer)
      local nonce = answer.headers["dpop-nonce"]
      local proof = jose.proof(server, key, "GET", "/idp/userinfo", { nonce = nonce, ath = jose.sha256(access) })
      local headers = { authorization = "DPoP " .. access, dpop = proof }
      shape.ok(http.get(server, "/idp/userinfo", { headers = headers }))
      local replayed = http.get(server, "/idp/userinfo", { headers = headers })
      assert.equal(401, replayed.status)
      assert.matches('DPoP error="invalid_dpop_proof"', replayed.headers["www-authenticate"], 1, true)
      assert.equal(401, userinfo(access, other).status)
      assert.equal(401, userinfo(access, key, { ath = jose.sha256 "another" }).status)
      assert.equal(401, userinfo(access, key, { nonce = nonce }).status)
    end)

    it("is remembered for as long as it could be used (§11.1)", function()
      local access = redeem().json.access_token
      local proof = jose.proof(server, key, "GET", "/idp/userinfo", { nonce = userinfo(access).headers["dpop-nonce"],
        ath = jose.sha256(access), iat = os.time() + 25 })
      local headers = { authorization = "DPoP " .. access, dpop = proof }
      shape.ok(http.get(server, "/idp/userinfo", { headers = headers }))
      -- What the clean-up would do just before the proof is too old: 25 s ahead, 60 s, and 30 s of clocks that differ.
      lock.change(server, "DELETE FROM spent WHERE expires_at <= " .. os.time() + 110)
      assert.equal(401, http.get(server, "/idp/userinfo", { headers = headers }).status)
    end)

    it("is no bearer token, and a bearer token is none of DPoP's (§7.2)", function()
      local bound = redeem().json.access_token
      local answer = http.get(server, "/idp/userinfo", { bearer = bound })
      assert.equal(401, answer.status)
      assert.matches("bound to a key: send it as DPoP", answer.body, 1, true)
      assert.equal(401, http.get(server, "/idp/userinfo", { headers = { authorization = "DPoP " .. bound } }).status)
      assert.equal(401, http.post(server, "/idp/userinfo", { form = { access_token = bound } }).status)
      local free = flow.tokens(server, world.app, world.cookie).access_token
      assert.equal(401, userinfo(free).status)
    end)

    it("asks for a nonce with 401 (§9)", function()
      local access = redeem().json.access_token
      local answer = http.get(server, "/idp/userinfo", { headers = { authorization = "DPoP " .. access,
        dpop = jose.proof(server, key, "GET", "/idp/userinfo", { ath = jose.sha256(access) }) } })
      assert.equal(401, answer.status)
      assert.matches('DPoP error="use_dpop_nonce"', answer.headers["www-authenticate"], 1, true)
      assert.is_string(answer.headers["dpop-nonce"])
    end)

    it("holds for the management API, too", function()
      local access = redeem().json.access_token
      assert.equal(401, http.get(server, "/idp/authorizations", { bearer = access }).status)
      shape.ok(jose.dpop_request(server, key, "GET", "/idp/authorizations",
        { headers = { authorization = "DPoP " .. access } }, { ath = jose.sha256(access) }))
    end)
  end)

  describe("a public client's refresh token (§5)", function()
    it("is bound to the key", function()
      local tokens = token(public_form()).json
      local form = flow.refresh_form(public, tokens.refresh_token, { client_secret = false })
      shape.oauth_error(flow.token(server, form), 400, "invalid_dpop_proof")
      shape.oauth_error(token(form, other), 400, "invalid_grant")
      local answer = token(form)
      shape.ok(answer)
      assert.equal(key.jkt, flow.introspect(server, answer.json.access_token).cnf.jkt)
    end)
  end)

  describe("a code (§10)", function()
    it("is bound to the key of dpop_jkt", function()
      local function form()
        return flow.code_form(world.app, flow.code(server, world.app, world.cookie, { dpop_jkt = key.jkt }))
      end
      shape.oauth_error(flow.token(server, form()), 400, "invalid_grant")
      shape.oauth_error(token(form(), other), 400, "invalid_grant")
      shape.ok(token(form()))
    end)

    it("is bound to the key of the proof that its request was pushed with", function()
      local answer = jose.dpop_request(server, key, "POST", "/idp/par",
        { form = flow.request(world.app, { client_secret = world.app.client_secret, prompt = "consent" }) })
      assert.equal(201, answer.status, answer.body)
      local _, params = http.get(server, "/idp/authorize?" .. http.form { client_id = world.app.client_id,
        request_uri = answer.json.request_uri }, { cookie = world.cookie }):location()
      _, params = flow.consent(server, params.session_id, world.cookie, "approve"):location()
      shape.oauth_error(token(flow.code_form(world.app, params.code), other), 400, "invalid_grant")
    end)

    it("refuses a dpop_jkt that is none", function()
      local answer = flow.authorize(server, world.app, { dpop_jkt = "x" }, { cookie = world.cookie })
      shape.error_redirect(answer, 302, flow.request(world.app), "invalid_request", server.issuer)
    end)
  end)

  it("uses a proof once when two come together", function()
    local nonce = redeem().headers["dpop-nonce"]
    local access = redeem().json.access_token
    local proof = jose.proof(server, key, "GET", "/idp/userinfo", { nonce = nonce, ath = jose.sha256(access) })
    local answers = http.together(server, 8, function(_, connection)
      return connection:request("GET", "/idp/userinfo",
        { headers = { authorization = "DPoP " .. access, dpop = proof } }).status
    end)
    table.sort(answers)
    assert.same({ 200, 401, 401, 401, 401, 401, 401, 401 }, answers)
  end)
end)
