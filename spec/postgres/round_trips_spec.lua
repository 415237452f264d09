-- How many round trips to the database each endpoint costs, and how many statements: the table in sql/README.md is what
-- pg_stat_statements counts.
local cli = require "helpers.cli"
local database = require "helpers.database"
local flow = require "helpers.flow"
local http = require "helpers.http"
local postgres = require "helpers.postgres"
local server_helper = require "helpers.server"
local sys = require "helpers.sys"

describe("Round trips", function()
  local directory, url, server, world, of
  local function sql(text)
    return postgres.sql(url, text)
  end

  setup(function()
    directory = postgres.directory()
    url = postgres.cluster("start", directory .. "/c", "-c", "fsync=off", "-c",
      "shared_preload_libraries=pg_stat_statements")
    sql "CREATE EXTENSION pg_stat_statements"
    of, database.of = database.of, function()
      return url
    end
    -- without memory: what is asked is asked of the database
    server = server_helper.start { workers = 1, settings = { limits = { cache_bytes = 0 } } }
    world = flow.world(server)
    http.ask_until(function() -- the first clean-up is over: its last statement
      return sql "SELECT count(*) FROM pg_stat_statements WHERE query LIKE 'SELECT kind, apps%'"
    end, function(count)
      return count ~= "0"
    end)
  end)
  teardown(function()
    server:stop()
    database.of = of
    postgres.cluster("stop", directory .. "/c", "immediate")
    postgres.run("rm", "-rf", directory)
  end)

  -- What the server asks for itself, each in a round trip of its own.
  local IN_THE_BACKGROUND = "(query LIKE '%FROM signing_keys%' OR query LIKE 'SELECT min(next_at)%'"
    .. " OR query LIKE '%clock_timestamp%' OR query LIKE 'DELETE FROM %SKIP LOCKED%')"

  -- Round trips and statements of one request.
  local function cost(send)
    local before
    repeat -- with nothing of the background under way
      before = http.metric(server, "moonlatch_db_batches_total")
      sql "SELECT pg_stat_statements_reset()"
    until http.metric(server, "moonlatch_db_queue") == 0
      and http.metric(server, "moonlatch_db_batches_total") == before
    local answer = send()
    assert.is_true(answer.status < 400, answer.status .. " " .. answer.body)
    local batches, statements, aside
    local function batches_now()
      return http.metric(server, "moonlatch_db_batches_total") - before
    end
    http.ask_until(function() -- until nothing happens in the background between one count and the next
      batches = batches_now()
      local row = sql([[SELECT coalesce(sum(calls) FILTER (WHERE ]] .. IN_THE_BACKGROUND .. [[), 0) || ' ' ||
        coalesce(sum(calls) FILTER (WHERE query NOT LIKE '%pg_stat_statements%'), 0) FROM pg_stat_statements]])
      aside, statements = row:match("(%d+) (%d+)")
      aside, statements = tonumber(aside), tonumber(statements)
      return batches == batches_now()
    end, function(is_still)
      return is_still
    end)
    return batches - aside, statements - aside, answer
  end

  it("are as few as sql/README.md says", function()
    local measured = {}
    local function measure(name, send)
      local trips, statements, answer = cost(send)
      measured[#measured + 1] = ("| %s | %d | %d |"):format(name, trips, statements)
      return answer
    end
    local app, cookie = world.app, world.cookie
    measure("`GET /idp/authorize`, signed out", function()
      return flow.authorize(server, app)
    end)
    measure("`POST /idp/login`, fingerprint", function()
      return flow.login(server, app, world.user)
    end)
    local id = flow.session_id(server, app, cookie)
    measure("`GET /idp/authorize/consent`", function()
      return http.get(server, "/idp/authorize/consent?session_id=" .. id, { cookie = cookie })
    end)
    local approved = measure("`POST /idp/authorize/consent`, approve", function()
      return flow.consent(server, id, cookie, "approve")
    end)
    measure("`GET /idp/authorize`, remembered", function()
      return flow.authorize(server, app, nil, { cookie = cookie })
    end)
    local code = select(2, approved:location()).code
    local tokens = measure("`POST /idp/token`, code", function()
      return flow.token(server, flow.code_form(app, code))
    end).json
    measure("`POST /idp/token/introspect`", function()
      return http.post(server, "/idp/token/introspect", { form = { token = tokens.access_token } })
    end)
    measure("`GET /idp/userinfo`", function()
      return http.get(server, "/idp/userinfo", { bearer = tokens.access_token })
    end)
    tokens = measure("`POST /idp/token`, refresh", function()
      return flow.token(server, flow.refresh_form(app, tokens.refresh_token))
    end).json
    measure("`POST /idp/token/revoke`, access token", function()
      return http.post(server, "/idp/token/revoke", { form = { token = tokens.access_token, client_id = app.client_id,
        client_secret = app.client_secret } })
    end)
    measure("`POST /idp/token/revoke`, refresh token", function()
      return http.post(server, "/idp/token/revoke", { form = { token = tokens.refresh_token, client_id = app.client_id,
        client_secret = app.client_secret } })
    end)
    measure("`GET /idp/apps/{app_id}`, API key", function()
      return http.get(server, "/idp/apps/" .. app.app_id, { bearer = world.user.api_key })
    end)
    measure("`GET /idp/apps`", function()
      return http.get(server, "/idp/apps", { bearer = world.user.api_key })
    end)
    measure("`POST /idp/apps`", function()
      return http.post(server, "/idp/apps", { bearer = world.user.api_key,
        json = { name = "Round trips", redirect_uris = { flow.REDIRECT } } })
    end)
    measure("`DELETE /idp/authorizations/{app_id}`", function()
      return http.request(server, "DELETE", "/idp/authorizations/" .. app.app_id, { bearer = world.user.api_key })
    end)
    local hint = flow.tokens(server, app, cookie, { scope = "openid" }).id_token
    measure("`GET /idp/logout`, by an app", function()
      return http.get(server, "/idp/logout?id_token_hint=" .. hint, { cookie = cookie })
    end)
    local readme = sys.read_file(server_helper.root .. "/sql/README.md")
    local table_now = table.concat(measured, "\n")
    assert.is_truthy(readme:find(table_now, 1, true), "sql/README.md should say\n" .. table_now)
    assert.equal(0, (cli.run(server.state, "user", "list")))
  end)
end)
