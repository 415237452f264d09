-- A machine of a server's own, as machine.c makes it: a clock that is off, a disk that stands still or is full.
--
--   local box = machine.make { clock_s = 12 }
--   server.start { env = box.env }
--   box:begin "stall" … box:finish "stall"
--   box:remove()
local server = require "helpers.server"
local sys = require "helpers.sys"

local machine = {}
machine.__index = machine

function machine.make(options)
  local directory = sys.directory()
  local library = directory .. "/machine.so"
  local code, _, err = sys.run { "cc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", library,
    server.root .. "/spec/helpers/machine.c", "-ldl" }
  assert(code == 0, err)
  return setmetatable({
    directory = directory,
    env = { LD_PRELOAD = library, MACHINE = directory, MACHINE_CLOCK_S = tostring(options and options.clock_s or 0) },
  }, machine)
end

function machine:begin(what)
  sys.write_file(self.directory .. "/" .. what, "")
end

function machine:finish(what)
  os.remove(self.directory .. "/" .. what)
end

function machine:remove()
  sys.run { "rm", "-r", self.directory }
end

return machine
