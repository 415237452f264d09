-- The shapes of contract §4, asserted whole.
local assert = require "luassert"

local shape = {}

local function is_json(answer)
  assert.equal("application/json", answer.headers["content-type"])
  assert.is_table(answer.json, answer.body)
end

-- Every answer names its line of the log and forbids sniffing.
local function common(answer)
  assert.matches("^%x+$", answer.headers["x-request-id"])
  assert.equal("nosniff", answer.headers["x-content-type-options"])
end

function shape.no_store(answer)
  assert.equal("no-store", answer.headers["cache-control"])
end

-- For http.ask_until.
function shape.is_false(answer)
  return answer == false
end

function shape.is_ok(answer)
  return answer.status == 200
end

function shape.is_refused(answer)
  return answer.status ~= 200
end

function shape.says_expired(answer)
  return answer.body:find("expired", 1, true) ~= nil
end

function shape.ok(answer)
  assert.equal(200, answer.status, answer.body)
  is_json(answer)
  common(answer)
end

-- A management error: {"detail": "text"} and nothing else.
function shape.detail(answer, status)
  assert.equal(status, answer.status, answer.body)
  is_json(answer)
  common(answer)
  assert.is_string(answer.json.detail)
  assert.is_nil(answer.json.error)
  assert.equal(status == 401 and "Bearer" or nil, answer.headers["www-authenticate"])
end

-- RFC 6749 §4.1.2.1, §5.2: what an error_description may hold.
local function description(text)
  assert.is_string(text)
  assert.is_nil(text:find("[^\32\33\35-\91\93-\126]"), text)
end

-- RFC 6749 §5.2.
function shape.oauth_error(answer, status, code)
  assert.equal(status, answer.status, answer.body)
  is_json(answer)
  common(answer)
  assert.equal(code, answer.json.error, answer.body)
  description(answer.json.error_description)
  assert.equal("*", answer.headers["access-control-allow-origin"])
  shape.no_store(answer)
end

-- 422 with exactly these fields: { { "body", "name", "missing" }, { "body", "redirect_uris", 0, "url" } }; JSON
-- of an OAuth endpoint carries error, too.
function shape.invalid(answer, fields)
  assert.equal(422, answer.status, answer.body)
  is_json(answer)
  common(answer)
  local found = {}
  for i, item in ipairs(answer.json.detail) do
    assert.is_string(item.msg)
    found[i] = table.concat(item.loc, ".") .. " " .. item.type
  end
  local expected = {}
  for i, field in ipairs(fields) do
    expected[i] = table.concat(field, ".", 1, #field - 1) .. " " .. field[#field]
  end
  table.sort(found)
  table.sort(expected)
  assert.same(expected, found)
end

-- An HTML page with the headers that every page has.
function shape.page(answer, status)
  assert.equal(status, answer.status, answer.body)
  common(answer)
  assert.equal("text/html; charset=utf-8", answer.headers["content-type"])
  local csp = answer.headers["content-security-policy"]
  assert.is_nil(csp:find("unsafe-inline", 1, true))
  assert.is_truthy(csp:find("form-action 'self'", 1, true))
  assert.equal("DENY", answer.headers["x-frame-options"])
  assert.equal("no-referrer", answer.headers["referrer-policy"])
  shape.no_store(answer)
end

-- A redirect back to the app with an error (RFC 6749 §4.1.2.1, RFC 9207).
function shape.error_redirect(answer, status, request, code, issuer)
  assert.equal(status, answer.status, answer.body)
  local base, params = answer:location()
  assert.equal(request.redirect_uri, base)
  assert.equal(code, params.error, answer.headers.location)
  description(params.error_description)
  assert.equal(request.state, params.state)
  assert.equal(issuer, params.iss)
  assert.is_nil(params.code)
end

return shape
