local flow = require "helpers.flow"
local http = require "helpers.http"
local lock = require "helpers.lock"
local server_helper = require "helpers.server"
local shape = require "helpers.shape"

local TOKEN = "%w+%.%w+"

describe("POST /idp/token", function()
  local server, world
  lazy_setup(function()
    server = server_helper.start()
    world = flow.world(server, {}, { roles = { "unlimited_dev" } })
  end)
  lazy_teardown(function()
    server:stop()
  end)

  local function code(more, app)
    return flow.code(server, app or world.app, world.cookie, more)
  end

  local function redeem(more, options)
    local form = flow.code_form(world.app, more and more.code or code(), more)
    return flow.token(server, form, options)
  end

  local function good(answer, scope)
    shape.ok(answer)
    shape.no_store(answer)
    assert.equal("*", answer.headers["access-control-allow-origin"])
    local tokens = answer.json
    assert.matches("^cak_" .. TOKEN .. "$", tokens.access_token)
    assert.equal(4 + 22 + 1 + 43 + 6, #tokens.access_token)
    assert.matches("^crt_" .. TOKEN .. "$", tokens.refresh_token)
    assert.equal("Bearer", tokens.token_type)
    assert.equal(3600, tokens.expires_in)
    assert.equal(scope or "profile", tokens.scope)
    return tokens
  end

  local function dead(tokens)
    assert.same({ active = false }, flow.introspect(server, tokens.access_token))
    assert.same({ active = false }, flow.introspect(server, tokens.refresh_token))
  end

  describe("authorization_code", function()
    it("is refused for a grant that the store holds for over, or for revoked", function()
      local revoked = "^The authorization has been revoked%.$"
      for change, said in pairs { ["expires_at = 1"] = ".", ["revoked_at = 1"] = revoked } do
        local waiting = code()
        lock.change(server, "UPDATE grants SET " .. change .. " WHERE redeemed_at IS NULL")
        local answer = redeem { code = waiting }
        shape.oauth_error(answer, 400, "invalid_grant")
        assert.matches(said, answer.json.error_description)
      end
    end)

    it("by client_secret_post", function()
      good(redeem())
      good(redeem({ code = code({ scope = "openid profile" }) }), "openid profile")
    end)

    it("by client_secret_basic", function()
      local basic = { world.app.client_id, world.app.client_secret }
      good(redeem({ client_id = false, client_secret = false }, { basic = basic }))
      good(redeem({ client_secret = false }, { basic = basic }))
    end)

    it("by PKCE alone, and by PKCE and the secret", function()
      for _, secret in ipairs { false, world.app.client_secret } do
        local pkce = flow.pkce()
        local with = code({ code_challenge = pkce.challenge, code_challenge_method = "S256" })
        good(redeem({ code = with, client_secret = secret, code_verifier = pkce.verifier }))
      end
    end)

    it("issues tokens that are active at once", function()
      local tokens = good(redeem())
      assert.is_true(flow.is_active(server, tokens.access_token))
      assert.is_true(flow.is_active(server, tokens.refresh_token))
    end)

    it("refuses a code the second time, and kills what the first issued", function()
      local once = code()
      local tokens = good(redeem({ code = once }))
      assert.is_true(flow.is_active(server, tokens.access_token))
      shape.oauth_error(redeem({ code = once }), 400, "invalid_grant")
      dead(tokens)
      shape.oauth_error(flow.token(server, flow.refresh_form(world.app, tokens.refresh_token)), 400, "invalid_grant")
    end)

    it("a replay kills the whole family, rotated tokens too", function()
      local once = code()
      local first = good(redeem({ code = once }))
      local second = good(flow.token(server, flow.refresh_form(world.app, first.refresh_token)))
      shape.oauth_error(redeem({ code = once }), 400, "invalid_grant")
      dead(first)
      dead(second)
    end)

    it("refuses a code that is forged, cut or empty", function()
      shape.oauth_error(redeem({ code = "forged" }), 400, "invalid_grant")
      local once = code()
      shape.oauth_error(redeem({ code = once:sub(1, -2) }), 400, "invalid_grant")
      shape.oauth_error(redeem({ code = ("A"):rep(600) }), 400, "invalid_grant")
      good(redeem({ code = once }))
    end)

    it("refuses a session_id in place of a code", function()
      shape.oauth_error(redeem({ code = flow.session_id(server, world.app, world.cookie) }), 400, "invalid_grant")
    end)

    it("refuses another redirect_uri, and the code stays good", function()
      local once = code()
      shape.oauth_error(redeem({ code = once, redirect_uri = flow.REDIRECT .. "/" }), 400, "invalid_grant")
      good(redeem({ code = once }))
    end)

    it("refuses a code of another client, which stays good for its own", function()
      local other = flow.app(server, world.user)
      local once = code()
      local stolen = flow.token(server, flow.code_form(other, once, { redirect_uri = flow.REDIRECT }))
      shape.oauth_error(stolen, 400, "invalid_grant")
      good(redeem({ code = once }))
    end)

    describe("PKCE (RFC 7636, RFC 9700 §4.8.2)", function()
      local pkce = flow.pkce()
      local function with_challenge()
        return code({ code_challenge = pkce.challenge, code_challenge_method = "S256" })
      end

      it("wants the verifier when there was a challenge, also with the secret", function()
        shape.oauth_error(redeem({ code = with_challenge() }), 400, "invalid_grant")
        shape.oauth_error(redeem({ code = with_challenge(), client_secret = false }), 400, "invalid_grant")
      end)

      it("refuses a wrong verifier, and the challenge itself", function()
        local once = with_challenge()
        for _, wrong in ipairs { flow.pkce().verifier, pkce.challenge } do
          shape.oauth_error(redeem({ code = once, code_verifier = wrong }), 400, "invalid_grant")
        end
        good(redeem({ code = once, code_verifier = pkce.verifier }))
      end)

      it("refuses a verifier of a wrong form", function()
        for _, wrong in ipairs { ("a"):rep(42), ("a"):rep(129), ("a"):rep(42) .. "!" } do
          shape.oauth_error(redeem({ code = with_challenge(), code_verifier = wrong }), 400, "invalid_request")
        end
      end)

      it("refuses a verifier when there was no challenge", function()
        shape.oauth_error(redeem({ code_verifier = pkce.verifier }), 400, "invalid_grant")
      end)

      it("wants the secret when there was no challenge", function()
        shape.oauth_error(redeem({ client_secret = false }), 401, "invalid_client")
      end)
    end)
  end)

  describe("the client", function()
    it("with a wrong secret is always refused", function()
      shape.oauth_error(redeem({ client_secret = "csc_" .. ("x"):rep(48) }), 401, "invalid_client")
      local pkce = flow.pkce()
      local with = code({ code_challenge = pkce.challenge, code_challenge_method = "S256" })
      shape.oauth_error(redeem({ code = with, code_verifier = pkce.verifier, client_secret = "wrong" }), 401,
        "invalid_client")
    end)

    it("that used Basic is challenged with Basic", function()
      local answer = redeem({ client_id = false, client_secret = false }, { basic = { world.app.client_id, "wrong" } })
      shape.oauth_error(answer, 401, "invalid_client")
      assert.matches("^Basic", answer.headers["www-authenticate"])
      answer = redeem({ client_secret = "wrong" })
      assert.is_nil(answer.headers["www-authenticate"])
    end)

    it("that is unknown is refused", function()
      shape.oauth_error(redeem({ client_id = "cid_" .. ("q"):rep(24) }), 401, "invalid_client")
      shape.oauth_error(redeem({ client_id = world.user.user_id }), 401, "invalid_client")
    end)

    it("may not authenticate in two ways at once", function()
      local basic = { world.app.client_id, world.app.client_secret }
      shape.oauth_error(redeem({}, { basic = basic }), 400, "invalid_request")
    end)

    it("may not name another client beside Basic", function()
      local other = flow.app(server, world.user)
      local answer = redeem({ client_id = other.client_id, client_secret = false },
        { basic = { world.app.client_id, world.app.client_secret } })
      shape.oauth_error(answer, 400, "invalid_request")
    end)

    it("with malformed Basic is refused", function()
      for _, value in ipairs { "Basic", "Basic !!!", "Basic " .. http.base64("nocolon"),
        "Basic " .. http.base64("%zz:x"),
                               "Basic YQ" } do
        local form = flow.code_form(world.app, "x", { client_id = false, client_secret = false })
        local answer = flow.token(server, form, { headers = { authorization = value } })
        assert.is_true(answer.status == 401 or answer.status == 422, value .. ": " .. answer.status)
        assert.is_true(answer.json.error == "invalid_client" or answer.json.error == "invalid_request")
      end
    end)

    it("has its Basic parts form-decoded (RFC 6749 §2.3.1)", function()
      local encoded = world.app.client_id:gsub("_", "%%5F") .. ":" .. world.app.client_secret:gsub("_", "%%5f")
      good(redeem({ client_id = false, client_secret = false },
        { headers = { authorization = "Basic " .. http.base64(encoded) } }))
      good(redeem({ client_id = false, client_secret = false },
        { headers = { authorization = "bAsIc " .. http.base64(encoded) } }))
    end)

    it("may insist on one method (token_endpoint_auth_method)", function()
      local app = flow.app(server, world.user, { token_endpoint_auth_method = "client_secret_basic" })
      local function with(more, options)
        return flow.token(server, flow.code_form(app, code(nil, app), more), options)
      end
      shape.oauth_error(with(), 401, "invalid_client")
      good(with({ client_secret = false }, { basic = { app.client_id, app.client_secret } }))
      local public = flow.app(server, world.user, { token_endpoint_auth_method = "none" })
      local pkce = flow.pkce()
      local challenge = { code_challenge = pkce.challenge, code_challenge_method = "S256" }
      good(flow.token(server, flow.code_form(public, code(challenge, public),
        { client_secret = false, code_verifier = pkce.verifier })))
      shape.oauth_error(flow.token(server, flow.code_form(public, code(challenge, public),
        { client_secret = world.app.client_secret, code_verifier = pkce.verifier })), 401, "invalid_client")
    end)
  end)

  describe("the request", function()
    local function invalid(form, fields)
      local answer = flow.token(server, form)
      shape.invalid(answer, fields)
      assert.equal("invalid_request", answer.json.error)
      assert.is_string(answer.json.error_description)
      shape.no_store(answer)
    end

    it("names every missing required field in both shapes", function()
      invalid({ grant_type = "authorization_code" }, {
        { "body", "code", "missing" }, { "body", "redirect_uri", "missing" }, { "body", "client_id", "missing" } })
      invalid({ grant_type = "refresh_token", client_id = world.app.client_id }, {
        { "body", "refresh_token", "missing" } })
      invalid({ client_id = world.app.client_id }, { { "body", "grant_type", "missing" } })
    end)

    it("takes an empty field for a missing one (RFC 6749 §3.2)", function()
      invalid(flow.code_form(world.app, ""), { { "body", "code", "missing" } })
    end)

    it("ignores unknown fields", function()
      good(redeem({ resource_hint = "x" }))
    end)

    it("knows no other grant types than it says", function()
      for _, type in ipairs { "password", "implicit", "Authorization_Code",
                              "urn:ietf:params:oauth:grant-type:saml2-bearer" } do
        shape.oauth_error(flow.token(server, { grant_type = type, username = "a", password = "b",
                                               client_id = world.app.client_id }), 400, "unsupported_grant_type")
      end
      shape.oauth_error(flow.token(server, { grant_type = "client_credentials", client_id = world.app.client_id,
                                             client_secret = world.app.client_secret }), 400, "unauthorized_client")
    end)

    it("may not repeat a field", function()
      local form = flow.code_form(world.app, code())
      local list = {}
      for name, value in pairs(form) do
        table.insert(list, { name, value })
      end
      table.insert(list, { "client_id", form.client_id })
      shape.oauth_error(flow.token(server, list), 400, "invalid_request")
    end)

    it("must be a form", function()
      local answer = http.post(server, "/idp/token", { json = { grant_type = "authorization_code" } })
      assert.equal(415, answer.status)
      shape.oauth_error(answer, 415, "invalid_request")
    end)

    it("must be a POST", function()
      local answer = http.get(server, "/idp/token")
      assert.equal(405, answer.status)
      assert.equal("POST", answer.headers.allow)
    end)

    it("takes its fields from the body only", function()
      local path = "/idp/token?" .. http.form(flow.code_form(world.app, code()))
      local answer = http.post(server, path, { form = { a = "b" } })
      assert.equal(422, answer.status)
    end)

    it("is open to every origin, preflight and errors included", function()
      local preflight = http.request(server, "OPTIONS", "/idp/token", { headers = {
        origin = "https://spa.example", ["access-control-request-method"] = "POST",
        ["access-control-request-headers"] = "authorization,content-type" } })
      assert.equal(204, preflight.status)
      assert.equal("*", preflight.headers["access-control-allow-origin"])
      assert.matches("POST", preflight.headers["access-control-allow-methods"])
      assert.matches("authorization", preflight.headers["access-control-allow-headers"])
      assert.matches("content-type", preflight.headers["access-control-allow-headers"], 1, true)
      assert.equal("*", flow.token(server, {}).headers["access-control-allow-origin"])
    end)
  end)

  describe("refresh_token", function()
    local function tokens(more)
      return flow.tokens(server, world.app, world.cookie, more)
    end

    local function refresh(token, more, options)
      return flow.token(server, flow.refresh_form(world.app, token, more), options)
    end

    it("rotates", function()
      local first = tokens()
      local second = good(refresh(first.refresh_token))
      assert.not_equal(first.refresh_token, second.refresh_token)
      assert.not_equal(first.access_token, second.access_token)
      assert.is_true(flow.is_active(server, second.access_token))
      assert.is_true(flow.is_active(server, second.refresh_token))
      assert.is_false(flow.is_active(server, first.refresh_token))
      good(refresh(second.refresh_token))
    end)

    it("by Basic, too", function()
      good(refresh(tokens().refresh_token, { client_id = false, client_secret = false },
        { basic = { world.app.client_id, world.app.client_secret } }))
    end)

    it("gives a fresh pair of the same family within the reuse grace", function()
      local first = tokens()
      local second = good(refresh(first.refresh_token))
      local again = good(refresh(first.refresh_token))
      assert.not_equal(second.refresh_token, again.refresh_token)
      assert.is_true(flow.is_active(server, second.access_token))
      assert.is_true(flow.is_active(server, again.access_token))
      http.post(server, "/idp/token/revoke", { form = { token = again.refresh_token } })
      dead(second)
    end)

    it("is refused when another use of it, of long ago, is stored while this one waits", function()
      local first = tokens()
      local form = flow.refresh_form(world.app, first.refresh_token)
      local answer = flow.token_overtaken(server, form,
        "UPDATE refresh_tokens SET rotated_at = 1, rotated_by = 'another' WHERE rotated_at IS NULL")
      shape.oauth_error(answer, 400, "invalid_grant")
      dead(first)
    end)

    it("narrows the scopes of one access token, never widens (RFC 6749 §6)", function()
      local first = tokens({ scope = "openid profile quota" })
      local second = good(refresh(first.refresh_token, { scope = "quota" }), "quota")
      assert.equal("quota", flow.introspect(server, second.access_token).scope)
      assert.is_nil(second.id_token)
      assert.equal("openid profile quota", flow.introspect(server, second.refresh_token).scope)
      shape.oauth_error(refresh(second.refresh_token, { scope = "openid usage" }), 400, "invalid_scope")
      shape.oauth_error(refresh(second.refresh_token, { scope = "no:such" }), 400, "invalid_scope")
      local third = good(refresh(second.refresh_token, { scope = "openid" }), "openid")
      local fourth = good(refresh(third.refresh_token), "openid profile quota")
      assert.is_string(fourth.id_token)
    end)

    it("needs the secret where the grant was redeemed with it", function()
      shape.oauth_error(refresh(tokens().refresh_token, { client_secret = false }), 401, "invalid_client")
      shape.oauth_error(refresh(tokens().refresh_token, { client_secret = "wrong" }), 401, "invalid_client")
    end)

    it("does without where the grant was redeemed by PKCE alone", function()
      local pkce = flow.pkce()
      local with = code({ code_challenge = pkce.challenge, code_challenge_method = "S256" })
      local first = good(redeem({ code = with, client_secret = false, code_verifier = pkce.verifier }))
      good(refresh(first.refresh_token, { client_secret = false }))
    end)

    it("refuses another client's token, which stays good for its own", function()
      local other = flow.app(server, world.user)
      local first = tokens()
      shape.oauth_error(flow.token(server, flow.refresh_form(other, first.refresh_token)), 400, "invalid_grant")
      good(refresh(first.refresh_token))
    end)

    it("refuses what is no refresh token", function()
      local first = tokens()
      local token = first.refresh_token
      local other = token:sub(31, 31) == "x" and "y" or "x"
      for _, wrong in ipairs { first.access_token, "crt_x.y", token:sub(1, -2), token .. "x", world.user.api_key,
                               token:gsub("^crt", "CRT"), token:sub(1, 30) .. other .. token:sub(32) } do
        shape.oauth_error(refresh(wrong), 400, "invalid_grant")
      end
      good(refresh(token))
    end)
  end)
end)

describe("short lifetimes", function()
  local server, world
  lazy_setup(function()
    server = server_helper.start {
      settings = { lifetimes = { code = 1, reuse_grace = 0 } },
      policies = { ["tokens.lua"] = [[
        return { lifetimes = function(facts)
          local short = facts.app.name == "Short"
          return { access = short and 1 or 3600, refresh = short and 2 or 86400, id = 60 }
        end }]] },
    }
    world = flow.world(server)
  end)
  lazy_teardown(function()
    server:stop()
  end)

  local function until_inactive(token)
    local deadline = os.time() + 5
    local answer
    repeat
      answer = flow.introspect(server, token)
    until not answer.active or os.time() > deadline
    return answer
  end

  it("an authorization code expires", function()
    local code = flow.code(server, world.app, world.cookie)
    -- A wrong redirect_uri leaves the code alone; the expiry is told first.
    http.ask_until(function()
      return flow.token(server, flow.code_form(world.app, code, { redirect_uri = "https://x.example" }))
    end, shape.says_expired)
    shape.oauth_error(flow.token(server, flow.code_form(world.app, code)), 400, "invalid_grant")
  end)

  it("tokens expire, everywhere", function()
    local app = flow.app(server, world.user, { name = "Short" })
    local tokens = flow.tokens(server, app, world.cookie)
    assert.equal(1, tokens.expires_in)
    assert.same({ active = false }, until_inactive(tokens.access_token))
    assert.equal(401, http.get(server, "/idp/userinfo", { bearer = tokens.access_token }).status)
    assert.same({ active = false }, until_inactive(tokens.refresh_token))
    local late = flow.token(server, flow.refresh_form(app, tokens.refresh_token))
    shape.oauth_error(late, 400, "invalid_grant")
    assert.equal("The refresh token has expired.", late.json.error_description)
  end)

  it("a rotated refresh token outside of the grace kills the family", function()
    local first = flow.tokens(server, world.app, world.cookie)
    local second = flow.token(server, flow.refresh_form(world.app, first.refresh_token)).json
    local killed = http.metric(server, "moonlatch_families_revoked_total")
    -- With a grace of 0 s the same second may still be in it: the family dies in the next.
    local answer = http.ask_until(function()
      return flow.token(server, flow.refresh_form(world.app, first.refresh_token))
    end, shape.is_refused)
    shape.oauth_error(answer, 400, "invalid_grant")
    assert.is_true(http.metric(server, "moonlatch_families_revoked_total") > killed)
    for _, token in ipairs { first.access_token, second.access_token, second.refresh_token } do
      assert.same({ active = false }, flow.introspect(server, token))
    end
    shape.oauth_error(flow.token(server, flow.refresh_form(world.app, second.refresh_token)), 400, "invalid_grant")
  end)
end)
