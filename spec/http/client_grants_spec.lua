-- client_credentials (RFC 6749 §4.4) and token exchange (RFC 8693).
local flow = require "helpers.flow"
local http = require "helpers.http"
local jose = require "helpers.jose"
local server_helper = require "helpers.server"
local shape = require "helpers.shape"

local EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
local ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
-- Any app may exchange, but not for a resource called forbidden.
local TOKENS = [[
  local ours = require "moonlatch.time"
  return {
    lifetimes = function(facts)
      return { access = facts.app.name == "Short" and ours.minute or ours.hour, refresh = ours.day, id = ours.hour }
    end,
    exchange = function(facts)
      if facts.user.username == "bound" and facts.subject_token.is_bound then
        return false, "This user's keys stay where they are."
      end
      return facts.user.username ~= "nobody", "This user's tokens stay where they are."
    end,
    resource = function(facts) return facts.resource ~= "https://forbidden.example/", "There is no such resource." end,
  }
]]

describe("Grants without a browser", function()
  local server, world, machine
  lazy_setup(function()
    server = server_helper.start { policies = { ["tokens.lua"] = TOKENS, ["tokens_spec.lua"] = "" } }
    world = flow.world(server, nil, { roles = { "unlimited_dev" } })
    machine = flow.app(server, world.user, {
      grant_types = { "authorization_code", "refresh_token", "client_credentials", EXCHANGE },
      allowed_scopes = { "chutes:read", "images:write" },
    })
  end)
  lazy_teardown(function()
    server:stop()
  end)

  describe("client_credentials", function()
    local function ask(more, options)
      local form = { grant_type = "client_credentials", client_id = machine.client_id,
                     client_secret = machine.client_secret }
      for name, value in pairs(more or {}) do
        form[name] = value or nil
      end
      return flow.token(server, form, options)
    end

    it("gives a token of the client for itself, and no refresh token", function()
      local answer = ask()
      shape.ok(answer)
      shape.no_store(answer)
      assert.equal("chutes:read images:write", answer.json.scope)
      assert.is_nil(answer.json.refresh_token)
      assert.is_nil(answer.json.id_token)
      local known = flow.introspect(server, answer.json.access_token)
      assert.is_true(known.active)
      assert.equal(machine.client_id, known.sub)
      assert.equal(machine.client_id, known.client_id)
      assert.is_nil(known.username)
    end)

    it("gives what the client is registered for, or less", function()
      assert.equal("chutes:read", ask({ scope = "chutes:read" }).json.scope)
      shape.oauth_error(ask({ scope = "openid" }), 400, "invalid_scope")
      shape.oauth_error(ask({ scope = "admin" }), 400, "invalid_scope")
      shape.oauth_error(ask({ scope = "no-such" }), 400, "invalid_scope")
    end)

    it("is for named resources, as the policy allows", function()
      local answer = ask({ resource = "https://api.example/" })
      assert.same({ "https://api.example/" }, flow.introspect(server, answer.json.access_token).aud)
      shape.oauth_error(ask({ resource = "https://forbidden.example/" }), 400, "invalid_target")
    end)

    it("is no user: neither userinfo nor the management API take it", function()
      local token = ask().json.access_token
      local answer = http.get(server, "/idp/userinfo", { bearer = token })
      assert.equal(403, answer.status)
      assert.equal(401, http.get(server, "/idp/apps", { bearer = token }).status)
    end)

    it("needs the client's proof and registration", function()
      shape.oauth_error(ask({ client_secret = false }), 401, "invalid_client")
      shape.oauth_error(ask({ client_secret = "csc_wrong" }), 401, "invalid_client")
      shape.oauth_error(ask({ client_id = world.app.client_id, client_secret = world.app.client_secret }), 400,
        "unauthorized_client")
    end)

    it("ends with a revocation, and with the app", function()
      local token = ask().json.access_token
      http.post(server, "/idp/token/revoke", { form = { token = token } })
      assert.is_false(flow.is_active(server, token))
      local app = flow.app(server, world.user,
        { grant_types = { "client_credentials" }, allowed_scopes = { "chutes:read" } })
      local answer = flow.token(server, { grant_type = "client_credentials", client_id = app.client_id,
                                          client_secret = app.client_secret })
      shape.ok(answer)
      http.request(server, "PATCH", "/idp/apps/" .. app.app_id,
        { json = { active = false }, bearer = world.user.api_key })
      assert.is_false(flow.is_active(server, answer.json.access_token))
    end)
  end)

  describe("token exchange", function()
    local function ask(subject_token, more)
      local form = { grant_type = EXCHANGE, subject_token = subject_token, subject_token_type = ACCESS_TOKEN,
                     client_id = machine.client_id, client_secret = machine.client_secret }
      for name, value in pairs(more or {}) do
        form[name] = value or nil
      end
      return flow.token(server, form)
    end

    local function subject(scope)
      return flow.tokens(server, world.app, world.cookie, { scope = scope or "profile chutes:read" }).access_token
    end

    it("gives a token of the same user to the client that asks, which is its actor", function()
      local answer = ask(subject())
      shape.ok(answer)
      assert.equal(ACCESS_TOKEN, answer.json.issued_token_type)
      assert.equal("Bearer", answer.json.token_type)
      assert.equal("profile chutes:read", answer.json.scope)
      assert.is_nil(answer.json.refresh_token)
      local known = flow.introspect(server, answer.json.access_token)
      assert.equal(world.user.user_id, known.sub)
      assert.equal(machine.client_id, known.client_id)
      assert.same({ sub = machine.client_id }, known.act)
    end)

    it("gives fewer scopes, never others, and lives no longer", function()
      local token = subject()
      local answer = ask(token, { scope = "chutes:read", resource = "https://api.example/" })
      shape.ok(answer)
      local known, was = flow.introspect(server, answer.json.access_token), flow.introspect(server, token)
      assert.equal("chutes:read", known.scope)
      assert.same({ "https://api.example/" }, known.aud)
      assert.is_true(known.exp <= was.exp)
      shape.oauth_error(ask(token, { scope = "balance" }), 400, "invalid_scope")
      shape.oauth_error(ask(token, { resource = "https://forbidden.example/" }), 400, "invalid_target")
      local narrow, elsewhere = answer.json.access_token, { resource = "https://elsewhere.example/" }
      shape.ok(ask(token, elsewhere))
      shape.oauth_error(ask(narrow, elsewhere), 400, "invalid_target") -- what is for one resource is for no other
      assert.same(known.aud, flow.introspect(server, ask(narrow).json.access_token).aud)
    end)

    it("does not outlive the first token, though the policy would let it", function()
      local short = flow.app(server, world.user, { name = "Short" })
      local first = flow.tokens(server, short, world.cookie)
      assert.is_true(first.expires_in <= 60)
      local answer = ask(first.access_token)
      shape.ok(answer)
      assert.is_true(answer.json.expires_in <= 60, answer.body)
      local was, known = flow.introspect(server, first.access_token), flow.introspect(server, answer.json.access_token)
      assert.equal(was.exp, known.exp)
    end)

    it("is the policy's to allow", function()
      local nobody = flow.user(server, { name = "nobody" })
      local cookie = flow.sign_in(server, world.app, nobody)
      local token = flow.tokens(server, world.app, cookie).access_token
      local answer = ask(token)
      shape.oauth_error(answer, 400, "invalid_request")
      assert.equal("This user's tokens stay where they are.", answer.json.error_description)
    end)

    it("refuses what is no good token", function()
      local tokens = flow.tokens(server, world.app, world.cookie)
      http.post(server, "/idp/token/revoke", { form = { token = tokens.access_token } })
      for _, token in ipairs { tokens.access_token, tokens.refresh_token, "x", "cak_x", "a.b.c" } do
        shape.oauth_error(ask(token), 400, "invalid_request")
      end
      shape.oauth_error(ask(subject(), { subject_token_type = "urn:x" }), 400, "invalid_request")
      shape.oauth_error(ask(subject(), { actor_token = "x" }), 400, "invalid_request")
      local other_type = "urn:ietf:params:oauth:token-type:refresh_token"
      shape.oauth_error(ask(subject(), { requested_token_type = other_type }), 400, "invalid_request")
      shape.oauth_error(ask(subject(), { client_secret = false }), 401, "invalid_client")
    end)

    -- RFC 9449 §7.2: who has only the token must not come by one that needs no key.
    it("of a token that is bound to a key needs the key, and gives one that is bound to it", function()
      local key, other = jose.key "ES256", jose.key "ES256"
      local function bound_token(cookie)
        local code = flow.code(server, world.app, cookie, { scope = "profile chutes:read" })
        return jose.dpop_request(server, key, "POST", "/idp/token", { form = flow.code_form(world.app, code) })
          .json.access_token
      end
      local function ask_with(with, token)
        return jose.dpop_request(server, with, "POST", "/idp/token", { form = { grant_type = EXCHANGE,
          subject_token = token, subject_token_type = ACCESS_TOKEN, client_id = machine.client_id,
          client_secret = machine.client_secret } })
      end
      local token = bound_token(world.cookie)
      shape.oauth_error(ask(token), 400, "invalid_dpop_proof")
      shape.oauth_error(ask_with(other, token), 400, "invalid_request")
      local answer = ask_with(key, token)
      shape.ok(answer)
      assert.equal("DPoP", answer.json.token_type)
      assert.equal(key.jkt, flow.introspect(server, answer.json.access_token).cnf.jkt)
      shape.oauth_error(ask(answer.json.access_token), 400, "invalid_dpop_proof") -- and so on
      assert.equal("DPoP", ask_with(key, answer.json.access_token).json.token_type)
      assert.equal("DPoP", ask_with(other, subject()).json.token_type)

      local cautious = flow.sign_in(server, world.app, flow.user(server, { name = "bound" }))
      answer = ask_with(key, bound_token(cautious))
      shape.oauth_error(answer, 400, "invalid_request")
      assert.equal("This user's keys stay where they are.", answer.json.error_description)
      shape.ok(ask(flow.tokens(server, world.app, cautious).access_token))
    end)

    it("is refused when the token, or its grant, is revoked while the request waits for the store", function()
      for _, revoked in ipairs { "UPDATE access_tokens SET revoked_at = 1", "UPDATE grants SET revoked_at = 1" } do
        local token = subject()
        shape.ok(ask(token))
        local answer = flow.token_overtaken(server, { grant_type = EXCHANGE, subject_token = token,
          subject_token_type = ACCESS_TOKEN, client_id = machine.client_id, client_secret = machine.client_secret },
          revoked)
        shape.oauth_error(answer, 400, "invalid_request")
        assert.equal("subject_token has just been revoked.", answer.json.error_description)
      end
    end)

    it("ends when the user takes back what the first token came from", function()
      local answer = ask(subject())
      assert.is_true(flow.is_active(server, answer.json.access_token))
      http.request(server, "DELETE", "/idp/authorizations/" .. world.app.app_id, { bearer = world.user.api_key })
      assert.is_false(flow.is_active(server, answer.json.access_token))
    end)
  end)
end)
