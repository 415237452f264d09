-- name: user_insert
-- No row when the name, the hotkey or the fingerprint is taken, or the name looks like one that is.
INSERT INTO users (user_id, username, username_key, hotkey, hotkey_key, fingerprint_hash, roles, created_at, look)
SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9
WHERE NOT EXISTS (SELECT 1 FROM users WHERE user_id <> ?1
  AND (look = ?9 OR username_key = ?3 OR hotkey_key = ?5 OR fingerprint_hash = ?6))
ON CONFLICT (user_id) DO UPDATE SET created_at = users.created_at
RETURNING user_id

-- name: user_by_id
SELECT user_id, username, hotkey, roles, created_at FROM users WHERE user_id = ?1

-- name: user_by_name
-- In its normal form (?2), or as somebody wrote it (?1): older releases stored that.
SELECT user_id, username, hotkey, roles, created_at FROM users WHERE username_key = ?1 OR username_key = ?2
ORDER BY CASE WHEN username_key = ?1 THEN 0 ELSE 1 END

-- name: user_by_hotkey
SELECT user_id, username, hotkey, roles, created_at,
  (SELECT count(*) FROM passkeys p WHERE p.user_id = u.user_id) AS passkeys
FROM users u WHERE hotkey_key = ?1

-- name: user_by_fingerprint
SELECT user_id, username, hotkey, roles, created_at,
  (SELECT count(*) FROM passkeys p WHERE p.user_id = u.user_id) AS passkeys
FROM users u WHERE fingerprint_hash = ?1

-- name: user_lock
-- Whoever counts what user ?1 has, or gives the user something, comes one at a time. No row: the user is gone.
SELECT user_id FROM users WHERE user_id = ?1
-- postgresql:
FOR NO KEY UPDATE
-- both:

-- name: user_lock_alone
-- Whoever deletes the user waits for all that has begun to give the user something, which then waits too.
SELECT user_id FROM users WHERE user_id = ?1
-- postgresql:
FOR UPDATE
-- both:

-- name: user_lock_apps
-- Those that the user owns or has allowed something.
SELECT app_id FROM apps
WHERE app_id IN (SELECT app_id FROM apps WHERE user_id = ?1 UNION SELECT app_id FROM authorizations WHERE user_id = ?1)
ORDER BY app_id
-- postgresql:
FOR UPDATE
-- both:

-- name: user_list
SELECT user_id, username, hotkey, roles, created_at FROM users ORDER BY created_at, user_id

-- name: user_count
SELECT count(*) AS users FROM users

-- name: user_update
-- ?2, ?3: the hotkey and its public key, or NULL; ?4: roles. ?5: bits of what changes, 1 hotkey, 2 roles.
UPDATE users SET
  hotkey = CASE WHEN (?5 & 1) <> 0 THEN ?2 ELSE hotkey END,
  hotkey_key = CASE WHEN (?5 & 1) <> 0 THEN ?3 ELSE hotkey_key END,
  roles = CASE WHEN (?5 & 2) <> 0 THEN ?4 ELSE roles END
WHERE user_id = ?1
  AND ((?5 & 1) = 0 OR NOT EXISTS (SELECT 1 FROM users o WHERE o.hotkey_key = ?3 AND o.user_id <> ?1))
RETURNING user_id

-- name: user_set_fingerprint
UPDATE users SET fingerprint_hash = ?2 WHERE user_id = ?1 RETURNING user_id

-- name: user_tokens_end
-- Every grant of the user's is dead by its joins, as with authorization_revoke; what was allowed stays.
UPDATE authorizations SET version = version + 1 WHERE user_id = ?1 AND revoked_at IS NULL RETURNING authorization_id

-- name: user_credential_count
SELECT (SELECT count(*) FROM api_keys WHERE user_id = ?1) AS api_keys,
  (SELECT count(*) FROM passkeys WHERE user_id = ?1) AS passkeys

-- A user goes with all that hangs on the account, in this order.

-- name: user_delete_counts
UPDATE app_counts SET apps = apps
  - (SELECT count(*) FROM apps WHERE user_id = ?1 AND active AND public = (kind = 'listed'))

-- name: user_delete_search
-- sqlite:
DELETE FROM app_search WHERE rowid IN
-- postgresql:
DELETE FROM app_search WHERE number IN
-- both:
  (SELECT number FROM apps WHERE user_id = ?1)

-- name: user_delete_shares
DELETE FROM app_shares
WHERE user_id = ?1 OR app_id IN (SELECT app_id FROM apps WHERE user_id = ?1)

-- name: user_delete_uses
UPDATE apps SET user_count = user_count - 1
WHERE app_id IN (SELECT app_id FROM authorizations WHERE user_id = ?1 AND is_counted)

-- name: user_delete_authorizations
-- What the user granted, and what others granted to the user's apps.
DELETE FROM authorizations
WHERE user_id = ?1 OR app_id IN (SELECT app_id FROM apps WHERE user_id = ?1)

-- name: user_delete_device_codes
DELETE FROM device_codes WHERE app_id IN (SELECT app_id FROM apps WHERE user_id = ?1)

-- name: user_delete_session_apps
-- Of the user's apps; those of the user's sessions are told first (logout_queue_all).
DELETE FROM session_apps WHERE app_id IN (SELECT app_id FROM apps WHERE user_id = ?1)

-- name: user_delete_apps
DELETE FROM apps WHERE user_id = ?1

-- name: user_delete_keys
DELETE FROM api_keys WHERE user_id = ?1

-- name: user_delete_passkeys
DELETE FROM passkeys WHERE user_id = ?1

-- name: user_delete_sessions
DELETE FROM sessions WHERE user_id = ?1

-- name: user_delete
DELETE FROM users WHERE user_id = ?1 RETURNING user_id
