-- DPoP proofs (RFC 9449) of one RSA key, made here: nothing that a trial waits for.
local cjson = require "cjson.safe"
local digest = require "openssl.digest"
local pkey = require "openssl.pkey"
local rand = require "openssl.rand"

local http = require "helpers.http"

local proof = {}
local key

-- JSON with its "/" as they are, and numbers without a point.
local function encoded(value)
  return http.base64url((cjson.encode(value):gsub("\\/", "/")))
end

-- The proof for one request, and its jti.
function proof.sign(method, url, nonce)
  key = key or pkey.new { type = "RSA", bits = 2048 }
  local parts = key:getParameters()
  local jti = http.base64url(rand.bytes(16))
  local text = encoded { typ = "dpop+jwt", alg = "RS256",
    jwk = { kty = "RSA", n = http.base64url(parts.n:toBinary()), e = http.base64url(parts.e:toBinary()) } }
    .. "." .. encoded { jti = jti, htm = method, htu = url, iat = os.time(), nonce = nonce }
  return text .. "." .. http.base64url(key:sign(digest.new("sha256"):update(text))), jti
end

return proof
