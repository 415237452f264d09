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
    assert.equal("preferred", login.user_verification)
  end)

  it("takes a count that fell of passkeys alone that were made to be synced", function()
    for _, was_synced in ipairs { true, false } do
      assert.equal(was_synced, login.count_fell(testing.facts { passkey = { was_synced = was_synced } }))
    end
  end)
end)
