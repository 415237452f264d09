-- luajit spec/bench/growth.lua BUILD_DIR [TOKENS] [AUTHORIZATIONS] [EXPIRED]: what a database full of tokens costs, on
-- PostgreSQL: the same load on an empty one and on one with 10,000,000 access tokens and 1,000,000 authorizations; and
-- exchanges while 1,000,000 expired rows are cleaned up. Takes some minutes and 6 GB in TMPDIR.
package.path = "./spec/?.lua;" .. package.path
local database = require "helpers.database"
local flow = require "helpers.flow"
local http = require "helpers.http"
local postgres = require "helpers.postgres"
local server_helper = require "helpers.server"
local stats = require "bench.stats"
local sys = require "helpers.sys"

local build = arg[1]
local TOKENS, AUTHORIZATIONS, EXPIRED = tonumber(arg[2] or 1e7), tonumber(arg[3] or 1e6), tonumber(arg[4] or 1e6)
local CODES, READS, ROUNDS = 6000, 3, 3
server_helper.binary = build .. "/moonlatch"

local directory = postgres.directory()
local url = postgres.cluster("start", directory .. "/c", "-c", "shared_buffers=1GB", "-c", "max_wal_size=8GB", "-c",
  "checkpoint_timeout=30min")
database.of = function()
  return url
end

local function sql(text)
  return postgres.sql(url, text)
end

local server = server_helper.start { workers = 1, settings = { limits = { cache_bytes = 0,
  connections_per_address = 5000 } } }
local world = flow.world(server)

-- A chain of refreshes, one after another on one connection → how long each took, in milliseconds.
local function refreshes(seconds)
  local connection, took, tokens = http.connect(server), {}, flow.tokens(server, world.app, world.cookie)
  local until_s = sys.now() + seconds
  while sys.now() < until_s do
    local before = sys.now()
    tokens = connection:request("POST", "/idp/token",
      { form = flow.refresh_form(world.app, tokens.refresh_token) }).json
    took[#took + 1] = (sys.now() - before) * 1000
  end
  return took
end

-- Rates of introspection, exchange and refresh.
local function measure()
  local found = { introspection = {}, exchange = {}, refresh = {} }
  local token = flow.tokens(server, world.app, world.cookie).access_token
  local script = sys.write_file(directory .. "/wrk.lua", ([[
    wrk.method = "POST"
    wrk.body = "token=%s"
    wrk.headers["Content-Type"] = "application/x-www-form-urlencoded"
  ]]):format(token))
  for round = 1, ROUNDS do
    local out = postgres.run("wrk", "-t1", "-c32", "-d" .. READS .. "s", "-s", script,
      server.url .. "/idp/token/introspect")
    found.introspection[round] = tonumber(out:match("Requests/sec:%s+([%d.]+)"))
    local codes = postgres.run("env", "MOONLATCH_DATABASE=" .. url, build .. "/bench/exchange_codes", server.state,
      tostring(CODES))
    local file = sys.write_file(directory .. "/codes", codes .. "\n")
    out = postgres.run("sh", "-c", build .. "/bench/exchange_load " .. server.port .. " 64 < " .. file)
    local done, good, seconds = out:match("(%d+) (%d+) ([%d.]+)")
    assert(done == good, out)
    found.exchange[round] = good / seconds
    found.refresh[round] = #refreshes(1)
  end
  return { introspection = stats.median(found.introspection), exchange = stats.median(found.exchange),
    refresh = stats.median(found.refresh) }
end

local empty = measure()

local started = sys.now()
sql(([[INSERT INTO authorizations (authorization_id, user_id, app_id, scopes, version, created_at, updated_at)
  SELECT 'z' || n, 'u' || n, '%s', 'profile', 1, 0, 0 FROM generate_series(1, %d) n]])
  :format(world.app.app_id, AUTHORIZATIONS))
sql(([[INSERT INTO grants (grant_id, authorization_id, authorization_version, user_id, app_id, scopes, redirect_uri,
    auth_time, auth_method, session_id, created_at, redeemed_at, redeemed_by, proof, expires_at)
  SELECT 'g' || n, 'z' || n, 1, 'u' || n, '%s', 'profile', 'https://x.example/', 0, 'fingerprint', 's', 0, 0, 't',
    'secret', 9999999999 FROM generate_series(1, %d) n]]):format(world.app.app_id, AUTHORIZATIONS))
sql(([[INSERT INTO access_tokens (token_id, grant_id, secret_hash, scopes, created_at, expires_at)
  SELECT '0' || md5(CAST(n AS text)), 'g' || (n %% %d + 1),
    '\x00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff', 'profile', 0, 9999999999
  FROM generate_series(1, %d) n]]):format(AUTHORIZATIONS, TOKENS))
sql "VACUUM ANALYZE"
sql "CHECKPOINT"
local size = sql("SELECT pg_size_pretty(pg_database_size(current_database()))")
print(("%d access tokens and %d authorizations loaded in %.0f s: %s"):format(TOKENS, AUTHORIZATIONS,
  sys.now() - started, size))
local full = measure()
for _, name in ipairs { "introspection", "exchange", "refresh" } do
  print(("%-16s empty %8.0f /s   full %8.0f /s   ratio %.2f (goal 0.8)")
    :format(name, empty[name], full[name], full[name] / empty[name]))
end

-- Latencies while nothing, and then while the clean-up runs.
local calm = refreshes(10)
sql(([[INSERT INTO access_tokens (token_id, grant_id, secret_hash, scopes, created_at, expires_at)
  SELECT '1' || md5(CAST(n AS text)), 'g1', '\x00', 'profile', 0, 1 FROM generate_series(1, %d) n]]):format(EXPIRED))
local function expired()
  return tonumber(sql "SELECT count(*) FROM access_tokens WHERE expires_at < 1000")
end
while expired() == EXPIRED do
  os.execute("sleep 0.2") -- it looks for more every half minute
end
local at_first = expired()
local busy = refreshes(20)
local calm_99, busy_99 = stats.quantile(calm, 0.99), stats.quantile(busy, 0.99)
print(("clean-up: %.0f of %d expired rows a second; refresh p50 %.2f → %.2f ms, p99 %.2f → %.2f ms (%.1f, goal 2)")
  :format((at_first - expired()) / 20, EXPIRED, stats.median(calm), stats.median(busy), calm_99, busy_99,
    busy_99 / calm_99))

server:stop()
postgres.cluster("stop", directory .. "/c", "immediate")
postgres.run("rm", "-rf", directory)
