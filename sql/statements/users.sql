-- name: user_insert
-- No row when the name, the hotkey or the fingerprint is taken.
INSERT INTO users (user_id, username, username_key, hotkey, hotkey_key, fingerprint_hash, roles, created_at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
ON CONFLICT DO NOTHING
RETURNING user_id

-- name: user_by_id
SELECT user_id, username, hotkey, roles, created_at FROM users WHERE user_id = ?1

-- name: user_by_name
SELECT user_id, username, hotkey, roles, created_at FROM users WHERE username_key = ?1

-- name: user_by_hotkey
SELECT user_id, username, hotkey, roles, created_at FROM users WHERE hotkey_key = ?1

-- name: user_by_fingerprint
SELECT user_id, username, hotkey, roles, created_at FROM users WHERE fingerprint_hash = ?1

-- name: user_list
SELECT user_id, username, hotkey, roles, created_at FROM users ORDER BY created_at, user_id

-- name: user_count
SELECT count(*) AS users FROM users

-- name: user_delete
DELETE FROM users WHERE user_id = ?1 RETURNING user_id

-- name: user_delete_keys
DELETE FROM api_keys WHERE user_id = ?1

-- name: user_delete_sessions
DELETE FROM sessions WHERE user_id = ?1

-- name: user_delete_authorizations
-- What the user granted, and what others granted to the user's apps.
DELETE FROM authorizations
WHERE user_id = ?1 OR app_id IN (SELECT app_id FROM apps WHERE user_id = ?1)

-- name: user_delete_apps
DELETE FROM apps WHERE user_id = ?1
