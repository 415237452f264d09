-- Liveness, readiness, metrics, and the log.
local flow = require "helpers.flow"
local http = require "helpers.http"
local shape = require "helpers.shape"

describe("An operator sees", function()
  local server, world
  flow.in_world(function(...)
    server, world = ...
  end)

  it("that it lives and is ready", function()
    for path, status in pairs { ["/healthz"] = "ok", ["/readyz"] = "ready" } do
      local answer = http.get(server, path)
      shape.ok(answer)
      shape.no_store(answer)
      assert.same({ status = status }, answer.json)
    end
  end)

  it("metrics that Prometheus can read", function()
    flow.tokens(server, world.app, world.cookie)
    local answer = http.get(server, "/metrics")
    assert.equal(200, answer.status)
    assert.equal("text/plain; version=0.0.4; charset=utf-8", answer.headers["content-type"])
    local types, samples = {}, 0
    for line in answer.body:gmatch("[^\n]+") do
      local name, kind = line:match("^# TYPE (%S+) (%S+)$")
      if name then
        assert.is_nil(types[name], name .. " twice")
        assert.is_truthy(({ counter = 1, gauge = 1, histogram = 1 })[kind], line)
        types[name] = kind
      elseif not line:match("^# HELP %S+ .+") then
        local sample, rest = line:match("^([%a_][%w_]*)(.*)$")
        assert.is_string(sample, line)
        local base = types[sample] and sample or sample:gsub("_bucket$", ""):gsub("_sum$", ""):gsub("_count$", "")
        assert.is_truthy(types[base], "no TYPE before " .. line)
        assert.is_truthy(rest:match("^ [%d%.e+-]+$") or rest:match('^{[%w_]+=".-"} [%d%.e+-]+$')
          or rest:match('^{[%w_]+=".-",[%w_]+=".-"} [%d%.e+-]+$'), line)
        samples = samples + 1
      end
    end
    assert.is_true(samples > 30)
  end)

  it("counters that count", function()
    local function values()
      local found = {}
      for _, name in ipairs { "requests", "sign_ins", "sign_in_failures", "tokens_issued", "answers_4xx" } do
        found[name] = http.metric(server, "moonlatch_" .. name .. "_total")
      end
      return found
    end
    local before = values()
    flow.sign_in(server, world.app, world.user)
    flow.login(server, world.app, world.user, { fingerprint = "wrong" })
    flow.tokens(server, world.app, world.cookie)
    local after = values()
    assert.equal(1, after.sign_ins - before.sign_ins)
    assert.equal(1, after.sign_in_failures - before.sign_in_failures)
    assert.equal(1, after.tokens_issued - before.tokens_issued)
    assert.equal(1, after.answers_4xx - before.answers_4xx)
    assert.is_true(after.requests - before.requests >= 7)
  end)

  it("how long the policies take, per function", function()
    flow.tokens(server, world.app, world.cookie)
    local body = http.get(server, "/metrics").body
    local count = tonumber(body:match('moonlatch_policy_seconds_count{function="scopes.grant"} (%d+)'))
    assert.is_true(count >= 1)
    local all = body:match('moonlatch_policy_seconds_bucket{function="scopes.grant",le="%+Inf"} (%d+)')
    assert.equal(count, tonumber(all))
    local last = 0
    for value in body:gmatch('moonlatch_policy_seconds_bucket{function="scopes.grant",le="[^"]+"} (%d+)') do
      assert.is_true(tonumber(value) >= last)
      last = tonumber(value)
    end
  end)

  it("a line for each request, by the id that the answer carries, without its query", function()
    local answer = http.get(server, "/idp/authorize?client_id=x&state=secret-in-the-query", { bearer = "cak_x" })
    local id = answer.headers["x-request-id"]
    local found = server:logged(function(entry)
      return entry.request_id == id and entry.event == "request"
    end)
    assert.same({ "GET", "/idp/authorize", 422, "127.0.0.1" },
      { found.method, found.path, found.status, found.address })
    assert.is_number(found.ms)
    assert.is_string(found.error)
    assert.is_nil(server:log_text():find("secret-in-the-query", 1, true))
  end)

  it("ids that are never the same", function()
    local seen = {}
    for _ = 1, 50 do
      local id = http.get(server, "/healthz").headers["x-request-id"]
      assert.is_nil(seen[id])
      seen[id] = true
    end
  end)
end)
