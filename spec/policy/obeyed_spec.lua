-- What a policy decides is what happens: fewer scopes than were asked for, and none.
local flow = require "helpers.flow"
local http = require "helpers.http"
local server_helper = require "helpers.server"
local shape = require "helpers.shape"
local sys = require "helpers.sys"

local GIVEN, OURS = "  grant = grant,", [[
  grant = function(facts)
    if facts.app.name == "Never" then
      return { denied = facts.requested[1], reason = "Not for this app." }
    end
    local fewer = {}
    for _, scope in ipairs(facts.requested) do
      if scope ~= "account:read" then
        fewer[#fewer + 1] = scope
      end
    end
    return { granted = fewer }
  end,]]

describe("A scope policy", function()
  local server, world, machine
  lazy_setup(function()
    local text = sys.read_file(server_helper.root .. "/policies/scopes.lua")
    local from, to = text:find(GIVEN, 1, true)
    text = text:sub(1, assert(from, "policies/scopes.lua has no " .. GIVEN) - 1) .. OURS .. text:sub(to + 1)
    server = server_helper.start { policies = { ["scopes_spec.lua"] = "", ["scopes.lua"] = text } }
    world = flow.world(server)
    machine = { grant_types = { "authorization_code", "refresh_token", "client_credentials" } }
  end)
  lazy_teardown(function()
    server:stop()
  end)

  it("that grants fewer scopes than are asked for is obeyed, by each grant", function()
    local app = flow.app(server, world.user, machine)
    local tokens = flow.tokens(server, app, world.cookie, { scope = "openid account:read profile" })
    assert.equal("openid profile", tokens.scope)
    assert.equal("openid profile", flow.introspect(server, tokens.access_token).scope)
    local fresh = flow.token(server, flow.refresh_form(app, tokens.refresh_token))
    shape.ok(fresh)
    assert.equal("openid profile", fresh.json.scope)
    local own = flow.token(server, { grant_type = "client_credentials", scope = "profile account:read",
      client_id = app.client_id, client_secret = app.client_secret })
    shape.ok(own)
    assert.equal("profile", own.json.scope)
  end)

  it("that denies is obeyed, with its reason", function()
    local app = flow.app(server, world.user, { name = "Never", grant_types = machine.grant_types })
    local answer = flow.authorize(server, app, nil, { cookie = world.cookie })
    shape.error_redirect(answer, 302, flow.request(app), "invalid_scope", server.issuer)
    local _, params = answer:location()
    assert.equal("Not for this app.", params.error_description)
    local own = flow.token(server, { grant_type = "client_credentials", scope = "profile", client_id = app.client_id,
      client_secret = app.client_secret })
    shape.oauth_error(own, 400, "invalid_scope")
    assert.equal(200, http.get(server, "/healthz").status)
  end)
end)
