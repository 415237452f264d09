-- Passkeys (WebAuthn credentials) of users.
CREATE TABLE passkeys (
  passkey_id text PRIMARY KEY, -- the credential's id, base64url
  user_id text NOT NULL,
  name text NOT NULL,
  public_key bytea NOT NULL, -- SubjectPublicKeyInfo, DER
  sign_count bigint NOT NULL, -- the last that its authenticator said; 0: it does not count
  created_at bigint NOT NULL,
  used_at bigint -- to sign in with, last
);
CREATE INDEX passkeys_of_user ON passkeys (user_id, created_at);
