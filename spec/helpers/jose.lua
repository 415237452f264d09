-- JWTs and DPoP proofs, by Node's crypto behind helpers/jose.mjs; one process for all specs of a run.
local cjson = require "cjson.safe"
local digest = require "openssl.digest"
local rand = require "openssl.rand"

local http = require "helpers.http"
local server_helper = require "helpers.server"
local sys = require "helpers.sys"

local jose = {}
local node

local function ask(request)
  if not node then
    node = sys.spawn({ server_helper.node, server_helper.root .. "/spec/helpers/jose.mjs" }, { stdin = true })
  end
  node:write(cjson.encode(request) .. "\n")
  local answer = assert(cjson.decode((assert(node:line(30), "node does not answer"))))
  assert(not answer.error, answer.error)
  return answer
end

-- { jwk = private, public =, jkt =, alg = }
function jose.key(alg)
  local key = ask { ["do"] = "generate", alg = alg }
  key.alg = alg
  return key
end

-- A claim "json:…" stands as the JSON behind the colon: for numbers that Lua has no spelling of.
function jose.sign(key, header, payload)
  local text = cjson.encode(payload):gsub('"json:([^"]*)"', "%1")
  return ask({ ["do"] = "sign", jwk = key.jwk, header = header, payload = text }).jwt
end

-- What peers send for a time, and no clock can be added to.
jose.ENDLESS = { "json:9223372036854775807", "json:1e300", "json:9007199254740993" }
jose.BEGINLESS = { "json:-9223372036854775808", "json:-1e300", "json:-9223372036854775807", "json:-1" }
jose.NO_TIME = { "now", "json:null", "json:true", "json:[]", "json:{}" }

local function base64url_decode(text)
  local bits, out = 0, {}
  local value = 0
  local alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
  for letter in text:gmatch(".") do
    value = value * 64 + assert(alphabet:find(letter, 1, true)) - 1
    bits = bits + 6
    if bits >= 8 then
      bits = bits - 8
      out[#out + 1] = string.char(math.floor(value / 2 ^ bits) % 256)
      value = value % 2 ^ bits
    end
  end
  return table.concat(out)
end

-- header and payload, unproven
function jose.read(jwt)
  local head, body = jwt:match("^([^.]+)%.([^.]+)%.([^.]*)$")
  return assert(cjson.decode(base64url_decode(head))), assert(cjson.decode(base64url_decode(body)))
end

function jose.jwks(server)
  local answer = http.get(server, "/idp/jwks")
  assert(answer.status == 200, answer.body)
  return answer.json.keys
end

-- header and payload of a JWT that a published key of the server has signed; an error when none has.
function jose.verified(server, jwt)
  local header, payload = jose.read(jwt)
  for _, jwk in ipairs(jose.jwks(server)) do
    if jwk.kid == header.kid then
      assert(jwk.alg == header.alg, "the key is for " .. jwk.alg)
      assert(ask({ ["do"] = "verify", jwk = jwk, jwt = jwt }).valid, "the signature is not right")
      return header, payload
    end
  end
  error("no published key has the kid " .. tostring(header.kid), 2)
end

function jose.half_hash(text)
  return http.base64url(digest.new("sha256"):final(text):sub(1, 16))
end

function jose.sha256(text)
  return http.base64url(digest.new("sha256"):final(text))
end

function jose.id()
  return http.base64url(rand.bytes(16))
end

-- A client's assertion (RFC 7523); `more` over the claims, false takes one away.
function jose.assertion(server, app, key, more, header)
  local claims = { iss = app.client_id, sub = app.client_id, aud = server.issuer, jti = jose.id(),
                   iat = os.time(), exp = os.time() + 60 }
  for name, value in pairs(more or {}) do
    claims[name] = value or nil
  end
  return {
    client_assertion_type = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    client_assertion = jose.sign(key, header or { alg = key.alg }, claims),
  }
end

-- A DPoP proof (RFC 9449 §4.2).
function jose.proof(server, key, method, path, more, header)
  local claims = { jti = jose.id(), htm = method, htu = server.issuer .. path, iat = os.time() }
  for name, value in pairs(more or {}) do
    claims[name] = value or nil
  end
  return jose.sign(key, header or { typ = "dpop+jwt", alg = key.alg, jwk = key.public }, claims)
end

-- A request with a proof; sent again with the server's nonce when that is asked for.
function jose.dpop_request(server, key, method, path, options, more)
  options.headers = options.headers or {}
  local claims = {}
  for name, value in pairs(more or {}) do
    claims[name] = value
  end
  for _ = 1, 2 do
    options.headers.dpop = jose.proof(server, key, method, path, claims)
    local answer = http.request(server, method, path, options)
    local said = answer.body .. (answer.headers["www-authenticate"] or "")
    if (answer.status ~= 400 and answer.status ~= 401) or claims.nonce or not said:find("use_dpop_nonce", 1, true) then
      return answer
    end
    claims.nonce = assert(answer.headers["dpop-nonce"])
  end
end

return jose
