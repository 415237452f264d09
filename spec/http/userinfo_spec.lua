local flow = require "helpers.flow"
local http = require "helpers.http"
local server_helper = require "helpers.server"
local shape = require "helpers.shape"

local TIME = "^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%dZ$"

describe("/idp/userinfo", function()
  local server, world
  lazy_setup(function()
    server = server_helper.start()
    world = flow.world(server, { allowed_scopes = { "admin" } }, { roles = { "admin" } })
  end)
  lazy_teardown(function()
    server:stop()
  end)

  local function token(scope)
    return flow.tokens(server, world.app, world.cookie, { scope = scope }).access_token
  end

  local function good(answer)
    shape.ok(answer)
    shape.no_store(answer)
    assert.equal("*", answer.headers["access-control-allow-origin"])
    local claims = answer.json
    assert.matches(TIME, claims.created_at)
    assert.same({ sub = world.user.user_id, username = world.user.username, created_at = claims.created_at }, claims)
  end

  local function refused(answer)
    shape.oauth_error(answer, 401, "invalid_token")
    assert.matches('^Bearer.*error="invalid_token"', answer.headers["www-authenticate"])
  end

  it("gives the claims by GET and by POST, header or form", function()
    local one = token("openid")
    good(http.get(server, "/idp/userinfo", { bearer = one }))
    good(http.post(server, "/idp/userinfo", { bearer = one, form = { a = "b" } }))
    good(http.request(server, "POST", "/idp/userinfo", { bearer = one }))
    good(http.post(server, "/idp/userinfo", { form = { access_token = one } }))
    good(http.get(server, "/idp/userinfo", { headers = { authorization = "bearer " .. one } }))
  end)

  it("permits openid, profile, account:read and admin", function()
    for _, scope in ipairs { "openid", "profile", "account:read", "admin", "quota profile" } do
      good(http.get(server, "/idp/userinfo", { bearer = token(scope) }))
    end
  end)

  it("refuses other scopes with insufficient_scope", function()
    for _, scope in ipairs { "quota", "chutes:read", "read", "profile:read" } do
      local answer = http.get(server, "/idp/userinfo", { bearer = token(scope) })
      shape.oauth_error(answer, 403, "insufficient_scope")
      assert.matches('^Bearer.*error="insufficient_scope"', answer.headers["www-authenticate"])
    end
  end)

  it("refuses what is no live access token", function()
    local tokens = flow.tokens(server, world.app, world.cookie)
    refused(http.get(server, "/idp/userinfo"))
    for _, wrong in ipairs { tokens.refresh_token, world.user.api_key, "nonsense", tokens.access_token:sub(1, -2),
                             world.cookie:match("=(.*)") } do
      refused(http.get(server, "/idp/userinfo", { bearer = wrong }))
    end
    refused(http.get(server, "/idp/userinfo", { headers = { authorization = tokens.access_token } }))
    refused(http.get(server, "/idp/userinfo", { headers = { authorization = "Basic " .. tokens.access_token } }))
  end)

  it("does not take the SSO cookie, nor a token in the query", function()
    refused(http.get(server, "/idp/userinfo", { cookie = world.cookie }))
    refused(http.get(server, "/idp/userinfo?access_token=" .. token("openid")))
  end)

  it("refuses a token sent in two ways (RFC 6750 §2)", function()
    local one = token("openid")
    local answer = http.post(server, "/idp/userinfo", { bearer = one, form = { access_token = one } })
    shape.oauth_error(answer, 400, "invalid_request")
  end)

  it("answers the preflight", function()
    local answer = http.request(server, "OPTIONS", "/idp/userinfo",
      { headers = { origin = "https://spa.example", ["access-control-request-method"] = "GET",
                    ["access-control-request-headers"] = "authorization" } })
    assert.equal(204, answer.status)
    assert.equal("*", answer.headers["access-control-allow-origin"])
    assert.matches("authorization", answer.headers["access-control-allow-headers"])
  end)
end)

describe("the claims policy", function()
  it("decides what apps are told", function()
    local server = server_helper.start {
      policies = { ["claims.lua"] = [[
        return { userinfo = function(facts)
          return { sub = facts.user.user_id, groups = { "a", "b" }, app = facts.app.client_id, n = 3 }
        end }]] },
    }
    local world = flow.world(server)
    local tokens = flow.tokens(server, world.app, world.cookie)
    assert.same({ sub = world.user.user_id, groups = { "a", "b" }, app = world.app.client_id, n = 3 },
      http.get(server, "/idp/userinfo", { bearer = tokens.access_token }).json)
    server:stop()
  end)
end)
