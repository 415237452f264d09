-- name: authorization_of
SELECT authorization_id, scopes, version, created_at, updated_at, revoked_at
FROM authorizations WHERE user_id = ?1 AND app_id = ?2

-- name: authorization_lock
-- For what is between user ?1 and app ?2: neither goes meanwhile. No row: one is gone.
SELECT u.user_id FROM users u, apps a WHERE u.user_id = ?1 AND a.app_id = ?2
-- postgresql:
FOR KEY SHARE
-- both:

-- name: authorization_approve
-- ?4: all scopes that are granted from now on. ?6, ?7: the pending request that this approves, spent
-- by this grant. One that was revoked is made anew, under the new id. Behind authorization_lock; no row when the app is
-- gone, or the user, whose sessions are then gone (spend_in_session).
INSERT INTO authorizations (authorization_id, user_id, app_id, scopes, version, created_at, updated_at, is_counted)
SELECT ?1, ?2, ?3, ?4, 1, ?5, ?5, FALSE
WHERE EXISTS (SELECT 1 FROM spent WHERE spent_id = ?6 AND spent_by = ?7)
  AND EXISTS (SELECT 1 FROM apps WHERE app_id = ?3)
ON CONFLICT (user_id, app_id) DO UPDATE
SET scopes = excluded.scopes, updated_at = excluded.updated_at, revoked_at = NULL,
  authorization_id = CASE WHEN authorizations.revoked_at IS NULL THEN authorizations.authorization_id
    ELSE excluded.authorization_id END
RETURNING authorization_id

-- name: authorization_list
-- In force, of user ?1.
SELECT z.authorization_id, z.app_id, z.scopes, z.created_at, a.name AS app_name, a.description AS app_description,
  a.logo_url AS app_logo_url
FROM authorizations z JOIN apps a ON a.app_id = z.app_id
WHERE z.user_id = ?1 AND z.revoked_at IS NULL
ORDER BY z.created_at DESC, z.authorization_id DESC LIMIT ?2 OFFSET ?3

-- name: authorization_count
SELECT count(*) AS total FROM authorizations z JOIN apps a ON a.app_id = z.app_id
WHERE z.user_id = ?1 AND z.revoked_at IS NULL

-- name: authorization_revoke
UPDATE authorizations SET revoked_at = ?3, version = version + 1
WHERE user_id = ?1 AND app_id = ?2 AND revoked_at IS NULL
RETURNING authorization_id

-- name: authorization_counted
-- app_count_user has just counted it.
UPDATE authorizations SET is_counted = (revoked_at IS NULL)
WHERE user_id = ?1 AND app_id = ?2 AND is_counted <> (revoked_at IS NULL)

-- name: authorization_access_tokens
-- That may still be in a cache.
SELECT t.token_id FROM authorizations z
JOIN grants g ON g.authorization_id = z.authorization_id
JOIN access_tokens t ON t.grant_id = g.grant_id
WHERE z.user_id = ?1 AND z.app_id = ?2 AND t.expires_at > ?3

-- name: grant_insert
-- For a pending request that was spent (?12) by this grant.
INSERT INTO grants (grant_id, authorization_id, authorization_version, user_id, app_id, scopes, redirect_uri,
  code_challenge, nonce, auth_time, auth_method, session_id, created_at, expires_at, resources, claims, dpop_jkt)
SELECT ?1, z.authorization_id, z.version, z.user_id, z.app_id, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?13, ?14, ?15, ?16
FROM authorizations z
WHERE z.user_id = ?2 AND z.app_id = ?3 AND z.revoked_at IS NULL
  AND EXISTS (SELECT 1 FROM spent WHERE spent_id = ?12 AND spent_by = ?1)
ON CONFLICT (grant_id) DO UPDATE SET created_at = grants.created_at
RETURNING grant_id

-- name: grant_find
-- A grant that may still be redeemed or was (which is said when somebody was told of it), with all that the token
-- policies ask for.
SELECT g.grant_id, g.scopes, g.redirect_uri, g.code_challenge, g.nonce, g.auth_time, g.auth_method, g.session_id,
  CASE WHEN EXISTS (SELECT 1 FROM untold WHERE work_id = g.redeemed_by) THEN NULL ELSE g.redeemed_at END AS redeemed_at,
  g.revoked_at, g.created_at, g.resources, g.claims, g.dpop_jkt,
  u.user_id, u.username, u.hotkey, u.roles, u.created_at AS user_created_at,
  z.scopes AS authorized_scopes, z.created_at AS authorized_at, z.updated_at AS authorization_updated_at
FROM grants g
JOIN users u ON u.user_id = g.user_id
JOIN authorizations z ON z.authorization_id = g.authorization_id
WHERE g.grant_id = ?1 AND g.app_id = ?2
  AND z.revoked_at IS NULL AND z.version = g.authorization_version

-- name: grant_redeem
-- ?3: the access token that this redemption makes; it is good only if it got the row. ?7, ?8: a
-- redemption between these times may come again (a device's; a code's never). The condition is a scalar, for
-- PostgreSQL would make a join of EXISTS and, where users are few, read every grant of theirs to find this one.
UPDATE grants SET redeemed_at = ?2, redeemed_by = ?3, proof = ?4, expires_at = ?5, dpop_jkt = ?6
WHERE grant_id = ?1 AND revoked_at IS NULL AND expires_at > ?2
  AND (redeemed_at IS NULL OR redeemed_by = ?3 OR (redeemed_at > ?7 AND redeemed_at <= ?8)
    OR EXISTS (SELECT 1 FROM untold WHERE work_id = grants.redeemed_by))
  AND (SELECT a.active FROM authorizations z JOIN apps a ON a.app_id = z.app_id JOIN users u ON u.user_id = z.user_id
    WHERE z.authorization_id = grants.authorization_id AND z.version = grants.authorization_version
      AND z.revoked_at IS NULL)
RETURNING grant_id

-- name: grant_insert_client
-- Of a client for itself (RFC 6749 §4.4): no user, no code; redeemed as it is made. No row when the app is gone or off.
INSERT INTO grants (grant_id, authorization_id, authorization_version, user_id, app_id, scopes, redirect_uri,
  auth_time, auth_method, session_id, created_at, redeemed_at, redeemed_by, proof, expires_at, resources)
SELECT ?1, '', 0, '', ?2, ?3, '', ?4, 'client', '', ?4, ?4, ?5, 'secret', ?6, ?7
WHERE EXISTS (SELECT 1 FROM apps WHERE app_id = ?2 AND active)
ON CONFLICT (grant_id) DO UPDATE SET created_at = grants.created_at
RETURNING grant_id

-- name: grant_insert_exchanged
-- From the token ?8 of another grant (RFC 8693): under the same authorization, so that what ends that ends this.
INSERT INTO grants (grant_id, authorization_id, authorization_version, user_id, app_id, scopes, redirect_uri,
  auth_time, auth_method, session_id, created_at, redeemed_at, redeemed_by, proof, expires_at, resources, actor)
SELECT ?1, g.authorization_id, g.authorization_version, g.user_id, ?2, ?3, '', g.auth_time, g.auth_method,
  g.session_id, ?4, ?4, ?5, 'secret', ?6, ?7, ?9
FROM access_tokens t JOIN grants g ON g.grant_id = t.grant_id
WHERE t.token_id = ?8 AND t.revoked_at IS NULL AND g.revoked_at IS NULL
  AND EXISTS (SELECT 1 FROM apps WHERE app_id = ?2 AND active)
ON CONFLICT (grant_id) DO UPDATE SET created_at = grants.created_at
RETURNING grant_id

-- name: grant_extend
-- The family lives as long as its last refresh token.
UPDATE grants SET expires_at = ?2 WHERE grant_id = ?1 AND expires_at < ?2

-- name: grant_revoke
-- ?3: the audit record that tells of it.
UPDATE grants SET revoked_at = ?2, revoked_by = ?3 WHERE grant_id = ?1 AND revoked_at IS NULL RETURNING grant_id

-- name: grant_revoke_replayed
-- Because the code comes again: unless nobody was told of the redemption that counts.
UPDATE grants SET revoked_at = ?2, revoked_by = ?3
WHERE grant_id = ?1 AND revoked_at IS NULL AND NOT EXISTS (SELECT 1 FROM untold WHERE work_id = grants.redeemed_by)
RETURNING grant_id

-- name: grant_revoke_reused
-- Because its refresh token ?4 comes again: unless nobody was told of what replaced it, first and last.
UPDATE grants SET revoked_at = ?2, revoked_by = ?3
WHERE grant_id = ?1 AND revoked_at IS NULL AND NOT EXISTS (SELECT 1 FROM refresh_tokens r
  JOIN untold u ON u.work_id = r.rotated_by JOIN untold v ON v.work_id = r.used_by WHERE r.token_id = ?4)
RETURNING grant_id

-- name: grant_state
SELECT revoked_at FROM grants WHERE grant_id = ?1

-- name: grant_access_tokens
SELECT token_id FROM access_tokens WHERE grant_id = ?1 AND expires_at > ?2

-- name: sweep_grants
DELETE FROM grants WHERE grant_id IN (SELECT grant_id FROM grants WHERE expires_at < ?1 LIMIT ?2
-- postgresql:
  FOR UPDATE SKIP LOCKED
-- both:
)
RETURNING grant_id
