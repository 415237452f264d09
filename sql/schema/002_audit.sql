-- What happened, with the policies' decisions that led to it. Rows go when they expire.
CREATE TABLE audit (
  audit_id text PRIMARY KEY, -- begins with time
  at_ms bigint NOT NULL,
  expires_at bigint NOT NULL,
  kind text NOT NULL, -- 'sign_in' | 'consent' | 'token' | 'revocation' | 'refusal' | 'app'
  request_id text NOT NULL,
  user_id text,
  username text, -- as it was
  app_id text,
  address text,
  policy_version text NOT NULL,
  detail text,
  decisions text NOT NULL -- JSON: [{ function, facts, outcome, us }]
);
CREATE INDEX audit_of_request ON audit (request_id);
CREATE INDEX audit_by_time ON audit (at_ms);
CREATE INDEX audit_by_expiry ON audit (expires_at);
