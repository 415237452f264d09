-- Single-use things, asked for by many at once: contract §2 and §6. Every race runs on two workers or more, with all
-- requests sent before the first answer is read.
local flow = require "helpers.flow"
local http = require "helpers.http"
local server_helper = require "helpers.server"
local shape = require "helpers.shape"
local sys = require "helpers.sys"
local truth = require "helpers.truth"
local wallet = require "helpers.wallet"

local CROWD = 50

-- Opens a connection for each, sends everything, then reads. servers: one, or a list that is gone through in turn.
-- ask(i) → method, path, options.
local function at_once(servers, count, ask)
  servers = servers[1] and servers or { servers }
  local connections, streams, answers = {}, {}, {}
  for i = 1, count do
    connections[i] = http.connect(servers[(i - 1) % #servers + 1])
  end
  for i = 1, count do
    streams[i] = connections[i]:send(ask(i))
  end
  for i = 1, count do
    answers[i] = connections[i]:receive(streams[i])
    connections[i]:close()
  end
  return answers
end

-- The same as streams of one HTTP/2 connection.
local function multiplexed(server, count, ask)
  local connection, streams, answers = http.connect(server, { version = 2 }), {}, {}
  for i = 1, count do
    streams[i] = connection:send(ask(i))
  end
  for i = 1, count do
    answers[i] = connection:receive(streams[i])
  end
  connection:close()
  return answers
end

-- The one answer with that status, and the others.
local function winner(answers, status)
  local won, lost = {}, {}
  for _, answer in ipairs(answers) do
    table.insert(answer.status == status and won or lost, answer)
  end
  assert.equal(1, #won, "answers with " .. status)
  return won[1], lost
end

local function token_request(form)
  return function()
    return "POST", "/idp/token", { form = form }
  end
end

local function dead(server, tokens)
  assert.same({ active = false }, flow.introspect(server, tokens.access_token))
  assert.same({ active = false }, flow.introspect(server, tokens.refresh_token))
  shape.oauth_error(http.get(server, "/idp/userinfo", { bearer = tokens.access_token }), 401, "invalid_token")
end

describe("fifty at once", function()
  local server, world, address
  lazy_setup(function()
    server = server_helper.start { workers = 3, policies = server_helper.unlimited() }
    address = wallet.address("//Racer")
    world = flow.world(server, {}, { hotkey = address })
  end)
  lazy_teardown(function()
    truth.check(server)
    server:stop()
  end)

  local function code(more)
    return flow.code(server, world.app, world.cookie, more)
  end

  describe("redeem a code", function()
    local function race(run, form)
      local issued = http.metric(server, "moonlatch_tokens_issued_total")
      local killed = http.metric(server, "moonlatch_families_revoked_total")
      local won, lost = winner(run(server, CROWD, token_request(form)), 200)
      shape.ok(won)
      for _, answer in ipairs(lost) do
        shape.oauth_error(answer, 400, "invalid_grant")
      end
      dead(server, won.json)
      local refresh = flow.refresh_form(world.app, won.json.refresh_token, { client_secret = form.client_secret })
      shape.oauth_error(flow.token(server, refresh), 400, "invalid_grant")
      assert.equal(issued + 1, http.metric(server, "moonlatch_tokens_issued_total"))
      assert.equal(killed + 1, http.metric(server, "moonlatch_families_revoked_total"))
    end

    it("on fifty connections: one succeeds, and the others' replays kill what it got", function()
      for _ = 1, 4 do
        race(at_once, flow.code_form(world.app, code()))
      end
    end)

    it("on the streams of one HTTP/2 connection: the same", function()
      race(multiplexed, flow.code_form(world.app, code()))
    end)

    it("by PKCE alone: the same", function()
      local pkce = flow.pkce()
      local with = code({ code_challenge = pkce.challenge, code_challenge_method = "S256" })
      local more = { client_secret = false, code_verifier = pkce.verifier }
      race(at_once, flow.code_form(world.app, with, more))
    end)

    it("another client's tries neither succeed nor kill", function()
      local other = flow.app(server, world.user)
      local with = code()
      local own = flow.code_form(world.app, with)
      local stolen = flow.code_form(other, with, { redirect_uri = flow.REDIRECT })
      local won, lost = winner(at_once(server, CROWD, function(i)
        return "POST", "/idp/token", { form = i == 25 and own or stolen }
      end), 200)
      for _, answer in ipairs(lost) do
        shape.oauth_error(answer, 400, "invalid_grant")
      end
      assert.is_true(flow.is_active(server, won.json.access_token))
      assert.is_true(flow.is_active(server, won.json.refresh_token))
    end)
  end)

  describe("answer one consent step", function()
    local function race(action_of)
      local id = flow.session_id(server, world.app, world.cookie)
      local path = "/idp/authorize/consent?session_id=" .. id
      local won, lost = winner(at_once(server, CROWD, function(i)
        return "POST", path, { form = { action = action_of(i) }, cookie = world.cookie }
      end), 303)
      for _, answer in ipairs(lost) do
        shape.page(answer, 400)
        assert.is_nil(answer.headers.location)
      end
      shape.page(http.get(server, path, { cookie = world.cookie }), 400)
      local base, params = won:location()
      assert.equal(flow.REDIRECT, base)
      return params
    end

    it("by approving: one gets a code, and it is good", function()
      local params = race(function()
        return "approve"
      end)
      shape.ok(flow.token(server, flow.code_form(world.app, params.code)))
    end)

    it("by approving and denying: one of the two happens", function()
      local params = race(function(i)
        return i % 2 == 0 and "approve" or "deny"
      end)
      assert.is_true((params.code ~= nil) ~= (params.error == "access_denied"))
    end)
  end)

  describe("sign in with one nonce", function()
    local function proof()
      local nonce = http.get(server, "/idp/cli_login/nonce").json.nonce
      local signed = wallet.sign({ seed = "//Racer", message = nonce })
      return { hotkey = signed.address, signature = signed.signature, nonce = nonce }
    end

    local function is_refused(answer, status)
      shape.page(answer, status)
      assert.is_nil(answer.cookies[flow.COOKIE])
    end

    it("from the command line: one gets a session", function()
      local path = "/idp/cli_login?" .. http.form(proof())
      local won, lost = winner(at_once(server, CROWD, function()
        return "GET", path
      end), 302)
      for _, answer in ipairs(lost) do
        is_refused(answer, 400)
      end
      assert.equal(302, flow.authorize(server, world.app, {}, { cookie = flow.cookie_of(won) }).status)
    end)

    it("from the command line and from the login page: one of all", function()
      local one = proof()
      local form = flow.request(world.app, { response_type = false, auth_method = "hotkey" })
      for name, value in pairs(one) do
        form[name] = value
      end
      local path, sessions = "/idp/cli_login?" .. http.form(one), 0
      for i, answer in ipairs(at_once(server, CROWD, function(i)
        if i % 2 == 0 then
          return "GET", path
        end
        return "POST", "/idp/login", { form = form }
      end)) do
        if answer.cookies[flow.COOKIE] then
          sessions = sessions + 1
          assert.equal(i % 2 == 0 and 302 or 303, answer.status)
        else
          is_refused(answer, i % 2 == 0 and 400 or 401)
        end
      end
      assert.equal(1, sessions)
    end)
  end)

  describe("use a refresh token", function()
    it("within the grace: each gets a fresh pair, all of one family", function()
      local first = flow.tokens(server, world.app, world.cookie)
      local killed = http.metric(server, "moonlatch_families_revoked_total")
      local answers = at_once(server, CROWD, token_request(flow.refresh_form(world.app, first.refresh_token)))
      local seen = { [first.access_token] = true, [first.refresh_token] = true }
      for _, answer in ipairs(answers) do
        shape.ok(answer)
        for _, token in ipairs { answer.json.access_token, answer.json.refresh_token } do
          assert.is_nil(seen[token])
          seen[token] = true
          assert.is_true(flow.is_active(server, token))
        end
      end
      assert.is_false(flow.is_active(server, first.refresh_token))
      assert.equal(killed, http.metric(server, "moonlatch_families_revoked_total"))
      shape.ok(http.post(server, "/idp/token/revoke", { form = { token = answers[CROWD].json.refresh_token } }))
      for _, answer in ipairs(answers) do
        assert.is_false(flow.is_active(server, answer.json.access_token))
        assert.is_false(flow.is_active(server, answer.json.refresh_token))
      end
    end)

    it("within the grace, another client gets nothing and kills nothing", function()
      local other = flow.app(server, world.user)
      local first = flow.tokens(server, world.app, world.cookie)
      local own = flow.refresh_form(world.app, first.refresh_token)
      local stolen = flow.refresh_form(other, first.refresh_token)
      local won, lost = winner(at_once(server, CROWD, function(i)
        return "POST", "/idp/token", { form = i == 25 and own or stolen }
      end), 200)
      for _, answer in ipairs(lost) do
        shape.oauth_error(answer, 400, "invalid_grant")
      end
      assert.is_true(flow.is_active(server, won.json.refresh_token))
    end)
  end)

  it("twenty make an app of one name, in all its cases: one does", function()
    for _, name in ipairs { "Race of Names", "Äpfel und Øl" } do
      local lower = name:lower():gsub("Ä", "ä"):gsub("Ø", "ø")
      local upper = name:upper():gsub("ä", "Ä"):gsub("ø", "Ø")
      local spellings = { name, lower, upper }
      local won, lost = winner(at_once(server, 20, function(i)
        local body = { name = spellings[i % 3 + 1], redirect_uris = { flow.REDIRECT } }
        return "POST", "/idp/apps", { json = body, bearer = world.user.api_key }
      end), 200)
      for _, answer in ipairs(lost) do
        shape.detail(answer, 409)
      end
      local found = http.get(server, "/idp/apps/" .. won.json.app_id, { bearer = world.user.api_key })
      assert.equal(won.json.name, found.json.name)
    end
  end)

  describe("a revocation among", function()
    it("refreshes: once it is answered, the whole family is dead, whoever was first", function()
      for round = 1, 10 do
        local first = flow.tokens(server, world.app, world.cookie)
        local refresh = flow.refresh_form(world.app, first.refresh_token)
        local answers = at_once(server, 11, function(i)
          if i == round then
            return "POST", "/idp/token/revoke", { form = { token = first.refresh_token } }
          end
          return "POST", "/idp/token", { form = refresh }
        end)
        assert.same({ revoked = true }, answers[round].json)
        table.remove(answers, round)
        for _, answer in ipairs(answers) do
          if answer.status == 200 then
            dead(server, answer.json)
          else
            shape.oauth_error(answer, 400, "invalid_grant")
          end
        end
        dead(server, first)
      end
    end)

    it("introspections: once it is answered, no worker's memory says active", function()
      for _ = 1, 5 do
        local tokens = flow.tokens(server, world.app, world.cookie)
        local answers = at_once(server, CROWD, function(i)
          local form = { token = tokens.access_token }
          return "POST", i == 25 and "/idp/token/revoke" or "/idp/token/introspect", { form = form }
        end)
        assert.same({ revoked = true }, answers[25].json)
        for _, answer in ipairs(at_once(server, 12, function()
          return "POST", "/idp/token/introspect", { form = { token = tokens.access_token } }
        end)) do
          assert.same({ active = false }, answer.json)
        end
      end
    end)
  end)
end)

describe("a refresh token outside of the grace", function()
  local server, world
  local function start(grace_s)
    server = server_helper.start { settings = { lifetimes = { reuse_grace = grace_s } } }
    world = flow.world(server)
  end
  after_each(function()
    server:stop()
  end)

  it("without a grace: of fifty at once one succeeds, and the others kill the family", function()
    start(0)
    for _ = 1, 4 do
      local first = flow.tokens(server, world.app, world.cookie)
      local refresh = token_request(flow.refresh_form(world.app, first.refresh_token))
      local won, lost = winner(at_once(server, CROWD, refresh), 200)
      for _, answer in ipairs(lost) do
        shape.oauth_error(answer, 400, "invalid_grant")
      end
      dead(server, first)
      dead(server, won.json)
    end
  end)

  it("retries do not prolong the grace; its end is the family's", function()
    start(1)
    local first = flow.tokens(server, world.app, world.cookie)
    local form = flow.refresh_form(world.app, first.refresh_token)
    local last
    local answer = http.ask_until(function()
      local again = flow.token(server, form)
      last = again.status == 200 and again.json or last
      return again
    end, shape.is_refused)
    shape.oauth_error(answer, 400, "invalid_grant")
    dead(server, first)
    dead(server, last)
    for _, late in ipairs(at_once(server, CROWD, token_request(form))) do
      shape.oauth_error(late, 400, "invalid_grant")
    end
  end)
end)

describe("two processes on one state", function()
  local state, one, two, world
  local function launch()
    return server_helper.launch { state = state, workers = 1, args = { "--issuer", "http://localhost:1" } }
  end

  local function ready(server)
    local line = server.process:line(20 * server_helper.patience)
    server.scheme, server.port = (line or ""):match("^moonlatch listening on (https?)://[%d%.]+:(%d+)")
    assert(server.port, "moonlatch did not start:\n" .. server:log_text())
    server.port = tonumber(server.port)
    return server
  end

  lazy_setup(function()
    state = sys.directory()
    one, two = launch(), launch() -- on a new directory, at the same time
    ready(one)
    ready(two)
    world = flow.world(one)
  end)
  lazy_teardown(function()
    one:stop()
    two:stop()
    sys.run { "rm", "-r", state }
  end)

  it("take each other's codes, sessions and tokens", function()
    local tokens = flow.token(two, flow.code_form(world.app, flow.code(one, world.app, world.cookie))).json
    assert.is_true(flow.is_active(one, tokens.access_token))
    local refreshed = flow.token(one, flow.refresh_form(world.app, tokens.refresh_token)).json
    assert.is_true(flow.is_active(two, refreshed.access_token))
  end)

  it("a code is redeemed by one of fifty, who then loses it", function()
    for _ = 1, 3 do
      local form = flow.code_form(world.app, flow.code(two, world.app, world.cookie))
      local won, lost = winner(at_once({ one, two }, CROWD, token_request(form)), 200)
      for _, answer in ipairs(lost) do
        shape.oauth_error(answer, 400, "invalid_grant")
      end
      dead(one, won.json)
      dead(two, won.json)
    end
  end)

  it("a consent step is answered once", function()
    local path = "/idp/authorize/consent?session_id=" .. flow.session_id(one, world.app, world.cookie)
    local _, lost = winner(at_once({ one, two }, CROWD, function()
      return "POST", path, { form = { action = "approve" }, cookie = world.cookie }
    end), 303)
    for _, answer in ipairs(lost) do
      shape.page(answer, 400)
    end
  end)

  it("an app's name is taken once", function()
    local _, lost = winner(at_once({ one, two }, 20, function()
      local body = { name = "Two Processes", redirect_uris = { flow.REDIRECT } }
      return "POST", "/idp/apps", { json = body, bearer = world.user.api_key }
    end), 200)
    for _, answer in ipairs(lost) do
      shape.detail(answer, 409)
    end
  end)

  it("give a name, and what looks like it, to one app alone", function()
    local shapes = { "l", "I", "1" } -- three strokes that are one to the eye
    local function named(i)
      local a, b, c = (i - 1) % 3 + 1, math.floor((i - 1) / 3) % 3 + 1, math.floor((i - 1) / 9) + 1
      local name = ("Bo%s%s Mi%s"):format(shapes[a], shapes[b], shapes[c])
      return "POST", "/idp/apps", { json = { name = name, redirect_uris = { flow.REDIRECT } },
        bearer = world.user.api_key }
    end
    local won, lost = winner(at_once({ one, two }, 27, named), 200)
    for _, answer in ipairs(lost) do
      shape.detail(answer, 409)
      assert.matches("looks like this one", answer.json.detail)
    end
    shape.ok(http.request(two, "DELETE", "/idp/apps/" .. won.json.app_id, { bearer = world.user.api_key }))
    winner(at_once({ one, two }, 27, named), 200)
  end)

  -- design.md: a revocation is gone from every worker before it is answered, and from every other node within a second.
  it("a revocation reaches the other's memory within a second", function()
    for _ = 1, 3 do
      local tokens = flow.tokens(one, world.app, world.cookie)
      for _ = 1, 3 do
        assert.is_true(flow.is_active(two, tokens.access_token))
      end
      shape.ok(http.post(one, "/idp/token/revoke", { form = { token = tokens.access_token } }))
      local answered = sys.now()
      http.ask_until(flow.is_active, shape.is_false, two, tokens.access_token)
      assert.is_true(sys.now() - answered < 1 + 0.2 * (server_helper.patience - 1))
      assert.is_false(flow.is_active(two, tokens.access_token))
    end
  end)
end)
