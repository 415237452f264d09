-- Clients whose keys are elsewhere (jwks_uri, RFC 7591 §2), and what asking there may not do.
local flow = require "helpers.flow"
local http = require "helpers.http"
local jose = require "helpers.jose"
local receiver = require "helpers.receiver"
local server_helper = require "helpers.server"
local shape = require "helpers.shape"

local cjson = require "cjson.safe"

describe("A client's jwks_uri", function()
  local server, world, web, key
  lazy_setup(function()
    server = server_helper.start { settings = { outgoing_private = true, limits = { outgoing_timeout_ms = 300 } } }
    world = flow.world(server)
    web = receiver.start()
    key = jose.key "ES256"
  end)
  lazy_teardown(function()
    web:stop()
    server:stop()
  end)

  local function serve(path, keys, more)
    local answer = { path = path, body = cjson.encode { keys = keys },
                     headers = { ["content-type"] = "application/json" } }
    for name, value in pairs(more or {}) do
      answer[name] = value
    end
    web:answer(answer)
  end

  local function client(path)
    return flow.app(server, world.user, { token_endpoint_auth_method = "private_key_jwt", jwks_uri = web.url .. path })
  end

  local function introspect(app, with)
    local form = jose.assertion(server, app, with or key)
    form.token = "x"
    return http.post(server, "/idp/token/introspect", { form = form })
  end

  it("is asked once, and its keys are kept", function()
    serve("/kept", { key.public })
    local app = client "/kept"
    for _ = 1, 3 do
      shape.ok(introspect(app))
    end
    local asked = web:next()
    assert.equal("GET", asked.method)
    assert.equal("/kept", asked.path)
    assert.matches("^moonlatch/", asked.headers["user-agent"])
    assert.is_nil(asked.headers.cookie)
    assert.is_nil(web:next(0.2))
  end)

  it("is asked again for a key that is not among them, but not all the time", function()
    serve("/rotated", { jose.key("ES256").public })
    local app = client "/rotated"
    shape.oauth_error(introspect(app), 401, "invalid_client")
    assert.equal("/rotated", web:next().path)
    for _ = 1, 3 do
      shape.oauth_error(introspect(app), 401, "invalid_client")
    end
    assert.is_nil(web:next(0.2))
  end)

  it("that changed is asked anew", function()
    serve("/one", { jose.key("ES256").public })
    serve("/two", { key.public })
    local app = client "/one"
    shape.oauth_error(introspect(app), 401, "invalid_client")
    shape.ok(http.request(server, "PATCH", "/idp/apps/" .. app.app_id,
      { bearer = world.user.api_key, json = { jwks_uri = web.url .. "/two" } }))
    shape.ok(introspect(app))
    assert.equal("/one", web:next().path)
    assert.equal("/two", web:next().path)
  end)

  it("that fails, hangs, redirects or says nonsense is an error for that client, soon", function()
    serve("/500", { key.public }, { status = 500 })
    serve("/nonsense", nil, { body = "<html>" })
    serve("/large", { key.public }, { body = '{"keys":[' .. (" "):rep(20000) .. "]}" })
    serve("/elsewhere", nil, { status = 302, headers = { location = web.url .. "/kept" } })
    serve("/hang", nil, { hang = true })
    for _, path in ipairs { "/500", "/nonsense", "/large", "/elsewhere", "/hang", "/not-there" } do
      shape.oauth_error(introspect(client(path)), 401, "invalid_client")
      assert.equal(path, web:next().path)
    end
    assert.is_nil(web:next(0.2))
    shape.ok(http.get(server, "/readyz"))
  end)

  it("is not asked at private addresses or over http, unless the operator says so", function()
    local strict = server_helper.start()
    local owner = flow.user(strict)
    local answer = http.post(strict, "/idp/apps", { bearer = owner.api_key,
      json = { name = "Plain http", redirect_uris = { flow.REDIRECT }, jwks_uri = "http://keys.example/" } })
    shape.invalid(answer, { { "body", "jwks_uri", "url" } })
    for _, host in ipairs { "127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "127.1", "0x7f000001",
                            "2130706433", "0.0.0.0", "169.254.169.254" } do
      local app = flow.app(strict, owner, { token_endpoint_auth_method = "private_key_jwt",
        jwks_uri = ("https://%s:%d/kept"):format(host, web.port) })
      local form = jose.assertion(strict, app, key)
      form.token = "x"
      local refused = http.post(strict, "/idp/token/introspect", { form = form })
      shape.oauth_error(refused, 401, "invalid_client")
      local id = refused.headers["x-request-id"]
      local entry = strict:logged(function(line)
        return line.request_id == id
      end)
      assert.matches("not a public one", entry.detail, 1, true)
    end
    assert.is_nil(web:next(0.2))
    strict:stop()
  end)

  it("may be over http when the flag, the environment or the settings file says so", function()
    local function status_of(options)
      local one = server_helper.start(options)
      local answer = http.post(one, "/idp/apps", { bearer = flow.user(one).api_key,
        json = { name = "Plain http", redirect_uris = { flow.REDIRECT }, jwks_uri = "http://keys.example/" } })
      one:stop()
      return answer.status
    end
    assert.equal(200, status_of { args = { "--outgoing-private" } })
    assert.equal(200, status_of { env = { MOONLATCH_OUTGOING_PRIVATE = "1" } })
    assert.equal(200, status_of { settings = { outgoing_private = true } })
    for _, no in ipairs { "", "0", "false" } do
      assert.equal(422, status_of { env = { MOONLATCH_OUTGOING_PRIVATE = no } })
    end
    assert.equal(422, status_of { settings = { outgoing_private = true }, env = { MOONLATCH_OUTGOING_PRIVATE = "0" } })
  end)
end)
