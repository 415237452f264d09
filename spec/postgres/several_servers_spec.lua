-- Two servers on one PostgreSQL of their own: what one answers the other honours at once, and clocks that differ.
local cqueues = require "cqueues"

local database = require "helpers.database"
local flow = require "helpers.flow"
local http = require "helpers.http"
local machine = require "helpers.machine"
local postgres = require "helpers.postgres"
local server_helper = require "helpers.server"
local shape = require "helpers.shape"
local sys = require "helpers.sys"

local sql = postgres.sql

describe("Several servers on one PostgreSQL", function()
  local directory, state, url, of, one, two, world

  local function serve(env)
    local all = { MOONLATCH_DATABASE = url }
    for name, value in pairs(env or {}) do
      all[name] = value
    end
    return server_helper.start { state = state, workers = 1, env = all,
      settings = { limits = { store_timeout_ms = 1000 }, issuer = "http://localhost:1" } }
  end

  setup(function()
    directory, state = postgres.directory(), sys.directory()
    url = postgres.cluster("start", directory .. "/main", "-c", "fsync=off")
    of, database.of = database.of, function() -- for the command line of the helpers
      return url
    end
    one, two = serve(), serve()
    world = flow.world(one)
  end)
  teardown(function()
    one:stop()
    two:stop()
    database.of = of
    postgres.cluster("stop", directory .. "/main", "immediate")
    postgres.run("rm", "-rf", directory, state)
  end)

  local function asks_with(server, secret)
    return http.post(server, "/idp/token/introspect", { form = { token = "none",
      client_id = world.app.client_id, client_secret = secret } })
  end

  -- In its memory for nearly a second from now on.
  local function make_remembered()
    shape.ok(asks_with(two, world.app.client_secret))
    shape.ok(asks_with(two, world.app.client_secret))
  end

  local function change(fields)
    shape.ok(http.request(one, "PATCH", "/idp/apps/" .. world.app.app_id,
      { json = fields, bearer = world.user.api_key }))
  end

  it("take a new secret at once, and also drop the old one within the second", function()
    for _ = 1, 5 do
      make_remembered()
      local old = world.app.client_secret
      local answer = http.post(one, "/idp/apps/" .. world.app.app_id .. "/regenerate-secret",
        { bearer = world.user.api_key })
      shape.ok(answer)
      world.app.client_secret = answer.json.client_secret
      shape.ok(asks_with(two, world.app.client_secret))
      shape.oauth_error(asks_with(two, old), 401, "invalid_client")
    end
  end)

  it("read the store once for a wrong secret, and leave memory as it is", function()
    make_remembered()
    local before = http.metric(two, "moonlatch_cache_misses_total")
    for _ = 1, 20 do
      shape.oauth_error(asks_with(two, "csc_" .. ("x"):rep(48)), 401, "invalid_client")
    end
    assert.is_true(http.metric(two, "moonlatch_cache_misses_total") - before <= 20 + 1)
  end)

  it("take a new redirect_uri, and an app that is switched on again, at once", function()
    make_remembered()
    change { redirect_uris = { flow.REDIRECT, "https://app.example/new" } }
    local answer = flow.authorize(two, world.app, { redirect_uri = "https://app.example/new" },
      { cookie = world.cookie })
    assert.is_true(answer.status == 302 or answer.status == 200, answer.status .. answer.body)
    change { active = false }
    http.ask_until(function()
      return flow.authorize(two, world.app, nil, { cookie = world.cookie })
    end, function(got)
      return got.status == 400
    end)
    change { active = true }
    answer = flow.authorize(two, world.app, nil, { cookie = world.cookie })
    assert.equal(302, answer.status)
  end)

  -- What a request whose answer was lost had done.
  it("forget also what they find revoked already", function()
    local tokens = flow.tokens(one, world.app, world.cookie)
    local own = { bearer = world.cookie:match "=(.*)$" }
    local psql = sys.spawn({ "psql", "--quiet", "--no-psqlrc", url }, { stdin = true })
    local function change_quickly(text)
      psql:write(text .. ";\n\\echo done\n")
      assert.equal("done", psql:line(10))
    end
    local function remember(ask)
      local function misses()
        return http.metric(one, "moonlatch_cache_misses_total")
      end
      local before = misses()
      http.ask_until(function() -- until it is read anew
        return ask() and misses()
      end, function(now)
        return now > before
      end)
    end
    change_quickly "SET client_min_messages = warning" -- it is connected
    remember(function()
      return flow.is_active(one, tokens.access_token)
    end)
    change_quickly "UPDATE access_tokens SET revoked_at = 1 WHERE revoked_at IS NULL"
    shape.ok(http.post(one, "/idp/token/revoke", { form = { token = tokens.access_token,
      client_id = world.app.client_id, client_secret = world.app.client_secret } }))
    assert.is_false(flow.is_active(one, tokens.access_token))
    remember(function()
      return http.get(one, "/idp/apps?limit=1", own).status == 200
    end)
    change_quickly "DELETE FROM sessions"
    shape.ok(http.request(one, "DELETE", "/idp/sessions", { bearer = world.user.api_key }))
    assert.equal(401, http.get(one, "/idp/apps?limit=1", own).status)
    world.cookie = flow.sign_in(one, world.app, world.user)
    psql:close_stdin()
    assert.equal(0, psql:wait(10))
  end)

  it("say that they are not ready while the database takes no write, and that they are afterwards", function()
    http.ask_until(http.get, shape.is_ok, one, "/readyz")
    sql(url, "ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()")
    local answer = http.ask_until(http.get, shape.is_refused, one, "/readyz")
    sql(url, "ALTER SYSTEM RESET default_transaction_read_only", "SELECT pg_reload_conf()")
    shape.detail(answer, 503)
    assert.matches("^The store takes no write: .*read%-only transaction%.$", answer.json.detail)
    http.ask_until(http.get, shape.is_ok, one, "/readyz")
  end)

  if server_helper.is_sanitized() then
    return -- whose runtime must be loaded first
  end

  describe("whose clocks differ", function()
    local function signed(server, name)
      return tonumber(http.get(server, "/metrics").body:match("\n" .. name .. " (-?%d+)"))
    end

    for _, ahead_s in ipairs { 12, -12 } do
      it(("by %d s: say so, and throw nobody out"):format(ahead_s), function()
        local box = machine.make { clock_s = ahead_s }
        local off = serve(box.env)
        local warning = off:logged(function(entry)
          return entry.event == "clock_differs"
        end)
        assert.is_true(math.abs(warning.ahead_ms - ahead_s * 1000) < 1000)
        assert.is_true(math.abs(signed(off, "moonlatch_clock_skew_seconds") - ahead_s) <= 1)
        assert.equal(0, signed(one, "moonlatch_clock_skew_seconds"))
        local ready = http.get(off, "/readyz")
        shape.ok(ready)
        assert.is_true(math.abs(ready.json.clock_ahead_ms - ahead_s * 1000) < 1000)
        for _, pair in ipairs { { one, off }, { off, one } } do
          local tokens = flow.tokens(pair[1], world.app, world.cookie)
          local form = flow.refresh_form(world.app, tokens.refresh_token)
          shape.ok(flow.token(pair[1], form))
          shape.ok(flow.token(pair[2], form)) -- within the grace, by any clock
        end
        off:stop()
        box:remove()
      end)
    end

    it("by more than a code lives: are not ready", function()
      local box = machine.make { clock_s = 75 }
      local off = serve(box.env)
      local answer = http.get(off, "/readyz")
      off:stop()
      box:remove()
      shape.detail(answer, 503)
      assert.matches("^The clock is 7%d seconds ahead of the database's%.$", answer.json.detail)
    end)

    it("by less than two seconds: are told of by nobody", function()
      local started = cqueues.monotime()
      local ready = http.get(one, "/readyz")
      shape.ok(ready)
      assert.same({ status = "ready" }, ready.json)
      assert.is_true(cqueues.monotime() - started < 5 * server_helper.patience)
      assert.is_nil(one:log_text():find("clock_differs", 1, true))
    end)
  end)
end)
