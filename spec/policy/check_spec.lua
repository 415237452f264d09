-- moonlatch policy check: what it finds before a server, and a user of it, would; and what it lets be.
local cjson = require "cjson.safe"

local cli = require "helpers.cli"
local server_helper = require "helpers.server"
local sys = require "helpers.sys"

describe("policy check", function()
  local directory, state
  before_each(function()
    directory, state = server_helper.policies {}, sys.directory()
  end)
  after_each(function()
    sys.run { "rm", "-r", directory, state }
  end)

  -- Puts a text in the place of another; returns the line where it begins.
  local function replace(name, old, new)
    local text = sys.read_file(directory .. "/" .. name)
    local at, to = text:find(old, 1, true)
    sys.write_file(directory .. "/" .. name, text:sub(1, assert(at, old) - 1) .. new .. text:sub(to + 1))
    return select(2, text:sub(1, at):gsub("\n", "")) + 1
  end

  local function check(...)
    return cli.run(state, "policy", "check", directory, ...)
  end

  -- As lines, each a pattern; "%%d" in it is the line number that replace has returned.
  local function refuses(line, ...)
    local code, out, err = check()
    assert.same({ 1, "" }, { code, out })
    local at = 0
    for found in err:gmatch("[^\n]+") do
      at = at + 1
      assert.matches("^" .. assert((select(at, ...)), err):gsub("LINE", tostring(line)), found)
    end
    assert.equal(select("#", ...), at, err)
  end

  local function takes(note)
    local code, out, err = check("--json")
    assert.equal(0, code, err)
    assert.is_true(cjson.decode(out).ok)
    if note then
      assert.matches("^note: " .. note, err)
    else
      assert.equal("", err)
    end
  end

  it("takes what is shipped, without a word", function()
    takes()
  end)

  describe("of facts", function()
    local IN_USERINFO = "local function userinfo(facts)\n"

    it("refuses one that there is not, and tells those that there are", function()
      local line = replace("claims.lua", IN_USERINFO, IN_USERINFO .. "if facts.user.rolls then return nil end\n")
      refuses(line + 1, "policies/claims.lua:LINE: there is no fact facts.user.rolls "
        .. "%(known: user_id, username, hotkey, roles, created_at, sign_in%)$")
    end)

    it("refuses one at the top likewise, whoever catches the error", function()
      local line = replace("claims.lua", IN_USERINFO, IN_USERINFO .. "pcall(function() return facts.usr.roles end)\n")
      refuses(line + 1,
        "policies/claims.lua:LINE: there is no fact facts.usr %(known: now, request, user, app, claims, scopes%)$",
        "policies/claims.lua:LINE: there is no fact facts.usr .*owner") -- id_token calls it
    end)

    it("refuses one that is for other functions", function()
      local line = replace("claims.lua", IN_USERINFO, IN_USERINFO .. "local _ = facts.app.name\n")
      refuses(line + 1,
        "policies/claims.lua:LINE: claims.userinfo is not told facts.app.name %(known: app_id, client_id%)$")
    end)

    it("refuses one inside of another, where it is not always there", function()
      local line = replace("consent.lua", "local function decide(facts)\n",
        "local function decide(facts)\n  local _ = facts.previous and facts.previous.scops\n")
      replace("apps.lua", "local function may_edit(facts)\n",
        "local function may_edit(facts)\n  local _ = facts.before.nmae\n")
      refuses(line + 1, "policies/consent.lua:LINE: .*facts.previous.scops %(known: scopes, created_at, updated_at%)$",
        "policies/apps.lua:%d+: there is no fact facts.before.nmae %(known: app_id, .*shares%)$")
    end)

    it("takes one that is nil today", function()
      replace("claims.lua", IN_USERINFO,
        IN_USERINFO .. "local _ = facts.user.hotkey or facts.request.country or facts.claims\n")
      takes()
    end)
  end)

  describe("of decisions", function()
    it("refuses a field that there is not, and tells those that there are", function()
      replace("apps.lua", "    limit_max = 100,\n", "    limit_max = 100,\n    only = { 'x' },\n")
      refuses(0, "policies/apps.lua:%d+: apps.listing: its result.only is not known here "
        .. "%(known: own, public, .*public_before%)$")
    end)

    it("refuses another shape", function()
      replace("login.lua", "local function allow(_)\n", "local function allow(_)\n  do return { allow = true } end\n")
      refuses(0, "policies/login.lua:%d+: login.allow: its result must be true or false, and is a table with names$")
    end)

    it("refuses one that is only wrong for some", function()
      local line = replace("login.lua", "local function allow(_)\n", "local function allow(facts)\n"
        .. "  if facts.user.roles[1] == 'admin' then return 'yes' end\n")
      refuses(line, "policies/login.lua:LINE: login.allow: its result must be true or false, and is a text$")
    end)

    it("refuses what takes longer than a server waits", function()
      local line = replace("quotas.lua", "local function limits(_)\n",
        "local function limits(_)\n  while true do end\n")
      refuses(line + 1, "policies/quotas.lua:LINE: took longer than 20 ms %(quotas.limits: ")
    end)
  end)

  describe("of errors", function()
    local IN_LIFETIMES = "local function lifetimes(facts)\n"
    before_each(function()
      sys.write_file(directory .. "/tokens.lua",
        IN_LIFETIMES .. "  return { access = 60, refresh = 86400, id = 60 }\nend\nreturn { lifetimes = lifetimes }\n")
    end)

    it("refuses a function that decides nothing", function()
      local line = replace("tokens.lua", IN_LIFETIMES, IN_LIFETIMES .. "  local _ = facts.app.name.x.y\n")
      refuses(line + 1, "policies/tokens.lua:LINE: there is no .x. here %(tokens.lifetimes: a first sign%-in%)$",
        "policies/tokens.lua:LINE: .*every fact is there%)$", "policies/tokens.lua:LINE: .*no user agent%)$",
        "policies/tokens.lua:LINE: .*there is no user%)$")
    end)

    it("notes those that come of some facts, and takes the policy", function()
      local line = replace("tokens.lua", IN_LIFETIMES, IN_LIFETIMES .. "  assert(facts.user, 'not for machines')\n")
      takes(("policies/tokens.lua:%d: not for machines %%(tokens.lifetimes: there is no user%%)\n$"):format(line + 1))
    end)

    it("takes one that is for one kind of user alone", function()
      replace("tokens.lua", IN_LIFETIMES,
        IN_LIFETIMES .. "  assert(facts.user and facts.user.hotkey, 'only wallets')\n")
      takes("policies/tokens.lua:2: only wallets")
    end)
  end)

  describe("of scopes", function()
    it("refuses a default that there is not", function()
      local line = replace("scopes.lua", 'default = { "profile" }', 'default = { "profil" }')
      refuses(line, "policies/scopes.lua:LINE: scopes.default: there is no scope profil$")
    end)

    it("takes a default of a family", function()
      replace("scopes.lua", 'default = { "profile" }', 'default = { "profile", "chutes:7f3a:read" }')
      takes()
    end)

    it("refuses one that the catalog has twice", function()
      replace("scopes.lua", "local catalog = {",
        "local catalog = {\n  { name = 'openid', description = 'Other words' },")
      refuses(0, "policies/scopes.lua:%d+: scopes.catalog: there is twice openid$")
    end)

    it("refuses an error about any of them", function()
      replace("scopes.lua", "local function describe(name)\n",
        "local function describe(name)\n  assert(name ~= 'usage')\n")
      local code, _, err = check()
      assert.equal(1, code)
      assert.matches("policies/scopes.lua:%d+: assertion failed! %(scopes.describe: usage%)", err)
    end)
  end)

  describe("of settings", function()
    it("refuses those of its directory with which no server would start", function()
      sys.write_file(directory .. "/settings.lua", "return { lifetimes = { code = 86400 } }")
      refuses(0, "the setting lifetimes.code must be a whole number from 1 to 60")
    end)

    it("judges with those of its directory", function()
      replace("quotas.lua", "local function limits(_)\n",
        "local function limits(_)\n  local t = {} for i = 1, 1200 do t[i] = {} for j = 1, 600 do t[i][j] = j end end\n")
      assert.equal(1, (check()))
      sys.write_file(directory .. "/settings.lua",
        "return { limits = { policy_call_ms = 10000, policy_memory_bytes = 128 * 1024 * 1024 } }")
      takes()
    end)
  end)

  describe("of templates", function()
    local templates
    before_each(function()
      templates = sys.directory()
    end)
    after_each(function()
      sys.run { "rm", "-r", templates }
    end)

    local function refused(why, ...)
      local code, out, err = check(...)
      assert.same({ 1, "" }, { code, out })
      assert.matches(why, err)
    end

    it("refuses a broken page or text, and takes a good one", function()
      assert.equal(0, (check("--templates", templates)))
      sys.write_file(templates .. "/home.html", "<p>\n{{#open}}</p>\n")
      refused("home.html:2: ", "--templates", templates)
      sys.write_file(templates .. "/home.html", "<p>{{version}}</p>\n")
      assert.equal(0, (check("--templates", templates)))
      sys.run { "mkdir", templates .. "/texts" }
      sys.write_file(templates .. "/texts/fr.lua", 'return {\n["Sign in"] = 1 }')
      refused("texts/fr.lua:%d+: ", "--templates", templates)
    end)

    it("refuses a directory that there is not", function()
      refused("nowhere", "--templates", "/nowhere")
    end)

    it("takes them from the settings that it checks", function()
      sys.write_file(templates .. "/home.html", "<p>\n{{#open}}</p>\n")
      sys.write_file(directory .. "/settings.lua", ("return { templates = %q }"):format(templates))
      refused("home.html:2: ")
      sys.write_file(directory .. "/settings.lua", "return { branding = { accent = 'red' } }")
      refused("branding: a colour is")
    end)

    it("tells what is wrong with them beside what is wrong with a policy", function()
      sys.write_file(templates .. "/home.html", "{{#open}}")
      replace("scopes.lua", 'default = { "profile" }', 'default = { "profil" }')
      refused("no scope profil\n.*home.html:1: ", "--templates", templates)
    end)
  end)
end)
