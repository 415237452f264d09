-- POST /idp/par (RFC 9126).
local flow = require "helpers.flow"
local http = require "helpers.http"
local server_helper = require "helpers.server"
local shape = require "helpers.shape"
local wire = require "helpers.wire"

describe("A pushed authorization request", function()
  local server, world, strict
  lazy_setup(function()
    server = server_helper.start { settings = { lifetimes = { pushed = 3 } } }
    world = flow.world(server)
    strict = flow.app(server, world.user, { require_pushed_authorization_requests = true })
  end)
  lazy_teardown(function()
    server:stop()
  end)

  local function push(app, more, options)
    local form = flow.request(app, { client_secret = app.client_secret })
    for name, value in pairs(more or {}) do
      form[name] = value or nil
    end
    options = options or {}
    options.form = form
    return http.post(server, "/idp/par", options)
  end

  local function pushed(app, more)
    local answer = push(app, more)
    assert.equal(201, answer.status, answer.body)
    return answer.json.request_uri
  end

  local function authorize(app, uri, options)
    return http.get(server, "/idp/authorize?" .. http.form { client_id = app.client_id, request_uri = uri }, options)
  end

  it("is answered with a request_uri", function()
    local answer = push(world.app)
    assert.equal(201, answer.status, answer.body)
    shape.no_store(answer)
    assert.matches("^urn:ietf:params:oauth:request_uri:", answer.json.request_uri)
    assert.equal(3, answer.json.expires_in)
  end)

  it("is answered with 201 and its reason over HTTP/1", function()
    local body = http.form(flow.request(world.app, { client_secret = world.app.client_secret }))
    local request = wire.method("POST", "/idp/par", "Content-Type: application/x-www-form-urlencoded",
      "Content-Length: " .. #body, "Connection: close") .. body
    assert.matches("^http/1%.1 201 created\r\n", wire.answers(server, request)[1].head)
  end)

  it("stores nothing", function()
    assert.equal(0, http.ask_until(function()
      local before = http.metric(server, "moonlatch_db_commits_total")
      push(world.app)
      return http.metric(server, "moonlatch_db_commits_total") - before
    end, function(commits)
      return commits == 0
    end))
  end)

  it("gives a code, by consent or remembered", function()
    for _, prompt in ipairs { "consent", false } do
      local uri = pushed(strict, { prompt = prompt, scope = "openid", nonce = "pushed" })
      local _, params = authorize(strict, uri, { cookie = world.cookie }):location()
      if params.session_id then
        _, params = flow.consent(server, params.session_id, world.cookie, "approve"):location()
      end
      assert.equal(server.issuer, params.iss)
      assert.is_string(flow.token(server, flow.code_form(strict, params.code)).json.id_token)
    end
  end)

  it("goes through the login page, which does not show what it asks", function()
    local uri = pushed(strict, { state = "hidden-state" })
    local page = authorize(strict, uri)
    shape.page(page, 200)
    assert.is_nil(page.body:find("hidden-state", 1, true))
    local renewed = page.body:match('name="request_uri" value="([^"]+)"')
    local answer = http.post(server, "/idp/login", { form = { client_id = strict.client_id, request_uri = renewed,
      auth_method = "fingerprint", fingerprint = world.user.fingerprint } })
    local _, params = answer:location()
    local cookie = flow.cookie_of(answer)
    if params.session_id then
      _, params = flow.consent(server, params.session_id, cookie, "approve"):location()
    end
    assert.equal("hidden-state", params.state)
    assert.is_string(params.code)
  end)

  it("gives one code, however often it is opened (§7.3)", function()
    local uri = pushed(world.app, { prompt = "consent" })
    local ids = {}
    for i = 1, 2 do
      local _, params = authorize(world.app, uri, { cookie = world.cookie }):location()
      ids[i] = params.session_id
    end
    assert.equal(303, flow.consent(server, ids[1], world.cookie, "approve").status)
    assert.equal(400, flow.consent(server, ids[2], world.cookie, "approve").status)
    local _, params = authorize(world.app, uri, { cookie = world.cookie }):location()
    assert.equal(400, flow.consent(server, params.session_id, world.cookie, "approve").status)
  end)

  it("expires", function()
    local uri = pushed(world.app)
    local answer = http.ask_until(authorize, shape.says_expired, world.app, uri, { cookie = world.cookie })
    shape.page(answer, 400)
  end)

  it("is for its client alone, and none of ours when forged", function()
    local uri = pushed(world.app)
    shape.page(authorize(strict, uri, { cookie = world.cookie }), 400)
    local forged = uri:sub(1, -2) .. (uri:sub(-1) == "A" and "B" or "A")
    shape.page(authorize(world.app, forged, { cookie = world.cookie }), 400)
    shape.page(authorize(world.app, "https://app.example/request", { cookie = world.cookie }), 400)
    local plain = flow.authorize(server, strict, {}, { cookie = world.cookie })
    shape.error_redirect(plain, 302, flow.request(strict), "invalid_request", server.issuer)
  end)

  it("needs the client's proof", function()
    shape.oauth_error(push(world.app, { client_secret = "csc_wrong" }), 401, "invalid_client")
    shape.oauth_error(push(world.app, { client_id = false, client_secret = false }), 401, "invalid_client")
    local public = flow.app(server, world.user, { token_endpoint_auth_method = "none" })
    shape.oauth_error(push(public, { client_secret = false }), 400, "invalid_request")
    assert.equal(201, push(public, { client_secret = false, code_challenge = flow.pkce().challenge,
                                     code_challenge_method = "S256" }).status)
    assert.equal(201, push(world.app, { client_secret = false, client_id = false },
      { basic = { world.app.client_id, world.app.client_secret } }).status)
  end)

  it("is checked as it comes: errors are told at once, and never to the browser (§2.3)", function()
    shape.oauth_error(push(world.app, { redirect_uri = "https://evil.example/" }), 400, "invalid_request")
    shape.oauth_error(push(world.app, { response_type = "token" }), 400, "unsupported_response_type")
    shape.oauth_error(push(world.app, { scope = "no-such-scope" }), 400, "invalid_scope")
    local plain = { code_challenge = flow.pkce().challenge, code_challenge_method = "plain" }
    shape.oauth_error(push(world.app, plain), 400, "invalid_request")
    shape.oauth_error(push(world.app, { request_uri = "urn:x" }), 400, "invalid_request")
    shape.oauth_error(push(world.app, { request = "eyJ" }), 400, "request_not_supported")
    shape.oauth_error(push(world.app, { state = ("x"):rep(7000) }), 400, "invalid_request")
  end)
end)
