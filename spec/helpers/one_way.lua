-- luajit spec/helpers/one_way.lua SOCKET: helpers/proxy.lua as a process, between a server and its PostgreSQL. Prints
-- the port that it listens on, reads a word a line from stdin, and says it back when it is so:
--   drop   what PostgreSQL says from now on is not heard; what it is asked still arrives
--   slow   each piece comes SLOW_S late, in both directions
--   cut    all connections end, with what was not heard; new ones pass everything
package.path = "./spec/?.lua;" .. package.path
local cqueues = require "cqueues"
local socket = require "cqueues.socket"

local proxy = require "helpers.proxy"

local SLOW_S = 0.3
local loop = cqueues.new()

local function obey(line, word)
  if word == "drop" then
    line:mute()
  elseif word == "slow" then
    line.delay_s = SLOW_S
  else
    line:cut()
    line:pass()
  end
end

loop:wrap(function()
  local line = proxy.start(arg[1])
  io.write(line.port, "\n")
  io.flush()
  for word in socket.fdopen(0):lines() do
    obey(line, word)
    io.write(word, "\n")
    io.flush()
  end
  os.exit(0)
end)
assert(loop:loop())
