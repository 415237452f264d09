-- A network between a server and its PostgreSQL: passes what comes, until it is told to cut, to delay, to hold back.
local cqueues = require "cqueues"
local socket = require "cqueues.socket"

local proxy = {}
proxy.__index = proxy

local CHUNK = 65536

-- An error is an answer, and raises nothing.
local function tell_errors(one)
  one:onerror(function(_, _, code)
    return code
  end)
end

-- Listens on 127.0.0.1 (self.port) and connects to a Unix socket.
function proxy.start(path)
  local listener = socket.listen { host = "127.0.0.1", port = 0 }
  assert(listener:listen())
  tell_errors(listener)
  local _, _, port = listener:localname()
  local self = setmetatable({ path = path, port = port, listener = listener, pairs = {}, random = nil }, proxy)
  cqueues.running():wrap(function()
    self:accept()
  end)
  return self
end

local function close(pair)
  for _, one in ipairs(pair) do
    pcall(one.shutdown, one, "rw")
  end
  pair.is_closed = true
end

-- Until it is stopped.
function proxy:accept()
  while not self.is_over do
    local here = self.listener:accept()
    if not here then
      return
    end
    local there = socket.connect { path = self.path }
    local pair = { here, there }
    for _, one in ipairs(pair) do
      one:setmode("bn", "bn")
      tell_errors(one)
    end
    self.pairs[pair] = true
    for i = 1, 2 do
      cqueues.running():wrap(function()
        self:pump(pair, pair[i], pair[3 - i], i == 2)
        close(pair)
        self.pairs[pair] = nil
      end)
    end
  end
end

-- What is left of a piece that may pass; false: the line is cut behind it.
function proxy:allowed(piece, is_answer)
  while self.is_held or is_answer and self.is_mute do
    cqueues.sleep(0.02)
  end
  if self.delay_s then
    cqueues.sleep(self.delay_s)
  end
  if self.bytes_left then
    self.bytes_left = self.bytes_left - #piece
    if self.bytes_left < 0 then
      piece = piece:sub(1, math.max(0, #piece + self.bytes_left))
      self.bytes_left = self.random(20000)
      return piece, true
    end
  end
  return piece
end

function proxy:pump(pair, from, to, is_answer)
  while not pair.is_closed do
    local piece = from:xread(-CHUNK, "bn")
    if not piece then
      return
    end
    local is_cut
    piece, is_cut = self:allowed(piece, is_answer)
    if #piece > 0 and not to:xwrite(piece, "bn") or is_cut then
      return
    end
  end
end

--- what befalls it

function proxy:cut()
  for pair in pairs(self.pairs) do
    close(pair)
  end
end

-- Each connection is cut after so many bytes, wherever that is, until pass().
function proxy:cut_after(bytes, random)
  self.bytes_left, self.random = bytes, random
end

function proxy:hold()
  self.is_held = true
end

-- What is asked passes, what is answered does not.
function proxy:mute()
  self.is_mute = true
end

function proxy:pass()
  self.is_mute, self.is_held, self.delay_s, self.bytes_left = nil, nil, nil, nil
end

function proxy:stop()
  self.is_over = true
  self.listener:shutdown "rw" -- which ends accept()
  self:pass()
  self:cut()
end

return proxy
