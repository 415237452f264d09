local testing = require "moonlatch.testing"
local tokens = require "policies.tokens"

describe("tokens.lifetimes", function()
  it("is an hour of access, and as many days away as the app's maker chose", function()
    assert.same({ access = 3600, refresh = 7 * 86400, id = 3600 },
      tokens.lifetimes(testing.facts { app = { refresh_token_lifetime_days = 7 } }))
  end)
end)
