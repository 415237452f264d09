-- What a running server has given up: looked at from outside. What that refuses: confine_unit.c, from inside.
local http = require "helpers.http"
local server_helper = require "helpers.server"
local sys = require "helpers.sys"

describe("A server that serves", function()
  local function status(server)
    return sys.read_file("/proc/" .. server.process.pid .. "/status")
  end

  local function is_confinement(entry)
    return entry.event == "confinement"
  end

  it("has confined itself, every thread of it, and says how far", function()
    local server = server_helper.start()
    local said = server:logged(is_confinement)
    assert.same({ "yes", "yes" }, { said.asked, said.seccomp })
    assert.equal(said.landlock == "yes" and "info" or "warn", said.level)
    local threads = "/proc/" .. server.process.pid .. "/task"
    local _, list = sys.run { "ls", threads }
    local count = 0
    for thread in list:gmatch("%d+") do
      local text = sys.read_file(threads .. "/" .. thread .. "/status")
      -- ThreadSanitizer has a thread of its own, older than main().
      if not text:match("Seccomp:%s*0") or not os.getenv("MOONLATCH_BIN"):find("thread", 1, true) then
        assert.matches("NoNewPrivs:%s*1", text)
        assert.matches("Seccomp:%s*2", text)
        count = count + 1
      end
    end
    assert.is_true(count > 4, list)
    server:stop()
  end)

  it("is not confined where the operator says so: flag, variable, settings", function()
    for _, options in ipairs {
      { args = { "--no-confine" } }, { env = { MOONLATCH_NO_CONFINE = "1" } }, { settings = { no_confine = true } },
    } do
      local server = server_helper.start(options)
      assert.same({ "no", "no", "no", "info" }, (function(said)
        return { said.asked, said.seccomp, said.landlock, said.level }
      end)(server:logged(is_confinement)))
      assert.matches("Seccomp:%s*0", status(server))
      server:stop()
    end
    local server = server_helper.start { env = { MOONLATCH_NO_CONFINE = "0" } }
    assert.matches("Seccomp:%s*2", status(server))
    server:stop()
  end)

  it("reloads, and keeps its database where a link leads", function()
    local elsewhere, state = sys.directory(), sys.directory()
    sys.write_file(elsewhere .. "/real.db", "")
    assert(sys.run { "ln", "-s", elsewhere .. "/real.db", state .. "/linked.db" } == 0)
    local server = server_helper.start {
      state = state, args = { "--database", "sqlite:" .. state .. "/linked.db" }, policies = {},
    }
    local claims = server.policies_directory .. "/claims.lua"
    sys.write_file(claims, sys.read_file(claims) .. "\n")
    local code, said = sys.run { server_helper.binary, "policy", "reload", "--state", state, "--json" }
    assert.equal(0, code, said)
    assert.equal(200, http.get(server, "/readyz").status)
    assert.is_true(#sys.read_file(elsewhere .. "/real.db-wal") > 0)
    server:stop()
    assert(sys.run { "rm", "-r", elsewhere, state } == 0)
  end)
end)

describe("A command that runs a candidate's policies", function()
  it("is confined as well: they may be a stranger's", function()
    local facts = '{"requested":["openid"]}'
    for _, words in ipairs { { "check" }, { "test" }, { "eval", "scopes.grant", facts } } do
      local process = sys.spawn { server_helper.binary, "policy", unpack(words) }
      local status
      repeat -- until it has ended, and nobody has asked how
        status = sys.read_file("/proc/" .. process.pid .. "/status")
      until status:match("State:%s*Z")
      assert.matches("Seccomp:%s*2", status)
      assert.matches("NoNewPrivs:%s*1", status)
      process:wait()
    end
  end)
end)

describe("--user", function()
  local directory
  before_each(function()
    directory = sys.directory()
  end)
  after_each(function()
    assert(sys.run { "rm", "-r", directory } == 0)
  end)

  local function refused(what, user)
    local code, said = server_helper.launch({ args = { "--user", user } }):refusal()
    assert.equal(1, code, said)
    assert.matches(what, said)
  end

  it("is nobody who is not there, and not root", function()
    refused("%-%-user no%-such%-user: there is no such user, or it is root", "no-such-user")
    refused("%-%-user root: there is no such user, or it is root", "root")
  end)

  if not sys.is_root() then
    return
  end

  -- A tree below a directory of root's alone is none that another user can serve.
  if sys.run { "runuser", "-u", "nobody", "--", "test", "-r", server_helper.root .. "/policies/login.lua" } == 0 then
    it("is whom a server becomes for ever that root has started, with its state", function()
      assert(sys.run { "chmod", "755", directory } == 0)
      local state = directory .. "/state"
      assert(sys.run { "mkdir", "-m", "700", state } == 0)
      sys.write_file(state .. "/left-by-root", "x")
      assert(sys.run { "ln", "-s", "/etc/passwd", state .. "/link" } == 0)
      for _, options in ipairs {
        { args = { "--user", "nobody" } }, { env = { MOONLATCH_USER = "nobody" } }, { settings = { user = "nobody" } },
      } do
        options.state = state
        local config = options.settings and sys.write_file(directory .. "/settings.lua", "return { user = 'nobody' }")
        options.settings = nil
        if config then
          options.args = { "--config", config }
        end
        local server = server_helper.start(options)
        local status = sys.read_file("/proc/" .. server.process.pid .. "/status")
        assert.matches("Uid:%s*65534%s+65534%s+65534%s+65534", status)
        assert.matches("Gid:%s*65534%s+65534%s+65534%s+65534", status)
        assert.matches("CapEff:%s*0+\n", status)
        assert.matches("Groups:%s*65534%s*\n", status)
        assert.equal(200, http.get(server, "/readyz").status)
        local code, said = sys.run { server_helper.binary, "policy", "reload", "--state", state }
        assert.equal(0, code, said)
        for _, entry in ipairs(server:log()) do
          assert.are_not.equal("runs_as_root", entry.event)
        end
        server:stop()
      end
      local _, owners = sys.run { "stat", "-c", "%U %n", state, state .. "/secret", state .. "/left-by-root" }
      for line in owners:gmatch("[^\n]+") do
        assert.matches("^nobody ", line)
      end
      assert.same("root\n", select(2, sys.run { "stat", "-L", "-c", "%U", state .. "/link" }))
    end)
  end

  it("is missed in the log where root serves", function()
    local server = server_helper.start()
    assert.matches("--user", server:logged(function(entry)
      return entry.event == "runs_as_root"
    end).advice, 1, true)
    server:stop()
  end)
end)
