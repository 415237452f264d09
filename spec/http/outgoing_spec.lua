-- What other servers do to us when we ask them: one that stalls, fails or sends us elsewhere harms its clients alone.
local cqueues = require "cqueues"

local flow = require "helpers.flow"
local http = require "helpers.http"
local jose = require "helpers.jose"
local receiver = require "helpers.receiver"
local server_helper = require "helpers.server"
local shape = require "helpers.shape"

local cjson = require "cjson.safe"

local STALLS = 12 -- more than there are threads

describe("Another server", function()
  local server, world, bad, good, key, stranger
  lazy_setup(function()
    server = server_helper.start { settings = { outgoing_private = true,
      limits = { outgoing_threads = 4, outgoing_timeout_ms = 2000 * server_helper.patience } } }
    world = flow.world(server)
    bad, good = receiver.start(), receiver.start()
    key, stranger = jose.key "ES256", jose.key "ES256"
    good:answer { path = "/keys", body = cjson.encode { keys = { key.public } } }
  end)
  lazy_teardown(function()
    bad:stop()
    good:stop()
    server:stop()
  end)

  local function client(web, path)
    return flow.app(server, world.user, { token_endpoint_auth_method = "private_key_jwt", jwks_uri = web.url .. path })
  end

  local function question(app, with)
    local form = jose.assertion(server, app, with)
    form.token = "x"
    return { form = form }
  end

  local function introspect(app, with)
    return http.post(server, "/idp/token/introspect", question(app, with))
  end

  -- How many requests came, by path, until none comes any more.
  local function came(web)
    local paths = {}
    local request = web:next(0.3)
    while request do
      paths[request.path] = (paths[request.path] or 0) + 1
      request = web:next(0.3)
    end
    return paths
  end

  for name, answer in pairs { ["fails"] = { status = 500 }, ["has no keys any more"] = { status = 404 },
                              ["sends us elsewhere"] = { status = 302, headers = { location = "/elsewhere" } } } do
    it("that " .. name .. " is asked once, however many bad assertions come", function()
      answer.path = "/" .. name:gsub(" ", "-")
      bad:answer(answer)
      local app = client(bad, answer.path)
      for _ = 1, 10 do
        shape.oauth_error(introspect(app, stranger), 401, "invalid_client")
      end
      assert.same({ [answer.path] = 1 }, came(bad))
    end)
  end

  it("that stalls is asked once for all who want the same", function()
    bad:answer { path = "/stalls", hang = true }
    local app = client(bad, "/stalls")
    local answers = http.together(server, 10, function(_, connection)
      return connection:request("POST", "/idp/token/introspect", question(app, stranger))
    end)
    for i = 1, 10 do
      shape.oauth_error(answers[i], 401, "invalid_client")
    end
    shape.oauth_error(introspect(app, stranger), 401, "invalid_client")
    assert.same({ ["/stalls"] = 1 }, came(bad))
  end)

  it("that answers is asked once, and its answer is everybody's", function()
    local app = client(good, "/keys")
    local answers = http.together(server, 10, function(_, connection)
      return connection:request("POST", "/idp/token/introspect", question(app, key))
    end)
    for i = 1, 10 do
      shape.ok(answers[i])
    end
    assert.is_true((came(good)["/keys"] or 0) >= 1)
  end)

  it("that stalls under many names of one host keeps nobody else waiting", function()
    bad:default { hang = true }
    local connections, streams, paths = {}, {}, 0
    for i = 1, STALLS do
      local app = client(bad, "/stalls/" .. i)
      connections[i] = http.connect(server)
      streams[i] = connections[i]:send("POST", "/idp/token/introspect", question(app, stranger))
    end
    assert.matches("^/stalls/", assert(bad:next()).path) -- they are under way
    good:answer { path = "/others", body = cjson.encode { keys = { key.public } } }
    local other, began = client(good, "/others"), cqueues.monotime()
    shape.ok(introspect(other, key))
    assert.is_true(cqueues.monotime() - began < 1.5 * server_helper.patience)
    for i = 1, STALLS do
      shape.oauth_error(connections[i]:receive(streams[i]), 401, "invalid_client")
      connections[i]:close()
    end
    for _, count in pairs(came(bad)) do
      paths = paths + count
    end
    assert.is_true(paths < STALLS, "one at a time, and none longer than the timeout")
  end)

  it("that stalls keeps no app from hearing of a sign-out", function()
    came(good)
    bad:default { hang = true }
    good:answer { path = "/out", body = "" }
    local told = flow.app(server, world.user, { backchannel_logout_uri = good.url .. "/out" })
    local cookie = flow.sign_in(server, told, world.user)
    flow.tokens(server, told, cookie, { scope = "openid" })
    local connections, streams = {}, {}
    for i = 1, STALLS do
      local app = client(bad, "/again/" .. i)
      connections[i] = http.connect(server)
      streams[i] = connections[i]:send("POST", "/idp/token/introspect", question(app, stranger))
    end
    assert.matches("^/again/", assert(bad:next()).path)
    shape.ok(http.request(server, "DELETE", "/idp/sessions", { bearer = world.user.api_key }))
    assert.equal("/out", assert(good:next(1.5 * server_helper.patience), "it is not told").path)
    for i = 1, STALLS do
      connections[i]:receive(streams[i])
      connections[i]:close()
    end
  end)
end)
