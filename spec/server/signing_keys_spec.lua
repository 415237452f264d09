-- Signing keys: made once, sealed, shared, rotated while servers run; published before they sign and after.
local cjson = require "cjson.safe"

local cli = require "helpers.cli"
local database = require "helpers.database"
local flow = require "helpers.flow"
local http = require "helpers.http"
local jose = require "helpers.jose"
local server_helper = require "helpers.server"
local sys = require "helpers.sys"

local function kids(server)
  local found = {}
  for _, jwk in ipairs(jose.jwks(server)) do
    found[jwk.kid] = jwk.alg
  end
  return found
end

local function count(map)
  local n = 0
  for _ in pairs(map) do
    n = n + 1
  end
  return n
end

describe("Signing keys", function()
  it("are the same after a restart, and on a second server", function()
    local state = sys.directory()
    local one = server_helper.start { state = state }
    local before = kids(one)
    assert.equal(3, count(before))
    local two = server_helper.start { state = state }
    assert.same(before, kids(two))
    one:stop()
    two:stop()
    local again = server_helper.start { state = state }
    assert.same(before, kids(again))
    again:stop()
    sys.run { "rm", "-r", state }
  end)

  it("are made once by two servers that start at the same moment", function()
    local state = sys.directory()
    local started = {}
    for i = 1, 2 do
      started[i] = server_helper.launch { state = state }
    end
    for _, server in ipairs(started) do
      local line
      repeat
        line = assert(server.process:line(20 * server_helper.patience))
        server.port = line:match("listening on https?://[%d%.]+:(%d+)")
      until server.port
      server.port, server.scheme = tonumber(server.port), "http"
    end
    assert.same(kids(started[1]), kids(started[2]))
    assert.equal(3, #cli.ask(state, "keys", "list"))
    for _, server in ipairs(started) do
      server:stop()
    end
    sys.run { "rm", "-r", state }
  end)

  it("rotate on command: published at once, signing after the lead, on every server, without a restart", function()
    local state = sys.directory()
    local settings = { lifetimes = { key_lead = 5 } }
    local one = server_helper.start { state = state, settings = settings }
    local two = server_helper.start { state = state, settings = settings }
    local world = flow.world(one)
    local app = flow.app(one, world.user, { id_token_signed_response_alg = "ES256" })
    local function token_of(server)
      return flow.tokens(server, app, world.cookie, { scope = "openid" }).id_token
    end
    local old = token_of(one)
    local next_key
    for _, key in ipairs(cli.ask(state, "keys", "rotate", "--config", one.settings_file)) do
      next_key = key.alg == "ES256" and key.state == "published" and key or next_key
    end
    local function utc(time)
      return os.date("!%Y-%m-%dT%H:%M:%SZ", time)
    end
    for _, server in ipairs { one, two } do
      local seen = http.ask_until(kids, function(found)
        return found[next_key.key_id] ~= nil
      end, server)
      assert.is_truthy(seen[next_key.key_id])
      assert.is_true(utc(os.time()) < next_key.active_from, "it was not published before its time")
    end
    for _, server in ipairs { one, two } do
      http.ask_until(token_of, function(token)
        local header, claims = jose.verified(server, token)
        local is_next = header.kid == next_key.key_id
        assert.is_true(not is_next or utc(claims.iat) >= next_key.active_from, "it signed before its time")
        return is_next
      end, server)
      jose.verified(server, old) -- the old key stays published
    end
    one:stop()
    two:stop()
    sys.run { "rm", "-r", state }
  end)

  it("rotate by age", function()
    local server = server_helper.start { settings = { lifetimes = { key = 3, key_lead = 1 } } }
    local before = kids(server)
    local after = http.ask_until(kids, function(found)
      return count(found) >= 6
    end, server)
    for kid in pairs(before) do
      assert.is_truthy(after[kid])
    end
    server:stop()
  end)

  it("rotate at once with --now", function()
    local state = sys.directory()
    cli.ask(state, "keys", "rotate", "--now")
    local signing = 0
    for _, key in ipairs(cli.ask(state, "keys", "list")) do
      signing = signing + (key.state == "signs" and 1 or 0)
    end
    assert.equal(3, signing)
    sys.run { "rm", "-r", state }
  end)

  it("do not lie open in the database, and do not open with another secret", function()
    local state = sys.directory()
    local server = server_helper.start { state = state }
    server:stop()
    if not database.of(state) then
      local bytes = sys.read_file(state .. "/moonlatch.db")
      assert.is_nil(bytes:find("\48\130\4", 1, true)) -- a PKCS#8 of RSA begins so
    end
    local refused = server_helper.launch { state = state, env = { MOONLATCH_SECRET = server_helper.SECRET } }
    local code, said = refused:refusal()
    assert.equal(1, code)
    assert.matches("same secret", said, 1, true)
    local rotated, _, why = sys.run({ server_helper.binary, "keys", "rotate", "--state", state },
      { env = server_helper.environment({ MOONLATCH_SECRET = server_helper.SECRET }, state) })
    assert.equal(1, rotated)
    assert.matches("same secret", why, 1, true)
    local anew = sys.run({ server_helper.binary, "keys", "rotate", "--anew", "--state", state },
      { env = server_helper.environment({ MOONLATCH_SECRET = server_helper.SECRET }, state) })
    assert.equal(0, anew)
    server = server_helper.start { state = state, env = { MOONLATCH_SECRET = server_helper.SECRET } }
    assert.equal(3, count(kids(server)))
    server:stop()
    sys.run { "rm", "-r", state }
  end)

  it("say in JWKS for how long they may be kept: half of the lead", function()
    local server = server_helper.start { settings = { lifetimes = { key_lead = 100 } } }
    assert.equal("public, max-age=50", http.get(server, "/idp/jwks").headers["cache-control"])
    assert.is_truthy(cjson.decode(http.get(server, "/idp/jwks").body).keys)
    server:stop()
  end)
end)
