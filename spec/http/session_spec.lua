-- An SSO session: for how long it is one.
local flow = require "helpers.flow"
local http = require "helpers.http"
local lock = require "helpers.lock"
local server_helper = require "helpers.server"
local shape = require "helpers.shape"

describe("An SSO session", function()
  it("ends when its time is up, though its row may be there still", function()
    local server = server_helper.start()
    local world = flow.world(server)
    local function ask(more)
      return flow.authorize(server, world.app, more, { cookie = world.cookie })
    end
    assert.equal(302, ask().status)
    shape.ok(http.get(server, "/idp/apps", { cookie = world.cookie }))
    -- A second that the clean-up, which takes what is over for longer, leaves alone.
    lock.change(server, "UPDATE sessions SET expires_at = " .. os.time() + 2)
    shape.page(http.ask_until(ask, shape.is_ok), 200)
    shape.error_redirect(ask { prompt = "none" }, 302, flow.request(world.app), "login_required", server.issuer)
    shape.detail(http.get(server, "/idp/apps", { cookie = world.cookie }), 401)
    assert.equal(302, http.get(server, "/account", { cookie = world.cookie }).status)
    server:stop()
  end)
end)
