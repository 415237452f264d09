-- HTTP/2 by hand: frames as bytes, for peers that lua-http is too polite to play. Header blocks are literals without
-- Huffman coding and without indexing (RFC 7541 §6.2.2), so every request says all that it says.
--
--   local peer = frames.connect(server.port)
--   peer:send(frames.get(1, "/idp/scopes"), frames.reset(1))
--   local status, body = peer:answer(3)
local bit = require "bit"
local ffi = require "ffi"
local sys = require "helpers.sys"

ffi.cdef "int bind(int fd, const sys_sockaddr_in *address, unsigned size);"

local frames = {
  PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
  DATA = 0, HEADERS = 1, PRIORITY = 2, RST_STREAM = 3, SETTINGS = 4, PUSH_PROMISE = 5, PING = 6, GOAWAY = 7,
  WINDOW_UPDATE = 8, CONTINUATION = 9,
  END_STREAM = 1, END_HEADERS = 4, ACK = 1,
  HEADER_TABLE_SIZE = 1, INITIAL_WINDOW_SIZE = 4,
}

local names = {}
for name, number in pairs {
  data = 0, headers = 1, priority = 2, reset = 3, settings = 4, ping = 6, goaway = 7, window_update = 8,
} do
  names[number] = name
end

--- bytes

function frames.u32(number)
  return string.char(math.floor(number / 2 ^ 24) % 256, math.floor(number / 2 ^ 16) % 256,
    math.floor(number / 256) % 256, number % 256)
end

local function number_at(text, at, count)
  local number = 0
  for i = at, at + count - 1 do
    number = number * 256 + text:byte(i)
  end
  return number
end

function frames.frame(type, flags, stream, payload)
  payload = payload or ""
  return frames.u32(#payload):sub(2) .. string.char(type, flags) .. frames.u32(stream) .. payload
end

-- An integer with a prefix of seven bits (RFC 7541 §5.1).
local function length_of(text)
  local length = #text
  if length < 127 then
    return string.char(length)
  end
  local bytes = { "\127" }
  length = length - 127
  while length >= 128 do
    bytes[#bytes + 1] = string.char(length % 128 + 128)
    length = math.floor(length / 128)
  end
  return table.concat(bytes) .. string.char(length)
end

function frames.header(name, value)
  return "\0" .. length_of(name) .. name .. length_of(value) .. value
end

-- A header block; `more` is a list of { name, value }.
function frames.block(method, path, more)
  local parts = {
    frames.header(":method", method), frames.header(":scheme", "http"), frames.header(":path", path),
    frames.header(":authority", "localhost"),
  }
  for _, pair in ipairs(more or {}) do
    parts[#parts + 1] = frames.header(pair[1], pair[2])
  end
  return table.concat(parts)
end

-- A field that also goes into the table, as its first: "\190" names it from then on (RFC 7541 §6.2.1, §6.1).
function frames.indexed(name, value)
  return "\64" .. frames.header(name, value):sub(2)
end

--- whole frames

-- HEADERS, and CONTINUATION where the block is longer than a frame.
function frames.head(stream, flags, block)
  local list, at = {}, 1
  repeat
    local piece = block:sub(at, at + 16383)
    at = at + 16384
    local ends = at > #block and frames.END_HEADERS or 0
    list[#list + 1] = frames.frame(#list == 0 and frames.HEADERS or frames.CONTINUATION,
      (#list == 0 and flags or 0) + ends, stream, piece)
  until at > #block
  return table.concat(list)
end

function frames.get(stream, path, more)
  return frames.frame(frames.HEADERS, frames.END_STREAM + frames.END_HEADERS, stream, frames.block("GET", path, more))
end

-- HEADERS of a POST whose body is still to come.
function frames.open_post(stream, path, more)
  local block = frames.block("POST", path, more or { { "content-type", "application/x-www-form-urlencoded" } })
  return frames.frame(frames.HEADERS, frames.END_HEADERS, stream, block)
end

-- Bodies of up to 16 KiB.
function frames.post(stream, path, body, more)
  return frames.open_post(stream, path, more) .. frames.frame(frames.DATA, frames.END_STREAM, stream, body)
end

function frames.reset(stream)
  return frames.frame(frames.RST_STREAM, 0, stream, frames.u32(8)) -- CANCEL
end

function frames.settings(values)
  local parts = {}
  for id, value in pairs(values or {}) do
    parts[#parts + 1] = string.char(0, id) .. frames.u32(value)
  end
  return frames.frame(frames.SETTINGS, 0, 0, table.concat(parts))
end

function frames.window_update(stream, increment)
  return frames.frame(frames.WINDOW_UPDATE, 0, stream, frames.u32(increment))
end

--- a connection

local peer = {}
peer.__index = peer

local function address_of(text, port)
  local a, b, c, d = text:match("^(%d+)%.(%d+)%.(%d+)%.(%d+)$")
  return ffi.new("sys_sockaddr_in", { 2, bit.rshift(bit.bswap(port), 16), a + b * 2 ^ 8 + c * 2 ^ 16 + d * 2 ^ 24 })
end

-- Like sys.connect, from another address of the loopback network ("127.0.0.2").
local raw_methods
local function connect_from(port, from)
  local fd = ffi.C.socket(2, bit.bor(1, 0x80000), 0)
  local own, other = address_of(from, 0), address_of("127.0.0.1", port)
  assert(ffi.C.bind(fd, own, ffi.sizeof(own)) == 0, "cannot bind " .. from)
  assert(ffi.C.connect(fd, other, ffi.sizeof(other)) == 0, "cannot connect")
  return setmetatable({ fd = fd }, raw_methods)
end

-- options: settings = { [id] = value }; receive_buffer = bytes that the kernel keeps for a peer that does not read;
-- from = "127.0.0.2" (not on the first connection).
function frames.connect(port, options)
  options = options or {}
  local raw = options.from and connect_from(port, options.from) or sys.connect(port)
  raw_methods = getmetatable(raw)
  local self = setmetatable({ raw = raw, text = "", answers = {} }, peer)
  if options.receive_buffer then
    ffi.C.setsockopt(self.raw.fd, 1, 8, ffi.new("int[1]", options.receive_buffer), 4) -- SO_RCVBUF
  end
  assert(self:send(frames.PREFACE, frames.settings(options.settings)))
  return self
end

-- False when the server has closed, or does not read within ten seconds.
function peer:send(...)
  return self.raw:send(table.concat { ... })
end

-- The next frame: { type = "headers", flags, stream, payload }; nil at the end (then "closed") and after the timeout.
function peer:next(timeout_s)
  local deadline = sys.now() + (timeout_s or 10)
  while true do
    if #self.text >= 9 then
      local length = number_at(self.text, 1, 3)
      if #self.text >= 9 + length then
        local one = {
          type = names[self.text:byte(4)] or self.text:byte(4), flags = self.text:byte(5),
          stream = number_at(self.text, 6, 4), payload = self.text:sub(10, 9 + length),
        }
        self.text = self.text:sub(10 + length)
        return one
      end
    end
    local more = self.raw:receive(math.max(0, deadline - sys.now()))
    if not more or more == "" then
      return nil, more and "closed" or "timeout"
    end
    self.text = self.text .. more
  end
end

-- :status comes first: indexed (RFC 7541 appendix A, 8 to 14) or as three digits.
local indexed = { [8] = 200, [9] = 204, [10] = 206, [11] = 304, [12] = 400, [13] = 404, [14] = 500 }
local function status_of(block)
  local first = block:byte(1)
  return first >= 128 and indexed[first - 128] or tonumber(block:match("^%c%c(%d%d%d)"))
end

local function note(self, one)
  local answer = self.answers[one.stream] or { body = "" }
  self.answers[one.stream] = answer
  if one.type == "headers" then
    answer.status = status_of(one.payload)
  elseif one.type == "data" then
    answer.body = answer.body .. one.payload
  end
  answer.is_whole = one.flags % 2 == 1
end

-- status, body of a stream's answer; nil and "reset", "goaway", "closed" or "timeout" when there is none.
function peer:answer(stream, timeout_s)
  local deadline = sys.now() + (timeout_s or 10)
  while not (self.answers[stream] or {}).is_whole do
    local one, why = self:next(math.max(0, deadline - sys.now()))
    if not one then
      return nil, why
    elseif one.type == "goaway" or (one.type == "reset" and one.stream == stream) then
      return nil, one.type
    elseif one.type == "headers" or one.type == "data" then
      note(self, one)
    end
  end
  return self.answers[stream].status, self.answers[stream].body
end

-- Seconds until the server closed; nil when it did not within the timeout. What comes before that is thrown away.
function peer:closes(timeout_s)
  local start = sys.now()
  return self.raw:receive_all(timeout_s) and sys.now() - start
end

function peer:close()
  self.raw:close()
end

return frames
