local testing = require "moonlatch.testing"
local login = require "policies.login"

describe("login", function()
  it("offers all ways, and lets everybody in who proves to be somebody", function()
    assert.same({ "fingerprint", "hotkey", "passkey" }, login.methods)
    for _, method in ipairs(login.methods) do
      assert.is_true(login.allow(testing.facts { user = { sign_in = { method = method } } }))
    end
  end)

  it("asks nobody for a second factor", function()
    assert.is_false(login.second_factor(testing.facts { passkeys = 0, user = { sign_in = { method = "hotkey" } } }))
  end)
end)
