local testing = require "moonlatch.testing"
local login = require "policies.login"

describe("login", function()
  it("offers both ways, and lets everybody in who proves to be somebody", function()
    assert.same({ "fingerprint", "hotkey" }, login.methods)
    for _, method in ipairs(login.methods) do
      assert.is_true(login.allow(testing.facts { user = { sign_in = { method = method } } }))
    end
  end)
end)
