-- Judges a trial: its history (history.lua) and the rows that were left (rows.lua). A rule gets the world and says what
-- breaks it. README.md says the rules in words.
local checker = {}

-- Rules that `main` does not keep yet: what breaks them is told and counted, and fails nothing.
checker.known = {}

local RECOVERY_S = 5
local POLL_S = 5 -- a device's interval

--- what rules ask of a history

local world = {}
world.__index = world

-- trial: { events, rows, grace_s, deadline_s, slack_s, patience }
local function world_of(trial)
  local self = setmetatable({ trial = trial, ops = {}, faults = {}, stalls = {}, families = {}, endings = {},
    tries = {}, uses = {} }, world)
  local function put(list, key, event)
    list[key] = list[key] or {}
    table.insert(list[key], event)
  end
  for _, event in ipairs(trial.events) do
    if event.what == "op" then
      table.insert(self.ops, event)
      for _, field in ipairs { "uses", "proof" } do
        if event[field] then
          put(self.uses, event[field], event)
        end
      end
      if event.intent then
        put(self.tries, event.intent, event)
      end
      if event.ends or event.begins then
        put(self.endings, (event.ends or event.begins) .. ":" .. event.id, event)
      end
    elseif event.what == "family" then
      self.families[event.id] = event
    elseif event.what == "fault" then
      table.insert(self.faults, event)
    elseif event.what == "stall" then
      table.insert(self.stalls, event)
    end
  end
  return self
end

-- Does a fault of that name (or one that kills) hit the server in that time?
function world:was_hit(server, what, from, to)
  for _, fault in ipairs(self.faults) do
    local is_such = what == "kill" and fault.kills == server or fault.name == what and fault.server == server
    if is_such and fault.from <= to and fault.to >= from then
      return true
    end
  end
end

-- What ends the subject of an operation: its own end, and those of what it belongs to. App switches are apart.
function world:endings_of(about, family_id)
  local family, list = self.families[family_id] or { from = 0 }, {}
  for _, key in ipairs { "token:" .. about, "session:" .. about, "secret:" .. about, "key:" .. about,
    "family:" .. tostring(family_id), "authorization:" .. tostring(family.authorization) } do
    for _, event in ipairs(self.endings[key] or {}) do
      -- a person who revokes may allow it again: what begins then is another family
      list[#list + 1] = (event.ends ~= "authorization" or event.to >= family.from) and event or nil
    end
  end
  return list, self.endings["app:" .. tostring(family.app)] or {}
end

-- Whether the app may be off at some time of an operation: from the first try to switch it off to the answer that it is
-- on, and as long as memories last.
function world:may_be_off(switches, from, to)
  local off_from
  for _, event in ipairs(switches) do
    if event.ends then
      off_from = off_from or event.from
    elseif event.is_done then
      if off_from and off_from <= to and event.to + self.trial.slack_s >= from then
        return true
      end
      off_from = nil
    end
  end
  return off_from and off_from <= to
end

-- Whether it is off for certain: answered, and nobody has begun to switch it on.
function world:is_off(switches, from, to)
  local off_to
  for _, event in ipairs(switches) do
    if event.ends then
      off_to = off_to or event.is_done and event.to
    else
      if off_to and off_to + self.trial.slack_s <= from and to <= event.from then
        return true
      end
      off_to = nil
    end
  end
  return off_to and off_to + self.trial.slack_s <= from
end

-- May it have ended before that moment, for all that the history knows?
function world:may_be_over(about, family_id, from, to)
  local endings, switches = self:endings_of(about, family_id)
  for _, event in ipairs(endings) do
    if event.from <= to then
      return true
    end
  end
  return self:may_be_off(switches, from, to)
end

local function is_success(event)
  local thing = (event.uses or ""):match("^%a+")
  if thing == "consent" then
    return event.gives ~= nil and event.gives.code ~= nil
  elseif thing == "nonce" then
    return event.status == 302
  end
  return event.status == 200 or event.status == 201
end

local function id_in_store(id)
  return (id:gsub("^c%a%a_", ""))
end

--- the rules: each calls say(text, event) for what breaks it

local rules = {}
checker.rules = rules

local function rule(name, check)
  rules[#rules + 1] = { name = name, check = check }
end

rule("once", function(self, say)
  for thing, events in pairs(self.uses) do
    local first
    for _, event in ipairs(events) do
      if is_success(event) then
        local is_grace = (thing:find("^refresh:") or thing:find("^device:")) and first
          and event.from <= first.to + self.trial.grace_s + 1
        if first and not is_grace then
          say(("%s succeeded at %.3f and again"):format(thing, first.from), event)
        end
        first = first or event
      end
    end
  end
end)

rule("over", function(self, say)
  for _, op in ipairs(self.ops) do
    if op.about and op.is_active then
      local endings, switches = self:endings_of(op.about, op.family)
      for _, ending in ipairs(endings) do
        -- what another process changes is seen within a second, on SQLite as well
        local slack = ending.server == "cli" and 1 or self.trial.slack_s
        if ending.is_done and op.from >= ending.to + slack then
          say(("%s was active %.3f s after the answer to %s (n %d)"):format(op.about, op.from - ending.to, ending.kind,
            ending.n), op)
          break
        end
      end
      if self:is_off(switches, op.from, op.to) then
        say(op.about .. " was active while its app was off", op)
      end
    end
  end
end)

-- What is good once more within a time of its first use: from, to (of a device's code: RFC 8628's pace).
local function grace_of(self, kind)
  if kind == "refresh" then
    return 0, self.trial.grace_s - 1
  elseif kind == "poll" then
    return POLL_S, 2 * POLL_S + self.trial.grace_s - 1
  end
end

-- Why a refusal of what was right may be right, though: a try before it may have been answered, and lost on the way.
local function is_excused(self, op)
  local from_s, to_s = grace_of(self, op.kind)
  for _, try in ipairs(self.tries[op.intent] or {}) do
    local is_lost = try.n < op.n and (try.status == 0
      or try.status == 503 and self:was_hit(try.server, "kill", try.from, op.to))
    local since_s = op.from - try.from
    if is_lost and (not from_s or since_s < from_s or since_s > to_s) then
      return true
    end
  end
end

-- Whether somebody else may still remember what the client's app was before its last change.
local function is_remembered(self, op)
  for n = op.n - 1, 1, -1 do
    local change = self.trial.events[n]
    if change.is_change and change.client == op.client and change.is_done then
      return op.from < change.to + self.trial.slack_s
    end
  end
end

-- Which rule a refusal breaks: it came after a try that was not answered, too soon after a change, or out of the blue.
local function refusal(self, op)
  local first = (self.tries[op.intent] or {})[1] or op
  return is_remembered(self, first) and "changed" or first.n < op.n and "retried" or "refused"
end

local function refusals(self, say, name)
  for _, op in ipairs(self.ops) do
    local is_refused = op.status >= 400 and op.status < 500 and op.status ~= 429
      or op.status < 400 and op.is_refused and op.error ~= "temporarily_unavailable"
    if op.is_good and is_refused and refusal(self, op) == name and not is_excused(self, op)
      and not (op.family and self:may_be_over(op.about or "", op.family, op.from, op.to)) then
      local tries = {}
      for _, try in ipairs(self.tries[op.intent] or {}) do
        tries[#tries + 1] = ("%s %d"):format(try.server, try.status)
      end
      say(("%s was refused: %s %s; tries: %s"):format(op.kind, op.error or op.status, op.description or "",
        table.concat(tries, ", ")), op)
    end
  end
end

for _, name in ipairs { "refused", "retried", "changed" } do
  rule(name, function(self, say)
    refusals(self, say, name)
  end)
end

rule("alive", function(self, say)
  for _, op in ipairs(self.ops) do
    if op.about and op.is_active == false and not self:may_be_over(op.about, op.family, op.from, op.to) then
      say(op.about .. " is inactive, and nobody has ended it", op)
    end
  end
end)

rule("kept", function(self, say)
  local rows, last = self.trial.rows, {}
  for _, op in ipairs(self.ops) do
    for _, name in ipairs { "access", "refresh" } do
      local id = op.gives and op.gives[name]
      if id and not rows[name .. "_tokens"][id_in_store(id)] then
        say(id .. " was answered and is not in the store", op)
      end
    end
    if op.row then
      local key = table.concat(op.row, " ")
      last[key] = op.is_done and op or last[key] and last[key].makes == op.makes and last[key] or nil
    end
  end
  for key, op in pairs(last) do
    if (rows[op.row[1]][op.row[2]] or false) ~= op.makes then
      say(("%s was answered to be %s"):format(key, op.makes and "there, and is gone" or "gone, and is there"), op)
    end
  end
end)

rule("retry_after", function(self, say)
  for _, op in ipairs(self.ops) do
    if (op.status == 503 or op.status == 429) and not op.has_retry_after then
      say(op.kind .. " was told to come again, and not when", op)
    end
  end
end)

rule("no_500", function(self, say)
  for _, op in ipairs(self.ops) do
    if op.status >= 500 and op.status ~= 503 then
      say(("%s: %d %s"):format(op.kind, op.status, op.body or ""), op)
    end
  end
end)

-- How long of that time the trial itself stood still.
local function stalled_s(self, from, to)
  local seconds = 0
  for _, stall in ipairs(self.stalls) do
    seconds = seconds + math.max(0, math.min(to, stall.to) - math.max(from, stall.from))
  end
  return seconds
end

rule("late", function(self, say)
  for _, op in ipairs(self.ops) do
    local took = op.to - op.from - stalled_s(self, op.from, op.to)
    if took > (self.trial.deadline_s + 1) * self.trial.patience and op.server ~= "cli"
      and not self:was_hit(op.server, "stand_still", op.from, op.to) then
      say(("%s took %.2f s"):format(op.kind, took), op)
    end
  end
end)

rule("recovers", function(self, say)
  for _, fault in ipairs(self.faults) do
    for server, took in pairs(fault.recovery_s) do
      if took > RECOVERY_S * self.trial.patience then
        say(("%s wrote again only %.1f s after %s"):format(server, took, fault.name), fault)
      end
    end
  end
end)

rule("runs", function(self, say)
  for _, event in ipairs(self.trial.events) do
    if event.what == "ended" then
      say(("%s ended with %s: %s"):format(event.server, tostring(event.code), event.why), event)
    elseif event.what == "command" and event.code > 1 then
      say(("the command %s exited %d: %s"):format(table.concat(event.words, " "), event.code, event.said), event)
    end
  end
end)

-- As truth.lua calls them; the rest is references.
local COUNTS = { app_counts = true, ["apps.user_count"] = true, ["authorizations.is_counted"] = true }
rule("counts", function(self, say)
  for what, count in pairs(self.trial.rows.wrong) do
    if COUNTS[what] then
      say(("%d of %s are wrong"):format(count, what))
    end
  end
end)

rule("references", function(self, say)
  for what, count in pairs(self.trial.rows.wrong) do
    if not COUNTS[what] then
      say(("%d %s"):format(count, what))
    end
  end
end)

-- By this request, or by a try before it that has done it; of one without an answer nobody knows the number.
local function is_on_record(self, op)
  local audit = self.trial.rows.audit
  for _, try in ipairs(self.tries[op.intent] or {}) do
    if try.n < op.n and (try.status == 0 or audit[try.request_id or ""]) then
      return true
    end
  end
  return audit[op.request_id]
end

rule("audited", function(self, say)
  for _, op in ipairs(self.ops) do
    if op.audited == op.status and op.request_id and not is_on_record(self, op) then
      say(op.kind .. " was answered and is not in the audit log", op)
    end
  end
end)

--- the judgement

-- → { { rule =, text =, event = }, … } in the order of the rules, and how many of each
function checker.judge(trial)
  local found, counts, seen = {}, {}, world_of(trial)
  for _, one in ipairs(rules) do
    counts[one.name] = 0
    one.check(seen, function(text, event)
      counts[one.name] = counts[one.name] + 1
      found[#found + 1] = { rule = one.name, text = text, event = event }
    end)
  end
  return found, counts
end

return checker
