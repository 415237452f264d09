local flow = require "helpers.flow"
local http = require "helpers.http"
local server_helper = require "helpers.server"
local shape = require "helpers.shape"
local wallet = require "helpers.wallet"

describe("signing in from a command line", function()
  local server, user, address
  lazy_setup(function()
    server = server_helper.start()
    address = wallet.address("//Alice")
    user = flow.user(server, { hotkey = address })
  end)
  lazy_teardown(function()
    server:stop()
  end)

  local function nonce()
    return http.get(server, "/idp/cli_login/nonce").json.nonce
  end

  local function cli_login(params, options)
    return http.get(server, "/idp/cli_login?" .. http.form(params), options)
  end

  local function proof(more)
    local request = { seed = "//Alice", message = nonce() }
    for name, value in pairs(more or {}) do
      request[name] = value
    end
    local signed = wallet.sign(request)
    return { hotkey = signed.address, signature = signed.signature, nonce = request.message }
  end

  it("gives a nonce that looks like a UUIDv4, a new one each time", function()
    local answer = http.get(server, "/idp/cli_login/nonce")
    shape.ok(answer)
    shape.no_store(answer)
    local hex = "%x"
    local uuid = "^" .. hex:rep(8) .. "%-" .. hex:rep(4) .. "%-4" .. hex:rep(3) .. "%-[89ab]" .. hex:rep(3) .. "%-"
      .. hex:rep(12) .. "$"
    assert.matches(uuid, answer.json.nonce)
    assert.not_equal(answer.json.nonce, nonce())
  end)

  for _, wrapped in ipairs { false, true } do
    it("accepts a " .. (wrapped and "wrapped" or "raw") .. " signature and sets the SSO cookie", function()
      local answer = cli_login(proof { wrap = wrapped })
      assert.equal(302, answer.status, answer.body)
      assert.equal("/", answer.headers.location)
      shape.no_store(answer)
      local cookie = answer.cookies[flow.COOKIE]
      assert.matches("^chutes%-session%-token=cst_%w+%.%w+;", cookie)
      assert.matches("; HttpOnly", cookie)
      assert.matches("; SameSite=Lax", cookie)
      assert.matches("; Path=/", cookie)
      assert.is_nil(cookie:find("Secure", 1, true), "the issuer is http")
      local app = flow.app(server, user)
      local signed_in = flow.authorize(server, app, {}, { cookie = flow.cookie_of(answer) })
      assert.equal(302, signed_in.status)
    end)
  end

  it("accepts a signature over a text that names this site, and none that names another", function()
    local function named(site)
      local one = { nonce = nonce() }
      local signed = wallet.sign { seed = "//Alice", message = "Sign in to " .. site .. ": " .. one.nonce }
      one.hotkey, one.signature = signed.address, signed.signature
      return cli_login(one, { headers = { accept = "application/json" } })
    end
    assert.equal(302, named(server.issuer).status)
    local refused = named("https://evil.example")
    shape.detail(refused, 400)
    assert.matches("another site is not taken", refused.json.detail)
  end)

  it("accepts the signature without 0x", function()
    local one = proof()
    one.signature = one.signature:gsub("^0x", "")
    assert.equal(302, cli_login(one).status)
  end)

  it("takes a nonce once", function()
    local one = proof()
    assert.equal(302, cli_login(one).status)
    local again = cli_login(one)
    shape.page(again, 400)
    assert.is_nil(again.cookies[flow.COOKIE])
  end)

  it("takes a nonce once, also for another signature over it", function()
    local one = proof()
    assert.equal(302, cli_login(one).status)
    one.signature = wallet.sign({ seed = "//Alice", message = one.nonce }).signature
    assert.equal(400, cli_login(one).status)
  end)

  it("refuses a nonce that is not of this server", function()
    local foreign = "0b0f5cd2-35c4-4c0e-9d4a-6a0f9f1d9f2e"
    local signed = wallet.sign({ seed = "//Alice", message = foreign })
    shape.page(cli_login({ hotkey = signed.address, signature = signed.signature, nonce = foreign }), 400)
  end)

  it("refuses a signature of another key, of another text, a flipped one and one of no hex", function()
    local by_other = proof()
    by_other.signature = wallet.sign({ seed = "//Bob", message = by_other.nonce }).signature
    local over_other = proof()
    over_other.signature = wallet.sign({ seed = "//Alice", message = "another text" }).signature
    local flipped = proof()
    local last = flipped.signature:sub(20, 20)
    flipped.signature = flipped.signature:sub(1, 19) .. (last == "0" and "1" or "0") .. flipped.signature:sub(21)
    local no_hex = proof()
    no_hex.signature = "0x" .. ("zz"):rep(64)
    for _, one in ipairs { by_other, over_other, flipped, no_hex } do
      local answer = cli_login(one)
      shape.page(answer, 400)
      assert.is_nil(answer.cookies[flow.COOKIE])
    end
  end)

  it("refuses ed25519 and ecdsa with words", function()
    for _, type in ipairs { "ed25519", "ecdsa" } do
      local answer = cli_login(proof { type = type })
      assert.equal(400, answer.status, type)
      assert.matches("sr25519", answer.body)
    end
  end)

  it("does not know a hotkey without an account", function()
    shape.page(cli_login(proof { seed = "//Nobody" }), 404)
  end)

  it("refuses an address with a wrong checksum", function()
    local one = proof()
    one.hotkey = one.hotkey:sub(1, -2) .. (one.hotkey:sub(-1) == "Y" and "Z" or "Y")
    shape.page(cli_login(one), 400)
  end)

  it("knows the account by its key, whatever the address's prefix", function()
    local one = proof()
    one.hotkey = "15oF4uVJwmo4TdGW7VfQxNLavjCXviqxT9S1MgbjMNHr6Sp5" -- //Alice on Polkadot
    assert.equal(302, cli_login(one).status)
  end)

  it("names every missing parameter", function()
    local answer = http.get(server, "/idp/cli_login", { headers = { accept = "application/json" } })
    shape.invalid(answer, {
      { "query", "hotkey", "missing" },
      { "query", "signature", "missing" },
      { "query", "nonce", "missing" },
    })
  end)

  it("gives a page, or JSON if the client asks for it", function()
    local bad = { hotkey = address, signature = "0x00", nonce = nonce() }
    shape.page(cli_login(bad), 400)
    shape.detail(cli_login(bad, { headers = { accept = "application/json" } }), 400)
  end)
end)

describe("a login nonce", function()
  it("expires", function()
    local server = server_helper.start {
      policies = server_helper.unlimited(), settings = { lifetimes = { nonce = 1 } },
    }
    local user_address = wallet.address("//Alice")
    flow.user(server, { hotkey = user_address })
    local nonce = http.get(server, "/idp/cli_login/nonce").json.nonce
    local signed = wallet.sign({ seed = "//Alice", message = nonce })
    local path = "/idp/cli_login?"
      .. http.form({ hotkey = signed.address, signature = "0x00", nonce = nonce })
    -- The nonce is checked before the signature: ask until it has expired.
    http.ask_until(http.get, shape.says_expired, server, path)
    path = "/idp/cli_login?" .. http.form({ hotkey = signed.address, signature = signed.signature, nonce = nonce })
    assert.equal(400, http.get(server, path).status)
    server:stop()
  end)
end)

describe("the landing page", function()
  it("is the configured one", function()
    local server = server_helper.start { settings = { landing_page = "/account" } }
    flow.user(server, { hotkey = wallet.address("//Alice") })
    local nonce = http.get(server, "/idp/cli_login/nonce").json.nonce
    local signed = wallet.sign({ seed = "//Alice", message = nonce })
    local answer = http.get(server, "/idp/cli_login?"
      .. http.form({ hotkey = signed.address, signature = signed.signature, nonce = nonce }))
    assert.equal("/account", answer.headers.location)
    server:stop()
  end)
end)
