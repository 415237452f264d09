-- Authlib (Debian's python3-authlib): the relying party of Flask, Django and Starlette.
local prove = require "clients.prove"
local stage = require "clients.stage"

prove {
  busted = getfenv(),
  name = "Authlib",
  command = { "/usr/bin/python3", stage.HERE .. "authlib_client.py" },
  trust = "REQUESTS_CA_BUNDLE",
  features = {
    "discovery", "sign-in", "id_token RS256", "id_token ES256", "refresh, userinfo, introspection, revocation",
    "private_key_jwt ES256", "private_key_jwt EdDSA", "private_key_jwt RS256", "private_key_jwt PS256",
    "client_credentials", "token exchange", "resource indicators", "is refused",
  },
  refuses = {
    { "none", "alg" }, { "hs256", "alg" }, { "unknown_key", "signature" }, { "aud", "azp" }, { "iss", "iss" },
    { "nonce", "nonce" }, { "no_nonce", "nonce" }, { "expired", "expired" }, { "no_sub", "sub" },
    { "at_hash", "at_hash" },
  },
  refuses_callbacks = { { "state", "x", "state" } },
}
