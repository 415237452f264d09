-- name: api_key_insert
-- Behind user_lock. No row when the user has ?6 already, or is gone.
INSERT INTO api_keys (key_id, user_id, secret_hash, created_at, name)
SELECT ?1, ?2, ?3, ?4, ?5
WHERE (SELECT count(*) FROM api_keys WHERE user_id = ?2 AND key_id <> ?1) < ?6
  AND EXISTS (SELECT 1 FROM users WHERE user_id = ?2)
ON CONFLICT (key_id) DO UPDATE SET name = api_keys.name
RETURNING key_id

-- name: api_key_find
SELECT k.secret_hash, u.user_id, u.username, u.hotkey, u.roles, u.created_at
FROM api_keys k JOIN users u ON u.user_id = k.user_id
WHERE k.key_id = ?1

-- name: api_key_list
SELECT key_id, name, created_at FROM api_keys WHERE user_id = ?1 ORDER BY created_at, key_id

-- name: api_key_delete
-- Of user ?2; of anybody when that is ''.
DELETE FROM api_keys WHERE key_id = ?1 AND (?2 = '' OR user_id = ?2) RETURNING key_id
