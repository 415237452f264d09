-- What the store reaches on PostgreSQL, beside pgbench with the same statements on the same cluster in the same run.
-- Part of spec/bench/run.lua.
local database = require "helpers.database"
local flow = require "helpers.flow"
local http = require "helpers.http"
local postgres = require "helpers.postgres"
local median = require("bench.stats").median
local sys = require "helpers.sys"

local bench_postgres = {}

local CLIENTS, PIPELINE = 64, 16

-- The text of a statement for PostgreSQL, with its parameters replaced.
local function statement(file, name, values)
  local text = sys.read_file("sql/statements/" .. file .. ".sql")
  local block = assert((text .. "\n-- name: "):match("%-%- name: " .. name .. "\n(.-)\n%-%- name: "), name)
  local kept, now = {}, "both"
  for line in block:gmatch("[^\n]+") do
    now = line:match("^%-%-%s*(%l+):%s*$") or now
    if now ~= "sqlite" then
      kept[#kept + 1] = (line:gsub("%s*%-%-.*$", ""))
    end
  end
  return (table.concat(kept, "\n"):gsub("%s+$", ""):gsub("%?(%d+)", function(digits)
    return assert(values[tonumber(digits)], name .. " lacks ?" .. digits)
  end))
end

local function pgbench(url, scratch, script, clients, seconds)
  local file = sys.write_file(scratch .. "/pgbench.sql", script)
  local out = postgres.run("sh", "-c", ("LC_ALL=C $(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -n 1)/pgbench"
    .. " -n -M prepared -c %d -j 1 -T %d -D n=0 -f %s '%s' 2>&1"):format(clients, seconds, file, url))
  return tonumber(out:match("tps = ([%d.]+)"))
end

-- One exchange as the token endpoint does it: look the grant up, redeem it, store both tokens, and record that.
local function exchange_script(app_id)
  local grant, access = "'b' || :client_id || '-' || :n", "'a' || :client_id || '-' || :n"
  local hash, now = "CAST('\\x00' AS bytea)", "CAST(extract(epoch from now()) AS bigint)"
  local later = "(" .. now .. " + 3600)"
  return table.concat({
    "\\set n :n + 1", "\\startpipeline",
    statement("grants", "grant_find", { grant, "'" .. app_id .. "'" }) .. ";",
    statement("grants", "grant_redeem", { grant, now, access, "'secret'", later, "NULL", 0, 0 }) .. ";",
    statement("tokens", "access_token_insert_redeemed",
      { access, grant, hash, "'profile'", now, later, "NULL", "''" }) .. ";",
    statement("tokens", "refresh_token_insert_redeemed",
      { access, grant, hash, "'profile'", now, later, access }) .. ";",
    statement("audit", "audit_insert_of_issued", { access, now .. " * 1000", later, "'token'", "'bench'", "'bench'",
      "'bench'", "'" .. app_id .. "'", "'127.0.0.1'", "''", "'profile'", "'[]'", access }) .. ";",
    "\\endpipeline",
  }, "\n")
end

-- bench: pinned, report, wrk, h2load, redeem, ratio, bare_start, bare_stop, scratch, rounds, seconds, codes (of
-- run.lua).
function bench_postgres.run(bench)
  local directory = postgres.directory()
  local url = postgres.cluster("start", directory .. "/c")
  local of = database.of
  database.of = function()
    return url
  end
  local state = directory .. "/state" -- one secret for the servers of one database
  local server = bench.pinned { workers = 1, state = state }
  local world = flow.world(server)

  -- introspection with memory
  local token = flow.tokens(server, world.app, world.cookie).access_token
  local asked = { method = "POST", path = "/idp/token/introspect", body = "token=" .. token }
  local bare, bare_port = bench.bare_start()
  bench.ratio("PostgreSQL: introspection, HTTP/1.1", bench.wrk, server, bare_port, asked, 0.85)
  bench.bare_stop(bare)

  -- exchanges
  local ours, theirs, ratios = {}, {}, {}
  for round = 1, bench.rounds do
    postgres.sql(url, ([[DELETE FROM grants WHERE grant_id LIKE 'b%%';
      INSERT INTO grants (grant_id, authorization_id, authorization_version, user_id, app_id, scopes, redirect_uri,
        auth_time, auth_method, session_id, created_at, expires_at)
      SELECT 'b' || c || '-' || n, z.authorization_id, z.version, z.user_id, z.app_id, 'profile', 'https://x.example/',
        0, 'fingerprint', 'bench', 0, 9999999999
      FROM (SELECT * FROM authorizations WHERE app_id = '%s' LIMIT 1) z, generate_series(0, %d) c,
        generate_series(1, %d) n; DELETE FROM access_tokens WHERE token_id LIKE 'a%%';
      DELETE FROM refresh_tokens WHERE token_id LIKE 'a%%']]):format(world.app.app_id, CLIENTS - 1, 2000),
      "VACUUM ANALYZE")
    theirs[round] = pgbench(url, bench.scratch, exchange_script(world.app.app_id), CLIENTS, bench.seconds)
    ours[round] = bench.redeem(server, bench.codes, { MOONLATCH_DATABASE = url })
    ratios[round] = ours[round] / theirs[round]
  end
  bench.report("PostgreSQL: exchanges, 64 clients, durable", median(ours), "/s")
  bench.report("  pgbench, the same statements as one pipeline", median(theirs), "/s")
  bench.report("  ratio", median(ratios), "", 0.8)
  local plain, signed = {}, {}
  for round = 1, bench.rounds do
    plain[round] = bench.redeem(server, bench.codes, { MOONLATCH_DATABASE = url })
    signed[round] = bench.redeem(server, bench.codes, { MOONLATCH_DATABASE = url }, "ES256")
    ratios[round] = signed[round] / plain[round]
  end
  bench.report("PostgreSQL: exchanges with an id_token of ES256", median(signed), "/s")
  bench.report("  without one", median(plain), "/s")
  bench.report("  ratio", median(ratios), "", 0.8)
  server:stop()

  -- introspection without memory
  local cold = bench.pinned {
    workers = 1, state = state, settings = { limits = { cache_bytes = 0, connections_per_address = 5000 } },
  }
  world = flow.world(cold)
  token = flow.tokens(cold, world.app, world.cookie).access_token
  local id = token:match("^cak_(%w+)%.")
  local read = statement("tokens", "access_token_find", { "'" .. id .. "'" }) .. ";\n"
  local script = "\\startpipeline\n" .. read:rep(PIPELINE) .. "\\endpipeline"
  asked.body = "token=" .. token
  for _, load in ipairs { { "HTTP/1.1", bench.wrk }, { "HTTP/2, 32 x 16", bench.h2load } } do
    ours, theirs, ratios = {}, {}, {}
    for round = 1, bench.rounds do
      theirs[round] = PIPELINE * pgbench(url, bench.scratch, script, 2, bench.seconds)
      ours[round] = load[2](cold.port, asked)
      ratios[round] = ours[round] / theirs[round]
    end
    bench.report("PostgreSQL: introspection, no cache, " .. load[1], median(ours), "/s")
    bench.report("  pgbench, the same read in pipelines of 16", median(theirs), "/s")
    bench.report("  ratio", median(ratios), "", 0.6)
  end
  assert(http.get(cold, "/readyz").status == 200)
  cold:stop()

  database.of = of
  postgres.cluster("stop", directory .. "/c", "immediate")
  postgres.run("rm", "-rf", directory)
end

return bench_postgres
