-- name: app_insert
-- Behind user_lock of the owner. No row when the name is taken, or looks like one that is, when the owner has ?27 apps, or
-- is gone.
INSERT INTO apps (app_id, client_id, user_id, name, name_key, description, redirect_uris, homepage_url, logo_url,
  active, public, refresh_token_lifetime_days, allowed_scopes, token_endpoint_auth_method, secret_hash,
  created_at, updated_at, number, user_count, grant_types, id_token_signed_response_alg, jwks, jwks_uri,
  post_logout_redirect_uris, backchannel_logout_uri, dpop_bound_access_tokens, require_pushed_authorization_requests,
  registration_hash, look)
SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, TRUE, ?10, ?11, ?12, ?13, ?14, ?15, ?15, ?16, 0,
  ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26
WHERE NOT EXISTS (SELECT 1 FROM apps WHERE app_id <> ?1 AND (look = ?26 OR name_key = ?5 OR client_id = ?2))
  AND (SELECT count(*) FROM apps WHERE user_id = ?3 AND app_id <> ?1) < ?27
  AND EXISTS (SELECT 1 FROM users WHERE user_id = ?3)
ON CONFLICT (app_id) DO UPDATE SET created_at = apps.created_at
RETURNING app_id

-- name: app_by_client_id
SELECT a.app_id, a.client_id, a.user_id, a.name, a.description, a.redirect_uris, a.homepage_url, a.logo_url,
  a.active, a.public, a.refresh_token_lifetime_days, a.allowed_scopes, a.token_endpoint_auth_method, a.secret_hash,
  a.created_at, a.updated_at, u.username AS owner_username, a.user_count,
  (SELECT count(*) FROM app_shares c WHERE c.app_id = a.app_id) AS share_count,
  a.grant_types, a.id_token_signed_response_alg, a.jwks, a.jwks_uri, a.post_logout_redirect_uris,
  a.backchannel_logout_uri, a.dpop_bound_access_tokens, a.require_pushed_authorization_requests, a.registration_hash,
  a.jwks_fetched, a.jwks_fetched_at
FROM apps a JOIN users u ON u.user_id = a.user_id
WHERE a.client_id = ?1

-- name: app_by_id
SELECT a.app_id, a.client_id, a.user_id, a.name, a.description, a.redirect_uris, a.homepage_url, a.logo_url,
  a.active, a.public, a.refresh_token_lifetime_days, a.allowed_scopes, a.token_endpoint_auth_method, a.secret_hash,
  a.created_at, a.updated_at, u.username AS owner_username, a.user_count,
  (SELECT count(*) FROM app_shares c WHERE c.app_id = a.app_id) AS share_count,
  a.grant_types, a.id_token_signed_response_alg, a.jwks, a.jwks_uri, a.post_logout_redirect_uris,
  a.backchannel_logout_uri, a.dpop_bound_access_tokens, a.require_pushed_authorization_requests, a.registration_hash,
  a.jwks_fetched, a.jwks_fetched_at
FROM apps a JOIN users u ON u.user_id = a.user_id
WHERE a.app_id = ?1

-- name: app_names_taken
-- By another app than ?3.
SELECT EXISTS (SELECT 1 FROM apps WHERE name_key = ?1 AND app_id <> ?3) AS is_taken,
  EXISTS (SELECT 1 FROM apps WHERE look = ?2 AND app_id <> ?3) AS looks_taken

-- name: app_list
SELECT a.app_id, a.client_id, a.user_id, a.name, a.description, a.redirect_uris, a.homepage_url, a.logo_url,
  a.active, a.public, a.refresh_token_lifetime_days, a.allowed_scopes, a.token_endpoint_auth_method, a.secret_hash,
  a.created_at, a.updated_at, u.username AS owner_username, a.user_count,
  (SELECT count(*) FROM app_shares c WHERE c.app_id = a.app_id) AS share_count
FROM apps a JOIN users u ON u.user_id = a.user_id
ORDER BY a.number

-- name: app_update
-- Of its owner (?2), the columns whose bit is set in ?14; the bits are enum app_column's. No row when it is not
-- theirs, or the new name is taken, or has another look (?24) than the old one and looks like one that is.
UPDATE apps SET
  name = CASE WHEN (?14 & 1) <> 0 THEN ?3 ELSE name END,
  name_key = CASE WHEN (?14 & 1) <> 0 THEN ?4 ELSE name_key END,
  look = CASE WHEN (?14 & 1) <> 0 THEN ?24 ELSE look END,
  look_twin = CASE WHEN (?14 & 1) <> 0 AND COALESCE(look, '') <> ?24 THEN '' ELSE look_twin END,
  description = CASE WHEN (?14 & 2) <> 0 THEN ?5 ELSE description END,
  redirect_uris = CASE WHEN (?14 & 4) <> 0 THEN ?6 ELSE redirect_uris END,
  homepage_url = CASE WHEN (?14 & 8) <> 0 THEN ?7 ELSE homepage_url END,
  logo_url = CASE WHEN (?14 & 16) <> 0 THEN ?8 ELSE logo_url END,
  public = CASE WHEN (?14 & 32) <> 0 THEN ?9 ELSE public END,
  refresh_token_lifetime_days = CASE WHEN (?14 & 64) <> 0 THEN ?10 ELSE refresh_token_lifetime_days END,
  allowed_scopes = CASE WHEN (?14 & 128) <> 0 THEN ?11 ELSE allowed_scopes END,
  token_endpoint_auth_method = CASE WHEN (?14 & 256) <> 0 THEN ?12 ELSE token_endpoint_auth_method END,
  active = CASE WHEN (?14 & 512) <> 0 THEN ?13 ELSE active END,
  grant_types = CASE WHEN (?14 & 1024) <> 0 THEN ?16 ELSE grant_types END,
  id_token_signed_response_alg = CASE WHEN (?14 & 2048) <> 0 THEN ?17 ELSE id_token_signed_response_alg END,
  jwks = CASE WHEN (?14 & 4096) <> 0 THEN ?18 ELSE jwks END,
  jwks_uri = CASE WHEN (?14 & 8192) <> 0 THEN ?19 ELSE jwks_uri END,
  jwks_fetched = CASE WHEN (?14 & 8192) <> 0 THEN NULL ELSE jwks_fetched END,
  post_logout_redirect_uris = CASE WHEN (?14 & 16384) <> 0 THEN ?20 ELSE post_logout_redirect_uris END,
  backchannel_logout_uri = CASE WHEN (?14 & 32768) <> 0 THEN ?21 ELSE backchannel_logout_uri END,
  dpop_bound_access_tokens = CASE WHEN (?14 & 65536) <> 0 THEN ?22 ELSE dpop_bound_access_tokens END,
  require_pushed_authorization_requests =
    CASE WHEN (?14 & 131072) <> 0 THEN ?23 ELSE require_pushed_authorization_requests END,
  updated_at = ?15
WHERE app_id = ?1 AND user_id = ?2
  AND ((?14 & 1) = 0 OR NOT EXISTS (SELECT 1 FROM apps o WHERE o.name_key = ?4 AND o.app_id <> ?1))
  AND ((?14 & 1) = 0 OR COALESCE(look, '') = ?24 OR NOT EXISTS (SELECT 1 FROM apps o WHERE o.look = ?24))
RETURNING app_id

-- name: app_set_fetched_jwks
-- Of the jwks_uri ?2, unless it has changed meanwhile.
UPDATE apps SET jwks_fetched = ?3, jwks_fetched_at = ?4 WHERE app_id = ?1 AND jwks_uri = ?2

-- name: app_set_secret
UPDATE apps SET secret_hash = ?3, updated_at = ?4 WHERE app_id = ?1 AND user_id = ?2 RETURNING app_id

-- Locks (README.md, "One order of locks"): each is the first that its batch says of its kind, and what follows looks again.

-- name: app_lock
-- Whoever counts what app ?1 has, or gives it something, comes one at a time. No row: it is gone.
SELECT app_id FROM apps WHERE app_id = ?1
-- postgresql:
FOR NO KEY UPDATE
-- both:

-- name: app_lock_alone
-- Who deletes or recounts it waits for all that has begun to give it something (authorization_lock), which then waits too.
SELECT app_id FROM apps WHERE app_id = ?1
-- postgresql:
FOR UPDATE
-- both:

-- name: app_counts_lock
-- Of a batch that makes or deletes apps, or changes whether they are active or public: one at a time.
SELECT kind FROM app_counts ORDER BY kind
-- postgresql:
FOR UPDATE
-- both:

-- name: app_counts_add
-- Behind app_counts_lock: ?2 is -1 before a change of app ?1, and 1 after it: so the counts hold whatever the change did,
-- and however often the batch runs.
UPDATE app_counts SET apps = apps + ?2
WHERE kind = (SELECT CASE WHEN public THEN 'listed' ELSE 'unlisted' END FROM apps WHERE app_id = ?1 AND active)

-- name: app_delete
DELETE FROM apps WHERE app_id = ?1 AND user_id = ?2 RETURNING app_id

-- name: app_delete_authorizations
-- Before app_delete, of an app of that owner (?2).
DELETE FROM authorizations WHERE app_id = (SELECT app_id FROM apps WHERE app_id = ?1 AND user_id = ?2)

-- name: app_delete_shares
DELETE FROM app_shares WHERE app_id = (SELECT app_id FROM apps WHERE app_id = ?1 AND user_id = ?2)

-- name: app_delete_device_codes
DELETE FROM device_codes WHERE app_id = (SELECT app_id FROM apps WHERE app_id = ?1 AND user_id = ?2)

-- name: app_delete_session_apps
DELETE FROM session_apps WHERE app_id = (SELECT app_id FROM apps WHERE app_id = ?1 AND user_id = ?2)

-- name: app_count_user
-- Behind an approval or a revocation of user ?2, and before authorization_counted: one more or one less, when the count
-- does not know of it yet.
UPDATE apps SET user_count = user_count + (SELECT CASE WHEN revoked_at IS NULL THEN 1 ELSE -1 END
  FROM authorizations WHERE user_id = ?2 AND app_id = ?1)
WHERE app_id = ?1 AND EXISTS (SELECT 1 FROM authorizations
  WHERE user_id = ?2 AND app_id = ?1 AND is_counted <> (revoked_at IS NULL))

-- name: app_own_list
-- The newest first, switched off or not.
SELECT app_id, name, description, active, public, user_count FROM apps
WHERE user_id = ?1 ORDER BY number DESC LIMIT ?2 OFFSET ?3

-- name: app_own_count
SELECT count(*) AS total FROM apps WHERE user_id = ?1
