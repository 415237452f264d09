-- PATCH, DELETE, regenerate-secret, share: what changes, and that what it stops stops at once, on every worker.
local flow = require "helpers.flow"
local http = require "helpers.http"
local server_helper = require "helpers.server"
local shape = require "helpers.shape"

describe("An app's owner", function()
  local server, owner, other, developer
  lazy_setup(function()
    server = server_helper.start { workers = 4 }
    owner, other = flow.user(server, { name = "owner" }), flow.user(server, { name = "other" })
    developer = flow.user(server, { roles = { "unlimited_dev" } })
  end)
  lazy_teardown(function()
    server:stop()
  end)

  local function call(method, user, path, json)
    return http.request(server, method, "/idp/apps/" .. path, { json = json, bearer = user and user.api_key })
  end

  -- The answer of eight connections, which the kernel spreads over the workers.
  local function everywhere(ask, is_right)
    for _ = 1, 8 do
      local answer = ask()
      assert.is_true(is_right(answer), answer.body)
    end
  end

  local function is_inactive(answer)
    return answer.body == '{"active":false}'
  end

  local function introspect(token)
    return function()
      return http.post(server, "/idp/token/introspect", { form = { token = token } })
    end
  end

  describe("PATCH", function()
    it("changes only the fields that are sent", function()
      local app = flow.app(server, owner, { description = "before", homepage_url = "https://a.example/" })
      local answer = call("PATCH", owner, app.app_id, { description = "after" })
      shape.ok(answer)
      shape.no_store(answer)
      app.client_secret, app.description, app.updated_at = nil, "after", answer.json.updated_at
      assert.same(app, answer.json)
      assert.same(app, call("GET", owner, app.app_id).json)
    end)

    it("changes every field", function()
      local app = flow.app(server, owner)
      local wanted = {
        name = "Changed name", description = "d", redirect_uris = { "https://b.example/cb" },
        homepage_url = "https://b.example/", logo_url = "https://b.example/logo.png", public = false,
        refresh_token_lifetime_days = 7, allowed_scopes = { "openid" }, active = false,
      }
      local answer = call("PATCH", owner, app.app_id, wanted)
      shape.ok(answer)
      for name, value in pairs(wanted) do
        assert.same(value, answer.json[name], name)
      end
      assert.same(answer.json, call("GET", owner, app.client_id).json)
    end)

    it("clears what may be null, and leaves the rest as it is", function()
      local app = flow.app(server, owner, { description = "x", homepage_url = "https://a.example/" })
      local answer = call("PATCH", owner, app.app_id, '{"description":null,"homepage_url":null}')
      shape.ok(answer)
      assert.is_true(answer.body:find('"description":null', 1, true) ~= nil, answer.body)
      local before = answer.json
      answer = call("PATCH", owner, app.app_id, '{"name":null,"active":null,"redirect_uris":null,"public":null,' ..
        '"refresh_token_lifetime_days":null,"allowed_scopes":null,"dpop_bound_access_tokens":null}')
      shape.ok(answer)
      assert.same(before, answer.json)
    end)

    it("names every failing field in one answer and changes nothing", function()
      local app = flow.app(server, owner)
      local answer = call("PATCH", owner, app.app_id, {
        name = "a", redirect_uris = { "nonsense" }, public = "yes", active = 1, refresh_token_lifetime_days = 0,
        allowed_scopes = { "nothing" }, description = "kept",
      })
      shape.invalid(answer, {
        { "body", "name", "string_too_short" }, { "body", "redirect_uris", 0, "url" },
        { "body", "public", "bool_parsing" }, { "body", "active", "bool_parsing" },
        { "body", "refresh_token_lifetime_days", "int_range" }, { "body", "allowed_scopes", 0, "string_pattern" },
      })
      app.client_secret = nil
      assert.same(app, call("GET", owner, app.app_id).json)
    end)

    it("keeps names unique, also against itself in another case", function()
      local app, taken = flow.app(server, owner), flow.app(server, other, { name = "Taken Näme" })
      shape.detail(call("PATCH", owner, app.app_id, { name = "tAKEN nÄME" }), 409)
      shape.ok(call("PATCH", other, taken.app_id, { name = "TAKEN NÄME" }))
    end)

    it("asks the scope policy for privileged scopes that are new", function()
      local app = flow.app(server, developer, { allowed_scopes = { "chutes:write" } })
      shape.ok(call("PATCH", developer, app.app_id, { allowed_scopes = { "chutes:write", "admin" } }))
      local plain = flow.app(server, owner)
      shape.detail(call("PATCH", owner, plain.app_id, { allowed_scopes = { "chutes:write" } }), 403)
    end)

    it("an empty change is none", function()
      local app = flow.app(server, owner)
      app.client_secret = nil
      assert.same(app, call("PATCH", owner, app.app_id, {}).json)
    end)

    it("active = false stops every token at once, and true lets them live again", function()
      local app = flow.app(server, owner)
      local cookie = flow.sign_in(server, app, other)
      local tokens = flow.tokens(server, app, cookie, { scope = "openid account:read" })
      local code = flow.code(server, app, cookie)
      everywhere(introspect(tokens.access_token), function(answer)
        return answer.json.active
      end)
      shape.ok(call("PATCH", owner, app.app_id, { active = false }))
      everywhere(introspect(tokens.access_token), is_inactive)
      everywhere(introspect(tokens.refresh_token), is_inactive)
      everywhere(function()
        return http.get(server, "/idp/userinfo", { bearer = tokens.access_token })
      end, function(answer)
        return answer.status == 401
      end)
      everywhere(function()
        return http.get(server, "/idp/apps", { bearer = tokens.access_token })
      end, function(answer)
        return answer.status == 401
      end)
      shape.oauth_error(flow.token(server, flow.refresh_form(app, tokens.refresh_token)), 400, "invalid_grant")
      shape.oauth_error(flow.token(server, flow.code_form(app, code)), 400, "invalid_grant")
      shape.page(flow.authorize(server, app), 400)
      shape.ok(call("PATCH", owner, app.app_id, { active = true }))
      everywhere(introspect(tokens.access_token), function(answer)
        return answer.json.active
      end)
    end)

    it("a scope taken from the app is dropped at refresh", function()
      local app = flow.app(server, developer, { allowed_scopes = { "chutes:write" } })
      local tokens = flow.tokens(server, app, flow.sign_in(server, app, other), { scope = "openid chutes:write" })
      assert.equal("openid chutes:write", tokens.scope)
      shape.ok(call("PATCH", developer, app.app_id, '{"allowed_scopes":[]}'))
      local answer = flow.token(server, flow.refresh_form(app, tokens.refresh_token))
      shape.ok(answer)
      assert.equal("openid", answer.json.scope)
    end)
  end)

  describe("DELETE", function()
    it("stops its tokens at once; the name is free again", function()
      local app = flow.app(server, owner, { name = "Short lived" })
      local tokens = flow.tokens(server, app, flow.sign_in(server, app, other))
      everywhere(introspect(tokens.access_token), function(answer)
        return answer.json.active
      end)
      local answer = call("DELETE", owner, app.app_id)
      shape.ok(answer)
      assert.same({ app_id = app.app_id, deleted = true }, answer.json)
      everywhere(introspect(tokens.access_token), is_inactive)
      shape.oauth_error(flow.token(server, flow.refresh_form(app, tokens.refresh_token)), 401, "invalid_client")
      everywhere(function()
        return call("GET", owner, app.app_id)
      end, function(again)
        return again.status == 404
      end)
      shape.detail(call("DELETE", owner, app.app_id), 404)
      shape.page(flow.authorize(server, app), 400)
      flow.app(server, other, { name = "Short lived" })
    end)
  end)

  describe("regenerate-secret", function()
    it("stops the old secret at once, on every worker", function()
      local app = flow.app(server, owner)
      local tokens = flow.tokens(server, app, flow.sign_in(server, app, other))
      local answer = call("POST", owner, app.app_id .. "/regenerate-secret")
      shape.ok(answer)
      shape.no_store(answer)
      assert.same({ app.app_id, app.client_id }, { answer.json.app_id, answer.json.client_id })
      assert.matches("^csc_%w+$", answer.json.client_secret)
      assert.equal(52, #answer.json.client_secret)
      everywhere(function()
        return flow.token(server, flow.refresh_form(app, tokens.refresh_token))
      end, function(refused)
        return refused.status == 401 and refused.json.error == "invalid_client"
      end)
      app.client_secret = answer.json.client_secret
      shape.ok(flow.token(server, flow.refresh_form(app, tokens.refresh_token)))
    end)
  end)

  describe("share", function()
    it("shows a private app to one more user, until it is taken back", function()
      local app = flow.app(server, owner, { public = false })
      shape.detail(call("GET", other, app.app_id), 404)
      local answer = call("POST", owner, app.app_id .. "/share",
        { app_id_or_name = app.name, user_id_or_name = other.username:upper() })
      shape.ok(answer)
      assert.same({ app_id = app.app_id, shared_to = other.user_id, shared_to_username = "other" }, answer.json)
      shape.ok(call("GET", other, app.app_id))
      shape.detail(call("PATCH", other, app.app_id, { description = "mine" }), 403)
      shape.detail(call("POST", owner, app.app_id .. "/share", { user_id_or_name = other.user_id }), 409)

      local shares = call("GET", owner, app.app_id .. "/shares")
      shape.ok(shares)
      assert.equal(app.app_id, shares.json.app_id)
      assert.same({ "other", other.user_id }, { shares.json.shares[1].username, shares.json.shares[1].user_id })
      assert.matches("^%d+%-%d%d%-%d%dT%d%d:%d%d:%d%dZ$", shares.json.shares[1].shared_at)
      assert.equal(1, #shares.json.shares)

      local path = app.app_id .. "/share/" .. other.user_id
      local back = call("DELETE", owner, path)
      shape.ok(back)
      assert.same({ app_id = app.app_id, unshared_from = other.user_id }, back.json)
      shape.detail(call("DELETE", owner, path), 404)
      shape.detail(call("GET", other, app.app_id), 404)
      assert.same({}, call("GET", owner, app.app_id .. "/shares").json.shares)
    end)

    it("refuses oneself, nobody and another app's name", function()
      local app = flow.app(server, owner)
      local path = app.app_id .. "/share"
      shape.detail(call("POST", owner, path, { user_id_or_name = "owner" }), 400)
      shape.detail(call("POST", owner, path, { user_id_or_name = "nobody at all" }), 404)
      shape.detail(call("POST", owner, path, { user_id_or_name = "other", app_id_or_name = "x" }), 400)
      shape.invalid(call("POST", owner, path, {}), { { "body", "user_id_or_name", "missing" } })
      shape.invalid(call("POST", owner, path, { user_id_or_name = 7 }),
        { { "body", "user_id_or_name", "string_type" } })
      shape.invalid(call("POST", owner, path, "[1,"), { { "body", "json_invalid" } })
    end)
  end)

  it("is the only one who may: others get 403 for a public app, 404 for one they cannot see", function()
    for public, status in pairs { [true] = 403, [false] = 404 } do
      local app = flow.app(server, owner, { public = public })
      for _, one in ipairs {
        { "PATCH", "", { description = "x" } }, { "DELETE", "" }, { "POST", "/regenerate-secret" },
        { "POST", "/share", { user_id_or_name = "other" } }, { "DELETE", "/share/" .. other.user_id },
        { "GET", "/shares" },
      } do
        shape.detail(call(one[1], other, app.app_id .. one[2], one[3]), status)
        shape.detail(call(one[1], nil, app.app_id .. one[2], one[3]), 401)
      end
      shape.ok(call("GET", owner, app.app_id))
    end
  end)

  describe("at the same moment", function()
    it("50 creates with names that differ in case make one app", function()
      local answers = http.together(server, 50, function(i, connection)
        local name = "Race Ä" .. "name"
        name = i % 2 == 0 and name:upper():gsub("Ä", "ä") or name
        return connection:request("POST", "/idp/apps", {
          json = { name = name, redirect_uris = { flow.REDIRECT } }, bearer = (i % 3 == 0 and other or owner).api_key,
        })
      end)
      local count = { [200] = 0, [409] = 0 }
      for _, answer in ipairs(answers) do
        count[answer.status] = (count[answer.status] or 0) + 1
      end
      assert.same({ [200] = 1, [409] = 49 }, count)
    end)

    it("share and delete end with no share of no app", function()
      for _ = 1, 5 do
        local app = flow.app(server, owner, { public = false })
        local answers = http.together(server, 20, function(i, connection)
          if i == 10 then
            return connection:request("DELETE", "/idp/apps/" .. app.app_id, { bearer = owner.api_key })
          end
          return connection:request("POST", "/idp/apps/" .. app.app_id .. "/share",
            { json = { user_id_or_name = i % 2 == 0 and "other" or developer.user_id }, bearer = owner.api_key })
        end)
        for i, answer in ipairs(answers) do
          local allowed = i == 10 and { [200] = true }
            or { [200] = true, [409] = true, [404] = true, [400] = true }
          assert.is_true(allowed[answer.status], answer.status .. answer.body)
        end
        shape.detail(call("GET", other, app.app_id), 404)
        local listed = http.get(server, "/idp/apps?limit=100&search=" .. http.escape(app.name),
          { bearer = other.api_key })
        for _, item in ipairs(listed.json.items) do
          assert.not_equal(app.app_id, item.app_id)
        end
      end
    end)

    it("changes of different fields are all kept", function()
      local app = flow.app(server, owner)
      local changes = { { description = "kept" }, { homepage_url = "https://kept.example/" }, { public = false },
        { refresh_token_lifetime_days = 9 } }
      http.together(server, 4, function(i, connection)
        return connection:request("PATCH", "/idp/apps/" .. app.app_id, { json = changes[i], bearer = owner.api_key })
      end)
      local now = call("GET", owner, app.app_id).json
      assert.same({ "kept", "https://kept.example/", false, 9 },
        { now.description, now.homepage_url, now.public, now.refresh_token_lifetime_days })
    end)

    it("the total of a listing counts what is there", function()
      local before = http.get(server, "/idp/apps?limit=1", { bearer = developer.api_key }).json.total
      local made = {}
      for i = 1, 10 do
        made[i] = flow.app(server, owner)
      end
      http.together(server, 20, function(i, connection)
        local path = "/idp/apps/" .. made[(i - 1) % 10 + 1].app_id
        if i <= 10 then
          return connection:request("PATCH", path, { json = { active = i % 2 == 0 }, bearer = owner.api_key })
        end
        return connection:request(i <= 15 and "DELETE" or "PATCH", path,
          { json = i > 15 and { public = i % 2 == 0 } or nil, bearer = owner.api_key })
      end)
      local listed = http.get(server, "/idp/apps?limit=100", { bearer = developer.api_key }).json
      assert.equal(#listed.items, listed.total)
      assert.is_true(listed.total >= before)
    end)
  end)
end)
