local testing = require "moonlatch.testing"
local claims = require "policies.claims"

describe("claims.userinfo", function()
  it("tells who the user is", function()
    local user = testing.user { created_at = 1795694400 }
    local told = claims.userinfo(testing.facts { user = user })
    assert.same({ user.user_id, "alice", "2026-11-26T12:00:00Z" }, { told.sub, told.username, told.created_at })
  end)
end)
