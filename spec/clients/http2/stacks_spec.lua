-- Others' HTTP/2 stacks, over TLS: a token exchange and what follows, many requests at once, a request that is given
-- up, a body that is too large, a connection that was idle, and a server that ends and another that takes its place: no
-- request is lost, and the client warns of nothing.
local curl = require "clients.http2.curl"
local flow = require "helpers.flow"
local http = require "helpers.http"
local peer_helper = require "helpers.peer"
local server_helper = require "helpers.server"
local stage = require "clients.stage"
local sys = require "helpers.sys"

local HERE = stage.HERE .. "http2/"
local AT_ONCE = 200
local FORM = { ["content-type"] = "application/x-www-form-urlencoded" }

local function go_program()
  local file = os.tmpname()
  local code, _, said = sys.run { "go", "build", "-o", file, HERE .. "go_client.go" }
  assert(code == 0, said)
  return { file }
end

-- A request as a form.
local function flat(request)
  local fields = {}
  for name, value in pairs(request) do
    if name ~= "headers" then
      fields[name] = value
    end
  end
  for name, value in pairs(request.headers or {}) do
    fields["header." .. name] = value
  end
  return http.form(fields)
end

-- What http.request is, by a client: for a browser that goes through its HTTP/2.
local function asker(peer)
  return function(target, method, path, options)
    local headers = { cookie = options.cookie, accept = options.headers and options.headers.accept,
                      authorization = options.bearer and "Bearer " .. options.bearer }
    headers["content-type"] = options.form and FORM["content-type"]
    local said = peer:call("ask", { origin = ("%s://localhost:%d"):format(target.scheme, target.port), method = method,
                                    path = path, headers = headers, body = options.form and http.form(options.form) })
    return http.answer(said.status, said.headers, said.body)
  end
end

-- Like `on.server`, of one worker, and with nothing of its state.
local function server_like(on, options)
  options.workers, options.args = 1, { "--tls-cert", on.authority, "--tls-key", on.directory .. "/key.pem" }
  return server_helper.start(options)
end

-- Ends it, and has another on its port as soon as nobody listens there.
local function server_after(on, old)
  old:tell_to_end()
  http.ask_until(function()
    local is_open, connection = pcall(sys.connect, old.port)
    return not is_open or connection:close()
  end, function(is_free)
    return is_free
  end)
  return server_like(on, { listen = { "127.0.0.1:" .. old.port } })
end

local CLIENTS = {
  { name = "Node", command = { server_helper.node, HERE .. "node_client.mjs" } },
  { name = "Node, without a header table", command = { server_helper.node, HERE .. "node_client.mjs" },
    env = { TABLE = "0" } },
  { name = "undici", command = { server_helper.node, HERE .. "undici_client.mjs" } },
  -- Debian's httpcore 0.16 and Java 17 give up what is answered behind a GOAWAY; Java 25 does not.
  { name = "httpx", command = { "/usr/bin/python3", HERE .. "httpx_client.py" }, is_lost_when_idle = true,
    is_lost_in_drain = true },
  { name = "Go", make = go_program },
  { name = "Java", command = { "java", HERE .. "JavaClient.java" }, encode = flat, is_lost_in_drain = true },
}

for _, client in ipairs(CLIENTS) do
  describe(client.name .. " over HTTP/2:", function()
    local on, peer
    lazy_setup(function()
      on = stage.new()
      on:open { is_tls = true }
      local env = { CLIENT_CA = on.authority }
      for name, value in pairs(client.env or {}) do
        env[name] = value
      end
      peer = peer_helper.start(client.make and client.make() or client.command, env, client.encode)
    end)
    lazy_teardown(function()
      local complaints = peer:complaints()
      peer:stop()
      on:close()
      assert.equal("", complaints)
    end)

    local function post(path, form)
      return peer:call("ask", { origin = on.server.issuer, method = "POST", path = path, headers = FORM,
                                body = http.form(form) })
    end

    local function get(path)
      return peer:call("ask", { origin = on.server.issuer, method = "GET", path = path })
    end

    it("signs a person in", function()
      on:sign_in_by(asker(peer))
    end)

    it("exchanges a code, introspects, revokes", function()
      local world = on.world
      local tokens = post("/idp/token", flow.code_form(world.app, flow.code(on.server, world.app, world.cookie)))
      assert.equal(200, tokens.status)
      local token = assert(tokens.body:match('"access_token":"([^"]+)"'))
      assert.matches('"active":true', post("/idp/token/introspect", { token = token }).body)
      assert.equal(200, post("/idp/token/revoke", { token = token }).status)
      assert.equal('{"active":false}', post("/idp/token/introspect", { token = token }).body)
    end)

    it("asks " .. AT_ONCE .. " at once", function()
      assert.equal(AT_ONCE, peer:call("many", {
        origin = on.server.issuer, method = "POST", path = "/idp/token/introspect", headers = FORM, body = "token=x",
        count = AT_ONCE,
      }).good)
    end)

    it("gives one up, and goes on", function()
      for _ = 1, 50 do
        peer:call("cancel", { origin = on.server.issuer, path = "/idp/scopes" })
      end
      assert.equal(200, get("/healthz").status)
    end)

    it("is told that a body is too large", function()
      for _, size in ipairs { 65537, 1000000 } do
        local answer = post("/idp/token/introspect", { token = ("x"):rep(size) })
        assert.equal(413, answer.status)
      end
      assert.equal(200, get("/healthz").status)
    end)

    if not client.is_lost_when_idle then
      it("asks again after its connection was ended for being idle", function()
        local server = server_like(on, { settings = { limits = { idle_timeout_ms = 200 } } })
        for _ = 1, 3 do
          assert.equal(200, peer:call("ask", { origin = server.issuer, method = "GET", path = "/healthz" }).status)
          http.metric_until(server, "moonlatch_connections", function(count)
            return count == 1 -- that which asks
          end)
        end
        server:stop()
      end)
    end

    if not client.is_lost_in_drain then
      it("moves from a server that ends to the next, and loses nothing", function()
        local old = server_like(on, {})
        peer:tell("move", { origin = old.issuer, method = "POST", path = "/idp/token/introspect", headers = FORM,
                            body = "token=x", count = AT_ONCE })
        http.metric_until(old, "moonlatch_requests_total", function(count)
          return count > 3 * AT_ONCE
        end)
        local new = server_after(on, old)
        assert.equal("", peer:heard().lost)
        old:stop()
        new:stop()
      end)
    end
  end)
end

describe("curl over HTTP/2:", function()
  local on, client
  lazy_setup(function()
    on = stage.new()
    on:open { is_tls = true }
    client = curl.new { "--http2", "--cacert", on.authority }
  end)
  lazy_teardown(function()
    client:forget()
    on:close()
  end)

  it("signs a person in", function()
    on:sign_in_by(client:asker())
  end)

  it("asks again after its connection was ended for being idle", function()
    local server = server_like(on, { settings = { limits = { idle_timeout_ms = 200 } } })
    local url = server.issuer .. "/healthz"
    local said = client:run("--rate", "60/m", "-w", "%{http_code} %{num_connects}\n", "-o", "/dev/null",
      "-o", "/dev/null", url, url)
    assert.equal("200 1\n200 1\n", said)
    server:stop()
  end)

  it("moves from a server that ends to the next, and loses nothing", function()
    local old = server_like(on, {})
    local url = old.issuer .. "/idp/scopes?[1-20000]"
    local answers = client:parallel(url, "--retry", "20", "--retry-connrefused", "--retry-delay", "1")
    http.metric_until(old, "moonlatch_requests_total", function(count)
      return count > 3 * AT_ONCE
    end)
    local new = server_after(on, old)
    assert.same({ ["200"] = 20000 }, answers())
    assert.is_true(http.metric(new, "moonlatch_requests_total") > 1)
    old:stop()
    new:stop()
  end)

  it("asks, and is told that a body is too large", function()
    local file = os.tmpname()
    sys.write_file(file, ("x"):rep(1000000))
    local introspect = on.server.issuer .. "/idp/token/introspect"
    assert.equal("2 200", client:says("-d", "token=x", introspect))
    assert.equal("2 413", client:says("--data-binary", "@" .. file, introspect))
    assert.equal("2 413", client:says("-H", "Content-Length:", "--data-binary", "@" .. file, introspect))
    assert.equal("2 413", client:says("-H", "Expect: 100-continue", "--data-binary", "@" .. file, introspect))
    assert.equal("2 200", client:says("-H", "Expect: 100-continue", "-d", "token=x", introspect))
    os.remove(file)
  end)
end)

describe("nghttp:", function()
  it("without a header table has every answer", function()
    local server = server_helper.start()
    local url = "http://127.0.0.1:" .. server.port
    local code, out = sys.run { "nghttp", "-nv", "--header-table-size=0", url .. "/healthz", url .. "/idp/scopes",
      url .. "/idp/jwks" }
    assert.equal(0, code)
    local good = 0
    for _ in out:gmatch(":status: 200") do
      good = good + 1
    end
    assert.equal(3, good)
    assert.is_nil(out:find("COMPRESSION_ERROR", 1, true))
    server:stop()
  end)
end)
