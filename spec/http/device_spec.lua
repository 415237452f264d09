-- The device authorization grant (RFC 8628): POST /idp/device_authorization, /idp/device, and the poll.
local flow = require "helpers.flow"
local http = require "helpers.http"
local jose = require "helpers.jose"
local lock = require "helpers.lock"
local server_helper = require "helpers.server"
local shape = require "helpers.shape"

local GRANT = "urn:ietf:params:oauth:grant-type:device_code"
local GRANTS = { GRANT, "authorization_code", "refresh_token" }
local USER_CODE = ("[BCDFGHJKLMNPQRSTVWXZ]"):rep(4)

-- One that no device has.
local function wrong_code(i)
  return ("BBBB-BBB%s"):format(("BCDFGHJKLMNPQRSTVWXZ"):sub(i, i))
end

-- The client's half.

local function ask(server, app, more, options)
  options = options or {}
  options.form = { client_id = app.client_id, client_secret = app.client_secret }
  for name, value in pairs(more or {}) do
    options.form[name] = value or nil
  end
  return http.post(server, "/idp/device_authorization", options)
end

local function device(server, app, more)
  local answer = ask(server, app, more)
  shape.ok(answer)
  return answer.json
end

local function poll_form(app, codes, more)
  local form = { grant_type = GRANT, device_code = codes.device_code, client_id = app.client_id,
                 client_secret = app.client_secret }
  for name, value in pairs(more or {}) do
    form[name] = value or nil
  end
  return form
end

local function poll(server, app, codes, more, options)
  return flow.token(server, poll_form(app, codes, more), options)
end

-- The user's half, in a browser.

local function visit(server, user_code, options)
  return http.get(server, "/idp/device" .. (user_code and "?user_code=" .. http.escape(user_code) or ""), options)
end

local function enter(server, user_code, cookie, headers)
  return http.post(server, "/idp/device", { form = { user_code = user_code }, cookie = cookie, headers = headers })
end

-- The consent step's session_id for a user_code.
local function session_id(server, codes, cookie)
  local answer = enter(server, codes.user_code, cookie)
  assert.equal(303, answer.status, answer.body)
  local base, params = answer:location()
  assert.equal(server.issuer .. "/idp/authorize/consent", base)
  return (assert(params.session_id))
end

local function decide(server, codes, cookie, action, form)
  return flow.consent(server, session_id(server, codes, cookie), cookie, action, form)
end

local function approve(server, codes, cookie)
  shape.page(decide(server, codes, cookie, "approve"), 200)
end

local function consent_page(server, id, cookie, headers)
  return http.get(server, "/idp/authorize/consent?session_id=" .. id, { cookie = cookie, headers = headers })
end

-- As if so many seconds had passed since the last poll.
local function wait(server, seconds)
  lock.change(server, "UPDATE device_codes SET polled_at = polled_at - " .. seconds)
end

describe("the device grant", function()
  local server, world, public
  lazy_setup(function()
    server = server_helper.start { workers = 3 }
    world = flow.world(server, { grant_types = GRANTS, description = "Plays <b>films</b>" })
    public = flow.app(server, world.user, { grant_types = GRANTS, token_endpoint_auth_method = "none" })
  end)
  lazy_teardown(function()
    server:stop()
  end)

  local function good(answer, scope)
    shape.ok(answer)
    shape.no_store(answer)
    assert.matches("^cak_", answer.json.access_token)
    assert.matches("^crt_", answer.json.refresh_token)
    assert.equal("Bearer", answer.json.token_type)
    assert.equal(scope or "profile", answer.json.scope)
    return answer.json
  end

  local function dead(tokens)
    assert.same({ active = false }, flow.introspect(server, tokens.access_token))
    assert.same({ active = false }, flow.introspect(server, tokens.refresh_token))
  end

  local function fresh_cookie()
    return flow.sign_in(server, world.app, flow.user(server))
  end

  describe("POST /idp/device_authorization", function()
    it("answers with codes (§3.2)", function()
      local answer = ask(server, world.app)
      shape.ok(answer)
      shape.no_store(answer)
      assert.equal("*", answer.headers["access-control-allow-origin"])
      local codes = answer.json
      assert.matches("^" .. USER_CODE .. "%-" .. USER_CODE .. "$", codes.user_code)
      assert.matches("^[%w%-_]+$", codes.device_code)
      assert.is_true(#codes.device_code <= 512)
      assert.equal(server.issuer .. "/idp/device", codes.verification_uri)
      assert.equal(server.issuer .. "/idp/device?user_code=" .. codes.user_code, codes.verification_uri_complete)
      assert.equal(600, codes.expires_in)
      assert.equal(5, codes.interval)
    end)

    it("never answers with the same codes twice", function()
      local first, second = device(server, world.app), device(server, world.app)
      assert.not_equal(first.user_code, second.user_code)
      assert.not_equal(first.device_code, second.device_code)
    end)

    it("is in the discovery document", function()
      local document = http.get(server, "/.well-known/oauth-authorization-server").json
      assert.equal(server.issuer .. "/idp/device_authorization", document.device_authorization_endpoint)
      assert.matches("device_code", table.concat(document.grant_types_supported, " "), 1, true)
    end)

    it("authenticates the client as the token endpoint does", function()
      local basic = { world.app.client_id, world.app.client_secret }
      shape.ok(ask(server, world.app, { client_id = false, client_secret = false }, { basic = basic }))
      shape.ok(ask(server, public, { client_secret = false }))
      shape.oauth_error(ask(server, world.app, { client_secret = "csc_" .. ("x"):rep(48) }), 401, "invalid_client")
      shape.oauth_error(ask(server, world.app, { client_id = false, client_secret = false }), 401, "invalid_client")
      shape.oauth_error(ask(server, { client_id = "cid_" .. ("z"):rep(24) }), 401, "invalid_client")
    end)

    it("wants the grant type registered and the app active", function()
      local other = flow.app(server, world.user)
      shape.oauth_error(ask(server, other), 400, "unauthorized_client")
      local off = flow.app(server, world.user, { grant_types = GRANTS })
      http.request(server, "PATCH", "/idp/apps/" .. off.app_id,
        { json = { active = false }, bearer = world.user.api_key })
      shape.oauth_error(ask(server, off), 400, "invalid_grant")
    end)

    it("checks scope and resource", function()
      shape.oauth_error(ask(server, world.app, { scope = "nonsense" }), 400, "invalid_scope")
      shape.oauth_error(ask(server, world.app, { scope = ("x"):rep(5000) }), 400, "invalid_scope")
      shape.oauth_error(ask(server, world.app, { resource = "not-absolute" }), 400, "invalid_target")
      shape.ok(ask(server, world.app, { scope = "openid quota", resource = "https://api.example/" }))
    end)

    it("keeps no more than a thousand waiting codes that strangers have asked for", function()
      local flooded = flow.app(server, world.user, { grant_types = GRANTS })
      local stranger = { client_id = flooded.client_id, redirect_uris = flooded.redirect_uris }
      lock.change(server, ([[
        WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 999)
        INSERT INTO device_codes (device_id, user_code, app_id, scopes, resources, created_at, expires_at, polled_at,
          interval_s)
        SELECT 'flood' || i, 'flood' || i, '%s', '', '', 0, %d, 0, 5 FROM n]]):format(flooded.app_id, os.time() + 600))
      local last = device(server, stranger)
      local answer = ask(server, stranger)
      shape.oauth_error(answer, 429, "temporarily_unavailable")
      assert.is_string(answer.headers["retry-after"])
      shape.ok(ask(server, flooded)) -- with its secret
      shape.ok(ask(server, world.app))
      lock.change(server, "DELETE FROM device_codes WHERE user_code = 'flood1'")
      decide(server, last, world.cookie, "deny")
      shape.ok(ask(server, stranger))
      lock.change(server, "DELETE FROM device_codes WHERE user_code LIKE 'flood%'")
    end)
  end)

  describe("GET /idp/device", function()
    it("is a form for the code", function()
      for _, cookie in ipairs { world.cookie, false } do
        local answer = visit(server, nil, { cookie = cookie or nil })
        shape.page(answer, 200)
        assert.matches('name="user_code"', answer.body, 1, true)
        assert.matches('action="/idp/device"', answer.body, 1, true)
      end
    end)

    it("fills in the code, and does nothing more", function()
      local codes = device(server, world.app)
      local answer = visit(server, codes.user_code, { cookie = world.cookie })
      shape.page(answer, 200)
      assert.matches('value="' .. codes.user_code .. '"', answer.body, 1, true)
      assert.is_nil(answer.body:find(world.app.name, 1, true), "nothing is looked up")
      shape.oauth_error(poll(server, world.app, codes), 400, "authorization_pending")
    end)

    it("never approves, whatever the query says", function()
      local codes = device(server, world.app)
      http.get(server, "/idp/device?action=approve&user_code=" .. codes.user_code, { cookie = world.cookie })
      local id = session_id(server, codes, world.cookie)
      http.get(server, "/idp/authorize/consent?action=approve&session_id=" .. id, { cookie = world.cookie })
      shape.oauth_error(poll(server, world.app, codes), 400, "authorization_pending")
    end)

    it("lets nothing of the query onto the page but a code", function()
      local answer = visit(server, '"><b>x', { cookie = world.cookie })
      shape.page(answer, 200)
      assert.is_nil(answer.body:find("<b>x", 1, true))
      assert.is_nil(answer.body:find("XXXX-XXXX?", 1, true))
    end)

    it("signed out: the login page, and then the form", function()
      local codes = device(server, world.app)
      local page = visit(server, codes.user_code)
      shape.page(page, 200)
      assert.matches("Sign in to connect a device", page.body, 1, true)
      assert.is_nil(page.body:find(world.app.name, 1, true), "whose code it is is not told")
      local carried = page.body:match('name="user_code" value="([^"]+)"')
      assert.equal(codes.user_code, carried)

      local form = { user_code = carried, auth_method = "fingerprint", fingerprint = ("x"):rep(32) }
      local refused = http.post(server, "/idp/login", { form = form })
      shape.page(refused, 401)
      assert.matches('name="user_code" value="' .. codes.user_code, refused.body, 1, true)
      assert.is_nil(refused.cookies[flow.COOKIE])

      form.fingerprint = world.user.fingerprint
      local answer = http.post(server, "/idp/login", { form = form })
      assert.equal(303, answer.status, answer.body)
      assert.equal(codes.verification_uri_complete, answer.headers.location)
      local cookie = flow.cookie_of(answer)
      assert.matches(codes.user_code, visit(server, codes.user_code, { cookie = cookie }).body, 1, true)
      approve(server, codes, cookie)
      good(poll(server, world.app, codes))
    end)

    it("a login form without client and code is refused", function()
      local form = { auth_method = "fingerprint", fingerprint = world.user.fingerprint }
      local headers = { accept = "application/json" }
      for _, code in ipairs { "", "nonsense" } do
        form.user_code = code
        shape.invalid(http.post(server, "/idp/login", { form = form, headers = headers }),
          { { "body", "client_id", "missing" }, { "body", "redirect_uri", "missing" } })
      end
    end)
  end)

  describe("POST /idp/device", function()
    it("takes the code however it is typed (§6.1)", function()
      local codes = device(server, world.app)
      local letters = codes.user_code:gsub("-", "")
      for _, typed in ipairs { codes.user_code, letters, letters:lower(), " " .. letters:gsub(".", "%0 "),
                               (codes.user_code:lower():gsub("-", " - ")) } do
        assert.equal(303, enter(server, typed, world.cookie).status, typed)
      end
    end)

    it("says plainly what is no code", function()
      local cookie = fresh_cookie()
      local used = device(server, world.app)
      approve(server, used, world.cookie)
      for _, typed in ipairs { wrong_code(1), "AAAA-AAAA", "BCDF-GHJ", "BCDF-GHJK-L", "1234", ("B"):rep(70),
                               used.user_code } do
        local answer = enter(server, typed, cookie)
        shape.page(answer, 400)
        assert.matches("This code is not right", answer.body, 1, true)
        assert.matches('name="user_code"', answer.body, 1, true)
      end
      shape.page(enter(server, "", cookie), 422)
    end)

    it("signed out: to the login page", function()
      local codes = device(server, world.app)
      local answer = enter(server, codes.user_code:lower())
      assert.equal(303, answer.status)
      assert.equal(codes.verification_uri_complete, answer.headers.location)
      answer = enter(server, wrong_code(2))
      assert.equal(303, answer.status, "nobody learns which codes there are before signing in")
    end)

    it("refuses a form that another site sent", function()
      local codes = device(server, world.app)
      for _, headers in ipairs { { ["sec-fetch-site"] = "cross-site" }, { origin = "https://evil.example" } } do
        shape.page(enter(server, codes.user_code, world.cookie, headers), 403)
        local id = session_id(server, codes, world.cookie)
        shape.page(http.post(server, "/idp/authorize/consent?session_id=" .. id,
          { form = { action = "approve" }, cookie = world.cookie, headers = headers }), 403)
      end
      shape.oauth_error(poll(server, world.app, codes), 400, "authorization_pending")
    end)

    it("refuses everything after ten wrong codes, of that user alone (§5.1)", function()
      local user = flow.user(server)
      local first, second = flow.sign_in(server, world.app, user), flow.sign_in(server, world.app, user)
      local codes = device(server, world.app)
      for i = 1, 10 do
        assert.equal(400, enter(server, wrong_code(i), i % 2 == 0 and first or second).status)
        assert.equal(i < 10 and 303 or 429, enter(server, codes.user_code, first).status)
      end
      local answer = enter(server, wrong_code(11), second)
      shape.page(answer, 429)
      assert.matches("too many wrong codes", answer.body, 1, true)
      assert.equal(303, enter(server, codes.user_code, world.cookie).status)
      lock.change(server, "UPDATE device_guesses SET expires_at = expires_at - 600")
      assert.equal(303, enter(server, codes.user_code, first).status)
    end)

    it("counts wrong codes that come at once", function()
      local cookie = fresh_cookie()
      local answers = http.together(server, 20, function(i, connection)
        return connection:request("POST", "/idp/device", { form = { user_code = wrong_code(i) }, cookie = cookie })
      end)
      local told = 0
      for _, answer in ipairs(answers) do
        told = told + (answer.status == 400 and 1 or 0)
      end
      assert.equal(10, told)
    end)
  end)

  describe("the consent page of a device", function()
    it("shows app, owner, user, scopes, the code and a warning (§5.4)", function()
      local codes = device(server, world.app, { scope = "openid chutes:read chutes:7f3a:invoke" })
      local answer = consent_page(server, session_id(server, codes, world.cookie), world.cookie)
      shape.page(answer, 200)
      for _, text in ipairs { world.app.name, world.user.username, "Sign you in", "See your chutes", "7f3a", "1 hour",
                              codes.user_code, "Go on only if you started this yourself", 'value="approve"',
                              'value="deny"' } do
        assert.matches(text, answer.body, 1, true)
      end
      assert.is_nil(answer.body:find("<b>films", 1, true))
      assert.is_truthy(answer.headers["content-security-policy"]:find("form%-action 'self'$"))
    end)

    it("speaks German", function()
      local codes = device(server, world.app)
      local german = { ["accept-language"] = "de" }
      local form = visit(server, nil, { cookie = world.cookie, headers = german })
      assert.matches("Der Code, den dein Gerät zeigt", form.body, 1, true)
      local refused = enter(server, wrong_code(3), fresh_cookie(), german)
      assert.matches("Dieser Code stimmt nicht", refused.body, 1, true)
      local login = visit(server, codes.user_code, { headers = german })
      assert.matches("um ein Gerät zu verbinden", login.body, 1, true)
      local id = session_id(server, codes, world.cookie)
      local page = consent_page(server, id, world.cookie, german)
      for _, text in ipairs { "Geh nur weiter, wenn du das selbst begonnen hast", "das Gerät mit dem Code" } do
        assert.matches(text, page.body, 1, true)
      end
      local done = http.post(server, "/idp/authorize/consent?session_id=" .. id,
        { form = { action = "approve" }, cookie = world.cookie, headers = german })
      shape.page(done, 200)
      assert.matches("Fertig", done.body, 1, true)
      assert.matches("Geh zurück zu deinem Gerät", done.body, 1, true)
    end)

    it("is shown although the same was approved before", function()
      for _ = 1, 2 do
        local codes = device(server, world.app, { scope = "quota" })
        shape.page(consent_page(server, session_id(server, codes, world.cookie), world.cookie), 200)
        approve(server, codes, world.cookie)
      end
      local remembered = flow.authorize(server, world.app, { scope = "quota" }, { cookie = world.cookie })
      assert.is_string(select(2, remembered:location()).code, "a browser's request is remembered")
    end)

    it("belongs to the session that entered the code", function()
      local codes = device(server, world.app)
      local id = session_id(server, codes, world.cookie)
      shape.page(consent_page(server, id, fresh_cookie()), 403)
      shape.page(flow.consent(server, id, fresh_cookie(), "approve"), 403)
      shape.page(flow.consent(server, id, nil, "approve"), 401)
      shape.oauth_error(poll(server, world.app, codes), 400, "authorization_pending")
    end)

    it("is answered once, whoever has entered the code", function()
      local other = fresh_cookie()
      for _, first in ipairs { "approve", "deny" } do
        for _, second in ipairs { "approve", "deny" } do
          local codes = device(server, world.app)
          local mine, theirs = session_id(server, codes, world.cookie), session_id(server, codes, other)
          local done = flow.consent(server, mine, world.cookie, first)
          shape.page(done, 200)
          assert.matches(first == "approve" and "Go back to your device" or "gets no access", done.body, 1, true)
          shape.page(flow.consent(server, mine, world.cookie, second), 400)
          shape.page(flow.consent(server, theirs, other, second), 400)
          shape.page(consent_page(server, theirs, other), 400)
          local answer = poll(server, world.app, codes)
          if first == "approve" then
            assert.equal(world.user.user_id, flow.introspect(server, good(answer).access_token).sub)
          else
            shape.oauth_error(answer, 400, "access_denied")
          end
        end
      end
    end)

    it("approved and denied at once, one of them counts", function()
      local other = fresh_cookie()
      for _ = 1, 8 do
        local codes = device(server, world.app)
        local ids = { session_id(server, codes, world.cookie), session_id(server, codes, other) }
        local answers = http.together(server, 2, function(i, connection)
          return connection:request("POST", "/idp/authorize/consent?session_id=" .. ids[i],
            { form = { action = i == 1 and "approve" or "deny" }, cookie = i == 1 and world.cookie or other })
        end)
        local is_approved = answers[1].status == 200
        local expected = is_approved and { 200, 400 } or { 400, 200 }
        assert.same(expected, { answers[1].status, answers[2].status })
        local answer = poll(server, world.app, codes)
        if is_approved then
          good(answer)
        else
          shape.oauth_error(answer, 400, "access_denied")
        end
      end
    end)

    it("refuses scopes that the app may not have, and the device goes on waiting", function()
      local codes = device(server, world.app, { scope = "admin" })
      local answer = enter(server, codes.user_code, world.cookie)
      shape.page(answer, 400)
      assert.matches("not registered for the scope admin", answer.body, 1, true)
      shape.oauth_error(poll(server, world.app, codes), 400, "authorization_pending")
    end)

    it("of an app that is switched off is refused", function()
      local app = flow.app(server, world.user, { grant_types = GRANTS })
      local codes, later = device(server, app), device(server, app)
      local id = session_id(server, codes, world.cookie)
      http.request(server, "PATCH", "/idp/apps/" .. app.app_id,
        { json = { active = false }, bearer = world.user.api_key })
      shape.page(consent_page(server, id, world.cookie), 400)
      shape.page(flow.consent(server, id, world.cookie, "approve"), 400)
      shape.page(enter(server, later.user_code, world.cookie), 400)
      -- One error, wherever an app that is switched off comes.
      local off = "This app is switched off."
      local token = poll(server, app, codes)
      shape.oauth_error(token, 400, "invalid_grant")
      assert.equal(off, token.json.error_description)
      local fresh = http.post(server, "/idp/device_authorization",
        { form = { client_id = app.client_id, client_secret = app.client_secret } })
      shape.oauth_error(fresh, 400, "invalid_grant")
      assert.equal(off, fresh.json.error_description)
      local page = flow.authorize(server, app, nil, { cookie = world.cookie })
      shape.page(page, 400)
      assert.matches(off, page.body, 1, true)
    end)
  end)

  describe("the poll", function()
    it("waits, then gives tokens", function()
      local codes = device(server, world.app, { scope = "openid account:read" })
      shape.oauth_error(poll(server, world.app, codes), 400, "authorization_pending")
      approve(server, codes, world.cookie)
      local tokens = good(poll(server, world.app, codes), "openid account:read") -- at once: the interval is for waiting
      assert.is_true(flow.is_active(server, tokens.access_token))
      local _, claims = jose.verified(server, tokens.id_token)
      assert.equal(world.user.user_id, claims.sub)
      assert.equal(world.app.client_id, claims.aud)
      assert.is_nil(claims.sid, "the browser's session is not the device's")
      good(flow.token(server, flow.refresh_form(world.app, tokens.refresh_token)), "openid account:read")
    end)

    it("gives tokens to a client without a secret, which refreshes without", function()
      local codes = device(server, public, { client_secret = false })
      approve(server, codes, world.cookie)
      local tokens = good(poll(server, public, codes, { client_secret = false }))
      good(flow.token(server, flow.refresh_form(public, tokens.refresh_token, { client_secret = false })))
    end)

    it("keeps the resources", function()
      local codes = device(server, world.app, { resource = "https://api.example/" })
      approve(server, codes, world.cookie)
      shape.oauth_error(poll(server, world.app, codes, { resource = "https://other.example/" }), 400, "invalid_target")
      local tokens = good(poll(server, world.app, codes))
      assert.same({ "https://api.example/" }, flow.introspect(server, tokens.access_token).aud)
    end)

    it("of another client is refused, and takes nothing from the device's pace", function()
      local other = flow.app(server, world.user, { grant_types = GRANTS })
      local codes = device(server, world.app)
      for _ = 1, 3 do
        local answer = poll(server, other, codes)
        shape.oauth_error(answer, 400, "invalid_grant")
        assert.equal("The device_code was issued to another client.", answer.json.error_description)
      end
      shape.oauth_error(poll(server, world.app, codes), 400, "authorization_pending") -- its first: at once
    end)

    it("too early: slow_down, and five seconds more each time (§3.5)", function()
      local codes = device(server, world.app)
      local function pending()
        shape.oauth_error(poll(server, world.app, codes), 400, "authorization_pending")
      end
      local function slow()
        shape.oauth_error(poll(server, world.app, codes), 400, "slow_down")
      end
      pending() -- the first may come at once
      slow() -- 10
      wait(server, 5)
      slow() -- 15
      wait(server, 10)
      slow() -- 20
      wait(server, 20)
      pending()
      wait(server, 15)
      slow() -- 25
      wait(server, 25)
      pending()
      approve(server, codes, world.cookie)
      good(poll(server, world.app, codes))
    end)

    it("too early for ever: the interval ends at two minutes, and nothing is written any more", function()
      local codes = device(server, world.app)
      for _ = 1, 40 do
        poll(server, world.app, codes)
      end
      shape.oauth_error(poll(server, world.app, codes), 400, "slow_down")
      local of_all = "SELECT max(interval_s) FROM device_codes WHERE user_code = '" .. codes.user_code .. "'"
      assert.equal(120, lock.number(server, of_all))
      local held = lock.hold(server)
      shape.oauth_error(poll(server, world.app, codes), 400, "slow_down")
      held:release()
      wait(server, 120)
      shape.oauth_error(poll(server, world.app, codes), 400, "authorization_pending")
    end)

    it("polls at once: none is answered but that it has to wait", function()
      local codes = device(server, world.app)
      for _, answer in ipairs(http.together(server, 10, function(_, connection)
        return connection:request("POST", "/idp/token", { form = poll_form(world.app, codes) })
      end)) do
        assert.is_truthy(({ authorization_pending = true, slow_down = true })[answer.json.error], answer.body)
      end
    end)

    it("gives one pair of tokens to polls that come at once, and their replay kills it", function()
      for _ = 1, 4 do
        local codes = device(server, world.app)
        approve(server, codes, world.cookie)
        local issued = http.metric(server, "moonlatch_tokens_issued_total")
        local won = {}
        for _, answer in ipairs(http.together(server, 12, function(_, connection)
          return connection:request("POST", "/idp/token", { form = poll_form(world.app, codes) })
        end)) do
          if answer.status == 200 then
            won[#won + 1] = answer.json
          else
            shape.oauth_error(answer, 400, "invalid_grant")
          end
        end
        assert.equal(1, #won)
        assert.equal(issued + 1, http.metric(server, "moonlatch_tokens_issued_total"))
        dead(won[1])
      end
    end)

    it("with a used code revokes what it gave", function()
      local codes = device(server, world.app)
      approve(server, codes, world.cookie)
      local tokens = good(poll(server, world.app, codes))
      local rotated = good(flow.token(server, flow.refresh_form(world.app, tokens.refresh_token)))
      shape.oauth_error(poll(server, world.app, codes), 400, "invalid_grant")
      dead(tokens)
      dead(rotated)
    end)

    it("refuses a device_code that is forged, foreign, of another kind or missing", function()
      local other = flow.app(server, world.user, { grant_types = GRANTS })
      local codes = device(server, world.app)
      approve(server, codes, world.cookie)
      local pair = flow.code(server, world.app, world.cookie)
      for _, wrong in ipairs { "forged", codes.device_code:sub(1, -2), codes.user_code, pair, ("A"):rep(3000) } do
        shape.oauth_error(poll(server, world.app, { device_code = wrong }), 400, "invalid_grant")
      end
      shape.oauth_error(poll(server, other, codes), 400, "invalid_grant")
      shape.oauth_error(flow.token(server, flow.code_form(world.app, codes.device_code)), 400, "invalid_grant")
      shape.invalid(poll(server, world.app, {}), { { "body", "device_code", "missing" } })
      good(poll(server, world.app, codes))
    end)

    it("authenticates the client, which has to have the grant type", function()
      local codes = device(server, world.app)
      approve(server, codes, world.cookie)
      shape.oauth_error(poll(server, world.app, codes, { client_secret = "csc_" .. ("x"):rep(48) }), 401,
        "invalid_client")
      local other = flow.app(server, world.user)
      shape.oauth_error(poll(server, other, codes), 400, "unauthorized_client")
      good(poll(server, world.app, codes))
    end)

    it("after the authorization was revoked: invalid_grant", function()
      local codes = device(server, world.app)
      approve(server, codes, world.cookie)
      http.request(server, "DELETE", "/idp/authorizations/" .. world.app.app_id, { bearer = world.user.api_key })
      shape.oauth_error(poll(server, world.app, codes), 400, "invalid_grant")
    end)

    it("can be bound to a key from the start (RFC 9449)", function()
      local key, other = jose.key "ES256", jose.key "ES256"
      local form = { client_id = public.client_id }
      local asked = jose.dpop_request(server, key, "POST", "/idp/device_authorization", { form = form })
      shape.ok(asked)
      local codes, without = asked.json, { client_secret = false }
      local function bound(with)
        return jose.dpop_request(server, with, "POST", "/idp/token", { form = poll_form(public, codes, without) })
      end
      shape.oauth_error(poll(server, public, codes, without), 400, "invalid_grant")
      shape.oauth_error(bound(other), 400, "invalid_grant")
      shape.oauth_error(bound(key), 400, "authorization_pending")
      approve(server, codes, world.cookie)
      shape.oauth_error(poll(server, public, codes, without), 400, "invalid_grant")
      shape.oauth_error(bound(other), 400, "invalid_grant")
      local answer = bound(key)
      shape.ok(answer)
      assert.equal("DPoP", answer.json.token_type)
      assert.equal(key.jkt, flow.introspect(server, answer.json.access_token).cnf.jkt)
    end)
  end)
end)

describe("a device code", function()
  it("expires: for the device, for who enters it, and on an open page", function()
    local server = server_helper.start { settings = { lifetimes = { device_code = 2 } } }
    local world = flow.world(server, { grant_types = GRANTS })
    local codes = device(server, world.app)
    local id = session_id(server, codes, world.cookie)
    local answer = http.ask_until(function()
      return poll(server, world.app, codes)
    end, shape.says_expired)
    shape.oauth_error(answer, 400, "expired_token")
    shape.page(enter(server, codes.user_code, world.cookie), 400)
    shape.page(flow.consent(server, id, world.cookie, "approve"), 400)

    codes = device(server, world.app)
    approve(server, codes, world.cookie)
    lock.change(server, "UPDATE device_codes SET expires_at = expires_at - 10")
    http.ask_until(function()
      return poll(server, world.app, codes)
    end, shape.says_expired)
    server:stop()
  end)
end)

describe("the policies", function()
  it("know a device by its grant type, may deny it, and make its scopes optional", function()
    local server = server_helper.start {
      policies = { ["consent.lua"] = ([[
        return {
          decide = function(facts)
            if facts.user.username == "mallory" then return "deny", "Not for you." end
            return facts.grant_type == "%s" and facts.redirect_uri == "" and "skip" or "deny", "No device."
          end,
          page = function(facts)
            local scopes = {}
            for i, name in ipairs(facts.requested) do
              scopes[i] = { name = name, description = "Words for " .. name, optional = name ~= "openid" }
            end
            return { title = "Custom title", groups = { { title = "All", scopes = scopes } }, warnings = {} }
          end,
        }]]):format(GRANT) },
    }
    local owner, mallory = flow.user(server), flow.user(server, { name = "mallory" })
    local app = flow.app(server, owner, { grant_types = GRANTS })
    local function cookie_of(user)
      return flow.cookie_of(http.post(server, "/idp/login", {
        form = { user_code = "BCDF-GHJK", auth_method = "fingerprint", fingerprint = user.fingerprint } }))
    end
    local codes = device(server, app, { scope = "openid quota usage" })
    local denied = enter(server, codes.user_code, cookie_of(mallory))
    shape.page(denied, 403)
    assert.matches("Not for you.", denied.body, 1, true)

    local cookie = cookie_of(owner)
    local id = session_id(server, codes, cookie)
    assert.matches("Words for usage", consent_page(server, id, cookie).body, 1, true)
    shape.page(flow.consent(server, id, cookie, "approve", { scope = "usage" }), 200)
    assert.equal("openid usage", poll(server, app, codes).json.scope)
    server:stop()
  end)
end)
