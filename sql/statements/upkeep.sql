-- What registry/upkeep.h looks through, a page behind the key ?1 at a time, and puts right. Each question sees one snapshot,
-- so that what is under way looks right in it; what is wrong is looked at again under the locks of those who change it.

-- name: upkeep_apps
-- ?3: users of more than this are not counted here.
SELECT app_id AS id, user_count, (SELECT count(*) FROM (SELECT 1 FROM authorizations z
  WHERE z.app_id = page.app_id AND z.revoked_at IS NULL LIMIT ?3) counted) AS users
FROM (SELECT app_id, user_count FROM apps WHERE app_id > ?1 ORDER BY app_id LIMIT ?2) page
ORDER BY app_id

-- name: upkeep_authorizations
SELECT z.authorization_id AS id, z.app_id, (a.app_id IS NULL OR u.user_id IS NULL) AS is_left,
  z.is_counted <> (z.revoked_at IS NULL) AS is_miscounted
FROM (SELECT authorization_id, app_id, user_id, revoked_at, is_counted FROM authorizations
  WHERE authorization_id > ?1 ORDER BY authorization_id LIMIT ?2) z
LEFT JOIN apps a ON a.app_id = z.app_id LEFT JOIN users u ON u.user_id = z.user_id
ORDER BY z.authorization_id

-- name: upkeep_app_shares
-- Of ?2 apps.
SELECT page.app_id AS id, EXISTS (SELECT 1 FROM app_shares s
  LEFT JOIN apps a ON a.app_id = s.app_id LEFT JOIN users u ON u.user_id = s.user_id
  WHERE s.app_id = page.app_id AND (a.app_id IS NULL OR u.user_id IS NULL)) AS is_left
FROM (SELECT DISTINCT app_id FROM app_shares WHERE app_id > ?1 ORDER BY app_id LIMIT ?2) page
ORDER BY page.app_id

-- name: upkeep_api_keys
SELECT k.key_id AS id, u.user_id IS NULL AS is_left
FROM (SELECT key_id, user_id FROM api_keys WHERE key_id > ?1 ORDER BY key_id LIMIT ?2) k
LEFT JOIN users u ON u.user_id = k.user_id
ORDER BY k.key_id

-- name: upkeep_passkeys
SELECT k.passkey_id AS id, u.user_id IS NULL AS is_left
FROM (SELECT passkey_id, user_id FROM passkeys WHERE passkey_id > ?1 ORDER BY passkey_id LIMIT ?2) k
LEFT JOIN users u ON u.user_id = k.user_id
ORDER BY k.passkey_id

-- name: upkeep_app_counts
SELECT kind, apps, (SELECT count(*) FROM apps a WHERE a.active = TRUE AND a.public = (c.kind = 'listed')) AS counted
FROM app_counts c

-- Nothing comes back under an id, so these need no lock.

-- name: leftover_authorization_delete
DELETE FROM authorizations WHERE authorization_id = ?1
  AND (NOT EXISTS (SELECT 1 FROM apps a WHERE a.app_id = authorizations.app_id)
    OR NOT EXISTS (SELECT 1 FROM users u WHERE u.user_id = authorizations.user_id))
RETURNING authorization_id

-- name: leftover_app_shares_delete
DELETE FROM app_shares WHERE app_id = ?1
  AND (NOT EXISTS (SELECT 1 FROM apps a WHERE a.app_id = app_shares.app_id)
    OR NOT EXISTS (SELECT 1 FROM users u WHERE u.user_id = app_shares.user_id))
RETURNING app_id

-- name: leftover_api_key_delete
DELETE FROM api_keys WHERE key_id = ?1 AND NOT EXISTS (SELECT 1 FROM users u WHERE u.user_id = api_keys.user_id)
RETURNING key_id

-- name: leftover_passkey_delete
DELETE FROM passkeys WHERE passkey_id = ?1 AND NOT EXISTS (SELECT 1 FROM users u WHERE u.user_id = passkeys.user_id)
RETURNING passkey_id

-- name: user_count_mend
-- Behind app_lock_alone.
UPDATE apps SET user_count = (SELECT count(*) FROM authorizations z WHERE z.app_id = ?1 AND z.revoked_at IS NULL)
WHERE app_id = ?1
  AND user_count <> (SELECT count(*) FROM authorizations z WHERE z.app_id = ?1 AND z.revoked_at IS NULL)
RETURNING user_count

-- name: authorizations_counted_mend
UPDATE authorizations SET is_counted = (revoked_at IS NULL)
WHERE app_id = ?1 AND is_counted <> (revoked_at IS NULL)
RETURNING authorization_id

-- name: app_counts_mend
-- Behind app_counts_lock.
UPDATE app_counts
SET apps = (SELECT count(*) FROM apps a WHERE a.active = TRUE AND a.public = (app_counts.kind = 'listed'))
WHERE apps <> (SELECT count(*) FROM apps a WHERE a.active = TRUE AND a.public = (app_counts.kind = 'listed'))
RETURNING kind, apps
