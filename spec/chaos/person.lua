-- A person with an app of their own: each step of the plan is something that people, apps or devices do.
local cqueues = require "cqueues"

local asker = require "chaos.asker"
local flow = require "helpers.flow"
local http = require "helpers.http"
local plan = require "chaos.plan"
local proof = require "chaos.proof"
local wallet = require "helpers.wallet"

local DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
local FAMILIES = 3 -- that a person keeps

local person = {}
person.__index = person

-- What the history calls a token: never its secret.
local function id_of(token)
  return token:match("^[^.]+")
end

-- Before the faults begin: what fails here is an error.
function person.new(trial, number)
  local self = setmetatable({ trial = trial, number = number, families = {}, asker = asker.new(trial, number) }, person)
  local server = trial.servers[1]
  self.seed = "//Chaos" .. number
  self.user = flow.user(server, { name = ("person%d"):format(number), hotkey = wallet.address(self.seed) })
  self.app = flow.app(server, self.user, { name = ("App of %d"):format(number),
    grant_types = { "authorization_code", "refresh_token", DEVICE } })
  trial.history:add { what = "op", kind = "app_create", server = server.name, from = trial.history:now(),
    to = trial.history:now(), status = 200, row = { "apps", self.app.app_id }, makes = true, is_done = true }
  return self
end

--- the questions

function person:owner(more)
  local options = { bearer = self.user.api_key }
  for name, value in pairs(more or {}) do
    options[name] = value
  end
  return options
end

function person:authorization()
  return self.user.user_id .. " " .. self.app.app_id
end

-- What an answer of the token endpoint gives.
local function given(family)
  return function(answer)
    if answer.status == 200 then
      return { is_done = true, gives = { family = family, access = id_of(answer.json.access_token),
        refresh = id_of(answer.json.refresh_token) } }
    end
  end
end

function person:family_new(thing)
  local id = ("f%d"):format(self.trial:number())
  self.trial.history:add { what = "family", id = id, by = thing, authorization = self:authorization(),
    app = self.app.app_id, from = self.trial.history:now() }
  return { id = id, old = {} }
end

-- A family's newest tokens.
local function take(family, answer, used)
  if used then
    table.insert(family.old, { token = used, at = cqueues.monotime() })
  end
  family.access, family.refresh = answer.json.access_token, answer.json.refresh_token
end

function person:keep(family)
  table.insert(self.families, family)
end

function person:drop(family)
  for i, one in ipairs(self.families) do
    if one == family then
      table.remove(self.families, i)
    end
  end
end

function person:sign_in()
  while not self.cookie and not self.trial.is_over do
    local answer = self.asker:ask_until({ kind = "sign_in", is_good = true, audited = 303 }, "POST", "/idp/login", {
      form = flow.request(self.app, { response_type = false, auth_method = "fingerprint",
        fingerprint = self.user.fingerprint }) })
    if answer.status ~= 303 then
      return false
    end
    self.cookie = flow.cookie_of(answer)
  end
  return self.cookie ~= nil
end

-- The consent step's session_id; nil when it could not be had.
function person:pending(is_pushed)
  if not self:sign_in() then
    return nil
  end
  local params = flow.request(self.app, { prompt = "consent" })
  if is_pushed then
    params.client_secret = self.app.client_secret
    local answer = self.asker:ask_until({ kind = "push", is_good = true }, "POST", "/idp/par", { form = params })
    if answer.status ~= 201 then
      return nil
    end
    params = { client_id = self.app.client_id, request_uri = answer.json.request_uri }
  end
  local answer = self.asker:ask_until({ kind = "authorize" }, "GET", "/idp/authorize?" .. http.form(params),
    { cookie = self.cookie })
  local params_back = answer.headers.location and select(2, answer:location()) or {}
  return params_back.session_id
end

local function code_given(answer)
  local params = answer.headers.location and select(2, answer:location()) or {}
  return { gives = params.code and { code = params.code:sub(1, 40) }, error = params.error,
    is_refused = not params.code or nil }
end

function person:consent(session_id)
  return { kind = "consent", is_good = true, audited = 303, uses = "consent:" .. session_id:sub(-40) }, "POST",
    "/idp/authorize/consent?session_id=" .. http.escape(session_id),
    { form = { action = "approve" }, cookie = self.cookie }, code_given
end

-- nil when it could not be had; the person then begins anew at another step.
function person:code(is_pushed)
  local session_id = self:pending(is_pushed)
  local answer = session_id and self.asker:ask_until(self:consent(session_id))
  return answer and answer.headers.location and select(2, answer:location()).code
end

function person:code_use(code, family, more)
  return { kind = "exchange", is_good = true, audited = 200, uses = "code:" .. code:sub(-40), family = family.id },
    "POST", "/idp/token", { form = flow.code_form(self.app, code, more) }, given(family.id)
end

function person:refresh_use(family, token)
  return { kind = "refresh", is_good = true, audited = 200, uses = "refresh:" .. id_of(token), family = family.id,
    ends = "token", id = id_of(token) }, "POST", "/idp/token", { form = flow.refresh_form(self.app, token) },
    given(family.id)
end

function person:app_path(more)
  return "/idp/apps/" .. self.app.app_id .. (more or "")
end

--- the steps: each gets a source of choices and a family that lives

local step = {}

function step:begin(random)
  local code = self:code(random(3) == 1)
  if not code then
    return
  end
  local family = self:family_new("code:" .. code:sub(-40))
  local answer = self.asker:ask_until(self:code_use(code, family))
  if answer.status == 200 then
    take(family, answer)
    self:keep(family)
  end
end

function step:refresh(_, family)
  local used = family.refresh
  local answer = self.asker:ask_until(self:refresh_use(family, used))
  if answer.status == 200 then
    take(family, answer, used)
  else
    self:drop(family)
  end
end

-- Two tabs, or a client that does not wait: both are right within the grace.
function step:refresh_twice(_, family)
  local used, is_taken = family.refresh, false
  for _, answer in ipairs { self.asker:ask_twice(self:refresh_use(family, used)) } do
    if answer.status == 200 then
      take(family, answer, not is_taken and used or nil)
      is_taken = true
    end
  end
  if not is_taken then
    step.refresh(self, nil, family)
  end
end

-- A stolen token: one that was rotated, after the grace.
function step:reuse(_, family)
  local first = family.old[1]
  if not first or cqueues.monotime() < first.at + self.trial.grace_s + 2 then
    return
  end
  self:drop(family)
  local subject = self.trial:subject(family.access, family.id)
  self.trial:look_everywhere(self.asker, subject)
  self.asker:ask_until({ kind = "reuse", uses = "refresh:" .. id_of(first.token), family = family.id, ends = "family",
    id = family.id }, "POST", "/idp/token", { form = flow.refresh_form(self.app, first.token) }, function(answer)
      return { is_done = answer.status == 400 or nil }
    end)
  self.trial:look_closely(subject)
end

-- A code that comes twice ends what it gave.
function step:code_twice()
  local code = self:code()
  if not code then
    return
  end
  local family = self:family_new("code:" .. code:sub(-40))
  local what, method, path, options, meaning = self:code_use(code, family)
  what.is_good, what.ends, what.id = nil, "family", family.id
  local from = self.trial.history:now()
  local given_to, refused
  for _, answer in ipairs { self.asker:ask_twice(what, method, path, options, function(answer)
    local more = meaning(answer)
    return more and { gives = more.gives } -- the one that gives it does not end it
  end) } do
    given_to = answer.status == 200 and answer or given_to
    refused = refused or answer.status == 400
  end
  if given_to and refused then
    local subject = self.trial:subject(given_to.json.access_token, family.id)
    self.trial.history:add { what = "op", kind = "code_twice", server = "a", from = from, to = self.trial.history:now(),
      status = 400, ends = "family", id = family.id, is_done = true }
    self.trial:look_closely(subject)
  end
end

function step:consent_twice()
  local session_id = self:pending()
  if session_id then
    local what, method, path, options, meaning = self:consent(session_id)
    what.is_good = nil
    self.asker:ask_twice(what, method, path, options, meaning)
  end
end

-- A device's codes, approved by the person; nil when that could not be had.
function person:device_approved()
  local answer = self.asker:ask_until({ kind = "device", is_good = true }, "POST", "/idp/device_authorization",
    { form = { client_id = self.app.client_id, client_secret = self.app.client_secret, scope = "profile" } })
  if answer.status ~= 200 or not self:sign_in() then
    return nil
  end
  local codes = answer.json
  answer = self.asker:ask_until({ kind = "device_enter" }, "POST", "/idp/device",
    { form = { user_code = codes.user_code }, cookie = self.cookie })
  local session_id = answer.headers.location and select(2, answer:location()).session_id
  if not session_id then
    return nil
  end
  local what, method, path, options = self:consent(session_id)
  what.kind, what.audited, what.is_good = "device_consent", nil, nil
  return self.asker:ask_until(what, method, path, options).status == 200 and codes or nil
end

function step:device(random)
  local codes = self:device_approved()
  if not codes then
    return
  end
  local thing = "device:" .. codes.device_code:sub(-22)
  local family = self:family_new(thing)
  local what = { kind = "poll", audited = 200, uses = thing, family = family.id }
  local options = { form = { grant_type = DEVICE, device_code = codes.device_code, client_id = self.app.client_id,
    client_secret = self.app.client_secret } }
  if random(2) == 1 then
    what.ends, what.id = "family", family.id
    self.asker:ask_twice(what, "POST", "/idp/token", options, function(answer)
      local more = given(family.id)(answer)
      return more and { gives = more.gives }
    end)
    return
  end
  what.is_good = true
  local answer = self.asker:ask_until(what, "POST", "/idp/token", options, given(family.id))
  if answer.status == 200 then
    take(family, answer)
    self:keep(family)
  end
end

function step:nonce_twice()
  local answer = self.asker:ask_until({ kind = "nonce", is_good = true }, "GET", "/idp/cli_login/nonce")
  if answer.status ~= 200 then
    return
  end
  local nonce = answer.json.nonce
  local signed = wallet.sign { seed = self.seed, message = nonce }
  self.asker:ask_twice({ kind = "nonce_use", uses = "nonce:" .. nonce, audited = 302 }, "GET", "/idp/cli_login?"
    .. http.form { hotkey = signed.address, signature = signed.signature, nonce = nonce },
    { headers = { accept = "application/json" } })
end

-- One DPoP proof (RFC 9449) that comes twice.
function step:proof_twice()
  local form = flow.request(self.app, { client_secret = self.app.client_secret })
  local nonce
  for _ = 1, 2 do
    local jwt, jti = proof.sign("POST", self.trial.issuer .. "/idp/par", nonce)
    for _, answer in ipairs { self.asker:ask_twice({ kind = "proof", proof = "proof:" .. jti }, "POST", "/idp/par",
      { form = form, headers = { dpop = jwt } }) } do
      nonce = nonce or answer.headers["dpop-nonce"]
    end
  end
end

local function is_ok(answer)
  return { is_done = answer.status == 200 or nil }
end

-- In every server's memory before, and looked at closely behind.
function person:revoke(family, token, ends, id)
  self:drop(family)
  local subject = self.trial:subject(token, family.id)
  self.trial:look_everywhere(self.asker, subject)
  local answer = self.asker:ask_until({ kind = "revoke", is_good = true, audited = 200, family = family.id, ends = ends,
    id = id }, "POST", "/idp/token/revoke", { form = { token = token, client_id = self.app.client_id,
    client_secret = self.app.client_secret } }, is_ok)
  self.trial:look_closely(subject)
  return answer
end

function step:revoke_access(_, family)
  self:revoke(family, family.access, "token", id_of(family.access))
end

function step:revoke_family(_, family)
  self:revoke(family, family.refresh, "family", family.id)
end

function step:revoke_authorization(_, family)
  self.families = {}
  local subject = self.trial:subject(family.access, family.id)
  self.trial:look_everywhere(self.asker, subject)
  self.asker:ask_until({ kind = "revoke_authorization", ends = "authorization", id = self:authorization(),
    audited = 200 }, "DELETE", "/idp/authorizations/" .. self.app.app_id, self:owner(), function(answer)
      return { is_done = answer.status == 200 or answer.status == 404 or nil }
    end)
  self.trial:look_closely(subject)
end

-- All sessions of the person; then the cookie is one of the things that are over.
function step:sign_out()
  if not self:sign_in() then
    return
  end
  local cookie = self.cookie
  self.cookie = nil
  local id = id_of(cookie:match("=(.*)"))
  local subject = self.trial:watch { id = id, path = "/idp/apps?limit=1", options = { bearer = cookie:match("=(.*)") } }
  self.trial:look_everywhere(self.asker, subject)
  self.asker:ask_until({ kind = "sign_out", is_good = true, audited = 200, ends = "session", id = id }, "DELETE",
    "/idp/sessions", self:owner(), is_ok)
  self.trial:look_closely(subject)
end

function step:switch_off()
  for _, is_on in ipairs { false, true } do
    local what = { kind = is_on and "switch_on" or "switch_off", is_good = true, audited = 200,
      id = self.app.app_id, [is_on and "begins" or "ends"] = "app", is_change = true }
    repeat
      local answer = self.asker:ask_until(what, "PATCH", self:app_path(), self:owner { json = { active = is_on } },
        is_ok)
    until not is_on or answer.status == 200 or self.trial.is_abandoned
  end
  cqueues.sleep(self.trial.slack_s)
end

function step:secret()
  local before = self.app.client_secret
  local old = self.trial:watch { id = "secret:" .. self.trial:number(), path = "/idp/token/introspect", method = "POST",
    options = { form = { token = "none", client_id = self.app.client_id, client_secret = before } } }
  self.trial:look_everywhere(self.asker, old)
  local answer
  repeat
    answer = self.asker:ask_until({ kind = "secret", is_good = true, audited = 200, ends = "secret", id = old.id,
      is_change = true }, "POST", self:app_path "/regenerate-secret", self:owner(), is_ok)
  until answer.status == 200 or self.trial.is_abandoned
  self.app.client_secret = answer.status == 200 and answer.json.client_secret or before
  self.trial:look_closely(old)
end

function step:describe(random)
  self.asker:ask_until({ kind = "describe", is_good = true, is_change = true, audited = 200 }, "PATCH", self:app_path(),
    self:owner { json = { description = "Number " .. random(1000), public = random(2) == 1 } }, is_ok)
end

-- A second try of what was done already is told so.
local function is_there_or_gone(answer)
  return { is_done = answer.status == 200 or answer.status == 404 or answer.status == 409 or nil }
end

function step:same_name(random)
  local name = "Twin " .. self.trial:number()
  local made = {}
  for _, answer in ipairs { self.asker:ask_twice({ kind = "app_create", audited = 200, uses = "name:" .. name }, "POST",
    "/idp/apps", self:owner { json = { name = name, redirect_uris = { flow.REDIRECT }, public = random(2) == 1 } },
    function(answer)
      return answer.status == 200 and { row = { "apps", answer.json.app_id }, makes = true, is_done = true } or nil
    end) } do
    table.insert(made, answer.status == 200 and answer.json.app_id or nil)
  end
  for _, app_id in ipairs(random(2) == 1 and made or {}) do
    self.asker:ask_until({ kind = "app_delete", audited = 200, row = { "apps", app_id }, makes = false }, "DELETE",
      "/idp/apps/" .. app_id, self:owner(), is_there_or_gone)
  end
end

function step:share(random)
  local other = plan.pick(random, self.trial.people)
  if other == self then
    return
  end
  local row = { "app_shares", self.app.app_id .. " " .. other.user.user_id }
  self.asker:ask_until({ kind = "share", audited = 200, row = row, makes = true }, "POST", self:app_path "/share",
    self:owner { json = { app_id_or_name = self.app.app_id, user_id_or_name = other.user.user_id } }, is_there_or_gone)
  if random(2) == 1 then
    self.asker:ask_until({ kind = "unshare", audited = 200, row = row, makes = false }, "DELETE",
      self:app_path("/share/" .. other.user.user_id), self:owner(), is_there_or_gone)
  end
end

-- By the command line, beside the servers; revoked by it as well.
function step:key()
  local key = self.trial:command("key", "create", self.user.username)
  if not key then
    return
  end
  local subject = self.trial:watch { id = key.key_id, path = "/idp/apps?limit=1", options = { bearer = key.api_key } }
  self.trial:look_everywhere(self.asker, subject)
  local from = self.trial.history:now()
  local gone = self.trial:command("key", "revoke", key.key_id)
  self.trial.history:add { what = "op", kind = "key_revoke", server = "cli", from = from,
    to = self.trial.history:now(), status = gone and 200 or 0, ends = "key", id = key.key_id,
    is_done = gone and true or nil, row = { "api_keys", key.key_id }, makes = false }
  self.trial:look_closely(subject)
end

function step:look(_, family)
  self.asker:ask(self.asker:any(), { kind = "userinfo", is_good = true, family = family.id,
    about = id_of(family.access) }, "GET", "/idp/userinfo", { bearer = family.access })
end

--- the life of a person

function person:live()
  local i = 0
  while not self.trial.is_over do
    i = i + 1
    local next_step = plan.step(self.trial.seed, self.number, i)
    cqueues.sleep(next_step.pause_s)
    local family = #self.families > 0 and plan.pick(next_step.random, self.families)
    local run = family and step[next_step.operation] or step.begin
    if next_step.operation == "begin" and #self.families >= FAMILIES then
      run = step.refresh
    end
    run(self, next_step.random, family)
    if family then
      self.trial:subject(family.access, family.id)
      self.trial:subject(family.refresh, family.id)
    end
  end
end

-- All is well again: what was answered holds, at every server.
function person:settle()
  for _, family in ipairs({ unpack(self.families) }) do
    for _, server in ipairs(self.trial.servers) do
      for _, token in ipairs { family.access, family.refresh } do
        self.trial:look(self.asker, server, self.trial:subject(token, family.id))
      end
    end
    step.refresh(self, nil, family)
  end
end

return person
