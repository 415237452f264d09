-- The command line, beside a running server or without one.
local cjson = require "cjson.safe"
local server = require "helpers.server"
local sys = require "helpers.sys"

local cli = {}

-- cli.run(state, "user", "create", "alice") → exit code, stdout, stderr
function cli.run(state, ...)
  local words = { server.binary, ... }
  table.insert(words, "--state")
  table.insert(words, state)
  return sys.run(words, { env = server.environment(nil, state), timeout_s = 30 * server.patience })
end

-- The decoded result of a command that must succeed.
function cli.ask(state, ...)
  local words = { ... }
  table.insert(words, "--json")
  local code, out, err = cli.run(state, unpack(words))
  assert(code == 0, table.concat({ ... }, " ") .. " exited " .. tostring(code) .. ": " .. err)
  return assert(cjson.decode(out), "not JSON: " .. out)
end

-- A command that must be refused, with those words (a pattern) on stderr.
function cli.refused(state, what, ...)
  local code, out, err = cli.run(state, ...)
  assert(code == 1 and out == "" and err:find(what), ("exited %d: %s%s"):format(code, out, err))
end

return cli
