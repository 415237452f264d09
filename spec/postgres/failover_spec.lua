-- A primary that is gone, and its standby promoted: the server finds the new primary by itself
-- (target_session_attrs=read-write), and with synchronous replication nothing that was answered is lost.
local cqueues = require "cqueues"

local database = require "helpers.database"
local flow = require "helpers.flow"
local http = require "helpers.http"
local postgres = require "helpers.postgres"
local server_helper = require "helpers.server"
local shape = require "helpers.shape"

local RECOVERY_S = 5

describe("A primary that is gone", function()
  local directory, primary, standby, server, of
  setup(function()
    directory = postgres.directory()
    primary, standby = directory .. "/a", directory .. "/b"
    local url = postgres.cluster("start", primary)
    postgres.cluster("standby", standby, primary)
    -- from now on a commit is answered when both have it
    postgres.sql(url, "ALTER SYSTEM SET synchronous_standby_names = '*'", "SELECT pg_reload_conf()")
    local both = ("postgresql:///postgres?host=%s,%s&user=moonlatch&target_session_attrs=read-write")
      :format(standby, primary)
    of, database.of = database.of, function()
      return both
    end
    server = server_helper.start { workers = 2, settings = { limits = { store_timeout_ms = 1000 } } }
  end)
  teardown(function()
    server:stop()
    database.of = of
    postgres.cluster("stop", standby, "immediate")
    postgres.run("rm", "-rf", directory)
  end)

  it("is followed by its standby, with all that was answered", function()
    local world = flow.world(server)
    local answered, codes = {}, {}
    for i = 1, 20 do
      codes[i] = flow.code(server, world.app, world.cookie)
    end
    for i = 1, 10 do
      answered[i] = flow.token(server, flow.code_form(world.app, codes[i]))
      shape.ok(answered[i])
    end
    postgres.cluster("stop", primary, "immediate")
    local refused = flow.token(server, flow.code_form(world.app, codes[11]))
    shape.oauth_error(refused, 503, "temporarily_unavailable")
    postgres.cluster("promote", standby)
    local started = cqueues.monotime()
    shape.ok(http.ask_until(function()
      return flow.token(server, flow.code_form(world.app, codes[11]))
    end, shape.is_ok))
    local took = cqueues.monotime() - started
    print(("\n# serves again %.0f ms after the promotion"):format(took * 1000))
    assert.is_true(took < RECOVERY_S * server_helper.patience)
    for i = 1, 10 do
      assert.is_true(flow.is_active(server, answered[i].json.access_token))
    end
  end)
end)
