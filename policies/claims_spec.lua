local testing = require "moonlatch.testing"
local claims = require "policies.claims"

describe("claims.userinfo", function()
  it("tells who the user is, and no more", function()
    local user = testing.user { created_at = 1795694400 }
    assert.same({ sub = user.user_id, username = "alice", created_at = "2026-11-26T12:00:00Z" },
      claims.userinfo(testing.facts { user = user }))
  end)
end)

describe("claims.id_token", function()
  it("tells what was asked for there by name, and nothing else", function()
    local asked = { id_token = { username = {}, email = {} }, userinfo = { created_at = {} } }
    assert.same({ username = "alice" }, claims.id_token(testing.facts { claims = asked }))
    assert.same({}, claims.id_token(testing.facts()))
  end)
end)
