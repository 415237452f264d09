-- Where a request begins and ends. What two readers could understand differently is refused and ends the connection
-- (RFC 9112 §6.3, §11.2): never two answers to what one sender took for one request. HTTP/2 likewise: frames and
-- headers that RFC 9113 calls malformed get no answer as if nothing were.
local flow = require "helpers.flow"
local frames = require "helpers.frames"
local http = require "helpers.http"
local server_helper = require "helpers.server"
local sys = require "helpers.sys"
local wire = require "helpers.wire"

local FORM_TYPE = "application/x-www-form-urlencoded"
local INTROSPECT = "/idp/token/introspect"

describe("framing", function()
  local server, world, neighbours
  lazy_setup(function()
    server = server_helper.start()
    world = flow.world(server)
    neighbours = {}
    for i = 1, 8 do -- on both workers, by the kernel's choice
      neighbours[i] = http.connect(server, { version = i % 2 == 0 and 2 or 1.1 })
    end
  end)
  lazy_teardown(function()
    for _, neighbour in ipairs(neighbours) do
      neighbour:close()
    end
    server:stop()
  end)
  after_each(function()
    for _, neighbour in ipairs(neighbours) do
      assert.equal(200, neighbour:request("GET", "/healthz").status)
    end
  end)

  -- Text that holds anything, in the name of a spec.
  local function shown(text)
    return '"' .. text:gsub("[^\32-\126]", function(byte)
      return ("\\%d"):format(byte:byte())
    end) .. '"'
  end

  describe("of HTTP/1:", function()
    local SMUGGLED = wire.get("/idp/scopes")

    -- A request with those lines, and behind it what one reader takes for its body and another for a request.
    local function refuses(what, head_lines, body)
      it(what, function()
        local head = wire.method("POST", INTROSPECT, "Content-Type: " .. FORM_TYPE, unpack(head_lines))
        wire.is_refused(server, head .. (body or "") .. SMUGGLED)
      end)
    end

    local EMPTY = "0\r\n\r\n" -- in chunks
    refuses("a length and a coding", { "Content-Length: 5", "Transfer-Encoding: chunked" }, EMPTY)
    refuses("a coding and a length", { "Transfer-Encoding: chunked", "Content-Length: 5" }, EMPTY)
    refuses("a length and an unknown coding", { "Content-Length: 0", "Transfer-Encoding: identity" })
    refuses("two lengths that differ", { "Content-Length: 0", "Content-Length: 40" })
    refuses("two lengths that agree", { "Content-Length: 0", "Content-Length: 0" })
    refuses("lengths in different case", { "content-length: 0", "CONTENT-LENGTH: 40" })
    refuses("two codings", { "Transfer-Encoding: chunked", "Transfer-Encoding: identity" }, EMPTY)
    refuses("chunked twice", { "Transfer-Encoding: chunked", "Transfer-Encoding: chunked" }, EMPTY)
    for _, coding in ipairs {
      "identity", "gzip", "gzip, chunked", "chunked, identity", "xchunked", "chunked;x", "\"chunked\"", "\vchunked",
      "chunked\0", "",
    } do
      refuses("the coding " .. shown(coding), { "Transfer-Encoding: " .. coding }, EMPTY)
    end
    for _, length in ipairs {
      "-1", "+0", "0x0", "0,0", "0 0", "0;", "1e1", "", "0\0", "00000000000000000000x", "99999999999999999999999",
    } do
      refuses("the length " .. shown(length), { "Content-Length: " .. length })
    end
    refuses("a space before the colon", { "Content-Length : 0" })
    refuses("a space before the colon of a coding", { "Transfer-Encoding : chunked" }, EMPTY)
    refuses("a folded length", { "Content-Length:", " 0" })
    refuses("a folded coding", { "Transfer-Encoding:", "\tchunked" }, EMPTY)
    refuses("a fold that hides a length", { "X-Fold: a", " Content-Length: 10" })
    refuses("a fold at the start", { " X-Fold: a", "Content-Length: 0" })
    refuses("a line without a colon", { "Content-Length 0" })
    refuses("a bare CR in a line", { "X-A: b\rContent-Length: 10" })
    refuses("a NUL in a value", { "X-A: b\0c", "Content-Length: 0" })
    refuses("a NUL in a name", { "X\0A: b", "Content-Length: 0" })
    refuses("no name", { ": b", "Content-Length: 0" })
    for _, chunk in ipairs {
      "x\r\n", "-1\r\n", "5\r\nhello0\r\n\r\n", " 5\r\nhello\r\n0\r\n\r\n", "fffffffffffffffff\r\n", "5hello",
    } do
      refuses("the chunk " .. shown(chunk), { "Transfer-Encoding: chunked" }, chunk)
    end

    it("a body that is announced is a body, whatever it looks like", function()
      local list = wire.answers(server, wire.get("/healthz", "Content-Length: " .. #SMUGGLED) .. SMUGGLED
        .. wire.get("/nowhere", "Connection: close"))
      assert.equal(2, #list)
      assert.equal(200, list[1].status)
      assert.equal('{"status":"ok"}', list[1].body)
      assert.equal(404, list[2].status)
    end)

    it("requests that follow one another are answered in turn", function()
      local bytes, expected, found = {}, {}, {}
      local post = wire.method("POST", INTROSPECT, "Content-Type: " .. FORM_TYPE, "Transfer-Encoding: chunked")
      for i = 1, 60 do
        bytes[i] = i % 3 == 0 and wire.get("/nowhere", i == 60 and "Connection: close" or nil)
          or post .. "A;x=y\r\ntoken=1234\r\n000\r\nTrailer: x\r\n\r\n"
        expected[i] = i % 3 == 0 and 404 or 200
      end
      for i, answer in ipairs(wire.answers(server, table.concat(bytes))) do
        found[i] = answer.status
      end
      assert.same(expected, found)
    end)

    it("Expect", function()
      local function post(expectation)
        return wire.method("POST", INTROSPECT, "Content-Type: " .. FORM_TYPE, "Content-Length: 7",
          "Expect: " .. expectation)
      end
      local peer = sys.connect(server.port)
      peer:send(post("100-continue"))
      assert.matches("^HTTP/1%.1 100 ", peer:receive(wire.WAIT_S))
      peer:send("token=x")
      assert.equal(200, (peer:answer(wire.WAIT_S)))
      peer:close()
      wire.is_refused(server, post("wonders") .. "token=x")
    end)

    it("no Host, two Hosts", function()
      wire.is_detail(wire.answer(server, "GET /idp/scopes HTTP/1.1\r\n\r\n"), 400)
      wire.is_detail(wire.answer(server, wire.get("/idp/scopes", "Host: localhost")), 400)
      wire.is_detail(wire.answer(server, wire.get("/idp/scopes", "HOST: other.example")), 400)
    end)

    it("a folded line that says nothing of length", function()
      wire.is_detail(wire.is_refused(server, wire.get("/idp/scopes", "X-Fold: a", "\tb")), 400)
    end)

    it("HTTP/1.0", function()
      local list = wire.answers(server, "GET /idp/scopes HTTP/1.0\r\n\r\n")
      assert.is_true(list.is_closed)
      assert.equal(200, list[1].status)
      list = wire.answers(server, "GET /idp/scopes HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
        .. "GET /nowhere HTTP/1.0\r\nHost: a\r\n\r\n")
      assert.same({ 200, 404, true }, { list[1].status, list[2] and list[2].status, list.is_closed })
      -- RFC 9112 §6.1: Transfer-Encoding in HTTP/1.0 is faulty framing.
      wire.is_refused(server, wire.head("POST " .. INTROSPECT .. " HTTP/1.0", "Host: a", "Connection: keep-alive",
        "Content-Type: " .. FORM_TYPE, "Transfer-Encoding: chunked") .. EMPTY .. SMUGGLED)
    end)

    it("other versions", function()
      for _, version in ipairs {
        "HTTP/0.9", "HTTP/2.0", "HTTP/3", "HTTP/1.", "HTTP/11.1", "http/1.1", "HTTPS/1.1", "ICY",
      } do
        wire.is_refused(server, "GET /idp/scopes " .. version .. "\r\nHost: localhost\r\n\r\n")
      end
      wire.is_refused(server, "GET /idp/scopes\r\n\r\n")
    end)

    it("a target that is a whole URL (RFC 9112 §3.2.2)", function()
      local own = "http://localhost:" .. server.port
      for _, target in ipairs { own .. "/idp/scopes", "HTTP://o.example/idp/scopes?a=b", own, own .. "?a=b" } do
        assert.equal(200, wire.answer(server, wire.get(target)).status, target)
      end
      wire.is_detail(wire.answer(server, wire.get("http://localhost/nowhere")), 404)
    end)

    it("a target that is no path", function()
      for _, target in ipairs { "*", "localhost:80", "idp/scopes", "?", "http://", "//", "ftp://a/b", "[::1]", "#" } do
        for _, method in ipairs { "GET", "OPTIONS", "CONNECT" } do
          local status = wire.answer(server, wire.method(method, target)).status
          assert.is_true(status == nil or (status >= 400 and status < 500), method .. " " .. target)
        end
      end
    end)

    it("bytes that are no HTTP at all", function()
      for _, bytes in ipairs {
        "\0", "\255", "\r\n\r\n\r\n\r\n", "\n", " \r\n\r\n", "GET\r\n\r\n", "\22\3\1\2\0\1\0\1\252\3\3",
        "SSH-2.0-x\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", "PRI * HTTP/2.1\r\n\r\n", ("\0"):rep(100000),
        ("A"):rep(500000),
      } do
        local peer = sys.connect(server.port)
        peer:send(bytes)
        peer:shutdown_write()
        local text = assert(peer:receive_all(wire.WAIT_S), shown(bytes:sub(1, 20)))
        assert.is_true(text == "" or text:find("^HTTP/1%.1 4%d%d ") ~= nil, text)
        peer:close()
      end
    end)

    it("noise, bare and as frames", function()
      local seed = 1
      local function noise(count)
        local bytes = {}
        for i = 1, count do
          seed = (seed * 1103515245 + 12345) % 2147483648
          bytes[i] = string.char(math.floor(seed / 65536) % 256)
        end
        return table.concat(bytes)
      end
      for i = 1, 200 do
        local peer = sys.connect(server.port)
        local bytes = noise(20 + i * 3)
        if i % 4 == 0 then
          bytes = frames.PREFACE .. bytes
        elseif i % 4 ~= 1 then -- whole frames, of types and on streams that exist
          local list = { frames.PREFACE, frames.open_post(1, INTROSPECT) }
          for j = 1, 20 do
            local type, flags, stream = (noise(1)):byte() % 10, (noise(1)):byte(), (noise(1)):byte() % 5
            list[j + 2] = frames.frame(type, flags, stream, noise(j % 2 == 0 and j or 4))
          end
          bytes = table.concat(list)
        end
        peer:send(bytes)
        peer:shutdown_write()
        assert(peer:receive_all(wire.WAIT_S))
        peer:close()
      end
    end)
  end)

  describe("of HTTP/2:", function()
    local HEADERS = frames.END_STREAM + frames.END_HEADERS

    -- 4xx, RST_STREAM, GOAWAY or the end.
    local function refuses(what, ...)
      local bytes = { ... }
      it(what, function()
        local peer = frames.connect(server.port)
        peer:send(unpack(bytes))
        local status, why = peer:answer(1, wire.WAIT_S)
        assert.is_true(why ~= "timeout", "no reaction")
        assert.is_true(status == nil or (status >= 400 and status < 500), "answered " .. tostring(status))
        peer:close()
      end)
    end

    local function request(fields)
      local parts = {}
      for i, pair in ipairs(fields) do
        parts[i] = frames.header(pair[1], pair[2])
      end
      return frames.frame(frames.HEADERS, HEADERS, 1, table.concat(parts))
    end

    local METHOD, SCHEME, PATH = { ":method", "GET" }, { ":scheme", "http" }, { ":path", "/idp/scopes" }
    local TYPE = { "content-type", FORM_TYPE }
    refuses("no method", request { SCHEME, PATH })
    refuses("no path", request { METHOD, SCHEME })
    refuses("no scheme", request { METHOD, PATH })
    refuses("two methods", request { METHOD, METHOD, SCHEME, PATH })
    refuses("two paths", request { METHOD, SCHEME, PATH, PATH })
    refuses("an unknown pseudo header", request { METHOD, SCHEME, PATH, { ":status", "200" } })
    refuses("a pseudo header behind others", request { METHOD, SCHEME, { "a", "b" }, PATH })
    refuses("an upper-case name", request { METHOD, SCHEME, PATH, { "X-Upper", "a" } })
    refuses("an empty path", request { METHOD, SCHEME, { ":path", "" } })
    refuses("a NUL in a value", request { METHOD, SCHEME, PATH, { "x-a", "b\0c" } })
    refuses("a line end in a value", request { METHOD, SCHEME, PATH, { "x-a", "b\r\nc: d" } })
    refuses("a line end in a name", request { METHOD, SCHEME, PATH, { "x-a\r\n", "b" } })
    refuses("a NUL in the path", request { METHOD, SCHEME, { ":path", "/idp/scopes\0" } })
    refuses("a line end in the path", request { METHOD, SCHEME, { ":path", "/idp/scopes\r\nx: y" } })
    refuses("a connection header", request { METHOD, SCHEME, PATH, { "connection", "close" } })
    refuses("a transfer coding", request { METHOD, SCHEME, PATH, { "transfer-encoding", "chunked" } })
    refuses("authorization twice",
      request { METHOD, SCHEME, PATH, { "authorization", "Bearer a" }, { "authorization", "Bearer b" } })
    refuses("no header at all", frames.frame(frames.HEADERS, HEADERS, 1, ""))
    refuses("an index of nothing", frames.frame(frames.HEADERS, HEADERS, 1, ("\255"):rep(9)))
    refuses("a huge string", frames.frame(frames.HEADERS, HEADERS, 1, "\0\127\255\255\255\255\7a"))
    refuses("broken Huffman code", frames.frame(frames.HEADERS, HEADERS, 1, "\0\129\255\129\255"))
    refuses("a table that is too large", frames.frame(frames.HEADERS, HEADERS, 1, "\63\255\255\255\255\7"))
    refuses("more padding than frame", frames.frame(frames.HEADERS, HEADERS + 8, 1, "\255abc"))
    refuses("a body shorter than it says", frames.post(1, INTROSPECT, "token=x", { TYPE, { "content-length", "70" } }))
    refuses("a body longer than it says", frames.post(1, INTROSPECT, "token=x", { TYPE, { "content-length", "3" } }))
    refuses("a stream of even number", frames.get(2, "/idp/scopes"))
    refuses("stream 0", frames.get(0, "/idp/scopes"))
    refuses("DATA on no stream", frames.frame(frames.DATA, 1, 1, "a"))
    refuses("CONTINUATION of nothing", frames.frame(frames.CONTINUATION, 4, 1, "a"))
    refuses("a frame between HEADERS and CONTINUATION",
      frames.frame(frames.HEADERS, 1, 1, frames.block("GET", "/idp/scopes")),
      frames.frame(frames.PING, 0, 0, ("a"):rep(8)))
    refuses("a frame larger than allowed", frames.frame(frames.DATA, 0, 1, ("a"):rep(16385)))
    refuses("a promise of a client", frames.frame(frames.PUSH_PROMISE, 4, 1, "\0\0\0\2"))
    refuses("settings on a stream", frames.frame(frames.SETTINGS, 0, 1, ""))
    refuses("half a setting", frames.frame(frames.SETTINGS, 0, 0, "abc"))
    refuses("a window beyond 2^31", frames.settings { [frames.INITIAL_WINDOW_SIZE] = 2 ^ 31 })
    refuses("a frame size of nothing", frames.settings { [5] = 1 })
    refuses("a ping of seven bytes", frames.frame(frames.PING, 0, 0, "1234567"))
    refuses("a window that overflows", frames.window_update(0, 2 ^ 31 - 1))
    refuses("a window that does not move", frames.window_update(0, 0))
    refuses("RST_STREAM of an idle stream", frames.reset(1))
    refuses("a stream that depends on itself",
      frames.frame(frames.HEADERS, HEADERS + 32, 1, frames.u32(1) .. "\0" .. frames.block("GET", "/idp/scopes")))
    refuses("a second request on one stream", frames.open_post(1, INTROSPECT), frames.open_post(1, INTROSPECT))

    it("frames and settings of unknown kinds are skipped (RFC 9113 §4.1, §5.5, §6.5.2)", function()
      local peer = frames.connect(server.port)
      for type = 10, 255 do
        peer:send(frames.frame(type, 255, type % 7, ("x"):rep(type)))
      end
      peer:send(frames.settings { [200] = 12345 }, frames.get(1, "/idp/scopes"))
      assert.equal(200, (peer:answer(1, wire.WAIT_S)))
      peer:close()
    end)

    it("no :authority, several cookies, trailers, padding: are all well", function()
      local peer = frames.connect(server.port)
      peer:send(request { METHOD, SCHEME, PATH })
      assert.equal(200, (peer:answer(1, wire.WAIT_S)))
      local path = "/idp/authorize?" .. http.form(flow.request(world.app))
      peer:send(frames.get(3, path, { { "cookie", "a=b" }, { "cookie", world.cookie }, { "cookie", "c=d" } }))
      assert.equal(302, (peer:answer(3, wire.WAIT_S)))
      peer:send(frames.open_post(5, INTROSPECT), frames.frame(frames.DATA, 0, 5, "token=x"),
        frames.frame(frames.HEADERS, HEADERS, 5, frames.header("x-trailer", "y")))
      assert.equal(200, (peer:answer(5, wire.WAIT_S)))
      peer:send(frames.open_post(7, INTROSPECT), frames.frame(frames.DATA, 9, 7, "\5token=x\0\0\0\0\0"))
      assert.equal(200, (peer:answer(7, wire.WAIT_S)))
      peer:close()
    end)

    it("a connection goes on behind what is small, whatever its size (no guess by bytes)", function()
      local peer = frames.connect(server.port)
      peer:send(frames.get(1, "/idp/scopes", { { "x-pad", ("a"):rep(4000) } }))
      assert.equal(200, (peer:answer(1, wire.WAIT_S)))
      local until_s = sys.now() + 0.3 -- over several of the server's sweeps, one answered ping after another
      while sys.now() < until_s do
        peer:send(frames.frame(frames.PING, 0, 0, "12345678"))
        repeat
          local one = assert(peer:next(wire.WAIT_S))
        until one.type == "ping"
      end
      peer:send(frames.get(3, "/idp/scopes"))
      assert.equal(200, (peer:answer(3, wire.WAIT_S)))
      peer:close()
    end)
  end)

  it("what was sent cannot break a line of the log", function()
    for _, path in ipairs {
      "/a\"b", "/a\\b", "/\127", "/caf\233", "/\226\130\172", "/%0a%0d{", "/\240\159\140\153", "/\t",
    } do
      wire.answer(server, wire.get(path))
    end
    local peer = frames.connect(server.port)
    for i, path in ipairs { "/\n{\"a\":", "/\0", "/\r\n", "/\255\254", ("/\1"):rep(500) } do
      peer:send(frames.get(2 * i - 1, path))
      peer:answer(2 * i - 1, wire.WAIT_S)
    end
    peer:close()
    assert.is_true(#server:log() > 8) -- which checks that every line is one object
    for line in server:log_text():gmatch("[^\n]+") do
      assert.is_nil(line:find("%c"), line)
    end
  end)
end)
