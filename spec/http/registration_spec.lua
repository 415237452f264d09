-- Clients that register themselves (RFC 7591) and look after what they registered (RFC 7592).
local flow = require "helpers.flow"
local http = require "helpers.http"
local jose = require "helpers.jose"
local server_helper = require "helpers.server"
local shape = require "helpers.shape"

-- Anybody may register, but not for evil.example.
local APPS = [[
  return {
    may_create = function() return true end,
    redirect_uri = function() return true end,
    may_register = function(facts)
      return facts.app.name ~= "Evil", "Not that one."
    end,
  }
]]

describe("POST /idp/register", function()
  local server, owner, cookie
  lazy_setup(function()
    server = server_helper.start { settings = { registration_owner = "operator" },
      policies = { ["apps.lua"] = APPS, ["apps_spec.lua"] = "" } }
    owner = flow.user(server, { name = "operator" })
    cookie = flow.sign_in(server, flow.app(server, owner), owner)
  end)
  lazy_teardown(function()
    server:stop()
  end)

  local function register(metadata, options)
    options = options or {}
    options.json = metadata
    return http.post(server, "/idp/register", options)
  end

  local function registered(metadata, options)
    local answer = register(metadata or { redirect_uris = { flow.REDIRECT } }, options)
    assert.equal(201, answer.status, answer.body)
    shape.no_store(answer)
    return answer.json
  end

  it("makes a client that signs people in", function()
    local client = registered { client_name = "Self made", redirect_uris = { flow.REDIRECT }, scope = "openid profile",
      client_uri = "https://app.example/", logo_uri = "https://app.example/logo.png", unknown_member = { 1 } }
    assert.matches("^cid_", client.client_id)
    assert.matches("^csc_", client.client_secret)
    assert.equal(0, client.client_secret_expires_at)
    assert.is_true(math.abs(os.time() - client.client_id_issued_at) < 30)
    assert.matches("^crg_", client.registration_access_token)
    assert.equal(server.issuer .. "/idp/register/" .. client.client_id, client.registration_client_uri)
    assert.equal("Self made", client.client_name)
    assert.equal("openid profile", client.scope)
    assert.equal("https://app.example/", client.client_uri)
    assert.equal("client_secret_basic", client.token_endpoint_auth_method)
    assert.same({ "code" }, client.response_types)
    assert.same({ "authorization_code", "refresh_token" }, client.grant_types)
    assert.is_nil(client.unknown_member)
    local code = flow.code(server, client, cookie, { scope = "openid" })
    local answer = flow.token(server, flow.code_form(client, code, { client_id = false, client_secret = false }),
      { basic = { client.client_id, client.client_secret } })
    shape.ok(answer)
    assert.is_string(answer.json.id_token)
  end)

  it("is owned by whoever calls", function()
    local user = flow.user(server)
    local client = registered({ redirect_uris = { flow.REDIRECT }, client_name = "Mine" }, { bearer = user.api_key })
    local app = http.get(server, "/idp/apps/" .. client.client_id, { bearer = user.api_key })
    assert.equal(user.user_id, app.json.user_id)
    assert.is_false(app.json.public)
    local anonymous = registered { redirect_uris = { flow.REDIRECT }, client_name = "Of nobody" }
    app = http.get(server, "/idp/apps/" .. anonymous.client_id, { bearer = owner.api_key })
    assert.equal(owner.user_id, app.json.user_id)
    assert.equal(401, register({ redirect_uris = { flow.REDIRECT } }, { bearer = "cpk_wrong" }).status)
  end)

  it("takes every kind of client", function()
    local key = jose.key "ES256"
    local client = registered { redirect_uris = { flow.REDIRECT }, token_endpoint_auth_method = "private_key_jwt",
      jwks = { keys = { key.public } }, id_token_signed_response_alg = "ES256", dpop_bound_access_tokens = true,
      require_pushed_authorization_requests = true, post_logout_redirect_uris = { "https://app.example/bye" },
      backchannel_logout_uri = "https://app.example/logout" }
    assert.is_nil(client.client_secret)
    assert.equal("ES256", client.id_token_signed_response_alg)
    assert.is_true(client.dpop_bound_access_tokens)
    assert.is_true(client.require_pushed_authorization_requests)
    assert.same({ "https://app.example/bye" }, client.post_logout_redirect_uris)
    assert.is_nil(registered({ redirect_uris = { flow.REDIRECT }, token_endpoint_auth_method = "none" }).client_secret)
    local machine = registered { grant_types = { "client_credentials" }, scope = "chutes:read" }
    assert.same({}, machine.redirect_uris)
    shape.ok(flow.token(server, { grant_type = "client_credentials", scope = "chutes:read" },
      { basic = { machine.client_id, machine.client_secret } }))
  end)

  it("numbers names that are taken, also when two come at once", function()
    local answers = http.together(server, 4, function(_, connection)
      return connection:request("POST", "/idp/register",
        { json = { client_name = "Popular", redirect_uris = { flow.REDIRECT } } }).json.client_name
    end)
    table.sort(answers)
    assert.same({ "Popular", "Popular 2", "Popular 3", "Popular 4" }, answers)
  end)

  it("refuses what is not valid, as RFC 7591 §3.2.2 has it", function()
    local bad = {
      { { redirect_uris = {} }, "invalid_redirect_uri" },
      { {}, "invalid_redirect_uri" },
      { { redirect_uris = { "https://app.example/#x" } }, "invalid_redirect_uri" },
      { { redirect_uris = "https://app.example/" }, "invalid_redirect_uri" },
      { { client_name = "x" }, "invalid_client_metadata" },
      { { client_name = "<script>" }, "invalid_client_metadata" },
      { { grant_types = { "password" } }, "invalid_client_metadata" },
      { { response_types = { "token" } }, "invalid_client_metadata" },
      { { scope = "no-such-scope" }, "invalid_client_metadata" },
      { { scope = 7 }, "invalid_client_metadata" },
      { { client_uri = "javascript:alert(1)" }, "invalid_client_metadata" },
      { { token_endpoint_auth_method = "tls_client_auth" }, "invalid_client_metadata" },
      { { token_endpoint_auth_method = "private_key_jwt" }, "invalid_client_metadata" },
      { { jwks = { keys = { jose.key("ES256").jwk } } }, "invalid_client_metadata" },
      { { jwks = {}, jwks_uri = "https://app.example/jwks" }, "invalid_client_metadata" },
      { { jwks_uri = "http://app.example/jwks" }, "invalid_client_metadata" },
      { { id_token_signed_response_alg = "none" }, "invalid_client_metadata" },
      { { dpop_bound_access_tokens = "yes" }, "invalid_client_metadata" },
    }
    for i, case in ipairs(bad) do
      if not case[1].redirect_uris and i > 2 then
        case[1].redirect_uris = { flow.REDIRECT }
      end
      local answer = register(case[1])
      assert.equal(400, answer.status, i .. ": " .. answer.body)
      shape.oauth_error(answer, 400, case[2])
    end
    shape.oauth_error(register "[]", 400, "invalid_client_metadata")
  end)

  it("asks the policy, which may refuse", function()
    local answer = register { client_name = "Evil", redirect_uris = { flow.REDIRECT } }
    assert.equal(403, answer.status)
    assert.equal("Not that one.", answer.json.error_description)
    answer = register { redirect_uris = { flow.REDIRECT }, scope = "admin" }
    assert.equal(403, answer.status)
  end)

  it("is for those with an account, where the policy is the default one", function()
    local strict = server_helper.start()
    local user = flow.user(strict)
    local body = { json = { redirect_uris = { flow.REDIRECT } } }
    assert.equal(401, http.post(strict, "/idp/register", body).status)
    body.bearer = user.api_key
    assert.equal(201, http.post(strict, "/idp/register", body).status)
    strict:stop()
    local open = server_helper.start { settings = { registration_owner = "nobody" } }
    assert.equal(401, http.post(open, "/idp/register", { json = body.json }).status)
    flow.user(open, { name = "nobody" })
    local refused = http.post(open, "/idp/register", { json = body.json })
    assert.equal(403, refused.status)
    open:stop()
  end)

  describe("and then", function()
    local client
    before_each(function()
      client = registered { redirect_uris = { flow.REDIRECT }, client_uri = "https://app.example/" }
    end)

    local function manage(method, body, token, id)
      return http.request(server, method, "/idp/register/" .. (id or client.client_id),
        { json = body, bearer = token or client.registration_access_token })
    end

    it("GET shows it", function()
      local answer = manage "GET"
      shape.ok(answer)
      shape.no_store(answer)
      assert.equal(client.client_id, answer.json.client_id)
      assert.equal(client.registration_access_token, answer.json.registration_access_token)
      assert.is_nil(answer.json.client_secret)
    end)

    it("PUT replaces it: what is not said goes back to its default", function()
      local answer = manage("PUT", { client_id = client.client_id, client_secret = client.client_secret,
        client_name = "Renamed", redirect_uris = { "https://app.example/other" }, token_endpoint_auth_method = "none" })
      shape.ok(answer)
      assert.equal("Renamed", answer.json.client_name)
      assert.same({ "https://app.example/other" }, answer.json.redirect_uris)
      assert.equal("none", answer.json.token_endpoint_auth_method)
      local cjson = require "cjson.safe"
      assert.equal(cjson.null, answer.json.client_uri)
      assert.equal("Renamed", manage("GET").json.client_name)
    end)

    it("PUT refuses what is the server's to say, and what is not valid", function()
      local function put(more)
        local body = { client_id = client.client_id, redirect_uris = { flow.REDIRECT } }
        for name, value in pairs(more) do
          body[name] = value
        end
        return manage("PUT", body)
      end
      shape.ok(put {})
      shape.oauth_error(put { client_id = "cid_another" }, 400, "invalid_request")
      shape.oauth_error(put { client_secret = "csc_chosen" }, 400, "invalid_request")
      shape.oauth_error(put { registration_access_token = "x" }, 400, "invalid_request")
      shape.oauth_error(put { client_id_issued_at = 1 }, 400, "invalid_request")
      shape.oauth_error(put { redirect_uris = { "nowhere" } }, 400, "invalid_redirect_uri")
    end)

    it("DELETE ends it, and its tokens", function()
      local tokens = flow.token(server, flow.code_form(client, flow.code(server, client, cookie),
        { client_id = false, client_secret = false }), { basic = { client.client_id, client.client_secret } }).json
      assert.is_true(flow.is_active(server, tokens.access_token))
      assert.equal(204, manage("DELETE").status)
      assert.is_false(flow.is_active(server, tokens.access_token))
      assert.equal(401, manage("GET").status)
    end)

    it("is for its registration access token alone", function()
      local other = registered()
      local made = flow.app(server, owner)
      for _, case in ipairs { { other.registration_access_token }, { "crg_" .. ("x"):rep(48) },
                              { client.client_secret }, { owner.api_key },
                              { client.registration_access_token, other.client_id },
                              { client.registration_access_token, made.client_id },
                              { client.registration_access_token, "cid_nothere" } } do
        for _, method in ipairs { "GET", "PUT", "DELETE" } do
          local answer = manage(method, method == "PUT" and { client_id = client.client_id } or nil, case[1], case[2])
          assert.equal(401, answer.status, answer.body)
          assert.matches('Bearer error="invalid_token"', answer.headers["www-authenticate"], 1, true)
        end
      end
      shape.ok(manage "GET")
    end)
  end)
end)
