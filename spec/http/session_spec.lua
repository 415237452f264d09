-- An SSO session: for how long it is one.
local flow = require "helpers.flow"
local http = require "helpers.http"
local lock = require "helpers.lock"
local server_helper = require "helpers.server"
local shape = require "helpers.shape"

local base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

local function crc32(text)
  local crc = bit.bnot(0)
  for byte in text:gmatch(".") do
    crc = bit.bxor(crc, byte:byte())
    for _ = 1, 8 do
      crc = bit.bxor(bit.rshift(crc, 1), bit.band(0xedb88320, -bit.band(crc, 1)))
    end
  end
  return bit.bnot(crc) % 2 ^ 32
end

-- The same id and secret under another prefix, with the check that belongs to it (contract §2).
local function as_kind(prefix, token)
  local body, check = prefix .. token:match("^%a+(_.*)......$"), ""
  local rest = crc32(body)
  for _ = 1, 6 do
    check = base62:sub(rest % 62 + 1, rest % 62 + 1) .. check
    rest = math.floor(rest / 62)
  end
  return body .. check
end

describe("An SSO session", function()
  it("is proved by a token of its kind, not by one that names the same and is another kind's", function()
    local server = server_helper.start()
    local world = flow.world(server)
    local name, token = world.cookie:match("^([^=]+)=(.+)$")
    local function ask(presented)
      return http.get(server, "/idp/apps", { cookie = name .. "=" .. presented })
    end
    assert.equal(token, as_kind("cst", token))
    shape.ok(ask(token))
    for _, prefix in ipairs { "cak", "crt", "cpk" } do
      shape.detail(ask(as_kind(prefix, token)), 401)
      assert.equal(401, http.get(server, "/idp/userinfo", { bearer = as_kind(prefix, token) }).status)
    end
    server:stop()
  end)

  it("ends when its time is up, though its row may be there still", function()
    local server = server_helper.start()
    local world = flow.world(server)
    local function ask(more)
      return flow.authorize(server, world.app, more, { cookie = world.cookie })
    end
    assert.equal(302, ask().status)
    shape.ok(http.get(server, "/idp/apps", { cookie = world.cookie }))
    -- A second that the clean-up, which takes what is over for longer, leaves alone.
    lock.change(server, "UPDATE sessions SET expires_at = " .. os.time() + 2)
    shape.page(http.ask_until(ask, shape.is_ok), 200)
    shape.error_redirect(ask { prompt = "none" }, 302, flow.request(world.app), "login_required", server.issuer)
    shape.detail(http.get(server, "/idp/apps", { cookie = world.cookie }), 401)
    assert.equal(302, http.get(server, "/account", { cookie = world.cookie }).status)
    server:stop()
  end)
end)
