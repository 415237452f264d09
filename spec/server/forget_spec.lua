-- A revocation that took effect is forgotten everywhere, also when whoever asked for it got no answer. On SQLite, whose
-- memory is good for as long as nobody else writes the file.
local database = require "helpers.database"
local flow = require "helpers.flow"
local http = require "helpers.http"
local machine = require "helpers.machine"
local server_helper = require "helpers.server"
local shape = require "helpers.shape"
local sys = require "helpers.sys"

describe("Who finds nothing to revoke", function()
  it("is told the same as who found it, and nothing is good again", function()
    local server = server_helper.start()
    local world = flow.world(server)
    local tokens = flow.tokens(server, world.app, world.cookie)
    assert.is_true(flow.is_active(server, tokens.access_token))
    for _ = 1, 2 do
      shape.ok(http.post(server, "/idp/token/revoke", { form = { token = tokens.access_token } }))
      assert.is_false(flow.is_active(server, tokens.access_token))
    end
    server:stop()
  end)
end)

if database.postgres or server_helper.is_sanitized() then
  return
end

describe("A disk that stands still and goes on", function()
  local box, state, server, world

  before_each(function()
    box, state = machine.make(), sys.directory()
    server = server_helper.start { state = state }
    world = flow.world(server)
    server:stop() -- so that the command line, another process, is not why anything is forgotten
    server = server_helper.start { state = state, env = box.env, settings = { limits = { store_timeout_ms = 100 } } }
  end)
  after_each(function()
    server:stop()
    box:remove()
    sys.run { "rm", "-r", state }
  end)

  -- A request while the disk does not answer, which then does again. `is_alive`, asked before and meanwhile, is true.
  local function stalled(is_alive, method, path, options)
    assert.is_true(is_alive())
    box:begin "stall"
    local answer = http.request(server, method, path, options)
    assert.equal(503, answer.status)
    server:logged(function(entry)
      return entry.event == "store_outcome_unknown"
    end)
    assert.is_true(is_alive()) -- and in memory
    box:finish "stall"
    http.ask_until(http.get, shape.is_ok, server, "/readyz") -- behind it in the writer's queue
  end

  local function token()
    local text = flow.tokens(server, world.app, world.cookie).access_token
    return text, function()
      return flow.is_active(server, text)
    end
  end

  it("after a token was revoked: it is inactive, and a second try is answered by the truth", function()
    local text, is_alive = token()
    local form = { token = text, client_id = world.app.client_id, client_secret = world.app.client_secret }
    stalled(is_alive, "POST", "/idp/token/revoke", { form = form })
    assert.is_false(is_alive())
    shape.ok(http.post(server, "/idp/token/revoke", { form = form }))
    assert.is_false(is_alive())
  end)

  it("after an authorization was revoked: its tokens are inactive", function()
    local _, is_alive = token()
    stalled(is_alive, "DELETE", "/idp/authorizations/" .. world.app.app_id, { bearer = world.user.api_key })
    assert.is_false(is_alive())
  end)

  it("after sessions were ended: they are over", function()
    local function is_alive()
      return http.get(server, "/idp/apps?limit=1", { bearer = world.cookie:match "=(.*)$" }).status == 200
    end
    stalled(is_alive, "DELETE", "/idp/sessions", { bearer = world.user.api_key })
    assert.is_false(is_alive())
  end)

  it("after an app was switched off: its tokens are inactive", function()
    local _, is_alive = token()
    stalled(is_alive, "PATCH", "/idp/apps/" .. world.app.app_id,
      { json = { active = false }, bearer = world.user.api_key })
    assert.is_false(is_alive())
  end)
end)
