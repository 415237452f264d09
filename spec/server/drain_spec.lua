-- SIGTERM finishes what is in flight; SIGHUP does not end it; workers share the work.
local http = require "helpers.http"
local flow = require "helpers.flow"
local server_helper = require "helpers.server"
local shape = require "helpers.shape"
local sys = require "helpers.sys"

describe("A server that is told to end", function()
  it("answers what is in flight, on both protocols", function()
    for _, version in ipairs { 1.1, 2 } do
      local server = server_helper.start { workers = 2 }
      local world = flow.world(server)
      local codes, open, streams = {}, {}, {}
      for i = 1, 16 do
        codes[i] = flow.code(server, world.app, world.cookie)
        open[i] = http.connect(server, { version = version })
        open[i]:request("GET", "/healthz")
      end
      for i = 1, 16 do
        streams[i] = open[i]:send("POST", "/idp/token", { form = flow.code_form(world.app, codes[i]) })
      end
      server:tell_to_end()
      for i = 1, 16 do
        shape.ok(open[i]:receive(streams[i]))
      end
      server:stop()
    end
  end)

  it("closes idle connections, refuses new ones, and ends quickly", function()
    local server = server_helper.start()
    local idle, half = sys.connect(server.port), sys.connect(server.port)
    idle:send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    assert.equal(200, (idle:answer()))
    half:send("GET /hea")
    local started = sys.now()
    server:tell_to_end()
    assert.equal("", idle:receive_all(5 * server_helper.patience))
    assert.is_false(pcall(sys.connect, server.port))
    half:close()
    server:stop()
    assert.is_true(sys.now() - started < 5 * server_helper.patience)
    idle:close()
  end)

  it("does not wait for ever for a peer that never finishes", function()
    local server = server_helper.start { settings = { limits = { drain_timeout_ms = 500 } } }
    local slow = sys.connect(server.port)
    slow:send("POST /idp/token HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
      .. "Content-Length: 100\r\n\r\na=")
    shape.ok(http.get(server, "/healthz"))
    local started = sys.now()
    server:stop()
    assert.is_true(sys.now() - started < 5 * server_helper.patience)
    slow:close()
  end)

  it("ends at once when told twice", function()
    local server = server_helper.start { settings = { limits = { drain_timeout_ms = 60000 } } }
    local slow = sys.connect(server.port)
    slow:send("POST /idp/token HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\na=")
    shape.ok(http.get(server, "/healthz"))
    server.process:signal(sys.TERM)
    repeat
      local draining = server:log_text():find('"event":"draining"', 1, true)
    until draining
    server.process:signal(sys.TERM)
    assert.equal(1, server.process:wait(5 * server_helper.patience))
    slow:close()
    sys.run { "rm", "-rf", server.state, server.log_file, server.settings_file }
  end)

  it("is not ready any more, but alive, while it drains", function()
    local server = server_helper.start()
    local open = http.connect(server)
    shape.ok(open:request("GET", "/readyz"))
    server:tell_to_end()
    repeat
      local draining = server:log_text():find('"event":"draining"', 1, true)
    until draining
    local answer = open:request("GET", "/readyz")
    shape.detail(answer, 503)
    assert.equal("1", answer.headers["retry-after"])
    open:close()
    server:stop()
  end)

  it("goes on after SIGHUP", function()
    local server = server_helper.start()
    server.process:signal(sys.HUP)
    shape.ok(http.get(server, "/healthz"))
    http.metric_until(server, "moonlatch_reloads_total", function(count)
      return count == 1
    end)
    server:stop()
  end)
end)

describe("Several workers", function()
  it("share the connections, and what one forgets all have forgotten", function()
    local server = server_helper.start { workers = 4 }
    local seen, count = {}, 0
    for _ = 1, 64 do
      local prefix = http.get(server, "/healthz").headers["x-request-id"]:sub(1, 8)
      count = count + (seen[prefix] and 0 or 1)
      seen[prefix] = true
    end
    assert.is_true(count >= 2 and count <= 4, count)
    local world = flow.world(server)
    for _ = 1, 10 do
      local token = flow.tokens(server, world.app, world.cookie).access_token
      for _ = 1, 8 do
        assert.is_true(flow.is_active(server, token))
      end
      shape.ok(http.post(server, "/idp/token/revoke", { form = { token = token } }))
      for _ = 1, 8 do
        assert.is_false(flow.is_active(server, token))
      end
    end
    server:stop()
  end)
end)
