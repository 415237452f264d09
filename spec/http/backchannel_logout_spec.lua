-- Back-Channel Logout 1.0: who is told of the end of a session, what, and until when.
local cli = require "helpers.cli"
local flow = require "helpers.flow"
local http = require "helpers.http"
local jose = require "helpers.jose"
local receiver = require "helpers.receiver"
local server_helper = require "helpers.server"
local shape = require "helpers.shape"
local sys = require "helpers.sys"

local EVENT = "http://schemas.openid.net/event/backchannel-logout"
local QUIET_S = 1.5 * server_helper.patience

describe("Back-channel logout", function()
  local web
  setup(function()
    web = receiver.start()
  end)
  teardown(function()
    web:stop()
  end)

  local function start(more)
    local options = { settings = { outgoing_private = true, limits = { outgoing_timeout_ms = 500 } } }
    for name, value in pairs(more or {}) do
      options[name] = value
    end
    return server_helper.start(options)
  end

  local function app_at(server, owner, path, answer, fields)
    answer = answer or {}
    answer.path = path
    web:answer(answer)
    local body = { backchannel_logout_uri = web.url .. path }
    for name, value in pairs(fields or {}) do
      body[name] = value
    end
    return flow.app(server, owner, body)
  end

  -- Signs in to all of these by one session: its cookie, its sid.
  local function sign_in(server, user, ...)
    local cookie, sid
    for _, app in ipairs { ... } do
      cookie = cookie or flow.sign_in(server, app, user)
      local tokens = flow.tokens(server, app, cookie, { scope = "openid" })
      local _, claims = jose.read(tokens.id_token)
      assert.is_true(sid == nil or sid == claims.sid)
      sid = claims.sid
    end
    return cookie, sid
  end

  local function sign_out(server, cookie, action)
    local page = http.get(server, "/idp/logout", { cookie = cookie })
    local csrf = page.body:match('name="csrf_token" value="([^"]+)"')
    local answer = http.post(server, "/idp/logout",
      { form = { action = action or "sign_out", csrf_token = csrf }, cookie = cookie })
    shape.page(answer, 200)
    assert.matches("You are signed out", answer.body)
  end

  local function token_of(request)
    assert.equal("POST", request.method)
    assert.equal("application/x-www-form-urlencoded", request.headers["content-type"])
    assert.is_nil(request.headers.cookie)
    assert.is_nil(request.headers.authorization)
    return (assert(request.body:match("^logout_token=([%w%-_.]+)$"), request.body))
  end

  -- The next logout token: claims, header, path.
  local function told(server, timeout_s)
    local request = web:next(timeout_s)
    if not request then
      return nil
    end
    local header, claims = jose.verified(server, token_of(request))
    return claims, header, request.path
  end

  local function metric(server, name, value)
    local seen = http.metric_until(server, "moonlatch_logout_" .. name .. "_total", function(now)
      return now >= value
    end)
    assert.equal(value, seen, name)
  end

  describe("tells", function()
    local server, user
    lazy_setup(function()
      server = start()
      user = flow.user(server)
    end)
    lazy_teardown(function()
      assert.is_nil(server:log_text():match("eyJ[%w%-_]+%.eyJ"), "the log has a token")
      server:stop()
    end)

    for _, alg in ipairs { "RS256", "ES256", "EdDSA" } do
      it("by a logout token (§2.4), signed with " .. alg .. " where the app wants that", function()
        local app = app_at(server, user, "/" .. alg, nil, { id_token_signed_response_alg = alg })
        local cookie, sid = sign_in(server, user, app)
        sign_out(server, cookie)
        local claims, header = told(server)
        assert.equal("logout+jwt", header.typ)
        assert.equal(alg, header.alg)
        assert.equal(server.issuer, claims.iss)
        assert.equal(user.user_id, claims.sub)
        assert.equal(app.client_id, claims.aud)
        assert.equal(sid, claims.sid)
        assert.is_true(math.abs(os.time() - claims.iat) < 30)
        assert.equal(120, claims.exp - claims.iat)
        assert.is_string(claims.jti)
        assert.same({ [EVENT] = {} }, claims.events)
        assert.is_nil(claims.nonce)
        local names = 0
        for _ in pairs(claims) do
          names = names + 1
        end
        assert.equal(8, names)
      end)
    end

    it("each app of the session once, however often it has signed in, and no other", function()
      local one, two = app_at(server, user, "/one"), app_at(server, user, "/two", { status = 204 })
      local silent, changed = flow.app(server, user), app_at(server, user, "/changed")
      local absent = app_at(server, user, "/absent")
      sign_in(server, user, absent) -- another session
      local cookie, sid = sign_in(server, user, one, two, silent, one, changed)
      shape.ok(http.request(server, "PATCH", "/idp/apps/" .. changed.app_id,
        { json = { backchannel_logout_uri = require("cjson").null }, bearer = user.api_key }))
      sign_out(server, cookie)
      local paths = {}
      for _ = 1, 2 do
        local claims, _, path = told(server)
        assert.equal(sid, claims.sid)
        paths[#paths + 1] = path
      end
      table.sort(paths)
      assert.same({ "/one", "/two" }, paths)
      assert.is_nil(told(server, QUIET_S))
    end)

    it("once, when a session is ended several times at once", function()
      local app = app_at(server, user, "/raced")
      local cookie = flow.sign_in(server, app, user)
      local hint = flow.tokens(server, app, cookie, { scope = "openid" }).id_token
      http.together(server, 6, function(_, connection)
        local query = http.form { id_token_hint = hint }
        return connection:request("GET", "/idp/logout?" .. query, { cookie = cookie }).status
      end)
      assert.equal(app.client_id, told(server).aud)
      assert.is_nil(told(server, QUIET_S))
    end)

    it("when an app signs in at that very moment, or the app gets no code", function()
      local app, silent, told_of = app_at(server, user, "/moment"), flow.app(server, user), 0
      local before = http.metric(server, "moonlatch_logout_deliveries_total")
      for round = 1, 20 do
        local cookie = flow.sign_in(server, silent, user)
        local id = flow.session_id(server, app, cookie)
        local page = http.get(server, "/idp/logout", { cookie = cookie })
        local csrf = page.body:match('name="csrf_token" value="([^"]+)"')
        local answers = http.together(server, 2, function(i, connection)
          if (i + round) % 2 == 0 then
            return connection:request("POST", "/idp/authorize/consent?session_id=" .. id,
              { form = { action = "approve" }, cookie = cookie })
          end
          return connection:request("POST", "/idp/logout",
            { form = { action = "sign_out", csrf_token = csrf }, cookie = cookie })
        end)
        if answers[1].headers.location or answers[2].headers.location then
          assert.equal(app.client_id, told(server).aud)
          told_of = told_of + 1
        end
      end
      assert.is_nil(told(server, QUIET_S))
      metric(server, "deliveries", before + told_of)
    end)

    it("of every session, when all are ended", function()
      local many = flow.user(server)
      local one, two = app_at(server, many, "/one"), app_at(server, many, "/two")
      local expected = {}
      for _ = 1, 3 do
        local _, sid = sign_in(server, many, one, two)
        expected[sid .. " /one"], expected[sid .. " /two"] = true, true
      end
      local answer = http.request(server, "DELETE", "/idp/sessions", { bearer = many.api_key })
      assert.same({ signed_out = 3 }, answer.json)
      local ids = {}
      for _ = 1, 6 do
        local claims, _, path = told(server)
        local what = claims.sid .. " " .. path
        assert.is_true(expected[what], what)
        expected[what] = nil
        assert.is_nil(ids[claims.jti])
        ids[claims.jti] = true
      end
    end)

    it("when the user is deleted, too", function()
      local gone = flow.user(server)
      local app = app_at(server, user, "/gone")
      local _, sid = sign_in(server, gone, app)
      cli.ask(server.state, "user", "delete", gone.username)
      local claims = told(server, 15 * server_helper.patience)
      assert.equal(gone.user_id, claims.sub)
      assert.equal(sid, claims.sid)
    end)
  end)

  describe("takes the answer", function()
    local server, user
    before_each(function()
      server = start()
      user = flow.user(server)
    end)
    after_each(function()
      server:stop()
      web:forget() -- its other attempts
    end)

    -- An app for each, told of the end of one session, and what it answers to the first token.
    local function sign_out_of(statuses, more)
      local apps = {}
      for i, status in ipairs(statuses) do
        local answer = { status = status, headers = { location = web.url .. "/elsewhere" } }
        for name, value in pairs(more) do
          answer[name] = value
        end
        apps[i] = app_at(server, user, "/" .. status, answer)
      end
      sign_out(server, (sign_in(server, user, unpack(apps))))
    end

    it("500, 503, 302, 408 and 429 for a failure, and tries again with a fresh token", function()
      local statuses, first, again = { 500, 503, 302, 408, 429 }, {}, {}
      sign_out_of(statuses, { once = true })
      for _ = 1, 2 * #statuses do
        local claims, _, path = told(server)
        assert.is_nil(again[path], "told thrice")
        if first[path] then
          again[path] = claims
        end
        first[path] = first[path] or claims
      end
      for _, status in ipairs(statuses) do
        local one, two = first["/" .. status], again["/" .. status]
        assert.is_table(two, status)
        assert.equal(one.sid, two.sid)
        assert.not_equal(one.jti, two.jti)
        assert.is_true(two.iat >= one.iat)
      end
      metric(server, "failed", #statuses)
      metric(server, "delivered", #statuses)
      metric(server, "deliveries", #statuses)
      metric(server, "dropped", 0)
      assert.is_nil(told(server, QUIET_S))
    end)

    it("400, 404 and 410 for a refusal, and tries no more", function()
      local statuses, seen = { 400, 404, 410 }, {}
      sign_out_of(statuses, { body = '{"error":"invalid_request"}' })
      for _ = 1, #statuses do
        local _, _, path = told(server)
        assert.is_nil(seen[path], "told twice")
        seen[path] = true
      end
      metric(server, "dropped", #statuses)
      metric(server, "failed", 0)
      assert.is_nil(told(server, QUIET_S))
    end)

    it("none for a failure that harms nobody else", function()
      local stuck, fine = app_at(server, user, "/stuck", { hang = true }), app_at(server, user, "/fine")
      for _ = 1, 12 do -- more than there are threads
        sign_in(server, user, stuck)
      end
      sign_in(server, user, fine)
      local began = sys.now()
      http.request(server, "DELETE", "/idp/sessions", { bearer = user.api_key })
      local cookie = flow.sign_in(server, fine, user)
      flow.tokens(server, fine, cookie, { scope = "openid" }) -- an RSA signature
      local path
      repeat
        local _
        _, _, path = told(server)
      until path == "/fine"
      assert.is_true(sys.now() - began < 5 * server_helper.patience, "it waited")
      http.metric_until(server, "moonlatch_logout_failed_total", function(count)
        return count >= 1
      end)
    end)
  end)

  it("outlives kill -9 between two attempts, and while one is made", function()
    local state = sys.directory()
    local server = start { state = state }
    local user = flow.user(server)
    local app = app_at(server, user, "/later", { status = 500 })
    sign_out(server, (sign_in(server, user, app)))
    local first = told(server)
    server:kill()

    web:answer { path = "/later", hang = true }
    local issuer = server.issuer
    server = start { state = state, env = { MOONLATCH_ISSUER = issuer } }
    local second = told(server)
    assert.equal(first.sid, second.sid)
    server:kill() -- while the app has the request

    web:answer { path = "/later", status = 200 }
    server = start { state = state, env = { MOONLATCH_ISSUER = issuer } }
    local third = told(server, 20 * server_helper.patience)
    assert.equal(first.sid, third.sid)
    assert.not_equal(second.jti, third.jti)
    metric(server, "delivered", 1)
    assert.is_nil(told(server, QUIET_S))
    server:stop()
    sys.run { "rm", "-r", state }
  end)

  it("is found by a server that was not there when it was queued", function()
    local state = sys.directory()
    local server = start { state = state }
    local user, owner = flow.user(server), flow.user(server)
    local app = app_at(server, owner, "/asleep")
    local _, sid = sign_in(server, user, app)
    server:stop()
    cli.ask(state, "user", "delete", user.username)
    assert.is_nil(web:next(0))
    server = start { state = state }
    assert.equal(sid, told(server).sid)
    server:stop()
    sys.run { "rm", "-r", state }
  end)

  it("is one server's at a time", function()
    local state = sys.directory()
    local one = start { state = state }
    local two = start { state = state, env = { MOONLATCH_ISSUER = one.issuer } }
    local user = flow.user(one)
    local apps = {}
    for i = 1, 4 do
      apps[i] = app_at(one, user, "/app" .. i)
    end
    for _ = 1, 5 do
      sign_in(one, user, unpack(apps))
    end
    http.request(two, "DELETE", "/idp/sessions", { bearer = user.api_key })
    local seen = {}
    for _ = 1, 20 do
      local claims = told(one)
      local what = claims.sid .. " " .. claims.aud
      assert.is_nil(seen[what], "told twice")
      seen[what] = true
    end
    assert.is_nil(told(one, QUIET_S))
    one:stop()
    two:stop()
    sys.run { "rm", "-r", state }
  end)

  it("gives a token that is no id_token: it signs nobody out elsewhere", function()
    local bye = "https://app.example/bye"
    local server = start()
    local user = flow.user(server)
    local app = app_at(server, user, "/hint", nil, { post_logout_redirect_uris = { bye } })
    sign_out(server, (sign_in(server, user, app)))
    local logout_token = token_of(web:next())
    local cookie = flow.sign_in(server, app, user)
    local query = http.form { id_token_hint = logout_token, post_logout_redirect_uri = bye }
    local answer = http.get(server, "/idp/logout?" .. query, { cookie = cookie })
    shape.page(answer, 400) -- a hint that is none: nobody knows which app this is for
    shape.ok(http.get(server, "/idp/apps", { cookie = cookie }))
    server:stop()
  end)

  it("tells nobody of a session that expires", function()
    local server = start { settings = { outgoing_private = true, lifetimes = { session = 2 } } }
    local user = flow.user(server)
    local app = app_at(server, user, "/expired")
    local cookie = sign_in(server, user, app)
    http.ask_until(http.get, function(answer)
      return answer.body:find("You are signed out", 1, true)
    end, server, "/idp/logout", { cookie = cookie })
    assert.is_nil(told(server, QUIET_S))
    server:stop()
  end)

  it("goes to public addresses alone, unless the operator says otherwise", function()
    local server = start { settings = {} }
    local user = flow.user(server)
    local answer = http.post(server, "/idp/apps", { bearer = user.api_key, json = {
      name = "Near", redirect_uris = { flow.REDIRECT }, backchannel_logout_uri = web.url .. "/near" } })
    shape.invalid(answer, { { "body", "backchannel_logout_uri", "url" } })
    local app = flow.app(server, user, { backchannel_logout_uri = "https://127.0.0.1:" .. web.port .. "/near" })
    sign_out(server, (sign_in(server, user, app)))
    local line = server:logged(function(entry)
      return entry.event == "logout_failed"
    end)
    assert.matches("not a public one", line.why)
    assert.is_nil(web:next(0))
    server:stop()
  end)
end)
