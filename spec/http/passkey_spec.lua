-- Passkeys: made in the account, to sign in with alone or as a second factor, and what is refused of them.
local authenticator = require "helpers.authenticator"
local cli = require "helpers.cli"
local flow = require "helpers.flow"
local http = require "helpers.http"
local jose = require "helpers.jose"
local lock = require "helpers.lock"
local server_helper = require "helpers.server"
local shape = require "helpers.shape"
local wallet = require "helpers.wallet"

-- Who has a name that begins so needs a passkey after a fingerprint or a hotkey.
local LOGIN = [[
  return {
    methods = { "fingerprint", "hotkey", "passkey" },
    allow = function(facts) return facts.user.username ~= "Barred", "Barred people stay out." end,
    second_factor = function(facts)
      if facts.user.username == "Broken" then error "broken" end
      local name = facts.user.username
      return name:find("^two") ~= nil or (name:find("^maybe") ~= nil and facts.passkeys > 0)
    end,
  }
]]

describe("A passkey", function()
  local server, world
  lazy_setup(function()
    server = server_helper.start { policies = { ["login.lua"] = LOGIN, ["login_spec.lua"] = "" } }
    world = flow.world(server)
  end)
  lazy_teardown(function()
    server:stop()
  end)

  local function merged(...)
    local all = {}
    for _, map in ipairs { ... } do
      for name, value in pairs(map) do
        all[name] = value
      end
    end
    return all
  end

  local function challenge()
    return (authenticator.asked(http.get(server, "/idp/login").body))
  end

  local function post(fields)
    return http.post(server, "/idp/login", { form = merged({ return_to = "/account" }, fields) })
  end

  local function by_fingerprint(user)
    return post { auth_method = "fingerprint", fingerprint = user.fingerprint }
  end

  local function with(key, more)
    return post(merged({ auth_method = "passkey" }, key:get(challenge(), more)))
  end

  local function page(cookie)
    local answer = http.get(server, "/account/passkeys", { cookie = cookie })
    shape.page(answer, 200)
    return answer.body
  end

  local function send(cookie, fields)
    local csrf = page(cookie):match('name="csrf_token" value="([^"]+)"')
    return http.post(server, "/account/passkeys", { cookie = cookie, form = merged({ csrf_token = csrf }, fields) })
  end

  -- Of somebody who is signed in: a new one.
  local function add(cookie, more, key)
    key = key or authenticator.new(server.issuer)
    local asked, mode = authenticator.asked(page(cookie))
    assert.equal("create", mode)
    return send(cookie, merged({ action = "add", name = "My key" }, key:create(asked, more))), key
  end

  local function person(name)
    local user = flow.user(server, { name = name })
    local cookie = flow.cookie_of(by_fingerprint(user))
    return user, cookie
  end

  local function signed_in(answer)
    return answer.status == 303 and answer.cookies[flow.COOKIE] ~= nil
  end

  -- How many of ten who send their forms at the same time are signed in.
  local function signed_in_at_once(fields_of)
    local forms, connections, streams, count = {}, {}, {}, 0
    for i = 1, 10 do
      forms[i], connections[i] = merged({ return_to = "/account" }, fields_of(i)), http.connect(server)
    end
    for i = 1, 10 do
      streams[i] = connections[i]:send("POST", "/idp/login", { form = forms[i] })
    end
    for i = 1, 10 do
      count = count + (signed_in(connections[i]:receive(streams[i])) and 1 or 0)
      connections[i]:close()
    end
    return count
  end

  it("is made, signs in alone, and is removed", function()
    for _, kind in ipairs { "EC", "RSA", "P384" } do
      local user, cookie = person("Pat" .. kind)
      local answer, key = add(cookie, nil, authenticator.new(server.issuer, kind))
      assert.equal(server.issuer .. "/account/passkeys", answer.headers.location)
      assert.is_truthy(page(cookie):find("My key", 1, true))
      answer = with(key)
      assert.is_true(signed_in(answer), answer.body)
      local fresh = flow.cookie_of(answer)
      assert.matches("by passkey", http.get(server, "/account", { cookie = fresh }).body)
      assert.is_true(signed_in(by_fingerprint(user))) -- and as before

      local listed = cli.ask(server.state, "passkey", "list", user.username)
      assert.equal(1, #listed)
      assert.equal(key:credential_id(), listed[1].passkey_id)
      assert.equal(303, send(fresh, { action = "remove", passkey_id = key:credential_id() }).status)
      assert.equal(401, with(key).status)
    end
  end)

  it("says in id_tokens how somebody signed in", function()
    local _, cookie = person "Amr"
    local _, key = add(cookie)
    local tokens = flow.tokens(server, world.app, flow.cookie_of(with(key)), { scope = "openid" })
    local _, claims = jose.read(tokens.id_token)
    assert.same({ "pop", "user" }, claims.amr)
  end)

  it("goes on to the app that asked", function()
    local _, cookie = person "Onward"
    local _, key = add(cookie)
    local answer = http.post(server, "/idp/login", { form = merged(flow.request(world.app, { response_type = false }),
      { auth_method = "passkey" }, key:get(challenge())) })
    assert.equal(303, answer.status)
    assert.matches("/idp/authorize/consent%?session_id=", answer.headers.location)
  end)

  it("of an answer that is not for here, not fresh or not right signs nobody in", function()
    local _, cookie = person "Careful"
    local _, key = add(cookie)
    local other = authenticator.new(server.issuer)
    local good = key:get(challenge())
    for what, fields in pairs {
      ["another origin"] = key:get(challenge(), { client_data = { origin = "https://evil.example" } }),
      ["another port"] = key:get(challenge(), { client_data = { origin = "http://localhost:1" } }),
      ["under another's page"] = key:get(challenge(), { client_data = { topOrigin = "https://evil.example" } }),
      ["in a frame of another"] = key:get(challenge(), { client_data = { crossOrigin = true } }),
      ["a registration"] = key:get(challenge(), { client_data = { type = "webauthn.create" } }),
      ["another relying party"] = key:get(challenge(), { rp = "evil.example" }),
      ["a challenge of nobody's"] = key:get("0e54bb3e-6f63-4f2b-8d27-0123456789ab"),
      ["no challenge"] = key:get(challenge(), { client_data = { challenge = "" } }),
      ["nobody there"] = key:get(challenge(), { flags = 0x04 }),
      ["nobody verified"] = key:get(challenge(), { flags = 0x01 }),
      ["backed up, but not able to be"] = key:get(challenge(), { flags = 0x15 }),
      ["another's signature"] = merged(good, { signature = other:get(challenge()).signature }),
      ["no signature"] = merged(good, { signature = "" }),
      ["another's id"] = merged(other:get(challenge())),
      ["garbage"] = { credential_id = key:credential_id(), client_data = "e30", authenticator_data = "AAAA",
        signature = "AAAA" },
      ["no base64url"] = merged(good, { client_data = "{}", authenticator_data = "+/=" }),
      ["altered data"] = merged(good, { client_data = key:get(challenge()).client_data }),
      ["too long"] = merged(good, { authenticator_data = ("A"):rep(20000) }),
    } do
      local answer = post(merged({ auth_method = "passkey" }, fields))
      assert.equal(401, answer.status, what)
      shape.page(answer, 401)
      assert.is_nil(answer.cookies[flow.COOKIE], what)
    end
    assert.is_true(signed_in(post(merged({ auth_method = "passkey" }, good))))
    assert.equal(422, post({ auth_method = "passkey" }).status)
  end)

  it("is good once, also for ten who send it at once", function()
    local _, cookie = person "Once"
    local _, key = add(cookie)
    local fields = merged({ auth_method = "passkey" }, key:get(challenge()))
    assert.equal(1, signed_in_at_once(function()
      return fields
    end))
    assert.equal(401, post(fields).status)
  end)

  it("whose count goes back has been copied", function()
    local _, cookie = person "Counting"
    local _, key = add(cookie, { count = 5 })
    assert.is_true(signed_in(with(key, { count = 6 })))
    for _, count in ipairs { 6, 5, 0 } do
      local answer = with(key, { count = count })
      assert.equal(401, answer.status)
      assert.matches("may have been copied", answer.body)
    end
    assert.is_true(signed_in(with(key, { count = 4294967295 })))
  end)

  it("has a count that falls when the policy says so, as that of synced ones does", function()
    local kept = server_helper.start()
    local asked_there = function() return (authenticator.asked(http.get(kept, "/idp/login").body)) end
    local function sign_in(key, more)
      return http.post(kept, "/idp/login",
        { form = merged({ return_to = "/account", auth_method = "passkey" }, key:get(asked_there(), more)) })
    end
    local function made(name, flags)
      local user = flow.user(kept, { name = name })
      local cookie = flow.cookie_of(http.post(kept, "/idp/login",
        { form = { return_to = "/account", auth_method = "fingerprint", fingerprint = user.fingerprint } }))
      local body = http.get(kept, "/account/passkeys", { cookie = cookie }).body
      local key = authenticator.new(kept.issuer)
      assert.equal(303, http.post(kept, "/account/passkeys", { cookie = cookie, form = merged(
        { action = "add", csrf_token = body:match('name="csrf_token" value="([^"]+)"') },
        key:create(authenticator.asked(body), { flags = flags, count = 9 })) }).status)
      return key
    end
    local synced, bound = made("Synced", 0x4d), made("Bound", 0x45)
    for _, count in ipairs { 3, 3, 0, 7, 0 } do
      assert.is_true(signed_in(sign_in(synced, { flags = 0x1d, count = count })))
      local answer = sign_in(bound, { flags = 0x1d, count = count }) -- that it is synced now it may say itself
      assert.equal(401, answer.status)
      assert.matches("may have been copied", answer.body)
    end
    kept:stop()
  end)

  it("is made by pages of old as it was, with the attested key", function()
    local user, cookie = person "Old"
    local key = authenticator.new(server.issuer)
    assert.equal(303, add(cookie, { is_old = true }, key).status)
    assert.is_true(signed_in(with(key)))
    key = authenticator.new(server.issuer)
    assert.equal(303, send(cookie, merged({ action = "add" },
      key:create(authenticator.asked(page(cookie)), { is_old = true }), { public_key = "" })).status)
    assert.is_true(signed_in(with(key)))
    assert.equal(2, #cli.ask(server.state, "passkey", "list", user.username))
  end)

  it("is asked for with a challenge that is fresh, also where the page is old", function()
    local function fresh(use)
      local answer = http.get(server, "/idp/passkey/challenge" .. (use and "?use=" .. use or ""))
      assert.equal(use and 200 or 422, answer.status)
      assert.equal("no-store", answer.headers["cache-control"])
      return answer.json.challenge
    end
    fresh()
    assert.equal(422, http.get(server, "/idp/passkey/challenge?use=dance").status)
    local _, cookie = person "Fresh"
    local key = authenticator.new(server.issuer)
    for use, status in pairs { sign_in = 400, second_factor = 400, make = 303 } do
      assert.equal(status, send(cookie, merged({ action = "add" }, key:create(fresh(use)))).status, use)
    end
    for use, status in pairs { sign_in = 303, second_factor = 401, make = 401 } do
      assert.equal(status, post(merged({ auth_method = "passkey" }, key:get(fresh(use)))).status, use)
    end
  end)

  it("that nobody has is named to the browser, and so are all that somebody has", function()
    local user, cookie = person "Signalled"
    local _, key = add(cookie)
    assert.is_truthy(page(cookie):find(('data-user="%s" data-ids="%s"'):format(user.user_id, key:credential_id()), 1,
      true))
    local stranger = authenticator.new(server.issuer)
    assert.is_truthy(with(stranger).body:find(('data-unknown="%s"'):format(stranger:credential_id()), 1, true))
    for _, answer in ipairs { with(key, { flags = 0x01 }), http.get(server, "/idp/login"),
                              post { auth_method = "fingerprint", fingerprint = "x" } } do
      assert.is_truthy(answer.body:find('data-unknown=""', 1, true))
    end
  end)

  it("may be used on the pages of related origins", function()
    local related = server_helper.start { settings = { related_origins = { "https://id.example.org",
      "https://id.example.net:8443" } } }
    local answer = http.get(related, "/.well-known/webauthn")
    assert.equal("application/json", answer.headers["content-type"])
    assert.same({ origins = { related.issuer, "https://id.example.org", "https://id.example.net:8443" } }, answer.json)
    assert.same({ origins = { server.issuer } }, http.get(server, "/.well-known/webauthn").json)
    for origin, said in pairs { ["https://id.example.net:8443"] = "No account has", [related.issuer] = "No account has",
                                ["https://id.example.net"] = "not for this page" } do
      local asked = authenticator.asked(http.get(related, "/idp/login").body)
      answer = http.post(related, "/idp/login", { form = merged({ return_to = "/account", auth_method = "passkey" },
        authenticator.new(related.issuer):get(asked, { client_data = { origin = origin } })) })
      assert.matches(said, answer.body, origin)
    end
    related:stop()
  end)

  it("as a second factor alone need not verify anybody, unless the policy says so", function()
    for verification, status in pairs { preferred = 303, required = 401 } do
      local only = server_helper.start { policies = { ["login_spec.lua"] = "", ["login.lua"] = ([[
        return { methods = { "fingerprint" }, allow = function() return true end,
          second_factor = function() return true end, user_verification = "%s" }
      ]]):format(verification) } }
      local user = flow.user(only)
      local key = authenticator.new(only.issuer)
      local function second(make, flags)
        local asked = http.post(only, "/idp/login",
          { form = { return_to = "/account", auth_method = "fingerprint", fingerprint = user.fingerprint } }).body
        local wants = ('data-verification="%s" data-residence="discouraged"'):format(verification)
        assert.is_truthy(asked:find(wants, 1, true))
        return http.post(only, "/idp/login", { form = merged({ return_to = "/account", auth_method = "second_factor",
          factor = asked:match('name="factor" value="([^"]+)"') },
          key[make](key, authenticator.asked(asked), { flags = flags })) }).status
      end
      assert.equal(status, second("create", 0x41))
      assert.equal(status == 303 and 401 or 303, second("create", 0x45)) -- there is one by now, or none yet
      assert.equal(status, second("get", 0x01))
      assert.equal(303, second("get", 0x05))
      only:stop()
    end
    assert.is_truthy(http.get(server, "/idp/login").body:find('data-verification="required" data-residence="required"',
      1, true))
  end)

  it("is nobody's but its maker's", function()
    local _, mine = person "Mine"
    local _, key = add(mine)
    local _, theirs = person "Theirs"
    assert.equal(409, add(theirs, nil, key).status)
    assert.equal(404, send(theirs, { action = "remove", passkey_id = key:credential_id() }).status)
    assert.is_true(signed_in(with(key)))
  end)

  it("is not made of what is not right", function()
    local _, cookie = person "Maker"
    local key = authenticator.new(server.issuer)
    for what, more in pairs {
      origin = { client_data = { origin = "https://evil.example" } }, use = { client_data = { type = "webauthn.get" } },
      party = { rp = "evil.example" }, verified = { flags = 0x41 }, present = { flags = 0x44 }, id = { flags = 0x05 },
    } do
      local answer = add(cookie, more, key)
      assert.equal(400, answer.status, what)
    end
    local asked = authenticator.asked(page(cookie))
    for _, public_key in ipairs { "AAAA", "+", ("A"):rep(5000), authenticator.new(server.issuer):public_key() } do
      for _, is_old in ipairs { false, true } do
        local answer = send(cookie,
          merged({ action = "add" }, key:create(asked, { is_old = is_old }), { public_key = public_key }))
        assert.equal(400, answer.status)
        assert.matches("not the one that the passkey says", answer.body)
      end
    end
    for _, attestation in ipairs { "+", "oA", "gA", ("A"):rep(50000) } do -- no base64url, {}, [], too long
      assert.equal(400, send(cookie, merged({ action = "add" }, key:create(asked),
        { attestation_object = attestation })).status)
    end
    for cose, said in pairs { COSE = "not for this page", ["\xa0"] = "cannot be used here",
                              [authenticator.new(server.issuer, "P521"):cose_key()] = "cannot be used here" } do
      local answer = send(cookie, merged({ action = "add" }, key:create(asked, { cose = cose })))
      assert.equal(400, answer.status)
      assert.matches(said, answer.body)
    end
    assert.equal(400, send(cookie, { action = "add" }).status)
    assert.equal(400, send(cookie, { action = "dance" }).status)
    assert.equal(403, http.post(server, "/account/passkeys",
      { cookie = cookie, form = merged({ action = "add" }, key:create(asked)) }).status)
    assert.equal(303, send(cookie, merged({ action = "add" }, key:create(asked))).status)
    local answer = send(cookie, merged({ action = "add" }, key:create(asked))) -- the same once more
    assert.equal(400, answer.status)
    assert.matches("was sent already", answer.body)
    assert.equal(409, add(cookie, nil, key).status)
    assert.equal(303, send(cookie, { action = "remove", passkey_id = key:credential_id() }).status)
    assert.equal(400, send(cookie, merged({ action = "add" }, key:create(asked))).status) -- removed is removed
  end)

  it("is made and removed by who has just signed in; others are told before a key is made for nothing", function()
    local user, cookie = person "Stale"
    local _, key = add(cookie)
    local before = page(cookie)
    lock.change(server, ("UPDATE sessions SET auth_time = auth_time - 601 WHERE user_id = '%s'"):format(user.user_id))
    local body = http.ask_until(function()
      return page(cookie)
    end, function(now)
      return not now:find("data-passkey", 1, true)
    end)
    assert.is_truthy(body:find("Sign in again", 1, true))
    assert.is_truthy(body:find("My key", 1, true))
    assert.is_nil(body:find('name="passkey_id"', 1, true))
    local csrf = before:match('name="csrf_token" value="([^"]+)"')
    for _, fields in ipairs { merged({ action = "add" }, authenticator.new(server.issuer):create(challenge())),
                              { action = "remove", passkey_id = key:credential_id() } } do
      local answer = http.post(server, "/account/passkeys",
        { cookie = cookie, form = merged({ csrf_token = csrf }, fields) })
      assert.equal(303, answer.status)
      local url, params = answer:location()
      assert.equal(server.issuer .. "/idp/login", url)
      assert.same({ return_to = "/account/passkeys", prompt = "login" }, params)
    end
    assert.is_true(signed_in(with(key)))
  end)

  it("leaves with its user", function()
    local user, cookie = person "Leaver"
    local _, key = add(cookie)
    cli.ask(server.state, "user", "delete", user.username)
    assert.equal(401, with(key).status)
    local _, again = person "Leaver"
    assert.equal(303, add(again, nil, key).status)
  end)

  it("of somebody whom the policy bars signs nobody in", function()
    local user = flow.user(server, { name = "Barred" })
    assert.equal(401, by_fingerprint(user).status)
  end)

  describe("as a second factor", function()
    local function factor_of(answer)
      shape.page(answer, 200)
      assert.is_nil(answer.cookies[flow.COOKIE])
      local asked, mode = authenticator.asked(answer.body)
      return answer.body:match('name="factor" value="([^"]+)"'), asked, mode
    end

    -- Of another page that asks this user for a second factor.
    local function fresh(user)
      return (select(2, factor_of(by_fingerprint(user))))
    end

    local function second(factor, fields, more)
      return post(merged({ auth_method = "second_factor", factor = factor }, fields, more or {}))
    end

    it("is made at the first sign-in where there is none, and asked for then", function()
      local user = flow.user(server, { name = "two.Anna" })
      local key = authenticator.new(server.issuer)
      local factor, asked, mode = factor_of(by_fingerprint(user))
      assert.equal("create", mode)
      assert.is_true(signed_in(second(factor, key:create(asked))))

      factor, asked, mode = factor_of(by_fingerprint(user))
      assert.equal("get", mode)
      local answer = second(factor, key:get(asked, { flags = 0x01 })) -- that she is there is enough
      assert.is_true(signed_in(answer), answer.body)
      local tokens = flow.tokens(server, world.app, flow.cookie_of(answer), { scope = "openid" })
      local _, claims = jose.read(tokens.id_token)
      assert.same({ "pwd", "pop", "mfa" }, claims.amr)
      assert.matches("fingerprint%+passkey", http.get(server, "/account", { cookie = flow.cookie_of(answer) }).body)
      assert.is_true(signed_in(with(key))) -- a passkey alone is both
    end)

    it("goes along with what an app asked for", function()
      local user = flow.user(server, { name = "two.App" })
      local key = authenticator.new(server.issuer)
      local request = flow.request(world.app, { response_type = false, nonce = false })
      local answer = http.post(server, "/idp/login",
        { form = merged(request, { auth_method = "fingerprint", fingerprint = user.fingerprint }) })
      local factor, asked = factor_of(answer)
      assert.is_truthy(answer.body:find('name="client_id" value="' .. world.app.client_id, 1, true))
      answer = http.post(server, "/idp/login",
        { form = merged(request, { auth_method = "second_factor", factor = factor }, key:create(asked)) })
      assert.matches("/idp/authorize/consent", answer.headers.location)
    end)

    it("is the same user's, and no new one where there is one", function()
      local user = flow.user(server, { name = "two.Bert" })
      local key, other = authenticator.new(server.issuer), authenticator.new(server.issuer)
      local too_late = fresh(user)
      local factor, asked = factor_of(by_fingerprint(user))
      assert.is_true(signed_in(second(factor, key:create(asked))))
      local _, cookie = person "Stranger"
      assert.equal(303, add(cookie, nil, other).status)

      factor, asked = factor_of(by_fingerprint(user))
      local answer = second(factor, other:get(asked))
      shape.page(answer, 401)
      assert.matches("another account", answer.body)
      factor = factor_of(by_fingerprint(user))
      answer = second(factor, authenticator.new(server.issuer):create(too_late))
      assert.equal(401, answer.status)
      assert.matches("Use the passkey that you have", answer.body)
      -- the page asks once more
      factor, asked = answer.body:match('name="factor" value="([^"]+)"'), (authenticator.asked(answer.body))
      assert.is_true(signed_in(second(factor, key:get(asked))))
      assert.equal(401, second(factor, key:get(asked)).status) -- and takes it once
    end)

    it("makes one session of one first factor, also for ten who send it at once", function()
      local user = flow.user(server, { name = "two.Once" })
      local key = authenticator.new(server.issuer)
      local factor, asked = factor_of(by_fingerprint(user))
      assert.is_true(signed_in(second(factor, key:create(asked))))
      assert.equal(401, second(factor, key:get(fresh(user))).status) -- with a fresh challenge
      factor = factor_of(by_fingerprint(user))
      assert.equal(1, signed_in_at_once(function()
        return merged({ auth_method = "second_factor", factor = factor }, key:get(fresh(user)))
      end))
      local other = flow.user(server, { name = "two.Ones" })
      factor = factor_of(by_fingerprint(other))
      assert.equal(1, signed_in_at_once(function()
        return merged({ auth_method = "second_factor", factor = factor },
          authenticator.new(server.issuer):create(fresh(other)))
      end))
      assert.equal(1, #cli.ask(server.state, "passkey", "list", other.username))
      local third = flow.user(server, { name = "two.Racers" }) -- several first factors
      assert.equal(1, signed_in_at_once(function()
        local its, asked_of_it = factor_of(by_fingerprint(third))
        return merged({ auth_method = "second_factor", factor = its },
          authenticator.new(server.issuer):create(asked_of_it))
      end))
      assert.equal(1, #cli.ask(server.state, "passkey", "list", third.username))
      factor, asked = factor_of(by_fingerprint(user))
      local fields = key:get(asked)
      assert.is_true(signed_in(second(factor, fields)))
      factor = factor_of(by_fingerprint(user))
      assert.equal(401, second(factor, fields).status) -- another factor does not renew it
      assert.equal(401, post(merged({ auth_method = "passkey" }, fields)).status)
    end)

    it("goes along with a device's user_code", function()
      local user = flow.user(server, { name = "two.Device" })
      local key = authenticator.new(server.issuer)
      local function with_code(fields)
        return http.post(server, "/idp/login", { form = merged({ user_code = "BCDF-GHJK" }, fields) })
      end
      local answer = with_code { auth_method = "fingerprint", fingerprint = user.fingerprint }
      local factor, asked = factor_of(answer)
      assert.is_truthy(answer.body:find('name="user_code" value="BCDF', 1, true))
      answer = with_code(merged({ auth_method = "second_factor", factor = factor }, key:create(asked)))
      assert.is_true(signed_in(answer))
      assert.matches("/idp/device%?user_code=BCDF", answer.headers.location)
    end)

    it("and all else is good for what its page asked for alone", function()
      local user = flow.user(server, { name = "two.Purposes", hotkey = wallet.address("//Purposes") })
      local key, other = authenticator.new(server.issuer), authenticator.new(server.issuer)
      local factor, to_make = factor_of(by_fingerprint(user))
      assert.equal(401, second(factor, key:create(challenge())).status) -- to sign in
      assert.is_true(signed_in(second(factor, key:create(to_make))))
      factor = factor_of(by_fingerprint(user))
      local cookie = flow.cookie_of(with(key))
      to_make = authenticator.asked(page(cookie))
      local to_sign = http.get(server, "/idp/cli_login/nonce").json.nonce
      for name, asked in pairs { ["to sign in"] = challenge(), ["to make one"] = to_make, ["a wallet's"] = to_sign } do
        assert.equal(401, second(factor, key:get(asked)).status, name .. ", as a second factor")
      end
      for name, asked in pairs { ["a second factor"] = fresh(user), ["to make one"] = to_make,
                                 ["a wallet's"] = to_sign } do
        assert.equal(401, post(merged({ auth_method = "passkey" }, key:get(asked))).status, name .. ", to sign in")
      end
      for name, asked in pairs { ["to sign in"] = challenge(), ["a second factor"] = fresh(user),
                                 ["a wallet's"] = to_sign } do
        assert.equal(400, send(cookie, merged({ action = "add" }, other:create(asked))).status, name .. ", to make one")
        local signed = wallet.sign { seed = "//Purposes", message = asked }
        assert.equal(name == "a wallet's" and 403 or 400, http.get(server, "/idp/cli_login?" .. http.form {
          hotkey = signed.address, nonce = asked, signature = signed.signature }).status, name .. ", by a wallet")
      end
      assert.is_true(signed_in(second(factor, key:get(fresh(user)))))
    end)

    it("needs the first: a factor of nobody's is none", function()
      local key = authenticator.new(server.issuer)
      local asked = fresh(flow.user(server, { name = "two.Nobody" }))
      for _, factor in ipairs { "", "x", ("A"):rep(200) } do
        local answer = second(factor, key:create(asked))
        assert.equal(401, answer.status)
        assert.is_nil(answer.cookies[flow.COOKIE])
      end
    end)

    it("after a wallet's signature, which is good once", function()
      local hotkey = wallet.address("//two")
      local function proof_of(nonce)
        local signed = wallet.sign { seed = "//two", message = nonce }
        return { hotkey = hotkey, nonce = nonce, signature = signed.signature }
      end
      flow.user(server, { name = "two.Wallet", hotkey = hotkey })
      local nonce = http.get(server, "/idp/cli_login/nonce").json.nonce
      local proof = merged({ auth_method = "hotkey" }, proof_of(nonce))
      local factor, asked = factor_of(post(proof))
      assert.equal(401, post(proof).status)
      local answer = second(factor, authenticator.new(server.issuer):create(asked))
      assert.is_true(signed_in(answer))

      nonce = http.get(server, "/idp/cli_login/nonce").json.nonce
      local refused = http.get(server, "/idp/cli_login?" .. http.form(proof_of(nonce)))
      assert.equal(403, refused.status)
      assert.matches("passkey is also needed", refused.body)
      assert.is_nil(refused.cookies[flow.COOKIE])
    end)

    it("where the policy says so; one that fails wants it", function()
      local user, cookie = person "maybe.Max"
      local _, key = add(cookie)
      local factor, asked = factor_of(by_fingerprint(user))
      assert.is_true(signed_in(second(factor, key:get(asked))))
      cli.ask(server.state, "passkey", "remove", key:credential_id()) -- it was lost: the operator helps
      assert.is_true(signed_in(by_fingerprint(user)))
      factor_of(by_fingerprint(flow.user(server, { name = "Broken" })))
    end)
  end)

  it("is all that is taken where nothing else is offered", function()
    local only = server_helper.start { policies = { ["login_spec.lua"] = "", ["login.lua"] = [[
      return { methods = { "passkey" }, allow = function() return true end }
    ]] } }
    local user = flow.user(only, { hotkey = wallet.address("//only") })
    local answer = http.post(only, "/idp/login",
      { form = { return_to = "/account", auth_method = "fingerprint", fingerprint = user.fingerprint } })
    shape.page(answer, 401)
    assert.matches("switched off here", answer.body)
    assert.is_nil(answer.cookies[flow.COOKIE])
    local nonce = http.get(only, "/idp/cli_login/nonce").json.nonce
    local signature = wallet.sign({ seed = "//only", message = nonce }).signature
    assert.equal(403, http.get(only, "/idp/cli_login?" .. http.form {
      hotkey = wallet.address("//only"), nonce = nonce, signature = signature }).status)
    only:stop()
  end)

  it("that is tried too often waits", function()
    local strict = server_helper.start { policies = { ["login_spec.lua"] = "", ["login.lua"] = [[
      return { methods = { "passkey" }, allow = function() return true end,
        limits = { address = { attempts = 100, seconds = 300 }, account = { attempts = 2, seconds = 300 } } }
    ]] } }
    local key = authenticator.new(strict.issuer)
    local statuses = {}
    for i = 1, 3 do
      local body = http.get(strict, "/idp/login").body
      assert.is_nil(body:find("Your fingerprint", 1, true))
      statuses[i] = http.post(strict, "/idp/login", { form = merged({ return_to = "/account", auth_method = "passkey" },
        key:get((authenticator.asked(body)))) }).status
    end
    assert.same({ 401, 401, 429 }, statuses)
    strict:stop()
  end)
end)
