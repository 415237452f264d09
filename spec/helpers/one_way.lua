-- luajit spec/helpers/one_way.lua SOCKET: a network between a server and its PostgreSQL that loses answers. Prints the
-- port that it listens on, reads a word a line from stdin, and says it back when it is so:
--   drop   what PostgreSQL says from now on is lost; what it is asked still arrives
--   slow   what it says comes SLOW_S late
--   cut    all connections end; new ones pass everything
local cqueues = require "cqueues"
local socket = require "cqueues.socket"

local path, CHUNK, SLOW_S = arg[1], 65536, 0.6
local loop, lines, is_dropping, is_slow = cqueues.new(), {}, false, false

-- An error is an answer, and raises nothing.
local function quiet(one)
  one:onerror(function(_, _, code)
    return code
  end)
  one:setmode("bn", "bn")
  return one
end

local function pump(line, from, to, is_answers)
  while not line.is_over do
    local piece = from:xread(-CHUNK, "bn")
    if is_answers and is_slow then
      cqueues.sleep(SLOW_S)
    end
    if not piece or (not (is_answers and is_dropping) and not to:xwrite(piece, "bn")) then
      break
    end
  end
  line.is_over = true
  from:shutdown "rw"
  to:shutdown "rw"
end

local listener = quiet(socket.listen { host = "127.0.0.1", port = 0 })
assert(listener:listen())
loop:wrap(function()
  for here in listener:clients { "bn", "bn" } do
    local line = { quiet(here), quiet(socket.connect { path = path }) }
    lines[line] = true
    loop:wrap(function()
      pump(line, line[1], line[2])
      lines[line] = nil
    end)
    loop:wrap(function()
      pump(line, line[2], line[1], true)
    end)
  end
end)
loop:wrap(function()
  local input = socket.fdopen(0)
  for word in input:lines() do
    is_dropping, is_slow = word == "drop", word == "slow"
    for line in pairs(lines) do
      if word == "cut" then
        line[1]:shutdown "rw"
        line[2]:shutdown "rw"
      end
    end
    io.write(word, "\n")
    io.flush()
  end
  os.exit(0)
end)
io.write(select(3, listener:localname()), "\n")
io.flush()
assert(loop:loop())
