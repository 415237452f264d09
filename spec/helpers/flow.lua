-- The whole sign-in, step by step, as a browser and an app do it.
local digest = require "openssl.digest"
local rand = require "openssl.rand"

local cli = require "helpers.cli"
local http = require "helpers.http"
local lock = require "helpers.lock"
local server_helper = require "helpers.server"

local flow = { COOKIE = "chutes-session-token", REDIRECT = "https://app.example/callback" }

local count = 0
local function unique(prefix)
  count = count + 1
  return prefix .. count
end

-- { user_id, username, fingerprint, api_key }; roles and hotkey are options.
function flow.user(server, options)
  options = options or {}
  local words = { "user", "create", options.name or unique("user") }
  for _, role in ipairs(options.roles or {}) do
    table.insert(words, "--role")
    table.insert(words, role)
  end
  if options.hotkey then
    table.insert(words, "--hotkey")
    table.insert(words, options.hotkey)
  end
  local user = cli.ask(server.state, unpack(words))
  local key = cli.ask(server.state, "key", "create", user.username)
  user.api_key, user.key_id = key.api_key, key.key_id
  return user
end

-- The app as POST /idp/apps answers it.
function flow.app(server, owner, fields)
  local body = { name = unique("App "), redirect_uris = { flow.REDIRECT } }
  for name, value in pairs(fields or {}) do
    body[name] = value
  end
  local answer = http.post(server, "/idp/apps", { json = body, bearer = owner.api_key })
  assert(answer.status == 200, answer.status .. " " .. answer.body)
  return answer.json
end

function flow.pkce()
  local verifier = http.base64url(rand.bytes(32))
  local challenge = http.base64url(digest.new("sha256"):final(verifier))
  return { verifier = verifier, challenge = challenge }
end

-- A map of the authorization request, with `more` over it; false takes a parameter away.
function flow.request(app, more)
  local params = { response_type = "code", client_id = app.client_id, state = "s t&%" }
  params.redirect_uri = app.redirect_uris[1]
  for name, value in pairs(more or {}) do
    params[name] = value or nil
  end
  return params
end

function flow.authorize(server, app, more, options)
  return http.get(server, "/idp/authorize?" .. http.form(flow.request(app, more)), options)
end

-- POST /idp/login with the user's fingerprint; options: the cookie of a browser that is signed in already, …
function flow.login(server, app, user, more, options)
  options = options or {}
  local form = flow.request(app, { response_type = false, auth_method = "fingerprint", fingerprint = user.fingerprint })
  for name, value in pairs(more or {}) do
    form[name] = value or nil
  end
  options.form = form
  return http.post(server, "/idp/login", options)
end

-- "chutes-session-token=…", to send back.
function flow.cookie_of(answer)
  local set = assert(answer.cookies[flow.COOKIE], "no session cookie: " .. answer.status .. " " .. answer.body)
  return set:match("^[^;]+")
end

function flow.sign_in(server, app, user)
  local answer = flow.login(server, app, user)
  assert(answer.status == 303, answer.status .. " " .. answer.body)
  return flow.cookie_of(answer)
end

-- The consent step's session_id for a signed-in browser.
function flow.session_id(server, app, cookie, more)
  local request = { prompt = "consent" }
  for name, value in pairs(more or {}) do
    request[name] = value
  end
  local answer = flow.authorize(server, app, request, { cookie = cookie })
  local base, params = answer:location()
  assert(base:find("/idp/authorize/consent$") and params.session_id, answer.headers.location)
  return params.session_id
end

function flow.consent(server, session_id, cookie, action, form)
  local fields = { action = action }
  for name, value in pairs(form or {}) do
    fields[name] = value
  end
  return http.post(server, "/idp/authorize/consent?session_id=" .. session_id, { form = fields, cookie = cookie })
end

-- The consent page of a session_id, as a browser that answers it sends its form: `page.action` is its path and query.
function flow.consent_page(server, session_id, cookie)
  local page = http.get(server, "/idp/authorize/consent?session_id=" .. session_id, { cookie = cookie })
  page.action = page.body:match('<form method="post" action="([^"]+)"')
  return page
end

function flow.answer(server, page, cookie, fields)
  return http.post(server, page.action, { form = fields, cookie = cookie })
end

-- A fresh code; `more` are parameters of the authorization request.
function flow.code(server, app, cookie, more)
  local answer = flow.consent(server, flow.session_id(server, app, cookie, more), cookie, "approve")
  local _, params = answer:location()
  return (assert(params.code, answer.headers.location))
end

-- The token request of a code, by client_secret_post; `more` over it, false takes a field away.
function flow.code_form(app, code, more)
  local form = {
    grant_type = "authorization_code",
    code = code,
    redirect_uri = app.redirect_uris[1],
    client_id = app.client_id,
    client_secret = app.client_secret,
  }
  for name, value in pairs(more or {}) do
    form[name] = value or nil
  end
  return form
end

function flow.refresh_form(app, refresh_token, more)
  local form = {
    grant_type = "refresh_token",
    refresh_token = refresh_token,
    client_id = app.client_id,
    client_secret = app.client_secret,
  }
  for name, value in pairs(more or {}) do
    form[name] = value or nil
  end
  return form
end

function flow.token(server, form, options)
  options = options or {}
  options.form = form
  return http.post(server, "/idp/token", options)
end

-- The same, with a change of the store's that comes between: the request has read what it wants, asked the policies and
-- waits to write.
function flow.token_overtaken(server, form, sql)
  local calls, connection = http.metric(server, "moonlatch_policy_calls_total"), http.connect(server)
  local held = lock.hold(server)
  local stream = connection:send("POST", "/idp/token", { form = form })
  http.metric_until(server, "moonlatch_policy_calls_total", function(now)
    return now > calls
  end)
  held:release(sql)
  local answer = connection:receive(stream)
  connection:close()
  return answer
end

-- access_token, refresh_token and the rest, from start to end.
function flow.tokens(server, app, cookie, more)
  local answer = flow.token(server, flow.code_form(app, flow.code(server, app, cookie, more)))
  assert(answer.status == 200, answer.status .. " " .. answer.body)
  return answer.json
end

function flow.introspect(server, token)
  local answer = http.post(server, "/idp/token/introspect", { form = { token = token } })
  assert(answer.status == 200, answer.status .. " " .. answer.body)
  return answer.json
end

function flow.is_active(server, token)
  return flow.introspect(server, token).active
end

-- A server's first user and app, signed in: what most specs begin with.
function flow.world(server, fields, user_options)
  local user = flow.user(server, user_options)
  local app = flow.app(server, user, fields)
  return { user = user, app = app, cookie = flow.sign_in(server, app, user) }
end

-- For what a describe says: a server with its world, begun before its first spec and stopped behind its last;
-- take(server, world) is told of them.
function flow.in_world(take)
  local busted, server = require "busted"
  busted.lazy_setup(function()
    server = server_helper.start()
    take(server, flow.world(server))
  end)
  busted.lazy_teardown(function()
    server:stop()
  end)
end

return flow
