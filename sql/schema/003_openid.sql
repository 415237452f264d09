-- OpenID Connect and its neighbours: what a client registers, signing keys, and what a grant keeps of its request.

-- Client metadata, under the names of RFC 7591, OpenID Connect and RFC 9449.
ALTER TABLE apps ADD COLUMN grant_types text NOT NULL DEFAULT 'authorization_code refresh_token';
ALTER TABLE apps ADD COLUMN id_token_signed_response_alg text NOT NULL DEFAULT 'RS256';
ALTER TABLE apps ADD COLUMN jwks text; -- JSON (RFC 7517 §5)
ALTER TABLE apps ADD COLUMN jwks_uri text;
ALTER TABLE apps ADD COLUMN jwks_fetched text; -- what was there
ALTER TABLE apps ADD COLUMN jwks_fetched_at bigint;
ALTER TABLE apps ADD COLUMN post_logout_redirect_uris text NOT NULL DEFAULT ''; -- separated by spaces
ALTER TABLE apps ADD COLUMN backchannel_logout_uri text;
ALTER TABLE apps ADD COLUMN dpop_bound_access_tokens boolean NOT NULL DEFAULT FALSE;
ALTER TABLE apps ADD COLUMN require_pushed_authorization_requests boolean NOT NULL DEFAULT FALSE;
ALTER TABLE apps ADD COLUMN registration_hash bytea; -- of its registration access token (RFC 7592); NULL: it has none

-- A grant of a client for itself (client_credentials) has '' for user_id and authorization_id.
ALTER TABLE grants ADD COLUMN resources text NOT NULL DEFAULT ''; -- RFC 8707, separated by spaces
ALTER TABLE grants ADD COLUMN claims text; -- JSON: the claims parameter (OpenID Connect Core §5.5)
-- Thumbprint of the DPoP key (RFC 9449): the one that the code is bound to; once redeemed, the one that a public client's
-- refresh tokens are bound to.
ALTER TABLE grants ADD COLUMN dpop_jkt text;
ALTER TABLE grants ADD COLUMN actor text; -- client_id of who exchanged another's token for it (RFC 8693)

ALTER TABLE access_tokens ADD COLUMN dpop_jkt text; -- NULL: a bearer token
ALTER TABLE access_tokens ADD COLUMN audience text NOT NULL DEFAULT ''; -- resources that it is for, separated by spaces

-- Keys that sign tokens; one of each algorithm signs at a time: the latest whose time has come.
CREATE TABLE signing_keys (
  key_id text PRIMARY KEY, -- kid
  alg text NOT NULL, -- RFC 7518 name
  generation bigint NOT NULL, -- 1, 2, … of its algorithm: two servers that rotate at once make one key
  public_jwk text NOT NULL, -- JSON
  private_key text NOT NULL, -- PKCS#8, sealed with the servers' secret
  created_at bigint NOT NULL, -- published from then on
  active_from bigint NOT NULL, -- signs from then on
  needed_until bigint NOT NULL, -- the last token that it has signed expires before
  UNIQUE (alg, generation)
);

-- Apps that want to be told when a session of theirs ends (OpenID Connect Back-Channel Logout).
CREATE TABLE session_apps (
  session_id text NOT NULL,
  app_id text NOT NULL,
  user_id text NOT NULL,
  expires_at bigint NOT NULL,
  PRIMARY KEY (session_id, app_id)
);
CREATE INDEX session_apps_of_user ON session_apps (user_id);
CREATE INDEX session_apps_by_expiry ON session_apps (expires_at);

-- Logout tokens that wait for their app to take them.
CREATE TABLE logout_deliveries (
  delivery_id text PRIMARY KEY, -- the tokens' jti begins with it
  app_id text NOT NULL,
  user_id text NOT NULL,
  session_id text NOT NULL,
  attempts bigint NOT NULL, -- that have failed, of this or of others for the app, and the one that is made
  next_at bigint NOT NULL, -- whoever raises it makes the next attempt
  expires_at bigint NOT NULL
);
CREATE INDEX logout_deliveries_by_next ON logout_deliveries (next_at);
CREATE INDEX logout_deliveries_of_app ON logout_deliveries (app_id);
CREATE INDEX logout_deliveries_by_expiry ON logout_deliveries (expires_at);

-- Device authorization (RFC 8628).
CREATE TABLE device_codes (
  device_id text PRIMARY KEY, -- the sealed device_code names it
  user_code text NOT NULL UNIQUE,
  app_id text NOT NULL,
  scopes text NOT NULL,
  resources text NOT NULL,
  dpop_jkt text,
  created_at bigint NOT NULL,
  expires_at bigint NOT NULL,
  polled_at bigint NOT NULL, -- last
  interval_s bigint NOT NULL, -- between polls; grows with slow_down
  decided_at bigint,
  grant_id text -- once approved; decided without it: denied
);
CREATE INDEX device_codes_by_expiry ON device_codes (expires_at);
CREATE INDEX device_codes_of_app ON device_codes (app_id);

-- Wrong user codes that somebody has entered of late (RFC 8628 §5.1).
CREATE TABLE device_guesses (
  user_id text PRIMARY KEY,
  wrong bigint NOT NULL,
  expires_at bigint NOT NULL -- then the count begins anew
);
CREATE INDEX device_guesses_by_expiry ON device_guesses (expires_at);
