-- The audit log has no holes: each change leaves one record, which is there when the change is answered, whatever
-- befalls the server then. What changes nothing leaves none, and a refusal is written in the end.
local authenticator = require "helpers.authenticator"
local cli = require "helpers.cli"
local database = require "helpers.database"
local flow = require "helpers.flow"
local http = require "helpers.http"
local lock = require "helpers.lock"
local server_helper = require "helpers.server"
local shape = require "helpers.shape"
local sys = require "helpers.sys"
local wallet = require "helpers.wallet"

local EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
local DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
local ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
local APPS = [[
  return {
    may_create = function() return true end,
    redirect_uri = function() return true end,
    may_register = function() return true end,
  }
]]
local TOKENS = [[
  local ours = require "moonlatch.time"
  return {
    lifetimes = function() return { access = ours.hour, refresh = ours.day, id = ours.hour } end,
    exchange = function() return true end,
  }
]]

local function records(server, where)
  return lock.number(server, "SELECT count(*) FROM audit WHERE " .. where)
end

local function policies()
  local all = server_helper.unlimited()
  all["apps.lua"], all["apps_spec.lua"] = APPS, ""
  all["tokens.lua"], all["tokens_spec.lua"] = TOKENS, ""
  return all
end

describe("the audit log", function()
  local server, root, root_cookie, user, cookie, app
  lazy_setup(function()
    server = server_helper.start { settings = { registration_owner = "root" }, policies = policies() }
    root = flow.user(server, { name = "root", roles = { "admin", "unlimited_dev" } })
    user = flow.user(server, { name = "changer", roles = { "unlimited_dev" }, hotkey = wallet.address("//Alice") })
    app = flow.app(server, user, { allowed_scopes = { "openid", "profile", "chutes:read" },
      grant_types = { "authorization_code", "refresh_token", "client_credentials", DEVICE, EXCHANGE } })
    root_cookie, cookie = flow.sign_in(server, app, root), flow.sign_in(server, app, user)
  end)
  lazy_teardown(function()
    server:stop()
  end)

  -- A form of the pages, with their token.
  local function page_form(path, form, whose)
    whose = whose or cookie
    local page = http.get(server, "/account", { cookie = whose }).body
    form.csrf_token = page:match('name="csrf%-token" content="([^"]+)"')
    return http.post(server, path, { form = form, cookie = whose })
  end

  local function own(fields)
    return flow.app(server, user, fields)
  end

  local function tokens()
    return flow.tokens(server, app, cookie, { scope = "openid profile" })
  end

  local function other_cookie() -- of a session that may end
    return flow.sign_in(server, app, user)
  end

  local function as_client(form)
    form.client_id, form.client_secret = app.client_id, app.client_secret
    return form
  end

  local function device()
    return http.post(server, "/idp/device_authorization", { form = as_client { scope = "profile" } }).json
  end

  local function device_session(codes)
    local form = { user_code = codes.user_code }
    local _, params = http.post(server, "/idp/device", { form = form, cookie = cookie }):location()
    return assert(params.session_id)
  end

  local function registered()
    local answer = http.post(server, "/idp/register", { json = { redirect_uris = { flow.REDIRECT } } })
    assert.equal(201, answer.status, answer.body)
    return answer.json
  end

  local function add_passkey()
    local page = http.get(server, "/account/passkeys", { cookie = cookie }).body
    local form = authenticator.new(server.issuer):create((authenticator.asked(page)))
    form.action, form.name = "add", "A key"
    return page_form("/account/passkeys", form), form
  end

  local function app_form(form)
    form.redirect_uris, form.grant_types = flow.REDIRECT, "authorization_code"
    form.refresh_token_lifetime_days, form.id_token_signed_response_alg = "30", "ES256"
    return form
  end

  local function bearer(method, path, json)
    return http.request(server, method, path, { bearer = user.api_key, json = json })
  end

  -- { what is asked, the record's kind, its detail (LIKE), how it is asked }; what is asked is "METHOD path" of
  -- /openapi.json, and may come several times.
  local changes = {
    { "POST /idp/login", "sign_in", "fingerprint", function() return flow.login(server, app, user) end },
    { "GET /idp/cli_login", "sign_in", "hotkey", function()
      local nonce = http.get(server, "/idp/cli_login/nonce").json.nonce
      local signed = wallet.sign { seed = "//Alice", message = nonce }
      return http.get(server, "/idp/cli_login?" .. http.form { hotkey = signed.address, signature = signed.signature,
        nonce = nonce })
    end },
    { "POST /idp/authorize/consent", "consent", "openid profile", function()
      return flow.consent(server, flow.session_id(server, app, cookie, { scope = "openid profile" }), cookie, "approve")
    end },
    { "POST /idp/authorize/consent", "consent", "profile", function() -- a device's
      return flow.consent(server, device_session(device()), cookie, "approve")
    end },
    { "GET /idp/authorize", "consent", "openid profile", function() -- remembered
      tokens()
      return flow.authorize(server, app, { scope = "openid profile" }, { cookie = cookie })
    end },
    { "POST /idp/token", "token", "openid profile", function()
      return flow.token(server, flow.code_form(app, flow.code(server, app, cookie, { scope = "openid profile" })))
    end },
    { "POST /idp/token", "token", "openid profile", function()
      return flow.token(server, flow.refresh_form(app, tokens().refresh_token))
    end },
    { "POST /idp/token", "token", "openid profile chutes:read", function()
      return flow.token(server, as_client { grant_type = "client_credentials" })
    end },
    { "POST /idp/token", "token", "profile", function()
      local codes = device()
      flow.consent(server, device_session(codes), cookie, "approve")
      return flow.token(server, as_client { grant_type = DEVICE, device_code = codes.device_code })
    end },
    { "POST /idp/token", "token", "openid profile", function()
      return flow.token(server, as_client { grant_type = EXCHANGE, subject_token = tokens().access_token,
        subject_token_type = ACCESS_TOKEN })
    end },
    { "POST /idp/token/revoke", "revocation", "access token %", function()
      return http.post(server, "/idp/token/revoke", { form = { token = tokens().access_token } })
    end },
    { "POST /idp/token/revoke", "revocation", "family %", function()
      return http.post(server, "/idp/token/revoke", { form = as_client { token = tokens().refresh_token } })
    end },
    { "POST /idp/apps", "app", "created", function()
      return bearer("POST", "/idp/apps", { name = "Audited", redirect_uris = { flow.REDIRECT } })
    end },
    { "PATCH /idp/apps/{app_id}", "app", "changed", function()
      return bearer("PATCH", "/idp/apps/" .. own().app_id, { description = "Other" })
    end },
    { "PATCH /idp/apps/{app_id}", "app", "changed", function()
      return bearer("PATCH", "/idp/apps/" .. own().app_id, { name = "Renamed" })
    end },
    { "DELETE /idp/apps/{app_id}", "app", "deleted", function()
      return bearer("DELETE", "/idp/apps/" .. own().app_id)
    end },
    { "POST /idp/apps/{app_id}/regenerate-secret", "app", "secret regenerated", function()
      return bearer("POST", "/idp/apps/" .. own().app_id .. "/regenerate-secret")
    end },
    { "POST /idp/apps/{app_id}/share", "app", "shared with root", function()
      return bearer("POST", "/idp/apps/" .. own().app_id .. "/share", { user_id_or_name = "root" })
    end },
    { "DELETE /idp/apps/{app_id}/share/{user_id}", "app", "no longer shared with %", function()
      local id = own().app_id
      bearer("POST", "/idp/apps/" .. id .. "/share", { user_id_or_name = "root" })
      return bearer("DELETE", "/idp/apps/" .. id .. "/share/" .. root.user_id)
    end },
    { "POST /idp/register", "app", "registered", function()
      return http.post(server, "/idp/register", { json = { redirect_uris = { flow.REDIRECT } } })
    end },
    { "PUT /idp/register/{client_id}", "app", "changed by itself", function()
      local client = registered()
      return http.request(server, "PUT", "/idp/register/" .. client.client_id, {
        bearer = client.registration_access_token,
        json = { client_id = client.client_id, redirect_uris = { flow.REDIRECT }, client_name = "By itself" } })
    end },
    { "DELETE /idp/register/{client_id}", "app", "deleted by itself", function()
      local client = registered()
      return http.request(server, "DELETE", "/idp/register/" .. client.client_id,
        { bearer = client.registration_access_token })
    end },
    { "DELETE /idp/authorizations/{app_id}", "revocation", "authorization", function()
      tokens()
      return bearer("DELETE", "/idp/authorizations/" .. app.app_id)
    end },
    { "POST /account/connected", "revocation", "authorization", function()
      tokens()
      return page_form("/account/connected", { app_id = app.app_id, action = "revoke" })
    end },
    { "GET /idp/logout", "sign_out", nil, function()
      local theirs = other_cookie()
      local hint = flow.tokens(server, app, theirs, { scope = "openid" }).id_token
      return http.get(server, "/idp/logout?id_token_hint=" .. hint, { cookie = theirs })
    end },
    { "POST /idp/logout", "sign_out", nil, function()
      local theirs = other_cookie()
      local page = http.get(server, "/idp/logout", { cookie = theirs }).body
      local form = { action = "sign_out" }
      for name, value in page:gmatch('<input type="hidden" name="([%w_]+)" value="([^"]*)"') do
        form[name] = value
      end
      return http.post(server, "/idp/logout", { cookie = theirs, form = form })
    end },
    { "POST /account/sessions", "sign_out", nil, function()
      other_cookie()
      local page = http.get(server, "/account/sessions", { cookie = cookie }).body
      return page_form("/account/sessions", { action = "sign_out",
        session_id = assert(page:match('name="session_id" value="([^"]+)"')) })
    end },
    { "POST /account/apps", "app", "created", function()
      return page_form("/account/apps", app_form { name = "By a page" })
    end },
    { "POST /account/apps/{app_id}", "app", "changed", function()
      return page_form("/account/apps/" .. own().app_id, app_form { action = "save", name = "By a form" })
    end },
    { "POST /account/apps/{app_id}", "app", "switched off", function()
      return page_form("/account/apps/" .. own().app_id, { action = "switch_off" })
    end },
    { "POST /account/apps/{app_id}", "app", "secret regenerated", function()
      return page_form("/account/apps/" .. own().app_id, { action = "secret" })
    end },
    { "POST /account/apps/{app_id}", "app", "shared with root", function()
      return page_form("/account/apps/" .. own().app_id, { action = "share", user = "root" })
    end },
    { "POST /account/apps/{app_id}", "app", "no longer shared with %", function()
      local id = own().app_id
      page_form("/account/apps/" .. id, { action = "share", user = "root" })
      return page_form("/account/apps/" .. id, { action = "unshare", user = root.user_id })
    end },
    { "POST /account/apps/{app_id}", "app", "deleted", function()
      return page_form("/account/apps/" .. own().app_id, { action = "delete", confirm = "yes" })
    end },
    { "POST /account/keys", "account", "API key made: %", function()
      return page_form("/account/keys", { action = "make", name = "One more" })
    end },
    { "POST /account/keys", "account", "API key revoked: %", function()
      local key = cli.ask(server.state, "key", "create", "changer")
      return page_form("/account/keys", { action = "revoke", key_id = key.key_id })
    end },
    { "POST /account/passkeys", "account", "passkey added", function() return (add_passkey()) end },
    { "POST /account/passkeys", "account", "passkey removed", function()
      add_passkey()
      local page = http.get(server, "/account/passkeys", { cookie = cookie }).body
      return page_form("/account/passkeys", { action = "remove",
        passkey_id = assert(page:match('name="passkey_id" value="([^"]+)"')) })
    end },
    { "POST /admin/users/{user_id}/sign-out", "sign_out", "everywhere, by administrator root", function()
      local leaver = flow.user(server)
      flow.sign_in(server, app, leaver)
      return page_form("/admin/users/" .. leaver.user_id .. "/sign-out", {}, root_cookie)
    end },
    { "POST /admin/apps/{app_id}/switch", "app", "switched off by an administrator", function()
      return page_form("/admin/apps/" .. own().app_id .. "/switch", { active = "no" }, root_cookie)
    end },
    { "DELETE /idp/sessions", "sign_out", nil, function() -- the last: it ends the others' cookie
      return bearer("DELETE", "/idp/sessions")
    end },
  }
  -- Of these nothing is left but what is asked for in a moment, or a refusal.
  local none = {
    ["POST /idp/authorize"] = "as GET",
    ["POST /idp/userinfo"] = "reads",
    ["POST /idp/token/introspect"] = "reads",
    ["POST /idp/par"] = "a request that waits",
    ["POST /idp/device_authorization"] = "likewise",
    ["POST /idp/device"] = "goes on to the consent page",
  }

  it("has a case here for whatever the server does but read", function()
    local known = {}
    for _, change in ipairs(changes) do
      known[change[1]] = true
    end
    for path, operations in pairs(http.get(server, "/openapi.json").json.paths) do
      for method in pairs(operations) do
        local name = method:upper() .. " " .. path
        assert.is_true(method == "get" or known[name] or none[name] ~= nil, name .. " changes nothing?")
        assert.is_true(not (known[name] and none[name]))
        known[name] = nil
      end
    end
    assert.is_nil(next(known))
  end)

  for _, change in ipairs(changes) do
    local name, kind, detail, run = unpack(change, 1, 4)
    it(("has one record of %s: %s"):format(name, detail or kind), function()
      local answer = run()
      assert.is_true(answer.status < 400, answer.status .. " " .. answer.body)
      local of_request = "request_id = '" .. answer.headers["x-request-id"] .. "'"
      assert.equal(1, records(server, of_request))
      assert.equal(1, records(server, ("%s AND kind = '%s' AND %s"):format(of_request, kind,
        detail and "detail LIKE '" .. detail .. "'" or "detail IS NULL")))
      server:logged(function(entry)
        return entry.event == "audit" and entry.request_id == answer.headers["x-request-id"] and entry.kind == kind
      end)
    end)
  end

  it("has one record of what the command line does", function()
    local id, other, key, done
    local function asked(what, ...)
      local words = { ... }
      local before = records(server, "request_id = 'command-line'")
      done = cli.ask(server.state, unpack(words))
      assert.equal(1, records(server, "request_id = 'command-line'") - before, table.concat(words, " "))
      assert.is_true(records(server, ("request_id = 'command-line' AND detail LIKE '%s'"):format(what)) > 0, what)
      return done
    end
    asked("account made", "user", "create", "clara")
    asked("account made", "user", "create", "carl")
    asked("roles changed", "user", "change", "clara", "--role", "unlimited_dev")
    asked("hotkey set", "user", "change", "clara", "--hotkey", wallet.address("//Clara"))
    asked("hotkey replaced", "user", "change", "clara", "--hotkey", wallet.address("//Klara"))
    asked("hotkey taken away", "user", "change", "clara", "--hotkey", "")
    asked("fingerprint replaced", "user", "fingerprint", "clara")
    key = asked("API key made%", "key", "create", "clara").key_id
    asked("API key revoked: " .. key, "key", "revoke", key)
    id = asked("created", "app", "create", "Of clara", "--owner", "clara", "--redirect-uri", flow.REDIRECT).app_id
    other = asked("shared with carl", "app", "share", id, "carl").shared_to
    asked("no longer shared with " .. other, "app", "unshare", id, "carl")
    asked("changed", "app", "change", id, "--description", "Words")
    asked("secret regenerated", "app", "secret", id)
    asked("deleted", "app", "delete", id)
    asked("account deleted", "user", "delete", "clara")
  end)

  it("has no record of what was not done", function()
    local id, taken = own().app_id, own()
    local code = flow.code(server, app, flow.sign_in(server, app, user))
    flow.token(server, flow.code_form(app, code))
    bearer("POST", "/idp/apps/" .. id .. "/share", { user_id_or_name = "root" })
    local before = records(server, "kind NOT IN ('refusal', 'revocation')")
    local refused = {
      flow.token(server, flow.code_form(app, code)), -- the second time
      bearer("PATCH", "/idp/apps/" .. id, { name = taken.name }),
      bearer("POST", "/idp/apps", { name = taken.name, redirect_uris = { flow.REDIRECT } }),
      bearer("POST", "/idp/apps/" .. id .. "/share", { user_id_or_name = "root" }),
      bearer("DELETE", "/idp/apps/" .. taken.app_id .. "/share/" .. root.user_id),
      bearer("DELETE", "/idp/authorizations/" .. taken.app_id),
      bearer("DELETE", "/idp/apps/nothing"),
    }
    for i, answer in ipairs(refused) do
      assert.is_true(answer.status >= 400, i .. ": " .. answer.status)
    end
    shape.ok(bearer("PATCH", "/idp/apps/" .. id, {})) -- nothing to change
    assert.equal(before, records(server, "kind NOT IN ('refusal', 'revocation')"))
  end)

  it("has one record of what two have done at the same time", function()
    local theirs = flow.sign_in(server, app, user)
    for _ = 1, 5 do
      local code, issued = flow.code(server, app, theirs), 0
      local tokens_before = records(server, "kind = 'token'")
      local families_before = records(server, "detail LIKE 'family %'")
      for _, answer in ipairs(http.together(server, 6, function(_, connection)
        return connection:request("POST", "/idp/token", { form = flow.code_form(app, code) })
      end)) do
        issued = issued + (answer.status == 200 and 1 or 0)
      end
      assert.is_true(issued <= 1, issued)
      assert.equal(1, records(server, "kind = 'token'") - tokens_before)
      assert.equal(1, records(server, "detail LIKE 'family %'") - families_before)
      local id = own().app_id
      bearer("POST", "/idp/apps/" .. id .. "/share", { user_id_or_name = "root" })
      for detail, request in pairs {
        ["no longer shared with " .. root.user_id] = { "DELETE", "/idp/apps/" .. id .. "/share/" .. root.user_id },
        deleted = { "DELETE", "/idp/apps/" .. id },
      } do
        if detail == "deleted" or records(server, ("app_id = '%s' AND detail = 'deleted'"):format(id)) == 0 then
          local answers = http.together(server, 4, function(_, connection)
            return connection:request(request[1], request[2], { bearer = user.api_key })
          end)
          local done = 0
          for _, answer in ipairs(answers) do
            done = done + (answer.status == 200 and 1 or 0)
          end
          assert.equal(done, records(server, ("app_id = '%s' AND detail = '%s'"):format(id, detail)))
        end
      end
    end
  end)
end)

describe("the audit log of a server", function()
  local server, state, world, addresses
  before_each(function()
    state = sys.directory()
    server = server_helper.start { state = state, workers = 1, policies = server_helper.unlimited(),
      settings = { limits = { store_timeout_ms = 300, refusals_told = 0 } } }
    world, addresses = flow.world(server), 0
  end)
  after_each(function()
    if server.process then
      server:stop()
    end
    sys.run { "rm", "-rf", state }
  end)

  local function refuse(client_id)
    addresses = addresses + 1
    local answer = flow.authorize(server, world.app, { client_id = client_id },
      { from = "127.0.1." .. (addresses % 250 + 1) })
    assert.is_true(answer.status >= 400)
    return answer
  end

  local function refusals()
    return records(server, "kind = 'refusal'")
  end

  it("that is killed (-9) amid changes has a record of each that was answered", function()
    local codes, answered = {}, {}
    for i = 1, 60 do
      codes[i] = flow.code(server, world.app, world.cookie)
    end
    local count = 0
    http.together(server, 6, function(i, connection)
      for j = i, 60, 6 do
        local is_sent, answer = pcall(connection.request, connection, "POST", "/idp/token",
          { form = flow.code_form(world.app, codes[j]) })
        if not is_sent or not answer then
          return
        end
        shape.ok(answer)
        count = count + 1
        answered[count] = answer.headers["x-request-id"]
        if count == 30 then
          server:kill()
        end
      end
    end)
    assert.is_true(count >= 30 and count < 60, count)
    for _, id in ipairs(answered) do
      assert.equal(1, records(server, "kind = 'token' AND request_id = '" .. id .. "'"))
    end
    server = { state = state }
  end)

  it("that is told to end writes its refusals first", function()
    local held = lock.hold(server)
    for i = 1, 40 do
      refuse("cid_drained" .. i)
    end
    assert.equal(0, refusals())
    server:tell_to_end()
    local told_at = server:logged(function(entry)
      return entry.event == "draining"
    end).time
    server:logged(function(entry) -- it has tried in vain, and waits until it tries again
      return entry.time > told_at and entry.event:find "^store_"
    end)
    held:release()
    server:stop()
    server = { state = state }
    assert.equal(40, refusals())
  end)

  it("whose store is away writes them when it is back", function()
    local failures = http.metric(server, "moonlatch_db_failures_total")
    local held = lock.hold(server)
    for i = 1, 40 do
      refuse("cid_away" .. i)
    end
    http.metric_until(server, "moonlatch_db_failures_total", function(now)
      return now >= failures + 3
    end)
    assert.equal(0, refusals())
    held:release()
    http.ask_until(refusals, function(count)
      return count == 40
    end)
    assert.equal(0, http.metric(server, "moonlatch_audit_lost_total"))
  end)

  it("writes the others while the store takes one of them never, and says that it is lost", function()
    lock.change(server, database.of(server.state)
      and "ALTER TABLE audit ADD CONSTRAINT no_poison CHECK (detail NOT LIKE '%poison%')"
      or "CREATE TRIGGER no_poison BEFORE INSERT ON audit WHEN NEW.detail LIKE '%poison%'"
        .. " BEGIN SELECT RAISE(ABORT, 'poison'); END")
    refuse("cid_poison")
    local sent = 0
    http.ask_until(function()
      sent = sent + 1
      refuse("cid_good" .. sent)
      return http.metric(server, "moonlatch_audit_lost_total")
    end, function(lost)
      return lost == 1
    end)
    http.ask_until(refusals, function(count)
      return count == sent
    end)
    assert.equal(1, server:logged(function(entry)
      return entry.event == "audit_lost"
    end).count)
  end)
end)
