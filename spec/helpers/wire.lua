-- HTTP/1 by hand: requests as bytes, and all answers that come back on one connection.
local cjson = require "cjson.safe"
local cqueues_socket = require "cqueues.socket"
local assert = require "luassert"
local openssl_ssl = require "openssl.ssl.context"

local server_helper = require "helpers.server"
local sys = require "helpers.sys"

local wire = { WAIT_S = 10 * server_helper.patience }

-- A request's head: the lines of it, each { … } or text.
function wire.head(first, ...)
  local list = { first }
  for _, line in ipairs { ... } do
    list[#list + 1] = line
  end
  list[#list + 1] = "\r\n"
  return table.concat(list, "\r\n")
end

-- A GET with more lines in its head.
function wire.get(path, ...)
  return wire.head("GET " .. path .. " HTTP/1.1", "Host: localhost", ...)
end

function wire.method(method, path, ...)
  return wire.head(method .. " " .. path .. " HTTP/1.1", "Host: localhost", ...)
end

function wire.chunked(body, size)
  local parts = {}
  for at = 1, #body, size do
    local part = body:sub(at, at + size - 1)
    parts[#parts + 1] = string.format("%x\r\n%s\r\n", #part, part)
  end
  return table.concat(parts) .. "0\r\n\r\n"
end

-- The answers in those bytes, as wire.answers has them.
function wire.parse(text)
  local list = {}
  while text ~= "" do
    local head, rest = text:match("^(HTTP/1%.1 .-\r\n)\r\n(.*)$")
    assert(head, "not an answer: " .. text)
    local length = tonumber(head:lower():match("\r\ncontent%-length: (%d+)"))
    list[#list + 1] = { status = tonumber(head:sub(10, 12)), head = head:lower(), body = rest:sub(1, length) }
    text = rest:sub(length + 1)
  end
  return list
end

local tls_peer = { receive_all = sys.raw.receive_all, answer = sys.raw.answer }
tls_peer.__index = tls_peer

-- Like sys.connect, over TLS: send, receive, receive_all, answer, close. Each send is a record.
function wire.tls_connect(port)
  local socket = cqueues_socket.connect("127.0.0.1", port)
  socket:setmode("bn", "bn")
  socket:settimeout(wire.WAIT_S)
  socket:onerror(function(_, _, code)
    return code
  end)
  local context = openssl_ssl.new("TLS", false)
  context:setVerify(openssl_ssl.VERIFY_NONE)
  assert(socket:starttls(context))
  return setmetatable({ socket = socket }, tls_peer)
end

function tls_peer:send(text)
  return self.socket:xwrite(text, "bn") and true or false
end

-- "" at the end, nil after the timeout.
function tls_peer:receive(timeout_s)
  local text, code = self.socket:xread(-65536, "b", timeout_s)
  return text or (code ~= 110 and "" or nil) -- ETIMEDOUT
end

function tls_peer:close()
  self.socket:close()
end

-- Sends, and reads until the server closes: a list of { status, head (in lower case), body }; is_closed says whether
-- it did.
function wire.answers(server, bytes, timeout_s)
  local peer = sys.connect(server.port)
  peer:send(bytes)
  local text, so_far = peer:receive_all(timeout_s or wire.WAIT_S)
  peer:close()
  local list = wire.parse(text or so_far)
  list.is_closed = text ~= nil
  return list
end

-- One answer, on a connection that may stay open.
function wire.answer(server, bytes)
  local peer = sys.connect(server.port)
  peer:send(bytes)
  local status, head, body = peer:answer(wire.WAIT_S)
  peer:close()
  return { status = status, head = head and head:lower(), body = body }
end

-- {"detail": "text"}, also where h2o refuses before there is a request.
function wire.is_detail(answer, status)
  assert.equal(status, answer.status, answer.body)
  assert.matches("\r\ncontent%-type: application/json\r\n", answer.head)
  local json = cjson.decode(answer.body)
  assert.is_string(json and json.detail, answer.body)
end

-- Nothing, or one refusal; then the end. The refusal.
function wire.is_refused(server, bytes)
  local list = wire.answers(server, bytes)
  assert.is_true(list.is_closed, "the connection is still open")
  assert.is_true(#list <= 1, #list .. " answers")
  if list[1] then
    assert.is_true(list[1].status >= 400 and list[1].status < 500, list[1].head)
  end
  return list[1]
end

return wire
