-- An Apache of a spec's own: Debian's binary and mod_auth_openidc, a configuration in a directory of its own, one
-- virtual host for each client that it is. Debian's configuration and service are not touched, nor installed.
local socket = require "cqueues.socket"

local server_helper = require "helpers.server"
local sys = require "helpers.sys"

local apache = {}
apache.__index = apache

local MODULES = { "mpm_event", "authn_core", "authz_core", "authz_user", "auth_openidc" }

-- Free, and none that the kernel gives to others: those begin at 32768.
local function free_port()
  math.randomseed(tonumber(tostring({}):match("0x(%x+)"):sub(-6), 16) + os.time())
  while true do
    local port = math.random(20000, 32000)
    local listening = socket.listen { host = "127.0.0.1", port = port, reuseaddr = true }
    local is_free = pcall(function()
      assert(listening:listen(1))
    end)
    listening:close()
    if is_free then
      return port
    end
  end
end

-- Hosts by name, each with its port and origin and nothing in it yet: an app's redirect_uris come before the app's
-- client_id, which comes before the configuration.
function apache.new(names)
  local self = setmetatable({ directory = sys.directory(), hosts = {} }, apache)
  for _, name in ipairs(names) do
    local port = free_port()
    self.hosts[name] = { name = name, port = port, origin = "http://localhost:" .. port }
  end
  sys.run { "chmod", "755", self.directory }
  sys.run { "mkdir", self.directory .. "/moon", self.directory .. "/api" }
  sys.write_file(self.directory .. "/moon/page.html", "the far side\n")
  sys.write_file(self.directory .. "/api/thing", "a rock\n")
  return self
end

local function configuration(self)
  local lines = {
    "ServerRoot " .. self.directory, "DefaultRuntimeDir " .. self.directory, "PidFile " .. self.directory .. "/pid",
    "ServerName localhost", "ErrorLog /dev/stdout", "LogLevel warn mpm_event:notice core:notice",
    "DocumentRoot " .. self.directory, "StartServers 1", "ServerLimit 1", "ThreadsPerChild 8", "MaxRequestWorkers 8",
    "MinSpareThreads 1", "MaxSpareThreads 8",
  }
  if sys.is_root() then
    table.insert(lines, "User www-data\nGroup www-data")
  end
  for _, name in ipairs(MODULES) do
    table.insert(lines, ("LoadModule %s_module /usr/lib/apache2/modules/mod_%s.so"):format(name, name))
  end
  for _, host in pairs(self.hosts) do
    table.insert(lines, "Listen 127.0.0.1:" .. host.port)
    table.insert(lines, "<VirtualHost 127.0.0.1:" .. host.port .. ">\nServerName localhost:" .. host.port)
    table.insert(lines, host.directives)
    table.insert(lines, "<Location /moon>\nAuthType openid-connect\nRequire valid-user\nForceType text/html")
    table.insert(lines, "</Location>\n<Location /api>\nAuthType oauth20\nRequire valid-user\n</Location>")
    table.insert(lines, "</VirtualHost>")
  end
  return table.concat(lines, "\n") .. "\n"
end

-- Starts it with what each host has as .directives.
function apache:start()
  local file = sys.write_file(self.directory .. "/apache.conf", configuration(self))
  self.errors = os.tmpname()
  self.process = sys.spawn({ "/usr/sbin/apache2", "-f", file, "-DFOREGROUND" }, { stderr = self.errors })
  self:logged "resuming normal operations"
end

-- Drops what its error log said so far.
function apache:forget()
  repeat
    local line = self.process:line(0)
  until not line
end

-- Awaits a line of its error log; lines before it are gone then.
function apache:logged(pattern)
  local said = {}
  repeat
    local line = self.process:line(10 * server_helper.patience)
    table.insert(said, line)
    if line and line:find(pattern) then
      return line
    end
  until not line
  error("Apache did not say " .. pattern .. ":\n" .. table.concat(said, "\n") .. sys.read_file(self.errors), 2)
end

function apache:stop()
  if self.process then
    self.process:signal(sys.TERM)
    if not self.process:wait(10 * server_helper.patience) then
      self.process:signal(sys.KILL)
      self.process:wait()
    end
    os.remove(self.errors)
  end
  sys.run { "rm", "-r", self.directory }
end

return apache
