-- serve --demo: a newcomer's first minute, as a browser without JavaScript walks it.
local flow = require "helpers.flow"
local http = require "helpers.http"
local server_helper = require "helpers.server"
local shape = require "helpers.shape"
local sys = require "helpers.sys"

local function unescape(text)
  return (text:gsub("&(#?%w+);", { amp = "&", lt = "<", gt = ">", quot = '"', ["#39"] = "'", ["#x27"] = "'" }))
end

-- A browser: cookies, redirects, forms.
local browser = {}
browser.__index = browser

local function browser_new(server)
  return setmetatable({ server = server, cookies = {} }, browser)
end

function browser:go(method, url, form)
  for _ = 1, 10 do
    local path = url:gsub("^https?://localhost:%d+", "")
    local cookies = {}
    for name, value in pairs(self.cookies) do
      cookies[#cookies + 1] = name .. "=" .. value
    end
    self.answer = http.request(self.server, method, path,
      { form = form, cookie = cookies[1] and table.concat(cookies, "; ") or nil })
    for name, set in pairs(self.answer.cookies) do
      self.cookies[name] = set:match("=([^;]*)")
    end
    self.path = path
    if not self.answer.headers.location then
      return self.answer
    end
    method, url, form = "GET", self.answer.headers.location, nil
  end
  error "too many redirects"
end

-- Sends the first form that has a field or button of that name, with these fields over its own.
function browser:submit(fields)
  for attributes, inside in self.answer.body:gmatch("<form([^>]*)>(.-)</form>") do
    local form, fits = {}, true
    for input in inside:gmatch("<input([^>]*)>") do
      local name = input:match('name="([^"]*)"')
      if name then
        form[name] = unescape(input:match('value="([^"]*)"') or "")
      end
    end
    for button in inside:gmatch("<button([^>]*)>") do
      local name = button:match('name="([^"]*)"')
      if name then
        form[name] = form[name] or ""
      end
    end
    for name, value in pairs(fields) do
      fits = fits and form[name] ~= nil
      form[name] = value
    end
    if fits then
      return self:go("POST", unescape(attributes:match('action="([^"]*)"') or self.path), form)
    end
  end
  error("no such form in " .. self.answer.body)
end

describe("serve --demo", function()
  local state, server
  lazy_setup(function()
    state = sys.directory()
    server = server_helper.start { args = { "--demo" }, state = state }
  end)
  lazy_teardown(function()
    server:stop()
    sys.run { "rm", "-rf", state }
  end)

  local function fingerprint()
    return table.concat(server.lines, "\n"):match("demo fingerprint %(shown once%): (%w+)")
  end

  it("prints a fingerprint once, and what to open", function()
    assert.equal(32, #fingerprint())
    assert.matches("^open http://localhost:%d+ and choose", server.process:line(5))
    local again = server_helper.start { args = { "--demo" }, state = state }
    assert.is_nil(table.concat(again.lines, "\n"):find("fingerprint (shown once)", 1, true))
    again:stop()
  end)

  it("page / explains and leads through the real flow to tokens, introspection and userinfo", function()
    local one = browser_new(server)
    shape.page(one:go("GET", "/"), 200)
    local link = one.answer.body:match('<a [^>]*href="([^"]+)">Try signing in</a>')
    shape.page(one:go("GET", unescape(link)), 200)
    assert.matches("^/idp/authorize%?", one.path)
    shape.page(one:submit { fingerprint = "wrong" }, 401)
    shape.page(one:submit { fingerprint = fingerprint() }, 200)
    assert.matches("^/idp/authorize/consent%?", one.path)
    assert.matches("Sign you in", one.answer.body)
    shape.page(one:submit { action = "approve" }, 200)
    assert.matches("^/demo/callback%?", one.path)
    local body = unescape(one.answer.body)
    assert.matches('"access_token":"cak_', body)
    assert.matches('"active":true', body)
    assert.matches('"username":"demo"', body)
    -- again: signed in already, but the demo proves nothing, and any program may have a port of this machine
    shape.page(one:go("GET", "/demo"), 200)
    assert.matches("^/idp/authorize/consent%?", one.path)
    shape.page(one:submit { action = "approve" }, 200)
    assert.matches("^/demo/callback%?", one.path)
  end)

  it("a denied sign-in says so, and a foreign callback is refused", function()
    local one = browser_new(server)
    one:go("GET", "/demo")
    one:submit { fingerprint = fingerprint() }
    if one.path:find("consent", 1, true) then
      shape.page(one:submit { action = "deny" }, 403)
    end
    shape.page(browser_new(server):go("GET", "/demo/callback?code=x&state=y"), 400)
  end)

  it("is asked for by the environment and the settings file as well", function()
    for _, case in ipairs {
      { { env = { MOONLATCH_DEMO = "1" } }, 302 }, { { settings = { demo = true } }, 302 },
      { { settings = { demo = true }, env = { MOONLATCH_DEMO = "0" } }, 404 },
    } do
      local asked = server_helper.start(case[1])
      assert.equal(case[2], http.get(asked, "/demo").status)
      asked:stop()
    end
  end)

  it("tells on / what runs here; without it, that is for administrators", function()
    local function details(one, cookie)
      local answer = http.get(one, "/", { cookie = cookie })
      shape.page(answer, 200)
      local body = answer.body
      assert.matches("POST</span> <code>/idp/token", body, 1, true)
      local version, kind = body:match("<dt>Version</dt><dd>([^<]+)<"), body:match("<dt>Database</dt><dd>([^<]+)<")
      return version ~= nil, kind ~= nil, body:find(one.policies_directory, 1, true) ~= nil
    end
    local demo = server_helper.start { settings = { demo = true }, policies = {} }
    assert.same({ true, true, true }, { details(demo) })
    demo:stop()
    local plain = server_helper.start { policies = {} }
    local root = flow.world(plain, nil, { name = "root", roles = { "admin" } })
    local user = flow.world(plain, { name = "Another app" }, { name = "user" })
    assert.same({ true, true, true }, { details(plain, root.cookie) })
    assert.same({ false, false, false }, { details(plain, user.cookie) })
    assert.same({ false, false, false }, { details(plain) })
    plain:stop()
  end)

  it("without it there is no demo, and / still explains", function()
    local plain = server_helper.start()
    shape.page(http.get(plain, "/"), 200)
    assert.is_nil(http.get(plain, "/").body:find("Try signing in", 1, true))
    shape.page(http.get(plain, "/demo"), 404)
    shape.page(http.get(plain, "/demo/callback"), 404)
    plain:stop()
  end)
end)

describe("Pages", function()
  local server, owner
  lazy_setup(function()
    server = server_helper.start()
    owner = flow.user(server)
  end)
  lazy_teardown(function()
    server:stop()
  end)

  it("escape what users wrote", function()
    local nasty = [[<script>alert(1)</script>"'><img src=x onerror=alert(2)>]]
    local app = flow.app(server, owner, { description = nasty, homepage_url = "https://x.example/%22onmouseover=1" })
    local login = flow.authorize(server, app)
    local cookie = flow.sign_in(server, app, owner)
    local consent = http.get(server, "/idp/authorize/consent?session_id=" .. flow.session_id(server, app, cookie),
      { cookie = cookie })
    for _, answer in ipairs { login, consent } do
      shape.page(answer, 200)
      assert.is_nil(answer.body:find("<script>alert", 1, true))
      assert.is_nil(answer.body:find("<img src=x", 1, true))
      assert.is_truthy(answer.body:find("&lt;script&gt;alert(1)", 1, true))
    end
  end)

  it("state and error texts come back escaped, too", function()
    local app = flow.app(server, owner)
    local answer = flow.authorize(server, app, { state = [["><script>x</script>]] })
    assert.is_nil(answer.body:find("<script>x", 1, true))
    local refused = http.get(server, "/idp/authorize?client_id=%3Cscript%3E&redirect_uri=x&response_type=code")
    assert.is_nil(refused.body:find("<script>", 1, true))
  end)

  it("let the form go on to the app, and nowhere else", function()
    local app = flow.app(server, owner, { redirect_uris = { "https://app.example:8443/cb" } })
    local csp = flow.authorize(server, app).headers["content-security-policy"]
    assert.matches("form%-action 'self' https://app.example:8443", csp)
    assert.matches("frame%-ancestors 'none'", csp)
    assert.matches("default%-src 'none'", csp)
  end)

  it("serve their styles and scripts with their own types, to be kept", function()
    local body = http.get(server, "/").body
    local style = body:match('<link rel="stylesheet" href="([^"]+)">')
    local answer = http.get(server, style)
    assert.equal(200, answer.status)
    assert.matches("^text/css", answer.headers["content-type"])
    assert.matches("immutable", answer.headers["cache-control"])
    assert.equal("nosniff", answer.headers["x-content-type-options"])
    shape.detail(http.get(server, "/assets/nothing.css"), 404)
    shape.detail(http.get(server, "/assets/..%2flogin.html"), 404)
  end)
end)
