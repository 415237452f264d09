local flow = require "helpers.flow"
local http = require "helpers.http"
local server_helper = require "helpers.server"
local shape = require "helpers.shape"

describe("the consent step", function()
  local server, world
  lazy_setup(function()
    server = server_helper.start()
    world = flow.world(server, { description = "Draws <b>maps</b>" })
  end)
  lazy_teardown(function()
    server:stop()
  end)

  local function session_id(more)
    return flow.session_id(server, world.app, world.cookie, more)
  end

  local function page(id, cookie)
    return http.get(server, "/idp/authorize/consent?session_id=" .. id, { cookie = cookie })
  end

  describe("GET", function()
    it("shows app, owner, user, the scopes in words, and how long", function()
      local answer = page(session_id({ scope = "openid chutes:read chutes:7f3a:invoke" }), world.cookie)
      shape.page(answer, 200)
      for _, text in ipairs { world.app.name, world.user.username, "Sign you in", "See your chutes", "7f3a", "1 hour",
                              "30 days", "app.example", 'value="approve"', 'value="deny"' } do
        assert.matches(text, answer.body, 1, true)
      end
    end)

    it("escapes what users wrote", function()
      local answer = page(session_id(), world.cookie)
      assert.is_nil(answer.body:find("<b>maps", 1, true))
    end)

    it("lets the form follow the redirect to the app", function()
      assert.matches("form%-action 'self' https://app%.example", page(session_id(), world.cookie)
        .headers["content-security-policy"])
    end)

    it("may be looked at twice", function()
      local id = session_id()
      shape.page(page(id, world.cookie), 200)
      shape.page(page(id, world.cookie), 200)
    end)

    it("needs the session that the request was made in", function()
      local id = session_id()
      shape.page(page(id), 401)
      local other = flow.sign_in(server, world.app, flow.user(server))
      shape.page(page(id, other), 403)
      local same_user = flow.sign_in(server, world.app, world.user)
      shape.page(page(id, same_user), 403)
    end)

    it("refuses a session_id that is forged, empty or missing", function()
      shape.page(page("forged", world.cookie), 400)
      local id = session_id()
      shape.page(page(id:sub(1, -2) .. (id:sub(-1) == "A" and "B" or "A"), world.cookie), 400)
      shape.page(http.get(server, "/idp/authorize/consent", { cookie = world.cookie }), 422)
    end)

    it("does not take an authorization code for a session_id", function()
      shape.page(page(flow.code(server, world.app, world.cookie), world.cookie), 400)
    end)
  end)

  describe("POST", function()
    it("approve: 303 to the app with code, state, iss", function()
      local answer = flow.consent(server, session_id(), world.cookie, "approve")
      assert.equal(303, answer.status)
      local base, params = answer:location()
      assert.equal(flow.REDIRECT, base)
      assert.equal("s t&%", params.state)
      assert.equal(server.issuer, params.iss)
      assert.is_true(#params.code <= 512)
      assert.matches("^[%w%-_.~]+$", params.code)
      shape.no_store(answer)
    end)

    it("deny: 303 to the app with access_denied", function()
      local answer = flow.consent(server, session_id(), world.cookie, "deny")
      shape.error_redirect(answer, 303, flow.request(world.app), "access_denied", server.issuer)
    end)

    it("works once, whatever the first answer was", function()
      for _, first in ipairs { "approve", "deny" } do
        for _, second in ipairs { "approve", "deny" } do
          local id = session_id()
          assert.equal(303, flow.consent(server, id, world.cookie, first).status)
          local answer = flow.consent(server, id, world.cookie, second)
          shape.page(answer, 400)
          assert.is_nil(answer.headers.location)
          shape.page(page(id, world.cookie), 400)
        end
      end
    end)

    it("leaves other tabs alone", function()
      local first, second = session_id(), session_id({ scope = "openid" })
      assert.equal(303, flow.consent(server, second, world.cookie, "approve").status)
      local _, params = flow.consent(server, first, world.cookie, "approve"):location()
      assert.is_string(params.code)
    end)

    it("needs the session that the request was made in", function()
      local id = session_id()
      shape.page(flow.consent(server, id, nil, "approve"), 401)
      local other = flow.sign_in(server, world.app, flow.user(server))
      shape.page(flow.consent(server, id, other, "approve"), 403)
      assert.equal(303, flow.consent(server, id, world.cookie, "approve").status)
    end)

    it("wants approve or deny", function()
      local id = session_id()
      shape.page(flow.consent(server, id, world.cookie, nil), 422)
      shape.page(flow.consent(server, id, world.cookie, "maybe"), 422)
      assert.equal(303, flow.consent(server, id, world.cookie, "approve").status)
    end)

    it("refuses a form that another site sent", function()
      local id = session_id()
      for _, headers in ipairs { { ["sec-fetch-site"] = "cross-site" }, { origin = "https://evil.example" } } do
        local answer = http.post(server, "/idp/authorize/consent?session_id=" .. id,
          { form = { action = "approve" }, cookie = world.cookie, headers = headers })
        shape.page(answer, 403)
      end
      assert.equal(303, flow.consent(server, id, world.cookie, "approve").status)
    end)

    it("refuses an app that has been switched to another redirect_uri's request", function()
      local id = session_id()
      local path = "/idp/authorize/consent?session_id=" .. id .. "&redirect_uri=https://evil.example"
      local answer = http.post(server, path,
        { form = { action = "approve" }, cookie = world.cookie })
      assert.equal(flow.REDIRECT, (answer:location()))
    end)
  end)
end)

describe("a session_id", function()
  it("expires", function()
    local server = server_helper.start { settings = { lifetimes = { pending = 1 } } }
    local world = flow.world(server)
    local id = flow.session_id(server, world.app, world.cookie)
    local answer = http.ask_until(function()
      return http.get(server, "/idp/authorize/consent?session_id=" .. id, { cookie = world.cookie })
    end, shape.is_refused)
    shape.page(answer, 400)
    shape.page(flow.consent(server, id, world.cookie, "approve"), 400)
    server:stop()
  end)
end)

describe("the consent policy", function()
  it("may make scopes optional, and deny", function()
    local server = server_helper.start {
      policies = { ["consent.lua"] = [[
        return {
          decide = function(facts)
            if facts.user.username == "mallory" then return "deny", "Not for you." end
            return "ask"
          end,
          page = function(facts)
            local scopes = {}
            for i, name in ipairs(facts.requested) do
              scopes[i] = { name = name, description = "Words <for> " .. name, optional = name ~= "openid",
                            checked = name == "quota" }
            end
            return { title = "Custom title", groups = { { title = "All", scopes = scopes } },
                     warnings = { "Custom warning" } }
          end,
        }]] },
    }
    local world = flow.world(server)
    local request = { scope = "openid quota usage" }
    local id = flow.session_id(server, world.app, world.cookie, request)
    local page = http.get(server, "/idp/authorize/consent?session_id=" .. id, { cookie = world.cookie }).body
    for _, text in ipairs { "Custom title", "Custom warning", "Words &lt;for&gt; openid",
                            'type="checkbox" name="scope" value="quota" checked' } do
      assert.matches(text, page, 1, true)
    end
    local answer = flow.consent(server, id, world.cookie, "approve", { scope = "usage" })
    local _, params = answer:location()
    local tokens = flow.token(server, flow.code_form(world.app, params.code)).json
    assert.equal("openid usage", tokens.scope)

    id = flow.session_id(server, world.app, world.cookie, request)
    answer = http.post(server, "/idp/authorize/consent?session_id=" .. id, {
      form = { { "action", "approve" }, { "scope", "quota" }, { "scope", "usage" }, { "scope", "admin" } },
      cookie = world.cookie,
    })
    _, params = answer:location()
    assert.equal("openid quota usage", flow.token(server, flow.code_form(world.app, params.code)).json.scope)

    local mallory = flow.user(server, { name = "mallory" })
    local denied = flow.login(server, world.app, mallory)
    shape.error_redirect(denied, 303, flow.request(world.app), "access_denied", server.issuer)
    server:stop()
  end)

  it("that fails grants nothing and names its line in the log", function()
    local server = server_helper.start {
      policies = { ["consent.lua"] = [[
        return { decide = function(facts) return facts.nothing.here end, page = function() end }]] },
    }
    local world = flow.world(server)
    local answer = flow.authorize(server, world.app, {}, { cookie = world.cookie })
    local _, params = answer:location()
    assert.is_nil(params.code)
    assert.is_string(params.error)
    assert.matches("consent.lua:1", server:log_text(), 1, true)
    assert.is_true(http.metric(server, "moonlatch_policy_failures_total") > 0)
    server:stop()
  end)
end)
