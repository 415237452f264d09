local flow = require "helpers.flow"
local http = require "helpers.http"
local server_helper = require "helpers.server"
local shape = require "helpers.shape"
local sys = require "helpers.sys"

describe("GET /openapi.json", function()
  local server, document
  lazy_setup(function()
    server = server_helper.start { args = { "--demo" } }
    local answer = http.get(server, "/openapi.json")
    shape.ok(answer)
    assert.equal("*", answer.headers["access-control-allow-origin"])
    document = answer.json
  end)
  lazy_teardown(function()
    server:stop()
  end)

  -- f(method, path, operation) for each operation.
  local function each(f)
    for path, methods in pairs(document.paths) do
      for method, operation in pairs(methods) do
        f(method:upper(), path, operation)
      end
    end
  end

  local function url_of(path)
    return (path:gsub("{name}", "style.css"):gsub("{[%w_]+}", "nothing"))
  end

  it("is OpenAPI 3.1 of this issuer", function()
    assert.equal("3.1.0", document.openapi)
    assert.equal(server.issuer, document.servers[1].url)
    assert.equal("Moonlatch", document.info.title)
  end)

  it("resolves what it refers to", function()
    local text = http.get(server, "/openapi.json").body
    local count = 0
    for name in text:gmatch('"#/components/schemas/(%w+)"') do
      assert.is_table(document.components.schemas[name], name)
      count = count + 1
    end
    assert.is_true(count > 10)
    each(function(_, _, operation)
      for _, one in ipairs(operation.security) do
        for scheme in pairs(one) do
          assert.is_table(document.components.securitySchemes[scheme], scheme)
        end
      end
    end)
  end)

  it("documents every route of the table, and no other", function()
    local table_text = sys.read_file(server_helper.root .. "/engine/endpoints/routes.c")
    local count = 0
    for method, path in table_text:gmatch('{"(%u+)", "([^"]+)"') do
      assert.is_table(document.paths[path] and document.paths[path][method:lower()], method .. " " .. path)
      count = count + 1
    end
    each(function()
      count = count - 1
    end)
    assert.equal(0, count)
  end)

  it("every documented route answers, and allows the documented methods only", function()
    each(function(method, path)
      local answer = http.request(server, method, url_of(path))
      assert.not_equal(405, answer.status, method .. " " .. path)
      assert.is_nil(answer.body:find("Not found.", 1, true), method .. " " .. path)
      local documented = {}
      for name in pairs(document.paths[path]) do
        documented[name:upper()] = true
      end
      documented.HEAD = documented.GET
      local allowed = {}
      local refused = http.request(server, "TRACE", url_of(path))
      assert.equal(405, refused.status)
      for name in refused.headers.allow:gmatch("%u+") do
        allowed[name] = true
      end
      assert.same(documented, allowed)
    end)
  end)

  it("each answer is one of the documented", function()
    each(function(method, path, operation)
      local answer = http.request(server, method, url_of(path))
      local documented = operation.responses[tostring(answer.status)]
      -- without a body a JSON or form route says 415
      if answer.status ~= 415 then
        assert.is_table(documented, method .. " " .. path .. " " .. answer.status .. " " .. answer.body:sub(1, 200))
      end
    end)
  end)

  it("a route that needs a caller refuses without one", function()
    local count = 0
    each(function(method, path, operation)
      if operation.security[1] and operation.security[1].hotkey == nil and operation.security[1].bearer
        and #operation.security == 3 then
        local has_body = operation.requestBody ~= nil
        local answer = http.request(server, method, url_of(path), has_body and { json = {} } or nil)
        shape.detail(answer, 401)
        count = count + 1
      end
    end)
    assert.equal(13, count)
  end)

  -- Whether these, in this order, are the ways to call it; "none": also without any.
  local function is_called_by(operation, ...)
    local ways = {}
    for i, way in ipairs(operation.security) do
      ways[i] = next(way) or "none"
    end
    return table.concat(ways, " ") == table.concat({ ... }, " ")
  end

  it("a route of an access token refuses without one, and with a wrong one", function()
    local count = 0
    each(function(method, path, operation)
      if is_called_by(operation, "bearer") then
        local body = operation.requestBody and operation.requestBody.content
        local options = body and (body["application/json"] and { json = {} } or { form = { x = "1" } }) or {}
        for _, token in ipairs { false, "cak_x", "crg_x" } do
          options.bearer = token or nil
          local answer = http.request(server, method, url_of(path), options)
          assert.equal(401, answer.status, method .. " " .. path .. answer.body)
          assert.matches("^Bearer", answer.headers["www-authenticate"])
        end
        count = count + 1
      end
    end)
    assert.equal(5, count)
  end)

  it("a page of one's own sends others to sign in, whatever is sent", function()
    local count = 0
    each(function(method, path, operation)
      if is_called_by(operation, "cookie") then
        local answer = http.request(server, method, url_of(path), method == "POST" and { form = { x = "1" } } or nil)
        assert.equal(method == "POST" and 303 or 302, answer.status, method .. " " .. path .. answer.body)
        assert.equal(server.issuer .. "/idp/login", (answer:location()))
        count = count + 1
      end
    end)
    assert.is_true(count >= 25, count)
  end)

  it("a page of administration is nobody else's, also by the token of one's own pages", function()
    local user = flow.user(server, { name = "no-admin" })
    local cookie = flow.sign_in(server, flow.app(server, user), user)
    local own = http.get(server, "/account/sessions", { cookie = cookie }).body
    local token = assert(own:match('name="csrf_token" value="([^"]+)"'), own)
    local posts = 0
    each(function(method, path)
      if path:find("^/admin") then
        local form = method == "POST" and { csrf_token = token, active = "no" } or nil
        local answer = http.request(server, method, url_of(path), { cookie = cookie, form = form })
        shape.page(answer, 403)
        assert.matches("for administrators", answer.body, 1, true)
        posts = posts + (form and 1 or 0)
      end
    end)
    assert.equal(2, posts)
  end)

  it("what it calls required is required", function()
    local count = 0
    each(function(method, path, operation)
      local missing = {}
      for _, parameter in ipairs(operation.parameters or {}) do
        if parameter["in"] == "query" and parameter.required then
          missing[parameter.name] = true
        end
      end
      local content = operation.requestBody and operation.requestBody.content
      local form = content and content["application/x-www-form-urlencoded"]
      for _, name in ipairs(form and form.schema.required or {}) do
        missing[name] = true
      end
      -- the authorization endpoint tells this one to the app, and the login page asks for it last
      missing.response_type, missing.auth_method = nil, nil
      local asks_to_sign_in_first = path:find "^/account" or path:find "^/admin"
      if next(missing) and not asks_to_sign_in_first then
        local answer = http.request(server, method, url_of(path), {
          form = form and { ignored = "1" } or nil, headers = { accept = "application/json" },
        })
        assert.equal(422, answer.status, method .. " " .. path .. answer.body)
        for _, item in ipairs(answer.json.detail) do
          missing[item.loc[2]] = nil
          assert.equal("missing", item.type)
        end
        assert.same({}, missing)
        count = count + 1
      end
    end)
    assert.is_true(count >= 7, count)
  end)

  -- Each field of each JSON body as each kind of value that JSON has, alone and with whatever else is required.
  it("a field of another kind than documented is told, and ends nothing", function()
    local VALUES = { "null", "true", "1", "-1.5", '"x"', "[]", "{}", "[null]", "[true]", "[[]]", '[{"a":1}]',
      '{"a":[1]}' }
    local owner = flow.user(server)
    local app = flow.app(server, owner)
    local client = http.post(server, "/idp/register",
      { json = { redirect_uris = { flow.REDIRECT } }, bearer = owner.api_key }).json
    local count = 0
    each(function(method, path, operation)
      local content = operation.requestBody and operation.requestBody.content["application/json"]
      local schema = content and content.schema
      schema = schema and schema["$ref"] and document.components.schemas[schema["$ref"]:match("%w+$")] or schema
      for name in pairs(schema and schema.properties or {}) do
        for i, value in ipairs(VALUES) do
          local rest = i % 2 == 0 and "" or ', "client_id": "' .. client.client_id .. '"'
          local bearer = path:find("{client_id}") and client.registration_access_token or owner.api_key
          local url = path:gsub("{app_id}", app.app_id):gsub("{client_id}", client.client_id)
          local answer = http.request(server, method, url, { bearer = bearer,
            headers = { ["content-type"] = "application/json" }, body = ('{"%s": %s%s}'):format(name, value, rest) })
          assert.is_true(answer.status >= 200 and answer.status < 500, method .. " " .. path .. name .. value)
          count = count + 1
        end
      end
    end)
    assert.is_true(count > 300, count)
  end)
end)
