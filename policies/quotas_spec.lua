local testing = require "moonlatch.testing"
local quotas = require "policies.quotas"

describe("quotas.limits", function()
  it("is enough for a person, and no room for a flood", function()
    for name, limit in pairs(quotas.limits(testing.facts())) do
      assert.is_true(limit >= 10 and limit <= 100, name)
    end
  end)
end)
