-- Behind Debian's HAProxy, which speaks HTTP/2 with its servers in clear (`proto h2`), and over TLS with its client.
local curl = require "clients.http2.curl"
local http = require "helpers.http"
local server_helper = require "helpers.server"
local stage = require "clients.stage"
local sys = require "helpers.sys"

local ISSUER = "https://localhost:8443" -- the port is said only: HAProxy listens in a directory of its own
local WAIT_S = 10 * server_helper.patience

local CONFIGURATION = [[
global
  maxconn 1000
  nbthread 1
defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
  retries 3
  option redispatch 1
frontend front
  bind unix@DIRECTORY/front ssl crt DIRECTORY/both.pem alpn h2
  default_backend servers
backend servers
  http-reuse always
]]

-- One in front of those ports of this machine; front.client asks it.
local function front_of(ports)
  local self = { directory = sys.directory() }
  local text = CONFIGURATION:gsub("DIRECTORY", self.directory)
  for i, port in ipairs(ports) do
    text = text .. ("  server s%d 127.0.0.1:%d proto h2\n"):format(i, port)
  end
  stage.certificate(self.directory)
  local both = sys.read_file(self.directory .. "/cert.pem") .. sys.read_file(self.directory .. "/key.pem")
  sys.write_file(self.directory .. "/both.pem", both)
  local file = sys.write_file(self.directory .. "/haproxy.cfg", text)
  self.log = self.directory .. "/log"
  self.process = sys.spawn({ "/usr/sbin/haproxy", "-db", "-q", "-f", file }, { stderr = self.log })
  self.client = curl.new { "--http2", "--cacert", self.directory .. "/cert.pem", "--unix-socket",
    self.directory .. "/front" }
  http.ask_until(pcall, function(is_there)
    return is_there
  end, self.client.says, self.client, "https://localhost/healthz")
  return self
end

local function front_stop(self)
  self.client:forget()
  self.process:signal(sys.TERM)
  self.process:wait(WAIT_S)
  local said = sys.read_file(self.log)
  sys.run { "rm", "-r", self.directory }
  assert.equal("", said)
end

describe("HAProxy in front, over HTTP/2:", function()
  local on, front
  lazy_setup(function()
    on = stage.new()
    on:open { server = { args = { "--issuer", ISSUER } } }
    on.server.issuer = ISSUER
    front = front_of { on.server.port }
  end)
  lazy_teardown(function()
    front_stop(front)
    on:close()
  end)

  it("a person signs in", function()
    on:sign_in_by(front.client:asker())
  end)

  it("200 ask at once", function()
    assert.same({ ["200"] = 2000 }, front.client:parallel("https://localhost/idp/scopes?[1-2000]")())
  end)

  it("a body that is too large is told so, whether its length is known or not", function()
    local file, url = os.tmpname(), "https://localhost/idp/token/introspect"
    for _, size in ipairs { 65537, 1000000 } do
      sys.write_file(file, "token=" .. ("x"):rep(size))
      assert.equal("2 413", front.client:says("--data-binary", "@" .. file, url))
      assert.equal("2 413", front.client:says("-H", "Expect: 100-continue", "--data-binary", "@" .. file, url))
      assert.equal("2 413", front.client:says("-H", "Content-Length:", "--data-binary", "@" .. file, url))
    end
    assert.equal("2 200", front.client:says("-d", "token=x", url))
    os.remove(file)
  end)
end)

describe("HAProxy in front of two, over HTTP/2:", function()
  it("loses nothing when one of them ends", function()
    local old, new = server_helper.start {}, server_helper.start {}
    local front = front_of { old.port, new.port }
    local answers = front.client:parallel("https://localhost/idp/scopes?[1-20000]")
    http.metric_until(old, "moonlatch_requests_total", function(count)
      return count > 600
    end)
    old:tell_to_end()
    assert.same({ ["200"] = 20000 }, answers())
    assert.is_true(http.metric(new, "moonlatch_requests_total") > 600)
    front_stop(front)
    old:stop()
    new:stop()
  end)
end)
