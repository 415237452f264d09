-- An authenticator without a browser (WebAuthn Level 3): makes passkeys and answers with them, as forms send it.
local cjson = require "cjson.safe"
local digest = require "openssl.digest"
local pkey = require "openssl.pkey"
local rand = require "openssl.rand"

local http = require "helpers.http"

local authenticator = {}
authenticator.__index = authenticator

local KINDS = {
  EC = { type = "EC", curve = "prime256v1" }, P384 = { type = "EC", curve = "secp384r1" },
  RSA = { type = "RSA", bits = 2048 }, P521 = { type = "EC", curve = "secp521r1" },
}

-- issuer: of the server that it is for; kind: one of KINDS, "EC" when left out.
function authenticator.new(issuer, kind)
  kind = kind or "EC"
  return setmetatable({ issuer = issuer, kind = kind, key = pkey.new(KINDS[kind]), id = rand.bytes(32), count = 0 },
    authenticator)
end

local function sha256(text)
  return digest.new("sha256"):final(text)
end

local function number(value, bytes)
  local text = ""
  for _ = 1, bytes do
    text = string.char(value % 256) .. text
    value = math.floor(value / 256)
  end
  return text
end

function authenticator:credential_id()
  return http.base64url(self.id)
end

-- SubjectPublicKeyInfo, base64url: what browsers give out by getPublicKey().
function authenticator:public_key()
  local base64 = self.key:toPEM("public"):gsub("%-%-%-%-%-[^-]+%-%-%-%-%-", ""):gsub("%s", "")
  return (base64:gsub("+", "-"):gsub("/", "_"):gsub("=", ""))
end

-- CBOR (RFC 8949): bytes, or the head of what has so many.
local function head(major, count)
  if count < 24 then
    return string.char(major * 32 + count)
  end
  return string.char(major * 32 + (count < 256 and 24 or 25)) .. number(count, count < 256 and 1 or 2)
end

local function bytes(text)
  return head(2, #text) .. text
end

local function text(words)
  return head(3, #words) .. words
end

-- COSE_Key (RFC 9053 §7, RFC 8230 §4)
function authenticator:cose_key()
  if self.kind == "RSA" then
    local parameters = self.key:getParameters()
    return "\xa4\x01\x03\x03\x39\x01\x00\x20" .. bytes(parameters.n:toBinary()) .. "\x21" ..
      bytes(parameters.e:toBinary())
  end
  local size = ({ EC = 32, P384 = 48, P521 = 66 })[self.kind]
  local alg_and_curve = ({ EC = "\x26\x20\x01", P384 = "\x38\x22\x20\x02", P521 = "\x38\x23\x20\x03" })[self.kind]
  local point = self.key:getParameters().pub_key:toBinary():sub(2)
  return "\xa5\x01\x02\x03" .. alg_and_curve .. "\x21" .. bytes(point:sub(1, size)) .. "\x22" ..
    bytes(point:sub(size + 1))
end

-- more: { type, origin, challenge, rp, flags, count, client_data = a map over it }
function authenticator:answer(kind, challenge, more, attested)
  more = more or {}
  local said = { type = kind, challenge = http.base64url(challenge), origin = self.issuer, crossOrigin = false }
  for name, value in pairs(more.client_data or {}) do
    said[name] = value
  end
  local client_data = cjson.encode(said)
  local rp = more.rp or self.issuer:match("^https?://([^:/]+)")
  local flags = string.char(more.flags or (attested and 0x45 or 0x05))
  local data = sha256(rp) .. flags .. number(more.count or self.count, 4) .. (attested or "")
  return client_data, data
end

-- more: also { cose = CBOR in place of the key's, is_old = true: as pages sent it that relied on getPublicKey() }
function authenticator:create(challenge, more)
  more = more or {}
  local attested = ("\0"):rep(16) .. number(#self.id, 2) .. self.id .. (more.cose or self:cose_key())
  local client_data, data = self:answer("webauthn.create", challenge, more, attested)
  local answer = { credential_id = self:credential_id(), client_data = http.base64url(client_data) }
  if more.is_old then
    answer.authenticator_data, answer.public_key = http.base64url(data), self:public_key()
  else
    answer.attestation_object = http.base64url("\xa3" .. text "fmt" .. text "none" .. text "attStmt" .. "\xa0" ..
      text "authData" .. bytes(data))
  end
  return answer
end

function authenticator:sign(signed)
  return self.key:sign(digest.new(self.kind == "P384" and "sha384" or "sha256"):update(signed))
end

function authenticator:get(challenge, more)
  local client_data, data = self:answer("webauthn.get", challenge, more)
  return {
    credential_id = self:credential_id(), client_data = http.base64url(client_data),
    authenticator_data = http.base64url(data),
    signature = http.base64url(self:sign(data .. sha256(client_data))),
  }
end

-- The challenge that a page asks for, and whether it wants a new passkey.
function authenticator.asked(page)
  local challenge, mode = page:match('data%-challenge="([^"]+)"'), page:match('data%-passkey="([^"]+)"')
  return assert(challenge, page), mode
end

return authenticator
