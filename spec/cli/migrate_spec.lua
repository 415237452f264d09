-- The schema is brought to this version once, however many begin at the same moment, and all are told so.
local server_helper = require "helpers.server"
local sys = require "helpers.sys"

describe("moonlatch migrate", function()
  it("by four at once on an empty database succeeds four times", function()
    for _ = 1, 3 do
      local state, running = sys.directory(), {}
      local env = server_helper.environment(nil, state)
      for i = 1, 4 do
        running[i] = sys.spawn({ server_helper.binary, "migrate", "--state", state },
          { env = env, stderr = state .. "/said" .. i })
      end
      for i = 1, 4 do
        assert.matches("^schema_version: %d+$", running[i]:line(30 * server_helper.patience) or "")
        assert.equal(0, running[i]:wait(30 * server_helper.patience), sys.read_file(state .. "/said" .. i))
      end
      sys.run { "rm", "-r", state }
    end
  end)
end)
