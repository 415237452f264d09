local testing = require "moonlatch.testing"
local scopes = require "policies.scopes"

describe("scopes.grant", function()
  it("gives what is asked for", function()
    local asked = { "openid", "profile" }
    assert.same({ granted = asked }, scopes.grant(testing.facts { requested = asked }))
  end)

  it("gives a privileged scope only to an app that is registered for it", function()
    local facts = testing.facts { requested = { "chutes:write" } }
    assert.equal("chutes:write", scopes.grant(facts).denied)
    facts.app.allowed_scopes = { "chutes:write" }
    assert.same({ granted = { "chutes:write" } }, scopes.grant(facts))
  end)

  it("drops at a refresh what the app has lost since", function()
    local facts = testing.facts { requested = { "openid", "admin" }, grant_type = "refresh_token" }
    assert.same({ granted = { "openid" } }, scopes.grant(facts))
  end)
end)

describe("scopes.may_register", function()
  it("asks for a role where a scope is privileged", function()
    assert.is_true(scopes.may_register(testing.facts { scope = "chutes:read" }))
    assert.is_false((scopes.may_register(testing.facts { scope = "chutes:write" })))
    local developer = testing.user { roles = { "unlimited_dev" } }
    assert.is_true(scopes.may_register(testing.facts { scope = "chutes:write", user = developer }))
  end)
end)

describe("scopes.describe", function()
  it("has words for the catalog and the families, and for nothing else", function()
    for _, entry in ipairs(scopes.catalog) do
      assert.equal(entry.description, scopes.describe(entry.name))
    end
    assert.equal("See your chute 7f3a", scopes.describe("chutes:7f3a:read"))
    assert.is_nil(scopes.describe("chutes:fly"))
  end)
end)

describe("scopes.permits", function()
  it("knows that admin may everything, and who may read what", function()
    local read = { type = "chutes", action = "read", id = "7f3a" }
    assert.is_true(scopes.permits({ "admin" }, read))
    assert.is_true(scopes.permits({ "chutes:7f3a:read" }, read))
    assert.is_false(scopes.permits({ "chutes:other:read" }, read))
    assert.is_false(scopes.permits({}, read))
  end)
end)
