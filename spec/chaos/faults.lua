-- What befalls servers and databases. Each is told of the trial, writes into `fault` what it did, and returns when it
-- is over; its choices come from `random`.
local cqueues = require "cqueues"

local background = require "chaos.background"
local lock = require "helpers.lock"
local plan = require "chaos.plan"
local server_helper = require "helpers.server"
local sys = require "helpers.sys"

local STOP, CONT = 19, 18

local faults = { names = {
  sqlite = { "kill", "kill", "terminate", "stand_still", "write_lock", "disk_stalls", "disk_full", "commands",
    "reload" },
  postgres = { "kill", "stand_still", "terminate", "restart", "away", "backends_end", "statements_cancelled",
    "line_cut", "line_cut_after", "line_slow", "line_dead", "line_mute", "table_locked", "read_only" },
} }

local function server_of(trial, fault, random)
  local slot = plan.pick(random, trial.servers)
  fault.server = slot.name
  return slot
end

--- of a server

function faults.kill(trial, fault, random)
  local slot = server_of(trial, fault, random)
  fault.kills = slot.name
  trial:end_server(slot, sys.KILL)
  trial:launch(slot)
end

function faults.terminate(trial, fault, random)
  local slot = server_of(trial, fault, random)
  fault.ends = slot.name
  trial:end_server(slot, sys.TERM)
  trial:launch(slot)
end

function faults.stand_still(trial, fault, random)
  local slot = server_of(trial, fault, random)
  slot.process_of.process:signal(STOP)
  cqueues.sleep(0.3 + random() * 2)
  slot.process_of.process:signal(CONT)
end

function faults.reload(trial, fault, random)
  local slot = server_of(trial, fault, random)
  for _ = 1, 10 do
    slot.process_of.process:signal(sys.HUP)
    cqueues.sleep(0.05)
  end
end

--- of SQLite's file

-- Another process holds the write lock: longer than the store waits, or not.
function faults.write_lock(trial, _, random)
  local held = lock.hold(trial)
  cqueues.sleep(0.2 + random() * 2.3)
  held:release()
end

-- In place: the server has the file mapped, and a file that is cut short under a mapping is a SIGBUS.
local function disk_set(trial, text)
  local file = assert(io.open(trial.disk, "r+"))
  file:write(text)
  file:close()
end

local function with_disk(trial, text, seconds)
  disk_set(trial, text)
  cqueues.sleep(seconds)
  disk_set(trial, "00")
end

-- Longer than two of the store's timeouts, or not.
function faults.disk_stalls(trial, _, random)
  with_disk(trial, "10", plan.pick(random, { 0.5, 1.5, 3 }))
end

function faults.disk_full(trial, _, random)
  with_disk(trial, "01", 0.3 + random() * 1.5)
end

function faults.commands(trial, _, random)
  for _ = 1, 4 + random(4) do
    local name = "visitor" .. trial:number()
    if trial:command("user", "create", name) and random(2) == 1 then
      trial:command("user", "delete", name)
    end
    trial:command("app", "list")
  end
end

--- of PostgreSQL

local function sql(trial, ...)
  local words = { "psql", "--quiet", "--no-psqlrc", "--tuples-only", "--no-align", trial.url
    .. "&options=-cdefault_transaction_read_only%3Doff" }
  for _, text in ipairs { ... } do
    table.insert(words, "-c")
    table.insert(words, text)
  end
  return background.run(words)
end

local function cluster(trial, ...)
  local verb, more = ..., { select(2, ...) }
  local code, out, err = background.run { server_helper.root .. "/spec/helpers/cluster", verb,
    trial.cluster_directory .. "/c", unpack(more) }
  assert(code == 0, out .. err)
end

function faults.restart(trial, _, random)
  cluster(trial, "stop", plan.pick(random, { "fast", "immediate" }))
  cluster(trial, "start")
end

-- Longer than the grace of refresh tokens.
function faults.away(trial)
  cluster(trial, "stop", "immediate")
  cqueues.sleep(trial.grace_s + 1)
  cluster(trial, "start")
end

local MOONLATCH = " FROM pg_stat_activity WHERE application_name = 'moonlatch'"

function faults.backends_end(trial, _, random)
  for _ = 1, random(4) do
    sql(trial, "SELECT count(pg_terminate_backend(pid))" .. MOONLATCH)
    cqueues.sleep(random() * 0.3)
  end
end

function faults.statements_cancelled(trial, _, random)
  for _ = 1, 5 + random(10) do
    sql(trial, "SELECT count(pg_cancel_backend(pid))" .. MOONLATCH .. " AND state <> 'idle'")
  end
end

local function line_of(trial, fault, random)
  return server_of(trial, fault, random).proxy
end

function faults.line_cut(trial, fault, random)
  local line = line_of(trial, fault, random)
  for _ = 1, 3 + random(5) do
    line:cut()
    cqueues.sleep(0.05 + random() * 0.2)
  end
end

function faults.line_cut_after(trial, fault, random)
  local line = line_of(trial, fault, random)
  line:cut_after(200 + random(5000), random)
  cqueues.sleep(1 + random() * 2)
  line:pass()
end

function faults.line_slow(trial, fault, random)
  local line = line_of(trial, fault, random)
  line.delay_s = plan.pick(random, { 0.05, 0.2, 0.6 })
  cqueues.sleep(1 + random() * 2)
  line:pass()
end

-- For a time; then it is cut, or what was held back is delivered.
local function held_back(line, seconds, is_cut)
  cqueues.sleep(seconds)
  if is_cut then
    line:cut()
  end
  line:pass()
end

-- Nothing passes.
function faults.line_dead(trial, fault, random)
  local line = line_of(trial, fault, random)
  line:hold()
  held_back(line, 0.5 + random() * 4, random(2) == 1)
end

-- What is done is not answered.
function faults.line_mute(trial, fault, random)
  local line = line_of(trial, fault, random)
  line:mute()
  held_back(line, 0.2 + random() * 4, random(3) > 1)
end

function faults.table_locked(trial, _, random)
  local name = plan.pick(random, { "grants", "refresh_tokens", "access_tokens", "audit", "spent", "apps",
    "authorizations" })
  sql(trial, ("BEGIN; LOCK TABLE %s IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(%.2f); COMMIT"):format(name,
    0.5 + random() * 3))
end

function faults.read_only(trial, _, random)
  sql(trial, "ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()")
  cqueues.sleep(0.5 + random() * 2)
  sql(trial, "ALTER SYSTEM RESET default_transaction_read_only", "SELECT pg_reload_conf()")
end

return faults
