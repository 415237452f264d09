local flow = require "helpers.flow"
local http = require "helpers.http"
local server_helper = require "helpers.server"
local shape = require "helpers.shape"
local wallet = require "helpers.wallet"

describe("POST /idp/login", function()
  local server, user, app
  lazy_setup(function()
    server = server_helper.start()
    user = flow.user(server, { hotkey = wallet.address("//Login") })
    app = flow.app(server, user)
  end)
  lazy_teardown(function()
    server:stop()
  end)

  local function login(more)
    return flow.login(server, app, user, more)
  end

  local function page_nonce()
    local body = flow.authorize(server, app).body
    return (assert(body:match('name="nonce" value="(%x+%-%x+%-4%x+%-%x+%-%x+)"'), body))
  end

  local function by_wallet(seed, nonce, more)
    local signed = wallet.sign({ seed = seed, message = nonce })
    local form = { auth_method = "hotkey", fingerprint = false, hotkey = signed.address, signature = signed.signature,
                   nonce = nonce }
    for name, value in pairs(more or {}) do
      form[name] = value
    end
    return login(form)
  end

  local function good(answer)
    assert.equal(303, answer.status, answer.body)
    local base, params = answer:location()
    assert.matches("/idp/authorize/consent$", base)
    assert.is_string(params.session_id)
    local cookie = answer.cookies[flow.COOKIE]
    assert.matches("^chutes%-session%-token=cst_%w+%.%w+;", cookie)
    assert.matches("; HttpOnly", cookie)
    assert.matches("; SameSite=Lax", cookie)
    assert.is_nil(cookie:find("Secure", 1, true))
    shape.no_store(answer)
    shape.page(http.get(server, answer.headers.location:match("/idp.*"), { cookie = flow.cookie_of(answer) }), 200)
  end

  local function bad(answer)
    shape.page(answer, 401)
    assert.is_nil(answer.cookies[flow.COOKIE])
    assert.matches('role="alert"', answer.body, 1, true)
    assert.matches('name="nonce" value="', answer.body, 1, true)
    return answer.body:match('role="alert">([^<]+)<')
  end

  it("signs in with the fingerprint", function()
    good(login())
  end)

  it("signs in with the fingerprint pasted with spaces around", function()
    good(login({ fingerprint = " " .. user.fingerprint .. " " }))
  end)

  it("signs in with a wallet and the page's nonce", function()
    good(by_wallet("//Login", page_nonce()))
  end)

  describe("by a wallet", function()
    local function over(text, nonce, more)
      local signed = wallet.sign { seed = "//Login", message = text, wrap = more and more.wrap }
      return by_wallet("//Login", nonce, { signature = signed.signature })
    end

    it("is over a text that names the site; the page shows it, and wallet.js signs it", function()
      local body = flow.authorize(server, app).body
      local nonce = body:match('name="nonce" value="([^"]+)"')
      local text = "Sign in to " .. server.issuer .. ": " .. nonce
      assert.is_truthy(body:find('data-message="' .. text .. '"', 1, true))
      assert.is_truthy(body:find("<code>" .. text .. "</code>", 1, true))
      assert.is_truthy(body:find('--message "' .. text .. '"', 1, true))
      good(over(text, nonce))
    end)

    for _, wrap in ipairs { false, true } do
      it("takes that text, or the nonce alone, " .. (wrap and "wrapped" or "raw"), function()
        local nonce = page_nonce()
        good(over("Sign in to " .. server.issuer .. ": " .. nonce, nonce, { wrap = wrap }))
        nonce = page_nonce()
        good(over(nonce, nonce, { wrap = wrap }))
      end)
    end

    it("is for no other site, in words", function()
      for _, text in ipairs { "Sign in to https://evil.example: %s", "Sign in to " .. server.issuer .. "/: %s",
                              "Sign in to " .. server.issuer .. ":%s", "sign in to " .. server.issuer .. ": %s",
                              "Sign in to http://127.0.0.1:" .. server.port .. ": %s", "Sign in to : %s",
                              "Sign in to " .. server.issuer .. ": %s ", "<Bytes>%s" } do
        local nonce = page_nonce()
        local answer = over(text:format(nonce), nonce)
        assert.matches("another site", bad(answer))
      end
      local nonce, other = page_nonce(), page_nonce()
      bad(over("Sign in to " .. server.issuer .. ": " .. other, nonce))
    end)
  end)

  it("says the same for an unknown and a wrong fingerprint", function()
    local unknown = bad(login({ fingerprint = ("x"):rep(32) }))
    local wrong = bad(login({ fingerprint = user.fingerprint:sub(1, -2) .. "!" }))
    assert.equal(unknown, wrong)
    assert.is_string(unknown)
  end)

  it("keeps the request in the page after a refusal, with a fresh nonce", function()
    local nonce = page_nonce()
    local answer = by_wallet("//Login", nonce, { signature = "0x" .. ("00"):rep(64) })
    bad(answer)
    local fresh = answer.body:match('name="nonce" value="([^"]+)"')
    assert.not_equal(nonce, fresh)
    assert.matches('value="s t&amp;%"', answer.body, 1, true)
    good(by_wallet("//Login", fresh))
  end)

  it("takes a wallet's nonce once", function()
    local nonce = page_nonce()
    good(by_wallet("//Login", nonce))
    bad(by_wallet("//Login", nonce))
  end)

  it("refuses a wallet without an account and one of another type", function()
    bad(by_wallet("//Stranger", page_nonce()))
    local nonce = page_nonce()
    local signed = wallet.sign({ seed = "//Login", message = nonce, type = "ed25519" })
    local said = bad(login({ auth_method = "hotkey", fingerprint = false, hotkey = signed.address,
                             signature = signed.signature, nonce = nonce }))
    assert.matches("sr25519", said)
  end)

  it("names every missing field", function()
    local form = flow.request(app, { response_type = false })
    local options = { form = form, headers = { accept = "application/json" } }
    shape.invalid(http.post(server, "/idp/login", options), { { "body", "auth_method", "missing" } })
    form.auth_method = "hotkey"
    shape.invalid(http.post(server, "/idp/login", options), {
      { "body", "hotkey", "missing" }, { "body", "signature", "missing" }, { "body", "nonce", "missing" } })
    form.auth_method = "fingerprint"
    shape.invalid(http.post(server, "/idp/login", options), { { "body", "fingerprint", "missing" } })
    form.auth_method = "password"
    shape.invalid(http.post(server, "/idp/login", options), { { "body", "auth_method", "string_pattern" } })
  end)

  it("never redirects to a redirect_uri that is not registered", function()
    local answer = login({ redirect_uri = "https://evil.example/" })
    shape.page(answer, 400)
    assert.is_nil(answer.headers.location)
    assert.is_nil(answer.cookies[flow.COOKIE])
    shape.page(login({ client_id = "cid_" .. ("z"):rep(24) }), 400)
  end)

  it("refuses a form that another site sent", function()
    local form = flow.request(app, {
      response_type = false, auth_method = "fingerprint", fingerprint = user.fingerprint,
    })
    for _, headers in ipairs { { ["sec-fetch-site"] = "cross-site" }, { ["sec-fetch-site"] = "same-site" },
                               { origin = "https://evil.example" } } do
      local answer = http.post(server, "/idp/login", { form = form, headers = headers })
      shape.page(answer, 403)
      assert.is_nil(answer.cookies[flow.COOKIE])
    end
    for _, headers in ipairs { { ["sec-fetch-site"] = "same-origin" }, { origin = server.issuer } } do
      assert.equal(303, http.post(server, "/idp/login", { form = form, headers = headers }).status)
    end
  end)

  it("refuses another media type", function()
    local answer = http.post(server, "/idp/login", { json = { a = "b" } })
    shape.detail(answer, 415) -- contract §4
  end)

  it("makes another session at each sign-in", function()
    assert.not_equal(flow.cookie_of(login()), flow.cookie_of(login()))
  end)
end)

describe("the login policy", function()
  it("may refuse a user, with its reason on the page", function()
    local server = server_helper.start {
      policies = { ["login.lua"] = [[
        return {
          methods = { "fingerprint" },
          allow = function(facts) return facts.user.username ~= "mallory", "Not you & not today." end,
        }]] },
    }
    local owner, mallory = flow.user(server), flow.user(server, { name = "mallory" })
    local app = flow.app(server, owner)
    local answer = flow.login(server, app, mallory)
    shape.page(answer, 401)
    assert.matches("Not you &amp; not today.", answer.body, 1, true)
    assert.is_nil(answer.cookies[flow.COOKIE])
    assert.is_nil(answer.body:find("Sign in with a wallet", 1, true), "the policy offers the fingerprint only")
    assert.equal(303, flow.login(server, app, owner).status)
    server:stop()
  end)
end)
