-- name: app_insert
-- No row when the name is taken.
INSERT INTO apps (app_id, client_id, user_id, name, name_key, description, redirect_uris, homepage_url, logo_url,
  active, public, refresh_token_lifetime_days, allowed_scopes, token_endpoint_auth_method, secret_hash,
  created_at, updated_at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, TRUE, ?10, ?11, ?12, ?13, ?14, ?15, ?15)
ON CONFLICT DO NOTHING
RETURNING app_id

-- name: app_by_client_id
SELECT a.app_id, a.client_id, a.user_id, a.name, a.description, a.redirect_uris, a.homepage_url, a.logo_url,
  a.active, a.public, a.refresh_token_lifetime_days, a.allowed_scopes, a.token_endpoint_auth_method, a.secret_hash,
  a.created_at, a.updated_at, u.username AS owner_username
FROM apps a JOIN users u ON u.user_id = a.user_id
WHERE a.client_id = ?1

-- name: app_by_id
SELECT a.app_id, a.client_id, a.user_id, a.name, a.description, a.redirect_uris, a.homepage_url, a.logo_url,
  a.active, a.public, a.refresh_token_lifetime_days, a.allowed_scopes, a.token_endpoint_auth_method, a.secret_hash,
  a.created_at, a.updated_at, u.username AS owner_username
FROM apps a JOIN users u ON u.user_id = a.user_id
WHERE a.app_id = ?1

-- name: app_list
SELECT a.app_id, a.client_id, a.user_id, a.name, a.description, a.redirect_uris, a.homepage_url, a.logo_url,
  a.active, a.public, a.refresh_token_lifetime_days, a.allowed_scopes, a.token_endpoint_auth_method, a.secret_hash,
  a.created_at, a.updated_at, u.username AS owner_username
FROM apps a JOIN users u ON u.user_id = a.user_id
ORDER BY a.created_at, a.app_id
