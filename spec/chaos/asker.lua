-- Asks a server and writes down what came of it. An answer that does not come is one of status 0.
local cqueues = require "cqueues"

local http = require "helpers.http"
local plan = require "chaos.plan"
local server_helper = require "helpers.server"

local asker = {}
asker.__index = asker

local PATIENCE_S = 25 * server_helper.patience -- so long a client asks again

-- trial: { servers, history, seed }; number: whose choices it makes.
function asker.new(trial, number)
  local random = plan.stream(trial.seed, 4, number)
  return setmetatable({ trial = trial, number = number, random = random }, asker)
end

local NONE = { status = 0, headers = {}, body = "", cookies = {} }

local function error_of(answer)
  return answer.status >= 400 and type(answer.json) == "table" and answer.json.error or nil
end

-- In words: of JSON, or of a page.
local function description_of(answer)
  if answer.status < 400 then
    return nil
  elseif type(answer.json) == "table" then
    return answer.json.error_description or tostring(answer.json.detail)
  end
  return (answer.body:match("<main.*") or answer.body):gsub("<[^>]*>", " "):gsub("%s+", " "):sub(1, 200)
end

-- One try. what: kind, and what it means (history.lua); meaning(answer), if any, gives more of that.
function asker:ask(server, what, method, path, options, meaning)
  local history = self.trial.history
  local from = history:now()
  local is_there, answer = pcall(http.request, server, method, path, options)
  if not is_there then
    self.trial:failed(answer)
    answer = NONE
  end
  local event = { what = "op", client = self.number, server = server.name, from = from, to = history:now(),
    status = answer.status, error = error_of(answer), request_id = answer.headers["x-request-id"],
    has_retry_after = answer.headers["retry-after"] ~= nil or nil, body = answer.status == 500 and answer.body or nil,
    description = description_of(answer) }
  for name, value in pairs(what) do
    event[name] = value
  end
  for name, value in pairs(meaning and answer.status > 0 and meaning(answer) or {}) do
    event[name] = value
  end
  return answer, history:add(event)
end

function asker:any()
  return plan.pick(self.random, self.trial.servers)
end

function asker.is_open(answer)
  return answer.status == 0 or answer.status == 503 or answer.status == 429
end

-- As a client has to: again after Retry-After, at any server, until there is an answer. `intent` is what tries of one
-- thing have in common.
function asker:ask_until(what, method, path, options, meaning)
  local deadline = cqueues.monotime() + PATIENCE_S
  what.intent = self.trial:number()
  while true do
    local answer, event = self:ask(self:any(), what, method, path, options, meaning)
    if not asker.is_open(answer) or cqueues.monotime() > deadline then
      return answer, event
    end
    cqueues.sleep((tonumber(answer.headers["retry-after"]) or 0.1) + self.random() * 0.3)
  end
end

-- The same at both servers (or twice at the one) at the same moment → two answers.
function asker:ask_twice(what, method, path, options, meaning)
  local answers, done = {}, require "cqueues.condition".new()
  for i = 1, 2 do
    local server = self.trial.servers[(i - 1) % #self.trial.servers + 1]
    cqueues.running():wrap(function()
      answers[i] = self:ask(server, what, method, path, options, meaning)
      done:signal()
    end)
  end
  while not (answers[1] and answers[2]) do
    done:wait()
  end
  return answers[1], answers[2]
end

return asker
