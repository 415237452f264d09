-- /readyz: whether the store takes a write, and why not.
local cqueues = require "cqueues"

local database = require "helpers.database"
local http = require "helpers.http"
local lock = require "helpers.lock"
local machine = require "helpers.machine"
local server_helper = require "helpers.server"
local shape = require "helpers.shape"

local function readiness(server)
  return http.get(server, "/readyz")
end

local function not_ready(answer, why)
  shape.detail(answer, 503)
  assert.matches(why, answer.json.detail)
  assert.is_string(answer.headers["retry-after"])
end

describe("Readiness", function()
  local server
  local function start(options)
    options = options or {}
    options.settings = { limits = { store_timeout_ms = 300 } }
    server = server_helper.start(options)
  end
  after_each(function()
    server:stop()
  end)

  it("is told of a store that takes no write, with the reason, and of one that does again", function()
    start()
    http.ask_until(readiness, shape.is_ok, server)
    local held = lock.hold(server)
    local answer = http.ask_until(readiness, shape.is_refused, server)
    held:release()
    not_ready(answer, "^The store takes no write: .+%.$")
    http.ask_until(readiness, shape.is_ok, server)
  end)

  it("costs one write a second, however many ask", function()
    start()
    http.ask_until(readiness, shape.is_ok, server)
    local before, began = http.metric(server, "moonlatch_db_batches_total"), cqueues.monotime()
    for _ = 1, 10 do
      for _, answer in ipairs(http.together(server, 20, function(_, connection)
        return connection:request("GET", "/readyz")
      end)) do
        assert.equal(200, answer.status)
      end
    end
    local seconds = cqueues.monotime() - began
    -- What servers do by themselves at their start is also there.
    assert.is_true(http.metric(server, "moonlatch_db_batches_total") - before < 60 + seconds)
  end)

  it("is tried once for all who ask while it is tried", function()
    start()
    http.ask_until(readiness, shape.is_ok, server)
    local held = lock.hold(server)
    http.ask_until(readiness, shape.is_refused, server)
    local before = http.metric(server, "moonlatch_db_failures_total")
    local answers = http.together(server, 40, function(_, connection)
      return http.ask_until(function() -- until it is tried once more, and fails once more
        return connection:request("GET", "/readyz")
      end, function()
        return http.metric(server, "moonlatch_db_failures_total") > before
      end)
    end)
    local failed = http.metric(server, "moonlatch_db_failures_total") - before
    held:release()
    for _, answer in ipairs(answers) do
      not_ready(answer, "^The store takes no write: ")
    end
    assert.is_true(failed < 20, failed .. " failed")
  end)

  it("is a write: one row, with the time", function()
    start()
    assert.equal(0, lock.number(server, "SELECT count(*) FROM health"))
    readiness(server)
    local written_at = lock.number(server, "SELECT written_at FROM health")
    assert.is_true(math.abs(written_at - os.time()) < 10)
    http.ask_until(function()
      readiness(server)
      return lock.number(server, "SELECT written_at FROM health")
    end, function(later)
      return later > written_at
    end)
    assert.equal(1, lock.number(server, "SELECT count(*) FROM health"))
  end)

  if not database.postgres and not server_helper.is_sanitized() then
    it("is told of a disk that is full, and of one that does not answer", function()
      local box = machine.make()
      start { env = box.env }
      http.ask_until(readiness, shape.is_ok, server)
      box:begin "full"
      local full = http.ask_until(readiness, shape.is_refused, server)
      box:finish "full"
      http.ask_until(readiness, shape.is_ok, server)
      box:begin "stall"
      local stuck = http.ask_until(readiness, shape.is_refused, server)
      box:finish "stall"
      http.ask_until(readiness, shape.is_ok, server)
      box:remove()
      not_ready(full, "database or disk is full")
      not_ready(stuck, "the disk does not answer")
    end)
  end
end)
