-- Peers that leave while db_run waits: a TCP reset, the end of what they send, RST_STREAM. The write lock of the
-- database is held from outside (helpers/lock), so that the fibers are certainly waiting when the peer goes.
local flow = require "helpers.flow"
local frames = require "helpers.frames"
local http = require "helpers.http"
local lock_helper = require "helpers.lock"
local server_helper = require "helpers.server"
local shape = require "helpers.shape"
local sys = require "helpers.sys"

local FORM = { { "content-type", "application/x-www-form-urlencoded" } }

local function post(path, body)
  return table.concat({
    "POST " .. path .. " HTTP/1.1", "Host: localhost", "Content-Type: application/x-www-form-urlencoded",
    "Content-Length: " .. #body, "", body,
  }, "\r\n")
end

describe("a peer that leaves", function()
  local server, world, lock
  lazy_setup(function()
    -- The store's patience is longer than any wait here, also in a slow build.
    server = server_helper.start { settings = { limits = { store_timeout_ms = 30000 } } }
    world = flow.world(server)
  end)
  lazy_teardown(function()
    server:stop()
  end)
  before_each(function()
    lock = lock_helper.hold(server)
  end)

  local function metric(name)
    return http.metric(server, "moonlatch_" .. name)
  end

  -- Of others than the fiber that answers this question.
  local function fibers_until(is_true)
    return http.metric_until(server, "moonlatch_fibers", function(count)
      return is_true(count - 1)
    end) - 1
  end

  -- The server's own sweep of expired rows may wait among them.
  local function all_wait(count)
    assert.is_true(fibers_until(function(waiting)
      return waiting >= count
    end) >= count)
  end

  -- And others are served as ever.
  local function all_end()
    lock:release()
    assert.equal(0, fibers_until(function(waiting)
      return waiting == 0
    end))
    assert.equal(0, http.metric_until(server, "moonlatch_db_queue", function(waiting)
      return waiting == 0 -- the audit log writes behind the answers
    end))
    assert.is_true(flow.is_active(server, flow.tokens(server, world.app, world.cookie).access_token))
  end
  after_each(all_end)

  -- A code must be had before the lock is taken.
  local function code()
    lock:release()
    local fresh = flow.code(server, world.app, world.cookie)
    lock = lock_helper.hold(server)
    return fresh
  end

  local function refresh_token()
    lock:release()
    local tokens = flow.tokens(server, world.app, world.cookie)
    lock = lock_helper.hold(server)
    return tokens.refresh_token, tokens
  end

  local function redemption(with)
    return http.form(flow.code_form(world.app, with or code()))
  end

  -- HTTP/1 connections that wait for the store.
  local function waiting(count, body)
    local request, peers = post("/idp/token", body), {}
    for i = 1, count do
      peers[i] = sys.connect(server.port)
      assert(peers[i]:send(request))
    end
    all_wait(count)
    return peers
  end

  local function each(peers, method)
    for _, peer in ipairs(peers) do
      peer[method](peer)
    end
  end

  describe("by a TCP reset", function()
    -- libh2o notices that an HTTP/1 peer has gone when it writes: there is nothing to count.
    it("on HTTP/1: its fiber ends", function()
      for _ = 1, 2 do
        each(waiting(200, redemption()), "reset")
        all_end()
        lock = lock_helper.hold(server)
      end
    end)

    it("on HTTP/2: the same for every stream", function()
      local body, dropped = redemption(), metric("dropped_answers_total")
      local peers = {}
      for i = 1, 4 do
        peers[i] = frames.connect(server.port)
        for stream = 1, 99, 2 do
          assert(peers[i]:send(frames.post(stream, "/idp/token", body, FORM)))
        end
      end
      all_wait(200)
      for _, peer in ipairs(peers) do
        peer.raw:reset()
      end
      all_end()
      assert.equal(dropped + 200, metric("dropped_answers_total"))
    end)
  end)

  describe("by the end of what it sends", function()
    it("on HTTP/1: it still gets its answer (RFC 9112 §9.6)", function()
      local peers = waiting(50, redemption())
      each(peers, "shutdown_write")
      lock:release()
      local good = 0
      for _, peer in ipairs(peers) do
        local status = peer:answer(10 * server_helper.patience)
        good = good + (status == 200 and 1 or 0)
        assert.is_true(status == 200 or status == 400)
        peer:close()
      end
      assert.equal(1, good)
    end)

    it("on HTTP/2: its streams end", function()
      local peer, body = frames.connect(server.port), redemption()
      for stream = 1, 99, 2 do
        assert(peer:send(frames.post(stream, "/idp/token", body, FORM)))
      end
      all_wait(50)
      peer.raw:shutdown_write()
      all_end()
      peer:close()
    end)

    it("in the middle of a request: nothing is started", function()
      local with = code()
      local request, requests = post("/idp/token", redemption(with)), metric("requests_total")
      for _, cut in ipairs { 10, 60, #request - 1 } do
        local peer = sys.connect(server.port)
        peer:send(request:sub(1, cut))
        peer:shutdown_write()
        assert.equal("", peer:receive_all(10 * server_helper.patience))
        peer:close()
      end
      assert.equal(requests + 1, metric("requests_total")) -- the first look at the metrics
      lock:release()
      shape.ok(flow.token(server, flow.code_form(world.app, with)))
    end)
  end)

  describe("by RST_STREAM", function()
    it("drops those answers, and the connection goes on", function()
      local body, dropped = redemption(), metric("dropped_answers_total")
      local peer = frames.connect(server.port)
      for stream = 1, 119, 2 do
        assert(peer:send(frames.post(stream, "/idp/token", body, FORM)))
      end
      all_wait(60)
      for stream = 1, 119, 2 do
        assert(peer:send(frames.reset(stream)))
      end
      assert(peer:send(frames.get(121, "/healthz")))
      assert.equal(200, (peer:answer(121)))
      all_end()
      assert.equal(dropped + 60, metric("dropped_answers_total"))
      assert(peer:send(frames.get(123, "/healthz")))
      assert.equal(200, (peer:answer(123)))
      for stream = 1, 119, 2 do
        assert.is_nil(peer.answers[stream])
      end
      peer:close()
    end)

    it("leaves the other streams alone", function()
      local peer, body = frames.connect(server.port), redemption()
      for stream = 1, 39, 2 do
        assert(peer:send(frames.post(stream, "/idp/token", body, FORM)))
      end
      all_wait(20)
      for stream = 1, 37, 2 do
        assert(peer:send(frames.reset(stream)))
      end
      assert(peer:send(frames.get(41, "/healthz")))
      assert.equal(200, (peer:answer(41)))
      lock:release()
      local status, text = peer:answer(39, 10 * server_helper.patience)
      if status == 503 then -- another redeemed it whose peer has left: come again
        assert(peer:send(frames.post(43, "/idp/token", body, FORM)))
        status, text = peer:answer(43, 10 * server_helper.patience)
      end
      assert.is_true(status == 200 or status == 400, text)
      peer:close()
    end)
  end)

  -- Without the lock: whoever is faster.
  it("at any moment at all", function()
    lock:release()
    local path, bodies = "/idp/token", {}
    for i = 1, 4 do
      bodies[i] = http.form(flow.code_form(world.app, flow.code(server, world.app, world.cookie)))
    end
    for i = 1, 300 do
      local peer = sys.connect(server.port)
      peer:send(post(path, bodies[i % 4 + 1]))
      peer:reset()
    end
    for i = 1, 30 do
      local peer = frames.connect(server.port)
      for stream = 1, 19, 2 do
        peer:send(frames.post(stream, path, bodies[i % 4 + 1], FORM), frames.reset(stream))
        peer:send(frames.post(stream + 20, path, bodies[i % 4 + 1], FORM))
      end
      if i % 3 == 0 then
        peer.raw:reset()
      elseif i % 3 == 1 then
        peer:close()
      else
        peer.raw:shutdown_write()
        peer:closes(10)
        peer:close()
      end
    end
  end)

  describe("with the answer that it needed", function()
    it("a code: whoever asks again is refused, and starts afresh", function()
      local with = code()
      each(waiting(1, redemption(with)), "reset")
      all_end()
      shape.oauth_error(flow.token(server, flow.code_form(world.app, with)), 400, "invalid_grant")
      assert.is_string(flow.tokens(server, world.app, world.cookie).access_token)
    end)

    it("a refresh token: the same client asks again within the grace and gets a pair", function()
      local token = refresh_token()
      each(waiting(1, http.form(flow.refresh_form(world.app, token))), "reset")
      all_end()
      local again = flow.token(server, flow.refresh_form(world.app, token))
      shape.ok(again)
      assert.is_true(flow.is_active(server, again.json.access_token))
      assert.is_true(flow.is_active(server, again.json.refresh_token))
    end)

    it("a revocation: it holds", function()
      local token, tokens = refresh_token()
      local peer = sys.connect(server.port)
      assert(peer:send(post("/idp/token/revoke", http.form { token = token })))
      all_wait(1)
      peer:reset()
      all_end()
      assert.is_false(flow.is_active(server, tokens.access_token))
      assert.is_false(flow.is_active(server, tokens.refresh_token))
    end)
  end)
end)

describe("a stack", function()
  it("goes back to its pool, however often the peer leaves", function()
    local server = server_helper.start { workers = 1, settings = { limits = { store_timeout_ms = 30000 } } }
    local world, stacks = flow.world(server)
    for _ = 1, 5 do
      local body = http.form(flow.code_form(world.app, flow.code(server, world.app, world.cookie)))
      local lock, peers = lock_helper.hold(server), {}
      for i = 1, 100 do
        peers[i] = sys.connect(server.port)
        assert(peers[i]:send(post("/idp/token", body)))
      end
      http.metric_until(server, "moonlatch_fibers", function(count)
        return count >= 101
      end)
      for _, peer in ipairs(peers) do
        peer:reset()
      end
      lock:release()
      assert.equal(1, http.metric_until(server, "moonlatch_fibers", function(count)
        return count == 1
      end))
      local mapped = http.metric(server, "moonlatch_fiber_stacks")
      assert.is_true(mapped <= (stacks or mapped) + 2, mapped) -- the audit log's and the sweep's fiber come and go
      stacks = stacks or mapped
    end
    server:stop()
  end)
end)

describe("a server that ends", function()
  it("while peers have left and fibers wait, ends clean", function()
    local server = server_helper.start { settings = { limits = { store_timeout_ms = 30000 } } }
    local world = flow.world(server)
    local body = http.form(flow.code_form(world.app, flow.code(server, world.app, world.cookie)))
    local lock = lock_helper.hold(server)
    local stays, peers = sys.connect(server.port), {}
    assert(stays:send(post("/idp/token", body)))
    for i = 1, 50 do
      peers[i] = sys.connect(server.port)
      assert(peers[i]:send(post("/idp/token", body)))
      peers[i + 50] = frames.connect(server.port)
      assert(peers[i + 50]:send(frames.post(1, "/idp/token", body, FORM)))
    end
    http.metric_until(server, "moonlatch_fibers", function(count)
      return count >= 102 -- these and the question
    end)
    for _, peer in ipairs(peers) do
      (peer.raw or peer):reset()
    end
    lock:release()
    server:stop()
    -- What was in flight was finished first: the one who stayed has the answer.
    local status = stays:answer(1)
    assert.is_true(status == 200 or status == 400)
    stays:close()
  end)
end)
