-- What an app registers as a client, through POST and PATCH /idp/apps (RFC 7591 §2, OpenID Connect, RFC 9449, RFC
-- 9126).
local cjson = require "cjson.safe"

local flow = require "helpers.flow"
local http = require "helpers.http"
local jose = require "helpers.jose"
local server_helper = require "helpers.server"
local shape = require "helpers.shape"

describe("Client metadata", function()
  local server, owner, key
  lazy_setup(function()
    server = server_helper.start()
    owner = flow.user(server)
    key = jose.key "ES256"
  end)
  lazy_teardown(function()
    server:stop()
  end)

  local count = 0
  local function create(fields)
    count = count + 1
    local body = { name = "Metadata " .. count, redirect_uris = { flow.REDIRECT } }
    for name, value in pairs(fields) do
      body[name] = value
    end
    return http.post(server, "/idp/apps", { bearer = owner.api_key, json = body })
  end

  local function change(app, fields)
    return http.request(server, "PATCH", "/idp/apps/" .. app.app_id, { bearer = owner.api_key, json = fields })
  end

  it("has defaults", function()
    local app = create({}).json
    assert.same({ "authorization_code", "refresh_token" }, app.grant_types)
    assert.equal("RS256", app.id_token_signed_response_alg)
    assert.same({}, app.post_logout_redirect_uris)
    assert.same({ cjson.null, cjson.null, cjson.null, cjson.null },
      { app.jwks, app.jwks_uri, app.backchannel_logout_uri, app.token_endpoint_auth_method })
    assert.same({ false, false }, { app.dpop_bound_access_tokens, app.require_pushed_authorization_requests })
  end)

  local function good()
    return {
      grant_types = { "client_credentials", "authorization_code" },
      id_token_signed_response_alg = "EdDSA",
      jwks = { keys = { key.public } },
      token_endpoint_auth_method = "private_key_jwt",
      post_logout_redirect_uris = { "https://app.example/bye" },
      backchannel_logout_uri = "https://app.example/logout",
      dpop_bound_access_tokens = true,
      require_pushed_authorization_requests = true,
    }
  end

  it("is kept as it was sent, and shown", function()
    local app = create(good()).json
    for name, value in pairs(good()) do
      assert.same(value, app[name], name)
    end
    local shown = http.get(server, "/idp/apps/" .. app.app_id, { bearer = owner.api_key }).json
    for name, value in pairs(good()) do
      assert.same(value, shown[name], name)
    end
  end)

  it("changes by PATCH, and null goes back to the default", function()
    local app = create({}).json
    for name, value in pairs(good()) do
      if name ~= "token_endpoint_auth_method" then
        local answer = change(app, { [name] = value })
        shape.ok(answer)
        assert.same(value, answer.json[name], name)
      end
    end
    local cleared = change(app, { grant_types = cjson.null, id_token_signed_response_alg = cjson.null,
      jwks = cjson.null, post_logout_redirect_uris = cjson.null, backchannel_logout_uri = cjson.null })
    shape.ok(cleared)
    assert.same({ "authorization_code", "refresh_token" }, cleared.json.grant_types)
    assert.equal("RS256", cleared.json.id_token_signed_response_alg)
    assert.same({ cjson.null, cjson.null }, { cleared.json.jwks, cleared.json.backchannel_logout_uri })
    assert.same({}, cleared.json.post_logout_redirect_uris)
  end)

  local bad = {
    { { grant_types = { "authorization_code", "password" } }, { "body", "grant_types", 1, "string_pattern" } },
    { { grant_types = "authorization_code" }, { "body", "grant_types", "list_type" } },
    { { id_token_signed_response_alg = "HS256" }, { "body", "id_token_signed_response_alg", "string_pattern" } },
    { { id_token_signed_response_alg = "none" }, { "body", "id_token_signed_response_alg", "string_pattern" } },
    { { token_endpoint_auth_method = "private_key_jwt" }, { "body", "jwks", "missing" } },
    { { token_endpoint_auth_method = "client_secret_jwt" },
      { "body", "token_endpoint_auth_method", "string_pattern" } },
    { { jwks = "x" }, { "body", "jwks", "object_type" } },
    { { jwks = { keys = {} } }, { "body", "jwks", "string_pattern" } },
    { { jwks_uri = "http://app.example/jwks" }, { "body", "jwks_uri", "url" } },
    { { jwks_uri = "ftp://app.example/jwks" }, { "body", "jwks_uri", "url" } },
    { { backchannel_logout_uri = "http://app.example/logout" }, { "body", "backchannel_logout_uri", "url" } },
    { { backchannel_logout_uri = "https://app.example/logout#x" }, { "body", "backchannel_logout_uri", "url" } },
    { { post_logout_redirect_uris = { "https://app.example/#x" } }, { "body", "post_logout_redirect_uris", 0, "url" } },
    { { post_logout_redirect_uris = { "http://app.example/" } }, { "body", "post_logout_redirect_uris", 0, "url" } },
    { { dpop_bound_access_tokens = "yes" }, { "body", "dpop_bound_access_tokens", "bool_parsing" } },
    { { require_pushed_authorization_requests = 1 },
      { "body", "require_pushed_authorization_requests", "bool_parsing" } },
  }
  for i, case in ipairs(bad) do
    it("is refused where it is not valid (" .. i .. ")", function()
      shape.invalid(create(case[1]), { case[2] })
      shape.invalid(change(create({}).json, case[1]), { case[2] })
    end)
  end

  it("holds no private key, and keys in one place", function()
    shape.invalid(create { jwks = { keys = { key.jwk } } }, { { "body", "jwks", "string_pattern" } })
    shape.invalid(create { jwks = { keys = { key.public } }, jwks_uri = "https://app.example/jwks" },
      { { "body", "jwks_uri", "string_pattern" } })
  end)

  it("decides which grants an app may use", function()
    local app = create({ grant_types = { "client_credentials" } }).json
    shape.oauth_error(flow.token(server, { grant_type = "refresh_token", refresh_token = "x",
      client_id = app.client_id, client_secret = app.client_secret }), 400, "unauthorized_client")
    local code_only = create({ grant_types = { "authorization_code" } }).json
    local cookie = flow.sign_in(server, code_only, owner)
    assert.is_nil(flow.tokens(server, code_only, cookie).refresh_token)
  end)
end)
