-- Three that write one row; their first twelve parameters are the same. A batch that is run again writes none twice, and
-- gives the same rows.

-- name: audit_insert
-- Of what has no batch of its own.
INSERT INTO audit (audit_id, at_ms, expires_at, kind, request_id, user_id, username, app_id, address, policy_version,
  detail, decisions)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
ON CONFLICT (audit_id) DO NOTHING

-- name: audit_insert_of_issued
-- In a batch that issues the access token ?13, if it did.
INSERT INTO audit (audit_id, at_ms, expires_at, kind, request_id, user_id, username, app_id, address, policy_version,
  detail, decisions)
SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12
WHERE EXISTS (SELECT 1 FROM access_tokens WHERE token_id = ?13)
ON CONFLICT (audit_id) DO UPDATE SET audit_id = excluded.audit_id
RETURNING audit_id

-- name: audit_insert_proven
-- In a batch that makes a change: behind the statement that makes a thing, before the one that ends it. ?13: what is
-- there if so (AUDIT_PROOFS in registry/audit.h), ?14 and ?15: its key. A lock has two who end it agree on who did. An app
-- that has no look of its own has not got the name.
INSERT INTO audit (audit_id, at_ms, expires_at, kind, request_id, user_id, username, app_id, address, policy_version,
  detail, decisions)
SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12
WHERE CASE CAST(?13 AS text)
  WHEN 'token' THEN EXISTS (SELECT 1 FROM access_tokens WHERE token_id = ?14 AND revoked_at IS NULL
-- postgresql:
    FOR UPDATE
-- both:
  )
  WHEN 'grant' THEN EXISTS (SELECT 1 FROM grants WHERE grant_id = ?14)
  WHEN 'family' THEN EXISTS (SELECT 1 FROM grants WHERE grant_id = ?14 AND revoked_by = ?1)
  WHEN 'authorization' THEN EXISTS (SELECT 1 FROM authorizations WHERE user_id = ?14 AND app_id = ?15 AND revoked_at IS NULL
-- postgresql:
    FOR UPDATE
-- both:
  )
  WHEN 'api_key' THEN EXISTS (SELECT 1 FROM api_keys WHERE key_id = ?14 AND (?15 = '' OR user_id = ?15)
-- postgresql:
    FOR UPDATE
-- both:
  )
  WHEN 'session' THEN EXISTS (SELECT 1 FROM sessions WHERE session_id = ?14
-- postgresql:
    FOR UPDATE
-- both:
  )
  WHEN 'sessions' THEN EXISTS (SELECT 1 FROM sessions WHERE user_id = ?14
-- postgresql:
    FOR UPDATE
-- both:
  )
  WHEN 'user' THEN EXISTS (SELECT 1 FROM users WHERE user_id = ?14
-- postgresql:
    FOR UPDATE
-- both:
  )
  WHEN 'passkey' THEN EXISTS (SELECT 1 FROM passkeys WHERE passkey_id = ?14 AND user_id = ?15
-- postgresql:
    FOR UPDATE
-- both:
  )
  WHEN 'passkey_made' THEN EXISTS (SELECT 1 FROM passkeys WHERE passkey_id = ?14 AND used_by = ?15)
  WHEN 'app' THEN EXISTS (SELECT 1 FROM apps WHERE app_id = ?14 AND user_id = ?15
-- postgresql:
    FOR UPDATE
-- both:
  )
  WHEN 'app_named' THEN EXISTS (SELECT 1 FROM apps WHERE app_id = ?14 AND name_key = ?15 AND look <> '')
  WHEN 'share' THEN EXISTS (SELECT 1 FROM app_shares WHERE app_id = ?14 AND user_id = ?15
-- postgresql:
    FOR UPDATE
-- both:
  )
  WHEN 'share_made' THEN EXISTS (SELECT 1 FROM app_shares WHERE app_id = ?14 AND user_id = ?15 AND made_by = ?1)
END OR EXISTS (SELECT 1 FROM audit WHERE audit_id = ?1)
ON CONFLICT (audit_id) DO UPDATE SET audit_id = excluded.audit_id
RETURNING audit_id

-- name: audit_of_request
SELECT audit_id, at_ms, kind, request_id, user_id, username, app_id, address, policy_version, detail, decisions
FROM audit WHERE request_id = ?1 ORDER BY at_ms, audit_id

-- name: audit_since
-- ?1: at_ms, ?2: audit_id of the last one seen.
SELECT audit_id, at_ms, kind, request_id, user_id, username, app_id, address, policy_version, detail, decisions
FROM audit WHERE at_ms > ?1 OR (at_ms = ?1 AND audit_id > ?2) ORDER BY at_ms, audit_id LIMIT ?3

-- name: sweep_audit
DELETE FROM audit WHERE audit_id IN (SELECT audit_id FROM audit WHERE expires_at < ?1 LIMIT ?2
-- postgresql:
  FOR UPDATE SKIP LOCKED
-- both:
)
RETURNING audit_id
