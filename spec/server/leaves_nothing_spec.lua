-- What a spec starts ends with it, however the spec ends: what the helpers start is killed with busted.
local server_helper = require "helpers.server"
local sys = require "helpers.sys"

-- A program of the specs that says the ids of what it started, and then waits to be killed.
local SPEC = [[
  package.path = "%s/spec/?.lua;" .. package.path
  local server_helper, peer, sys = require "helpers.server", require "helpers.peer", require "helpers.sys"
  local server = server_helper.start { state = "%s" }
  print(server.process.pid, peer.start({ "cat" }).process.pid)
  io.stdout:flush()
  sys.spawn({ "cat" }, { stdin = true }):wait(1000)
]]

it("a spec that is killed leaves neither servers nor peers behind", function()
  local state = sys.directory()
  local words = { "luajit", "-e", SPEC:format(server_helper.root, state) }
  local spec = sys.spawn(words, { env = { MOONLATCH_BIN = server_helper.binary } })
  local line = assert(spec:line(20 * server_helper.patience), "it started nothing")
  local pids = {}
  for pid in line:gmatch("%d+") do
    assert.equal(0, (sys.run { "test", "-d", "/proc/" .. pid }))
    table.insert(pids, pid)
  end
  assert.equal(2, #pids)
  spec:signal(sys.KILL)
  for _, pid in ipairs(pids) do
    local waits = { "tail", "--pid=" .. pid, "-f", "/dev/null" }
    assert.equal(0, (sys.run(waits, { timeout_s = 20 * server_helper.patience })), "it runs still: " .. pid)
  end
  spec:wait()
  sys.run { "rm", "-r", state }
end)
