-- HTTP/2 by prior knowledge and by ALPN, and TLS.
local cli = require "helpers.cli"
local flow = require "helpers.flow"
local http = require "helpers.http"
local server_helper = require "helpers.server"
local shape = require "helpers.shape"
local sys = require "helpers.sys"

-- cert.pem and key.pem of localhost in a directory of their own.
local function certificate()
  local directory = sys.directory()
  assert(sys.run { "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
    "-days", "2", "-subj", "/CN=localhost", "-keyout", directory .. "/key.pem", "-out", directory .. "/cert.pem" } == 0)
  return directory
end

describe("HTTP/2 by prior knowledge", function()
  local server, world
  flow.in_world(function(...)
    server, world = ...
  end)

  it("runs many streams of one connection at once, each with its own answer", function()
    local connection = http.connect(server, { version = 2 })
    local streams = {}
    for i = 1, 90 do -- of one path: lua-http 0.4 writes the HPACK index 127 wrong, so new headers are few here
      streams[i] = connection:send("GET", "/idp/apps/nothing", { bearer = world.user.api_key })
    end
    local ids = {}
    for i = 1, 90 do
      local answer = connection:receive(streams[i])
      shape.detail(answer, 404)
      ids[answer.headers["x-request-id"]] = true
    end
    local count = 0
    for _ in pairs(ids) do
      count = count + 1
    end
    assert.equal(90, count)
    connection:close()
  end)

  it("serves thousands of requests on one connection", function()
    local connection = http.connect(server, { version = 2 })
    for _ = 1, 2000 do
      local answer = connection:request("GET", "/idp/scopes")
      assert.equal(200, answer.status)
    end
    connection:close()
  end)

  it("redeems, introspects and refuses as HTTP/1.1 does", function()
    local connection = http.connect(server, { version = 2 })
    local code = flow.code(server, world.app, world.cookie, { scope = "openid" })
    local tokens = connection:request("POST", "/idp/token", { form = flow.code_form(world.app, code) })
    shape.ok(tokens)
    shape.no_store(tokens)
    local asked = connection:request("POST", "/idp/token/introspect", { form = { token = tokens.json.access_token } })
    assert.is_true(asked.json.active)
    shape.oauth_error(connection:request("POST", "/idp/token", { form = flow.code_form(world.app, code) }), 400,
      "invalid_grant")
    shape.invalid(connection:request("POST", "/idp/token", { form = { a = "b" } }),
      { { "body", "grant_type", "missing" }, { "body", "client_id", "missing" } })
    connection:close()
  end)

  it("takes several cookie headers as one (RFC 9113 §8.2.3)", function()
    local connection = http.connect(server, { version = 2 })
    local stream = connection.lua_http:new_stream()
    local headers = require("http.headers").new()
    headers:append(":method", "GET")
    headers:append(":scheme", "http")
    headers:append(":authority", "localhost")
    headers:append(":path", "/")
    headers:append("cookie", "a=1")
    headers:append("cookie", world.cookie)
    headers:append("cookie", "b=2")
    assert(stream:write_headers(headers, true, 10))
    local answer = connection:receive(stream)
    assert.matches("csrf%-token", answer.body)
    connection:close()
  end)

  it("answers HEAD without a body", function()
    local connection = http.connect(server, { version = 2 })
    local answer = connection:request("HEAD", "/idp/scopes")
    assert.same({ 200, "" }, { answer.status, answer.body })
    connection:close()
  end)

  it("does not offer the h2c upgrade", function()
    local raw = sys.connect(server.port)
    raw:send("GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
      .. "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n")
    assert.equal(200, (raw:answer()))
    raw:close()
  end)
end)

describe("TLS", function()
  local server, files, world
  lazy_setup(function()
    files = certificate()
    server = server_helper.start {
      args = { "--tls-cert", files .. "/cert.pem", "--tls-key", files .. "/key.pem" },
      settings = { limits = { idle_timeout_ms = 5000 } },
    }
    world = flow.world(server)
  end)
  lazy_teardown(function()
    server:stop()
    sys.run { "rm", "-r", files }
  end)

  it("negotiates h2 and http/1.1 by ALPN, and HTTP/1.1 without", function()
    local target = "127.0.0.1:" .. server.port
    for offered, chosen in pairs { ["h2,http/1.1"] = "h2", ["http/1.1"] = "http/1.1", ["http/1.1,h2"] = "h2" } do
      local _, out = sys.run { "openssl", "s_client", "-alpn", offered, "-connect", target }
      assert.equal(chosen, out:match("ALPN protocol: (%S+)"))
    end
    local _, out = sys.run { "openssl", "s_client", "-connect", target }
    assert.matches("No ALPN negotiated", out)
    for version in pairs { [2] = true, [1.1] = true } do
      local connection = http.connect(server, { version = version })
      assert.equal(version, connection.lua_http.version)
      shape.ok(connection:request("GET", "/idp/scopes"))
      connection:close()
    end
  end)

  it("speaks TLS 1.2 and 1.3, and nothing older", function()
    for flag, good in pairs { ["-tls1_2"] = true, ["-tls1_3"] = true, ["-tls1_1"] = false } do
      local code, out = sys.run { "openssl", "s_client", flag, "-connect", "127.0.0.1:" .. server.port }
      assert.equal(good, code == 0 and out:find("BEGIN CERTIFICATE", 1, true) ~= nil, flag .. " " .. out)
    end
  end)

  it("carries the whole sign-in; the cookie is Secure", function()
    local answer = flow.login(server, world.app, world.user)
    assert.equal(303, answer.status)
    assert.matches("; Secure", answer.cookies[flow.COOKIE])
    assert.matches("^https://localhost:", answer.headers.location)
    local tokens = flow.tokens(server, world.app, flow.cookie_of(answer), { scope = "openid" })
    assert.is_true(flow.is_active(server, tokens.access_token))
    assert.matches("^https://localhost:", flow.introspect(server, tokens.access_token).iss)
  end)

  it("resumes sessions", function()
    local file = os.tmpname()
    local target = "127.0.0.1:" .. server.port
    sys.run { "openssl", "s_client", "-tls1_2", "-connect", target, "-sess_out", file }
    local _, out = sys.run { "openssl", "s_client", "-tls1_2", "-connect", target, "-sess_in", file }
    assert.matches("Reused, TLSv1.2", out)
    os.remove(file)
  end)

  it("plain text on the TLS port harms nobody", function()
    local raw = sys.connect(server.port)
    raw:send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert.is_string(raw:receive_all(10 * server_helper.patience))
    raw:close()
    shape.ok(http.get(server, "/healthz"))
  end)

  it("a new certificate is taken by a reload", function()
    local function serial()
      local _, out = sys.run { "openssl", "s_client", "-connect", "127.0.0.1:" .. server.port }
      return out:match("BEGIN CERTIFICATE.-END CERTIFICATE")
    end
    local before, fresh = serial(), certificate()
    assert(sys.run { "cp", fresh .. "/cert.pem", fresh .. "/key.pem", files } == 0)
    local open = http.connect(server, { version = 1.1 })
    assert.equal(0, (cli.run(server.state, "policy", "reload")))
    assert.not_equal(before, serial())
    shape.ok(open:request("GET", "/idp/scopes")) -- a connection that was open goes on
    open:close()
    sys.write_file(files .. "/key.pem", "nonsense")
    assert.equal(1, (cli.run(server.state, "policy", "reload")))
    shape.ok(http.get(server, "/healthz"))
    sys.run { "rm", "-r", fresh }
  end)
end)
