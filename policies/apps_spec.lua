local testing = require "moonlatch.testing"
local apps = require "policies.apps"

describe("apps.redirect_uri", function()
  local function allowed(uri)
    return (apps.redirect_uri(testing.facts { redirect_uri = uri }))
  end

  it("takes https, http on the own machine, and schemes of phone apps", function()
    assert.is_true(allowed("https://app.example/cb"))
    assert.is_true(allowed("http://127.0.0.1:3000/cb"))
    assert.is_true(allowed("http://[::1]/cb"))
    assert.is_true(allowed("com.example.app:/cb"))
  end)

  it("refuses the rest", function()
    for _, uri in ipairs { "http://app.example/cb", "javascript:alert(1)", "data:text/html,x", "https:cb",
      "custom:cb" } do
      assert.is_false(allowed(uri))
    end
  end)
end)

describe("apps.may_create and apps.may_edit", function()
  it("keep the brand for administrators and the command line", function()
    local facts = testing.facts { resembles_brand = true, app = { name = "Moonlatch Support" } }
    assert.is_false((apps.may_create(facts)))
    assert.is_false((apps.may_edit(facts)))
    facts.user.roles = { "admin" }
    assert.is_true((apps.may_create(facts)))
    facts.user.roles = {}
    facts.request.address = "command line"
    assert.is_true((apps.may_create(facts)))
  end)

  it("leave other names, and the name that an app has, alone", function()
    assert.is_true((apps.may_create(testing.facts())))
    assert.is_true((apps.may_edit(testing.facts { resembles_brand = true })))
  end)
end)

describe("apps.listing", function()
  it("follows what was asked for", function()
    local listing = apps.listing(testing.facts { include_public = false, order = "name" })
    assert.same({ true, false, true, "name" }, { listing.own, listing.public, listing.shared, listing.order })
  end)
end)

describe("apps.may_register", function()
  it("is for those who have an account", function()
    assert.is_true(apps.may_register(testing.facts()))
    local facts = testing.facts()
    facts.user = nil
    assert.is_false((apps.may_register(facts)))
  end)
end)
