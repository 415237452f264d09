local flow = require "helpers.flow"
local http = require "helpers.http"
local shape = require "helpers.shape"

describe("POST /idp/token/introspect", function()
  local server, world
  flow.in_world(function(...)
    server, world = ...
  end)

  local function ask(form, options)
    options = options or {}
    options.form = form
    return http.post(server, "/idp/token/introspect", options)
  end

  local function inactive(token)
    local answer = ask({ token = token })
    shape.ok(answer)
    assert.same({ active = false }, answer.json)
  end

  it("tells everything of a live token", function()
    local before = os.time()
    local tokens = flow.tokens(server, world.app, world.cookie, { scope = "openid profile" })
    for kind, lifetime in pairs { access_token = 3600, refresh_token = 30 * 86400 } do
      local answer = ask({ token = tokens[kind] })
      shape.ok(answer)
      shape.no_store(answer)
      assert.equal("*", answer.headers["access-control-allow-origin"])
      local json = answer.json
      assert.is_true(json.iat >= before and json.iat <= os.time())
      assert.equal(lifetime, json.exp - json.iat)
      assert.same({
        active = true, token_type = kind, exp = json.exp, iat = json.iat, scope = "openid profile",
        client_id = world.app.client_id, username = world.user.username, sub = world.user.user_id, iss = server.issuer,
      }, json)
    end
  end)

  it("lets a refresh token live as long as the app says", function()
    local app = flow.app(server, world.user, { refresh_token_lifetime_days = 7 })
    local tokens = flow.tokens(server, app, world.cookie)
    local json = ask({ token = tokens.refresh_token }).json
    assert.equal(7 * 86400, json.exp - json.iat)
  end)

  it("tells nothing of any other token", function()
    local token = flow.tokens(server, world.app, world.cookie).access_token
    local other = flow.tokens(server, world.app, world.cookie).access_token
    for _, wrong in ipairs { "nonsense", token:sub(1, -2), token .. "x", token:sub(1, 27) .. other:sub(28),
                             token:upper(), " " .. token, world.user.api_key, world.cookie:match("=(.*)"),
                             world.app.client_secret, world.app.client_id, world.user.user_id } do
      inactive(wrong)
    end
  end)

  it("checks client credentials if given", function()
    local tokens = flow.tokens(server, world.app, world.cookie)
    local form = { token = tokens.access_token, client_id = world.app.client_id, client_secret = "wrong" }
    shape.oauth_error(ask(form), 401, "invalid_client")
    form.client_secret = world.app.client_secret
    assert.is_true(ask(form).json.active)
    local basic = ask({ token = tokens.access_token }, { basic = { world.app.client_id, "wrong" } })
    shape.oauth_error(basic, 401, "invalid_client")
    assert.matches("^Basic", basic.headers["www-authenticate"])
    assert.is_true(ask({ token = tokens.access_token }, { basic = { world.app.client_id, world.app.client_secret } })
      .json.active)
  end)

  it("names the missing token in both shapes", function()
    local answer = ask({ client_id = world.app.client_id })
    shape.invalid(answer, { { "body", "token", "missing" } })
    assert.equal("invalid_request", answer.json.error)
  end)

  it("refuses GET", function()
    local answer = http.get(server, "/idp/token/introspect?token=x")
    assert.equal(405, answer.status)
    assert.equal("POST", answer.headers.allow)
  end)

  it("answers the preflight", function()
    local answer = http.request(server, "OPTIONS", "/idp/token/introspect",
      { headers = { origin = "https://spa.example", ["access-control-request-method"] = "POST" } })
    assert.equal(204, answer.status)
    assert.equal("*", answer.headers["access-control-allow-origin"])
  end)

  it("forgets a revoked token on every worker before the revocation is answered", function()
    for _ = 1, 20 do
      local token = flow.tokens(server, world.app, world.cookie).access_token
      for _ = 1, 4 do -- new connections: the kernel spreads them over the workers, whose caches fill
        assert.is_true(flow.is_active(server, token))
      end
      http.post(server, "/idp/token/revoke", { form = { token = token } })
      for _ = 1, 4 do
        assert.is_false(flow.is_active(server, token))
      end
    end
  end)
end)
