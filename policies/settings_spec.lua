local settings = require "policies.settings"

describe("settings", function()
  it("let a code live a minute at most (RFC 6749 §4.1.2 says ten)", function()
    local code = settings.lifetimes and settings.lifetimes.code or 60
    assert.truthy(code <= 60)
  end)
end)
