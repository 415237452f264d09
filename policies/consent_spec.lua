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
    assert.equal("ask", consent.decide(testing.facts { previous = testing.previous(), prompt = "consent" }))
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
