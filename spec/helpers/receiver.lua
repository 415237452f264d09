-- Somebody else's HTTP server, for specs of what ours asks others: receiver.start(), :answer { path =, body = },
-- :next().
local cjson = require "cjson.safe"

local server_helper = require "helpers.server"
local sys = require "helpers.sys"

local receiver = {}
receiver.__index = receiver

function receiver.start()
  local words = { server_helper.node, server_helper.root .. "/spec/helpers/receiver.mjs" }
  local process = sys.spawn(words, { stdin = true })
  local self = setmetatable({ process = process, waiting = {} }, receiver)
  self.port = tonumber((assert(process:line(20), "the receiver did not start")))
  self.url = "http://127.0.0.1:" .. self.port
  return self
end

-- From now on: { path =, status = 200, headers = {}, body = "", hang = false, once = false }.
function receiver:answer(answer)
  self.process:write(cjson.encode(answer) .. "\n")
  repeat -- requests may come in between
    local line = assert(self.process:line(10), "the receiver does not answer")
    if line ~= '"set"' then
      table.insert(self.waiting, cjson.decode(line))
    end
  until line == '"set"'
end

-- The same for every other path.
function receiver:default(answer)
  answer.path = "*"
  self:answer(answer)
end

-- The next request that came: { method, path, headers, body }; nil when none comes in that time.
function receiver:next(timeout_s)
  if #self.waiting > 0 then
    return table.remove(self.waiting, 1)
  end
  local line = self.process:line(timeout_s or 10 * server_helper.patience)
  return line and cjson.decode(line)
end

-- What came so far, of a server that has ended.
function receiver:forget()
  self:answer { path = "/forgotten" }
  self:answer { path = "/forgotten" } -- by now it has read what was on its way
  self.waiting = {}
end

function receiver:stop()
  self.process:signal(sys.TERM)
  self.process:wait()
end

return receiver
