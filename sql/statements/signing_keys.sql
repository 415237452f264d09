-- name: signing_key_list
SELECT key_id, alg, generation, public_jwk, private_key, created_at, active_from, needed_until
FROM signing_keys ORDER BY alg, generation

-- name: signing_key_insert
-- No row when another server has made this generation.
INSERT INTO signing_keys (key_id, alg, generation, public_jwk, private_key, created_at, active_from, needed_until)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7)
ON CONFLICT DO NOTHING
RETURNING key_id

-- name: signing_key_need
-- Before a token that expires before ?2 leaves.
UPDATE signing_keys SET needed_until = ?2 WHERE key_id = ?1 AND needed_until < ?2

-- name: signing_key_delete_all
DELETE FROM signing_keys

-- name: signing_key_retire
-- Those that have a successor which has signed since before ?2, and whose last token has expired.
DELETE FROM signing_keys WHERE needed_until < ?1 AND EXISTS (SELECT 1 FROM signing_keys n
  WHERE n.alg = signing_keys.alg AND n.generation > signing_keys.generation AND n.active_from < ?2)
RETURNING key_id
