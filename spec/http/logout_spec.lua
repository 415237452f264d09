-- Signing out: RP-Initiated Logout 1.0, the page that asks, everywhere.
local cjson = require "cjson.safe"

local flow = require "helpers.flow"
local http = require "helpers.http"
local jose = require "helpers.jose"
local server_helper = require "helpers.server"
local shape = require "helpers.shape"

local BYE = "https://app.example/bye?from=here"

describe("/idp/logout", function()
  local server, world, other
  lazy_setup(function()
    server = server_helper.start()
    world = flow.world(server, { post_logout_redirect_uris = { BYE, "http://127.0.0.1/bye" } })
    other = flow.app(server, world.user, { post_logout_redirect_uris = { "https://other.example/bye" } })
  end)
  lazy_teardown(function()
    server:stop()
  end)

  -- A fresh sign-in: its cookie, and an id_token of it.
  local function sign_in(app, user)
    app = app or world.app
    local cookie = flow.sign_in(server, app, user or world.user)
    return cookie, flow.tokens(server, app, cookie, { scope = "openid" }).id_token
  end

  local function ask(params, cookie, options)
    options = options or {}
    options.cookie = cookie
    return http.get(server, "/idp/logout?" .. http.form(params), options)
  end

  local function is_signed_in(cookie)
    local answer = flow.authorize(server, world.app, { prompt = "none" }, { cookie = cookie })
    local _, params = answer:location()
    assert(params.code or params.error, answer.headers.location)
    return params.error ~= "login_required"
  end

  local function fields_of(page)
    local fields = {}
    for name, value in page.body:gmatch('<input type="hidden" name="([%w_]+)" value="([^"]*)"') do
      fields[name] = value:gsub("&amp;", "&"):gsub("&#39;", "'"):gsub("&quot;", '"'):gsub("&lt;", "<")
    end
    return fields
  end

  local function press(page, action, cookie, more, headers)
    local form = fields_of(page)
    form.action = action
    for name, value in pairs(more or {}) do
      form[name] = value or nil
    end
    return http.post(server, "/idp/logout", { form = form, cookie = cookie, headers = headers })
  end

  local function is_cleared(answer)
    local set = answer.cookies[flow.COOKIE]
    assert.matches("^" .. flow.COOKIE:gsub("%-", "%%-") .. "=; Path=/; Max%-Age=0; HttpOnly; SameSite=Lax", set)
  end

  local function asks(answer)
    shape.page(answer, 200)
    assert.matches('value="sign_out"', answer.body)
    assert.matches('value="sign_out_everywhere"', answer.body)
    assert.matches('value="stay"', answer.body)
    assert.is_nil(answer.cookies[flow.COOKIE])
  end

  local function says_signed_out(answer)
    shape.page(answer, 200)
    assert.matches("You are signed out", answer.body)
  end

  describe("with an id_token of this session", function()
    it("ends it at once and goes where the app wants, with state", function()
      local cookie, hint = sign_in()
      local answer = ask({ id_token_hint = hint, post_logout_redirect_uri = BYE, state = "a b&c" }, cookie)
      assert.equal(302, answer.status)
      assert.equal(BYE .. "&state=a%20b%26c", answer.headers.location)
      shape.no_store(answer)
      is_cleared(answer)
      assert.is_false(is_signed_in(cookie))
    end)

    it("says so on a page when the app names no place", function()
      local cookie, hint = sign_in()
      local answer = ask({ id_token_hint = hint, client_id = world.app.client_id }, cookie)
      says_signed_out(answer)
      is_cleared(answer)
      assert.is_false(is_signed_in(cookie))
    end)

    it("ends it for every worker before it answers", function()
      for _ = 1, 5 do
        local cookie, hint = sign_in()
        http.together(server, 8, function(_, connection) -- in the memory of each
          return connection:request("GET", "/idp/apps", { cookie = cookie }).status
        end)
        ask({ id_token_hint = hint }, cookie)
        local after = http.together(server, 8, function(_, connection)
          return connection:request("GET", "/idp/apps", { cookie = cookie }).status
        end)
        assert.same({ 401, 401, 401, 401, 401, 401, 401, 401 }, after)
      end
    end)

    it("comes as a form, too: of this site with the cookie, of another without, by a navigation", function()
      local cookie, hint = sign_in()
      local form = { id_token_hint = hint, post_logout_redirect_uri = BYE, state = "x y", foreign = "1" }
      local answer = http.post(server, "/idp/logout", { form = form, headers = { origin = "https://app.example" } })
      assert.equal(303, answer.status)
      assert.is_nil(answer.cookies[flow.COOKIE])
      assert.is_true(is_signed_in(cookie))
      local base, params = answer:location()
      assert.equal(server.issuer .. "/idp/logout", base)
      form.foreign = nil
      assert.same(form, params)
      answer = ask(params, cookie)
      assert.equal(302, answer.status)
      assert.is_false(is_signed_in(cookie))

      cookie, form.id_token_hint = sign_in()
      answer = http.post(server, "/idp/logout", { form = form, cookie = cookie })
      assert.equal(303, answer.status)
      assert.equal(BYE .. "&state=x%20y", answer.headers.location)
      assert.is_false(is_signed_in(cookie))
    end)

    it("lets the port of a loopback address be any", function()
      local cookie, hint = sign_in()
      local answer = ask({ id_token_hint = hint, post_logout_redirect_uri = "http://127.0.0.1:4711/bye" }, cookie)
      assert.equal("http://127.0.0.1:4711/bye", answer.headers.location)
    end)

    it("leaves the user's other sessions, and tokens, alone", function()
      local cookie, hint = sign_in()
      local elsewhere = sign_in()
      local tokens = flow.tokens(server, world.app, cookie)
      ask({ id_token_hint = hint }, cookie)
      assert.is_true(is_signed_in(elsewhere))
      assert.is_true(flow.is_active(server, tokens.access_token))
      shape.ok(flow.token(server, flow.refresh_form(world.app, tokens.refresh_token)))
    end)

    it("does for one that has expired", function()
      local quick = server_helper.start { policies = { ["tokens.lua"] =
        "return { lifetimes = function() return { access = 60, refresh = 600, id = 1 } end }" } }
      local small = flow.world(quick, { post_logout_redirect_uris = { BYE } })
      local hint = flow.tokens(quick, small.app, small.cookie, { scope = "openid" }).id_token
      local _, claims = jose.read(hint)
      http.ask_until(os.time, function(now)
        http.get(quick, "/healthz")
        return now > claims.exp
      end)
      local query = http.form { id_token_hint = hint, post_logout_redirect_uri = BYE }
      local answer = http.get(quick, "/idp/logout?" .. query, { cookie = small.cookie })
      assert.equal(BYE, answer.headers.location)
      is_cleared(answer)
      quick:stop()
    end)
  end)

  describe("when nobody is signed in", function()
    it("goes where the app wants, or says so", function()
      local answer = ask { client_id = world.app.client_id, post_logout_redirect_uri = BYE, state = "1" }
      assert.equal(302, answer.status)
      assert.equal(BYE .. "&state=1", answer.headers.location)
      says_signed_out(ask {})
      says_signed_out(ask { client_id = world.app.client_id, state = "1" })
    end)

    it("is the same for a session that has ended, whose cookie goes", function()
      local cookie, hint = sign_in()
      ask({ id_token_hint = hint }, cookie)
      local again = ask({ id_token_hint = hint, post_logout_redirect_uri = BYE }, cookie)
      assert.equal(BYE, again.headers.location)
      is_cleared(again)
      is_cleared(ask({}, flow.COOKIE .. "=nonsense"))
    end)

    it("speaks the language that is asked for", function()
      assert.matches("Du bist abgemeldet", ask({ ui_locales = "fr de" }).body)
      local cookie = sign_in()
      local page = ask({ ui_locales = "de" }, cookie)
      assert.matches("Abmelden bei Moonlatch", page.body)
      assert.matches("Du bleibst angemeldet", press(page, "stay", cookie).body)
    end)
  end)

  describe("without a hint of this session", function()
    it("asks, and ends nothing by itself", function()
      local cookie = sign_in()
      for _, params in ipairs {
        {}, { client_id = world.app.client_id }, { state = "s" },
        { client_id = world.app.client_id, post_logout_redirect_uri = BYE },
      } do
        local answer = ask(params, cookie)
        asks(answer)
        assert.matches(world.user.username, answer.body, 1, true)
        assert.equal(params.client_id ~= nil, answer.body:find(world.app.name, 1, true) ~= nil)
        assert.is_true(is_signed_in(cookie))
      end
    end)

    it("signs out when the person says so, and goes where the app wants", function()
      local cookie = sign_in()
      local page = ask({ client_id = world.app.client_id, post_logout_redirect_uri = BYE, state = 'a"b<&' }, cookie)
      assert.matches("form%-action 'self' https://app.example", page.headers["content-security-policy"])
      local answer = press(page, "sign_out", cookie)
      assert.equal(303, answer.status)
      local _, params = answer:location()
      assert.same({ from = "here", state = 'a"b<&' }, params)
      is_cleared(answer)
      assert.is_false(is_signed_in(cookie))
    end)

    it("keeps the session when the person wants to stay", function()
      local cookie = sign_in()
      local page = ask({ client_id = world.app.client_id, post_logout_redirect_uri = BYE }, cookie)
      local answer = press(page, "stay", cookie)
      shape.page(answer, 200)
      assert.matches("You stay signed in", answer.body)
      assert.is_nil(answer.cookies[flow.COOKIE])
      assert.is_true(is_signed_in(cookie))
    end)

    it("signs out everywhere", function()
      local user = flow.user(server)
      local one, two, three = sign_in(world.app, user), sign_in(other, user), sign_in(world.app, user)
      local bystander = sign_in()
      local tokens = flow.tokens(server, world.app, one)
      local answer = press(ask({}, two), "sign_out_everywhere", two)
      says_signed_out(answer)
      assert.matches("everywhere", answer.body)
      is_cleared(answer)
      for _, cookie in ipairs { one, two, three } do
        assert.is_false(is_signed_in(cookie))
      end
      assert.is_true(is_signed_in(bystander))
      assert.is_true(flow.is_active(server, tokens.access_token))
    end)

    it("takes a second press for what it is", function()
      local cookie = sign_in()
      local page = ask({ client_id = world.app.client_id, post_logout_redirect_uri = BYE }, cookie)
      press(page, "sign_out", cookie)
      local again = press(page, "sign_out", cookie)
      assert.equal(BYE, again.headers.location)
    end)
  end)

  describe("refuses", function()
    local function refused(answer, text, cookie)
      shape.page(answer, 400)
      assert.is_nil(answer.headers.location)
      assert.is_nil(answer.cookies[flow.COOKIE])
      assert.is_truthy(answer.body:find(text, 1, true), answer.body)
      assert.is_true(is_signed_in(cookie))
    end

    it("places that the app has not registered", function()
      local cookie, hint = sign_in()
      for _, place in ipairs {
        "https://evil.example/", BYE .. "x", "https://app.example/bye", BYE:gsub("https", "http"), flow.REDIRECT,
        "https://app.example@evil.example/bye", "//evil.example", "javascript:alert(1)", BYE .. "#x",
        "https://APP.example/bye?from=here", "http://127.0.0.1:80@evil.example/bye", "http://localhost:1/bye",
        "https://other.example/bye", BYE .. "\r\nset-cookie: a=b",
      } do
        for _, more in ipairs { { id_token_hint = hint }, { client_id = world.app.client_id } } do
          more.post_logout_redirect_uri = place
          refused(ask(more, cookie), "has not registered", cookie)
          more.action, more.csrf_token = "sign_out", fields_of(ask({}, cookie)).csrf_token
          refused(http.post(server, "/idp/logout", { form = more, cookie = cookie }), "has not registered", cookie)
        end
      end
    end)

    it("a place without an app, or of an app that is not, or is off", function()
      local cookie = sign_in()
      refused(ask({ post_logout_redirect_uri = BYE }, cookie), "not known", cookie)
      refused(ask({ post_logout_redirect_uri = BYE, client_id = "cid_nobody" }, cookie), "No app", cookie)
      local off = flow.app(server, world.user, { post_logout_redirect_uris = { BYE } })
      shape.ok(http.request(server, "PATCH", "/idp/apps/" .. off.app_id,
        { json = { active = false }, bearer = world.user.api_key }))
      refused(ask({ post_logout_redirect_uri = BYE, client_id = off.client_id }, cookie), "switched off", cookie)
    end)

    it("a hint for another app than client_id names", function()
      local cookie, hint = sign_in()
      refused(ask({ id_token_hint = hint, client_id = other.client_id }, cookie), "not that of", cookie)
      refused(ask({ id_token_hint = hint, client_id = other.client_id,
        post_logout_redirect_uri = "https://other.example/bye" }, cookie), "not that of", cookie)
    end)

    it("another app's hint for this app's place", function()
      local cookie, hint = sign_in(other)
      refused(ask({ id_token_hint = hint, post_logout_redirect_uri = BYE }, cookie), "has not registered", cookie)
    end)

    it("parameters that come twice", function()
      local cookie = sign_in()
      local answer = http.get(server, "/idp/logout?state=1&state=2", { cookie = cookie })
      assert.equal(400, answer.status)
    end)
  end)

  describe("takes for no hint at all", function()
    local function only_asks(hint, cookie, more)
      local params = { id_token_hint = hint, client_id = world.app.client_id }
      for name, value in pairs(more or {}) do
        params[name] = value
      end
      asks(ask(params, cookie))
      asks(http.post(server, "/idp/logout", { form = params, cookie = cookie }))
      assert.is_true(is_signed_in(cookie))
      local alone = ask({ id_token_hint = hint, post_logout_redirect_uri = "https://evil.example/" }, cookie)
      shape.page(alone, 400)
      assert.is_true(is_signed_in(cookie))
    end

    it("one that is forged", function()
      local cookie, hint = sign_in()
      local header, claims = jose.read(hint)
      local key = jose.key "RS256"
      local head, body, mark = hint:match("^([^.]+)%.([^.]+)%.([^.]+)$")
      local unsigned = http.base64url('{"alg":"none","typ":"JWT"}')
      only_asks(jose.sign(key, header, claims), cookie)
      only_asks(jose.sign({ jwk = {} }, { alg = "none", typ = "JWT", kid = header.kid }, claims), cookie)
      only_asks(jose.sign({ jwk = { k = jose.jwks(server)[1].n or "k" } },
        { alg = "HS256", typ = "JWT", kid = header.kid }, claims), cookie)
      only_asks(unsigned .. "." .. body .. ".", cookie)
      only_asks(unsigned .. "." .. body .. "." .. mark, cookie)
      only_asks(head .. "." .. body .. ".", cookie)
      only_asks(head .. "." .. http.base64url(cjson.encode(claims):gsub("}$", ',"x":1}')) .. "." .. mark, cookie)
      for _, text in ipairs { "x", "..", "a.b.c", hint .. ".", ("x"):rep(15000) } do
        only_asks(text, cookie)
      end
    end)

    it("one of another user, one of another session", function()
      local cookie, hint = sign_in()
      local _, foreign = sign_in(world.app, flow.user(server))
      only_asks(foreign, cookie)
      local _, elsewhere = sign_in()
      only_asks(elsewhere, cookie)
      assert.equal(302, ask({ id_token_hint = hint, post_logout_redirect_uri = BYE }, cookie).status)
    end)

    it("a token that is no id_token", function()
      local cookie = sign_in()
      local tokens = flow.tokens(server, world.app, cookie, { scope = "openid" })
      only_asks(tokens.access_token, cookie)
      only_asks(tokens.refresh_token, cookie)
      only_asks(cookie:match("=(.*)"), cookie)
    end)

    it("a JWT of ours that is no id_token", function()
      local jwts = server_helper.start { policies = { ["tokens.lua"] = [[return { format = function() return "jwt" end,
        lifetimes = function() return { access = 600, refresh = 600, id = 600 } end }]] } }
      local small = flow.world(jwts)
      local token = flow.tokens(jwts, small.app, small.cookie).access_token
      local header, claims = jose.verified(jwts, token)
      assert.equal("at+jwt", header.typ)
      assert.equal(small.user.user_id, claims.sub)
      asks(http.get(jwts, "/idp/logout?" .. http.form { id_token_hint = token }, { cookie = small.cookie }))
      jwts:stop()
    end)
  end)

  describe("the page's form", function()
    local function page_of(cookie)
      return ask({ client_id = world.app.client_id, post_logout_redirect_uri = BYE }, cookie)
    end

    it("must be of this session and of this site", function()
      local cookie, elsewhere = sign_in(), sign_in()
      local page = page_of(cookie)
      for _, action in ipairs { "sign_out", "sign_out_everywhere", "stay" } do
        for _, csrf in ipairs { false, "", "x", fields_of(page_of(elsewhere)).csrf_token } do
          shape.page(press(page, action, cookie, { csrf_token = csrf }), 403)
        end
        for _, headers in ipairs {
          { ["sec-fetch-site"] = "cross-site" }, { ["sec-fetch-site"] = "same-site" },
          { origin = "https://evil.example" },
        } do
          shape.page(press(page, action, cookie, nil, headers), 403)
        end
      end
      assert.is_true(is_signed_in(cookie))
      local ours = { ["sec-fetch-site"] = "same-origin", origin = "null" }
      assert.equal(303, press(page, "sign_out", cookie, nil, ours).status)
      assert.is_false(is_signed_in(cookie))
      assert.is_true(is_signed_in(elsewhere))
    end)

    it("says what to do", function()
      local cookie = sign_in()
      shape.page(press(page_of(cookie), "explode", cookie), 422)
      assert.is_true(is_signed_in(cookie))
    end)
  end)

  it("an approval in a session that ends meanwhile gives no code", function()
    local cookie, hint = sign_in()
    local id = flow.session_id(server, world.app, cookie)
    ask({ id_token_hint = hint }, cookie)
    shape.page(flow.consent(server, id, cookie, "approve"), 401)
    for _ = 1, 10 do
      cookie, hint = sign_in()
      id = flow.session_id(server, world.app, cookie)
      local statuses = http.together(server, 2, function(i, connection)
        if i == 1 then
          local query = http.form { id_token_hint = hint }
          return connection:request("GET", "/idp/logout?" .. query, { cookie = cookie }).status
        end
        return connection:request("POST", "/idp/authorize/consent?session_id=" .. id,
          { form = { action = "approve" }, cookie = cookie }).status
      end)
      assert.equal(200, statuses[1])
      assert.is_true(statuses[2] == 303 or statuses[2] == 400 or statuses[2] == 401, statuses[2])
      assert.is_false(is_signed_in(cookie))
    end
  end)

  it("is offered on the home page, to whoever is signed in", function()
    assert.is_nil(http.get(server, "/").body:find('href="/idp/logout"', 1, true))
    assert.is_truthy(http.get(server, "/", { cookie = sign_in() }).body:find('href="/idp/logout"', 1, true))
  end)

  describe("DELETE /idp/sessions", function()
    local function delete(options)
      return http.request(server, "DELETE", "/idp/sessions", options)
    end

    it("ends all of the caller's sessions, and says how many", function()
      local user = flow.user(server)
      local one, two = sign_in(world.app, user), sign_in(world.app, user)
      local bystander = sign_in()
      local answer = delete { bearer = user.api_key }
      shape.ok(answer)
      shape.no_store(answer)
      assert.same({ signed_out = 2 }, answer.json)
      assert.is_false(is_signed_in(one))
      assert.is_false(is_signed_in(two))
      assert.is_true(is_signed_in(bystander))
      assert.same({ signed_out = 0 }, delete({ bearer = user.api_key }).json)
    end)

    it("takes the session itself for a caller, the cookie with the page's token", function()
      local user = flow.user(server)
      local cookie = sign_in(world.app, user)
      shape.detail(delete { cookie = cookie }, 401)
      shape.detail(delete { cookie = cookie, headers = { ["x-csrf-token"] = "x" } }, 401)
      assert.is_true(is_signed_in(cookie))
      local csrf = http.get(server, "/", { cookie = cookie }).body:match('name="csrf%-token" content="([^"]+)"')
      local answer = delete { cookie = cookie, headers = { ["x-csrf-token"] = csrf } }
      assert.same({ signed_out = 1 }, answer.json)
      is_cleared(answer)
      cookie = sign_in(world.app, user)
      assert.same({ signed_out = 1 }, delete({ bearer = cookie:match("=(.*)") }).json)
      assert.is_false(is_signed_in(cookie))
    end)

    it("refuses whoever is nobody", function()
      shape.detail(delete {}, 401)
      shape.detail(delete { bearer = "cpk_x" }, 401)
    end)

    it("wants account:write of an app's token", function()
      local tokens = flow.tokens(server, world.app, sign_in(), { scope = "openid account:read" })
      assert.equal(403, delete({ bearer = tokens.access_token }).status)
    end)
  end)

  it("is in the audit log", function()
    local cookie, hint = sign_in()
    ask({ id_token_hint = hint }, cookie)
    server:logged(function(entry)
      return entry.event == "audit" and entry.kind == "sign_out" and entry.user_id == world.user.user_id
    end)
  end)
end)
