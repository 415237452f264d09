local flow = require "helpers.flow"
local http = require "helpers.http"
local server_helper = require "helpers.server"
local shape = require "helpers.shape"

describe("/idp/authorizations", function()
  local server, maker, user, first, second, cookie
  lazy_setup(function()
    server = server_helper.start()
    maker, user = flow.user(server), flow.user(server)
    first = flow.app(server, maker, { name = "First app", description = "the first", public = false })
    second = flow.app(server, maker, { name = "Second app", logo_url = "https://s.example/l.png" })
    cookie = flow.sign_in(server, first, user)
  end)
  lazy_teardown(function()
    server:stop()
  end)

  local function list(who, query)
    return http.get(server, "/idp/authorizations" .. (query or ""), { bearer = (who or user).api_key })
  end

  local function revoke(app, who)
    return http.request(server, "DELETE", "/idp/authorizations/" .. app.app_id, { bearer = (who or user).api_key })
  end

  it("is empty for who has allowed nothing", function()
    local answer = list(maker)
    shape.ok(answer)
    shape.no_store(answer)
    assert.same({ total = 0, page = 0, limit = 25, items = {} }, answer.json)
  end)

  it("lists what was allowed, with pages", function()
    flow.tokens(server, first, cookie, { scope = "openid profile" })
    flow.tokens(server, second, cookie, { scope = "balance" })
    local answer = list()
    shape.ok(answer)
    assert.equal(2, answer.json.total)
    local by_name = {}
    for _, item in ipairs(answer.json.items) do
      by_name[item.app_name] = item
    end
    local item = by_name["First app"]
    assert.same({ first.app_id, "the first", { "openid", "profile" }, false },
      { item.app_id, item.app_description, item.scopes, item.revoked })
    assert.matches("^%x+%-%x+%-", item.authorization_id)
    assert.matches("^%d+%-%d%d%-%d%dT%d%d:%d%d:%d%dZ$", item.created_at)
    assert.equal("https://s.example/l.png", by_name["Second app"].app_logo_url)
    local page = list(nil, "?limit=1&page=1").json
    assert.same({ 2, 1, 1, 1 }, { page.total, page.page, page.limit, #page.items })
    shape.invalid(list(nil, "?limit=0"), { { "query", "limit", "int_range" } })
  end)

  it("what is allowed later is added", function()
    flow.tokens(server, second, cookie, { scope = "quota" })
    local found
    for _, item in ipairs(list().json.items) do
      found = item.app_id == second.app_id and item or found
    end
    assert.same({ "balance", "quota" }, found.scopes)
  end)

  it("taking it back stops every token of it at once, and no other", function()
    local one = flow.tokens(server, first, cookie, { scope = "openid" })
    local other_grant = flow.tokens(server, first, cookie, { scope = "openid profile" })
    local kept = flow.tokens(server, second, cookie)
    local code = flow.code(server, first, cookie)
    for _ = 1, 4 do -- in the cache of every worker
      assert.is_true(flow.is_active(server, one.access_token))
    end
    local answer = revoke(first)
    shape.ok(answer)
    assert.same({ app_id = first.app_id, revoked = true }, answer.json)
    for _ = 1, 8 do
      for _, tokens in ipairs { one, other_grant } do
        assert.is_false(flow.is_active(server, tokens.access_token))
        assert.is_false(flow.is_active(server, tokens.refresh_token))
      end
    end
    assert.equal(401, http.get(server, "/idp/userinfo", { bearer = one.access_token }).status)
    shape.oauth_error(flow.token(server, flow.refresh_form(first, one.refresh_token)), 400, "invalid_grant")
    shape.oauth_error(flow.token(server, flow.code_form(first, code)), 400, "invalid_grant")
    assert.is_true(flow.is_active(server, kept.access_token))
    assert.equal(1, list().json.total)
    shape.detail(revoke(first), 404)
  end)

  it("allowed again, old tokens stay dead and the user is asked", function()
    local old = flow.tokens(server, first, cookie)
    shape.ok(revoke(first))
    local answer = flow.authorize(server, first, nil, { cookie = cookie })
    assert.matches("/idp/authorize/consent", answer.headers.location)
    local new = flow.tokens(server, first, cookie)
    assert.is_true(flow.is_active(server, new.access_token))
    assert.is_false(flow.is_active(server, old.access_token))
    shape.oauth_error(flow.token(server, flow.refresh_form(first, old.refresh_token)), 400, "invalid_grant")
  end)

  it("is of the caller alone", function()
    shape.detail(revoke(second, maker), 404)
    shape.detail(http.get(server, "/idp/authorizations"), 401)
    shape.detail(http.request(server, "DELETE", "/idp/authorizations/" .. second.app_id), 401)
  end)

  it("a refresh that races with the revocation leaves nothing alive", function()
    for _ = 1, 5 do
      local tokens = flow.tokens(server, second, cookie)
      local answers = http.together(server, 10, function(i, connection)
        if i == 5 then
          return connection:request("DELETE", "/idp/authorizations/" .. second.app_id, { bearer = user.api_key })
        end
        return connection:request("POST", "/idp/token", { form = flow.refresh_form(second, tokens.refresh_token) })
      end)
      for i, answer in ipairs(answers) do
        if i ~= 5 and answer.status == 200 then
          assert.is_false(flow.is_active(server, answer.json.access_token))
        end
      end
    end
  end)
end)
