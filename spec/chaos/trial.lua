-- A trial: servers on one database, people and observers, faults, and what the tables say at the end.
local cqueues = require "cqueues"

local asker = require "chaos.asker"
local background = require "chaos.background"
local database = require "helpers.database"
local faults = require "chaos.faults"
local history = require "chaos.history"
local person = require "chaos.person"
local plan = require "chaos.plan"
local postgres = require "helpers.postgres"
local proxy = require "helpers.proxy"
local rows = require "chaos.rows"
local server_helper = require "helpers.server"
local sys = require "helpers.sys"

local trial = {}
trial.__index = trial

local PEOPLE, OBSERVERS, SUBJECTS = 10, 2, 60
local LIMITS = { store_timeout_ms = 1000, request_timeout_ms = 3000, drain_timeout_ms = 3000 }
local GRACE_S = 4
local ENDING_S = 60 -- so long those who ask again may ask when all is well
local TICK_S, STALL_S = 0.1, 0.5
local RECOVERY_S = 30 -- after so long a server is said never to write again

trial.GRACE_S, trial.DEADLINE_S = GRACE_S, LIMITS.request_timeout_ms / 1000

--- the servers

-- Waits until it listens; false when it does not.
function trial:launch(slot)
  slot.process_of = server_helper.launch { state = self.state, workers = 2, env = slot.env,
    settings = { limits = LIMITS, lifetimes = { reuse_grace = GRACE_S }, issuer = self.issuer } }
  local deadline = cqueues.monotime() + 30 * server_helper.patience
  repeat
    local line = background.line(slot.process_of.process, deadline - cqueues.monotime())
    slot.scheme, slot.port = (line or ""):match("^moonlatch listening on (https?)://[%d%.]+:(%d+)")
    slot.port = tonumber(slot.port)
  until slot.port or not line
  if not slot.port then
    self.history:add { what = "ended", server = slot.name,
      why = "does not start: " .. slot.process_of:log_text():sub(-500) }
  end
  return slot.port ~= nil
end

-- What it logged goes to the trial's directory; sanitizers' reports are violations.
function trial:ended(slot, code, expected)
  local log = slot.process_of:log_text()
  os.remove(slot.process_of.log_file)
  os.remove(slot.process_of.settings_file)
  sys.write_file(("%s/%s-%d.log"):format(self.directory, slot.name, self:number()), log)
  local report = log:find("Sanitizer", 1, true) or log:find("runtime error", 1, true)
  if report or code ~= expected then
    self.history:add { what = "ended", server = slot.name, code = code,
      why = log:sub(report and math.max(1, report - 200) or -500):sub(1, 2000) }
  end
end

-- signal: sys.KILL or sys.TERM
function trial:end_server(slot, signal)
  slot.process_of.process:signal(signal)
  local code = background.wait(slot.process_of.process, 20 * server_helper.patience)
  if not code then
    slot.process_of.process:signal(sys.KILL)
    slot.process_of.process:wait()
  end
  self:ended(slot, code, signal == sys.KILL and 128 + sys.KILL or 0)
end

-- The command line beside the servers: the decoded result, nil when it was refused.
function trial:command(...)
  local words = { server_helper.binary, ... }
  for _, word in ipairs { "--json", "--state", self.state } do
    table.insert(words, word)
  end
  local code, out, err = background.run(words, { env = server_helper.environment(nil,
    self.state) }, 30 * server_helper.patience)
  if code ~= 0 then
    self.history:add { what = "command", words = { ... }, code = code, said = err:sub(1, 300) }
    return nil
  end
  return require "cjson.safe".decode(out)
end

--- numbers, subjects, looks

function trial:number()
  self.count = self.count + 1
  return self.count
end

-- Something whose life observers look at: { id, path, method, options, family }.
function trial:watch(subject)
  self.subjects[#self.subjects + 1] = subject
  self.subject_of[subject.id] = subject
  return subject
end

function trial:subject(token, family)
  local id = token:match("^[^.]+")
  return self.subject_of[id] or self:watch { id = id, family = family, path = "/idp/token/introspect", method = "POST",
    options = { form = { token = token } }, is_token = true }
end

function trial.look(_, who, server, subject)
  return who:ask(server, { kind = "look", about = subject.id, family = subject.family }, subject.method or "GET",
    subject.path, subject.options, function(answer)
      if subject.is_token then
        return answer.status == 200 and { is_active = answer.json.active } or nil
      end
      return (answer.status == 200 or answer.status == 401) and { is_active = answer.status == 200 } or nil
    end)
end

function trial:look_everywhere(who, subject)
  for _, server in ipairs(self.servers) do
    self:look(who, server, subject)
  end
end

-- While a revocation makes its way.
function trial:look_closely(subject)
  for i, server in ipairs(self.servers) do
    cqueues.running():wrap(function()
      local who = asker.new(self, 1000 + i)
      for _ = 1, self.slack_s > 0 and 12 or 5 do
        self:look(who, server, subject)
        cqueues.sleep(0.12)
      end
    end)
  end
end

function trial:observe(number)
  local who = asker.new(self, 100 + number)
  while not self.is_over do
    local count = #self.subjects
    if count > 0 then
      local newest = math.min(count, SUBJECTS)
      self:look(who, who:any(), self.subjects[count - who.random(newest) + 1])
    end
    cqueues.sleep(0.005 + who.random() * 0.02)
  end
end

-- Who is asked late cannot answer in time: notes when the trial itself stood still.
function trial:notice_stalls()
  local last = self.history:now()
  while not self.is_over do
    cqueues.sleep(TICK_S)
    local now = self.history:now()
    if now - last > STALL_S then
      self.history:add { what = "stall", from = last, to = now }
    end
    last = now
  end
end

--- faults

-- From its end until every server writes again.
function trial:recover(fault)
  local recovery = {}
  for _, slot in ipairs(self.servers) do
    local began = cqueues.monotime()
    local answer
    repeat
      answer = self.witness.asker:ask(slot, { kind = "witness" }, "PATCH", self.witness:app_path(), self.witness:owner {
        json = { description = "Seen " .. self:number() } })
      if answer.status ~= 200 then
        cqueues.sleep(0.05)
      end
    until answer.status == 200 or cqueues.monotime() - began > RECOVERY_S
    recovery[slot.name] = cqueues.monotime() - began
  end
  fault.what, fault.recovery_s = "fault", recovery
  self.history:add(fault)
end

-- A server that has ended by itself is told of, and started again.
function trial:revive()
  for _, slot in ipairs(self.servers) do
    local code = slot.process_of.process:wait(0)
    if code then
      self:ended(slot, code, nil)
      self:launch(slot)
    end
  end
end

function trial:fault_loop(names, deadline)
  local next_fault = plan.faults(self.seed, names)
  while cqueues.monotime() < deadline do
    local planned = next_fault()
    cqueues.sleep(planned.gap_s)
    local fault = { name = planned.name, from = self.history:now() }
    faults[planned.name](self, fault, planned.random)
    fault.to = self.history:now()
    self:revive()
    self:recover(fault)
  end
end

--- a database, from nothing to the rows that are left

function trial:place_sqlite()
  self.slack_s = 0
  self.disk = self.directory .. "/disk"
  sys.write_file(self.disk, "00")
  local library = self.directory .. "/disk.so"
  postgres.run("cc", "-shared", "-fPIC", "-o", library, server_helper.root .. "/spec/chaos/disk.c", "-ldl")
  self.servers = { { name = "a", env = { LD_PRELOAD = library, CHAOS_DISK = self.disk,
    ASAN_OPTIONS = "detect_leaks=1:halt_on_error=1:exitcode=99:verify_asan_link_order=0" } } }
end

function trial:place_postgres()
  self.slack_s = 1
  self.cluster_directory = postgres.directory()
  self.url = postgres.cluster("start", self.cluster_directory .. "/c", "-c", "max_prepared_transactions=0")
  database.of = function()
    return self.url
  end
  self.proxies, self.servers = {}, {}
  for i, name in ipairs { "a", "b" } do
    self.proxies[i] = proxy.start(self.cluster_directory .. "/c/.s.PGSQL.5432")
    self.servers[i] = { name = name, proxy = self.proxies[i], env = {
      MOONLATCH_DATABASE = ("postgresql://moonlatch@127.0.0.1:%d/postgres?sslmode=disable&gssencmode=disable")
        :format(self.proxies[i].port) } }
  end
end

-- Errors of the specs' own are no answers: they end the trial.
function trial:failed(message)
  if not tostring(message):find("helpers/http.lua", 1, true) and not tostring(message):find("http/", 1, true) then
    self:break_off(message)
  end
end

function trial:break_off(message)
  self.broken = self.broken or message
  self.is_over, self.is_abandoned = true, true
end

local function spawn(self, queue, what, run)
  queue:wrap(function()
    local ok, message = xpcall(run, debug.traceback)
    if not ok then
      self:break_off(what .. ": " .. tostring(message))
    end
    self.running = self.running - 1
    self.ending:signal()
  end)
  self.running = self.running + 1
end

local function everybody_done(self)
  local deadline = cqueues.monotime() + ENDING_S * server_helper.patience
  while self.running > 0 do
    if not self.ending:wait(math.max(0, deadline - cqueues.monotime())) and cqueues.monotime() > deadline then
      assert(not self.is_abandoned, "some never end")
      self:break_off "some do not come to an end"
      deadline = deadline + ENDING_S
    end
  end
end

function trial:run(names, seconds)
  local queue = cqueues.running()
  for _, slot in ipairs(self.servers) do
    slot.state = self.state
    assert(self:launch(slot), "a server does not start")
  end
  for i = 1, PEOPLE do
    self.people[i] = person.new(self, i)
  end
  self.witness = person.new(self, PEOPLE + 1)
  for _, one in ipairs(self.people) do
    spawn(self, queue, "a person", function()
      one:live()
    end)
  end
  for i = 1, OBSERVERS do
    spawn(self, queue, "an observer", function()
      self:observe(i)
    end)
  end
  spawn(self, queue, "who notices stalls", function()
    self:notice_stalls()
  end)
  self:fault_loop(names, cqueues.monotime() + seconds)
  self.is_over = true
  everybody_done(self)
  cqueues.sleep(self.slack_s + 0.2)
  for i, one in ipairs(self.people) do
    spawn(self, queue, "settling", function()
      one:settle()
      for at = i, #self.subjects, PEOPLE do
        self:look(one.asker, one.asker:any(), self.subjects[at])
      end
    end)
  end
  everybody_done(self)
end

-- mode: "sqlite" or "postgres" → events and rows
function trial.hold(mode, seed, seconds, names)
  local directory = server_helper.root .. ("/build/chaos/%s-%d"):format(mode, seed)
  postgres.run("rm", "-rf", directory)
  postgres.run("mkdir", "-p", directory)
  local self = setmetatable({ mode = mode, seed = seed, directory = directory, issuer = "http://localhost:1",
    state = sys.directory(), grace_s = GRACE_S, count = 0, subjects = {},
    subject_of = {}, people = {}, running = 0, ending = require "cqueues.condition".new(),
    history = history.new(directory .. "/history.jsonl") }, trial)
  local queue, result = cqueues.new(), {}
  queue:wrap(function()
    local ok, message = xpcall(function()
      self["place_" .. mode](self)
      self:run(names or faults.names[mode], seconds)
    end, debug.traceback)
    self.is_over = true
    self.broken = self.broken or not ok and message or nil
    for _, slot in ipairs(self.servers or {}) do
      if slot.process_of then
        self:end_server(slot, sys.TERM)
      end
    end
    result.rows = not self.broken and rows.read(self) or nil
    for _, one in ipairs(self.proxies or {}) do
      one:stop()
    end
  end)
  local ok, message = queue:loop()
  self.broken = self.broken or not ok and message or nil
  if self.cluster_directory then
    postgres.cluster("stop", self.cluster_directory .. "/c", "immediate")
    postgres.run("rm", "-rf", self.cluster_directory)
  end
  postgres.run("rm", "-rf", self.state)
  self.history:close()
  return { mode = mode, directory = directory, seed = seed, events = self.history.events, rows = result.rows,
    broken = self.broken,
    grace_s = GRACE_S, deadline_s = trial.DEADLINE_S, slack_s = self.slack_s, patience = server_helper.patience }
end

return trial
