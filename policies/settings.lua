-- What the command line and MOONLATCH_* do not set. Everything may be left out; what is commented
-- out below shows the default.

return {
  -- issuer = "https://id.example",      -- how the world sees this server; default: its first address
  -- listen = { "localhost:8080" },
  -- related_origins = { "https://id.example.org" },  -- where else its passkeys may be used (README.md)
  -- landing_page = "/",                 -- where a sign-in from the command line ends
  -- tls_cert = "/etc/moonlatch/cert.pem", tls_key = "/etc/moonlatch/key.pem",
  -- database = "sqlite:state/moonlatch.db",  -- or "postgresql://user@host/name"
  -- state = "state",                    -- directory of the server's secret
  -- templates = "templates",
  -- workers = 4,                        -- default: one per core
  -- log_level = "info",                 -- or "debug", "warn", "error"
  -- demo = true, watch = true,          -- a user and an app to try; reload when policies or templates change
  -- branding = { name = "Acme", logo = "https://…", accent = "#0a7d4f", accent_dark = "#7fe0b4" },  -- at each reload
  -- country_database = "/var/lib/GeoIP/GeoLite2-Country.mmdb",  -- for facts.request.country; at each reload
  -- outgoing_private = true,            -- jwks_uri and logout URIs of apps may also be http and at private addresses
  -- outgoing_ca = "/etc/ssl/our-ca.pem",  -- what these are proven by, in place of the system's authorities
  -- user = "moonlatch",                 -- whom a server becomes that root has started
  -- no_confine = true,                  -- the process gives up none of its rights (README.md, "Confinement")
  -- registration_owner = "operator",    -- owns the clients that register themselves without saying for whom
  -- policy_tests = true,                -- take new policies only if the specs beside them pass

  -- In seconds.
  lifetimes = {
    nonce = 300, -- to sign a login nonce
    pending = 600, -- to answer the consent page
    code = 60, -- to redeem an authorization code
    session = 7 * 86400, -- to stay signed in
    audit = 30 * 86400, -- how long the audit log is kept
    pushed = 90, -- to use a request_uri (pushed authorization requests)
    device_code = 600, -- to approve a device
    dpop = 60, -- how old a DPoP proof, and the nonce in it, may be
    key = 90 * 86400, -- until the next signing key signs,
    key_lead = 3600, -- which is published for so long before
    reuse_grace = 10, -- in which a rotated refresh token may come again, after a lost answer
  },

  limits = {
    -- body_bytes = 64 * 1024,
    -- connections = 10000, connections_per_address = 2000,     -- per worker
    -- requests_in_flight = 4096, streams = 100,                -- per worker; per HTTP/2 connection
    -- request_timeout_ms = 30000, idle_timeout_ms = 60000, drain_timeout_ms = 30000,
    -- store_timeout_ms = 5000, store_queue = 10000, store_group = 256, store_connections = 40,
    -- cache_bytes = 64 * 1024 * 1024,
    -- offload_threads = 4, offload_queue = 256,                -- for RSA signatures; the queue's length is for both
    -- outgoing_threads = 8, outgoing_timeout_ms = 5000,        -- for HTTP to others: the wait for a thread counts;
    --   logout tokens have as many of their own, and one host has a quarter of either
    -- What strangers may leave behind (0: any number).
    -- device_codes_per_address = 100,                          -- of clients without a secret, in ten minutes
    -- registrations_per_address = 30,                          -- where anybody may register clients; in ten minutes
    -- proofs_per_address = 12000,                              -- DPoP proofs and client assertions, in a minute
    -- refusals_told = 1500,                                    -- in the audit log, of all addresses, in ten minutes
    -- policy_call_ms = 20, policy_memory_bytes = 8 * 1024 * 1024,
  },
}
