-- What nobody has proven anything for: it leaves no row, or few, and what it leaves can be found (registry/ceilings.h).
local cjson = require "cjson.safe"

local cli = require "helpers.cli"
local database = require "helpers.database"
local flow = require "helpers.flow"
local http = require "helpers.http"
local jose = require "helpers.jose"
local lock = require "helpers.lock"
local server_helper = require "helpers.server"
local shape = require "helpers.shape"
local sys = require "helpers.sys"

local GRANT = "urn:ietf:params:oauth:grant-type:device_code"
local GRANTS = { GRANT, "authorization_code", "refresh_token" }
local FLOOD, DEVELOPER = "127.0.0.66", "127.0.0.77"

local function rows(server, what)
  return lock.number(server, "SELECT count(*) FROM " .. what)
end

describe("a stranger", function()
  local server, world, open
  lazy_setup(function()
    server = server_helper.start { settings = { limits = { proofs_per_address = 40, refusals_told = 300 } } }
    world = flow.world(server, { grant_types = GRANTS })
    open = { client_id = world.app.client_id, redirect_uris = world.app.redirect_uris } -- who knows no secret
  end)
  lazy_teardown(function()
    server:stop()
  end)

  -- How many refusals the audit log has, once it has all that it will.
  local function refusals()
    return http.ask_until(function()
      local told = rows(server, "audit WHERE kind = 'refusal'")
      return told + http.metric(server, "moonlatch_refusals_untold_total")
        == http.metric(server, "moonlatch_refusals_total") and told
    end, function(told)
      return told
    end)
  end

  local function flood(count, path, form, options)
    local connection = http.connect(server, { from = options and options.from or FLOOD })
    local answer
    for i = 1, count do
      answer = connection:request("POST", path, { form = type(form) == "function" and form(i) or form })
    end
    connection:close()
    return answer
  end

  local function token(form)
    form.client_id = form.client_id or open.client_id
    return form
  end

  it("who floods leaves a hundred rows, a counter and a line a second", function()
    local before = refusals()
    flood(150, "/idp/token", token { grant_type = "authorization_code", code = ("x"):rep(64), redirect_uri = "x:/" })
    flood(50, "/idp/token", token { grant_type = "refresh_token", refresh_token = "crt_x" })
    flood(50, "/idp/token", token { grant_type = "refresh_token", refresh_token = "x", client_secret = "csc_x" })
    flood(50, "/idp/token", token { grant_type = "refresh_token", refresh_token = "x", client_id = "cid_x" })
    flood(50, "/idp/login", flow.request(open, { auth_method = "fingerprint", fingerprint = "wrong" }))
    local left = refusals() - before
    assert.is_true(left >= 60 and left <= 100, left .. " rows")
    local line = server:logged(function(entry)
      return entry.event == "refusals_untold" and entry.count > 0
    end)
    assert.equal(FLOOD, line.last_address)
  end)

  describe("finds a refusal by its number while others flood:", function()
    local function refused(answer)
      return (assert(answer.headers["x-request-id"]))
    end
    local cases = {
      ["a wrong redirect_uri"] = function()
        return flow.authorize(server, open, { redirect_uri = "https://app.example/\27[31m" .. ("long"):rep(500) },
          { from = DEVELOPER }), "has not registered this redirect_uri", "https://app.example/\\x1b[31mlong", true
      end,
      ["an unknown client"] = function()
        return flow.authorize(server, open, { client_id = "cid_nobody" }, { from = DEVELOPER }), "No app",
          "client_id cid_nobody"
      end,
      ["a secret in the place of the client_id, which is not kept"] = function()
        return flow.authorize(server, open, { client_id = "csc_" .. ("s"):rep(48) }, { from = DEVELOPER }), "No app",
          "client_id (a secret, left out)"
      end,
      ["a wrong secret"] = function()
        return http.post(server, "/idp/token", { from = DEVELOPER, form = { grant_type = "refresh_token",
          refresh_token = "x", client_id = open.client_id, client_secret = "csc_wrong" } }), "invalid_client",
          "client_id " .. open.client_id, true
      end,
      ["a wrong secret, by Basic"] = function()
        return http.post(server, "/idp/token", { from = DEVELOPER, basic = { open.client_id, "wrong" },
          form = { grant_type = "refresh_token", refresh_token = "x" } }), "invalid_client",
          "client_id " .. open.client_id, true
      end,
      ["a scope that there is not"] = function()
        return flow.authorize(server, open, { scope = "no:such:scope" }, { from = DEVELOPER }), "invalid_scope",
          open.redirect_uris[1], true
      end,
      ["a code of nobody"] = function()
        return flow.token(server, flow.code_form(world.app, "wrong"), { from = DEVELOPER }), "invalid_grant",
          open.redirect_uris[1], true
      end,
    }
    for name, make in pairs(cases) do
      it(name, function()
        flood(120, "/idp/token", token { grant_type = "refresh_token", refresh_token = "crt_x" })
        local answer, why, sent, is_of_app = make()
        local id = refused(answer)
        local code, out
        http.ask_until(function()
          code, out = cli.run(server.state, "policy", "explain", "--request", id, "--json")
          return code
        end, function(status)
          return status == 0
        end)
        assert.equal(0, code)
        local record = cjson.decode(out)[1]
        assert.same({ "refusal", DEVELOPER, id }, { record.kind, record.address, record.request_id })
        assert.matches(why, record.detail, 1, true)
        assert.matches(sent, record.detail, 1, true)
        assert.is_true(#record.detail < 900)
        assert.equal(is_of_app and world.app.app_id or cjson.null, record.app_id)

        local _, text = cli.run(server.state, "policy", "explain", "--request", id)
        assert.matches("\nkind: refusal\n", text, 1, true)
        assert.matches("\ndetail: " .. record.detail .. "\n", text, 1, true)
        local logged = server:logged(function(entry)
          return entry.event == "audit" and entry.request_id == id
        end)
        assert.equal(record.detail, logged.detail)
      end)
    end

    it("also in administration", function()
      local admin = flow.user(server, { roles = { "admin" } })
      local cookie = flow.sign_in(server, world.app, admin)
      local id = refused(flow.authorize(server, open, { redirect_uri = "https://other.example/" },
        { from = DEVELOPER }))
      local answer = http.ask_until(http.get, function(page)
        return page.body:find("https://other.example/", 1, true)
      end, server, "/admin/audit?request_id=" .. id, { cookie = cookie })
      assert.matches("redirect_uri https://other.example/", answer.body, 1, true)
    end)
  end)

  it("who is signed in is no stranger, and has a budget of their own", function()
    local user = flow.user(server)
    local cookie, before = flow.sign_in(server, world.app, user), refusals()
    local connection = http.connect(server, { from = DEVELOPER })
    for _ = 1, 130 do
      connection:request("POST", "/idp/device", { form = { user_code = "BBBB-BBBB" }, cookie = cookie })
    end
    connection:close()
    assert.is_true(refusals() - before <= 100)
    assert.equal(100, rows(server, "audit WHERE kind = 'refusal' AND user_id = '" .. user.user_id .. "'"))
  end)

  describe("with a DPoP key of his own", function()
    local key
    lazy_setup(function()
      key = jose.key "ES256"
    end)

    local function proven(path, form)
      return jose.dpop_request(server, key, "POST", path, { form = form, from = DEVELOPER })
    end

    it("writes nothing beside a grant that is not proven", function()
      local before = rows(server, "spent")
      local access = proven("/idp/token", flow.code_form(world.app, flow.code(server, world.app, world.cookie)))
      shape.ok(access)
      local after = rows(server, "spent")
      assert.is_true(after > before, "a good one is remembered")
      local form = token { grant_type = "authorization_code", code = "x", redirect_uri = "x:/" }
      shape.oauth_error(proven("/idp/token", form), 400, "invalid_grant")
      shape.oauth_error(proven("/idp/token", token { grant_type = "refresh_token", refresh_token = "x" }), 400,
        "invalid_grant")
      shape.oauth_error(proven("/idp/token", token { grant_type = GRANT, device_code = "x" }), 400, "invalid_grant")
      assert.equal(201, proven("/idp/par", flow.request(open)).status)
      local codes = proven("/idp/device_authorization", { client_id = open.client_id })
      shape.ok(codes)
      shape.oauth_error(proven("/idp/token", token { grant_type = GRANT, device_code = codes.json.device_code }), 400,
        "authorization_pending")
      local other = jose.key "ES256"
      assert.equal(401, jose.dpop_request(server, other, "GET", "/idp/userinfo",
        { headers = { authorization = "DPoP " .. access.json.access_token } },
        { ath = jose.sha256(access.json.access_token) }).status)
      assert.equal(after, rows(server, "spent"))
    end)

    it("sent again to the letter, neither gets a second answer nor ends what the first got", function()
      local form = flow.code_form(world.app, flow.code(server, world.app, world.cookie))
      local wrong = proven("/idp/token", token { grant_type = "refresh_token", refresh_token = "x" })
      local headers = { dpop = jose.proof(server, key, "POST", "/idp/token", { nonce = wrong.headers["dpop-nonce"] }) }
      local first = http.post(server, "/idp/token", { form = form, headers = headers })
      shape.ok(first)
      shape.oauth_error(http.post(server, "/idp/token", { form = form, headers = headers }), 400, "invalid_dpop_proof")
      assert.is_true(flow.is_active(server, first.json.access_token))
    end)

    it("has so many proofs remembered in a minute, and others go on", function()
      local access = proven("/idp/token", flow.code_form(world.app, flow.code(server, world.app, world.cookie))).json
      local answer
      local function userinfo(from, with, bound)
        return jose.dpop_request(server, with, "GET", "/idp/userinfo",
          { headers = { authorization = "DPoP " .. bound }, from = from }, { ath = jose.sha256(bound) })
      end
      for _ = 1, 41 do
        answer = userinfo(FLOOD, key, access.access_token)
      end
      assert.equal(429, answer.status, answer.body)
      assert.is_true(tonumber(answer.headers["retry-after"]) <= 60)
      local other = jose.key "ES256"
      local theirs = jose.dpop_request(server, other, "POST", "/idp/token", { from = "127.0.0.78",
        form = flow.code_form(world.app, flow.code(server, world.app, world.cookie)) })
      shape.ok(theirs)
      shape.ok(userinfo("127.0.0.78", other, theirs.json.access_token))
      assert.is_true(http.metric(server, "moonlatch_proofs_limited_total") >= 1)
    end)
  end)

  it("gets a hundred device codes in ten minutes from an address, and takes none from others", function()
    local form = { client_id = open.client_id }
    local before = rows(server, "device_codes")
    shape.ok(flood(1, "/idp/device_authorization", form, { from = "127.0.0.65" }))
    local answer = flood(100, "/idp/device_authorization", form, { from = "127.0.0.65" })
    shape.oauth_error(answer, 429, "temporarily_unavailable")
    local wait_s = tonumber(answer.headers["retry-after"])
    assert.is_true(wait_s > 500 and wait_s <= 600)
    assert.equal(before + 100, rows(server, "device_codes"))
    shape.ok(flood(1, "/idp/device_authorization", form, { from = DEVELOPER }))
    form.client_secret = world.app.client_secret
    shape.ok(flood(1, "/idp/device_authorization", form, { from = "127.0.0.65" }))
  end)
end)

it("connections of two addresses that try for all leave some for a third", function()
  local server = server_helper.start { workers = 1, settings = { limits = { connections = 24,
    connections_per_address = 20 } } }
  local held = {}
  for _, from in ipairs { FLOOD, DEVELOPER } do
    for _ = 1, 25 do
      local is_open, connection = pcall(http.connect, server, { from = from })
      if is_open and pcall(connection.request, connection, "GET", "/healthz") then
        held[#held + 1] = connection
      end
    end
  end
  assert.is_true(#held >= 18 and #held < 24, #held .. " connections")
  assert.equal(200, http.get(server, "/healthz", { from = "127.0.0.78" }).status)
  for _, connection in ipairs(held) do
    connection:close()
  end
  server:stop()
end)

it("anonymous registrations are so many of an address, and others go on", function()
  local server = server_helper.start { settings = { registration_owner = "operator",
    limits = { registrations_per_address = 2 } },
    policies = { ["apps_spec.lua"] = "", ["apps.lua"] = "local function yes() return true end "
      .. "return { may_create = yes, redirect_uri = yes, may_register = yes }" } }
  flow.user(server, { name = "operator" })
  local function register(from)
    return http.post(server, "/idp/register", { json = { redirect_uris = { flow.REDIRECT } }, from = from })
  end
  for _, expected in ipairs { 201, 201, 429 } do
    assert.equal(expected, register(FLOOD).status)
  end
  shape.oauth_error(register(FLOOD), 429, "temporarily_unavailable")
  assert.equal(201, register(DEVELOPER).status)
  server:stop()
end)

it("a DPoP proof is good once on two servers, also in the same moment", function()
  local one = server_helper.start { args = { "--issuer", "http://id.example" } }
  local secret = sys.read_file(one.state .. "/secret"):gsub(".", function(byte)
    return ("%02x"):format(byte:byte())
  end)
  local address = database.of(one.state) or "sqlite:" .. one.state .. "/moonlatch.db"
  local two = server_helper.start { env = { MOONLATCH_SECRET = secret, MOONLATCH_DATABASE = false },
    args = { "--issuer", "http://id.example", "--database", address } }
  one.issuer, two.issuer = "http://id.example", "http://id.example"
  local world, key = flow.world(one), jose.key "ES256"
  local nonce
  for _ = 1, 6 do
    local form = flow.code_form(world.app, flow.code(one, world.app, world.cookie))
    nonce = nonce or http.post(one, "/idp/token", { form = form,
      headers = { dpop = jose.proof(one, key, "POST", "/idp/token") } }).headers["dpop-nonce"]
    local proof = jose.proof(one, key, "POST", "/idp/token", { nonce = nonce })
    local connections = { http.connect(one), http.connect(two) }
    local streams, good = {}, {}
    for i, connection in ipairs(connections) do
      streams[i] = connection:send("POST", "/idp/token", { form = form, headers = { dpop = proof } })
    end
    for i, connection in ipairs(connections) do
      local answer = connection:receive(streams[i])
      if answer.status == 200 then
        good[#good + 1] = answer.json.access_token
      else
        shape.oauth_error(answer, 400, "invalid_dpop_proof")
      end
      connection:close()
    end
    assert.equal(1, #good)
    assert.is_true(flow.is_active(one, good[1]))
    shape.oauth_error(http.post(two, "/idp/token", { form = form, headers = { dpop = proof } }), 400,
      "invalid_dpop_proof")
  end
  two:stop()
  one:stop()
end)
