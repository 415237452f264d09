-- The pages in Chromium: sign-in and consent as people do it, accessibility, and what other sites may not do. The steps
-- are in *.mjs; this makes the world that they happen in. Screenshots: build/screenshots/.
local cjson = require "cjson.safe"

local flow = require "helpers.flow"
local http = require "helpers.http"
local receiver = require "helpers.receiver"
local server_helper = require "helpers.server"
local sys = require "helpers.sys"
local wallet = require "helpers.wallet"

-- All but openid may be left out.
local CONSENT = [[
  local list = require "moonlatch.list"
  return {
    decide = function(facts)
      if facts.prompt == "consent" or not facts.previous then return "ask" end
      for _, scope in ipairs(facts.requested) do
        if not list.has(facts.previous.scopes, scope) then return "ask" end
      end
      return "skip"
    end,
    page = function(facts)
      local scopes = {}
      for i, name in ipairs(facts.requested) do
        scopes[i] = { name = name, description = "May use " .. name, optional = name ~= "openid", checked = true }
      end
      return { title = "It would be able to", groups = { { title = "Your account", scopes = scopes } },
               warnings = { "Look at this twice." } }
    end,
  }
]]

describe("In a browser", function()
  local server, hasty, web, world
  lazy_setup(function()
    local policies = server_helper.unlimited()
    policies["consent.lua"], policies["consent_spec.lua"] = CONSENT, ""
    policies["login.lua"] = policies["login.lua"]:gsub("second_factor = second_factor,", [[
      second_factor = function(facts) return facts.user.username == "careful" end,]])
    policies["login_spec.lua"] = ""
    server = server_helper.start { policies = policies }
    web = receiver.start()
    local user = flow.user(server, { hotkey = wallet.address("//Alice"), roles = { "admin" } })
    local redirect = { redirect_uris = { web.url .. "/cb" } }
    local html = { ["content-type"] = "text/html; charset=utf-8" }
    local page = "<!doctype html><html lang='en'><title>App</title><link rel='icon' href='data:,'>"
    world = {
      issuer = server.issuer, web = web.url, fingerprint = user.fingerprint, hotkey = wallet.address("//Alice"),
      user = user, screenshots = server_helper.root .. "/build/screenshots",
      app = flow.app(server, user, { redirect_uris = redirect.redirect_uris, name = "Acme Robots",
        description = "Builds robots for you.", homepage_url = "https://acme.example/" }),
      careful = flow.user(server, { name = "careful" }),
      admin = { user_id = user.user_id }, other = "leaver",
      second = flow.app(server, user, redirect),
      hostile = flow.app(server, user, { redirect_uris = redirect.redirect_uris,
        description = "<img src=x onerror=alert(1)><script>alert(2)</script>",
        homepage_url = "https://x.example/'onmouseover='alert(3)",
        logo_url = "https://localhost:1/'onerror='alert(4)" }),
    }
    -- Somebody whose names are written from right to left, and whose app says more than it should.
    local loud = flow.user(server, { name = "\u{5d3}\u{5e0}\u{5d4}" })
    world.loud = flow.app(server, loud, { redirect_uris = redirect.redirect_uris,
      name = "\u{62a}\u{637}\u{628}\u{64a}\u{642} \u{627}\u{644}\u{637}\u{642}\u{633}",
      homepage_url = "https://loud.example/" .. ("long/"):rep(60),
      description = "\u{2714} Verified by Moonlatch. This app can only read your name.\n\nSecurity notice: your "
        .. "session has expired. Press Allow to stay signed in." .. ("\n"):rep(60) .. ("Allow! "):rep(60)
        .. ("x"):rep(300) })
    world.loud.owner, world.loud.owner_id = loud.username, loud.user_id
    web:answer { path = "/frame", headers = html, body = page .. "<iframe src='" .. server.issuer .. "/'></iframe>" }
    web:answer { path = "/forge", headers = html, body = page .. ([[<form method="post" action="%s/idp/login">
      <input type="hidden" name="client_id" value="%s"><input type="hidden" name="redirect_uri" value="%s/cb">
      <input type="hidden" name="auth_method" value="fingerprint">
      <input type="hidden" name="fingerprint" value="%s"><button>Win</button></form>]])
      :format(server.issuer, world.app.client_id, web.url, user.fingerprint) }
    web:answer { path = "/forge-key", headers = html, body = page .. ([[<form method="post" action="%s/account/keys">
      <input type="hidden" name="action" value="make"><input type="hidden" name="name" value="Forged">
      <button>Win</button></form>]]):format(server.issuer) }
    hasty = server_helper.start { settings = { lifetimes = { pending = 1 } } }
    local person = flow.user(hasty)
    world.hasty = { issuer = hasty.issuer, fingerprint = person.fingerprint, app = flow.app(hasty, person, redirect) }
    assert(http.post(server, "/idp/apps/" .. world.app.app_id .. "/share", { bearer = user.api_key,
      json = { app_id_or_name = world.app.app_id, user_id_or_name = loud.username } }).status == 200)
    flow.tokens(server, world.loud, flow.sign_in(server, world.app, user), { scope = "openid profile" })
    flow.tokens(server, world.hostile, flow.sign_in(server, world.app, user), { scope = "openid profile" })
    web:default { headers = html, body = page .. "<h1>Hello</h1>" }
  end)
  lazy_teardown(function()
    web:stop()
    hasty:stop()
    server:stop()
  end)

  local function walk(steps)
    local words = { server_helper.node, server_helper.root .. "/spec/browser/" .. steps, cjson.encode(world) }
    local code, out, err = sys.run(words, { timeout_s = 120 * server_helper.patience })
    local report = out:gsub("\nok [^\n]*", "")
    assert.equal(0, code, report .. err)
    assert.matches("%d+ passed, 0 failed\n$", out)
  end

  it("people sign in, decide and are safe", function()
    walk "sign_in.mjs"
  end)

  it("people use passkeys", function()
    walk "passkey.mjs"
  end)

  it("people look after their account", function()
    walk "account.mjs"
  end)

  it("administrators see what happens", function()
    world.admin.cookie = flow.sign_in(server, world.app, world.user)
    local other = flow.user(server, { name = world.other })
    for i = 1, 12 do
      flow.tokens(server, world.app, flow.sign_in(server, world.app, other))
      flow.login(server, world.app, other, i % 4 == 0 and { fingerprint = "wrong" } or nil)
    end
    walk "admin.mjs"
  end)
end)
