-- HTTP clients for the specs: lua-http over HTTP/1.1 and HTTP/2, no redirects followed, cookies only when asked.
--
--   local answer = http.get(server, "/idp/scopes")
--   local answer = http.post(server, "/idp/token", { form = { grant_type = "…" } })
--   answer.status, answer.headers["content-type"], answer.body, answer.json
--
-- Options: form, json, body, headers = { [name] = value }, cookie, basic = { id, secret }, bearer, version (1.1 or 2),
-- from (the address that it comes from, as "127.0.0.77"), method. A form is a map, or a list of { name, value } for
-- duplicates.
local cjson = require "cjson.safe"
local cqueues = require "cqueues"
local http_client = require "http.client"
local new_headers = require "http.headers".new
local openssl_ssl = require "openssl.ssl.context"

local server_helper = require "helpers.server"

local http = {}

local TIMEOUT_S = 15 * server_helper.patience

function http.escape(text)
  return (tostring(text):gsub("[^%w%-%._~]", function(byte)
    return string.format("%%%02X", byte:byte())
  end))
end

function http.unescape(text)
  return (text:gsub("+", " "):gsub("%%(%x%x)", function(hex)
    return string.char(tonumber(hex, 16))
  end))
end

-- "a=1&b=2"; a map is written in the order of its names.
function http.form(fields)
  local pairs_list = {}
  if fields[1] then
    pairs_list = fields
  else
    for name, value in pairs(fields) do
      pairs_list[#pairs_list + 1] = { name, value }
    end
    table.sort(pairs_list, function(a, b)
      return a[1] < b[1]
    end)
  end
  local parts = {}
  for i, pair in ipairs(pairs_list) do
    parts[i] = http.escape(pair[1]) .. "=" .. http.escape(pair[2])
  end
  return table.concat(parts, "&")
end

-- base and a map of parameters of a URL.
function http.parse_url(url)
  local base, query = url:match("^([^?]*)%??(.*)$")
  local params = {}
  for name, value in query:gmatch("([^&=]+)=([^&]*)") do
    params[http.unescape(name)] = http.unescape(value)
  end
  return base, params
end

local base64_alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
function http.base64(text)
  local out = text:gsub("..?.?", function(three)
    local a, b, c = three:byte(1, 3)
    local number = a * 65536 + (b or 0) * 256 + (c or 0)
    local four = ""
    for shift = 18, 0, -6 do
      local index = math.floor(number / 2 ^ shift) % 64
      four = four .. base64_alphabet:sub(index + 1, index + 1)
    end
    return four:sub(1, #three + 1) .. ("="):rep(3 - #three)
  end)
  return out
end

function http.base64url(text)
  return (http.base64(text):gsub("[+/=]", { ["+"] = "-", ["/"] = "_", ["="] = "" }))
end

function http.basic(id, secret)
  return "Basic " .. http.base64(http.escape(id) .. ":" .. http.escape(secret))
end

local function request_headers(server, method, path, options)
  local body, headers = options.body, new_headers()
  headers:append(":method", method)
  headers:append(":scheme", server.scheme)
  headers:append(":authority", "localhost:" .. server.port)
  headers:append(":path", path)
  if options.form then
    body = http.form(options.form)
    headers:append("content-type", "application/x-www-form-urlencoded")
  elseif options.json then
    body = type(options.json) == "string" and options.json or cjson.encode(options.json)
    headers:append("content-type", "application/json")
  end
  if options.bearer then
    headers:append("authorization", "Bearer " .. options.bearer, true)
  elseif options.basic then
    headers:append("authorization", http.basic(options.basic[1], options.basic[2]), true)
  end
  if options.cookie then
    headers:append("cookie", options.cookie, true)
  end
  for name, value in pairs(options.headers or {}) do
    headers:upsert(name, value)
  end
  if body then
    headers:append("content-length", tostring(#body))
  end
  return headers, body
end

local answer_methods = {}
local answer_mt = {
  __index = function(self, name)
    if name == "json" then
      return (cjson.decode(rawget(self, "body")))
    end
    return answer_methods[name]
  end,
}

-- The redirect's target and its parameters.
function answer_methods:location()
  return http.parse_url(assert(self.headers.location, "no redirect: " .. self.status .. " " .. self.body))
end

-- An answer of a list of { name, value }, whoever read it.
function http.answer(status, fields, body)
  local answer = { status = status, headers = {}, cookies = {}, body = body }
  for _, field in ipairs(fields) do
    local name, value = field[1], field[2]
    if name == "set-cookie" then
      answer.cookies[value:match("^([^=]+)=")] = value
    else
      answer.headers[name] = answer.headers[name] and answer.headers[name] .. ", " .. value or value
    end
  end
  return setmetatable(answer, answer_mt)
end

local function read_answer(stream)
  local headers = assert(stream:get_headers(TIMEOUT_S))
  local fields = {}
  for name, value in headers:each() do
    fields[#fields + 1] = { name, value }
  end
  return http.answer(tonumber(headers:get(":status")), fields, assert(stream:get_body_as_string(TIMEOUT_S)))
end

local connection = {}
connection.__index = connection

function http.tls_context()
  local context = openssl_ssl.new("TLS", false)
  context:setVerify(openssl_ssl.VERIFY_NONE)
  return context
end

-- A connection that stays open. version: 1.1 (default) or 2; host: an address of ours other than 127.0.0.1.
function http.connect(server, options)
  options = options or {}
  local lua_http = assert(http_client.connect({
    host = options.host or "127.0.0.1",
    port = server.port,
    tls = server.is_tls,
    ctx = server.is_tls and (options.ctx or http.tls_context()) or nil,
    sendname = "localhost",
    version = options.version or (not server.is_tls and 1.1 or nil),
    bind = options.from,
  }, TIMEOUT_S))
  return setmetatable({ server = server, lua_http = lua_http }, connection)
end

-- Sends only; answer = connection:receive(stream).
function connection:send(method, path, options)
  local headers, body = request_headers(self.server, method, path, options or {})
  local stream = self.lua_http:new_stream()
  assert(stream:write_headers(headers, not body, TIMEOUT_S))
  if body then
    assert(stream:write_chunk(body, true, TIMEOUT_S))
  end
  return stream
end

function connection.receive(_, stream)
  return read_answer(stream)
end

function connection:request(method, path, options)
  return read_answer(self:send(method, path, options))
end

function connection:close()
  self.lua_http:close()
end

function http.request(server, method, path, options)
  local one = http.connect(server, options)
  local answer = one:request(method, path, options)
  one:close()
  return answer
end

function http.get(server, path, options)
  return http.request(server, "GET", path, options)
end

function http.post(server, path, options)
  return http.request(server, "POST", path, options)
end

-- Runs job(1) … job(count) at the same time, each on a coroutine; the results in order. With `prepare`, each connection
-- is open before the first job sends: job(i, connection).
function http.together(server, count, job)
  local queue, results, connections = cqueues.new(), {}, {}
  for i = 1, count do
    connections[i] = http.connect(server)
  end
  for i = 1, count do
    queue:wrap(function()
      results[i] = job(i, connections[i])
    end)
  end
  assert(queue:loop())
  for i = 1, count do
    connections[i]:close()
  end
  return results
end

-- A gauge or counter of /metrics.
function http.metric(server, name)
  local value = http.get(server, "/metrics").body:match("\n" .. name .. " (%d+)")
  return tonumber(value) or error("no metric " .. name, 2)
end

-- What a wait that was in vain saw last, in a line.
local function last_seen(answer)
  if type(answer) == "table" and answer.status then
    return answer.status .. " " .. tostring(answer.body):sub(1, 500)
  end
  return type(answer) == "table" and cjson.encode(answer) or tostring(answer)
end

-- Asks ask(...) until is_true(answer), and gives that answer; an error when none comes in time. Each question is a
-- request: that is the pace.
function http.ask_until(ask, is_true, ...)
  local deadline = cqueues.monotime() + TIMEOUT_S
  while true do
    local answer = ask(...)
    if is_true(answer) then
      return answer
    elseif cqueues.monotime() > deadline then
      error("not within " .. TIMEOUT_S .. " s; the last answer: " .. last_seen(answer), 2)
    end
  end
end

function http.metric_until(server, name, is_true)
  return http.ask_until(http.metric, is_true, server, name)
end

return http
