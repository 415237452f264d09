local http = require "helpers.http"
local server_helper = require "helpers.server"
local shape = require "helpers.shape"

describe("GET /idp/scopes", function()
  local server
  lazy_setup(function()
    server = server_helper.start()
  end)
  lazy_teardown(function()
    server:stop()
  end)

  it("gives every scope of the default policy its words", function()
    local answer = http.get(server, "/idp/scopes")
    shape.ok(answer)
    local names = [[openid profile profile:read balance balance:read billing:read quota quota:read usage usage:read
      account:read account:write secrets:read secrets:write chutes:read chutes:write chutes:delete chutes:invoke
      images:read images:write images:delete invocations:read admin read write delete invoke]]
    local expected, found = {}, {}
    for name in names:gmatch("%S+") do
      expected[name] = "string"
    end
    for name, words in pairs(answer.json.scopes) do
      found[name] = words ~= "" and type(words)
    end
    assert.same(expected, found)
  end)

  it("keeps the policy's order", function()
    local body = http.get(server, "/idp/scopes").body
    assert.is_true(body:find('"openid"', 1, true) < body:find('"profile"', 1, true))
    assert.is_true(body:find('"profile"', 1, true) < body:find('"admin"', 1, true))
  end)

  it("is open to every origin, without credentials", function()
    local answer = http.get(server, "/idp/scopes", { headers = { origin = "https://other.example" } })
    assert.equal("*", answer.headers["access-control-allow-origin"])
    assert.is_nil(answer.headers["access-control-allow-credentials"])
  end)

  it("answers the preflight", function()
    local answer = http.request(server, "OPTIONS", "/idp/scopes", {
      headers = { origin = "https://other.example", ["access-control-request-method"] = "GET" },
    })
    assert.equal(204, answer.status)
    assert.equal("*", answer.headers["access-control-allow-origin"])
    assert.matches("GET", answer.headers["access-control-allow-methods"])
  end)

  it("answers HEAD without a body", function()
    local answer = http.request(server, "HEAD", "/idp/scopes")
    assert.equal(200, answer.status)
    assert.equal("", answer.body)
  end)

  it("refuses other methods with Allow", function()
    local answer = http.post(server, "/idp/scopes", { form = { a = "b" } })
    shape.detail(answer, 405)
    assert.equal("GET, HEAD", answer.headers.allow)
  end)
end)
