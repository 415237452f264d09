-- The operator's pages: single files over the shipped ones, a brand, languages; and the last good ones that go on.
local cli = require "helpers.cli"
local flow = require "helpers.flow"
local http = require "helpers.http"
local server_helper = require "helpers.server"
local shape = require "helpers.shape"
local sys = require "helpers.sys"

describe("The operator's pages", function()
  local server, directory, world
  local function write(name, text)
    sys.write_file(directory .. "/" .. name, text)
  end

  lazy_setup(function()
    directory = sys.directory()
    sys.run { "mkdir", directory .. "/assets", directory .. "/texts" }
    write("error.html", "{{<layout}}<main>Ours: {{~message}}</main>{{/layout}}")
    write("assets/mark.svg", "<svg/>")
    write("texts/en.lua", 'return { ["Sign in"] = "Log in" }')
    write("texts/de.lua", 'return { ["Sign in"] = "Einloggen" }')
    write("texts/fr.lua", 'return { ["Sign in"] = "Se <connecter>" }')
    server = server_helper.start {
      args = { "--templates", directory },
      settings = { branding = { name = "Ac<me", logo = "/assets/mark.svg", accent = "#0a7d4f" } },
    }
    world = flow.world(server)
  end)
  lazy_teardown(function()
    server:stop()
  end)

  local function login(language)
    local answer = flow.authorize(server, world.app, nil, { headers = { ["accept-language"] = language } })
    shape.page(answer, 200)
    return answer.body, answer
  end

  local function reload()
    return (cli.run(server.state, "policy", "reload"))
  end

  it("a file of theirs stands in for the shipped one of that name, the others stay", function()
    assert.matches("Your fingerprint", login "en")
    assert.equal("<svg/>", http.get(server, "/assets/mark.svg").body)
    assert.matches("Ours: Not found", http.get(server, "/demo").body)
    assert.matches("addEventListener", http.get(server, "/assets/wallet.js").body)
  end)

  it("carry the brand: name, logo and colours, without a style in the page", function()
    local body = login "en"
    assert.matches("<span>Ac&lt;me</span>", body)
    assert.matches('src="/assets/mark.svg"', body)
    assert.is_nil(body:find("style=", 1, true))
    local style = http.get(server, body:match('href="(/assets/style.css[^"]*)"')).body
    assert.matches("%-%-accent: #0a7d4f;", style)
    assert.matches("%-%-on%-accent: #ffffff;", style)
  end)

  it("speak the language that the browser wants most", function()
    for wanted, word in pairs {
      ["de"] = "Einloggen", ["de-AT,en;q=0.5"] = "Einloggen", ["en;q=0.5,de;q=0.9"] = "Einloggen",
      ["fr"] = "Se &lt;connecter&gt;", ["xx"] = "Log in", ["*"] = "Log in", [""] = "Log in",
      ["de;q=0,fr;q=0.1"] = "Se ",
      ["en-GB"] = "Log in", ["DE"] = "Einloggen", [",;q=,de;q=x,"] = "Log in",
    } do
      assert.is_truthy(login(wanted):find(word, 1, true), wanted)
    end
    local body, answer = login "de-CH"
    assert.matches('<html lang="de">', body)
    assert.equal("de", answer.headers["content-language"])
    assert.matches("accept%-language", answer.headers.vary)
    assert.matches("Dein Fingerprint", body) -- theirs is laid over the shipped table
    assert.matches("Dieser Fingerprint stimmt nicht", http.post(server, "/idp/login", {
      headers = { ["accept-language"] = "de" },
      form = flow.request(world.app, { response_type = false, auth_method = "fingerprint", fingerprint = "x" }),
    }).body)
  end)

  it("put policies and errors into it, too", function()
    local id = flow.session_id(server, world.app, world.cookie, { scope = "openid" })
    local page = http.get(server, "/idp/authorize/consent?session_id=" .. id,
      { cookie = world.cookie, headers = { ["accept-language"] = "de" } }).body
    for _, words in ipairs { "Wissen, wer du bist", "Dich anmelden", "Erlauben", "1 Stunde; ohne" } do
      assert.is_truthy(page:find(words, 1, true), words)
    end
    local refused = flow.authorize(server, { client_id = "cid_x", redirect_uris = { "https://x.example/" } }, nil,
      { headers = { ["accept-language"] = "de" } })
    assert.matches("Keine App hat diese client_id", refused.body)
  end)

  it("that are broken change nothing: the last good ones go on", function()
    for _, case in ipairs {
      { "login.html", "<p>\n{{#x}}", "login.html:2: " },
      { "login.html", '<a href="{{_Sign in}}">x</a>', "login.html:1: a phrase is no URL" },
      { "texts/fr.lua", "return {\n  x = = 1 }", "texts/fr.lua:2: " },
      { "texts/fr.lua", "return { x = 1 }", "these words are no text: x" },
      { "texts/fr.lua", "while true do end", "texts/fr.lua:1: took longer than" },
      { "texts/fr.lua", "return os.getenv 'HOME'", "texts/fr.lua:1: " },
    } do
      local before = io.open(directory .. "/" .. case[1])
      local kept = before and before:read("*a")
      write(case[1], case[2])
      assert.equal(1, reload())
      local why = http.get(server, "/metrics").body:match('moonlatch_reload_error_info{message="(.-)"} 1\n')
      assert.is_truthy(why and why:find(case[3], 1, true), tostring(why))
      assert.matches("Einloggen", login "de")
      if kept then
        write(case[1], kept)
      else
        os.remove(directory .. "/" .. case[1])
      end
    end
    write("texts/fr.lua", 'return { ["Sign in"] = "Entrer" }')
    assert.equal(0, reload())
    assert.matches("Entrer", login "fr")
  end)

  it("a colour that is none stops the start", function()
    local broken = server_helper.launch { settings = { branding = { accent = "red;}" } } }
    local code, said = broken:refusal()
    assert.equal(1, code)
    assert.matches("a colour is", said)
  end)

  it("every phrase of templates, scopes and consent has German words", function()
    local german = dofile(server_helper.root .. "/templates/texts/de.lua")
    local _, files = sys.run { "sh", "-c", "cat " .. server_helper.root .. "/templates/*.html" }
    local missing = {}
    for phrase in files:gmatch("{{_(.-)}}") do
      if not german[phrase] then
        missing[#missing + 1] = phrase
      end
    end
    for _, scope in ipairs(http.get(server, "/idp/scopes").json.scopes) do
      if not german[scope.description] then
        missing[#missing + 1] = scope.description
      end
    end
    assert.same({}, missing)
  end)
end)
