-- /admin: who may look, what is found, the audit log page by page and as files, and that the charts show what happened.
local cjson = require "cjson.safe"

local cli = require "helpers.cli"
local flow = require "helpers.flow"
local http = require "helpers.http"
local server_helper = require "helpers.server"
local shape = require "helpers.shape"
local sys = require "helpers.sys"

describe("/admin", function()
  local server, admin, plain, app, cookie, plain_cookie
  lazy_setup(function()
    server = server_helper.start { policies = server_helper.unlimited(), settings = { limits = { refusals_told = 0 } } }
    admin = flow.user(server, { name = "root", roles = { "admin" } })
    plain = flow.user(server, { name = "Plain.Jane" })
    app = flow.app(server, plain, { name = "Acme Robots_x", description = "<script>alert(1)</script>" })
    cookie = flow.sign_in(server, app, admin)
    plain_cookie = flow.sign_in(server, app, plain)
    flow.tokens(server, app, plain_cookie)
  end)
  lazy_teardown(function()
    server:stop()
  end)

  local function get(path, who)
    return http.get(server, path, { cookie = who or cookie })
  end
  -- Records are written a moment after the answers that they are about.
  local function recorded(path, fits)
    local deadline = sys.now() + 5 * server_helper.patience
    local answer
    repeat
      answer = get(path)
      if fits(answer) then
        return answer
      end
    until sys.now() > deadline
    error("not seen at " .. path .. ": " .. answer.status .. answer.body:sub(1, 4000), 2)
  end
  local function lines_of(answer)
    assert.equal(200, answer.status, answer.body)
    local rows = {}
    for line in answer.body:gmatch("[^\n]+") do
      table.insert(rows, (assert(cjson.decode(line), line)))
    end
    return rows
  end
  local function has(body, words)
    return body:find(words, 1, true) ~= nil
  end

  describe("rights", function()
    local paths = { "/admin", "/admin?view=numbers", "/admin/users", "/admin/apps", "/admin/audit", "/admin/audit.csv",
      "/admin/audit.jsonl", "/admin/users/nobody", "/admin/apps/nothing" }

    it("nobody signed in goes to sign-in, and comes back", function()
      for _, path in ipairs(paths) do
        local answer = http.get(server, path)
        assert.equal(302, answer.status, path)
        local base, params = answer:location()
        assert.equal(server.issuer .. "/idp/login", base)
        assert.equal(path, params.return_to)
      end
    end)

    it("others get a page that says no, and learn nothing", function()
      for _, path in ipairs(paths) do
        local answer = get(path, plain_cookie)
        shape.page(answer, 403)
        assert.is_true(has(answer.body, "for administrators"))
      end
      for _, path in ipairs {
        "/admin/users/" .. admin.user_id .. "/sign-out", "/admin/apps/" .. app.app_id .. "/switch",
      } do
        -- With the token that their own pages carry: what refuses them is that they are no administrator.
        local own = get("/account/sessions", plain_cookie).body
        local token = assert(own:match('name="csrf_token" value="([^"]+)"'), own)
        local answer = http.post(server, path, { form = { active = "no", csrf_token = token }, cookie = plain_cookie })
        shape.page(answer, 403)
        assert.is_true(has(answer.body, "for administrators"))
      end
      assert.equal(200, get("/account").status) -- and nobody was signed out, and no app switched off
      assert.is_true(http.get(server, "/idp/apps/" .. app.app_id, { bearer = plain.api_key }).json.active)
    end)

    it("a role that was taken away counts no more", function()
      local second = flow.user(server, { name = "second", roles = { "admin", "other" } })
      local theirs = flow.sign_in(server, app, second)
      assert.equal(200, get("/admin", theirs).status)
      cli.ask(server.state, "user", "change", "second", "--role", "administrator")
      assert.equal(403, http.ask_until(get, shape.is_refused, "/admin", theirs).status)
    end)

    it("show in the pages of one's account", function()
      assert.is_true(has(get("/account").body, 'href="/admin"'))
      assert.is_false(has(get("/account", plain_cookie).body, 'href="/admin"'))
    end)

    it("are not given by an API key or a token", function()
      assert.equal(302, http.get(server, "/admin", { bearer = admin.api_key }).status)
    end)
  end)

  describe("the overview", function()
    it("draws charts of what just happened, and names them", function()
      local answer = get "/admin"
      shape.page(answer, 200)
      shape.no_store(answer)
      for _, title in ipairs {
        "Sign-ins", "Tokens", "Refusals", "Requests", "Time to answer", "Answered from memory",
      } do
        assert.is_true(has(answer.body, ">" .. title .. "</h2>"), title)
      end
      local _, charts = answer.body:gsub('<svg viewBox="[%d ]+" role="img" aria%-labelledby="c%d c%d%-text">', "")
      assert.equal(6, charts)
      assert.is_nil(answer.body:find("style=", 1, true))
      local before = tonumber(answer.body:match('>Sign%-ins</h2><span class="total">(%d+)<'))
      flow.sign_in(server, app, plain)
      assert.equal(before + 1, tonumber(get("/admin").body:match('>Sign%-ins</h2><span class="total">(%d+)<')))
      assert.matches('class="bars s1" d="M%d+ 0V%-[%d%.]+', answer.body)
      assert.matches('class="line s1" d="M%d+%-[%d%.]+', answer.body)
    end)

    it("has the day, and the numbers as a table", function()
      for _, path in ipairs { "/admin?span=day", "/admin?span=nonsense", "/admin?view=numbers&span=day" } do
        assert.equal(200, get(path).status)
      end
      local numbers = get("/admin?view=numbers").body
      assert.matches('<tr><th scope="row">%d%d:%d%d</th><td>%d+</td><td>%d+</td><td>', numbers)
    end)

    it("tells of the policies' last reload", function()
      cli.run(server.state, "policy", "reload")
      local file = server.policies_directory .. "/login.lua"
      local kept = sys.read_file(file)
      sys.write_file(file, "return <broken>")
      cli.run(server.state, "policy", "reload")
      assert.matches("login.lua:1: ", get("/admin").body)
      sys.write_file(file, kept)
      cli.run(server.state, "policy", "reload")
      assert.is_true(has(get("/admin").body, "It works."))
    end)

    it("tells of a shadow policy, and how often it differs", function()
      assert.is_false(has(get("/admin").body, "Differences"))
      local candidate = server_helper.policies { ["consent_spec.lua"] = "", ["consent.lua"] = [[return {
        decide = function() return "deny", "Not today." end,
        page = function() return { title = "x", groups = {} } end,
      }]] }
      local shadow = cli.ask(server.state, "policy", "shadow", candidate)
      flow.tokens(server, app, plain_cookie)
      local body = get("/admin").body
      assert.is_true(has(body, shadow.shadow_version))
      assert.matches("<dt>Differences</dt><dd><bdi>[1-9]", body)
      cli.ask(server.state, "policy", "shadow", "--off")
      sys.run { "rm", "-r", candidate }
    end)

    it("is in German for those who want it", function()
      local body = http.get(server, "/admin", { cookie = cookie, headers = { ["accept-language"] = "de" } }).body
      assert.is_true(has(body, ">Anmeldungen</h2>"))
      assert.is_true(has(body, "Bisher nichts.") or has(body, "höchstens"))
    end)
  end)

  describe("users", function()
    it("are found by the begin of a name, by user_id and by hotkey", function()
      for search, found in pairs {
        plain = true, PLAIN = true, [plain.user_id] = true, [" plain.j"] = true, jane = false,
        ["plain%"] = false, ["plain_"] = false, ["'"] = false, ["\"><script>"] = false, ["\\"] = false } do
        local answer = get("/admin/users?" .. http.form { q = search })
        shape.page(answer, 200)
        assert.equal(found, has(answer.body, ">Plain.Jane</bdi></a>"), search)
        assert.is_nil(answer.body:find("<script>", 1, true))
      end
      assert.equal(400, get("/admin/users?q=" .. ("x"):rep(301)).status)
    end)

    it("come page by page, without loss or doubles", function()
      for i = 1, 60 do
        cli.ask(server.state, "user", "create", ("Many%02d"):format(i))
      end
      local seen, count, url = {}, 0, "/admin/users?q=many"
      while url do
        local body = get(url).body
        for name in body:gmatch(">(Many%d%d)</bdi></a>") do
          assert.is_nil(seen[name])
          seen[name], count = true, count + 1
        end
        url = body:match('rel="next" href="([^"]+)"')
        url = url and url:gsub("&amp;", "&")
      end
      assert.equal(60, count)
    end)

    it("have a page: roles, sessions, apps, what they allowed, last events", function()
      local answer = recorded("/admin/users/" .. plain.user_id, function(a) return has(a.body, ">token</span>") end)
      shape.page(answer, 200)
      assert.is_true(has(answer.body, "Acme Robots_x"))
      assert.is_true(has(answer.body, ">sign_in</span>"))
      assert.equal(404, get("/admin/users/nobody").status)
    end)

    it("are signed out everywhere, by the page's own form only", function()
      local leaver = flow.user(server, { name = "leaver" })
      local theirs = flow.sign_in(server, app, leaver)
      local path = "/admin/users/" .. leaver.user_id
      local csrf = assert(get(path).body:match('name="csrf_token" value="([^"]+)"'))
      assert.equal(403, http.post(server, path .. "/sign-out", { form = { csrf_token = "x" }, cookie = cookie }).status)
      assert.equal(403, http.post(server, path .. "/sign-out", { form = { csrf_token = csrf }, cookie = cookie,
        headers = { ["sec-fetch-site"] = "cross-site" } }).status)
      assert.is_true(has(http.get(server, "/", { cookie = theirs }).body, "leaver"))
      local answer = http.post(server, path .. "/sign-out", { form = { csrf_token = csrf }, cookie = cookie })
      assert.equal(303, answer.status)
      assert.is_false(has(http.get(server, "/", { cookie = theirs }).body, "leaver"))
      recorded(path, function(a) return has(a.body, "everywhere, by administrator root") end)
    end)
  end)

  describe("apps", function()
    it("are found by any part of a name, in short or in long", function()
      for search, found in pairs { acme = true, ROBOT = true, ac = true, ["s_x"] = true, ["_x"] = true, ["%_"] = false,
        ["s%x"] = false, ["\" OR \"a"] = false, ["*"] = false, ["name:"] = false, ["'"] = false, ["\\"] = false } do
        local answer = get("/admin/apps?" .. http.form { q = search })
        shape.page(answer, 200)
        assert.equal(found, has(answer.body, ">Acme Robots_x"), search)
      end
      for _, id in ipairs { app.app_id, app.client_id } do
        local answer = get("/admin/apps?q=" .. id)
        assert.equal(302, answer.status)
        assert.equal("/admin/apps/" .. app.app_id, answer.headers.location)
      end
    end)

    it("come page by page, the newest first, those that are off as well", function()
      for i = 1, 30 do
        flow.app(server, plain, { name = ("Paged%02d"):format(i), public = i % 2 == 0 })
      end
      for _, start in ipairs { "/admin/apps", "/admin/apps?q=paged", "/admin/apps?q=pa" } do
        local names, url = {}, start
        while url do
          local body = get(url).body
          for name in body:gmatch(">(Paged%d%d)</bdi></a>") do
            table.insert(names, name)
          end
          url = body:match('rel="next" href="([^"]+)"')
          url = url and url:gsub("&amp;", "&")
        end
        assert.equal(30, #names, start)
        for i, name in ipairs(names) do
          assert.equal(("Paged%02d"):format(31 - i), name)
        end
      end
      assert.equal(400, get("/admin/apps?before=x").status)
      assert.equal(400, get("/admin/apps?before=99999999999999999999").status)
    end)

    it("are switched off and on, and that is audited", function()
      local path = "/admin/apps/" .. app.app_id
      local page = get(path)
      shape.page(page, 200)
      assert.is_nil(page.body:find("<script>alert", 1, true))
      local csrf = page.body:match('name="csrf_token" value="([^"]+)"')
      local tokens = flow.tokens(server, app, plain_cookie)
      local function switch(active, token)
        return http.post(server, path .. "/switch", { form = { active = active, csrf_token = token }, cookie = cookie })
      end
      assert.equal(403, switch("no", "x").status)
      assert.equal(422, http.post(server, path .. "/switch", { form = { csrf_token = csrf }, cookie = cookie,
        headers = { accept = "application/json" } }).status)
      assert.equal(303, switch("no", csrf).status)
      assert.is_false(flow.is_active(server, tokens.access_token))
      assert.is_true(has(get(path).body, "Switch on"))
      assert.is_true(has(get("/admin/apps?q=acme").body, ">switched off</span>"))
      assert.equal(303, switch("yes", csrf).status)
      recorded(path, function(a)
        return has(a.body, "switched off by an administrator") and has(a.body, "switched on by an administrator")
      end)
    end)
  end)

  describe("the audit log", function()
    it("knows the same kinds in its form and in its documentation", function()
      local offered = {}
      for kind in get("/admin/audit").body:gmatch('<option value="([%a_]+)"') do
        offered[#offered + 1] = kind
      end
      assert.is_true(#offered >= 8)
      local documented
      for _, parameter in ipairs(get("/openapi.json").json.paths["/admin/audit"].get.parameters) do
        documented = parameter.name == "kind" and parameter.schema.description or documented
      end
      assert.equal("One of: " .. table.concat(offered, " ") .. ".", documented)
    end)

    it("is filtered by kind, user, app, address, request and time", function()
      recorded("/admin/audit?kind=token&user=plain.jane", function(a) return has(a.body, ">token</span>") end)
      local function only(query, name, value)
        local rows = lines_of(get("/admin/audit.jsonl?" .. http.form(query)))
        for _, row in ipairs(rows) do
          assert.equal(value, row[name])
        end
        return rows
      end
      assert.is_true(#only({ kind = "sign_in" }, "kind", "sign_in") > 1)
      assert.is_true(#only({ user = "PLAIN.jane" }, "username", "Plain.Jane") > 1)
      local rows = only({ user = plain.user_id, kind = "token" }, "user_id", plain.user_id)
      assert.is_true(#only({ app = app.client_id }, "app_id", app.app_id) > 1)
      assert.is_true(#only({ address = "127.0.0.1" }, "address", "127.0.0.1") > 5)
      local of_request = only({ request_id = rows[1].request_id }, "request_id", rows[1].request_id)
      assert.equal(rows[1].audit_id, of_request[1].audit_id)
      assert.is_true(has(get("/admin/audit?request_id=" .. rows[1].request_id).body, "&quot;function&quot;"))
      assert.is_table(rows[1].decisions)
      for query, some in pairs {
        ["from=2026-01-01"] = true, ["to=2026-01-01"] = false, ["from=2100-01-01T10:00"] = false,
        ["to=2100-01-01T10:00:05Z&from=2026-01-01"] = true, ["user=nobody"] = false, ["kind=x"] = false,
        ["app=%27%20OR%201%3D1"] = false, ["address=::1"] = false, ["request_id=%25"] = false } do
        assert.equal(some, #lines_of(get("/admin/audit.jsonl?" .. query)) > 0, query)
      end
      for _, query in ipairs { "from=yesterday", "to=2026-13-01", "from=2026-01-01T25:00", "before=x", "before=1.",
        "before=.x", "before=99999999999999999.x", "user=" .. ("x"):rep(301) } do
        assert.equal(400, get("/admin/audit?" .. query).status, query)
      end
    end)

    it("comes page by page, the newest first, without loss or doubles", function()
      for _ = 1, 70 do
        flow.login(server, app, plain, { fingerprint = "wrong" })
      end
      local refusals = http.metric(server, "moonlatch_refusals_total")
      recorded("/admin/audit.jsonl?kind=refusal", function(answer)
        return #lines_of(answer) == refusals
      end)
      local ids, seen, url = {}, {}, "/admin/audit?kind=refusal"
      local pages = 0
      while url do
        local body = get(url).body
        for id in body:gmatch("request_id=(%x+)\"") do
          assert.is_nil(seen[id])
          seen[id] = true
          table.insert(ids, id)
        end
        pages = pages + 1
        url = body:match('rel="next" href="([^"]+)"')
        url = url and url:gsub("&amp;", "&")
      end
      assert.equal(math.ceil(#ids / 25), pages)
      local all = lines_of(get("/admin/audit.jsonl?kind=refusal"))
      assert.equal(#all, #ids)
      for i, row in ipairs(all) do
        assert.equal(row.request_id, ids[i])
        assert.is_true(i == 1 or row.time <= all[i - 1].time)
      end
    end)

    -- RFC 4180 as a reader takes it.
    local function csv(text)
      local rows, row, at = {}, {}, 1
      while at <= #text do
        local cell
        if text:sub(at, at) == '"' then
          local parts = {}
          repeat
            local stop = assert(text:find('"', at + 1, true), "a quote is not closed")
            table.insert(parts, text:sub(at + 1, stop - 1))
            at = stop + 1
          until text:sub(at, at) ~= '"'
          cell = table.concat(parts, '"')
        else
          cell = text:match('^[^,\r\n"]*', at)
          at = at + #cell
        end
        table.insert(row, cell)
        if text:sub(at, at) == "," then
          at = at + 1
        else
          assert.equal("\r\n", text:sub(at, at + 1))
          table.insert(rows, row)
          row, at = {}, at + 2
        end
      end
      return rows
    end

    it("is a file of CSV or JSON Lines, with the same rows", function()
      local answer = get "/admin/audit.csv?kind=sign_in"
      assert.equal(200, answer.status)
      assert.matches("^text/csv", answer.headers["content-type"])
      assert.matches('^attachment; filename="audit%-%d%d%d%d%-%d%d%-%d%d%.csv"$', answer.headers["content-disposition"])
      shape.no_store(answer)
      local table_of, objects = csv(answer.body), lines_of(get "/admin/audit.jsonl?kind=sign_in")
      assert.equal(#objects + 1, #table_of)
      for i, object in ipairs(objects) do
        for column, name in ipairs(table_of[1]) do
          local cell = table_of[i + 1][column]
          local expected = object[name]
          if name == "decisions" then
            assert.same(expected, cjson.decode(cell))
          else
            assert.equal(expected == cjson.null and "" or expected, cell)
          end
        end
      end
    end)

    it("goes on in the next file, where its Link says", function()
      local all, ids = lines_of(get "/admin/audit.jsonl?kind=refusal"), {}
      local url = "/admin/audit.jsonl?kind=refusal&limit=20"
      while url do
        local answer = get(url)
        local rows = lines_of(answer)
        assert.is_true(#rows == 20 or not answer.headers.link)
        for _, row in ipairs(rows) do
          table.insert(ids, row.audit_id)
        end
        url = (answer.headers.link or ""):match('^<([^>]+)>; rel="next"$')
      end
      assert.equal(#all, #ids)
      for i, row in ipairs(all) do
        assert.equal(row.audit_id, ids[i])
      end
      for _, limit in ipairs { "0", "1001" } do
        shape.invalid(http.get(server, "/admin/audit.csv?limit=" .. limit, { cookie = cookie,
          headers = { accept = "application/json" } }), { { "query", "limit", "int_range" } })
      end
    end)

    it("holds no formula for a spreadsheet", function()
      flow.sign_in(server, app, flow.user(server, { name = "-2.plus" }))
      local found = {}
      local text = recorded("/admin/audit.csv", function(a) return has(a.body, "-2.plus") end).body
      for _, row in ipairs(csv(text)) do
        for _, cell in ipairs(row) do
          assert.is_nil(cell:find("^[=+%-@\t\r]"), cell)
          found[cell] = true
        end
      end
      assert.is_true(found["'-2.plus"])
    end)
  end)
end)
