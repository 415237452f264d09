-- Login CSRF: another site's page or link signs no browser in. The table of engine/checks/form_token.h, row by row.
local flow = require "helpers.flow"
local http = require "helpers.http"
local server_helper = require "helpers.server"
local shape = require "helpers.shape"
local wallet = require "helpers.wallet"

local COOKIE = "moonlatch-form"

describe("A form that is sent before anybody has signed in", function()
  local server, user, app
  lazy_setup(function()
    server = server_helper.start { policies = server_helper.unlimited() }
    user = flow.user(server, { hotkey = wallet.address("//Csrf") })
    app = flow.app(server, user)
  end)
  lazy_teardown(function()
    server:stop()
  end)

  -- { token, cookie } of a page that a browser (its cookie, or none yet) has loaded.
  local function seen(path, cookie)
    local answer = http.get(server, path, { cookie = cookie })
    shape.page(answer, 200)
    local set = assert(answer.cookies[COOKIE], "the page sets no cookie")
    local token = assert(answer.body:match('name="csrf_token" value="([^"]+)"'), answer.body)
    return { token = token, cookie = set:match("^[^;]+"), set = set }
  end

  local function fields(path)
    return path == "/idp/device" and { user_code = "BCDF-GHJK" }
      or { return_to = "/account", auth_method = "fingerprint", fingerprint = user.fingerprint }
  end

  local function send(path, headers, with)
    local form = fields(path)
    form.csrf_token = with.token
    return http.post(server, path, { form = form, headers = headers, cookie = with.cookie })
  end

  local function taken(answer, name)
    assert.equal(303, answer.status, name .. ": " .. answer.body)
  end

  local function refused(answer, name)
    assert.equal(403, answer.status, name)
    shape.page(answer, 403)
    assert.is_nil(answer.cookies[flow.COOKIE], name)
  end

  -- What the browser says; then whether the form is taken with a token that fits, without, with another's, and without
  -- token and cookie.
  local rows = {
    { "same-origin", "null", true, true, true, true },
    { "none", false, true, true, true, true },
    { "cross-site", "null", false, false, false, false },
    { "same-site", "https://sibling.example", false, false, false, false },
    { "elsewhere", false, false, false, false, false },
    { false, "ours", true, true, true, true },
    { false, "https://evil.example", false, false, false, false },
    { false, "null", true, false, false, false },
    { false, false, true, false, false, true },
  }
  for _, path in ipairs { "/idp/login", "/idp/device" } do
    for _, row in ipairs(rows) do
      local site, origin = row[1], row[2]
      it(("to %s, from %s, of %s"):format(path, site or "a site that is not named", origin or "no origin"), function()
        local headers = { ["sec-fetch-site"] = site or nil,
                          origin = origin == "ours" and server.issuer or origin or nil }
        local victim, attacker = seen(path), seen(path)
        local kinds = {
          { "a token that fits", { token = victim.token, cookie = victim.cookie } },
          { "no token", { cookie = victim.cookie } },
          { "another browser's token", { token = attacker.token, cookie = victim.cookie } },
          { "nothing of a page", {} },
        }
        for i, kind in ipairs(kinds) do
          (row[2 + i] and taken or refused)(send(path, headers, kind[2]), kind[1])
        end
      end)
    end

    it("to " .. path .. " is no other's: a token alone, of another form, altered, or with two cookies", function()
      local other = path == "/idp/login" and "/idp/device" or "/idp/login"
      local mine, null = seen(path), { origin = "null" }
      local elsewhere = seen(other, mine.cookie)
      assert.equal(mine.cookie, elsewhere.cookie)
      refused(send(path, null, { token = mine.token }), "without the cookie, as from another site")
      refused(send(path, null, { token = elsewhere.token, cookie = mine.cookie }), "of another form")
      refused(send(path, null, { token = mine.token:sub(1, -2), cookie = mine.cookie }), "cut")
      refused(send(path, null, { token = "x", cookie = mine.cookie }), "of nobody")
      refused(send(path, null, { token = mine.token, cookie = COOKIE .. "=" .. ("a"):rep(22) }), "of another cookie")
      local both = mine.cookie .. "; " .. seen(path).cookie
      refused(send(path, null, { token = mine.token, cookie = both }), "with two cookies")
      taken(send(path, null, { token = mine.token, cookie = "a=b; " .. mine.cookie }), "the one that fits")
    end)
  end

  it("is good in every tab of a browser, and after a wrong try", function()
    local first = seen("/idp/login")
    local second = seen("/idp/authorize?" .. http.form(flow.request(app)), first.cookie)
    assert.equal(first.cookie, second.cookie)
    taken(send("/idp/login", { origin = "null" }, { token = first.token, cookie = second.cookie }), "the first tab")
    local wrong = http.post(server, "/idp/login", { headers = { origin = "null" }, cookie = first.cookie, form = {
      return_to = "/account", auth_method = "fingerprint", fingerprint = "wrong", csrf_token = second.token } })
    assert.equal(401, wrong.status)
    local again = { token = wrong.body:match('name="csrf_token" value="([^"]+)"'), cookie = first.cookie }
    taken(send("/idp/login", { origin = "null" }, again), "after a wrong secret")
  end)

  it("is of the browser by a cookie that no other site can set or send", function()
    local set = seen("/idp/login").set
    for _, word in ipairs { "; HttpOnly", "; SameSite=Lax", "; Path=/" } do
      assert.is_truthy(set:find(word, 1, true), set)
    end
    assert.is_nil(set:find("Domain", 1, true))
    local planted = http.get(server, "/idp/login", { cookie = COOKIE .. "=short" }).cookies[COOKIE]
    assert.is_nil(planted:find("short", 1, true))

    local behind = server_helper.start { settings = { issuer = "https://id.example" } }
    local answer = http.get(behind, "/idp/login")
    assert.is_nil(answer.cookies[COOKIE])
    assert.matches("; Secure", answer.cookies["__Host-" .. COOKIE])
    assert.is_nil(answer.cookies["__Host-" .. COOKIE]:find("Domain", 1, true))
    behind:stop()
  end)

  it("of a second factor has one, as well", function()
    local login = server_helper.unlimited()["login.lua"]:gsub("second_factor = second_factor",
      "second_factor = function() return true end")
    local strict = server_helper.start { policies = { ["login.lua"] = login, ["login_spec.lua"] = "" } }
    local careful = flow.user(strict)
    local page = http.post(strict, "/idp/login", { form = {
      return_to = "/account", auth_method = "fingerprint", fingerprint = careful.fingerprint } })
    local form = { return_to = "/account", auth_method = "second_factor",
                   factor = assert(page.body:match('name="factor" value="([^"]+)"')) }
    local options = { form = form, headers = { origin = "null" }, cookie = page.cookies[COOKIE]:match("^[^;]+") }
    assert.equal(403, http.post(strict, "/idp/login", options).status)
    form.csrf_token = page.body:match('name="csrf_token" value="([^"]+)"')
    assert.equal(401, http.post(strict, "/idp/login", options).status) -- the passkey is what is missing now
    strict:stop()
  end)

  describe("is no link: GET /idp/cli_login", function()
    local function follow(headers, cookie, seed)
      local nonce = http.get(server, "/idp/cli_login/nonce").json.nonce
      local signed = wallet.sign { seed = seed or "//Csrf", message = nonce }
      return http.get(server, "/idp/cli_login?" .. http.form {
        hotkey = signed.address, signature = signed.signature, nonce = nonce }, { headers = headers, cookie = cookie })
    end

    it("from another site signs nobody in", function()
      for _, site in ipairs { "cross-site", "same-site", "elsewhere" } do
        local answer = follow({ ["sec-fetch-site"] = site, ["sec-fetch-mode"] = "navigate" })
        shape.page(answer, 403)
        assert.is_nil(answer.cookies[flow.COOKIE])
        assert.matches("opened by another site", answer.body)
      end
    end)

    it("of a command line, typed, or of our own pages does", function()
      for _, headers in ipairs { {}, { ["sec-fetch-site"] = "none" }, { ["sec-fetch-site"] = "same-origin" } } do
        local answer = follow(headers)
        assert.equal(302, answer.status)
        assert.is_string(answer.cookies[flow.COOKIE])
      end
    end)

    it("does not replace who is signed in by somebody else", function()
      local other = flow.user(server)
      local live = flow.sign_in(server, app, other)
      for _, headers in ipairs { {}, { ["sec-fetch-site"] = "none" } } do
        local answer = follow(headers, live)
        shape.page(answer, 409)
        assert.is_nil(answer.cookies[flow.COOKIE])
      end
      assert.equal(200, http.get(server, "/account", { cookie = live }).status)
      local mine = flow.sign_in(server, app, user)
      assert.equal(302, follow({}, mine).status) -- the same person
      shape.ok(http.request(server, "DELETE", "/idp/sessions", { bearer = other.api_key }))
      assert.equal(302, follow({}, live).status) -- a session that is over
    end)
  end)
end)
