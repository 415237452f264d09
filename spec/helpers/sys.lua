-- Processes and raw sockets, through LuaJIT's ffi: what lua-http is too polite for. Everything waits
-- for an event with a deadline; nothing sleeps. Processes are ended by id.
local bit = require "bit"
local ffi = require "ffi"

ffi.cdef [[
typedef struct { int fd; short events, revents; } sys_pollfd;
typedef struct { int onoff, linger; } sys_linger;
typedef struct { uint16_t family, port; uint32_t address; uint8_t zero[8]; } sys_sockaddr_in;
extern char **environ;
int posix_spawnp(int *pid, const char *file, const void *actions, const void *attributes, const char *const argv[],
                 const char *const envp[]);
int posix_spawn_file_actions_init(void *actions);
int posix_spawn_file_actions_destroy(void *actions);
int posix_spawn_file_actions_adddup2(void *actions, int from, int to);
int posix_spawn_file_actions_addopen(void *actions, int fd, const char *path, int flags, unsigned mode);
int pipe2(int fds[2], int flags);
int poll(sys_pollfd *fds, unsigned long count, int timeout_ms);
ssize_t read(int fd, void *at, size_t size);
ssize_t write(int fd, const void *at, size_t size);
int close(int fd);
int kill(int pid, int signal);
int waitpid(int pid, int *status, int options);
int socket(int domain, int type, int protocol);
int connect(int fd, const sys_sockaddr_in *address, unsigned size);
int shutdown(int fd, int how);
int setsockopt(int fd, int level, int name, const void *value, unsigned size);
ssize_t send(int fd, const void *at, size_t size, int flags);
char *mkdtemp(char *template);
int clock_gettime(int clock, void *at);
unsigned geteuid(void);
int getpid(void);
]]

local C = ffi.C
local O_CLOEXEC, POLLIN, POLLOUT = 0x80000, 1, 4
local O_WRONLY, O_CREAT, O_APPEND = 1, 0x40, 0x400
local MSG_NOSIGNAL, EAGAIN, EINTR = 0x4000, 11, 4

local sys = { TERM = 15, KILL = 9, HUP = 1 }

-- Seconds of the monotonic clock.
function sys.now()
  local at = ffi.new("int64_t[2]")
  C.clock_gettime(1, at)
  return tonumber(at[0]) + tonumber(at[1]) / 1e9
end

local function poll(fd, events, deadline)
  local wanted = ffi.new("sys_pollfd[1]", { { fd, events, 0 } })
  local left_ms = math.max(0, math.ceil((deadline - sys.now()) * 1000))
  return C.poll(wanted, 1, left_ms) > 0
end

-- Bytes, "" at the end, nil when there were none until the deadline.
local chunk = ffi.new("char[65536]")
local function read_some(fd, deadline)
  repeat
    if not poll(fd, POLLIN, deadline) then
      return nil
    end
    local got = C.read(fd, chunk, 65536)
    if got >= 0 then
      return ffi.string(chunk, got)
    end
  until ffi.errno() ~= EINTR and ffi.errno() ~= EAGAIN
  return "" -- a reset is an end, too
end

--- files

function sys.directory()
  local name = ffi.new("char[64]", (os.getenv("TMPDIR") or "/tmp"):sub(1, 30) .. "/moonlatch-spec-XXXXXX")
  assert(C.mkdtemp(name) ~= nil, "mkdtemp failed")
  return ffi.string(name)
end

function sys.write_file(path, text)
  local file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
  return path
end

function sys.read_file(path)
  local file = assert(io.open(path, "r"))
  local text = file:read("*a")
  file:close()
  return text
end

function sys.is_root()
  return C.geteuid() == 0
end

--- processes

function sys.pid()
  return C.getpid()
end

local process = {}
process.__index = process

local function strings(list)
  local array = ffi.new("const char *[?]", #list + 1)
  for i, text in ipairs(list) do
    array[i - 1] = text
  end
  array[#list] = nil
  return array
end

local function environment(extra)
  local list, i = {}, 0
  while C.environ[i] ~= nil do
    local text = ffi.string(C.environ[i])
    if extra[text:match("^[^=]*")] == nil then
      list[#list + 1] = text
    end
    i = i + 1
  end
  for name, value in pairs(extra) do
    if value then
      list[#list + 1] = name .. "=" .. value
    end
  end
  return list
end

local function pipe()
  local fds = ffi.new("int[2]")
  assert(C.pipe2(fds, O_CLOEXEC) == 0, "pipe2 failed")
  return fds[0], fds[1]
end

-- What a spec starts ends with it, whatever ends the spec: the kernel kills it when busted is gone (it is one thread).
local function ending_with_us(words)
  return { "setpriv", "--pdeathsig", "KILL", "--", unpack(words) }
end

-- words: the command; options.stderr: a file; options.stdin = true: process:write works; options.env: { NAME = value,
-- false takes it away }.
function sys.spawn(words, options)
  options = options or {}
  local out_read, out_write = pipe()
  local in_read, in_write
  local actions = ffi.new("char[256]")
  C.posix_spawn_file_actions_init(actions)
  C.posix_spawn_file_actions_adddup2(actions, out_write, 1)
  if options.stdin then
    in_read, in_write = pipe()
    C.posix_spawn_file_actions_adddup2(actions, in_read, 0)
  else
    C.posix_spawn_file_actions_addopen(actions, 0, "/dev/null", 0, 0)
  end
  if options.stderr then
    C.posix_spawn_file_actions_addopen(actions, 2, options.stderr, bit.bor(O_WRONLY, O_CREAT, O_APPEND), 384)
  end
  local pid = ffi.new("int[1]")
  local env = environment(options.env or {})
  local bound = ending_with_us(words)
  local failed = C.posix_spawnp(pid, bound[1], actions, nil, strings(bound), strings(env))
  C.posix_spawn_file_actions_destroy(actions)
  C.close(out_write)
  if in_read then
    C.close(in_read)
  end
  assert(failed == 0, "cannot start " .. words[1])
  return setmetatable({ pid = pid[0], stdout = out_read, stdin = in_write, text = "" }, process)
end

-- The next line of stdout, without its end; nil at the end or after the timeout.
function process:line(timeout_s)
  local deadline = sys.now() + (timeout_s or 10)
  while true do
    local line, rest = self.text:match("^([^\n]*)\n(.*)$")
    if line then
      self.text = rest
      return line
    end
    local more = read_some(self.stdout, deadline)
    if not more or more == "" then
      return nil
    end
    self.text = self.text .. more
  end
end

function process:write(text)
  assert(C.write(self.stdin, text, #text) == #text, "the process does not read")
end

function process:close_stdin()
  if self.stdin then
    C.close(self.stdin)
    self.stdin = nil
  end
end

function process:signal(number)
  if not self.status then
    C.kill(self.pid, number)
  end
end

-- Exit code (128 + signal when it was killed), or nil when it still runs after the timeout. Its end closes its
-- stdout: that is the event waited for.
function process:wait(timeout_s)
  local deadline = sys.now() + (timeout_s or 10)
  while not self.status do
    local more = read_some(self.stdout, deadline)
    if not more then
      return nil
    end
    self.text = self.text .. more
    if more == "" then
      local status = ffi.new("int[1]")
      C.waitpid(self.pid, status, 0)
      C.close(self.stdout)
      self:close_stdin()
      local by_signal = bit.band(status[0], 0x7f)
      self.status = by_signal == 0 and bit.rshift(status[0], 8) or 128 + by_signal
    end
  end
  return self.status
end

-- Runs to the end: exit code, stdout, stderr.
function sys.run(words, options)
  local errors = os.tmpname()
  options = options or {}
  local one = sys.spawn(words, { stderr = errors, env = options.env })
  local code = one:wait(options.timeout_s or 60)
  if not code then
    one:signal(sys.KILL)
    one:wait()
  end
  local stderr = sys.read_file(errors)
  os.remove(errors)
  return code, one.text, stderr
end

--- raw TCP to 127.0.0.1

local raw = {}
raw.__index = raw
sys.raw = raw -- receive_all and answer serve whatever has receive

function sys.connect(port)
  local fd = C.socket(2, bit.bor(1, O_CLOEXEC), 0)
  local network_port = bit.bor(bit.lshift(bit.band(port, 0xff), 8), bit.rshift(port, 8))
  local address = ffi.new("sys_sockaddr_in", { 2, network_port, 0x0100007f })
  assert(C.connect(fd, address, ffi.sizeof(address)) == 0, "cannot connect")
  local on = ffi.new("int[1]", 1)
  C.setsockopt(fd, 6, 1, on, 4) -- TCP_NODELAY
  return setmetatable({ fd = fd }, raw)
end

-- False when the peer has closed, or does not read within the timeout.
function raw:send(text, timeout_s)
  local deadline, at = sys.now() + (timeout_s or 10), 0
  local bytes = ffi.cast("const char *", text)
  while at < #text do
    if not poll(self.fd, POLLOUT, deadline) then
      return false
    end
    local sent = C.send(self.fd, bytes + at, #text - at, bit.bor(MSG_NOSIGNAL, 0x40)) -- MSG_DONTWAIT
    if sent < 0 and ffi.errno() ~= EAGAIN and ffi.errno() ~= EINTR then
      return false
    end
    at = at + math.max(0, tonumber(sent))
  end
  return true
end

-- What has come: "" at the end, nil after the timeout.
function raw:receive(timeout_s)
  return read_some(self.fd, sys.now() + (timeout_s or 10))
end

-- All until the peer closes; nil when it does not within the timeout (the text so far is second).
function raw:receive_all(timeout_s)
  local deadline, parts = sys.now() + (timeout_s or 10), {}
  while true do
    local more = self:receive(math.max(0, deadline - sys.now()))
    if not more then
      return nil, table.concat(parts)
    elseif more == "" then
      return table.concat(parts)
    end
    parts[#parts + 1] = more
  end
end

-- One HTTP/1.1 answer with a Content-Length: status, head, body.
function raw:answer(timeout_s)
  local deadline, text = sys.now() + (timeout_s or 10), ""
  while true do
    local head, body = text:match("^(.-\r\n)\r\n(.*)$")
    if head then
      local length = tonumber(head:lower():match("\r\ncontent%-length: (%d+)") or 0)
      if #body >= length then
        return tonumber(head:match("^HTTP/1%.1 (%d+)")), head, body:sub(1, length)
      end
    end
    local more = self:receive(math.max(0, deadline - sys.now()))
    if not more or more == "" then
      return nil, text
    end
    text = text .. more
  end
end

function raw:shutdown_write()
  C.shutdown(self.fd, 1)
end

function raw:close()
  if self.fd then
    C.close(self.fd)
    self.fd = nil
  end
end

-- Closes with a TCP reset.
function raw:reset()
  C.setsockopt(self.fd, 1, 13, ffi.new("sys_linger", { 1, 0 }), ffi.sizeof("sys_linger"))
  self:close()
end

return sys
