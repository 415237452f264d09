-- The public clients of this API, call by call as their sources make them, and what they use of the answers:
-- chutesai/Vibe-Sign-in-with-Chutes (scripts/*.ts, packages/nextjs/lib/chutesAuth.ts), chutesai/n8n-nodes-chutes
-- (scripts/setup-oauth.ts, the credential) and chutesai/chutes (chutes login, util/auth.py).
local cjson = require "cjson.safe"
local digest = require "openssl.digest"

local flow = require "helpers.flow"
local http = require "helpers.http"
local server_helper = require "helpers.server"
local shape = require "helpers.shape"
local wallet = require "helpers.wallet"

local CALLBACK = "http://localhost:3000/api/auth/chutes/callback"

describe("The public clients of this API", function()
  local server, user
  lazy_setup(function()
    server = server_helper.start()
    user = flow.user(server, { hotkey = wallet.address("//Public"), roles = { "staff", "unlimited_dev" } })
  end)
  lazy_teardown(function()
    server:stop()
  end)

  local function hex(text)
    return (text:gsub(".", function(byte) return ("%02x"):format(byte:byte()) end))
  end

  -- setup-chutes-app.ts and register-oauth-app.ts: registerOAuthApp
  local function register(more)
    local body = { name = "My App", description = "OAuth app for My App", homepage_url = "http://localhost:3000",
      redirect_uris = { CALLBACK }, allowed_scopes = { "openid", "profile", "chutes:invoke" } }
    for name, value in pairs(more or {}) do
      body[name] = value
    end
    return http.post(server, "/idp/apps", { bearer = user.api_key, json = body })
  end

  it("see whether an API key is good (verifyApiKey)", function()
    local answer = http.get(server, "/users/me", { bearer = user.api_key })
    shape.ok(answer)
    shape.no_store(answer)
    local me = answer.json
    assert.matches("^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%dZ$", me.created_at)
    table.sort(me.roles)
    assert.same({ user_id = user.user_id, username = user.username, hotkey = wallet.address("//Public"),
      roles = { "staff", "unlimited_dev" }, created_at = me.created_at }, me)
    shape.detail(http.get(server, "/users/me", { bearer = user.api_key .. "x" }), 401)
    shape.detail(http.get(server, "/users/me"), 401)
    assert.equal(cjson.null, http.get(server, "/users/me", { bearer = flow.user(server).api_key }).json.hotkey)
    assert.equal(405, http.post(server, "/users/me", { json = {}, bearer = user.api_key }).status)
  end)

  it("see whether the server is there (verify-setup.ts)", function()
    shape.ok(http.get(server, "/.well-known/openid-configuration"))
  end)

  it("make an app and sign people in (chutesAuth.ts)", function()
    local made = register()
    shape.ok(made)
    local app = made.json
    assert.matches("^cid_", app.client_id)
    assert.matches("^csc_", app.client_secret)
    assert.is_string(app.app_id)

    local pkce = flow.pkce()
    local cookie = flow.sign_in(server, app, user)
    local code = flow.code(server, app, cookie, { scope = "openid profile chutes:invoke", state = ("0f"):rep(16),
      code_challenge = pkce.challenge, code_challenge_method = "S256" })
    local function token(form)
      form.client_id, form.client_secret = app.client_id, app.client_secret
      return http.post(server, "/idp/token", { form = form })
    end
    local answer = token { grant_type = "authorization_code", code = code, redirect_uri = CALLBACK,
      code_verifier = pkce.verifier }
    shape.ok(answer)
    local tokens = answer.json
    assert.equal("Bearer", tokens.token_type)
    assert.is_number(tokens.expires_in)
    local again = token { grant_type = "authorization_code", code = "x", redirect_uri = CALLBACK, code_verifier = "x" }
    assert.equal(400, again.status)
    assert.is_string(again.json.error_description)

    local function get(path, access_token)
      return http.get(server, path, { bearer = access_token })
    end
    local info = get("/idp/userinfo", tokens.access_token).json -- fetchUserInfo
    assert.same({ user.user_id, user.username }, { info.sub, info.username })
    assert.is_string(info.created_at)
    assert.is_false(get("/users/me", tokens.access_token).status == 200) -- fetchDetailedUserInfo: null, and goes on
    local refreshed = token { grant_type = "refresh_token", refresh_token = tokens.refresh_token }
    shape.ok(refreshed)
    assert.is_string(refreshed.json.access_token)
    assert.is_string(refreshed.json.refresh_token)

    local detailed = flow.tokens(server, app, cookie, { scope = "account:read" })
    assert.equal(user.username, get("/users/me", detailed.access_token).json.username)
  end)

  it("say null where the reference has … | null", function()
    local app = register { name = "Nulls", refresh_token_lifetime_days = cjson.null, public = cjson.null,
      logo_url = cjson.null, description = cjson.null }
    shape.ok(app)
    assert.equal(30, app.json.refresh_token_lifetime_days)
    local before = http.get(server, "/idp/apps/" .. app.json.app_id, { bearer = user.api_key }).json
    local after = http.request(server, "PATCH", "/idp/apps/" .. app.json.app_id, { bearer = user.api_key,
      json = { name = cjson.null, redirect_uris = cjson.null, active = cjson.null, public = cjson.null,
        refresh_token_lifetime_days = cjson.null, allowed_scopes = cjson.null, homepage_url = before.homepage_url } })
    shape.ok(after)
    for name, value in pairs(before) do -- of the app as it is seen
      assert.same(name == "updated_at" and after.json[name] or value, after.json[name], name)
    end
  end)

  it("list as Python writes it, with slashes at the end, and ask for more than there may be", function()
    for _, query in ipairs { "?include_public=False&include_shared=True&limit=1000", "?include_public=no&page=0",
                             "?include_shared=yes&include_public=off", "" } do
      for _, slash in ipairs { "", "/" } do
        local answer = http.get(server, "/idp/apps" .. slash .. query, { bearer = user.api_key })
        shape.ok(answer)
        assert.equal(answer.json.total, #answer.json.items)
        assert.equal(query:find("1000", 1, true) and 100 or 25, answer.json.limit)
      end
    end
    for path, status in pairs { ["/idp/authorizations/?limit=101"] = 200, ["/users/me/"] = 200, ["/idp/scopes/"] = 200,
                                ["/idp/apps//"] = 404, ["//idp/apps"] = 404, ["/idp/apps/%2f"] = 404,
                                ["/idp/apps/nothing/"] = 404 } do
      assert.equal(status, http.get(server, path, { bearer = user.api_key }).status, path)
    end
    shape.ok(register { name = "Slash" })
    local answer = http.post(server, "/idp/apps/", { bearer = user.api_key, json = { name = "Slashes",
      redirect_uris = { CALLBACK } } })
    shape.ok(answer)
    answer = http.request(server, "DELETE", "/idp/apps/" .. answer.json.app_id .. "/", { bearer = user.api_key })
    shape.ok(answer)
    assert.is_true(answer.json.deleted)
  end)

  it("sign in from a command line (chutes login)", function()
    local nonce = http.get(server, "/idp/cli_login/nonce").json.nonce
    local signed = wallet.sign { seed = "//Public", message = nonce }
    local answer = http.get(server, "/idp/cli_login?" .. http.form { hotkey = signed.address, nonce = nonce,
      signature = signed.signature:gsub("^0x", "") })
    assert.equal(302, answer.status)
    assert.matches("^cst_", answer.cookies[flow.COOKIE]:match("=(%w+_)"))
  end)

  it("sign requests with the hotkey (sign_request)", function()
    local function headers(last)
      local hotkey, nonce = wallet.address("//Public"), tostring(os.time())
      local signature = wallet.sign({ seed = "//Public", message = hotkey .. ":" .. nonce .. ":" .. last }).signature
      return { ["x-chutes-userid"] = user.user_id, ["x-chutes-hotkey"] = hotkey, ["x-chutes-nonce"] = nonce,
        ["x-chutes-signature"] = signature:sub(3) }
    end
    local text = cjson.encode { name = "Signed", redirect_uris = { CALLBACK } }
    local hash = hex(digest.new("sha256"):final(text))
    local answer = http.post(server, "/idp/apps", { json = text, headers = headers(hash) })
    shape.ok(answer)
    assert.equal("Signed", answer.json.name)
    for _, path in ipairs { "/users/me", "/users/me/" } do -- signed is the path as it is sent
      assert.equal(user.user_id, http.get(server, path, { headers = headers("idp:GET:" .. path) }).json.user_id)
    end
  end)
end)
