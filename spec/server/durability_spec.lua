-- What was answered with 200 survives kill -9 right after.
local flow = require "helpers.flow"
local http = require "helpers.http"
local server_helper = require "helpers.server"
local shape = require "helpers.shape"
local sys = require "helpers.sys"

local ROUNDS, CLIENTS = 8, 12

describe("kill -9", function()
  local state
  before_each(function()
    state = sys.directory()
  end)
  after_each(function()
    sys.run { "rm", "-rf", state }
  end)

  -- Sends all at once and kills the server when the first good answer is here; what else was answered by then.
  local function answers_until_killed(server, count, send)
    local connections, streams, answers = {}, {}, {}
    for i = 1, count do
      connections[i] = http.connect(server)
    end
    for i = 1, count do
      streams[i] = send(i, connections[i])
    end
    for i = 1, count do
      local ok, answer = pcall(connections[i].receive, connections[i], streams[i])
      answers[i] = ok and answer or nil
      if ok then
        server:kill()
      end
    end
    return answers
  end

  local function count_of(answers, total)
    local good = 0
    for i = 1, total do
      good = good + (answers[i] and answers[i].status == 200 and 1 or 0)
    end
    return good
  end

  it("loses no exchange that was answered, and no code can be used again", function()
    local answered = 0
    for _ = 1, ROUNDS do
      local server = server_helper.start { state = state }
      local world = flow.world(server)
      local codes = {}
      for i = 1, CLIENTS do
        codes[i] = flow.code(server, world.app, world.cookie)
      end
      local answers = answers_until_killed(server, CLIENTS, function(i, connection)
        return connection:send("POST", "/idp/token", { form = flow.code_form(world.app, codes[i]) })
      end)
      assert.is_true(count_of(answers, CLIENTS) > 0)
      server = server_helper.start { state = state }
      for i = 1, CLIENTS do
        if answers[i] then
          shape.ok(answers[i])
          assert.is_true(flow.is_active(server, answers[i].json.access_token))
          shape.oauth_error(flow.token(server, flow.code_form(world.app, codes[i])), 400, "invalid_grant")
          answered = answered + 1
        end
      end
      server:stop()
    end
    assert.is_true(answered >= ROUNDS)
  end)

  it("loses no revocation, rotation, app or sign-in", function()
    for _ = 1, ROUNDS / 2 do
      local server = server_helper.start { state = state }
      local world = flow.world(server)
      local tokens = {}
      for i = 1, CLIENTS do
        tokens[i] = flow.tokens(server, world.app, world.cookie)
      end
      local answers = answers_until_killed(server, CLIENTS, function(i, connection)
        if i % 3 == 0 then
          return connection:send("POST", "/idp/token/revoke", { form = { token = tokens[i].access_token } })
        elseif i % 3 == 1 then
          return connection:send("POST", "/idp/token", { form = flow.refresh_form(world.app, tokens[i].refresh_token) })
        end
        return connection:send("POST", "/idp/apps", {
          json = { name = "Durable " .. tokens[i].access_token:sub(5, 26), redirect_uris = { flow.REDIRECT } },
          bearer = world.user.api_key,
        })
      end)
      server = server_helper.start { state = state }
      for i = 1, CLIENTS do
        local answer = answers[i]
        if answer then
          shape.ok(answer)
        end
        if answer and i % 3 == 0 then
          assert.is_false(flow.is_active(server, tokens[i].access_token))
        elseif answer and i % 3 == 1 then
          assert.is_true(flow.is_active(server, answer.json.access_token))
          assert.is_false(flow.is_active(server, tokens[i].refresh_token))
        elseif answer then
          shape.ok(http.get(server, "/idp/apps/" .. answer.json.app_id, { bearer = world.user.api_key }))
        end
      end
      shape.ok(http.get(server, "/idp/apps?user_id=me", { cookie = world.cookie }))
      server:stop()
    end
  end)
end)
