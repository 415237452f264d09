-- A program that others' code runs in: a JSON line { do = step, … } to it, a JSON line back.
local cjson = require "cjson.safe"

local server_helper = require "helpers.server"
local sys = require "helpers.sys"

local peer = {}
peer.__index = peer

-- encode: of what is asked, for a program that reads no JSON
function peer.start(words, env, encode)
  local self = setmetatable({ name = words[#words]:match("[^/]+$"), errors = os.tmpname() }, peer)
  self.encode = encode or cjson.encode
  self.process = sys.spawn(words, { stdin = true, stderr = self.errors, env = env })
  return self
end

local function read(self)
  local line = self.process:line(20 * server_helper.patience)
  return assert(cjson.decode(line or ""), self.name .. " does not answer: " .. sys.read_file(self.errors))
end

-- Asks, and does not wait: peer:heard() is the answer.
function peer:tell(step, fields)
  local request = { ["do"] = step }
  for name, value in pairs(fields or {}) do
    request[name] = value
  end
  self.process:write(self.encode(request) .. "\n")
end

-- Also what it says before it is asked, for a program that does.
peer.heard = read

function peer:ask(step, fields)
  self:tell(step, fields)
  return read(self)
end

-- The answer of a step that works.
function peer:call(step, fields)
  local answer = self:ask(step, fields)
  assert(not answer.error, self.name .. ": " .. step .. ": " .. cjson.encode(answer))
  return answer
end

-- { error =, claim =, message = } of one that does not: what the client's own code threw.
function peer:refusal(step, fields)
  local answer = self:ask(step, fields)
  assert(answer.error, self.name .. " took it: " .. step .. ": " .. cjson.encode(answer))
  return answer
end

-- What it wrote to its standard error so far.
function peer:complaints()
  return sys.read_file(self.errors)
end

function peer:stop()
  self.process:close_stdin()
  if not self.process:wait(10 * server_helper.patience) then
    self.process:signal(sys.KILL)
    self.process:wait()
  end
  os.remove(self.errors)
end

return peer
