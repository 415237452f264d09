-- name: api_key_insert
INSERT INTO api_keys (key_id, user_id, secret_hash, created_at) VALUES (?1, ?2, ?3, ?4)

-- name: api_key_find
SELECT k.secret_hash, u.user_id, u.username, u.hotkey, u.roles, u.created_at
FROM api_keys k JOIN users u ON u.user_id = k.user_id
WHERE k.key_id = ?1

-- name: api_key_list
SELECT key_id, created_at FROM api_keys WHERE user_id = ?1 ORDER BY created_at, key_id

-- name: api_key_delete
DELETE FROM api_keys WHERE key_id = ?1 RETURNING key_id
