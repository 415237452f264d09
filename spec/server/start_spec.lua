-- A mistake in the configuration stops the start with one sentence that says what to do.
local http = require "helpers.http"
local server_helper = require "helpers.server"
local sys = require "helpers.sys"

describe("The start", function()
  local directory
  before_each(function()
    directory = sys.directory()
  end)
  after_each(function()
    sys.run { "chmod", "-R", "u+rwX", directory }
    sys.run { "rm", "-rf", directory }
  end)

  -- One sentence on stderr: "moonlatch: …", with that in it.
  local function refused(what, options, code)
    local server = server_helper.launch(options)
    local exit, said = server:refusal()
    assert.equal(code or 1, exit, said)
    assert.matches(what, said)
    assert.equal("", server.process.text)
    if not code then
      local sentences = 0
      for line in said:gmatch("[^\n]+") do
        if line:sub(1, 1) ~= "{" then
          sentences = sentences + 1
          assert.matches("^moonlatch: ", line)
        end
      end
      assert.equal(1, sentences, said)
    end
  end

  it("is refused while the port is taken", function()
    local server = server_helper.start()
    refused("cannot listen on 127.0.0.1:" .. server.port .. ": another process listens there; stop it or choose",
      { listen = { "127.0.0.1:" .. server.port } })
    server:stop()
  end)

  it("is refused for an address that is none", function()
    for _, address in ipairs { "localhost", "8080", "127.0.0.1:", "127.0.0.1:http", "nowhere:80", "127.0.0.1:99999" } do
      refused("%-%-listen " .. address:gsub("%p", "%%%0") .. ": give a numeric address or localhost, and a port",
        { listen = { address } })
    end
    refused("does not have that address", { listen = { "192.0.2.1:0" } })
  end)

  it("is refused for certificates that cannot be used", function()
    local function key(name)
      assert(sys.run { "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
        "-nodes", "-subj", "/CN=x", "-keyout", directory .. "/" .. name .. ".key", "-out",
        directory .. "/" .. name .. ".crt" } == 0)
      return directory .. "/" .. name .. ".crt", directory .. "/" .. name .. ".key"
    end
    local cert, key_file = key "a"
    local _, other_key = key "b"
    refused("go together", { args = { "--tls-cert", cert } })
    refused("nothing.crt: is not a readable PEM certificate",
      { args = { "--tls-cert", directory .. "/nothing.crt", "--tls-key", key_file } })
    refused("nothing.key: is not a readable PEM key",
      { args = { "--tls-cert", cert, "--tls-key", directory .. "/nothing.key" } })
    refused("b.key: .*%(error", { args = { "--tls-cert", cert, "--tls-key", other_key } })
  end)

  it("is refused for authorities of other servers that are none", function()
    sys.write_file(directory .. "/ca.pem", "no certificate")
    for _, file in ipairs { directory .. "/ca.pem", directory .. "/nothing.pem" } do
      refused("outgoing_ca: " .. file:gsub("%p", "%%%0") .. " is not a readable PEM file of certificates",
        { args = { "--outgoing-ca", file } })
    end
  end)

  it("is refused for related origins that are none", function()
    for _, origin in ipairs { "http://id.example.org", "https://id.example.org/", "https://Id.example.org",
                              "id.example.org", "https://user@id.example.org", "https://id.example.org:99999",
                              "https://" } do
      refused("related_origins: " .. origin:gsub("%p", "%%%0") .. " is not an origin",
        { settings = { related_origins = { origin } } })
    end
  end)

  it("is refused for a state that cannot be written", function()
    sys.write_file(directory .. "/file", "x")
    refused(directory:gsub("%p", "%%%0") .. "/file", { state = directory .. "/file" })
    refused("/proc/nothing", { state = "/proc/nothing" })
  end)

  it("is refused for a secret that others may read, is cut, or is no secret", function()
    for mode, text in pairs { ["644"] = ("x"):rep(32), ["600"] = "short" } do
      local state = directory .. "/" .. mode
      assert(sys.run { "mkdir", state } == 0)
      sys.write_file(state .. "/secret", text)
      assert(sys.run { "chmod", mode, state .. "/secret" } == 0)
      refused("secret", { state = state })
    end
    refused("MOONLATCH_SECRET", { env = { MOONLATCH_SECRET = "abc" } })
    refused("the server's secret is all zeros", { env = { MOONLATCH_SECRET = ("0"):rep(64) } })
  end)

  it("is refused for a state that others may write, and so is every command", function()
    for _, mode in ipairs { "777", "703", "1777" } do
      local state = directory .. "/" .. mode
      assert(sys.run { "mkdir", state } == 0)
      assert(sys.run { "chmod", mode, state } == 0)
      refused(mode .. ": may be written by others", { state = state })
      local code, _, said = sys.run { server_helper.binary, "user", "list", "--state", state }
      assert.equal(1, code)
      assert.matches("may be written by others", said)
      assert.same("", select(2, sys.run { "ls", state }))
    end
    local state = directory .. "/ours"
    assert(sys.run { "mkdir", state } == 0)
    assert(sys.run { "chmod", "770", state } == 0) -- by our own group: Kubernetes' volumes are like that
    server_helper.start({ state = state }):stop()
    if sys.is_root() then
      assert(sys.run { "chgrp", "nogroup", state } == 0)
      refused("ours: may be written by others", { state = state })
    end
  end)

  it("leaves no secret where /proc shows the environment", function()
    local server = server_helper.start { env = { MOONLATCH_SECRET = server_helper.SECRET, KEPT = "yes" } }
    local shown = sys.read_file("/proc/" .. server.process.pid .. "/environ")
    assert.matches("KEPT=yes", shown, 1, true)
    assert.is_nil(shown:find(server_helper.SECRET, 1, true))
    server:stop()
  end)

  it("is refused for a database that is none, or newer", function()
    sys.write_file(directory .. "/moonlatch.db", ("not a database "):rep(100))
    refused("moonlatch.db", { args = { "--database", "sqlite:" .. directory .. "/moonlatch.db" } })
    refused("sqlite:PATH", { args = { "--database", "mysql://x" } })
    refused("directory", { args = { "--database", "sqlite:" .. directory .. "/no/such/x.db" } })
  end)

  it("is refused for policies that are broken, with file and line", function()
    for text, what in pairs {
      ["return {"] = "policies/login.lua:1: ",
      ["local x = nil\nreturn { allow = x.y }"] = "policies/login.lua:2: ",
      ["while true do end"] = "policies/login.lua:1: took longer than",
      ["return { methods = { 'fingerprint' } }"] = "policies/login.lua:1: the function allow is missing",
      ["return { methods = { 'smoke' }, allow = function() end }"] = "login.lua:1: methods%[1%] must be one of",
      ["return { methods = { 'hotkey' }, allow = function() end, alow = 1 }"] = "alow is not known here",
      ["local s = {} while true do s[#s + 1] = ('x'):rep(1000) end"] = "policies/login.lua:1: ",
      ["require('os').execute('true')"] = "there is no 'os' to require",
      ["\27LJ\2\0"] = "policies/login.lua:1: ",
    } do
      refused(what, { policies = { ["login.lua"] = text } })
    end
    refused("cannot be read", { args = { "--policies", directory .. "/nothing" } })
  end)

  it("is refused for templates that are broken or missing", function()
    assert(sys.run { "cp", "-r", server_helper.root .. "/templates", directory .. "/t" } == 0)
    sys.write_file(directory .. "/t/login.html", "<p>\n{{#x}}")
    refused("login.html:2: ", { args = { "--templates", directory .. "/t" } })
    refused("nothing", { args = { "--templates", directory .. "/nothing" } })
  end)

  it("is refused for settings that are unknown, of another kind or out of range", function()
    refused("limits.strems is not known here", { settings = { limits = { strems = 1 } } })
    refused("limits.streams must be a whole number from 1 to 256", { settings = { limits = { streams = 1000 } } })
    refused("workers must be", { settings = { workers = "many" } })
    refused("workers must be a whole number from 1 to 256", { args = { "--workers", "0" } })
    refused("the issuer must be an http or https URL", { args = { "--issuer", "ftp://x" } })
    refused("the issuer must be", { args = { "--issuer", "https://x/" } })
    refused("the log level must be", { args = { "--log-level", "loud" } })
    sys.write_file(directory .. "/settings.lua", "return {\n  x = = 1 }")
    refused("settings.lua:2: ", { args = { "--config", directory .. "/settings.lua" } })
  end)

  it("a wrong command line is told with its usage: exit 2", function()
    refused("unknown flag: %-%-lisen", { args = { "--lisen", "x" } }, 2)
    refused("unexpected argument: x", { args = { "x" } }, 2)
    refused("%-%-issuer needs a value", { args = { "--issuer" } }, 2)
    for _, words in ipairs { {}, { "sreve" }, { "user" }, { "user", "create" } } do
      local code, out, err = sys.run { server_helper.binary, unpack(words) }
      assert.same({ 2, "" }, { code, out })
      assert.matches("usage:", err)
    end
    local code, out = sys.run { server_helper.binary, "help" }
    assert.equal(0, code)
    assert.matches("moonlatch serve", out)
  end)

  it("flags come first, then the environment, then the settings file", function()
    local issuers = {
      { { args = { "--issuer", "https://flag.example" }, env = { MOONLATCH_ISSUER = "https://env.example" },
        settings = { issuer = "https://file.example" } }, "https://flag.example" },
      { { env = { MOONLATCH_ISSUER = "https://env.example" }, settings = { issuer = "https://file.example" } },
        "https://env.example" },
      { { settings = { issuer = "https://file.example" } }, "https://file.example" },
    }
    for _, case in ipairs(issuers) do
      local server = server_helper.start(case[1])
      assert.equal(case[2], http.get(server, "/openapi.json").json.servers[1].url)
      server:stop()
    end
  end)

  it("listens on several addresses", function()
    local server = server_helper.start { listen = { "127.0.0.1:0", "127.0.0.2:0", "[::1]:0" } }
    local line = server.lines[1]
    assert.matches("http://127.0.0.1:%d+ http://127.0.0.2:%d+ http://%[::1%]:%d+$", line)
    server:stop()
  end)

  -- The limit counts the processes of a user, and not root's: one whom nobody else is. (Sanitizers want threads, too.)
  if sys.is_root() and server_helper.patience == 1 then
    it("is refused, and ends, without the threads that it needs", function()
      assert.equal(0, (sys.run { "chown", "54321", directory }))
      local reasons, threads, is_ready = {}, 0
      repeat
        threads = threads + 1
        local process = sys.spawn({ "setpriv", "--reuid=54321", "--clear-groups", "prlimit", "--nproc=" .. threads,
          server_helper.binary, "serve", "--state", directory, "--listen", "127.0.0.1:0", "--workers", "2" },
          { stderr = directory .. "/log", env = server_helper.environment(nil, directory) })
        is_ready = process:line(20 * server_helper.patience) ~= nil
        process:signal(is_ready and sys.TERM or 0)
        local code = process:wait(20 * server_helper.patience)
        assert.equal(is_ready and 0 or 1, code, "with " .. threads .. " threads")
        local said = sys.read_file(directory .. "/log"):match("moonlatch: ([^\n]+)\n[^\n]*\n?$") or ""
        reasons[said:match("^[%a' ]+") or ""] = true
      until is_ready
      for _, reason in ipairs { "The threads for slow work cannot be started", "A worker's thread cannot be started",
                                "The control thread cannot be started" } do
        assert.is_true(reasons[reason], reason)
      end
    end)
  end

  -- Some clients take localhost for ::1 alone, some for 127.0.0.1. A machine without ::1: listener_unit.c.
  it("listens on both loopbacks for localhost", function()
    local server = server_helper.start { listen = { "localhost:0" } }
    local four, six = server.lines[1]:match("http://127.0.0.1:(%d+) http://%[::1%]:(%d+)$")
    assert.equal(four, six, server.lines[1])
    for _, host in ipairs { "127.0.0.1", "::1" } do
      assert.equal("ok", http.get(server, "/healthz", { host = host }).body:match("ok"))
    end
    server:stop()
  end)
end)
