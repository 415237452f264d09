local flow = require "helpers.flow"
local http = require "helpers.http"
local shape = require "helpers.shape"

describe("POST /idp/token/revoke", function()
  local server, world
  flow.in_world(function(...)
    server, world = ...
  end)

  local function tokens()
    return flow.tokens(server, world.app, world.cookie)
  end

  local function revoke(form, options)
    options = options or {}
    options.form = form
    return http.post(server, "/idp/token/revoke", options)
  end

  local function good(answer)
    shape.ok(answer)
    shape.no_store(answer)
    assert.same({ revoked = true }, answer.json)
    assert.equal("*", answer.headers["access-control-allow-origin"])
  end

  it("an access token alone leaves its refresh token", function()
    local one = tokens()
    assert.is_true(flow.is_active(server, one.access_token))
    good(revoke({ token = one.access_token }))
    assert.is_false(flow.is_active(server, one.access_token))
    assert.is_true(flow.is_active(server, one.refresh_token))
    shape.oauth_error(http.get(server, "/idp/userinfo", { bearer = one.access_token }), 401, "invalid_token")
    assert.equal(200, flow.token(server, flow.refresh_form(world.app, one.refresh_token)).status)
  end)

  it("a refresh token takes its family with it", function()
    local one = tokens()
    local two = flow.token(server, flow.refresh_form(world.app, one.refresh_token)).json
    assert.is_true(flow.is_active(server, two.access_token))
    good(revoke({ token = two.refresh_token }))
    for _, token in ipairs { one.access_token, two.access_token, two.refresh_token } do
      assert.is_false(flow.is_active(server, token))
    end
    shape.oauth_error(flow.token(server, flow.refresh_form(world.app, two.refresh_token)), 400, "invalid_grant")
  end)

  it("a family leaves the user's other families alone", function()
    local one, two = tokens(), tokens()
    good(revoke({ token = one.refresh_token }))
    assert.is_true(flow.is_active(server, two.access_token))
  end)

  it("answers the same for an unknown, malformed and already revoked token", function()
    local one = tokens()
    good(revoke({ token = one.access_token }))
    for _, token in ipairs { one.access_token, "nonsense", "cak_" .. ("a"):rep(22) .. "." .. ("b"):rep(49),
                             world.user.api_key } do
      good(revoke({ token = token }))
    end
    assert.equal(200, http.get(server, "/idp/apps/" .. world.app.app_id, { bearer = world.user.api_key }).status)
  end)

  it("wants the whole token: an id with another secret revokes nothing", function()
    local one, two = tokens(), tokens()
    local mixed = one.access_token:sub(1, 27) .. two.access_token:sub(28)
    good(revoke({ token = mixed }))
    assert.is_true(flow.is_active(server, one.access_token))
    assert.is_true(flow.is_active(server, two.access_token))
  end)

  it("ignores a wrong token_type_hint (RFC 7009 §2.1)", function()
    local one = tokens()
    good(revoke({ token = one.access_token, token_type_hint = "refresh_token" }))
    assert.is_false(flow.is_active(server, one.access_token))
  end)

  it("checks client credentials if given", function()
    local one = tokens()
    local wrong = { token = one.access_token, client_id = world.app.client_id, client_secret = "wrong" }
    shape.oauth_error(revoke(wrong), 401,
      "invalid_client")
    local answer = revoke({ token = one.access_token }, { basic = { world.app.client_id, "wrong" } })
    shape.oauth_error(answer, 401, "invalid_client")
    assert.matches("^Basic", answer.headers["www-authenticate"])
    assert.is_true(flow.is_active(server, one.access_token))
    good(revoke({ token = one.access_token }, { basic = { world.app.client_id, world.app.client_secret } }))
    assert.is_false(flow.is_active(server, one.access_token))
  end)

  it("refuses another client's credentials", function()
    local one, other = tokens(), flow.app(server, world.user)
    local answer = revoke({
      token = one.access_token, client_id = other.client_id, client_secret = other.client_secret,
    })
    assert.equal(400, answer.status)
    assert.is_true(flow.is_active(server, one.access_token))
  end)

  it("names the missing token in both shapes", function()
    local answer = revoke({ token_type_hint = "access_token" })
    shape.invalid(answer, { { "body", "token", "missing" } })
    assert.equal("invalid_request", answer.json.error)
  end)

  it("answers the preflight", function()
    local answer = http.request(server, "OPTIONS", "/idp/token/revoke",
      { headers = { origin = "https://spa.example", ["access-control-request-method"] = "POST" } })
    assert.equal(204, answer.status)
    assert.equal("*", answer.headers["access-control-allow-origin"])
  end)
end)
