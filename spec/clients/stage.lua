-- Where a client of others' meets a server: the client's program (helpers/peer.lua), a server with a user, a browser,
-- and between them, for what a client must refuse, the man in the middle (clients/tamper.mjs).
local browser = require "helpers.browser"
local flow = require "helpers.flow"
local http = require "helpers.http"
local peer = require "helpers.peer"
local server_helper = require "helpers.server"
local sys = require "helpers.sys"

local stage = {}
stage.__index = stage

stage.HERE = server_helper.root .. "/spec/clients/"

-- Apps whose name begins with JWT have such access tokens; every app may exchange its own.
local TOKENS = [[
  return {
    lifetimes = function() return { access = 600, refresh = 86400, id = 600 } end,
    format = function(facts) return facts.app.name:find("^JWT") and "jwt" or "opaque" end,
    exchange = function(facts) return facts.subject_token.client_id == facts.app.client_id, "Not yours." end,
  }
]]

function stage.new()
  return setmetatable({}, stage)
end

-- A certificate that proves itself, for localhost: directory/cert.pem and key.pem.
function stage.certificate(directory)
  local code, _, said = sys.run {
    "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1",
    "-keyout", directory .. "/key.pem", "-out", directory .. "/cert.pem", "-subj", "/CN=localhost",
    "-addext", "subjectAltName=DNS:localhost",
  }
  assert(code == 0, said)
  assert(sys.run { "chmod", "755", directory } == 0)
end

-- options: command, the client's words; env = function(stage), its environment; is_tls, with .authority the
-- file that a client proves the server by; is_tampered; server = more options of server.start
function stage:open(options)
  local start = { policies = { ["tokens.lua"] = TOKENS, ["tokens_spec.lua"] = "" }, args = {} }
  for name, value in pairs(options.server or {}) do
    start[name] = value
  end
  if options.is_tls then
    self.directory = sys.directory()
    stage.certificate(self.directory)
    self.authority = self.directory .. "/cert.pem"
    start.args = { "--tls-cert", self.authority, "--tls-key", self.directory .. "/key.pem" }
  end
  if options.is_tampered then
    self.tamper = peer.start { server_helper.node, stage.HERE .. "tamper.mjs" }
    local origin = "http://localhost:" .. self.tamper:heard().port
    start.args = { "--issuer", origin }
    self.server = server_helper.start(start)
    self.server.issuer = origin
    self.tamper:call("forward", { port = self.server.port })
  else
    self.server = server_helper.start(start)
  end
  self.world = flow.world(self.server, nil, { roles = { "unlimited_dev" } })
  self.browser = browser.new { self.server.issuer }
  if options.command then
    self.peer = peer.start(options.command, options.env and options.env(self))
  end
end

function stage:close()
  for _, one in ipairs { self.peer or false, self.tamper or false } do
    if one then
      one:stop()
    end
  end
  self.server:stop()
  if self.directory then
    sys.run { "rm", "-r", self.directory }
  end
end

-- The client learns about the server and that it is `app` there.
function stage:discover(rp, app, more)
  local fields = { rp = rp, issuer = self.server.issuer, client_id = app.client_id, client_secret = app.client_secret,
                   method = app.token_endpoint_auth_method }
  for name, value in pairs(more or {}) do
    fields[name] = value
  end
  return self.peer:call("discover", fields)
end

-- A new app, which the client knows as `rp` from then on.
function stage:party(rp, fields, more)
  local app = flow.app(self.server, self.world.user, fields)
  self:discover(rp, app, more)
  return app
end

-- The client's authorization request: { url, state, nonce }.
function stage:begin(rp, more)
  local fields = { rp = rp, redirect_uri = flow.REDIRECT }
  for name, value in pairs(more or {}) do
    fields[name] = value
  end
  return self.peer:call("begin", fields)
end

-- The user goes there, signs in and allows: the page where that ends, { left = address of the callback, form }.
function stage:browse(url)
  return self.browser:go_through(url, self.world.user)
end

-- All of it: { tokens, claims }.
function stage:sign_in(rp, more)
  local page = self:browse(self:begin(rp, more).url)
  assert(page.left, "no callback: " .. page.status .. " " .. (page.body or ""))
  return self.peer:call("finish", { rp = rp, url = page.left, form = page.form })
end

-- All of it without a client's library: from the app's link to what the app learns of its user, each request by `ask`,
-- which is as http.request is.
function stage:sign_in_by(ask)
  local server, app, user = self.server, self.world.app, self.world.user
  local scheme, port = server.issuer:match("^(%a+)://localhost:(%d+)$")
  local target, guest = { scheme = scheme, port = tonumber(port) }, browser.new({ server.issuer }, ask)
  local request = http.form(flow.request(app, { scope = "openid profile", prompt = "consent" }))
  local page = guest:go_through(server.issuer .. "/idp/authorize?" .. request, user)
  local _, params = http.parse_url(page.left or error("no callback: " .. page.body))
  local tokens = ask(target, "POST", "/idp/token", { form = flow.code_form(app, params.code) })
  assert(tokens.status == 200, tokens.body)
  local known = ask(target, "GET", "/idp/userinfo", { bearer = tokens.json.access_token })
  assert(known.json.sub == user.user_id, known.body)
end

-- The callback's address with other parameters; false takes one away.
function stage.changed(url, more)
  local base, params = http.parse_url(url)
  for name, value in pairs(more) do
    params[name] = value or nil
  end
  return base .. "?" .. http.form(params)
end

return stage
