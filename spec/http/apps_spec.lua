local cjson = require "cjson"
local digest = require "openssl.digest"

local flow = require "helpers.flow"
local http = require "helpers.http"
local lock = require "helpers.lock"
local server_helper = require "helpers.server"
local shape = require "helpers.shape"
local wallet = require "helpers.wallet"

local UUID = "^%x+%-%x+%-%x+%-%x+%-%x+$"
local TIME = "^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%dZ$"

describe("apps", function()
  local server, user, developer
  lazy_setup(function()
    server = server_helper.start()
    user = flow.user(server, { hotkey = wallet.address("//Apps") })
    developer = flow.user(server, { roles = { "unlimited_dev" } })
  end)
  lazy_teardown(function()
    server:stop()
  end)

  local names = 0
  local function body(more)
    names = names + 1
    local fields = { name = "Spec app " .. names, redirect_uris = { "https://app.example/cb" } }
    for name, value in pairs(more or {}) do
      fields[name] = value
    end
    return fields
  end

  local function create(more, options)
    options = options or { bearer = user.api_key }
    options.json = body(more)
    return http.post(server, "/idp/apps", options)
  end

  local function get(id, options)
    return http.get(server, "/idp/apps/" .. id, options or { bearer = user.api_key })
  end

  describe("POST /idp/apps", function()
    it("makes an app and shows its secret once", function()
      local fields = {
        description = "Draws maps", homepage_url = "https://app.example/", logo_url = "https://app.example/l.png",
        public = false, refresh_token_lifetime_days = 7, allowed_scopes = { "openid", "chutes:read" },
        redirect_uris = { "https://app.example/cb", "http://localhost:3000/cb", "com.example.app:/cb" },
      }
      local answer = create(fields)
      shape.ok(answer)
      shape.no_store(answer)
      local app = answer.json
      assert.matches(UUID, app.app_id)
      assert.matches("^cid_" .. ("[a-z0-9]"):rep(24) .. "$", app.client_id)
      assert.matches("^csc_" .. ("%w"):rep(48) .. "$", app.client_secret)
      assert.matches(TIME, app.created_at)
      assert.equal(user.user_id, app.user_id)
      assert.is_true(app.active)
      for name, value in pairs(fields) do
        assert.same(value, app[name], name)
      end
      local secret = app.client_secret
      app.client_secret = nil
      local again = get(app.app_id)
      shape.ok(again)
      shape.no_store(again)
      assert.same(app, again.json)
      assert.same(app, get(app.client_id).json)
      assert.is_nil(again.body:find(secret, 1, true))
    end)

    it("gives a public client no secret, when it is made or later", function()
      local answer = create({ token_endpoint_auth_method = "none" })
      shape.ok(answer)
      assert.is_nil(answer.body:find("client_secret\"", 1, true))
      local path = "/idp/apps/" .. answer.json.app_id
      shape.detail(http.post(server, path .. "/regenerate-secret", { bearer = user.api_key }), 409)
      local changed = http.request(server, "PATCH", path,
        { bearer = user.api_key, json = { token_endpoint_auth_method = "client_secret_basic" } })
      shape.ok(changed)
      local given = http.post(server, path .. "/regenerate-secret", { bearer = user.api_key })
      shape.ok(given)
      shape.ok(http.post(server, "/idp/token/introspect",
        { form = { token = "x" }, basic = { given.json.client_id, given.json.client_secret } }))
    end)

    it("takes no redirect URI whose host or port is none", function()
      for _, uri in ipairs { "https://a;sandbox/cb", "https://*/cb", "https://]/cb", "https://%/cb", "https://a,b/cb",
                             "https://a'b/cb", "http://localhost:99999/", "http://127.0.0.1:65536/cb",
                             "https://[::1/cb", "https://[x]/cb", "com.example.app://a;b/cb" } do
        shape.invalid(create({ redirect_uris = { uri } }), { { "body", "redirect_uris", 0, "url" } })
        shape.invalid(create({ post_logout_redirect_uris = { uri } }),
          { { "body", "post_logout_redirect_uris", 0, "url" } })
      end
      shape.invalid(create({ homepage_url = "https://a;b/", logo_url = "https://*/" }),
        { { "body", "homepage_url", "url" }, { "body", "logo_url", "url" } })
    end)

    it("has defaults", function()
      local app = create().json
      assert.is_true(app.public)
      assert.equal(30, app.refresh_token_lifetime_days)
      assert.same({}, app.allowed_scopes)
      for _, name in ipairs { "description", "homepage_url", "logo_url" } do
        assert.equal(cjson.null, app[name])
      end
    end)

    it("writes empty lists as lists", function()
      assert.matches('"allowed_scopes":[]', create().body, 1, true)
    end)

    it("accepts null where nothing is meant, and ignores unknown fields", function()
      local made = create({ homepage_url = cjson.null, logo_url = cjson.null, description = cjson.null, colour = "red",
        refresh_token_lifetime_days = cjson.null, public = cjson.null, allowed_scopes = cjson.null, active = cjson.null,
        token_endpoint_auth_method = cjson.null, grant_types = cjson.null })
      shape.ok(made)
      assert.same({ 30, true, true, {} }, { made.json.refresh_token_lifetime_days, made.json.public, made.json.active,
        made.json.allowed_scopes })
    end)

    it("takes letters of every script in a name", function()
      local answer = create({ name = "Éclair 東京_-. Ω" })
      shape.ok(answer)
      assert.equal("Éclair 東京_-. Ω", answer.json.name)
    end)

    it("keeps names unique regardless of case", function()
      shape.ok(create({ name = "Unique Émile" }))
      shape.detail(create({ name = "uNIQUE éMILE" }), 409)
      shape.detail(create({ name = "Unique Émile" }, { bearer = developer.api_key }), 409)
    end)

    it("names every failing field in one answer", function()
      local answer = http.post(server, "/idp/apps", { bearer = user.api_key, json = [[{
        "name": "ab", "redirect_uris": ["https://ok.example/", "nonsense", 7, "http://app.example/",
        "https://x.example/#f", "javascript:alert(1)", "https://u@x.example/"],
        "homepage_url": "ftp://x.example/", "logo_url": 7, "public": "yes", "refresh_token_lifetime_days": 366,
        "allowed_scopes": "openid", "description": 1 }]] })
      assert.equal(422, answer.status)
      local found = {}
      for _, item in ipairs(answer.json.detail) do
        found[table.concat(item.loc, ".")] = item.type
      end
      assert.same({
        ["body.name"] = "string_too_short",
        ["body.description"] = "string_type",
        ["body.redirect_uris.1"] = "url",
        ["body.redirect_uris.2"] = "string_type",
        ["body.redirect_uris.3"] = "url",
        ["body.redirect_uris.4"] = "url",
        ["body.redirect_uris.5"] = "url",
        ["body.redirect_uris.6"] = "url",
        ["body.homepage_url"] = "url",
        ["body.logo_url"] = "string_type",
        ["body.public"] = "bool_parsing",
        ["body.refresh_token_lifetime_days"] = "int_range",
        ["body.allowed_scopes"] = "list_type",
      }, found)
    end)

    local one_field = {
      { "name missing", { name = cjson.null }, { "body", "name", "missing" } },
      { "name too long", { name = ("n"):rep(65) }, { "body", "name", "string_too_long" } },
      { "name with a slash", { name = "a/b/c" }, { "body", "name", "string_pattern" } },
      { "name with a newline", { name = "abc\ndef" }, { "body", "name", "string_pattern" } },
      { "name of an emoji", { name = "abc 🙂" }, { "body", "name", "string_pattern" } },
      { "no redirect_uris", { redirect_uris = cjson.empty_array or {} }, nil },
      { "eleven redirect_uris", { redirect_uris = { "https://a.example/1", "https://a.example/2", "https://a.example/3",
        "https://a.example/4", "https://a.example/5", "https://a.example/6", "https://a.example/7",
        "https://a.example/8",
        "https://a.example/9", "https://a.example/10", "https://a.example/11" } },
        { "body", "redirect_uris", "list_too_long" } },
      { "an http redirect_uri that is no loopback", { redirect_uris = { "http://app.example/" } },
        { "body", "redirect_uris", 0, "url" } },
      { "a scheme without a dot", { redirect_uris = { "myapp:/cb" } }, { "body", "redirect_uris", 0, "url" } },
      { "a relative redirect_uri", { redirect_uris = { "/cb" } }, { "body", "redirect_uris", 0, "url" } },
      { "a redirect_uri with a space", { redirect_uris = { "https://app.example/a b" } },
        { "body", "redirect_uris", 0, "url" } },
      { "days of 0", { refresh_token_lifetime_days = 0 }, { "body", "refresh_token_lifetime_days", "int_range" } },
      { "half days", { refresh_token_lifetime_days = 1.5 }, { "body", "refresh_token_lifetime_days", "int_parsing" } },
      { "text days", { refresh_token_lifetime_days = "30" }, { "body", "refresh_token_lifetime_days", "int_parsing" } },
      { "an unknown scope", { allowed_scopes = { "openid", "no:such" } },
        { "body", "allowed_scopes", 1, "string_pattern" } },
    }
    for _, case in ipairs(one_field) do
      if case[3] then
        it("refuses " .. case[1], function()
          shape.invalid(create(case[2]), { case[3] })
        end)
      end
    end

    it("refuses an empty list and missing fields", function()
      local answer = http.post(server, "/idp/apps", { bearer = user.api_key, json = '{"redirect_uris": []}' })
      shape.invalid(answer, { { "body", "name", "missing" }, { "body", "redirect_uris", "list_too_short" } })
      answer = http.post(server, "/idp/apps", { bearer = user.api_key, json = "{}" })
      shape.invalid(answer, { { "body", "name", "missing" }, { "body", "redirect_uris", "missing" } })
    end)

    it("refuses what is no JSON object", function()
      for _, text in ipairs { "", "{", "[]", '"text"', "null", '{"name": "abc",}', "{'name': 1}" } do
        local answer = http.post(server, "/idp/apps", { bearer = user.api_key, json = text })
        assert.equal(422, answer.status, text)
        assert.equal("json_invalid", answer.json.detail[1].type, text)
        assert.same({ "body" }, answer.json.detail[1].loc)
      end
    end)

    it("refuses another media type", function()
      shape.detail(http.post(server, "/idp/apps", { bearer = user.api_key, form = { name = "abc" } }), 415)
    end)

    it("gives privileged scopes to unlimited_dev and admin only", function()
      for _, scope in ipairs { "admin", "account:write", "billing:read", "secrets:read", "secrets:write",
        "chutes:write",
                               "chutes:delete", "images:write", "images:delete" } do
        shape.detail(create({ allowed_scopes = { scope } }), 403)
        shape.ok(create({ allowed_scopes = { scope } }, { bearer = developer.api_key }))
      end
      local admin = flow.user(server, { roles = { "admin" } })
      shape.ok(create({ allowed_scopes = { "admin" } }, { bearer = admin.api_key }))
    end)
  end)

  describe("GET /idp/apps/{app_id}", function()
    it("shows a public app to everybody with an account", function()
      local app = create().json
      shape.ok(get(app.app_id, { bearer = developer.api_key }))
    end)

    it("hides a private app from others: 404, as one that does not exist", function()
      local app = create({ public = false }).json
      shape.ok(get(app.app_id))
      local hidden = get(app.app_id, { bearer = developer.api_key })
      shape.detail(hidden, 404)
      local missing = get("01a20e86-7ea8-775f-8ba9-7fb61341ba5b")
      shape.detail(missing, 404)
      assert.equal(missing.body, hidden.body)
    end)

    it("does not take a user's id, nor nonsense, for an app's", function()
      for _, id in ipairs { user.user_id, "x", "%00", "cid_x", "%2e%2e", "cid_" .. ("a"):rep(500) } do
        local answer = get(id)
        assert.is_true(answer.status == 404 or answer.status == 400, id .. " " .. answer.status)
      end
    end)
  end)

  describe("the caller", function()
    local app
    lazy_setup(function()
      app = create({ public = false }).json
    end)

    local function refused(options)
      options.json = body()
      shape.detail(http.post(server, "/idp/apps", options), 401)
      options.json = nil
      shape.detail(get(app.app_id, options), 401)
    end

    it("may be nobody: 401", function()
      refused({})
    end)

    it("by API key, also without Bearer", function()
      shape.ok(get(app.app_id, { bearer = user.api_key }))
      shape.ok(get(app.app_id, { headers = { authorization = user.api_key } }))
      refused({ bearer = user.api_key:sub(1, -2) })
      refused({ bearer = user.api_key .. "x" })
      refused({ headers = { authorization = "Basic " .. user.api_key } })
      local other = flow.user(server)
      refused({ bearer = user.api_key:sub(1, 27) .. other.api_key:sub(28) })
    end)

    it("by a revoked API key: 401", function()
      local cli = require "helpers.cli"
      local key = cli.ask(server.state, "key", "create", user.username)
      shape.ok(get(app.app_id, { bearer = key.api_key }))
      cli.ask(server.state, "key", "revoke", key.key_id)
      -- Another process did it: the server hears within a second.
      shape.detail(http.ask_until(get, shape.is_refused, app.app_id, { bearer = key.api_key }), 401)
    end)

    it("by SSO session: as bearer for everything, as cookie for GET only", function()
      local cookie = flow.sign_in(server, app, user)
      shape.ok(get(app.app_id, { cookie = cookie }))
      shape.detail(create({}, { cookie = cookie }), 401)
      local session = cookie:match("=(.*)")
      shape.ok(get(app.app_id, { bearer = session }))
      shape.ok(create({}, { bearer = session }))
    end)

    it("by cookie and the page's X-CSRF-Token for changes", function()
      local cookie = flow.sign_in(server, app, user)
      local home = http.get(server, "/", { cookie = cookie })
      local token = home.body:match('<meta name="csrf%-token" content="([^"]+)">')
      assert.is_string(token, home.body)
      assert.is_nil(http.get(server, "/").body:find("csrf-token", 1, true))
      shape.ok(create({}, { cookie = cookie, headers = { ["x-csrf-token"] = token } }))
      local foreign = http.get(server, "/", { cookie = flow.sign_in(server, app, developer) }).body
        :match('<meta name="csrf%-token" content="([^"]+)">')
      for _, wrong in ipairs { foreign, token:sub(1, -2), token .. "x", "x" } do
        shape.detail(create({}, { cookie = cookie, headers = { ["x-csrf-token"] = wrong } }), 401)
      end
    end)

    it("by access token, where its scopes permit", function()
      local public = flow.app(server, developer, { allowed_scopes = { "account:write" } })
      local cookie = flow.sign_in(server, public, user)
      local function token(scope)
        return flow.tokens(server, public, cookie, { scope = scope }).access_token
      end
      local reader, writer, other = token("account:read"), token("account:write"), token("openid quota")
      shape.ok(get(app.app_id, { bearer = reader }))
      shape.ok(create({}, { bearer = writer }))
      for _, refusal in ipairs { create({}, { bearer = reader }), get(app.app_id, { bearer = other }),
                                 create({}, { bearer = other }) } do
        assert.equal(403, refusal.status, refusal.body)
        assert.is_string(refusal.json.detail)
      end
    end)

    it("by refresh token: 401", function()
      local public = flow.app(server, user)
      local tokens = flow.tokens(server, public, flow.sign_in(server, public, user), { scope = "account:read" })
      refused({ bearer = tokens.refresh_token })
    end)

    describe("by hotkey signature", function()
      local function signed(method, path, text, more)
        local address = wallet.address(more and more.signer or "//Apps")
        local nonce = more and more.nonce or tostring(os.time())
        local last = "idp:" .. method .. ":" .. path
        if text then
          last = digest.new("sha256"):final(text):gsub(".", function(byte)
            return ("%02x"):format(byte:byte())
          end)
        end
        local seed = more and (more.seed or more.signer) or "//Apps"
        local message = address .. ":" .. nonce .. ":" .. last
        local signature = wallet.sign({ seed = seed, wrap = more and more.wrap, message = message }).signature
        return { ["x-chutes-hotkey"] = address, ["x-chutes-nonce"] = nonce,
                 ["x-chutes-signature"] = more and more.bare and signature:sub(3) or signature }
      end

      local function post(text, headers)
        return http.post(server, "/idp/apps", { json = text, headers = headers })
      end

      it("over method and path, or over the body", function()
        local path = "/idp/apps/" .. app.app_id
        shape.ok(get(app.app_id, { headers = signed("GET", path) }))
        shape.ok(get(app.app_id .. "?a=b", { headers = signed("GET", path, nil, { wrap = true }) }))
        shape.ok(get(app.app_id, { headers = signed("GET", path, nil, { bare = true }) }))
        local text = cjson.encode(body())
        shape.ok(post(text, signed("POST", "/idp/apps", text)))
      end)

      it("comes first: a bad one is not mended by an API key", function()
        local headers = signed("GET", "/idp/apps/other")
        shape.detail(get(app.app_id, { headers = headers, bearer = user.api_key }), 401)
        headers["x-chutes-signature"] = nil -- it has signed nothing
        shape.ok(get(app.app_id, { headers = headers, bearer = user.api_key }))
        shape.detail(get(app.app_id, { headers = headers, bearer = "cpk_nothing" }), 401)
        shape.detail(get(app.app_id, { headers = headers }), 401)
      end)

      it("is refused for another path, method, body, key or time", function()
        local path, text = "/idp/apps/" .. app.app_id, cjson.encode(body())
        shape.detail(get(app.app_id, { headers = signed("GET", path .. "x") }), 401)
        shape.detail(get(app.app_id, { headers = signed("POST", path) }), 401)
        shape.detail(get(app.app_id, { headers = signed("GET", path, nil, { seed = "//Other" }) }), 401)
        shape.detail(post(text, signed("POST", "/idp/apps")), 401)
        shape.detail(post(text .. " ", signed("POST", "/idp/apps", text)), 401)
        for _, nonce in ipairs { tostring(os.time() - 700), tostring(os.time() + 700), "soon", "-1",
                                 tostring(os.time()) .. "x" } do
          shape.detail(get(app.app_id, { headers = signed("GET", path, nil, { nonce = nonce }) }), 401)
        end
      end)

      it("says what is missing or how far off the time is", function()
        local function why(change)
          local headers = signed("GET", "/idp/apps/" .. app.app_id)
          change(headers)
          local answer = get(app.app_id, { headers = headers })
          shape.detail(answer, 401)
          return answer.json.detail
        end
        assert.equal("X-Chutes-Signature is missing.", why(function(headers)
          headers["x-chutes-signature"] = nil
        end))
        assert.equal("X-Chutes-Nonce must be the time, in Unix seconds.", why(function(headers)
          headers["x-chutes-nonce"] = "soon"
        end))
        local off, here = why(function(headers)
          headers["x-chutes-nonce"] = tostring(os.time() - 700)
        end):match("^X%-Chutes%-Nonce is (%d+) seconds off: here it is (%d+), and 600 seconds are the most%.$")
        assert.is_true(tonumber(off) >= 700 and tonumber(off) < 760)
        assert.is_true(math.abs(tonumber(here) - os.time()) < 60)
      end)

      -- A signature over a body names no route: whoever saw one of some other service must not delete an app with it.
      it("over a body is none where the route takes none, and nothing changes", function()
        local mine = create({ public = false }).json
        local path, text = "/idp/apps/" .. mine.app_id, '{"chute":2}'
        local calls = {
          { "DELETE", path }, { "POST", path .. "/regenerate-secret" }, { "DELETE", path .. "/share/" .. user.user_id },
          { "DELETE", "/idp/authorizations/" .. mine.app_id }, { "DELETE", "/idp/sessions" },
          { "GET", path }, { "GET", "/idp/apps" }, { "HEAD", "/idp/apps" },
        }
        for _, call in ipairs(calls) do
          local method, at = unpack(call)
          local name = method .. " " .. at
          local without = http.request(server, method, at, { headers = signed(method, at, text) })
          assert.equal(401, without.status, name .. " without the body that was signed")
          for _, signature in ipairs { signed(method, at, text), signed(method, at) } do
            local with = http.request(server, method, at, { body = text, headers = signature })
            assert.equal(400, with.status, name .. " with a body")
            assert.is_true(method == "HEAD" or with.json.detail:find("takes no body", 1, true) ~= nil, with.body)
          end
        end
        assert.equal(mine.client_id, get(mine.app_id, { bearer = user.api_key }).json.client_id)
        local other = http.request(server, "DELETE", path, { body = text, bearer = user.api_key })
        shape.ok(other) -- what others send along is ignored, as ever
      end)

      it("of a stranger leaves nothing behind: it is not spent when the account is made", function()
        local headers = signed("DELETE", "/idp/sessions", nil, { signer = "//Stranger" })
        local refusal = http.request(server, "DELETE", "/idp/sessions", { headers = headers })
        shape.detail(refusal, 401)
        assert.equal("No account has this hotkey.", refusal.json.detail)
        flow.user(server, { hotkey = headers["x-chutes-hotkey"] })
        shape.ok(http.request(server, "DELETE", "/idp/sessions", { headers = headers }))
        shape.detail(http.request(server, "DELETE", "/idp/sessions", { headers = headers }), 401)
      end)

      it("is good once for a request that changes something", function()
        local text = cjson.encode(body())
        local headers = signed("POST", "/idp/apps", text)
        shape.ok(post(text, headers))
        shape.detail(post(text, headers), 401)
        -- Also after a clean-up just before it is too old: ten minutes ahead, and ten behind.
        text = cjson.encode(body())
        headers = signed("POST", "/idp/apps", text, { nonce = tostring(os.time() + 590) })
        shape.ok(post(text, headers))
        lock.change(server, "DELETE FROM spent WHERE expires_at <= " .. os.time() + 1180)
        shape.detail(post(text, headers), 401)
        local path = "/idp/apps/" .. app.app_id
        local for_get = signed("GET", path)
        shape.ok(get(app.app_id, { headers = for_get }))
        shape.ok(get(app.app_id, { headers = for_get }))
      end)
    end)
  end)

  it("are not open to other origins", function()
    local answer = get(create().json.app_id, { bearer = user.api_key, headers = { origin = "https://spa.example" } })
    assert.is_nil(answer.headers["access-control-allow-origin"])
    local preflight = http.request(server, "OPTIONS", "/idp/apps", { headers = {
      origin = "https://spa.example", ["access-control-request-method"] = "POST" } })
    assert.equal(405, preflight.status)
    assert.is_nil(preflight.headers["access-control-allow-origin"])
  end)
end)

describe("the apps policy", function()
  it("decides who may make apps, with which redirect URIs", function()
    local server = server_helper.start {
      policies = { ["apps.lua"] = [[
        return {
          may_create = function(facts) return facts.user.username == "maker", "Ask the maker." end,
          redirect_uri = function(facts) return facts.redirect_uri:find("^https://ok%.") ~= nil, "Not that." end,
        }]] },
    }
    local maker, other = flow.user(server, { name = "maker" }), flow.user(server)
    local json = { name = "An app", redirect_uris = { "https://ok.example/" } }
    local refused = http.post(server, "/idp/apps", { json = json, bearer = other.api_key })
    shape.detail(refused, 403)
    assert.equal("Ask the maker.", refused.json.detail)
    shape.ok(http.post(server, "/idp/apps", { json = json, bearer = maker.api_key }))
    json = { name = "Two apps", redirect_uris = { "https://other.example/" } }
    local invalid = http.post(server, "/idp/apps", { json = json, bearer = maker.api_key })
    shape.invalid(invalid, { { "body", "redirect_uris", 0, "url" } })
    assert.equal("Not that.", invalid.json.detail[1].msg)
    server:stop()
  end)
end)
