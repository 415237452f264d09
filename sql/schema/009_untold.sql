-- What was committed, but told to nobody (see "The law of batches" in sql/README.md): the ids by which rows say who did
-- it (spent_by, redeemed_by, rotated_by, decided_by, used_by).
CREATE TABLE untold (
  work_id text PRIMARY KEY,
  expires_at bigint NOT NULL
);
CREATE INDEX untold_by_expiry ON untold (expires_at);

ALTER TABLE refresh_tokens ADD COLUMN used_by text; -- like rotated_by, of the last use in the grace
ALTER TABLE device_codes ADD COLUMN decided_by text;
ALTER TABLE logout_deliveries ADD COLUMN taken_by text; -- the attempt that is under way
CREATE INDEX logout_deliveries_by_taker ON logout_deliveries (taken_by) WHERE taken_by IS NOT NULL;
ALTER TABLE passkeys ADD COLUMN used_by text; -- the request that used it last
