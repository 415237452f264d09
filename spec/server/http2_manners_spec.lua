-- HTTP/2 as its clients need it: a body that is not wanted has its answer, SETTINGS are kept to, what is expected is
-- said, what is malformed ends its stream alone, and no connection ends without a reason or with a request lost.
local flow = require "helpers.flow"
local frames = require "helpers.frames"
local server_helper = require "helpers.server"
local sys = require "helpers.sys"
local wire = require "helpers.wire"

local INTROSPECT = "/idp/token/introspect"
local FORM = { "content-type", "application/x-www-form-urlencoded" }
local NO_ERROR, ENHANCE_YOUR_CALM = 0, 11
local LAST_OF_ALL = 2 ^ 31 - 1

local function number_at(text, at)
  local a, b, c, d = text:byte(at, at + 3)
  return ((a * 256 + b) * 256 + c) * 256 + d
end

-- All frames until `fits` says so of one, or the end; each GOAWAY with .last, .code and .reason.
local function read_until(peer, fits)
  local list = {}
  while true do
    local one, why = peer:next(wire.WAIT_S)
    if not one then
      return list, why
    end
    if one.type == "goaway" then
      one.last, one.code = number_at(one.payload, 1), number_at(one.payload, 5)
      one.reason = one.payload:sub(9)
    end
    list[#list + 1] = one
    if fits and fits(one) then
      return list
    end
  end
end

local function of_type(list, type)
  local found = {}
  for _, one in ipairs(list) do
    if one.type == type then
      found[#found + 1] = one
    end
  end
  return found
end

local function data(stream, text, is_last)
  local list = {}
  for at = 1, #text, 16384 do
    local flags = is_last and at + 16384 > #text and frames.END_STREAM or 0
    list[#list + 1] = frames.frame(frames.DATA, flags, stream, text:sub(at, at + 16383))
  end
  return table.concat(list)
end

describe("HTTP/2:", function()
  local server
  flow.in_world(function(...)
    server = ...
  end, { settings = { limits = { drain_timeout_ms = 20000 } } })

  local function goes_on(peer, stream)
    peer:send(frames.get(stream, "/healthz"))
    assert.equal(200, (peer:answer(stream, wire.WAIT_S)))
    peer:close()
  end

  describe("a body that is too large", function()
    for _, size in ipairs { 65537, 131072, 140000, 1000000 } do
      for _, is_named in ipairs { true, false } do
        it("of " .. size .. " bytes" .. (is_named and ", said before" or "") .. ": 413, and no reset", function()
          local peer = frames.connect(server.port)
          local length = is_named and { "content-length", tostring(size) } or nil
          peer:send(frames.open_post(1, INTROSPECT, { FORM, length }), frames.open_post(3, INTROSPECT))
          peer:send(data(1, ("x"):rep(size), true), frames.frame(frames.DATA, frames.END_STREAM, 3, "token=x"))
          assert.equal(200, (peer:answer(3, wire.WAIT_S))) -- the one beside it
          local status, body = peer:answer(1, wire.WAIT_S)
          assert.equal(413, status)
          assert.matches('"detail":"The body is larger than 64 KiB."', body, 1, true)
          goes_on(peer, 5)
        end)
      end
    end

    it("with trailers behind it: the table is as the peer has it", function()
      local peer = frames.connect(server.port)
      peer:send(frames.open_post(1, INTROSPECT), data(1, ("x"):rep(90000)),
        frames.head(1, frames.END_STREAM, frames.indexed("x-trailer", "y")))
      assert.equal(413, (peer:answer(1, wire.WAIT_S)))
      peer:send(frames.head(3, frames.END_STREAM, frames.block("GET", "/idp/scopes") .. "\190"))
      assert.equal(200, (peer:answer(3, wire.WAIT_S)))
      goes_on(peer, 5)
    end)

    it("of exactly the limit, padded, is not", function()
      local peer = frames.connect(server.port)
      local text = "token=" .. ("x"):rep(65536 - 6)
      peer:send(frames.open_post(1, INTROSPECT), data(1, text:sub(1, 65000)),
        frames.frame(frames.DATA, frames.END_STREAM + 8, 1, "\255" .. text:sub(65001) .. ("\0"):rep(255)))
      assert.equal(200, (peer:answer(1, wire.WAIT_S)))
      peer:close()
    end)

    it("without an end is told to stop, then cut", function()
      local peer = frames.connect(server.port)
      peer:send(frames.open_post(1, INTROSPECT))
      local piece, is_taken = data(1, ("x"):rep(2 ^ 20)), true
      for _ = 1, 80 do
        is_taken = is_taken and peer:send(piece)
      end
      local list, why = read_until(peer)
      assert.equal("closed", why)
      local reset = of_type(list, "reset")
      assert.same({ 1, NO_ERROR }, { reset[1].stream, number_at(reset[1].payload, 1) })
      peer:close()
    end)
  end)

  describe("the size of the peer's table", function()
    -- What the first header block begins with (RFC 7541 §6.3).
    for size, update in pairs {
      [0] = "\32", [30] = "\32\62", [256] = "\32\63\225\1", [2048] = "\32\63\225\15", [4096] = "", [65536] = "",
    } do
      it(size .. ": the next block says so, once", function()
        local peer = frames.connect(server.port, { settings = { [frames.HEADER_TABLE_SIZE] = size } })
        for i = 1, 5, 2 do
          peer:send(frames.get(i, "/healthz"))
          local list = read_until(peer, function(one)
            return one.type == "data"
          end)
          local block = ""
          for _, one in ipairs(list) do
            local is_block = one.type == "headers" or one.type == frames.CONTINUATION
            block = block .. (is_block and one.payload or "")
          end
          local expected = (i == 1 and update or "") .. "\136" -- :status 200
          assert.equal(expected, block:sub(1, #expected))
          if size == 0 then
            assert.is_nil(block:find("[\190-\254]", #expected + 1, false) == #expected + 1 or nil)
          end
        end
        peer:close()
      end)
    end

    it("that changes in between", function()
      local peer = frames.connect(server.port)
      peer:send(frames.get(1, "/healthz"))
      assert.equal(200, (peer:answer(1, wire.WAIT_S)))
      peer:send(frames.settings { [frames.HEADER_TABLE_SIZE] = 0 }, frames.get(3, "/healthz"))
      local list = read_until(peer, function(one)
        return one.type == frames.CONTINUATION
      end)
      local first = of_type(list, "headers")[1]
      assert.same({ "\32", 0 }, { first.payload, first.flags })
      peer:close()
    end)
  end)

  describe("Expect: 100-continue", function()
    local EXPECTS = { FORM, { "expect", "100-continue" } }

    it("is answered before the body", function()
      local peer = frames.connect(server.port)
      peer:send(frames.open_post(1, INTROSPECT, EXPECTS))
      local list = read_until(peer, function(one)
        return one.type == "headers"
      end)
      assert.same({ "\8\3" .. "100", frames.END_HEADERS }, { list[#list].payload, list[#list].flags })
      peer:send(frames.frame(frames.DATA, frames.END_STREAM, 1, "token=x"))
      assert.equal(200, (peer:answer(1, wire.WAIT_S)))
      goes_on(peer, 3)
    end)

    it("by 413 where the body would be too large", function()
      local peer = frames.connect(server.port)
      peer:send(frames.open_post(1, INTROSPECT, { EXPECTS[1], EXPECTS[2], { "content-length", "70000" } }))
      assert.equal(413, (peer:answer(1, wire.WAIT_S)))
      goes_on(peer, 3)
    end)

    it("begins with the size of the table, too", function()
      local peer = frames.connect(server.port, { settings = { [frames.HEADER_TABLE_SIZE] = 0 } })
      peer:send(frames.open_post(1, INTROSPECT, EXPECTS))
      local list = read_until(peer, function(one)
        return one.type == "headers"
      end)
      assert.equal("\32\8\3" .. "100", list[#list].payload)
      peer:close()
    end)
  end)

  describe("a malformed request ends its stream alone:", function()
    local HEADERS = frames.END_STREAM + frames.END_HEADERS
    local METHOD, SCHEME, PATH = { ":method", "GET" }, { ":scheme", "http" }, { ":path", "/idp/scopes" }

    local function malformed(what, status, ...)
      local parts = {}
      for i, pair in ipairs { ... } do
        parts[i] = type(pair) == "string" and pair or frames.header(pair[1], pair[2])
      end
      it(what .. ": " .. status, function()
        local peer = frames.connect(server.port)
        peer:send(frames.head(1, HEADERS - frames.END_HEADERS, table.concat(parts)))
        assert.equal(status, (peer:answer(1, wire.WAIT_S)))
        goes_on(peer, 3)
      end)
    end

    malformed("an empty path", 400, METHOD, SCHEME, { ":path", "" })
    malformed("a connection header", 400, METHOD, SCHEME, PATH, { "connection", "close" })
    malformed("a transfer coding", 400, METHOD, SCHEME, PATH, { "transfer-encoding", "chunked" })
    malformed("keep-alive", 400, METHOD, SCHEME, PATH, { "keep-alive", "5" })
    malformed("te", 400, METHOD, SCHEME, PATH, { "te", "gzip" })
    malformed("te: trailers, which is none", 200, METHOD, SCHEME, PATH, { "te", "trailers" })
    malformed("a pseudo header behind others", 400, METHOD, SCHEME, { "a", "b" }, PATH)
    malformed("the same, packed", 400, "\130", "\134", { "a", "b" }, "\132")
    malformed("two methods", 400, METHOD, "\130", SCHEME, PATH)
    malformed("a pseudo header of answers", 400, METHOD, SCHEME, PATH, { ":status", "200" })
    malformed("an upper-case name", 400, METHOD, SCHEME, PATH, { "X-Upper", "a" })
    malformed("60 KB of headers", 431, METHOD, SCHEME, PATH, { "a", ("a"):rep(60000) })
    malformed("200 KB of headers", 431, METHOD, SCHEME, PATH, { "a", ("a"):rep(200000) })

    it("and the table is as the peer has it", function()
      local peer = frames.connect(server.port)
      local block = "\130\134" .. frames.indexed("x-a", "1") .. frames.header(":path", "/idp/scopes")
      peer:send(frames.head(1, frames.END_STREAM, block .. frames.indexed("X-B", "2")))
      assert.equal(400, (peer:answer(1, wire.WAIT_S)))
      peer:send(frames.head(3, frames.END_STREAM, frames.block("GET", "/idp/scopes") .. "\190\191"))
      assert.equal(200, (peer:answer(3, wire.WAIT_S)))
      peer:close()
    end)
  end)

  it("HTTP/1.1 goes on whatever option is named but close (RFC 9112 §9.3)", function()
    for option, expected in pairs {
      ["Upgrade, HTTP2-Settings"] = 2, TE = 2, ["keep-alive"] = 2, ["X-Hop"] = 2, close = 1, ["TE, close"] = 1,
    } do
      local raw = sys.connect(server.port)
      local request = wire.get("/healthz", "Connection: " .. option)
      raw:send(request)
      assert.equal(200, (raw:answer()))
      assert.equal(expected == 2, raw:send(request) and (raw:receive(wire.WAIT_S) or "") ~= "", option)
      raw:close()
    end
  end)
end)

describe("HTTP/2, what does not come:", function()
  local server
  lazy_setup(function()
    server = server_helper.start { settings = { limits = { request_timeout_ms = 600, idle_timeout_ms = 1500 } } }
  end)
  lazy_teardown(function()
    server:stop()
  end)

  it("a body: 408, and the connection goes on", function()
    local peer = frames.connect(server.port)
    peer:send(frames.open_post(1, INTROSPECT), frames.frame(frames.DATA, 0, 1, "tok"))
    assert.equal(408, (peer:answer(1, wire.WAIT_S)))
    peer:send(frames.frame(frames.DATA, frames.END_STREAM, 1, "en=x"), frames.get(3, "/healthz"))
    assert.equal(200, (peer:answer(3, wire.WAIT_S)))
    peer:close()
  end)

  it("any request, whether or not there are PINGs: GOAWAY says why", function()
    for _, has_pings in ipairs { true, false } do
      local peer = frames.connect(server.port)
      local pings, list, why = 0
      if has_pings then
        peer:send(frames.frame(frames.PING, 0, 0, "12345678"))
      end
      list, why = read_until(peer, function(one)
        if one.type == "ping" then -- one answered, the next follows
          pings = pings + 1
          peer:send(frames.frame(frames.PING, 0, 0, "12345678"))
        end
        return one.type == "goaway"
      end)
      assert.is_nil(why)
      assert.same({ NO_ERROR, "idle timeout" }, { list[#list].code, list[#list].reason })
      assert.equal(has_pings, pings > 0)
      peer:close()
    end
  end)

  it("the end of resets: GOAWAY says why", function()
    local peer, list = frames.connect(server.port), {}
    for i = 1, 300, 2 do
      list[#list + 1] = frames.get(i, "/idp/scopes") .. frames.reset(i)
    end
    peer:send(table.concat(list))
    local said = of_type(read_until(peer), "goaway")
    assert.same({ ENHANCE_YOUR_CALM, "too many requests were given up" }, { said[1].code, said[1].reason })
    peer:close()
  end)
end)

describe("A server that ends loses nothing of HTTP/2:", function()
  local server
  before_each(function()
    server = server_helper.start()
  end)
  after_each(function()
    server:stop()
  end)

  local function is_goaway(one)
    return one.type == "goaway"
  end

  it("a request whose body is half here is answered, and the last stream is named", function()
    local peer = frames.connect(server.port)
    peer:send(frames.open_post(1, INTROSPECT), frames.frame(frames.DATA, 0, 1, "tok"), frames.get(3, "/healthz"))
    assert.equal(200, (peer:answer(3, wire.WAIT_S)))
    server:tell_to_end()
    local first = read_until(peer, is_goaway)
    assert.equal(LAST_OF_ALL, first[#first].last)
    peer:send(frames.frame(frames.DATA, frames.END_STREAM, 1, "en=x"))
    local list, why = read_until(peer)
    assert.equal("closed", why)
    assert.equal("\136", of_type(list, "headers")[1].payload:sub(1, 1))
    assert.same({ 3, NO_ERROR }, { of_type(list, "goaway")[1].last, of_type(list, "goaway")[1].code })
    peer:close()
  end)

  it("a request that was on its way to an idle connection is answered", function()
    local peer = frames.connect(server.port)
    peer:send(frames.get(1, "/healthz"))
    assert.equal(200, (peer:answer(1, wire.WAIT_S)))
    server:tell_to_end()
    local first = read_until(peer, is_goaway)
    assert.equal(LAST_OF_ALL, first[#first].last)
    peer:send(frames.get(3, "/healthz"))
    local list, why = read_until(peer)
    assert.equal("closed", why)
    assert.equal("\136", of_type(list, "headers")[1].payload:sub(1, 1))
    assert.equal(3, of_type(list, "goaway")[1].last)
    peer:close()
  end)

  it("SETTINGS come first on a connection that begins while it ends", function()
    local peer = frames.connect(server.port)
    server:tell_to_end()
    local list = read_until(peer)
    assert.equal("settings", list[1].type)
    peer:close()
  end)
end)
