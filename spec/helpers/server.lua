-- A moonlatch of its own for a spec: fresh state, a port that the kernel chooses, settings from a table. stop() is a
-- check, too: exit code 0, no sanitizer report, a log of JSON lines that names no secret.
local cjson = require "cjson.safe"
local database = require "helpers.database"
local sys = require "helpers.sys"

local server = { root = os.getenv("MOONLATCH_ROOT") or "." }
server.__index = server
-- The Node that spec/package.json names, whatever the machine has: Debian 12's is too old for some that it runs.
-- (Its npm makes no link to it in .bin.)
server.node = server.root .. "/spec/node_modules/node-linux-" .. jit.arch .. "/bin/node"
server.binary = os.getenv("MOONLATCH_BIN") or server.root .. "/build/release/moonlatch"
-- For MOONLATCH_SECRET: all bytes differ, as the server wants it.
server.SECRET = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
-- Sanitized builds are slower; times that a spec allows are multiplied by this.
server.patience = tonumber(os.getenv("MOONLATCH_SPEC_PATIENCE") or 1)

local sanitizers = {
  ASAN_OPTIONS = "detect_leaks=1:halt_on_error=1:exitcode=99",
  UBSAN_OPTIONS = "print_stacktrace=1:halt_on_error=1",
  TSAN_OPTIONS = "halt_on_error=1:exitcode=99",
  LSAN_OPTIONS = "print_suppressions=0:suppressions=" .. server.root .. "/spec/lsan.suppressions",
}

-- Whether it is a build whose memory tells nothing of the release's.
function server.is_sanitized()
  return server.patience > 1
end

-- What every moonlatch of the specs runs in: nothing of the caller's MOONLATCH_*; the database of that state directory.
function server.environment(extra, state)
  local env = { MOONLATCH_STATE = false, MOONLATCH_LISTEN = false, MOONLATCH_ISSUER = false, MOONLATCH_SECRET = false,
    MOONLATCH_DATABASE = database.of(state) }
  for _, more in ipairs { sanitizers, extra or {} } do
    for name, value in pairs(more) do
      env[name] = value
    end
  end
  return env
end

local function lua_text(value)
  if type(value) ~= "table" then
    return string.format(type(value) == "string" and "%q" or "%s", value)
  end
  local parts = {}
  for name, item in pairs(value) do
    parts[#parts + 1] = (type(name) == "string" and name .. " = " or "") .. lua_text(item)
  end
  return "{ " .. table.concat(parts, ", ") .. " }"
end

-- The policies of this repository with some files replaced: { ["consent.lua"] = "return …" }.
function server.policies(replaced)
  local directory = sys.directory() .. "/policies"
  assert(sys.run { "cp", "-r", server.root .. "/policies", directory } == 0)
  for name, text in pairs(replaced) do
    sys.write_file(directory .. "/" .. name, text)
  end
  return directory
end

-- For options.policies: any number of sign-ins may fail, for specs that have to try often.
function server.unlimited()
  local text = sys.read_file(server.root .. "/policies/login.lua"):gsub("attempts = %d+", "attempts = 0")
  return { ["login.lua"] = text }
end

-- options: settings = table for --config, args = more flags, env, state (kept by stop when given), workers (2), demo,
-- policies = { [file] = text }, listen = { … }, address_space_kb: what `ulimit -v` leaves it (nothing of that in
-- sanitized builds, whose shadow is larger).
-- Starts it without waiting: for servers that are expected to refuse.
function server.launch(options)
  options = options or {}
  local self = setmetatable({ state = options.state or sys.directory() }, server)
  self.is_state_ours = not options.state
  self.log_file = os.tmpname()
  local words = { server.binary, "serve", "--state", self.state, "--workers", tostring(options.workers or 2) }
  for _, address in ipairs(options.listen or { "127.0.0.1:0" }) do
    table.insert(words, "--listen")
    table.insert(words, address)
  end
  if options.settings then
    local file = sys.write_file(os.tmpname(), "return " .. lua_text(options.settings) .. "\n")
    self.settings_file = file
    table.insert(words, "--config")
    table.insert(words, file)
  end
  if options.policies then
    self.policies_directory = server.policies(options.policies)
    table.insert(words, "--policies")
    table.insert(words, self.policies_directory)
  end
  for _, word in ipairs(options.args or {}) do
    table.insert(words, word)
  end
  if options.address_space_kb and not server.is_sanitized() then
    words = { "sh", "-c", ('ulimit -v %d && exec "$@"'):format(options.address_space_kb), "sh", unpack(words) }
  end
  self.process = sys.spawn(words, { stderr = self.log_file, env = server.environment(options.env, self.state) })
  return self
end

-- The same, ready to answer: self.url, self.port, self.lines = what stdout said.
function server.start(options)
  local self = server.launch(options)
  self.lines = {}
  repeat
    local line = self.process:line(20 * server.patience)
    if not line then
      self.process:signal(sys.KILL)
      self.process:wait()
      error("moonlatch did not start:\n" .. sys.read_file(self.log_file), 2)
    end
    table.insert(self.lines, line)
    self.scheme, self.port = line:match("^moonlatch listening on (https?)://[%d%.]+:(%d+)")
  until self.port
  self.port = tonumber(self.port)
  self.is_tls = self.scheme == "https"
  self.url = self.scheme .. "://127.0.0.1:" .. self.port
  self.issuer = self.scheme .. "://localhost:" .. self.port
  return self
end

function server:log_text()
  return sys.read_file(self.log_file)
end

-- The log as a list of tables; a line that is no JSON object with time, level and event is an error.
function server:log()
  local list = {}
  for line in self:log_text():gmatch("[^\n]+") do
    local entry = cjson.decode(line)
    assert(type(entry) == "table" and entry.time and entry.level and entry.event, "not a log line: " .. line)
    table.insert(list, entry)
  end
  return list
end

-- The first line of the log that fits, awaited: a line may be written a moment after the answer it is about.
function server:logged(fits)
  local deadline = sys.now() + 10 * server.patience
  repeat
    for _, entry in ipairs(self:log()) do
      if fits(entry) then
        return entry
      end
    end
  until sys.now() > deadline
  error("no such line in the log:\n" .. self:log_text():sub(-2000), 2)
end

local function log_check(self)
  local text = self:log_text()
  local report = text:find("Sanitizer", 1, true) or text:find("runtime error", 1, true)
  assert(not report, "sanitizer report:\n" .. text:sub(math.max(1, (report or 1) - 500), (report or 1) + 6000))
  self:log()
  for _, secret in ipairs { "cak_%w+%.%w+", "crt_%w+%.%w+", "cpk_%w+%.%w+", "cst_%w+%.%w+", "csc_%w+", "crg_%w+",
                            "session_id=", "signature=" } do
    assert(not text:find(secret), "the log names a secret like " .. secret)
  end
end

local function clean(self)
  os.remove(self.log_file)
  if self.settings_file then
    os.remove(self.settings_file)
  end
  if self.policies_directory then
    sys.run { "rm", "-r", self.policies_directory }
  end
  if self.is_state_ours then
    sys.run { "rm", "-r", self.state }
  end
end

-- SIGTERM; stop() still has to be called.
function server:tell_to_end()
  self.is_told = true
  self.process:signal(sys.TERM)
end

-- SIGTERM, and all that must hold then.
function server:stop(timeout_s)
  if not self.is_told then
    self:tell_to_end()
  end
  local code = self.process:wait((timeout_s or 10) * server.patience)
  if not code then
    self.process:signal(sys.KILL)
    self.process:wait()
    error("moonlatch did not end after SIGTERM:\n" .. self:log_text():sub(-2000), 2)
  end
  assert(code == 0, "moonlatch ended with " .. code .. ":\n" .. self:log_text():sub(-6000))
  log_check(self)
  clean(self)
end

-- kill -9: nothing is finished, nothing flushed. The state stays.
function server:kill()
  self.process:signal(sys.KILL)
  self.process:wait()
  os.remove(self.log_file)
end

-- kB of /proc/PID/status: "VmRSS", "VmHWM".
function server:memory_kb(field)
  local status = sys.read_file("/proc/" .. self.process.pid .. "/status")
  return tonumber(status:match("\n" .. field .. ":%s+(%d+) kB"))
end

-- VmHWM begins anew (proc(5)); what is resident now.
function server:memory_mark()
  sys.write_file("/proc/" .. self.process.pid .. "/clear_refs", "5")
  return self:memory_kb("VmRSS")
end

-- For one that was expected to refuse: exit code and what it said.
function server:refusal()
  local code = self.process:wait(20 * server.patience)
  if not code then
    self.process:signal(sys.KILL)
    self.process:wait()
    error("it started:\n" .. self.process.text, 2)
  end
  local said = self:log_text()
  clean(self)
  return code, said
end

return server
