-- OpenID Connect: discovery, keys, id_token, and what an authorization request may ask (Core §2, §3.1.2, §5.5).
local cjson = require "cjson.safe"

local cli = require "helpers.cli"
local flow = require "helpers.flow"
local http = require "helpers.http"
local jose = require "helpers.jose"
local shape = require "helpers.shape"

local ALGS = { "RS256", "ES256", "EdDSA" }

describe("OpenID Connect", function()
  local server, world
  flow.in_world(function(...)
    server, world = ...
  end)

  describe("discovery", function()
    it("is the same document under both names, for everybody", function()
      local openid = http.get(server, "/.well-known/openid-configuration")
      local oauth = http.get(server, "/.well-known/oauth-authorization-server")
      shape.ok(openid)
      assert.equal(openid.body, oauth.body)
      assert.equal("*", openid.headers["access-control-allow-origin"])
      assert.matches("max%-age", openid.headers["cache-control"])
    end)

    it("names routes that there are", function()
      local document = http.get(server, "/.well-known/openid-configuration").json
      assert.equal(server.issuer, document.issuer)
      local routes = http.get(server, "/openapi.json").json.paths
      local seen = 0
      for name, value in pairs(document) do
        if name:find("_endpoint$") or name == "jwks_uri" or name == "service_documentation" then
          local path = value:sub(#server.issuer + 1)
          assert.equal(server.issuer .. path, value)
          assert.is_truthy(routes[path], name .. " names " .. path .. ", which is no route")
          seen = seen + 1
        end
      end
      assert.is_true(seen >= 10)
    end)

    it("says what holds", function()
      local document = http.get(server, "/.well-known/openid-configuration").json
      assert.same({ "code" }, document.response_types_supported)
      assert.same({ "S256" }, document.code_challenge_methods_supported)
      assert.same(ALGS, document.id_token_signing_alg_values_supported)
      assert.is_true(document.authorization_response_iss_parameter_supported)
      assert.is_false(document.request_parameter_supported)
      for _, list in ipairs { document.grant_types_supported, document.token_endpoint_auth_methods_supported } do
        for _, word in ipairs(list) do
          assert.is_nil(word:find("implicit", 1, true) or word:find("password", 1, true))
        end
      end
      for _, scope in ipairs { "openid", "profile" } do
        assert.is_truthy(table.concat(document.scopes_supported, " "):find(scope, 1, true))
      end
    end)
  end)

  describe("keys", function()
    it("are published: one of each algorithm, public parts alone", function()
      local answer = http.get(server, "/idp/jwks")
      shape.ok(answer)
      local algs = {}
      for _, jwk in ipairs(answer.json.keys) do
        algs[jwk.alg] = true
        assert.equal("sig", jwk.use)
        assert.is_string(jwk.kid)
        for _, private in ipairs { "d", "p", "q", "dp", "dq", "qi", "k" } do
          assert.is_nil(jwk[private])
        end
      end
      assert.same({ RS256 = true, ES256 = true, EdDSA = true }, algs)
    end)
  end)

  describe("the id_token", function()
    local function id_token_of(app, more)
      local tokens = flow.tokens(server, app, world.cookie, more or { scope = "openid" })
      assert.is_string(tokens.id_token)
      local header, claims = jose.verified(server, tokens.id_token)
      return header, claims, tokens
    end

    it("is there when openid is granted, and only then", function()
      assert.is_nil(flow.tokens(server, world.app, world.cookie, { scope = "profile" }).id_token)
      assert.is_string(flow.tokens(server, world.app, world.cookie, { scope = "openid profile" }).id_token)
    end)

    it("has the claims of Core §2, signed with RS256 unless the app wants another algorithm", function()
      local header, claims, tokens = id_token_of(world.app, { scope = "openid", nonce = "n-0S6" })
      assert.equal("RS256", header.alg)
      assert.equal("JWT", header.typ)
      assert.equal(server.issuer, claims.iss)
      assert.equal(world.user.user_id, claims.sub)
      assert.equal(world.app.client_id, claims.aud)
      assert.equal("n-0S6", claims.nonce)
      assert.equal(jose.half_hash(tokens.access_token), claims.at_hash)
      assert.same({ "pwd" }, claims.amr)
      assert.is_string(claims.sid)
      assert.is_true(math.abs(claims.iat - os.time()) < 30)
      assert.equal(3600, claims.exp - claims.iat)
      assert.is_true(claims.auth_time <= claims.iat)
      assert.is_nil(claims.acr)
    end)

    for _, alg in ipairs(ALGS) do
      it("is signed with " .. alg .. " for an app that registers it", function()
        local app = flow.app(server, world.user, { id_token_signed_response_alg = alg })
        local header = id_token_of(app)
        assert.equal(alg, header.alg)
      end)
    end

    it("comes again at a refresh, without nonce (Core §12.2)", function()
      local _, first, tokens = id_token_of(world.app, { scope = "openid", nonce = "once" })
      local answer = flow.token(server, flow.refresh_form(world.app, tokens.refresh_token))
      shape.ok(answer)
      local _, again = jose.verified(server, answer.json.id_token)
      for _, name in ipairs { "iss", "sub", "aud", "auth_time", "sid" } do
        assert.equal(first[name], again[name])
      end
      assert.is_nil(again.nonce)
      assert.equal(jose.half_hash(answer.json.access_token), again.at_hash)
      local narrowed = flow.token(server, flow.refresh_form(world.app, answer.json.refresh_token))
      shape.ok(narrowed)
    end)

    it("has the claims that were asked for by name, and userinfo, too (Core §5.5)", function()
      local wanted = cjson.encode { id_token = { username = { essential = true } },
                                    userinfo = { username = cjson.null } }
      local _, claims, tokens = id_token_of(world.app, { scope = "openid", claims = wanted })
      assert.equal(world.user.username, claims.username)
      assert.is_nil(claims.created_at)
      local _, plain = id_token_of(world.app)
      assert.is_nil(plain.username)
      local userinfo = http.get(server, "/idp/userinfo", { bearer = tokens.access_token })
      assert.equal(claims.sub, userinfo.json.sub)
    end)
  end)

  describe("a request", function()
    local function refused(more, code)
      local answer = flow.authorize(server, world.app, more, { cookie = world.cookie })
      shape.error_redirect(answer, 302, flow.request(world.app, more), code, server.issuer)
    end

    it("with malformed claims is refused", function()
      for _, claims in ipairs { "no json", "[]", '{"id_token": 1}', '{"userinfo": {"name": "x"}}',
                                cjson.encode { id_token = { x = { value = ("x"):rep(2100) } } } } do
        refused({ claims = claims }, "invalid_request")
      end
    end)

    it("for an essential acr is refused: none is told (Core §5.5.1.1)", function()
      refused({ scope = "openid", claims = '{"id_token": {"acr": {"essential": true, "values": ["urn:x"]}}}' },
        "unmet_authentication_requirements")
    end)

    it("for another subject asks that one to sign in", function()
      local claims = cjson.encode { id_token = { sub = { value = world.user.user_id } } }
      local other = flow.user(server)
      local other_cookie = flow.sign_in(server, world.app, other)
      shape.page(flow.authorize(server, world.app, { claims = claims }, { cookie = other_cookie }), 200)
      local silent = { claims = claims, prompt = "none" }
      shape.error_redirect(flow.authorize(server, world.app, silent, { cookie = other_cookie }), 302,
        flow.request(world.app, silent), "login_required", server.issuer)
      local wrong = flow.login(server, world.app, other, { claims = claims })
      shape.error_redirect(wrong, 303, flow.request(world.app), "login_required", server.issuer)
      assert.equal(303, flow.login(server, world.app, world.user, { claims = claims }).status)
    end)

    it("with an id_token_hint is for its subject; a hint of another client, or forged, is refused", function()
      local hint = flow.tokens(server, world.app, world.cookie, { scope = "openid" }).id_token
      local other = flow.user(server)
      local other_cookie = flow.sign_in(server, world.app, other)
      local silent = { id_token_hint = hint, prompt = "none" }
      shape.error_redirect(flow.authorize(server, world.app, silent, { cookie = other_cookie }), 302,
        flow.request(world.app), "login_required", server.issuer)
      local app = flow.app(server, world.user)
      local request = { id_token_hint = hint }
      shape.error_redirect(flow.authorize(server, app, request, { cookie = world.cookie }), 302,
        flow.request(app), "invalid_request", server.issuer)
      local _, claims = jose.read(hint)
      for _, header in ipairs { { alg = "none", typ = "JWT" }, { alg = "HS256", typ = "JWT" } } do
        refused({ id_token_hint = jose.sign({ jwk = { k = "x" } }, header, claims) }, "invalid_request")
      end
    end)

    it("may be answered by form_post", function()
      local code = flow.consent(server, flow.session_id(server, world.app, world.cookie,
        { response_mode = "form_post", state = 'a"<b' }), world.cookie, "approve")
      shape.page(code, 200)
      assert.matches('<form id="form-post" method="post" action="https://app.example/callback">', code.body, 1, true)
      assert.matches('name="code" value="', code.body, 1, true)
      assert.matches('name="state" value="a&quot;&lt;b"', code.body, 1, true)
      assert.matches('name="iss" value="' .. server.issuer .. '"', code.body, 1, true)
      local csp = code.headers["content-security-policy"]
      assert.matches("form%-action [^;]*https://app%.example", csp)
      local denied = flow.consent(server, flow.session_id(server, world.app, world.cookie,
        { response_mode = "form_post" }), world.cookie, "deny")
      assert.matches('name="error" value="access_denied"', denied.body, 1, true)
      refused({ response_mode = "fragment" }, "invalid_request")
    end)

    it("shows its pages in the language of ui_locales", function()
      local page = flow.authorize(server, world.app, { ui_locales = "fr-CA de en" })
      assert.equal("de", page.headers["content-language"])
      page = flow.authorize(server, world.app, { ui_locales = "fr" }, { headers = { ["accept-language"] = "de" } })
      assert.equal("de", page.headers["content-language"])
      local session_id = flow.session_id(server, world.app, world.cookie, { ui_locales = "de" })
      page = http.get(server, "/idp/authorize/consent?session_id=" .. session_id, { cookie = world.cookie })
      assert.equal("de", page.headers["content-language"])
    end)

    it("with login_hint fills the hotkey in", function()
      local hotkey = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"
      local page = flow.authorize(server, world.app, { login_hint = hotkey })
      assert.matches('value="' .. hotkey .. '"', page.body, 1, true)
    end)

    it("with a request object is refused (Core §6.1)", function()
      refused({ request = "eyJhbGciOiJub25lIn0.e30." }, "request_not_supported")
    end)

    it("that is too long is refused", function()
      refused({ ui_locales = ("x"):rep(7000) }, "invalid_request")
    end)

    it("keeps all that it asked for through the login page", function()
      local more = { scope = "openid", nonce = "kept", claims = '{"id_token":{"username":null}}', max_age = "1000",
                     resource = "https://api.example/" }
      local page = flow.authorize(server, world.app, more)
      local form = { auth_method = "fingerprint", fingerprint = world.user.fingerprint }
      local first = page.body:match("<form.-</form>")
      for name, value in first:gmatch('<input type="hidden" name="([%w_]+)" value="([^"]*)"') do
        form[name] = value:gsub("&quot;", '"'):gsub("&amp;", "&")
      end
      local answer = http.post(server, "/idp/login", { form = form })
      local _, params = answer:location()
      local cookie = flow.cookie_of(answer)
      if params.session_id then
        _, params = flow.consent(server, params.session_id, cookie, "approve"):location()
      end
      local tokens = flow.token(server, flow.code_form(world.app, params.code)).json
      local _, claims = jose.verified(server, tokens.id_token)
      assert.equal("kept", claims.nonce)
      assert.equal(world.user.username, claims.username)
      assert.same({ "https://api.example/" }, flow.introspect(server, tokens.access_token).aud)
    end)
  end)

  describe("resources (RFC 8707)", function()
    local resources = { { "resource", "https://a.example/" }, { "resource", "https://b.example/x?y=z" } }

    local function code()
      local request = { { "prompt", "consent" } }
      for name, value in pairs(flow.request(world.app)) do
        request[#request + 1] = { name, value }
      end
      for _, pair in ipairs(resources) do
        request[#request + 1] = pair
      end
      local answer = http.get(server, "/idp/authorize?" .. http.form(request), { cookie = world.cookie })
      local _, params = answer:location()
      _, params = flow.consent(server, params.session_id, world.cookie, "approve"):location()
      return params.code
    end

    it("become the audience, and a token request may name fewer", function()
      local all = flow.token(server, flow.code_form(world.app, code()))
      shape.ok(all)
      assert.same({ "https://a.example/", "https://b.example/x?y=z" },
        flow.introspect(server, all.json.access_token).aud)
      local one = flow.token(server, flow.refresh_form(world.app, all.json.refresh_token,
        { resource = "https://a.example/" }))
      assert.same({ "https://a.example/" }, flow.introspect(server, one.json.access_token).aud)
      local other = flow.token(server, flow.refresh_form(world.app, one.json.refresh_token,
        { resource = "https://c.example/" }))
      shape.oauth_error(other, 400, "invalid_target")
    end)

    it("must be absolute URIs without fragment", function()
      for _, resource in ipairs { "a", "https://a.example/#x", ("https://a.example/"):rep(40) } do
        local answer = flow.authorize(server, world.app, { resource = resource }, { cookie = world.cookie })
        local _, params = answer:location()
        assert.equal("invalid_target", params.error)
      end
    end)
  end)

  it("lists its keys on the command line", function()
    local keys = cli.ask(server.state, "keys", "list")
    assert.equal(3, #keys)
    for _, key in ipairs(keys) do
      assert.equal("signs", key.state)
    end
  end)
end)
