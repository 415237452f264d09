-- Peers that take their time: each is closed within the configured timeouts, not before, and whoever else asks is
-- answered meanwhile. And caps: connections of one address, connections altogether, requests in flight.
local ffi = require "ffi"

local flow = require "helpers.flow"
local frames = require "helpers.frames"
local http = require "helpers.http"
local lock_helper = require "helpers.lock"
local server_helper = require "helpers.server"
local shape = require "helpers.shape"
local sys = require "helpers.sys"
local wire = require "helpers.wire"

local LIMIT_S = 0.6
local SLACK_S = 1 * server_helper.patience -- for the server's sweeps and this machine
local TICK_S = 0.02
local INTROSPECT = "/idp/token/introspect"
local FORM_TYPE = "Content-Type: application/x-www-form-urlencoded"

local function limits(more)
  local list = { request_timeout_ms = LIMIT_S * 1000, idle_timeout_ms = LIMIT_S * 1000 }
  for name, value in pairs(more or {}) do
    list[name] = value
  end
  return { limits = list }
end

describe("slow:", function()
  local server, neighbour
  local peers, longest_s = {}, 0

  -- first: what is sent at once. feed(tick) → what is sent every twentieth of a second from then on.
  local function slow(what, first, feed)
    peers[#peers + 1] = { what = what, first = first, feed = feed }
    local peer = peers[#peers]
    it(what, function()
      assert.is_number(peer.closed_s, "was not closed")
      assert.is_true(peer.closed_s > 0.9 * LIMIT_S, "closed after " .. peer.closed_s)
    end)
  end

  local function see_whether_closed(peer)
    repeat
      local got = peer.raw:receive(0)
      if got == "" then
        peer.closed_s = sys.now() - peer.since
        peer.raw:close()
      end
    until not got or got == ""
  end

  local function ask_others()
    local start = sys.now()
    assert.equal(200, http.get(server, "/healthz").status)
    assert.equal(200, neighbour:request("GET", "/healthz").status)
    longest_s = math.max(longest_s, sys.now() - start)
  end

  -- All at the same time: that is quicker, and more of an attack.
  lazy_setup(function()
    server = server_helper.start { settings = limits() }
    neighbour = http.connect(server, { version = 2 })
    for _, peer in ipairs(peers) do
      peer.raw, peer.since = sys.connect(server.port), sys.now()
      peer.raw:send(peer.first)
    end
    local deadline, tick, open = sys.now() + LIMIT_S + SLACK_S, 0, #peers
    while open > 0 and sys.now() < deadline do
      tick, open = tick + 1, 0
      local next_tick = sys.now() + TICK_S
      ask_others()
      for _, peer in ipairs(peers) do
        if not peer.closed_s then
          peer.raw:send(peer.feed and peer.feed(tick) or "", 0)
          see_whether_closed(peer)
        end
        if not peer.closed_s then
          open = open + 1
          peer.raw:receive(next_tick - sys.now() > 0 and TICK_S / #peers or 0)
        end
      end
    end
  end)
  lazy_teardown(function()
    neighbour:close()
    server:stop()
  end)

  it("others are answered meanwhile", function()
    assert.is_true(longest_s > 0 and longest_s < 0.5 * server_helper.patience, longest_s .. " s")
    assert.equal(200, neighbour:request("GET", "/healthz").status)
  end)

  local function bytes_of(text)
    return function(tick)
      return text:sub(tick, tick)
    end
  end

  local POST = wire.method("POST", INTROSPECT, FORM_TYPE, "Content-Length: 60000")
  local IN_CHUNKS = wire.method("POST", INTROSPECT, FORM_TYPE, "Transfer-Encoding: chunked")

  slow("a connection on which nothing is said", "")
  slow("an idle connection after an answer", wire.get("/healthz"))
  slow("the end of a request line", "G", bytes_of("ET /" .. ("a"):rep(9999)))
  slow("headers, line by line", "GET / HTTP/1.1\r\nHost: a\r\n", function(tick)
    return "X-" .. tick .. ": y\r\n"
  end)
  slow("headers that stop", "GET / HTTP/1.1\r\nHost: a\r\n")
  slow("a body, byte by byte", POST, bytes_of(("a"):rep(9999)))
  slow("a body that stops", POST .. "token=x")
  slow("a body, chunk by chunk", IN_CHUNKS, function()
    return "1\r\na\r\n"
  end)
  slow("the size of a chunk", IN_CHUNKS .. "1;", bytes_of(("a"):rep(9999)))
  slow("trailers", IN_CHUNKS .. "0\r\n", function(tick)
    return "X-" .. tick .. ": y\r\n"
  end)

  -- HTTP/2
  local START = frames.PREFACE .. frames.settings()
  local HEADERS, CONTINUATION = frames.HEADERS, frames.CONTINUATION
  local BLOCK = frames.block("GET", "/healthz")

  local function every_tick(bytes)
    return function()
      return bytes
    end
  end

  slow("half a preface", frames.PREFACE:sub(1, 10))
  slow("a preface, byte by byte", "P", function(tick)
    return frames.PREFACE:sub(math.ceil(tick / 5) + 1, math.ceil(tick / 5) + (tick % 5 == 1 and 1 or 0))
  end)
  slow("no frame at all", START)
  slow("half a frame's head", START .. frames.get(1, "/healthz"):sub(1, 5))
  slow("half a frame", START .. frames.get(1, "/healthz"):sub(1, 30))
  slow("a frame, byte by byte", START .. "\0\64\0" .. string.char(HEADERS, 5) .. frames.u32(1),
    bytes_of(("\0"):rep(9999)))
  slow("CONTINUATION, byte by byte", START .. frames.frame(HEADERS, 1, 1, BLOCK), function()
    return frames.frame(CONTINUATION, 0, 1, "\130")
  end)
  slow("CONTINUATION of nothing", START .. frames.frame(HEADERS, 1, 1, BLOCK),
    every_tick(frames.frame(CONTINUATION, 0, 1):rep(100)))
  slow("DATA, byte by byte", START .. frames.open_post(1, INTROSPECT), every_tick(frames.frame(frames.DATA, 0, 1, "a")))
  slow("DATA of nothing", START .. frames.open_post(1, INTROSPECT),
    every_tick(frames.frame(frames.DATA, 0, 1):rep(100)))
  slow("PING", START, every_tick(frames.frame(frames.PING, 0, 0, "12345678"):rep(100)))
  slow("SETTINGS", START, every_tick(frames.settings { [frames.INITIAL_WINDOW_SIZE] = 65535 }:rep(100)))
  slow("PRIORITY", START, every_tick(frames.frame(frames.PRIORITY, 0, 1, frames.u32(0) .. "\1"):rep(100)))
  slow("WINDOW_UPDATE", START, every_tick(frames.window_update(0, 1):rep(100)))
  slow("streams that are opened and reset", START, function(tick)
    return frames.open_post(tick * 2 + 1, INTROSPECT) .. frames.reset(tick * 2 + 1)
  end)
  slow("a window of nothing", frames.PREFACE .. frames.settings { [frames.INITIAL_WINDOW_SIZE] = 0 }
    .. frames.get(1, "/idp/scopes"))
  slow("a window of one byte now and then", frames.PREFACE .. frames.settings { [frames.INITIAL_WINDOW_SIZE] = 1 }
    .. frames.get(1, "/idp/scopes"), every_tick(frames.window_update(1, 1)))
  -- No company excuses an answer that is not read. (A body that is not finished is h2o's alone: it holds a stream of a
  -- connection that is useful otherwise, and no more.)
  slow("a window of nothing, beside answers that are read",
    frames.PREFACE .. frames.settings { [frames.INITIAL_WINDOW_SIZE] = 0 } .. frames.get(1, "/idp/scopes"),
    function(tick)
      return frames.get(tick * 2 + 1, "/healthz") .. frames.window_update(tick * 2 + 1, 1000)
    end)
end)

describe("answers that nobody reads", function()
  local PATIENCE_S = 1.5
  local server
  lazy_setup(function()
    local ms = PATIENCE_S * 1000
    server = server_helper.start { workers = 1, settings = limits { request_timeout_ms = ms, idle_timeout_ms = ms } }
  end)
  lazy_teardown(function()
    server:stop()
  end)

  local function receive_buffer(raw, bytes)
    ffi.C.setsockopt(raw.fd, 1, 8, ffi.new("int[1]", bytes), 4) -- SO_RCVBUF
  end

  -- Asks on and on until the server does not come any further, because its answers find no room.
  local function ask_until_stuck(raw, ask)
    local before, same = -1, 0
    while same < 3 do
      raw:send(ask(), 0.01) -- what finds no room stays away: such a peer is stuck itself
      local now = http.metric(server, "moonlatch_answers_2xx_total")
      same = now - before <= 1 and same + 1 or 0 -- the question itself
      before = now
    end
  end

  local function stuck_http1()
    local raw = sys.connect(server.port)
    receive_buffer(raw, 20000)
    local request = wire.get("/idp/scopes"):rep(50)
    ask_until_stuck(raw, function()
      return request
    end)
    return raw
  end

  -- The peer, and the last stream that it opened.
  local function stuck_http2(settings)
    local peer, stream = frames.connect(server.port, { receive_buffer = 20000, settings = settings }), -1
    peer:send(frames.window_update(0, 2 ^ 30))
    ask_until_stuck(peer.raw, function()
      local list = {}
      for i = 1, 50 do
        stream = stream + 2
        list[i] = frames.get(stream, "/idp/scopes")
      end
      return table.concat(list)
    end)
    return peer, stream
  end

  it("end their connections", function()
    local one, two = stuck_http1(), stuck_http2()
    local start = sys.now()
    assert.equal(1, http.metric_until(server, "moonlatch_connections", function(count)
      return count == 1 -- this question's own
    end))
    assert.is_true(sys.now() - start < PATIENCE_S + SLACK_S)
    one:close()
    two:close()
  end)

  it("are read late: they are all there, and the connection goes on", function()
    local peer, last = stuck_http2()
    receive_buffer(peer.raw, 2 ^ 22)
    local answered, refused = 0, 0 -- RFC 9113 §5.1.2: REFUSED_STREAM over the number of concurrent ones
    while answered + refused < (last + 1) / 2 do
      local one = assert(peer:next(wire.WAIT_S))
      refused = refused + (one.type == "reset" and 1 or 0)
      answered = answered + (one.type == "data" and one.flags == frames.END_STREAM and 1 or 0)
    end
    assert.is_true(answered > 1000)
    peer:send(frames.get(last + 2, "/healthz"))
    assert.equal(200, (peer:answer(last + 2, wire.WAIT_S)))
    peer:close()
  end)

  -- A libh2o 2.2.5 that is let aborts here.
  for what, play in pairs {
    ["all windows shut and opened"] = function()
      return frames.settings { [frames.INITIAL_WINDOW_SIZE] = 0 }
        .. frames.settings { [frames.INITIAL_WINDOW_SIZE] = 65535 }
    end,
    ["the used-up windows of answers opened"] = function(last)
      local list = {}
      for i = 1, 400 do
        list[i] = frames.window_update(math.max(1, last - 2 * i + 2), 1)
      end
      return table.concat(list)
    end,
    ["answers abandoned"] = function(last)
      local list = {}
      for i = 1, 90 do
        list[i] = frames.reset(math.max(1, last - 2 * i + 2))
      end
      return table.concat(list)
    end,
  } do
    it("and " .. what .. " meanwhile: the server lives", function()
      local length = tonumber(http.get(server, "/idp/scopes").headers["content-length"])
      local peer, last = stuck_http2 { [frames.INITIAL_WINDOW_SIZE] = length }
      for _ = 1, 5 do
        peer.raw:send(play(last), 0.01)
        assert.equal(200, http.get(server, "/healthz").status)
      end
      peer.raw:reset()
      assert.equal(200, http.get(server, "/healthz").status)
    end)
  end
end)

describe("TLS that does not get on", function()
  it("is closed, and others are served", function()
    local directory = sys.directory()
    local key, certificate = directory .. "/key.pem", directory .. "/cert.pem"
    assert.equal(0, (sys.run {
      "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key,
      "-out", certificate, "-days", "1", "-subj", "/CN=localhost",
    }))
    local server = server_helper.start { settings = limits(), args = { "--tls-cert", certificate, "--tls-key", key } }
    local hello = "\22\3\1\0\200\1\0\0\196\3\3"
    local peers = {}
    for i, first in ipairs { "", "\22", hello, hello .. ("\0"):rep(100), "GET / HTTP/1.1\r\n\r\n", frames.PREFACE } do
      peers[i] = { raw = sys.connect(server.port), since = sys.now() }
      peers[i].raw:send(first)
    end
    assert.equal(200, http.get(server, "/healthz").status)
    for i, peer in ipairs(peers) do
      assert.is_string(peer.raw:receive_all(LIMIT_S + SLACK_S), "peer " .. i)
      peer.raw:close()
    end
    assert.equal(200, http.get(server, "/healthz").status)
    server:stop()
    sys.run { "rm", "-r", directory }
  end)
end)

describe("caps:", function()
  -- Connections that stay, each with one answer: { raw }.
  local function crowd(server, count, from)
    local list = {}
    for i = 1, count do
      list[i] = frames.connect(server.port, { from = from })
      list[i]:send(frames.get(1, "/healthz"))
      assert.equal(200, (list[i]:answer(1)))
    end
    return list
  end

  local function leave(list)
    for _, peer in ipairs(list) do
      peer:close()
    end
  end

  it("connections of one address", function()
    local server = server_helper.start { workers = 1, settings = { limits = { connections_per_address = 20 } } }
    local refused = http.metric(server, "moonlatch_refused_connections_total")
    local list = crowd(server, 20)
    for _ = 1, 5 do
      local late = sys.connect(server.port)
      late:send(wire.get("/healthz"))
      assert.equal("", late:receive_all(wire.WAIT_S))
      late:close()
    end
    local other = crowd(server, 1, "127.0.0.2")[1] -- another address is not concerned
    for i, peer in ipairs(list) do
      peer:send(frames.get(3, "/healthz"))
      assert.equal(200, (peer:answer(3)), i)
    end
    other:send(frames.get(3, "/metrics"))
    local _, metrics = other:answer(3)
    assert.equal(refused + 5, tonumber(metrics:match("\nmoonlatch_refused_connections_total (%d+)")))
    leave(list)
    assert.equal(200, http.ask_until(function()
      local peer = sys.connect(server.port)
      peer:send(wire.get("/healthz"))
      local status = peer:answer(wire.WAIT_S)
      peer:close()
      return status
    end, function(status)
      return status == 200
    end))
    other:close()
    server:stop()
  end)

  it("connections altogether: whoever comes later waits, and is served when somebody leaves", function()
    local server = server_helper.start { workers = 1, settings = { limits = { connections = 30 } } }
    local list, late = crowd(server, 30), {}
    for i = 1, 5 do
      late[i] = sys.connect(server.port)
      late[i]:send(wire.get("/healthz"))
    end
    for _ = 1, 2 do
      for i, peer in ipairs(list) do
        local stream = (peer.stream or 1) + 2
        peer.stream = stream
        peer:send(frames.get(stream, "/healthz"))
        assert.equal(200, (peer:answer(stream)), i)
      end
    end
    for _, peer in ipairs(late) do
      assert.is_nil(peer:receive(0))
    end
    for i, peer in ipairs(late) do
      list[i]:close()
      assert.equal(200, (peer:answer(wire.WAIT_S)))
    end
    leave(list)
    leave(late)
    server:stop()
  end)

  it("requests in flight: 503 with Retry-After, and the connection goes on", function()
    local server = server_helper.start {
      workers = 1, settings = { limits = { requests_in_flight = 10, store_timeout_ms = 30000 } },
    }
    local world = flow.world(server)
    local body = http.form(flow.code_form(world.app, flow.code(server, world.app, world.cookie)))
    local lock = lock_helper.hold(server)
    local asking = http.connect(server, { version = 2 })
    local streams, refused = {}
    repeat -- until the fibers are used up, the server's own among them
      streams[#streams + 1] = asking:send("POST", "/idp/token", {
        body = body, headers = { ["content-type"] = "application/x-www-form-urlencoded" } })
      local answer = http.get(server, "/healthz")
      refused = answer.status == 503 and answer
    until refused or #streams == 20
    shape.detail(refused, 503)
    assert.equal("1", refused.headers["retry-after"])
    assert.is_true(#streams >= 8) -- of ten: the audit log and the clean-up may wait for the lock, too
    local token = http.post(server, "/idp/token", { form = { grant_type = "x" } })
    shape.oauth_error(token, 503, "temporarily_unavailable") -- with CORS: contract §6
    lock:release()
    local good = 0
    for _, stream in ipairs(streams) do
      good = good + (asking:receive(stream).status == 200 and 1 or 0)
    end
    assert.equal(1, good)
    assert.equal(200, asking:request("GET", "/healthz").status)
    asking:close()
    server:stop()
  end)
end)
