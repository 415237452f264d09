-- Floods on HTTP/2 that cost the sender little: streams opened and reset (CVE-2023-44487), streams that the server is
-- brought to reset, header blocks without end or that unfold. Each ends its connection soon; others are served
-- meanwhile, and memory stays where it was.
local flow = require "helpers.flow"
local frames = require "helpers.frames"
local http = require "helpers.http"
local lock_helper = require "helpers.lock"
local server_helper = require "helpers.server"
local sys = require "helpers.sys"

local INTROSPECT = "/idp/token/introspect"
local MIB_KB = 1024
local GROWTH_KB = 48 * MIB_KB -- also what a sanitizer keeps around
local WAIT_S = 10 * server_helper.patience

describe("a flood of", function()
  local server, world, neighbour
  lazy_setup(function()
    server = server_helper.start {
      settings = { limits = { store_timeout_ms = 30000 } },
      -- A quarantine of 256 MiB would hide what is kept.
      env = { ASAN_OPTIONS = "detect_leaks=1:halt_on_error=1:exitcode=99:quarantine_size_mb=4" },
    }
    world = flow.world(server)
    neighbour = http.connect(server, { version = 2 })
  end)
  lazy_teardown(function()
    neighbour:close()
    server:stop()
  end)

  local function metric(name)
    return http.metric(server, "moonlatch_" .. name)
  end

  -- Asks on a new connection and on the one that was there before. The longer of the two waits.
  local function others_are_served()
    local start = sys.now()
    assert.equal(200, http.get(server, "/healthz").status)
    local between = sys.now()
    assert.equal(200, neighbour:request("GET", "/healthz").status)
    return math.max(between - start, sys.now() - between)
  end

  -- count attackers send the same at once; while the server has it before it, others ask. Returns the attackers.
  local function attack(count, bytes)
    local resident_kb, peers, longest_s = server:memory_mark(), {}, 0
    for i = 1, count do
      peers[i] = frames.connect(server.port)
    end
    for _, peer in ipairs(peers) do
      peer.raw:send(bytes, WAIT_S) -- fails when the server has seen enough
      longest_s = math.max(longest_s, others_are_served())
    end
    longest_s = math.max(longest_s, others_are_served())
    assert.is_true(longest_s < 0.5 * server_helper.patience, "others waited " .. longest_s .. " s")
    local grown_kb = server:memory_kb("VmHWM") - resident_kb
    assert.is_true(grown_kb < GROWTH_KB, "grown by " .. grown_kb .. " KiB")
    return peers
  end

  local function all_are_closed(peers)
    for i, peer in ipairs(peers) do
      assert.is_number(peer:closes(WAIT_S), "peer " .. i .. " is still open")
      peer:close()
    end
  end

  local function streams(count, each)
    local list = {}
    for i = 1, count do
      list[i] = each(2 * i - 1)
    end
    return table.concat(list)
  end

  local function get_and_reset(stream)
    return frames.get(stream, "/idp/scopes") .. frames.reset(stream)
  end

  describe("streams that are opened and reset:", function()
    it("ninety are no flood", function()
      local cut = metric("cut_connections_total")
      local peer = frames.connect(server.port)
      for round = 0, 2 do
        peer:send(streams(30, function(stream)
          return get_and_reset(stream + round * 60)
        end))
      end
      peer:send(frames.get(201, "/healthz"))
      assert.equal(200, (peer:answer(201, WAIT_S)))
      assert.equal(cut, metric("cut_connections_total"))
      peer:close()
    end)

    it("whoever reads its answers may give up some, for ever", function()
      local peer = frames.connect(server.port)
      for i = 0, 299 do
        peer:send(get_and_reset(4 * i + 1), frames.get(4 * i + 3, "/healthz"))
        assert.equal(200, (peer:answer(4 * i + 3, WAIT_S)))
      end
      peer:close()
    end)

    it("thousands are: the connection is closed after about a hundred, and none is run that is gone", function()
      local cut, requests = metric("cut_connections_total"), metric("requests_total")
      all_are_closed(attack(1, streams(3000, get_and_reset)))
      assert.equal(cut + 1, metric("cut_connections_total"))
      assert.is_true(metric("requests_total") - requests < 150)
    end)

    it("from many connections, again and again", function()
      local flood = streams(2000, get_and_reset)
      for _ = 1, 4 do
        local cut = metric("cut_connections_total")
        all_are_closed(attack(15, flood))
        assert.equal(cut + 15, metric("cut_connections_total"))
      end
    end)

    it("while they wait for the store", function()
      local body = http.form(flow.code_form(world.app, flow.code(server, world.app, world.cookie)))
      local lock = lock_helper.hold(server)
      local dropped, peers = metric("dropped_answers_total"), {}
      for i = 1, 5 do
        peers[i] = frames.connect(server.port)
        for round = 0, 2 do
          for stream = round * 100 + 1, round * 100 + 99, 2 do
            peers[i]:send(frames.post(stream, "/idp/token", body))
          end
          others_are_served() -- meanwhile the fibers are begun
          for stream = round * 100 + 1, round * 100 + 99, 2 do
            peers[i]:send(frames.reset(stream))
          end
        end
      end
      all_are_closed(peers)
      assert.is_true(metric("fibers") <= 5 * 110)
      lock:release()
      assert.equal(1, http.metric_until(server, "moonlatch_fibers", function(count)
        return count == 1
      end))
      assert.is_true(metric("dropped_answers_total") > dropped)
    end)

    it("before they are whole", function()
      local flood = streams(20000, function(stream)
        return frames.open_post(stream, INTROSPECT) .. frames.reset(stream)
      end)
      all_are_closed(attack(3, flood))
    end)

    it("by the server, which the client brings to it", function()
      for _, provoke in ipairs {
        function(stream)
          return frames.window_update(stream, 0)
        end,
        function(stream)
          return frames.window_update(stream, 2 ^ 31 - 1)
        end,
        function(stream)
          return frames.frame(frames.DATA, 0, stream, "more")
        end,
      } do
        all_are_closed(attack(2, streams(3000, function(stream)
          return frames.get(stream, "/idp/scopes") .. provoke(stream)
        end)))
      end
    end)
  end)

  describe("headers:", function()
    local function head_of(bytes, flags)
      return frames.frame(frames.HEADERS, flags or frames.END_STREAM, 1, bytes)
    end

    it("CONTINUATION without end", function()
      local piece = frames.frame(frames.CONTINUATION, 0, 1, frames.header("x-a", ("a"):rep(8000)):rep(2))
      all_are_closed(attack(5, head_of(frames.block("GET", "/")) .. piece:rep(500)))
    end)

    it("CONTINUATION that never says anything", function()
      local peers = attack(1, head_of(frames.block("GET", "/")) .. frames.frame(frames.CONTINUATION, 0, 1):rep(100000))
      peers[1]:close()
    end)

    -- One byte names a field of the table (RFC 7541 §6.1), and costs the receiver many.
    it("blocks that unfold", function()
      for _, flags in ipairs { frames.END_STREAM, 0 } do
        local list = {}
        for stream = 1, 39, 2 do
          local block = frames.block("POST", INTROSPECT) .. frames.indexed("x", ("v"):rep(3000)) .. ("\190"):rep(300000)
          list[#list + 1] = frames.head(stream, flags, block)
        end
        all_are_closed(attack(2, table.concat(list)))
      end
    end)

    it("a whole crowd of requests at once: refused or answered, and no more", function()
      local peers = attack(3, streams(5000, function(stream)
        return frames.get(stream, "/idp/scopes")
      end))
      for _, peer in ipairs(peers) do
        peer:close()
      end
    end)
  end)

  describe("frames that ask for nothing:", function()
    for what, bytes in pairs {
      PING = frames.frame(frames.PING, 0, 0, "12345678"),
      SETTINGS = frames.settings { [frames.INITIAL_WINDOW_SIZE] = 65535 },
      PRIORITY = frames.frame(frames.PRIORITY, 0, 1, frames.u32(0) .. "\1"),
      WINDOW_UPDATE = frames.window_update(0, 1),
      ["unknown frames"] = frames.frame(99, 0, 0, "x"),
    } do
      it(what, function()
        for _, peer in ipairs(attack(2, bytes:rep(50000))) do
          peer:close()
        end
      end)
    end

    it("empty DATA", function()
      local flood = frames.open_post(1, INTROSPECT) .. frames.frame(frames.DATA, 0, 1):rep(50000)
      for _, peer in ipairs(attack(2, flood)) do
        peer:close()
      end
    end)
  end)

  it("all these left nothing behind", function()
    assert.equal(2, http.metric_until(server, "moonlatch_connections", function(count)
      return count == 2 -- the neighbour's and this question's
    end))
    assert.equal(1, metric("fibers"))
    assert.equal(0, metric("fiber_refused_total"))
    assert.equal(0, metric("fiber_stale_resumes_total"))
  end)
end)
