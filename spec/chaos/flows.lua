-- For each statement that writes, something that people do and that runs a batch with it. A flow prepares what it needs
-- and hands its one request (or command) to `attempt`, which has the store lose the answer to that batch and then does
-- it once more, as the client would:
--
--   attempt(send, first, again)   send() → an answer; `first`: the status that it has when all is well; `again`: one
--                                 that it may have instead when it was done before, unheard
--   attempt.until_seen(act, is_seen)   what the server itself tries again: act() once, then is_seen() until it is true
--
-- { name, { statement, … }, run(world, attempt) }. world: server, user, app, cookie, web (a receiver).
local cqueues = require "cqueues"

local authenticator = require "helpers.authenticator"
local cli = require "helpers.cli"
local flow = require "helpers.flow"
local http = require "helpers.http"
local jose = require "helpers.jose"
local lock = require "helpers.lock"
local server_helper = require "helpers.server"
local shape = require "helpers.shape"
local wallet = require "helpers.wallet"

local DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
local EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
local ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"

local flows = {}
local count = 0
local function fresh(prefix)
  count = count + 1
  return prefix .. count
end

local function is_true(answer)
  return answer
end

local function add(name, statements, run)
  flows[#flows + 1] = { name = name, statements = statements, run = run }
end

-- A command line as an answer: 200, or 400 when it was refused.
local function command(world, ...)
  local code, out, err = cli.run(world.server.state, ...)
  return { status = code == 0 and 200 or 400, body = out .. err, headers = { ["retry-after"] = "1" } }
end

local function owned(world, more)
  local options = { bearer = world.user.api_key }
  for name, value in pairs(more or {}) do
    options[name] = value
  end
  return options
end

local function tokens(world, app, more)
  return flow.tokens(world.server, app or world.app, world.cookie, more)
end

local function page_form(world, path, cookie, form)
  local body = http.get(world.server, path, { cookie = cookie }).body
  form.csrf_token = body:match('name="csrf_token" value="([^"]+)"')
  return { form = form, cookie = cookie }, body
end

--- apps

add("an app is made", { "app_insert", "app_search_insert", "app_counts_add" },
  function(world, attempt)
    local name = fresh "Made "
    attempt(function()
      return http.post(world.server, "/idp/apps", owned(world, { json = { name = name,
        redirect_uris = { flow.REDIRECT } } }))
    end, 200, 409)
  end)

add("an app is changed", { "app_update", "app_search_update" }, function(world, attempt)
  local app = flow.app(world.server, world.user)
  attempt(function()
    return http.request(world.server, "PATCH", "/idp/apps/" .. app.app_id, owned(world, { json = { public = false } }))
  end, 200)
end)

add("an app gets a secret", { "app_set_secret" }, function(world, attempt)
  local app = flow.app(world.server, world.user)
  attempt(function()
    return http.post(world.server, "/idp/apps/" .. app.app_id .. "/regenerate-secret", owned(world))
  end, 200)
end)

add("an app is deleted", { "app_delete", "app_search_delete", "app_delete_authorizations", "app_delete_shares",
  "app_delete_device_codes", "app_delete_session_apps" },
  function(world, attempt)
    local app = flow.app(world.server, world.user)
    tokens(world, app)
    attempt(function()
      return http.request(world.server, "DELETE", "/idp/apps/" .. app.app_id, owned(world))
    end, 200, 404)
  end)

local function share(world, app, other)
  return http.post(world.server, "/idp/apps/" .. app.app_id .. "/share", owned(world, { json = {
    app_id_or_name = app.app_id, user_id_or_name = other.user_id } }))
end

add("an app is shared", { "app_share_insert" }, function(world, attempt)
  local app, other = flow.app(world.server, world.user), flow.user(world.server)
  attempt(function()
    return share(world, app, other)
  end, 200, 409)
end)

add("an app is shared no more", { "app_share_delete" }, function(world, attempt)
  local app, other = flow.app(world.server, world.user), flow.user(world.server)
  shape.ok(share(world, app, other))
  attempt(function()
    return http.request(world.server, "DELETE", "/idp/apps/" .. app.app_id .. "/share/" .. other.user_id, owned(world))
  end, 200, 404)
end)

add("a client's keys are fetched", { "app_set_fetched_jwks" }, function(world, attempt)
  local key, path = jose.key "ES256", fresh "/keys"
  world.web:answer { path = path, body = require "cjson.safe".encode { keys = { key.public } },
    headers = { ["content-type"] = "application/json" } }
  local app = flow.app(world.server, world.user, { token_endpoint_auth_method = "private_key_jwt",
    jwks_uri = world.web.url .. path })
  attempt(function()
    local form = jose.assertion(world.server, app, key)
    form.token = "x"
    return http.post(world.server, "/idp/token/introspect", { form = form })
  end, 200)
end)

--- the code flow

add("a person approves", { "spend_in_session", "session_app_note", "authorization_approve", "grant_insert",
  "app_count_user" }, function(world, attempt)
  world.web:answer { path = "/noted" }
  local app = flow.app(world.server, world.user, { backchannel_logout_uri = world.web.url .. "/noted" })
  local session_id = flow.session_id(world.server, app, world.cookie)
  local answer = attempt(function()
    return flow.consent(world.server, session_id, world.cookie, "approve")
  end, 303)
  local code = assert(select(2, answer:location()).code, answer.headers.location)
  shape.ok(flow.token(world.server, flow.code_form(app, code)))
end)

add("a person denies", { "spend" }, function(world, attempt)
  local session_id = flow.session_id(world.server, world.app, world.cookie)
  local answer = attempt(function()
    return flow.consent(world.server, session_id, world.cookie, "deny")
  end, 303)
  assert(select(2, answer:location()).error == "access_denied", answer.headers.location)
end)

add("a code is redeemed", { "grant_redeem", "access_token_insert_redeemed", "refresh_token_insert_redeemed",
  "audit_insert_of_issued" },
  function(world, attempt)
    local code = flow.code(world.server, world.app, world.cookie)
    local answer = attempt(function()
      return flow.token(world.server, flow.code_form(world.app, code))
    end, 200)
    assert(flow.is_active(world.server, answer.json.access_token))
    shape.oauth_error(flow.token(world.server, flow.code_form(world.app, code)), 400, "invalid_grant")
    assert(not flow.is_active(world.server, answer.json.access_token)) -- that was a second redemption
  end)

add("a code comes again", { "grant_revoke_replayed" }, function(world, attempt)
  local code = flow.code(world.server, world.app, world.cookie)
  local form = flow.code_form(world.app, code)
  local given = flow.token(world.server, form).json
  assert(flow.is_active(world.server, given.access_token))
  attempt(function()
    return flow.token(world.server, form)
  end, 400)
  assert(not flow.is_active(world.server, given.access_token))
end)

add("a refresh token comes again, after the grace", { "grant_revoke_reused" }, function(world, attempt)
  local given = tokens(world)
  local form = flow.refresh_form(world.app, given.refresh_token)
  local answer = flow.token(world.server, form)
  lock.change(world.server, "UPDATE refresh_tokens SET rotated_at = rotated_at - 100")
  assert(flow.is_active(world.server, answer.json.access_token))
  attempt(function()
    return flow.token(world.server, form)
  end, 400)
  assert(not flow.is_active(world.server, answer.json.access_token))
end)

add("a token is refreshed", { "refresh_token_rotate", "access_token_insert_rotated", "refresh_token_insert_rotated",
  "grant_extend" }, function(world, attempt)
  local given = tokens(world)
  local answer = attempt(function()
    return flow.token(world.server, flow.refresh_form(world.app, given.refresh_token))
  end, 200)
  assert(flow.is_active(world.server, answer.json.access_token))
  shape.ok(flow.token(world.server, flow.refresh_form(world.app, answer.json.refresh_token)))
end)

-- token: "access_token" or "refresh_token"
local function revoked(world, attempt, name)
  local given = tokens(world)
  assert(flow.is_active(world.server, given.access_token))
  attempt(function()
    return http.post(world.server, "/idp/token/revoke", { form = { token = given[name],
      client_id = world.app.client_id, client_secret = world.app.client_secret } })
  end, 200)
  assert(not flow.is_active(world.server, given.access_token))
end

add("an access token is revoked", { "access_token_revoke", "audit_insert_proven" }, function(world, attempt)
  revoked(world, attempt, "access_token")
end)

add("a family is revoked", { "grant_revoke" }, function(world, attempt)
  revoked(world, attempt, "refresh_token")
end)

add("an authorization is revoked", { "authorization_revoke", "authorization_counted" }, function(world, attempt)
  local app = flow.app(world.server, world.user)
  local given = tokens(world, app)
  assert(flow.is_active(world.server, given.access_token))
  attempt(function()
    return http.request(world.server, "DELETE", "/idp/authorizations/" .. app.app_id, owned(world))
  end, 200, 404)
  assert(not flow.is_active(world.server, given.access_token))
end)

add("a client asks for itself", { "grant_insert_client" }, function(world, attempt)
  attempt(function()
    return flow.token(world.server, { grant_type = "client_credentials", client_id = world.app.client_id,
      client_secret = world.app.client_secret })
  end, 200)
end)

add("a token is exchanged", { "grant_insert_exchanged" }, function(world, attempt)
  local given = tokens(world)
  attempt(function()
    return flow.token(world.server, { grant_type = EXCHANGE, subject_token = given.access_token,
      subject_token_type = ACCESS_TOKEN, client_id = world.app.client_id, client_secret = world.app.client_secret })
  end, 200)
end)

--- devices

local function device_begin(world)
  local answer = http.post(world.server, "/idp/device_authorization", { form = { client_id = world.app.client_id,
    client_secret = world.app.client_secret } })
  assert(answer.status == 200 or answer.status == 503, answer.body)
  return answer
end

local function device_enter(world, user_code)
  return http.post(world.server, "/idp/device", { form = { user_code = user_code }, cookie = world.cookie })
end

local function device_poll(world, codes)
  return flow.token(world.server, { grant_type = DEVICE, device_code = codes.device_code,
    client_id = world.app.client_id, client_secret = world.app.client_secret })
end

add("a device begins", { "device_insert" }, function(world, attempt)
  attempt(function()
    return device_begin(world)
  end, 200)
end)

add("a device's code is guessed wrong", { "device_guess" }, function(world, attempt)
  attempt(function()
    return device_enter(world, "BBBB-BBBB")
  end, 400)
end)

add("a device is approved, and polls", { "device_decide" }, function(world, attempt)
  local codes = device_begin(world).json
  local answer = device_enter(world, codes.user_code)
  local session_id = select(2, answer:location()).session_id
  attempt(function()
    return flow.consent(world.server, session_id, world.cookie, "approve")
  end, 200)
  shape.ok(device_poll(world, codes))
end)

add("a device polls before", { "device_poll", "device_poll_early" }, function(world, attempt)
  local codes = device_begin(world).json
  attempt(function()
    return device_poll(world, codes)
  end, 400)
end)

--- sessions

add("a person signs in", { "session_insert", "sessions_over" }, function(world, attempt)
  attempt(function()
    return flow.login(world.server, world.app, world.user)
  end, 303)
end)

add("a hotkey signs in", { "spend" }, function(world, attempt)
  local seed = fresh "//Lost"
  flow.user(world.server, { hotkey = wallet.address(seed) })
  local nonce = http.get(world.server, "/idp/cli_login/nonce").json.nonce
  local signed = wallet.sign { seed = seed, message = nonce }
  local path = "/idp/cli_login?" .. http.form { hotkey = signed.address, signature = signed.signature, nonce = nonce }
  attempt(function()
    return http.get(world.server, path)
  end, 302)
  assert(http.get(world.server, path).status == 400) -- once
end)

add("a hotkey signs a request", { "spend_by_hotkey" }, function(world, attempt)
  local seed = fresh "//Lost"
  local user = flow.user(world.server, { hotkey = wallet.address(seed) })
  local app = flow.app(world.server, user)
  local path, at = "/idp/apps/" .. app.app_id .. "/regenerate-secret", tostring(os.time())
  local address = wallet.address(seed)
  local signed = wallet.sign { seed = seed, message = ("%s:%s:idp:POST:%s"):format(address, at, path) }
  local headers = { ["x-chutes-hotkey"] = address, ["x-chutes-nonce"] = at,
    ["x-chutes-signature"] = signed.signature }
  attempt(function()
    return http.post(world.server, path, { headers = headers })
  end, 200)
  assert(http.post(world.server, path, { headers = headers }).status == 401) -- once
end)

add("a session is seen", { "session_see" }, function(world, attempt)
  local cookie = flow.sign_in(world.server, world.app, world.user)
  lock.change(world.server, "UPDATE sessions SET seen_at = 0")
  attempt.until_seen(function()
    return nil
  end, function()
    shape.ok(http.get(world.server, "/idp/apps?limit=1", { cookie = cookie }))
    return lock.number(world.server, "SELECT count(*) FROM sessions WHERE seen_at > 0") > 0
  end)
end)

-- Signed in to an app that wants to be told; the app's answers are world.web's.
local function session_told(world, status)
  local path = fresh "/told"
  world.web:answer { path = path, status = status or 200 }
  local app = flow.app(world.server, world.user, { backchannel_logout_uri = world.web.url .. path })
  local user = flow.user(world.server)
  local cookie = flow.sign_in(world.server, app, user)
  flow.tokens(world.server, app, cookie, { scope = "openid" })
  return cookie, user
end

local function sign_out(world, cookie)
  local options = page_form(world, "/idp/logout", cookie, { action = "sign_out" })
  return http.post(world.server, "/idp/logout", options)
end

local function is_delivered(world)
  return function()
    return lock.number(world.server, "SELECT count(*) FROM logout_deliveries") == 0
  end
end

add("a session ends", { "session_end", "logout_queue", "session_apps_forget" }, function(world, attempt)
  local cookie = session_told(world)
  local options = page_form(world, "/idp/logout", cookie, { action = "sign_out" })
  attempt(function()
    return http.post(world.server, "/idp/logout", options)
  end, 200)
  assert(http.get(world.server, "/idp/apps?limit=1", { cookie = cookie }).status == 401)
  http.ask_until(is_delivered(world), is_true)
end)

add("all sessions end", { "sessions_end", "logout_queue_all", "session_apps_forget_all" }, function(world, attempt)
  local cookie, user = session_told(world)
  attempt(function()
    return http.request(world.server, "DELETE", "/idp/sessions", { bearer = user.api_key })
  end, 200)
  assert(http.get(world.server, "/idp/apps?limit=1", { cookie = cookie }).status == 401)
  http.ask_until(is_delivered(world), is_true)
end)

add("an app is told of it", { "logout_delivery_take", "logout_delivery_end" }, function(world, attempt)
  local cookie = session_told(world)
  attempt.until_seen(function()
    sign_out(world, cookie)
  end, is_delivered(world), "UPDATE logout_deliveries SET next_at = 0")
end)

add("an app does not listen", { "logout_delivery_retry", "logout_delivery_wait" }, function(world, attempt)
  local cookie = session_told(world, 500)
  attempt.until_seen(function()
    sign_out(world, cookie)
  end, function()
    return lock.number(world.server, "SELECT count(*) FROM logout_deliveries WHERE attempts > 0") > 0
  end)
  lock.change(world.server, "DELETE FROM logout_deliveries")
end)

--- passkeys and keys

local function passkey_made(world, cookie, attempt)
  local key = authenticator.new(world.server.issuer)
  local options, body = page_form(world, "/account/passkeys", cookie, { action = "add", name = "Key" })
  for name, value in pairs(key:create((authenticator.asked(body)))) do
    options.form[name] = value
  end
  attempt(function()
    return http.post(world.server, "/account/passkeys", options)
  end, 303, 400)
  return key
end

local function once(send)
  local answer = send()
  assert(answer.status < 400, answer.body)
end

add("a passkey is made", { "passkey_insert" }, function(world, attempt)
  passkey_made(world, flow.sign_in(world.server, world.app, flow.user(world.server)), attempt)
end)

add("a passkey signs in", { "passkey_use" }, function(world, attempt)
  local key = passkey_made(world, flow.sign_in(world.server, world.app, flow.user(world.server)), once)
  local asked = authenticator.asked(http.get(world.server, "/idp/login").body)
  local form = key:get(asked)
  form.return_to, form.auth_method = "/account", "passkey"
  attempt(function()
    return http.post(world.server, "/idp/login", { form = form })
  end, 303)
end)

add("a passkey is removed", { "passkey_delete" }, function(world, attempt)
  local cookie = flow.sign_in(world.server, world.app, flow.user(world.server))
  local key = passkey_made(world, cookie, once)
  local options = page_form(world, "/account/passkeys", cookie, { action = "remove", passkey_id = key:credential_id() })
  attempt(function()
    return http.post(world.server, "/account/passkeys", options)
  end, 303, 404)
end)

add("an API key is made", { "api_key_insert" }, function(world, attempt)
  attempt(function()
    return command(world, "key", "create", world.user.username)
  end, 200)
end)

add("an API key is revoked", { "api_key_delete" }, function(world, attempt)
  local key = cli.ask(world.server.state, "key", "create", world.user.username)
  shape.ok(http.get(world.server, "/idp/apps?limit=1", { bearer = key.api_key }))
  attempt(function()
    return command(world, "key", "revoke", key.key_id)
  end, 200, 400)
  http.ask_until(function()
    return http.get(world.server, "/idp/apps?limit=1", { bearer = key.api_key }).status == 401
  end, is_true)
end)

--- users, by the command line

add("a user is made", { "user_insert" }, function(world, attempt)
  local name = fresh "lost"
  attempt(function()
    return command(world, "user", "create", name)
  end, 200, 400)
end)

add("a user is changed", { "user_update" }, function(world, attempt)
  local user = flow.user(world.server)
  attempt(function()
    return command(world, "user", "change", user.username, "--role", "admin")
  end, 200)
end)

add("a user gets a fingerprint", { "user_set_fingerprint", "user_tokens_end" }, function(world, attempt)
  local user = flow.user(world.server)
  attempt(function()
    return command(world, "user", "fingerprint", user.username)
  end, 200)
  assert(flow.login(world.server, world.app, user).status == 401)
end)

add("a user is deleted", { "user_delete", "user_delete_counts", "user_delete_search", "user_delete_shares",
  "user_delete_uses", "user_delete_authorizations", "user_delete_apps", "user_delete_keys", "user_delete_passkeys",
  "user_delete_sessions", "user_delete_device_codes", "user_delete_session_apps" }, function(world, attempt)
  local user = flow.user(world.server)
  local app = flow.app(world.server, user)
  shape.ok(share(world, flow.app(world.server, world.user), user))
  flow.tokens(world.server, world.app, flow.sign_in(world.server, world.app, user))
  tokens(world, app)
  attempt(function()
    return command(world, "user", "delete", user.username)
  end, 200, 400)
  assert(flow.login(world.server, world.app, user).status == 401)
end)

--- signing keys

add("keys are made anew", { "signing_key_delete_all", "signing_key_insert" }, function(world, attempt)
  attempt(function()
    return command(world, "keys", "rotate", "--anew")
  end, 200)
end)

-- use(a second server that has just started) → is it done? As long as it is not, with another.
local function by_another(world, attempt, use)
  attempt.until_seen(function() end, function()
    local other = server_helper.start { state = world.server.state, workers = 1, args = { "--no-confine" } }
    local is_done = use(other)
    other:stop()
    return is_done
  end)
end

add("a key is needed longer", { "signing_key_need" }, function(world, attempt)
  cli.ask(world.server.state, "keys", "rotate", "--anew")
  by_another(world, attempt, function(other)
    local cookie = flow.sign_in(other, world.app, world.user)
    local code = flow.code(other, world.app, cookie, { scope = "openid" })
    return shape.is_ok(flow.token(other, flow.code_form(world.app, code)))
  end)
end)

-- What a server does when it starts, and later from time to time: `sql` then counts nothing any more.
local function started_until(world, attempt, sql)
  by_another(world, attempt, function()
    local deadline = cqueues.monotime() + 1
    local is_done
    repeat
      is_done = lock.number(world.server, sql) == 0
    until is_done or cqueues.monotime() > deadline
    return is_done
  end)
end

add("a key retires", { "signing_key_retire" }, function(world, attempt)
  cli.ask(world.server.state, "keys", "rotate", "--anew")
  cli.ask(world.server.state, "keys", "rotate", "--now")
  lock.change(world.server, "UPDATE signing_keys SET needed_until = 0, active_from = active_from - 10000")
  started_until(world, attempt, "SELECT count(*) - 3 FROM signing_keys")
end)

--- what the server does by itself

add("names get their looks", { "app_look_set", "user_look_set" }, function(world, attempt)
  lock.change(world.server, "UPDATE apps SET look = NULL, look_twin = ''")
  lock.change(world.server, "UPDATE users SET look = NULL, look_twin = ''")
  started_until(world, attempt, [[SELECT (SELECT count(*) FROM apps WHERE look IS NULL)
    + (SELECT count(*) FROM users WHERE look IS NULL)]])
end)

add("readiness is asked for", { "health" }, function(world, attempt)
  attempt.until_seen(function() end, function()
    return http.get(world.server, "/readyz").status == 200
  end)
end)

add("something is put on record", { "audit_insert" }, function(world, attempt)
  local id
  attempt.until_seen(function()
    id = http.post(world.server, "/idp/token/introspect", { form = { token = "x", client_id = world.app.client_id,
      client_secret = "wrong" } }).headers["x-request-id"]
  end, function()
    return lock.number(world.server, ("SELECT count(*) FROM audit WHERE request_id = '%s'"):format(id)) == 1
  end)
end)

return flows
