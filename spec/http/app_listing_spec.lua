local flow = require "helpers.flow"
local http = require "helpers.http"
local server_helper = require "helpers.server"
local shape = require "helpers.shape"

describe("GET /idp/apps", function()
  local server, alice, bob, admin
  local apps = {}

  local function list(user, query)
    local answer = http.get(server, "/idp/apps?" .. http.form(query or {}), { bearer = user.api_key })
    shape.ok(answer)
    shape.no_store(answer)
    return answer.json
  end

  local function names(user, query)
    local found = {}
    for i, app in ipairs(list(user, query).items) do
      found[i] = app.name
    end
    return found
  end

  -- One after another, so that the order of making is known.
  lazy_setup(function()
    server = server_helper.start()
    alice = flow.user(server, { name = "alice" })
    bob = flow.user(server, { name = "bob" })
    admin = flow.user(server, { name = "root", roles = { "billing_admin" } })
    local function make(key, owner, fields)
      apps[key] = flow.app(server, owner, fields)
    end
    make("open", alice, { name = "Open door", description = "100% of a_b \"quoted\" ÄÖÜ" })
    make("hidden", alice, { name = "Hidden door", public = false, homepage_url = "https://door.example/Strasse" })
    make("other", bob, { name = "Another one", description = "quite secret tool" })
    make("private", bob, { name = "Bob private", public = false })
    make("off", bob, { name = "Switched off" })
    http.request(server, "PATCH", "/idp/apps/" .. apps.off.app_id, { json = { active = false }, bearer = bob.api_key })
    shape.ok(http.post(server, "/idp/apps/" .. apps.private.app_id .. "/share",
      { json = { user_id_or_name = "alice" }, bearer = bob.api_key }))
  end)
  lazy_teardown(function()
    server:stop()
  end)

  it("lists own, public and shared apps, active only, the newest first", function()
    local answer = list(alice)
    assert.same({ 4, 0, 25 }, { answer.total, answer.page, answer.limit })
    assert.same({ "Bob private", "Another one", "Hidden door", "Open door" }, names(alice))
    assert.same({ "Bob private", "Another one", "Open door" }, names(bob))
    assert.equal(apps.open.app_id, answer.items[4].app_id)
    assert.is_nil(answer.items[4].client_secret)
    assert.is_nil(answer.items[4].secret_hash)
  end)

  it("leaves out public and shared ones when asked", function()
    assert.same({ "Bob private", "Hidden door", "Open door" }, names(alice, { include_public = "false" }))
    assert.same({ "Another one", "Hidden door", "Open door" }, names(alice, { include_shared = "0" }))
    assert.same({ "Hidden door", "Open door" }, names(alice, { include_public = "false", include_shared = "false" }))
    assert.equal(2, list(alice, { include_public = "false", include_shared = "false" }).total)
  end)

  it("gives pages", function()
    local first = list(alice, { limit = 3 })
    assert.same({ 4, 3 }, { first.total, #first.items })
    local second = list(alice, { limit = 3, page = 1 })
    assert.same({ 4, 1, 1 }, { second.total, second.page, #second.items })
    assert.equal("Open door", second.items[1].name)
    local beyond = list(alice, { page = 2147483647 })
    assert.same({ 4, 0 }, { beyond.total, #beyond.items })
  end)

  it("orders by name and by number of users", function()
    assert.same({ "Another one", "Bob private", "Hidden door", "Open door" }, names(alice, { order = "name" }))
    local cookie = flow.sign_in(server, apps.open, bob)
    flow.tokens(server, apps.open, cookie)
    flow.tokens(server, apps.open, cookie) -- the same user again is one user
    local other = flow.sign_in(server, apps.other, alice)
    flow.tokens(server, apps.other, other)
    flow.tokens(server, apps.other, flow.sign_in(server, apps.other, admin))
    assert.same({ "Another one", "Open door" },
      names(admin, { order = "popular", include_shared = "false", search = "o" }))
    assert.same({ "Another one", "Open door", "Bob private", "Hidden door" }, names(alice, { order = "popular" }))
  end)

  it("searches name, description and homepage, regardless of case", function()
    assert.same({ "Hidden door", "Open door" }, names(alice, { search = "DOOR" }))
    assert.same({ "Open door" }, names(alice, { search = "äöü" }))
    assert.same({ "Another one" }, names(alice, { search = "secret TOOL" }))
    assert.same({ "Hidden door" }, names(alice, { search = "door.example" }))
    assert.same({}, names(bob, { search = "hidden" }))
    assert.same({ "Another one" }, names(bob, { search = "another" }))
    assert.equal(2, list(alice, { search = "door", limit = 1 }).total)
    local behind = list(alice, { search = "door", limit = 1, page = 7 })
    assert.same({ 2, 0 }, { behind.total, #behind.items })
  end)

  it("takes every character of a search as itself", function()
    assert.same({ "Open door" }, names(alice, { search = "100%" }))
    assert.same({ "Open door" }, names(alice, { search = "%" }))
    assert.same({ "Open door" }, names(alice, { search = "a_b" }))
    assert.same({}, names(alice, { search = "a%b" }))
    assert.same({}, names(alice, { search = "O_en" }))
    assert.same({ "Open door" }, names(alice, { search = "\"quoted\"" }))
    for _, text in ipairs { "* OR name", "') --", "NEAR(a b)", "\"", "\"\"\"", "-door", "name:door", "\\" } do
      assert.same({}, names(admin, { search = text .. "zzz" }))
    end
  end)

  it("short searches work, too", function()
    assert.same({ "Another one", "Open door" }, names(bob, { search = "q", include_shared = "false" }))
    assert.same({ "Hidden door", "Open door" }, names(alice, { search = "oo", include_public = "false",
      include_shared = "false" }))
  end)

  it("shows another user's apps to a billing_admin", function()
    assert.same({ "Hidden door", "Open door" }, names(alice, { user_id = "me" }))
    assert.same({ "Hidden door", "Open door" }, names(alice, { user_id = alice.user_id }))
    assert.same({ "Hidden door", "Open door" }, names(admin, { user_id = alice.user_id }))
    assert.same({ "Hidden door" }, names(admin, { user_id = alice.user_id, search = "hidden" }))
    local answer = http.get(server, "/idp/apps?user_id=" .. alice.user_id, { bearer = bob.api_key })
    shape.detail(answer, 403)
  end)

  it("refuses what it cannot read, every field in one answer", function()
    local answer = http.get(server, "/idp/apps?" .. http.form {
      page = "-1", limit = "0", include_public = "maybe", include_shared = "2", order = "random",
      search = ("x"):rep(101),
    }, { bearer = alice.api_key })
    shape.invalid(answer, {
      { "query", "page", "int_range" }, { "query", "limit", "int_range" },
      { "query", "include_public", "bool_parsing" },
      { "query", "include_shared", "bool_parsing" }, { "query", "order", "string_pattern" },
      { "query", "search", "string_too_long" },
    })
    local most = http.get(server, "/idp/apps?limit=1000", { bearer = alice.api_key })
    shape.ok(most)
    assert.equal(100, most.json.limit)
    shape.invalid(http.get(server, "/idp/apps?page=99999999999", { bearer = alice.api_key }),
      { { "query", "page", "int_range" } })
    for _, limit in ipairs { "1.5", "1e3", "ten", "0x10", ("9"):rep(30), " 5" } do
      shape.invalid(http.get(server, "/idp/apps?" .. http.form { limit = limit }, { bearer = alice.api_key }),
        { { "query", "limit", "int_parsing" } })
    end
    shape.detail(http.get(server, "/idp/apps"), 401)
  end)
end)

describe("The listing policy", function()
  local function with(text)
    local server = server_helper.start { policies = { ["apps.lua"] = [[
      return {
        may_create = function() return true end,
        redirect_uri = function() return true end,
        ]] .. text .. [[ }
    ]] } }
    local user = flow.user(server)
    flow.app(server, user, { name = "Public one" })
    flow.app(server, user, { name = "Private one", public = false })
    local viewer = flow.user(server, { roles = { "auditor" } })
    local answer = http.get(server, "/idp/apps", { bearer = viewer.api_key })
    server:stop()
    return answer
  end

  it("may show everything to whom it likes", function()
    local answer = with [[ listing = function(facts)
      for _, role in ipairs(facts.user.roles) do
        if role == "auditor" then return { all = true, order = "name", limit_max = 1 } end
      end
      return {}
    end ]]
    shape.ok(answer)
    assert.same({ 2, 1, "Private one" }, { answer.json.total, answer.json.limit, answer.json.items[1].name })
  end)

  it("may show nothing", function()
    local answer = with "listing = function() return {} end"
    shape.ok(answer)
    assert.same({ total = 0, page = 0, limit = 25, items = {} }, answer.json)
  end)

  it("decides which fields are seen", function()
    local answer = with [[ present = function(app, facts)
      if app.user_id ~= facts.user.user_id then return { app_id = app.app_id, name = app.name, by = "x" } end
      return app
    end ]]
    shape.ok(answer)
    local item = answer.json.items[1]
    assert.same({ "Public one", "x" }, { item.name, item.by })
    assert.is_nil(item.redirect_uris)
    assert.is_nil(item.client_id)
  end)

  it("denies when it fails", function()
    shape.detail(with "listing = function() error('no') end", 500)
    shape.detail(with "listing = function() return { order = 'random' } end", 500)
  end)
end)

describe("A listing policy that hides young public apps", function()
  local server
  lazy_setup(function()
    server = server_helper.start { policies = { ["apps.lua"] = [[return {
      may_create = function() return true end,
      redirect_uri = function() return true end,
      listing = function(facts)
        return { own = true, public = true, shared = true, order = facts.order, public_before = facts.now + 60
          - (facts.user.username == "patient" and 120 or 0) }
      end,
    }]] } }
  end)
  lazy_teardown(function()
    server:stop()
  end)

  it("shows own and shared ones all the same, in every order and search, and counts what it shows", function()
    local patient, eager = flow.user(server, { name = "patient" }), flow.user(server)
    flow.app(server, patient, { name = "mine app" })
    flow.app(server, eager, { name = "theirs app" })
    local shared = flow.app(server, eager, { name = "shared app" })
    shape.ok(http.post(server, "/idp/apps/" .. shared.app_id .. "/share",
      { json = { user_id_or_name = "patient" }, bearer = eager.api_key }))
    for _, query in ipairs { "", "?order=name", "?order=popular", "?search=app", "?search=e" } do
      local function seen(user)
        local list, names = http.get(server, "/idp/apps" .. query, { bearer = user.api_key }).json, {}
        for _, app in ipairs(list.items) do
          names[#names + 1] = app.name
        end
        table.sort(names)
        assert.equal(#names, list.total, query)
        return names
      end
      assert.same({ "mine app", "shared app" }, seen(patient), query)
      assert.same({ "mine app", "shared app", "theirs app" }, seen(eager), query)
    end
  end)
end)
