-- luajit spec/bench/run.lua BUILD_DIR [--quick] [reads | exchanges | id_tokens | postgres | micro]…: the figures of
-- README.md.
-- Server on core 0, load on core 1; what is compared runs in turns, because these machines are noisy, and the median
-- counts. Exits 1 when a goal is missed.
package.path = "./spec/?.lua;" .. package.path
local cjson = require "cjson.safe"

local flow = require "helpers.flow"
local http = require "helpers.http"
local server_helper = require "helpers.server"
local sys = require "helpers.sys"
local median = require("bench.stats").median

local build, quick, wanted = arg[1], arg[2] == "--quick", {}
for i = quick and 3 or 2, #arg do
  wanted[arg[i]] = true
end
local ROUNDS, SECONDS = quick and 1 or 5, quick and 1 or 2
local CODES, SERIAL = quick and 1500 or 12000, quick and 300 or 2000
server_helper.binary = build .. "/moonlatch"
local scratch = sys.directory()

local function read(words, input, env)
  local file = input and sys.write_file(scratch .. "/input", input)
  local line = { "taskset", "-c", "1" }
  for _, word in ipairs(words) do
    line[#line + 1] = tostring(word)
  end
  if file then
    line = { "sh", "-c", table.concat(line, " ") .. " < " .. file }
  end
  local code, out, err = sys.run(line, { timeout_s = 120, env = env or {} })
  assert(code == 0, table.concat(words, " ") .. ": " .. tostring(code) .. " " .. out .. err)
  return out
end

--- what is asked

-- { path, method, body, bearer }
local function wrk(port, request)
  local script = sys.write_file(scratch .. "/wrk.lua", ([[
    wrk.method = %q
    wrk.body = %s
    wrk.headers["Content-Type"] = %s
    wrk.headers["Authorization"] = %s
  ]]):format(request.method, request.body and ("%q"):format(request.body) or "nil",
    request.body and '"application/x-www-form-urlencoded"' or "nil",
    request.bearer and ("%q"):format("Bearer " .. request.bearer) or "nil"))
  local out = read { "wrk", "-t1", "-c32", "-d" .. SECONDS .. "s", "-s", script,
    "http://127.0.0.1:" .. port .. request.path }
  assert(not out:find("Non-2xx", 1, true), out)
  return tonumber(out:match("Requests/sec:%s+([%d.]+)"))
end

local function h2load(port, request)
  local words = { "h2load", "-t1", "-c32", "-m16", "-D" .. SECONDS, "--warm-up-time=0" }
  if request.body then
    sys.write_file(scratch .. "/body", request.body)
    words[#words + 1] = "-d"
    words[#words + 1] = scratch .. "/body"
    words[#words + 1] = "-H"
    words[#words + 1] = "content-type:application/x-www-form-urlencoded"
  end
  words[#words + 1] = "http://127.0.0.1:" .. port .. request.path
  local out = read(words)
  local good, done = out:match("status codes: (%d+) 2xx"), out:match("(%d+) total")
  assert(tonumber(good) > 0, out)
  assert(out:match("2xx, 0 3xx, 0 4xx, 0 5xx"), out .. tostring(done))
  return tonumber(out:match("finished in [%d.]+s, ([%d.]+) req/s"))
end

--- servers on core 0


local function pinned(options)
  local plain = server_helper.binary
  local wrapper = sys.write_file(scratch .. "/moonlatch", "#!/bin/sh\nexec taskset -c 0 " .. plain .. ' "$@"\n')
  sys.run { "chmod", "+x", wrapper }
  server_helper.binary = wrapper
  local server = server_helper.start(options)
  server_helper.binary = plain
  return server
end

local function rss_mib(server)
  return tonumber(sys.read_file("/proc/" .. server.process.pid .. "/status"):match("VmRSS:%s+(%d+)")) / 1024
end

--- results

local results, missed = {}, 0
local function report(name, value, unit, goal)
  local met = not goal or value >= goal
  missed = missed + (met and 0 or 1)
  results[#results + 1] = { name = name, value = value, unit = unit, goal = goal }
  print(("%-52s %12s %-6s %s"):format(name, value >= 100 and ("%.0f"):format(value) or ("%.2f"):format(value), unit,
    goal and ("goal " .. goal .. (met and "" or "  MISSED")) or ""))
end

-- Moonlatch's and the bare responder's rate of the same request and answer size, in turns.
local function ratio(name, load, server, bare_port, request, goal)
  local answer = http.request(server, request.method, request.path, {
    body = request.body, bearer = request.bearer,
    headers = request.body and { ["content-type"] = "application/x-www-form-urlencoded" } or nil,
  })
  assert(answer.status == 200, answer.body)
  local bare = { path = "/" .. #answer.body, method = request.method, body = request.body, bearer = request.bearer }
  local ours, theirs, ratios = {}, {}, {}
  for i = 1, ROUNDS do
    theirs[i] = load(bare_port, bare)
    ours[i] = load(server.port, request)
    ratios[i] = ours[i] / theirs[i]
  end
  report(name, median(ours), "/s")
  report("  bare libh2o, " .. #answer.body .. " bytes", median(theirs), "/s")
  report("  ratio", median(ratios), "", goal)
end

-- The bare responder, and its port.
local function bare_start()
  local bare = sys.spawn { "taskset", "-c", "0", build .. "/bench/bare_responder" }
  return bare, tonumber(bare:line(5))
end

local function bare_stop(bare)
  bare:signal(sys.KILL)
  bare:wait()
end

local function reads()
  local server = pinned { workers = 1, settings = { limits = { connections_per_address = 5000 } } }
  local bare, bare_port = bare_start()
  local world = flow.world(server)
  local token = flow.tokens(server, world.app, world.cookie, { scope = "openid profile" }).access_token
  local introspect = { method = "POST", path = "/idp/token/introspect", body = "token=" .. token }
  report("resident memory, idle", rss_mib(server), "MiB")
  ratio("introspection, HTTP/1.1", wrk, server, bare_port, introspect, 0.85)
  ratio("introspection, HTTP/2, 32 x 16", h2load, server, bare_port, introspect, 0.70)
  ratio("userinfo, HTTP/1.1", wrk, server, bare_port, { method = "GET", path = "/idp/userinfo", bearer = token }, 0.6)
  ratio("an app by API key, HTTP/1.1", wrk, server, bare_port,
    { method = "GET", path = "/idp/apps/" .. world.app.app_id, bearer = world.user.api_key }, 0.5)
  ratio("discovery, HTTP/1.1", wrk, server, bare_port,
    { method = "GET", path = "/.well-known/openid-configuration" }, 0.9)
  ratio("JWKS, HTTP/1.1", wrk, server, bare_port, { method = "GET", path = "/idp/jwks" }, 0.9)
  local open = {}
  for i = 1, 1000 do
    open[i] = sys.connect(server.port)
    open[i]:send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    assert(open[i]:answer(10) == 200)
  end
  report("resident memory, 1000 connections", rss_mib(server), "MiB")
  report("most stack that a fiber touched, of 64 KiB", http.metric(server, "moonlatch_fiber_stack_peak_bytes") / 1024,
    "KiB")
  for i = 1, 1000 do
    open[i]:close()
  end
  bare_stop(bare)
  server:stop()
end

-- Redeems CODES fresh codes with 64 clients; exchanges a second. env: where the codes are made, if not in the state;
-- alg: with an id_token that is signed so.
local function redeem(server, count, env, alg)
  local bodies = read({ build .. "/bench/exchange_codes", server.state, count, alg }, nil, env)
  local said = read({ build .. "/bench/exchange_load", server.port, 64 }, bodies)
  local done, good, seconds = said:match("(%d+) (%d+) ([%d.]+)")
  assert(done == good and tonumber(done) == count, said)
  return good / seconds
end

-- The same server, the same load: with group commit, and with a commit (and its fsync) for each batch.
local function exchanges()
  local grouped = pinned { workers = 1 }
  local single = pinned { workers = 1, settings = { limits = { store_group = 1 } } }
  local fast, slow = {}, {}
  for i = 1, quick and 1 or 3 do
    slow[i] = redeem(single, SERIAL)
    fast[i] = redeem(grouped, CODES)
  end
  grouped:stop()
  single:stop()
  report("exchanges, 64 clients, durable, group commit", median(fast), "/s")
  report("  with a commit for each", median(slow), "/s")
  report("  ratio", median(fast) / median(slow), "", 5)
end

-- What an id_token costs: the same server, the same load, in turns.
local function id_tokens()
  local server = pinned { workers = 1 }
  local rates = { none = {}, ES256 = {}, EdDSA = {}, RS256 = {} }
  for i = 1, quick and 1 or 3 do
    for alg, list in pairs(rates) do
      list[i] = redeem(server, alg == "RS256" and CODES / 4 or CODES, nil, alg ~= "none" and alg or nil)
    end
  end
  server:stop()
  report("exchanges without id_token", median(rates.none), "/s")
  for _, alg in ipairs { "ES256", "EdDSA", "RS256" } do
    report("  with one of " .. alg, median(rates[alg]), "/s")
    report("  ratio", median(rates[alg]) / median(rates.none), "", alg == "ES256" and 0.8 or nil)
  end
end

local function postgres()
  require("bench.postgres").run {
    pinned = pinned, report = report, wrk = wrk, h2load = h2load, redeem = redeem, ratio = ratio,
    bare_start = bare_start, bare_stop = bare_stop, scratch = scratch,
    rounds = quick and 1 or 3, seconds = SECONDS, codes = CODES,
  }
end

local function micro()
  for name, rate in read({ build .. "/bench/micro" }):gmatch("(%S+) (%d+)\n") do
    local goal = name:find("^policy") and 100000 or nil -- under 10 us
    report(name:gsub("_", " "), tonumber(rate), "/s", goal)
  end
end

local _, cpu = sys.run { "sh", "-c", "lscpu | sed -n 's/^Model name: *//p'; nproc" }
local _, disk = sys.run { "sh", "-c", "stat -f -c %T " .. scratch }
print(("%s, %s, state on %s"):format(os.date("%Y-%m-%d"), cpu:gsub("\n", ", cores: ", 1):gsub("\n", ""),
  (disk:gsub("\n", ""))))
local ok, failure = xpcall(function()
  local parts = { { "reads", reads }, { "exchanges", exchanges }, { "id_tokens", id_tokens },
    { "postgres", postgres }, { "micro", micro } }
  for _, part in ipairs(parts) do
    if next(wanted) == nil or wanted[part[1]] then
      part[2]()
    end
  end
end, debug.traceback)
sys.run { "rm", "-rf", scratch }
sys.write_file(build .. "/bench.json", cjson.encode(results) .. "\n")
if not ok then
  io.stderr:write(failure, "\n")
elseif missed > 0 then
  print(missed .. " goals missed")
end
os.exit(ok and missed == 0 and 0 or 1)
