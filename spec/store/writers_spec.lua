-- Writers that touch the same rows, against each other and in every order: afterwards each row's owners are there, and
-- what is kept counted is counted right (helpers/truth.lua). On PostgreSQL each meeting is brought about: a transaction
-- of ours holds what they need, the first runs until it waits (for us, in the midst of its batch), then the next, then
-- all go on. On SQLite, which has one writer, they are sent at once, several times.
local cqueues = require "cqueues"

local database = require "helpers.database"
local flow = require "helpers.flow"
local http = require "helpers.http"
local server_helper = require "helpers.server"
local sys = require "helpers.sys"
local truth = require "helpers.truth"

local ROUNDS = 3 -- on SQLite
local WAIT_S = 15 * server_helper.patience
local GRANTS = { "authorization_code", "refresh_token",
  "urn:ietf:params:oauth:grant-type:device_code" }

local server, world, of, gatekeeper, watcher

local owner, guest

-- An owner's fresh app, and a guest who is signed in and has allowed it something, if somebody takes that back. Those
-- whom nobody deletes come again.
local function stage(list)
  owner, guest = owner or flow.user(server), guest or flow.user(server)
  local at = { owner = owner, guest = guest, consents = {} }
  at.app = flow.app(server, owner, { public = true, grant_types = GRANTS })
  at.cookie = flow.sign_in(server, at.app, guest)
  if table.concat(list, " "):find("revoke", 1, true) then
    flow.code(server, at.app, at.cookie)
  end
  for i, name in ipairs(list) do
    at.consents[i] = name == "approve" and flow.session_id(server, at.app, at.cookie) or ""
    owner = name ~= "delete_owner" and owner or nil
    guest = name ~= "delete_guest" and guest or nil
  end
  return at
end

local function patch(fields)
  return function(at)
    return http.request(server, "PATCH", "/idp/apps/" .. at.app.app_id, { bearer = at.owner.api_key, json = fields })
  end
end

-- moonlatch …, as a process whose end is awaited without holding up the others.
local function command(...)
  local words = { server_helper.binary, ... }
  table.insert(words, "--state")
  table.insert(words, server.state)
  local process = sys.spawn(words, { env = server_helper.environment(nil, server.state), stderr = "/dev/null" })
  local code
  repeat
    cqueues.sleep(0.01) -- to ask whether it has ended
    code = process:wait(0)
  until code
  return { status = code == 0 and 200 or 400, body = "exit " .. code }
end

local writers = {
  approve = function(at, i)
    return flow.consent(server, at.consents[i], at.cookie, "approve")
  end,
  revoke = function(at)
    return http.request(server, "DELETE", "/idp/authorizations/" .. at.app.app_id, { bearer = at.guest.api_key })
  end,
  hide = patch { public = false },
  show = patch { public = true },
  describe = patch { description = "Another." },
  switch_off = patch { active = false },
  delete_app = function(at)
    return http.request(server, "DELETE", "/idp/apps/" .. at.app.app_id, { bearer = at.owner.api_key })
  end,
  make_app = function(at)
    return http.post(server, "/idp/apps", { bearer = at.guest.api_key,
      json = { name = "Made with " .. at.app.app_id, redirect_uris = { flow.REDIRECT } } })
  end,
  share = function(at)
    return http.post(server, ("/idp/apps/%s/share"):format(at.app.app_id), { bearer = at.owner.api_key,
      json = { app_id_or_name = at.app.app_id, user_id_or_name = at.guest.user_id } })
  end,
  ask_device = function(at)
    return http.post(server, "/idp/device_authorization", { form = { client_id = at.app.client_id,
      client_secret = at.app.client_secret, scope = "profile" } })
  end,
  sign_in = function(at)
    return flow.login(server, world.app, at.guest)
  end,
  make_key = function(at)
    return command("key", "create", at.guest.username)
  end,
  delete_guest = function(at)
    return command("user", "delete", at.guest.username)
  end,
  delete_owner = function(at)
    return command("user", "delete", at.owner.username)
  end,
}

-- What our transaction holds: rows that a batch asks for first, or a table that it writes in its midst.
local gates = {
  counts = function()
    return "SELECT FROM app_counts FOR UPDATE"
  end,
  app = function(at)
    return ("SELECT FROM apps WHERE app_id = '%s' FOR UPDATE"):format(at.app.app_id)
  end,
  guest = function(at)
    return ("SELECT FROM users WHERE user_id = '%s' FOR UPDATE"):format(at.guest.user_id)
  end,
}
for _, name in ipairs { "apps", "app_shares", "authorizations", "grants", "api_keys", "sessions", "device_codes" } do
  gates[name .. " written"] = function()
    return ("LOCK TABLE %s IN EXCLUSIVE MODE"):format(name)
  end
end

-- { the writers, the gates }
local meetings = {
  { { "hide", "describe" }, { "counts", "app" } },
  { { "hide", "show" }, { "counts", "app", "apps written" } },
  { { "hide", "switch_off" }, { "counts", "app", "apps written" } },
  { { "hide", "delete_app" }, { "counts", "app", "apps written" } },
  { { "hide", "delete_owner" }, { "app", "apps written" } },
  { { "hide", "make_app" }, { "counts", "apps written" } },
  { { "make_app", "delete_guest" }, { "guest", "apps written" } },
  { { "approve", "revoke" }, { "app", "authorizations written", "grants written" } },
  { { "revoke", "revoke", "approve" }, { "app", "authorizations written" } },
  { { "approve", "approve", "revoke" }, { "app" } },
  { { "approve", "switch_off" }, { "app", "grants written" } },
  { { "approve", "delete_app" }, { "app", "authorizations written", "grants written" } },
  { { "approve", "delete_owner" }, { "app", "grants written" } },
  { { "approve", "delete_guest" }, { "guest", "grants written" } },
  { { "revoke", "delete_app" }, { "app", "authorizations written" } },
  { { "revoke", "delete_guest" }, { "app", "authorizations written" } },
  { { "share", "share" }, { "app", "app_shares written" } },
  { { "share", "delete_app" }, { "app", "app_shares written" } },
  { { "share", "delete_guest" }, { "guest", "app_shares written" } },
  { { "ask_device", "delete_app" }, { "app", "device_codes written" } },
  { { "sign_in", "delete_guest" }, { "guest", "sessions written" } },
  { { "make_key", "delete_guest" }, { "guest", "api_keys written" } },
}

local function orders(list)
  if #list < 2 then
    return { list }
  end
  local found, seen = {}, {}
  for i, first in ipairs(list) do
    if not seen[first] then
      seen[first] = true
      local rest = {}
      for j, other in ipairs(list) do
        rest[#rest + 1] = j ~= i and other or nil
      end
      for _, order in ipairs(orders(rest)) do
        found[#found + 1] = { first, unpack(order) }
      end
    end
  end
  return found
end

-- Runs them as coroutines; begin(i) says when the next may begin.
local function run(at, order, begun)
  local queue, answers, done = cqueues.new(), {}, 0
  for i, name in ipairs(order) do
    queue:wrap(function()
      answers[i] = writers[name](at, i)
      done = done + 1
    end)
    begun(queue, i, function()
      return done
    end)
  end
  assert(queue:loop(WAIT_S))
  assert.equal(#order, done, "some did not end")
  for i, answer in ipairs(answers) do
    assert.is_true(answer.status < 500, order[i] .. ": " .. answer.status .. " " .. answer.body)
  end
end

local WAITING = [[SELECT count(*) FROM pg_stat_activity
  WHERE application_name = 'writers' AND wait_event_type = 'Lock']]

-- A psql that stays; what it says to each question.
local function psql_open()
  return sys.spawn({ "psql", "--quiet", "--no-psqlrc", "--tuples-only", "--no-align", of(server.state) },
    { stdin = true })
end

local function psql_ask(psql, sql)
  local said = {}
  psql:write(sql .. ";\n\\echo done\n")
  repeat
    said[#said + 1] = assert(psql:line(10), "psql does not answer: " .. sql)
  until said[#said] == "done"
  return said[1]
end

local function waiting()
  return tonumber(psql_ask(watcher, WAITING))
end

local function meet(at, order, gate)
  psql_ask(gatekeeper, "BEGIN; " .. gates[gate](at))
  run(at, order, function(queue, i, done)
    local deadline = sys.now() + WAIT_S
    repeat
      assert(queue:step(0.005))
      assert(sys.now() < deadline, order[i] .. " neither waits nor ends")
    until done() + waiting() >= i
    if i == #order then
      psql_ask(gatekeeper, "COMMIT")
    end
  end)
end

local function no_deadlock()
  local text = server:log_text()
  assert.is_nil(text:find("40P01", 1, true), text:match("[^\n]*40P01[^\n]*"))
end

describe("Writers of the same rows", function()
  setup(function()
    of = database.of
    if database.postgres then
      database.of = function(state)
        return state and of(state) .. "&application_name=writers"
      end
    end
    server = server_helper.start { policies = server_helper.unlimited() }
    world = flow.world(server)
    if database.postgres then
      gatekeeper, watcher = psql_open(), psql_open()
    end
  end)
  teardown(function()
    server:stop()
    database.of = of
    for _, psql in ipairs { gatekeeper, watcher } do
      psql:close_stdin()
      psql:wait()
    end
  end)

  for _, meeting in ipairs(meetings) do
    local list, held = unpack(meeting)
    it(table.concat(list, ", "), function()
      for _, order in ipairs(orders(list)) do
        if database.postgres then
          for _, gate in ipairs(held) do
            meet(stage(order), order, gate)
          end
        else
          for _ = 1, ROUNDS do
            run(stage(order), order, function() end)
          end
        end
      end
      truth.check(server)
      no_deadlock()
    end)
  end
end)
