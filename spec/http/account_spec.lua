-- /account: what a signed-in person sees and does there, without JavaScript.
local cli = require "helpers.cli"
local flow = require "helpers.flow"
local http = require "helpers.http"
local server_helper = require "helpers.server"
local shape = require "helpers.shape"

local FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
local PAGES = { "/account", "/account/sessions", "/account/connected", "/account/apps", "/account/new-app",
  "/account/keys", "/account/directory" }

describe("/account", function()
  local server, world
  lazy_setup(function()
    server = server_helper.start { policies = server_helper.unlimited() }
    world = flow.world(server)
  end)
  lazy_teardown(function()
    server:stop()
  end)

  local function page(path, cookie)
    local answer = http.get(server, path, { cookie = cookie or world.cookie })
    shape.page(answer, 200)
    return answer.body
  end

  local function token(cookie)
    return (page("/account", cookie):match('name="csrf%-token" content="([^"]+)"'))
  end

  local function send(path, form, cookie)
    form.csrf_token = form.csrf_token or token(cookie)
    return http.post(server, path, { form = form, cookie = cookie or world.cookie })
  end

  local function sign_in(user, headers)
    local answer = http.post(server, "/idp/login", { headers = headers,
      form = { return_to = "/account", auth_method = "fingerprint", fingerprint = user.fingerprint } })
    assert.equal(303, answer.status)
    return flow.cookie_of(answer), answer
  end

  local function is_in(cookie)
    return http.get(server, "/account", { cookie = cookie }).status == 200
  end

  it("leads to sign-in and back, with what was asked for", function()
    for _, path in ipairs(PAGES) do
      local url, params = http.get(server, path):location()
      assert.equal(server.issuer .. "/idp/login", url)
      assert.equal(path, params.return_to)
    end
    local _, params = http.get(server, "/account/directory?search=a%20b&order=name"):location()
    assert.equal("/account/directory?search=a%20b&order=name", params.return_to)
    local login = http.get(server, "/idp/login?" .. http.form(params))
    shape.page(login, 200)
    assert.matches('name="return_to" value="/account/directory%?search=a%%20b&amp;order=name"', login.body)
    assert.is_nil(login.body:find("The app will not see", 1, true))
    local answer = http.post(server, "/idp/login", { form = { return_to = params.return_to,
      auth_method = "fingerprint", fingerprint = world.user.fingerprint } })
    assert.equal(server.issuer .. params.return_to, answer.headers.location)
    local refused = http.post(server, "/idp/login",
      { form = { return_to = "/account", auth_method = "fingerprint", fingerprint = "wrong" } })
    shape.page(refused, 401)
    assert.matches('name="return_to" value="/account"', refused.body)
    assert.equal(server.issuer .. "/account",
      http.get(server, "/idp/login", { cookie = world.cookie }).headers.location)
    shape.page(http.get(server, "/idp/login?prompt=login", { cookie = world.cookie }), 200)
  end)

  it("a sign-in never leads elsewhere", function()
    for _, to in ipairs { "https://evil.example/", "//evil.example", "/\\evil.example", "/accountx", "/account\r\nX: y",
      "/account/\\x", "/account\t", "account", "javascript:alert(1)", "/", "/idp/logout", "@evil.example",
      "/account#x", "/admin@evil.example", "/account/../idp/authorize",
      "/account/%2e%2e/idp/authorize", "/account/./x", "/account/..", "/account/\u{2028}" } do
      local answer = http.get(server, "/idp/login?" .. http.form { return_to = to }, { cookie = world.cookie })
      assert.equal(400, answer.status, to)
      answer = http.post(server, "/idp/login",
        { form = { return_to = to, auth_method = "fingerprint", fingerprint = world.user.fingerprint } })
      assert.equal(400, answer.status, to)
      assert.is_nil(next(answer.cookies))
    end
  end)

  it("a form without the page's token changes nothing", function()
    local other = token((sign_in(flow.user(server))))
    for path, form in pairs {
      ["/account/sessions"] = { action = "sign_out_everywhere" },
      ["/account/connected"] = { app_id = world.app.app_id },
      ["/account/apps"] = { name = "Forged" },
      ["/account/apps/" .. world.app.app_id] = { action = "delete", confirm = "yes" },
      ["/account/keys"] = { action = "make" },
    } do
      for _, wrong in ipairs { "", "x", other } do
        form.csrf_token = wrong
        assert.equal(403, send(path, form).status, path)
      end
      form.csrf_token = token()
      local answer = http.post(server, path, { form = form, cookie = world.cookie,
        headers = { ["sec-fetch-site"] = "cross-site" } })
      assert.equal(403, answer.status, path)
      assert.equal(303, http.post(server, path, { form = form }).status, path)
    end
    assert.is_true(is_in(world.cookie))
    shape.ok(http.get(server, "/idp/apps/" .. world.app.app_id, { bearer = world.user.api_key }))
  end)

  it("says who somebody is", function()
    local user = flow.user(server, { name = "Zoe", roles = { "admin" } })
    local body = page("/account", (sign_in(user)))
    for _, words in ipairs { "Zoe", user.user_id, "admin", "by fingerprint" } do
      assert.is_truthy(body:find(words, 1, true), words)
    end
    assert.matches("Profil", http.get(server, "/account",
      { cookie = world.cookie, headers = { ["accept-language"] = "de" } }).body)
  end)

  describe("sign-ins", function()
    local function sessions(cookie)
      local list = {}
      for item in page("/account/sessions", cookie):gmatch("<li>\n<div>(.-)</li>") do
        list[#list + 1] = { id = item:match('name="session_id" value="([^"]+)"'), text = item }
      end
      return list
    end

    it("show device, place and time, and end one by one", function()
      local user = flow.user(server)
      local here = sign_in(user, { ["user-agent"] = FIREFOX })
      local there = sign_in(user, { ["user-agent"] = '<script>alert("1")</script>' .. ("x"):rep(300) })
      local list = sessions(here)
      assert.equal(2, #list)
      local own = list[1].text:find("this browser", 1, true) and list[1] or list[2]
      local other = own == list[1] and list[2] or list[1]
      assert.matches("Firefox on Linux", own.text)
      assert.matches("127.0.0.1", own.text)
      assert.is_truthy(other.text:find("&lt;script&gt;alert(&quot;1&quot;)", 1, true))
      assert.is_nil(other.text:find("<script>", 1, true))
      local answer = send("/account/sessions", { action = "sign_out", session_id = other.id }, here)
      assert.equal(server.issuer .. "/account/sessions", answer.headers.location)
      assert.is_false(is_in(there))
      assert.is_true(is_in(here))
      assert.equal(404, send("/account/sessions", { action = "sign_out", session_id = other.id }, here).status)
      answer = send("/account/sessions", { action = "sign_out", session_id = own.id }, here)
      assert.matches("Max%-Age=0", answer.cookies[flow.COOKIE])
      assert.is_false(is_in(here))
    end)

    it("are listed in parts, the latest first", function()
      local user = flow.user(server)
      local cookie
      for _ = 1, 23 do
        cookie = sign_in(user)
      end
      local seen, path = {}, "/account/sessions"
      while path do
        local body = page(path, cookie)
        for id in body:gmatch('name="session_id" value="([^"]+)"') do
          assert.is_nil(seen[id])
          seen[#seen + 1], seen[id] = id, true
        end
        path = body:match('<a class="button" href="([^"]+)" rel="next"')
      end
      assert.equal(23, #seen)
    end)

    it("of others are nobody's business", function()
      local user = flow.user(server)
      local theirs = sign_in(user)
      local id = sessions(theirs)[1].id
      assert.equal(404, send("/account/sessions", { action = "sign_out", session_id = id }).status)
      assert.equal(404, send("/account/sessions", { action = "sign_out" }).status)
      assert.equal(400, send("/account/sessions", { action = "dance", session_id = id }).status)
      assert.is_true(is_in(theirs))
    end)

    it("end all at once", function()
      local user = flow.user(server)
      local one, two = sign_in(user), sign_in(user)
      assert.equal(303, send("/account/sessions", { action = "sign_out_everywhere" }, one).status)
      assert.is_false(is_in(one) or is_in(two))
    end)
  end)

  it("shows what each app may do, and takes it back at once", function()
    local user = flow.user(server)
    local cookie = sign_in(user)
    local app = flow.app(server, world.user, { description = "<b>bold</b>" })
    assert.matches("not allowed any app", page("/account/connected", cookie))
    local tokens = flow.tokens(server, app, cookie, { scope = "openid profile" })
    local body = page("/account/connected", cookie)
    assert.is_truthy(body:find(app.name, 1, true))
    assert.matches("<code>profile</code>", body)
    assert.is_true(flow.is_active(server, tokens.access_token))
    assert.equal(422, send("/account/connected", {}, cookie).status)
    assert.equal(303, send("/account/connected", { app_id = app.app_id }, cookie).status)
    assert.is_false(flow.is_active(server, tokens.access_token))
    assert.matches("not allowed any app", page("/account/connected", cookie))
    assert.equal(404, send("/account/connected", { app_id = app.app_id }, cookie).status)
  end)

  it("makes API keys that are shown once, and revokes them", function()
    local user = flow.user(server)
    local cookie = sign_in(user)
    local made = send("/account/keys", { action = "make", name = 'CI "<x>"' }, cookie)
    shape.page(made, 200)
    assert.matches("no%-store", made.headers["cache-control"])
    local key = made.body:match('<p class="copy"><code>([^<]+)</code>')
    assert.is_truthy(made.body:find("CI &quot;&lt;x&gt;&quot;", 1, true))
    assert.equal(200, http.get(server, "/idp/apps", { bearer = key }).status)
    local body = page("/account/keys", cookie)
    assert.is_nil(body:find(key, 1, true))
    local ids = {}
    for id in body:gmatch('name="key_id" value="([^"]+)"') do
      ids[#ids + 1] = id
    end
    assert.equal(2, #ids)
    local id = ids[1] == user.key_id and ids[2] or ids[1]
    assert.equal(404, send("/account/keys", { action = "revoke", key_id = id }).status) -- of somebody else
    assert.equal(303, send("/account/keys", { action = "revoke", key_id = id }, cookie).status)
    assert.equal(401, http.get(server, "/idp/apps", { bearer = key }).status)
    assert.equal(400, send("/account/keys", { action = "make", name = ("x"):rep(65) }, cookie).status)
    local listed = cli.ask(server.state, "key", "list", user.username)
    assert.equal(1, #listed)
  end)

  it("has a limit of keys", function()
    local user = flow.user(server)
    local cookie = sign_in(user)
    local csrf = token(cookie)
    for _ = 1, 99 do
      assert.equal(200, send("/account/keys", { action = "make", csrf_token = csrf }, cookie).status)
    end
    assert.equal(409, send("/account/keys", { action = "make", csrf_token = csrf }, cookie).status)
  end)

  describe("my apps", function()
    local function app_form(more)
      local form = { name = "Form App " .. tostring(os.time()) .. math.random(1e9), public = "yes",
        redirect_uris = "https://a.example/cb\r\n\r\n https://b.example/cb ", refresh_token_lifetime_days = "30",
        grant_types = "authorization_code refresh_token", id_token_signed_response_alg = "ES256" }
      for name, value in pairs(more or {}) do
        form[name] = value
      end
      return form
    end

    local function api(app_id)
      return http.get(server, "/idp/apps/" .. app_id, { bearer = world.user.api_key }).json
    end

    it("are made by the rules of the API; the secret is shown once", function()
      local form = app_form { description = "Line\nline" }
      local answer = send("/account/apps", form)
      shape.page(answer, 200)
      local secret = answer.body:match("<dt>client_secret</dt><dd><code>([^<]+)")
      local app_id = answer.body:match('href="/account/apps/([^"]+)">Go on')
      local app = api(app_id)
      assert.same({ "https://a.example/cb", "https://b.example/cb" }, app.redirect_uris)
      assert.equal("ES256", app.id_token_signed_response_alg)
      assert.same({ "authorization_code", "refresh_token" }, app.grant_types)
      assert.equal(0, #(app.post_logout_redirect_uris or {}))
      assert.is_true(app.public and not app.dpop_bound_access_tokens)
      app.client_secret = secret
      assert.is_string(flow.tokens(server, app, world.cookie).access_token)
      assert.is_truthy(page("/account/apps"):find(form.name, 1, true))
      local body = page("/account/apps/" .. app_id)
      assert.is_nil(body:find(secret, 1, true))
      assert.matches(">https://a.example/cb\nhttps://b.example/cb</textarea>", body)
    end)

    it("have no secret where it would be none, and are told what to use", function()
      local answer = send("/account/apps", app_form { token_endpoint_auth_method = "none" })
      shape.page(answer, 200)
      assert.is_nil(answer.body:find("csc_", 1, true))
      assert.is_truthy(answer.body:find("It has no secret", 1, true))
      assert.is_truthy(answer.body:find("PKCE", 1, true))
      local path = "/account/apps/" .. answer.body:match('href="/account/apps/([^"]+)">Go on')
      assert.is_nil(page(path):find('value="secret"', 1, true))
      assert.is_truthy(page("/account/apps/" .. flow.app(server, world.user).app_id):find('value="secret"', 1, true))
      local refused = send(path, { action = "secret" })
      shape.page(refused, 409)
      assert.is_truthy(refused.body:find("PKCE", 1, true))
    end)

    it("say what is wrong with a form, and keep what was entered", function()
      local answer = send("/account/apps", app_form { name = "a<b", redirect_uris = "ftp://x", homepage_url = "x",
        refresh_token_lifetime_days = "0x1", description = '"><script>alert(1)</script>', public = "" })
      shape.page(answer, 422)
      for _, field in ipairs { "name", "redirect_uris", "homepage_url", "refresh_token_lifetime_days" } do
        assert.is_truthy(answer.body:find('<a href="#' .. field .. '"', 1, true), field)
      end
      assert.is_truthy(answer.body:find("a&lt;b", 1, true))
      assert.is_nil(answer.body:find("<script>alert", 1, true))
      assert.equal(409, send("/account/apps", app_form { name = world.app.name }).status)
    end)

    it("are changed, without what the form does not have", function()
      local app = flow.app(server, world.user, { public = true, require_pushed_authorization_requests = true })
      local path = "/account/apps/" .. app.app_id
      local form = app_form { action = "save", name = app.name .. " 2", description = "New", public = "" }
      local answer = send(path, form)
      assert.equal(server.issuer .. path, answer.headers.location)
      local now = api(app.app_id)
      assert.equal(app.name .. " 2", now.name)
      assert.is_false(now.public or now.require_pushed_authorization_requests)
      form.name = "x"
      assert.equal(422, send(path, form).status)
      assert.equal(app.name .. " 2", api(app.app_id).name)
    end)

    it("are switched off and on, get a new secret, are shared and deleted", function()
      local app = flow.app(server, world.user, { public = false })
      local path = "/account/apps/" .. app.app_id
      local tokens = flow.tokens(server, app, world.cookie)
      assert.equal(303, send(path, { action = "switch_off" }).status)
      assert.is_false(flow.is_active(server, tokens.access_token))
      assert.matches("switched off", page "/account/apps")
      assert.equal(303, send(path, { action = "switch_on" }).status)
      assert.is_true(flow.is_active(server, tokens.access_token))

      local secret = send(path, { action = "secret" }).body:match("<dt>client_secret</dt><dd><code>([^<]+)")
      assert.not_equal(app.client_secret, secret)
      assert.equal(401, flow.token(server, flow.refresh_form(app, tokens.refresh_token)).status)
      app.client_secret = secret
      assert.equal(200, flow.token(server, flow.refresh_form(app, tokens.refresh_token)).status)

      local friend = flow.user(server)
      assert.equal(404, send(path, { action = "share", user = "nobody" }).status)
      assert.equal(303, send(path, { action = "share", user = friend.username }).status)
      assert.is_truthy(page(path):find(friend.username, 1, true))
      local friends = sign_in(friend)
      assert.is_truthy(page("/account/directory", friends):find(app.name, 1, true))
      assert.equal(403, http.get(server, path, { cookie = friends }).status)
      assert.equal(403, send(path, { action = "delete", confirm = "yes" }, friends).status)
      assert.equal(303, send(path, { action = "unshare", user = friend.user_id }).status)
      assert.equal(404, http.get(server, path, { cookie = friends }).status)

      assert.equal(400, send(path, { action = "delete" }).status)
      assert.equal(400, send(path, { action = "dance" }).status)
      assert.equal(303, send(path, { action = "delete", confirm = "yes" }).status)
      assert.equal(404, http.get(server, path, { cookie = world.cookie }).status)
    end)

    it("are listed in parts", function()
      local user = flow.user(server)
      local cookie = sign_in(user)
      for _ = 1, 27 do
        flow.app(server, user)
      end
      local seen = {}
      local path = "/account/apps"
      while path do
        local body = page(path, cookie)
        for id in body:gmatch('<h2><a href="/account/apps/([^"]+)"') do
          assert.is_nil(seen[id])
          seen[#seen + 1], seen[id] = id, true
        end
        path = body:match('<a class="button" href="([^"]+)" rel="next"')
      end
      assert.equal(27, #seen)
    end)
  end)

  it("the directory is what the listing policy shows, to search and sort", function()
    local owner = flow.user(server, { name = "Dir.Owner" })
    local one = flow.app(server, owner, { name = "Zebra Finder", description = "stripes",
      homepage_url = "https://z.example/" })
    local two = flow.app(server, owner, { name = "Aardvark Finder" })
    flow.app(server, owner, { name = "Hidden Finder", public = false })
    local body = page "/account/directory?search=finder&order=name"
    assert.is_true(body:find(two.name, 1, true) < body:find(one.name, 1, true))
    assert.is_nil(body:find("Hidden", 1, true))
    assert.is_truthy(body:find("Dir.Owner", 1, true))
    body = page "/account/directory?search=stripes"
    assert.is_nil(body:find(two.name, 1, true))
    assert.matches('href="https://z.example/" rel="noopener noreferrer nofollow"', body)
    assert.matches("No app was found", page "/account/directory?search=%3Cscript%3E&order=%22%3E&page=-1")
    local long = "/account/directory?search=" .. ("x"):rep(101)
    assert.equal(400, http.get(server, long, { cookie = world.cookie }).status)
    assert.is_truthy(page("/account/directory?search=finder", (sign_in(owner))):find("Hidden", 1, true))
  end)
end)
