-- Policies and templates change while the server runs.
local cjson = require "cjson.safe"
local cqueues = require "cqueues"

local cli = require "helpers.cli"
local flow = require "helpers.flow"
local http = require "helpers.http"
local server_helper = require "helpers.server"
local shape = require "helpers.shape"
local sys = require "helpers.sys"

describe("Policies that change while the server runs", function()
  local server
  after_each(function()
    if server then
      server:stop()
      server = nil
    end
  end)

  -- tokens.lua with that lifetime of an access token.
  local function tokens_policy(access)
    return ("return { lifetimes = function() return { access = %d, refresh = 86400, id = 60 } end }"):format(access)
  end

  local function start(options)
    options = options or {}
    options.policies = options.policies or { ["tokens.lua"] = tokens_policy(100) }
    server = server_helper.start(options)
    return server
  end

  local function write(name, text)
    sys.write_file(server.policies_directory .. "/" .. name, text)
  end

  local function reload()
    local code, out, err = cli.run(server.state, "policy", "reload", "--json")
    return code, cjson.decode(out), err
  end

  -- The path of the one control socket.
  local function control_socket(state)
    local _, out = sys.run { "find", state .. "/", "-name", "control-*.sock", "-type", "s" }
    return assert(out:match("^([^\n]+)\n$"), "not one socket: " .. out)
  end

  local function lifetime(world)
    return flow.tokens(server, world.app, world.cookie).expires_in
  end

  it("policy reload swaps on every worker before it returns", function()
    start { workers = 4 }
    local world = flow.world(server)
    assert.equal(100, lifetime(world))
    for access = 200, 600, 100 do
      write("tokens.lua", tokens_policy(access))
      local code, answer = reload()
      assert.equal(0, code)
      assert.same({ true, access / 100 }, { answer.ok, answer.edition })
      for _ = 1, 8 do
        assert.equal(access, lifetime(world))
      end
    end
    assert.equal(5, http.metric(server, "moonlatch_reloads_total"))
  end)

  it("the version is of the text: the same text, the same version", function()
    start()
    local function version()
      return http.get(server, "/metrics").body:match('moonlatch_policy_info{version="(%x+)"} 1')
    end
    local first = version()
    assert.equal(12, #first)
    write("tokens.lua", tokens_policy(7))
    local _, answer = reload()
    assert.not_equal(first, answer.policy_version)
    assert.equal(answer.policy_version, version())
    write("tokens.lua", tokens_policy(100))
    _, answer = reload()
    assert.equal(first, answer.policy_version)
  end)

  it("a broken set changes nothing, and the command, the log and the metrics say why", function()
    start()
    local world = flow.world(server)
    for text, why in pairs {
      ["return {"] = "tokens%.lua:1: ",
      ["return { lifetimes = 7 }"] = "tokens%.lua:1: lifetimes must be a function",
      ["return { lifetimes = function() end, wrong = 1 }"] = "wrong is not known here",
      ["while true do end"] = "tokens%.lua:1: took longer than",
      ["return 7"] = "must return a plain table",
    } do
      write("tokens.lua", text)
      local failures = http.metric(server, "moonlatch_reload_failures_total")
      local code, answer, err = reload()
      assert.same({ 1, nil }, { code, answer })
      assert.matches(why, err)
      assert.equal(100, lifetime(world))
      assert.equal(failures + 1, http.metric(server, "moonlatch_reload_failures_total"))
      local shown = http.get(server, "/metrics").body:match('moonlatch_reload_error_info{message="(.-)"} 1\n')
      assert.matches(why, shown)
      server:logged(function(entry)
        return entry.event == "reload_failed" and entry.error:find(why) ~= nil
      end)
    end
    assert.equal(0, http.metric(server, "moonlatch_reloads_total"))
    write("tokens.lua", tokens_policy(9))
    assert.equal(0, (reload()))
    assert.is_nil(http.get(server, "/metrics").body:find("moonlatch_reload_error_info{", 1, true))
    assert.equal(9, lifetime(world))
  end)

  it("SIGHUP reloads, too", function()
    start()
    local world = flow.world(server)
    write("tokens.lua", tokens_policy(300))
    server.process:signal(sys.HUP)
    http.metric_until(server, "moonlatch_reloads_total", function(count)
      return count == 1
    end)
    assert.equal(300, lifetime(world))
  end)

  it("watches files when it is told to, and only then", function()
    local function watches(options)
      start(options)
      local _, links = sys.run { "sh", "-c", "ls -l /proc/" .. server.process.pid .. "/fd" }
      server:stop()
      server = nil
      return links:find("inotify", 1, true) ~= nil
    end
    assert.is_false(watches {})
    assert.is_true(watches { args = { "--watch" } })
    assert.is_true(watches { env = { MOONLATCH_WATCH = "1" } })
    assert.is_true(watches { settings = { watch = true } })
    assert.is_false(watches { env = { MOONLATCH_WATCH = "0" } })
    assert.is_false(watches { settings = { watch = true }, env = { MOONLATCH_WATCH = "false" } })
  end)

  it("with --watch it reloads by itself, once it is quiet, and outlives a broken state", function()
    start { args = { "--watch" } }
    local world = flow.world(server)
    write("tokens.lua", "return {")
    http.metric_until(server, "moonlatch_reload_failures_total", function(count)
      return count == 1
    end)
    assert.equal(100, lifetime(world))
    write("tokens.lua", tokens_policy(400))
    http.metric_until(server, "moonlatch_reloads_total", function(count)
      return count == 1
    end)
    assert.equal(400, lifetime(world))
    -- as editors do: beside it, and moved over it
    sys.write_file(server.policies_directory .. "/.tokens.lua.swp", "nothing")
    sys.write_file(server.policies_directory .. "/tokens.lua~", tokens_policy(500))
    assert(os.rename(server.policies_directory .. "/tokens.lua~", server.policies_directory .. "/tokens.lua"))
    http.metric_until(server, "moonlatch_reloads_total", function(count)
      return count == 2
    end)
    assert.equal(500, lifetime(world))
  end)

  it("without a server the command refuses; what a killed one left is taken away", function()
    start()
    local state = server.state
    server.is_state_ours = false
    local socket = control_socket(state)
    server:kill()
    local other = server
    server = nil
    local code, _, err = cli.run(state, "policy", "reload")
    assert.equal(1, code)
    assert.matches("no server runs", err)
    assert.equal(1, (sys.run { "test", "-e", socket }))
    sys.run { "rm", "-r", state, other.policies_directory }
  end)

  it("without a way to the server the command says so, and leaves its socket", function()
    start()
    local socket = control_socket(server.state)
    local _, mode = sys.run { "stat", "--format=%a %F", socket }
    assert.equal("600 socket\n", mode)
    local function refused(reason, words)
      local code, out, err = sys.run(words)
      assert.equal(1, code, out)
      assert.matches(reason, err)
      assert.equal(0, (sys.run { "test", "-S", socket }), "the socket of a live server is gone")
    end
    -- A path that does not fit into a socket's address.
    local far = server.state .. "/" .. ("x"):rep(100)
    assert.equal(0, (sys.run { "ln", "-s", server.state, far }))
    refused("too long", { server_helper.binary, "policy", "reload", "--state", far })
    -- Too few descriptors, wherever they run out.
    local is_refused, files = true, 4
    while is_refused do
      local code, _, err = sys.run { "prlimit", "--nofile=" .. files, server_helper.binary, "policy", "reload",
        "--state", server.state }
      is_refused, files = code ~= 0, files + 1
      assert.is_true(not is_refused or err ~= "", "it says nothing")
      assert.equal(0, (sys.run { "test", "-S", socket }), "the socket of a live server is gone")
    end
    -- Somebody who may not, though they could remove what is in the directory.
    if sys.is_root() then
      assert.equal(0, (sys.run { "chown", "54321", server.state }))
      refused("cannot be reached: Permission denied", { "setpriv", "--reuid=54321", "--clear-groups",
        server_helper.binary, "policy", "reload", "--state", server.state })
      assert.equal(0, (sys.run { "chown", "0", server.state }))
    end
    assert.equal(0, (cli.run(server.state, "policy", "reload")))
  end)

  it("a request that waits keeps the policies it began with, and they end with it", function()
    start { workers = 1 }
    local world = flow.world(server)
    local codes = {}
    for i = 1, 20 do
      codes[i] = flow.code(server, world.app, world.cookie)
    end
    write("tokens.lua", tokens_policy(200))
    local answers = http.together(server, 21, function(i, connection)
      if i == 10 then
        server.process:signal(sys.HUP)
      end
      return codes[i] and connection:request("POST", "/idp/token", { form = flow.code_form(world.app, codes[i]) })
    end)
    for i = 1, 20 do
      shape.ok(answers[i])
      assert.is_true(answers[i].json.expires_in == 100 or answers[i].json.expires_in == 200)
    end
  end)

  it("a hundred swaps under load lose no request and no memory", function()
    start { workers = 2 }
    local world = flow.world(server)
    local token = flow.tokens(server, world.app, world.cookie, { scope = "openid profile" }).access_token
    local queue, stopped, count = cqueues.new(), false, 0
    local function memory_kib()
      return tonumber(sys.read_file("/proc/" .. server.process.pid .. "/status"):match("VmRSS:%s+(%d+)"))
    end
    local start_kib
    for _ = 1, 8 do
      queue:wrap(function()
        local connection = http.connect(server)
        while not stopped do
          local answer = connection:request("GET", "/idp/userinfo", { bearer = token })
          assert(answer.status == 200, answer.status .. answer.body)
          count = count + 1
        end
        connection:close()
      end)
    end
    queue:wrap(function()
      for i = 1, 100 do
        write("tokens.lua", tokens_policy(100 + i))
        server.process:signal(sys.HUP)
        http.metric_until(server, "moonlatch_reloads_total", function(reloads)
          return reloads >= i
        end)
        start_kib = start_kib or (i == 20 and memory_kib()) or nil
      end
      stopped = true
    end)
    assert(queue:loop())
    assert.equal(200, lifetime(world))
    assert.is_true(count > 100, count)
    assert.equal(0, http.metric(server, "moonlatch_reload_failures_total"))
    if server_helper.patience == 1 then -- sanitizers keep what is freed for a while
      assert.is_true(memory_kib() - start_kib < 8 * 1024, memory_kib() - start_kib .. " KiB more after 80 swaps")
    end
  end)
end)
