-- An authenticator without a browser (WebAuthn Level 3): makes passkeys and answers with them, as forms send it.
local cjson = require "cjson.safe"
local digest = require "openssl.digest"
local pkey = require "openssl.pkey"
local rand = require "openssl.rand"

local http = require "helpers.http"

local authenticator = {}
authenticator.__index = authenticator

-- issuer: of the server that it is for; key: "EC" (P-256) when left out, or "RSA".
function authenticator.new(issuer, key)
  local pair = key == "RSA" and pkey.new { type = "RSA", bits = 2048 } or pkey.new { type = "EC", curve = "prime256v1" }
  return setmetatable({ issuer = issuer, key = pair, id = rand.bytes(32), count = 0 }, authenticator)
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

-- SubjectPublicKeyInfo, base64url
function authenticator:public_key()
  local base64 = self.key:toPEM("public"):gsub("%-%-%-%-%-[^-]+%-%-%-%-%-", ""):gsub("%s", "")
  return (base64:gsub("+", "-"):gsub("/", "_"):gsub("=", ""))
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

function authenticator:create(challenge, more)
  local attested = ("\0"):rep(16) .. number(#self.id, 2) .. self.id .. "COSE"
  local client_data, data = self:answer("webauthn.create", challenge, more, attested)
  return {
    credential_id = self:credential_id(), client_data = http.base64url(client_data),
    authenticator_data = http.base64url(data), public_key = self:public_key(),
  }
end

function authenticator:get(challenge, more)
  local client_data, data = self:answer("webauthn.get", challenge, more)
  return {
    credential_id = self:credential_id(), client_data = http.base64url(client_data),
    authenticator_data = http.base64url(data),
    signature = http.base64url(self.key:sign(digest.new("sha256"):update(data .. sha256(client_data)))),
  }
end

-- The challenge that a page asks for, and whether it wants a new passkey.
function authenticator.asked(page)
  local challenge, mode = page:match('data%-challenge="([^"]+)"'), page:match('data%-passkey="([^"]+)"')
  return assert(challenge, page), mode
end

return authenticator
