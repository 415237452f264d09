-- name: access_token_insert_redeemed
-- With the redemption of a code.
INSERT INTO access_tokens (token_id, grant_id, secret_hash, scopes, created_at, expires_at, dpop_jkt, audience)
SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8
WHERE EXISTS (SELECT 1 FROM grants WHERE grant_id = ?2 AND redeemed_by = ?1)
ON CONFLICT (token_id) DO NOTHING

-- name: refresh_token_insert_redeemed
-- ?7: the access token of the same redemption.
INSERT INTO refresh_tokens (token_id, grant_id, secret_hash, scopes, created_at, expires_at)
SELECT ?1, ?2, ?3, ?4, ?5, ?6
WHERE EXISTS (SELECT 1 FROM grants WHERE grant_id = ?2 AND redeemed_by = ?7)
ON CONFLICT (token_id) DO NOTHING

-- name: refresh_token_rotate
-- ?3: the refresh token that replaces it. ?4: uses after this time are within the reuse grace. The condition is a
-- scalar for the reason that grant_redeem gives.
UPDATE refresh_tokens SET used_by = ?3,
  rotated_at = CASE WHEN rotated_at IS NULL OR EXISTS (SELECT 1 FROM untold WHERE work_id = refresh_tokens.rotated_by)
    THEN ?2 ELSE rotated_at END,
  rotated_by = CASE WHEN rotated_at IS NULL OR EXISTS (SELECT 1 FROM untold WHERE work_id = refresh_tokens.rotated_by)
    THEN ?3 ELSE rotated_by END
WHERE token_id = ?1 AND expires_at > ?2
  AND (rotated_at IS NULL OR rotated_at > ?4 OR used_by = ?3
    OR (EXISTS (SELECT 1 FROM untold WHERE work_id = refresh_tokens.rotated_by)
      AND EXISTS (SELECT 1 FROM untold WHERE work_id = refresh_tokens.used_by)))
  AND (SELECT a.active FROM grants g JOIN authorizations z ON z.authorization_id = g.authorization_id
    JOIN apps a ON a.app_id = g.app_id JOIN users u ON u.user_id = g.user_id
    WHERE g.grant_id = refresh_tokens.grant_id AND g.revoked_at IS NULL
      AND z.version = g.authorization_version AND z.revoked_at IS NULL)
RETURNING token_id

-- name: access_token_insert_rotated
-- ?7, ?8: the refresh token that was used, and the one that replaced it.
INSERT INTO access_tokens (token_id, grant_id, secret_hash, scopes, created_at, expires_at, dpop_jkt, audience)
SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?9, ?10
WHERE EXISTS (SELECT 1 FROM refresh_tokens WHERE token_id = ?7 AND used_by = ?8)
ON CONFLICT (token_id) DO NOTHING

-- name: refresh_token_insert_rotated
-- ?7: the refresh token that was used.
INSERT INTO refresh_tokens (token_id, grant_id, secret_hash, scopes, created_at, expires_at)
SELECT ?1, ?2, ?3, ?4, ?5, ?6
WHERE EXISTS (SELECT 1 FROM refresh_tokens WHERE token_id = ?7 AND used_by = ?1)
ON CONFLICT (token_id) DO NOTHING

-- name: access_token_find
-- Only one that is good, but for its expiry. That of a client for itself has no user and hangs on no authorization.
SELECT t.secret_hash, t.expires_at, t.created_at, t.token_id, g.grant_id, a.app_id, a.client_id, t.scopes,
  u.user_id, u.username, u.hotkey, u.roles, u.created_at AS user_created_at, g.auth_method, g.auth_time,
  t.dpop_jkt, t.audience, g.claims, g.actor
FROM access_tokens t
JOIN grants g ON g.grant_id = t.grant_id
JOIN apps a ON a.app_id = g.app_id
LEFT JOIN authorizations z ON z.authorization_id = g.authorization_id
LEFT JOIN users u ON u.user_id = g.user_id
WHERE t.token_id = ?1 AND t.revoked_at IS NULL AND g.revoked_at IS NULL AND a.active
  AND (g.user_id = '' OR (u.user_id IS NOT NULL AND z.version = g.authorization_version))

-- name: refresh_token_find
-- One of a family that is alive; it may be rotated already, which is said when somebody was told of it.
SELECT t.token_id, t.secret_hash, t.scopes, t.created_at, t.expires_at,
  CASE WHEN EXISTS (SELECT 1 FROM untold WHERE work_id = t.rotated_by)
    AND EXISTS (SELECT 1 FROM untold WHERE work_id = t.used_by) THEN NULL ELSE t.rotated_at END AS rotated_at,
  g.grant_id, g.scopes AS grant_scopes, g.proof, g.auth_time, g.auth_method, g.session_id, g.resources, g.claims,
  g.dpop_jkt,
  a.app_id, a.client_id,
  u.user_id, u.username, u.hotkey, u.roles, u.created_at AS user_created_at,
  z.scopes AS authorized_scopes, z.created_at AS authorized_at, z.updated_at AS authorization_updated_at
FROM refresh_tokens t
JOIN grants g ON g.grant_id = t.grant_id
JOIN authorizations z ON z.authorization_id = g.authorization_id
JOIN apps a ON a.app_id = g.app_id
JOIN users u ON u.user_id = g.user_id
WHERE t.token_id = ?1 AND g.revoked_at IS NULL
  AND z.version = g.authorization_version AND z.revoked_at IS NULL AND a.active

-- name: access_token_revoke
UPDATE access_tokens SET revoked_at = ?2 WHERE token_id = ?1 AND revoked_at IS NULL

-- name: sweep_access_tokens
DELETE FROM access_tokens WHERE token_id IN (SELECT token_id FROM access_tokens WHERE expires_at < ?1 LIMIT ?2
-- postgresql:
  FOR UPDATE SKIP LOCKED
-- both:
)
RETURNING token_id

-- name: sweep_refresh_tokens
DELETE FROM refresh_tokens WHERE token_id IN (SELECT token_id FROM refresh_tokens WHERE expires_at < ?1 LIMIT ?2
-- postgresql:
  FOR UPDATE SKIP LOCKED
-- both:
)
RETURNING token_id
