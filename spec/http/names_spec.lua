-- Names that people tell apart by eye (contract §5), and what others wrote in every place where it is kept or printed.
local cli = require "helpers.cli"
local flow = require "helpers.flow"
local http = require "helpers.http"
local server_helper = require "helpers.server"
local shape = require "helpers.shape"

local FILLER = "\u{3164}" -- a letter that is blank

describe("Names", function()
  local server, world, admin
  lazy_setup(function()
    server = server_helper.start()
    world = flow.world(server)
    admin = flow.user(server, { roles = { "admin" } })
  end)
  lazy_teardown(function()
    server:stop()
  end)

  local function make(name, user, more)
    local body = { name = name, redirect_uris = { flow.REDIRECT } }
    for field, value in pairs(more or {}) do
      body[field] = value
    end
    return http.post(server, "/idp/apps", { json = body, bearer = (user or world.user).api_key })
  end

  local function change(app, fields, user)
    return http.request(server, "PATCH", "/idp/apps/" .. app.app_id,
      { json = fields, bearer = (user or world.user).api_key })
  end

  local function made(...)
    local answer = make(...)
    shape.ok(answer)
    return answer.json
  end

  local function account(path, form)
    local page = http.get(server, "/account", { cookie = world.cookie })
    form.csrf_token = page.body:match('name="csrf%-token" content="([^"]+)"')
    return http.post(server, path, { form = form, cookie = world.cookie })
  end

  local function form_of(app, over)
    local form = { action = "save", name = app.name, redirect_uris = flow.REDIRECT, refresh_token_lifetime_days = "30",
      grant_types = "authorization_code" }
    for field, value in pairs(over) do
      form[field] = value
    end
    return form
  end

  local function refused(...)
    cli.refused(server.state, ...)
  end

  it("have nothing in them that cannot be seen, and one form", function()
    local app = made("Plain name")
    for _, name in ipairs { FILLER:rep(3), "Weather" .. FILLER, "Wea\u{200b}ther", "Wea\u{ad}ther", "Wea\u{202e}ther",
      "Weather\u{fe0f}", "Weather\u{e0100}", "\u{301}\u{302}\u{303}", "Wea\u{115f}ther", "Wea\u{ffa0}ther", " Weather",
      "Weather ", "Wea  ther", "Wea\u{3000} ther", "Wea\tther", "Wea\u{85}ther", "Wea<ther", "---", "... ..." } do
      shape.invalid(make(name), { { "body", "name", "string_pattern" } })
      shape.invalid(change(app, { name = name }), { { "body", "name", "string_pattern" } })
    end
    shape.invalid(make(("\u{fdfa}"):rep(64)), { { "body", "name", "string_pattern" } })
    assert.equal("Caf\u{e9} One", made("Cafe\u{301} One").name)
    assert.equal("Wide name", made("\u{ff37}ide name").name)
    shape.detail(make("Caf\u{e9} one"), 409)
    for _, name in ipairs { "\u{5929}\u{6c17} App", "\u{41f}\u{43e}\u{433}\u{43e}\u{434}\u{430} API",
      "\u{5de}\u{5d6}\u{5d2} \u{5d0}\u{5d5}\u{5d9}\u{5e8}", "\u{939}\u{93f}\u{928}\u{94d}\u{926}\u{940}" } do
      assert.equal(name, made(name).name)
    end
  end)

  it("are not what another's looks like, and mix no scripts within a word", function()
    local app = made("Paypal")
    for _, name in ipairs { "Paypa1", "PayPaI", "Pay pal", "Paypal.", "-Pay_Pa1-", "P\u{443}\u{440}",
      "\u{420}\u{430}\u{443}\u{440}\u{430}\u{406}" } do
      local answer = make(name)
      if name ~= "P\u{443}\u{440}" then
        assert.equal(409, answer.status, name .. ": " .. answer.body)
        assert.equal("An app has a name that looks like this one.", answer.json.detail)
      else
        shape.invalid(answer, { { "body", "name", "string_pattern" } })
      end
    end
    assert.equal("An app with this name exists already.", make("PAYPAL").json.detail)
    local other = made("Quite another")
    shape.detail(change(other, { name = "Paypa1" }), 409)
    shape.ok(change(app, { name = "PayPal" }))
    shape.ok(change(app, { name = "PayPal", description = "as before" }))
    refused("looks like this one", "app", "create", "Paypa1", "--owner", world.user.username, "--redirect-uri",
      flow.REDIRECT)
    refused("looks like this one", "app", "change", other.app_id, "--name", "Paypa1")
    local page = account("/account/apps/" .. other.app_id, form_of(other, { name = "PayPa1" }))
    assert.equal(409, page.status)
    assert.matches("looks like this one", page.body)
    shape.ok(http.request(server, "DELETE", "/idp/apps/" .. app.app_id, { bearer = world.user.api_key }))
    assert.equal("Paypa1", made("Paypa1").name)
  end)

  it("of clients that register themselves get a number when they look like another's", function()
    made("Look at me")
    local function register(name)
      return http.post(server, "/idp/register", { bearer = world.user.api_key,
        json = { client_name = name, redirect_uris = { flow.REDIRECT } } })
    end
    local answer = register("L00k at me")
    assert.equal(201, answer.status, answer.body)
    assert.equal("L00k at me 2", answer.json.client_name)
    shape.oauth_error(register("Look\u{200b} at me"), 400, "invalid_client_metadata")
  end)

  it("that look like the brand are the operator's to give", function()
    for _, name in ipairs { "Moonlatch", "Moonlatch Support", "moon-latch help", "M00nlatch", "The rnoonlatch team" } do
      local answer = make(name)
      shape.detail(answer, 403)
      assert.matches("looks like this service", answer.json.detail)
    end
    local app = made("Moonlight")
    shape.detail(change(app, { name = "Moonlatch Support" }), 403)
    local owned = made("Moonlatch Support", admin)
    shape.ok(change(owned, { name = "Moonlatch Help" }, admin))
    -- At the command line it is the operator who speaks; the owner may then change all but the name.
    local given = cli.ask(server.state, "app", "create", "Moonlatch Shop", "--owner", world.user.username,
      "--redirect-uri", flow.REDIRECT)
    local page = account("/account/apps/" .. given.app_id, form_of(given, { description = "Sells latches." }))
    assert.equal(303, page.status, page.body)
    assert.equal("Sells latches.", cli.ask(server.state, "app", "show", given.app_id).description)
    shape.detail(change(given, { name = "Moonlatch Bank" }), 403)
  end)

  it("of the brand are those of the settings", function()
    local acme = server_helper.start { settings = { branding = { name = "Acme" } } }
    local user = flow.user(acme)
    local function status(name)
      return http.post(acme, "/idp/apps", { json = { name = name, redirect_uris = { flow.REDIRECT } },
        bearer = user.api_key }).status
    end
    assert.same({ 403, 403, 200 },
      { status("Acme login"), status("\u{410}\u{421}\u{41c}\u{415}"), status("Moonlatch") })
    acme:stop()
  end)

  it("of users are told apart by eye, too, and found in any form", function()
    refused("letters, digits", "user", "create", "ali" .. FILLER .. "ce")
    refused("letters, digits", "user", "create", "ali\u{202e}ce")
    refused("letters, digits", "user", "create", "...")
    refused("mix the letters", "user", "create", "\u{430}lice")
    cli.ask(server.state, "user", "create", "scope1")
    refused("looks like", "user", "create", "\u{455}\u{441}\u{43e}\u{440}\u{435}1")
    cli.ask(server.state, "user", "create", "arne")
    assert.equal("ame", cli.ask(server.state, "user", "create", "ame").username)
    assert.equal("jos\u{e9}", cli.ask(server.state, "user", "create", "jose\u{301}").username)
    for _, name in ipairs { "jose\u{301}", "jos\u{e9}", "JOS\u{c9}" } do
      assert.equal("jos\u{e9}", cli.ask(server.state, "user", "show", name).username)
    end
    refused("taken", "user", "create", "JOSE\u{301}")
  end)

  it("of one's keys can be seen, at least", function()
    for _, name in ipairs { "a\27[31m", "a\u{9b}31m", "a\tb", "a\u{202e}b", FILLER, "\u{200b}" } do
      assert.equal(400, account("/account/keys", { action = "make", name = name }).status, name)
      refused("cannot be seen", "key", "create", world.user.username, "--name", name)
    end
    assert.equal(200, account("/account/keys", { action = "make", name = "\u{1f469}\u{200d}\u{1f4bb} laptop" }).status)
  end)
end)

describe("What others wrote", function()
  local server, world
  flow.in_world(function(...)
    server, world = ...
  end)

  local function describe_app(description)
    return http.request(server, "PATCH", "/idp/apps/" .. world.app.app_id,
      { json = { description = description }, bearer = world.user.api_key })
  end

  it("has no control characters where it is kept, and no runs of empty lines", function()
    for _, text in ipairs { "a\27[31mRED\27]0;owned\7", "a\u{9b}31m", "a\127", "a\tb", "a\rb", "a\u{85}b" } do
      shape.invalid(describe_app(text), { { "body", "description", "string_pattern" } })
    end
    local kept = describe_app("One.\r\n\r\n \n\nTwo.  \n" .. ("\n"):rep(60) .. "x\n")
    shape.ok(kept)
    assert.equal("One.\nTwo.\nx", kept.json.description)
    shape.invalid(http.post(server, "/idp/apps", { bearer = world.user.api_key,
      json = { name = "Controls", redirect_uris = { "https://a.example/\27" }, allowed_scopes = { "a\7" } } }),
      { { "body", "redirect_uris", 0, "string_pattern" }, { "body", "allowed_scopes", 0, "string_pattern" } })
  end)

  it("neither ends a line nor turns a terminal, in lists, in JSON and in messages", function()
    shape.ok(describe_app("a\nb\u{202e}c\u{2028}d"))
    local code, out = cli.run(server.state, "app", "list")
    assert.equal(0, code)
    assert.equal(1, select(2, out:gsub("\n", "\n")))
    assert.is_truthy(out:find("a\\x0ab\\u{202e}c\\u{2028}d\t", 1, true), out)
    code, out = cli.run(server.state, "app", "show", world.app.app_id)
    assert.equal(0, code)
    assert.is_truthy(out:find("description: a\\x0ab\\u{202e}c\\u{2028}d\n", 1, true), out)
    code, out = cli.run(server.state, "app", "show", world.app.app_id, "--json")
    assert.equal(0, code)
    assert.is_truthy(out:find([["a\u000ab\u202ec\u2028d"]], 1, true), out)
    local _, _, err = cli.run(server.state, "user", "show", "a\27[31m\u{9b}m")
    assert.equal("moonlatch: There is no user a\\x1b[31m\\u{9b}m.\n", err)
    for _, word in ipairs { "", "--" } do
      _, _, err = cli.run(server.state, "user", "list", word .. "a\27[31m\u{9b}m")
      assert.matches("^moonlatch: un%w+ %w+: " .. word:gsub("-", "%%-") .. "a\\x1b%[31m\\u{9b}m\nusage:", err)
    end
  end)

  it("is in no error_description but as RFC 6749 has it", function()
    local strict = server_helper.start { policies = { ["consent_spec.lua"] = "", ["consent.lua"] = [[
      return {
        decide = function() return "deny", 'F\u{fc}r "dich" \\ \u{202e}nicht.' end,
        page = function() return { title = "", groups = {} } end,
      }
    ]] } }
    local there = flow.world(strict)
    local answer = flow.authorize(strict, there.app, {}, { cookie = there.cookie })
    shape.error_redirect(answer, 302, flow.request(there.app), "access_denied", strict.issuer)
    local _, params = answer:location()
    assert.equal("F?r 'dich' / ?nicht.", params.error_description)
    strict:stop()
  end)
end)
