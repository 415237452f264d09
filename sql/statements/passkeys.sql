-- name: passkey_insert
-- Behind user_lock. No row when it is somebody's already, or when the user has ?7, or is gone. ?8: the
-- request, by whose id it finds itself again.
INSERT INTO passkeys (passkey_id, user_id, name, public_key, sign_count, created_at, used_by, is_synced)
SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?8, ?9
WHERE (SELECT count(*) FROM passkeys WHERE user_id = ?2 AND passkey_id <> ?1) < ?7
  AND EXISTS (SELECT 1 FROM users WHERE user_id = ?2)
ON CONFLICT (passkey_id) DO UPDATE SET used_by = excluded.used_by
WHERE passkeys.user_id = excluded.user_id AND (passkeys.used_by = excluded.used_by
  OR EXISTS (SELECT 1 FROM untold WHERE work_id = passkeys.used_by))
RETURNING passkey_id

-- name: passkey_find
SELECT p.passkey_id, p.public_key, p.sign_count, p.is_synced, u.user_id, u.username, u.hotkey, u.roles, u.created_at
FROM passkeys p JOIN users u ON u.user_id = p.user_id
WHERE p.passkey_id = ?1

-- name: passkey_list
SELECT passkey_id, name, created_at, used_at FROM passkeys WHERE user_id = ?1 ORDER BY created_at, passkey_id

-- name: passkey_use
-- No row when the count did not go up: there may be a second one of it (WebAuthn §6.1.1). ?4: the request; ?5: it may.
UPDATE passkeys SET sign_count = ?2, used_at = ?3, used_by = ?4
WHERE passkey_id = ?1 AND (?5 OR sign_count < ?2 OR (sign_count = 0 AND ?2 = 0) OR (sign_count = ?2
  AND (used_by = ?4 OR EXISTS (SELECT 1 FROM untold WHERE work_id = passkeys.used_by))))
RETURNING passkey_id

-- name: passkey_delete
DELETE FROM passkeys WHERE passkey_id = ?1 AND user_id = ?2 RETURNING passkey_id
