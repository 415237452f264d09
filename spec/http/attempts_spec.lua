-- Too many failed sign-ins: per address and per account, as policies/login.lua says.
local flow = require "helpers.flow"
local http = require "helpers.http"
local server_helper = require "helpers.server"
local shape = require "helpers.shape"
local wallet = require "helpers.wallet"

local function policy(address, account, seconds)
  return { ["login_spec.lua"] = "", ["login.lua"] = ([[
    return {
      methods = { "fingerprint", "hotkey" },
      limits = { address = { attempts = %d, seconds = %d }, account = { attempts = %d, seconds = %d } },
      allow = function() return true end,
    }
  ]]):format(address, seconds, account, seconds) }
end

describe("Failed attempts to sign in", function()
  local function wrong(server, app, options)
    options = options or {}
    options.form = flow.request(app, { response_type = false, auth_method = "fingerprint", fingerprint = "wrong" })
    return http.post(server, "/idp/login", options)
  end

  it("from one address are so many; then even the right secret waits, with a clear message", function()
    local server = server_helper.start { policies = policy(3, 0, 3) }
    local user = flow.user(server)
    local app = flow.app(server, user)
    for _ = 1, 3 do
      shape.page(wrong(server, app), 401)
    end
    local refused = flow.login(server, app, user)
    shape.page(refused, 429)
    assert.matches("Too many attempts have failed. Try again in 1 minute.", refused.body, 1, true)
    assert.is_nil(refused.cookies[flow.COOKIE])
    assert.is_true(tonumber(refused.headers["retry-after"]) <= 3)
    local german = wrong(server, app, { headers = { ["accept-language"] = "de" } })
    assert.matches("Versuche es wieder in 1 Minute.", german.body, 1, true)
    local nonce = http.get(server, "/idp/cli_login/nonce").json.nonce
    local query = http.form { hotkey = "5x", signature = "0x00", nonce = nonce }
    local machine = http.get(server, "/idp/cli_login?" .. query, { headers = { accept = "application/json" } })
    shape.detail(machine, 429)
    assert.is_true(http.metric(server, "moonlatch_sign_ins_limited_total") >= 3)
    local good = http.ask_until(flow.login, function(answer)
      return answer.status == 303
    end, server, app, user)
    assert.equal(303, good.status)
    server:stop()
  end)

  it("for one account are so many, and others of the address sign in", function()
    local server = server_helper.start { policies = policy(100, 2, 60) }
    local alice = flow.user(server, { hotkey = wallet.address("//Alice") })
    flow.user(server, { hotkey = wallet.address("//Bob") })
    local app = flow.app(server, alice)
    local function sign_in(seed, signs)
      local nonce = http.get(server, "/idp/cli_login/nonce").json.nonce
      local signed = wallet.sign { seed = signs or seed, message = nonce }
      return http.post(server, "/idp/login", { form = flow.request(app, { response_type = false,
        auth_method = "hotkey", hotkey = wallet.address(seed), signature = signed.signature, nonce = nonce }) })
    end
    assert.equal(303, sign_in("//Alice").status)
    for _ = 1, 2 do
      shape.page(sign_in("//Alice", "//Mallory"), 401)
    end
    shape.page(sign_in("//Alice"), 429)
    assert.equal(303, sign_in("//Bob").status)
    assert.equal(303, flow.login(server, app, alice).status) -- her fingerprint is another way
    server:stop()
  end)

  it("that are not looked at for one account are none of the address's", function()
    local server = server_helper.start { policies = policy(5, 1, 60) }
    local alice = flow.user(server, { hotkey = wallet.address("//Alice") })
    local app = flow.app(server, alice)
    local function sign_in()
      local nonce = http.get(server, "/idp/cli_login/nonce").json.nonce
      return http.post(server, "/idp/login", { form = flow.request(app, { response_type = false, auth_method = "hotkey",
        hotkey = wallet.address("//Alice"), signature = "0x" .. ("00"):rep(64), nonce = nonce }) }).status
    end
    assert.equal(401, sign_in())
    for _ = 1, 8 do
      assert.equal(429, sign_in())
    end
    for _ = 1, 4 do
      assert.equal(401, wrong(server, app).status)
    end
    assert.equal(429, wrong(server, app).status)
    server:stop()
  end)

  it("are any number where the policy has no limits", function()
    local server = server_helper.start { policies = policy(0, 0, 60) }
    local app = flow.app(server, flow.user(server))
    for _ = 1, 70 do
      assert.equal(401, wrong(server, app).status)
    end
    server:stop()
  end)

  it("that come at once get no more through than one by one", function()
    local server = server_helper.start { policies = policy(5, 0, 60) }
    local app = flow.app(server, flow.user(server))
    local seen = {}
    for _, status in ipairs(http.together(server, 60, function(_, connection)
      return connection:request("POST", "/idp/login", { form = flow.request(app,
        { response_type = false, auth_method = "fingerprint", fingerprint = "wrong" }) }).status
    end)) do
      seen[status] = (seen[status] or 0) + 1
    end
    assert.same({ [401] = 5, [429] = 55 }, seen)
    server:stop()
  end)

  it("do not count those that succeed", function()
    local server = server_helper.start { policies = policy(3, 0, 60) }
    local user = flow.user(server)
    local app = flow.app(server, user)
    assert.equal(401, wrong(server, app).status)
    for _ = 1, 6 do
      assert.equal(303, flow.login(server, app, user).status)
    end
    assert.equal(401, wrong(server, app).status)
    assert.equal(303, flow.login(server, app, user).status)
    assert.equal(401, wrong(server, app).status)
    assert.equal(429, flow.login(server, app, user).status)
    server:stop()
  end)

  describe("by wrong signatures", function()
    local server
    lazy_setup(function()
      server = server_helper.start { policies = policy(50, 20, 60) }
      flow.user(server, { hotkey = wallet.address("//Alice") })
    end)
    lazy_teardown(function()
      server:stop()
    end)

    -- Her key, under the address that is given.
    local function cli_login(from, hotkey, seed)
      local nonce = http.get(server, "/idp/cli_login/nonce").json.nonce
      local signature = seed and wallet.sign { seed = seed, message = nonce }.signature or "0x" .. ("00"):rep(64)
      return http.get(server, "/idp/cli_login?" .. http.form { hotkey = hotkey, signature = signature, nonce = nonce },
        { from = from }).status
    end

    it("stop nobody but the address that they come from", function()
      local alice, seen = wallet.address("//Alice"), {}
      for _ = 1, 25 do
        local status = cli_login("127.0.0.66", alice)
        seen[status] = (seen[status] or 0) + 1
      end
      assert.same({ [400] = 20, [429] = 5 }, seen)
      assert.equal(429, cli_login("127.0.0.66", alice, "//Alice"))
      assert.equal(302, cli_login("127.0.0.77", alice, "//Alice"))
      assert.equal(302, cli_login("127.0.0.77", alice, "//Alice"))
    end)

    it("are counted for the key, however its address is written", function()
      local alice = { wallet.address("//Alice"), "15oF4uVJwmo4TdGW7VfQxNLavjCXviqxT9S1MgbjMNHr6Sp5",
        "HNZata7iMYWmk5RvZRTiAsSDhV8366zq2YGb3tLH5Upf74F" } -- of Polkadot and Kusama
      for i = 1, 20 do
        assert.equal(400, cli_login("127.0.0.67", alice[i % #alice + 1]))
      end
      for _, address in ipairs(alice) do
        assert.equal(429, cli_login("127.0.0.67", address, "//Alice"))
      end
    end)
  end)
end)
