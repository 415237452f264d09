-- What happened, in the order in which it ended: a list of events in memory, and a line of JSON each in a file.
--
-- Times are seconds since the trial began. An event's `what` is one of
--
--   op      kind, client, server, from, to (when the request began, when its answer was whole),
--           status (0: no answer came), error, description, request_id, has_retry_after, body (of a 500);
--           and what it means, for the checker:
--           uses      the single-use thing that it presents ("code:…"), its first use or again
--           is_good   the caller has a right to it: only what is away may refuse it
--           about, is_active   the token that an introspection was about, and what it said
--           gives     { access =, refresh =, family = } that were answered, with where they belong in `family`
--           ends, id  what is over when this is done: "token", "family", "authorization", "app", "session", "key",
--                     "secret"; `begins`, id: an app that is switched on again
--           row = { table, id }, makes   what is there when this is done, or is gone
--           is_done   it was answered that it is
--           audited   the status of an answer that the audit log must know
--           is_change the app is another then, so what others remember of it is old
--           intent    a number that all tries of one thing have
--   family  id, authorization, app: where a family belongs
--   fault   name, server, from, to, recovery_s = { [server] = seconds }, kills = the server that died by kill -9
--   ended   server, code, why: a server that ended otherwise than it should
--   stall   from, to: the trial itself had no turn of the processor
local cjson = require "cjson.safe"
local cqueues = require "cqueues"

local history = {}
history.__index = history

function history.new(path)
  return setmetatable({ file = assert(io.open(path, "w")), events = {}, began = cqueues.monotime() }, history)
end

function history:now()
  return cqueues.monotime() - self.began
end

function history:add(event)
  event.n = #self.events + 1
  self.events[event.n] = event
  self.file:write(assert(cjson.encode(event)), "\n")
  return event
end

function history:close()
  self.file:close()
end

-- The events of a file: what the checker also takes.
function history.read(path)
  local events = {}
  for line in io.lines(path) do
    events[#events + 1] = assert(cjson.decode(line))
  end
  return events
end

return history
