-- What PostgreSQL has committed and could not tell (sql/README.md, "The law of batches"). The first server reaches it
-- over a line that loses answers, the second directly.
local cqueues = require "cqueues"

local database = require "helpers.database"
local flow = require "helpers.flow"
local http = require "helpers.http"
local postgres = require "helpers.postgres"
local server_helper = require "helpers.server"
local shape = require "helpers.shape"
local sys = require "helpers.sys"

local function ok(answer)
  shape.ok(answer)
  return answer.json
end

local STORE_TIMEOUT_MS, GRACE_S = 1500, 2

describe("an answer of PostgreSQL's that is lost", function()
  local directory, state, url, line, one, two, world, of

  local function is(word)
    line:write(word .. "\n")
    assert.equal(word, line:line())
  end

  local function count(query)
    cqueues.poll(0) -- the request beside it goes on
    return tonumber(postgres.sql(url, query))
  end

  local function awaited(query)
    http.ask_until(count, function(found)
      return found > 0
    end, query)
  end

  -- The answer to what `ask` sends to the first server and waits for a lock on `table_name`, when the commit that
  -- follows is not told: then `after` is called.
  local function lost(table_name, ask, after)
    local holder = sys.spawn({ "psql", "--quiet", "--no-psqlrc", "--tuples-only", "--no-align", url }, { stdin = true })
    holder:write("BEGIN; LOCK TABLE " .. table_name .. " IN SHARE MODE; SELECT 'held';\n")
    assert.equal("held", holder:line())
    local answer = http.together(one, 2, function(i, connection)
      if i == 1 then
        return ask(connection)
      end
      awaited "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'one' AND wait_event_type = 'Lock'"
      is "drop"
      holder:write "COMMIT;\n"
      holder:close_stdin()
      assert.equal(0, holder:wait())
      awaited("SELECT CASE WHEN count(*) = 0 THEN 1 ELSE 0 END FROM pg_stat_activity"
        .. " WHERE application_name = 'one' AND state <> 'idle'")
      after()
    end)[1]
    is "cut" -- and the line is good again
    http.ask_until(http.get, shape.is_ok, one, "/readyz")
    return answer
  end

  -- The connections break: what was asked is asked again.
  local function broken()
    is "cut"
  end
  -- They stand, and say nothing: until the time is over, and beyond the grace.
  local function silent()
    postgres.sql(url, "SELECT pg_sleep(" .. STORE_TIMEOUT_MS / 1000 + GRACE_S + 1 .. ")")
  end

  setup(function()
    directory, state = postgres.directory(), sys.directory()
    url = postgres.cluster("start", directory .. "/main", "-c", "fsync=off")
    line = sys.spawn({ "luajit", "spec/helpers/one_way.lua", directory .. "/main/.s.PGSQL.5432" }, { stdin = true })
    of, database.of = database.of, function() -- for the command line of the helpers, too
      return url
    end
    local function serve(where)
      return server_helper.start { state = state, workers = 1, env = { MOONLATCH_DATABASE = where },
        settings = { lifetimes = { reuse_grace = GRACE_S },
          limits = { store_timeout_ms = STORE_TIMEOUT_MS, store_connections = 3 }, issuer = "http://localhost:1" } }
    end
    two = serve(url)
    one = serve("host=127.0.0.1 port=" .. line:line() .. " dbname=postgres user=moonlatch application_name=one")
    world = flow.world(one, { grant_types = { "authorization_code", "refresh_token",
      "urn:ietf:params:oauth:grant-type:device_code" } })
  end)
  teardown(function()
    one:stop()
    two:stop()
    database.of = of
    line:close_stdin()
    line:wait()
    postgres.cluster("stop", directory .. "/main", "immediate")
    sys.run { "rm", "-rf", directory, state }
  end)

  local function posted(form)
    return function(connection)
      return connection:request("POST", "/idp/token", { form = form })
    end
  end
  local function approved(page)
    return function(connection)
      return connection:request("POST", "/idp/authorize/consent?session_id=" .. page, { cookie = world.cookie,
        form = { action = "approve" } })
    end
  end
  local function redeem(code)
    return flow.code_form(world.app, code or flow.code(one, world.app, world.cookie))
  end

  -- What is asked for, and the table whose lock holds the commit back.
  local cases = {
    { "a code is redeemed", "grants", function()
      return posted(redeem())
    end },
    { "a refresh token is used", "refresh_tokens", function()
      return posted(flow.refresh_form(world.app, flow.tokens(one, world.app, world.cookie).refresh_token))
    end },
    { "a consent page is answered", "grants", function()
      return approved(flow.session_id(one, world.app, world.cookie))
    end },
    { "somebody signs in", "sessions", function()
      return function(connection)
        return connection:request("POST", "/idp/login",
          { form = flow.request(world.app, { response_type = false, auth_method = "fingerprint",
            fingerprint = world.user.fingerprint }) })
      end
    end },
    { "an app is made", "apps", function()
      return function(connection)
        return connection:request("POST", "/idp/apps", { bearer = world.user.api_key,
          json = { name = "Lost " .. sys.now(), redirect_uris = { "https://lost.example/" } } })
      end
    end },
    { "an app is deleted", "apps", function()
      local app = flow.app(one, world.user)
      return function(connection)
        return connection:request("DELETE", "/idp/apps/" .. app.app_id, { bearer = world.user.api_key })
      end
    end },
    { "an app's secret is renewed", "apps", function()
      local app = flow.app(one, world.user)
      return function(connection)
        return connection:request("POST", "/idp/apps/" .. app.app_id .. "/regenerate-secret",
          { bearer = world.user.api_key })
      end
    end },
    { "a token is revoked", "access_tokens", function()
      local tokens = flow.tokens(one, world.app, world.cookie)
      return function(connection)
        return connection:request("POST", "/idp/token/revoke", { form = { token = tokens.access_token } })
      end
    end },
    { "what an app may do is taken back", "authorizations", function()
      local app = flow.app(one, world.user)
      flow.tokens(one, app, world.cookie)
      return function(connection)
        return connection:request("DELETE", "/idp/authorizations/" .. app.app_id, { bearer = world.user.api_key })
      end
    end },
  }
  for _, case in ipairs(cases) do
    it("is asked for again, and nobody notices: " .. case[1], function()
      local answer = lost(case[2], case[3](), broken)
      assert.is_true(answer.status < 400, answer.status .. " " .. answer.body)
    end)
  end

  it("is told once: who redeems the code again ends the family", function()
    local code = flow.code(one, world.app, world.cookie)
    local tokens = ok(lost("grants", posted(redeem(code)), broken))
    assert.is_true(flow.is_active(two, tokens.access_token))
    http.ask_until(flow.token, function(answer)
      return answer.status ~= 503 -- while the break is fresh
    end, one, redeem(code))
    shape.oauth_error(flow.token(two, redeem(code)), 400, "invalid_grant")
    http.ask_until(flow.is_active, function(active)
      return not active
    end, two, tokens.access_token)
  end)

  it("and never comes: who tries a code, a token or a page again elsewhere is served, after the grace", function()
    local code = flow.code(one, world.app, world.cookie)
    shape.oauth_error(lost("grants", posted(redeem(code)), silent), 503, "temporarily_unavailable")
    local tokens = ok(flow.token(two, redeem(code)))
    assert.is_true(flow.is_active(two, tokens.access_token))

    local form = flow.refresh_form(world.app, tokens.refresh_token)
    shape.oauth_error(lost("refresh_tokens", posted(form), silent), 503, "temporarily_unavailable")
    local more = ok(flow.token(two, form))
    shape.ok(flow.token(two, flow.refresh_form(world.app, more.refresh_token)))

    local page = flow.session_id(one, world.app, world.cookie)
    assert.equal(503, lost("grants", approved(page), silent).status)
    assert.equal(200, flow.consent_page(two, page, world.cookie).status)
    assert.equal(303, flow.consent(two, page, world.cookie, "approve").status)
  end)

  it("that is late: all that a request waits for has one time", function()
    is "slow"
    local began_s = sys.now()
    local answer = flow.login(one, world.app, world.user) -- four round trips of 0.6 s
    is "cut"
    assert.equal(503, answer.status)
    assert.is_true(sys.now() - began_s < STORE_TIMEOUT_MS / 1000 + 0.5)
    http.ask_until(http.get, shape.is_ok, one, "/readyz")
    assert.equal(303, flow.login(one, world.app, world.user).status)
  end)

  it("and a device that polls again after its answer was lost on the way is served, once it is time to", function()
    local client = { client_id = world.app.client_id, client_secret = world.app.client_secret }
    local device = http.post(one, "/idp/device_authorization", { form = { scope = "profile",
      client_id = client.client_id, client_secret = client.client_secret } }).json
    local entered = http.post(one, "/idp/device", { cookie = world.cookie, form = { user_code = device.user_code } })
    flow.consent(one, entered.headers.location:match "session_id=([^&]*)", world.cookie, "approve")
    local form = { grant_type = "urn:ietf:params:oauth:grant-type:device_code", device_code = device.device_code,
      client_id = client.client_id, client_secret = client.client_secret }
    local first = ok(flow.token(one, form))
    postgres.sql(url, "UPDATE grants SET redeemed_at = redeemed_at - " .. device.interval)
    local second = ok(flow.token(two, form))
    assert.is_true(flow.is_active(one, first.access_token) and flow.is_active(one, second.access_token))
    shape.oauth_error(flow.token(two, form), 400, "invalid_grant") -- too soon
    assert.is_false(flow.is_active(two, second.access_token))
  end)
end)
