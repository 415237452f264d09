local testing = require "moonlatch.testing"
local consent = require "policies.consent"

describe("consent.decide", function()
  it("asks for what was not allowed before, and for nothing twice", function()
    assert.equal("ask", consent.decide(testing.facts()))
    local function allowed(scopes)
      return consent.decide(testing.facts { previous = testing.previous { scopes = scopes } })
    end
    assert.same({ "skip", "ask" }, { allowed { "profile", "openid" }, allowed { "openid" } })
  end)

  it("asks when the app wants it", function()
    for _, prompt in ipairs { "consent", "login consent", "consent select_account" } do
      assert.equal("ask", consent.decide(testing.facts { previous = testing.previous(), prompt = prompt }))
    end
    assert.equal("skip", consent.decide(testing.facts { previous = testing.previous(), prompt = "login" }))
  end)

  it("asks each time where another program could be the app", function()
    local function decide(redirect_uri, method, pkce)
      return consent.decide(testing.facts { previous = testing.previous(), redirect_uri = redirect_uri, pkce = pkce,
        app = { token_endpoint_auth_method = method or "any" } })
    end
    for _, uri in ipairs { "http://127.0.0.1:49152/cb", "http://localhost/cb", "com.example.app:/cb" } do
      assert.equal("ask", decide(uri))
      assert.equal("ask", decide(uri, "none"))
      assert.equal("skip", decide(uri, "client_secret_basic"))
      assert.equal("skip", decide(uri, "private_key_jwt"))
      assert.equal("skip", decide(uri, nil, false)) -- then the secret is required
    end
    assert.equal("skip", decide("https://app.example/cb", "none"))
  end)
end)

describe("consent.page", function()
  it("groups the scopes, and warns of mighty ones", function()
    local page = consent.page(testing.facts { requested = { "openid", "chutes:read", "admin" } })
    assert.equal("Know who you are", page.groups[1].title)
    assert.equal("openid", page.groups[1].scopes[1].name)
    assert.equal(3, #page.groups)
    assert.matches("everything", page.warnings[1])
    assert.same({}, consent.page(testing.facts()).warnings)
  end)
end)
