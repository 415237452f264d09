-- Others' HTTP/2 stacks, over TLS: a token exchange and what follows, many requests at once, a request that is given
-- up, a body that is too large, and a server that ends and begins again: no request is lost, and none is told twice.
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

local CLIENTS = {
  { name = "Node", command = { server_helper.node, HERE .. "node_client.mjs" } },
  { name = "Node, without a header table", command = { server_helper.node, HERE .. "node_client.mjs" },
    env = { TABLE = "0" } },
  { name = "httpx", command = { "/usr/bin/python3", HERE .. "httpx_client.py" } },
  { name = "Go", make = go_program },
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
      peer = peer_helper.start(client.make and client.make() or client.command, env)
    end)
    lazy_teardown(function()
      peer:stop()
      on:close()
    end)

    local function post(path, form)
      return peer:call("ask", { origin = on.server.issuer, method = "POST", path = path, headers = FORM,
                                body = http.form(form) })
    end

    local function get(path)
      return peer:call("ask", { origin = on.server.issuer, method = "GET", path = path })
    end

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
  end)
end

describe("curl over HTTP/2:", function()
  local on
  lazy_setup(function()
    on = stage.new()
    on:open { is_tls = true }
  end)
  lazy_teardown(function()
    on:close()
  end)

  -- What it wrote, and its version and status behind.
  local function curl(...)
    local code, out, said = sys.run { "curl", "-sS", "--http2", "--cacert", on.authority,
      "-w", "%{http_version} %{http_code}", "-o", "/dev/null", ... }
    assert(code == 0, said)
    return out
  end

  it("asks, and is told that a body is too large", function()
    local file = os.tmpname()
    sys.write_file(file, ("x"):rep(1000000))
    local introspect = on.server.issuer .. "/idp/token/introspect"
    assert.equal("2 200", curl("-d", "token=x", introspect))
    assert.equal("2 413", curl("--data-binary", "@" .. file, introspect))
    assert.equal("2 413", curl("-H", "Expect: 100-continue", "--data-binary", "@" .. file, introspect))
    assert.equal("2 200", curl("-H", "Expect: 100-continue", "-d", "token=x", introspect))
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
