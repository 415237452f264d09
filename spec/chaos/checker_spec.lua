-- The checker finds each violation that it is there for: a good history with one thing planted, and only that is found.
local checker = require "chaos.checker"
local plan = require "chaos.plan"

describe("The checker of a trial", function()
  local events, rows

  local function op(kind, from, to, more)
    local event = { what = "op", kind = kind, client = 1, server = "a", from = from, to = to, status = 200,
      request_id = ("r%d"):format(#events + 1) }
    for name, value in pairs(more or {}) do
      event[name] = value
    end
    event.n = #events + 1
    events[event.n] = event
    rows.audit[event.request_id] = true
    return event
  end

  local function add(event)
    event.n = #events + 1
    events[event.n] = event
    return event
  end

  -- A good life: a family that is refreshed after a lost answer, looked at, and revoked; a fault amid.
  local exchanged, lost, refreshed, looked, fault, shared
  before_each(function()
    events = {}
    rows = { audit = {}, access_tokens = { A1 = true, A2 = true }, refresh_tokens = { R1 = true, R2 = true },
      apps = {}, app_shares = { ["app user"] = true }, wrong = {} }
    add { what = "family", id = "f", authorization = "z", app = "app", from = 0.9 }
    exchanged = op("exchange", 1, 1.1, { is_good = true, uses = "code:c", audited = 200, family = "f",
      gives = { family = "f", access = "cak_A1", refresh = "crt_R1" } })
    looked = op("look", 2, 2.1, { about = "cak_A1", family = "f", is_active = true })
    local refresh = { is_good = true, intent = 1, uses = "refresh:crt_R1", family = "f", ends = "token", id = "crt_R1" }
    lost = op("refresh", 3, 3.5, refresh)
    lost.status, lost.has_retry_after = 503, true
    refreshed = op("refresh", 4.5, 4.6, refresh)
    refreshed.gives = { family = "f", access = "cak_A2", refresh = "crt_R2" }
    fault = add { what = "fault", name = "line_cut", server = "a", from = 2.9, to = 3.6,
      recovery_s = { a = 0.1, b = 1 } }
    shared = op("share", 5, 5.1, { row = { "app_shares", "app user" }, makes = true, is_done = true })
    op("revoke", 6, 6.1, { ends = "family", id = "f", is_done = true, is_good = true })
    op("look", 6.2, 6.3, { about = "cak_A2", family = "f", is_active = true, server = "b" })
    op("look", 7.2, 7.3, { about = "cak_A2", family = "f", is_active = false, server = "b" })
  end)

  local function found()
    local names = {}
    for _, one in ipairs((checker.judge { events = events, rows = rows, grace_s = 4, deadline_s = 3, slack_s = 1,
      patience = 1 })) do
      names[#names + 1] = one.rule
    end
    return names
  end

  it("finds nothing where nothing is", function()
    assert.same({}, found())
  end)

  -- what is planted, and the rule that finds it
  local planted = {
    ["a code that succeeds twice"] = { "once", function()
      op("exchange", 1.2, 1.3, { uses = "code:c", family = "f" })
    end },
    ["a consent that gives two codes"] = { "once", function()
      for i = 1, 2 do
        op("consent", i, i + 0.1, { uses = "consent:s", status = 303, gives = { code = "c" .. i } })
      end
    end },
    ["a nonce that signs in twice"] = { "once", function()
      for i = 1, 2 do
        op("nonce_use", i, i + 0.1, { uses = "nonce:s", status = 302 })
      end
    end },
    ["a proof that is taken twice"] = { "once", function()
      for i = 1, 2 do
        op("proof", i, i + 0.1, { proof = "proof:j", status = 201 })
      end
    end },
    ["a refresh token that is good after the grace"] = { "once", function()
      op("reuse", 11, 11.1, { uses = "refresh:crt_R1", family = "f" })
    end },
    ["a revoked token that is active a second later"] = { "over", function()
      op("look", 7.2, 7.3, { about = "cak_A2", family = "f", is_active = true })
    end },
    ["a token that is active while its app is off"] = { "over", function()
      op("switch_off", 1.2, 1.3, { ends = "app", id = "app", is_done = true })
      op("switch_on", 2.6, 2.7, { begins = "app", id = "app", is_done = true })
      looked.from, looked.to = 2.4, 2.5
    end },
    ["a refresh that is refused out of the blue"] = { "refused", function()
      lost.intent, lost.status = 2, 0
      lost.is_good = nil
      refreshed.status, refreshed.error, refreshed.gives = 400, "invalid_grant", nil
    end },
    ["a client that did as Retry-After says, and is thrown out"] = { "retried", function()
      refreshed.status, refreshed.error, refreshed.gives = 400, "invalid_grant", nil
    end },
    ["a new secret that is refused"] = { "changed", function()
      op("secret", 4, 4.1, { is_change = true, is_done = true })
      op("exchange", 4.2, 4.3, { is_good = true, status = 401, error = "invalid_client" })
    end },
    ["a token that died of itself"] = { "alive", function()
      looked.is_active = false
    end },
    ["an access token that is not in the store"] = { "kept", function()
      rows.access_tokens.A2 = nil
    end },
    ["a refresh token that is not in the store"] = { "kept", function()
      rows.refresh_tokens.R1 = nil
    end },
    ["a share that is not in the store"] = { "kept", function()
      rows.app_shares = {}
    end },
    ["a share that was taken back and is in the store"] = { "kept", function()
      shared.makes = false
    end },
    ["a 503 without Retry-After"] = { "retry_after", function()
      lost.has_retry_after = nil
    end },
    ["a 500"] = { "no_500", function()
      shared.status = 500
    end },
    ["an answer that is late"] = { "late", function()
      exchanged.from, exchanged.to = -3.2, 1.1
    end },
    ["a server that does not write again"] = { "recovers", function()
      fault.recovery_s.b = 5.5
    end },
    ["a server that ends"] = { "runs", function()
      add { what = "ended", server = "a", code = 139, why = "" }
    end },
    ["a count that drifted"] = { "counts", function()
      rows.wrong.app_counts = 1
    end },
    ["a row of what is gone"] = { "references", function()
      rows.wrong["shares of no app or user"] = 1
    end },
    ["a record that is not in the audit log"] = { "audited", function()
      rows.audit[exchanged.request_id] = nil
    end },
  }
  for what, plant in pairs(planted) do
    it("finds " .. what, function()
      plant[2]()
      assert.same({ plant[1] }, found())
    end)
  end

  it("has a violation planted for each of its rules", function()
    local names = {}
    for _, plant in pairs(planted) do
      names[plant[1]] = true
    end
    for _, rule in ipairs(checker.rules) do
      assert.is_true(names[rule.name], rule.name)
      names[rule.name] = nil
    end
    assert.same({}, names)
  end)

  it("excuses a code whose answer went down with its server", function()
    for i, plant in ipairs { { status = 0 }, { status = 503, has_retry_after = true } } do
      local first = op("exchange", 1.2, 1.3, { is_good = true, intent = 7 + i, uses = "code:d" })
      op("exchange", 2.2, 2.3, { is_good = true, intent = 7 + i, uses = "code:d", status = 400,
        error = "invalid_grant" })
      first.status, first.has_retry_after = plant.status, plant.has_retry_after
      assert.same(plant.status == 0 and {} or { "retried" }, found())
    end
    add { what = "fault", name = "kill", kills = "a", server = "a", from = 1.4, to = 1.6, recovery_s = {} }
    assert.same({}, found())
  end)

  it("excuses nobody within the grace of a refresh token", function()
    lost.status = 0
    refreshed.status, refreshed.error, refreshed.gives = 400, "invalid_grant", nil
    assert.same({ "retried" }, found())
    lost.from = 1.3
    assert.same({}, found())
  end)

  it("the plan of a seed is always the same, and that of another seed another", function()
    local function text(seed)
      local next_fault, parts = plan.faults(seed, { "a", "b", "c", "d" }), {}
      for i = 1, 40 do
        local step, fault_next = plan.step(seed, 3, i), next_fault()
        parts[i] = ("%s %.6f %d %s %.6f %.6f"):format(step.operation, step.pause_s, step.random(1000), fault_next.name,
          fault_next.gap_s, fault_next.random())
      end
      return table.concat(parts, "\n")
    end
    assert.equal(text(7), text(7))
    assert.not_equal(text(7), text(8))
  end)
end)
