-- oauth4webapi (npm): what openid-client, Auth.js and others are made of; here also a resource server.
local prove = require "clients.prove"
local server_helper = require "helpers.server"
local stage = require "clients.stage"

prove {
  busted = getfenv(),
  name = "oauth4webapi",
  command = { server_helper.node, stage.HERE .. "oauth4webapi.mjs" },
  trust = "NODE_EXTRA_CA_CERTS",
  features = {
    "discovery", "sign-in", "id_token RS256", "id_token ES256", "id_token EdDSA", "max_age",
    "refresh, userinfo, introspection, revocation", "form_post", "pushed requests", "private_key_jwt ES256",
    "private_key_jwt EdDSA", "private_key_jwt RS256", "private_key_jwt PS256", "DPoP ES256", "DPoP EdDSA",
    "DPoP RS256", "client_credentials", "token exchange", "resource indicators", "JWT access tokens",
    "device", "device, poll by poll", "sign-out", "registration", "is refused",
  },
  refuses = {
    { "none", "alg" }, { "hs256", "alg" }, { "unknown_key", "signature" }, { "aud", "aud" }, { "iss", "iss" },
    { "nonce", "nonce" }, { "no_nonce", "nonce" }, { "expired", "exp" }, { "no_sub", "sub" },
  },
  refuses_callbacks = {
    { "iss", "https://other.example", "iss" }, { "iss", false, "iss" }, { "state", "x", "state" },
  },
  checks_userinfo_subject = true,
  checks_issuer = true,
}
