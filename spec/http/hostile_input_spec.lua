-- What nobody sends by accident: each gets the clear answer of contract §4, and whoever else is connected does not
-- notice. How requests are framed is in hostile_framing_spec.
local flow = require "helpers.flow"
local frames = require "helpers.frames"
local http = require "helpers.http"
local server_helper = require "helpers.server"
local shape = require "helpers.shape"
local wallet = require "helpers.wallet"
local wire = require "helpers.wire"

local KIB = 1024
local FORM_TYPE = "application/x-www-form-urlencoded"

describe("hostile input:", function()
  local server, world, neighbours
  lazy_setup(function()
    server = server_helper.start()
    world = flow.world(server, {}, { hotkey = wallet.address("//Hostile") })
    neighbours = {}
    for i = 1, 8 do -- on both workers, by the kernel's choice
      neighbours[i] = http.connect(server, { version = i % 2 == 0 and 2 or 1.1 })
    end
  end)
  lazy_teardown(function()
    for _, neighbour in ipairs(neighbours) do
      neighbour:close()
    end
    server:stop()
  end)
  after_each(function()
    for _, neighbour in ipairs(neighbours) do
      assert.equal(200, neighbour:request("GET", "/healthz").status)
    end
  end)

  local function answer_to(bytes)
    return wire.answer(server, bytes)
  end

  --- texts

  local BROKEN = { -- as a parameter's value
    ["a NUL"] = "a%00b", ["a NUL at the end"] = "a%00", ["a lone continuation byte"] = "%80",
    ["an overlong slash"] = "%c0%af", ["a cut character"] = "%e2%82", ["a surrogate"] = "%ed%a0%80",
    ["beyond Unicode"] = "%f4%90%80%80",
    ["no hex"] = "%zz", ["half a hex"] = "%4", ["a bare percent"] = "%", ["a percent and a sign"] = "%+1",
    ["raw Latin-1"] = "caf\233",
  }

  describe("parameters", function()
    local function pairs_of(form, name, value)
      local list = { { name, value } }
      for key, text in pairs(form) do
        list[#list + 1] = { key, text }
      end
      return list
    end

    it("twice in a query", function()
      shape.detail(http.get(server, "/idp/scopes?a=1&a=2"), 400)
      shape.detail(http.get(server, "/idp/scopes?a=1&%61=2"), 400)
      shape.detail(http.get(server, "/idp/scopes?a&a"), 400)
      shape.ok(http.get(server, "/idp/scopes?a=1&A=2"))
      shape.page(http.get(server, "/idp/cli_login?nonce=a&nonce=b"), 400)
    end)

    it("twice in a form", function()
      for _, path in ipairs { "/idp/token", "/idp/token/revoke", "/idp/token/introspect" } do
        for _, name in ipairs { "token", "client_id", "unknown" } do
          local form = { token = "x", client_id = world.app.client_id, unknown = "1", grant_type = "x" }
          form = pairs_of(form, name, "2")
          shape.oauth_error(http.post(server, path, { form = form }), 400, "invalid_request")
        end
      end
      shape.page(http.post(server, "/idp/login", { form = { { "state", "1" }, { "state", "2" } } }), 400)
    end)

    it("twice in an authorization request: a page, never a redirect", function()
      local request = flow.request(world.app)
      for name, value in pairs(request) do
        local path = "/idp/authorize?" .. http.form(pairs_of(request, name, value))
        local answer = http.get(server, path, { cookie = world.cookie })
        shape.page(answer, 400)
        assert.is_nil(answer.headers.location)
      end
    end)

    it("a code is not spent by a request that was refused for its form", function()
      local code = flow.code(server, world.app, world.cookie)
      local form = flow.code_form(world.app, code)
      shape.oauth_error(flow.token(server, pairs_of(form, "code", code)), 400, "invalid_request")
      shape.ok(flow.token(server, form))
    end)

    it("more than anybody needs", function()
      local many = {}
      for i = 1, 5000 do
        many[i] = "p" .. i .. "=1"
      end
      local body = table.concat(many, "&")
      shape.oauth_error(http.post(server, "/idp/token", { body = body, headers = { ["content-type"] = FORM_TYPE } }),
        400, "invalid_request")
      shape.detail(http.get(server, "/idp/scopes?" .. body:sub(1, 8000):gsub("&[^&]*$", "")), 400)
      shape.ok(http.get(server, "/idp/scopes?" .. ("&"):rep(8000)))
      shape.ok(http.get(server, "/idp/scopes?" .. table.concat(many, "&", 1, 64)))
      shape.detail(http.get(server, "/idp/scopes?" .. table.concat(many, "&", 1, 65)), 400)
    end)

    for what, value in pairs(BROKEN) do
      it(what .. " in a query", function()
        wire.is_detail(answer_to(wire.get("/idp/scopes?a=" .. value)), 400)
        wire.is_detail(answer_to(wire.get("/idp/scopes?" .. value .. "=a")), 400)
      end)

      it(what .. " in a form", function()
        local options = { body = "token=" .. value, headers = { ["content-type"] = FORM_TYPE } }
        shape.oauth_error(http.post(server, "/idp/token/introspect", options), 400, "invalid_request")
      end)

      it(what .. " in a path: no such path", function()
        local answer = answer_to(wire.get("/idp/apps/" .. value, "Authorization: Bearer " .. world.user.api_key))
        wire.is_detail(answer, 404)
        wire.is_detail(answer_to(wire.get("/idp/" .. value)), 404)
      end)
    end

    it("a slash, a dot or a letter in hex is that letter of a name, and no other path", function()
      wire.is_detail(answer_to(wire.get("/idp%2fscopes")), 404)
      wire.is_detail(answer_to(wire.get("/idp%2Fscopes")), 404)
      wire.is_detail(answer_to(wire.get("/idp/%73copes")), 404)
      wire.is_detail(answer_to(wire.get("/idp/x/../scopes")), 404)
      wire.is_detail(answer_to(wire.get("//idp/scopes")), 404)
      wire.is_detail(answer_to(wire.get("/idp/scopes//")), 404)
      wire.is_detail(answer_to(wire.get("/idp/scopes%2f")), 404)
      local id = world.app.app_id
      for _, hex in ipairs { "%02x", "%02X" } do
        local path = "/idp/apps/" .. ("%" .. hex:format(id:byte())) .. id:sub(2)
        assert.equal(200, http.get(server, path, { bearer = world.user.api_key }).status)
      end
    end)

    it("hex in either case", function()
      local request = flow.request(world.app)
      local upper = http.form(request)
      local lower = upper:gsub("%%%x%x", string.lower)
      assert.not_equal(upper, lower)
      for _, query in ipairs { upper, lower } do
        local answer = http.get(server, "/idp/authorize?" .. query)
        shape.page(answer, 200)
        assert.matches("s t&amp;%%", answer.body)
      end
      for _, case in ipairs { "lower", "upper" } do
        local nonce = http.get(server, "/idp/cli_login/nonce").json.nonce
        local signed = wallet.sign({ seed = "//Hostile", message = nonce })
        local signature = signed.signature:gsub("^0x", "")
        local answer = http.get(server, "/idp/cli_login?" .. http.form {
          hotkey = signed.address, signature = signature[case](signature), nonce = nonce })
        assert.equal(302, answer.status, case)
      end
    end)
  end)

  describe("JSON", function()
    local function create(body, options)
      options = options or {}
      options.body, options.bearer = body, world.user.api_key
      options.headers = options.headers or { ["content-type"] = "application/json" }
      return http.post(server, "/idp/apps", options)
    end

    local function named(value)
      return '{"redirect_uris":["https://app.example/cb"],"name":' .. value .. "}"
    end

    local function is_invalid(answer)
      shape.invalid(answer, { { "body", "json_invalid" } })
    end

    it("that is none", function()
      for _, body in ipairs {
        "", " ", "{", "}", "nul", "{]", '{"a":}', '{"a" 1}', "{'a':1}", '{"a":1,}', "{}{}", "{} x", "\0", "{}\0",
        "\255\254", '{"a":01}', '{"a":+1}', '{"a":.5}', '{"a":NaN}', '{"a":Infinity}', '{"a":0x10}', "{}//",
        '{"a":"\n"}', '"',
        '{"a":"\\x"}', '{"a":"\\u12"}', "\239\187\191{",
      } do
        is_invalid(create(body))
      end
    end)

    it("that is no object", function()
      for _, body in ipairs { "[]", "1", '"text"', "true", "null", "[{}]" } do
        local answer = create(body)
        assert.equal(422, answer.status, body .. ": " .. answer.body)
        assert.is_table(answer.json.detail)
      end
    end)

    it("with a NUL, invalid UTF-8 or half a surrogate pair in a text", function()
      for _, value in ipairs {
        '"a\\u0000b"', '"a\0b"', '"\128"', '"\192\175"', '"\237\160\128"', '"\244\144\128\128"', '"\226\130"',
        '"\\ud800"', '"\\udc00"', '"\\ud800\\ud800"',
      } do
        is_invalid(create(named(value)))
      end
    end)

    it("that is deep", function()
      for _, open in ipairs { "[", '{"a":', '[{"a":' } do
        for _, depth in ipairs { 100, 2000, 5000, 64 * KIB } do
          local body = open:rep(math.floor(math.min(depth, 64 * KIB / #open)))
          is_invalid(create(body))
          local whole = open:rep(10000 / #open)
          local close = whole:gsub('{"a":', "}"):gsub("%[", "]"):reverse()
          local answer = create(whole .. "1" .. close)
          assert.equal(422, answer.status)
        end
      end
    end)

    it("with numbers out of every range", function()
      local body = '{"name":"Numbers","redirect_uris":["https://app.example/cb"],"refresh_token_lifetime_days":'
      local huge = "1" .. ("0"):rep(400)
      for _, value in ipairs { "1e999", "-1e999", huge, "99999999999999999999", "1.5", "-1", "0", "1e2" } do
        local answer = create(body .. value .. "}")
        assert.equal(422, answer.status, value .. ": " .. answer.body)
      end
    end)

    it("of a wrong media type", function()
      for _, type in ipairs { "text/plain", FORM_TYPE, "application/jsonp", "application/json5", "application/", "json",
                              "multipart/form-data; boundary=x", "\"", ";", " " } do
        shape.detail(create(named('"Never made"'), { headers = { ["content-type"] = type } }), 415)
      end
      shape.detail(create(named('"Never made"'), { headers = {} }), 415)
      for _, type in ipairs { "application/json;charset=utf-8", "Application/JSON", "application/json ; x=y" } do
        local name = '"Media ' .. #type .. '"'
        assert.equal(200, create(named(name), { headers = { ["content-type"] = type } }).status, type)
      end
    end)
  end)

  describe("a form of a wrong media type", function()
    it("on an OAuth endpoint", function()
      for _, path in ipairs { "/idp/token", "/idp/token/revoke", "/idp/token/introspect", "/idp/userinfo" } do
        for _, type in ipairs { "application/json", "multipart/form-data; boundary=x", "text/plain" } do
          local answer = http.post(server, path, { body = "token=x", headers = { ["content-type"] = type } })
          shape.oauth_error(answer, 415, "invalid_request")
          assert.is_string(answer.json.detail) -- contract §4
        end
      end
    end)

    it("on a page", function()
      local answer = http.post(server, "/idp/login", { json = {}, headers = { accept = "application/json" } })
      shape.detail(answer, 415)
    end)
  end)

  describe("a cookie", function()
    local function is_signed_out(cookie)
      local path = "/idp/authorize?" .. http.form(flow.request(world.app))
      local answer = answer_to(wire.get(path, "Cookie: " .. cookie))
      assert.equal(200, answer.status, cookie) -- the login page
    end

    it("that is broken, cut or no session of ours is as good as none", function()
      local whole = world.cookie
      for _, cookie in ipairs {
        "", "=", ";", ";;;", "chutes-session-token", "chutes-session-token=", "chutes-session-token=%00",
        "chutes-session-token=\255\254", 'chutes-session-token="' .. whole:match("=(.*)") .. '"', whole .. "x",
        whole:sub(1, -2), whole:gsub("cst_", "cak_"), whole:gsub("=", "%%3d"), whole:upper(), ("a=b; "):rep(3000),
        "chutes-session-token=" .. ("A"):rep(20000),
      } do
        is_signed_out(cookie)
      end
    end)

    it("that is there twice is taken for none", function()
      is_signed_out(world.cookie .. "; " .. world.cookie)
      is_signed_out(world.cookie .. "; chutes-session-token=")
      is_signed_out("chutes-session-token=x\r\nCookie: " .. world.cookie)
    end)

    it("among others, in one header or several, is found", function()
      local path = "/idp/authorize?" .. http.form(flow.request(world.app))
      assert.equal(302, answer_to(wire.get(path, "Cookie: a=b; " .. world.cookie .. "; c=\255")).status)
      assert.equal(302, answer_to(wire.get(path, "Cookie: a=b", "Cookie: " .. world.cookie)).status)
    end)
  end)

  describe("Authorization", function()
    it("that is broken", function()
      local token = flow.tokens(server, world.app, world.cookie).access_token
      for _, value in ipairs {
        "", "Bearer", "Bearer ", "Bearer \255\254", "Bearer " .. token .. "\128", "Bearer " .. token .. " x",
        "Bearer %00", "Bearer  ", "Basic", "Digest " .. token, "Bearer " .. ("A"):rep(30000),
        "Bearer " .. token .. ", Bearer " .. token, token:reverse(), "Bearer\t" .. token:sub(1, 40), "Basic \255",
        "Negotiate",
      } do
        local answer = answer_to(wire.get("/idp/userinfo", "Authorization: " .. value))
        assert.equal(401, answer.status, value:sub(1, 60))
        assert.matches('\r\nwww%-authenticate: bearer error="invalid_token"\r\n', answer.head)
        wire.is_detail(answer_to(wire.get("/idp/apps/" .. world.app.app_id, "Authorization: " .. value)), 401)
      end
    end)

    it("that is there twice", function()
      local line = "Authorization: Bearer " .. world.user.api_key
      wire.is_detail(answer_to(wire.get("/idp/apps/" .. world.app.app_id, line, line)), 400)
    end)

    it("in any case of its scheme", function()
      for _, scheme in ipairs { "bearer", "BEARER", "bEaReR" } do
        local line = "Authorization: " .. scheme .. " " .. world.user.api_key
        assert.equal(200, answer_to(wire.get("/idp/apps/" .. world.app.app_id, line)).status)
      end
    end)
  end)

  describe("too much:", function()
    it("a long URL", function()
      shape.detail(http.get(server, "/" .. ("a"):rep(20 * KIB)), 414)
      shape.detail(http.get(server, "/idp/scopes?" .. ("a"):rep(20 * KIB)), 414)
      shape.detail(http.get(server, "/idp/scopes?" .. ("a"):rep(20 * KIB), { version = 2 }), 414)
      shape.ok(http.get(server, "/idp/scopes?" .. ("a"):rep(8 * KIB)))
      wire.is_refused(server, wire.get("/" .. ("a"):rep(600 * KIB)))
    end)

    it("long headers", function()
      for _, version in ipairs { 1.1, 2 } do
        local function with(headers)
          return http.get(server, "/idp/scopes", { headers = headers, version = version })
        end
        shape.detail(with { ["x-long"] = ("a"):rep(40 * KIB) }, 431)
        shape.detail(with { accept = ("a,"):rep(20 * KIB) }, 431)
        shape.detail(with { cookie = ("a=b; "):rep(8 * KIB) }, 431)
        shape.ok(with { ["x-long"] = ("a"):rep(20 * KIB) })
      end
      wire.is_refused(server, wire.get("/idp/scopes", "X-Long: " .. ("a"):rep(600 * KIB)))
    end)

    it("many headers", function()
      local list = {}
      for i = 1, 1000 do
        list[i] = "X-Many-" .. i .. ": " .. i
      end
      wire.is_refused(server, wire.get("/idp/scopes", unpack(list)))
      for i = 1, 5000 do
        list[i] = { "x-many-" .. i, "aaaaaaaa" }
      end
      local peer = frames.connect(server.port)
      peer:send(frames.head(1, frames.END_STREAM, frames.block("GET", "/idp/scopes", list)))
      local status, why = peer:answer(1, wire.WAIT_S)
      assert.is_true(status == 431 or (not status and why ~= "timeout"), why)
      peer:close()
    end)

    local function padded(size)
      return "token=" .. ("a"):rep(size - 6)
    end

    local function head(path, length_line)
      return wire.method("POST", path, "Content-Type: " .. FORM_TYPE, length_line)
    end

    local function with_length(path, body)
      return head(path, "Content-Length: " .. #body) .. body
    end

    local function in_chunks(path, body, size)
      return head(path, "Transfer-Encoding: chunked") .. wire.chunked(body, size)
    end

    local INTROSPECT = "/idp/token/introspect"

    it("a body of 64 KiB is not", function()
      local body = padded(64 * KIB)
      assert.equal(200, answer_to(with_length(INTROSPECT, body)).status)
      assert.equal(200, answer_to(in_chunks(INTROSPECT, body, 4096)).status)
      local options = { body = body, headers = { ["content-type"] = FORM_TYPE }, version = 2 }
      shape.ok(http.post(server, INTROSPECT, options))
    end)

    it("a body of one byte more is, on every path, however it comes", function()
      local body = padded(64 * KIB + 1)
      for _, path in ipairs { INTROSPECT, "/idp/token", "/idp/apps", "/idp/login", "/nowhere" } do
        wire.is_detail(answer_to(with_length(path, body)), 413)
        wire.is_detail(answer_to(in_chunks(path, body, 1000)), 413)
        local options = { body = body, headers = { ["content-type"] = FORM_TYPE }, version = 2 }
        local answer = http.post(server, path, options)
        assert.equal(413, answer.status)
        assert.equal("application/json", answer.headers["content-type"])
        assert.is_string(answer.json.detail)
      end
    end)

    it("the refusal names the operator's limit", function()
      for bytes, said in pairs { [1024] = "1 KiB", [1500] = "1500 bytes" } do
        local small = server_helper.start { settings = { limits = { body_bytes = bytes } } }
        local form = { ["content-type"] = FORM_TYPE }
        for _, case in ipairs { { bytes + 1, 1.1 }, { bytes + 1, 2 }, { 20 * bytes, 1.1 } } do -- that by h2o itself
          local answer = http.post(small, INTROSPECT, { body = padded(case[1]), headers = form, version = case[2] })
          assert.equal(413, answer.status)
          assert.equal("The body is larger than " .. said .. ".", answer.json.detail)
        end
        shape.ok(http.post(small, INTROSPECT, { body = padded(bytes), headers = form }))
        small:stop()
      end
    end)

    it("the refusal can be read from everywhere where the answer could (contract §6, CORS)", function()
      local body = padded(64 * KIB + 1)
      local options = { body = body, headers = { ["content-type"] = FORM_TYPE, origin = "https://spa.example" } }
      local answer = http.post(server, "/idp/token", options)
      assert.equal(413, answer.status)
      assert.equal("*", answer.headers["access-control-allow-origin"])
      assert.equal("invalid_request", answer.json.error)
      assert.is_nil(http.post(server, "/idp/login", options).headers["access-control-allow-origin"])
    end)

    it("a body that is much larger is refused before it is read", function()
      for _, size in ipairs { 200 * KIB, 1024 * KIB, 8 * 1024 * KIB } do
        local body = padded(size)
        wire.is_detail(wire.is_refused(server, with_length(INTROSPECT, body)), 413)
        wire.is_detail(wire.is_refused(server, in_chunks(INTROSPECT, body, 16 * KIB)), 413)
      end
      wire.is_detail(wire.is_refused(server, head(INTROSPECT, "Content-Length: 1000000000")), 413)
      wire.is_refused(server, head(INTROSPECT, "Content-Length: 18446744073709551614"))
    end)

    it("a body that is much larger on HTTP/2: refused, and the connection goes on", function()
      local peer = frames.connect(server.port)
      peer:send(frames.open_post(1, "/idp/token/introspect"))
      local piece = ("a"):rep(16 * KIB)
      for _ = 1, 20 do
        peer:send(frames.frame(frames.DATA, 0, 1, piece))
      end
      peer:send(frames.frame(frames.DATA, frames.END_STREAM, 1, piece))
      local status, why = peer:answer(1, wire.WAIT_S)
      assert.is_true(status == 413 or why == "reset", why)
      peer:send(frames.get(3, "/idp/scopes"))
      assert.equal(200, (peer:answer(3, wire.WAIT_S)))
      peer:close()
    end)
  end)

  describe("paths and methods:", function()
    it("an unknown path", function()
      for _, path in ipairs {
        "/idp", "/idp/", "/idp/token//", "/IDP/SCOPES", "/idp/apps//", "/idp/apps/a/b/c/d", "/.git/config",
        "/idp/scopes;x=y", "/healthz/x", "/assets/../policies/settings.lua", "/%",
      } do
        for _, method in ipairs { "GET", "POST", "DELETE", "OPTIONS", "BREW" } do
          wire.is_detail(answer_to(wire.method(method, path)), 404)
        end
      end
      wire.is_detail(answer_to(wire.get("/assets/%2e%2e%2fsettings.lua")), 404)
    end)

    it("a known path with another method, with Allow", function()
      for path, allow in pairs {
        ["/idp/scopes"] = "GET, HEAD", ["/healthz"] = "GET, HEAD", ["/idp/token"] = "POST", ["/idp/par"] = "POST",
        ["/idp/token/revoke"] = "POST", ["/idp/login"] = "GET, HEAD, POST", ["/idp/userinfo"] = "GET, HEAD, POST",
        ["/idp/authorize/consent"] = "GET, HEAD, POST",
      } do
        for _, method in ipairs { "DELETE", "PUT", "PATCH", "TRACE", "CONNECT", "BREW", "get", "Post" } do
          local answer = answer_to(wire.method(method, path))
          wire.is_detail(answer, 405)
          assert.matches("\r\nallow: " .. allow:lower() .. "\r\n", answer.head)
        end
      end
    end)

    it("HEAD is GET without the body", function()
      for _, path in ipairs { "/idp/scopes", "/healthz", "/idp/cli_login/nonce", "/idp/userinfo", "/nowhere",
                              "/idp/authorize?client_id=x" } do
        for _, version in ipairs { 1.1, 2 } do
          local whole = http.get(server, path, { version = version })
          local answer = http.request(server, "HEAD", path, { version = version })
          assert.equal(whole.status, answer.status)
          assert.equal("", answer.body)
          for _, name in ipairs { "content-type", "content-length", "cache-control", "access-control-allow-origin" } do
            assert.equal(whole.headers[name], answer.headers[name], path .. " " .. name)
          end
        end
      end
    end)

    it("a preflight is answered where other origins may ask, nowhere else", function()
      local headers = { origin = "https://spa.example", ["access-control-request-method"] = "POST" }
      for _, path in ipairs {
        "/idp/token", "/idp/token/revoke", "/idp/token/introspect", "/idp/userinfo", "/idp/scopes",
      } do
        local answer = http.request(server, "OPTIONS", path, { headers = headers })
        assert.equal(204, answer.status, path)
        assert.equal("", answer.body)
        assert.equal("*", answer.headers["access-control-allow-origin"])
        assert.is_nil(answer.headers["access-control-allow-credentials"])
      end
      for _, path in ipairs { "/idp/apps", "/idp/login", "/idp/authorize", "/idp/authorize/consent", "/idp/cli_login",
                              "/idp/cli_login/nonce", "/metrics" } do
        local answer = http.request(server, "OPTIONS", path, { headers = headers })
        assert.equal(405, answer.status, path)
        assert.is_nil(answer.headers["access-control-allow-origin"])
        assert.is_nil(http.get(server, path, { headers = headers }).headers["access-control-allow-origin"])
      end
    end)
  end)
end)
