-- What is small where it is sent and large where it is read. Each goes to a server that may have 1 GiB of address
-- space, on several connections at once, while others ask: they are answered soon, and what the server keeps stays
-- small. Of a request in flight it keeps no more than spec/README.md says.
local flow = require "helpers.flow"
local frames = require "helpers.frames"
local http = require "helpers.http"
local lock_helper = require "helpers.lock"
local server_helper = require "helpers.server"
local sys = require "helpers.sys"
local wire = require "helpers.wire"

local KIB = 1024
local FORM_TYPE = "application/x-www-form-urlencoded"
local AT_ONCE = 10
local SLOWEST_S = 2 * server_helper.patience -- for the others, on a busy machine; the first bomb kept them for 5 s
local GROWTH_KB = 24 * KIB -- by AT_ONCE bombs of 64 KiB
local IN_FLIGHT_KB = 1024 -- README.md and spec/README.md say so

local function post(path, body, type, ...)
  return wire.method("POST", path, "Content-Type: " .. (type or FORM_TYPE), "Content-Length: " .. #body, ...) .. body
end

local function fill(unit, size)
  return unit:rep(math.floor(size / #unit))
end

describe("a bomb:", function()
  local server, world, neighbours, idle_kb
  lazy_setup(function()
    server = server_helper.start {
      address_space_kb = 1024 * KIB,
      settings = { limits = { store_timeout_ms = 30000 } },
      policies = { ["quotas.lua"] = "return { limits = function() return { apps = 1000 } end }",
        ["quotas_spec.lua"] = "" },
      env = { ASAN_OPTIONS = "detect_leaks=1:halt_on_error=1:exitcode=99:quarantine_size_mb=4" },
    }
    world = flow.world(server)
    idle_kb = server:memory_kb("VmRSS")
    neighbours = { http.connect(server, { version = 2 }), http.connect(server, { version = 1.1 }) }
  end)
  lazy_teardown(function()
    for _, neighbour in ipairs(neighbours) do
      neighbour:close()
    end
    server:stop()
  end)

  -- Each other is asked once; the longest wait.
  local function others_are_served()
    local longest_s = 0
    for _, neighbour in ipairs(neighbours) do
      local start = sys.now()
      assert.equal(200, neighbour:request("GET", "/healthz").status)
      longest_s = math.max(longest_s, sys.now() - start)
    end
    return longest_s
  end

  -- Sends the same on several connections, and then asks answer_of(peer) of each: a list of what it said.
  local function attack(connect, bytes, answer_of)
    local resident_kb, longest_s, peers, answers = server:memory_mark(), 0, {}, {}
    for i = 1, AT_ONCE do
      peers[i] = connect(server.port)
    end
    for _, peer in ipairs(peers) do
      peer:send(bytes)
      longest_s = math.max(longest_s, others_are_served())
    end
    for i, peer in ipairs(peers) do
      answers[i] = answer_of(peer)
      peer:close()
    end
    longest_s = math.max(longest_s, others_are_served())
    local grown_kb = server:memory_kb("VmHWM") - resident_kb
    assert.is_true(longest_s < SLOWEST_S, "others waited " .. longest_s .. " s")
    if not server_helper.is_sanitized() then
      assert.is_true(grown_kb < GROWTH_KB, "grown by " .. grown_kb .. " KiB")
    end
    return answers
  end

  describe("of HPACK,", function()
    local GET = frames.block("GET", "/idp/scopes")
    local REFERENCE = "\190" -- to what went into the table last

    -- GOAWAY with that reason, and the end; before it, stream 1 is answered where the peer says so.
    local function is_ended(peer, code, is_first_answered)
      local said, first
      while true do
        local one, why = peer:next(wire.WAIT_S)
        if not one then
          assert.equal("closed", why)
          break
        elseif one.type == "goaway" then
          said = one.payload:byte(8)
        elseif one.type == "headers" and one.stream == 1 then
          first = one.payload:byte(1)
        end
      end
      assert.equal(code, said)
      assert.equal(is_first_answered and 136 or nil, first) -- :status 200 (RFC 7541 appendix A)
    end

    for _, name in ipairs { "cookie", "accept", "accept-language", "x-any", "authorization" } do
      local field = frames.indexed(name, ("v"):rep(3900))

      it(name .. ", a hundred times 3.9 KB: 431, and the connection goes on", function()
        for _, status in ipairs(attack(frames.connect, frames.head(1, frames.END_STREAM, GET .. field
          .. REFERENCE:rep(100)), function(peer)
          local status = peer:answer(1, wire.WAIT_S)
          -- The table is as the peer has it: the field is still what the reference names.
          peer:send(frames.head(3, frames.END_STREAM, GET .. REFERENCE))
          assert.equal(200, (peer:answer(3, wire.WAIT_S)))
          peer:send(frames.head(5, frames.END_STREAM, GET .. REFERENCE:rep(30)))
          assert.equal(431, (peer:answer(5, wire.WAIT_S)))
          return status
        end)) do
          assert.equal(431, status)
        end
      end)

      for _, count in ipairs { 300, 1000, 27000 } do
        it(name .. ", " .. count .. " times: GOAWAY, and what was asked before is answered", function()
          local bytes = frames.get(1, "/idp/scopes") .. frames.head(3, frames.END_STREAM, GET .. field
            .. REFERENCE:rep(count))
          attack(frames.connect, bytes, function(peer)
            return is_ended(peer, 11, true) -- ENHANCE_YOUR_CALM
          end)
        end)
      end
    end

    it("in CONTINUATION, padded, with a priority, as trailers: the same", function()
      local block = GET .. frames.indexed("cookie", ("v"):rep(3900)) .. REFERENCE:rep(1000)
      local PADDED, PRIORITY = 8, 32
      for _, bytes in ipairs {
        frames.frame(frames.HEADERS, frames.END_STREAM + frames.END_HEADERS + PADDED + PRIORITY, 1,
          "\9" .. frames.u32(0) .. "\16" .. block .. ("\190"):rep(9)),
        frames.frame(frames.HEADERS, frames.END_STREAM, 1, block:sub(1, 100))
          .. frames.frame(frames.CONTINUATION, 0, 1, block:sub(101, 4200))
          .. frames.frame(frames.CONTINUATION, frames.END_HEADERS, 1, block:sub(4201)),
        frames.open_post(1, "/idp/token/introspect")
          .. frames.head(1, frames.END_STREAM, frames.indexed("x-any", ("v"):rep(3900)) .. REFERENCE:rep(1000)),
      } do
        attack(frames.connect, bytes, function(peer)
          return is_ended(peer, 11)
        end)
      end
    end)

    it("padding and priorities are no fields", function()
      local peer = frames.connect(server.port)
      peer:send(frames.frame(frames.HEADERS, frames.END_STREAM + frames.END_HEADERS + 40, 1,
        "\255" .. ("\190"):rep(5) .. GET .. ("\190"):rep(255)))
      peer:send(frames.get(3, "/idp/scopes"))
      assert.equal(200, (peer:answer(3, wire.WAIT_S)))
      peer:close()
    end)

    it("a block that is long as it is: up to 256 KiB 431, and the connection goes on", function()
      local peer = frames.connect(server.port)
      for i, size in ipairs { 60000, 70000, 250000 } do
        peer:send(frames.head(2 * i - 1, frames.END_STREAM, GET .. frames.header("x-any", ("v"):rep(size))))
        assert.equal(431, (peer:answer(2 * i - 1, wire.WAIT_S)))
      end
      peer:send(frames.head(7, frames.END_STREAM, GET .. frames.header("x-any", ("v"):rep(270000))))
      is_ended(peer, 11)
      peer:close()
    end)

    it("small fields, each its own", function()
      local fields = {}
      for i = 1, 8000 do
        fields[i] = "\64\1" .. string.char(97 + i % 26) .. "\0"
      end
      attack(frames.connect, frames.head(1, frames.END_STREAM, GET .. table.concat(fields)), function(peer)
        return is_ended(peer, 11)
      end)
    end)

    it("digests, which libh2o would unfold", function()
      local digest = frames.indexed("cache-digest", "-A" .. ("_"):rep(3000))
      attack(frames.connect, frames.head(1, frames.END_STREAM, GET .. digest .. REFERENCE:rep(200)), function(peer)
        return is_ended(peer, 1) -- PROTOCOL_ERROR
      end)
    end)
  end)

  describe("of HTTP/1,", function()
    local function refused(what, bytes, ...)
      local expected = { ... }
      it(what, function()
        if type(bytes) == "function" then
          bytes = bytes()
        end
        for _, status in ipairs(attack(sys.connect, bytes, function(peer)
          return (peer:answer(wire.WAIT_S))
        end)) do
          local fits = false
          for _, one in ipairs(expected) do
            fits = fits or one == status
          end
          assert.is_true(fits, "answered " .. tostring(status))
        end
      end)
    end

    local function cookies(count, size)
      local list = {}
      for i = 1, count do
        list[i] = "Cookie: " .. fill("a=b;", size)
      end
      return unpack(list)
    end

    refused("many cookies", wire.get("/idp/login", cookies(95, 300)), 200)
    refused("many large cookies", wire.get("/idp/login", cookies(95, 4000)), 431)
    refused("one cookie of many", wire.get("/idp/login", "Cookie: " .. fill("chutes-session-token=;", 31000)), 200)
    refused("a long method", ("A"):rep(400000) .. " / HTTP/1.1\r\nHost: a\r\n\r\n", 404, 405, 431)
    refused("a long host", "GET /idp/scopes HTTP/1.1\r\nHost: " .. ("a"):rep(400000) .. "\r\n\r\n", 431)
    refused("languages", wire.get("/idp/login", "Accept-Language: " .. fill("x;q=0.5,", 31000)), 200)
    refused("a path of letters in hex", wire.get("/idp/apps/" .. fill("%41", 15000)), 401, 404)

    local KEY
    local function json(body)
      return function()
        KEY = KEY or "Authorization: Bearer " .. world.user.api_key
        return post("/idp/apps", body, "application/json", KEY)
      end
    end
    local function numbered(format, count)
      local list = {}
      for i = 1, count do
        list[i] = format:format(i)
      end
      return table.concat(list, ",")
    end
    refused("JSON of lists", json("[" .. fill("[],", 65000) .. "0]"), 422)
    refused("JSON of objects", json('{"a":[' .. fill("{},", 65000) .. "0]}"), 422)
    refused("JSON of members", json("{" .. numbered('"%x":0', 6000) .. "}"), 422)
    refused("JSON of numbers", json('{"redirect_uris":[' .. fill("1,", 65000) .. "0]}"), 422)
    refused("JSON of letters in hex", json('{"name":"' .. fill("\\u0041", 65000) .. '"}'), 422)
    refused("JSON of scopes", json('{"name":"Scopes","redirect_uris":["https://a.example/"],"allowed_scopes":['
      .. numbered('"s%x"', 7000) .. "]}"), 422)
    refused("JSON of keys", json('{"name":"Keys","redirect_uris":["https://a.example/"],"jwks":{"keys":['
      .. fill('{"kty":"EC"},', 60000) .. "{}]}}"), 422)

    refused("a form of nothing", post("/idp/token", fill("&", 65000)), 400, 422)
    refused("a form of letters in hex", post("/idp/token", "grant_type=x&a=" .. fill("%41", 65000)), 400)
    refused("a form of resources", post("/idp/token", "grant_type=x&" .. fill("resource=a&", 65000)), 400)
    refused("a token of dots", post("/idp/token/introspect", "token=" .. fill(".", 65000)), 200)

    local function of_client(form)
      return function()
        return post("/idp/token", ("client_id=%s&client_secret=%s&%s"):format(world.app.client_id,
          world.app.client_secret, form))
      end
    end
    refused("scopes", of_client("grant_type=client_credentials&scope=" .. fill("a+", 65000)), 400)
    refused("resources", of_client("grant_type=client_credentials" .. ("&resource=https://a.example/"):rep(60)), 400)
    refused("an assertion of lists", of_client("grant_type=client_credentials&client_assertion=" .. http.base64url(
      '{"alg":"ES256","a":[' .. fill("[],", 40000) .. "0]}") .. ".e30.AAAA&client_assertion_type="
      .. http.escape("urn:ietf:params:oauth:client-assertion-type:jwt-bearer")), 400, 401)

    it("locales, states, hints: of an authorization request", function()
      for name, unit in pairs { ui_locales = "d+", state = "%22", scope = "a+", login_hint = "%3C", claims = "[",
                                prompt = "login+", acr_values = "a+", nonce = "%22", id_token_hint = "a.b.c" } do
        local request = http.form(flow.request(world.app, flow.pkce())) .. "&" .. name .. "=" .. fill(unit, 14000)
        attack(sys.connect, wire.get("/idp/authorize?" .. request:gsub("&state=s[^&]*&", "&")), function(peer)
          local status = peer:answer(wire.WAIT_S)
          assert.is_true(status == 200 or status == 302 or status == 400, name .. ": " .. tostring(status))
        end)
      end
    end)

    it("a DPoP proof of lists", function()
      local proof = http.base64url('{"typ":"dpop+jwt","alg":"ES256","jwk":{"a":[' .. fill("[],", 20000) .. "0]}}")
        .. ".e30." .. ("A"):rep(86)
      local form = ("grant_type=authorization_code&code=x&redirect_uri=https://app.example/callback&client_id=%s"
        .. "&client_secret=%s"):format(world.app.client_id, world.app.client_secret)
      attack(sys.connect, post("/idp/token", form, FORM_TYPE, "DPoP: " .. proof), function(peer)
        assert.equal(400, (peer:answer(wire.WAIT_S)))
      end)
    end)
  end)

  -- All that one may say, said by each: the store is held, so that they all wait in it.
  describe("requests in flight,", function()
    local COUNT = 200

    -- The kB for each, over what the server had in the beginning, of COUNT requests that send(i) has sent and whose
    -- answers receive(i) reads.
    local function measure(send, receive)
      local lock = lock_helper.hold(server)
      finally(function()
        lock:release()
      end)
      server:memory_mark()
      for i = 1, COUNT do
        send(i)
      end
      http.metric_until(server, "moonlatch_fibers", function(fibers)
        return fibers > COUNT -- with that of the question
      end)
      assert.is_true(others_are_served() < SLOWEST_S)
      assert.is_true(http.metric(server, "moonlatch_fibers") > COUNT)
      local each_kb = (server:memory_kb("VmHWM") - idle_kb) / COUNT
      lock:release()
      for i = 1, COUNT do
        receive(i)
      end
      if not server_helper.is_sanitized() then
        assert.is_true(each_kb < IN_FLIGHT_KB, each_kb .. " KiB each")
      end
    end

    local function grown(form)
      return form .. "&pad=" .. fill("%41", 64 * KIB - #form - 10)
    end

    local function redeem()
      return grown(http.form(flow.code_form(world.app, flow.code(server, world.app, world.cookie))))
    end

    it("over HTTP/1.1, with as much as can be behind them", function()
      local body, peers = redeem(), {}
      local bytes = post("/idp/token", body) .. fill(wire.get("/nowhere", "X-Pad: " .. ("a"):rep(1000)), 200 * KIB)
      measure(function(i)
        peers[i] = sys.connect(server.port)
        peers[i]:send(bytes, 0.2)
      end, function(i)
        assert.is_number((peers[i]:answer(wire.WAIT_S)))
        peers[i]:close()
      end)
    end)

    it("over HTTP/2, as many as a connection may have", function()
      local body, peers = redeem(), {}
      local fields = {
        { "content-type", FORM_TYPE }, { "cookie", fill("a=b;", 10000) }, { "accept", fill("a/b,", 4000) },
      }
      measure(function(i)
        local stream = 2 * ((i - 1) % 100) + 1
        peers[i] = stream == 1 and frames.connect(server.port) or peers[i - 1]
        peers[i]:send(frames.open_post(stream, "/idp/token", fields))
        for at = 1, #body, 16 * KIB do
          local is_last = at + 16 * KIB > #body
          peers[i]:send(frames.frame(frames.DATA, is_last and frames.END_STREAM or 0, stream,
            body:sub(at, at + 16 * KIB - 1)))
        end
      end, function(i)
        assert.is_number((peers[i]:answer(2 * ((i - 1) % 100) + 1, wire.WAIT_S)))
      end)
    end)

    it("with JSON of as many values as may be", function()
      local connections, streams = {}, {}
      local pad = fill("[],", 12000)
      measure(function(i)
        connections[i] = http.connect(server)
        streams[i] = connections[i]:send("POST", "/idp/apps", { bearer = world.user.api_key, json =
          ('{"name":"App in flight %d","redirect_uris":["https://app.example/"],"a":[%s0],"b":"%s"}'):format(i, pad,
            ("a"):rep(50000)) })
      end, function(i)
        assert.equal(200, connections[i]:receive(streams[i]).status)
        connections[i]:close()
      end)
    end)
  end)
end)
