-- What people paste, and what wallets sign: white space, btcli's JSON, coldkeys, and Sign-In with Substrate.
local cjson = require "cjson.safe"

local flow = require "helpers.flow"
local http = require "helpers.http"
local server_helper = require "helpers.server"
local shape = require "helpers.shape"
local wallet = require "helpers.wallet"

describe("A wallet's signature", function()
  local server, hotkey, coldkey
  lazy_setup(function()
    server = server_helper.start { policies = server_helper.unlimited() }
    hotkey, coldkey = wallet.address("//Pasted"), wallet.address("//Cold")
    flow.user(server, { hotkey = hotkey })
  end)
  lazy_teardown(function()
    server:stop()
  end)

  local function nonce()
    return http.get(server, "/idp/cli_login/nonce").json.nonce
  end

  local function sign(message, more)
    more = more or {}
    return wallet.sign({ seed = more.seed or "//Pasted", message = message, wrap = more.wrap }).signature
  end

  local function cli_login(fields)
    return http.get(server, "/idp/cli_login?" .. http.form(fields), { headers = { accept = "application/json" } })
  end

  local function by_page(fields)
    fields.auth_method, fields.return_to = "hotkey", "/account"
    return http.post(server, "/idp/login", { form = fields })
  end

  -- By both doors: the status, and the words of a refusal.
  local function signs_in(fields_of, said)
    local answer = cli_login(fields_of(nonce()))
    assert.equal(said and 400 or 302, answer.status, answer.body)
    assert.equal(said == nil, answer.cookies[flow.COOKIE] ~= nil)
    local page = by_page(fields_of(nonce()))
    assert.equal(said and 401 or 303, page.status)
    assert.equal(said == nil, page.cookies[flow.COOKIE] ~= nil)
    if said then
      assert.is_truthy(answer.json.detail:find(said, 1, true), answer.json.detail)
      assert.is_truthy(page.body:find(said, 1, true), said)
    end
  end

  it("is taken as it was pasted", function()
    for what, paste in pairs {
      ["as it is"] = function(one) return one end,
      ["spaces around"] = function(one)
        return { hotkey = " \t" .. one.hotkey .. " ", signature = " " .. one.signature .. "\r\n",
          nonce = one.nonce .. "\n" }
      end,
      ["over several lines"] = function(one)
        one.signature = one.signature:gsub(("."):rep(40), "%0\r\n  ")
        one.hotkey = one.hotkey:sub(1, 20) .. "\n" .. one.hotkey:sub(21)
        return one
      end,
      ["in btcli's JSON"] = function(one)
        one.signature = cjson.encode { signed_message = one.signature:sub(3), signer_address = one.hotkey }
        return one
      end,
      ["in btcli's JSON, in a narrow terminal"] = function(one)
        one.signature = ('{\n "signed_message":\n "%s\n%s",\n "signer_address": "%s"\n}\n'):format(
          one.signature:sub(3, 70), one.signature:sub(71), "15oF4uVJwmo4TdGW7VfQxNLavjCXviqxT9S1MgbjMNHr6Sp5")
        return one
      end,
    } do
      local function fields(fresh)
        local signature = sign("Sign in to " .. server.issuer .. ": " .. fresh)
        return paste { hotkey = hotkey, signature = signature, nonce = fresh }
      end
      assert.is_string(what)
      signs_in(fields)
    end
  end)

  it("that can be none is said to be none", function()
    for _, text in ipairs { "abcd", "hello", ("zz"):rep(64), ("ab"):rep(63), ("ab"):rep(67), "{}", '{"signed_message":',
                            '{"signed_message":"00"}', '{"signed_message":7}', "0x", ("q"):rep(88) } do
      signs_in(function(fresh)
        return { hotkey = hotkey, signature = text, nonce = fresh }
      end, "This is not a signature: one has 128 hex digits")
    end
    signs_in(function(fresh)
      return { hotkey = hotkey, signature = ("ab"):rep(63) .. "ff", nonce = fresh }
    end, "did not sign")
    local answer = http.get(server, "/idp/apps", { headers = { ["x-chutes-hotkey"] = hotkey,
      ["x-chutes-nonce"] = tostring(os.time()), ["x-chutes-signature"] = "abcd" } })
    shape.detail(answer, 401)
    assert.matches("is not a signature", answer.json.detail)
  end)

  it("by the coldkey is named as such where the paste tells", function()
    local function by_cold(fresh, json)
      local signature = sign(fresh, { seed = "//Cold" })
      return { hotkey = hotkey, nonce = fresh, signature = json and cjson.encode { signed_message = signature:sub(3),
        signer_address = coldkey } or signature }
    end
    signs_in(function(fresh) return by_cold(fresh, true) end, "such as your coldkey")
    signs_in(function(fresh) return by_cold(fresh, false) end, "nor one by the coldkey")
  end)

  it("asks for what is missing, not for what was pasted as nothing", function()
    shape.invalid(cli_login { hotkey = hotkey },
      { { "query", "signature", "missing" }, { "query", "nonce", "missing" } })
    assert.equal(400, cli_login({ hotkey = " ", signature = " ", nonce = nonce() }).status)
  end)

  it("that is refused leaves the hotkey in the form, which stays open", function()
    local page = by_page { hotkey = " " .. hotkey .. " ", signature = "hello", nonce = nonce() }
    shape.page(page, 401)
    assert.is_truthy(page.body:find('value="' .. hotkey .. '"', 1, true))
    assert.is_truthy(page.body:find("<details open>", 1, true))
    page = http.get(server, "/idp/login")
    assert.is_nil(page.body:find(hotkey, 1, true))
    assert.is_truthy(page.body:find("<details>", 1, true))
    page = http.post(server, "/idp/login",
      { form = { return_to = "/account", auth_method = "fingerprint", fingerprint = "x", hotkey = hotkey } })
    assert.is_nil(page.body:find(hotkey, 1, true))
  end)

  -- As SiwsMessage.prepareMessage() of @talismn/siws writes it.
  describe("over a text of Sign-In with Substrate", function()
    local function at(seconds)
      return os.date("!%Y-%m-%dT%H:%M:%S.000Z", os.time() + seconds)
    end

    local function text_of(fresh, more)
      local host = server.issuer:match("^%w+://(.+)$")
      local one = { domain = host, address = hotkey, statement = "Sign in.", uri = server.issuer .. "/idp/login",
        version = "1.0.0", nonce = fresh, issued = at(0), expires = at(120), chain = "Substrate" }
      for name, value in pairs(more or {}) do
        one[name] = value
      end
      local lines = { one.domain .. " wants you to sign in with your " .. one.chain .. " account:", one.address }
      if one.alias then
        table.insert(lines, one.alias)
      end
      table.insert(lines, "")
      if one.statement then
        table.insert(lines, one.statement .. "\n")
      end
      table.insert(lines, "URI: " .. one.uri)
      table.insert(lines, "Version: " .. one.version)
      table.insert(lines, "Nonce: " .. one.nonce)
      table.insert(lines, "Issued At: " .. one.issued)
      if one.expires then
        table.insert(lines, "Expiration Time: " .. one.expires)
      end
      if one.not_before then
        table.insert(lines, "Not Before: " .. one.not_before)
      end
      return table.concat(lines, "\n") .. (one.more or "")
    end

    local function proof(fresh, more, wrap)
      local text = text_of(fresh, more)
      return { hotkey = hotkey, nonce = fresh, message = text, signature = sign(text, { wrap = wrap }) }
    end

    it("is taken", function()
      for _, more in ipairs { {}, { domain = "localhost" }, { statement = false, expires = false },
                              { chain = "Polkadot", address = "15oF4uVJwmo4TdGW7VfQxNLavjCXviqxT9S1MgbjMNHr6Sp5" },
                              { alias = "(pasted.azero)" }, { not_before = at(-10), uri = server.issuer },
                              { more = "\nRequest ID: 7\nResources:\n- https://a.example/\n- https://b.example/" } } do
        local other = more.address ~= nil
        signs_in(function(fresh)
          return proof(fresh, more, not more.statement)
        end, other and "names another account" or nil)
      end
      signs_in(function(fresh) -- as a form sends it
        local one = proof(fresh)
        one.message = "\r\n" .. one.message:gsub("\n", "\r\n") .. "\r\n"
        return one
      end)
    end)

    it("is for this site, this account, this nonce and this time, and nothing else", function()
      local stale, evil = nonce(), "https://evil.example"
      for _, case in ipairs {
        { { domain = "evil.example" }, "for another site" }, { { uri = evil }, "for another site" },
        { { uri = server.issuer .. "1/" }, "for another site" }, { { uri = "localhost" }, "for another site" },
        { { domain = "localhost:1" }, "for another site" }, { { address = coldkey }, "names another account" },
        { { address = "5F" }, "names another account" }, { { nonce = stale }, "another nonce" },
        { { expires = at(-1) }, "has expired" }, { { expires = "soon" }, "has expired" },
        { { expires = at(100):gsub("Z$", "+14:00") }, "has expired" }, { { not_before = at(100) }, "not good yet" },
        { { version = "2" }, "not a text of" }, { { more = "\nNonce: " .. stale }, "not a text of" },
        { { more = "\n\nURI: " .. evil }, "not a text of" },
        { { more = "\nResources:\nURI: " .. evil }, "not a text of" },
        { { statement = "One\nTwo" }, "not a text of" }, { { domain = "a b" }, "not a text of" },
        { { statement = "One\n\nURI: " .. evil }, "not a text of" }, { { chain = "" }, "not a text of" },
      } do
        signs_in(function(fresh) return proof(fresh, case[1]) end, case[2])
      end
      for _, text in ipairs { "x", "Sign in to us", "a wants you to sign in with your b account:" } do
        signs_in(function(fresh)
          return { hotkey = hotkey, nonce = fresh, message = text, signature = sign(text) }
        end, "not a text of")
      end
    end)

    it("is what was signed", function()
      signs_in(function(fresh) -- the nonce alone was
        return { hotkey = hotkey, nonce = fresh, message = text_of(fresh), signature = sign(fresh) }
      end, "did not sign")
      signs_in(function(fresh)
        local one = proof(fresh)
        one.message = one.message:gsub("Sign in%.", "Sign out.")
        return one
      end, "did not sign")
      local one = proof(nonce())
      assert.equal(302, cli_login(one).status)
      assert.equal(400, cli_login(one).status) -- once
    end)
  end)
end)
