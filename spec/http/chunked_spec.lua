-- Bodies in chunks, to the letter (RFC 9112 §7.1): what is well-formed is read, however it comes; what is laxer is 400
-- and the end of the connection, so that nobody in front who reads it otherwise is made to carry a second request.
local cjson = require "cjson.safe"
local http = require "helpers.http"
local server_helper = require "helpers.server"
local sys = require "helpers.sys"
local wire = require "helpers.wire"

local PATH, FORM_TYPE = "/idp/token/introspect", "application/x-www-form-urlencoded"
local HEAD = wire.method("POST", PATH, "Content-Type: " .. FORM_TYPE, "Transfer-Encoding: chunked")
local SMUGGLED = wire.get("/idp/scopes", "Connection: close")
local LAST = wire.get("/nowhere", "Connection: close")

-- The twelve of a live attack, and their neighbours: libh2o's own reader takes most of them.
local BROKEN = {
  { "a last chunk ended by LF, with an extension", "0;\n\n" }, { "a last chunk ended by LF", "0\n\r\n" },
  { "an empty line that is LF", "0\r\n\n" }, { "a size in C's hex", "0x1f\r\n" .. ("a"):rep(31) .. "\r\n0\r\n\r\n" },
  { "letters behind a size", "7zzz\r\ntoken=x\r\n0\r\n\r\n" },
  { "words behind a size", "7 zzz\r\ntoken=x\r\n0\r\n\r\n" },
  { "a NUL in an extension", "7;a\0b\r\ntoken=x\r\n0\r\n\r\n" },
  { "a bare CR in an extension", "7;a\rb\r\ntoken=x\r\n0\r\n\r\n" },
  { "data ended by LF", "7\r\ntoken=x\n0\r\n\r\n" }, { "data ended by CR", "7\r\ntoken=x\r0\r\n\r\n" },
  { "a size ended by LF", "7\ntoken=x\r\n0\r\n\r\n" },
  { "seventeen digits", ("0"):rep(16) .. "7\r\ntoken=x\r\n0\r\n\r\n" },
  { "a size beyond 64 bits", "10000000000000007\r\ntoken=x\r\n0\r\n\r\n" },
  { "data longer than its size", "6\r\ntoken=x\r\n0\r\n\r\n" }, { "two CR behind data", "7\r\ntoken=x\r\r\n0\r\n\r\n" },
  { "a space behind a size", "7 \r\ntoken=x\r\n0\r\n\r\n" }, { "a space before a size", " 7\r\ntoken=x\r\n0\r\n\r\n" },
  { "a sign", "+7\r\ntoken=x\r\n0\r\n\r\n" }, { "no size", "\r\ntoken=x\r\n0\r\n\r\n" },
  { "only an extension", ";a\r\ntoken=x\r\n0\r\n\r\n" },
  { "an extension without a name", "7;\r\ntoken=x\r\n0\r\n\r\n" },
  { "an extension's value without end", "7;a=\"b\r\ntoken=x\r\n0\r\n\r\n" },
  { "an extension's value of nothing", "7;a=\r\ntoken=x\r\n0\r\n\r\n" },
  { "an extension on two lines", "7;a\r\n b\r\ntoken=x\r\n0\r\n\r\n" },
  { "DEL in an extension", "7;a=\"\127\"\r\ntoken=x\r\n0\r\n\r\n" },
  { "an extension of 20 KB", "7;a=" .. ("b"):rep(20000) .. "\r\ntoken=x\r\n0\r\n\r\n" },
  { "a trailer without a colon", "7\r\ntoken=x\r\n0\r\nhello\r\n\r\n" },
  { "a trailer without a name", "7\r\ntoken=x\r\n0\r\n: b\r\n\r\n" },
  { "a trailer with a space before the colon", "7\r\ntoken=x\r\n0\r\na : b\r\n\r\n" },
  { "a folded trailer", "7\r\ntoken=x\r\n0\r\na: b\r\n c\r\n\r\n" }, { "a trailer ended by LF", "0\r\na: b\n\r\n" },
  { "a NUL in a trailer", "0\r\na: \0\r\n\r\n" }, { "a bare CR in a trailer", "0\r\na: b\rc\r\n\r\n" },
  { "20 KB of trailers", "0\r\n" .. ("a: b\r\n"):rep(4000) .. "\r\n" },
  { "a second request where trailers are", "0\r\n" .. SMUGGLED },
}

local function is_inactive(answer)
  assert.equal(200, answer.status, answer.body)
  assert.same({ active = false }, cjson.decode(answer.body))
end

local SOUND = {
  { "one chunk", "7\r\ntoken=x\r\n0\r\n\r\n" },
  { "a chunk for each byte", wire.chunked("token=x", 1) },
  { "upper case, leading zeros", "0000000000000007\r\ntoken=x\r\n0A\r\n&other=yes\r\n0000000000000000\r\n\r\n" },
  { "extensions", '7;a;b=c ; d = "e;\\"\t\\\\" ;f="" \t;g\r\ntoken=x\r\n0;last\r\n\r\n' },
  { "an extension behind blanks", "7 \t; a\r\ntoken=x\r\n0\r\n\r\n" },
  { "bytes beyond ASCII in a quoted extension", '7;a="\195\188\255"\r\ntoken=x\r\n0\r\n\r\n' },
  { "trailers, which say nothing",
    "7\r\ntoken=x\r\n0\r\nContent-Length: 99\r\nHost: b\r\nX-A:\r\nX-B: \195\188 \t\r\n\r\n" },
}

for _, scheme in ipairs { "http", "https" } do
  describe("a body in chunks over " .. scheme .. ",", function()
    local server, directory, neighbour
    lazy_setup(function()
      local args
      if scheme == "https" then
        directory = sys.directory()
        args = { "--tls-cert", directory .. "/cert.pem", "--tls-key", directory .. "/key.pem" }
        assert(sys.run { "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
          "-keyout", args[4], "-out", args[2], "-days", "2", "-subj", "/CN=localhost" } == 0)
      end
      server = server_helper.start { args = args }
      neighbour = http.connect(server, { version = 1.1 })
    end)
    lazy_teardown(function()
      neighbour:close()
      server:stop()
      if directory then
        sys.run { "rm", "-r", directory }
      end
    end)
    after_each(function()
      assert.equal(200, neighbour:request("GET", "/healthz").status)
    end)

    -- All answers to bytes that are sent in those pieces, each when the one before it has left.
    local function answers(pieces)
      local peer = scheme == "https" and wire.tls_connect(server.port) or sys.connect(server.port)
      for _, piece in ipairs(pieces) do
        if not peer:send(piece) then
          break
        end
      end
      local text = assert(peer:receive_all(wire.WAIT_S), "the connection is still open")
      peer:close()
      return wire.parse(text)
    end

    local function each_byte(text)
      local pieces = {}
      for i = 1, #text do
        pieces[i] = text:sub(i, i)
      end
      return pieces
    end

    for _, case in ipairs(SOUND) do
      local what, body = case[1], case[2]
      it(what .. ": is read, and so is what follows", function()
        for _, pieces in ipairs { { HEAD .. body .. HEAD .. body .. LAST }, { HEAD, body, HEAD, body, LAST },
                                  each_byte(HEAD .. body .. LAST) } do
          local list = answers(pieces)
          assert.is_true(#list >= 2, #list .. " answers")
          for i = 1, #list - 1 do
            is_inactive(list[i])
          end
          assert.equal(404, list[#list].status)
        end
      end)
    end

    it("split anywhere: is the same", function()
      local text = HEAD .. "3;a=\"b\"\r\ntok\r\n4\r\nen=x\r\n0\r\nTrailer: c\r\n\r\n" .. LAST
      for at = #HEAD - 2, #text - #LAST + 2 do
        local list = answers { text:sub(1, at), text:sub(at + 1) }
        assert.equal(2, #list, "split at " .. at)
        is_inactive(list[1])
      end
    end)

    for _, case in ipairs(BROKEN) do
      local what, body = case[1], case[2]
      it(what .. ": 400 and the end", function()
        for _, pieces in ipairs { { HEAD .. body .. SMUGGLED }, { HEAD, body .. SMUGGLED },
                                  #body < 200 and each_byte(HEAD .. body) or nil } do
          local list = answers(pieces)
          assert.equal(1, #list)
          assert.matches("\r\nconnection: close\r\n", list[1].head)
          wire.is_detail(list[1], 400)
        end
      end)
    end

    it("an extension without end: 400 long before it has cost anything", function()
      local peer = scheme == "https" and wire.tls_connect(server.port) or sys.connect(server.port)
      peer:send(HEAD .. "7\r\ntoken=x\r\n1;a")
      local piece, sent = ("a"):rep(64 * 1024), 0
      while sent < 6 * 1024 * 1024 and peer:send(piece) do
        sent = sent + #piece
        assert.equal(200, neighbour:request("GET", "/healthz").status) -- in all this takes some of the server's sweeps
      end
      assert.is_true(sent < 6 * 1024 * 1024)
      peer:close()
    end)

    it("behind requests that are sound: those are answered, and it ends the connection", function()
      local sound = HEAD .. SOUND[1][2]
      local list = answers { sound .. sound .. HEAD .. "0;\n\n" .. SMUGGLED }
      assert.equal(3, #list)
      is_inactive(list[1])
      is_inactive(list[2])
      wire.is_detail(list[3], 400)
    end)

    it("beside a length, twice, of HTTP/1.0: refused at once, also where no body comes", function()
      for _, lines in ipairs {
        { "Content-Length: 5", "Transfer-Encoding: chunked" }, { "Transfer-Encoding: chunked", "Content-Length: 5" },
        { "Transfer-Encoding: chunked", "Transfer-Encoding: chunked" }, { "Transfer-Encoding: gzip, chunked" },
      } do
        wire.is_detail(answers({ wire.method("POST", PATH, "Content-Type: " .. FORM_TYPE, unpack(lines)) })[1], 400)
      end
      local head = wire.head("POST " .. PATH .. " HTTP/1.0", "Host: a", "Transfer-Encoding: chunked")
      wire.is_detail(answers({ head })[1], 400)
    end)

    it("too large: 413, in any chunks", function()
      local body = "token=" .. ("a"):rep(65 * 1024)
      for _, size in ipairs { 1, 1000, #body } do
        local list = answers { HEAD .. wire.chunked(body, size) .. LAST }
        wire.is_detail(list[1], 413)
      end
      wire.is_detail(answers({ HEAD .. "ffffffffffffffff\r\n" .. ("a"):rep(200 * 1024) })[1], 413)
    end)

    it("64 KiB in chunks of one byte, with zeros and extensions: is no more than that", function()
      local body = "token=" .. ("a"):rep(64 * 1024 - 6)
      local chunks = body:gsub(".", "0000000000000001\r\n%0\r\n")
      local list = answers { HEAD .. chunks .. "0\r\n\r\n" .. LAST }
      is_inactive(list[1])
      assert.equal(404, list[2].status)
    end)

    it("asked for by 100-continue", function()
      local head = wire.method("POST", PATH, "Content-Type: " .. FORM_TYPE, "Transfer-Encoding: chunked",
        "Expect: 100-continue")
      local peer = scheme == "https" and wire.tls_connect(server.port) or sys.connect(server.port)
      for _, body in ipairs { "7\r\ntoken=x\r\n0\r\n\r\n", "0;\n\n" .. SMUGGLED } do
        peer:send(head)
        local first = assert(peer:receive(wire.WAIT_S))
        assert.matches("^HTTP/1%.1 100 ", first)
        peer:send(body)
        if body:find("token") then
          assert.equal(200, (peer:answer(wire.WAIT_S)))
        else
          local list = wire.parse(peer:receive_all(wire.WAIT_S))
          assert.equal(1, #list)
          wire.is_detail(list[1], 400)
        end
      end
      peer:close()
    end)
  end)
end
