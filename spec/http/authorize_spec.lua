local flow = require "helpers.flow"
local http = require "helpers.http"
local lock = require "helpers.lock"
local server_helper = require "helpers.server"
local shape = require "helpers.shape"

describe("GET /idp/authorize", function()
  local server, world
  lazy_setup(function()
    server = server_helper.start()
    world = flow.world(server, {
      redirect_uris = { flow.REDIRECT, "http://127.0.0.1:1234/cb", "http://[::1]/cb", "com.example.app:/cb",
                        "https://app.example/with?a=b" },
    })
  end)
  lazy_teardown(function()
    server:stop()
  end)

  local function authorize(more, options)
    return flow.authorize(server, world.app, more, options)
  end

  local function refused(more, code)
    local signed_out, signed_in = authorize(more), authorize(more, { cookie = world.cookie })
    for _, answer in ipairs { signed_out, signed_in } do
      shape.error_redirect(answer, 302, flow.request(world.app, more), code, server.issuer)
    end
  end

  describe("signed out", function()
    it("shows the login page with the request in hidden fields", function()
      local answer = authorize({ scope = "openid profile", code_challenge = flow.pkce().challenge,
                                 code_challenge_method = "S256" })
      shape.page(answer, 200)
      assert.matches(world.app.name, answer.body, 1, true)
      for _, name in ipairs { "client_id", "redirect_uri", "state", "scope", "code_challenge",
                              "code_challenge_method" } do
        assert.matches('name="' .. name .. '"', answer.body, 1, true)
      end
      assert.matches('value="s t&amp;%"', answer.body, 1, true)
      assert.is_nil(answer.cookies[flow.COOKIE])
    end)

    it("lets the form follow the redirect to the app", function()
      local csp = authorize().headers["content-security-policy"]
      assert.matches("form%-action [^;]*https://app%.example", csp)
    end)

    it("writes no row", function()
      assert.equal(0, http.ask_until(function() -- the server's own cleaning counts, too, now and then
        local before = http.metric(server, "moonlatch_db_commits_total")
        authorize()
        http.get(server, "/idp/cli_login/nonce")
        return http.metric(server, "moonlatch_db_commits_total") - before
      end, function(commits)
        return commits == 0
      end))
    end)

    it("answers prompt=none with login_required", function()
      local answer = authorize({ prompt = "none" })
      shape.error_redirect(answer, 302, flow.request(world.app), "login_required", server.issuer)
    end)

    it("treats a forged, a foreign and a mistyped cookie as none", function()
      local session = world.cookie
      for _, cookie in ipairs { "chutes-session-token=nonsense", session:sub(1, -2) .. "_", session .. "x",
                                "chutes-session-token=" .. world.user.api_key } do
        shape.page(authorize({}, { cookie = cookie }), 200)
      end
    end)
  end)

  describe("signed in", function()
    it("goes to the consent step", function()
      local answer = authorize({ scope = "openid" }, { cookie = world.cookie })
      assert.equal(302, answer.status)
      local base, params = answer:location()
      assert.matches("/idp/authorize/consent$", base)
      assert.matches("^[%w%-_.~]+$", params.session_id)
      shape.no_store(answer)
    end)

    it("gives each tab a session_id of its own", function()
      local one = flow.session_id(server, world.app, world.cookie)
      assert.not_equal(one, flow.session_id(server, world.app, world.cookie))
    end)

    it("asks again with prompt=login, and when max_age has passed (OpenID Connect Core §3.1.2.1)", function()
      local user = flow.user(server)
      local cookie = flow.sign_in(server, world.app, user)
      local function asked(more)
        return authorize(more, { cookie = cookie })
      end
      shape.page(asked { prompt = "login" }, 200)
      assert.equal(302, asked({ max_age = "3600" }).status)
      lock.change(server, "UPDATE sessions SET auth_time = auth_time - 3700 WHERE user_id = '" .. user.user_id .. "'")
      shape.page(http.ask_until(asked, shape.is_ok, { max_age = "3600" }), 200)
      shape.error_redirect(asked { max_age = "3600", prompt = "none" }, 302, flow.request(world.app), "login_required",
        server.issuer)
      assert.equal(302, asked({ max_age = "4000" }).status)
      assert.equal(302, asked().status)
    end)

    it("answers prompt=none with consent_required where the user has to be asked", function()
      local user = flow.user(server)
      local cookie = flow.sign_in(server, world.app, user)
      local answer = authorize({ prompt = "none" }, { cookie = cookie })
      shape.error_redirect(answer, 302, flow.request(world.app), "consent_required", server.issuer)
    end)

    it("goes straight to the app where the consent policy skips", function()
      local app = flow.app(server, world.user)
      flow.code(server, app, world.cookie, { scope = "openid profile" })
      local answer = flow.authorize(server, app, { scope = "openid" }, { cookie = world.cookie })
      assert.equal(302, answer.status)
      local base, params = answer:location()
      assert.equal(flow.REDIRECT, base)
      assert.is_string(params.code)
      assert.equal("s t&%", params.state)
      assert.equal(server.issuer, params.iss)
      assert.equal(200, flow.token(server, flow.code_form(app, params.code)).status)
      local more = flow.authorize(server, app, { scope = "openid quota" }, { cookie = world.cookie })
      assert.matches("/idp/authorize/consent$", (more:location()))
    end)
  end)

  describe("never redirects", function()
    it("for an unknown client", function()
      shape.page(authorize({ client_id = "cid_" .. ("a"):rep(24) }), 400)
      shape.page(authorize({ client_id = "nonsense" }), 400)
    end)

    it("for the id of something else than a client", function()
      shape.page(authorize({ client_id = world.user.user_id }), 400)
      shape.page(authorize({ client_id = world.app.app_id }), 400)
    end)

    it("for a redirect_uri that is not registered, byte for byte", function()
      for _, uri in ipairs { "https://evil.example/callback", flow.REDIRECT .. "/", flow.REDIRECT .. "?x=y",
                             "https://APP.example/callback", "https://app.example:443/callback",
                             "https://app.example/Callback", "http://app.example/callback",
                             "https://app.example@evil.example/callback", "https://app.example/callback#f",
                             "https://app.example:8443/callback" } do
        local answer = authorize({ redirect_uri = uri })
        shape.page(answer, 400)
        assert.is_nil(answer.headers.location)
      end
    end)

    it("when client_id or redirect_uri is missing", function()
      local answer = http.get(server, "/idp/authorize?response_type=code",
        { headers = { accept = "application/json" } })
      shape.invalid(answer, { { "query", "client_id", "missing" }, { "query", "redirect_uri", "missing" } })
      shape.page(authorize({ redirect_uri = false }), 422)
    end)

    it("for a parameter that is given twice", function()
      local query = http.form(flow.request(world.app))
      shape.page(http.get(server, "/idp/authorize?" .. query .. "&client_id=" .. world.app.client_id), 400)
      shape.page(http.get(server, "/idp/authorize?" .. query .. "&state=x"), 400)
    end)
  end)

  -- RFC 7636 §4.4.1: not led through sign-in and consent to a code that it cannot redeem.
  it("tells a client without a secret that it needs a code_challenge", function()
    local public = flow.app(server, world.user, { token_endpoint_auth_method = "none" })
    local function told(answer, status)
      shape.error_redirect(answer, status, flow.request(public), "invalid_request", server.issuer)
      local _, params = answer:location()
      assert.matches("^code challenge required", params.error_description)
    end
    told(flow.authorize(server, public), 302)
    told(flow.authorize(server, public, nil, { cookie = world.cookie }), 302)
    told(flow.login(server, public, world.user), 303)
    local with = { code_challenge = flow.pkce().challenge, code_challenge_method = "S256" }
    shape.page(flow.authorize(server, public, with), 200)
    assert.is_string(flow.code(server, public, world.cookie, with))
  end)

  describe("loopback addresses", function()
    it("may have any port (RFC 8252 §7.3)", function()
      for _, uri in ipairs { "http://127.0.0.1:1234/cb", "http://127.0.0.1:5/cb", "http://127.0.0.1/cb",
                             "http://[::1]:61000/cb" } do
        shape.page(authorize({ redirect_uri = uri }), 200)
      end
    end)

    it("may have no other path, host or scheme", function()
      for _, uri in ipairs { "http://127.0.0.1:65536/cb", "http://127.0.0.1:99999/cb",
                             "http://127.0.0.1:1234/other", "http://127.0.0.2:1234/cb", "https://127.0.0.1:1234/cb",
                             "http://localhost:1234/cb", "http://127.0.0.1:1234x/cb",
                             "http://127.0.0.1.evil.example/cb", "http://x@127.0.0.1:1234/cb" } do
        shape.page(authorize({ redirect_uri = uri }), 400)
      end
    end)
  end)

  it("keeps the query of a registered redirect_uri", function()
    local answer = authorize({ redirect_uri = "https://app.example/with?a=b", prompt = "none" })
    assert.matches("^https://app%.example/with%?a=b&error=login_required", answer.headers.location)
  end)

  it("redirects to a private-use scheme", function()
    local answer = authorize({ redirect_uri = "com.example.app:/cb", prompt = "none" })
    assert.matches("^com%.example%.app:/cb%?error=login_required", answer.headers.location)
  end)

  describe("redirects with an error for", function()
    it("response types other than code", function()
      for _, type in ipairs { "token", "id_token", "code token", "CODE" } do
        refused({ response_type = type }, "unsupported_response_type")
      end
    end)

    it("a missing response_type", function()
      refused({ response_type = false }, "invalid_request")
    end)

    it("an unknown scope, and one with a character that no scope has", function()
      refused({ scope = "openid no:such" }, "invalid_scope")
      refused({ scope = "openid \"x" }, "invalid_scope")
      refused({ scope = "chutes:read:nothing:more" }, "invalid_scope")
    end)

    it("a PKCE method other than S256, and a challenge that is none", function()
      local challenge = flow.pkce().challenge
      refused({ code_challenge = challenge, code_challenge_method = "plain" }, "invalid_request")
      refused({ code_challenge = challenge }, "invalid_request")
      refused({ code_challenge = challenge:sub(1, -2), code_challenge_method = "S256" }, "invalid_request")
      refused({ code_challenge = challenge .. "=", code_challenge_method = "S256" }, "invalid_request")
      refused({ code_challenge_method = "S256" }, "invalid_request")
    end)

    it("a prompt or max_age that makes no sense", function()
      refused({ prompt = "whatever" }, "invalid_request")
      refused({ prompt = "none login" }, "invalid_request")
      refused({ max_age = "-1" }, "invalid_request")
      refused({ max_age = "soon" }, "invalid_request")
    end)

    it("a privileged scope that the app is not registered for", function()
      local answer = authorize({ scope = "admin" }, { cookie = world.cookie })
      shape.error_redirect(answer, 302, flow.request(world.app), "invalid_scope", server.issuer)
      answer = authorize({ scope = "chutes:7f3a:write" }, { cookie = world.cookie })
      shape.error_redirect(answer, 302, flow.request(world.app), "invalid_scope", server.issuer)
    end)
  end)

  it("leaves state out when none was sent", function()
    local _, params = authorize({ state = false, prompt = "none" }):location()
    assert.is_nil(params.state)
  end)
end)
