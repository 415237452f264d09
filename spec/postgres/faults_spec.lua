-- Two servers on one PostgreSQL of their own, and what may befall it: restarts, a primary that is gone, connections
-- that are cut, a full disk. What was answered with 200 is there afterwards; what could not be done is told with 503
-- and Retry-After, in time; nobody has to restart anything.
local cqueues = require "cqueues"

local cli = require "helpers.cli"
local database = require "helpers.database"
local flow = require "helpers.flow"
local http = require "helpers.http"
local postgres = require "helpers.postgres"
local server_helper = require "helpers.server"
local shape = require "helpers.shape"
local sys = require "helpers.sys"
local truth = require "helpers.truth"

local STORE_TIMEOUT_MS, RECOVERY_S = 1000, 5
local CUT = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'moonlatch'"
local CONNECTIONS = 10 -- of one worker: two that read, eight that write

local run, sql = postgres.run, postgres.sql

-- One state for the secret, one database, several servers.
local function serve(url, state, settings)
  local limits = { store_timeout_ms = STORE_TIMEOUT_MS }
  for name, value in pairs(settings or {}) do
    limits[name] = value
  end
  return server_helper.start { state = state, workers = 1, env = { MOONLATCH_DATABASE = url },
    settings = { limits = limits, issuer = "http://localhost:1" } }
end

describe("PostgreSQL that fails", function()
  local directory, state, url, one, two, world, of

  local function cluster(verb, ...)
    return postgres.cluster(verb, directory .. "/main", ...)
  end

  setup(function()
    directory, state = postgres.directory(), sys.directory()
    url = cluster("start")
    of, database.of = database.of, function() -- for the command line of the helpers, too
      return url
    end
    one, two = serve(url, state), serve(url .. "&application_name=two", state)
    world = flow.world(one)
  end)
  teardown(function()
    one:stop()
    two:stop()
    database.of = of
    cluster("stop", "immediate")
    run("rm", "-rf", directory, state)
  end)

  -- The processes that serve one server, once all of its connections are up.
  local function backends_of(name)
    local pids = http.ask_until(function()
      return sql(url, "SELECT string_agg(CAST(pid AS text), ' ') FROM pg_stat_activity"
        .. " WHERE application_name = '" .. name .. "'")
    end, function(found)
      return select(2, found:gsub("%d+", "")) == CONNECTIONS
    end)
    assert.equal(CONNECTIONS, select(2, pids:gsub("%d+", "")))
    return pids
  end

  local function exchange(server, code)
    return flow.token(server, flow.code_form(world.app, code))
  end

  local function recovered(server)
    local started = cqueues.monotime()
    local answer = http.ask_until(function()
      return flow.authorize(server, world.app, nil, { cookie = world.cookie })
    end, function(got)
      return got.status == 302 and select(2, got:location()).code ~= nil
    end)
    assert.is_string(select(2, answer:location()).code)
    local took = cqueues.monotime() - started
    assert.is_true(took < RECOVERY_S * server_helper.patience, "it took " .. took .. " s")
    http.ask_until(http.get, shape.is_ok, server, "/readyz") -- which says for a second what it has said
  end

  for _, mode in ipairs { "fast", "immediate" } do
    it("is restarted (" .. mode .. ") amid exchanges: nothing answered is lost, and both servers recover", function()
      local codes, answered = {}, {}
      for i = 1, 40 do
        codes[i] = flow.code(i % 2 == 0 and one or two, world.app, world.cookie)
      end
      for i = 1, 10 do
        answered[i] = exchange(i % 2 == 0 and one or two, codes[i])
        shape.ok(answered[i])
      end
      local stopping = sys.spawn { server_helper.root .. "/spec/helpers/cluster", "stop", directory .. "/main", mode }
      local refused, stopped = 0, nil
      for i = 11, 40 do
        stopped = stopped or (i == 37 and stopping:wait()) -- the last ones ask for certain what is gone
        local started = cqueues.monotime()
        local answer = exchange(i % 2 == 0 and one or two, codes[i])
        assert.is_true(cqueues.monotime() - started < (2 * STORE_TIMEOUT_MS / 1000 + 1) * server_helper.patience)
        answered[i] = answer
        if answer.status ~= 200 then
          refused = refused + 1
          if refused == 4 then
            break
          end
          shape.oauth_error(answer, 503, "temporarily_unavailable")
          assert.equal("1", answer.headers["retry-after"])
        end
      end
      assert.equal(0, stopped or stopping:wait())
      local down = http.get(one, "/readyz")
      assert.equal(503, down.status)
      assert.equal(200, http.get(one, "/healthz").status)
      cluster("start")
      recovered(one)
      recovered(two)
      assert.is_true(refused > 0)
      for i = 1, #answered do
        if answered[i].status == 200 then
          assert.is_true(flow.is_active(i % 2 == 0 and two or one, answered[i].json.access_token), "exchange " .. i)
        else -- committed or not: nobody was told, so the code is good
          shape.ok(exchange(one, codes[i]))
        end
      end
    end)
  end

  it("cuts connections amid batches: the retry is safe, the answered stays", function()
    local codes, answers = {}, {}
    for i = 1, 60 do
      codes[i] = flow.code(one, world.app, world.cookie)
    end
    for round = 0, 5 do
      local cutting = sys.spawn { "psql", "--quiet", url, "-c", CUT }
      local sent = http.together(one, 10, function(i, connection)
        return connection:request("POST", "/idp/token", { form = flow.code_form(world.app, codes[round * 10 + i]) })
      end)
      for i = 1, 10 do
        answers[round * 10 + i] = sent[i]
      end
      assert.equal(0, cutting:wait())
    end
    recovered(one)
    for i = 1, 60 do
      if answers[i].status == 200 then
        assert.is_true(flow.is_active(two, answers[i].json.access_token))
      else
        shape.oauth_error(answers[i], 503, "temporarily_unavailable")
        shape.ok(exchange(one, codes[i]))
      end
    end
    assert.is_true(http.metric(one, "moonlatch_db_disconnects_total") > 0)
  end)

  it("cuts connections amid refreshes: whoever got no answer asks again, within the grace", function()
    for _ = 1, 6 do
      local tokens = flow.tokens(one, world.app, world.cookie)
      local cutting = sys.spawn { "psql", "--quiet", url, "-c", CUT }
      local form = flow.refresh_form(world.app, tokens.refresh_token)
      local answer = flow.token(one, form)
      assert.equal(0, cutting:wait())
      if answer.status ~= 200 then
        shape.oauth_error(answer, 503, "temporarily_unavailable")
        answer = http.ask_until(flow.token, shape.is_ok, one, form)
      end
      shape.ok(answer)
      assert.is_true(flow.is_active(two, answer.json.access_token))
    end
    recovered(one)
  end)

  it("cuts connections again and again: all that was answered has its record, refusals included", function()
    local cutting = sys.spawn { "psql", "--quiet", url, "-c", ([[DO $$ BEGIN FOR i IN 1..60 LOOP
      PERFORM pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'moonlatch';
      PERFORM pg_sleep(0.03); END LOOP; END $$]]) }
    local answered, refused, cut = {}, {}, nil
    for i = 1, 1000 do
      local made = http.post(one, "/idp/apps", { bearer = world.user.api_key,
        json = { name = "Cut " .. i, redirect_uris = { flow.REDIRECT } } })
      if made.status == 200 then
        answered[#answered + 1] = made.headers["x-request-id"]
        http.request(one, "DELETE", "/idp/apps/" .. made.json.app_id, { bearer = world.user.api_key })
      end
      local wrong = flow.authorize(one, world.app, { client_id = "cid_" .. i },
        { from = "127.0.2." .. (i % 250 + 1) })
      if wrong.status == 400 and #refused < 500 then
        refused[#refused + 1] = wrong.headers["x-request-id"]
      end
      cut = cutting:wait(0)
      if cut then
        break
      end
    end
    assert.equal(0, cut or cutting:wait())
    local function recorded(ids)
      return sql(url, "SELECT count(*) FROM audit WHERE request_id IN ('" .. table.concat(ids, "', '") .. "')")
    end
    assert.is_true(#answered > 0 and #refused > 0)
    assert.equal(tostring(#answered), recorded(answered))
    http.ask_until(recorded, function(count)
      return count == tostring(#refused)
    end, refused)
    assert.equal(0, http.metric(one, "moonlatch_audit_lost_total"))
    recovered(one)
  end)

  it("gives few connections: the server is content with two for each worker", function()
    local server = server_helper.start { state = state, workers = 2, env = { MOONLATCH_DATABASE = url
      .. "&application_name=few" }, settings = { limits = { store_connections = 2 }, issuer = "http://localhost:1" } }
    shape.ok(exchange(server, flow.code(server, world.app, world.cookie)))
    local count = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'few'"
    assert.equal("4", http.ask_until(sql, function(found)
      return found == "4"
    end, url, count))
    server:stop()
  end)

  it("stands still: no request hangs, and when it moves again so do we", function()
    local pids = backends_of "moonlatch"
    run("sh", "-c", "kill -STOP " .. pids)
    local started = cqueues.monotime()
    local answer = flow.authorize(one, world.app, nil, { cookie = world.cookie })
    local took = cqueues.monotime() - started
    run("sh", "-c", "kill -CONT " .. pids)
    -- once it is known whom to tell, the app is told (RFC 6749 §4.1.2.1)
    local told = answer.status == 302 and select(2, answer:location()).error or answer.status
    assert.is_true(told == 503 or told == "temporarily_unavailable", told)
    assert.is_true(took < (2 * STORE_TIMEOUT_MS / 1000 + 1) * server_helper.patience, took .. " s")
    recovered(one)
    recovered(two)
  end)

  it("kill -9 of a server amid exchanges loses nothing that was answered", function()
    local victim = serve(url, state)
    local codes, connections, streams, answers = {}, {}, {}, {}
    for i = 1, 20 do
      codes[i] = flow.code(one, world.app, world.cookie)
      connections[i] = http.connect(victim)
    end
    for i = 1, 20 do
      streams[i] = connections[i]:send("POST", "/idp/token", { form = flow.code_form(world.app, codes[i]) })
    end
    local good = 0
    for i = 1, 20 do
      local ok, answer = pcall(connections[i].receive, connections[i], streams[i])
      answers[i] = ok and answer or nil
      good = good + (answers[i] and answers[i].status == 200 and 1 or 0)
      victim:kill()
    end
    assert.is_true(good > 0)
    for i = 1, 20 do
      if answers[i] and answers[i].status == 200 then
        assert.is_true(flow.is_active(two, answers[i].json.access_token))
      end
    end
  end)

  -- Measured from the answer of the one to the first honest answer of the other.
  it("what one server revokes the other honours within a second", function()
    local took = {}
    for i = 1, 8 do
      local tokens = flow.tokens(one, world.app, world.cookie)
      assert.is_true(flow.is_active(two, tokens.access_token))
      shape.ok(http.post(one, "/idp/token/revoke", { form = { token = tokens.access_token,
        client_id = world.app.client_id, client_secret = world.app.client_secret } }))
      local started = cqueues.monotime()
      assert.is_false(http.ask_until(flow.is_active, shape.is_false, two, tokens.access_token))
      took[i] = cqueues.monotime() - started
    end
    table.sort(took)
    print(("\n# a revocation reaches another server in %.0f ms (p50), %.0f ms (worst of %d)")
      :format(took[4] * 1000, took[#took] * 1000, #took))
    assert.is_true(took[#took] < 1)
  end)

  it("a server that is cut off stops to trust its memory before the second is over", function()
    local tokens = flow.tokens(one, world.app, world.cookie)
    assert.is_true(flow.is_active(two, tokens.access_token))
    local pids = backends_of "two"
    run("sh", "-c", "kill -STOP " .. pids)
    shape.ok(http.post(one, "/idp/token/revoke", { form = { token = tokens.access_token,
      client_id = world.app.client_id, client_secret = world.app.client_secret } }))
    local deadline = cqueues.monotime() + 1
    repeat
      cqueues.poll(0.05)
    until cqueues.monotime() >= deadline
    local answer = http.post(two, "/idp/token/introspect", { form = { token = tokens.access_token } })
    run("sh", "-c", "kill -CONT " .. pids)
    assert.equal(503, answer.status)
    assert.is_false(http.ask_until(flow.is_active, shape.is_false, two, tokens.access_token))
  end)

  it("two servers that start at the same moment on an empty database both come up", function()
    sql(url, "CREATE DATABASE fresh")
    local fresh = url:gsub("///postgres", "///fresh")
    local servers = {}
    local env = { MOONLATCH_DATABASE = fresh, MOONLATCH_SECRET = server_helper.SECRET }
    for i = 1, 4 do
      servers[i] = server_helper.launch { workers = 1, env = env }
    end
    for _, server in ipairs(servers) do
      assert.matches("^moonlatch listening", server.process:line(20 * server_helper.patience) or server:log_text())
    end
    local stranger = server_helper.launch { workers = 1, env = { MOONLATCH_DATABASE = fresh } }
    local code, said = stranger:refusal()
    assert.equal(1, code)
    assert.matches("same secret", said, 1, true)
    for _, server in ipairs(servers) do
      server:stop()
    end
  end)

  it("a role that may not change the schema can run the server", function()
    sql(url, "DROP ROLE IF EXISTS runner")
    sql(url, [[CREATE ROLE runner LOGIN; GRANT USAGE ON SCHEMA public TO runner;
      GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO runner]])
    local server = serve(url:gsub("user=moonlatch", "user=runner"), state)
    shape.ok(exchange(server, flow.code(server, world.app, world.cookie)))
    server:stop()
    local code, _, err = cli.run(state, "migrate")
    assert.equal(0, code, err)
  end)

  it("a disk that is full is told with 503, and nothing is broken afterwards", function()
    local code = flow.code(one, world.app, world.cookie)
    sql(url, [[CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$;
      CREATE TRIGGER full_disk BEFORE INSERT ON access_tokens EXECUTE FUNCTION full_disk()]])
    shape.oauth_error(exchange(one, code), 503, "temporarily_unavailable")
    sql(url, "DROP TRIGGER full_disk ON access_tokens; DROP FUNCTION full_disk()")
    shape.ok(exchange(one, code))
  end)

  it("serialization failures are tried again until they pass", function()
    sql(url, [[CREATE SEQUENCE tries; CREATE FUNCTION conflict() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      IF nextval('tries') % 3 <> 0 THEN RAISE EXCEPTION 'conflict' USING ERRCODE = '40001'; END IF; RETURN NULL; END $$;
      CREATE TRIGGER conflict BEFORE INSERT ON access_tokens EXECUTE FUNCTION conflict()]])
    for _ = 1, 5 do
      shape.ok(exchange(one, flow.code(one, world.app, world.cookie)))
    end
    sql(url, "DROP TRIGGER conflict ON access_tokens; DROP FUNCTION conflict(); DROP SEQUENCE tries")
  end)

  it("and after all that every row's owners are there, and every count is right", function()
    truth.check(one)
  end)
end)
