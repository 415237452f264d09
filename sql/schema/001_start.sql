-- The first schema: who people are, their apps, what they granted, and the tokens of it.
-- One text for SQLite and PostgreSQL: text, bigint (Unix seconds), boolean, bytea. No foreign keys:
-- what hangs on a row that is gone is dead by the joins of its look-up, and swept later.

CREATE TABLE users (
  user_id text PRIMARY KEY,
  username text NOT NULL,
  username_key text NOT NULL UNIQUE, -- the name in lower case: unique regardless of case
  hotkey text, -- SS58, as it was given
  hotkey_key bytea UNIQUE, -- its public key: a key has an address per prefix
  fingerprint_hash bytea NOT NULL UNIQUE,
  roles text NOT NULL, -- separated by spaces, like every list of names here
  created_at bigint NOT NULL
);

CREATE TABLE api_keys (
  key_id text PRIMARY KEY,
  user_id text NOT NULL,
  secret_hash bytea NOT NULL,
  created_at bigint NOT NULL
);
CREATE INDEX api_keys_of_user ON api_keys (user_id);

-- SSO sessions.
CREATE TABLE sessions (
  session_id text PRIMARY KEY,
  user_id text NOT NULL,
  secret_hash bytea NOT NULL,
  auth_time bigint NOT NULL,
  auth_method text NOT NULL, -- 'fingerprint' | 'hotkey'
  created_at bigint NOT NULL,
  expires_at bigint NOT NULL
);
CREATE INDEX sessions_of_user ON sessions (user_id);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

-- OAuth 2.0 clients.
CREATE TABLE apps (
  app_id text PRIMARY KEY,
  number bigint NOT NULL UNIQUE, -- grows with the time of making: the order of listings, the key of app_search
  client_id text NOT NULL UNIQUE,
  user_id text NOT NULL, -- the owner
  name text NOT NULL,
  name_key text NOT NULL UNIQUE,
  description text,
  redirect_uris text NOT NULL, -- separated by spaces (a URI has none)
  homepage_url text,
  logo_url text,
  active boolean NOT NULL,
  public boolean NOT NULL,
  refresh_token_lifetime_days bigint NOT NULL,
  allowed_scopes text NOT NULL, -- separated by spaces
  token_endpoint_auth_method text, -- RFC 7591 name; NULL: whichever the client uses
  secret_hash bytea NOT NULL,
  user_count bigint NOT NULL, -- authorizations that are not revoked
  created_at bigint NOT NULL,
  updated_at bigint NOT NULL
);
CREATE INDEX apps_of_user ON apps (user_id, number);
-- One for each order of a listing.
CREATE INDEX apps_by_number ON apps (active, public, number);
CREATE INDEX apps_by_name ON apps (active, public, name_key);
CREATE INDEX apps_by_user_count ON apps (active, public, user_count, number);

-- What a search looks in, in lower case; the rowid is the app's number. Three characters or more are found by
-- their trigrams.
-- sqlite:
CREATE VIRTUAL TABLE app_search USING fts5 (name, description, homepage_url, tokenize = 'trigram');
-- postgresql:
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE TABLE app_search (
  number bigint PRIMARY KEY,
  name text,
  description text,
  homepage_url text
);
CREATE INDEX app_search_by_name ON app_search USING gin (name gin_trgm_ops);
CREATE INDEX app_search_by_description ON app_search USING gin (description gin_trgm_ops);
CREATE INDEX app_search_by_homepage_url ON app_search USING gin (homepage_url gin_trgm_ops);
-- both:

-- How many apps there are of each kind, kept with every change: counting a million takes too long for a page.
CREATE TABLE app_counts (
  kind text PRIMARY KEY, -- 'listed' (active and public) | 'unlisted' (active, not public)
  apps bigint NOT NULL
);
INSERT INTO app_counts (kind, apps) VALUES ('listed', 0), ('unlisted', 0);

-- Apps that their owner shows to one more user.
CREATE TABLE app_shares (
  app_id text NOT NULL,
  user_id text NOT NULL,
  shared_at bigint NOT NULL,
  PRIMARY KEY (app_id, user_id)
);
CREATE INDEX app_shares_of_user ON app_shares (user_id, app_id);

-- What one user has granted to one app. A revocation raises `version`: grants made under an older
-- version stay dead when the user approves again.
CREATE TABLE authorizations (
  authorization_id text PRIMARY KEY,
  user_id text NOT NULL,
  app_id text NOT NULL,
  scopes text NOT NULL, -- separated by spaces
  version bigint NOT NULL,
  created_at bigint NOT NULL,
  updated_at bigint NOT NULL,
  revoked_at bigint,
  UNIQUE (user_id, app_id)
);
CREATE INDEX authorizations_of_app ON authorizations (app_id);
CREATE INDEX authorizations_of_user ON authorizations (user_id, created_at, authorization_id);

-- One run of the code flow, made when the user approves: the token family. The sealed code names it.
CREATE TABLE grants (
  grant_id text PRIMARY KEY,
  authorization_id text NOT NULL,
  authorization_version bigint NOT NULL,
  user_id text NOT NULL,
  app_id text NOT NULL,
  scopes text NOT NULL,
  redirect_uri text NOT NULL,
  code_challenge text, -- S256
  nonce text, -- OpenID Connect
  auth_time bigint NOT NULL,
  auth_method text NOT NULL,
  session_id text NOT NULL,
  created_at bigint NOT NULL,
  redeemed_at bigint,
  redeemed_by text, -- token_id of the access token that the code gave
  proof text, -- 'secret' | 'pkce': how it was redeemed, so must it be refreshed
  revoked_at bigint,
  expires_at bigint NOT NULL -- of the code; once redeemed, of its last refresh token
);
CREATE INDEX grants_of_authorization ON grants (authorization_id);
CREATE INDEX grants_by_expiry ON grants (expires_at);

CREATE TABLE access_tokens (
  token_id text PRIMARY KEY,
  grant_id text NOT NULL,
  secret_hash bytea NOT NULL,
  scopes text NOT NULL,
  created_at bigint NOT NULL,
  expires_at bigint NOT NULL,
  revoked_at bigint
);
CREATE INDEX access_tokens_of_grant ON access_tokens (grant_id);
CREATE INDEX access_tokens_by_expiry ON access_tokens (expires_at);

CREATE TABLE refresh_tokens (
  token_id text PRIMARY KEY,
  grant_id text NOT NULL,
  secret_hash bytea NOT NULL,
  scopes text NOT NULL,
  created_at bigint NOT NULL,
  expires_at bigint NOT NULL,
  rotated_at bigint, -- its first use; kept until it expires, so that reuse is seen
  rotated_by text -- token_id of the refresh token that its latest use gave
);
CREATE INDEX refresh_tokens_by_expiry ON refresh_tokens (expires_at);

-- Uses of sealed, single-use things: login nonces and pending authorization requests.
CREATE TABLE spent (
  spent_id text PRIMARY KEY,
  spent_by text NOT NULL, -- the attempt that was first
  expires_at bigint NOT NULL
);
CREATE INDEX spent_by_expiry ON spent (expires_at);
